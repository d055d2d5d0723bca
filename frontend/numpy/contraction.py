"""Products of vectors, matrices and tensors. All of them are `dot_general`."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import contraction as ct
from axil.numpy.creation import eye
from axil.numpy.joining import stack, unstack
from axil.numpy.logic import pick as where
from axil.numpy.reductions import sum as sum_
from axil.numpy.shaping import moveaxis, permute, ravel
from axil.numpy.ufuncs import conjugate, multiply, negative, subtract
from axil.numpy.values import (
    Value,
    bind,
    broadcast,
    broadcast_shape,
    canonical_axes,
    canonical_axis,
    convert,
    operand,
    promote,
    refuse_out,
    reshape_to,
    shape_error,
)

Axes = tuple[int, ...]


def dot_general(
    a: Value, b: Value, contract: tuple[Axes, Axes], batch: tuple[Axes, Axes] = ((), ()), dtype: Any = None,
    weak: bool = False,
) -> Value:  # fmt: skip
    """Contract dimensions of two arrays of one dtype; batch dimensions come first in the result."""
    return bind(
        ct.dot_general, a, b, lhs_contract=contract[0], rhs_contract=contract[1], lhs_batch=batch[0],
        rhs_batch=batch[1], dtype=a.aval.dtype if dtype is None else dtype, weak=weak,
    )  # fmt: skip


def _prepare(name: str, a: Any, b: Any, preferred: Any) -> tuple[Value, Value, np.dtype, bool]:
    (a, b), weak = promote(name, a, b)
    if preferred is None:
        return a, b, a.aval.dtype, weak
    dtype = dtypes.check_user_dtype(preferred, name)
    if dtypes.kind_of(dtype) != dtypes.kind_of(a.aval.dtype):
        a, b = convert(a, dtype), convert(b, dtype)
    return a, b, dtype, False


def dot(
    a: Any, b: Any, *, precision: Any = None, preferred_element_type: Any = None, **placement: Any
) -> Value:
    """Sum of products over the last axis of `a` and the last but one of `b`; a scalar multiplies."""
    a, b, dtype, weak = _prepare("dot", a, b, preferred_element_type)
    if not a.ndim or not b.ndim:
        return convert(multiply(a, b), dtype, weak)
    axis = b.ndim - 2 if b.ndim > 1 else 0
    if a.shape[-1] != b.shape[axis]:
        raise shape_error(
            f"dot got incompatible shapes: dimension {a.ndim - 1} of {a.shape} and {axis} of {b.shape} differ"
        )
    return dot_general(a, b, ((a.ndim - 1,), (axis,)), dtype=dtype, weak=weak)


def matmul(
    a: Any, b: Any, *, precision: Any = None, preferred_element_type: Any = None, **placement: Any
) -> Value:
    """Matrix product; leading dimensions are batches and broadcast. A vector is a row on the left, else a column."""
    a, b, dtype, weak = _prepare("matmul", a, b, preferred_element_type)
    n, m = a.ndim, b.ndim
    if not n or not m:
        raise shape_error(
            f"matmul takes arrays of at least one dimension, got {a.aval} and {b.aval}", "use * for scalars"
        )
    inner = m - 2 if m > 1 else 0
    if a.shape[-1] != b.shape[inner]:
        raise shape_error(
            f"matmul got incompatible shapes: {a.shape} and {b.shape}; the last dimension of the first, {a.shape[-1]}, "
            f"and dimension {inner} of the second, {b.shape[inner]}, must be equal"
        )
    if n == 1 or m <= 2:
        return dot_general(a, b, ((n - 1,), (inner,)), dtype=dtype, weak=weak)
    return _batched_matmul(a, b, dtype, weak)


def _batched_matmul(a: Value, b: Value, dtype: np.dtype, weak: bool) -> Value:
    """Where a batch dimension is 1 on one side, the other side's is a free dimension: nothing is repeated."""
    if a.ndim == 2:
        # [n, k] x [..., k, m]: contract, then move the rows to before the columns.
        y = dot_general(a, b, ((1,), (b.ndim - 2,)), dtype=dtype, weak=weak)
        return moveaxis(y, 0, -2)
    shape_a, shape_b = a.shape[:-2], b.shape[:-2]
    batch = broadcast_shape("matmul", [shape_a, shape_b])
    if shape_a != shape_b:
        if math.prod(shape_b) == 1 and len(shape_b) <= len(shape_a):
            return dot_general(a, reshape_to(b, b.shape[-2:]), ((a.ndim - 1,), (0,)), dtype=dtype, weak=weak)
        a, b = broadcast(a, (*batch, *a.shape[-2:])), broadcast(b, (*batch, *b.shape[-2:]))
    dims = tuple(range(len(batch)))
    return dot_general(a, b, ((a.ndim - 1,), (b.ndim - 2,)), (dims, dims), dtype, weak)


def vecdot(
    x1: Any, x2: Any, /, *, axis: int = -1, precision: Any = None, preferred_element_type: Any = None
) -> Value:
    """Sum of products along an axis, the first operand conjugated."""
    a, b, dtype, weak = _prepare("vecdot", x1, x2, preferred_element_type)
    a, b = moveaxis(a, axis, -1), moveaxis(b, axis, -1)
    if a.shape[-1] != b.shape[-1]:
        raise shape_error(f"vecdot: axis {axis} has sizes {a.shape[-1]} and {b.shape[-1]}")
    shape = broadcast_shape("vecdot", [a.shape[:-1], b.shape[:-1]])
    a, b = broadcast(conjugate(a), (*shape, a.shape[-1])), broadcast(b, (*shape, b.shape[-1]))
    dims = tuple(range(len(shape)))
    return dot_general(a, b, ((len(shape),), (len(shape),)), (dims, dims), dtype, weak)


def vdot(a: Any, b: Any, *, precision: Any = None, preferred_element_type: Any = None) -> Value:
    """Sum of products of all elements, the first operand conjugated."""
    a = conjugate(operand("vdot", a))
    return dot(ravel(a), ravel(operand("vdot", b, 1)), preferred_element_type=preferred_element_type)


def inner(a: Any, b: Any, *, precision: Any = None, preferred_element_type: Any = None) -> Value:
    """Sum of products over the last axis of both."""
    a, b, dtype, weak = _prepare("inner", a, b, preferred_element_type)
    if not a.ndim or not b.ndim:
        return convert(multiply(a, b), dtype, weak)
    if a.shape[-1] != b.shape[-1]:
        raise shape_error(
            f"inner got incompatible shapes: the last dimensions of {a.shape} and {b.shape} differ"
        )
    return dot_general(a, b, ((a.ndim - 1,), (b.ndim - 1,)), dtype=dtype, weak=weak)


def outer(a: Any, b: Any, out: None = None) -> Value:
    """Products of all pairs of elements."""
    refuse_out("outer", out)
    (a, b), _ = promote("outer", a, b)
    return multiply(reshape_to(a, (a.size, 1)), reshape_to(b, (1, b.size)))


def tensordot(
    a: Any, b: Any, axes: Any = 2, *, precision: Any = None, preferred_element_type: Any = None
) -> Value:
    """Sum of products over pairs of axes: the last `axes` of `a` and first of `b`, or those given."""
    a, b, dtype, weak = _prepare("tensordot", a, b, preferred_element_type)
    if np.ndim(axes) == 0:
        n = operator.index(axes)
        if n > min(a.ndim, b.ndim):
            raise shape_error(f"tensordot over {n} axes of {a.aval} and {b.aval}, which have fewer")
        contract = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    else:
        left, right = axes
        contract = canonical_axes(left, a.ndim), canonical_axes(right, b.ndim)
    if len(contract[0]) != len(contract[1]) or any(a.shape[i] != b.shape[j] for i, j in zip(*contract)):
        raise shape_error(
            f"tensordot got incompatible shapes: axes {contract[0]} of {a.shape} and {contract[1]} of {b.shape} "
            "have different sizes"
        )
    return dot_general(a, b, contract, dtype=dtype, weak=weak)


def matvec(x1: Any, x2: Any, /) -> Value:
    """Matrices times vectors."""
    x1, x2 = operand("matvec", x1), operand("matvec", x2, 1)
    y = matmul(x1, reshape_to(x2, (*x2.shape, 1)))
    return reshape_to(y, y.shape[:-1])


def vecmat(x1: Any, x2: Any, /) -> Value:
    """Vectors, conjugated, times matrices."""
    x1, x2 = conjugate(operand("vecmat", x1)), operand("vecmat", x2, 1)
    y = matmul(reshape_to(x1, (*x1.shape[:-1], 1, x1.shape[-1])), x2)
    return reshape_to(y, (*y.shape[:-2], y.shape[-1]))


def kron(a: Any, b: Any) -> Value:
    """Kronecker product: `a` with each element replaced by it times `b`."""
    (a, b), _ = promote("kron", a, b)
    ndim = max(a.ndim, b.ndim)
    shape_a, shape_b = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    left = reshape_to(a, tuple(n for pair in zip(shape_a, (1,) * ndim) for n in pair))
    right = reshape_to(b, tuple(n for pair in zip((1,) * ndim, shape_b) for n in pair))
    return reshape_to(multiply(left, right), tuple(n * m for n, m in zip(shape_a, shape_b)))


def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Value:
    """Cross product of vectors of three (or two) components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    (a, b), _ = promote("cross", a, b)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise shape_error(f"cross takes vectors of 2 or 3 components, got {a.shape[-1]} and {b.shape[-1]}")
    planar = a.shape[-1] == b.shape[-1] == 2
    (a0, a1, a2), (b0, b1, b2) = _components(a), _components(b)
    z = subtract(multiply(a0, b1), multiply(a1, b0))
    if planar:
        return z
    if a2 is None:
        x, y = multiply(a1, b2), negative(multiply(a0, b2))
    elif b2 is None:
        x, y = negative(multiply(a2, b1)), multiply(a2, b0)
    else:
        x, y = subtract(multiply(a1, b2), multiply(a2, b1)), subtract(multiply(a2, b0), multiply(a0, b2))
    return moveaxis(stack([x, y, z], -1), -1, axisc)


def _components(x: Value) -> list[Any]:
    parts = unstack(x, axis=-1)
    return [*parts, None] if len(parts) == 2 else list(parts)


def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None
) -> Value:
    """Sum of a diagonal of each matrix."""
    refuse_out("trace", out)
    a = operand("trace", a)
    i, j = canonical_axis(axis1, a.ndim), canonical_axis(axis2, a.ndim)
    if i == j:
        raise shape_error(f"trace takes two different axes, got {axis1} and {axis2}")
    a = permute(a, (*(d for d in range(a.ndim) if d not in (i, j)), i, j))
    diagonal = eye(*a.shape[-2:], k=offset, dtype=bool)
    return sum_(where(diagonal, a, 0), (-2, -1), dtype)
