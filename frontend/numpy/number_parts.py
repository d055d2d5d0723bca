"""Numbers taken apart: mantissa and exponent, common divisors, bits of bytes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import elementwise as e
from axil.dialects import special as sp
from axil.numpy import reductions as red
from axil.numpy.indexing import getitem
from axil.numpy.logic import bitwise_and, bitwise_or, equal, isfinite, isinf, less, not_equal
from axil.numpy.logic import pick as where
from axil.numpy.padding import pad
from axil.numpy.shaping import moveaxis, ravel, reshape
from axil.numpy.ufuncs import absolute, copysign, floor_divide, maximum, minimum, multiply, subtract
from axil.numpy.values import (
    Array,
    Value,
    aval,
    bind,
    broadcast,
    broadcast_shape,
    canonical_axis,
    convert,
    make_array,
    operand,
    promote,
    shape_error,
    state,
    type_error,
)

# bits of the mantissa, bias of the exponent
_FORMATS = {np.dtype(np.float32): (23, 127), np.dtype(np.float64): (52, 1023)}

# ---- mantissa and exponent -----------------------------------------------------------------------------


def frexp(x: Any, /) -> tuple[Value, Value]:
    """The mantissa in [0.5, 1), with the sign of `x`, and the int32 exponent of 2."""
    (x,), _ = promote("frexp", x, inexact=True)
    if x.dtype.kind == "c":
        raise type_error(f"frexp takes real numbers, got {x.aval}; take those of its real and imaginary parts")
    if x.dtype.itemsize < 4:
        mantissa, exponent = frexp(convert(x, np.dtype(np.float32)))
        return convert(mantissa, x.dtype), exponent
    width, bias = _FORMATS[x.dtype]
    normal = where(less(absolute(x), float(np.finfo(x.dtype).tiny)), multiply(x, 2.0**width), x)
    bits = bind(e.bitcast, normal, dtype=np.dtype(f"u{x.dtype.itemsize}"))
    biased = convert(floor_divide(bits, 1 << width), np.dtype(np.int32))
    exponent = subtract(bitwise_and(biased, 2 * bias + 1), bias - 1)
    exponent = subtract(exponent, where(equal(normal, x), 0, width))
    ordinary = bitwise_and(isfinite(x), not_equal(x, 0))
    exponent = where(ordinary, exponent, 0)
    return where(ordinary, _scaled(x, 0 - exponent), x), exponent


def ldexp(x1: Any, x2: Any, /) -> Value:
    """`x1` times 2 to the power `x2`, an integer."""
    x1, x2 = operand("ldexp", x1), operand("ldexp", x2, 1)
    if x1.dtype.kind == "c" or dtypes.kind_of(x2.dtype) not in "biu":
        raise shape_error(f"ldexp takes real numbers and integers, got {x1.aval} and {x2.aval}")
    (x1,), _ = promote("ldexp", x1, inexact=True)
    shape = broadcast_shape("ldexp", [x1.shape, x2.shape])
    exponent = broadcast(minimum(maximum(convert(x2, np.dtype(np.int32)), -4400), 4400), shape)
    x1 = broadcast(x1, shape)
    wide = x1 if x1.dtype.itemsize >= 4 else convert(x1, np.dtype(np.float32))
    scaled = convert(_scaled(wide, exponent), x1.dtype)
    return where(bitwise_or(isinf(x1), equal(x1, 0)), x1, scaled)


def _scaled(x: Value, exponent: Value) -> Value:
    """Times a power of two, in three steps: the power may be out of the float's range though the result is not."""
    third = floor_divide(exponent, 3)
    for part in (third, third, subtract(exponent, multiply(third, 2))):
        x = multiply(x, bind(sp.exp2, convert(part, x.dtype)))
    return x


def spacing(x: Any, /) -> Value:
    """The distance to the next float away from zero, with the sign of `x`."""
    (x,), weak = promote("spacing", x, inexact=True)
    if x.dtype.kind == "c":
        raise shape_error(f"spacing takes real numbers, got {x.aval}")
    infinity = broadcast(make_array(np.asarray(np.inf, x.dtype), aval((), x.dtype)), x.shape)
    if x.dtype == np.float16:
        return subtract(bind(sp.nextafter, x, infinity), x)
    gap = subtract(bind(sp.nextafter, x, copysign(infinity, x)), x)
    smallest = float(dtypes.finfo(x.dtype).smallest_subnormal)
    return where(equal(gap, 0), copysign(smallest, x), gap)


# ---- divisors ------------------------------------------------------------------------------------------


def gcd(x1: Any, x2: Any) -> Value:
    """The greatest common divisor of integers, by Euclid's algorithm."""
    (a, b), weak = _integers("gcd", x1, x2)
    if state.trace is None and type(a) is Array and type(b) is Array:
        return make_array(np.gcd(a._numpy, b._numpy), a.aval, weak)
    from axil.lax import while_loop

    def unfinished(pair: Any) -> Any:
        return red.any(not_equal(pair[1], 0))

    def step(pair: Any) -> Any:
        a, b = pair
        over = equal(b, 0)
        return where(over, a, b), where(over, b, bind(e.rem, a, where(over, broadcast(_one(b), b.shape), b)))

    return while_loop(unfinished, step, (absolute(a), absolute(b)))[0]


def lcm(x1: Any, x2: Any) -> Value:
    """The least common multiple of integers."""
    (a, b), _ = _integers("lcm", x1, x2)
    a, b = absolute(a), absolute(b)
    d = gcd(a, b)
    return where(equal(d, 0), 0, multiply(a, floor_divide(b, where(equal(d, 0), 1, d))))


def _one(x: Value) -> Value:
    return make_array(np.ones((), x.dtype), aval((), x.dtype))


def _integers(name: str, *xs: Any) -> tuple[list[Value], bool]:
    values, weak = promote(name, *xs)
    if dtypes.kind_of(values[0].dtype) not in "iu":
        raise shape_error(f"{name} takes integers, got {', '.join(str(x.aval) for x in values)}")
    shape = broadcast_shape(name, [x.shape for x in values])
    return [broadcast(x, shape) for x in values], weak


# ---- bits ----------------------------------------------------------------------------------------------


def _bit_weights(bitorder: str) -> np.ndarray:
    if bitorder not in ("big", "little"):
        raise shape_error(f"bitorder must be 'big' or 'little', got {bitorder!r}")
    weights = 1 << np.arange(8, dtype=np.int32)
    return weights[::-1] if bitorder == "big" else weights


def _last_axis(x: Value, axis: int | None) -> tuple[Value, int]:
    if axis is None:
        return ravel(x), 0
    axis = canonical_axis(axis, x.ndim)
    return moveaxis(x, axis, -1), axis


def packbits(a: Any, axis: int | None = None, bitorder: str = "big") -> Value:
    """Eight elements, each a bit (1 where not zero), to a byte; the last byte is filled up with zeros."""
    a = operand("packbits", a)
    if dtypes.kind_of(a.dtype) not in "biu":
        raise type_error(f"packbits takes integers or booleans, got {a.aval}")
    weights = _bit_weights(bitorder)
    bits, axis = _last_axis(not_equal(a, 0), axis)
    bits = pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, -bits.shape[-1] % 8)])
    bits = reshape(bits, (*bits.shape[:-1], bits.shape[-1] // 8, 8))
    packed = red.sum(where(bits, weights, 0), -1)
    return moveaxis(convert(packed, np.dtype(np.uint8)), -1, axis)


def unpackbits(a: Any, axis: int | None = None, count: int | None = None, bitorder: str = "big") -> Value:
    """The bits of bytes, each as an element 0 or 1; `count` of them, where it is given."""
    a = operand("unpackbits", a)
    if a.dtype != np.uint8:
        raise type_error(f"unpackbits takes bytes (uint8), got {a.aval}")
    weights = _bit_weights(bitorder).astype(np.uint8)
    octets, axis = _last_axis(a, axis)
    found = not_equal(bitwise_and(reshape(octets, (*octets.shape, 1)), weights), 0)
    found = convert(reshape(found, (*octets.shape[:-1], octets.shape[-1] * 8)), np.dtype(np.uint8))
    if count is not None:
        n, count = found.shape[-1], operator.index(count)
        found = getitem(found, (..., slice(0, count if count >= 0 or -count <= n else 0)))
        found = pad(found, [(0, 0)] * (found.ndim - 1) + [(0, max(0, count - n))])
    return moveaxis(found, -1, axis)
