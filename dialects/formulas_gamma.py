"""Formulas of the incomplete gamma functions and Hurwitz' zeta function, in the arithmetic of `staged.py`.

Three methods cover the quarter plane of `a` and `x`, as in Gil, Segura and Temme, Efficient and accurate algorithms
for the incomplete gamma function ratios (2012): a power series where x < a, Legendre's continued fraction where
x > a, and Temme's uniform expansion where `a` is large and `x` is near it, where the others converge slowly.
"""

from __future__ import annotations

import math
from typing import Any

from axil.dialects import formulas
from axil.dialects.formulas import log1p
from axil.dialects.special_factory import at_all, eps, full, inverted
from axil.dialects.staged import absolute, clamped, exp, floor, log, poly, sqrt, where, with_sign_of
from axil.dialects.staged_loop import repeat

_LARGE = 200.0  # parameters from which Temme's expansion is used
_NEAR = 0.3  # largest |x - a| / a for it
_STIRLING_FROM = 13.0

# The coefficients of eta^n, highest power first, in the factor of a^-k of Temme's expansion (DLMF 8.12.10): computed
# in rationals from c_k = c_{k-1}' / eta + (-1)^k g_k / mu, where g_k are Stirling's coefficients.
_TEMME = (
    (-2.5514193994946248e-11, 9.14769958223679e-10, -4.382036018453353e-09, 1.0261809784240309e-08,
     6.707853543401498e-09, -1.7665952736826078e-07, 8.296711340953087e-07, -1.85406221071516e-06,
     -2.185448510679992e-06, 3.919263178522438e-05, -0.0001787551440329218, 0.0003527336860670194,
     0.0011574074074074073, -0.014814814814814815, 0.08333333333333333, -0.3333333333333333),
    (1.1951628599778148e-08, -5.752545603517705e-08, 1.378633446915721e-07, 4.647127802807434e-09,
     -1.6120900894563446e-06, 7.64916091608111e-06, -1.8098550334489977e-05, -4.018775720164609e-07,
     0.00020576131687242798, -0.0009902263374485596, 0.0026455026455026454, -0.003472222222222222,
     -0.001851851851851852),
    (1.4280614206064242e-07, -6.298992138380055e-07, 1.3721957309062934e-06, 3.423578734096138e-08,
     -1.2760635188618728e-05, 5.2923448829120125e-05, -0.0001073665322636516, 2.0093878600823047e-06,
     0.0007716049382716049, -0.0026813271604938273, 0.004133597883597883),
    (1.4230900732435883e-06, -5.6749528269915965e-06, 1.1082654115347302e-05, -2.396505113867297e-07,
     -7.561801671883977e-05, 0.00026772063206283885, -0.0004691894943952557, 0.00022947209362139917,
     0.0006494341563786008),
    (1.1375726970678419e-05, -3.968365047179435e-05, 6.641498215465122e-05, -1.4638452578843418e-06,
     -0.0002990724803031902, 0.0007840392217200666, -0.0008618882909167117),
    (6.797780477937208e-05, -0.00019932570516188847, 0.0002772753244959392, -6.972813758365857e-05,
     -0.00033679855336635813),
    (-0.0005921664373536939, 0.0005313079364639922),
)  # fmt: skip


# ---- gamma functions -----------------------------------------------------------------------------------


def gamma_sign(x: Any) -> Any:
    """The sign of the gamma function, where it has one."""
    low = floor(x)
    return where((x > 0) | (floor(low * 0.5) * 2.0 == low), full(x, 1.0), -1.0)


def is_pole(x: Any) -> Any:
    """Where the gamma function has a pole: at integers that are not positive."""
    return (x <= 0) & (floor(x) == x)


def gamma(x: Any) -> Any:
    """The gamma function: infinite at the zeros, with their sign; NaN at negative integers and at -inf."""
    y = gamma_sign(x) * exp(formulas.lgamma(where(x == 0, 1.0, x)))
    return where(x == 0, 1.0 / x, where(is_pole(x), math.nan, y))


def rising_factorial(z: Any, m: Any) -> Any:
    """Gamma(z + m) / Gamma(z). Where both have poles, the limit for integers m: (-1)^m (-z)! / (-z - m)!."""
    top, below, above = z + m, is_pole(z), is_pole(z + m)
    both = below & above
    logs = at_all(formulas.lgamma, [where(both, 1.0 - z, top), where(both, 1.0 - top, z)])
    odd = floor(m * 0.5) * 2.0 != m
    sign = where(both, where(odd, full(z, -1.0), 1.0), gamma_sign(top) * gamma_sign(z))
    y = where(below & inverted(above), 0.0, sign * exp(logs[0] - logs[1]))
    return where(m == 0, 1.0, where(above & inverted(below), math.inf, y))


# ---- x^a exp(-x) / Gamma(a + 1) ------------------------------------------------------------------------


def log1p_rest(u: Any) -> Any:
    """u - log(1 + u) for |u| <= 0.3, without cancellation: by the series of atanh(u / (2 + u))."""
    r = u / (u + 2.0)
    r2 = r * r
    series = poly(r2, [1.0 / (2 * k + 3) for k in range(11, -1, -1)])
    return r * (u - 2.0 * r2 * series)


def stirling_rest(a: Any) -> Any:
    """log Gamma(a + 1) less Stirling's (a + 1/2) log a - a + log(2 pi) / 2, for a >= 13."""
    inverse = 1.0 / a
    return poly(inverse * inverse, formulas._STIRLING) * inverse


def gamma_prefix(a: Any, x: Any) -> Any:
    """x^a exp(-x) / Gamma(a + 1) of positive numbers. For large `a` by Stirling's formula, whose terms are small."""
    direct = exp(a * log(x) - x - formulas.lgamma(clamped(a, 0.0, _STIRLING_FROM) + 1.0))
    big = where(a > _STIRLING_FROM, a, _STIRLING_FROM)
    u = (x - big) / big
    near = absolute(u) <= _NEAR
    rest = where(near, log1p_rest(clamped(u, -_NEAR, _NEAR)), u - log(where(near, 1.0, x / big)))
    by_stirling = exp(-(big * rest) - stirling_rest(big)) / sqrt(big * (2.0 * math.pi))
    return where(a > _STIRLING_FROM, by_stirling, direct)


# ---- series: P = prefix * sum --------------------------------------------------------------------------


def _series(a: Any, x: Any, derivative: bool) -> tuple[Any, Any]:
    """The sum of x^n / ((a + 1) ... (a + n)), and its derivative in `a` if that is wanted."""
    one, zero, tiny = full(a, 1.0), full(a, 0.0), eps(a)

    def step(n: Any, term: Any, total: Any, dterm: Any, dtotal: Any, a: Any, x: Any) -> list:
        below = a + n
        ratio = x / below
        if derivative:
            dterm = (dterm - term / below) * ratio
            dtotal = dtotal + dterm
        term = term * ratio
        return [n + 1.0, term, total + term, dterm, dtotal]

    def going(n: Any, term: Any, total: Any, dterm: Any, dtotal: Any, a: Any, x: Any) -> Any:
        more = term > total * tiny
        return more | (absolute(dterm) > absolute(dtotal) * tiny) if derivative else more

    _, _, total, _, dtotal = repeat(step, going, [one, one, one, zero, zero], [a, x])
    return total, dtotal


# ---- continued fraction: Q = a * prefix * fraction -----------------------------------------------------


def _fraction(a: Any, x: Any, derivative: bool) -> tuple[Any, Any]:
    """1/(x+1-a - 1(1-a)/(x+3-a - 2(2-a)/...)), and its derivative in `a` if that is wanted.

    By the forward recurrence of numerators and denominators, divided through so that the denominator stays 1.
    """
    one, zero, tiny = full(a, 1.0), full(a, 0.0), eps(a)

    def step(k: Any, p0: Any, q0: Any, p1: Any, dp0: Any, dq0: Any, dp1: Any, dq1: Any, change: Any, a: Any, x: Any):
        """From the numbers of step k - 2, and k - 1 (whose denominator is 1), to those of step k."""
        numerator, below = k * (a - k), x + 1.0 - a + 2.0 * k
        p, q = below * p1 + numerator * p0, below + numerator * q0
        scale = 1.0 / q
        new = p * scale
        if not derivative:
            return [k + 1.0, p1 * scale, scale, new, dp0, dq0, dp1, dq1, absolute(new - p1) - absolute(new) * tiny]
        dp = below * dp1 - p1 + numerator * dp0 + k * p0
        dq = below * dq1 - 1.0 + numerator * dq0 + k * q0
        slope, before = (dp - new * dq) * scale, dp1 - p1 * dq1
        change = where(
            absolute(new - p1) > absolute(new) * tiny, 1.0, absolute(slope - before) - absolute(slope) * tiny
        )
        return [k + 1.0, p1 * scale, scale, new, dp1 * scale, dq1 * scale, dp * scale, dq * scale, change]

    def going(k: Any, p0: Any, q0: Any, p1: Any, dp0: Any, dq0: Any, dp1: Any, dq1: Any, change: Any, a: Any, x: Any):
        return change > 0.0

    scale = 1.0 / (x + 1.0 - a)
    state = [one, zero, scale, scale, zero, zero, zero, -scale, one]
    _, _, _, value, _, _, dp, dq, _ = repeat(step, going, state, [a, x])
    return value, dp - value * dq


# ---- Temme's expansion ---------------------------------------------------------------------------------


def _uniform(a: Any, x: Any) -> tuple[Any, Any, Any]:
    """eta of DLMF 8.12.1, mu = x/a - 1, and the size exp(-a eta^2 / 2) / sqrt(2 pi a) of the correction."""
    mu = clamped((x - a) / a, -_NEAR, _NEAR)
    half_square = log1p_rest(mu)
    eta = with_sign_of(sqrt(2.0 * half_square), mu)
    return eta, mu, exp(-(a * half_square)) / sqrt(a * (2.0 * math.pi))


def _temme_sum(a: Any, eta: Any) -> Any:
    return poly(1.0 / a, [poly(eta, row) for row in reversed(_TEMME)])


def _temme_tails(a: Any, x: Any) -> tuple[Any, Any]:
    """P and Q for large `a`, neither of them by subtraction from 1."""
    eta, _, size = _uniform(a, x)
    correction = size * _temme_sum(a, eta)
    z = eta * sqrt(a * 0.5)
    return 0.5 * formulas.erfc(-z) - correction, 0.5 * formulas.erfc(z) + correction


def _temme_slope(a: Any, x: Any) -> tuple[Any, Any]:
    """dQ/da divided by the size of the correction, and that size."""
    eta, mu, size = _uniform(a, x)
    flat = mu == 0
    turn = -where(flat, 1.0, mu / where(flat, 1.0, eta)) / a  # d eta / da
    inverse = 1.0 / a
    values = [poly(eta, row) for row in _TEMME]
    slopes = [poly(eta, _derived(row)) for row in _TEMME[:-1]] + [full(a, _TEMME[-1][0])]
    total = poly(inverse, values[::-1])
    change = turn * poly(inverse, slopes[::-1])
    change = change - inverse * inverse * poly(inverse, [v * float(k) for k, v in reversed([*enumerate(values)][1:])])
    return -(a * turn) - 0.5 * eta + total * (log1p(mu) - 0.5 * inverse) + change, size


def _derived(row: Any) -> list[float]:
    degree = len(row) - 1
    return [c * (degree - i) for i, c in enumerate(row[:-1])]


# ---- putting together ----------------------------------------------------------------------------------


def _inner(a: Any, x: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The operands, replaced by 1 where the result is known or another method is used; which methods to use."""
    ordinary = (a > 0) & (x > 0) & (a < math.inf) & (x < math.inf)
    a, x = where(ordinary, a, 1.0), where(ordinary, x, 1.0)
    uniform = (a >= _LARGE) & (absolute(x - a) <= _NEAR * a)
    upper = (x >= 1.0) & (x > a)
    return ordinary, a, x, uniform, upper


def _tails(a: Any, x: Any) -> tuple[Any, Any]:
    """P and Q of ordinary operands; the smaller one is accurate, the other 1 less it."""
    _, a, x, uniform, upper = _inner(a, x)
    prefix = gamma_prefix(a, x)
    in_series, in_fraction = where(uniform | upper, 0.0, x), where(uniform, 1e9, where(upper, x, 1e9))
    p = prefix * _series(a, in_series, False)[0]
    q = prefix * a * _fraction(where(in_fraction == x, a, 1.0), in_fraction, False)[0]
    p, q = where(upper, 1.0 - q, p), where(upper, q, 1.0 - p)
    p_uniform, q_uniform = _temme_tails(where(uniform, a, _LARGE), where(uniform, x, _LARGE))
    return where(uniform, p_uniform, p), where(uniform, q_uniform, q)


def _at_edges(a: Any, x: Any, inner: Any, low: float, high: float) -> Any:
    """`inner`, or its limits: `low` at x = 0 and a = inf, `high` at x = inf and a = 0; NaN outside of the domain."""
    y = where((x == 0) | (a == math.inf), low, where((x == math.inf) | (a == 0), high, inner))
    y = where((a == x) & ((a == 0) | (a == math.inf)), math.nan, y)
    return where((a >= 0) & (x >= 0), y, math.nan)


def igamma(a: Any, x: Any) -> Any:
    """P(a, x), the regularized lower incomplete gamma function."""
    return _at_edges(a, x, _tails(a, x)[0], 0.0, 1.0)


def igammac(a: Any, x: Any) -> Any:
    """Q(a, x) = 1 - P(a, x), accurate where it is small."""
    return _at_edges(a, x, _tails(a, x)[1], 1.0, 0.0)


def _slopes(a: Any, x: Any) -> tuple[Any, Any]:
    """dP/da in the form scale * slope, where scale = x^a exp(-x) / Gamma(a + 1)."""
    _, a, x, uniform, upper = _inner(a, x)
    log_x = log(x)
    in_series, in_fraction = where(uniform | upper, 0.0, x), where(uniform, 1e9, where(upper, x, 1e9))
    total, change = _series(a, in_series, True)
    psi = formulas.digamma(a)
    lower = total * (log_x - psi - 1.0 / a) + change
    value, dvalue = _fraction(where(in_fraction == x, a, 1.0), in_fraction, True)
    slope = where(upper, -(a * (value * (log_x - psi) + dvalue)), lower)
    big = where(uniform, a, _LARGE)
    # The expansion's size is the prefix but for the rest of Stirling's formula.
    by_temme = -_temme_slope(big, where(uniform, x, _LARGE))[0] * exp(stirling_rest(big))
    return gamma_prefix(a, x), where(uniform, by_temme, slope)


def _slope_at_edges(a: Any, x: Any, inner: Any) -> Any:
    return where((a > 0) & (x >= 0), where((x == 0) | (x == math.inf) | (a == math.inf), 0.0, inner), math.nan)


def igamma_grad_a(a: Any, x: Any) -> Any:
    """dP/da."""
    prefix, slope = _slopes(a, x)
    return _slope_at_edges(a, x, prefix * slope)


def random_gamma_grad(a: Any, x: Any) -> Any:
    """dx/da of a number x drawn from the gamma distribution at a fixed P(a, x): -(dP/da) / (dP/dx)."""
    _, inner_a, inner_x, _, _ = _inner(a, x)
    return _slope_at_edges(a, x, -_slopes(a, x)[1] * inner_x / inner_a)


# ---- Hurwitz' zeta function ----------------------------------------------------------------------------

_SHIFT = 10
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
              854513 / 138, -236364091 / 2730)  # fmt: skip


def _inverse_power(x: Any, s: Any) -> Any:
    """|x|^-s, negative for negative `x` and odd `s`: lighter than the exact power, and good to |s log x| roundings."""
    half = floor(s * 0.5)
    odd = (half * 2.0 != s) & (x < 0)
    size = exp(-(s * log(absolute(x))))
    return where(odd, -size, size)


def _zeta_parts(s: Any, q: Any, derivative: bool) -> Any:
    """The sum over n of (q + n)^-s by Euler and Maclaurin's formula, or its derivative in `s`."""
    total = full(s, 0.0)
    for k in range(_SHIFT):
        term = _inverse_power(q + float(k), s)
        total = total + (-(term * log(q + float(k))) if derivative else term)
    w = q + float(_SHIFT)
    tail, inverse, above = _inverse_power(w, s), 1.0 / w, 1.0 / (s - 1.0)
    log_w = log(w)
    head = tail * w * above
    rest = head + 0.5 * tail
    if derivative:
        rest = -(head * (log_w + above)) - 0.5 * tail * log_w
    term, harmonic = tail * inverse * s, 1.0 / s
    for j, b in enumerate(_BERNOULLI, 1):
        part = term * (b / math.factorial(2 * j))
        rest = rest + (part * (harmonic - log_w) if derivative else part)
        for m in (2 * j - 1, 2 * j):
            term = term * (s + float(m)) * inverse
            harmonic = harmonic + 1.0 / (s + float(m))
    return total + rest


def zeta(s: Any, q: Any) -> Any:
    """Hurwitz' zeta function for s > 1; infinite at s = 1 and where a term is; NaN for s < 1.

    For negative `q`, `s` has to be an integer.
    """
    inner = (s > 1.0) & (s < math.inf)
    pole = (q <= 0) & (q == floor(q))
    y = _zeta_parts(where(inner, s, 2.0), where(pole, 1.0, q), False)
    even = floor(s * 0.5) * 2.0 == s
    y = where(pole, where(even, full(s, math.inf), math.nan), where((q < 0) & (floor(s) != s), math.nan, y))
    y = where(q == math.inf, 0.0, y)
    y = where(s == math.inf, where(q > 1.0, 0.0, where(q == 1.0, full(q, 1.0), math.inf)), y)
    return where(s == 1.0, math.inf, where(s > 1.0, y, math.nan))


def zeta_grad_s(s: Any, q: Any) -> Any:
    """Derivative of `zeta` in `s`, for s > 1 and q > 0."""
    ordinary = (s > 1.0) & (q > 0)
    return where(ordinary, _zeta_parts(where(ordinary, s, 2.0), where(ordinary, q, 1.0), True), math.nan)
