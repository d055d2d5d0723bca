"""The indexing engine: what `x[index]` and `x.at[index]` mean, and how it is computed.

An index has two parts. Its integers, slices and `None` select a *region*, by slicing. Its arrays then pick elements
of the region, by `gather`, or update them, by `scatter`; what was updated is written back into the region's place.
So static indices never become gathers, and gathers have whole windows.

Indices out of bounds are moved inside on reading and ignored on writing, as in JAX; `mode=` chooses otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects import indexing as ix
from axil.dialects import shape as s
from axil.dialects.indexing import Windows
from axil.numpy.index import Index, batch_position, parse, window, with_new_dims
from axil.numpy.logic import bitwise_and, greater_equal, less, less_equal, pick
from axil.numpy.shaping import flip, join
from axil.numpy.ufuncs import add
from axil.numpy.values import (
    Array,
    Tracer,
    Value,
    aval,
    bind,
    broadcast,
    broadcast_shape,
    convert,
    filled,
    index_error,
    make_array,
    reshape_to,
    shape_error,
    state,
)

_MODES = {
    "clip": "clip", "fill": "fill", "drop": "fill", "fill_or_drop": "fill", "promise_in_bounds": "promise",
    "promise": "promise", "wrap": "clip",
}  # fmt: skip


def gather_mode(mode: Any) -> str:
    """`clip`, `fill` or `promise`, from any of JAX's names; None is `clip`."""
    if mode is None:
        return "clip"
    name = str(getattr(mode, "name", mode)).lower()
    if name not in _MODES or name == "wrap":
        raise shape_error(
            f"unknown indexing mode {mode!r}; there are 'clip', 'fill' (or 'drop'), and 'promise_in_bounds'"
        )
    return _MODES[name]


# ---- regions -------------------------------------------------------------------------------------------


def read_region(x: Value, index: Index) -> Value:
    """The region of `x`: sliced, reversed where the step is negative, without dimensions that have an integer."""
    if index.full:
        return x
    windows = [window(sl) for sl in index.slices]
    # IREE cannot compile a reversal after a slice with a stride: there the reversal comes first.
    early = [d for d, (_, _, step) in enumerate(windows) if step < -1]
    result = flip(x, early) if early else x
    for d in early:
        (start, limit, step), n = windows[d], x.aval.shape[d]
        windows[d] = (n - limit, n - start, -step)
    starts, limits = tuple(start for start, _, _ in windows), tuple(limit for _, limit, _ in windows)
    strides = tuple(abs(step) for _, _, step in windows)
    if any(starts) or limits != x.aval.shape or any(n != 1 for n in strides):
        result = bind(s.slice_, result, starts=starts, limits=limits, strides=strides, weak=x.weak_type)
    result = reshape_to(result, index.region_shape)
    slices = [sl for sl in index.slices if type(sl) is slice]
    late = [i for i, sl in enumerate(slices) if sl.step == -1]
    return flip(result, late) if late else result


def _reversed_dims(index: Index) -> list[int]:
    """Dimensions of the region whose slice has a negative step."""
    slices = [sl for sl in index.slices if type(sl) is slice]
    return [i for i, sl in enumerate(slices) if sl.step < 0]


def write_region(x: Value, index: Index, y: Value) -> Value:
    """`x` with its region replaced by `y`, which has the region's shape and the dtype of `x`."""
    if index.full:
        return y
    windows = [window(sl) for sl in index.slices]
    reverse = _reversed_dims(index)
    if reverse:
        y = flip(y, reverse)
    y = reshape_to(y, tuple(-(-(limit - start) // abs(step)) for start, limit, step in windows))
    if 0 in y.aval.shape:
        return x
    if all(abs(step) == 1 for _, _, step in windows):
        starts = make_array(
            np.asarray([start for start, _, _ in windows], np.int32), aval((x.ndim,), np.int32)
        )
        return bind(ix.dynamic_update_slice, x, y, starts, weak=x.weak_type)
    # With a stride the elements in between stay: spread out the new ones, and choose by a mask of the same form.
    low, high, interior = [], [], []
    for (start, _, step), n, size in zip(windows, x.aval.shape, y.aval.shape):
        step = abs(step)
        low.append(start)
        interior.append(step - 1)
        high.append(n - start - (size - 1) * step - 1)
    spread: dict[str, Any] = dict(low=tuple(low), high=tuple(high), interior=tuple(interior))
    new = bind(s.pad, y, filled(np.zeros((), x.aval.dtype), ()), **spread)
    mask = bind(s.pad, filled(np.asarray(True), y.aval.shape), filled(np.asarray(False), ()), **spread)
    return convert(pick(mask, new, x), x.aval.dtype, x.weak_type)


# ---- picking within a region ---------------------------------------------------------------------------


@dataclass
class Picking:
    """How index arrays pick windows of a region: the numbers of a gather, and the index vectors."""

    windows: Windows
    indices: Value  # [batch..., one component an indexed dimension], negative ones counted from the end
    shape: tuple[int, ...]  # of the result, before new dimensions

    def inside(self, shape: tuple[int, ...]) -> Value:
        """Which index vectors are in bounds, as a mask of the result's shape."""
        ok = None
        columns = self.indices.aval.shape[-1]
        batch = self.indices.aval.shape[:-1]
        for k in range(columns):
            starts = (0,) * len(batch) + (k,)
            column = bind(
                s.slice_, self.indices, starts=starts, limits=(*batch, k + 1), strides=(1,) * len(starts)
            )
            column = reshape_to(column, batch)
            this = bitwise_and(
                greater_equal(column, 0), less_equal(column, shape[self.windows.index_map[k]] - 1)
            )
            ok = this if ok is None else bitwise_and(ok, this)
        dims = tuple(d for d in range(len(self.shape)) if d not in self.windows.offset_dims)
        return bind(s.broadcast_in_dim, ok, shape=self.shape, dims=dims)


def picking(index: Index, shape: tuple[int, ...]) -> Picking:
    """How the index arrays pick from a region of `shape`."""
    # Dimensions of the array that are still in the region, by their place in it.
    kept = [d for d, sl in enumerate(index.slices) if type(sl) is slice]
    place = {d: i for i, d in enumerate(kept)}
    arrays = [index.arrays[d] for d in kept if d in index.arrays]
    indexed = tuple(place[d] for d in kept if d in index.arrays)
    batch = broadcast_shape("indexing", [a.shape for a in arrays])
    indices = _index_vectors(arrays, [shape[i] for i in indexed], batch)
    before = batch_position(index)
    window = [i for i in range(len(shape)) if i not in indexed]
    first = sum(1 for i in window if kept[i] in before)
    offset = tuple(i if i < first else i + len(batch) for i in range(len(window)))
    sizes = tuple(1 if i in indexed else n for i, n in enumerate(shape))
    windows = Windows(offset, indexed, (), (), indexed, sizes)
    return Picking(windows, indices, windows.result_shape((*batch, len(indexed))))


def _index_vectors(arrays: Sequence[Any], sizes: Sequence[int], batch: tuple[int, ...]) -> Value:
    """Index arrays side by side, negative entries counted from the end."""
    wide = any(a.dtype.itemsize > 4 and type(a) is Tracer for a in arrays) or any(
        n > 2**31 - 1 for n in sizes
    )
    dtype = np.dtype(np.int64 if wide else np.int32)
    known = [a for a in arrays if isinstance(a, np.ndarray)]
    if len(known) == len(arrays):
        columns = [np.broadcast_to(_wrapped(k, n), batch) for k, n in zip(known, sizes)]
        stacked = np.stack(columns, -1)
        return make_array(stacked.astype(dtype), aval(stacked.shape, dtype))
    parts = []
    for a, n in zip(arrays, sizes):
        if isinstance(a, np.ndarray):
            value = _wrapped(a, n).astype(dtype)
            part = make_array(value, aval(value.shape, dtype))
        else:
            part = convert(a, dtype)
            if a.dtype.kind == "i":
                part = pick(less(part, 0), add(part, n), part)
        part = broadcast(part, batch)
        parts.append(reshape_to(part, (*batch, 1)))
    return join(parts, len(batch))


def _wrapped(a: np.ndarray, n: int) -> np.ndarray:
    """Negative indices counted from the end; those that are out of bounds stay so, within 32 bits."""
    a = a.astype(np.int64)
    return np.clip(np.where(a < 0, a + n, a), -(2**31), 2**31 - 1)


# ---- reading -------------------------------------------------------------------------------------------


def getitem(x: Value, index: Any) -> Value:
    """`x[index]`."""
    if type(x) is Array and state.trace is None:
        if type(index) is int and x.aval.shape:
            shape = x.aval.shape
            n = shape[0]
            if -n <= index < n:  # the rest is for the general path
                return make_array(x._numpy[index], aval(shape[1:], x.aval.dtype), x.weak_type)
        elif type(index) is slice:
            return _read_at_once(x, parse(index, x.aval.shape))
    return get(x, index)


def get(x: Value, index: Any, mode: Any = None, fill_value: Any = None) -> Value:
    """`x.at[index].get(mode=..., fill_value=...)`."""
    mode = gather_mode(mode)
    parsed = parse(index, x.aval.shape)
    if parsed.outside and mode == "fill":
        parsed = parse(index, x.aval.shape, integers_as_arrays=True)  # filled in like any other
    if state.trace is None and type(x) is Array and not parsed.arrays:
        return _read_at_once(x, parsed)
    if parsed.booleans:
        x = reshape_to(x, parsed.shape)
    region = read_region(x, parsed)
    if not parsed.arrays:
        return reshape_to(region, with_new_dims(parsed, region.aval.shape))
    result = _pick(region, parsed, mode, fill_value)
    return reshape_to(result, with_new_dims(parsed, result.aval.shape))


def _read_at_once(x: Array, parsed: Index) -> Array:
    """Static indices of a concrete array are NumPy's own; a view of what is never written to is safe."""
    entries = tuple(None if d is None else _numpy_slice(parsed.slices[d]) for d in parsed.layout)
    value = x._numpy[entries]
    return make_array(value, aval(value.shape, x.aval.dtype), x.weak_type)


def _numpy_slice(sl: Any) -> Any:
    return slice(sl.start, None, sl.step) if type(sl) is slice and sl.stop < 0 else sl


def _pick(region: Value, parsed: Index, mode: str, fill_value: Any) -> Value:
    shape = region.aval.shape
    how = picking(parsed, shape)
    if 0 in how.shape or 0 in shape:
        if 0 not in how.shape and mode != "fill":
            raise index_error(f"cannot pick elements of an empty array of shape {shape}")
        return filled(np.zeros((), region.aval.dtype), how.shape, region.weak_type)
    custom = fill_value if mode == "fill" else None
    result = bind(
        ix.gather, region, how.indices, weak=region.weak_type,
        **how.windows.gather_attributes(mode if custom is None else "clip"),
    )  # fmt: skip
    if custom is not None:
        if np.ndim(custom):
            raise shape_error("the fill_value of get() must be a scalar")
        result = pick(how.inside(shape), result, convert(custom, region.aval.dtype, region.weak_type))
    return result
