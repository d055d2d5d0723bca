"""Confluent and Gauss' hypergeometric functions of real arguments, and their derivatives in the parameters.

Power series do the work. Negative arguments are first transformed to positive ones (DLMF 13.2.39 and 15.8.1), where
the terms have one sign; near 1 Gauss' series, which hardly converges there, is replaced by two in 1 - x (15.8.4), or by
the logarithmic one (15.8.10) where c - a - b is an integer.
"""

from __future__ import annotations

import math
from typing import Any

from axil.dialects import formulas
from axil.dialects.factories import ops, sample
from axil.dialects.formulas_gamma import gamma_sign, is_pole
from axil.dialects.op import full_like
from axil.dialects.special_factory import at_all, eps, formula_op, full, inverted
from axil.dialects.staged import absolute, clamped, exp, floor, log, power, rint, where
from axil.dialects.staged_loop import repeat


def _series(a: Any, b: Any, c: Any, x: Any, limit: int = 3000) -> Any:
    """The sum over k of (a)_k (b)_k / (c)_k x^k / k!; the confluent one for b = `None`."""
    one, tiny = full(x, 1.0), eps(x)
    parameters = [a, c, x] if b is None else [a, c, x, b]

    def step(k: Any, term: Any, total: Any, a: Any, c: Any, x: Any, b: Any = None) -> list:
        factor = (a + k) / (c + k) * x / (k + 1.0)
        term = term * factor if b is None else term * factor * (b + k)
        return [k + 1.0, term, total + term]

    def going(k: Any, term: Any, total: Any, a: Any, c: Any, x: Any, b: Any = None) -> Any:
        return absolute(term) > absolute(total) * tiny

    return repeat(step, going, [full(x, 0.0), one, one], parameters, limit)[2]


def _series_slopes(a: Any, b: Any, c: Any, x: Any, limit: int = 5000) -> tuple[Any, Any, Any, Any]:
    """The series of `_series`, and its derivatives in `a`, `b` (0 without it) and `c`, differentiated term by term."""
    one, zero, tiny = full(x, 1.0), full(x, 0.0), eps(x)
    parameters = [a, c, x] if b is None else [a, c, x, b]

    def step(k: Any, t: Any, s: Any, ta: Any, sa: Any, tb: Any, sb: Any, tc: Any, sc: Any, a: Any, c: Any, x: Any,
             b: Any = None) -> list:  # fmt: skip
        common = x / ((c + k) * (k + 1.0))
        upper = a + k if b is None else (a + k) * (b + k)
        ta = (ta * upper + (t if b is None else t * (b + k))) * common
        tb = tb if b is None else (tb * upper + t * (a + k)) * common
        after = t * upper * common
        tc = tc * upper * common - after / (c + k)
        return [k + 1.0, after, s + after, ta, sa + ta, tb, sb + tb, tc, sc + tc]

    def going(k: Any, t: Any, s: Any, ta: Any, sa: Any, tb: Any, sb: Any, tc: Any, sc: Any, *_: Any) -> Any:
        more = absolute(t) > absolute(s) * tiny
        for term, total in ((ta, sa), (tb, sb), (tc, sc)):
            more = more | (absolute(term) > absolute(total) * tiny)
        return more

    state = [zero, one, one, zero, zero, zero, zero, zero, zero]
    found = repeat(step, going, state, parameters, limit)
    return found[2], found[4], found[6], found[8]


def _gammas(*quotients: tuple[list, list]) -> list[Any]:
    """Quotients of products of gamma functions; 0 where one of those below has a pole."""
    every = [v for above, below in quotients for v in (*above, *below)]
    logs, signs, results = iter(at_all(formulas.lgamma, every)), iter(at_all(gamma_sign, every)), []
    for above, below in quotients:
        size, sign = next(logs), next(signs)
        for _ in above[1:]:
            size, sign = size + next(logs), sign * next(signs)
        for _ in below:
            size, sign = size - next(logs), sign * next(signs)
        results.append(sign * exp(size))
    return results


# ---- the confluent function ----------------------------------------------------------------------------

_FAR = 500.0


def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    negative = x < 0
    upper, z = where(negative, b - a, a), absolute(x)
    scale = exp(where(negative, -clamped(z, 0.0, _FAR), 0.0))
    near = scale * _series(upper, None, b, clamped(z, 0.0, _FAR))
    # Far out by the asymptotic series in 1/z (DLMF 13.7.1): exp(z) is left out where exp(x) in front cancels it.
    far = where(z > _FAR, z, _FAR)
    growth = where(negative, -a, a - b) * log(far)
    tail = _gammas(([b], [upper]))[0] * exp(growth + where(negative, 0.0, far))
    tail = tail * _descending(b - upper, 1.0 - upper, far)
    y = where(z > _FAR, tail, near)
    y = where(is_pole(b) & inverted(is_pole(a) & (a >= b)), math.inf, y)
    y = where((x == 0) | (a == 0), 1.0, where(b == 0, math.inf, y))
    return where((x == x) & (a == a) & (b == b), y, math.nan)


def _descending(p: Any, q: Any, z: Any) -> Any:
    """The sum over k of (p)_k (q)_k / k! z^-k, up to its smallest term."""
    one, tiny = full(z, 1.0), eps(z)

    def step(k: Any, term: Any, total: Any, factor: Any, p: Any, q: Any, z: Any) -> list:
        term = term * factor
        return [k + 1.0, term, total + term, (p + k + 1.0) * (q + k + 1.0) / ((k + 2.0) * z)]

    def going(k: Any, term: Any, total: Any, factor: Any, p: Any, q: Any, z: Any) -> Any:
        return (absolute(factor) < 1.0) & (absolute(term) > absolute(total) * tiny)

    return repeat(step, going, [full(z, 0.0), one, one, p * q / z], [p, q, z], 200)[2]


def _hyp1f1_slopes(a: Any, b: Any, x: Any) -> tuple[Any, Any]:
    negative = x < 0
    scale = exp(where(negative, x, 0.0))
    _, in_upper, _, in_lower = _series_slopes(where(negative, b - a, a), None, b, absolute(x), 2500)
    return where(negative, -in_upper, in_upper) * scale, (in_lower + where(negative, in_upper, 0.0)) * scale


_ABX = ("a", "b", "x")
_THREE = (sample("f32[2,3]", "f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]", "f64[4]"))
_NO_GRAD = (
    sample("f32[2,3]", "f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", "f64[4]", grad=False),
)  # fmt: skip


def _hyp1f1_in_x(y: Any, a: Any, b: Any, x: Any) -> Any:
    one = full_like(x, 1)
    return ops.mul(ops.div(a, b), hyp1f1(ops.add(a, one), ops.add(b, one), x))


hyp1f1 = formula_op(
    "hyp1f1", "Confluent hypergeometric function 1F1(a; b; x).", _hyp1f1, _ABX,
    (lambda y, a, b, x: hyp1f1_grad_a(a, b, x), lambda y, a, b, x: hyp1f1_grad_b(a, b, x), _hyp1f1_in_x), _THREE,
    domain=(0.4, 3.0), source="DLMF 13.2, 13.7",
)  # fmt: skip
hyp1f1_grad_a = formula_op(
    "hyp1f1_grad_a", "Derivative of hyp1f1 in a.", lambda a, b, x: _hyp1f1_slopes(a, b, x)[0], _ABX,
    (None, None, None), _NO_GRAD, domain=(0.4, 3.0),
)  # fmt: skip
hyp1f1_grad_b = formula_op(
    "hyp1f1_grad_b", "Derivative of hyp1f1 in b.", lambda a, b, x: _hyp1f1_slopes(a, b, x)[1], _ABX,
    (None, None, None), _NO_GRAD, domain=(0.4, 3.0),
)  # fmt: skip


# ---- Gauss' function -----------------------------------------------------------------------------------

_CLOSE = 0.9


def _near_one(a: Any, b: Any, c: Any, x: Any) -> Any:
    """F for 0.9 < x < 1 and d = c - a - b that is no integer: DLMF 15.8.4."""
    d, rest = c - a - b, 1.0 - x
    left, right = _gammas(([c, d], [c - a, c - b]), ([c, -d], [a, b]))
    right = right * power(rest, d)
    return left * _series(a, b, 1.0 - d, rest) + right * _series(c - a, c - b, 1.0 + d, rest)


def _near_one_log(a: Any, b: Any, m: Any, x: Any) -> Any:
    """F(a, b; a + b + m; x) for 0.9 < x < 1 and an integer m >= 0: DLMF 15.8.10."""
    rest, zero, one, tiny = 1.0 - x, full(x, 0.0), full(x, 1.0), eps(x)

    def finite(k: Any, term: Any, total: Any, a: Any, b: Any, m: Any, rest: Any) -> list:
        """term = (a)_k (b)_k (m - k - 1)! / (k! (m - 1)!) (x - 1)^k"""
        left = where(m - k > 1.0, m - k - 1.0, 1.0)
        return [k + 1.0, -(term * (a + k) * (b + k) * rest) / ((k + 1.0) * left), total + term]

    head = repeat(finite, lambda k, term, total, a, b, m, rest: k < m, [zero, one, zero], [a, b, m, rest], 1000)[2]
    below, above = ([where(m > 0, m, 1.0), a + b + m], [a + m, b + m]), ([a + b + m], [a, b, m + 1.0])
    of_head, of_tail = _gammas(below, above)

    def step(k: Any, term: Any, psi: Any, total: Any, a: Any, b: Any, m: Any, rest: Any) -> list:
        total = total + term * psi
        psi = psi + 1.0 / (a + m + k) + 1.0 / (b + m + k) - 1.0 / (k + 1.0) - 1.0 / (k + m + 1.0)
        return [k + 1.0, term * (a + m + k) * (b + m + k) * rest / ((k + 1.0) * (k + m + 1.0)), psi, total]

    def going(k: Any, term: Any, psi: Any, total: Any, a: Any, b: Any, m: Any, rest: Any) -> Any:
        return (k < 1.0) | (absolute(term * psi) > absolute(total) * tiny)

    psi = at_all(formulas.digamma, [a + m, b + m, m + 1.0])
    psi = psi[0] + psi[1] - psi[2] + 0.57721566490153286061
    tail = repeat(step, going, [zero, one, log(rest) + psi, zero], [a, b, m, rest], 1000)[3]
    sign = where(floor(m * 0.5) * 2.0 == m, full(x, -1.0), 1.0)
    return where(m > 0, head * of_head, 0.0) + sign * power(rest, m) * of_tail * tail


def _positive(a: Any, b: Any, c: Any, x: Any) -> Any:
    """F for 0 <= x < 1. Where c - a - b < 0, by Euler's transformation."""
    ends = is_pole(a) | is_pole(b)
    euler = (c - a - b < 0) & inverted(ends)
    p, q = where(euler, c - a, a), where(euler, c - b, b)
    d = c - p - q
    whole = rint(d)
    off = absolute(d - whole)
    close = (x > _CLOSE) & inverted(ends | is_pole(p) | is_pole(q))
    by_log, by_two = close & (off < 1e-13), close & (off > 1e-3)
    in_series = where(by_log | by_two, 0.0, x)
    y = _series(p, q, c, in_series, 50_000)
    two = _near_one(*[where(by_two, v, other) for v, other in ((p, 0.3), (q, 0.4), (c, 1.2), (x, 0.95))])
    m = clamped(whole, 0.0, 1e6)
    logarithmic = _near_one_log(*[where(by_log, v, other) for v, other in ((p, 0.5), (q, 0.5), (m, 0.0), (x, 0.95))])
    y = where(by_two, two, where(by_log, logarithmic, y))
    return where(euler, power(1.0 - x, d * -1.0) * y, y)


def _pfaff(a: Any, b: Any, c: Any, x: Any) -> tuple[Any, Any, Any]:
    """For x < 0, F = scale * F(a, q; c; z) with 0 <= z < 1: q, z and the scale (DLMF 15.8.1)."""
    negative = x < 0
    v = where(negative, x, 0.0)
    return where(negative, c - b, b), where(negative, v / (v - 1.0), x), power(1.0 - v, -a)


def _hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    a, b = where(is_pole(b), b, a), where(is_pole(b), a, b)  # a polynomial is one in `a`
    ends = is_pole(a)
    q, z, scale = _pfaff(a, b, c, x)
    inner = (z >= 0) & (z < 1.0)
    y = scale * _positive(a, q, c, where(inner, z, 0.0))
    # Polynomials have values everywhere; other functions from 1 on only at 1.
    beyond = _series(where(ends, a, 0.0), b, c, where(ends & (x >= 1.0), x, 0.0))
    d = c - a - b
    at_one = where(d > 0, _gammas(([c, where(d > 0, d, 1.0)], [c - a, c - b]))[0], math.inf)
    y = where(x >= 1.0, where(ends, beyond, where(x == 1.0, at_one, math.inf)), y)
    y = where(is_pole(c) & inverted(ends & (a > c)), math.inf, y)
    y = where((x == 0) | (((a == 0) | (b == 0)) & (c != 0)), 1.0, y)
    return where((x == x) & (a == a) & (b == b) & (c == c), y, math.nan)


def _hyp2f1_in_a(a: Any, b: Any, c: Any, x: Any) -> Any:
    q, z, scale = _pfaff(a, b, c, x)
    value, slope, _, _ = _series_slopes(a, q, c, z)
    return scale * (slope - log(1.0 - where(x < 0, x, 0.0)) * value)


def _hyp2f1_in_c(a: Any, b: Any, c: Any, x: Any) -> Any:
    q, z, scale = _pfaff(a, b, c, x)
    _, _, in_q, in_c = _series_slopes(a, q, c, z)
    return scale * (in_c + where(x < 0, in_q, 0.0))


def _hyp2f1_in_x(y: Any, a: Any, b: Any, c: Any, x: Any) -> Any:
    one = full_like(x, 1)
    above = hyp2f1(ops.add(a, one), ops.add(b, one), ops.add(c, one), x)
    return ops.mul(ops.div(ops.mul(a, b), c), above)


_ABCX = ("a", "b", "c", "x")
_FOUR = (sample(*["f32[2,3]"] * 4), sample(*["f64[4]"] * 4, domain=(0.2, 0.8)))
_FOUR_NO_GRAD = (sample(*["f32[2,3]"] * 4, grad=False), sample(*["f64[4]"] * 4, grad=False))

hyp2f1 = formula_op(
    "hyp2f1", "Gauss' hypergeometric function 2F1(a, b; c; x), for x <= 1.", _hyp2f1, _ABCX,
    (lambda y, a, b, c, x: hyp2f1_grad_a(a, b, c, x), lambda y, a, b, c, x: hyp2f1_grad_a(b, a, c, x),
     lambda y, a, b, c, x: hyp2f1_grad_c(a, b, c, x), _hyp2f1_in_x),
    _FOUR, domain=(0.1, 0.7), source="DLMF 15.8",
)  # fmt: skip
hyp2f1_grad_a = formula_op(
    "hyp2f1_grad_a", "Derivative of hyp2f1 in a, for x < 1.", _hyp2f1_in_a, _ABCX, (None,) * 4, _FOUR_NO_GRAD,
    domain=(0.1, 0.7),
)  # fmt: skip
hyp2f1_grad_c = formula_op(
    "hyp2f1_grad_c", "Derivative of hyp2f1 in c, for x < 1.", _hyp2f1_in_c, _ABCX, (None,) * 4, _FOUR_NO_GRAD,
    domain=(0.1, 0.7),
)  # fmt: skip
