"""Cholesky factorisation in one dispatch: the upper factor `u = l^H`, by panels of rows.

Rows of the upper factor run along memory, so that all work but square roots is on vectors. For each panel of rows:
its square block is factored row by row, the rest of the panel is solved for, and its product with itself is taken from
the rows below (Golub and Van Loan, Matrix Computations, 4.2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axil.compiler.kernels.batched import Batched, batch_of, distance, fitting_lanes, planes_of, rounded
from axil.compiler.kernels.kernel import Declined, Kernel
from axil.compiler.kernels.matrix import Matrix, clear, solve_rows, subtract_product
from axil.compiler.kernels.text import Index

STRIP = 16
"""Columns that are transposed together: a cache line of f32."""


def cholesky(values: Sequence[Any], results: Any = None, *, platform: str = "cpu") -> Kernel | Declined:
    """A kernel of one real matrix operand (..., n, n), or of two that are the planes of a complex one.

    It gives as many results: the lower triangular factor of the matrix of which the operand holds the lower triangle.
    """
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    n = tensors[0].shape[-1]
    dtype, planes = tensors[0].dtype, len(tensors)
    k = Batched("cholesky", dtype, planes, tensors, list(tensors), batch_of(tensors[0]), n**3 / 6 + n * n)
    lanes = fitting_lanes(dtype, planes, n)
    wide = rounded(n, lanes)
    factor, inverse = k.space("factor", wide, distance(wide)), k.space("inverse", wide, 1)

    def one(index: str) -> None:
        x, y = k.operand("in", 0, index, n, n), k.operand("out", 0, index, n, n)
        _Factor(k, factor, inverse, n, wide, lanes).run(x, y)

    return k.kernel(one)


class _Factor:
    """The code for one matrix. `factor` is `wide` square, of which n x n are the matrix and the rest an identity."""

    def __init__(self, k: Batched, factor: Matrix, inverse: Matrix, n: int, wide: int, lanes: int) -> None:
        self.b, self.math = k.b, k.math
        self.factor, self.inverse, self.n, self.wide, self.lanes = factor, inverse, n, wide, lanes

    def run(self, x: Matrix, y: Matrix) -> None:
        """Read the matrix, factor it, write the factor."""
        self.read(x)
        status = self.b.loop((0, self.wide, self.lanes), self.panel, [(self.math.real(0), self.math.dtype)])[0]
        self.write(y, status)

    def read(self, x: Matrix) -> None:
        """The conjugate transpose of the lower triangle, completed by an identity."""
        b, n, wide, lanes = self.b, self.n, self.wide, self.lanes
        if n < wide:
            clear(self.factor, (0, wide), (wide - lanes, wide), lanes)
            one = self.math.constant(1)
            b.loop((n, wide, 1), lambda i, _: (self.factor.store(one, i, i), [])[1])

        self.lower_elements(lambda i, j: self.factor.store(self.math.conj(x.load(i, j)), j, i))

    def lower_elements(self, body: Callable[[str, str], None]) -> None:
        """All elements of the lower triangle, by strips of columns: so both it and its transpose stay cached."""
        b = self.b

        def strip(start: str, _: list[str]) -> list[str]:
            stop = b.index(Index.of(start) + STRIP)

            def row(i: str, _: list[str]) -> list[str]:
                end = b.binary("arith.minui", stop, b.index(Index.of(i) + 1))
                b.loop((start, end, 1), lambda j, _: (body(i, j), [])[1])
                return []

            b.loop((start, self.n, 1), row)
            return []

        b.loop((0, self.n, STRIP), strip)

    def panel(self, k: str, status: list[str]) -> list[str]:
        """Factor the rows from `k` on; the status is NaN once a pivot was not positive."""
        b, wide, lanes = self.b, self.wide, self.lanes
        block = self.factor.part(k, k)
        status = self.block(block, k, status)
        if wide == lanes:
            return status
        after = b.index(Index.of(k) + lanes)
        inverse = self.inverse.part(k, 0)

        def tile(j: str, _: list[str]) -> list[str]:
            solve_rows(block.adjoint(), self.factor.part(k, 0), lanes, j, lanes, inverse)
            return []

        b.loop((after, wide, lanes), tile)
        rows = self.factor.part(k, 0)
        # Only what is right of the diagonal: columns from the vector on that holds it.
        first = lambda i: b.binary("arith.subi", i, b.binary("arith.remui", i, b.index(lanes)))
        subtract_product(self.factor, rows.adjoint(), rows, (after, wide), (after, wide), lanes, lanes, first)
        return status

    def block(self, block: Matrix, k: str, status: list[str]) -> list[str]:
        """Factor a square block of one vector's width, row by row; what is below its diagonal means nothing."""
        b, math, lanes = self.b, self.math, self.lanes
        nan = math.nan()

        def row(j: str, status: list[str]) -> list[str]:
            pivot = block.load(j, j)[0]
            bad = b.binary("arith.cmpf ole,", pivot, math.real(0), math.dtype)
            root = b.op(f"math.sqrt {pivot} : {math.dtype}")
            reciprocal = b.binary("arith.divf", math.real(1), root, math.dtype)
            zeros = (math.real(0),) * (math.planes - 1)
            self.inverse.store((reciprocal, *zeros), Index.of(k) + j)
            current = math.scaled(block.row(j, 0, lanes), math.spread((reciprocal,), lanes)[0], lanes)
            block.store_row(current, j, 0, lanes)
            block.store((root, *zeros), j, j)

            def below(i: str, _: list[str]) -> list[str]:
                factor = math.spread(block.load(j, i), lanes)
                total = math.plus_product(block.row(i, 0, lanes), factor, current, lanes, conj=True, minus=True)
                block.store_row(total, i, 0, lanes)
                return []

            b.loop((b.index(Index.of(j) + 1), lanes, 1), below)
            return [b.select(bad, nan, status[0], math.dtype)]

        return b.loop((0, lanes, 1), row, [(status[0], math.dtype)])

    def write(self, y: Matrix, status: str) -> None:
        """The lower factor, or NaN in its place."""
        b, math = self.b, self.math
        def move(i: str, j: str) -> None:
            x = math.conj(self.factor.load(j, i))
            y.store(tuple(b.binary("arith.addf", p, status, math.dtype) for p in x), i, j)

        self.lower_elements(move)
        zero = math.constant(0)

        def row(i: str, _: list[str]) -> list[str]:
            after = b.index(Index.of(i) + 1)
            b.loop((after, self.n, 1), lambda j, _: (y.store(zero, i, j), [])[1])
            return []

        b.loop((0, self.n, 1), row)
