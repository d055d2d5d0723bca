"""Estimated work of a program, from the declarations' `flops` rules: decides whether it is worth all cores."""

from __future__ import annotations

from axil.compiler.functions import Functions, body_of, has_body, operations
from axil.dialects.emit import declared_op
from axil.dialects.mlir import aval_of_type, from_attribute


def estimate(functions: Functions, name: str) -> float:
    """About how many floating point operations one call of a function takes. A `while` counts ten steps."""
    memo: dict[str, float] = {}
    return _function(functions, name, memo)


def _function(functions: Functions, name: str, memo: dict[str, float]) -> float:
    if name not in memo:
        memo[name] = 0.0  # against recursion, which the verifier reports elsewhere
        site = functions.site(name)
        if site is not None:
            steps = site.parameters.get("length", 10 if site.combinator.name == "while" else 1)
            memo[name] = steps * sum(_function(functions, f, memo) for f in site.functions)
        elif has_body(functions[name]):
            memo[name] = sum(_operation(functions, op, memo) for op in operations(body_of(functions[name])))
    return memo[name]


def _operation(functions: Functions, op: object, memo: dict[str, float]) -> float:
    if op.name == "func.call":  # type: ignore[attr-defined]
        return _function(functions, op.attributes["callee"].value, memo)  # type: ignore[attr-defined]
    declaration = declared_op(op.name)  # type: ignore[attr-defined]
    if declaration is None:
        return 0.0
    if declaration.flops is None:
        return float(sum(aval_of_type(r.type).size for r in op.results))  # type: ignore[attr-defined]
    attributes = {a: from_attribute(op.attributes[a]) for a in declaration.attributes}  # type: ignore[attr-defined]
    return declaration.flops(*[aval_of_type(v.type) for v in op.operands], **attributes)  # type: ignore[attr-defined]
