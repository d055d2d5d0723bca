"""Devices: what programs run on. All ownership of IREE instances, drivers and HAL devices is here.

Three facts shape this file (measured, see docs/design.md):

* A result of a `local-task` device that is released after its HAL device is a segmentation fault, also at
  interpreter exit. So every HAL object made here is immortal.
* `local-sync` runs a small program in 2-3 us, `local-task` uses all cores but pays up to 50 us to wake them.
  So the CPU device owns both, as two *lanes*; buffers pass freely between them.
* After `os.fork` the worker threads of `local-task` are gone and its calls hang. So a child uses `local-sync`
  only.

`iree.runtime` is imported on first need (`iree()`), to keep `import axil` fast.
"""

from __future__ import annotations

import ctypes
import difflib
import os
import threading
from types import ModuleType
from typing import Any

from axil.runtime.errors import DeviceError

# Platforms in the order `axil doctor` lists them; the driver names of IREE that serve each, lanes in order.
PLATFORMS = {
    "cpu": ("local-sync", "local-task"),
    "cuda": ("cuda",),
    "hip": ("hip",),
    "metal": ("metal",),
    "vulkan": ("vulkan",),
}
_CLASS_NAMES = {"cpu": "Cpu", "cuda": "Cuda", "hip": "Hip", "metal": "Metal", "vulkan": "Vulkan"}
_ALIASES = {"gpu": "cuda", "rocm": "hip"}

_lock = threading.RLock()
_iree: ModuleType | None = None
_instance: Any = None
_devices: dict[str, list[Device]] = {}
_default: Device | None = None
_fork_hooks: list[Any] = []
_task_started = False  # a local-task lane exists in this process
_task_lost = False  # ... and this process is a fork that does not have its threads


def iree() -> ModuleType:
    """`iree.runtime`, imported on first need (40-220 ms)."""
    global _iree
    if _iree is None:
        with _lock:
            import iree.runtime as module
            from iree.runtime._binding import disable_leak_checker

            disable_leak_checker()  # our immortal objects are meant to be alive at exit
            _iree = module
    return _iree


def vm_instance() -> Any:
    """The one `VmInstance` of the process."""
    global _instance
    if _instance is None:
        with _lock:
            if _instance is None:
                _instance = _immortal(iree().VmInstance())
    return _instance


class Lane:
    """One HAL device together with the HAL module that programs link against. Immortal."""

    __slots__ = ("driver", "hal", "module")

    def __init__(self, driver: str, hal: Any):
        self.driver = driver
        self.hal = _immortal(hal)
        self.module = _immortal(iree().create_hal_module(vm_instance(), hal))


class Device:
    """A device that arrays live on and programs run on.

    `platform` is 'cpu', 'cuda', 'hip', 'metal' or 'vulkan'; `id` counts within the platform; `device_kind` is
    the maker's name for it. Equality is identity: there is one object per device and process, alive until it
    exits.
    """

    __slots__ = ("platform", "id", "device_kind", "is_host", "_info", "_lanes", "_hal", "__weakref__")

    process_index = 0

    def __init__(self, platform: str, id: int, device_kind: str, info: dict[str, Any]):
        self.platform = platform
        self.id = id
        self.device_kind = device_kind
        self.is_host = platform == "cpu"
        self._info = info
        self._lanes: dict[str, Lane] = {}
        self._hal: Any = None

    def lane(self, parallel: bool = False) -> Lane:
        """The lane for small programs (`parallel=False`) or for large ones. GPUs have a single lane."""
        names = PLATFORMS[self.platform]
        name = names[-1] if parallel and not _task_lost else names[0]
        return self._lanes.get(name) or self._open(name)

    @property
    def hal(self) -> Any:
        """The HAL device that owns allocations and copies."""
        if self._hal is None:
            self._hal = self.lane().hal
        return self._hal

    def _open(self, name: str) -> Lane:
        global _task_started
        with _lock:
            if name in self._lanes:
                return self._lanes[name]
            if name == "local-task":
                _limit_threads()
                _task_started = True
            # The caching allocator makes a 64 MB step 2.6 times faster on local-sync; local-task pools by
            # itself.
            allocators = ["caching"] if name == "local-sync" else None
            try:
                driver = _immortal(iree().get_driver(name))
                hal = driver.create_device(self._info["device_id"], None, allocators)
            except Exception as error:
                raise DeviceError(f"cannot open {self}: {_first_line(error)}") from error
            lane = self._lanes[name] = Lane(name, hal)
            return lane

    def __str__(self) -> str:
        return f"{_CLASS_NAMES[self.platform]}Device(id={self.id})"

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return _lookup, (self.platform, self.id)


def devices(platform: str | None = None) -> list[Device]:
    """The devices of `platform`, or of the default platform (`AXIL_PLATFORM`, else 'cpu').

    Raises `DeviceError` if the platform is unknown or has no device here.
    """
    name = _platform_name(platform)
    found = _devices.get(name)
    if found is None:
        with _lock:
            found = _devices.get(name)
            if found is None:
                found = _discover(name)
                _devices[name] = found
    return list(found)


def local_devices(platform: str | None = None) -> list[Device]:
    """The devices of this process; the same as `devices` as long as there is one process."""
    return devices(platform)


def device_count(platform: str | None = None) -> int:
    """How many devices `platform` has; 0 where it is known but absent."""
    try:
        return len(devices(platform))
    except DeviceError:
        _platform_name(platform)  # an unknown name is still an error
        return 0


def local_device_count(platform: str | None = None) -> int:
    """How many devices this process has; the same as `device_count` as long as there is one process."""
    return device_count(platform)


def default_device() -> Device:
    """The device used where none is named: the first of the default platform.

    The first call decides for the whole process, as arrays stay where they are: a later change of
    `AXIL_PLATFORM` would hand buffers of one device to programs of another.
    """
    global _default
    if _default is None:
        _default = devices()[0]
    return _default


def current_default() -> Device | None:
    """The default device, if the process has used it already."""
    return _default


def in_forked_child() -> bool:
    """Whether this process is a fork that lost the worker threads of its parent."""
    return _task_lost


def on_fork_in_child(hook: Any) -> None:
    """Call `hook()` in the child after each `os.fork`."""
    _fork_hooks.append(hook)


def _platform_name(platform: str | None) -> str:
    name = (platform or os.environ.get("AXIL_PLATFORM") or "cpu").lower()
    name = _ALIASES.get(name, name)
    if name not in PLATFORMS:
        near = difflib.get_close_matches(name, PLATFORMS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DeviceError(f"unknown platform {name!r}{hint} Known: {', '.join(PLATFORMS)}.")
    return name


def _discover(platform: str) -> list[Device]:
    """Ask the driver what is there. The CPU needs no question, so the common case stays fast."""
    if platform == "cpu":
        return [_immortal(Device("cpu", 0, "cpu", {"device_id": 0}))]
    try:
        infos = iree().get_driver(PLATFORMS[platform][0]).query_available_devices()
    except Exception as error:
        raise DeviceError(f"no {platform} device on this machine: {_first_line(error)}") from error
    if not infos:
        raise DeviceError(f"no {platform} device on this machine: its driver is there but lists none")
    return [_immortal(Device(platform, i, info["name"], info)) for i, info in enumerate(infos)]


def _lookup(platform: str, id: int) -> Device:
    return devices(platform)[id]


def _limit_threads() -> None:
    """Apply `AXIL_NUM_THREADS`; IREE reads it only before the first local-task device is made."""
    count = os.environ.get("AXIL_NUM_THREADS")
    if count is None:
        return
    if not count.isdigit() or int(count) < 1:
        raise DeviceError(f"AXIL_NUM_THREADS must be a positive integer, not {count!r}")
    iree().flags.parse_flags(f"--task_topology_group_count={count}")


def _immortal(value: Any) -> Any:
    """Take a reference that is never given back."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    return value


def _first_line(error: BaseException) -> str:
    """IREE's message without the path of its source file."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    parts = [part.strip() for part in text.split(";")]
    return parts[1] if len(parts) > 1 and "/runtime/src/" in parts[0] else text


def _after_fork_in_child() -> None:
    global _lock, _task_lost
    _lock = threading.RLock()  # another thread of the parent may have held it
    _task_lost = _task_lost or _task_started
    for hook in _fork_hooks:
        hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
