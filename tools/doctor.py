"""`axil doctor`: is this installation all right, what can it run, and what is missing.

Exit status 1 if something is missing that every program needs; a missing GPU is told and is no fault.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from typing import Any

HELP = "check this installation: versions, devices, targets, cache"

PACKAGES = {
    "numpy": "the runtime needs it",
    "ml-dtypes": "the runtime needs it",
    "iree-base-runtime": "the runtime needs it",
    "iree-base-compiler": "compiling needs it",
    "torch-mlir": "compiling needs it: the MLIR that the dialect lives in",
    "optree": "tracing needs it",
    "opt_einsum": "einsum needs it",
}
"""The packages that Axil is built on, and who needs them."""

WAYS_OUT = {
    "vulkan": "needs a Vulkan driver and loader: apt-get install libvulkan1 mesa-vulkan-drivers (software), "
    "or the GPU maker's driver",
    "cuda": "needs an NVIDIA GPU and its driver (libcuda.so)",
    "hip": "needs an AMD GPU and ROCm",
    "metal": "needs macOS",
}
"""How to get a device of each platform."""

VARIABLES = {
    "AXIL_CACHE": "0 turns the compile cache off",
    "AXIL_CACHE_DIR": "where the compile cache is",
    "AXIL_CACHE_SIZE": "its limit in bytes",
    "AXIL_DISABLE_JIT": "1 runs jitted functions op by op",
    "AXIL_ENABLE_X64": "1 keeps 64-bit types",
    "AXIL_NUM_THREADS": "threads of large CPU programs",
    "AXIL_PLATFORM": "the default platform",
    "AXIL_TRANSFER_GUARD": "what is said of copies between host and device: allow, log, disallow",
    "AXIL_TRACEBACK": "1 shows Python's traceback of errors on the command line",
}
"""The environment variables that Axil reads."""

_PROBE = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  return %x : tensor<4xf32>\n}\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--quick", action="store_true", help="compile nothing, ask for no GPUs")
    parser.add_argument("--api", action="store_true", help="count the names of JAX's interface that are there instead")


def run(args: argparse.Namespace) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    if args.api:
        from axil.tools import api

        print("\n".join(api.counts_text()))
        return 0
    missing = _section("versions", _versions())
    if missing:
        print(f"\nMissing: {', '.join(missing)}. Install with: pip install {' '.join(missing)}")
        return 1
    devices = find_devices(args.quick)
    _section("devices", (devices_text(devices), []))
    _section("targets", (_targets(devices), []))
    _section("compile cache", (_cache(), []))
    _section("environment", (_environment(), []))
    if args.quick:
        return 0
    lines, failed = _trials(devices)
    _section("trial: compile and run", (lines, failed))
    return 1 if failed else 0


def _section(title: str, content: tuple[list[str], list[str]]) -> list[str]:
    """Print lines under a title; gives what is wrong."""
    lines, wrong = content
    print("\n".join([title, *[f"  {line}" for line in lines]]))
    return wrong


# ---- what there is -------------------------------------------------------------------------------------


def _versions() -> tuple[list[str], list[str]]:
    """Lines, and the packages that are missing."""
    from importlib.metadata import PackageNotFoundError, version

    import axil

    lines = [f"axil {axil.__version__}", f"python {platform.python_version()} ({sys.executable})"]
    lines.append(f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs")
    missing = []
    for package, who in PACKAGES.items():
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} is missing; {who}")
            missing.append(package)
    return lines, missing


def find_devices(quick: bool = False) -> dict[str, Any]:
    """For each platform its devices, or the text of why there is none."""
    from axil.runtime import DeviceError, devices
    from axil.runtime.devices import PLATFORMS

    found: dict[str, Any] = {}
    for name in PLATFORMS:
        if quick and name != "cpu":
            continue
        try:
            found[name] = devices(name)
        except DeviceError as error:
            found[name] = str(error).splitlines()[0].rstrip(":. ")
    return found


def devices_text(found: dict[str, Any]) -> list[str]:
    """The devices as lines, with how to get those that are absent."""
    lines = []
    for name, devices in found.items():
        if isinstance(devices, str):
            lines.append(f"{name}: {devices}; {WAYS_OUT.get(name, '')}")
        else:
            lines += [f"{name}: {device} {device.device_kind}" for device in devices]
    return lines


def _targets(devices: dict[str, Any]) -> list[str]:
    """The target table: what can be compiled for, and which of it runs here."""
    from axil.compiler.targets import for_device, names, resolve

    best = {for_device(found[0]).name for found in devices.values() if not isinstance(found, str)}
    width = max(map(len, names()))
    lines = []
    for name in names():
        target = resolve(name)
        # A GPU target is for one family of chips: only that of the device that is here is sure to run.
        runs = name in best or (target.platform == "cpu" and target.runs_here)
        mark = "default here" if name in best else "runs here" if runs else ""
        lines.append(f"{name:{width}}  {mark:12}  {target.reason}")
    return lines


def _cache() -> list[str]:
    from axil.compiler.cache import default_cache

    cache = default_cache()
    if not cache.enabled:
        return ["off (AXIL_CACHE=0)"]
    folder = cache.directory
    existing = next(p for p in [folder, *folder.parents] if p.exists())
    state = (
        ""
        if existing.is_dir() and os.access(existing, os.W_OK)
        else " (cannot be written: set AXIL_CACHE_DIR to a folder that can)"
    )
    return [
        f"{folder}{state}",
        f"{len(cache)} entries, {cache.size() / 1e6:.1f} MB of at most {cache.max_bytes / 1e6:.0f}",
    ]


def _environment() -> list[str]:
    width = max(map(len, VARIABLES))
    return [f"{name:{width}}  {os.environ.get(name, 'not set'):10}  {text}" for name, text in VARIABLES.items()]


# ---- trying it -----------------------------------------------------------------------------------------


def _trials(devices: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Compile and run a program on the first device of each platform; lines, and the platforms that fail."""
    lines, failed = [], []
    for name, found in devices.items():
        if isinstance(found, str):
            continue
        started = time.perf_counter()
        try:
            _try(found[0])
        except Exception as error:  # whatever it is, it is what the user came to hear about
            lines.append(f"{name}: failed: {type(error).__name__}: {error}")
            failed.append(name)
        else:
            lines.append(f"{name}: works ({time.perf_counter() - started:.2f} s)")
    return lines, failed


def _try(device: Any) -> None:
    import numpy as np

    from axil.compiler.driver import compile_module
    from axil.compiler.targets import for_device
    from axil.runtime import Executable, to_device, to_host

    program = Executable(compile_module(_PROBE, for_device(device)), device=device, name="doctor")
    x = np.arange(4, dtype=np.float32)
    (result,) = program.invoke([to_device(x, device).view])
    if not np.array_equal(to_host(result, device), x):
        raise RuntimeError("it computes wrong results")
