"""Indexing ops: gather, dynamic_slice and dynamic_update_slice.

Dimension numbers are StableHLO's (and JAX's), with the index vectors always in the last dimension of `indices`.
`Windows` holds what gather and the scatters of `scatter.py` share: how each index vector picks a window of the
operand, which windows are in bounds, and how the numbers change under batching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from axil.dialects import avals as av
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
from axil.dialects.op import zeros_like_aval

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


# ---- windows -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Windows:
    """How index vectors pick windows of an operand.

    Fields are gather's attributes; a scatter has the same ones under other names, its `sizes` being those of
    its updates' window dimensions.
    """

    offset_dims: tuple[int, ...]  # where the window's dimensions are in a gather's result or scatter's updates
    collapsed: tuple[int, ...]  # operand dimensions of window size 1 that the result leaves out
    batching: tuple[int, ...]  # operand dimensions that go along with a dimension of the indices
    index_batching: tuple[int, ...]  # those dimensions of the indices
    index_map: tuple[int, ...]  # operand dimension that each component of an index vector indexes
    sizes: tuple[int, ...]  # window size in each operand dimension

    @property
    def window_dims(self) -> list[int]:
        """Operand dimensions that appear in the result."""
        return [d for d in range(len(self.sizes)) if d not in self.collapsed and d not in self.batching]

    def limits(self, shape: Sequence[int]) -> list[int]:
        """The largest start of a window that fits, for each component of an index vector."""
        return [shape[d] - self.sizes[d] for d in self.index_map]

    def result_shape(self, indices: Sequence[int]) -> tuple[int, ...]:
        """Shape of a gather's result, of a scatter's updates."""
        window = iter([self.sizes[d] for d in self.window_dims])
        batch = iter(indices[:-1])
        ndim = len(self.offset_dims) + len(indices) - 1
        return tuple(next(window) if d in self.offset_dims else next(batch) for d in range(ndim))

    def gather_attributes(self, mode: str) -> dict[str, Any]:
        """Attributes of the gather that reads these windows."""
        return dict(
            offset_dims=self.offset_dims, collapsed_slice_dims=self.collapsed, operand_batching_dims=self.batching,
            start_indices_batching_dims=self.index_batching, start_index_map=self.index_map,
            slice_sizes=self.sizes, mode=mode,
        )  # fmt: skip

    def scatter_attributes(self, mode: str, unique: bool, is_sorted: bool = False) -> dict[str, Any]:
        """Attributes of the scatter that writes these windows."""
        return dict(
            update_window_dims=self.offset_dims, inserted_window_dims=self.collapsed,
            operand_batching_dims=self.batching, scatter_indices_batching_dims=self.index_batching,
            scatter_dims_to_operand_dims=self.index_map, mode=mode, unique=unique, sorted=is_sorted,
        )  # fmt: skip

    def check(self, name: str, operand: Aval, indices: Aval) -> None:
        """Raise an error for users if the numbers contradict each other or the operands."""
        if not indices.ndim or not av.is_integer(indices.dtype):
            raise DtypeError(f"'{name}' takes an integer array of index vectors, got {indices}")
        if indices.shape[-1] != len(self.index_map):
            raise ShapeError(
                f"'{name}': index vectors have {indices.shape[-1]} components (last dimension of {indices}), "
                f"the index map {self.index_map} has {len(self.index_map)}"
            )
        if len(self.sizes) != operand.ndim:
            raise ShapeError(f"'{name}': window sizes {self.sizes} do not fit {operand}, one a dimension is needed")
        for d, (size, n) in enumerate(zip(self.sizes, operand.shape)):
            if not 0 <= size <= n:
                raise ShapeError(f"'{name}': window of size {size} does not fit dimension {d} of {operand}")
        for d in (*self.collapsed, *self.batching):
            if self.sizes[d : d + 1] != (1,):
                raise ShapeError(f"'{name}': dimension {d} is collapsed or batched, its window size must be 1")
        for dims in ((*self.collapsed, *self.batching), (*self.index_map, *self.batching)):
            if len(set(dims)) != len(dims) or any(not 0 <= d < operand.ndim for d in dims):
                raise ShapeError(f"'{name}': dimensions {dims} repeat or are out of range for {operand}")
        self._check_result_dims(name, operand, indices)

    def _check_result_dims(self, name: str, operand: Aval, indices: Aval) -> None:
        ndim = len(self.offset_dims) + indices.ndim - 1
        if list(self.offset_dims) != sorted(set(self.offset_dims)) or any(not 0 <= d < ndim for d in self.offset_dims):
            raise ShapeError(f"'{name}': window dimensions {self.offset_dims} must ascend and be below {ndim}")
        if len(self.offset_dims) != len(self.window_dims):
            raise ShapeError(
                f"'{name}': {len(self.offset_dims)} window dimensions {self.offset_dims}, but windows of {operand} "
                f"have {len(self.window_dims)}"
            )
        pairs = list(zip(self.batching, self.index_batching))
        if len(self.batching) != len(self.index_batching) or any(
            not 0 <= i < indices.ndim - 1 or operand.shape[d] != indices.shape[i] for d, i in pairs
        ):
            raise ShapeError(
                f"'{name}': batching dimensions {self.batching} of {operand} and {self.index_batching} of {indices} "
                "do not correspond"
            )

    # ---- batching: a new leading dimension ----

    def batch_operand(self, size: int) -> Windows:
        """The operand has a batch dimension and the indices have none: it is part of every window."""
        return replace(
            self._shifted(), offset_dims=(0, *_up(self.offset_dims)), sizes=(size, *self.sizes),
            index_batching=self.index_batching,
        )  # fmt: skip

    def batch_indices(self) -> Windows:
        """The indices have a batch dimension and the operand has none."""
        return replace(self, offset_dims=_up(self.offset_dims), index_batching=_up(self.index_batching))

    def batch_both(self) -> Windows:
        """Operand and indices have a batch dimension: they go along with each other."""
        return replace(
            self._shifted(), batching=(0, *_up(self.batching)), index_batching=(0, *_up(self.index_batching)),
            sizes=(1, *self.sizes),
        )  # fmt: skip

    def _shifted(self) -> Windows:
        return replace(
            self, offset_dims=_up(self.offset_dims), collapsed=_up(self.collapsed), batching=_up(self.batching),
            index_map=_up(self.index_map),
        )  # fmt: skip

    # ---- NumPy ----

    def locate(self, shape: Sequence[int], indices: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Index arrays that select the windows, of shape [batch..., window...], and which windows are in bounds."""
        columns = [indices[..., k].astype(np.int64) for k in range(indices.shape[-1])]
        limits = self.limits(shape)
        inside = np.ones(indices.shape[:-1], bool)
        for column, limit in zip(columns, limits):
            inside &= (column >= 0) & (column <= limit)
        starts: dict[int, np.ndarray] = {
            d: np.minimum(np.maximum(column, 0), limit) for d, column, limit in zip(self.index_map, columns, limits)
        }
        for d, i in zip(self.batching, self.index_batching):
            starts[d] = _along(np.arange(shape[d]), i, inside.ndim)
        windows = self.window_dims
        places = []
        for d, size in enumerate(self.sizes):
            place = starts.get(d, _ZERO)
            place = place.reshape(place.shape + (1,) * len(windows)) if place.ndim else place
            if d in windows:
                place = place + _along(np.arange(size), windows.index(d), len(windows))
            places.append(place)
        # NumPy broadcasts the index arrays; together they must have every dimension of the batch.
        if places and not self.index_map:
            places[0] = places[0] + np.zeros(inside.shape + (1,) * len(windows), np.int64)
        return tuple(places), inside

    def plain(self, shape: Sequence[int]) -> bool:
        """True for `x[i, j, ...]` of leading dimensions, the common case, in which NumPy needs no index arrays."""
        k = len(self.index_map)
        return (
            self.index_map == tuple(range(k)) == self.collapsed
            and self.sizes[k:] == tuple(shape[k:])
            and not self.batching
        )


_ZERO = np.zeros((), np.int64)


def _up(dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(d + 1 for d in dims)


def _along(x: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    return x.reshape([-1 if d == axis else 1 for d in range(ndim)])


def fill_value(dtype: Any) -> Any:
    """What a gather of mode `fill` gives where an index is out of bounds: NaN, or what integers have instead."""
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


def _windows(
    *, offset_dims: tuple[int, ...], collapsed_slice_dims: tuple[int, ...], operand_batching_dims: tuple[int, ...],
    start_indices_batching_dims: tuple[int, ...], start_index_map: tuple[int, ...], slice_sizes: tuple[int, ...],
) -> Windows:  # fmt: skip
    return Windows(
        offset_dims, collapsed_slice_dims, operand_batching_dims, start_indices_batching_dims, start_index_map,
        slice_sizes,
    )  # fmt: skip


def _gather_infer(operand: Aval, indices: Aval, *, mode: str, **numbers: Any) -> Aval:
    if mode not in GATHER_MODES:
        raise AttributeValueError(f"'gather': mode is one of {', '.join(GATHER_MODES)}, got '{mode}'")
    windows = _windows(**numbers)
    windows.check("gather", operand, indices)
    return operand.with_shape(windows.result_shape(indices.shape))


def _gather_reference(operand: np.ndarray, indices: np.ndarray, *, mode: str, **numbers: Any) -> np.ndarray:
    windows = _windows(**numbers)
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


def clamp_indices(indices: Any, limits: Sequence[int]) -> Any:
    """Emit index vectors limited to `0..limits`, as i32 where that holds them."""
    from axil.dialects import hlo

    of = dtype_of(indices)
    largest = max(limits, default=0)
    wide = np.dtype("int64") if largest > np.iinfo(np.int32).max else np.dtype("int32")
    if of.itemsize < 4:
        indices, of = hlo.convert(indices, wide), wide
    bound = hlo.constant(np.minimum(np.asarray(limits, np.int64), np.iinfo(of).max).astype(of))
    shape = shape_of(indices)
    high = hlo.broadcast(bound, shape, (len(shape) - 1,))
    clamped = hlo.op("clamp", hlo.splat(high.type, 0), indices, high)
    return clamped if of == wide else hlo.convert(clamped, wide)


def inside_mask(indices: Any, limits: Sequence[int]) -> Any:
    """Emit which index vectors lie in `0..limits`: a boolean for each."""
    from axil.dialects import hlo

    of = dtype_of(indices)
    if of.itemsize < 4:
        of = np.dtype("int32")
        indices = hlo.convert(indices, of)
    shape = shape_of(indices)
    bound = hlo.constant(np.minimum(np.asarray(limits, np.int64), np.iinfo(of).max).astype(of))
    high = hlo.broadcast(bound, shape, (len(shape) - 1,))
    low = hlo.compare(indices, hlo.splat(high.type, 0), "GE")
    both = hlo.op("and", low, hlo.compare(indices, high, "LE"))
    if len(limits) == 1:
        return hlo.reshape(both, shape[:-1])
    true = hlo.constant(np.asarray(True))
    return hlo.reduce([both], [true], [len(shape) - 1], lambda a, b: hlo.op("and", a, b))[0]


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


def _gather_without_indices(operand: Any, windows: Windows, shape: tuple[int, ...], batch_dims: list[int]) -> Any:
    """Index vectors of no components: every window starts at the origin."""
    from axil.dialects import hlo

    origin = [0] * len(windows.sizes)
    limits = [n if d in windows.batching else windows.sizes[d] for d, n in enumerate(shape_of(operand))]
    window = hlo.slice_(operand, origin, limits) if origin else operand
    places = dict(zip(windows.window_dims, windows.offset_dims))
    places |= {d: batch_dims[i] for d, i in zip(windows.batching, windows.index_batching)}
    kept = sorted(places)
    return hlo.broadcast(hlo.reshape(window, [limits[d] for d in kept]), shape, [places[d] for d in kept])


def _index(**more: Any) -> dict[str, Any]:
    """Attributes of a sample: dimension numbers that are not given are empty."""
    return {name: () for name in DIMENSION_NUMBERS} | {"mode": "clip"} | more


gather = Op(
    name="gather", summary="Windows of the operand that start at index vectors, one a window.",
    operands=("operand", "indices"), attributes={**DIMENSION_NUMBERS, "mode": "str"}, infer=_gather_infer,
    reference=_gather_reference, jvp=_gather_jvp, linear=(0,), transpose=_gather_transpose, batch=_gather_batch,
    lower=_gather_lower, source="https://openxla.org/stablehlo/spec#gather",
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
    ),
)  # fmt: skip


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
    name="dynamic_slice", summary="A slice whose start is computed; it is moved inside where it would stick out.",
    operands=("operand", "starts"), attributes={"sizes": "ints"}, infer=_dynamic_slice_infer,
    reference=lambda x, starts, *, sizes: x[_slices(x.shape, starts, sizes)],
    jvp=lambda y, xs, dxs, *, sizes: None if dxs[0] is None else dynamic_slice(dxs[0], xs[1], sizes=sizes),
    linear=(0,), batch=_dynamic_slice_batch, lower=_dynamic_slice_lower,
    transpose=lambda ct, xs, *, sizes: (dynamic_update_slice(zeros_like_aval(xs[0].aval), ct, xs[1]), None),
    samples=(
        sample("f32[5]", "i32[1]", sizes=(2,)), sample("f32[3,4]", "i32[2]", sizes=(2, 3)),
        sample("i32[4,2]", "i64[2]", sizes=(3, 2), grad=False),
    ),
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


def _update_lower(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import hlo

    operand, update, starts = values
    if not shape_of(operand):
        return update
    return hlo.dynamic_update_slice(operand, update, _scalar_starts(starts))


dynamic_update_slice = Op(
    name="dynamic_update_slice", operands=("operand", "update", "starts"), infer=_update_infer,
    summary="The operand with a slice replaced, whose start is computed and moved so that the update fits.",
    reference=_update_reference, jvp=_update_jvp, linear=(0, 1), transpose=_update_transpose, batch=_update_batch,
    lower=_update_lower,
    samples=(sample("f32[5]", "f32[2]", "i32[1]"), sample("f32[3,4]", "f32[2,3]", "i32[2]")),
)  # fmt: skip
