"""Memory, constants and scratch space of a Fourier transform's kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axil.compiler.kernels.fft_butterflies import Lanes, Pair
from axil.compiler.kernels.kernel import Tensor
from axil.compiler.kernels.text import Builder, Index

TABLE = 2048
"""The n-th roots of unity are a table up to this n; beyond, products of two roots from tables of about sqrt(n)."""


@dataclass(frozen=True)
class Memory:
    """A buffer of complex numbers: interleaved, or the real parts before the imaginary ones, `apart` from them."""

    name: str
    type: str
    start: Index = Index()
    apart: int | None = None

    def moved(self, by: Index | str | int) -> Memory:
        """The same from an element on."""
        return Memory(self.name, self.type, self.start + by, self.apart)


@dataclass
class Storage:
    """Writes the code that moves complex numbers between buffers and registers.

    `b` holds the kernel's code and `top` its constants, which come before it; `group` is the number of the workgroup.
    """

    dtype: str
    literals: list[tuple[Tensor, str]] = field(default_factory=list)
    top: Builder = field(default_factory=Builder)

    def __post_init__(self) -> None:
        self.top._names[0] = 1 << 20  # names apart from those of the kernel's frame
        self.b = Builder(self.top)
        self.group = self.b.op('"stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index')
        self._lanes: dict[int, Lanes] = {}
        self._tables: dict[Any, str] = {}
        self._scratch: dict[str, int] = {}

    def memref(self, size: int) -> str:
        """The type of a buffer."""
        return f"memref<{size}x{self.dtype}>"

    def take(self, name: str, points: int, apart: bool) -> Memory:
        """Scratch space of this workgroup for complex points; the same name gives the same space."""
        self._scratch[name] = max(self._scratch.get(name, 0), -(-2 * points // 64) * 64)
        # The size of the buffer, and of the part of it that belongs to a workgroup, are filled in at the end.
        size = self.b.op(f"arith.constant <{name}> : index")
        start = Index.of(self.b.binary("arith.muli", self.group, size))
        return Memory(name, f"memref<{name}>", start, points if apart else None)

    def lanes(self, count: int) -> Lanes:
        """Arithmetic on vectors of a length."""
        if count not in self._lanes:
            self._lanes[count] = Lanes(self.top, self.b, self.dtype, count)
        return self._lanes[count]

    def finish(self, workgroups: int) -> tuple[str, dict[str, Tensor]]:
        """The code, now that the number of workgroups and the sizes of scratch space are known, and that space."""
        text, spaces = self.b.text(), {}
        for name, size in self._scratch.items():
            spaces[name] = Tensor((size * workgroups,), self.dtype)
            text = text.replace(f"memref<{name}>", self.memref(size * workgroups)).replace(f"<{name}>", str(size))
        return f"{self.top.text()}\n{text}", spaces

    # ---- memory ------------------------------------------------------------------------------------------

    def load(self, m: Memory, at: Index, lanes: int) -> Pair:
        """`lanes` neighbouring points."""
        b = self.b
        if m.apart is not None:
            re = m.start + at
            vector = f"vector<{lanes}x{self.dtype}>"
            return self._load(m, re, vector), self._load(m, re + m.apart, vector)
        both = f"vector<{2 * lanes}x{self.dtype}>"
        loaded = self._load(m, (m.start + at * 2) if isinstance(at, Index) else at, both)
        parts = []
        for first in (0, 1):
            order = ", ".join(str(i) for i in range(first, 2 * lanes, 2))
            parts.append(b.op(f"vector.shuffle {loaded}, {loaded} [{order}] : {both}, {both}"))
        return parts[0], parts[1]

    def _load(self, m: Memory, at: Index, vector: str) -> str:
        return self.b.op(f"vector.load {m.name}[{self.b.index(at)}] : {m.type}, {vector}")

    def store(self, m: Memory, at: Index, value: Pair, lanes: int) -> None:
        """Writes `lanes` neighbouring points."""
        b, vector = self.b, f"vector<{lanes}x{self.dtype}>"
        if m.apart is not None:
            for part, to in zip(value, (m.start + at, m.start + at + m.apart)):
                b.line(f"vector.store {part}, {m.name}[{b.index(to)}] : {m.type}, {vector}")
            return
        order = ", ".join(f"{i}, {lanes + i}" for i in range(lanes))
        both = b.op(f"vector.shuffle {value[0]}, {value[1]} [{order}] : {vector}, {vector}")
        to = b.index(m.start + at * 2)
        b.line(f"vector.store {both}, {m.name}[{to}] : {m.type}, vector<{2 * lanes}x{self.dtype}>")

    def pick(self, m: Memory, at: Index, stride: int, lanes: int) -> Pair:
        """Points that are `stride` apart."""
        scalars = [self.scalar(m, at + stride * i) for i in range(lanes)]
        vector = f"vector<{lanes}x{self.dtype}>"
        parts = []
        for part in range(2):
            names = ", ".join(pair[part] for pair in scalars)
            parts.append(self.b.op(f"vector.from_elements {names} : {vector}"))
        return parts[0], parts[1]

    def place(self, m: Memory, at: Index, stride: int, value: Pair, lanes: int) -> None:
        """Writes points that are `stride` apart."""
        vector = f"vector<{lanes}x{self.dtype}>"
        for i in range(lanes):
            pair = [self.b.op(f"vector.extract {part}[{i}] : {self.dtype} from {vector}") for part in value]
            self.put(m, at + stride * i, (pair[0], pair[1]))

    def _places(self, m: Memory, at: Index) -> tuple[str, str]:
        re = m.start + at if m.apart is not None else m.start + at * 2
        return self.b.index(re), self.b.index(re + (1 if m.apart is None else m.apart))

    def scalar(self, m: Memory, at: Index) -> Pair:
        """One point."""
        re, im = (self.b.op(f"memref.load {m.name}[{i}] : {m.type}") for i in self._places(m, at))
        return re, im

    def put(self, m: Memory, at: Index, value: Pair) -> None:
        """Writes one point."""
        for part, i in zip(value, self._places(m, at)):
            self.b.line(f"memref.store {part}, {m.name}[{i}] : {m.type}")

    # ---- roots of unity ----------------------------------------------------------------------------------

    def table(self, key: Any, values: Callable[[], np.ndarray]) -> Memory:
        """A table of complex constants, real parts first."""
        if key not in self._tables:
            z = np.asarray(values())
            data = np.concatenate([np.real(z), np.imag(z)]).astype(np.float64 if self.dtype == "f64" else np.float32)
            self._tables[key] = f"%literal{len(self.literals)}"
            self.literals.append((Tensor((data.size,), self.dtype), f'dense<"0x{data.tobytes().hex().upper()}">'))
        position = int(self._tables[key].removeprefix("%literal"))
        size = self.literals[position][0].size
        return Memory(self._tables[key], self.memref(size), Index(), size // 2)

    def root(self, n: int, power: Index) -> Pair:
        """exp(-2 pi i power / n), scalars; 0 <= power < n."""
        roots = lambda k: np.exp(-2j * np.pi * k / n)
        if n <= TABLE:
            return self.scalar(self.table(("roots", n), lambda: roots(np.arange(n))), power)
        step = 1 << ((n - 1).bit_length() + 1) // 2
        at = self.b.index(power)
        coarse = self.b.binary("arith.divui", at, self.b.index(step))
        fine = self.b.binary("arith.remui", at, self.b.index(step))
        high = self.scalar(self.table(("high", n), lambda: roots(np.arange(0, n, step))), Index.of(coarse))
        low = self.scalar(self.table(("low", n), lambda: roots(np.arange(step))), Index.of(fine))
        return self.scalar_times(high, low)

    def scalar_times(self, x: Pair, y: Pair) -> Pair:
        """The product of scalars."""
        op = lambda name, a, c: self.b.op(f"arith.{name} {a}, {c} fastmath<contract> : {self.dtype}")
        re = op("subf", op("mulf", x[0], y[0]), op("mulf", x[1], y[1]))
        return re, op("addf", op("mulf", x[0], y[1]), op("mulf", x[1], y[0]))


class Scalars:
    """Arithmetic on scalars."""

    def __init__(self, b: Builder, dtype: str) -> None:
        self.b, self.dtype = b, dtype

    def constant(self, value: float) -> str:
        """A number."""
        return self.b.constant(f"{value:.17e}", self.dtype)

    def __call__(self, name: str, x: str, y: str) -> str:
        return self.b.op(f"arith.{name} {x}, {y} : {self.dtype}")
