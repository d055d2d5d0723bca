"""Eigenvalues and eigenvectors of symmetric and Hermitian matrices.

Compiled for CPUs, the matrix is reduced to tridiagonal form by Householder reflectors and that one diagonalised by
implicit QR steps, in one kernel (`compiler/kernels/eigh.py`); for other targets, by Jacobi's rotations. Eigenvectors
are unique up to their sign, or phase where the matrix is complex: only what does not depend on it should be
differentiated.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval, dtype_of, shape_of
from axil.dialects.factories import ops
from axil.dialects.op import Op, sample
from axil.dialects.spectral_lowering import lower_spectral
from axil.dialects.spectral_rules import (
    adjoint,
    along_columns,
    along_rows,
    as_dtype,
    check_square,
    compared_places,
    diagonal,
    masked,
    matmul,
    off_diagonal_reciprocal,
    real_dtype,
    real_part,
    where_finite,
)


def _infer_values(x: Aval, *, lower: bool) -> Aval:
    check_square("eigvalsh", x)
    return aval(x.shape[:-1], real_dtype(x.dtype))


def _infer(x: Aval, *, lower: bool) -> tuple[Aval, Aval]:
    check_square("eigh", x)
    return aval(x.shape[:-1], real_dtype(x.dtype)), x


def _triangle(lower: bool) -> Any:
    return "L" if lower else "U"


def _values(x: np.ndarray, *, lower: bool) -> np.ndarray:
    return where_finite(x, lambda a: (np.linalg.eigvalsh(a, _triangle(lower)),))[0]


def _reference(x: np.ndarray, *, lower: bool) -> tuple[np.ndarray, ...]:
    return where_finite(x, lambda a: tuple(np.linalg.eigh(a, _triangle(lower))))


def hermitian(x: Any, lower: bool) -> Any:
    """The Hermitian matrices of which `x` holds one triangle; imaginary parts of the diagonal are not read."""
    strict = masked(compared_places(x, "gt" if lower else "lt"), x)
    on = as_dtype(real_part(masked(compared_places(x, "eq"), x)), dtype_of(x))
    return ops.add(on, ops.add(strict, adjoint(strict)))


def _values_jvp(y: Any, xs: Any, dxs: Any, *, lower: bool) -> Any:
    """dw = Re diag(V^H dA V): no differences of eigenvalues, so equal ones do no harm."""
    if dxs[0] is None:
        return None
    _, v = eigh(xs[0], lower=lower)
    return real_part(diagonal(matmul(adjoint(v), matmul(hermitian(dxs[0], lower), v))))


def _jvp(y: Any, xs: Any, dxs: Any, *, lower: bool) -> Any:
    """First-order perturbation of distinct eigenvalues (Giles 2008, section 3.1), v^H dv = 0."""
    if dxs[0] is None:
        return None
    (w, v), n = y, shape_of(xs[0])[-1]
    inner = matmul(adjoint(v), matmul(hermitian(dxs[0], lower), v))
    gaps = ops.sub(along_rows(w, n), along_columns(w, n))
    mixing = ops.mul(as_dtype(off_diagonal_reciprocal(gaps), dtype_of(v)), inner)
    return real_part(diagonal(inner)), matmul(v, mixing)


def _lower_values(values: Any, results: Any, context: Any, *, lower: bool) -> Any:
    return _lower(values, results, context, lower=lower, vectors=False)[0]


def _lower(values: Any, results: Any, context: Any, *, lower: bool, vectors: bool = True) -> list:
    from axil.dialects import jacobi_lowering

    general = partial(jacobi_lowering.eigh, lower=lower, vectors=vectors)
    return lower_spectral("eigh", values, results, context, general, lower=lower, vectors=vectors)


def _determined(results: Any, **attributes: Any) -> tuple:
    """Eigenvalues, and a matrix with the same eigenvectors and eigenvalues 1 to n."""
    w, v = results
    return w, (v * np.arange(1, 1 + v.shape[-1], dtype=w.dtype)) @ np.conj(np.swapaxes(v, -1, -2))


def _flops(x: Aval, **attributes: Any) -> float:
    return 9.0 * x.size * x.shape[-1] * (4 if av.is_complex(x.dtype) else 1)


_SAMPLES = (
    sample("f32[4,4]", lower=True), sample("f64[2,3,3]", lower=False), sample("c64[3,3]", lower=True),
    sample("c128[2,2,2]", lower=False), sample("f32[1,1]", lower=True), sample("f32[0,0]", lower=True),
    sample("f32[2,0,0]", lower=True),
)  # fmt: skip

eigvalsh = Op(
    name="eigvalsh", summary="Eigenvalues of Hermitian matrices, ascending; one triangle is read.", operands=("x",),
    attributes={"lower": "bool"}, infer=_infer_values, reference=_values, jvp=_values_jvp,
    batch=lambda size, xs, batched, *, lower: eigvalsh(xs[0], lower=lower), lower=_lower_values, flops=_flops,
    samples=_SAMPLES,
)  # fmt: skip

eigh = Op(
    name="eigh", summary="Eigenvalues of Hermitian matrices, ascending, and eigenvectors as columns.", operands=("x",),
    attributes={"lower": "bool"}, results=2, infer=_infer, reference=_reference, jvp=_jvp,
    batch=lambda size, xs, batched, *, lower: eigh(xs[0], lower=lower), lower=_lower, flops=_flops,
    determined=_determined, samples=_SAMPLES,
    source="M. Giles, Collected matrix derivative results for forward and reverse mode AD, 2008",
)  # fmt: skip
