"""Numbers drawn under a key: uniform ones, integers, normal ones, and what is a function of a uniform one.

`axil.random` hands these functions out; what it adds are keys and discrete distributions.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from axil import dtypes, lax, prng
from axil import numpy as anp
from axil.core import Array, aval, make_array
from axil.lax.common import ArgumentTypeError, converted, fail
from axil.lax.common import operand as as_operand
from axil.lax.shaping import broadcast_to
from axil.prng import KeyValueError, canonical_shape, random_bits, single_key, subkeys

# ---- bits and uniform numbers --------------------------------------------------------------------------


def bits(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Random bits, as unsigned integers."""
    raw = single_key("bits", key)
    dtype = dtypes.default_uint_dtype() if dtype is None else dtypes.check_user_dtype(dtype, "random.bits")
    if dtype not in prng.UNSIGNED.values():
        fail(f"random.bits gives unsigned integers of 8 to 64 bits, not {dtypes.short_name(dtype)}",
             kind=KeyValueError)  # fmt: skip
    return random_bits(raw, 8 * dtype.itemsize, canonical_shape("bits", shape))


def uniform(key: Any, shape: Any = (), dtype: Any = None, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    """Numbers from `minval` to below `maxval`, all equally likely."""
    raw = single_key("uniform", key)
    dtype = float_dtype("uniform", dtype)
    return uniform_in(raw, canonical_shape("uniform", shape), dtype, minval, maxval)


def uniform_in(key: Any, shape: tuple[int, ...], dtype: np.dtype, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    """As `uniform`, of a checked key, shape and dtype."""
    unit = unit_uniform(key, shape, dtype)
    if type(minval) is float and type(maxval) is float and minval == 0 and maxval == 1:
        return unit
    low, high = (in_dtype("uniform", limit, dtype) for limit in (minval, maxval))
    low, span = (x if not x.aval.shape else spread_parameter("uniform", x, shape) for x in (low, _minus(high, low)))
    # Rounding may have led out of the range at its lower end.
    return lax.max(low, lax.add(lax.mul(unit, span), low))


def unit_uniform(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Uniform numbers in [0, 1): random mantissa bits make a number in [1, 2), from which 1 is subtracted."""
    width, unsigned, shift, one = _mantissa(dtype)
    drawn = converted(random_bits(key, width, shape), unsigned)
    if type(drawn) is Array:  # at once, as everything is drawn from here
        units = ((drawn._numpy >> shift) | one.view(unsigned)).view(dtype) - one
        return make_array(units, aval(shape, dtype))
    mantissa = lax.shift_right_logical(drawn, shift)
    return lax.sub(lax.bitcast_convert_type(lax.bitwise_or(mantissa, one.view(unsigned)), dtype), one)


@functools.cache
def _mantissa(dtype: np.dtype) -> tuple[int, np.dtype, np.ndarray, np.ndarray]:
    """How many bits to draw for a number, as what dtype, how far to shift them, and the number 1."""
    info = dtypes.finfo(dtype)
    width = 8 if info.nmant < 8 else info.bits
    unsigned = prng.UNSIGNED[info.bits]
    return width, unsigned, np.asarray(width - info.nmant, unsigned), np.ones((), dtype)


def randint(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any = None) -> Any:
    """Integers from `minval` to below `maxval`."""
    raw = single_key("randint", key)
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "random.randint")
    if dtypes.kind_of(dtype) not in "iu":
        fail(f"random.randint gives integers, not {dtypes.short_name(dtype)}", kind=ArgumentTypeError)
    shape = canonical_shape("randint", shape)
    sampled = np.dtype(np.int32) if dtypes.iinfo(dtype).bits < 32 else dtype
    if type(minval) is int and type(maxval) is int:
        low, span, weight = _known_range(minval, maxval, dtype, sampled)
    else:
        low, span, weight = _range(shape, _as_integers(minval), _as_integers(maxval), dtype, sampled)
    # Twice as many bits as the dtype has, in two parts: (upper * 2**bits + lower) % span.
    keys = subkeys(raw, 2)
    upper, lower = (random_bits(k, 8 * sampled.itemsize, shape) for k in keys)
    offset = lax.rem(lax.add(lax.mul(lax.rem(upper, span), weight), lax.rem(lower, span)), span)
    return converted(lax.add(converted(offset, sampled), low), dtype)


def _as_integers(x: Any) -> Any:
    x = as_operand("randint", x)
    return x if dtypes.kind_of(x.aval.dtype) in "iu" else converted(x, dtypes.default_int_dtype())


def _clipped(x: Any, dtype: np.dtype, low: int, high: int) -> Any:
    """Integers limited to a range and converted."""
    of = x.aval.dtype
    info = np.iinfo(of)
    limits = [np.asarray(min(max(n, info.min), info.max), of) for n in (low, high)]
    return converted(lax.clamp(limits[0], x, limits[1]), dtype)


def _known_range(minval: int, maxval: int, dtype: np.dtype, sampled: np.dtype) -> tuple[Any, Any, Any]:
    """`_range` of limits that are known numbers."""
    info, bits = dtypes.iinfo(dtype), 8 * sampled.itemsize
    low, high = (min(max(n, int(info.min)), int(info.max) + more) for n, more in ((minval, 0), (maxval, 1)))
    span = (high - low if high > low else 1) % 2**bits
    weight = (2 ** (bits // 2) % span) ** 2 % 2**bits % span if span else 0
    unsigned = prng.UNSIGNED[bits]
    return np.asarray(low, sampled), np.asarray(span, unsigned), np.asarray(weight, unsigned)


def _range(shape: tuple[int, ...], low: Any, high: Any, dtype: np.dtype, sampled: np.dtype) -> tuple[Any, Any, Any]:
    """The lower limit, the number of integers (0 for as many as there are), and the weight of the upper bits.

    The weight is 2**bits modulo the number. Few bits are drawn as 32, as the remainder of few is not uniform enough.
    """
    info, unsigned = dtypes.iinfo(dtype), prng.UNSIGNED[8 * sampled.itemsize]
    if sampled != dtype:
        low = _clipped(low, sampled, int(info.min), int(info.max))
        high = _clipped(high, sampled, int(info.min), int(info.max) + 1)
        info = np.iinfo(sampled)
    of = high.aval.dtype
    beyond = lax.gt(high, np.asarray(min(info.max, np.iinfo(of).max), of))  # as in 0 to 2**32 of u32
    low, high = (_clipped(x, sampled, info.min, info.max) for x in (low, high))
    if low.aval.shape or high.aval.shape:
        low, high, beyond = (spread_parameter("randint", x, shape) for x in (low, high, beyond))
    empty = lax.le(high, low)  # gives minval everywhere
    span = converted(lax.sub(high, low), unsigned)
    one = lax.full_like(span, 1)
    span = lax.select(empty, one, span)
    # All values of the dtype: their number wraps around to 0, and a remainder by 0 changes nothing.
    span = lax.select(lax.bitwise_and(beyond, lax.bitwise_not(empty)), lax.add(span, one), span)
    half = lax.rem(lax.full_like(span, 2 ** (info.bits // 2)), span)
    return low, span, lax.rem(lax.mul(half, half), span)


# ---- normal numbers ------------------------------------------------------------------------------------


def normal(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard normal distribution; of a complex dtype, of variance 1 in all."""
    raw = single_key("normal", key)
    dtype = float_dtype("normal", dtype, "fc")
    shape = canonical_shape("normal", shape)
    if dtypes.kind_of(dtype) == "f":
        return _normal(raw, shape, dtype)
    parts = (_normal(k, shape, dtypes.to_real_dtype(dtype)) for k in subkeys(raw, 2))
    return lax.div(lax.complex(*parts), np.asarray(math.sqrt(2), dtype))


def _normal(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    low, span, sqrt2 = _normal_constants(dtype)
    u = lax.max(low, lax.add(lax.mul(unit_uniform(key, shape, dtype), span), low))
    return lax.mul(sqrt2, lax.erf_inv(u))


@functools.cache
def _normal_constants(dtype: np.dtype) -> tuple[Array, Array, Array]:
    """The number above -1, the width of the range from it to 1, and the root of 2."""
    one = np.ones((), dtype)
    low = np.nextafter(-one, np.zeros((), dtype))
    return Array(low), Array(np.asarray(one - low)), Array(np.asarray(math.sqrt(2), dtype))


def truncated_normal(key: Any, lower: Any, upper: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Standard normal numbers, of those between `lower` and `upper`."""
    raw = single_key("truncated_normal", key)
    dtype = float_dtype("truncated_normal", dtype)
    shape = shape_of_parameters("truncated_normal", shape, lower, upper)
    low, high = (in_dtype("truncated_normal", x, dtype) for x in (lower, upper))
    sqrt2, infinity = _normal_constants(dtype)[2], np.asarray(math.inf, dtype)
    u = uniform_in(raw, shape, dtype, *(lax.erf(lax.div(x, sqrt2)) for x in (low, high)))
    low, high = (lax.nextafter(lax.stop_gradient(x), to) for x, to in ((low, infinity), (high, -infinity)))
    low, high = (spread_parameter("truncated_normal", x, shape) for x in (low, high))
    return lax.clamp(low, lax.mul(sqrt2, lax.erf_inv(u)), high)


def lognormal(key: Any, sigma: Any = 1.0, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers whose logarithm is normal, of deviation `sigma`."""
    dtype = float_dtype("lognormal", dtype, "fc")
    check_castable("lognormal", dtype, sigma)
    shape = shape_of_parameters("lognormal", shape, sigma)
    return lax.exp(lax.mul(normal(key, shape, dtype), parameter("lognormal", sigma, dtype, shape)))


def maxwell(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """The length of normal vectors of three dimensions."""
    raw = single_key("maxwell", key)
    dtype = float_dtype("maxwell", dtype)
    shape = canonical_shape("maxwell", shape)
    squares = lax.square(_normal(raw, (*shape, 3), dtype))
    return lax.sqrt(lax.reduce_sum(squares, (len(shape),)))


def double_sided_maxwell(key: Any, loc: Any, scale: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the Maxwell distribution with random signs, times `scale`, plus `loc`.

    The shape of the result is `shape` (that of the parameters where it is empty) and then that of the parameters.
    """
    raw = single_key("double_sided_maxwell", key)
    dtype = float_dtype("double_sided_maxwell", dtype)
    parameters = lax.broadcast_shapes(np.shape(loc), np.shape(scale))
    shape = (*(canonical_shape("double_sided_maxwell", shape) or parameters), *parameters)
    length_key, sign_key = subkeys(raw, 2)
    drawn = lax.mul(bernoulli_signs(sign_key, shape, dtype), maxwell(length_key, shape, dtype))
    return anp.add(anp.multiply(drawn, scale), loc)


def bernoulli_signs(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """-1 or 1, equally likely, under a checked key."""
    positive = lax.lt(unit_uniform(key, shape, dtypes.default_float_dtype()), lax.full(shape, 0.5))
    return lax.sub(lax.mul(np.asarray(2, dtype), converted(positive, dtype)), np.asarray(1, dtype))


def wald(key: Any, mean: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the Wald (inverse Gaussian) distribution of a mean, and scale 1.

    Michael et al., Generating random variates using transformations with multiple roots (1976).
    """
    raw = single_key("wald", key)
    dtype = float_dtype("wald", dtype)
    check_castable("wald", dtype, mean)
    shape = shape_of_parameters("wald", shape, mean)
    mean = parameter("wald", mean, dtype, shape)
    normal_key, choice_key = subkeys(raw, 2)
    y = lax.square(_normal(normal_key, shape, dtype))
    root = anp.sqrt(4 * mean * y + lax.square(mean) * lax.square(y))
    x = mean + lax.square(mean) * y / 2 - mean / 2 * root
    first = lax.le(unit_uniform(choice_key, shape, dtype), mean / (mean + x))
    return lax.select(first, x, lax.square(mean) / x)


# ---- distributions by a function of a uniform number ---------------------------------------------------


def exponential(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the exponential distribution of mean 1."""
    u = uniform(key, canonical_shape("exponential", shape), float_dtype("exponential", dtype))
    return lax.neg(lax.log1p(lax.neg(u)))


def gumbel(key: Any, shape: Any = (), dtype: Any = None, mode: str | None = None) -> Any:
    """Numbers of the standard Gumbel distribution.

    Modes "high" and "highest" reach rarer values at twice the cost, the second those of probability 2**-64.
    """
    raw = single_key("gumbel", key)
    dtype = float_dtype("gumbel", dtype)
    shape = canonical_shape("gumbel", shape)
    if mode not in (None, "low", "high", "highest"):
        fail(f"random.gumbel: the mode is 'low', 'high' or 'highest', got {mode!r}", kind=KeyValueError)
    if mode in (None, "low"):
        tiny = np.asarray(dtypes.finfo(dtype).tiny, dtype)
        return lax.neg(lax.log(lax.neg(lax.log(uniform_in(raw, shape, dtype, tiny, 1.0)))))
    if mode == "highest" and dtype == np.float32:
        return _finest_gumbel(raw, shape)
    high, low = lax.unstack(unit_uniform(raw, (2, *shape), dtype))
    scale = np.asarray(2.0 ** -dtypes.finfo(dtype).nmant, dtype)
    fine = lax.add(lax.add(high, lax.mul(low, scale)), np.asarray(dtypes.finfo(dtype).tiny, dtype))
    x = lax.select(lax.ge(high, np.asarray(0.5, dtype)), high, fine)
    return lax.neg(lax.log(lax.neg(lax.log1p(lax.neg(x)))))


def _finest_gumbel(key: Any, shape: tuple[int, ...]) -> Any:
    """Of 64 random bits as a fraction below 1, counted from 0 or from 1, whichever is nearer."""
    drawn = random_bits(key, 32, (2, *shape))
    high, low = lax.unstack(drawn)
    near_zero = lax.lt(high, lax.full_like(high, np.uint32(2**31)))
    # Two's complement: the distance from 1.
    from_one_low = lax.add(lax.bitwise_not(low), lax.full_like(low, 1))
    carry = converted(lax.eq(low, lax.full_like(low, 0)), prng.U32)
    from_one_high = lax.add(lax.bitwise_not(high), carry)
    x = _fraction(lax.select(near_zero, high, from_one_high), lax.select(near_zero, low, from_one_low))
    outer = lambda inner: lax.neg(lax.log(lax.neg(inner)))
    return lax.select(near_zero, outer(lax.log1p(lax.neg(x))), outer(lax.log(x)))


def _fraction(high: Any, low: Any) -> Any:
    """64 bits in two words as a float32 fraction of 2**64.

    The number of leading zeros gives the exponent, what follows them the mantissa.
    """
    width = lax.full_like(high, 32)
    high_zeros, low_zeros = lax.clz(high), lax.clz(low)
    no_high = lax.eq(high_zeros, width)
    from_low = lax.shift_right_logical(low, lax.sub(width, high_zeros))
    below = lax.select(no_high, lax.shift_left(low, low_zeros), from_low)
    mantissa = lax.bitwise_or(lax.shift_left(high, high_zeros), below)
    mantissa = lax.shift_right_logical(mantissa, lax.full_like(high, 8))
    mantissa = lax.bitwise_and(mantissa, lax.full_like(high, 2**23 - 1))
    zeros = lax.select(no_high, lax.add(width, low_zeros), high_zeros)
    exponent = lax.shift_left(lax.sub(lax.full_like(high, 126), zeros), lax.full_like(high, 23))
    return lax.bitcast_convert_type(lax.bitwise_or(exponent, mantissa), np.float32)


def laplace(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard Laplace distribution."""
    dtype = float_dtype("laplace", dtype)
    low = -1.0 + float(dtypes.finfo(dtype).epsneg)
    u = uniform(key, canonical_shape("laplace", shape), dtype, low, 1.0)
    return lax.mul(lax.sign(u), lax.log1p(lax.neg(lax.abs(u))))


def logistic(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard logistic distribution."""
    dtype = float_dtype("logistic", dtype)
    u = uniform(key, canonical_shape("logistic", shape), dtype, float(dtypes.finfo(dtype).tiny), 1.0)
    return lax.sub(lax.log(u), lax.log1p(lax.neg(u)))


def cauchy(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard Cauchy distribution."""
    dtype = float_dtype("cauchy", dtype)
    u = uniform(key, canonical_shape("cauchy", shape), dtype, float(dtypes.finfo(dtype).eps), 1.0)
    half, pi = np.asarray(0.5, dtype), np.asarray(math.pi, dtype)
    return lax.tan(lax.mul(pi, lax.sub(u, half)))


def pareto(key: Any, b: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the Pareto distribution of exponent `b`."""
    dtype = float_dtype("pareto", dtype)
    check_castable("pareto", dtype, b)
    shape = shape_of_parameters("pareto", shape, b)
    b = parameter("pareto", b, dtype, shape)
    return lax.exp(lax.div(exponential(key, shape, dtype), b))


def weibull_min(key: Any, scale: Any, concentration: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the Weibull distribution; the parameters broadcast with what is drawn."""
    drawn = exponential(key, canonical_shape("weibull_min", shape), float_dtype("weibull_min", dtype))
    return anp.multiply(anp.power(drawn, anp.divide(1.0, concentration)), scale)


def rayleigh(key: Any, scale: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the Rayleigh distribution."""
    dtype = float_dtype("rayleigh", dtype)
    check_castable("rayleigh", dtype, scale)
    shape = shape_of_parameters("rayleigh", shape, scale)
    scale = parameter("rayleigh", scale, dtype, shape)
    return lax.mul(scale, lax.sqrt(lax.mul(lax.log(uniform(key, shape, dtype)), np.asarray(-2, dtype))))


def triangular(key: Any, left: Any, mode: Any, right: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the triangular distribution from `left` to `right` whose peak is at `mode`."""
    dtype = float_dtype("triangular", dtype)
    check_castable("triangular", dtype, left, mode, right)
    shape = shape_of_parameters("triangular", shape, left, mode, right)
    left, mode, right = (parameter("triangular", x, dtype, shape) for x in (left, mode, right))
    width, rise, fall = lax.sub(right, left), lax.sub(mode, left), lax.sub(right, mode)
    u = uniform(key, shape, dtype)
    rest = lax.sub(np.ones((), dtype), u)
    below = lax.add(left, lax.sqrt(lax.mul(lax.mul(u, width), rise)))
    above = lax.sub(right, lax.sqrt(lax.mul(lax.mul(rest, width), fall)))
    return lax.select(lax.lt(u, lax.div(rise, width)), below, above)


# ---- helpers -------------------------------------------------------------------------------------------


def float_dtype(name: str, dtype: Any, kinds: str = "f") -> np.dtype:
    """The floating point dtype that a user asks for; the default one for None."""
    if dtype is None:
        return dtypes.default_float_dtype()
    dtype = dtypes.check_user_dtype(dtype, f"random.{name}", stacklevel=4)
    if dtypes.kind_of(dtype) not in kinds:
        fail(f"random.{name} gives floating point numbers, not {dtypes.short_name(dtype)}", kind=KeyValueError)
    return dtype


def check_castable(name: str, dtype: np.dtype, *parameters: Any) -> None:
    """Raise an error where parameters have more bits than the dtype of the result."""
    for x in parameters:
        if not dtypes.safe_to_cast(x, dtype):
            text = f"{dtypes.short_name(dtypes.dtype_of(x))} does not fit into the result's {dtypes.short_name(dtype)}"
            fail(f"random.{name}: a parameter of {text}", "convert it first", kind=dtypes.TypePromotionError)


def as_floats(name: str, x: Any) -> Any:
    """An array of the user's, in floating point."""
    x = as_operand(name, x if hasattr(x, "dtype") else np.asarray(x))
    if dtypes.kind_of(x.aval.dtype) == "f":
        return x
    return converted(x, dtypes.to_inexact_dtype(x.aval.dtype))


def in_dtype(name: str, x: Any, dtype: np.dtype) -> Any:
    """A parameter in the dtype of the result."""
    if type(x) is float or type(x) is int:
        return Array(np.asarray(x, dtype))
    return converted(as_operand(name, x), dtype)


def parameter(name: str, x: Any, dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    """A parameter in the dtype of the result, repeated to its shape."""
    return spread_parameter(name, in_dtype(name, x, dtype), shape)


def _minus(high: Any, low: Any) -> Any:
    if high.aval is low.aval:
        return lax.sub(high, low)
    shape = lax.broadcast_shapes(high.aval.shape, low.aval.shape)
    return lax.sub(*(broadcast_to("random.uniform", x, shape) for x in (high, low)))


def spread_parameter(name: str, x: Any, shape: tuple[int, ...]) -> Any:
    """A parameter repeated to the shape of the result."""
    if not x.aval.shape or x.aval.shape == shape:
        return broadcast_to(f"random.{name}", x, shape)
    shape_of_parameters(name, shape, x)
    return broadcast_to(f"random.{name}", x, shape)


def shape_of_parameters(name: str, shape: Any, *parameters: Any) -> tuple[int, ...]:
    """The shape of the result: the given one, to which parameters must broadcast, else that of the parameters."""
    shapes = [tuple(np.shape(p)) if not hasattr(p, "aval") else p.aval.shape for p in parameters]
    if shape is None:
        return lax.broadcast_shapes(*shapes)
    shape = canonical_shape(name, shape)
    if lax.broadcast_shapes(shape, *shapes) != shape:
        fail(f"random.{name}: parameters of shapes {', '.join(map(str, shapes))} do not broadcast to shape {shape}",
             kind=KeyValueError)  # fmt: skip
    return shape
