"""Updates computed apart from what they update, where they are computed from it.

IREE 3.13 writes an update of a slice, or a scatter, into the memory of the array where that is its last use, and
overlooks that the update itself may be read from there. `p.at[1:].set(p[:-1])` fails ("source and target ranges
overlap"), `p.at[3:10].set(p[:7] * 2)` and a scatter of a reshaped `p` into `p` give wrong numbers. A barrier behind
such an update makes it a value in memory of its own; a mere view of the array is copied first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import has_body, operations, producer
from axil.compiler.passes.aliasing import VIEWS, copied
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.mlir import aval_of_type, ir

_IN_PLACE = frozenset({"stablehlo.scatter", "stablehlo.dynamic_update_slice"})
_SEARCHED = 64
"""How many operations back an array is looked for; beyond that an update counts as computed from it."""


@dataclass
class SeparateUpdates(Pass):
    """Put barriers behind updates of slices, and of scatters, that depend on the array they are written to."""

    name: ClassVar[str] = "axil-separate-updates"
    triggers: ClassVar[frozenset[str]] = _IN_PLACE

    def run(self, module: ir.Operation) -> None:
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and has_body(function):
                for op in list(_updates(function)):
                    _separate(op)


def _updates(op: ir.Operation) -> Iterator[ir.Operation]:
    for region in op.regions:
        for block in region.blocks:
            for inner in operations(block):
                if inner.name in _IN_PLACE:
                    yield inner
                elif len(inner.regions):
                    yield from _updates(inner)


def _separate(op: ir.Operation) -> None:
    count = len(op.results)
    written = {_root(v) for v in list(op.operands)[:count]}
    for i in range(count, len(op.operands)):
        value = op.operands[i]
        if not value.type.shape:
            continue  # where a slice starts is read before anything is written
        with ir.InsertionPoint(op), op.location:
            if _root(value) in written:
                value = copied(value, aval_of_type(value.type))[1]
            elif not _depends(value, written):
                continue
            op.operands[i] = hlo.barrier(value)


def _root(value: ir.Value) -> ir.Value:
    """The value that a view shows, or a part of it."""
    while (op := producer(value)) is not None and op.name in VIEWS and op.name != "stablehlo.concatenate":
        value = op.operands[0]
    return value


def _depends(value: ir.Value, sources: set[ir.Value]) -> bool:
    pending, seen = [value], {value}
    while pending:
        value = pending.pop()
        if value in sources or len(seen) > _SEARCHED:
            return True
        op = producer(value)
        for operand in op.operands if op is not None else ():
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return False
