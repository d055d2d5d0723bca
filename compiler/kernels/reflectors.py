"""Making Householder reflectors in kernels, and what comes before: scaling a matrix."""

from __future__ import annotations

from axil.compiler.kernels.planes import Array, Field, Number, Real, count
from axil.compiler.kernels.text import Builder, Index
from axil.compiler.kernels.workbench import Workbench

NEGLIGIBLE = 1e-250
"""A squared norm below this is nothing beside the matrix, which is scaled to a largest element near 1."""


def power_of_two(b: Builder, size: str) -> tuple[str, str]:
    """The power of two below an f64, and its reciprocal: multiplying with them is exact. Of zero, tiny ones."""
    r = Real(b, "f64")
    inside = r.min(r.max(size, r.constant(2.0**-1000)), r.constant(2.0**1000))
    bits = b.op(f"arith.bitcast {inside} : f64 to i64")
    exponent = b.binary("arith.andi", bits, b.op("arith.constant 9218868437227405312 : i64"), "i64")
    power = b.op(f"arith.bitcast {exponent} : i64 to f64")
    return power, r.div(r.constant(1.0), power)


def finite_scale(bench: Workbench, largest: str) -> tuple[str, str, str]:
    """From the largest size in a matrix (NaN where there is one): whether all is finite, a scale, its reciprocal."""
    r = bench.wide
    finite = r.compare("olt", largest, r.constant(float("inf")))
    power, inverse = power_of_two(bench.b, r.select(finite, largest, r.constant(1.0)))
    return finite, power, inverse


def larger(r: Real, size: str, value: Number) -> str:
    """The larger one of a size and those of the parts of a number; NaN wins."""
    for part in value:
        size = r.max(size, r.abs(part))
    return size


def scale_rows(bench: Workbench, a: Array, size: int, finite: str, inverse: str) -> None:
    """Scales `size` numbers in place; to zero where the matrix is not finite."""
    f = Real(bench.b, bench.dtype, bench.lanes)
    wide = Real(bench.b, "f64", bench.lanes)
    by, zero = wide.splat(inverse), f.constant(0.0)

    def one(i: str) -> None:
        values = (wide.mul(f.convert(v, "f64"), by) for v in a.load(i, bench.lanes))
        a.store(tuple(f.select(finite, wide.convert(v, bench.dtype), zero) for v in values), i, bench.lanes)

    count(bench.b, 0, size, one, bench.lanes)


def make_reflector(bench: Workbench, alpha: Number, rest: str, wide: bool = False) -> tuple[str, Number, Number]:
    """LAPACK's larfg of a vector with first element `alpha` and `rest`, the squared norm (f64) of the others.

    Gives `beta` (f64), `tau`, and the factor that makes `v` of the others. With `wide`, all of them are f64.
    """
    r = bench.wide
    field = Field(r, bench.parts)
    head = alpha if wide else bench.scalars.convert(alpha, "f64")
    outside = rest if bench.parts == 1 else r.add(rest, r.mul(head[1], head[1]))
    nothing = r.compare("ole", outside, r.constant(NEGLIGIBLE))
    size = r.sqrt(r.add(outside, r.mul(head[0], head[0])))
    beta = r.neg(r.copysign(size, head[0]))
    one, zero = r.constant(1.0), field.constant(0.0)
    above = field.sub((beta, *zero[1:]), head)
    tau = field.scale(above, r.div(one, r.select(nothing, one, beta)))
    squared = r.mul(above[0], above[0])
    if bench.parts == 2:
        squared = r.add(squared, r.mul(above[1], above[1]))
    factor = field.scale(field.conj(above), r.div(r.constant(-1.0), r.select(nothing, one, squared)))
    dtype = "f64" if wide else bench.dtype
    tau, factor = (field.convert(field.select(nothing, zero, x), dtype) for x in (tau, factor))
    return r.select(nothing, head[0], beta), tau, factor


def finish_reflector(
    bench: Workbench, row: Array, low: str, size: int, first: str, factor: Number, conjugate: bool
) -> None:
    """Makes `v` of the elements behind `first` of a row whose others are zero: scaled, and 1 at `first`."""
    f = bench.vectors
    by = f.splat(factor)

    def one(i: str) -> None:
        x = row.load(i, bench.lanes)
        row.store(f.mul(f.conj(x) if conjugate else x, by), i, bench.lanes)

    bench.each_vector(low, size, one)
    row.store(bench.scalars.constant(1.0), first)


def clear(bench: Workbench, row: Array, low: str, high: Index | str) -> None:
    """Writes zeros to elements `low` to `high - 1` of a row."""
    zero = bench.scalars.constant(0.0)
    count(bench.b, low, bench.b.index(high), lambda i: row.store(zero, i))
