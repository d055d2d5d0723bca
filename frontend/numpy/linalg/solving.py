"""Linear equations and inverses. Derivatives come from the equations, not from the factorisations that solve them."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil.custom_derivatives import custom_jvp
from axil.lax import linalg as lax_linalg
from axil.lax.elementwise import stop_gradient
from axil.lax.implicit import custom_linear_solve
from axil.numpy import reductions, shaping
from axil.numpy.contraction import matmul
from axil.numpy.creation import asarray, empty, eye, zeros
from axil.numpy.linalg.decompositions import svd
from axil.numpy.linalg.products import adjoint
from axil.numpy.logic import pick
from axil.numpy.lookup import take_along_axis
from axil.numpy.sorting import argsort
from axil.numpy.ufuncs import real, reciprocal
from axil.numpy.values import Value, convert, operand, promote, shape_error


def solve(a: Any, b: Any) -> Value:
    """The `x` with `a x = b`: for a vector `b`, or for matrices (..., n, k) whose batch dimensions broadcast.

    Where `a` is singular the result is infinite or NaN. Raises `ValueError` where shapes do not fit.
    """
    (a, b), _ = promote("solve", a, b, inexact=True)
    if a.ndim < 2:
        raise shape_error(f"solve: the left hand side must be at least two dimensional; got a.shape={a.shape}")
    if b.ndim > 1 and a.ndim == b.ndim + 1 and a.shape[-1] == b.shape[-1] != b.shape[-2]:
        raise shape_error(
            f"solve: shapes {a.shape} and {b.shape} do not fit",
            "for a batch of vectors: solve(a, b[..., None])[..., 0]",
        )
    return solve_with(a, b, _lu_solvers)


Solvers = Callable[[Value], tuple[Callable[[Value], Value], Callable[[Value], Value] | None]]
"""Makes solvers of the equation and of the transposed one from a matrix; `None` where the matrix is symmetric."""


def solve_with(a: Value, b: Value, solvers: Solvers) -> Value:
    """Solve `a x = b`, of one dtype, by solvers for (..., n, k), with derivatives from the equation."""
    vector = b.ndim == 1
    b = b[:, None] if vector else b
    if a.shape[-1] != a.shape[-2] or b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise shape_error(
            f"solve takes arguments of shapes a=[..., m, m] and b=[..., m, k] or b=[m], got a={a.shape}, b={b.shape}"
        )
    batch = shaping.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    b = shaping.broadcast_to(b, batch + b.shape[-2:])
    if not b.size:
        x = b
    else:
        forward, backward = solvers(stop_gradient(a))
        x = custom_linear_solve(
            lambda x: matmul(a, x), b, solve=lambda _, x: forward(x), symmetric=backward is None,
            transpose_solve=None if backward is None else lambda _, x: backward(x),
        )  # fmt: skip
    return x[..., 0] if vector else x


def _lu_solvers(a: Value) -> tuple[Callable[[Value], Value], Callable[[Value], Value]]:
    lu, _, permutation = lax_linalg.lu(a)
    solver = functools.partial(lu_solve, lu, permutation)
    return functools.partial(solver, trans=0), functools.partial(solver, trans=1)


def lu_solve(lu: Value, permutation: Value, b: Value, trans: int) -> Value:
    """Solve with the factors of `axil.lax.linalg.lu`, for `b` (..., n, k): `a`, its transpose (1), or adjoint (2)."""
    batch = shaping.broadcast_shapes(lu.shape[:-2], b.shape[:-2])
    lu = shaping.broadcast_to(lu, batch + lu.shape[-2:])
    b = shaping.broadcast_to(b, batch + b.shape[-2:])
    if trans == 0:
        x = permute_rows(b, permutation)
        x = lax_linalg.triangular_solve(lu, x, left_side=True, lower=True, unit_diagonal=True)
        return lax_linalg.triangular_solve(lu, x, left_side=True, lower=False)
    if trans not in (1, 2):
        raise shape_error(f"'trans' value must be 0, 1, or 2, got {trans}")
    transposed = functools.partial(
        lax_linalg.triangular_solve, lu, left_side=True, transpose_a=True, conjugate_a=trans == 2
    )
    x = transposed(transposed(b, lower=False), lower=True, unit_diagonal=True)
    return permute_rows(x, argsort(permutation, -1))


def permute_rows(x: Value, permutation: Value) -> Value:
    """Rows of matrices in another order, which each matrix of a batch may have of its own."""
    if permutation.ndim == 1:
        return x[..., permutation, :]
    return take_along_axis(x, shaping.broadcast_to(permutation[..., None], x.shape), -2)


def inv(a: Any) -> Value:
    """The inverse of square matrices."""
    a = operand("inv", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise shape_error(f"Argument to inv must have shape [..., n, n], got {a.shape}.")
    return solve(a, shaping.broadcast_to(eye(a.shape[-1], dtype=a.dtype), a.shape))


def tensorinv(a: Any, ind: int = 2) -> Value:
    """The inverse of the linear map from the last dimensions of `a` to its first `ind`."""
    a = operand("tensorinv", a)
    ind = operator.index(ind)
    if ind <= 0:
        raise shape_error(f"tensorinv: ind must be a positive integer; got ind={ind}")
    rows, columns = a.shape[:ind], a.shape[ind:]
    if math.prod(rows) != math.prod(columns):
        raise shape_error(
            f"tensorinv: the first {ind} dimensions and the others must have as many elements, got {a.shape}"
        )
    return inv(a.reshape(math.prod(rows), math.prod(columns))).reshape(columns + rows)


def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Value:
    """The `x` with `tensordot(a, x, x.ndim) == b`; `axes` of `a` are moved to its end before."""
    a, b = operand("tensorsolve", a, 0), operand("tensorsolve", b, 1)
    if axes is not None:
        a = shaping.moveaxis(a, tuple(axes), tuple(range(a.ndim - len(axes), a.ndim)))
    shape = a.shape[b.ndim :]
    if a.shape[: b.ndim] != b.shape or b.size != math.prod(shape):
        raise shape_error(
            f"tensorsolve: a, {a.shape}, must begin with the shape of b, {b.shape}, and have as many elements again"
        )
    return solve(a.reshape(b.size, math.prod(shape)), b.reshape(-1)).reshape(shape)


# ---- least squares -------------------------------------------------------------------------------------


def pinv(a: Any, rtol: Any = None, hermitian: bool = False, *, rcond: Any = None) -> Value:
    """The pseudo-inverse (Moore and Penrose), in which singular values up to `rtol` times the largest count as zero.

    By default `rtol` is 10 times the larger size times the precision of the dtype; `rcond` is its older name.
    """
    if rcond is not None:
        if rtol is not None:
            raise shape_error("pinv: only one of rtol and rcond may be specified.")
        rtol = rcond
    (a,), _ = promote("pinv", a, inexact=True)
    if not a.size:
        return empty((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    return _pinv(a, rtol, hermitian)


@functools.partial(custom_jvp, nondiff_argnums=(1, 2))
def _pinv(a: Value, rtol: Any, hermitian: bool) -> Value:
    rtol = asarray(10.0 * max(a.shape[-2:]) * dtypes.finfo(a.dtype).eps if rtol is None else rtol)
    u, s, vh = svd(a, full_matrices=False, hermitian=hermitian)
    rtol = rtol[..., None]
    if rtol.ndim < s.ndim:
        rtol = shaping.expand_dims(rtol, tuple(range(s.ndim - rtol.ndim)))
    inverse = pick(s > rtol * s[..., :1], reciprocal(s), 0).astype(a.dtype)
    return matmul(adjoint(vh), inverse[..., :, None] * adjoint(u)).astype(a.dtype)


@_pinv.defjvp
def _pinv_jvp(rtol: Any, hermitian: bool, primals: tuple, tangents: tuple) -> tuple[Value, Value]:
    """Of constant rank: Golub and Pereyra, "The differentiation of pseudo-inverses", SIAM J. Num. Anal. 10 (1973)."""
    (a,), (da,) = primals, tangents
    p = _pinv(a, rtol, hermitian)
    if hermitian:
        a, da = (a + adjoint(a)) / 2, (da + adjoint(da)) / 2
    if a.shape[-2] >= a.shape[-1]:
        s = p @ adjoint(p) @ adjoint(da)
        t = adjoint(da) @ adjoint(p) @ p
        return p, -(p @ da) @ p + s - s @ a @ p + t - p @ a @ t
    s = p @ (adjoint(p) @ adjoint(da))
    t = adjoint(da) @ (adjoint(p) @ p)
    return p, -p @ (da @ p) + s - s @ (a @ p) + t - p @ (a @ t)


def lstsq(a: Any, b: Any, rcond: Any = None, *, numpy_resid: bool = False) -> tuple[Value, Value, Value, Value]:
    """The `x` of least norm that minimizes `norm(a x - b)`; also squared residuals, rank, and singular values of `a`.

    Singular values below `rcond` times the largest count as zero. With `numpy_resid` there are no residuals where
    NumPy gives none; that depends on the rank, so not under `jit`.
    """
    (a, b), _ = promote("lstsq", a, b, inexact=True)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise shape_error(f"lstsq takes a matrix, and a vector or a matrix, got {a.aval} and {b.aval}")
    if a.shape[0] != b.shape[0]:
        raise shape_error(f"lstsq: leading dimensions of input arrays must match, got {a.aval} and {b.aval}")
    vector, (m, n) = b.ndim == 1, a.shape
    b = b[:, None] if vector else b
    if not a.size:
        x, s, rank = zeros((n, b.shape[1]), a.dtype), empty(0, a.dtype), asarray(0, int)
    else:
        eps = dtypes.finfo(a.dtype).eps
        rcond = eps * max(n, m) if rcond is None else pick(asarray(rcond) < 0, eps, rcond)
        x, s, rank = _least_squares(a, b, convert(asarray(rcond), dtypes.finfo(a.dtype).dtype))
    if numpy_resid and (m <= n or int(rank) < n):
        residuals = asarray(np.zeros(0))
    else:
        apart = b - matmul(a, x)
        residuals = reductions.sum(real(apart * apart.conj()), 0)
    return x.reshape(-1) if vector else x, residuals, rank, s


def _truncated(a: Value, rcond: Value) -> tuple[Value, Value, Value, Value, Value]:
    """The singular value decomposition, which values count, and their reciprocals (zero for others)."""
    u, s, vh = svd(a, full_matrices=False)
    mask = (s > 0) & (s >= rcond * s[0])
    return u, s, vh, mask, pick(mask, reciprocal(pick(mask, s, 1)), 0).astype(a.dtype)


@custom_jvp
def _least_squares(a: Value, b: Value, rcond: Value) -> tuple[Value, Value, Value]:
    u, s, vh, mask, inverse = _truncated(a, rcond)
    return matmul(adjoint(vh), inverse[:, None] * matmul(adjoint(u), b)), s, reductions.sum(mask)


@_least_squares.defjvp
def _least_squares_jvp(primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    """The rule of `_pinv` applied to `b`: it needs no distinct singular values, as that of the decomposition would."""
    (a, b, rcond), (da, db, _) = primals, tangents
    u, s, vh, mask, inverse = _truncated(a, rcond)
    v = adjoint(vh)
    pseudo = lambda y: matmul(v, inverse[:, None] * matmul(adjoint(u), y))
    x = pseudo(b)
    normal = matmul(v, (inverse * inverse)[:, None] * matmul(vh, matmul(adjoint(da), b - matmul(a, x))))
    across = matmul(adjoint(da), matmul(u, inverse[:, None] * matmul(vh, x)))
    dx = pseudo(db - matmul(da, x)) + normal + across - pseudo(matmul(a, across))
    ds = real(reductions.sum(u.conj() * matmul(da, v), 0))
    rank = reductions.sum(mask)
    return (x, s, rank), (dx, ds, np.zeros((), dtypes.float0))
