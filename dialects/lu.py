"""LU factorisation with partial pivoting, and its row exchanges as a permutation."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import aval, dtype_of, shape_of
from axil.dialects.errors import AttributeValueError, DtypeError, ShapeError
from axil.dialects.factories import Aval, Op, all_batched, no_tangent, ops, sample
from axil.dialects.matrix_rules import identity_like, permutation_matrix
from axil.dialects.spectral_rules import check_matrix, columns_of, matmul
from axil.dialects.triangular import forward_substitution, triangle

PANEL = 32
"""Columns that the reference eliminates before it updates the others."""

_INT32 = np.dtype(np.int32)


def _infer(x: Aval) -> tuple[Aval, Aval, Aval]:
    check_matrix("lu", x)
    *batch, m, n = x.shape
    return x, aval((*batch, min(m, n)), _INT32), aval((*batch, m), _INT32)


# ---- reference -----------------------------------------------------------------------------------------


def _reference(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    *batch, m, n = x.shape
    count = int(np.prod(batch))
    a = np.array(x).reshape(count, m, n)
    pivots = np.zeros((count, min(m, n)), np.int32)
    rows = np.tile(np.arange(m, dtype=np.int32), (count, 1))
    with np.errstate(all="ignore"):
        for start in range(0, min(m, n), PANEL):
            stop = min(start + PANEL, m, n)
            for k in range(start, stop):
                _eliminate(a, rows, pivots, k, stop)
            if stop < n:
                block = a[:, start:stop, start:stop]
                a[:, start:stop, stop:] = forward_substitution(block, a[:, start:stop, stop:], True)
                a[:, stop:, stop:] -= a[:, stop:, start:stop] @ a[:, start:stop, stop:]
    return a.reshape(x.shape), pivots.reshape(*batch, min(m, n)), rows.reshape(*batch, m)


def _eliminate(a: np.ndarray, rows: np.ndarray, pivots: np.ndarray, k: int, stop: int) -> None:
    """One column: exchange rows, divide by the pivot unless it is zero, update the columns before `stop`."""
    column = a[:, k:, k]
    size = np.abs(np.real(column)) + np.abs(np.imag(column)) if a.dtype.kind == "c" else np.abs(column)
    size[:, 1:][np.isnan(size[:, 1:])] = -1  # a NaN is no pivot, unless it is there already
    pivot = k + np.argmax(size, axis=1) if len(a) else np.zeros(0, int)
    every = np.arange(len(a))
    for x in (a, rows):
        x[every, pivot], x[:, k] = x[:, k].copy(), x[every, pivot]
    pivots[:, k] = pivot
    head = a[:, k, k, None]
    a[:, k + 1 :, k] = np.where(head == 0, a[:, k + 1 :, k], a[:, k + 1 :, k] / head)
    a[:, k + 1 :, k + 1 : stop] -= a[:, k + 1 :, k, None] * a[:, k, None, k + 1 : stop]


# ---- derivative ----------------------------------------------------------------------------------------


def _jvp(y: Any, xs: Any, dxs: Any) -> Any:
    """With F = l^-1 p dx u^-1: dl = l tril(F, -1), du = triu(F) u (de Hoog, Anderssen and Lukas 2011).

    Where there are more rows than columns, or more columns than rows, `l` or `u` is completed by an identity.
    """
    if dxs[0] is None:
        return None
    packed, _, rows = y
    l, u = square_factors(packed)
    solve = dict(transpose_a=False, conjugate_a=False)
    # A product with a permutation matrix, as its transpose is one as well: that of a gather would be a scatter.
    f = matmul(permutation_matrix(rows, dtype_of(packed)), dxs[0])
    f = ops.triangular_solve(l, f, left_side=True, lower=True, unit_diagonal=True, **solve)
    f = ops.triangular_solve(u, f, left_side=False, lower=False, unit_diagonal=False, **solve)
    return ops.add(matmul(l, triangle(f, True, strict=True)), matmul(triangle(f, False), u)), None, None


def square_factors(packed: Any) -> tuple[Any, Any]:
    """The unit lower triangular and the upper triangular factor, both square."""
    *_, m, n = shape_of(packed)
    k = min(m, n)
    below, above = triangle(columns_of(packed, 0, k), True, strict=True), triangle(packed, False)
    l = ops.add(_padded(below, 0, m - k), identity_like(packed, m))
    ndim = len(shape_of(packed))
    top = (*shape_of(packed)[:-2], k, n)
    u = _padded(ops.slice(above, starts=(0,) * ndim, limits=top, strides=(1,) * ndim), n - k, 0)
    if n == k:
        return l, u
    corner = (0,) * (ndim - 2) + (k, k)
    rest = identity_like(packed, n - k)
    zero, none = np.zeros((), dtype_of(rest)), (0,) * ndim
    return l, ops.add(u, ops.pad(rest, zero, low=corner, high=none, interior=none))


def _padded(x: Any, rows: int, columns: int) -> Any:
    """Matrices with zero rows and columns at their ends."""
    low = (0,) * len(shape_of(x))
    zero = np.zeros((), dtype_of(x))
    return ops.pad(x, zero, low=low, high=(*low[:-2], rows, columns), interior=low) if rows or columns else x


def _lower(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import matrix_lowering as lowering

    return lowering.lu(values[0], context)


def _flops(x: Aval) -> float:
    *_, m, n = x.shape
    return x.size * min(m, n) * (4 if x.dtype.kind == "c" else 1) * 2 / 3


lu = Op(
    name="lu", operands=("x",), results=3, infer=_infer, reference=_reference, jvp=_jvp, lower=_lower, flops=_flops,
    summary="Factors `l` (its unit diagonal left out) and `u` in one matrix, the row exchanges, and the permutation "
            "`p` that they make: `x[p] = l u`.",
    batch=lambda size, xs, batched: lu(*all_batched(size, xs, batched)),
    source="derivative: de Hoog, Anderssen and Lukas, Differentiation of matrix functionals using triangular "
           "factorization (2011)",
    samples=(
        sample("f32[3,3]"), sample("c64[2,3,3]"), sample("f32[5,3]"), sample("f32[3,5]"),
        sample("f32[0,3]", grad=False), sample("f32[2,2]", domain=(0.0, 0.0), grad=False),
    ),
)  # fmt: skip


# ---- row exchanges as a permutation ------------------------------------------------------------------------


def _permutation_infer(pivots: Aval, *, rows: int) -> Aval:
    name = "lu_pivots_to_permutation"
    if pivots.ndim < 1:
        raise ShapeError(f"'{name}' takes arrays of row numbers of shape (..., k), got {pivots}")
    if pivots.dtype != _INT32:
        raise DtypeError(f"'{name}' takes i32 row numbers, got {pivots}; convert them")
    if rows < pivots.shape[-1]:
        raise AttributeValueError(f"'{name}': a permutation of {rows} rows cannot come of {pivots.shape[-1]} exchanges")
    return aval((*pivots.shape[:-1], rows), _INT32)


def _permutation_reference(pivots: np.ndarray, *, rows: int) -> np.ndarray:
    *batch, k = pivots.shape
    count = int(np.prod(batch))
    flat, order = pivots.reshape(count, k), np.tile(np.arange(rows, dtype=np.int32), (count, 1))
    every = np.arange(count)
    for i in range(k):
        other = np.clip(flat[:, i], 0, rows - 1)
        order[every, other], order[:, i] = order[:, i].copy(), order[every, other]
    return order.reshape(*batch, rows)


def _permutation_lower(values: Any, results: Any, context: Any, *, rows: int) -> Any:
    from axil.dialects import matrix_lowering as lowering

    return lowering.pivots_to_permutation(values[0], rows, context)


lu_pivots_to_permutation = Op(
    name="lu_pivots_to_permutation", operands=("pivots",), attributes={"rows": "int"}, infer=_permutation_infer,
    summary="The permutation of `rows` rows that exchanging row i with row `pivots[i]`, for each i in turn, makes.",
    reference=_permutation_reference, jvp=no_tangent, lower=_permutation_lower,
    batch=lambda size, xs, batched, **more: lu_pivots_to_permutation(*all_batched(size, xs, batched), **more),
    samples=(sample("i32[3]", rows=4, domain=(0, 3)), sample("i32[2,3]", rows=3, domain=(0, 2))),
)  # fmt: skip

