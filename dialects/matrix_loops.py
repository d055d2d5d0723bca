"""Factorisations as loops of StableHLO, one step a column: for targets without kernels, and for text that others read.

All matrices of a batch are treated at once. Arrays keep all their dimensions, so that a column is (..., m, 1); a step
works on whole matrices, and masks say what it changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects import hlo
from axil.dialects.avals import shape_of
from axil.dialects.wide import Wide, constant_like, loop, number_like, where

_INT32 = np.dtype(np.int32)


def _less(i: Any, by: int) -> Any:
    """`by - i` of i32 scalars."""
    return hlo.op("subtract", hlo.constant(by, _INT32), i)


# ---- triangular systems, Cholesky --------------------------------------------------------------------------


def forward_substitution(a: Any, b: Any, unit: bool) -> Any:
    """The solution of `tril(a) x = b`: each row of the solution is taken from the rows below, times a column of `a`."""
    a, n = Wide(a), shape_of(a)[-1]

    def step(i: Any, x: Wide) -> list[Wide]:
        rows, at = x.numbers(-2), number_like(i, len(x.shape))
        column, row = a.at(-1, i), x.at(-2, i)
        if not unit:
            row = row / column.at(-2, i)
        below = where(column.numbers(-2).compare("GT", at), column, 0)
        return [where(rows.compare("EQ", at), row, x - below * row)]

    return loop(n, [Wide(b)], step)[0].value


def cholesky(x: Any) -> Any:
    """The lower factor."""
    start = Wide(x)
    rank = len(start.shape)

    def step(j: Any, x: Wide, status: Wide) -> list[Wide]:
        column, at = x.at(-1, j), number_like(j, rank)
        rows, columns = x.numbers(-2), x.numbers(-1)
        pivot = column.at(-2, j).real
        status = where(pivot.compare("LE", 0), np.nan, status)
        root = pivot.op("sqrt")
        places = column.numbers(-2)
        column = where(places.compare("EQ", at), root.like(x), column / root.like(x))
        column = where(places.compare("LT", at), 0, column)
        adjoint = Wide(_transposed(column.conj.value))
        rest = where(columns.compare("GT", at), x - column * adjoint, x)
        keep = columns.compare("EQ", at) & rows.compare("GE", at)
        return [where(keep, column, rest), status]

    first = hlo.constant(0, _INT32)
    zero = constant_like(start.real.at(-1, first).at(-2, first), 0)
    factor, status = loop(start.shape[-1], [start, zero], step)
    lower = factor.numbers(-2).compare("GE", factor.numbers(-1))
    return where(lower, factor + status.like(factor), 0).value


def _transposed(x: Any) -> Any:
    rank = len(shape_of(x))
    return hlo.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


# ---- LU ------------------------------------------------------------------------------------------------------


def lu(x: Any) -> list[Any]:
    """Packed factors, row exchanges, permutation."""
    start = Wide(x)
    *batch, m, n = start.shape
    steps, rank = min(m, n), len(start.shape)

    def step(j: Any, x: Wide, pivots: Wide, order: Wide) -> list[Wide]:
        at, rows = number_like(j, rank), x.numbers(-2)
        chosen = _largest(x.at(-1, j).size, at, -2)
        x = _exchanged(x, at, chosen, j, -2)
        order = _exchanged(order, at, chosen, j, -2)
        pivots = where(pivots.numbers(-2).compare("EQ", at), chosen, pivots)
        column, row = x.at(-1, j), x.at(-2, j)
        pivot = column.at(-2, j)
        divided = where(pivot.compare("EQ", 0), column, column / where(pivot.compare("EQ", 0), 1, pivot))
        below, right = rows.compare("GT", at), x.numbers(-1).compare("GT", at)
        rest = where(below & right, x - divided * row, x)
        return [where(below & x.numbers(-1).compare("EQ", at), divided, rest), pivots, order]

    pivots = Wide(hlo.iota((*batch, steps, 1), _INT32, rank - 2))
    order = Wide(hlo.iota((*batch, m, 1), _INT32, rank - 2))
    packed, pivots, order = loop(steps, [start, pivots, order], step)
    return [packed.value, hlo.reshape(pivots.value, (*batch, steps)), hlo.reshape(order.value, (*batch, m))]


def _largest(size: Wide, at: Wide, axis: int) -> Wide:
    """The first place, from `at` on, of the largest size along an axis; a NaN counts only if it is at `at`."""
    numbers = size.numbers(axis)
    first = numbers.compare("EQ", at)
    nan = size.compare("NE", size)
    size = where(nan, where(first, constant_like(size, np.inf), -1.0), size)
    size = where(numbers.compare("LT", at), -2.0, size)
    largest = size.reduced("maximum", axis)
    return where(size.compare("EQ", largest), numbers, size.shape[axis]).reduced("minimum", axis)


def _exchanged(x: Wide, at: Wide, chosen: Wide, j: Any, axis: int) -> Wide:
    """Row (or column) `j`, which is `at`, and that of number `chosen`, which differs over the batch, exchanged."""
    numbers = x.numbers(axis)
    here, there = numbers.compare("EQ", at), numbers.compare("EQ", chosen)
    other = where(there, x, 0).reduced("add", axis)
    return where(here, other, where(there, x.at(axis, j), x))


def pivots_to_permutation(pivots: Any, rows: int) -> Any:
    """The permutation that row exchanges make."""
    *batch, k = shape_of(pivots)
    rank = len(batch) + 1
    taken = Wide(pivots)

    def step(i: Any, order: Wide) -> list[Wide]:
        chosen = taken.at(-1, i)
        chosen = Wide(hlo.op("clamp", *(hlo.splat(chosen.value.type, v) if isinstance(v, int) else v
                                       for v in (0, chosen.value, rows - 1))))  # fmt: skip
        return [_exchanged(order, number_like(i, rank), chosen, i, -1)]

    return loop(k, [Wide(hlo.iota((*batch, rows), _INT32, rank - 1))], step)[0].value


# ---- QR ------------------------------------------------------------------------------------------------------


def _reflector(column: Wide, at: Wide, j: Any) -> tuple[Wide, Wide, Wide]:
    """The vector of the reflector of a column below row `at`, its factor, and what becomes of the head."""
    rows = column.numbers(-2)
    head = column.at(-2, j)
    below = where(rows.compare("GT", at), column, 0)
    largest = below.size.reduced("maximum", -2).maximum(head.size)
    unit = where(largest.compare("EQ", 0), 1, largest)
    scaled, top = below / unit.like(below), head / unit.like(head)
    norm = _squares(scaled).reduced("add", -2)
    imaginary = top - top.real.like(top)
    length = (norm + _squares(top)).op("sqrt")
    beta = where(top.real.compare("LT", 0), length, -length)
    still = (norm + _squares(imaginary)).compare("EQ", 0)
    safe = where(still, 1, beta)
    tau = where(still, 0, (safe.like(top) - top) / safe.like(top))
    vector = where(still, 0, scaled / where(still, 1, top - safe.like(top)))
    vector = where(rows.compare("EQ", at), 1, vector)
    return vector, tau, where(still, head, (safe * unit).like(head))


def _squares(x: Wide) -> Wide:
    """Squared absolute values."""
    return (x * x.conj).real


def geqrf(x: Any) -> list[Any]:
    """The packed factorisation, and the factors of its reflectors."""
    start = Wide(x)
    *batch, m, n = start.shape
    steps, rank = min(m, n), len(start.shape)

    def step(j: Any, x: Wide, taus: Wide) -> list[Wide]:
        at = number_like(j, rank)
        vector, tau, head = _reflector(x.at(-1, j), at, j)
        columns, rows = x.numbers(-1), x.numbers(-2)
        rest = where(columns.compare("GT", at), _reflected(x, vector, tau.conj), x)
        column = where(rows.compare("GT", at), vector, where(rows.compare("EQ", at), head, x.at(-1, j)))
        taus = where(taus.numbers(-1).compare("EQ", at), tau, taus)
        return [where(columns.compare("EQ", at), column, rest), taus]

    taus = hlo.splat(hlo.tensor_type(hlo.aval_of_type(x.type).with_shape((*batch, 1, steps))), 0)
    packed, taus = loop(steps, [start, Wide(taus)], step)
    return [packed.value, hlo.reshape(taus.value, (*batch, steps))]


def _reflected(x: Wide, vector: Wide, tau: Wide) -> Wide:
    """`(I - tau v v^H) x`."""
    projected = (vector.conj * x).reduced("add", -2)
    return x - vector * (tau * projected)


def ormqr(a: Any, taus: Any, c: Any, adjoint: bool) -> Any:
    """The product of the reflectors with a matrix."""
    packed = Wide(a)
    *batch, _, _ = packed.shape
    count, rank = shape_of(taus)[-1], len(packed.shape)
    factors = Wide(hlo.reshape(taus, (*batch, 1, count)))

    def step(i: Any, c: Wide) -> list[Wide]:
        j = i if adjoint else _less(i, count - 1)
        at, column = number_like(j, rank), packed.at(-1, j)
        rows = column.numbers(-2)
        vector = where(rows.compare("GT", at), column, where(rows.compare("EQ", at), constant_like(column, 1), 0))
        tau = factors.at(-1, j)
        return [_reflected(c, vector, tau.conj if adjoint else tau)]

    return loop(count, [Wide(c)], step)[0].value


def qr_column_order(x: Any) -> Any:
    """The order in which column pivoting takes the columns."""
    start = Wide(x)
    *batch, m, n = start.shape
    rank = len(start.shape)

    def step(j: Any, x: Wide, order: Wide) -> list[Wide]:
        at = number_like(j, rank)
        below = where(x.numbers(-2).compare("GE", at), x, 0)
        chosen = _largest(_squares(below).reduced("add", -2), at, -1)
        x, order = _exchanged(x, at, chosen, j, -1), _exchanged(order, at, chosen, j, -1)
        vector, tau, _ = _reflector(x.at(-1, j), at, j)
        return [_reflected(x, vector, tau.conj), order]

    order = Wide(hlo.iota((*batch, 1, n), _INT32, rank - 1))
    return hlo.reshape(loop(min(m, n), [start, order], step)[1].value, (*batch, n))


# ---- tridiagonal systems ---------------------------------------------------------------------------------------


def tridiagonal_solve(lower: Any, diagonal: Any, upper: Any, b: Any, perturb: bool) -> Any:
    """Elimination with partial pivoting down the rows, and substitution up."""
    batch, m = shape_of(b)[:-2], shape_of(b)[-2]
    below, d, u = (Wide(hlo.reshape(x, (*batch, m, 1))) for x in (lower, diagonal, upper))
    rank = len(d.shape)
    last = u.numbers(-2).compare("EQ", m - 1)
    u, fill = where(last, 0, u), constant_like(u, 0)
    scale = (d.size + u.size).at(-2, hlo.constant(0, _INT32))

    def down(i: Any, d: Wide, u: Wide, fill: Wide, x: Wide, scale: Wide) -> list[Wide]:
        after = hlo.op("add", i, hlo.constant(1, _INT32))
        at, below_at = (number_like(v, rank) for v in (i, after))
        pivot, under = d.at(-2, i), below.at(-2, after)
        sizes, new_scale = [pivot.size, under.size], scale
        if perturb:
            new_scale = under.size + d.at(-2, after).size + u.at(-2, after).size
            sizes = [sizes[0] * new_scale, sizes[1] * scale]
        swap = sizes[0].compare("LT", sizes[1])
        large, small = where(swap, under, pivot), where(swap, pivot, under)
        nothing = small.compare("EQ", 0)
        factor = where(nothing, 0, small / where(nothing, 1, large))
        top, beyond, other = u.at(-2, i), u.at(-2, after), d.at(-2, after)
        first, second = where(swap, other, top), where(swap, top, other)
        far, rest = where(swap, beyond, 0), where(swap, 0, beyond)
        put = lambda old, here, there: where(
            old.numbers(-2).compare("EQ", at), here,
            old if there is None else where(old.numbers(-2).compare("EQ", below_at), there, old),
        )  # fmt: skip
        row, next_row = x.at(-2, i), x.at(-2, after)
        row, next_row = where(swap, next_row, row), where(swap, row, next_row)
        return [
            put(d, large, second - factor * first), put(u, first, rest - factor * far), put(fill, far, None),
            put(x, row, next_row - factor * row), where(swap, scale, new_scale) if perturb else scale,
        ]  # fmt: skip

    d, u, fill, x, _ = loop(max(m - 1, 0), [d, u, fill, Wide(b), scale], down)
    status = None
    if perturb:
        largest = d.size.maximum(u.size).maximum(fill.size).reduced("maximum", -2)
        info = np.finfo(d.dtype)
        least = (largest * float(info.eps)).maximum(float(info.tiny))
        moved = where(d.real.compare("LT", 0), -least, least).like(d)
        d = where(d.size.compare("LT", least), moved, d)
    else:
        status = where(d.compare("EQ", 0), constant_like(d.real, 1), 0).reduced("maximum", -2)

    def up(position: Any, x: Wide) -> list[Wide]:
        i = _less(position, m - 1)
        one, two = (hlo.op("add", i, hlo.constant(v, _INT32)) for v in (1, 2))
        # Coefficients of rows behind the last one are zero, but what `at` finds there need not be finite.
        taken = [where(number_like(v, rank).compare("LT", m), c.at(-2, i) * x.at(-2, v), 0)
                 for v, c in ((one, u), (two, fill))]  # fmt: skip
        row = (x.at(-2, i) - taken[0] - taken[1]) / d.at(-2, i)
        return [where(x.numbers(-2).compare("EQ", number_like(i, rank)), row, x)]

    (x,) = loop(m, [x], up)
    return x.value if status is None else where(status.compare("GT", 0), np.nan, x).value
