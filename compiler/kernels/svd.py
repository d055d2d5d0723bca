"""Singular value decompositions, each matrix of a batch in one go.

1. A wide matrix is transposed. The matrix is scaled by a power of two and reduced to real upper bidiagonal form by
   Householder reflectors from both sides. For each column, one pass over the rows that are left applies the reflector
   of the row before and multiplies with the column's; another applies that one and multiplies with the row's.
2. Both sequences of reflectors are multiplied up, transposed and in tiles.
3. Implicit QR steps (Golub and Kahan) make the bidiagonal matrix diagonal. Their rotations are collected and applied
   to both sides (`rotations.py`).
4. Singular values are made positive, ranked by counting, and everything is written in that order.

The result is NaN where the matrix is not finite or the steps do not end, which are at most 30 for each value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.kernels.implicit_qr import diagonalize, keep_or_nan, rank, write_vector
from axil.compiler.kernels.kernel import Declined, Kernel, Unsupported, tensor_of
from axil.compiler.kernels.planes import Array, Number, Real, count, icompare, ilogic, when
from axil.compiler.kernels.reflectors import (
    clear,
    finish_reflector,
    finite_scale,
    larger,
    make_reflector,
    scale_rows,
)
from axil.compiler.kernels.rotations import Reflectors, Sweeps, Tiles, accumulate, rotation
from axil.compiler.kernels.text import Index
from axil.compiler.kernels.workbench import ROWS, Workbench, batch_kernel, lanes_for


def svd(
    values: Sequence[Any],
    results: Sequence[Any],
    *,
    vectors: bool,
    full_matrices: bool,
    platform: str = "cpu",
) -> Kernel | Declined:
    """A kernel from the parts of matrices (batch, m, n) to those of u, s and vh; to s alone without `vectors`."""
    if platform != "cpu":
        return Declined("a singular value decomposition on a GPU")
    try:
        inputs, outputs = ([tensor_of(t) for t in ts] for ts in ([v.type for v in values], results))
    except Unsupported as reason:
        return Declined(f"the singular value decomposition has {reason}")
    m, n = inputs[0].shape[1:]
    wide = m < n
    m, n = max(m, n), min(m, n)

    def write(bench: Workbench, x: Array, out: list[Array]) -> None:
        a, finite, scale = load(bench, x, m, n, wide)
        form = Bidiagonal(bench, a, m, n, vectors)
        form.reduce()
        sides = []
        if vectors:
            sides = [Tiles.take(bench, m, m if full_matrices else n), Tiles.take(bench, n, n)]
            accumulate(bench, form.left, sides[0], m)
            accumulate(bench, form.right, sides[1], n)
        norm = bidiagonal_norm(bench, form.d, form.e, n)
        converged = diagonalize(
            bench, form.d, form.e, n, sides,
            lambda low, high, sweeps, at: _golub_kahan(bench, form.d, form.e, (low, high), sweeps, at, norm),
        )  # fmt: skip
        good = ilogic(bench.b, "andi", finite, converged)
        write_results(bench, form.d, form.e, (m, n), sides, out, good, scale, wide)

    return batch_kernel("svd", inputs, outputs, lanes_for(inputs[0].dtype, n), write)


def load(bench: Workbench, x: Array, m: int, n: int, wide: bool) -> tuple[Array, str, str]:
    """The matrix of m rows and n columns (of which `x` is the transpose, if wide), padded and scaled."""
    b, r, stride = bench.b, bench.scalars.real, bench.padded(n)
    a = bench.take((m + ROWS) * stride)
    bench.zero(a, (m + ROWS) * stride)

    def row(i: str, carry: list[str]) -> list[str]:
        def element(j: str, carry: list[str]) -> list[str]:
            value = x.load(Index.of(j) * m + i if wide else Index.of(i) * n + j)
            a.store(value, Index.of(i) * stride + j)
            return [larger(r, carry[0], value)]

        return b.loop((0, n, 1), element, [(carry[0], r.type)])

    largest = b.loop((0, m, 1), row, [(r.constant(0.0), r.type)])[0]
    finite, scale, inverse = finite_scale(bench, r.convert(largest, "f64"))
    scale_rows(bench, a, m * stride, finite, inverse)
    return a, finite, scale


# ---- bidiagonal form -----------------------------------------------------------------------------------


class Bidiagonal:
    """The reduction of a matrix, in place: diagonal and superdiagonal (f64), and the reflectors of both sides."""

    def __init__(self, bench: Workbench, a: Array, m: int, n: int, vectors: bool) -> None:
        self.bench, self.a, self.m, self.n = bench, a, m, n
        self.stride, self.tall = bench.padded(n), bench.padded(m)
        self.d, self.e = bench.take(n + 1, "f64", 1), bench.take(n + 1, "f64", 1)
        # Without vectors, one row serves for every left reflector.
        kept, step = (n, self.tall) if vectors else (1, 0)
        rows = bench.take(kept * self.tall)
        bench.zero(rows, kept * self.tall)
        self.left = Reflectors(rows, step, bench.take(n), n, 0)
        self.right = Reflectors(a, self.stride, bench.take(n), n - 1, 1)
        self.x, self.y = bench.take(self.tall), bench.take(self.stride)
        bench.zero(self.x, self.tall)
        bench.zero(self.y, self.stride)

    def reduce(self) -> None:
        """All columns."""
        count(self.bench.b, 0, self.n, self.column)

    def column(self, j: str) -> None:
        """One column and one row. What the row before does to the matrix is still to be done: `A -= x v^H`."""
        bench, b, f = self.bench, self.bench.b, self.bench.scalars
        first = icompare(b, "eq", j, 0)
        before = b.select(first, b.index(self.m), b.index(Index.of(j) + -1))  # row m is zero
        old, row = self.a.at(Index.of(before) * self.stride), self.a.at(Index.of(j) * self.stride)
        u = self.left.rows.at(Index.of(j) * self.left.stride)
        self.left_reflector(j, u, old)
        low = bench.down(j)
        bench.each_vector(low, self.stride, lambda c: self.y.store(bench.vectors.constant(0.0), c, bench.lanes))
        rows = ROWS // bench.parts
        count(b, j, self.m, lambda i: self.multiply_left(i, rows, u, old, low), rows)
        by = bench.vectors.splat(f.conj(self.left.taus.load(j)))

        def scaled(c: str) -> None:
            y = bench.vectors.mul(self.y.load(c, bench.lanes), by)
            self.y.store(y, c, bench.lanes)
            row.store(bench.vectors.sub(row.load(c, bench.lanes), y), c, bench.lanes)

        bench.each_vector(low, self.stride, scaled)
        when(b, icompare(b, "ult", j, self.n - 1), lambda: self.right_reflector(j, u, row))

    def left_reflector(self, j: str, u: Array, old: Array) -> None:
        """The reflector that makes column j zero below the diagonal."""
        bench, b, f = self.bench, self.bench.b, self.bench.scalars
        by = f.neg(f.conj(old.load(j)))

        def element(i: str) -> None:
            value = self.a.load(Index.of(i) * self.stride + j)
            u.store(f.add_product(value, self.x.load(i), by), i)

        count(b, j, self.m, element)
        low = bench.down(j)
        alpha = u.load(j)
        clear(bench, u, low, Index.of(j) + 1)
        beta, tau, factor = make_reflector(bench, alpha, bench.squares(u, low, self.tall))
        finish_reflector(bench, u, low, self.tall, j, factor, conjugate=False)
        self.d.store((beta,), j)
        self.left.taus.store(tau, j)

    def multiply_left(self, i: str, rows: int, u: Array, old: Array, low: str) -> None:
        """For rows from i on: `A -= x v^H`, then `y += conj(u) A`."""
        bench, b, f = self.bench, self.bench.b, self.bench.vectors
        places = [Index.of(b.index(Index.of(i) + k)) for k in range(rows)]
        by_x = [f.splat(f.scalars().neg(self.x.load(p))) for p in places]
        by_u = [f.splat(u.load(p)) for p in places]
        lines = [self.a.at(p * self.stride) for p in places]

        def one(c: str) -> None:
            v, total = old.load(c, bench.lanes), self.y.load(c, bench.lanes)
            for k, line in enumerate(lines):
                value = f.add_product(line.load(c, bench.lanes), v, by_x[k], conjugate=True)
                line.store(value, c, bench.lanes)
                total = f.add_product(total, by_u[k], value, conjugate=True)
            self.y.store(total, c, bench.lanes)

        bench.each_vector(low, self.stride, one)

    def right_reflector(self, j: str, u: Array, row: Array) -> None:
        """The reflector that makes row j zero behind the superdiagonal, and its product with the rows below."""
        bench, b, f = self.bench, self.bench.b, self.bench.scalars
        first = b.index(Index.of(j) + 1)
        low = bench.down(first)
        alpha = f.conj(row.load(first))
        clear(bench, row, low, Index.of(first) + 1)
        beta, tau, factor = make_reflector(bench, alpha, bench.squares(row, low, self.stride))
        finish_reflector(bench, row, low, self.stride, first, factor, conjugate=True)
        self.e.store((beta,), j)
        self.right.taus.store(tau, j)
        rows = ROWS // bench.parts
        count(b, first, self.m, lambda i: self.multiply_right(i, rows, u, row, tau, low), rows)

    def multiply_right(self, i: str, rows: int, u: Array, v: Array, tau: Number, low: str) -> None:
        """For rows from i on: `A -= u y`, then `x = tau A v`."""
        bench, b, f = self.bench, self.bench.b, self.bench.vectors
        places = [Index.of(b.index(Index.of(i) + k)) for k in range(rows)]
        by_u = [f.splat(u.load(p)) for p in places]
        lines = [self.a.at(p * self.stride) for p in places]

        def one(c: str, totals: list[Number]) -> list[Number]:
            y, v_here, result = self.y.load(c, bench.lanes), v.load(c, bench.lanes), []
            for k, line in enumerate(lines):
                value = f.sub_product(line.load(c, bench.lanes), by_u[k], y)
                line.store(value, c, bench.lanes)
                result.append(f.add_product(totals[k], value, v_here))
            return result

        for place, total in zip(places, bench.fold(low, self.stride, one, [f.constant(0.0)] * rows, f)):
            self.x.store(f.scalars().mul(tau, f.sum(total)), place)


# ---- diagonal form -------------------------------------------------------------------------------------


def bidiagonal_norm(bench: Workbench, d: Array, e: Array, n: int) -> str:
    """The largest size of an element."""
    b, r = bench.b, bench.wide
    zero = r.constant(0.0)
    e.store((zero,), n - 1)

    def one(i: str, carry: list[str]) -> list[str]:
        return [larger(r, larger(r, carry[0], d.load(i)), e.load(i))]

    return b.loop((0, n, 1), one, [(zero, "f64")])[0]


def _golub_kahan(
    bench: Workbench, d: Array, e: Array, block: tuple[str, str], sweeps: Sweeps, used: str, norm: str
) -> None:
    """One implicit QR step on rows `low` to `high`.

    The shift is the smaller singular value of the last two rows, or zero where that makes no difference or where a
    diagonal element is negligible: such a step decouples the last row.
    """
    b, r = bench.b, bench.wide
    low, high = block
    before = Index.of(high) + -1
    unit = r.constant(2.0**-24 if bench.dtype == "f32" else 2.0**-53)

    def smallest(i: str, carry: list[str]) -> list[str]:
        return [r.min(carry[0], r.abs(d.load(i)[0]))]

    end = b.index(Index.of(high) + 1)
    least = b.loop((low, end, 1), smallest, [(r.constant(float("inf")), "f64")])[0]
    shift = _smaller_singular_value(r, d.load(before)[0], e.load(before)[0], d.load(high)[0])
    top = d.load(low)[0]
    singular = r.compare("ole", least, r.mul(unit, norm))
    slight = r.compare("ole", r.mul(shift, shift), r.mul(unit, r.mul(top, top)))
    none = ilogic(b, "ori", singular, slight)
    safe = r.select(none, r.constant(1.0), top)
    shifted = r.div(r.mul(r.sub(r.abs(top), shift), r.add(r.abs(top), shift)), safe)
    start = r.select(none, top, shifted)
    move = b.binary("arith.subi", used, low)

    def rotate(i: str, carry: list[str]) -> list[str]:
        f, g = carry
        c_right, s_right, size = rotation(b, f, g)
        when(b, icompare(b, "ne", i, low), lambda: e.store((size,), Index.of(i) + -1))
        after = Index.of(i) + 1
        d_here, e_here, d_next = d.load(i)[0], e.load(i)[0], d.load(after)[0]
        f = r.add(r.mul(c_right, d_here), r.mul(s_right, e_here))
        e_here = r.sub(r.mul(c_right, e_here), r.mul(s_right, d_here))
        g, d_next = r.mul(s_right, d_next), r.mul(c_right, d_next)
        c_left, s_left, size = rotation(b, f, g)
        d.store((size,), i)
        f = r.add(r.mul(c_left, e_here), r.mul(s_left, d_next))
        d.store((r.sub(r.mul(c_left, d_next), r.mul(s_left, e_here)),), after)
        # Behind the block `e` is negligible: what is made of it there is not used.
        e_next = e.load(after)[0]
        g = r.mul(s_left, e_next)
        last = icompare(b, "eq", after, high)
        e.store((r.select(last, e_next, r.mul(c_left, e_next)),), after)
        notes = [(c_left, s_left), (c_right, s_right)] if sweeps.sides else []
        sweeps.note(b.index(Index.of(i) + move), notes)
        return [f, g]

    f, _ = b.loop((low, high, 1), rotate, [(start, "f64"), (e.load(low)[0], "f64")])
    e.store((f,), before)


def _smaller_singular_value(r: Real, f: str, g: str, h: str) -> str:
    """Of the matrix ((f, g), (0, h))."""
    f, g, h = (r.abs(x) for x in (f, g, h))
    less, more, one = r.min(f, h), r.max(f, h), r.constant(1.0)
    nothing = r.compare("oeq", more, r.constant(0.0))
    more = r.select(nothing, one, more)
    ratio, across = r.div(less, more), r.div(g, more)
    across = r.mul(across, across)
    roots = [r.sqrt(r.add(r.mul(x, x), across)) for x in (r.add(one, ratio), r.sub(one, ratio))]
    total = r.add(*roots)
    return r.select(nothing, r.constant(0.0), r.mul(less, r.div(r.constant(2.0), total)))


# ---- results -------------------------------------------------------------------------------------------


def write_results(
    bench: Workbench, d: Array, e: Array, size: tuple[int, int], sides: list[Tiles], out: list[Array], good: str,
    scale: str, wide: bool,
) -> None:  # fmt: skip
    """Writes u, s and vh in order, or NaN. A = U S V^H; of a transposed matrix, u is conj(V) and vh is U^T."""
    b, r, (m, n) = bench.b, bench.wide, size
    by, keep = r.select(good, scale, r.constant(float("nan"))), keep_or_nan(bench, good)
    f, parts = Real(b, bench.dtype), bench.parts

    def split(i: str) -> None:  # the sign, which goes to the right vector, and the size
        e.store(d.load(i), i)
        d.store((r.abs(d.load(i)[0]),), i)

    count(b, 0, n, split)
    values = out[parts] if sides else out[0]
    u, vh = (out[:parts], out[parts + 1 :]) if sides else ([], [])

    def one(i: str) -> None:
        place = rank(bench, d, n, i, descending=True)
        values.store((r.convert(r.mul(d.load(i)[0], by), bench.dtype),), place)
        if sides:
            signed = f.copysign(keep, r.convert(e.load(i)[0], bench.dtype))
            left, right = sides
            vectors(left, i, place, keep, left.columns, False, wide)
            vectors(right, i, place, signed, n, True, not wide)

    def vectors(tiles: Tiles, i: str, place: str, by: str, columns: int, conjugate: bool, as_row: bool) -> None:
        if as_row:
            write_vector(bench, tiles, i, vh, (Index.of(place) * tiles.rows, 1), by, conjugate)
        else:
            write_vector(bench, tiles, i, u, (Index.of(place), columns), by, conjugate)

    count(b, 0, n, one)
    if sides and sides[0].columns > n:
        count(b, n, sides[0].columns, lambda i: vectors(sides[0], i, i, keep, m, False, wide))
