"""Ranges of numbers, and grids."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.dialects import elementwise as e
from axil.dialects import shape as s
from axil.numpy.transcendental import log10
from axil.numpy.ufuncs import add, divide, floor, multiply, power, sign, subtract
from axil.numpy.values import (
    Array,
    Tracer,
    Value,
    bind,
    broadcast,
    broadcast_shape,
    canonical_axis,
    canonical_shape,
    check_placement,
    convert,
    filled,
    operand,
    reshape_to,
    shape_error,
    state,
    type_error,
)

# ---- ranges --------------------------------------------------------------------------------------------


def arange(
    start: Any, stop: Any = None, step: Any = None, dtype: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Value:
    """Numbers from `start` up to but without `stop`, by `step`; one argument is the stop."""
    check_placement("arange", device, out_sharding)
    given = [x for x in (start, stop, step) if x is not None]
    known = [_known(x) for x in given]
    if dtype is None:
        dtype = dtypes.result_type(*given)
    else:
        dtype = dtypes.check_user_dtype(dtype, "arange")
    if stop is None and step is None:
        # Half a number up: arange(2.5) counts 0, 1, 2.
        return _counted(max(0, math.ceil(known[0])), dtype)
    values = np.arange(known[0], *known[1:]) if stop is not None else np.arange(0, known[0], known[1])
    if state.trace is None or values.size <= 1:
        return Array(e.convert.reference(np.asarray(values), dtype=dtype))
    counted = _counted(values.size, dtype)
    first, by = values[0].item(), (values[1] - values[0]).item()
    if by != 1:
        counted = multiply(counted, convert(by, dtype))
    return counted if first == 0 else add(counted, convert(first, dtype))


def _known(x: Any) -> Any:
    """A bound of `arange` as a NumPy scalar or Python number: it decides the size."""
    if type(x) is Tracer:
        x = x.concrete("the bounds of arange, which decide its size", errors.ConcretizationTypeError)
    x = x._numpy if type(x) is Array else x
    if np.ndim(x):
        raise type_error(f"arange takes scalars, got an array of shape {np.shape(x)}")
    return x.item() if isinstance(x, (np.ndarray, np.generic)) else operator.index(x) if _indexable(x) else x


def _indexable(x: Any) -> bool:
    return hasattr(x, "__index__") and not isinstance(x, bool)


def _counted(n: int, dtype: np.dtype) -> Value:
    if dtype.kind == "b":
        if n > 2:
            raise type_error("arange of booleans has no more than two elements")
        return Array(np.arange(n).astype(dtype))
    return bind(s.iota, shape=(n,), axis=0, dtype=dtype)


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: Any = None, out_sharding: Any = None,
) -> Any:  # fmt: skip
    """`num` evenly spaced numbers from `start` to `stop`, the last included if `endpoint`."""
    check_placement("linspace", device, out_sharding)
    num = operator.index(num)
    if num < 0:
        raise shape_error(f"linspace takes a number of samples that is not negative, got {num}")
    start, stop = operand("linspace", start), operand("linspace", stop, 1)
    if dtype is None:
        dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
    else:
        dtype = dtypes.check_user_dtype(dtype, "linspace")
    computed = dtypes.to_inexact_dtype(dtype)
    start, stop = convert(start, computed), convert(stop, computed)
    shape = broadcast_shape("linspace", [start.shape, stop.shape])
    start, stop = broadcast(start, shape), broadcast(stop, shape)
    axis = canonical_axis(axis, len(shape) + 1)
    steps = num - 1 if endpoint else num
    delta = divide(subtract(stop, start), steps) if num > 1 else filled(np.asarray(np.nan, computed), ())
    if num == 1 and not endpoint:
        delta = subtract(stop, start)
    result = _spaced(start, stop, num, steps, endpoint, axis)
    if dtype.kind in "iu":
        result = floor(result)
    result = convert(result, dtype)
    return (result, delta) if retstep else result


def _spaced(start: Value, stop: Value, num: int, steps: int, endpoint: bool, axis: int) -> Value:
    shape = start.shape
    one = (*shape[:axis], 1, *shape[axis:])
    if num < 2:
        return (
            reshape_to(start, one)
            if num
            else filled(np.zeros((), start.dtype), (*shape[:axis], 0, *shape[axis:]))
        )
    real = dtypes.to_real_dtype(start.dtype)
    along = tuple(-1 if d == axis else 1 for d in range(len(one)))
    along = tuple(steps if n < 0 else 1 for n in along)
    t = convert(reshape_to(divide(_counted(steps, real), steps), along), start.dtype)
    result = add(multiply(reshape_to(start, one), subtract(1, t)), multiply(reshape_to(stop, one), t))
    # The end is exactly `stop`, which the sum of rounded products may miss.
    return bind(s.concatenate, result, reshape_to(stop, one), axis=axis) if endpoint else result


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Value:
    """Numbers whose logarithms to `base` are evenly spaced."""
    start, stop = operand("logspace", start), operand("logspace", stop, 1)
    if dtype is None:
        dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
    else:
        dtype = dtypes.check_user_dtype(dtype, "logspace")
    computed = dtypes.to_inexact_dtype(dtype)
    spaced = linspace(convert(start, computed), convert(stop, computed), num, endpoint, axis=axis)
    return convert(power(base, spaced), dtype)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Value:
    """Numbers each of which is a constant times the one before."""
    start, stop = operand("geomspace", start), operand("geomspace", stop, 1)
    if dtype is None:
        dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
    else:
        dtype = dtypes.check_user_dtype(dtype, "geomspace")
    computed = dtypes.to_inexact_dtype(dtype)
    start, stop = convert(start, computed), convert(stop, computed)
    side = sign(start)
    spaced = logspace(
        log10(divide(start, side)), log10(divide(stop, side)), num, endpoint, 10.0, computed, axis
    )
    axis = canonical_axis(axis, spaced.ndim)
    if side.ndim:
        side = reshape_to(side, (*side.shape[:axis], 1, *side.shape[axis:]))
    return convert(multiply(side, spaced), dtype)


# ---- grids ---------------------------------------------------------------------------------------------


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> list[Value]:
    """Coordinates of the points of a grid, one array a dimension."""
    arrays = [operand("meshgrid", x, i) for i, x in enumerate(xi)]
    if indexing not in ("xy", "ij"):
        raise shape_error(f"meshgrid takes indexing 'xy' or 'ij', got {indexing!r}")
    if any(a.ndim > 1 for a in arrays):
        raise shape_error("meshgrid takes arrays of one dimension")
    n = len(arrays)
    axes = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    sizes = [a.size for a in arrays]
    shape = tuple(sizes[axes.index(d)] for d in range(n))
    results = []
    for a, axis in zip(arrays, axes):
        along = reshape_to(a, tuple(a.size if d == axis else 1 for d in range(n)))
        results.append(along if sparse else broadcast(along, shape))
    return results


def indices(dimensions: Sequence[int], dtype: Any = None, sparse: bool = False) -> Any:
    """The index of each element of a grid, one array a dimension."""
    dimensions = canonical_shape(dimensions)
    dtype = dtypes.default_int_dtype() if dtype is None else dtypes.check_user_dtype(dtype, "indices")
    n = len(dimensions)
    if sparse:
        lines = (_counted(size, dtype) for size in dimensions)
        return tuple(
            reshape_to(x, tuple(x.size if i == d else 1 for i in range(n))) for d, x in enumerate(lines)
        )
    if not n:
        return filled(np.zeros((), dtype), (0,))
    parts = [bind(s.iota, shape=(1, *dimensions), axis=d + 1, dtype=dtype) for d in range(n)]
    return parts[0] if n == 1 else bind(s.concatenate, *parts, axis=0)


def fromfunction(function: Callable[..., Any], shape: Any, *, dtype: Any = float, **kwargs: Any) -> Any:
    """`function` of the coordinates of each element, called once with the arrays of coordinates."""
    shape = canonical_shape(shape)
    dtype = dtypes.check_user_dtype(dtype, "fromfunction")
    grids = [bind(s.iota, shape=shape, axis=d, dtype=dtype) for d in range(len(shape))]
    return function(*grids, **kwargs)
