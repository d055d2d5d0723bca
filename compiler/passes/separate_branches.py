"""Results of branches in memory of their own, one buffer for each.

IREE 3.13 gives the results of a `case` to the code after it as arguments of a block, and puts these into registers. It
loses one ("ref is null") where a branch gives the same buffer or fence for two of them, and where a branch gives a
buffer from outside that is read after the `case` too: the argument may get the register of what it is given, which is
emptied at its last use. Results of one dispatch lie in one buffer, and share a fence with all that runs with them.

So here a branch gives each buffer once: what is computed in it ends in barriers, each of which is waited for alone, and
the second view of a value, or one from outside that others need, is copied. (A barrier alone is no copy.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import body_of, has_body, is_public, operations, producer, terminator
from axil.compiler.passes.guard_inputs import VIEWS, copied
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.mlir import aval_of_type, ir

_CASE = "stablehlo.case"
_CONTROL = (_CASE, "stablehlo.while")


@dataclass
class SeparateBranches(Pass):
    """Let the branches of each `case` give distinct buffers, and none that the code after it reads."""

    name: ClassVar[str] = "axil-separate-branches"

    def run(self, module: ir.Operation) -> None:
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and is_public(function) and has_body(function):
                for case in list(_cases(body_of(function))):
                    _separate(case)


def _cases(block: ir.Block) -> Iterator[ir.Operation]:
    for op in operations(block):
        if op.name in _CONTROL:
            for region in op.regions:
                yield from _cases(region.blocks[0])
            if op.name == _CASE:
                yield op


def _separate(case: ir.Operation) -> None:
    ends = [terminator(region.blocks[0]) for region in case.regions]
    places: dict[ir.Value, set[int]] = {}  # where the branches give a value from outside
    for end in ends:
        for i, value in enumerate(end.operands):
            places.setdefault(_root(value), set()).add(i)
    for which, end in enumerate(ends):
        seen: set[ir.Value] = set()
        for i in range(len(end.operands)):
            value = end.operands[i]
            root = _root(value)
            outside = _block_of(root) != end.block
            if _memory(root) in seen or (outside and (len(places[root]) > 1 or _read_after(root, case))):
                with ir.InsertionPoint(end), end.location:
                    # Equal copies would become one again, and equal ends of branches too: each hides another number.
                    number = which * len(end.operands) + i + 1
                    copy = copied(value, aval_of_type(value.type), number)[1]
                    end.operands[i] = hlo.barrier(copy) if i else copy
            elif outside:
                _wait_for(root)
            elif len(end.operands) > 1:
                _wait_for(value)
            seen.add(_memory(root))


def _root(value: ir.Value) -> ir.Value:
    """The value that a view shows, or a part of it."""
    while (op := producer(value)) is not None and op.name in VIEWS:
        value = op.operands[0]
    return value


def _memory(root: ir.Value) -> ir.Value:
    """What stands for a value's buffer: results of one operation share one, unless they are those of control flow."""
    op = producer(root)
    return root if op is None or op.name in _CONTROL else op.results[0]


def _block_of(value: ir.Value) -> ir.Block:
    op = producer(value)
    return value.owner if op is None else op.block


def _read_after(root: ir.Value, case: ir.Operation) -> bool:
    """Whether a value from outside is read after the `case`, or may be: in the code around what the `case` is in."""
    if _block_of(root) != case.block:
        return True
    pending, seen = [root], {root}
    while pending:
        for use in pending.pop().uses:
            reader = getattr(use.owner, "operation", use.owner)
            around = reader
            while around.block != case.block:
                around = around.parent.operation
            if around != case and case.is_before_in_block(around):
                return True
            for view in reader.results if reader.name in VIEWS else ():
                if view not in seen:
                    seen.add(view)
                    pending.append(view)
    return False


def _wait_for(value: ir.Value) -> None:
    """Put a barrier behind a value, for all that reads it: then nothing that is fused with it shares its buffer."""
    op = producer(value)
    if op is None or op.name in _CONTROL or op.name == "stablehlo.optimization_barrier":
        return
    with ir.InsertionPoint.after(op), op.location:
        barrier = hlo.typed("optimization_barrier", [value.type], [value])
    value.replace_all_uses_except(barrier.results[0], getattr(barrier, "operation", barrier))


__all__ = ["SeparateBranches"]
