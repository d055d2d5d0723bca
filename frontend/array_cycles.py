"""`array_garbage_collection_guard`: reports arrays whose memory was freed by Python's collector of cycles.

Such arrays live on until the collector happens to run, which on a device with little memory is too late. While the
option is on, arrays have a finalizer that looks whether a collection is going on.
"""

from __future__ import annotations

import gc
import logging
import os
from typing import Any

from axil.config import config
from axil.core import Array

_log = logging.getLogger("axil")
_collecting = False


def activate(option: str, active: bool) -> None:
    """Watch arrays while the option is set in any thread."""
    on = _phase in gc.callbacks
    if active and not on:
        gc.callbacks.append(_phase)
        Array.__del__ = _finalized  # type: ignore[attr-defined]
    elif not active and on:
        gc.callbacks.remove(_phase)
        del Array.__del__  # type: ignore[attr-defined]


def _phase(phase: str, info: dict[str, Any]) -> None:
    global _collecting
    _collecting = phase == "start"


def _finalized(self: Any) -> None:
    mode = config.array_garbage_collection_guard
    if not _collecting or mode not in ("log", "fatal"):
        return
    _log.warning(
        "an array of %s was freed by the garbage collector: it was part of a reference cycle, or held by one, and its "
        "memory was kept until now", self.aval,
    )  # fmt: skip
    if mode == "fatal":
        os.abort()
