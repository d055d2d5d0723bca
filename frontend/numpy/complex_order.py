"""Maxima and minima of complex numbers, which are ordered by real part, then imaginary part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.numpy import reductions as red
from axil.numpy.logic import bitwise_and, bitwise_or, equal, isnan
from axil.numpy.logic import pick as where_
from axil.numpy.lookup import take_along_axis
from axil.numpy.shaping import moveaxis
from axil.numpy.ufuncs import imag, maximum, minimum, real
from axil.numpy.values import Value, broadcast, canonical_axes, filled, operand, reshape_to


def complex_extremum(name: str, a: Value, axis: Any, keepdims: bool, initial: Any, where: Any) -> Value:
    """`max` or `min` of complex numbers over axes; NaN wins. Its derivative is that of the first of equal winners."""
    worst = -math.inf if name == "max" else math.inf
    dtype = a.aval.dtype
    if where is not None:
        a = where_(operand(name, where), a, worst)
    axes = canonical_axes(axis, a.ndim)
    rest = [d for d in range(a.ndim) if d not in axes]
    shape = tuple(a.shape[d] for d in rest)
    size = math.prod(a.shape[d] for d in axes)
    lines = reshape_to(moveaxis(a, rest, range(len(rest))), (*shape, size))
    result = _first_of_best(name, lines) if size else filled(np.asarray(worst, dtype), shape)
    if initial is not None:
        result = broadcast((maximum if name == "max" else minimum)(initial, result), shape)
    kept = tuple(1 if d in axes else n for d, n in enumerate(a.shape))
    return reshape_to(result, kept) if keepdims else result


def _first_of_best(name: str, lines: Value) -> Value:
    """The extremum of each line of the last axis."""
    worst = -math.inf if name == "max" else math.inf
    extremum = red.max if name == "max" else red.min
    ties = equal(real(lines), extremum(real(lines), -1, keepdims=True))
    second = extremum(where_(ties, imag(lines), worst), -1, keepdims=True)
    winner = bitwise_or(bitwise_and(ties, equal(imag(lines), second)), isnan(lines))
    place = red.argmax(winner, -1, keepdims=True)
    return reshape_to(take_along_axis(lines, place, -1, mode="clip"), lines.shape[:-1])
