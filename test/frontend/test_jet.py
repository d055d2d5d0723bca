"""`axil.experimental.jet.jet`: every op against nested forward mode, control flow, other transformations, errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import core, grad, hessian, jit, jvp, lax, vmap
from axil.dialects import avals as av
from axil.experimental.jet import jet
from axil.testing.samples import Case, avals_of, cases, widened

NO_SECOND_ORDER = {"igamma", "igammac", "zeta", "hyp1f1", "hyp2f1", "polygamma", "betainc", "random_gamma_grad"}
"""Ops that refuse a derivative with respect to an operand, at first or second order."""


def smooth(case: Case) -> bool:
    """Whether a case has derivatives of all orders with respect to some operands."""
    op, one, _ = case
    if op.name in NO_SECOND_ORDER or op.named_batch or not one.grad:
        return False
    avals = avals_of(one)
    results = op.result_avals(avals, one.attributes)
    return all(any(av.is_inexact(a.dtype) for a in group) for group in (avals, results))


SMOOTH = [c for c in cases() if smooth(c)]


def nested(f: Callable[..., list], xs: Sequence[Any], series: Sequence[Any], order: int) -> list[list]:
    """Derivatives of f along the curve, by forward mode of forward mode."""

    def along(t: Any) -> list:
        points = [
            None if s is None else sum((c * (t ** (k + 1) / math.factorial(k + 1)) for k, c in enumerate(s)), x)
            for x, s in zip(xs, series)
        ]
        return f(*[x if p is None else p for p, x in zip(points, xs)])

    found, g = [], along
    for _ in range(order):
        g = lambda t, g=g: jvp(g, (t,), (1.0,))[1]
        found.append(g(0.0))
    return found


def compare(f: Callable[..., list], xs: Sequence[Any], order: int, rtol: float = 1e-6, atol: float = 1e-6) -> None:
    """`jet` of `f` (which gives a list) at `xs` along a random curve, in f64, against nested forward mode."""
    rng = onp.random.default_rng(1)
    chosen = [i for i, x in enumerate(xs) if av.is_inexact(x.dtype)]
    draw = lambda x: (rng.normal(size=x.shape) + (1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else 0)) * 0.3
    series = [tuple(draw(x).astype(x.dtype) for _ in range(order)) if i in chosen else None for i, x in enumerate(xs)]

    def of_chosen(*values: Any) -> Any:
        rest = iter(values)
        return f(*[next(rest) if i in chosen else x for i, x in enumerate(xs)])

    value, found = jet(of_chosen, [xs[i] for i in chosen], [series[i] for i in chosen])
    same(value, f(*xs), rtol, atol)
    wanted = nested(f, xs, series, order)
    for place, terms in enumerate(found):
        for k, term in enumerate(terms):
            want = onp.asarray(wanted[k][place])
            if want.dtype.names is None:
                scale = max(1.0, float(onp.max(onp.abs(want), initial=0.0)))
                onp.testing.assert_allclose(onp.asarray(term), want, rtol=rtol, atol=atol * scale)


@pytest.mark.parametrize("case", SMOOTH, ids=[name for _, _, name in SMOOTH])
def test_every_op_to_third_order(case: Case) -> None:
    op = case[0]
    with axil.enable_x64():
        xs, attributes = widened(case)

        def f(*values: Any) -> list:
            results = core.bind(op, *values, **attributes)
            results = list(results) if isinstance(results, tuple) else [results]
            return [y for y in results if av.is_inexact(y.aval.dtype)]

        compare(f, xs, 3, 1e-5, 1e-5)


RECURRENCES: dict[str, tuple[Callable[..., Any], tuple[float, float]]] = {
    "exp": (np.exp, (-1, 1)), "expm1": (np.expm1, (-1, 1)), "log": (np.log, (0.5, 2)), "log1p": (np.log1p, (-0.5, 1)),
    "sqrt": (np.sqrt, (0.5, 2)), "rsqrt": (lax.rsqrt, (0.5, 2)), "cbrt": (np.cbrt, (0.5, 2)),
    "sin": (np.sin, (-2, 2)), "cos": (np.cos, (-2, 2)), "tan": (np.tan, (-1, 1)), "tanh": (np.tanh, (-2, 2)),
    "logistic": (lax.logistic, (-2, 2)), "sinh": (np.sinh, (-1, 1)), "cosh": (np.cosh, (-1, 1)),
    "asin": (np.arcsin, (-0.6, 0.6)), "atan": (np.arctan, (-1, 1)), "asinh": (np.arcsinh, (-1, 1)),
    "erf": (lax.erf, (-1, 1)), "erf_inv": (lax.erf_inv, (-0.6, 0.6)), "lgamma": (lax.lgamma, (1.5, 3)),
    "cube": (lambda x: x**3, (-1, 1)), "reciprocal of a square": (lambda x: x**-2, (0.5, 2)),
    "power": (lambda x: np.power(x, 2.5), (0.5, 2)), "exponent": (lambda x: np.power(x, x), (0.5, 2)),
    "quotient": (lambda x: x / (1 + x * x), (-1, 1)), "abs": (lambda x: abs(x) * x, (-2, 2)),
    "sorted": (lambda x: np.sort(x) * x, (-2, 2)), "clip": (lambda x: np.clip(x, -0.5, 0.5) * x, (-2, 2)),
    "sum of a product": (lambda x: (x @ x) * x, (-1, 1)), "cumprod": (np.cumprod, (0.5, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENCES)
def test_functions_to_fifth_order(name: str) -> None:
    f, (low, high) = RECURRENCES[name]
    with axil.enable_x64():
        x = np.asarray(onp.random.default_rng(0).uniform(low, high, 4))
        compare(lambda x: [f(x)], [x], 5)


def test_convention_of_the_series() -> None:
    value, (first, second) = jet(lambda z: np.sin(z**3), (0.5,), ((1.0, 0.0),))
    same((value, first, second), (math.sin(0.125), 0.744146, 2.9066935), 1e-4)
    scaled = jet(np.sin, (0.3,), ((0.2, 0.4, 0.6),))
    plain = jet(np.sin, (0.3,), ((0.2, 0.2, 0.1),), factorial_scaled=False)
    same(scaled[0], plain[0])
    same([a / math.factorial(k + 1) for k, a in enumerate(scaled[1])], plain[1])


def test_agrees_with_jax() -> None:
    oracle = pytest.importorskip("jax.experimental.jet", reason="JAX is a test-only oracle")
    jnp = pytest.importorskip("jax.numpy")

    def f(lib: Any, x: Any, y: Any) -> Any:
        h = lib.tanh(x @ y) + lib.exp(-(x * x)).sum()
        return {"h": h, "m": lib.max(y / (1 + y * y)) * lib.log(1 + h * h)}

    x, y = onp.float32([0.3, -0.2]), onp.float32([[1.0, 0.2], [0.4, -0.7]])
    series = ([x + 1, x * 0, x - 1, x], [y * 0.1, y, y * 0, -y])
    value, terms = jet(lambda x, y: f(np, x, y), (x, y), series)
    want_value, want_terms = oracle.jet(lambda x, y: f(jnp, x, y), (x, y), series)
    same(value, want_value, 1e-4)
    same(terms, want_terms, 2e-3, 2e-3)


def test_no_terms_and_zero_dimensional_series() -> None:
    same(jet(np.sin, (0.5,), ((),)), (math.sin(0.5), []))
    same(jet(lambda x: 3.0 * np.ones(2), (0.5,), ((1.0,),)), ([3, 3], [[0, 0]]))
    same(jet(lambda x: (x > 0, x), (0.5,), ((1.0,),)), ((True, 0.5), ([0.0], [1.0])))


def test_trees_of_arguments() -> None:
    got = jet(lambda p, s: {"y": p["a"] * s}, ({"a": 2.0}, 3.0), (({"a": 1.0}, {"a": 0.0}), (1.0, 0.0)))
    same(got, ({"y": 6.0}, {"y": [5.0, 2.0]}))


# ---- control flow --------------------------------------------------------------------------------------


def loop(x: Any) -> Any:
    carry, rows = lax.scan(lambda c, a: (np.tanh(c * x) + a, c * a), x, np.arange(3.0) * x)
    return carry, rows


def stops(x: Any) -> Any:
    return lax.while_loop(lambda v: v[0] < 3, lambda v: (v[0] + 1, v[1] * x + np.sin(v[1])), (0, x))[1]


@axil.custom_jvp
def by_rule(x: Any) -> Any:
    return lax.stop_gradient(np.sin(x))  # no derivative but the rule's


by_rule.defjvp(lambda primals, tangents: (by_rule(*primals), np.cos(primals[0]) * tangents[0]))


@axil.custom_vjp
def reverse_only(x: Any) -> Any:
    return np.exp(x) * x


reverse_only.defvjp(lambda x: (np.exp(x) * x, x), lambda x, ct: (ct * np.exp(x) * (x + 1),))

CONTROL: dict[str, Callable[[Any], Any]] = {
    "scan": loop, "while": stops,
    "fori": lambda x: lax.fori_loop(0, 3, lambda i, v: v * np.sin(x) + i, x),
    "cond": lambda x: lax.cond(x > 0, lambda v: (v**3, 2.0), lambda v: (v, 1.0), x),
    "switch": lambda x: lax.switch(1, [lambda v: v, lambda v: np.exp(v) * x], x),
    "checkpoint": axil.remat(lambda x: np.sin(x) * np.exp(x)), "jit": jit(lambda x: np.sin(x) * x),
    "custom_jvp": lambda x: by_rule(x * x), "vmap": lambda x: vmap(lambda a: np.sin(a * x))(np.arange(3.0)).sum(),
    "grad": lambda x: grad(lambda v: np.sin(v) * np.exp(v))(x),
    "map": lambda x: lax.map(lambda a: a * x * x, np.ones(2)),
    "linear solve": lambda x: np.linalg.solve(np.array([[2.0, 1.0], [1.0, 3.0]]) * x, np.ones(2) + x),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTROL)
def test_control_flow_and_transformations_inside(name: str) -> None:
    f = CONTROL[name]
    with axil.enable_x64():
        compare(lambda x: axil.tree_util.tree_leaves(f(x)), [np.asarray(0.7)], 4)


def test_custom_vjp_is_looked_into() -> None:
    got = jet(reverse_only, (0.5,), ((1.0, 0.0, 0.0),))[1]
    same(got, [math.exp(0.5) * (0.5 + k) for k in (1, 2, 3)])


# ---- under other transformations -----------------------------------------------------------------------


def second(x: Any) -> Any:
    """x -> d^2/dt^2 of sin(x + t) exp(x + t)."""
    return jet(lambda v: np.sin(v) * np.exp(v), (x,), ((np.ones_like(x), np.zeros_like(x)),))[1][1]


def test_jit_vmap_and_grad_of_jet() -> None:
    xs = np.linspace(0.1, 1.0, 4)
    wanted = 2 * onp.cos(xs) * onp.exp(xs)
    slope = 2 * onp.exp(xs) * (onp.cos(xs) - onp.sin(xs))
    same(second(xs), wanted)
    same(jit(second)(xs), wanted)
    same(vmap(second)(xs), wanted)
    same(vmap(grad(second))(xs), slope)
    same(jit(vmap(grad(second)))(xs), slope)
    same(jvp(second, (xs,), (np.ones(4),))[1], slope)
    same(jet(second, (xs,), ((np.ones(4),),))[1][0], slope)


def test_curvature_along_a_direction() -> None:
    f = lambda x: np.sum(np.tanh(x) * np.sin(x @ x))
    x, v = np.array([0.1, 0.4, -0.3]), np.array([1.0, 2.0, -1.0])
    got = jet(f, (x,), ((v, np.zeros(3)),))[1][1]
    same(got, v @ hessian(f)(x) @ v, 1e-4)


def test_work_grows_slowly_with_the_order() -> None:
    f = lambda x: np.sin(np.exp(np.tanh(x)))
    sizes = []
    for order in (4, 8):
        series = ((*[1.0] * order,),)
        text = axil.make_ir(lambda x, series=series: jet(f, (x,), series)[1])(0.5)
        assert text.count("axil.derived") == 1
        lowered = jit(lambda x, series=series: jet(f, (x,), series)[1]).lower(0.5)
        sizes.append(lowered.as_text("expanded").count("\n"))
    assert sizes[1] < 5 * sizes[0]  # nested forward mode: 16 times


# ---- errors --------------------------------------------------------------------------------------------


def test_errors() -> None:
    with error_here(ValueError, "lengths [1, 2]"):
        jet(lambda x, y: x * y, (1.0, 2.0), ((1.0,), (1.0, 2.0)))
    with error_here(ValueError, "1 arguments", "lengths [1, 1]"):
        jet(lambda x: x, (1.0,), ((1.0,), (1.0,)))
    with error_here(TypeError, "tuples", "jet(f, (x,), ((x1, x2),))"):
        jet(lambda x: x, 1.0, ((1.0,),))
    with error_here(ValueError, "series of argument 0"):
        jet(lambda x: x, (1.0,), (1.0,))
    with error_here(ValueError, "structure"):
        jet(lambda x: x["a"], ({"a": 1.0},), ((1.0,),))
    with error_here(TypeError, "f32[3]", "f32[2]"):
        jet(lambda x: x, (np.ones(3),), ((np.ones(2),),))
    with error_here(TypeError, "i32[]", "2.0"):
        jet(lambda x: x * 2, (2,), ((),))
