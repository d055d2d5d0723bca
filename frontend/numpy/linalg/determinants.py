"""Determinants, with derivatives that hold for singular matrices too."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from axil.custom_derivatives import custom_jvp
from axil.lax import linalg as lax_linalg
from axil.lax.elementwise import stop_gradient
from axil.lax.factorizations import geqrf
from axil.numpy import contraction, reductions
from axil.numpy.creation import asarray, zeros_like
from axil.numpy.joining import concatenate
from axil.numpy.linalg.products import diagonal
from axil.numpy.linalg.solving import permute_rows, solve
from axil.numpy.logic import pick
from axil.numpy.lookup import take_along_axis
from axil.numpy.ranges import arange
from axil.numpy.shaping import broadcast_to
from axil.numpy.sorting import argsort
from axil.numpy.transcendental import log
from axil.numpy.ufuncs import absolute, real, sign
from axil.numpy.values import UnsupportedArgument, Value, errors, promote, shape_error, user_line


class SlogdetResult(NamedTuple):
    """Sign of a determinant (for complex matrices of magnitude 1, for singular ones 0), logarithm of its magnitude."""

    sign: Any
    logabsdet: Any


def _square(name: str, a: Any) -> Value:
    (a,), _ = promote(name, a, inexact=True)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise shape_error(f"Argument to {name}() must have shape [..., n, n], got {a.shape}")
    return a


def _minus_if(odd: Value, dtype: Any) -> Value:
    """-1 for odd numbers, 1 for even ones."""
    return (1 - 2 * (odd % 2)).astype(dtype)


def _pivots_sign(pivots: Value, dtype: Any) -> Value:
    """The sign of the exchanges of rows that a factorisation made."""
    moved = pivots != arange(pivots.shape[-1], dtype=pivots.dtype)
    return _minus_if(reductions.sum(moved.astype(np.int32), -1), dtype)


# ---- logarithm -----------------------------------------------------------------------------------------


def slogdet(a: Any, *, method: str | None = None) -> SlogdetResult:
    """Sign and logarithm of the magnitude of determinants, where the determinant itself would overflow.

    `method` is "lu", the default, or "qr", for real matrices. Raises `ValueError` for matrices that are not square.
    """
    a = _square("slogdet", a)
    if method not in (None, "lu", "qr"):
        raise shape_error(f"Unknown slogdet method '{method}'. Supported methods are 'lu' (`None`), and 'qr'.")
    if method == "qr" and a.dtype.kind == "c":
        raise UnsupportedArgument(
            errors.explain("slogdet: method='qr' takes real matrices", user_line(), ways_out=["use method='lu'"])
        )
    return SlogdetResult(*_slogdet(a, method == "qr"))


def _from_factors(diag: Value, swaps: Value) -> tuple[Value, Value]:
    """Sign and logarithm from the diagonal of a triangular factor and the sign of the other factor."""
    signs = reductions.prod(sign(diag), -1) * swaps
    return signs, reductions.sum(log(absolute(diag)), -1)


def _slogdet_of(a: Value, by_qr: bool) -> tuple[Value, Value]:
    n = a.shape[-1]
    if n == 0:
        return asarray(np.ones(a.shape[:-2], a.dtype)), asarray(np.zeros(a.shape[:-2], a.real.dtype))
    if n <= 2 and not by_qr:
        value = a[..., 0, 0] if n == 1 else _det_2(a)
        return sign(value), log(absolute(value))
    if by_qr:
        packed, taus = geqrf(a)
        reflections = reductions.sum((taus[..., : n - 1] != 0).astype(np.int32), -1)
        return _from_factors(diagonal(packed), _minus_if(reflections, a.dtype))
    lu, pivots, _ = lax_linalg.lu(a)
    return _from_factors(diagonal(lu), _pivots_sign(pivots, a.dtype))


def _slogdet(a: Value, by_qr: bool) -> tuple[Value, Value]:
    @custom_jvp
    def slogdet(a: Value) -> tuple[Value, Value]:
        return _slogdet_of(a, by_qr)

    @slogdet.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
        (a,), (da,) = primals, tangents
        signs, logarithm = slogdet(a)
        n = a.shape[-1]
        if n == 2:
            change = (_det_2_slope(a, da)) / _det_2(a)
        else:
            change = contraction.trace(solve(a, da) if n > 1 else da / a, 0, -2, -1)
        if a.dtype.kind != "c":
            return (signs, logarithm), (zeros_like(signs), change)
        turn = (change - real(change).astype(change.dtype)) * signs
        return (signs, logarithm), (turn, real(change))

    return slogdet(a)


# ---- determinant ---------------------------------------------------------------------------------------


def det(a: Any) -> Value:
    """Determinants. Their derivatives hold for singular matrices too. Raises `ValueError` for those not square."""
    a = _square("det", a)
    n = a.shape[-1]
    if n == 2:
        return _det_2(a)
    if n == 3:
        at = lambda i, j: a[..., i, j]
        return sum(
            at(0, i) * at(1, (i + 1) % 3) * at(2, (i + 2) % 3) - at(0, i) * at(1, (i + 2) % 3) * at(2, (i + 1) % 3)
            for i in range(3)
        )  # type: ignore[return-value]
    if n == 0:
        return asarray(np.ones(a.shape[:-2], a.dtype))
    return a[..., 0, 0] if n == 1 else _det(a)


def _det_2(a: Value) -> Value:
    return a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]


def _det_2_slope(a: Value, da: Value) -> Value:
    return (
        da[..., 0, 0] * a[..., 1, 1] + a[..., 0, 0] * da[..., 1, 1]
        - da[..., 0, 1] * a[..., 1, 0] - a[..., 0, 1] * da[..., 1, 0]
    )  # fmt: skip


@custom_jvp
def _det(a: Value) -> Value:
    lu, pivots, _ = lax_linalg.lu(a)
    return reductions.prod(diagonal(lu), -1) * _pivots_sign(pivots, a.dtype)


@_det.defjvp
def _det_jvp(primals: tuple, tangents: tuple) -> tuple[Value, Value]:
    """Jacobi's formula: the trace of the adjugate times the tangent."""
    (a,), (da,) = primals, tangents
    value, product = _adjugate_times(a, da)
    return value, contraction.trace(product, 0, -2, -1)


def _adjugate_times(a: Value, b: Value) -> tuple[Value, Value]:
    """The determinant of `a`, and the adjugate of `a`, which is `det(a) inv(a)`, times `b`.

    With columns in the order of a pivoted QR factorisation, no pivot of the LU factorisation but the last is zero,
    unless the rank is below n - 1, where the adjugate is zero. Back substitution then needs no division by the last:
    it cancels against the determinant.
    """
    order = lax_linalg.qr(stop_gradient(a), pivoting=True, full_matrices=False)[2]
    n, batch = a.shape[-1], order.shape[:-1]
    sorted_columns = take_along_axis(a, broadcast_to(order[..., None, :], a.shape), -1)
    lu, pivots, permutation = lax_linalg.lu(sorted_columns)
    diag = diagonal(lu)
    first = reductions.prod(diag[..., :-1], -1) * _pivots_sign(pivots, a.dtype) * _order_sign(order, a.dtype)
    value = first * diag[..., -1]
    y = permute_rows(b, permutation)
    y = lax_linalg.triangular_solve(lu, y, left_side=True, lower=True, unit_diagonal=True)
    y = concatenate([y[..., :-1, :] * value[..., None, None], y[..., -1:, :] * first[..., None, None]], -2)
    fixed = concatenate([pick(diag[..., :-1] == 0, 1, diag[..., :-1]), asarray(np.ones((*batch, 1), a.dtype))], -1)
    on = np.eye(n, dtype=bool)
    x = lax_linalg.triangular_solve(pick(on, fixed[..., None, :], lu), y, left_side=True, lower=False)
    return value, permute_rows(x, argsort(order, -1))


def _order_sign(order: Value, dtype: Any) -> Value:
    """The sign of a permutation: how many pairs it puts the wrong way round."""
    wrong = (order[..., :, None] > order[..., None, :]) & np.triu(np.ones((order.shape[-1],) * 2, bool), 1)
    return _minus_if(reductions.sum(wrong.astype(np.int32), (-2, -1)), dtype)
