"""Images, or any arrays of samples, in other sizes: each axis is multiplied by a matrix of weights."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil import numpy as anp
from axil.lax.common import fail, shape_of
from axil.lax.precision import Precision, canonicalize_precision
from axil.numpy.values import Value, canonical_axis, operand, promote


class ResizeMethod(enum.Enum):
    """How samples are interpolated."""

    NEAREST = 0
    """The nearest sample."""
    LINEAR = 1
    """A line between two samples; also "bilinear", "trilinear", "triangle"."""
    LANCZOS3 = 2
    """A sinc window of radius 3. Lanczos (1964), Duchon (1979)."""
    LANCZOS5 = 3
    """A sinc window of radius 5."""
    CUBIC = 4
    """Cubic polynomials; also "bicubic", "tricubic". Keys (1981)."""
    CUBIC_PYTORCH = 5
    """Cubic polynomials as in OpenCV and PyTorch, which differ where there is no antialiasing."""
    AREA = 6
    """The mean of what each new sample covers."""

    @staticmethod
    def from_string(s: str) -> ResizeMethod:
        """The method of a name."""
        if s not in _NAMES:
            fail(f"image: there is no method {s!r}; there are {', '.join(_NAMES)}")
        return _NAMES[s]


_NAMES = {
    "nearest": ResizeMethod.NEAREST, "linear": ResizeMethod.LINEAR, "bilinear": ResizeMethod.LINEAR,
    "trilinear": ResizeMethod.LINEAR, "triangle": ResizeMethod.LINEAR, "lanczos3": ResizeMethod.LANCZOS3,
    "lanczos5": ResizeMethod.LANCZOS5, "cubic": ResizeMethod.CUBIC, "bicubic": ResizeMethod.CUBIC,
    "tricubic": ResizeMethod.CUBIC, "cubic-pytorch": ResizeMethod.CUBIC_PYTORCH,
    "bicubic-pytorch": ResizeMethod.CUBIC_PYTORCH, "area": ResizeMethod.AREA,
}  # fmt: skip


def resize(
    image: Any, shape: Sequence[int], method: str | ResizeMethod, antialias: bool = True,
    precision: Any = Precision.HIGHEST,
) -> Value:  # fmt: skip
    """`image`, of any number of dimensions, in another shape of as many.

    With `antialias`, an axis that shrinks is smoothed first, so that no sample goes unseen. Integers become floating
    point, except by the method "nearest".
    """
    image = operand("image.resize", image)
    shape = _checked_shape("resize", image, shape)
    method = method if isinstance(method, ResizeMethod) else ResizeMethod.from_string(method)
    if method is ResizeMethod.NEAREST:
        return _nearest(image, shape)
    (image,), _ = promote("image.resize", image, inexact=True)
    axes = [i for i, (n, m) in enumerate(zip(image.aval.shape, shape)) if n != m]
    scale = [1.0 if shape[i] == 0 else shape[i] / image.aval.shape[i] for i in axes]
    return _resampled(image, shape, axes, scale, [0.0] * len(axes), method, antialias, precision)


def scale_and_translate(
    image: Any, shape: Sequence[int], spatial_dims: Sequence[int], scale: Any, translation: Any,
    method: str | ResizeMethod, antialias: bool = True, precision: Any = Precision.HIGHEST,
) -> Value:  # fmt: skip
    """`image` scaled, and then moved, along some axes, in an array of another shape; 0 where nothing comes to lie.

    `scale` and `translation` have an element for each of `spatial_dims`; a new place is ``scale * old + translation``,
    where places are counted in samples whose corner, not center, is at an integer. Differentiable in all three.
    """
    image = operand("image.scale_and_translate", image)
    shape = _checked_shape("scale_and_translate", image, shape)
    method = method if isinstance(method, ResizeMethod) else ResizeMethod.from_string(method)
    if method is ResizeMethod.NEAREST:
        fail("image.scale_and_translate has no method 'nearest'", "use 'linear', or image.resize")
    (image,), _ = promote("image.scale_and_translate", image, inexact=True)
    (scale, translation), _ = promote("image.scale_and_translate", scale, translation, inexact=True)
    axes = [canonical_axis(i, len(shape)) for i in spatial_dims]
    if scale.aval.shape != (len(axes),) or translation.aval.shape != (len(axes),):
        fail(f"image.scale_and_translate: scale and translation must have an element for each of {len(axes)} "
             f"spatial_dims, got {scale.aval} and {translation.aval}")  # fmt: skip
    scales, moves = ([x[i] for i in range(len(axes))] for x in (scale, translation))
    return _resampled(image, shape, axes, scales, moves, method, antialias, precision)


def _checked_shape(name: str, image: Value, shape: Any) -> tuple[int, ...]:
    shape = shape_of(name, shape)
    if len(shape) != len(image.aval.shape):
        fail(f"image.{name}: the shape must have as many dimensions as the image, got {shape} for {image.aval}")
    return shape


def _nearest(x: Value, shape: tuple[int, ...]) -> Value:
    for axis, (old, new) in enumerate(zip(x.aval.shape, shape)):
        if old != new:
            places = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(old) / np.float32(new)
            x = anp.take(x, np.floor(places).astype(np.int32), axis=axis, mode="clip")
    return x


def _resampled(
    x: Value, shape: tuple[int, ...], axes: Sequence[int], scales: Sequence[Any], moves: Sequence[Any],
    method: ResizeMethod, antialias: bool, precision: Any,
) -> Value:  # fmt: skip
    """The product of `x` with a matrix of weights for each axis."""
    canonicalize_precision(precision)
    if not axes:
        return x
    terms: list[Any] = []
    result = list(range(len(shape)))
    for i, axis in enumerate(axes):
        weights = _weights(x.aval.shape[axis], shape[axis], scales[i], moves[i], method, antialias)
        terms += [weights.astype(x.aval.dtype), [axis, len(shape) + i]]
        result[axis] = len(shape) + i
    return anp.einsum(x, list(range(len(shape))), *terms, result)


# ---- weights -------------------------------------------------------------------------------------------


def _weights(size: int, new: int, scale: Any, move: Any, method: ResizeMethod, antialias: bool) -> Value:
    """How much each of `size` samples counts in each of `new` ones: a matrix whose columns add up to 1 or are 0."""
    dtype = dtypes.result_type(scale, move)
    inverse = anp.divide(1.0, scale)
    edges = method is ResizeMethod.CUBIC_PYTORCH and not antialias
    if method is ResizeMethod.AREA:
        weights = _overlaps(size, new, inverse, move, dtype)
    else:
        radius, kernel = _KERNELS[ResizeMethod.CUBIC if method is ResizeMethod.CUBIC_PYTORCH and antialias else method]
        width = anp.maximum(inverse, 1.0) if antialias else 1.0
        beyond = radius if edges else 0
        old = anp.arange(-beyond, size + beyond, dtype=dtype)
        distance = anp.abs(_places(new, inverse, move, dtype)[None, :] - old[:, None]) / width
        weights = kernel(distance)
        if edges:  # samples beyond the edge are those at the edge
            weights = _at_edges(weights, size, beyond)
    total = anp.sum(weights, axis=0, keepdims=True)
    some = anp.abs(total) > 1000.0 * float(np.finfo(np.float32).eps)
    weights = anp.where(some, anp.divide(weights, anp.where(total != 0, total, 1)), 0)
    if edges:
        return weights
    places = _places(new, inverse, move, dtype)
    return anp.where(anp.logical_and(places >= -0.5, places <= size - 0.5)[None, :], weights, 0)


def _places(new: int, inverse: Any, move: Any, dtype: Any) -> Value:
    """Where each new sample comes from, among the old ones."""
    return (anp.arange(new, dtype=dtype) + 0.5) * inverse - move * inverse - 0.5


def _overlaps(size: int, new: int, inverse: Any, move: Any, dtype: Any) -> Value:
    """The length that each old and each new sample share."""
    left = anp.arange(new, dtype=dtype) * inverse - move * inverse
    old = anp.arange(size, dtype=dtype)
    upper = anp.minimum((left + inverse)[None, :], (old + 1.0)[:, None])
    return anp.maximum(0.0, upper - anp.maximum(left[None, :], old[:, None]))


def _at_edges(weights: Value, size: int, beyond: int) -> Value:
    """Weights of samples beyond the edges added to those at the edges."""
    first = anp.sum(weights[: beyond + 1], axis=0, keepdims=True)
    last = anp.sum(weights[-beyond - 1 :], axis=0, keepdims=True)
    if size == 1:
        return anp.sum(weights, axis=0, keepdims=True)
    return anp.concatenate([first, weights[beyond + 1 : -beyond - 1], last])


def _triangle(x: Value) -> Value:
    return anp.maximum(0, 1 - anp.abs(x))


def _lanczos(radius: float) -> Callable[[Value], Value]:
    def kernel(x: Value) -> Value:
        y = radius * anp.sin(np.pi * x) * anp.sin(np.pi * x / radius)
        safe = anp.where(x != 0, np.pi**2 * x * x, 1)
        return anp.where(x > radius, 0.0, anp.where(x > 1e-3, y / safe, 1))

    return kernel


def _cubic(a: float) -> Callable[[Value], Value]:
    """Keys' family of cubic kernels, by their slope at 1."""

    def kernel(x: Value) -> Value:
        inner = ((a + 2) * x - (a + 3)) * x * x + 1.0
        outer = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return anp.where(x >= 2.0, 0.0, anp.where(x >= 1.0, outer, inner))

    return kernel


_KERNELS: dict[ResizeMethod, tuple[int, Callable[[Value], Value]]] = {
    ResizeMethod.LINEAR: (1, _triangle),
    ResizeMethod.LANCZOS3: (3, _lanczos(3.0)),
    ResizeMethod.LANCZOS5: (5, _lanczos(5.0)),
    ResizeMethod.CUBIC: (2, _cubic(-0.5)),
    ResizeMethod.CUBIC_PYTORCH: (2, _cubic(-0.75)),
}
"""Radius, and weight by distance in samples."""

__all__ = ["ResizeMethod", "resize", "scale_and_translate"]
