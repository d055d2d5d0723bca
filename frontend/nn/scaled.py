"""Products of block-scaled numbers: few bits an element, and one scale for each block of elements.

What accelerators compute with narrow registers is computed here in float32, which holds every product exactly: a
quantized number is rounded to what its narrow format can hold. Formats: OCP Microscaling Formats specification
(2023), and NVIDIA's NVFP4.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.custom_derivatives import custom_vjp
from axil.lax.common import integer, ints, operand
from axil.numpy.values import Value, shape_error

F32 = np.dtype(np.float32)


@dataclasses.dataclass(slots=True)
class BlockScaleConfig:
    """How an operand of `scaled_dot_general` is quantized: see `get_scaled_dot_general_config`."""

    mode: str
    block_size: int
    data_type: Any
    scale_type: Any
    global_scale: Any
    infer_only: bool


def get_scaled_dot_general_config(mode: str, global_scale: Any = None) -> BlockScaleConfig:
    """The configuration of one operand.

    "mxfp8": blocks of 32 elements in float8_e4m3fn, with a power of two for a scale. "nvfp4": blocks of 16 in
    float4_e2m1fn, with a scale in float8_e4m3fn, and one `global_scale` ``f32[1]`` (1 where not given) for all.
    """
    if mode == "nvfp4":
        scale = anp.ones((1,), F32) if global_scale is None else global_scale
        return BlockScaleConfig("nvfp4", 16, dtypes.float4_e2m1fn, dtypes.float8_e4m3fn, scale, False)
    if mode == "mxfp8":
        return BlockScaleConfig("mxfp8", 32, dtypes.float8_e4m3fn, dtypes.float8_e8m0fnu, None, False)
    raise shape_error(f"nn.get_scaled_dot_general_config: the mode is 'nvfp4' or 'mxfp8', got {mode!r}")


# ---- products ------------------------------------------------------------------------------------------


def scaled_matmul(
    lhs: Any, rhs: Any, lhs_scales: Any, rhs_scales: Any, preferred_element_type: Any = np.float32
) -> Value:
    """``lhs @ rhs.T`` of each batch element, after each block of elements is multiplied by its scale.

    `lhs` is ``[B, M, K]`` and `rhs` ``[B, N, K]``; the scales are ``[B, M, K/b]`` and ``[B, N, K/b]`` for blocks of
    `b` elements. Sums are in float32; the result is ``[B, M, N]`` in the preferred dtype.
    """
    xs = [operand("scaled_matmul", x) for x in (lhs, rhs, lhs_scales, rhs_scales)]
    shapes = [x.aval.shape for x in xs]
    text = ", ".join(str(x.aval) for x in xs)
    if any(len(shape) != 3 for shape in shapes):
        raise shape_error(f"nn.scaled_matmul takes arrays of three dimensions, got {text}")
    a, b, a_scales, b_scales = shapes
    if a[0] != b[0] or a[2] != b[2]:
        raise shape_error(f"nn.scaled_matmul: both operands must have the same first and last dimension, got {text}")
    if a_scales[:2] != a[:2] or b_scales[:2] != b[:2] or a_scales[2] != b_scales[2]:
        raise shape_error(
            "nn.scaled_matmul: scales must have the first two dimensions of their operands, and the same third, got "
            + text
        )
    if a[2] % max(a_scales[2], 1):
        raise shape_error(f"nn.scaled_matmul: {a[2]} elements do not divide into {a_scales[2]} blocks")
    dtype = dtypes.check_user_dtype(preferred_element_type, "nn.scaled_matmul")
    return _matmul(_scaled(xs[0], xs[2]), _scaled(xs[1], xs[3])).astype(dtype)


def _scaled(x: Value, scales: Value) -> Value:
    """Elements times the scales of their blocks, in float32."""
    batch, rows, size = x.aval.shape
    blocks = scales.aval.shape[2]
    parts = anp.reshape(x.astype(F32), (batch, rows, blocks, size // max(blocks, 1)))
    return anp.reshape(parts * scales.astype(F32)[..., None], (batch, rows, size))


def _matmul(a: Value, b: Value) -> Value:
    """``[B, M, K]`` and ``[B, N, K]`` to ``[B, M, N]``."""
    return lax.dot_general(a, b, (((2,), (2,)), ((0,), (0,))), preferred_element_type=F32)


def scaled_dot_general(
    lhs: Any, rhs: Any, dimension_numbers: Any, preferred_element_type: Any = np.float32,
    configs: Sequence[BlockScaleConfig] | None = None, implementation: str | None = None,
) -> Value:  # fmt: skip
    """`axil.lax.dot_general` of operands that are quantized in blocks along what is summed over.

    `configs` are those of `lhs`, `rhs` and the cotangent, each of `get_scaled_dot_general_config`; without any, it is
    `dot_general` itself. Sizes that are summed over, in the derivative too, must divide into blocks. The derivative
    is that of the product without rounding, computed by a quantized product (mxfp8) or an exact one (nvfp4).
    """
    if configs is None:
        return lax.dot_general(lhs, rhs, dimension_numbers, preferred_element_type=preferred_element_type)
    dtype = dtypes.check_user_dtype(preferred_element_type, "nn.scaled_dot_general")
    if dtype not in (F32, np.dtype(np.float16), dtypes.dtype_of(dtypes.bfloat16(0))):
        raise shape_error(f"nn.scaled_dot_general gives f32, bf16 or f16, not {dtypes.short_name(dtype)}")
    lhs, rhs = operand("scaled_dot_general", lhs), operand("scaled_dot_general", rhs)
    (lc, rc), (lb, rb) = dimension_numbers
    lc, rc, lb, rb = (ints("scaled_dot_general", "dimension_numbers", d) for d in (lc, rc, lb, rb))
    lhs_free, rhs_free = (
        [i for i in range(len(x.aval.shape)) if i not in (*c, *b)] for x, c, b in ((lhs, lc, lb), (rhs, rc, rb))
    )
    shape = [x.aval.shape[i] for x, dims in ((lhs, lb), (lhs, lhs_free), (rhs, rhs_free)) for i in dims]
    a, b = _as_matrices(lhs, lb, lhs_free, lc), _as_matrices(rhs, rb, rhs_free, rc)
    if a.aval.shape[0] != b.aval.shape[0] or a.aval.shape[2] != b.aval.shape[2]:
        raise shape_error(f"nn.scaled_dot_general: dimensions {dimension_numbers} of {lhs.aval} and {rhs.aval} differ")
    scales = [c.global_scale if c.mode == "nvfp4" else None for c in configs]
    modes = tuple((c.mode, integer("scaled_dot_general", "block_size", c.block_size)) for c in configs)
    return anp.reshape(_product(a, b, scales, modes).astype(dtype), shape)


def _as_matrices(x: Value, batch: Sequence[int], free: Sequence[int], contract: Sequence[int]) -> Value:
    """``[batch, free, contract]``, each dimension of all of its kind."""
    shape = x.aval.shape
    sizes = [math.prod(shape[i] for i in dims) for dims in (batch, free, contract)]
    return anp.reshape(anp.transpose(x, (*batch, *free, *contract)), sizes)


def _quantized_matmul(a: Any, b: Any, scales: Any, modes: Any) -> Value:
    """`_matmul` of operands rounded in blocks."""
    a, b = (_quantized(x, mode, block, scale) for x, (mode, block), scale in zip((a, b), modes, scales))
    return _matmul(a, b)


def _product_of(a: Any, b: Any, scales: Any, modes: Any) -> Value:
    return _quantized_matmul(a, b, scales[:2], modes[:2])


_product = custom_vjp(_product_of, nondiff_argnums=(3,))


def _product_forward(a: Any, b: Any, scales: Any, modes: Any) -> tuple:
    return _product_of(a, b, scales, modes), (a, b, scales)


def _product_backward(modes: Any, kept: tuple, ct: Any) -> tuple:
    """Cotangents: `ct @ b` and `ct.T @ a`, of quantized or exact operands, and 0 where quantization cut off."""
    a, b, scales = kept
    ct_columns, b_columns, a_columns = (anp.swapaxes(x, 1, 2) for x in (ct, b, a))
    if modes[2][0] == "mxfp8":
        ct_a = _quantized_matmul(ct, b_columns, (scales[2], scales[1]), (modes[2], modes[1]))
        ct_b = _quantized_matmul(ct_columns, a_columns, (scales[2], scales[0]), (modes[2], modes[0]))
    else:
        ct_a, ct_b = _matmul(ct, b_columns), _matmul(ct_columns, a_columns)
        ct_a, ct_b = (
            anp.where(anp.abs(x) <= scale * (_E2M1.largest * _E4M3.largest), t, 0) if scale is not None else t
            for x, scale, t in ((a, scales[0], ct_a), (b, scales[1], ct_b))
        )
    no_scales = [None if s is None else anp.zeros_like(s) for s in scales]
    return ct_a.astype(a.aval.dtype), ct_b.astype(b.aval.dtype), no_scales


_product.defvjp(_product_forward, _product_backward)


# ---- rounding to narrow formats ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Format:
    """A floating point format: bits of the mantissa, least exponent of normal numbers, largest number."""

    mantissa: int
    least_exponent: int
    largest: float


_E4M3 = _Format(3, -6, 448.0)
_E2M1 = _Format(1, 0, 6.0)


def _rounded(x: Value, to: _Format) -> Value:
    """The nearest number of a format, of two the even one, in float32; beyond the largest, that."""
    bits = lax.bitcast_convert_type(x, np.uint32)
    exponent = ((bits >> 23) & 0xFF).astype(np.int32) - 127
    step = _power_of_two(anp.maximum(exponent, to.least_exponent) - to.mantissa)
    return anp.clip(anp.round(x / step) * step, -to.largest, to.largest)


def _power_of_two(exponent: Value) -> Value:
    """2 to an integer power from -126 to 127, exactly."""
    return lax.bitcast_convert_type((exponent + 127).astype(np.uint32) << 23, F32)


def _quantized(x: Value, mode: str, block: int, global_scale: Any) -> Value:
    """`x` rounded, in blocks along its last dimension, to what its format can hold, in float32."""
    batch, rows, size = x.aval.shape
    if size % block or not size:
        raise shape_error(
            f"nn.scaled_dot_general: what is summed over is quantized in blocks of {block}, but has the size {size}",
            f"pad it with zeros to a multiple of {block}",
        )
    x = anp.reshape(x.astype(F32), (batch, rows, size // block, block))
    largest = anp.max(anp.abs(x), axis=-1, keepdims=True)
    if mode == "mxfp8":
        scale = _power_of_two_above(largest / _E4M3.largest)
        result = _rounded(anp.clip(x / scale, -_E4M3.largest, _E4M3.largest), _E4M3) * scale
    else:
        overall = anp.asarray(global_scale, F32)
        scale = _rounded(largest / overall / _E2M1.largest, _E4M3)
        safe = anp.where(scale == 0, 1, scale)  # a block of zeros, or too small for the scale
        result = anp.where(scale == 0, 0, _rounded(x / overall / safe, _E2M1) * scale * overall)
    return anp.reshape(result, (batch, rows, size))


def _power_of_two_above(x: Value) -> Value:
    """The least power of two that is not less, and at least 2**-126."""
    bits = lax.bitcast_convert_type(x, np.uint32)
    exponent = (bits >> 23).astype(np.int32) + ((bits & 0x7FFFFF) != 0).astype(np.int32) - 127
    return _power_of_two(anp.clip(exponent, -126, 127))
