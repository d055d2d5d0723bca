"""Factories for common kinds of op: what such ops share (shapes, batching, lowering) is written once here.

With them an elementwise op is a declaration of a few lines: name, meaning, derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval, aval_of, dtype_of, shape_of
from axil.dialects.errors import DtypeError, ShapeError
from axil.dialects.op import OPS, Op, Sample, full, is_linear, no_tangent, sample

DTYPE_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "any": ("arrays of any dtype", lambda d: True),
    "number": ("numbers", lambda d: not av.is_bool(d)),
    "inexact": ("floating point or complex arrays", av.is_inexact),
    "float": ("floating point arrays", av.is_float),
    "real": ("real arrays", lambda d: not av.is_complex(d) and not av.is_bool(d)),
    "ordered": ("real or boolean arrays", lambda d: not av.is_complex(d)),
    "integer": ("integer arrays", av.is_integer),
    "bits": ("integer or boolean arrays", lambda d: av.is_integer(d) or av.is_bool(d)),
    "bool": ("boolean arrays", av.is_bool),
    "complex": ("complex arrays", av.is_complex),
}


class _Ops:
    """`ops.mul` finds an op of any family at call time, so that rules may mention ops declared later."""

    def __getattr__(self, name: str) -> Op:
        try:
            found = self.__dict__[name] = OPS[name]  # the next time it is an attribute, found ten times faster
        except KeyError:
            raise AttributeError(f"the dialect has no op '{name}'") from None
        return found


ops = _Ops()


# ---- checks --------------------------------------------------------------------------------------------


def check_dtype(name: str, operand: Aval, kind: str) -> None:
    """Raise `DtypeError` if an operand's dtype is not of `kind` (a key of `DTYPE_KINDS`)."""
    what, ok = DTYPE_KINDS[kind]
    if not ok(operand.dtype):
        raise DtypeError(f"'{name}' takes {what}, got {operand}")


def check_same(name: str, *operands: Aval) -> None:
    """Raise `ShapeError` or `DtypeError` if operands differ in shape or dtype."""
    first = operands[0]
    for other in operands[1:]:
        if other is first:
            continue
        text = ", ".join(map(str, operands))
        if other.shape != first.shape:
            raise ShapeError(f"'{name}' takes operands of one shape, got {text}")
        if other.dtype != first.dtype:
            raise DtypeError(f"'{name}' takes operands of one dtype, got {text}; convert one of them")


def normalize_axes(name: str, axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Check that axes are in range and distinct; gives them back sorted."""
    for axis in axes:
        if not 0 <= axis < ndim:
            raise ShapeError(f"'{name}': axis {axis} is out of range for an array of {ndim} dimensions")
    if len(set(axes)) != len(axes):
        raise ShapeError(f"'{name}': axes {axes} repeat an axis")
    return tuple(sorted(axes))


# ---- tangents and batching -----------------------------------------------------------------------------


def add_tangents(a: Any, b: Any) -> Any:
    """The sum of two tangents or cotangents, `None` being zero."""
    if a is None:
        return b
    return a if b is None else ops.add(a, b)


def broadcast_batch(x: Any, size: int) -> Any:
    """`x` with a new leading dimension of `size`."""
    shape = shape_of(x)
    return ops.broadcast_in_dim(x, shape=(size, *shape), dims=tuple(range(1, len(shape) + 1)))


def all_batched(size: int, xs: Any, batched: Any) -> list:
    """Operands that all have the leading batch dimension."""
    return [x if b else broadcast_batch(x, size) for x, b in zip(xs, batched)]


def batch_elementwise(op_name: str) -> Callable[..., Any]:
    """The batching rule of ops that act on each element alone."""

    def batch(size: int, xs: Any, batched: Any, **attributes: Any) -> Any:
        return OPS[op_name](*all_batched(size, xs, batched), **attributes)

    return batch


def jvp_linear(op_name: str) -> Callable[..., Any]:
    """The JVP rule of an op that is linear in its first operand and has no other differentiable one."""

    def jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
        return None if dxs[0] is None else OPS[op_name](dxs[0], *xs[1:], **attributes)

    return jvp


# ---- factories -----------------------------------------------------------------------------------------

_SHAPES = ("f32[3]", "f32[2,3]")


def unary(
    name: str,
    summary: str,
    reference: Callable[..., Any],
    lower: str | Callable[..., Any],
    *,
    derivative: Callable[..., Any] | None = None,
    takes: str = "inexact",
    gives: Callable[[Aval], Aval] | None = None,
    linear: Callable[..., Any] | None = None,
    domain: tuple[float, float] = (-2.0, 2.0),
    samples: tuple[Sample, ...] = (),
    **more: Any,
) -> Op:
    """An elementwise op of one operand.

    `derivative(y, x)` gives dy/dx; `linear(ct)` gives the cotangent of a linear op instead. Without either
    the op has no tangent.
    """

    def infer(x: Aval) -> Aval:
        check_dtype(name, x, takes)
        return gives(x) if gives else x

    def jvp(y: Any, xs: Any, dxs: Any) -> Any:
        dtype = dtype_of(y)
        if dxs[0] is None or not av.is_inexact(dtype):
            return None
        if linear:
            return OPS[name](dxs[0])
        if derivative is None:
            return None
        slope = derivative(y, xs[0])
        if not av.is_complex(dtype) and av.is_complex(dtype_of(xs[0])):  # the slope is then a gradient
            return ops.real(ops.mul(dxs[0], ops.conj(slope)))
        return ops.mul(dxs[0], slope)

    if linear:
        more |= dict(linear=(0,), transpose=lambda ct, xs: (linear(ct),))
    return Op(
        name=name, summary=summary, operands=("x",), infer=infer, reference=reference, jvp=jvp,
        batch=batch_elementwise(name), lower=lower, domain=domain,
        samples=samples or tuple(sample(s) for s in _SHAPES), **more,
    )  # fmt: skip


def binary(
    name: str,
    summary: str,
    reference: Callable[..., Any],
    lower: str | Callable[..., Any],
    *,
    partials: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    takes: str = "number",
    gives: Callable[[Aval], Aval] | None = None,
    samples: tuple[Sample, ...] = (),
    jvp: Callable[..., Any] | None = None,
    **more: Any,
) -> Op:
    """An elementwise op of two operands of one shape and dtype.

    `partials[i](y, a, b, t)` gives the tangent that `t`, the tangent of operand `i`, contributes.
    """

    def infer(lhs: Aval, rhs: Aval) -> Aval:
        check_same(name, lhs, rhs)
        check_dtype(name, lhs, takes)
        return gives(lhs) if gives else lhs

    def jvp_of_partials(y: Any, xs: Any, dxs: Any) -> Any:
        if partials is None:
            return None
        total = None
        for partial, t in zip(partials, dxs):
            if t is not None:
                total = add_tangents(total, partial(y, xs[0], xs[1], t))
        return total

    return Op(
        name=name, summary=summary, operands=("lhs", "rhs"), infer=infer, reference=reference,
        jvp=jvp or jvp_of_partials, batch=batch_elementwise(name), lower=lower,
        samples=samples or tuple(sample(s, s) for s in _SHAPES), **more,
    )  # fmt: skip


def comparison(name: str, summary: str, reference: Callable[..., Any], direction: str, takes: str = "any") -> Op:
    """An elementwise comparison; gives booleans."""

    def lower(values: Any, results: Any, context: Any) -> Any:
        from axil.dialects import hlo

        return hlo.compare(values[0], values[1], direction)

    return binary(
        name, summary, reference, lower, takes=takes, gives=lambda a: aval(a.shape, np.dtype(bool)),
        jvp=no_tangent, samples=(sample("f32[2,3]", "f32[2,3]"), sample("i32[3]", "i32[3]")),
    )  # fmt: skip


__all__ = [
    "Aval", "DTYPE_KINDS", "DtypeError", "OPS", "Op", "ShapeError", "add_tangents", "all_batched", "aval",
    "aval_of", "batch_elementwise", "binary", "broadcast_batch", "check_dtype", "check_same", "comparison",
    "dtype_of", "full", "is_linear", "jvp_linear", "no_tangent", "normalize_axes", "ops", "sample", "shape_of",
    "unary",
]  # fmt: skip
