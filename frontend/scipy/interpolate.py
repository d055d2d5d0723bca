"""`axil.scipy.interpolate`: interpolation on a grid whose lines are parallel to the axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy.creation import asarray, zeros
from axil.numpy.joining import stack
from axil.numpy.logic import pick
from axil.numpy.shaping import broadcast_arrays, reshape
from axil.numpy.sorting import searchsorted
from axil.numpy.ufuncs import clip
from axil.numpy.values import UnsupportedArgument, Value, errors, operand, promote, shape_error, user_line
from axil.tree_registration import register_pytree_node

_METHODS = ("linear", "nearest")


def _check_method(method: str) -> str:
    if method not in _METHODS:
        raise shape_error(f"RegularGridInterpolator: method {method!r} is not defined; there are {_METHODS}")
    return method


class RegularGridInterpolator:
    """Interpolation of `values`, given at the crossings of a grid.

    `points` has one increasing array for each of the first dimensions of `values`. Calling the interpolator gives the
    values at points, by "linear" interpolation or the "nearest" crossing; outside of the grid it gives `fill_value`,
    or extrapolates where that is `None`. It is a tree of its arrays.
    """

    def __init__(
        self, points: Any, values: Any, method: str = "linear", bounds_error: bool = False, fill_value: Any = np.nan
    ) -> None:
        self.method = _check_method(method)
        self.bounds_error = bounds_error
        if bounds_error:
            raise UnsupportedArgument(
                errors.explain("RegularGridInterpolator: compiled code cannot raise, so bounds_error must be False",
                               user_line(), ways_out=["look for fill_value in the result"])  # fmt: skip
            )
        (values,), _ = promote("RegularGridInterpolator", values, inexact=True)
        if len(points) > values.ndim:
            raise shape_error(
                f"RegularGridInterpolator: {len(points)} point arrays are too many for {values.aval}"
            )
        if fill_value is not None:
            fill_value = asarray(operand("RegularGridInterpolator", fill_value))
            if not dtypes.can_cast(fill_value.dtype, values.dtype, casting="same_kind"):
                raise shape_error("RegularGridInterpolator: fill_value must be None or of a dtype that fits values")
        self.fill_value = fill_value
        self.grid = tuple(asarray(operand("RegularGridInterpolator", p)) for p in points)
        self.values = values

    def __call__(self, xi: Any, method: str | None = None) -> Value:
        """The values at points `xi`: an array whose last dimension is a point, or a tuple of coordinate arrays."""
        method = self.method if method is None else _check_method(method)
        n = len(self.grid)
        xi = _points(xi, n)
        if xi.shape[-1] != n:
            raise shape_error(f"RegularGridInterpolator: the points have dimension {xi.shape[-1]}, the grid has {n}")
        flat = reshape(xi, (-1, n))
        indices, distances, outside = self._cells([flat[:, i] for i in range(n)])
        result = self._linear(indices, distances) if method == "linear" else self._nearest(indices, distances)
        if self.fill_value is not None:
            result = pick(reshape(outside, (-1, *[1] * (result.ndim - 1))), self.fill_value, result)
        return reshape(result, xi.shape[:-1] + self.values.shape[n:])

    def _cells(self, points: list[Value]) -> tuple[list[Value], list[Value], Value]:
        """The cell of each point, how far across it the point lies, and which points lie outside of the grid."""
        indices, distances = [], []
        outside = zeros(points[0].shape, bool)
        for x, g in zip(points, self.grid):
            i = clip(searchsorted(g, x) - 1, 0, g.size - 2)
            indices.append(i)
            distances.append((x - g[i]) / (g[i + 1] - g[i]))
            outside = outside | (x < g[0]) | (x > g[-1])
        return indices, distances, outside

    def _linear(self, indices: list[Value], distances: list[Value]) -> Value:
        total: Any = 0.0
        for corner in itertools.product((0, 1), repeat=len(indices)):
            weight: Any = 1.0
            for upper, d in zip(corner, distances):
                weight = weight * (d if upper else 1 - d)
            weight = reshape(weight, (-1, *[1] * (self.values.ndim - len(indices))))
            total = total + self.values[tuple(i + upper for i, upper in zip(indices, corner))] * weight
        return total

    def _nearest(self, indices: list[Value], distances: list[Value]) -> Value:
        return self.values[tuple(pick(d <= 0.5, i, i + 1) for i, d in zip(indices, distances))]


def _points(xi: Any, ndim: int) -> Value:
    """Points in rows: from a tuple of coordinate arrays, or an array."""
    if isinstance(xi, tuple) and len(xi) == 1:
        xi = xi[0]
    if isinstance(xi, tuple):
        return stack([x.astype(float) for x in broadcast_arrays(*map(asarray, xi))], axis=-1)
    xi = asarray(operand("RegularGridInterpolator", xi))
    return reshape(xi, (-1, ndim)) if xi.ndim == 1 else xi


def _flatten(of: RegularGridInterpolator) -> tuple[tuple, tuple]:
    return (of.grid, of.values, of.fill_value), (of.method, of.bounds_error)


def _unflatten(aux: tuple, children: tuple) -> RegularGridInterpolator:
    """As it was, without checks: in transformations the leaves may be anything."""
    of = object.__new__(RegularGridInterpolator)
    of.grid, of.values, of.fill_value = children
    of.method, of.bounds_error = aux
    return of


register_pytree_node(RegularGridInterpolator, _flatten, _unflatten)

__all__ = ["RegularGridInterpolator"]
