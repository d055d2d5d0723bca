"""Activation functions: elementwise, with derivatives that are finite wherever the function is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.custom_derivatives import custom_jvp
from axil.numpy.values import Value, operand, promote, shape_error


def identity(x: Any) -> Value:
    """`x` itself, as an array."""
    return operand("identity", x)


# ---- pieces of lines -----------------------------------------------------------------------------------


def relu(x: Any) -> Value:
    """Rectified linear unit, ``max(x, 0)``. Its derivative at 0 is 0.

    Bengio's group's choice of that derivative matters little: Bertoin et al., Numerical influence of ReLU'(0) (2021).
    """
    y = anp.maximum(x, 0)
    return y if y.aval.dtype.kind == "c" else _sloped_where(anp.greater(x, 0), x, y)


def relu6(x: Any) -> Value:
    """Rectified linear unit cut off at 6, ``min(max(x, 0), 6)``. Its derivative at 0 and 6 is 0."""
    y = anp.minimum(anp.maximum(x, 0), 6.0)
    return _sloped_where(anp.logical_and(anp.greater(x, 0), anp.less(x, 6)), x, y)


def _sloped_where(sloped: Any, x: Any, y: Value) -> Value:
    """`y`, with the derivative of `x` where `sloped` and none elsewhere."""
    if y.aval.dtype.kind in "biu":
        return y
    return anp.where(sloped, x, lax.stop_gradient(y))


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Value:
    """`x` where it is not negative, elsewhere `negative_slope` times `x`."""
    x = operand("leaky_relu", x)
    return anp.where(x >= 0, x, negative_slope * x)


def hard_tanh(x: Any) -> Value:
    """`x`, limited to -1 and 1."""
    x = operand("hard_tanh", x)
    above = x if dtypes.kind_of(x.aval.dtype) == "u" else anp.where(x < -1, -1, x)
    return anp.where(x > 1, 1, above)


def hard_sigmoid(x: Any) -> Value:
    """``relu6(x + 3) / 6``: 0 below -3, 1 above 3, a line between."""
    return relu6(anp.add(x, 3.0)) / 6.0


def hard_silu(x: Any) -> Value:
    """``x * hard_sigmoid(x)``. Howard et al., Searching for MobileNetV3 (2019)."""
    x = operand("hard_silu", x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def sparse_plus(x: Any) -> Value:
    """0 below -1, `x` above 1, and the parabola ``(x + 1)**2 / 4`` between, which joins them smoothly."""
    x = operand("sparse_plus", x)
    return anp.where(x <= -1.0, 0.0, anp.where(x >= 1.0, x, anp.square(x + 1.0) / 4))


def sparse_sigmoid(x: Any) -> Value:
    """The derivative of `sparse_plus`: 0 below -1, 1 above 1, a line between."""
    return 0.5 * anp.clip(anp.add(x, 1.0), 0.0, 2.0)


# ---- of exponentials -----------------------------------------------------------------------------------


def sigmoid(x: Any) -> Value:
    """``1 / (1 + exp(-x))``."""
    return lax.logistic(x)


def silu(x: Any) -> Value:
    """``x * sigmoid(x)``, also called swish. Elfwing et al. (2017), Ramachandran et al. (2017)."""
    x = operand("silu", x)
    return x * sigmoid(x)


swish = silu


def softplus(x: Any) -> Value:
    """``log(1 + exp(x))``, computed so that it neither overflows nor loses small results."""
    return anp.logaddexp(x, 0)


def log_sigmoid(x: Any) -> Value:
    """``log(sigmoid(x))``, as ``-softplus(-x)``."""
    x = operand("log_sigmoid", x)
    return -softplus(-x)


def mish(x: Any) -> Value:
    """``x * tanh(softplus(x))``. Misra, Mish: a self regularized non-monotonic activation function (2019)."""
    x = operand("mish", x)
    return x * anp.tanh(softplus(x))


def elu(x: Any, alpha: Any = 1.0) -> Value:
    """`x` where positive, elsewhere ``alpha * (exp(x) - 1)``. Clevert et al. (2015)."""
    x = operand("elu", x)
    positive = x > 0
    return anp.where(positive, x, alpha * anp.expm1(anp.where(positive, 0.0, x)))


def celu(x: Any, alpha: Any = 1.0) -> Value:
    """``max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)``. Barron (2017)."""
    return anp.maximum(x, 0.0) + alpha * anp.expm1(anp.divide(anp.minimum(x, 0.0), alpha))


def selu(x: Any) -> Value:
    """`elu`, scaled so that deep networks keep mean 0 and variance 1. Klambauer et al. (2017)."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x: Any, approximate: bool = True) -> Value:
    """`x` times the normal distribution's CDF at `x`; `approximate` uses tanh for it. Hendrycks and Gimpel (2016)."""
    (x,), weak = promote("gelu", x, inexact=True)
    dtype = x.aval.dtype
    if approximate:
        root = np.sqrt(2 / np.pi).astype(dtype)
        return x * (0.5 * (1.0 + anp.tanh(root * (x + 0.044715 * (x * x * x)))))
    return anp.asarray(0.5 * x * lax.erfc(-x * np.sqrt(0.5).astype(dtype)), dtype=dtype)


def glu(x: Any, axis: int = -1) -> Value:
    """The first half along an axis times the sigmoid of the second. Dauphin et al. (2016).

    Raises a `ShapeError` where the axis has an odd size.
    """
    x = operand("glu", x)
    size = x.aval.shape[axis]
    if size % 2:
        raise shape_error(f"nn.glu halves axis {axis}, whose size must be even, got {size} of {x.aval}")
    first, second = anp.split(x, 2, axis)
    return first * sigmoid(second)


def log1mexp(x: Any) -> Value:
    """``log(1 - exp(-x))`` for positive `x`, exact near 0 and far from it. Maechler (2012)."""
    x = operand("log1mexp", x)
    if dtypes.kind_of(x.aval.dtype) not in "fc":
        x = anp.asarray(x, dtypes.to_inexact_dtype(x.aval.dtype))
    return _log1mexp(x)


@custom_jvp
def _log1mexp(x: Any) -> Value:
    small = x < math.log(2)
    return anp.where(small, anp.log(-anp.expm1(-x)), anp.log1p(-anp.exp(-x)))


@_log1mexp.defjvp
def _log1mexp_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return _log1mexp(x), dx / anp.expm1(x)


# ---- of roots and quotients ----------------------------------------------------------------------------


def squareplus(x: Any, b: Any = 4) -> Value:
    """``(x + sqrt(x**2 + b)) / 2``. Barron, Squareplus: a softplus-like algebraic rectifier (2021)."""
    x, b = operand("squareplus", x), operand("squareplus", b, 1)
    return (x + anp.sqrt(anp.square(x) + b)) / 2


def soft_sign(x: Any) -> Value:
    """``x / (|x| + 1)``."""
    x = operand("soft_sign", x)
    return x / (anp.abs(x) + 1)
