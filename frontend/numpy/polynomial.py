"""Polynomials as vectors of coefficients, highest power first."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.numpy import reductions as red
from axil.numpy.contraction import dot, outer
from axil.numpy.creation import asarray, vander
from axil.numpy.indexing import getitem
from axil.numpy.joining import concatenate
from axil.numpy.logic import equal
from axil.numpy.logic import pick as where
from axil.numpy.lookup import take
from axil.numpy.padding import pad
from axil.numpy.selection import trim_zeros
from axil.numpy.shaping import broadcast_to, reshape
from axil.numpy.ufuncs import add, divide, multiply, negative, sqrt, square, subtract
from axil.numpy.values import (
    Tracer,
    Value,
    broadcast_shape,
    filled,
    operand,
    promote,
    shape_error,
    type_error,
)


def _vector(name: str, x: Value) -> Value:
    """A vector of coefficients; a number is a vector of one."""
    if x.ndim == 0:
        return reshape(x, (1,))
    if x.ndim != 1:
        raise shape_error(f"{name} takes a vector of coefficients, got {x.aval}")
    return x


# ---- values and roots ----------------------------------------------------------------------------------


def polyval(p: Any, x: Any, *, unroll: int = 16) -> Value:
    """The value at `x` of the polynomial with coefficients `p` (along its first axis), by Horner's rule."""
    from axil.lax import scan

    (p, x), weak = promote("polyval", p, x)
    if not p.ndim:
        raise shape_error(f"polyval takes a vector of coefficients, got {p.aval}")
    shape = broadcast_shape("polyval", [p.shape[1:], x.shape])
    start = filled(np.zeros((), x.dtype), shape, weak)
    if p.shape[0] <= unroll:
        for i in range(p.shape[0]):
            start = add(multiply(start, x), getitem(p, i))
        return start
    return scan(lambda y, c: (add(multiply(y, x), c), None), start, p, unroll=unroll)[0]


def poly(seq_of_zeros: Any) -> Value:
    """Coefficients of the polynomial with the given roots, or of a square matrix's characteristic polynomial."""
    (zeros,), _ = promote("poly", seq_of_zeros, inexact=True)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        from axil.numpy import linalg

        zeros = linalg.eigvals(zeros)
    zeros = reshape(zeros, (1,)) if not zeros.ndim else zeros
    if zeros.ndim != 1:
        raise shape_error(f"poly takes a vector of roots or a square matrix, got {zeros.aval}")
    if not zeros.size:
        return filled(np.ones((), zeros.dtype), ())
    result = filled(np.ones((), zeros.dtype), (1,))
    for i in range(zeros.size):
        result = subtract(pad(result, (0, 1)), multiply(pad(result, (1, 0)), getitem(zeros, i)))
    return result


def roots(p: Any, *, strip_zeros: bool = True) -> Value:
    """The roots of a polynomial: eigenvalues of its companion matrix, always complex.

    Leading zeros make the number of roots depend on values. Under `jit` pass `strip_zeros=False`: there are then
    always `len(p) - 1` results, and those that are missing are NaN.
    """
    (p,), _ = promote("roots", p, inexact=True)
    p = _vector("roots", p)
    if p.size < 2:
        return filled(np.zeros((), dtypes.to_complex_dtype(p.dtype)), (0,))
    if strip_zeros:
        what = "the number of leading zeros of roots; strip_zeros=False gives NaN for roots that are missing"
        value = p.concrete(what, errors.ConcretizationTypeError) if type(p) is Tracer else p._numpy
        nonzero = np.flatnonzero(value)
        return _companion_roots(getitem(p, slice(nonzero[0] if nonzero.size else p.size, None)))
    return _roots_of_fixed_number(p)


def _companion_roots(p: Value) -> Value:
    from axil.numpy import linalg

    n = p.size - 1
    if n < 1:
        return filled(np.zeros((), dtypes.to_complex_dtype(p.dtype)), (0,))
    first = reshape(divide(negative(getitem(p, slice(1, None))), getitem(p, 0)), (1, n))
    below = asarray(np.eye(n - 1, n), dtype=p.dtype)
    return linalg.eigvals(concatenate([first, below], 0))


def _roots_of_fixed_number(p: Value) -> Value:
    """Leading zeros are rolled to the end, where they are roots at zero, and those are replaced by NaN."""
    from axil.numpy.selection import roll
    from axil.numpy.sorting import argsort

    all_zero = red.all(equal(p, 0))
    leading = where(all_zero, p.size, red.argmin(equal(p, 0)))
    p = where(all_zero, 1, p)
    found = _companion_roots(roll(p, negative(leading)))
    found = take(found, argsort(equal(found, 0)), mode="clip")  # roots at zero go to the end
    return where(np.arange(found.size, dtype=np.int32) < found.size - leading, found, complex(np.nan, np.nan))


# ---- arithmetic ----------------------------------------------------------------------------------------


def polyadd(a1: Any, a2: Any) -> Value:
    """The sum of two polynomials."""
    (a, b), _ = promote("polyadd", a1, a2)
    if a.ndim != 1 or b.ndim != 1:
        raise shape_error(f"polyadd takes two vectors of coefficients, got {a.aval} and {b.aval}")
    n = max(a.size, b.size)
    return add(pad(a, (n - a.size, 0)), pad(b, (n - b.size, 0)))


def polysub(a1: Any, a2: Any) -> Value:
    """The difference of two polynomials."""
    (a, b), _ = promote("polysub", a1, a2)
    return polyadd(a, negative(b))


def polymul(a1: Any, a2: Any, *, trim_leading_zeros: bool = False) -> Value:
    """The product of two polynomials. `trim_leading_zeros` needs concrete values."""
    (a, b), _ = promote("polymul", a1, a2, inexact=True)
    if a.ndim != 1 or b.ndim != 1:
        raise shape_error(f"polymul takes two vectors of coefficients, got {a.aval} and {b.aval}")
    if trim_leading_zeros and (a.size > 1 or b.size > 1):
        a, b = trim_zeros(a, trim="f"), trim_zeros(b, trim="f")
    a, b = (x if x.size else filled(np.zeros((), x.dtype), (1,)) for x in (a, b))
    return _product(a, b)


def _product(a: Value, b: Value) -> Value:
    """Sums along the antidiagonals of the outer product: rows of one more element begin one further to the right."""
    n, length = a.size, a.size + b.size - 1
    wide = pad(outer(a, b), ((0, 0), (0, n)))
    return red.sum(reshape(getitem(reshape(wide, (-1,)), slice(0, n * length)), (n, length)), 0)


def polydiv(u: Any, v: Any, *, trim_leading_zeros: bool = False) -> tuple[Value, Value]:
    """Quotient and remainder of two polynomials. `trim_leading_zeros` (of the remainder) needs concrete values."""
    (u, v), _ = promote("polydiv", u, v, inexact=True)
    u, v = _vector("polydiv", u), _vector("polydiv", v)
    m, n = u.size - 1, v.size - 1
    if n < 0:
        raise shape_error("polydiv: the divisor has no coefficients")
    scale = divide(1.0, getitem(v, 0))
    quotient = []
    for k in range(m - n + 1):
        d = multiply(scale, getitem(u, k))
        quotient.append(d)
        u = subtract(u, pad(multiply(d, v), (k, m - n - k)))
    q = concatenate([reshape(d, (1,)) for d in quotient]) if quotient else filled(np.zeros((), u.dtype), (1,))
    if trim_leading_zeros:
        u = _without_leading_zeros(u)
    return q, u


def _without_leading_zeros(x: Value) -> Value:
    what = "the number of leading zeros of the remainder of polydiv; leave out trim_leading_zeros"
    value = x.concrete(what, errors.ConcretizationTypeError) if type(x) is Tracer else x._numpy
    large = np.flatnonzero(np.abs(value) >= np.sqrt(dtypes.finfo(value.dtype).eps))
    return getitem(x, slice(large[0] if large.size else value.size, None))


# ---- derivative and integral ---------------------------------------------------------------------------


def polyder(p: Any, m: int = 1) -> Value:
    """The m-th derivative of a polynomial."""
    (p,), _ = promote("polyder", p, inexact=True)
    m = operator.index(m)
    if m < 0:
        raise shape_error(f"polyder: the order of the derivative must not be negative, got {m}; see polyint")
    if m == 0:
        return p
    p = _vector("polyder", p)
    factors = np.prod([np.arange(m, p.size) - i for i in range(m)], axis=0, dtype=float)[::-1]
    return multiply(getitem(p, slice(0, max(p.size - m, 0))), asarray(factors, dtype=p.dtype))


def polyint(p: Any, m: int = 1, k: Any = None) -> Value:
    """The m-th integral of a polynomial; `k` are the constants of integration, or one for all of them."""
    (p, k), _ = promote("polyint", p, 0 if k is None else k, inexact=True)
    m = operator.index(m)
    if m < 0:
        raise shape_error(f"polyint: the order of the integral must not be negative, got {m}; see polyder")
    p, k = _vector("polyint", p), _vector("polyint", k)
    if k.size == 1:
        k = broadcast_to(k, (m,))
    if k.shape != (m,):
        raise shape_error(f"polyint: k must be one number or {m} of them, got {k.aval}")
    if m == 0:
        return p
    n = p.size + m
    divisors = np.prod([np.maximum(np.arange(n) - i, 1) for i in range(m)], axis=0, dtype=float)[::-1]
    return divide(concatenate([p, k]), asarray(divisors, dtype=p.dtype))


# ---- fitting -------------------------------------------------------------------------------------------


def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Coefficients of the polynomial of degree `deg` that is nearest to points (x, y) in the least squares.

    `w` are weights of the distances. With `full` also residuals, rank, singular values and `rcond`; with `cov` also
    the covariance matrix of the coefficients (`"unscaled"`: without the factor of the variance).
    """
    from axil.numpy import linalg

    x, y = operand("polyfit", x), operand("polyfit", y, 1)
    deg = operator.index(deg)
    _check_points(x, y, deg)
    if rcond is None:
        rcond = x.size * float(dtypes.finfo(dtypes.to_inexact_dtype(x.dtype)).eps)
    columns, right = vander(x, deg + 1), y
    (columns, right), _ = promote("polyfit", columns, right, inexact=True)
    if w is not None:
        (w,), _ = promote("polyfit", w, inexact=True)
        if w.shape != x.shape:
            raise type_error(f"polyfit: there must be a weight for each of the points {x.aval}, got {w.aval}")
        tall = reshape(w, (w.size, 1))
        columns, right = multiply(columns, tall), multiply(right, tall if right.ndim == 2 else w)
    scale = sqrt(red.sum(square(columns), 0))
    columns = divide(columns, scale)
    c, residuals, rank, s = linalg.lstsq(columns, right, rcond)
    c = divide(c, scale if c.ndim == 1 else reshape(scale, (deg + 1, 1)))
    if full:
        return c, residuals, rank, s, asarray(rcond)
    if cov is False or cov is None:
        return c
    return c, _covariance(columns, scale, residuals, y, x.size, cov)


def _check_points(x: Value, y: Value, deg: int) -> None:
    if deg < 0:
        raise shape_error(f"polyfit: the degree must not be negative, got {deg}")
    if x.ndim != 1 or not x.size:
        raise type_error(f"polyfit takes a vector x that is not empty, got {x.aval}")
    if y.ndim not in (1, 2):
        raise type_error(f"polyfit takes y of one or two dimensions, got {y.aval}")
    if x.shape[0] != y.shape[0]:
        raise type_error(f"polyfit takes as many x as y, got {x.aval} and {y.aval}")


def _covariance(columns: Value, scale: Value, residuals: Value, y: Value, count: int, cov: Any) -> Value:
    from axil.numpy import linalg

    order = columns.shape[1]
    base = divide(linalg.inv(dot(columns.T, columns)), outer(scale, scale))
    if isinstance(cov, str) and cov == "unscaled":
        factor: Any = filled(np.ones((), base.dtype), (1,))
    else:
        if count <= order:
            raise shape_error(
                f"polyfit: {count} points do not determine the variance of {order} coefficients; "
                "give more, or cov='unscaled'"
            )
        factor = reshape(divide(residuals, count - order), (-1,))
    if y.ndim == 1:
        return multiply(base, reshape(factor, (1, -1)))
    return multiply(reshape(base, (order, order, 1)), reshape(factor, (1, 1, -1)))


