"""`while_loop(max_steps=n)`: a while loop that has a reverse mode, in little memory."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same, slope

import axil
import axil.numpy as np
from axil import grad, jit, jvp, lax, value_and_grad, vmap
from axil.dialects.combinators import revolve


def loop(x: Any, n: Any, max_steps: int = 20, checkpoints: int | None = None) -> Any:
    """Some steps of v = x sin v + i / 10 from v = x."""
    step = lambda s: (s[0] + 1, np.sin(s[1]) * x + 0.1 * s[0])
    return lax.while_loop(lambda s: s[0] < n, step, (0, x), max_steps=max_steps, checkpoints=checkpoints)[1]


def plain(x: Any, n: int) -> Any:
    v = x * 1.0
    for i in range(n):
        v = np.sin(v) * x + 0.1 * i
    return v


# ---- values and first derivatives ----------------------------------------------------------------------


def test_it_is_a_while_loop() -> None:
    for n in (0, 1, 7, 20):
        same(loop(0.7, n), plain(0.7, n))
    assert lax.while_loop(lambda s: s < 2, lambda s: s + 0.75, 0, max_steps=5).dtype == np.float32
    same(lax.while_loop(lambda v: v["a"] < 5, lambda v: {"a": v["a"] + 2, "n": None}, {"a": 0, "n": None}, max_steps=9),
         {"a": 6, "n": None})  # fmt: skip


@pytest.mark.parametrize("checkpoints", [None, 1, 2, 3, 7, 50])
def test_gradients_with_any_number_of_checkpoints(checkpoints: int | None) -> None:
    with axil.enable_x64():
        for n in (0, 1, 2, 3, 6, 12):
            got = value_and_grad(loop)(0.7, n, 12, checkpoints)
            same(got, (plain(0.7, n), jvp(lambda x, n=n: plain(x, n), (0.7,), (1.0,))[1]), 1e-12)


def test_derivatives_of_all_orders() -> None:
    with axil.enable_x64():
        f, g = (lambda x: loop(x, 4, 6)), (lambda x: plain(x, 4))
        second = grad(grad(g))(0.7)
        same(grad(grad(f))(0.7), second, 1e-12)
        same(jvp(grad(f), (0.7,), (1.0,))[1], second, 1e-12)
        same(grad(lambda x: jvp(f, (x,), (1.0,))[1])(0.7), second, 1e-12)
        same(jvp(lambda x: jvp(f, (x,), (1.0,))[1], (0.7,), (1.0,))[1], second, 1e-12)
        same(grad(grad(grad(f)))(0.7), grad(grad(grad(g)))(0.7), 1e-10)
        value, linear = axil.linearize(f, 0.7)
        same((value, linear(2.0)), (g(0.7), 2 * grad(g)(0.7)), 1e-12)


def test_consts_and_carries_of_every_kind() -> None:
    """Gradients reach captured matrices and the initial value; integers and booleans ride along."""

    def f(w: Any, h: Any) -> Any:
        def step(s: Any) -> Any:
            return {"h": np.tanh(w @ s["h"]), "n": s["n"] + 1, "odd": ~s["odd"], "z": s["z"] * (0.5 + 0.5j)}

        start = {"h": h, "n": np.int8(0), "odd": False, "z": h.sum() * (1 + 0j)}
        end = lax.while_loop(lambda s: (s["n"] < 4) | s["odd"], step, start, max_steps=6)
        return end["h"].sum() + end["n"] + end["odd"] + np.abs(end["z"])

    def by_scan(w: Any, h: Any) -> Any:
        step = lambda c, _: ((np.tanh(w @ c[0]), c[1] * (0.5 + 0.5j)), None)
        h, z = lax.scan(step, (h, h.sum() * (1 + 0j)), None, 4)[0]
        return h.sum() + 4 + np.abs(z)

    with axil.enable_x64():
        w, h = onp.linspace(-1, 1, 9).reshape(3, 3), onp.array([0.3, -0.2, 0.9])
        same(value_and_grad(f, (0, 1))(w, h), value_and_grad(by_scan, (0, 1))(w, h), 1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "complex64"])
def test_dtypes(dtype: str) -> None:
    x = np.asarray(1.5, dtype)
    f = lambda x: np.real(lax.while_loop(lambda s: np.abs(s) < 20, lambda s: s * x, x, max_steps=10))
    value, slope_ = value_and_grad(f)(x)
    assert slope_.dtype == x.dtype
    same((value.astype("f4"), np.real(slope_).astype("f4")), (1.5**8, 8 * 1.5**7), 0.1 if dtype == "bfloat16" else 1e-2)


def test_loops_of_no_steps_and_empty_values() -> None:
    same(grad(lambda x: lax.while_loop(lambda v: v < 0, lambda v: v * 2, x, max_steps=3))(2.0), 1.0)
    same(grad(lambda x: lax.while_loop(lambda v: v < 0, lambda v: v * 2, x, max_steps=0))(2.0), 1.0)
    assert lax.while_loop(lambda v: False, lambda v: v, (), max_steps=3) == ()
    same(lax.while_loop(lambda v: v < 3, lambda v: v + 1, np.int32(0), max_steps=4), 3)
    doubled = lambda x: lax.while_loop(lambda v: v[1] < 3, lambda v: (v[0] * 2, v[1] + 1), (x, 0), max_steps=4)[0]
    same(grad(lambda x: doubled(x).sum())(np.zeros((0, 3))), np.zeros((0, 3)))


# ---- the bound -----------------------------------------------------------------------------------------


def test_a_broken_promise_gives_nan_and_no_wrong_answer() -> None:
    def double(x: Any, most: int) -> Any:
        return lax.while_loop(lambda s: s[1] < 100, lambda s: (s[0] + 1, s[1] * 2), (0, x), max_steps=most)

    same(double(1.0, 7), (7, 128.0))  # the last step that is allowed ends it
    steps, value = double(1.0, 6)
    assert int(steps) == 6 and onp.isnan(value)
    assert onp.isnan(grad(lambda x: double(x, 6)[1])(1.0))
    assert onp.isnan(jvp(lambda x: double(x, 6)[1], (1.0,), (1.0,))[1])
    same(grad(lambda x: double(x, 7)[1])(1.0), 128.0)
    z = lax.while_loop(lambda z: np.abs(z) < 100, lambda z: z * 2, 1 + 1j, max_steps=2)
    assert onp.isnan(z.real) and onp.isnan(z.imag)
    with axil.disable_jit():
        same(double(1.0, 7), (7, 128.0))
        assert onp.isnan(double(1.0, 6)[1])
    # Only the examples that do not end.
    same(onp.isnan(vmap(lambda x: double(x, 6)[1])(np.array([1.0, 2.0, 200.0]))), [True, False, False])


def test_infinities_pass_unharmed() -> None:
    start = 0, complex(onp.inf, 1), 0.0
    z = lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, s[1], -s[2]), start, max_steps=2)
    assert complex(z[1]) == complex(onp.inf, 1) and onp.signbit(z[2])


def test_options_are_checked() -> None:
    small, up = (lambda v: v < 3), (lambda v: v + 1)
    with error_here(ValueError, "max_steps", "-1"):
        lax.while_loop(small, up, 0.0, max_steps=-1)
    with error_here(ValueError, "checkpoints", "0"):
        lax.while_loop(small, up, 0.0, max_steps=3, checkpoints=0)
    with error_here(ValueError, "checkpoints", "max_steps"):
        lax.while_loop(small, up, 0.0, checkpoints=3)
    with error_here(TypeError, "concrete"):
        jit(lambda n: lax.while_loop(small, up, 0.0, max_steps=n))(3)


# ---- memory and time -----------------------------------------------------------------------------------


def sweeps_over(n: int, checkpoints: int, most: int) -> tuple[int, int]:
    """How many segments run forward when n of them are reversed, and how many states are kept, by the schedule."""
    numbers = revolve.table(most, checkpoints)
    stack, runs, kept, left = [0], 0, 1, n
    while left:
        while stack[-1] < left - 1:
            free = checkpoints - (len(stack) - 1)
            steps = int(revolve.advance(numbers, onp.int32(left - stack[-1]), onp.int32(free)))
            assert 1 <= steps < left - stack[-1] and free >= 1
            runs += steps
            stack.append(stack[-1] + steps)
            kept = max(kept, len(stack) - 1)
        stack.pop()
        left -= 1
    return runs, kept


@pytest.mark.parametrize("checkpoints", [1, 2, 3, 5, 14])
def test_the_schedule_is_optimal(checkpoints: int) -> None:
    """The number of runs is Griewank's minimum, r n - binomial(c + r, r - 1), whatever the bound."""
    for n in (1, 2, 3, 5, 10, 28, 60):
        r = revolve.sweeps(n, checkpoints)
        least = r * n - comb(checkpoints + r, r - 1) if r else 0
        for bound in (n, n + 3, 2 * n):
            runs, kept = sweeps_over(n, checkpoints, bound)
            assert runs == least, (n, bound, runs, least)
            assert kept <= checkpoints


def test_memory_is_logarithmic_and_time_that_of_the_steps_taken() -> None:
    assert revolve.default_checkpoints(1000) == 40 and revolve.shares(1000, 40) == (20, 20)
    assert revolve.sweeps(1000 // 20, 20) == 2  # a step runs once forward, 2 times on the way back, once in its segment
    assert revolve.default_checkpoints(10**6) == 80 and revolve.sweeps(10**6 // 40, 40) == 4
    text = jit(grad(lambda x: loop(x, 7, 10**6))).lower(0.7).as_text("expanded")
    assert "tensor<41xf32>" in text and "tensor<40xf32>" in text and "000x" not in text  # the stack and the segment
    same(grad(lambda x: loop(x, 5, 10**9))(0.7), grad(lambda x: plain(x, 5))(0.7))  # and it returns


def test_steps_that_run_again_are_silent() -> None:
    calls = []

    def step(s: Any) -> Any:
        axil.debug.callback(lambda i: calls.append(int(i)), s[0])
        return s[0] + 1, np.sin(s[1])

    f = lambda x: lax.while_loop(lambda s: s[0] < 5, step, (0, x), max_steps=9, checkpoints=2)[1]
    grad(f)(0.5)
    axil.effects_barrier()
    assert calls == [0, 1, 2, 3, 4]  # effects are those of the loop; running steps again is silent


# ---- together with other transformations ---------------------------------------------------------------


def grow(x: Any) -> Any:
    """Each example takes its own number of steps."""
    return lax.while_loop(lambda s: s < 4.0, lambda s: s * (1 + x), x, max_steps=50)


def test_vmap_of_examples_that_stop_at_their_own_times() -> None:
    with axil.enable_x64():
        xs = onp.array([0.3, 0.7, 5.0])
        one_by_one = lambda f: onp.array([float(f(x)) for x in xs])
        same(vmap(grow)(xs), one_by_one(grow))
        same(vmap(grad(grow))(xs), one_by_one(grad(grow)), 1e-12)
        same(grad(lambda xs: vmap(grow)(xs).sum())(xs), one_by_one(grad(grow)), 1e-12)
        same(vmap(grad(grad(grow)))(xs), one_by_one(grad(grad(grow))), 1e-12)
        same(vmap(lambda x: jvp(grad(grow), (x,), (1.0,))[1])(xs), one_by_one(grad(grad(grow))), 1e-12)
        same(vmap(lambda y: vmap(lambda x: grow(x * y))(xs))(xs), [[float(grow(x * y)) for x in xs] for y in xs])


def test_gradients_of_examples_that_stopped_where_a_derivative_is_infinite() -> None:
    def fall(x: Any) -> Any:
        """Ends at 0, where the derivative of the square root is infinite."""
        step = lambda s: (s[0] - np.sqrt(s[0]), s[1] + np.sqrt(s[0]))
        return lax.while_loop(lambda s: s[0] > 0, step, (x, 0.0), max_steps=9)[1]

    xs = np.array([0.0, 1.0, 1.0])

    def longer(x: Any, n: Any) -> Any:
        """From 1 to 0 in the first step; others go on."""
        return lax.while_loop(lambda s: s[1] < n, lambda s: (np.sqrt(s[0]) - 1, s[1] + 1), (x, 0), max_steps=9)[0]

    same(grad(lambda x: vmap(fall)(x).sum())(xs), [0.0, 0.5, 0.5])
    got = grad(lambda x: vmap(longer)(x, np.array([1, 2])).sum())(np.array([1.0, 16.0]))
    same(got, [0.5, slope(lambda x: onp.sqrt(onp.sqrt(x) - 1), 16.0)], 1e-3)


def test_inside_and_around_others() -> None:
    with axil.enable_x64():
        want = value_and_grad(lambda x: plain(x, 3) + plain(2 * x, 3))(0.4)
        both = lambda f: lambda x: f(x) + f(2 * x)
        f = lambda x: loop(x, 3, 5)
        scanned = lambda x: lax.scan(lambda c, k: (c + f(x * k), None), 0.0, np.array([1.0, 2.0]))[0]
        branched = lambda x: lax.cond(x > 0, f, lambda x: x, x)
        inner = axil.checkpoint(lambda x: np.sin(x))

        def nested(x: Any) -> Any:
            """A loop in a loop, with a checkpoint inside."""
            def outer(s: Any) -> Any:
                turns = lambda t: (t[0] + 1, t[1] + (inner(s[1]) * x + 0.1 * s[0] - s[1]) / 2)
                return s[0] + 1, lax.while_loop(lambda t: t[0] < 2, turns, (0, s[1]), max_steps=3)[1]
            return lax.while_loop(lambda s: s[0] < 3, outer, (0, x), max_steps=4)[1]

        for g in (both(f), both(axil.checkpoint(f)), scanned, both(branched), both(nested)):
            same(value_and_grad(g)(0.4), want, 1e-12)
            same(grad(grad(g))(0.4), grad(grad(both(lambda x: plain(x, 3))))(0.4), 1e-10)


def test_compiled() -> None:
    """One compilation of most of the above."""

    def everything(x: Any, n: Any, xs: Any, ns: Any) -> Any:
        return (
            value_and_grad(loop)(x, n), grad(grad(loop))(x, n), jvp(lambda x: grad(loop)(x, n), (x,), (1.0,)),
            vmap(value_and_grad(loop))(xs, ns), grad(lambda xs: vmap(loop)(xs, ns).sum())(xs),
        )  # fmt: skip

    args = 0.7, 6, onp.array([0.3, 0.9, 0.5], "f4"), onp.array([0, 9, 4])
    compiled = jit(everything)
    same(compiled(*args), everything(*args), 1e-4)
    args = 0.6, 0, args[2], args[3][::-1].copy()
    same(compiled(*args), everything(*args), 1e-4)
