"""The binomial distribution: the number of successes in `n` trials of probability `p`."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import promoted


def log_choices(n: Any, k: Any) -> Value:
    """Logarithm of the number of ways to choose `k` of `n`, without cancellation of large terms."""
    return -anp.log1p(n) - special.betaln(n - k + 1, k + 1)


def logpmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Value:
    """Logarithm of the probability of `k`."""
    k, n, p, loc = promoted("binom.logpmf", k, n, p, loc, weak_arrays=True)
    y = k - loc
    inside = (y >= 0) & (k < loc + n + 1)
    safe = anp.where(inside, y, 0)
    terms = special.xlogy(safe, p) + special.xlog1py(n - safe, -p)
    return anp.where(inside, log_choices(n, safe) + terms, -anp.inf)


def pmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Value:
    """Probability of `k`."""
    return anp.exp(logpmf(k, n, p, loc))


__all__ = ["logpmf", "pmf"]
