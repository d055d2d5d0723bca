"""The cost of a program, from the declarations: floating point operations, transcendental functions, memory traffic.

`analyse` is for people. `estimate` is one number, which decides whether a program is worth all cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from axil.compiler.functions import Functions, body_of, has_body, operations
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.mlir import aval_of_type
from axil.dialects.op import bytes_of

_UNKNOWN_STEPS = 10
"""Steps of a loop whose condition decides, for `estimate`."""


@dataclass(frozen=True)
class OpCost:
    """What all operations of one name cost in a call of the program."""

    count: int = 0
    flops: float = 0.0
    transcendentals: float = 0.0
    bytes: float = 0.0

    def plus(self, other: OpCost, times: int = 1) -> OpCost:
        """The sum of this and `times` the other."""
        return OpCost(
            self.count + times * other.count, self.flops + times * other.flops,
            self.transcendentals + times * other.transcendentals, self.bytes + times * other.bytes,
        )  # fmt: skip


class CostAnalysis(dict):
    """The cost of a call: a dict of `"flops"`, `"transcendentals"` and `"bytes accessed"`.

    `operations` has the parts by operation. `unknown` names the loops whose number of steps only values decide; they
    are counted as one step. Of the branches of a conditional the most expensive one counts. Bytes are those that the
    operations read and write one by one, before any are fused.
    """

    def __init__(self, operations: dict[str, OpCost], unknown: tuple[str, ...]) -> None:
        total = _total(operations)
        super().__init__({
            "flops": total.flops, "transcendentals": total.transcendentals, "bytes accessed": total.bytes,
        })  # fmt: skip
        self.operations = dict(sorted(operations.items(), key=lambda item: (-_work(item[1]), item[0])))
        self.unknown = unknown

    def table(self) -> str:
        """The parts as a table, most expensive first."""
        rows = [("operation", "count", "flops", "transcendentals", "bytes")]
        for name, c in [*self.operations.items(), ("all", _total(self.operations))]:
            rows.append((name, f"{c.count:,}", f"{c.flops:,.0f}", f"{c.transcendentals:,.0f}", f"{c.bytes:,.0f}"))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *[cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]])
            for row in rows
        ]
        lines += [f"{loop}: the number of steps is not known; counted as one" for loop in self.unknown]
        return "\n".join(lines)


class _Costs(NamedTuple):
    operations: dict[str, OpCost]
    unknown: tuple[str, ...]


def analyse(module: Any, name: str = "main") -> CostAnalysis:
    """What a call of a function costs; its derivatives must be written out."""
    found = _Analysis(Functions(module)).function(name)
    return CostAnalysis(found.operations, found.unknown)


class _Analysis:
    """The cost of each function of a module, computed once."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.known: dict[str, _Costs] = {}

    def function(self, name: str) -> _Costs:
        if name not in self.known:
            self.known[name] = _Costs({}, ())  # against recursion, which the verifier reports elsewhere
            site = self.functions.site(name)
            self.known[name] = self.control(name, site) if site is not None else self.body(name)
        return self.known[name]

    def control(self, name: str, site: Any) -> _Costs:
        """The cost of control flow: that of its functions, as often as they run."""
        combinator = site.combinator
        steps = combinator.repeats(**site.parameters) if combinator.repeats is not None else 1
        parts = [self.function(f) for f in site.functions[: combinator.runs]]
        if combinator.exclusive:
            parts = [max(parts, key=lambda part: _work(_total(part.operations)))]
        unknown = (f"{combinator.name} @{name}",) if steps is None else ()
        return _combined(parts, 1 if steps is None else steps, unknown)

    def body(self, name: str) -> _Costs:
        if not has_body(self.functions[name]):
            return _Costs({}, ())
        parts = []
        for op in operations(body_of(self.functions[name])):
            if op.name == "func.call":
                parts.append(self.function(op.attributes["callee"].value))
            elif (declaration := declared_op(op.name)) is not None:
                parts.append(_Costs({declaration.name: cost_of(op, declaration)}, ()))
        return _combined(parts)


def _combined(parts: list[_Costs], times: int = 1, unknown: tuple[str, ...] = ()) -> _Costs:
    found: dict[str, OpCost] = {}
    for part in parts:
        for name, cost in part.operations.items():
            found[name] = found.get(name, OpCost()).plus(cost, times)
    return _Costs(found, (*unknown, *dict.fromkeys(loop for part in parts for loop in part.unknown)))


def cost_of(op: Any, declaration: Any) -> OpCost:
    """The cost of one operation, by its declaration."""
    inputs = [aval_of_type(v.type) for v in op.operands]
    outputs = [aval_of_type(r.type) for r in op.results]
    attributes = attributes_of(op, declaration)
    elements = float(sum(a.size for a in outputs))
    transcendentals = elements if declaration.transcendental else 0.0
    if declaration.flops is not None:
        flops = declaration.flops(*inputs, **attributes)
    else:
        moves = declaration.traffic is not None  # an op that says how much it moves computes nothing
        flops = 0.0 if moves or declaration.transcendental else elements
    if declaration.traffic is not None:
        traffic = declaration.traffic(inputs, outputs, **attributes)
    else:
        traffic = bytes_of([*inputs, *outputs]) if inputs else 0.0  # constants are read by those who use them
    return OpCost(1, float(flops), transcendentals, traffic)


def _total(operations: dict[str, OpCost]) -> OpCost:
    total = OpCost()
    for cost in operations.values():
        total = total.plus(cost)
    return total


def _work(cost: OpCost) -> float:
    return cost.flops + cost.transcendentals


# ---- one number ----------------------------------------------------------------------------------------


def estimate(functions: Functions, name: str, memo: dict[str, float] | None = None) -> float:
    """About how many elementary steps one call of a function takes, those of moving data included.

    `memo`, if given, is filled with those of all functions that it calls.
    """
    return _function(functions, name, {} if memo is None else memo)


def _function(functions: Functions, name: str, memo: dict[str, float]) -> float:
    if name not in memo:
        memo[name] = 0.0
        site = functions.site(name)
        if site is not None:
            repeats = site.combinator.repeats
            steps = repeats(**site.parameters) if repeats is not None else 1
            memo[name] = (_UNKNOWN_STEPS if steps is None else steps) * sum(
                _function(functions, f, memo) for f in site.functions[: site.combinator.runs]
            )
        elif has_body(functions[name]):
            memo[name] = sum(_operations(functions, name, memo))
    return memo[name]


def _operations(functions: Functions, name: str, memo: dict[str, float]) -> Iterator[float]:
    for op in operations(body_of(functions[name])):
        if op.name == "func.call":
            yield _function(functions, op.attributes["callee"].value, memo)
        elif (declaration := declared_op(op.name)) is not None:
            if declaration.flops is None:
                yield float(sum(aval_of_type(r.type).size for r in op.results))
            else:
                attributes = attributes_of(op, declaration)
                yield declaration.flops(*[aval_of_type(v.type) for v in op.operands], **attributes)


__all__ = ["CostAnalysis", "OpCost", "analyse", "cost_of", "estimate"]
