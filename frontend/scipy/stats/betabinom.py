"""The beta-binomial distribution: binomial with a probability that is itself drawn from a beta distribution."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.binom import log_choices
from axil.scipy.stats.common import impossible, promoted, undefined


def logpmf(k: Any, n: Any, a: Any, b: Any, loc: Any = 0) -> Value:
    """Logarithm of the probability of `k`."""
    k, n, a, b, loc = promoted("betabinom.logpmf", k, n, a, b, loc)
    y = anp.floor(k) - loc
    outside = (y < 0) | (y > n)
    safe = anp.where(outside, 0, y)
    result = log_choices(n, safe) + special.betaln(safe + a, n - safe + b) - special.betaln(a, b)
    return undefined((n < 0) | (a <= 0) | (b <= 0), impossible(outside, result))


def pmf(k: Any, n: Any, a: Any, b: Any, loc: Any = 0) -> Value:
    """Probability of `k`."""
    return anp.exp(logpmf(k, n, a, b, loc))


__all__ = ["logpmf", "pmf"]
