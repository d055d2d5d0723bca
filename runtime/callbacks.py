"""Callbacks: compiled programs that call Python functions while they run.

A program imports such functions from a VM module of its own, `axil_host`, as `call0`, `call1`, ... `host_module`
makes the module, to be given to `Executable(modules=...)`.

A callback runs on the thread that called the program, which holds no lock of ours: it may call other programs.
Operands and results are copied, since a program may overwrite the memory of both.

An exception of the function ends the program's run. IREE would keep only its text, so it is kept here, for the thread
that called, and `Executable.invoke` raises it as it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from axil.runtime.buffers import _copy_in, _element_type, to_host
from axil.runtime.devices import Device, iree

MODULE = "axil_host"
"""Name of the VM module that programs import from."""

Kind = tuple[tuple[int, ...], np.dtype]
"""Shape and dtype of an operand or a result."""


class Callback(NamedTuple):
    """A function of the host as a program imports it: from arrays to a list of arrays of just these types.

    With a `token`, the program hands over one more tensor, last, and gets it back: what makes it keep calls in order.
    """

    function: Callable[[list[np.ndarray]], Sequence[np.ndarray]]
    inputs: Sequence[Kind]
    outputs: Sequence[Kind]
    token: bool = False


class _Raised(threading.local):
    """What the last callback raised on each thread."""

    error: BaseException | None = None


_raised = _Raised()


def take_raised() -> BaseException | None:
    """The exception with which a callback of this thread ended a program's run, once; None if there is none."""
    error, _raised.error = _raised.error, None
    return error


def host_module(callbacks: Sequence[Callback], device: Device) -> Any:
    """The VM module that a program links against to call `callbacks`, which it holds."""
    methods = {f"call{i}": _method(c, device) for i, c in enumerate(callbacks)}
    interface = iree().PyModuleInterface(MODULE, type("Methods", (), {"__init__": lambda self, interface: None}))
    for (name, method), callback in zip(methods.items(), callbacks):
        kinds = (callback.inputs, callback.outputs)
        takes, gives = ("r" * (len(k) + callback.token) or "v" for k in kinds)
        interface.export(name, f"0{takes}_{gives}", method)
    return interface.create()


def _method(callback: Callback, device: Device) -> Callable[..., Any]:
    """The function as IREE calls it: on references to buffer views, and to such."""
    view_type = iree().HalBufferView
    inputs, outputs = callback.inputs, callback.outputs

    def call(self: Any, *references: Any) -> Any:
        try:
            views = [r.deref(view_type) for r in references]
            operands = [to_host(v, device, shape, dtype).copy() for v, (shape, dtype) in zip(views, inputs)]
            results = callback.function(operands)
            given = [_view(x, kind, device).ref for x, kind in zip(results, outputs, strict=True)]
            given += references[len(inputs) :]  # the token
        except BaseException as error:
            _raised.error = error
            raise RuntimeError("a callback raised an exception") from None
        return given[0] if len(given) == 1 else tuple(given) or None

    return call


def _view(array: Any, kind: Kind, device: Device) -> Any:
    """A buffer view that holds a copy of an array."""
    shape, dtype = kind
    array = np.asarray(array, dtype, order="C").reshape(shape)
    return _copy_in(array, _element_type(array.dtype), device)
