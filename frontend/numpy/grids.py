"""Arrays by the notation of slices: `mgrid[0:3, 0:2]`, `r_[1:4, 7]`. They are objects that are indexed."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy.creation import array
from axil.numpy.joining import concatenate, stack
from axil.numpy.ranges import arange, linspace, meshgrid
from axil.numpy.shaping import expand_dims, transpose
from axil.numpy.values import Value, convert, shape_error


def _line(key: slice) -> Value:
    """The numbers that a slice names; an imaginary step counts them, both ends included."""
    start = 0 if key.start is None else key.start
    step = 1 if key.step is None else key.step
    if key.stop is None:
        raise shape_error(f"the end of {key} is missing; write start:stop or start:stop:step")
    if isinstance(step, (complex, np.complexfloating)):
        return linspace(start, key.stop, int(abs(step)))
    return arange(start, key.stop, step)


class Grid:
    """What `mgrid` and `ogrid` are: indexing one by slices gives the coordinates of a grid."""

    def __init__(self, name: str, open_: bool) -> None:
        self._name = name
        self._open = open_

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return _line(key)
        lines = [_line(k) for k in key]
        if not lines:
            return [] if self._open else arange(0)
        dtype, weak = dtypes.promote_values(*lines)
        found = meshgrid(*[convert(x, dtype, weak) for x in lines], indexing="ij", sparse=self._open)
        return found if self._open else stack(found, 0)

    def __repr__(self) -> str:
        return f"axil.numpy.{self._name}"


class Joiner:
    """What `r_` and `c_` are: indexing one by slices, arrays and numbers joins them along an axis.

    A first item that is a string is a directive: `"axis,ndmin,place"`, or `"r"` or `"c"` for a row or a column.
    """

    def __init__(self, name: str, axis: int, ndmin: int, place: int) -> None:
        self._name = name
        self._defaults = [axis, ndmin, place]

    def __getitem__(self, key: Any) -> Value:
        items = list(key) if isinstance(key, tuple) else [key]
        (axis, ndmin, place), matrix = self._defaults, -1
        if items and isinstance(items[0], str):
            directive = items.pop(0)
            if directive in ("r", "c"):
                matrix = "rc".index(directive)
            else:
                axis, ndmin, place = self._read(directive)
        result = concatenate([self._part(item, ndmin, place) for item in items], axis)
        return expand_dims(result, matrix) if matrix != -1 and result.ndim == 1 else result

    def _read(self, directive: str) -> list[int]:
        try:
            given = [int(word) for word in directive.split(",")][:3]
        except ValueError:
            raise shape_error(
                f"{self._name}: cannot read the directive {directive!r}; write 'r', 'c' or 'axis,ndmin,place'"
            ) from None
        return given + self._defaults[len(given) :]

    def _part(self, item: Any, ndmin: int, place: int) -> Value:
        """An item with at least `ndmin` dimensions; `place` says where those that it had come among them."""
        if isinstance(item, str):
            raise shape_error(f"{self._name}: the directive {item!r} must be the first item")
        part = _line(item) if isinstance(item, slice) else array(item)
        had = 0 if isinstance(item, slice) else part.ndim
        part = array(part, ndmin=ndmin)
        if place == -1 or ndmin <= had:
            return part
        shift = ndmin - abs(ndmin + place + 1) % ndmin
        axes = tuple(range(ndmin))
        return transpose(part, axes[shift:] + axes[:shift])

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"axil.numpy.{self._name}"


mgrid = Grid("mgrid", False)
ogrid = Grid("ogrid", True)
r_ = Joiner("r_", 0, 1, -1)
c_ = Joiner("c_", -1, 2, 0)
