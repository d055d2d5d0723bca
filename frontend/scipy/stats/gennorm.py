"""The generalized normal distribution, of density exp(-|x|^beta): Laplace's for beta = 1, normal for 2."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import promoted


def logpdf(x: Any, beta: Any) -> Value:
    """Logarithm of the density."""
    x, beta = promoted("gennorm.logpdf", x, beta, weak_arrays=True)
    return anp.log(0.5 * beta) - special.gammaln(1 / beta) - anp.abs(x) ** beta


def pdf(x: Any, beta: Any) -> Value:
    """Density."""
    return anp.exp(logpdf(x, beta))


def cdf(x: Any, beta: Any) -> Value:
    """Probability of at most `x`."""
    x, beta = promoted("gennorm.cdf", x, beta, weak_arrays=True)
    return 0.5 * (1 + anp.sign(x) * special.gammainc(1 / beta, anp.abs(x) ** beta))


__all__ = ["cdf", "logpdf", "pdf"]
