"""What each thread is tracing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axil.traces import Trace


class _State(threading.local):
    """What each thread is tracing."""

    trace: Trace | None = None
    axis_sizes: dict[str, int] = {}
    scope: str = ""  # names of the scopes around here, see `axil.scopes`
    suspended: Trace | None = None  # the trace that goes on after a block that is computed at once


state = _State()
