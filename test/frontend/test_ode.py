"""`axil.experimental.ode`: accuracy, gradients by the adjoint equation, transformations, agreement with JAX, errors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same, slope

import axil
import axil.numpy as np
from axil import grad, jit, vmap
from axil.experimental import ode
from axil.experimental.ode import odeint


def decay(y: Any, t: Any, rate: Any) -> Any:
    return -rate * y


def pendulum(state: Any, t: Any, g: Any, damping: Any) -> Any:
    return {"angle": state["speed"], "speed": -damping * state["speed"] - g * np.sin(state["angle"]) + 0.1 * t}


def test_exponential_decay() -> None:
    t = onp.linspace(0.0, 2.0, 5)
    got = odeint(decay, np.array([1.0, 2.0]), np.asarray(t, np.float32), 1.5)
    same(got, onp.exp(-1.5 * t)[:, None] * [1.0, 2.0], 1e-5)


def test_double_precision_reaches_the_tolerance() -> None:
    with axil.enable_x64():
        t = np.linspace(0.0, 10.0, 7)
        turn = lambda y, t: np.stack([y[1], -y[0]])
        got = odeint(turn, np.array([1.0, 0.0]), t, rtol=1e-10, atol=1e-10)
        same(got, onp.stack([onp.cos(t), -onp.sin(t)], 1), 1e-8, 1e-8)


def test_trees_complex_numbers_and_one_time() -> None:
    rotation = lambda y, t: {"z": 1j * y["z"]}
    got = odeint(rotation, {"z": np.array(1.0 + 0j)}, np.array([0.0, 1.0]), rtol=1e-6, atol=1e-6)
    same(got, {"z": onp.exp(1j * onp.array([0.0, 1.0]))}, 1e-5)
    same(odeint(decay, 3.0, np.array([0.5]), 1.0), [3.0])
    same(odeint(decay, 3, np.array([0.0, 1.0]), 1.0, rtol=1e-6, atol=1e-6), [3.0, 3 * onp.exp(-1)], 1e-5)


def test_limits_of_steps() -> None:
    solve = partial(odeint, lambda y, t: np.cos(20 * t) * 20, np.array(0.0), np.array([0.0, 3.0]), rtol=1e-4, atol=1e-4)
    same(solve()[1], onp.sin(60.0), 1e-2, 1e-2)
    assert abs(float(solve(mxstep=2)[1]) - onp.sin(60.0)) > 0.05  # given up on the way
    same(solve(hmax=0.01)[1], onp.sin(60.0), 1e-4, 1e-4)


def final(y0: Any, t: Any, g: Any, damping: Any, **options: Any) -> Any:
    ys = odeint(pendulum, y0, t, g, damping, **options)
    return (ys["angle"] ** 2).sum() + ys["speed"][-1].sum()


def test_gradients_against_finite_differences() -> None:
    with axil.enable_x64():
        y0 = {"angle": np.array([0.3, 0.5]), "speed": np.array([0.1, -0.2])}
        t, tight = np.array([0.0, 0.4, 1.0]), {"rtol": 1e-10, "atol": 1e-10}
        f = partial(final, **tight)
        got = grad(f, argnums=(0, 1, 2, 3))(y0, t, 9.81, 0.2)
        nudged = lambda i: lambda e: f({**y0, "angle": y0["angle"].at[i].add(e)}, t, 9.81, 0.2)
        same(got[0]["angle"], [slope(nudged(i), 0.0) for i in range(2)], 1e-6)
        same(got[1], [slope(lambda e, i=i: f(y0, t.at[i].add(e), 9.81, 0.2), 0.0) for i in range(3)], 1e-6)
        same(got[2], slope(lambda g: f(y0, t, g, 0.2), 9.81), 1e-6)
        same(got[3], slope(lambda d: f(y0, t, 9.81, d), 0.2), 1e-6)


def test_gradient_of_a_closed_over_value_and_integer_arguments() -> None:
    def loss(rate: Any, n: Any) -> Any:
        return odeint(lambda y, t, n: -rate * y * n, np.array(1.0), np.array([0.0, 1.0]), n, rtol=1e-6, atol=1e-6)[1]

    same(grad(loss)(0.5, 2), -2 * onp.exp(-1.0), 1e-4)
    same(jit(grad(loss))(0.5, 2), -2 * onp.exp(-1.0), 1e-4)


def test_second_derivatives() -> None:
    f = lambda rate: odeint(decay, 1.0, np.array([0.0, 1.0]), rate, rtol=1e-6, atol=1e-6)[1]
    same([grad(f)(0.5), grad(grad(f))(0.5)], [-onp.exp(-0.5), onp.exp(-0.5)], 1e-3)


def test_vmap_and_jit() -> None:
    t = np.array([0.0, 0.5, 1.0])
    f = lambda y0, rate: odeint(decay, y0, t, rate, rtol=1e-6, atol=1e-6)
    rates = np.array([0.5, 2.0, 10.0])
    wanted = onp.exp(-onp.asarray(rates)[:, None] * onp.asarray(t))
    same(vmap(f, (None, 0))(1.0, rates), wanted, 1e-4, 1e-5)
    same(jit(f)(1.0, 2.0), wanted[1], 1e-5)
    slopes = jit(vmap(grad(lambda rate: f(1.0, rate)[-1])))(rates)
    same(slopes, -onp.exp(-onp.asarray(rates)), 1e-3, 1e-5)


def test_agrees_with_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is a test-only oracle")
    other = pytest.importorskip("jax.experimental.ode")
    jnp = jax.numpy

    def f(lib: Any, y: Any, t: Any, a: Any) -> Any:
        return lib.tanh(a @ y) - 0.1 * y * t

    a, y0, t = onp.float32([[0.1, 1.0], [-1.0, 0.2]]), onp.float32([1.0, 0.5]), onp.float32([0.0, 0.7, 2.0])

    def both(lib: Any, module: Any, package: Any) -> Any:
        loss = lambda y0, t, a: (module.odeint(partial(f, lib), y0, t, a, rtol=1e-6, atol=1e-6) ** 2).sum()
        return package.grad(loss, argnums=(0, 1, 2))(*map(lib.asarray, (y0, t, a)))

    same(both(np, ode, axil), both(jnp, other, jax), 1e-4, 1e-5)

    def steps(lib: Any, module: Any) -> Any:
        y, at, h = lib.asarray(y0), lib.asarray(t[1]), lib.asarray(onp.float32(0.3))
        g = lambda y, t: f(lib, y, t, lib.asarray(a))
        y1, f1, error, k = module.runge_kutta_step(g, y, g(y, at), at, h)
        quartic = module.interp_fit_dopri(y, y1, k, h)
        ratio = module.mean_error_ratio(error, 1e-4, 1e-4, y, y1)
        first = module.initial_step_size(g, at, y, 4, 1e-4, 1e-4, g(y, at))
        fit = list(module.fit_4th_order_polynomial(y, y1, (y + y1) / 2, k[0], k[-1], h))
        sizes = [module.optimal_step_size(h, r) for r in (ratio, ratio * 0, ratio + 40.0)]
        return [y1, f1, k, quartic, ratio, first, fit, sizes, module.abs2(y), module.abs2(y * 1j)]

    same(steps(np, ode), steps(jnp, other), 1e-2, 1e-5)  # the error estimate is a difference near rounding


def test_errors() -> None:
    with error_here(TypeError, "array of at least one float", "i32[3]"):
        odeint(decay, 1.0, np.arange(3), 1.0)
    with error_here(TypeError, "str"):
        odeint(decay, 1.0, np.array([0.0, 1.0]), "fast")
    with error_here(TypeError, "structure and shapes of y0", "f32[2]"):
        odeint(lambda y, t: np.ones(2), np.ones(3), np.array([0.0, 1.0]))
