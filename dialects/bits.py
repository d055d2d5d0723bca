"""Shifts and bit counts. Shifting by the width or more gives 0, or copies of the sign, as in JAX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ml_dtypes import iinfo

from axil.dialects.avals import SMALL_TYPES
from axil.dialects.factories import binary, no_tangent, sample, unary
from axil.dialects.small_types import wide_dtype

_SHIFTS = (sample("i32[2,3]", "i32[2,3]", domain=(-3, 40)), sample("u8[5]", "u8[5]", domain=(0, 12)))
_COUNTS = (sample("i32[5]"), sample("u8[5]", domain=(0, 255)), sample("u32[2,3]", domain=(0, 2**31)))


def _unsigned(x: np.ndarray) -> np.ndarray:
    """The same bits as unsigned integers."""
    return np.asarray(x, order="C").view(f"u{x.dtype.itemsize}")


def _logical(shift: Callable[..., np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A shift that brings in zeros. C leaves shifts by the width or more undefined; here they give 0."""

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype in SMALL_TYPES:  # their bytes have nothing but their bits; by as many or more bits gives 0
            octets, by = a.view(np.uint8), b.astype(np.uint8)
            moved = shift(octets, np.minimum(by, 7)) * (by < iinfo(a.dtype).bits)
            return (moved & ((1 << iinfo(a.dtype).bits) - 1)).astype(np.uint8).view(a.dtype)
        bits, by = _unsigned(a), _unsigned(b)
        fits = by < 8 * a.dtype.itemsize
        return (
            np.where(fits, shift(bits, np.where(fits, by, 0).astype(by.dtype)), 0)
            .astype(bits.dtype)
            .view(a.dtype)
        )

    return reference


def _arithmetic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype in SMALL_TYPES:
        numbers = a.astype(wide_dtype(a.dtype))
        return np.right_shift(numbers, np.minimum(b.astype(np.uint8), 7)).astype(a.dtype)
    # The highest bit of unsigned integers is taken for a sign too, as in XLA.
    signed = np.asarray(a, order="C").view(f"i{a.dtype.itemsize}")
    by = np.minimum(_unsigned(b), 8 * a.dtype.itemsize - 1).astype(signed.dtype)
    return np.right_shift(signed, by).view(a.dtype)


shift_left = binary("shift_left", "Bits moved to higher places.", _logical(np.left_shift), "shift_left",
                    takes="integer", jvp=no_tangent, samples=_SHIFTS)  # fmt: skip
shift_right_logical = binary(
    "shift_right_logical", "Bits moved to lower places, zeros coming in.", _logical(np.right_shift),
    "shift_right_logical", takes="integer", jvp=no_tangent, samples=_SHIFTS,
)  # fmt: skip
shift_right_arithmetic = binary(
    "shift_right_arithmetic", "Bits moved to lower places, copies of the sign coming in.", _arithmetic,
    "shift_right_arithmetic", takes="integer", jvp=no_tangent, samples=_SHIFTS,
)  # fmt: skip


_ONES = np.array([bin(i).count("1") for i in range(256)], np.uint8)


def _population_count(x: np.ndarray) -> np.ndarray:
    octets = np.asarray(x, order="C").reshape(-1).view(np.uint8).reshape(-1, x.dtype.itemsize)
    return _ONES[octets].sum(1).astype(x.dtype).reshape(x.shape)


def _count_leading_zeros(x: np.ndarray) -> np.ndarray:
    if x.dtype in SMALL_TYPES:
        return (_count_leading_zeros(x.view(np.uint8)) - (8 - iinfo(x.dtype).bits)).astype(x.dtype)
    bits = _unsigned(x).astype(np.uint64)
    zeros = np.full(x.shape, 64)
    for step in (32, 16, 8, 4, 2, 1):
        high = bits >> np.uint64(step)
        some = high != 0
        zeros = zeros - step * some
        bits = np.where(some, high, bits)
    return (zeros - (bits != 0) - (64 - 8 * x.dtype.itemsize)).astype(x.dtype)


population_count = unary("population_count", "Number of ones in the binary representation.",
                         _population_count, "popcnt", takes="integer", samples=_COUNTS)  # fmt: skip
clz = unary("clz", "Number of zeros above the highest one in the binary representation.",
            _count_leading_zeros, "count_leading_zeros", takes="integer", samples=_COUNTS)  # fmt: skip
