"""What each thread is tracing."""

from __future__ import annotations

import threading
from typing import Any


class _State(threading.local):
    """What each thread is tracing."""

    trace: Any = None  # the innermost `Trace`, or None where operations are executed at once
    axis_sizes: dict[str, int] = {}
    scope: str = ""  # names of the scopes around here, see `axil.scopes`
    suspended: Any = None  # the trace that goes on after a block that is computed at once


state = _State()
