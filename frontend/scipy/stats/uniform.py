"""The uniform distribution from `loc` to `loc + scale`."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value, reweaken
from axil.scipy.stats.common import impossible, no_probability, promoted, undefined


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("uniform.logpdf", x, loc, scale)
    return impossible((x > loc + scale) | (x < loc), -anp.log(scale))


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, loc, scale = (reweaken(v, False) for v in promoted("uniform.cdf", x, loc, scale))
    inside = (x >= loc) & (x <= loc + scale)
    return anp.where(x < loc, 0, anp.where(x > loc + scale, 1, anp.where(inside, (x - loc) / scale, 0)))


def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `q`."""
    q, loc, scale = promoted("uniform.ppf", q, loc, scale)
    return undefined(no_probability(q), loc + scale * q)


__all__ = ["cdf", "logpdf", "pdf", "ppf"]
