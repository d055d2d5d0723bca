"""Reductions of segments: rows of an array that belong together, as integers say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.lax.common import ArgumentTypeError, fail, integer
from axil.numpy.values import operand


def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, indices_are_sorted: bool = False,
    unique_indices: bool = False, bucket_size: int | None = None, mode: Any = None,
) -> Any:  # fmt: skip
    """The sum of each segment: result `i` adds up the rows of `data` where `segment_ids`, ``int[n]``, is `i`.

    `data` is ``[n, ...]``, the result ``[num_segments, ...]``; by default as many as the largest id asks for, which
    must then be known (under `jit`, give the number). An id out of range, or negative, is left out, or with
    `mode="clip"` moved inside; `mode="promise_in_bounds"` promises that there are none. Sorted and unique ids may be
    promised. With `bucket_size`, buckets of so many rows are summed first, which loses less to rounding. The sum of
    nothing is 0.
    """
    options = (num_segments, indices_are_sorted, unique_indices, bucket_size, mode)
    return _reduced("segment_sum", data, segment_ids, lax.scatter_add, anp.sum, lambda dtype: 0, *options)


def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, indices_are_sorted: bool = False,
    unique_indices: bool = False, bucket_size: int | None = None, mode: Any = None,
) -> Any:  # fmt: skip
    """The product of each segment, as `segment_sum`; of nothing, 1."""
    options = (num_segments, indices_are_sorted, unique_indices, bucket_size, mode)
    return _reduced("segment_prod", data, segment_ids, lax.scatter_mul, anp.prod, lambda dtype: 1, *options)


def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, indices_are_sorted: bool = False,
    unique_indices: bool = False, bucket_size: int | None = None, mode: Any = None,
) -> Any:  # fmt: skip
    """The largest element of each segment, as `segment_sum`; of nothing, the least number that there is."""
    options = (num_segments, indices_are_sorted, unique_indices, bucket_size, mode)
    return _reduced("segment_max", data, segment_ids, lax.scatter_max, anp.max, lambda d: _extreme(d)[0], *options)


def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, indices_are_sorted: bool = False,
    unique_indices: bool = False, bucket_size: int | None = None, mode: Any = None,
) -> Any:  # fmt: skip
    """The least element of each segment, as `segment_sum`; of nothing, the largest number that there is."""
    options = (num_segments, indices_are_sorted, unique_indices, bucket_size, mode)
    return _reduced("segment_min", data, segment_ids, lax.scatter_min, anp.min, lambda d: _extreme(d)[1], *options)


def _extreme(dtype: np.dtype) -> tuple[Any, Any]:
    """The least and the largest number of a dtype."""
    kind = dtypes.kind_of(dtype)
    if kind == "b":
        return False, True
    if kind in "iu":
        info = dtypes.iinfo(dtype)
        return np.asarray(info.min, dtype), np.asarray(info.max, dtype)
    return -np.inf, np.inf


def _reduced(
    name: str, data: Any, ids: Any, scatter: Callable[..., Any], reduce: Callable[..., Any],
    start: Callable[[np.dtype], Any], count: int | None, are_sorted: bool, unique: bool, bucket: int | None, mode: Any,
) -> Any:  # fmt: skip
    """Rows scattered onto an array of neutral elements; for buckets, onto one a bucket, which are then reduced."""
    data, ids = operand(name, data), operand(name, ids, 1)
    if dtypes.kind_of(ids.aval.dtype) not in "iu":
        fail(f"ops.{name}: segment_ids must be integers, got {ids.aval}")
    if count is None:
        count = max(int(np.max(np.asarray(ids))) + 1, 0)
    count = integer(name, "num_segments", count)
    if count < 0:
        fail(f"ops.{name}: num_segments must not be negative, got {count}")
    row, shape, dtype = data.aval.shape[1:], ids.aval.shape, data.aval.dtype
    if dtype == np.bool_ and reduce in (anp.sum, anp.prod):
        fail(f"ops.{name} takes numbers, got {data.aval}", "convert them: data.astype(int)", kind=ArgumentTypeError)
    if not count:
        return anp.zeros((0, *row), dtype)
    data = anp.broadcast_to(data, (*shape, *row))
    index = ids.astype(np.int32) if ids.aval.dtype.itemsize < 4 else ids
    if bucket is None:
        columns, sizes = [index], (count,)
    else:
        if len(shape) != 1:
            fail(f"ops.{name}: buckets are of rows, segment_ids must have one dimension, got {ids.aval}")
        of = anp.arange(shape[0], dtype=index.aval.dtype) // integer(name, "bucket_size", bucket)
        columns, sizes = [of, index], (-(-shape[0] // bucket), count)
    start_array = anp.full((*sizes, *row), start(dtype), dtype=dtype)
    windows = tuple(range(len(shape), len(shape) + len(row)))
    places = tuple(range(len(sizes)))
    numbers = lax.ScatterDimensionNumbers(windows, places, places)
    vectors = anp.stack(columns, axis=-1)
    done = scatter(
        start_array, vectors, data, numbers, indices_are_sorted=are_sorted, unique_indices=unique, mode=mode
    )
    return done if bucket is None else reduce(done, axis=0).astype(dtype)


__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]
