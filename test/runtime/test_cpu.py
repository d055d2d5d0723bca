"""What the CPU can do is read from the operating system, in LLVM's names."""

from __future__ import annotations

import io

import pytest

from axil.runtime import cpu


@pytest.fixture(autouse=True)
def _uncached():
    cpu.host_features.cache_clear()
    yield
    cpu.host_features.cache_clear()


def pretend(monkeypatch, system: str, machine: str, cpuinfo: str = "", sysctl: str = "") -> None:
    monkeypatch.setattr(cpu.platform, "system", lambda: system)
    monkeypatch.setattr(cpu.platform, "machine", lambda: machine)
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO(cpuinfo))
    monkeypatch.setattr(cpu, "_sysctl", lambda _: sysctl)


def test_linux_names_become_llvm_names(monkeypatch):
    pretend(monkeypatch, "Linux", "x86_64", "flags\t\t: fpu pni sse4_1 abm bmi1 avx512_vbmi2\n")
    assert cpu.host_features() == {"sse3", "sse4.1", "lzcnt", "bmi", "avx512vbmi2"}
    assert cpu.missing_features(["sse3", "avx2", "x87"]) == ["avx2"], "x87 is not compared"


def test_only_what_every_core_has_counts(monkeypatch):
    pretend(monkeypatch, "Linux", "aarch64", "Features\t: fp asimd sve\n\nFeatures\t: fp asimd asimddp\n")
    assert cpu.host_features() == {"fp-armv8", "neon"}


def test_macs_are_asked_by_sysctl(monkeypatch):
    answer = "hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_BF16: 0\nhw.optional.armv8_crc32: 1\n"
    pretend(monkeypatch, "Darwin", "arm64", sysctl=answer)
    assert cpu.host_arch() == "aarch64"
    assert cpu.host_features() == {"fp-armv8", "neon", "dotprod", "crc"}


def test_where_nothing_is_known_everything_is_missing(monkeypatch):
    pretend(monkeypatch, "Windows", "AMD64")
    assert cpu.host_arch() == "x86_64"
    assert cpu.missing_features(["avx2"]) == ["avx2"] and cpu.missing_features([]) == []


def test_this_machine_runs_what_iree_compiles_for_it():
    assert cpu.missing_features(cpu.host_features()) == []
