"""The error function and its relatives, and functions of the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.custom_derivatives import custom_jvp
from axil.dialects import special as s
from axil.dialects import special_normal as n
from axil.numpy.values import Value, promote, reweaken, shape_error, type_error
from axil.scipy.special.common import apply, apply_strong, floats, is_complex


def erf(x: Any) -> Value:
    """Error function."""
    return apply("erf", s.erf, x)


def erfc(x: Any) -> Value:
    """``1 - erf(x)``, accurate where that is small."""
    return apply("erfc", s.erfc, x)


def erfinv(x: Any) -> Value:
    """Inverse of the error function."""
    return apply("erfinv", s.erf_inv, x)


def erfcx(x: Any) -> Value:
    """``exp(x ** 2) * erfc(x)``, finite where the factors are not; complex numbers too."""
    (x,), _ = floats("erfcx", x, complex_too=True)
    if is_complex([x]):
        return wofz(lax.complex(-anp.imag(x), anp.real(x)))
    return apply_strong("erfcx", n.erfcx, x)


def dawsn(x: Any) -> Value:
    """Dawson's integral: ``exp(-x ** 2)`` times the integral of ``exp(t ** 2)`` from 0 to `x`."""
    return apply_strong("dawsn", n.dawsn, x)


# ---- Faddeeva's function -------------------------------------------------------------------------------

_TERMS = 32


def _weideman() -> tuple[float, list[float]]:
    """The scale and the coefficients of Weideman's rational expansion (SIAM J. Numer. Anal. 31, 1994)."""
    scale = math.sqrt(_TERMS / math.sqrt(2))
    points = 4 * _TERMS
    t = scale * np.tan(np.arange(-points // 2 + 1, points // 2) * math.pi / points)
    values = np.concatenate([[0.0], np.exp(-(t**2)) * (scale**2 + t**2)])
    coefficients = np.fft.fft(np.fft.fftshift(values)).real / points
    return scale, list(map(float, coefficients[_TERMS:0:-1]))


_SCALE, _COEFFICIENTS = _weideman()


def _wofz_of(z: Value) -> Value:
    """By Weideman's expansion in the upper half plane, and w(z) = 2 exp(-z^2) - w(-z) in the lower."""
    lower = anp.imag(z) < 0
    u = anp.where(lower, -z, z)
    turned = lax.complex(-anp.imag(u), anp.real(u))  # i z
    below = _SCALE - turned
    ratio = (_SCALE + turned) / below
    total = anp.full_like(z, _COEFFICIENTS[0])
    for c in _COEFFICIENTS[1:]:
        total = total * ratio + c
    upper = 2 * total / (below * below) + (1 / math.sqrt(math.pi)) / below
    return anp.where(lower, 2 * anp.exp(-(z * z)) - upper, upper)


_wofz = custom_jvp(_wofz_of)


@_wofz.defjvp
def _wofz_jvp(primals: tuple, tangents: tuple) -> tuple:
    (z,), (dz,) = primals, tangents
    w = _wofz(z)
    return w, dz * (complex(0.0, 2 / math.sqrt(math.pi)) - 2 * z * w)


def wofz(z: Any) -> Value:
    """Faddeeva's function ``exp(-z ** 2) * erfc(-1j * z)``. Its relative error is 1e-12 or less in f64."""
    (z,), weak = promote("wofz", z, inexact=True)
    if not is_complex([z]):
        z = lax.convert_element_type(z, dtypes.promote_types(z.aval.dtype, False, np.dtype(np.complex64), False)[0])
    return _wofz(z)


# ---- the normal distribution ---------------------------------------------------------------------------


def ndtr(x: Any) -> Value:
    """The probability that a normal variable is at most `x`."""
    (x,), _ = floats("ndtr", x)
    return 0.5 * erfc(reweaken(x, False) * -math.sqrt(0.5))


def ndtri(p: Any) -> Value:
    """The inverse of `ndtr`: -inf at 0, inf at 1, NaN outside."""
    return apply_strong("ndtri", n.ndtri, p)


def log_ndtr(x: Any, series_order: int = 3) -> Value:
    """Logarithm of `ndtr`, accurate in both tails, as its derivative is.

    `series_order` is checked and not used: the tails are not computed by an asymptotic series.
    """
    if not isinstance(series_order, int):
        raise type_error(f"log_ndtr: series_order must be a Python integer, got {series_order!r}")
    if not 0 <= series_order <= 30:
        raise shape_error(f"log_ndtr: series_order must be from 0 to 30, got {series_order}")
    return apply_strong("log_ndtr", n.log_ndtr, x)


def owens_t(h: Any, a: Any) -> Value:
    """Owen's T: the probability that X > h and 0 < Y < a X, for independent normal variables X and Y."""
    return apply_strong("owens_t", n.owens_t, h, a)


__all__ = [
    "dawsn", "erf", "erfc", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri", "owens_t", "wofz",
]  # fmt: skip
