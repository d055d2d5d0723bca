"""Rearranging and selecting elements: diagonals, repetition, rotation, insertion and deletion."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from axil import errors
from axil.dialects import shape as s
from axil.numpy.creation import asarray, zeros
from axil.numpy.indexing import get
from axil.numpy.joining import concatenate
from axil.numpy.logic import less, pick
from axil.numpy.lookup import take
from axil.numpy.reductions import cumsum
from axil.numpy.shaping import join, moveaxis, permute, ravel, slice_along, tile
from axil.numpy.ufuncs import add, remainder, subtract
from axil.numpy.updates import IndexUpdate
from axil.numpy.values import (
    Tracer,
    Value,
    bind,
    broadcast,
    canonical_axes,
    canonical_axis,
    canonical_shape,
    convert,
    operand,
    reshape_to,
    shape_error,
)

# ---- diagonals -----------------------------------------------------------------------------------------


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """A diagonal of each matrix, as the last dimension."""
    a = operand("diagonal", a)
    if a.ndim < 2:
        raise shape_error(f"diagonal takes an array of at least two dimensions, got {a.aval}")
    i, j = canonical_axes((axis1, axis2), a.ndim)
    a = permute(a, (*(d for d in range(a.ndim) if d not in (i, j)), i, j))
    offset = operator.index(offset)
    n = max(0, min(a.shape[-2] + min(offset, 0), a.shape[-1] - max(offset, 0)))
    rows = np.arange(n) + max(0, -offset)
    return get(a, (Ellipsis, rows, rows + offset))


def diag(v: Any, k: int = 0) -> Value:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal."""
    v = operand("diag", v)
    k = operator.index(k)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise shape_error(f"diag takes a vector or a matrix, got {v.aval}")
    return _with_diagonal(v, k)


def diagflat(v: Any, k: int = 0) -> Value:
    """The matrix with all elements as its diagonal."""
    return _with_diagonal(ravel(v), operator.index(k))


def _with_diagonal(v: Value, k: int) -> Value:
    n = v.size + abs(k)
    if not v.size:
        return convert(zeros((n, n)), v.aval.dtype)
    # Each element followed by n zeros: as rows of n, they lie on the diagonal.
    zero = convert(0, v.aval.dtype)
    start = k if k >= 0 else -k * n
    size = start + (v.size - 1) * (n + 1) + 1
    flat = bind(s.pad, v, zero, low=(start,), high=(n * n - size,), interior=(n,))
    return reshape_to(flat, (n, n))


def fill_diagonal(a: Any, val: Any, wrap: bool = False, *, inplace: bool = True) -> Value:
    """A new array with the main diagonal replaced; `inplace=False` must be given."""
    if inplace:
        raise shape_error(
            "fill_diagonal cannot change an array in place: pass inplace=False, and use the result"
        )
    a = operand("fill_diagonal", a)
    if a.ndim < 2 or a.ndim > 2 and len(set(a.shape)) != 1:
        raise shape_error(f"fill_diagonal takes a matrix, or more dimensions of one size, got {a.aval}")
    i = np.arange(min(a.shape))
    val = asarray(val)
    if val.ndim:
        val = take(ravel(val), i % val.size)
    return IndexUpdate(a, (i,) * a.ndim).set(val)


# ---- repetition and rotation ---------------------------------------------------------------------------


def repeat(
    a: Any, repeats: Any, axis: int | None = None, *, total_repeat_length: int | None = None, **placement: Any
) -> Value:
    """Each element so many times in a row; the counts may differ from element to element."""
    a = operand("repeat", a)
    if axis is None:
        a, axis = ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    n = a.shape[axis]
    if type(repeats) is not Tracer and not np.ndim(repeats) and total_repeat_length is None:
        count = operator.index(repeats)
        shape = (*a.shape[: axis + 1], count, *a.shape[axis + 1 :])
        dims = tuple(d for d in range(len(shape)) if d != axis + 1)
        wide = bind(s.broadcast_in_dim, a, shape=shape, dims=dims, weak=a.weak_type)
        return reshape_to(wide, (*a.shape[:axis], n * count, *a.shape[axis + 1 :]))
    repeats = operand("repeat", asarray(repeats), 1)
    if total_repeat_length is None:
        what = "the repeat counts, which decide the size; give total_repeat_length=... to fix it"
        counts = (
            repeats.concrete(what, errors.ConcretizationTypeError)
            if type(repeats) is Tracer
            else repeats._numpy
        )
        positions = np.repeat(np.arange(n), np.broadcast_to(counts.reshape(-1), (n,)))
        return take(a, positions, axis)
    counts = broadcast(reshape_to(repeats, (repeats.size,)), (n,))
    # Element i begins at the sum of the counts before it: mark where, and count the marks.
    begins = subtract(cumsum(counts), counts)
    marks = IndexUpdate(zeros((total_repeat_length,), np.int32), begins).add(1)
    return take(a, subtract(cumsum(marks), 1), axis)


def roll(a: Any, shift: Any, axis: Any = None) -> Value:
    """Moved along axes, with what falls off at one end coming in at the other."""
    a = operand("roll", a)
    if axis is None:
        return reshape_to(roll(ravel(a), shift, 0), a.shape)
    axes = canonical_axes(tuple(axis) if isinstance(axis, (tuple, list)) else (axis,), a.ndim)
    if type(shift) is Tracer:
        shifts = list(shift) if shift.ndim else [shift]
    else:
        shifts = [operator.index(n) for n in np.atleast_1d(np.asarray(shift))]
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(axes) == 1 and len(shifts) > 1:
        axes = axes * len(shifts)
    if len(axes) != len(shifts):
        raise shape_error(f"roll takes a shift for each axis, got {len(shifts)} for {len(axes)}")
    for amount, d in zip(shifts, axes):
        n = a.shape[d]
        if not n:
            continue
        if type(amount) is Tracer:
            a = take(a, remainder(subtract(np.arange(n), amount), n), d, mode="clip")
        elif amount % n:
            cut = n - amount % n
            a = join([slice_along(a, d, cut, n), slice_along(a, d, 0, cut)], d)
    return a


def resize(a: Any, new_shape: Any) -> Value:
    """Another shape of any size; elements are repeated or left out."""
    new_shape = canonical_shape(new_shape)
    a = ravel(a)
    size = int(np.prod(new_shape))
    if not a.size or not size:
        return convert(zeros(new_shape), a.aval.dtype)
    return reshape_to(slice_along(tile(a, -(-size // a.size)), 0, 0, size), new_shape)


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Value:
    """Without the zeros at the front ("f" in `trim`) and the back ("b") of each axis, or of the given axes.

    A slice of an axis is zero where all of its elements are. The size depends on the values, which must be known.
    """
    filt, ends = operand("trim_zeros", filt), trim.lower()
    what = "which elements of trim_zeros are zero"
    full = filt.concrete(what, errors.ConcretizationTypeError) if type(filt) is Tracer else filt._numpy
    axes = canonical_axes(axis, filt.ndim)
    if "f" not in ends and "b" not in ends:
        return filt
    result = filt
    for d in axes:
        (places,) = np.nonzero(full.astype(bool).any(tuple(i for i in range(full.ndim) if i != d)))
        first = int(places[0]) if places.size and "f" in ends else 0
        last = 0 if not places.size else int(places[-1]) + 1 if "b" in ends else full.shape[d]
        result = slice_along(result, d, first, last)
    return result


# ---- insertion and deletion ----------------------------------------------------------------------------


def delete(arr: Any, obj: Any, axis: int | None = None, *, assume_unique_indices: bool = False) -> Value:
    """Without the elements at some positions along an axis."""
    a = operand("delete", arr)
    if axis is None:
        a, axis = ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    n = a.shape[axis]
    if type(obj) is Tracer and not obj.ndim:
        i = pick(less(obj, 0), add(obj, n), obj)
        places = np.arange(n - 1)
        return take(a, pick(less(places, i), places, places + 1), axis)
    if isinstance(obj, slice):
        obj = np.arange(n)[obj]
    elif isinstance(obj, (int, np.integer)) or not np.ndim(obj):
        obj = np.asarray([canonical_axis_like(operator.index(obj), n)])
    obj = np.asarray(obj)
    if obj.dtype.kind == "b" and obj.shape != (n,):
        raise shape_error(f"delete: the mask has shape {obj.shape}, axis {axis} of {a.aval} needs ({n},)")
    keep = np.ones(n, bool)
    keep[obj if obj.size else obj.astype(int)] = False
    return take(a, np.nonzero(keep)[0], axis)


def canonical_axis_like(i: int, n: int) -> int:
    """A position counted from the front; out of bounds it is an error."""
    if not -n <= i < n:
        raise errors.AxilIndexError(errors.explain(f"index {i} is out of bounds for an axis of size {n}"))
    return i % n


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Value:
    """With values inserted before some positions along an axis."""
    a, values = operand("insert", arr), asarray(values)
    if axis is None:
        a, axis = ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    n = a.shape[axis]
    if type(obj) is Tracer:
        obj = obj.concrete("the positions of insert", errors.ConcretizationTypeError)
    scalar = not isinstance(obj, slice) and not np.ndim(obj)
    places = np.arange(n)[obj] if isinstance(obj, slice) else np.atleast_1d(np.asarray(obj))
    values = convert(reshape_to(values, (1,) * (a.ndim - values.ndim) + values.shape), a.aval.dtype)
    if scalar:
        values = moveaxis(values, 0, axis)
    if places.size == 1:
        places = np.full(values.shape[axis], places.reshape(-1)[0])
    places = np.clip(np.where(places < 0, places + n, places), 0, n).astype(int)
    shape = tuple(places.size if d == axis else m for d, m in enumerate(a.shape))
    # Positions in `a` followed by `values`, in the order of the result.
    order = np.argsort(np.concatenate([np.arange(n) * 2 + 1, places * 2]), kind="stable")
    return take(concatenate([a, broadcast(values, shape)], axis), order, axis)
