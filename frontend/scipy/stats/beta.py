"""The beta distribution."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted, undefined


def logpdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, a, b, loc, scale = promoted("beta.logpdf", x, a, b, loc, scale)
    y = (x - loc) / scale
    terms = special.xlogy(a - 1, y) + special.xlog1py(b - 1, -y)
    result = impossible((x > loc + scale) | (x < loc), terms - special.betaln(a, b) - anp.log(scale))
    return undefined((a <= 0) | (b <= 0) | (scale <= 0), result)


def pdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, a, b, loc, scale))


def _fraction(x: Value, loc: Value, scale: Value) -> Value:
    return anp.clip((x - loc) / scale, 0, 1)


def cdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`; differentiable in `x`, `loc` and `scale`."""
    x, a, b, loc, scale = promoted("beta.cdf", x, a, b, loc, scale)
    return special.betainc(a, b, _fraction(x, loc, scale))


def logcdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    return anp.log(cdf(x, a, b, loc, scale))


def sf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    x, a, b, loc, scale = promoted("beta.sf", x, a, b, loc, scale)
    return special.betainc(b, a, 1 - _fraction(x, loc, scale))


def logsf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    return anp.log(sf(x, a, b, loc, scale))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
