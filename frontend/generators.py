"""The generators of random bits that keys may be of, by JAX's names and bit for bit as JAX's on CPUs.

A generator works on raw keys, ``u32`` vectors of as many words as it has. threefry2x32 is the one of raw keys in
`axil.random`; typed keys carry theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from axil import lax, threefry
from axil.lax.common import converted
from axil.lax.random_bits import philox2x32, philox4x32, threefry4x32
from axil.threefry import U32, UNSIGNED, counter, joined, words


@dataclass(frozen=True, eq=False)
class Generator:
    """How raw keys of one kind are made, split, and drawn under.

    `seed(high, low)` makes a key of a seed's two words; `split(key, shape)` gives ``u32[*shape, words]``;
    `bits(key, width, shape)` gives unsigned integers; `fold_in(key, word)` gives a key.
    """

    name: str
    tag: str
    words: int
    seed: Callable[[Any, Any], Any]
    split: Callable[[Any, tuple[int, ...]], Any]
    bits: Callable[[Any, int, tuple[int, ...]], Any]
    fold_in: Callable[[Any, Any], Any]

    def __reduce__(self) -> tuple:
        """There is one of a name: a copy, or what is unpickled, is that one."""
        return _named, (self.name,)

    def __repr__(self) -> str:
        return f"<generator {self.name}>"


def _named(name: str) -> Generator:
    return GENERATORS[name]


# ---- rbg: XLA's generator for bits, threefry for keys --------------------------------------------------


def _rbg_seed(high: Any, low: Any) -> Any:
    return lax.stack([high, low, high, low])


def _halves(key: Any) -> list[Any]:
    return lax.split(key, (2, 2))


def _rbg_split(key: Any, shape: tuple[int, ...]) -> Any:
    return lax.concatenate([threefry.split(half, shape) for half in _halves(key)], len(shape))


def _rbg_fold_in(key: Any, data: Any) -> Any:
    return lax.concatenate([threefry.fold_in(half, data) for half in _halves(key)], 0)


def _rbg_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    return lax.rng_bit_generator(key, shape, UNSIGNED[width])[1]


def _unsafe_split(key: Any, shape: tuple[int, ...]) -> Any:
    """Every tenth vector of what is drawn: no proper hash, hence the name."""
    count = math.prod(shape)
    drawn = _rbg_bits(key, 32, (count, 40))
    return lax.reshape(lax.slice_in_dim(drawn, 0, 4, axis=1), (*shape, 4))


def _unsafe_fold_in(key: Any, data: Any) -> Any:
    drawn = _rbg_bits(_rbg_seed(lax.full((), 0, U32), data), 32, (10, 4))
    return lax.bitwise_xor(key, lax.index_in_dim(drawn, 9, keepdims=False))


# ---- hashes of positions -------------------------------------------------------------------------------


def _zeros(like: Any) -> Any:
    return lax.full_like(like, 0)


def _folded(hashes: Any) -> Any:
    """The exclusive or of several words."""
    first, *rest = hashes
    for other in rest:
        first = lax.bitwise_xor(first, other)
    return first


def _as_bits(hashes: Any, wide: tuple[Any, Any], width: int, shape: tuple[int, ...]) -> Any:
    """Bits of words for each position: all in one word, or for 64 bits the two given."""
    drawn = joined(*wide) if width == 64 else converted(_folded(hashes), UNSIGNED[width])
    return lax.reshape(drawn, shape)


def _philox4_hash(key: Any, x: tuple[Any, Any, Any, Any]) -> Any:
    first, second = words(key, x[0].aval.shape)
    return philox4x32(first, second, *x)


def _philox4_seed(high: Any, low: Any) -> Any:
    zero = _zeros(high)
    return lax.stack(philox4x32(zero, zero, high, low, zero, zero)[:2])


def _philox4_split(key: Any, shape: tuple[int, ...]) -> Any:
    high, low = counter(math.prod(shape))
    hashes = _philox4_hash(key, (_zeros(low), _zeros(low), high, low))
    return lax.reshape(lax.stack(hashes[:2], axis=1), (*shape, 2))


def _philox4_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    high, low = counter(math.prod(shape))
    hashes = _philox4_hash(key, (high, low, _zeros(low), _zeros(low)))
    return _as_bits(hashes, hashes[:2], width, shape)


def _philox4_fold_in(key: Any, data: Any) -> Any:
    zero = _zeros(data)
    return lax.stack(_philox4_hash(key, (zero, zero, zero, data))[:2])


def _philox2_seed(high: Any, low: Any) -> Any:
    return lax.stack(philox2x32(_zeros(high), high, low)[:1])


def _philox2_split(key: Any, shape: tuple[int, ...]) -> Any:
    high, low = counter(math.prod(shape))
    return lax.reshape(philox2x32(words(key, low.aval.shape)[0], high, low)[0], (*shape, 1))


def _philox2_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    high, low = counter(math.prod(shape))
    hashes = philox2x32(words(key, low.aval.shape)[0], high, low)
    return _as_bits(hashes, hashes, width, shape)


def _philox2_fold_in(key: Any, data: Any) -> Any:
    return lax.stack(philox2x32(words(key, ())[0], _zeros(data), data)[:1])


def _threefry4_seed(high: Any, low: Any) -> Any:
    zero = _zeros(high)
    return lax.stack(threefry4x32([high, low, zero, zero], [zero] * 4))


def _threefry4_split(key: Any, shape: tuple[int, ...]) -> Any:
    high, low = counter(math.prod(shape))
    hashes = threefry4x32(words(key, low.aval.shape), [_zeros(low), _zeros(low), high, low])
    return lax.reshape(lax.stack(hashes, axis=1), (*shape, 4))


def _threefry4_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    high, low = counter(math.prod(shape))
    hashes = threefry4x32(words(key, low.aval.shape), [high, low, _zeros(low), _zeros(low)])
    wide = lax.bitwise_xor(hashes[0], hashes[2]), lax.bitwise_xor(hashes[1], hashes[3])
    return _as_bits(hashes, wide, width, shape)


def _threefry4_fold_in(key: Any, data: Any) -> Any:
    zero = _zeros(data)
    return lax.stack(threefry4x32(words(key, ()), [zero, zero, zero, data]))


THREEFRY = Generator(
    "threefry2x32", "fry", 2, lambda high, low: lax.stack([high, low]), threefry.split, threefry.bits, threefry.fold_in
)
"""The default generator."""

GENERATORS = {
    g.name: g
    for g in (
        THREEFRY,
        Generator("rbg", "rbg", 4, _rbg_seed, _rbg_split, _rbg_bits, _rbg_fold_in),
        Generator("unsafe_rbg", "urbg", 4, _rbg_seed, _unsafe_split, _rbg_bits, _unsafe_fold_in),
        Generator("philox2x32", "phx2", 1, _philox2_seed, _philox2_split, _philox2_bits, _philox2_fold_in),
        Generator("philox4x32", "phx4", 2, _philox4_seed, _philox4_split, _philox4_bits, _philox4_fold_in),
        Generator("threefry4x32", "fry4", 4, _threefry4_seed, _threefry4_split, _threefry4_bits, _threefry4_fold_in),
    )
}
"""All generators by name."""
