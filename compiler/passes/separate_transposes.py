"""Barriers where IREE's data tiling crashes: between a product's elementwise epilogue and a transpose of it.

IREE 3.13 fuses a matrix product with the elementwise operations on its result and with a transpose after them. Where
these have an operand that is computed from positions, such as a causal mask, its data tiling then dies of a
segmentation fault, not always (`exp(where(tri(n) > 0, x @ x.T, -1e9)).T`, `tril(a @ b).T`). A barrier before the
transpose makes that a dispatch of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import has_body, operations, producer
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.mlir import ir

_PRODUCT = "stablehlo.dot_general"
_DEPTH = 24
"""How many operations back a product is looked for; longer epilogues are not fused."""

_ENDS = {
    "stablehlo.optimization_barrier", "stablehlo.reduce", "stablehlo.gather", "stablehlo.scatter", "stablehlo.sort",
    "stablehlo.while", "stablehlo.case", "stablehlo.concatenate", "stablehlo.iota", "stablehlo.constant",
    "stablehlo.transpose", "stablehlo.convolution", "stablehlo.reduce_window", "stablehlo.dynamic_update_slice",
}  # fmt: skip


@dataclass
class SeparateTransposes(Pass):
    """Put barriers between the elementwise operations after a matrix product and a transpose of their result."""

    name: ClassVar[str] = "axil-separate-transposes"
    triggers: ClassVar[frozenset[str]] = frozenset({"stablehlo.transpose"})

    def run(self, module: ir.Operation) -> None:
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and has_body(function):
                _visit(function)


def _visit(op: ir.Operation) -> None:
    for region in op.regions:
        for block in region.blocks:
            for inner in operations(block):
                if inner.name == "stablehlo.transpose" and _is_epilogue(inner.operands[0]):
                    with ir.InsertionPoint(inner), inner.location:
                        inner.operands[0] = hlo.barrier(inner.operands[0])
                elif len(inner.regions):
                    _visit(inner)


def _is_epilogue(value: ir.Value) -> bool:
    """Whether a value is computed element by element from a product, and is not the product itself."""
    start = producer(value)
    if start is None or start.name == _PRODUCT or start.name in _ENDS:
        return False
    pending, seen = [start], 0
    while pending and seen < _DEPTH:
        op = pending.pop(0)
        seen += 1
        for operand in op.operands:
            before = producer(operand)
            if before is None or before.name in _ENDS:
                continue
            if before.name == _PRODUCT:
                return True
            pending.append(before)
    return False
