"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import promoted


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("norm.logpdf", x, loc, scale)
    variance = anp.square(scale)
    return -0.5 * (anp.log(2 * math.pi * variance) + anp.square(x - loc) / variance)


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, loc, scale = promoted("norm.cdf", x, loc, scale)
    return special.ndtr((x - loc) / scale)


def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`, accurate in both tails."""
    x, loc, scale = promoted("norm.logcdf", x, loc, scale)
    return special.log_ndtr((x - loc) / scale)


def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    x, loc, scale = promoted("norm.sf", x, loc, scale)
    return cdf(-x, -loc, scale)


def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`, accurate in both tails."""
    x, loc, scale = promoted("norm.logsf", x, loc, scale)
    return logcdf(-x, -loc, scale)


def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `q`."""
    q, loc, scale = promoted("norm.ppf", q, loc, scale)
    return special.ndtri(q) * scale + loc


def isf(q: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number above which a draw lies with probability `q`."""
    q, loc, scale = promoted("norm.isf", q, loc, scale)
    return loc - special.ndtri(q) * scale


__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
