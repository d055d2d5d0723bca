"""Linear algebra that needs no factorisation: norms, products, traces."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from axil.numpy import contraction, reductions
from axil.numpy.contraction import cross, matmul, outer, tensordot, vecdot
from axil.numpy.creation import eye
from axil.numpy.logic import pick
from axil.numpy.selection import diagonal as _diagonal
from axil.numpy.shaping import matrix_transpose
from axil.numpy.ufuncs import absolute, conjugate, multiply, power, real, reciprocal, sqrt
from axil.numpy.values import Value, canonical_axes, convert, operand, promote, shape_error

__all__ = [
    "cross", "diagonal", "matmul", "matrix_norm", "matrix_power", "matrix_transpose", "multi_dot", "norm", "outer",
    "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    """A norm of vectors (one axis) or matrices (two axes); by default the square root of the sum of squares.

    Of matrices there are "fro", 1, -1, inf and -inf; the norms that need singular values come with the factorisations.
    """
    (x,), _ = promote("norm", x, inexact=True)
    if axis is None and ord is None:
        return _root_of_squares(x, None, keepdims)
    axes = canonical_axes(axis, x.ndim)
    if axis is None and x.ndim not in (1, 2):
        raise shape_error(f"norm of order {ord} takes a vector or a matrix, or axes; got {x.aval}")
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)
    raise shape_error(f"norm takes one or two axes, got {axis}")


def _squares(x: Value) -> Value:
    return real(multiply(x, conjugate(x))) if x.dtype.kind == "c" else multiply(x, x)


def _root_of_squares(x: Value, axes: Any, keepdims: bool) -> Value:
    return sqrt(reductions.sum(_squares(x), axes, keepdims=keepdims))


def _vector_norm(x: Value, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    if isinstance(ord, str) and ord != "inf" and ord != "-inf":
        raise shape_error(f"norm of vectors takes a number as its order, got {ord!r}")
    ord = float(ord) if isinstance(ord, str) else ord
    if ord == 2:
        return _root_of_squares(x, axes, keepdims)
    if ord == np.inf:
        return reductions.max(absolute(x), axes, keepdims=keepdims)
    if ord == -np.inf:
        return reductions.min(absolute(x), axes, keepdims=keepdims)
    if ord == 0:
        return reductions.sum(convert(x != 0, absolute(x).dtype), axes, keepdims=keepdims)
    if ord == 1:
        return reductions.sum(absolute(x), axes, keepdims=keepdims)
    magnitude = absolute(x)
    total = reductions.sum(power(magnitude, convert(ord, magnitude.dtype)), axes, keepdims=keepdims)
    return power(total, reciprocal(convert(ord, total.dtype)))


def _matrix_norm(x: Value, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    rows, columns = axes
    if ord in ("fro", "f"):
        return _root_of_squares(x, axes, keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = reductions.sum(absolute(x), along, keepdims=True)
        extremum = reductions.max if ord > 0 else reductions.min
        result = extremum(sums, over, keepdims=True)
        return result if keepdims else reductions.sum(result, axes)
    raise shape_error(
        f"norm of matrices of order {ord!r}: there are 'fro', 1, -1, inf and -inf; the orders 2, -2 and 'nuc' need "
        "singular values, which are not there yet"
    )


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:
    """A norm over any axes, as if their elements were one vector."""
    (x,), _ = promote("vector_norm", x, inexact=True)
    return _vector_norm(x, ord, canonical_axes(axis, x.ndim), keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:
    """A norm of the matrices in the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def matrix_power(a: Any, n: int) -> Value:
    """A square matrix multiplied with itself, n times; n is not negative."""
    a = operand("matrix_power", a)
    n = operator.index(n)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise shape_error(f"matrix_power takes square matrices, got {a.aval}")
    if n < 0:
        raise shape_error(
            "matrix_power takes no negative powers: they need the inverse, which is not there yet"
        )
    if not n:
        return pick(eye(a.shape[-1], dtype=bool), convert(1, a.dtype), multiply(a, 0))
    result = None
    while True:
        if n & 1:
            result = a if result is None else matmul(result, a)
            if n == 1:
                return result
        a, n = matmul(a, a), n >> 1


def multi_dot(arrays: Any, *, precision: Any = None) -> Value:
    """Product of several matrices, in the cheapest order."""
    values = [operand("multi_dot", a, i) for i, a in enumerate(arrays)]
    if len(values) < 2:
        raise shape_error("multi_dot takes at least two arrays")
    if len(values) == 2:
        return contraction.dot(*values)
    sizes = [1 if values[0].ndim == 1 else values[0].shape[0], *(v.shape[0] for v in values[1:])]
    sizes.append(1 if values[-1].ndim == 1 else values[-1].shape[1])
    if values[0].ndim == 1:
        sizes[1] = values[0].shape[0]

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """Cost of the product of matrices i to j, and where to split it."""
        if i == j:
            return 0, i
        return min(
            (best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
            for k in range(i, j)
        )

    def product(i: int, j: int) -> Value:
        if i == j:
            return values[i]
        k = best(i, j)[1]
        return contraction.dot(product(i, k), product(k + 1, j))

    return product(0, len(values) - 1)


def diagonal(x: Any, /, *, offset: int = 0) -> Value:
    """A diagonal of the matrices in the last two axes."""
    return _diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Value:
    """Sum of a diagonal of the matrices in the last two axes."""
    return contraction.trace(x, offset, -2, -1, dtype)
