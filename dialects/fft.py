"""Discrete Fourier transforms, of any length, over the last dimensions.

`fft_lengths` are the lengths of the transformed dimensions in the time domain, as in StableHLO: the last one of
`RFFT` and `IRFFT` has `n // 2 + 1` elements in the frequency domain. The inverse transforms divide by the number of
points. Lowering is in `fft_lowering.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import Aval, DtypeError, Op, ShapeError, aval, jvp_linear, ops, sample, shape_of
from axil.dialects.fft_lowering import lower

KINDS = ("FFT", "IFFT", "RFFT", "IRFFT")
"""Complex to complex forward and inverse, real to complex, and back."""

_SINGLE = (np.dtype(np.float32), np.dtype(np.complex64))
_REAL = (np.dtype(np.float32), np.dtype(np.float64))


def _infer(x: Aval, *, kind: str, fft_lengths: tuple[int, ...]) -> Aval:
    if kind not in KINDS:
        raise AttributeValueError(f"'fft' knows the kinds {', '.join(KINDS)}, got {kind!r}")
    count = len(fft_lengths)
    if not 1 <= count <= x.ndim:
        raise ShapeError(f"'fft' transforms from 1 to {x.ndim} dimensions of {x}, got fft_lengths {fft_lengths}")
    if min(fft_lengths) < 0 or kind == "RFFT" and fft_lengths[-1] < 1:
        least = "1 in the last dimension of an RFFT" if kind == "RFFT" else "0"
        raise ShapeError(f"'fft' takes lengths of at least {least}, got fft_lengths {fft_lengths}")
    half = (*fft_lengths[:-1], fft_lengths[-1] // 2 + 1)
    wanted = half if kind == "IRFFT" else tuple(fft_lengths)
    if x.shape[x.ndim - count :] != wanted:
        raise ShapeError(f"'fft' of kind {kind} and fft_lengths {fft_lengths} takes an array whose last dimensions are "
                         f"{wanted}, got {x}")  # fmt: skip
    if kind == "RFFT":
        if x.dtype not in _REAL:
            raise DtypeError(f"'fft' of kind RFFT takes f32 or f64, got {x}")
    elif not av.is_complex(x.dtype):
        raise DtypeError(f"'fft' of kind {kind} takes complex numbers, got {x}")
    leading, single = x.shape[: x.ndim - count], x.dtype in _SINGLE
    if kind == "IRFFT":
        return aval((*leading, *fft_lengths), np.dtype(np.float32 if single else np.float64))
    return aval((*leading, *(half if kind == "RFFT" else fft_lengths)), np.dtype("c8" if single else "c16"))


def _reference(x: np.ndarray, *, kind: str, fft_lengths: tuple[int, ...]) -> np.ndarray:
    of = _infer(aval(x.shape, x.dtype), kind=kind, fft_lengths=fft_lengths)
    if not (x.size and of.size):
        return np.zeros(of.shape, of.dtype)
    transform = {"FFT": np.fft.fftn, "IFFT": np.fft.ifftn, "RFFT": np.fft.rfftn, "IRFFT": np.fft.irfftn}[kind]
    with np.errstate(all="ignore"):
        return transform(x, fft_lengths, axes=tuple(range(-len(fft_lengths), 0))).astype(of.dtype, copy=False)


def _transpose(ct: Any, xs: Any, *, kind: str, fft_lengths: tuple[int, ...]) -> tuple:
    """A transform's matrix is symmetric; the half spectrum of a real one stands for its mirror image, too."""
    if kind in ("FFT", "IFFT"):
        return (fft(ct, kind=kind, fft_lengths=fft_lengths),)
    if kind == "RFFT":
        missing = fft_lengths[-1] - (fft_lengths[-1] // 2 + 1)
        ndim, zero = len(shape_of(ct)), ops.complex(*[_scalar(0, _real_dtype(ct))] * 2)
        none = (0,) * ndim
        whole = ops.pad(ct, zero, low=none, high=(*none[1:], missing), interior=none)
        return (ops.real(fft(whole, kind="FFT", fft_lengths=fft_lengths)),)
    half = fft(ct, kind="RFFT", fft_lengths=fft_lengths)
    weights = np.full(shape_of(half)[-1], 2.0)
    weights[0] = 1
    if fft_lengths[-1] % 2 == 0:
        weights[-1] = 1
    weights /= math.prod(fft_lengths)
    column = ops.constant(value=weights.astype(_real_dtype(half)))
    factor = ops.broadcast_in_dim(column, shape=shape_of(half), dims=(len(shape_of(half)) - 1,))
    # Scaling the parts is half the work of a complex product.
    return (ops.complex(ops.mul(ops.real(half), factor), ops.neg(ops.mul(ops.imag(half), factor))),)


def _real_dtype(x: Any) -> np.dtype:
    from axil.dialects.avals import dtype_of

    return np.dtype(np.float32 if dtype_of(x) in _SINGLE else np.float64)


def _scalar(value: float, dtype: np.dtype) -> Any:
    return ops.constant(value=np.asarray(value, dtype))


def _flops(x: Aval, *, kind: str, fft_lengths: tuple[int, ...]) -> float:
    """The customary count: 5 N log2 N for complex numbers, half of it for real ones."""
    points = max(math.prod(fft_lengths), 1)
    rows = math.prod(x.shape[: x.ndim - len(fft_lengths)])
    return (5.0 if kind in ("FFT", "IFFT") else 2.5) * rows * points * max(math.log2(points), 1.0)


def _sample(operand: str, kind: str, *lengths: int) -> Any:
    return sample(operand, kind=kind, fft_lengths=lengths)


fft = Op(
    name="fft", operands=("x",), attributes={"kind": "str", "fft_lengths": "ints"},
    summary="Discrete Fourier transform over the last dimensions: FFT, IFFT, RFFT (of real numbers) or IRFFT.",
    infer=_infer, reference=_reference, jvp=jvp_linear("fft"), linear=(0,), transpose=_transpose,
    batch=lambda size, xs, batched, **attributes: fft(xs[0], **attributes), lower=lower, flops=_flops,
    source="StableHLO `fft`; Cooley and Tukey 1965; Bluestein 1970", samples=(
        _sample("c64[8]", "FFT", 8), _sample("c64[2,12]", "IFFT", 12), _sample("f32[2,10]", "RFFT", 10),
        _sample("c64[2,6]", "IRFFT", 10), _sample("f32[9]", "RFFT", 9), _sample("c64[3,5]", "IRFFT", 9),
        _sample("c64[4,6]", "FFT", 4, 6), _sample("f32[2,4,5]", "RFFT", 4, 5), _sample("c64[4,3]", "IRFFT", 4, 4),
        _sample("c64[3,67]", "FFT", 67), _sample("c128[60]", "IFFT", 60), _sample("f64[1,2]", "RFFT", 1, 2),
        _sample("c64[2,1]", "FFT", 1), _sample("c64[1]", "IRFFT", 1), _sample("c64[3,2,20]", "IFFT", 3, 2, 20),
    ),
)  # fmt: skip
