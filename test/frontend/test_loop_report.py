"""`jit(f).lower(x).loop_report()`: which form each loop takes, and why, with the user's line."""

from __future__ import annotations

from typing import Any

import numpy as np

import axil
import axil.numpy as jnp
from axil import lax

X = np.ones(40, np.float32)


def report(f: Any, *args: Any) -> list[str]:
    return str(axil.jit(f).lower(*args).loop_report()).splitlines()


def test_one_dispatch() -> None:
    (line,) = report(lambda x: lax.fori_loop(0, 1000, lambda i, c: jnp.sin(c) + i, x), X)
    assert "test_loop_report.py:21: scan of 1000 steps: one dispatch (body" in line and "164 bytes of state" in line


def test_a_host_loop_names_the_operation_and_its_line() -> None:
    def step(i: Any, c: Any) -> Any:
        c = jnp.tanh(c)
        return jnp.sort(c)  # line 28

    rows = np.ones((3, 5000), np.float32)  # sorted by several cores
    (line,) = report(lambda x: lax.fori_loop(0, 50, step, x), rows)
    assert "a host loop, because its body has the op sort" in line and "test_loop_report.py:28" in line


def test_a_small_sort_or_factorisation_is_part_of_the_dispatch() -> None:
    (line,) = report(lambda x: lax.fori_loop(0, 50, lambda i, c: jnp.sort(c * i), x), X)
    assert "one dispatch" in line
    solve = lambda a, b: lax.fori_loop(0, 4, lambda i, v: jnp.linalg.solve(a + i, v) + 1, b)
    (line,) = report(solve, np.eye(5, dtype=np.float32), np.ones(5, np.float32))
    assert "one dispatch" in line


def test_gradients_loop_backwards_at_the_same_line() -> None:
    loss = lambda x: jnp.sum(lax.scan(lambda c, r: (jnp.tanh(c * r), None), x, jnp.ones((9, 40)))[0])
    forwards, backwards = report(axil.grad(loss), X)
    assert ":44: scan of 9 steps: one dispatch" in forwards
    assert ":44: reversed scan of 9 steps: one dispatch" in backwards


def test_too_much_work_for_one_core() -> None:
    (line,) = report(lambda a: lax.fori_loop(0, 9, lambda i, c: c @ c, a), np.ones((256, 256), np.float32))
    assert "a host loop, because a step takes about" in line


def test_no_loops() -> None:
    assert report(jnp.sin, X) == ["no loops"]


def test_what_never_changes_leaves_a_host_loop() -> None:
    """The factorisation of a constant matrix is not repeated in every step."""
    a = np.tile(np.eye(32, dtype=np.float32) * 2, (64, 1, 1))  # factorised by several cores
    b = np.arange(64 * 32, dtype=np.float32).reshape(64, 32)
    f = axil.jit(lambda a, b: lax.fori_loop(0, 4, lambda i, v: jnp.linalg.solve(a, v[..., None])[..., 0] + 1, b))
    text = f.lower(a, b).as_text()
    places = [text.index(x) for x in ("call @axil.kernel.lu", "stablehlo.while", "call @axil.kernel.triangular")]
    assert places == sorted(places)
    np.testing.assert_allclose(f(a, b), b / 16 + 1.875)
