"""From StableHLO ops to the code of one loop step.

`Step.run` walks a block and binds each value to an expression. Nothing is computed for reshapes, transposes,
slices, broadcasts; elementwise ops stay lazy until something must have their value; scalars are computed at
once, in SSA. Ops whose operands do not change in the loop are computed once, before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from axil.compiler.kernels.arrays import (
    FEW,
    Affine,
    Buffer,
    Expression,
    Few,
    Index,
    Layout,
    Map,
    Pieces,
    Read,
    Splat,
    cost,
    weight,
)
from axil.compiler.kernels.contraction import Operand, dot
from axil.compiler.kernels.fold import fold
from axil.compiler.kernels.kernel import PREFIX, Tensor, Unsupported, find_kernel, tensor_of
from axil.compiler.kernels.loop_indexing import gather, numbers, scatter
from axil.compiler.kernels.reduction import reduce
from axil.compiler.kernels.scalarwise import (
    COSTS,
    HALVES,
    OPS,
    Values,
    bitcast,
    comparison,
    conversion,
    elementwise,
    selection,
    through_f32,
)
from axil.compiler.kernels.text import SIGNED, Builder
from axil.compiler.kernels.workspace import Workspace, changed, stored

CHEAP = 3
"""A value of at most this many instructions an element is computed again for each use rather than stored."""


@dataclass(frozen=True)
class Bound:
    """What a value of the body is: its expression, and how many loops deep it changes; 0 for what never does."""

    array: Expression
    depth: int


@dataclass
class Step:
    """The code of a loop's step being written, with the code around it."""

    builders: list[Builder]
    """The code that runs once, then the step of each loop, from the outermost to the one being written."""
    space: Workspace
    literals: list[tuple[Tensor, str]]
    functions: Callable[[str], Any]
    """Finds a function of the program by name."""
    level: int = 0
    """The depth of the op being written."""
    work: int = 0
    """Of one step of the innermost loop, roughly in operations on one element."""
    values: dict[Any, Bound] = field(default_factory=dict)
    in_branch: bool = False

    @property
    def b(self) -> Builder:
        """Where the op being written goes."""
        return self.builders[self.level]

    @property
    def depth(self) -> int:
        """How deep the innermost loop is."""
        return len(self.builders) - 1

    def run(self, block: Any, arguments: Sequence[Bound]) -> list[Bound]:
        """Binds a block's arguments, writes its ops, and gives what it returns."""
        self.values.update(zip(block.arguments, arguments))
        for op in block.operations:
            op = op.operation
            if op.name in RETURNS:
                return [self.values[v] for v in op.operands]
            self.write(op)
        raise Unsupported("a block without a return")

    def write(self, op: Any) -> None:
        """The code of one op, outside of the loops in which it does not change."""
        try:
            self._write(op)
        except Unsupported as reason:
            if reason.location is None:
                reason.location = op.location
            raise

    def _write(self, op: Any) -> None:
        handler = HANDLERS.get(op.name)
        if handler is None:
            raise Unsupported(f"the op {op.name.removeprefix('stablehlo.')}")
        if any(0 in result.type.shape for result in op.results):
            raise Unsupported("an empty array")
        bound = [self.values[v] for v in op.operands]
        outer = self.level
        self.level = self.depth if op.name in BRANCHES else max((x.depth for x in bound), default=0)
        results = handler(self, op, bound)
        results = results if isinstance(results, list) else [results]
        for value, array in zip(op.results, results):
            if not isinstance(array, Bound):
                array = Bound(self.settled(value, array), self.level)
            self.values[value] = array
        self.level = outer

    def settled(self, value: Any, array: Expression) -> Expression:
        """Computes a new value now if that is better than for each use."""
        if not array.shape:
            return array if isinstance(array, Splat) else Splat(array.lanes(self.b, [], None), array.dtype)
        if isinstance(array, Splat | Read | Affine | Few):
            return array
        users = [use.owner for use in value.uses]
        again = len(users) > 1 and any(u.operation.name not in RETURNS for u in users)
        if self.level < self.depth or (again and (weight(array) > CHEAP or isinstance(array, Pieces))):
            return self.stored(array)
        return array

    def stored(self, array: Expression, depth: int | None = None) -> Read:
        """The array in memory, computed in the step of some depth: the op's own unless told otherwise."""
        depth = self.level if depth is None else depth
        if not isinstance(array, Read):
            self.spend(cost(array), depth)
        return stored(self.builders[depth], self.space, array)

    def part(self, array: Expression) -> Expression:
        """An array as a part of another one: stored if its place must be dense."""
        return self.stored(array) if isinstance(array, Pieces) and array.undo else array

    def spend(self, work: int, depth: int | None = None) -> None:
        """Counts work, if it is done in every step of the innermost loop."""
        if (self.level if depth is None else depth) == self.depth:
            self.work += work

    def changed(self, array: Expression, change: Callable[[Layout], Layout | None]) -> Expression:
        """The array with another layout; stored first where it must be."""
        result = array.relayout(change)
        if result is None:
            self.spend(cost(array))
            result = changed(self.b, self.space, array, change)
        return result


RETURNS = ("func.return", "stablehlo.return")
BRANCHES = ("stablehlo.case", "stablehlo.if")

Handler = Callable[[Step, Any, list[Bound]], "Expression | list[Expression] | list[Bound]"]


# ---- elementwise ---------------------------------------------------------------------------------------


def apply(step: Step, function: Any, arguments: Sequence[Expression], dtype: str, work: int, what: str) -> Expression:
    """An elementwise function; of uniform arguments at once, as a scalar."""
    if function is None:
        raise Unsupported(what)
    splats = [a for a in arguments if isinstance(a, Splat)]
    if len(splats) == len(arguments):
        return Splat(function(step.b, [a.value for a in splats], None), dtype, arguments[0].shape)
    arguments = [step.stored(a) if isinstance(a, Pieces) else a for a in arguments]
    return Map(function, tuple(arguments), dtype, work)


def map_op(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Ops of `scalarwise.OPS`."""
    name = op.name.removeprefix("stablehlo.")
    result = tensor_of(op.results[0].type)
    arguments = [fitted(x.array, result.shape) for x in bound]
    dtype = arguments[0].dtype
    return apply(step, elementwise(name, dtype), arguments, result.dtype, COSTS.get(name, 1), f"{name} of {dtype}")


def fitted(array: Expression, shape: tuple[int, ...]) -> Expression:
    """A scalar operand of an op such as clamp or select, in the shape of the others."""
    return (
        array if array.shape == shape else Splat(array.value, array.dtype, shape) if isinstance(array, Splat) else array
    )


def compare(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A comparison."""
    direction = str(op.attributes["comparison_direction"]).rsplit(" ", 1)[-1].strip(">")
    if "compare_type" in op.attributes and "TOTALORDER" in str(op.attributes["compare_type"]):
        raise Unsupported("a comparison in total order")
    arguments = [x.array for x in bound]
    dtype = arguments[0].dtype
    function = comparison(direction, "f32" if dtype in HALVES else dtype)
    assert function is not None
    if dtype in HALVES:
        function = through_f32(function, dtype, rounds=False)
    return apply(step, function, arguments, "i1", 1, "compare")


def select(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A choice by mask."""
    result = tensor_of(op.results[0].type)
    arguments = [fitted(x.array, result.shape) for x in bound]
    return apply(step, selection(result.dtype), arguments, result.dtype, 1, "select")


def convert(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A change of type by value."""
    source, target = bound[0].array.dtype, tensor_of(op.results[0].type).dtype
    if source == target:
        return bound[0].array
    function = conversion(source, target)
    return apply(step, function, [bound[0].array], target, 1, f"convert {source} to {target}")


def bitcast_convert(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A change of type by bits."""
    source, target = bound[0].array.dtype, tensor_of(op.results[0].type).dtype
    function = bitcast(source, target)
    return apply(step, function, [bound[0].array], target, 1, f"bitcast_convert {source} to {target}")


def constant(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A uniform constant in SSA; another one as a further input of the dispatch."""
    attribute, tensor = op.attributes["value"], tensor_of(op.results[0].type)
    if not hasattr(attribute, "is_splat"):
        raise Unsupported("a constant that is kept outside of the program")
    if attribute.is_splat:
        literal = str(attribute.get_splat_value()).split(" : ")[0]
        return Splat(step.builders[0].constant(literal, tensor.dtype), tensor.dtype, tensor.shape)
    step.literals.append((tensor, str(attribute).rsplit(" : ", 1)[0]))
    return Read(Buffer(f"%literal{len(step.literals) - 1}", tensor.size, tensor.dtype), Layout.dense(tensor.shape))


def iota(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Positions along one dimension."""
    tensor, dim = tensor_of(op.results[0].type), op.attributes["iota_dimension"].value
    strides = tuple(int(i == dim) for i in range(len(tensor.shape)))
    if tensor.dtype in HALVES or tensor.dtype == "i1":
        raise Unsupported(f"iota of {tensor.dtype}")
    return Affine(tensor.dtype, Layout(tensor.shape, strides))


# ---- shapes --------------------------------------------------------------------------------------------


def ints(op: Any, name: str) -> tuple[int, ...]:
    """An attribute that is an array of integers."""
    return tuple(op.attributes[name])


def broadcast_in_dim(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Repeats; what takes work to compute is computed before it is repeated."""
    array, dims = bound[0].array, ints(op, "broadcast_dimensions")
    shape = tensor_of(op.results[0].type).shape
    if isinstance(array, Splat):
        return Splat(array.value, array.dtype, shape)
    if isinstance(array, Pieces | Map) and prod(shape) > array.size:
        array = step.stored(array, bound[0].depth)
    return step.changed(array, lambda x: x.broadcast(dims, shape))


def reshape(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Another shape, mostly for nothing."""
    array, shape = bound[0].array, tensor_of(op.results[0].type).shape
    if isinstance(array, Pieces):
        before = array.shape
        return array.recast(shape, lambda x: x.reshape(before))
    return step.changed(array, lambda x: x.reshape(shape))


def transpose(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Dimensions in another order."""
    order = ints(op, "permutation")
    if isinstance(bound[0].array, Pieces):
        back = [order.index(i) for i in range(len(order))]
        return bound[0].array.recast([bound[0].array.shape[i] for i in order], lambda x: x.transpose(back))
    return step.changed(bound[0].array, lambda x: x.transpose(order))


def reverse(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Dimensions backwards."""
    dims = ints(op, "dimensions")
    return step.changed(bound[0].array, lambda x: x.reverse(dims))


def slice_(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A static window."""
    starts, steps = ints(op, "start_indices"), ints(op, "strides")
    shape = tensor_of(op.results[0].type).shape
    return step.changed(bound[0].array, lambda x: x.window(starts, shape, steps))


def clamped(step: Step, starts: Sequence[Bound], shape: Sequence[int], window: Sequence[int]) -> tuple[Index, ...]:
    """Start indices of a dynamic window, moved so that it lies inside."""
    b, result = step.b, []
    for start, size, part in zip(starts, shape, window):
        array = start.array
        assert isinstance(array, Splat)
        if size == part:
            result.append(Index())
            continue
        cast = "index_cast" if array.dtype in SIGNED else "index_castui"
        at = b.op(f"arith.{cast} {array.value} : {Values(b, array.dtype, None).type} to index")
        at = b.binary("arith.maxsi", at, b.index(0))
        result.append(Index.of(b.binary("arith.minsi", at, b.index(size - part))))
    return tuple(result)


def dynamic_slice(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A window whose place is known when the step runs: still no copy."""
    array, window = bound[0].array, ints(op, "slice_sizes")
    starts = clamped(step, bound[1:], array.shape, window)
    return step.changed(array, lambda x: x.window(starts, window, (1,) * len(window)))


def dynamic_update_slice(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """The array with a window replaced; in place where the array is a carry that nothing else reads."""
    array, update = bound[0].array, bound[1].array
    array, update = step.part(array), step.part(update)
    starts = clamped(step, bound[2:], array.shape, update.shape)
    ones, zeros = (1,) * len(array.shape), (Index(),) * len(array.shape)
    return Pieces(((array, zeros, ones), (update, starts, ones)), array.shape, array.dtype)


def concatenate(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """Arrays one after the other."""
    tensor, dim = tensor_of(op.results[0].type), op.attributes["dimension"].value
    if tensor.size <= FEW and all(isinstance(x.array, Few) or x.array.size == 1 for x in bound):
        if prod(tensor.shape[:dim]) == 1 and not all(isinstance(x.array, Read) for x in bound):
            return few(step, [x.array for x in bound], tensor)
    parts, at, ones = [], 0, (1,) * len(tensor.shape)
    for x in bound:
        starts = tuple(Index(at if i == dim else 0) for i in range(len(tensor.shape)))
        parts.append((step.part(x.array), starts, ones))
        at += x.array.shape[dim]
    return Pieces(tuple(parts), tensor.shape, tensor.dtype)


def few(step: Step, arrays: Sequence[Expression], tensor: Tensor) -> Few:
    """The elements of small arrays, one after the other, as scalars."""
    values: list[str] = []
    for array in arrays:
        if isinstance(array, Few):
            flat = array.relayout(lambda x: x.reshape((x.size,)))
            assert isinstance(flat, Few)
            values += [flat.lanes(step.b, [Index(i)], None) for i in range(array.size)]
        else:
            one = step.stored(array) if isinstance(array, Pieces) else array
            values.append(one.lanes(step.b, [Index()] * len(one.shape), None))
    return Few(tuple(values), tensor.dtype, Layout.dense(tensor.shape))


def pad(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """An array in a larger one; negative padding is cut off first."""
    tensor, (array, filling) = tensor_of(op.results[0].type), (x.array for x in bound)
    low, high, inner = (
        ints(op, f"{x}_padding" if x == "interior" else f"edge_padding_{x}") for x in ("low", "high", "interior")
    )
    if any(x < 0 and i for x, i in zip([*low, *high], [*inner, *inner])):
        raise Unsupported("pad with negative and interior padding at once")
    starts = [max(0, -x) for x in low]
    shape = [n - s - max(0, -h) for n, s, h in zip(array.shape, starts, high)]
    if any(n <= 0 for n in shape):
        raise Unsupported("pad that cuts everything off")
    array = step.changed(array, lambda x: x.window(starts, shape, (1,) * len(shape)))
    assert isinstance(filling, Splat)
    ones, zeros = (1,) * len(shape), (Index(),) * len(shape)
    around = Splat(filling.value, filling.dtype, tensor.shape)
    place = tuple(Index(max(0, x)) for x in low)
    steps = tuple(i + 1 for i in inner)
    return Pieces(((around, zeros, ones), (array, place, steps)), tensor.shape, tensor.dtype)


# ---- contractions, reductions, calls -------------------------------------------------------------------


def dot_general(step: Step, op: Any, bound: list[Bound]) -> Expression:
    """A contraction."""
    found = numbers(str(op.attributes["dot_dimension_numbers"]))
    kinds = [f"{side}_{kind}_dimensions" for kind in ("batching", "contracting") for side in ("lhs", "rhs")]
    dims = [tuple(found.get(kind, ())) for kind in kinds]
    dtype = tensor_of(op.results[0].type).dtype
    left, right = (
        Operand(step.stored(x.array, x.depth), batch, contracted, step.builders[x.depth], x.depth < step.level)
        for x, batch, contracted in zip(bound, dims[:2], dims[2:])
    )
    outer = prod(tensor_of(op.results[0].type).shape)
    step.spend(outer * prod(left.extents(left.contracted)))
    result = dot(step.b, step.space, left, right, dtype)
    if result is None:
        raise Unsupported(f"dot_general of {left.array.dtype} and {right.array.dtype} to {dtype}")
    return result


def reduce_op(step: Step, op: Any, bound: list[Bound]) -> Expression | list[Expression]:
    """A reduction: by one binary op, or by a function of its own."""
    inner = [o.operation for o in op.regions[0].blocks[0].operations]
    name = inner[0].name.removeprefix("stablehlo.")
    simple = name in ("add", "multiply", "maximum", "minimum", "and", "or", "xor")
    if len(bound) != 2 or len(inner) != 2 or not simple:
        return fold(step, op, bound, ints(op, "dimensions"))
    array, start = bound[0].array, bound[1].array
    assert isinstance(start, Splat)
    array = step.stored(array) if isinstance(array, Pieces) else array
    step.spend(cost(array))
    result = reduce(step.b, step.space, name, array, ints(op, "dimensions"), start)
    if result is None:
        raise Unsupported(f"a reduction of {array.dtype}")
    return result


def choose(step: Step, op: Any, bound: list[Bound]) -> list[Expression]:
    """`case` and `if`: branches are pure and small here, so all are computed and one result is selected."""
    index, values = bound[0].array, []
    assert isinstance(index, Splat)
    nested, step.in_branch = step.in_branch, True
    for region in op.regions:
        values.append([x.array for x in step.run(region.blocks[0], [])])
    step.in_branch = nested
    results = values[-1]
    for number, branch in reversed(list(enumerate(values[:-1]))):
        if index.dtype == "i1":
            mask = index.value
        else:  # an index outside selects the last branch, which is what nothing else matching leaves
            compared = Values(step.b, index.dtype, None)
            mask = compared.compare("eq", index.value, compared.constant(number))
        results = [_either(step, mask, x, y) for x, y in zip(branch, results)]
    return results


def _either(step: Step, mask: str, x: Expression, y: Expression) -> Expression:
    """One of two arrays."""
    x, y = (step.stored(a) if isinstance(a, Pieces) else a for a in (x, y))
    return apply(step, selection(x.dtype), [Splat(mask, "i1", x.shape), x, y], x.dtype, 1, "select")


def call(step: Step, op: Any, bound: list[Bound]) -> list[Bound]:
    """A call is written out, that of a kernel too."""
    name = op.attributes["callee"].value
    if name.startswith(PREFIX):
        return inner_kernel(step, name, bound)
    function = step.functions(name)
    if function is None or not len(function.regions[0].blocks):
        raise Unsupported(f"a call of the external function @{name}")
    return step.run(function.regions[0].blocks[0], bound)


def inner_kernel(step: Step, name: str, bound: list[Bound]) -> list[Bound]:
    """The code of a kernel that was made for an op, or a loop, of this loop's body."""
    kernel = find_kernel(name)
    if kernel is None or kernel.inline is None:
        raise Unsupported(f"the op {name.removeprefix(PREFIX).rsplit('.', 1)[0]}, which is a dispatch of its own")
    leaves = [
        x if isinstance(x.array, Splat | Read | Affine) else Bound(step.stored(x.array, x.depth), x.depth)
        for x in bound
    ]
    return [x if isinstance(x, Bound) else Bound(x, step.level) for x in kernel.inline(step, leaves)]


def same(step: Step, op: Any, bound: list[Bound]) -> list[Bound]:
    """Gives its operands."""
    return bound


HANDLERS: dict[str, Handler] = {
    **{f"stablehlo.{name}": map_op for name in OPS},
    "stablehlo.compare": compare,
    "stablehlo.select": select,
    "stablehlo.convert": convert,
    "stablehlo.bitcast_convert": bitcast_convert,
    "stablehlo.constant": constant,
    "stablehlo.iota": iota,
    "stablehlo.broadcast_in_dim": broadcast_in_dim,
    "stablehlo.reshape": reshape,
    "stablehlo.transpose": transpose,
    "stablehlo.reverse": reverse,
    "stablehlo.slice": slice_,
    "stablehlo.dynamic_slice": dynamic_slice,
    "stablehlo.dynamic_update_slice": dynamic_update_slice,
    "stablehlo.concatenate": concatenate,
    "stablehlo.pad": pad,
    "stablehlo.dot_general": dot_general,
    "stablehlo.reduce": reduce_op,
    "stablehlo.gather": gather,
    "stablehlo.scatter": scatter,
    "stablehlo.case": choose,
    "stablehlo.if": choose,
    "stablehlo.optimization_barrier": same,
    "func.call": call,
}
