"""Window functions: the weights with which a signal fades out at both ends. And `i0`, which one of them needs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy.ranges import arange
from axil.numpy.transcendental import cos, exp
from axil.numpy.ufuncs import absolute, divide, multiply, sqrt, square, subtract
from axil.numpy.values import Value, filled, promote, shape_error


def _window(name: str, m: Any, weight: Callable[[Value, int], Value]) -> Value:
    """The weights of positions 0 to m - 1; a window of one element is 1."""
    m = operator.index(m)
    if m < 0:
        raise shape_error(f"{name} takes a number of points that is not negative, got {m}")
    dtype = dtypes.default_float_dtype()
    return filled(np.ones((), dtype), (m,)) if m <= 1 else weight(arange(m, dtype=dtype), m - 1)


def _cosine(n: Value, turns: int, last: int) -> Value:
    return cos(multiply(n, 2 * turns * np.pi / last))


def bartlett(M: int) -> Value:  # noqa: N803 - NumPy's names
    """The triangular window of M points, zero at its ends."""
    return _window("bartlett", M, lambda n, last: subtract(1, absolute(subtract(multiply(n, 2 / last), 1))))


def blackman(M: int) -> Value:  # noqa: N803
    """Blackman's window of M points."""
    return _window(
        "blackman", M,
        lambda n, last: 0.42 - multiply(0.5, _cosine(n, 1, last)) + multiply(0.08, _cosine(n, 2, last)),
    )  # fmt: skip


def hamming(M: int) -> Value:  # noqa: N803
    """Hamming's window of M points."""
    return _window("hamming", M, lambda n, last: subtract(0.54, multiply(0.46, _cosine(n, 1, last))))


def hanning(M: int) -> Value:  # noqa: N803
    """Hann's window of M points."""
    return _window("hanning", M, lambda n, last: multiply(0.5, subtract(1, _cosine(n, 1, last))))


def kaiser(M: int, beta: Any) -> Value:  # noqa: N803
    """Kaiser's window of M points with the shape `beta`."""

    def weight(n: Value, last: int) -> Value:
        place = subtract(multiply(n, 2 / last), 1)
        return divide(i0(multiply(beta, sqrt(subtract(1, square(place))))), i0(beta))

    return _window("kaiser", M, weight)


def i0(x: Any) -> Value:
    """The modified Bessel function of the first kind of order 0."""
    from axil.lax import bessel_i0e

    (x,), _ = promote("i0", x, inexact=True)
    if x.dtype.kind == "c":
        raise shape_error(f"i0 takes real numbers, got {x.aval}")
    x = absolute(x)
    return multiply(exp(x), bessel_i0e(x))


