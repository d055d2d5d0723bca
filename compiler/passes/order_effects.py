"""Keeping calls with effects in order: IREE does not.

IREE 3.13 moves a call to the host behind others where its operands have to be waited for (its stream scheduling joins
the work before several calls). So each such call takes a *token*, a tensor that the call before it gives, and gives one
itself; loops and branches that make such calls carry it. A program that makes a single one, in no loop, needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from axil.compiler.functions import body_of, has_body, has_effects, is_public, operations, terminator
from axil.compiler.passes.lower import HOST_MODULE
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.avals import aval
from axil.dialects.mlir import context, ir, tensor_type

_REGIONS = ("stablehlo.while", "stablehlo.case")


@dataclass
class OrderEffects(Pass):
    """Let calls with effects to the host depend on one another, in the order in which they stand."""

    name: ClassVar[str] = "axil-order-effects"

    def run(self, module: ir.Operation) -> None:
        self.threaded = False
        functions = [f for f in operations(module.regions[0].blocks[0]) if f.name == "func.func"]
        for function in functions:
            if is_public(function) and has_body(function) and has_effects(function):
                self._thread(function)
        if self.threaded:
            for function in functions:
                if not has_body(function) and has_effects(function):
                    _with_token(function)

    def _thread(self, function: ir.Operation) -> None:
        block = body_of(function)
        acting = [op for op in operations(block) if _acts(op)]
        if len(acting) > 1 or any(op.name in _REGIONS for op in acting):
            self.threaded = True
            with ir.InsertionPoint(acting[0]), acting[0].location:
                # Behind a barrier: IREE 3.13 fails to load some programs with a loop that starts with a constant
                # ("indirect buffer reference slot 0 is out range").
                token = hlo.barrier(hlo.constant(0, np.int32))
            _order(block, token)


def _token_type() -> ir.Type:
    return tensor_type(aval((), np.int32))


def _acts(op: ir.Operation) -> bool:
    """Whether an operation calls the host with effects, itself or in its regions."""
    if op.name == "func.call":
        return has_effects(op) and op.attributes["callee"].value.startswith(HOST_MODULE)
    return any(_acts(o) for region in op.regions for block in region.blocks for o in operations(block))


def _order(block: ir.Block, token: ir.Value) -> ir.Value:
    """Order what acts in a block, after what gave `token`; gives the last token."""
    for op in operations(block):
        if _acts(op):
            with ir.InsertionPoint(op), op.location:
                made = _MAKE[op.name](op, token)
            for old, new in zip(list(op.results), list(made.results)):
                old.replace_all_uses_with(new)
            op.erase()
            token = made.results[len(made.results) - 1]
    return token


def _remake(op: ir.Operation, operands: Sequence[ir.Value]) -> ir.Operation:
    """The operation with one more result, and empty regions."""
    types = [*[r.type for r in op.results], _token_type()]
    attributes = {a: op.attributes[a] for a in op.attributes}
    return ir.Operation.create(
        op.name, results=types, operands=list(operands), attributes=attributes or None, regions=len(op.regions)
    )


def _call(op: ir.Operation, token: ir.Value) -> ir.Operation:
    return _remake(op, [*op.operands, token])


def _while(op: ir.Operation, token: ir.Value) -> ir.Operation:
    made = _remake(op, [*op.operands, token])
    for i, (old, new) in enumerate(zip(op.regions, made.regions)):
        old.blocks[0].append_to(new)
        block = new.blocks[0]
        inner = _order(block, block.add_argument(_token_type(), op.location))
        if i == 1:  # the condition gives a truth value alone; the body runs after it anyway
            _return_too(block, inner)
    return made


def _case(op: ir.Operation, token: ir.Value) -> ir.Operation:
    made = _remake(op, op.operands)
    for old, new in zip(op.regions, made.regions):
        old.blocks[0].append_to(new)
        _return_too(new.blocks[0], _order(new.blocks[0], token))
    return made


_MAKE: dict[str, Any] = {"func.call": _call, "stablehlo.while": _while, "stablehlo.case": _case}


def _return_too(block: ir.Block, value: ir.Value) -> None:
    """Let a region give one more value."""
    old = terminator(block)
    values = [*old.operands, value]
    with old.location:
        old.erase()
        with ir.InsertionPoint(block):
            hlo.return_(values)


def _with_token(function: ir.Operation) -> None:
    """Let an imported function take and give a token."""
    type_ = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value)
    token = _token_type()
    more = ir.FunctionType.get([*type_.inputs, token], [*type_.results, token], context())
    function.attributes["function_type"] = ir.TypeAttr.get(more, context())


__all__ = ["OrderEffects"]
