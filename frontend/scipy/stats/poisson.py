"""Poisson's distribution of mean `mu`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpmf(k: Any, mu: Any, loc: Any = 0) -> Value:
    """Logarithm of the probability of `k`; -inf where it is no integer."""
    k, mu, loc = promoted("poisson.logpmf", k, mu, loc, weak_arrays=True)
    x = k - loc
    return impossible((x < 0) | (anp.round(k) != k), special.xlogy(x, mu) - special.gammaln(x + 1) - mu)


def pmf(k: Any, mu: Any, loc: Any = 0) -> Value:
    """Probability of `k`."""
    return anp.exp(logpmf(k, mu, loc))


def cdf(k: Any, mu: Any, loc: Any = 0) -> Value:
    """Probability of at most `k`."""
    k, mu, loc = promoted("poisson.cdf", k, mu, loc)
    x = k - loc
    below = x < 0
    return anp.where(below, 0, special.gammaincc(anp.floor(1 + anp.where(below, 0, x)), mu))


_MANY = 100


def entropy(mu: Any, loc: Any = 0) -> Value:
    """Entropy in nats: by its sum up to mu = 100, by an expansion beyond; `loc` changes its shape only."""
    mu, loc = promoted("poisson.entropy", mu, loc)
    shape = np.broadcast_shapes(mu.aval.shape, loc.aval.shape)
    small = anp.clip(mu, 0, _MANY)
    sums = _entropy_sum(small, 250)
    large = anp.where(mu >= _MANY, mu, _MANY)
    result = anp.where(mu < _MANY, sums, _entropy_of_large(large))
    result = anp.where(mu == 0, 0, result)
    return anp.broadcast_to(anp.where(mu >= 0, result, math.nan), shape)


def _entropy_sum(mu: Value, count: int) -> Value:
    numbers = anp.arange(count, dtype=mu.aval.dtype).reshape((count, *[1] * len(mu.aval.shape)))
    return anp.sum(special.entr(pmf(numbers, mu)), axis=0)


def _entropy_of_large(mu: Value) -> Value:
    """The first terms of the expansion in 1 / mu; their rest is below 1e-6 from mu = 100 on."""
    return 0.5 * anp.log(2 * math.pi * math.e * mu) - 1 / (12 * mu) - 1 / (24 * mu * mu)


__all__ = ["cdf", "entropy", "logpmf", "pmf"]
