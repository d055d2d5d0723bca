"""The cases of `axil.scipy.stats`: its statistics, and each function of each distribution as `distribution.function`."""

from __future__ import annotations

MODULE = "scipy.stats"

_ANY, _POSITIVE, _UNIT, _COUNT = (-4.0, 4.0), (0.1, 6.0), (0.02, 0.98), (-1.0, 9.0)
_SPECIAL = "J.array([0.0, 1.0, -1.0, 2.0, inf, -inf, nan, 0.5])"
_PLACED = ("1.0", "2.0")

# For each distribution: the range of its variable, its parameters, the functions, and whether it has loc and scale.
_DISTRIBUTIONS = {
    "bernoulli": (_COUNT, ("0.3",), "logpmf pmf", ("1",)),
    "beta": ((-0.2, 1.2), ("2.0", "3.5"), "cdf logcdf logpdf logsf pdf sf", _PLACED),
    "betabinom": (_COUNT, ("7", "2.0", "3.0"), "logpmf pmf", ("1",)),
    "binom": (_COUNT, ("7", "0.3"), "logpmf pmf", ("1",)),
    "cauchy": (_ANY, (), "cdf isf logcdf logpdf logsf pdf ppf sf", _PLACED),
    "chi2": (_ANY, ("3.0",), "cdf logcdf logpdf logsf pdf sf", _PLACED),
    "expon": (_ANY, (), "cdf logcdf logpdf logsf pdf ppf sf", _PLACED),
    "gamma": (_ANY, ("2.5",), "cdf logcdf logpdf logsf pdf sf", _PLACED),
    "gennorm": (_ANY, ("1.3",), "cdf logpdf pdf", ()),
    "geom": (_COUNT, ("0.3",), "logpmf pmf", ("1",)),
    "gumbel_l": (_ANY, (), "cdf logcdf logpdf logsf pdf ppf sf", _PLACED),
    "gumbel_r": (_ANY, (), "cdf logcdf logpdf logsf pdf ppf sf", _PLACED),
    "laplace": (_ANY, (), "cdf logpdf pdf", _PLACED),
    "logistic": (_ANY, (), "cdf isf logpdf pdf ppf sf", _PLACED),
    "nbinom": (_COUNT, ("4", "0.3"), "logpmf pmf", ("1",)),
    "norm": (_ANY, (), "cdf isf logcdf logpdf logsf pdf ppf sf", _PLACED),
    "pareto": (_ANY, ("2.5",), "cdf logcdf logpdf logsf pdf ppf sf", _PLACED),
    "poisson": (_COUNT, ("2.5",), "cdf logpmf pmf", ("1",)),
    "t": (_ANY, ("4.0",), "logpdf pdf", _PLACED),
    "truncnorm": (_ANY, ("-1.0", "1.5"), "cdf logcdf logpdf logsf pdf sf", _PLACED),
    "uniform": (_ANY, (), "cdf logpdf pdf ppf", _PLACED),
    "vonmises": (_ANY, ("1.5",), "logpdf pdf", ()),
    "wrapcauchy": ((0.0, 6.2), ("0.4",), "logpdf pdf", ()),
}  # fmt: skip
_ONE_KIND = {"cdf", "logcdf", "logsf", "sf", "ppf", "isf"}


def _call(name: str, x: str, parameters: tuple[str, ...]) -> str:
    return f"M.{name}({', '.join([x, *parameters])})"


def _cases(distribution: str, function: str) -> list[str]:
    """Shapes, dtypes and special values of the variable; arrays of parameters; loc and scale."""
    (low, high), parameters, _, placed = _DISTRIBUTIONS[distribution]
    name, kind = f"{distribution}.{function}", "i" if function in ("pmf", "logpmf") else "f"
    low, high = _UNIT if function in ("ppf", "isf") else (low, high)
    of = lambda shape, kind, seed=0: f"A({shape}, '{kind}', {seed}, {low}, {high})"
    plain = [of("(2,3)", kind), of("20", kind, 3), of("()", kind), of("(0,)", kind), of("(2,1,2)", kind, 1),
             str(0.25 if high < 1 else 1.25), _SPECIAL, of("4", "i"), of("3", "u"), of("(2,0)", "f")]  # fmt: skip
    cases = [_call(name, x, parameters) for x in plain]
    cases.append(_call(name, of("(2,1)", kind), tuple(f"J.array([{p}, {p}, {p}])" for p in parameters)))
    if placed and not (distribution == "bernoulli" and function in ("cdf", "ppf")):
        cases.append(_call(name, of("(2,3)", kind), (*parameters, *placed)))
        cases.append(_call(name, of("3", kind), (*parameters, f"A(3, 'f', 1, -1, 1){', 0.5' if len(placed) > 1 else ''}")))
    return cases


CASES: dict[str, list[str]] = {
    f"{d}.{f}": _cases(d, f) for d, (_, _, functions, _) in _DISTRIBUTIONS.items() for f in functions.split()
}
for _f in ("cdf", "ppf"):
    _x = "A({}, '{}', 0, -0.2, 1.2)" if _f == "ppf" else "A({}, '{}', 0, -1, 2.5)"
    CASES[f"bernoulli.{_f}"] = [
        *[f"M.bernoulli.{_f}({_x.format(s, k)}, 0.3)" for s, k in (
            ("(2,3)", "f"), ("20", "f"), ("()", "f"), ("(0,)", "f"), ("4", "i"), ("(2,1)", "f"))],
        f"M.bernoulli.{_f}({_SPECIAL}, 0.3)", f"M.bernoulli.{_f}(0.5, J.array([-0.5, 0.0, 0.5, 1.0, 1.5, nan]))",
        f"M.bernoulli.{_f}({_x.format('(2,1)', 'f')}, J.array([0.2, 0.6]))", f"M.bernoulli.{_f}(1, 1)",
    ]  # fmt: skip
CASES["poisson.entropy"] = [f"M.poisson.entropy({x})" for x in (
    "A((2,3), 'f', 0, 0.1, 9)", "A(5, 'f', 1, 10, 90)", "A(5, 'f', 1, 110, 900)", "2.5", "0.0", "A((), 'f', 1, 1, 5)", "A((0,), 'f')",
    "A(3, 'i', 0, 1, 9)", "A(3, 'f', 0, 1, 9), 2.0", "3.0, A(4, 'f')", "J.array([0.0, 9.99, 10.0, 99.9, 100.0])")]  # fmt: skip
_ALPHA = "J.array([1.0, 2.0, 3.5])"
for _f in ("logpdf", "pdf"):
    CASES[f"dirichlet.{_f}"] = [f"M.dirichlet.{_f}({x})" for x in (
        f"J.array([0.2, 0.3, 0.5]), {_ALPHA}", f"J.array([0.2, 0.3]), {_ALPHA}", f"J.array([0.2, 0.3, 0.6]), {_ALPHA}", f"J.array([0.0, 0.5, 0.5]), {_ALPHA}",
        f"J.array([-0.1, 0.6, 0.5]), {_ALPHA}", f"J.array([[0.2, 0.1], [0.3, 0.4], [0.5, 0.5]]), {_ALPHA}", f"A((2,4), 'f', 0, 0.1, 0.4), {_ALPHA}",
        f"A(4, 'f', 0, 0.1, 0.4), {_ALPHA}", "J.array([0.2, 0.8]), A((2,2), 'f')", "J.array([0.2, 0.8]), J.array([1, 2])", f"A((2,2,2), 'f', 0, 0.1, 0.4), {_ALPHA}")]  # fmt: skip
    CASES[f"multivariate_normal.{_f}"] = [f"M.multivariate_normal.{_f}({x})" for x in (
        "A(3, 'f'), A(3, 'f', 1), J.eye(3)", "A((4,2), 'f'), J.zeros(2), J.array([[2.0, 0.5], [0.5, 1.0]])", "A(3, 'f'), 0.5, 2.0", "1.5, 0.5, 2.0", "A((4,3), 'f'), A(3, 'f', 1), 2.0",
        "A((2,4,2), 'f'), A(2, 'f', 1), J.eye(2)", "A((3,2), 'f'), A((3,2), 'f', 1), J.eye(2)", "A(2, 'f'), J.zeros(2), J.stack([J.eye(2), 2 * J.eye(2)])", "A((0,2), 'f'), J.zeros(2), J.eye(2)",
        "A(2, 'i'), J.zeros(2), J.eye(2)", "A(2, 'f'), J.zeros(2), J.eye(3)", "A(2, 'f'), A(2, 'i'), J.array([[1.0, 2.0], [2.0, 1.0]])")]  # fmt: skip
for _f in ("logpmf", "pmf"):
    CASES[f"multinomial.{_f}"] = [f"M.multinomial.{_f}({x})" for x in (
        "J.array([1, 2, 3]), 6, J.array([0.2, 0.3, 0.5])", "J.array([1, 2, 3]), 7, J.array([0.2, 0.3, 0.5])", "J.array([0, 0, 3]), 3, J.array([0.2, 0.3, 0.5])", "J.array([1, 2]), 3, J.array([0.0, 1.0])",
        "J.array([0, 3]), 3, J.array([0.0, 1.0])", "J.array([1.0, 2.0]), 3, J.array([0.5, 0.5])", "J.array([2]), 2, J.array([1.0])", "J.array([[1, 2]]), 3, J.array([0.5, 0.5])",
        "J.array([1, 2, 3]), 6, J.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])", "J.array([4, 2, 3], 'uint8'), 9, J.array([0.2, 0.3, 0.5])")]  # fmt: skip
CASES["mode"] = [f"M.mode({x})" for x in (
    "J.array([1.0, 2.0, 2.0, 3.0])", "A((5,4), 's')", "A((5,4), 's'), axis=1", "A((5,4), 's'), axis=None", "A((5,4), 's'), axis=1, keepdims=True", "A((3,2,4), 'i'), axis=-1", "3.0", "A((0,), 'f')",
    "A((0,3), 'f')", "J.array([1.0, nan, nan])", "A(6, 'b')", "A((5,4), 's'), axis=None, keepdims=True", "A(5), nan_policy='omit'", "A(5), nan_policy='what'", "A(5), axis=2")]  # fmt: skip
CASES["rankdata"] = [f"M.rankdata({x})" for x in (
    "J.array([3.0, 1.0, 2.0, 2.0, 5.0, 1.0])", "A(9, 's'), 'min'", "A(9, 's'), 'max'", "A(9, 's'), 'dense'", "A(9, 's'), 'ordinal'", "A((3,4), 's')", "A((3,4), 's'), axis=1", "A((3,4), 's'), axis=0",
    "A((3,4), 's'), 'dense', axis=1", "J.array([1.0, nan, 2.0])", "A((), 'f')", "A(5), 'what'", "A(5), nan_policy='omit'", "A(4, 'b')", "A((2,3,2), 's'), 'max', axis=-1")]  # fmt: skip
CASES["sem"] = [f"M.sem({x})" for x in (
    "A(9)", "A((3,4))", "A((3,4)), axis=1", "A((3,4)), axis=None", "A((3,4)), axis=1, keepdims=True", "A((3,4)), axis=0, ddof=0", "J.array([1.0, nan, 2.0])", "J.array([1.0, nan, 2.0]), nan_policy='omit'",
    "A((3,4), 'i')", "A(4, 'h')", "A((3,0)), axis=0", "A(5), nan_policy='raise'", "A((3,4)), axis=2", "A(1)", "J.array([[1.0, nan], [2.0, 3.0], [4.0, 1.0]]), nan_policy='omit'")]  # fmt: skip
_KDE, _WEIGHTED = "M.gaussian_kde(A((2,20), 'f'))", "M.gaussian_kde(A((2,20), 'f'), weights=A(20, 'f', 1, 0.1, 1))"
CASES["gaussian_kde"] = [
    f"{_KDE}(A((2,5), 'f', 3))", f"{_KDE}.logpdf(A((2,5), 'f', 3))", f"{_WEIGHTED}.pdf(A((2,5), 'f', 3))", "M.gaussian_kde(A(20)).evaluate(A(5))", f"{_KDE}(A(2))", f"{_KDE}(A((3,5)))",
    "M.gaussian_kde(A(20), bw_method='silverman')(A(5))", "M.gaussian_kde(A(20), bw_method=0.3)(A(5))", "M.gaussian_kde(A(20), bw_method=lambda k: 0.5)(A(5))", "M.gaussian_kde(A(20), bw_method='what')",
    "M.gaussian_kde(A(20)).integrate_box_1d(-1.0, 2.0)", f"{_KDE}.integrate_box_1d(-1.0, 2.0)", f"{_KDE}.integrate_gaussian(J.zeros(2), J.eye(2))", f"{_KDE}.integrate_kde({_WEIGHTED})",
    f"{_WEIGHTED}.covariance", f"{_WEIGHTED}.neff", f"{_KDE}.integrate_box(0, 1)", f"{_KDE}.set_bandwidth(0.1)", "M.gaussian_kde(A(1))", "M.gaussian_kde(A((2,20), 'c'))",
    "M.gaussian_kde(A(20)).inv_cov", "M.gaussian_kde(A(20), weights=A(3))",
]  # fmt: skip

GRAD = {
    f"{d}.{f}": (
        f"lambda {', '.join(['x', *names])}: M.{d}.{f}({', '.join(['x', *names])})",
        ", ".join([x, *[f"A((2,3), 'f', {i}, {low}, {high})" for i, (low, high) in enumerate(ranges, 1)]]),
    )
    for d, f, x, names, ranges in (
        ("norm", "logpdf", "A((2,3), 'f')", ["l", "s"], [(-1, 1), (0.5, 2)]), ("norm", "logcdf", "A((2,3), 'f')", ["l", "s"], [(-1, 1), (0.5, 2)]),
        ("norm", "ppf", "A((2,3), 'f', 0, 0.1, 0.9)", ["l", "s"], [(-1, 1), (0.5, 2)]), ("cauchy", "cdf", "A((2,3), 'f')", ["l", "s"], [(-1, 1), (0.5, 2)]),
        ("beta", "logpdf", "A((2,3), 'f', 0, 0.1, 0.9)", ["a", "b"], [(0.5, 3), (0.5, 3)]), ("gamma", "logpdf", "A((2,3), 'f', 0, 0.1, 4)", ["a"], [(0.5, 3)]),
        ("gamma", "cdf", "A((2,3), 'f', 0, 0.1, 4)", ["a"], [(0.5, 3)]), ("chi2", "logpdf", "A((2,3), 'f', 0, 0.1, 4)", ["df"], [(1, 5)]), ("chi2", "sf", "A((2,3), 'f', 0, 0.1, 4)", ["df"], [(1, 5)]),
        ("t", "logpdf", "A((2,3), 'f')", ["df"], [(1, 5)]), ("expon", "logpdf", "A((2,3), 'f', 0, 2, 4)", ["l", "s"], [(-1, 1), (0.5, 2)]), ("gumbel_l", "logcdf", "A((2,3), 'f')", [], []),
        ("gumbel_r", "logsf", "A((2,3), 'f')", [], []), ("laplace", "cdf", "A((2,3), 'f')", [], []), ("logistic", "logpdf", "A((2,3), 'f')", ["l", "s"], [(-1, 1), (0.5, 2)]),
        ("pareto", "logpdf", "A((2,3), 'f', 0, 2, 5)", ["b"], [(1, 3)]), ("pareto", "cdf", "A((2,3), 'f', 0, 2, 5)", ["b"], [(1, 3)]), ("vonmises", "logpdf", "A((2,3), 'f')", ["k"], [(0.5, 3)]),
        ("wrapcauchy", "logpdf", "A((2,3), 'f', 0, 0.1, 6)", ["c"], [(0.2, 0.8)]), ("gennorm", "logpdf", "A((2,3), 'f', 0, 0.2, 3)", ["b"], [(0.8, 3)]), ("uniform", "cdf", "A((2,3), 'f', 0, 0.1, 0.9)", [], []),
        ("truncnorm", "logpdf", "A((2,3), 'f', 0, -1, 1)", ["a", "b"], [(-3, -1.5), (1.5, 3)]), ("truncnorm", "logcdf", "A((2,3), 'f', 0, -1, 1)", ["a", "b"], [(-3, -1.5), (1.5, 3)]),
    )
}  # fmt: skip
GRAD["binom.logpmf"] = ("lambda p: M.binom.logpmf(3, 7, p)", "A((2,3), 'f', 0, 0.1, 0.9)")
GRAD["poisson.logpmf"] = ("lambda m: M.poisson.logpmf(3, m)", "A((2,3), 'f', 0, 0.5, 9)")
GRAD["nbinom.logpmf"] = ("lambda n, p: M.nbinom.logpmf(3, n, p)", "A((2,3), 'f', 0, 1, 5), A((2,3), 'f', 1, 0.1, 0.9)")
GRAD["geom.logpmf"] = ("lambda p: M.geom.logpmf(3, p)", "A((2,3), 'f', 0, 0.1, 0.9)")
GRAD["bernoulli.logpmf"] = ("lambda p: M.bernoulli.logpmf(1, p)", "A((2,3), 'f', 0, 0.1, 0.9)")
GRAD["betabinom.logpmf"] = ("lambda a, b: M.betabinom.logpmf(3, 7, a, b)", "A((2,3), 'f', 0, 1, 5), A((2,3), 'f', 1, 1, 5)")
GRAD["multivariate_normal.logpdf"] = (
    "lambda x, m, c: M.multivariate_normal.logpdf(x, m, c @ c.T + J.eye(2))", "A((4,2), 'f'), A(2, 'f', 1), A((2,2), 'f', 2)"
)
GRAD["gaussian_kde"] = ("lambda d, x: M.gaussian_kde(d).logpdf(x)", "A((2,8), 'f'), A((2,3), 'f', 1)")
TOLERANCE: dict[str, float] = {}
_NAN = "JAX gives a number for NaN"
_PARAMETERS = {"gamma": "2.5", "truncnorm": "-1.0, 1.5"}
EXCEPTIONS: dict[str, str] = {
    **{
        f"M.{d}.{f}({_SPECIAL}, {_PARAMETERS[d]})": _NAN
        for d, functions in (("gamma", "logpdf pdf"), ("truncnorm", "cdf logcdf sf logsf")) for f in functions.split()
    },
    **{f"M.norm.{f}(A({n}, '{k}', 0, 0.02, 0.98))": "JAX refuses integers here alone"
       for f in ("ppf", "isf") for n, k in ((4, "i"), (3, "u"))},
    f"M.poisson.cdf({_SPECIAL}, 2.5)": "JAX gives NaN at inf, we 1",
}  # fmt: skip
NOT_COMPILED = {
    f"{d}.{f}" for d, (_, _, functions, _) in _DISTRIBUTIONS.items() for f in functions.split()
    if f in ("pdf", "pmf", "logcdf", "sf", "logsf", "isf") and d not in ("truncnorm", "norm")
} | {"truncnorm.pdf", "truncnorm.cdf", "truncnorm.sf", "truncnorm.logsf", "norm.pdf", "norm.sf", "norm.logsf", "norm.isf"}
"""They are what is compiled (logarithms of densities, `cdf`, `ppf`) and an exponential, a logarithm or a sign."""
