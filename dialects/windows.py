"""Windows: how index vectors pick parts of an operand, which gather and the scatters share.

Dimension numbers are StableHLO's (and JAX's), with the index vectors always in the last dimension of the
indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.factories import Aval, DtypeError, ShapeError, dtype_of, shape_of


@dataclass(frozen=True)
class Windows:
    """How index vectors pick windows of an operand.

    Fields are gather's attributes; a scatter has the same ones under other names, its `sizes` being those of
    its updates' window dimensions.
    """

    offset_dims: tuple[
        int, ...
    ]  # where the window's dimensions are in a gather's result or scatter's updates
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
            offset_dims=self.offset_dims, collapsed_slice_dims=self.collapsed,
            operand_batching_dims=self.batching, start_indices_batching_dims=self.index_batching,
            start_index_map=self.index_map, slice_sizes=self.sizes, mode=mode,
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
            raise ShapeError(
                f"'{name}': window sizes {self.sizes} do not fit {operand}, one a dimension is needed"
            )
        for d, (size, n) in enumerate(zip(self.sizes, operand.shape)):
            if not 0 <= size <= n:
                raise ShapeError(f"'{name}': window of size {size} does not fit dimension {d} of {operand}")
        for d in (*self.collapsed, *self.batching):
            if self.sizes[d : d + 1] != (1,):
                raise ShapeError(
                    f"'{name}': dimension {d} is collapsed or batched, its window size must be 1"
                )
        for dims in ((*self.collapsed, *self.batching), (*self.index_map, *self.batching)):
            if len(set(dims)) != len(dims) or any(not 0 <= d < operand.ndim for d in dims):
                raise ShapeError(f"'{name}': dimensions {dims} repeat or are out of range for {operand}")
        self._check_result_dims(name, operand, indices)

    def _check_result_dims(self, name: str, operand: Aval, indices: Aval) -> None:
        ndim = len(self.offset_dims) + indices.ndim - 1
        if list(self.offset_dims) != sorted(set(self.offset_dims)) or any(
            not 0 <= d < ndim for d in self.offset_dims
        ):
            raise ShapeError(
                f"'{name}': window dimensions {self.offset_dims} must ascend and be below {ndim}"
            )
        if len(self.offset_dims) != len(self.window_dims):
            raise ShapeError(
                f"'{name}': {len(self.offset_dims)} window dimensions {self.offset_dims}, "
                f"but windows of {operand} have {len(self.window_dims)}"
            )
        pairs = list(zip(self.batching, self.index_batching))
        if len(self.batching) != len(self.index_batching) or any(
            not 0 <= i < indices.ndim - 1 or operand.shape[d] != indices.shape[i] for d, i in pairs
        ):
            raise ShapeError(
                f"'{name}': batching dimensions {self.batching} of {operand} and {self.index_batching} "
                f"of {indices} do not correspond"
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
            self, offset_dims=_up(self.offset_dims), collapsed=_up(self.collapsed),
            batching=_up(self.batching), index_map=_up(self.index_map),
        )  # fmt: skip

    # ---- NumPy ----

    def only(self, shape: Sequence[int], indices: np.ndarray) -> tuple[tuple[slice, ...], bool] | None:
        """The one window that there is, as slices, and whether it is in bounds; `None` if there are more.

        Eager `x[i]` and `x.at[i].set(y)` come here: slices cost a tenth of what index arrays do.
        """
        if self.batching or any(n != 1 for n in indices.shape[:-1]):
            return None
        starts = dict(zip(self.index_map, indices.reshape(-1).tolist()))
        inside, slices = True, []
        for d, size in enumerate(self.sizes):
            wanted = starts.get(d, 0)
            start = min(max(wanted, 0), shape[d] - size)
            inside = inside and start == wanted
            slices.append(slice(start, start + size))
        return tuple(slices), inside

    def locate(self, shape: Sequence[int], indices: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Index arrays, of shape [batch..., window...], that select the windows, and which are in bounds."""
        columns = [indices[..., k].astype(np.int64) for k in range(indices.shape[-1])]
        limits = self.limits(shape)
        inside = np.ones(indices.shape[:-1], bool)
        for column, limit in zip(columns, limits):
            inside &= (column >= 0) & (column <= limit)
        starts: dict[int, np.ndarray] = {
            d: np.minimum(np.maximum(column, 0), limit)
            for d, column, limit in zip(self.index_map, columns, limits)
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


_ZERO = np.zeros((), np.int64)


def _up(dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(d + 1 for d in dims)


def _along(x: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    return x.reshape([-1 if d == axis else 1 for d in range(ndim)])


# ---- in StableHLO: indices in bounds ----


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
