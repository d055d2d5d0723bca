"""Running functions under traces, and finished programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from axil.arrays import RULE_ERRORS, Array, Tracer, concrete_array, make_array, user_error
from axil.config import config
from axil.dialects.avals import Aval
from axil.trace_state import state
from axil.traces import Program, Trace


class Traced(NamedTuple):
    """A function that has been traced: name, values it closes over, and what its results are."""

    name: str
    captures: list[Any]
    outputs: list[Aval]
    weak: list[bool]


def trace_function(
    label: str, name: str, function: Callable[..., Sequence[Any]], avals: Sequence[Aval], weak: Sequence[bool],
    sources: Sequence[Any] = (), role: str = "",
) -> Traced:  # fmt: skip
    """Trace `function` into a private function of the current program.

    Captures come first among its operands. `sources` are outer values that the arguments equal, where they do.
    `role` is "derivative" for a function that is differentiated, "rule" for a custom rule, and "opaque" for a
    function that is not differentiated itself, since it has such a rule.
    """
    parent = state.trace
    assert parent is not None
    trace = Trace(label, parent.program, parent, name, avals, role)
    # What is differentiated runs once, on these values; branches, bodies and rules may not, or on others.
    trace.concrete = parent.concrete and role == "derivative" and 0 < len(avals) == len(sources)
    arguments = trace.arguments(weak)
    trace.sources.update(zip([t.value for t in arguments], sources))
    outputs = run_function(trace, function, arguments)
    name = _captures_first(trace, len(arguments))
    return Traced(name, [c.source for c in trace.captures], [t.aval for t in outputs], [t.weak_type for t in outputs])


def run_function(trace: Trace, function: Callable[..., Sequence[Any]], arguments: list[Tracer]) -> list[Tracer]:
    """Run a Python function with a trace current, and end the trace."""
    outer, state.trace = state.trace, trace
    try:
        outputs = [trace.lift(x) for x in function(*arguments)]
        trace.finish(outputs)
    finally:
        state.trace = outer
        trace.abandon()
    if config.check_tracer_leaks:
        from axil.leaks import check_leaks

        check_leaks(trace, arguments, outputs)
    return outputs


def _captures_first(trace: Trace, count: int) -> str:
    """Let a function take its captures before its own arguments; gives its name."""
    if not trace.captures:
        return trace.name
    functions = trace.program.functions
    signature = functions.signature(trace.name)
    n = len(trace.captures)
    inputs = [*signature.inputs[count:], *signature.inputs[:count]]
    with trace.program.context, trace.program.ir.Location.unknown():
        return functions.build(trace.name, inputs, lambda *a: functions.call(trace.name, [*a[n:], *a[:n]]))


def run_traced(label: str, function: Callable[..., Sequence[Any]], operands: Sequence[Any]) -> list[Any]:
    """Run `function(*operands)` under a trace: the current one, else a new one whose program is then evaluated.

    The function makes calls of derived functions; the operands are arrays or tracers.
    """
    if state.trace is not None:
        return list(function(*operands))
    arrays = [x if type(x) is Array else concrete_array(x) for x in operands]
    program = Program()
    trace = Trace("", program, None, "main", [a.aval for a in arrays])  # the function's own trace has the label
    arguments = trace.arguments([a.weak_type for a in arrays])
    trace.known.update((t.value, a._numpy) for t, a in zip(arguments, arrays))
    trace.concrete = True
    outputs = run_function(trace, function, arguments)
    with program.effects.follow({}):
        return evaluate(trace, outputs)


def evaluate(trace: Trace, outputs: Sequence[Tracer]) -> list[Array]:
    """Run a finished program without a parent on its known arguments."""
    from axil.compiler.passes.passes import no_gc

    program = trace.program
    operands = [trace.known[a] for a in trace.block.arguments]
    if program.uses_jit:
        from axil.programs import run_program

        return run_program(trace, operands, outputs)
    if config.watching:
        from axil.watched_calls import evaluate_watched

        try:
            results = evaluate_watched(trace, operands)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        return [make_array(r, t.aval, t.weak_type) for r, t in zip(results, outputs)]
    text = program.module.operation.get_asm(assume_verified=True)
    evaluator = _evaluators.get(text) or program.interpreter
    try:
        with program.context, program.ir.Location.unknown(), no_gc():
            results = evaluator.run(trace.name, operands)
    except RULE_ERRORS as e:
        raise user_error(e) from None
    if not program.functions.names_calls:
        _remember_evaluator(text, evaluator)
    return [make_array(r, t.aval, t.weak_type) for r, t in zip(results, outputs)]


_evaluators: dict[str, Any] = {}
_MAX_EVALUATORS = 512


def forget_evaluators() -> None:
    """Drop all kept interpreters."""
    _evaluators.clear()


def _remember_evaluator(text: str, evaluator: Any) -> None:
    """Keep an interpreter for further programs of the same text: it has all derivatives written out.

    A function that is differentiated again and again outside `jit` is traced every time, but derived only once. A
    program that failed is not kept: its equal, written elsewhere, fails with its own line.
    """
    if len(_evaluators) >= _MAX_EVALUATORS:
        _evaluators.clear()
    _evaluators[text] = evaluator
