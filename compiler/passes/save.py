"""Splitting a function for recomputation: what is run once, and what is run again from the values that were kept.

A policy decides for each operation whether its results may be kept. Only values that the wanted outputs depend on are
kept, and nothing that lies before them is run again. Control combinators split their bodies by rules of their own, so
that a value inside a loop is kept too, once for each step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from axil.compiler.functions import body_of, copy_operation, has_effects, located, operations, terminator
from axil.dialects.combinators import policies
from axil.dialects.combinators.combinator import SavedCall, pick
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.mlir import aval_of_type, ir


class Saved(NamedTuple):
    """A function split in two.

    `known` maps the inputs to (outputs, kept values); `again` maps (the inputs that `used` marks, kept values) to the
    wanted outputs. `count` is how many values are kept.
    """

    known: str
    again: str
    used: tuple[bool, ...]
    count: int


def derive(d: Any, name: str, policy: str, wanted: tuple[bool, ...]) -> Saved:
    """Split function `name`, of which the outputs marked in `wanted` are computed again."""
    plan = _Plan(d, body_of(d[d.flat(name)]), policy, wanted)
    n_out = len(wanted)
    known = d.build(f"{name}.known", d.signature(name).inputs, plan.known)
    kept = d.signature(known).outputs[n_out:]
    inputs = pick(d.signature(name).inputs, plan.used)
    again = d.build(f"{name}.again", [*inputs, *kept], plan.again)
    return Saved(known, again, plan.used, len(kept))


class _Plan:
    """What happens to each operation of a block: its results are kept, or it is run again, or neither."""

    def __init__(self, d: Any, block: ir.Block, policy: str, wanted: tuple[bool, ...]) -> None:
        self.block = block
        self.body = operations(block)[:-1]
        self.returned = list(terminator(block).operands)
        self.wanted = wanted
        self.kept: dict[int, list[ir.Value]] = {}
        self.repeated: set[int] = set()
        self.calls: dict[int, SavedCall] = {}
        decide = policies.from_text(policy)
        needed = set(pick(self.returned, wanted))
        for i, op in reversed(list(enumerate(self.body))):
            found = [r for r in op.results if r in needed]
            if found:
                with located(op.location):
                    needed.update(self._place(d, i, op, found, needed, policy, decide))
            elif has_effects(op) and not len(op.results) and not policy:  # it prints what is run again, as it is
                self.repeated.add(i)
                needed.update(op.operands)
        self.used = tuple(a in needed for a in block.arguments)

    def _place(
        self, d: Any, i: int, op: ir.Operation, found: list, needed: set, policy: str, decide: Callable[..., Any]
    ) -> list[ir.Value]:
        """Decide about one operation that is needed; gives the values that it needs in turn."""
        site = d.site(op.attributes["callee"].value) if op.name == "func.call" else None
        if site is not None and site.combinator.save is not None:
            call = site.combinator.save(d, site, policy, tuple(r in needed for r in op.results))
            self.calls[i] = call
            self.repeated.add(i)
            return pick(op.operands, call.used)
        if has_effects(op) or _is_saved(op, site, decide):  # reading from outside twice may give two values
            self.kept[i] = found
            return []
        self.repeated.add(i)
        return list(op.operands)

    def known(self, *arguments: ir.Value) -> list[ir.Value]:
        """Emit everything, and give the kept values besides the outputs."""
        env = dict(zip(self.block.arguments, arguments))
        kept: list[ir.Value] = []
        for i, op in enumerate(self.body):
            operands = [env[v] for v in op.operands]
            with located(op.location):
                if i in self.calls:
                    results, inner = self.calls[i].known(operands)
                    kept += inner
                else:
                    results = copy_operation(op, operands).results
            env.update(zip(op.results, results))
            kept += [env[v] for v in self.kept.get(i, ())]
        return [*[env[v] for v in self.returned], *kept]

    def again(self, *arguments: ir.Value) -> list[ir.Value]:
        """Emit what is run again, from the used inputs and the kept values."""
        inputs = pick(self.block.arguments, self.used)
        env = dict(zip(inputs, arguments))
        kept: Iterator[ir.Value] = iter(arguments[len(inputs) :])
        for i, op in enumerate(self.body):
            env.update((v, next(kept)) for v in self.kept.get(i, ()))
            if i not in self.repeated:
                continue
            operands = [env.get(v) for v in op.operands]
            with located(op.location):
                if i in self.calls:
                    call = self.calls[i]
                    results = call.again(operands, [next(kept) for _ in range(call.count)])
                else:
                    results = copy_operation(op, operands).results  # type: ignore[arg-type]
            env.update((r, v) for r, v in zip(op.results, results) if v is not None)
        return [env[v] for v, w in zip(self.returned, self.wanted) if w]


def _is_saved(op: ir.Operation, site: Any, decide: Callable[..., Any]) -> bool:
    avals = [aval_of_type(v.type) for v in op.operands]
    if site is not None:
        return policies.is_saved(decide, site.combinator.name, avals, {})
    declaration = declared_op(op.name)
    if declaration is None or declaration.cheap:
        return False
    attributes = attributes_of(op, declaration)
    return policies.is_saved(decide, declaration.name, avals, attributes)
