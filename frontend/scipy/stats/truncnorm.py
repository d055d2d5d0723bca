"""The normal distribution truncated to the interval from `a` to `b`, in units of `scale` from `loc`."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats import norm
from axil.scipy.stats.common import impossible, promoted, undefined


def _log_mass(a: Value, b: Value) -> Value:
    """Logarithm of the normal probability of the interval, a < b: from the tail that it lies in."""
    right = a > 0
    lower, upper = anp.where(right, -b, a), anp.where(right, -a, b)
    one_sided = right | (b <= 0)
    # log(P(upper) - P(lower)) = log P(upper) + log(1 - exp(log P(lower) - log P(upper)))
    high, low = special.log_ndtr(anp.where(one_sided, upper, 0)), special.log_ndtr(anp.where(one_sided, lower, -1))
    # An empty interval has no mass.
    gap = anp.where(low < high, low - high, -math.inf)
    in_tail = anp.where(low < high, high + anp.log(-anp.expm1(gap)), -math.inf)
    across = anp.log1p(-special.ndtr(anp.where(one_sided, -1, a)) - special.ndtr(anp.where(one_sided, -1, -b)))
    return anp.where(one_sided, in_tail, across)


def logpdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, a, b, loc, scale = promoted("truncnorm.logpdf", x, a, b, loc, scale)
    z = (x - loc) / scale
    result = impossible((z < a) | (z > b), norm.logpdf(x, loc, scale) - _log_mass(a, b))
    return undefined(a >= b, result)


def pdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, a, b, loc, scale))


def logcdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`; near 0 from what is above `x`."""
    x, a, b, loc, scale = promoted("truncnorm.logcdf", x, a, b, loc, scale)
    z = (x - loc) / scale
    inside = (z > a) & (z < b)
    y = anp.where(inside, z, 0.5 * (anp.clip(a, -1e3, 1e3) + anp.clip(b, -1e3, 1e3)))
    whole = _log_mass(a, b)
    below, above = _log_mass(a, y) - whole, _log_mass(y, b) - whole
    result = anp.where(below > -0.1, anp.log1p(-anp.exp(above)), below)
    result = anp.where(z >= b, 0, anp.where(z <= a, -math.inf, anp.where(anp.isnan(z), math.nan, result)))
    return undefined(a >= b, result)


def cdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    return anp.exp(logcdf(x, a, b, loc, scale))


def logsf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    x, a, b, loc, scale = promoted("truncnorm.logsf", x, a, b, loc, scale)
    return logcdf(-x, -b, -a, -loc, scale)


def sf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    return anp.exp(logsf(x, a, b, loc, scale))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
