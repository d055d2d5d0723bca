"""Convolution in any number of dimensions: strides, padding, dilation of both operands, groups, any layout.

`conv_general` is StableHLO's `convolution` with its groups written as a dimension of their own: the left operand
has a group, a batch, a feature and spatial dimensions; the kernel a group, an output feature, an input feature and
spatial dimensions; the result a group, a batch, a feature and spatial dimensions. Their places are attributes, so
that splitting features (or batches) into groups is a reshape and no layout needs a transpose. In this form the op is
closed: its transposes are the op itself with two roles swapped, and a batch dimension of `vmap` becomes part of the
batch, of the features or of the groups.

    out[g, n, o, p] = sum over i, k of lhs[g, n, i, p * stride + k * rhs_dilation - low] * rhs[g, o, i, k]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects import taylor
from axil.dialects.avals import BFLOAT16
from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    ShapeError,
    add_tangents,
    aval,
    dtype_of,
    is_linear,
    ops,
    sample,
    shape_of,
)
from axil.dialects.op import zeros_like_aval
from axil.dialects.shape import inverse, transposed

Axes = tuple[int, ...]

_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)
_CHUNK = 1 << 22  # elements of gathered windows that the reference multiplies at a time


def dilated(n: int, dilation: int) -> int:
    """The size of a dimension whose elements are moved `dilation` apart."""
    return 0 if n == 0 else 1 + (n - 1) * dilation


def windows(n: int, window: int, stride: int) -> int:
    """How many windows fit into a dimension."""
    return max(0, (n - window) // stride + 1)


def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype in which products are summed: half precision sums in single."""
    return _FLOAT32 if dtype in _HALF else dtype


def out_sizes(
    lhs: Axes, rhs: Axes, *, strides: Axes, low: Axes, high: Axes, lhs_dilation: Axes, rhs_dilation: Axes, **_: Any
) -> Axes:
    """Spatial sizes of the result, from those of the operands."""
    padded = [dilated(n, d) + a + b for n, d, a, b in zip(lhs, lhs_dilation, low, high)]
    return tuple(windows(n, dilated(k, d), s) for n, k, d, s in zip(padded, rhs, rhs_dilation, strides))


# ---- inference -----------------------------------------------------------------------------------------


def _infer(
    lhs: Aval, rhs: Aval, *, lhs_dims: Axes, rhs_dims: Axes, out_dims: Axes, strides: Axes, low: Axes, high: Axes,
    lhs_dilation: Axes, rhs_dilation: Axes, dtype: Any,
) -> Aval:  # fmt: skip
    rank = lhs.ndim
    for what, dims in (("lhs_dims", lhs_dims), ("rhs_dims", rhs_dims), ("out_dims", out_dims)):
        if sorted(dims) != list(range(rank)) or rank < 3 or rhs.ndim != rank:
            raise ShapeError(f"'conv_general': {what} {dims} are not the dimensions of {lhs} and {rhs}")
    for what, values in (("strides", strides), ("low", low), ("high", high), ("lhs_dilation", lhs_dilation),
                         ("rhs_dilation", rhs_dilation)):  # fmt: skip
        if len(values) != rank - 3:
            text = f"'conv_general' of {lhs} and {rhs} has {rank - 3} spatial dimensions"
            raise ShapeError(f"{text}, got {what} {values}")
        if what not in ("low", "high") and any(v < 1 for v in values):
            raise ShapeError(f"'conv_general': {what} must be positive, got {values}")
    g, n, c, *spatial = (lhs.shape[d] for d in lhs_dims)
    groups, o, i, *kernel = (rhs.shape[d] for d in rhs_dims)
    if (g, c) != (groups, i):
        raise ShapeError(f"'conv_general': {lhs} has {g} groups of {c} features, the kernel {rhs} {groups} of {i}")
    if any(dilated(m, d) + a + b < 0 for m, d, a, b in zip(spatial, lhs_dilation, low, high)):
        raise ShapeError(f"'conv_general': negative padding (low {low}, high {high}) takes away more than {lhs} has")
    if lhs.dtype != rhs.dtype:
        raise DtypeError(f"'conv_general' takes operands of one dtype, got {lhs} and {rhs}; convert one of them")
    dtype = np.dtype(dtype)
    kinds = (av.is_float, av.is_integer, av.is_complex)
    if av.is_bool(lhs.dtype) or not any(kind(lhs.dtype) and kind(dtype) for kind in kinds):
        text = f"'conv_general' of {lhs.dtype} operands cannot give {dtype}"
        raise DtypeError(f"{text}; convert the operands or the result")
    sizes = out_sizes(tuple(spatial), tuple(kernel), strides=strides, low=low, high=high, lhs_dilation=lhs_dilation,
                      rhs_dilation=rhs_dilation)  # fmt: skip
    shape = [0] * rank
    for d, size in zip(out_dims, (g, n, o, *sizes)):
        shape[d] = size
    return aval(tuple(shape), dtype)


def _flops(lhs: Aval, rhs: Aval, *, rhs_dims: Axes, **attributes: Any) -> float:
    of = _infer(lhs, rhs, rhs_dims=rhs_dims, **attributes)
    return 2.0 * of.size * math.prod(rhs.shape[d] for d in rhs_dims[2:])


# ---- reference -----------------------------------------------------------------------------------------


def _reference(
    lhs: np.ndarray, rhs: np.ndarray, *, lhs_dims: Axes, rhs_dims: Axes, out_dims: Axes, strides: Axes, low: Axes,
    high: Axes, lhs_dilation: Axes, rhs_dilation: Axes, dtype: Any,
) -> np.ndarray:  # fmt: skip
    """The windows of the left operand, gathered as rows of a matrix, times the kernel (im2col)."""
    wide = accumulator(np.dtype(dtype))
    (g, n, c), (_, o, i) = lhs_dims[:3], rhs_dims[:3]
    x = lhs.transpose(g, n, *lhs_dims[3:], c).astype(wide, copy=False)
    w = rhs.transpose(rhs_dims[0], *rhs_dims[3:], i, o).astype(wide, copy=False)
    kernel = w.shape[1:-2]
    sizes = out_sizes(x.shape[2:-1], kernel, strides=strides, low=low, high=high, lhs_dilation=lhs_dilation,
                      rhs_dilation=rhs_dilation)  # fmt: skip
    x = spread_and_pad(x, (1, 1, *lhs_dilation, 1), (0, 0, *low, 0), (0, 0, *high, 0), 0)
    groups, batch, features = x.shape[0], x.shape[1], x.shape[-1]
    y = np.zeros((groups, batch, *sizes, w.shape[-1]), wide)
    if y.size and w.size:
        views = windows_of(x, (1, 1), sizes, kernel, strides, rhs_dilation)
        depth = math.prod(kernel) * features
        matrix = w.reshape(groups, depth, -1)
        rows = max(1, _CHUNK // (groups * math.prod(sizes) * depth))
        with np.errstate(all="ignore"):
            for at in range(0, batch, rows):
                part = views[:, at : at + rows]
                product = np.matmul(part.reshape(groups, -1, depth), matrix)
                y[:, at : at + rows] = product.reshape(groups, part.shape[1], *sizes, -1)
    last = len(sizes) + 2
    y = y.transpose(inverse((out_dims[0], out_dims[1], *out_dims[3:], out_dims[2])) if last else ())
    return y.astype(dtype, copy=False)


def spread_and_pad(x: np.ndarray, dilation: Axes, low: Axes, high: Axes, value: Any) -> np.ndarray:
    """`x` with its elements moved apart and padded; negative padding cuts off."""
    if set(dilation) <= {1} and not any(low) and not any(high):
        return x
    inner = [dilated(n, d) for n, d in zip(x.shape, dilation)]
    y = np.full([n + max(a, 0) + max(b, 0) for n, a, b in zip(inner, low, high)], value, x.dtype)
    y[tuple(slice(max(a, 0), max(a, 0) + n, d) for n, a, d in zip(inner, low, dilation))] = x
    return y[tuple(slice(max(-a, 0), m - max(-b, 0)) for m, a, b in zip(y.shape, low, high))]


def windows_of(
    x: np.ndarray, front: Axes, sizes: Axes, window: Axes, strides: Axes, dilation: Axes
) -> np.ndarray:
    """A view of all windows: dimensions in front of the spatial ones, positions, elements of a window, the rest.

    `front` has one entry for each dimension in front; there may be any number behind.
    """
    lead, rank = len(front), len(sizes)
    steps = x.strides[lead : lead + rank]
    shape = (*x.shape[:lead], *sizes, *window, *x.shape[lead + rank :])
    jumps = (
        *x.strides[:lead], *(a * s for a, s in zip(steps, strides)), *(a * d for a, d in zip(steps, dilation)),
        *x.strides[lead + rank :],
    )  # fmt: skip
    return np.lib.stride_tricks.as_strided(x, shape, jumps, writeable=False)


# ---- derivative ----------------------------------------------------------------------------------------


def _jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    lhs, rhs = xs
    total = None if dxs[0] is None else conv_general(dxs[0], rhs, **attributes)
    return total if dxs[1] is None else add_tangents(total, conv_general(lhs, dxs[1], **attributes))


def _transpose(ct: Any, xs: Any, **attributes: Any) -> tuple:
    lhs, rhs = xs
    if is_linear(lhs):
        return _cotangent_of_lhs(ct, lhs.aval, rhs, **attributes), None
    return None, _cotangent_of_rhs(ct, lhs, rhs.aval, **attributes)


def _cotangent_of_lhs(
    ct: Any, of: Aval, rhs: Any, *, lhs_dims: Axes, rhs_dims: Axes, out_dims: Axes, strides: Axes, low: Axes,
    high: Axes, lhs_dilation: Axes, rhs_dilation: Axes, dtype: Any,
) -> Any:  # fmt: skip
    """The cotangent, spread by the strides, convolved with the reversed kernel whose features are swapped."""
    if not math.prod(shape_of(ct)) or not math.prod(shape_of(rhs)):
        return zeros_like_aval(of)
    size, window = _spatial(of, lhs_dims, lhs_dilation), _spatial(rhs, rhs_dims, rhs_dilation)
    out = _spatial(ct, out_dims, strides)
    before = tuple(w - a - 1 for w, a in zip(window, low))
    after = tuple(n + w - 1 - m - b for n, w, m, b in zip(size, window, out, before))
    g, o, i, *kernel = rhs_dims
    flipped = ops.reverse(rhs, axes=tuple(kernel)) if kernel else rhs
    result = conv_general(
        ct, _as(flipped, dtype_of(ct)), lhs_dims=out_dims, rhs_dims=(g, i, o, *kernel), out_dims=lhs_dims,
        strides=lhs_dilation, low=before, high=after, lhs_dilation=strides, rhs_dilation=rhs_dilation,
        dtype=dtype_of(ct),
    )  # fmt: skip
    return _as(result, of.dtype)


def _cotangent_of_rhs(
    ct: Any, lhs: Any, of: Aval, *, lhs_dims: Axes, rhs_dims: Axes, out_dims: Axes, strides: Axes, low: Axes,
    high: Axes, lhs_dilation: Axes, rhs_dilation: Axes, dtype: Any,
) -> Any:  # fmt: skip
    """The left operand, features and batch swapped, convolved with the cotangent as a kernel."""
    if not math.prod(shape_of(ct)) or not math.prod(shape_of(lhs)):
        return zeros_like_aval(of)  # a kernel without elements is no kernel
    size, window = _spatial(lhs, lhs_dims, lhs_dilation), _spatial(of, rhs_dims, rhs_dilation)
    out = _spatial(ct, out_dims, strides)
    after = tuple(m - n + w - a - 1 for m, n, w, a in zip(out, size, window, low))
    g, n, c, *spatial = lhs_dims
    group, batch, feature, *places = out_dims
    result = conv_general(
        _as(lhs, dtype_of(ct)), ct, lhs_dims=(g, c, n, *spatial), rhs_dims=(group, feature, batch, *places),
        out_dims=(rhs_dims[0], rhs_dims[2], rhs_dims[1], *rhs_dims[3:]), strides=rhs_dilation, low=low, high=after,
        lhs_dilation=lhs_dilation, rhs_dilation=strides, dtype=dtype_of(ct),
    )  # fmt: skip
    return _as(result, of.dtype)


def _spatial(x: Any, dims: Axes, dilation: Axes) -> list[int]:
    """Spatial sizes, elements moved apart."""
    shape = x.shape if isinstance(x, Aval) else shape_of(x)
    return [dilated(shape[d], by) for d, by in zip(dims[3:], dilation)]


def _as(x: Any, dtype: Any) -> Any:
    return x if dtype_of(x) == dtype else ops.convert(x, dtype=dtype)


# ---- batching ------------------------------------------------------------------------------------------


def _batch(
    size: int, xs: Any, batched: Any, *, lhs_dims: Axes, rhs_dims: Axes, out_dims: Axes, **attributes: Any
) -> Any:
    """A batch of both operands becomes part of the groups, one of the left part of its batch, one of the kernel part
    of the output features."""
    lhs, rhs = xs
    both = all(batched)
    if batched[0]:
        lhs = _folded(lhs, lhs_dims[0 if both else 1])
    if batched[1]:
        rhs = _folded(rhs, rhs_dims[0 if both else 1])
    y = conv_general(lhs, rhs, lhs_dims=lhs_dims, rhs_dims=rhs_dims, out_dims=out_dims, **attributes)
    into, shape = out_dims[0 if both else 1 if batched[0] else 2], shape_of(y)
    y = ops.reshape(y, shape=(*shape[:into], size, shape[into] // max(size, 1), *shape[into + 1 :]))
    return transposed(y, (into, *(d for d in range(len(shape) + 1) if d != into)))


def _folded(x: Any, into: int) -> Any:
    """`x` with its leading dimension made the major part of another, which is counted without it."""
    shape = shape_of(x)
    order = (*range(1, into + 1), 0, *range(into + 1, len(shape)))
    moved = transposed(x, order)
    rest = shape[1:]
    return ops.reshape(moved, shape=(*rest[:into], shape[0] * rest[into], *rest[into + 1 :]))


# ---- declaration ---------------------------------------------------------------------------------------


def _lower(values: Any, results: Any, context: Any, **attributes: Any) -> Any:
    from axil.dialects.convolution_lowering import lower

    return lower(values[0], values[1], results[0], context, **attributes)


def plain(rank: int, channels_last: bool = True, **more: Any) -> dict[str, Any]:
    """Attributes of a convolution of `rank` spatial dimensions; what is not given is 1 or 0. For samples and tests."""
    last = rank + 2
    lhs = (0, 1, last, *range(2, last)) if channels_last else tuple(range(rank + 3))
    rhs = (0, last, last - 1, *range(1, last - 1)) if channels_last else tuple(range(rank + 3))
    ones, zeros = (1,) * rank, (0,) * rank
    attributes = {
        "lhs_dims": lhs, "rhs_dims": rhs, "out_dims": lhs, "strides": ones, "low": zeros, "high": zeros,
        "lhs_dilation": ones, "rhs_dilation": ones, "dtype": _FLOAT32,
    }  # fmt: skip
    return attributes | more


_I32, _C64 = np.dtype(np.int32), np.dtype(np.complex64)

conv_general = Op(
    name="conv_general",
    summary="Convolution: each window of the left operand, times the kernel, summed over input features and window.",
    operands=("lhs", "rhs"),
    attributes={
        "lhs_dims": "ints", "rhs_dims": "ints", "out_dims": "ints", "strides": "ints", "low": "ints", "high": "ints",
        "lhs_dilation": "ints", "rhs_dilation": "ints", "dtype": "dtype",
    },
    infer=_infer, reference=_reference, jvp=_jvp, linear=(0, 1), bilinear=True,
    jet=taylor.leibniz("conv_general"), transpose=_transpose, batch=_batch, lower=_lower,
    flops=_flops, source="StableHLO `convolution`",
    samples=(
        sample("f32[1,2,5,4,3]", "f32[1,3,2,3,4]", **plain(2, low=(1, 0), high=(1, 1))),
        sample("f32[1,2,3,6,5]", "f32[1,4,3,3,2]", **plain(2, False, strides=(2, 1), rhs_dilation=(1, 2))),
        sample("f32[2,2,5,3]", "f32[2,3,3,2]", **plain(1, lhs_dilation=(2,), low=(2,), high=(-1,), strides=(3,))),
        sample("f32[2,3,2,7]", "f32[3,3,2,2]", **plain(1, low=(-1,), high=(2,), lhs_dims=(1, 0, 2, 3),
               rhs_dims=(1, 2, 3, 0), out_dims=(2, 3, 0, 1))),
        sample("f32[1,2,3]", "f32[1,3,4]", **plain(0)),
        sample("f32[1,1,3,4,3,2]", "f32[1,2,2,2,2,3]", **plain(3, strides=(1, 2, 1))),
        sample("c128[1,2,4,2]", "c128[1,2,2,3]", **plain(1, dtype=np.dtype(np.complex128))),
        sample("c64[1,2,4,2]", "c64[1,2,2,3]", grad=False, **plain(1, dtype=_C64)),
        sample("i32[1,2,4,3]", "i32[1,2,3,2]", grad=False, **plain(1, dtype=_I32)),
        sample("u8[1,2,4,3]", "u8[1,2,3,2]", grad=False, **plain(1, dtype=_I32)),
        sample("bf16[1,2,4,3]", "bf16[1,2,3,2]", grad=False, **plain(1, dtype=BFLOAT16)),
        sample("f32[1,2,1,3]", "f32[1,2,3,2]", grad=False, **plain(1)),
    ),
)  # fmt: skip
