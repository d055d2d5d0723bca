"""Guarding the caller's buffers: IREE may overwrite an argument, unless the program copies it first.

Where the last use of an argument is a scatter, a sort or an update of a slice, IREE 3.13 updates the caller's buffer
in place (iree-org/iree#16168). Each argument that may get there, be it through reshapes, loops
or branches, is copied at the program's start. A donated argument is not guarded and is marked as consumed: its buffer
is free for reuse. But where the program also gives it back, IREE would give back what it was overwritten with: so such
an argument is guarded like others.

The copy is an xor with a zero that stands behind a barrier: clones, additions of zero and barriers alone are folded
away. (A `flow.tensor.transfer` protects arguments too, but where a program has one, IREE gives two values of a loop's
state one buffer if they start as the same value, and then updates both in place: silently wrong.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from axil.compiler.functions import body_of, has_body, is_public, operations, producer
from axil.compiler.passes.lower import HOST_MODULE
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.avals import Aval, is_bool, is_complex
from axil.dialects.mlir import aval_of_type, context, ir, tensor_type

_IN_PLACE = {"stablehlo.scatter", "stablehlo.sort", "stablehlo.dynamic_update_slice"}
VIEWS = {
    "stablehlo.reshape", "stablehlo.transpose", "stablehlo.concatenate", "stablehlo.slice", "stablehlo.pad",
    "stablehlo.bitcast_convert", "stablehlo.convert", "stablehlo.optimization_barrier", "stablehlo.reverse",
    "stablehlo.dynamic_slice", "stablehlo.broadcast_in_dim", "stablehlo.real", "stablehlo.imag", "stablehlo.complex",
}  # fmt: skip


@dataclass
class GuardInputs(Pass):
    """Protect the arguments of public functions; `donate` lists positions that may be overwritten ("0;2")."""

    donate: tuple[int, ...] = ()
    name: ClassVar[str] = "axil-guard-inputs"

    def run(self, module: ir.Operation) -> None:
        functions = [f for f in operations(module.regions[0].blocks[0]) if f.name == "func.func"]
        calls_host = any(f.attributes["sym_name"].value.startswith(HOST_MODULE) for f in functions)
        bodies = [body_of(f) for f in functions if has_body(f)]
        updates = any(_has_updates(body) for body in bodies)
        for body in bodies if updates else ():
            _guard_captured(body)
        for function in functions:
            if is_public(function) and has_body(function):
                self._guard(function)
                if calls_host:
                    _guard_host_results(body_of(function))
        for body in bodies if updates else ():
            _guard_barriers(body)

    def _guard(self, function: ir.Operation) -> None:
        block = body_of(function)
        first = block.operations[0].operation
        consumed = overwritable(function, self.donate)
        with ir.InsertionPoint(first), function.location:
            for i, argument in enumerate(list(block.arguments)):
                if i not in consumed and _at_risk(argument):
                    of = aval_of_type(argument.type)
                    reader, copy = copied(argument, of)
                    argument.replace_all_uses_except(copy, reader)
        if consumed:
            _mark_consumed(function, consumed)


def _mark_consumed(function: ir.Operation, positions: tuple[int, ...]) -> None:
    ctx = context()
    count = len(body_of(function).arguments)
    consumed = ir.DictAttr.get({"iree.abi.consume": ir.UnitAttr.get(ctx)}, ctx)
    nothing = ir.DictAttr.get({}, ctx)
    attributes = [consumed if i in positions else nothing for i in range(count)]
    function.attributes["arg_attrs"] = ir.ArrayAttr.get(attributes, ctx)


def overwritable(function: ir.Operation, donate: tuple[int, ...]) -> tuple[int, ...]:
    """The donated arguments of a function that it does not give back as they are."""
    arguments = body_of(function).arguments
    return tuple(i for i in donate if not any(op.name == "func.return" for op, _ in _readers(arguments[i])))


def _guard_host_results(block: ir.Block) -> None:
    """IREE overwrites what a function of the host gave just as it does arguments."""
    for op in operations(block):
        if op.name == "func.call" and op.attributes["callee"].value.startswith(HOST_MODULE):
            for result in op.results:
                if _at_risk(result):
                    with ir.InsertionPoint.after(op), op.location:
                        reader, copy = copied(result, aval_of_type(result.type))
                    result.replace_all_uses_except(copy, reader)
        for region in op.regions:
            for inner in region.blocks:
                _guard_host_results(inner)


def _has_updates(block: ir.Block) -> bool:
    """Whether anything in a block is updated in place, or given on by a branch."""
    for op in operations(block):
        name = op.name
        if name in _IN_PLACE or name == "stablehlo.case":
            return True
        if name == "stablehlo.while" and any(_has_updates(b) for region in op.regions for b in region.blocks):
            return True
    return False


def _guard_captured(block: ir.Block) -> None:
    """Copy in each step of a loop what the step takes from outside and may update in place, or give on.

    IREE sees that nothing reads the value later, and forgets that the next step does.
    """
    for op in operations(block):
        for region in op.regions:
            for inner in region.blocks:
                _guard_captured(inner)
        if op.name == "stablehlo.while":
            body = op.regions[1].blocks[0]
            for value in _captured(body):
                if _at_risk(value, within=op):
                    with ir.InsertionPoint(body.operations[0]), op.location:
                        reader, copy = copied(value, aval_of_type(value.type))
                    value.replace_all_uses_except(copy, [*_outside(value, op), reader])


def _guard_barriers(block: ir.Block) -> None:
    """Copy what goes into a barrier and is read elsewhere too, where either may be updated in place.

    IREE takes the two for different values, and lets them lie in one place.
    """
    for op in operations(block):
        if op.name == "stablehlo.optimization_barrier":
            for i, value in enumerate(op.operands):
                if len(list(value.uses)) > 1 and _at_risk(value):
                    with ir.InsertionPoint(op), op.location:
                        op.operands[i] = copied(value, aval_of_type(value.type), i)[1]
        for region in op.regions:
            for inner in region.blocks:
                _guard_barriers(inner)


def _captured(block: ir.Block) -> list[ir.Value]:
    """The values from outside that a loop's body reads, without constants, which IREE does not overwrite."""
    read: dict[ir.Value, None] = {}
    defined: set[ir.Value] = set()
    _collect(block, read, defined)
    outside = [(value, producer(value)) for value in read if value not in defined]
    return [value for value, made in outside if made is None or made.name != "stablehlo.constant"]


def _collect(block: ir.Block, read: dict[ir.Value, None], defined: set[ir.Value]) -> None:
    """The values that the operations of a block read, and those that are defined in it."""
    defined.update(block.arguments)
    for op in operations(block):
        read.update(dict.fromkeys(op.operands))
        defined.update(op.results)
        for region in op.regions:
            for inner in region.blocks:
                _collect(inner, read, defined)


def _is_inside(op: ir.Operation, loop: ir.Operation) -> bool:
    """Whether an operation is inside a loop."""
    parent = op.parent
    while parent is not None:
        parent = getattr(parent, "operation", parent)
        if parent == loop:
            return True
        parent = parent.parent
    return False


def _outside(value: ir.Value, loop: ir.Operation) -> list[ir.Operation]:
    """The readers of a value that are not inside a loop."""
    owners = [getattr(use.owner, "operation", use.owner) for use in value.uses]
    return [op for op in owners if not _is_inside(op, loop)]


def _at_risk(argument: ir.Value, within: ir.Operation | None = None) -> bool:
    """Whether an argument's memory may be what an operation updates in place, here or inside a loop.

    In a loop, it is also at risk where a branch gives it on.
    """
    for op, position in _readers(argument, within):
        # (The first operands of these operations are what they update; then come indices and updates.)
        if op.name in _IN_PLACE and position < len(op.results):
            return True
        if within is not None and op.name == "stablehlo.return" and op.parent.operation.name == "stablehlo.case":
            return True
    return False


def _readers(argument: ir.Value, within: ir.Operation | None = None) -> Iterator[tuple[ir.Operation, int]]:
    """The operations that read an argument's memory, directly or through views of it, and as which operand.

    With `within`, its own uses count only there.
    """
    pending, seen = [argument], {argument}
    while pending:
        value = pending.pop()
        for use in value.uses:
            op = use.owner.operation if hasattr(use.owner, "operation") else use.owner
            if within is not None and value == argument and not _is_inside(op, within):
                continue
            yield op, use.operand_number
            for alias in _aliases(op, use.operand_number):
                if alias not in seen:
                    seen.add(alias)
                    pending.append(alias)


def _aliases(op: ir.Operation, position: int) -> Iterator[ir.Value]:
    """Values that may lie in the memory of an operation's operand."""
    if op.name in VIEWS:
        yield from op.results
    elif op.name == "stablehlo.while":
        yield op.results[position]
        for region in op.regions:
            yield region.blocks[0].arguments[position]
    elif op.name == "stablehlo.return":
        parent = op.parent.operation if hasattr(op.parent, "operation") else op.parent
        if parent.name in ("stablehlo.case", "stablehlo.while") and position < len(parent.results):
            yield parent.results[position]
            if parent.name == "stablehlo.while":
                yield parent.regions[1].blocks[0].arguments[position]


def copied(x: ir.Value, of: Aval, number: int = 0) -> tuple[ir.Operation, ir.Value]:
    """Emit a copy of a value; gives the operation that reads the value, and the copy.

    Copies of one value with the same `number` may become one.
    """
    if is_complex(of.dtype):
        pair = hlo.typed("optimization_barrier", [x.type, x.type], [x, x])
        parts = [hlo.op("real", pair.results[0]), hlo.op("imag", pair.results[1])]
        real, imag = [copied(p, aval_of_type(p.type), number)[1] for p in parts]
        return pair, hlo.op("complex", real, imag)
    bits = of.with_dtype("int8" if is_bool(of.dtype) else f"int{8 * of.dtype.itemsize}")
    way = "convert" if is_bool(of.dtype) else "bitcast_convert"
    if bits is of:
        zero = _zero(bits, number)
        mixed = hlo.typed("xor", [x.type], [x, zero])
        return mixed, mixed.results[0]
    read = hlo.typed(way, [tensor_type(bits)], [x])
    mixed = hlo.op("xor", read.results[0], _zero(bits, number))
    return read, hlo.typed(way, [x.type], [mixed]).results[0]


def _zero(of: Aval, number: int = 0) -> ir.Value:
    """Zeros, of which IREE cannot know what they are: a number behind a barrier, less the number."""
    scalar = hlo.barrier(hlo.constant(np.asarray(number).astype(of.dtype)))
    if number:
        scalar = hlo.op("subtract", scalar, hlo.constant(np.asarray(number).astype(of.dtype)))
    return hlo.broadcast(scalar, of.shape, ()) if of.shape else scalar
