"""Collective ops over a named axis, which `vmap(axis_name=...)` binds.

Where the named axis is the one being batched, `named_batch` replaces the op by ordinary ones over the leading
dimension. Over any other axis the op is batched as others are. An op that is left when the program runs has no
axis to run over, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    ShapeError,
    aval,
    broadcast_batch,
    check_dtype,
    dtype_of,
    full,
    jvp_linear,
    no_tangent,
    ops,
    shape_of,
)
from axil.dialects.sorting import take_along


class UnboundAxisError(NameError):
    """A collective names an axis that no enclosing transformation binds."""


def _unbound(name: str, axis_name: str) -> UnboundAxisError:
    return UnboundAxisError(
        f"'{name}' over axis '{axis_name}', which nothing binds here: call it inside a function "
        f"that is mapped with vmap(..., axis_name='{axis_name}')"
    )


def _collective(
    name: str,
    summary: str,
    named_batch: Callable[..., Any],
    jvp: Callable[..., Any],
    takes: str,
    **more: Any,
) -> Op:
    """A collective of one operand, whose result has the operand's shape."""

    def infer(x: Aval, *, axis_name: str) -> Aval:
        check_dtype(name, x, takes)
        return x

    def unbound(*xs: Any, axis_name: str) -> Any:
        raise _unbound(name, axis_name)

    def batch(size: int, xs: Any, batched: Any, *, axis_name: str) -> Any:
        return op(xs[0], axis_name=axis_name)

    op = Op(
        name=name, summary=summary, operands=("x",), attributes={"axis_name": "str"}, infer=infer, jvp=jvp,
        reference=unbound, lower=lambda values, results, context, *, axis_name: unbound(axis_name=axis_name),
        batch=batch, named_batch=named_batch, foldable=False, samples=(), **more,
    )  # fmt: skip
    return op


# ---- psum ----------------------------------------------------------------------------------------------


def _psum_named(size: int, axis_name: str, xs: Any, batched: Any) -> tuple[Any, bool]:
    (x,) = xs
    if batched[0]:
        return ops.reduce_sum(x, axes=(0,)), False
    return ops.mul(x, full(av.aval_of(x).shape, size, dtype_of(x))), False


psum = _collective(
    "psum", "Sum over a named axis; every member gets it.", _psum_named, takes="number", linear=(0,),
    jvp=lambda y, xs, dxs, *, axis_name: None if dxs[0] is None else psum(dxs[0], axis_name=axis_name),
    # Each member's operand reaches every member's result, so each gets the sum of all their cotangents.
    transpose=lambda ct, xs, *, axis_name: (psum(ct, axis_name=axis_name),),
)  # fmt: skip


# ---- pmax and pmin -------------------------------------------------------------------------------------


def _extremum(name: str, summary: str, reduction: str) -> Op:
    def named_batch(size: int, axis_name: str, xs: Any, batched: Any) -> tuple[Any, bool]:
        return (getattr(ops, reduction)(xs[0], axes=(0,)) if batched[0] else xs[0]), False

    def jvp(y: Any, xs: Any, dxs: Any, *, axis_name: str) -> Any:
        """The mean of the tangents of the members that attain the extremum."""
        if dxs[0] is None or not av.is_inexact(dtype_of(y)):
            return None
        attains = ops.convert(ops.eq(xs[0], y), dtype=dtype_of(y))
        total = psum(ops.mul(dxs[0], attains), axis_name=axis_name)
        return ops.div(total, psum(attains, axis_name=axis_name))

    return _collective(name, summary, named_batch, jvp, takes="ordered", makes_nan=False)


pmax = _extremum("pmax", "Largest over a named axis; every member gets it.", "reduce_max")
pmin = _extremum("pmin", "Smallest over a named axis; every member gets it.", "reduce_min")


# ---- axis_index ----------------------------------------------------------------------------------------


def _index_infer(*, axis_name: str, dtype: Any) -> Aval:
    if not av.is_integer(dtype):
        raise DtypeError(f"'axis_index' gives integers, not {av.short_dtype(dtype)}")
    return aval((), np.dtype(dtype))


def _index_unbound(*values: Any, axis_name: str, dtype: Any) -> Any:
    raise _unbound("axis_index", axis_name)


axis_index = Op(
    name="axis_index", summary="This member's place along a named axis.", operands=(), samples=(),
    foldable=False, attributes={"axis_name": "str", "dtype": "dtype"}, infer=_index_infer,
    reference=_index_unbound, jvp=no_tangent, batch=lambda size, xs, batched, *, axis_name,
    dtype: axis_index(axis_name=axis_name, dtype=dtype), named_batch=lambda size, axis_name, xs, batched, *,
    dtype: (ops.iota(shape=(size,), axis=0, dtype=dtype), True), lower=lambda values, results, context, *,
    axis_name, dtype: _index_unbound(axis_name=axis_name, dtype=dtype),
)  # fmt: skip


# ---- moving data between members -----------------------------------------------------------------------


def _mover(
    name: str,
    summary: str,
    infer: Callable[..., Aval],
    named_batch: Callable[..., Any],
    transpose: Callable[..., Any],
    batch: Callable[..., Any],
    attributes: dict[str, str],
    **more: Any,
) -> Op:
    """A collective of one operand that is linear in it."""

    def unbound(*values: Any, axis_name: str, **attributes: Any) -> Any:
        raise _unbound(name, axis_name)

    return Op(
        name=name, summary=summary, operands=("x",), attributes={"axis_name": "str", **attributes}, infer=infer,
        jvp=jvp_linear(name), linear=(0,), transpose=transpose, reference=unbound, batch=batch, named_batch=named_batch,
        lower=lambda values, results, context, **attributes: unbound(**attributes), foldable=False, samples=(), **more,
    )  # fmt: skip


def _swapped(x: Any) -> Any:
    """The first two dimensions exchanged."""
    return ops.transpose(x, permutation=(1, 0, *range(2, len(shape_of(x)))))


def _divided(name: str) -> Callable[..., Aval]:
    """Type inference of operations whose operand has a part for each member, along its first dimension."""

    def infer(x: Aval, *, axis_name: str, members: int) -> Aval:
        if not x.ndim or x.shape[0] != members:
            raise ShapeError(f"'{name}' over axis '{axis_name}' of {members} members takes as many parts, got {x}")
        return x.with_shape(x.shape[1:]) if name == "psum_scatter" else x

    return infer


def _gather_named(size: int, axis_name: str, xs: Any, batched: Any, **more: Any) -> tuple[Any, bool]:
    return (xs[0] if batched[0] else broadcast_batch(xs[0], size)), False


all_gather = _mover(
    "all_gather", "The operands of all members along a named axis, stacked; every member gets them.",
    infer=lambda x, *, axis_name, members: x.with_shape((members, *x.shape)), named_batch=_gather_named,
    transpose=lambda ct, xs, **more: (psum_scatter(ct, **more),),
    batch=lambda size, xs, batched, **more: _swapped(all_gather(xs[0], **more)), attributes={"members": "int"},
    makes_nan=False,
)  # fmt: skip


def _scatter_named(size: int, axis_name: str, xs: Any, batched: Any, *, members: int) -> tuple[Any, bool]:
    (x,) = xs
    if batched[0]:
        return ops.reduce_sum(x, axes=(0,)), True
    return ops.mul(x, full(shape_of(x), members, dtype_of(x))), True


psum_scatter = _mover(
    "psum_scatter", "Sum over a named axis, of which each member gets its own part along the first dimension.",
    infer=_divided("psum_scatter"), named_batch=_scatter_named, attributes={"members": "int"},
    transpose=lambda ct, xs, **more: (all_gather(ct, **more),),
    batch=lambda size, xs, batched, **more: psum_scatter(_swapped(xs[0]), **more),
)  # fmt: skip


def _exchange_named(size: int, axis_name: str, xs: Any, batched: Any, *, members: int) -> tuple[Any, bool]:
    (x,) = xs
    return _swapped(x if batched[0] else broadcast_batch(x, size)), True


all_to_all = _mover(
    "all_to_all", "Part i of member j's operand, along the first dimension, becomes part j of member i's result.",
    infer=_divided("all_to_all"), named_batch=_exchange_named, attributes={"members": "int"},
    transpose=lambda ct, xs, **more: (all_to_all(ct, **more),),
    batch=lambda size, xs, batched, **more: _swapped(all_to_all(_swapped(xs[0]), **more)), makes_nan=False,
)  # fmt: skip


def _permute_named(
    size: int, axis_name: str, xs: Any, batched: Any, *, sources: tuple[int, ...], targets: tuple[int, ...]
) -> tuple[Any, bool]:
    (x,) = xs
    x = x if batched[0] else broadcast_batch(x, size)
    shape, came_from = shape_of(x), dict(zip(targets, sources))
    order = np.array([came_from.get(i, 0) for i in range(size)], np.int32)
    fed = np.array([i in came_from for i in range(size)])
    place = lambda values: ops.broadcast_in_dim(ops.constant(value=values), shape=shape, dims=(0,))
    moved = take_along(x, place(order), 0)
    if fed.all():
        return moved, True
    return ops.select(place(fed), moved, full(shape, 0, dtype_of(x))), True


ppermute = _mover(
    "ppermute", "Operands sent from members to members of a named axis; who is sent nothing gets zeros.",
    infer=lambda x, *, axis_name, sources, targets: x, named_batch=_permute_named,
    transpose=lambda ct, xs, *, axis_name, sources, targets: (
        ppermute(ct, axis_name=axis_name, sources=targets, targets=sources),
    ),
    batch=lambda size, xs, batched, **more: ppermute(xs[0], **more),
    attributes={"sources": "ints", "targets": "ints"}, makes_nan=False,
)  # fmt: skip
