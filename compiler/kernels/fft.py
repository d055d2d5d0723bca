"""Fourier transforms of rows or columns, in one dispatch, for CPUs.

A complex array is read and written as it lies in memory, real and imaginary parts side by side, by vectors that are
taken apart and put together in registers. All work is done on *tiles* of as many columns as a vector has lanes:

- [batch, n, columns] along n: a tile is some neighbouring columns, transformed by Stockham's algorithm (Cochran and
  others 1967): radices 8, 5, 4, 3, 2 and primes, each stage from one small buffer into another.
- rows of n points: a row is a matrix of n1 by n2 points; its columns are transformed, multiplied by twiddle factors and
  stored as rows; the columns of that matrix are transformed in turn (Bailey 1990, in four steps).
- short rows: a tile is some rows, whose elements are picked one by one.

Transforms of real rows of even length are those of half as many complex numbers, with one more pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.compiler.kernels.fft_butterflies import UNROLLED, Pair, butterfly
from axil.compiler.kernels.fft_storage import TABLE, Memory, Scalars, Storage
from axil.compiler.kernels.kernel import Declined, Kernel, Plan, Tensor, assemble
from axil.compiler.kernels.text import Index
from axil.dialects.fft_lowering import prime_factors

LANES = 8
"""Columns of a tile."""

SHORT = 32
"""Rows of up to this length are transformed several at a time."""

POINTS_PER_WORKGROUP = 8192
MAX_WORKGROUPS = 256
MAX_SCRATCH = 1 << 22
"""Points that all workgroups together may keep, unless there are four of them only."""

Load = Callable[[Index], Pair]
Store = Callable[[Index, Pair], None]


def fft(
    values: Sequence[Any], results: Sequence[Any], *, kind: str, batch: int, length: int, columns: int, platform: str
) -> Kernel | Declined:
    """A kernel for the transform of [batch, length, columns] along the second dimension, of a complex dtype.

    `kind` is forward, inverse, or r2c and c2r, which are of real rows of an even `length`: [batch, length] from or to
    [batch, length / 2 + 1]. The inverse ones divide by the length.
    """
    if platform != "cpu":
        return Declined(f"a Fourier transform on {platform}")
    source, target = (_tensor(t) for t in (values[0].type, results[0]))
    dtype = "f64" if "f64" in source.dtype else "f32"
    return _emit(kind, batch, length, columns, dtype, source, target)


def _tensor(type_: Any) -> Tensor:
    """Shape and element type of an MLIR tensor type, which may be complex."""
    *dims, dtype = str(type_)[len("tensor<") : -1].replace("complex", "Z").split("x")
    return Tensor(tuple(map(int, dims)), dtype.replace("Z", "complex"))


@functools.lru_cache(32)
def _emit(
    kind: str, batch: int, length: int, columns: int, dtype: str, source: Tensor, target: Tensor
) -> Kernel | Declined:
    work = _Work(kind, batch, length, columns, dtype)
    code, scratch, workgroups = work.emit()
    return assemble(_FftPlan("fft", [source], [target], scratch, work.literals, workgroups=workgroups), code)


class _FftPlan(Plan):
    """A plan whose complex buffers are seen as real ones of twice the length."""

    def memref_type(self, tensor: Tensor) -> str:
        dtype = tensor.dtype.removeprefix("complex<").removesuffix(">")
        return f"memref<{tensor.size * (1 if dtype == tensor.dtype else 2)}x{dtype}>"


@functools.cache
def _radices(n: int) -> tuple[int, ...]:
    """Factors of n for Stockham's stages: primes, but for powers of two, which are taken by eights and fours."""
    odd = [p for p in prime_factors(n) if p > 2]
    eights, rest = divmod(len(prime_factors(n)) - len(odd), 3)
    twos = [8] * (eights - 1) + [4, 4] if eights and rest == 1 else [8] * eights + [1 << rest] * (rest > 0)
    return tuple(sorted(odd + twos, reverse=True))


@functools.cache
def _split(n: int) -> tuple[int, int]:
    """Two factors of n, as near to each other as they can be; the first is not the larger."""
    first = max(d for d in range(1, int(n**0.5) + 1) if n % d == 0)
    return first, n // first


class _Work(Storage):
    """The code of one kernel."""

    def __init__(self, kind: str, batch: int, length: int, columns: int, dtype: str) -> None:
        super().__init__(dtype)
        self.kind, self.batch, self.length, self.columns = kind, batch, length, columns
        self.inverse = kind in ("inverse", "c2r")

    # ---- the whole ---------------------------------------------------------------------------------------

    def emit(self) -> tuple[str, dict[str, Tensor], int]:
        """This workgroup's share of the rows or tiles: the code, the scratch space, and the number of workgroups."""
        real = self.kind in ("r2c", "c2r")
        n = self.length // 2 if real else self.length
        short = self.columns == 1 and n <= SHORT and self.batch >= 4 and not real
        lanes = min(LANES, self.batch if short else self.columns)
        tiles = -(-(self.batch if short else self.columns) // lanes)
        units = tiles if short else self.batch * tiles
        wanted = self.batch * n * self.columns // POINTS_PER_WORKGROUP
        workgroups = max(1, min(units, wanted, MAX_WORKGROUPS, max(4, MAX_SCRATCH // n)))
        source = Memory("%in0", self.memref(self._size(False)))
        target = Memory("%out0", self.memref(self._size(True)))

        def unit(i: str, _: list[str]) -> list[str]:
            if short:
                self.short_rows(i, n, lanes, source, target)
            elif self.columns > 1:
                self.column_tile(i, lanes, tiles, source, target)
            else:
                self.row(i, n, source, target)
            return []

        self.b.loop((self.group, units, workgroups), unit)
        return *self.finish(workgroups), workgroups

    def _size(self, result: bool) -> int:
        """Real numbers in the operand or the result."""
        if self.kind in ("r2c", "c2r"):
            spectrum = (self.kind == "r2c") == result
            return self.batch * (self.length + 2 if spectrum else self.length)
        return 2 * self.batch * self.length * self.columns

    # ---- tiles -------------------------------------------------------------------------------------------

    def incoming(self, load: Load) -> Load:
        """What reads the points of a whole transform.

        The inverse transform is the forward one with real and imaginary parts swapped, before and after.
        """
        if not self.inverse:
            return load

        def swapped(at: Index) -> Pair:
            re, im = load(at)
            return im, re

        return swapped

    def outgoing(self, store: Store, n: int, lanes: int) -> Store:
        """What writes the points of a whole transform of n."""
        if not self.inverse:
            return store

        def swapped(at: Index, value: Pair) -> None:
            im, re = self.lanes(lanes).scaled(value, 1 / n)
            store(at, (re, im))

        return swapped

    def stockham(self, n: int, lanes: int, load: Load, store: Store) -> None:
        """The transform of n points in each of `lanes` columns."""
        radices = _radices(n)
        if not radices:
            return store(Index(), load(Index()))
        buffers = [self.take(f"%tile{i}", n * lanes, True) for i in range(min(len(radices) - 1, 2))]
        done = 1
        for i, r in enumerate(radices):
            source, target = load, store
            if i > 0:
                source = functools.partial(self._from_tile, buffers[(i - 1) % 2], lanes)
            if i < len(radices) - 1:
                target = functools.partial(self._to_tile, buffers[i % 2], lanes)
            self.stage(n, r, done, lanes, source, target)
            done *= r

    def _from_tile(self, m: Memory, lanes: int, at: Index) -> Pair:
        return self.load(m, at * lanes, lanes)

    def _to_tile(self, m: Memory, lanes: int, at: Index, value: Pair) -> None:
        self.store(m, at * lanes, value, lanes)

    def stage(self, n: int, r: int, s: int, lanes: int, load: Load, store: Store) -> None:
        """One stage: transforms of r points, for p < m and q < s, where n = r m s and s is the stages' before."""
        v, m = self.lanes(lanes), n // (r * s)

        def outer(p: Index) -> None:
            factors: list[Pair] = []
            if m > 1 and r in UNROLLED:
                for k in range(1, r):
                    pair = self.root(n, p * (s * k))
                    factors.append((v.splat(pair[0]), v.splat(pair[1])))

            def inner(q: Index) -> None:
                at = [q + p * s + (s * m * j) for j in range(r)]
                to = [q + p * (s * r) + s * k for k in range(r)]
                for k, y in enumerate(butterfly(v, [load(i) for i in at])):
                    store(to[k], v.times(y, factors[k - 1]) if factors and k else y)

            def by_matrix(q: Index) -> None:
                self.matrix(r, lanes, lambda j: load(q + p * s + Index.of(j) * (s * m)), write(q))

            def write(q: Index) -> Callable[[str, Pair], None]:
                def one(k: str, y: Pair) -> None:
                    if m > 1:
                        power = self.b.binary("arith.muli", self.b.index(p * s), k)
                        pair = self.root(n, Index.of(power))
                        y = v.times(y, (v.splat(pair[0]), v.splat(pair[1])))
                    store(q + p * (s * r) + Index.of(k) * s, y)

                return one

            self.count(s, inner if r in UNROLLED else by_matrix)

        self.count(m, outer)

    def matrix(self, r: int, lanes: int, load: Callable[[str], Pair], store: Callable[[str, Pair], None]) -> None:
        """The transform of r points by its matrix, in loops."""
        v, zero = self.lanes(lanes), self.lanes(lanes).constant(0.0)
        steps = np.arange(r)
        table = self.table(("matrix", r), lambda: np.exp(-2j * np.pi * (np.outer(steps, steps) % r) / r).ravel())

        def one(k: str, _: list[str]) -> list[str]:
            def add(j: str, total: list[str]) -> list[str]:
                pair = self.scalar(table, Index.of(k) * r + j)
                y = v.times(load(j), (v.splat(pair[0]), v.splat(pair[1])))
                return list(v.plus((total[0], total[1]), y))

            sums = self.b.loop((0, r, 1), add, [(zero, v.type)] * 2)
            store(k, (sums[0], sums[1]))
            return []

        self.b.loop((0, r, 1), one)

    def count(self, n: int, body: Callable[[Index], None]) -> None:
        """A loop, or its body alone if it is run once."""
        if n == 1:
            return body(Index())

        def one(i: str, _: list[str]) -> list[str]:
            body(Index.of(i))
            return []

        self.b.loop((0, n, 1), one)

    def tiles(self, n: int, lanes: int, body: Callable[[Index], None]) -> None:
        """The starts of tiles that cover n columns; the last one reaches back to be whole."""

        def one(i: Index) -> None:
            start = self.b.index(i * lanes)
            body(Index.of(self.b.binary("arith.minui", start, self.b.index(n - lanes)) if n % lanes else start))

        self.count(-(-n // lanes), one)

    # ---- the three ways ----------------------------------------------------------------------------------

    def column_tile(self, i: str, lanes: int, tiles: int, source: Memory, target: Memory) -> None:
        """One tile of the columns of [batch, length, columns]."""
        b, n = self.b, self.length
        row, tile = b.binary("arith.divui", i, b.index(tiles)), b.binary("arith.remui", i, b.index(tiles))
        start = b.binary("arith.minui", b.index(Index.of(tile) * lanes), b.index(self.columns - lanes))
        base = Index.of(b.index(Index.of(row) * (n * self.columns) + start))
        load = self.incoming(lambda at: self.load(source, base + at * self.columns, lanes))
        store = self.outgoing(lambda at, y: self.store(target, base + at * self.columns, y, lanes), n, lanes)
        self.stockham(n, lanes, load, store)

    def short_rows(self, i: str, n: int, lanes: int, source: Memory, target: Memory) -> None:
        """One tile of rows."""
        b = self.b
        row = b.binary("arith.minui", b.index(Index.of(i) * lanes), b.index(self.batch - lanes))
        base = Index.of(b.index(Index.of(row) * n))
        load = self.incoming(lambda at: self.pick(source, base + at, n, lanes))
        store = self.outgoing(lambda at, y: self.place(target, base + at, n, y, lanes), n, lanes)
        self.stockham(n, lanes, load, store)

    def row(self, i: str, n: int, source: Memory, target: Memory) -> None:
        """One row, complex or real."""
        if self.kind == "c2r":
            spectrum = self.take("%packed", n, False)
            self.pack(source.moved(Index.of(i) * (2 * n + 2)), spectrum, n)
            self.complex_row(n, spectrum, target.moved(Index.of(i) * (2 * n)))
        elif self.kind == "r2c":
            spectrum = self.take("%packed", n, False)
            self.complex_row(n, source.moved(Index.of(i) * (2 * n)), spectrum)
            self.unpack(spectrum, target.moved(Index.of(i) * (2 * n + 2)), n)
        else:
            self.complex_row(n, source.moved(Index.of(i) * (2 * n)), target.moved(Index.of(i) * (2 * n)))

    def complex_row(self, n: int, source: Memory, target: Memory) -> None:
        """The transform of n neighbouring points, in four steps."""
        first, second = _split(n)
        wide, last = min(LANES, second), min(LANES, first)
        if first < 4:
            wide = last = 1
        load = self.incoming(lambda at: self.load(source, at, wide))
        store = self.outgoing(lambda at, y: self.store(target, at, y, last), n, last)
        if first < 4:
            return self.stockham(n, 1, load, store)
        between = self.take("%between", n, True)

        def columns(start: Index) -> None:
            def twiddled(k: Index, y: Pair) -> None:
                y = self.lanes(wide).times(y, self.twiddle(n, k, start, wide))
                self.place(between, start * first + k, first, y, wide)

            self.stockham(first, wide, lambda at: load(start + at * second), twiddled)

        def rows(start: Index) -> None:
            self.stockham(second, last, lambda at: self.load(between, start + at * first, last),
                          lambda at, y: store(start + at * first, y))  # fmt: skip

        self.tiles(second, wide, columns)
        self.tiles(first, last, rows)

    def twiddle(self, n: int, k: Index, start: Index, lanes: int) -> Pair:
        """exp(-2 pi i k (start + lane) / n)."""
        first, second = _split(n)
        if n <= TABLE:
            powers = np.outer(np.arange(first), np.arange(second)).ravel()
            table = self.table(("twiddles", n), lambda: np.exp(-2j * np.pi * powers / n))
            return self.load(table, k * second + start, lanes)
        b, v = self.b, self.lanes(lanes)
        coarse = self.root(n, Index.of(b.binary("arith.muli", b.index(k), b.index(start))))
        powers = np.outer(np.arange(first), np.arange(lanes)).ravel()
        table = self.table(("fine", n, lanes), lambda: np.exp(-2j * np.pi * powers / n))
        return v.times((v.splat(coarse[0]), v.splat(coarse[1])), self.load(table, k * lanes, lanes))

    # ---- real rows ---------------------------------------------------------------------------------------

    def unpack(self, z: Memory, target: Memory, n: int) -> None:
        """The half spectrum of 2 n real numbers from the transform of n pairs of them.

        With E and O the spectra of those at even and odd places, Z = E + i O and X = E + w O.
        """
        b, one = self.b, Scalars(self.b, self.dtype)
        re, im = self.scalar(z, Index())
        zero = one.constant(0.0)
        self.put(target, Index(), (one("addf", re, im), zero))
        self.put(target, Index(n), (one("subf", re, im), zero))
        half = one.constant(0.5)

        def pair(k: str, _: list[str]) -> list[str]:
            other = Index(n) + Index.of(k) * -1
            a, c = self.scalar(z, Index.of(k)), self.scalar(z, other)
            even = one("mulf", half, one("addf", a[0], c[0])), one("mulf", half, one("subf", a[1], c[1]))
            odd = one("mulf", half, one("addf", a[1], c[1])), one("mulf", half, one("subf", c[0], a[0]))
            odd = self.scalar_times(odd, self.root(2 * n, Index.of(k)))
            self.put(target, Index.of(k), (one("addf", even[0], odd[0]), one("addf", even[1], odd[1])))
            self.put(target, other, (one("subf", even[0], odd[0]), one("subf", odd[1], even[1])))
            return []

        b.loop((1, n // 2 + 1, 1), pair)

    def pack(self, source: Memory, z: Memory, n: int) -> None:
        """The inverse of `unpack`. The imaginary parts of the first and last element are taken to be zero."""
        b, one = self.b, Scalars(self.b, self.dtype)
        first, last = self.scalar(source, Index())[0], self.scalar(source, Index(n))[0]
        half = one.constant(0.5)
        self.put(z, Index(), (one("mulf", half, one("addf", first, last)), one("mulf", half, one("subf", first, last))))

        def pair(k: str, _: list[str]) -> list[str]:
            other = Index(n) + Index.of(k) * -1
            a, c = self.scalar(source, Index.of(k)), self.scalar(source, other)
            even = one("mulf", half, one("addf", a[0], c[0])), one("mulf", half, one("subf", a[1], c[1]))
            odd = one("mulf", half, one("subf", a[0], c[0])), one("mulf", half, one("addf", a[1], c[1]))
            w = self.root(2 * n, Index.of(k))
            odd = self.scalar_times(odd, (w[0], one("subf", one.constant(0.0), w[1])))
            self.put(z, Index.of(k), (one("subf", even[0], odd[1]), one("addf", even[1], odd[0])))
            self.put(z, other, (one("addf", even[0], odd[1]), one("subf", odd[0], even[1])))
            return []

        b.loop((1, n // 2 + 1, 1), pair)
