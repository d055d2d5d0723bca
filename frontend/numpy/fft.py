"""`axil.numpy.fft`: discrete Fourier transforms of any length, and their frequencies."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil.core import bind
from axil.dialects import shape as shape_ops
from axil.lax.fourier import FftType
from axil.lax.fourier import fft as transform
from axil.numpy.creation import asarray, zeros
from axil.numpy.selection import roll
from axil.numpy.shaping import moveaxis
from axil.numpy.ufuncs import conj, divide, multiply
from axil.numpy.values import Value, canonical_axis, convert, index_error, operand, scalar_like, shape_error, type_error

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

_FORWARD = {FftType.FFT, FftType.RFFT}


# ---- one dimension ---------------------------------------------------------------------------------------


def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The transform along an axis, cut or filled up with zeros to `n` points first.

    `norm` says where the number of points n divides: "backward" (the default), the inverse transform; "forward", this
    one; "ortho", both by its square root.
    """
    return _one("fft", FftType.FFT, a, n, axis, norm)


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The inverse of `fft`."""
    return _one("ifft", FftType.IFFT, a, n, axis, norm)


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The first half, `n // 2 + 1` elements, of the transform of real numbers; the rest are their conjugates."""
    return _one("rfft", FftType.RFFT, a, n, axis, norm)


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The inverse of `rfft`: `n` real numbers, by default an even number of them."""
    return _one("irfft", FftType.IRFFT, a, n, axis, norm)


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The real transform of a signal that is its own mirror image, conjugated, of which `a` is the first half."""
    a = operand("hfft", a)
    if n is None:
        points = 2 * (a.shape[_axis("hfft", axis, a.ndim)] - 1)
        n = points if points > 0 else None
    return _one("hfft", FftType.IRFFT, conj(a), n, axis, _MIRRORED.get(norm, norm))


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The inverse of `hfft`."""
    return conj(_one("ihfft", FftType.RFFT, asarray(a), n, axis, _MIRRORED.get(norm, norm)))


_MIRRORED = {None: "forward", "backward": "forward", "forward": "backward"}
"""`hfft` is made of an inverse transform, and `ihfft` of a forward one: the divisions change places."""


# ---- several dimensions ----------------------------------------------------------------------------------


def fftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Value:
    """The transform along several axes, by default all of them (or the last `len(s)`), of sizes `s`. See `fft`."""
    return _several("fftn", FftType.FFT, a, s, axes, norm)


def ifftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Value:
    """The inverse of `fftn`."""
    return _several("ifftn", FftType.IFFT, a, s, axes, norm)


def rfftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Value:
    """The transform of real numbers along several axes: half of it, along the last of them. See `rfft`."""
    return _several("rfftn", FftType.RFFT, a, s, axes, norm)


def irfftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Value:
    """The inverse of `rfftn`."""
    return _several("irfftn", FftType.IRFFT, a, s, axes, norm)


def fft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Value:
    """`fftn` of two axes."""
    return _several("fft2", FftType.FFT, a, s, _two("fft2", axes), norm)


def ifft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Value:
    """`ifftn` of two axes."""
    return _several("ifft2", FftType.IFFT, a, s, _two("ifft2", axes), norm)


def rfft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Value:
    """`rfftn` of two axes."""
    return _several("rfft2", FftType.RFFT, a, s, _two("rfft2", axes), norm)


def irfft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Value:
    """`irfftn` of two axes."""
    return _several("irfft2", FftType.IRFFT, a, s, _two("irfft2", axes), norm)


# ---- frequencies and shifts ------------------------------------------------------------------------------


def fftfreq(n: int, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Value:
    """Frequencies of the elements of `fft(a)`, for `n` samples that are `d` apart: 0, 1, ..., -2, -1 over n d."""
    n, of, dtype = _samples("fftfreq", n, d, dtype)
    half = (n + 1) // 2
    counts = np.concatenate([np.arange(half), np.arange(half - n, 0)]) if n > 0 else np.zeros(0)
    return _frequencies(counts, n, d, of, dtype)


def rfftfreq(n: int, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Value:
    """Frequencies of the elements of `rfft(a)`, for `n` samples that are `d` apart: 0, 1, ..., n // 2 over n d."""
    n, of, dtype = _samples("rfftfreq", n, d, dtype)
    return _frequencies(np.arange(n // 2 + 1), n, d, of, dtype)


def fftshift(x: Any, axes: Any = None) -> Value:
    """Rolled by half of the size, so that the frequency 0 comes to the middle; along all axes or some."""
    return _shifted("fftshift", x, axes, 1)


def ifftshift(x: Any, axes: Any = None) -> Value:
    """The inverse of `fftshift`."""
    return _shifted("ifftshift", x, axes, -1)


def _samples(name: str, n: Any, d: Any, dtype: Any) -> tuple[int, np.dtype, np.dtype]:
    """Number of samples, the dtype to compute frequencies in, and that of the result."""
    if isinstance(n, (list, tuple)):
        raise shape_error(f"The n argument of {name} only takes an int. Got n = {list(n)}.")
    if isinstance(d, (list, tuple)):
        raise shape_error(f"The d argument of {name} only takes a single value. Got d = {list(d)}.")
    if dtype is None:
        dtype = dtypes.default_float_dtype()
    dtype = dtypes.check_user_dtype(dtype, f"numpy.fft.{name}")
    return int(n), dtypes.to_real_dtype(dtype), dtype


def _frequencies(counts: np.ndarray, n: int, d: Any, of: np.dtype, dtype: np.dtype) -> Value:
    span = convert(multiply(d, n), of)
    if span.ndim:
        raise shape_error(f"the distance of samples is a single value, got an array of shape {span.shape}")
    steps = convert(operand("fftfreq", counts.astype(of)), of)
    return convert(divide(steps, span), dtype)


def _shifted(name: str, x: Any, axes: Any, sign: int) -> Value:
    x = operand(name, x)
    if axes is None:
        axes = tuple(range(x.ndim))
    axes = tuple(axes) if isinstance(axes, Sequence) else (operator.index(axes),)
    for axis in axes:
        if not -x.ndim <= axis < x.ndim:
            raise index_error(f"{name}: axis {axis} is out of bounds for an array of {x.ndim} dimensions")
    return roll(x, tuple(sign * (x.shape[a] // 2) for a in axes), axes)


# ---- the work --------------------------------------------------------------------------------------------


def _axis(name: str, axis: Any, ndim: int) -> int:
    """The one axis of a transform, counted from the front."""
    if isinstance(axis, (list, tuple)):
        raise shape_error(f"{name} does not support multiple axes: it takes one, got {axis!r}", f"call {name}n")
    return canonical_axis(axis, ndim)


def _two(name: str, axes: Any) -> Any:
    """Two axes."""
    if len(axes) != 2:
        raise shape_error(f"{name} only supports 2 axes, got {axes!r}", f"call {name[:-1]}n")
    return axes


def _one(name: str, kind: FftType, a: Any, n: Any, axis: Any, norm: Any) -> Value:
    """A transform along one axis."""
    if isinstance(axis, (list, tuple)):
        _axis(name, axis, 0)
    return _several(name, kind, a, None if n is None else (n,), None if axis is None else (axis,), norm)


def _several(name: str, kind: FftType, a: Any, s: Any, axes: Any, norm: Any) -> Value:
    """A transform along axes, which are brought to the end for it."""
    a = operand(name, a)
    s = _sizes(name, s)
    if axes is None:
        count = a.ndim if s is None else len(s)
        if count > a.ndim:
            raise shape_error(f"{name} of {count} sizes {s} takes an array of as many dimensions, got {a.aval}")
        places = tuple(range(a.ndim - count, a.ndim))
    else:
        places = tuple(canonical_axis(axis, a.ndim) for axis in axes)
        if len(set(places)) != len(places):
            raise shape_error(f"{name} does not support repeated axes, got {tuple(axes)}")
        if s is not None and len(s) != len(places):
            raise shape_error(f"{name}: shape {s} and axes {tuple(axes)} have different lengths")
    last = tuple(range(a.ndim - len(places), a.ndim))
    x = a if places == last else moveaxis(a, places, last)
    lengths = _lengths(kind, x.shape[x.ndim - len(places) :], s)
    if s is not None:
        half = lengths[-1:] if kind is not FftType.IRFFT else (lengths[-1] // 2 + 1,)
        x = _resized(x, (*x.shape[: x.ndim - len(places)], *lengths[:-1], *half))
    if kind is FftType.IRFFT and lengths and not lengths[-1]:  # of no points, or of one
        dtype = dtypes.to_real_dtype(dtypes.to_complex_dtype(x.dtype))
        return moveaxis(zeros((*x.shape[: x.ndim - len(places)], *lengths), dtype), last, places)
    y = _scaled(name, transform(x, kind, lengths), kind, math.prod(lengths), norm)
    return y if places == last else moveaxis(y, last, places)


def _sizes(name: str, s: Any) -> tuple[int, ...] | None:
    """The sizes that a user asks for."""
    if s is None:
        return None
    try:
        sizes = tuple(map(operator.index, s))
    except TypeError:
        raise type_error(f"{name} takes sizes that are integers, got {s!r}") from None
    if any(n <= 0 for n in sizes):
        raise shape_error(f"{name}: the shape should be positive, got {sizes}")
    return sizes


def _lengths(kind: FftType, shape: tuple[int, ...], s: tuple[int, ...] | None) -> tuple[int, ...]:
    """Sizes of the transformed dimensions in the time domain."""
    if s is not None:
        return s
    if kind is FftType.IRFFT and shape:
        return (*shape[:-1], max(0, 2 * (shape[-1] - 1)))
    return shape


def _resized(x: Value, shape: tuple[int, ...]) -> Value:
    """Cut, or filled up with zeros at the end, to a shape."""
    if x.shape == shape:
        return x
    none = (0,) * x.ndim
    kept = tuple(min(n, m) for n, m in zip(x.shape, shape))
    if kept != x.shape:
        x = bind(shape_ops.slice_, x, starts=none, limits=kept, strides=(1,) * x.ndim)
    more = tuple(n - m for n, m in zip(shape, kept))
    return bind(shape_ops.pad, x, scalar_like(x, 0), low=none, high=more, interior=none) if any(more) else x


def _scaled(name: str, y: Value, kind: FftType, points: int, norm: Any) -> Value:
    """The result in one of the norms; `transform` gives the backward one."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise shape_error(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    if norm in (None, "backward") or not points:
        return y
    power = (0.5 if norm == "ortho" else 1.0) * (-1 if kind in _FORWARD else 1)
    return multiply(y, float(points) ** power)
