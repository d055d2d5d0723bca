"""Triangular and tridiagonal systems of equations, in one dispatch each.

All eight kinds of triangular system are one, a lower triangular one from the left, of a strided view: transposing
exchanges the strides, and an upper triangle is a lower one backwards. The matrix is read in place; of the right hand
side one vector of columns after the other is copied to where its rows are neighbours, and solved there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from axil.compiler.kernels.batched import WORK, Batched, batch_of, fitting_lanes, lanes_of, planes_of
from axil.compiler.kernels.kernel import Declined, Kernel
from axil.compiler.kernels.matrix import Matrix, copy_rows, solve_rows
from axil.compiler.kernels.text import Index


def triangular_solve(
    values: Sequence[Any], results: Any = None, *, lower: bool, transpose: bool, conjugate: bool, unit: bool,
    platform: str = "cpu",
) -> Kernel | Declined:  # fmt: skip
    """A kernel of matrices (..., n, n) and right hand sides (..., n, p), each one real array or two planes."""
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    planes, dtype = len(tensors) // 2, tensors[0].dtype
    n, p = tensors[-1].shape[-2:]
    batch = batch_of(tensors[0])
    parts = _parts(batch, n, p, lanes_of(dtype, planes))
    k = Batched("triangular", dtype, planes, tensors, tensors[planes:], batch * parts, n * n * p / 2 / parts)
    lanes = fitting_lanes(dtype, planes, p)
    inverse = None if unit else k.space("inverse", n, 1)
    strip = k.space("strip", n, lanes)
    backward = lower == transpose

    def one(index: str) -> None:
        b = k.b
        which = b.binary("arith.divui", index, b.index(parts)) if parts > 1 else index
        a, x = k.operand("in", 0, which, n, n), k.operand("in", planes, which, n, p)
        y = k.operand("out", 0, which, n, p)
        if transpose:
            a = a.transposed()
        a = replace(a, conj=conjugate)
        if backward:
            a, x, y = reversed_rows(a, n, columns=True), reversed_rows(x, n), reversed_rows(y, n)
        if inverse is not None:
            reciprocals(a, inverse, n)
        part = b.binary("arith.remui", index, b.index(parts)) if parts > 1 else None
        _Columns(a, inverse, strip, n, p, lanes).solve(x, y, part, parts)

    return k.kernel(one)


def _parts(batch: int, n: int, p: int, lanes: int) -> int:
    """Into how many groups of columns one system is split, for several cores."""
    return max(1, min(8 // batch, p // (2 * lanes), int(n * n * p / 2 / WORK / 2)))


def reversed_rows(x: Matrix, n: int, columns: bool = False) -> Matrix:
    """The view of `n` rows, and as many columns, backwards."""
    offset = x.offset + (n - 1) * x.down
    if columns:
        return replace(x, offset=offset + (n - 1) * x.right, down=-x.down, right=-x.right)
    return replace(x, offset=offset, down=-x.down)


def reciprocals(a: Matrix, inverse: Matrix, n: int) -> None:
    """The reciprocals of the diagonal."""

    def one(i: str, _: list[str]) -> list[str]:
        inverse.store(a.math.reciprocal(a.load(i, i)), i)
        return []

    a.math.b.loop((0, n, 1), one)


class _Columns:
    """The columns of one system, by vectors of them; the last vector may be shorter."""

    def __init__(self, a: Matrix, inverse: Matrix | None, strip: Matrix, n: int, p: int, lanes: int) -> None:
        self.a, self.inverse, self.strip, self.n, self.p, self.lanes = a, inverse, strip, n, p, lanes
        self.b = a.math.b

    def solve(self, x: Matrix, y: Matrix, part: str | None, parts: int) -> None:
        """Solve for the right hand side `x` into `y`; rows of both are as the system counts them."""
        b, lanes = self.b, self.lanes
        whole, rest = self.p - self.p % lanes, self.p % lanes
        vectors = whole // lanes
        each = -(-vectors // parts) * lanes

        def columns(j: Any, count: int) -> None:
            def read(i: str, _: list[str]) -> list[str]:
                self.strip.store_row(x.row(i, j, count), i, 0, count)
                return []

            def write(i: str, _: list[str]) -> list[str]:
                y.store_row(self.strip.row(i, 0, count), i, j, count)
                return []

            b.loop((0, self.n, 1), read)
            solve_rows(self.a, self.strip, self.n, 0, count, self.inverse)
            b.loop((0, self.n, 1), write)

        if whole:
            first, last = b.index(0), b.index(whole)
            if part is not None:
                first = b.index(Index.of(part) * each)
                last = b.binary("arith.minui", b.index(Index.of(first) + each), last)
            b.loop((first, last, lanes), lambda j, _: (columns(j, lanes), [])[1])
        if rest and part is None:
            columns(whole, rest)
        elif rest:
            with b.block(f"scf.if {b.binary('arith.cmpi eq,', str(part), b.index(parts - 1))}"):
                columns(whole, rest)


# ---- tridiagonal systems -----------------------------------------------------------------------------------


def tridiagonal_solve(
    values: Sequence[Any], results: Any = None, *, perturb: bool, platform: str = "cpu"
) -> Kernel | Declined:
    """A kernel of three diagonals (..., m) and right hand sides (..., m, p), each one real array or two planes."""
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    planes, dtype = len(tensors) // 4, tensors[0].dtype
    m, p = tensors[-1].shape[-2:]
    result = tensors[3 * planes : 4 * planes]
    k = Batched("tridiagonal", dtype, planes, tensors, result, batch_of(tensors[-1]), 8.0 * m * p + 20 * m)
    # Diagonals, a second one above, and room behind the last rows, where nothing is.
    spaces = [k.space(name, m + 2, 1) for name in ("lower", "diagonal", "upper", "fill")]

    def one(index: str) -> None:
        for i, space in enumerate(spaces[:3]):
            copy_rows(k.operand("in", i * planes, index, m, 1), space, m, 1, 1)
        for space in spaces:
            for i in (m, m + 1):
                space.store(k.math.constant(0), i)
        x, y = k.operand("in", 3 * planes, index, m, p), k.operand("out", 0, index, m, p)
        copy_rows(x, y, m, p, fitting_lanes(dtype, planes, p) if p > 1 else 1)
        _Tridiagonal(k, spaces, y, (m, p), perturb).run()

    return k.kernel(one)


class _Tridiagonal:
    """The code for one system: elimination with partial pivoting down the rows, then substitution up."""

    def __init__(self, k: Batched, spaces: list[Matrix], y: Matrix, sizes: tuple[int, int], perturb: bool) -> None:
        self.b, self.math, self.y = k.b, k.math, y
        self.lower, self.diagonal, self.upper, self.fill = spaces
        (self.m, self.p), self.perturb = sizes, perturb

    def run(self) -> None:
        """Solve, in `y`."""
        b, math = self.b, self.math
        t = math.dtype
        self.upper.store(math.constant(0), self.m - 1)
        scale = self.row_size(0)
        zero, false = math.real(0), b.constant("false", "i1")
        carry = [(scale, t), (zero, t)]
        _, largest = b.loop((0, self.m - 1, 1), self.eliminate, carry)
        last = self.m - 1
        largest = b.binary("arith.maximumf", largest, math.size(self.diagonal.load(last)), t)
        self.fill.store(math.constant(0), last)
        if self.perturb:
            self.move_pivots(largest)
            status = zero
        else:
            singular = b.loop((0, self.m, 1), self.singular, [(false, "i1")])[0]
            status = b.select(singular, math.nan(), zero, t)
        self.substitute(status)

    def row_size(self, i: Any) -> str:
        """The size of a row from the diagonal on, by which pivots of nearly singular systems are compared."""
        parts = [self.math.size(x) for x in (self.diagonal.load(i), self.upper.load(i))]
        return self.b.binary("arith.addf", parts[0], parts[1], self.math.dtype)

    def eliminate(self, i: str, state: list[str]) -> list[str]:
        """Take a multiple of row i, or of the one below, whichever has the larger pivot, from the other."""
        b, math = self.b, self.math
        t = math.dtype
        scale, largest = state
        after = b.index(Index.of(i) + 1)
        pivot, below = self.diagonal.load(i), self.lower.load(after)
        sizes = [math.size(pivot), math.size(below)]
        next_scale = scale
        if self.perturb:
            next_scale = self.row_size(after)
            next_scale = b.binary("arith.addf", next_scale, sizes[1], t)
            # Relative sizes, multiplied out.
            sizes = [b.binary("arith.mulf", s, by, t) for s, by in zip(sizes, (next_scale, scale))]
        swap = b.binary("arith.cmpf olt,", sizes[0], sizes[1], t)
        zero, one = math.constant(0), math.constant(1)
        large, small = math.select(swap, below, pivot), math.select(swap, pivot, below)
        nothing = math.is_zero(small)
        factor = math.select(nothing, zero, math.div(small, math.select(nothing, one, large)))
        top, beyond = self.upper.load(i), self.upper.load(after)
        other = self.diagonal.load(after)
        first, second = math.select(swap, other, top), math.select(swap, top, other)
        fill, rest = math.select(swap, beyond, zero), math.select(swap, zero, beyond)
        self.diagonal.store(large, i)
        self.upper.store(first, i)
        self.fill.store(fill, i)
        self.diagonal.store(math.plus_product(second, factor, first, minus=True), after)
        self.upper.store(math.plus_product(rest, factor, fill, minus=True), after)
        for x in (large, first, fill):
            largest = b.binary("arith.maximumf", largest, math.size(x), t)

        def column(j: str, _: list[str]) -> list[str]:
            x, y = self.y.load(i, j), self.y.load(after, j)
            x, y = math.select(swap, y, x), math.select(swap, x, y)
            self.y.store(x, i, j)
            self.y.store(math.plus_product(y, factor, x, minus=True), after, j)
            return []

        b.loop((0, self.p, 1), column)
        if not self.perturb:
            return [scale, largest]
        return [b.select(swap, scale, next_scale, t), largest]

    def singular(self, i: str, found: list[str]) -> list[str]:
        """Whether a pivot is zero."""
        return [self.b.binary("arith.ori", found[0], self.math.is_zero(self.diagonal.load(i)), "i1")]

    def move_pivots(self, largest: str) -> None:
        """Pivots within rounding error of zero are moved away from it."""
        b, math = self.b, self.math
        t = math.dtype
        eps, tiny = {"f32": (2.0**-23, 2.0**-126), "f64": (2.0**-52, 2.0**-1022)}[t]
        least = b.binary("arith.mulf", largest, b.op(f"arith.constant {eps!r} : {t}"), t)
        least = b.binary("arith.maximumf", least, b.op(f"arith.constant {tiny!r} : {t}"), t)

        def one(i: str, _: list[str]) -> list[str]:
            pivot = self.diagonal.load(i)
            small = b.binary("arith.cmpf olt,", math.size(pivot), least, t)
            signed = b.op(f"math.copysign {least}, {pivot[0]} : {t}")
            moved = (signed, *[math.real(0)] * (math.planes - 1))
            self.diagonal.store(math.select(small, moved, pivot), i)
            return []

        b.loop((0, self.m, 1), one)

    def substitute(self, status: str) -> None:
        """From the last row up; the status, zero or NaN, is added."""
        b, math = self.b, self.math

        def row(position: str, _: list[str]) -> list[str]:
            i = b.index(Index(self.m - 1) + Index.of(position) * -1)
            # Behind the last row the coefficients are zero: read any row there.
            last = b.index(self.m - 1)
            after = b.binary("arith.minui", b.index(Index.of(i) + 1), last)
            beyond = b.binary("arith.minui", b.index(Index.of(i) + 2), last)
            has_after = b.binary("arith.cmpi slt,", i, last)
            has_beyond = b.binary("arith.cmpi slt,", b.index(Index.of(i) + 1), last)
            top, fill, pivot = self.upper.load(i), self.fill.load(i), self.diagonal.load(i)

            def column(j: str, _: list[str]) -> list[str]:
                x = self.y.load(i, j)
                x = math.select(has_after, math.plus_product(x, top, self.y.load(after, j), minus=True), x)
                x = math.select(has_beyond, math.plus_product(x, fill, self.y.load(beyond, j), minus=True), x)
                x = math.div(x, pivot)
                self.y.store(tuple(b.binary("arith.addf", p, status, math.dtype) for p in x), i, j)
                return []

            b.loop((0, self.p, 1), column)
            return []

        b.loop((0, self.m, 1), row)
