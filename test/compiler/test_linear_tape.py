"""Linearization on a tape gives what linearization by moving operations gives; and what it leaves unwritten."""

from __future__ import annotations

import numpy as np
import pytest

import axil
import axil.numpy as jnp
from axil import lax
from axil.compiler import derive
from axil.compiler.functions import body_of, operations
from axil.compiler.passes import linear_tape
from axil.dialects.tape import Tangent
from axil.extend import ops


def mixed(x, y):
    """Elementwise, structural and contracted parts; a result without a tangent; cheap values that residuals need."""
    h = jnp.tanh(x @ y) * 2.0 + jnp.arange(3.0)
    top, where = lax.top_k(h, 2)
    joined = jnp.concatenate([h[:, ::-1], jnp.where(h > 0, h, x[:, :1])], axis=1)
    return jnp.sum(joined, axis=0) / 3.0, jnp.cumsum(top), where, jnp.sort(h, axis=0)


X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
Y = np.random.default_rng(1).standard_normal((3, 3)).astype(np.float32)


def derivatives(f):
    """First and second derivatives in both modes, at X and Y."""
    loss = lambda x, y: sum(jnp.sum(jnp.sin(v)) for v in f(x, y) if jnp.issubdtype(v.dtype, np.floating))
    pushed = axil.linearize(lambda x, y: f(x, y)[0], X, Y)[1](X, Y)
    second = axil.grad(lambda x: axil.jvp(lambda x: loss(x, Y), (x,), (X,))[1])(X)
    third = axil.grad(lambda y: jnp.sum(axil.grad(loss, argnums=1)(X, y) ** 2))(Y)
    return [*axil.grad(loss, argnums=(0, 1))(X, Y), pushed, second, third]


def test_both_ways_give_the_same_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    taped = derivatives(mixed)
    monkeypatch.setattr(linear_tape, "is_straight", lambda block: False)
    for a, b in zip(taped, derivatives(mixed), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_the_linear_function_is_written_for_those_who_ask() -> None:
    lowered = axil.jit(axil.grad(lambda x: jnp.sum(jnp.sin(x) * x))).lower(X)
    d = derive.Deriver(lowered.trace.program.module)
    (name,) = [n for n in d.table if n not in ("main",) and d.site(n) is None]
    parts = d.linearize(name, (True,), (True,))
    assert parts.linear not in d.table
    assert len(d.signature(parts.linear).inputs) == 1 + len(parts.residuals)
    transposed = d.transpose(parts.linear, (False,) * len(parts.residuals) + (True,))
    assert parts.linear not in d.table  # its transpose needs no function
    written = [op.name for op in operations(body_of(d[parts.linear]))]
    assert written[-1] == "func.return" and "axil.mul" in written
    again = d.transpose(parts.linear, (False,) * len(parts.residuals) + (True,))
    assert again == transposed


def test_values_that_no_wanted_result_needs_are_no_residuals() -> None:
    def f(x):
        return jnp.sin(x), jnp.exp(jnp.tanh(x))

    kept = axil.vjp(lambda x: f(x)[0], X)[1]
    assert len(axil.tree.leaves(kept)) == 1  # the cosine


def test_an_op_of_the_users_own_goes_the_other_way() -> None:
    seen: list = []
    double = axil.extend.op(
        "tape_test.double", summary="Twice.", operands=("x",), infer=lambda x: x, reference=lambda x: x + x,
        jvp=lambda y, xs, dxs: None if dxs[0] is None else seen.append(dxs[0]) or ops.add(dxs[0], dxs[0]),
        batch=lambda size, xs, batched: double(xs[0]), lower=lambda values, results, context: None,
        samples=(axil.extend.sample("f32[3]"),),
    )  # fmt: skip
    np.testing.assert_allclose(axil.grad(lambda x: jnp.sum(double(x) ** 2))(X), 8 * X, rtol=1e-6)
    assert not any(isinstance(t, Tangent) for t in seen)  # their rules may look at values more closely than ours do


def test_a_number_is_one_constant_of_a_function() -> None:
    text = axil.jit(lambda x: (x * 2.0 + 2.0) / 2.0 - 2).lower(X).as_text("traced")
    assert text.count("axil.constant") == 1
    signs = axil.jit(lambda x: (x * 0.0, x * -0.0)).lower(X).as_text("traced")
    assert signs.count("axil.constant") == 2


def test_formulas_are_the_same_from_program_to_program() -> None:
    f = lambda x: jnp.sin(jnp.cos(x)) + lax.erf_inv(x) + lax.igamma(x, x)
    first, second = (axil.jit(lambda x: f(x)).lower(X).as_text() for _ in range(2))
    assert first.replace("<lambda>", "") == second.replace("<lambda>", "")
    assert first.count("func.func private @formula.sin(") == 1
