"""Linearization: a function split into what it computes and the linear map of its tangents.

The function is augmented as for forward mode; operations that depend on a tangent are linear in it, and move
into a function of their own, together with the values that they need from the other part: the residuals.
What is cheap to compute again (constants, broadcasts) is copied and not kept.

Functions that call no control flow take a shorter way to the same end, see `linear_tape`.
"""

from __future__ import annotations

from itertools import starmap
from typing import Any, NamedTuple

from axil.compiler.functions import body_of, copy_operation, has_effects, mark_effects, operations
from axil.compiler.passes import linear_tape
from axil.compiler.passes.jvp import augment, replace_return, tangent_arguments
from axil.compiler.passes.linear_tape import cheap_operation
from axil.compiler.passes.prune import prune
from axil.dialects.combinators.combinator import given
from axil.dialects.mlir import aval_of_type, ir


class Residual(NamedTuple):
    """Where the linear part gets a residual: an operand of the function, or one more result of `forward`."""

    is_operand: bool
    index: int


class Linearized(NamedTuple):
    """`forward`: x to (y, residuals); `linear`: (residuals, tangents) to nonzero tangents."""

    forward: str
    linear: str
    residuals: tuple[Residual, ...]
    nonzero: tuple[bool, ...]


def derive(
    d: Any, name: str, mask: tuple[bool, ...], forwardable: tuple[bool, ...], wanted: tuple[bool, ...] | None = None
) -> Linearized:
    """Linearize function `name` in the operands of `mask`; `wanted` marks the results whose tangents are asked for."""
    name = d.flat(name)
    if linear_tape.is_straight(body_of(d[name])):
        forward, program, found, nonzero = linear_tape.linearize(d, name, mask, forwardable, wanted)
        return Linearized(forward, d.later(f"{name}.linear", program), tuple(starmap(Residual, found)), tuple(nonzero))
    forward = d.clone(name, f"{name}.forward")
    block = body_of(d[forward])
    count = len(block.arguments)
    outs, touts = augment(d, forward, tangent_arguments(d, forward, mask), "linearize")
    if wanted is not None:
        touts = [t if w else None for t, w in zip(touts, wanted, strict=True)]
    tangents = list(block.arguments)[count:]
    given_touts = [t for t in touts if t is not None]
    stands_for = prune(d, block, [*outs, *given_touts])
    outs, given_touts = ([stands_for.get(v, v) for v in values] for values in (outs, given_touts))
    linear = _Split(d, block, count, forwardable, tangents)
    linear_name = linear.build(f"{name}.linear", given_touts)
    for i in reversed(range(count, len(block.arguments))):
        block.erase_argument(i)
    replace_return(d, forward, [*outs, *linear.kept])
    return Linearized(forward, linear_name, tuple(linear.residuals), tuple(given(touts)))


def _linear_operations(block: ir.Block, linear: set[ir.Value]) -> list[tuple[ir.Operation, list[ir.Value]]]:
    """The operations that depend on tangents, and their operands; `linear`, the tangents, grows by their results."""
    found = []
    for op in operations(block)[:-1]:
        operands = list(op.operands)
        if not linear.isdisjoint(operands):
            linear.update(op.results)
            found.append((op, operands))
    return found


class _Split:
    """Moves linear operations into a function of their own."""

    def __init__(
        self, d: Any, block: ir.Block, count: int, forwardable: tuple[bool, ...], tangents: list
    ) -> None:
        self.d = d
        self.operands = {a: i for i, a in enumerate(list(block.arguments)[:count])}
        self.forwardable = forwardable
        self.tangents = tangents
        self.linear = set(tangents)
        self.linear_ops = _linear_operations(block, self.linear)
        self.residuals: list[Residual] = []
        self.kept: list[ir.Value] = []  # further results of the forward part
        self.sources: dict[ir.Value, None] = {}  # values that are residuals, in order

    def build(self, hint: str, touts: list) -> str:
        for operands in [*[operands for _, operands in self.linear_ops], touts]:
            for value in operands:
                if value not in self.linear:
                    self._need(value)
        avals = [aval_of_type(v.type) for v in [*self.sources, *self.tangents]]
        return self.d.build(hint, avals, lambda *arguments: self._move(arguments, touts))

    def _need(self, value: ir.Value, seen: bool = False) -> None:
        """Note that the linear part needs a value: as a residual, or computed again from residuals."""
        if value in self.sources:
            return
        op = cheap_operation(value)
        if op is not None:
            for operand in op.operands:
                self._need(operand)
            return
        index = self.operands.get(value)
        if index is not None and self.forwardable[index]:
            self.residuals.append(Residual(True, index))
        else:
            self.residuals.append(Residual(False, len(self.kept)))
            self.kept.append(value)
        self.sources[value] = None

    def _move(self, arguments: tuple, touts: list) -> list:
        env = dict(zip([*self.sources, *self.tangents], arguments))
        target = ir.InsertionPoint.current.block

        def read(value: ir.Value) -> ir.Value:
            if value in self.linear and value not in env:
                return value
            if value not in env:
                op = cheap_operation(value)
                assert op is not None
                operands = [read(v) for v in op.operands]
                with op.location:
                    env[value] = copy_operation(op, operands).results[0]
            return env[value]

        for op, operands in self.linear_ops:
            changed = [(i, read(v)) for i, v in enumerate(operands) if v in env or v not in self.linear]
            target.append(op)
            if has_effects(op):
                mark_effects(target.owner)
            for i, value in changed:
                op.operands[i] = value
        return [read(t) for t in touts]
