"""Functions of complex numbers, by their real and imaginary parts.

IREE's own need functions that it cannot link for f64, and take its inaccurate sine and arctangent for f32.
Each function here takes the parts of its operands and gives those of its result, in the arithmetic of `staged.py`.
"""

from __future__ import annotations

import math
from typing import Any

from axil.dialects import formulas, staged
from axil.dialects.formulas import asinh as real_asinh
from axil.dialects.formulas import atan2, cos, cosh, sin, sinh
from axil.dialects.staged import absolute, clamped, where

Parts = tuple[Any, Any]


def _size(x: Any, y: Any) -> tuple[Any, Any]:
    """The larger of the parts' sizes, and the square of what the other is to it."""
    a, b = absolute(x), absolute(y)
    large, small = where(a < b, b, a), where(a < b, a, b)
    usual = (large > 0) & (large < math.inf)
    ratio = where(usual, small / where(usual, large, 1.0), 0.0)
    return where((x != x) | (y != y), math.nan, large), ratio * ratio


def _inverse(x: Any, y: Any) -> Parts:
    d = x * x + y * y
    return x / d, -(y / d)


def exp(x: Any, y: Any) -> Parts:
    """Exponential."""
    size = staged.exp(x)
    return where(y == 0, size, size * cos(y)), where(y == 0, y, size * sin(y))


def expm1(x: Any, y: Any) -> Parts:
    """exp(z) - 1."""
    half = sin(y * 0.5)
    return formulas.expm1(x) * cos(y) - 2.0 * half * half, exp(x, y)[1]


def log(x: Any, y: Any) -> Parts:
    """Natural logarithm, its imaginary part from -pi to pi."""
    large, square = _size(x, y)
    return staged.log(large) + 0.5 * formulas.log1p(square), atan2(y, x)


def log1p(x: Any, y: Any) -> Parts:
    """log(1 + z)."""
    near = (absolute(x) < 0.5) & (absolute(y) < 0.5)
    u, v = where(near, x, 0.0), where(near, y, 0.0)
    return where(near, 0.5 * formulas.log1p(u * (u + 2.0) + v * v), log(x + 1.0, y)[0]), atan2(y, x + 1.0)


def sqrt(x: Any, y: Any) -> Parts:
    """Square root, its real part not negative."""
    large, square = _size(x, y)
    root = staged.sqrt(0.5 * absolute(x) + 0.5 * large * staged.sqrt(square + 1.0))
    other = where(root == 0, 0.0, absolute(y) / (2.0 * where(root == 0, 1.0, root)))
    right = x >= 0
    return where(right, root, other), formulas.with_sign_bit_of(where(right, other, root), y)


def rsqrt(x: Any, y: Any) -> Parts:
    """Reciprocal square root."""
    return _inverse(*sqrt(x, y))


def logistic(x: Any, y: Any) -> Parts:
    """1 / (1 + exp(-z))."""
    u, v = exp(-x, -y)
    return _inverse(u + 1.0, v)


def sine(x: Any, y: Any) -> Parts:
    """Sine."""
    return sin(x) * cosh(y), cos(x) * sinh(y)


def cosine(x: Any, y: Any) -> Parts:
    """Cosine."""
    return cos(x) * cosh(y), -(sin(x) * sinh(y))


def tan(x: Any, y: Any) -> Parts:
    """Tangent. Far from the real line it is i or -i."""
    y = clamped(y, -30.0, 30.0)
    s, c, sh = sin(x), cos(x), sinh(y)
    d = c * c + sh * sh
    return s * c / d, sh * cosh(y) / d


def tanh(x: Any, y: Any) -> Parts:
    """Hyperbolic tangent."""
    u, v = tan(-y, x)
    return v, -u


def power(x: Any, y: Any, u: Any, v: Any) -> Parts:
    """(x + iy)^(u + iv)."""
    zero = (x == 0) & (y == 0)
    size, angle = log(where(zero, 1.0, x), y)
    re, im = exp(u * size - v * angle, u * angle + v * size)
    of_zero = where(u > 0, 0.0, u * math.nan)
    one = (u == 0) & (v == 0)
    return where(one, 1.0, where(zero, of_zero, re)), where(one, 0.0, where(zero, of_zero, im))


# ---- inverse trigonometry and hyperbolic functions -----------------------------------------------------
#
# W. Kahan, Branch Cuts for Complex Elementary Functions (1987): products of square roots keep the sides of the
# branch cuts apart, and lose no digits near them.


def hyperbolic_sine(x: Any, y: Any) -> Parts:
    """Hyperbolic sine."""
    return where(x == 0, x, sinh(x) * cos(y)), where(y == 0, y, cosh(x) * sin(y))


def hyperbolic_cosine(x: Any, y: Any) -> Parts:
    """Hyperbolic cosine."""
    return cosh(x) * cos(y), where((x == 0) | (y == 0), x * y, sinh(x) * sin(y))


def asin(x: Any, y: Any) -> Parts:
    """Inverse sine."""
    a, b = sqrt(1.0 - x, -y)
    c, d = sqrt(1.0 + x, y)
    return atan2(x, a * c - b * d), real_asinh(a * d - b * c)


def acos(x: Any, y: Any) -> Parts:
    """Inverse cosine."""
    a, b = sqrt(1.0 - x, -y)
    c, d = sqrt(1.0 + x, y)
    return 2.0 * atan2(a, c), real_asinh(c * b - d * a)


def acosh(x: Any, y: Any) -> Parts:
    """Inverse hyperbolic cosine, its real part not negative."""
    a, b = sqrt(x - 1.0, y)
    c, d = sqrt(x + 1.0, y)
    return real_asinh(a * c + b * d), 2.0 * atan2(b, c)


def asinh(x: Any, y: Any) -> Parts:
    """Inverse hyperbolic sine."""
    u, v = asin(-y, x)
    return v, -u


def atanh(x: Any, y: Any) -> Parts:
    """Inverse hyperbolic tangent. Far from the origin it is i pi/2 or -i pi/2."""
    far = (absolute(x) > 1e15) | (absolute(y) > 1e15)
    u, v = where(far, 0.0 * x, x), where(far, 0.0, y)
    less = 1.0 - u
    re = formulas.log1p(4.0 * u / (less * less + v * v)) * 0.25
    im = atan2(2.0 * v, less * (1.0 + u) - v * v) * 0.5
    turn = formulas.with_sign_bit_of(0.0 * absolute(v) + math.pi / 2, y)
    nothing = formulas.with_sign_bit_of(0.0 * absolute(u), x)
    return where(far, nothing, re), where(far, turn, im)


def atan(x: Any, y: Any) -> Parts:
    """Inverse tangent. Far from the origin it is pi/2 or -pi/2."""
    u, v = atanh(-y, x)
    return v, -u
