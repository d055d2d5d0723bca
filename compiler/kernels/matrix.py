"""Strided views of matrices in kernels; products of tiles, and triangular systems.

Vectors run along rows. A matrix that a kernel works on lies in scratch space whose rows are filled up with zeros to
whole vectors, so loops need no remainders; only copies in and out have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from axil.compiler.kernels.arithmetic import Arithmetic, Number
from axil.compiler.kernels.text import Index

At = Index | str | int
"""A place: a constant, an SSA name, or a sum of them."""

ROWS = 4
"""Rows of a tile of a product: with two AVX registers each, their accumulators take half of the registers."""


@dataclass(frozen=True)
class Matrix:
    """A strided view of buffers, one a plane: element (i, j) is at `offset + i * down + j * right`."""

    math: Arithmetic
    buffers: tuple[tuple[str, str], ...]
    """Name and memref type of each plane."""
    down: int
    right: int = 1
    offset: Index = field(default_factory=Index)
    conj: bool = False
    """Whether elements are to be conjugated when they are multiplied."""

    def place(self, i: At, j: At) -> str:
        """The position of an element, as an SSA index."""
        return self.math.b.index(self.offset + Index.of(i) * self.down + Index.of(j) * self.right)

    def load(self, i: At, j: At = 0) -> Number:
        """An element, not conjugated."""
        at = self.place(i, j)
        return tuple(self.math.b.op(f"memref.load {name}[{at}] : {type_}") for name, type_ in self.buffers)

    def store(self, x: Number, i: At, j: At = 0) -> None:
        """Write an element."""
        at = self.place(i, j)
        for p, (name, type_) in zip(x, self.buffers):
            self.math.b.line(f"memref.store {p}, {name}[{at}] : {type_}")

    def row(self, i: At, j: At, lanes: int) -> Number:
        """`lanes` elements of a row."""
        assert self.right == 1
        at, vector = self.place(i, j), self.math.type(lanes)
        return tuple(self.math.b.op(f"vector.load {name}[{at}] : {type_}, {vector}") for name, type_ in self.buffers)

    def store_row(self, x: Number, i: At, j: At, lanes: int) -> None:
        """Write `lanes` elements of a row."""
        assert self.right == 1
        at, vector = self.place(i, j), self.math.type(lanes)
        for p, (name, type_) in zip(x, self.buffers):
            self.math.b.line(f"vector.store {p}, {name}[{at}] : {type_}, {vector}")

    def part(self, i: At, j: At) -> Matrix:
        """The view from element (i, j) on."""
        offset = self.offset + Index.of(i) * self.down + Index.of(j) * self.right
        return replace(self, offset=Index.of(self.math.b.index(offset)))

    def adjoint(self) -> Matrix:
        """The conjugate transpose."""
        return replace(self, down=self.right, right=self.down, conj=not self.conj)

    def transposed(self) -> Matrix:
        """The transpose."""
        return replace(self, down=self.right, right=self.down)


def copy_rows(source: Matrix, target: Matrix, rows: int, columns: int, lanes: int, fill: int = 0) -> None:
    """Copy rows from a matrix without gaps; lanes of the target from `columns` to `fill` become zero."""
    b, math = source.math.b, source.math
    whole, rest = columns - columns % lanes, columns % lanes

    def one(i: str, _: list[str]) -> list[str]:
        def piece(j: str, _: list[str]) -> list[str]:
            target.store_row(source.row(i, j, lanes), i, j, lanes)
            return []

        if whole:
            b.loop((0, whole, lanes), piece)
        if rest:
            x, count = source.row(i, whole, rest), rest
            if fill > columns:
                x, count = widened(math, x, rest, lanes), lanes
            target.store_row(x, i, whole, count)
        return []

    b.loop((0, rows, 1), one)


def widened(math: Arithmetic, x: Number, count: int, lanes: int) -> Number:
    """A short vector, filled up with zeros."""
    zero, order = math.real(0, count), [*range(count), *[count] * (lanes - count)]
    types = f"{math.type(count)}, {math.type(count)}"
    return tuple(math.b.op(f"vector.shuffle {p}, {zero} {order} : {types}") for p in x)


def narrowed(math: Arithmetic, x: Number, lanes: int, count: int) -> Number:
    """The first lanes of a vector."""
    types = f"{math.type(lanes)}, {math.type(lanes)}"
    return tuple(math.b.op(f"vector.shuffle {p}, {p} {list(range(count))} : {types}") for p in x)


def store_rows(source: Matrix, target: Matrix, rows: int, columns: int, lanes: int) -> None:
    """Copy rows to a matrix without gaps, from one whose rows are filled up."""
    b, math = source.math.b, source.math
    whole, rest = columns - columns % lanes, columns % lanes

    def one(i: str, _: list[str]) -> list[str]:
        def piece(j: str, _: list[str]) -> list[str]:
            target.store_row(source.row(i, j, lanes), i, j, lanes)
            return []

        if whole:
            b.loop((0, whole, lanes), piece)
        if rest:
            x = narrowed(math, source.row(i, whole, lanes), lanes, rest)
            target.store_row(x, i, whole, rest)
        return []

    b.loop((0, rows, 1), one)


def clear(target: Matrix, rows: tuple[At, At], columns: tuple[At, At], lanes: int) -> None:
    """Zero rows and whole vectors of columns."""
    b = target.math.b
    zero = target.math.constant(0, lanes)

    def one(i: str, _: list[str]) -> list[str]:
        b.loop((*columns, lanes), lambda j, _: (target.store_row(zero, i, j, lanes), [])[1])
        return []

    b.loop((*rows, 1), one)


# ---- products and triangular systems ---------------------------------------------------------------------


def tile_product(
    totals: Sequence[Number], a: Matrix, x: Matrix, i: At, j: At, depth: tuple[At, At], lanes: int,
    minus: bool = False, unroll: int = 4,
) -> list[Number]:  # fmt: skip
    """`totals[r] +- a[i + r, p] * x[p, j : j + lanes]`, summed over p in `depth`, a multiple of `unroll` long."""
    math = a.math
    b = math.b

    def several(p: str, values: list[str]) -> list[str]:
        sums = math.uncarry(values)
        for q in range(unroll):
            at = Index.of(p) + q
            vector = x.row(at, j, lanes)
            for r in range(len(sums)):
                scalar = math.spread(a.load(Index.of(i) + r, at), lanes)
                sums[r] = math.plus_product(sums[r], scalar, vector, lanes, conj=a.conj, minus=minus)
        return math.flat(sums)

    return math.uncarry(b.loop((*depth, unroll), several, math.carry(totals, lanes)))


def subtract_product(
    c: Matrix, a: Matrix, x: Matrix, rows: tuple[At, At], columns: tuple[At, At], depth: int, lanes: int,
    first_column: Callable[[str], At] | None = None,
) -> None:  # fmt: skip
    """`c -= a x` over rows (a multiple of `ROWS`) and columns (of `lanes`); `depth` is a multiple of 4.

    `first_column(row)` says where the columns of a group of rows begin, instead of `columns[0]`.
    """
    b = c.math.b

    def group(i: str, _: list[str]) -> list[str]:
        def tile(j: str, _: list[str]) -> list[str]:
            totals = [c.row(Index.of(i) + r, j, lanes) for r in range(ROWS)]
            totals = tile_product(totals, a, x, i, j, (0, depth), lanes, minus=True)
            for r, total in enumerate(totals):
                c.store_row(total, Index.of(i) + r, j, lanes)
            return []

        start = columns[0] if first_column is None else first_column(i)
        b.loop((start, columns[1], lanes), tile)
        return []

    b.loop((*rows, ROWS), group)


def set_product(c: Matrix, a: Matrix, x: Matrix, rows: int, column: At, depth: tuple[At, At], lanes: int) -> None:
    """`c = a x` for `rows` rows (a multiple of `ROWS`) and one vector of columns of `x`, which `c` begins with."""
    b, math = c.math.b, c.math

    def group(i: str, _: list[str]) -> list[str]:
        totals = tile_product([math.constant(0, lanes)] * ROWS, a, x, i, column, depth, lanes)
        for r, total in enumerate(totals):
            c.store_row(total, Index.of(i) + r, 0, lanes)
        return []

    b.loop((0, rows, ROWS), group)


def solve_rows(
    a: Matrix, x: Matrix, n: int, column: At, lanes: int, inverse: Matrix | None, rows: int = ROWS
) -> None:
    """Solve `tril(a) y = x` for one vector of columns of `x`, in place; `n` equations.

    `inverse` holds the reciprocals of the diagonal; None stands for a diagonal of ones.
    """
    b = a.math.b

    def group(i: At, count: int) -> None:
        totals = [x.row(Index.of(i) + r, column, lanes) for r in range(count)]
        if not (isinstance(i, int) and i == 0):
            totals = tile_product(totals, a, x, i, column, (0, i), lanes, minus=True, unroll=rows)
        for r, total in enumerate(_solve_tile(a, totals, i, lanes, inverse)):
            x.store_row(total, Index.of(i) + r, column, lanes)

    whole = n - n % rows
    if whole:
        b.loop((0, whole, rows), lambda i, _: (group(i, rows), [])[1])
    if whole < n:
        group(whole, n - whole)


def _solve_tile(a: Matrix, totals: list[Number], i: At, lanes: int, inverse: Matrix | None) -> list[Number]:
    """The rows of a tile among themselves."""
    math, solved = a.math, []
    for r, total in enumerate(totals):
        for q, before in enumerate(solved):
            factor = math.spread(a.load(Index.of(i) + r, Index.of(i) + q), lanes)
            total = math.plus_product(total, factor, before, lanes, conj=a.conj, minus=True)
        if inverse is not None:
            factor = math.spread(inverse.load(Index.of(i) + r), lanes)
            total = math.mul(factor, total, lanes, conj=a.conj)
        solved.append(total)
    return solved
