"""The gamma distribution of shape parameter `a`."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, a, loc, scale = promoted("gamma.logpdf", x, a, loc, scale)
    outside = x < loc
    y = anp.where(outside, 1, (x - loc) / scale)
    return impossible(outside, special.xlogy(a - 1, y) - y - special.gammaln(a) - anp.log(scale))


def pdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, a, loc, scale))


def cdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, a, loc, scale = promoted("gamma.cdf", x, a, loc, scale)
    return special.gammainc(a, anp.maximum((x - loc) / scale, 0))


def logcdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    return anp.log(cdf(x, a, loc, scale))


def sf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    x, a, loc, scale = promoted("gamma.sf", x, a, loc, scale, weak_arrays=True)
    return special.gammaincc(a, anp.maximum((x - loc) / scale, 0))


def logsf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    return anp.log(sf(x, a, loc, scale))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
