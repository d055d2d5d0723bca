"""Artifacts: loaded, checked, called. A damaged or unsuited one is refused before its code can run."""

from __future__ import annotations

import dataclasses
import gc
import random
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from _programs import GUARDED_SORT, IDENTITY, binary, compiled

import axil.runtime as rt
from axil.compiler.artifact import pack, write
from axil.compiler.targets import Target, resolve
from axil.runtime import ArtifactError, IncompatibleArtifactError, SignatureError, artifact
from axil.runtime.signature import Signature

X = np.arange(4, dtype=np.float32)
Pair = namedtuple("Pair", ["first", "second"])


def build(text: str, signature: Signature, target: str | Target = "host", **more) -> bytes:
    name = more.pop("name", "prog")
    target = resolve(target)
    return pack(name=name, programs={target: compiled(text)}, signature=signature, **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    data = build(
        binary("add", "4"), Signature.of(({"a": X, "b": X},), Pair(X, None), names=("p",)), source="// IR"
    )
    file = tmp_path / "add.axil"
    file.write_bytes(data)
    return file


def test_a_program_is_called_as_the_function_was(path):
    program = rt.load(path)
    result = program({"a": X, "b": X + 1})
    assert type(result).__name__ == "Pair" and result.second is None
    assert result.first.tolist() == [1, 3, 5, 7] and result.first.dtype == np.float32
    assert np.array_equal(program(p={"b": X, "a": X}).first, X + X)
    assert repr(program).startswith(
        "Program(prog(p: {'a': float32[4], 'b': float32[4]}) -> Pair(first=float32[4]"
    )


def test_an_artifact_can_be_looked_into_without_loading(path):
    opened = artifact.open_artifact(path)
    assert (opened.name, opened.source, [t.name for t in opened.targets]) == ("prog", "// IR", ["host"])
    assert opened.versions["iree-base-compiler"] == "3.13.0"
    assert set(opened.targets[0].cpu_features) == set(rt.host_features())


def test_wrong_calls_are_refused_and_the_program_stays_usable(path):
    program = rt.load(path)
    for arguments, message in [
        ((), "takes 1 positional argument, got 0"),
        ((X, X), "takes 1 positional argument, got 2"),
        (({"a": X},), r"p: expected the keys \['a', 'b'\]: missing \['b'\]"),
        (({"a": X, "b": X[:3]},), r"p\['b'\] must be float32\[4\], got float32\[3\]"),
        (({"a": X, "b": X.astype(int)},), r"p\['b'\] must be float32\[4\], got int64\[4\]"),
        (({"a": X, "b": [1, 2, 3, 4]},), r"p\['b'\]: expected an array, got a list of 4"),
    ]:
        with pytest.raises(SignatureError, match=message):
            program(*arguments)
    assert program({"a": X, "b": X}).first.tolist() == [0, 2, 4, 6]


def test_constants_of_the_program_are_its_first_arguments(tmp_path):
    weights = {"w": np.full(4, 10, np.float32)}
    file = write(
        tmp_path / "scaled.axil",
        name="scaled",
        programs={resolve("host"): compiled(binary("multiply", "4"))},
        signature=Signature.of((X,), X),
        weights=weights,
    )
    program = rt.load(file)
    assert program(X).tolist() == [0, 10, 20, 30]
    assert list(program.artifact.weights()) == ["w"]


def test_inputs_are_untouched_and_results_do_not_share_their_memory(tmp_path):
    array = rt.aligned_empty((1024,), np.float32)
    array[:] = np.random.default_rng(0).standard_normal(1024)
    before = array.copy()
    (tmp_path / "sort.axil").write_bytes(build(GUARDED_SORT, Signature.of((array,), array)))
    ordered = rt.load(tmp_path / "sort.axil")(array)
    assert np.array_equal(array, before) and np.array_equal(ordered, np.sort(before))

    (tmp_path / "same.axil").write_bytes(build(IDENTITY, Signature.of((array,), (array, array))))
    same, _ = rt.load(tmp_path / "same.axil")(array)
    array[:] = 0
    assert np.array_equal(same, before)


def test_results_outlive_the_program(path):
    result = rt.load(path)({"a": X, "b": X}).first
    gc.collect()
    assert result.tolist() == [0, 2, 4, 6]


def test_a_thousand_bit_flips_are_all_refused(path):
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(1000):
        bit = rng.randrange(len(whole) * 8)
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ArtifactError, match="damaged|no Axil artifact"):
            artifact.Artifact(bytes(damaged), "flipped.axil")


def test_every_truncation_and_every_other_file_is_refused(path, tmp_path):
    whole = path.read_bytes()
    for length in {0, 1, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match="Compile or copy it again"):
            rt.load(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ArtifactError):
        rt.load(path)
    with pytest.raises(ArtifactError, match="no Axil artifact"):
        rt.load(__file__)
    with pytest.raises(FileNotFoundError):
        rt.load(tmp_path / "missing.axil")


def test_cpu_features_that_this_machine_lacks_are_refused_before_loading(tmp_path):
    if rt.host_arch() != "x86_64":
        pytest.skip("the example is for x86-64")
    lacking = "avx512f" if "avx512f" not in rt.host_features() else "amx-fp16"
    if lacking in rt.host_features():
        pytest.skip("this CPU has everything the test could ask for")
    target = dataclasses.replace(resolve("x86-64-v3"), cpu_features=("avx2", lacking))
    file = tmp_path / "new.axil"
    file.write_bytes(build(binary("add", "4"), Signature.of((X, X), X), target))
    with pytest.raises(IncompatibleArtifactError) as caught:
        rt.load(file)
    assert f"target 'x86-64-v3' needs the CPU features {lacking}" in str(caught.value)
    assert "axil compile ... --target x86-64" in str(caught.value)


def test_other_architectures_and_devices_are_refused_with_the_way_out(tmp_path):
    other = "aarch64" if rt.host_arch() == "x86_64" else "x86-64"
    programs = {resolve(other): b"not loaded", resolve("cuda-sm_80"): b"not loaded"}
    file = write(tmp_path / "a.axil", name="f", programs=programs, signature=Signature.of((X, X), X))
    with pytest.raises(IncompatibleArtifactError) as caught:
        rt.load(file)
    text = str(caught.value)
    assert f"target {other!r} is for {resolve(other).arch}" in text
    assert "target 'cuda-sm_80' is for cuda devices" in text and "--target" in text
    with pytest.raises(IncompatibleArtifactError, match=r"has no target 'vulkan'; it has \["):
        rt.load(file, target="vulkan")


def test_the_best_program_for_the_machine_is_chosen(tmp_path):
    if rt.host_arch() != "x86_64":
        pytest.skip("the example is for x86-64")
    programs = {resolve(name): compiled(binary("add", "4"), name) for name in ("x86-64", "host")}
    programs |= {resolve("aarch64"): b"", resolve("vulkan"): b""}
    file = write(tmp_path / "fat.axil", name="f", programs=programs, signature=Signature.of((X, X), X))
    assert rt.load(file).target.name == "host"
    portable = rt.load(file, target="x86-64")
    assert portable.target.name == "x86-64" and portable(X, X).tolist() == [0, 2, 4, 6]


def test_a_newer_format_is_refused(monkeypatch):
    import axil.compiler.artifact as writer

    monkeypatch.setattr(writer, "FORMAT", 2)
    data = build(binary("add", "4"), Signature.of((X, X), X))
    with pytest.raises(IncompatibleArtifactError, match="has format 2; this runtime reads format 1"):
        artifact.Artifact(data, "new.axil")
