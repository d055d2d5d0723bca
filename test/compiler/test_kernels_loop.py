"""Loop kernels against the StableHLO interpreter, which runs the body step by step."""

# ruff: noqa: E501 (MLIR is easier to read unbroken)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from test_kernels_link import DTYPES, Runner, parse

from axil.compiler.kernels import KERNELS, Declined, Kernel
from axil.dialects.mlir import context, ir, stablehlo_bindings, to_attribute

Arrays = Sequence[np.ndarray]
ELEMENTS = {v: k for k, v in DTYPES.items()}


def function(text: str) -> Any:
    """The last function of a module."""
    module = parse(text)
    made = list(module.body.operations)[-1]
    made.module = module  # what keeps the module alive
    return made


def scan(
    body: Any, length: int, consts: int, carry: int, reverse: bool = False, platform: str = "cpu"
) -> Kernel | Declined:
    """The kernel of a scan."""
    parameters = {"length": length, "consts": consts, "carry": carry, "reverse": reverse, "unroll": 1}
    return KERNELS["loop_scan"]([body], platform=platform, **parameters)


def interpret(made: Any, arrays: Arrays) -> list[np.ndarray]:
    """Runs a function in the StableHLO interpreter."""
    with context(), ir.Location.unknown():
        module = parse(str(made.module))
        function = list(module.body.operations)[-1]
        function.attributes["sym_name"] = ir.StringAttr.get("main")
        arguments = [to_attribute("dense", a) for a in arrays]
        results = stablehlo_bindings.eval_module(module, arguments)
    return [from_dense(r) for r in results]


def from_dense(attribute: Any) -> np.ndarray:
    """A dense attribute as an array."""
    from axil.dialects.mlir import from_attribute

    return np.asarray(from_attribute(attribute))


def scan_reference(
    body: Any, length: int, num_consts: int, num_carry: int, reverse: bool, arrays: Arrays
) -> list[np.ndarray]:
    """What `scan` means."""
    consts, carry = list(arrays[:num_consts]), list(arrays[num_consts : num_consts + num_carry])
    xs, ys = arrays[num_consts + num_carry :], []
    for i in reversed(range(length)) if reverse else range(length):
        results = interpret(body, [*consts, *carry, *(x[i] for x in xs)])
        carry = results[:num_carry]
        ys.append(results[num_carry:])
    ys = ys[::-1] if reverse else ys
    return [*carry, *(np.stack(y) for y in zip(*ys))]


def random(tensors: Sequence[Any], seed: int = 0) -> list[np.ndarray]:
    """Arrays for some tensors."""
    rng, arrays = np.random.default_rng(seed), []
    for t in tensors:
        kind = DTYPES[t.dtype]
        if t.dtype == "i1":
            arrays.append(rng.integers(0, 2, t.shape).astype(bool))
        elif "f" in t.dtype:
            arrays.append((rng.normal(size=t.shape) * 0.5).astype(kind))
        else:
            arrays.append(rng.integers(0, 5, t.shape).astype(kind))
    return arrays


def close(got: Arrays, expected: Arrays, dtypes: Sequence[str]) -> None:
    for i, (g, e, dtype) in enumerate(zip(got, expected, dtypes)):
        assert g.shape == e.shape and g.dtype == e.dtype, i
        if "f" not in dtype:
            np.testing.assert_array_equal(g, e, err_msg=f"result {i}")
        else:
            tolerance = {"f16": 3e-3, "bf16": 3e-2, "f32": 3e-6, "f64": 1e-13}[dtype]
            g, e = np.asarray(g, np.float64), np.asarray(e, np.float64)
            np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance, err_msg=f"result {i}")


# (body, length, constants, carries, reversed): compiled together, each is checked on its own.
SCANS: dict[str, tuple[str, int, int, int, bool]] = {}


def case(name: str, consts: int, carries: int, text: str, length: int = 5, reverse: bool = False) -> None:
    SCANS[name] = (text, length, consts, carries, reverse)


def rnn(h: int, x: int) -> str:
    return f"""func.func @body(%W: tensor<{h}x{h}xf32>, %U: tensor<{h}x{x}xf32>, %h: tensor<{h}xf32>, %x: tensor<{x}xf32>)
        -> (tensor<{h}xf32>, tensor<{h}xf32>) {{
      %0 = stablehlo.dot_general %W, %h, contracting_dims = [1] x [0] : (tensor<{h}x{h}xf32>, tensor<{h}xf32>) -> tensor<{h}xf32>
      %1 = stablehlo.dot_general %U, %x, contracting_dims = [1] x [0] : (tensor<{h}x{x}xf32>, tensor<{x}xf32>) -> tensor<{h}xf32>
      %2 = stablehlo.add %0, %1 : tensor<{h}xf32>
      %3 = stablehlo.tanh %2 : tensor<{h}xf32>
      return %3, %3 : tensor<{h}xf32>, tensor<{h}xf32> }}"""


case("rnn", 2, 1, rnn(10, 5))
case("rnn_wide", 2, 1, rnn(75, 40), length=2)
case("rnn_backward", 1, 3, """
    func.func @body(%W: tensor<9x9xf32>, %ch: tensor<9xf32>, %cW: tensor<9x9xf32>, %cU: tensor<9x4xf32>, %hp: tensor<9xf32>,
        %h: tensor<9xf32>, %x: tensor<4xf32>, %cy: tensor<9xf32>) -> (tensor<9xf32>, tensor<9x9xf32>, tensor<9x4xf32>) {
      %one = stablehlo.constant dense<1.0> : tensor<9xf32>
      %c = stablehlo.add %ch, %cy : tensor<9xf32>
      %hh = stablehlo.multiply %h, %h : tensor<9xf32>
      %d = stablehlo.subtract %one, %hh : tensor<9xf32>
      %g = stablehlo.multiply %c, %d : tensor<9xf32>
      %ow = stablehlo.dot_general %g, %hp, contracting_dims = [] x [] : (tensor<9xf32>, tensor<9xf32>) -> tensor<9x9xf32>
      %nW = stablehlo.add %cW, %ow : tensor<9x9xf32>
      %ou = stablehlo.dot_general %g, %x, contracting_dims = [] x [] : (tensor<9xf32>, tensor<4xf32>) -> tensor<9x4xf32>
      %nU = stablehlo.add %cU, %ou : tensor<9x4xf32>
      %WT = stablehlo.transpose %W, dims = [1, 0] : (tensor<9x9xf32>) -> tensor<9x9xf32>
      %nh = stablehlo.dot_general %WT, %g, contracting_dims = [1] x [0] : (tensor<9x9xf32>, tensor<9xf32>) -> tensor<9xf32>
      return %nh, %nW, %nU : tensor<9xf32>, tensor<9x9xf32>, tensor<9x4xf32> }""", reverse=True)  # fmt: skip
case("scalars", 0, 3, """
    func.func @body(%i: tensor<i32>, %x: tensor<f32>, %v: tensor<f64>) -> (tensor<i32>, tensor<f32>, tensor<f64>, tensor<i32>) {
      %one = stablehlo.constant dense<1> : tensor<i32>
      %dt = stablehlo.constant dense<1.0e-2> : tensor<f32>
      %n = stablehlo.add %i, %one : tensor<i32>
      %d = stablehlo.sine %x : tensor<f32>
      %e = stablehlo.multiply %d, %dt : tensor<f32>
      %y = stablehlo.subtract %x, %e : tensor<f32>
      %w = stablehlo.convert %y : (tensor<f32>) -> tensor<f64>
      %u = stablehlo.add %v, %w : tensor<f64>
      return %n, %y, %u, %i : tensor<i32>, tensor<f32>, tensor<f64>, tensor<i32> }""")  # fmt: skip
case("swap_and_shift", 0, 4, """
    func.func @body(%a: tensor<3xi32>, %b: tensor<3xi32>, %c: tensor<40xf32>, %d: tensor<2x3xi1>)
        -> (tensor<3xi32>, tensor<3xi32>, tensor<40xf32>, tensor<2x3xi1>, tensor<3xi32>) {
      %l = stablehlo.slice %c [0:39] : (tensor<40xf32>) -> tensor<39xf32>
      %f = stablehlo.slice %c [39:40] : (tensor<40xf32>) -> tensor<1xf32>
      %r = stablehlo.concatenate %f, %l, dim = 0 : (tensor<1xf32>, tensor<39xf32>) -> tensor<40xf32>
      %n = stablehlo.reverse %d, dims = [0, 1] : tensor<2x3xi1>
      return %b, %a, %r, %n, %a : tensor<3xi32>, tensor<3xi32>, tensor<40xf32>, tensor<2x3xi1>, tensor<3xi32> }""")  # fmt: skip
case("indexing", 1, 2, """
    func.func @body(%t: tensor<6x4xf32>, %i: tensor<i32>, %a: tensor<7x4xf32>) -> (tensor<i32>, tensor<7x4xf32>, tensor<1x4xf32>) {
      %one = stablehlo.constant dense<2> : tensor<i32>
      %zero = stablehlo.constant dense<0> : tensor<i32>
      %n = stablehlo.add %i, %one : tensor<i32>
      %r = stablehlo.dynamic_slice %t, %i, %zero, sizes = [1, 4] : (tensor<6x4xf32>, tensor<i32>, tensor<i32>) -> tensor<1x4xf32>
      %s = stablehlo.dynamic_slice %a, %i, %zero, sizes = [1, 4] : (tensor<7x4xf32>, tensor<i32>, tensor<i32>) -> tensor<1x4xf32>
      %u = stablehlo.add %r, %s : tensor<1x4xf32>
      %m = stablehlo.dynamic_update_slice %a, %u, %n, %zero : (tensor<7x4xf32>, tensor<1x4xf32>, tensor<i32>, tensor<i32>) -> tensor<7x4xf32>
      return %n, %m, %u : tensor<i32>, tensor<7x4xf32>, tensor<1x4xf32> }""")  # fmt: skip
case("shapes", 0, 1, """
    func.func @body(%a: tensor<3x4xf32>, %x: tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4x3xf32>, tensor<12xf32>, tensor<6x6xf32>, tensor<2x2xf32>) {
      %t = stablehlo.transpose %a, dims = [1, 0] : (tensor<3x4xf32>) -> tensor<4x3xf32>
      %f = stablehlo.reshape %t : (tensor<4x3xf32>) -> tensor<12xf32>
      %g = stablehlo.reshape %f : (tensor<12xf32>) -> tensor<3x4xf32>
      %b = stablehlo.broadcast_in_dim %x, dims = [1] : (tensor<4xf32>) -> tensor<3x4xf32>
      %i = stablehlo.iota dim = 1 : tensor<3x4xf32>
      %h = stablehlo.add %g, %b : tensor<3x4xf32>
      %k = stablehlo.multiply %h, %i : tensor<3x4xf32>
      %c = stablehlo.constant dense<[[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 1.0, 1.1, 1.2]]> : tensor<3x4xf32>
      %n = stablehlo.multiply %k, %c : tensor<3x4xf32>
      %z = stablehlo.constant dense<7.0> : tensor<f32>
      %p = stablehlo.pad %n, %z, low = [1, -1], high = [0, 1], interior = [1, 0] : (tensor<3x4xf32>, tensor<f32>) -> tensor<6x4xf32>
      %q = stablehlo.pad %p, %z, low = [0, 2], high = [0, 0], interior = [0, 0] : (tensor<6x4xf32>, tensor<f32>) -> tensor<6x6xf32>
      %s = stablehlo.slice %n [0:3:2, 1:4:2] : (tensor<3x4xf32>) -> tensor<2x2xf32>
      return %n, %t, %f, %q, %s : tensor<3x4xf32>, tensor<4x3xf32>, tensor<12xf32>, tensor<6x6xf32>, tensor<2x2xf32> }""")  # fmt: skip
case("reductions", 0, 1, """
    func.func @body(%a: tensor<3x5x35xf32>, %i: tensor<6x7xi32>) -> (tensor<3x5x35xf32>, tensor<35xf32>, tensor<3x5xf32>, tensor<f32>, tensor<3x35xf32>, tensor<6xi32>, tensor<7xi32>, tensor<i1>) {
      %z = stablehlo.constant dense<0.5> : tensor<f32>
      %l = stablehlo.constant dense<0xFF800000> : tensor<f32>
      %s = stablehlo.reduce(%a init: %z) applies stablehlo.add across dimensions = [0, 1] : (tensor<3x5x35xf32>, tensor<f32>) -> tensor<35xf32>
      %m = stablehlo.reduce(%a init: %l) applies stablehlo.maximum across dimensions = [2] : (tensor<3x5x35xf32>, tensor<f32>) -> tensor<3x5xf32>
      %t = stablehlo.reduce(%a init: %z) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<3x5x35xf32>, tensor<f32>) -> tensor<f32>
      %u = stablehlo.reduce(%a init: %z) applies stablehlo.minimum across dimensions = [1] : (tensor<3x5x35xf32>, tensor<f32>) -> tensor<3x35xf32>
      %o = stablehlo.constant dense<1> : tensor<i32>
      %p = stablehlo.reduce(%i init: %o) applies stablehlo.multiply across dimensions = [1] : (tensor<6x7xi32>, tensor<i32>) -> tensor<6xi32>
      %q = stablehlo.reduce(%i init: %o) applies stablehlo.xor across dimensions = [0] : (tensor<6x7xi32>, tensor<i32>) -> tensor<7xi32>
      %zs = stablehlo.broadcast_in_dim %z, dims = [] : (tensor<f32>) -> tensor<3x5xf32>
      %c = stablehlo.compare GT, %m, %zs : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xi1>
      %true = stablehlo.constant dense<true> : tensor<i1>
      %k = stablehlo.reduce(%c init: %true) applies stablehlo.and across dimensions = [0, 1] : (tensor<3x5xi1>, tensor<i1>) -> tensor<i1>
      %b = stablehlo.broadcast_in_dim %m, dims = [0, 1] : (tensor<3x5xf32>) -> tensor<3x5x35xf32>
      %n = stablehlo.subtract %a, %b : tensor<3x5x35xf32>
      return %n, %s, %m, %t, %u, %p, %q, %k : tensor<3x5x35xf32>, tensor<35xf32>, tensor<3x5xf32>, tensor<f32>, tensor<3x35xf32>, tensor<6xi32>, tensor<7xi32>, tensor<i1> }""")  # fmt: skip
case("contractions", 2, 1, """
    func.func @body(%A: tensor<6x20xf32>, %B: tensor<2x7x20xf32>, %c: tensor<20x6xf32>, %x: tensor<2x5x20xf32>, %i: tensor<3x4xi8>)
        -> (tensor<20x6xf32>, tensor<2x7x5xf32>, tensor<6x6xf32>, tensor<f32>, tensor<2x5x6xf32>, tensor<4x4xi32>, tensor<20xf32>) {
      %bat = stablehlo.dot_general %B, %x, batching_dims = [0] x [0], contracting_dims = [2] x [2] : (tensor<2x7x20xf32>, tensor<2x5x20xf32>) -> tensor<2x7x5xf32>
      %sq = stablehlo.dot_general %A, %c, contracting_dims = [1] x [0] : (tensor<6x20xf32>, tensor<20x6xf32>) -> tensor<6x6xf32>
      %ct = stablehlo.transpose %c, dims = [1, 0] : (tensor<20x6xf32>) -> tensor<6x20xf32>
      %in = stablehlo.dot_general %A, %ct, contracting_dims = [0, 1] x [0, 1] : (tensor<6x20xf32>, tensor<6x20xf32>) -> tensor<f32>
      %mix = stablehlo.dot_general %x, %c, contracting_dims = [2] x [0] : (tensor<2x5x20xf32>, tensor<20x6xf32>) -> tensor<2x5x6xf32>
      %ints = stablehlo.dot_general %i, %i, contracting_dims = [0] x [0] : (tensor<3x4xi8>, tensor<3x4xi8>) -> tensor<4x4xi32>
      %r = stablehlo.slice %sq [0:1, 0:6] : (tensor<6x6xf32>) -> tensor<1x6xf32>
      %v = stablehlo.reshape %r : (tensor<1x6xf32>) -> tensor<6xf32>
      %vm = stablehlo.dot_general %v, %A, contracting_dims = [0] x [0] : (tensor<6xf32>, tensor<6x20xf32>) -> tensor<20xf32>
      %new = stablehlo.dot_general %A, %sq, contracting_dims = [0] x [0] : (tensor<6x20xf32>, tensor<6x6xf32>) -> tensor<20x6xf32>
      %q = stablehlo.constant dense<0.1> : tensor<20x6xf32>
      %n = stablehlo.multiply %new, %q : tensor<20x6xf32>
      return %n, %bat, %sq, %in, %mix, %ints, %vm : tensor<20x6xf32>, tensor<2x7x5xf32>, tensor<6x6xf32>, tensor<f32>, tensor<2x5x6xf32>, tensor<4x4xi32>, tensor<20xf32> }""")  # fmt: skip
case("integers", 0, 1, """
    func.func @body(%a: tensor<5xi32>, %u: tensor<5xui32>, %b: tensor<5xi8>) -> (tensor<5xi32>, tensor<5xi32>, tensor<5xui32>, tensor<5xui32>, tensor<5xi8>, tensor<5xi1>, tensor<5xf32>, tensor<5xi32>) {
      %two = stablehlo.constant dense<2> : tensor<5xi32>
      %big = stablehlo.constant dense<[4294967295, 1, 2, 3000000000, 0]> : tensor<5xui32>
      %three = stablehlo.constant dense<3> : tensor<5xui32>
      %d = stablehlo.divide %a, %two : tensor<5xi32>
      %s = stablehlo.subtract %d, %two : tensor<5xi32>
      %q = stablehlo.remainder %s, %two : tensor<5xi32>
      %v = stablehlo.subtract %u, %big : tensor<5xui32>
      %w = stablehlo.divide %v, %three : tensor<5xui32>
      %x = stablehlo.shift_right_logical %v, %u : tensor<5xui32>
      %y = stablehlo.maximum %w, %x : tensor<5xui32>
      %c = stablehlo.compare LT, %v, %w : (tensor<5xui32>, tensor<5xui32>) -> tensor<5xi1>
      %f = stablehlo.convert %v : (tensor<5xui32>) -> tensor<5xf32>
      %n = stablehlo.negate %b : tensor<5xi8>
      %g = stablehlo.bitcast_convert %f : (tensor<5xf32>) -> tensor<5xi32>
      %k = stablehlo.popcnt %g : tensor<5xi32>
      return %s, %q, %w, %y, %n, %c, %f, %k : tensor<5xi32>, tensor<5xi32>, tensor<5xui32>, tensor<5xui32>, tensor<5xi8>, tensor<5xi1>, tensor<5xf32>, tensor<5xi32> }""")  # fmt: skip
case("branches_and_calls", 0, 2, """
    func.func private @twice(%x: tensor<4xf32>) -> tensor<4xf32> { %y = stablehlo.add %x, %x : tensor<4xf32>
      return %y : tensor<4xf32> }
    func.func @body(%i: tensor<i32>, %x: tensor<4xf32>) -> (tensor<i32>, tensor<4xf32>, tensor<4xi1>) {
      %one = stablehlo.constant dense<1> : tensor<i32>
      %n = stablehlo.add %i, %one : tensor<i32>
      %c = "stablehlo.case"(%i) ({ %a = stablehlo.exponential %x : tensor<4xf32>
        stablehlo.return %a : tensor<4xf32> }, { %b = func.call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>
        stablehlo.return %b : tensor<4xf32> }, { stablehlo.return %x : tensor<4xf32> }) : (tensor<i32>) -> tensor<4xf32>
      %p = stablehlo.compare GE, %i, %one : (tensor<i32>, tensor<i32>) -> tensor<i1>
      %d = "stablehlo.if"(%p) ({ %m = stablehlo.negate %c : tensor<4xf32>
        stablehlo.return %m : tensor<4xf32> }, { stablehlo.return %c : tensor<4xf32> }) : (tensor<i1>) -> tensor<4xf32>
      %lo = stablehlo.constant dense<-3.0> : tensor<f32>
      %hi = stablehlo.constant dense<3.0> : tensor<f32>
      %e = stablehlo.clamp %lo, %d, %hi : (tensor<f32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
      %k = stablehlo.is_finite %e : (tensor<4xf32>) -> tensor<4xi1>
      %z = stablehlo.select %p, %d, %e : tensor<i1>, tensor<4xf32>
      return %n, %z, %k : tensor<i32>, tensor<4xf32>, tensor<4xi1> }""")  # fmt: skip
for kind in ("f16", "bf16", "f64"):
    case(f"of_{kind}", 1, 1, f"""
    func.func @body(%W: tensor<6x6x{kind}>, %h: tensor<6x{kind}>, %x: tensor<6x{kind}>) -> (tensor<6x{kind}>, tensor<1x{kind}>) {{
      %0 = stablehlo.dot_general %W, %h, contracting_dims = [1] x [0] : (tensor<6x6x{kind}>, tensor<6x{kind}>) -> tensor<6x{kind}>
      %1 = stablehlo.add %0, %x : tensor<6x{kind}>
      %2 = stablehlo.exponential %1 : tensor<6x{kind}>
      %one = stablehlo.constant dense<1.0> : tensor<6x{kind}>
      %3 = stablehlo.add %2, %one : tensor<6x{kind}>
      %4 = stablehlo.divide %2, %3 : tensor<6x{kind}>
      %z = stablehlo.constant dense<0.0> : tensor<{kind}>
      %5 = stablehlo.reduce(%4 init: %z) applies stablehlo.add across dimensions = [0] : (tensor<6x{kind}>, tensor<{kind}>) -> tensor<{kind}>
      %6 = stablehlo.reshape %5 : (tensor<{kind}>) -> tensor<1x{kind}>
      return %4, %6 : tensor<6x{kind}>, tensor<1x{kind}> }}""")  # fmt: skip
case(
    "gather_and_scatter",
    1,
    3,
    """
    func.func @body(%t: tensor<6x4xf32>, %i: tensor<i32>, %a: tensor<7x4xf32>, %n: tensor<9xi32>)
        -> (tensor<i32>, tensor<7x4xf32>, tensor<9xi32>, tensor<4xf32>, tensor<3x2x4xf32>, tensor<4x5xf32>) {
      %two = stablehlo.constant dense<2> : tensor<i32>
      %j = stablehlo.add %i, %two : tensor<i32>
      %i1 = stablehlo.reshape %i : (tensor<i32>) -> tensor<1xi32>
      %row = "stablehlo.gather"(%t, %i1) {dimension_numbers = #stablehlo.gather<offset_dims = [0],
        collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 0>, slice_sizes = array<i64: 1, 4>}
        : (tensor<6x4xf32>, tensor<1xi32>) -> tensor<4xf32>
      %at = stablehlo.constant dense<[[0, 2], [5, 9], [-3, 1]]> : tensor<3x2xi32>
      %rows = "stablehlo.gather"(%t, %at) {dimension_numbers = #stablehlo.gather<offset_dims = [1, 2],
        start_index_map = [0, 1], index_vector_dim = 1>, slice_sizes = array<i64: 2, 4>}
        : (tensor<6x4xf32>, tensor<3x2xi32>) -> tensor<3x2x4xf32>
      %cols = stablehlo.constant dense<[0, 3, 1, 1, 2]> : tensor<5xi32>
      %col = "stablehlo.gather"(%t, %cols) {dimension_numbers = #stablehlo.gather<offset_dims = [0],
        collapsed_slice_dims = [1], start_index_map = [1], index_vector_dim = 1>, slice_sizes = array<i64: 4, 1>}
        : (tensor<6x4xf32>, tensor<5xi32>) -> tensor<4x5xf32>
      %b = "stablehlo.scatter"(%a, %i1, %row) ({ ^bb0(%x: tensor<f32>, %y: tensor<f32>):
        %s = stablehlo.add %x, %y : tensor<f32>
        stablehlo.return %s : tensor<f32> }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [0],
        inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 0>}
        : (tensor<7x4xf32>, tensor<1xi32>, tensor<4xf32>) -> tensor<7x4xf32>
      %where = stablehlo.constant dense<[[1], [8], [1], [77]]> : tensor<4x1xi32>
      %what = stablehlo.broadcast_in_dim %j, dims = [] : (tensor<i32>) -> tensor<4xi32>
      %m = "stablehlo.scatter"(%n, %where, %what) ({ ^bb0(%x: tensor<i32>, %y: tensor<i32>):
        %s = stablehlo.add %x, %y : tensor<i32>
        stablehlo.return %s : tensor<i32> }) {scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0],
        scatter_dims_to_operand_dims = [0], index_vector_dim = 1>} : (tensor<9xi32>, tensor<4x1xi32>, tensor<4xi32>) -> tensor<9xi32>
      return %j, %b, %m, %row, %rows, %col : tensor<i32>, tensor<7x4xf32>, tensor<9xi32>, tensor<4xf32>, tensor<3x2x4xf32>, tensor<4x5xf32> }""",
)
case("kept_carry", 0, 2, """
    func.func @body(%k: tensor<3xf32>, %a: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
      %n = stablehlo.add %k, %a : tensor<3xf32>
      return %k, %n : tensor<3xf32>, tensor<3xf32> }""", reverse=True)  # fmt: skip
case("no_steps", 0, 1, """
    func.func @body(%a: tensor<3xf32>, %x: tensor<2xi32>) -> (tensor<3xf32>, tensor<2xi32>) {
      return %a, %x : tensor<3xf32>, tensor<2xi32> }""", length=0)  # fmt: skip


@pytest.fixture(scope="module")
def scans() -> Runner:
    """All of SCANS, compiled."""
    return Runner([scan(function(text), *rest) for text, *rest in SCANS.values()])


@pytest.mark.parametrize("name", SCANS)
def test_scan(scans: Runner, name: str) -> None:
    number = list(SCANS).index(name)
    text, length, consts, carries, reverse = SCANS[name]
    kernel = scans.kernels[number]
    arrays = random(kernel.inputs)
    got = scans(number, *arrays)
    if not length:
        expected = [
            *arrays[consts : consts + carries],
            *(np.zeros(t.shape, DTYPES[t.dtype]) for t in kernel.results[carries:]),
        ]
    else:
        expected = scan_reference(function(text), length, consts, carries, reverse, arrays)
    close(got, expected, [t.dtype for t in kernel.results])


UNARY = ("abs cbrt ceil cosine exponential exponential_minus_one floor log log_plus_one logistic negate round_nearest_afz "
         "round_nearest_even rsqrt sign sine sqrt tan tanh").split()  # fmt: skip


def test_functions_are_accurate() -> None:
    """Every float function on vectors, over a wide range, against the interpreter; NaN and infinities included."""
    values = np.concatenate([np.linspace(-9, 9, 201), [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-20, 40.0, -40.0]])
    lines = [f"%r{i} = stablehlo.{op} %x : tensor<{len(values)}xf32>" for i, op in enumerate(UNARY)]
    types = ", ".join([f"tensor<{len(values)}xf32>"] * len(UNARY))
    text = f"""func.func @body(%x: tensor<{len(values)}xf32>) -> ({types}) {{ {chr(10).join(lines)}
        return {", ".join(f"%r{i}" for i in range(len(UNARY)))} : {types} }}"""
    run = Runner([scan(function(text), 1, 0, 0)])
    x = values.astype(np.float32)[None]
    for op, got, expected in zip(UNARY, run(0, x), interpret(function(text), [x[0]])):
        rtol = 3e-5 if op == "tan" else 3e-6  # IREE's tan is a quotient, badly conditioned near its poles
        np.testing.assert_allclose(got[0], expected, rtol=rtol, atol=2e-6, err_msg=op)


def collatz() -> tuple[str, str]:
    condition = """func.func @cond(%m: tensor<i32>, %n: tensor<i32>, %i: tensor<i32>, %log: tensor<50xi32>) -> tensor<i1> {
      %one = stablehlo.constant dense<1> : tensor<i32>
      %a = stablehlo.compare NE, %n, %one : (tensor<i32>, tensor<i32>) -> tensor<i1>
      %b = stablehlo.compare LT, %i, %m : (tensor<i32>, tensor<i32>) -> tensor<i1>
      %c = stablehlo.and %a, %b : tensor<i1>
      return %c : tensor<i1> }"""
    body = """func.func @body(%n: tensor<i32>, %i: tensor<i32>, %log: tensor<50xi32>) -> (tensor<i32>, tensor<i32>, tensor<50xi32>) {
      %zero = stablehlo.constant dense<0> : tensor<i32>
      %one = stablehlo.constant dense<1> : tensor<i32>
      %two = stablehlo.constant dense<2> : tensor<i32>
      %three = stablehlo.constant dense<3> : tensor<i32>
      %r = stablehlo.remainder %n, %two : tensor<i32>
      %odd = stablehlo.compare EQ, %r, %one : (tensor<i32>, tensor<i32>) -> tensor<i1>
      %h = stablehlo.divide %n, %two : tensor<i32>
      %t = stablehlo.multiply %n, %three : tensor<i32>
      %t1 = stablehlo.add %t, %one : tensor<i32>
      %k = stablehlo.select %odd, %t1, %h : tensor<i1>, tensor<i32>
      %u = stablehlo.reshape %k : (tensor<i32>) -> tensor<1xi32>
      %l = stablehlo.dynamic_update_slice %log, %u, %i : (tensor<50xi32>, tensor<1xi32>, tensor<i32>) -> tensor<50xi32>
      %j = stablehlo.add %i, %one : tensor<i32>
      return %k, %j, %l : tensor<i32>, tensor<i32>, tensor<50xi32> }"""
    return condition, body


def newton() -> tuple[str, str]:
    """An array carry in the condition; iterates x = (x + a / x) / 2."""
    condition = """func.func @cond(%x: tensor<4xf32>, %d: tensor<4xf32>) -> tensor<i1> {
      %z = stablehlo.constant dense<0.0> : tensor<f32>
      %m = stablehlo.reduce(%d init: %z) applies stablehlo.maximum across dimensions = [0] : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
      %eps = stablehlo.constant dense<1.0e-5> : tensor<f32>
      %c = stablehlo.compare GT, %m, %eps : (tensor<f32>, tensor<f32>) -> tensor<i1>
      return %c : tensor<i1> }"""
    body = """func.func @body(%a: tensor<4xf32>, %x: tensor<4xf32>, %d: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
      %half = stablehlo.constant dense<0.5> : tensor<4xf32>
      %q = stablehlo.divide %a, %x : tensor<4xf32>
      %s = stablehlo.add %x, %q : tensor<4xf32>
      %n = stablehlo.multiply %s, %half : tensor<4xf32>
      %e = stablehlo.subtract %n, %x : tensor<4xf32>
      %f = stablehlo.abs %e : tensor<4xf32>
      return %n, %f : tensor<4xf32>, tensor<4xf32> }"""
    return condition, body


def test_while() -> None:
    kernels = []
    for (condition, body), consts in ((collatz(), (1, 0)), (newton(), (0, 1))):
        kernels.append(
            KERNELS["loop_while"]([function(condition), function(body)], cond_consts=consts[0], body_consts=consts[1])
        )
    run = Runner(kernels)
    log = np.zeros(50, np.int32)
    for limit, start in ((50, 7), (3, 7), (50, 1)):
        n, expected = start, log.copy()
        for i in range(limit):
            if n == 1:
                break
            n = 3 * n + 1 if n % 2 else n // 2
            expected[i] = n
        got = run(0, *(np.array(x, np.int32) for x in (limit, start, 0)), log)
        assert got[0] == n
        np.testing.assert_array_equal(got[2], expected)
    a = np.array([2, 3, 4, 50], np.float32)
    got = run(1, a, np.ones(4, np.float32), np.ones(4, np.float32))
    np.testing.assert_allclose(got[0], np.sqrt(a), rtol=1e-6)


def nested(inner: Sequence[Kernel], text: str) -> Any:
    """A body that calls the kernels of loops, which its own kernel then contains."""
    for i, kernel in enumerate(inner):
        assert isinstance(kernel, Kernel)
        text = text.replace(f"@inner{i}", f"@{kernel.symbol}")
    return function("\n".join(k.declaration for k in inner) + text)


def test_loops_in_loops() -> None:
    """A power iteration: each step normalises by an inner scan, and an inner while finds a square root."""
    sums = """func.func @body(%k: tensor<f32>, %s: tensor<f32>, %last: tensor<2xf32>, %x: tensor<f32>, %r: tensor<3xf32>)
        -> (tensor<f32>, tensor<2xf32>, tensor<3xf32>) {
      %q = stablehlo.multiply %x, %x : tensor<f32>
      %p = stablehlo.multiply %q, %k : tensor<f32>
      %n = stablehlo.add %s, %p : tensor<f32>
      %b = stablehlo.broadcast_in_dim %x, dims = [] : (tensor<f32>) -> tensor<2xf32>
      %c = stablehlo.broadcast_in_dim %n, dims = [] : (tensor<f32>) -> tensor<3xf32>
      %y = stablehlo.add %r, %c : tensor<3xf32>
      return %n, %b, %y : tensor<f32>, tensor<2xf32>, tensor<3xf32> }"""
    condition = """func.func @cond(%a: tensor<f32>, %x: tensor<f32>, %i: tensor<i32>) -> tensor<i1> {
      %m = stablehlo.constant dense<20> : tensor<i32>
      %c = stablehlo.compare LT, %i, %m : (tensor<i32>, tensor<i32>) -> tensor<i1>
      return %c : tensor<i1> }"""
    root = """func.func @body(%a: tensor<f32>, %x: tensor<f32>, %i: tensor<i32>) -> (tensor<f32>, tensor<i32>) {
      %half = stablehlo.constant dense<0.5> : tensor<f32>
      %one = stablehlo.constant dense<1> : tensor<i32>
      %q = stablehlo.divide %a, %x : tensor<f32>
      %s = stablehlo.add %x, %q : tensor<f32>
      %n = stablehlo.multiply %s, %half : tensor<f32>
      %j = stablehlo.add %i, %one : tensor<i32>
      return %n, %j : tensor<f32>, tensor<i32> }"""
    length, size = 6, 4
    scanned = scan(function(sums), size, 1, 2)
    rooted = KERNELS["loop_while"]([function(condition), function(root)], cond_consts=1, body_consts=1)
    outer = nested([scanned, rooted], """
    func.func @body(%A: tensor<4x4xf32>, %v: tensor<4xf32>) -> (tensor<4xf32>, tensor<f32>, tensor<2xf32>, tensor<4x3xf32>) {
      %w = stablehlo.dot_general %A, %v, contracting_dims = [1] x [0] : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %zero = stablehlo.constant dense<0.0> : tensor<f32>
      %zeros = stablehlo.constant dense<0.0> : tensor<2xf32>
      %one = stablehlo.constant dense<1.0> : tensor<f32>
      %none = stablehlo.constant dense<0> : tensor<i32>
      %r = stablehlo.broadcast_in_dim %w, dims = [0] : (tensor<4xf32>) -> tensor<4x3xf32>
      %n:3 = func.call @inner0(%one, %zero, %zeros, %w, %r) : (tensor<f32>, tensor<f32>, tensor<2xf32>, tensor<4xf32>, tensor<4x3xf32>) -> (tensor<f32>, tensor<2xf32>, tensor<4x3xf32>)
      %s:2 = func.call @inner1(%n#0, %n#0, %one, %none) : (tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
      %d = stablehlo.broadcast_in_dim %s#0, dims = [] : (tensor<f32>) -> tensor<4xf32>
      %u = stablehlo.divide %w, %d : tensor<4xf32>
      return %u, %s#0, %n#1, %n#2 : tensor<4xf32>, tensor<f32>, tensor<2xf32>, tensor<4x3xf32> }""")  # fmt: skip
    kernel = scan(outer, length, 1, 1)
    assert isinstance(kernel, Kernel), kernel
    a, v = random(kernel.inputs)
    got = Runner([kernel])(0, a, v)
    for i in range(length):
        w = a @ v
        norm = np.sqrt(np.sum(w * w))
        np.testing.assert_allclose(got[1][i], norm, rtol=1e-5)
        np.testing.assert_allclose(got[2][i], w[-1], rtol=1e-5)
        rows = w[:, None] + np.cumsum(w * w)[:, None] + np.zeros(3)
        np.testing.assert_allclose(got[3][i], rows, rtol=1e-5)
        v = w / norm
    np.testing.assert_allclose(got[0], v, rtol=1e-5)


def test_declines_loops_in_branches() -> None:
    """All branches are computed, and one that is not taken might not end."""
    condition, body = newton()
    inner = KERNELS["loop_while"]([function(condition), function(body)], cond_consts=0, body_consts=1)
    outer = nested([inner], """
    func.func @body(%p: tensor<i1>, %a: tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>) {
      %r = "stablehlo.if"(%p) ({
        %n:2 = func.call @inner0(%a, %a, %a) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
        stablehlo.return %n#0 : tensor<4xf32> }, { stablehlo.return %a : tensor<4xf32> }) : (tensor<i1>) -> tensor<4xf32>
      return %p, %r : tensor<i1>, tensor<4xf32> }""")  # fmt: skip
    result = scan(outer, 3, 0, 2)
    assert isinstance(result, Declined) and "branch" in result.reason


def declined(text: str, platform: str = "cpu") -> str:
    """Why a scan of one carry is declined."""
    result = scan(function(text), 4, 0, 1, platform=platform)
    assert isinstance(result, Declined)
    return result.reason


def test_declines() -> None:
    simple = "func.func @body(%a: tensor<3xf32>) -> tensor<3xf32> { return %a : tensor<3xf32> }"
    assert "CPU" in declined(simple, platform="vulkan")
    assert "complex" in declined(simple.replace("f32", "complex<f32>"))
    sort = """func.func @body(%a: tensor<3xf32>) -> tensor<3xf32> {
      %r = "stablehlo.sort"(%a) ({ ^bb0(%x: tensor<f32>, %y: tensor<f32>):
        %c = stablehlo.compare LT, %x, %y : (tensor<f32>, tensor<f32>) -> tensor<i1>
        stablehlo.return %c : tensor<i1> }) : (tensor<3xf32>) -> tensor<3xf32>
      return %r : tensor<3xf32> }"""
    assert "the op sort" in declined(sort)
    outside = """func.func private @host.print(tensor<3xf32>) -> tensor<3xf32>
    func.func @body(%a: tensor<3xf32>) -> tensor<3xf32> {
      %r = func.call @host.print(%a) : (tensor<3xf32>) -> tensor<3xf32>
      return %r : tensor<3xf32> }"""
    assert "external function @host.print" in declined(outside)
    large = """func.func @body(%a: tensor<512x512xf32>) -> tensor<512x512xf32> {
      %r = stablehlo.dot_general %a, %a, contracting_dims = [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
      return %r : tensor<512x512xf32> }"""
    assert "operations" in declined(large)
    empty = """func.func @body(%a: tensor<3xf32>) -> tensor<3xf32> {
      %r = stablehlo.slice %a [0:0] : (tensor<3xf32>) -> tensor<0xf32>
      %s = stablehlo.concatenate %r, %a, dim = 0 : (tensor<0xf32>, tensor<3xf32>) -> tensor<3xf32>
      return %s : tensor<3xf32> }"""
    assert "empty" in declined(empty)
    tanh = "func.func @body(%a: tensor<3xf64>) -> tensor<3xf64> { %r = stablehlo.tanh %a : tensor<3xf64>\n return %r : tensor<3xf64> }"
    assert "tanh of f64" in declined(tanh)


def test_compiles_for_aarch64() -> None:
    kernel = scan(function(rnn(40, 5)), 7, 2, 1)
    assert isinstance(kernel, Kernel) and Runner([kernel], "aarch64").vmfb
