"""Exponential, sine, cosine and Fresnel integrals, Spence's function, hypergeometric functions."""

from __future__ import annotations

from typing import Any

from axil.dialects import special_hypergeometric as h
from axil.dialects import special_integrals as i
from axil.numpy.values import Value
from axil.scipy.special.common import apply_strong, floats


def expi(x: Any) -> Value:
    """Exponential integral Ei(x): the principal value of the integral of ``exp(t) / t`` up to `x`."""
    return apply_strong("expi", i.expi, x)


def expn(n: Any, x: Any) -> Value:
    """Exponential integral of integer order `n`: of ``exp(-x * t) / t ** n`` over t > 1; differentiable in `x`."""
    return apply_strong("expn", i.expn, n, x)


def exp1(x: Any) -> Value:
    """Exponential integral of order 1."""
    (x,), _ = floats("exp1", x)
    return expn(1, x)


def sici(x: Any) -> tuple[Value, Value]:
    """Sine and cosine integrals; the cosine integral of negative `x` is that of ``-x``, its real part."""
    (x,), _ = floats("sici", x)
    return apply_strong("sici", i.sine_integral, x), apply_strong("sici", i.cosine_integral, x)


def fresnel(x: Any) -> tuple[Value, Value]:
    """Fresnel integrals S and C: of the sine and the cosine of ``pi / 2 * t ** 2`` from 0 to `x`."""
    (x,), _ = floats("fresnel", x)
    return apply_strong("fresnel", i.fresnel_sine, x), apply_strong("fresnel", i.fresnel_cosine, x)


def spence(x: Any) -> Value:
    """Spence's function: the integral of ``log(t) / (1 - t)`` from 1 to `x`, the dilogarithm of ``1 - x``."""
    return apply_strong("spence", i.spence, x)


def hyp1f1(a: Any, b: Any, x: Any) -> Value:
    """Confluent hypergeometric function 1F1(a; b; x); differentiable in all, once in the parameters."""
    return apply_strong("hyp1f1", h.hyp1f1, a, b, x)


def hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Value:
    """Gauss' hypergeometric function 2F1(a, b; c; x) for x <= 1; differentiable in all, once in the parameters.

    Beyond 1 it is infinite, unless it is a polynomial.
    """
    return apply_strong("hyp2f1", h.hyp2f1, a, b, c, x)


__all__ = ["exp1", "expi", "expn", "fresnel", "hyp1f1", "hyp2f1", "sici", "spence"]
