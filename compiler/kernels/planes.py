"""Numbers in kernels of linear algebra: real ones, or complex ones as two planes, scalars or vectors alike.

A number is a tuple of one or two SSA names, the real and the imaginary part. Code that is written with `Field` serves
f32, f64, c64 and c128. Real scalars that steer an algorithm (norms, shifts, rotations) are always f64: they cost
little, cannot overflow where the data are f32, and round nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from axil.compiler.kernels.text import Builder, Index

Number = tuple[str, ...]
"""The parts of a value."""


@dataclass(frozen=True)
class Real:
    """Arithmetic of one type: `dtype` scalars, or vectors of `lanes` of them."""

    b: Builder
    dtype: str
    lanes: int | None = None

    @property
    def type(self) -> str:
        """The SSA type."""
        return self.dtype if self.lanes is None else f"vector<{self.lanes}x{self.dtype}>"

    def constant(self, value: float) -> str:
        """A constant, in all lanes."""
        literal = _literal(value, self.dtype)
        return self.b.op(f"arith.constant {literal if self.lanes is None else f'dense<{literal}>'} : {self.type}")

    def splat(self, scalar: str) -> str:
        """A scalar in all lanes."""
        if self.lanes is None:
            return scalar
        return self.b.op(f"vector.broadcast {scalar} : {self.dtype} to {self.type}")

    def _binary(self, op: str, x: str, y: str) -> str:
        # `contract` lets a product and a sum become one fused operation where the CPU has it.
        return self.b.op(f"arith.{op} {x}, {y} fastmath<contract> : {self.type}")

    def add(self, x: str, y: str) -> str:
        """x + y."""
        return self._binary("addf", x, y)

    def sub(self, x: str, y: str) -> str:
        """x - y."""
        return self._binary("subf", x, y)

    def mul(self, x: str, y: str) -> str:
        """x * y."""
        return self._binary("mulf", x, y)

    def div(self, x: str, y: str) -> str:
        """x / y."""
        return self._binary("divf", x, y)

    def max(self, x: str, y: str) -> str:
        """The larger one; NaN wins."""
        return self._binary("maximumf", x, y)

    def min(self, x: str, y: str) -> str:
        """The smaller one; NaN wins."""
        return self._binary("minimumf", x, y)

    def neg(self, x: str) -> str:
        """-x."""
        return self.b.op(f"arith.negf {x} : {self.type}")

    def abs(self, x: str) -> str:
        """|x|."""
        return self.b.op(f"math.absf {x} : {self.type}")

    def sqrt(self, x: str) -> str:
        """The square root."""
        return self.b.op(f"math.sqrt {x} : {self.type}")

    def copysign(self, size: str, sign: str) -> str:
        """The size of one number with the sign of another."""
        return self.b.op(f"math.copysign {size}, {sign} : {self.type}")

    def compare(self, predicate: str, x: str, y: str) -> str:
        """A comparison such as "olt"; those that start with o are false of NaN."""
        return self.b.op(f"arith.cmpf {predicate}, {x}, {y} : {self.type}")

    def select(self, condition: str, x: str, y: str) -> str:
        """`condition ? x : y` by a scalar condition."""
        return self.b.op(f"arith.select {condition}, {x}, {y} : {self.type}")

    def sum(self, vector: str) -> str:
        """The sum of the lanes."""
        if self.lanes is None:
            return vector
        return self.b.op(f"vector.reduction <add>, {vector} fastmath<reassoc> : {self.type} into {self.dtype}")

    def convert(self, x: str, dtype: str) -> str:
        """The number in another type."""
        if dtype == self.dtype:
            return x
        op = "extf" if dtype == "f64" else "truncf"
        return self.b.op(f"arith.{op} {x} : {self.type} to {Real(self.b, dtype, self.lanes).type}")


def _literal(value: float, dtype: str) -> str:
    if value != value:
        return {"f32": "0x7FC00000", "f64": "0x7FF8000000000000"}[dtype]
    if value == float("inf"):
        return {"f32": "0x7F800000", "f64": "0x7FF0000000000000"}[dtype]
    return repr(float(value)) if "e" not in repr(float(value)) else f"{float(value):.17e}"


@dataclass(frozen=True)
class Field:
    """Arithmetic of numbers with one part (real) or two (complex), scalars or vectors."""

    real: Real
    parts: int

    def scalars(self) -> Field:
        """The same numbers one at a time."""
        return Field(Real(self.real.b, self.real.dtype), self.parts)

    def vectors(self, lanes: int) -> Field:
        """The same numbers, many at a time."""
        return Field(Real(self.real.b, self.real.dtype, lanes), self.parts)

    @property
    def types(self) -> list[str]:
        """The SSA types of the parts."""
        return [self.real.type] * self.parts

    def constant(self, value: float) -> Number:
        """A real constant."""
        return (self.real.constant(value), *[self.real.constant(0.0)] * (self.parts - 1))

    def splat(self, x: Number) -> Number:
        """A scalar in all lanes."""
        return tuple(self.real.splat(p) for p in x)

    def add(self, x: Number, y: Number) -> Number:
        """x + y."""
        return tuple(map(self.real.add, x, y))

    def sub(self, x: Number, y: Number) -> Number:
        """x - y."""
        return tuple(map(self.real.sub, x, y))

    def neg(self, x: Number) -> Number:
        """-x."""
        return tuple(self.real.neg(p) for p in x)

    def conj(self, x: Number) -> Number:
        """The complex conjugate."""
        return x if self.parts == 1 else (x[0], self.real.neg(x[1]))

    def scale(self, x: Number, by: str) -> Number:
        """x times a real number."""
        return tuple(self.real.mul(p, by) for p in x)

    def mul(self, x: Number, y: Number) -> Number:
        """x * y."""
        if self.parts == 1:
            return (self.real.mul(x[0], y[0]),)
        (a, b), (c, d), r = x, y, self.real
        return r.sub(r.mul(a, c), r.mul(b, d)), r.add(r.mul(a, d), r.mul(b, c))

    def add_product(self, total: Number, x: Number, y: Number, conjugate: bool = False) -> Number:
        """total + x * y, or total + conj(x) * y."""
        r = self.real
        if self.parts == 1:
            return (r.add(total[0], r.mul(x[0], y[0])),)
        (a, b), (c, d) = x, y
        re, im = r.add(total[0], r.mul(a, c)), r.add(total[1], r.mul(a, d))
        with_b = (r.add, r.sub) if conjugate else (r.sub, r.add)
        return with_b[0](re, r.mul(b, d)), with_b[1](im, r.mul(b, c))

    def sub_product(self, total: Number, x: Number, y: Number, conjugate: bool = False) -> Number:
        """total - x * y, or total - x * conj(y)."""
        r = self.real
        if self.parts == 1:
            return (r.sub(total[0], r.mul(x[0], y[0])),)
        (a, b), (c, d) = x, y
        re, im = r.sub(total[0], r.mul(a, c)), r.sub(total[1], r.mul(b, c))
        with_d = (r.sub, r.add) if conjugate else (r.add, r.sub)
        return with_d[0](re, r.mul(b, d)), with_d[1](im, r.mul(a, d))

    def select(self, condition: str, x: Number, y: Number) -> Number:
        """`condition ? x : y` by a scalar condition."""
        return tuple(self.real.select(condition, p, q) for p, q in zip(x, y))

    def sum(self, x: Number) -> Number:
        """The sum of the lanes."""
        return tuple(self.real.sum(p) for p in x)

    def convert(self, x: Number, dtype: str) -> Number:
        """The number in another type."""
        return tuple(self.real.convert(p, dtype) for p in x)


@dataclass(frozen=True)
class Array:
    """Numbers in memory from `start` on: a buffer for each part, all of one memref type."""

    b: Builder
    buffers: tuple[str, ...]
    type: str
    dtype: str
    start: Index = Index()

    def at(self, start: Index | str | int) -> Array:
        """The array from a position on."""
        moved = Index.of(self.b.index(self.start + start))
        return Array(self.b, self.buffers, self.type, self.dtype, moved)

    def load(self, at: Index | str | int, lanes: int | None = None) -> Number:
        """The number at a position, or a vector of those from it on."""
        place = self.b.index(self.start + at)
        if lanes is None:
            return tuple(self.b.op(f"memref.load {name}[{place}] : {self.type}") for name in self.buffers)
        vector = f"vector<{lanes}x{self.dtype}>"
        return tuple(self.b.op(f"vector.load {name}[{place}] : {self.type}, {vector}") for name in self.buffers)

    def store(self, value: Number, at: Index | str | int, lanes: int | None = None) -> None:
        """Writes a number, or a vector."""
        place = self.b.index(self.start + at)
        for part, name in zip(value, self.buffers, strict=True):
            if lanes is None:
                self.b.line(f"memref.store {part}, {name}[{place}] : {self.type}")
            else:
                self.b.line(f"vector.store {part}, {name}[{place}] : {self.type}, vector<{lanes}x{self.dtype}>")

    def part(self, which: int) -> Array:
        """One part, as real numbers."""
        return Array(self.b, (self.buffers[which],), self.type, self.dtype, self.start)


# ---- control -------------------------------------------------------------------------------------------


def count(b: Builder, low: Any, high: Any, body: Callable[[str], None], step: Any = 1) -> None:
    """Runs `body` for each index of a range."""

    def one(i: str, _: list[str]) -> list[str]:
        body(i)
        return []

    b.loop((low, high, step), one)


def repeat(
    b: Builder,
    carry: Sequence[tuple[str, str]],
    condition: Callable[[list[str]], str],
    body: Callable[[list[str]], Sequence[str]],
) -> list[str]:
    """An `scf.while`: `carry` has (initial value, type); `body` gives the next values."""
    types = [t for _, t in carry]
    before, after, result = [b.name() for _ in carry], [b.name() for _ in carry], b.name()
    starts = ", ".join(f"{n} = {v}" for n, (v, _) in zip(before, carry))
    listed = ", ".join(types)
    b.line(f"{result}:{len(types)} = scf.while ({starts}) : ({listed}) -> ({listed}) {{")
    b.line(f"scf.condition({condition(before)}) {', '.join(before)} : {listed}")
    b.line("} do {")
    b.line(f"^bb0({', '.join(f'{n}: {t}' for n, t in zip(after, types))}):")
    b.line(f"scf.yield {', '.join(body(after))} : {listed}")
    b.line("}")
    return [f"{result}#{i}" for i in range(len(types))]


def when(b: Builder, condition: str, body: Callable[[], None]) -> None:
    """Runs `body` if a condition holds."""
    with b.block(f"scf.if {condition}"):
        body()


def choose(
    b: Builder, condition: str, types: Sequence[str], then: Callable[[], Sequence[str]],
    otherwise: Callable[[], Sequence[str]],
) -> list[str]:  # fmt: skip
    """An `scf.if` with results."""
    result, listed = b.name(), ", ".join(types)
    b.line(f"{result}:{len(types)} = scf.if {condition} -> ({listed}) {{")
    b.line(f"scf.yield {', '.join(then())} : {listed}")
    b.line("} else {")
    b.line(f"scf.yield {', '.join(otherwise())} : {listed}")
    b.line("}")
    return [f"{result}#{i}" for i in range(len(types))]


def as_index(b: Builder, x: str) -> str:
    """An i32 as an index."""
    return b.op(f"arith.index_cast {x} : i32 to index")


def as_i32(b: Builder, x: str) -> str:
    """An index as an i32."""
    return b.op(f"arith.index_cast {x} : index to i32")


def ilogic(b: Builder, op: str, x: str, y: str) -> str:
    """`andi` or `ori` of conditions."""
    return b.binary(f"arith.{op}", x, y, "i1")


def icompare(b: Builder, predicate: str, x: Any, y: Any) -> str:
    """A comparison of indices, such as "slt"."""
    return b.binary(f"arith.cmpi {predicate},", b.index(x), b.index(y))
