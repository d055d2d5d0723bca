"""Reductions of several arrays at once, or by a function of its own: argmax and its like, inside a loop kernel.

The function is a region of scalar ops. Vectors run along the last dimension that is kept, and the reduced dimensions
are stepped through one element at a time, with an accumulator for each array.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from axil.compiler.kernels.arrays import Expression, Pieces, Scalarwise, Splat, each, store_lanes
from axil.compiler.kernels.kernel import Unsupported, tensor_of
from axil.compiler.kernels.scalarwise import (
    HALVES,
    OPS,
    comparison,
    conversion,
    elementwise,
    selection,
    through_f32,
)
from axil.compiler.kernels.text import Builder, Index, lanes_type


def fold(step: Any, op: Any, bound: Sequence[Any], dims: Sequence[int]) -> list[Expression]:
    """The results of a `stablehlo.reduce` whose operands are `bound`: arrays, then initial values."""
    count = len(bound) // 2
    block = op.regions[0].blocks[0]
    rank = len(bound[0].array.shape)
    kept = [i for i in range(rank) if i not in dims]
    order = [*kept[:-1], *dims, *kept[-1:]]
    sources = []
    for x in bound[:count]:
        array = step.stored(x.array, x.depth) if isinstance(x.array, Pieces) else x.array
        sources.append(step.changed(array, lambda layout: layout.transpose(order)))
    starts = [x.array for x in bound[count:]]
    shape = [bound[0].array.shape[i] for i in kept]
    extents = [bound[0].array.shape[i] for i in dims]
    step.spend(prod(shape) * prod(extents) * len(list(block.operations)))
    work = _Fold(step.b, block, sources, starts, extents)
    if not kept:
        values = work.totals([], None)
        return [Splat(value, source.dtype) for value, source in zip(values, sources)]
    results = [step.space.take(shape, source.dtype) for source in sources]

    def write(place: list[Index], lanes: int | None) -> None:
        for target, value in zip(results, work.totals(place, lanes)):
            store_lanes(step.b, target, place, value, lanes)

    each(step.b, shape, write)
    return list(results)


class _Fold:
    """The code of one reduction."""

    def __init__(
        self, b: Builder, block: Any, sources: list[Expression], starts: list[Splat], extents: list[int]
    ) -> None:
        self.b, self.block, self.sources, self.starts, self.extents = b, block, sources, starts, extents

    def totals(self, place: list[Index], lanes: int | None) -> list[str]:
        """The accumulators of the elements at `place`, all reduced."""
        values = [start.lanes(self.b, [], lanes) for start in self.starts]
        return self.nest(place[:-1], place[-1:], lanes, values)

    def nest(self, outer: list[Index], last: list[Index], lanes: int | None, values: list[str]) -> list[str]:
        """The loops over the reduced dimensions from number `len(outer) - kept` on."""
        b, depth = self.b, len(outer) - (len(self.sources[0].shape) - len(self.extents) - len(last))
        if depth == len(self.extents):
            elements = [source.lanes(b, [*outer, *last], lanes) for source in self.sources]
            return evaluate(b, self.block, [*values, *elements], lanes)
        carry = [(v, lanes_type(s.dtype, lanes)) for v, s in zip(values, self.sources)]
        return b.loop(
            (0, self.extents[depth], 1), lambda i, now: self.nest([*outer, Index.of(i)], last, lanes, now), carry
        )


def evaluate(b: Builder, block: Any, arguments: Sequence[str], lanes: int | None) -> list[str]:
    """The code of a region of scalar ops, on scalars or vectors."""
    values = dict(zip(block.arguments, arguments))
    for op in block.operations:
        op = op.operation
        if op.name == "stablehlo.return":
            return [values[v] for v in op.operands]
        values[op.results[0]] = scalar_code(op)(b, [values[v] for v in op.operands], lanes)
    raise Unsupported("a reduction without a result")


def scalar_code(op: Any) -> Scalarwise:
    """The code of one op of a region."""
    name = op.name.removeprefix("stablehlo.")
    dtypes = [tensor_of(v.type).dtype for v in op.operands]
    result = tensor_of(op.results[0].type).dtype
    code: Scalarwise | None = None
    if name in OPS:
        code = elementwise(name, dtypes[0])
    elif name == "compare" and "TOTALORDER" not in str(op.attributes):
        direction = str(op.attributes["comparison_direction"]).rsplit(" ", 1)[-1].strip(">")
        wide = "f32" if dtypes[0] in HALVES else dtypes[0]
        code = comparison(direction, wide)
        if code is not None and wide != dtypes[0]:
            code = through_f32(code, dtypes[0], rounds=False)
    elif name == "select":
        code = selection(result)
    elif name == "convert":
        code = conversion(dtypes[0], result)
    elif name == "constant":
        literal = str(op.attributes["value"].get_splat_value()).split(" : ")[0]
        code = lambda b, args, lanes: b.constant(literal, result, lanes)
    if code is None:
        raise Unsupported(f"a reduction with {name} of {', '.join(dtypes)}")
    return code
