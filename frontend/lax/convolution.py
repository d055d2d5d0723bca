"""Convolutions: of any number of spatial dimensions, in any layout, strided, dilated, grouped.

All are one op, `conv_general`, whose groups are a dimension; here groups are split off by reshapes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from axil.core import bind
from axil.dialects import avals as av
from axil.dialects.convolution import conv_general, dilated, windows
from axil.dialects.shape import inverse
from axil.lax import shaping
from axil.lax.common import (
    ArgumentTypeError,
    check_same_dtype,
    converted,
    fail,
    integer,
    ints,
    is_weak,
    operand,
    operands,
    result_dtype,
)
from axil.lax.contraction import dot_general
from axil.lax.precision import PrecisionLike, canonicalize_precision
from axil.lax.windowing import Padding, padding_pairs, padtype_to_pads


class ConvDimensionNumbers(NamedTuple):
    """Where the batch, feature and spatial dimensions of a convolution are.

    `lhs_spec` and `out_spec` are (batch, feature, *spatial), `rhs_spec` is (out feature, in feature, *spatial).
    """

    lhs_spec: Sequence[int]
    rhs_spec: Sequence[int]
    out_spec: Sequence[int]


ConvGeneralDilatedDimensionNumbers = tuple[str, str, str] | ConvDimensionNumbers | None
"""Dimension numbers as users may give them: texts such as `("NHWC", "HWIO", "NHWC")`, numbers, or None for NCHW."""

_LETTERS = ("NC", "OI", "NC")
_TRANSPOSED_LAYOUTS = {2: ("NC", "IO", "NC"), 3: ("NHC", "HIO", "NHC"), 4: ("NHWC", "HWIO", "NHWC"),
                       5: ("NHWDC", "HWDIO", "NHWDC")}  # fmt: skip


def _refuse(message: str, *ways_out: str) -> NoReturn:
    fail(message, *ways_out, kind=ArgumentTypeError)


# ---- dimension numbers and shapes ----------------------------------------------------------------------


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: ConvGeneralDilatedDimensionNumbers
) -> ConvDimensionNumbers:
    """Dimension numbers, given in any of their forms, as a `ConvDimensionNumbers`."""
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    rank = len(lhs_shape)
    if rank != len(rhs_shape):
        _refuse(f"a convolution takes arrays of as many dimensions, got {rank} and {len(rhs_shape)}")
    if dimension_numbers is None:
        return ConvDimensionNumbers(*[tuple(range(rank))] * 3)
    if not isinstance(dimension_numbers, list | tuple) or len(dimension_numbers) != 3:
        _refuse(f"dimension_numbers of a convolution are three texts, or None, got {dimension_numbers!r}")
    for spec in dimension_numbers:
        if not isinstance(spec, str) or len(spec) != rank:
            _refuse(f"each of a convolution's dimension_numbers has a letter for each of the operands' {rank} "
                    f"dimensions, got {spec!r}")  # fmt: skip
    return ConvDimensionNumbers(*conv_general_permutations(dimension_numbers))


def conv_general_permutations(dimension_numbers: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """For each of three texts such as "NHWC", the places of its letters: N and C (O and I), then the spatial ones.

    Spatial letters come in the order of the second text, the kernel's.
    """
    lhs, rhs, out = dimension_numbers
    for spec, (first, second) in zip((lhs, rhs, out), _LETTERS):
        if spec.count(first) != 1 or spec.count(second) != 1 or len(set(spec)) != len(spec):
            _refuse(f"a convolution's dimension numbers have the letters {first} and {second}, and no letter twice; "
                    f"got {spec!r} in {tuple(dimension_numbers)!r}")  # fmt: skip
    spatial = [c for c in rhs if c not in "OI"]
    if not set(lhs) - set("NC") == set(spatial) == set(out) - set("NC"):
        _refuse(f"a convolution's dimension numbers must name the same spatial dimensions, got {dimension_numbers!r}")
    return tuple(
        tuple(spec.index(c) for c in (*letters, *spatial)) for spec, letters in zip((lhs, rhs, out), _LETTERS)
    )


def conv_shape_tuple(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], strides: Sequence[int], pads: Padding,
    batch_group_count: int = 1,
) -> tuple[int, ...]:  # fmt: skip
    """Shape of a convolution's result; shapes are (batch, feature, *spatial), the kernel's (out, in, *spatial)."""
    if isinstance(pads, str):
        pads = padtype_to_pads(lhs_shape[2:], rhs_shape[2:], strides, pads)
    if len(pads) != len(lhs_shape) - 2:
        _refuse(f"a convolution of {len(lhs_shape) - 2} spatial dimensions needs as many pairs of padding, got {pads}")
    padded = [n + a + b for n, (a, b) in zip(lhs_shape[2:], pads)]
    if any(n < 0 for n in padded):
        fail(f"negative padding takes away more than there is: padding {pads} of spatial sizes {tuple(lhs_shape[2:])}")
    batch = lhs_shape[0] // batch_group_count if batch_group_count > 1 else lhs_shape[0]
    return (batch, rhs_shape[0], *map(windows, padded, rhs_shape[2:], strides))


def conv_general_shape_tuple(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], window_strides: Sequence[int], padding: Padding,
    dimension_numbers: Sequence[str],
) -> tuple[int, ...]:  # fmt: skip
    """Shape of a convolution's result, in layouts given by texts."""
    lhs, rhs, out = conv_general_permutations(dimension_numbers)
    shape = conv_shape_tuple(_take(lhs_shape, lhs), _take(rhs_shape, rhs), window_strides, padding)
    return _take(shape, inverse(out))


def conv_transpose_shape_tuple(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], window_strides: Sequence[int], padding: Any,
    dimension_numbers: Sequence[str],
) -> tuple[int, ...]:  # fmt: skip
    """Shape of a transposed convolution's result, in layouts given by texts."""
    lhs, rhs, out = conv_general_permutations(dimension_numbers)
    x, w = _take(lhs_shape, lhs), _take(rhs_shape, rhs)
    if isinstance(padding, str):
        padding = [_transposed_padding(k, s, padding) for k, s in zip(w[2:], window_strides)]
    sizes = ((n - 1) * s - k + 2 + sum(p) for n, k, s, p in zip(x[2:], w[2:], window_strides, padding))
    return _take((x[0], w[0], *sizes), inverse(out))


def _take(values: Sequence[int], places: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(values[i]) for i in places)


# ---- convolutions --------------------------------------------------------------------------------------


def conv_general_dilated(
    lhs: Any, rhs: Any, window_strides: Sequence[int], padding: Padding, lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None, dimension_numbers: ConvGeneralDilatedDimensionNumbers = None,
    feature_group_count: int = 1, batch_group_count: int = 1, precision: PrecisionLike = None,
    preferred_element_type: Any = None, out_sharding: Any = None,
) -> Any:  # fmt: skip
    """Convolution of `lhs` with the kernel `rhs`: the kernel is not reversed.

    `padding` is "SAME", "SAME_LOWER", "VALID", or (low, high) for each spatial dimension, where negative numbers cut
    off. `lhs_dilation` moves the elements of `lhs` apart (a transposed convolution), `rhs_dilation` the kernel's.
    Features (or batches) may come in groups, each with its own part of the kernel's output features. The result is
    summed in `preferred_element_type` and has it. `out_sharding` is refused.
    """
    name = "conv_general_dilated"
    canonicalize_precision(precision)
    if out_sharding is not None:
        fail("lax.conv_general_dilated: out_sharding is not supported", "leave it out: arrays are on one device")
    lhs, rhs = operands(name, (lhs, rhs))
    a, b = lhs.aval, rhs.aval
    numbers = conv_dimension_numbers(a.shape, b.shape, dimension_numbers)
    if a.ndim != b.ndim or a.ndim < 2:
        fail(f"lax.{name} takes arrays of as many dimensions, at least two, got {a} and {b}")
    _check_numbers(numbers, a.ndim)
    rank = a.ndim - 2
    strides, lhs_dilation, rhs_dilation = (
        _spatial(name, what, values, rank)
        for what, values in (("window_strides", window_strides), ("lhs_dilation", lhs_dilation),
                             ("rhs_dilation", rhs_dilation))
    )  # fmt: skip
    if isinstance(padding, str):
        if set(lhs_dilation) - {1}:
            fail(f"lax.{name}: padding {padding!r} has no meaning with lhs_dilation {lhs_dilation}",
                 "give (low, high) for each spatial dimension", "or call lax.conv_transpose")  # fmt: skip
        kernel = [dilated(b.shape[d], by) for d, by in zip(numbers.rhs_spec[2:], rhs_dilation)]
        pads = padtype_to_pads(_take(a.shape, numbers.lhs_spec[2:]), kernel, strides, padding)
    else:
        pads = padding_pairs(name, padding, rank)
    groups = _groups(a, b, numbers, integer(name, "feature_group_count", feature_group_count),
                     integer(name, "batch_group_count", batch_group_count))  # fmt: skip
    weak = is_weak((lhs, rhs)) and preferred_element_type is None
    lhs, rhs, dtype = _dtypes(lhs, rhs, preferred_element_type)
    shape = [dilated(a.shape[d], by) + low + high
             for d, by, (low, high) in zip(numbers.lhs_spec[2:], lhs_dilation, pads)]  # fmt: skip
    if any(n < 0 for n in shape):
        fail(f"lax.{name}: negative padding {tuple(pads)} takes away more than {a} has")
    window = dict(strides=strides, low=tuple(p[0] for p in pads), high=tuple(p[1] for p in pads),
                  lhs_dilation=lhs_dilation, rhs_dilation=rhs_dilation, dtype=dtype)  # fmt: skip
    return _grouped(lhs, rhs, numbers, groups, batch_group_count > 1, window, weak)


def _grouped(
    lhs: Any, rhs: Any, numbers: ConvDimensionNumbers, groups: int, by_batch: bool, window: dict, weak: bool
) -> Any:
    """Run the op on operands whose groups are split off, and merge the groups of its result."""
    lhs_spec, rhs_spec, out_spec = (tuple(spec) for spec in numbers)
    lhs, lhs_dims = _split(lhs, lhs_spec, 0 if by_batch else 1, groups)
    rhs, rhs_dims = _split(rhs, rhs_spec, 0, groups)
    at = out_spec[1]
    out_dims = (at, *(d + (d >= at) for d in out_spec))
    y = bind(conv_general, lhs, rhs, lhs_dims=lhs_dims, rhs_dims=rhs_dims, out_dims=out_dims, weak=weak, **window)
    shape = y.aval.shape
    return shaping.reshape(y, (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]))


def _split(x: Any, spec: tuple[int, ...], which: int, groups: int) -> tuple[Any, tuple[int, ...]]:
    """`x` with one of its dimensions split into (groups, rest), and the new places of group and dimensions."""
    at, shape = spec[which], x.aval.shape
    split = shaping.reshape(x, (*shape[:at], groups, shape[at] // groups, *shape[at + 1 :]))
    return split, (at, *(d + (d >= at) for d in spec))


def _check_numbers(numbers: ConvDimensionNumbers, ndim: int) -> None:
    for spec in numbers:
        if sorted(spec) != list(range(ndim)):
            fail(f"a convolution's dimension numbers must name each of the {ndim} dimensions once, got {numbers}")


def _spatial(name: str, what: str, values: Any, rank: int) -> tuple[int, ...]:
    """Positive integers, one for each spatial dimension; None stands for ones."""
    if values is None:
        return (1,) * rank
    values = ints(name, what, values)
    if len(values) != rank or any(v < 1 for v in values):
        fail(f"lax.{name}: {what} needs a positive number for each of the {rank} spatial dimensions, got {values}")
    return values


def _groups(a: av.Aval, b: av.Aval, numbers: ConvDimensionNumbers, features: int, batches: int) -> int:
    """The number of groups, which of either kind there may be."""
    batch, feature = (a.shape[d] for d in numbers.lhs_spec[:2])
    outputs, inputs = (b.shape[d] for d in numbers.rhs_spec[:2])
    name, groups = "conv_general_dilated", max(features, batches)
    if features < 1 or batches < 1 or min(features, batches) > 1:
        fail(f"lax.{name} takes positive numbers of groups, one of them 1, got feature_group_count {features} and "
             f"batch_group_count {batches}")  # fmt: skip
    if feature % features or feature // features != inputs:
        fail(f"lax.{name}: lhs {a} has {feature} features in {features} groups, but the kernel {b} takes {inputs} "
             f"input features (dimension numbers {tuple(map(tuple, numbers))})",
             "check dimension_numbers, or set feature_group_count")  # fmt: skip
    if outputs % groups or batch % batches:
        fail(f"lax.{name}: {groups} groups do not divide the {outputs} output features of {b}, or the batch of {a}")
    return groups


def _dtypes(lhs: Any, rhs: Any, preferred: Any) -> tuple[Any, Any, np.dtype]:
    """Operands of one dtype, and the dtype of the result."""
    check_same_dtype("conv_general_dilated", (lhs, rhs))
    of = lhs.aval.dtype
    if av.is_bool(of):
        _refuse(f"lax.conv_general_dilated takes numbers, got {lhs.aval} and {rhs.aval}",
                "convert them: x.astype('int32')")  # fmt: skip
    if preferred is None:
        return lhs, rhs, of
    dtype = result_dtype("conv_general_dilated", preferred)
    same = any(kind(of) and kind(dtype) for kind in (av.is_integer, av.is_float, av.is_complex))
    wrong_sign = of.kind == "i" and dtype.kind != "i"
    if av.is_integer(of) and av.is_float(dtype) and dtype.itemsize >= of.itemsize:
        return converted(lhs, dtype), converted(rhs, dtype), dtype
    if not same or wrong_sign or dtype.itemsize < of.itemsize:
        _refuse(f"lax.conv_general_dilated: the sums of {of} products cannot be {dtype}",
                "give as preferred_element_type a wider type of the same kind and sign, or a float for integers")
    return lhs, rhs, dtype


def conv(
    lhs: Any, rhs: Any, window_strides: Sequence[int], padding: str, precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:  # fmt: skip
    """Convolution of (batch, feature, *spatial) with a kernel of (out feature, in feature, *spatial)."""
    return conv_general_dilated(lhs, rhs, window_strides, padding, precision=precision,
                                preferred_element_type=preferred_element_type)  # fmt: skip


def conv_with_general_padding(
    lhs: Any, rhs: Any, window_strides: Sequence[int], padding: Padding, lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None, precision: PrecisionLike = None, preferred_element_type: Any = None,
) -> Any:  # fmt: skip
    """`conv` with any padding, and with dilations."""
    return conv_general_dilated(lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, precision=precision,
                                preferred_element_type=preferred_element_type)  # fmt: skip


# ---- transposed convolution ----------------------------------------------------------------------------


def _transposed_padding(k: int, s: int, padding: Any) -> tuple[int, int]:
    """Padding of one dimension of a transposed convolution, from that of the convolution it transposes."""
    if padding == "SAME":
        total = k + s - 2
        low = k - 1 if s > k - 1 else -(-total // 2)
    elif padding == "VALID":
        total, low = k + s - 2 + max(k - s, 0), k - 1
    elif isinstance(padding, tuple):
        pair = [k - p - 1 for p in padding]
        total, low = sum(pair), pair[0]
    else:
        fail(f"lax.conv_transpose: padding is 'SAME', 'VALID' or pairs of integers, got {padding!r}")
    return low, total - low


def conv_transpose(
    lhs: Any, rhs: Any, strides: Sequence[int], padding: Padding, rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None, transpose_kernel: bool = False,
    precision: PrecisionLike = None, preferred_element_type: Any = None, use_consistent_padding: bool = False,
) -> Any:  # fmt: skip
    """Convolution with fractional strides: `lhs` is spread by `strides`, then convolved.

    Layouts default to channels last. "SAME" and "VALID" are the padding of the convolution that this one transposes;
    so are pairs with `use_consistent_padding`, else they pad the spread `lhs`. With `transpose_kernel` the kernel is
    that convolution's own: it is reversed and its features are swapped, which makes this its gradient.
    """
    lhs, rhs = operands("conv_transpose", (lhs, rhs))
    rank = len(lhs.aval.shape)
    if dimension_numbers is None:
        if rank not in _TRANSPOSED_LAYOUTS:
            fail(f"lax.conv_transpose has no default layout for {lhs.aval}: give dimension_numbers")
        dimension_numbers = _TRANSPOSED_LAYOUTS[rank]
    numbers = conv_dimension_numbers(lhs.aval.shape, rhs.aval.shape, dimension_numbers)
    spatial = tuple(numbers.rhs_spec[2:])
    dilation = _spatial("conv_transpose", "rhs_dilation", rhs_dilation, rank - 2)
    if use_consistent_padding or padding in ("SAME", "VALID"):
        kernel = [dilated(rhs.aval.shape[d], by) for d, by in zip(spatial, dilation)]
        each = [padding] * len(strides) if isinstance(padding, str) else [tuple(p) for p in padding]
        padding = [_transposed_padding(k, s, p) for k, s, p in zip(kernel, strides, each)]
    if transpose_kernel:
        order = list(range(rank))
        o, i = numbers.rhs_spec[:2]
        order[o], order[i] = i, o
        rhs = shaping.transpose(shaping.rev(rhs, spatial), order)
    return conv_general_dilated(lhs, rhs, (1,) * (rank - 2), padding, strides, rhs_dilation, numbers,
                                precision=precision, preferred_element_type=preferred_element_type)  # fmt: skip


# ---- patches -------------------------------------------------------------------------------------------


def conv_general_dilated_patches(
    lhs: Any, filter_shape: Sequence[int], window_strides: Sequence[int], padding: Padding,
    lhs_dilation: Sequence[int] | None = None, rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None, precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:  # fmt: skip
    """The windows that a convolution multiplies with its kernel, each as a vector of features.

    Features of the result are (feature of `lhs`, *place in the window), in row-major order.
    """
    lhs = operand("conv_general_dilated_patches", lhs)
    filter_shape = ints("conv_general_dilated_patches", "filter_shape", filter_shape)
    numbers = conv_dimension_numbers(lhs.aval.shape, (1, 1, *filter_shape), dimension_numbers)
    features, taps = lhs.aval.shape[numbers.lhs_spec[1]], math.prod(filter_shape)
    # One kernel of a single one for each feature and place.
    one = np.eye(taps, dtype=np.int8).reshape(1, taps, 1, *filter_shape)
    kernel = np.broadcast_to(one, (features, *one.shape[1:])).reshape(features * taps, 1, *filter_shape)
    kernel = kernel.transpose(inverse(tuple(numbers.rhs_spec))).astype(lhs.aval.dtype)
    if isinstance(precision, tuple | list):
        precision = precision[0]
    return conv_general_dilated(
        lhs, kernel, window_strides, padding, lhs_dilation, rhs_dilation, numbers, feature_group_count=features,
        precision=precision, preferred_element_type=preferred_element_type,
    )  # fmt: skip


def conv_general_dilated_local(
    lhs: Any, rhs: Any, window_strides: Sequence[int], padding: Padding, filter_shape: Sequence[int],
    lhs_dilation: Sequence[int] | None = None, rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None, precision: PrecisionLike = None,
) -> Any:  # fmt: skip
    """A convolution with a kernel of its own at each place of the result (a locally connected layer).

    Spatial dimensions of `rhs` are those of the result; its input features are (feature of `lhs`, *place in window).
    """
    lhs, rhs = operands("conv_general_dilated_local", (lhs, rhs))
    precision = canonicalize_precision(precision)
    first = precision[0] if isinstance(precision, tuple) else precision
    patches = conv_general_dilated_patches(lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation,
                                           dimension_numbers, first)  # fmt: skip
    numbers = conv_dimension_numbers(lhs.aval.shape, (1, 1, *filter_shape), dimension_numbers)
    pairs = sorted(zip(numbers.out_spec[2:], numbers.rhs_spec[2:]))
    batch = tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    y = dot_general(patches, rhs, (((numbers.out_spec[1],), (numbers.rhs_spec[1],)), batch), precision)
    n, c = numbers.out_spec[:2]
    order: list[int] = list(range(len(pairs)))  # the result has its spatial dimensions in front, then batch, feature
    for place, source in sorted(((n, len(pairs)), (c, len(pairs) + 1))):
        order.insert(place, source)
    return shaping.transpose(y, order)
