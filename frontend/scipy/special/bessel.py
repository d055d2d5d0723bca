"""Bessel functions: modified ones of orders 0 and 1, and those of the first kind of integer orders."""

from __future__ import annotations

from typing import Any

from axil import lax
from axil import numpy as anp
from axil.dialects import special_bessel as b
from axil.numpy.values import Value, shape_error
from axil.scipy.special.common import apply, floats, integer


def i0e(x: Any) -> Value:
    """``exp(-|x|) * i0(x)``."""
    return apply("i0e", b.bessel_i0e, x)


def i0(x: Any) -> Value:
    """Modified Bessel function of the first kind of order 0."""
    (x,), _ = floats("i0", x)
    return anp.exp(anp.abs(x)) * i0e(x)


def i1e(x: Any) -> Value:
    """``exp(-|x|) * i1(x)``."""
    return apply("i1e", b.bessel_i1e, x)


def i1(x: Any) -> Value:
    """Modified Bessel function of the first kind of order 1."""
    (x,), _ = floats("i1", x)
    return anp.exp(anp.abs(x)) * i1e(x)


def bessel_jn(z: Any, *, v: int, n_iter: int = 50) -> Value:
    """Bessel functions of the first kind of orders 0 to `v`, along a new first axis.

    By Miller's backward recurrence from order `n_iter`, in quotients of neighbours so that nothing overflows. It has
    to start well above `v` and ``|z|``: 50 serve up to about ``|z| = 30``.
    """
    order, start = integer("bessel_jn", "v", v), integer("bessel_jn", "n_iter", n_iter)
    (z,), _ = floats("bessel_jn", z)
    if not 0 <= order <= start:
        raise shape_error(f"bessel_jn: the order v must be from 0 to n_iter={start}, got {order}")

    def step(carry: Any, k: Any) -> Any:
        """The quotient J_k / J_(k-1), and the sum of J_j / J_(k-1) over even j >= k."""
        quotient, total = carry
        quotient = z / (2 * k - z * quotient)
        return (quotient, quotient * (total + (k % 2 == 0))), quotient

    orders = anp.arange(1, start + 2, dtype=z.aval.dtype)
    zero = anp.zeros_like(z)
    (_, total), quotients = lax.scan(step, (zero, zero), orders, reverse=True)
    first = 1 / (1 + 2 * total)
    products = anp.cumprod(anp.concatenate([anp.ones_like(z)[None], quotients[:order]]), axis=0)
    return first * products


__all__ = ["bessel_jn", "i0", "i0e", "i1", "i1e"]
