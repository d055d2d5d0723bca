"""Understanding an index: what its entries are, and where their dimensions come in the result."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axil import errors
from axil.core import bind, state, user_place
from axil.dialects import effects
from axil.numpy.creation import asarray
from axil.numpy.values import Array, Tracer, index_error, type_error

# ---- parsing -------------------------------------------------------------------------------------------


@dataclass
class Index:
    """A parsed index of an array of shape `shape`, with a `None` in `shape` of size 1 for each scalar boolean.

    `slices` has one entry a dimension of the array: an int, or a `slice` with start, stop and step (a negative step
    counts down from start). `arrays` maps dimensions that arrays index to those arrays. `layout` is the order of
    entries of the index: a dimension number, or None for a new dimension.
    """

    shape: tuple[int, ...]
    slices: list[Any] = field(default_factory=list)
    arrays: dict[int, Any] = field(default_factory=dict)
    layout: list[int | None] = field(default_factory=list)
    booleans: list[int] = field(default_factory=list)
    outside: bool = False  # a static integer is out of bounds

    @property
    def region_shape(self) -> tuple[int, ...]:
        """Shape of the region: slices only, integers leave no dimension."""
        windows = (window(sl) for sl in self.slices if type(sl) is slice)
        return tuple(-(-(limit - start) // abs(step)) for start, limit, step in windows)

    @property
    def full(self) -> bool:
        """True if the region is the whole array."""
        return all(
            type(sl) is slice and (sl.start, sl.stop, sl.step) == (0, n, 1)
            for sl, n in zip(self.slices, self.shape)
        )


def parse(index: Any, shape: tuple[int, ...], integers_as_arrays: bool = False) -> Index:
    """Understand an index of an array of `shape`."""
    items = index if type(index) is tuple else (index,)
    if isinstance(index, list):
        raise type_error(
            "using a list as an index is not allowed: it may mean one index array or several indices",
            "one index array: x[axil.numpy.array(list)]", "several indices: x[tuple(list)]",
        )  # fmt: skip
    items = [_item(item) for item in items]
    consumed = [_consumed(item) for item in items]
    total = sum(consumed)
    ellipses = sum(item is Ellipsis for item in items)
    if ellipses > 1:
        raise index_error("an index can only have a single ellipsis ('...')")
    if total > len(shape):
        raise index_error(
            f"too many indices: the array has {len(shape)} dimensions, but {total} were indexed"
        )
    parsed, dim, place = Index(shape), 0, 0
    if not ellipses:
        items.append(Ellipsis)
        consumed.append(0)
    for position, (item, n) in enumerate(zip(items, consumed)):
        if item is Ellipsis:
            for _ in range(len(shape) - total):
                _add(parsed, place, slice(0, shape[dim], 1))
                dim, place = dim + 1, place + 1
        elif item is None:
            parsed.layout.append(None)
        elif isinstance(item, _Mask) and not item.value.ndim:
            parsed.booleans.append(place)
            _add(parsed, place, slice(0, 1, 1), np.arange(int(item.value), dtype=np.int32))
            place += 1
        elif isinstance(item, _Mask):
            _check_mask(item.value, shape[dim : dim + n], position)
            for column in np.nonzero(item.value):
                _add(parsed, place, slice(0, shape[dim], 1), column.astype(np.int32))
                dim, place = dim + 1, place + 1
        else:
            _add_one(parsed, place, item, shape[dim], dim, integers_as_arrays)
            dim, place = dim + 1, place + 1
    if parsed.booleans:
        shape_iter = iter(shape)
        parsed.shape = tuple(1 if d in parsed.booleans else next(shape_iter) for d in range(place))
    return parsed


@dataclass(frozen=True)
class _Mask:
    value: np.ndarray


def _item(item: Any) -> Any:
    """One entry of an index as None, Ellipsis, slice, int, mask, NumPy integers or a tracer of integers."""
    if item is None or item is Ellipsis or type(item) is int or isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)):
        return _Mask(np.asarray(bool(item)))
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, (str, float, complex, np.inexact)):
        raise type_error(
            f"indices must be integers, slices, None, ... or arrays of integers or booleans, got {item!r}"
        )
    if isinstance(item, (list, tuple)):
        item = asarray(item) if len(item) else Array(np.zeros(0, np.int32))
    elif not isinstance(item, (Array, Tracer, np.ndarray)):
        if hasattr(item, "__axil_array__"):
            item = item.__axil_array__()
        elif hasattr(item, "__index__"):
            return operator.index(item)
        else:
            raise index_error(
                "only integers, slices (`:`), ellipsis (`...`), newaxis (`None`) and integer or boolean arrays are "
                f"valid indices, got {item!r}"
            )
    kind = item.dtype.kind
    if kind not in "iub":
        raise type_error(f"indices must be integers or booleans, got an array of dtype {item.dtype}",
                         "convert it: x[i.astype(int)]")  # fmt: skip
    if kind == "b":
        if type(item) is Tracer:
            return _Mask(_concrete_mask(item))
        return _Mask(item._numpy if type(item) is Array else np.asarray(item))
    if type(item) is Tracer:
        return item
    value = item._numpy if type(item) is Array else np.asarray(item)
    return value if value.ndim else int(value)


def _concrete_mask(mask: Tracer) -> np.ndarray:
    return mask.concrete("the mask of an index", errors.NonConcreteBooleanIndexError)


def _consumed(item: Any) -> int:
    """How many dimensions an entry indexes."""
    if item is None or item is Ellipsis:
        return 0
    return item.value.ndim if isinstance(item, _Mask) else 1


def _check_mask(mask: np.ndarray, shape: tuple[int, ...], position: int) -> None:
    if any(m not in (0, n) for m, n in zip(mask.shape, shape)):
        raise index_error(f"boolean index did not match shape of indexed array in index {position}: got {mask.shape}, "
                          f"expected {shape}")  # fmt: skip


def _add(parsed: Index, place: int, entry: Any, array: Any = None) -> None:
    parsed.slices.append(entry)
    parsed.layout.append(place)
    if array is not None:
        parsed.arrays[place] = array


def _add_one(parsed: Index, place: int, item: Any, n: int, dim: int, integers_as_arrays: bool) -> None:
    """An int, a slice or an index array of one dimension."""
    if isinstance(item, slice):
        _add(parsed, place, _static_slice(item, n))
    elif isinstance(item, int):
        if not n:
            raise index_error(f"index is out of bounds for axis {dim} with size 0")
        if integers_as_arrays:
            return _add(parsed, place, slice(0, n, 1), np.asarray(item))
        i = item + n if item < 0 else item
        if not 0 <= i < n:
            parsed.outside = True
            _note_outside(i, dim, parsed.shape)
            i = min(max(i, 0), n - 1)
        _add(parsed, place, i)
    else:
        _add(parsed, place, slice(0, n, 1), item)


def _note_outside(i: int, dim: int, shape: tuple[int, ...]) -> None:
    """Tell `checkify` of a static index that is out of bounds, for which no operation will be."""
    if state.trace is None or not state.trace.checked:
        return
    text = (f"out-of-bounds indexing for array of shape {shape}: index {i} is out of bounds for axis {dim} with size "
            f"{shape[dim]}. (a static index)")  # fmt: skip
    message = effects.Message("index", text, place=user_place(), debug=True)
    bind(effects.check, Array(np.asarray(1, np.int32)), messages=(effects.number_of(message),))


def _static_slice(sl: slice, n: int) -> slice:
    """A slice with its bounds worked out; empty ones are start:start."""
    try:
        start, stop, step = slice(*(_bound(b) for b in (sl.start, sl.stop, sl.step))).indices(n)
    except TypeError as error:
        if isinstance(error, errors.AxilError):
            raise
        raise type_error(f"slice bounds are integers or None, got {sl}") from None
    if step > 0:
        return slice(start, max(start, stop), step)
    if stop >= start:
        return slice(0, 0, 1)
    return slice(start, stop, step)


def _bound(b: Any) -> Any:
    if type(b) is Tracer:
        try:
            return int(b.concrete("", errors.TracerIntegerConversionError))
        except errors.TracerIntegerConversionError:
            raise index_error(
                f"array slice indices must be static, got a traced {b.aval} as a bound: the size of the result would "
                "not be known", "a slice of fixed size: axil.lax.dynamic_slice(x, (start,), (size,))",
                "an update of one: axil.lax.dynamic_update_slice(x, update, (start,))",
            ) from None  # fmt: skip
    return b if b is None or type(b) is int else operator.index(b)


def window(sl: Any) -> tuple[int, int, int]:
    """(start, limit, step) with start < limit; the step's sign says whether to reverse."""
    if type(sl) is int:
        return sl, sl + 1, 1
    if sl.step > 0:
        return sl.start, sl.stop, sl.step
    count = -((sl.start - sl.stop) // sl.step)
    last = sl.start + (count - 1) * sl.step
    return last, sl.start + 1, sl.step


# ---- layout of the result --------------------------------------------------------------------------------


def batch_position(index: Index) -> set[int]:
    """Dimensions that come before the index arrays' in the result.

    NumPy's rule: the arrays' dimensions stand where the arrays stand in the index if these (with integers) are next
    to each other, and first of all otherwise.
    """
    if not _contiguous(index):
        return set()
    return {d for d in index.layout[: _advanced(index)[0]] if d is not None}


def with_new_dims(index: Index, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the result with the dimensions that `None` adds. `shape` is without them."""
    if None not in index.layout:
        return shape
    kept = [d for d, sl in enumerate(index.slices) if type(sl) is slice and d not in index.arrays]
    batch = len(shape) - len(kept)
    sizes, result = iter(shape), []
    if index.arrays and not _contiguous(index):
        result, batch = [next(sizes) for _ in range(batch)], 0
    for d in index.layout:
        if d is None:
            result.append(1)
        elif d in index.arrays or type(index.slices[d]) is int:
            result += [next(sizes) for _ in range(batch)]
            batch = 0
        else:
            result.append(next(sizes))
    return tuple(result)


def _advanced(index: Index) -> list[int]:
    """Places in the index of its arrays and integers."""
    return [
        i
        for i, d in enumerate(index.layout)
        if d is not None and (d in index.arrays or type(index.slices[d]) is int)
    ]


def _contiguous(index: Index) -> bool:
    advanced = _advanced(index)
    return advanced[-1] - advanced[0] + 1 == len(advanced)
