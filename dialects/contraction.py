"""Contraction: `dot_general`, of which all matrix products and tensor contractions are instances."""

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
from axil.dialects.shape import inverse, transposed, up

Axes = tuple[int, ...]

_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)


def _free(ndim: int, batch: Axes, contract: Axes) -> Axes:
    """Dimensions that are neither batched nor contracted."""
    if not batch and len(contract) == 1:
        k = contract[0]
        return tuple(i for i in range(ndim) if i != k)
    return tuple(i for i in range(ndim) if i not in batch and i not in contract)


# ---- inference -----------------------------------------------------------------------------------------


def _infer(
    lhs: Aval,
    rhs: Aval,
    *,
    lhs_batch: Axes,
    rhs_batch: Axes,
    lhs_contract: Axes,
    rhs_contract: Axes,
    dtype: Any,
) -> Aval:
    a, b = lhs.shape, rhs.shape
    for x, batch, contract in ((lhs, lhs_batch, lhs_contract), (rhs, rhs_batch, rhs_contract)):
        used, ndim = (*batch, *contract), len(x.shape)
        if len(set(used)) != len(used) or any(not 0 <= i < ndim for i in used):
            raise ShapeError(f"'dot_general': batch dimensions {batch} and contracting dimensions {contract} "
                             f"are not distinct dimensions of {x}")  # fmt: skip
    for what, left, right in (("batch", lhs_batch, rhs_batch), ("contracting", lhs_contract, rhs_contract)):
        if len(left) != len(right) or any(a[i] != b[j] for i, j in zip(left, right)):
            sizes = f"{tuple(a[i] for i in left)} and {tuple(b[j] for j in right)}"
            raise ShapeError(
                f"'dot_general': {what} dimensions {left} of {lhs} and {right} of {rhs} differ: sizes {sizes}"
            )
    if lhs.dtype != rhs.dtype:
        raise DtypeError(
            f"'dot_general' takes operands of one dtype, got {lhs} and {rhs}; convert one of them"
        )
    dtype = np.dtype(dtype)
    if dtype != lhs.dtype and not _accumulates(lhs.dtype, dtype):
        raise DtypeError(
            f"'dot_general' of {lhs.dtype} operands cannot give {dtype}; convert the operands or the result"
        )
    kept = [a[i] for i in _free(len(a), lhs_batch, lhs_contract)]
    return aval(
        (*(a[i] for i in lhs_batch), *kept, *(b[j] for j in _free(len(b), rhs_batch, rhs_contract))), dtype
    )


def _accumulates(operand: np.dtype, result: np.dtype) -> bool:
    """Whether products of one dtype may be summed in another: the same kind of number."""
    return any(kind(operand) and kind(result) for kind in (av.is_float, av.is_integer, av.is_complex))


def _flops(
    lhs: Aval, rhs: Aval, *, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes, **attributes: Any
) -> float:
    shared = math.prod(lhs.shape[i] for i in (*lhs_batch, *lhs_contract))
    return 2.0 * lhs.size * rhs.size / shared if shared else 0.0


# ---- reference -----------------------------------------------------------------------------------------


def _reference(
    lhs: np.ndarray, rhs: np.ndarray, *, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes,
    rhs_contract: Axes, dtype: Any,
) -> np.ndarray:  # fmt: skip
    # Half precision accumulates in single; other dtypes in that of the result.
    wide = _FLOAT32 if dtype in _HALF else dtype
    if lhs.dtype != wide:
        lhs, rhs = lhs.astype(wide), rhs.astype(wide)
    with np.errstate(all="ignore"):
        if lhs_batch or lhs.ndim > 2 or rhs.ndim > 2 or len(lhs_contract) != 1:
            y = _by_matmul(lhs, rhs, lhs_batch, rhs_batch, lhs_contract, rhs_contract)
        else:
            y = (lhs if lhs_contract[0] == lhs.ndim - 1 else lhs.T) @ (rhs if rhs_contract[0] == 0 else rhs.T)
        return y if y.dtype == dtype else y.astype(dtype)


def _by_matmul(
    lhs: np.ndarray, rhs: np.ndarray, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes, rhs_contract: Axes
) -> np.ndarray:
    """Contraction as one matrix product, or one a batch element: dimensions of a kind are merged into one."""
    lhs_free = _free(lhs.ndim, lhs_batch, lhs_contract)
    rhs_free = _free(rhs.ndim, rhs_batch, rhs_contract)
    a, b = lhs.shape, rhs.shape
    batch = tuple(a[i] for i in lhs_batch)
    rows, columns = tuple(a[i] for i in lhs_free), tuple(b[i] for i in rhs_free)
    k = math.prod(a[i] for i in lhs_contract)
    x = lhs.transpose(*lhs_batch, *lhs_free, *lhs_contract).reshape(*batch, math.prod(rows), k)
    y = rhs.transpose(*rhs_batch, *rhs_contract, *rhs_free).reshape(*batch, k, math.prod(columns))
    return np.matmul(x, y).reshape(batch + rows + columns)


# ---- derivative ----------------------------------------------------------------------------------------


def _jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    lhs, rhs = xs
    total = None if dxs[0] is None else dot_general(dxs[0], rhs, **attributes)
    return total if dxs[1] is None else add_tangents(total, dot_general(lhs, dxs[1], **attributes))


def _transpose(
    ct: Any, xs: Any, *, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes, rhs_contract: Axes, dtype: Any
) -> tuple:
    lhs, rhs = xs
    left, right = (lhs_batch, lhs_contract), (rhs_batch, rhs_contract)
    batch = len(lhs_batch)
    if is_linear(lhs):
        kept = len(shape_of(lhs)) - batch - len(lhs_contract)
        return _cotangent(ct, rhs, lhs.aval, left, right, tuple(range(batch + kept, len(shape_of(ct))))), None
    kept = len(shape_of(lhs)) - batch - len(lhs_contract)
    return None, _cotangent(ct, lhs, rhs.aval, right, left, tuple(range(batch, batch + kept)))


def _cotangent(ct: Any, other: Any, of: Aval, mine: Any, others: Any, ct_contract: Axes) -> Any:
    """The cotangent of one operand: `ct` contracted with the other operand over the other's free dimensions.

    `ct_contract` are the dimensions of `ct` that came from the other operand. The two can be contracted in
    either order; the one that needs no transpose is taken.
    """
    (my_batch, my_contract), (other_batch, other_contract) = mine, others
    other = other if dtype_of(other) == dtype_of(ct) else ops.convert(other, dtype=dtype_of(ct))
    batch = tuple(range(len(my_batch)))
    my_free = _free(of.ndim, my_batch, my_contract)
    other_free = _free(len(shape_of(other)), other_batch, other_contract)
    # The other's contracted dimensions come out in its own order: find their partners here.
    contracted = tuple(my_contract[other_contract.index(j)] for j in sorted(other_contract))
    dtype = dtype_of(ct)
    swapped = inverse((*my_batch, *contracted, *my_free))
    if swapped == tuple(range(of.ndim)) and my_free:
        result = dot_general(other, ct, lhs_batch=other_batch, rhs_batch=batch, lhs_contract=other_free,
                             rhs_contract=ct_contract, dtype=dtype)  # fmt: skip
    else:
        result = dot_general(ct, other, lhs_batch=batch, rhs_batch=other_batch, lhs_contract=ct_contract,
                             rhs_contract=other_free, dtype=dtype)  # fmt: skip
        result = transposed(result, inverse((*my_batch, *my_free, *contracted)))
    return result if dtype == of.dtype else ops.convert(result, dtype=of.dtype)


# ---- batching ------------------------------------------------------------------------------------------


def _batch(
    size: int, xs: Any, batched: Any, *, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes,
    rhs_contract: Axes, dtype: Any,
) -> Any:  # fmt: skip
    lhs, rhs = xs
    if batched[0]:
        lhs_batch, lhs_contract = up(lhs_batch), up(lhs_contract)
    if batched[1]:
        rhs_batch, rhs_contract = up(rhs_batch), up(rhs_contract)
    if all(batched):
        lhs_batch, rhs_batch = (0, *lhs_batch), (0, *rhs_batch)
    left, right = (lhs, lhs_batch, lhs_contract), (rhs, rhs_batch, rhs_contract)
    if batched[0]:
        y = _dot(left, right, dtype)
        at = 0 if batched[1] else len(lhs_batch)
        order = tuple(range(len(shape_of(y))))
    else:
        # The operand with the batch goes first, so that its leading free dimension leads the result.
        y = _dot(right, left, dtype)
        ndim, at = len(shape_of(y)), len(lhs_batch)
        split = ndim - (len(shape_of(lhs)) - len(lhs_batch) - len(lhs_contract))
        order = (*range(at + 1), *range(split, ndim), *range(at + 1, split))
    return transposed(y, (at, *(i for i in order if i != at)))


def _dot(lhs: Any, rhs: Any, dtype: Any) -> Any:
    (x, lhs_batch, lhs_contract), (y, rhs_batch, rhs_contract) = lhs, rhs
    return dot_general(
        x, y, lhs_batch=lhs_batch, rhs_batch=rhs_batch, lhs_contract=lhs_contract, rhs_contract=rhs_contract,
        dtype=dtype,
    )  # fmt: skip


def _total(
    length: int, xs: Any, *, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes, rhs_contract: Axes, dtype: Any
) -> Any:
    """The sum over stacked products is one product, with one more contracted dimension."""
    (lhs, rhs), left, right = xs, (0, *up(lhs_contract)), (0, *up(rhs_contract))
    if not lhs_batch and left == right == tuple(range(len(left))) and len(left) > 1:  # as one long dimension
        merged = length * math.prod(shape_of(lhs)[1 : len(left)])
        lhs, rhs = (ops.reshape(x, shape=(merged, *shape_of(x)[len(left) :])) for x in (lhs, rhs))
        left = right = (0,)
    return _dot((lhs, up(lhs_batch), left), (rhs, up(rhs_batch), right), dtype)


# ---- lowering ------------------------------------------------------------------------------------------


def _lower(
    values: Any, results: Any, context: Any, *, lhs_batch: Axes, rhs_batch: Axes, lhs_contract: Axes,
    rhs_contract: Axes, dtype: Any,
) -> Any:  # fmt: skip
    from axil.dialects import hlo

    if any(0 in shape_of(v) for v in values):
        return hlo.splat(results[0], 0)  # with data tiling, IREE divides by the size that is 0, and dies
    wide = _accumulator(np.dtype(dtype))
    lhs, rhs = (_lowered_operand(v, wide) for v in values)
    of = hlo.aval_of_type(results[0])
    dims = (lhs_batch, rhs_batch), (lhs_contract, rhs_contract)
    if av.is_complex(wide):
        part = hlo.tensor_type(of.with_dtype(np.dtype(f"f{wide.itemsize // 2}")))
        return _lower_complex(lhs, rhs, lambda a, b: hlo.dot_general(a, b, *dims, part))
    type_ = hlo.tensor_type(of.with_dtype(wide))
    y = hlo.dot_general(lhs, rhs, *dims, type_)
    if av.is_bool(dtype):
        return hlo.compare(y, hlo.splat(type_, 0), "NE")
    return y if wide == dtype else hlo.convert(y, dtype)


def _lower_complex(lhs: Any, rhs: Any, product: Any) -> Any:
    """A complex product as four real ones.

    With data tiling, IREE 3.13 crashes on many complex products (it asks the complex type for its width in bits), and
    does not compile real ones into which operations on complex numbers are fused: hence the barriers.
    """
    from axil.dialects import hlo

    (a, b), (c, d) = ([hlo.barrier(hlo.op(part, x)) for part in ("real", "imag")] for x in (lhs, rhs))
    re = hlo.op("subtract", product(a, c), product(b, d))
    im = hlo.op("add", product(a, d), product(b, c))
    return hlo.op("complex", hlo.barrier(re), hlo.barrier(im))


def _lowered_operand(x: Any, wide: np.dtype) -> Any:
    """An operand as IREE multiplies it right and fast.

    Half precision is converted to single (with data tiling, bf16 products are 40 times slower). IREE 3.13 folds a
    conversion from unsigned integers into the product as if they were signed: a barrier keeps them apart.
    """
    from axil.dialects import hlo

    of = dtype_of(x)
    if of != wide and (of in _HALF or av.is_bool(of) or av.is_unsigned(of)):
        x = hlo.convert(x, wide)
    source = hlo.converted_from(x)
    return hlo.barrier(x) if source is not None and av.is_unsigned(source) or av.is_unsigned(of) else x


def _accumulator(dtype: np.dtype) -> np.dtype:
    """Half precision sums in single; booleans count in 32 bits, as IREE has no matmul of `or` over `and`."""
    if dtype in _HALF:
        return _FLOAT32
    return np.dtype(np.int32) if av.is_bool(dtype) else dtype


def _dims(
    lhs_contract: Axes, rhs_contract: Axes, lhs_batch: Axes = (), rhs_batch: Axes = (), dtype: str = "f4"
) -> dict:
    return {
        "lhs_batch": lhs_batch,
        "rhs_batch": rhs_batch,
        "lhs_contract": lhs_contract,
        "rhs_contract": rhs_contract,
        "dtype": np.dtype(dtype),
    }


dot_general = Op(
    name="dot_general", operands=("lhs", "rhs"), infer=_infer, reference=_reference, jvp=_jvp, linear=(0, 1),
    bilinear=True, jet=taylor.leibniz("dot_general"),
    summary="Sum of products over the contracting dimensions, for each index of the batch dimensions.",
    attributes={"lhs_batch": "ints", "rhs_batch": "ints", "lhs_contract": "ints", "rhs_contract": "ints",
                "dtype": "dtype"},
    transpose=_transpose, batch=_batch, total=_total, lower=_lower, flops=_flops, source="StableHLO `dot_general`",
    samples=(
        sample("f32[3]", "f32[3]", **_dims((0,), (0,))),
        sample("f32[2,3]", "f32[3]", **_dims((1,), (0,))),
        sample("f32[3]", "f32[3,4]", **_dims((0,), (0,))),
        sample("f32[2,3]", "f32[3,4]", **_dims((1,), (0,))),
        sample("f32[3,2]", "f32[4,3]", **_dims((0,), (1,))),
        sample("f32[5,2,3]", "f32[5,3,4]", **_dims((2,), (1,), (0,), (0,))),
        sample("f32[2,5,3]", "f32[3,4,5,2]", **_dims((2,), (0,), (1, 0), (2, 3))),
        sample("f32[2,3,4]", "f32[4,5,3]", **_dims((1, 2), (2, 0))),
        sample("f32[2]", "f32[3]", **_dims((), ())),
        sample("i32[2,3]", "i32[3,4]", grad=False, **_dims((1,), (0,), dtype="i4")),
        sample("bool[2,3]", "bool[3,4]", grad=False, **_dims((1,), (0,), dtype="?")),
        sample("bf16[2,3]", "bf16[3,4]", grad=False, **_dims((1,), (0,))),
    ),
)  # fmt: skip
