"""Elementary functions of f64 that are right to two units of the last place, where IREE has none or worse.

Intermediate results that matter are pairs `(high, low)` of f64, whose sum has twice the digits (T. J. Dekker, "A
floating-point technique for extending the available precision", 1971). Tables of rational functions are from Cephes
(S. L. Moshier, netlib.org/cephes: asin.c, tanh.c, sinh.c, asinh.c, expm1 in unity.c).
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np

from axil.dialects.staged import (
    absolute,
    bits_of,
    clamped,
    converted,
    exp,
    floor,
    log,
    looked_up,
    poly,
    rint,
    shifted_left,
    shifted_right,
    sqrt,
    where,
    with_sign_of,
)

Pair = tuple[Any, Any]


# ---- pairs ---------------------------------------------------------------------------------------------


def _sum(a: Any, b: Any) -> Pair:
    """`a + b` exactly (D. E. Knuth)."""
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def _quick_sum(a: Any, b: Any) -> Pair:
    """`a + b` exactly, where `a` is the larger or zero."""
    s = a + b
    return s, b - (s - a)


def _halves(a: Any) -> Pair:
    """`a` as the sum of two numbers of at most 26 bits, whose products are exact. For sizes up to 2^996."""
    c = a * 134217729.0
    high = c - (c - a)
    return high, a - high


def _product(a: Any, b: Any) -> Pair:
    """`a b` exactly."""
    p = a * b
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _plus(a: Pair, b: Pair) -> Pair:
    high, low = _sum(a[0], b[0])
    return _quick_sum(high, low + (a[1] + b[1]))


def _times(a: Pair, b: Pair) -> Pair:
    high, low = _product(a[0], b[0])
    return _quick_sum(high, low + (a[0] * b[1] + a[1] * b[0]))


def _over(a: Pair, b: Pair) -> Pair:
    q = a[0] / b[0]
    high, low = _product(q, b[0])
    return _quick_sum(q, ((a[0] - high) - low + a[1] - q * b[1]) / b[0])


def _root(a: Pair) -> Pair:
    """Square root of a positive pair."""
    r = sqrt(a[0])
    high, low = _product(r, r)
    return _quick_sum(r, ((a[0] - high) - low + a[1]) / (2.0 * r))


def _log_of_pair(a: Pair) -> Any:
    """Logarithm of a pair."""
    return log(a[0]) + a[1] / a[0]


def _pair_of(value: Fraction) -> tuple[float, float]:
    high = float(value)
    return high, float(value - Fraction(high))


# ---- exp(x) - 1 and log(1 + x) -------------------------------------------------------------------------

_EXPM1 = (
    (1.2617719307481059087798e-4, 3.0299440770744196129956e-2, 9.9999999999999999991025e-1),
    (3.0019850513866445504159e-6, 2.5244834034968410419224e-3, 2.2726554820815502876593e-1, 2.0),
)
_LN2 = (6.93147180369123816490e-1, 1.90821492927058770002e-10)
"""The logarithm of 2; the first part has 33 bits."""


def _expm1_small(x: Any) -> Any:
    """exp(x) - 1 for |x| <= 0.5: 2 x P / (Q - x P), written as x plus what is small beside it."""
    z = x * x
    (p2, p1, _), (q3, q2, q1, _) = _EXPM1  # the constants are 1 and 2, so that 2 P - Q has none
    p = x * poly(z, _EXPM1[0])
    difference = z * ((2 * p1 - q1) + z * ((2 * p2 - q2) - z * q3))
    return x + x * (difference + p) / (poly(z, _EXPM1[1]) - p)


def expm1(x: Any) -> Any:
    """exp(x) - 1."""
    up, down = (x > 0.35) & (x <= 1.04), (x < -0.35) & (x >= -1.04)
    turns = where(up, 1.0, where(down, -1.0, 0.0 * x))
    small = absolute(x) <= 1.04
    inner = where(small, x, 0.0)
    y = _expm1_small((inner - where(small, turns, 0.0) * _LN2[0]) - where(small, turns, 0.0) * _LN2[1])
    near = where(up, 2.0 * y + 1.0, where(down, 0.5 * y - 0.5, y))
    return where(small, where(x == 0, x, near), exp(x) - 1.0)


def log1p(x: Any) -> Any:
    """log(1 + x)."""
    u = 1.0 + x
    lost = x - (u - 1.0)
    usual = (u > 0) & (u < math.inf)
    inner = where(usual, u, 1.0)
    y = log(inner) + where(usual & (x < 9007199254740992.0), lost, 0.0) / inner
    return where(usual, where(u == 1.0, x, y), log(u))


# ---- sine, cosine, tangent -----------------------------------------------------------------------------

_SIN = (1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6,
        -1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1)  # fmt: skip
_COS = (-1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7,
        2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2)  # fmt: skip
# 2/pi and pi to 1300 bits would do for all of f64; the series of Machin gives them.
_BITS = 1400


@functools.cache
def _pi() -> Fraction:
    """pi to 1400 bits, by J. Machin's 16 atan(1/5) - 4 atan(1/239)."""
    one = 1 << _BITS + 32

    def inverse_tangent(n: int) -> int:
        total, power, k = 0, one // n, 1
        while power:
            total += power // k if k % 4 == 1 else -(power // k)
            power, k = power // (n * n), k + 2
        return total

    return Fraction(16 * inverse_tangent(5) - 4 * inverse_tangent(239), one)


@functools.cache
def _half_pi_parts() -> tuple[float, ...]:
    """pi/2 as a sum of numbers of 22 bits, so that products with integers below 2^31 are exact."""
    rest, parts = _pi() / 2, []
    for i in range(7):
        scale = 1 << 21 + 22 * i
        part = Fraction(int(rest * scale), scale)
        parts.append(float(part))
        rest -= part
    return tuple(parts)


_LEAST = 57
"""Angles from 2^57 on are reduced by a table first."""


@functools.cache
def _turns_table() -> np.ndarray:
    """2^e less whole turns, for e from 0 on, as three numbers of 53 bits: an array of shape (3, 1000)."""
    table = np.zeros((3, 1000))
    for e in range(1000):
        rest = Fraction(1 << e) % (2 * _pi())
        for row in range(3):
            table[row, e] = float(rest)
            rest -= Fraction(table[row, e])
    return table


def _less_turns(x: Any) -> tuple[Any, Any, Any]:
    """An angle of at least 2^57 less whole turns, below 2^56, as the sum of three numbers.

    With x = m 2^e, where m is an integer below 2^53, it is m (2^e mod 2 pi).
    """
    bits = bits_of(x, np.int64)
    e = (shifted_right(bits, 52) & 2047) - 1075
    m = bits_of((bits & ((1 << 52) - 1)) + (1075 << 52), np.float64)
    index = converted(where(e < 0, 0, where(e > 999, 999, e)), np.int32)
    a, b, c = (looked_up(row, index) for row in _turns_table())
    (s, t), (u, v) = _product(m, a), _product(m, b)
    t, u = _sum(t, u)
    return s, t, u + v + m * c


def _less(s: tuple[Any, Any, Any], count: Any, unit: float) -> tuple[Any, Any, Any]:
    """A sum of three numbers less `count` times pi/2 times `unit`, a power of two."""
    high, low, tail = s
    for i, part in enumerate(_half_pi_parts()):
        product = -(count * (part * unit))
        if i < 3:
            high, error = _sum(high, product)
            low, lost = _sum(low, error)
        else:
            low, lost = _sum(low, product)
        tail = tail + lost
    high, low = _sum(high, low)
    return high, low, tail


_UNIT = float(1 << 30)


def _reduced(x: Any) -> tuple[Pair, Any]:
    """An angle less right angles, at most pi/4 in size, and their number modulo 4."""
    a = absolute(x)
    finite = a < math.inf
    large = finite & (a >= float(1 << _LEAST))
    s, t, u = _less_turns(where(large, a, float(1 << _LEAST)))
    angle = where(large, s, where(finite, a, 0.0)), where(large, t, 0.0), where(large, u, 0.0)
    angle = _less(angle, rint(angle[0] * (2 / math.pi / _UNIT)), _UNIT)
    quarters = rint(angle[0] * (2 / math.pi))
    high, low, tail = _less(angle, quarters, 1.0)
    high, low = _quick_sum(high, low + tail)
    sign = where(x < 0, -1.0, 0.0 * a + 1.0)
    return (where(finite, high * sign, math.nan), low * sign), quarters * sign


def _sin_cos(r: Pair) -> tuple[Pair, Pair]:
    """Sine and cosine for angles up to pi/4, as pairs that are not normalised."""
    x, low = r
    z = x * x
    half = 0.5 * z
    w = 1.0 - half
    sine = (x, x * z * poly(z, _SIN) + low * (1.0 - half))
    cosine = (w, ((1.0 - w) - half) + (z * z * poly(z, _COS) - x * low))
    return sine, cosine


def _turned(sine: Any, cosine: Any, quarters: Any) -> Any:
    """The sine of an angle `quarters` right angles further than the one whose sine and cosine are given."""
    q = quarters - 4.0 * floor(quarters * 0.25)
    y = where((q == 1.0) | (q == 3.0), cosine, sine)
    return where(q >= 2.0, -y, y)


def sin(x: Any) -> Any:
    """Sine, of any angle."""
    r, quarters = _reduced(x)
    sine, cosine = _sin_cos(r)
    return where(x == 0, x, _turned(sine[0] + sine[1], cosine[0] + cosine[1], quarters))


def cos(x: Any) -> Any:
    """Cosine, of any angle."""
    r, quarters = _reduced(x)
    sine, cosine = _sin_cos(r)
    return _turned(sine[0] + sine[1], cosine[0] + cosine[1], quarters + 1.0)


def tan(x: Any) -> Any:
    """Tangent, of any angle."""
    r, quarters = _reduced(x)
    sine, cosine = (_quick_sum(*pair) for pair in _sin_cos(r))
    odd = quarters - 2.0 * floor(quarters * 0.5) == 1.0
    above = tuple(where(odd, -c, s) for s, c in zip(sine, cosine))
    below = tuple(where(odd, s, c) for s, c in zip(sine, cosine))
    high, low = _over(above, below)
    return where(x == 0, x, high + low)


# ---- inverse sine and cosine ---------------------------------------------------------------------------

_ASIN = (
    (4.253011369004428248960e-3, -6.019598008014123785661e-1, 5.444622390564711410273e0, -1.626247967210700244449e1,
     1.956261983317594739197e1, -8.198089802484824371615e0),
    (1.0, -1.474091372988853791896e1, 7.049610280856842141659e1, -1.471791292232726029859e2,
     1.395105614657485689735e2, -4.918853881490881290097e1),
)  # fmt: skip


def _asin_small(x: Any, z: Any) -> Any:
    """asin(x) - x for |x| <= 0.625, where z = x^2."""
    return x * (z * (poly(z, _ASIN[0]) / poly(z, _ASIN[1])))


def asin(x: Any) -> Any:
    """Inverse sine."""
    a = absolute(x)
    small = a <= 0.5
    inner = where(small, a, 0.0)
    near = inner + _asin_small(inner, inner * inner)
    # asin(a) = pi/2 - 2 asin(root of (1 - a)/2)
    square = where(a > 1.0, math.nan, (1.0 - where(small, 1.0, a)) * 0.5)
    root, low = _root((where(square > 0, square, 1.0), 0.0 * a))
    root, low = where(square == 0, 0.0, where(square > 0, root, square)), where(square > 0, low, 0.0)
    half, rest = _pair_of(_pi() / 2)
    far = half - (2.0 * root - (rest - 2.0 * (low + _asin_small(root, square))))
    return where(x == 0, x, with_sign_of(where(small, near, far), x))


def acos(x: Any) -> Any:
    """Inverse cosine."""
    a = absolute(x)
    small = a <= 0.5
    inner = where(small, x, 0.0)
    half, rest = _pair_of(_pi() / 2)
    near = half - (inner - (rest - _asin_small(inner, inner * inner)))
    square = where(a > 1.0, math.nan, (1.0 - where(small, 1.0, a)) * 0.5)
    root, low = _root((where(square > 0, square, 1.0), 0.0 * a))
    root, low = where(square == 0, 0.0, where(square > 0, root, square)), where(square > 0, low, 0.0)
    angle = 2.0 * (root + (low + _asin_small(root, square)))
    whole, tail = _pair_of(_pi())
    left = whole - (2.0 * root - (tail - 2.0 * (low + _asin_small(root, square))))
    return where(small, near, where(x < 0, left, angle))


# ---- hyperbolic functions and their inverses -----------------------------------------------------------

_TANH = (
    (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3),
    (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3),
)
_SINH = (
    (-7.89474443963537015605e-1, -1.63725857525983828727e2, -1.15614435765005216044e4, -3.51754964808151394800e5),
    (1.0, -2.77711081420602794433e2, 3.61578279834431989373e4, -2.11052978884890840399e6),
)
_ASINH = (
    (-4.33231683752342103572e-3, -5.91750212056387121207e-1, -4.37390226194356683570e0, -9.09030533308377316566e0,
     -5.56682227230859640450e0),
    (1.0, 1.28757002067426453537e1, 4.86042483805291788324e1, 6.95722521337257608734e1, 3.34009336338516356383e1),
)  # fmt: skip


def _near_zero(x: Any, table: Any) -> Any:
    z = x * x
    return x + x * z * (poly(z, table[0]) / poly(z, table[1]))


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    a = absolute(x)
    small = a < 0.625
    far = 1.0 - 2.0 / (exp(2.0 * clamped(a, 0.5, 22.0)) + 1.0)
    return where(x == 0, x, with_sign_of(where(small, _near_zero(where(small, a, 0.0), _TANH), far), x))


def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    a = absolute(x)
    small, large = a < 1.0, a > 20.0
    e = exp(clamped(a, 1.0, 20.0))
    root = exp(a * 0.5)  # exp(a) overflows earlier than the result
    far = where(large, (root * 0.5) * root, 0.5 * e - 0.5 / e)
    return where(x == 0, x, with_sign_of(where(small, _near_zero(where(small, a, 0.0), _SINH), far), x))


def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    a = absolute(x)
    small, large = a < 0.5, a > 1e9
    inner = where(small | large, 1.0, a)
    square = _product(inner, inner)
    root = _root(_plus(square, (1.0 + 0.0 * a, 0.0 * a)))
    far = _log_of_pair(_plus(root, (inner, 0.0 * a)))
    far = where(large, log(where(large, a, 1.0)) + math.log(2.0), far)
    return where(x == 0, x, with_sign_of(where(small, _near_zero(where(small, a, 0.0), _ASINH), far), x))


def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    large = x > 1e9
    usual = (x > 1.0) & (x <= 1e9)
    inner = where(usual, x, 2.0)
    square = _product(inner, inner)
    root = _root(_plus(square, (0.0 * x - 1.0, 0.0 * x)))
    y = _log_of_pair_near_one(_plus(root, (inner, 0.0 * inner)))
    y = where(large, log(where(large, x, 1.0)) + math.log(2.0), where(usual, y, 0.0))
    return where(x < 1.0, math.nan, where(x != x, x, y))


def _log_of_pair_near_one(a: Pair) -> Any:
    """Logarithm of a pair that may be close to 1, where what is more than 1 counts."""
    excess = _plus(a, (0.0 * a[0] - 1.0, 0.0 * a[0]))
    close = a[0] < 1.5
    inner = where(close, excess[0], 0.5)
    return where(close, log1p(inner) + excess[1] / (1.0 + inner), _log_of_pair(a))


def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    a = absolute(x)
    inner = where(a < 1.0, a, 0.0)
    q, low = _over((2.0 * inner, 0.0 * a), _sum(1.0 + 0.0 * a, -inner))
    y = 0.5 * (log1p(q) + low / (1.0 + q))
    y = where(a < 1.0, y, where(a == 1.0, math.inf, where(a != a, a, math.nan)))
    return where(x == 0, x, with_sign_of(y, x))


# ---- powers --------------------------------------------------------------------------------------------

_THIRD, _LN2_PAIR = _pair_of(Fraction(2, 3)), (0.6931471805599453, 2.3190468138462996e-17)
_ATANH = tuple(2.0 / n for n in range(21, 3, -2))
"""2 atanh(s) = 2 s + 2/3 s^3 + 2/5 s^5 + ...: coefficients from the 21st power to the 5th."""


def log_pair(a: Any) -> Pair:
    """Logarithm of a positive finite number to 66 bits: of a power of two, and of a number from 0.7 to 1.42."""
    tiny = a < 2.2250738585072014e-308
    b = bits_of(where(tiny, a * 18014398509481984.0, a), np.int64)
    k = shifted_right(b - 0x3FE6A09E667F3BCD, 52)  # how often 2 goes into a / sqrt(1/2), rounded down
    m = bits_of(b - shifted_left(k, 52), np.float64)
    k = converted(k, np.float64) - where(tiny, 54.0, 0.0 * a)
    s = _over((m - 1.0, 0.0 * a), _sum(m, 1.0 + 0.0 * a))
    z = _times(s, s)
    cubic = _times(_times(z, s), _THIRD)
    tail = z[0] * z[0] * s[0] * poly(z[0], _ATANH)
    y = _plus((2.0 * s[0], 2.0 * s[1]), (cubic[0], cubic[1] + tail))
    return _plus(_times(_LN2_PAIR, (k, 0.0 * a)), y)


def positive_power(a: Any, y: Any) -> Any:
    """a^y of a number that is not negative."""
    usual = (a > 0) & (a < math.inf)
    exponent = clamped(y, -1e21, 1e21)
    zero = 0.0 * absolute(exponent)
    high, low = _times(log_pair(where(usual, a, 1.0)), (exponent, zero))
    high = clamped(high, -1e4, 1e4)
    result = exp(high)
    result = where(result == math.inf, result, result + result * where(absolute(high) > 800.0, 0.0, low))
    limit = where(y == 0, 1.0, where((a == 0) == (y < 0), math.inf, zero))
    return where((a != a) | (y != y), math.nan, where(usual, result, limit))
