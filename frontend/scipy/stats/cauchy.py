"""Cauchy's distribution."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats.common import promoted


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("cauchy.logpdf", x, loc, scale)
    return -(anp.log(math.pi * scale) + anp.log1p(anp.square((x - loc) / scale)))


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`: the angle at which it is seen, so that the lower tail keeps its digits."""
    x, loc, scale = promoted("cauchy.cdf", x, loc, scale)
    return anp.arctan2(anp.ones_like(x), (loc - x) / scale) / math.pi


def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    return anp.log(cdf(x, loc, scale))


def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    x, loc, scale = promoted("cauchy.sf", x, loc, scale)
    return cdf(-x, -loc, scale)


def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    return anp.log(sf(x, loc, scale))


def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `q`."""
    q, loc, scale = promoted("cauchy.ppf", q, loc, scale)
    return anp.tan(math.pi * q - math.pi / 2) * scale + loc


def isf(q: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number above which a draw lies with probability `q`."""
    q, loc, scale = promoted("cauchy.isf", q, loc, scale)
    return anp.tan(math.pi / 2 - math.pi * q) * scale + loc


__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
