"""Reductions of windows: sums, products and extrema of what a moving window covers, and their derivatives.

Windows move over the operand with strides; the operand may be padded (negative padding cuts off) and its elements
moved apart (`base_dilation`), and so may those of the window (`window_dilation`). Padding and gaps hold the neutral
element of the reduction. The derivative of an extremum is that of the first element of a window that attains it, as in
JAX: `select_and_gather` fetches the tangent of that element, `select_and_scatter_add` sends a cotangent back to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import BFLOAT16
from axil.dialects.convolution import dilated, spread_and_pad, windows, windows_of
from axil.dialects.factories import (
    OPS,
    Aval,
    DtypeError,
    Op,
    ShapeError,
    add_tangents,
    broadcast_batch,
    check_dtype,
    dtype_of,
    full,
    is_linear,
    ops,
    sample,
    shape_of,
)
from axil.dialects.op import zeros_like_aval
from axil.dialects.reduction import highest, lowest

Axes = tuple[int, ...]

_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)
_ATTRIBUTES = {"window": "ints", "strides": "ints", "low": "ints", "high": "ints", "base_dilation": "ints",
               "window_dilation": "ints"}  # fmt: skip


def window_sizes(
    shape: Axes, *, window: Axes, strides: Axes, low: Axes, high: Axes, base_dilation: Axes, window_dilation: Axes
) -> Axes:
    """How many windows there are along each dimension."""
    padded = [dilated(n, d) + a + b for n, d, a, b in zip(shape, base_dilation, low, high)]
    return tuple(windows(n, dilated(w, d), s) for n, w, d, s in zip(padded, window, window_dilation, strides))


def check_window(name: str, x: Aval, **attributes: Axes) -> Axes:
    """Sizes of the result, or an error for attributes that do not fit the operand."""
    for what, values in attributes.items():
        if len(values) != x.ndim:
            raise ShapeError(f"'{name}': {what} {values} needs one entry for each dimension of {x}")
        if what not in ("low", "high") and any(v < 1 for v in values):
            raise ShapeError(f"'{name}': {what} must be positive, got {values}")
    return window_sizes(x.shape, **attributes)


def _batched(op: str) -> Callable[..., Any]:
    """The batching rule: the batch dimension has windows of one element."""

    def batch(size: int, xs: Any, batched: Any, **attributes: Any) -> Any:
        xs = [x if b else broadcast_batch(x, size) for x, b in zip(xs, batched)]
        return OPS[op](*xs, **_in_front(attributes))

    return batch


def _in_front(attributes: dict) -> dict:
    new = {name: ((0 if name in ("low", "high") else 1), *attributes[name]) for name in _ATTRIBUTES}
    return attributes | new


def _flops(x: Aval, *rest: Aval, window: Axes, **attributes: Any) -> float:
    shape = {name: attributes[name] for name in _ATTRIBUTES if name != "window"}
    return float(math.prod(window_sizes(x.shape, window=window, **shape)) * math.prod(window))


def gathered(x: np.ndarray, value: Any, *, window: Axes, strides: Axes, low: Axes, high: Axes, base_dilation: Axes,
             window_dilation: Axes) -> np.ndarray:  # fmt: skip
    """A view of the elements of each window: dimensions of the result, then those of the window."""
    sizes = window_sizes(x.shape, window=window, strides=strides, low=low, high=high, base_dilation=base_dilation,
                         window_dilation=window_dilation)  # fmt: skip
    if not math.prod(sizes):
        return np.empty((*sizes, *window), x.dtype)
    x = spread_and_pad(x, base_dilation, low, high, value)
    return windows_of(x, (), sizes, window, strides, window_dilation)


# ---- sums, products, extrema ---------------------------------------------------------------------------


def _reduction(
    name: str, summary: str, ufunc: np.ufunc, combine: str, neutral: Callable[[Any], Any], takes: str, jvp: Any,
    **more: Any,
) -> Op:  # fmt: skip
    """A reduction of windows by a binary ufunc; `combine` is the StableHLO op that does the same to two elements."""

    def infer(x: Aval, **attributes: Axes) -> Aval:
        check_dtype(name, x, takes)
        return x.with_shape(check_window(name, x, **attributes))

    def reference(x: np.ndarray, **attributes: Axes) -> np.ndarray:
        wide = _FLOAT32 if x.dtype in _HALF else x.dtype
        views = gathered(x.astype(wide, copy=False), np.asarray(neutral(x.dtype)).astype(wide), **attributes)
        with np.errstate(all="ignore"):
            y = ufunc.reduce(views, tuple(range(x.ndim, 2 * x.ndim)), wide)
        return np.asarray(y).astype(x.dtype, copy=False)

    def lower(values: Any, results: Any, context: Any, **attributes: Axes) -> Any:
        from axil.dialects import pooling_lowering

        return pooling_lowering.reduction(values[0], results[0], combine, neutral(dtype_of(values[0])), **attributes)

    return Op(
        name=name, summary=summary, operands=("x",), attributes=_ATTRIBUTES, infer=infer, reference=reference,
        jvp=jvp, batch=_batched(name), lower=lower, flops=_flops, source="StableHLO `reduce_window`", **more,
    )  # fmt: skip


def plain(window: Axes, **more: Axes) -> dict[str, Any]:
    """Attributes of windows that are next to each other; what is not given is 1 or 0. For samples and tests."""
    ones, zeros = (1,) * len(window), (0,) * len(window)
    attributes = {"window": window, "strides": ones, "low": zeros, "high": zeros, "base_dilation": ones,
                  "window_dilation": ones}  # fmt: skip
    return attributes | more


_WINDOWS = (
    plain((2, 3), strides=(2, 1), low=(1, 0), high=(0, 2)),
    plain((1, 3), low=(0, -1), high=(0, 2), base_dilation=(1, 2)),
    plain((2, 2), window_dilation=(2, 1), strides=(1, 2)),
)
_SAMPLES = tuple(sample("f32[4,5]", **w) for w in _WINDOWS)
_OTHERS = (sample("i32[4,5]", grad=False, **_WINDOWS[0]), sample("u8[4,5]", grad=False, **_WINDOWS[1]),
           sample("bf16[4,5]", grad=False, **_WINDOWS[2]), sample("f32[0,5]", grad=False, **_WINDOWS[1]),
           sample("f32[1,5]", grad=False, **_WINDOWS[2]), sample("f32[]", grad=False, **plain(())))  # fmt: skip


def _sum_jvp(y: Any, xs: Any, dxs: Any, **attributes: Axes) -> Any:
    return None if dxs[0] is None else reduce_window_sum(dxs[0], **attributes)


def _sum_transpose(
    ct: Any, xs: Any, *, window: Axes, strides: Axes, low: Axes, high: Axes, base_dilation: Axes, window_dilation: Axes
) -> tuple:
    """Sums of windows of the cotangent, whose elements are moved apart by the strides."""
    if not math.prod(shape_of(ct)):
        return (zeros_like_aval(xs[0].aval),)
    reach = [dilated(w, d) - 1 for w, d in zip(window, window_dilation)]
    before = tuple(r - a for r, a in zip(reach, low))
    after = tuple(dilated(n, b) + a - dilated(m, s)
                  for n, b, a, m, s in zip(xs[0].shape, base_dilation, low, shape_of(ct), strides))  # fmt: skip
    return (
        reduce_window_sum(ct, window=window, strides=base_dilation, low=before, high=after, base_dilation=strides,
                          window_dilation=window_dilation),
    )  # fmt: skip


reduce_window_sum = _reduction(
    "reduce_window_sum", "Sum of each window.", np.add, "add", lambda dtype: 0, "number", _sum_jvp, linear=(0,),
    transpose=_sum_transpose,
    samples=(*_SAMPLES, *_OTHERS, sample("c128[4,5]", **_WINDOWS[0])),
)  # fmt: skip


def _prod_jvp(y: Any, xs: Any, dxs: Any, **attributes: Axes) -> Any:
    """The product rule, one dimension of the windows after the other: nothing is divided, so zeros are right."""
    if dxs[0] is None or not av.is_inexact(dtype_of(y)):
        return None
    x, dx = xs[0], dxs[0]
    interior = tuple(d - 1 for d in attributes["base_dilation"])
    fill = lambda v, value: ops.pad(v, full((), value, dtype_of(v)), low=attributes["low"], high=attributes["high"],
                                    interior=interior)  # fmt: skip
    sizes = shape_of(y)
    if not math.prod(sizes):
        return None
    x, dx = fill(x, 1), fill(dx, 0)
    for axis, size in enumerate(sizes):
        starts = [k * attributes["window_dilation"][axis] for k in range(attributes["window"][axis])]
        parts = [[_every(v, axis, start, size, attributes["strides"][axis]) for v in (x, dx)] for start in starts]
        x, dx = parts[0]
        for part, dpart in parts[1:]:
            x, dx = ops.mul(x, part), add_tangents(ops.mul(dx, part), ops.mul(x, dpart))
    return dx


def _every(x: Any, axis: int, start: int, count: int, stride: int) -> Any:
    """`count` elements along an axis, `stride` apart."""
    shape = shape_of(x)
    at = lambda i, value, other: value if i == axis else other
    return ops.slice(
        x, starts=tuple(at(i, start, 0) for i in range(len(shape))),
        limits=tuple(at(i, start + (count - 1) * stride + 1, n) for i, n in enumerate(shape)),
        strides=tuple(at(i, stride, 1) for i in range(len(shape))),
    )  # fmt: skip


reduce_window_prod = _reduction(
    "reduce_window_prod", "Product of each window.", np.multiply, "multiply", lambda dtype: 1, "number", _prod_jvp,
    samples=(*_SAMPLES, *_OTHERS, sample("c128[4,5]", **_WINDOWS[0])),
)  # fmt: skip


def _extremum_jvp(largest: bool) -> Callable[..., Any]:
    def jvp(y: Any, xs: Any, dxs: Any, **attributes: Axes) -> Any:
        if dxs[0] is None or not av.is_float(dtype_of(y)):
            return None
        return select_and_gather(dxs[0], xs[0], largest=largest, **attributes)

    return jvp


_BOOLS = (sample("bool[4,5]", grad=False, **_WINDOWS[0]), sample("u32[4,5]", grad=False, **_WINDOWS[0]))

reduce_window_max = _reduction(
    "reduce_window_max", "Maximum of each window; NaN wins.", np.maximum, "maximum", lowest, "ordered",
    _extremum_jvp(True), samples=(*_SAMPLES, *_OTHERS, *_BOOLS), makes_nan=False,
)  # fmt: skip
reduce_window_min = _reduction(
    "reduce_window_min", "Minimum of each window; NaN wins.", np.minimum, "minimum", highest, "ordered",
    _extremum_jvp(False), samples=(*_SAMPLES, *_OTHERS, *_BOOLS), makes_nan=False,
)  # fmt: skip


# ---- selection -----------------------------------------------------------------------------------------


def _winners(x: np.ndarray, largest: bool, **attributes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """For each window the place in it of the element that is selected, and whether there is one.

    A window is gone through in order: a new element replaces the one kept unless that is as good, and compares with it
    (so that what comes after a NaN replaces it). A window of nothing but the worst value has no winner.
    """
    wide = x.astype(np.float32) if x.dtype.kind == "V" else x
    worst = -math.inf if largest else math.inf
    views = gathered(wide, worst, **attributes)
    views = _flat_windows(views, x.ndim)
    places = np.arange(views.shape[-1])
    nan = np.isnan(views)
    last = np.where(nan, places, -1).max(-1, keepdims=True, initial=-1)
    after = (places > last) | (last == places[-1]) & (places == last) if len(places) else nan
    candidates = np.where(after & ~nan, views if largest else -views, -math.inf)
    at = candidates.argmax(-1)
    at = np.where(last[..., 0] == len(places) - 1, len(places) - 1, at)
    value = np.take_along_axis(views, at[..., None], -1)[..., 0]
    return at, value != worst


def _flat_windows(views: np.ndarray, ndim: int) -> np.ndarray:
    """Windows with their elements in one last dimension (also where there are no windows)."""
    return views.reshape(*views.shape[:ndim], math.prod(views.shape[ndim:]))


def _infer_gather(tangent: Aval, x: Aval, *, largest: bool, **attributes: Axes) -> Aval:
    _check_pair("select_and_gather", tangent, x, x.shape)
    return tangent.with_shape(check_window("select_and_gather", x, **attributes))


def _check_pair(name: str, linear: Aval, x: Aval, shape: Axes) -> None:
    check_dtype(name, x, "float")
    if linear.dtype != x.dtype:
        raise DtypeError(f"'{name}' takes operands of one dtype, got {linear} and {x}; convert one of them")
    if linear.shape != shape:
        raise ShapeError(f"'{name}': of {x} the other operand must have shape {shape}, got {linear}")


def _gather_reference(tangent: np.ndarray, x: np.ndarray, *, largest: bool, **attributes: Axes) -> np.ndarray:
    at, some = _winners(x, largest, **attributes)
    values = gathered(tangent, 0, **attributes)
    values = _flat_windows(values, x.ndim)
    picked = np.take_along_axis(values, at[..., None], -1)[..., 0]
    return np.where(some, picked, np.zeros((), x.dtype)).astype(x.dtype)


def _infer_scatter(source: Aval, x: Aval, *, largest: bool, **attributes: Axes) -> Aval:
    _check_pair("select_and_scatter_add", source, x, check_window("select_and_scatter_add", x, **attributes))
    return x


def _scatter_reference(source: np.ndarray, x: np.ndarray, *, largest: bool, **attributes: Axes) -> np.ndarray:
    wide = _FLOAT32 if x.dtype in _HALF else x.dtype
    total = np.zeros(x.size + 1, wide)  # what goes to padding ends up in the last element
    at, some = _winners(x, largest, **attributes)
    places = gathered(np.arange(x.size).reshape(x.shape), x.size, **attributes)
    places = _flat_windows(places, x.ndim)
    target = np.where(some, np.take_along_axis(places, at[..., None], -1)[..., 0], x.size)
    np.add.at(total, target.ravel(), source.astype(wide).ravel())
    return total[:-1].reshape(x.shape).astype(x.dtype)


def _selection(name: str, summary: str, other: str, infer: Any, reference: Any, lower: str, samples: tuple) -> Op:
    """One of the two selections, each of which is the other's transpose."""

    def transpose(ct: Any, xs: Any, **attributes: Any) -> tuple:
        return (OPS[other](ct, xs[1], **attributes) if is_linear(xs[0]) else None), None

    def jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
        return None if dxs[0] is None else OPS[name](dxs[0], xs[1], **attributes)

    def emit(values: Any, results: Any, context: Any, **attributes: Any) -> Any:
        from axil.dialects import pooling_lowering

        return getattr(pooling_lowering, lower)(*values, results[0], context, **attributes)

    return Op(
        name=name, summary=summary, operands=("values", "x"), attributes={**_ATTRIBUTES, "largest": "bool"},
        infer=infer, reference=reference, jvp=jvp, linear=(0,), transpose=transpose, batch=_batched(name), lower=emit,
        flops=lambda values, x, **attributes: _flops(x, **attributes), samples=samples,
    )  # fmt: skip


def _pairs(shape: Callable[[dict], Axes]) -> tuple:
    """Samples; finite differences of the second operand are zero but at ties, of which random values have none."""

    def one(dtype: str, w: dict, largest: bool, grad: bool = True) -> Any:
        first = ",".join(map(str, shape(w)))
        return sample(f"{dtype}[{first}]", f"{dtype}[4,5]", largest=largest, grad=grad, **w)

    big = plain((4, 5), low=(3, 4), high=(3, 4), window_dilation=(2, 2))
    return (one("f32", _WINDOWS[0], True), one("f32", _WINDOWS[1], False), one("f32", _WINDOWS[2], True),
            one("bf16", _WINDOWS[0], False, False), one("f32", big, True),
            one("f32", plain((4, 5), low=(2, 2), high=(2, 2)), False))  # fmt: skip


select_and_gather = _selection(
    "select_and_gather", "Of each window, the value at the place of its first extremum.", "select_and_scatter_add",
    _infer_gather, _gather_reference, "gather", _pairs(lambda w: (4, 5)),
)  # fmt: skip
select_and_scatter_add = _selection(
    "select_and_scatter_add", "Values sent to the first extremum of each window, and summed.", "select_and_gather",
    _infer_scatter, _scatter_reference, "scatter_add", _pairs(lambda w: window_sizes((4, 5), **w)),
)  # fmt: skip
