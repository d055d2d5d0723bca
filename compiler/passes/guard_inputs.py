"""Guarding the caller's buffers: IREE may overwrite an argument, unless it is handed over explicitly.

Where the last use of an argument is a scatter, a sort or an update of a slice, IREE 3.13 updates the caller's
buffer in place (iree-org/iree#16168; `facts/iree.md` §0.1). Transferring each argument to its own device makes it the
program's own; IREE turns that into a copy only where something would be overwritten. A donated argument is not
guarded and is marked as consumed: its buffer is free for reuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import body_of, has_body, is_public, operations
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.avals import is_unsigned
from axil.dialects.mlir import aval_of_type, context, ir, tensor_type


@dataclass
class GuardInputs(Pass):
    """Protect the arguments of public functions; `donate` lists positions that may be overwritten ("0;2")."""

    donate: tuple[int, ...] = ()
    name: ClassVar[str] = "axil-guard-inputs"

    def run(self, module: ir.Operation) -> None:
        device = ir.Attribute.parse("#hal.device.promise<@__device_0>", context())
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and is_public(function) and has_body(function):
                self._guard(function, device)

    def _guard(self, function: ir.Operation, device: ir.Attribute) -> None:
        block = body_of(function)
        body = operations(block)
        with ir.InsertionPoint(body[0]), function.location:
            for i, argument in enumerate(list(block.arguments)):
                if i in self.donate:
                    continue
                if not any(True for _ in argument.uses):
                    continue
                first, moved = _transfer(argument, device)
                argument.replace_all_uses_except(moved, first)
        if self.donate:
            self._mark_consumed(function)

    def _mark_consumed(self, function: ir.Operation) -> None:
        ctx = context()
        count = len(body_of(function).arguments)
        consumed = ir.DictAttr.get({"iree.abi.consume": ir.UnitAttr.get(ctx)}, ctx)
        nothing = ir.DictAttr.get({}, ctx)
        function.attributes["arg_attrs"] = ir.ArrayAttr.get(
            [consumed if i in self.donate else nothing for i in range(count)], ctx
        )


def _transfer(argument: ir.Value, device: ir.Attribute) -> tuple[ir.Operation, ir.Value]:
    """Emit the transfer of an argument; gives the operation that reads the argument, and the result.

    IREE takes unsigned integers in StableHLO only, so they cross the transfer as signless ones.
    """
    of = aval_of_type(argument.type)
    if not is_unsigned(of.dtype):
        moved = _transfer_op(argument, device)
        return moved, moved.results[0]
    signless = tensor_type(of.with_dtype(f"int{8 * of.dtype.itemsize}"))
    bits = hlo.typed("bitcast_convert", [signless], [argument])
    moved = _transfer_op(bits.results[0], device)
    return bits, hlo.typed("bitcast_convert", [argument.type], [moved.results[0]]).results[0]


def _transfer_op(value: ir.Value, device: ir.Attribute) -> ir.Operation:
    return ir.Operation.create(
        "flow.tensor.transfer", results=[value.type], operands=[value], attributes={"target": device}
    )
