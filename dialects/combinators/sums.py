"""Sums over the steps of a loop: what a transposed scan owes to a constant that every step reads.

The cotangent of a constant is the sum of one contribution a step. Adding up in the loop costs a pass over the whole
constant in every step, which is most of the work where a step makes a large contribution from small factors. Ops say
what they can do about it in two rules of their declaration, and this file decides which form a sum takes:

* *after the loop*, by the op's `total` rule: the factors of a contribution are stacked, and one op on the stacks gives
  the sum. For a matrix product, the steps become one more contracted dimension;
* *in place*, by the op's `accumulate` rule: only what a contribution touches is changed, as for a gathered row;
* *in the loop*, as an addition of the contribution, or of what it is a linear function of, if that is smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from axil.dialects.factories import add_tangents
from axil.dialects.op import is_zero

LEAST = 512
"""Elements of a contribution from which on its factors are stacked rather than added up."""


@dataclass
class Outside:
    """Values after the loop: operands by the position of the body's argument, sums, and stacks."""

    operands: dict[int, Any]
    sums: Sequence[Any]
    stacks: Sequence[Any]


Recipe = Callable[[Outside], Any]
"""Emits a sum after the loop."""


@dataclass
class Sums:
    """How the sums of some of a body's results over its steps are formed.

    `rows` are the arguments of which each step has its own, with a stack of them outside; those of `constant` are the
    same in every step.
    """

    length: int
    constant: dict[Any, int]
    rows: dict[Any, int]
    added: list[Any] = field(default_factory=list)
    """Values whose sums the loop carries."""
    stacked: list[Any] = field(default_factory=list)
    """Values that the loop stacks, a row each step."""

    def plan(self, value: Any) -> Recipe:
        """The form of one sum; notes what the loop has to carry and to stack for it."""
        return self._after(value) or self._smaller(value) or self._carried(value)

    def _carried(self, value: Any) -> Recipe:
        if value not in self.added:
            self.added.append(value)
        at = self.added.index(value)
        return lambda outside: outside.sums[at]

    def _after(self, value: Any) -> Recipe | None:
        """The sum from stacks, if an op on the way to `value` has a rule for that."""
        op = _Operation.of(value)
        if op is None:
            return None
        if op.declaration.total is not None and (recipe := self._total(op, value)) is not None:
            return recipe
        linear = self._linear(op)
        if linear is None:
            return None
        parts = {i: self._after(op.operands[i]) for i in linear}
        if not any(parts.values()):
            return None
        parts = {i: part or self.plan(op.operands[i]) for i, part in parts.items()}
        return self._through(op, parts)

    def _smaller(self, value: Any) -> Recipe | None:
        """The sum of what `value` is a linear function of, if that is smaller."""
        op = _Operation.of(value)
        linear = self._linear(op) if op is not None else None
        if op is None or linear is None or len(linear) != 1:
            return None
        (i,) = linear
        before, after = _aval(op.operands[i]), _aval(value)
        if before.size > after.size or before.dtype != after.dtype:
            return None
        inner = self._smaller(op.operands[i])
        if inner is None and before.size < after.size:
            inner = self._carried(op.operands[i])
        return inner and self._through(op, {i: inner})

    def _linear(self, op: _Operation) -> list[int] | None:
        """The operands that change from step to step, if the result is linear in them together, else `None`."""
        changing = [i for i, v in enumerate(op.operands) if not self._same(v)]
        declared = op.declaration.linear_operands(len(op.operands))
        if not changing or any(i not in declared for i in changing):
            return None
        if op.declaration.bilinear:
            return changing if len(changing) == 1 else None
        return changing if all(i in changing or is_zero(op.operands[i]) for i in declared) else None

    def _through(self, op: _Operation, parts: dict[int, Recipe]) -> Recipe:
        """The op of sums is the sum of the op."""
        fixed = {i: self._read(v) for i, v in enumerate(op.operands) if i not in parts}

        def recipe(outside: Outside) -> Any:
            operands = [(parts[i] if i in parts else fixed[i])(outside) for i in range(len(op.operands))]
            return op.declaration(*operands, **op.attributes)

        return recipe

    def _total(self, op: _Operation, value: Any) -> Recipe | None:
        """The op's own sum over steps, if stacking its factors is worth it."""
        rows = [not self._same(v) for v in op.operands]
        new = {v for v, row in zip(op.operands, rows) if row and v not in self.rows and v not in self.stacked}
        elements, size = sum(_aval(v).size for v in new), _aval(value).size
        known = sum(_aval(v).size for v in self.rows)  # as much again, but no more
        if size < LEAST or self.length < 2 or 2 * elements > size or elements > known + size // self.length:
            return None
        if not all(rows):
            return None
        reads = [self._read(v) for v in op.operands]
        rule = op.declaration.total
        assert rule is not None
        return lambda outside: rule(self.length, [read(outside) for read in reads], **op.attributes)

    def _same(self, value: Any) -> bool:
        """Whether a value is the same in every step, and can be had outside: a constant, literal or given."""
        if value in self.constant:
            return True
        op = _Operation.of(value)
        return op is not None and not op.operands

    def _read(self, value: Any) -> Recipe:
        """A value outside of the loop, or its stack."""
        if value in self.constant or value in self.rows:
            at = self.constant[value] if value in self.constant else self.rows[value]
            return lambda outside: outside.operands[at]
        op = _Operation.of(value)
        if op is not None and not op.operands:
            return lambda outside: op.declaration(**op.attributes)
        if value not in self.stacked:
            self.stacked.append(value)
        at = self.stacked.index(value)
        return lambda outside: outside.stacks[at]


def accumulate(total: Any, value: Any, others: Sequence[Any]) -> Any:
    """`total + value`, in place where the op that made `value` knows how; the op goes, unless `others` need it."""
    op = _Operation.of(value)
    if op is not None and op.declaration.accumulate is not None:
        result = op.declaration.accumulate(total, op.operands, **op.attributes)
        if result is not None:
            if value not in others and next(iter(value.uses), None) is None:
                op.operation.erase()
            return result
    return add_tangents(total, value)


@dataclass
class _Operation:
    """An operation of the dialect with one result."""

    operation: Any
    declaration: Any
    operands: list[Any]
    attributes: dict[str, Any]

    @staticmethod
    def of(value: Any) -> _Operation | None:
        """The operation that makes a value; `None` for an argument or a call."""
        from axil.dialects.emit import attributes_of, declared_op
        from axil.dialects.mlir import ir

        if isinstance(value.owner, ir.Block):
            return None
        operation = value.owner.operation if hasattr(value.owner, "operation") else value.owner
        declaration = declared_op(operation.name)
        if declaration is None or declaration.results != 1:
            return None
        attributes = attributes_of(operation, declaration)
        return _Operation(operation, declaration, list(operation.operands), attributes)


def _aval(value: Any) -> Any:
    from axil.dialects.avals import aval_of

    return aval_of(value)
