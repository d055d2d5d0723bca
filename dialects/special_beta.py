"""The logarithm of the beta function, and the regularized incomplete beta function.

The continued fraction is DLMF 8.17.22, by Lentz' method; the power in front of it is computed so that nothing large
cancels when the parameters are large.
"""

from __future__ import annotations

import math
from typing import Any

from axil.dialects import formulas
from axil.dialects.factories import ops, sample
from axil.dialects.formulas import log1p
from axil.dialects.formulas_gamma import gamma_sign, is_pole, log1p_rest, stirling_rest
from axil.dialects.op import full_like
from axil.dialects.special_factory import at_all, eps, formula_op, full
from axil.dialects.staged import absolute, clamped, exp, floor, log, rint, where
from axil.dialects.staged_loop import repeat

_STIRLING_FROM = 13.0


def _log_beta(a: Any, b: Any) -> Any:
    """log |B(a, b)|: by Stirling's formula where the larger operand is large, so that large terms do not cancel."""
    low, high = where(a < b, a, b), where(a < b, b, a)
    of_low, of_high, of_sum = at_all(formulas.lgamma, [low, high, low + high])
    plain = of_low + (of_high - of_sum)
    b_ = where(high > _STIRLING_FROM, high, _STIRLING_FROM)
    # Of small `low`: lgamma(high) - lgamma(low + high) by Stirling's formula.
    a_ = where(absolute(low) < b_, low, 1.0)
    rests = stirling_rest(b_) - stirling_rest(clamped(a_ + b_, _STIRLING_FROM, math.inf))
    ratio = a_ / b_
    one_large = of_low + rests - (a_ + b_ - 0.5) * log1p(ratio) - a_ * (log(b_) - 1.0)
    # Of two large operands.
    c = where(low > _STIRLING_FROM, low, _STIRLING_FROM)
    both_large = (
        0.5 * math.log(2.0 * math.pi) - 0.5 * log(b_) + (stirling_rest(c) + stirling_rest(b_) - stirling_rest(c + b_))
        - b_ * log1p(c / b_) - (c - 0.5) * log1p(b_ / c)
    )  # fmt: skip
    y = where(low > _STIRLING_FROM, both_large, where((high > _STIRLING_FROM) & (low > 0), one_large, plain))
    return where((low == 0) | ((low < 0) & (floor(low) == low) & (low + high > 0)), math.inf, y)


def _slope(a: Any, b: Any) -> Any:
    return ops.sub(ops.digamma(a), ops.digamma(ops.add(a, b)))


betaln = formula_op(
    "betaln", "Logarithm of the absolute value of the beta function.", _log_beta, ("a", "b"),
    (lambda y, a, b: _slope(a, b), lambda y, a, b: _slope(b, a)),
    (sample("f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]", domain=(9.0, 40.0))), domain=(0.4, 6.0),
    source="DiDonato and Morris, Algorithm 708 (TOMS 18, 1992)",
)  # fmt: skip


def _beta(a: Any, b: Any) -> Any:
    """B(a, b), with its sign; NaN where an argument is a negative integer."""
    signs = at_all(gamma_sign, [a, b, a + b])
    y = signs[0] * signs[1] * signs[2] * exp(_log_beta(a, b))
    return where((is_pole(a) & (a < 0)) | (is_pole(b) & (b < 0)), math.nan, y)


beta = formula_op(
    "beta", "Beta function Gamma(a) Gamma(b) / Gamma(a + b).", _beta, ("a", "b"),
    (lambda y, a, b: ops.mul(y, _slope(a, b)), lambda y, a, b: ops.mul(y, _slope(b, a))),
    (sample("f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]")), domain=(0.4, 6.0),
)  # fmt: skip


def _binomial(n: Any, k: Any) -> Any:
    """1 / ((n + 1) B(n - k + 1, k + 1)), and 0 unless 0 <= k <= n; a whole number where it is one and small enough."""
    inside = (k >= 0) & (k <= n)
    p, q = where(inside, n, 1.0), where(inside, k, 1.0)
    y = exp(-log1p(p) - _log_beta(p - q + 1.0, q + 1.0))
    whole = (floor(p) == p) & (floor(q) == q) & (y < 1e10)
    return where(inside, where(whole, rint(y), y), where((n == n) & (k == k), 0.0, n * math.nan))


def _binomial_slope(y: Any, up: Any, down: Any) -> Any:
    one = full_like(y, 1)
    return ops.mul(y, ops.sub(ops.digamma(ops.add(up, one)), ops.digamma(ops.add(down, one))))


binomial = formula_op(
    "binomial", "Binomial coefficient: the number of ways to choose k of n things.", _binomial, ("n", "k"),
    (lambda y, n, k: _binomial_slope(y, n, ops.sub(n, k)), lambda y, n, k: _binomial_slope(y, ops.sub(n, k), k)),
    (sample("f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", grad=False)), domain=(0.4, 6.0),
)  # fmt: skip


# ---- incomplete beta function --------------------------------------------------------------------------


def _prefix(a: Any, b: Any, x: Any, y: Any) -> Any:
    """x^a y^b / (a B(a, b)), where y = 1 - x."""
    plain = exp(a * log(x) + b * log(y) - _log_beta(a, b)) / a
    large = (a > _STIRLING_FROM) & (b > _STIRLING_FROM)
    p, q = where(large, a, _STIRLING_FROM), where(large, b, _STIRLING_FROM)
    # With x0 = a / (a + b): a log(x / x0) + b log(y / y0), whose linear terms cancel.
    shift = q * x - p * y  # (a + b) (x - x0)
    u, v = shift / p, -(shift / q)
    parts = [where(absolute(t) <= 0.3, -log1p_rest(clamped(t, -0.3, 0.3)), _log_less(t)) for t in (u, v)]
    rests = stirling_rest(p + q) - stirling_rest(p) - stirling_rest(q)
    by_stirling = exp(p * parts[0] + q * parts[1] + rests + 0.5 * log(q / (p * (p + q))))
    return where(large, by_stirling * (1.0 / math.sqrt(2.0 * math.pi)), plain)


def _log_less(t: Any) -> Any:
    """log(1 + t) - t where |t| > 0.3."""
    t = where(absolute(t) > 0.3, t, 1.0)
    return log(where(t > -1.0, 1.0 + t, 0.0)) - t


def _fraction(a: Any, b: Any, x: Any) -> Any:
    """1 / (1 + d1 / (1 + d2 / ...)), for x <= (a + 1) / (a + b + 2)."""
    one, tiny = full(a, 1.0), eps(a)
    smallest = 1e-30

    def away(t: Any) -> Any:
        return where(absolute(t) < smallest, smallest, t)

    def step(m: Any, c: Any, d: Any, h: Any, change: Any, a: Any, b: Any, x: Any) -> list:
        """Two terms of the fraction."""
        twice = a + 2.0 * m
        even = m * (b - m) * x / ((twice - 1.0) * twice)
        d, c = 1.0 / away(1.0 + even * d), away(1.0 + even / c)
        h = h * (c * d)
        odd = -((a + m) * (a + b + m) * x / (twice * (twice + 1.0)))
        d, c = 1.0 / away(1.0 + odd * d), away(1.0 + odd / c)
        factor = c * d
        return [m + 1.0, c, d, h * factor, absolute(factor - 1.0)]

    def going(m: Any, c: Any, d: Any, h: Any, change: Any, a: Any, b: Any, x: Any) -> Any:
        return change > tiny

    d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0))
    return repeat(step, going, [one, one, d, d, one], [a, b, x], limit=5000)[3]


def _betainc(a: Any, b: Any, x: Any) -> Any:
    """I_x(a, b) for x from 0 to 1 and positive parameters; limits at the edges; NaN elsewhere."""
    inner = (a > 0) & (b > 0) & (x > 0) & (x < 1.0) & (a < math.inf) & (b < math.inf)
    p, q, z = where(inner, a, 1.0), where(inner, b, 1.0), where(inner, x, 0.5)
    lower = z <= (p + 1.0) / (p + q + 2.0)
    rest = 1.0 - z
    s, t, u, v = where(lower, p, q), where(lower, q, p), where(lower, z, rest), where(lower, rest, z)
    y = _prefix(s, t, u, v) * _fraction(s, t, u)
    y = where(lower, y, 1.0 - y)
    # All of the mass is at 0 or at 1 where a parameter is 0 or infinite.
    at_zero, at_one = (a == 0) | (b == math.inf), (b == 0) | (a == math.inf)
    y = where((x == 0) | at_one, 0.0, where((x == 1.0) | at_zero, 1.0, y))
    y = where(at_one & (x == 1.0), 1.0, where(at_zero & (x == 0), 0.0, y))
    y = where(at_zero & at_one, math.nan, y)
    return where((a >= 0) & (b >= 0) & (x >= 0) & (x <= 1.0), y, math.nan)


def _density(y: Any, a: Any, b: Any, x: Any) -> Any:
    """x^(a-1) (1-x)^(b-1) / B(a, b), the derivative in `x`."""
    one = full_like(a, 1)
    left = ops.mul(ops.sub(a, one), ops.log(x))
    right = ops.mul(ops.sub(b, one), ops.log1p(ops.neg(x)))
    return ops.exp(ops.sub(ops.add(left, right), betaln(a, b)))


betainc = formula_op(
    "betainc", "Regularized incomplete beta function I_x(a, b); differentiable in x.", _betainc, ("a", "b", "x"),
    (None, None, _density),
    (sample("f32[2,3]", "f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", "f64[4]", grad=False)),
    domain=(0.05, 0.95), source="DLMF 8.17.22",
)  # fmt: skip
