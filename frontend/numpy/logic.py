"""Comparison, logic, bits, selection, and questions about values."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import bits
from axil.dialects import complex as c
from axil.dialects import elementwise as e
from axil.dialects.op import Op
from axil.dtypes import kind_of
from axil.numpy.values import (
    ARRAY_LIKE,
    Value,
    binary,
    bind,
    boolean,
    convert,
    dtype_and_weak,
    elementwise,
    filled,
    operand,
    promote,
    refuse_out,
    reweaken,
    scalar_like,
    select,
    shape_error,
    type_error,
    unary,
)

# ---- comparison ----------------------------------------------------------------------------------------


def equal(x: Any, y: Any, /) -> Value:
    """`x == y`"""
    return compare("equal", e.eq, x, y)


def not_equal(x: Any, y: Any, /) -> Value:
    """`x != y`"""
    return compare("not_equal", e.ne, x, y)


def less(x: Any, y: Any, /) -> Value:
    """`x < y`; complex numbers compare by real part, then imaginary part."""
    return compare("less", e.lt, x, y)


def less_equal(x: Any, y: Any, /) -> Value:
    """`x <= y`; complex numbers compare by real part, then imaginary part."""
    return compare("less_equal", e.le, x, y)


def greater(x: Any, y: Any, /) -> Value:
    """`x > y`; complex numbers compare by real part, then imaginary part."""
    return compare("greater", e.gt, x, y)


def greater_equal(x: Any, y: Any, /) -> Value:
    """`x >= y`; complex numbers compare by real part, then imaginary part."""
    return compare("greater_equal", e.ge, x, y)


def compare(name: str, op: Op, x: Any, y: Any) -> Value:
    """A comparison; its booleans are never weakly typed."""
    (a, _), (b, _) = dtype_and_weak(name, x, 0), dtype_and_weak(name, y, 1)
    if (a.kind == "c" or b.kind == "c") and op not in (e.eq, e.ne):
        (x, y), _ = promote(name, x, y)
        real = [bind(c.real, v) for v in (x, y)]
        imag = [bind(c.imag, v) for v in (x, y)]
        return pick(compare(name, e.eq, *real), compare(name, op, *imag), compare(name, op, *real))
    return binary(name, op, x, y, predicate=True)


# ---- logic ---------------------------------------------------------------------------------------------


def logical_not(x: Any, /) -> Value:
    """True where zero."""
    return bind(e.not_, boolean("logical_not", x))


def logical_and(x: Any, y: Any, /) -> Value:
    """True where both are not zero."""
    return binary("logical_and", e.and_, boolean("logical_and", x), boolean("logical_and", y, 1))


def logical_or(x: Any, y: Any, /) -> Value:
    """True where one is not zero."""
    return binary("logical_or", e.or_, boolean("logical_or", x), boolean("logical_or", y, 1))


def logical_xor(x: Any, y: Any, /) -> Value:
    """True where exactly one is not zero."""
    return binary("logical_xor", e.xor, boolean("logical_xor", x), boolean("logical_xor", y, 1))


# ---- bits ----------------------------------------------------------------------------------------------


def bitwise_not(x: Any, /) -> Value:
    """Complement of every bit; logical for booleans."""
    return unary("bitwise_not", e.not_, x)


invert = bitwise_invert = bitwise_not


def bitwise_and(x: Any, y: Any, /) -> Value:
    """Bitwise and."""
    return binary("bitwise_and", e.and_, x, y)


def bitwise_or(x: Any, y: Any, /) -> Value:
    """Bitwise or."""
    return binary("bitwise_or", e.or_, x, y)


def bitwise_xor(x: Any, y: Any, /) -> Value:
    """Bitwise exclusive or."""
    return binary("bitwise_xor", e.xor, x, y)


def left_shift(x: Any, y: Any, /) -> Value:
    """Bits moved to higher places."""
    return _shift("left_shift", bits.shift_left, x, y)


def right_shift(x: Any, y: Any, /) -> Value:
    """Bits moved to lower places, copies of the sign coming in."""
    return _shift("right_shift", bits.shift_right_arithmetic, x, y)


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift


def _shift(name: str, op: Op, x: Any, y: Any) -> Value:
    (x, y), weak = promote(name, x, y)
    if kind_of(x.aval.dtype) == "b":
        x, y = (convert(v, dtypes.default_int_dtype()) for v in (x, y))
    return elementwise(name, op, (x, y), weak)


def bitwise_count(x: Any, /) -> Value:
    """Number of ones in the binary representation of the absolute value."""
    x = operand("bitwise_count", x)
    if kind_of(x.aval.dtype) == "b":
        x = convert(x, dtypes.default_int_dtype())
    if kind_of(x.aval.dtype) == "i":
        x = bind(e.abs_, x)
    return convert(bind(bits.population_count, x), np.dtype(np.uint8))


# ---- selection -----------------------------------------------------------------------------------------


def pick(condition: Any, x: Any, y: Any) -> Value:
    """`x` where the condition holds, else `y`: `where` with all its arguments."""
    condition = boolean("where", condition)
    (x, y), weak = promote("where", x, y)
    return select("where", condition, x, y, weak)


def select_list(condlist: Any, choicelist: Any, default: Any = 0) -> Value:
    """For each element, the choice whose condition is the first to hold."""
    if len(condlist) != len(choicelist):
        raise shape_error(
            f"select takes as many conditions as choices, got {len(condlist)} and {len(choicelist)}"
        )
    if not condlist:
        raise shape_error("select takes at least one condition")
    (default, *choices), _ = promote("select", default, *choicelist)
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choices)):
        condition = operand("select", condition)
        if kind_of(condition.aval.dtype) != "b":
            raise type_error(f"select takes boolean conditions, got {condition.aval}")
        result = pick(condition, choice, result)
    return result


# ---- questions -----------------------------------------------------------------------------------------


def isnan(x: Any, /) -> Value:
    """True where not a number."""
    x = operand("isnan", x)
    return elementwise("isnan", e.ne, (x, x), False)


def isfinite(x: Any, /) -> Value:
    """True where neither infinite nor NaN."""
    x = operand("isfinite", x)
    kind = dtypes.kind_of(x.aval.dtype)
    if kind == "c":
        return bitwise_and(bind(e.is_finite, bind(c.real, x)), bind(e.is_finite, bind(c.imag, x)))
    return bind(e.is_finite, x) if kind == "f" else _constant(x, True)


def isinf(x: Any, /) -> Value:
    """True where infinite, of either sign."""
    x = operand("isinf", x)
    kind = dtypes.kind_of(x.aval.dtype)
    if kind == "c":
        return bitwise_or(isinf(bind(c.real, x)), isinf(bind(c.imag, x)))
    return equal(bind(e.abs_, x), scalar_like(x, np.inf)) if kind == "f" else _constant(x, False)


def isposinf(x: Any, /, out: None = None) -> Value:
    """True where infinite and positive."""
    return _is_infinity("isposinf", x, np.inf, out)


def isneginf(x: Any, /, out: None = None) -> Value:
    """True where infinite and negative."""
    return _is_infinity("isneginf", x, -np.inf, out)


def _is_infinity(name: str, x: Any, value: float, out: Any) -> Value:
    refuse_out(name, out)
    x = operand(name, x)
    kind = dtypes.kind_of(x.aval.dtype)
    if kind == "c":
        raise shape_error(f"{name} is not well defined for complex types")
    return equal(x, scalar_like(x, value)) if kind == "f" else _constant(x, False)


def signbit(x: Any, /) -> Value:
    """True where the sign bit is set: below zero, and for -0.0."""
    x = operand("signbit", x)
    kind = dtypes.kind_of(x.aval.dtype)
    if kind == "i":
        return less(x, 0)
    if kind in "bu":
        return _constant(x, False)
    if kind == "c":
        raise shape_error(f"signbit is not well defined for {x.aval.dtype}")
    return less(bind(e.bitcast, x, dtype=np.dtype(f"i{x.aval.dtype.itemsize}")), 0)


def _constant(x: Value, value: bool) -> Value:
    return filled(np.asarray(value), x.aval.shape)


def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex; of a list, that of an array of its elements."""
    if isinstance(x, (list, tuple)):
        x = np.asarray(x)
    return dtype_and_weak("iscomplexobj", x)[0].kind == "c"


def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex."""
    return not iscomplexobj(x)


def iscomplex(x: Any) -> Value:
    """True where the imaginary part is not zero."""
    x = operand("iscomplex", x)
    return not_equal(bind(c.imag, x), 0) if x.aval.dtype.kind == "c" else _constant(x, False)


def isreal(x: Any) -> Value:
    """True where the imaginary part is zero."""
    return logical_not(iscomplex(x))


def isscalar(element: Any) -> bool:
    """Whether a value is a Python or NumPy scalar, or an array of no dimensions."""
    return np.isscalar(element) or isinstance(element, ARRAY_LIKE) and np.ndim(element) == 0


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Value:
    """NaN replaced by `nan` and infinities by the extreme finite values, or by what is given."""
    x = operand("nan_to_num", x)
    kind = dtypes.kind_of(x.aval.dtype)
    if kind in "biu":
        return x
    if kind == "c":
        parts = (nan_to_num(bind(part, x), copy, nan, posinf, neginf) for part in (c.real, c.imag))
        return bind(c.complex_, *parts)
    info = dtypes.finfo(x.aval.dtype)
    high = float(info.max) if posinf is None else posinf
    low = float(info.min) if neginf is None else neginf
    high, low, nan = (scalar_like(x, v) if isinstance(v, (int, float)) else v for v in (high, low, nan))
    result = pick(isnan(x), nan, x)
    result = pick(isposinf(result), high, result)
    return reweaken(pick(isneginf(result), low, result), False)
