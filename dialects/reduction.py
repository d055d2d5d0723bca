"""Reductions: sums, products, extrema, logical reductions, and the positions of extrema.

Reductions over axes without elements give the neutral element: 0, 1, or for extrema the lowest or highest
value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import BFLOAT16
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import (
    OPS,
    Aval,
    DtypeError,
    Op,
    ShapeError,
    add_tangents,
    check_dtype,
    dtype_of,
    full,
    no_tangent,
    normalize_axes,
    ops,
    sample,
    shape_of,
)
from axil.dialects.shape import transposed, up
from axil.dialects.small_types import wide_dtype

Axes = tuple[int, ...]

_MANY = 256
_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)


def lowest(dtype: Any) -> Any:
    """The neutral element of maxima."""
    return _limit(np.dtype(dtype), -1)


def highest(dtype: Any) -> Any:
    """The neutral element of minima."""
    return _limit(np.dtype(dtype), 1)


def _limit(dtype: np.dtype, side: int) -> Any:
    if dtype in av.SMALL_FLOATS and not np.isinf(np.asarray(math.inf, dtype).astype(_FLOAT32)):
        import ml_dtypes

        return side * float(ml_dtypes.finfo(dtype).max)
    if av.is_float(dtype):
        return side * math.inf
    if av.is_bool(dtype):
        return side > 0
    import ml_dtypes

    info = ml_dtypes.iinfo(dtype)
    return int(info.max if side > 0 else info.min)


def _spread(y: Any, like: Any, axes: Axes) -> Any:
    """A reduced array, repeated along the axes that were reduced."""
    shape = shape_of(like)
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    return ops.broadcast_in_dim(y, shape=shape, dims=kept)


# ---- factory -------------------------------------------------------------------------------------------


def _reduction(
    name: str,
    summary: str,
    ufunc: np.ufunc,
    combine: str,
    neutral: Callable[[Any], Any],
    *,
    takes: str,
    jvp: Callable[..., Any] = no_tangent,
    samples: tuple,
    wide: bool = False,
    **more: Any,
) -> Op:
    """A reduction by a binary ufunc; `combine` is the StableHLO op that does the same to two elements.

    With `wide`, half precision is computed in single.
    """

    def infer(x: Aval, *, axes: Axes) -> Aval:
        check_dtype(name, x, takes)
        normalize_axes(name, axes, len(x.shape))
        return x.with_shape(tuple(n for i, n in enumerate(x.shape) if i not in axes))

    def reference(x: np.ndarray, *, axes: Axes) -> np.ndarray:
        dtype = x.dtype
        with np.errstate(all="ignore"):
            if dtype in av.SMALL_TYPES and x.size:  # as compiled programs compute
                return ufunc.reduce(x.astype(wide_dtype(dtype)), axes).astype(dtype)
            if wide and dtype in _HALF:
                return ufunc.reduce(x.astype(_FLOAT32), axes).astype(dtype)
            if x.size:
                return ufunc.reduce(x, axes, dtype)
            return ufunc.reduce(x, axes, dtype, initial=np.asarray(neutral(dtype), dtype)[()])

    def lower(values: Any, results: Any, context: Any, *, axes: Axes) -> Any:
        from axil.dialects import hlo

        x, dtype = values[0], dtype_of(values[0])
        if not av.aval_of(x).size:
            return hlo.splat(results[0], neutral(dtype))
        if av.is_bool(dtype) and av.aval_of(x).size >= _MANY:
            # IREE 3.13 reduces bits one by one: as i32 they are ten times faster.
            init = hlo.constant(np.asarray(bool(neutral(dtype)), np.int32))
            y = hlo.reduce([hlo.convert(x, np.int32)], [init], axes, lambda a, b: hlo.op(combine, a, b))[0]
            return hlo.compare(y, hlo.splat(y.type, 0), "NE")
        # IREE 3.13 emits invalid SPIR-V for a maximum of bf16.
        widened = dtype in _HALF if wide else dtype == BFLOAT16 and context.platform != "cpu"
        x = hlo.convert(x, _FLOAT32) if widened else x
        init = hlo.constant(np.asarray(neutral(dtype)).astype(dtype_of(x)))
        if combine == "add" and len(axes) > 1 and _is_product(x):
            x = _one_by_one(x, axes, init)
        else:
            x = hlo.reduce([x], [init], axes, lambda a, b: hlo.op(combine, a, b))[0]
        return hlo.convert(x, dtype) if widened else x

    return Op(
        name=name, summary=summary, operands=("x",), attributes={"axes": "ints"}, infer=infer,
        reference=reference, jvp=jvp, lower=lower,
        batch=lambda size, xs, batched, *, axes: OPS[name](xs[0], axes=up(axes)),
        simplify=lambda operands, attributes, result: None if attributes["axes"] else operands[0],
        flops=lambda x, *, axes: float(x.size), samples=samples, **more,
    )  # fmt: skip


def _is_product(x: Any) -> bool:
    """Whether an MLIR value is one of two different operands."""
    while (op := getattr(x.owner, "operation", x.owner)) and getattr(op, "name", "") in _SAME_ELEMENTS:
        x = op.operands[0]
    return getattr(op, "name", "") == "stablehlo.multiply" and op.operands[0] != op.operands[1]


_SAME_ELEMENTS = {"stablehlo.convert", "stablehlo.reshape", "stablehlo.transpose"}


def _one_by_one(x: Any, axes: Axes, init: Any) -> Any:
    """Emit a sum over several axes as sums over one: the last, with those just before it as one with it, and so on.

    IREE 3.13 takes a sum of products for a matrix product. If it is over several axes, and an operand does not have all
    of these, as in `sum(row * matrix)`, it fails ("invalid accumulator/result vector shape") or dies.
    """
    from axil.dialects import hlo

    rest = sorted(axes)
    while rest:
        shape, last = shape_of(x), rest[-1]
        first = last
        while first - 1 in rest:
            first -= 1
        x = hlo.reshape(x, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))
        x = hlo.reduce([x], [init], (first,), lambda a, b: hlo.op("add", a, b))[0]
        rest = [axis for axis in rest if axis < first]
    return x


_FLOATS = (sample("f32[2,3]", axes=(1,)), sample("f32[2,3,4]", axes=(0, 2)), sample("f32[3]", axes=(0,)),
           sample("f32[2,3]", axes=()))  # fmt: skip
_OTHERS = (sample("i32[2,3]", axes=(0,), grad=False), sample("f32[2,0]", axes=(1,), grad=False),
           sample("i32[0]", axes=(0,), grad=False), sample("bf16[4,3]", axes=(0,), grad=False))  # fmt: skip

# ---- sum and product -----------------------------------------------------------------------------------


def _sum_jvp(y: Any, xs: Any, dxs: Any, *, axes: Axes) -> Any:
    return None if dxs[0] is None else reduce_sum(dxs[0], axes=axes)


reduce_sum = _reduction(
    "reduce_sum", "Sum over axes.", np.add, "add", lambda dtype: 0, takes="number", jvp=_sum_jvp, linear=(0,),
    transpose=lambda ct, xs, *, axes: (_spread(ct, xs[0], axes),), wide=True, samples=_FLOATS + _OTHERS,
)  # fmt: skip


def _prod_jvp(y: Any, xs: Any, dxs: Any, *, axes: Axes) -> Any:
    if dxs[0] is None or not av.is_inexact(dtype_of(y)):
        return None
    shape = shape_of(xs[0])
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    merged = (math.prod(shape[i] for i in axes), *(shape[i] for i in kept))
    x, dx = (ops.reshape(transposed(v, (*axes, *kept)), shape=merged) for v in (xs[0], dxs[0]))
    return _tangent_of_product(x, dx)


def _tangent_of_product(x: Any, dx: Any) -> Any:
    """Tangent of the product over axis 0, by multiplying halves: nothing is divided, so zeros are right."""
    while (n := shape_of(x)[0]) > 1:
        if n % 2:
            x, dx = _lengthen(x, 1), _lengthen(dx, 0)
        half = (n + 1) // 2
        (x0, x1), (dx0, dx1) = _halves(x, half), _halves(dx, half)
        x, dx = ops.mul(x0, x1), add_tangents(ops.mul(dx0, x1), ops.mul(x0, dx1))
    rest = shape_of(dx)[1:]
    return ops.reshape(dx, shape=rest) if shape_of(dx)[0] else None


def _lengthen(x: Any, value: float) -> Any:
    zeros = (0,) * len(shape_of(x))
    return ops.pad(x, full((), value, dtype_of(x)), low=zeros, high=(1, *zeros[1:]), interior=zeros)


def _halves(x: Any, half: int) -> tuple:
    shape = shape_of(x)
    rest, strides = shape[1:], (1,) * len(shape)
    first = ops.slice(x, starts=(0,) * len(shape), limits=(half, *rest), strides=strides)
    return first, ops.slice(x, starts=(half, *(0 for _ in rest)), limits=(2 * half, *rest), strides=strides)


reduce_prod = _reduction(
    "reduce_prod", "Product over axes.", np.multiply, "multiply", lambda dtype: 1, takes="number",
    jvp=_prod_jvp, wide=True, samples=(*_FLOATS, sample("f32[5,2]", axes=(0,)), *_OTHERS),
)  # fmt: skip

# ---- extrema -------------------------------------------------------------------------------------------


def _extremum_jvp(y: Any, xs: Any, dxs: Any, *, axes: Axes) -> Any:
    """The tangents of the elements that attain the extremum, averaged: ties share it, as in JAX."""
    if dxs[0] is None or not av.is_inexact(dtype_of(y)):
        return None
    at = ops.convert(ops.eq(xs[0], _spread(y, xs[0], axes)), dtype=dtype_of(y))
    return ops.div(reduce_sum(ops.mul(dxs[0], at), axes=axes), reduce_sum(at, axes=axes))


_EXTREMA = (sample("bool[2,3]", axes=(0,), grad=False), sample("u8[2,3]", axes=(1,), grad=False))

reduce_max = _reduction("reduce_max", "Maximum over axes; NaN wins.", np.maximum, "maximum", lowest,
                        takes="ordered", jvp=_extremum_jvp, samples=_FLOATS + _OTHERS + _EXTREMA,
                        makes_nan=False)  # fmt: skip
reduce_min = _reduction("reduce_min", "Minimum over axes; NaN wins.", np.minimum, "minimum", highest,
                        takes="ordered", jvp=_extremum_jvp, samples=_FLOATS + _OTHERS + _EXTREMA,
                        makes_nan=False)  # fmt: skip

# ---- logic ---------------------------------------------------------------------------------------------

_BITS = (sample("bool[2,3]", axes=(1,), grad=False), sample("i32[2,3]", axes=(0, 1), grad=False),
         sample("bool[0]", axes=(0,), grad=False), sample("bool[20,30]", axes=(0,), grad=False))  # fmt: skip


def _all_ones(dtype: Any) -> Any:
    return True if av.is_bool(dtype) else np.invert(np.zeros((), dtype))


reduce_and = _reduction("reduce_and", "Bitwise and over axes; logical for booleans.", np.bitwise_and, "and",
                        _all_ones, takes="bits", samples=_BITS)  # fmt: skip
reduce_or = _reduction("reduce_or", "Bitwise or over axes; logical for booleans.", np.bitwise_or, "or",
                       lambda dtype: 0, takes="bits", samples=_BITS)  # fmt: skip

# ---- positions -----------------------------------------------------------------------------------------


def _position(
    name: str, summary: str, search: Callable[..., Any], direction: str, neutral: Callable[..., Any]
) -> Op:
    """argmax or argmin: the first position of the extremum, or of the first NaN."""

    def infer(x: Aval, *, axis: int, dtype: Any) -> Aval:
        check_dtype(name, x, "ordered")
        normalize_axes(name, (axis,), len(x.shape))
        if not av.is_integer(dtype):
            raise DtypeError(
                f"'{name}' gives positions, which are integers: dtype {av.short_dtype(dtype)} is none"
            )
        if not x.shape[axis]:
            raise ShapeError(f"'{name}' of {x}: axis {axis} has no elements, so none is the extremum")
        if x.shape[axis] - 1 > np.iinfo(dtype).max:
            raise AttributeValueError(
                f"'{name}': {av.short_dtype(dtype)} cannot hold the positions of axis {axis} of {x}"
            )
        return x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :])).with_dtype(np.dtype(dtype))

    def reference(x: np.ndarray, *, axis: int, dtype: Any) -> np.ndarray:
        if x.dtype.kind == "V":
            x = x.astype(_FLOAT32)
        return search(x, axis).astype(dtype)

    def lower(values: Any, results: Any, context: Any, *, axis: int, dtype: Any) -> Any:
        from axil.dialects import hlo

        x, of = values[0], av.aval_of(values[0])
        inits = [
            hlo.constant(np.asarray(neutral(of.dtype)).astype(of.dtype)),
            hlo.constant(np.asarray(0, dtype)),
        ]
        pick = _pick_first(direction, av.is_float(of.dtype))
        return hlo.reduce([x, hlo.iota(of.shape, dtype, axis)], inits, (axis,), pick)[1]

    return Op(
        name=name, summary=summary, operands=("x",), attributes={"axis": "int", "dtype": "dtype"},
        infer=infer, reference=reference, jvp=no_tangent, lower=lower,
        flops=lambda x, **attributes: float(x.size),
        batch=lambda size, xs, batched, *, axis, dtype: OPS[name](xs[0], axis=axis + 1, dtype=dtype),
        samples=tuple(sample(x, axis=axis, dtype=np.dtype("int32"), grad=False)
                      for x, axis in (("f32[2,3]", 1), ("f32[4]", 0), ("i32[3,2]", 0), ("bool[5]", 0))),
    )  # fmt: skip


def _pick_first(direction: str, may_be_nan: bool) -> Callable[..., Any]:
    """Region of a (value, index) reduction: the better value, NaN best; the lower index among equals."""

    def combine(x: Any, i: Any, y: Any, j: Any) -> list:
        from axil.dialects import hlo

        better, equal = hlo.compare(x, y, direction), hlo.compare(x, y, "EQ")
        if may_be_nan:
            nans = hlo.compare(x, x, "NE"), hlo.compare(y, y, "NE")
            better = hlo.op("or", better, hlo.op("and", nans[0], hlo.op("not", nans[1])))
            equal = hlo.op("or", equal, hlo.op("and", *nans))
        left = hlo.op("or", better, hlo.op("and", equal, hlo.compare(i, j, "LT")))
        return [hlo.select(better, x, y), hlo.select(left, i, j)]

    return combine


argmax = _position(
    "argmax", "Position of the first maximum along an axis; NaN wins.", np.argmax, "GT", lowest
)
argmin = _position(
    "argmin", "Position of the first minimum along an axis; NaN wins.", np.argmin, "LT", highest
)
