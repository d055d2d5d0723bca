"""Types of 8 bits and fewer that processors do not compute with: float8, float6, float4, int4, int2.

Compiled programs keep each element of such a type in a byte (`CARRIER`), which holds its bits, and compute in f32, or
in 8-bit integers. The functions here are the ways between: bits to numbers and back, exact in both directions, in the
arithmetic of `staged.py`. (IREE 3.13 has conversions of its own; those to float8 give 0 for numbers that should be
rounded up to the smallest normal one.)

What an overflow, an infinity and a NaN become is asked of `ml_dtypes`, which the references compute by.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from axil.dialects import avals as av
from axil.dialects import staged
from axil.dialects.staged import Staged, where

CARRIER = np.dtype(np.int8)
"""What a byte that holds the bits of a small type is. (IREE 3.13 cannot compile all operations on unsigned ones.)"""


def wide_dtype(dtype: Any) -> np.dtype:
    """The type that a small type is computed in. Unsigned integers of 4 bits fit into signed ones of 8."""
    return np.dtype(np.float32 if av.is_float(dtype) else np.int8)


@dataclass(frozen=True)
class FloatFormat:
    """How a small float is written in bits; codes are of positive numbers unless said otherwise."""

    bits: int
    mantissa: int
    bias: int
    largest: int  # code of the largest finite number
    overflow: int  # code of what is larger
    infinity: int  # code of what infinity becomes; infinity itself, NaN, or the largest number
    has_infinity: bool
    nan: int
    negative_nan: int  # code of NaN with a negative sign
    has_negative_zero: bool

    @property
    def sign(self) -> int:
        """The sign's bit."""
        return 1 << (self.bits - 1)


@functools.cache
def float_format(dtype: np.dtype) -> FloatFormat:
    """The format of a small float."""
    info = ml_dtypes.finfo(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def code(x: float) -> int:
            return int(np.float32(x).astype(dtype).view(np.uint8))

        one = code(1.0)
        return FloatFormat(
            bits=info.bits, mantissa=info.nmant, bias=one >> info.nmant, largest=code(float(info.max)),
            overflow=code(3e38), infinity=code(np.inf), nan=code(np.nan), negative_nan=code(-np.nan),
            has_infinity=bool(np.isinf(np.float32(np.inf).astype(dtype).astype(np.float32))),
            has_negative_zero=code(-0.0) != code(0.0),
        )  # fmt: skip


def _left(x: Any, by: int) -> Any:
    return x.op("shift_left", by) if isinstance(x, Staged) else x << x.dtype.type(by)


def _right(x: Any, by: int) -> Any:
    return x.op("shift_right_logical", by) if isinstance(x, Staged) else x >> x.dtype.type(by)


def _and(x: Any, mask: int) -> Any:
    return x & mask if isinstance(x, Staged) else x & x.dtype.type(mask)


# ---- bits to numbers -----------------------------------------------------------------------------------


def decode(bits: Any, dtype: np.dtype) -> Any:
    """The numbers (f32, or 8-bit integers) that bytes with the bits of a small type stand for."""
    if av.is_float(dtype):
        return _decode_float(bits, dtype)
    width = ml_dtypes.iinfo(dtype).bits
    if av.is_unsigned(dtype):
        return _and(bits, (1 << width) - 1)
    moved = _left(bits, 8 - width)
    if isinstance(moved, Staged):
        return moved.op("shift_right_arithmetic", 8 - width)
    return moved >> np.int8(8 - width)


def _decode_float(bits: Any, dtype: np.dtype) -> Any:
    if dtype == _E8M0:
        return _decode_exponent(bits)
    f = float_format(dtype)
    code = _and(staged.converted(bits, np.dtype(np.uint32)), 255)
    magnitude = _and(code, f.sign - 1)
    # The fields lie as in f32, but for the width of the mantissa and the bias of the exponent.
    shifted = _left(magnitude, 23 - f.mantissa) + np.uint32((127 - f.bias) << 23)
    normal = staged.bits_of(shifted, np.dtype(np.float32))
    tiny = staged.converted(magnitude, np.dtype(np.float32)) * np.float32(2.0 ** (1 - f.bias - f.mantissa))
    x = where(magnitude < (1 << f.mantissa), tiny, normal)
    if f.has_negative_zero:
        x = where(magnitude > f.largest, np.float32(np.nan), x)
        if f.has_infinity:
            x = where(magnitude == f.largest + 1, np.float32(np.inf), x)
    x = where(_and(code, f.sign) != 0, -x, x)
    return x if f.has_negative_zero else where(_and(code, 2 * f.sign - 1) == f.sign, np.float32(np.nan), x)


_E8M0 = np.dtype(ml_dtypes.float8_e8m0fnu)


def _decode_exponent(bits: Any) -> Any:
    """Of float8_e8m0fnu, which has an exponent alone."""
    code = _and(staged.converted(bits, np.dtype(np.uint32)), 255)
    x = staged.bits_of(_left(code, 23), np.dtype(np.float32))
    return where(code == 0, np.float32(2.0**-127), where(code == 255, np.float32(np.nan), x))


# ---- numbers to bits -----------------------------------------------------------------------------------


def encode(x: Any, dtype: np.dtype) -> Any:
    """Bytes with the bits of a small type that stand for numbers, rounded to nearest, ties to even.

    Takes f32 or f64 for floats, and 8-bit integers for integers, of which the lowest bits are kept.
    """
    if av.is_float(dtype):
        return _encode_exponent(x) if dtype == _E8M0 else _encode_float(x, float_format(dtype))
    return _and(x, (1 << ml_dtypes.iinfo(dtype).bits) - 1)


def _encode_float(x: Any, f: FloatFormat) -> Any:
    double = staged.is_double(x)
    word, width, bias = (np.uint64, 52, 1023) if double else (np.uint32, 23, 127)
    real = np.float64 if double else np.float32
    bits = staged.bits_of(x, np.dtype(word))
    sign_bit = 8 * np.dtype(word).itemsize - 1
    negative = _right(bits, sign_bit) != 0
    pattern = _and(bits, (1 << sign_bit) - 1)
    cut = width - f.mantissa
    rounded = pattern + (_and(_right(pattern, cut), 1) + word((1 << (cut - 1)) - 1))
    normal = _right(rounded, cut) - word((bias - f.bias) << f.mantissa)
    # Below the smallest normal number the code counts multiples of the smallest number.
    size = staged.absolute(x)
    small = size < real(2.0 ** (1 - f.bias))
    steps = staged.rint(where(small, size, real(0)) * real(2.0 ** (f.bias - 1 + f.mantissa)))
    finite = where(small, staged.converted(steps, np.dtype(word)), normal)
    code = where(finite > f.largest, word(f.overflow), finite)
    code = where(size >= real(2.0**100), word(f.overflow), code)
    code = where(size == real(np.inf), word(f.infinity), code)
    signed = where(negative, code + word(f.sign), code)
    if not f.has_negative_zero:
        signed = where(code == 0, word(0), where(finite > f.largest, code, signed))
        signed = where(size >= real(2.0**100), code, signed)
    nan = where(negative, word(f.negative_nan), word(f.nan)) if not isinstance(x, Staged) else None
    if nan is None:
        nan = where(negative, code * 0 + f.negative_nan, code * 0 + f.nan)
    return staged.converted(where(x != x, nan, signed), CARRIER)


def _encode_exponent(x: Any) -> Any:
    double = staged.is_double(x)
    x = staged.converted(x, np.dtype(np.float32)) if double else x
    bits = staged.bits_of(x, np.dtype(np.uint32))
    cut = _right(bits, 23)
    rest = _and(bits, (1 << 23) - 1)
    half = 1 << 22  # ties go up, as in ml_dtypes
    code = where(rest >= half, cut + np.uint32(1), cut)
    bad = (x != x) | (bits >= np.uint32(0x80000000)) | (x == np.float32(np.inf)) | (x == np.float32(0))
    return staged.converted(where(bad, np.uint32(255), code), CARRIER)
