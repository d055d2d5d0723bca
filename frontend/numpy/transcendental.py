"""Exponentials, logarithms and trigonometry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import complex as c
from axil.dialects import elementwise as e
from axil.dialects import special as sp
from axil.numpy.logic import equal, greater, isnan
from axil.numpy.logic import pick as where
from axil.numpy.ufuncs import (
    absolute,
    add,
    both_weak,
    divide,
    imag,
    maximum,
    multiply,
    negative,
    real,
    remainder,
    sqrt,
    square,
    subtract,
)
from axil.numpy.values import Value, binary, bind, dtype_and_weak, promote, reweaken, unary

# ---- exponentials and logarithms -----------------------------------------------------------------------


def exp(x: Any, /) -> Value:
    """Exponential."""
    return unary("exp", e.exp, x, inexact=True)


def exp2(x: Any, /) -> Value:
    """Power of two."""
    return unary("exp2", sp.exp2, x, inexact=True)


def expm1(x: Any, /) -> Value:
    """exp(x) - 1, accurate near 0."""
    return unary("expm1", e.expm1, x, inexact=True)


def log(x: Any, /) -> Value:
    """Natural logarithm."""
    return unary("log", e.log, x, inexact=True)


def log2(x: Any, /) -> Value:
    """Logarithm to base 2."""
    return _over(log(x), math.log(2.0))


def log10(x: Any, /) -> Value:
    """Logarithm to base 10."""
    return _over(log(x), math.log(10.0))


def _over(x: Value, divisor: float) -> Value:
    """A quotient by a constant, strongly typed. The parts of complex numbers, which may be infinite, stay apart."""
    if x.aval.dtype.kind == "c":
        return bind(c.complex_, divide(real(x), divisor), divide(imag(x), divisor))
    return divide(reweaken(x, False), divisor)


def log1p(x: Any, /) -> Value:
    """log(1 + x), accurate near 0."""
    return unary("log1p", e.log1p, x, inexact=True)


def logaddexp(x: Any, y: Any, /) -> Value:
    """log(exp(x) + exp(y)), without overflow."""
    (x, y), _ = promote("logaddexp", x, y, inexact=True)
    if x.aval.dtype.kind == "c":
        high = maximum(x, y)
        return _turned(add(high, log1p(exp(subtract(add(x, y), multiply(high, 2))))), np.pi)
    gap = subtract(x, y)
    # Infinities of one sign have no difference: their sum is what both are.
    same = add(x, log1p(exp(negative(absolute(gap)))))
    return where(
        isnan(gap), add(x, y), where(greater(gap, 0), same, add(y, log1p(exp(negative(absolute(gap))))))
    )


def _turned(x: Value, half: float) -> Value:
    """With the imaginary part between -half and half, by whole turns."""
    angle_ = subtract(remainder(add(imag(x), half), 2 * half), half)
    return bind(c.complex_, real(x), angle_)


def logaddexp2(x: Any, y: Any, /) -> Value:
    """log2(2^x + 2^y), without overflow."""
    weak = both_weak("logaddexp2", x, y)
    (x, y), _ = promote("logaddexp2", x, y, inexact=True)
    ln2 = math.log(2.0)
    if x.aval.dtype.kind == "c":
        return _turned(_over(logaddexp(multiply(x, ln2), multiply(y, ln2)), ln2), np.pi / ln2)
    return reweaken(_over(logaddexp(multiply(x, ln2), multiply(y, ln2)), ln2), weak)


# ---- trigonometry --------------------------------------------------------------------------------------


def sin(x: Any, /) -> Value:
    """Sine."""
    return unary("sin", e.sin, x, inexact=True)


def cos(x: Any, /) -> Value:
    """Cosine."""
    return unary("cos", e.cos, x, inexact=True)


def tan(x: Any, /) -> Value:
    """Tangent."""
    return unary("tan", e.tan, x, inexact=True)


def arcsin(x: Any, /) -> Value:
    """Inverse sine."""
    return unary("arcsin", sp.asin, x, inexact=True)


def arccos(x: Any, /) -> Value:
    """Inverse cosine."""
    return unary("arccos", sp.acos, x, inexact=True)


def arctan(x: Any, /) -> Value:
    """Inverse tangent."""
    return unary("arctan", sp.atan, x, inexact=True)


def arctan2(x: Any, y: Any, /) -> Value:
    """Angle of the point (y, x), from -pi to pi."""
    if dtype_and_weak("arctan2", x)[0].kind != "c" and dtype_and_weak("arctan2", y, 1)[0].kind != "c":
        return binary("arctan2", e.atan2, x, y, inexact=True)
    (x, y), _ = promote("arctan2", x, y)
    point = divide(add(y, multiply(x, 1j)), sqrt(add(square(x), square(y))))
    return multiply(log(point), -1j)


def sinh(x: Any, /) -> Value:
    """Hyperbolic sine."""
    return unary("sinh", sp.sinh, x, inexact=True)


def cosh(x: Any, /) -> Value:
    """Hyperbolic cosine."""
    return unary("cosh", sp.cosh, x, inexact=True)


def tanh(x: Any, /) -> Value:
    """Hyperbolic tangent."""
    return unary("tanh", e.tanh, x, inexact=True)


def arcsinh(x: Any, /) -> Value:
    """Inverse hyperbolic sine."""
    return unary("arcsinh", sp.asinh, x, inexact=True)


def arccosh(x: Any, /) -> Value:
    """Inverse hyperbolic cosine."""
    return unary("arccosh", sp.acosh, x, inexact=True)


def arctanh(x: Any, /) -> Value:
    """Inverse hyperbolic tangent."""
    return unary("arctanh", sp.atanh, x, inexact=True)


asin, acos, atan, atan2 = arcsin, arccos, arctan, arctan2
asinh, acosh, atanh = arcsinh, arccosh, arctanh


def deg2rad(x: Any, /) -> Value:
    """Degrees to radians."""
    return _scaled("deg2rad", x, np.pi / 180)


def rad2deg(x: Any, /) -> Value:
    """Radians to degrees."""
    return _scaled("rad2deg", x, 180 / np.pi)


radians, degrees = deg2rad, rad2deg


def _scaled(name: str, x: Any, factor: float) -> Value:
    (x,), _ = promote(name, x, inexact=True)
    return multiply(x, factor)


def sinc(x: Any, /) -> Value:
    """sin(pi x) / (pi x), which is 1 at 0."""
    (x,), _ = promote("sinc", x, inexact=True)
    zero = equal(x, 0)
    angle = multiply(x, np.pi)
    safe = where(zero, 1, angle)
    # 1 - angle^2 / 6 has the value and the first two derivatives of the function at 0.
    return where(zero, subtract(1, divide(square(angle), 6)), divide(sin(safe), safe))


def angle(z: Any, deg: bool = False) -> Value:
    """Angle in the complex plane."""
    (z,), _ = promote("angle", z, inexact=True)
    result = reweaken(arctan2(imag(z), real(z)), z.weak_type and z.aval.dtype.kind == "c")
    return rad2deg(result) if deg else result
