"""The geometric distribution: the number of trials of probability `p` up to the first success."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpmf(k: Any, p: Any, loc: Any = 0) -> Value:
    """Logarithm of the probability of `k`."""
    k, p, loc = promoted("geom.logpmf", k, p, loc)
    x = k - loc
    return impossible(x <= 0, special.xlog1py(x - 1, -p) + anp.log(p))


def pmf(k: Any, p: Any, loc: Any = 0) -> Value:
    """Probability of `k`."""
    return anp.exp(logpmf(k, p, loc))


__all__ = ["logpmf", "pmf"]
