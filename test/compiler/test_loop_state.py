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
