"""Lazy array expressions over flat buffers: what a loop kernel computes with between its stores.

An expression is a tree of elementwise maps over leaves. Leaves read buffers through strided layouts, so that
transposes, slices, broadcasts and reversals cost nothing, and elementwise chains run without temporaries: an
expression is computed when it is stored, a vector along its last dimension at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from axil.compiler.kernels.kernel import Unsupported
from axil.compiler.kernels.text import FLOATS, Builder, Index, lanes_type, signless, storage

LANES = 16
"""Elements computed at once in long loops; two AVX registers of f32 keep enough arithmetic in flight."""

FEW = 8
"""Arrays of scalars up to this size are kept as scalars."""

WHOLE = 32
"""Rows up to this long are computed as one vector of exactly their length."""


@dataclass(frozen=True)
class Layout:
    """Where element (i, j, ...) is: `offset + i * strides[0] + j * strides[1] + ...`."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: Index = Index()

    @staticmethod
    def dense(shape: Sequence[int], offset: Index | str | int = 0) -> Layout:
        """Row-major, without gaps."""
        strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
        return Layout(tuple(shape), tuple(strides), Index.of(offset))

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def at(self, place: Sequence[Index]) -> Index:
        """The position of one element."""
        total = self.offset
        for i, stride in zip(place, self.strides):
            total = total + i * stride
        return total

    def transpose(self, order: Sequence[int]) -> Layout:
        """Dimensions in another order."""
        shape, strides = (tuple(x[i] for i in order) for x in (self.shape, self.strides))
        return replace(self, shape=shape, strides=strides)

    def broadcast(self, dims: Sequence[int], shape: Sequence[int]) -> Layout:
        """StableHLO's broadcast_in_dim: dimension i becomes dimension dims[i], repeated if of size one."""
        strides = [0] * len(shape)
        for i, dim in enumerate(dims):
            strides[dim] = self.strides[i] if self.shape[i] == shape[dim] != 1 else 0
        return replace(self, shape=tuple(shape), strides=tuple(strides))

    def window(self, starts: Sequence[Index | int], shape: Sequence[int], steps: Sequence[int]) -> Layout:
        """A slice: from `starts`, every `steps`-th element."""
        offset = self.at([Index.of(s) for s in starts])
        return Layout(tuple(shape), tuple(s * k for s, k in zip(self.strides, steps)), offset)

    def reverse(self, dims: Sequence[int]) -> Layout:
        """The given dimensions backwards."""
        last = [Index(n - 1 if i in dims else 0) for i, n in enumerate(self.shape)]
        strides = tuple(-s if i in dims else s for i, s in enumerate(self.strides))
        return replace(self, strides=strides, offset=self.at(last))

    def reshape(self, shape: Sequence[int]) -> Layout | None:
        """The same elements in row-major order under another shape, or None if no strides express it."""
        runs = self.merged([self])
        strides: list[int] = []
        for extent, stride in reversed([(self.merged_extent(run), self.strides[run[-1]]) for run in runs]):
            while len(strides) < len(shape) and extent > 1:
                dim = shape[len(shape) - 1 - len(strides)]
                if extent % dim:
                    return None
                strides.append(stride)
                extent, stride = extent // dim, stride * dim
            if extent > 1:
                return None
        if prod(shape[: len(shape) - len(strides)]) != 1:
            return None
        strides += [0] * (len(shape) - len(strides))
        return Layout(tuple(shape), tuple(reversed(strides)), self.offset)

    def merged_extent(self, run: Sequence[int]) -> int:
        """Number of elements along a run of dimensions."""
        return prod(self.shape[i] for i in run)

    def merged(self, layouts: Sequence[Layout], barrier: int = 0) -> list[list[int]]:
        """Groups of neighbouring dimensions that all `layouts` step through evenly; unit ones are left out.

        No group reaches from below dimension `barrier` beyond it.
        """
        runs: list[list[int]] = []
        for dim, extent in enumerate(self.shape):
            if extent == 1:
                continue
            apart = runs and runs[-1][-1] < barrier <= dim
            if runs and not apart and all(x.strides[runs[-1][-1]] == x.strides[dim] * extent for x in layouts):
                runs[-1].append(dim)
            else:
                runs.append([dim])
        return runs

    def merge(self, runs: Sequence[Sequence[int]]) -> Layout:
        """One dimension for each run of `merged`."""
        shape, strides = tuple(self.merged_extent(r) for r in runs), tuple(self.strides[r[-1]] for r in runs)
        return replace(self, shape=shape, strides=strides)


Relayout = Callable[[Layout], "Layout | None"]


@dataclass(frozen=True)
class Buffer:
    """A flat memref that the kernel reads or writes."""

    name: str
    size: int
    dtype: str

    @property
    def type(self) -> str:
        """Its memref type."""
        return f"memref<{self.size}x{storage(self.dtype)}>"


class Expression:
    """An array that is computed when it is stored."""

    dtype: str
    shape: tuple[int, ...]

    def relayout(self, change: Relayout) -> Expression | None:
        """The expression with every leaf's layout changed, or None if some layout cannot be."""
        raise NotImplementedError

    def lanes(self, b: Builder, place: list[Index], lanes: int | None) -> str:
        """Code for `lanes` elements along the last dimension from `place` on; None: one, as a scalar."""
        raise NotImplementedError

    def leaves(self) -> Iterator[Expression]:
        """The leaves of the tree."""
        yield self

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Splat(Expression):
    """One scalar value everywhere."""

    value: str
    dtype: str
    shape: tuple[int, ...] = ()

    def relayout(self, change: Relayout) -> Expression | None:
        """Follows the shape alone."""
        layout = change(Layout(self.shape, (0,) * len(self.shape)))
        return layout and replace(self, shape=layout.shape)

    def lanes(self, b: Builder, place: list[Index], lanes: int | None) -> str:
        """The scalar, or a vector of it."""
        if lanes is None:
            return self.value
        return b.op(f"vector.broadcast {self.value} : {signless(self.dtype)} to {lanes_type(self.dtype, lanes)}")


class Placed(Expression):
    """Base of the leaves whose elements are found through a layout, a field of theirs."""

    layout: Layout

    @property
    def shape(self) -> tuple[int, ...]:
        """The layout's."""
        return self.layout.shape

    def relayout(self, change: Relayout) -> Expression | None:
        """The same, through another layout."""
        layout = change(self.layout)
        leaf: Any = self
        return layout and replace(leaf, layout=layout)


@dataclass(frozen=True)
class Read(Placed):
    """A buffer, through a layout."""

    buffer: Buffer
    layout: Layout

    @property
    def dtype(self) -> str:
        """The buffer's."""
        return self.buffer.dtype

    def lanes(self, b: Builder, place: list[Index], lanes: int | None) -> str:
        """A vector load where elements are neighbours, else a splat or a gather of scalar loads."""
        at = self.layout.at(place)
        stride = self.layout.strides[-1] if self.layout.strides else 0
        if lanes is None or stride == 0:
            value = self._scalar(b, at)
            return value if lanes is None else Splat(value, self.dtype).lanes(b, place, lanes)
        type_ = lanes_type(self.dtype, lanes)
        if stride in (1, -1):
            start = at if stride == 1 else at + (1 - lanes)
            stored = f"vector<{lanes}x{storage(self.dtype)}>"
            value = b.op(f"vector.load {self.buffer.name}[{b.index(start)}] : {self.buffer.type}, {stored}")
            if self.dtype == "i1":
                value = b.op(f"arith.trunci {value} : {stored} to {type_}")
            if stride == -1:
                order = list(reversed(range(lanes)))
                value = b.op(f"vector.shuffle {value}, {value} {order} : {type_}, {type_}")
            return value
        values = [self._scalar(b, at + lane * stride) for lane in range(lanes)]
        return b.op(f"vector.from_elements {', '.join(values)} : {type_}")

    def _scalar(self, b: Builder, at: Index) -> str:
        value = b.op(f"memref.load {self.buffer.name}[{b.index(at)}] : {self.buffer.type}")
        return b.op(f"arith.trunci {value} : i8 to i1") if self.dtype == "i1" else value


@dataclass(frozen=True)
class Affine(Placed):
    """An iota: an element's value is its position in `layout`, which another layout changes like any element's."""

    dtype: str
    layout: Layout

    def lanes(self, b: Builder, place: list[Index], lanes: int | None) -> str:
        """Computed as i64, then converted."""
        start = b.op(f"arith.index_cast {b.index(self.layout.at(place))} : index to i64")
        if lanes is not None:
            stride = self.layout.strides[-1]
            steps = b.op(f"arith.constant dense<{[lane * stride for lane in range(lanes)]}> : vector<{lanes}xi64>")
            start = b.op(f"vector.broadcast {start} : i64 to vector<{lanes}xi64>")
            start = b.binary("arith.addi", start, steps, f"vector<{lanes}xi64>")
        source, target = lanes_type("i64", lanes), lanes_type(self.dtype, lanes)
        if self.dtype in FLOATS:
            return b.op(f"arith.sitofp {start} : {source} to {target}")
        return start if source == target else b.op(f"arith.trunci {start} : {source} to {target}")


@dataclass(frozen=True)
class Few(Placed):
    """A few scalars, each with a name of its own, in the places that `layout` says: a stack of scalars."""

    values: tuple[str, ...]
    dtype: str
    layout: Layout

    def lanes(self, b: Builder, place: list[Index], lanes: int | None) -> str:
        """The scalars themselves."""
        at = self.layout.at(place)
        if lanes is None:
            return self._one(b, at)
        stride = self.layout.strides[-1] if self.layout.strides else 0
        values = [self._one(b, at + lane * stride) for lane in range(lanes)]
        return b.op(f"vector.from_elements {', '.join(values)} : {lanes_type(self.dtype, lanes)}")

    def _one(self, b: Builder, at: Index) -> str:
        if not at.terms:
            return self.values[at.const]
        place, result, type_ = b.index(at), self.values[-1], signless(self.dtype)
        for i, value in list(enumerate(self.values))[-2::-1]:
            result = b.select(b.binary("arith.cmpi eq,", place, b.index(i)), value, result, type_)
        return result


Scalarwise = Callable[[Builder, list[str], "int | None"], str]


@dataclass(frozen=True)
class Map(Expression):
    """An elementwise function of expressions of one shape."""

    function: Scalarwise
    arguments: tuple[Expression, ...]
    dtype: str
    cost: int = 1
    """Roughly, instructions an element takes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The arguments'."""
        return self.arguments[0].shape

    def relayout(self, change: Relayout) -> Expression | None:
        """Changes each argument."""
        arguments = []
        for argument in self.arguments:
            changed = argument.relayout(change)
            if changed is None:
                return None
            arguments.append(changed)
        return replace(self, arguments=tuple(arguments))

    def lanes(self, b: Builder, place: list[Index], lanes: int | None) -> str:
        """The function of the arguments' lanes."""
        return self.function(b, [a.lanes(b, place, lanes) for a in self.arguments], lanes)

    def leaves(self) -> Iterator[Expression]:
        """Those of the arguments."""
        for argument in self.arguments:
            yield from argument.leaves()


@dataclass(frozen=True)
class Pieces(Expression):
    """Put together from parts, later ones over earlier ones: a concatenation, a pad, an updated slice."""

    parts: tuple[tuple[Expression, tuple[Index, ...], tuple[int, ...]], ...]
    """Each part with the place of its first element and its steps."""
    shape: tuple[int, ...]
    dtype: str
    undo: tuple[Relayout, ...] = ()
    """What brings the layout of a place for the array to that of a place for the parts, the last one first."""

    def relayout(self, change: Relayout) -> Expression | None:
        """Must be stored first."""
        return None

    def recast(self, shape: Sequence[int], undo: Relayout) -> Pieces:
        """The same elements under another shape; `undo` does the opposite to a layout."""
        return replace(self, shape=tuple(shape), undo=(*self.undo, undo))

    def place(self, target: Read) -> Read:
        """Where the parts go if the array goes to `target`, which is dense if the array is recast."""
        layout = target.layout
        for undo in reversed(self.undo):
            changed = undo(layout)
            if changed is None:  # a recast of a recast, such as a reshape of batched concatenated rows
                raise Unsupported("an array of parts that cannot be stored part by part")
            layout = changed
        return Read(target.buffer, layout)

    def leaves(self) -> Iterator[Expression]:
        """Those of the parts."""
        for part, _, _ in self.parts:
            yield from part.leaves()


def cost(expression: Expression) -> int:
    """Roughly, the instructions that computing an expression takes."""
    if isinstance(expression, Pieces):
        return sum(cost(part) for part, _, _ in expression.parts)
    return expression.size * weight(expression)


def weight(expression: Expression) -> int:
    """Roughly, the instructions that an element of an expression takes."""
    if isinstance(expression, Map):
        return expression.cost + sum(weight(a) for a in expression.arguments)
    return 1


def layout_of(leaf: Expression) -> Layout:
    """A leaf's layout; one that does not move for a splat."""
    if isinstance(leaf, Read | Affine | Few):
        return leaf.layout
    return Layout(leaf.shape, (0,) * len(leaf.shape))


def store(b: Builder, expression: Expression, targets: Sequence[Read]) -> None:
    """Computes an expression into one or several places at once."""
    if isinstance(expression, Pieces):
        targets = [expression.place(t) for t in targets]
        for part, starts, steps in expression.parts:
            places = [Read(t.buffer, t.layout.window(starts, part.shape, steps)) for t in targets]
            if [part] != places:  # an array updated where it stands keeps what is not updated
                store(b, part, places)
        return
    first = targets[0].layout
    runs = first.merged([layout_of(leaf) for leaf in expression.leaves()] + [t.layout for t in targets])
    merged = expression.relayout(lambda layout: layout.merge(runs))
    assert merged is not None
    places = [Read(t.buffer, t.layout.merge(runs)) for t in targets]

    def write(place: list[Index], lanes: int | None) -> None:
        value = merged.lanes(b, place, lanes)
        for target in places:
            store_lanes(b, target, place, value, lanes)

    each(b, merged.shape, write)


def store_lanes(b: Builder, target: Read, place: list[Index], value: str, lanes: int | None) -> None:
    """Writes the value of `lanes` elements, at neighbouring places or one by one."""
    stride = target.layout.strides[-1] if target.layout.strides else 0
    if lanes is not None and stride != 1:
        type_ = lanes_type(target.dtype, lanes)
        for lane in range(lanes):
            element = b.op(f"vector.extract {value}[{lane}] : {signless(target.dtype)} from {type_}")
            store_lanes(b, target, [*place[:-1], place[-1] + lane], element, None)
        return
    stored = storage(target.dtype) if lanes is None else f"vector<{lanes}x{storage(target.dtype)}>"
    if target.dtype == "i1":
        value = b.op(f"arith.extui {value} : {lanes_type('i1', lanes)} to {stored}")
    at = f"{target.buffer.name}[{b.index(target.layout.at(place))}] : {target.buffer.type}"
    b.line(f"memref.store {value}, {at}" if lanes is None else f"vector.store {value}, {at}, {stored}")


def each(b: Builder, shape: Sequence[int], body: Callable[[list[Index], int | None], None]) -> None:
    """Runs `body` over a shape, a vector along the last dimension at a time; a scalar shape is one scalar."""
    if not shape:
        return body([], None)

    def rows(place: list[Index], rest: Sequence[int]) -> None:
        if len(rest) == 1:
            return tiles(b, rest[0], lambda start, lanes: body([*place, start], lanes))
        counted(b, rest[0], lambda i: rows([*place, i], rest[1:]))

    rows([], shape)


def counted(b: Builder, count: int, body: Callable[[Index], None]) -> None:
    """A loop over 0..count-1, written out if it is very short."""
    if count <= 2:
        for i in range(count):
            body(Index(i))
        return
    b.loop((0, count, 1), lambda i, _: (body(Index.of(i)), [])[1])


def tiles(b: Builder, extent: int, body: Callable[[Index, int], None]) -> None:
    """Cuts `extent` elements into vectors: one for short rows, else a loop and a shorter one for the rest."""
    if extent <= WHOLE:
        return body(Index(), extent)
    whole = extent - extent % LANES
    b.loop((0, whole, LANES), lambda i, _: (body(Index.of(i), LANES), [])[1])
    if extent > whole:
        body(Index(whole), extent - whole)
