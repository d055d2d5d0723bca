"""The chi-square distribution of `df` degrees of freedom."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, df, loc, scale = promoted("chi2.logpdf", x, df, loc, scale)
    half, y = df / 2, (x - loc) / scale
    kernel = (half - 1) * anp.log(y) - y / 2
    return impossible(x < loc, kernel - special.gammaln(half) - half * math.log(2) - anp.log(scale))


def pdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, df, loc, scale))


def _half(x: Value, loc: Value, scale: Value) -> Value:
    return anp.maximum((x - loc) / (scale * 2), 0)


def cdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, df, loc, scale = promoted("chi2.cdf", x, df, loc, scale)
    return special.gammainc(df / 2, _half(x, loc, scale))


def logcdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    return anp.log(cdf(x, df, loc, scale))


def sf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    x, df, loc, scale = promoted("chi2.sf", x, df, loc, scale)
    return special.gammaincc(df / 2, _half(x, loc, scale))


def logsf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    return anp.log(sf(x, df, loc, scale))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
