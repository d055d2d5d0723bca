"""Which values of a program may lie in one another's memory, and copies of values that IREE makes.

IREE 3.13 updates an array in place where it sees no later reader of it. It looks for readers in one basic block only,
and takes a value and what a barrier, a branch or a loop gives of it for two.

A copy is an xor with a zero that stands behind a barrier: clones, additions of zero and barriers alone are folded
away. (A `flow.tensor.transfer` protects arguments too, but where a program has one, IREE gives two values of a loop's
state one buffer if they start as the same value, and then updates both in place: silently wrong.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from axil.compiler.functions import producer
from axil.dialects import hlo
from axil.dialects.avals import Aval, is_bool, is_complex
from axil.dialects.mlir import aval_of_type, ir, tensor_type

IN_PLACE = {"stablehlo.scatter", "stablehlo.sort", "stablehlo.dynamic_update_slice"}
"""Operations that update their first operands, as many as they have results."""

VIEWS = {
    "stablehlo.reshape", "stablehlo.transpose", "stablehlo.concatenate", "stablehlo.slice", "stablehlo.pad",
    "stablehlo.bitcast_convert", "stablehlo.convert", "stablehlo.optimization_barrier", "stablehlo.reverse",
    "stablehlo.dynamic_slice", "stablehlo.broadcast_in_dim", "stablehlo.real", "stablehlo.imag", "stablehlo.complex",
}  # fmt: skip
"""Operations whose result may lie in the memory of their operand."""


def root(value: ir.Value) -> tuple[ir.Value, bool]:
    """What a value is a view of, and whether that or a view on the way has other readers."""
    shared = len(list(value.uses)) > 1
    made = producer(value)
    while made is not None and made.name in VIEWS:
        value = made.operands[0]
        shared = shared or len(list(value.uses)) > 1
        made = producer(value)
    return value, shared


_CONTROL = ("stablehlo.while", "stablehlo.case", "stablehlo.optimization_barrier", "func.call")


def is_constant(value: ir.Value, most: int | None = None) -> bool:
    """Whether a value is computed from constants alone, by straight code, so that IREE computes it at load.

    With `most`, a value that is computed from more other ones is taken for none.
    """
    pending, seen = [value], {value}
    while pending:
        made = producer(pending.pop())
        if made is None or made.name in _CONTROL:
            return False
        if not len(made.operands) and made.name not in ("stablehlo.constant", "stablehlo.iota"):
            return False
        pending += [v for v in made.operands if v not in seen]
        seen.update(made.operands)
        if most is not None and len(seen) > most:
            return False
    return True


def is_inside(op: ir.Operation, loop: ir.Operation) -> bool:
    """Whether an operation is inside a loop."""
    parent = op.parent
    while parent is not None:
        parent = getattr(parent, "operation", parent)
        if parent == loop:
            return True
        parent = parent.parent
    return False


def at_risk(argument: ir.Value, within: ir.Operation | None = None) -> bool:
    """Whether an argument's memory may be what an operation updates in place, here or inside a loop.

    In a loop, it is also at risk where a branch gives it on.
    """
    for op, position in readers(argument, within):
        # (The first operands of these operations are what they update; then come indices and updates.)
        if op.name in IN_PLACE and position < len(op.results):
            return True
        if within is not None and op.name == "stablehlo.return" and op.parent.operation.name == "stablehlo.case":
            return True
    return False


def readers(argument: ir.Value, within: ir.Operation | None = None) -> Iterator[tuple[ir.Operation, int]]:
    """The operations that read an argument's memory, directly or through views of it, and as which operand.

    With `within`, its own uses count only there.
    """
    pending, seen = [argument], {argument}
    while pending:
        value = pending.pop()
        for use in value.uses:
            op = use.owner.operation if hasattr(use.owner, "operation") else use.owner
            if within is not None and value == argument and not is_inside(op, within):
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
