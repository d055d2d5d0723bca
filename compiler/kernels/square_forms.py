"""Reductions of square matrices by reflectors: to tridiagonal and to Hessenberg form, packed as LAPACK packs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.compiler.kernels.eigh import load_hermitian, reduce_hermitian
from axil.compiler.kernels.implicit_qr import keep_or_nan
from axil.compiler.kernels.kernel import Declined, Kernel, Unsupported, tensor_of
from axil.compiler.kernels.planes import Array, Number, Real, choose, count, icompare
from axil.compiler.kernels.reflectors import clear, finish_reflector, finite_scale, larger, make_reflector, scale_rows
from axil.compiler.kernels.rotations import Reflectors
from axil.compiler.kernels.text import Index
from axil.compiler.kernels.workbench import ROWS, Workbench, batch_kernel, lanes_for


def tridiagonal(
    values: Sequence[Any], results: Sequence[Any], *, lower: bool, platform: str = "cpu"
) -> Kernel | Declined:
    """A kernel from the parts of matrices (batch, n, n) to the packed form, its two diagonals and `taus`."""
    if platform != "cpu":
        return Declined("a reduction to tridiagonal form on a GPU")
    try:
        inputs, outputs = ([tensor_of(t) for t in ts] for ts in ([v.type for v in values], results))
    except Unsupported as reason:
        return Declined(f"the reduction has {reason}")
    n, parts = inputs[0].shape[-1], len(inputs)

    def write(bench: Workbench, x: Array, out: list[Array]) -> None:
        # The upper triangle is reduced from its end: that is the lower one of the matrix reversed, and all of its
        # results are reversed too.
        a, finite, scale = load_hermitian(bench, x, n, True, reverse=not lower)
        form = reduce_hermitian(bench, a, n)
        diagonals = out[parts : parts + 2] if n > 1 else [out[parts], None]
        taus = out[parts + 2 :] if n > 1 else []
        _write_tridiagonal(bench, x, n, form, (out[:parts], diagonals, taus), finite, scale, not lower)

    return batch_kernel("tridiagonal", inputs, outputs, lanes_for(inputs[0].dtype, n), write)


def _write_tridiagonal(
    bench: Workbench, x: Array, n: int, form: Any, out: Any, finite: str, scale: str, reverse: bool
) -> None:
    """Writes all results, or NaN."""
    b, r, f = bench.b, bench.wide, bench.scalars
    keep, by = keep_or_nan(bench, finite), r.select(finite, scale, r.constant(float("nan")))
    packed, diagonals, taus = out

    def at(i: str, size: int) -> Index:
        return Index(size - 1) + Index.of(i) * -1 if reverse else Index.of(i)

    def put(value: Number, i: str, j: str) -> None:
        place = b.index(at(i, n) * n + at(j, n))
        for part, target in zip(f.scale(value, keep), packed):
            target.store((part,), place)

    def real(value: str) -> Number:
        return (r.convert(r.mul(value, by), bench.dtype), *f.constant(0.0)[1:])

    def row(i: str) -> None:
        d = real(form.d.load(i)[0])
        put(d, i, i)
        diagonals[0].store(d[:1], b.index(at(i, n)))
        after = b.index(Index.of(i) + 1)
        count(b, after, n, lambda j: put(x.load(at(i, n) * n + at(j, n)), i, j))
        reflector = form.reflectors.rows.at(Index.of(i) * form.reflectors.stride)
        count(b, b.index(Index.of(i) + 2), n, lambda j: put(reflector.load(j), j, i))

    def off(i: str) -> None:
        e = real(form.e.load(i)[0])
        put(e, b.index(Index.of(i) + 1), i)
        diagonals[1].store(e[:1], b.index(at(i, n - 1)))
        for part, target in zip(f.scale(form.reflectors.taus.load(i), keep), taus):
            target.store((part,), b.index(at(i, n - 1)))

    count(b, 0, n, row)
    if n > 1:
        count(b, 0, n - 1, off)


# ---- Hessenberg form -----------------------------------------------------------------------------------


def hessenberg(values: Sequence[Any], results: Sequence[Any], *, platform: str = "cpu") -> Kernel | Declined:
    """A kernel from the parts of matrices (batch, n, n) to the packed form and `taus`."""
    if platform != "cpu":
        return Declined("a reduction to Hessenberg form on a GPU")
    try:
        inputs, outputs = ([tensor_of(t) for t in ts] for ts in ([v.type for v in values], results))
    except Unsupported as reason:
        return Declined(f"the reduction has {reason}")
    n, parts = inputs[0].shape[-1], len(inputs)

    def write(bench: Workbench, x: Array, out: list[Array]) -> None:
        a, finite, scale = load_square(bench, x, n)
        reflectors = reduce_square(bench, a, n)
        b, f, stride = bench.b, bench.scalars, bench.padded(n)
        keep = keep_or_nan(bench, finite)
        by = bench.wide.select(finite, scale, bench.wide.constant(float("nan")))
        wide = Real(b, bench.dtype)

        def element(i: str, j: str) -> None:
            below = icompare(b, "ugt", i, Index.of(j) + 1)

            def scaled() -> list[str]:
                value = a.load(Index.of(i) * stride + j)
                return [bench.wide.convert(bench.wide.mul(wide.convert(p, "f64"), by), bench.dtype) for p in value]

            def kept() -> list[str]:
                return list(f.scale(reflectors.rows.load(Index.of(j) * stride + i), keep))

            for part, target in zip(choose(b, below, f.types, kept, scaled), out[:parts]):
                target.store((part,), Index.of(i) * n + j)

        def tau(i: str) -> None:
            for part, target in zip(f.scale(reflectors.taus.load(i), keep), out[parts:]):
                target.store((part,), i)

        count(b, 0, n, lambda i: count(b, 0, n, lambda j: element(i, j)))
        if n > 1:
            count(b, 0, n - 1, tau)

    return batch_kernel("hessenberg", inputs, outputs, lanes_for(inputs[0].dtype, n), write)


def load_square(bench: Workbench, x: Array, n: int) -> tuple[Array, str, str]:
    """The matrix, padded and scaled; whether it is finite; the scale (f64)."""
    b, r, stride = bench.b, bench.scalars.real, bench.padded(n)
    a = bench.take((n + ROWS) * stride)
    bench.zero(a, (n + ROWS) * stride)

    def row(i: str, carry: list[str]) -> list[str]:
        def element(j: str, carry: list[str]) -> list[str]:
            value = x.load(Index.of(i) * n + j)
            a.store(value, Index.of(i) * stride + j)
            return [larger(r, carry[0], value)]

        return b.loop((0, n, 1), element, [(carry[0], r.type)])

    largest = b.loop((0, n, 1), row, [(r.constant(0.0), r.type)])[0]
    finite, scale, inverse = finite_scale(bench, r.convert(largest, "f64"))
    scale_rows(bench, a, n * stride, finite, inverse)
    return a, finite, scale


def reduce_square(bench: Workbench, a: Array, n: int) -> Reflectors:
    """Reduces a matrix to Hessenberg form, with zeros below the subdiagonal, in place; gives the reflectors."""
    b, stride = bench.b, bench.padded(n)
    rows, y = bench.take((n + 1) * stride), bench.take(stride)
    bench.zero(rows, (n + 1) * stride)
    reflectors = Reflectors(rows, stride, bench.take(n), n - 1, 1)
    if n > 1:
        count(b, 0, n - 1, lambda j: _reduce_column(bench, a, n, j, reflectors, y))
    return reflectors


def _reduce_column(bench: Workbench, a: Array, n: int, j: str, reflectors: Reflectors, y: Array) -> None:
    """Makes column j zero below the subdiagonal: `A = H^H A H`."""
    b, stride = bench.b, bench.padded(n)
    f, vectors = bench.scalars, bench.vectors
    v, first = reflectors.rows.at(Index.of(j) * stride), b.index(Index.of(j) + 1)
    low = bench.down(first)
    count(b, first, n, lambda i: v.store(a.load(Index.of(i) * stride + j), i))
    alpha = v.load(first)
    clear(bench, v, first, Index.of(first) + 1)
    beta, tau, factor = make_reflector(bench, alpha, bench.squares(v, low, stride))
    finish_reflector(bench, v, low, stride, first, factor, conjugate=False)
    reflectors.taus.store(tau, j)
    bench.each_vector(low, stride, lambda c: y.store(vectors.constant(0.0), c, bench.lanes))

    def right(i: str) -> None:
        """`row = row (I - tau v v^H)`."""
        row = a.at(Index.of(i) * stride)

        def dot(c: str, total: list[Number]) -> list[Number]:
            return [vectors.add_product(total[0], row.load(c, bench.lanes), v.load(c, bench.lanes))]

        (total,) = bench.fold(low, stride, dot, [vectors.constant(0.0)], vectors)
        by = vectors.splat(f.neg(f.mul(tau, vectors.sum(total))))

        def one(c: str) -> None:
            value = row.load(c, bench.lanes)
            row.store(vectors.add_product(value, v.load(c, bench.lanes), by, conjugate=True), c, bench.lanes)

        bench.each_vector(low, stride, one)

    def right_and_gather(i: str) -> None:
        right(i)
        row, by = a.at(Index.of(i) * stride), vectors.splat(v.load(i))

        def one(c: str) -> None:
            total = vectors.add_product(y.load(c, bench.lanes), by, row.load(c, bench.lanes), conjugate=True)
            y.store(total, c, bench.lanes)

        bench.each_vector(low, stride, one)

    def left(i: str) -> None:
        row = a.at(Index.of(i) * stride)
        by = vectors.splat(f.neg(f.mul(f.conj(tau), v.load(i))))

        def one(c: str) -> None:
            row.store(vectors.add_product(row.load(c, bench.lanes), y.load(c, bench.lanes), by), c, bench.lanes)

        bench.each_vector(low, stride, one)

    count(b, 0, first, right)
    count(b, first, n, right_and_gather)
    count(b, first, n, left)
    zero = f.constant(0.0)
    count(b, first, n, lambda i: a.store(zero, Index.of(i) * stride + j))
    a.store((bench.wide.convert(beta, bench.dtype), *zero[1:]), Index.of(first) * stride + j)
