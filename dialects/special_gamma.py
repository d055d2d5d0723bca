"""Incomplete gamma functions, their derivatives, and Hurwitz' zeta function."""

from __future__ import annotations

from typing import Any

from axil.dialects import formulas_gamma as f
from axil.dialects.factories import ops, sample
from axil.dialects.op import full_like
from axil.dialects.special_factory import formula_op


def _log_slope(y: Any, x: Any) -> Any:
    return ops.mul(y, ops.digamma(x))


gamma = formula_op(
    "gamma", "Gamma function; NaN at negative integers.", f.gamma, ("x",), (_log_slope,),
    (sample("f32[2,3]"), sample("f64[4]", domain=(-0.9, -0.2))), domain=(0.4, 5.0),
)  # fmt: skip

rising_factorial = formula_op(
    "rising_factorial", "Pochhammer's symbol Gamma(z + m) / Gamma(z).", f.rising_factorial, ("z", "m"),
    (lambda y, z, m: ops.mul(y, ops.sub(ops.digamma(ops.add(z, m)), ops.digamma(z))),
     lambda y, z, m: ops.mul(y, ops.digamma(ops.add(z, m)))),
    (sample("f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]")), domain=(0.4, 5.0),
)  # fmt: skip

_PAIR = ("a", "x")
_SAMPLES = (sample("f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]"))
_POSITIVE = (0.4, 6.0)


def _density(y: Any, a: Any, x: Any) -> Any:
    """x^(a-1) exp(-x) / Gamma(a), the derivative of `igamma` in `x`."""
    one = full_like(a, 1)
    power = ops.mul(ops.sub(a, one), ops.log(x))
    return ops.exp(ops.sub(ops.sub(power, x), ops.lgamma(a)))


igamma = formula_op(
    "igamma", "Regularized lower incomplete gamma function P(a, x).", f.igamma, _PAIR,
    (lambda y, a, x: igamma_grad_a(a, x), _density), _SAMPLES, domain=_POSITIVE,
    source="Gil, Segura and Temme, SIAM J. Sci. Comput. 34 (2012)",
)  # fmt: skip

igammac = formula_op(
    "igammac", "Regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), accurate where it is small.",
    f.igammac, _PAIR,
    (lambda y, a, x: ops.neg(igamma_grad_a(a, x)), lambda y, a, x: ops.neg(_density(y, a, x))), _SAMPLES,
    domain=_POSITIVE, source="Gil, Segura and Temme, SIAM J. Sci. Comput. 34 (2012)",
)  # fmt: skip


def _density_slope(y: Any, a: Any, x: Any) -> Any:
    """d2P / (da dx) = density * (log x - digamma(a))."""
    return ops.mul(_density(y, a, x), ops.sub(ops.log(x), ops.digamma(a)))


igamma_grad_a = formula_op(
    "igamma_grad_a", "Derivative of igamma in its first operand.", f.igamma_grad_a, _PAIR, (None, _density_slope),
    (sample("f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", grad=False)), domain=_POSITIVE,
)  # fmt: skip

random_gamma_grad = formula_op(
    "random_gamma_grad", "Derivative in `a` of a number drawn from the gamma distribution of parameter `a`.",
    f.random_gamma_grad, _PAIR, (None, None),
    (sample("f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", grad=False)), domain=_POSITIVE,
    source="Figurnov, Mohamed and Mnih, Implicit reparameterization gradients (2018)",
)  # fmt: skip

zeta = formula_op(
    "zeta", "Hurwitz' zeta function: the sum of (q + n)^-x over n >= 0.", f.zeta, ("x", "q"),
    (lambda y, x, q: zeta_grad_x(x, q), lambda y, x, q: ops.neg(ops.mul(x, zeta(ops.add(x, full_like(x, 1)), q)))),
    _SAMPLES, domain=(1.4, 6.0),
)  # fmt: skip

zeta_grad_x = formula_op(
    "zeta_grad_x", "Derivative of zeta in its first operand.", f.zeta_grad_s, ("x", "q"), (None, None),
    (sample("f32[2,3]", "f32[2,3]", grad=False), sample("f64[4]", "f64[4]", grad=False)), domain=(1.4, 6.0),
)  # fmt: skip
