"""`axil.random`: keys, and what is drawn under them, with JAX's names and bit for bit JAX's random bits.

A key always gives the same numbers. `split` makes new keys of one, for independent draws::

    key, sub = axil.random.split(axil.random.key(0))
    x = axil.random.normal(sub, (3,))
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, lax, prng
from axil.core import Array, aval, make_array
from axil.lax.common import ArgumentTypeError, axis_index, converted, fail
from axil.lax.common import operand as as_operand
from axil.lax.shaping import broadcast_to
from axil.prng import KeyValueError, PRNGKeyArray, canonical_shape, random_bits, single_key, split_raw

# ---- keys ----------------------------------------------------------------------------------------------


def PRNGKey(seed: Any, *, impl: Any = None) -> Any:  # noqa: N802 - JAX's name
    """A raw random key, `u32[2]`, of an integer seed."""
    return prng.seeded("PRNGKey", seed, impl)


def key(seed: Any, *, impl: Any = None, dtype: Any = None) -> PRNGKeyArray:
    """A typed random key of an integer seed."""
    return PRNGKeyArray(prng.seeded("key", seed, impl if dtype is None else dtype))


def key_data(keys: Any) -> Any:
    """The words of typed keys, as `u32[..., 2]`."""
    return prng.raw_keys("key_data", keys)


def wrap_key_data(key_bits_array: Any, *, impl: Any = None, dtype: Any = None) -> PRNGKeyArray:
    """Typed keys of words `u32[..., 2]`."""
    prng.check_implementation("wrap_key_data", impl if dtype is None else dtype)
    return PRNGKeyArray(prng.raw_keys("wrap_key_data", key_bits_array))


def key_impl(keys: Any) -> str:
    """The name of the generator that keys are for."""
    prng.raw_keys("key_impl", keys)
    return prng.IMPLEMENTATION


def key_dtype(impl: Any = None) -> prng.KeyDType:
    """The dtype of typed keys."""
    prng.check_implementation("key_dtype", impl)
    return prng.KEY_DTYPE


def clone(key: Any) -> Any:
    """The key itself, to be used once more on purpose."""
    prng.raw_keys("clone", key)
    return key


def split(key: Any, num: int | tuple[int, ...] = 2) -> Any:
    """New keys of one key: `num` of them, or an array of shape `num`."""
    data = single_key("split", key)
    shape = canonical_shape("split", num if isinstance(num, Sequence) else (num,))
    return prng.like(key, split_raw(data, shape))


def fold_in(key: Any, data: Any) -> Any:
    """A new key of a key and an integer, such as the number of a step or of a device."""
    raw = single_key("fold_in", key)
    if isinstance(data, int) and not 0 <= data < 2**32:
        raise OverflowError(f"random.fold_in takes integers of 32 bits without sign, got {data}")
    word = as_operand("fold_in", np.uint32(data) if isinstance(data, int) else data)
    if word.aval.shape:
        fail(f"random.fold_in takes a scalar, got {word.aval}", "map over several with axil.vmap",
             kind=ArgumentTypeError)  # fmt: skip
    return prng.like(key, prng.fold_in_raw(raw, converted(word, prng.U32)))


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
    dtype = _float_dtype("uniform", dtype)
    return _uniform(raw, canonical_shape("uniform", shape), dtype, minval, maxval)


def _uniform(key: Any, shape: tuple[int, ...], dtype: np.dtype, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    unit = _unit(key, shape, dtype)
    if type(minval) is float and type(maxval) is float and minval == 0 and maxval == 1:
        return unit
    low, high = (_in_dtype("uniform", limit, dtype) for limit in (minval, maxval))
    low, span = (x if not x.aval.shape else _spread("uniform", x, shape) for x in (low, _minus(high, low)))
    # Rounding may have led out of the range at its lower end.
    return lax.max(low, lax.add(lax.mul(unit, span), low))


def _unit(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
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
    low, high = (_as_integers(limit) for limit in (minval, maxval))
    info, sampled = dtypes.iinfo(dtype), dtype
    if info.bits < 32:  # drawn in 32 bits, as the remainder of few bits is not uniform enough
        sampled = np.dtype(np.int32)
        low = _clipped(low, sampled, int(info.min), int(info.max))
        high = _clipped(high, sampled, int(info.min), int(info.max) + 1)
    return converted(_randint(raw, shape, low, high, sampled), dtype)


def _as_integers(x: Any) -> Any:
    x = as_operand("randint", x)
    return x if dtypes.kind_of(x.aval.dtype) in "iu" else converted(x, dtypes.default_int_dtype())


def _clipped(x: Any, dtype: np.dtype, low: int, high: int) -> Any:
    """Integers limited to a range and converted."""
    of = x.aval.dtype
    info = np.iinfo(of)
    low, high = (np.asarray(min(max(n, info.min), info.max), of) for n in (low, high))
    return converted(lax.clamp(low, x, high), dtype)


def _randint(key: Any, shape: tuple[int, ...], low: Any, high: Any, dtype: np.dtype) -> Any:
    info = np.iinfo(dtype)
    unsigned = prng.UNSIGNED[info.bits]
    largest = np.asarray(min(info.max, np.iinfo(high.aval.dtype).max), high.aval.dtype)
    beyond = _spread("randint", lax.gt(high, largest), shape)  # as in 0 to 2**32 of u32
    low, high = (_spread("randint", _clipped(x, dtype, info.min, info.max), shape) for x in (low, high))
    empty = lax.le(high, low)  # gives minval everywhere
    span = converted(lax.sub(high, low), unsigned)
    one = lax.full_like(span, 1)
    span = lax.select(empty, one, span)
    # All values of the dtype: their number wraps around to 0, and a remainder by 0 changes nothing.
    span = lax.select(lax.bitwise_and(beyond, lax.bitwise_not(empty)), lax.add(span, one), span)
    # Twice as many bits as the dtype has, in two parts: (upper * 2**bits + lower) % span.
    upper, lower = (random_bits(k, info.bits, shape) for k in lax.unstack(split_raw(key, (2,))))
    half = lax.rem(lax.full_like(span, 2 ** (info.bits // 2)), span)
    weight = lax.rem(lax.mul(half, half), span)
    offset = lax.rem(lax.add(lax.mul(lax.rem(upper, span), weight), lax.rem(lower, span)), span)
    return lax.add(low, converted(offset, dtype))


# ---- normal numbers ------------------------------------------------------------------------------------


def normal(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard normal distribution; of a complex dtype, of variance 1 in all."""
    raw = single_key("normal", key)
    dtype = _float_dtype("normal", dtype, "fc")
    shape = canonical_shape("normal", shape)
    if dtypes.kind_of(dtype) == "f":
        return _normal(raw, shape, dtype)
    parts = (_normal(k, shape, dtypes.to_real_dtype(dtype)) for k in lax.unstack(split_raw(raw, (2,))))
    return lax.div(lax.complex(*parts), np.asarray(math.sqrt(2), dtype))


def _normal(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    low, span, sqrt2 = _normal_constants(dtype)
    u = lax.max(low, lax.add(lax.mul(_unit(key, shape, dtype), span), low))
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
    dtype = _float_dtype("truncated_normal", dtype)
    shape = _shape_of_parameters("truncated_normal", shape, lower, upper)
    low, high = (_in_dtype("truncated_normal", x, dtype) for x in (lower, upper))
    sqrt2, infinity = _normal_constants(dtype)[2], np.asarray(math.inf, dtype)
    u = _uniform(raw, shape, dtype, *(lax.erf(lax.div(x, sqrt2)) for x in (low, high)))
    low, high = (lax.nextafter(lax.stop_gradient(x), to) for x, to in ((low, infinity), (high, -infinity)))
    low, high = (_spread("truncated_normal", x, shape) for x in (low, high))
    return lax.clamp(low, lax.mul(sqrt2, lax.erf_inv(u)), high)


def lognormal(key: Any, sigma: Any = 1.0, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers whose logarithm is normal, of deviation `sigma`."""
    raw = single_key("lognormal", key)
    dtype = _float_dtype("lognormal", dtype)
    shape = _shape_of_parameters("lognormal", shape, sigma)
    sigma = _parameter("lognormal", sigma, dtype, shape)
    return lax.exp(lax.mul(_normal(raw, shape, dtype), sigma))


def maxwell(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """The length of normal vectors of three dimensions."""
    raw = single_key("maxwell", key)
    dtype = _float_dtype("maxwell", dtype)
    shape = canonical_shape("maxwell", shape)
    squares = lax.square(_normal(raw, (*shape, 3), dtype))
    return lax.sqrt(lax.reduce_sum(squares, (len(shape),)))


# ---- distributions by a function of a uniform number ---------------------------------------------------


def exponential(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the exponential distribution of mean 1."""
    u = uniform(key, canonical_shape("exponential", shape), _float_dtype("exponential", dtype))
    return lax.neg(lax.log1p(lax.neg(u)))


def gumbel(key: Any, shape: Any = (), dtype: Any = None, mode: str | None = None) -> Any:
    """Numbers of the standard Gumbel distribution; mode "high" reaches rarer values at twice the cost."""
    raw = single_key("gumbel", key)
    dtype = _float_dtype("gumbel", dtype)
    shape = canonical_shape("gumbel", shape)
    if mode not in (None, "low", "high"):
        fail(f"random.gumbel: the mode is 'low' or 'high', got {mode!r}", kind=KeyValueError)
    tiny = np.asarray(dtypes.finfo(dtype).tiny, dtype)
    if mode != "high":
        return lax.neg(lax.log(lax.neg(lax.log(_uniform(raw, shape, dtype, tiny, 1.0)))))
    high, low = lax.unstack(_unit(raw, (2, *shape), dtype))
    scale = np.asarray(2.0 ** -dtypes.finfo(dtype).nmant, dtype)
    fine = lax.add(lax.add(high, lax.mul(low, scale)), tiny)
    x = lax.select(lax.ge(high, np.asarray(0.5, dtype)), high, fine)
    return lax.neg(lax.log(lax.neg(lax.log1p(lax.neg(x)))))


def laplace(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard Laplace distribution."""
    dtype = _float_dtype("laplace", dtype)
    low = -1.0 + float(dtypes.finfo(dtype).epsneg)
    u = uniform(key, canonical_shape("laplace", shape), dtype, low, 1.0)
    return lax.mul(lax.sign(u), lax.log1p(lax.neg(lax.abs(u))))


def logistic(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard logistic distribution."""
    dtype = _float_dtype("logistic", dtype)
    u = uniform(key, canonical_shape("logistic", shape), dtype, float(dtypes.finfo(dtype).tiny), 1.0)
    return lax.sub(lax.log(u), lax.log1p(lax.neg(u)))


def cauchy(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the standard Cauchy distribution."""
    dtype = _float_dtype("cauchy", dtype)
    u = uniform(key, canonical_shape("cauchy", shape), dtype, float(dtypes.finfo(dtype).eps), 1.0)
    half, pi = np.asarray(0.5, dtype), np.asarray(math.pi, dtype)
    return lax.tan(lax.mul(pi, lax.sub(u, half)))


def pareto(key: Any, b: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the Pareto distribution of exponent `b`."""
    dtype = _float_dtype("pareto", dtype)
    shape = _shape_of_parameters("pareto", shape, b)
    b = _parameter("pareto", b, dtype, shape)
    return lax.exp(lax.div(exponential(key, shape, dtype), b))


def weibull_min(key: Any, scale: Any, concentration: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of the Weibull distribution."""
    dtype = _float_dtype("weibull_min", dtype)
    shape = canonical_shape("weibull_min", shape)
    scale, concentration = (_parameter("weibull_min", x, dtype, shape) for x in (scale, concentration))
    return lax.mul(lax.pow(exponential(key, shape, dtype), lax.reciprocal(concentration)), scale)


def rayleigh(key: Any, scale: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the Rayleigh distribution."""
    dtype = _float_dtype("rayleigh", dtype)
    shape = _shape_of_parameters("rayleigh", shape, scale)
    scale = _parameter("rayleigh", scale, dtype, shape)
    return lax.mul(scale, lax.sqrt(lax.mul(lax.log(uniform(key, shape, dtype)), np.asarray(-2, dtype))))


def triangular(key: Any, left: Any, mode: Any, right: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the triangular distribution from `left` to `right` whose peak is at `mode`."""
    dtype = _float_dtype("triangular", dtype)
    shape = _shape_of_parameters("triangular", shape, left, mode, right)
    left, mode, right = (_parameter("triangular", x, dtype, shape) for x in (left, mode, right))
    width, rise, fall = lax.sub(right, left), lax.sub(mode, left), lax.sub(right, mode)
    u = uniform(key, shape, dtype)
    rest = lax.sub(np.ones((), dtype), u)
    below = lax.add(left, lax.sqrt(lax.mul(lax.mul(u, width), rise)))
    above = lax.sub(right, lax.sqrt(lax.mul(lax.mul(rest, width), fall)))
    return lax.select(lax.lt(u, lax.div(rise, width)), below, above)


# ---- discrete distributions ----------------------------------------------------------------------------


def bernoulli(key: Any, p: Any = 0.5, shape: Any = None, mode: str = "low") -> Any:
    """True with probability `p`; mode "high" resolves smaller probabilities at twice the cost."""
    raw = single_key("bernoulli", key)
    if mode not in ("low", "high"):
        fail(f"random.bernoulli: the mode is 'low' or 'high', got {mode!r}", kind=KeyValueError)
    p = as_operand("bernoulli", p)
    dtype = p.aval.dtype
    if dtypes.kind_of(dtype) != "f":
        fail(
            f"random.bernoulli: the probability must be floating point, got {p.aval}", kind=ArgumentTypeError
        )
    shape = _shape_of_parameters("bernoulli", shape, p)
    p = _spread("bernoulli", p, shape)
    if mode == "low":
        return lax.lt(_unit(raw, shape, dtype), p)
    coarse, fine = lax.unstack(_unit(raw, (2, *shape), dtype))
    scale = np.asarray(2.0 ** -dtypes.finfo(dtype).nmant, dtype)
    return lax.lt(lax.mul(fine, scale), lax.sub(p, coarse))


def rademacher(key: Any, shape: Any = (), dtype: Any = None) -> Any:
    """-1 or 1, equally likely."""
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "random.rademacher")
    drawn = converted(bernoulli(key, 0.5, canonical_shape("rademacher", shape)), dtype)
    return lax.sub(lax.mul(drawn, np.asarray(2, dtype)), np.asarray(1, dtype))


def geometric(key: Any, p: Any, shape: Any = None, dtype: Any = None) -> Any:
    """The number of trials up to the first success, each of probability `p`."""
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "random.geometric")
    p = as_operand("geometric", p)
    if dtypes.kind_of(p.aval.dtype) != "f":
        p = converted(p, dtypes.default_float_dtype())
    shape = _shape_of_parameters("geometric", shape, p)
    u = uniform(key, shape, p.aval.dtype)
    u = lax.select(lax.eq(u, lax.full_like(u, 0)), lax.full_like(u, 1), u)
    failures = lax.floor(lax.div(lax.log(u), _spread("geometric", lax.log1p(lax.neg(p)), shape)))
    return converted(lax.add(failures, lax.full_like(failures, 1)), dtype)


def categorical(
    key: Any, logits: Any, axis: int = -1, shape: Any = None, replace: bool = True, mode: str | None = None
) -> Any:
    """Positions along an axis, with probabilities of which `logits` are the logarithms up to a constant.

    The shape of the result, where given, is that of `logits` without the axis, after what further dimensions
    there are; without replacement, draws along these are distinct.
    """
    logits = _as_floats("categorical", logits)
    full = logits.aval.shape
    axis = axis_index("categorical", axis, len(full))
    batch = full[:axis] + full[axis + 1 :]
    shape = batch if shape is None else canonical_shape("categorical", shape)
    if lax.broadcast_shapes(shape, batch) != shape:
        fail(f"random.categorical: the shape {shape} must end in that of the logits without the axis, {batch}",
             kind=KeyValueError)  # fmt: skip
    lead, rest = shape[: len(shape) - len(batch)], shape[len(shape) - len(batch) :]
    dtype = logits.aval.dtype
    if replace:
        drawn = (*lead, *rest[:axis], full[axis], *rest[axis:])
        noisy = lax.add(gumbel(key, drawn, dtype, mode), broadcast_to("random.categorical", logits, drawn))
        return lax.argmax(noisy, len(lead) + axis, dtypes.default_int_dtype())
    count = math.prod(lead)
    if count > full[axis]:
        fail(
            f"random.categorical: {count} draws without replacement of {full[axis]} categories",
            kind=KeyValueError,
        )
    noisy = lax.add(logits, gumbel(key, full, dtype, mode))
    order = (*(i for i in range(len(full)) if i != axis), axis)
    _, positions = lax.top_k(lax.transpose(noisy, order), count)
    last = len(batch)
    return lax.reshape(lax.transpose(positions, (last, *range(last))), shape)


def permutation(key: Any, x: Any, axis: int = 0, independent: bool = False) -> Any:
    """`x`, or the range of an integer `x`, in random order along an axis.

    With `independent`, each vector along the axis is permuted by itself.
    """
    raw = single_key("permutation", key)
    x = as_operand("permutation", x)
    if not x.aval.shape:
        if dtypes.kind_of(x.aval.dtype) not in "iu":
            fail(f"random.permutation takes an array or an integer, got {x.aval}", kind=ArgumentTypeError)
        size = max(int(x), 0)
        return _shuffled(raw, lax.iota(dtypes.default_int_dtype(), size), 0)
    axis = axis_index("permutation", axis, len(x.aval.shape))
    if independent or len(x.aval.shape) == 1:
        return _shuffled(raw, x, axis)
    order = _shuffled(raw, lax.iota(dtypes.default_int_dtype(), x.aval.shape[axis]), 0)
    return _taken(x, order, axis)


def _shuffled(key: Any, x: Any, axis: int) -> Any:
    """Sorted by random 32-bit numbers, as often as makes it likely that no two elements tied in every round."""
    size = max(1, math.prod(x.aval.shape))
    rounds = math.ceil(3 * math.log(size) / math.log(2**32 - 1))
    for _ in range(rounds):
        key, sub = lax.unstack(split_raw(key, (2,)))
        _, x = lax.sort_key_val(random_bits(sub, 32, x.aval.shape), x, axis)
    return x


def choice(
    key: Any,
    a: Any,
    shape: Any = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: str | None = None,
) -> Any:
    """Elements of `a`, or of the range of an integer `a`, drawn along an axis, with probabilities `p` if given."""
    raw = single_key("choice", key)
    a = as_operand("choice", a)
    shape = canonical_shape("choice", shape)
    of, count = a.aval, math.prod(shape)
    axis = axis_index("choice", axis, len(of.shape)) if of.shape else 0
    size = of.shape[axis] if of.shape else int(a)
    result = of.shape[:axis] + shape + of.shape[axis + 1 :]
    if not count:
        return lax.full(shape, 0, of.dtype)
    if size <= 0:
        fail("random.choice: there is nothing to choose from", kind=KeyValueError)
    if not replace and count > size:
        fail(f"random.choice: {count} draws without replacement of {size} elements", kind=KeyValueError)
    if p is None and not replace:
        drawn = permutation(raw, a, axis)
        return lax.reshape(lax.slice_in_dim(drawn, 0, count, axis=axis), result)
    indices = randint(raw, shape, 0, size) if p is None else _weighted(raw, p, shape, size, replace, mode)
    drawn = _taken(a, lax.reshape(indices, (count,)), axis) if of.shape else indices
    return lax.reshape(drawn, result)


def _weighted(key: Any, p: Any, shape: tuple[int, ...], size: int, replace: bool, mode: str | None) -> Any:
    """Positions drawn with given probabilities."""
    p = _as_floats("choice", p)
    dtype = p.aval.dtype
    if p.aval.shape != (size,):
        fail(f"random.choice: p must have one probability for each of the {size} elements, got {p.aval}",
             kind=KeyValueError)  # fmt: skip
    if not replace:
        noisy = lax.add(gumbel(key, (size,), dtype, mode), lax.log(p))
        return converted(lax.top_k(noisy, math.prod(shape))[1], dtypes.default_int_dtype())
    total = lax.cumsum(p)
    rest = lax.sub(np.ones((), dtype), _unit(key, shape, dtype))
    return _positions(total, lax.mul(lax.index_in_dim(total, -1, keepdims=False), rest))


def _positions(ascending: Any, x: Any) -> Any:
    """How many elements of a sorted vector are less than each of `x`, by bisection."""
    (size,), shape = ascending.aval.shape, x.aval.shape
    dtype = dtypes.default_int_dtype()
    low, high = lax.full(shape, 0, dtype), lax.full(shape, size, dtype)
    for _ in range(size.bit_length()):
        middle = lax.shift_right_logical(lax.add(low, high), np.asarray(1, dtype))
        flat = lax.reshape(middle, (math.prod(shape),))
        less = lax.lt(lax.reshape(_taken(ascending, flat, 0), shape), x)
        less = lax.bitwise_and(less, lax.lt(low, high))
        low = lax.select(less, lax.add(middle, lax.full_like(middle, 1)), low)
        high = lax.select(less, high, middle)
    return low


# ---- helpers -------------------------------------------------------------------------------------------


def _taken(x: Any, indices: Any, axis: int) -> Any:
    """The slices of `x` at a vector of indices along an axis."""
    shape = x.aval.shape
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(i for i in range(len(shape)) if i != axis), collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )  # fmt: skip
    sizes = tuple(1 if i == axis else n for i, n in enumerate(shape))
    return lax.gather(x, lax.expand_dims(indices, (1,)), numbers, sizes, mode="clip")


def _float_dtype(name: str, dtype: Any, kinds: str = "f") -> np.dtype:
    """The floating point dtype that a user asks for; the default one for None."""
    if dtype is None:
        return dtypes.default_float_dtype()
    dtype = dtypes.check_user_dtype(dtype, f"random.{name}", stacklevel=4)
    if dtypes.kind_of(dtype) not in kinds:
        fail(
            f"random.{name} gives floating point numbers, not {dtypes.short_name(dtype)}", kind=KeyValueError
        )
    return dtype


def _as_floats(name: str, x: Any) -> Any:
    """An array of the user's, in floating point."""
    x = as_operand(name, x if hasattr(x, "dtype") else np.asarray(x))
    if dtypes.kind_of(x.aval.dtype) == "f":
        return x
    return converted(x, dtypes.to_inexact_dtype(x.aval.dtype))


def _in_dtype(name: str, x: Any, dtype: np.dtype) -> Any:
    """A parameter in the dtype of the result."""
    if type(x) is float or type(x) is int:
        return Array(np.asarray(x, dtype))
    return converted(as_operand(name, x), dtype)


def _parameter(name: str, x: Any, dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    """A parameter in the dtype of the result, repeated to its shape."""
    return _spread(name, _in_dtype(name, x, dtype), shape)


def _minus(high: Any, low: Any) -> Any:
    if high.aval is low.aval:
        return lax.sub(high, low)
    shape = lax.broadcast_shapes(high.aval.shape, low.aval.shape)
    return lax.sub(*(broadcast_to("random.uniform", x, shape) for x in (high, low)))


def _spread(name: str, x: Any, shape: tuple[int, ...]) -> Any:
    """A parameter repeated to the shape of the result."""
    if not x.aval.shape or x.aval.shape == shape:
        return broadcast_to(f"random.{name}", x, shape)
    _shape_of_parameters(name, shape, x)
    return broadcast_to(f"random.{name}", x, shape)


def _shape_of_parameters(name: str, shape: Any, *parameters: Any) -> tuple[int, ...]:
    """The shape of the result: the given one, to which parameters must broadcast, else that of the parameters."""
    shapes = [tuple(np.shape(p)) if not hasattr(p, "aval") else p.aval.shape for p in parameters]
    if shape is None:
        return lax.broadcast_shapes(*shapes)
    shape = canonical_shape(name, shape)
    if lax.broadcast_shapes(shape, *shapes) != shape:
        fail(f"random.{name}: parameters of shapes {', '.join(map(str, shapes))} do not broadcast to shape {shape}",
             kind=KeyValueError)  # fmt: skip
    return shape


__all__ = [
    "PRNGKey", "bernoulli", "bits", "categorical", "cauchy", "choice", "clone", "exponential", "fold_in",
    "geometric", "gumbel", "key", "key_data", "key_dtype", "key_impl", "laplace", "logistic", "lognormal",
    "maxwell", "normal", "pareto", "permutation", "rademacher", "randint", "rayleigh", "split", "triangular",
    "truncated_normal", "uniform", "weibull_min", "wrap_key_data",
]  # fmt: skip
