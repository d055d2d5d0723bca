"""Functions that look things up: by position, by condition, by coordinates."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.dialects import indexing as ix
from axil.dialects.indexing import Windows
from axil.dtypes import kind_of
from axil.numpy.creation import asarray
from axil.numpy.indexing import gather_mode, get
from axil.numpy.logic import bitwise_or, greater, less, pick
from axil.numpy.reductions import any as any_
from axil.numpy.reductions import cumsum
from axil.numpy.shaping import moveaxis, ravel
from axil.numpy.ufuncs import add, clip, divmod, multiply, remainder
from axil.numpy.updates import IndexUpdate
from axil.numpy.values import (
    Array,
    Tracer,
    UnsupportedArgument,
    Value,
    bind,
    boolean,
    broadcast,
    broadcast_shape,
    canonical_axis,
    canonical_shape,
    convert,
    filled,
    index_error,
    operand,
    promote,
    refuse_out,
    reshape_to,
    shape_error,
    type_error,
)

# ---- by position ---------------------------------------------------------------------------------------


def take(
    a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str | None = None,
    unique_indices: bool = False, indices_are_sorted: bool = False, fill_value: Any = None,
) -> Value:  # fmt: skip
    """Elements at positions along an axis, or of the flattened array.

    `mode` says what positions out of bounds give: "fill" (the default) the fill value, which is NaN for floats;
    "clip" the nearest element; "wrap" counts around.
    """
    refuse_out("take", out)
    a, indices = operand("take", a), operand("take", indices, 1)
    if kind_of(indices.aval.dtype) not in "iu":
        raise type_error(f"take: indices must be integers, got {indices.aval}")
    if axis is None:
        a, axis = ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    n = a.shape[axis]
    if not n:
        if indices.size:
            raise index_error("cannot do a non-empty take() from an empty axis")
        shape = (*a.shape[:axis], *indices.shape, *a.shape[axis + 1 :])
        return filled(np.zeros((), a.aval.dtype), shape, a.weak_type)
    if mode == "raise":
        raise UnsupportedArgument("take(mode='raise') is not supported; use mode='fill' or 'clip'")
    if mode == "wrap":
        indices = remainder(indices, n)
    elif mode == "clip":
        indices = clip(indices, 0, n - 1)
    given = "fill" if mode is None or mode == "fill" else "clip"
    return get(a, (slice(None),) * axis + (indices,), given, fill_value)


def take_along_axis(
    arr: Any, indices: Any, axis: int | None = -1, mode: Any = None, fill_value: Any = None, **options: Any
) -> Value:
    """Elements at positions along an axis, other positions for each line; with the result of `argsort`, sorts."""
    a, indices = operand("take_along_axis", arr), operand("take_along_axis", indices, 1)
    if kind_of(indices.aval.dtype) not in "iu":
        raise type_error(f"take_along_axis: indices must be integers, got {indices.aval}")
    if axis is None:
        if indices.ndim != 1:
            raise shape_error(
                f"take_along_axis: indices must be one-dimensional if axis is None, got {indices.aval}"
            )
        a, axis = ravel(a), 0
    if a.ndim != indices.ndim:
        raise shape_error(
            f"take_along_axis: indices and array must have as many dimensions, got {indices.aval} and {a.aval}"
        )
    axis = canonical_axis(axis, a.ndim)
    rest_a = tuple(1 if d == axis else n for d, n in enumerate(a.shape))
    shape = broadcast_shape("take_along_axis", [indices.shape, rest_a])
    if not a.shape[axis] or 0 in shape:
        return filled(np.zeros((), a.aval.dtype), shape, a.weak_type)
    given = "fill" if mode is None else gather_mode(mode)
    a = broadcast(a, tuple(a.shape[axis] if d == axis else n for d, n in enumerate(shape)))
    indices = _from_the_front(broadcast(indices, shape), a.shape[axis])
    if given == "fill" and fill_value is not None:
        outside = bitwise_or(less(indices, 0), greater(indices, a.shape[axis] - 1))
        found = _gather_along(a, indices, axis, "clip")
        return pick(outside, convert(fill_value, a.aval.dtype, a.weak_type), found)
    return _gather_along(a, indices, axis, given)


def _from_the_front(indices: Value, n: int) -> Value:
    if indices.aval.dtype.itemsize < 4:
        indices = convert(indices, np.dtype(np.int32))
    return pick(less(indices, 0), add(indices, n), indices) if kind_of(indices.aval.dtype) == "i" else indices


def _gather_along(a: Value, indices: Value, axis: int, mode: str) -> Value:
    others = tuple(d for d in range(a.ndim) if d != axis)
    windows = Windows((), (axis,), others, others, (axis,), (1,) * a.ndim)
    indices = reshape_to(indices, (*indices.shape, 1))
    return bind(ix.gather, a, indices, weak=a.weak_type, **windows.gather_attributes(mode))


def put_along_axis(
    arr: Any, indices: Any, values: Any, axis: int | None, inplace: bool = True, *, mode: Any = None
) -> Value:
    """A new array with elements at positions along an axis replaced; `inplace=False` must be given."""
    if inplace:
        raise shape_error(
            "put_along_axis cannot change an array in place: pass inplace=False, and use the result"
        )
    a, indices = operand("put_along_axis", arr), operand("put_along_axis", indices, 1)
    shape = a.shape
    if axis is None:
        a, axis = ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    if a.ndim != indices.ndim:
        raise shape_error(
            f"put_along_axis: indices and array must have as many dimensions, got {indices.aval} and {a.aval}"
        )
    grid = [np.arange(n).reshape([-1 if i == d else 1 for i in range(a.ndim)]) for d, n in enumerate(a.shape)]
    index = tuple(indices if d == axis else g for d, g in enumerate(grid))
    return reshape_to(IndexUpdate(a, index).set(values, mode=mode), shape)


def put(a: Any, ind: Any, v: Any, mode: str | None = None, *, inplace: bool = True) -> Value:
    """A new array with elements at positions of the flattened array replaced; `inplace=False` must be given."""
    if inplace:
        raise shape_error("put cannot change an array in place: pass inplace=False, and use the result")
    a, ind, v = operand("put", a), ravel(asarray(ind)), ravel(asarray(v))
    if not a.size or not ind.size or not v.size:
        return a
    if mode == "clip":
        ind = clip(ind, 0, a.size - 1)
    elif mode == "wrap":
        ind = remainder(ind, a.size)
    v = take(v, np.arange(ind.size) % v.size)
    return reshape_to(IndexUpdate(ravel(a), ind).set(convert(v, a.aval.dtype)), a.shape)


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Value:
    """For each element, the element of the choice that its number names."""
    refuse_out("choose", out)
    a = operand("choose", a)
    if isinstance(choices, (Array, Tracer, np.ndarray)):
        choices = list(choices)
    choices, _ = promote("choose", *choices)
    n = len(choices)
    if mode == "raise":
        if any_(bitwise_or(less(a, 0), greater(a, n - 1))):
            raise shape_error(
                "choose: an element of the index array is not the number of a choice",
                "use mode='clip' or 'wrap'",
            )
    elif mode == "wrap":
        a = remainder(a, n)
    else:
        a = clip(a, 0, n - 1)
    shape = broadcast_shape("choose", [a.shape, *(c.shape for c in choices)])
    result = choices[-1]
    for i in reversed(range(n - 1)):
        result = pick(a == i, choices[i], result)
    return broadcast(result, shape)


# ---- by condition --------------------------------------------------------------------------------------


def where(
    condition: Any, x: Any = None, y: Any = None, /, *, size: int | None = None, fill_value: Any = None
) -> Any:
    """`x` where the condition holds, else `y`; with the condition alone, the indices where it holds."""
    if x is None and y is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    if x is None or y is None:
        raise shape_error("where takes the condition alone or with both x and y")
    if size is not None or fill_value is not None:
        raise shape_error("where takes size and fill_value only without x and y")
    return pick(condition, x, y)


def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> tuple[Value, ...]:
    """Indices of the elements that are not zero, an array a dimension.

    Their number depends on the values; under `jit` a `size` is needed, to which the result is cut or filled.
    """
    a = operand("nonzero", a)
    if not a.ndim:
        raise shape_error("nonzero of an array of no dimensions", "use atleast_1d first")
    int_ = dtypes.default_int_dtype()
    if size is None:
        what = "the number of elements of nonzero that are not zero; give size=... to fix it"
        value = a.concrete(what, errors.ConcretizationTypeError) if type(a) is Tracer else a._numpy
        return tuple(Array(i.astype(int_)) for i in np.nonzero(value))
    size = operator.index(size)
    mask = ravel(boolean("nonzero", a))
    fill = (
        (0 if fill_value is None else fill_value,) * a.ndim
        if not isinstance(fill_value, tuple)
        else fill_value
    )
    if not a.size or not size:
        return tuple(filled(np.asarray(f, int_), (size,)) for f in fill)
    # The i-th element that holds goes to place i; the others to a place that does not exist.
    place = pick(mask, add(cumsum(convert(mask, int_)), -1), size)
    total = filled(np.zeros((), int_), (size,))
    flat = IndexUpdate(total, place).set(np.arange(a.size, dtype=int_))
    filled_in = np.arange(size) < cumsum(convert(mask, int_))[-1]
    return tuple(pick(filled_in, i, convert(f, int_)) for i, f in zip(unravel_index(flat, a.shape), fill))


def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Value:
    """Positions of the elements of the flattened array that are not zero."""
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Value:
    """Indices of the elements that are not zero, a row for each."""
    a = operand("argwhere", a)
    if not a.ndim:
        n = size if size is not None else int(bool(a != 0))
        return filled(np.zeros((), dtypes.default_int_dtype()), (n, 0))
    columns = nonzero(a, size=size, fill_value=fill_value)
    return moveaxis(asarray(list(columns)), 0, 1)


def extract(condition: Any, arr: Any, *, size: int | None = None, fill_value: Any = 0) -> Value:
    """Elements of the flattened array where the flattened condition holds."""
    return compress(ravel(condition), ravel(arr), size=size, fill_value=fill_value)


def compress(
    condition: Any,
    a: Any,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Any = 0,
    out: None = None,
) -> Value:
    """Slices along an axis for which the condition holds."""
    refuse_out("compress", out)
    condition, a = operand("compress", condition), operand("compress", a, 1)
    if condition.ndim != 1:
        raise shape_error(f"compress takes a condition of one dimension, got {condition.aval}")
    if axis is None:
        a, axis = ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    n = min(condition.size, a.shape[axis])
    if size is not None:
        (positions,) = nonzero(condition[:n], size=size, fill_value=a.shape[axis])
        return take(a, positions, axis, mode="fill", fill_value=fill_value)
    return take(a, nonzero(condition[:n])[0], axis)


# ---- by coordinates ------------------------------------------------------------------------------------


def unravel_index(indices: Any, shape: Any) -> tuple[Value, ...]:
    """Coordinates of positions of the flattened array."""
    indices = operand("unravel_index", indices)
    shape = canonical_shape(shape)
    rest, results = indices, []
    for n in reversed(shape):
        rest, i = divmod(rest, n)
        results.append(i)
    over = greater(rest, 0)
    under = less(rest, -1) if kind_of(indices.aval.dtype) == "i" else False
    return tuple(pick(over, n - 1, pick(under, 0, i)) for n, i in zip(shape, reversed(results)))


def ravel_multi_index(
    multi_index: Sequence[Any],
    dims: Sequence[int],
    mode: str = "raise",
    order: str = "C",
    *,
    dtype: Any = None,
) -> Value:
    """Positions of coordinates in the flattened array."""
    dims = canonical_shape(dims)
    if len(multi_index) != len(dims):
        raise shape_error(
            f"ravel_multi_index takes an index a dimension, got {len(multi_index)} for {len(dims)}"
        )
    columns = [operand("ravel_multi_index", i, k) for k, i in enumerate(multi_index)]
    if any(kind_of(c.aval.dtype) not in "iu" for c in columns):
        raise type_error("ravel_multi_index takes integer indices")
    of = (
        dtypes.result_type(int, *columns)
        if dtype is None
        else dtypes.check_user_dtype(dtype, "ravel_multi_index")
    )
    if mode == "raise":
        if any(any_(bitwise_or(less(c, 0), greater(c, n - 1))) for c, n in zip(columns, dims)):
            raise shape_error("ravel_multi_index: an index is out of bounds", "use mode='clip' or 'wrap'")
    elif mode == "clip":
        columns = [clip(c, 0, n - 1) for c, n in zip(columns, dims)]
    elif mode == "wrap":
        columns = [remainder(c, n) for c, n in zip(columns, dims)]
    elif mode != "ignore":
        raise shape_error(f"ravel_multi_index takes mode 'raise', 'clip', 'wrap' or 'ignore', got {mode!r}")
    if order not in ("C", "F"):
        raise shape_error(f"ravel_multi_index takes order 'C' or 'F', got {order!r}")
    places = range(len(dims))
    strides = [math.prod(dims[k + 1 :]) if order == "C" else math.prod(dims[:k]) for k in places]
    result: Any = convert(0, of)
    for column, stride in zip(columns, strides):
        result = add(result, multiply(convert(column, of), convert(stride, of)))
    return result


def ix_(*args: Any) -> tuple[Value, ...]:
    """Index arrays that select the grid of several positions in each dimension."""
    results = []
    for k, a in enumerate(args):
        a = asarray(a) if isinstance(a, (list, tuple)) else operand("ix_", a, k)
        if a.ndim != 1:
            raise shape_error("ix_ takes one-dimensional sequences")
        if kind_of(a.aval.dtype) == "b":
            (a,) = nonzero(a)
        if not a.size:
            a = convert(a, dtypes.default_int_dtype())
        results.append(reshape_to(a, tuple(a.size if d == k else 1 for d in range(len(args)))))
    return tuple(results)


def diag_indices(n: int, ndim: int = 2) -> tuple[Value, ...]:
    """Indices of the main diagonal of an array of `ndim` dimensions of size n."""
    n, ndim = operator.index(n), operator.index(ndim)
    if n < 0 or ndim < 0:
        raise shape_error(f"diag_indices takes sizes that are not negative, got {n} and {ndim}")
    return (Array(np.arange(n, dtype=dtypes.default_int_dtype())),) * ndim


def diag_indices_from(arr: Any) -> tuple[Value, ...]:
    """Indices of the main diagonal of an array."""
    arr = operand("diag_indices_from", arr)
    if arr.ndim < 2 or len(set(arr.shape)) != 1:
        raise shape_error(
            f"diag_indices_from takes an array of at least two dimensions, all of one size, got {arr.aval}"
        )
    return diag_indices(arr.shape[0], arr.ndim)


def _known_indices(rows_columns: tuple[np.ndarray, np.ndarray]) -> tuple[Value, Value]:
    rows, columns = (Array(i.astype(dtypes.default_int_dtype())) for i in rows_columns)
    return rows, columns


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Value, Value]:
    """Indices of the elements at and below the k-th diagonal of an n by m matrix."""
    return _known_indices(np.tril_indices(operator.index(n), operator.index(k), m))


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Value, Value]:
    """Indices of the elements at and above the k-th diagonal of an n by m matrix."""
    return _known_indices(np.triu_indices(operator.index(n), operator.index(k), m))


def tril_indices_from(arr: Any, k: int = 0) -> tuple[Value, Value]:
    """Indices of the elements at and below the k-th diagonal of a matrix."""
    return tril_indices(*_matrix_shape("tril_indices_from", arr, k))


def triu_indices_from(arr: Any, k: int = 0) -> tuple[Value, Value]:
    """Indices of the elements at and above the k-th diagonal of a matrix."""
    return triu_indices(*_matrix_shape("triu_indices_from", arr, k))


def _matrix_shape(name: str, arr: Any, k: int) -> tuple[int, int, int]:
    """Rows, diagonal and columns."""
    shape = np.shape(arr)
    if len(shape) != 2:
        raise shape_error(f"{name} takes a matrix, got an array of shape {shape}")
    return shape[0], k, shape[1]


def mask_indices(n: int, mask_func: Any, k: int = 0, *, size: int | None = None) -> tuple[Value, ...]:
    """Indices of the elements of an n by n matrix that `mask_func` keeps."""
    return nonzero(mask_func(filled(np.ones((), np.int32), (n, n)), k), size=size)
