"""Cauchy's distribution wrapped around the circle, for angles from 0 to 2 pi."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats.common import impossible, promoted, undefined


def logpdf(x: Any, c: Any) -> Value:
    """Logarithm of the density."""
    x, c = promoted("wrapcauchy.logpdf", x, c, weak_arrays=True)
    result = anp.log(1 - c * c) - math.log(2 * math.pi) - anp.log(1 + c * c - 2 * c * anp.cos(x))
    inside = (x >= 0) & (x <= 2 * math.pi)
    return undefined(anp.logical_not((c > 0) & (c < 1)), impossible(anp.logical_not(inside), result))


def pdf(x: Any, c: Any) -> Value:
    """Density."""
    return anp.exp(logpdf(x, c))


__all__ = ["logpdf", "pdf"]
