"""Dirichlet's distribution of vectors of probabilities."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value, shape_error
from axil.scipy import special
from axil.scipy.stats.common import impossible, promoted


def logpdf(x: Any, alpha: Any) -> Value:
    """Logarithm of the density. The first axis of `x` has the size of `alpha`, or one less: the rest is added then."""
    x, alpha = promoted("dirichlet.logpdf", x, alpha)
    if len(alpha.aval.shape) != 1:
        raise shape_error(f"dirichlet.logpdf: alpha must have one dimension, got shape {alpha.aval.shape}")
    n = alpha.aval.shape[0]
    if not x.aval.shape or x.aval.shape[0] not in (n, n - 1):
        raise shape_error(f"dirichlet.logpdf: the first axis of x must have the size of alpha, {n}, or one less, got "
                          f"shape {x.aval.shape}")  # fmt: skip
    if x.aval.shape[0] != n:
        x = anp.concatenate([x, 1 - anp.sum(x, axis=0, keepdims=True)], axis=0)
    constant = anp.sum(special.gammaln(alpha)) - special.gammaln(anp.sum(alpha))
    powers = anp.reshape(alpha - 1, (n, *[1] * (len(x.aval.shape) - 1)))
    result = anp.sum(special.xlogy(powers, x), axis=0) - constant
    simplex = anp.all(x > 0, axis=0) & (anp.abs(anp.sum(x, axis=0) - 1) < 1e-6)
    return impossible(anp.logical_not(simplex), result)


def pdf(x: Any, alpha: Any) -> Value:
    """Density."""
    return anp.exp(logpdf(x, alpha))


__all__ = ["logpdf", "pdf"]
