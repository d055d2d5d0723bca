"""Guarding the caller's buffers: IREE may overwrite an argument, unless the program copies it first.

Where the last use of an argument is a scatter, a sort or an update of a slice, IREE 3.13 updates the caller's buffer
in place (iree-org/iree#16168). Each argument that may get there, be it through reshapes, loops
or branches, is copied at the program's start. A donated argument is not guarded and is marked as consumed: its buffer
is free for reuse. But where the program also gives it back, IREE would give back what it was overwritten with: so such
an argument is guarded like others. Values inside the program are guarded too, see `guard_updates.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import body_of, has_body, is_public, operations
from axil.compiler.passes.aliasing import at_risk, copied, readers
from axil.compiler.passes.guard_updates import guard_captured, guard_updates, has_updates
from axil.compiler.passes.lower import HOST_MODULE
from axil.compiler.passes.passes import Pass
from axil.dialects.mlir import aval_of_type, context, ir


@dataclass
class GuardInputs(Pass):
    """Protect the arguments of public functions; `donate` lists positions that may be overwritten ("0;2")."""

    donate: tuple[int, ...] = ()
    name: ClassVar[str] = "axil-guard-inputs"

    def run(self, module: ir.Operation) -> None:
        functions = [f for f in operations(module.regions[0].blocks[0]) if f.name == "func.func"]
        calls_host = any(f.attributes["sym_name"].value.startswith(HOST_MODULE) for f in functions)
        bodies = [body_of(f) for f in functions if has_body(f)]
        updated = bodies if any(has_updates(body) for body in bodies) else []
        numbers = itertools.count(1)
        guard_captured(updated, numbers)
        for function in functions:
            if is_public(function) and has_body(function):
                self._guard(function)
                if calls_host:
                    _guard_host_results(body_of(function))
        guard_updates(updated, numbers)

    def _guard(self, function: ir.Operation) -> None:
        block = body_of(function)
        first = block.operations[0].operation
        consumed = overwritable(function, self.donate)
        with ir.InsertionPoint(first), function.location:
            for i, argument in enumerate(list(block.arguments)):
                if i not in consumed and at_risk(argument):
                    of = aval_of_type(argument.type)
                    reader, copy = copied(argument, of)
                    argument.replace_all_uses_except(copy, reader)
        if consumed:
            _mark_consumed(function, consumed)


def _mark_consumed(function: ir.Operation, positions: tuple[int, ...]) -> None:
    ctx = context()
    count = len(body_of(function).arguments)
    consumed = ir.DictAttr.get({"iree.abi.consume": ir.UnitAttr.get(ctx)}, ctx)
    nothing = ir.DictAttr.get({}, ctx)
    attributes = [consumed if i in positions else nothing for i in range(count)]
    function.attributes["arg_attrs"] = ir.ArrayAttr.get(attributes, ctx)


def overwritable(function: ir.Operation, donate: tuple[int, ...]) -> tuple[int, ...]:
    """The donated arguments of a function that it does not give back as they are."""
    arguments = body_of(function).arguments
    return tuple(i for i in donate if not any(op.name == "func.return" for op, _ in readers(arguments[i])))


def _guard_host_results(block: ir.Block) -> None:
    """IREE overwrites what a function of the host gave just as it does arguments."""
    for op in operations(block):
        if op.name == "func.call" and op.attributes["callee"].value.startswith(HOST_MODULE):
            for result in op.results:
                if at_risk(result):
                    with ir.InsertionPoint.after(op), op.location:
                        reader, copy = copied(result, aval_of_type(result.type))
                    result.replace_all_uses_except(copy, reader)
        for region in op.regions:
            for inner in region.blocks:
                _guard_host_results(inner)
