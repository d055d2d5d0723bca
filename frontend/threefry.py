"""The threefry-2x32 generator of raw keys ``u32[2]``, bit for bit as JAX's.

Element `i` of what is drawn under a key is the hash of the counter `i` under it, so that any part of an array can be
computed alone, and a sharded array is what the whole would be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from axil import lax
from axil.core import Array, aval, bind, make_array, state
from axil.dialects.random import _PARITY, _ROTATIONS, threefry2x32
from axil.lax.common import converted

U32 = np.dtype(np.uint32)
UNSIGNED = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: U32, 64: np.dtype(np.uint64)}


def words(key: Any, shape: tuple[int, ...]) -> list[Any]:
    """The words of a raw key, each repeated to a shape."""
    count = key.aval.shape[0]
    return [lax.broadcast(lax.reshape(part, ()), shape) for part in lax.split(key, (1,) * count)]


def counter(size: int) -> tuple[Any, Any]:
    """0, 1, 2, ... as 64-bit numbers, in two words."""
    low = lax.iota(U32, size)
    if size <= 2**32:
        return lax.full((size,), 0, U32), low
    raise NotImplementedError(f"{size} random elements at once; draw at most 2**32, under several keys")


def hashed(key: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Two random words for each element of a shape: the hashes of its position under a raw key."""
    size = math.prod(shape)
    if type(key) is Array and state.trace is None:
        return _hashed_at_once(key._numpy, shape, size)
    if not size:
        return lax.full(shape, 0, U32), lax.full(shape, 0, U32)
    high, low = counter(size)
    first, second = bind(threefry2x32, *words(key, (size,)), high, low)
    return lax.reshape(first, shape), lax.reshape(second, shape)


def split(key: Any, shape: tuple[int, ...]) -> Any:
    """New raw keys of a shape, ``u32[*shape, 2]``."""
    return lax.stack(hashed(key, shape), axis=len(shape))


def fold_in(key: Any, data: Any) -> Any:
    """A new raw key of a raw key and a word."""
    if type(key) is Array and type(data) is Array and state.trace is None:
        first, second = _hashed_few(int(key._numpy[0]), int(key._numpy[1]), (int(data._numpy),))
        return make_array(np.array([*first, *second], U32), aval((2,), U32))
    return lax.stack(bind(threefry2x32, *words(key, ()), lax.full((), 0, U32), data))


def bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    """Random unsigned integers of 8, 16, 32 or 64 bits."""
    first, second = hashed(key, shape)
    if width == 64:
        return joined(first, second)
    drawn = lax.bitwise_xor(first, second)
    return drawn if width == 32 else converted(drawn, UNSIGNED[width])


def joined(high: Any, low: Any) -> Any:
    """64-bit numbers of two words."""
    wide = UNSIGNED[64]
    high, low = (converted(x, wide) for x in (high, low))
    return lax.bitwise_or(lax.shift_left(high, np.asarray(32, wide)), low)


# ---- at once -------------------------------------------------------------------------------------------

_FEW = 12
"""Up to so many elements, Python's integers are quicker than NumPy's 100 calls: splitting a key takes 15 us."""

_ROUNDS = [_ROTATIONS[i % 2] for i in range(5)]


def _hashed_few(key0: int, key1: int, counters: Iterable[int]) -> tuple[list[int], list[int]]:
    """The hashes of 32-bit counters under a key of two words; the same as the op `threefry2x32`."""
    mask, keys = 0xFFFFFFFF, (key0, key1, key0 ^ key1 ^ _PARITY)
    first, second = [], []
    for count in counters:
        a, b = key0, count + key1 & mask
        for i, rotations in enumerate(_ROUNDS):
            for r in rotations:
                a = a + b & mask
                b = (b << r | b >> 32 - r) & mask ^ a
            a = a + keys[(i + 1) % 3] & mask
            b = b + keys[(i + 2) % 3] + i + 1 & mask
        first.append(a)
        second.append(b)
    return first, second


def _hashed_at_once(key: np.ndarray, shape: tuple[int, ...], size: int) -> tuple[Array, Array]:
    """`hashed` of a concrete key: the key's words need no repetition, as NumPy broadcasts them."""
    of = aval(shape, U32)
    if size <= _FEW:
        first, second = (np.array(part, U32) for part in _hashed_few(int(key[0]), int(key[1]), range(size)))
        return make_array(first.reshape(shape), of), make_array(second.reshape(shape), of)
    low = np.arange(size, dtype=U32)
    high = np.zeros((), U32) if size <= 2**32 else (np.arange(size) >> 32).astype(U32)
    first, second = threefry2x32.reference(key[0], key[1], high, low)
    return make_array(first.reshape(shape), of), make_array(second.reshape(shape), of)
