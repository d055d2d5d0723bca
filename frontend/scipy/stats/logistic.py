"""The logistic distribution."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import promoted


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("logistic.logpdf", x, loc, scale)
    half = (x - loc) / scale / 2
    return -2 * anp.logaddexp(half, -half) - anp.log(scale)


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, loc, scale = promoted("logistic.cdf", x, loc, scale)
    return special.expit((x - loc) / scale)


def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    x, loc, scale = promoted("logistic.sf", x, loc, scale)
    return special.expit((loc - x) / scale)


def ppf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `x`."""
    x, loc, scale = promoted("logistic.ppf", x, loc, scale)
    return special.logit(x) * scale + loc


def isf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number above which a draw lies with probability `x`."""
    x, loc, scale = promoted("logistic.isf", x, loc, scale)
    return loc - special.logit(x) * scale


__all__ = ["cdf", "isf", "logpdf", "pdf", "ppf", "sf"]
