"""Reductions of square matrices by Householder reflectors: to Hessenberg form, and of Hermitian ones to tridiagonal.

Results are LAPACK's: the form and, in the place of what is zero in it, the reflectors `H = I - tau v v^H`, whose first
element, 1, is not stored. `A = Q T Q^H` with `Q = H(1) H(2) ...`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval
from axil.dialects.errors import DifferentiationError
from axil.dialects.op import Op, sample
from axil.dialects.spectral_lowering import lower_spectral
from axil.dialects.spectral_rules import check_square, each_matrix, real_dtype, where_finite


def reflector(x: np.ndarray) -> tuple[Any, Any, np.ndarray]:
    """`beta, tau, v` with `v[0] = 1` and `(I - tau v v^H)^H x = beta e1`, beta real (LAPACK's larfg)."""
    alpha, rest = x[0], x[1:]
    size = np.linalg.norm(rest)
    v = np.zeros_like(x)
    v[0] = 1
    if size == 0 and np.imag(alpha) == 0:
        return alpha, x.dtype.type(0), v
    beta = -np.copysign(np.hypot(np.hypot(np.real(alpha), np.imag(alpha)), size), np.real(alpha))
    v[1:] = rest / (alpha - beta)
    tau = (beta - alpha) / beta
    return beta, tau, v


def reflect_left(a: np.ndarray, v: np.ndarray, tau: Any) -> None:
    """`a = (I - tau v v^H) a`, in place."""
    a -= np.outer(tau * v, np.conj(v) @ a)


def reflect_right(a: np.ndarray, v: np.ndarray, tau: Any) -> None:
    """`a = a (I - tau v v^H)`, in place."""
    a -= np.outer(a @ v, tau * np.conj(v))


def reduce_to_hessenberg(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One matrix and its `taus`, packed."""
    a, n = a.copy(), len(a)
    taus = np.zeros(max(n - 1, 0), a.dtype)
    for i in range(n - 1):
        beta, tau, v = reflector(a[i + 1 :, i])
        taus[i] = tau
        reflect_right(a[:, i + 1 :], v, tau)
        reflect_left(a[i + 1 :, i + 1 :], v, np.conj(tau))
        a[i + 1, i], a[i + 2 :, i] = beta, v[1:]
    return a, taus


def unpack_hessenberg(a: np.ndarray, taus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Hessenberg matrix and Q of what `reduce_to_hessenberg` gives."""
    n = len(a)
    q = np.eye(n, dtype=a.dtype)
    for i in reversed(range(n - 1)):
        v = np.concatenate([np.ones(1, a.dtype), a[i + 2 :, i]])
        reflect_left(q[i + 1 :, i + 1 :], v, taus[i])
    return np.triu(a, -1), q


def reduce_to_tridiagonal(x: np.ndarray, lower: bool) -> tuple[np.ndarray, ...]:
    """One Hermitian matrix, of which a triangle is read: packed, diagonal, off-diagonal, `taus`."""
    if not lower:  # the reduction of the reversed matrix, reversed
        return tuple(r[(slice(None, None, -1),) * r.ndim] for r in reduce_to_tridiagonal(x[::-1, ::-1], True))
    n, real = len(x), real_dtype(x.dtype)
    strict = np.tril(x, -1)
    a = strict + np.conj(strict.T) + np.diag(np.real(np.diag(x))).astype(x.dtype)
    packed, taus = np.triu(x, 1), np.zeros(max(n - 1, 0), x.dtype)
    for i in range(n - 1):
        beta, tau, v = reflector(a[i + 1 :, i])
        taus[i] = tau
        reflect_left(a[i + 1 :, i + 1 :], v, np.conj(tau))
        reflect_right(a[i + 1 :, i + 1 :], v, tau)
        a[i + 1, i] = beta
        packed[i + 2 :, i] = v[1:]
    d, e = np.real(np.diag(a)).astype(real), np.real(np.diag(a, -1)).astype(real)
    packed += np.diag(d).astype(x.dtype) + np.diag(e, -1).astype(x.dtype)
    return packed, d, e, taus


def _infer_hessenberg(x: Aval) -> tuple[Aval, Aval]:
    check_square("hessenberg", x)
    return x, x.with_shape((*x.shape[:-2], max(x.shape[-1] - 1, 0)))


def _infer_tridiagonal(x: Aval, *, lower: bool) -> tuple[Aval, ...]:
    check_square("tridiagonal", x)
    batch, n, real = x.shape[:-2], x.shape[-1], real_dtype(x.dtype)
    less = (*batch, max(n - 1, 0))
    return x, aval((*batch, n), real), aval(less, real), x.with_shape(less)


def _hessenberg(x: np.ndarray) -> tuple[np.ndarray, ...]:
    return where_finite(x, lambda a: each_matrix(a, reduce_to_hessenberg))


def _tridiagonal(x: np.ndarray, *, lower: bool) -> tuple[np.ndarray, ...]:
    return where_finite(x, lambda a: each_matrix(a, lambda m: reduce_to_tridiagonal(m, lower)))


def refuse_derivative(name: str, instead: str) -> Any:
    """The JVP rule of an op without a derivative."""

    def jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> None:
        if dxs[0] is not None:
            raise DifferentiationError(f"'{name}' has no derivative: {instead}")

    return jvp


def _lower_hessenberg(values: Any, results: Any, context: Any) -> list:
    return lower_spectral("hessenberg", values, results, context)


def _lower_tridiagonal(values: Any, results: Any, context: Any, *, lower: bool) -> list:
    return lower_spectral("tridiagonal", values, results, context, lower=lower)


def _flops(x: Aval, **attributes: Any) -> float:
    return 3.0 * x.size * x.shape[-1] * (4 if av.is_complex(x.dtype) else 1)


_INSTEAD = "differentiate what does not depend on the choice of reflectors, such as eigenvalues, through eigh or eig"

hessenberg = Op(
    name="hessenberg", summary="Reduction of square matrices to Hessenberg form: packed with the reflectors, taus.",
    operands=("x",), results=2, infer=_infer_hessenberg, reference=_hessenberg,
    jvp=refuse_derivative("hessenberg", _INSTEAD), batch=lambda size, xs, batched: hessenberg(xs[0]),
    lower=_lower_hessenberg, flops=_flops, source="LAPACK `gehrd`",
    samples=(
        sample("f32[4,4]", grad=False), sample("f64[2,3,3]", grad=False), sample("c64[4,4]", grad=False),
        sample("f32[1,1]", grad=False), sample("f32[0,0]", grad=False),
    ),
)  # fmt: skip

tridiagonal = Op(
    name="tridiagonal", summary="Reduction of Hermitian matrices to tridiagonal form: packed, diagonals, taus.",
    operands=("x",), attributes={"lower": "bool"}, results=4, infer=_infer_tridiagonal, reference=_tridiagonal,
    jvp=refuse_derivative("tridiagonal", _INSTEAD),
    batch=lambda size, xs, batched, *, lower: tridiagonal(xs[0], lower=lower), lower=_lower_tridiagonal, flops=_flops,
    source="LAPACK `sytrd` and `hetrd`",
    samples=(
        sample("f32[4,4]", lower=True, grad=False), sample("f64[2,3,3]", lower=False, grad=False),
        sample("c64[4,4]", lower=True, grad=False), sample("c128[3,3]", lower=False, grad=False),
        sample("f32[1,1]", lower=True, grad=False), sample("f32[0,0]", lower=True, grad=False),
    ),
)  # fmt: skip
