"""Norms of vectors and matrices, condition numbers and ranks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy import reductions, shaping
from axil.numpy.linalg.decompositions import svd, svdvals
from axil.numpy.linalg.solving import inv
from axil.numpy.logic import isnan, pick
from axil.numpy.ufuncs import absolute, conjugate, multiply, power, real, reciprocal, sqrt
from axil.numpy.values import Array, Tracer, Value, canonical_axes, convert, operand, promote, shape_error


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:  # noqa: A002 - NumPy's name
    """A norm of vectors (one axis) or matrices (two axes); by default the square root of the sum of squares.

    Orders of matrices are "fro", "nuc" (the sum of singular values), 1, -1, 2, -2, inf and -inf; those of vectors are
    numbers. Raises `ValueError` for others.
    """
    (x,), _ = promote("norm", x, inexact=True)
    if axis is None and ord is None:
        return _root_of_squares(x, None, keepdims)
    if isinstance(axis, Iterable) and not isinstance(axis, (Array, Tracer, np.ndarray)):
        axis = tuple(axis)
    axes = canonical_axes(axis, x.ndim)
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)
    raise shape_error(f"norm takes one axis (vectors) or two (matrices), got {axes} of {x.aval}")


def _squares(x: Value) -> Value:
    return real(multiply(x, conjugate(x))) if x.dtype.kind == "c" else multiply(x, x)


def _root_of_squares(x: Value, axes: Any, keepdims: bool) -> Value:
    return sqrt(reductions.sum(_squares(x), axes, keepdims=keepdims))


def _vector_norm(x: Value, ord: Any, axes: Any, keepdims: bool) -> Value:  # noqa: A002
    if isinstance(ord, str):
        raise shape_error(f"norm of vectors takes a number as its order, got {ord!r}", "for inf, use axil.numpy.inf")
    if ord is None or ord == 2:
        return _root_of_squares(x, axes, keepdims)
    if ord == np.inf:
        return reductions.max(absolute(x), axes, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return reductions.min(absolute(x), axes, keepdims=keepdims)
    if ord == 0:
        return reductions.sum(convert(x != 0, dtypes.finfo(x.dtype).dtype), axes, keepdims=keepdims)
    if ord == 1:
        return reductions.sum(absolute(x), axes, keepdims=keepdims)
    magnitude = absolute(x)
    total = reductions.sum(power(magnitude, convert(ord, magnitude.dtype)), axes, keepdims=keepdims)
    return power(total, reciprocal(convert(ord, total.dtype)))


def _matrix_norm(x: Value, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:  # noqa: A002
    rows, columns = axes
    if ord in ("fro", "f"):
        return _root_of_squares(x, axes, keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = reductions.sum(absolute(x), along, keepdims=True)
        if ord > 0:
            result = reductions.max(sums, over, keepdims=True, initial=0)
        else:
            result = reductions.min(sums, over, keepdims=True)
        return result if keepdims else shaping.squeeze(result, axes)
    if ord not in ("nuc", 2, -2):
        raise shape_error(
            f"norm of matrices of order {ord!r}: there are 'fro', 'nuc', 1, -1, 2, -2, inf and -inf"
        )
    s = svdvals(shaping.moveaxis(x, axes, (-2, -1)))
    if ord == "nuc":
        result = reductions.sum(s, -1)
    else:
        result = reductions.max(s, -1, initial=0) if ord == 2 else reductions.min(s, -1)
    return shaping.expand_dims(result, axes) if keepdims else result


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:  # noqa: A002
    """A norm over any axes, as if their elements were one vector."""
    x = operand("vector_norm", x)
    return _vector_norm(x, ord, canonical_axes(axis, x.ndim), keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:  # noqa: A002
    """A norm of the matrices in the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def cond(x: Any, p: Any = None) -> Value:
    """The condition number: the norm of a matrix times that of its inverse; by default the ratio of singular values.

    Infinite for singular matrices. Raises `ValueError` for empty ones, and for others than square where `p` needs it.
    """
    x = operand("cond", x)
    if x.ndim < 2 or not x.shape[-1] or not x.shape[-2]:
        raise shape_error(f"cond takes matrices that are not empty, got {x.aval}")
    if p is None or p == 2:
        s = svdvals(x)
        return s[..., 0] / s[..., -1]
    if p == -2:
        s = svdvals(x)
        result = s[..., -1] / s[..., 0]
    else:
        if x.shape[-2] != x.shape[-1]:
            raise shape_error(f"cond: for p={p!r}, matrices must be square; got {x.aval}")
        result = norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))
    return pick(isnan(result) & ~reductions.any(isnan(x), (-2, -1)), np.inf, result)


def matrix_rank(
    M: Any,  # noqa: N803 - NumPy's name
    rtol: Any = None, *, hermitian: bool = False, tol: Any = None,
) -> Value:  # fmt: skip
    """How many singular values are above `rtol`, by default the largest times the larger size times the precision.

    As in JAX `rtol`, of which `tol` is another name, is compared with the singular values themselves.
    """
    if tol is not None:
        if rtol is not None:
            raise shape_error("matrix_rank: only one of tol or rtol may be specified.")
        rtol = tol
    (m,), _ = promote("matrix_rank", M, inexact=True)
    if m.ndim < 2:
        return convert(reductions.any(m != 0), np.dtype(np.int32))
    s = svd(m, full_matrices=False, compute_uv=False, hermitian=hermitian)
    if rtol is None:
        rtol = reductions.max(s, -1) * (max(m.shape[-2:]) * dtypes.finfo(s.dtype).eps)
    return reductions.sum(s > shaping.expand_dims(rtol, np.ndim(rtol)), -1)
