"""`axil.scipy.ndimage`: an array read at coordinates between its elements."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.lax.elementwise import RoundingMethod
from axil.lax.elementwise import round as lax_round
from axil.numpy.creation import asarray
from axil.numpy.logic import pick
from axil.numpy.ufuncs import absolute, clip, floor
from axil.numpy.values import UnsupportedArgument, Value, errors, shape_error, user_line


def _mirror(index: Value, size: int) -> Value:
    """Reflection about the centre of the last element: d c b | a b c d | c b a."""
    last = size - 1
    return absolute((index + last) % (2 * last) - last)


def _reflect(index: Value, size: int) -> Value:
    """Reflection about the edge: c b a | a b c d | d c b. A mirror between the elements and their edges."""
    return (_mirror(2 * index + 1, 2 * size + 1) - 1) // 2


_BOUNDARIES: dict[str, Callable[[Value, int], Value]] = {
    "constant": lambda index, size: index,
    "nearest": lambda index, size: clip(index, 0, size - 1),
    "wrap": lambda index, size: index % size,
    "mirror": _mirror,
    "reflect": _reflect,
}


def _rounded(x: Value) -> Value:
    """The nearest integer, halves away from zero."""
    return x if x.dtype.kind in "iu" else lax_round(x, RoundingMethod.AWAY_FROM_ZERO)


def _nearest(coordinate: Value) -> list[tuple[Value, Any]]:
    return [(_rounded(coordinate).astype(np.int32), coordinate.dtype.type(1))]


def _linear(coordinate: Value) -> list[tuple[Value, Any]]:
    lower = floor(coordinate)
    above = coordinate - lower
    index = lower.astype(np.int32)
    return [(index, 1 - above), (index + 1, above)]


def map_coordinates(
    input: Any,  # noqa: A002 - SciPy's name
    coordinates: Sequence[Any], order: int, mode: str = "constant", cval: Any = 0.0,
) -> Value:  # fmt: skip
    """`input` at coordinates, an array a dimension: the nearest element (`order=0`), or linear interpolation (1).

    Outside, `mode` is "constant" (`cval`), "nearest", "wrap", "mirror" or "reflect". The result has the dtype of
    `input`. Raises `ValueError` where there are not as many coordinates as dimensions.
    """
    values = asarray(input)
    points = [asarray(c) for c in coordinates]
    if len(points) != values.ndim:
        raise shape_error(
            f"map_coordinates: coordinates must be a sequence of length input.ndim, but {len(points)} != {values.ndim}"
        )
    if mode not in _BOUNDARIES:
        raise _unsupported(f"mode {mode!r}; there are {', '.join(_BOUNDARIES)}")
    if order not in (0, 1):
        raise _unsupported(f"order {order}; there are 0 (nearest) and 1 (linear)")
    fill = asarray(cval, values.dtype)
    nodes = [
        [(_BOUNDARIES[mode](i, n), _valid(i, n, mode), w) for i, w in (_nearest(c) if order == 0 else _linear(c))]
        for c, n in zip(points, values.shape)
    ]
    total: Any = None
    for corner in itertools.product(*nodes):
        indices, valid, weights = zip(*corner)
        part = values[indices]
        if valid[0] is not None:
            part = pick(functools.reduce(operator.and_, valid), part, fill)
        part = functools.reduce(operator.mul, weights) * part
        total = part if total is None else total + part
    return (_rounded(total) if values.dtype.kind in "iu" else total).astype(values.dtype)


def _valid(index: Value, size: int, mode: str) -> Value | None:
    """Where an index is inside; `None` for modes that bring every index inside."""
    return (0 <= index) & (index < size) if mode == "constant" else None


def _unsupported(what: str) -> UnsupportedArgument:
    return UnsupportedArgument(errors.explain(f"map_coordinates does not support {what}", user_line()))


__all__ = ["map_coordinates"]
