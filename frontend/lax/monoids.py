"""Recognising a sum in `lambda a, b: a + b`: functions of two elements that are one operation of the dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil.core import Program, Trace, Tracer, aval, state
from axil.lax import elementwise as e

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "axil.add": e.add, "axil.mul": e.mul, "axil.max": e.max, "axil.min": e.min, "axil.and": e.bitwise_and,
    "axil.or": e.bitwise_or, "axil.xor": e.bitwise_xor,
}  # fmt: skip


def recognized(computation: Callable[..., Any], dtype: np.dtype) -> Callable[..., Any]:
    """The function of `axil.lax` that a function of two scalars is, where it is one; else the function itself.

    It is traced, and may do anything: what it raises here it will raise where it is used.
    """
    if computation in _OPERATIONS.values():
        return computation
    trace = Trace("", Program(), None, "computation", [aval((), dtype)] * 2)
    arguments = trace.arguments([False, False])
    outer, state.trace = state.trace, trace
    try:
        result = computation(*arguments)
        return _operation(result, trace, arguments) or computation
    except Exception:
        return computation
    finally:
        state.trace = outer
        trace.abandon()


def _operation(result: Any, trace: Trace, arguments: list[Tracer]) -> Callable[..., Any] | None:
    """The function whose operation a result is, of the two arguments in any order."""
    if type(result) is not Tracer or result.owner is not trace or not hasattr(result.value.owner, "name"):
        return None
    made = result.value.owner
    a, b = (x.value for x in arguments)
    operands = list(made.operands)
    return _OPERATIONS.get(made.name) if operands in ([a, b], [b, a]) else None
