"""Import of StableHLO's ops of windows: convolutions, reductions of windows, and the gradient of pooling."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from axil.compiler.functions import operations
from axil.compiler.passes.import_rules import (
    REDUCTIONS,
    evaluate,
    ints,
    is_neutral,
    region_op,
    result_aval,
    rule,
    trial_values,
    unsupported,
)
from axil.dialects import avals as av
from axil.dialects.avals import aval_of, dtype_of, shape_of
from axil.dialects.emit import splat_value
from axil.dialects.factories import ops
from axil.dialects.mlir import from_attribute, ir, stablehlo_bindings

LARGEST = 64
"""Elements of a window up to which it is reduced by any function."""


@rule("reduce_window")
def _reduce_window(importer: Any, op: ir.Operation, xs: list) -> Any:
    combine, of = region_op(op), aval_of(xs[0])
    name = REDUCTIONS.get(combine or "", ("", "", ""))[2]
    if combine is None and len(xs) == 2 and _is_logaddexp(importer, op, of.dtype):
        name = "cumlogsumexp"
    w = _window(op, of.ndim)
    plain = all(set(w[a]) <= {1} for a in ("base_dilation", "window_dilation", "strides"))
    wide = [axis for axis, n in enumerate(w["window"]) if n != 1]
    if len(xs) == 2 and name and plain and len(wide) == 1 and w["window"][wide[0]] == of.shape[wide[0]]:
        (axis,) = wide
        n = of.shape[axis]
        for ends, reverse in (((n - 1, 0), False), ((0, n - 1), True)):
            if list(zip(w["low"], w["high"])) == [ends if i == axis else (0, 0) for i in range(of.ndim)]:
                return getattr(ops, name)(xs[0], axis=axis, reverse=reverse)
    return _windowed(importer, op, xs, combine, w)


def _window(op: ir.Operation, ndim: int) -> dict[str, tuple[int, ...]]:
    """The attributes of a windowed reduction as the dialect's."""
    spelled = {"window": "window_dimensions", "strides": "window_strides", "base_dilation": "base_dilations",
               "window_dilation": "window_dilations"}  # fmt: skip
    found = {ours: ints(op, theirs) if theirs in op.attributes else (1,) * ndim for ours, theirs in spelled.items()}
    low, high = _padding(op, ndim)
    return found | {"low": low, "high": high}


def _padding(op: ir.Operation, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Low and high padding; none where the op says nothing."""
    rows = from_attribute(op.attributes["padding"]) if "padding" in op.attributes else [(0, 0)] * ndim
    return tuple(int(a) for a, _ in rows), tuple(int(b) for _, b in rows)


_WINDOWED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}


def _windowed(importer: Any, op: ir.Operation, xs: list, combine: str | None, w: dict) -> Any:
    """A reduction of windows. The initial value fills padding and gaps, and is combined with the result."""
    if len(xs) == 2 and av.is_bool(dtype_of(xs[0])):
        logical = {"or": "maximum", "add": "maximum", "and": "minimum", "multiply": "minimum"}
        combine = logical.get(combine or "", combine)
    if len(xs) != 2 or combine not in _WINDOWED:
        return _by_function(importer, op, xs, w)
    x, init = xs
    reduce = getattr(ops, "reduce_window_" + _WINDOWED[combine])
    reduction, binary, _ = REDUCTIONS[combine]
    if is_neutral(init, reduction):
        return reduce(x, **w)
    zeros, ones = (0,) * len(w["low"]), (1,) * len(w["low"])
    x = ops.pad(x, init, low=w["low"], high=w["high"], interior=tuple(d - 1 for d in w["base_dilation"]))
    y = reduce(x, **(w | {"low": zeros, "high": zeros, "base_dilation": ones}))
    return getattr(ops, binary)(ops.broadcast_in_dim(init, shape=shape_of(y), dims=()), y)


def _by_function(importer: Any, op: ir.Operation, xs: list, w: dict) -> list:
    """A reduction by any function: applied to the elements at each place of all windows at once, in order."""
    if importer.captures(op.regions[0]) or math.prod(w["window"]) > LARGEST:
        known = ", ".join(_WINDOWED)
        raise unsupported(op, f"windowed reductions by other functions than {known} are imported if they capture "
                              f"nothing and windows have at most {LARGEST} elements")  # fmt: skip
    arrays, inits, sizes = xs[: len(xs) // 2], xs[len(xs) // 2 :], result_aval(op).shape
    count, gaps = math.prod(sizes), tuple(d - 1 for d in w["base_dilation"])
    total = [ops.broadcast_in_dim(init, shape=(count,), dims=()) for init in inits]
    if count:
        region = importer.outline("reducer", op.regions[0], [])
        arrays = [ops.pad(x, i, low=w["low"], high=w["high"], interior=gaps) for x, i in zip(arrays, inits)]
        for tap in itertools.product(*map(range, w["window"])):
            starts = tuple(k * d for k, d in zip(tap, w["window_dilation"]))
            limits = tuple(a + (m - 1) * s + 1 for a, m, s in zip(starts, sizes, w["strides"]))
            parts = [ops.slice(x, starts=starts, limits=limits, strides=w["strides"]) for x in arrays]
            parts = [ops.reshape(p, shape=(count,)) for p in parts]
            total = importer.call("vmap", [region], [*total, *parts], in_axes=(0,) * len(xs),
                                  out_axes=(0,) * len(inits), size=count, axis_name="")  # fmt: skip
    return [ops.reshape(t, shape=sizes) for t in total]


@rule("select_and_scatter")
def _select_and_scatter(importer: Any, op: ir.Operation, xs: list) -> Any:
    """The gradient of a pooling by extrema. What its first region selects is found out by trying."""
    x, source, init = xs
    dtype, scatter = dtype_of(x), op.regions[1]
    returned = operations(scatter.blocks[0])
    adds = len(returned) == 2 and returned[0].name == "stablehlo.add"
    if not adds or not av.is_float(dtype) or importer.captures(op.regions[0]):
        raise unsupported(op, "it is imported of floating point arrays whose scattered values are added")
    region, w = importer.outline("select", op.regions[0], []), _window(op, len(shape_of(x)))
    for better, largest in ((np.greater_equal, True), (np.less_equal, False)):
        pairs = itertools.product(trial_values(dtype), repeat=2)
        if all(bool(evaluate(importer, region, [a, b])[0]) == bool(better(a, b)) for a, b in pairs):
            y = ops.select_and_scatter_add(source, x, largest=largest, **w)
            start = splat_value(init)
            if start is not None and start == 0:
                return y
            return ops.add(ops.broadcast_in_dim(init, shape=shape_of(y), dims=()), y)
    raise unsupported(op, "its selection is not 'greater or equal' or 'less or equal'")


@rule("convolution")
def _convolution(importer: Any, op: ir.Operation, xs: list) -> Any:
    """Groups, which here are a dimension, are split off and merged again."""
    n = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
    rank, (x, w) = len(n.input_spatial_dimensions), xs
    features, batches = (from_attribute(op.attributes[f"{kind}_group_count"]) for kind in ("feature", "batch"))
    kernel = tuple(n.kernel_spatial_dimensions)
    if "window_reversal" in op.attributes:
        flags = [bool(f) for f in ir.DenseBoolArrayAttr(op.attributes["window_reversal"])]
        reversed_ = tuple(d for d, f in zip(kernel, flags) if f)
        w = ops.reverse(w, axes=reversed_) if reversed_ else w

    def option(name: str) -> tuple[int, ...]:
        return ints(op, name) if name in op.attributes else (1,) * rank

    lhs = (n.input_batch_dimension, n.input_feature_dimension, *n.input_spatial_dimensions)
    rhs = (n.kernel_output_feature_dimension, n.kernel_input_feature_dimension, *kernel)
    out = (n.output_batch_dimension, n.output_feature_dimension, *n.output_spatial_dimensions)
    groups = max(features, batches)
    x, lhs_dims = _split_groups(x, lhs, 0 if batches > 1 else 1, groups)
    w, rhs_dims = _split_groups(w, rhs, 0, groups)
    at, of = out[1], result_aval(op)
    low, high = _padding(op, rank)
    y = ops.conv_general(
        x, w, lhs_dims=lhs_dims, rhs_dims=rhs_dims, out_dims=(at, *(d + (d >= at) for d in out)),
        strides=option("window_strides"), low=low, high=high, lhs_dilation=option("lhs_dilation"),
        rhs_dilation=option("rhs_dilation"), dtype=of.dtype,
    )  # fmt: skip
    return ops.reshape(y, shape=of.shape)


def _split_groups(x: Any, dims: tuple[int, ...], which: int, groups: int) -> tuple[Any, tuple[int, ...]]:
    """`x` with one of its dimensions split into (groups, rest), and the new places of group and dimensions."""
    at, shape = dims[which], shape_of(x)
    split = ops.reshape(x, shape=(*shape[:at], groups, shape[at] // groups, *shape[at + 1 :]))
    return split, (at, *(d + (d >= at) for d in dims))


@rule("reduce_precision")
def _reduce_precision(importer: Any, op: ir.Operation, xs: list) -> Any:
    bits = {name: int(ir.IntegerAttr(op.attributes[name]).value) for name in ("exponent_bits", "mantissa_bits")}
    return ops.reduce_precision(xs[0], **bits)


def _is_logaddexp(importer: Any, op: ir.Operation, dtype: np.dtype) -> bool:
    """Whether a reducer is log(exp(a) + exp(b)), found out by trying."""
    if not av.is_float(dtype) or importer.captures(op.regions[0]):
        return False
    region = importer.outline("reducer", op.regions[0], [])
    for a, b in itertools.product(trial_values(dtype), repeat=2):
        got, wanted = evaluate(importer, region, [a, b])[0], np.logaddexp(float(a), float(b))
        if not abs(float(got) - wanted) < 0.02 * (1 + abs(wanted)):
            return False
    return True
