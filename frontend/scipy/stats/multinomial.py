"""The multinomial distribution: how often each outcome came up in `n` trials."""

from __future__ import annotations

from typing import Any

from axil import dtypes
from axil import numpy as anp
from axil.numpy.values import Value, promote, type_error
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpmf(x: Any, n: Any, p: Any) -> Value:
    """Logarithm of the probability of the counts `x`, integers; `p` are the probabilities, along the last axis."""
    (p,) = promoted("multinomial.logpmf", p)
    (x, n), _ = promote("multinomial.logpmf", x, n)
    if dtypes.kind_of(x.aval.dtype) not in "iu":
        raise type_error(f"multinomial.logpmf: x and n must be of integer type, got {x.aval.dtype.name}")
    of = p.aval.dtype
    x, n = x.astype(of), n.astype(of)
    terms = anp.sum(special.xlogy(x, p) - special.gammaln(x + 1), axis=-1)
    return impossible(anp.sum(x, axis=-1) != n, special.gammaln(n + 1) + terms)


def pmf(x: Any, n: Any, p: Any) -> Value:
    """Probability of the counts `x`."""
    return anp.exp(logpmf(x, n, p))


__all__ = ["logpmf", "pmf"]
