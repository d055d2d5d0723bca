"""QR factorisation and products with its Q in one dispatch each, by panels of Householder reflectors.

A panel is one vector wide. Its reflectors are found column by column; their product is `I - V T V^H` with an upper
triangular T, by which the rest of the matrix is multiplied at once (Schreiber and Van Loan, A storage-efficient WY
representation for products of Householder transformations, 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.kernels.arithmetic import Number, lane_mask
from axil.compiler.kernels.batched import Batched, batch_of, distance, fitting_lanes, planes_of, rounded
from axil.compiler.kernels.kernel import Declined, Kernel, Tensor
from axil.compiler.kernels.matrix import ROWS, At, Matrix, clear, copy_rows, set_product, store_rows, tile_product
from axil.compiler.kernels.reflector import Reflector
from axil.compiler.kernels.text import Index


def geqrf(values: Sequence[Any], results: Any = None, *, platform: str = "cpu") -> Kernel | Declined:
    """A kernel of one real matrix operand (..., m, n), or of two that are the planes of a complex one.

    It gives, in as many planes each, the packed factorisation and the factors of its reflectors (..., min(m, n)).
    """
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    *batch, m, n = tensors[0].shape
    steps, dtype, planes = min(m, n), tensors[0].dtype, len(tensors)
    factors = [Tensor((*batch, steps), dtype)] * planes
    k = Batched("geqrf", dtype, planes, tensors, [*tensors, *factors], batch_of(tensors[0]), m * n * steps + m * n)
    lanes = fitting_lanes(dtype, planes, n)
    high, wide = rounded(m, ROWS), rounded(n, lanes)
    work = k.space("matrix", high, distance(wide))
    panel = _Panel(k, high, lanes)

    def one(index: str) -> None:
        x, y = k.operand("in", 0, index, m, n), k.operand("out", 0, index, m, n)
        taus = k.operand("out", planes, index, steps, 1)
        copy_rows(x, work, m, n, lanes, wide)
        if high > m:
            clear(work, (m, high), (0, wide), lanes)

        def step(start: str, _: list[str]) -> list[str]:
            panel.factor(work, taus, start, (m, steps))
            if wide > lanes:
                panel.triangle(start)
                panel.apply(work, start, (k.b.index(Index.of(start) + lanes), wide), adjoint=True)
            return []

        k.b.loop((0, steps, lanes), step)
        store_rows(work, y, m, n, lanes)

    return k.kernel(one)


def ormqr(
    values: Sequence[Any], results: Any = None, *, adjoint: bool, columns: int = 0, platform: str = "cpu"
) -> Kernel | Declined:
    """A kernel of packed reflectors (..., m, n), their factors (..., k) and, unless `columns`, a matrix (..., m, p).

    Each operand is one real array, or two that are the planes of a complex one. It gives the product of Q, or of its
    adjoint, with the matrix; or the first `columns` columns of Q.
    """
    tensors = planes_of(values, platform)
    if isinstance(tensors, Declined):
        return tensors
    planes = len(tensors) // (2 if columns else 3)
    dtype, packed, factors = tensors[0].dtype, tensors[0], tensors[planes]
    *batch, m, n = packed.shape
    count, p = factors.shape[-1], columns or tensors[-1].shape[-1]
    product = Tensor((*batch, m, p), dtype)
    if not product.size:
        return Declined("no elements")
    work = 2 * m * p * count + m * n
    k = Batched("ormqr", dtype, planes, tensors, [product] * planes, batch_of(packed), work)
    lanes = fitting_lanes(dtype, planes, max(count, p))
    high, wide = rounded(m, ROWS), rounded(p, lanes)
    source = k.space("reflectors", high, distance(rounded(n, lanes)))
    result = k.space("matrix", high, distance(wide))
    panel = _Panel(k, high, lanes)
    last = (count - 1) // lanes * lanes

    def one(index: str) -> None:
        b = k.b
        copy_rows(k.operand("in", 0, index, m, n), source, m, n, lanes, rounded(n, lanes))
        taus, y = k.operand("in", planes, index, count, 1), k.operand("out", 0, index, m, p)
        if high > m:
            clear(source, (m, high), (0, rounded(n, lanes)), lanes)
            clear(result, (m, high), (0, wide), lanes)
        if columns:
            clear(result, (0, m), (0, wide), lanes)
            b.loop((0, min(m, p), 1), lambda i, _: (result.store(k.math.constant(1), i, i), [])[1])
        else:
            copy_rows(k.operand("in", 2 * planes, index, m, p), result, m, p, lanes, wide)

        def step(position: str, _: list[str]) -> list[str]:
            start = position if adjoint else b.index(Index(last) + Index.of(position) * -1)
            panel.read(source, taus, start, count)
            panel.triangle(start)
            # What is left of the panel in an identity is still zero.
            panel.apply(result, start, (start if columns else 0, wide), adjoint=adjoint)
            return []

        b.loop((0, count, lanes), step)
        store_rows(result, y, m, p, lanes)

    return k.kernel(one)


class _Panel(Reflector):
    """The reflectors of one panel: their vectors, factors, and the triangle of their product."""

    def __init__(self, k: Batched, high: int, lanes: int) -> None:
        super().__init__(k)
        self.high, self.lanes = high, lanes
        self.vectors = k.space("vectors", high, lanes)
        self.products = k.space("products", lanes, lanes)
        self.inner = k.space("triangle", lanes, lanes)
        self.taus = k.space("taus", lanes, 1)
        self.part = k.space("part", lanes, lanes)
        self.turned = k.space("turned", lanes, lanes)

    # ---- making reflectors -------------------------------------------------------------------------------

    def factor(self, work: Matrix, taus: Matrix, start: str, sizes: tuple[int, int]) -> None:
        """Find the reflectors of the panel that begins with column `start` of `work`, and apply them to it."""
        b, lanes, (rows, steps) = self.b, self.lanes, sizes
        clear(self.vectors, (start, self.high), (0, lanes), lanes)
        b.loop((0, lanes, 1), lambda j, _: (self.taus.store(self.math.constant(0), j), [])[1])
        count = b.binary("arith.minui", b.binary("arith.subi", b.index(steps), start), b.index(lanes))

        def column(j: str, _: list[str]) -> list[str]:
            at = b.index(Index.of(start) + j)
            tau, scale = self.reflector(work, at, rows)
            taus.store(tau, at)
            self.taus.store(tau, j)
            self.vectors.store(self.math.constant(1), at, j)

            def fill(i: str, _: list[str]) -> list[str]:
                x = self.math.mul(work.load(i, at), scale)
                work.store(x, i, at)
                self.vectors.store(x, i, j)
                return []

            b.loop((b.index(Index.of(at) + 1), rows, 1), fill)
            self.reflect(work, start, j, at, tau, rows)
            return []

        b.loop((0, count, 1), column)

    def reflect(self, work: Matrix, start: str, j: str, at: str, tau: Number, rows: int) -> None:
        """Apply the adjoint of reflector `j` to the columns of the panel that come after it."""
        b, math, lanes, vectors = self.b, self.math, self.lanes, self.vectors

        def project(i: str, total: list[str]) -> list[str]:
            v = math.spread(vectors.load(i, j), lanes)
            return list(math.plus_product(tuple(total), v, work.row(i, start, lanes), lanes, conj=True))

        zero = math.constant(0, lanes)
        projected = tuple(b.loop((at, rows, 1), project, math.carry([zero], lanes)))
        projected = math.masked(lane_mask(b, "sgt", j, lanes), projected, lanes)
        projected = math.mul(math.spread(tau, lanes), projected, lanes, conj=True)

        def subtract(i: str, _: list[str]) -> list[str]:
            v = math.spread(vectors.load(i, j), lanes)
            row = math.plus_product(work.row(i, start, lanes), v, projected, lanes, minus=True)
            work.store_row(row, i, start, lanes)
            return []

        b.loop((at, rows, 1), subtract)

    # ---- using reflectors --------------------------------------------------------------------------------

    def read(self, source: Matrix, taus: Matrix, start: str, count: int) -> None:
        """Take the reflectors of the panel that begins with column `start`, of `count` reflectors in all."""
        b, math, lanes = self.b, self.math, self.lanes
        left = b.binary("arith.subi", b.index(count), start)
        there = lane_mask(b, "slt", left, lanes)

        def top(i: str, _: list[str]) -> list[str]:
            mask = b.binary("arith.andi", lane_mask(b, "slt", i, lanes), there, f"vector<{lanes}xi1>")
            at = b.index(Index.of(start) + i)
            self.vectors.store_row(math.masked(mask, source.row(at, start, lanes), lanes), at, 0, lanes)
            with b.block(f"scf.if {b.binary('arith.cmpi ult,', i, left)}"):
                self.vectors.store(math.constant(1), at, i)
            return []

        def below(i: str, _: list[str]) -> list[str]:
            self.vectors.store_row(math.masked(there, source.row(i, start, lanes), lanes), i, 0, lanes)
            return []

        after = b.binary("arith.minui", b.index(Index.of(start) + lanes), b.index(self.high))
        b.loop((0, b.binary("arith.subi", after, start), 1), top)
        b.loop((after, self.high, 1), below)
        b.loop((0, lanes, 1), lambda j, _: (self.taus.store(math.constant(0), j), [])[1])
        used = b.binary("arith.minui", left, b.index(lanes))
        b.loop((0, used, 1), lambda j, _: (self.taus.store(taus.load(Index.of(start) + j), j), [])[1])

    def triangle(self, start: str) -> None:
        """T, from its last row up: row i is `tau_i (e_i - sum over p > i of (v_i^H v_p) T_p)`."""
        b, math, lanes, inner = self.b, self.math, self.lanes, self.inner
        set_product(self.products, self.vectors.adjoint(), self.vectors, lanes, 0, (start, self.high), lanes)

        def row(position: str, _: list[str]) -> list[str]:
            i = b.index(Index(lanes - 1) + Index.of(position) * -1)

            def step(p: str, total: list[str]) -> list[str]:
                factor = math.spread(self.products.load(i, p), lanes)
                return list(math.plus_product(tuple(total), factor, inner.row(p, 0, lanes), lanes, minus=True))

            unit = math.masked(lane_mask(b, "eq", i, lanes), math.constant(1, lanes), lanes)
            total = b.loop((b.index(Index.of(i) + 1), lanes, 1), step, math.carry([unit], lanes))
            total = math.mul(math.spread(self.taus.load(i), lanes), tuple(total), lanes)
            inner.store_row(total, i, 0, lanes)
            return []

        b.loop((0, lanes, 1), row)

    def apply(self, target: Matrix, start: str, columns: tuple[At, At], adjoint: bool) -> None:
        """Multiply columns of a matrix by the panel's product of reflectors, or its adjoint."""
        b, lanes = self.b, self.lanes
        inner = self.inner.adjoint() if adjoint else self.inner

        def tile(j: str, _: list[str]) -> list[str]:
            set_product(self.part, self.vectors.adjoint(), target, lanes, j, (start, self.high), lanes)
            set_product(self.turned, inner, self.part, lanes, 0, (0, lanes), lanes)

            def group(i: str, _: list[str]) -> list[str]:
                totals = [target.row(Index.of(i) + r, j, lanes) for r in range(ROWS)]
                before = tile_product(totals, self.vectors, self.turned, i, 0, (0, lanes), lanes, minus=True)
                for r, total in enumerate(before):
                    target.store_row(total, Index.of(i) + r, j, lanes)
                return []

            b.loop((start, self.high, ROWS), group)
            return []

        b.loop((*columns, lanes), tile)


