"""Order statistics, histograms, differences and correlation."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import sorting as so
from axil.dialects.complex import complex_
from axil.dialects.shape import broadcast_in_dim
from axil.numpy import reductions as red
from axil.numpy.contraction import dot
from axil.numpy.creation import asarray
from axil.numpy.indexing import get
from axil.numpy.joining import concatenate
from axil.numpy.logic import (
    bitwise_and,
    bitwise_not,
    bitwise_or,
    equal,
    greater,
    isnan,
    less,
    less_equal,
    not_equal,
    pick,
)
from axil.numpy.lookup import take, take_along_axis
from axil.numpy.shaping import expand_dims, moveaxis, ravel, slice_along, squeeze
from axil.numpy.sorting import searchsorted
from axil.numpy.ufuncs import (
    add,
    ceil,
    clip,
    conjugate,
    divide,
    floor,
    imag,
    maximum,
    minimum,
    multiply,
    real,
    sqrt,
    subtract,
)
from axil.numpy.values import (
    UnsupportedArgument,
    Value,
    bind,
    broadcast,
    canonical_axes,
    canonical_axis,
    convert,
    filled,
    operand,
    promote,
    refuse_out,
    reshape_to,
    shape_error,
    type_error,
)

# ---- quantiles -----------------------------------------------------------------------------------------

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf")


def quantile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: str = "linear",
             keepdims: bool = False, *, weights: Any = None) -> Value:  # fmt: skip
    """The values below which a share `q` of the elements lies. `weights` go with the method "inverted_cdf"."""
    return _quantile("quantile", a, q, axis, out, method, keepdims, False, weights)


def nanquantile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
                method: str = "linear", keepdims: bool = False, *, weights: Any = None) -> Value:  # fmt: skip
    """The values below which a share `q` of the elements lies, NaN left out. See `quantile` for `weights`."""
    return _quantile("nanquantile", a, q, axis, out, method, keepdims, True, weights)


def percentile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
               method: str = "linear", keepdims: bool = False, *, weights: Any = None) -> Value:  # fmt: skip
    """The values below which `q` percent of the elements lie. See `quantile` for `weights`."""
    (q,), _ = promote("percentile", q, inexact=True)
    return quantile(a, divide(q, 100), axis, out, overwrite_input, method, keepdims, weights=weights)


def nanpercentile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
                  method: str = "linear", keepdims: bool = False, *, weights: Any = None) -> Value:  # fmt: skip
    """The values below which `q` percent of the elements lie, NaN left out. See `quantile` for `weights`."""
    (q,), _ = promote("nanpercentile", q, inexact=True)
    return nanquantile(a, divide(q, 100), axis, out, overwrite_input, method, keepdims, weights=weights)


def median(
    a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Value:
    """The middle element, or the mean of the middle two."""
    return quantile(a, 0.5, axis, out, overwrite_input, "midpoint", keepdims)


def nanmedian(
    a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Value:
    """The middle element, or the mean of the middle two, NaN left out."""
    return nanquantile(a, 0.5, axis, out, overwrite_input, "midpoint", keepdims)


def _quantile(
    name: str, a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: bool, skip_nan: bool, weights: Any = None
) -> Value:  # fmt: skip
    refuse_out(name, out)
    if method not in _METHODS:
        raise shape_error(f"{name} takes method {', '.join(_METHODS)}; got {method!r}")
    if weights is None:
        (a,), _ = promote(name, a, inexact=True)
    else:
        a, weights = _weighted(name, a, weights, axis, method)
    q = operand(name, q, 1)
    if q.aval.dtype.kind not in "f":
        q = convert(q, a.aval.dtype)
    if a.aval.dtype.kind == "c":
        raise type_error(f"{name} does not support complex numbers, which have no order")
    if q.ndim > 1:
        raise shape_error(f"{name} takes a scalar or a vector q, got {q.aval}")
    axes = canonical_axes(axis, a.ndim)
    kept = tuple(1 if d in axes else n for d, n in enumerate(a.shape))
    rest = tuple(d for d in range(a.ndim) if d not in axes)
    long = (*(a.shape[d] for d in rest), _size(a, axes))

    def lines(x: Value) -> Value:
        return reshape_to(moveaxis(x, rest, tuple(range(len(rest)))), long)

    if method == "inverted_cdf":
        shares = filled(np.ones((), a.dtype), long) if weights is None else lines(weights)
        result = _by_weight(lines(a), shares, ravel(q), skip_nan)
    else:
        result = _interpolated(lines(a), ravel(q), method, skip_nan)
    result = moveaxis(result, -1, 0)
    shape = kept if keepdims else tuple(a.shape[d] for d in rest)
    return convert(reshape_to(result, q.shape + shape), a.aval.dtype)


def _weighted(name: str, a: Any, weights: Any, axis: Any, method: str) -> tuple[Value, Value]:
    """Values and their weights, in one dtype and shape."""
    weights = operand(name, weights, 2)
    if weights.aval.dtype.kind == "c":
        raise shape_error(f"{name} takes real weights, got {weights.aval}")
    if method != "inverted_cdf":
        raise UnsupportedArgument(f"{name}: weights are for method='inverted_cdf'; got method={method!r}")
    (a, weights), _ = promote(name, a, weights, inexact=True)
    if weights.shape == a.shape:
        return a, weights
    if axis is None:
        raise shape_error(f"{name}: without an axis the weights must have the shape of {a.aval}, got {weights.aval}")
    axes = canonical_axes(axis, a.ndim)
    if weights.shape != tuple(a.shape[d] for d in axes):
        raise shape_error(f"{name}: weights {weights.aval} do not have the sizes of the axes {axes} of {a.aval}")
    return a, bind(broadcast_in_dim, weights, shape=a.shape, dims=axes)


def _by_weight(lines: Value, weights: Value, q: Value, skip_nan: bool) -> Value:
    """The first value, in ascending order, at which the running total of weights reaches a share of all weights."""
    last = lines.ndim - 1
    n = lines.shape[last]
    if not n:
        return filled(np.asarray(np.nan, lines.dtype), (*lines.shape[:-1], q.size))
    bad = bitwise_or(less(weights, 0), isnan(weights))
    nans = isnan(lines)
    clean = pick(bitwise_or(bad, nans), 0, weights)
    ordered, clean = bind(so.sort, lines, clean, axis=last, num_keys=1, stable=True)
    running = red.cumsum(clean, last)
    wanted = multiply(slice_along(running, last, n - 1, n), q)  # (..., number of shares)
    below = less(expand_dims(running, last), expand_dims(wanted, last + 1))
    valid = red.sum(bitwise_not(nans), last, keepdims=True)
    place = minimum(red.sum(below, last + 1), valid - 1 if skip_nan else n - 1)
    result = take_along_axis(ordered, maximum(place, 0), last, mode="clip")
    missing = equal(valid, 0) if skip_nan else red.any(nans, last, keepdims=True)
    return pick(bitwise_or(missing, red.any(bad, last, keepdims=True)), np.nan, result)


def _size(a: Value, axes: tuple[int, ...]) -> int:
    return int(np.prod([a.shape[d] for d in axes], dtype=int))


def _interpolated(lines: Value, q: Value, method: str, skip_nan: bool) -> Value:
    """Quantiles of each line of the last axis, as the last axis of the result."""
    last = lines.ndim - 1
    n = lines.shape[last]
    if not n:
        return filled(np.asarray(np.nan, lines.dtype), (*lines.shape[:-1], q.size))
    nans = isnan(lines)
    (ordered,) = bind(so.sort, lines, axis=last, num_keys=1, stable=True)
    if skip_nan:
        highest = convert(red.sum(bitwise_not(nans), -1, keepdims=True), q.dtype) - 1
    else:
        highest = convert(n - 1, q.dtype)
    position = multiply(q, highest)
    low, high = floor(position), ceil(position)
    share = subtract(position, low)
    low, high = (
        clip(p, 0, None) if skip_nan else p
        for p in (minimum(maximum(low, 0), highest), minimum(maximum(high, 0), highest))
    )
    shape = (*lines.shape[:-1], q.size)
    low, high = (
        take_along_axis(ordered, broadcast(convert(p, np.dtype(np.int32)), shape), last, mode="clip")
        for p in (low, high)
    )
    result = _between(method, low, high, share)
    return result if skip_nan else pick(red.any(nans, -1, keepdims=True), np.nan, result)


def _between(method: str, low: Value, high: Value, share: Value) -> Value:
    if method == "lower":
        return low
    if method == "higher":
        return high
    if method == "midpoint":
        return multiply(add(low, high), 0.5)
    if method == "nearest":
        return pick(less_equal(share, 0.5), low, high)
    return add(multiply(low, subtract(1, share)), multiply(high, share))


# ---- differences and interpolation ---------------------------------------------------------------------


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Value:
    """Differences of neighbours along an axis, n times."""
    a = operand("diff", a)
    n = operator.index(n)
    if n < 0:
        raise shape_error(f"diff takes an order that is not negative, got {n}")
    if not a.ndim:
        raise shape_error("diff takes an array of at least one dimension")
    axis = canonical_axis(axis, a.ndim)
    if not n:
        return a
    ends = [_end("diff", x, a, axis) if x is not None else None for x in (prepend, append)]
    if any(x is not None for x in ends):
        a = concatenate([x for x in (ends[0], a, ends[1]) if x is not None], axis)
    for _ in range(n):
        size = a.shape[axis]
        left, right = slice_along(a, axis, 0, max(0, size - 1)), slice_along(a, axis, min(1, size), size)
        a = not_equal(right, left) if a.dtype.kind == "b" else subtract(right, left)
    return a


def _end(name: str, x: Any, a: Value, axis: int) -> Value:
    x = operand(name, x)
    return x if x.ndim else broadcast(x, tuple(1 if d == axis else n for d, n in enumerate(a.shape)))


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Value:
    """Differences of neighbours in the flattened array."""
    ary = ravel(ary)
    parts = [diff(ary)]
    if to_begin is not None:
        parts.insert(0, convert(ravel(asarray(to_begin)), ary.dtype))
    if to_end is not None:
        parts.append(convert(ravel(asarray(to_end)), ary.dtype))
    return concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int | None = None) -> Any:
    """Slope at each element, by central differences inside and one-sided ones at the ends."""
    if edge_order not in (None, 1):
        raise shape_error("gradient takes edge_order 1")
    (f,), _ = promote("gradient", f, inexact=True)
    axes = canonical_axes(axis, f.ndim)
    if any(f.shape[d] < 2 for d in axes):
        raise shape_error(f"gradient takes at least two elements along each axis, got {f.aval}")
    if len(varargs) not in (0, 1, len(axes)):
        raise shape_error(
            f"gradient takes one spacing, or one for each of {len(axes)} axes, got {len(varargs)}"
        )
    spacings = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    results = [_slopes(f, d, h) for d, h in zip(axes, spacings)]
    return results[0] if len(axes) == 1 else results


def _slopes(f: Value, axis: int, h: Any) -> Value:
    n = f.shape[axis]
    inside = (slice_along(f, axis, 2, n), slice_along(f, axis, 0, n - 2), slice_along(f, axis, 1, n - 1))
    first = subtract(slice_along(f, axis, 1, 2), slice_along(f, axis, 0, 1))
    last = subtract(slice_along(f, axis, n - 1, n), slice_along(f, axis, n - 2, n - 1))
    if not np.ndim(h):
        middle = multiply(subtract(inside[0], inside[1]), divide(0.5, h))
        return concatenate([divide(first, h), middle, divide(last, h)], axis)
    steps = diff(asarray(h))
    shape = tuple(-1 if d == axis else 1 for d in range(f.ndim))
    left, right = (
        reshape_to(x, tuple(n - 2 if m < 0 else 1 for m in shape)) for x in (steps[:-1], steps[1:])
    )
    middle = (
        -right / (left * (left + right)) * inside[1] + (right - left) / (left * right) * inside[2]
        + left / (right * (left + right)) * inside[0]
    )  # fmt: skip
    return concatenate([first / steps[0], middle, last / steps[-1]], axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """Integral by the trapezoidal rule."""
    if x is None:
        (y,), _ = promote("trapezoid", y, inexact=True)
        y = moveaxis(y, axis, -1)
        width: Any = dx
    else:
        (y, x), _ = promote("trapezoid", y, x, inexact=True)
        y = moveaxis(y, axis, -1)
        width = diff(x) if x.ndim == 1 else diff(moveaxis(x, axis, -1))
    n = y.shape[-1]
    pairs = add(slice_along(y, y.ndim - 1, min(1, n), n), slice_along(y, y.ndim - 1, 0, max(0, n - 1)))
    return multiply(0.5, red.sum(multiply(width, pairs), -1))


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Value:
    """Linear interpolation between points (xp, fp) with ascending xp."""
    if period is not None:
        return _interp_periodic(x, xp, fp, period)
    (x, xp), _ = promote("interp", x, xp, inexact=True)
    (fp,), _ = promote("interp", fp, inexact=True)
    if xp.ndim != 1 or xp.shape != fp.shape:
        raise shape_error(f"interp takes two vectors of points, got {xp.aval} and {fp.aval}")
    n = xp.size
    i = clip(searchsorted(xp, x, "right"), 1, n - 1)
    x0, x1 = take(xp, i - 1, mode="clip"), take(xp, i, mode="clip")
    f0, f1 = take(fp, i - 1, mode="clip"), take(fp, i, mode="clip")
    width = subtract(x1, x0)
    flat = equal(width, 0)
    result = pick(
        flat, f0, add(f0, multiply(divide(subtract(x, x0), pick(flat, 1, width)), subtract(f1, f0)))
    )
    result = pick(x < xp[0], fp[0] if left is None else left, result)
    return pick(x > xp[-1], fp[-1] if right is None else right, result)


def _interp_periodic(x: Any, xp: Any, fp: Any, period: Any) -> Value:
    (x, xp), _ = promote("interp", x, xp, inexact=True)
    period = abs(asarray(period))
    xp, fp = (
        bind(so.sort, *promote("interp", xp % period, fp)[0], axis=0, num_keys=1, stable=True)[k]
        for k in (0, 1)
    )
    xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return interp(x % period, xp, concatenate([fp[-1:], fp, fp[:1]]))


# ---- correlation ---------------------------------------------------------------------------------------


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
        aweights: Any = None, dtype: Any = None) -> Value:  # fmt: skip
    """Covariance matrix of variables, each a row of observations (a column if not `rowvar`).

    Sums are divided by the number of observations less `ddof`: 1, or 0 with `bias`. `fweights` says how often each
    observation counts, `aweights` how much; `dtype` is what to compute in.
    """
    of = _correlation_dtype("cov", dtype)
    variables, _ = promote("cov", m, *([] if y is None else [y]), inexact=True)
    if any(v.ndim > 2 for v in variables):
        raise shape_error(f"cov takes at most two dimensions, got {', '.join(str(v.aval) for v in variables)}")
    x = _rows(variables[0], not rowvar)
    if not x.shape[0]:
        return filled(np.zeros((), dtypes.default_float_dtype()), (0, 0))
    if y is not None:
        other = _rows(variables[1], False)
        x = concatenate([x, other if rowvar or other.shape[0] == 1 else other.T], 0)
    if not x.shape[1]:
        return filled(np.asarray(np.nan, x.dtype), () if x.shape[0] == 1 else (x.shape[0],) * 2)
    ddof = (0 if bias else 1) if ddof is None else ddof
    w, reliability = _weights(x.shape[1], fweights, aweights)
    if of is not None:
        x, w = convert(x, of), None if w is None else convert(w, of)
    if w is None:
        center, count = red.mean(x, 1, keepdims=True), x.shape[1] - ddof
    else:
        total = red.sum(w)
        center = expand_dims(divide(red.sum(multiply(x, w), 1), total), 1)
        lost = ddof if reliability is None else divide(multiply(ddof, red.sum(multiply(w, reliability))), total)
        count = subtract(total, lost)
    centered = subtract(x, center)
    weighted = centered if w is None else multiply(centered, w)
    return squeeze(divide(dot(centered, conjugate(weighted).T), count))


def _correlation_dtype(name: str, dtype: Any) -> Any:
    of = None if dtype is None else dtypes.check_user_dtype(dtype, name)
    if of is not None and not dtypes.is_inexact(of):
        raise shape_error(f"{name}: the dtype is a floating or complex one, got {dtypes.short_name(of)}")
    return of


def _rows(x: Value, transposed: bool) -> Value:
    if x.ndim < 2:
        return reshape_to(x, (1, x.size))
    return x.T if transposed else x


def _weights(n: int, fweights: Any, aweights: Any) -> tuple[Value | None, Value | None]:
    """The weight of each of `n` observations, and the part of it that is not a count."""
    found = []
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            found.append(None)
            continue
        weights = operand("cov", weights)
        if weights.shape != (n,):
            raise shape_error(f"cov: {name} is a vector of {n} numbers, one for each observation, got {weights.aval}")
        if name == "fweights" and dtypes.kind_of(weights.dtype) not in "iu":
            raise type_error(f"cov: fweights are integers, got {weights.aval}", "use aweights for other weights")
        found.append(abs(weights))
    counts, reliability = found
    if counts is None or reliability is None:
        return (reliability if counts is None else counts), reliability
    return multiply(counts, reliability), reliability


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, dtype: Any = None) -> Value:
    """Correlation matrix of variables, each a row of observations (a column if not `rowvar`)."""
    c = cov(x, y, rowvar, dtype=_correlation_dtype("corrcoef", dtype))
    if not c.ndim:
        return divide(c, c)
    deviation = sqrt(real(get(c, (np.arange(c.shape[0]),) * 2)))
    c = divide(divide(c, expand_dims(deviation, 1)), expand_dims(deviation, 0))
    if c.dtype.kind != "c":
        return clip(c, -1, 1)
    return bind(complex_, clip(real(c), -1, 1), clip(imag(c), -1, 1))


def unwrap(p: Any, discont: Any = None, axis: int = -1, period: Any = 2 * np.pi) -> Value:
    """Angles with whole turns added, so that neighbours differ by less than half a turn."""
    (p,), _ = promote("unwrap", p, inexact=True)
    axis = canonical_axis(axis, p.ndim)
    d = diff(p, axis=axis)
    half = period / 2
    wrapped = (d + half) % period - half
    wrapped = pick(bitwise_and(equal(wrapped, -half), greater(d, 0)), half, wrapped)
    change = pick(abs(d) < (half if discont is None else discont), 0.0, wrapped - d)
    first = slice_along(p, axis, 0, 1)
    return concatenate([first, slice_along(p, axis, 1, p.shape[axis]) + red.cumsum(change, axis)], axis)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Value:
    """Running sum, optionally with the zero that it begins from."""
    return _array_api_cumulative("cumulative_sum", red.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Value:
    """Running product, optionally with the one that it begins from."""
    return _array_api_cumulative("cumulative_prod", red.cumprod, 1, x, axis, dtype, include_initial)


def _array_api_cumulative(
    name: str, function: Any, neutral: int, x: Any, axis: Any, dtype: Any, initial: bool
) -> Value:
    x = operand(name, x)
    if not x.ndim:
        raise shape_error(f"{name} takes an array of at least one dimension")
    if axis is None and x.ndim > 1:
        raise shape_error(f"{name}: the axis must be given for {x.aval}")
    axis = canonical_axis(0 if axis is None else axis, x.ndim)
    result = function(
        x, axis, red._promoted_integer(x.dtype) if dtype is None and name == "cumulative_sum" else dtype
    )
    if not initial:
        return result
    shape = tuple(1 if d == axis else n for d, n in enumerate(x.shape))
    return concatenate([filled(np.asarray(neutral, result.dtype), shape), result], axis)
