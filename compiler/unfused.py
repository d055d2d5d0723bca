"""A program whose operations IREE compiles one by one: the last try when it cannot compile it as a whole.

What IREE 3.13 cannot compile is, but for operations that it does not have at all, one of its rewrites that goes wrong
between operations each of which it compiles: a conversion that is moved over a broadcast while the broadcast is
converted (`unresolved source materialization`), a product of bf16 and f32 in one dispatch, a fill that is moved into
the neighbour's buffer, a circle of partitions. Of 15,220 random programs 4 were such, and three random loops; all
compile with an `optimization_barrier`, over which IREE moves nothing, after each operation that is no arithmetic. The
result is right and slower. Barriers after arithmetic too are not needed, and a program of 1,900 operations takes 35 s
to compile with them instead of 6.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

_LOOPS = ("stablehlo.while", "stablehlo.case", "stablehlo.if")  # whose bodies are programs too
_LEFT = ("stablehlo.constant", "stablehlo.return", "stablehlo.optimization_barrier", "stablehlo.while")


def unfused(source: bytes, context: Any) -> bytes:
    """MLIR bytecode of the program `source` (MLIR text or bytecode) with a barrier after each StableHLO operation.

    `context` is one of IREE's that has all dialects. Raises `MLIRError` if `source` is malformed.
    """
    from iree.compiler import ir

    module = ir.Module.parse(source if source.startswith(b"ML\xefR") else source.decode(), context)
    for op in module.body.operations:
        if op.operation.name == "func.func":
            for operation, following in list(_operations(op.operation)):
                _add_barrier(ir, operation, following)
    buffer = io.BytesIO()
    module.operation.write_bytecode(buffer)
    return buffer.getvalue()


def _operations(operation: Any) -> Iterator[tuple[Any, Any]]:
    """All operations of the bodies of `operation` and of the loops and branches in them, each with the next one."""
    for region in operation.regions:
        for block in region.blocks:
            ops = [op.operation for op in block.operations]
            for op, following in zip(ops, ops[1:], strict=False):
                yield op, following
                if op.name in _LOOPS:
                    yield from _operations(op)


def _add_barrier(ir: Any, operation: Any, following: Any) -> None:
    if not operation.name.startswith("stablehlo.") or operation.name in _LEFT or _is_arithmetic(operation):
        return
    from axil.compiler.passes.aliasing import at_risk  # here: who compiles text needs no passes

    # What is updated in place gets none: behind a barrier IREE overlooks other readers.
    results = [result for result in operation.results if _is_used_tensor(ir, result) and not at_risk(result)]
    if results:
        with operation.location, ir.InsertionPoint(following):
            barrier = ir.Operation.create(
                "stablehlo.optimization_barrier", results=[result.type for result in results], operands=results
            )
        for result, behind in zip(results, barrier.results, strict=True):
            result.replace_all_uses_except(behind, barrier)


def _is_arithmetic(operation: Any) -> bool:
    """Whether it computes each element from those of the same place: no rewrite that moves data concerns it."""
    if operation.name in ("stablehlo.select", "stablehlo.compare"):
        return True
    types = {str(value.type) for value in (*operation.operands, *operation.results)}
    return len(types) == 1 and not list(operation.regions)


def _is_used_tensor(ir: Any, value: Any) -> bool:
    return isinstance(value.type, ir.RankedTensorType) and next(iter(value.uses), None) is not None
