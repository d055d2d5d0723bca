"""Initializers: functions that draw the first values of weights, given a key, a shape and a dtype.

For the same key they give the numbers that JAX gives.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, lax, random
from axil import numpy as anp
from axil.source import user_line

Axes = int | Sequence[int]


@typing.runtime_checkable
class Initializer(typing.Protocol):
    """What initializers are: functions of a key, a shape and a dtype (the default floating one for None)."""

    def __call__(self, key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None) -> Any: ...


class InitializerError(errors.AxilError, ValueError):
    """An initializer was asked for a shape, or given a parameter, that it has no meaning for."""


def _fail(text: str, *ways_out: str) -> typing.NoReturn:
    raise InitializerError(errors.explain(f"nn.initializers.{text}", user_line(), ways_out=ways_out))


def _checked(name: str, dtype: Any, out_sharding: Any) -> np.dtype:
    """The dtype of the result; an error for a sharding."""
    if out_sharding is not None:
        _fail(f"{name}: out_sharding is not available", "place the result with axil.device_put")
    if dtype is None:
        return dtypes.default_float_dtype()
    return dtypes.check_user_dtype(dtype, f"nn.initializers.{name}", stacklevel=4)


# ---- constants -----------------------------------------------------------------------------------------


def zeros(key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None) -> Any:
    """Zeros; the key is not used."""
    return anp.zeros(shape, _checked("zeros", dtype, out_sharding))


def ones(key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None) -> Any:
    """Ones; the key is not used."""
    return anp.ones(shape, _checked("ones", dtype, out_sharding))


def constant(value: Any, dtype: Any = None) -> Initializer:
    """An initializer that fills arrays with `value`, which broadcasts to their shape."""

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        return anp.full(shape, value, dtype=_checked("constant", dtype, out_sharding))

    return init


# ---- of a given spread ---------------------------------------------------------------------------------


def uniform(scale: Any = 0.01, dtype: Any = None) -> Initializer:
    """An initializer that draws uniformly from 0 to `scale`."""

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        dtype = _checked("uniform", dtype, out_sharding)
        return random.uniform(key, shape, dtype) * anp.array(scale, dtype)

    return init


def normal(stddev: Any = 0.01, dtype: Any = None) -> Initializer:
    """An initializer that draws normal numbers of mean 0 and standard deviation `stddev`."""

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        dtype = _checked("normal", dtype, out_sharding)
        return random.normal(key, shape, dtype) * anp.array(stddev, dtype)

    return init


def truncated_normal(stddev: Any = 0.01, dtype: Any = None, lower: Any = -2.0, upper: Any = 2.0) -> Initializer:
    """An initializer that draws standard normal numbers between `lower` and `upper`, and multiplies by `stddev`.

    The result has a standard deviation less than `stddev`, as the tails are missing.
    """

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        dtype = _checked("truncated_normal", dtype, out_sharding)
        return random.truncated_normal(key, lower, upper, shape, dtype) * anp.array(stddev, dtype)

    return init


# ---- of a spread that follows from the shape -----------------------------------------------------------


def variance_scaling(
    scale: Any, mode: str, distribution: str, in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (),
    dtype: Any = None,
) -> Initializer:  # fmt: skip
    """An initializer whose numbers have the variance ``scale / n``.

    `n` is the number of inputs of a unit (`mode="fan_in"`), of outputs ("fan_out"), or their mean, arithmetic
    ("fan_avg") or geometric ("fan_geo_avg"). Inputs are counted along `in_axis`, outputs along `out_axis`, and both
    are multiplied by the sizes of the other axes, except `batch_axis`. The `distribution` is "normal",
    "truncated_normal" (cut off at two standard deviations) or "uniform"; of a complex dtype, it is that in a disc.

    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
    """

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        dtype = _checked("variance_scaling", dtype, out_sharding)
        if dtypes.kind_of(dtype) not in "fc":
            _fail(f"variance_scaling gives floating point or complex numbers, not {dtypes.short_name(dtype)}")
        shape = tuple(int(n) for n in shape)
        fans = _fans(shape, in_axis, out_axis, batch_axis)
        variance = anp.array(scale / _denominator(mode, *fans), dtype=dtype)
        real = dtypes.kind_of(dtype) == "f"
        if distribution == "normal":
            return random.normal(key, shape, dtype) * anp.sqrt(variance)
        if distribution == "truncated_normal":
            # The standard deviation of a normal distribution cut off at -2 and 2, and of a complex one at radius 2.
            left = 0.8796256610342398 if real else 0.9531116438049121
            stddev = anp.sqrt(variance) / anp.array(left, dtype)
            drawn = random.truncated_normal(key, -2, 2, shape, dtype) if real else _in_disc(key, shape, dtype, 2)
            return drawn * stddev
        if distribution == "uniform":
            if real:
                return random.uniform(key, shape, dtype, -1) * anp.sqrt(3 * variance)
            return _in_disc(key, shape, dtype, None) * anp.sqrt(variance)
        return _fail(
            f"variance_scaling: the distribution is 'normal', 'truncated_normal' or 'uniform', got {distribution!r}"
        )

    return init


def _denominator(mode: str, fan_in: float, fan_out: float) -> float:
    known = {
        "fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2, "fan_geo_avg": (fan_in * fan_out)**0.5
    }  # fmt: skip
    if mode not in known:
        _fail(f"variance_scaling: the mode is one of {', '.join(known)}, got {mode!r}")
    return known[mode]


def _fans(shape: tuple[int, ...], in_axis: Axes, out_axis: Axes, batch_axis: Axes) -> tuple[float, float]:
    """How many inputs and outputs a unit has."""
    if isinstance(in_axis, int) and in_axis == -2 and len(shape) <= 1:
        _fail(f"variance_scaling: a shape of {len(shape)} dimensions has no inputs and outputs, got {shape}",
              "give it two dimensions or more, or name in_axis and out_axis")  # fmt: skip
    inputs, outputs, batch = (
        math.prod(shape[i] for i in ((axes,) if isinstance(axes, int) else axes))
        for axes in (in_axis, out_axis, batch_axis)
    )
    if not inputs * outputs * batch:
        _fail(f"variance_scaling: a shape without elements has no inputs and outputs, got {shape}",
              "use axil.numpy.zeros")  # fmt: skip
    others = math.prod(shape) / inputs / outputs / batch
    return inputs * others, outputs * others


def _in_disc(key: Any, shape: tuple[int, ...], dtype: np.dtype, cut_off: int | None) -> Any:
    """Complex numbers drawn uniformly from the unit disc, or normally from the disc of radius `cut_off`."""
    radius_key, angle_key = random.split(key)
    real = dtypes.to_real_dtype(dtype)
    drawn = random.uniform(radius_key, shape, real)
    if cut_off is None:
        radius = anp.sqrt(2 * drawn).astype(dtype)
    else:
        below = (1 - anp.exp(anp.array(-(cut_off**2), dtype))) * drawn.astype(dtype)
        radius = anp.sqrt(-anp.log(1 - below))
    angle = 2 * np.pi * random.uniform(angle_key, shape, real).astype(dtype)
    return radius * anp.exp(1j * angle)


def glorot_uniform(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
    """`variance_scaling` of scale 1 by the mean of inputs and outputs, uniform. Glorot and Bengio (2010)."""
    return variance_scaling(1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis, dtype)


def glorot_normal(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
    """`variance_scaling` of scale 1 by the mean of inputs and outputs, truncated normal. Glorot and Bengio (2010)."""
    return variance_scaling(1.0, "fan_avg", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def lecun_uniform(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
    """`variance_scaling` of scale 1 by the inputs, uniform. LeCun et al., Efficient backprop (1998)."""
    return variance_scaling(1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def lecun_normal(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
    """`variance_scaling` of scale 1 by the inputs, truncated normal. LeCun et al., Efficient backprop (1998)."""
    return variance_scaling(1.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def he_uniform(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
    """`variance_scaling` of scale 2 by the inputs, uniform. He et al., Delving deep into rectifiers (2015)."""
    return variance_scaling(2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def he_normal(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
    """`variance_scaling` of scale 2 by the inputs, truncated normal. He et al., Delving deep into rectifiers (2015)."""
    return variance_scaling(2.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


xavier_uniform = glorot_uniform
xavier_normal = glorot_normal
kaiming_uniform = he_uniform
kaiming_normal = he_normal

# ---- orthogonal matrices -------------------------------------------------------------------------------


def orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """An initializer whose columns along `column_axis` (or rows, where they are fewer) are orthogonal.

    They have the length `scale`; the other axes count as one. Saxe et al., Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks (2013).
    """

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        dtype = _checked("orthogonal", dtype, out_sharding)
        shape = tuple(int(n) for n in shape)
        if len(shape) < 2:
            _fail(f"orthogonal: the shape must have two dimensions or more, got {shape}")
        if 0 in shape:
            return anp.zeros(shape, dtype)
        columns = shape[column_axis]
        rows = math.prod(shape) // columns
        rest = [n for i, n in enumerate(shape) if i != column_axis % len(shape)]
        matrix = anp.reshape(random.orthogonal(key, rows, (), dtype, columns), (*rest, columns))
        return anp.array(scale, dtype) * anp.moveaxis(matrix, -1, column_axis)

    return init


def delta_orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """An initializer of convolutions: an orthogonal matrix at the middle of the window, zeros around it.

    The shape has one to three dimensions of the window, then inputs, of which there may not be more than outputs.
    Xiao et al., Dynamical isometry and a mean field theory of CNNs (2018).
    """

    def init(key: Any, shape: Sequence[int], dtype: Any = dtype, out_sharding: Any = None) -> Any:
        dtype = _checked("delta_orthogonal", dtype, out_sharding)
        shape = tuple(int(n) for n in shape)
        if len(shape) not in (3, 4, 5):
            _fail(f"delta_orthogonal: the shape must have 3, 4 or 5 dimensions, got {shape}")
        if shape[-1] < shape[-2]:
            _fail(f"delta_orthogonal: there may not be more inputs than outputs, got the shape {shape}")
        matrix = orthogonal(scale, column_axis, dtype)(key, shape[-2:])
        window = shape[:-2]
        start = [(n - 1) // 2 for n in window]
        block = lax.reshape(matrix, (*[1] * len(window), *shape[-2:]))
        return lax.dynamic_update_slice(anp.zeros(shape, dtype), block, (*start, 0, 0))

    return init


__all__ = [
    "Initializer", "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "kaiming_normal", "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal", "ones", "orthogonal",
    "truncated_normal", "uniform", "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip
