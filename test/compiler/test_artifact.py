"""Writing artifacts: deterministic, atomic, and readable by any zip tool. (Reading:
test/runtime/test_program.py.)"""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from axil.compiler.artifact import pack, safetensors, write
from axil.compiler.targets import resolve
from axil.runtime import ArtifactError, AxilError
from axil.runtime.artifact import Artifact, open_artifact, read_safetensors
from axil.runtime.buffers import ELEMENT_TYPES
from axil.runtime.signature import Signature

X = np.zeros((2, 3), np.float32)
FULL = {
    "name": "f",
    "programs": {resolve("x86-64-v3"): b"program 1", resolve("cuda"): b"program 2"},
    "signature": Signature.of(({"w": X},), X, names=("params",)),
    "weights": {"w0": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float64(3)},
    "source": "module {}",
    "cost": 1e6,
    "metadata": {"author": "me"},
}


def test_the_same_input_gives_the_same_bytes():
    first = pack(**FULL)
    time.sleep(0.01)
    again = FULL | {"programs": dict(reversed(FULL["programs"].items()))}
    assert pack(**again) == first
    assert pack(**(FULL | {"name": "g"})) != first


def test_everything_comes_back(tmp_path: Path):
    opened = open_artifact(write(tmp_path / "f.axil", **FULL))
    assert (opened.name, opened.cost, opened.metadata) == ("f", 1e6, {"author": "me"})
    assert opened.source == "module {}" and opened.signature == FULL["signature"]
    assert [(t.name, t.platform, opened.read(t.file)) for t in opened.targets] == [
        ("cuda-sm_80", "cuda", b"program 2"),
        ("x86-64-v3", "cpu", b"program 1"),
    ]
    weights = opened.weights()
    assert list(weights) == ["w0", "b"]
    assert np.array_equal(weights["w0"], FULL["weights"]["w0"]) and weights["b"] == 3


def test_any_zip_tool_can_read_it(tmp_path):
    with zipfile.ZipFile(write(tmp_path / "f.axil", **FULL)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "manifest.json",
            "programs/cuda-sm_80.vmfb",
            "programs/x86-64-v3.vmfb",
            "source.mlir",
            "weights.safetensors",
        ]
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["versions"]["iree-base-compiler"] == "3.13.0"
    assert "avx2" in manifest["targets"][1]["cpu_features"]


def test_a_file_repacked_by_another_tool_is_no_artifact_any_more(tmp_path):
    path = write(tmp_path / "f.axil", **FULL)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("programs/x86-64-v3.vmfb.orig", b"other")
    with pytest.raises(ArtifactError):
        open_artifact(path)


def test_writing_replaces_the_old_file_or_leaves_it(tmp_path, monkeypatch):
    path = write(tmp_path / "f.axil", **FULL)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            write(path, **(FULL | {"name": "g"}))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    write(path, **(FULL | {"name": "g"}))
    assert open_artifact(path).name == "g"


def test_weights_of_every_dtype_survive():
    arrays = {d.name: (np.arange(6).reshape(2, 3) % 2).astype(d) for d in ELEMENT_TYPES}
    arrays |= {"empty": np.zeros((0, 3), np.int8), "scalar": np.array(2.5), "strided": np.eye(4)[::2, ::-1]}
    back = read_safetensors(safetensors(arrays))
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes() and not back[name].flags.writeable


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(AxilError, match="weight 'w': arrays of dtype object"):
        safetensors({"w": np.array([None])})
    with pytest.raises(AxilError, match="weight 'w': arrays of dtype int1"):
        safetensors({"w": np.zeros(3, ml_dtypes.int1)})
    with pytest.raises(AxilError, match="give a program for one target at least"):
        pack(name="f", programs={}, signature=FULL["signature"])


def test_malformed_weights_are_refused():
    data = safetensors(FULL["weights"])
    for damaged in (b"", data[:4], data[:40], data[:-8], b"\xff" * 8 + data[8:]):
        with pytest.raises(ArtifactError, match="malformed weights"):
            read_safetensors(damaged)


def test_an_artifact_without_weights_or_source_is_fine():
    opened = Artifact(pack(name="f", programs=FULL["programs"], signature=FULL["signature"]), "f.axil")
    assert opened.weights() == {} and opened.source == ""
