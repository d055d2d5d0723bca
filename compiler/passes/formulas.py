"""Formulas in a lowered program: emitted once and called at each place, and kept from growing together.

A sine is some ninety operations in f32 and over three hundred in f64. Python emits them once for each kind of operands;
IREE inlines the calls faster than Python would emit them again. The functions are kept, and copied into further
programs.

IREE 3.13 fuses elementwise operations without bound, and the time it takes to compile a fused one grows far faster
than its length: the forward derivative of two nested sines in f64 took half a minute. So a barrier follows a formula
where the chain of operations behind it has become long; it costs one pass over memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from axil.compiler.functions import Functions, body_of
from axil.dialects import hlo
from axil.dialects.avals import SMALL_TYPES
from axil.dialects.mlir import aval_of_type, context, ir

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
        avals = tuple(aval_of_type(v.type) for v in operands)
        name, length = self._function(declaration, avals, types)
        if share and length > SHORT and not any(a.dtype in SMALL_TYPES for a in avals):
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
            for result in results:
                self._behind[result] = behind + 1

    def shared(self) -> set[str]:
        """The functions that are called."""
        return self._called

    def _longest(self, values: Sequence[ir.Value]) -> int:
        longest = 0
        for value in values:  # (a generator would take longer than the rest)
            behind = self._behind.get(value)
            if behind is not None and behind > longest:
                longest = behind
        return longest

    def _function(self, declaration: Any, avals: tuple, types: list) -> tuple[str, int]:
        """The function of a formula on operands of these types, and the number of operations in it."""
        key = (declaration, avals)
        found = self._made.get(key)
        if found is None:
            found = self._copied(declaration, avals, types)
            if found is None:
                found = _build(self._lowering.d, declaration, avals, types, self._lowering)
            self._made[key] = found
        return found

    def _copied(self, declaration: Any, avals: tuple, types: list) -> tuple[str, int] | None:
        """A copy of the formula's template; `None` where it has none."""
        key = (declaration, avals, self._lowering.platform, self._lowering.use_kernels)
        template = _templates.get(key, ...)
        if template is ...:
            if len(_templates) >= _MAX_TEMPLATES:
                _templates.clear()
            template = _templates[key] = _template(declaration, avals, types, self._lowering)
        if template is None:
            return None
        return self._lowering.d.adopt(template.functions, template.name), template.length


class _Template(NamedTuple):
    """A formula that has been made in this process: the module, the function in it, and its length."""

    functions: Functions
    name: str
    length: int


_templates: dict[tuple, Any] = {}  # None for formulas that have none
_MAX_TEMPLATES = 1_000


class _NeedsProgramError(Exception):
    """A formula has parts beside straight-line code: loops, kernels."""


class _Alone:
    """What a formula finds of the lowering while its template is made."""

    def __init__(self, lowering: Any) -> None:
        self.platform, self.use_kernels = lowering.platform, lowering.use_kernels

    def __getattr__(self, name: str) -> Any:
        raise _NeedsProgramError(name)


def _template(declaration: Any, avals: tuple, types: list, lowering: Any) -> _Template | None:
    with ir.Location.unknown(context()):
        functions = Functions(ir.Module.create())
        try:
            return _Template(functions, *_build(functions, declaration, avals, types, _Alone(lowering)))
        except _NeedsProgramError:
            return None


def _build(functions: Functions, declaration: Any, avals: tuple, types: list, of: Any) -> tuple[str, int]:
    emit = lambda *values: listed(declaration.lower(list(values), types, of))
    name = functions.build(f"formula.{declaration.name}", avals, emit)
    return name, len(body_of(functions[name]).operations)


def listed(results: Any) -> list:
    """Result(s) of a rule as a list."""
    return list(results) if isinstance(results, (list, tuple)) else [results]
