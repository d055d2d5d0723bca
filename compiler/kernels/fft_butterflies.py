"""Vectors of complex numbers in a Fourier transform's kernel, and the transforms of a few points ("butterflies").

A complex value is a pair of SSA names, of vectors of the real and the imaginary parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from axil.compiler.kernels.text import Builder, lanes_type

Pair = tuple[str, str]

UNROLLED = (2, 3, 4, 5, 7, 8, 11, 13)
"""Radices whose butterfly is written out; larger primes are loops over a matrix."""


class Lanes:
    """Arithmetic on vectors of `lanes` real numbers; constants go to the top of the kernel."""

    def __init__(self, top: Builder, b: Builder, dtype: str, lanes: int) -> None:
        self.top, self.b, self.dtype, self.lanes = top, b, dtype, lanes
        self.type = lanes_type(dtype, lanes)
        self._constants: dict[float, str] = {}

    def constant(self, value: float) -> str:
        """A number in all lanes."""
        if value not in self._constants:
            self._constants[value] = self.top.constant(f"{value:.17e}", self.dtype, self.lanes)
        return self._constants[value]

    def splat(self, scalar: str) -> str:
        """A scalar in all lanes."""
        return self.b.op(f"vector.broadcast {scalar} : {self.dtype} to {self.type}")

    def _op(self, name: str, a: str, b: str) -> str:
        # Contracted: a product and a sum become one instruction where the processor has it.
        return self.b.op(f"arith.{name} {a}, {b} fastmath<contract> : {self.type}")

    def add(self, a: str, b: str) -> str:
        """a + b."""
        return self._op("addf", a, b)

    def sub(self, a: str, b: str) -> str:
        """a - b."""
        return self._op("subf", a, b)

    def mul(self, a: str, b: str) -> str:
        """a b."""
        return self._op("mulf", a, b)

    def scale(self, a: str, factor: float) -> str:
        """A vector times a number."""
        return self.mul(a, self.constant(factor))

    def plus(self, x: Pair, y: Pair) -> Pair:
        """x + y."""
        return self.add(x[0], y[0]), self.add(x[1], y[1])

    def minus(self, x: Pair, y: Pair) -> Pair:
        """x - y."""
        return self.sub(x[0], y[0]), self.sub(x[1], y[1])

    def minus_i(self, x: Pair, y: Pair) -> Pair:
        """x - i y."""
        return self.add(x[0], y[1]), self.sub(x[1], y[0])

    def plus_i(self, x: Pair, y: Pair) -> Pair:
        """x + i y."""
        return self.sub(x[0], y[1]), self.add(x[1], y[0])

    def times(self, x: Pair, y: Pair) -> Pair:
        """x y."""
        re = self.sub(self.mul(x[0], y[0]), self.mul(x[1], y[1]))
        return re, self.add(self.mul(x[0], y[1]), self.mul(x[1], y[0]))

    def scaled(self, x: Pair, factor: float) -> Pair:
        """A number times x."""
        return self.scale(x[0], factor), self.scale(x[1], factor)


def butterfly(v: Lanes, x: Sequence[Pair]) -> list[Pair]:
    """The forward transform of the points `x`, as many as a radix of `UNROLLED`."""
    if len(x) == 2:
        return [v.plus(*x), v.minus(*x)]
    if len(x) == 4:
        return _four(v, x)
    return _eight(v, x) if len(x) == 8 else _odd(v, x)


def _four(v: Lanes, x: Sequence[Pair]) -> list[Pair]:
    a, b = v.plus(x[0], x[2]), v.minus(x[0], x[2])
    c, d = v.plus(x[1], x[3]), v.minus(x[1], x[3])
    return [v.plus(a, c), v.minus_i(b, d), v.minus(a, c), v.plus_i(b, d)]


def _eight(v: Lanes, x: Sequence[Pair]) -> list[Pair]:
    even, odd = _four(v, x[::2]), _four(v, x[1::2])
    root = math.sqrt(0.5)
    one = v.scaled((v.add(*odd[1]), v.sub(odd[1][1], odd[1][0])), root)  # times exp(-i pi / 4)
    three = v.scaled((v.sub(odd[3][1], odd[3][0]), v.add(*odd[3])), root)  # times -exp(-3 i pi / 4), conjugated
    first = [v.plus(even[0], odd[0]), v.plus(even[1], one), v.minus_i(even[2], odd[2])]
    last = [v.minus(even[0], odd[0]), v.minus(even[1], one), v.plus_i(even[2], odd[2])]
    first.append((v.add(even[3][0], three[0]), v.sub(even[3][1], three[1])))
    last.append((v.sub(even[3][0], three[0]), v.add(even[3][1], three[1])))
    return first + last


def _odd(v: Lanes, x: Sequence[Pair]) -> list[Pair]:
    """Any odd number of points: sums and differences of the points j and -j meet cosines and sines."""
    r, half = len(x), range(1, len(x) // 2 + 1)
    sums = {j: v.plus(x[j], x[r - j]) for j in half}
    differences = {j: v.minus(x[j], x[r - j]) for j in half}
    total = x[0]
    for j in half:
        total = v.plus(total, sums[j])
    result = [total] * r
    for k in half:
        re, im = x[0], None
        for j in half:
            angle = 2 * math.pi * (j * k % r) / r
            re = v.plus(re, v.scaled(sums[j], math.cos(angle)))
            turned = v.scaled(differences[j], math.sin(angle))
            im = turned if im is None else v.plus(im, turned)
        assert im is not None
        result[k], result[r - k] = v.minus_i(re, im), v.plus_i(re, im)
    return result
