"""Guarding values of a program from updates that IREE makes in place although somebody reads them later.

IREE 3.13 sees the readers of one basic block, and not that a value lies in the memory of another one (`aliasing.py`).
So what may be updated is copied first where the value comes from outside of a loop, was given by a branch, stands on
the other side of a barrier, is a constant, or was made before a loop or branch. The copies have numbers, as IREE makes
one of two that are alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from axil.compiler.functions import operations, producer, terminator
from axil.compiler.passes.aliasing import IN_PLACE, VIEWS, at_risk, copied, is_constant, is_inside, root
from axil.dialects.mlir import aval_of_type, ir

_CONTROL = ("stablehlo.while", "stablehlo.case")


def guard_captured(bodies: Sequence[ir.Block], numbers: Iterator[int]) -> None:
    """Guard what steps of loops take from outside: before arguments are guarded, which loops may take."""
    for body in bodies:
        _guard_captured(body, numbers)


def guard_updates(bodies: Sequence[ir.Block], numbers: Iterator[int]) -> None:
    """Guard all other values."""
    for body in bodies:
        _guard_constants(body, numbers)
        _guard_branches(body, numbers)
        _guard_barriers(body, numbers)
        _guard_earlier(body, {}, numbers)


def has_updates(block: ir.Block) -> bool:
    """Whether anything in a block is updated in place, or given on by a branch."""
    for op in operations(block):
        name = op.name
        if name in IN_PLACE or name == "stablehlo.case":
            return True
        if name == "stablehlo.while" and any(has_updates(b) for region in op.regions for b in region.blocks):
            return True
    return False


def _guard_captured(block: ir.Block, numbers: Iterator[int]) -> None:
    """Copy in each step of a loop what the step takes from outside and may update in place, or give on.

    IREE sees that nothing reads the value later, and forgets that the next step does.
    """
    for op in operations(block):
        for region in op.regions:
            for inner in region.blocks:
                _guard_captured(inner, numbers)
        if op.name == "stablehlo.while":
            body = op.regions[1].blocks[0]
            for value in _captured(body):
                if at_risk(value, within=op):
                    with ir.InsertionPoint(body.operations[0]), op.location:
                        reader, copy = copied(value, aval_of_type(value.type), next(numbers))
                    value.replace_all_uses_except(copy, [*_outside(value, op), reader])


def _guard_constants(block: ir.Block, numbers: Iterator[int]) -> None:
    """Copy constants, and what is computed from constants alone, before it is updated in place.

    IREE computes such values when the program is loaded, and overwrites them where there are loops or branches.
    """
    for op in operations(block):
        for region in op.regions:
            for inner in region.blocks:
                _guard_constants(inner, numbers)
        if op.name in IN_PLACE:
            for i in range(len(op.results)):
                value = op.operands[i]
                if is_constant(value) and not _is_fill(value):
                    with ir.InsertionPoint(op), op.location:
                        op.operands[i] = copied(value, aval_of_type(value.type), next(numbers))[1]


def _guard_earlier(block: ir.Block, places: dict[ir.Value, tuple], numbers: Iterator[int]) -> None:
    """Copy what an operation updates if it was made before a loop or branch that comes first, and is read elsewhere.

    IREE looks for other readers in the same basic block only. `places` says for each value in which one it is made.
    """
    here, segment = object(), 0
    places.update((argument, (here, segment)) for argument in block.arguments)
    for op in operations(block):
        name = op.name
        if name in _CONTROL:
            for region in op.regions:
                for inner in region.blocks:
                    _guard_earlier(inner, places, numbers)
            segment += 1
        elif name in IN_PLACE:
            for i in range(len(op.results)):
                value = op.operands[i]
                source, shared = root(value)
                if shared and (places.get(source) != (here, segment) or _is_behind_barrier(value)):
                    with ir.InsertionPoint(op), op.location:
                        op.operands[i] = copied(value, aval_of_type(value.type), next(numbers))[1]
        places.update((result, (here, segment)) for result in op.results)


def _is_behind_barrier(value: ir.Value) -> bool:
    """Whether a value is a view of what a barrier gives, of which IREE overlooks other readers."""
    made = producer(value)
    while made is not None and made.name in VIEWS and made.name != "stablehlo.optimization_barrier":
        made = producer(made.operands[0])
    return made is not None and made.name == "stablehlo.optimization_barrier"


def _is_fill(value: ir.Value) -> bool:
    """Whether a value has one number everywhere: that is written anew for each use."""
    made = producer(value)
    while made is not None and made.name in ("stablehlo.reshape", "stablehlo.broadcast_in_dim"):
        value = made.operands[0]
        made = producer(value)
    if made is None or made.name != "stablehlo.constant":
        return False
    return made.attributes["value"].is_splat


def _guard_branches(block: ir.Block, numbers: Iterator[int]) -> None:
    """Copy what a branch gives from outside, where it or the branch's result may be updated in place.

    IREE takes the two for different values, as for barriers.
    """
    for op in operations(block):
        for region in op.regions:
            for inner in region.blocks:
                _guard_branches(inner, numbers)
                if op.name == "stablehlo.case":
                    _guard_branch(inner, numbers)


def _guard_branch(branch: ir.Block, numbers: Iterator[int]) -> None:
    end = terminator(branch)
    inside: set[ir.Value] = set()
    _collect(branch, {}, inside)
    for i, value in enumerate(end.operands):
        source, shared = root(value)
        if source not in inside and shared and at_risk(source):
            with ir.InsertionPoint(end), end.location:
                end.operands[i] = copied(value, aval_of_type(value.type), next(numbers))[1]


def _guard_barriers(block: ir.Block, numbers: Iterator[int]) -> None:
    """Copy what goes into a barrier and is read elsewhere too, where either may be updated in place.

    IREE takes the two for different values, and lets them lie in one place.
    """
    for op in operations(block):
        if op.name == "stablehlo.optimization_barrier":
            for i, value in enumerate(op.operands):
                if len(list(value.uses)) > 1 and at_risk(value):
                    with ir.InsertionPoint(op), op.location:
                        op.operands[i] = copied(value, aval_of_type(value.type), next(numbers))[1]
        for region in op.regions:
            for inner in region.blocks:
                _guard_barriers(inner, numbers)


def _captured(block: ir.Block) -> list[ir.Value]:
    """The values from outside that a loop's body reads."""
    read: dict[ir.Value, None] = {}
    defined: set[ir.Value] = set()
    _collect(block, read, defined)
    return [value for value in read if value not in defined]


def _collect(block: ir.Block, read: dict[ir.Value, None], defined: set[ir.Value]) -> None:
    """The values that the operations of a block read, and those that are defined in it."""
    defined.update(block.arguments)
    for op in operations(block):
        read.update(dict.fromkeys(op.operands))
        defined.update(op.results)
        for region in op.regions:
            for inner in region.blocks:
                _collect(inner, read, defined)


def _outside(value: ir.Value, loop: ir.Operation) -> list[ir.Operation]:
    """The readers of a value that are not inside a loop."""
    owners = [getattr(use.owner, "operation", use.owner) for use in value.uses]
    return [op for op in owners if not is_inside(op, loop)]
