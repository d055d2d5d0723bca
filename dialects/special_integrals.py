"""Exponential, sine, cosine and Fresnel integrals, and Spence's dilogarithm."""

from __future__ import annotations

import math
from typing import Any

from axil.dialects import cephes_tables as t
from axil.dialects import formulas
from axil.dialects.factories import ops, sample
from axil.dialects.op import full_like
from axil.dialects.special_factory import eps, formula_op, full
from axil.dialects.staged import absolute, clamped, exp, floor, log, poly, where
from axil.dialects.staged_loop import repeat

_EULER = 0.57721566490153286061


def _ratio(x: Any, top: Any, bottom: Any) -> Any:
    return poly(x, top) / poly(x, bottom)


# ---- exponential integrals -----------------------------------------------------------------------------


def _expn_series(n: Any, x: Any) -> Any:
    """E_n(x) for 0 < x <= 1 and integers n >= 1 (DLMF 8.19.8)."""
    tiny, zero = eps(x), full(x, 0.0)

    def step(k: Any, power: Any, total: Any, n: Any, x: Any) -> list:
        distance = k - n + 1.0
        skipped = distance == 0
        total = total + where(skipped, 0.0, power / where(skipped, 1.0, distance))
        return [k + 1.0, -(power * x) / (k + 1.0), total]

    def going(k: Any, power: Any, total: Any, n: Any, x: Any) -> Any:
        return absolute(power) > absolute(total) * tiny

    total = repeat(step, going, [zero, full(x, 1.0), zero], [n, x], limit=100)[2]
    less = n - 1.0
    sign = where(floor(less * 0.5) * 2.0 == less, full(x, 1.0), -1.0)
    size = exp(where(less == 0, 0.0, less * log(x)) - formulas.lgamma(n))
    return sign * size * (formulas.digamma(n) - log(x)) - total


def _expn_fraction(n: Any, x: Any) -> Any:
    """E_n(x) exp(x) for x > 1 (DLMF 8.19.17, the even part), by Lentz' method; all its terms are positive."""
    one, tiny = full(x, 1.0), eps(x)

    def step(k: Any, b: Any, c: Any, d: Any, h: Any, change: Any, n: Any) -> list:
        a = -(k * (n + k - 1.0))
        b = b + 2.0
        d, c = 1.0 / (a * d + b), b + a / c
        factor = c * d
        return [k + 1.0, b, c, d, h * factor, absolute(factor - 1.0)]

    def going(k: Any, b: Any, c: Any, d: Any, h: Any, change: Any, n: Any) -> Any:
        return change > tiny

    b = x + n
    return repeat(step, going, [one, b, full(x, 1e30), 1.0 / b, 1.0 / b, one], [n], limit=500)[4]


def _expn(n: Any, x: Any) -> Any:
    """The integral of exp(-x t) / t^n over t > 1, for integers n >= 0."""
    inner = (n >= 1.0) & (x > 0)
    m = where(inner, n, 1.0)
    small = inner & (x <= 1.0)
    near = _expn_series(where(small, m, 1.0), where(small, x, 0.5))
    large = inner & (x > 1.0)
    v = where(large, where(x == math.inf, 1e3, x), 2.0)
    far = exp(-v) * _expn_fraction(where(large, m, 1.0), v)
    y = where(small, near, where(x == math.inf, 0.0, far))
    y = where(n == 0, exp(-x) / where(x == 0, 1.0, x), y)
    y = where(x == 0, where(n > 1.0, 1.0 / where(n > 1.0, n - 1.0, 1.0), math.inf), y)
    return where((n >= 0) & (x >= 0), y, math.nan)


expn = formula_op(
    "expn", "Exponential integral E_n(x), of integers n >= 0 as floats; differentiable in x.", _expn, ("n", "x"),
    (None, lambda y, n, x: ops.neg(expn(ops.sub(n, full_like(n, 1)), x))),
    (sample("f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", grad=False)), domain=(0.2, 4.0),
    source="DLMF 8.19",
)  # fmt: skip


def _expi(x: Any) -> Any:
    """The principal value of the integral of exp(t) / t up to x: DLMF 6.6.2 from -1 to 40, 6.12.2 beyond.

    Below -1 it is -E_1(-x).
    """
    tiny = eps(x)
    near = where((x >= -1.0) & (x <= 40.0) & (absolute(x) > 0), x, 1.0)

    def step(k: Any, power: Any, total: Any, x: Any) -> list:
        power = power * x / k
        return [k + 1.0, power, total + power / k]

    def going(k: Any, power: Any, total: Any, x: Any) -> Any:
        return absolute(power) > absolute(total) * k * tiny

    series = repeat(step, going, [full(x, 1.0), full(x, 1.0), full(x, 0.0)], [near], limit=300)[2]
    inner = _EULER + log(absolute(near)) + series
    far = where(x > 40.0, x, 40.0)
    inverse = 1.0 / far
    tail = full(x, 1.0)
    for k in range(40, 0, -1):
        tail = 1.0 + tail * inverse * float(k)
    half = exp(far * 0.5)
    outer = where(x == math.inf, math.inf, half * inverse * tail * half)
    below = clamped(-x, 1.0, 1e3)
    negative = -(exp(-below) * _expn_fraction(full(x, 1.0), below))
    y = where(x < -1.0, negative, where(x > 40.0, outer, inner))
    return where(x == 0, -math.inf, where(x == x, y, x))


expi = formula_op(
    "expi", "Exponential integral Ei(x).", _expi, ("x",), (lambda y, x: ops.div(ops.exp(x), x),),
    (sample("f32[2,3]"), sample("f64[3]", domain=(-4.0, -0.3))), domain=(0.3, 5.0), source="DLMF 6.6.2, 6.12.2",
)  # fmt: skip

# ---- sine and cosine integrals -------------------------------------------------------------------------


def _auxiliary(a: Any) -> tuple[Any, Any]:
    """f and g of DLMF 6.2, for a >= 4."""
    z = 1.0 / (a * a)
    near = a < 8.0
    f = where(near, _ratio(z, t.SICI_FN4, t.SICI_FD4), _ratio(z, t.SICI_FN8, t.SICI_FD8)) / a
    return f, z * where(near, _ratio(z, t.SICI_GN4, t.SICI_GD4), _ratio(z, t.SICI_GN8, t.SICI_GD8))


def _sine_integral(x: Any) -> Any:
    a = absolute(x)
    inner, outer = clamped(a, 0.0, 4.0), clamped(a, 4.0, 1e15)
    f, g = _auxiliary(outer)
    far = math.pi / 2 - f * formulas.cos(outer) - g * formulas.sin(outer)
    y = where(a > 4.0, far, inner * _ratio(inner * inner, t.SICI_SN, t.SICI_SD))
    return where(x < 0, -y, where(x == 0, x, y))


def _cosine_integral(x: Any) -> Any:
    """Ci(|x|), the real part of Ci for negative x; NaN at -inf, as its imaginary part has no limit there."""
    a = absolute(x)
    inner, outer = clamped(a, 0.0, 4.0), clamped(a, 4.0, 1e15)
    f, g = _auxiliary(outer)
    far = f * formulas.sin(outer) - g * formulas.cos(outer)
    square = inner * inner
    y = where(a > 4.0, far, _EULER + log(inner) + square * _ratio(square, t.SICI_CN, t.SICI_CD))
    return where(x == math.inf, 0.0, where(x == -math.inf, math.nan, y))


def _sinc_slope(y: Any, x: Any) -> Any:
    zero = ops.eq(x, full_like(x, 0))
    safe = ops.select(zero, full_like(x, 1), x)
    return ops.select(zero, full_like(x, 1), ops.div(ops.sin(safe), safe))


sine_integral = formula_op(
    "sine_integral", "The integral of sin(t) / t from 0 to x.", _sine_integral, ("x",), (_sinc_slope,),
    (sample("f32[2,3]"), sample("f64[4]", domain=(3.0, 12.0))), source="Cephes, sici.c",
)  # fmt: skip
cosine_integral = formula_op(
    "cosine_integral", "Euler's constant + log |x| + the integral of (cos(t) - 1) / t from 0 to x.", _cosine_integral,
    ("x",), (lambda y, x: ops.div(ops.cos(x), x),),
    (sample("f32[2,3]"), sample("f64[4]", domain=(3.0, 12.0))), domain=(0.3, 3.0), source="Cephes, sici.c",
)  # fmt: skip

# ---- Fresnel integrals ---------------------------------------------------------------------------------


def _fresnel(x: Any, top: Any, bottom: Any, power: int) -> Any:
    """S (power 3) or C (power 1): a power series near 0, else by the auxiliary functions f and g."""
    a = absolute(x)
    near = clamped(a, 0.0, 1.7)
    square = near * near
    inner = near * _ratio(square * square, top, bottom) * (square if power == 3 else 1.0)
    far = clamped(a, 1.6, 1e8)
    inverse = 1.0 / (far * far * math.pi)
    u = inverse * inverse
    f = 1.0 - u * _ratio(u, t.FRESNEL_FN, t.FRESNEL_FD)
    g = inverse * _ratio(u, t.FRESNEL_GN, t.FRESNEL_GD)
    sine, cosine = formulas._sin_cos_of_pi(far * far * 0.5)
    part = -(f * cosine) - g * sine if power == 3 else f * sine - g * cosine
    y = where(a * a < 2.5625, inner, 0.5 + part / (far * math.pi))
    y = where(a == math.inf, 0.5, y)
    return where(x < 0, -y, where(x == 0, x, y))


def _wave(sine: bool) -> Any:
    def slope(y: Any, x: Any) -> Any:
        angle = ops.mul(ops.mul(x, x), full_like(x, math.pi / 2))
        return (ops.sin if sine else ops.cos)(angle)

    return slope


_FRESNEL_SAMPLES = (sample("f32[2,3]"), sample("f64[4]"))
fresnel_sine = formula_op(
    "fresnel_sine", "The integral of sin(pi t^2 / 2) from 0 to x.",
    lambda x: _fresnel(x, t.FRESNEL_SN, t.FRESNEL_SD, 3), ("x",), (_wave(True),), _FRESNEL_SAMPLES,
    source="Cephes, fresnl.c",
)  # fmt: skip
fresnel_cosine = formula_op(
    "fresnel_cosine", "The integral of cos(pi t^2 / 2) from 0 to x.",
    lambda x: _fresnel(x, t.FRESNEL_CN, t.FRESNEL_CD, 1), ("x",), (_wave(False),), _FRESNEL_SAMPLES,
    source="Cephes, fresnl.c",
)  # fmt: skip

# ---- Spence's function ---------------------------------------------------------------------------------


def _spence(x: Any) -> Any:
    """Arguments are reflected and inverted into 1/2 .. 3/2, where a rational serves."""
    ordinary = (x > 0) & (x < math.inf)
    z = where(ordinary, x, 1.0)
    z = where(z > 2.0, 1.0 / z, z)
    inverted = x > 1.5
    steep, flat = z > 1.5, z < 0.5
    w = where(steep, 1.0 / z - 1.0, where(flat, -z, z - 1.0))
    y = -(w * _ratio(w, t.SPENCE_A, t.SPENCE_B))
    y = where(flat, math.pi**2 / 6 - log(z) * log(1.0 - where(flat, z, 0.25)) - y, y)
    log_z = log(z)
    y = where(inverted, -0.5 * (log_z * log_z) - y, y)
    return where(x == 0, math.pi**2 / 6, where(x == math.inf, -math.inf, where(x > 0, y, math.nan)))


def _spence_slope(y: Any, x: Any) -> Any:
    """log(x) / (1 - x), which is -1 at 1."""
    one = full_like(x, 1)
    at_one = ops.eq(x, one)
    safe = ops.select(at_one, full_like(x, 2), x)
    return ops.select(at_one, ops.neg(one), ops.div(ops.log(safe), ops.sub(one, safe)))


spence = formula_op(
    "spence", "Spence's function: the integral of log(t) / (1 - t) from 1 to x.", _spence, ("x",), (_spence_slope,),
    (sample("f32[2,3]"), sample("f64[4]")), domain=(0.2, 3.0), source="Cephes, spence.c",
)  # fmt: skip
