"""Branches of compiled programs: programs that IREE 3.13 compiles to a lost buffer, or not at all, as they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as jnp
from axil import lax
from axil.compiler.driver import compile_module, hand_over
from axil.compiler.passes.passes import run_pipeline
from axil.compiler.passes.separate_branches import SeparateBranches
from axil.dialects.mlir import context, ir
from axil.runtime import Executable, default_device, to_device
from axil.runtime.buffers import to_host

T = "tensor<3x3x4xf32>"

# Name: the code of @main(%i, %a, %b), and what it gives for branch 0 and 1.
PROGRAMS: dict[str, tuple[str, Callable[..., tuple], Callable[..., tuple]]] = {
    "constants share a buffer": (
        f"""%z = stablehlo.constant dense<0.0> : tensor<f32>
        %two = stablehlo.constant dense<2.0> : {T}
        %0:3 = "stablehlo.case"(%i) ({{
          %c = stablehlo.constant dense<0.0> : tensor<8xf32>
          %d = stablehlo.constant dense<0.0> : {T}
          stablehlo.return %a, %c, %d : {T}, tensor<8xf32>, {T}
        }}, {{
          %r = stablehlo.reshape %a : ({T}) -> tensor<36xf32>
          %s = stablehlo.slice %r [17:25] : (tensor<36xf32>) -> tensor<8xf32>
          %n = stablehlo.negate %s : tensor<8xf32>
          %d = stablehlo.optimization_barrier %a : {T}
          %m = stablehlo.multiply %a, %two : {T}
          stablehlo.return %m, %n, %d : {T}, tensor<8xf32>, {T}
        }}) : (tensor<i32>) -> ({T}, tensor<8xf32>, {T})
        %1 = stablehlo.optimization_barrier %0#0 : {T}
        %2 = stablehlo.reduce(%1 init: %z) applies stablehlo.add across dimensions = [0, 1, 2]
          : ({T}, tensor<f32>) -> tensor<f32>
        return %2, %0#1, %0#2, %a : tensor<f32>, tensor<8xf32>, {T}, {T}""",
        lambda a, b: (a.sum(), np.zeros(8, np.float32), 0 * a, a),
        lambda a, b: (2 * a.sum(), -a.ravel()[17:25], a, a),
    ),
    "a buffer from outside is read afterwards": (
        f"""%0 = stablehlo.add %a, %a : {T}
        %1 = stablehlo.optimization_barrier %0 : {T}
        %2:2 = "stablehlo.case"(%i) ({{
          %n = stablehlo.add %a, %b : {T}
          stablehlo.return %0, %n : {T}, {T}
        }}, {{
          %n = stablehlo.negate %b : {T}
          %m = stablehlo.add %b, %n : {T}
          stablehlo.return %m, %n : {T}, {T}
        }}) : (tensor<i32>) -> ({T}, {T})
        return %1, %2#0, %2#1, %a, %2#0 : {T}, {T}, {T}, {T}, {T}""",
        lambda a, b: (2 * a, 2 * a, a + b, a, 2 * a),
        lambda a, b: (2 * a, 0 * b, -b, a, 0 * b),
    ),
    "one value for several results": (
        f"""%0:4 = "stablehlo.case"(%i) ({{
          %n = stablehlo.negate %a : {T}
          %m = stablehlo.add %n, %b : {T}
          stablehlo.return %n, %n, %n, %m : {T}, {T}, {T}, {T}
        }}, {{
          stablehlo.return %a, %b, %b, %b : {T}, {T}, {T}, {T}
        }}) : (tensor<i32>) -> ({T}, {T}, {T}, {T})
        %1 = stablehlo.add %0#1, %0#2 : {T}
        return %1, %b, %0#0, %0#2, %0#3 : {T}, {T}, {T}, {T}, {T}""",
        lambda a, b: (-2 * a, b, -a, -a, b - a),
        lambda a, b: (2 * b, b, a, b, b),
    ),
    "one value for another result in each branch": (
        f"""%0 = stablehlo.optimization_barrier %a : {T}
        %1:2 = "stablehlo.case"(%i) ({{
          %n = stablehlo.negate %b : {T}
          stablehlo.return %n, %0 : {T}, {T}
        }}, {{
          %n = stablehlo.add %b, %b : {T}
          stablehlo.return %0, %n : {T}, {T}
        }}) : (tensor<i32>) -> ({T}, {T})
        return %1#0, %1#1 : {T}, {T}""",
        lambda a, b: (-b, a),
        lambda a, b: (a, 2 * b),
    ),
}  # fmt: skip


def types(results: tuple) -> str:
    """The types of results as text."""
    names = ["x".join([*map(str, np.shape(r)), "f32"]) for r in results]
    return ", ".join(f"tensor<{name}>" for name in names)


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_result_is_lost(name: str) -> None:
    code, *branches = PROGRAMS[name]
    a, b = np.arange(36, dtype=np.float32).reshape(3, 3, 4), np.full((3, 3, 4), 10, np.float32)
    gives = types(branches[0](a, b))
    with context(), ir.Location.unknown():
        text = f"func.func @main(%i: tensor<i32>, %a: {T}, %b: {T}) -> ({gives}) {{ {code} }}"
        module = ir.Module.parse(text, context())
    run_pipeline(module, [SeparateBranches()], verify=True)
    executable = Executable(compile_module(hand_over(module)))
    for i, wanted in enumerate(branches):
        got = executable.invoke([to_device(x).view for x in (np.int32(i), a, b)])
        for x, y in zip(got, wanted(a, b), strict=True):
            np.testing.assert_array_equal(to_host(x, default_device()), y)


def test_nested_branches_and_branches_in_loops() -> None:
    """In one program, as each costs a compilation."""

    def inner(x: Any, y: Any) -> Any:
        return lax.cond(x[0] > 0, lambda: (x, x, y), lambda: (y, x + y, x))

    def step(state: Any, i: Any) -> Any:
        x, y, n = state
        p, q, r = lax.cond(i % 2 == 0, lambda: inner(x, y), lambda: (y, x, jnp.zeros_like(x)))
        return (q - r, p * jnp.float32(0.5) + y, n + 1), (p, x)

    def f(x: Any, y: Any) -> Any:
        first = lax.switch(jnp.int32(x[1]), [lambda: (x, y, x), lambda: (y, y, x + 1), lambda: (x * y, y, y)])
        return first, lax.scan(step, (x, y, jnp.int32(0)), jnp.arange(5)), x, y, inner(x, y)

    compiled = axil.jit(f)
    for k in range(3):
        x, y = np.array([1.5 - k, k, 3.0], np.float32), np.array([-1.0, 0.25, 2.0], np.float32)
        for a, b in zip(axil.tree.leaves(compiled(x, y)), axil.tree.leaves(f(x, y)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
