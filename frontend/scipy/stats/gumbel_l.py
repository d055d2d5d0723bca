"""Gumbel's distribution of smallest values: that of largest ones turned round."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats import gumbel_r
from axil.scipy.stats.common import promoted, undefined


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("gumbel_l.logpdf", x, loc, scale)
    return gumbel_r.logpdf(-x, -loc, scale)


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    x, loc, scale = promoted("gumbel_l.logsf", x, loc, scale)
    return gumbel_r.logcdf(-x, -loc, scale)


def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    return anp.exp(logsf(x, loc, scale))


def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    return gumbel_r.log_complement(logsf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    return -anp.expm1(logsf(x, loc, scale))


def ppf(p: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `p`; NaN at 0 and 1."""
    p, loc, scale = promoted("gumbel_l.ppf", p, loc, scale)
    inside = (p > 0) & (p < 1)
    return undefined(anp.logical_not(inside), loc + scale * anp.log(-anp.log1p(-anp.where(inside, p, 0.5))))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
