"""Functions that act on each element alone: arithmetic, exponentials, comparisons, bits, selection, conversion."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from axil import dtypes, pytrees
from axil.core import Array, Tracer, as_array, bind
from axil.dialects import avals as av
from axil.dialects import bits as bit_ops
from axil.dialects import complex as complex_ops
from axil.dialects import elementwise as e
from axil.dialects import shape as shape_ops
from axil.dialects import special as special_ops
from axil.dialects.op import Op
from axil.lax.common import (
    ArgumentTypeError,
    aligned,
    binary,
    check_same_dtype,
    compare,
    constant_like,
    converted,
    fail,
    integer,
    is_weak,
    operand,
    operands,
    result_dtype,
    spread,
    unary,
)
from axil.lax.precision import Accuracy, check_accuracy


def _elementary(op: Op, x: Any, accuracy: Accuracy) -> Any:
    """An elementary function; whatever accuracy is asked for, it is as exact as its dtype."""
    if accuracy is not None:
        check_accuracy(op.name, accuracy)
    return unary(op, x)


# ---- sign and rounding ---------------------------------------------------------------------------------


class RoundingMethod(enum.IntEnum):
    """What `round` does with values half way between two integers."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


def neg(x: Any) -> Any:
    """`-x`; wraps around for integers."""
    return unary(e.neg, x)


def abs(x: Any) -> Any:
    """Absolute value; of complex numbers, the modulus."""
    return unary(e.abs_, x)


def sign(x: Any) -> Any:
    """-1, 0 or 1; NaN and -0.0 are kept."""
    return unary(e.sign, x)


def floor(x: Any) -> Any:
    """The largest integer not above `x`."""
    return unary(e.floor, x)


def ceil(x: Any) -> Any:
    """The smallest integer not below `x`."""
    return unary(e.ceil, x)


def round(x: Any, rounding_method: RoundingMethod = RoundingMethod.AWAY_FROM_ZERO) -> Any:
    """The nearest integer; `rounding_method` decides ties."""
    even = RoundingMethod(rounding_method) is RoundingMethod.TO_NEAREST_EVEN
    return unary(e.round_even if even else e.round_away, x)


def is_finite(x: Any) -> Any:
    """True where `x` is neither infinite nor NaN."""
    return bind(e.is_finite, operand("is_finite", x))


# ---- exponentials and powers ---------------------------------------------------------------------------


def exp(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Exponential."""
    return _elementary(e.exp, x, accuracy)


def exp2(x: Any, *, accuracy: Accuracy = None) -> Any:
    """2 to the power `x`."""
    return _elementary(special_ops.exp2, x, accuracy)


def expm1(x: Any, *, accuracy: Accuracy = None) -> Any:
    """`exp(x) - 1`, accurate near 0."""
    return _elementary(e.expm1, x, accuracy)


def log(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Natural logarithm."""
    return _elementary(e.log, x, accuracy)


def log1p(x: Any, *, accuracy: Accuracy = None) -> Any:
    """`log(1 + x)`, accurate near 0."""
    return _elementary(e.log1p, x, accuracy)


def logistic(x: Any, *, accuracy: Accuracy = None) -> Any:
    """`1 / (1 + exp(-x))`."""
    return _elementary(e.logistic, x, accuracy)


def sqrt(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Square root."""
    return _elementary(e.sqrt, x, accuracy)


def rsqrt(x: Any, *, accuracy: Accuracy = None) -> Any:
    """`1 / sqrt(x)`."""
    return _elementary(e.rsqrt, x, accuracy)


def cbrt(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Cube root."""
    return _elementary(e.cbrt, x, accuracy)


def square(x: Any) -> Any:
    """`x * x`."""
    return integer_pow(x, 2)


def reciprocal(x: Any) -> Any:
    """`1 / x`, of floating point and complex numbers."""
    return integer_pow(x, -1)


def integer_pow(x: Any, y: int) -> Any:
    """`x` to a power that is a Python integer, by repeated multiplication."""
    x = operand("integer_pow", x)
    return bind(e.integer_pow, x, exponent=integer("integer_pow", "the exponent", y), weak=x.weak_type)


def pow(x: Any, y: Any) -> Any:
    """`x` to the power `y`; `x` is floating point or complex, `y` of the same dtype or an integer."""
    if type(y) is int and av.is_inexact(dtypes.dtype_of(x)):
        return integer_pow(x, y)
    x, y = operands("pow", (x, y))
    if av.is_integer(y.aval.dtype) and av.is_inexact(x.aval.dtype):
        y = bind(e.convert, y, dtype=x.aval.dtype, weak=y.weak_type)
    return binary(e.pow_, x, y)


# ---- trigonometry --------------------------------------------------------------------------------------


def sin(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Sine."""
    return _elementary(e.sin, x, accuracy)


def cos(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Cosine."""
    return _elementary(e.cos, x, accuracy)


def tan(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Tangent."""
    return _elementary(e.tan, x, accuracy)


def tanh(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Hyperbolic tangent."""
    return _elementary(e.tanh, x, accuracy)


def atan2(x: Any, y: Any) -> Any:
    """The angle of the point `(y, x)`."""
    return binary(e.atan2, x, y)


# ---- arithmetic ----------------------------------------------------------------------------------------


def add(x: Any, y: Any) -> Any:
    """`x + y`."""
    return binary(e.add, x, y)


def sub(x: Any, y: Any) -> Any:
    """`x - y`."""
    return binary(e.sub, x, y)


def mul(x: Any, y: Any, *, out_dtype: Any = None) -> Any:
    """`x * y`; exactly that of `out_dtype`, where one is given."""
    if out_dtype is not None:
        x, y = (convert_element_type(v, out_dtype) for v in operands("mul", (x, y)))
    return binary(e.mul, x, y)


def mulhi(x: Any, y: Any) -> Any:
    """The upper half of the bits of the product of integers of at most 32 bits."""
    x, y = aligned("mulhi", (x, y))
    of = x.aval.dtype
    if not av.is_integer(of) or of.itemsize > 4:
        fail(f"lax.mulhi takes integers of at most 32 bits, got {x.aval}", kind=ArgumentTypeError)
    wide = np.dtype(np.uint64 if av.is_unsigned(of) else np.int64)
    product = mul(converted(x, wide), converted(y, wide))
    high = shift_right_arithmetic(product, constant_like(product, 8 * of.itemsize))
    return bind(e.convert, high, dtype=of, weak=is_weak((x, y)))


def div(x: Any, y: Any) -> Any:
    """`x / y`; integers truncate towards zero."""
    return binary(e.div, x, y)


def rem(x: Any, y: Any) -> Any:
    """Remainder of `x / y` with the sign of `x`, as C's `fmod`."""
    return binary(e.rem, x, y)


def max(x: Any, y: Any) -> Any:
    """The larger of two; NaN wins. Complex numbers compare by real part, then imaginary part."""
    return _extremum(e.max_, gt, x, y)


def min(x: Any, y: Any) -> Any:
    """The smaller of two; NaN wins. Complex numbers compare by real part, then imaginary part."""
    return _extremum(e.min_, lt, x, y)


def _extremum(op: Any, wins: Any, x: Any, y: Any) -> Any:
    x, y = aligned(op.name, (x, y))
    if not av.is_complex(x.aval.dtype):
        return bind(op, x, y, weak=is_weak((x, y)))
    (a, b), (c, d) = (real(x), imag(x)), (real(y), imag(y))
    return select(bitwise_or(wins(a, c), bitwise_and(eq(a, c), wins(b, d))), x, y)


# ---- comparison ----------------------------------------------------------------------------------------


def eq(x: Any, y: Any) -> Any:
    """`x == y`."""
    return compare(e.eq, x, y)


def ne(x: Any, y: Any) -> Any:
    """`x != y`."""
    return compare(e.ne, x, y)


def lt(x: Any, y: Any) -> Any:
    """`x < y`."""
    return compare(e.lt, x, y)


def le(x: Any, y: Any) -> Any:
    """`x <= y`."""
    return compare(e.le, x, y)


def gt(x: Any, y: Any) -> Any:
    """`x > y`."""
    return compare(e.gt, x, y)


def ge(x: Any, y: Any) -> Any:
    """`x >= y`."""
    return compare(e.ge, x, y)


# ---- bits ----------------------------------------------------------------------------------------------


def bitwise_not(x: Any) -> Any:
    """Complement of the bits of integers; logical for booleans."""
    return unary(e.not_, x)


def bitwise_and(x: Any, y: Any) -> Any:
    """And of the bits of integers; logical for booleans."""
    return binary(e.and_, x, y, "bitwise_and")


def bitwise_or(x: Any, y: Any) -> Any:
    """Or of the bits of integers; logical for booleans."""
    return binary(e.or_, x, y, "bitwise_or")


def bitwise_xor(x: Any, y: Any) -> Any:
    """Exclusive or of the bits of integers; logical for booleans."""
    return binary(e.xor, x, y, "bitwise_xor")


def shift_left(x: Any, y: Any) -> Any:
    """`x << y`; 0 where `y` is the width or more."""
    return binary(bit_ops.shift_left, x, y)


def shift_right_arithmetic(x: Any, y: Any) -> Any:
    """`x >> y`, copies of the sign bit coming in."""
    return binary(bit_ops.shift_right_arithmetic, x, y)


def shift_right_logical(x: Any, y: Any) -> Any:
    """`x >> y`, zeros coming in."""
    return binary(bit_ops.shift_right_logical, x, y)


def population_count(x: Any) -> Any:
    """How many bits are one."""
    return unary(bit_ops.population_count, x)


def clz(x: Any) -> Any:
    """How many bits above the highest one are zero."""
    return unary(bit_ops.clz, x)


# ---- complex numbers -----------------------------------------------------------------------------------


def complex(x: Any, y: Any) -> Any:
    """`x + iy`."""
    x, y = aligned("complex", (x, y))
    return bind(complex_ops.complex_, x, y, weak=is_weak((x, y)))


def real(x: Any) -> Any:
    """Real part."""
    return unary(complex_ops.real, x)


def imag(x: Any) -> Any:
    """Imaginary part."""
    return unary(complex_ops.imag, x)


def conj(x: Any) -> Any:
    """Complex conjugate; real operands become complex."""
    x = operand("conj", x)
    return complex(x, constant_like(x, 0)) if av.is_float(x.aval.dtype) else unary(complex_ops.conj, x)


# ---- selection -----------------------------------------------------------------------------------------


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """`on_true` where `pred` holds, else `on_false`; `pred` is a scalar or of the cases' shape."""
    return select_n(pred, on_false, on_true)


def select_n(which: Any, *cases: Any) -> Any:
    """Each element from the case that `which` numbers: booleans choose between two, i32 among any number."""
    if not cases:
        fail("lax.select_n needs at least one case")
    which, *chosen = operands("select", (which, *cases))
    check_same_dtype("select", chosen)
    shape = chosen[0].aval.shape
    if any(c.aval.shape != shape for c in chosen):
        fail(f"lax.select takes cases of one shape, got {', '.join(str(c.aval) for c in chosen)}")
    if which.aval.shape not in ((), shape):
        fail(f"lax.select: the predicate must be a scalar or of the cases' shape {shape}, got {which.aval}")
    weak = is_weak(chosen)
    if av.is_bool(which.aval.dtype):
        if len(chosen) > 2:
            fail(f"lax.select_n: a boolean chooses between two cases, got {len(chosen)}; number them with i32")
        return bind(e.select, which, chosen[-1], chosen[0], weak=weak)
    if not av.is_integer(which.aval.dtype):
        fail(f"lax.select: the predicate must be boolean or i32, got {which.aval}", kind=ArgumentTypeError)
    result = chosen[-1]
    for i in range(len(chosen) - 2, -1, -1):
        result = bind(e.select, lt(which, constant_like(which, i + 1)), chosen[i], result, weak=weak)
    return result


def clamp(min: Any, x: Any, max: Any) -> Any:
    """`x` limited to the range from `min` to `max`, which are scalars or of the shape of `x`."""
    low, x, high = operands("clamp", (min, x, max))
    check_same_dtype("clamp", (low, x, high))
    shape = x.aval.shape
    for limit in (low, high):
        if limit.aval.shape not in ((), shape):
            fail(f"lax.clamp: limits must be scalars or of the shape of x, got {limit.aval} for {x.aval}")
    return bind(e.clamp, spread(low, shape), x, spread(high, shape), weak=is_weak((low, x, high)))


# ---- conversion ----------------------------------------------------------------------------------------


def convert_element_type(operand: Any, new_dtype: Any) -> Any:
    """`operand` in another dtype; floats become integers by truncation, complex numbers lose their imaginary part."""
    if new_dtype is None:
        fail("lax.convert_element_type: a dtype must be given")
    return _converted(operand, result_dtype("convert_element_type", new_dtype), False)


def _converted(x: Any, dtype: np.dtype, weak: bool) -> Any:
    x = operand("convert_element_type", x)
    if x.aval.dtype == dtype and x.weak_type == weak:
        return x
    if x.aval.dtype == dtype and type(x) is Array:
        return Array(x._numpy, weak)
    return bind(e.convert, x, dtype=dtype, weak=weak)


def bitcast_convert_type(operand: Any, new_dtype: Any) -> Any:
    """The same bits as another dtype; where widths differ, a last dimension is added or taken away."""
    x, dtype = as_operand(operand), result_dtype("bitcast_convert_type", new_dtype)
    old, new = (dtypes.itemsize_bits(d) for d in (x.aval.dtype, dtype))
    if old == new:
        return bind(e.bitcast, x, dtype=dtype)
    count, narrow = divmod(old, new)
    if old > new and not narrow:
        return _split_bits(x, np.dtype(f"u{old // 8}"), np.dtype(f"u{new // 8}"), dtype, count)
    count, narrow = divmod(new, old)
    if narrow or x.aval.shape[-1:] != (count,):
        name = dtypes.short_name(dtype)
        fail(f"lax.bitcast_convert_type: {x.aval} to {name} needs a last dimension of size {new / old:g}")
    return _join_bits(x, np.dtype(f"u{old // 8}"), np.dtype(f"u{new // 8}"), dtype)


def _split_bits(x: Any, wide: np.dtype, narrow: np.dtype, dtype: np.dtype, count: int) -> Any:
    """Each element as `count` narrower ones, the lowest bits first."""
    x, shape = bind(e.bitcast, x, dtype=wide), (*x.aval.shape, 1)
    parts = []
    for i in range(count):
        shifted = shift_right_logical(x, constant_like(x, i * 8 * narrow.itemsize))
        parts.append(bind(shape_ops.reshape, bind(e.convert, shifted, dtype=narrow), shape=shape))
    return bind(e.bitcast, bind(shape_ops.concatenate, *parts, axis=len(shape) - 1), dtype=dtype)


def _join_bits(x: Any, narrow: np.dtype, wide: np.dtype, dtype: np.dtype) -> Any:
    """The last dimension joined to wider elements, the lowest bits first."""
    x = bind(e.convert, bind(e.bitcast, x, dtype=narrow), dtype=wide)
    *lead, count = x.aval.shape
    result = None
    for i in range(count):
        starts, limits = (*(0 for _ in lead), i), (*lead, i + 1)
        part = bind(shape_ops.slice_, x, starts=starts, limits=limits, strides=(1,) * len(starts))
        part = bind(shape_ops.reshape, part, shape=tuple(lead))
        part = shift_left(part, constant_like(part, i * 8 * narrow.itemsize))
        result = part if result is None else bitwise_or(result, part)
    return bind(e.bitcast, result, dtype=dtype)


def as_operand(x: Any) -> Any:
    """`x` as an array or tracer."""
    return x if type(x) is Array or type(x) is Tracer else as_array(x)


def dtype(x: Any) -> np.dtype:
    """The dtype of an array or number."""
    return dtypes.dtype_of(x)


def stop_gradient(x: Any) -> Any:
    """`x`, through which no derivative passes; `x` may be a tree of arrays."""
    return pytrees.tree_map(_stopped, x)


def _stopped(x: Any) -> Any:
    x = operand("stop_gradient", x)
    if type(x) is Array or not av.is_inexact(x.aval.dtype):
        return x
    return bind(shape_ops.stop_gradient, x, weak=x.weak_type)
