"""Functional updates: `x.at[index].set(value)` and its relatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import elementwise as e
from axil.dialects import scatter as sc
from axil.dialects.op import Op
from axil.numpy.creation import asarray, ones_like, zeros
from axil.numpy.indexing import (
    Index,
    gather_mode,
    get,
    parse,
    picking,
    read_region,
    with_new_dims,
    write_region,
)
from axil.numpy.ufuncs import divide, negative, power
from axil.numpy.values import (
    Array,
    Value,
    bind,
    broadcast,
    convert,
    elementwise,
    make_array,
    promote,
    reshape_to,
    shape_error,
    state,
)


class IndexUpdates:
    """`x.at`: index it to get the updates of those elements."""

    __slots__ = ("array",)

    def __init__(self, array: Value) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> IndexUpdate:
        return IndexUpdate(self.array, index)

    def __repr__(self) -> str:
        return f"IndexUpdates({self.array!r})"


class IndexUpdate:
    """`x.at[index]`: each method gives a new array with those elements changed.

    `mode` is `"drop"` (indices out of bounds are ignored: the default), `"clip"` (moved inside) or
    `"promise_in_bounds"`; `unique_indices` promises that no element is indexed twice.
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Value, index: Any) -> None:
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"IndexUpdate({self.array!r}, {self.index!r})"

    def get(self, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Any = None,
            fill_value: Any = None, **placement: Any) -> Value:  # fmt: skip
        """`x[index]`, with a choice of what indices out of bounds give: `mode="fill"` and `fill_value`, or "clip"."""
        return get(self.array, self.index, mode, fill_value)

    def set(self, values: Any, **options: Any) -> Value:
        """`x[index] = values`"""
        return _update("set", self.array, self.index, values, **options)

    def add(self, values: Any, **options: Any) -> Value:
        """`x[index] += values`; an element that is indexed twice is added to twice."""
        return _update("add", self.array, self.index, values, **options)

    def subtract(self, values: Any, **options: Any) -> Value:
        """`x[index] -= values`"""
        return _update("add", self.array, self.index, negative(asarray(values)), **options)

    def multiply(self, values: Any, **options: Any) -> Value:
        """`x[index] *= values`"""
        return _update("multiply", self.array, self.index, values, **options)

    mul = multiply

    def divide(self, values: Any, **options: Any) -> Value:
        """`x[index] /= values`"""
        return divide(self.array, _update("multiply", ones_like(self.array), self.index, values, **options))

    def power(self, values: Any, **options: Any) -> Value:
        """`x[index] **= values`"""
        return power(self.array, _update("multiply", ones_like(self.array), self.index, values, **options))

    def min(self, values: Any, **options: Any) -> Value:
        """`x[index] = minimum(x[index], values)`"""
        return _update("min", self.array, self.index, values, **options)

    def max(self, values: Any, **options: Any) -> Value:
        """`x[index] = maximum(x[index], values)`"""
        return _update("max", self.array, self.index, values, **options)

    def apply(self, func: Callable[[Value], Any], **options: Any) -> Value:
        """`x[index] = func(x[index])`; to an element that is indexed twice, `func` is applied twice.

        `func` is elementwise and keeps the dtype. With `unique_indices` it is called once.
        """
        mode = options.get("mode")
        values = get(self.array, self.index, mode)
        if options.get("unique_indices") or not _may_repeat(parse(self.index, self.array.aval.shape)):
            return _update("set", self.array, self.index, func(values), **options)
        counts = _update("add", zeros(self.array.aval.shape, np.int32), self.index, 1, **options)
        values = _repeatedly(func, values, get(counts, self.index, mode))
        return _update("set", self.array, self.index, values, **options)


def _may_repeat(index: Index) -> bool:
    """Whether an index may take an element twice."""
    arrays = list(index.arrays.values())
    if not arrays:
        return False
    if not all(isinstance(a, np.ndarray) for a in arrays):
        return True
    sizes = [index.shape[d] for d in index.arrays]
    places = np.stack([np.ravel(a) for a in np.broadcast_arrays(*[a % max(n, 1) for a, n in zip(arrays, sizes)])])
    return np.unique(places, axis=1).shape != places.shape


def _repeatedly(func: Callable[[Value], Any], values: Value, times: Value) -> Value:
    """Each value after `func` was applied to it some times, which are no more than there are values."""
    from axil import lax
    from axil import numpy as anp

    def once(state: tuple[Value, Value]) -> tuple[Value, Value]:
        k, values = state
        applied = convert(asarray(func(values)), values.aval.dtype, values.weak_type)
        return k + 1, anp.where(times > k, applied, values)

    rounds = anp.max(times, initial=0)
    start = (asarray(0, np.int32), values)
    return lax.while_loop(lambda state: state[0] < rounds, once, start, max_steps=values.aval.size)[1]


# How an update combines with what is there: for a region, for index arrays, and in NumPy.
_OPS: dict[str, tuple[Op | None, Op, np.ufunc | None]] = {
    "set": (None, sc.scatter_set, None),
    "add": (e.add, sc.scatter_add, np.add),
    "multiply": (e.mul, sc.scatter_mul, np.multiply),
    "min": (e.min_, sc.scatter_min, np.minimum),
    "max": (e.max_, sc.scatter_max, np.maximum),
}


def _update(
    name: str, x: Value, index: Any, values: Any, *, mode: Any = None, unique_indices: bool = False,
    indices_are_sorted: bool = False, **placement: Any,
) -> Value:  # fmt: skip
    """`x` with `values` combined into the elements at `index`; keeps the dtype of `x`."""
    mode = "fill" if mode is None else gather_mode(mode)
    if type(x) is Array and state.trace is None:
        done = _at_once(name, x, index, values)
        if done is not None:
            return done
    parsed = parse(index, x.aval.shape)
    dtype, weak = x.aval.dtype, x.weak_type
    x, values = _common_dtype(x, values)
    if parsed.outside and mode == "fill":
        return convert(x, dtype, weak)  # a static index is out of bounds: the whole update is dropped
    original = x.aval.shape
    if parsed.booleans:
        x = reshape_to(x, parsed.shape)
    combine, shape = _OPS[name][0], parsed.region_shape
    if parsed.arrays:
        region = read_region(x, parsed)
        region = _scatter(name, region, parsed, values, mode, unique_indices, indices_are_sorted)
    else:
        region = _fit(values, with_new_dims(parsed, shape), shape)
        if combine is not None:
            region = elementwise(name, combine, (read_region(x, parsed), region), False)
    return convert(reshape_to(write_region(x, parsed, region), original), dtype, weak)


def _common_dtype(x: Value, values: Any) -> tuple[Value, Value]:
    """Array and values in the dtype in which the update is computed."""
    if type(values) is int and dtypes.kind_of(x.aval.dtype) in "iu":
        info = dtypes.iinfo(x.aval.dtype)
        if info.min <= values <= info.max:
            return x, convert(values, x.aval.dtype)
    values = asarray(values)
    if not dtypes.safe_to_cast(values, x):
        warnings.warn(
            f"update of an array of {x.aval.dtype} with values of {values.aval.dtype}: they cannot be cast safely",
            FutureWarning, stacklevel=4,
        )  # fmt: skip
    (x, values), _ = promote("update", x, values)
    return x, values


def _fit(values: Value, shape: tuple[int, ...], inner: tuple[int, ...]) -> Value:
    """Values broadcast to the shape of `x[index]`, then without the dimensions that `None` added."""
    given = values.aval.shape
    if len(given) > len(shape):
        extra = len(given) - len(shape)
        if any(n != 1 for n in given[:extra]):
            raise shape_error(
                f"an update of shape {given} does not fit the indexed elements, of shape {shape}"
            )
    if any(n not in (1, m) for n, m in zip(reversed(given), reversed(shape))):
        raise shape_error(
            f"an update of shape {given} does not broadcast to the indexed elements, of shape {shape}"
        )
    if len(given) > len(shape):
        raise shape_error(
            f"an update of shape {given} has more dimensions than the indexed elements, of shape {shape}"
        )
    return reshape_to(broadcast(values, shape), inner)


def _scatter(
    name: str, region: Value, parsed: Index, values: Value, mode: str, unique: bool, is_sorted: bool
) -> Value:
    how = picking(parsed, region.aval.shape)
    values = _fit(values, with_new_dims(parsed, how.shape), how.shape)
    if 0 in how.shape or 0 in region.aval.shape:
        return region
    attributes = how.windows.scatter_attributes({"fill": "drop"}.get(mode, mode), unique, is_sorted)
    return bind(_OPS[name][1], region, how.indices, values, **attributes)


def _at_once(name: str, x: Array, index: Any, values: Any) -> Array | None:
    """The update by NumPy on a copy, where the index is static and in bounds and the dtype stays; else None."""
    kind = x.aval.dtype.kind
    if type(values) in (int, float, bool):
        if type(values) is float and kind not in "f" or type(values) is int and kind not in "fiu":
            return None
        if type(values) is int and kind in "iu":
            info = np.iinfo(x.aval.dtype)
            if not info.min <= values <= info.max:
                return None
        new, shape = values, ()
    elif type(values) is Array and values.aval.dtype == x.aval.dtype:
        new, shape = values._numpy, values.aval.shape
    else:
        return None
    if type(index) is int and x.aval.shape and -x.aval.shape[0] <= index < x.aval.shape[0]:
        entries: Any = index
        target = x.aval.shape[1:]
    else:
        parsed = parse(index, x.aval.shape)
        if parsed.arrays or parsed.outside:
            return None
        entries = tuple(None if d is None else _entry(parsed.slices[d]) for d in parsed.layout)
        target = x._numpy[entries].shape
    if len(shape) > len(target) or any(n not in (1, m) for n, m in zip(reversed(shape), reversed(target))):
        return None  # the general path has the message
    result = x._numpy.copy()
    ufunc = _OPS[name][2]
    if ufunc is None:
        result[entries] = new
    else:
        with np.errstate(all="ignore"):
            result[entries] = ufunc(result[entries], np.asarray(new, x.aval.dtype))
    return make_array(result, x.aval, x.weak_type)


def _entry(sl: Any) -> Any:
    return slice(sl.start, None, sl.step) if type(sl) is slice and sl.stop < 0 else sl
