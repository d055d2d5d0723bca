"""Results of branches in memory of their own, where one value of outside is given for different results.

IREE 3.13 cannot compile a `case` whose branches give one value from outside, or views of it, as different results
("operand #1 does not dominate this use"). So a branch gives a copy of such a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import body_of, has_body, is_public, operations, producer, terminator
from axil.compiler.passes.aliasing import copied, root
from axil.compiler.passes.passes import Pass
from axil.dialects.mlir import aval_of_type, ir

_CASE = "stablehlo.case"


@dataclass
class SeparateBranches(Pass):
    """Copy what branches of a `case` give from outside as different results."""

    name: ClassVar[str] = "axil-separate-branches"
    triggers: ClassVar[frozenset[str]] = frozenset({_CASE})

    def run(self, module: ir.Operation) -> None:
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and is_public(function) and has_body(function):
                for case in list(_cases(body_of(function))):
                    _separate(case)


def _cases(block: ir.Block) -> Iterator[ir.Operation]:
    for op in operations(block):
        if op.name in (_CASE, "stablehlo.while"):
            for region in op.regions:
                yield from _cases(region.blocks[0])
            if op.name == _CASE:
                yield op


def _separate(case: ir.Operation) -> None:
    ends = [terminator(region.blocks[0]) for region in case.regions]
    places: dict[ir.Value, set[int]] = {}  # where the branches give a value from outside
    for end in ends:
        for i, value in enumerate(end.operands):
            source, _ = root(value)
            if _block_of(source) != end.block:
                places.setdefault(source, set()).add(i)
    for which, end in enumerate(ends):
        for i, value in enumerate(list(end.operands)):
            if len(places.get(root(value)[0], ())) > 1:
                with ir.InsertionPoint(end), end.location:
                    # Equal copies would become one again: each hides another number.
                    number = which * len(end.operands) + i + 1
                    end.operands[i] = copied(value, aval_of_type(value.type), number)[1]


def _block_of(value: ir.Value) -> ir.Block:
    op = producer(value)
    return value.owner if op is None else op.block


__all__ = ["SeparateBranches"]
