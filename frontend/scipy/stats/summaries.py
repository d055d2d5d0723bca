"""Statistics of samples: the mode, ranks, the standard error of the mean."""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.numpy.values import Value, canonical_axis, convert, operand, shape_error
from axil.scipy.special.common import floats
from axil.scipy.special.gammas import unsupported


class ModeResult(NamedTuple):
    """What `mode` gives."""

    mode: Value
    count: Value


def _check_nan_policy(name: str, policy: str) -> None:
    if policy == "omit":
        unsupported(f"{name}(nan_policy='omit') is not available", "use nan_policy='propagate'")
    if policy == "raise":
        unsupported(f"{name}(nan_policy='raise') is not available: compiled code cannot raise",
                    "check before: axil.numpy.isnan(a).any()")  # fmt: skip
    if policy != "propagate":
        raise shape_error(f"{name}: nan_policy is 'propagate', 'omit' or 'raise', got {policy!r}")


def mode(a: Any, axis: Any = 0, nan_policy: str = "propagate", keepdims: bool = False) -> ModeResult:
    """The most frequent value along an axis (`None`: of all), the smallest of several, and how often it occurs.

    NaNs count as equal, and are the largest.
    """
    x = anp.atleast_1d(operand("mode", a))
    _check_nan_policy("mode", nan_policy)
    shape = x.aval.shape
    axis = None if axis is None else canonical_axis(operator.index(axis), len(shape))
    if axis is None:
        x, kept, dropped = anp.ravel(x), (1,) * len(shape), ()
    else:
        kept = tuple(1 if i == axis else size for i, size in enumerate(shape))
        dropped = tuple(size for i, size in enumerate(shape) if i != axis)
        x = anp.moveaxis(x, axis, -1)
    result = kept if keepdims else dropped
    n = x.aval.shape[-1]
    if not n:
        of = dtypes.default_float_dtype()
        return ModeResult(anp.full(result, math.nan, of), anp.full(result, 0, of))
    ordered = anp.sort(x, axis=-1)
    starts = _starts(ordered)
    # The length of the run that ends at each place: how far it is from the start of the run.
    places = anp.arange(n)
    first = lax.cummax(anp.where(starts, places, 0), axis=len(x.aval.shape) - 1)
    lengths = places - first + 1
    best = anp.argmax(lengths, axis=-1, keepdims=True)
    value = anp.take_along_axis(ordered, best, axis=-1)[..., 0]
    count = anp.max(lengths, axis=-1)
    return ModeResult(anp.reshape(value, result), anp.reshape(count, result))


def _starts(ordered: Value) -> Value:
    """Where runs of equal elements start along the last axis of sorted ones."""
    now, before = ordered[..., 1:], ordered[..., :-1]
    differ = now != before
    if dtypes.kind_of(ordered.aval.dtype) in "fc":
        differ = differ & anp.logical_not(anp.isnan(now) & anp.isnan(before))
    first = anp.ones((*ordered.aval.shape[:-1], 1), bool)
    return anp.concatenate([first, differ], axis=-1)


_METHODS = ("average", "min", "max", "dense", "ordinal")


def rankdata(a: Any, method: str = "average", *, axis: int | None = None, nan_policy: str = "propagate") -> Value:
    """Ranks from 1 on, as floats, along an axis or of all elements in a row; NaN everywhere where there is a NaN.

    Equal elements get their average, least or greatest rank, one rank without gaps after it ("dense"), or ranks in the
    order in which they stand ("ordinal").
    """
    x = operand("rankdata", a)
    _check_nan_policy("rankdata", nan_policy)
    if method not in _METHODS:
        raise shape_error(f"rankdata: the method is one of {', '.join(_METHODS)}, got {method!r}")
    if axis is None:
        return _ranks(anp.ravel(x), method)
    place = canonical_axis(operator.index(axis), len(x.aval.shape))
    return anp.moveaxis(_ranks(anp.moveaxis(x, place, -1), method), -1, place)


def _ranks(x: Value, method: str) -> Value:
    """Ranks along the last axis."""
    of = dtypes.default_float_dtype()
    n, last = x.aval.shape[-1], len(x.aval.shape) - 1
    if not n:
        return anp.zeros(x.aval.shape, of)
    order = anp.argsort(x, axis=-1, stable=True)
    back = anp.argsort(order, axis=-1)
    ordered = anp.take_along_axis(x, order, axis=-1)
    starts, places = _starts(ordered), anp.arange(n)
    first = lax.cummax(anp.where(starts, places, 0), axis=last)
    ends = anp.concatenate([starts[..., 1:], anp.ones((*x.aval.shape[:-1], 1), bool)], axis=-1)
    final = lax.cummin(anp.where(ends, places, n), axis=last, reverse=True)
    ranks = {
        "ordinal": lambda: anp.broadcast_to(places + 1, x.aval.shape), "min": lambda: first + 1,
        "max": lambda: final + 1, "dense": lambda: anp.cumsum(starts, axis=-1),
        "average": lambda: 0.5 * (first.astype(of) + final.astype(of)) + 1,
    }[method]()  # fmt: skip
    result = convert(anp.take_along_axis(ranks, back, axis=-1), of)
    if dtypes.kind_of(x.aval.dtype) in "fc":
        result = anp.where(anp.any(anp.isnan(x), axis=-1, keepdims=True), math.nan, result)
    return result


def sem(
    a: Any, axis: int | None = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Value:  # fmt: skip
    """Standard error of the mean along an axis (`None`: of all); `nan_policy="omit"` leaves NaNs out."""
    (x,), _ = floats("sem", a)
    of, shape = x.aval.dtype, x.aval.shape
    if nan_policy == "propagate":
        count = math.prod(shape) if axis is None else shape[canonical_axis(operator.index(axis), len(shape))]
        return anp.std(x, axis, ddof=ddof, keepdims=keepdims) / anp.asarray(np.sqrt(count), of)
    if nan_policy == "omit":
        counted = anp.sum(anp.logical_not(anp.isnan(x)), axis, keepdims=keepdims)
        return anp.nanstd(x, axis, ddof=ddof, keepdims=keepdims) / anp.sqrt(counted).astype(of)
    raise shape_error(f"sem: nan_policy is 'propagate' or 'omit', got {nan_policy!r}")


__all__ = ["ModeResult", "mode", "rankdata", "sem"]
