"""QR factorisation, and the order of columns of the one with column pivoting."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import aval, dtype_of, shape_of
from axil.dialects.factories import Aval, Op, all_batched, no_tangent, ops, sample
from axil.dialects.matrix_rules import identity_like, pad_end, permutation_matrix, qr_tangents, right_solve, rows_of
from axil.dialects.op import full_like
from axil.dialects.spectral_rules import adjoint, check_matrix, columns_of, matmul

_INT32 = np.dtype(np.int32)

# ---- QR ------------------------------------------------------------------------------------------------


def _qr_infer(x: Aval, *, full_matrices: bool) -> tuple[Aval, Aval]:
    check_matrix("qr", x)
    *batch, m, n = x.shape
    k = m if full_matrices else min(m, n)
    return aval((*batch, m, k), x.dtype), aval((*batch, k, n), x.dtype)


def _qr_reference(x: np.ndarray, *, full_matrices: bool) -> tuple[np.ndarray, np.ndarray]:
    *batch, m, n = x.shape
    if not x.size:
        k = m if full_matrices else min(m, n)
        q = np.broadcast_to(np.eye(m, k, dtype=x.dtype), (*batch, m, k))
        return np.array(q), np.zeros((*batch, k, n), x.dtype)
    with np.errstate(all="ignore"):
        q, r = np.linalg.qr(x, mode="complete" if full_matrices else "reduced")
    return q, r


def _qr_jvp(y: Any, xs: Any, dxs: Any, *, full_matrices: bool) -> Any:
    if dxs[0] is None:
        return None
    q, r = y
    *_, m, n = shape_of(xs[0])
    k = min(m, n)
    if not k:
        return full_like(q, 0), full_like(r, 0)
    thin = columns_of(q, 0, k)
    dq, dr = qr_tangents(thin, rows_of(r, 0, k), xs[0], dxs[0])
    if shape_of(q)[-1] == k:
        return dq, dr
    ndim = len(shape_of(q))
    late = _completed_tangent(thin, columns_of(q, k, m), dq)
    return ops.concatenate(dq, late, axis=ndim - 1), pad_end(dr, ndim - 2, m - k)


def _completed_tangent(q: Any, late: Any, dq: Any) -> Any:
    """Tangent of the columns that complete Q: `late = [0; I] + K Z^H` with `K = q - I` and `Z = K2 K1^-1`."""
    m, k = shape_of(q)[-2:]
    change = ops.sub(q, identity_like(q, m, k))
    packed, _, rows = ops.lu(rows_of(change, 0, k))
    z = _right_lu_solve(packed, rows, rows_of(change, k, m))
    dz = ops.sub(rows_of(dq, k, m), matmul(z, rows_of(dq, 0, k)))
    return ops.sub(matmul(dq, adjoint(z)), matmul(ops.add(q, matmul(late, z)), adjoint(dz)))


def _right_lu_solve(packed: Any, rows: Any, b: Any) -> Any:
    """`b a^-1` from the factors of `a`."""
    y = ops.triangular_solve(packed, right_solve(packed, b), left_side=False, lower=True, transpose_a=False,
                             conjugate_a=False, unit_diagonal=True)  # fmt: skip
    return matmul(y, permutation_matrix(rows, dtype_of(packed)))


def _qr_lower(values: Any, results: Any, context: Any, *, full_matrices: bool) -> Any:
    from axil.dialects import matrix_lowering as lowering

    return lowering.qr(values[0], full_matrices, context)


def _flops(x: Aval) -> float:
    return x.size * min(x.shape[-2:]) * (8.0 if x.dtype.kind == "c" else 2.0)


qr = Op(
    name="qr", operands=("x",), results=2, attributes={"full_matrices": "bool"}, infer=_qr_infer, jvp=_qr_jvp,
    summary="`q r = x` with orthonormal columns in `q` and upper triangular `r`; `q` is square if `full_matrices`.",
    reference=_qr_reference, lower=_qr_lower, flops=lambda x, **more: 2 * _flops(x),
    batch=lambda size, xs, batched, **more: qr(*all_batched(size, xs, batched), **more),
    source="derivatives: Townsend, Differentiating the QR decomposition (2016); of a completed q: arXiv 2409.13374",
    samples=(
        sample("f32[3,3]", full_matrices=False), sample("f32[4,2]", full_matrices=False),
        sample("f32[4,2]", full_matrices=True), sample("f32[2,4]", full_matrices=True),
        sample("c64[2,3,3]", full_matrices=True), sample("c64[4,2]", full_matrices=True),
        sample("f32[3,0]", full_matrices=True, grad=False),
    ),
)  # fmt: skip


# ---- column pivoting -----------------------------------------------------------------------------------


def _pivots_infer(x: Aval) -> Aval:
    check_matrix("qr_column_order", x)
    return aval((*x.shape[:-2], x.shape[-1]), _INT32)


def _pivots_reference(x: np.ndarray) -> np.ndarray:
    *batch, m, n = x.shape
    count = int(np.prod(batch))
    a = np.array(x).reshape(count, m, n)
    order = np.tile(np.arange(n, dtype=np.int32), (count, 1))
    every = np.arange(count)
    with np.errstate(all="ignore"):
        for k in range(min(m, n)):
            norms = np.sum(np.abs(a[:, k:, k:]) ** 2, axis=1)
            chosen = k + np.argmax(np.where(np.isnan(norms), -1, norms), axis=1) if count else every
            columns = np.swapaxes(a, 1, 2)
            columns[every, chosen], columns[:, k] = columns[:, k].copy(), columns[every, chosen]
            order[every, chosen], order[:, k] = order[:, k].copy(), order[every, chosen]
            _reflect(a[:, k:, k:])
    return order.reshape(*batch, n)


def _reflect(a: np.ndarray) -> None:
    """Apply the reflector of the first column to all columns, in place; its own becomes what the reflector does not."""
    v = a[:, :, 0].copy()
    norm = np.linalg.norm(v, axis=1)
    size = np.abs(v[:, 0])
    v[:, 0] += np.where(size == 0, norm, norm * v[:, 0] / np.where(size == 0, 1, size))
    squared = np.sum(np.abs(v) ** 2, axis=1)
    factor = np.where(squared == 0, 0, 2 / np.where(squared == 0, 1, squared)).astype(np.real(v).dtype)
    a -= factor[:, None, None] * v[:, :, None] * (np.conj(v)[:, None, :] @ a)


def _pivots_lower(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import matrix_lowering as lowering

    return lowering.qr_column_order(values[0], context)


qr_column_order = Op(
    name="qr_column_order", operands=("x",), infer=_pivots_infer, reference=_pivots_reference, jvp=no_tangent,
    summary="The order of columns in which a QR factorisation with column pivoting takes them: each time the one with "
            "the largest rest.",
    batch=lambda size, xs, batched: qr_column_order(*all_batched(size, xs, batched)), lower=_pivots_lower,
    flops=_flops, source="Businger and Golub, Linear least squares solutions by Householder transformations (1965)",
    samples=(sample("f32[3,3]"), sample("f32[4,6]"), sample("c64[2,5,3]"), sample("f32[0,2]")),
)  # fmt: skip
