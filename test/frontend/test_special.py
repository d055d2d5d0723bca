"""Special functions against SciPy on wide domains, their derivatives, and where they are not defined.

`test/api/cases/scipy_special.py` has dtypes, shapes and edges against JAX. Here is accuracy: on CPUs f32 is computed in
f64, so that its error is that of rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as sp

import axil
from axil import lax
from axil import numpy as anp
from axil.config import enable_x64
from axil.scipy import special

N = 400


def uniform(low: float, high: float) -> Callable[[Any], np.ndarray]:
    return lambda rng: rng.uniform(low, high, N)


def spread(low: float, high: float) -> Callable[[Any], np.ndarray]:
    """Numbers of all sizes between two powers of ten."""
    return lambda rng: 10 ** rng.uniform(low, high, N)


def whole(low: int, high: int) -> Callable[[Any], np.ndarray]:
    return lambda rng: rng.integers(low, high, N).astype(float)


def same(f: Callable[..., Any]) -> tuple[Any, Any]:
    return getattr(special, f), getattr(sp, f)


# name: our function, SciPy's, domains of the operands, relative error allowed in f64, and from which size on
FUNCTIONS: dict[str, tuple[tuple[Any, Any], list[Any], float, float]] = {
    "gammaln": (same("gammaln"), [spread(-3, 5)], 1e-12, 1e-2),
    "gamma": (same("gamma"), [uniform(-10, 100)], 1e-12, 0),
    "gammainc": (same("gammainc"), [spread(-2, 2.2), spread(-2, 2.2)], 1e-11, 1e-290),
    "gammaincc": (same("gammaincc"), [spread(-2, 2.2), spread(-2, 2.2)], 1e-11, 1e-290),
    "digamma": (same("digamma"), [uniform(0.1, 50)], 1e-12, 1e-1),
    "polygamma": ((lambda x: special.polygamma(3, x), lambda x: sp.polygamma(3, x)), [spread(-1, 2)], 1e-12, 0),
    "poch": (same("poch"), [uniform(0.1, 20), uniform(-3, 20)], 1e-12, 1e-200),
    "zeta": (same("zeta"), [uniform(1.01, 40), spread(-1, 3)], 1e-12, 0),
    "beta": (same("beta"), [spread(-2, 2), spread(-2, 2)], 1e-11, 1e-250),
    "betaln": (same("betaln"), [spread(-2, 2), spread(-2, 2)], 1e-12, 1e-1),
    "betainc": (same("betainc"), [spread(-1, 2), spread(-1, 2), uniform(0, 1)], 1e-10, 1e-250),
    "comb": (same("comb"), [whole(0, 60), whole(0, 30)], 1e-12, 0),
    "erf": (same("erf"), [uniform(-5, 5)], 1e-13, 0),
    "erfc": (same("erfc"), [uniform(-5, 25)], 1e-12, 0),
    "erfcx": (same("erfcx"), [uniform(-5, 50)], 1e-12, 0),
    "erfinv": (same("erfinv"), [uniform(-1, 1)], 1e-12, 0),
    "dawsn": (same("dawsn"), [uniform(-20, 20)], 1e-12, 0),
    "ndtr": (same("ndtr"), [uniform(-12, 9)], 1e-12, 0),
    "ndtri": (same("ndtri"), [uniform(0, 1)], 1e-12, 1e-2),
    "log_ndtr": (same("log_ndtr"), [uniform(-60, 8)], 1e-12, 0),
    "owens_t": (same("owens_t"), [uniform(-8, 8), uniform(-4, 4)], 1e-11, 1e-12),
    "i0": (same("i0"), [uniform(-50, 50)], 1e-12, 0),
    "i1": (same("i1"), [uniform(-50, 50)], 1e-12, 0),
    "i0e": (same("i0e"), [uniform(-500, 500)], 1e-13, 0),
    "i1e": (same("i1e"), [uniform(-500, 500)], 1e-13, 0),
    "expi": (same("expi"), [uniform(-50, 60)], 1e-12, 1e-2),
    "expn": (same("expn"), [whole(0, 40), uniform(0.01, 30)], 1e-12, 0),
    "si": ((lambda x: special.sici(x)[0], lambda x: sp.sici(x)[0]), [uniform(-60, 60)], 1e-12, 0),
    "ci": ((lambda x: special.sici(x)[1], lambda x: sp.sici(x)[1]), [uniform(0.01, 60)], 1e-12, 1e-2),
    "fresnel s": ((lambda x: special.fresnel(x)[0], lambda x: sp.fresnel(x)[0]), [uniform(-9, 9)], 1e-12, 0),
    "fresnel c": ((lambda x: special.fresnel(x)[1], lambda x: sp.fresnel(x)[1]), [uniform(-9, 9)], 1e-12, 0),
    "spence": (same("spence"), [uniform(0, 40)], 1e-12, 1e-2),
    "hyp1f1": (same("hyp1f1"), [uniform(0.1, 5), uniform(0.1, 5), uniform(-30, 30)], 1e-11, 1e-3),
    "hyp2f1": (same("hyp2f1"), [uniform(0.1, 3), uniform(0.1, 3), uniform(0.1, 3), uniform(-9, 0.99)], 1e-9, 1e-3),
    "xlogy": (same("xlogy"), [uniform(-3, 3), spread(-3, 3)], 1e-13, 0),
    "entr": (same("entr"), [uniform(0.01, 9)], 1e-13, 1e-2),
    "boxcox": (same("boxcox"), [spread(-2, 2), uniform(-2, 2)], 1e-12, 1e-2),
    "kl_div": (same("kl_div"), [uniform(0.1, 3), uniform(0.1, 3)], 1e-12, 1e-1),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_scipys_in_both_widths(name: str) -> None:
    (ours, theirs), domains, allowed, size = FUNCTIONS[name]
    rng = np.random.default_rng(7)
    xs = [domain(rng) for domain in domains]
    with enable_x64(True), np.errstate(all="ignore"):
        got, want = np.asarray(ours(*xs)), theirs(*xs)
    certain = np.isfinite(want) & (np.abs(want) > size)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    assert np.max(np.abs(got[certain] / want[certain] - 1)) < allowed
    narrow = [x.astype(np.float32) for x in xs]
    with np.errstate(all="ignore"):
        got, want = np.asarray(ours(*narrow)), theirs(*[x.astype(float) for x in narrow])
    certain = np.isfinite(got) & (np.abs(want) > max(size, 1e-3 if name in ("erfinv", "ndtri") else 1e-30))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[certain], want[certain], rtol=1e-5)


@pytest.mark.parametrize("name", ["wofz", "erfcx", "loggamma", "gamma"])
def test_complex_values_are_scipys(name: str) -> None:
    rng = np.random.default_rng(3)
    z = rng.uniform(-5, 5, N) + 1j * rng.uniform(-5, 5, N)
    with enable_x64(True):
        np.testing.assert_allclose(np.asarray(getattr(special, name)(z)), getattr(sp, name)(z), rtol=1e-10)


def test_bessel_functions_of_integer_orders() -> None:
    x = np.array([0.0, 1e-3, 0.7, -2.5, 9.0, 25.0])
    want = np.stack([sp.jv(order, x) for order in range(6)])
    with enable_x64(True):
        np.testing.assert_allclose(np.asarray(special.bessel_jn(x, v=5)), want, rtol=1e-11, atol=1e-14)
        slope = axil.jvp(lambda x: special.bessel_jn(x, v=5), (anp.asarray(x),), (anp.ones(6),))[1]
    np.testing.assert_allclose(np.asarray(slope), np.stack([sp.jvp(k, x) for k in range(6)]), rtol=1e-9, atol=1e-12)


def test_bernoulli_numbers_and_spherical_harmonics() -> None:
    with enable_x64(True):
        np.testing.assert_allclose(np.asarray(special.bernoulli(60)), sp.bernoulli(60), rtol=1e-11)
        n, m = (v.ravel() for v in np.meshgrid(np.arange(9), np.arange(-8, 9)))
        n, m = n[abs(m) <= n], m[abs(m) <= n]
        theta, phi = np.linspace(0.0, np.pi, n.size), np.linspace(-4.0, 4.0, n.size)
        got = np.asarray(special.sph_harm_y(n, m, theta, phi))
        np.testing.assert_allclose(got, sp.sph_harm_y(n, m, theta, phi), atol=1e-13)


# ---- derivatives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "gammainc", "gammaincc", "beta", "betaln", "poch", "zeta", "owens_t", "hyp1f1", "hyp2f1", "comb", "erfcx", "dawsn",
    "log_ndtr", "ndtri", "expi", "si", "ci", "fresnel s", "spence", "i0", "i1e",
])  # fmt: skip
def test_derivatives_are_differences_of_scipy(name: str) -> None:
    (ours, theirs), domains, _, _ = FUNCTIONS[name]
    rng, step = np.random.default_rng(11), 1e-5
    low, high = {"ndtri": (0.1, 0.9), "hyp2f1": (0.2, 0.8), "comb": (1.5, 2.5)}.get(name, (1.3, 4.0))
    xs = [rng.uniform(low, high, 9) for _ in domains]
    with enable_x64(True):
        gradients = axil.grad(lambda *xs: anp.sum(ours(*xs)), argnums=tuple(range(len(xs))))(*map(anp.asarray, xs))
    for i, gradient in enumerate(gradients):
        ends = [theirs(*[x + sign * step if i == j else x for j, x in enumerate(xs)]) for sign in (1, -1)]
        difference = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(np.asarray(gradient), difference, rtol=2e-5, atol=1e-7)


def test_derivatives_hold_in_tails_and_at_zeros() -> None:
    grad = axil.grad
    assert float(grad(special.log_ndtr)(-200.0)) == pytest.approx(200.005, rel=1e-5)
    assert float(grad(special.log_ndtr)(20.0)) == 0.0
    assert float(grad(special.xlogy, argnums=1)(0.0, 0.5)) == 0.0
    assert float(grad(special.xlog1py, argnums=0)(0.0, 0.5)) == pytest.approx(np.log1p(0.5))
    assert float(grad(special.entr)(1.0)) == -1.0
    assert float(grad(special.i1e)(0.0)) == 0.5
    assert float(grad(lambda p: special.rel_entr(p, 0.0))(0.0)) == 0.0
    assert float(grad(lambda x: special.sici(x)[0])(0.0)) == 1.0
    assert float(grad(special.spence)(1.0)) == -1.0
    assert np.isinf(float(grad(special.logit)(1.0)))


def test_second_derivatives() -> None:
    with enable_x64(True):
        second = axil.grad(axil.grad(special.gammainc, argnums=1), argnums=1)(3.5, 1.5)
        density = lambda x: x**2.5 * np.exp(-x) / sp.gamma(3.5)
        assert float(second) == pytest.approx((density(1.5 + 1e-6) - density(1.5 - 1e-6)) / 2e-6, rel=1e-6)
        hessian = axil.hessian(special.log_ndtr)(-3.0)
        ratio = np.exp(-4.5) / np.sqrt(2 * np.pi) / sp.ndtr(-3.0)
        assert float(hessian) == pytest.approx(-ratio * (ratio - 3.0), rel=1e-9)


def test_a_derivative_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(TypeError, match="'betainc' has no derivative in 'a'"):
        axil.grad(special.betainc)(2.0, 3.0, 0.5)
    with pytest.raises(TypeError, match="'igamma_grad_a' has no derivative in 'a'"):
        axil.grad(axil.grad(special.gammainc))(2.0, 3.0)


# ---- transformations and errors ------------------------------------------------------------------------


def test_loops_in_formulas_compile_in_and_out_of_loops() -> None:
    """One program: in a scan over elements, in a branch, differentiated, and of nothing."""

    def program(a: Any, x: Any) -> Any:
        step = lambda c, v: (0.5 * c + special.gammainc(c + 1, v), special.i0e(c))
        branches = (lambda v: special.i0e(v), lambda v: special.betainc(2.0, 3.0, v))
        slope = axil.grad(lambda a: anp.sum(special.gammainc(a, x)))(a)
        return lax.scan(step, a[0], x), lax.cond(x[0] > 1, *branches, x[0]), slope, special.gammainc(a[:0], x[:0])

    a, x = anp.array([0.7, 3.0, 250.0]), anp.array([0.4, 5.0, 240.0])
    compiled, eager = (axil.tree_util.tree_leaves(f(a, x)) for f in (axil.jit(program), program))
    for got, want in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-6)


def test_where_jax_is_less_accurate() -> None:
    """JAX stops its series and fractions early, or works in f32; the values are from 40 digits."""
    with enable_x64(True):
        tail = float(special.gammainc(860671.7360023791, 856479.7474838578))
        assert tail == pytest.approx(3.0116379483e-06, rel=1e-10)
        assert float(special.hyp2f1(1.0, 1.0, 2.0, -1e4)) == pytest.approx(np.log(10001) / 1e4, rel=1e-12)
        assert float(special.hyp2f1(1.0, 1.0, 2.0, 0.999999)) == pytest.approx(-np.log(1e-6) / 0.999999, rel=1e-9)


def test_errors_name_the_way_out() -> None:
    with pytest.raises(NotImplementedError, match="pass q=1"):
        special.zeta(2.0)
    with pytest.raises(NotImplementedError, match="math.factorial"):
        special.factorial(3, exact=True)
    with pytest.raises(TypeError, match="pass the real part"):
        special.dawsn(1j)
    with pytest.raises(TypeError, match="n_max"):
        axil.jit(lambda n: special.sph_harm_y(n, n, 0.5, 0.5))(anp.array([1]))
    with pytest.raises(TypeError, match="must be an integer"):
        special.bernoulli(1.5)
    with pytest.raises(TypeError, match="integer type"):
        special.polygamma(1.0, 2.0)
