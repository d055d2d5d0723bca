"""Functions of one number with all their derivatives, by the rules of calculus: what random nestings should give.

A `Formula` has a value and, on demand, a derivative, which is a formula. Nothing of Axil is used.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any


class Formula:
    """A function of one number, and the function that makes its derivative."""

    def __init__(self, value: Callable[[float], float], derivative: Callable[[], Formula]) -> None:
        self.value = functools.lru_cache(None)(value)
        self._derivative = derivative

    def __call__(self, x: float) -> float:
        return self.value(x)

    @functools.cached_property
    def d(self) -> Formula:
        """The derivative."""
        return self._derivative()

    def __add__(self, other: Any) -> Formula:
        other = formula(other)
        return Formula(lambda x: self(x) + other(x), lambda: self.d + other.d)

    def __mul__(self, other: Any) -> Formula:
        if not isinstance(other, Formula):
            return Formula(lambda x: self(x) * other, lambda: self.d * other)
        return Formula(lambda x: self(x) * other(x), lambda: self.d * other + self * other.d)

    __radd__, __rmul__ = __add__, __mul__

    def of(self, inner: Any) -> Formula:
        """The composition of this after another."""
        inner = formula(inner)
        return Formula(lambda x: self(inner(x)), lambda: self.d.of(inner) * inner.d)

    def with_derivative(self, derivative: Callable[[], Formula]) -> Formula:
        """The same values, and another derivative: what a custom rule does."""
        return Formula(self.value, derivative)


def formula(x: Any) -> Formula:
    """A formula, also of a constant."""
    return x if isinstance(x, Formula) else Formula(lambda _: float(x), lambda: formula(0.0))


def by_case(case: Callable[[float], Any], formulas: Callable[[Any], Formula]) -> Formula:
    """A formula for each case; the case depends on the number, and has no derivative."""
    made = functools.lru_cache(None)(formulas)
    return Formula(lambda x: made(case(x))(x), lambda: by_case(case, lambda k: made(k).d))


X = Formula(lambda x: x, lambda: formula(1.0))
SIN = Formula(math.sin, lambda: COS)
COS = Formula(math.cos, lambda: -1.0 * SIN)
TANH = Formula(math.tanh, lambda: 1.0 + -1.0 * (TANH * TANH))
EXP = Formula(math.exp, lambda: EXP)
