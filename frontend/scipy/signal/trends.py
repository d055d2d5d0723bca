"""Removing trends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.numpy.creation import asarray
from axil.numpy.joining import concatenate
from axil.numpy.reductions import mean, sum
from axil.numpy.shaping import moveaxis
from axil.numpy.ufuncs import multiply, subtract
from axil.numpy.values import UnsupportedArgument, Value, canonical_axis, promote, shape_error


def detrend(
    data: Any, axis: int = -1, type: str = "linear", bp: int | Sequence[int] = 0, overwrite_data: None = None
) -> Value:
    """Less its mean along an axis (`type="constant"`), or less the straight lines that fit it best between breakpoints.

    `bp` are positions along the axis where one line ends and the next begins.
    """
    if overwrite_data is not None:
        raise UnsupportedArgument("detrend cannot overwrite its argument: arrays are immutable; use the result")
    if type not in ("constant", "linear"):
        raise shape_error(f"detrend takes the type linear or constant, got {type!r}")
    (x,), _ = promote("detrend", asarray(data), inexact=True)
    axis = canonical_axis(axis, x.ndim)
    if type == "constant":
        return subtract(x, mean(x, axis, keepdims=True))
    n = x.shape[axis]
    breaks = np.unique(np.concatenate([[0, n], np.atleast_1d(np.asarray(bp, int))]))
    if breaks[0] < 0 or breaks[-1] > n:
        raise shape_error(f"detrend: breakpoints must be from 0 to {n}, the length along axis {axis}; got {bp}")
    x = moveaxis(x, axis, -1)
    parts = [_without_line(x[..., i:j]) for i, j in zip(breaks.tolist(), breaks.tolist()[1:])]
    return moveaxis(concatenate(parts, -1) if parts else x, -1, axis)


def _without_line(x: Value) -> Value:
    """Less the line of least squares along the last axis."""
    n = x.shape[-1]
    x = subtract(x, mean(x, -1, keepdims=True))
    if n == 1:
        return x
    t = np.arange(n) - (n - 1) / 2
    real = x.dtype if x.dtype.kind != "c" else np.dtype(np.float32 if x.dtype.itemsize == 8 else np.float64)
    unit = asarray((t / np.sqrt(np.sum(t * t))).astype(real))
    return subtract(x, multiply(sum(multiply(x, unit), -1, keepdims=True), unit))
