"""Debugging from within traced functions: print, callback, log, breakpoint, check_nan.

Names are handed out on first use, as in the package itself: some of them are those of Python's own functions.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "callback": ("printing", "debug_callback"),
    "print": ("printing", "debug_print"),
    "log": ("printing", "debug_log"),
    "breakpoint": ("breakpoints", "debug_breakpoint"),
    "check_nan": ("checks", "check_nan"),
}
"""Public names: the module of each, and what it is called there."""


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        module, inner = _NAMES[name]
        value = globals()[name] = getattr(importlib.import_module(f"axil.debug.{module}"), inner)
        return value
    raise AttributeError(f"module 'axil.debug' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_NAMES)
