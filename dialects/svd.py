"""Singular value decompositions.

Compiled for CPUs, the matrix is reduced to bidiagonal form by Householder reflectors and that one diagonalised by
implicit QR steps, in one kernel (`compiler/kernels/svd.py`); for other targets, by Jacobi's rotations. Singular vectors
are unique up to a sign, or phase, that the left and the right one share; those beyond the singular values (of
`full_matrices`) are any basis of the rest.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval, dtype_of, shape_of
from axil.dialects.factories import ops
from axil.dialects.op import Op, full_like, sample
from axil.dialects.spectral_lowering import identity, lower_spectral, zeros
from axil.dialects.spectral_rules import (
    adjoint,
    along_columns,
    along_rows,
    as_dtype,
    check_matrix,
    columns_of,
    compared_places,
    diagonal,
    masked,
    matmul,
    off_diagonal_reciprocal,
    real_dtype,
    real_part,
    where_finite,
)


def _infer_values(x: Aval) -> Aval:
    check_matrix("svdvals", x)
    return aval((*x.shape[:-2], min(x.shape[-2:])), real_dtype(x.dtype))


def _infer(x: Aval, *, full_matrices: bool) -> tuple[Aval, Aval, Aval]:
    check_matrix("svd", x)
    *batch, m, n = x.shape
    k = min(m, n)
    left, right = ((m, m), (n, n)) if full_matrices else ((m, k), (k, n))
    return x.with_shape((*batch, *left)), aval((*batch, k), real_dtype(x.dtype)), x.with_shape((*batch, *right))


def _values(x: np.ndarray) -> np.ndarray:
    return where_finite(x, lambda a: (np.linalg.svd(a, compute_uv=False),))[0]


def _reference(x: np.ndarray, *, full_matrices: bool) -> tuple[np.ndarray, ...]:
    return where_finite(x, lambda a: tuple(np.linalg.svd(a, full_matrices)))


def _values_jvp(y: Any, xs: Any, dxs: Any) -> Any:
    """ds = Re diag(U^H dA V): no differences of singular values, so equal ones do no harm."""
    if dxs[0] is None:
        return None
    u, _, vh = svd(xs[0], full_matrices=False)
    return real_part(diagonal(matmul(adjoint(u), matmul(dxs[0], adjoint(vh)))))


def _jvp(y: Any, xs: Any, dxs: Any, *, full_matrices: bool) -> Any:
    """Perturbation of distinct singular values, which are not zero where the matrix is not square (Giles 2008)."""
    if dxs[0] is None:
        return None
    (u, s, vh), (m, n), k = y, shape_of(xs[0])[-2:], shape_of(y[1])[-1]
    da, dtype, v = dxs[0], dtype_of(u), adjoint(vh)
    u_thin, v_thin = columns_of(u, 0, k), columns_of(v, 0, k)
    inner = matmul(adjoint(u_thin), matmul(da, v_thin))
    columns, rows = along_rows(s, k, dtype), along_columns(s, k, dtype)
    gaps = as_dtype(off_diagonal_reciprocal(_differences_of_squares(s, k)), dtype)
    scaled, other = ops.mul(columns, inner), ops.mul(rows, inner)
    # A phase that both vectors share stays free: it is put into the left one.
    turned = masked(compared_places(inner, "eq"), ops.sub(inner, adjoint(inner)))
    turned = ops.mul(turned, ops.mul(full_like(turned, 0.5), as_dtype(_reciprocal_rows(s, k), dtype)))
    du = matmul(u_thin, ops.add(ops.mul(gaps, ops.add(scaled, adjoint(scaled))), turned))
    dv = matmul(v_thin, ops.mul(gaps, ops.add(other, adjoint(other))))
    if m > n:
        du = ops.add(du, _outside(matmul(da, v_thin), u_thin, s, dtype))
    if n > m:
        dv = ops.add(dv, _outside(matmul(adjoint(da), u_thin), v_thin, s, dtype))
    if full_matrices:
        du, dv = _with_complement(u, du, k), _with_complement(v, dv, k)
    return du, real_part(diagonal(inner)), adjoint(dv)


def _differences_of_squares(s: Any, k: int) -> Any:
    """Element (i, j) is `s[j]**2 - s[i]**2`, without cancellation."""
    columns, rows = along_rows(s, k), along_columns(s, k)
    return ops.mul(ops.add(columns, rows), ops.sub(columns, rows))


def _reciprocal_rows(s: Any, k: int) -> Any:
    """Matrices whose rows are all `1 / s`, and 0 where `s` is."""
    zero = ops.eq(s, full_like(s, 0))
    inverse = ops.div(full_like(s, 1), ops.select(zero, full_like(s, 1), s))
    return along_rows(ops.select(zero, full_like(s, 0), inverse), k)


def _outside(x: Any, basis: Any, s: Any, dtype: Any) -> Any:
    """The part of the columns of `x / s` that is orthogonal to a basis."""
    rest = ops.sub(x, matmul(basis, matmul(adjoint(basis), x)))
    return ops.div(rest, along_rows(s, shape_of(rest)[-2], dtype))


def _with_complement(basis: Any, tangent: Any, k: int) -> Any:
    """The tangent of a whole basis from that of its first `k` columns: the others only stay orthogonal to these."""
    shape = shape_of(basis)
    if shape[-1] == k:
        return tangent
    first, others = columns_of(basis, 0, k), columns_of(basis, k, shape[-1])
    moved = ops.neg(matmul(first, matmul(adjoint(tangent), others)))
    return ops.concatenate(tangent, moved, axis=len(shape) - 1)


def _lower_values(values: Any, results: Any, context: Any) -> Any:
    return _lower_any(values, results, context, vectors=False, full_matrices=False)[0]


def _lower(values: Any, results: Any, context: Any, *, full_matrices: bool) -> list:
    if not min(shape_of(values[0])[-2:]):  # no singular values: any bases do
        return [identity(results[0]), zeros(results[1]), identity(results[2])]
    return _lower_any(values, results, context, vectors=True, full_matrices=full_matrices)


def _lower_any(values: Any, results: Any, context: Any, **params: Any) -> list:
    from axil.dialects import jacobi_lowering

    return lower_spectral("svd", values, results, context, partial(jacobi_lowering.svd, **params), **params)


def _determined(results: Any, *, full_matrices: bool) -> tuple:
    """Singular values; matrices with the same singular vectors and other singular values; orthogonality."""
    u, s, vh = results
    k = s.shape[-1]
    weights, uh = np.arange(1, k + 1, dtype=s.dtype), np.conj(np.swapaxes(u, -1, -2))
    left = (u[..., :k] * weights) @ uh[..., :k, :]
    return left, s, (u[..., :k] * weights) @ vh[..., :k, :], uh @ u, vh @ np.conj(np.swapaxes(vh, -1, -2))


def _flops(x: Aval, **attributes: Any) -> float:
    return 20.0 * x.size * min(x.shape[-2:]) * (4 if av.is_complex(x.dtype) else 1)


svdvals = Op(
    name="svdvals", summary="Singular values of matrices, descending.", operands=("x",), infer=_infer_values,
    reference=_values, jvp=_values_jvp, batch=lambda size, xs, batched: svdvals(xs[0]), lower=_lower_values,
    flops=_flops, samples=(sample("f32[3,4]"), sample("f64[2,3,2]"), sample("c64[3,3]"), sample("f32[0,3]")),
)  # fmt: skip

svd = Op(
    name="svd", summary="Left singular vectors as columns, singular values, right ones as conjugated rows.",
    operands=("x",), attributes={"full_matrices": "bool"}, results=3, infer=_infer, reference=_reference, jvp=_jvp,
    batch=lambda size, xs, batched, *, full_matrices: svd(xs[0], full_matrices=full_matrices), lower=_lower,
    flops=_flops, determined=_determined,
    source="M. Giles, Collected matrix derivative results for forward and reverse mode AD, 2008",
    samples=(
        sample("f32[3,3]", full_matrices=True), sample("f64[2,4,2]", full_matrices=False),
        sample("f32[2,4]", full_matrices=True), sample("c64[3,2]", full_matrices=True),
        sample("c128[2,2,3]", full_matrices=False), sample("c64[3,3]", full_matrices=True),
        sample("f32[1,1]", full_matrices=True), sample("f32[0,3]", full_matrices=True),
        sample("f32[2,2,0]", full_matrices=False),
    ),
)  # fmt: skip
