"""Schur decompositions, each matrix of a batch in one go.

The matrix is scaled, reduced to Hessenberg form, and made triangular by implicitly shifted QR steps: with Wilkinson's
shift for complex matrices, whose steps chase reflectors of two rows, and with Francis's two shifts for real ones, whose
steps chase reflectors of three and which end in 2 by 2 blocks for pairs of complex eigenvalues.

A reflector changes rows, which are contiguous, at once. Of the columns it changes, it is only the rows next to it that
are needed for the following reflectors: the rows above get all of a step's reflectors afterwards, one row at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axil.compiler.kernels.implicit_qr import STEPS, keep_or_nan, write_vector
from axil.compiler.kernels.kernel import Declined, Kernel, Unsupported, tensor_of
from axil.compiler.kernels.planes import (
    Array,
    Field,
    Number,
    Real,
    choose,
    count,
    icompare,
    ilogic,
    repeat,
    when,
)
from axil.compiler.kernels.reflectors import make_reflector
from axil.compiler.kernels.rotations import Tiles, accumulate
from axil.compiler.kernels.square_forms import load_square, reduce_square
from axil.compiler.kernels.text import Index
from axil.compiler.kernels.workbench import Workbench, batch_kernel, lanes_for


def schur(values: Sequence[Any], results: Sequence[Any], *, platform: str = "cpu") -> Kernel | Declined:
    """A kernel from the parts of matrices (batch, n, n) to those of t and z."""
    if platform != "cpu":
        return Declined("a Schur decomposition on a GPU")
    try:
        inputs, outputs = ([tensor_of(t) for t in ts] for ts in ([v.type for v in values], results))
    except Unsupported as reason:
        return Declined(f"the Schur decomposition has {reason}")
    n, parts = inputs[0].shape[-1], len(inputs)

    def write(bench: Workbench, x: Array, out: list[Array]) -> None:
        form = SchurForm.of(bench, x, n)
        b, r, z = bench.b, bench.wide, form.z
        assert z is not None
        keep = keep_or_nan(bench, form.good)
        by = r.select(form.good, form.scale, r.constant(float("nan")))
        element = Real(b, bench.dtype)

        def place(i: str, j: str) -> None:
            for part, target in zip(form.h.load(Index.of(i) * form.stride + j), out[:parts]):
                scaled = r.convert(r.mul(element.convert(part, "f64"), by), bench.dtype)
                target.store((scaled,), Index.of(i) * n + j)

        count(b, 0, n, lambda i: count(b, 0, n, lambda j: place(i, j)))
        count(b, 0, n, lambda k: write_vector(bench, z, k, out[parts:], (Index.of(k), n), keep, False))

    return batch_kernel("schur", inputs, outputs, lanes_for(inputs[0].dtype, n), write)


@dataclass
class SchurForm:
    """A matrix becoming triangular, in place, and the product of all that was done to it."""

    bench: Workbench
    n: int
    h: Array
    z: Tiles | None
    """Transposed; None where only eigenvalues are wanted."""
    scale: str
    good: str
    stride: int
    taus: Array
    tails: list[Array]
    """The elements of the reflectors of one step behind their first: one array for each."""

    @staticmethod
    def of(bench: Workbench, x: Array, n: int, vectors: bool = True) -> SchurForm:
        """The decomposition of a matrix; `good` is whether it is finite and the steps ended."""
        h, finite, scale = load_square(bench, x, n)
        reflectors = reduce_square(bench, h, n)
        rows = 3 if bench.parts == 1 else 2
        z = Tiles.take(bench, n, n + 1) if vectors else None
        if z is not None:
            accumulate(bench, reflectors, z, n)
        tails = [bench.take(n) for _ in range(rows - 1)]
        form = SchurForm(bench, n, h, z, scale, finite, bench.padded(n), bench.take(n), tails)
        form.good = ilogic(bench.b, "andi", finite, form.iterate())
        return form

    # ---- iteration -------------------------------------------------------------------------------------

    def iterate(self) -> str:
        """Steps until the matrix is triangular; gives whether that was reached."""
        bench, b = self.bench, self.bench.b
        zero = b.index(0)

        def unfinished(state: list[str]) -> str:
            high, steps, _ = state
            return ilogic(b, "andi", icompare(b, "sgt", high, 0), icompare(b, "slt", steps, STEPS * self.n))

        def step(state: list[str]) -> Sequence[str]:
            high, steps, tries = state
            low = self.block_start(high)
            length = b.binary("arith.subi", high, low)
            short = icompare(b, "ult", length, 3 - bench.parts)

            def shrink() -> list[str]:
                if bench.parts == 1:
                    when(b, icompare(b, "eq", length, 1), lambda: self.standardize(low))
                return [b.index(Index.of(low) + -1), steps, zero]

            def sweep() -> list[str]:
                following = b.index(Index.of(tries) + 1)
                self.chase(low, high, following)
                return [high, b.index(Index.of(steps) + 1), following]

            return choose(b, short, ["index"] * 3, shrink, sweep)

        start = [(b.index(self.n - 1), "index"), (zero, "index"), (zero, "index")]
        high, _, _ = repeat(b, start, unfinished, step)
        return icompare(b, "sle", high, 0)

    def size(self, x: Number) -> str:
        """|re| + |im|, as f64."""
        r, parts = self.bench.wide, self.bench.scalars.convert(x, "f64")
        return r.abs(parts[0]) if len(parts) == 1 else r.add(r.abs(parts[0]), r.abs(parts[1]))

    def at(self, i: Index | str | int, j: Index | str | int) -> Index:
        """The place of an element."""
        return Index.of(i) * self.stride + j

    def block_start(self, high: str) -> str:
        """The first row of the block that ends with row `high`; the element that separates it becomes zero."""
        b, r = self.bench.b, self.bench.wide
        unit = r.constant(2.0**-24 if self.bench.dtype == "f32" else 2.0**-53)
        small = r.constant(2.0**-10)

        def coupled(state: list[str]) -> str:
            k = state[0]

            def look() -> list[str]:
                before = Index.of(k) + -1
                around = r.add(self.size(self.h.load(self.at(before, before))), self.size(self.h.load(self.at(k, k))))
                bound = r.mul(unit, r.max(around, small))
                return [r.compare("ogt", self.size(self.h.load(self.at(k, before))), bound)]

            inside = icompare(b, "sgt", k, 0)
            return choose(b, inside, ["i1"], look, lambda: [b.constant("false", "i1")])[0]

        low = repeat(b, [(high, "index")], coupled, lambda state: [b.index(Index.of(state[0]) + -1)])[0]
        zero = self.bench.scalars.constant(0.0)
        when(b, icompare(b, "sgt", low, 0), lambda: self.h.store(zero, self.at(low, Index.of(low) + -1)))
        return low

    # ---- one step --------------------------------------------------------------------------------------

    def chase(self, low: str, high: str, tries: str) -> None:
        """One implicit QR step on rows `low` to `high`."""
        bench, b, f = self.bench, self.bench.b, self.bench.scalars
        tenth = icompare(b, "eq", b.binary("arith.remui", tries, b.index(10)), 0)
        wide = Field(bench.wide, bench.parts)
        first = self.first_of_two_shifts(low, high, tenth) if bench.parts == 1 else self.first(low, high, tenth)

        def reflect(k: str) -> None:
            before = b.index(Index.of(k) + -1)
            start = icompare(b, "eq", k, low)
            rows = [Index.of(b.index(Index.of(k) + d)) for d in range(len(self.tails) + 1)]

            def given() -> list[str]:
                return [p for x in first for p in x]

            def found() -> list[str]:
                column = [f.convert(self.h.load(self.at(i, before)), "f64") for i in rows[:2]]
                if len(rows) == 3:  # the last reflector has two rows: behind them is another block, or nothing
                    inside = icompare(b, "sle", rows[2], high)
                    third = f.convert(self.h.load(self.at(rows[2], before)), "f64")
                    column.append(wide.select(inside, third, wide.constant(0.0)))
                return [p for x in column for p in x]

            flat = choose(b, start, ["f64"] * (len(rows) * bench.parts), given, found)
            column = [tuple(flat[i : i + bench.parts]) for i in range(0, len(flat), bench.parts)]
            tau, tail, beta = self.small_reflector(column)
            self.taus.store(tau, k)
            for array, value in zip(self.tails, tail):
                array.store(value, k)
            self.reflect_rows(rows, tau, tail)

            def settle() -> None:
                zeros = f.constant(0.0)
                self.h.store((bench.wide.convert(beta, bench.dtype), *zeros[1:]), self.at(k, before))
                for i in rows[1:]:
                    self.h.store(zeros, self.at(i, before))

            when(b, icompare(b, "ne", k, low), settle)
            for d in range(1, len(rows) + 1):
                self.reflect_element(b.index(Index.of(k) + d), k)

        count(b, low, high, reflect)

        def above(i: str) -> None:
            count(b, b.binary("arith.maxui", i, low), high, lambda k: self.reflect_element(i, k))

        count(b, 0, high, above)
        if self.z is not None:
            self.reflect_vectors(self.z, low, high)

    def small_reflector(self, column: list[Number]) -> tuple[Number, list[Number], str]:
        """`tau`, the elements of `v` behind the first, and `beta`, for two or three numbers (f64)."""
        bench, r = self.bench, self.bench.wide
        f, wide = bench.scalars, Field(bench.wide, bench.parts)
        alpha, *rest = column
        total = r.constant(0.0)
        for x in rest:
            for part in x:
                total = r.add(total, r.mul(part, part))
        beta, tau, factor = make_reflector(bench, alpha, total, wide=True)
        tail = [wide.convert(wide.mul(x, factor), bench.dtype) for x in rest]
        return wide.convert(tau, f.real.dtype), tail, beta

    def reflect_rows(self, rows: list[Index], tau: Number, tail: list[Number]) -> None:
        """Applies a reflector, conjugated, from the left: to all columns that are not zero."""
        bench, f = self.bench, self.bench.vectors
        scalars = bench.scalars
        lines = [self.h.at(i * self.stride) for i in rows]
        by = [f.splat(v) for v in tail]
        minus = scalars.neg(scalars.conj(tau))
        factors = [f.splat(minus), *[f.splat(scalars.mul(minus, v)) for v in tail]]
        b = bench.b
        first = b.binary("arith.maxsi", b.index(rows[0] + -1), b.index(0))

        def one(c: str) -> None:
            values = [line.load(c, bench.lanes) for line in lines]
            total = values[0]
            for value, v in zip(values[1:], by):
                total = f.add_product(total, v, value, conjugate=True)
            for line, value, factor in zip(lines, values, factors):
                line.store(f.add_product(value, total, factor), c, bench.lanes)

        bench.each_vector(bench.down(first), self.stride, one)

    def reflect_element(self, i: str, k: str) -> None:
        """Applies reflector k from the right to row i."""
        f = self.bench.scalars
        row = self.h.at(Index.of(i) * self.stride)
        places = [Index.of(k) + d for d in range(len(self.tails) + 1)]
        values, tail = [row.load(p) for p in places], [t.load(k) for t in self.tails]
        total = values[0]
        for value, v in zip(values[1:], tail):
            total = f.add_product(total, value, v)
        total = f.mul(total, self.taus.load(k))
        row.store(f.sub(values[0], total), places[0])
        for place, value, v in zip(places[1:], values[1:], tail):
            row.store(f.sub_product(value, total, v, conjugate=True), place)

    def reflect_vectors(self, z: Tiles, low: str, high: str) -> None:
        """Applies all reflectors of a step to Z, which is transposed: to its rows, a tile at a time."""
        bench, b, width = self.bench, self.bench.b, z.width
        f = Field(Real(b, bench.dtype, width), bench.parts)

        def one_tile(t: str) -> None:
            rows = z.array.at(Index.of(t) * (z.keys * width))

            def reflect(k: str) -> None:
                places = [(Index.of(k) + d) * width for d in range(len(self.tails) + 1)]
                values = [rows.load(p, width) for p in places]
                tail = [f.splat(v.load(k)) for v in self.tails]
                total = values[0]
                for value, v in zip(values[1:], tail):
                    total = f.add_product(total, value, v)
                total = f.mul(total, f.splat(self.taus.load(k)))
                rows.store(f.sub(values[0], total), places[0], width)
                for place, value, v in zip(places[1:], values[1:], tail):
                    rows.store(f.sub_product(value, total, v, conjugate=True), place, width)

            count(b, low, high, reflect)

        count(b, 0, z.count, one_tile)

    # ---- shifts ----------------------------------------------------------------------------------------

    def element(self, i: Index | str, j: Index | str) -> Number:
        """An element, as f64."""
        return self.bench.scalars.convert(self.h.load(self.at(i, j)), "f64")

    def first(self, low: str, high: str, exceptional: str) -> list[Number]:
        """The first column of `H - shift`, for the eigenvalue of the last two rows that is nearer to the last."""
        r = self.bench.wide
        f, last, before = Field(r, 2), Index.of(high), Index.of(high) + -1
        a, b, c, d = (self.element(i, j) for i in (before, last) for j in (before, last))
        half = f.scale(f.sub(a, d), r.constant(0.5))
        product = f.mul(b, c)
        root = square_root(r, f.add(f.mul(half, half), product))
        # Of half + root and half - root, the larger one.
        along = r.compare("oge", r.add(r.mul(half[0], root[0]), r.mul(half[1], root[1])), r.constant(0.0))
        below = f.add(half, f.select(along, root, f.neg(root)))
        size = r.add(r.mul(below[0], below[0]), r.mul(below[1], below[1]))
        nothing = r.compare("oeq", size, r.constant(0.0))
        inverse = r.div(r.constant(1.0), r.select(nothing, r.constant(1.0), size))
        shift = f.sub(d, f.scale(f.mul(product, f.conj(below)), inverse))
        odd = (r.add(d[0], self.size_wide(c)), d[1])
        shift = f.select(exceptional, odd, shift)
        return [f.sub(self.element(low, low), shift), self.element(Index.of(low) + 1, low)]

    def size_wide(self, x: Number) -> str:
        """|re| + |im| of an f64 number."""
        r = self.bench.wide
        return r.add(r.abs(x[0]), r.abs(x[1]))

    def first_of_two_shifts(self, low: str, high: str, exceptional: str) -> list[Number]:
        """The first column of `H**2 - total H + product` for the last two eigenvalues, over `H[low + 1, low]`."""
        r = self.bench.wide
        last, before = Index.of(high), Index.of(high) + -1
        (a,), (b,), (c,), (d,) = (self.element(i, j) for i in (before, last) for j in (before, last))
        total, product = r.add(a, d), r.sub(r.mul(a, d), r.mul(b, c))
        size = r.add(r.abs(c), r.abs(self.element(before, Index.of(high) + -2)[0]))
        total = r.select(exceptional, r.mul(size, r.constant(1.5)), total)
        product = r.select(exceptional, r.mul(size, size), product)
        second, third = Index.of(low) + 1, Index.of(low) + 2
        h00, h01, h10, h11, h21 = (
            self.element(i, j)[0] for i, j in ((low, low), (low, second), (second, low), (second, second),
                                               (third, second))
        )  # fmt: skip
        x = r.add(r.sub(r.mul(h00, h00), r.mul(total, h00)), product)
        return [(r.add(r.div(x, h10), h01),), (r.sub(r.add(h00, h11), total),), (h21,)]

    # ---- 2 by 2 blocks ---------------------------------------------------------------------------------

    def standardize(self, k: str) -> None:
        """Rotates rows and columns k and k + 1: the block becomes triangular, or has equal diagonal elements."""
        bench, b, r = self.bench, self.bench.b, self.bench.wide
        after = Index.of(k) + 1
        (a,), (up,), (c,), (d,) = (self.element(i, j) for i in (Index.of(k), after) for j in (Index.of(k), after))
        half = r.mul(r.sub(a, d), r.constant(0.5))
        inside = r.add(r.mul(half, half), r.mul(up, c))
        real = r.compare("oge", inside, r.constant(0.0))
        # Two real eigenvalues: an eigenvector. A pair: the angle that makes the diagonal's elements equal.
        x_real = r.add(half, r.copysign(r.sqrt(r.max(inside, r.constant(0.0))), half))
        across, apart = r.add(up, c), r.sub(a, d)
        length = r.sqrt(r.add(r.mul(across, across), r.mul(apart, apart)))
        safe = r.select(r.compare("oeq", length, r.constant(0.0)), r.constant(1.0), length)
        x_pair = r.add(safe, r.abs(across))
        y_pair = r.neg(r.copysign(apart, r.mul(r.copysign(r.constant(1.0), apart), across)))
        x, y = r.select(real, x_real, x_pair), r.select(real, c, y_pair)
        size = r.sqrt(r.add(r.mul(x, x), r.mul(y, y)))
        x, y = (r.convert(r.div(v, size), bench.dtype) for v in (x, y))
        self.rotate(k, x, y)
        zero, f = bench.scalars.constant(0.0), bench.scalars

        def triangular() -> list[str]:
            return [*zero, *self.h.load(self.at(k, k)), *self.h.load(self.at(after, after))]

        def equal() -> list[str]:
            on = [self.h.load(self.at(i, i)) for i in (Index.of(k), after)]
            mean = f.scale(f.add(*on), f.real.constant(0.5))
            return [*self.h.load(self.at(after, k)), *mean, *mean]

        below, first, second = choose(b, real, [bench.dtype] * 3, triangular, equal)
        self.h.store((below,), self.at(after, k))
        self.h.store((first,), self.at(k, k))
        self.h.store((second,), self.at(after, after))

    def rotate(self, k: str, x: str, y: str) -> None:
        """Rows k and k + 1 become `x row + y next` and `-y row + x next`; columns and Z follow."""
        bench, b = self.bench, self.bench.b

        def pair(first: Array, second: Array, at: Any, lanes: int | None) -> None:
            real = Real(b, bench.dtype, lanes)
            (p,), (q,) = first.load(at, lanes), second.load(at, lanes)
            c, s = real.splat(x), real.splat(y)
            first.store((real.add(real.mul(c, p), real.mul(s, q)),), at, lanes)
            second.store((real.sub(real.mul(c, q), real.mul(s, p)),), at, lanes)

        row, following = self.h.at(self.at(k, 0)), self.h.at(self.at(Index.of(k) + 1, 0))
        bench.each_vector(bench.down(k), self.stride, lambda c: pair(row, following, c, bench.lanes))
        left, right = self.h.at(k), self.h.at(Index.of(k) + 1)
        end = b.index(Index.of(k) + 2)
        count(b, 0, end, lambda i: pair(left, right, Index.of(i) * self.stride, None))
        if self.z is not None:
            width, tile = self.z.width, self.z.keys * self.z.width
            first, second = self.z.array.at(Index.of(k) * width), self.z.array.at((Index.of(k) + 1) * width)
            count(b, 0, self.z.count, lambda t: pair(first, second, Index.of(t) * tile, width))


def square_root(r: Real, z: Number) -> Number:
    """A square root of a complex f64 number."""
    x, y = z
    size = r.sqrt(r.add(r.mul(x, x), r.mul(y, y)))
    half = r.constant(0.5)
    large = r.sqrt(r.mul(half, r.add(size, r.abs(x))))
    nothing = r.compare("oeq", large, r.constant(0.0))
    small = r.div(r.mul(half, y), r.select(nothing, r.constant(1.0), large))
    right = r.compare("oge", x, r.constant(0.0))
    return r.select(right, large, r.abs(small)), r.select(right, small, r.copysign(large, y))
