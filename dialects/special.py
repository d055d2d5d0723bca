"""Special functions: inverse trigonometry, hyperbolic and gamma functions, the error function.

StableHLO has none of them, NumPy some: the others compute by `formulas` in both worlds. Inverse trigonometric and
hyperbolic functions take complex numbers too, by `complex_formulas`; the others take real floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import complex_formulas as of_complex
from axil.dialects import formulas, staged, taylor
from axil.dialects.avals import is_complex
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import (
    Aval,
    Op,
    aval,
    binary,
    check_dtype,
    dtype_of,
    no_tangent,
    ops,
    sample,
    shape_of,
    unary,
)
from axil.dialects.op import full_like

_BOTH = (sample("f32[2,3]"), sample("f64[3]"))


def _special(name: str, summary: str, derivative: Any, *, reference: Any = None, **more: Any) -> Op:
    """A real function given by the formula of its name; `reference` is NumPy's function where it has one."""
    formula = getattr(formulas, name)
    return unary(
        name, summary, _quiet(reference) if reference else staged.reference(formula),
        staged.lowering(formula), derivative=derivative, takes="float", samples=_BOTH, transcendental=True, **more,
    )  # fmt: skip


def _also_complex(name: str, summary: str, derivative: Any, formula: Any, **more: Any) -> Op:
    """A function of real or complex numbers; `formula` gives the parts of a complex result."""
    samples = (*_BOTH, sample("c64[3]", domain=(0.2, 0.9)), sample("c128[2,3]", domain=(1.2, 3.0)))
    real = staged.lowering(getattr(formulas, name))
    reference = _quiet(getattr(np, _NUMPY_NAMES.get(name, name)))
    return unary(
        name, summary, reference, staged.on_parts(formula, real, everywhere=True), derivative=derivative,
        samples=samples, transcendental=True, **more,
    )  # fmt: skip


_NUMPY_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
                "atanh": "arctanh"}  # fmt: skip


def _quiet(f: Any) -> Any:
    def reference(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return f(x)

    return reference


def _one_over(x: Any) -> Any:
    return ops.div(full_like(x, 1), x)


def _one_less_square(x: Any) -> Any:
    # (1 - x)(1 + x) keeps what 1 - x * x loses near 1.
    one = full_like(x, 1)
    return ops.mul(ops.sub(one, x), ops.add(one, x))


# Of complex numbers on a branch cut the sign of a zero says on which side of it. A square loses that sign, and so do
# `x + 1` and `1 - x`, whose 1 has an imaginary part of +0. `x - 1`, `x - -1` and negations keep it.


def _less(x: Any, value: int) -> Any:
    return ops.sub(x, full_like(x, value))


def _one_over_root(x: Any) -> Any:
    """1 / sqrt(1 - x^2), the slope of the inverse sine."""
    if not is_complex(dtype_of(x)):
        return ops.rsqrt(_one_less_square(x))
    return ops.mul(ops.rsqrt(ops.neg(_less(x, 1))), ops.rsqrt(_less(x, -1)))


def _asinh_slope(y: Any, x: Any) -> Any:
    """1 / sqrt(1 + x^2)."""
    if not is_complex(dtype_of(x)):
        return ops.rsqrt(ops.add(ops.mul(x, x), 1.0))
    return _one_over_root(ops.complex(ops.neg(ops.imag(x)), ops.real(x)))  # asinh(x) is asin(i x) / i


def _acosh_slope(y: Any, x: Any) -> Any:
    """1 / sqrt(x^2 - 1), by two roots: that of the product would be the other one left of 0."""
    return ops.mul(ops.rsqrt(_less(x, 1)), ops.rsqrt(_less(x, -1)))


# ---- inverse trigonometry ------------------------------------------------------------------------------

asin = _also_complex("asin", "Inverse sine.", lambda y, x: _one_over_root(x), of_complex.asin,
                     domain=(-0.9, 0.9))  # fmt: skip
acos = _also_complex("acos", "Inverse cosine.", lambda y, x: ops.neg(_one_over_root(x)), of_complex.acos,
                     domain=(-0.9, 0.9))  # fmt: skip
atan = _also_complex(
    "atan", "Inverse tangent.", lambda y, x: _one_over(ops.add(ops.mul(x, x), 1.0)), of_complex.atan
)

# ---- hyperbolic functions ------------------------------------------------------------------------------

sinh = _also_complex("sinh", "Hyperbolic sine.", lambda y, x: cosh(x), of_complex.hyperbolic_sine,
                     jet=taylor.with_companion("cosh", 1, 1))  # fmt: skip
cosh = _also_complex("cosh", "Hyperbolic cosine.", lambda y, x: sinh(x), of_complex.hyperbolic_cosine,
                     jet=taylor.with_companion("sinh", 1, 1))  # fmt: skip
asinh = _also_complex("asinh", "Inverse hyperbolic sine.", _asinh_slope, of_complex.asinh)
acosh = _also_complex("acosh", "Inverse hyperbolic cosine.", _acosh_slope, of_complex.acosh, domain=(1.2, 4.0))
atanh = _also_complex("atanh", "Inverse hyperbolic tangent.", lambda y, x: _one_over(_one_less_square(x)),
                      of_complex.atanh, domain=(-0.9, 0.9))  # fmt: skip

# ---- error function ------------------------------------------------------------------------------------


def _bell(x: Any, scale: float) -> Any:
    return ops.mul(ops.exp(ops.neg(ops.mul(x, x))), full_like(x, scale))


erf = _special("erf", "Error function.", lambda y, x: _bell(x, 2 / math.sqrt(math.pi)))
erfc = _special(
    "erfc", "1 - erf(x), accurate where it is small.", lambda y, x: _bell(x, -2 / math.sqrt(math.pi))
)
erf_inv = _special("erf_inv", "Inverse of the error function.",
                   lambda y, x: ops.mul(ops.exp(ops.mul(y, y)), full_like(y, math.sqrt(math.pi) / 2)),
                   domain=(-0.9, 0.9))  # fmt: skip

# ---- gamma functions -----------------------------------------------------------------------------------

lgamma = _special("lgamma", "Logarithm of the absolute value of the gamma function.", lambda y, x: digamma(x),
                  domain=(0.3, 6.0))  # fmt: skip
digamma = _special("digamma", "Derivative of lgamma.", lambda y, x: polygamma(x, n=1), domain=(0.3, 6.0))


def _polygamma_infer(x: Aval, *, n: int) -> Aval:
    check_dtype("polygamma", x, "float")
    if n < 1:
        raise AttributeValueError(f"'polygamma' takes an order of at least 1, got {n}; order 0 is digamma")
    return x


def _polygamma_jvp(y: Any, xs: Any, dxs: Any, *, n: int) -> Any:
    return None if dxs[0] is None else ops.mul(dxs[0], polygamma(xs[0], n=n + 1))


polygamma = Op(
    name="polygamma", summary="The n-th derivative of digamma, for positive operands.", operands=("x",),
    attributes={"n": "int"}, infer=_polygamma_infer, jvp=_polygamma_jvp,
    reference=lambda x, *, n: staged.reference(lambda v: formulas.polygamma(v, n))(x),
    lower=lambda values, results, context, *, n: staged.lowering(lambda v: formulas.polygamma(v, n))(
        values, results, context
    ),
    batch=lambda size, xs, batched, *, n: polygamma(xs[0], n=n), domain=(0.3, 6.0),
    samples=(sample("f32[3]", n=1), sample("f64[2,3]", n=3)),
)  # fmt: skip


# ---- powers of two and neighbours ----------------------------------------------------------------------


_lower_complex_exp = staged.on_parts(of_complex.exp, "exponential")


def _lower_exp2(values: Any, results: Any, context: Any) -> Any:
    """exp of the fraction, times powers of two put together from bits: exp(x log 2) would lose |x| ulps."""
    from axil.dialects import hlo

    x, of = values[0], dtype_of(values[0])
    if of.kind == "c":
        exponent = hlo.op("multiply", x, hlo.splat(x.type, math.log(2)))
        return _lower_complex_exp([exponent], results, context)
    if of.itemsize < 4:
        return hlo.convert(_lower_exp2([hlo.convert(x, np.float32)], results, context), of)
    bits, mantissa, bias = (np.int64, 52, 1023) if of == np.float64 else (np.int32, 23, 127)
    low, high = hlo.splat(x.type, -2.0 * bias), hlo.splat(x.type, 2.0 * bias)
    whole = hlo.op("clamp", low, hlo.op("round_nearest_even", x), high)
    fraction = hlo.op("subtract", x, whole)
    result = hlo.op("exponential", hlo.op("multiply", fraction, hlo.splat(x.type, math.log(2))))
    # 2^whole may be too small or too large for a float, its half powers are not.
    half = hlo.op("floor", hlo.op("multiply", whole, hlo.splat(x.type, 0.5)))
    for part in (half, hlo.op("subtract", whole, half)):
        exponent = hlo.convert(part, bits)
        exponent = hlo.op("add", exponent, hlo.splat(exponent.type, bias))
        power = hlo.op("shift_left", exponent, hlo.splat(exponent.type, mantissa))
        result = hlo.op("multiply", result, hlo.typed("bitcast_convert", [x.type], [power]).results[0])
    return result


exp2 = unary("exp2", "2 to a power.", _quiet(np.exp2), _lower_exp2, samples=(*_BOTH, sample("c64[3]")),
             derivative=lambda y, x: ops.mul(y, full_like(y, math.log(2))), transcendental=True)  # fmt: skip


def _lower_nextafter(values: Any, results: Any, context: Any) -> Any:
    """Floats of one sign are in the order of their bits: the neighbour is one bit pattern away."""
    from axil.dialects import hlo
    from axil.dialects.mlir import tensor_type

    a, b = values
    of = dtype_of(a)
    signed = np.dtype(f"i{of.itemsize}")

    def bits_of(x: Any) -> Any:
        return hlo.typed("bitcast_convert", [tensor_type(aval(shape_of(x), signed))], [x]).results[0]

    def constant(value: int) -> Any:
        return hlo.splat(bits_a.type, np.asarray(value, f"u{of.itemsize}").view(signed))

    bits_a, bits_b = bits_of(a), bits_of(b)
    zero = hlo.splat(a.type, 0)
    outward = hlo.compare(hlo.compare(a, b, "LT"), hlo.compare(a, zero, "GT"), "EQ")
    moved = hlo.op("add", bits_a, hlo.select(outward, constant(1), hlo.splat(bits_a.type, -1)))
    smallest = hlo.op("or", hlo.op("and", bits_b, constant(1 << (8 * of.itemsize - 1))), constant(1))
    moved = hlo.select(hlo.compare(a, zero, "EQ"), smallest, moved)
    moved = hlo.select(hlo.compare(a, b, "EQ"), bits_b, moved)
    result = hlo.typed("bitcast_convert", [a.type], [moved]).results[0]
    nan = hlo.op("or", hlo.compare(a, a, "NE"), hlo.compare(b, b, "NE"))
    return hlo.select(nan, hlo.splat(a.type, np.nan), result)


nextafter = binary("nextafter", "The float next to `lhs` in the direction of `rhs`.", np.nextafter,
                   _lower_nextafter, takes="float", jvp=no_tangent,
                   samples=(sample("f32[2,3]", "f32[2,3]", grad=False), sample("f64[3]", "f64[3]",
                   grad=False)))  # fmt: skip
