"""The code of a kernel inside that of a loop: a factorisation in a loop's body needs no dispatch of its own.

A kernel's code knows its buffers as `%in0`, `%out0` and so on, each an array of its own. In a loop these are parts of
the loop's buffers, so each access becomes one of that buffer, further on by where the part starts; other names become
fresh ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axil.compiler.kernels.arrays import Buffer, Expression, Layout, Map, Read, Splat, store
from axil.compiler.kernels.kernel import Declined, Kernel, Plan, Tensor, Unsupported, remember
from axil.compiler.kernels.scalarwise import bitcast
from axil.compiler.kernels.text import Builder, width

if TYPE_CHECKING:  # that module writes out what this one makes, and has no other use for it
    from axil.compiler.kernels.loop_body import Bound, Step

_TOKEN = re.compile(r"(%\w+)\[(%\w+)\]|%\w+")
_MEMREF = re.compile(r"memref<\d+x\w+>")
_GROUP = re.compile(r'(%\w+) = "stream\.dispatch\.workgroup\.(id|count)"\(\).*')


def containable(kernel: Kernel | Declined, plan: Plan, code: str, work: float) -> Kernel | Declined:
    """The kernel, so that loops may contain it if one workgroup runs it; `work` is roughly in multiplications."""
    if not isinstance(kernel, Kernel) or plan.workgroups > 1 or plan.platform != "cpu" or plan.returns:
        return kernel
    kernel = replace(kernel, inline=_Code(plan, code.splitlines(), int(work)).write)
    remember(kernel)
    return kernel


@dataclass(frozen=True)
class _Code:
    """A kernel's code, to be written into loops."""

    plan: Plan
    lines: list[str]
    work: int

    def write(self, step: Step, operands: Sequence[Bound]) -> list[Expression]:
        """The code at the step's level; gives the kernel's results."""
        plan, b = self.plan, step.b
        inputs = [self.taken(step, x.array, t) for x, t in zip(operands, plan.inputs)]
        results = [step.space.take(t.shape, self.stored_dtype(t)) for t in plan.results]
        places = {f"%in{i}": x for i, x in enumerate(inputs)} | {f"%out{i}": x for i, x in enumerate(results)}
        for name, tensor in plan.scratch.items():
            places[name] = step.space.take(tensor.shape, self.stored_dtype(tensor))
        for i, literal in enumerate(plan.literals):
            places[f"%literal{i}"] = _literal(step, literal)
        starts = {name: b.index(read.layout.offset) for name, read in places.items()}
        _Rewriter(b, places, starts).write(self.lines)
        step.spend(self.work)
        return [self.given(step, x, t) for x, t in zip(results, plan.results)]

    def stored_dtype(self, tensor: Tensor) -> str:
        """The element type of a tensor's buffer."""
        return f"i{width(tensor.dtype)}" if self.plan.as_bits else tensor.dtype

    def taken(self, step: Step, array: Expression, tensor: Tensor) -> Read:
        """An operand as the code reads it: all elements in order."""
        dtype = self.stored_dtype(tensor)
        array = _as_type(array, dtype)
        if isinstance(array, Read) and array.layout == Layout.dense(array.shape, array.layout.offset):
            return array
        place = step.space.take(array.shape, dtype)
        store(step.b, array, [place])
        return place

    def given(self, step: Step, place: Read, tensor: Tensor) -> Expression:
        """A result, with the type that it has outside."""
        array = _as_type(place, tensor.dtype)
        return array if tensor.shape else Splat(array.lanes(step.b, [], None), tensor.dtype)


def _as_type(array: Expression, dtype: str) -> Expression:
    """The same bits as another type."""
    if array.dtype == dtype:
        return array
    function = bitcast(array.dtype, dtype)
    if function is None:
        raise Unsupported(f"a sort of {array.dtype}")
    return Map(function, (array,), dtype)


def _literal(step: Step, literal: tuple[Tensor, str]) -> Read:
    """A constant of the kernel as one of the loop's."""
    step.literals.append(literal)
    tensor = literal[0]
    return Read(Buffer(f"%literal{len(step.literals) - 1}", tensor.size, tensor.dtype), Layout.dense(tensor.shape))


class _Rewriter:
    """Writes lines of a kernel, whose buffers lie in `places` from `starts` on, to a builder."""

    def __init__(self, b: Builder, places: dict[str, Read], starts: dict[str, str]) -> None:
        self.b, self.places, self.starts = b, places, starts
        self.names: dict[str, str] = {}

    def write(self, lines: Sequence[str]) -> None:
        """Writes all lines."""
        for line in lines:
            group = _GROUP.match(line)
            if group:  # there is one workgroup
                line = f"{group[1]} = arith.constant {int(group[2] == 'count')} : index"
            read = [self.places[m[1]] for m in _TOKEN.finditer(line) if m[1] in self.places]
            line = _TOKEN.sub(self.token, line)
            if read:
                line = _MEMREF.sub(read[0].buffer.type, line)
            self.b.line(line)

    def token(self, found: re.Match) -> str:
        """A name, or an access of a buffer, as the loop has it."""
        name, at = found[1], found[2]
        if name is None:
            assert found[0] not in self.places, "a kernel's buffers are loaded from and stored to, nothing else"
            return self.fresh(found[0])
        place = self.places.get(name)
        if place is None:
            return f"{self.fresh(name)}[{self.fresh(at)}]"
        moved = self.b.binary("arith.addi", self.fresh(at), self.starts[name])
        return f"{place.buffer.name}[{moved}]"

    def fresh(self, name: str) -> str:
        """The loop's name for one of the kernel's."""
        if name not in self.names:
            self.names[name] = self.b.name()
        return self.names[name]


__all__ = ["containable"]
