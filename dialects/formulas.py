"""Numerical formulas for functions that NumPy or StableHLO lack.

Each is written once, in the arithmetic of `staged.py`, for the reference and for the lowering, so that eager
and compiled results agree up to rounding. Formulas take f32 and f64, unless they say otherwise.

Tables are from Cephes (S. L. Moshier, netlib.org/cephes; file names are given below) unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects import formulas_double as double
from axil.dialects import staged
from axil.dialects.staged import (
    absolute,
    bits_of,
    clamped,
    converted,
    exp,
    floor,
    is_double,
    log,
    poly,
    rint,
    sqrt,
    where,
    with_sign_of,
)
from axil.dialects.staged import (
    power as positive_power,
)

# ---- near zero -----------------------------------------------------------------------------------------


def expm1(x: Any) -> Any:
    """exp(x) - 1. For small f64 IREE's own gives 0."""
    return double.expm1(x) if isinstance(x, staged.Staged) and is_double(x) else staged.expm1(x)


def log1p(x: Any) -> Any:
    """log(1 + x), with the same exception."""
    return double.log1p(x) if isinstance(x, staged.Staged) and is_double(x) else staged.log1p(x)


# ---- error function (ndtr.c) ---------------------------------------------------------------------------

_ERF = (
    (9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3, 7.00332514112805075473e3,
     5.55923013010394962768e4),
    (1.0, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3,
    2.26290000613890934246e4,
     4.92673942608635921086e4),
)  # fmt: skip
_ERFC = (
    (2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0,
    4.86371970985681366614e1,
     1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
     5.57535335369399327526e2),
    (1.0, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2,
    9.75708501743205489753e2,
     1.82390916687909736289e3, 2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2),
)  # fmt: skip
_ERFC_TAIL = (
    (5.64189583547755073984e-1, 1.27536670759978104416e0, 5.01905042251180477414e0, 6.16021097993053585195e0,
     7.40974269950448939160e0, 2.97886665372100240670e0),
    (1.0, 2.26052863220117276590e0, 9.39603524938001434673e0, 1.20489539808096656605e1,
    1.70814450747565897222e1,
     9.60896809063285878198e0, 3.36907645100081516050e0),
)  # fmt: skip
# Single precision in one rational, from Eigen (also XLA's erf).
_ERF_SINGLE = (
    (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
     -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
    (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
     -1.42647390514189e-02),
)  # fmt: skip


def _ratio(x: Any, table: tuple[Sequence[float], Sequence[float]]) -> Any:
    return poly(x, table[0]) / poly(x, table[1])


def _erf_near_zero(x: Any) -> Any:
    return x * _ratio(x * x, _ERF)


def _erfc_of_positive(a: Any) -> Any:
    """erfc(a) for a >= 1. exp(-a^2) is taken in two factors: rounding a^2 would cost a^2 ulps."""
    high = floor(a * 16.0) * 0.0625
    tail = exp(-(high * high)) * exp(-((a - high) * (a + high)))
    near = clamped(a, 1.0, 8.0)
    far = clamped(a, 8.0, 30.0)
    return tail * where(a < 8.0, _ratio(near, _ERFC), _ratio(far, _ERFC_TAIL))


def erf(x: Any) -> Any:
    """Error function."""
    if not is_double(x):
        x = clamped(x, -4.0, 4.0)
        return x * _ratio(x * x, _ERF_SINGLE)
    a = absolute(x)
    small = a <= 1.0
    far = 1.0 - _erfc_of_positive(where(small, 1.0, clamped(a, 0.0, 6.0)))
    return where(small, _erf_near_zero(where(small, x, 0.0)), with_sign_of(far, x))


def erfc(x: Any) -> Any:
    """1 - erf(x), accurate where that is small."""
    a = absolute(x)
    small = a <= 1.0
    near = 1.0 - _erf_near_zero(where(small, x, 0.0))
    far = _erfc_of_positive(where(small, 1.0, clamped(a, 0.0, 30.0)))
    return where(small, near, where(x < 0, 2.0 - far, far))


# M. Giles, Approximating the erfinv function (GPU Computing Gems, 2012), single precision.
_ERF_INV_CENTER = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
-0.00125372503,                    -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_ERF_INV_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
                 0.00943887047, 1.00167406, 2.83297682)  # fmt: skip


def erf_inv(x: Any) -> Any:
    """Inverse of the error function; infinite at -1 and 1, NaN outside."""
    a = absolute(x)
    near = a < 0.5
    w = where(near, -log1p(-(x * x)), -log(where(near, 1.0, (1.0 - a) * (1.0 + a))))
    center = w < 5.0
    y = x * where(
        center, poly(where(center, w, 2.5) - 2.5, _ERF_INV_CENTER),
        poly(sqrt(where(center, 9.0, clamped(w, 5.0, 16.0))) - 3.0, _ERF_INV_TAIL),
    )  # fmt: skip
    if is_double(x):
        y = _refined_erf_inv(x, y, w)
    return where(a == 1.0, x * math.inf, y)


def _refined_erf_inv(x: Any, y: Any, w: Any) -> Any:
    """Two Halley steps from the single precision value, or from an asymptotic one in the far tail."""
    a, y = absolute(x), absolute(y)
    rest = clamped(1.0 - a, 1e-17, 1.0)
    far = -log(rest)
    guess = sqrt(far)
    guess = sqrt(clamped(far - log(guess * math.sqrt(math.pi)), 1e-3, 1e3))
    y = where(w < 15.0, y, guess)
    center = a < 0.5
    for _ in range(2):
        error = where(center, erf(y) - a, rest - erfc(y))
        u = error * exp(y * y) * (math.sqrt(math.pi) / 2)
        y = y - u / (1.0 + y * u)
    return where(a <= 1.0, with_sign_of(y, x), math.nan)


# ---- powers, roots and remainders ----------------------------------------------------------------------


def sign_bit(x: Any) -> Any:
    """Where `x` is negative, or -0.0."""
    return (x < 0) | ((x == 0) & (1.0 / x < 0))


def with_sign_bit_of(magnitude: Any, x: Any) -> Any:
    """`magnitude`, which is not negative, with the sign of `x`, be it that of a zero."""
    return where(sign_bit(x), -magnitude, magnitude)


def power(x: Any, y: Any) -> Any:
    """x^y, as IEEE 754 has it. IREE's own is exp(y log x): NaN for negative x, and for 0^0."""
    a = absolute(x)
    return _signed_power(x, y, double.positive_power(a, y) if is_double(x) else positive_power(a, y))


def _signed_power(x: Any, y: Any, size: Any) -> Any:
    """x^y, where |x|^y is given."""
    a = absolute(x)
    size = where((a == 1.0) & (y == y), 1.0, size)
    whole = floor(y) == y
    odd = whole & (floor(y * 0.5) * 2.0 != y)
    size = where(odd & sign_bit(x), -size, size)
    size = where((x < 0) & (a < math.inf) & (floor(y) != y), math.nan, size)
    return where((y == 0) | (x == 1.0), 1.0, size)


def power_of_singles(x: Any, y: Any) -> Any:
    """x^y of f32, by a logarithm in f64: y log x in f32 would have an error of many units of the last place."""
    wide = [converted(v, np.float64) for v in (absolute(x), y)]
    return _signed_power(x, y, converted(positive_power(*wide), np.float32))


def cbrt(x: Any) -> Any:
    """Cube root: by a logarithm, then a Newton step (two for f64)."""
    a = absolute(x)
    usual = (a > 0) & (a < math.inf)
    a = where(usual, a, 1.0)
    y = exp(log(a) * (1 / 3))
    for _ in range(2 if is_double(x) else 1):
        y = y - (y - a / (y * y)) * (1 / 3)
    return where(usual, with_sign_of(y, x), x)


_STEP = 22  # bits of the quotient that a step of fmod takes away


def fmod_step(r: Any, y: Any) -> Any:
    """`r` less a multiple of `y` that leaves less than r / 2^22, or the remainder. Of positive f64; exact.

    The multiple is q c, where c is y times a power of two and q < 2^23 is an integer. c is split in two parts, so that
    their products with q have no more than 53 bits; q is rounded to nearest, so that what is left has not either.
    """
    exponents = [bits_of(v, np.int64).op("shift_right_logical", 52) for v in (r, y)]
    shift = (exponents[0] - exponents[1] - _STEP).op("maximum", 0)
    bits = bits_of(y, np.int64) + shift.op("shift_left", 52)
    c, high = bits_of(bits, np.float64), bits_of(bits & -(1 << 27), np.float64)
    q = rint(r / c)
    rest = (r - q * high) - q * (c - high)
    return where(r >= y, where(rest < 0, rest + c, rest), r)


# ---- sine and cosine (sin.c) ---------------------------------------------------------------------------

_SIN = (1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6,
-1.98412698295895385996e-4,         8.33333333332211858878e-3, -1.66666666666666307295e-1)  # fmt: skip
_COS = (-1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7,
2.48015872888517045348e-5,         -1.38888888888730564116e-3, 4.16666666666665929218e-2)  # fmt: skip
_HALF_PI = (1.57079625129699707031, 7.54978941586159635336e-8, 5.39030285815811895218e-15)


def _sin_cos_small(r: Any) -> tuple[Any, Any]:
    """Sine and cosine for angles up to pi/4."""
    z = r * r
    return r + r * z * poly(z, _SIN), 1.0 - 0.5 * z + z * z * poly(z, _COS)


def _turned(sine: Any, cosine: Any, quarters: Any) -> Any:
    """The sine of an angle, `quarters` right angles further than the one whose sine and cosine are given."""
    q = quarters - 4.0 * floor(quarters * 0.25)
    odd = (q == 1.0) | (q == 3.0)
    y = where(odd, cosine, sine)
    return where(q >= 2.0, -y, y)


def _reduced(x: Any) -> tuple[Any, Any]:
    """An f32 angle less right angles, and their number, computed in f64.

    The error is about 1e-16 |x|: results are right up to 1e8. Beyond, the result is at least that of some angle.
    """
    wide = converted(x, np.float64)
    quarters = rint(wide * (2 / math.pi))
    r = wide
    for part in _HALF_PI:
        r = r - quarters * part
    return converted(clamped(r, -1.0, 1.0), np.float32), _last_turn(quarters)


def _last_turn(quarters: Any) -> Any:
    """A number of right angles less whole turns, in f32."""
    return converted(quarters - 4.0 * floor(quarters * 0.25), np.float32)


def sin(x: Any) -> Any:
    """Sine."""
    if is_double(x):
        return double.sin(x)
    r, quarters = _reduced(x)
    return where(x == 0, x, _turned(*_sin_cos_small(r), quarters))


def cos(x: Any) -> Any:
    """Cosine."""
    if is_double(x):
        return double.cos(x)
    r, quarters = _reduced(x)
    return _turned(*_sin_cos_small(r), quarters + 1.0)


def tan(x: Any) -> Any:
    """Tangent."""
    if is_double(x):
        return double.tan(x)
    r, quarters = _reduced(x)
    sine, cosine = _sin_cos_small(r)
    odd = quarters - 2.0 * floor(quarters * 0.5) == 1.0
    return where(x == 0, x, where(odd, -cosine, sine) / where(odd, sine, cosine))


def _sin_cos_of_pi(x: Any) -> tuple[Any, Any]:
    """Sine and cosine of pi x."""
    quarters = rint(x * 2.0)
    sine, cosine = _sin_cos_small((x - quarters * 0.5) * math.pi)
    return _turned(sine, cosine, quarters), _turned(sine, cosine, quarters + 1.0)


# ---- inverse tangent (atan.c, atanf.c) -----------------------------------------------------------------

_ATAN = (
    (-8.750608600031904122785e-1, -1.615753718733365076637e1, -7.500855792314704667340e1,
    -1.228866684490136173410e2,
     -6.485021904942025371773e1),
    (1.0, 2.485846490142306297962e1, 1.650270098316988542046e2, 4.328810604912902668951e2,
    4.853903996359136964868e2,
     1.945506571482613964425e2),
)  # fmt: skip
_ATAN_SINGLE = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)


def atan(x: Any) -> Any:
    """Inverse tangent."""
    a = absolute(x)
    steep, middle = a > 2.41421356237309504880, a > (0.66 if is_double(x) else 0.41421356237309503)
    r = where(steep, -1.0 / where(steep, a, 1.0), where(middle, (a - 1.0) / (a + 1.0), a))
    base = where(steep, math.pi / 2, where(middle, math.pi / 4, 0.0 * r))
    z = r * r
    y = base + (r + r * z * (_ratio(z, _ATAN) if is_double(x) else poly(z, _ATAN_SINGLE)))
    return with_sign_of(y, x)


def atan2(y: Any, x: Any) -> Any:
    """Angle of the point (x, y)."""
    equal = (absolute(x) == math.inf) & (absolute(y) == math.inf)
    ratio = where(equal, 1.0, absolute(y) / absolute(x))
    angle = atan(where((x == 0) & (y == 0), 0.0, ratio))
    left = (x < 0) | ((x == 0) & (1.0 / x < 0))
    angle = where(left, math.pi - angle, angle)
    above = (y > 0) | ((y == 0) & (1.0 / y > 0))
    angle = where((x != x) | (y != y), math.nan, angle)
    return where(above, angle, -angle)


def asin(x: Any) -> Any:
    """Inverse sine."""
    if is_double(x):
        return double.asin(x)
    return where(x == 0, x, 2.0 * atan(x / (1.0 + sqrt((1.0 - x) * (1.0 + x)))))


def acos(x: Any) -> Any:
    """Inverse cosine."""
    if is_double(x):
        return double.acos(x)
    return 2.0 * atan(sqrt((1.0 - x) / (1.0 + x)))


# ---- hyperbolic functions ------------------------------------------------------------------------------


def _halves_of_exp(a: Any) -> Any:
    """exp(a) / 2, which overflows later than exp(a)."""
    root = exp(a * 0.5)
    return (root * 0.5) * root


def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    if is_double(x):
        return double.sinh(x)
    a = absolute(x)
    t = expm1(clamped(a, 0.0, 20.0))
    return with_sign_of(where(a > 20.0, _halves_of_exp(a), 0.5 * (t + t / (t + 1.0))), x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    a = absolute(x)
    e = exp(clamped(a, 0.0, 20.0))
    return where(a > 20.0, _halves_of_exp(a), 0.5 * e + 0.5 / e)


def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    if is_double(x):
        return double.asinh(x)
    a = absolute(x)
    large = a > 1e9
    s = where(large, 1.0, a)
    near = log1p(s + s * s / (1.0 + sqrt(s * s + 1.0)))
    return with_sign_of(where(large, log(where(large, a, 1.0)) + math.log(2.0), near), x)


def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    if is_double(x):
        return double.acosh(x)
    large = x > 1e9
    t = where(large, 1.0, x) - 1.0
    near = log1p(t + sqrt(t * (t + 2.0)))
    return where(x < 1.0, math.nan, where(large, log(where(large, x, 1.0)) + math.log(2.0), near))


def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    if is_double(x):
        return double.atanh(x)
    a = absolute(x)
    inner = where(a < 1.0, a, 0.0 * a)
    y = 0.5 * log1p(2.0 * inner / (1.0 - inner))
    return with_sign_of(where(a < 1.0, y, where(a == 1.0, math.inf, math.nan * a)), x)


# ---- gamma functions -----------------------------------------------------------------------------------

# gamma.c: lgamma(2 + v) / v, and its asymptotic series; psi.c
_LGAMMA = (
    (-1.37825152569120859100e3, -3.88016315134637840924e4, -3.31612992738871184744e5,
    -1.16237097492762307383e6,
     -1.72173700820839662146e6, -8.53555664245765465627e5),
    (1.0, -3.51815701436523470549e2, -1.70642106651881159223e4, -2.20528590553854454839e5,
     -1.13933444367982507207e6, -2.53252307177582951285e6, -2.01889141433532773231e6),
)  # fmt: skip
_STIRLING = (8.11614167470508450300e-4, -5.95061904284301438324e-4, 7.93650340457716943945e-4,
             -2.77777777730099687205e-3, 8.33333333333331927722e-2)  # fmt: skip
_STIRLING_PSI = (8.33333333333333333333e-2, -2.10927960927960927961e-2, 7.57575757575757575758e-3,
                 -4.16666666666666666667e-3, 3.96825396825396825397e-3, -8.33333333333333333333e-3,
                 8.33333333333333333333e-2)  # fmt: skip
_SHIFT = 10


def lgamma(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function."""
    reflect = x < 0.5
    a = where(reflect, 1.0 - x, x)
    y = where(a < 13.0, _lgamma_small(clamped(a, 0.5, 13.0)), _lgamma_large(where(a < 13.0, 13.0, a)))
    sine = absolute(_sin_cos_of_pi(where(reflect, x, 0.5))[0])
    y = where(reflect, math.log(math.pi) - log(sine) - y, y)
    return where(absolute(x) == math.inf, math.inf, where((x <= 0) & (x == floor(x)), math.inf, y))


def _lgamma_small(a: Any) -> Any:
    """For a from 0.5 to 13, by recurrence to 2 + v. Near 1 and 2, where lgamma is 0, v is exact."""
    u, product = a, 1.0 + 0.0 * a
    for _ in range(10):
        above = u >= 3.0
        u = where(above, u - 1.0, u)
        product = where(above, product * u, product)
    middle, low = (a >= 0.9) & (a < 1.9), a < 0.9
    product = where(low, 1.0 / (a * (a + 1.0)), product)
    v = where(middle, a - 1.0, where(low, a, u - 2.0))
    return where(middle, -log1p(a - 1.0), log(product)) + v * _ratio(v, _LGAMMA)


def _lgamma_large(a: Any) -> Any:
    inverse = 1.0 / a
    return (a - 0.5) * log(a) - a + 0.5 * math.log(2 * math.pi) + poly(inverse * inverse, _STIRLING) * inverse


def digamma(x: Any) -> Any:
    """Derivative of lgamma; NaN at 0 and negative integers."""
    reflect = x < 0.5
    z = where(reflect, 1.0 - x, x)
    recurrence = 1.0 / z
    for k in range(1, _SHIFT):
        recurrence = recurrence + 1.0 / (z + float(k))
    large = z >= _SHIFT
    shifted = where(large, z, z + float(_SHIFT))
    w = 1.0 / (shifted * shifted)
    y = log(shifted) - 0.5 / shifted - w * poly(w, _STIRLING_PSI)
    y = where(large, y, y - recurrence)
    sine, cosine = _sin_cos_of_pi(where(reflect, x, 0.5))
    y = where(reflect, y - math.pi * cosine / sine, y)
    return where((x <= 0) & (x == floor(x)), math.nan, y)


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def polygamma(x: Any, n: int) -> Any:
    """The n-th derivative of digamma, n >= 1, by Euler and Maclaurin's formula for Hurwitz' zeta function."""
    s = n + 1
    total = _power(1.0 / x, s)
    for k in range(1, _SHIFT):
        total = total + _power(1.0 / (x + float(k)), s)
    inverse = 1.0 / (x + float(_SHIFT))
    tail = _power(inverse, n)
    total = total + tail * (1.0 / n) + tail * inverse * 0.5
    factor, term = s / 2.0, tail * inverse * inverse
    for j, b in enumerate(_BERNOULLI, 1):
        total = total + term * (b * factor)
        factor *= (s + 2 * j - 1) * (s + 2 * j) / ((2 * j + 1) * (2 * j + 2))
        term = term * (inverse * inverse)
    return total * float((-1) ** (n + 1) * math.factorial(n))


def _power(x: Any, n: int) -> Any:
    y = x
    for _ in range(n - 1):
        y = y * x
    return y
