"""Padding: `pad` and its modes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects import shape as s
from axil.numpy import ranges, reductions, ufuncs
from axil.numpy.shaping import flip, join, slice_along, squeeze
from axil.numpy.values import (
    Array,
    Tracer,
    UnsupportedArgument,
    Value,
    bind,
    broadcast,
    canonical_axis,
    convert,
    operand,
    shape_error,
)


def pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Value:
    """Padded at both ends of each dimension: with a constant, the edge, a reflection, a repetition, or statistics."""
    array = operand("pad", array)
    widths = _pad_widths(pad_width, array.ndim)
    if callable(mode):
        raise UnsupportedArgument(
            "pad takes the name of a mode; a function as mode would change its argument"
        )
    if mode not in _PAD_MODES:
        raise shape_error(f"pad takes mode {', '.join(_PAD_MODES)}; got {mode!r}")
    pad_by, known = _PAD_MODES[mode]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise shape_error(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    if any(n < 0 for pair in widths for n in pair):
        raise shape_error(f"index can't contain negative values: pad_width is {pad_width}")
    return pad_by(array, widths, **options)


def _pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """(before, after) for each dimension, from any of NumPy's forms."""
    if isinstance(pad_width, dict):
        by_axis = {canonical_axis(k, ndim): v for k, v in pad_width.items()}
        return [_pad_pair(by_axis.get(d, 0)) for d in range(ndim)]
    return [(int(a), int(b)) for a, b in _pairs(pad_width, ndim, "pad_width")]


def _pad_pair(value: Any) -> tuple[int, int]:
    before, after = (value, value) if np.ndim(value) == 0 else value
    return operator.index(before), operator.index(after)


def _pairs(value: Any, ndim: int, name: str) -> np.ndarray:
    given = np.asarray(value)
    try:
        if given.ndim == 1 and given.shape[0] not in (1, 2):
            raise ValueError
        return np.broadcast_to(given, (ndim, 2))
    except ValueError:
        raise shape_error(
            f"pad: {name} of shape {given.shape} is not a number, a pair, or a pair for each of the {ndim} dimensions"
        ) from None


def pad_with(a: Value, widths: Sequence[tuple[int, int]], value: Value) -> Value:
    """Padded with a scalar of the same dtype."""
    low, high = tuple(w[0] for w in widths), tuple(w[1] for w in widths)
    if not any(low) and not any(high):
        return a
    return bind(s.pad, a, value, low=low, high=high, interior=(0,) * a.ndim, weak=a.weak_type)


def _pad_constant(a: Value, widths: Any, constant_values: Any = 0) -> Value:
    if isinstance(constant_values, (Array, Tracer, int, float, complex)) and not np.ndim(constant_values):
        return pad_with(a, widths, convert(constant_values, a.dtype))
    if isinstance(constant_values, (list, tuple)):
        constant_values = np.asarray(constant_values)
    values = np.broadcast_to(np.asarray(constant_values), (a.ndim, 2))
    for d, (before, after) in enumerate(widths):
        for side, n in enumerate((before, after)):
            edge = [(0, 0)] * a.ndim
            edge[d] = (n, 0) if side == 0 else (0, n)
            a = pad_with(a, edge, convert(values[d, side], a.dtype))
    return a


def _pad_edge(a: Value, widths: Any) -> Value:
    for d, (before, after) in enumerate(widths):
        n = a.shape[d]
        _check_not_empty(a, d, before, after)
        parts = [_repeated(slice_along(a, d, 0, 1), d, before)] if before else []
        parts.append(a)
        parts += [_repeated(slice_along(a, d, n - 1, n), d, after)] if after else []
        a = join(parts, d)
    return a


def _repeated(a: Value, axis: int, n: int) -> Value:
    return broadcast(a, tuple(n if d == axis else size for d, size in enumerate(a.shape)))


def _check_not_empty(a: Value, axis: int, before: int, after: int) -> None:
    if not a.shape[axis] and (before or after):
        raise shape_error(f"pad: cannot pad axis {axis} of {a.aval}, which is empty, with its own elements")


def _pad_by_copies(pick: Callable[[Value, int, int, int], Value]) -> Callable[..., Value]:
    """Padding by pieces of the array itself: `pick(array, axis, count, side)` gives the piece next to it."""

    def pad_by(a: Value, widths: Any, reflect_type: str = "even") -> Value:
        for d, (before, after) in enumerate(widths):
            _check_not_empty(a, d, before, after)
            for side, n in enumerate((before, after)):
                while n > 0:
                    piece = pick(a, d, n, side)
                    piece = _odd(a, piece, d, side) if reflect_type == "odd" else piece
                    a = join([piece, a] if side == 0 else [a, piece], d)
                    n -= piece.shape[d]
        return a

    return pad_by


def _odd(a: Value, piece: Value, axis: int, side: int) -> Value:
    """A reflection about the value at the edge."""
    n = a.shape[axis]
    edge = slice_along(a, axis, 0, 1) if side == 0 else slice_along(a, axis, n - 1, n)
    return 2 * edge - piece


def _pick_reflect(a: Value, axis: int, count: int, side: int) -> Value:
    n = a.shape[axis]
    if n == 1:
        return _repeated(a, axis, count)
    count = min(count, n - 1)
    return flip(
        slice_along(a, axis, 1, count + 1) if side == 0 else slice_along(a, axis, n - 1 - count, n - 1), axis
    )


def _pick_symmetric(a: Value, axis: int, count: int, side: int) -> Value:
    n = a.shape[axis]
    count = min(count, n)
    return flip(slice_along(a, axis, 0, count) if side == 0 else slice_along(a, axis, n - count, n), axis)


def _pad_wrap(a: Value, widths: Any) -> Value:
    for d, (before, after) in enumerate(widths):
        _check_not_empty(a, d, before, after)
        if not before and not after:
            continue
        n = a.shape[d]
        full_before, rest_before = divmod(before, n)
        full_after, rest_after = divmod(after, n)
        parts = [slice_along(a, d, n - rest_before, n)] if rest_before else []
        parts += [a] * (full_before + 1 + full_after)
        parts += [slice_along(a, d, 0, rest_after)] if rest_after else []
        a = join(parts, d)
    return a


def _pad_statistic(name: str) -> Callable[..., Value]:
    """Padding with the maximum, minimum or mean of the elements next to the edge."""

    def pad_by(a: Value, widths: Any, stat_length: Any = None) -> Value:
        reduce = {"maximum": reductions.max, "minimum": reductions.min, "mean": reductions.mean}[name]
        lengths = None if stat_length is None else _pairs(stat_length, a.ndim, "stat_length")
        for d, (before, after) in enumerate(widths):
            n = a.shape[d]
            parts = [a]
            for side, count in enumerate((before, after)):
                length = n if lengths is None else min(int(lengths[d][side]), n)
                near = slice_along(a, d, 0, length) if side == 0 else slice_along(a, d, n - length, n)
                value = reduce(near, axis=d, keepdims=True)
                if a.dtype.kind in "iu" and name == "mean":
                    value = ufuncs.round(value)
                piece = _repeated(convert(value, a.dtype, a.weak_type), d, count)
                parts = [piece, *parts] if side == 0 else [*parts, piece]
            a = join([p for p in parts if p.shape[d]] or [a], d)
        return a

    return pad_by


def _pad_linear_ramp(a: Value, widths: Any, end_values: Any = 0) -> Value:
    ends = _pairs(end_values, a.ndim, "end_values")
    for d, (before, after) in enumerate(widths):
        n = a.shape[d]
        parts = [a]
        for side, count in enumerate((before, after)):
            edge = slice_along(a, d, 0, 1) if side == 0 else slice_along(a, d, n - 1, n)
            ramp = ranges.linspace(
                ends[d][side], squeeze(edge, d), count, endpoint=False, dtype=a.dtype, axis=d
            )
            parts = [ramp, *parts] if side == 0 else [*parts, flip(ramp, d)]
        a = join([convert(p, a.dtype, a.weak_type) for p in parts], d)
    return a


def _pad_empty(a: Value, widths: Any) -> Value:
    return _pad_constant(a, widths)


_PAD_MODES: dict[str, tuple[Callable[..., Value], tuple[str, ...]]] = {
    "constant": (_pad_constant, ("constant_values",)),
    "edge": (_pad_edge, ()),
    "empty": (_pad_empty, ()),
    "linear_ramp": (_pad_linear_ramp, ("end_values",)),
    "maximum": (_pad_statistic("maximum"), ("stat_length",)),
    "mean": (_pad_statistic("mean"), ("stat_length",)),
    "minimum": (_pad_statistic("minimum"), ("stat_length",)),
    "reflect": (_pad_by_copies(_pick_reflect), ("reflect_type",)),
    "symmetric": (_pad_by_copies(_pick_symmetric), ("reflect_type",)),
    "wrap": (_pad_wrap, ()),
}
