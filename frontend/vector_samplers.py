"""Random vectors and matrices: correlated normal vectors, points of a ball, orthogonal matrices."""

from __future__ import annotations

from typing import Any

from axil import lax
from axil import numpy as anp
from axil.lax.common import fail, integer
from axil.numpy.values import promote
from axil.prng import KeyValueError, canonical_shape, single_key, subkeys
from axil.rejection import generalized_normal
from axil.sampling import exponential, float_dtype, normal

__all__ = ["ball", "multivariate_normal", "orthogonal"]


def multivariate_normal(
    key: Any, mean: Any, cov: Any, shape: Any = None, dtype: Any = None, method: str = "cholesky"
) -> Any:
    """Normal vectors of a mean ``[..., n]`` and covariance ``[..., n, n]``.

    `shape` is that of the result without its last dimension, and the leading dimensions of `mean` and `cov` broadcast
    to it. The covariance is factored by `method`: "cholesky", or "eigh" or "svd" where it may be singular.
    """
    raw = single_key("multivariate_normal", key)
    if method not in ("cholesky", "eigh", "svd"):
        fail(f"random.multivariate_normal: the method is 'cholesky', 'eigh' or 'svd', got {method!r}",
             kind=KeyValueError)  # fmt: skip
    (mean, cov), _ = promote("random.multivariate_normal", mean, cov, inexact=True)
    dtype = float_dtype("multivariate_normal", mean.aval.dtype if dtype is None else dtype)
    means, covs = mean.aval.shape, cov.aval.shape
    if not means or covs[-2:] != (means[-1], means[-1]):
        fail(f"random.multivariate_normal takes a mean [..., n] and a covariance [..., n, n], got {mean.aval} and "
             f"{cov.aval}", kind=KeyValueError)  # fmt: skip
    batch = lax.broadcast_shapes(means[:-1], covs[:-2])
    shape = batch if shape is None else canonical_shape("multivariate_normal", shape)
    if lax.broadcast_shapes(shape, batch) != shape:
        fail(f"random.multivariate_normal: leading dimensions {batch} of mean and covariance do not broadcast to shape "
             f"{shape}", kind=KeyValueError)  # fmt: skip
    drawn = normal(raw, (*shape, means[-1]), dtype)
    return mean + anp.einsum("...ij,...j->...i", _square_root(cov, method), drawn)


def _square_root(cov: Any, method: str) -> Any:
    """A matrix whose product with its transpose is the covariance."""
    if method == "svd":
        u, s, _ = anp.linalg.svd(cov)
        return u * anp.sqrt(s[..., None, :])
    if method == "eigh":
        w, v = anp.linalg.eigh(cov)
        return v * anp.sqrt(w[..., None, :])
    return anp.linalg.cholesky(cov)


def orthogonal(key: Any, n: int, shape: Any = (), dtype: Any = None, m: int | None = None) -> Any:
    """Orthogonal matrices ``[*shape, n, n]``, all equally likely (by the Haar measure); unitary for complex dtypes.

    With `m`, matrices ``[*shape, n, m]`` of orthogonal columns, or rows where these are fewer. Mezzadri, How to
    generate random matrices from the classical compact groups (2007).
    """
    raw = single_key("orthogonal", key)
    dtype = float_dtype("orthogonal", dtype, "fc")
    shape = canonical_shape("orthogonal", shape)
    rows = integer("random.orthogonal", "n", n)
    columns = rows if m is None else integer("random.orthogonal", "m", m)
    drawn = normal(raw, (*shape, max(rows, columns), min(rows, columns)), dtype)
    q, r = anp.linalg.qr(drawn)
    q = q * anp.expand_dims(anp.sign(anp.diagonal(r, axis1=-2, axis2=-1)), -2)
    return anp.swapaxes(q, -1, -2) if rows < columns else q


def ball(key: Any, d: int, p: Any = 2, shape: Any = (), dtype: Any = None) -> Any:
    """Points of the unit ball of the `p`-norm in `d` dimensions, all equally likely: ``[*shape, d]``.

    Barthe et al., A probabilistic approach to the geometry of the l_p^n-ball (2005).
    """
    raw = single_key("ball", key)
    dtype = float_dtype("ball", dtype)
    shape = canonical_shape("ball", shape)
    point_key, radius_key = subkeys(raw, 2)
    drawn = generalized_normal(point_key, p, (*shape, integer("random.ball", "d", d)), dtype)
    beyond = exponential(radius_key, shape, dtype)
    total = anp.sum(anp.power(anp.abs(drawn), p), -1) + beyond
    return drawn / anp.power(total, anp.divide(1, p))[..., None]
