"""`axil inspect` and `axil doctor`: what they show, and what they find wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Command

import axil.tools.doctor as doctor
from axil.compiler.targets import names


def test_what_an_artifact_holds(axil: Command, artifacts: Path) -> None:
    result = axil("inspect", artifacts / "predict.axil")
    assert result.status == 0
    assert result.out.startswith("predict(x: float32[4,6], shift: float32[]) -> {'shift': float32[], 'y': ")
    for line in ("  x      float32[4,6]", "  result['y']      float32[4,6]", "  host: cpu ", "weights: 96 bytes",
                 "  constant_0  float32[4,6]", "  iree-base-compiler 3."):  # fmt: skip
        assert f"\n{line}" in result.out, result.out
    assert "(this machine has them)" in result.out


def test_ir_and_manifest_alone(axil: Command, artifacts: Path) -> None:
    text = axil("inspect", artifacts / "predict.axil", "--ir").out
    assert text.startswith("module {") and '"axil.tanh"' in text and "func.func @main" in text
    manifest = json.loads(axil("inspect", artifacts / "predict.axil", "--json").out)
    assert manifest["name"] == "predict" and manifest["signature"]["names"] == ["x", "shift"]


def test_verify_reads_every_file(axil: Command, artifacts: Path) -> None:
    result = axil("inspect", artifacts / "predict.axil", "--verify")
    assert result.status == 0
    for file in ("programs/host.vmfb", "source.mlir", "weights.safetensors"):
        assert f"  {file} is right: " in result.out


def test_the_ir_of_an_artifact_compiles_again(axil: Command, artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "again.mlir").write_text(axil("inspect", artifacts / "square.axil", "--ir").out)
    assert axil("compile", tmp_path / "again.mlir", "-o", tmp_path / "again.axil").status == 0
    assert axil("run", tmp_path / "again.axil", "-i", "f32[3]=3").out == "float32[3]\n[9. 9. 9.]\n"


# ---- doctor --------------------------------------------------------------------------------------------


def test_doctor_of_a_sound_installation(axil: Command) -> None:
    result = axil("doctor")
    assert result.status == 0, result.out
    for text in ("axil 0.", "numpy ", "torch-mlir ", "iree-base-compiler 3.", "cpu: CpuDevice(id=0)",
                 "entries, ", "AXIL_CACHE_DIR", "cpu: works ("):  # fmt: skip
        assert text in result.out
    for name in names():
        assert f"\n  {name} " in result.out
    assert "runs here" in result.out and "default here" in result.out


def test_doctor_tells_how_to_get_a_missing_device() -> None:
    lines = doctor.devices_text({"vulkan": "no vulkan device on this machine"})
    assert lines == [f"vulkan: no vulkan device on this machine; {doctor.WAYS_OUT['vulkan']}"]
    assert "apt-get install libvulkan1" in lines[0]


def test_doctor_tells_what_is_missing(axil: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.PACKAGES, "a-package-that-is-not-there", "a test needs it")
    result = axil("doctor", "--quick")
    assert result.status == 1
    assert "a-package-that-is-not-there is missing; a test needs it" in result.out
    assert "pip install a-package-that-is-not-there" in result.out


def test_doctor_of_a_device_that_fails(axil: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: object) -> None:
        raise RuntimeError("on fire")

    monkeypatch.setattr(doctor, "_try", broken)
    monkeypatch.setattr(doctor, "find_devices", lambda quick: {"cpu": __import__("axil.runtime").runtime.devices()})
    result = axil("doctor")
    assert result.status == 1 and "cpu: failed: RuntimeError: on fire" in result.out


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [("AXIL_CACHE", "0", "off (AXIL_CACHE=0)"), ("AXIL_CACHE_DIR", "/dev/null/x", "cannot be written")],
)
def test_doctor_of_an_unusual_cache(
    axil: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, text: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = axil("doctor", "--quick")
    assert result.status == 0 and text in result.out and f" {value} " in result.out


def test_every_variable_that_is_read_is_listed() -> None:
    import re

    root = Path(str(doctor.__file__)).resolve().parents[1]
    found: set[str] = set()
    for floor in ("runtime", "compiler", "dialects", "frontend", "tools"):
        for path in (root / floor).rglob("*.py"):
            found |= set(re.findall(r"""["'](AXIL_[A-Z0-9_]+)["']""", path.read_text()))
    assert found == set(doctor.VARIABLES)
