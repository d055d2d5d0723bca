"""The driver: StableHLO in, programs out; what would crash or hang IREE is refused, with the user's line."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import axil.runtime as rt
from axil.compiler import driver
from axil.compiler.bytecode import op_names
from axil.compiler.diagnostics import CompileError, Frame, TargetError, parse_diagnostic, parse_location
from axil.compiler.driver import check_ready, compile_module, hand_over
from axil.compiler.targets import names, resolve

ADD = """
func.func @main(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.add %a, %b : tensor<4xf32>
  return %0 : tensor<4xf32>
}"""
# complex matmuls do not compile with data tiling
COMPLEX_DOT = """
func.func @main(%a: tensor<4x4xcomplex<f32>>, %b: tensor<4x4xcomplex<f32>>) -> tensor<4x4xcomplex<f32>> {
  %0 = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0]
    : (tensor<4x4xcomplex<f32>>, tensor<4x4xcomplex<f32>>) -> tensor<4x4xcomplex<f32>>
  return %0 : tensor<4x4xcomplex<f32>>
}"""
# with what kernels emit: IREE's own ops in generic form
TRANSFER = """
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "flow.tensor.transfer"(%a) {operandSegmentSizes = array<i32: 1, 0, 0>,
    target = #hal.device.promise<@__device_0>} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = stablehlo.add %0, %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}"""
LEFTOVER = """
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axil.frobnicate"(%a) : (tensor<4xf32>) -> tensor<4xf32> loc(callsite("FILE":2:5 at "FILE":3:1))
  return %0 : tensor<4xf32>
}"""
RECURSIVE = """
func.func @main(%a: tensor<f32>) -> tensor<f32> {
  %0 = call @even(%a) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @even(%a: tensor<f32>) -> tensor<f32> {
  %0 = call @odd(%a) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @odd(%a: tensor<f32>) -> tensor<f32> {
  %0 = call @even(%a) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}"""
# valid StableHLO that IREE cannot compile
CHOLESKY = """
func.func @main(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = "stablehlo.cholesky"(%a) {lower = true} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    loc(callsite("FILE":2:5 at "FILE":3:1))
  return %0 : tensor<4x4xf32>
}"""

# of random programs: IREE moves the conversions over a broadcast while it converts the broadcast
TWO_CONVERSIONS = """
func.func @main(%x: tensor<bf16>, %where: tensor<4x5xi32>, %to: tensor<21xf32>) -> tensor<f32> {
  %0 = stablehlo.reshape %x : (tensor<bf16>) -> tensor<1xbf16>
  %1 = stablehlo.broadcast_in_dim %0, dims = [1] : (tensor<1xbf16>) -> tensor<10x1xbf16>
  %2 = stablehlo.reshape %1 : (tensor<10x1xbf16>) -> tensor<2x5xbf16>
  %3 = stablehlo.reshape %1 : (tensor<10x1xbf16>) -> tensor<10xbf16>
  %4 = stablehlo.broadcast_in_dim %3, dims = [1] : (tensor<10xbf16>) -> tensor<2x10xbf16>
  %5 = stablehlo.reshape %4 : (tensor<2x10xbf16>) -> tensor<4x5xbf16>
  %6 = stablehlo.convert %2 : (tensor<2x5xbf16>) -> tensor<2x5xf32>
  %7 = stablehlo.convert %5 : (tensor<4x5xbf16>) -> tensor<4x5xf32>
  %none = stablehlo.constant dense<0> : tensor<i32>
  %inf = stablehlo.constant dense<0x7F800000> : tensor<f32>
  %8:2 = "stablehlo.reduce_window"(%7, %where, %inf, %none) <{
    padding = dense<[[1, 0], [0, 2]]> : tensor<2x2xi64>, window_dimensions = array<i64: 2, 3>,
    window_strides = array<i64: 2, 1>}> ({
  ^bb0(%a: tensor<f32>, %i: tensor<i32>, %b: tensor<f32>, %j: tensor<i32>):
    stablehlo.return %b, %j : tensor<f32>, tensor<i32>
  }) : (tensor<4x5xf32>, tensor<4x5xi32>, tensor<f32>, tensor<i32>) -> (tensor<2x5xf32>, tensor<2x5xi32>)
  %9 = stablehlo.reshape %8#1 : (tensor<2x5xi32>) -> tensor<10x1xi32>
  %10 = stablehlo.reshape %6 : (tensor<2x5xf32>) -> tensor<10xf32>
  %11 = "stablehlo.scatter"(%to, %9, %10) <{scatter_dimension_numbers = #stablehlo.scatter<
    inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<21xf32>, tensor<10x1xi32>, tensor<10xf32>) -> tensor<21xf32>
  %12 = stablehlo.slice %11 [18:19] : (tensor<21xf32>) -> tensor<1xf32>
  %13 = stablehlo.reshape %12 : (tensor<1xf32>) -> tensor<f32>
  return %13 : tensor<f32>
}"""

UNSIGNED_DOT = """
func.func @main(%a: tensor<2x2xui8>) -> tensor<2x2xf32> {
  %b = stablehlo.convert %a : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %c = stablehlo.optimization_barrier %b : tensor<2x2xf32>
  %0 = stablehlo.dot_general %c, %c, contracting_dims = [1] x [0]
    : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}"""


@pytest.fixture(scope="module")
def context():
    from torch_mlir import ir
    from torch_mlir._mlir_libs import _stablehlo

    context = ir.Context()
    _stablehlo.register_dialect(context)
    context.allow_unregistered_dialects = True
    return context


@pytest.fixture
def model_py(tmp_path: Path) -> Path:
    file = tmp_path / "model.py"
    file.write_text("def model(x):\n    return cholesky(x)\nmodel(data)\n")
    return file


def parse(text: str, context):
    from torch_mlir import ir

    return ir.Module.parse(text, context)


def run(vmfb: bytes, *arrays: np.ndarray) -> np.ndarray:
    (view,) = rt.Executable(vmfb).invoke([rt.to_device(a).view for a in arrays])
    return rt.to_host(view, rt.default_device())


def test_text_and_bytecode_compile_and_run(context):
    x = np.arange(4, dtype=np.float32)
    assert run(compile_module(ADD), x, x).tolist() == [0, 2, 4, 6]
    assert run(compile_module(hand_over(parse(TRANSFER, context))), x).tolist() == [0, 2, 4, 6]


# The CUDA targets differ in a number only, so a few stand for them.
COMPILED = [
    n for n in names() if not n.startswith("cuda-") or n in ("cuda-sm_60", "cuda-sm_80", "cuda-sm_120")
]


@pytest.mark.parametrize("name", COMPILED)
def test_every_target_compiles_the_input_guard(name, context):
    vmfb = compile_module(hand_over(parse(TRANSFER, context), name), name)
    assert len(vmfb) > 1000


def test_cuda_gives_ptx_and_aarch64_an_arm_program():
    assert b".target sm_80" in compile_module(ADD, "sm_80")
    assert b"aarch64" in compile_module(ADD, "aarch64") or b"arm_64" in compile_module(ADD, "aarch64")


def test_float64_stays_float64():
    vmfb = compile_module(ADD.replace("f32", "f64"))
    x = np.full(4, 1 + 2.0**-40)
    assert np.array_equal(run(vmfb, x, x), x + x)


def test_a_program_that_the_fast_flags_cannot_compile_is_tried_with_others():
    a = np.arange(16, dtype=np.complex64).reshape(4, 4) * (1 + 2j)
    assert np.allclose(run(compile_module(COMPLEX_DOT), a, a), a @ a)


def test_a_leftover_op_is_refused_naming_op_and_line(context, model_py):
    module = parse(LEFTOVER.replace("FILE", str(model_py)), context)
    for check in (check_ready, hand_over):
        with pytest.raises(CompileError) as caught:
            check(module)
        assert "operation 'axil.frobnicate' is left in the module" in str(caught.value)
        assert f"{model_py}:2:5: error: axil.frobnicate was made here\n    return cholesky(x)\n    ^" in str(
            caught.value
        )
        assert f"called from {model_py}:3:1\n    model(data)" in str(caught.value)
        assert "no lowering to StableHLO" in str(caught.value)
        assert caught.value.diagnostics[0].line == 2


def test_bytes_with_unknown_ops_are_refused_as_the_last_line_of_defence(context):
    import io

    buffer = io.BytesIO()
    parse(LEFTOVER, context).operation.write_bytecode(buffer)
    for source in (LEFTOVER, buffer.getvalue()):
        with pytest.raises(CompileError, match="'axil.frobnicate' is left in the module"):
            compile_module(source)
    with pytest.raises(CompileError, match="malformed MLIR\n.*operation 'stablehlo.no_such_op'"):
        compile_module(LEFTOVER.replace("axil.frobnicate", "stablehlo.no_such_op"))


def test_recursion_is_refused_with_the_way_out(context):
    with pytest.raises(CompileError, match="@even -> @odd -> @even\nUse lax.while_loop"):
        check_ready(parse(RECURSIVE, context))


def test_checking_leaves_the_module_as_it_was(context):
    module = parse(TRANSFER, context)
    before = str(module)
    for target in ("host", "vulkan", "cuda"):
        hand_over(module, target)
    assert str(module) == before


def test_gpu_programs_do_not_assume_the_small_alignment_of_numpy(context):
    module = parse(TRANSFER, context)
    assert b"min_buffer_offset_alignment = 64" in hand_over(module, "vulkan")
    assert b"min_buffer_offset_alignment" not in hand_over(module, "host")


def test_a_program_that_iree_cannot_compile_points_at_the_users_line(model_py):
    with pytest.raises(CompileError) as caught:
        compile_module(CHOLESKY.replace("FILE", str(model_py)), name="model")
    text = str(caught.value)
    assert text.startswith("model: IREE cannot compile this for host\n")
    assert f"{model_py}:2:5: error: failed to legalize operation 'stablehlo.cholesky'" in text
    assert "    return cholesky(x)\n    ^" in text and f"called from {model_py}:3:1" in text
    assert (caught.value.diagnostics[0].file, caught.value.diagnostics[0].line) == (str(model_py), 2)


@pytest.mark.parametrize(
    "text", ["garbage", "func.func @main( {", "module {", ADD.replace("4xf32>\n", "5xf32>\n")]
)
def test_malformed_text_is_an_error_and_the_session_survives(text):
    with pytest.raises(CompileError, match="malformed MLIR"):
        compile_module(text)
    assert compile_module(ADD)


def test_malformed_bytecode_is_an_error(context):
    data = hand_over(parse(ADD, context))
    for length in (4, 10, 40, len(data) // 2):
        with pytest.raises(CompileError, match="malformed MLIR"):
            compile_module(data[:length])


def test_op_names_are_read_from_bytecode(context):
    assert op_names(hand_over(parse(TRANSFER, context))) == {
        "builtin.module",
        "func.func",
        "func.return",
        "flow.tensor.transfer",
        "stablehlo.add",
    }


def test_unknown_targets_and_flags_never_reach_iree():
    with pytest.raises(TargetError, match="unknown target 'swiftshader'"):
        compile_module(ADD, "swiftshader")
    with pytest.raises(CompileError, match="IREE does not know one of the flags .*--no-such-flag"):
        compile_module(ADD, extra_flags=("--no-such-flag",))


def test_threads_compile_each_in_its_own_session():
    done = []
    threads = [threading.Thread(target=lambda: done.append(compile_module(ADD))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2 and done[0] == done[1], "compiling is deterministic"


def test_sessions_are_kept_but_not_for_ever(monkeypatch):
    compile_module(ADD)
    flags = resolve("host").flags
    kept = driver._local.sessions[flags]
    compile_module(ADD)
    assert driver._local.sessions[flags] is kept
    monkeypatch.setattr(driver, "_MAX_COMPILES", 0)
    compile_module(ADD)
    assert driver._local.sessions[flags] is not kept


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this operating system has no fork")
def test_a_forked_child_is_told_that_it_cannot_compile_instead_of_hanging():
    code = f"""
import os
from axil.compiler.driver import compile_module
compile_module('''{ADD}''')
child = os.fork()
if child == 0:
    try:
        compile_module('''{ADD}''')
    except Exception as error:
        os._exit(0 if "cannot compile in a forked process" in str(error) else 1)
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "0\n", done.stderr


def test_importing_the_driver_imports_no_compiler():
    code = "import sys, axil.compiler.driver, axil.compiler.cache, axil.compiler.artifact\n"
    code += "print([m for m in sys.modules if m.startswith(('iree', 'torch_mlir'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_locations_are_read_from_mlir():
    assert parse_location('loc("m.py":3:7)') == (Frame("m.py", 3, 7),)
    assert parse_location('loc(callsite("m.py":3:1 at callsite("f"("t.py":9:1) at "main.py":1:1)))') == (
        Frame("m.py", 3, 1),
        Frame("t.py", 9, 1),
        Frame("main.py", 1, 1),
    )
    assert parse_location("loc(unknown)") == parse_location('loc("-":1:1)') == ()


def test_diagnostics_are_read_from_iree():
    text = 'm.py:3:1: it failed: %0 = "op"() : () -> ()\n\nt.py:9:2: called from\n\nm.py:3:1: see current op'
    found = parse_diagnostic(2, text)
    assert (found.severity, found.message) == ("error", "it failed")
    assert found.frames == (Frame("m.py", 3, 1), Frame("t.py", 9, 2))


def test_what_compiles_only_without_fusion_is_compiled_so_and_a_warning_says_it(caplog):
    with caplog.at_level("WARNING", "axil.compiler"):
        vmfb = compile_module(TWO_CONVERSIONS, name="conversions")
    assert "conversions" in caplog.text and "without fusing" in caplog.text
    x, to = np.array(1.5, ml_dtypes.bfloat16), np.arange(21, dtype=np.float32)
    for index, expected in ((18, 1.5), (3, 18.0)):
        assert run(vmfb, x, np.full((4, 5), index, np.int32), to) == expected
