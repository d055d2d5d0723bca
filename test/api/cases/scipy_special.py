"""The cases of `axil.scipy.special`."""

from __future__ import annotations

from api import elementwise, reduction

MODULE = "scipy.special"

EDGES = "J.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, -2.0, -2.5, 3.0, 30.0, -30.0, inf, -inf, nan])"


def unary(name: str, low: float, high: float) -> list[str]:
    """An elementwise function of one operand, on a range and at numbers where something may happen."""
    return [*elementwise(f"M.{name}", 1, low=low, high=high), f"M.{name}({EDGES})", f"M.{name}(A(40, 'f', 9, {low}, {high}))"]


def of_kinds(name: str, *kinds: str) -> list[str]:
    """The dtypes that JAX takes, for functions that it has for f32 and f64 only."""
    return [f"M.{name}(A((2,3), '{k}', 0, 0.05, 0.95))" for k in kinds]


_STRICT_ARRAYS = ["A((2,3), 'f', 0, 0.05, 0.95)", "A((0,), 'f')", "A((), 'f', 1, 0.1, 0.9)", "0.25", "A((2,0,3), 'f')",
                  "A((2,1,2), 'f', 3, 0.05, 0.95)", "A(30, 'f', 4, 0.0, 1.0)", "A(30, 'f', 4, -8.0, 8.0)", EDGES,
                  "J.array([1e-30, 1e-10, 1 - 1e-6])", "A(5, 'f', 2, 0.5, 4.0)"]  # fmt: skip
_ZEROS = "J.array([0.0, 0.0, 0.0, 1.0, 1.0, -1.0, 2.0, nan, 0.0]), J.array([0.0, 1.0, nan, 0.0, -1.0, 1.0, inf, 1.0, -1.0])"
_SPHERE = "A(6, 'f', 2, 0.1, 3.0), A(6, 'f', 3, -3.0, 3.0)"
_REDUCED = [c for c in reduction("M.logsumexp")]

CASES = {
    "bernoulli": [f"M.bernoulli({n})" for n in (0, 1, 2, 3, 4, 5, 10, 15, 20, 30)] + ["M.bernoulli(-1)", "M.bernoulli(1.5)"],
    "bessel_jn": [f"M.bessel_jn({x}, v={v})" for x, v in (
        ("A(5, 'f', 0, 5, 20)", 0), ("A(5, 'f', 0, 5, 20)", 3), ("A((2,3), 'f', 1, 5, 15)", 2), ("9.5", 4), ("A((), 'f', 1, 5, 9)", 1),
        ("A(4, 'i', 0, 6, 12)", 2), ("A((0,), 'f')", 2), ("A(3, 'c')", 1), ("A(3, 'f', 0, -12, -5)", 5))]
    + ["M.bessel_jn(A(4, 'f', 0, 5, 9), v=2, n_iter=30)"],
    "beta": elementwise("M.beta", 2, low=0.3, high=6) + ["M.beta(J.array([-0.5, -1.0, 0.0, 20.0, 1e-3]), J.array([2.0, 2.0, 1.0, 30.0, 4.0]))"],
    "betainc": elementwise("M.betainc", 3, low=0.1, high=0.9)
    + ["M.betainc(2.0, 3.0, J.array([-0.1, 0.0, 0.5, 1.0, 1.1, nan]))", "M.betainc(A(9, 'f', 0, 0.1, 30), A(9, 'f', 1, 0.1, 30), A(9, 'f', 2, 0, 1))"],
    "betaln": elementwise("M.betaln", 2, low=0.3, high=6) + ["M.betaln(J.array([-0.5, -1.0, 0.0, 20.0, 1e6, 1e-3]), J.array([2.0, 2.0, 1.0, 30.0, 1e5, 1e3]))"],
    "boxcox": elementwise("M.boxcox", 2, low=0.3, high=4) + [f"M.boxcox({_ZEROS})", "M.boxcox(A(5, 'f', 0, 0.1, 5), 0)", "M.boxcox(2.0, J.array([-1.0, 0.0, 0.5]))"],
    "boxcox1p": elementwise("M.boxcox1p", 2, low=0.3, high=4) + [f"M.boxcox1p({_ZEROS})", "M.boxcox1p(A(5, 'f', 0, -0.9, 5), 0)"],
    "comb": elementwise("M.comb", 2, low=0, high=9)
    + ["M.comb(10, J.arange(12))", "M.comb(J.array([-1.0, 5.0, 5.0, nan]), J.array([2.0, -1.0, 2.5, 1.0]))", "M.comb(5, 2, repetition=True)",
       "M.comb(J.array([0, 1, 5, 3]), J.array([0, 3, 0, 2]), repetition=True)"],
    "dawsn": unary("dawsn", -9, 9), "digamma": unary("digamma", 0.2, 9), "entr": unary("entr", -1, 4),
    "erf": unary("erf", -4, 4), "erfc": unary("erfc", -4, 9), "erfcx": unary("erfcx", -4, 8.5), "erfinv": unary("erfinv", -0.99, 0.99),
    "exp1": unary("exp1", 0.05, 9) + ["M.exp1(J.array([0.0, -0.0, -1.0, 30.0, nan]))"],
    "expi": unary("expi", -9, 20) + ["M.expi(J.array([1.0, -1.0, 30.0, -30.0, 70.0, -0.25]))"],
    "expit": unary("expit", -9, 9) + ["M.expit(A(3, 'c'))"],
    "expn": [f"M.expn({n}, {x})" for n, x in (
        ("1", "A((2,3), 'f', 0, 0.1, 5)"), ("2", "A((2,3), 'f', 1, 0.1, 5)"), ("0", "A(3, 'f', 1, 0.1, 5)"), ("3", "0.5"), ("J.array([1, 2, 3])", "A((2,3), 'f', 0, 0.1, 5)"),
        ("5", "A((), 'f', 0, 0.1, 5)"), ("2", "A(4, 'i', 0, 1, 5)"), ("-1", "1.0"), ("1", "J.array([0.0, -1.0, inf, nan])"),
        ("30", "A(5, 'f', 1, 0.5, 9)"), ("1.0", "A((2,3), 'f', 4, 0.1, 5)"), ("A(3, 'c')", "1.0"))],
    "factorial": unary("factorial", -1, 12) + ["M.factorial(J.arange(-1, 13))", "M.factorial(5, exact=True)"],
    "fresnel": unary("fresnel", -5, 5), "gamma": unary("gamma", 0.1, 9) + ["M.gamma(A(4, 'c'))", "M.gamma(A(9, 'f', 3, -4, 0))"],
    "gammainc": elementwise("M.gammainc", 2, low=0.1, high=9) + ["M.gammainc(J.array([0.0, 2.0, 2.0, -1.0, 2.0]), J.array([2.0, 0.0, inf, 1.0, -1.0]))"],
    "gammaincc": elementwise("M.gammaincc", 2, low=0.1, high=9) + ["M.gammaincc(J.array([0.0, 2.0, 2.0, -1.0, 2.0]), J.array([2.0, 0.0, inf, 1.0, -1.0]))"],
    "gammaln": unary("gammaln", 0.2, 9), "gammasgn": unary("gammasgn", -5, 5),
    "hyp1f1": [*elementwise("M.hyp1f1", 3, low=0.4, high=4), "M.hyp1f1(0.0, 2.0, 3.0)", "M.hyp1f1(2.0, 2.0, 1.5)", "M.hyp1f1(1.0, 0.0, 1.0)",
               "M.hyp1f1(A(9, 'f', 0, 0.3, 3), A(9, 'f', 1, 0.3, 3), A(9, 'f', 2, -2, 9))"],
    "hyp2f1": [*elementwise("M.hyp2f1", 4, low=0.1, high=0.8), "M.hyp2f1(1.0, 2.0, 3.0, J.array([0.0, -0.5, 1.0, 2.0, 0.5]))", "M.hyp2f1(-2.0, 1.5, 2.5, 0.7)",
               "M.hyp2f1(1.0, 1.0, 3.5, 1.0)", "M.hyp2f1(0.5, 0.5, 1.0, 0.95)", "M.hyp2f1(0.5, 1.5, 3.0, 0.95)", "M.hyp2f1(1.0, 2.0, -2.0, 0.5)"],
    "i0": unary("i0", -9, 9), "i0e": unary("i0e", -20, 20), "i1": unary("i1", -9, 9), "i1e": unary("i1e", -20, 20),
    "kl_div": elementwise("M.kl_div", 2, low=0.1, high=3) + [f"M.kl_div({_ZEROS})"],
    "log_ndtr": [f"M.log_ndtr({x})" for x in _STRICT_ARRAYS] + ["M.log_ndtr(A(30, 'f', 1, -40, 10))", "M.log_ndtr(1.0, series_order=-1)", "M.log_ndtr(1.0, 31)", "M.log_ndtr(1.0, 1.5)"],
    "log_softmax": [f"M.log_softmax({x})" for x in ("A((2,3))", "A((2,3)), axis=0", "A((2,3)), axis=(0, 1)", "A(4), axis=-1", "A((), 'f')", "A((2,0)), axis=0", "A((2,3), 'h')",
                    "A(3, 'i')", "J.array([0.0, inf, 1.0])", "J.array([-inf, 0.0, 1.0])", "A((2,3), 'g'), axis=1", "A(3), axis=2", "[1.0, 2.0]")],
    "loggamma": unary("loggamma", 0.2, 9) + ["M.loggamma(A(4, 'c'))", "M.loggamma(A(9, 'c', 3, -6, 6))", "M.loggamma(J.array([-1.0 + 0j, 0j, -0.5 + 0j, nan + 0j]))"],
    "logit": unary("logit", 0.05, 0.95) + ["M.logit(A(3, 'c'))"],
    "logsumexp": _REDUCED + ["M.logsumexp(A((2,3)), b=A((2,3), 'f', 1))", "M.logsumexp(A((2,3)), axis=1, b=A(3, 'f', 1), return_sign=True)", "M.logsumexp(A((2,3)), axis=0, return_sign=True)",
                             "M.logsumexp(A((2,3)), where=A((2,3), 'b'))", "M.logsumexp(J.array([-inf, -inf]))", "M.logsumexp(J.array([inf, 1.0]))", "M.logsumexp(A((2,3), 'c'))"],
    "multigammaln": [f"M.multigammaln({a}, {d})" for a, d in (
        ("A((2,3), 'f', 0, 3, 9)", 2), ("A((2,3), 'f', 0, 3, 9)", 1), ("5.5", 3), ("A(3, 'i', 0, 4, 9)", 2), ("A((0,), 'f')", 2), ("A((), 'f', 0, 4, 9)", 3),
        ("A(3, 'f', 0, 1, 4)", 5), ("J.array([inf, nan, 1.0, 0.5])", 2), ("A(3, 'g', 0, 4, 9)", 2), ("A(3, 'c')", 2))],
    "ndtr": [f"M.ndtr({x})" for x in _STRICT_ARRAYS], "ndtri": [f"M.ndtri({x})" for x in _STRICT_ARRAYS],
    "owens_t": elementwise("M.owens_t", 2, low=-3, high=3) + ["M.owens_t(J.array([0.0, 1.0, 1.0, nan, 1.0, 30.0, 2.0, -1.0]), J.array([2.0, 0.0, inf, 1.0, -inf, 0.5, 1.0, -2.0]))"],
    "poch": elementwise("M.poch", 2, low=0.3, high=5) + ["M.poch(J.array([2.5, 0.5, -1.5, 3.0]), J.array([0.0, -0.5, 2.0, 4.0]))"],
    "polygamma": [f"M.polygamma({n}, {x})" for n, x in (
        ("1", "A((2,3), 'f', 0, 0.3, 9)"), ("0", "A((2,3), 'f', 0, 0.3, 9)"), ("3", "2.5"), ("J.array([0, 1, 2])", "A((2,3), 'f', 1, 0.3, 9)"), ("2", "A(3, 'i', 0, 1, 5)"),
        ("1.0", "2.0"), ("2", "A((0,), 'f')"), ("J.array([[0], [1]])", "A(3, 'f', 0, 1, 5)"), ("1", "A(3, 'h', 0, 1, 5)"), ("1", "J.array([-0.5, -1.5, inf, nan])"), ("2", "A(3, 'c')"))],
    "rel_entr": elementwise("M.rel_entr", 2, low=0.1, high=3) + [f"M.rel_entr({_ZEROS})"],
    "sici": unary("sici", -9, 9) + ["M.sici(A(9, 'f', 4, 9, 60))"],
    "softmax": [f"M.softmax({x})" for x in ("A((2,3))", "A((2,3)), axis=0", "A((2,3)), axis=(0, 1)", "A(4), axis=-1", "A((), 'f')", "A((2,0)), axis=0", "A((2,3), 'h')",
                "A(3, 'i')", "J.array([0.0, inf, 1.0])", "J.array([-inf, 0.0, 1.0])", "A((2,3), 'g'), axis=1", "A(3), axis=2", "[1.0, 2.0]")],
    "spence": [f"M.spence({x})" for x in ("A((2,3), 'f', 0, 0.1, 5)", "A((), 'f', 0, 0.1, 5)", "A((0,), 'f')", "J.array([0.0, 1.0, 2.0, 1.5, 0.5, -1.0, nan])", "A(30, 'f', 2, 0, 3)",
               "A(30, 'f', 2, 3, 40)", "A((2,1,2), 'f', 3, 0, 1)", "2.5", "A((2,0), 'f')", "A(9, 'f', 4, 0.4, 0.6)")],
    "sph_harm_y": [f"M.sph_harm_y(J.array({n}), J.array({m}), {_SPHERE}{more})" for n, m, more in (
        ("[0, 1, 2, 3, 4, 5]", "[0, 1, -1, 2, -4, 0]", ""), ("[1] * 6", "[-1, 0, 1, -1, 0, 1]", ""), ("[3] * 6", "[-3, -2, -1, 1, 2, 3]", ""), ("[2] * 6", "[0] * 6", ", n_max=5"),
        ("[0] * 6", "[0] * 6", ""), ("[10] * 6", "[-10, -5, 0, 3, 7, 10]", ""), ("[4, 3, 2, 1, 0, 5]", "[4, 3, 2, 1, 0, -5]", ""), ("[2] * 6", "[2] * 6", ", diff_n=1"))]
    + ["M.sph_harm_y(J.array([1]), J.array([0]), 0.5, 0.25)", "M.sph_harm_y(J.array([2]), J.array([-1]), J.array([1.0]), J.array([2.0]))"],
    "wofz": unary("wofz", -4, 4) + ["M.wofz(A(20, 'c', 1, -5, 5))"],
    "xlog1py": elementwise("M.xlog1py", 2, low=0.1, high=3) + [f"M.xlog1py({_ZEROS})", "M.xlog1py(A(3, 'c'), A(3, 'f'))"],
    "xlogy": elementwise("M.xlogy", 2, low=0.1, high=3) + [f"M.xlogy({_ZEROS})", "M.xlogy(A(3, 'c'), A(3, 'f'))"],
    "zeta": elementwise("M.zeta", 2, low=1.2, high=6) + ["M.zeta(2.0)", "M.zeta(J.array([1.0, 0.5, 2.0, 3.0, nan]), J.array([2.0, 2.0, -2.0, -2.5, 1.0]))"],
}  # fmt: skip

_POSITIVE = "A((2,3), 'f', {}, 0.3, 4)"


def _positive(count: int) -> str:
    return ", ".join(_POSITIVE.format(i) for i in range(count))


GRAD = {
    name: (f"lambda {arguments}: M.{name}({arguments})", operands)
    for name, arguments, operands in (
        ("beta", "a, b", _positive(2)), ("betaln", "a, b", _positive(2)), ("boxcox", "x, y", _positive(2)), ("comb", "n, k", "A((2,3), 'f', 0, 6, 9), A((2,3), 'f', 1, 1, 5)"),
        ("dawsn", "x", "A((2,3), 'f')"), ("digamma", "x", _positive(1)), ("entr", "x", _positive(1)), ("erf", "x", "A((2,3), 'f')"), ("erfc", "x", "A((2,3), 'f')"),
        ("erfcx", "x", "A((2,3), 'f')"), ("erfinv", "x", "A((2,3), 'f', 0, -0.9, 0.9)"), ("exp1", "x", _positive(1)), ("expi", "x", _positive(1)), ("expit", "x", "A((2,3), 'f')"),
        ("fresnel", "x", "A((2,3), 'f')"), ("gamma", "x", _positive(1)), ("gammainc", "a, x", _positive(2)), ("gammaincc", "a, x", _positive(2)), ("gammaln", "x", _positive(1)),
        ("hyp1f1", "a, b, x", _positive(3)), ("hyp2f1", "a, b, c, x", ", ".join(f"A((2,3), 'f', {i}, 0.2, 0.7)" for i in range(4))), ("i0", "x", "A((2,3), 'f')"),
        ("i1", "x", "A((2,3), 'f')"), ("kl_div", "p, q", _positive(2)), ("log_ndtr", "x", "A((2,3), 'f', 0, -8, 4)"), ("logit", "x", "A((2,3), 'f', 0, 0.1, 0.9)"),
        ("loggamma", "x", _positive(1)), ("logsumexp", "x", "A((2,3), 'f')"), ("ndtr", "x", "A((2,3), 'f')"), ("ndtri", "x", "A((2,3), 'f', 0, 0.05, 0.95)"), ("owens_t", "h, a", "A((2,3), 'f'), A((2,3), 'f', 1)"),
        ("poch", "z, m", _positive(2)), ("rel_entr", "p, q", _positive(2)), ("sici", "x", _positive(1)), ("softmax", "x", "A((2,3), 'f')"), ("spence", "x", "A((2,3), 'f', 0, 0.1, 0.9)"),
        ("xlog1py", "x, y", _positive(2)), ("xlogy", "x, y", _positive(2)), ("zeta", "x, q", "A((2,3), 'f', 0, 1.5, 4), A((2,3), 'f', 1, 0.5, 4)"),
    )
}  # fmt: skip
GRAD["polygamma"] = ("lambda x: M.polygamma(2, x)", _positive(1))
GRAD["expn"] = ("lambda x: M.expn(3, x)", _positive(1))

X64 = [
    *[f"M.{name}(A(40, 'd', 0, {low}, {high}))" for name, low, high in (
        ("gammaln", 0.1, 50), ("gamma", 0.1, 20), ("digamma", 0.1, 20), ("erf", -4, 4), ("erfc", -4, 9), ("erfinv", -0.999, 0.999), ("dawsn", -9, 9), ("expi", 0.5, 30),
        ("exp1", 0.05, 20), ("fresnel", -5, 5), ("sici", 0.1, 30), ("spence", 0.1, 20), ("i0", -9, 9), ("i1", -9, 9), ("ndtr", -9, 9), ("ndtri", 0.001, 0.999), ("log_ndtr", -6, 9),
        ("expit", -9, 9), ("logit", 0.01, 0.99), ("entr", 0, 3))],
    "M.hyp1f1(A(20, 'd', 0, 0.3, 3), A(20, 'd', 1, 0.3, 3), A(20, 'd', 2, 0.1, 9))",
    "M.hyp2f1(A(20, 'd', 0, 0.2, 0.8), A(20, 'd', 1, 0.2, 0.8), A(20, 'd', 2, 0.2, 0.8), A(20, 'd', 3, 0.1, 0.8))", "M.zeta(A(9, 'd', 0, 1.2, 9), A(9, 'd', 1, 0.2, 9))",
    "M.wofz(A(20, 'z', 1, -5, 5))", "M.loggamma(A(20, 'z', 1, -5, 5))",
]  # fmt: skip
TOLERANCE: dict[str, float] = {}
_BFLOAT16 = "JAX computes in bf16, we in f64, and round once"
_LISTS = "JAX takes lists here, and nowhere else"
_LIMIT = "JAX gives NaN, we the limit"
EXCEPTIONS: dict[str, str] = {
    "M.comb(J.array([-1.0, 5.0, 5.0, nan]), J.array([2.0, -1.0, 2.5, 1.0]))": "JAX gives 0 for NaN, we NaN, as SciPy",
    f"M.exp1({EDGES})": _LIMIT + " 0 at inf",
    f"M.expi({EDGES})": _LIMIT + "s at 0, inf and -inf",
    "M.expi(A(4, 'h', 0, -9, 20))": "JAX overflows in f16",
    "M.expn(1, J.array([0.0, -1.0, inf, nan]))": _LIMIT + " 0 at inf",
    "M.factorial(A((1,3), 'g', 0, -1, 12))": _BFLOAT16,
    "M.gamma(A((1,3), 'g', 0, 0.1, 9))": _BFLOAT16,
    "M.poch(A(3, 'g', 0, 0.3, 5), A(3, 'g', 1, 0.3, 5))": _BFLOAT16,
    "M.hyp1f1([2.2, 2.2], [2.2, 2.2], [2.2, 2.2])": _LISTS,
    "M.hyp2f1([0.45, 0.45], [0.45, 0.45], [0.45, 0.45], [0.45, 0.45])": _LISTS,
    "M.owens_t(A(3, 'g', 0, -3, 3), A(3, 'g', 1, -3, 3))": "JAX gives f32 for bf16, and bf16 for none",
    "M.polygamma(1, J.array([-0.5, -1.5, inf, nan]))": _LIMIT + " 0 at inf",
    "M.sici(A(4, 'h', 0, -9, 9))": "JAX overflows in f16",
}
"""Besides: JAX's derivative of `bessel_jn` is wrong from z = 9 on, as the recurrence overflows in f32, and that of `spence`
NaN beyond 1; its `betaln` has 8 digits and its Bernoulli numbers 6 in f64. Ours are compared with SciPy's in
`test/frontend/test_special.py`."""
NOT_COMPILED = {"betainc", "gammainc", "gammaincc", "i0e", "i1e", "zeta"}
"""They are functions of `axil.lax`, whose table compiles them."""
