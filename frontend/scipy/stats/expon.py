"""The exponential distribution."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats.common import impossible, no_probability, promoted, undefined


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("expon.logpdf", x, loc, scale)
    return impossible(x < loc, -((x - loc) / scale + anp.log(scale)))


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, loc, scale = promoted("expon.cdf", x, loc, scale)
    return -anp.expm1(logsf(x, loc, scale))


def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    return anp.log1p(-sf(x, loc, scale))


def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    return anp.exp(logsf(x, loc, scale))


def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    x, loc, scale = promoted("expon.logsf", x, loc, scale)
    y = (loc - x) / scale
    return anp.where(x < loc, anp.zeros_like(y), y)


def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `q`."""
    q, loc, scale = promoted("expon.ppf", q, loc, scale)
    return undefined(no_probability(q), loc - scale * anp.log1p(-q))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
