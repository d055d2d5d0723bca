"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import lax
from axil import numpy as anp
from axil.numpy.values import Value, shape_error
from axil.scipy.special.gammas import unsupported
from axil.scipy.stats.common import promoted


def logpdf(x: Any, mean: Any, cov: Any, allow_singular: None = None) -> Value:
    """Logarithm of the density at vectors along the last axis of `x`.

    `mean` is a vector (or a batch of them), `cov` a positive definite matrix (or a batch), or a number: so many times
    the identity. With a number as `mean`, the distribution is that of one variable.
    """
    if allow_singular is not None:
        unsupported("multivariate_normal.logpdf(allow_singular=...) is not available",
                    "leave it out; the covariance must be positive definite")  # fmt: skip
    x, mean, cov = promoted("multivariate_normal.logpdf", x, mean, cov)
    shape = mean.aval.shape
    if not shape:
        return -0.5 * (anp.square(x - mean) / cov + math.log(2 * math.pi) + anp.log(cov))
    n = shape[-1]
    y = x - mean
    if not cov.aval.shape:
        return -0.5 * (anp.sum(y * y, axis=-1) / cov + n * (math.log(2 * math.pi) + anp.log(cov)))
    if len(cov.aval.shape) < 2 or cov.aval.shape[-2:] != (n, n):
        raise shape_error(f"multivariate_normal.logpdf: a mean of shape {shape} takes covariances of shape "
                          f"(..., {n}, {n}), got {cov.aval.shape}")  # fmt: skip
    factor = lax.linalg.cholesky(cov)
    batch = np.broadcast_shapes(cov.aval.shape[:-2], y.aval.shape[:-1])
    whitened = lax.linalg.triangular_solve(
        anp.broadcast_to(factor, (*batch, n, n)), anp.broadcast_to(y, (*batch, n))[..., None], left_side=True,
        lower=True,
    )  # fmt: skip
    half_log_determinant = anp.sum(anp.log(anp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    squares = anp.sum(whitened * whitened, axis=(-2, -1))
    return -0.5 * squares - 0.5 * n * math.log(2 * math.pi) - half_log_determinant


def pdf(x: Any, mean: Any, cov: Any) -> Value:
    """Density at vectors along the last axis of `x`."""
    return anp.exp(logpdf(x, mean, cov))


__all__ = ["logpdf", "pdf"]
