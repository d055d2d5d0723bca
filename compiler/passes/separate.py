"""The barriers that IREE needs, put into a program by those passes that find something to do in it.

Most programs have none of the operations that the passes are about: one walk tells, where each pass would walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from axil.compiler.functions import operations
from axil.compiler.passes.passes import Pass
from axil.compiler.passes.separate_branches import SeparateBranches
from axil.compiler.passes.separate_products import SeparateProducts
from axil.compiler.passes.separate_transposes import SeparateTransposes
from axil.compiler.passes.separate_updates import SeparateUpdates
from axil.dialects.mlir import ir

_WITH_BLOCKS = frozenset({"func.func", "stablehlo.while", "stablehlo.case"})
"""What has operations of a program in its regions; reductions and the like have only how to combine two elements."""


@dataclass
class Separate(Pass):
    """Run axil-separate-updates, axil-separate-branches and, for CPUs, axil-separate-transposes and
    axil-separate-products, where needed."""

    platform: str = "cpu"
    name: ClassVar[str] = "axil-separate"

    def run(self, module: ir.Operation) -> None:
        found: set[str] = set()
        _names(module, found)
        steps: list[type[Any]] = [SeparateUpdates, SeparateBranches]
        if self.platform == "cpu":
            steps = [SeparateTransposes, SeparateProducts, *steps]
        for step in steps:
            if not step.triggers.isdisjoint(found):
                step().run(module)


def _names(op: ir.Operation, found: set[str]) -> None:
    """Collect the names of the operations in an operation's regions."""
    for region in op.regions:
        for block in region.blocks:
            for inner in operations(block):
                name = inner.name
                found.add(name)
                if name in _WITH_BLOCKS:
                    _names(inner, found)


__all__ = ["Separate"]
