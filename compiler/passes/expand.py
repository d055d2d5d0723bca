"""Expansion of derived functions, and inlining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.derive import Deriver
from axil.compiler.functions import body_of, has_body, is_public, operations
from axil.compiler.passes.passes import Pass
from axil.dialects.mlir import ir


def public_functions(d: Deriver) -> list[str]:
    """Names of the functions that callers outside the module see."""
    return [n for n, f in d.table.items() if is_public(f) and has_body(f)]


@dataclass
class Expand(Pass):
    """Write the bodies of all derived functions of transformations (jvp, vjp, linearize, transpose, vmap).

    Control combinators (scan, while, cond, checkpoint, custom rules) stay declarations.
    """

    name: ClassVar[str] = "axil-expand"

    def run(self, module: ir.Operation) -> None:
        d = Deriver(module)
        d.find_effects()
        for name in list(d.table):
            if d.site(name) is not None:
                d.expand(name)


@dataclass
class Inline(Pass):
    """Inline all calls in public functions and in the bodies of control combinators."""

    name: ClassVar[str] = "axil-inline"

    def run(self, module: ir.Operation) -> None:
        d = Deriver(module)
        pending = public_functions(d)
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            site = d.site(name)
            if site is not None and not site.combinator.transformation:
                pending.extend(site.functions)
            elif has_body(d[name]) or site is not None:
                d.flat(name)
                pending.extend(_callees(d, name))


def _callees(d: Deriver, name: str) -> list[str]:
    return [o.attributes["callee"].value for o in operations(body_of(d[name])) if o.name == "func.call"]
