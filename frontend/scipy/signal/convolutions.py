"""Convolutions and correlations of arrays of as many dimensions: directly, or by Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from axil.lax.convolution import conv_general_dilated
from axil.numpy.fft import fftn, ifftn, irfftn, rfftn
from axil.numpy.shaping import flip
from axil.numpy.ufuncs import conj, multiply
from axil.numpy.values import UnsupportedArgument, Value, canonical_axes, operand, promote, shape_error

MODES = ("full", "same", "valid")
"""All places where the two overlap, as many as the first has elements, or where one lies within the other."""


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto", precision: Any = None) -> Value:
    """The convolution of two arrays; `mode` is "full", "same" (the size of `in1`) or "valid" (no zeros added).

    `method` is "direct" (which "auto" takes) or "fft", see `fftconvolve`. Integers are converted to floating point.
    """
    in1, in2 = operand("convolve", in1, 0), operand("convolve", in2, 1)
    if method == "fft":
        return fftconvolve(in1, in2, mode)
    if method not in ("auto", "direct"):
        raise shape_error(f"convolve takes the method auto, fft or direct, got {method!r}")
    return _direct("convolve", in1, in2, mode, precision)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto", precision: Any = None) -> Value:
    """The correlation of two arrays: the convolution with the second one reversed and conjugated."""
    in1, in2 = operand("correlate", in1, 0), operand("correlate", in2, 1)
    return convolve(in1, flip(conj(in2)), mode, method, precision)


def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: float = 0, precision: Any = None
) -> Value:
    """The convolution of two matrices, with zeros around them."""
    in1, in2 = _matrices("convolve2d", in1, in2, boundary, fillvalue)
    return _direct("convolve2d", in1, in2, mode, precision)


def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: float = 0, precision: Any = None
) -> Value:
    """The correlation of two matrices, with zeros around them."""
    in1, in2 = _matrices("correlate2d", in1, in2, boundary, fillvalue)
    first, second = in1.shape, in2.shape
    smaller = first != second and all(n <= m for n, m in zip(first, second))
    if mode == "same" or mode == "valid" and not smaller or mode != "valid" and not _within(first, second):
        return flip(_direct("correlate2d", flip(in1), conj(in2), mode, precision))
    y = _direct("correlate2d", flip(in2), conj(in1), mode, precision)
    return y if mode == "valid" else conj(y)


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Sequence[int] | int | None = None) -> Value:
    """The convolution along all axes, or some, as the product of Fourier transforms: for long arrays.

    Other axes must be of one size in both arrays.
    """
    (in1, in2), _ = promote("fftconvolve", in1, in2, inexact=True)
    if in1.ndim != in2.ndim:
        raise shape_error(f"fftconvolve: in1 and in2 should have the same dimensionality, got {in1.aval}, {in2.aval}")
    _check_mode(mode)
    axes = canonical_axes(axes, in1.ndim)
    if any(in1.shape[i] != in2.shape[i] for i in range(in1.ndim) if i not in axes):
        raise shape_error(f"fftconvolve: mapped axes must have same shape; got in1.shape={in1.shape} "
                          f"in2.shape={in2.shape} axes={axes}")  # fmt: skip
    if mode == "valid" and _sizes_differ_in_order("fftconvolve", in1.shape, in2.shape, axes):
        in1, in2 = in2, in1
    full = tuple(in1.shape[i] + in2.shape[i] - 1 for i in axes)
    if all(1 in (in1.shape[i], in2.shape[i]) for i in axes):
        y = multiply(in1, in2)
    elif in1.dtype.kind == "c":
        sizes = tuple(map(fast_length, full))
        y = ifftn(multiply(fftn(in1, sizes, axes), fftn(in2, sizes, axes)), sizes, axes)
    else:
        sizes = tuple(map(fast_length, full))
        y = irfftn(multiply(rfftn(in1, sizes, axes), rfftn(in2, sizes, axes)), sizes, axes)
    wanted = dict(zip(axes, full))
    for i, n in zip(axes, full):
        if mode != "full":
            wanted[i] = in1.shape[i] if mode == "same" else in1.shape[i] - in2.shape[i] + 1
        first = (n - wanted[i]) // 2
        y = y[(slice(None),) * i + (slice(first, first + wanted[i]),)]
    return y


def fast_length(n: int) -> int:
    """The least size from `n` on that has no prime factor above 5."""
    while True:
        rest = n
        for p in (2, 3, 5):
            while rest % p == 0 and rest:
                rest //= p
        if rest <= 1:
            return n
        n += 1


# ---- arguments -------------------------------------------------------------------------------------------


def _check_mode(mode: Any) -> None:
    if mode not in MODES:
        raise shape_error(f"mode must be one of {list(MODES)}, got {mode!r}")


def _within(inner: Sequence[int], outer: Sequence[int]) -> bool:
    return all(n <= m for n, m in zip(inner, outer))


def _sizes_differ_in_order(name: str, first: Sequence[int], second: Sequence[int], axes: Sequence[int]) -> bool:
    """Whether the second array contains the first, and has to change places with it; or raises an error."""
    sizes = [first[i] for i in axes], [second[i] for i in axes]
    if not (_within(*sizes) or _within(*reversed(sizes))):
        raise shape_error(f"{name}: for mode 'valid', one input must be at least as large as the other in every "
                          f"dimension; got shapes {tuple(first)} and {tuple(second)}")  # fmt: skip
    return _within(*sizes)


def _matrices(name: str, in1: Any, in2: Any, boundary: Any, fillvalue: Any) -> tuple[Value, Value]:
    if boundary != "fill" or fillvalue != 0:
        raise UnsupportedArgument(f"{name} puts zeros around its operands (boundary='fill', fillvalue=0); for others "
                                  "pad the first one with axil.numpy.pad and take mode='valid'")  # fmt: skip
    in1, in2 = operand(name, in1, 0), operand(name, in2, 1)
    if in1.ndim != 2 or in2.ndim != 2:
        raise shape_error(f"{name} only supports 2-dimensional inputs, got {in1.aval} and {in2.aval}")
    return in1, in2


def _direct(name: str, in1: Value, in2: Value, mode: str, precision: Any) -> Value:
    """The convolution as a sum of products."""
    _check_mode(mode)
    if in1.ndim != in2.ndim:
        raise shape_error(f"{name}: in1 and in2 must have the same number of dimensions, got {in1.aval}, {in2.aval}")
    if not math.prod(in1.shape) or not math.prod(in2.shape):
        raise shape_error(f"{name}: zero-size arrays not supported in convolutions, got {in1.aval} and {in2.aval}")
    (in1, in2), _ = promote(name, in1, in2, inexact=True)
    if not (_within(in1.shape, in2.shape) or _within(in2.shape, in1.shape)):
        raise shape_error(f"{name}: one input must be smaller than the other in every dimension, got {in1.aval} and "
                          f"{in2.aval}", "call fftconvolve")  # fmt: skip
    asked = in2.shape
    if _within(in1.shape, in2.shape):
        in1, in2 = in2, in1
    shape = in2.shape
    if mode == "valid":
        padding = [(0, 0)] * len(shape)
    elif mode == "full":
        padding = [(n - 1, n - 1) for n in shape]
    else:
        padding = [(n - 1 - (m - 1) // 2, n - m + (m - 1) // 2) for n, m in zip(shape, asked)]
    y = conv_general_dilated(in1[None, None], flip(in2)[None, None], (1,) * len(shape), padding, precision=precision)
    return y[0, 0]
