"""Traces: what is recorded, captures and constants, concrete values on demand, locations, threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as onp
import pytest
from checks import counted, same

import axil
import axil.numpy as np
from axil import grad, jit, jvp, lax, make_ir, vmap
from axil.core import Array, Tracer, state
from axil.runtime.errors import AxilError


def test_eager_operations_record_nothing() -> None:
    seen = []
    x = np.ones(3) + 1
    assert type(x) is Array and state.trace is None
    jit(lambda v: seen.append(v) or v).lower(x)
    assert type(seen[0]) is Tracer and seen[0].shape == (3,) and seen[0].dtype == np.float32


def test_a_traced_program() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sin(x) @ y, x.shape[0]

    text = make_ir(f)(np.ones((2, 3)), np.ones(3))
    assert text.count("axil.sin") == 1 and text.count("axil.dot_general") == 1
    assert "(%arg0: tensor<2x3xf32>, %arg1: tensor<3xf32>) -> (tensor<2xf32>, tensor<i32>)" in text


def test_small_constants_are_embedded_and_large_ones_become_operands() -> None:
    small, big = np.arange(3.0), np.arange(100.0)
    lowered = jit(lambda x: (x + small, x * big.sum() + big[0])).lower(1.0)
    assert len(lowered.hidden) == 1 and lowered.hidden[0] is big
    assert lowered.as_text("traced").count("tensor<100xf32>") >= 1


def test_an_outer_value_is_captured_once() -> None:
    def f(x: Any) -> Any:
        return grad(lambda y: y * x + x * x)(2.0)

    text = make_ir(f)(1.0)
    assert text.count("axil.derived") == 1
    same(jit(f).lower(1.0).compile()(5.0), 5.0)


def test_derivatives_and_loops_are_calls_of_derived_functions() -> None:
    loop = lambda v: lax.scan(lambda c, k: (c * k, None), v, np.ones(3))[0]
    text = make_ir(lambda x: vmap(grad(loop))(x))(np.ones(2))
    for combinator in ("vmap", "vjp", "scan"):
        assert f'combinator = "{combinator}"' in text


def test_operations_carry_the_user_s_lines() -> None:
    lowered = jit(lambda x: np.sin(x)).lower(1.0)
    text = lowered.trace.program.module.operation.get_asm(enable_debug_info=True)
    assert "test_tracing.py" in text


def test_concrete_values_run_only_what_they_depend_on() -> None:
    runs = []

    def f(x: Any) -> Any:
        y = x * 2
        z = lax.while_loop(lambda v: v < 1e9, lambda v: v + 1e-9, x)  # would take for ever
        runs.append(float(y))
        return y if y > 1 else z

    assert grad(f)(2.0) == 2.0  # nor does the result depend on the loop: it is not run at the end either
    assert runs == [4.0]


def test_concrete_values_in_nested_eager_derivatives() -> None:
    seen = []

    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            seen.append((float(x), float(y), float(x * y)))
            return x * y * y if y > x else y

        return grad(g)(3.0 * x) * x

    same(grad(f)(2.0), 3 * 12.0 * 2)  # f is 6 x^3: 18 x^2
    assert seen == [(2.0, 6.0, 12.0)]


def test_concrete_values_of_an_inner_derivative() -> None:
    def f(x: Any) -> Any:
        slope = grad(lambda y: y**3)(x)
        return x * 2 if slope > 1 else x * 5

    same([grad(f)(1.0), grad(f)(0.1)], [2.0, 5.0])


def test_weak_types_pass_through_transformations() -> None:
    half = np.ones(2, np.float16)
    assert jit(lambda a, b: a * b)(half, 2.0).dtype == np.float16
    assert vmap(lambda a, b: a * b, (0, None))(half, 2.0).dtype == np.float16
    assert grad(lambda b: (half * b).sum())(2.0).weak_type
    out, tangent = jvp(lambda b: b * 2, (2.0,), (1.0,))
    assert out.weak_type and (half * out).dtype == np.float16
    assert lax.cond(True, lambda b: b, lambda b: b * 2, 1.0).weak_type
    assert lax.scan(lambda c, _: (c * 2, None), 1.0, None, length=2)[0].weak_type


def test_a_function_is_run_once_for_each_derivative_that_is_asked_for() -> None:
    f, calls = counted(lambda x: x * x)
    for n in range(1, 4):
        grad(f)(2.0)
        assert len(calls) == n


def test_equal_programs_share_their_derivation_but_not_their_errors() -> None:
    def first(x: Any) -> Any:
        return lax.while_loop(lambda v: v < 3, lambda v: v * x, x)  # first

    def second(x: Any) -> Any:
        return lax.while_loop(lambda v: v < 3, lambda v: v * x, x)  # second

    second.__name__ = "first"
    for f, line in ((first, "# first"), (second, "# second"), (first, "# first")):
        with pytest.raises(TypeError) as info:
            grad(f)(2.0)
        assert isinstance(info.value, AxilError) and line in str(info.value)


def test_tracers_print_where_they_are() -> None:
    texts = []
    jit(vmap(lambda x: texts.append(repr(x)) or x)).lower(np.ones((2, 3)))
    assert texts == ["Traced<f32[3]> in jit(<lambda>) > vmap(<lambda>)"]


def test_threads_trace_on_their_own() -> None:
    started, go, results = threading.Event(), threading.Event(), []

    def slow(x: Any) -> Any:
        started.set()
        go.wait(10)
        return x * 3

    other = threading.Thread(target=lambda: results.append(float(grad(slow)(1.0))))
    other.start()
    assert started.wait(10) and state.trace is None
    same([np.ones(2) * 2, grad(lambda x: x * x)(2.0)][1], 4.0)
    with axil.enable_x64():
        assert np.ones(2).dtype == np.float64
    go.set()
    other.join()
    assert results == [3.0]


def test_programs_keep_their_values_apart() -> None:
    pieces = [vmap(lambda x, k=k: x * k)(np.arange(3.0)) for k in range(4)]
    same(np.stack(pieces), onp.outer(range(4), range(3)))
    gs = [grad(lambda x, k=k: x**k) for k in range(1, 4)]
    same([g(2.0) for g in gs], [1, 4, 12])
