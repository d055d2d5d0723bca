"""Eigenvalues and eigenvectors of general matrices, each matrix of a batch in one go.

After the Schur decomposition (`schur.py`), a real matrix's 2 by 2 blocks are made triangular by complex rotations.
Eigenvectors of the triangular matrix come from substitution, right ones backwards and left ones forwards; equal
eigenvalues are told apart by the rounding unit, and growing solutions are scaled down, as LAPACK does. Multiplied with
the Schur vectors they are the eigenvectors; they get norm 1 and a real largest element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from axil.compiler.kernels.implicit_qr import keep_or_nan
from axil.compiler.kernels.kernel import Declined, Kernel, Unsupported, tensor_of
from axil.compiler.kernels.planes import Array, Field, Number, Real, count, when
from axil.compiler.kernels.rotations import Tiles
from axil.compiler.kernels.schur import SchurForm
from axil.compiler.kernels.text import Index
from axil.compiler.kernels.workbench import Workbench, batch_kernel, lanes_for

LARGE = 2.0**20
"""A solution with a larger element is scaled down."""


def eig(values: Sequence[Any], results: Sequence[Any], *, vectors: bool, platform: str = "cpu") -> Kernel | Declined:
    """A kernel from the parts of matrices (batch, n, n) to those of eigenvalues, and of left and right eigenvectors."""
    if platform != "cpu":
        return Declined("an eigendecomposition on a GPU")
    try:
        inputs, outputs = ([tensor_of(t) for t in ts] for ts in ([v.type for v in values], results))
    except Unsupported as reason:
        return Declined(f"the eigendecomposition has {reason}")
    n = inputs[0].shape[-1]

    def write(bench: Workbench, x: Array, out: list[Array]) -> None:
        form = SchurForm.of(bench, x, n, vectors)
        work = Triangular.of(bench, form, n)
        work.write_values(out[:2])
        if vectors:
            count(bench.b, 0, n, lambda k: work.left(k, out[2:4]))
            count(bench.b, 0, n, lambda k: work.right(k, out[4:]))

    return batch_kernel("eig", inputs, outputs, lanes_for(inputs[0].dtype, n), write)


@dataclass
class Triangular:
    """A complex Schur form, and what eigenvectors are made in."""

    bench: Workbench
    real_input: bool
    n: int
    t: Array
    z: Tiles | None
    stride: int
    scale: str
    good: str
    solution: Array
    sums: Array
    product: Array

    @staticmethod
    def of(bench: Workbench, form: SchurForm, n: int) -> Triangular:
        """The complex Schur form of a matrix from its Schur form, which for real ones may have blocks."""
        complex_ = replace(bench, parts=2)  # one list of sizes serves both
        stride = form.stride
        room = [complex_.take(size) for size in (stride, stride, form.n + 2 * bench.lanes)]
        whole = Triangular(complex_, bench.parts == 1, n, form.h, form.z, stride, form.scale, form.good, *room)
        if bench.parts == 1:
            whole.t = _with_imaginary(complex_, form.h, (n + 1) * stride)
            if form.z is not None:
                size = form.z.count * form.z.keys * form.z.width
                whole.z = replace(form.z, bench=complex_, array=_with_imaginary(complex_, form.z.array, size))
            whole.split_blocks()
        return whole

    def at(self, i: Index | str, j: Index | str) -> Index:
        """The place of an element of the triangular matrix."""
        return Index.of(i) * self.stride + j

    # ---- 2 by 2 blocks ---------------------------------------------------------------------------------

    def split_blocks(self) -> None:
        """Makes blocks ((a, b), (c, a)), with eigenvalues a + i m and a - i m, triangular."""
        b = self.bench.b

        def one(k: str) -> None:
            after = b.index(Index.of(k) + 1)
            c = self.t.load(self.at(after, k))[0]
            element = Real(b, self.bench.dtype)
            when(b, element.compare("une", c, element.constant(0.0)), lambda: self.split(k, after))

        count(b, 0, self.n - 1, one)

    def split(self, k: str, after: str) -> None:
        """Rotates rows and columns k and k + 1, whose block is one of a pair."""
        r, f = self.bench.wide, self.bench.scalars
        a, up, c = (f.real.convert(self.t.load(self.at(i, j))[0], "f64") for i, j in ((k, k), (k, after), (after, k)))
        m = r.sqrt(r.mul(r.abs(up), r.abs(c)))
        size = r.sqrt(r.add(r.mul(m, m), r.mul(c, c)))
        # An eigenvector, (i m, c), and what is orthogonal to it, (-c, -i m).
        m_unit, c_unit = (r.convert(r.div(v, size), self.bench.dtype) for v in (m, c))
        none = f.real.constant(0.0)
        vector, other = ((none, m_unit), (c_unit, none)), ((f.real.neg(c_unit), none), (none, f.real.neg(m_unit)))
        self._combine_rows(k, after, [[f.conj(v) for v in pair] for pair in (vector, other)])
        self._combine_columns(k, after, (vector, other))
        mean, apart = (r.convert(v, self.bench.dtype) for v in (a, m))
        self.t.store((mean, apart), self.at(k, k))
        self.t.store((mean, f.real.neg(apart)), self.at(after, after))
        self.t.store((none, none), self.at(after, k))

    def _combine_rows(self, k: str, after: str, by: Any) -> None:
        """Row k becomes `by[0][0] row + by[0][1] next`, the next one likewise with `by[1]`."""
        bench, f = self.bench, self.bench.vectors
        first, second = (self.t.at(Index.of(i) * self.stride) for i in (k, after))
        factors = [[f.splat(v) for v in pair] for pair in by]

        def one(c: str) -> None:
            p, q = first.load(c, bench.lanes), second.load(c, bench.lanes)
            for target, (x, y) in zip((first, second), factors):
                target.store(f.add_product(f.mul(p, x), q, y), c, bench.lanes)

        bench.each_vector(bench.down(k), self.stride, one)

    def _combine_columns(self, k: str, after: str, by: Any) -> None:
        """The same of the columns of the triangular matrix and of Z."""
        b, f, z = self.bench.b, self.bench.scalars, self.z

        def element(i: str) -> None:
            p, q = self.t.load(self.at(i, k)), self.t.load(self.at(i, after))
            for place, (x, y) in zip((k, after), by):
                self.t.store(f.add_product(f.mul(p, x), q, y), self.at(i, place))

        count(b, 0, b.index(Index.of(after) + 1), element)
        if z is None:
            return
        width = z.width
        lanes = Field(Real(b, self.bench.dtype, width), 2)

        def tile(t: str) -> None:
            rows = z.array.at(Index.of(t) * (z.keys * width))
            places = [Index.of(i) * width for i in (k, after)]
            p, q = (rows.load(place, width) for place in places)
            for place, (x, y) in zip(places, by):
                rows.store(lanes.add_product(lanes.mul(p, lanes.splat(x)), q, lanes.splat(y)), place, width)

        count(b, 0, z.count, tile)

    # ---- results ---------------------------------------------------------------------------------------

    def write_values(self, out: list[Array]) -> None:
        """The diagonal, in the scale of the matrix; NaN where there is no result."""
        b, r, f = self.bench.b, self.bench.wide, self.bench.scalars
        by = r.select(self.good, self.scale, r.constant(float("nan")))

        def one(k: str) -> None:
            for part, target in zip(f.convert(self.t.load(self.at(k, k)), "f64"), out):
                target.store((r.convert(r.mul(part, by), self.bench.dtype),), k)

        count(b, 0, self.n, one)

    def right(self, k: str, out: list[Array]) -> None:
        """The right eigenvector of eigenvalue k: `(T - t) x = 0`, from element k backwards."""
        bench, b, vectors = self.bench, self.bench.b, self.bench.vectors
        x = self.solution
        bench.zero(x, self.stride)
        end = b.index(Index.of(bench.down(k)) + bench.lanes)

        def element(step: str) -> None:
            i = b.binary("arith.subi", b.binary("arith.subi", k, step), b.index(1))
            row = self.t.at(Index.of(i) * self.stride)

            def dot(c: str, carry: list[str]) -> list[str]:
                return list(vectors.add_product(tuple(carry), row.load(c, bench.lanes), x.load(c, bench.lanes)))

            starts = [(p, vectors.real.type) for p in vectors.constant(0.0)]
            low = bench.down(b.index(Index.of(i) + 1))
            total = vectors.sum(tuple(b.loop((low, end, bench.lanes), dot, starts)))
            self.solve(k, i, total, [x], (low, end))

        x.store(bench.scalars.constant(1.0), k)
        count(b, 0, k, element)
        self.write_vector(k, (b.index(0), b.index(Index.of(k) + 1)), out)

    def left(self, k: str, out: list[Array]) -> None:
        """The left eigenvector of eigenvalue k: `y^H (T - t) = 0`, from element k forwards."""
        bench, b, vectors = self.bench, self.bench.b, self.bench.vectors
        x, sums = self.solution, self.sums
        bench.zero(x, self.stride)
        bench.zero(sums, self.stride)

        def add_row(i: str, by: Number) -> None:
            row, factor = self.t.at(Index.of(i) * self.stride), vectors.splat(by)

            def one(c: str) -> None:
                sums.store(vectors.add_product(sums.load(c, bench.lanes), row.load(c, bench.lanes), factor), c,
                           bench.lanes)  # fmt: skip

            bench.each_vector(bench.down(i), self.stride, one)

        def element(i: str) -> None:
            self.solve(k, i, sums.load(i), [x, sums], (b.index(0), b.index(self.stride)))
            add_row(i, x.load(i))

        first = bench.scalars.constant(1.0)
        x.store(first, k)
        add_row(k, first)
        count(b, b.index(Index.of(k) + 1), self.n, element)
        count(b, k, self.n, lambda i: x.store(bench.scalars.conj(x.load(i)), i))
        self.write_vector(k, (k, b.index(self.n)), out)

    def solve(self, k: str, i: str, total: Number, scaled: list[Array], limits: tuple[str, str]) -> None:
        """Element i of the solution is `-total / (t_ii - t_kk)`; `scaled` is divided by it if it is large."""
        bench, b, r, f = self.bench, self.bench.b, self.bench.wide, self.bench.scalars
        wide = Field(r, 2)
        mine, other = (f.convert(self.t.load(self.at(j, j)), "f64") for j in (k, i))
        gap = wide.sub(other, mine)
        unit = 2.0**-23 if bench.dtype == "f32" else 2.0**-52
        least = r.max(r.mul(r.add(r.abs(mine[0]), r.abs(mine[1])), r.constant(unit)), r.constant(unit * 2.0**-20))
        near = r.compare("olt", r.add(r.abs(gap[0]), r.abs(gap[1])), least)
        gap = wide.select(near, (least, r.constant(0.0)), gap)
        square = r.add(r.mul(gap[0], gap[0]), r.mul(gap[1], gap[1]))
        value = wide.mul(f.convert(total, "f64"), wide.conj(gap))
        value = wide.scale(value, r.div(r.constant(-1.0), square))
        size = r.max(r.abs(value[0]), r.abs(value[1]))
        large = r.compare("ogt", size, r.constant(LARGE))
        by = r.div(r.constant(1.0), r.select(large, size, r.constant(1.0)))

        def shrink() -> None:
            vectors = bench.vectors
            factor = vectors.real.splat(r.convert(by, bench.dtype))
            for array in scaled:

                def one(c: str, array: Array = array) -> None:
                    array.store(vectors.scale(array.load(c, bench.lanes), factor), c, bench.lanes)

                count(b, *limits, one, bench.lanes)

        when(b, large, shrink)
        self.solution.store(wide.convert(wide.scale(value, by), bench.dtype), i)

    def write_vector(self, k: str, limits: tuple[str, str], out: list[Array]) -> None:
        """Z times the solution, whose elements are zero outside `limits`, normalised."""
        assert self.z is not None
        bench, b, r, z, width = self.bench, self.bench.b, self.bench.wide, self.z, self.z.width
        f, scalars = Field(Real(b, bench.dtype, width), 2), bench.scalars
        x, result = self.solution, self.product

        def tile(t: str) -> None:
            rows = z.array.at(Index.of(t) * (z.keys * width))

            def add(i: str, carry: list[str]) -> list[str]:
                return list(f.add_product(tuple(carry), rows.load(Index.of(i) * width, width), f.splat(x.load(i))))

            starts = [(p, f.real.type) for p in f.constant(0.0)]
            result.store(tuple(b.loop((*limits, 1), add, starts)), Index.of(t) * width, width)

        count(b, 0, z.count, tile)

        def measure(i: str, carry: list[str]) -> list[str]:
            total, largest, re, im = carry
            value = scalars.convert(result.load(i), "f64")
            square = r.add(r.mul(value[0], value[0]), r.mul(value[1], value[1]))
            more = r.compare("ogt", square, largest)
            return [
                r.add(total, square), r.select(more, square, largest), r.select(more, value[0], re),
                r.select(more, value[1], im),
            ]  # fmt: skip

        zero = r.constant(0.0)
        total, largest, re, im = b.loop((0, self.n, 1), measure, [(zero, "f64")] * 4)
        size = r.sqrt(r.mul(total, largest))
        safe = r.select(r.compare("ogt", size, zero), size, r.constant(1.0))
        by = scalars.real
        keep = keep_or_nan(bench, self.good)
        # conj(largest element) / |it| turns it real; divided by the norm.
        factor = tuple(r.convert(r.div(p, safe), bench.dtype) for p in (re, r.neg(im)))
        # The vectors of a real matrix's real eigenvalues are real.
        real = by.constant(1.0)
        if self.real_input:
            on = self.t.load(self.at(k, k))[1]
            real = by.select(by.compare("une", on, by.constant(0.0)), by.constant(1.0), by.constant(0.0))

        def write(i: str) -> None:
            value = scalars.mul(result.load(i), factor)
            out[0].store((by.mul(value[0], keep),), Index.of(i) * self.n + k)
            out[1].store((by.mul(by.mul(value[1], real), keep),), Index.of(i) * self.n + k)

        count(b, 0, self.n, write)


def _with_imaginary(bench: Workbench, array: Array, size: int) -> Array:
    """A copy of real scratch space as complex numbers."""
    result = bench.take(size)
    zero = Real(bench.b, bench.dtype, 4).constant(0.0)
    count(bench.b, 0, -(-size // 4) * 4, lambda i: result.store((*array.load(i, 4), zero), i, 4), 4)
    return result
