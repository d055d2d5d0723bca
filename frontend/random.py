"""`axil.random`: keys, and what is drawn under them, with JAX's names and bit for bit JAX's random bits.

A key always gives the same numbers. `split` makes new keys of one, for independent draws::

    key, sub = axil.random.split(axil.random.key(0))
    x = axil.random.normal(sub, (3,))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, lax, prng
from axil.config import config
from axil.count_samplers import binomial, multinomial, poisson
from axil.lax.common import ArgumentTypeError, axis_index, converted, fail
from axil.lax.common import operand as as_operand
from axil.lax.shaping import broadcast_to
from axil.prng import KeyValueError, PRNGKeyArray, canonical_shape, random_bits, single_key, split_raw, subkeys
from axil.rejection import beta, chisquare, dirichlet, f, gamma, generalized_normal, loggamma, random_gamma_p, t
from axil.sampling import (
    as_floats,
    bits,
    cauchy,
    double_sided_maxwell,
    exponential,
    gumbel,
    laplace,
    logistic,
    lognormal,
    maxwell,
    normal,
    pareto,
    randint,
    rayleigh,
    shape_of_parameters,
    spread_parameter,
    triangular,
    truncated_normal,
    uniform,
    unit_uniform,
    wald,
    weibull_min,
)
from axil.vector_samplers import ball, multivariate_normal, orthogonal

# ---- keys ----------------------------------------------------------------------------------------------


def PRNGKey(seed: Any, *, impl: Any = None) -> Any:  # noqa: N802 - JAX's name
    """A raw random key, ``u32[2]``, of an integer seed; of more or fewer words where `impl` names a generator."""
    generator = prng.generator_of("PRNGKey", impl)
    made = prng.made(prng.seeded("PRNGKey", seed, generator))
    return PRNGKeyArray(made, generator) if config.enable_custom_prng else made


def key(seed: Any, *, impl: Any = None, dtype: Any = None) -> PRNGKeyArray:
    """A typed random key of an integer seed, for the generator named by `impl` or by a key `dtype`.

    Generators are "threefry2x32" (the default), "rbg", "unsafe_rbg", "philox2x32", "philox4x32" and "threefry4x32".
    """
    generator = prng.generator_of("key", impl, dtype)
    return prng.made(PRNGKeyArray(prng.seeded("key", seed, generator), generator))


def key_data(keys: Any) -> Any:
    """The words of typed keys, as ``u32[..., words]``; two words for most generators."""
    return prng.raw_keys("key_data", keys)


def wrap_key_data(key_bits_array: Any, *, impl: Any = None, dtype: Any = None) -> PRNGKeyArray:
    """Typed keys of words ``u32[..., words]``."""
    generator = prng.generator_of("wrap_key_data", impl, dtype)
    return prng.made(PRNGKeyArray(prng.raw_words("wrap_key_data", key_bits_array, generator), generator))


def key_impl(keys: Any) -> str:
    """The name of the generator that keys are for."""
    prng.raw_keys("key_impl", keys)
    return keys.generator.name if isinstance(keys, PRNGKeyArray) else prng.THREEFRY.name


def key_dtype(impl_spec: Any = None) -> prng.KeyDType:
    """The dtype of typed keys of a generator, named as in `key`."""
    return prng.KEY_DTYPES[prng.generator_of("key_dtype", impl_spec).name]


def clone(key: Any) -> Any:
    """The key itself, to be used once more on purpose."""
    prng.raw_keys("clone", key)
    return prng.marked(key, "clone")


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


# ---- discrete distributions ----------------------------------------------------------------------------


def bernoulli(key: Any, p: Any = 0.5, shape: Any = None, mode: str = "low") -> Any:
    """True with probability `p`; mode "high" resolves smaller probabilities at twice the cost."""
    raw = single_key("bernoulli", key)
    if mode not in ("low", "high"):
        fail(f"random.bernoulli: the mode is 'low' or 'high', got {mode!r}", kind=KeyValueError)
    p = as_operand("bernoulli", p)
    dtype = p.aval.dtype
    if dtypes.kind_of(dtype) != "f":
        fail(f"random.bernoulli: the probability must be floating point, got {p.aval}", kind=ArgumentTypeError)
    shape = shape_of_parameters("bernoulli", shape, p)
    p = spread_parameter("bernoulli", p, shape)
    if mode == "low":
        return lax.lt(unit_uniform(raw, shape, dtype), p)
    coarse, fine = lax.unstack(unit_uniform(raw, (2, *shape), dtype))
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
    if dtypes.kind_of(dtype) not in "iu":
        fail(f"random.geometric gives integers, not {dtypes.short_name(dtype)}", kind=KeyValueError)
    p = as_operand("geometric", p)
    if dtypes.kind_of(p.aval.dtype) != "f":
        p = converted(p, dtypes.default_float_dtype())
    shape = shape_of_parameters("geometric", shape, p)
    u = uniform(key, shape, p.aval.dtype)
    u = lax.select(lax.eq(u, lax.full_like(u, 0)), lax.full_like(u, 1), u)
    failures = lax.floor(lax.div(lax.log(u), spread_parameter("geometric", lax.log1p(lax.neg(p)), shape)))
    return converted(lax.add(failures, lax.full_like(failures, 1)), dtype)


def categorical(
    key: Any, logits: Any, axis: int = -1, shape: Any = None, replace: bool = True, mode: str | None = None
) -> Any:
    """Positions along an axis, with probabilities of which `logits` are the logarithms up to a constant.

    The shape of the result, where given, is that of `logits` without the axis, after what further dimensions
    there are; without replacement, draws along these are distinct.
    """
    logits = as_operand("categorical", logits)
    if dtypes.kind_of(logits.aval.dtype) != "f":
        fail(f"random.categorical: logits must be floating point, got {logits.aval}", "convert them: x.astype(float)",
             kind=KeyValueError)  # fmt: skip
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
        axis_index("permutation", axis, 1)
        size = max(int(x), 0)
        return _shuffled(raw, lax.iota(dtypes.default_int_dtype(), size), 0)
    axis = axis_index("permutation", axis, len(x.aval.shape))
    if not x.aval.size:
        return x
    if independent or len(x.aval.shape) == 1:
        return _shuffled(raw, x, axis)
    order = _shuffled(raw, lax.iota(dtypes.default_int_dtype(), x.aval.shape[axis]), 0)
    return _taken(x, order, axis)


def _shuffled(key: Any, x: Any, axis: int) -> Any:
    """Sorted by random 32-bit numbers, as often as makes it likely that no two elements tied in every round."""
    size = max(1, math.prod(x.aval.shape))
    rounds = math.ceil(3 * math.log(size) / math.log(2**32 - 1))
    for _ in range(rounds):
        key, sub = subkeys(key, 2)
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
    p = as_floats("choice", p)
    dtype = p.aval.dtype
    if p.aval.shape != (size,):
        fail(f"random.choice: p must have one probability for each of the {size} elements, got {p.aval}",
             kind=KeyValueError)  # fmt: skip
    if not replace:
        noisy = lax.add(gumbel(key, (size,), dtype, mode), lax.log(p))
        return converted(lax.top_k(noisy, math.prod(shape))[1], dtypes.default_int_dtype())
    total = lax.cumsum(p)
    rest = lax.sub(np.ones((), dtype), unit_uniform(key, shape, dtype))
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


def _taken(x: Any, indices: Any, axis: int) -> Any:
    """The slices of `x` at a vector of indices along an axis."""
    shape = x.aval.shape
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(i for i in range(len(shape)) if i != axis), collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )  # fmt: skip
    sizes = tuple(1 if i == axis else n for i, n in enumerate(shape))
    return lax.gather(x, lax.expand_dims(indices, (1,)), numbers, sizes, mode="clip")


__all__ = [
    "PRNGKey", "ball", "bernoulli", "beta", "binomial", "bits", "categorical", "cauchy", "chisquare", "choice", "clone",
    "dirichlet", "double_sided_maxwell", "exponential", "f", "fold_in", "gamma", "generalized_normal", "geometric",
    "gumbel", "key", "key_data", "key_dtype", "key_impl", "laplace", "loggamma", "logistic", "lognormal", "maxwell",
    "multinomial", "multivariate_normal", "normal", "orthogonal", "pareto", "permutation", "poisson", "rademacher",
    "randint", "random_gamma_p", "rayleigh", "split", "t", "triangular", "truncated_normal", "uniform", "wald",
    "weibull_min", "wrap_key_data",
]  # fmt: skip
