"""Gumbel's distribution of largest values."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats.common import promoted, undefined


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("gumbel_r.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return undefined(anp.logical_not(scale > 0), -anp.log(scale) - (z + anp.exp(-z)))


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    x, loc, scale = promoted("gumbel_r.logcdf", x, loc, scale)
    return undefined(anp.logical_not(scale > 0), -anp.exp((loc - x) / scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    return anp.exp(logcdf(x, loc, scale))


def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    return -anp.expm1(logcdf(x, loc, scale))


def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    return log_complement(logcdf(x, loc, scale))


def log_complement(log_p: Value) -> Value:
    """log(1 - p) of log p: by log1p where p is small, by expm1 where it is near 1."""
    near_one = log_p > -math.log(2)
    safe = anp.where(near_one, log_p, -1)
    return anp.where(near_one, anp.log(-anp.expm1(safe)), anp.log1p(-anp.exp(anp.where(near_one, -1, log_p))))


def ppf(p: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `p`; NaN at 0 and 1."""
    p, loc, scale = promoted("gumbel_r.ppf", p, loc, scale)
    inside = (p > 0) & (p < 1)
    return undefined(anp.logical_not(inside), loc - scale * anp.log(-anp.log(anp.where(inside, p, 0.5))))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
