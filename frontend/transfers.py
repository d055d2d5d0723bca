"""Transfer guards: NumPy arrays that become arrays, and arrays that are copied to the host, without being asked to.

NumPy arrays and scalars count. Python numbers do not: they become constants of programs, and are never on a device
alone. On a CPU nothing is copied to the host: arrays are read where they are.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from axil import core, errors
from axil.config import config
from axil.runtime.errors import AxilError
from axil.source import user_line

_log = logging.getLogger("axil")


class TransferError(AxilError, RuntimeError):
    """A value was to be moved between the host and a device while a transfer guard disallows that."""


class _Explicit(threading.local):
    depth = 0


_explicit = _Explicit()


def activate(option: str, active: bool) -> None:
    """Look at transfers while a guard is set in any thread."""
    (_active.add if active else _active.discard)(option)
    core.transfer_hooks[:] = [_hook] if _active else []


_active: set[str] = set()


@contextlib.contextmanager
def explicit() -> Iterator[None]:
    """Within the block, transfers were asked for: by `device_put` or `device_get`."""
    _explicit.depth += 1
    try:
        yield
    finally:
        _explicit.depth -= 1


def _hook(x: Any, direction: str) -> None:
    """Log or refuse a transfer of a value, as the guard of its direction says."""
    if direction == "host_to_device" and not isinstance(x, (np.ndarray, np.generic)):
        return
    guard = getattr(config, f"transfer_guard_{direction}")
    asked = _explicit.depth > 0
    if guard in (None, "allow") or asked and not guard.endswith("_explicit"):
        return
    what = f"{direction.replace('_', '-')} transfer of a {type(x).__name__} of {getattr(x, 'dtype', '')}{list(x.shape)}"
    if guard.startswith("log"):
        _log.warning("%s", errors.explain(f"{'explicit' if asked else 'implicit'} {what}", user_line()))
        return
    raise TransferError(
        errors.explain(f"disallowed {what}", user_line(), (), f"transfer_guard_{direction} is {guard!r}.", [
            "transfer it on purpose, before: axil.device_put(x), or axil.device_get(x)",
            "or allow it here: with axil.transfer_guard('allow')",
        ])
    )  # fmt: skip


__all__ = ["TransferError", "activate", "explicit"]
