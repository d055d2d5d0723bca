"""Checking that no random key is used twice: ``axil.debug_key_reuse(True)``, or this for one function.

    axil.experimental.key_reuse.check(f, key)      # raises KeyReuseError without running f
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axil.config import debug_key_reuse
from axil.errors import KeyReuseError


def check(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Trace `fun` for arguments (arrays or `ShapeDtypeStruct`s), and raise `KeyReuseError` if it uses a key twice.

    Nothing is computed, and keys among the arguments do not count as used.
    """
    from axil import jitted, key_reuse

    with debug_key_reuse(True):
        function = jitted.jit(fun)
        trace = function.trace(*args, **kwargs)._trace
        key_reuse.uses_of(trace, trace.name, [function.label])


__all__ = ["KeyReuseError", "check", "debug_key_reuse"]
