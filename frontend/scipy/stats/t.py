"""Student's distribution of `df` degrees of freedom."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import promoted


def logpdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, df, loc, scale = promoted("t.logpdf", x, df, loc, scale)
    half = df / 2
    # Gamma(df / 2) / Gamma((df + 1) / 2) = B(df / 2, 1 / 2) / sqrt(pi): no large terms cancel.
    constant = special.betaln(half, anp.full_like(half, 0.5)) + 0.5 * anp.log(df) + anp.log(scale)
    return -(constant + (half + 0.5) * anp.log1p(anp.square((x - loc) / scale) / df))


def pdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, df, loc, scale))


__all__ = ["logpdf", "pdf"]
