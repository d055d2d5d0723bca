"""Loops that IREE runs itself (no kernel takes them): what they update in place must not be somebody else's memory.

IREE 3.13 gave two values of a loop's state one buffer where they started as one value, if any argument of the program
was guarded by a transfer (see `guard_inputs`), and could not compile some loops whose step gives a value twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import grad, jit, lax, tree_util
from axil.compiler.passes import lower


@pytest.fixture(autouse=True)
def _without_kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    plain = lower.Lowering.__init__
    monkeypatch.setattr(lower.Lowering, "__init__", lambda self, d, platform, kernels: plain(self, d, platform, False))
    yield
    axil.clear_caches()


def agree(f: Any, *args: Any) -> None:
    """A compiled function gives what the interpreter gives, twice, and leaves its arguments as they are."""
    before = [onp.array(a) for a in args]
    wanted = tree_util.tree_leaves(f(*args))
    compiled = jit(f)
    for _ in range(2):
        for got, want in zip(tree_util.tree_leaves(compiled(*args)), wanted):
            onp.testing.assert_allclose(onp.asarray(got), onp.asarray(want), rtol=1e-5, atol=1e-6)
        for a, b in zip(args, before):
            assert (onp.asarray(a) == b).all()


def test_state_that_starts_as_one_value() -> None:
    def f(x: Any, n: Any) -> Any:
        z = x * 2

        def body(i: Any, s: Any) -> Any:
            a, b, c, d, e = s
            return a.at[i].set(1.0), b.at[i].set(2.0), c.at[i].set(True), d.at[i].set(False), e.at[0, i].set(5.0)

        return lax.fori_loop(0, n, body, (z, z, z > 0, z > 0, z.reshape(1, -1))), x.at[0].set(9.0), x

    agree(f, np.arange(3.0), np.array(3))
    agree(f, np.arange(3000.0), np.array(2))


def test_stacks_of_a_scan_and_its_gradient() -> None:
    def f(x: Any) -> Any:
        _, ys = lax.scan(lambda c, _: (c * x, (np.sin(c), c > 0.4, c > 0.6, c)), x, None, length=3)
        return ys[0].sum() + (ys[3] * ys[1]).sum() * 2

    agree(lambda x: (f(x), grad(f)(x), grad(grad(f))(x)), np.array(0.7))


def test_steps_that_give_a_value_twice() -> None:
    def f(x: Any, n: Any) -> Any:
        def twice(i: Any, s: Any) -> Any:
            a, b = s[0].at[i].set(1.0), s[1].at[i].set(2.0)
            return a + b, a + b

        def branches(i: Any, s: Any) -> Any:
            a, b = s[0].at[i].set(1.0), s[1].at[i].set(2.0)
            return lax.cond(a.sum() > 3.0, lambda: (a, a), lambda: (b, b))

        zeros = np.zeros(x.shape)
        return (
            lax.fori_loop(0, n, twice, (x, x * x)), lax.fori_loop(0, n, branches, (zeros, zeros)),
            lax.fori_loop(0, n, lambda i, s: (s[0] + 1, s[0] + 1), (zeros, x)),
            lax.fori_loop(0, n, lambda i, s: lax.cond(i > 3, lambda: (s[0], s[0]), lambda: (s[1], s[1])), (zeros, x)),
        )  # fmt: skip

    agree(f, np.arange(3.0), np.array(3))


def test_state_that_a_step_leaves_alone() -> None:
    step = lambda s: (s[0] + 1, s[1], s[2].at[s[0]].add(s[1][0]), s[3])
    agree(lambda x: lax.while_loop(lambda s: s[0] < 2, step, (0, x, x, x)), np.arange(3.0))
    agree(lambda x: lax.while_loop(lambda s: s[0] < 2, step, (5, x, x, x)), np.arange(3.0))


def test_state_that_the_step_does_not_read() -> None:
    """Of a loop in a loop; IREE drops it after it has turned the loop, and crashed (see `lower.all_read`)."""

    def f(x: Any, n: Any) -> Any:
        def inner(a: Any, go: Any) -> Any:
            def step(s: Any) -> Any:
                _, k, low, _ = s
                value = ((x + low) ** 2).sum()
                return value < 0.5, k + 1, low * 0.5, value

            start = (np.asarray(False), np.asarray(0), a, a * 0)
            return lax.while_loop(lambda s: ~s[0] & (s[1] < 4) & go, step, start)

        def outer(s: Any) -> Any:
            i, a, _ = s
            _, _, low, value = inner(a, a > 0.1)
            return i + 1, np.where(value > 1, low, a), value

        return lax.while_loop(lambda s: (s[0] < n) & (s[1] > 0.05), outer, (0, x[0] + 1.0, x[0]))

    agree(f, np.arange(3.0), np.array(3))


def test_steps_whose_values_share_buffers_and_fences() -> None:
    """IREE lost buffers that a branch passes twice ("indirect buffer reference slot 0", see `compiler/branch_refs.py`):
    equal initial values, and results of one dispatch or execution."""

    def stacks(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            part = c.reshape(18)[10:14]
            m = np.sin(part)
            p = np.cumprod(m)
            rest = lax.broadcast_in_dim(p, (5, 4), (1,)).reshape(20)[:18].reshape(3, 3, 2)
            return np.sin(rest), (part, m, p)

        return lax.scan(step, x, None, length=3)

    agree(stacks, np.linspace(-2, 2, 18).reshape(3, 3, 2))


def test_a_value_that_a_branch_passes_and_that_is_read_afterwards() -> None:
    def f(x: Any, n: Any) -> Any:
        start = np.sort(x + 1)

        def step(s: Any) -> Any:
            i, a, b = s
            return i + 1, np.sort(a + start), lax.cond(i > 0, lambda: start, lambda: np.sort(b) - a)

        return lax.while_loop(lambda s: s[0] < n, step, (0, start, start)), start

    agree(f, np.arange(4.0), np.array(3))
    agree(f, np.arange(4.0), np.array(0))


def test_steps_that_give_constants() -> None:
    """Or what IREE computes before the program runs: such memory is of another kind."""

    def f(x: Any) -> Any:
        def step(s: Any, _: Any) -> Any:
            a, b = s
            return (np.sort(np.ones(4)), np.sort(a + b)), a

        return lax.scan(step, (x, x), None, length=3), lax.scan(step, (np.zeros(4), x), None, length=2)

    agree(f, np.arange(4.0))


INDICES = onp.array([0, 2, 2, 1])

CAPTURED = {
    "a window at the step's place": lambda y, i: lax.dynamic_update_slice(y, y[:1] + 1.0, (i % 4, 0)),
    "a fixed window": lambda y, i: y.at[1].set(y[0] + 1),
    "rows added": lambda y, i: y.at[INDICES].add(1.0),
    "a row added": lambda y, i: y.at[i % 4].add(1.0),
    "through a view": lambda y, i: y.reshape(8).at[INDICES].add(1.0),
    "sorted": lambda y, i: np.sort(y, axis=0) + i,
    "sorted with others": lambda y, i: lax.sort((-y, y), num_keys=1, dimension=0),
    "in a branch": lambda y, i: lax.cond(i % 2 == 0, lambda: y.at[INDICES].add(1.0), lambda: y),
    "given by a branch": lambda y, i: lax.cond(i % 2 == 0, lambda: y, lambda: y * 2).at[i % 4].add(1.0),
    "as the state of a loop inside": lambda y, i: lax.fori_loop(0, 3, lambda k, c: c.at[k].add(1.0), y),
    "in a loop inside": lambda y, i: lax.fori_loop(0, 3, lambda k, c: c + y.at[k].add(1.0), y * 0),
    "in a loop inside, of this one": lambda y, i: lax.fori_loop(0, 3, lambda k, c: c + (y * i).at[k].add(1.0), y),
}


@pytest.mark.parametrize("name", CAPTURED)
@pytest.mark.parametrize("argument", [False, True], ids=["computed", "argument"])
def test_what_a_step_takes_from_outside_is_the_same_in_the_next_one(name: str, argument: bool) -> None:
    def f(x: Any) -> Any:
        y = x if argument else np.sin(x) * 2
        return lax.scan(lambda c, i: (c + 1, CAPTURED[name](y, i)), x, np.arange(4)), y.sum()

    agree(f, np.arange(8.0).reshape(4, 2))


def test_a_state_that_becomes_a_value_from_outside() -> None:
    def f(x: Any) -> Any:
        y = np.cos(x)
        return lax.fori_loop(0, 4, lambda i, c: (y, c[0].at[i].add(1.0), c[1]), (x, x * 2, x * 3)), y

    agree(f, np.arange(4.0))


BARRIERS = {
    "a window": lambda x: (lambda y: (lax.optimization_barrier(y).at[1].set(9.0), y, y * 3))(np.sin(x)),
    "before the barrier": lambda x: (lambda y: (y.at[1].set(9.0), lax.optimization_barrier(y) * 2))(np.sin(x)),
    "rows": lambda x: (lambda y: (lax.optimization_barrier(y).at[INDICES].add(9.0), y.sum() + y))(np.sin(x)),
    "an argument": lambda x: (lax.optimization_barrier(x).at[INDICES].add(9.0), x + 1),
    "through a view": lambda x: (lambda y: (lax.optimization_barrier(y).reshape(2, 4).at[0].set(9.0), y))(np.sin(x)),
    "sorted": lambda x: (lambda y: (np.sort(lax.optimization_barrier(-y)), y, -y))(np.sin(x)),
    "one of two": lambda x: (lambda y, z: (lax.optimization_barrier((y, z))[0].at[1].set(9.0), y, z))(np.sin(x), x * 2),
    "the same twice": lambda x: (lambda p: (p[0].at[1].set(9.0), p[1] * 2))(lax.optimization_barrier((x * 2, x * 2))),
    "in a loop": lambda x: lax.fori_loop(
        0, 3, lambda i, c: (lax.optimization_barrier(c[0]).at[i].add(1.0), c[1] + c[0]), (x, x * 2)
    ),
}


@pytest.mark.parametrize("name", BARRIERS)
def test_what_stands_before_a_barrier_is_not_what_is_updated_behind_it(name: str) -> None:
    agree(BARRIERS[name], np.arange(8.0))
