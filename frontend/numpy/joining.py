"""Joining several arrays and splitting one."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy.shaping import atleast_1d, atleast_2d, atleast_3d, join, ravel, reshape_to, slice_along
from axil.numpy.values import (
    Array,
    Tracer,
    Value,
    canonical_axis,
    convert,
    operand,
    promote,
    shape_error,
    type_error,
)


def _operands(name: str, arrays: Any) -> list[Value]:
    """The arrays of a list, or the items of one array."""
    if isinstance(arrays, (Array, Tracer, np.ndarray)):
        arrays = operand(name, arrays)
        return list(arrays) if arrays.ndim else _need_several(name)
    if not isinstance(arrays, (list, tuple)):
        raise type_error(f"{name} takes a list or tuple of arrays, got {type(arrays)}")
    if not len(arrays):
        _need_several(name)
    return [operand(name, a, i) for i, a in enumerate(arrays)]


def _need_several(name: str) -> list[Value]:
    raise shape_error(f"{name}: need at least one array to join")


def concatenate(arrays: Any, axis: int | None = 0, dtype: Any = None) -> Value:
    """Arrays end to end along an axis they have; without an axis, flattened first."""
    values = _operands("concatenate", arrays)
    if axis is None:
        values, axis = [ravel(v) for v in values], 0
    if not values[0].ndim:
        raise shape_error("zero-dimensional arrays cannot be concatenated", "use stack, or hstack")
    axis = canonical_axis(axis, values[0].ndim)
    values = _same_dtype("concatenate", values, dtype)
    first = values[0].shape
    for v in values:
        if v.ndim != len(first) or any(n != m for d, (n, m) in enumerate(zip(v.shape, first)) if d != axis):
            shapes = ", ".join(str(v.shape) for v in values)
            raise shape_error(
                f"cannot concatenate arrays with shapes that differ in dimensions other than axis {axis}: {shapes}"
            )
    return join(values, axis)


def _same_dtype(name: str, values: Sequence[Value], dtype: Any) -> list[Value]:
    if dtype is None:
        return promote(name, *values)[0]
    dtype = dtypes.check_user_dtype(dtype, name)
    return [convert(v, dtype) for v in values]


def concat(arrays: Any, /, *, axis: int | None = 0) -> Value:
    """Arrays end to end along an axis they have."""
    return concatenate(arrays, axis)


def stack(arrays: Any, axis: int = 0, out: None = None, dtype: Any = None) -> Value:
    """Arrays of one shape along a new axis."""
    values = _operands("stack", arrays)
    shape = values[0].shape
    if any(v.shape != shape for v in values):
        shapes = ", ".join(str(v.shape) for v in values)
        raise shape_error(f"stack: all input arrays must have the same shape, got {shapes}")
    axis = canonical_axis(axis, len(shape) + 1)
    values = _same_dtype("stack", values, dtype)
    return join([reshape_to(v, (*shape[:axis], 1, *shape[axis:])) for v in values], axis)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Value, ...]:
    """The items along an axis, which they lose."""
    x = operand("unstack", x)
    if not x.ndim:
        raise shape_error("unstack takes an array of at least one dimension")
    axis = canonical_axis(axis, x.ndim)
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return tuple(reshape_to(slice_along(x, axis, i, i + 1), shape) for i in range(x.shape[axis]))


def vstack(tup: Any, dtype: Any = None) -> Value:
    """Arrays below each other; vectors are rows."""
    return concatenate([atleast_2d(a) for a in _operands("vstack", tup)], 0, dtype)


def hstack(tup: Any, dtype: Any = None) -> Value:
    """Arrays beside each other."""
    values = [atleast_1d(a) for a in _operands("hstack", tup)]
    return concatenate(values, 0 if values[0].ndim == 1 else 1, dtype)


def dstack(tup: Any, dtype: Any = None) -> Value:
    """Arrays behind each other, along the third axis."""
    return concatenate([atleast_3d(a) for a in _operands("dstack", tup)], 2, dtype)


def column_stack(tup: Any) -> Value:
    """Vectors as columns, beside matrices."""
    values = _operands("column_stack", tup)
    return concatenate([a if a.ndim > 1 else reshape_to(a, (a.size, 1)) for a in values], 1)


def block(arrays: Any) -> Value:
    """Nested lists of blocks, the innermost joined along the last axis, the next along the one before."""
    depth, inner = 0, arrays
    while isinstance(inner, list):
        if not inner:
            raise shape_error("block takes no empty lists")
        depth, inner = depth + 1, inner[0]
    return _block(arrays, depth, depth)


def _block(x: Any, depth: int, level: int) -> Value:
    if not isinstance(x, list):
        if level:
            raise shape_error("block takes lists that are nested to the same depth everywhere")
        x = operand("block", x)
        return reshape_to(x, (1,) * max(0, depth - x.ndim) + x.shape)
    parts = [_block(item, depth, level - 1) for item in x]
    ndim = max(p.ndim for p in parts)
    parts = [reshape_to(p, (1,) * (ndim - p.ndim) + p.shape) for p in parts]
    return concatenate(parts, -level) if ndim else parts[0]


def append(arr: Any, values: Any, axis: int | None = None) -> Value:
    """Two arrays end to end; without an axis, flattened first."""
    return concatenate([operand("append", arr), operand("append", values, 1)], axis)


# ---- splitting -----------------------------------------------------------------------------------------


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """So many equal parts, or the parts between given positions."""
    return _split("split", ary, indices_or_sections, axis)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """So many parts of equal size or nearly, or the parts between given positions."""
    return _split("array_split", ary, indices_or_sections, axis)


def _split(name: str, ary: Any, indices_or_sections: Any, axis: int) -> list[Value]:
    a = operand(name, ary)
    axis = canonical_axis(axis, a.ndim)
    n = a.shape[axis]
    if np.ndim(indices_or_sections):
        bounds = [0, *(operator.index(i) for i in indices_or_sections), n]
        bounds = [min(n, max(0, i + n if i < 0 else i)) for i in bounds]
    else:
        count = operator.index(indices_or_sections)
        size, rest = divmod(n, count) if count > 0 else (0, 1)
        if count < 1 or rest and name != "array_split":
            raise shape_error(
                f"{name}: axis {axis} of {a.aval} does not divide into {count} equal parts", "use array_split"
            )
        bounds = [i * size + min(i, rest) for i in range(count + 1)]
    return [slice_along(a, axis, start, max(start, stop)) for start, stop in zip(bounds, bounds[1:])]


def vsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """Parts along the first axis."""
    return _split("vsplit", ary, indices_or_sections, 0)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """Parts along the second axis, or of a vector."""
    a = operand("hsplit", ary)
    return _split("hsplit", a, indices_or_sections, 0 if a.ndim == 1 else 1)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """Parts along the third axis."""
    return _split("dsplit", ary, indices_or_sections, 2)
