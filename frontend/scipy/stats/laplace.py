"""Laplace's distribution."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats.common import promoted


def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, loc, scale = promoted("laplace.logpdf", x, loc, scale)
    return -(anp.abs(x - loc) / scale + anp.log(2 * scale))


def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    x, loc, scale = promoted("laplace.cdf", x, loc, scale)
    z = (x - loc) / scale
    half = 0.5 * anp.exp(-anp.abs(z))
    return anp.where(z <= 0, half, 1 - half)


__all__ = ["cdf", "logpdf", "pdf"]
