"""Functions that look along axes: softmax and its logarithm, log-sum-exp, standardization, one-hot codes."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.custom_derivatives import custom_jvp
from axil.lax.common import integer
from axil.numpy.values import Value, canonical_axes, canonical_axis, operand, promote, shape_error

__all__ = ["log_softmax", "logmeanexp", "logsumexp", "one_hot", "softmax", "standardize"]


# ---- exponentials of what is largest -------------------------------------------------------------------


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False, where: Any = None
) -> Any:
    """``log(sum(b * exp(a)))`` over an axis, several or all, without overflow: the largest is taken out first.

    `where` leaves elements out. With `return_sign`, a pair: the logarithm of the absolute value, and the sign, without
    which a negative sum gives NaN.
    """
    if where is not None:
        a = anp.where(where, a, 0)
    weighted = b is not None
    if weighted:
        (a, b), _ = promote("logsumexp", a, b, inexact=True)
        a = anp.where(b != 0, a, -math.inf)
    else:
        (a,), _ = promote("logsumexp", a, inexact=True)
    axes = canonical_axes(axis, len(a.aval.shape))
    complex_ = a.aval.dtype.kind == "c"
    real = a.real if complex_ else a
    # A sum of nothing, or of zeros, has no finite largest exponent: nothing is taken out.
    largest = anp.max(real, axis=axes, keepdims=True, where=where, initial=-math.inf)
    largest = lax.stop_gradient(anp.where(anp.isfinite(largest), largest, 0))
    terms = anp.exp(a - largest.astype(a.aval.dtype))
    if weighted:
        terms = terms * b
    total = anp.sum(terms, axis=axes, keepdims=keepdims, where=where)
    largest = largest if keepdims else lax.squeeze(largest, axes)
    sign = lax.sign(total)
    if return_sign or not complex_:
        total = anp.abs(total)
    result = anp.log(total) + largest.astype(total.aval.dtype)
    if return_sign:
        return result, sign
    if weighted and not complex_:
        result = anp.where(sign < 0, np.array(math.nan, result.aval.dtype), result)
    return result


def logmeanexp(x: Any, axis: Any = None, where: Any = None, keepdims: bool = False) -> Value:
    """``log(mean(exp(x)))`` over an axis, several or all, without overflow; `where` leaves elements out."""
    total = logsumexp(x, axis=axis, where=where, keepdims=keepdims)
    dtype = total.aval.dtype
    if where is None:
        shape = np.shape(x)
        count = math.prod(shape[i] for i in canonical_axes(axis, len(shape)))
        return total - anp.log(anp.asarray(count, dtype))
    counted = anp.broadcast_to(anp.asarray(where), np.broadcast_shapes(np.shape(x), np.shape(where)))
    return total - anp.log(anp.sum(counted, axis=axis, keepdims=keepdims, dtype=dtype))


def softmax(x: Any, axis: Any = -1, where: Any = None) -> Value:
    """``exp(x)`` divided by its sum along an axis or several; 0 where `where` is False."""
    x = operand("softmax", x)
    if dtypes.kind_of(x.aval.dtype) not in "fc":
        x = x.astype(dtypes.to_inexact_dtype(x.aval.dtype))
    return _softmax(x, axis, where)


def _softmax_of(x: Any, axis: Any, where: Any) -> Value:
    largest = anp.max(x, axis, where=where, initial=-math.inf, keepdims=True)
    terms = anp.exp((x if where is None else anp.where(where, x, -math.inf)) - largest)
    result = terms / anp.sum(terms, axis, where=where, keepdims=True)
    return result if where is None else anp.where(where, result, 0)


_softmax = custom_jvp(_softmax_of, nondiff_argnums=(1,))


@_softmax.defjvp
def _softmax_jvp(axis: Any, primals: tuple, tangents: tuple) -> tuple:
    """The derivative needs the result alone, and is 0, not NaN, where everything is left out."""
    (x, where), (dx, _) = primals, tangents
    y = _softmax(x, axis, where)
    return y, y * (dx - anp.sum(y * dx, axis, where=where, keepdims=True))


def log_softmax(x: Any, axis: Any = -1, where: Any = None) -> Value:
    """The logarithm of `softmax`, exact where that is tiny; -inf where `where` is False."""
    x = operand("log_softmax", x)
    largest = anp.max(x, axis, where=where, initial=-math.inf, keepdims=True)
    shifted = (x if where is None else anp.where(where, x, -math.inf)) - lax.stop_gradient(largest)
    result = shifted - anp.log(anp.sum(anp.exp(shifted), axis, where=where, keepdims=True))
    return result if where is None else anp.where(where, result, -math.inf)


# ---- others --------------------------------------------------------------------------------------------


def standardize(
    x: Any, axis: Any = -1, mean: Any = None, variance: Any = None, epsilon: Any = 1e-5, where: Any = None,
    *, algorithm: str = "fast",
) -> Value:  # fmt: skip
    """`x` less its mean along an axis or several, divided by its standard deviation.

    The variance, where it is not given, is the mean of squares less the squared mean (`algorithm="fast"`), or the
    mean of squared differences ("stable"); `epsilon` is added to it. `where` says what counts in both.
    """
    if algorithm not in ("fast", "stable"):
        raise shape_error(f"nn.standardize: the algorithm is 'fast' or 'stable', got {algorithm!r}")
    x = operand("standardize", x)
    if mean is None:
        mean = anp.mean(x, axis, keepdims=True, where=where)
    if variance is None:
        if algorithm == "stable":
            variance = anp.mean(anp.square(anp.subtract(x, mean)), axis, keepdims=True, where=where)
        else:
            squares = anp.mean(anp.square(x), axis, keepdims=True, where=where)
            variance = anp.clip(squares - anp.square(mean), 0)
    return anp.subtract(x, mean) * lax.rsqrt(anp.add(variance, epsilon))


def one_hot(x: Any, num_classes: int, *, dtype: Any = None, axis: Any = -1) -> Value:
    """1 at the place that each integer of `x` names along a new axis of size `num_classes`, 0 elsewhere.

    Integers out of range give zeros alone. Where `axis` is the name of a mapped axis, of that size, each place along
    that axis gets its own element.
    """
    count = integer("one_hot", "num_classes", num_classes)
    x = anp.asarray(x)
    dtype = dtypes.default_float_dtype() if dtype is None else dtypes.check_user_dtype(dtype, "nn.one_hot")
    try:
        axis = operator.index(axis)
    except TypeError:
        size = lax.axis_size(axis)
        if size != count:
            raise shape_error(
                f"nn.one_hot: num_classes must be the size of axis {axis!r}, but {count} != {size}"
            ) from None
        return (x == lax.axis_index(axis)).astype(dtype)
    place = canonical_axis(axis, len(x.aval.shape) + 1)
    shape = [1] * len(x.aval.shape)
    shape.insert(place, count)
    places = lax.broadcasted_iota(x.aval.dtype, shape, place)
    return (lax.expand_dims(x, (place,)) == places).astype(dtype)
