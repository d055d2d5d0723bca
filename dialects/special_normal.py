"""Relatives of the error function: its scaled complement, Dawson's integral, functions of the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import cephes_tables as t
from axil.dialects import formulas
from axil.dialects.factories import ops, sample
from axil.dialects.formulas import log1p
from axil.dialects.op import full_like
from axil.dialects.special_factory import formula_op
from axil.dialects.staged import absolute, clamped, exp, log, poly, sqrt, where

_SAMPLES = (sample("f32[2,3]"), sample("f64[3]", domain=(-3.0, 9.0)))
_ROOT_PI = math.sqrt(math.pi)


def _ratio(x: Any, top: Any, bottom: Any) -> Any:
    return poly(x, top) / poly(x, bottom)


def _bell(x: Any, scale: float = 1.0) -> Any:
    """scale * exp(-x^2 / 2), in ops."""
    half = ops.mul(ops.mul(x, x), full_like(x, -0.5))
    return ops.mul(ops.exp(half), full_like(x, scale))


# ---- erfcx and Dawson's integral -----------------------------------------------------------------------


def _erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x): the rational part of erfc from 1 on."""
    a = absolute(x)
    below = exp(clamped(a, 0.0, 1.0) * clamped(a, 0.0, 1.0)) * formulas.erfc(clamped(a, 0.0, 1.0))
    near = formulas._ratio(clamped(a, 1.0, 8.0), formulas._ERFC)
    far = formulas._ratio(clamped(a, 8.0, 1e6), formulas._ERFC_TAIL)
    y = where(a < 1.0, below, where(a < 8.0, near, far))
    y = where(a > 1e6, 1.0 / (a * _ROOT_PI), y)
    high = formulas.floor(a * 16.0) * 0.0625
    growing = 2.0 * (exp(high * high) * exp((a - high) * (a + high))) - y
    return where(x != x, x, where(x < 0, where(a > 27.0, math.inf, growing), y))


erfcx = formula_op(
    "erfcx", "exp(x^2) erfc(x).", _erfcx, ("x",),
    (lambda y, x: ops.mul(ops.sub(ops.mul(x, y), full_like(x, 1 / _ROOT_PI)), full_like(x, 2)),), _SAMPLES,
    source="Cephes, ndtr.c",
)  # fmt: skip


def _dawsn(x: Any) -> Any:
    a = absolute(x)
    inner = clamped(a, 0.0, 3.25)
    near = inner * _ratio(inner * inner, t.DAWSN_AN, t.DAWSN_AD)
    middle, outer = clamped(a, 3.25, 6.25), where(a > 6.25, a, 6.25)
    parts = [
        (1.0 + w * _ratio(w, top, bottom)) * (0.5 / v)
        for v, top, bottom in ((middle, t.DAWSN_BN, t.DAWSN_BD), (outer, t.DAWSN_CN, t.DAWSN_CD))
        for w in (1.0 / (v * v),)
    ]
    y = where(a > 6.25, parts[1], where(a > 3.25, parts[0], near))
    return where(x < 0, -y, where(x == 0, x, y))


dawsn = formula_op(
    "dawsn", "Dawson's integral: exp(-x^2) times the integral of exp(t^2) from 0 to x.", _dawsn, ("x",),
    (lambda y, x: ops.sub(full_like(x, 1), ops.mul(ops.mul(x, y), full_like(x, 2))),), _SAMPLES,
    source="Cephes, dawsn.c",
)  # fmt: skip

# ---- the normal distribution ---------------------------------------------------------------------------

_ROOT_HALF = math.sqrt(0.5)


def _log_ndtr(x: Any) -> Any:
    below = where(x < -1.0, x, -1.0)
    tail = log(0.5 * _erfcx(below * -_ROOT_HALF)) - 0.5 * (below * below)
    return where(x < -1.0, tail, log1p(-0.5 * formulas.erfc(where(x < -1.0, 0.0, x) * _ROOT_HALF)))


log_ndtr = formula_op(
    "log_ndtr", "Logarithm of the normal distribution's cumulative function, accurate in both tails.", _log_ndtr,
    ("x",),
    # The density divided by the cumulative function: sqrt(2 / pi) / erfcx(-x / sqrt(2)) has no large terms.
    (lambda y, x: ops.div(full_like(x, math.sqrt(2 / math.pi)), erfcx(ops.mul(x, full_like(x, -_ROOT_HALF)))),),
    (sample("f32[2,3]"), sample("f64[3]", domain=(-30.0, -3.0))),
)  # fmt: skip


def _ndtri(p: Any) -> Any:
    """Acklam's problem by Cephes: a rational in the centre, and in 1 / sqrt(-2 log p) in the tails."""
    upper = p > -math.expm1(-2.0)
    rest = where(upper, 1.0 - p, p)
    rest = where((rest > 0) & (rest < 1.0), rest, 0.5)
    w = rest - 0.5
    ww = w * w
    central = (w + w * ww * _ratio(ww, t.NDTRI_P0, t.NDTRI_Q0)) * -math.sqrt(2.0 * math.pi)
    z = sqrt(-2.0 * log(rest))
    inverse = 1.0 / z
    far, near = (
        _ratio(inverse, *tables) for tables in ((t.NDTRI_P2, t.NDTRI_Q2), (t.NDTRI_P1, t.NDTRI_Q1))
    )
    tail = (z - log(z) / z) - where(z >= 8.0, far, near) * inverse
    y = where(rest > math.exp(-2.0), central, tail)
    y = where(upper, y, -y)
    y = where(p == 0, -math.inf, where(p == 1.0, math.inf, y))
    return where((p >= 0) & (p <= 1.0), y, math.nan)


ndtri = formula_op(
    "ndtri", "The number below which a normal variable lies with a given probability.", _ndtri, ("p",),
    (lambda y, p: ops.div(full_like(y, math.sqrt(2 * math.pi)), _bell(y)),),
    (sample("f32[2,3]"), sample("f64[5]")), domain=(0.02, 0.98), source="Cephes, ndtri.c",
)  # fmt: skip

# ---- Owen's T ------------------------------------------------------------------------------------------

_NODES, _WEIGHTS = (0.5 * v for v in np.polynomial.legendre.leggauss(24))
_REACH = 8.6  # exp(-reach^2 / 2) is nothing beside 1


def _owens_integral(h: Any, a: Any) -> Any:
    """T(h, a) for h >= 0 and a from 0 to 1, by 24 points where the integrand is not negligible."""
    end = where(h * a > _REACH, _REACH / where(h * a > _REACH, h, 1.0), a)
    total = 0.0 * end
    for node, weight in zip(_NODES, _WEIGHTS):
        s = end * float(node + 0.5)
        s = s * s
        total = total + exp(h * h * s * -0.5) / (1.0 + s) * float(weight)
    return total * end * exp(h * h * -0.5) * (0.5 / math.pi)


def _owens_t(h: Any, a: Any) -> Any:
    """Slopes above 1 by T(h, a) + T(a h, 1 / a) = (Q(h) + Q(a h)) / 2 - Q(h) Q(a h), where Q is the upper tail."""
    b, slope = absolute(h), absolute(a)
    b = where(b > 40.0, 40.0, b)
    steep = slope > 1.0
    scaled = where(b == 0, 0.0, slope * b)
    inner = _owens_integral(where(steep, where(scaled > 40.0, 40.0, scaled), b), where(steep, 1.0 / slope, slope))
    q, r = (0.5 * formulas.erfc(v * _ROOT_HALF) for v in (b, scaled))
    # Where b is small the tails are near 1/2, and their distances from it give the same without cancellation.
    p, s = (formulas.erf(v * _ROOT_HALF) for v in (b, scaled))
    flipped = where(scaled <= 0.67, 0.25 - 0.25 * p * s, 0.5 * (q + r) - q * r) - inner
    y = where(steep, flipped, inner)
    y = where(b == 0, formulas.atan(slope) * (0.5 / math.pi), y)
    y = where(a < 0, -y, where(a == 0, a, y))
    return where((h == h) & (a == a), y, math.nan)


def _owens_in_h(y: Any, h: Any, a: Any) -> Any:
    slope = ops.erf(ops.mul(ops.mul(a, h), full_like(h, _ROOT_HALF)))
    return ops.mul(_bell(h, -0.5 / math.sqrt(2 * math.pi)), slope)


def _owens_in_a(y: Any, h: Any, a: Any) -> Any:
    square = ops.add(ops.mul(a, a), full_like(a, 1))
    power = ops.mul(ops.mul(ops.mul(h, h), square), full_like(h, -0.5))
    return ops.div(ops.exp(power), ops.mul(square, full_like(a, 2 * math.pi)))


owens_t = formula_op(
    "owens_t", "Owen's T: the probability that X > h and 0 < Y < a X, for independent normal X and Y.", _owens_t,
    ("h", "a"), (_owens_in_h, _owens_in_a), (sample("f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]")),
    source="Patefield and Tandy, J. Stat. Softw. 5 (2000), method T5 with more points",
)  # fmt: skip

