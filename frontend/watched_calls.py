"""Calls that are looked at: what jitted functions and programs do while an option or the profiler asks for it.

The hot path reads one attribute, `config.watching`, and comes here where it is set.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from axil import errors, pytrees
from axil.config import config
from axil.core import RULE_ERRORS, Array, Trace, user_error
from axil.nan_checks import check_compiled, kinds, run_checked
from axil.runtime import spans
from axil.runtime.errors import AxilError, DeviceError
from axil.source import user_line

if TYPE_CHECKING:
    from axil.call_arguments import Arguments, Jitted
    from axil.jitted import JitFunction
    from axil.programs import RunnableProgram
    from axil.stages import Compiled


class NoExecutionError(AxilError, RuntimeError):
    """Something was to be computed while `no_execution` was on."""


def call_jitted(jitted: JitFunction, args: tuple, kwargs: dict) -> Any:
    """A call of a jitted function outside any trace."""
    from axil.call_arguments import Arguments

    call = lambda: Arguments(jitted, args, kwargs)
    plain = jitted._plain and not kwargs
    compiled, operands = jitted._lookup_trees(args) if plain else jitted._compiled(args, kwargs)
    with _keys_watched(lambda: jitted._trace(call())._trace, compiled, operands, jitted.label) as results:
        results += run(compiled, operands, jitted.label, replay_of(jitted, call))
    return results[0] if compiled.single else pytrees.tree_unflatten(compiled.treedef, results)


def call_compiled(compiled: Compiled, operands: Sequence[Array]) -> Any:
    """A call of what was compiled ahead of time."""
    program, jitted = compiled._program, compiled._jitted
    results = run(program, operands, jitted.label, replay_of(jitted, lambda: compiled._call))
    return results[0] if program.single else pytrees.tree_unflatten(program.treedef, results)


def run(
    program: RunnableProgram, operands: Sequence[Array], label: str, replay: Callable[[Sequence[np.ndarray]], Any]
) -> list[Array]:
    """Run a compiled program; `replay(operands)` does what it does operation by operation, checking each."""
    refuse_execution(label)
    checking = bool(kinds())
    # Looking at a donated operand lets the program work on a copy, so that it is still there for the replay.
    values = [x._numpy for x in operands] if checking else []
    recording = spans.recording()
    if recording is None:
        results = program.run(operands)
    else:
        with spans.span(label, "execute", program=id(program.executable)):
            results = program.run(operands)
        recording.programs[id(program.executable)] = RanProgram(label, program, operands)
    if checking:
        check_compiled(label, results, values, lambda: replay(values))
    return results


def replay_of(jitted: Jitted, call: Callable[[], Arguments]) -> Callable[[Sequence[np.ndarray]], Any]:
    """What runs a jitted function operation by operation: it is traced again for that."""

    def replay(operands: Sequence[np.ndarray]) -> None:
        trace = jitted._trace(call())._trace
        hidden = [c.source._numpy for c in trace.captures]
        run_checked(trace.program.functions, trace.name, [*operands, *hidden], [jitted.label])

    return replay


def run_watched_program(trace: Trace, program: RunnableProgram, operands: Sequence[Array]) -> list[Array]:
    """Run the compiled program of a trace outside `jit` that calls jitted functions."""
    label = "a program with a jitted function in it"
    with _keys_watched(lambda: trace, program, operands, label) as results:
        replay = lambda values: run_checked(trace.program.functions, trace.name, values)
        results += run(program, operands, label, replay)
    return results


@contextlib.contextmanager
def _keys_watched(
    trace: Callable[[], Trace], program: RunnableProgram | None, operands: Sequence[Array], label: str
) -> Iterator[list[Array]]:
    """Note which keys a program uses, before it runs, and which it makes, after it has put its results in a list."""
    results: list[Array] = []
    if not config.debug_key_reuse:
        yield results
        return
    from axil import key_reuse

    uses = getattr(program.info, "key_uses", None) if program is not None else None
    if uses is None:
        traced = trace()
        uses = key_reuse.uses_of(traced, traced.name, [label])
        if program is not None:
            program.info.key_uses = uses
    key_reuse.use_operands(uses, [x._numpy for x in operands], label)
    yield results
    key_reuse.allow_results(uses, results)


def evaluate_watched(trace: Trace, operands: Sequence[Any]) -> list[Any]:
    """Run a program that was traced outside `jit`, operation by operation."""
    from axil.compiler.passes.passes import no_gc

    refuse_execution("a traced program")
    program = trace.program
    arrays = [Array(np.asarray(x)) for x in operands]
    with _keys_watched(lambda: trace, None, arrays, "a traced program") as made, spans.span("interpret", "execute"):
        if kinds():
            results = run_checked(program.functions, trace.name, operands)
        else:
            try:
                with program.context, program.ir.Location.unknown(), no_gc():
                    results = program.interpreter.run(trace.name, operands)
            except RULE_ERRORS as e:
                raise user_error(e) from None
        made += [Array(np.asarray(x)) for x in results]
    return results


class RanProgram:
    """A compiled program that ran while a trace was recorded, with what the profiler needs to run it again."""

    def __init__(self, name: str, program: RunnableProgram, operands: Sequence[Array]) -> None:
        self.name = name
        self._program = program  # held, so that its number stays its own
        self._operands = operands

    @property
    def vmfb(self) -> bytes:
        """The program; `DeviceError` where it cannot be run outside this process."""
        if self._program.info.host_calls:
            raise DeviceError("it calls Python functions, which are in this process alone")
        return self._program.info.vmfb

    @property
    def device(self) -> str:
        """IREE's name of what it ran on."""
        executable = self._program.executable
        return executable.device.lane(executable.parallel).driver

    def operands(self) -> list[np.ndarray]:
        """What it was called with last; zeros in place of what was donated."""
        arrays = [self._operands[i] for i in self._program.info.kept if i < len(self._operands)]
        gone = lambda x: x._value is None and x._buffer is None
        return [np.zeros(x.aval.shape, x.aval.dtype) if gone(x) else x._numpy for x in [*arrays, *self._program.hidden]]


def refuse_execution(what: str) -> None:
    """Raise while `no_execution` is on."""
    if config.no_execution:
        raise NoExecutionError(
            errors.explain(f"{what} was to run while no_execution is on", user_line(), (),
                           "axil.no_execution(True) lets functions be traced and compiled alone.",
                           ["leave the block of axil.no_execution, or set the option to False"])
        )  # fmt: skip
