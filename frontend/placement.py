"""Where arrays live: `device_put`, `device_get`, `block_until_ready`."""

from __future__ import annotations

import contextlib
from typing import Any

from axil import errors, pytrees
from axil.core import Array, Tracer, transfer_hooks
from axil.operands import operand
from axil.source import user_line


def device_put(x: Any, device: Any = None, *, may_alias: bool | None = None) -> Any:
    """Arrays of the leaves of `x`, on `device`.

    Only the default device can be chosen; another raises `ValueError`.
    """
    from axil.runtime import default_device

    if device is not None and device != default_device():
        raise ValueError(
            errors.explain(
                f"device_put: arrays live on the default device {default_device()}, not on {device!r}", user_line(),
                ways_out=["leave `device` out"],
            )  # fmt: skip
        )
    with _asked_for():
        return pytrees.tree_map(lambda leaf: operand(leaf, "device_put"), x)


def copy_to_host_async(x: Any) -> None:
    """Start to copy all arrays of a tree to the host; on CPUs there is nothing to copy.

    Elsewhere the copies are made at once, and later reads find them.
    """
    device_get(x)


def device_get(x: Any) -> Any:
    """NumPy arrays of the leaves of `x`."""
    with _asked_for():
        return pytrees.tree_map(lambda leaf: leaf._numpy if type(leaf) in (Array, Tracer) else leaf, x)


def _asked_for() -> Any:
    """A block of transfers that are explicit, for transfer guards."""
    if not transfer_hooks:
        return contextlib.nullcontext()
    from axil.transfers import explicit

    return explicit()


def block_until_ready(x: Any) -> Any:
    """`x`, once its values are there. Programs run to their end before they return, so nothing has to be waited for."""
    return x
