"""Reductions: sums, products, extrema and their positions, logical ones, means, variances, cumulative ones."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import cumulative as cu
from axil.dialects import elementwise as e
from axil.dialects import reduction as r
from axil.dialects.avals import BFLOAT16
from axil.dialects.op import Op
from axil.dtypes import kind_of
from axil.numpy.logic import greater
from axil.numpy.logic import pick as where_
from axil.numpy.ufuncs import conjugate, divide, multiply, real, sqrt, square, subtract
from axil.numpy.values import (
    Value,
    aval,
    bind,
    boolean,
    broadcast,
    canonical_axes,
    canonical_axis,
    convert,
    elementwise,
    filled,
    make_array,
    operand,
    promote,
    refuse_out,
    reshape_to,
    scalar_like,
    shape_error,
)

_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)

# ---- the common part -----------------------------------------------------------------------------------


def _reduce(
    name: str,
    op: Op,
    a: Value,
    axis: Any,
    keepdims: bool,
    neutral: Callable[[np.dtype], Any],
    combine: Op,
    initial: Any = None,
    where: Any = None,
) -> Value:
    """Reduce `a`, in its own dtype, over axes; elements where the mask does not hold count as neutral."""
    if where is not None:
        mask = operand(name, where)
        if kind_of(mask.aval.dtype) != "b":
            raise shape_error(f"{name}: where must be a boolean array, got {mask.aval}")
        a = where_(mask, a, scalar_like(a, neutral(a.aval.dtype)))
    axes = canonical_axes(axis, len(a.aval.shape))
    result = bind(op, a, axes=axes) if axes else a
    if initial is not None:
        initial = operand(name, initial)
        if initial.aval.shape:
            raise shape_error(f"{name}: the initial value must be a scalar, got {initial.aval}")
        result = elementwise(
            name, combine, (convert(initial, result.aval.dtype), convert(result, result.aval.dtype)), False
        )
    if keepdims:
        result = reshape_to(result, tuple(1 if i in axes else n for i, n in enumerate(a.aval.shape)))
    return result


def _promoted_integer(dtype: np.dtype) -> np.dtype:
    """Small integers and booleans are summed in the default integer type."""
    kind = dtypes.kind_of(dtype)
    if kind == "b":
        return dtypes.default_int_dtype()
    if kind in "iu":
        default = dtypes.default_int_dtype() if kind == "i" else dtypes.default_uint_dtype()
        return default if dtype.itemsize < default.itemsize else dtype
    return dtype


def _accumulate(
    name: str, op: Op, combine: Op, neutral: int, a: Any, axis: Any, dtype: Any, out: Any, keepdims: bool,
    initial: Any, where: Any, promote_integers: bool,
) -> Value:  # fmt: skip
    """sum and prod."""
    refuse_out(name, out)
    a = operand(name, a)
    if dtype is not None:
        of = dtypes.check_user_dtype(dtype, name)
    else:
        of = a.aval.dtype
        if of.kind == "b" or promote_integers:
            of = _promoted_integer(of)
    # The ops compute half precision in single by themselves. `reduce` has no booleans to add.
    computed = dtypes.default_int_dtype() if of.kind == "b" else of
    result = _reduce(
        name,
        op,
        convert(a, computed, a.weak_type),
        axis,
        keepdims,
        lambda d: neutral,
        combine,
        initial,
        where,
    )
    return convert(result, of)


def sum(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
        where: Any = None, promote_integers: bool = True) -> Value:  # fmt: skip
    """Sum over axes."""
    return _accumulate(
        "sum", r.reduce_sum, e.add, 0, a, axis, dtype, out, keepdims, initial, where, promote_integers
    )


def prod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
         where: Any = None, promote_integers: bool = True) -> Value:  # fmt: skip
    """Product over axes."""
    return _accumulate(
        "prod", r.reduce_prod, e.mul, 1, a, axis, dtype, out, keepdims, initial, where, promote_integers
    )


# ---- extrema -------------------------------------------------------------------------------------------


def max(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
        where: Any = None) -> Value:  # fmt: skip
    """Maximum over axes; NaN wins."""
    return _extremum("max", r.reduce_max, e.max_, r.lowest, a, axis, out, keepdims, initial, where)


def min(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
        where: Any = None) -> Value:  # fmt: skip
    """Minimum over axes; NaN wins."""
    return _extremum("min", r.reduce_min, e.min_, r.highest, a, axis, out, keepdims, initial, where)


amax, amin = max, min


def _extremum(
    name: str,
    op: Op,
    combine: Op,
    neutral: Any,
    a: Any,
    axis: Any,
    out: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Value:
    refuse_out(name, out)
    a = operand(name, a)
    if initial is None:
        if where is not None:
            raise shape_error(f"reduction operation {name} does not have an identity, so to use a where mask one has "
                              "to specify 'initial'")  # fmt: skip
        if builtins.any(not a.aval.shape[d] for d in canonical_axes(axis, a.ndim)):
            raise shape_error(f"zero-size array to reduction operation {name} which has no identity")
    if a.aval.dtype.kind == "c":
        from axil.numpy.complex_order import complex_extremum

        return complex_extremum(name, a, axis, keepdims, initial, where)
    return convert(_reduce(name, op, a, axis, keepdims, neutral, combine, initial, where), a.aval.dtype)


def ptp(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Value:
    """Maximum less minimum over axes."""
    refuse_out("ptp", out)
    return subtract(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


def argmax(a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Value:
    """Position of the first maximum; NaN wins. Without an axis, in the flattened array."""
    return _position("argmax", r.argmax, a, axis, out, keepdims)


def argmin(a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Value:
    """Position of the first minimum; NaN wins. Without an axis, in the flattened array."""
    return _position("argmin", r.argmin, a, axis, out, keepdims)


def _position(name: str, op: Op, a: Any, axis: Any, out: Any, keepdims: bool | None) -> Value:
    refuse_out(name, out)
    a = operand(name, a)
    shape = a.aval.shape
    if axis is None:
        kept = (1,) * len(shape)
        a, axis = reshape_to(a, (a.size,)), 0
    else:
        axis = canonical_axis(axis, len(shape))
        kept = (*shape[:axis], 1, *shape[axis + 1 :])
    if not a.aval.shape[axis]:
        raise shape_error(f"attempt to get {name} of an empty sequence")
    result = bind(op, a, axis=axis, dtype=dtypes.default_int_dtype())
    return reshape_to(result, kept) if keepdims else result


# ---- logic ---------------------------------------------------------------------------------------------


def any(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = None) -> Value:
    """Whether any element over axes is not zero."""
    refuse_out("any", out)
    return _reduce("any", r.reduce_or, boolean("any", a), axis, keepdims, lambda d: False, e.or_, None, where)


def all(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = None) -> Value:
    """Whether all elements over axes are not zero."""
    refuse_out("all", out)
    return _reduce(
        "all", r.reduce_and, boolean("all", a), axis, keepdims, lambda d: True, e.and_, None, where
    )


def count_nonzero(a: Any, axis: Any = None, keepdims: bool = False) -> Value:
    """Number of elements over axes that are not zero."""
    return sum(boolean("count_nonzero", a), axis, keepdims=keepdims)


# ---- moments -------------------------------------------------------------------------------------------


def _upcast(dtype: np.dtype) -> np.dtype:
    return _FLOAT32 if dtype in _HALF else dtype


def _count(a: Value, axis: Any, keepdims: bool, where: Any, dtype: np.dtype) -> Value:
    """How many elements a mean is of: a constant unless there is a mask."""
    if where is None:
        n = math.prod(a.aval.shape[d] for d in canonical_axes(axis, a.ndim))
        return make_array(np.asarray(n).astype(dtype), aval((), dtype))
    return sum(broadcast(operand("mean", where), a.aval.shape), axis, dtype, keepdims=keepdims)


def mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *,
         where: Any = None) -> Value:  # fmt: skip
    """Mean over axes."""
    refuse_out("mean", out)
    a = operand("mean", a)
    if dtype is None:
        of = dtypes.to_inexact_dtype(a.aval.dtype)
        computed = _upcast(of)
    else:
        of = computed = dtypes.check_user_dtype(dtype, "mean")
    total = sum(a, axis, computed, keepdims=keepdims, where=where)
    count = _count(a, axis, keepdims, where, computed)
    if computed.kind in "iu":
        return elementwise("mean", e.div, (total, count), False)
    return convert(divide(total, count), of)


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    """Mean over axes, in which each element has a weight."""
    if weights is None:
        (a,), _ = promote("average", a, inexact=True)
        result = mean(a, axis, keepdims=keepdims)
        total = filled(_count(a, axis, False, None, result.aval.dtype)._numpy, result.aval.shape)
        return (result, total) if returned else result
    (a, weights), _ = promote("average", a, weights, inexact=True)
    if a.aval.shape != weights.aval.shape:
        weights = _spread_weights(a, axis, weights)
    total = sum(weights, axis, keepdims=keepdims)
    result = divide(sum(multiply(a, weights), axis, keepdims=keepdims), total)
    return (result, broadcast(total, result.aval.shape)) if returned else result


def _spread_weights(a: Value, axis: Any, weights: Value) -> Value:
    if axis is None:
        raise shape_error(
            f"average: the axis must be given where shapes of a and weights differ: {a.aval}, {weights.aval}"
        )
    axes = canonical_axes(axis, a.ndim)
    if weights.aval.shape != tuple(a.aval.shape[d] for d in axes):
        raise shape_error(
            f"average: weights {weights.aval} do not have the sizes of the axes {axes} of {a.aval}"
        )
    order = sorted(builtins.range(len(axes)), key=lambda i: axes[i])
    if order != sorted(order):
        from axil.dialects import shape as s

        weights = bind(s.transpose, weights, permutation=tuple(order))
    return broadcast(
        reshape_to(weights, tuple(n if d in axes else 1 for d, n in enumerate(a.aval.shape))), a.aval.shape
    )


def var(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False, *,
        where: Any = None, mean: Any = None, correction: Any = None) -> Value:  # fmt: skip
    """Variance over axes: the sum of squared distances from the mean, divided by the count less `ddof`."""
    refuse_out("var", out)
    if correction is not None and ddof:
        raise shape_error("var: ddof and correction cannot be given together")
    correction = ddof if correction is None else correction
    a = operand("var", a)
    if dtype is not None:
        of = computed = dtypes.check_user_dtype(dtype, "var")
        if a.aval.dtype.kind == "c" and of.kind != "c":
            raise shape_error("var of complex numbers takes no real dtype; take real(var(x))")
    else:
        of = dtypes.to_real_dtype(a.aval.dtype)
        computed = dtypes.to_inexact_dtype(a.aval.dtype)
    a = convert(a, _upcast(computed))
    center = (
        _mean(a, axis, a.aval.dtype, keepdims=True, where=where) if mean is None else operand("var", mean)
    )
    centered = subtract(a, center)
    squares = real(multiply(centered, conjugate(centered))) if a.aval.dtype.kind == "c" else square(centered)
    count = subtract(_count(a, axis, keepdims, where, squares.aval.dtype), correction)
    result = convert(
        divide(sum(squares, axis, squares.aval.dtype, keepdims=keepdims, where=where), count), of
    )
    if type(correction) is int and where is None:  # the count is known
        n = math.prod(a.aval.shape[d] for d in canonical_axes(axis, a.ndim)) - correction
        return result if n > 0 else multiply(result, math.nan)
    return where_(greater(count, 0), result, math.nan)


_mean = mean  # `var` has an argument of this name


def std(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False, *,
        where: Any = None, mean: Any = None, correction: Any = None) -> Value:  # fmt: skip
    """Standard deviation over axes: the square root of `var`."""
    refuse_out("std", out)
    if dtype is not None and not dtypes.is_inexact(dtypes.check_user_dtype(dtype, "std")):
        raise shape_error(f"std takes a floating dtype, got {dtype}")
    return sqrt(var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


# ---- cumulative ----------------------------------------------------------------------------------------


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Value:
    """Running sum; without an axis, over the flattened array."""
    return _cumulative("cumsum", cu.cumsum, a, axis, dtype, out)


def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Value:
    """Running product; without an axis, over the flattened array."""
    return _cumulative("cumprod", cu.cumprod, a, axis, dtype, out)


def _cumulative(name: str, op: Op, a: Any, axis: int | None, dtype: Any, out: Any) -> Value:
    refuse_out(name, out)
    a = operand(name, a)
    if axis is None or not a.aval.shape:
        a = reshape_to(a, (a.size,))
    axis = 0 if axis is None else canonical_axis(axis, a.ndim)
    if dtype is None:
        of = _promoted_integer(a.aval.dtype) if kind_of(a.aval.dtype) == "b" else a.aval.dtype
    else:
        of = dtypes.check_user_dtype(dtype, name)
    if of.kind == "b":
        a = boolean(name, a)
    return convert(
        bind(op, convert(a, _promoted_integer(of) if of.kind == "b" else of), axis=axis, reverse=False), of
    )
