"""Dead work in control flow: results of loops and branches that nobody uses, and what is computed for them alone.

MLIR's own passes drop calls of which no result is used; here a call of which some are used is replaced by one that
gives no others. Each control combinator says what its results depend on (`axil.dialects.combinators.pruning`).
Gradients need this: rows that a loop stacked for the derivative of a result are dead where only another result is
differentiated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from axil.compiler.functions import body_of, has_body, has_effects, located, operations, terminator
from axil.compiler.passes.passes import Pass
from axil.dialects.combinators.combinator import pick, spread
from axil.dialects.emit import declared_op
from axil.dialects.mlir import ir


def needed(d: Any, name: str, outputs: Sequence[bool]) -> tuple[bool, ...]:
    """Which operands of a function the marked results, and its effects, depend on."""
    block = body_of(d[d.flat(name)])
    body = operations(block)
    live = set(pick(body[-1].operands, outputs))
    for op in reversed(body[:-1]):
        used = [r in live for r in op.results]
        if acts(op):
            live.update(op.operands)
        elif any(used):
            plan = _plan(d, op, used)
            live.update(op.operands if plan is None else pick(op.operands, plan.operands))
    return tuple(a in live for a in block.arguments)


def pruned(d: Any, name: str, inputs: Sequence[bool], outputs: Sequence[bool]) -> str:
    """A function with the marked operands and results only; these must not depend on others."""
    copy = d.clone(d.flat(name), f"{name}.live")
    block = body_of(d[copy])
    results = pick(terminator(block).operands, outputs)
    d.replace_return(copy, results)
    prune(d, block, results)
    d.replace_return(copy, list(terminator(block).operands))
    for i in reversed(range(len(inputs))):
        if not inputs[i]:
            block.erase_argument(i)
    d.retype(copy, list(terminator(block).operands))
    return copy


def prune(d: Any, block: ir.Block, results: Iterable[ir.Value]) -> dict[ir.Value, ir.Value]:
    """Erase what `results`, the return, and effects do not depend on. Gives what stands for values that calls gave."""
    kept = set(results)
    stands_for: dict[ir.Value, ir.Value] = {}
    for op in reversed(operations(block)[:-1]):  # users first, so that a value without users is dead
        used = [_has_user(r) or r in kept for r in op.results]
        if op.name == "func.call" and any(used) and not has_effects(op):
            _shorten(d, op, used, stands_for)
        elif not any(used) and not acts(op):
            op.erase()
    return stands_for


def _has_user(value: ir.Value) -> bool:
    return next(iter(value.uses), None) is not None


def drop_dead(block: ir.Block, results: Iterable[ir.Value]) -> None:
    """Erase operations of the dialect on which none of `results` depends; calls stay as they are."""
    live = set(results)
    for op in reversed(operations(block)[:-1]):
        if any(r in live for r in op.results) or op.name == "func.call" or acts(op):
            live.update(op.operands)
        else:
            op.erase()


def _shorten(d: Any, op: ir.Operation, used: list[bool], stands_for: dict) -> None:
    """Replace a call by that of what gives the used results, if that is less."""
    plan = _plan(d, op, used)
    if plan is None or (all(plan.operands) and all(plan.results)):
        return
    with ir.InsertionPoint(op), located(op.location):
        made = spread(d.call_site(plan.site(), pick(op.operands, plan.operands)), plan.results)
    for old, new in zip(list(op.results), made):
        if new is not None:
            stands_for[old] = new
            old.replace_all_uses_with(new)
    op.erase()


def _plan(d: Any, op: ir.Operation, used: Sequence[bool]) -> Any:
    """How a call gets by with less, if its combinator says so."""
    if op.name != "func.call" or not len(op.results):
        return None
    site = d.site(op.attributes["callee"].value)
    if site is None or site.combinator.prune is None:
        return None
    return site.combinator.prune(d, site, tuple(used))


def acts(op: ir.Operation) -> bool:
    """Whether an operation does something beside giving results, as far as is known."""
    if op.name == "func.call":
        return has_effects(op)
    declaration = declared_op(op.name)
    return declaration is None or declaration.has_effect or not len(op.results)


@dataclass
class Prune(Pass):
    """Drop results of control flow (scan, while, cond, checkpoint) that nobody uses, and what is computed for them."""

    name: ClassVar[str] = "axil-prune"

    def run(self, module: ir.Operation) -> None:
        from axil.compiler.derive import Deriver

        d = Deriver(module)
        if all(map(has_body, d.table.values())):
            return  # no control flow, and MLIR's `trivial-dce` drops the rest
        for name in [n for n, f in d.table.items() if has_body(f) and d.site(n) is None]:
            block = body_of(d[name])
            prune(d, block, ())


__all__ = ["Prune", "acts", "drop_dead", "needed", "prune", "pruned"]
