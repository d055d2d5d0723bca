"""Products, powers and parts of matrices, which need no factorisation (negative powers aside)."""

from __future__ import annotations

import functools
import operator
from typing import Any

from axil.numpy import contraction, shaping
from axil.numpy.contraction import cross as _cross
from axil.numpy.contraction import matmul
from axil.numpy.creation import eye
from axil.numpy.selection import diagonal as _diagonal
from axil.numpy.values import Value, operand, shape_error, type_error


def matrix_power(a: Any, n: int) -> Value:
    """A square matrix to the power n; for negative n that of its inverse. Raises `TypeError` for other shapes."""
    from axil.numpy.linalg.solving import inv

    a = operand("matrix_power", a)
    try:
        n = operator.index(n)
    except TypeError:
        raise type_error(f"matrix_power: the exponent must be an integer, got {n!r}") from None
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise shape_error(f"matrix_power takes square matrices, got {a.aval}")
    if not n:
        return shaping.broadcast_to(eye(a.shape[-1], dtype=a.dtype), a.shape)
    if n < 0:
        a, n = inv(a), -n
    result = None
    while True:
        if n & 1:
            result = a if result is None else matmul(result, a)
            if n == 1:
                return result
        a, n = matmul(a, a), n >> 1


def multi_dot(arrays: Any, *, precision: Any = None) -> Value:
    """Product of several matrices, in the cheapest order; the first and the last may be vectors."""
    values = [operand("multi_dot", a, i) for i, a in enumerate(arrays)]
    if len(values) < 2:
        raise shape_error("multi_dot takes at least two arrays")
    inner = all(v.ndim == 2 for v in values[1:-1])
    if not inner or values[0].ndim not in (1, 2) or values[-1].ndim not in (1, 2):
        raise shape_error(
            "multi_dot takes matrices, of which the first and the last may be vectors, got shapes "
            f"{[v.shape for v in values]}"
        )
    if any(a.shape[-1] != b.shape[0] for a, b in zip(values, values[1:])):
        raise shape_error(f"multi_dot: these shapes do not fit one another: {[v.shape for v in values]}")
    if len(values) == 2:
        return contraction.dot(*values)
    sizes = [1 if values[0].ndim == 1 else values[0].shape[0], *(v.shape[0] for v in values[1:])]
    sizes.append(1 if values[-1].ndim == 1 else values[-1].shape[1])

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """Cost of the product of matrices i to j, and where to split it."""
        if i == j:
            return 0, i
        return min((best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i: int, j: int) -> Value:
        if i == j:
            return values[i]
        k = best(i, j)[1]
        return contraction.dot(product(i, k), product(k + 1, j))

    return product(0, len(values) - 1)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Value:
    """The cross product of vectors of three elements along an axis."""
    x1, x2 = operand("cross", x1, 0), operand("cross", x2, 1)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise shape_error(
            f"linalg.cross takes arrays of 3-dimensional vectors along axis {axis}, got {x1.aval} and {x2.aval}"
        )
    return _cross(x1, x2, axis=axis)


def outer(x1: Any, x2: Any, /) -> Value:
    """All products of an element of one vector and an element of another."""
    x1, x2 = operand("outer", x1, 0), operand("outer", x2, 1)
    if x1.ndim != 1 or x2.ndim != 1:
        raise shape_error(f"linalg.outer takes vectors, got {x1.aval} and {x2.aval}")
    return x1[:, None] * x2[None, :]


def matrix_transpose(x: Any, /) -> Value:
    """The matrices in the last two axes, transposed."""
    return shaping.matrix_transpose(x)


def diagonal(x: Any, /, *, offset: int = 0) -> Value:
    """A diagonal of the matrices in the last two axes."""
    return _diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Value:
    """Sum of a diagonal of the matrices in the last two axes."""
    return contraction.trace(x, offset, -2, -1, dtype)


def adjoint(x: Value) -> Value:
    """The conjugate transpose of the matrices in the last two axes."""
    x = shaping.matrix_transpose(x)
    return x.conj() if x.dtype.kind == "c" else x
