"""Von Mises' distribution of angles, of concentration `kappa`."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy import special
from axil.scipy.stats.common import promoted, undefined


def logpdf(x: Any, kappa: Any) -> Value:
    """Logarithm of the density."""
    x, kappa = promoted("vonmises.logpdf", x, kappa, weak_arrays=True)
    result = kappa * (anp.cos(x) - 1) - anp.log(2 * math.pi * special.i0e(kappa))
    return undefined(anp.logical_not(kappa > 0), result)


def pdf(x: Any, kappa: Any) -> Value:
    """Density."""
    return anp.exp(logpdf(x, kappa))


__all__ = ["logpdf", "pdf"]
