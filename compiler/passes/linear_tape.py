"""Linearization of straight-line functions, and its transpose.

Most functions that people differentiate call no control flow. Their linear part is asked for in transposed form, hardly
ever as it is, so it stays a list in Python (a `LinearProgram`): operations that would be emitted, moved, read back and
erased are never made. `write` makes a function of it for those who do ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from axil.compiler.functions import body_of, place_error
from axil.compiler.passes.jvp import augment, replace_return
from axil.compiler.passes.transpose import transpose_op
from axil.dialects.avals import Aval
from axil.dialects.combinators.combinator import Signature, given
from axil.dialects.emit import declared_op, emit
from axil.dialects.factories import add_tangents
from axil.dialects.locations import backward
from axil.dialects.mlir import aval_of_type, ir
from axil.dialects.op import Linear, Op, zeros_like_aval
from axil.dialects.tape import Tangent, Tape


class Copied(NamedTuple):
    """An operation of the forward part that is cheaper to run again than its result is to keep."""

    name: str
    operands: tuple[int, ...]
    types: list[ir.Type]
    attributes: dict[str, ir.Attribute] | None
    results: tuple[int, ...]
    location: ir.Location


class Step(NamedTuple):
    """A linear operation."""

    op: Op
    operands: tuple[int, ...]
    attributes: Mapping[str, Any]
    results: tuple[int, ...]
    location: ir.Location


class LinearProgram(NamedTuple):
    """A linear map: of `residuals`, on which it depends, and `tangents`, to `outputs`. Values have numbers."""

    residuals: tuple[int, ...]
    tangents: tuple[int, ...]
    outputs: tuple[int, ...]
    copied: tuple[Copied, ...]
    steps: tuple[Step, ...]
    avals: tuple[Aval, ...]  # by number
    linear: frozenset[int]  # the values that depend on tangents
    location: ir.Location

    @property
    def mask(self) -> tuple[bool, ...]:
        """Of the operands of its function, those that it is linear in."""
        return (False,) * len(self.residuals) + (True,) * len(self.tangents)

    @property
    def signature(self) -> Signature:
        """The signature of its function."""
        return Signature(self.avals_of((*self.residuals, *self.tangents)), self.avals_of(self.outputs))

    def avals_of(self, numbers: Sequence[int]) -> tuple[Aval, ...]:
        """The avals of values."""
        return tuple(self.avals[i] for i in numbers)


def is_straight(block: ir.Block) -> bool:
    """Whether a block calls nothing, and has no operations but those of the library, whose rules call but ops."""
    for op in block.operations:
        name = op.name
        if name == "func.call" or (name != "func.return" and (declared_op(name) is None or _is_users(name))):
            return False
    return True


def _is_users(name: str) -> bool:
    declaration = declared_op(name)
    return declaration is not None and "." in declaration.name


def linearize(
    d: Any, name: str, mask: Sequence[bool], forwardable: Sequence[bool], wanted: Sequence[bool] | None
) -> tuple[str, LinearProgram, list, list[bool]]:
    """Linearize a straight-line function; gives the forward function, the linear map, its residuals, and which results
    have tangents. A residual is a pair (is an operand, index), as `linearize.Residual` says."""
    forward = d.clone(name, f"{name}.forward")
    block = body_of(d[forward])
    tape = Tape()
    operands = list(block.arguments)
    tangents = {a: Tangent(tape, aval_of_type(a.type)) for a, m in zip(operands, mask, strict=True) if m}
    writer = _Writer(operands, forwardable, list(tangents.values()))
    outs, touts = augment(d, forward, tangents, "linearize", tape)
    if wanted is not None:
        touts = [t if w else None for t, w in zip(touts, wanted, strict=True)]
    program = writer.program(tape, [t for t in touts if t is not None], d[forward].location)
    replace_return(d, forward, [*outs, *writer.kept])
    return forward, program, writer.found, given(touts)


class _Writer:
    """Gives numbers to the values that a linear map is made of, and finds its residuals."""

    def __init__(self, operands: Sequence[ir.Value], forwardable: Sequence[bool], tangents: Sequence[Tangent]) -> None:
        self.found: list[tuple[bool, int]] = []  # the residuals
        self.kept: list[ir.Value] = []  # those that are further results of the forward part
        self._operands = {a: i for i, a in enumerate(operands)}
        self._forwardable = forwardable
        self._numbers: dict[Any, int] = {}
        self._avals: list[Aval] = []
        self._residuals: list[int] = []
        self._copied: list[Copied] = []
        self._tangents = tuple(self._number(t, t.aval) for t in tangents)

    def program(self, tape: Tape, touts: Sequence[Any], location: ir.Location) -> LinearProgram:
        """The linear map to `touts`, without what they do not need."""
        live, needed = {*touts}, []
        for noted in reversed(tape.noted):
            if not live.isdisjoint(noted.results):
                live.update(noted.operands)
                needed.append(noted)
        linear, steps = set(self._tangents), []
        for op, operands, attributes, results, where in reversed(needed):
            read = tuple(map(self._read, operands))
            made = tuple(self._number(t, t.aval) for t in results)
            linear.update(made)
            steps.append(Step(op, read, attributes, made, where))
        outputs = tuple(map(self._read, touts))
        return LinearProgram(tuple(self._residuals), self._tangents, outputs, tuple(self._copied), tuple(steps),
                             tuple(self._avals), frozenset(linear), location)  # fmt: skip

    def _number(self, value: Any, aval: Aval) -> int:
        number = self._numbers[value] = len(self._avals)
        self._avals.append(aval)
        return number

    def _read(self, value: Any) -> int:
        """The number of a value; one of the forward part is a residual, or computed again from residuals."""
        number = self._numbers.get(value)
        if number is not None:
            return number
        op = cheap_operation(value)
        if op is not None:
            operands = tuple(map(self._read, op.operands))
            attributes = {name: op.attributes[name] for name in op.attributes} or None
            types, results = [r.type for r in op.results], list(op.results)
            made = tuple(self._number(r, aval_of_type(t)) for r, t in zip(results, types))
            self._copied.append(Copied(op.name, operands, types, attributes, made, op.location))
            return self._numbers[value]
        index = self._operands.get(value)
        if index is not None and self._forwardable[index]:
            self.found.append((True, index))
        else:
            self.found.append((False, len(self.kept)))
            self.kept.append(value)
        number = self._number(value, aval_of_type(value.type))
        self._residuals.append(number)
        return number


def cheap_operation(value: ir.Value) -> ir.Operation | None:
    """The operation that makes a value, if it is better computed again than kept."""
    if type(value) is ir.BlockArgument:
        return None
    op = value.owner
    declaration = declared_op(op.name)
    return op.operation if declaration is not None and declaration.cheap else None


def write(d: Any, program: LinearProgram, hint: str) -> str:
    """Make a function of (residuals, tangents) to outputs; gives its name."""

    def body(*arguments: ir.Value) -> list[ir.Value]:
        values = dict(zip((*program.residuals, *program.tangents), arguments))
        _copy(program, values)
        for op, operands, attributes, results, location in program.steps:
            with location:
                made = emit(op, [values[i] for i in operands], attributes)
            values.update(zip(results, made if type(made) is tuple else (made,)))
        return [values[i] for i in program.outputs]

    with program.location:
        return d.build(hint, program.avals_of((*program.residuals, *program.tangents)), body)


def transpose(d: Any, program: LinearProgram, hint: str) -> str:
    """Make the transposed function, of (residuals, cotangents of the outputs) to those of the tangents."""

    def body(*arguments: ir.Value) -> list[ir.Value]:
        count = len(program.residuals)
        values: dict[int, Any] = dict(zip(program.residuals, arguments))
        _copy(program, values)
        cts: dict[int, Any] = {}
        for number, ct in zip(program.outputs, arguments[count:], strict=True):
            if number in program.linear:
                cts[number] = add_tangents(cts.get(number), ct)
        for number in program.linear:
            values[number] = Linear(program.avals[number])
        for step in reversed(program.steps):
            if not cts.keys().isdisjoint(step.results):
                _transpose_step(step, program.linear, values, cts)
        return [cts[t] if t in cts else zeros_like_aval(program.avals[t]) for t in program.tangents]

    with program.location:
        return d.build(hint, program.avals_of((*program.residuals, *program.outputs)), body)


def _transpose_step(step: Step, linear: frozenset[int], values: dict[int, Any], cts: dict[int, Any]) -> None:
    """Hand the cotangents of a step's results on to its linear operands."""
    results = [cts.pop(r, None) for r in step.results]
    positions = [i for i, number in enumerate(step.operands) if number in linear]
    location = backward(step.location)
    try:
        with location:
            operands = [values[number] for number in step.operands]
            grads = transpose_op(step.op, operands, positions, results, step.attributes)
            for i in positions:
                if grads[i] is not None:
                    number = step.operands[i]
                    cts[number] = add_tangents(cts.get(number), grads[i])
    except Exception as error:
        place_error(error, location)
        raise


def _copy(program: LinearProgram, values: dict[int, Any]) -> None:
    """Emit what is computed again, in order."""
    for name, operands, types, attributes, results, location in program.copied:
        read = [values[i] for i in operands]
        made = ir.Operation.create(name, results=types, operands=read, attributes=attributes, loc=location)
        values.update(zip(results, made.results))


__all__ = ["LinearProgram", "cheap_operation", "is_straight", "linearize", "transpose", "write"]
