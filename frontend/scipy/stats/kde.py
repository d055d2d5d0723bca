"""Estimation of densities by Gaussian kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from axil import lax, random, tree_util
from axil import numpy as anp
from axil.numpy.values import Value, operand, promote, shape_error
from axil.scipy import special
from axil.scipy.special.common import floats
from axil.scipy.special.gammas import unsupported

Bandwidth = None | str | float | Value | Callable[["gaussian_kde"], Any]


@tree_util.register_pytree_node_class
class gaussian_kde:  # noqa: N801 - SciPy's name
    """A density estimated from samples, one normal distribution at each.

    `dataset` has shape ``(d, n)`` or ``(n,)``, `weights` shape ``(n,)``. `bw_method` gives the factor of the samples'
    standard deviation: "scott", "silverman", a number, or a function of the estimate.

    Source: D. W. Scott, Multivariate Density Estimation (1992).
    """

    neff: Any
    dataset: Any
    weights: Any
    covariance: Any
    inv_cov: Any

    def __init__(self, dataset: Any, bw_method: Bandwidth = None, weights: Any = None) -> None:
        dataset = anp.atleast_2d(operand("gaussian_kde", dataset))
        if dataset.aval.dtype.kind == "c":
            unsupported("gaussian_kde does not support complex data", "stack real and imaginary parts")
        if not math.prod(dataset.aval.shape) > 1:
            raise shape_error(f"gaussian_kde: the dataset needs several elements, got shape {dataset.aval.shape}")
        d, n = dataset.aval.shape
        if weights is None:
            (dataset,), _ = floats("gaussian_kde", dataset)
            weights = anp.full(n, 1 / n, dataset.aval.dtype)
        else:
            (dataset, weights), _ = floats("gaussian_kde", dataset, operand("gaussian_kde", weights))
            weights = anp.atleast_1d(weights)
            if weights.aval.shape != (n,):
                raise shape_error(f"gaussian_kde: the weights must be of shape ({n},), got {weights.aval.shape}")
            weights = weights / anp.sum(weights)
        self.dataset, self.weights = dataset, weights
        self.neff = 1 / anp.sum(anp.square(weights))
        factor = anp.square(self._factor(bw_method, d))
        covariance = anp.atleast_2d(anp.cov(dataset, rowvar=True, bias=False, aweights=weights))
        self.covariance = covariance * factor
        self.inv_cov = anp.linalg.inv(covariance) / factor

    def _factor(self, method: Any, d: int) -> Any:
        if method is None or (isinstance(method, str) and method == "scott"):
            return anp.power(self.neff, -1 / (d + 4))
        if isinstance(method, str) and method == "silverman":
            return anp.power(self.neff * (d + 2) / 4, -1 / (d + 4))
        if callable(method):
            return method(self)
        if isinstance(method, str) or anp.ndim(method):
            raise shape_error("gaussian_kde: bw_method is 'scott', 'silverman', a number or a function, got "
                              f"{method!r}")  # fmt: skip
        return method

    def tree_flatten(self) -> tuple[tuple, None]:
        """The arrays of the estimate, for transformations."""
        return (self.neff, self.dataset, self.weights, self.covariance, self.inv_cov), None

    @classmethod
    def tree_unflatten(cls, aux: None, children: Any) -> gaussian_kde:
        """The estimate of some arrays."""
        made = cls.__new__(cls)
        made.neff, made.dataset, made.weights, made.covariance, made.inv_cov = children
        return made

    @property
    def d(self) -> int:
        """Number of dimensions."""
        return self.dataset.shape[0]

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.dataset.shape[1]

    # ---- densities ---------------------------------------------------------------------------------------

    def evaluate(self, points: Any) -> Value:
        """The density at points, of shape ``(d, m)``, or ``(m,)`` in one dimension."""
        exponents, weights = self._exponents("evaluate", points)
        return anp.sum(anp.exp(exponents) * weights[:, None], axis=0)

    def __call__(self, points: Any) -> Value:
        """As `evaluate`."""
        return self.evaluate(points)

    def pdf(self, x: Any) -> Value:
        """As `evaluate`."""
        return self.evaluate(x)

    def logpdf(self, x: Any) -> Value:
        """The logarithm of the density, exact where that is tiny."""
        exponents, weights = self._exponents("logpdf", x)
        return special.logsumexp(exponents + anp.log(weights)[:, None], axis=0)

    def _exponents(self, name: str, points: Any) -> tuple[Value, Value]:
        """The logarithm of each sample's normal density at each point, shape ``(n, m)``, and the weights."""
        points = self._points(name, points)
        (points, dataset, weights, inverse), _ = promote(name, points, self.dataset, self.weights, self.inv_cov)
        whitening = lax.linalg.cholesky(inverse)
        a, b = (anp.matmul(anp.transpose(v), whitening) for v in (dataset, points))
        distances = anp.sum(anp.square(a[:, None, :] - b[None, :, :]), axis=-1)
        constant = anp.sum(anp.log(anp.diagonal(whitening))) - 0.5 * self.d * math.log(2 * math.pi)
        return constant - 0.5 * distances, weights

    def _points(self, name: str, points: Any) -> Value:
        points = anp.atleast_2d(operand(name, points))
        if points.aval.dtype.kind == "c":
            unsupported("gaussian_kde does not support complex points", "pass real ones")
        d, m = points.aval.shape
        if d == self.d:
            return points
        if d == 1 and m == self.d:
            return anp.reshape(points, (self.d, 1))
        raise shape_error(f"gaussian_kde.{name}: points have dimension {d}, the dataset has dimension {self.d}")

    # ---- integrals ---------------------------------------------------------------------------------------

    def integrate_gaussian(self, mean: Any, cov: Any) -> Value:
        """The integral of the density times a normal one."""
        mean, cov = anp.atleast_1d(anp.squeeze(mean)), anp.atleast_2d(cov)
        if mean.aval.shape != (self.d,) or cov.aval.shape != (self.d, self.d):
            raise shape_error(f"gaussian_kde.integrate_gaussian takes a mean of shape ({self.d},) and a covariance of "
                              f"shape ({self.d}, {self.d}), got {mean.aval.shape} and {cov.aval.shape}")  # fmt: skip
        return anp.sum(self._overlaps(mean[:, None], self.covariance + cov) * self.weights[:, None])

    def _overlaps(self, centres: Value, covariance: Value) -> Value:
        """Normal densities of a covariance at the differences of samples and centres, shape ``(n, m)``."""
        factor = lax.linalg.cholesky(covariance)
        differences = self.dataset[:, :, None] - centres[:, None, :]
        flat = anp.reshape(differences, (self.d, -1))
        whitened = lax.linalg.triangular_solve(factor, flat, left_side=True, lower=True)
        exponents = -0.5 * anp.sum(anp.square(whitened), axis=0)
        constant = anp.sum(anp.log(anp.diagonal(factor))) + 0.5 * self.d * math.log(2 * math.pi)
        return anp.exp(anp.reshape(exponents, differences.aval.shape[1:]) - constant)

    def integrate_box_1d(self, low: Any, high: Any) -> Value:
        """The probability of an interval, in one dimension."""
        if self.d != 1:
            raise shape_error(f"gaussian_kde.integrate_box_1d is for one dimension, the dataset has {self.d}")
        if anp.ndim(low) or anp.ndim(high):
            raise shape_error("gaussian_kde.integrate_box_1d: the limits must be numbers")
        sigma = anp.squeeze(anp.sqrt(self.covariance))
        low, high = (anp.squeeze((limit - self.dataset) / sigma) for limit in (low, high))
        return anp.sum(self.weights * (special.ndtr(high) - special.ndtr(low)))

    def integrate_kde(self, other: gaussian_kde) -> Value:
        """The integral of the product of two estimates."""
        if other.d != self.d:
            raise shape_error(f"gaussian_kde.integrate_kde: the estimates have dimensions {self.d} and {other.d}")
        overlaps = self._overlaps(other.dataset, self.covariance + other.covariance)
        return anp.sum(overlaps * self.weights[:, None] * other.weights[None, :])

    def integrate_box(self, low_bounds: Any, high_bounds: Any, maxpts: Any = None) -> Value:
        """Not available: integrals over boxes have no closed form in more than one dimension."""
        unsupported("gaussian_kde.integrate_box is not available", "in one dimension, use integrate_box_1d")

    def set_bandwidth(self, bw_method: Any = None) -> None:
        """Not available: an estimate does not change."""
        unsupported("gaussian_kde.set_bandwidth is not available", "make a new estimate with bw_method=")

    # ---- sampling ----------------------------------------------------------------------------------------

    def resample(self, key: Any, shape: Any = ()) -> Value:
        """Random points of the density, shape ``(d, *shape)``."""
        shape = tuple(shape)
        choice_key, noise_key = random.split(key)
        chosen = random.choice(choice_key, self.n, shape=shape, p=self.weights)
        noise = random.normal(noise_key, (*shape, self.d), self.dataset.aval.dtype)
        factor = lax.linalg.cholesky(self.covariance.astype(self.dataset.aval.dtype))
        noise = anp.matmul(noise, anp.transpose(factor))
        return self.dataset[:, chosen] + anp.moveaxis(noise, -1, 0)


__all__ = ["gaussian_kde"]
