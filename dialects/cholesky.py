"""Cholesky factorisation: `x = l l^H` of Hermitian positive definite matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import dtype_of
from axil.dialects.factories import Aval, Op, all_batched, ops, sample
from axil.dialects.op import full_like
from axil.dialects.spectral_rules import (
    adjoint,
    as_dtype,
    check_square,
    compared_places,
    each_matrix,
    masked,
    matmul,
    real_part,
)


def _infer(x: Aval) -> Aval:
    check_square("cholesky", x)
    return x


def _reference(x: np.ndarray) -> np.ndarray:
    try:
        with np.errstate(all="ignore"):
            return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return each_matrix(x, _factor_or_nan)[0]


def _factor_or_nan(x: np.ndarray) -> tuple[np.ndarray]:
    """The factor of one matrix; NaN in the lower triangle where it is not positive definite."""
    try:
        return (np.linalg.cholesky(x),)
    except np.linalg.LinAlgError:
        return (np.tril(np.full_like(x, np.nan)),)


def _jvp(y: Any, xs: Any, dxs: Any) -> Any:
    """With X = l^-1 dx l^-H: dl = l (tril(X) with half its diagonal) (Murray 2016)."""
    if dxs[0] is None:
        return None
    inner = dict(left_side=False, lower=True, transpose_a=True, conjugate_a=True, unit_diagonal=False)
    x = ops.triangular_solve(y, _from_lower(dxs[0]), **inner)
    x = ops.triangular_solve(y, x, **{**inner, "left_side": True, "transpose_a": False, "conjugate_a": False})
    return matmul(y, masked_lower_half(x))


def _from_lower(x: Any) -> Any:
    """The Hermitian matrix of which the op reads `x`: its lower triangle, and the real part of its diagonal."""
    below = masked(compared_places(x, "gt"), x)
    on = masked(compared_places(x, "eq"), as_dtype(real_part(x), dtype_of(x)))
    return ops.add(ops.add(below, adjoint(below)), on)


def masked_lower_half(x: Any) -> Any:
    """The lower triangle, its diagonal halved."""
    below, on = masked(compared_places(x, "gt"), x), masked(compared_places(x, "eq"), x)
    return ops.add(below, ops.mul(on, full_like(on, 0.5)))


def _lower(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import matrix_lowering as lowering

    return lowering.cholesky(values[0], context)


def _flops(x: Aval) -> float:
    return x.size * x.shape[-1] * (4 if x.dtype.kind == "c" else 1) / 3


def definite(n: int) -> Any:
    """A domain of samples: matrices whose diagonal outweighs the rest."""
    return 2.0 * n * np.eye(n) - 0.9, 2.0 * n * np.eye(n) + 0.9


cholesky = Op(
    name="cholesky", operands=("x",), infer=_infer, reference=_reference, jvp=_jvp, lower=_lower, flops=_flops,
    summary="The lower triangular `l` with `l l^H = x`, of the lower triangle of `x`; NaN where `x` is not positive "
            "definite.",
    batch=lambda size, xs, batched: cholesky(*all_batched(size, xs, batched)),
    source="derivative: Murray, Differentiation of the Cholesky decomposition (arXiv 1602.07527)",
    samples=(
        sample("f32[3,3]", domain=definite(3)), sample("c64[3,3]", domain=definite(3)),
        sample("f32[2,5,5]", domain=definite(5)),
        sample("f32[2,2]", domain=(-2.0, -1.0), grad=False), sample("f32[0,0]", grad=False),
    ),
)  # fmt: skip
