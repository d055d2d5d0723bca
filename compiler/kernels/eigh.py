"""Eigenvalues and eigenvectors of Hermitian matrices, each matrix of a batch in one go.

1. The matrix is scaled by a power of two and reduced to real tridiagonal form by Householder reflectors. One pass over
   the rows that are left both applies a reflector and multiplies with the next (the rows are whole, not a triangle:
   contiguous vectors matter more than halved arithmetic).
2. The reflectors are multiplied up to Q, transposed and in tiles.
3. Implicit QR steps with Wilkinson's shift make the tridiagonal matrix diagonal. Their rotations are collected and
   applied to Q (`rotations.py`).
4. Eigenvalues are ranked by counting, and everything is written in that order.

The result is NaN where the matrix is not finite or the steps do not end, which are at most 30 for each eigenvalue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.kernels.implicit_qr import diagonalize, keep_or_nan, rank, write_vector
from axil.compiler.kernels.kernel import Declined, Kernel, Unsupported, tensor_of
from axil.compiler.kernels.planes import Array, Number, count, icompare, ilogic, when
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


def eigh(
    values: Sequence[Any], results: Sequence[Any], *, lower: bool, vectors: bool, platform: str = "cpu"
) -> Kernel | Declined:
    """A kernel from the parts of matrices (batch, n, n) to eigenvalues and the parts of eigenvectors, if wanted."""
    if platform != "cpu":
        return Declined("an eigendecomposition on a GPU")
    try:
        inputs, outputs = ([tensor_of(t) for t in ts] for ts in ([v.type for v in values], results))
    except Unsupported as reason:
        return Declined(f"the eigendecomposition has {reason}")
    n = inputs[0].shape[-1]

    def write(bench: Workbench, x: Array, out: list[Array]) -> None:
        a, finite, scale = load_hermitian(bench, x, n, lower)
        form = reduce_hermitian(bench, a, n)
        sides = []
        if vectors:
            sides = [Tiles.take(bench, n, n)]
            accumulate(bench, form.reflectors, sides[0], n)
        converged = diagonalize(
            bench, form.d, form.e, n, sides,
            lambda low, high, sweeps, at: _qr_sweep(bench, form.d, form.e, low, high, sweeps, at),
        )  # fmt: skip
        good = ilogic(bench.b, "andi", finite, converged)
        write_results(bench, form.d, n, sides, out, good, scale)

    return batch_kernel("eigh", inputs, outputs, lanes_for(inputs[0].dtype, n), write)


# ---- loading -------------------------------------------------------------------------------------------


def load_hermitian(
    bench: Workbench, x: Array, n: int, lower: bool, reverse: bool = False
) -> tuple[Array, str, str]:
    """The whole matrix of which `x` holds a triangle, padded and scaled; whether it is finite; the scale (f64).

    With `reverse` it is of the matrix with rows and columns in reverse order that the lower triangle is read.
    """
    b, f, stride = bench.b, bench.scalars, bench.padded(n)
    a = bench.take((n + ROWS) * stride)
    bench.zero(a, (n + ROWS) * stride)
    r = f.real

    def row(i: str, carry: list[str]) -> list[str]:
        def element(j: str, carry: list[str]) -> list[str]:
            at = Index.of(i) * n + j if lower else Index.of(j) * n + i
            value = x.load(Index(n * n - 1) + at * -1 if reverse else at)
            value = value if lower else f.conj(value)
            a.store(value, Index.of(i) * stride + j)
            a.store(f.conj(value), Index.of(j) * stride + i)
            return [larger(r, carry[0], value)]

        size = b.loop((0, i, 1), element, [(carry[0], r.type)])[0]
        at = Index.of(i) * (n + 1)
        on = x.load(Index(n * n - 1) + at * -1 if reverse else at)[:1]
        a.part(0).store(on, Index.of(i) * (stride + 1))
        return [larger(r, size, on)]

    largest = b.loop((0, n, 1), row, [(r.constant(0.0), r.type)])[0]
    finite, scale, inverse = finite_scale(bench, r.convert(largest, "f64"))
    scale_rows(bench, a, n * stride, finite, inverse)
    return a, finite, scale


# ---- tridiagonal form ----------------------------------------------------------------------------------


class Tridiagonal:
    """Diagonal and off-diagonal (f64) of a reduced matrix, and the reflectors that reduced it."""

    def __init__(self, bench: Workbench, a: Array, n: int) -> None:
        self.d, self.e = bench.take(n + 1, "f64", 1), bench.take(n + 1, "f64", 1)
        self.reflectors = Reflectors(a, bench.padded(n), bench.take(n), n - 1, 1)


def reduce_hermitian(bench: Workbench, a: Array, n: int) -> Tridiagonal:
    """Reduces a matrix in place; afterwards its row j holds reflector j."""
    b, f, stride = bench.b, bench.scalars, bench.padded(n)
    form = Tridiagonal(bench, a, n)
    products, w = bench.take(stride), bench.take(stride)
    bench.zero(products, stride)
    bench.zero(w, stride)

    def step(j: str) -> None:
        row, old = a.at(Index.of(j) * stride), _row_before(bench, a, n, stride, j)
        low = bench.down(j)
        _update_row(bench, row, (f.neg(old.load(j)), f.neg(w.load(j))), (w, old), low, stride)
        form.d.store((f.real.convert(row.load(j)[0], "f64"),), j)
        when(b, icompare(b, "ult", j, n - 1), lambda: _reflect(bench, a, n, j, row, old, form, products, w))

    count(b, 0, n, step)
    return form


def _row_before(bench: Workbench, a: Array, n: int, stride: int, j: str) -> Array:
    """The row that holds the reflector before number j; before the first, a row of zeros."""
    b = bench.b
    first = icompare(b, "eq", j, 0)
    before = b.select(first, b.index(n), b.index(Index.of(j) + -1))
    return a.at(Index.of(before) * stride)


def _update_row(
    bench: Workbench, row: Array, by: tuple[Number, Number], rows: tuple[Array, Array], low: str, stride: int
) -> None:
    """`row += by[0] conj(rows[0]) + by[1] conj(rows[1])`."""
    f = bench.vectors
    factors = [f.splat(x) for x in by]

    def one(c: str) -> None:
        value = row.load(c, bench.lanes)
        for x, other in zip(factors, rows):
            value = f.add_product(value, other.load(c, bench.lanes), x, conjugate=True)
        row.store(value, c, bench.lanes)

    bench.each_vector(low, stride, one)


def _reflect(
    bench: Workbench, a: Array, n: int, j: str, row: Array, old: Array, form: Tridiagonal, products: Array, w: Array
) -> None:  # fmt: skip
    """Makes reflector j of row j, and the vector `w` by which it changes the rows behind: `A -= v w^H + w v^H`."""
    b, f, stride = bench.b, bench.scalars, bench.padded(n)
    first = b.index(Index.of(j) + 1)
    low = bench.down(first)
    alpha = f.conj(row.load(first))
    clear(bench, row, low, Index.of(first) + 1)
    beta, tau, factor = make_reflector(bench, alpha, bench.squares(row, low, stride))
    finish_reflector(bench, row, low, stride, first, factor, conjugate=True)
    form.e.store((beta,), j)
    form.reflectors.taus.store(tau, j)
    rows = ROWS // bench.parts
    count(b, first, n, lambda i: _pass(bench, a, i, rows, (row, old), w, low, stride, products), rows)
    # What the pass leaves in elements of `products` behind the last row is zero, but those before the first are old.
    clear(bench, products, low, first)
    v, vectors = row, bench.vectors

    def dot(c: str, total: list[Number]) -> list[Number]:
        return [vectors.add_product(total[0], products.load(c, bench.lanes), v.load(c, bench.lanes), conjugate=True)]

    (inner,) = bench.fold(low, stride, dot, [vectors.constant(0.0)], vectors)
    # With p = tau A v: w = p - (tau / 2) (p^H v) v. `products` holds A v.
    inner = f.mul(f.conj(tau), vectors.sum(inner))
    half = f.neg(f.scale(f.mul(tau, inner), f.real.constant(0.5)))
    by_p, by_v = vectors.splat(tau), vectors.splat(half)

    def one(c: str) -> None:
        p = vectors.mul(products.load(c, bench.lanes), by_p)
        w.store(vectors.add_product(p, v.load(c, bench.lanes), by_v), c, bench.lanes)

    bench.each_vector(low, stride, one)


def _pass(
    bench: Workbench, a: Array, i: str, rows: int, v: tuple[Array, Array], w: Array, low: str, stride: int,
    products: Array,
) -> None:  # fmt: skip
    """Applies the old reflector to rows from i on, and multiplies them with the new one."""
    b, f = bench.b, bench.vectors
    new, old = v
    places = [Index.of(b.index(Index.of(i) + k)) for k in range(rows)]
    by_w = [f.splat(f.scalars().neg(old.load(p))) for p in places]
    by_old = [f.splat(f.scalars().neg(w.load(p))) for p in places]
    lines = [a.at(p * stride) for p in places]

    def one(c: str, totals: list[Number]) -> list[Number]:
        w_here, old_here, new_here = (x.load(c, bench.lanes) for x in (w, old, new))
        result = []
        for k, line in enumerate(lines):
            value = line.load(c, bench.lanes)
            value = f.add_product(value, w_here, by_w[k], conjugate=True)
            value = f.add_product(value, old_here, by_old[k], conjugate=True)
            line.store(value, c, bench.lanes)
            result.append(f.add_product(totals[k], value, new_here))
        return result

    for place, total in zip(places, bench.fold(low, stride, one, [f.constant(0.0)] * rows, f)):
        products.store(f.sum(total), place)


# ---- diagonal form -------------------------------------------------------------------------------------


def _qr_sweep(bench: Workbench, d: Array, e: Array, low: str, high: str, sweeps: Sweeps, used: str) -> None:
    """One implicit QR step on rows `low` to `high`, shifted by the eigenvalue of the last two that is nearer."""
    b, r = bench.b, bench.wide
    before = Index.of(high) + -1
    d_high, e_last = d.load(high)[0], e.load(before)[0]
    half = r.div(r.sub(d.load(before)[0], d_high), r.mul(r.constant(2.0), e_last))
    root = r.sqrt(r.add(r.mul(half, half), r.constant(1.0)))
    shift = r.sub(d_high, r.div(e_last, r.add(half, r.copysign(root, half))))
    start = r.sub(d.load(low)[0], shift)
    move = b.binary("arith.subi", used, low)

    def rotate(i: str, carry: list[str]) -> list[str]:
        g, s, c, p = carry
        at = e.load(i)[0]
        f, rest = r.mul(s, at), r.mul(c, at)
        c, s, size = rotation(b, g, f)
        when(b, icompare(b, "ne", i, low), lambda: e.store((size,), Index.of(i) + -1))
        g = r.sub(d.load(i)[0], p)
        step = r.add(r.mul(r.sub(d.load(Index.of(i) + 1)[0], g), s), r.mul(r.mul(r.constant(2.0), c), rest))
        p = r.mul(s, step)
        d.store((r.add(g, p),), i)
        sweeps.note(b.index(Index.of(i) + move), [(c, s)] * len(sweeps.sides))
        return [r.sub(r.mul(c, step), rest), s, c, p]

    one = r.constant(1.0)
    carry = [(start, "f64"), (one, "f64"), (one, "f64"), (r.constant(0.0), "f64")]
    g, _, _, p = b.loop((low, high, 1), rotate, carry)
    d.store((r.sub(d.load(high)[0], p),), high)
    e.store((g,), before)


# ---- results -------------------------------------------------------------------------------------------


def write_results(
    bench: Workbench, d: Array, n: int, sides: list[Tiles], out: list[Array], good: str, scale: str
) -> None:
    """Writes eigenvalues and eigenvectors in order, or NaN."""
    b, r = bench.b, bench.wide
    by, keep = r.select(good, scale, r.constant(float("nan"))), keep_or_nan(bench, good)

    def one(i: str) -> None:
        place = rank(bench, d, n, i)
        out[0].store((r.convert(r.mul(d.load(i)[0], by), bench.dtype),), place)
        for tiles in sides:
            write_vector(bench, tiles, i, out[1:], (Index.of(place), n), keep, conjugate=False)

    count(b, 0, n, one)
