"""Elementwise ops: arithmetic, exponentials, trigonometry, comparisons, logic, bits, selection, conversion.

Every op here takes operands of one shape; broadcasting is explicit, by `broadcast_in_dim`.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from axil.dialects import avals as av
from axil.dialects import complex_formulas as of_complex
from axil.dialects import formulas, formulas_double, staged, taylor
from axil.dialects.checks import zero_divisor
from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    ShapeError,
    add_tangents,
    all_batched,
    aval,
    binary,
    check_dtype,
    check_same,
    comparison,
    dtype_of,
    full,
    is_linear,
    no_tangent,
    ops,
    sample,
    shape_of,
    unary,
)
from axil.dialects.op import ByDtype, full_like, zeros_like_aval

INTS = (sample("i32[3]"),)
FLOATS_AND_INTS = (sample("f32[2,3]"), sample("i32[3]", grad=False))


def _quiet(f: Any) -> Any:
    """NumPy's warnings about overflow and invalid operations are not errors here: NaN and inf are values."""

    def reference(*arrays: Any) -> Any:
        with np.errstate(all="ignore"):
            return f(*arrays)

    return reference


def _kept(f: Any) -> Any:
    """NumPy computes some functions of int4 in int8."""

    def reference(x: np.ndarray, *more: np.ndarray) -> np.ndarray:
        if x.dtype.kind != "V":
            return f(x, *more)
        return f(x, *more).astype(x.dtype, copy=False)

    return reference


def _real_of(a: Aval) -> Aval:
    """The aval of a complex array's parts; real avals are their own."""
    return aval(a.shape, {"c8": "f4", "c16": "f8"}[a.dtype.str[1:]]) if av.is_complex(a.dtype) else a


# ---- sign and rounding ---------------------------------------------------------------------------------

neg = unary("neg", "Negation; wraps around for integers.", _kept(np.negative), "negate", takes="number",
            linear=lambda ct: neg(ct), samples=FLOATS_AND_INTS, makes_nan=False)  # fmt: skip
abs_ = unary("abs", "Absolute value.", _kept(np.abs), "abs", takes="number", gives=_real_of,
             derivative=lambda y, x: _abs_slope(y, x), domain=(0.5, 2.0),
             samples=(*FLOATS_AND_INTS, sample("c64[3]", domain=(0.5, 2.0))),
             makes_nan=False)  # fmt: skip
sign = unary("sign", "Sign: -1, 0 or 1; NaN and -0.0 are kept.", lambda x: _sign(x), lambda *a: _lower_sign(*a),
             takes="number", samples=FLOATS_AND_INTS, makes_nan=False)  # fmt: skip
floor = unary("floor", "Largest integer not above.", np.floor, "floor", takes="float", makes_nan=False)
ceil = unary("ceil", "Smallest integer not below.", np.ceil, "ceil", takes="float", makes_nan=False)
round_even = unary("round_even", "Nearest integer, ties to even.", np.rint, "round_nearest_even", takes="float",
                   makes_nan=False)
round_away = unary("round_away", "Nearest integer, ties away from zero.",
                   lambda x: np.trunc(x + np.copysign(_half(x), x)), "round_nearest_afz", takes="float",
                   makes_nan=False)  # fmt: skip
is_finite = unary("is_finite", "True where neither infinite nor NaN.", lambda x: np.isfinite(x), "is_finite",
                  takes="float", gives=lambda a: aval(a.shape, np.dtype(bool)))  # fmt: skip


def _abs_slope(y: Any, x: Any) -> Any:
    """The sign; of complex numbers as a quotient, which has a derivative, as `sign` has not."""
    if not av.is_complex(dtype_of(x)):
        return sign(x)
    length = select(eq(y, full_like(y, 0)), full_like(y, 1), y)
    return div(x, ops.complex(length, full_like(y, 0)))


def _sign(x: np.ndarray) -> np.ndarray:
    return np.where(x == 0, x, np.sign(x)).astype(x.dtype)


def _lower_sign(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import hlo

    (x,) = values
    if av.is_unsigned(dtype_of(x)):  # StableHLO has no sign of these
        return hlo.op("minimum", x, hlo.splat(x.type, 1))
    return hlo.op("sign", x)


def _half(x: np.ndarray) -> np.ndarray:
    # The largest number below one half: x + 0.5 would round 0.49999997 up to 1.
    return np.nextafter(np.asarray(0.5, x.dtype), np.asarray(0, x.dtype))


# ---- exponentials and logarithms -----------------------------------------------------------------------

exp = unary("exp", "Exponential.", _quiet(np.exp), staged.on_parts(of_complex.exp, "exponential"),
            derivative=lambda y, x: y, jet=taylor.riccati(0, 1, 0), transcendental=True)  # fmt: skip
expm1 = unary("expm1", "exp(x) - 1, accurate near 0.", _quiet(np.expm1),
              staged.on_parts(of_complex.expm1, staged.double_only("exponential_minus_one", formulas_double.expm1)),
              derivative=lambda y, x: add(y, 1.0), jet=taylor.riccati(1, 1, 0), transcendental=True)  # fmt: skip
log = unary("log", "Natural logarithm.", _quiet(np.log), staged.on_parts(of_complex.log, "log"),
            derivative=lambda y, x: div(full_like(x, 1), x), domain=(0.2, 3.0), jet=taylor.log,
            transcendental=True)  # fmt: skip
log1p = unary("log1p", "log(1 + x), accurate near 0.", _quiet(np.log1p),
              staged.on_parts(of_complex.log1p, staged.double_only("log_plus_one", formulas_double.log1p)),
              derivative=lambda y, x: div(full_like(x, 1), add(x, 1.0)), domain=(-0.5, 3.0),
              transcendental=True)  # fmt: skip
sqrt = unary("sqrt", "Square root.", _quiet(np.sqrt), staged.on_parts(of_complex.sqrt, "sqrt"),
             derivative=lambda y, x: div(full_like(y, 0.5), y), domain=(0.2, 3.0), jet=taylor.root(1 / 2),
             transcendental=True)  # fmt: skip
rsqrt = unary("rsqrt", "Reciprocal square root.", _quiet(lambda x: (1 / np.sqrt(x)).astype(x.dtype)),
              staged.on_parts(of_complex.rsqrt, "rsqrt"),
              derivative=lambda y, x: mul(full_like(y, -0.5), div(y, x)), domain=(0.2, 3.0),
              jet=taylor.root(-1 / 2), transcendental=True)  # fmt: skip
cbrt = unary("cbrt", "Cube root.", np.cbrt, staged.lowering(formulas.cbrt, "cbrt"), takes="float",
             derivative=lambda y, x: div(full_like(y, 1 / 3), mul(y, y)), domain=(0.2, 3.0), jet=taylor.root(1 / 3),
             transcendental=True)  # fmt: skip
logistic = unary("logistic", "1 / (1 + exp(-x)).", _quiet(lambda x: (1 / (1 + np.exp(-x))).astype(x.dtype)),
                 staged.on_parts(of_complex.logistic, "logistic"),
                 derivative=lambda y, x: mul(y, sub(full_like(y, 1), y)), jet=taylor.riccati(0, 1, -1),
                 transcendental=True)  # fmt: skip

# ---- trigonometry --------------------------------------------------------------------------------------

sin = unary("sin", "Sine.", _quiet(np.sin),
            staged.on_parts(of_complex.sine, staged.on_cpu("sine", formulas.sin)),
            derivative=lambda y, x: cos(x), jet=taylor.with_companion("cos", 1, -1), transcendental=True)  # fmt: skip
cos = unary("cos", "Cosine.", _quiet(np.cos),
            staged.on_parts(of_complex.cosine, staged.on_cpu("cosine", formulas.cos)),
            derivative=lambda y, x: neg(sin(x)), jet=taylor.with_companion("sin", -1, 1),
            transcendental=True)  # fmt: skip
tan = unary("tan", "Tangent.", _quiet(np.tan),
            staged.on_parts(of_complex.tan, staged.on_cpu("tan", formulas.tan)),
            derivative=lambda y, x: add(mul(y, y), 1.0), domain=(-1.0, 1.0), jet=taylor.riccati(1, 0, 1),
            transcendental=True)  # fmt: skip
tanh = unary("tanh", "Hyperbolic tangent.", np.tanh,
             staged.on_parts(of_complex.tanh, staged.double_only("tanh", formulas_double.tanh)),
             derivative=lambda y, x: sub(full_like(y, 1), mul(y, y)), jet=taylor.riccati(1, 0, -1),
             transcendental=True)  # fmt: skip

# ---- arithmetic ----------------------------------------------------------------------------------------


def _wrapping(f: Any) -> Any:
    """Integer arithmetic wraps around, silently."""

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return f(a, b)

    return reference


# NumPy's `True + True` is True; IREE adds one-bit integers modulo 2.
_lower_add = ByDtype(lambda dtype: "or" if av.is_bool(dtype) else "add")


def _transpose_add(ct: Any, xs: Any) -> tuple:
    return tuple(ct if is_linear(x) else None for x in xs)


add = binary("add", "Sum; wraps around for integers.", _wrapping(np.add), _lower_add, takes="any",
             partials=(lambda y, a, b, t: t, lambda y, a, b, t: t), linear=(0, 1), transpose=_transpose_add,
             samples=(sample("f32[2,3]", "f32[2,3]"), sample("i32[3]", "i32[3]", grad=False)))  # fmt: skip
sub = binary("sub", "Difference; wraps around for integers.", _wrapping(np.subtract), "subtract",
             partials=(lambda y, a, b, t: t, lambda y, a, b, t: neg(t)), linear=(0, 1),
             transpose=lambda ct, xs: (ct if is_linear(xs[0]) else None, neg(ct) if is_linear(xs[1]) else None),
             )  # fmt: skip


def _other_than_one(xs: Any) -> Any:
    """`x * 1` is x, whatever x is; `x * 0` is not 0 where x is infinite or NaN, so it stays."""
    from axil.dialects.emit import splat_value

    for x, other in zip(xs, reversed(xs)):
        if splat_value(other) == 1:
            return x
    return None


def _transpose_mul(ct: Any, xs: Any) -> tuple:
    return (mul(ct, xs[1]), None) if is_linear(xs[0]) else (None, mul(ct, xs[0]))


mul = binary("mul", "Product; wraps around for integers.", _wrapping(np.multiply), "multiply", takes="any",
             partials=(lambda y, a, b, t: mul(t, b), lambda y, a, b, t: mul(t, a)),
             linear=(0, 1), bilinear=True, transpose=_transpose_mul, jet=taylor.leibniz("mul"),
             simplify=lambda xs, attributes, result: _other_than_one(xs), chooses=True)  # fmt: skip


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if not av.is_integer(a.dtype):
            return np.divide(a, b).astype(a.dtype, copy=False)
        if a.dtype.kind == "V":  # NumPy rounds quotients of int4 down
            return _divide(a.astype(np.int8), b.astype(np.int8)).astype(a.dtype)
        # C's truncating division. Division by zero gives -1 (all ones), as XLA defines it.
        safe = np.where(b == 0, 1, b).astype(b.dtype)
        quotient = np.floor_divide(a, safe)
        if a.dtype.kind == "i":
            inexact = (quotient * safe) != a
            quotient = quotient + (inexact & ((a < 0) != (safe < 0)))
        return np.where(b == 0, np.asarray(-1).astype(a.dtype), quotient).astype(a.dtype)


def _divide_integers(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import hlo

    dtype = dtype_of(values[0])
    zero = hlo.compare(values[1], hlo.splat(values[1].type, 0), "EQ")
    safe = hlo.select(zero, hlo.splat(values[1].type, 1), values[1])
    all_ones = hlo.splat(values[0].type, np.asarray(-1).astype(dtype))
    return hlo.select(zero, all_ones, hlo.op("divide", values[0], safe))


div = binary("div", "Quotient; truncates for integers, whose division by zero gives -1.", _divide,
             ByDtype(lambda dtype: None if av.is_integer(dtype) else "divide", _divide_integers),
             partials=(lambda y, a, b, t: div(t, b), lambda y, a, b, t: neg(mul(t, div(y, b)))), linear=(0,),
             transpose=lambda ct, xs: (div(ct, xs[1]), None), domain=(0.5, 2.0),
             jet=taylor.quotient, checks=zero_divisor("div"),
             samples=(sample("f32[2,3]", "f32[2,3]"), sample("i32[3]", "i32[3]", grad=False, domain=(1, 9))),
             )  # fmt: skip


def _remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if av.is_integer(a.dtype):
            return np.where(b == 0, a, np.fmod(a, np.where(b == 0, 1, b).astype(b.dtype))).astype(a.dtype)
        return np.fmod(a, b)


def _lower_rem(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import hlo

    if dtype_of(values[0]) == np.float64:
        return _lower_rem_double(values[0], values[1], context)
    if not av.is_integer(dtype_of(values[0])):
        return hlo.op("remainder", *values)
    zero = hlo.compare(values[1], hlo.splat(values[1].type, 0), "EQ")
    safe = hlo.select(zero, hlo.splat(values[1].type, 1), values[1])
    return hlo.select(zero, values[0], hlo.op("remainder", values[0], safe))


def _lower_rem_double(a: Any, b: Any, context: Any) -> Any:
    """fmod, which IREE's linker lacks for f64, by exact steps until all elements have got their remainder."""
    from axil.dialects import hlo

    x, y = formulas.absolute(staged.Staged(a)), formulas.absolute(staged.Staged(b))
    defined = (x < np.inf) & (y > 0) & (y == y)
    start, y = staged.where(defined, x, 0.0), staged.where(defined, y, np.inf)

    def unfinished(r: Any) -> list:
        (more,) = hlo.reduce([(staged.Staged(r) >= y).value], [hlo.constant(False)], range(len(shape_of(a))),
                             lambda p, q: hlo.op("or", p, q))  # fmt: skip
        return [more]

    def step(r: Any) -> list:
        return [formulas.fmod_step(staged.Staged(r), y).value]

    (rest,) = context._while([start.value], unfinished, step)
    rest = staged.where(defined, staged.Staged(rest), np.nan)
    return formulas.with_sign_bit_of(rest, staged.Staged(a)).value


def _truncated_quotient(a: Any, b: Any) -> Any:
    q = div(a, b)
    return mul(sign(q), floor(abs_(q)))


rem = binary("rem", "Remainder with the sign of the dividend (C's fmod).", _remainder, _lower_rem, takes="real",
             partials=(lambda y, a, b, t: t, lambda y, a, b, t: neg(mul(t, _truncated_quotient(a, b)))),
             domain=(0.6, 0.9), checks=zero_divisor("rem"))  # fmt: skip


def _pow_partial_base(y: Any, a: Any, b: Any, t: Any) -> Any:
    # d(a^b)/da = b a^(b-1); where b is 0 the derivative is 0 even at a = 0, where a^(b-1) is infinite.
    zero_exponent = eq(b, full_like(b, 0))
    exponent = select(zero_exponent, full_like(b, 1), sub(b, 1.0))
    return mul(t, mul(b, pow_(a, exponent)))


def _pow_partial_exponent(y: Any, a: Any, b: Any, t: Any) -> Any:
    # d(a^b)/db = a^b log a; at a = 0 the limit from b > 0 is 0.
    zero_base = eq(a, full_like(a, 0))
    return mul(t, mul(y, log(select(zero_base, full_like(a, 1), a))))


_pow_of_reals = staged.lowering(formulas.power)
_pow_of_singles = staged.lowering(formulas.power_of_singles)


def _lower_pow(values: Any, results: Any, context: Any) -> Any:
    of = dtype_of(values[0])
    # Off the CPU f64 is slow or missing.
    single = of != np.float64 and context is not None and context.platform == "cpu"
    rule = "power" if av.is_complex(of) else _pow_of_singles if single else _pow_of_reals
    return staged.on_parts(of_complex.power, rule)(values, results, context)


pow_ = binary("pow", "Power, of floating point operands.", _quiet(np.power),
              staged.in_place_of("power", _lower_pow), takes="inexact",
              partials=(_pow_partial_base, _pow_partial_exponent), domain=(0.5, 2.0), jet=taylor.power,
              transcendental=True)  # fmt: skip
atan2 = binary("atan2", "Angle of the point (rhs, lhs).", np.arctan2, staged.lowering(formulas.atan2, "atan2"),
               takes="float",
               partials=(lambda y, a, b, t: mul(t, div(b, add(mul(a, a), mul(b, b)))),
                         lambda y, a, b, t: neg(mul(t, div(a, add(mul(a, a), mul(b, b)))))),
                         transcendental=True)  # fmt: skip


def _pick(compare: Any) -> Any:
    """Tangent of max and min: the winner's; ties share it equally, as in JAX."""

    def partial(y: Any, a: Any, b: Any, t: Any) -> Any:
        half = full_like(a, 0.5)
        weight = select(compare(a, b), full_like(a, 1), select(eq(a, b), half, full_like(a, 0)))
        return mul(t, weight)

    return partial


max_ = binary("max", "Larger of two; NaN wins.", _quiet(_kept(np.maximum)), "maximum", takes="ordered",
              partials=(_pick(lambda a, b: gt(a, b)), lambda y, a, b, t: _pick(gt_)(y, b, a, t)),
              samples=(sample("f32[2,3]", "f32[2,3]"), sample("i32[3]", "i32[3]", grad=False)),
              makes_nan=False)  # fmt: skip
min_ = binary("min", "Smaller of two; NaN wins.", _quiet(_kept(np.minimum)), "minimum", takes="ordered",
              partials=(_pick(lambda a, b: lt(a, b)), lambda y, a, b, t: _pick(lt_)(y, b, a, t)),
              samples=(sample("f32[2,3]", "f32[2,3]"), sample("i32[3]", "i32[3]", grad=False)),
              makes_nan=False)  # fmt: skip


def gt_(a: Any, b: Any) -> Any:
    """`gt`, late bound."""
    return gt(a, b)


def lt_(a: Any, b: Any) -> Any:
    """`lt`, late bound."""
    return lt(a, b)


# ---- integer powers ------------------------------------------------------------------------------------


def _integer_pow_infer(x: Aval, *, exponent: int) -> Aval:
    check_dtype("integer_pow", x, "number")
    if exponent < 0 and av.is_integer(x.dtype):
        raise DtypeError(f"integers cannot be raised to the negative power {exponent}; convert {x} to floats first")
    return x


def _integer_pow_reference(x: np.ndarray, *, exponent: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        y = _repeated_squaring(x, abs(exponent), np.multiply, np.ones_like(x))
        return (1 / y).astype(x.dtype) if exponent < 0 else y


def _repeated_squaring(x: Any, exponent: int, multiply: Any, one: Any) -> Any:
    result = None
    while exponent:
        if exponent & 1:
            result = x if result is None else multiply(result, x)
        exponent >>= 1
        x = multiply(x, x) if exponent else x
    return one if result is None else result


def _integer_pow_jvp(y: Any, xs: Any, dxs: Any, *, exponent: int) -> Any:
    if dxs[0] is None or exponent == 0:
        return None
    slope = xs[0] if exponent == 2 else integer_pow(xs[0], exponent=exponent - 1)
    return mul(dxs[0], mul(full_like(xs[0], exponent), slope)) if exponent != 1 else dxs[0]


def _integer_pow_lower(values: Any, results: Any, context: Any, *, exponent: int) -> Any:
    from axil.dialects import hlo

    one = hlo.splat(values[0].type, 1)
    y = _repeated_squaring(values[0], abs(exponent), lambda a, b: hlo.op("multiply", a, b), one)
    return hlo.op("divide", one, y) if exponent < 0 else y


integer_pow = Op(
    name="integer_pow", summary="Power with a constant integer exponent.", operands=("x",),
    attributes={"exponent": "int"}, infer=_integer_pow_infer, reference=_integer_pow_reference,
    jvp=_integer_pow_jvp, lower=_integer_pow_lower, domain=(0.5, 2.0), jet=taylor.integer_pow,
    batch=lambda size, xs, batched, *, exponent: integer_pow(xs[0], exponent=exponent),
    samples=(sample("f32[3]", exponent=3), sample("f32[3]", exponent=-2), sample("i32[3]", exponent=2, grad=False)),
)  # fmt: skip

# ---- comparison ----------------------------------------------------------------------------------------

eq = comparison("eq", "Equal.", np.equal, "EQ")
ne = comparison("ne", "Not equal.", np.not_equal, "NE")
lt = comparison("lt", "Less.", np.less, "LT", takes="ordered")
le = comparison("le", "Less or equal.", np.less_equal, "LE", takes="ordered")
gt = comparison("gt", "Greater.", np.greater, "GT", takes="ordered")
ge = comparison("ge", "Greater or equal.", np.greater_equal, "GE", takes="ordered")

# ---- logic and bits ------------------------------------------------------------------------------------

_BITS = (sample("i32[3]", "i32[3]"), sample("bool[2,3]", "bool[2,3]"))
not_ = unary("not", "Bitwise complement; logical for booleans.", _kept(np.invert), "not", takes="bits",
             samples=(sample("i32[3]"), sample("bool[3]")))  # fmt: skip
and_ = binary("and", "Bitwise and.", _kept(np.bitwise_and), "and", takes="bits", samples=_BITS)
or_ = binary("or", "Bitwise or.", _kept(np.bitwise_or), "or", takes="bits", samples=_BITS)
xor = binary("xor", "Bitwise exclusive or.", _kept(np.bitwise_xor), "xor", takes="bits", samples=_BITS)

# ---- selection -----------------------------------------------------------------------------------------


def _select_infer(predicate: Aval, on_true: Aval, on_false: Aval) -> Aval:
    check_same("select", on_true, on_false)
    if not av.is_bool(predicate.dtype) or predicate.shape not in ((), on_true.shape):
        raise ShapeError(
            f"'select' takes a boolean predicate of the branches' shape or a scalar one, got {predicate} for {on_true}"
        )
    return on_true


def _select_jvp(y: Any, xs: Any, dxs: Any) -> Any:
    _, a, b = dxs
    if a is None and b is None:
        return None
    of = av.aval_of(y)
    return select(xs[0], zeros_like_aval(of) if a is None else a, zeros_like_aval(of) if b is None else b)


def _select_transpose(ct: Any, xs: Any) -> tuple:
    zero = full_like(ct, 0)
    a = select(xs[0], ct, zero) if is_linear(xs[1]) else None
    b = select(xs[0], zero, ct) if is_linear(xs[2]) else None
    return None, a, b


def _select_batch(size: int, xs: Any, batched: Any) -> Any:
    predicate, on_true, on_false = xs
    if not batched[0] and not shape_of(predicate):
        return select(predicate, *all_batched(size, xs[1:], batched[1:]))
    if batched[0] and len(shape_of(predicate)) == 1:
        # A batch of scalar predicates: each one decides for a whole row.
        shape = (size, *shape_of(on_true)[1 if batched[1] else 0 :])
        predicate = ops.broadcast_in_dim(predicate, shape=shape, dims=(0,))
        return select(predicate, *all_batched(size, xs[1:], batched[1:]))
    return select(*all_batched(size, xs, batched))


select = Op(
    name="select", moves=True, summary="`on_true` where the predicate holds, else `on_false`.",
    operands=("predicate", "on_true", "on_false"), infer=_select_infer, jvp=_select_jvp, lower="select",
    reference=lambda p, a, b: np.where(p, a, b), linear=(1, 2), transpose=_select_transpose, batch=_select_batch,
    samples=(sample("bool[2,3]", "f32[2,3]", "f32[2,3]"), sample("bool[]", "f32[3]", "f32[3]")), makes_nan=False,
)  # fmt: skip


def _clamp_infer(low: Aval, x: Aval, high: Aval) -> Aval:
    check_dtype("clamp", x, "real")
    check_same("clamp", x, low, high)
    return x


def _clamp_jvp(y: Any, xs: Any, dxs: Any) -> Any:
    low, x, high = xs
    inside = and_(gt(x, low), lt(x, high))
    total = None
    for t, where in zip(dxs, (le(x, low), inside, ge(x, high))):
        if t is not None:
            total = add_tangents(total, select(where, t, full_like(t, 0)))
    return total


clamp = Op(
    name="clamp", summary="`x` limited to the range from `low` to `high`.", operands=("low", "x", "high"),
    infer=_clamp_infer, reference=_kept(lambda low, x, high: np.minimum(np.maximum(x, low), high)), jvp=_clamp_jvp,
    batch=lambda size, xs, batched: clamp(*all_batched(size, xs, batched)), lower="clamp",
    samples=(sample("f32[3]", "f32[3]", "f32[3]", grad=False),), makes_nan=False,
)  # fmt: skip

# ---- conversion ----------------------------------------------------------------------------------------


def _convert_reference(x: np.ndarray, *, dtype: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        if x.dtype.kind == "c" and not av.is_complex(dtype):
            x = np.real(x)
        if av.is_float(x.dtype) and av.is_integer(dtype):
            return _float_to_integer(x, np.dtype(dtype))
        if x.dtype in av.SMALL_TYPES and dtype in av.SMALL_TYPES:  # not all of them convert directly
            x = x.astype(np.float32 if av.is_float(x.dtype) else np.int8)
        return x.astype(dtype)


def _float_to_integer(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Truncation that saturates and takes NaN to 0, as XLA and JAX do; C leaves both undefined."""
    info = ml_dtypes.iinfo(dtype)
    wide = x.astype(np.float64)
    inside = np.where(np.isnan(wide), 0, np.clip(wide, float(info.min), float(info.max)))
    result = np.trunc(inside)
    top = result >= float(info.max)
    return np.where(top, info.max, np.where(top, 0, result).astype(dtype)).astype(dtype)


def _convert_jvp(y: Any, xs: Any, dxs: Any, *, dtype: Any) -> Any:
    if dxs[0] is None or not av.is_inexact(dtype):
        return None
    return convert(dxs[0], dtype=dtype)


def _convert_lower(values: Any, results: Any, context: Any, *, dtype: Any) -> Any:
    from axil.dialects import hlo

    x, of = values[0], dtype_of(values[0])
    if av.is_complex(of) and not av.is_complex(dtype):
        x = hlo.op("real", x)
    if of in av.SMALL_FLOATS and not av.is_float(dtype):
        x, of = hlo.convert(x, np.float32), np.dtype(np.float32)  # the ends of integer types need room
    if av.is_bool(dtype):
        return hlo.compare(x, hlo.splat(x.type, 0), "NE")
    if av.is_float(of) and av.is_integer(dtype):
        return _saturating_convert(x, np.dtype(dtype))
    if np.dtype(dtype) == av.BFLOAT16 and av.is_bool(of):
        return hlo.select(x, hlo.splat(results[0], 1), hlo.splat(results[0], 0))
    source = hlo.converted_from(x)  # IREE makes one conversion of two
    if np.dtype(dtype) == av.BFLOAT16 and not (av.is_inexact(of) and (source is None or av.is_inexact(source))):
        return _integer_to_bfloat16(x)
    return hlo.convert(x, dtype)



def _integer_to_bfloat16(x: Any) -> Any:
    """Through f32 and its bits: IREE 3.13 links no conversion, nor one in two steps (no symbol __truncsfbf2).

    A barrier follows, as it cannot compile bits that become a bfloat16 and, in the same dispatch, a float32.
    """
    from axil.dialects import hlo

    bits = staged.Staged(hlo.bitcast(hlo.convert(x, np.float32), np.uint32))
    half = (bits.op("shift_right_logical", 16) & 1) + 0x7FFF  # to nearest, ties to even
    rounded = hlo.convert((bits + half).op("shift_right_logical", 16).value, np.uint16)
    return hlo.barrier(hlo.bitcast(rounded, av.BFLOAT16))


def _saturating_convert(x: Any, dtype: np.dtype) -> Any:
    """LLVM's conversion is undefined outside the range: clamp first, and take the ends by comparison."""
    from axil.dialects import hlo

    info = ml_dtypes.iinfo(dtype)
    of = dtype_of(x)
    low, high = hlo.splat(x.type, float(info.min)), hlo.splat(x.type, _below(info.max, of))
    y = hlo.convert(hlo.op("clamp", low, x, high), dtype)
    y = hlo.select(hlo.compare(x, hlo.splat(x.type, float(info.max)), "GE"), hlo.splat(y.type, info.max), y)
    return hlo.select(hlo.compare(x, x, "NE"), hlo.splat(y.type, 0), y)


def _below(limit: int, dtype: np.dtype) -> Any:
    """The largest float of `dtype` that does not exceed `limit`."""
    value = np.asarray(limit).astype(dtype)
    return np.nextafter(value, np.asarray(0, dtype)) if float(value) > limit else value


convert = Op(
    name="convert", summary="Conversion to another dtype; floats to integers truncate and saturate, NaN gives 0.",
    operands=("x",), attributes={"dtype": "dtype"}, infer=lambda x, *, dtype: x.with_dtype(np.dtype(dtype)),
    reference=_convert_reference, jvp=_convert_jvp, linear=(0,), lower=_convert_lower,
    transpose=lambda ct, xs, *, dtype: (convert(ct, dtype=xs[0].dtype),),
    batch=lambda size, xs, batched, *, dtype: convert(xs[0], dtype=dtype),
    samples=(
        sample("f32[3]", dtype=np.dtype("float64"), grad=False), sample("f32[3]", dtype=np.dtype("int32"), grad=False),
        sample("i32[3]", dtype=np.dtype("float32"), grad=False), sample("i32[3]", dtype=np.dtype("bool"), grad=False),
        sample("f32[2,3]", dtype=np.dtype(ml_dtypes.float8_e4m3fn), grad=False),
        sample("f8_e5m2[5]", dtype=np.dtype("float32"), grad=False),
        sample("i32[5]", dtype=np.dtype(ml_dtypes.int4), grad=False, domain=(-20, 20)),
        sample("u4[5]", dtype=np.dtype("int32"), grad=False, domain=(0, 15)),
    ),
    simplify=lambda xs, attributes, result: xs[0] if dtype_of(xs[0]) == dtype_of(result) else None, makes_nan=False,
)  # fmt: skip


def _bitcast_infer(x: Aval, *, dtype: Any) -> Aval:
    if x.dtype.itemsize != np.dtype(dtype).itemsize:
        raise DtypeError(f"'bitcast' keeps the width of elements: {x} cannot become {av.short_dtype(dtype)}")
    return x.with_dtype(np.dtype(dtype))


def _bitcast_lower(values: Any, results: Any, context: Any, *, dtype: Any) -> Any:
    from axil.dialects import hlo

    if av.aval_of(values[0]).dtype == av.BFLOAT16:
        values = [hlo.barrier(values[0])]  # IREE 3.13 cannot link a rounding to bfloat16 whose bits are used
    made = hlo.typed("bitcast_convert", results, values).results[0]
    return hlo.barrier(made) if dtype == av.BFLOAT16 else made  # nor bits that become a bfloat16 and then a float32


bitcast = Op(
    name="bitcast", summary="The same bits as another dtype of the same width.", operands=("x",),
    attributes={"dtype": "dtype"}, infer=_bitcast_infer, jvp=no_tangent, lower=_bitcast_lower,
    reference=lambda x, *, dtype: np.asarray(x, order="C").view(dtype),
    batch=lambda size, xs, batched, *, dtype: bitcast(xs[0], dtype=dtype),
    samples=(
        sample("f32[3]", dtype=np.dtype("uint32"), grad=False),
        sample("u8[5]", dtype=np.dtype(ml_dtypes.float8_e5m2), grad=False, domain=(0, 120)),
        sample("f8_e4m3fn[2,3]", dtype=np.dtype("int8"), grad=False),
    ), makes_nan=False,
)  # fmt: skip

# ---- constants -----------------------------------------------------------------------------------------


def _constant_lower(values: Any, results: Any, context: Any, *, value: np.ndarray) -> Any:
    from axil.dialects import hlo

    return hlo.constant(value)


constant = Op(
    name="constant", summary="A small array that is part of the program.", operands=(), attributes={"value": "dense"},
    infer=lambda *, value: aval(value.shape, value.dtype), reference=lambda *, value: value, jvp=no_tangent,
    batch=lambda size, xs, batched, *, value: full(value.shape, value, value.dtype),
    lower=ByDtype(lambda dtype: None if av.is_complex(dtype) else "constant", _constant_lower, keeps=("value",)),
    cheap=True, flops=lambda *a, **k: 0.0, samples=(sample(value=np.arange(3, dtype=np.float32)),), makes_nan=False,
)  # fmt: skip
