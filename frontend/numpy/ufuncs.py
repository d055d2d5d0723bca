"""Elementwise arithmetic: sums and products, powers, rounding, complex parts.

Each function has NumPy's meaning and JAX's promotion; the docstrings say what a reader may not expect.
"""

from __future__ import annotations

import builtins
import operator
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import complex as c
from axil.dialects import elementwise as e
from axil.dialects import special as sp
from axil.dialects.bits import shift_right_logical
from axil.dtypes import kind_of
from axil.numpy.logic import (
    bitwise_and,
    bitwise_or,
    equal,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    not_equal,
    signbit,
)
from axil.numpy.logic import pick as where
from axil.numpy.values import (
    Array,
    Value,
    binary,
    bind,
    convert,
    dtype_and_weak,
    elementwise,
    filled,
    operand,
    promote,
    refuse_out,
    reweaken,
    scalar_like,
    type_error,
    unary,
)

# ---- arithmetic ----------------------------------------------------------------------------------------


def add(x: Any, y: Any, /) -> Value:
    """Sum; of booleans, their disjunction."""
    return binary("add", e.add, x, y)


def subtract(x: Any, y: Any, /) -> Value:
    """Difference."""
    return binary("subtract", e.sub, x, y)


def multiply(x: Any, y: Any, /) -> Value:
    """Product; of booleans, their conjunction."""
    return binary("multiply", e.mul, x, y)


def true_divide(x: Any, y: Any, /) -> Value:
    """Quotient; integers are divided as floats."""
    return binary("divide", e.div, x, y, inexact=True)


divide = true_divide


def negative(x: Any, /) -> Value:
    """Negation."""
    return unary("negative", e.neg, x)


def positive(x: Any, /) -> Value:
    """The operand itself."""
    return operand("positive", x)


def absolute(x: Any, /) -> Value:
    """Absolute value; of complex numbers, their modulus."""
    x = operand("absolute", x)
    return x if kind_of(x.aval.dtype) in "bu" else unary("absolute", e.abs_, x)


abs = absolute


def fabs(x: Any, /) -> Value:
    """Absolute value, as floats."""
    x = operand("fabs", x)
    if x.aval.dtype.kind == "c":
        raise type_error("fabs does not support complex dtypes; use abs")
    return unary("fabs", e.abs_, x, inexact=True)


def sign(x: Any, /) -> Value:
    """-1, 0 or 1; of a complex number, its direction."""
    x = operand("sign", x)
    if x.aval.dtype.kind != "c":
        return unary("sign", e.sign, x)
    modulus = absolute(x)
    zero = equal(modulus, 0)
    return where(zero, x, divide(x, where(zero, 1, modulus)))


def square(x: Any, /) -> Value:
    """The operand times itself."""
    (x,), weak = _numeric("square", x)
    return bind(e.integer_pow, x, exponent=2, weak=weak)


def reciprocal(x: Any, /) -> Value:
    """One divided by the operand."""
    (x,), weak = promote("reciprocal", x, inexact=True)
    return bind(e.integer_pow, x, exponent=-1, weak=weak)


def _numeric(name: str, *xs: Any) -> tuple[list[Value], bool]:
    """Promoted operands, booleans as integers."""
    values, weak = promote(name, *xs)
    if kind_of(values[0].aval.dtype) == "b":
        values = [convert(x, dtypes.default_int_dtype()) for x in values]
    return values, weak


def floor_divide(x: Any, y: Any, /) -> Value:
    """The largest integer not above the quotient."""
    (x, y), weak = _numeric("floor_divide", x, y)
    kind = kind_of(x.aval.dtype)
    if kind == "u":
        return elementwise("floor_divide", e.div, (x, y), weak)
    if kind == "i":
        quotient = elementwise("floor_divide", e.div, (x, y), weak)
        remains = not_equal(elementwise("floor_divide", e.rem, (x, y), weak), 0)
        return where(bitwise_and(not_equal(sign(x), sign(y)), remains), subtract(quotient, 1), quotient)
    if kind == "c":
        raise type_error("floor_divide does not support complex-valued inputs")
    return _float_divmod(x, y, weak)[0]


def _float_divmod(x: Value, y: Value, weak: bool) -> tuple[Value, Value]:
    remainder_ = elementwise("divmod", e.rem, (x, y), weak)
    quotient = divide(where(equal(y, 0), x, subtract(x, remainder_)), y)
    other_side = bitwise_and(not_equal(remainder_, 0), not_equal(sign(y), sign(remainder_)))
    remainder_ = where(other_side, add(remainder_, y), remainder_)
    quotient = where(other_side, subtract(quotient, 1), quotient)
    return bind(e.round_away, quotient, weak=weak), remainder_


def remainder(x: Any, y: Any, /) -> Value:
    """What is left of floor division: it has the sign of the divisor."""
    (x, y), weak = _numeric("remainder", x, y)
    kind = kind_of(x.aval.dtype)
    truncated = elementwise("remainder", e.rem, (x, y), weak)
    if kind in "iu":
        truncated = where(equal(y, 0), 0, truncated)  # afterwards, so that `checkify` sees the divisor
    if kind == "u":
        return truncated
    other_side = bitwise_and(not_equal(less(truncated, 0), less(y, 0)), not_equal(truncated, 0))
    return where(other_side, add(truncated, y), truncated)


mod = remainder


def divmod(x: Any, y: Any, /) -> tuple[Value, Value]:
    """Quotient and remainder of floor division."""
    (x, y), weak = _numeric("divmod", x, y)
    if kind_of(x.aval.dtype) in "iu":
        return floor_divide(x, y), remainder(x, y)
    return _float_divmod(x, y, weak)


def fmod(x: Any, y: Any, /) -> Value:
    """What is left of truncating division: it has the sign of the dividend."""
    (x, y), weak = _numeric("fmod", x, y)
    return elementwise("fmod", e.rem, (x, where(equal(y, 0), 1, y) if kind_of(x.aval.dtype) in "iu" else y), weak)


def maximum(x: Any, y: Any, /) -> Value:
    """The larger of two; NaN wins."""
    return _extremum("maximum", e.max_, greater, x, y)


def minimum(x: Any, y: Any, /) -> Value:
    """The smaller of two; NaN wins."""
    return _extremum("minimum", e.min_, less, x, y)


def _extremum(name: str, op: Any, wins: Any, x: Any, y: Any) -> Value:
    if dtype_and_weak(name, x)[0].kind != "c" and dtype_and_weak(name, y, 1)[0].kind != "c":
        return binary(name, op, x, y)
    (x, y), _ = promote(name, x, y)  # complex numbers are ordered by real part, then imaginary part
    return where(bitwise_or(wins(x, y), isnan(x)), x, y)


def fmax(x1: Any, x2: Any) -> Value:
    """The larger of two; NaN loses."""
    return where(bitwise_or(greater(x1, x2), isnan(x2)), x1, x2)


def fmin(x1: Any, x2: Any) -> Value:
    """The smaller of two; NaN loses."""
    return where(bitwise_or(less(x1, x2), isnan(x2)), x1, x2)


def clip(arr: Any, /, min: Any = None, max: Any = None) -> Value:
    """Values limited to the range from `min` to `max`."""
    arr = operand("clip", arr)
    if builtins.any(_is_complex("clip", v) for v in (arr, min, max) if v is not None):
        raise type_error(
            "clip received a complex value: complex numbers have no ordering; clip real and imag parts"
        )
    if min is not None:
        arr = maximum(min, arr)
    return arr if max is None else minimum(max, arr)


def _is_complex(name: str, x: Any) -> bool:
    return dtype_and_weak(name, x)[0].kind == "c"


# ---- powers --------------------------------------------------------------------------------------------


def power(x: Any, y: Any, /) -> Value:
    """Power. A concrete integer exponent is multiplied out: exact, and differentiable everywhere."""
    exponent = _concrete_integer(y)
    if exponent is not None:
        (x,), weak = _numeric("power", x)
        return bind(e.integer_pow, x, exponent=exponent, weak=weak)
    (x, y), weak = _numeric("power", x, y)
    if kind_of(x.aval.dtype) in "iu":
        return _integers_to_integers(x, y)
    return elementwise("power", e.pow_, (x, y), weak)


pow = power


def _concrete_integer(y: Any) -> int | None:
    """The value of an exponent that is one known integer."""
    if type(y) is int:
        return y
    if isinstance(y, (builtins.bool, float, complex)) or getattr(y, "ndim", 0):
        return None
    if type(y) is Array and kind_of(y.aval.dtype) not in "iu":
        return None
    return operator.index(y) if isinstance(y, (Array, np.integer, np.ndarray, int)) and _is_index(y) else None


def _is_index(y: Any) -> bool:
    return not isinstance(y, np.ndarray) or y.dtype.kind in "iu"


def _integers_to_integers(x: Value, y: Value) -> Value:
    """Repeated squaring by the bits of the exponent; six of them overflow any base but 0, 1 and -1."""
    result = where(bitwise_and(equal(x, 0), not_equal(y, 0)), scalar_like(x, 0), scalar_like(x, 1))
    for _ in range(6):
        result = where(not_equal(bitwise_and(y, 1), 0), multiply(result, x), result)
        x = multiply(x, x)
        y = bind(shift_right_logical, y, filled(np.asarray(1, y.aval.dtype), y.aval.shape))
    return result


def float_power(x: Any, y: Any, /) -> Value:
    """Power, computed in floats."""
    return binary("float_power", e.pow_, x, y, inexact=True)


def sqrt(x: Any, /) -> Value:
    """Square root."""
    return unary("sqrt", e.sqrt, x, inexact=True)


def cbrt(x: Any, /) -> Value:
    """Cube root."""
    return unary("cbrt", e.cbrt, x, inexact=True)


def hypot(x: Any, y: Any, /) -> Value:
    """sqrt(x^2 + y^2), without overflow in between."""
    weak = both_weak("hypot", x, y)
    (x, y), _ = promote("hypot", x, y, inexact=True)
    if x.aval.dtype.kind == "c":
        raise type_error("hypot is not well defined for complex-valued inputs; convert them by abs(x)")
    x, y = absolute(x), absolute(y)
    infinite = bitwise_or(isinf(x), isinf(y))
    large, small = maximum(x, y), minimum(x, y)
    zero = equal(large, 0)
    ratio = divide(small, where(zero, 1, large))
    result = where(infinite, np.inf, where(zero, large, multiply(large, sqrt(add(1, square(ratio))))))
    return reweaken(result, weak)


def both_weak(name: str, x: Any, y: Any) -> builtins.bool:
    """Whether two operands are weakly typed, each of them."""
    return dtype_and_weak(name, x)[1] and dtype_and_weak(name, y, 1)[1]


# ---- rounding ------------------------------------------------------------------------------------------


def floor(x: Any, /) -> Value:
    """The largest integer not above; integers stay integers."""
    return _rounded("floor", e.floor, x)


def ceil(x: Any, /) -> Value:
    """The smallest integer not below; integers stay integers."""
    return _rounded("ceil", e.ceil, x)


def _rounded(name: str, op: Any, x: Any) -> Value:
    x = operand(name, x)
    return x if kind_of(x.aval.dtype) in "biu" else unary(name, op, x)


def nextafter(x: Any, y: Any, /) -> Value:
    """The float next to `x` in the direction of `y`."""
    return binary("nextafter", sp.nextafter, x, y, inexact=True)


def trunc(x: Any) -> Value:
    """Without the fraction; integers stay integers."""
    x = operand("trunc", x)
    if kind_of(x.aval.dtype) in "biu":
        return x
    return where(less(x, 0), ceil(x), floor(x))


fix = trunc


def rint(x: Any, /) -> Value:
    """The nearest integer, ties to even, as floats."""
    x = operand("rint", x)
    if kind_of(x.aval.dtype) in "biu":
        return convert(x, dtypes.default_float_dtype())
    if x.aval.dtype.kind == "c":
        return bind(c.complex_, rint(real(x)), rint(imag(x)))
    return unary("rint", e.round_even, x)


def round(a: Any, decimals: int = 0, out: None = None) -> Value:
    """The nearest number with so many decimals, ties to even."""
    refuse_out("round", out)
    a = operand("round", a)
    decimals = operator.index(decimals)
    kind = kind_of(a.aval.dtype)
    if kind in "iu" and decimals >= 0 or kind == "b":
        if kind == "b":
            raise type_error("round does not support boolean inputs")
        return a
    if kind == "c":
        return bind(c.complex_, round(real(a), decimals), round(imag(a), decimals))
    if decimals == 0:
        return unary("round", e.round_even, a)
    dtype, weak = a.aval.dtype, a.weak_type
    # Half precision has no room for the scaled value.
    wide = np.dtype(np.float32) if kind in "iu" or dtype.itemsize < 4 else dtype
    scale = 10.0**decimals
    wider = convert(a, wide, weak)
    result = divide(unary("round", e.round_even, multiply(wider, scale)), scale)
    result = where(isfinite(multiply(wider, scale)), result, wider) if kind not in "iu" else result
    return convert(result, dtype, weak)


around = round


def modf(x: Any, /, out: None = None) -> tuple[Value, Value]:
    """Fraction and integer part, both with the sign of the operand."""
    refuse_out("modf", out)
    (x,), _ = promote("modf", x, inexact=True)
    whole = where(greater_equal(x, 0), floor(x), ceil(x))
    return subtract(x, whole), whole


def copysign(x: Any, y: Any, /) -> Value:
    """The magnitude of `x` with the sign of `y`."""
    (x, y), _ = promote("copysign", x, y, inexact=True)
    if x.aval.dtype.kind == "c":
        raise type_error("copysign does not support complex-valued inputs")
    magnitude = absolute(x)
    return where(signbit(y), negative(magnitude), magnitude)


def heaviside(x: Any, y: Any, /) -> Value:
    """0 below zero, 1 above, `y` at zero."""
    weak = both_weak("heaviside", x, y)
    (x, y), _ = promote("heaviside", x, y, inexact=True)
    if x.aval.dtype.kind == "c":
        raise type_error("heaviside does not support complex-valued inputs")
    return reweaken(where(less(x, 0), 0, where(greater(x, 0), 1, where(isnan(x), x, y))), weak)


# ---- complex numbers -----------------------------------------------------------------------------------


def real(x: Any, /) -> Value:
    """Real part."""
    x = operand("real", x)
    return bind(c.real, x) if x.aval.dtype.kind == "c" else x


def imag(x: Any, /) -> Value:
    """Imaginary part: zero for real numbers."""
    x = operand("imag", x)
    if x.aval.dtype.kind == "c":
        return bind(c.imag, x)
    return filled(np.zeros((), x.aval.dtype), x.aval.shape, x.weak_type)


def conjugate(x: Any, /) -> Value:
    """Complex conjugate; real numbers are their own."""
    x = operand("conjugate", x)
    return bind(c.conj, x, weak=x.weak_type) if x.aval.dtype.kind == "c" else x


conj = conjugate
