"""Reductions and contractions inside a loop kernel: they are stored when they are met, never left lazy.

A contraction is broadcast-and-multiply-add: one operand is read as vectors along one of its free dimensions, the
other one scalar at a time, and accumulators stay in registers through the contracted dimension. It needs a free
dimension of stride one; a loop-invariant operand without one is transposed once, before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from axil.compiler.kernels.arrays import (
    LANES, WHOLE, Buffer, Expression, Index, Layout, Map, Pieces, Read, Splat, counted, each, layout_of, store,
    store_lanes,
)  # fmt: skip
from axil.compiler.kernels.scalarwise import HALVES, Values, conversion, elementwise, number
from axil.compiler.kernels.text import FLOATS, SIGNED, Builder, lanes_type, signless

ROWS = 4
"""Rows of the scalar operand that share the vectors of the other one."""

UNROLLED = 16
"""Contracted dimensions up to this long are written out."""


@dataclass
class Workspace:
    """Scratch space: one buffer for each element type, its size known when the kernel is done."""

    used: dict[str, int] = field(default_factory=dict)

    def take(self, shape: Sequence[int], dtype: str) -> Read:
        """A fresh array. Its start is aligned to 64 elements."""
        start = self.used.get(dtype, 0)
        self.used[dtype] = start + -(-max(prod(shape), 1) // 64) * 64
        return Read(Scratch(f"%scratch_{dtype}", 0, dtype), Layout.dense(shape, start))

    def fill_in(self, text: str) -> str:
        """Code that used this space, with the sizes of its buffers."""
        for dtype, size in self.used.items():
            text = text.replace(f"<<{dtype}>x", f"<{size}x")
        return text


class Scratch(Buffer):
    """A buffer of a workspace, whose size is filled in at the end."""

    @property
    def type(self) -> str:
        """With a placeholder for the size."""
        return super().type.replace("<0x", f"<<{self.dtype}>x")


def stored(b: Builder, space: Workspace, expression: Expression) -> Read:
    """The expression as an array in memory: itself if it is one."""
    if isinstance(expression, Read):
        return expression
    target = space.take(expression.shape, expression.dtype)
    store(b, expression, [target])
    return target


def changed(b: Builder, space: Workspace, expression: Expression, change: Callable[[Layout], Layout | None]) -> Expression:
    """The expression with its leaves' layouts changed; computed first where a layout cannot follow."""
    result = expression.relayout(change)
    if result is None:
        result = stored(b, space, expression).relayout(change)
    if result is None:
        copy = space.take(expression.shape, expression.dtype)
        store(b, expression, [copy])
        result = copy.relayout(change)
    assert result is not None
    return result


# ---- reductions ----------------------------------------------------------------------------------------


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
        """Whether vectors should run along the last kept dimension: where it is contiguous and the reduced not."""
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
        """The reduction of all that follows one place: vectors along the last dimension, folded at the end."""
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
        self, place: list[Index], shape: Sequence[int], lanes: int, total: str, source: Expression, tail: Index | None = None
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


# ---- contractions --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dot:
    """The dimension numbers of a dot_general."""

    lhs_batch: tuple[int, ...]
    rhs_batch: tuple[int, ...]
    lhs_contracted: tuple[int, ...]
    rhs_contracted: tuple[int, ...]


@dataclass
class Operand:
    """One side of a contraction."""

    array: Expression
    batch: tuple[int, ...]
    contracted: tuple[int, ...]
    invariant: bool

    @property
    def free(self) -> list[int]:
        """Dimensions that stay."""
        return [i for i in range(len(self.array.shape)) if i not in self.batch + self.contracted]

    def extents(self, dims: Sequence[int]) -> tuple[int, ...]:
        """Sizes of some dimensions."""
        return tuple(self.array.shape[i] for i in dims)

    def contiguous(self) -> int | None:
        """The free dimension to read vectors along: of stride one, and longer than one."""
        if isinstance(self.array, Read):
            for dim in self.free:
                if self.array.layout.strides[dim] == 1 and self.array.shape[dim] > 1:
                    return dim
        return None


def dot(
    b: Builder, before: Builder, space: Workspace, lhs: Expression, rhs: Expression, numbers: Dot,
    dtype: str, invariant: tuple[bool, bool],
) -> Expression | None:  # fmt: skip
    """StableHLO's dot_general with a result of `dtype`; None if there is no code for the type.

    `before` is where code that runs once goes; `invariant` tells which operands do not change in the loop.
    """
    left = Operand(lhs, numbers.lhs_batch, numbers.lhs_contracted, invariant[0])
    right = Operand(rhs, numbers.rhs_batch, numbers.rhs_contracted, invariant[1])
    product = _product(b, space, left, right, dtype)
    if product is None:
        return None
    reduced = len(left.contracted)
    if not reduced:
        return product
    for side in (left, right):
        side.array = stored(before if side.invariant else b, space, side.array)
    if left.free or right.free:
        sides = _vector_side(b, before, space, left, right)
        if sides is not None:
            return _Contraction(b, space, *sides, dtype, swapped=sides[0] is left).emit()
    product = _product(b, space, left, right, dtype)
    assert product is not None
    rank = len(product.shape)
    zero = Splat(b.constant(number(0, dtype), dtype), dtype)
    return reduce(b, space, "add", product, range(rank - reduced, rank), zero)


def _product(b: Builder, space: Workspace, left: Operand, right: Operand, dtype: str) -> Expression | None:
    """The elementwise product over batch, left free, right free and contracted dimensions."""
    multiply, widen = elementwise("multiply", dtype), conversion(left.array.dtype, dtype)
    if multiply is None or widen is None or left.array.dtype != right.array.dtype:
        return None
    batch, free = left.extents(left.batch), (left.extents(left.free), right.extents(right.free))
    shape = (*batch, *free[0], *free[1], *left.extents(left.contracted))
    arguments = []
    for side, skip in ((left, 0), (right, len(free[0]))):
        first = len(batch) + skip
        places = {d: i for i, d in enumerate(side.batch)} | {d: first + i for i, d in enumerate(side.free)}
        tail = len(shape) - len(side.contracted)
        places |= {d: tail + i for i, d in enumerate(side.contracted)}
        dims = [places[i] for i in range(len(side.array.shape))]
        # An expensive operand is not computed again for each element of the other one.
        array = side.array if isinstance(side.array, Read | Splat) else stored(b, space, side.array)
        wide = array.relayout(lambda x, dims=dims: x.broadcast(dims, shape))
        assert wide is not None
        arguments.append(wide if wide.dtype == dtype else Map(widen, (wide,), dtype))
    return Map(multiply, tuple(arguments), dtype)


def _vector_side(
    b: Builder, before: Builder, space: Workspace, left: Operand, right: Operand
) -> tuple[Operand, Operand] | None:
    """(the operand read as vectors, the other one), or None if a sum of products does as well."""
    ready = [s for s in (right, left) if s.contiguous() is not None]
    once = [s for s in (right, left) if s.free and s.invariant and prod(s.extents(s.free)) > 1]
    candidates = ready + [s for s in once if s not in ready]
    best = max(candidates, key=lambda s: min(_vector_extent(s), LANES), default=None)
    if best is None:
        sizes = {id(s): prod(s.extents(s.free)) for s in (left, right)}
        if min(sizes.values()) < ROWS:
            return None
        best = max((left, right), key=lambda s: sizes[id(s)])
    if best.contiguous() is None:
        _make_contiguous(before if best.invariant else b, space, best)
    return best, (left if best is right else right)


def _vector_extent(side: Operand) -> int:
    """How long vectors along a side's free dimension can be."""
    dim = side.contiguous()
    return side.array.shape[_longest_free(side) if dim is None else dim]


def _longest_free(side: Operand) -> int:
    """The last of the longest free dimensions."""
    return max(side.free, key=lambda i: (side.array.shape[i], i))


def _make_contiguous(b: Builder, space: Workspace, side: Operand) -> None:
    """Copies an operand so that its longest free dimension has stride one."""
    along = _longest_free(side)
    order = [*side.batch, *(i for i in side.free if i != along), *side.contracted, along]
    copy = space.take([side.array.shape[i] for i in order], side.array.dtype)
    back = [order.index(i) for i in range(len(order))]
    array = side.array
    assert isinstance(array, Read)
    store(b, Read(array.buffer, array.layout.transpose(order)), [copy])
    side.array = Read(copy.buffer, copy.layout.transpose(back))


@dataclass
class _Contraction:
    """The code of one contraction of a vector operand with a scalar operand."""

    b: Builder
    space: Workspace
    vectors: Operand
    scalars: Operand
    dtype: str
    swapped: bool
    """Whether the vector operand is the left one."""

    def emit(self) -> Expression:
        """Computes the product; its array has the vector dimension last, and is read in StableHLO's order."""
        v, s = self.vectors, self.scalars
        along = v.contiguous()
        assert along is not None and isinstance(v.array, Read) and isinstance(s.array, Read)
        others = [i for i in v.free if i != along]
        batch, rows = v.extents(v.batch), s.extents(s.free)
        inner = v.extents(v.contracted)
        self.vector_layout = v.array.layout.transpose([*v.batch, *others, *v.contracted, along])
        self.scalar_layout = s.array.layout.transpose([*s.batch, *s.free, *s.contracted])
        self.batch, self.others, self.rows, self.inner = len(batch), len(others), len(rows), inner
        result = self.space.take([*batch, *v.extents(others), *rows, v.array.shape[along]], self.dtype)
        self.result = result
        self.nest([], [*batch, *v.extents(others)], rows)
        # In the result: batch, other free dimensions, rows, the vector dimension.
        free = {dim: self.batch + i for i, dim in enumerate(others)} | {along: len(result.shape) - 1}
        of_vectors = [free[dim] for dim in v.free]
        of_scalars = [self.batch + self.others + i for i in range(self.rows)]
        sides = (of_vectors, of_scalars) if self.swapped else (of_scalars, of_vectors)
        order = [*range(self.batch), *sides[0], *sides[1]]
        return Read(result.buffer, result.layout.transpose(order))

    def nest(self, place: list[Index], outer: Sequence[int], rows: Sequence[int]) -> None:
        """Loops over the dimensions in front, then over rows by blocks of `ROWS`."""
        b = self.b
        if outer:
            return counted(b, outer[0], lambda i: self.nest([*place, i], outer[1:], rows))
        if not rows:
            return self.columns([place])
        if len(rows) > 1:
            return counted(b, rows[0], lambda i: self.nest([*place, i], [], rows[1:]))
        whole = rows[0] - rows[0] % ROWS
        if whole:
            at = lambda i: [[*place, Index.of(i) + r] for r in range(ROWS)]
            b.loop((0, whole, ROWS), lambda i, _: (self.columns(at(i)), [])[1])
        if whole < rows[0]:
            self.columns([[*place, Index(r)] for r in range(whole, rows[0])])

    def columns(self, places: list[list[Index]]) -> None:
        """All vector tiles of some rows."""
        b, extent = self.b, self.result.shape[-1]
        tile = 2 * LANES if len(places) == 1 else LANES
        if extent <= tile or extent <= WHOLE and len(places) == 1:
            return self.tile(places, Index(), extent)
        whole = extent - extent % tile
        b.loop((0, whole, tile), lambda i, _: (self.tile(places, Index.of(i), tile), [])[1])
        if whole < extent:
            self.tile(places, Index(whole), extent - whole)

    def tile(self, places: list[list[Index]], column: Index, lanes: int) -> None:
        """Accumulators for one vector of each row, through the contracted dimensions."""
        b, kind = self.b, self.accumulated
        # One row of few lanes is bound by the latency of its chain of additions: several chains take turns.
        chains = max(1, min(4, 64 // lanes)) if len(places) == 1 else 1
        chains = min(chains, self.inner[-1])
        zero = b.constant(number(0, kind), kind, lanes)
        totals = self.contract(places, column, lanes, chains, [], [zero] * (len(places) * chains))
        for row, place in enumerate(places):
            sums = totals[row * chains : (row + 1) * chains]
            add = Values(b, kind, lanes)
            while len(sums) > 1:
                op = "arith.addf" if kind in FLOATS else "arith.addi"
                pairs = [add(op, *sums[i : i + 2]) for i in range(0, len(sums) - 1, 2)]
                sums = pairs + sums[len(pairs) * 2 :]
            narrow = conversion(kind, self.dtype)
            assert narrow is not None
            store_lanes(b, self.result, [*place, column], narrow(b, [sums[0]], lanes), lanes)

    @property
    def accumulated(self) -> str:
        """The type of accumulators: half floats are summed in f32."""
        return "f32" if self.dtype in HALVES else self.dtype

    def contract(
        self, places: list[list[Index]], column: Index, lanes: int, chains: int, inner: list[Index], totals: list[str]
    ) -> list[str]:  # fmt: skip
        """The nest of contracted loops; the last one steps through `chains` elements, or is written out."""
        b, extent, depth = self.b, self.inner[len(inner)], len(inner) + 1
        type_ = lanes_type(self.accumulated, lanes)
        carry = lambda values: [(t, type_) for t in values]
        if depth < len(self.inner):
            step = lambda i, t: self.contract(places, column, lanes, chains, [*inner, Index.of(i)], t)
            return b.loop((0, extent, 1), step, carry(totals))
        step = lambda k, t: self.multiply_add(places, column, lanes, chains, [*inner, k], t)
        if extent * len(places) <= 2 * UNROLLED:
            for k in range(extent):
                totals = step(Index(k), totals)
            return totals
        stride = max(chains, 4)
        whole = extent - extent % stride

        def several(i: str, totals: list[str]) -> list[str]:
            for k in range(stride):
                totals = step(Index.of(i) + k, totals)
            return totals

        totals = b.loop((0, whole, stride), several, carry(totals))
        for k in range(whole, extent):
            totals = step(Index(k), totals)
        return totals

    def multiply_add(
        self, places: list[list[Index]], column: Index, lanes: int, chains: int, inner: list[Index], totals: list[str]
    ) -> list[str]:  # fmt: skip
        """One step of all rows: the vector is loaded once, each row's scalar is spread over it."""
        b, v, s = self.b, self.vectors.array, self.scalars.array
        assert isinstance(v, Read) and isinstance(s, Read)
        widen = conversion(v.dtype, self.accumulated)
        assert widen is not None
        front = places[0][: self.batch + self.others]
        vector = Read(v.buffer, self.vector_layout).lanes(b, [*front, *inner, column], lanes)
        vector = widen(b, [vector], lanes)
        chain = inner[-1].const % chains
        result = list(totals)
        for row, place in enumerate(places):
            at = [*place[: self.batch], *place[self.batch + self.others :], *inner]
            scalar = widen(b, [Read(s.buffer, self.scalar_layout).lanes(b, at, None)], None)
            splat = Splat(scalar, self.accumulated).lanes(b, [], lanes)
            where = row * chains + chain
            result[where] = self.fused(vector, splat, totals[where], lanes)
        return result

    def fused(self, x: str, y: str, total: str, lanes: int) -> str:
        """x * y + total."""
        v = Values(self.b, self.accumulated, lanes)
        if self.accumulated in FLOATS:
            # Contracted to one instruction where the processor has it, which math.fma would demand.
            product = self.b.op(f"arith.mulf {x}, {y} fastmath<contract> : {v.type}")
            return self.b.op(f"arith.addf {product}, {total} fastmath<contract> : {v.type}")
        if self.accumulated == "i1":
            return v("arith.ori", v("arith.andi", x, y), total)
        return v("arith.addi", v("arith.muli", x, y), total)
