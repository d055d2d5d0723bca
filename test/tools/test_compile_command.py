"""`axil compile`: Python functions and .mlir files into artifacts, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Command

from axil.runtime import load

MLIR = """func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = "axil.sin"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = func.call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.add %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
"""
ONES = np.ones(4, np.float32)

# ---- what works ----------------------------------------------------------------------------------------


def test_a_function_of_a_file(axil: Command, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    result = axil("compile", "model.py:predict", "--args", "f32[4,6],f32[]")
    assert result.status == 0, result.err
    assert result.out.startswith("predict(x: float32[4,6], shift: float32[]) -> {'shift': float32[], 'y'")
    assert "wrote predict.axil: host; " in result.out
    x = np.full((4, 6), 0.1, np.float32)
    got = load("predict.axil")(x, 2.0)
    np.testing.assert_allclose(got["y"], np.tanh(x * np.arange(24, dtype=np.float32).reshape(4, 6)), 1e-5, 1e-6)
    assert got["shift"] == 2


def test_jitted_and_batched_functions_and_static_values(axil: Command, model: Path, tmp_path: Path) -> None:
    for function, types, arguments, want in (
        ("square", "f32[4]", [3 * ONES], 9 * ONES),
        ("rows", "f32[2,4], f32[4]", [np.ones((2, 4), np.float32), ONES], np.full((2, 4), 2)),
        ("power", "f32[4], 3", [2 * ONES], 16 * ONES),
    ):
        output = tmp_path / "out.axil"
        result = axil("compile", f"{model}:{function}", "--args", types, "-o", output)
        assert result.status == 0, result.err
        np.testing.assert_allclose(load(output)(*arguments), want)


def test_trees_and_keywords(axil: Command, model: Path, tmp_path: Path) -> None:
    types = "{'w': f32[2]}, (i32[3], f32[]), scale=f32[2]"
    result = axil("compile", f"{model}:nested", "--args", types, "-o", tmp_path / "n.axil", "--name", "net")
    assert result.status == 0, result.err
    program = load(tmp_path / "n.axil")
    assert program.name == "net"
    two = np.full(2, 2, np.float32)
    got = program({"w": two}, (np.arange(3, dtype=np.int32), 5.0), scale=two)
    assert [x.tolist() for x in got] == [[4, 4], 5, [0, 1, 2]]


def test_64_bit_types_are_asked_for(axil: Command, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "wide.axil"
    result = axil("compile", f"{model}:square", "--args", "f64[2]", "-o", output)
    assert result.status == 1 and "add --x64" in result.err
    assert axil("compile", f"{model}:square", "--args", "f64[2]", "-o", output, "--x64").status == 0
    assert load(output)(np.array([3.0, 0.1])).dtype == np.float64


def test_several_targets(axil: Command, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "s.axil"
    argv = ["compile", f"{model}:square", "--args", "f32[4]", "-o", output, "-t", "x86-64", "-t", "aarch64"]
    result = axil(*argv)
    assert result.status == 0 and "aarch64, x86-64;" in result.out
    assert axil(*argv[:-2], "--cpu", "znver3").status == 0
    assert "znver3" in axil("inspect", output).out


def test_an_mlir_file(axil: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.mlir").write_text(MLIR)
    assert axil("compile", "f.mlir").status == 0
    sine, twice = load("f.axil")(ONES)
    np.testing.assert_allclose(sine, np.sin(ONES), 1e-6)
    assert np.array_equal(twice, 2 * ONES)
    assert axil("compile", "f.mlir", "--function", "twice", "-o", "t.axil").status == 0
    assert np.array_equal(load("t.axil")(ONES), 2 * ONES) and load("t.axil").name == "twice"


# ---- what is wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "types", "message"),
    [
        ("predct", "f32[4]", "has no function 'predct'; did you mean 'predict'?"),
        ("NUMBER", "f32[4]", "'NUMBER' is int, not a function"),
        ("square", "f32[4", "cannot read --args 'f32[4'; write it as in"),
        ("square", "f31[4]", "unknown dtype 'f31'; the dtypes are f16, bf16, f32"),
        ("square", "f32[n]", "'f32[n]' is no array type"),
        ("square", "float", "'float' is no type and no value"),
        ("predict", "f32[4,6]", "cannot be called with --args 'f32[4,6]': missing a required argument: 'shift'"),
        ("predict", None, "cannot be called with no --args: missing a required argument: 'x'"),
        ("square", "f32[2], f32[2]", "too many positional arguments"),
        ("square", "name=f32[2]", "'name' cannot be set by --args"),
    ],
)
def test_a_wrong_function_or_arguments(
    axil: Command, model: Path, function: str, types: str | None, message: str
) -> None:
    arguments = [] if types is None else ["--args", types]
    result = axil("compile", f"{model}:{function}", *arguments)
    assert result.status == 1 and result.out == ""
    assert result.err.startswith("axil: error: ") and message in result.err


@pytest.mark.parametrize(
    ("function", "types", "place", "message"),
    [
        ("mismatch", "f32[3]", ":30, in mismatch", "f32[3]"),
        ("branch", "f32[]", ":34, in branch", "the truth value of a traced"),
        ("attribute", "f32[3]", ":40:12: error: AttributeError", "no_such_thing"),
    ],
)
def test_an_error_in_the_users_function_names_the_line(
    axil: Command, model: Path, function: str, types: str, place: str, message: str
) -> None:
    result = axil("compile", f"{model}:{function}", "--args", types)
    assert result.status == 1 and "Traceback" not in result.err
    assert f"{model}{place}" in result.err and message in result.err


@pytest.mark.parametrize(
    ("text", "place"),
    [("def f(x:\n", ":1:6: error: SyntaxError"), ("x = 1\nimport nowhere_to_be_found\n", ":2:1: error: Module")],
)
def test_a_file_that_cannot_be_imported(axil: Command, tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    result = axil("compile", f"{tmp_path}/broken.py:f")
    assert result.status == 1 and result.err.startswith(f"{tmp_path}/broken.py{place}"), result.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-t", "hots"], "unknown target 'hots'. Did you mean 'host'?"),
        (["-t", "sm_90"], "no such GPU target"),
        (["--cpu", "znver33"], "unknown CPU 'znver33'"),
        (["-t", "vulkan", "--cpu", "znver3"], "has no CPU models"),
        (["-o", "no/such/folder/x.axil"], "there is no folder no/such/folder"),
        (["-o", "."], "it is a folder"),
    ],
)
def test_wrong_options(axil: Command, model: Path, argv: list[str], message: str) -> None:
    result = axil("compile", f"{model}:square", "--args", "f32[4]", *argv)
    assert result.status == 1
    assert result.err.startswith("axil: error: ") and message in result.err


@pytest.mark.parametrize("source", ["model.py", "model.py:", ":f", "not a module:f", "no_such_module:f"])
def test_a_source_that_says_too_little(axil: Command, model: Path, source: str) -> None:
    result = axil("compile", source)
    assert result.status == 1 and result.err.startswith("axil: error: ")


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("\nfunc.func @main(\n", "2:17", "expected"),
        (MLIR.replace("axil.sin", "axil.sinn"), "2:8", "axil.sinn"),
        (MLIR.replace("axil.sin", "axil.reshape"), "2:8", "needs attribute 'shape'"),
        (MLIR.replace("%x : tensor<4xf32>\n  return", "%x : tensor<5xf32>\n  return"), "7:22", ""),
        ("\nfunc.func @main(%x: tensor<?xf32>) { return }", "2:1", "arrays of fixed shape"),
    ],
)
def test_malformed_mlir_is_placed(axil: Command, tmp_path: Path, text: str, place: str, message: str) -> None:
    file = tmp_path / "bad.mlir"
    file.write_text(text)
    result = axil("compile", file, "-o", tmp_path / "bad.axil")
    assert result.status == 1 and not (tmp_path / "bad.axil").exists()
    assert result.err.startswith(f"{file}:{place}: error: ") and message in result.err, result.err


def test_an_mlir_file_without_the_function(axil: Command, tmp_path: Path) -> None:
    file = tmp_path / "f.mlir"
    file.write_text(MLIR)
    result = axil("compile", file, "--function", "thrice")
    assert result.status == 1 and "no function @thrice" in result.err and "@main, @twice" in result.err
    assert "--args is for Python" in axil("compile", file, "--args", "f32[4]").err
