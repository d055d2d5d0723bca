"""What the CPU of this machine can do, in LLVM's feature names.

A program compiled for instructions that a CPU lacks kills the process with SIGILL when it is called; nothing
checks that at load time. So artifacts list the features they need, and are refused before loading where one
is missing.

Only features that change the code of numerical programs are compared (not, say, `pku` or `wbnoinvd`).
"""

from __future__ import annotations

import functools
import platform
import subprocess

# LLVM name -> name in the `flags` line of /proc/cpuinfo, where they differ.
_X86 = {
    "sse3": "pni", "ssse3": "ssse3", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "sse4a": "sse4a",
    "popcnt": "popcnt", "avx": "avx", "avx2": "avx2", "fma": "fma", "fma4": "fma4", "xop": "xop",
    "tbm": "tbm", "f16c": "f16c", "bmi": "bmi1", "bmi2": "bmi2", "lzcnt": "abm", "movbe": "movbe",
    "cx16": "cx16", "adx": "adx", "aes": "aes", "pclmul": "pclmulqdq", "vaes": "vaes",
    "vpclmulqdq": "vpclmulqdq", "gfni": "gfni", "sha": "sha_ni", "avx512f": "avx512f",
    "avx512bw": "avx512bw", "avx512cd": "avx512cd", "avx512dq": "avx512dq", "avx512vl": "avx512vl",
    "avx512ifma": "avx512ifma", "avx512vbmi": "avx512vbmi", "avx512vbmi2": "avx512_vbmi2",
    "avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16", "avx512bitalg": "avx512_bitalg",
    "avx512fp16": "avx512_fp16", "avx512vpopcntdq": "avx512_vpopcntdq",
    "avx512vp2intersect": "avx512_vp2intersect", "avxvnni": "avx_vnni", "avxvnniint8": "avx_vnni_int8",
    "avxvnniint16": "avx_vnni_int16", "avxifma": "avx_ifma", "avxneconvert": "avx_ne_convert",
    "amx-tile": "amx_tile", "amx-int8": "amx_int8", "amx-bf16": "amx_bf16", "amx-fp16": "amx_fp16",
}  # fmt: skip

# LLVM name -> name in the `Features` line of /proc/cpuinfo on aarch64.
_ARM = {
    "fp-armv8": "fp", "neon": "asimd", "aes": "aes", "sha2": "sha2", "sha3": "sha3", "crc": "crc32",
    "lse": "atomics", "fullfp16": "asimdhp", "fp16fml": "asimdfhm", "rdm": "asimdrdm",
    "dotprod": "asimddp", "complxnum": "fcma", "jsconv": "jscvt", "rcpc": "lrcpc", "i8mm": "i8mm",
    "bf16": "bf16", "sve": "sve", "sve2": "sve2", "sme": "sme", "sme2": "sme2",
}  # fmt: skip

# LLVM name -> `sysctl hw.optional.arm.*` on macOS.
_MAC_ARM = {
    "aes": "FEAT_AES", "sha2": "FEAT_SHA256", "sha3": "FEAT_SHA3", "lse": "FEAT_LSE",
    "fullfp16": "FEAT_FP16", "fp16fml": "FEAT_FHM", "rdm": "FEAT_RDM", "dotprod": "FEAT_DotProd",
    "complxnum": "FEAT_FCMA", "jsconv": "FEAT_JSCVT", "rcpc": "FEAT_LRCPC", "i8mm": "FEAT_I8MM",
    "bf16": "FEAT_BF16", "sme": "FEAT_SME", "sme2": "FEAT_SME2", "crc": "FEAT_CRC32",
}  # fmt: skip

COMPARED = {"x86_64": frozenset(_X86), "aarch64": frozenset(_ARM)}

_ARCH_NAMES = {"amd64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64"}


def host_arch() -> str:
    """'x86_64', 'aarch64', or what the platform calls itself."""
    machine = platform.machine().lower()
    return _ARCH_NAMES.get(machine, machine)


@functools.cache
def host_features() -> frozenset[str]:
    """The compared features (LLVM names) that this CPU and its operating system offer."""
    arch = host_arch()
    system = platform.system()
    if system == "Linux":
        names = _X86 if arch == "x86_64" else _ARM if arch == "aarch64" else {}
        present = _proc_cpuinfo()
        return frozenset(llvm for llvm, linux in names.items() if linux in present)
    if system == "Darwin" and arch == "aarch64":
        present = _sysctl_arm()
        found = {llvm for llvm, mac in _MAC_ARM.items() if mac in present}
        return frozenset(found | {"fp-armv8", "neon"})
    if system == "Darwin":
        return frozenset(_sysctl_x86() & set(_X86))
    return frozenset()


def can_detect() -> bool:
    """Whether this operating system tells what its CPU can do."""
    return bool(host_features())


def missing_features(required: frozenset[str] | set[str] | tuple[str, ...] | list[str]) -> list[str]:
    """Those of `required` (LLVM names) that this CPU lacks; names that are not compared are taken as
    present."""
    compared = COMPARED.get(host_arch(), frozenset())
    return sorted((set(required) & compared) - host_features())


def _proc_cpuinfo() -> set[str]:
    """The features that every core has: on big.LITTLE machines cores differ."""
    common: set[str] | None = None
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() in ("flags", "Features"):
                    names = set(value.split())
                    common = names if common is None else common & names
    except OSError:
        pass
    return common or set()


def _sysctl(name: str) -> str:
    try:
        return subprocess.run(["sysctl", name], capture_output=True, text=True, timeout=5).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _sysctl_arm() -> set[str]:
    found = set()
    for line in _sysctl("hw.optional").splitlines():
        key, _, value = line.partition(":")
        if value.strip() == "1":
            found.add(key.rsplit(".", 1)[-1].strip())
    if "armv8_crc32" in found:
        found.add("FEAT_CRC32")
    return found


def _sysctl_x86() -> set[str]:
    text = _sysctl("machdep.cpu.features") + _sysctl("machdep.cpu.leaf7_features")
    text += _sysctl("machdep.cpu.extfeatures")
    names = set(text.lower().replace("avx1.0", "avx").replace("pclmulqdq", "pclmul").split())
    return names | ({"bmi"} if "bmi1" in names else set())
