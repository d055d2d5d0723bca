"""Matrix products and contractions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil.core import bind
from axil.dialects import avals as av
from axil.dialects.contraction import dot_general as dot_general_op
from axil.dialects.elementwise import convert
from axil.lax.common import fail, ints, operands, result_dtype
from axil.lax.precision import PrecisionLike, canonicalize_precision

DotDimensionNumbers = tuple[tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]]
"""`((lhs contracting, rhs contracting), (lhs batch, rhs batch))` dimensions."""


def dot_general(
    lhs: Any, rhs: Any, dimension_numbers: DotDimensionNumbers, precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:  # fmt: skip
    """Sum of products over the contracting dimensions, for each index of the batch dimensions.

    Dimensions of the result: batch, remaining ones of `lhs`, remaining ones of `rhs`.
    """
    canonicalize_precision(precision)
    lhs, rhs = operands("dot_general", (lhs, rhs))
    try:
        (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    except (TypeError, ValueError):
        fail("lax.dot_general: dimension_numbers are ((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch)), "
             f"got {dimension_numbers!r}")  # fmt: skip
    weak = lhs.weak_type and rhs.weak_type and preferred_element_type is None
    lhs, rhs, dtype = _operand_dtypes(lhs, rhs, preferred_element_type)
    dims = {
        "lhs_contract": lhs_contract,
        "rhs_contract": rhs_contract,
        "lhs_batch": lhs_batch,
        "rhs_batch": rhs_batch,
    }
    dims = {name: ints("dot_general", "dimension_numbers", value) for name, value in dims.items()}
    return bind(dot_general_op, lhs, rhs, **dims, dtype=dtype, weak=weak)


def _operand_dtypes(lhs: Any, rhs: Any, preferred: Any) -> tuple[Any, Any, np.dtype]:
    """Operands in one dtype whose products can be summed in the result's dtype, which comes third."""
    a, b = lhs.aval.dtype, rhs.aval.dtype
    both = a if a == b else dtypes.promote_types(a, lhs.weak_type, b, rhs.weak_type)[0]
    dtype = both if preferred is None else result_dtype("dot_general", preferred)
    kinds = (av.is_float, av.is_integer, av.is_complex)
    if dtype != both and not any(kind(both) and kind(dtype) for kind in kinds):
        both = dtype
    lhs, rhs = (x if x.aval.dtype == both else bind(convert, x, dtype=both) for x in (lhs, rhs))
    return lhs, rhs, dtype


def dot(
    lhs: Any, rhs: Any, precision: PrecisionLike = None, preferred_element_type: Any = None, *,
    dimension_numbers: DotDimensionNumbers | None = None,
) -> Any:  # fmt: skip
    """Product of vectors and matrices; of other arrays as `dot_general`, where dimension numbers are given."""
    lhs, rhs = operands("dot", (lhs, rhs))
    if dimension_numbers is None:
        a, b = lhs.aval.shape, rhs.aval.shape
        if not (1 <= len(a) <= 2 and 1 <= len(b) <= 2 and a[-1] == b[0]):
            fail(f"lax.dot without dimension_numbers takes vectors and matrices with one common dimension, the last of "
                 f"the first and the first of the second; got {lhs.aval} and {rhs.aval}",
                 "transpose an operand, or give dimension_numbers", "or call axil.numpy.matmul")  # fmt: skip
        dimension_numbers = (((len(a) - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type)


def batch_matmul(lhs: Any, rhs: Any, precision: PrecisionLike = None) -> Any:
    """Matrix products over the last two dimensions, one for each index of the others."""
    lhs, rhs = operands("batch_matmul", (lhs, rhs))
    ndim = len(lhs.aval.shape)
    if ndim < 2 or len(rhs.aval.shape) != ndim:
        fail("lax.batch_matmul takes two arrays of as many dimensions, at least two; "
             f"got {lhs.aval} and {rhs.aval}")  # fmt: skip
    batch = tuple(range(ndim - 2))
    return dot_general(lhs, rhs, (((ndim - 1,), (ndim - 2,)), (batch, batch)), precision)
