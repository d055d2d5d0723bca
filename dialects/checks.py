"""What `checkify` asks of operands: that indices are in bounds, and that divisors are not zero.

An op names these in its `checks`. They are rules like others, and run on MLIR values and on NumPy arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects.avals import dtype_of, is_unsigned, shape_of
from axil.dialects.factories import ops
from axil.dialects.op import Check, full, full_like


def any_of(mask: Any) -> Any:
    """Whether any element of a mask is true: a boolean scalar."""
    ndim = len(shape_of(mask))
    return ops.reduce_or(mask, axes=tuple(range(ndim))) if ndim else mask


def has_nan(x: Any) -> Any:
    """Whether a floating point or complex array has a NaN."""
    return any_of(ops.ne(x, x))


def zero_divisor(name: str) -> dict[str, Any]:
    """The `checks` of an op whose second operand is a divisor."""

    def check(xs: Any, **attributes: Any) -> Check | None:
        divisor = xs[1]
        if not math.prod(shape_of(divisor)):
            return None
        return Check(any_of(ops.eq(divisor, full_like(divisor, 0))), f"division by zero (in '{name}')")

    return {"div": check}


def out_of_bounds(
    name: str, indices: Any, limits: Sequence[int], axes: Sequence[int], shape: Sequence[int]
) -> Check | None:
    """That each component of index vectors (the last dimension of `indices`) is in `0..limits`.

    `axes` are the dimensions, of an array of `shape`, that the components index. The payload is the first index that
    is out of bounds and, where there are several components, which of them it is.
    """
    if not math.prod(shape_of(indices)):
        return None
    bad = ops.reshape(_outside(indices, limits), shape=(math.prod(shape_of(indices)),))
    place = ops.argmax(ops.convert(bad, dtype=np.dtype(np.int32)), axis=0, dtype=np.dtype(np.int32))
    flat = ops.reshape(indices, shape=shape_of(bad))
    index = ops.reshape(ops.dynamic_slice(flat, ops.reshape(place, shape=(1,)), sizes=(1,)), shape=())
    index = ops.convert(index, dtype=np.dtype(np.int32))
    text = f"out-of-bounds indexing for array of shape {tuple(shape)}: index {{0}} is out of bounds for "
    which = tuple(f"axis {d} with size {shape[d]}" for d in axes)
    if len(axes) == 1:
        return Check(any_of(bad), f"{text}{which[0]}. (in '{name}')", (index,))
    component = ops.rem(place, full((), len(axes), np.int32))
    return Check(any_of(bad), f"{text}{{1}}. (in '{name}')", (index, component), (None, which))


def _outside(indices: Any, limits: Sequence[int]) -> Any:
    """Which components are out of bounds; limits that the indices' dtype cannot reach are its largest value."""
    dtype, of = dtype_of(indices), shape_of(indices)
    largest = np.minimum(np.asarray(limits, np.int64), np.iinfo(dtype).max).astype(dtype)
    if len(set(largest.tolist())) == 1:
        high = full(of, largest[0], dtype)
    else:
        high = ops.broadcast_in_dim(ops.constant(value=largest), shape=of, dims=(len(of) - 1,))
    above = ops.gt(indices, high)
    return above if is_unsigned(dtype) else getattr(ops, "or")(above, ops.lt(indices, full_like(indices, 0)))
