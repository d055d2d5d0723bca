"""The target table: for each name the flags, why they are set, and what they were measured to do.

Wrong flags cost 25 times on a matmul, and IREE crashes the process on an unknown target, so nothing else in
Axil passes flags, and every name is checked here first (`resolve`).

The CPU flags, measured on 2 cores of a Zen 3 (IREE 3.13; times relative to NumPy 2.4 / JAX 0.10):

| flags | f32 matmul 1024, 2048 | MLP step 784-512-256-10 | row sum 1024x1024 | verdict |
|---|---|---|---|---|
| `O2` | 4.5 x, 3.9 x NumPy | 1.33 x JAX | 0.31 ms | no |
| `+ data-tiling` | 1.53, 1.4-1.6 | 0.92 | 0.31 ms | |
| `+ reassociate-fp-reductions` | the same | 0.92 | 0.11 ms (JAX 0.40) | yes: 3-7 x on sums, softmax 1.5 x |
| `+ ukernels=all` | the same (interleaved, quiet) | 1.05-1.10 of without | the same | no: compiles 1.2 x longer |
| `+ inner-tiled` | 1.3-1.4, 1.27 | **does not compile** | 0.11 ms | no: MLPs, matvec fail |
| `O3` instead of `O2` | the same | the same | the same | no |

bf16 matmuls are 40 times slower with data tiling on CPUs
without bf16 instructions: lower them as f32. Compiling a program of one op takes 0.31-0.33 s with any of
them; a matmul 0.42 s without data tiling, 0.7 s with. Data tiling cannot compile complex matmuls, so a failed
compile is tried once more with `fallback` flags.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace

from axil.compiler.diagnostics import TargetError
from axil.runtime import cpu as host_cpu
from axil.runtime.devices import Device

INPUT = (
    "--iree-input-type=stablehlo",
    "--iree-input-demote-f64-to-f32=false",  # the default silently computes f64 programs in f32
)
LOCAL = (
    "--iree-hal-target-device=local",  # makes the symbol @__device_0
    "--iree-hal-local-target-device-backends=llvm-cpu",
)
LEAN = (
    "--iree-llvmcpu-debug-symbols=false",  # artifacts 10-30 % smaller
    "--iree-opt-const-eval=false",  # constants are computed at load: compiling an MLP step takes 10 % less
)
FAST = LEAN + (
    "--iree-opt-level=O2",
    "--iree-opt-data-tiling",
    "--iree-llvmcpu-reassociate-fp-reductions",
)
PLAIN = LEAN + ("--iree-opt-level=O2", "--iree-llvmcpu-reassociate-fp-reductions")
SAFE = LEAN + ("--iree-opt-level=O1",)

# CPU names that were compiled for; LLVM ends the process on a name it does not know.
CPUS = {
    "x86_64": (
        "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "haswell", "broadwell", "skylake", "skylake-avx512",
        "cascadelake", "icelake-server", "alderlake", "sapphirerapids", "graniterapids", "znver1", "znver2",
        "znver3", "znver4", "znver5",
    ),
    "aarch64": (
        "generic", "cortex-a53", "cortex-a72", "cortex-a76", "neoverse-n1", "neoverse-n2", "neoverse-v1",
        "neoverse-v2", "apple-m1", "apple-m2", "apple-m3", "apple-m4",
    ),
}  # fmt: skip

_V2 = ("cx16", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = _V2 + ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_V4 = _V3 + ("avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
_SKX = _V4 + ("adx", "aes", "pclmul")
_ICX = _SKX + (
    "avx512bitalg", "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512vpopcntdq", "gfni", "sha",
    "vaes", "vpclmulqdq",
)  # fmt: skip
_ZEN = _V3 + ("adx", "aes", "pclmul", "sha", "sse4a")
_ZEN4 = tuple(sorted(set(_ICX) | {"avx512bf16", "sse4a"}))
_A8 = ("crc", "fp-armv8", "neon")
_N1 = _A8 + ("aes", "dotprod", "fullfp16", "lse", "rcpc", "rdm", "sha2")
_V9 = _A8 + (
    "bf16", "complxnum", "dotprod", "fp16fml", "fullfp16", "i8mm", "jsconv", "lse", "rcpc", "rdm", "sve",
    "sve2",
)  # fmt: skip
_M1 = _N1 + ("complxnum", "fp16fml", "jsconv", "sha3")

# What each CPU name makes LLVM use (read from IREE's `cpu_features`, restricted to runtime.cpu.COMPARED).
CPU_FEATURES: dict[str, tuple[str, ...]] = {
    "x86-64": (),
    "x86-64-v2": _V2,
    "x86-64-v3": _V3,
    "x86-64-v4": _V4,
    "haswell": _V3 + ("pclmul",),
    "broadwell": _V3 + ("adx", "pclmul"),
    "skylake": _V3 + ("adx", "aes", "pclmul"),
    "skylake-avx512": _SKX,
    "cascadelake": _SKX + ("avx512vnni",),
    "icelake-server": _ICX,
    "alderlake": _V3 + ("adx", "aes", "avxvnni", "gfni", "pclmul", "sha", "vaes", "vpclmulqdq"),
    "sapphirerapids": _ICX + ("amx-bf16", "amx-int8", "amx-tile", "avx512bf16", "avx512fp16", "avxvnni"),
    "graniterapids": _ICX
    + ("amx-bf16", "amx-fp16", "amx-int8", "amx-tile", "avx512bf16", "avx512fp16", "avxvnni"),
    "znver1": _ZEN,
    "znver2": _ZEN,
    "znver3": _ZEN + ("vaes", "vpclmulqdq"),
    "znver4": _ZEN4,
    "znver5": _ZEN4 + ("avx512vp2intersect", "avxvnni"),
    "generic": ("fp-armv8", "neon"),
    "cortex-a53": _A8 + ("aes", "sha2"),
    "cortex-a72": _A8 + ("aes", "sha2"),
    "cortex-a76": _N1,
    "neoverse-n1": _N1,
    "neoverse-n2": _V9,
    "neoverse-v1": _N1 + ("bf16", "complxnum", "fp16fml", "i8mm", "jsconv", "sha3", "sve"),
    "neoverse-v2": _V9,
    "apple-m1": _M1,
    "apple-m2": _M1 + ("bf16", "i8mm"),
    "apple-m3": _M1 + ("bf16", "i8mm"),
    "apple-m4": _M1 + ("bf16", "i8mm", "sme", "sme2"),
}


@dataclass(frozen=True)
class Target:
    """What a program is compiled for.

    `flags` are all of IREE's session flags; `fallback` replaces them if the first try fails (None: no second
    try); `platform` names the runtime devices that can run the result; `cpu_features` are LLVM names the
    machine must have; `buffer_alignment` is what the program may assume of buffer offsets; `reason` and
    `effect` say why.
    """

    name: str
    flags: tuple[str, ...]
    platform: str
    arch: str
    reason: str
    effect: str
    fallback: tuple[str, ...] | None = None
    cpu: str = ""
    cpu_features: tuple[str, ...] = field(default=())
    buffer_alignment: int = 16

    @property
    def runs_here(self) -> bool:
        """Whether this machine's CPU could run it (for GPUs: whether such a device can be asked for)."""
        if self.platform != "cpu":
            return True
        return self.arch == host_cpu.host_arch() and not host_cpu.missing_features(self.cpu_features)

    def fingerprint(self) -> str:
        """Everything that decides the machine code: part of the key of the compile cache."""
        return "\n".join((self.name, self.arch, self.cpu, *self.flags, "--", *self.cpu_features))


def names() -> list[str]:
    """The names in the table, without aliases."""
    return list(_TABLE)


def resolve(name: str | Target | None = None, cpu: str | None = None) -> Target:
    """The target called `name` (default 'host'), for the CPU model `cpu` where given.

    Raises `TargetError` with the nearest known name; nothing unknown ever reaches IREE.
    """
    if isinstance(name, Target):
        return name
    key = (name or "host").strip()
    key = _ALIASES.get(key.lower(), key)
    if key in _REFUSED:
        raise TargetError(f"cannot compile for {key!r}: {_REFUSED[key]}")
    if key in CPU_FEATURES and key not in _TABLE:  # a CPU model is a target of its own
        return _for_cpu(_TABLE["aarch64" if key in CPUS["aarch64"] else "x86-64"], key)
    if key not in _TABLE:
        raise TargetError(f"unknown target {name!r}. {_suggest(key, [*_TABLE, *_ALIASES, *CPU_FEATURES])}")
    target = _host() if key == "host" else _TABLE[key]
    return target if cpu is None else _for_cpu(target, cpu)


def for_device(device: Device) -> Target:
    """The target whose programs run on `device`."""
    if device.platform == "cpu":
        return resolve("host")
    if device.platform == "vulkan":
        kind = device.device_kind.lower()
        for word, name in _VULKAN_KINDS.items():
            if word in kind:
                return resolve(name)
        return resolve("vulkan-baseline")
    if device.platform == "cuda":
        return resolve("cuda-sm_80")
    raise TargetError(f"no target for {device} yet; known targets: {', '.join(_TABLE)}")


def _for_cpu(target: Target, cpu: str) -> Target:
    known = CPUS.get(target.arch)
    if known is None or target.platform != "cpu":
        raise TargetError(f"target {target.name!r} has no CPU models (cpu={cpu!r}); leave `cpu` out")
    if cpu == "host":
        return _host()
    if cpu not in known:
        raise TargetError(f"unknown CPU {cpu!r} for {target.arch}. {_suggest(cpu, known)}")
    base = _TABLE["aarch64" if target.arch == "aarch64" else "x86-64"]
    return _cpu_target(cpu, base.arch, cpu, f"the CPU model {cpu}")


def _suggest(name: str, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name.lower(), known, 1)
    start = f"Did you mean {near[0]!r}? " if near else ""
    return f"{start}Known: {', '.join(dict.fromkeys(known))}."


def _host() -> Target:
    """This machine's CPU; its features are recorded so that an artifact or a shared cache can state them."""
    base = LOCAL + ("--iree-llvmcpu-target-cpu=host",) + INPUT
    arch, features = host_cpu.host_arch(), tuple(sorted(host_cpu.host_features()))
    flags, fallback = _best(arch, features)
    return replace(
        _TABLE["host"], flags=base + flags, fallback=base + fallback, arch=arch, cpu_features=features
    )


def _best(arch: str, features: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(flags, fallback): data tiling only where its kernels have the vectors they are made for."""
    if arch == "x86_64" and "avx2" not in features:
        return PLAIN, SAFE
    return FAST, PLAIN


def _cpu_target(name: str, arch: str, cpu: str, reason: str, effect: str = "") -> Target:
    triple = f"{arch}-unknown-linux-gnu"  # embedded ELF: the same file loads on Linux, macOS and Windows
    flags = LOCAL + INPUT
    flags += (f"--iree-llvmcpu-target-triple={triple}", f"--iree-llvmcpu-target-cpu={cpu}")
    features = CPU_FEATURES[cpu]
    best, fallback = _best(arch, features)
    return Target(name, flags + best, "cpu", arch, reason, effect, flags + fallback, cpu, features)


def _cuda(arch: str) -> Target:
    flags = ("--iree-hal-target-device=cuda", f"--iree-cuda-target={arch}") + INPUT
    reason = f"NVIDIA GPUs of compute capability {arch[3:-1]}.{arch[-1]} and newer"
    effect = "PTX that the driver compiles for its GPU; needs no CUDA installation to compile"
    return Target(f"cuda-{arch}", flags, "cuda", arch, reason, effect, buffer_alignment=64)


def _vulkan(name: str, chip: str, reason: str, effect: str = "SPIR-V; ran right on lavapipe") -> Target:
    flags = ("--iree-hal-target-device=vulkan", f"--iree-vulkan-target={chip}") + INPUT
    return Target(name, flags, "vulkan", chip, reason, effect, buffer_alignment=64)


def _table() -> dict[str, Target]:
    entries = [
        Target(
            "host",
            (),
            "cpu",
            "",
            "this machine's CPU, all its instructions",
            "see the table above",
            cpu="host",
        ),
        _cpu_target(
            "x86-64",
            "x86_64",
            "x86-64",
            "any 64-bit PC",
            "matmul 512: 3.5 x `host` on Zen 3 (35 x with data tiling)",
        ),
        _cpu_target(
            "x86-64-v3",
            "x86_64",
            "x86-64-v3",
            "PCs since 2013 (AVX2, FMA)",
            "matmul 512: 1.0-1.15 x `host` on Zen 3",
        ),
        _cpu_target(
            "x86-64-v4", "x86_64", "x86-64-v4", "servers with AVX-512", "not run: no such CPU at hand"
        ),
        _cpu_target("aarch64", "aarch64", "generic", "any 64-bit ARM (NEON)", "compiled, not run"),
        *[_cuda(arch) for arch in _CUDA_ARCHS],
        _vulkan(
            "vulkan-llvmpipe", "llvmpipe", "Mesa's software device, used by the tests", "best on lavapipe"
        ),
        _vulkan("vulkan-baseline", "vp_android_baseline_2022", "any Vulkan device of 2022"),
        _vulkan("vulkan-ampere", "ampere", "NVIDIA RTX 30 and newer"),
        _vulkan("vulkan-turing", "turing", "NVIDIA RTX 20"),
        _vulkan("vulkan-volta", "volta", "NVIDIA V100"),
        _vulkan("vulkan-rdna3", "rdna3", "AMD RX 7000"),
        _vulkan("vulkan-adreno", "adreno", "Qualcomm phones"),
        _vulkan("vulkan-valhall", "valhall", "ARM Mali phones"),
    ]
    return {target.name: target for target in entries}


_CUDA_ARCHS = ("sm_60", "sm_61", "sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_120")
_ALIASES = {
    "cpu": "host", "llvm-cpu": "host", "local": "host", "native": "host",
    "x86_64": "x86-64", "amd64": "x86-64",
    "arm64": "aarch64", "cuda": "cuda-sm_80", "gpu": "cuda-sm_80", "vulkan": "vulkan-llvmpipe",
    "lavapipe": "vulkan-llvmpipe", "llvmpipe": "vulkan-llvmpipe",
    **{arch: f"cuda-{arch}" for arch in _CUDA_ARCHS},
}  # fmt: skip
_HOPPER = "IREE 3.13 has no such GPU target. Use 'cuda-sm_80': the driver compiles its PTX for newer GPUs."
_REFUSED = {
    name: _HOPPER for arch in ("sm_90", "sm_90a", "sm_100", "sm_100a") for name in (arch, f"cuda-{arch}")
}
_VULKAN_KINDS = {
    "llvmpipe": "vulkan-llvmpipe", "rtx 20": "vulkan-turing", "nvidia": "vulkan-ampere",
    "radeon": "vulkan-rdna3", "adreno": "vulkan-adreno", "mali": "vulkan-valhall",
}  # fmt: skip
_TABLE = _table()
