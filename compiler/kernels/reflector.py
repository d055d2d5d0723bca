"""The Householder reflector of one column: what kernels of QR factorisations share."""

from __future__ import annotations

from typing import Any

from axil.compiler.kernels.arithmetic import Arithmetic, Number
from axil.compiler.kernels.batched import Batched
from axil.compiler.kernels.matrix import At, Matrix
from axil.compiler.kernels.text import Builder, Index


class Reflector:
    """Code that finds reflectors, with LAPACK's signs: the element that is left of a column is real."""

    def __init__(self, k: Batched) -> None:
        self.b: Builder = k.b
        self.math: Arithmetic = k.math

    def reflector(self, work: Matrix, at: str, rows: int) -> tuple[Number, Number]:
        """The factor of the reflector of column `at`, and by what its vector is scaled; the head is written."""
        b, math = self.b, self.math
        t, zero = math.dtype, math.real(0)
        head = work.load(at, at)
        norm = self.norm(work, at, rows)
        imaginary = head[1:] or (zero,)
        parts = [b.op(f"math.absf {p} : {t}") for p in (norm, *imaginary)]
        nothing = b.binary("arith.cmpf oeq,", b.binary("arith.addf", parts[0], parts[1], t), zero, t)
        length = self.hypot([*head, norm])
        beta = b.op(f"arith.negf {b.op(f'math.copysign {length}, {head[0]} : {t}')} : {t}")
        tau = b.binary("arith.divf", b.binary("arith.subf", beta, head[0], t), beta, t)
        rest = [b.binary("arith.divf", b.op(f"arith.negf {p} : {t}"), beta, t) for p in head[1:]]
        scale = math.reciprocal((b.binary("arith.subf", head[0], beta, t), *head[1:]))
        beta = b.select(nothing, head[0], beta, t)
        work.store((beta, *[zero] * (math.planes - 1)), at, at)
        zeros = math.constant(0)
        return math.select(nothing, zeros, (tau, *rest)), math.select(nothing, zeros, scale)

    def norm(self, work: Matrix, at: str, rows: int) -> str:
        """The length of the column below the diagonal.

        f32 is squared in f64, which has the range for it; f64 is divided by the largest element before.
        """
        b, t = self.b, self.math.dtype
        start = b.index(Index.of(at) + 1)
        if t == "f32":
            wide = lambda p: b.op(f"arith.extf {p} : f32 to f64")
            total = self.squares(work, at, (start, rows), wide)
            return b.op(f"arith.truncf {b.op(f'math.sqrt {total} : f64')} : f64 to f32")

        def larger(i: str, best: list[str]) -> list[str]:
            return [b.binary("arith.maximumf", best[0], self.math.size(work.load(i, at)), t)]

        largest = b.loop((start, rows, 1), larger, [(self.math.real(0), t)])[0]
        unit = b.binary("arith.cmpf oeq,", largest, self.math.real(0), t)
        largest = b.select(unit, self.math.real(1), largest, t)
        inverse = b.binary("arith.divf", self.math.real(1), largest, t)
        total = self.squares(work, at, (start, rows), lambda p: b.binary("arith.mulf", p, inverse, t))
        return b.binary("arith.mulf", b.op(f"math.sqrt {total} : {t}"), largest, t)

    def squares(self, work: Matrix, at: str, rows: tuple[At, At], change: Any) -> str:
        """The sum of squares of f64 numbers that a column is changed to."""
        b = self.b

        def add(i: str, total: list[str]) -> list[str]:
            sums = total[0]
            for p in work.load(i, at):
                x = change(p)
                sums = b.binary("arith.addf", sums, b.binary("arith.mulf", x, x, "f64"), "f64")
            return [sums]

        return b.loop((*rows, 1), add, [(b.constant("0.0", "f64"), "f64")])[0]

    def hypot(self, parts: list[str]) -> str:
        """The length of a short vector, without overflow."""
        b, t = self.b, self.math.dtype
        sizes = [b.op(f"math.absf {p} : {t}") for p in parts]
        largest = sizes[0]
        for size in sizes[1:]:
            largest = b.binary("arith.maximumf", largest, size, t)
        unit = b.binary("arith.cmpf oeq,", largest, self.math.real(0), t)
        largest = b.select(unit, self.math.real(1), largest, t)
        total = self.math.real(0)
        for size in sizes:
            x = b.binary("arith.divf", size, largest, t)
            total = b.binary("arith.addf", total, b.binary("arith.mulf", x, x, t), t)
        return b.binary("arith.mulf", b.op(f"math.sqrt {total} : {t}"), largest, t)
