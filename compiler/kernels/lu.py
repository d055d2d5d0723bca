"""LU factorisation with partial pivoting in one dispatch, by panels of columns; and exchanges as a permutation.

A panel is one vector wide. It is eliminated column by column, whole rows being exchanged at once; then the rows of `u`
beside it are solved for, and the product of the panel with them is taken from the rest (Golub and Van Loan, Matrix
Computations, 3.4). As in LAPACK, a zero pivot is not divided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.kernels.arithmetic import lane_mask
from axil.compiler.kernels.batched import Batched, batch_of, distance, fitting_lanes, planes_of, rounded
from axil.compiler.kernels.kernel import Declined, Kernel, Tensor
from axil.compiler.kernels.matrix import ROWS, Matrix, clear, copy_rows, solve_rows, store_rows, subtract_product
from axil.compiler.kernels.text import Builder, Index


def lu(values: Sequence[Any], results: Any = None, *, platform: str = "cpu") -> Kernel | Declined:
    """A kernel of one real matrix operand (..., m, n), or of two that are the planes of a complex one.

    It gives the packed factors in as many planes, the row exchanges (..., min(m, n)) and the permutation (..., m), i32.
    """
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    *batch, m, n = tensors[0].shape
    steps = min(m, n)
    integers = [Tensor((*batch, steps), "i32"), Tensor((*batch, m), "i32")]
    dtype, planes = tensors[0].dtype, len(tensors)
    k = Batched("lu", dtype, planes, tensors, [*tensors, *integers], batch_of(tensors[0]), m * n * steps / 2 + m * n)
    lanes = fitting_lanes(dtype, planes, n)
    high, wide = max(rounded(m, ROWS), rounded(steps, lanes)), rounded(n, lanes)
    work = k.space("matrix", high, distance(wide))

    def one(index: str) -> None:
        x, y = k.operand("in", 0, index, m, n), k.operand("out", 0, index, m, n)
        copy_rows(x, work, m, n, lanes, wide)
        if high > m:
            clear(work, (m, high), (0, wide), lanes)
        pivots, order = k.integers(planes, index, steps), k.integers(planes + 1, index, m)
        identity(k.b, order, m)
        _Elimination(k.b, work, pivots, order, (m, steps, high, wide), lanes).run()
        store_rows(work, y, m, n, lanes)

    return k.kernel(one)


def identity(b: Builder, order: Matrix, size: int) -> None:
    """The permutation that changes nothing."""

    def number(i: str, _: list[str]) -> list[str]:
        order.store((b.op(f"arith.index_cast {i} : index to i32"),), i)
        return []

    b.loop((0, size, 1), number)


def exchange(order: Matrix, i: str, j: str) -> None:
    """Exchange two elements."""
    first, second = order.load(i), order.load(j)
    order.store(second, i)
    order.store(first, j)


class _Elimination:
    """The code for one matrix, which lies in `work` and is overwritten by its factors."""

    def __init__(
        self, b: Builder, work: Matrix, pivots: Matrix, order: Matrix, sizes: tuple[int, int, int, int], lanes: int
    ) -> None:
        self.b, self.math, self.work, self.lanes = b, work.math, work, lanes
        self.pivots, self.order = pivots, order
        self.rows, self.steps, self.high, self.wide = sizes

    def run(self) -> None:
        """All panels."""
        self.b.loop((0, self.steps, self.lanes), lambda k, _: (self.panel(k), [])[1])

    def panel(self, k: str) -> None:
        """Eliminate the columns of one panel, and update what is right of it."""
        b, lanes = self.b, self.lanes
        end = b.binary("arith.minui", b.index(Index.of(k) + lanes), b.index(self.steps))
        b.loop((k, end, 1), lambda j, _: (self.column(k, j), [])[1])
        if self.wide == lanes:
            return
        after = b.index(Index.of(k) + lanes)
        block, rows = self.work.part(k, k), self.work.part(k, 0)

        def tile(j: str, _: list[str]) -> list[str]:
            solve_rows(block, rows, lanes, j, lanes, None)
            return []

        b.loop((after, self.wide, lanes), tile)
        if self.high > lanes:
            left, columns = self.work.part(0, k), (after, self.wide)
            subtract_product(self.work, left, rows, (after, self.high), columns, lanes, lanes)

    def column(self, k: str, j: str) -> None:
        """Eliminate column `j` of the panel that begins with column `k`."""
        b, math, work, lanes = self.b, self.math, self.work, self.lanes
        chosen = self.search(j)
        self.pivots.store((b.op(f"arith.index_cast {chosen} : index to i32"),), j)
        different = b.binary("arith.cmpi ne,", chosen, j)
        with b.block(f"scf.if {different}"):
            exchange(self.order, j, chosen)
            self.exchange_rows(j, chosen)
        pivot = work.load(j, j)
        one = math.constant(1)
        nothing = math.is_zero(pivot)
        reciprocal = math.select(nothing, one, math.reciprocal(math.select(nothing, one, pivot)))
        # Lanes up to the column itself stay.
        later = lane_mask(b, "sgt", b.binary("arith.subi", j, k), lanes)
        head = math.masked(later, work.row(j, k, lanes), lanes)

        def below(i: str, _: list[str]) -> list[str]:
            if math.planes == 1:  # a division is more exact, and free while vectors are loaded
                factor = (b.binary("arith.divf", work.load(i, j)[0], math.select(nothing, one, pivot)[0], math.dtype),)
            else:
                factor = math.mul(work.load(i, j), reciprocal)
            total = math.plus_product(work.row(i, k, lanes), math.spread(factor, lanes), head, lanes, minus=True)
            work.store_row(total, i, k, lanes)
            work.store(factor, i, j)
            return []

        b.loop((b.index(Index.of(j) + 1), self.rows, 1), below)

    def search(self, j: str) -> str:
        """The row, from `j` on, with the largest element of column `j`: the first of equal ones."""
        b, math = self.b, self.math

        def compare(i: str, best: list[str]) -> list[str]:
            size = math.size(self.work.load(i, j))
            larger = b.binary("arith.cmpf ogt,", size, best[0], math.dtype)
            return [b.select(larger, size, best[0], math.dtype), b.select(larger, i, best[1])]

        start = [(math.size(self.work.load(j, j)), math.dtype), (j, "index")]
        return b.loop((b.index(Index.of(j) + 1), self.rows, 1), compare, start)[1]

    def exchange_rows(self, i: str, j: str) -> None:
        """Exchange two whole rows."""
        work, lanes = self.work, self.lanes

        def piece(c: str, _: list[str]) -> list[str]:
            first, second = work.row(i, c, lanes), work.row(j, c, lanes)
            work.store_row(second, i, c, lanes)
            work.store_row(first, j, c, lanes)
            return []

        self.b.loop((0, self.wide, lanes), piece)


def pivots_to_permutation(
    values: Sequence[Any], results: Any = None, *, rows: int, platform: str = "cpu"
) -> Kernel | Declined:
    """A kernel of row exchanges (..., k), i32, that gives the permutation (..., rows) which they make."""
    tensors = planes_of(values, platform, ("i32",))
    if isinstance(tensors, Declined):
        return tensors
    (pivots,) = tensors
    *batch, count = pivots.shape
    result = Tensor((*batch, rows), "i32")
    if not result.size:
        return Declined("no rows")
    k = Batched("permutation", "i32", 1, [pivots], [result], batch_of(pivots, 1), rows + count)

    def one(index: str) -> None:
        b, order, taken = k.b, k.integers(0, index, rows), k.operand("in", 0, index, count, 1)
        identity(b, order, rows)
        zero, last = b.index(0), b.index(rows - 1)

        def step(i: str, _: list[str]) -> list[str]:
            other = b.op(f"arith.index_cast {taken.load(i)[0]} : i32 to index")
            other = b.binary("arith.minsi", b.binary("arith.maxsi", other, zero), last)
            exchange(order, i, other)
            return []

        b.loop((0, count, 1), step)

    return k.kernel(one)
