"""The lowering of windowed reductions and selections.

IREE 3.13 compiles `reduce_window` with all strides, paddings and dilations, also of several operands, but not of
unsigned integers or complex numbers; and it compiles no `select_and_scatter` of windows that overlap. So the places
of extrema are a `reduce_window` of pairs, and values are sent there by a `scatter`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects import hlo
from axil.dialects.avals import BFLOAT16, aval, aval_of, dtype_of, shape_of
from axil.dialects.mlir import ir, tensor_type, to_attribute
from axil.dialects.pooling import window_sizes

Axes = tuple[int, ...]

_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)
_INT32 = np.dtype(np.int32)


def reduction(x: Any, result: Any, combine: str, neutral: Any, **attributes: Axes) -> Any:
    """A reduction of one operand by the StableHLO op `combine`."""
    of, dtype = aval_of(x), dtype_of(x)
    if not hlo.aval_of_type(result).size or not of.size:
        return hlo.splat(result, neutral)
    if not of.ndim:
        return x
    if av.is_complex(dtype):
        return _complex(x, combine, **attributes)
    if av.is_bool(dtype):
        y = reduction(hlo.convert(x, np.int8), _of_dtype(result, np.int8), combine, int(neutral), **attributes)
        return hlo.compare(y, hlo.splat(y.type, 0), "NE")
    if dtype in _HALF:
        y = reduction(hlo.convert(x, _FLOAT32), _of_dtype(result, _FLOAT32), combine, neutral, **attributes)
        return hlo.convert(y, dtype)
    apply = lambda a, b: hlo.op(combine, a, b)
    if not av.is_unsigned(dtype):
        return reduce_window([x], [hlo.constant(np.asarray(neutral).astype(dtype))], apply, **attributes)[0]
    signed = np.dtype(f"i{dtype.itemsize}")
    init = hlo.constant(np.asarray(neutral).astype(dtype).view(signed))
    on_bits = lambda a, b: hlo.bitcast(apply(hlo.bitcast(a, dtype), hlo.bitcast(b, dtype)), signed)
    return hlo.bitcast(reduce_window([hlo.bitcast(x, signed)], [init], on_bits, **attributes)[0], dtype)


def _of_dtype(type_: Any, dtype: Any) -> Any:
    return tensor_type(hlo.aval_of_type(type_).with_dtype(np.dtype(dtype)))


def _complex(x: Any, combine: str, **attributes: Axes) -> Any:
    """Real and imaginary parts: two sums, or one product of pairs."""
    parts = [hlo.op("real", x), hlo.op("imag", x)]
    dtype = dtype_of(parts[0])
    zero, one = (hlo.constant(np.asarray(v, dtype)) for v in (0, 1))
    if combine == "add":
        add = lambda a, b: hlo.op("add", a, b)
        return hlo.op("complex", *[reduce_window([p], [zero], add, **attributes)[0] for p in parts])

    def multiply(a: Any, b: Any, c: Any, d: Any) -> list:
        ac, bd, ad, bc = (hlo.op("multiply", *pair) for pair in ((a, c), (b, d), (a, d), (b, c)))
        return [hlo.op("subtract", ac, bd), hlo.op("add", ad, bc)]

    return hlo.op("complex", *reduce_window(parts, [one, zero], multiply, **attributes))


def reduce_window(
    values: Sequence[Any], inits: Sequence[Any], combine: Callable[..., Any], *, window: Axes, strides: Axes,
    low: Axes, high: Axes, base_dilation: Axes, window_dilation: Axes,
) -> list[Any]:  # fmt: skip
    """Emit `reduce_window`; `combine(*accumulators, *elements)` emits the region's value or values."""
    sizes = window_sizes(shape_of(values[0]), window=window, strides=strides, low=low, high=high,
                         base_dilation=base_dilation, window_dilation=window_dilation)  # fmt: skip
    made = hlo.typed(
        "reduce_window", [tensor_type(aval(sizes, dtype_of(v))) for v in values], [*values, *inits], regions=1,
        window_dimensions=hlo.ints(window), window_strides=hlo.ints(strides), base_dilations=hlo.ints(base_dilation),
        window_dilations=hlo.ints(window_dilation),
        padding=to_attribute("dense", np.asarray([*zip(low, high)], np.int64)),
    )  # fmt: skip
    scalars = [tensor_type(aval((), dtype_of(v))) for v in values]
    block = hlo.body(made, [*scalars, *scalars])
    with ir.InsertionPoint(block):
        y = combine(*block.arguments)
        hlo.return_(y if isinstance(y, (list, tuple)) else [y])
    return list(made.results)


# ---- selection -----------------------------------------------------------------------------------------


def _keep_first(largest: bool) -> Callable[..., list]:
    """The region of a reduction of (key, value) pairs: the pair kept stays where its key is as good."""

    def combine(key: Any, value: Any, new_key: Any, new_value: Any) -> list:
        stays = hlo.compare(key, new_key, "GE" if largest else "LE")
        return [hlo.select(stays, key, new_key), hlo.select(stays, value, new_value)]

    return combine


def _picked(values: Any, start: Any, x: Any, largest: bool, **attributes: Axes) -> Any:
    """Of each window, the element of `values` at the place of the extremum of `x`, or `start` if there is none.

    The barrier is for IREE 3.13, which fuses two of these with what follows, and then cannot compile that.
    """
    worst = hlo.constant(np.asarray(-math.inf if largest else math.inf, dtype_of(x)))
    return hlo.barrier(reduce_window([x, values], [worst, start], _keep_first(largest), **attributes)[1])


def gather(tangent: Any, x: Any, result: Any, context: Any, *, largest: bool, **attributes: Axes) -> Any:
    """Of each window of `x`, the tangent of the element selected."""
    if not hlo.aval_of_type(result).size or not aval_of(x).size:
        return hlo.splat(result, 0)
    if not aval_of(x).ndim:
        return tangent
    dtype = dtype_of(x)
    wide = _FLOAT32 if dtype in _HALF else dtype
    tangent, x = (v if wide == dtype else hlo.convert(v, wide) for v in (tangent, x))
    y = _picked(tangent, hlo.constant(np.asarray(0, wide)), x, largest, **attributes)
    return y if wide == dtype else hlo.convert(y, dtype)


def scatter_add(source: Any, x: Any, result: Any, context: Any, *, largest: bool, **attributes: Axes) -> Any:
    """The values of `source` sent to the elements of `x` that their windows select."""
    of = aval_of(x)
    if not of.size or not aval_of(source).size:
        return hlo.splat(result, 0)
    if not of.ndim:
        return source
    if context.platform == "portable" and not _dilated(attributes):
        return _select_and_scatter(source, x, largest, **attributes)
    wide = _FLOAT32 if of.dtype in _HALF else of.dtype
    source, x = (v if wide == of.dtype else hlo.convert(v, wide) for v in (source, x))
    places = hlo.reshape(hlo.iota((of.size,), _INT32, 0), of.shape)
    target = _picked(places, hlo.constant(np.asarray(-1, _INT32)), x, largest, **attributes)
    y = _sent(source, target, of.shape)
    return y if wide == of.dtype else hlo.convert(y, of.dtype)


def _dilated(attributes: dict[str, Axes]) -> bool:
    return set(attributes["base_dilation"]) | set(attributes["window_dilation"]) != {1}


def _select_and_scatter(
    source: Any, x: Any, largest: bool, *, window: Axes, strides: Axes, low: Axes, high: Axes, **dilations: Axes
) -> Any:
    """StableHLO's own op, for those that read the text."""
    zero = hlo.constant(np.asarray(0, dtype_of(x)))
    made = hlo.typed(
        "select_and_scatter", [x.type], [x, source, zero], regions=2, window_dimensions=hlo.ints(window),
        window_strides=hlo.ints(strides), padding=to_attribute("dense", np.asarray([*zip(low, high)], np.int64)),
    )  # fmt: skip
    scalars = [tensor_type(aval((), dtype_of(x)))] * 2
    keep, add = hlo.body(made, scalars, 0), hlo.body(made, scalars, 1)
    with ir.InsertionPoint(keep):
        hlo.return_([hlo.compare(keep.arguments[0], keep.arguments[1], "GE" if largest else "LE")])
    with ir.InsertionPoint(add):
        hlo.return_([hlo.op("add", *add.arguments)])
    return made.results[0]


def _sent(source: Any, target: Any, shape: Axes) -> Any:
    """Each value added where it belongs; those that belong nowhere to an element that is cut off.

    (Writing out which windows hold an element, at which place, takes as long and compiles longer.)
    """
    n, count = math.prod(shape), math.prod(shape_of(source))
    rows, values = hlo.reshape(target, (count,)), hlo.reshape(source, (count,))
    rows = hlo.select(hlo.compare(rows, hlo.splat(rows.type, 0), "LT"), hlo.splat(rows.type, n), rows)
    zeros = hlo.splat(tensor_type(aval((n + 1,), dtype_of(source))), 0)
    total = hlo.scatter_rows(zeros, rows, values, lambda a, b: hlo.op("add", a, b), False)
    return hlo.reshape(hlo.slice_(total, [0], [n]), shape)
