"""Special functions of each element: error and gamma functions, inverse and hyperbolic trigonometry."""

from __future__ import annotations

from typing import Any

from axil.dialects.factories import ops
from axil.lax.common import binary, unary


def asin(x: Any) -> Any:
    """Inverse sine."""
    return unary(ops.asin, x)


def acos(x: Any) -> Any:
    """Inverse cosine."""
    return unary(ops.acos, x)


def atan(x: Any) -> Any:
    """Inverse tangent."""
    return unary(ops.atan, x)


def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return unary(ops.sinh, x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return unary(ops.cosh, x)


def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    return unary(ops.asinh, x)


def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    return unary(ops.acosh, x)


def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    return unary(ops.atanh, x)


def erf(x: Any) -> Any:
    """Error function."""
    return unary(ops.erf, x)


def erfc(x: Any) -> Any:
    """`1 - erf(x)`, accurate for large `x`."""
    return unary(ops.erfc, x)


def erf_inv(x: Any) -> Any:
    """Inverse of the error function."""
    return unary(ops.erf_inv, x)


def lgamma(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function."""
    return unary(ops.lgamma, x)


def digamma(x: Any) -> Any:
    """Derivative of `lgamma`."""
    return unary(ops.digamma, x)


def nextafter(x1: Any, x2: Any) -> Any:
    """The number next to `x1` in the direction of `x2`."""
    return binary(ops.nextafter, x1, x2)
