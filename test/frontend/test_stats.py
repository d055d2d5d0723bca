"""Distributions and statistics against SciPy: on and off the support, boundaries, derivatives, transformations.

`test/api/cases/scipy_stats.py` has dtypes and shapes against JAX.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import scipy.stats as ss

import axil
from axil import numpy as anp
from axil import random
from axil.config import enable_x64
from axil.scipy import stats

rng = np.random.default_rng(5)
ANY = np.concatenate([rng.normal(size=60) * 3, [0.0, 1.0, -1.0, 2.0, -np.inf, np.inf, np.nan]])
UNIT = np.concatenate([rng.uniform(-0.3, 1.3, 60), [0.0, 1.0, 0.5]])
ANGLE = np.concatenate([rng.uniform(0, 2 * np.pi, 60), [0.0, 1.0]])
COUNT = np.concatenate([np.arange(-2.0, 12.0), [40.0, 200.0]])

DISTRIBUTIONS: dict[str, tuple[np.ndarray, tuple, tuple]] = {
    "bernoulli": (COUNT, (0.3,), (1,)), "beta": (UNIT, (2.0, 3.5), (0.2, 1.5)),
    "betabinom": (COUNT, (7, 2.0, 3.0), (1,)), "binom": (COUNT, (9, 0.3), (1,)),
    "cauchy": (ANY, (), (0.5, 2.0)), "chi2": (ANY, (3.0,), (0.5, 2.0)),
    "expon": (ANY, (), (0.5, 2.0)), "gamma": (ANY, (2.5,), (0.5, 2.0)), "gennorm": (ANY, (1.3,), ()),
    "geom": (COUNT, (0.3,), (1,)), "gumbel_l": (ANY[:-3], (), (0.5, 2.0)), "gumbel_r": (ANY[:-3], (), (0.5, 2.0)),
    "laplace": (ANY, (), (0.5, 2.0)), "logistic": (ANY[:-3], (), (0.5, 2.0)), "nbinom": (COUNT, (4, 0.3), (1,)),
    "norm": (ANY, (), (0.5, 2.0)), "pareto": (ANY, (2.5,), (0.5, 2.0)), "poisson": (COUNT, (2.5,), (1,)),
    "t": (ANY, (4.0,), (0.5, 2.0)), "truncnorm": (ANY[:-3], (-1.0, 1.5), (0.5, 2.0)), "uniform": (UNIT, (), (0.5, 2.0)),
    "vonmises": (ANGLE - np.pi, (1.5,), ()), "wrapcauchy": (ANGLE, (0.4,), ()),
}  # fmt: skip


def functions(distribution: str) -> list[str]:
    return [f for f in importlib.import_module(f"axil.scipy.stats.{distribution}").__all__ if f != "entropy"]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_functions_are_scipys(name: str) -> None:
    x, parameters, placed = DISTRIBUTIONS[name]
    ours, theirs = getattr(stats, name), getattr(ss, name)
    for function in functions(name):
        at = np.linspace(0.001, 0.999, 41) if function in ("ppf", "isf") else x
        plain = function in ("cdf", "ppf") and name == "bernoulli"
        for more in ((), placed) if placed and not plain else ((),):
            with enable_x64(True), np.errstate(all="ignore"):
                got = np.asarray(getattr(ours, function)(at, *parameters, *more))
                want = getattr(theirs, function)(at, *parameters, *more)
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-13, err_msg=f"{name}.{function}{more}")


@pytest.mark.parametrize("name", ["norm", "cauchy", "beta", "chi2", "expon", "gamma", "gumbel_l", "gumbel_r", "laplace",
                                  "logistic", "pareto", "t", "truncnorm"])  # fmt: skip
def test_densities_are_derivatives_of_probabilities(name: str) -> None:
    """d cdf / dx is the density, and the logarithm's slope is a difference quotient."""
    _, parameters, (loc, scale) = DISTRIBUTIONS[name]
    d = getattr(stats, name)
    x = {"beta": 0.7, "pareto": 3.3}.get(name, 1.2)
    with enable_x64(True):
        if hasattr(d, "cdf"):
            slope = axil.grad(lambda x: d.cdf(x, *parameters, loc, scale))(x)
            assert float(slope) == pytest.approx(float(d.pdf(x, *parameters, loc, scale)), rel=1e-9)
        arguments = (x, *parameters, loc, scale)
        gradient = axil.grad(d.logpdf, argnums=tuple(range(len(arguments))))(*arguments)
        for i, g in enumerate(gradient):
            ends = [float(d.logpdf(*[v + s * 1e-6 * (i == j) for j, v in enumerate(arguments)])) for s in (1, -1)]
            assert float(g) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_densities_outside_of_the_support_have_no_slope() -> None:
    for f, at in ((stats.gamma.logpdf, (-1.0, 2.0)), (stats.expon.pdf, (-1.0,)), (stats.beta.pdf, (1.5, 2.0, 3.0)),
                  (stats.uniform.cdf, (2.0,)), (stats.pareto.cdf, (0.5, 2.0))):  # fmt: skip
        assert float(axil.grad(f)(*at)) == 0.0


def test_impossible_parameters_give_nan() -> None:
    for value in (
        stats.beta.logpdf(0.5, -1.0, 2.0), stats.gumbel_r.cdf(0.5, 0.0, -1.0), stats.truncnorm.pdf(0.5, 2.0, 1.0),
        stats.vonmises.pdf(0.5, -1.0), stats.wrapcauchy.pdf(0.5, 1.5), stats.bernoulli.cdf(0.5, 1.5),
        stats.betabinom.pmf(1, 3, -1.0, 2.0), stats.uniform.ppf(1.5), stats.expon.ppf(-0.1),
    ):  # fmt: skip
        assert np.isnan(float(value))


def test_large_counts_lose_nothing_in_f32() -> None:
    """The logarithms of factorials of a million cancel: in f32 JAX's formulas keep no digit."""
    want = ss.binom.logpmf(400_100, 1_000_000, 0.4)
    assert float(stats.binom.logpmf(400_100.0, 1_000_000.0, 0.4)) == pytest.approx(want, abs=0.6)
    assert float(stats.t.logpdf(1.5, 1e6)) == pytest.approx(ss.t.logpdf(1.5, 1e6), abs=1e-5)


# ---- several variables ---------------------------------------------------------------------------------


def test_distributions_of_vectors() -> None:
    p = np.array([0.2, 0.3, 0.5])
    with enable_x64(True):
        got = stats.dirichlet.logpdf(p, np.array([1.0, 2.0, 3.5]))
        assert float(got) == pytest.approx(ss.dirichlet.logpdf(p, [1.0, 2.0, 3.5]), rel=1e-12)
        got = stats.multinomial.logpmf(np.array([[1, 2, 3], [6, 0, 0], [1, 1, 1]]), 6, p)
        want = ss.multinomial.logpmf([[1, 2, 3], [6, 0, 0], [1, 1, 1]], 6, p)
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
        cov, x = np.array([[2.0, 0.5], [0.5, 1.0]]), rng.normal(size=(3, 4, 2))
        got = stats.multivariate_normal.logpdf(x, np.array([0.5, -1.0]), cov)
        want = ss.multivariate_normal.logpdf(x, [0.5, -1.0], cov)
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
        slope = axil.grad(lambda c: stats.multivariate_normal.logpdf(x[0, 0], np.zeros(2), c))(anp.asarray(cov))
        inverse = np.linalg.inv(cov)
        exact = 0.5 * (inverse @ np.outer(x[0, 0], x[0, 0]) @ inverse - inverse)
        np.testing.assert_allclose(np.asarray(slope + slope.T) / 2, exact, rtol=1e-9)


def test_entropy_of_poisson_at_all_sizes() -> None:
    mu = np.array([0.0, 1e-3, 0.5, 9.99, 10.0, 60.0, 99.9, 100.0])
    with enable_x64(True):
        np.testing.assert_allclose(np.asarray(stats.poisson.entropy(mu)), ss.poisson.entropy(mu), rtol=1e-6)


# ---- statistics ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, None])
def test_mode_and_sem(axis: int | None) -> None:
    a = rng.integers(-2, 3, (6, 5)).astype(float)
    for keepdims in (False, True):
        got, want = stats.mode(a, axis, keepdims=keepdims), ss.mode(a, axis, keepdims=keepdims)
        np.testing.assert_array_equal(np.asarray(got.mode), want.mode)
        np.testing.assert_array_equal(np.asarray(got.count), want.count)
    np.testing.assert_allclose(np.asarray(stats.sem(a, axis)), ss.sem(a, axis), rtol=1e-5)
    a[1, 2] = np.nan
    np.testing.assert_allclose(
        np.asarray(stats.sem(a, axis, nan_policy="omit")), ss.sem(a, axis, nan_policy="omit"), rtol=1e-5
    )


@pytest.mark.parametrize("method", ["average", "min", "max", "dense", "ordinal"])
def test_rankdata(method: str) -> None:
    a = rng.integers(-2, 3, (4, 6))
    for axis in (None, 0, 1):
        got = stats.rankdata(a, method, axis=axis)
        np.testing.assert_array_equal(np.asarray(got), ss.rankdata(a, method, axis=axis))
    assert np.isnan(np.asarray(stats.rankdata(np.array([1.0, np.nan]), method))).all()


def test_gaussian_kde() -> None:
    data, weights, points = rng.normal(size=(2, 40)), rng.uniform(0.1, 1, 40), rng.normal(size=(2, 5))
    for options in ({}, {"weights": weights}, {"bw_method": "silverman"}, {"bw_method": 0.4}):
        with enable_x64(True):
            ours, theirs = stats.gaussian_kde(data, **options), ss.gaussian_kde(data, **options)
            np.testing.assert_allclose(np.asarray(ours(points)), theirs(points), rtol=1e-10)
            np.testing.assert_allclose(np.asarray(ours.logpdf(points * 9)), theirs.logpdf(points * 9), rtol=1e-10)
            got, want = (k.integrate_gaussian(np.ones(2), np.eye(2)) for k in (ours, theirs))
            assert float(got) == pytest.approx(want, rel=1e-10)
            assert float(ours.integrate_kde(ours)) == pytest.approx(theirs.integrate_kde(theirs), rel=1e-10)
    line, theirs = stats.gaussian_kde(data[0]), ss.gaussian_kde(data[0])
    assert float(line.integrate_box_1d(-1.0, 0.5)) == pytest.approx(theirs.integrate_box_1d(-1.0, 0.5), rel=1e-5)
    assert line.n == 40 and line.d == 1 and len(axil.tree_util.tree_leaves(line)) == 5
    with pytest.raises(NotImplementedError, match="integrate_box_1d"):
        line.integrate_box(0.0, 1.0)


def test_resampling_a_density() -> None:
    estimate = stats.gaussian_kde(rng.normal(size=(2, 40)).astype(np.float32) + np.array([[3.0], [-1.0]], np.float32))
    drawn = np.asarray(estimate.resample(random.key(1), (4000,)))
    assert drawn.shape == (2, 4000) and estimate.resample(random.key(1)).shape == (2,)
    np.testing.assert_allclose(drawn.mean(axis=1), np.asarray(estimate.dataset).mean(axis=1), atol=0.1)
    spread = np.cov(np.asarray(estimate.dataset), bias=True) + np.asarray(estimate.covariance)
    np.testing.assert_allclose(np.cov(drawn), spread, atol=0.2)


def test_compiled_and_mapped_distributions() -> None:
    x = anp.array([0.3, 0.6, 0.9])
    f = lambda x, a: (stats.gamma.logpdf(x, a) + stats.norm.logcdf(x, a) + stats.poisson.logpmf(2, a) +
                      stats.truncnorm.logpdf(x, -a, a))  # fmt: skip
    want = np.array([[float(f(u, a)) for u in x] for a in (1.0, 2.5)])
    got = axil.jit(axil.vmap(lambda a: f(x, a)))(anp.array([1.0, 2.5]))
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-5)


def test_errors() -> None:
    with pytest.raises(TypeError, match="must have one dimension"):
        stats.dirichlet.pdf(anp.array([0.5, 0.5]), anp.ones((2, 2)))
    with pytest.raises(TypeError, match=r"takes covariances of shape \(..., 2, 2\)"):
        stats.multivariate_normal.pdf(anp.zeros(2), anp.zeros(2), anp.eye(3))
    with pytest.raises(TypeError, match="integer type"):
        stats.multinomial.pmf(anp.array([1.0]), 1, anp.array([1.0]))
    with pytest.raises(NotImplementedError, match="isnan"):
        stats.mode(anp.zeros(3), nan_policy="raise")
    with pytest.raises(ValueError, match="the method is one of"):
        stats.rankdata(anp.zeros(3), "best")
    with pytest.raises(AttributeError, match="has no attribute 'zipf'"):
        _: Any = stats.zipf
