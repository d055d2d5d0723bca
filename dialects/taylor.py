"""Taylor coefficients through operations: rules that are cheaper than what follows from the tangent rule.

A series is a list of the coefficients 1, 2, ... of a value that depends on one number: `x(t) = x + s[0] t + s[1] t^2 +
...`, without factorials. `None` stands for a zero coefficient, and for a series of zeros. A rule `jet(y, xs, series)`
gives the series of the result; the recurrences are found by comparing coefficients in the equation that the function
satisfies (Griewank and Walther, Evaluating Derivatives, chapter 13).

An op without a rule, or whose rule gives `NotImplemented`, needs none: where it is linear in what varies, each
coefficient is mapped by the tangent rule; otherwise the tangent rule's own series, at one order less, gives the
coefficients (`axil.compiler.passes.jet`). A rule pays where the slope is made from the result (`exp`, `tanh`, `sqrt`),
which would be computed anew at each order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axil.dialects.factories import add_tangents, ops
from axil.dialects.op import OPS, full_like

Series = list | None
Rule = Callable[..., Any]


def scaled(x: Any, factor: float) -> Any:
    """A coefficient times a number."""
    if x is None or factor == 1:
        return x
    return ops.neg(x) if factor == -1 else ops.mul(x, full_like(x, factor))


def _product(a: Any, b: Any) -> Any:
    return None if a is None or b is None else ops.mul(a, b)


def _minus(a: Any, b: Any) -> Any:
    if b is None:
        return a
    return ops.neg(b) if a is None else ops.sub(a, b)


def _sum_of_products(a: Sequence, b: Sequence, k: int, start: int, stop: int, weight: Any = None) -> Any:
    """The sum over j of `weight(j) a[j] b[k-j]`, from `start` to before `stop`."""
    total = None
    for j in range(start, stop):
        factor = 1 if weight is None else weight(j)
        if factor:
            total = add_tangents(total, scaled(_product(a[j], b[k - j]), factor))
    return total


# ---- functions of one operand --------------------------------------------------------------------------


def _elementwise(rule: Callable[..., list]) -> Rule:
    """A rule from one over all coefficients: `rule(u, y)` gives those of the result, the first being y."""

    def jet(y: Any, xs: Any, series: Any, **attributes: Any) -> Series:
        return rule([xs[0], *series[0]], y, **attributes)[1:]

    return jet


def riccati(constant: float, linear: float, quadratic: float) -> Rule:
    """The rule of a function whose slope is `constant + linear y + quadratic y^2`: exp, expm1, tan, tanh, logistic."""

    def rule(u: list, y: Any) -> list:
        v, slope = [y], []
        for k in range(1, len(u)):
            last = k - 1
            term = scaled(v[last], linear) if linear else None
            if quadratic:
                term = add_tangents(term, scaled(_sum_of_products(v, v, last, 0, k), quadratic))
            if constant and last == 0:
                one = full_like(y, constant)
                term = one if term is None else ops.add(term, one)
            slope.append(term)
            v.append(scaled(_sum_of_products(u, slope, k, 1, k + 1, weight=lambda j: j), 1 / k))
        return v

    return _elementwise(rule)


def with_companion(companion: str, own: float, other: float) -> Rule:
    """The rule of a pair of functions: this one's slope is `own` times the companion, whose slope is `other` times it.

    sin and cos are one another's, and so are sinh and cosh.
    """

    def rule(u: list, y: Any) -> list:
        v, w = [y], [OPS[companion](u[0])]
        for k in range(1, len(u)):
            v.append(scaled(_sum_of_products(u, w, k, 1, k + 1, weight=lambda j: j), own / k))
            w.append(scaled(_sum_of_products(u, v, k, 1, k + 1, weight=lambda j: j), other / k))
        return v

    return _elementwise(rule)


def _log(u: list, y: Any) -> list:
    v = [y]
    for k in range(1, len(u)):
        inner = _sum_of_products(v, u, k, 1, k, weight=lambda j: j)
        v.append(_over(_minus(u[k], scaled(inner, 1 / k)), u[0]))
    return v


def _over(a: Any, b: Any) -> Any:
    return None if a is None else ops.div(a, b)


log: Rule = _elementwise(_log)
"""From `x y' = x'`."""


def root(exponent: float) -> Rule:
    """The rule of `x^exponent`, from `x y' = exponent x' y`."""

    def rule(u: list, y: Any) -> list:
        v = [y]
        for k in range(1, len(u)):
            weight = lambda j, k=k: (j * exponent - (k - j)) / k
            v.append(_over(_sum_of_products(u, v, k, 1, k + 1, weight), u[0]))
        return v

    return _elementwise(rule)


def _square(u: list) -> list:
    """The coefficients of a square: each product of two different ones counts twice."""
    result = []
    for k in range(len(u)):
        total = scaled(_sum_of_products(u, u, k, 0, (k + 1) // 2), 2)
        result.append(add_tangents(total, _product(u[k // 2], u[k // 2])) if k % 2 == 0 else total)
    return result


def _times(u: list, w: list) -> list:
    return [_sum_of_products(u, w, k, 0, k + 1) for k in range(len(u))]


def _integer_pow(u: list, y: Any, *, exponent: int) -> list:
    if exponent == 0:
        return [y, *[None] * (len(u) - 1)]
    n, result = abs(exponent), None
    while n:
        if n & 1:
            result = u if result is None else _times(result, u)
        n >>= 1
        u = _square(u) if n else u
    assert result is not None
    return result if exponent > 0 else _reciprocal(result, y)


def _reciprocal(w: list, y: Any) -> list:
    v = [y]
    for k in range(1, len(w)):
        v.append(scaled(_product(_sum_of_products(v, w, k, 0, k), y), -1))
    return v


integer_pow: Rule = _elementwise(_integer_pow)
"""By repeated squaring, which needs no division where x is 0."""


# ---- functions of two operands -------------------------------------------------------------------------


def _coefficients(x: Any, series: Series, order: int) -> list:
    return [x, *([None] * order if series is None else series)]


def leibniz(name: str) -> Rule:
    """The rule of an op that is linear in each of two operands: the product rule."""

    def jet(y: Any, xs: Any, series: Any, **attributes: Any) -> Series:
        order = len(next(s for s in series if s is not None))
        u, w = (_coefficients(x, s, order) for x, s in zip(xs, series))
        result = []
        for k in range(1, order + 1):
            total = None
            for j in range(k + 1):
                if u[j] is not None and w[k - j] is not None:
                    total = add_tangents(total, OPS[name](u[j], w[k - j], **attributes))
            result.append(total)
        return result

    return jet


def quotient(y: Any, xs: Any, series: Any) -> Series:
    """The rule of division, from `y b = a`."""
    order = len(next(s for s in series if s is not None))
    u, w = (_coefficients(x, s, order) for x, s in zip(xs, series))
    v = [y]
    for k in range(1, order + 1):
        v.append(_over(_minus(u[k], _sum_of_products(v, w, k, 0, k)), w[0]))
    return v[1:]


def power(y: Any, xs: Any, series: Any) -> Any:
    """The rule of `a^b` where the exponent varies, from `y = exp(b log a)`.

    With a constant exponent the tangent rule does as well, and is right at 0 too.
    """
    if series[1] is None:
        return NotImplemented
    order = len(series[1])
    u, w = (_coefficients(x, s, order) for x, s in zip(xs, series))
    exponent = _times(w, _log(u, ops.log(u[0])))
    v = [y]
    for k in range(1, order + 1):
        v.append(scaled(_sum_of_products(exponent, v, k, 1, k + 1, weight=lambda j: j), 1 / k))
    return v[1:]


__all__ = [
    "Rule", "Series", "integer_pow", "leibniz", "log", "power", "quotient", "riccati", "root", "scaled",
    "with_companion",
]  # fmt: skip
