"""Tracing a rule when a transformation asks for it: what depends on which tangents are zero, or on a batch.

The call records where it happened and the outer values that its rules close over; the transformation traces the rule
into its own module, where these values are operands (see `axil.dialects.combinators.python_rules`).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from axil import pytrees
from axil.core import Array, Program, Trace, Tracer, run_function, state
from axil.custom_rules import rule_error, union


class Recorded:
    """Where a function with such rules was called, and the outer values that come first among its operands."""

    def __init__(self, label: str, consts: Sequence[Any]) -> None:
        assert state.trace is not None
        self.label = label
        self.consts = list(consts)
        self.trace: Trace = state.trace
        self.axis_sizes = state.axis_sizes


class Later(NamedTuple):
    """A function that was traced later: its name, and the avals of its results."""

    name: str
    outputs: list


def trace_later(
    d: Any, recorded: Recorded, name: str, function: Callable[..., Sequence[Any]], avals: Sequence[Any],
    weak: Sequence[bool], sources: Sequence[Any] = (), role: str = "rule",
) -> Later:  # fmt: skip
    """Trace `function` into the module of `d`, as a function of the recorded values and of arguments of its own.

    `sources` are values that the arguments equal, where they do, as in `trace_function`.
    """
    n = len(recorded.consts)
    axis_sizes = state.axis_sizes
    with d.module.context, _revived(recorded.trace):  # the context hides the caller's insertion point
        program = _BorrowedProgram(d)
        trace = _LaterTrace(recorded, program, name, [*[c.aval for c in recorded.consts], *avals], role)
        arguments = trace.arguments([*[c.weak_type for c in recorded.consts], *weak])
        trace.given = list(zip(recorded.consts, arguments))
        known = [*recorded.consts, *sources]
        trace.sources.update(zip([t.value for t in arguments], known))
        state.axis_sizes = recorded.axis_sizes
        try:
            outputs = run_function(trace, function, arguments[n:])
        finally:
            state.axis_sizes = axis_sizes
    if trace.captures:
        found = ", ".join(str(c.source.aval) for c in trace.captures)
        raise rule_error(
            f"a rule of {recorded.label} uses a traced value ({found}) that it does not close over directly",
            "pass it to the function as an argument",
        )
    return Later(trace.name, [t.aval for t in outputs])


class _BorrowedProgram(Program):
    """The program that a deriver's module stands for."""

    def __init__(self, d: Any) -> None:
        super().__init__()
        self.module = d.module
        self.functions = d
        self.barriers = 1_000_000 + len(d.table)  # unlike those of the module's own


class _LaterTrace(Trace):
    """A trace inside one that has ended."""

    def __init__(self, recorded: Recorded, program: Program, name: str, avals: Sequence[Any], role: str) -> None:
        super().__init__(recorded.label, program, recorded.trace, name, avals, role)
        self.given: list[tuple[Any, Tracer]] = []  # the recorded values, and the arguments that they are here

    def _capture(self, x: Any) -> Tracer:
        for const, argument in self.given:  # a value may have several tracers, of different weak types
            if x is const or (type(x) is type(const) is Tracer and x.value == const.value):
                return Tracer(self, argument.value, x.aval, x.weak_type)
        return self._constant(x) if type(x) is Array else super()._capture(x)


@contextlib.contextmanager
def _revived(trace: Trace) -> Iterator[None]:
    """The values of a trace that has ended, and of those around it, may be used again for a while."""
    ended = []
    around: Trace | None = trace
    while around is not None:
        if not around.alive:
            ended.append(around)
            around.alive = True
        around = around.parent
    try:
        yield
    finally:
        for t in ended:
            t.alive = False


def closed_over(*functions: Any) -> list:
    """The traced values that Python functions close over: in cells, defaults, bound arguments, and trees in them."""
    found: list = []
    seen: set[int] = set()
    pending = list(functions)
    while pending:
        x = pending.pop()
        if type(x) is Tracer:
            found.append(x)
        elif id(x) not in seen and not isinstance(x, (str, bytes, int, float, complex, bool, type(None), Array)):
            seen.add(id(x))
            pending += _parts(x)
    return union(found[::-1])


def _parts(x: Any) -> list:
    if isinstance(x, functools.partial):
        return [x.func, *x.args, *x.keywords.values()]
    if hasattr(x, "__closure__") or hasattr(x, "__func__"):
        cells = [_content(c) for c in getattr(x, "__closure__", None) or ()]
        kwdefaults = getattr(x, "__kwdefaults__", None) or {}
        return [*cells, *(getattr(x, "__defaults__", None) or ()), *kwdefaults.values(), getattr(x, "__self__", None)]
    if isinstance(getattr(x, "fun", None), object) and hasattr(x, "fun"):  # jit, custom_jvp and their like
        return [x.fun, *[getattr(x, rule, None) for rule in ("jvp", "fwd", "bwd", "vmap_rule")]]
    leaves = pytrees.tree_leaves(x)
    return [] if len(leaves) == 1 and leaves[0] is x else leaves


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


__all__ = ["Later", "Recorded", "closed_over", "trace_later"]
