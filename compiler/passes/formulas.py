"""Formulas in a lowered program: emitted once and called at each place, and kept from growing together.

A sine is some ninety operations in f32 and over three hundred in f64. Python emits them once for each kind of operands;
IREE inlines the calls faster than Python would emit them again.

IREE 3.13 fuses elementwise operations without bound, and the time it takes to compile a fused one grows far faster
than its length: the forward derivative of two nested sines in f64 took half a minute. So a barrier follows a formula
where the chain of operations behind it has become long; it costs one pass over memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.functions import body_of, operations
from axil.dialects import hlo
from axil.dialects.avals import SMALL_TYPES
from axil.dialects.mlir import aval_of_type, ir

SHORT = 4
"""Formulas of at most so many operations are emitted in place."""

LONG_CHAIN = 300
"""Operations, one after another, that may be fused."""


class Formulas:
    """The formulas of one module that is being lowered."""

    def __init__(self, lowering: Any) -> None:
        self._lowering = lowering
        self._made: dict[tuple, tuple[str, int]] = {}  # for each kind of operands, the function and its length
        self._called: set[str] = set()
        self._behind: dict[ir.Value, int] = {}  # operations, one after another, that a value is made by

    def emit(self, declaration: Any, operands: list, types: list, attributes: dict, share: bool) -> list | None:
        """Emit a formula, as a call where it can be shared; `None` for an op that is lowered otherwise."""
        if not getattr(declaration.lower, "formula", False) or attributes:
            return None
        name, length = self._function(declaration, operands, types)
        if share and length > SHORT and not any(aval_of_type(v.type).dtype in SMALL_TYPES for v in operands):
            self._called.add(name)
            results = self._lowering.d.call(name, operands)
        else:
            results = listed(declaration.lower(operands, types, self._lowering))
        behind = self._longest(operands) + length
        if behind > LONG_CHAIN:
            results, behind = [hlo.barrier(r) for r in results], 0
        self._behind.update((r, behind) for r in results)
        return results

    def note(self, operands: Sequence[ir.Value], results: Sequence[ir.Value]) -> None:
        """Note an operation that is no formula."""
        behind = self._longest(operands)
        if behind:
            self._behind.update((r, behind + 1) for r in results)

    def shared(self) -> set[str]:
        """The functions that are called."""
        return self._called

    def _longest(self, values: Sequence[ir.Value]) -> int:
        return max((self._behind.get(v, 0) for v in values), default=0)

    def _function(self, declaration: Any, operands: list, types: list) -> tuple[str, int]:
        """The function of a formula on operands of these types, and the number of operations in it."""
        d = self._lowering.d
        avals = tuple(aval_of_type(v.type) for v in operands)
        key = (declaration.name, avals)
        if key not in self._made:
            emit = lambda *values: listed(declaration.lower(list(values), types, self._lowering))
            name = d.build(f"formula.{declaration.name}", avals, emit)
            self._made[key] = name, len(operations(body_of(d[name])))
        return self._made[key]


def listed(results: Any) -> list:
    """Result(s) of a rule as a list."""
    return list(results) if isinstance(results, (list, tuple)) else [results]
