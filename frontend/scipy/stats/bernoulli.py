"""Bernoulli's distribution: 1 with probability `p`, else 0."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, no_probability, promoted, undefined


def logpmf(k: Any, p: Any, loc: Any = 0) -> Value:
    """Logarithm of the probability of `k`."""
    k, p, loc = promoted("bernoulli.logpmf", k, p, loc)
    x = k - loc
    return impossible((x < 0) | (x > 1), special.xlogy(x, p) + special.xlog1py(1 - x, -p))


def pmf(k: Any, p: Any, loc: Any = 0) -> Value:
    """Probability of `k`."""
    return anp.exp(logpmf(k, p, loc))


def cdf(k: Any, p: Any) -> Value:
    """Probability of at most `k`."""
    k, p = promoted("bernoulli.cdf", k, p)
    result = anp.where(k < 0, 0, anp.where(k < 1, 1 - p, 1))
    return undefined(anp.isnan(k) | no_probability(p), result)


def ppf(q: Any, p: Any) -> Value:
    """The smallest number of at most which a draw is with probability `q`: 0 or 1."""
    q, p = promoted("bernoulli.ppf", q, p)
    result = anp.where(q <= 1 - p, anp.zeros_like(q), anp.ones_like(q))
    return undefined(no_probability(q) | no_probability(p), result)


__all__ = ["cdf", "logpmf", "pmf", "ppf"]
