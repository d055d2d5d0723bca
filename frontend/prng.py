"""Random keys and bits, on which `axil.random` is built: threefry-2x32, bit for bit as JAX's.

A key is two 32-bit words. Element `i` of what is drawn under a key is the hash of the counter `i` under it, so
that any part of an array can be computed alone, and a sharded array is what the whole would be.

Keys come in two forms: raw ones (`PRNGKey`) are `u32[2]` arrays, typed ones (`key`) are `PRNGKeyArray` objects that
wrap such an array, and whose shape leaves out the last dimension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, lax, tree
from axil.config import config
from axil.core import Array, ShapeError, Tracer, aval, bind, make_array, state
from axil.dialects.random import _PARITY, _ROTATIONS, threefry2x32
from axil.lax.common import ArgumentTypeError, converted, fail, ints
from axil.lax.common import operand as as_operand

IMPLEMENTATION = "threefry2x32"
U32 = np.dtype(np.uint32)
UNSIGNED = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: U32, 64: np.dtype(np.uint64)}
_RAW_KEY = aval((2,), U32)


class KeyDType(dtypes.ExtendedDType):
    """The dtype of typed keys."""

    type = dtypes.prng_key
    name = "key<fry>"
    itemsize = 8

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


KEY_DTYPE = KeyDType()


@tree.register_pytree_node_class
class PRNGKeyArray:
    """An array of random keys, made by `axil.random.key` and `axil.random.split`."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        """Wrap raw keys, `u32[..., 2]`. For users: `axil.random.wrap_key_data`."""
        self._data = data

    def tree_flatten(self) -> tuple[tuple[Any], None]:
        """The raw keys are the one leaf."""
        return (self._data,), None

    @classmethod
    def tree_unflatten(cls, _: None, children: Sequence[Any]) -> PRNGKeyArray:
        """Inverse of `tree_flatten`; the leaf may be anything."""
        return cls(children[0])

    @property
    def dtype(self) -> KeyDType:
        """The dtype of keys, a subtype of `axil.dtypes.prng_key`."""
        return KEY_DTYPE

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of keys."""
        return self._data.aval.shape[:-1]

    @property
    def ndim(self) -> int:
        """Number of dimensions of the array of keys."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of keys."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single random key")
        return self.shape[0]

    def __getitem__(self, index: Any) -> PRNGKeyArray:
        index = index if isinstance(index, tuple) else (index,)
        if any(i is Ellipsis for i in index):
            return PRNGKeyArray(self._data[(*index, slice(None))])
        return PRNGKeyArray(self._data[index])

    def __iter__(self) -> Iterator[PRNGKeyArray]:
        if not self.shape:
            raise TypeError("a single random key cannot be iterated over; axil.random.split makes several of it")
        return iter([PRNGKeyArray(data) for data in lax.unstack(self._data)])

    def reshape(self, *shape: Any) -> PRNGKeyArray:
        """The same keys in another shape; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
        known = math.prod(n for n in sizes if n != -1)
        sizes = tuple(self.size // max(known, 1) if n == -1 else n for n in sizes)
        return PRNGKeyArray(lax.reshape(self._data, (*sizes, 2)))

    def ravel(self) -> PRNGKeyArray:
        """The keys in one dimension."""
        return self.reshape(self.size)

    flatten = ravel

    def __repr__(self) -> str:
        return f"PRNGKeyArray({self.shape}, {self.dtype}, {self._data!r})"


# ---- making keys ---------------------------------------------------------------------------------------


def seeded(name: str, seed: Any, impl: Any) -> Any:
    """The raw key of a seed."""
    check_implementation(name, impl)
    if isinstance(seed, PRNGKeyArray):
        fail(f"random.{name} takes a scalar seed, got a random key", kind=ArgumentTypeError)
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, np.generic):
        return _of_integer(name, int(seed))
    seed = as_operand(name, seed)
    of = seed.aval
    if of.shape:
        fail(
            f"random.{name} takes a scalar seed, got {of}",
            "map over several with axil.vmap",
            kind=ArgumentTypeError,
        )
    if dtypes.kind_of(of.dtype) not in "iu":
        fail(f"random.{name}: the seed must be an integer, got {of}", kind=ArgumentTypeError)
    low = converted(seed, U32)
    high = lax.full((), 0, U32)
    if of.dtype.itemsize == 8:
        high = converted(lax.shift_right_logical(seed, np.asarray(32, of.dtype)), U32)
    return lax.stack([high, low])


def _of_integer(name: str, seed: int) -> Array:
    """Seeds have 64 bits, of which 32 are used where 64-bit types are off, as in JAX."""
    if not -(2**63) <= seed < 2**63:
        raise OverflowError(f"random.{name}: the seed {seed} does not fit in 64 bits")
    high = (seed >> 32) & 0xFFFFFFFF if config.enable_x64 else 0
    return make_array(np.array([high, seed & 0xFFFFFFFF], U32), _RAW_KEY)


def check_implementation(name: str, impl: Any) -> None:
    """Raise an error for generators that there are none of."""
    if impl is not None and impl != IMPLEMENTATION and impl is not KEY_DTYPE:
        fail(f"random.{name}: the generator is '{IMPLEMENTATION}', got impl={impl!r}", kind=KeyValueError)


class KeyValueError(errors.AxilError, ValueError):
    """A random key or a parameter of a distribution has a value or shape that it must not have."""


def raw_keys(name: str, key: Any) -> Any:
    """The raw keys `u32[..., 2]` of keys in either form; an error for users if there are none."""
    if type(key) is PRNGKeyArray:
        return key._data
    if type(key) is not Array and type(key) is not Tracer:
        if not isinstance(key, np.ndarray):
            fail(f"random.{name} takes a random key, got {key!r} of type {type(key).__name__}",
                 "make one of a seed: axil.random.key(0)", kind=ArgumentTypeError)  # fmt: skip
        key = as_operand(name, key)
    of = key.aval
    if of.dtype != U32 or of.shape[-1:] != (2,):
        fail(f"random.{name} takes a random key, which is u32[2], got {of}", "make one of a seed: axil.random.key(0)",
             kind=KeyTypeError)  # fmt: skip
    return key


class KeyTypeError(errors.AxilTypeError, ValueError):
    """An array that is no random key was passed as one."""


def single_key(name: str, key: Any) -> Any:
    """The raw key `u32[2]` of one key in either form."""
    if (type(key) is Array or type(key) is Tracer) and key.aval is _RAW_KEY:
        return key
    data = raw_keys(name, key)
    if data.aval is not _RAW_KEY:
        fail(f"random.{name} takes a single key, got keys of shape {data.aval.shape[:-1]}",
             "map over the keys with axil.vmap", kind=KeyValueError)  # fmt: skip
    return data


def like(key: Any, data: Any) -> Any:
    """Raw keys in the form of another key."""
    return PRNGKeyArray(data) if type(key) is PRNGKeyArray else data


# ---- hashing -------------------------------------------------------------------------------------------


def _words(key: Any, shape: tuple[int, ...]) -> list[Any]:
    """The two words of a raw key, each repeated to a shape."""
    words = (lax.reshape(part, ()) for part in lax.split(key, (1, 1)))
    return [lax.broadcast(word, shape) for word in words]


def hashed(key: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Two random words for each element of a shape: the hashes of its position under a raw key."""
    size = math.prod(shape)
    if type(key) is Array and state.trace is None:
        return _hashed_at_once(key._numpy, shape, size)
    if not size:
        return lax.full(shape, 0, U32), lax.full(shape, 0, U32)
    high, low = _counter(size)
    first, second = bind(threefry2x32, *_words(key, (size,)), high, low)
    return lax.reshape(first, shape), lax.reshape(second, shape)


def _counter(size: int) -> tuple[Any, Any]:
    """0, 1, 2, ... as 64-bit numbers, in two words."""
    low = lax.iota(U32, size)
    if size <= 2**32:
        return lax.full((size,), 0, U32), low
    raise NotImplementedError(f"{size} random elements at once; draw at most 2**32, under several keys")


_FEW = 12
"""Up to so many elements, Python's integers are quicker than NumPy's 100 calls: splitting a key takes 15 us."""


def _hashed_few(key0: int, key1: int, size: int) -> tuple[list[int], list[int]]:
    """The hashes of 0 to `size` (excluded) under a key of two words; the same as the op `threefry2x32`."""
    mask, keys = 0xFFFFFFFF, (key0, key1, key0 ^ key1 ^ _PARITY)
    first, second = [], []
    for counter in range(size):
        a, b = key0, counter + key1 & mask
        for i, rotations in enumerate(_ROUNDS):
            for r in rotations:
                a = a + b & mask
                b = (b << r | b >> 32 - r) & mask ^ a
            a = a + keys[(i + 1) % 3] & mask
            b = b + keys[(i + 2) % 3] + i + 1 & mask
        first.append(a)
        second.append(b)
    return first, second


_ROUNDS = [_ROTATIONS[i % 2] for i in range(5)]


def _hashed_at_once(key: np.ndarray, shape: tuple[int, ...], size: int) -> tuple[Array, Array]:
    """`hashed` of a concrete key: the key's words need no repetition, as NumPy broadcasts them."""
    of = aval(shape, U32)
    if size <= _FEW:
        first, second = (np.array(words, U32) for words in _hashed_few(int(key[0]), int(key[1]), size))
        return make_array(first.reshape(shape), of), make_array(second.reshape(shape), of)
    low = np.arange(size, dtype=U32)
    high = np.zeros((), U32) if size <= 2**32 else (np.arange(size) >> 32).astype(U32)
    first, second = threefry2x32.reference(key[0], key[1], high, low)
    return make_array(first.reshape(shape), of), make_array(second.reshape(shape), of)


def split_raw(key: Any, shape: tuple[int, ...]) -> Any:
    """New raw keys of a shape, `u32[*shape, 2]`, from a raw key."""
    return lax.stack(hashed(key, shape), axis=len(shape))


def fold_in_raw(key: Any, data: Any) -> Any:
    """A new raw key from a raw key and an integer word."""
    words = _words(key, ())
    return lax.stack(bind(threefry2x32, *words, lax.full((), 0, U32), data))


def random_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    """Random unsigned integers of 8, 16, 32 or 64 bits under a raw key."""
    first, second = hashed(key, shape)
    if width == 64:
        wide = UNSIGNED[64]
        high, low = (converted(x, wide) for x in (first, second))
        return lax.bitwise_or(lax.shift_left(high, np.asarray(32, wide)), low)
    bits = lax.bitwise_xor(first, second)
    return bits if width == 32 else converted(bits, UNSIGNED[width])


def canonical_shape(name: str, shape: Any) -> tuple[int, ...]:
    """A shape given by the user, as a tuple of integers that are not negative."""
    if not isinstance(shape, Sequence) and not hasattr(shape, "__len__"):
        fail(f"random.{name}: the shape must be a sequence of integers, got {shape!r}",
             f"write ({shape},) for one dimension", kind=ArgumentTypeError)  # fmt: skip
    result = ints(name, "the shape", shape)
    if any(n < 0 for n in result):
        fail(f"random.{name}: the shape must have no negative dimension, got {result}", kind=ShapeError)
    return result
