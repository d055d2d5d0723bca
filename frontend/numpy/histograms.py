"""Histograms: how often values occur."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.dtypes import kind_of
from axil.numpy import reductions as red
from axil.numpy.creation import asarray, ones_like
from axil.numpy.indexing import getitem
from axil.numpy.logic import equal, pick
from axil.numpy.lookup import ix_, ravel_multi_index
from axil.numpy.ranges import linspace
from axil.numpy.shaping import ravel, reshape
from axil.numpy.sorting import searchsorted
from axil.numpy.statistics import diff
from axil.numpy.ufuncs import add, clip, divide, subtract
from axil.numpy.updates import IndexUpdate
from axil.numpy.values import Tracer, Value, convert, filled, operand, promote, shape_error, type_error


def bincount(x: Any, weights: Any = None, minlength: int = 0, *, length: int | None = None) -> Value:
    """How often each of 0, 1, 2, ... occurs; under `jit` the `length` of the result is needed."""
    x = operand("bincount", x)
    if kind_of(x.aval.dtype) == "b":
        x = convert(x, np.dtype(np.int32))
    if kind_of(x.aval.dtype) not in "iu":
        raise type_error(f"bincount takes integers, got {x.aval}")
    if x.ndim != 1:
        raise shape_error(f"bincount takes a vector, got {x.aval}")
    if length is None:
        what = "the largest element of bincount; give length=... to fix the size"
        value = x.concrete(what, errors.ConcretizationTypeError) if type(x) is Tracer else x._numpy
        length = max(operator.index(minlength), int(max(0, value.max())) + 1 if value.size else 0)
    if weights is None:
        weights = filled(np.asarray(1, dtypes.default_int_dtype()), x.shape)
    weights = operand("bincount", weights, 1)
    if weights.shape != x.shape:
        raise shape_error(f"bincount takes as many weights as elements, got {weights.aval} for {x.aval}")
    return IndexUpdate(filled(np.zeros((), weights.dtype), (length,)), clip(x, 0)).add(weights)


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Value:
    """The edges of bins of equal width over the range of the values."""
    a = operand("histogram_bin_edges", a)
    dtype = dtypes.to_inexact_dtype(a.dtype)
    if isinstance(bins, str):
        raise shape_error("histogram_bin_edges takes a number of bins or their edges, not the name of a rule")
    if np.ndim(bins) == 1:
        return asarray(bins, dtype=dtype)
    if range is None:
        low, high = (red.min(a), red.max(a)) if a.size else (0.0, 1.0)
    else:
        low, high = range
    low, high = convert(low, dtype), convert(high, dtype)
    flat = equal(low, high)
    low, high = pick(flat, subtract(low, 0.5), low), pick(flat, add(high, 0.5), high)
    return linspace(low, high, operator.index(bins) + 1, dtype=dtype)


def histogram(
    a: Any, bins: Any = 10, range: Any = None, weights: Any = None, density: bool | None = None
) -> tuple:
    """How many values fall into each bin, and the edges of the bins; the last bin has both of its edges."""
    if weights is None:
        (a,), _ = promote("histogram", a, inexact=True)
        weights = ones_like(a)
    else:
        (a, weights), _ = promote("histogram", a, weights, inexact=True)
        if a.shape != weights.shape:
            raise shape_error("histogram takes as many weights as values")
    a, weights = ravel(a), ravel(weights)
    edges = histogram_bin_edges(a, bins, range)
    number = searchsorted(edges, a, "right")
    number = pick(equal(a, edges[-1]), edges.size - 1, number)
    counts = IndexUpdate(filled(np.zeros((), weights.dtype), (edges.size,)), number).add(weights)[1:]
    if density:
        counts = divide(divide(counts, diff(edges)), red.sum(counts))
    return counts, edges


def histogramdd(
    sample: Any, bins: Any = 10, range: Sequence[Any] | None = None, weights: Any = None, density: bool | None = None
) -> tuple[Value, list[Value]]:  # fmt: skip
    """How many points (rows of `sample`) fall into each cell of a grid, and the edges of the bins of each dimension.

    `bins` is a number of bins or, for each dimension, a number or the edges; `range` has a pair or None for each.
    """
    if weights is None:
        (sample,), _ = promote("histogramdd", sample, inexact=True)
    else:
        (sample, weights), _ = promote("histogramdd", sample, weights, inexact=True)
        if weights.shape != sample.shape[:1]:
            raise shape_error(f"histogramdd takes a weight for each point, got {weights.aval} for {sample.aval}")
    if sample.ndim != 2:
        raise shape_error(f"histogramdd takes points as rows of a matrix, got {sample.aval}")
    d = sample.shape[1]
    if range is not None and (len(range) != d or any(r is not None and len(r) != 2 for r in range)):
        raise shape_error(f"histogramdd: range must be {d} pairs or Nones, got {range!r}")
    each = list(bins) if isinstance(bins, (list, tuple)) or np.ndim(bins) else [bins] * d
    if len(each) != d:
        raise shape_error(f"histogramdd takes bins for each of {d} dimensions, got {len(each)}")
    columns = [getitem(sample, (slice(None), i)) for i in builtins.range(d)]
    limits = [None] * d if range is None else range
    edges = [histogram_bin_edges(x, b, r, weights) for x, b, r in zip(columns, each, limits)]
    places = [_bin_of(x, e) for x, e in zip(columns, edges)]
    shape = tuple(e.size + 1 for e in edges)  # with a bin below the first edge and one above the last
    number = ravel_multi_index(tuple(places), shape, mode="clip")
    counts = reshape(bincount(number, weights, length=int(np.prod(shape))), shape)
    counts = getitem(counts, (slice(1, -1),) * d)
    if density:
        counts = divide(convert(counts, sample.dtype), convert(red.sum(counts), sample.dtype))
        for width in ix_(*[diff(e) for e in edges]):
            counts = divide(counts, width)
    return counts, edges


def _bin_of(x: Value, edges: Value) -> Value:
    """The bin of each value, counted from 1; the last bin has both of its edges."""
    number = searchsorted(edges, x, "right")
    return pick(equal(x, getitem(edges, -1)), subtract(number, 1), number)


def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Sequence[Any] | None = None, weights: Any = None,
    density: bool | None = None,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """`histogramdd` of points given by their coordinates; gives the counts and the edges of both."""
    from axil.numpy.joining import stack

    x, y = operand("histogram2d", x), operand("histogram2d", y, 1)
    several = isinstance(bins, (list, tuple)) or np.ndim(bins)
    if several and len(bins) not in (1, 2):
        bins = [asarray(bins)] * 2  # the edges of both
    counts, edges = histogramdd(stack([x, y], 1), bins, range, weights, density)
    return counts, edges[0], edges[1]
