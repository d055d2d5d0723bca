"""Sets: union, intersection and differences of the elements of two arrays.

How many elements a result has depends on the values, so under `jit` and `vmap` a `size` is needed, to which the result
is cut or filled. All of them come from one sort: of the elements of both arrays, each with the array that it is of.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from axil import dtypes, errors
from axil.dialects import shape as s
from axil.dialects import sorting as so
from axil.numpy.joining import concatenate
from axil.numpy.logic import bitwise_and, bitwise_not, bitwise_or, pick
from axil.numpy.lookup import nonzero, take
from axil.numpy.shaping import ravel
from axil.numpy.sorting import argsort, searchsorted, sort, unique
from axil.numpy.ufuncs import subtract
from axil.numpy.values import Array, Tracer, Value, bind, convert, filled, operand, promote, shape_error


def union1d(ar1: Any, ar2: Any, *, size: int | None = None, fill_value: Any = None) -> Value:
    """The different elements of two arrays, sorted; cut or filled to `size` (with the smallest by default)."""
    both = concatenate([operand("union1d", ar1), operand("union1d", ar2, 1)], None)
    return unique(both, size=size, fill_value=fill_value)


def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False, *,
                size: int | None = None, fill_value: Any = None) -> Any:  # fmt: skip
    """The different elements that two arrays have in common, sorted, and optionally where each is first.

    With `size` the result is cut or filled with `fill_value` (the smallest element by default); places of the filling
    are the sizes of the arrays, which are out of their bounds. `assume_unique` says that no element occurs twice.
    """
    first, second = _flat("intersect1d", ar1, ar2)
    if size is None:
        known = _known("intersect1d", first, second)
        _, *places = np.intersect1d(*known, assume_unique=assume_unique, return_indices=True)
        found = take(first, places[0])
        return (found, *(Array(p.astype(dtypes.default_int_dtype())) for p in places)) if return_indices else found
    rows = _merged(first, second, assume_unique)
    twice = bitwise_and(_equals_next(rows.values), rows.exists[1:])
    places = _places("intersect1d", twice, size)
    found = _filled(rows.values, twice, places, fill_value)
    if not return_indices:
        return found
    exists = places < twice.size
    in_first = pick(exists, _get(rows.positions, places), first.size)
    in_second = pick(exists, subtract(_get(rows.positions[1:], places), first.size), second.size)
    return found, in_first, in_second


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False, *, size: int | None = None,
              fill_value: Any = None) -> Value:  # fmt: skip
    """The different elements of one array that are not in another, sorted; with `assume_unique` in their order.

    The dtype is that of `ar1`. With `size` the result is cut or filled with `fill_value` (zero by default).
    """
    given = ravel(operand("setdiff1d", ar1))
    first, second = _flat("setdiff1d", given, ar2)
    if size is None:
        of_first, of_second = _known("setdiff1d", first, second)
        order = np.arange(given.size) if assume_unique else np.unique(of_first, return_index=True)[1]
        return take(given, order[~np.isin(of_first[order], of_second)])
    order = None if assume_unique else argsort(first)
    ordered = first if order is None else _get(first, order)
    alone = bitwise_not(_is_among(ordered, second))
    if order is not None:
        alone = bitwise_and(alone, _begins(ordered))
    places = _places("setdiff1d", alone, size)
    found = _get(given, places if order is None else _get(order, places))
    return pick(places < alone.size, found, convert(0 if fill_value is None else fill_value, given.dtype))


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False, *, size: int | None = None,
             fill_value: Any = None) -> Value:  # fmt: skip
    """The different elements that are in one of two arrays only, sorted; NaN is in one only, as it equals nothing.

    With `size` the result is cut or filled with `fill_value` (the smallest element by default).
    """
    first, second = _flat("setxor1d", ar1, ar2)
    if size is None:
        return _xor_now(first, second, assume_unique)
    rows = _merged(first, second, assume_unique)
    same = bitwise_and(_equals_next(rows.values), rows.exists[1:])
    no = filled(np.asarray(False), (min(rows.values.size, 1),))
    alone = bitwise_not(bitwise_or(concatenate([same, no]), concatenate([no, same])))
    alone = bitwise_and(alone, rows.exists)
    return _filled(rows.values, alone, _places("setxor1d", alone, size), fill_value)


def _xor_now(first: Value, second: Value, assume_unique: bool) -> Value:
    known = _known("setxor1d", first, second)
    places = [np.arange(x.size) if assume_unique else np.unique(x, return_index=True)[1] for x in known]
    both = np.concatenate([x[p] for x, p in zip(known, places)])
    origin = np.concatenate([places[0], places[1] + first.size])
    order = np.argsort(both, kind="stable")
    same, no = both[order][1:] == both[order][:-1], np.zeros(min(both.size, 1), bool)
    alone = ~(np.concatenate([same, no]) | np.concatenate([no, same]))
    return take(concatenate([first, second]), origin[order][alone])


# ---- parts ---------------------------------------------------------------------------------------------


class Merged(NamedTuple):
    """The elements of two arrays in one, sorted: equal ones of the first array before those of the second."""

    values: Value
    positions: Value
    """Where each element is in the two arrays, one after the other."""
    exists: Value
    """False for the rows at the end that are left over, where equal elements of one array became one."""


def _flat(name: str, ar1: Any, ar2: Any) -> tuple[Value, Value]:
    (first, second), _ = promote(name, ar1, ar2)
    return ravel(first), ravel(second)


def _known(name: str, *arrays: Value) -> list[np.ndarray]:
    what = f"the elements for {name}, which decide its size; give size=... to fix it"
    return [v.concrete(what, errors.ConcretizationTypeError) if type(v) is Tracer else v._numpy for v in arrays]


def _merged(first: Value, second: Value, unique_already: bool) -> Merged:
    both, n = concatenate([first, second]), first.size + second.size
    positions = bind(s.iota, shape=(n,), axis=0, dtype=dtypes.default_int_dtype())
    source = convert(positions >= first.size, dtypes.default_int_dtype())
    values, source, positions = bind(so.sort, both, source, positions, axis=0, num_keys=2, stable=True)
    if unique_already:
        return Merged(values, positions, filled(np.asarray(True), (n,)))
    other_array = concatenate([filled(np.asarray(True), (min(n, 1),)), source[1:] != source[:-1]])
    (places,) = nonzero(bitwise_or(_begins(values), other_array), size=n, fill_value=n)
    return Merged(_get(values, places), _get(positions, places), places < n)


def _begins(ordered: Value) -> Value:
    """Where an element differs from the one before it; NaN does not differ from NaN."""
    x, y = ordered[:-1], ordered[1:]
    differs = x != y
    if dtypes.is_inexact(ordered.dtype):
        differs = bitwise_and(differs, bitwise_not(bitwise_and(x != x, y != y)))
    return concatenate([filled(np.asarray(True), (min(ordered.size, 1),)), differs])


def _equals_next(values: Value) -> Value:
    return values[:-1] == values[1:]


def _is_among(values: Value, others: Value) -> Value:
    """Whether each value is among others, which are searched by bisection."""
    if not others.size:
        return filled(np.asarray(False), values.shape)
    others = sort(others)
    return _get(others, searchsorted(others, values)) == values


def _places(name: str, here: Value, size: Any) -> Value:
    size = operator.index(size)
    if size < 0:
        raise shape_error(f"{name}: the size cannot be negative, got {size}")
    return nonzero(here, size=size, fill_value=here.size)[0]


def _get(values: Value, places: Value) -> Value:
    """Elements at places; any element where a place does not exist."""
    return take(values, places, mode="clip") if values.size else filled(np.zeros((), values.dtype), places.shape)


def _filled(values: Value, here: Value, places: Value, fill_value: Any) -> Value:
    """The values at places, and where there are no more of them the fill value, or else the smallest, or zero."""
    exists = places < here.size
    found = pick(exists, _get(values, places), convert(0, values.dtype))
    if fill_value is None:
        return pick(exists, found, found[0]) if found.size else found
    return pick(exists, found, fill_value)
