"""Traces: programs under construction.

Traces nest: `grad` inside `jit` fills a function of its own in the same module and then calls it, or what is derived
from it. Outer values that the inner function uses become further operands of it (*captures*).

Under a transformation outside `jit`, a tracer still knows its concrete value: it runs the slice of the program that it
depends on in the interpreter, which is why Python control flow works under eager `grad`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from axil import errors
from axil.arrays import RULE_ERRORS, Array, Tracer, UnknownValue, as_array, user_error
from axil.dialects.avals import Aval, aval
from axil.dialects.host_functions import EffectLog
from axil.dialects.op import Op
from axil.places import mlir_location
from axil.source import SourceLine, user_line, user_location

_EMBED_LIMIT = 16
"""Constants of more elements than this become hidden operands: MLIR keeps embedded ones for ever."""


class Program:
    """One module under construction, shared by a trace without a parent and those inside it."""

    def __init__(self) -> None:
        from axil.compiler.derive import Deriver
        from axil.dialects.emit import planned
        from axil.dialects.mlir import context, ir

        self.ir = ir
        self.planned, self.create = planned, ir.Operation.create  # looked up here, as every operation asks for them
        self.context = context()
        self.module = ir.Module.create(loc=ir.Location.unknown(self.context))
        self.functions = Deriver(self.module)
        self.effects = EffectLog()  # what calls with effects have given so far, while this is being traced
        self._interpreter: Any = None
        self.uses_jit = False  # a jitted function is called in it: compile it rather than interpret it
        self.barriers = 0  # optimization barriers so far, each with a number of its own
        self.jitted: dict[Any, Any] = {}  # jitted functions that were traced into it, by what they were called with

    @property
    def interpreter(self) -> Any:
        """The reference interpreter of this module."""
        if self._interpreter is None:
            from axil.compiler.interpreter import Interpreter

            self._interpreter = Interpreter(self.functions)
        return self._interpreter


class Capture(NamedTuple):
    """An outer value that a function uses, and the argument that it became."""

    source: Any
    argument: Any


class Trace:
    """A function being filled.

    `known` maps arguments to concrete values (a trace without a parent) and `sources` maps them to outer values that
    they equal (an inner trace); both are empty where an argument stands for many values, as under `jit` and `vmap`.

    `order` is how many derivatives the transformations around here take of what is recorded here, and `in_rule`
    whether this is a part of a custom derivative rule, which is what one of them takes.
    """

    def __init__(
        self, label: str, program: Program, parent: Trace | None, name: str, avals: Sequence[Aval], role: str = ""
    ) -> None:
        from axil.compiler.functions import add_body
        from axil.dialects.combinators import Signature

        self.label = label
        self.program = program
        self.parent = parent
        order, in_rule = (parent.order, parent.in_rule) if parent is not None else (0, False)
        self.order = {"derivative": order + 1, "rule": max(order - 1, 0), "opaque": 0}.get(role, order)
        self.in_rule = in_rule or role in ("rule", "opaque")
        self.checked = role == "checkify" or (parent is not None and parent.checked)
        functions = program.functions
        self.name = functions.fresh(name)
        operation = functions._create(self.name, Signature(tuple(avals), ()), mlir_location(user_location()))
        functions._sites[self.name] = None
        self.block = add_body(operation)
        self.ip = program.ir.InsertionPoint(self.block)
        self.captures: list[Capture] = []
        self._captured: dict[int, Tracer] = {}
        self._splats: dict[tuple, Any] = {}
        self.known: dict[Any, Any] = {}
        self.sources: dict[Any, Any] = {}
        self.concrete = False  # all its values can be computed now, and it is what will run
        self.pending: list[Any] = []  # calls with effects that have not been made yet, where it is concrete
        self.cursor: dict[Any, int] | None = None  # how many have been made before here, see `EffectLog`
        self.alive = True

    # ---- emitting --------------------------------------------------------------------------------------

    def arguments(self, weak: Sequence[bool]) -> list[Tracer]:
        """Tracers of the function's arguments."""
        avals = self.program.functions.avals(self.block.arguments)
        return [Tracer(self, v, a, w) for v, a, w in zip(self.block.arguments, avals, weak)]

    def emit(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any], weak: bool) -> Any:
        """Emit an operation on lifted operands."""
        tracers = [self.lift(x) for x in operands]
        plan = self.program.planned(op, [t.aval for t in tracers], attributes)
        location = user_location()
        made = self.program.create(
            plan.name, results=plan.types, operands=[t.value for t in tracers], attributes=plan.attributes,
            loc=mlir_location(location), ip=self.ip,
        )  # fmt: skip
        if plan.effect:
            self._mark_effect()
        results = [Tracer(self, v, a, weak, location) for v, a in zip(made.results, plan.avals)]
        return results[0] if plan.single else tuple(results)

    def _mark_effect(self) -> None:
        from axil.compiler.functions import mark_effects

        mark_effects(self.program.functions[self.name])

    def call(self, name: str, operands: Sequence[Any], weak: Sequence[bool] | None = None) -> list[Tracer]:
        """Emit a call of a function of the module."""
        values = [self.lift(x).value for x in operands]
        location = user_location()
        with mlir_location(location), self.ip:
            results = self.program.functions.call(name, values)
        if self.concrete and self.program.functions.acts(name):
            self.pending.append(self.program.functions.last(self.block))
        outputs = self.program.functions.signature(name).outputs
        weak = [*(weak or ()), *[False] * len(outputs)]  # results beyond those given are not weak
        return [Tracer(self, v, a, w, location) for v, a, w in zip(results, outputs, weak)]

    def call_site(self, combinator: str, of: Sequence[str], operands: Sequence[Any], **parameters: Any) -> list[Tracer]:
        """Declare a derived function and emit a call of it."""
        from axil.dialects.combinators import COMBINATORS, Site

        site = Site(COMBINATORS[combinator], tuple(of), parameters)
        try:
            with mlir_location(user_location()):
                name = self.program.functions.declare(site)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        return self.call(name, operands)

    def finish(self, outputs: Sequence[Tracer]) -> None:
        """End the function: it returns these values of its own."""
        with mlir_location(user_location()), self.ip:
            self.program.functions.finish(self.name, [t.value for t in outputs])
        self.alive = False

    def abandon(self) -> None:
        """End the function after an error: it returns nothing, and nothing calls it.

        The module stays valid, for a user who catches the error and goes on. (Erasing the function would leave
        dangling values in tracers that have leaked.)
        """
        if self.alive:
            self.finish([])

    # ---- values from outside ---------------------------------------------------------------------------

    def lift(self, x: Any) -> Tracer:
        """A tracer of this trace for any value: an outer one is captured, a concrete one becomes a constant."""
        if type(x) is Tracer:
            if x.owner is self:
                return x
            x.owner.check_alive(x)
            if not self._inside(x.owner):
                raise errors.UnexpectedTracerError.of(
                    x.aval_text, user_line(), self.chain(), " > ".join(x.owner.chain()), _line(x.location)
                )
            return self._capture(x)
        if type(x) is not Array:
            x = as_array(x)
        if x.aval.size <= _EMBED_LIMIT:
            return self._constant(x)
        return self._capture(x)

    def _inside(self, outer: Trace) -> bool:
        trace = self.parent
        while trace is not None:
            if trace is outer:
                return True
            trace = trace.parent
        return False

    def splat(self, scalar: np.ndarray, shape: tuple[int, ...], weak: bool) -> Tracer:
        """A constant whose elements are all `scalar` (a 0-d array); emitted once in this function."""
        location = user_location()
        key = (scalar.dtype, scalar.tobytes(), shape)
        value = self._splats.get(key)
        if value is None:
            from axil.dialects.emit import splat

            with mlir_location(location), self.ip:
                value = self._splats[key] = splat(scalar, shape)
        return Tracer(self, value, aval(shape, scalar.dtype), weak, location)

    def _constant(self, x: Array) -> Tracer:
        from axil.dialects.emit import constant

        if x.aval.size == 1:
            return self.splat(x._numpy.reshape(()), x.aval.shape, x.weak_type)
        location = user_location()
        with mlir_location(location), self.ip:
            value = constant(x._numpy)
        return Tracer(self, value, x.aval, x.weak_type, location)

    def _capture(self, x: Any) -> Tracer:
        """Make an outer value an operand of this function."""
        found = self._captured.get(id(x))
        if found is None:
            from axil.dialects.mlir import tensor_type

            argument = self.block.add_argument(tensor_type(x.aval), mlir_location(user_location()))
            self.captures.append(Capture(x, argument))  # holds x, so that its id stays its own
            found = self._captured[id(x)] = Tracer(self, argument, x.aval, x.weak_type)
            if type(x) is Array:
                self.known[argument] = x._numpy
            else:
                self.sources[argument] = x
        return found

    # ---- concrete values -------------------------------------------------------------------------------

    def evaluate(self, value: Any) -> Any:
        """The concrete value of an MLIR value of this trace; `UnknownValue` if it has none."""
        self.catch_up()
        return self._evaluate(value)

    def catch_up(self) -> None:
        """Make the calls with effects that have been recorded so far, in order, as far as the program is known to run.

        The run of the whole program, later, takes what they gave from the log.
        """
        if not self.concrete:
            return
        if self.parent is not None:
            self.parent.catch_up()
        if self.cursor is None:
            self.cursor = dict(self.parent.cursor or {}) if self.parent is not None else {}
        while self.pending:
            call = self.pending.pop(0)
            for operand in call.operands:
                self._evaluate(operand)
            with self.program.context, self.program.ir.Location.unknown(), self.program.effects.follow(self.cursor):
                self.program.interpreter.execute(call, self.known)

    def _evaluate(self, value: Any) -> Any:
        interpreter = self.program.interpreter
        while True:
            try:
                with self.program.context, self.program.ir.Location.unknown():
                    return interpreter.evaluate(value, self.known)
            except KeyError as e:
                argument = e.args[0]
                source = self.sources.get(argument)
                if source is None:
                    raise UnknownValue from None
                self.known[argument] = source._numpy if type(source) is Array else source.owner.evaluate(source.value)

    def check_alive(self, tracer: Tracer) -> None:
        """Raise if a tracer is used after its trace ended."""
        if not self.alive:
            raise errors.UnexpectedTracerError.of(
                tracer.aval_text, user_line(), (), " > ".join(self.chain()), _line(tracer.location)
            )

    def chain(self) -> list[str]:
        """Labels of the transformations around here, outermost first."""
        labels, trace = [], self
        while trace is not None:
            if trace.label:
                labels.append(trace.label)
            trace = trace.parent
        return labels[::-1]


def _line(location: Any) -> SourceLine | None:
    return SourceLine.at(location) if location is not None else None
