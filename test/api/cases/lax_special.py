"""The cases of the special functions of `axil.lax`, which promotes nothing."""

from __future__ import annotations

MODULE = "lax"


def strict(name: str, *ranges: tuple[float, float]) -> list[str]:
    """Operands of one dtype and shape, or scalars; of integers, of two dtypes and of shapes that do not fit: errors."""

    def call(shape: str, kind: str = "f", seed: int = 0) -> str:
        operands = [f"A({shape}, '{kind}', {seed + i}, {low}, {high})" for i, (low, high) in enumerate(ranges)]
        return f"M.{name}({', '.join(operands)})"

    cases = [call("(2,3)"), call("20", seed=5), call("()"), call("(0,)"), call("(2,0,3)"), call("4", "h"),
             call("(1,3)", "g"), call("3", "i"), f"M.{name}({', '.join(str(low + 0.3) for low, _ in ranges)})",
             call("4", "c"), f"M.{name}(nan{', 1.0' * (len(ranges) - 1)})"]  # fmt: skip
    if len(ranges) > 1:
        more = ", ".join(f"A(3, 'f', 0, {low}, {high})" for low, high in ranges[1:])
        cases += [f"M.{name}(1.5, {more})", f"M.{name}(A(2, 'f', 0, 0.2, 0.9), {more})",
                  f"M.{name}(A(3, 'h', 0, 0.2, 0.9), {more})"]  # fmt: skip
    return cases


_PAIR = ((0.1, 8.0), (0.0, 8.0))
CASES = {
    "bessel_i0e": strict("bessel_i0e", (-20.0, 20.0)) + ["M.bessel_i0e(J.array([0.0, inf, -inf, nan, 8.0, -8.0]))"],
    "bessel_i1e": strict("bessel_i1e", (-20.0, 20.0)) + ["M.bessel_i1e(J.array([0.0, inf, -inf, nan, 8.0, -8.0]))"],
    "betainc": strict("betainc", (0.1, 9.0), (0.1, 9.0), (0.0, 1.0))
    + ["M.betainc(2.0, 3.0, J.array([-0.1, 0.0, 0.5, 1.0, 1.1, nan]))", "M.betainc(J.array([0.0, -1.0, inf, 30.0]), "
       "J.array([2.0, 2.0, 2.0, 60.0]), J.array([0.5, 0.5, 0.5, 0.35]))"],
    "igamma": strict("igamma", *_PAIR)
    + ["M.igamma(J.array([1.0, 1.0, 0.0, -1.0, 1.0, 50.0, 300.0, 300.0]), "
       "J.array([0.0, inf, 2.0, 1.0, -1.0, 49.0, 290.0, 500.0]))"],
    "igammac": strict("igammac", *_PAIR)
    + ["M.igammac(J.array([1.0, 1.0, 0.0, -1.0, 1.0, 50.0, 300.0]), J.array([0.0, inf, 2.0, 1.0, -1.0, 49.0, 290.0]))"],
    "igamma_grad_a": strict("igamma_grad_a", *_PAIR)
    + ["M.igamma_grad_a(J.array([1.0, 0.0, -1.0, 1.0, 50.0]), J.array([0.0, 2.0, 1.0, -1.0, 49.0]))"],
    "random_gamma_grad": strict("random_gamma_grad", *_PAIR)
    + ["M.random_gamma_grad(J.array([1.0, 0.0, -1.0, 1.0, 50.0]), J.array([0.0, 2.0, 1.0, -1.0, 49.0]))"],
    "polygamma": strict("polygamma", (1.0, 1.0), (0.3, 9.0))
    + ["M.polygamma(J.array([0.0, 1.0, 2.0, 5.0]), J.array([0.5, 1.5, 2.5, 3.5]))", "M.polygamma(0.0, 2.5)"],
    "zeta": strict("zeta", (1.1, 9.0), (0.2, 9.0))
    + ["M.zeta(J.array([1.0, 0.5, 2.0, 2.0, 3.0, 3.0, 2.5, nan]), J.array([2.0, 2.0, 0.0, -3.0, -3.0, -2.5, -2.5, 1.0]))"],
}  # fmt: skip
TOLERANCE = {"igamma_grad_a": 3e-4, "random_gamma_grad": 3e-4, "polygamma": 3e-4, "igamma": 1e-4, "igammac": 1e-4}
GRAD = {
    "igamma": ("lambda a, x: M.igamma(a, x)", "A((2,3), 'f', 0, 0.3, 6), A((2,3), 'f', 1, 0.3, 6)"),
    "igammac": ("lambda a, x: M.igammac(a, x)", "A((2,3), 'f', 0, 0.3, 6), A((2,3), 'f', 1, 0.3, 6)"),
    "betainc": ("lambda x: M.betainc(2.0, 3.5, x)", "A((2,3), 'f', 0, 0.05, 0.95)"),
    "bessel_i0e": ("lambda x: M.bessel_i0e(x)", "A((2,3), 'f', 0, -9, 9)"),
    "bessel_i1e": ("lambda x: M.bessel_i1e(x)", "A((2,3), 'f', 0, -9, 9)"),
    "polygamma": ("lambda x: M.polygamma(J.full((2, 3), 2.0), x)", "A((2,3), 'f', 0, 0.5, 6)"),
}
X64 = [
    "M.igamma(A(30, 'd', 0, 0.1, 40), A(30, 'd', 1, 0.0, 40))", "M.igammac(A(30, 'd', 0, 0.1, 40), A(30, 'd', 1, 0, 40))",
    "M.igamma_grad_a(A(30, 'd', 0, 0.1, 20), A(30, 'd', 1, 0.1, 20))", "M.zeta(A(9, 'd', 0, 1.1, 20), A(9, 'd', 1, 0.1, 20))",
    "M.betainc(A(30, 'd', 0, 0.1, 20), A(30, 'd', 1, 0.1, 20), A(30, 'd', 2, 0, 1))", "M.bessel_i0e(A(9, 'd', 0, -30, 30))",
    "M.bessel_i1e(A(9, 'd', 0, -30, 30))",
]  # fmt: skip
EXCEPTIONS = {
    "M.random_gamma_grad(0.4, 0.3)": "JAX takes no Python numbers here alone, for want of a shape",
    "M.random_gamma_grad(nan, 1.0)": "JAX takes no Python numbers here alone, for want of a shape",
    "M.random_gamma_grad(1.5, A(3, 'f', 0, 0.0, 8.0))": "JAX takes no Python numbers here alone, for want of a shape",
    "M.random_gamma_grad(A(3, 'h', 0, 0.2, 0.9), A(3, 'f', 0, 0.0, 8.0))": "JAX promotes nowhere else in lax",
}
