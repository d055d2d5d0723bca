"""Contractions inside a loop kernel: stored when they are met, but for outer products, which stay lazy.

A contraction is broadcast-and-multiply-add: one operand is read as vectors along one of its free dimensions,
the other one scalar at a time, and accumulators stay in registers through the contracted dimension. It needs
a free dimension of stride one; a loop-invariant operand without one is transposed once, before the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from axil.compiler.kernels.arrays import (
    LANES,
    WHOLE,
    Buffer,
    Expression,
    Map,
    Read,
    Splat,
    counted,
    store,
    store_lanes,
)
from axil.compiler.kernels.reduction import reduce
from axil.compiler.kernels.scalarwise import HALVES, Values, conversion, elementwise, number
from axil.compiler.kernels.text import FLOATS, Builder, Index, lanes_type
from axil.compiler.kernels.workspace import Workspace, stored

ROWS = 4
"""Rows of the scalar operand that share the vectors of the other one."""

LARGE = 4096
"""Elements of a matrix from which on it pays to have it in tiles: where it leaves the first cache."""

UNROLLED = 16
"""Contracted dimensions up to this long are written out."""


@dataclass
class Operand:
    """One side of a contraction."""

    array: Expression
    batch: tuple[int, ...]
    contracted: tuple[int, ...]
    b: Builder
    """The code of the step that the array is computed in."""
    invariant: bool
    """Whether that is a step of a loop further out than the contraction."""

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


def dot(b: Builder, space: Workspace, left: Operand, right: Operand, dtype: str) -> Expression | None:
    """StableHLO's dot_general with a result of `dtype`; None if there is no code for the types."""
    product = _product(b, space, left, right, dtype)
    if product is None:
        return None
    reduced = len(left.contracted)
    if not reduced:
        return product
    if left.free or right.free:
        sides = _vector_side(space, left, right)
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


def _vector_side(space: Workspace, left: Operand, right: Operand) -> tuple[Operand, Operand] | None:
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
        _make_contiguous(space, best)
    return best, (left if best is right else right)


def _vector_extent(side: Operand) -> int:
    """How long vectors along a side's free dimension can be."""
    dim = side.contiguous()
    return side.array.shape[_longest_free(side) if dim is None else dim]


def _longest_free(side: Operand) -> int:
    """The last of the longest free dimensions."""
    return max(side.free, key=lambda i: (side.array.shape[i], i))


def _make_contiguous(space: Workspace, side: Operand) -> None:
    """Copies an operand so that its longest free dimension has stride one."""
    along = _longest_free(side)
    order = [*side.batch, *(i for i in side.free if i != along), *side.contracted, along]
    copy = space.take([side.array.shape[i] for i in order], side.array.dtype)
    back = [order.index(i) for i in range(len(order))]
    array = side.array
    assert isinstance(array, Read)
    store(side.b, Read(array.buffer, array.layout.transpose(order)), [copy])
    side.array = Read(copy.buffer, copy.layout.transpose(back))


@dataclass(frozen=True)
class _Tiles:
    """A matrix [contracted, vector] that never changes, copied so that each tile of vectors is one stretch of memory.

    Reading down a tile of a large matrix in its own layout goes from line to line with gaps, and waits for the cache.
    """

    buffer: Buffer
    start: Index
    rows: int
    columns: int
    tile: int

    def at(self, row: Index, column: Index, lanes: int) -> Index:
        """Where the vector is that starts at `column`, a multiple of the tile's width."""
        return self.start + column * self.rows + row * lanes

    def load(self, b: Builder, row: Index, column: Index, lanes: int) -> str:
        """The vector."""
        type_ = lanes_type(self.buffer.dtype, lanes)
        at = b.index(self.at(row, column, lanes))
        return b.op(f"vector.load {self.buffer.name}[{at}] : {self.buffer.type}, {type_}")

    def fill(self, b: Builder, source: Read) -> None:
        """Copies the matrix, whose layout is [contracted, vector]."""
        whole = self.columns - self.columns % self.tile

        def copy(column: Index, lanes: int) -> None:
            def one(row: Index) -> None:
                value = source.lanes(b, [row, column], lanes)
                place = f"{self.buffer.name}[{b.index(self.at(row, column, lanes))}] : {self.buffer.type}"
                b.line(f"vector.store {value}, {place}, {lanes_type(self.buffer.dtype, lanes)}")

            counted(b, self.rows, one)

        if whole:
            b.loop((0, whole, self.tile), lambda i, _: (copy(Index.of(i), self.tile), [])[1])
        if whole < self.columns:
            copy(Index(whole), self.columns - whole)


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
        self.tiles = self.tiled(rows)
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

    def tiled(self, rows: Sequence[int]) -> _Tiles | None:
        """A copy in tiles of a large matrix that never changes and that is multiplied by a vector."""
        v, layout = self.vectors, self.vector_layout
        size = prod(layout.shape)
        if not v.invariant or len(layout.shape) != 2 or prod(rows) != 1 or size < LARGE or v.array.dtype == "i1":
            return None
        assert isinstance(v.array, Read)
        copy = self.space.take((size,), v.array.dtype)
        tiles = _Tiles(copy.buffer, copy.layout.offset, *layout.shape, 2 * LANES)
        tiles.fill(v.b, Read(v.array.buffer, layout))
        return tiles

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
        self, places: list[list[Index]], column: Index, lanes: int, chains: int, inner: list[Index],
        totals: list[str],
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
        self, places: list[list[Index]], column: Index, lanes: int, chains: int, inner: list[Index],
        totals: list[str],
    ) -> list[str]:  # fmt: skip
        """One step of all rows: the vector is loaded once, each row's scalar is spread over it."""
        b, v, s = self.b, self.vectors.array, self.scalars.array
        assert isinstance(v, Read) and isinstance(s, Read)
        widen = conversion(v.dtype, self.accumulated)
        assert widen is not None
        front = places[0][: self.batch + self.others]
        if self.tiles is not None:
            vector = self.tiles.load(b, inner[0], column, lanes)
        else:
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
