"""Transformations nested at random, against the function itself and finite differences in f64.

Every *wrapper* leaves a scalar function's value as it is, and its derivative too, while it drives the function through
some transformation. So any nest of wrappers must agree with the plain function, to second order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from checks import same, slope
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import axil
import axil.numpy as np
from axil import checkpoint, custom_jvp, custom_vjp, grad, jacfwd, jacrev, jit, jvp, lax, linearize, vjp, vmap

Scalar = Callable[[Any], Any]

FUNCTIONS: dict[str, Scalar] = {
    "sin": lambda x: np.sin(2 * x) * x,
    "where": lambda x: np.where(x > 0.5, x**3, np.exp(-x) * 0.3),
    "sum": lambda x: (np.tanh(x * np.arange(1.0, 4.0)) ** 2).sum(),
    "matmul": lambda x: np.sin(np.ones((2, 3)) * x @ (np.arange(3.0) * x)).sum(),
    "index": lambda x: np.stack([x, x * x, np.cos(x)])[np.array([2, 0, 2])].at[1].multiply(x).sum(),
    "sort": lambda x: (np.sort(np.stack([x, 1 - x, 0.4 * x])) * np.arange(3.0)).sum(),
}


# ---- wrappers ------------------------------------------------------------------------------------------


def in_vmap(f: Scalar) -> Scalar:
    return lambda x: vmap(lambda k: f(x + 0 * k) / 3)(np.arange(3.0)).sum()


def over_vmap(f: Scalar) -> Scalar:
    return lambda x: vmap(f)(np.stack([x, x * 0.3]))[0]


def in_named_vmap(f: Scalar) -> Scalar:
    return lambda x: vmap(lambda k: lax.pmean(f(x) * k, "i"), axis_name="i", out_axes=None)(np.array([0.5, 1.5]))


def in_scan(f: Scalar) -> Scalar:
    def g(x: Any) -> Any:
        carry, ys = lax.scan(lambda c, k: (c + f(x) * k, f(c * 0 + x) * k), x * 0, np.array([0.25, 0.75]))
        return (carry + ys.sum()) / 2

    return g


def over_scan(f: Scalar) -> Scalar:
    return lambda x: lax.scan(lambda c, _: (c, f(c)), x, None, length=2, reverse=True)[1].mean()


def in_fori(f: Scalar) -> Scalar:
    return lambda x: lax.fori_loop(0, 2, lambda i, c: c + f(x) * i, x * 0)


def in_cond(f: Scalar) -> Scalar:
    return lambda x: lax.cond(x > -9, f, lambda v: v * 7, x) + lax.cond(x > 9, f, lambda v: v * 0.0, x)


def in_switch(f: Scalar) -> Scalar:
    return lambda x: lax.switch(np.asarray(x * 0, "i4") + 1, [lambda: x * 5, lambda: f(x), lambda: -f(x)])


def in_map(f: Scalar) -> Scalar:
    return lambda x: lax.map(f, np.stack([x, x])).mean()


def in_checkpoint(f: Scalar) -> Scalar:
    return checkpoint(f)


def in_custom_jvp(f: Scalar) -> Scalar:
    g = custom_jvp(f)
    g.defjvp(lambda p, t: (g(*p), grad(f)(*p) * t[0]))
    return g


def in_custom_vjp(f: Scalar) -> Scalar:
    g = custom_vjp(f)
    g.defvjp(lambda x: (g(x), x), lambda x, ct: (ct * grad(f)(x),))
    return g


def by_jvp(f: Scalar) -> Scalar:
    """f(x), as the derivative of t f(x) in t."""
    return lambda x: jvp(lambda t: t * f(x), (2.0,), (1.0,))[1]


def by_vjp(f: Scalar) -> Scalar:
    return lambda x: vjp(lambda t: t * f(x), 2.0)[1](1.0)[0]


def by_grad(f: Scalar) -> Scalar:
    return lambda x: grad(lambda t: t * f(x) + x)(0.5)


def by_linearize(f: Scalar) -> Scalar:
    return lambda x: linearize(lambda t: t * f(x), 0.5)[1](1.0)


def by_jacobian(f: Scalar) -> Scalar:
    return lambda x: jacrev(jacfwd(lambda t: (t * t * f(x)) / 2))(np.stack([x, x])).sum() / 2


def within_value_and_grad(f: Scalar) -> Scalar:
    return lambda x: axil.value_and_grad(f)(x)[0]


WRAPPERS = {
    w.__name__: w
    for w in (in_vmap, over_vmap, in_named_vmap, in_scan, over_scan, in_fori, in_cond, in_switch, in_map,
              in_checkpoint, in_custom_jvp, in_custom_vjp, by_jvp, by_vjp, by_grad, by_linearize, by_jacobian,
              within_value_and_grad)
}  # fmt: skip


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with axil.enable_x64():
        yield


def nested(names: tuple[str, ...], f: Scalar) -> Scalar:
    for name in reversed(names):
        f = WRAPPERS[name](f)
    return f


def check(names: tuple[str, ...], f: Scalar, x: float) -> None:
    """A nest has the value and the derivatives of the function inside it."""
    g = nested(names, f)
    same(g(x), f(x), 1e-9, 1e-9)
    same(grad(g)(x), slope(f, x), 1e-5, 1e-6)
    if "in_custom_vjp" not in names:  # which has no forward mode
        same(jvp(g, (x,), (2.0,)), (f(x), 2 * slope(f, x)), 1e-5, 1e-6)
        same(vmap(lambda x: jvp(grad(g), (x,), (1.0,))[1])(np.array([x, x]))[0], slope(grad(f), x), 1e-5, 1e-6)
    same(grad(grad(g))(x), slope(grad(f), x), 1e-5, 1e-6)


# ---- tests ---------------------------------------------------------------------------------------------

POINTS = [0.7, 0.31]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions_themselves(name: str) -> None:
    f = FUNCTIONS[name]
    for x in POINTS:
        same([grad(f)(x), grad(grad(f))(x)], [slope(f, x), slope(grad(f), x)], 1e-5, 1e-6)


@pytest.mark.parametrize("name", WRAPPERS)
def test_each_wrapper(name: str) -> None:
    check((name,), FUNCTIONS["sin"], 0.7)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.sampled_from(sorted(WRAPPERS)), min_size=2, max_size=3), st.sampled_from(sorted(FUNCTIONS)),
       st.sampled_from(POINTS))  # fmt: skip
def test_wrappers_nested_at_random(names: list[str], function: str, x: float) -> None:
    check(tuple(names), FUNCTIONS[function], x)


def test_third_order_through_everything() -> None:
    f = FUNCTIONS["sin"]
    g = nested(("in_scan", "in_cond", "in_checkpoint"), f)
    third = lambda f: grad(grad(grad(f)))
    same(third(g)(0.7), slope(grad(grad(f)), 0.7), 1e-4)
    same(third(nested(("in_custom_jvp", "over_vmap"), f))(0.7), slope(grad(grad(f)), 0.7), 1e-4)


def test_vmap_of_grad_of_scan_of_vmap() -> None:
    def f(w: Any, xs: Any) -> Any:
        cell = vmap(lambda h, x: np.tanh(h * w + x))
        return lax.scan(lambda h, x: (cell(h, x), h.sum()), np.zeros(2), xs)[1].sum()

    xs = np.sin(np.arange(6.0)).reshape(3, 2)
    got = vmap(grad(f), (0, None))(np.array([0.3, 0.9]), xs)
    same(got, [slope(lambda w: f(w, xs), w) for w in (0.3, 0.9)], 1e-6)


def test_compiled_nests_agree_with_eager_ones() -> None:
    nests = [("in_scan", "in_cond", "in_vmap"), ("in_checkpoint", "over_scan", "by_vjp"),
             ("in_custom_vjp", "in_fori", "over_vmap"), ("in_switch", "in_custom_jvp", "by_jacobian")]  # fmt: skip
    fs = [nested(names, FUNCTIONS[n]) for names, n in zip(nests, ["sin", "sum", "index", "where"])]
    derivatives = lambda x: [(f(x), grad(f)(x), grad(grad(f))(x)) for f in fs]
    same(jit(derivatives)(0.7), derivatives(0.7), 1e-9)


# ---- confusion of perturbations ------------------------------------------------------------------------


def test_inner_and_outer_derivatives_of_one_variable() -> None:
    d = grad
    same(d(lambda x: x * d(lambda y: x * y * y)(x))(3.0), 3 * 2 * 9.0)
    same(d(lambda x: d(lambda y: x**2 * y)(x) * x)(2.0), 12.0)
    push = lambda f: lambda x: jvp(f, (x,), (1.0,))[1]
    for outer in (d, push):
        for inner in (d, push):
            same(outer(lambda x: x * inner(lambda y: x + y)(2.0 * x))(1.0), 1.0)  # noqa: B023
            same(outer(lambda x: inner(lambda y: inner(lambda z: x * y * z)(x))(x))(5.0), 1.0)  # noqa: B023


def test_an_inner_derivative_in_a_loop_of_an_outer_one() -> None:
    def f(x: Any) -> Any:
        step = lambda c, k: (c + grad(lambda y: y * y * x * k)(c), None)
        return lax.scan(step, x, np.arange(1.0, 3.0))[0]  # c (1 + 2 x k)

    same(grad(f)(0.5), slope(f, 0.5), 1e-8)
    same(vmap(grad(f))(np.array([0.5, 0.5])), [slope(f, 0.5)] * 2, 1e-8)
