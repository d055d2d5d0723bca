"""Functions that read and write parts of arrays: slices at fixed and computed places, gather and scatter."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from axil.core import Array, bind
from axil.dialects import avals as av
from axil.dialects import indexing as i
from axil.dialects import scatter as sc
from axil.dialects import shape as s
from axil.dialects.elementwise import convert
from axil.lax import elementwise as e
from axil.lax import reductions, shaping
from axil.lax.common import (
    ArgumentTypeError,
    AxisIndexError,
    axis_index,
    check_same_dtype,
    constant_like,
    fail,
    integer,
    ints,
    operand,
    operands,
)

# ---- slices at fixed places ----------------------------------------------------------------------------


def slice(
    operand: Any,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Any:
    """The elements from start to limit of each dimension, in steps of the strides."""
    x = _operand("slice", operand)
    starts, limits = (ints("slice", "indices", v) for v in (start_indices, limit_indices))
    strides = (1,) * len(starts) if strides is None else ints("slice", "strides", strides)
    return bind(s.slice_, x, starts=starts, limits=limits, strides=strides, weak=x.weak_type)


def slice_in_dim(operand: Any, start_index: int | None, limit_index: int | None, stride: int = 1, axis: int = 0) -> Any:
    """The elements from start to limit of one dimension; indices count from the end where negative."""
    x = _operand("slice_in_dim", operand)
    shape = x.aval.shape
    axis = axis_index("slice_in_dim", axis, len(shape))
    size = shape[axis]
    start = 0 if start_index is None else _from_front(integer("slice_in_dim", "start", start_index), size)
    limit = size if limit_index is None else _from_front(integer("slice_in_dim", "limit", limit_index), size)
    starts = tuple(start if d == axis else 0 for d in range(len(shape)))
    limits = tuple(limit if d == axis else n for d, n in enumerate(shape))
    strides = tuple(int(stride) if d == axis else 1 for d in range(len(shape)))
    return slice(x, starts, limits, strides)


def index_in_dim(operand: Any, index: int, axis: int = 0, keepdims: bool = True) -> Any:
    """The slice at one index of a dimension, which is kept as one of size 1 if `keepdims`."""
    x = _operand("index_in_dim", operand)
    axis = axis_index("index_in_dim", axis, len(x.aval.shape))
    index, size = integer("index_in_dim", "index", index), x.aval.shape[axis]
    if not -size <= index < size:
        fail(
            f"lax.index_in_dim: index {index} is out of bounds for axis {axis} of {x.aval}",
            kind=AxisIndexError,
        )
    start = _from_front(index, size)
    result = slice_in_dim(x, start, start + 1, 1, axis)
    return result if keepdims else shaping.squeeze(result, (axis,))


def _from_front(index: int, size: int) -> int:
    return index + size if index < 0 else index


# ---- slices at computed places -------------------------------------------------------------------------


Negative = bool | Sequence[bool]
"""Whether negative indices count from the end, for all dimensions or for each; else they are moved to 0."""


def dynamic_slice(
    operand: Any, start_indices: Any, slice_sizes: Sequence[int], *, allow_negative_indices: Negative = True
) -> Any:  # fmt: skip
    """A slice of given sizes from computed starts, which are moved so that it lies inside."""
    x = _operand("dynamic_slice", operand)
    sizes = ints("dynamic_slice", "slice_sizes", slice_sizes)
    starts = _starts("dynamic_slice", x, start_indices, allow_negative_indices)
    if all(type(n) is int for n in starts) and len(sizes) == len(starts):
        shape = x.aval.shape
        if all(0 <= size <= n for size, n in zip(sizes, shape)):
            first = [min(max(n, 0), m - size) for n, m, size in zip(starts, shape, sizes)]
            return slice(x, first, [n + size for n, size in zip(first, sizes)])
    return bind(i.dynamic_slice, x, _vector(starts), sizes=sizes, weak=x.weak_type)


def dynamic_slice_in_dim(
    operand: Any, start_index: Any, slice_size: int, axis: int = 0, *, allow_negative_indices: bool = True
) -> Any:  # fmt: skip
    """A slice of a given size of one dimension from a computed start."""
    x = _operand("dynamic_slice_in_dim", operand)
    shape = x.aval.shape
    axis = axis_index("dynamic_slice_in_dim", axis, len(shape))
    sizes = tuple(slice_size if d == axis else n for d, n in enumerate(shape))
    starts = _starts_in_dim(start_index, axis, len(shape))
    return dynamic_slice(x, starts, sizes, allow_negative_indices=allow_negative_indices)


def dynamic_index_in_dim(
    operand: Any, index: Any, axis: int = 0, keepdims: bool = True, *, allow_negative_indices: bool = True
) -> Any:  # fmt: skip
    """The slice at a computed index of a dimension, which is kept as one of size 1 if `keepdims`."""
    result = dynamic_slice_in_dim(operand, index, 1, axis, allow_negative_indices=allow_negative_indices)
    return result if keepdims else shaping.squeeze(result, (axis,))


def dynamic_update_slice(
    operand: Any, update: Any, start_indices: Any, *, allow_negative_indices: Negative = True
) -> Any:  # fmt: skip
    """`operand` with a slice replaced by `update`, from computed starts that are moved so that it fits."""
    x, update = operands("dynamic_update_slice", (operand, update))
    check_same_dtype("dynamic_update_slice", (x, update))
    starts = _starts("dynamic_update_slice", x, start_indices, allow_negative_indices)
    if len(update.aval.shape) != len(x.aval.shape):
        fail(f"lax.dynamic_update_slice: the update {update.aval} must have as many dimensions as {x.aval}")
    return bind(i.dynamic_update_slice, x, update, _vector(starts), weak=x.weak_type and update.weak_type)


def dynamic_update_slice_in_dim(
    operand: Any, update: Any, start_index: Any, axis: int, *, allow_negative_indices: bool = True
) -> Any:  # fmt: skip
    """`operand` with a slice of one dimension replaced, from a computed start."""
    x = _operand("dynamic_update_slice_in_dim", operand)
    ndim = len(x.aval.shape)
    axis = axis_index("dynamic_update_slice_in_dim", axis, ndim)
    starts = _starts_in_dim(start_index, axis, ndim)
    return dynamic_update_slice(x, update, starts, allow_negative_indices=allow_negative_indices)


def dynamic_update_index_in_dim(
    operand: Any, update: Any, index: Any, axis: int, *, allow_negative_indices: bool = True
) -> Any:  # fmt: skip
    """`operand` with the slice at a computed index of a dimension replaced; the update may lack that dimension."""
    x, update = operands("dynamic_update_index_in_dim", (operand, update))
    axis = axis_index("dynamic_update_index_in_dim", axis, len(x.aval.shape))
    if len(update.aval.shape) == len(x.aval.shape) - 1:
        update = shaping.expand_dims(update, (axis,))
    return dynamic_update_slice_in_dim(x, update, index, axis, allow_negative_indices=allow_negative_indices)


def _starts_in_dim(index: Any, axis: int, ndim: int) -> list[Any]:
    return [index if d == axis else 0 for d in range(ndim)]


def _starts(name: str, x: Any, given: Any, negative: Negative) -> list[Any]:
    """Starts of a slice, Python integers where known; negative ones count from the end where that is wanted."""
    shape = x.aval.shape
    if isinstance(given, Sequence):
        starts = list(given)
    else:
        vector = operand(name, given)
        if len(vector.aval.shape) != 1:
            fail(f"lax.{name}: start indices must be a sequence of scalars or a vector, got {vector.aval}")
        starts = [shaping.reshape(part, ()) for part in shaping.split(vector, (1,) * vector.aval.shape[0])]
    if len(starts) != len(shape):
        fail(f"lax.{name}: {x.aval} needs {len(shape)} start indices, got {len(starts)}")
    from_end = [negative] * len(shape) if isinstance(negative, bool) else list(negative)
    if len(from_end) != len(shape):
        fail(f"lax.{name}: allow_negative_indices is one bool or one for each dimension of {x.aval}, got {negative}")
    return [_start(name, start, n if wanted else 0) for start, n, wanted in zip(starts, shape, from_end)]


def _start(name: str, start: Any, size: int) -> Any:
    if isinstance(start, int | np.integer) or type(start) is Array and start.aval.shape == ():
        if type(start) is Array and not av.is_integer(start.aval.dtype):
            fail(f"lax.{name}: start indices must be integers, got {start.aval}", kind=ArgumentTypeError)
        return _from_front(int(start), size)
    start = operand(name, start)
    of = start.aval
    if of.shape or not av.is_integer(of.dtype):
        fail(f"lax.{name}: start indices must be integer scalars, got {of}", kind=ArgumentTypeError)
    wide = np.dtype(np.int64 if of.dtype.itemsize == 8 else np.int32)
    if of.dtype != wide:
        start = bind(convert, start, dtype=wide)
    if av.is_unsigned(of.dtype):
        return start
    return e.select(e.lt(start, constant_like(start, 0)), e.add(start, constant_like(start, size)), start)


def _vector(starts: Sequence[Any]) -> Any:
    """Starts as one vector of integers."""
    computed = [x for x in starts if type(x) is not int]
    wide = any(x.aval.dtype.itemsize == 8 for x in computed)
    dtype = np.dtype(np.int64 if wide else np.int32)
    if not computed:
        limit = np.iinfo(dtype)
        return Array(np.asarray([min(max(n, limit.min), limit.max) for n in starts], dtype))
    parts = []
    for x in starts:
        scalar = Array(np.asarray(x, dtype)) if type(x) is int else x
        scalar = scalar if scalar.aval.dtype == dtype else bind(convert, scalar, dtype=dtype)
        parts.append(bind(s.reshape, scalar, shape=(1,)))
    return bind(s.concatenate, *parts, axis=0) if len(parts) > 1 else parts[0]


# ---- gather --------------------------------------------------------------------------------------------


class GatherScatterMode(enum.Enum):
    """What gather and scatter do with windows that are not wholly inside the operand."""

    CLIP = "clip"
    """Move the window inside."""
    FILL_OR_DROP = "fill"
    """Gather gives the fill value; scatter leaves the update out."""
    PROMISE_IN_BOUNDS = "promise_in_bounds"
    """The caller promises that there are none; what happens otherwise is undefined."""

    @staticmethod
    def from_any(mode: str | GatherScatterMode | None) -> GatherScatterMode:
        """The mode of a name; None is `FILL_OR_DROP`."""
        if isinstance(mode, GatherScatterMode):
            return mode
        names = {"clip": "CLIP", None: "FILL_OR_DROP", "fill": "FILL_OR_DROP", "drop": "FILL_OR_DROP",
                 "promise_in_bounds": "PROMISE_IN_BOUNDS"}  # fmt: skip
        if mode not in names:
            fail(f"the mode of a gather or scatter is 'clip', 'fill', 'drop' or 'promise_in_bounds', got {mode!r}")
        return GatherScatterMode[names[mode]]


_GATHER = {GatherScatterMode.CLIP: "clip", GatherScatterMode.FILL_OR_DROP: "fill",
           GatherScatterMode.PROMISE_IN_BOUNDS: "promise"}  # fmt: skip
_SCATTER = {GatherScatterMode.CLIP: "clip", GatherScatterMode.FILL_OR_DROP: "drop",
            GatherScatterMode.PROMISE_IN_BOUNDS: "promise"}  # fmt: skip


class GatherDimensionNumbers(NamedTuple):
    """How the dimensions of a gather's operand, indices and result correspond.

    The last dimension of the indices holds index vectors.
    """

    offset_dims: tuple[int, ...]
    """Dimensions of the result that are those of the windows."""
    collapsed_slice_dims: tuple[int, ...]
    """Dimensions of the operand, of window size 1, that the result leaves out."""
    start_index_map: tuple[int, ...]
    """The dimension of the operand that each component of an index vector is an index of."""
    operand_batching_dims: tuple[int, ...] = ()
    """Dimensions of the operand that go along with a dimension of the indices."""
    start_indices_batching_dims: tuple[int, ...] = ()
    """Those dimensions of the indices."""


def gather(
    operand: Any, start_indices: Any, dimension_numbers: GatherDimensionNumbers, slice_sizes: Sequence[int], *,
    unique_indices: bool = False, indices_are_sorted: bool = False, mode: str | GatherScatterMode | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """Windows of the operand at index vectors; `mode` says what becomes of those out of bounds, by default "clip"."""
    x, indices = operands("gather", (operand, start_indices))
    mode = GatherScatterMode.CLIP if mode is None else GatherScatterMode.from_any(mode)
    numbers = {name: ints("gather", name, dims) for name, dims in dimension_numbers._asdict().items()}
    sizes = ints("gather", "slice_sizes", slice_sizes)
    filled = mode is GatherScatterMode.FILL_OR_DROP and fill_value is not None
    name = "clip" if filled else _GATHER[mode]
    result = bind(i.gather, x, indices, **numbers, slice_sizes=sizes, mode=name, weak=x.weak_type)
    if not filled:
        return result
    limits = [x.aval.shape[d] - sizes[d] for d in numbers["start_index_map"]]
    shape = result.aval.shape
    dims = tuple(d for d in range(len(shape)) if d not in numbers["offset_dims"])
    inside = shaping.broadcast_in_dim(_inside(indices, limits), shape, dims)
    return e.select(inside, result, shaping.full_like(result, fill_value))


def _inside(indices: Any, limits: Sequence[int]) -> Any:
    """Which index vectors lie in `0..limits`."""
    of = indices.aval
    bound = np.minimum(np.asarray(limits, np.int64), np.iinfo(of.dtype).max).astype(of.dtype)
    bound = shaping.broadcast_in_dim(bound, of.shape, (len(of.shape) - 1,))
    both = e.bitwise_and(e.ge(indices, constant_like(indices, 0)), e.le(indices, bound))
    return reductions.reduce_and(both, (len(of.shape) - 1,))


def index_take(src: Any, idxs: Sequence[Any], axes: Sequence[int]) -> Any:
    """The slices of `src` at vectors of indices along some axes."""
    x = _operand("index_take", src)
    axes, shape = ints("index_take", "axes", axes), x.aval.shape
    columns = []
    for v, axis in zip(operands("index_take", idxs), axes):
        size = constant_like(v, shape[axis])
        inside = e.rem(e.add(e.rem(v, size), size), size)  # indices count around
        columns.append(shaping.reshape(inside, (math.prod(v.aval.shape), 1)))
    numbers = GatherDimensionNumbers(tuple(range(1, len(shape) - len(axes) + 1)), tuple(axes), tuple(axes))
    sizes = tuple(1 if d in axes else n for d, n in enumerate(shape))
    return gather(x, shaping.concatenate(columns, 1), numbers, sizes, mode="clip")


# ---- scatter -------------------------------------------------------------------------------------------


class ScatterDimensionNumbers(NamedTuple):
    """How the dimensions of a scatter's operand, indices and updates correspond."""

    update_window_dims: tuple[int, ...]
    """Dimensions of the updates that are those of the windows."""
    inserted_window_dims: tuple[int, ...]
    """Dimensions of the operand, of window size 1, that the updates leave out."""
    scatter_dims_to_operand_dims: tuple[int, ...]
    """The dimension of the operand that each component of an index vector is an index of."""
    operand_batching_dims: tuple[int, ...] = ()
    """Dimensions of the operand that go along with a dimension of the indices."""
    scatter_indices_batching_dims: tuple[int, ...] = ()
    """Those dimensions of the indices."""


def scatter(
    operand: Any, scatter_indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers, *,
    indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with windows at index vectors replaced by updates."""
    return _scattered(sc.scatter_set, operand, scatter_indices, updates, dimension_numbers, indices_are_sorted,
                      unique_indices, mode)  # fmt: skip


def scatter_add(
    operand: Any, scatter_indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers, *,
    indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with updates added to its windows at index vectors."""
    return _scattered(sc.scatter_add, operand, scatter_indices, updates, dimension_numbers, indices_are_sorted,
                      unique_indices, mode)  # fmt: skip


def scatter_sub(
    operand: Any, scatter_indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers, *,
    indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with updates subtracted from its windows at index vectors."""
    return _scattered(sc.scatter_add, operand, scatter_indices, e.neg(updates), dimension_numbers, indices_are_sorted,
                      unique_indices, mode)  # fmt: skip


def scatter_mul(
    operand: Any, scatter_indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers, *,
    indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with its windows at index vectors multiplied by updates."""
    return _scattered(sc.scatter_mul, operand, scatter_indices, updates, dimension_numbers, indices_are_sorted,
                      unique_indices, mode)  # fmt: skip


def scatter_min(
    operand: Any, scatter_indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers, *,
    indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with its windows at index vectors limited from above by updates."""
    return _scattered(sc.scatter_min, operand, scatter_indices, updates, dimension_numbers, indices_are_sorted,
                      unique_indices, mode)  # fmt: skip


def scatter_max(
    operand: Any, scatter_indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers, *,
    indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with its windows at index vectors limited from below by updates."""
    return _scattered(sc.scatter_max, operand, scatter_indices, updates, dimension_numbers, indices_are_sorted,
                      unique_indices, mode)  # fmt: skip


def _scattered(
    op: Any, operand: Any, indices: Any, updates: Any, dimension_numbers: ScatterDimensionNumbers,
    indices_are_sorted: bool, unique_indices: bool, mode: Any,
) -> Any:  # fmt: skip
    x, indices, updates = operands(op.name, (operand, indices, updates))
    check_same_dtype(op.name, (x, updates))
    numbers = {name: ints(op.name, name, dims) for name, dims in dimension_numbers._asdict().items()}
    return bind(
        op, x, indices, updates, **numbers, mode=_SCATTER[GatherScatterMode.from_any(mode)],
        unique=bool(unique_indices), sorted=bool(indices_are_sorted), weak=x.weak_type and updates.weak_type,
    )  # fmt: skip


_operand = operand  # public parameters are called `operand`, as in JAX
