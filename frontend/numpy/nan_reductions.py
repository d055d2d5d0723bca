"""Reductions that leave NaN out."""

from __future__ import annotations

import builtins
import math
from typing import Any

from axil import dtypes
from axil.numpy.logic import bitwise_not, isnan
from axil.numpy.logic import pick as where_
from axil.numpy.reductions import all, argmax, argmin, cumprod, cumsum, max, mean, min, prod, sum, var
from axil.numpy.ufuncs import divide, sqrt
from axil.numpy.values import Value, convert, operand, refuse_out


def _has_nan(a: Value) -> bool:
    return dtypes.is_inexact(a.aval.dtype)


def nansum(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
           initial: Any = None, where: Any = None) -> Value:  # fmt: skip
    """Sum over axes of what is not NaN."""
    a = operand("nansum", a)
    return sum(where_(isnan(a), 0, a) if _has_nan(a) else a, axis, dtype, out, keepdims, initial, where)


def nanprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
            initial: Any = None, where: Any = None) -> Value:  # fmt: skip
    """Product over axes of what is not NaN."""
    a = operand("nanprod", a)
    return prod(where_(isnan(a), 1, a) if _has_nan(a) else a, axis, dtype, out, keepdims, initial, where)


def nanmax(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
           where: Any = None) -> Value:  # fmt: skip
    """Maximum over axes of what is not NaN; NaN where nothing is."""
    return _nan_extremum("nanmax", max, -math.inf, a, axis, out, keepdims, initial, where)


def nanmin(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
           where: Any = None) -> Value:  # fmt: skip
    """Minimum over axes of what is not NaN; NaN where nothing is."""
    return _nan_extremum("nanmin", min, math.inf, a, axis, out, keepdims, initial, where)


def _nan_extremum(
    name: str,
    reduce: Any,
    worst: float,
    a: Any,
    axis: Any,
    out: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Value:
    a = operand(name, a)
    if not _has_nan(a):
        return reduce(a, axis, out, keepdims, initial, where)
    result = reduce(where_(isnan(a), worst, a), axis, out, keepdims, initial, where)
    return where_(all(isnan(a), axis, keepdims=keepdims), math.nan, result) if initial is None else result


def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
            where: Any = None) -> Value:  # fmt: skip
    """Mean over axes of what is not NaN."""
    a = operand("nanmean", a)
    if not _has_nan(a):
        return mean(a, axis, dtype, out, keepdims, where=where)
    refuse_out("nanmean", out)
    of = dtypes.to_inexact_dtype(a.aval.dtype) if dtype is None else dtypes.check_user_dtype(dtype, "nanmean")
    count = sum(bitwise_not(isnan(a)), axis, of, keepdims=keepdims, where=where)
    return divide(nansum(a, axis, of, keepdims=keepdims, where=where), count)


def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False,
           where: Any = None, mean: Any = None) -> Value:  # fmt: skip
    """Variance over axes of what is not NaN, around `mean` where it is known: as `nanmean(..., keepdims=True)`."""
    refuse_out("nanvar", out)
    a = operand("nanvar", a)
    if mean is not None:
        mean = convert(operand("nanvar", mean), dtypes.to_inexact_dtype(a.aval.dtype))
    if not _has_nan(a):
        return var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean)
    valid = bitwise_not(isnan(a))
    mask = valid if where is None else valid & where
    return var(where_(valid, a, 0), axis, dtype, out, ddof, keepdims, where=mask, mean=mean)


def nanstd(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False,
           where: Any = None, mean: Any = None) -> Value:  # fmt: skip
    """Standard deviation over axes of what is not NaN: the square root of `nanvar`."""
    refuse_out("nanstd", out)
    return sqrt(nanvar(a, axis, dtype, None, ddof, keepdims, where, mean))


def nanargmax(a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Value:
    """Position of the first maximum of what is not NaN; -1 where nothing is."""
    return _nan_position("nanargmax", argmax, -math.inf, a, axis, out, keepdims)


def nanargmin(a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Value:
    """Position of the first minimum of what is not NaN; -1 where nothing is."""
    return _nan_position("nanargmin", argmin, math.inf, a, axis, out, keepdims)


def _nan_position(name: str, find: Any, worst: float, a: Any, axis: Any, out: Any, keepdims: Any) -> Value:
    a = operand(name, a)
    if not _has_nan(a):
        return find(a, axis, out, keepdims)
    found = find(where_(isnan(a), worst, a), axis, out, keepdims)
    return where_(all(isnan(a), axis, keepdims=builtins.bool(keepdims)), -1, found)


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Value:
    """Running sum of what is not NaN."""
    a = operand("nancumsum", a)
    return cumsum(where_(isnan(a), 0, a) if _has_nan(a) else a, axis, dtype, out)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Value:
    """Running product of what is not NaN."""
    a = operand("nancumprod", a)
    return cumprod(where_(isnan(a), 1, a) if _has_nan(a) else a, axis, dtype, out)
