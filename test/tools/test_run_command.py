"""`axil run`: inputs from files and texts, results to files, and calls that do not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from conftest import Command

from axil import ShapeDtypeStruct, aot
from axil.tools.mlir_file import UserError
from axil.tools.run import parse_type, parse_value

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
Y = np.tanh(X * np.arange(24, dtype=np.float32).reshape(4, 6))


def test_from_file_to_file(axil: Command, artifacts: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    argv = ["run", artifacts / "predict.axil", "--input", tmp_path / "x.npy", "--input", "2"]
    result = axil(*argv, "--output", tmp_path / "shift.npy", "--output", tmp_path / "y")
    assert (result.status, result.out, result.err) == (0, "", "")
    np.testing.assert_allclose(np.load(tmp_path / "y"), Y, 1e-5, 1e-6)
    assert np.load(tmp_path / "shift.npy") == np.float32(2)


def test_to_the_screen(axil: Command, artifacts: Path) -> None:
    result = axil("run", artifacts / "square.axil", "-i", "f32[3]=1,2,3")
    assert (result.status, result.out) == (0, "float32[3]\n[1. 4. 9.]\n")
    several = axil("run", artifacts / "predict.axil", "-i", "f32[4,6]=0", "-i", "f32[]=-1", "--device", "cpu:0")
    assert several.out.startswith("0: result['shift'] float32[]\n-1.0\n1: result['y'] float32[4,6]\n[[0.")


def test_repeat_says_how_long_a_call_takes(axil: Command, artifacts: Path) -> None:
    result = axil("run", artifacts / "square.axil", "-i", "f32[3]=1", "--repeat", "5")
    assert "5 calls on CpuDevice(id=0): median " in result.out and result.out.startswith("float32[3]\n[1. 1. 1.]")


def test_bfloat16_through_npy_files(axil: Command, tmp_path: Path) -> None:
    """NumPy's files do not know the dtype; the artifact does."""
    a = np.arange(4).astype(ml_dtypes.bfloat16)
    aot.save(tmp_path / "same.axil", lambda x: x, a)
    np.save(tmp_path / "a.npy", a)
    out = tmp_path / "out.npy"
    assert axil("run", tmp_path / "same.axil", "-i", tmp_path / "a.npy", "-o", out).status == 0
    assert np.load(out).view(ml_dtypes.bfloat16).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "square takes 1 input (x: float32[3]), got 0 --input"),
        (["f32[3]=1", "1"], "got 2 --input"),
        (["f32[4]=1"], "x must be float32[3], got float32[4]"),
        (["i32[3]=1"], "x must be float32[3], got int32[3]; nothing is cast silently"),
        (["1.5"], "x must be float32[3], got float32[]"),
        (["no.npy"], "no.npy: No such file or directory"),
        (["what"], "'what' is none of them"),
        (["f32[3]=1,2"], "f32[3] needs 3 values, or one for all, got '1,2'"),
        (["f32[3]=1,x,2"], "needs 3 values"),
        (["f99[3]=1"], "unknown dtype 'f99'"),
    ],
)
def test_inputs_that_do_not_fit(axil: Command, artifacts: Path, inputs: list[str], message: str) -> None:
    result = axil("run", artifacts / "square.axil", *[x for text in inputs for x in ("--input", text)])
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("axil: error: ") and message in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "a", "-o", "b"], "square has 1 result, got 2 --output"),
        (["--device", "tpu"], "unknown platform 'tpu'"),
        (["--device", "cpu:7"], "there is no device 'cpu:7'"),
        (["--target", "aarch64"], "has no target 'aarch64'; it has ['host']"),
        (["-o", "no/such/folder/y.npy"], "no/such/folder/y.npy: No such file or directory"),
    ],
)
def test_options_that_do_not_fit(axil: Command, artifacts: Path, options: list[str], message: str) -> None:
    result = axil("run", artifacts / "square.axil", "-i", "f32[3]=1", *options)
    assert result.status == 1 and message in result.err


def test_damaged_artifacts(axil: Command, artifacts: Path, tmp_path: Path) -> None:
    good = (artifacts / "square.axil").read_bytes()
    bad = tmp_path / "bad.axil"
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 4
    for content in (good[:-1], good[: len(good) // 2], b"", b"PK", bytes(flipped), good + b"x"):
        bad.write_bytes(content)
        for argv in (["run", bad, "-i", "f32[3]=1"], ["inspect", bad]):
            result = axil(*argv)
            assert (result.status, result.out) == (1, "")
            assert "is damaged" in result.err or "is no Axil artifact" in result.err


def test_a_damaged_input_file(axil: Command, artifacts: Path, tmp_path: Path) -> None:
    for content in (b"", b"not an array", b"\x93NUMPY\x01\x00v"):
        (tmp_path / "x.npy").write_bytes(content)
        result = axil("run", artifacts / "square.axil", "-i", tmp_path / "x.npy")
        assert result.status == 1 and "is no .npy file that can be read" in result.err


def test_an_artifact_for_another_machine(axil: Command, tmp_path: Path) -> None:
    aot.save(tmp_path / "arm.axil", lambda x: x, ShapeDtypeStruct((3,), "float32"), targets="aarch64")
    result = axil("run", tmp_path / "arm.axil", "-i", "f32[3]=1")
    assert result.status == 1 and "target 'aarch64' is for aarch64" in result.err and "--target" in result.err


def test_only_the_runtime_is_imported(artifacts: Path) -> None:
    code = f"""
import sys
from axil.tools.cli import main
assert main(["run", {str(artifacts / "predict.axil")!r}, "-i", "f32[4,6]=1", "-i", "3"]) == 0
assert main(["inspect", {str(artifacts / "predict.axil")!r}]) == 0
floors = ("torch_mlir", "iree.compiler", "optree", "axil.compiler", "axil.dialects", "axil.core", "axil.numpy")
print([m for m in floors if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


# ---- texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("f32[2,2]=1,2,3,4", np.array([[1, 2], [3, 4]], np.float32)),
        ("i8[3]=-5", np.array([-5, -5, -5], np.int8)),
        ("bool[2]=true,0", np.array([True, False])),
        ("f64[]=1e-3", np.array(1e-3)),
        ("c64[1]=1+2j", np.array([1 + 2j], np.complex64)),
        ("u64[1]=18446744073709551615", np.array([2**64 - 1], np.uint64)),
        ("float16[2]=inf,nan", np.array([np.inf, np.nan], np.float16)),
        ("f32[0]=", np.zeros(0, np.float32)),
    ],
)
def test_an_array_written_out(text: str, want: np.ndarray) -> None:
    got = parse_value(text)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("text", ["u8[1]=300", "i32[1]=1.5", "f32[1]=1j"])
def test_values_that_the_dtype_cannot_hold(text: str) -> None:
    with pytest.raises(UserError, match="cannot hold"):
        parse_value(text)


def test_types() -> None:
    assert parse_type(" bf16[ 2, 3 ]") == ((2, 3), np.dtype(ml_dtypes.bfloat16))
    for text in ("f32", "f32[-1]", "[3]", "f32[3]x"):
        with pytest.raises(UserError, match="is no array type"):
            parse_type(text)
