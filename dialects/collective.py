"""Collective ops over a named axis, which `vmap(axis_name=...)` binds.

Where the named axis is the one being batched, `named_batch` replaces the op by an ordinary one over the
leading dimension. Over any other axis the op is elementwise. An op that is left when the program runs has no
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
    aval,
    check_dtype,
    dtype_of,
    full,
    no_tangent,
    ops,
)


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

    return _collective(name, summary, named_batch, jvp, takes="ordered")


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
