"""Scatter ops: windows of an operand set, added to, multiplied, or limited by updates.

The five ops share everything but how an update combines with what is there, so one factory makes them.
Updates whose window is not wholly inside the operand are dropped (mode `drop`) or moved inside (`clip`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from axil.dialects import scatter_rows
from axil.dialects.avals import SMALL_TYPES
from axil.dialects.checks import out_of_bounds
from axil.dialects.errors import AttributeValueError, DifferentiationError
from axil.dialects.factories import (
    OPS,
    Aval,
    DtypeError,
    Op,
    ShapeError,
    all_batched,
    aval_of,
    dtype_of,
    full,
    is_linear,
    ops,
    sample,
    shape_of,
)
from axil.dialects.op import Check, full_like, is_zero, zeros_like_aval
from axil.dialects.reduction import highest, lowest
from axil.dialects.small_types import wide_dtype
from axil.dialects.windows import Windows

SCATTER_MODES = {
    "clip": "move the window inside",
    "drop": "leave the update out",
    "promise": "undefined: the caller promises that there are none",
}
"""What a scatter does with updates whose windows are not wholly inside the operand."""

ATTRIBUTES = {
    "update_window_dims": "ints", "inserted_window_dims": "ints", "operand_batching_dims": "ints",
    "scatter_indices_batching_dims": "ints", "scatter_dims_to_operand_dims": "ints", "mode": "str",
    "unique": "bool", "sorted": "bool",
}  # fmt: skip


@lru_cache
def windows_of(
    operand: tuple[int, ...], updates: tuple[int, ...], *, update_window_dims: tuple[int, ...],
    inserted_window_dims: tuple[int, ...], operand_batching_dims: tuple[int, ...],
    scatter_indices_batching_dims: tuple[int, ...], scatter_dims_to_operand_dims: tuple[int, ...], **_: Any,
) -> Windows:  # fmt: skip
    """The windows that a scatter writes; their sizes are those of the updates' window dimensions."""
    inserted = {*inserted_window_dims, *operand_batching_dims}
    sizes = iter([updates[d] if d < len(updates) else 0 for d in update_window_dims])
    return Windows(
        update_window_dims, inserted_window_dims, operand_batching_dims, scatter_indices_batching_dims,
        scatter_dims_to_operand_dims,
        tuple(1 if d in inserted else next(sizes, 0) for d in range(len(operand))),
    )  # fmt: skip


# ---- what the ops share --------------------------------------------------------------------------------


def _infer(name: str) -> Callable[..., Aval]:
    def infer(operand: Aval, indices: Aval, updates: Aval, **attributes: Any) -> Aval:
        if attributes["mode"] not in SCATTER_MODES:
            raise AttributeValueError(f"'{name}': mode is one of {', '.join(SCATTER_MODES)}")
        if updates.dtype != operand.dtype:
            raise DtypeError(f"'{name}' cannot write {updates} into {operand}; convert one of them")
        windows = windows_of(operand.shape, updates.shape, **attributes)
        windows.check(name, operand, indices)
        expected = windows.result_shape(indices.shape)
        if updates.shape != expected:
            raise ShapeError(
                f"'{name}' takes updates of shape {expected} for {operand} and {indices}, got {updates}"
            )
        return operand

    return infer


def _reference(write: Callable[..., None], combine: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """`write(result, places, updates)` writes all updates in turn, `combine(old, new, out)` a single one."""

    def reference(
        operand: np.ndarray, indices: np.ndarray, updates: np.ndarray, **attributes: Any
    ) -> np.ndarray:
        windows = windows_of(operand.shape, updates.shape, **attributes)
        result = operand.copy()
        if not updates.size:
            return result
        only = windows.only(operand.shape, indices)
        if only is not None:
            if only[1] or attributes["mode"] != "drop":
                part = result[only[0]]
                combine(part, updates.reshape(part.shape), part)
            return result
        places, inside = windows.locate(operand.shape, indices)
        updates = np.moveaxis(updates, windows.offset_dims, range(inside.ndim, updates.ndim))
        if attributes["mode"] == "drop" and not inside.all():
            places = tuple(np.broadcast_to(p, updates.shape)[inside] for p in places)
            updates = updates[inside]
        with np.errstate(all="ignore"):
            write(result, places, updates)
        return result

    return reference


def _batch(name: str) -> Callable[..., Any]:
    def batch(size: int, xs: Any, batched: Any, **attributes: Any) -> Any:
        operand, updates = all_batched(size, (xs[0], xs[2]), (batched[0], batched[2]))
        windows = windows_of(shape_of(operand)[1:], shape_of(updates)[1:], **attributes)
        windows = windows.batch_both() if batched[1] else windows.batch_operand(size)
        changed = windows.scatter_attributes(attributes["mode"], attributes["unique"], attributes["sorted"])
        return OPS[name](operand, xs[1], updates, **changed)

    return batch


def _read_back(x: Any, xs: Any, attributes: dict) -> Any:
    """Gather from `x` what stands where the updates were written; zero for updates that were dropped."""
    windows = windows_of(shape_of(xs[0]), shape_of(xs[2]), **attributes)
    mode = "zero" if attributes["mode"] == "drop" else attributes["mode"]
    return ops.gather(x, xs[1], **windows.gather_attributes(mode))


def _bounds(name: str) -> Callable[..., Check | None]:
    def check(xs: Any, **attributes: Any) -> Check | None:
        windows, shape = windows_of(shape_of(xs[0]), shape_of(xs[2]), **attributes), shape_of(xs[0])
        return out_of_bounds(name, xs[1], windows.limits(shape), windows.index_map, shape)

    return check


def _lower(combine: str, neutral: Callable[[np.dtype], Any] | None) -> Callable[..., Any]:
    def lower(values: Any, results: Any, context: Any, **attributes: Any) -> Any:
        operand, indices, updates = values
        windows = windows_of(shape_of(operand), shape_of(updates), **attributes)
        mode, unique = attributes["mode"], attributes["unique"]
        return scatter_rows.scatter(operand, indices, updates, windows, mode, unique, combine, neutral)

    return lower


# ---- derivatives ---------------------------------------------------------------------------------------


def _distinct(xs: Any, attributes: dict) -> bool:
    """True if no two updates can write one element: promised, or one index vector a batch element."""
    batch = shape_of(xs[1])[:-1]
    along = attributes["scatter_indices_batching_dims"]
    return attributes["unique"] or math.prod(n for d, n in enumerate(batch) if d not in along) <= 1


def _or_zero(t: Any, x: Any) -> Any:
    return zeros_like_aval(aval_of(x)) if t is None else t


def _add_jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    if dxs[0] is None and dxs[2] is None:
        return None
    if dxs[2] is None:
        return dxs[0]
    return ops.scatter_add(_or_zero(dxs[0], xs[0]), xs[1], dxs[2], **attributes)


def _add_transpose(ct: Any, xs: Any, **attributes: Any) -> tuple:
    of_updates = _read_back(ct, xs, attributes) if is_linear(xs[2]) else None
    return ct if is_linear(xs[0]) else None, None, of_updates


def _add_accumulate(total: Any, xs: Any, **attributes: Any) -> Any:
    """What is added to zeros is added to the total instead."""
    return ops.scatter_add(total, xs[1], xs[2], **attributes) if is_zero(xs[0]) else None


def _set_jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    operand, _, updates = dxs
    if operand is None and updates is None:
        return None
    operand = _or_zero(operand, xs[0])
    if updates is None or _distinct(xs, attributes):
        return ops.scatter_set(operand, xs[1], _or_zero(updates, xs[2]), **attributes)
    # Where updates collide one of them wins, and only its tangent counts.
    overwritten = ops.scatter_set(operand, xs[1], full_like(xs[2], 0), **attributes)
    updates = ops.select(_winners(xs, attributes), updates, full_like(updates, 0))
    return ops.scatter_add(overwritten, xs[1], updates, **attributes)


def _winners(xs: Any, attributes: dict) -> Any:
    """Which updates a `scatter_set` keeps: number them, scatter the numbers, read them back."""
    batch, shape = shape_of(xs[1])[:-1], shape_of(xs[2])
    number = ops.reshape(ops.iota(shape=(math.prod(batch),), axis=0, dtype=np.dtype(np.int32)), shape=batch)
    dims = tuple(d for d in range(len(shape)) if d not in attributes["update_window_dims"])
    number = ops.broadcast_in_dim(number, shape=shape, dims=dims)
    written = ops.scatter_set(full(shape_of(xs[0]), -1, np.int32), xs[1], number, **attributes)
    return ops.eq(number, _read_back(written, xs, attributes))


def _set_transpose(ct: Any, xs: Any, **attributes: Any) -> tuple:
    operand, indices, updates = xs
    of_operand = of_updates = None
    if is_linear(operand):
        zero = full(shape_of(updates), 0, dtype_of(ct))
        of_operand = ops.scatter_set(ct, indices, zero, **attributes)
    if is_linear(updates):
        of_updates = _read_back(ct, xs, attributes)
        if not _distinct(xs, attributes):
            of_updates = ops.select(_winners(xs, attributes), of_updates, full_like(of_updates, 0))
    return of_operand, None, of_updates


def _mul_jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    operand, _, updates = dxs
    total = None if operand is None else ops.scatter_mul(operand, xs[1], xs[2], **attributes)
    if updates is None:
        return total
    if not _distinct(xs, attributes):
        raise DifferentiationError(
            "'scatter_mul' has a derivative in its updates only where indices are distinct: "
            "pass unique_indices=True"
        )
    placed = ops.scatter_add(full_like(xs[0], 0), xs[1], updates, **attributes)
    term = ops.mul(xs[0], placed)
    return term if total is None else ops.add(total, term)


def _extremum_jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    """The mean of the tangents of all that reached the extremum, the operand among them, as in JAX."""
    operand, indices, updates = dxs
    if operand is None and updates is None:
        return None
    dtype = dtype_of(y)
    kept = ops.convert(ops.eq(xs[0], y), dtype=dtype)
    reached = ops.convert(ops.eq(xs[2], _read_back(y, xs, attributes)), dtype=dtype)
    count = ops.scatter_add(kept, xs[1], reached, **attributes)
    total = full_like(y, 0) if operand is None else ops.mul(operand, kept)
    if updates is not None:
        total = ops.scatter_add(total, xs[1], ops.mul(updates, reached), **attributes)
    return ops.div(total, count)


# ---- the ops -------------------------------------------------------------------------------------------


def _ufunc_at(ufunc: Any) -> tuple[Callable[..., None], Callable[..., Any]]:
    def write(result: np.ndarray, places: tuple[np.ndarray, ...], updates: np.ndarray) -> None:
        if result.dtype in SMALL_TYPES:  # as compiled programs compute
            total = result.astype(wide_dtype(result.dtype))
            write(total, places, updates.astype(total.dtype))
            result[...] = total.astype(result.dtype)
        elif places:
            ufunc.at(result, places, updates)
        else:
            result[()] = ufunc.reduce(updates.reshape(-1), initial=result[()])

    return write, _quiet(ufunc)


def _quiet(ufunc: Any) -> Callable[..., Any]:
    def combine(old: np.ndarray, new: np.ndarray, out: np.ndarray) -> None:
        with np.errstate(all="ignore"):
            ufunc(old, new, out=out)

    return combine


def _replace(old: np.ndarray, new: np.ndarray, out: np.ndarray) -> None:
    out[...] = new


def _assign(result: np.ndarray, places: tuple[np.ndarray, ...], updates: np.ndarray) -> None:
    result[places] = updates if places else updates.reshape(-1)[-1]


def _sample(*operands: str, domain: Any = None, grad: bool = True, **more: Any) -> Any:
    attributes = {name: () for name, kind in ATTRIBUTES.items() if kind == "ints"}
    attributes |= {"mode": "drop", "unique": False, "sorted": False}
    return sample(*operands, domain=domain, grad=grad, **attributes | more)


_ROWS: dict[str, Any] = dict(update_window_dims=(1,), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))
_POINTS: dict[str, Any] = dict(inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))
_BATCHED: dict[str, Any] = dict(
    inserted_window_dims=(1,), operand_batching_dims=(0,), scatter_indices_batching_dims=(0,),
    scatter_dims_to_operand_dims=(1,),
)  # fmt: skip
_PARTIAL: dict[str, Any] = dict(update_window_dims=(0, 2), scatter_dims_to_operand_dims=(1,))
_ONE = (
    _sample("f32[5,3]", "i32[1,1]", "f32[1,3]", **_ROWS), _sample("f32[4]", "i32[1]", "f32[]", **_POINTS),
    _sample("f32[3,4]", "i32[3,1,1]", "f32[3,1]", mode="clip", **_BATCHED),
    _sample("i32[4]", "i32[3,1]", "i32[3]", grad=False, **_POINTS),
)  # fmt: skip
_MANY = (
    _sample("f32[5,3]", "i32[4,1]", "f32[4,3]", **_ROWS), _sample("f32[4]", "i32[6,1]", "f32[6]", **_POINTS),
    _sample("f32[3,4]", "i32[3,2,1]", "f32[3,2]", mode="clip", **_BATCHED),
    _sample("f32[3,4]", "i32[2,1]", "f32[3,2,2]", mode="clip", **_PARTIAL),
)  # fmt: skip


def _scatter(
    name: str,
    summary: str,
    write: tuple[Callable[..., None], Callable[..., Any]],
    combine: str,
    jvp: Callable[..., Any],
    samples: tuple,
    neutral: Callable[[np.dtype], Any] | None,
    **more: Any,
) -> Op:
    return Op(
        name=name, summary=summary, operands=("operand", "indices", "updates"), attributes=ATTRIBUTES,
        infer=_infer(name), reference=_reference(*write), jvp=jvp, batch=_batch(name),
        lower=_lower(combine, neutral), checks={"index": _bounds(name)}, samples=samples, source="https://openxla.org/stablehlo/spec#scatter",
        **more,
    )  # fmt: skip


scatter_set = _scatter(
    "scatter_set", "The operand with windows replaced by updates; of colliding ones the last wins.",
    (_assign, _replace), "set", _set_jvp, (*_ONE, *_MANY), None, linear=(0, 2), transpose=_set_transpose,
    makes_nan=False,
)  # fmt: skip
scatter_add = _scatter(
    "scatter_add", "The operand with updates added to its windows.", _ufunc_at(np.add), "add", _add_jvp,
    (*_ONE, *_MANY), lambda dtype: 0, linear=(0, 2), transpose=_add_transpose, accumulate=_add_accumulate,
)  # fmt: skip
scatter_mul = _scatter(
    "scatter_mul", "The operand with its windows multiplied by updates.", _ufunc_at(np.multiply), "mul",
    _mul_jvp, _ONE, lambda dtype: 1, linear=(0,),
    transpose=lambda ct, xs, **attributes: (scatter_mul(ct, xs[1], xs[2], **attributes), None, None),
)  # fmt: skip
scatter_min = _scatter(
    "scatter_min", "The operand with its windows limited from above by updates.", _ufunc_at(np.minimum),
    "min", _extremum_jvp, (*_ONE, *_MANY), highest, makes_nan=False,
)  # fmt: skip
scatter_max = _scatter(
    "scatter_max", "The operand with its windows limited from below by updates.", _ufunc_at(np.maximum),
    "max", _extremum_jvp, (*_ONE, *_MANY), lowest, makes_nan=False,
)  # fmt: skip
