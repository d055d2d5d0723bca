"""`cost_analysis`: flops, transcendental functions and bytes, against counts by hand (and JAX's, where they agree)."""

from __future__ import annotations

from typing import Any

import pytest

import axil
import axil.numpy as np
from axil import ShapeDtypeStruct, grad, jit, lax


def _cost(f: Any, *shapes: tuple[int, ...]) -> Any:
    return jit(f).lower(*[ShapeDtypeStruct(s, np.float32) for s in shapes]).cost_analysis()


def _mlp(x: Any, w: Any, v: Any) -> Any:
    return np.tanh(x @ w) @ v


def test_products() -> None:
    # JAX's figures for these are the same.
    assert dict(_cost(lambda a, b: a @ b, (8, 16), (16, 4))) == {
        "flops": 2 * 8 * 16 * 4, "transcendentals": 0, "bytes accessed": 4 * (8 * 16 + 16 * 4 + 8 * 4),
    }  # fmt: skip
    assert dict(_cost(lambda x: np.sin(x) @ x, (3,))) == {"flops": 6, "transcendentals": 3, "bytes accessed": 52}
    mlp = _cost(_mlp, (32, 784), (784, 64), (64, 10))
    assert (mlp["flops"], mlp["transcendentals"]) == (2 * 32 * 784 * 64 + 2 * 32 * 64 * 10, 32 * 64)


def test_a_gradient_costs_its_products() -> None:
    loss = lambda w, v, x: np.sum(_mlp(x, w, v) ** 2)
    cost = _cost(grad(loss, (0, 1)), (784, 64), (64, 10), (32, 784))
    products = 2 * (2 * 32 * 784 * 64) + 3 * (2 * 32 * 64 * 10)  # x is not differentiated
    assert products == cost.operations["dot_general"].flops and products <= cost["flops"] <= 1.01 * products


def test_convolutions() -> None:
    conv = lambda strides, padding: lambda x, k: lax.conv_general_dilated(x, k, strides, padding)
    assert _cost(conv((1, 1), "SAME"), (2, 3, 16, 16), (8, 3, 3, 3))["flops"] == 2 * (2 * 8 * 16 * 16) * (3 * 3 * 3)
    assert _cost(conv((2, 2), "VALID"), (2, 3, 16, 16), (8, 3, 3, 3))["flops"] == 2 * (2 * 8 * 7 * 7) * (3 * 3 * 3)


def test_attention() -> None:
    n, d = 64, 32
    cost = _cost(lambda q, k, v: axil.nn.softmax(q @ k.T / 8.0) @ v, (n, d), (n, d), (n, d))
    assert cost.operations["dot_general"].flops == 2 * (2 * n * n * d) and cost["transcendentals"] == n * n
    assert cost["flops"] == pytest.approx(2 * (2 * n * n * d) + 5 * n * n, rel=0.01)


def test_loops_multiply() -> None:
    step = lambda c, x: (np.tanh(c * x), c)
    cost = _cost(lambda c, xs: lax.scan(step, c, xs), (10,), (7, 10))
    assert (cost["flops"], cost["transcendentals"], cost.unknown) == (70, 70, ())
    nested = _cost(lambda c: lax.fori_loop(0, 5, lambda i, c: lax.fori_loop(0, 3, lambda j, c: np.exp(c), c), c), (4,))
    assert nested["transcendentals"] == 5 * 3 * 4


def test_unknown_loops_count_once_and_are_named() -> None:
    cost = _cost(lambda x: lax.while_loop(lambda c: c.sum() < 10, lambda c: np.exp(c), x), (3,))
    assert cost["transcendentals"] == 3 and len(cost.unknown) == 1 and cost.unknown[0].startswith("while")
    assert "not known" in cost.table()


def test_the_most_expensive_branch_counts() -> None:
    cost = _cost(lambda x: lax.cond(x[0, 0] > 0, lambda x: x @ x, lambda x: np.exp(x), x), (8, 8))
    assert cost["flops"] == pytest.approx(2 * 8**3, abs=3) and cost["transcendentals"] == 0


def test_rules_of_custom_derivatives_do_not_count() -> None:
    f = axil.custom_jvp(lambda x: np.exp(x))
    f.defjvp(lambda xs, ts: (np.exp(xs[0]), np.exp(np.exp(xs[0])) * ts[0]))
    assert _cost(lambda x: f(x) + 1, (5,))["transcendentals"] == 5


def test_slices_count_what_they_touch() -> None:
    assert _cost(lambda x: x[np.array([1, 2, 3])], (1000, 20))["bytes accessed"] < 1000
    assert _cost(lambda x, u: lax.dynamic_update_slice(x, u, (5,)), (1000,), (10,))["bytes accessed"] < 200
    assert _cost(lambda x: x.reshape(10, 100), (1000,))["bytes accessed"] == 0


def test_the_table() -> None:
    lines = _cost(_mlp, (2, 3), (3, 4), (4, 5)).table().split("\n")
    assert lines[0].split() == ["operation", "count", "flops", "transcendentals", "bytes"]
    assert lines[1].split()[:3] == ["dot_general", "2", "128"] and lines[-1].split()[:3] == ["all", "3", "128"]
