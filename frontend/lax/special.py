"""Special functions of each element: error and gamma functions, inverse and hyperbolic trigonometry."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.core import bind
from axil.dialects import special as s
from axil.lax.common import binary, fail, operand, unary


def asin(x: Any) -> Any:
    """Inverse sine."""
    return unary(s.asin, x)


def acos(x: Any) -> Any:
    """Inverse cosine."""
    return unary(s.acos, x)


def atan(x: Any) -> Any:
    """Inverse tangent."""
    return unary(s.atan, x)


def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return unary(s.sinh, x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return unary(s.cosh, x)


def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    return unary(s.asinh, x)


def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    return unary(s.acosh, x)


def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    return unary(s.atanh, x)


def erf(x: Any) -> Any:
    """Error function."""
    return unary(s.erf, x)


def erfc(x: Any) -> Any:
    """`1 - erf(x)`, accurate for large `x`."""
    return unary(s.erfc, x)


def erf_inv(x: Any) -> Any:
    """Inverse of the error function."""
    return unary(s.erf_inv, x)


def lgamma(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function."""
    return unary(s.lgamma, x)


def digamma(x: Any) -> Any:
    """Derivative of `lgamma`."""
    return unary(s.digamma, x)


def polygamma(m: Any, x: Any) -> Any:
    """The derivative of order `m`, a constant, of `digamma`, for positive `x`."""
    order = np.asarray(m)
    if not order.size or order.min() != order.max() or order.flat[0] != int(order.flat[0]):
        fail(f"lax.polygamma: the order must be one integer, got {m!r}")
    n, x = int(order.flat[0]), operand("polygamma", x)
    return digamma(x) if n == 0 else bind(s.polygamma, x, n=n, weak=x.weak_type)


def nextafter(x1: Any, x2: Any) -> Any:
    """The number next to `x1` in the direction of `x2`."""
    return binary(s.nextafter, x1, x2)
