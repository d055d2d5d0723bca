"""Random keys, on which `axil.random` is built.

Keys come in two forms: raw ones (`PRNGKey`) are ``u32[2]`` arrays, of the threefry generator; typed ones (`key`) are
`PRNGKeyArray` objects that wrap an array of words, and whose shape leaves out the last dimension. They know their
generator, of which there are several (`axil.generators`).

Samplers work on what `single_key` gives: the raw key where the generator is threefry, else the typed key.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from axil import dtypes, errors, lax, pytrees, threefry
from axil.config import config
from axil.core import Array, ShapeError, Tracer, aval, make_array
from axil.generators import GENERATORS, THREEFRY, Generator
from axil.lax.common import ArgumentTypeError, converted, fail, ints
from axil.lax.common import operand as as_operand
from axil.shape_structs import ShapeDtypeStruct
from axil.threefry import U32, UNSIGNED  # noqa: F401  (for samplers)
from axil.tree_keys import HiddenKey
from axil.tree_registration import ArrayNode

_RAW_KEY = aval((2,), U32)


class KeyDType(dtypes.ExtendedDType):
    """The dtype of typed keys of a generator."""

    type = dtypes.prng_key

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.name = f"key<{generator.tag}>"
        self.itemsize = 4 * generator.words

    def struct(self, shape: Sequence[int], weak_type: bool = False) -> PRNGKeyArray:
        """Keys without values, of a shape: what a `ShapeDtypeStruct` of this dtype is."""
        words = ShapeDtypeStruct((*shape, self.generator.words), U32, weak_type=weak_type)
        return PRNGKeyArray(words, self.generator)

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__

    def __reduce__(self) -> tuple:
        """There is one for each generator."""
        return _dtype_named, (self.generator.name,)


def _dtype_named(name: str) -> KeyDType:
    return KEY_DTYPES[name]


KEY_DTYPES = {name: KeyDType(g) for name, g in GENERATORS.items()}
KEY_DTYPE = KEY_DTYPES[THREEFRY.name]


class KeyValueError(errors.AxilError, ValueError):
    """A random key or a parameter of a distribution has a value or shape that it must not have."""


class KeyTypeError(errors.AxilTypeError, ValueError):
    """An array that is no random key was passed as one."""


@pytrees.register_pytree_with_keys_class
class PRNGKeyArray(ArrayNode):
    """An array of random keys, made by `axil.random.key` and `axil.random.split`.

    Keys are compared with ``==``, indexed, and moved into other shapes; numbers are drawn under them by `axil.random`.
    """

    __slots__ = ("_data", "generator")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: Any, generator: Generator = THREEFRY) -> None:
        """Wrap raw keys, ``u32[..., words]``. For users: `axil.random.wrap_key_data`."""
        self._data = data
        self.generator = generator

    def tree_flatten(self) -> tuple[tuple[Any], Generator]:
        """The raw keys are the one leaf."""
        return (self._data,), self.generator

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any]], Generator]:
        """As `tree_flatten`; paths end at the keys."""
        return ((HiddenKey(), self._data),), self.generator

    @classmethod
    def tree_unflatten(cls, generator: Generator, children: Sequence[Any]) -> PRNGKeyArray:
        """Inverse of `tree_flatten`; the leaf may be anything."""
        return cls(children[0], generator)

    def _with(self, data: Any) -> PRNGKeyArray:
        return PRNGKeyArray(data, self.generator)

    @property
    def has_values(self) -> bool:  # type: ignore[override]
        """Whether there are words, and not their shape only."""
        return type(self._data) is not ShapeDtypeStruct

    @property
    def dtype(self) -> KeyDType:
        """The dtype of keys, a subtype of `axil.dtypes.prng_key`."""
        return KEY_DTYPES[self.generator.name]

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

    @property
    def itemsize(self) -> int:
        """Bytes of one key."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all keys."""
        return self.itemsize * self.size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single random key")
        return self.shape[0]

    def __bool__(self) -> bool:
        raise TypeError("a random key has no truth value; compare keys with ==")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError("a random key cannot be converted to a NumPy array; axil.random.key_data gives its words")

    def __eq__(self, other: object) -> Any:
        if not self.has_values:
            return isinstance(other, PRNGKeyArray) and self.dtype is other.dtype and self._data == other._data
        same = self._same_words(other)
        return lax.reduce_and(same, (len(same.shape) - 1,))

    def __ne__(self, other: object) -> Any:
        return lax.bitwise_not(self == other) if self.has_values else not self == other

    def _same_words(self, other: Any) -> Any:
        """Word by word, whether keys are equal."""
        if not isinstance(other, PRNGKeyArray) or other.generator is not self.generator:
            what = other.dtype if isinstance(other, PRNGKeyArray) else type(other).__name__
            fail(f"keys of {self.dtype} can be compared with such keys alone, got {what}", kind=KeyTypeError)
        from axil import numpy as anp

        return anp.equal(self._data, other._data)

    def __getitem__(self, index: Any) -> PRNGKeyArray:
        return self._with(self._data[_of_keys(index)])

    def __iter__(self) -> Iterator[PRNGKeyArray]:
        if not self.shape:
            raise TypeError("a single random key cannot be iterated over; axil.random.split makes several of it")
        return iter([self._with(data) for data in lax.unstack(self._data)])

    @property
    def at(self) -> KeyUpdates:
        """``keys.at[index].set(key)``: keys, some of them replaced."""
        return KeyUpdates(self)

    def reshape(self, *shape: Any) -> PRNGKeyArray:
        """The same keys in another shape; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
        known = math.prod(n for n in sizes if n != -1)
        sizes = tuple(self.size // max(known, 1) if n == -1 else n for n in sizes)
        return self._with(lax.reshape(self._data, (*sizes, self.generator.words)))

    def ravel(self) -> PRNGKeyArray:
        """The keys in one dimension."""
        return self.reshape(self.size)

    flatten = ravel

    def squeeze(self, axis: Any = None) -> PRNGKeyArray:
        """The keys without dimensions of size 1: all of them, or those named."""
        shape, ndim = self.shape, self.ndim
        axes = range(ndim) if axis is None else [i % ndim for i in ints("squeeze", "axis", axis)]
        return self.reshape(tuple(n for i, n in enumerate(shape) if i not in axes or axis is None and n != 1))

    def transpose(self, *axes: Any) -> PRNGKeyArray:
        """The keys with their dimensions in another order, by default the reverse one."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], Sequence) else axes
        order = [i % self.ndim for i in order] if order else range(self.ndim)[::-1]
        return self._with(lax.transpose(self._data, (*order, self.ndim)))

    @property
    def T(self) -> PRNGKeyArray:  # noqa: N802 - NumPy's name
        """The keys with all dimensions reversed."""
        return self.transpose()

    def swapaxes(self, axis1: int, axis2: int) -> PRNGKeyArray:
        """The keys with two dimensions exchanged."""
        order = list(range(self.ndim))
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(order)

    def take(self, indices: Any, axis: int | None = None) -> PRNGKeyArray:
        """The keys at indices along an axis, or of all in one dimension."""
        from axil import numpy as anp

        if axis is None:
            return self.ravel().take(indices, 0)
        return self._with(anp.take(self._data, indices, axis % self.ndim))

    def copy(self) -> PRNGKeyArray:
        """The same keys."""
        return self._with(self._data)

    def block_until_ready(self) -> PRNGKeyArray:
        """The keys themselves, once they are computed."""
        self._data.block_until_ready()
        return self

    def __repr__(self) -> str:
        if not self.has_values:
            return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype})"
        return f"PRNGKeyArray({self.shape}, {self.dtype}, {self._data!r})"


def _of_keys(index: Any) -> tuple[Any, ...]:
    """An index into keys as one into their words, of which it takes all."""
    index = index if isinstance(index, tuple) else (index,)
    return (*index, slice(None)) if any(i is Ellipsis for i in index) else (*index, Ellipsis, slice(None))


class KeyUpdates:
    """What `PRNGKeyArray.at` gives: an index and then `set` or `get`."""

    __slots__ = ("_keys", "_index")

    def __init__(self, keys: PRNGKeyArray, index: Any = Ellipsis) -> None:
        self._keys = keys
        self._index = index

    def __getitem__(self, index: Any) -> KeyUpdates:
        return KeyUpdates(self._keys, index)

    def set(self, values: PRNGKeyArray, **options: Any) -> PRNGKeyArray:
        """The keys with those at the index replaced."""
        data = raw_words("at[...].set", values, self._keys.generator)
        return self._keys._with(self._keys._data.at[_of_keys(self._index)].set(data, **options))

    def get(self, **options: Any) -> PRNGKeyArray:
        """The keys at the index."""
        return self._keys._with(self._keys._data.at[_of_keys(self._index)].get(**options))


# ---- making keys ---------------------------------------------------------------------------------------


def seeded(name: str, seed: Any, generator: Generator) -> Any:
    """The raw key of a seed."""
    if isinstance(seed, PRNGKeyArray):
        fail(f"random.{name} takes a scalar seed, got a random key", kind=ArgumentTypeError)
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, np.generic):
        return _of_integer(name, int(seed), generator)
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
    return generator.seed(high, low)


def _of_integer(name: str, seed: int, generator: Generator) -> Any:
    """Seeds have 64 bits, of which 32 are used where 64-bit types are off, as in JAX."""
    if not -(2**63) <= seed < 2**63:
        raise OverflowError(f"random.{name}: the seed {seed} does not fit in 64 bits")
    high = (seed >> 32) & 0xFFFFFFFF if config.enable_x64 else 0
    data = np.array([high, seed & 0xFFFFFFFF], U32)
    if generator is THREEFRY:
        return make_array(data, _RAW_KEY)
    return generator.seed(Array(data[:1].reshape(())), Array(data[1:].reshape(())))


def generator_of(name: str, impl: Any, dtype: Any = None) -> Generator:
    """The generator that a user names, by its name, a key dtype, or what `key_impl` gives."""
    if impl is not None and dtype is not None:
        fail(f"random.{name} takes impl or dtype, not both", kind=KeyValueError)
    impl = dtype if impl is None else impl
    if impl is None:
        return GENERATORS[config.default_prng_impl]
    if isinstance(impl, KeyDType):
        return impl.generator
    if isinstance(impl, Generator):
        return impl
    if isinstance(impl, str):
        if impl in GENERATORS:
            return GENERATORS[impl]
        fail(f"random.{name}: there is no generator {impl!r}; there are {', '.join(GENERATORS)}", kind=KeyValueError)
    fail(f"random.{name}: a generator is given by its name, one of {', '.join(GENERATORS)}, got {impl!r} of type "
         f"{type(impl).__name__}", kind=ArgumentTypeError)  # fmt: skip


def _legacy(name: str) -> None:
    """Warn of a raw key, or refuse it, as the option `legacy_prng_key` says."""
    way_out = "make keys with axil.random.key(seed), or set the option legacy_prng_key to 'allow'"
    if config.legacy_prng_key == "error":
        fail(f"random.{name} got a raw key, a u32 array, and the option legacy_prng_key is 'error'", way_out,
             kind=KeyValueError)  # fmt: skip
    warnings.warn(f"random.{name} got a raw key, a u32 array; {way_out}", UserWarning, stacklevel=5)


def raw_words(name: str, key: Any, generator: Generator) -> Any:
    """The words ``u32[..., words]`` of keys of a generator in either form; an error for users if there are none."""
    if type(key) is PRNGKeyArray:
        if key.generator is not generator:
            fail(f"random.{name} takes keys of {KEY_DTYPES[generator.name]}, got keys of {key.dtype}",
                 kind=KeyTypeError)  # fmt: skip
        return key._data
    if config.legacy_prng_key != "allow" and name not in ("wrap_key_data", "key_data"):
        _legacy(name)
    if type(key) is not Array and type(key) is not Tracer:
        if not isinstance(key, np.ndarray):
            fail(f"random.{name} takes a random key, got {key!r} of type {type(key).__name__}",
                 "make one of a seed: axil.random.key(0)", kind=ArgumentTypeError)  # fmt: skip
        key = as_operand(name, key)
    of = key.aval
    if of.dtype != U32 or of.shape[-1:] != (generator.words,):
        fail(f"random.{name} takes a random key, which is u32[{generator.words}], got {of}",
             "make one of a seed: axil.random.key(0)", kind=KeyTypeError)  # fmt: skip
    return key


def raw_keys(name: str, key: Any) -> Any:
    """The words of keys in either form; an error for users if there are none."""
    return raw_words(name, key, key.generator if type(key) is PRNGKeyArray else GENERATORS[config.default_prng_impl])


def single_key(name: str, key: Any) -> Any:
    """One key in either form, as samplers take it: raw, ``u32[2]``, where the generator is threefry."""
    if (type(key) is Array or type(key) is Tracer) and key.aval is _RAW_KEY and config.legacy_prng_key == "allow":
        return key
    data = raw_keys(name, key)
    if len(data.aval.shape) != 1:
        fail(f"random.{name} takes a single key, got keys of shape {data.aval.shape[:-1]}",
             "map over the keys with axil.vmap", kind=KeyValueError)  # fmt: skip
    generator = key.generator if type(key) is PRNGKeyArray else GENERATORS[config.default_prng_impl]
    if generator is THREEFRY:
        return data
    return key if type(key) is PRNGKeyArray else PRNGKeyArray(data, generator)


def like(key: Any, made: Any) -> Any:
    """Keys made of another one, in its form."""
    if type(made) is PRNGKeyArray:
        return made if type(key) is PRNGKeyArray else made._data
    return PRNGKeyArray(made) if type(key) is PRNGKeyArray else made


# ---- drawing under keys --------------------------------------------------------------------------------

key_hooks: list[Callable[[Any, str], Any]] = []
"""What is told of keys that are used, and of new ones, while an option asks for it (`axil.key_reuse`)."""


def marked(key: Any, kind: str) -> Any:
    """A key in either form, after the hooks were told that it is used ("use") or new ("fresh")."""
    for hook in key_hooks:
        key = hook(key, kind)
    return key


def made(key: Any) -> Any:
    """A new key, or keys."""
    return marked(key, "fresh") if key_hooks else key


def split_raw(key: Any, shape: tuple[int, ...]) -> Any:
    """New keys of a shape from a key as `single_key` gives it, and in that form."""
    if key_hooks:
        key = marked(key, "use")
    if type(key) is PRNGKeyArray:
        return made(PRNGKeyArray(key.generator.split(key._data, shape), key.generator))
    return made(threefry.split(key, shape))


def subkeys(key: Any, count: int) -> list[Any]:
    """Several new keys, in the form of the given one."""
    return unstacked(split_raw(key, (count,)))


def unstacked(keys: Any) -> list[Any]:
    """The keys along the first dimension of keys as `split_raw` gives them."""
    return list(keys if type(keys) is PRNGKeyArray else lax.unstack(keys))


def fold_in_raw(key: Any, data: Any) -> Any:
    """A new key from a key as `single_key` gives it and an integer word."""
    if type(key) is PRNGKeyArray:
        return made(PRNGKeyArray(key.generator.fold_in(key._data, data), key.generator))
    return made(threefry.fold_in(key, data))


def random_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    """Random unsigned integers of 8, 16, 32 or 64 bits under a key as `single_key` gives it."""
    if key_hooks:
        key = marked(key, "use")
    if type(key) is PRNGKeyArray:
        return key.generator.bits(key._data, width, shape)
    return threefry.bits(key, width, shape)


def canonical_shape(name: str, shape: Any) -> tuple[int, ...]:
    """A shape given by the user, as a tuple of integers that are not negative."""
    if not isinstance(shape, Sequence) and not hasattr(shape, "__len__"):
        fail(f"random.{name}: the shape must be a sequence of integers, got {shape!r}",
             f"write ({shape},) for one dimension", kind=ArgumentTypeError)  # fmt: skip
    result = ints(name, "the shape", shape)
    if any(n < 0 for n in result):
        fail(f"random.{name}: the shape must have no negative dimension, got {result}", kind=ShapeError)
    return result
