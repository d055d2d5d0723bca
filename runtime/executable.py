"""Executables: a compiled program, loaded on a device and ready to be called.

`Executable.invoke` is the hot path of the whole system: about 4 us for a small program, of which 3 us are
IREE's. What it needs is bound beforehand; checks of arguments belong to the callers, once per signature.

A `VmContext` is not promised to be thread-safe. So an executable keeps a pool of them: a call takes one,
makes a new one only if all are in use, and gives it back. `list.pop` and `list.append` are atomic, hence no
lock.
"""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from axil.runtime.callbacks import take_raised
from axil.runtime.devices import (
    Device,
    Lane,
    default_device,
    in_forked_child,
    iree,
    on_fork_in_child,
    vm_instance,
)
from axil.runtime.errors import AxilError, DeviceError, IncompatibleArtifactError, OutOfMemoryError, SignatureError

# Programs whose estimated cost (about: floating point operations) is at least this run on all cores. Waking
# the workers costs up to 50 us; a core does about 1e6 operations in that time where it does not vectorise.
PARALLEL_COST = 1e6

_live: weakref.WeakSet[Executable] = weakref.WeakSet()


class Executable:
    """A compiled module on one device.

    `vmfb` is IREE bytecode with an exported function `entry` that takes and returns tensors; `results` is the
    number of its results (None: read from the module); `cost` estimates its work, see `PARALLEL_COST` (None:
    small). `modules` are further VM modules that the program imports functions from; they are linked before
    it.

    Raises `IncompatibleArtifactError` if it was compiled for another kind of device, `DeviceError` if it
    cannot be loaded at all. The caller vouches for the origin of `vmfb`: IREE does not check it for damage,
    nor for instructions that this CPU lacks.
    """

    __slots__ = (
        "name",
        "device",
        "cost",
        "result_count",
        "_parallel",
        "_module",
        "_function",
        "_extra",
        "_pool",
        "_indices",
        "_new_list",
        "_view_type",
        "__weakref__",
    )

    def __init__(
        self,
        vmfb: bytes,
        *,
        device: Device | None = None,
        results: int | None = None,
        name: str = "main",
        cost: float | None = None,
        modules: Sequence[Any] = (),
        entry: str = "main",
    ):
        rt = iree()
        self.name = name
        self.device = device or default_device()
        self.cost = cost
        self._parallel = cost is not None and cost >= PARALLEL_COST and (os.cpu_count() or 1) > 1
        self._extra = tuple(modules)
        self._new_list = rt.VmVariantList
        self._view_type = rt.HalBufferView
        try:
            self._module = rt.VmModule.copy_buffer(vm_instance(), vmfb)
        except Exception as error:
            raise DeviceError(f"{name}: not a loadable program: {_clean(error)}") from error
        self._function = self._module.lookup_function(entry)
        if self._function is None:
            raise DeviceError(f"{name}: the program has no function @{entry}")
        self.result_count = self._count_results() if results is None else results
        self._indices = range(self.result_count)
        self._pool: list[Callable[..., None]] = []
        self._pool.append(self._new_context())  # now, so that a program for another device is refused here
        _live.add(self)

    def invoke(self, views: Sequence[Any]) -> list[Any]:
        """Run on `HalBufferView`s of the right shapes and dtypes; gives the result `HalBufferView`s.

        Safe to call from several threads. Arguments are read only, unless the program was compiled to consume
        them. Raises `SignatureError` where IREE refuses an argument, `DeviceError` where the run fails.
        """
        arguments = self._new_list(len(views))
        push = arguments.push_ref
        for view in views:
            push(view)
        results = self._new_list(self.result_count)
        pool = self._pool
        try:
            call = pool.pop()
        except IndexError:
            call = self._new_context()
        raised = None
        try:
            call(self._function, arguments, results)
        except Exception as error:
            raised = take_raised() if self._extra else None
            if raised is None:
                raise self._explain(error) from error
        finally:
            pool.append(call)
        if raised is not None:  # by a function of the host: as it was, with its own cause and context
            raise raised
        if self.result_count == 1:
            return [results.get_as_object(0, self._view_type)]
        get, view_type = results.get_as_object, self._view_type
        return [get(i, view_type) for i in self._indices]

    __call__ = invoke

    @property
    def parallel(self) -> bool:
        """Whether calls run on all cores (the `local-task` lane) rather than on the calling thread."""
        return self._parallel and not in_forked_child()

    def _new_context(self) -> Callable[..., None]:
        """A fresh context of the module, as its bound `invoke`."""
        lane: Lane = self.device.lane(self._parallel)
        try:
            context = iree().VmContext(vm_instance(), [lane.module, *self._extra, self._module])
        except Exception as error:
            message = _clean(error)
            if "INCOMPATIBLE" in str(error):
                raise IncompatibleArtifactError(
                    f"{self.name} was compiled for another kind of device than {self.device}: {message} "
                    f"Compile it for this one, or load it on a device it was compiled for."
                ) from error
            raise DeviceError(f"{self.name} cannot be loaded on {self.device}: {message}") from error
        return context.invoke

    def _count_results(self) -> int:
        """Results in the calling convention, as in 'main(0rr_r)'."""
        convention = str(self._function).split("main(", 1)[-1].split(")", 1)[0].split(",")[0]
        return convention.rpartition("_")[2].count("r")

    def _explain(self, error: Exception) -> AxilError:
        message = _clean(error)
        if "INVALID_ARGUMENT" in str(error) and message.startswith("input"):
            return SignatureError(f"{self.name}: {message}")
        if "RESOURCE_EXHAUSTED" in str(error) or "allocator failed" in message:
            return OutOfMemoryError(f"{self.name} needs more memory than {self.device} has left: {message}\n{_SMALLER}")
        return DeviceError(f"{self.name} failed on {self.device}: {message}")

    def __repr__(self) -> str:
        return f"Executable({self.name} on {self.device}{', parallel' if self.parallel else ''})"


_SMALLER = """  ways out:
    - a smaller batch, or smaller dtypes: x.astype(axil.numpy.bfloat16)
    - recompute instead of keep in gradients: axil.checkpoint(f)
    - donate what is not needed afterwards: axil.jit(f, donate_argnums=...)
    - forget compiled programs and the constants that they hold: axil.clear_caches()"""


def _clean(error: Exception) -> str:
    """IREE's message without source paths and stack; the whole text where a Python callback raised."""
    text = str(error)
    if "Traceback (most recent call last)" in text:
        return text
    match = re.search(r"(?:/runtime/src/\S+|<vm>:\d+): ([A-Z_]+); (.*)", text, re.DOTALL)
    message = match.group(2) if match else text
    message = re.split(r"; while |; \[ *\d+\]|: #hal\.|\n", message)[0].strip()
    return (message or type(error).__name__).rstrip(".;") + "."


def _forget_contexts() -> None:
    """In a forked child: contexts of `local-task` would hang, those of a GPU have lost their device."""
    for executable in list(_live):
        if executable._parallel or not executable.device.is_host:
            executable._pool = []


on_fork_in_child(_forget_contexts)
