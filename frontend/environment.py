"""What this process is and runs on: its platform, its number among others, and versions for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

_PACKAGES = ("axil", "numpy", "ml_dtypes", "iree-base-runtime", "iree-base-compiler", "torch-mlir", "optree")


def default_backend() -> str:
    """The platform where arrays live: "cpu", "vulkan", "cuda", "hip" or "metal"."""
    from axil.runtime import default_device

    return default_device().platform


def process_index(backend: Any = None) -> int:
    """The number of this process among those of the program: 0, as there is one."""
    return 0


def process_count(backend: Any = None) -> int:
    """The number of processes of the program: 1."""
    return 1


def process_indices(backend: Any = None) -> list[int]:
    """The numbers of all processes of the program."""
    return [0]


host_id, host_count, host_ids = process_index, process_count, process_indices  # JAX's former names


def print_environment_info(return_string: bool = False) -> str | None:
    """Print versions, devices and settings, for bug reports; with `return_string`, give them back instead."""
    from axil.config import config, variable
    from axil.options import OPTIONS
    from axil.runtime import DeviceError, devices

    try:
        found = ", ".join(f"{d} ({d.device_kind})" for d in devices())
    except DeviceError as error:
        found = f"none: {error}"
    changed = [f"{n}={v!r}" for n, v in config.values.items() if v != OPTIONS[n].default]
    known = {variable(n) for n in OPTIONS}
    given = [f"{n}={v}" for n, v in sorted(os.environ.items()) if n.startswith("AXIL_") or n in known]
    lines = [
        *(f"{name + ':':20} {_version(name)}" for name in _PACKAGES),
        f"{'python:':20} {sys.version.splitlines()[0]}",
        f"{'devices:':20} {found}",
        f"{'process_count:':20} {process_count()}",
        f"{'platform:':20} {platform.platform()}, {os.cpu_count()} CPUs",
        f"{'options:':20} {', '.join(changed) or 'as they come'}",
        f"{'environment:':20} {', '.join(given) or 'no AXIL_ variables'}",
    ]
    text = "\n".join(lines)
    if return_string:
        return text
    print(text)
    return None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


__all__ = [
    "default_backend", "host_count", "host_id", "host_ids", "print_environment_info", "process_count",
    "process_index", "process_indices",
]  # fmt: skip
