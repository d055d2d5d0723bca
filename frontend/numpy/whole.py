"""Comparing whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy.creation import asarray
from axil.numpy.logic import equal, isfinite, isnan, less_equal, logical_and, logical_or
from axil.numpy.reductions import all as all_
from axil.numpy.ufuncs import absolute, add, multiply, subtract
from axil.numpy.values import ShapeError, Value, convert, filled, promote


def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Value:
    """True where |a - b| <= atol + rtol |b|, and where both are the same infinity."""
    (a, b), _ = promote("isclose", a, b)
    if not dtypes.is_inexact(a.dtype):
        dtype = dtypes.to_inexact_dtype(a.dtype)
        a, b = convert(a, dtype), convert(b, dtype)
    near = less_equal(absolute(subtract(a, b)), add(atol, multiply(rtol, absolute(b))))
    result = logical_or(logical_and(near, logical_and(isfinite(a), isfinite(b))), equal(a, b))
    return logical_or(result, logical_and(isnan(a), isnan(b))) if equal_nan else result


def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Value:
    """Whether all elements are close, as `isclose` says."""
    return all_(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Value:
    """Whether two arrays have one shape and equal elements."""
    a1, a2 = asarray(a1), asarray(a2)
    if a1.shape != a2.shape:
        return filled(np.asarray(False), ())
    same = equal(a1, a2)
    return all_(logical_or(same, logical_and(isnan(a1), isnan(a2))) if equal_nan else same)


def array_equiv(a1: Any, a2: Any) -> Value:
    """Whether two arrays broadcast to each other and are then equal."""
    try:
        return all_(equal(asarray(a1), asarray(a2)))
    except ShapeError:
        return filled(np.asarray(False), ())
