"""What is the same in every step of a host loop is computed once, before it.

A loop on the host runs a dispatch or more for each operation of its body. Those that read nothing of the loop's state
move out of it, with what they are computed from; what is free to compute again (constants, broadcasts, reshapes) stays
unless something that moves needs it, as it is fused into its users. Loops in one dispatch do this for themselves.
"""

from __future__ import annotations

from typing import Any

from axil.compiler.functions import operations
from axil.dialects.mlir import ir

FREE = {
    f"stablehlo.{name}"
    for name in ("constant", "iota", "broadcast_in_dim", "reshape", "convert", "bitcast_convert", "slice", "pad",
                 "optimization_barrier", "reverse", "transpose")
}  # fmt: skip
"""Operations that IREE fuses into their users, or that move no data."""

CLOSED = {f"stablehlo.{name}" for name in ("reduce", "reduce_window", "scatter", "select_and_scatter", "sort", "map")}
"""Operations whose regions read nothing from around them."""

IMPURE = {
    f"stablehlo.{name}" for name in ("rng", "rng_bit_generator", "custom_call", "infeed", "outfeed", "send", "recv")
}
"""Operations that do more than give results, or other ones each time."""


def move_constants_out(loop: ir.Operation, kernels: Any) -> int:
    """Move what never changes from a `stablehlo.while` to before it; gives the number of operations moved.

    `kernels` holds the names of functions whose calls may move: they give results and do nothing else.
    """
    moved = 0
    for region in loop.regions:
        for block in region.blocks:
            for op in _worth_moving(block, kernels):
                op.move_before(loop)
                moved += 1
    return moved


def _worth_moving(block: ir.Block, kernels: Any) -> list[ir.Operation]:
    """The operations of a loop's block that move, in their order."""
    body = operations(block)[:-1]
    inside = set(block.arguments)
    same: list[ir.Operation] = []
    for op in body:
        if _movable(op, kernels) and not any(v in inside for v in op.operands):
            same.append(op)
        else:
            inside.update(op.results)
    needed: set[Any] = set()
    moving = []
    for op in reversed(same):
        if op.name not in FREE or any(r in needed for r in op.results):
            needed.update(op.operands)
            moving.append(op)
    return moving[::-1]


def _movable(op: ir.Operation, kernels: Any) -> bool:
    """Whether an operation gives the same wherever it stands, and as often as it is run."""
    if op.name == "func.call":
        return op.attributes["callee"].value in kernels
    if not op.name.startswith("stablehlo.") or op.name in IMPURE:
        return False
    return op.name in CLOSED or not len(op.regions)
