"""Collective functions over the axes that `vmap(axis_name=...)` names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, pytrees
from axil.core import Array, Tracer, bind, state
from axil.dialects import avals as av
from axil.dialects import collective
from axil.dialects.op import Op
from axil.lax import elementwise as e
from axil.lax import reductions, shaping, slicing
from axil.lax.common import UnsupportedError, constant_like, fail, operand
from axil.lax.common import axis_index as canonical_axis
from axil.runtime.errors import AxilError
from axil.vectorization import axis_text

_PYTHON_NUMBERS = (bool, int, float, complex)
Groups = Sequence[Sequence[int]] | None
"""A division of the members of an axis into groups of one size, each of which acts alone."""


class AxisNameError(AxilError, NameError):
    """An axis name that no enclosing transformation binds."""


def _names(axis_name: Any) -> tuple[Any, ...]:
    """The names of one axis or several, all of which must be bound."""
    names = tuple(axis_name) if isinstance(axis_name, tuple | list) else (axis_name,)
    for name in names:
        if name not in state.axis_sizes:
            raise AxisNameError(
                f"unbound axis name: {name}. Names are bound by vmap(..., axis_name={name!r}) around this call"
            )
    return names


def axis_size(axis_name: Any) -> int:
    """The size of a named axis, or the product of those of several."""
    return math.prod(state.axis_sizes[name] for name in _names(axis_name))


def axis_index(axis_name: Any) -> Any:
    """This member's place along a named axis; along several, in row-major order."""
    names = _names(axis_name)
    index = None
    for name in names:
        part = bind(collective.axis_index, axis_name=axis_text(name), dtype=np.dtype(np.int32))
        if index is None:
            index = part
        else:
            index = e.add(e.mul(index, constant_like(index, state.axis_sizes[name])), part)
    return index


def _over_axes(op: Op, x: Any, names: Sequence[Any]) -> Any:
    x = operand(op.name, x)
    for name in names:
        x = bind(op, x, axis_name=axis_text(name))
    return x


def psum(x: Any, axis_name: Any, *, axis_index_groups: Groups = None) -> Any:
    """Sum of a tree of arrays over named axes; of a Python number, the number times their size.

    With `axis_index_groups`, members of each group sum among themselves.
    """
    names = _names(axis_name)
    if axis_index_groups is not None:
        reduction = reductions.reduce_sum
        return pytrees.tree_map(lambda leaf: _group_reduced("psum", reduction, leaf, names, axis_index_groups), x)
    size = axis_size(axis_name)

    def one(leaf: Any) -> Any:
        if type(leaf) in _PYTHON_NUMBERS:
            return leaf * size
        leaf = operand("psum", leaf)
        if av.is_bool(leaf.aval.dtype):
            leaf = e.convert_element_type(leaf, np.int32)
        return _over_axes(collective.psum, leaf, names)

    return pytrees.tree_map(one, x)


def pmean(x: Any, axis_name: Any, *, axis_index_groups: Groups = None) -> Any:
    """Mean of a tree of arrays over named axes, or over the groups of one."""
    size = axis_size(axis_name) if axis_index_groups is None else len(axis_index_groups[0])

    def one(total: Any) -> Any:
        if type(total) is not Array and type(total) is not Tracer:
            return total / size
        if not av.is_inexact(total.aval.dtype):
            total = e.convert_element_type(total, dtypes.to_inexact_dtype(total.aval.dtype))
        return e.div(total, constant_like(total, size))

    return pytrees.tree_map(one, psum(x, axis_name, axis_index_groups=axis_index_groups))


def pmax(x: Any, axis_name: Any, *, axis_index_groups: Groups = None) -> Any:
    """Maximum of a tree of arrays over named axes, or over the groups of one."""
    return _extremum(collective.pmax, reductions.reduce_max, x, axis_name, axis_index_groups)


def pmin(x: Any, axis_name: Any, *, axis_index_groups: Groups = None) -> Any:
    """Minimum of a tree of arrays over named axes, or over the groups of one."""
    return _extremum(collective.pmin, reductions.reduce_min, x, axis_name, axis_index_groups)


def _extremum(op: Op, reduction: Callable[..., Any], x: Any, axis_name: Any, groups: Groups) -> Any:
    names = _names(axis_name)
    if groups is not None:
        return pytrees.tree_map(lambda leaf: _group_reduced(op.name, reduction, leaf, names, groups), x)
    return pytrees.tree_map(lambda leaf: _over_axes(op, leaf, names), x)


# ---- moving data between members -----------------------------------------------------------------------


def all_gather(
    x: Any, axis_name: Any, *, axis_index_groups: Groups = None, axis: int = 0, tiled: bool = False
) -> Any:  # fmt: skip
    """The arrays of all members of a named axis (or of a member's group), stacked along a new `axis`.

    With `tiled` they are concatenated along the existing one.
    """
    names = _names(axis_name)

    def one(leaf: Any) -> Any:
        leaf = operand("all_gather", leaf)
        gathered = _gathered(leaf, names, axis_index_groups)
        ndim = len(gathered.aval.shape)
        place = canonical_axis("all_gather", axis, ndim - tiled)
        moved = _moved(gathered, 0, place)
        return _merged(moved, place) if tiled and leaf.aval.shape else moved

    return pytrees.tree_map(one, x)


def psum_scatter(
    x: Any, axis_name: Any, *, scatter_dimension: int = 0, axis_index_groups: Groups = None, tiled: bool = False
) -> Any:  # fmt: skip
    """The sum over a named axis, of which each member gets its own part along `scatter_dimension`.

    That dimension has the size of the axis and vanishes; with `tiled` it is a multiple of it, and is divided.
    """
    names = _names(axis_name)
    members = axis_size(axis_name) if axis_index_groups is None else len(axis_index_groups[0])

    def one(leaf: Any) -> Any:
        leaf = operand("psum_scatter", leaf)
        parts = _parts("psum_scatter", leaf, scatter_dimension, members, tiled)
        if axis_index_groups is not None or len(names) != 1:
            total = psum(parts, axis_name, axis_index_groups=axis_index_groups)
            return slicing.dynamic_index_in_dim(total, _place_in_group(names, axis_index_groups), 0, keepdims=False)
        return bind(collective.psum_scatter, parts, axis_name=axis_text(names[0]), members=members)

    return pytrees.tree_map(one, x)


def all_to_all(
    x: Any, axis_name: Any, split_axis: int, concat_axis: int, *, axis_index_groups: Groups = None, tiled: bool = False
) -> Any:  # fmt: skip
    """Each member's array is cut along `split_axis`, a part for each member, who stacks what it gets at `concat_axis`.

    With `tiled` the parts are concatenated along the existing dimension instead.
    """
    names = _names(axis_name)
    members = axis_size(axis_name) if axis_index_groups is None else len(axis_index_groups[0])

    def one(leaf: Any) -> Any:
        leaf = operand("all_to_all", leaf)
        split = canonical_axis("all_to_all", split_axis, len(leaf.aval.shape))
        parts = _parts("all_to_all", leaf, split, members, tiled)
        if axis_index_groups is None and len(names) == 1:
            got = bind(collective.all_to_all, parts, axis_name=axis_text(names[0]), members=members)
        else:
            place = _place_in_group(names, axis_index_groups)
            everything = _gathered(parts, names, axis_index_groups)
            got = slicing.dynamic_index_in_dim(everything, place, 1, keepdims=False)
        target = canonical_axis("all_to_all", concat_axis, len(leaf.aval.shape))
        moved = _moved(got, 0, target)
        return _merged(moved, target) if tiled else moved

    return pytrees.tree_map(one, x)


def ppermute(x: Any, axis_name: Any, perm: Sequence[tuple[int, int]]) -> Any:
    """Arrays sent from member to member: `perm` has pairs (source, target); who is sent nothing gets zeros."""
    names = _names(axis_name)
    size, pairs = axis_size(axis_name), [(int(a), int(b)) for a, b in perm]
    for side in zip(*pairs):
        if len(set(side)) != len(side) or not all(0 <= i < size for i in side):
            fail(f"lax.ppermute: sources and targets must be distinct and in [0, {size}), got {pairs}")
    sources, targets = tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    if len(names) != 1:
        return pytrees.tree_map(lambda leaf: _permuted(operand("ppermute", leaf), names, size, pairs), x)
    axis = axis_text(names[0])
    send = lambda leaf: bind(collective.ppermute, leaf, axis_name=axis, sources=sources, targets=targets)
    return pytrees.tree_map(lambda leaf: send(operand("ppermute", leaf)), x)


def _permuted(x: Any, names: Sequence[Any], size: int, pairs: Sequence[tuple[int, int]]) -> Any:
    """Over several axes: each member takes what it is sent from those of all."""
    source = np.full(size, -1, np.int32)
    for a, b in pairs:
        source[b] = a
    mine = _looked_up(source, axis_index(tuple(names)))
    sent = slicing.dynamic_index_in_dim(_gathered(x, names, None), mine, 0, keepdims=False)
    there = e.ge(mine, constant_like(mine, 0))
    return e.select(shaping.broadcast(there, sent.aval.shape), sent, shaping.full_like(sent, 0))


def pcast(x: Any, axis_name: Any, *, to: str) -> Any:
    """A tree of arrays as they are, said to differ (`to="varying"`) or not between the members of named axes.

    Axil does not keep account of that, so that nothing changes. The names must be bound.
    """
    if to not in ("varying", "reduced", "unreduced"):
        fail(f"lax.pcast: `to` is 'varying', 'reduced' or 'unreduced', got {to!r}")
    _names(axis_name)
    return pytrees.tree_map(lambda leaf: operand("pcast", leaf), x)


def ragged_all_to_all(
    operand: Any, output: Any, input_offsets: Any, send_sizes: Any, output_offsets: Any, recv_sizes: Any, *,
    axis_name: Any, axis_index_groups: Groups = None,
) -> Any:  # fmt: skip
    """Rows sent from every member to every other: slices of `operand`, whose sizes are values, written into `output`.

    A member sends rows `input_offsets[j] : input_offsets[j] + send_sizes[j]` to member j, who finds them from row
    `output_offsets[j]` (the sender's) on; other rows of `output` stay. `recv_sizes` are the sizes that it is sent.
    """
    names = _names(axis_name)
    if axis_index_groups is not None:
        fail("lax.ragged_all_to_all: groups are not supported", "exchange over an axis of the group's size",
             kind=UnsupportedError)  # fmt: skip
    x, out = (_array("ragged_all_to_all", v) for v in (operand, output))
    tables = [_array("ragged_all_to_all", v) for v in (input_offsets, send_sizes, output_offsets)]
    members = axis_size(axis_name)
    for table in (*tables, _array("ragged_all_to_all", recv_sizes)):
        if table.aval.shape != (members,) or not av.is_integer(table.aval.dtype):
            fail(f"lax.ragged_all_to_all takes an offset or size, an integer, for each of {members} members, got "
                 f"{table.aval}")  # fmt: skip
    if x.aval.dtype != out.aval.dtype or x.aval.shape[1:] != out.aval.shape[1:] or not x.aval.shape:
        fail(f"lax.ragged_all_to_all takes an operand and an output of rows of one type, got {x.aval} and {out.aval}")
    me = axis_index(tuple(names))
    starts, sizes, targets = (
        slicing.dynamic_index_in_dim(_gathered(t, names, None), me, 1, keepdims=False) for t in tables
    )
    everything = _gathered(x, names, None)
    rows = shaping.broadcasted_iota(np.int32, (out.aval.shape[0],), 0)
    for sender in range(members):
        start, size, target = (_one(t, sender) for t in (starts, sizes, targets))
        place = e.sub(rows, shaping.broadcast(target, rows.aval.shape))
        wide = lambda v: shaping.broadcast(v, rows.aval.shape)
        here = e.bitwise_and(e.ge(place, constant_like(place, 0)), e.lt(place, wide(size)))
        sent = slicing.index_take(slicing.index_in_dim(everything, sender, 0, False), [e.add(place, wide(start))], (0,))
        mask = shaping.broadcast_in_dim(here, out.aval.shape, (0,))
        out = e.select(mask, sent, out)
    return out


def _array(name: str, x: Any) -> Any:
    return operand(name, x)


def _one(table: Any, i: int) -> Any:
    """Entry `i` of a vector, as i32."""
    return e.convert_element_type(slicing.index_in_dim(table, i, 0, False), np.int32)


def pshuffle(x: Any, axis_name: Any, perm: Sequence[int]) -> Any:
    """Member i gets the array of member `perm[i]`; `perm` is a permutation."""
    if sorted(perm) != list(range(axis_size(axis_name))):
        fail(f"lax.pshuffle takes a permutation of {axis_size(axis_name)} members, got {list(perm)}")
    return ppermute(x, axis_name, list(zip(perm, range(len(perm)))))


def pswapaxes(x: Any, axis_name: Any, axis: int, *, axis_index_groups: Groups = None) -> Any:
    """A named axis exchanged with a dimension of the same size."""
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def pbroadcast(x: Any, axis_name: Any, source: int) -> Any:
    """The array of member `source` for every member."""
    names = _names(axis_name)
    one = lambda leaf: slicing.index_in_dim(_gathered(operand("pbroadcast", leaf), names, None), source, 0, False)
    return pytrees.tree_map(one, x)


def _gathered(x: Any, names: Sequence[Any], groups: Groups) -> Any:
    """The arrays of all members, or of those of this member's group, stacked along a new first dimension."""
    for name in reversed(names):
        x = bind(collective.all_gather, x, axis_name=axis_text(name), members=state.axis_sizes[name])
    for _ in names[1:]:
        x = _merged(x, 0)
    if groups is None:
        return x
    table, group = _group_table(names, groups)
    members = slicing.dynamic_index_in_dim(Array(table), group, 0, keepdims=False)
    return slicing.index_take(x, [members], (0,))


def _group_table(names: Sequence[Any], groups: Sequence[Sequence[int]]) -> tuple[np.ndarray, Any]:
    """The members of each group as a matrix, and which group this member is in."""
    table = np.asarray([list(group) for group in groups], np.int32) if len({len(g) for g in groups}) == 1 else None
    size = math.prod(state.axis_sizes[name] for name in names)
    if table is None or sorted(table.reshape(-1).tolist()) != list(range(size)):
        fail(f"axis_index_groups must divide the {size} members into groups of one size, got {groups}")
    group_of = np.empty(size, np.int32)
    for i, row in enumerate(table):
        group_of[row] = i
    return table, _looked_up(group_of, axis_index(tuple(names)))


def _place_in_group(names: Sequence[Any], groups: Groups) -> Any:
    """This member's position in its group, or along the axes."""
    if groups is None:
        return axis_index(tuple(names))
    table, _ = _group_table(names, groups)
    places = np.empty(table.size, np.int32)
    for row in table:
        places[row] = np.arange(len(row))
    return _looked_up(places, axis_index(tuple(names)))


def _looked_up(values: np.ndarray, index: Any) -> Any:
    return slicing.dynamic_index_in_dim(Array(values), index, 0, keepdims=False)


def _group_reduced(name: str, reduction: Callable[..., Any], leaf: Any, names: Any, groups: Any) -> Any:
    return reduction(_gathered(operand(name, leaf), names, groups), (0,))


def _parts(name: str, x: Any, axis: int, members: int, tiled: bool) -> Any:
    """`x` with a part for each member along a new first dimension, cut from dimension `axis`."""
    shape = x.aval.shape
    axis = canonical_axis(name, axis, len(shape))
    if shape[axis] % members if tiled else shape[axis] != members:
        fail(f"lax.{name}: dimension {axis} of {x.aval} must {'be a multiple of' if tiled else 'have the size of'} "
             f"the named axis, {members}", *([] if tiled else ["tiled=True divides larger dimensions"]))  # fmt: skip
    if tiled:
        x = shaping.reshape(x, (*shape[:axis], members, shape[axis] // members, *shape[axis + 1 :]))
    return _moved(x, axis, 0)


def _merged(x: Any, axis: int) -> Any:
    """A dimension made one with that after it."""
    shape = x.aval.shape
    return shaping.reshape(x, (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))


def _moved(x: Any, source: int, target: int) -> Any:
    """One dimension moved to another place."""
    order = [d for d in range(len(x.aval.shape)) if d != source]
    order.insert(target, source)
    return shaping.transpose(x, order) if source != target else x
