"""The negative binomial distribution: the number of failures before `n` successes of probability `p`."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Value:
    """Logarithm of the probability of `k`."""
    k, n, p, loc = promoted("nbinom.logpmf", k, n, p, loc)
    y = k - loc
    # Gamma(y + n) / (Gamma(n) y!) = 1 / (y B(y, n)), and 1 for y = 0
    whole = anp.where(y > 0, y, 1)
    choices = anp.where(y > 0, -anp.log(whole) - special.betaln(whole, n), 0)
    terms = special.xlogy(n, p) + special.xlogy(y, 1 - p)
    return impossible(k < loc, choices + terms)


def pmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Value:
    """Probability of `k`."""
    return anp.exp(logpmf(k, n, p, loc))


__all__ = ["logpmf", "pmf"]
