"""Each distribution of `axil.random` against SciPy's: Kolmogorov-Smirnov and chi-square tests.

Keys are fixed, so the draws are, and the tests fail for no chance; 1e-3 is the level below which a sampler is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from axil import random

stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
special = pytest.importorskip("scipy.special", reason="scipy is not installed")

MANY, LEVEL = 5000, 1e-3
KEY = random.key(2024)


def drawn(name: str, *arguments: Any, **options: Any) -> np.ndarray:
    return np.asarray(getattr(random, name)(KEY, *arguments, **options), np.float64)


# name, arguments before the shape, SciPy's distribution
CONTINUOUS: list[tuple[str, tuple, Any]] = [
    ("uniform", (), stats.uniform()),
    ("normal", (), stats.norm()),
    ("exponential", (), stats.expon()),
    ("gumbel", (), stats.gumbel_r()),
    ("laplace", (), stats.laplace()),
    ("logistic", (), stats.logistic()),
    ("cauchy", (), stats.cauchy()),
    ("maxwell", (), stats.maxwell()),
    ("gamma", (0.3,), stats.gamma(0.3)),
    ("gamma", (4.5,), stats.gamma(4.5)),
    ("loggamma", (0.7,), stats.loggamma(0.7)),
    ("beta", (0.5, 2.5), stats.beta(0.5, 2.5)),
    ("chisquare", (3.0,), stats.chi2(3)),
    ("f", (4.0, 7.0), stats.f(4, 7)),
    ("t", (3.0,), stats.t(3)),
    ("lognormal", (0.5,), stats.lognorm(0.5)),
    ("pareto", (2.5,), stats.pareto(2.5)),
    ("rayleigh", (2.0,), stats.rayleigh(scale=2)),
    ("wald", (1.5,), stats.invgauss(1.5)),
    ("weibull_min", (2.0, 1.5), stats.weibull_min(1.5, scale=2)),
    ("triangular", (0.0, 1.0, 3.0), stats.triang(1 / 3, 0, 3)),
    ("truncated_normal", (-0.5, 2.0), stats.truncnorm(-0.5, 2)),
    ("generalized_normal", (1.5,), stats.gennorm(1.5)),
    ("double_sided_maxwell", (1.0, 2.0), None),
]


@pytest.mark.parametrize("name, arguments, law", CONTINUOUS, ids=[f"{i}-{c[0]}" for i, c in enumerate(CONTINUOUS)])
def test_continuous(name: str, arguments: tuple, law: Any) -> None:
    x = drawn(name, *arguments, (MANY,))
    cdf = law.cdf if law else lambda x: 0.5 + 0.5 * np.sign(x - 1) * stats.maxwell.cdf(np.abs(x - 1) / 2)
    assert stats.kstest(x, cdf).pvalue > LEVEL


@pytest.mark.parametrize("mode", ["high", "highest"])
def test_gumbel_modes(mode: str) -> None:
    assert stats.kstest(drawn("gumbel", (MANY,), mode=mode), "gumbel_r").pvalue > LEVEL


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg", "philox2x32", "philox4x32", "threefry4x32"])
def test_generators_are_uniform_and_their_keys_independent(impl: str) -> None:
    keys = random.split(random.key(5, impl=impl), 50)
    rows = np.stack([np.asarray(random.uniform(k, (200,))) for k in keys])
    assert stats.kstest(rows.ravel(), "uniform").pvalue > LEVEL
    correlations = np.corrcoef(rows)[np.triu_indices(50, 1)]
    assert stats.kstest(correlations * np.sqrt(198), "norm").pvalue > LEVEL


def goodness(x: np.ndarray, pmf: Callable[[np.ndarray], np.ndarray], least: int = 5) -> float:
    """The p-value of counts against their expectations, in cells of at least so many expected ones."""
    values = np.arange(int(x.min()), int(x.max()) + 1)
    expected, observed = pmf(values) * x.size, np.array([(x == v).sum() for v in values])
    usual = expected >= least
    cells = [(observed[usual], expected[usual])]
    cells.append((np.array([x.size - observed[usual].sum()]), np.array([x.size - expected[usual].sum()])))
    seen, wanted = (np.concatenate(part) for part in zip(*cells))
    kept = wanted > 1e-9
    return float(stats.chisquare(seen[kept], wanted[kept] * seen[kept].sum() / wanted[kept].sum()).pvalue)


DISCRETE: list[tuple[str, tuple, Any]] = [
    ("bernoulli", (0.3,), stats.bernoulli(0.3)),
    ("binomial", (12, 0.3), stats.binom(12, 0.3)),
    ("binomial", (200, 0.8), stats.binom(200, 0.8)),
    ("poisson", (3.5,), stats.poisson(3.5)),
    ("poisson", (40.0,), stats.poisson(40)),
    ("geometric", (0.2,), stats.geom(0.2)),
]


@pytest.mark.parametrize("name, arguments, law", DISCRETE, ids=[f"{i}-{c[0]}" for i, c in enumerate(DISCRETE)])
def test_discrete(name: str, arguments: tuple, law: Any) -> None:
    assert goodness(drawn(name, *arguments, (MANY,)), law.pmf) > LEVEL


def test_integers_and_signs() -> None:
    assert goodness(drawn("randint", (MANY,), -3, 9), lambda v: np.full(v.shape, 1 / 12)) > LEVEL
    assert goodness(drawn("rademacher", (MANY,)), lambda v: np.where(v == 0, 0, 0.5)) > LEVEL
    assert goodness(drawn("bits", (MANY,), np.uint8), lambda v: np.full(v.shape, 1 / 256)) > LEVEL


@pytest.mark.parametrize("mode", [None, "high"])
def test_choices(mode: str | None) -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05], np.float32)
    law = lambda v: p[v].astype(float) / p.sum(dtype=float)
    assert goodness(drawn("categorical", np.log(p), shape=(MANY,), mode=mode), law) > LEVEL
    assert goodness(drawn("choice", 4, (MANY,), p=p, mode=mode), law) > LEVEL
    assert goodness(drawn("choice", 7, (MANY,)), lambda v: np.full(v.shape, 1 / 7)) > LEVEL


def test_draws_without_replacement() -> None:
    """The first of two is by p, and the second by p among what is left."""
    from axil import vmap

    p = np.array([0.5, 0.3, 0.2], np.float32)
    pairs = np.asarray(vmap(lambda k: random.choice(k, 3, (2,), False, p))(random.split(KEY, MANY)))
    assert (pairs[:, 0] != pairs[:, 1]).all()
    q = p.astype(float) / p.sum(dtype=float)
    both = lambda code: np.where(code // 3 == code % 3, 0, q[code // 3] * q[code % 3] / (1 - q[code // 3]))
    assert goodness(3 * pairs[:, 0] + pairs[:, 1], both) > LEVEL


def test_permutations_are_equally_likely() -> None:
    from axil import vmap

    orders = np.asarray(vmap(lambda k: random.permutation(k, 4))(random.split(KEY, MANY)))
    codes, counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)
    assert len(codes) == 24 and stats.chisquare(counts).pvalue > LEVEL


# ---- several dimensions --------------------------------------------------------------------------------


def test_dirichlet_has_beta_margins() -> None:
    alpha = np.array([0.5, 1.0, 2.5], np.float32)
    x = drawn("dirichlet", alpha, (2000,))
    np.testing.assert_allclose(x.sum(1), 1, rtol=1e-5)
    for i, a in enumerate(alpha):
        assert stats.kstest(x[:, i], stats.beta(a, alpha.sum() - a).cdf).pvalue > LEVEL


def test_multinomial_has_binomial_margins() -> None:
    p = np.array([0.2, 0.5, 0.3], np.float32)
    x = drawn("multinomial", np.full((2000,), 9.0, np.float32), p, shape=(2000, 3))
    assert (x.sum(1) == 9).all()
    assert all(goodness(x[:, i], stats.binom(9, float(p[i])).pmf) > LEVEL for i in range(3))


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_multivariate_normal(method: str) -> None:
    mean, cov = np.array([1.0, -2.0], np.float32), np.array([[2.0, 0.6], [0.6, 0.5]], np.float32)
    x = drawn("multivariate_normal", mean, cov, (MANY,), method=method) - mean
    distance = np.einsum("ni,ij,nj->n", x, np.linalg.inv(cov), x)
    assert stats.kstest(distance, stats.chi2(2).cdf).pvalue > LEVEL
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.1)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_ball_is_filled_evenly(p: float) -> None:
    """The share within a radius grows with its power of as many dimensions."""
    x = drawn("ball", 3, p, (MANY,))
    radius = (np.abs(x) ** p).sum(1) ** (1 / p)
    assert stats.kstest(radius**3, "uniform").pvalue > LEVEL
    assert abs(np.sign(x).mean()) < 0.03


def test_orthogonal_matrices_are_haar() -> None:
    q = drawn("orthogonal", 3, (2000,))
    np.testing.assert_allclose(q @ q.transpose(0, 2, 1), np.broadcast_to(np.eye(3), q.shape), atol=2e-6)
    # A coordinate of a random point of the sphere in three dimensions is uniform (Archimedes).
    assert all(stats.kstest(q[:, i, j] / 2 + 0.5, "uniform").pvalue > LEVEL for i in range(3) for j in range(3))
    tall = drawn("orthogonal", 4, (2,), m=2)
    np.testing.assert_allclose(tall.transpose(0, 2, 1) @ tall, np.broadcast_to(np.eye(2), (2, 2, 2)), atol=2e-6)


def test_normal_tails_and_complex_numbers() -> None:
    x = drawn("normal", (200_000,))
    beyond = (np.abs(x) > 4).sum()
    assert 3 <= beyond <= 30  # 12.7 expected
    z = np.asarray(random.normal(KEY, (MANY,), np.complex64))
    assert stats.kstest(2 * np.abs(z) ** 2, stats.chi2(2).cdf).pvalue > LEVEL
    assert stats.kstest(np.angle(z) / (2 * np.pi) + 0.5, "uniform").pvalue > LEVEL
