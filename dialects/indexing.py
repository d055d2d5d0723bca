"""Indexing ops: gather, dynamic_slice and dynamic_update_slice.

Dimension numbers are StableHLO's (and JAX's), with the index vectors always in the last dimension of
`indices`: `windows.py` has what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.checks import out_of_bounds
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    ShapeError,
    broadcast_batch,
    dtype_of,
    full,
    is_linear,
    ops,
    sample,
    shape_of,
)
from axil.dialects.op import Check, is_zero, reads_a_part, writes_a_part, zeros_like_aval
from axil.dialects.windows import Windows, clamp_indices, inside_mask

GATHER_MODES = {
    "clip": "move the window inside",
    "fill": "give NaN, the least integer, the largest unsigned one, or True",
    "zero": "give zeros (the derivative of `fill`)",
    "promise": "undefined: the caller promises that there are none",
}
"""What a gather does with windows that are not wholly inside the operand."""

DIMENSION_NUMBERS = {
    "offset_dims": "ints", "collapsed_slice_dims": "ints", "operand_batching_dims": "ints",
    "start_indices_batching_dims": "ints", "start_index_map": "ints", "slice_sizes": "ints",
}  # fmt: skip


def fill_value(dtype: Any) -> Any:
    """What a gather of mode `fill` gives out of bounds: NaN, or what integers have instead."""
    dtype = np.dtype(dtype)
    if av.is_inexact(dtype):
        return np.asarray(np.nan).astype(dtype)
    if av.is_bool(dtype):
        return np.asarray(True)
    if dtype.name in ("int4", "uint4"):
        return np.asarray(-8 if dtype.name == "int4" else 15).astype(dtype)
    info = np.iinfo(dtype)
    return np.asarray(info.max if av.is_unsigned(dtype) else info.min, dtype)


# ---- gather --------------------------------------------------------------------------------------------


@lru_cache
def _windows(
    *, offset_dims: tuple[int, ...], collapsed_slice_dims: tuple[int, ...], operand_batching_dims: tuple[int,
    ...], start_indices_batching_dims: tuple[int, ...], start_index_map: tuple[int, ...],
    slice_sizes: tuple[int, ...],
) -> Windows:  # fmt: skip
    return Windows(
        offset_dims, collapsed_slice_dims, operand_batching_dims, start_indices_batching_dims,
        start_index_map, slice_sizes,
    )  # fmt: skip


def _gather_infer(operand: Aval, indices: Aval, *, mode: str, **numbers: Any) -> Aval:
    if mode not in GATHER_MODES:
        raise AttributeValueError(f"'gather': mode is one of {', '.join(GATHER_MODES)}, got '{mode}'")
    windows = _windows(**numbers)
    windows.check("gather", operand, indices)
    return operand.with_shape(windows.result_shape(indices.shape))


def _gather_reference(operand: np.ndarray, indices: np.ndarray, *, mode: str, **numbers: Any) -> np.ndarray:
    windows = _windows(**numbers)
    only = windows.only(operand.shape, indices)
    if only is not None and (only[1] or mode in ("clip", "promise")):
        return operand[only[0]].reshape(windows.result_shape(indices.shape))
    places, inside = windows.locate(operand.shape, indices)
    batch, ndim = inside.ndim, inside.ndim + len(windows.offset_dims)
    if not operand.size:
        found = np.zeros(inside.shape + tuple(windows.sizes[d] for d in windows.window_dims), operand.dtype)
    else:
        found = np.asarray(operand[places])
        found = found.reshape(inside.shape + found.shape[found.ndim - (ndim - batch) :])
    if mode in ("fill", "zero") and not inside.all():
        outside = fill_value(operand.dtype) if mode == "fill" else np.zeros((), operand.dtype)
        found = np.where(inside.reshape(inside.shape + (1,) * (ndim - batch)), found, outside)
    return np.moveaxis(found, range(batch, ndim), windows.offset_dims)


def _gather_jvp(y: Any, xs: Any, dxs: Any, *, mode: str, **numbers: Any) -> Any:
    if dxs[0] is None:
        return None
    return gather(dxs[0], xs[1], mode="zero" if mode == "fill" else mode, **numbers)


def _gather_transpose(ct: Any, xs: Any, *, mode: str, **numbers: Any) -> tuple:
    of = xs[0].aval
    scatter_mode = "drop" if mode in ("fill", "zero") else mode
    attributes = _windows(**numbers).scatter_attributes(scatter_mode, unique=False)
    return ops.scatter_add(full(of.shape, 0, of.dtype), xs[1], ct, **attributes), None


def _gather_batch(size: int, xs: Any, batched: Any, *, mode: str, **numbers: Any) -> Any:
    windows = _windows(**numbers)
    if not batched[1]:
        windows = windows.batch_operand(size)
    elif batched[0]:
        windows = windows.batch_both()
    else:
        windows = windows.batch_indices()
    return gather(*xs, **windows.gather_attributes(mode))


def _gather_lower(values: Any, results: Any, context: Any, *, mode: str, **numbers: Any) -> Any:
    from axil.dialects import hlo
    from axil.dialects.mlir import aval_of_type

    operand, indices = values
    windows, of = _windows(**numbers), aval_of_type(results[0])
    batch_dims = [d for d in range(of.ndim) if d not in windows.offset_dims]
    if not of.size:
        return hlo.splat(results[0], 0)
    if not windows.index_map:
        return _gather_without_indices(operand, windows, of.shape, batch_dims)
    limits = windows.limits(shape_of(operand))
    # IREE's gather does not clamp, as StableHLO's should: it reads whatever is there.
    starts = indices if mode == "promise" else clamp_indices(indices, limits)
    found = hlo.gather(
        operand, starts, results[0], offset_dims=windows.offset_dims, collapsed=windows.collapsed,
        batching=windows.batching, index_batching=windows.index_batching, index_map=windows.index_map,
        sizes=windows.sizes,
    )  # fmt: skip
    if mode not in ("fill", "zero"):
        return found
    inside = hlo.broadcast(inside_mask(indices, limits), of.shape, batch_dims)
    outside = hlo.splat(results[0], fill_value(of.dtype) if mode == "fill" else 0)
    return hlo.select(inside, found, outside)


def _gather_without_indices(
    operand: Any, windows: Windows, shape: tuple[int, ...], batch_dims: list[int]
) -> Any:
    """Index vectors of no components: every window starts at the origin."""
    from axil.dialects import hlo

    origin = [0] * len(windows.sizes)
    limits = [n if d in windows.batching else windows.sizes[d] for d, n in enumerate(shape_of(operand))]
    window = hlo.slice_(operand, origin, limits) if origin else operand
    places = dict(zip(windows.window_dims, windows.offset_dims))
    places |= {d: batch_dims[i] for d, i in zip(windows.batching, windows.index_batching)}
    kept = sorted(places)
    return hlo.broadcast(hlo.reshape(window, [limits[d] for d in kept]), shape, [places[d] for d in kept])


def _gather_bounds(xs: Any, *, mode: str, **numbers: Any) -> Check | None:
    windows, shape = _windows(**numbers), shape_of(xs[0])
    return out_of_bounds("gather", xs[1], windows.limits(shape), windows.index_map, shape)


def _index(**more: Any) -> dict[str, Any]:
    """Attributes of a sample: dimension numbers that are not given are empty."""
    return {name: () for name in DIMENSION_NUMBERS} | {"mode": "clip"} | more


gather = Op(
    name="gather", moves=True, summary="Windows of the operand that start at index vectors, one a window.",
    operands=("operand", "indices"), attributes={**DIMENSION_NUMBERS, "mode": "str"}, infer=_gather_infer,
    reference=_gather_reference, jvp=_gather_jvp, linear=(0,), transpose=_gather_transpose,
    batch=_gather_batch, lower=_gather_lower, traffic=reads_a_part, source="https://openxla.org/stablehlo/spec#gather",
    samples=(
        sample("f32[5,3]", "i32[2,1]", **_index(
            offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,), slice_sizes=(1, 3))),
        sample("f32[3,4]", "i32[2,2,2]", **_index(
            collapsed_slice_dims=(0, 1), start_index_map=(1, 0), slice_sizes=(1, 1))),
        sample("f32[4,5]", "i64[3,1]", **_index(
            offset_dims=(0, 2), start_index_map=(1,), slice_sizes=(2, 3))),
        sample("f32[2,4]", "i32[2,3,1]", domain=(0, 3), **_index(
            collapsed_slice_dims=(1,), operand_batching_dims=(0,), start_indices_batching_dims=(0,),
            start_index_map=(1,), slice_sizes=(1, 1), mode="promise")),
        sample("f32[3]", "i32[4,1]", **_index(
            collapsed_slice_dims=(0,), start_index_map=(0,), slice_sizes=(1,), mode="zero")),
        sample("f32[3]", "i32[4,1]", grad=False, **_index(
            collapsed_slice_dims=(0,), start_index_map=(0,), slice_sizes=(1,), mode="fill")),
        sample("i32[3]", "i32[4,1]", grad=False, **_index(
            collapsed_slice_dims=(0,), start_index_map=(0,), slice_sizes=(1,), mode="fill")),
        sample("f32[3,2]", "i32[2,0]", **_index(
            offset_dims=(1,), collapsed_slice_dims=(0,), slice_sizes=(1, 2))),
    ), makes_nan=False,
    checks={"index": _gather_bounds},
)  # fmt: skip


def _start_bounds(name: str, operand: Any, starts: Any, sizes: Sequence[int]) -> Check | None:
    """That a slice of given sizes is inside an array."""
    shape = shape_of(operand)
    limits = [n - size for n, size in zip(shape, sizes)]
    return out_of_bounds(name, starts, limits, range(len(shape)), shape) if shape else None


# ---- dynamic_slice -------------------------------------------------------------------------------------


def _check_starts(name: str, operand: Aval, starts: Aval, sizes: tuple[int, ...]) -> None:
    if starts.shape != (operand.ndim,) or not av.is_integer(starts.dtype):
        raise ShapeError(
            f"'{name}' takes one integer start a dimension: {operand} needs i32[{operand.ndim}], got {starts}"
        )
    if len(sizes) != operand.ndim or any(not 0 <= size <= n for size, n in zip(sizes, operand.shape)):
        raise ShapeError(f"'{name}': a slice of sizes {sizes} does not fit {operand}")


def _dynamic_slice_infer(operand: Aval, starts: Aval, *, sizes: tuple[int, ...]) -> Aval:
    _check_starts("dynamic_slice", operand, starts, sizes)
    return operand.with_shape(sizes)


def _slices(shape: Sequence[int], starts: np.ndarray, sizes: Sequence[int]) -> tuple[slice, ...]:
    """NumPy's slices, each start limited so that the slice fits."""
    clamped = (min(max(int(i), 0), n - size) for n, i, size in zip(shape, starts, sizes))
    return tuple(slice(i, i + size) for i, size in zip(clamped, sizes))


def _dynamic_slice_batch(size: int, xs: Any, batched: Any, *, sizes: tuple[int, ...]) -> Any:
    operand, starts = xs
    if not batched[1]:
        return dynamic_slice(operand, _prepend_zero(starts), sizes=(size, *sizes))
    ndim = len(sizes)
    windows = Windows(tuple(range(ndim)), (), (), (), tuple(range(ndim)), tuple(sizes))
    windows = windows.batch_both() if batched[0] else windows.batch_indices()
    return gather(operand, starts, **windows.gather_attributes("clip"))


def _prepend_zero(starts: Any) -> Any:
    return ops.pad(starts, full((), 0, dtype_of(starts)), low=(1,), high=(0,), interior=(0,))


def _scalar_starts(starts: Any) -> list:
    """Emit the components of a vector of starts, as scalars."""
    from axil.dialects import hlo

    if dtype_of(starts).itemsize < 4:
        starts = hlo.convert(starts, np.int32)
    (n,) = shape_of(starts)
    return [hlo.reshape(hlo.slice_(starts, [i], [i + 1]), ()) for i in range(n)]


def _dynamic_slice_lower(values: Any, results: Any, context: Any, *, sizes: tuple[int, ...]) -> Any:
    from axil.dialects import hlo

    return hlo.dynamic_slice(values[0], _scalar_starts(values[1]), sizes) if sizes else values[0]


dynamic_slice = Op(
    name="dynamic_slice", moves=True,
    summary="A slice whose start is computed; it is moved inside where it would stick out.",
    operands=("operand", "starts"), attributes={"sizes": "ints"}, infer=_dynamic_slice_infer,
    reference=lambda x, starts, *, sizes: x[_slices(x.shape, starts, sizes)], jvp=lambda y, xs, dxs, *,
    sizes: None if dxs[0] is None else dynamic_slice(dxs[0], xs[1], sizes=sizes), linear=(0,),
    batch=_dynamic_slice_batch, lower=_dynamic_slice_lower, traffic=reads_a_part, transpose=lambda ct, xs, *,
    sizes: (dynamic_update_slice(zeros_like_aval(xs[0].aval), ct, xs[1]), None), samples=(
        sample("f32[5]", "i32[1]", sizes=(2,)), sample("f32[3,4]", "i32[2]", sizes=(2, 3)),
        sample("i32[4,2]", "i64[2]", sizes=(3, 2), grad=False),
    ), makes_nan=False,
    checks={"index": lambda xs, *, sizes: _start_bounds("dynamic_slice", xs[0], xs[1], sizes)},
)  # fmt: skip


# ---- dynamic_update_slice ------------------------------------------------------------------------------


def _update_infer(operand: Aval, update: Aval, starts: Aval) -> Aval:
    if update.dtype != operand.dtype:
        raise DtypeError(f"'dynamic_update_slice' cannot write {update} into {operand}; convert one of them")
    _check_starts("dynamic_update_slice", operand, starts, update.shape)
    return operand


def _update_reference(operand: np.ndarray, update: np.ndarray, starts: np.ndarray) -> np.ndarray:
    result = operand.copy()
    result[_slices(operand.shape, starts, update.shape)] = update
    return result


def _update_jvp(y: Any, xs: Any, dxs: Any) -> Any:
    operand, update, _ = dxs
    if operand is None and update is None:
        return None
    operand = zeros_like_aval(av.aval_of(xs[0])) if operand is None else operand
    update = zeros_like_aval(av.aval_of(xs[1])) if update is None else update
    return dynamic_update_slice(operand, update, xs[2])


def _update_transpose(ct: Any, xs: Any) -> tuple:
    operand, update, starts = xs
    of_operand = of_update = None
    if is_linear(operand):
        of_operand = dynamic_update_slice(ct, full(shape_of(update), 0, dtype_of(ct)), starts)
    if is_linear(update):
        of_update = dynamic_slice(ct, starts, sizes=update.shape)
    return of_operand, of_update, None


def _update_batch(size: int, xs: Any, batched: Any) -> Any:
    operand, update = (x if b else broadcast_batch(x, size) for x, b in zip(xs[:2], batched))
    starts = xs[2]
    if not batched[2]:
        return dynamic_update_slice(operand, update, _prepend_zero(starts))
    sizes = shape_of(update)[1:]
    dims = tuple(range(len(sizes)))
    windows = Windows(dims, (), (), (), dims, sizes).batch_both()
    return ops.scatter_set(operand, starts, update, **windows.scatter_attributes("clip", unique=True))


def _update_accumulate(total: Any, xs: Any) -> Any:
    """What is written over zeros is added to the total's slice."""
    operand, update, starts = xs
    if not is_zero(operand):
        return None
    return dynamic_update_slice(total, ops.add(dynamic_slice(total, starts, sizes=shape_of(update)), update), starts)


def _update_lower(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import hlo

    operand, update, starts = values
    if not shape_of(operand):
        return update
    if context.platform == "vulkan":
        update = hlo.barrier(update)  # IREE 3.13 cannot compile an update that is a slice of the operand for it
    return hlo.dynamic_update_slice(operand, update, _scalar_starts(starts))


dynamic_update_slice = Op(
    name="dynamic_update_slice", moves=True, operands=("operand", "update", "starts"), infer=_update_infer,
    summary="The operand with a slice replaced, whose start is computed and moved so that the update fits.",
    reference=_update_reference, jvp=_update_jvp, linear=(0, 1), transpose=_update_transpose,
    batch=_update_batch, accumulate=_update_accumulate, lower=_update_lower, traffic=writes_a_part,
    samples=(sample("f32[5]", "f32[2]", "i32[1]"), sample("f32[3,4]", "f32[2,3]", "i32[2]")),
    makes_nan=False,
    checks={"index": lambda xs: _start_bounds("dynamic_update_slice", xs[0], xs[2], shape_of(xs[1]))},
)  # fmt: skip
