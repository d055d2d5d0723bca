"""Arrays, tracers and traces: how operations are executed at once or recorded into a program.

An `Array` is concrete. A `Tracer` is a value of a program under construction: an MLIR value in a function that a
`Trace` is filling. `bind` is the one gate through which every operation goes: with no trace it runs the op's NumPy
reference, under a trace it emits the op.

Traces nest: `grad` inside `jit` fills a function of its own in the same module and then calls it, or what is
derived from it. Outer values that the inner function uses become further operands of it (*captures*).

Under a transformation outside `jit`, a tracer still knows its concrete value: it runs the slice of the
program that it depends on in the interpreter, which is why Python control flow works under eager `grad`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from axil import dtypes, errors
from axil.array_methods import ArrayMethods
from axil.config import activate_all, config
from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval
from axil.dialects.errors import (
    AttributeValueError,
    BatchingError,
    CheckFailed,
    DifferentiationError,
    DtypeError,
    EffectError,
)
from axil.dialects.errors import ShapeError as RuleShapeError
from axil.dialects.host_functions import EffectLog
from axil.dialects.op import Op
from axil.runtime.errors import AxilError
from axil.source import Location, SourceLine, user_line, user_location

RULE_ERRORS = (
    RuleShapeError, DtypeError, AttributeValueError, DifferentiationError, BatchingError, CheckFailed, EffectError,
)  # fmt: skip

_EMBED_LIMIT = 16
"""Constants of more elements than this become hidden operands: MLIR keeps embedded ones for ever."""


class ShapeError(AxilError, TypeError, ValueError):
    """Shapes, dtypes or attributes of an operation do not fit together."""


class DerivativeError(AxilError, TypeError, ValueError, NotImplementedError):
    """A derivative was asked for that does not exist."""


class VmapError(AxilError, TypeError, ValueError, NotImplementedError):
    """Something that cannot be batched is under `vmap`, such as a callback that does not say how."""


class EffectMisplacedError(AxilError, ValueError):
    """An effect, such as that of a check, is in a program that cannot have it."""


class DonatedArrayError(AxilError, RuntimeError):
    """An array is used after its memory was donated to a compiled function."""


class _State(threading.local):
    """What each thread is tracing."""

    trace: Trace | None = None
    axis_sizes: dict[str, int] = {}
    scope: str = ""  # names of the scopes around here, see `axil.scopes`
    suspended: Trace | None = None  # the trace that goes on after a block that is computed at once


state = _State()


# ---- values --------------------------------------------------------------------------------------------


class Array(ArrayMethods):
    """A concrete, immutable array. Made by `axil.numpy.array` and friends, and by every operation.

    It holds a NumPy array, a device buffer, or both: results of compiled programs are turned into NumPy
    arrays when somebody looks, NumPy arrays are handed to devices when a program needs them.
    """

    __slots__ = ("aval", "weak_type", "_value", "_buffer")

    aval: Aval
    weak_type: bool
    _value: np.ndarray | None
    _buffer: Any

    def __init__(self, value: np.ndarray, weak_type: bool = False) -> None:
        """Take over `value`, which must not be changed afterwards. For users: `axil.numpy.array`."""
        self.aval = aval(value.shape, value.dtype)
        self.weak_type = weak_type
        self._value = value
        self._buffer = None

    @property
    def _numpy(self) -> np.ndarray:
        """The value as a NumPy array that must not be written to."""
        value = self._value
        if value is None:
            if self._buffer is None:
                raise donated_error(self)
            from axil.runtime import default_device
            from axil.runtime.buffers import to_host

            if transfer_hooks and not default_device().is_host:
                transfer_hooks[0](self.aval, "device_to_host")
            value = self._value = to_host(self._buffer, default_device(), self.aval.shape, self.aval.dtype)
        return value


def donated_error(x: Array) -> AxilError:
    """The error for using an array whose memory was given away."""
    return DonatedArrayError(
        errors.explain(
            f"an array of {x.aval} was donated to a compiled function and is gone", user_line(),
            ways_out=["use the function's result instead", "or do not donate it: leave it out of donate_argnums"],
        )  # fmt: skip
    )


_new_array = Array.__new__


def make_array(value: Any, of: Aval, weak_type: bool = False) -> Array:
    """An array from a NumPy result whose aval is known."""
    self = _new_array(Array)
    self.aval = of
    self.weak_type = weak_type
    self._value = value if type(value) is np.ndarray else np.asarray(value)
    self._buffer = None
    return self


def array_of_buffer(buffer: Any, of: Aval, weak_type: bool = False) -> Array:
    """An array whose value is in device memory."""
    self = _new_array(Array)
    self.aval = of
    self.weak_type = weak_type
    self._value = None  # type: ignore[assignment]
    self._buffer = buffer
    return self


class Tracer(ArrayMethods):
    """A value of a program under construction."""

    __slots__ = ("owner", "value", "aval", "weak_type", "location")

    def __init__(self, trace: Trace, value: Any, of: Aval, weak_type: bool = False, location: Any = None) -> None:
        self.owner = trace
        self.value = value
        self.aval = of
        self.weak_type = weak_type
        self.location = location

    @property
    def _numpy(self) -> np.ndarray:
        return self.concrete("its NumPy array", errors.TracerArrayConversionError)

    def concrete(self, purpose: str = "", error: Any = errors.ConcretizationTypeError) -> np.ndarray:
        """The concrete value, where the values that are known determine it; else raises `error`."""
        self.owner.check_alive(self)
        try:
            return np.asarray(self.owner.evaluate(self.value))
        except _Unknown:
            raise error.of(self.aval_text, user_line(), self.owner.chain(), purpose) from None
        except RULE_ERRORS as e:
            raise user_error(e) from None

    @property
    def aval_text(self) -> str:
        """Shape and dtype, as messages spell them."""
        return repr(self.aval)

    def __repr__(self) -> str:
        return f"Traced<{self.aval_text}> in {' > '.join(self.owner.chain())}"


class _Unknown(Exception):
    """A concrete value depends on an operand that has none."""


# ---- traces --------------------------------------------------------------------------------------------


class Program:
    """One module under construction, shared by a trace without a parent and those inside it."""

    def __init__(self) -> None:
        from axil.compiler.derive import Deriver
        from axil.dialects.mlir import context, ir

        self.ir = ir
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
        from axil.dialects.emit import op_name
        from axil.dialects.mlir import tensor_type, to_attribute

        tracers = [self.lift(x) for x in operands]
        inferred = op.infer(*[t.aval for t in tracers], **attributes)
        single = type(inferred) is not tuple
        outputs = (inferred,) if single else inferred
        location = user_location()
        kinds = op.attributes
        built = {k: to_attribute(kinds[k], v) for k, v in attributes.items()}
        made = self.program.ir.Operation.create(
            op_name(op, len(tracers)), results=[tensor_type(a) for a in outputs],
            operands=[t.value for t in tracers], attributes=built or None, loc=mlir_location(location), ip=self.ip,
        )  # fmt: skip
        if op.has_effect:
            self._mark_effect()
        results = [Tracer(self, v, a, weak, location) for v, a in zip(made.results, outputs)]
        return results[0] if single else tuple(results)

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

    def _constant(self, x: Array) -> Tracer:
        from axil.dialects.emit import constant

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
        """The concrete value of an MLIR value of this trace; `_Unknown` if it has none."""
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
                    raise _Unknown from None
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


_locations: dict[Any, Any] = {}


def mlir_location(location: Any) -> Any:
    """The MLIR location of a place in the user's code."""
    if state.scope:
        return _scoped_location(state.scope, location)
    found = _locations.get(location)
    if found is None:
        from axil.dialects.mlir import context, ir

        column = (location.column or 0) + 1
        if len(_locations) > 100_000:
            _locations.clear()
        found = _locations[location] = ir.Location.file(location.file, location.line, column, context())
    return found


def _scoped_location(scope: str, location: Any) -> Any:
    """The MLIR location of a place within a named scope."""
    found = _scoped.get((scope, location))
    if found is None:
        from axil.dialects.locations import within_scope

        state.scope = ""
        try:
            found = _scoped[scope, location] = within_scope(scope, mlir_location(location))
        finally:
            state.scope = scope
        if len(_scoped) > 100_000:
            _scoped.clear()
    return found


_scoped: dict[Any, Any] = {}


# ---- the gate ------------------------------------------------------------------------------------------


def as_array(x: Any, dtype: Any = None) -> Array:
    """A concrete array of a NumPy array or Python scalar, in its canonical dtype."""
    if type(x) is Array:
        return x
    value = dtypes.as_numpy(x, dtype)
    if transfer_hooks:
        transfer_hooks[0](x, "host_to_device")
    if isinstance(x, np.ndarray) and np.may_share_memory(value, x):
        value = _copied(value)  # the caller may change theirs
    return Array(value, dtypes.is_weak(x))


transfer_hooks: list[Callable[[Any, str], None]] = []
"""What is told of values that move between host and device, while a guard is set (`axil.transfers`)."""


def _copied(value: np.ndarray) -> np.ndarray:
    """A copy, in memory that devices can use as it is."""
    from axil.runtime.buffers import aligned_empty

    copy = aligned_empty(value.shape, value.dtype)
    copy[...] = value
    return copy


def bind(op: Op, *operands: Any, weak: bool = False, **attributes: Any) -> Any:
    """Execute or record an operation. Operands already have the dtypes that the op wants.

    Gives an array, or a tuple of them for an op with several results.
    """
    trace = state.trace
    try:
        if trace is not None:
            return trace.emit(op, operands, attributes, weak)
        arrays = [x if type(x) is Array else concrete_array(x) for x in operands]
        inferred = op.infer(*[a.aval for a in arrays], **attributes)
        with np.errstate(all="ignore"):
            result = op.reference(*[a._numpy for a in arrays], **attributes)
        if eager_checks:
            check_eager(op, [a._numpy for a in arrays], result)
        if type(inferred) is not tuple:
            return make_array(result, inferred, weak)
        return tuple(make_array(r, a, weak) for r, a in zip(result, inferred))
    except _StillTraced:
        assert state.suspended is not None
        return state.suspended.emit(op, operands, attributes, weak)
    except RULE_ERRORS as e:
        raise user_error(e) from None


class _StillTraced(Exception):  # noqa: N818 - says something, and is never shown
    """A traced value is used where what is concrete is computed at once."""


eager_checks: list[Callable[[Op, Sequence[np.ndarray], Sequence[Any]], None]] = []
"""What looks at the operands and results of eager operations, while an option asks for it (`axil.nan_checks`)."""


def check_eager(op: Op, operands: Sequence[np.ndarray], result: Any) -> None:
    """Let all `eager_checks` look at an operation that has run, with its result or several."""
    for check in list(eager_checks):
        check(op, operands, result if isinstance(result, (tuple, list)) else (result,))


def concrete_array(x: Any) -> Array:
    """An array for what is used outside any trace; raises for a tracer, which has leaked."""
    if type(x) is Tracer:
        x.owner.check_alive(x)
        if state.suspended is not None:
            raise _StillTraced
        raise errors.UnexpectedTracerError.of(x.aval_text, user_line(), (), " > ".join(x.owner.chain()))
    return as_array(x)


def user_error(e: Exception) -> AxilError:
    """The user's view of an error that a rule raised: with the line that it came from."""
    if isinstance(e, CheckFailed):
        from axil.experimental.checkify import error_of_failure

        return error_of_failure(e.failure)
    line = _line_of_mlir(getattr(e, "location", None)) or user_line()
    kinds = {DifferentiationError: DerivativeError, BatchingError: VmapError, EffectError: EffectMisplacedError}
    kind = kinds.get(type(e), ShapeError)
    return kind(errors.explain(str(e), line))


def _line_of_mlir(location: Any) -> SourceLine | None:
    """The source line of an MLIR location, if it is a place in a file."""
    if location is None:
        return None
    from axil.dialects.locations import read

    place = read(location)
    return None if place is None else line_of_place(place)


def user_place() -> Any:
    """The user's present line, as it is read back from the locations of operations."""
    from axil.dialects.locations import read

    return read(mlir_location(user_location()))


def line_of_place(place: Any) -> SourceLine:
    """The source line of a location that was read back."""
    at = (place.file, place.line, place.column - 1)
    # The place as it was when the operation was traced knows the function and the whole expression.
    known = next((k for k in _locations if (k.file, k.line, k.column or 0) == at), None)
    return SourceLine.at(known or Location(at[0], at[1], "", at[2]))


# ---- running a function under a trace ------------------------------------------------------------------


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
    outputs = _run(trace, function, arguments)
    name = _captures_first(trace, len(arguments))
    return Traced(name, [c.source for c in trace.captures], [t.aval for t in outputs], [t.weak_type for t in outputs])


def _run(trace: Trace, function: Callable[..., Sequence[Any]], arguments: list[Tracer]) -> list[Tracer]:
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
    outputs = _run(trace, function, arguments)
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


activate_all()  # options that were set before there were arrays

__all__ = [
    "Array", "Aval", "Program", "ShapeError", "Trace", "Traced", "Tracer", "array_of_buffer", "as_array", "aval",
    "av", "bind", "concrete_array", "donated_error", "evaluate", "make_array", "run_traced", "state",
    "trace_function", "user_error",
]  # fmt: skip
