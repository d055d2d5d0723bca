"""Scatter ops: windows of an operand set, added to, multiplied, or limited by updates.

The five ops share everything but how an update combines with what is there, so one factory makes them. Updates
whose window is not wholly inside the operand are dropped (mode `drop`) or moved inside (`clip`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.errors import AttributeValueError, DifferentiationError
from axil.dialects.factories import (
    Aval,
    OPS,
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
from axil.dialects.indexing import Windows, clamp_indices, inside_mask
from axil.dialects.op import full_like, zeros_like_aval
from axil.dialects.reduction import highest, lowest

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
            raise ShapeError(f"'{name}' takes updates of shape {expected} for {operand} and {indices}, got {updates}")
        return operand

    return infer


def _reference(write: Callable[..., None]) -> Callable[..., np.ndarray]:
    def reference(operand: np.ndarray, indices: np.ndarray, updates: np.ndarray, **attributes: Any) -> np.ndarray:
        windows = windows_of(operand.shape, updates.shape, **attributes)
        result = operand.copy()
        if not updates.size:
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
    mode = {"drop": "zero"}.get(attributes["mode"], attributes["mode"])
    return ops.gather(x, xs[1], **windows.gather_attributes(mode))


# ---- lowering ------------------------------------------------------------------------------------------
#
# IREE's scatter crashes on indices out of bounds and refuses some window layouts. So every scatter becomes one
# of rows: operand [rows, columns], one row number an update. Dimensions that windows span are the columns; all
# others, and all window dimensions that are spanned in part, are flattened to row numbers.


@dataclass(frozen=True)
class _Rows:
    """How a scatter becomes a scatter of rows."""

    windows: Windows
    shape: tuple[int, ...]  # of the operand
    batch: tuple[int, ...]  # of the indices

    @property
    def spanned(self) -> list[int]:
        """Operand dimensions that windows cover."""
        return [d for d in self.windows.window_dims if self.windows.sizes[d] == self.shape[d]]

    @property
    def partial(self) -> list[int]:
        """Operand dimensions that windows cover in part."""
        return [d for d in self.windows.window_dims if self.windows.sizes[d] != self.shape[d]]

    @property
    def indexed(self) -> list[int]:
        """Operand dimensions that make up the row number."""
        return [d for d in range(len(self.shape)) if d not in self.spanned]

    @property
    def order(self) -> list[int]:
        """Permutation of the operand that brings row dimensions to the front."""
        return [*self.indexed, *self.spanned]

    @property
    def count(self) -> int:
        """Number of rows."""
        return math.prod(self.shape[d] for d in self.indexed)

    @property
    def columns(self) -> tuple[int, ...]:
        """Size of a row; empty where rows are single elements."""
        return (math.prod(self.shape[d] for d in self.spanned),) if self.spanned else ()

    @property
    def update_shape(self) -> tuple[int, ...]:
        """Shape of the row numbers: the batch of the indices, then the partly spanned dimensions."""
        return (*self.batch, *(self.windows.sizes[d] for d in self.partial))

    def operand(self, x: Any) -> Any:
        """Emit the operand as rows."""
        from axil.dialects import hlo

        moved = x if self.order == sorted(self.order) else hlo.transpose(x, self.order)
        return hlo.reshape(moved, (self.count, *self.columns))

    def restore(self, x: Any) -> Any:
        """Emit the operand's own shape from rows."""
        from axil.dialects import hlo

        x = hlo.reshape(x, [self.shape[d] for d in self.order])
        return x if self.order == sorted(self.order) else hlo.transpose(x, np.argsort(self.order).tolist())

    def updates(self, u: Any) -> Any:
        """Emit the updates as rows."""
        from axil.dialects import hlo

        offsets = self.windows.offset_dims
        batch = [d for d in range(len(shape_of(u))) if d not in offsets]
        place = dict(zip(self.windows.window_dims, offsets))
        order = [*batch, *(place[d] for d in self.partial), *(place[d] for d in self.spanned)]
        moved = u if order == sorted(order) else hlo.transpose(u, order)
        return hlo.reshape(moved, (math.prod(self.update_shape), *self.columns))

    def numbers(self, starts: Any) -> Any:
        """Emit the row number of each update row, from index vectors that are in bounds."""
        from axil.dialects import hlo

        dtype = np.dtype(np.int64 if self.count > np.iinfo(np.int32).max else np.int32)
        shape, total, stride = self.update_shape, None, 1
        for d in reversed(self.indexed):
            for term in self._terms(d, starts, shape, dtype):
                scaled = hlo.op("multiply", term, hlo.splat(term.type, stride)) if stride != 1 else term
                total = scaled if total is None else hlo.op("add", total, scaled)
            stride *= self.shape[d]
        if total is None:
            return hlo.broadcast(hlo.constant(0, dtype), (math.prod(shape),), ())
        return hlo.reshape(total, (math.prod(shape),))

    def _terms(self, d: int, starts: Any, shape: tuple[int, ...], dtype: np.dtype) -> list:
        """What makes up the coordinate in operand dimension `d`: start, batch number, place in the window."""
        from axil.dialects import hlo

        n = len(self.batch)
        terms = []
        if d in self.windows.index_map:
            k = self.windows.index_map.index(d)
            column = hlo.slice_(starts, [0] * n + [k], [*self.batch, k + 1])
            column = hlo.convert(hlo.reshape(column, self.batch), dtype)
            terms.append(hlo.broadcast(column, shape, range(n)))
        if d in self.windows.batching:
            at = self.windows.index_batching[self.windows.batching.index(d)]
            terms.append(hlo.iota(shape, dtype, at))
        if d in self.partial:
            terms.append(hlo.iota(shape, dtype, n + self.partial.index(d)))
        return terms


def _lower(combine: str, neutral: Callable[[np.dtype], Any] | None) -> Callable[..., Any]:
    def lower(values: Any, results: Any, context: Any, **attributes: Any) -> Any:
        operand, indices, updates = values
        windows = windows_of(shape_of(operand), shape_of(updates), **attributes)
        if not aval_of(updates).size:
            return operand
        mode = attributes["mode"] if windows.index_map else "promise"
        rows = _Rows(windows, shape_of(operand), shape_of(indices)[:-1])
        limits = windows.limits(rows.shape)
        starts = indices if mode == "promise" else clamp_indices(indices, limits)
        numbers, x, u = rows.numbers(starts), rows.operand(operand), rows.updates(updates)
        if mode != "drop":
            return rows.restore(_scatter_rows(x, numbers, u, combine, attributes["unique"]))
        keep = _keep(rows, inside_mask(indices, limits))
        if neutral is not None:
            # Left-out updates are made harmless, and go where the clamped index says.
            u = _mask(keep, u, neutral(dtype_of(u)))
            return rows.restore(_scatter_rows(x, numbers, u, combine, False))
        return rows.restore(_set_or_drop(x, numbers, u, keep))

    return lower


def _keep(rows: _Rows, inside: Any) -> Any:
    """Emit which update rows to keep, from which windows are inside."""
    from axil.dialects import hlo

    shape = rows.update_shape
    return hlo.reshape(hlo.broadcast(inside, shape, range(len(rows.batch))), (math.prod(shape),))


def _mask(keep: Any, u: Any, otherwise: Any) -> Any:
    from axil.dialects import hlo

    return hlo.select(hlo.broadcast(keep, shape_of(u), (0,)), u, hlo.splat(u.type, otherwise))


def _scatter_rows(x: Any, numbers: Any, u: Any, combine: str, unique: bool) -> Any:
    """Emit the scatter; a single row is read, combined and written as a slice, which costs less."""
    from axil.dialects import hlo

    region = _region(combine, dtype_of(x))
    if shape_of(numbers) != (1,):
        return hlo.scatter_rows(x, numbers, u, region, unique)
    starts = [hlo.reshape(numbers, ()), *(hlo.constant(0, dtype_of(numbers)) for _ in shape_of(x)[1:])]
    if combine != "set":
        u = region(hlo.dynamic_slice(x, starts, shape_of(u)), u)
    return hlo.dynamic_update_slice(x, u, starts)


def _set_or_drop(x: Any, numbers: Any, u: Any, keep: Any) -> Any:
    """`set` has no neutral update: left-out ones go to an extra row, which is then cut off."""
    from axil.dialects import hlo

    shape = shape_of(x)
    if shape_of(numbers) == (1,):
        starts = [hlo.reshape(numbers, ()), *(hlo.constant(0, dtype_of(numbers)) for _ in shape[1:])]
        keep = hlo.broadcast(keep, shape_of(u), (0,))
        u = hlo.select(keep, u, hlo.dynamic_slice(x, starts, shape_of(u)))
        return hlo.dynamic_update_slice(x, u, starts)
    none = [0] * len(shape)
    padded = hlo.pad(x, hlo.constant(0, dtype_of(x)), none, [1, *none[1:]], none)
    numbers = hlo.select(keep, numbers, hlo.splat(numbers.type, shape[0]))
    return hlo.slice_(_scatter_rows(padded, numbers, u, "set", False), none, shape)


def _region(combine: str, dtype: np.dtype) -> Callable[[Any, Any], Any]:
    """The scatter's region: combines an old element and an update."""
    from axil.dialects import hlo

    names = {"add": "add", "mul": "multiply", "min": "minimum", "max": "maximum"}
    if av.is_bool(dtype):
        # IREE adds booleans modulo 2 inside a scatter.
        names = {"add": "or", "mul": "and", "min": "and", "max": "or"}
    return (lambda old, new: new) if combine == "set" else (lambda old, new: hlo.op(names[combine], old, new))


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
    """Which updates are in the result of a `scatter_set`: number them, scatter the numbers, read them back."""
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
            "'scatter_mul' has a derivative in its updates only where indices are distinct: pass unique_indices=True"
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


def _ufunc_at(ufunc: Any) -> Callable[..., None]:
    def write(result: np.ndarray, places: tuple[np.ndarray, ...], updates: np.ndarray) -> None:
        if places:
            ufunc.at(result, places, updates)
        else:
            result[()] = ufunc.reduce(updates.reshape(-1), initial=result[()])

    return write


def _assign(result: np.ndarray, places: tuple[np.ndarray, ...], updates: np.ndarray) -> None:
    result[places] = updates if places else updates.reshape(-1)[-1]


def _sample(*operands: str, domain: Any = None, grad: bool = True, **more: Any) -> Any:
    attributes = {name: () for name, kind in ATTRIBUTES.items() if kind == "ints"}
    attributes |= {"mode": "drop", "unique": False, "sorted": False}
    return sample(*operands, domain=domain, grad=grad, **attributes | more)


_ROWS = dict(update_window_dims=(1,), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))
_POINTS = dict(inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))
_BATCHED = dict(
    inserted_window_dims=(1,), operand_batching_dims=(0,), scatter_indices_batching_dims=(0,),
    scatter_dims_to_operand_dims=(1,),
)  # fmt: skip
_PARTIAL = dict(update_window_dims=(0, 2), scatter_dims_to_operand_dims=(1,))
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
    write: Callable[..., None],
    combine: str,
    jvp: Callable[..., Any],
    samples: tuple,
    neutral: Callable[[np.dtype], Any] | None,
    **more: Any,
) -> Op:
    return Op(
        name=name, summary=summary, operands=("operand", "indices", "updates"), attributes=ATTRIBUTES,
        infer=_infer(name), reference=_reference(write), jvp=jvp, batch=_batch(name),
        lower=_lower(combine, neutral), samples=samples, source="https://openxla.org/stablehlo/spec#scatter", **more,
    )  # fmt: skip


scatter_set = _scatter(
    "scatter_set", "The operand with windows replaced by updates; of colliding ones the last wins.", _assign, "set",
    _set_jvp, (*_ONE, *_MANY), None, linear=(0, 2), transpose=_set_transpose,
)  # fmt: skip
scatter_add = _scatter(
    "scatter_add", "The operand with updates added to its windows.", _ufunc_at(np.add), "add", _add_jvp,
    (*_ONE, *_MANY), lambda dtype: 0, linear=(0, 2), transpose=_add_transpose,
)  # fmt: skip
scatter_mul = _scatter(
    "scatter_mul", "The operand with its windows multiplied by updates.", _ufunc_at(np.multiply), "mul", _mul_jvp,
    _ONE, lambda dtype: 1, linear=(0,),
    transpose=lambda ct, xs, **attributes: (scatter_mul(ct, xs[1], xs[2], **attributes), None, None),
)  # fmt: skip
scatter_min = _scatter(
    "scatter_min", "The operand with its windows limited from above by updates.", _ufunc_at(np.minimum), "min",
    _extremum_jvp, (*_ONE, *_MANY), highest,
)  # fmt: skip
scatter_max = _scatter(
    "scatter_max", "The operand with its windows limited from below by updates.", _ufunc_at(np.maximum), "max",
    _extremum_jvp, (*_ONE, *_MANY), lowest,
)  # fmt: skip
