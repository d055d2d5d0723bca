"""Convolution with accumulators in registers: no windows are gathered, no matrix is packed.

Operands come padded and with channels last; the kernel comes in blocks of output features, each of them contiguous
(`packed` says how). A tile of the result is a few places of a row by one block of output features. For each element
of a window one vector of the kernel is loaded, and one scalar of the input for each place: with 4 to 6 places of 16
floats the processor is busy multiplying and no longer loading. Workgroups take rows of the result; the block of the
kernel that they go through stays in the nearest cache. (The scheme is that of Georganas et al., "Anatomy of
high-performance deep learning convolutions on SIMD architectures", SC 2018.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from axil.compiler.kernels.kernel import Declined, Kernel, Plan, Tensor, Unsupported, assemble, tensor_of
from axil.compiler.kernels.text import Builder, Index, lanes_type

FLOATS = {"f32": 4, "f64": 8}
WORKGROUPS = 64
UNROLLED = 4
TILES = (6, 5, 4)
"""Places of a tile: with two vectors of 32 bytes each, as many accumulators as 16 registers hold."""


def convolution(
    values: Sequence[Any], results: Any, *, groups: int, strides: Sequence[int], dilation: Sequence[int],
    window: Sequence[int], platform: str = "cpu",
) -> Kernel | Declined:  # fmt: skip
    """A kernel of a padded input (batch, *space, groups * features) and of weights (groups, blocks, depth, lanes).

    `depth` is row-major over the window and the features of a group, `lanes` are output features that lie together;
    the last block of a group may have lanes too many. The result is (batch, *space, groups * output features).
    """
    if platform != "cpu":
        return Declined("a device other than a CPU")
    try:
        x, w = (tensor_of(v.type) for v in values)
        y = tensor_of(results[0])
    except Unsupported as reason:
        return Declined(f"the convolution has {reason}")
    if x.dtype not in FLOATS or not len(strides):
        return Declined(f"a convolution of {x.dtype} in {len(strides)} dimensions")
    b = Builder()
    code = _Convolution(b, x, w, y, groups, tuple(window), tuple(strides), tuple(dilation))
    rows = prod(y.shape[:-2])
    plan = Plan("convolution", [x, w], [y], workgroups=min(rows, WORKGROUPS))
    code.all_rows(rows)
    return assemble(plan, b.text())


@dataclass
class _Convolution:
    """The code of one convolution."""

    b: Builder
    x: Tensor
    w: Tensor
    y: Tensor
    groups: int
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]

    def __post_init__(self) -> None:
        self.lanes, self.width = self.w.shape[-1], self.y.shape[-2]
        self.features, self.outputs = self.x.shape[-1] // self.groups, self.y.shape[-1] // self.groups
        self.kind = lanes_type(self.x.dtype, self.lanes)
        sizes = self.x.shape[1:]
        self.steps = [prod(sizes[d + 1 :]) for d in range(len(self.window))]  # of the input, along each dimension
        self.places = min(self.width, self._best_tile())
        self.depth = prod(self.window) * self.features
        # Elements of a window that lie next to each other are one loop.
        merged = self.dilation[-1] == 1 and self.groups == 1
        self.inner = self.window[-1] * self.features if merged else self.features
        self.outer = list(self.window[:-1] if merged else self.window)

    def _best_tile(self) -> int:
        few = 2 if self.lanes * FLOATS[self.x.dtype] <= 32 else 1  # half the vector: twice the places
        return min((t * few for t in TILES), key=lambda t: (-(-self.width // t) * t, -t))

    def all_rows(self, rows: int) -> None:
        """The kernel: this workgroup's rows, for one block of output features after the other."""
        b = self.b
        number = b.op('"stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index')
        whole, workgroups = self.outputs // self.lanes, min(rows, WORKGROUPS)
        blocks = self.w.shape[1]
        first, last = (self._share(b, i, rows, workgroups) for i in (number, b.index(Index.of(number) + 1)))

        def block(group: str, number: Index, lanes: int) -> list[str]:
            weights = (Index.of(group) * blocks + number) * (self.depth * self.lanes)
            column = Index.of(group) * self.outputs + number * self.lanes
            features = Index.of(group) * self.features
            b.loop((first, last, 1), lambda row, _: (self.row(row, features, weights, column, lanes), [])[1])
            return []

        def group(group: str, _: list[str]) -> list[str]:
            if whole:
                b.loop((0, whole, 1), lambda number, _: block(group, Index.of(number), self.lanes))
            if whole < blocks:
                block(group, Index(whole), self.outputs % self.lanes)
            return []

        b.loop((0, self.groups, 1), group)

    @staticmethod
    def _share(b: Builder, number: str, rows: int, workgroups: int) -> str:
        """The first row of a workgroup: neighbours stay together."""
        return b.binary("arith.divui", b.index(Index.of(number) * rows), b.index(workgroups))

    def row(self, row: str, features: Index, weights: Index, column: Index, lanes: int) -> None:
        """All tiles of one row of the result."""
        b = self.b
        source, rest = features, row
        for d in range(len(self.window) - 2, -1, -1):  # the row's number, taken apart
            size = b.index(self.y.shape[1 + d])
            place = b.binary("arith.remui", rest, size)
            rest = b.binary("arith.divui", rest, size)
            source = source + Index.of(place) * (self.strides[d] * self.steps[d])
        source = Index.of(b.index(source + Index.of(rest) * prod(self.x.shape[1:])))
        target = Index.of(b.index(Index.of(row) * (self.width * self.y.shape[-1]) + column))
        weights = Index.of(b.index(weights))
        places, whole = self.places, self.width - self.width % self.places
        b.loop((0, whole, places), lambda at, _: (self.tile(Index.of(at), source, target, weights, lanes), [])[1])
        if whole < self.width:  # the last tile overlaps the one before
            self.tile(Index(self.width - places), source, target, weights, lanes)

    def tile(self, place: Index, source: Index, target: Index, weights: Index, lanes: int) -> None:
        """One tile: accumulators through the window, then stored."""
        b, dtype = self.b, self.x.dtype
        step = self.strides[-1] * self.steps[-1]
        start = Index.of(b.index(source + place * step))
        target = Index.of(b.index(target + place * self.y.shape[-1]))
        zero = b.constant("0.0", dtype, self.lanes)
        totals = self.through(self.outer, start, weights, [zero] * self.places)
        for i, total in enumerate(totals):
            if lanes < self.lanes:
                part = f"{{offsets = [0], sizes = [{lanes}], strides = [1]}}"
                types = f"{self.kind} to {lanes_type(dtype, lanes)}"
                total = b.op(f"vector.extract_strided_slice {total} {part} : {types}")
            at = b.index(target + i * self.y.shape[-1])
            b.line(f"vector.store {total}, %out0[{at}] : memref<{self.y.size}x{dtype}>, {lanes_type(dtype, lanes)}")

    def through(self, outer: Sequence[int], start: Index, weights: Index, totals: list[str]) -> list[str]:
        """The loops over the dimensions of the window, and the innermost one over what is contiguous."""
        b = self.b
        if not outer:
            return self.contiguous(start, weights, totals)
        d = len(self.outer) - len(outer)
        rows = prod(outer[1:]) * self.inner * self.lanes
        step = self.dilation[d] * self.steps[d]

        def one(k: str, totals: list[str]) -> list[str]:
            at = Index.of(b.index(start + Index.of(k) * step))
            row = Index.of(b.index(weights + Index.of(k) * rows))
            return self.through(outer[1:], at, row, totals)

        return b.loop((0, outer[0], 1), one, [(t, self.kind) for t in totals])

    def contiguous(self, start: Index, weights: Index, totals: list[str]) -> list[str]:
        """Elements that are next to each other, a few at a time."""
        b, whole = self.b, self.inner - self.inner % UNROLLED

        def several(i: str, totals: list[str]) -> list[str]:
            for j in range(UNROLLED):
                totals = self.step(start + i + j, weights + (Index.of(i) + j) * self.lanes, totals)
            return totals

        if whole:
            totals = b.loop((0, whole, UNROLLED), several, [(t, self.kind) for t in totals])
        for i in range(whole, self.inner):
            totals = self.step(start + i, weights + i * self.lanes, totals)
        return totals

    def step(self, at: Index, weights: Index, totals: list[str]) -> list[str]:
        """One element of the window: a vector of the kernel times a scalar for each place."""
        b, kind, dtype = self.b, self.kind, self.x.dtype
        vector = b.op(f"vector.load %in1[{b.index(weights)}] : memref<{self.w.size}x{dtype}>, {kind}")
        stride = self.strides[-1] * self.steps[-1]
        result = []
        for i, total in enumerate(totals):
            scalar = b.op(f"memref.load %in0[{b.index(at + i * stride)}] : memref<{self.x.size}x{dtype}>")
            spread = b.op(f"vector.broadcast {scalar} : {dtype} to {kind}")
            # Contracted to one instruction where the processor has it.
            product = b.op(f"arith.mulf {vector}, {spread} fastmath<contract> : {kind}")
            result.append(b.op(f"arith.addf {product}, {total} fastmath<contract> : {kind}"))
        return result
