"""Sorting, searching in sorted arrays, and sets."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from axil import dtypes, errors
from axil.dialects import elementwise as e
from axil.dialects import shape as s
from axil.dialects import sorting as so
from axil.numpy.creation import asarray
from axil.numpy.joining import concatenate
from axil.numpy.logic import bitwise_not, compare, equal, pick
from axil.numpy.lookup import nonzero, take
from axil.numpy.reductions import any as any_
from axil.numpy.reductions import cumsum
from axil.numpy.shaping import expand_dims, flip, moveaxis, ravel, slice_along
from axil.numpy.ufuncs import subtract
from axil.numpy.updates import IndexUpdate
from axil.numpy.values import (
    Array,
    Tracer,
    Value,
    bind,
    canonical_axis,
    convert,
    filled,
    operand,
    promote,
    reshape_to,
    shape_error,
)


def _refuse(name: str, kind: Any, order: Any) -> None:
    if kind is not None or order is not None:
        raise shape_error(f"{name} takes no kind and no order; it is stable by default: see stable=")


def _line(name: str, a: Any, axis: int | None) -> tuple[Value, int]:
    a = operand(name, a)
    if axis is None:
        return ravel(a), 0
    if not a.ndim:
        raise shape_error(f"{name} takes an array of at least one dimension, or axis=None")
    return a, canonical_axis(axis, a.ndim)


def sort(a: Any, axis: int | None = -1, *, kind: None = None, order: None = None, stable: bool = True,
         descending: bool = False) -> Value:  # fmt: skip
    """Elements in ascending order along an axis; NaN comes last."""
    _refuse("sort", kind, order)
    a, axis = _line("sort", a, axis)
    (result,) = bind(so.sort, a, axis=axis, num_keys=1, stable=stable, weak=a.weak_type)
    return flip(result, axis) if descending else result


def argsort(a: Any, axis: int | None = -1, *, kind: None = None, order: None = None, stable: bool = True,
            descending: bool = False, dtype: Any = None) -> Value:  # fmt: skip
    """Positions that sort an array along an axis, of the default integer dtype or the given one."""
    _refuse("argsort", kind, order)
    a, axis = _line("argsort", a, axis)
    # Descending and stable: sort the reversed array, and read its order backwards.
    keys = flip(a, axis) if descending else a
    of = dtypes.default_int_dtype() if dtype is None else dtypes.check_user_dtype(dtype, "argsort")
    places = bind(s.iota, shape=a.aval.shape, axis=axis, dtype=of)
    if descending:
        places = flip(places, axis)
    result = bind(so.sort, keys, places, axis=axis, num_keys=1, stable=stable)[1]
    return flip(result, axis) if descending else result


def lexsort(keys: Any, axis: int = -1) -> Value:
    """Positions that sort by several keys, the last being the most important."""
    keys = list(keys) if isinstance(keys, (list, tuple)) else list(operand("lexsort", keys))
    if not keys:
        raise shape_error("lexsort needs at least one key")
    values = [operand("lexsort", k, i) for i, k in enumerate(keys)]
    if not values[0].ndim:
        return filled(np.zeros((), dtypes.default_int_dtype()), ())
    axis = canonical_axis(axis, values[0].ndim)
    places = bind(s.iota, shape=values[0].shape, axis=axis, dtype=dtypes.default_int_dtype())
    return bind(so.sort, *values[::-1], places, axis=axis, num_keys=len(values), stable=True)[-1]


def partition(a: Any, kth: int, axis: int = -1) -> Value:
    """The kth element in its sorted place, smaller ones before it and larger ones after it."""
    a, axis = _line("partition", a, axis)
    canonical_axis(kth, a.shape[axis])
    return sort(a, axis)


def argpartition(a: Any, kth: int, axis: int = -1) -> Value:
    """Positions that partition an array."""
    a, axis = _line("argpartition", a, axis)
    canonical_axis(kth, a.shape[axis])
    return argsort(a, axis)


def sort_complex(a: Any) -> Value:
    """Sorted as complex numbers along the last axis, by real part and then imaginary part."""
    a = sort(a)
    return convert(a, dtypes.to_complex_dtype(a.aval.dtype))


# ---- searching -----------------------------------------------------------------------------------------


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None, *, method: str = "scan") -> Value:
    """Where values would be inserted into a sorted vector: before (`left`) or after (`right`) equal elements."""
    if side not in ("left", "right"):
        raise shape_error(f"searchsorted takes side 'left' or 'right', got {side!r}")
    if method not in ("scan", "scan_unrolled", "sort", "compare_all"):
        raise shape_error(
            f"searchsorted takes method 'scan', 'scan_unrolled', 'sort' or 'compare_all', got {method!r}"
        )
    (a, v), _ = promote("searchsorted", a, v)
    if a.ndim != 1:
        raise shape_error(f"searchsorted takes a vector to search in, got {a.aval}")
    if sorter is not None:
        a = take(a, sorter)
    int_ = np.dtype(np.int32 if a.size < 2**31 - 1 else np.int64)
    if type(a) is type(v) is Array:
        return Array(np.asarray(np.searchsorted(a._numpy, v._numpy, side).astype(int_)))
    return _bisect(a, v, side, int_)


def _bisect(a: Value, v: Value, side: str, int_: np.dtype) -> Value:
    """The number of elements that come before each value, found bit by bit, the highest first."""
    n, index = a.shape[0], filled(np.zeros((), int_), v.shape)
    is_nan = compare("searchsorted", e.ne, v, v) if dtypes.is_inexact(v.dtype) else None
    for bit in reversed(range(n.bit_length())):
        further = index + (1 << bit)
        before = _comes_before(take(a, further - 1, mode="clip"), v, side, is_nan)
        index = pick(before & (further <= n), further, index)
    return index


def _comes_before(x: Value, v: Value, side: str, is_nan: Value | None) -> Value:
    """Whether element `x` comes before value `v`, which is NaN where `is_nan`; NaN is larger than everything."""
    if side == "right":
        before = compare("searchsorted", e.le, x, v)
        return before if is_nan is None else before | is_nan
    before = compare("searchsorted", e.lt, x, v)
    return before if is_nan is None else before | (is_nan & compare("searchsorted", e.eq, x, x))


def digitize(x: Any, bins: Any, right: bool = False, *, method: str | None = None) -> Value:
    """The number of the bin that each value falls into; bins ascend or descend."""
    x, bins = operand("digitize", x), operand("digitize", bins, 1)
    if bins.ndim != 1:
        raise shape_error(f"digitize takes a vector of bins, got {bins.aval}")
    if not bins.size:
        return filled(np.zeros((), np.int32), x.shape)
    side = "left" if right else "right"
    other = "right" if right else "left"
    ascending = searchsorted(bins, x, side)
    if bins.size == 1:
        return ascending
    descending = subtract(bins.size, searchsorted(flip(bins), x, other))
    return pick(bins[-1] >= bins[0], ascending, descending)


# ---- sets ----------------------------------------------------------------------------------------------


class UniqueAllResult(NamedTuple):
    """What `unique_all` gives."""

    values: Value
    indices: Value
    inverse_indices: Value
    counts: Value


def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: int | None = None, *, equal_nan: bool = True, size: int | None = None, fill_value: Any = None,
    sorted: bool = True,
) -> Any:  # fmt: skip
    """The different elements, sorted; optionally where each is first, which each element is, and how often it occurs.

    Their number depends on the values; under `jit` a `size` is needed, to which the result is cut or filled with
    `fill_value` (the smallest element by default).
    """
    ar = operand("unique", ar)
    if axis is None:
        shape = ar.shape
        ar, rows = ravel(ar), None
    else:
        axis = canonical_axis(axis, ar.ndim)
        ar = moveaxis(ar, axis, 0)
        shape, rows = (ar.shape[0],), ar.shape[1:]
    if size is None:
        return _unique_now(ar, rows, shape, axis, return_index, return_inverse, return_counts, equal_nan)
    keys = (
        [ar]
        if rows is None
        else [c for c in reshape_to(ar, (ar.shape[0], int(np.prod(rows)))).T]
    )
    return _unique_sized(
        ar,
        keys,
        rows,
        shape,
        axis,
        (return_index, return_inverse, return_counts),
        equal_nan,
        operator.index(size),
        fill_value,
    )


def _unique_now(
    ar: Value,
    rows: Any,
    shape: Any,
    axis: int | None,
    index: bool,
    inverse: bool,
    counts: bool,
    equal_nan: bool,
) -> Any:
    what = "the elements of unique, which decide its size; give size=... to fix it"
    value = ar.concrete(what, errors.ConcretizationTypeError) if type(ar) is Tracer else ar._numpy
    result = np.unique(value, True, True, True, axis=None if rows is None else 0, equal_nan=equal_nan)
    int_ = dtypes.default_int_dtype()
    # Gathered rather than copied, so that a derivative goes through.
    values = take(ar, result[1], 0) if ar.shape[0] else ar
    values = moveaxis(values, 0, axis) if axis else values
    found = [values]
    found += [Array(result[1].astype(int_))] if index else []
    found += [Array(result[2].astype(int_).reshape(shape))] if inverse else []
    found += [Array(result[3].astype(int_))] if counts else []
    return tuple(found) if len(found) > 1 else found[0]


def _unique_sized(
    ar: Value, keys: Sequence[Value], rows: Any, shape: Any, axis: int | None, extras: tuple[bool, bool, bool],
    equal_nan: bool, size: int, fill_value: Any,
) -> Any:  # fmt: skip
    n, int_ = ar.shape[0], dtypes.default_int_dtype()
    order = lexsort(keys[::-1]) if len(keys) > 1 else argsort(keys[0])
    ordered = take(ar, order, 0, mode="clip")
    flat = reshape_to(ordered, (n, int(np.prod(rows)) if rows is not None else 1))
    previous, following = slice_along(flat, 0, 0, n - 1), slice_along(flat, 0, 1, n)
    differs = previous != following
    if equal_nan and dtypes.is_inexact(ar.dtype):
        differs = differs & bitwise_not((previous != previous) & (following != following))
    first = concatenate([filled(np.asarray(True), (min(n, 1),)), any_(differs, 1)])
    number = subtract(cumsum(convert(first, int_)), 1)
    (starts,) = nonzero(first, size=size, fill_value=n)
    exists = starts < n
    values = take(ordered, pick(exists, starts, 0), 0, mode="clip")
    fill = values[0] if fill_value is None else convert(fill_value, ar.dtype)
    mask = reshape_to(exists, (size,) + (1,) * (values.ndim - 1))
    values = pick(mask, values, fill)
    found = [moveaxis(values, 0, axis) if axis else values]
    if extras[0]:
        indices = take(order, pick(exists, starts, 0), mode="clip")
        found.append(pick(exists, indices, indices[0]))
    if extras[1]:
        inverse = IndexUpdate(filled(np.zeros((), int_), (n,)), order).set(number, unique_indices=True)
        found.append(reshape_to(inverse, shape))
    if extras[2]:
        ends = concatenate([slice_along(starts, 0, 1, size), filled(np.asarray(n, int_), (min(size, 1),))])
        found.append(pick(exists, subtract(ends, starts), 0))
    return tuple(found) if len(found) > 1 else found[0]


def unique_values(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Value:
    """The different elements."""
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


def unique_counts(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The different elements and how often each occurs."""
    return unique(x, return_counts=True, equal_nan=False, size=size, fill_value=fill_value)


def unique_inverse(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The different elements and which of them each element is."""
    return unique(x, return_inverse=True, equal_nan=False, size=size, fill_value=fill_value)


def unique_all(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueAllResult:
    """Everything that `unique` can say."""
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False, size=size, fill_value=fill_value))


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, **options: Any
) -> Value:
    """Which elements are among others."""
    (element, tests), _ = promote("isin", element, asarray(test_elements))
    tests = ravel(tests)
    found = (
        any_(equal(expand_dims(element, -1), tests), -1)
        if tests.size
        else filled(np.asarray(False), element.shape)
    )
    return bitwise_not(found) if invert else found
