"""Special functions of each element: error and gamma functions, inverse and hyperbolic trigonometry."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.core import Array, bind
from axil.dialects import special as s
from axil.dialects import special_bessel, special_beta, special_gamma
from axil.dialects.op import Op
from axil.lax.common import (
    aligned,
    binary,
    check_same_dtype,
    constant_like,
    converted,
    is_weak,
    operand,
    spread,
    unary,
)
from axil.lax.elementwise import add, eq, exp, floor, mul, neg, rem, select


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
    """The derivative of order `m` of `digamma`, for integers `m` of `x`'s dtype; NaN for other orders."""
    x = operand("polygamma", x)
    if isinstance(m, (int, float, np.ndarray, np.generic, Array)):
        orders = np.asarray(m)
        order = float(orders.flat[0]) if orders.size else -1.0
        if order >= 0 and order.is_integer() and (orders == order).all() and orders.shape in ((), x.aval.shape):
            if isinstance(m, Array):
                check_same_dtype("polygamma", (m, x))
            return digamma(x) if not order else bind(s.polygamma, x, n=int(order), weak=x.weak_type)
    return _polygamma_of_orders(m, x)


def _polygamma_of_orders(m: Any, x: Any) -> Any:
    """(-1)^(m + 1) m! zeta(m + 1, x), for orders that differ or are not known yet."""
    m = operand("polygamma", m)
    m, x = aligned("polygamma", (converted(m, x.aval.dtype) if m.weak_type else m, x))
    one, two, zero, nan = (constant_like(m, v) for v in (1, 2, 0, np.nan))
    odd, whole = eq(rem(m, two), one), eq(floor(m), m)
    size = mul(exp(lgamma(add(m, one))), zeta(add(m, one), x))
    result = select(eq(m, zero), digamma(x), select(odd, size, neg(size)))
    return select(whole, result, spread(nan, result.aval.shape))


def _nary(op: Op, name: str, *xs: Any) -> Any:
    """Run an elementwise op of several operands."""
    xs = aligned(name, xs)  # type: ignore[assignment]
    return bind(op, *xs, weak=is_weak(xs))


def igamma(a: Any, x: Any) -> Any:
    """Regularized lower incomplete gamma function; differentiable in both operands, once in `a`."""
    return _nary(special_gamma.igamma, "igamma", a, x)


def igammac(a: Any, x: Any) -> Any:
    """`1 - igamma(a, x)`, accurate where that is small."""
    return _nary(special_gamma.igammac, "igammac", a, x)


def igamma_grad_a(a: Any, x: Any) -> Any:
    """The derivative of `igamma` in `a`."""
    return _nary(special_gamma.igamma_grad_a, "igamma_grad_a", a, x)


def random_gamma_grad(a: Any, x: Any) -> Any:
    """The derivative in `a` of a number `x` that was drawn from the gamma distribution of parameter `a`."""
    return _nary(special_gamma.random_gamma_grad, "random_gamma_grad", a, x)


def betainc(a: Any, b: Any, x: Any) -> Any:
    """Regularized incomplete beta function; differentiable in `x` only."""
    return _nary(special_beta.betainc, "betainc", a, b, x)


def zeta(x: Any, q: Any) -> Any:
    """Hurwitz' zeta function: the sum of `(q + n) ** -x` over integers `n >= 0`."""
    return _nary(special_gamma.zeta, "zeta", x, q)


def bessel_i0e(x: Any) -> Any:
    """`exp(-|x|)` times the modified Bessel function of order 0."""
    return unary(special_bessel.bessel_i0e, x)


def bessel_i1e(x: Any) -> Any:
    """`exp(-|x|)` times the modified Bessel function of order 1."""
    return unary(special_bessel.bessel_i1e, x)


def nextafter(x1: Any, x2: Any) -> Any:
    """The number next to `x1` in the direction of `x2`."""
    return binary(s.nextafter, x1, x2)
