"""Branches in IREE's VM: no reference is passed twice, and none that lives on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from axil.compiler import branch_refs, driver
from axil.compiler.driver import compile_module
from axil.runtime import Executable, default_device, to_device
from axil.runtime.buffers import to_host

T = "tensor<4xf32>"
# All three of the state start as one buffer.
LOOP = f"""func.func @main(%x: {T}, %n: tensor<i32>) -> ({T}, {T}, {T}) {{
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %y = stablehlo.negate %x : {T}
  %start = stablehlo.optimization_barrier %y : {T}
  %r:4 = stablehlo.while(%i = %zero, %a = %start, %b = %start, %c = %start) : tensor<i32>, {T}, {T}, {T}
  cond {{
    %go = stablehlo.compare LT, %i, %n, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %go : tensor<i1>
  }} do {{
    %p = stablehlo.add %a, %b : {T}
    %q = stablehlo.optimization_barrier %p : {T}
    %s = stablehlo.multiply %c, %c : {T}
    %t = stablehlo.subtract %q, %c : {T}
    %next = stablehlo.add %i, %one : tensor<i32>
    stablehlo.return %next, %q, %t, %s : tensor<i32>, {T}, {T}, {T}
  }}
  return %r#1, %r#2, %r#3 : {T}, {T}, {T}
}}"""
# A value that a branch gives, and that is read after it: behind the barrier is the same buffer.
CASE = f"""func.func @main(%x: {T}, %i: tensor<i32>) -> ({T}, {T}, {T}) {{
  %y = stablehlo.add %x, %x : {T}
  %z = stablehlo.optimization_barrier %y : {T}
  %r:2 = "stablehlo.case"(%i) ({{
    %n = stablehlo.multiply %x, %x : {T}
    stablehlo.return %y, %n : {T}, {T}
  }}, {{
    %n = stablehlo.negate %x : {T}
    %m = stablehlo.add %x, %n : {T}
    stablehlo.return %m, %n : {T}, {T}
  }}) : (tensor<i32>) -> ({T}, {T})
  return %z, %r#0, %r#1 : {T}, {T}, {T}
}}"""


def loop(x: Any, n: int) -> tuple:
    a = b = c = -x
    for _ in range(n):
        a, b, c = a + b, a + b - c, c * c
    return a, b, c


def case(x: Any, i: int) -> tuple:
    return (2 * x, 2 * x, x * x) if i == 0 else (2 * x, 0 * x, -x)


@pytest.mark.parametrize(("text", "wanted"), [(LOOP, loop), (CASE, case)])
def test_nothing_is_lost(text: str, wanted: Any) -> None:
    executable = Executable(compile_module(text))
    x = np.array([1.0, -2.0, 3.0, 0.5], np.float32)
    for k in (0, 1, 3) if wanted is loop else (0, 1):
        got = executable.invoke([to_device(v).view for v in (x, np.int32(k))])
        for a, b in zip(got, wanted(x, k), strict=True):
            np.testing.assert_array_equal(to_host(a, default_device()), b)


@pytest.mark.parametrize("text", [LOOP, CASE])
def test_references_are_made_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def twice(invocation: Any) -> None:
        made.extend(branch_refs.mend_branches(invocation) for _ in range(2))

    monkeypatch.setattr(driver, "mend_branches", twice)
    compile_module(text)
    assert made[0] > 0
    assert made[1] == 0


def test_a_program_without_branches_of_its_own() -> None:
    executable = Executable(compile_module(f"func.func @main(%x: {T}) -> {T} {{ return %x : {T} }}"))
    x = np.arange(4, dtype=np.float32)
    (got,) = executable.invoke([to_device(x).view])
    np.testing.assert_array_equal(to_host(got, default_device()), x)
