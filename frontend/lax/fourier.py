"""Fourier transforms over the last dimensions."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil.core import bind
from axil.dialects import avals as av
from axil.dialects.elementwise import convert
from axil.dialects.fft import fft as fft_op
from axil.lax.common import ArgumentTypeError, fail, ints, operand


class FftType(enum.IntEnum):
    """Which Fourier transform to compute."""

    FFT = 0
    """Complex to complex, forward."""

    IFFT = 1
    """Complex to complex, inverse."""

    RFFT = 2
    """Real to complex, forward."""

    IRFFT = 3
    """Complex to real, inverse."""


def fft(x: Any, fft_type: FftType | str, fft_lengths: Sequence[int]) -> Any:
    """The discrete Fourier transform over the last `len(fft_lengths)` dimensions of `x`, of any length.

    `fft_lengths` are the sizes of those dimensions; for `RFFT` the last one of the result has `n // 2 + 1` elements,
    and for `IRFFT` so has the last one of `x`. Inverse transforms divide by the number of points.
    """
    kind = _kind(fft_type)
    x = operand("fft", x)
    if kind is FftType.RFFT:
        if av.is_complex(x.aval.dtype):
            fail(f"only real valued inputs supported for rfft, got {x.aval}",
                 "take the real part, or use FftType.FFT")  # fmt: skip
        dtype = dtypes.to_inexact_dtype(x.aval.dtype)
    else:
        dtype = dtypes.to_complex_dtype(x.aval.dtype)
    if x.aval.dtype != dtype:
        x = bind(convert, x, dtype=np.dtype(dtype))
    lengths = ints("fft", "fft_lengths", fft_lengths)
    return bind(fft_op, x, kind=kind.name, fft_lengths=lengths) if lengths else x


def _kind(fft_type: Any) -> FftType:
    """A transform given as a member of `FftType` or by its name."""
    if isinstance(fft_type, FftType):
        return fft_type
    if isinstance(fft_type, str):
        if fft_type.upper() in FftType.__members__ and fft_type in (fft_type.upper(), fft_type.lower()):
            return FftType[fft_type.upper()]
        fail(f"lax.fft knows the types fft, ifft, rfft and irfft, got {fft_type!r}")
    fail(f"lax.fft takes a lax.FftType or its name, got {fft_type!r}", kind=ArgumentTypeError)
