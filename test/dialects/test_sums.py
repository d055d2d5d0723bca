"""Sums over the steps of a loop: the rules `total` and `accumulate` of the ops, and the forms that scans choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as jnp
from axil import lax
from axil.dialects.op import Op, Sample
from axil.testing.samples import avals_of, cases, draw

STEPS = 3


def arrays_of(sample: Sample, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [draw(a, (-2.0, 2.0), rng) for a in avals_of(sample)]


def ops_with(rule: str) -> list[Any]:
    """The samples of ops that have a rule, on which it can be tried."""
    found = [c for c in cases() if getattr(c[0], rule) is not None]
    return [pytest.param(op, s, id=name) for op, s, name in found if "bool" not in s.operands[0]]


@pytest.mark.parametrize("op, sample", ops_with("total"))
def test_total_is_the_sum_of_the_results(op: Op, sample: Sample) -> None:
    steps = [arrays_of(sample, seed=i) for i in range(STEPS)]
    expected = sum(np.asarray(op(*xs, **sample.attributes), np.float64) for xs in steps)
    got = op.total(STEPS, [np.stack(column) for column in zip(*steps)], **sample.attributes)  # type: ignore[misc]
    tolerance = 5e-2 if "bf16" in sample.operands[0] else 1e-5
    np.testing.assert_allclose(np.asarray(got, np.float64), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("op, sample", ops_with("accumulate"))
def test_accumulate_adds_the_result(op: Op, sample: Sample) -> None:
    xs = arrays_of(sample, seed=0)
    total = arrays_of(sample, seed=1)[0]
    assert op.accumulate(total, xs, **sample.attributes) is None  # type: ignore[misc]  # only over zeros
    xs[0] = np.zeros_like(xs[0])
    got = op.accumulate(total, xs, **sample.attributes)  # type: ignore[misc]
    np.testing.assert_allclose(got, total + op(*xs, **sample.attributes), rtol=1e-6, atol=1e-6)


def expanded(function: Any, *args: Any) -> str:
    return axil.jit(axil.grad(function)).lower(*args).as_text("expanded")


def carried(text: str, type_: str) -> bool:
    """Whether a transposed loop carries a sum of a type."""
    (line,) = [x for x in text.splitlines() if "transposed_step" in x and "axil.derived" in x]
    return f"tensor<{type_}>" in line.split("->")[1]


W, X = np.full((40, 40), 0.01, np.float32), np.full((6, 40), 0.5, np.float32)


def rnn(w: Any, xs: Any = X) -> Any:
    return jnp.sum(lax.scan(lambda h, x: (jnp.tanh(w @ h + x), None), jnp.zeros(40), xs)[0])


def test_outer_products_are_summed_after_the_loop() -> None:
    assert not carried(expanded(rnn, W), "40x40xf32")


def test_a_linear_function_is_applied_to_the_sum() -> None:
    text = expanded(lambda w: rnn(jnp.zeros((40, 40)) + w.T[::-1] * 2.0), W)
    assert not carried(text, "40x40xf32")


def test_a_weight_used_twice_and_a_weight_in_the_carry() -> None:
    def twice(w: Any) -> Any:
        step = lambda h, x: (jnp.tanh(w @ jnp.sin(w @ h) + x), None)
        return jnp.sum(lax.scan(step, jnp.ones(40), X)[0])

    def in_carry(w: Any) -> Any:
        step = lambda s, x: ((s[0], jnp.tanh(s[0] @ s[1] + x)), None)
        return jnp.sum(lax.scan(step, (w, jnp.ones(40)), X)[0][1])

    for function in (twice, in_carry):
        assert not carried(expanded(function, W), "40x40xf32")
        check_gradient(function, W)


def test_small_contributions_are_added_in_the_loop() -> None:
    assert carried(expanded(lambda b: rnn(W, X + b), np.zeros((6, 40), np.float32)[0, :1]), "40xf32")


def test_factors_larger_than_what_the_loop_reads_are_not_stacked() -> None:
    def tall(w: Any) -> Any:  # 40 x 3 from factors of 1,000 x 40 and 1,000 x 3
        step = lambda h, _: (jnp.tanh(jnp.sin(h) @ w @ jnp.ones((3, 40))), None)
        return jnp.sum(lax.scan(step, jnp.ones((1000, 40)) * 0.1, None, length=5)[0])

    assert carried(expanded(tall, np.full((40, 3), 0.01, np.float32)), "40x3xf32")


def test_gathered_rows_are_added_in_place() -> None:
    def lookup(table: Any) -> Any:
        table = jnp.asarray(table)
        step = lambda h, i: (jnp.tanh(h + table[i]), None)
        return jnp.sum(lax.scan(step, jnp.zeros(3), np.array([1, 3, 1, -1], np.int32))[0])

    table = np.arange(15, dtype=np.float32).reshape(5, 3) * 0.1
    assert "axil.add" not in expanded(lookup, table).split("transposed_step(")[-1].split("scatter_add")[1].split("}")[0]
    check_gradient(lookup, table)


def check_gradient(function: Any, x: np.ndarray) -> None:
    """The gradient, eager and compiled, against finite differences along a direction."""
    direction = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    step = 1e-2
    numeric = (float(function(x + step * direction)) - float(function(x - step * direction))) / (2 * step)
    for gradient in (axil.grad(function), axil.jit(axil.grad(function))):
        assert float(np.sum(np.asarray(gradient(x)) * direction)) == pytest.approx(numeric, rel=2e-2, abs=2e-2)


def test_residuals_of_constants_are_not_stacked() -> None:
    def function(w: Any) -> Any:
        step = lambda h, x: (jnp.tanh(jnp.sin(w) @ h + x), None)
        return jnp.sum(lax.scan(step, jnp.ones(40), X)[0])

    assert "6x40x40" not in expanded(function, W)
    check_gradient(function, W)
