"""Barriers where IREE's data tiling computes wrong: between matrix products of different kinds that are combined.

IREE 3.13 lays the results of products out in tiles, and fuses elementwise operations on them in that layout. A product
with batch dimensions has each matrix of the batch padded to whole tiles, one without has all its rows in one matrix:
where the two meet (`a @ b + c @ w`, with `c @ w` of three dimensions and a `w` of two), and sizes are no multiples of
the tiles', elements are taken from the wrong places. A barrier keeps one of the two out of the fusion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from axil.compiler.functions import has_body, operations
from axil.compiler.passes.passes import Pass
from axil.compiler.passes.separate_transposes import _ENDS as ENDS
from axil.dialects import hlo
from axil.dialects.mlir import ir

PRODUCT = "stablehlo.dot_general"


@dataclass
class SeparateProducts(Pass):
    """Put barriers between matrix products with different numbers of batch dimensions that meet in one operation."""

    name: ClassVar[str] = "axil-separate-products"
    triggers: ClassVar[frozenset[str]] = frozenset({PRODUCT})

    def run(self, module: ir.Operation) -> None:
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and has_body(function):
                _visit(function, {})


def _visit(op: ir.Operation, kinds: dict[Any, int]) -> None:
    """Walks an operation's regions; `kinds` has the number of batch dimensions of the product that a value is of."""
    for region in op.regions:
        for block in region.blocks:
            for inner in operations(block):
                if inner.name == PRODUCT:
                    kinds[inner.results[0]] = _batch_dimensions(inner)
                elif inner.name.startswith("stablehlo.") and inner.name not in ENDS and not len(inner.regions):
                    _combine(inner, kinds)
                if len(inner.regions):
                    _visit(inner, kinds)


def _combine(op: ir.Operation, kinds: dict[Any, int]) -> None:
    """Keep operands apart that are of products of different kinds; the result is of the first one's kind."""
    found = [kinds[v] for v in op.operands if v in kinds]
    if not found:
        return
    for i, value in enumerate(list(op.operands)):
        if kinds.get(value, found[0]) != found[0]:
            with ir.InsertionPoint(op), op.location:
                op.operands[i] = hlo.barrier(value)
    for result in op.results:
        kinds[result] = found[0]


def _batch_dimensions(op: ir.Operation) -> int:
    """The number of batch dimensions of a product."""
    listed = re.search(r"lhs_batching_dimensions = \[([\d, ]*)\]", str(op.attributes["dot_dimension_numbers"]))
    return len(listed[1].split(",")) if listed and listed[1].strip() else 0
