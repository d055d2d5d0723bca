"""Bits of counter-based generators: `rng_bit_generator`, the hashes behind it, and `rng_uniform`.

Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011). Bits are those that XLA gives on CPUs.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.core import bind
from axil.dialects.random import threefry2x32
from axil.lax import elementwise as el
from axil.lax.common import ArgumentTypeError, converted, fail, operand, operands, result_dtype, shape_of
from axil.lax.shaping import broadcast_in_dim, full, iota, reshape, stack
from axil.lax.slicing import slice_in_dim

U32 = np.dtype(np.uint32)
U64 = np.dtype(np.uint64)
_UNSIGNED = {np.dtype(f"u{n}") for n in (1, 2, 4, 8)}


class RandomAlgorithm(enum.IntEnum):
    """The generators that `rng_bit_generator` knows; the default one is Philox."""

    RNG_DEFAULT = 0
    RNG_THREE_FRY = 1
    RNG_PHILOX = 2

    def __str__(self) -> str:
        return self.name


def rng_bit_generator(
    key: Any, shape: Any, dtype: Any = np.uint32, algorithm: Any = RandomAlgorithm.RNG_DEFAULT
) -> tuple[Any, Any]:
    """Random bits of a shape and unsigned dtype under a key, and the key for the next ones.

    The key is ``u32[4]`` or ``u64[2]``: two words of a key, then two of a counter, the low word first. `axil.random`
    is easier to use.
    """
    key = operand("rng_bit_generator", key)
    dtype = result_dtype("rng_bit_generator", dtype)
    if dtype not in _UNSIGNED:
        fail(f"lax.rng_bit_generator gives unsigned integers, not {dtype}", "bitcast them", kind=ArgumentTypeError)
    shape = shape_of("rng_bit_generator", shape)
    words = _key_words(key)
    if RandomAlgorithm(algorithm) is RandomAlgorithm.RNG_THREE_FRY:
        used, drawn = _threefry_bits(words, shape, dtype)
    else:
        used, drawn = _philox_bits(words, shape, dtype)
    low, high, _ = _counted(words[2], words[3], full((), used, U32))
    return _key_of(key, [words[0], words[1], low, high]), drawn


def _key_words(key: Any) -> list[Any]:
    """The four 32-bit words of a key."""
    of = key.aval
    if of.shape == (4,) and of.dtype == U32:
        return [reshape(slice_in_dim(key, i, i + 1), ()) for i in range(4)]
    if of.shape == (2,) and of.dtype == U64:
        words = []
        for i in range(2):
            wide = reshape(slice_in_dim(key, i, i + 1), ())
            words += [converted(wide, U32), converted(el.shift_right_logical(wide, np.asarray(32, U64)), U32)]
        return words
    fail(f"lax.rng_bit_generator takes a key u32[4] or u64[2], got {of}")


def _key_of(like: Any, words: Sequence[Any]) -> Any:
    """Four words as a key of the form of another."""
    if like.aval.dtype == U32:
        return stack(words)
    return stack([_wide(*words[:2]), _wide(*words[2:])])


def _wide(low: Any, high: Any) -> Any:
    """64-bit numbers of two words."""
    low, high = converted(low, U64), converted(high, U64)
    return el.bitwise_or(low, el.shift_left(high, full(high.aval.shape, 32, U64)))


def _counted(low: Any, high: Any, steps: Any) -> tuple[Any, Any, Any]:
    """A 64-bit counter in two words, so many steps on, and what is carried beyond."""
    moved = el.add(low, steps)
    carry = converted(el.lt(moved, steps), U32)
    top = el.add(high, carry)
    return moved, top, converted(el.lt(top, carry), U32)


def _spread(words: Sequence[Any], size: int) -> list[Any]:
    return [broadcast_in_dim(word, (size,), ()) for word in words]


def _philox_bits(words: Sequence[Any], shape: tuple[int, ...], dtype: np.dtype) -> tuple[int, Any]:
    """How many counters were used, and bits: four words of each, in order."""
    size = math.prod(shape)
    needed = size * (2 if dtype == U64 else 1)
    blocks = -(-needed // 4)
    key0, key1, low, high = _spread(words, blocks)
    low, high, carry = _counted(low, high, iota(U32, blocks))
    third, fourth, _ = _counted(key0, key1, carry)
    flat = reshape(stack(philox4x32(key0, key1, low, high, third, fourth), 1), (4 * blocks,))
    if dtype == U64:
        pairs = reshape(slice_in_dim(flat, 0, needed), (size, 2))
        drawn = _wide(*(reshape(slice_in_dim(pairs, i, i + 1, axis=1), (size,)) for i in range(2)))
    else:
        drawn = converted(slice_in_dim(flat, 0, size), dtype)
    return blocks, reshape(drawn, shape)


def _threefry_bits(words: Sequence[Any], shape: tuple[int, ...], dtype: np.dtype) -> tuple[int, Any]:
    """How many counters were used, and bits: two words of each.

    The two are neighbours along the first dimension of even size, else along the largest, of which one is dropped.
    """
    if dtype == U64 or not shape:
        pairs, split = shape, None
    else:
        even = [i for i, n in enumerate(shape) if n % 2 == 0]
        split = even[0] if even else max(range(len(shape)), key=lambda i: shape[i])
        pairs = tuple((n + 1) // 2 if i == split else n for i, n in enumerate(shape))
    count = math.prod(pairs)
    key0, key1, low, high = _spread(words, count)
    low, high, _ = _counted(low, high, iota(U32, count))
    first, second = bind(threefry2x32, key0, key1, low, high)
    if dtype == U64:
        return count, reshape(_wide(first, second), shape)
    if split is None:
        return count, converted(reshape(first, shape), dtype)
    both = stack([reshape(first, pairs), reshape(second, pairs)], split + 1)
    whole = tuple(2 * n if i == split else n for i, n in enumerate(pairs))
    drawn = slice_in_dim(reshape(both, whole), 0, shape[split], axis=split)
    return count, converted(drawn, dtype)


# ---- hashes --------------------------------------------------------------------------------------------

_PHILOX4 = (0xD2511F53, 0xCD9E8D57)
_PHILOX2 = 0xD256D193
_WEYL = (0x9E3779B9, 0xBB67AE85)
_THREEFRY4_ROTATIONS = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))
_PARITY = 0x1BD11BDA


def _word(x: Any, value: int) -> Any:
    return full(x.aval.shape, np.uint32(value), U32)


def philox4x32(key0: Any, key1: Any, x0: Any, x1: Any, x2: Any, x3: Any) -> tuple[Any, Any, Any, Any]:
    """The Philox hash of four-word counters under two-word keys, 10 rounds; all ``u32`` of one shape."""
    m0, m1 = (_word(x0, m) for m in _PHILOX4)
    for i in range(10):
        if i:
            key0, key1 = (el.add(k, _word(k, w)) for k, w in zip((key0, key1), _WEYL))
        high0, low0, high1, low1 = el.mulhi(m0, x0), el.mul(m0, x0), el.mulhi(m1, x2), el.mul(m1, x2)
        x0, x1, x2, x3 = _xor(high1, x1, key0), low1, _xor(high0, x3, key1), low0
    return x0, x1, x2, x3


def philox2x32(key: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """The Philox hash of two-word counters under one-word keys, 10 rounds; all ``u32`` of one shape."""
    m = _word(x0, _PHILOX2)
    for i in range(10):
        if i:
            key = el.add(key, _word(key, _WEYL[0]))
        x0, x1 = _xor(el.mulhi(m, x0), x1, key), el.mul(m, x0)
    return x0, x1


def threefry4x32(key: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """The Threefry hash of four-word counters under four-word keys, 20 rounds; all ``u32`` of one shape."""
    parity = _xor(_xor(key[0], key[1], key[2]), key[3], _word(key[0], _PARITY))
    keys = [*key, parity]
    x = [el.add(a, k) for a, k in zip(x, keys)]
    for i in range(20):
        left, right = _THREEFRY4_ROTATIONS[i % 8]
        # The partners of the first and third word take turns.
        a, b = (1, 3) if i % 2 == 0 else (3, 1)
        x[0] = el.add(x[0], x[a])
        x[a] = el.bitwise_xor(_rotated(x[a], left), x[0])
        x[2] = el.add(x[2], x[b])
        x[b] = el.bitwise_xor(_rotated(x[b], right), x[2])
        if i % 4 == 3:
            step = i // 4 + 1
            x = [el.add(word, keys[(step + j) % 5]) for j, word in enumerate(x)]
            x[3] = el.add(x[3], _word(x[3], step))
    return x


def _xor(a: Any, b: Any, c: Any) -> Any:
    return el.bitwise_xor(el.bitwise_xor(a, b), c)


def _rotated(x: Any, by: int) -> Any:
    return el.bitwise_or(el.shift_left(x, _word(x, by)), el.shift_right_logical(x, _word(x, 32 - by)))


# ---- without a key -------------------------------------------------------------------------------------

_draws = itertools.count()


def rng_uniform(a: Any, b: Any, shape: Any) -> Any:
    """Numbers between the scalars `a` and `b`, of no key: every call gives others, in an order fixed per process.

    A compiled function gives the same at each call, as its numbers are chosen when it is traced; `axil.random`, whose
    numbers are those of a key, is the better tool.
    """
    a, b = operands("rng_uniform", (a, b))
    if a.aval.dtype != b.aval.dtype:
        fail(f"lax.rng_uniform takes limits of one dtype, got {a.aval} and {b.aval}", kind=ArgumentTypeError)
    if a.aval.shape or b.aval.shape:
        fail(f"lax.rng_uniform takes scalar limits, got {a.aval} and {b.aval}")
    from axil import random

    key = random.fold_in(random.PRNGKey(0x5EED), next(_draws))
    shape = shape_of("rng_uniform", shape)
    dtype = a.aval.dtype
    if dtype.kind in "iu":
        return random.randint(key, shape, a, b, dtype)
    return random.uniform(key, shape, dtype, a, b)


__all__ = ["RandomAlgorithm", "philox2x32", "philox4x32", "rng_bit_generator", "rng_uniform",
           "threefry4x32"]  # fmt: skip
