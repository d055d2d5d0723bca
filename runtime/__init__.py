"""The runtime of Axil: devices, buffers, executables and artifacts. Floor 0, and all that a deployed program
needs.

    import axil.runtime
    predict = axil.runtime.load("digits.axil")
    logits = predict(images)          # NumPy in, NumPy out

It needs NumPy, ml_dtypes and iree-base-runtime alone: no compiler, no MLIR, no frontend. `iree.runtime`
itself is imported on first need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axil.runtime.buffers import DeviceBuffer, aligned_empty, borrow, detach, to_device, to_host, wrap
from axil.runtime.cpu import host_arch, host_features
from axil.runtime.devices import Device, default_device, device_count, devices, local_device_count, local_devices
from axil.runtime.errors import (
    ArtifactError,
    AxilError,
    DeviceError,
    IncompatibleArtifactError,
    OutOfMemoryError,
    SignatureError,
)
from axil.runtime.executable import PARALLEL_COST, Executable

if TYPE_CHECKING:
    from axil.runtime.artifact import Program, load

__all__ = [
    "PARALLEL_COST",
    "ArtifactError",
    "AxilError",
    "Device",
    "DeviceBuffer",
    "DeviceError",
    "Executable",
    "IncompatibleArtifactError",
    "OutOfMemoryError",
    "Program",
    "SignatureError",
    "aligned_empty",
    "borrow",
    "default_device",
    "detach",
    "device_count",
    "devices",
    "host_arch",
    "host_features",
    "load",
    "local_device_count",
    "local_devices",
    "to_device",
    "to_host",
    "wrap",
]


def __getattr__(name: str) -> Any:
    """`load` and `Program` on first use: an interactive session needs no artifacts, and `zipfile` takes 10
    ms."""
    if name in ("Program", "load"):
        from axil.runtime import artifact

        return getattr(artifact, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
