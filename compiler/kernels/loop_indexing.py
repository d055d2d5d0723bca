"""Gather and scatter inside a loop kernel: windows of an array at places that are computed.

One window, which is what `x[i]` and `x.at[i].add(y)` need, stays lazy: a read at a computed offset, or an
update that happens in place where the array is a carry. Several windows are a loop. As StableHLO has it, a
gather moves windows into bounds and a scatter drops those that are not inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from axil.compiler.kernels.arrays import Expression, Index, Map, Pieces, Read, Splat, counted, store
from axil.compiler.kernels.kernel import Unsupported
from axil.compiler.kernels.scalarwise import Scalarwise, Values, elementwise, selection
from axil.compiler.kernels.text import SIGNED, Builder


def numbers(text: str) -> dict[str, list[int]]:
    """The lists of integers in the text of a dimension-numbers attribute; an integer is a list of one."""
    lists = {k: [int(i) for i in v.split(",") if i.strip()] for k, v in re.findall(r"(\w+) = \[([\d, ]*)\]", text)}
    return lists | {k: [int(v)] for k, v in re.findall(r"(\w+) = (\d+)", text)}


@dataclass
class Windows:
    """Where the windows of a gather or scatter are in the operand."""

    operand: tuple[int, ...]
    """The operand's shape."""
    sizes: tuple[int, ...]
    """A window's extents, one for each dimension of the operand."""
    indices: Expression
    vector_dim: int
    map: Sequence[int]
    """The operand's dimensions that the elements of an index vector are for."""
    batching: Sequence[tuple[int, int]]
    """(dimension of the operand, dimension of the indices) that go together."""

    @property
    def points(self) -> tuple[int, ...]:
        """The shape of the indices without their vectors: one window for each."""
        return tuple(n for i, n in enumerate(self.indices.shape) if i != self.vector_dim)

    def at(self, b: Builder, point: Sequence[Index]) -> tuple[tuple[Index, ...], str]:
        """(where a window starts, moved into bounds; whether it was inside)."""
        starts = [Index()] * len(self.operand)
        inside = b.constant("true", "i1")
        zero = b.index(0)
        for k, dim in enumerate(self.map):
            place = [*point[: self.vector_dim], Index(k), *point[self.vector_dim :]]
            place = place[: len(self.indices.shape)]
            value = self.indices.lanes(b, place, None)
            cast = "index_cast" if self.indices.dtype in SIGNED else "index_castui"
            start = b.op(f"arith.{cast} {value} : {Values(b, self.indices.dtype, None).type} to index")
            moved = b.binary("arith.maxsi", start, zero)
            moved = b.binary("arith.minsi", moved, b.index(self.operand[dim] - self.sizes[dim]))
            inside = b.binary("arith.andi", inside, b.binary("arith.cmpi eq,", start, moved), "i1")
            starts[dim] = Index.of(moved)
        for dim, other in self.batching:
            starts[dim] = point[other - (other > self.vector_dim)]
        return tuple(starts), inside

    def each(self, b: Builder, body: Callable[[list[Index]], None]) -> None:
        """Runs `body` for every window."""

        def nest(point: list[Index]) -> None:
            if len(point) == len(self.points):
                return body(point)
            counted(b, self.points[len(point)], lambda i: nest([*point, i]))

        nest([])


def gather(step: Any, op: Any, bound: Sequence[Any]) -> Expression:
    """Windows of an array."""
    operand, indices = (x.array for x in bound)
    found = numbers(str(op.attributes["dimension_numbers"]))
    sizes = tuple(op.attributes["slice_sizes"])
    offset, batching = found.get("offset_dims", []), found.get("operand_batching_dims", [])
    if 0 in operand.shape or 0 in sizes:
        raise Unsupported("an empty gather")
    if not isinstance(operand, Read | Splat):
        operand = step.stored(operand, bound[0].depth)
    if not isinstance(indices, Read | Splat):
        indices = step.stored(indices, bound[1].depth)
    windows = Windows(
        operand.shape, sizes, indices,
        found.get("index_vector_dim", [0])[0], found.get("start_index_map", []),
        list(zip(batching, found.get("start_indices_batching_dims", []))),
    )  # fmt: skip
    dropped = [*found.get("collapsed_slice_dims", []), *batching]
    kept = tuple(n for i, n in enumerate(sizes) if i not in dropped)
    ones = (1,) * len(sizes)

    def window(point: list[Index]) -> Expression:
        starts, _ = windows.at(step.b, point)
        return step.changed(operand, lambda x: x.window(starts, sizes, ones).reshape(kept))

    rank = len(offset) + len(windows.points)
    points = [i for i in range(rank) if i not in offset]
    extents = dict(zip([*points, *offset], [*windows.points, *kept]))
    shape = tuple(extents[i] for i in range(rank))
    if prod(windows.points) == 1:
        return step.changed(window([Index()] * len(points)), lambda x: x.broadcast(offset, shape))
    result = step.space.take(shape, operand.dtype)
    step.spend(result.size + 10 * prod(windows.points))

    def copy(point: list[Index]) -> None:
        places = dict(zip(points, point))
        starts = [places.get(i, Index()) for i in range(rank)]
        part = [1 if i in places else n for i, n in enumerate(shape)]
        layout = result.layout.window(starts, part, (1,) * rank).reshape(kept)
        assert layout is not None
        store(step.b, window(point), [Read(result.buffer, layout)])

    windows.each(step.b, copy)
    return result


def scatter(step: Any, op: Any, bound: Sequence[Any]) -> Expression:
    """An array with windows replaced, or combined with updates."""
    if len(bound) != 3:
        raise Unsupported("a scatter of several arrays")
    operand, indices, updates = (x.array for x in bound)
    combine = _combiner(op, operand.dtype)
    found = numbers(str(op.attributes["scatter_dimension_numbers"]))
    window_dims, inserted = found.get("update_window_dims", []), found.get("inserted_window_dims", [])
    batching = found.get("input_batching_dims", [])
    inner = iter(window_dims)
    absent = {*inserted, *batching}
    sizes = tuple(1 if i in absent else updates.shape[next(inner)] for i in range(len(operand.shape)))
    if 0 in operand.shape or 0 in updates.shape:
        raise Unsupported("an empty scatter")
    indices, updates = (x if isinstance(x, Read | Splat) else step.stored(x) for x in (indices, updates))
    windows = Windows(
        operand.shape, sizes, indices, found.get("index_vector_dim", [0])[0],
        found.get("scatter_dims_to_operand_dims", []),
        list(zip(batching, found.get("scatter_indices_batching_dims", []))),
    )  # fmt: skip
    points = [i for i in range(len(updates.shape)) if i not in window_dims]
    ones = (1,) * len(sizes)

    def update(array: Expression, point: list[Index]) -> tuple[Expression, tuple[Index, ...], tuple[int, ...]]:
        """The window of `array` after one update, as a part of `Pieces`."""
        starts, inside = windows.at(step.b, point)
        places = dict(zip(points, point))
        where = [places.get(i, Index()) for i in range(len(updates.shape))]
        part = [1 if i in places else n for i, n in enumerate(updates.shape)]
        one = step.changed(updates, lambda x: x.window(where, part, (1,) * len(part)).reshape(sizes))
        old = array.relayout(lambda x: x.window(starts, sizes, ones))
        assert old is not None
        new = Map(combine, (old, one), array.dtype) if combine else one
        mask = Splat(inside, "i1", sizes)
        return Map(selection(array.dtype), (mask, new, old), array.dtype), starts, ones

    zeros = (Index(),) * len(sizes)
    array = operand if isinstance(operand, Read) else step.stored(operand)
    if prod(windows.points) == 1:
        return Pieces(((array, zeros, ones), update(array, [Index()] * len(points))), array.shape, array.dtype)
    result = step.space.take(array.shape, array.dtype)
    step.spend(array.size + 2 * updates.size + 10 * prod(windows.points))
    store(step.b, array, [result])

    def write(point: list[Index]) -> None:
        new, starts, _ = update(result, point)
        store(step.b, new, [Read(result.buffer, result.layout.window(starts, sizes, ones))])

    windows.each(step.b, write)
    return result


def _combiner(op: Any, dtype: str) -> Scalarwise | None:
    """The function of (old value, update), or None if the update just replaces."""
    block = op.regions[0].blocks[0]
    inner = [o.operation for o in block.operations]
    arguments = list(block.arguments)
    if len(inner) == 1 and inner[0].operands[0] == arguments[1]:
        return None
    name = inner[0].name.removeprefix("stablehlo.")
    used = list(inner[0].operands)
    if (
        len(inner) != 2
        or name not in ("add", "multiply", "maximum", "minimum", "and", "or", "xor")
        or set(used) != set(arguments)
    ):
        raise Unsupported(f"a scatter with {', '.join(o.name for o in inner[:-1])}")
    combine = elementwise(name, dtype)
    if combine is None:
        raise Unsupported(f"a scatter with {name} of {dtype}")
    return combine
