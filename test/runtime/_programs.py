"""Small StableHLO programs for the runtime's tests, each compiled once per test session."""

from __future__ import annotations

import functools

from axil.compiler.driver import compile_module
from axil.runtime import Executable


def binary(op: str, shape: str, dtype: str = "f32") -> str:
    """`main(a, b) = op(a, b)` on tensors of `shape` such as '4x4' ('' for a scalar)."""
    t = f"tensor<{shape + 'x' if shape else ''}{dtype}>"
    return f"func.func @main(%a: {t}, %b: {t}) -> {t} {{ %0 = stablehlo.{op} %a, %b : {t} return %0 : {t} }}"


def matmul(n: int) -> str:
    """`main(a, b) = a @ b` on n x n float32."""
    t = f"tensor<{n}x{n}xf32>"
    dot = f"stablehlo.dot_general %a, %b, contracting_dims = [1] x [0] : ({t}, {t}) -> {t}"
    return f"func.func @main(%a: {t}, %b: {t}) -> {t} {{ %0 = {dot} return %0 : {t} }}"


IDENTITY = """
func.func @main(%a: tensor<1024xf32>) -> (tensor<1024xf32>, tensor<1024xf32>) {
  %0 = stablehlo.add %a, %a : tensor<1024xf32>
  return %a, %0 : tensor<1024xf32>, tensor<1024xf32>
}"""

# A sort of an argument is done in the argument's own memory by IREE, unless the argument is transferred
# first.
GUARDED_SORT = """
func.func @main(%x: tensor<1024xf32>) -> tensor<1024xf32> {
  %a = flow.tensor.transfer %x : tensor<1024xf32> to #hal.device.promise<@__device_0>
  %0 = "stablehlo.sort"(%a) <{dimension = 0 : i64}> ({
    ^bb0(%p: tensor<f32>, %q: tensor<f32>):
      %c = stablehlo.compare LT, %p, %q : (tensor<f32>, tensor<f32>) -> tensor<i1>
      stablehlo.return %c : tensor<i1>
  }) : (tensor<1024xf32>) -> tensor<1024xf32>
  return %0 : tensor<1024xf32>
}"""


@functools.cache
def compiled(text: str, target: str = "host") -> bytes:
    """The program's vmfb for `target`."""
    return compile_module(text, target)


def executable(text: str, target: str = "host", **options) -> Executable:
    """The program loaded on the default device, or on `device=`."""
    return Executable(compiled(text, target), **options)
