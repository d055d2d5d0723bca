"""Compiled elementary functions of f64 are right to two units of the last place (beside NumPy in long double)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest

import axil
import axil.numpy as np

COUNT = 4000
UNITS = 2.0


def spread(low: float, high: float, sign: bool = True) -> Callable[[onp.random.Generator], Any]:
    """Numbers whose logarithms are uniform, of both signs."""

    def draw(rng: onp.random.Generator) -> Any:
        numbers = onp.exp(rng.uniform(onp.log(low), onp.log(high), COUNT))
        return numbers * rng.choice([-1, 1], COUNT) if sign else numbers

    return draw


def between(low: float, high: float) -> Callable[[onp.random.Generator], Any]:
    return lambda rng: rng.uniform(low, high, COUNT)


ANGLES = [spread(1e-10, 1e4), spread(1e4, 1e15), spread(1e15, 1e300)]
CASES: list[tuple[str, tuple[Any, ...]]] = [
    ("exp", (between(-700, 700),)), ("exp2", (between(-1000, 1000),)), ("expm1", (spread(1e-12, 700),)),
    ("log", (spread(1e-300, 1e300, False),)), ("log2", (spread(1e-300, 1e300, False),)),
    ("log10", (spread(1e-300, 1e300, False),)), ("log1p", (spread(1e-16, 0.999),)),
    *[(name, (angle,)) for name in ("sin", "cos", "tan") for angle in ANGLES],
    ("arcsin", (between(-1, 1),)), ("arccos", (between(-1, 1),)), ("arctan", (spread(1e-8, 1e8),)),
    ("arctan2", (spread(1e-5, 1e5), spread(1e-5, 1e5))), ("sinh", (spread(1e-8, 700),)),
    ("cosh", (spread(1e-8, 700),)), ("tanh", (spread(1e-8, 20),)), ("arcsinh", (spread(1e-8, 1e12),)),
    ("arccosh", (lambda rng: 1 + spread(1e-12, 1e12, False)(rng),)), ("arctanh", (between(-1, 1),)),
    ("cbrt", (spread(1e-300, 1e300),)), ("sqrt", (spread(1e-300, 1e300, False),)),
    ("power", (spread(1e-3, 1e3, False), between(-50, 50))), ("hypot", (spread(1e-5, 1e5), spread(1e-5, 1e5))),
    ("remainder", (spread(1e-3, 1e6), spread(1e-3, 1e3))),
]  # fmt: skip
NAMES = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


@pytest.fixture(scope="module")
def results() -> dict[str, tuple[list[Any], Any]]:
    """Operands and compiled results of all cases, from one program."""
    rng = onp.random.default_rng(0)
    operands = [[draw(rng) for draw in draws] for _, draws in CASES]
    with axil.enable_x64(True):
        arrays = [[np.asarray(x) for x in xs] for xs in operands]
        run = axil.jit(lambda arrays: [getattr(np, name)(*xs) for (name, _), xs in zip(CASES, arrays)])
        found = [onp.asarray(y) for y in run(arrays)]
    return dict(zip(NAMES, zip(operands, found)))


@pytest.mark.parametrize("case", NAMES)
def test_error_in_units_of_the_last_place(case: str, results: dict[str, tuple[list[Any], Any]]) -> None:
    operands, got = results[case]
    with onp.errstate(all="ignore"):
        exact = getattr(onp, case.partition("-")[0])(*[x.astype(onp.longdouble) for x in operands])
    assert got.dtype == onp.float64
    usual = onp.isfinite(exact) & (abs(exact) > onp.finfo(onp.float64).tiny)
    units = abs(got - exact)[usual] / onp.spacing(abs(exact[usual]).astype(onp.float64))
    assert units.max() <= UNITS, f"{units.max()} units at {[x[usual][units.argmax()] for x in operands]}"


def test_special_angles_and_values() -> None:
    with axil.enable_x64(True):
        x = np.asarray(onp.array([0.0, -0.0, onp.inf, -onp.inf, onp.nan, 1e22, 5e-324]))
        sine, cosine, tangent = axil.jit(lambda x: (np.sin(x), np.cos(x), np.tan(x)))(x)
    onp.testing.assert_array_equal(onp.signbit(sine[:2]), [False, True])
    assert onp.isnan(onp.asarray(sine)[2:5]).all() and onp.isnan(onp.asarray(cosine)[2:5]).all()
    # A number whose sine is known for catching careless reductions (K. C. Ng, 1992).
    onp.testing.assert_allclose(sine[5], -0.8522008497671888, rtol=1e-15)
    onp.testing.assert_allclose([cosine[5], tangent[5]], [0.5232147853951389, -1.628778225606898], rtol=1e-15)
