"""Reductions inside a loop kernel: stored when they are met, never left lazy.

Vectors run along the last dimension: a reduced one is folded at the end, by halves; a kept one needs no fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axil.compiler.kernels.arrays import (
    LANES,
    WHOLE,
    Expression,
    Layout,
    Pieces,
    Read,
    Splat,
    counted,
    each,
    layout_of,
    store_lanes,
)
from axil.compiler.kernels.scalarwise import elementwise, number
from axil.compiler.kernels.text import FLOATS, SIGNED, Builder, Index, lanes_type, signless
from axil.compiler.kernels.workspace import Workspace, changed


def identity(op: str, dtype: str) -> str:
    """The value that a reduction starts from, as a literal."""
    if op in ("add", "or", "xor"):
        return number(0, dtype)
    if op == "multiply":
        return number(1, dtype)
    if op == "and":
        return number(1 if dtype == "i1" else -1, dtype)
    if dtype in FLOATS:
        return number(float("-inf") if op == "maximum" else float("inf"), dtype)
    bits = 1 if dtype == "i1" else int(signless(dtype)[1:])
    if dtype in SIGNED:
        return str(-(1 << (bits - 1)) if op == "maximum" else (1 << (bits - 1)) - 1)
    return number(0 if op == "maximum" else (1 if dtype == "i1" else -1), dtype)


def reduce(
    b: Builder, space: Workspace, op: str, expression: Expression, dims: Sequence[int], start: Splat
) -> Expression | None:
    """StableHLO's reduce of one operand by a binary op; None if the op has no code for the type."""
    combine = elementwise(op, expression.dtype)
    if combine is None:
        return None
    kept = [i for i in range(len(expression.shape)) if i not in dims]
    source = changed(b, space, expression, lambda x: x.transpose([*kept, *dims]))
    result = space.take([expression.shape[i] for i in kept], expression.dtype) if kept else None
    layouts = [layout_of(leaf) for leaf in source.leaves()] if not isinstance(source, Pieces) else []
    runs = Layout.dense(source.shape).merged(layouts or [Layout.dense(source.shape)], barrier=len(kept))
    outer = [run for run in runs if run[-1] < len(kept)]
    merged = changed(b, space, source, lambda x: x.merge(runs))
    target = result and Read(result.buffer, result.layout.merge(outer))
    work = _Reduction(b, combine, identity(op, expression.dtype), merged, len(outer), start)
    if target is None:
        return Splat(work.to_scalar([], merged), expression.dtype)
    if outer and work.along_kept():
        work.columns(target)
    else:
        work.rows(target)
    return result


@dataclass
class _Reduction:
    """The code of one reduction of the dimensions behind the first `kept`."""

    b: Builder
    combine: Callable[[Builder, list[str], int | None], str]
    identity: str
    source: Expression
    kept: int
    start: Splat

    def along_kept(self) -> bool:
        """Whether vectors run along the last kept dimension: if it is contiguous and the reduced is not."""
        layouts = [x.layout for x in self.source.leaves() if isinstance(x, Read)]
        reduced = self.kept < len(self.source.shape)
        return not reduced or any(x.strides[self.kept - 1] == 1 and x.strides[-1] != 1 for x in layouts)

    def rows(self, target: Read) -> None:
        """Each kept element on its own."""
        b = self.b

        def nest(place: list[Index]) -> None:
            if len(place) < self.kept:
                return counted(b, self.source.shape[len(place)], lambda i: nest([*place, i]))
            value = self.to_scalar(place, self.source)
            store_lanes(b, target, place, value, None)

        nest([])

    def to_scalar(self, place: list[Index], source: Expression) -> str:
        """The reduction of all that follows a place: vectors along the last dimension, folded at the end."""
        b, dtype, shape = self.b, source.dtype, source.shape[len(place) :]
        if not shape:
            return self.combine(b, [self.start.value, source.lanes(b, place, None)], None)
        extent, lanes = shape[-1], shape[-1] if shape[-1] <= WHOLE else LANES
        whole = extent - extent % lanes
        start = b.constant(self.identity, dtype, lanes)
        total = self.accumulate(place, [*shape[:-1], whole], lanes, start, source)
        value = self.fold(total, lanes)
        if whole < extent:
            rest = b.constant(self.identity, dtype, extent - whole)
            rest = self.accumulate(place, [*shape[:-1], whole], extent - whole, rest, source, Index(whole))
            value = self.combine(b, [value, self.fold(rest, extent - whole)], None)
        return self.combine(b, [self.start.value, value], None)

    def accumulate(
        self, place: list[Index], shape: Sequence[int], lanes: int, total: str, source: Expression,
        tail: Index | None = None,
    ) -> str:  # fmt: skip
        """Combines the vectors of a nest of loops, or only those at `tail` of its rows."""
        b, type_ = self.b, lanes_type(source.dtype, lanes)
        if len(shape) == 1 and (tail is not None or shape[0] == lanes):
            return self.combine(b, [total, source.lanes(b, [*place, tail or Index()], lanes)], lanes)

        def step(i: str, carry: list[str]) -> list[str]:
            if len(shape) == 1:
                return [self.combine(b, [carry[0], source.lanes(b, [*place, Index.of(i)], lanes)], lanes)]
            return [self.accumulate([*place, Index.of(i)], shape[1:], lanes, carry[0], source, tail)]

        return b.loop((0, shape[0], lanes if len(shape) == 1 else 1), step, [(total, type_)])[0]

    def fold(self, value: str, lanes: int) -> str:
        """One scalar from the lanes of a vector, by halves."""
        b, dtype = self.b, self.source.dtype
        while lanes % 2 == 0:
            half = lanes // 2
            parts = [
                b.op(
                    f"vector.extract_strided_slice {value} {{offsets = [{at}], sizes = [{half}], strides = [1]}}"
                    f" : {lanes_type(dtype, lanes)} to {lanes_type(dtype, half)}"
                )
                for at in (0, half)
            ]
            value, lanes = self.combine(b, parts, half), half
        type_ = lanes_type(dtype, lanes)
        elements = [b.op(f"vector.extract {value}[{i}] : {signless(dtype)} from {type_}") for i in range(lanes)]
        total = elements[0]
        for element in elements[1:]:
            total = self.combine(b, [total, element], None)
        return total

    def columns(self, target: Read) -> None:
        """Vectors along the last kept dimension, combined one after the other."""
        b, last = self.b, self.kept - 1
        order = [*range(last), *range(self.kept, len(self.source.shape)), last]
        source = self.source.relayout(lambda x: x.transpose(order))
        assert source is not None
        reduced = source.shape[last:-1]

        def total(place: list[Index], rest: Sequence[int], at: Index, lanes: int, value: str) -> str:
            if not rest:
                return self.combine(b, [value, source.lanes(b, [*place, at], lanes)], lanes)
            return b.loop(
                (0, rest[0], 1),
                lambda i, carry: [total([*place, Index.of(i)], rest[1:], at, lanes, carry[0])],
                [(value, lanes_type(source.dtype, lanes))],
            )[0]

        def write(place: list[Index], lanes: int | None) -> None:
            assert lanes is not None
            start = self.start.lanes(b, [], lanes)
            store_lanes(b, target, place, total(place[:-1], reduced, place[-1], lanes, start), lanes)

        each(b, target.shape, write)
