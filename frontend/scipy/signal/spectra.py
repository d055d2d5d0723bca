"""Spectra of segments: periodograms, their averages, and the short-time Fourier transform with its inverse."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from axil import dtypes, errors
from axil.numpy import reductions
from axil.numpy.creation import asarray, zeros
from axil.numpy.fft import fft, fftfreq, ifft, irfft, rfft, rfftfreq
from axil.numpy.joining import concatenate
from axil.numpy.lookup import where
from axil.numpy.padding import pad
from axil.numpy.ranges import arange
from axil.numpy.shaping import flip, moveaxis
from axil.numpy.statistics import median
from axil.numpy.ufuncs import add, conj, divide, imag, multiply, real, sqrt, subtract
from axil.numpy.values import Value, broadcast_shape, canonical_axis, convert, operand, promote, shape_error
from axil.scipy.signal.trends import detrend as without_trend
from axil.source import user_line


class MissingLibraryError(errors.AxilError, ImportError):
    """An optional library is not installed."""


def stft(
    x: Any, fs: Any = 1.0, window: Any = "hann", nperseg: int | None = 256, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = False, return_onesided: bool = True, boundary: str | None = "zeros",
    padded: bool = True, axis: int = -1,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """Short-time Fourier transform: frequencies, times, and the transforms of windowed, overlapping segments.

    The segments become the last axis of the result, in place of `axis` are frequencies. `boundary` says how the signal
    goes on beyond its ends: "even", "odd", "constant", "zeros" or None, not at all.
    """
    plan = _plan("stft", x, None, fs, window, nperseg, noverlap, nfft, axis)
    return _spectra(plan, detrend, return_onesided, "spectrum", "stft", boundary, padded)


def csd(
    x: Any, y: Any, fs: Any = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1, average: str = "mean",
) -> tuple[Value, Value]:  # fmt: skip
    """Cross power spectral density by Welch's method: frequencies, and the average over segments.

    `scaling` is "density" or "spectrum", `average` is "mean" or "median".
    """
    plan = _plan("csd", x, y, fs, window, nperseg, noverlap, nfft, axis)
    freqs, _, p = _spectra(plan, detrend, return_onesided, scaling, "psd", None, False)
    if y is not None:
        p = add(p, 0j)
    if p.ndim < 2 or not p.size:
        return freqs, p
    if p.shape[-1] == 1:
        return freqs, p[..., 0]
    if average == "mean":
        return freqs, reductions.mean(p, -1)
    if average != "median":
        raise shape_error(f'average must be "median" or "mean", got {average!r}')
    bias = _median_bias(p.shape[-1])
    if p.dtype.kind == "c":
        middle = add(median(real(p), axis=-1), multiply(1j, median(imag(p), axis=-1)))
    else:
        middle = median(p, axis=-1)
    return freqs, divide(middle, bias)


def welch(
    x: Any, fs: Any = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1, average: str = "mean",
) -> tuple[Value, Value]:  # fmt: skip
    """Power spectral density by Welch's method: frequencies, and the average over segments. See `csd`.

    P. Welch, The use of the fast Fourier transform for the estimation of power spectra, 1967.
    """
    freqs, p = csd(x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)
    return freqs, real(p)


def istft(
    Zxx: Any, fs: Any = 1.0, window: Any = "hann", nperseg: int | None = None, noverlap: int | None = None,
    nfft: int | None = None, input_onesided: bool = True, boundary: bool = True, time_axis: int = -1,
    freq_axis: int = -2,
) -> tuple[Value, Value]:  # fmt: skip
    """The inverse of `stft`: times, and the signal of which the segments' transforms are nearest to `Zxx`.

    D. Griffin, J. Lim, Signal estimation from modified short-time Fourier transform, 1984.
    """
    z = operand("istft", Zxx)
    if z.ndim < 2:
        raise shape_error(f"istft: input must be at least 2d, got {z.aval}")
    time_axis, freq_axis = canonical_axis(time_axis, z.ndim), canonical_axis(freq_axis, z.ndim)
    if time_axis == freq_axis:
        raise shape_error("istft: must specify differing time and frequency axes")
    z = convert(z, dtypes.to_complex_dtype(z.dtype))
    count = z.shape[freq_axis]
    whole = 2 * (count - 1) if input_onesided else count
    size = whole if nperseg is None else operator.index(nperseg)
    if size < 1:
        raise shape_error("istft: nperseg must be a positive integer")
    if nfft is None:
        points = whole + 1 if input_onesided and size == whole + 1 else whole
    else:
        points = operator.index(nfft)
    if points < size:
        raise shape_error(f"istft: FFT length ({points}) must be longer than nperseg ({size}).")
    overlap = size // 2 if noverlap is None else operator.index(noverlap)
    if overlap >= size:
        raise shape_error("istft: noverlap must be less than nperseg.")
    z = moveaxis(z, (freq_axis, time_axis), (-1, -2))
    segments = (irfft if input_onesided else ifft)(z, points)[..., :size]
    window_ = convert(_window("istft", window, size), segments.dtype)
    y = _added(multiply(multiply(segments, reductions.sum(window_)), window_), size - overlap)
    squares = multiply(window_, window_) + zeros((segments.shape[-2], 1), window_.dtype)
    weight = _added(squares, size - overlap)
    if boundary:
        y, weight = (v[..., size // 2 : v.shape[-1] - size // 2] for v in (y, weight))
    y = divide(y, where(real(weight) > 1e-10, weight, 1))
    if y.ndim > 1 and time_axis != z.ndim - 1:
        y = moveaxis(y, -1, time_axis - (freq_axis < time_axis))
    time = arange(y.shape[0], dtype=dtypes.to_real_dtype(y.dtype))
    return divide(time, fs), y


# ---- plans -----------------------------------------------------------------------------------------------


class _Plan(NamedTuple):
    """Checked arguments of a spectral function; `axis` is counted from the front."""

    x: Value
    y: Value | None
    fs: Any
    window: Value
    size: int
    overlap: int
    points: int
    axis: int


def _plan(
    name: str, x: Any, y: Any, fs: Any, window: Any, nperseg: Any, noverlap: Any, nfft: Any, axis: Any
) -> _Plan:  # fmt: skip
    if y is None:
        (x,), _ = promote(name, x, inexact=True)
    else:
        (x, y), _ = promote(name, x, y, inexact=True)
        if x.ndim != y.ndim:
            raise shape_error(f"{name}: two arguments must have the same rank, got {x.aval} and {y.aval}")
    axis = canonical_axis(operator.index(axis), x.ndim)
    if y is not None:
        broadcast_shape(name, [(*v.shape[:axis], *v.shape[axis + 1 :]) for v in (x, y)])
    if nperseg is not None and operator.index(nperseg) < 1:
        raise shape_error(f"{name}: nperseg must be a positive integer, got {nperseg}")
    size = _segment_size(name, window, nperseg, x.shape[axis])
    window = convert(_window(name, window, size), x.dtype)
    overlap = size // 2 if noverlap is None else operator.index(noverlap)
    points = size if nfft is None else operator.index(nfft)
    if points < size:
        raise shape_error(f"{name}: nfft must be greater than or equal to nperseg, got {points} and {size}")
    if overlap >= size and x.size:
        raise shape_error(f"{name}: noverlap must be less than nperseg, got {overlap} and {size}")
    return _Plan(x, y, fs, window, size, overlap, points, axis)


def _segment_size(name: str, window: Any, nperseg: Any, length: int) -> int:
    """The length of segments: as asked, or that of the window, or that of the signal."""
    if isinstance(window, (str, tuple)):
        size = length if nperseg is None else operator.index(nperseg)
        if size > length:
            warnings.warn(f"nperseg={size} is greater than {length}, the length of the signal, which is taken instead")
        return min(size, length)
    window = asarray(window)
    if window.ndim != 1:
        raise shape_error(f"{name}: window must be 1-D, got {window.aval}")
    if length < window.shape[0]:
        raise shape_error(f"{name}: window is longer than input signal: {window.shape[0]} and {length}")
    if nperseg is not None and nperseg != window.shape[0]:
        raise shape_error(f"{name}: nperseg, {nperseg}, is different from the window's length, {window.shape[0]}")
    return window.shape[0]


_COSINES = {
    "hann": (0.5, -0.5), "hanning": (0.5, -0.5), "hamming": (0.54, -0.46), "blackman": (0.42, -0.5, 0.08),
    "boxcar": (1.0,), "rectangular": (1.0,), "rect": (1.0,), "box": (1.0,), "ones": (1.0,),
    "blackmanharris": (0.35875, -0.48829, 0.14128, -0.01168), "nuttall": (0.3635819, -0.4891775, 0.1365995, -0.0106411),
}  # fmt: skip
"""Windows that are sums of cosines, by SciPy's names: their coefficients."""


def _window(name: str, window: Any, size: int) -> Value:
    """A window given by its name or as an array. Names mean periodic windows, as spectra need them."""
    if not isinstance(window, (str, tuple)):
        window = asarray(window)
        if window.shape != (size,):
            raise shape_error(f"{name}: window must be 1-D and have length of {size}, got {window.aval}")
        return window
    coefficients = _COSINES.get(window) if isinstance(window, str) else None
    if coefficients is not None:
        angles = 2 * np.pi * np.arange(size) / max(size, 1)
        values = sum(c * np.cos(k * angles) for k, c in enumerate(coefficients)) if size != 1 else np.ones(1)
    else:
        try:
            from scipy.signal import get_window
        except ImportError:
            text = f"{name}: scipy must be available to use window={window!r}"
            ways = ["install scipy", "or give the window as an array"]
            raise MissingLibraryError(errors.explain(text, user_line(), ways_out=ways)) from None
        values = get_window(window, size)
    return asarray(np.asarray(values).astype(dtypes.default_float_dtype()))


# ---- spectra ---------------------------------------------------------------------------------------------


def _spectra(
    plan: _Plan, trend: Any, onesided: bool, scaling: str, mode: str, boundary: str | None, padded: bool
) -> tuple[Value, Value, Value]:
    """Frequencies, times, and the spectra of segments: of `x`, or products of those of `x` and `y`."""
    x, y, fs, window, size, overlap, points, axis = plan
    if boundary not in _EXTENSIONS:
        raise shape_error(f"Unknown boundary option {boundary!r}, must be one of: {list(_EXTENSIONS)}")
    complex_dtype = dtypes.to_complex_dtype(x.dtype)
    real_dtype = dtypes.to_real_dtype(complex_dtype)
    if not x.size or y is not None and not y.size:
        shape = x.shape if y is None else _empty_shape(x, y, axis)
        return zeros(shape, real_dtype), zeros(shape, real_dtype), zeros(shape, complex_dtype)
    if scaling not in ("density", "spectrum"):
        raise shape_error(f"Unknown scaling: {scaling!r}")
    trend_of = _trend_remover(trend, axis)
    step = size - overlap
    signals = _of_one_length([moveaxis(v, axis, -1) for v in (x, y) if v is not None])
    signals = [_EXTENSIONS[boundary](v, size // 2) for v in signals]
    if padded:
        missing = -(signals[0].shape[-1] - size) % step % size
        signals = [_lengthened(v, missing) for v in signals]
    if onesided and any(v.dtype.kind == "c" for v in signals):
        warnings.warn("Input data is complex, switching to return_onesided=False")
        onesided = False
    norm = multiply(fs, reductions.sum(multiply(window, window))) if scaling == "density" else _square_of_sum(window)
    spectra = [_transforms(v, window, trend_of, size, step, points, onesided) for v in signals]
    if mode == "stft":
        result = divide(spectra[0], convert(sqrt(norm), complex_dtype))
    else:
        result = divide(multiply(conj(spectra[0]), spectra[-1]), convert(norm, complex_dtype))
    if onesided and mode == "psd":
        weights = np.full(points // 2 + 1, 2.0)
        weights[0] = 1
        if points % 2 == 0:
            weights[-1] = 1
        result = multiply(result, asarray(weights.astype(real_dtype)))
    freqs = (rfftfreq if onesided else fftfreq)(points, divide(1, fs), dtype=real_dtype)
    length = signals[0].shape[-1]
    time = divide(arange(size / 2, length - size / 2 + 1, step, dtype=real_dtype), fs)
    if boundary is not None:
        time = subtract(time, divide(size / 2, fs))
    result = convert(result, complex_dtype)
    if y is None and mode != "stft":
        result = real(result)
    return freqs, time, moveaxis(result, -1, axis)


def _empty_shape(x: Value, y: Value, axis: int) -> tuple[int, ...]:
    """The shape of spectra where there are no numbers."""
    outer = list(broadcast_shape("csd", [(*v.shape[:axis], *v.shape[axis + 1 :]) for v in (x, y)]))
    outer.insert(axis, min(x.shape[axis], y.shape[axis]))
    return tuple(outer)


def _square_of_sum(window: Value) -> Value:
    total = reductions.sum(window)
    return multiply(total, total)


def _trend_remover(trend: Any, axis: int) -> Callable[[Value], Value]:
    """What is done to segments, along their last axis, before they are transformed."""
    if isinstance(trend, str):
        return lambda v: without_trend(v, type=trend)
    if callable(trend):
        return lambda v: moveaxis(trend(moveaxis(v, axis, -1)), -1, axis)
    if trend:
        raise shape_error(f"Unsupported detrend type: {trend!r}")
    return lambda v: v


def _transforms(
    x: Value, window: Value, trend_of: Callable[[Value], Value], size: int, step: int, points: int, onesided: bool
) -> Value:
    """Transforms of the windowed segments of the last axis: [..., segment, frequency]."""
    v = multiply(trend_of(segments_of(x, size, step)), window)
    return rfft(real(v) if v.dtype.kind == "c" else v, points) if onesided else fft(v, points)


def segments_of(x: Value, size: int, step: int) -> Value:
    """Segments of the last axis, `step` apart: [..., segment, place].

    They are put together from slices, which is faster to run and to differentiate than a gather, where few do.
    """
    count = (x.shape[-1] - size) // step + 1
    unit = math.gcd(size, step)
    if size // unit > 16:
        places = np.arange(count)[:, None] * step + np.arange(size)
        return x[..., places.astype(np.int32)]
    pieces = x[..., : (x.shape[-1] // unit) * unit].reshape(*x.shape[:-1], -1, unit)
    stride = step // unit
    last = stride * (count - 1) + 1
    return concatenate([pieces[..., i : i + last : stride, :] for i in range(size // unit)], -1)


def _added(segments: Value, step: int) -> Value:
    """The sum of segments [..., segment, place] that begin `step` apart."""
    *batch, count, size = segments.shape
    parts = -(-size // step)
    rows = pad(segments, [(0, 0)] * (len(batch) + 1) + [(0, parts * step - size)])
    rows = moveaxis(rows.reshape(*batch, count, parts, step), -2, -3)
    # With `parts` zeros behind each row, rows that are one shorter begin one place further right than the one before.
    rows = pad(rows, [(0, 0)] * (len(batch) + 1) + [(0, parts), (0, 0)])
    rows = rows.reshape(*batch, parts * (count + parts), step)[..., : parts * (count + parts - 1), :]
    total = reductions.sum(rows.reshape(*batch, parts, count + parts - 1, step), -3)
    return total.reshape(*batch, -1)[..., : step * (count - 1) + size]


# ---- the ends of signals ---------------------------------------------------------------------------------


def _of_one_length(signals: list[Value]) -> list[Value]:
    """Signals with zeros behind the shorter one."""
    longest = max(v.shape[-1] for v in signals)
    return [_lengthened(v, longest - v.shape[-1]) for v in signals]


def _lengthened(x: Value, more: int) -> Value:
    """With zeros behind."""
    return pad(x, [(0, 0)] * (x.ndim - 1) + [(0, more)]) if more else x


def _padded(mode: str) -> Callable[[Value, int], Value]:
    """An extension by a mode of `axil.numpy.pad`."""
    return lambda x, n: pad(x, [(0, 0)] * (x.ndim - 1) + [(n, n)], mode)


def _odd(x: Value, n: int) -> Value:
    """Extended by its own image, turned by half a turn about each end."""
    if n < 1:
        return x
    if n > x.shape[-1] - 1:
        raise shape_error(f"the extension by {n} is too long for a signal of {x.shape[-1]}: at most that less 1")
    left = subtract(multiply(2, x[..., :1]), flip(x[..., 1 : n + 1], -1))
    right = subtract(multiply(2, x[..., -1:]), flip(x[..., -(n + 1) : -1], -1))
    return concatenate([left, x, right], -1)


_EXTENSIONS: dict[str | None, Callable[[Value, int], Value]] = {
    "even": _padded("reflect"), "odd": _odd, "constant": _padded("edge"), "zeros": _padded("constant"),
    None: lambda x, n: x,
}  # fmt: skip


def _median_bias(count: int) -> float:
    """How much larger the mean of periodograms is than their median (Allen and others 2005, appendix B)."""
    even = 2.0 * np.arange(1, (count - 1) // 2 + 1)
    return float(1 + np.sum(1 / (even + 1) - 1 / even))
