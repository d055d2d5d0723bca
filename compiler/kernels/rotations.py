"""Rotations of neighbouring rows, collected and then applied to many columns at once.

Implicit QR steps make rotations in sweeps: of rows i and i + 1 for i from l to m - 1. They act on whole vectors, which
is most of an eigendecomposition's work, but do not depend on these. So they are written down, and from time to time
all of them are applied, to a tile of columns at a time: a tile is contiguous and stays in the first-level cache,
and a row is carried in registers from one rotation to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

from axil.compiler.kernels.planes import Array, Field, Number, Real, as_i32, as_index, choose, count, icompare
from axil.compiler.kernels.text import Builder, Index
from axil.compiler.kernels.workbench import Workbench


@dataclass
class Tiles:
    """A matrix, transposed and in tiles: element (column k, row i) of it is in tile `i // width`, row k, lane.

    A tile has `keys` rows, which are `columns` with a few unused ones, of `width` elements.
    """

    bench: Workbench
    array: Array
    rows: int
    columns: int
    keys: int
    width: int

    @staticmethod
    def take(bench: Workbench, rows: int, columns: int) -> Tiles:
        """Scratch space for a matrix."""
        width = bench.lanes * (2 if columns > bench.lanes else 1)
        keys = -(-columns // width) * width
        tiles = -(-rows // width)
        return Tiles(bench, bench.take(tiles * keys * width), rows, columns, keys, width)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return -(-self.rows // self.width)

    def at(self, row: str, key: Index | str) -> Index:
        """Where an element of the matrix is."""
        b = self.bench.b
        tile = b.binary("arith.divui", row, b.index(self.width))
        lane = b.binary("arith.remui", row, b.index(self.width))
        return Index.of(tile) * (self.keys * self.width) + Index.of(key) * self.width + lane


@dataclass
class Sweeps:
    """The rotations written down since they were last applied; `sides` sequences of them with the same rows."""

    bench: Workbench
    sides: list[Tiles]
    capacity: int
    cosines: list[Array]
    sines: list[Array]
    limits: Array

    @staticmethod
    def take(bench: Workbench, sides: list[Tiles], n: int) -> Sweeps:
        """Room for at least four sweeps over `n` rows."""
        capacity = 8 * n
        cosines = [bench.take(capacity, parts=1) for _ in sides]
        sines = [bench.take(capacity, parts=1) for _ in sides]
        return Sweeps(bench, sides, capacity, cosines, sines, bench.take(3 * capacity, "i32", 1))

    def note(self, at: str, rotations: list[tuple[str, str]]) -> None:
        """Writes down a rotation for each side, given as f64: `(c, s)` at a place."""
        wide = self.bench.wide
        for cosines, sines, (c, s) in zip(self.cosines, self.sines, rotations):
            cosines.store((wide.convert(c, self.bench.dtype),), at)
            sines.store((wide.convert(s, self.bench.dtype),), at)

    def end_sweep(self, sweeps: str, used: str, low: str, high: str) -> tuple[str, str]:
        """Writes down the rows of a sweep whose rotations begin at `used`; gives the counts after it."""
        b = self.bench.b
        place = Index.of(sweeps) * 3
        for k, value in enumerate((low, high, used)):
            self.limits.store((as_i32(b, value),), place + k)
        length = b.binary("arith.subi", high, low)
        return b.index(Index.of(sweeps) + 1), b.binary("arith.addi", used, length)

    def flush_if_full(self, sweeps: str, used: str, coming: str) -> tuple[str, str]:
        """Applies everything if the rotations of a coming sweep would not fit; gives the counts after it."""
        b = self.bench.b
        zero = b.index(0)
        full = icompare(b, "ugt", Index.of(used) + coming, self.capacity)

        def flush() -> list[str]:
            self.apply(sweeps)
            return [zero, zero]

        left = choose(b, full, ["index", "index"], flush, lambda: [sweeps, used])
        return left[0], left[1]

    def apply(self, sweeps: str) -> None:
        """Applies the first `sweeps` sweeps to both sides."""
        b = self.bench.b
        for side, tiles in enumerate(self.sides):
            for part in range(self.bench.parts):
                array = tiles.array.part(part)

                def one_tile(tile: str, side: int = side, tiles: Tiles = tiles, array: Array = array) -> None:
                    start = array.at(Index.of(tile) * (tiles.keys * tiles.width))
                    count(b, 0, sweeps, lambda k: self._sweep(k, side, start, tiles.width))

                count(b, 0, tiles.count, one_tile)

    def _sweep(self, k: str, side: int, rows: Array, width: int) -> None:
        """One sweep over one tile: `row i, row i + 1 = c row i + s row i+1, c row i+1 - s row i`."""
        b = self.bench.b
        f = Real(b, self.bench.dtype, width)
        low, high, used = (as_index(b, self.limits.load(Index.of(k) * 3 + j)[0]) for j in range(3))
        shift = b.binary("arith.subi", used, low)

        def rotate(i: str, carry: list[str]) -> list[str]:
            at = Index.of(i) + shift
            c, s = (f.splat(a.load(at)[0]) for a in (self.cosines[side], self.sines[side]))
            (following,) = rows.load((Index.of(i) + 1) * width, width)
            rows.store((f.add(f.mul(c, carry[0]), f.mul(s, following)),), Index.of(i) * width, width)
            return [f.sub(f.mul(c, following), f.mul(s, carry[0]))]

        (first,) = rows.load(Index.of(low) * width, width)
        last = b.loop((low, high, 1), rotate, [(first, f.type)])
        rows.store((last[0],), Index.of(high) * width, width)


def rotation(b: Builder, f: str, g: str) -> tuple[str, str, str]:
    """`(c, s, r)` with `c f + s g = r` and `c g - s f = 0`, of f64 numbers; c = 1 where both are zero."""
    r = Real(b, "f64")
    size = r.sqrt(r.add(r.mul(f, f), r.mul(g, g)))
    nothing = r.compare("oeq", size, r.constant(0.0))
    inverse = r.div(r.constant(1.0), r.select(nothing, r.constant(1.0), size))
    return r.select(nothing, r.constant(1.0), r.mul(f, inverse)), r.mul(g, inverse), size


@dataclass
class Reflectors:
    """Householder reflectors `I - tau v v^H`: `v` of number j in row j, zero before element `j + first`."""

    rows: Array
    stride: int
    taus: Array
    count: int
    first: int


def accumulate(bench: Workbench, reflectors: Reflectors, target: Tiles, size: int) -> None:
    """Writes the columns of `Q = H(0) H(1) ...` (`size` rows) that `target` has room for."""
    b, width = bench.b, target.width
    f = Field(Real(b, bench.dtype, width), bench.parts)
    tile = bench.take(size * width)
    last = reflectors.count - 1
    if not reflectors.count:
        reflectors = Reflectors(reflectors.rows, reflectors.stride, reflectors.taus, 0, 0)

    def one_tile(t: str) -> None:
        start = b.index(Index.of(t) * width)
        zero, one = f.constant(0.0), f.scalars().constant(1.0)
        count(b, 0, size, lambda i: tile.store(zero, Index.of(i) * width, width))
        end = b.binary("arith.minui", b.index(Index.of(start) + width), b.index(size))
        count(b, start, end, lambda i: tile.store(one, Index.of(i) * (width + 1) + Index.of(start) * -1))
        # A reflector that begins behind all columns of the tile leaves them as they are.
        reach = b.binary("arith.addi", start, b.index(width - reflectors.first))
        steps = b.binary("arith.minsi", reach, b.index(last + 1))
        count(b, 0, steps, lambda k: _reflect_tile(bench, reflectors, tile, width, size, (steps, k)))
        count(b, 0, size, lambda i: _turn_row(bench, tile, target, i, start))

    count(b, 0, target.keys // width, one_tile)


def _reflect_tile(
    bench: Workbench, reflectors: Reflectors, tile: Array, width: int, size: int, step: tuple[str, str]
) -> None:
    """Applies the reflector `steps - 1 - k` to a tile of columns."""
    b = bench.b
    f = Field(Real(b, bench.dtype, width), bench.parts)
    j = b.binary("arith.subi", b.binary("arith.subi", step[0], b.index(1)), step[1])
    row = reflectors.rows.at(Index.of(j) * reflectors.stride)
    low = b.index(Index.of(j) + reflectors.first)

    def gather(i: str, carry: list[str]) -> list[str]:
        v = f.splat(row.load(i))
        return list(f.add_product(tuple(carry), v, tile.load(Index.of(i) * width, width), conjugate=True))

    starts = [(p, f.real.type) for p in f.constant(0.0)]
    y: Number = tuple(b.loop((low, size, 1), gather, starts))
    y = f.mul(f.splat(reflectors.taus.load(j)), y)

    def spread(i: str) -> None:
        at = Index.of(i) * width
        tile.store(f.sub_product(tile.load(at, width), f.splat(row.load(i)), y), at, width)

    count(b, low, size, spread)


def _turn_row(bench: Workbench, tile: Array, target: Tiles, i: str, start: str) -> None:
    """Writes a row of a tile of columns to its place in the transposed tiles."""
    b, width = bench.b, target.width
    values = tile.load(Index.of(i) * width, width)
    place = target.at(i, start)
    for lane in range(width):
        parts = tuple(b.op(f"vector.extract {v}[{lane}] : {bench.dtype} from vector<{width}x{bench.dtype}>")
                      for v in values)  # fmt: skip
        target.array.store(parts, place + lane * width)
