"""Numbers in kernels on matrices: real ones, or complex ones as two planes.

A complex array is two real ones, its planes; so a number is a tuple of one or two SSA values, scalars or vectors. Code
that is written on numbers serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axil.compiler.kernels.text import Builder, lanes_type

Number = tuple[str, ...]
"""The planes of a number: one SSA value, or those of the real and the imaginary part."""

_NAN = {"f32": "0x7FC00000", "f64": "0x7FF8000000000000"}


@dataclass(frozen=True)
class Arithmetic:
    """Code for operations on numbers of one type. `lanes` is None for scalars."""

    b: Builder
    dtype: str
    planes: int = 1

    def type(self, lanes: int | None = None) -> str:
        """The type of a plane."""
        return lanes_type(self.dtype, lanes)

    def real(self, value: float, lanes: int | None = None) -> str:
        """A constant plane."""
        return self.b.constant(f"{float(value):e}", self.dtype, lanes)

    def nan(self) -> str:
        """A NaN."""
        return self.b.op(f"arith.constant {_NAN[self.dtype]} : {self.dtype}")

    def constant(self, value: float, lanes: int | None = None) -> Number:
        """A real constant."""
        return (self.real(value, lanes), *[self.real(0, lanes)] * (self.planes - 1))

    def each(self, op: str, *numbers: Number, lanes: int | None = None) -> Number:
        """An op on each plane."""
        return tuple(self.b.op(f"{op} {', '.join(planes)} : {self.type(lanes)}") for planes in zip(*numbers))

    def add(self, x: Number, y: Number, lanes: int | None = None) -> Number:
        """x + y."""
        return self.each("arith.addf", x, y, lanes=lanes)

    def sub(self, x: Number, y: Number, lanes: int | None = None) -> Number:
        """x - y."""
        return self.each("arith.subf", x, y, lanes=lanes)

    def conj(self, x: Number, lanes: int | None = None) -> Number:
        """The complex conjugate."""
        return (x[0], self.b.op(f"arith.negf {x[1]} : {self.type(lanes)}")) if self.planes == 2 else x

    def scaled(self, x: Number, factor: str, lanes: int | None = None) -> Number:
        """A number times a real plane."""
        return tuple(self.b.binary("arith.mulf", p, factor, self.type(lanes)) for p in x)

    def mul(self, x: Number, y: Number, lanes: int | None = None, conj: bool = False) -> Number:
        """x * y, of the conjugate of x if `conj`."""
        b, t = self.b, self.type(lanes)
        if self.planes == 1:
            return (b.binary("arith.mulf", x[0], y[0], t),)
        rr, ii, ri, ir = (b.binary("arith.mulf", x[i], y[j], t) for i, j in ((0, 0), (1, 1), (0, 1), (1, 0)))
        signs = ("arith.addf", "arith.subf") if conj else ("arith.subf", "arith.addf")
        return b.binary(signs[0], rr, ii, t), b.binary(signs[1], ri, ir, t)

    def plus_product(
        self, total: Number, x: Number, y: Number, lanes: int | None = None, conj: bool = False, minus: bool = False
    ) -> Number:
        """`total + x * y`, or `total - x * y`, of the conjugate of x if `conj`; fused where the processor can."""
        if self.planes == 1:
            return (self._fused(total[0], x[0], y[0], lanes, minus),)
        real = self._fused(total[0], x[0], y[0], lanes, minus)
        real = self._fused(real, x[1], y[1], lanes, minus == conj)
        imag = self._fused(total[1], x[0], y[1], lanes, minus)
        return real, self._fused(imag, x[1], y[0], lanes, minus != conj)

    def _fused(self, total: str, x: str, y: str, lanes: int | None, minus: bool) -> str:
        t = self.type(lanes)
        product = self.b.op(f"arith.mulf {x}, {y} fastmath<contract> : {t}")
        return self.b.op(f"arith.{'subf' if minus else 'addf'} {total}, {product} fastmath<contract> : {t}")

    def div(self, x: Number, y: Number) -> Number:
        """x / y of scalars."""
        if self.planes == 1:
            return (self.b.binary("arith.divf", x[0], y[0], self.dtype),)
        return self.mul(x, self.reciprocal(y))

    def reciprocal(self, x: Number) -> Number:
        """1 / x of a scalar; of complex numbers by the larger part (Smith 1962), so that nothing overflows early."""
        b, t = self.b, self.dtype
        if self.planes == 1:
            return (b.binary("arith.divf", self.real(1), x[0], t),)
        sizes = [b.op(f"math.absf {p} : {t}") for p in x]
        flat = b.binary("arith.cmpf oge,", sizes[0], sizes[1], t)
        large, small = b.select(flat, x[0], x[1], t), b.select(flat, x[1], x[0], t)
        zero = b.binary("arith.cmpf oeq,", large, self.real(0), t)
        ratio = b.binary("arith.divf", small, large, t)
        ratio = b.select(zero, self.real(0), ratio, t)
        scale = b.binary("arith.addf", large, b.binary("arith.mulf", small, ratio, t), t)
        first = b.binary("arith.divf", self.real(1), scale, t)
        second = b.binary("arith.divf", ratio, scale, t)
        second = b.select(zero, self.real(0), second, t)
        real, imag = b.select(flat, first, second, t), b.select(flat, second, first, t)
        return real, b.op(f"arith.negf {imag} : {t}")

    def size(self, x: Number) -> str:
        """The sum of the absolute values of the planes, by which pivots are compared."""
        parts = [self.b.op(f"math.absf {p} : {self.dtype}") for p in x]
        return parts[0] if len(parts) == 1 else self.b.binary("arith.addf", parts[0], parts[1], self.dtype)

    def is_zero(self, x: Number) -> str:
        """Whether a scalar is zero."""
        tests = [self.b.binary("arith.cmpf oeq,", p, self.real(0), self.dtype) for p in x]
        return tests[0] if len(tests) == 1 else self.b.binary("arith.andi", tests[0], tests[1], "i1")

    def select(self, condition: str, x: Number, y: Number, lanes: int | None = None) -> Number:
        """One of two numbers, by a scalar condition."""
        return tuple(self.b.select(condition, p, q, self.type(lanes)) for p, q in zip(x, y))

    def masked(self, mask: str, x: Number, lanes: int) -> Number:
        """The lanes of a vector where a mask is set; zero elsewhere."""
        zero, mask_type = self.real(0, lanes), f"vector<{lanes}xi1>"
        return tuple(self.b.op(f"arith.select {mask}, {p}, {zero} : {mask_type}, {self.type(lanes)}") for p in x)

    def spread(self, x: Number, lanes: int) -> Number:
        """A scalar as a vector."""
        return tuple(self.b.op(f"vector.broadcast {p} : {self.dtype} to {self.type(lanes)}") for p in x)

    def carry(self, numbers: Sequence[Number], lanes: int | None = None) -> list[tuple[str, str]]:
        """Numbers as what a loop carries."""
        return [(p, self.type(lanes)) for x in numbers for p in x]

    def uncarry(self, values: Sequence[str]) -> list[Number]:
        """Numbers of what a loop carries."""
        return [tuple(values[i : i + self.planes]) for i in range(0, len(values), self.planes)]

    def flat(self, numbers: Sequence[Number]) -> list[str]:
        """All planes of numbers."""
        return [p for x in numbers for p in x]


def lane_numbers(b: Builder, lanes: int) -> str:
    """The vector 0, 1, 2, ... of type i32."""
    return b.op(f"arith.constant dense<{list(range(lanes))}> : vector<{lanes}xi32>")


def lane_mask(b: Builder, comparison: str, place: str, lanes: int) -> str:
    """Where a lane's number compares so (`sgt`, `eq`, ...) with a scalar of type index."""
    number = b.op(f"arith.index_cast {place} : index to i32")
    type_ = f"vector<{lanes}xi32>"
    wide = b.op(f"vector.broadcast {number} : i32 to {type_}")
    return b.binary(f"arith.cmpi {comparison},", lane_numbers(b, lanes), wide, type_)
