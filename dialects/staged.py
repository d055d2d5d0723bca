"""Arithmetic in two worlds: one expression computes on NumPy arrays and emits StableHLO for `Staged` values.

With it a numerical formula is written once, for the reference and for the lowering of an op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects.avals import dtype_of


class Staged:
    """A StableHLO value with Python's operators; numbers on the other side become constants of its type."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the value."""
        return dtype_of(self.value)

    def _constant(self, x: Any) -> Any:
        from axil.dialects import hlo

        return x.value if isinstance(x, Staged) else hlo.splat(self.value.type, x)

    def op(self, name: str, *others: Any) -> Staged:
        """Emit a StableHLO op of this value and others."""
        from axil.dialects import hlo

        return Staged(hlo.op(name, self.value, *map(self._constant, others)))

    def _compare(self, other: Any, direction: str) -> Staged:
        from axil.dialects import hlo

        return Staged(hlo.compare(self.value, self._constant(other), direction))

    def __add__(self, other: Any) -> Staged:
        return self.op("add", other)

    def __mul__(self, other: Any) -> Staged:
        return self.op("multiply", other)

    def __sub__(self, other: Any) -> Staged:
        return self.op("subtract", other)

    def __truediv__(self, other: Any) -> Staged:
        return self.op("divide", other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Staged:
        return Staged(self._constant(other)).op("subtract", self)

    def __rtruediv__(self, other: Any) -> Staged:
        return Staged(self._constant(other)).op("divide", self)

    def __neg__(self) -> Staged:
        return self.op("negate")

    def __and__(self, other: Any) -> Staged:
        return self.op("and", other)

    def __or__(self, other: Any) -> Staged:
        return self.op("or", other)

    def __lt__(self, other: Any) -> Staged:
        return self._compare(other, "LT")

    def __le__(self, other: Any) -> Staged:
        return self._compare(other, "LE")

    def __gt__(self, other: Any) -> Staged:
        return self._compare(other, "GT")

    def __ge__(self, other: Any) -> Staged:
        return self._compare(other, "GE")

    def __eq__(self, other: Any) -> Staged:  # type: ignore[override]
        return self._compare(other, "EQ")

    def __ne__(self, other: Any) -> Staged:  # type: ignore[override]
        return self._compare(other, "NE")

    __hash__ = None  # type: ignore[assignment]


def _function(stablehlo: str, in_numpy: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: x.op(stablehlo) if isinstance(x, Staged) else in_numpy(x)


exp = _function("exponential", np.exp)
log = _function("log", np.log)
sqrt = _function("sqrt", np.sqrt)
absolute = _function("abs", np.abs)
floor = _function("floor", np.floor)
rint = _function("round_nearest_even", np.rint)
expm1 = _function("exponential_minus_one", np.expm1)
log1p = _function("log_plus_one", np.log1p)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; one of them may be a number."""
    if not isinstance(condition, Staged):
        return np.where(condition, a, b)
    from axil.dialects import hlo

    like = a if isinstance(a, Staged) else b
    return Staged(hlo.select(condition.value, like._constant(a), like._constant(b)))


def power(x: Any, y: Any) -> Any:
    """x^y of a positive x."""
    return x.op("power", y) if isinstance(x, Staged) else np.power(x, y)


def converted(x: Any, dtype: Any) -> Any:
    """`x` as another dtype."""
    if not isinstance(x, Staged):
        return x.astype(dtype)
    from axil.dialects import hlo

    return Staged(hlo.convert(x.value, dtype))


def bits_of(x: Any, dtype: Any) -> Any:
    """The bits of `x` as another dtype of the same width."""
    if not isinstance(x, Staged):
        return x.view(dtype)
    from axil.dialects import hlo

    return Staged(hlo.bitcast(x.value, dtype))


def shifted_left(x: Any, count: int) -> Any:
    """The bits of integers moved to higher places."""
    return x.op("shift_left", count) if isinstance(x, Staged) else np.left_shift(x, count)


def shifted_right(x: Any, count: int) -> Any:
    """The bits of integers moved to lower places, copies of the sign coming in."""
    return x.op("shift_right_arithmetic", count) if isinstance(x, Staged) else np.right_shift(x, count)


def looked_up(table: np.ndarray, index: Any) -> Any:
    """The elements of a vector of constants at indices (i32), which are within bounds."""
    if not isinstance(index, Staged):
        return table[index]
    from axil.dialects import hlo

    return Staged(hlo.take(hlo.constant(table), index.value))


def with_sign_of(magnitude: Any, x: Any) -> Any:
    """`magnitude`, which is not negative, with the sign of `x`; where `x` is a zero, `x` itself."""
    return where(x < 0, -magnitude, where(x == 0, x, magnitude))


def poly(x: Any, coefficients: Sequence[float]) -> Any:
    """A polynomial by Horner's rule, highest power first."""
    total = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        total = total * x + c
    return total


def clamped(x: Any, low: float, high: float) -> Any:
    """`x` limited to a range; NaN stays."""
    return where(x < low, low, where(x > high, high, x))


def is_double(x: Any) -> bool:
    """True for f64."""
    return x.dtype == np.float64


def reference(formula: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """The formula as a NumPy reference."""

    def compute(x: np.ndarray) -> np.ndarray:
        wide = x.astype(np.float32) if x.dtype.itemsize < 4 else x
        with np.errstate(all="ignore"):
            return np.asarray(formula(wide)).astype(x.dtype)

    return compute


def lowering(formula: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """The formula as a lowering rule, in place of StableHLO's op `name`, where there is one."""

    def lower(values: Any, results: Any, context: Any) -> Any:
        from axil.dialects import hlo

        of = dtype_of(values[0])
        if of.itemsize >= 4:
            return formula(*map(Staged, values)).value
        return hlo.convert(formula(*[Staged(hlo.convert(x, np.float32)) for x in values]).value, of)

    return in_place_of(name, lower)


def in_place_of(name: str | None, rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, marked as one that lowers to what StableHLO's op `name` means: so that op can be imported."""
    rule.stablehlo = name  # type: ignore[attr-defined]
    return formula_rule(rule)


def formula_rule(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, marked as one that looks at nothing but the types of its operands: what it emits can be shared."""
    rule.formula = True  # type: ignore[attr-defined]
    return rule


def double_only(name: str, formula: Callable[..., Any]) -> Callable[..., Any]:
    """A lowering rule: for f64, where IREE's linker lacks the function, the formula; else op `name`."""

    def lower(values: Any, results: Any, context: Any) -> Any:
        from axil.dialects import hlo

        if dtype_of(values[0]) == np.float64:
            return formula(*map(Staged, values)).value
        return hlo.op(name, *values)

    return in_place_of(name, lower)


def on_cpu(name: str, formula: Callable[..., Any]) -> Callable[..., Any]:
    """A lowering rule: the formula on CPUs and for f64, else op `name`, as the formula works in f64 inside."""
    by_formula = lowering(formula)

    def lower(values: Any, results: Any, context: Any) -> Any:
        from axil.dialects import hlo

        of = dtype_of(values[0])
        if of == np.float64 or (context.platform == "cpu" and of.kind != "c"):
            return by_formula(values, results, context)
        return hlo.op(name, *values)

    return in_place_of(name, lower)


def on_parts(
    formula: Callable[..., Any], otherwise: str | Callable[..., Any], everywhere: bool = False
) -> Callable[..., Any]:
    """A lowering rule: for complex operands the formula of their parts, else a rule or the op of a name.

    Off the CPU it is for c128 alone, as the formulas compute angles of c64 in f64, unless there is no other rule for
    complex operands (`everywhere`).
    """

    def lower(values: Any, results: Any, context: Any) -> Any:
        from axil.dialects import hlo

        of = dtype_of(values[0])
        if of == np.complex128 or (of == np.complex64 and (everywhere or context.platform == "cpu")):
            parts = [Staged(hlo.op(part, v)) for v in values for part in ("real", "imag")]
            return hlo.op("complex", *[part.value for part in formula(*parts)])
        return hlo.op(otherwise, *values) if isinstance(otherwise, str) else otherwise(values, results, context)

    name = otherwise if isinstance(otherwise, str) else getattr(otherwise, "stablehlo", None)
    return in_place_of(name, lower)
