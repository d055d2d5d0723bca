"""Eigenvalues and eigenvectors of general square matrices; results are complex.

Eigenvectors have norm 1 and a real element of largest size, as LAPACK's. Their derivatives hold under that choice,
where eigenvalues are distinct and no two elements of an eigenvector tie for the largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import Aval, dtype_of, shape_of
from axil.dialects.factories import ops
from axil.dialects.op import Op, full_like, sample
from axil.dialects.spectral_lowering import lower_spectral
from axil.dialects.spectral_rules import (
    adjoint,
    along_columns,
    along_rows,
    as_dtype,
    check_square,
    complex_dtype,
    conjugated,
    diagonal,
    each_matrix,
    matmul,
    off_diagonal_reciprocal,
    where_finite,
)


def _infer_values(x: Aval) -> Aval:
    check_square("eigvals", x)
    return x.with_shape(x.shape[:-1]).with_dtype(complex_dtype(x.dtype))


def _infer(x: Aval) -> tuple[Aval, Aval, Aval]:
    check_square("eig", x)
    whole = x.with_dtype(complex_dtype(x.dtype))
    return whole.with_shape(x.shape[:-1]), whole, whole


def _values(x: np.ndarray) -> np.ndarray:
    def decompose(a: np.ndarray) -> tuple[np.ndarray, ...]:
        return (np.linalg.eigvals(a).astype(complex_dtype(a.dtype)),)

    return where_finite(x, decompose)[0]


def _reference(x: np.ndarray) -> tuple[np.ndarray, ...]:
    def decompose(a: np.ndarray) -> tuple[np.ndarray, ...]:
        w, right = np.linalg.eig(a)
        dtype = complex_dtype(a.dtype)
        left = each_matrix(right, lambda v: (_dual_basis(v),))[0]
        return w.astype(dtype), left.astype(dtype), right.astype(dtype)

    return where_finite(x, decompose)


def _dual_basis(v: np.ndarray) -> np.ndarray:
    """Left eigenvectors from right ones: the columns of the inverse's adjoint, normalised.

    Of a defective matrix the inverse does not exist; the pseudoinverse gives vectors of the right spaces.
    """
    with np.errstate(all="ignore"):
        try:
            dual = np.conj(np.linalg.inv(v).T)
        except np.linalg.LinAlgError:
            dual = np.conj(np.linalg.pinv(v).T)
        dual = dual / np.abs(dual).max(0, initial=np.finfo(v.dtype).tiny)
        dual = dual / np.linalg.norm(dual, axis=0)
        if not len(v):
            return dual.astype(v.dtype)
        largest = np.take_along_axis(dual, np.abs(dual).argmax(0)[None], 0)
        return (dual * (np.conj(largest) / np.abs(largest))).astype(v.dtype)


# ---- derivatives ---------------------------------------------------------------------------------------


def _rotated(left: Any, right: Any, da: Any) -> Any:
    """`V^-1 dA V`: the rows of the inverse are the adjoint left eigenvectors over their product with the right ones."""
    n, dtype = shape_of(right)[-1], dtype_of(right)
    scale = ops.reduce_sum(ops.mul(conjugated(left), right), axes=(len(shape_of(right)) - 2,))
    inner = matmul(adjoint(left), matmul(as_dtype(da, dtype), right))
    return ops.div(inner, along_columns(scale, n))


def _values_jvp(y: Any, xs: Any, dxs: Any) -> Any:
    if dxs[0] is None:
        return None
    _, left, right = eig(xs[0])
    return diagonal(_rotated(left, right, dxs[0]))


def _jvp(y: Any, xs: Any, dxs: Any) -> Any:
    if dxs[0] is None:
        return None
    (w, left, right), n = y, shape_of(xs[0])[-1]
    inner = _rotated(left, right, dxs[0])
    mixing = ops.mul(off_diagonal_reciprocal(ops.sub(along_rows(w, n), along_columns(w, n))), inner)
    # The inverse of V moves by -M V^-1, so that its adjoint, the left eigenvectors, moves by -L M^H; scales follow.
    scale = conjugated(ops.reduce_sum(ops.mul(conjugated(left), right), axes=(len(shape_of(right)) - 2,)))
    dual = ops.div(left, along_rows(scale, n))
    d_dual = ops.mul(ops.neg(matmul(dual, adjoint(mixing))), along_rows(scale, n))
    return diagonal(inner), _normalised(left, d_dual), _normalised(right, matmul(right, mixing))


def _normalised(v: Any, dv: Any) -> Any:
    """The tangent `dv + c v` of eigenvectors, `c` such that norms stay 1 and largest elements stay real."""
    shape = shape_of(v)
    rows, n = len(shape) - 2, shape[-2]

    def spread(x: Any) -> Any:
        return ops.broadcast_in_dim(x, shape=(*shape[:-2], n, shape[-1]), dims=(*range(rows), rows + 1))

    sizes = ops.abs(v)
    largest = ops.eq(sizes, spread(ops.reduce_max(sizes, axes=(rows,))))
    along = ops.real(ops.reduce_sum(ops.mul(conjugated(v), dv), axes=(rows,)))
    at = ops.reduce_sum(ops.select(largest, ops.imag(dv), full_like(sizes, 0)), axes=(rows,))
    value = ops.reduce_sum(ops.select(largest, ops.real(v), full_like(sizes, 0)), axes=(rows,))
    change = ops.complex(ops.neg(along), ops.neg(ops.div(at, value)))
    return ops.add(dv, ops.mul(spread(change), v))


# ---- declarations --------------------------------------------------------------------------------------


def _lower_values(values: Any, results: Any, context: Any) -> Any:
    return lower_spectral("eig", values, results, context, vectors=False)[0]


def _lower(values: Any, results: Any, context: Any) -> list:
    return lower_spectral("eig", values, results, context, vectors=True)


def _sorted(w: np.ndarray, *vectors: np.ndarray) -> tuple[np.ndarray, ...]:
    """Eigenvalues, and vectors with them, in a fixed order."""
    order = np.lexsort((np.imag(w).round(3), np.real(w).round(3)), axis=-1)
    return tuple(np.take_along_axis(a, order.reshape(*w.shape[:-1], *(1,) * (a.ndim - w.ndim), -1), -1)
                 for a in (w, *vectors))  # fmt: skip


def _determined(results: Any) -> tuple:
    """The order is arbitrary, and so is the sign of vectors: their outer products are not."""
    w, left, right = _sorted(*results)
    return w, *(np.einsum("...ik,...jk->...kij", v, np.conj(v)) for v in (left, right))


_SAMPLES = (
    sample("f64[4,4]"), sample("f32[2,2,2]"), sample("c64[3,3]"), sample("c128[2,2]"), sample("f32[1,1]"),
    sample("f32[0,0]"),
)  # fmt: skip

eigvals = Op(
    name="eigvals", summary="Eigenvalues of square matrices, complex, in no order.", operands=("x",),
    infer=_infer_values, reference=_values, jvp=_values_jvp, batch=lambda size, xs, batched: eigvals(xs[0]),
    lower=_lower_values, flops=lambda x: 10.0 * x.size * x.shape[-1], samples=_SAMPLES,
    determined=lambda results: _sorted(*results),
)  # fmt: skip

eig = Op(
    name="eig", summary="Eigenvalues, left and right eigenvectors (as columns) of square matrices, complex.",
    operands=("x",), results=3, infer=_infer, reference=_reference, jvp=_jvp,
    batch=lambda size, xs, batched: eig(xs[0]), lower=_lower, flops=lambda x: 25.0 * x.size * x.shape[-1],
    samples=_SAMPLES, determined=_determined,
)  # fmt: skip
