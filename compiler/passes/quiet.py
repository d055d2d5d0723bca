"""Quieting: a function without the calls that are made for their effects alone, such as prints.

What a loop runs again, to have its states once more, must not be seen twice.
"""

from __future__ import annotations

from typing import Any

from axil.compiler.functions import EFFECTS, body_of, has_effects, located, operations
from axil.dialects.errors import DifferentiationError
from axil.dialects.mlir import ir


def derive(d: Any, name: str) -> str:
    """Make the quiet function of `name`: itself, where it has no effects."""
    if not d.acts(name):
        return name
    copy = d.clone(d.flat(name), f"{name}.quiet")
    for op in operations(body_of(d[copy])):
        if op.name == "func.call" and has_effects(op):
            with ir.InsertionPoint(op), located(op.location):
                _quiet_call(d, op)
    if EFFECTS in d[copy].attributes:
        del d[copy].attributes[EFFECTS]
    return copy


def _quiet_call(d: Any, op: ir.Operation) -> None:
    """Drop a call that gives nothing; call the quiet functions where it is one of control."""
    results = list(op.results)
    if results:
        site = d.site(op.attributes["callee"].value)
        if site is None or not site.functions:
            raise DifferentiationError(
                "the derivative of a loop with a condition runs its steps again, and a step calls the host for a value "
                "with an effect (io_callback): take the value before the loop, or use scan, or pure_callback"
            )
        made = d.call_site(site.replace(tuple(d.quiet(f) for f in site.functions)), list(op.operands))
        for old, new in zip(results, made, strict=True):
            old.replace_all_uses_with(new)
    op.erase()
