"""The gamma function, its logarithm, derivatives and incomplete forms; what is made of it; Hurwitz' zeta function."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.dialects import special as s
from axil.dialects import special_beta, special_gamma
from axil.errors import AxilError, explain
from axil.numpy.values import Value, operand, reweaken, type_error
from axil.scipy.special.common import apply, apply_strong, floats, integer, is_complex
from axil.source import user_line


class UnsupportedForm(AxilError, NotImplementedError):
    """A form of a function that SciPy has and JAX has not."""


def unsupported(text: str, *ways_out: str) -> NoReturn:
    """Raise an error about a form of a function that is not available."""
    raise UnsupportedForm(explain(text, user_line(), ways_out=ways_out))


# ---- the gamma function --------------------------------------------------------------------------------


def gammaln(x: Any) -> Value:
    """Logarithm of the absolute value of the gamma function."""
    return apply("gammaln", s.lgamma, x)


def gammasgn(x: Any) -> Value:
    """Sign of the gamma function: 1 or -1; -1 at -0.0, NaN at negative integers and at NaN."""
    (x,), _ = floats("gammasgn", x)
    low = lax.floor(x)
    of = x.aval.dtype
    negative = x < 0
    odd = (negative & (low % 2 != 0)) | ((x == 0) & anp.signbit(x))
    sign = anp.where(odd, np.array(-1, of), np.array(1, of))
    return anp.where((negative & (x == low)) | anp.isnan(x), np.array(math.nan, of), sign)


def gamma(x: Any) -> Value:
    """The gamma function; complex numbers too. NaN at negative integers; infinite at 0, with the zero's sign."""
    (x,), weak = floats("gamma", x, complex_too=True)
    if not is_complex([x]):
        return apply_strong("gamma", special_gamma.gamma, x)
    pole = _complex_pole(x)
    return anp.where(pole, complex(math.nan, math.nan), anp.exp(_log_gamma(anp.where(pole, 1, x))))


def loggamma(x: Any) -> Value:
    """Principal branch of the logarithm of the gamma function; of negative real numbers NaN."""
    (x,), _ = floats("loggamma", x, complex_too=True)
    if not is_complex([x]):
        return anp.where(x > 0, lax.lgamma(x), math.nan)
    pole = _complex_pole(x)
    return anp.where(pole, complex(math.nan, math.nan), _log_gamma(anp.where(pole, 1, x)))


def _complex_pole(z: Value) -> Value:
    real = anp.real(z)
    return anp.isnan(z) | ((anp.imag(z) == 0) & (real <= 0) & (real == anp.floor(real)))


# Lanczos' approximation with g = 7 and 9 terms, computed by P. Godfrey.
_LANCZOS = (
    0.99999999999980993227684700473478, 676.520368121885098567009190444019, -1259.13921672240287047156078755283,
    771.3234287776530788486528258894, -176.61502916214059906584551354, 12.507343278686904814458936853,
    -0.13857109526572011689554707, 9.984369578019570859563e-6, 1.50563273514931155834e-7,
)  # fmt: skip


def _lanczos(z: Value) -> Value:
    """log Gamma(z) for Re z >= 1/2."""
    below = z - 1
    total = sum((c / (below + k) for k, c in enumerate(_LANCZOS[1:], 1)), anp.full_like(z, _LANCZOS[0]))
    t = below + 7.5
    return (below + 0.5) * anp.log(t) - t + anp.log(total) + 0.5 * math.log(2 * math.pi)


def _log_gamma(z: Value) -> Value:
    """The principal branch, by reflection left of 1/2.

    Above the real axis sin(pi z) = i/2 exp(-i pi z) (1 - exp(2 i pi z)), whose last factor has a principal logarithm
    that is continuous: no jump has to be undone. Below it everything is conjugate.
    """
    real, imaginary = anp.real(z), anp.imag(z)
    below = imaginary < 0
    z = lax.complex(real, anp.abs(imaginary))
    left = real < 0.5
    inside = _lanczos(anp.where(left, 1 - z, z))
    far = anp.where(left, z, 0.5)
    angle = lax.complex(-anp.imag(far), anp.real(far)) * math.pi  # i pi z
    log_sine = anp.log(1 - anp.exp(2 * angle)) - angle + complex(-math.log(2.0), math.pi / 2)
    result = anp.where(left, math.log(math.pi) - log_sine - inside, inside)
    return anp.where(below, anp.conj(result), result)


def digamma(x: Any) -> Value:
    """Derivative of the logarithm of the gamma function."""
    return apply("digamma", s.digamma, x)


def polygamma(n: Any, x: Any) -> Value:
    """Derivative of order `n`, integers, of `digamma`."""
    order = operand("polygamma", n)
    if dtypes.kind_of(order.aval.dtype) not in "iu":
        raise type_error(f"polygamma takes orders of integer type, got {order.aval.dtype.name}")
    (orders, x), _ = floats("polygamma", order, x)
    (x,) = (anp.broadcast_to(x, np.broadcast_shapes(order.aval.shape, x.aval.shape)),)
    if isinstance(n, (int, np.integer)):
        return lax.polygamma(int(n), x)
    return lax.polygamma(anp.broadcast_to(orders, x.aval.shape), x)


def multigammaln(a: Any, d: Any) -> Value:
    """Logarithm of the multivariate gamma function of dimension `d`, an integer that is known when tracing."""
    dimension = integer("multigammaln", "d", d)
    (a,), _ = floats("multigammaln", a)
    constant = 0.25 * dimension * (dimension - 1) * math.log(math.pi)
    total = reweaken(anp.full_like(a, constant), False)
    for i in range(dimension):
        total = total + gammaln(a - 0.5 * i)
    return total


def gammainc(a: Any, x: Any) -> Value:
    """Regularized lower incomplete gamma function P(a, x); differentiable in both."""
    return apply("gammainc", special_gamma.igamma, a, x)


def gammaincc(a: Any, x: Any) -> Value:
    """Regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x); differentiable in both."""
    return apply("gammaincc", special_gamma.igammac, a, x)


# ---- factorials and binomial coefficients --------------------------------------------------------------


def factorial(n: Any, exact: bool = False) -> Value:
    """Gamma(n + 1), as floats; 0 for negative numbers."""
    if exact:
        unsupported("factorial(exact=True) is not available: arrays hold no integers of any size",
                    "use math.factorial(n) for a Python integer")  # fmt: skip
    (n,), _ = floats("factorial", n)
    negative = n < 0
    return anp.where(negative, 0, apply("factorial", special_gamma.gamma, anp.where(negative, 0, n) + 1))


def comb(N: Any, k: Any, *, repetition: bool = False) -> Value:  # noqa: N803 - SciPy's name
    """The number of ways to choose `k` of `N` things, with repetition or without; 0 where there is none."""
    (n, k), _ = floats("comb", N, k)
    if repetition:
        return anp.where((k == 0) & (n >= 0), 1.0, apply("comb", special_beta.binomial, n + k - 1, k))
    return apply("comb", special_beta.binomial, n, k)


def poch(z: Any, m: Any) -> Value:
    """Pochhammer's symbol Gamma(z + m) / Gamma(z)."""
    return apply_strong("poch", special_gamma.rising_factorial, z, m)


# ---- the beta function ---------------------------------------------------------------------------------


def beta(a: Any, b: Any) -> Value:
    """Gamma(a) Gamma(b) / Gamma(a + b)."""
    return apply_strong("beta", special_beta.beta, a, b)


def betaln(a: Any, b: Any) -> Value:
    """Logarithm of the absolute value of the beta function."""
    return apply("betaln", special_beta.betaln, a, b)


def betainc(a: Any, b: Any, x: Any) -> Value:
    """Regularized incomplete beta function; differentiable in `x` only."""
    return apply("betainc", special_beta.betainc, a, b, x)


def zeta(x: Any, q: Any = None) -> Value:
    """Hurwitz' zeta function: the sum of ``(q + n) ** -x`` over integers n >= 0, for x > 1."""
    if q is None:
        unsupported("zeta needs q: Riemann's zeta function is not available for all arguments",
                    "pass q=1, which is Riemann's zeta function for x > 1")  # fmt: skip
    return apply("zeta", special_gamma.zeta, x, q)


__all__ = [
    "beta", "betainc", "betaln", "comb", "digamma", "factorial", "gamma", "gammainc", "gammaincc", "gammaln",
    "gammasgn", "loggamma", "multigammaln", "poch", "polygamma", "unsupported", "zeta",
]  # fmt: skip
