"""Rounding to a floating point format of fewer bits, kept in the dtype that it was in.

IREE 3.13 has no `reduce_precision`; it is integer arithmetic on the bits, the same in the reference and the lowering.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import Aval, Op, check_dtype, jvp_linear, sample
from axil.dialects.staged import Staged, bits_of, where


def _infer(x: Aval, *, exponent_bits: int, mantissa_bits: int) -> Aval:
    check_dtype("reduce_precision", x, "float")
    if exponent_bits < 1 or mantissa_bits < 0:
        raise AttributeValueError(
            "'reduce_precision' needs at least 1 exponent bit and 0 mantissa bits, got "
            f"{exponent_bits} and {mantissa_bits}"
        )
    return x


def _rounded(x: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """Round to nearest, ties to even; too large becomes infinite, too small for a normal number a zero."""
    info = ml_dtypes.finfo(x.dtype)
    width, mantissa, exponent = info.bits, int(info.nmant), int(info.nexp)
    bits = bits_of(x, np.dtype(f"u{width // 8}"))
    sign = bits & (1 << (width - 1))
    size = bits & ((1 << (width - 1)) - 1)
    infinite = ((1 << exponent) - 1) << mantissa
    kept = size
    if mantissa_bits < mantissa:
        dropped = mantissa - mantissa_bits
        last = where((kept & (1 << dropped)) == 0, _constant(kept, 0), _constant(kept, 1))
        kept = (kept + last + ((1 << (dropped - 1)) - 1)) & (((1 << (width - 1 - dropped)) - 1) << dropped)
    if exponent_bits < exponent:
        bias, reach = (1 << (exponent - 1)) - 1, (1 << (exponent_bits - 1)) - 1
        kept = where(kept >= ((bias + reach + 1) << mantissa), _constant(kept, infinite), kept)
        kept = where(kept < ((bias - reach + 1) << mantissa), _constant(kept, 0), kept)
    return bits_of(where(size > infinite, bits, sign | kept), x.dtype)


def _constant(like: Any, value: int) -> Any:
    """An integer of the type of `like`."""
    return Staged(like._constant(value)) if isinstance(like, Staged) else like.dtype.type(value)


def _reference(x: np.ndarray, *, exponent_bits: int, mantissa_bits: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(_rounded(np.ascontiguousarray(x).reshape(x.shape), exponent_bits, mantissa_bits))


def _lower(values: Any, results: Any, context: Any, *, exponent_bits: int, mantissa_bits: int) -> Any:
    return _rounded(Staged(values[0]), exponent_bits, mantissa_bits).value


_SAMPLES = tuple(
    sample(of, exponent_bits=e, mantissa_bits=m, domain=(-100, 100), grad=False)
    for of, e, m in (("f32[9]", 5, 10), ("f32[2,3]", 8, 7), ("f32[]", 2, 1), ("f64[5]", 8, 23), ("bf16[5]", 4, 3),
                     ("f16[5]", 5, 2), ("f32[5]", 8, 23), ("f32[9]", 1, 0))
)  # fmt: skip

reduce_precision = Op(
    name="reduce_precision", summary="Rounded to a floating point format of fewer exponent and mantissa bits.",
    operands=("x",), attributes={"exponent_bits": "int", "mantissa_bits": "int"}, infer=_infer, reference=_reference,
    jvp=jvp_linear("reduce_precision"), linear=(0,),
    transpose=lambda ct, xs, **attributes: (reduce_precision(ct, **attributes),),
    batch=lambda size, xs, batched, **attributes: reduce_precision(xs[0], **attributes),
    lower=_lower, samples=_SAMPLES, source="StableHLO `reduce_precision`", makes_nan=False,
)  # fmt: skip
