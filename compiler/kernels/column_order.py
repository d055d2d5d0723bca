"""The order of columns of a QR factorisation with column pivoting, in one dispatch.

Each step takes the column with the largest rest, and reflects all that come after it; the lengths of the rests are
computed anew each time, which costs half as much as the reflection and needs no care (LAPACK updates them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.kernels.arithmetic import Number
from axil.compiler.kernels.batched import Batched, batch_of, distance, fitting_lanes, planes_of, rounded
from axil.compiler.kernels.kernel import Declined, Kernel, Tensor
from axil.compiler.kernels.lu import exchange, identity
from axil.compiler.kernels.matrix import Matrix, copy_rows
from axil.compiler.kernels.reflector import Reflector
from axil.compiler.kernels.text import Index


def qr_column_order(values: Sequence[Any], results: Any = None, *, platform: str = "cpu") -> Kernel | Declined:
    """A kernel of one real matrix operand (..., m, n), or of two that are the planes of a complex one.

    It gives the numbers of the columns (..., n), i32, in the order in which they are taken.
    """
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    *batch, m, n = tensors[0].shape
    result, dtype, planes = Tensor((*batch, n), "i32"), tensors[0].dtype, len(tensors)
    k = Batched("order", dtype, planes, tensors, [result], batch_of(tensors[0]), m * n * min(m, n) + m * n)
    lanes = fitting_lanes(dtype, planes, n)
    wide = rounded(n, lanes)
    work, lengths = k.space("matrix", m, distance(wide)), k.space("lengths", 1, wide)

    def one(index: str) -> None:
        copy_rows(k.operand("in", 0, index, m, n), work, m, n, lanes, wide)
        order = k.integers(0, index, n)
        identity(k.b, order, n)
        steps = _Steps(k, work, lengths, order, (m, n, wide), lanes)
        k.b.loop((0, min(m, n), 1), lambda j, _: (steps.step(j), [])[1])

    return k.kernel(one)


class _Steps(Reflector):
    """The code for one matrix, which lies in `work`."""

    def __init__(
        self, k: Batched, work: Matrix, lengths: Matrix, order: Matrix, sizes: tuple[int, int, int], lanes: int
    ) -> None:
        super().__init__(k)
        self.work, self.lengths, self.order, self.lanes = work, lengths, order, lanes
        self.rows, self.columns, self.wide = sizes

    def step(self, j: str) -> None:
        """Take a column, bring it to place `j`, and reflect the others."""
        b, math, work, lanes = self.b, self.math, self.work, self.lanes
        first = b.binary("arith.subi", j, b.binary("arith.remui", j, b.index(lanes)))
        b.loop((first, self.wide, lanes), lambda c, _: (self.measure(j, c), [])[1])
        chosen = self.longest(j)
        exchange(self.order, j, chosen)

        def swap(i: str, _: list[str]) -> list[str]:
            here, there = work.load(i, j), work.load(i, chosen)
            work.store(there, i, j)
            work.store(here, i, chosen)
            return []

        b.loop((0, self.rows, 1), swap)
        tau, scale = self.reflector(work, j, self.rows)
        head = work.load(j, j)
        work.store(math.constant(1), j, j)

        def fill(i: str, _: list[str]) -> list[str]:
            work.store(math.mul(work.load(i, j), scale), i, j)
            return []

        b.loop((b.index(Index.of(j) + 1), self.rows, 1), fill)
        after = b.index(Index.of(j) + 1)
        first = b.binary("arith.subi", after, b.binary("arith.remui", after, b.index(lanes)))
        b.loop((first, self.wide, lanes), lambda c, _: (self.reflect(j, c, tau), [])[1])
        work.store(head, j, j)

    def measure(self, j: str, column: str) -> None:
        """The squared lengths, from row `j` on, of one vector of columns."""
        math, lanes = self.math, self.lanes

        def add(i: str, total: list[str]) -> list[str]:
            sums = total[0]
            for p in self.work.row(i, column, lanes):
                square = self.b.binary("arith.mulf", p, p, math.type(lanes))
                sums = self.b.binary("arith.addf", sums, square, math.type(lanes))
            return [sums]

        start = [(math.real(0, lanes), math.type(lanes))]
        (total,) = self.b.loop((j, self.rows, 1), add, start)
        zeros = (math.real(0, lanes),) * (math.planes - 1)
        self.lengths.store_row((total, *zeros), 0, column, lanes)

    def longest(self, j: str) -> str:
        """The first of the longest columns from `j` on."""
        b, t = self.b, self.math.dtype

        def compare(c: str, best: list[str]) -> list[str]:
            length = self.lengths.load(0, c)[0]
            larger = b.binary("arith.cmpf ogt,", length, best[0], t)
            return [b.select(larger, length, best[0], t), b.select(larger, c, best[1])]

        start = [(self.lengths.load(0, j)[0], t), (j, "index")]
        return b.loop((b.index(Index.of(j) + 1), self.columns, 1), compare, start)[1]

    def reflect(self, j: str, column: str, tau: Number) -> None:
        """Apply the adjoint of the reflector, which column `j` holds, to one vector of columns.

        Columns up to `j` that are in the vector are spoilt but for column `j` itself: they are done with.
        """
        b, math, work, lanes = self.b, self.math, self.work, self.lanes

        def project(i: str, total: list[str]) -> list[str]:
            v = math.spread(work.load(i, j), lanes)
            return list(math.plus_product(tuple(total), v, work.row(i, column, lanes), lanes, conj=True))

        zero = math.constant(0, lanes)
        projected = tuple(b.loop((j, self.rows, 1), project, math.carry([zero], lanes)))
        projected = math.mul(math.spread(tau, lanes), projected, lanes, conj=True)

        def subtract(i: str, _: list[str]) -> list[str]:
            v = work.load(i, j)
            row = math.plus_product(
                work.row(i, column, lanes), math.spread(v, lanes), projected, lanes, minus=True
            )
            work.store_row(row, i, column, lanes)
            work.store(v, i, j)
            return []

        b.loop((j, self.rows, 1), subtract)
