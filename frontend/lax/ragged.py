"""Products of matrices whose rows belong to groups of different sizes, and products of scaled operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from axil.dialects import avals as av
from axil.lax import elementwise as e
from axil.lax import reductions, shaping
from axil.lax.common import UnsupportedError, fail, ints, operand, operands
from axil.lax.contraction import DotDimensionNumbers, dot_general
from axil.lax.precision import PrecisionLike


class RaggedDotDimensionNumbers(NamedTuple):
    """Dimensions of a ragged product: those of `dot_general`, the ragged one of lhs, the group one of rhs (or none)."""

    dot_dimension_numbers: DotDimensionNumbers
    lhs_ragged_dimensions: Sequence[int]
    rhs_group_dimensions: Sequence[int]


_BASIC = RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), (0,), (0,))


def ragged_dot(
    lhs: Any, rhs: Any, group_sizes: Any, precision: PrecisionLike = None, preferred_element_type: Any = None,
    group_offset: Any = None,
) -> Any:  # fmt: skip
    """Rows of `lhs` (m, k) times the matrix of their group in `rhs` (g, k, n), which gives (m, n).

    The first `group_sizes[0]` rows are of group 0, and so on; rows beyond the last group give zeros.
    """
    return ragged_dot_general(lhs, rhs, group_sizes, _BASIC, precision, preferred_element_type, group_offset)


def ragged_dot_general(
    lhs: Any, rhs: Any, group_sizes: Any, ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: PrecisionLike = None, preferred_element_type: Any = None, group_offset: Any = None,
) -> Any:  # fmt: skip
    """A `dot_general` in which one dimension of `lhs` is divided into groups of `group_sizes`, in one of three ways.

    - a free dimension is ragged: each group has a slice of `rhs` along its group dimension of its own;
    - a contracting dimension is ragged: each group gives a result of its own, along a new first dimension;
    - a batch dimension is ragged: groups change nothing, as each index of the batch has its own product.

    Every group is computed over the whole of `lhs`, masked: the work grows with the number of groups.
    """
    lhs, rhs = operands("ragged_dot_general", (lhs, rhs))
    sizes = operand("ragged_dot_general", group_sizes)
    numbers = ragged_dot_dimension_numbers
    (contract, rhs_contract), (batch, rhs_batch) = (
        tuple(ints("ragged_dot_general", "dimension_numbers", side) for side in pair)
        for pair in numbers.dot_dimension_numbers
    )
    if group_offset is not None:
        fail("lax.ragged_dot_general: group_offset is not supported", "slice rhs and group_sizes instead",
             kind=UnsupportedError)  # fmt: skip
    if len(numbers.lhs_ragged_dimensions) != 1 or len(sizes.aval.shape) != 1:
        fail("lax.ragged_dot_general takes one ragged dimension and a vector of group sizes, got dimensions "
             f"{tuple(numbers.lhs_ragged_dimensions)} and sizes {sizes.aval}")  # fmt: skip
    (ragged,) = numbers.lhs_ragged_dimensions
    options = (precision, preferred_element_type)
    if ragged in batch:
        return dot_general(lhs, rhs, ((contract, rhs_contract), (batch, rhs_batch)), *options)
    masked = _masked(lhs, sizes, ragged)
    up = lambda dims: tuple(d + 1 for d in dims)
    if ragged in contract:
        if numbers.rhs_group_dimensions:
            fail("lax.ragged_dot_general: rhs has no group dimension where a contracting dimension is ragged")
        count = sizes.aval.shape[0]
        spread = shaping.broadcast(rhs, (count,))
        both = ((up(contract), up(rhs_contract)), ((0, *up(batch)), (0, *up(rhs_batch))))
        result = dot_general(masked, spread, both, *options)
        return result
    if len(numbers.rhs_group_dimensions) != 1:
        fail("lax.ragged_dot_general: rhs needs one group dimension where a free dimension of lhs is ragged")
    (group,) = numbers.rhs_group_dimensions
    both = (((0, *up(contract)), (group, *rhs_contract)), (up(batch), rhs_batch))
    return dot_general(masked, rhs, both, *options)


def _masked(lhs: Any, sizes: Any, ragged: int) -> Any:
    """`lhs` for each group, along a new first dimension, with zeros where it belongs to another one."""
    shape, count = lhs.aval.shape, sizes.aval.shape[0]
    ends = reductions.cumsum(sizes, 0)
    starts = e.sub(ends, sizes)
    index = shaping.broadcasted_iota(sizes.aval.dtype, (count, shape[ragged]), 1)
    column = lambda v: shaping.broadcast_in_dim(v, (count, shape[ragged]), (0,))
    inside = e.bitwise_and(e.ge(index, column(starts)), e.lt(index, column(ends)))
    whole = (count, *shape)
    mask = shaping.broadcast_in_dim(inside, whole, (0, ragged + 1))
    return e.select(mask, shaping.broadcast(lhs, (count,)), shaping.full(whole, 0, lhs.aval.dtype))


def scaled_dot(
    lhs: Any, rhs: Any, *, lhs_scale: Any = None, rhs_scale: Any = None,
    dimension_numbers: DotDimensionNumbers | None = None, preferred_element_type: Any = None,
) -> Any:  # fmt: skip
    """`dot_general(lhs * lhs_scale, rhs * rhs_scale)`, where a scale may stand for a block of contracted elements.

    Without `dimension_numbers` operands are (..., m, k) and (..., k, n), of equal batch dimensions. Scales have their
    operand's shape, with a divisor of the contracted size in its place. Computed and given in `preferred_element_type`
    (bfloat16 by default).
    """
    lhs, rhs = operands("scaled_dot", (lhs, rhs))
    if dimension_numbers is None:
        n = lhs.aval.ndim
        if n < 2:
            fail(f"lax.scaled_dot takes operands of two or more dimensions, got {lhs.aval}", "give dimension_numbers=")
        batch = tuple(range(n - 2))
        dimension_numbers = (((n - 1,), (n - 2,)), (batch, batch))
    dtype = av.BFLOAT16 if preferred_element_type is None else np.dtype(preferred_element_type)
    scaled = [
        _scaled(x, scale, contract, dtype)
        for x, scale, contract in zip((lhs, rhs), (lhs_scale, rhs_scale), dimension_numbers[0])
    ]
    return dot_general(scaled[0], scaled[1], dimension_numbers, preferred_element_type=dtype)


def _scaled(x: Any, scale: Any, contract: Sequence[int], dtype: np.dtype) -> Any:
    x = e.convert_element_type(x, dtype)
    if scale is None:
        return x
    scale = e.convert_element_type(operand("scaled_dot", scale), dtype)
    for axis, (n, m) in enumerate(zip(x.aval.shape, scale.aval.shape, strict=True)):
        if m != n and (axis not in contract or not m or n % m):
            fail(f"lax.scaled_dot: a scale of {scale.aval} does not fit an operand of {x.aval}: sizes must be equal, "
                 "or divide that of a contracting dimension")  # fmt: skip
        if m != n:
            shape = scale.aval.shape
            wide = shaping.broadcast_in_dim(
                scale, (*shape[: axis + 1], n // m, *shape[axis + 1 :]),
                (*range(axis + 1), *range(axis + 2, len(shape) + 1)),
            )  # fmt: skip
            scale = shaping.reshape(wide, (*shape[:axis], n, *shape[axis + 1 :]))
    return e.mul(x, scale)
