"""The target table: every name resolves, every unknown name is refused before IREE could crash on it."""

from __future__ import annotations

import dataclasses

import pytest

import axil.runtime as rt
from axil.compiler import targets
from axil.compiler.diagnostics import TargetError
from axil.compiler.targets import CPU_FEATURES, CPUS, for_device, names, resolve
from axil.runtime.cpu import COMPARED


def test_the_default_is_this_machine_with_its_features_recorded():
    target = resolve()
    assert (target.name, target.platform, target.arch) == ("host", "cpu", rt.host_arch())
    assert set(target.cpu_features) == rt.host_features()
    assert target.runs_here and resolve(target) is target


@pytest.mark.parametrize("name", names())
def test_every_entry_is_complete(name):
    target = resolve(name)
    assert target.name == name and target.reason and target.effect
    assert "--iree-input-demote-f64-to-f32=false" in target.flags, "f64 must stay f64"
    assert any(flag.startswith("--iree-hal-target-device=") for flag in target.flags), "makes @__device_0"
    assert (target.fallback is not None) == (target.platform == "cpu")
    assert name in target.fingerprint()


def test_aliases_lead_to_entries():
    for alias, name in targets._ALIASES.items():
        assert resolve(alias).name == name
    assert resolve("sm_80").name == resolve("CUDA").name == "cuda-sm_80"
    assert resolve("vulkan").name == "vulkan-llvmpipe"


def test_cpu_models_are_targets_too():
    assert resolve("znver4").arch == "x86_64" and resolve("apple-m1").arch == "aarch64"
    assert resolve("x86-64", cpu="skylake") == resolve("skylake")
    assert "--iree-llvmcpu-target-cpu=skylake" in resolve("skylake").flags
    assert "avx2" in resolve("haswell").cpu_features and "avx512f" not in resolve("haswell").cpu_features


def test_the_features_of_every_cpu_model_are_known_and_can_be_checked():
    assert set(CPU_FEATURES) == {cpu for cpus in CPUS.values() for cpu in cpus}
    for arch, cpus in CPUS.items():
        for cpu in cpus:
            assert set(CPU_FEATURES[cpu]) <= COMPARED[arch], cpu
            assert resolve(cpu).cpu_features == CPU_FEATURES[cpu]


@pytest.mark.parametrize(
    ("name", "cpu", "message"),
    [
        ("hots", None, "unknown target 'hots'. Did you mean 'host'"),
        ("cuda-sm80", None, "Did you mean 'cuda-sm_80'"),
        ("risc-v", None, "unknown target 'risc-v'.*Known: host"),
        ("", "znver9", "unknown CPU 'znver9' for x86_64. Did you mean 'znver5'"),
        ("aarch64", "haswell", "unknown CPU 'haswell' for aarch64"),
        ("vulkan", "haswell", "'vulkan-llvmpipe' has no CPU models"),
        ("sm_90", None, "cannot compile for 'sm_90'.*Use 'cuda-sm_80'"),
        ("cuda-sm_100", None, "Use 'cuda-sm_80'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(name, cpu, message):
    if not name and rt.host_arch() != "x86_64":
        pytest.skip("the example is for x86-64")
    with pytest.raises(TargetError, match=message):
        resolve(name, cpu)


def test_a_target_may_run_here_or_not():
    foreign = "aarch64" if rt.host_arch() == "x86_64" else "x86-64"
    assert not resolve(foreign).runs_here
    assert resolve("vulkan").runs_here
    lacking = COMPARED[rt.host_arch()] - rt.host_features()
    if lacking:
        needs_more = dataclasses.replace(resolve("host"), cpu_features=(sorted(lacking)[0],))
        assert not needs_more.runs_here


def test_every_device_has_its_target():
    class Fake:
        def __init__(self, platform: str, kind: str):
            self.platform, self.device_kind = platform, kind

    assert for_device(rt.default_device()).name == "host"
    for platform, kind, name in [
        ("vulkan", "llvmpipe (LLVM 15.0.6, 256 bits)", "vulkan-llvmpipe"),
        ("vulkan", "NVIDIA GeForce RTX 3090", "vulkan-ampere"),
        ("vulkan", "Some Other GPU", "vulkan-baseline"),
        ("cuda", "NVIDIA H100", "cuda-sm_80"),
    ]:
        assert for_device(Fake(platform, kind)).name == name
