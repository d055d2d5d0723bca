"""The lowering of convolutions.

On CPUs a convolution of some size in f32 or f64 is a kernel of our own (`compiler/kernels/convolution.py`): IREE 3.13
takes two to four times as long, whether it is given a convolution, a matrix product of gathered windows, or a sum of
shifted products.

All others are StableHLO's `convolution` in the layout that IREE compiles best (batch, space, features; kernels with
the output features last), which it runs right for all strides, paddings, dilations and groups, but for: zero sizes, of
which it dies; half precision, which it sums in half; complex numbers.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects import hlo
from axil.dialects.avals import aval, dtype_of, shape_of
from axil.dialects.convolution import Axes, accumulator, out_sizes
from axil.dialects.mlir import context as mlir_context
from axil.dialects.mlir import stablehlo_bindings, tensor_type, to_attribute
from axil.dialects.shape import inverse

KERNEL_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
WORTH_IT = 1 << 16
"""Multiplications from which on a convolution gets a kernel of its own."""
PHASES = 16
"""Convolutions of spread inputs that are taken apart into at most this many."""


def lower(lhs: Any, rhs: Any, result: Any, context: Any, *, dtype: Any, **attributes: Any) -> Any:
    """StableHLO for a convolution; attributes are those of `conv_general`."""
    of = hlo.aval_of_type(result)
    if not (of.size and math.prod(shape_of(lhs)) and math.prod(shape_of(rhs))):
        return hlo.splat(result, 0)
    dtype = np.dtype(dtype)
    if av.is_complex(dtype):
        y = _complex(lhs, rhs, context, dtype, **attributes)
    else:
        wide = accumulator(dtype)
        y = _real(_widened(lhs, wide), _widened(rhs, wide), context, **attributes)
    return y if dtype_of(y) == dtype else hlo.convert(y, dtype)


def _widened(x: Any, dtype: np.dtype) -> Any:
    """An operand in the dtype of the sums. A barrier keeps IREE from folding the conversion into the convolution, which
    it does as if unsigned integers were signed."""
    of = dtype_of(x)
    if of == dtype:
        return x
    x = hlo.convert(x, dtype)
    return hlo.barrier(x) if av.is_unsigned(of) else x


def _complex(lhs: Any, rhs: Any, context: Any, dtype: np.dtype, **attributes: Any) -> Any:
    """Real and imaginary parts, by four real convolutions."""
    lhs, rhs = (x if dtype_of(x) == dtype else hlo.convert(x, dtype) for x in (lhs, rhs))
    (a, b), (c, d) = ((hlo.op("real", x), hlo.op("imag", x)) for x in (lhs, rhs))
    conv = lambda x, w: _real(x, w, context, **attributes)
    real = hlo.op("subtract", conv(a, c), conv(b, d))
    return hlo.op("complex", real, hlo.op("add", conv(a, d), conv(b, c)))


def _real(
    lhs: Any, rhs: Any, context: Any, *, lhs_dims: Axes, rhs_dims: Axes, out_dims: Axes, **window: Any
) -> Any:
    """A convolution of operands of the dtype of the result."""
    g, n, c, *spatial = lhs_dims
    _, o, i, *kernel = rhs_dims
    x = arranged(lhs, [(n,), *((d,) for d in spatial), (g, c)])
    w = arranged(rhs, [*((d,) for d in kernel), (i,), (rhs_dims[0], o)])
    groups, outputs = shape_of(lhs)[g], shape_of(rhs)[o]
    y = _by_kernel(x, w, groups, context, **window)
    y = _stablehlo(x, w, groups, **window) if y is None else y
    return _as_result(y, groups, outputs, out_dims)


def _as_result(y: Any, groups: int, outputs: int, out_dims: Axes) -> Any:
    """A result of dimensions batch, space, (group, feature) in the order of the op."""
    shape = shape_of(y)
    y = hlo.reshape(y, (*shape[:-1], groups, outputs))
    last = len(shape)
    order = inverse((out_dims[1], *out_dims[3:], out_dims[0], out_dims[2]))
    return y if order == tuple(range(last + 1)) else hlo.transpose(y, order)


def arranged(x: Any, groups: list[tuple[int, ...]]) -> Any:
    """`x` transposed so that dimensions come in the order of `groups`, those of a group merged into one."""
    shape = shape_of(x)
    order = [d for group in groups for d in group]
    if order != list(range(len(shape))):
        x = hlo.transpose(x, order)
    merged = tuple(math.prod(shape[d] for d in group) for group in groups)
    return x if merged == shape_of(x) else hlo.reshape(x, merged)


def _by_kernel(
    x: Any, w: Any, groups: int, context: Any, *, strides: Axes, low: Axes, high: Axes, lhs_dilation: Axes,
    rhs_dilation: Axes,
) -> Any:  # fmt: skip
    """The convolution in one dispatch of our own, on CPUs, if it is large enough to be worth the padding."""
    window = dict(strides=strides, low=low, high=high, lhs_dilation=lhs_dilation, rhs_dilation=rhs_dilation)
    dtype, kernel, outputs = dtype_of(x), shape_of(w)[:-2], shape_of(w)[-1]
    sizes = out_sizes(shape_of(x)[1:-1], kernel, **window)
    work = math.prod(sizes) * shape_of(x)[0] * math.prod(shape_of(w))
    few = groups > 1 and outputs // groups < 4  # IREE has vectors of groups for these
    if context.platform != "cpu" or dtype not in KERNEL_DTYPES or not kernel or work < WORTH_IT * groups or few:
        return None
    phases = math.prod(lhs_dilation)
    if 1 < phases <= PHASES and set(strides) == set(rhs_dilation) == {1} and work >= WORTH_IT * groups * phases**2:
        return _by_phases(x, w, groups, sizes, context, low, lhs_dilation)
    if any(low) or any(high) or set(lhs_dilation) != {1}:
        zero = hlo.constant(np.asarray(0, dtype))
        x = hlo.pad(x, zero, (0, *low, 0), (0, *high, 0), (0, *(d - 1 for d in lhs_dilation), 0))
    result = tensor_type(aval((shape_of(x)[0], *sizes, outputs), dtype))
    made = context.kernel("convolution", [x, _packed(w, groups)], [result], groups=groups, strides=strides,
                          dilation=rhs_dilation, window=kernel)  # fmt: skip
    return made[0] if made else None


def _packed(w: Any, groups: int) -> Any:
    """A kernel as (groups, blocks, elements of the window, lanes): the output features come in blocks, each of which
    is contiguous; the last one of a group is filled up with zeros."""
    dtype, depth, outputs = dtype_of(w), math.prod(shape_of(w)[:-1]), shape_of(w)[-1] // groups
    lanes = block_lanes(outputs, dtype)
    blocks = -(-outputs // lanes)
    w = hlo.reshape(w, (depth, groups, outputs))
    if blocks * lanes > outputs:
        w = hlo.pad(w, hlo.constant(np.asarray(0, dtype)), (0, 0, 0), (0, 0, blocks * lanes - outputs), (0, 0, 0))
    return hlo.transpose(hlo.reshape(w, (depth, groups, blocks, lanes)), (1, 2, 0, 3))


def block_lanes(outputs: int, dtype: np.dtype) -> int:
    """Output features of a block: 64 bytes of them, or less where there are fewer."""
    lanes = 64 // dtype.itemsize
    while lanes > 4 and lanes // 2 >= outputs:
        lanes //= 2
    return lanes


def _by_phases(x: Any, w: Any, groups: int, sizes: Axes, context: Any, low: Axes, spread: Axes) -> Any:
    """A convolution of an input whose elements lie apart: for each place of the result relative to them an ordinary
    convolution with those elements of the kernel that meet any, and the results interleaved."""
    most = [-(-m // d) for m, d in zip(sizes, spread)]
    parts = []
    for phase in itertools.product(*map(range, spread)):
        first = [(a - r) % d for a, r, d in zip(low, phase, spread)]
        part = hlo.slice_(w, (*first, 0, 0), shape_of(w), (*spread, 1, 1)) if _some(first, shape_of(w)) else None
        shape = (shape_of(x)[0], *most, shape_of(w)[-1])
        if part is None:
            parts.append(hlo.splat(tensor_type(aval(shape, dtype_of(x))), 0))
            continue
        before = tuple((a - r - k) // d for a, r, k, d in zip(low, phase, first, spread))
        after = tuple(m - 1 + k - n - a for m, k, n, a in zip(most, shape_of(part), shape_of(x)[1:], before))
        ones = (1,) * len(spread)
        window = dict(strides=ones, low=before, high=after, lhs_dilation=ones, rhs_dilation=ones)
        y = _by_kernel(x, part, groups, context, **window)
        parts.append(_stablehlo(x, part, groups, **window) if y is None else y)
    rank = len(spread)
    stacked = hlo.op("concatenate", *[hlo.reshape(p, (1, *shape_of(p))) for p in parts], dimension=hlo.integer(0))
    stacked = hlo.reshape(stacked, (*spread, *shape_of(parts[0])))
    order = [rank, *(d for i in range(rank) for d in (rank + 1 + i, i)), 2 * rank + 1]
    whole = (shape_of(x)[0], *(m * d for m, d in zip(most, spread)), shape_of(w)[-1])
    y = hlo.reshape(hlo.transpose(stacked, order), whole)
    shape = (whole[0], *sizes, whole[-1])
    return y if shape == whole else hlo.slice_(y, [0] * len(shape), shape)


def _some(first: list[int], shape: Axes) -> bool:
    """Whether a strided part of the kernel has elements."""
    return all(k < n for k, n in zip(first, shape))


def _stablehlo(
    x: Any, w: Any, groups: int, *, strides: Axes, low: Axes, high: Axes, lhs_dilation: Axes, rhs_dilation: Axes
) -> Any:
    """`stablehlo.convolution` of (batch, space, features) and (space, input features, output features)."""
    rank = len(strides)
    sizes = out_sizes(shape_of(x)[1:-1], shape_of(w)[:-2], strides=strides, low=low, high=high,
                      lhs_dilation=lhs_dilation, rhs_dilation=rhs_dilation)  # fmt: skip
    result = tensor_type(aval((shape_of(x)[0], *sizes, shape_of(w)[-1]), dtype_of(x)))
    numbers = stablehlo_bindings.ConvDimensionNumbers.get(
        input_batch_dimension=0, input_feature_dimension=rank + 1, input_spatial_dimensions=list(range(1, rank + 1)),
        kernel_input_feature_dimension=rank, kernel_output_feature_dimension=rank + 1,
        kernel_spatial_dimensions=list(range(rank)), output_batch_dimension=0, output_feature_dimension=rank + 1,
        output_spatial_dimensions=list(range(1, rank + 1)), ctx=mlir_context(),
    )  # fmt: skip
    padding = np.asarray([*zip(low, high)], np.int64).reshape(rank, 2)
    made = hlo.typed(
        "convolution", [result], [x, w], dimension_numbers=numbers, window_strides=hlo.ints(strides),
        padding=to_attribute("dense", padding), lhs_dilation=hlo.ints(lhs_dilation),
        rhs_dilation=hlo.ints(rhs_dilation), feature_group_count=hlo.integer(groups),
        batch_group_count=hlo.integer(1),
    )  # fmt: skip
    return made.results[0]
