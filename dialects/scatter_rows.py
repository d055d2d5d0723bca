"""Lowering of scatters: every one becomes a scatter of rows.

IREE's scatter crashes on indices out of bounds and refuses some window layouts. So the operand is brought
into the form [rows, columns], with one row number an update: dimensions that windows span are the columns;
all others, and the places in windows that span a dimension in part, are flattened to row numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.factories import aval_of, dtype_of, shape_of
from axil.dialects.windows import Windows, clamp_indices, inside_mask


@dataclass(frozen=True)
class Rows:
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
        flat = hlo.reshape(total, (math.prod(shape),))
        # IREE 3.13 may undo the reshape behind the scatter, and not that of the updates ("mismatch in shape").
        return hlo.barrier(flat) if len(shape) > 1 else flat

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


def scatter(
    operand: Any,
    indices: Any,
    updates: Any,
    windows: Windows,
    mode: str,
    unique: bool,
    combine: str,
    neutral: Any,
) -> Any:
    """Emit a scatter; `neutral(dtype)` is an update that changes nothing, `set` has `None` instead."""
    if not aval_of(updates).size:
        return operand
    mode = mode if windows.index_map else "promise"
    rows = Rows(windows, shape_of(operand), shape_of(indices)[:-1])
    limits = windows.limits(rows.shape)
    starts = indices if mode == "promise" else clamp_indices(indices, limits)
    numbers, x, u = rows.numbers(starts), rows.operand(operand), rows.updates(updates)
    if mode != "drop":
        return rows.restore(_scatter_rows(x, numbers, u, combine, unique))
    keep = _keep(rows, inside_mask(indices, limits))
    if neutral is None:
        return rows.restore(_set_or_drop(x, numbers, u, keep))
    # Left-out updates are made harmless, and go where the clamped index says.
    u = _mask(keep, u, neutral(dtype_of(u)))
    return rows.restore(_scatter_rows(x, numbers, u, combine, False))


def _keep(rows: Rows, inside: Any) -> Any:
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
