"""Shapes of one array: reshaping, permuting, repeating, reversing."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from axil.dialects import shape as s
from axil.numpy.values import (
    UnsupportedArgument,
    Value,
    bind,
    broadcast,
    broadcast_shape,
    canonical_axes,
    canonical_axis,
    canonical_shape,
    check_placement,
    operand,
    reshape_to,
    shape_error,
)

# ---- reshape -------------------------------------------------------------------------------------------


def reshape(a: Any, shape: Any, order: str = "C", *, copy: bool | None = None) -> Value:
    """The same elements in another shape, one dimension of which may be -1: what is left."""
    a = operand("reshape", a)
    wanted = _wanted_shape(shape)
    old = a.aval.shape
    size = math.prod(old)
    if -1 in wanted:
        wanted = _fill_in(a, wanted, size)
    if math.prod(wanted) != size:
        raise shape_error(
            f"cannot reshape array of shape {old} (size {size}) into shape {wanted} (size {math.prod(wanted)})"
        )
    if order in ("C", "K") or len(old) < 2 and len(wanted) < 2:
        return reshape_to(a, wanted)
    if order != "F":
        raise UnsupportedArgument(f"reshape takes order 'C' or 'F', got {order!r}")
    return transpose(reshape_to(transpose(a), wanted[::-1]))


def _wanted_shape(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, (tuple, list)):
        return tuple(n if type(n) is int else operator.index(n) for n in shape)
    if hasattr(shape, "__iter__") and getattr(shape, "ndim", 1):
        return tuple(map(operator.index, shape))
    return (operator.index(shape),)


def _fill_in(a: Value, wanted: tuple[int, ...], size: int) -> tuple[int, ...]:
    if wanted.count(-1) > 1:
        raise shape_error(f"can only specify one unknown axis size with a `-1` value, got {wanted}")
    rest = math.prod(n for n in wanted if n != -1)
    if rest == 0 or size % rest:
        raise shape_error(f"cannot reshape array of shape {a.aval.shape} (size {size}) into shape {wanted}")
    return tuple(size // rest if n == -1 else n for n in wanted)


def ravel(a: Any, order: str = "C") -> Value:
    """All elements in one dimension."""
    a = operand("ravel", a)
    return reshape(a, (a.size,), order)


def expand_dims(a: Any, axis: int | Sequence[int]) -> Value:
    """With new dimensions of size 1 at the given places of the result."""
    a = operand("expand_dims", a)
    axes = tuple(axis) if isinstance(axis, (tuple, list, range)) else (axis,)
    ndim = a.ndim + len(axes)
    places = canonical_axes(axes, ndim)
    old = iter(a.aval.shape)
    return reshape_to(a, tuple(1 if d in places else next(old) for d in range(ndim)))


def squeeze(a: Any, axis: Any = None) -> Value:
    """Without dimensions of size 1: all of them, or those given."""
    a = operand("squeeze", a)
    shape = a.aval.shape
    if axis is None:
        return reshape_to(a, tuple(n for n in shape if n != 1))
    axes = canonical_axes(axis, len(shape))
    if any(shape[d] != 1 for d in axes):
        raise shape_error(f"cannot select an axis to squeeze out which has size not equal to one, got shape={shape} "
                          f"and axes={axes}")  # fmt: skip
    return reshape_to(a, tuple(n for d, n in enumerate(shape) if d not in axes))


def _at_least(ndim: int, widen: Callable[[tuple[int, ...]], tuple[int, ...]], arrays: tuple) -> Any:
    name = f"atleast_{ndim}d"
    values = [operand(name, a, i) for i, a in enumerate(arrays)]
    results = [reshape_to(a, widen(a.shape)) if a.ndim < ndim else a for a in values]
    return results[0] if len(results) == 1 else results


def atleast_1d(*arys: Any) -> Any:
    """With at least one dimension."""
    return _at_least(1, lambda shape: (1,), arys)


def atleast_2d(*arys: Any) -> Any:
    """With at least two dimensions; new ones come first."""
    return _at_least(2, lambda shape: (1,) * (2 - len(shape)) + shape, arys)


def atleast_3d(*arys: Any) -> Any:
    """With at least three dimensions; a vector becomes (1, n, 1), a matrix (m, n, 1)."""
    return _at_least(3, lambda shape: {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)], arys)


# ---- permute -------------------------------------------------------------------------------------------


def permute(a: Value, permutation: tuple[int, ...]) -> Value:
    """Dimension `permutation[i]` becomes dimension `i`."""
    if permutation == tuple(range(len(permutation))):
        return a
    return bind(s.transpose, a, permutation=permutation, weak=a.weak_type)


def transpose(a: Any, axes: Sequence[int] | None = None) -> Value:
    """Dimensions permuted, reversed by default."""
    a = operand("transpose", a)
    if axes is None:
        return permute(a, tuple(range(a.ndim))[::-1])
    axes = canonical_axes(tuple(axes), a.ndim)
    if len(axes) != a.ndim:
        raise shape_error(f"transpose takes a permutation of the {a.ndim} dimensions of {a.aval}, got {axes}")
    return permute(a, axes)


permute_dims = transpose


def matrix_transpose(x: Any, /) -> Value:
    """The last two dimensions swapped."""
    x = operand("matrix_transpose", x)
    if x.ndim < 2:
        raise shape_error(f"matrix_transpose takes an array of at least two dimensions, got {x.aval}")
    return swapaxes(x, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> Value:
    """Two dimensions swapped."""
    a = operand("swapaxes", a)
    i, j = canonical_axis(axis1, a.ndim), canonical_axis(axis2, a.ndim)
    order = list(range(a.ndim))
    order[i], order[j] = j, i
    return permute(a, tuple(order))


def moveaxis(a: Any, source: Any, destination: Any) -> Value:
    """Dimensions moved to other places; the rest keep their order."""
    a = operand("moveaxis", a)
    sources, targets = canonical_axes(source, a.ndim), canonical_axes(destination, a.ndim)
    if len(sources) != len(targets):
        raise shape_error(f"moveaxis takes as many destinations as sources, got {source} and {destination}")
    order = [d for d in range(a.ndim) if d not in sources]
    for target, origin in sorted(zip(targets, sources)):
        order.insert(target, origin)
    return permute(a, tuple(order))


def rollaxis(a: Any, axis: int, start: int = 0) -> Value:
    """One dimension moved to before another."""
    a = operand("rollaxis", a)
    axis = canonical_axis(axis, a.ndim)
    start = canonical_axis(start, a.ndim + 1)
    return moveaxis(a, axis, start - 1 if axis < start else start)


# ---- repeat --------------------------------------------------------------------------------------------


def broadcast_to(array: Any, shape: Any, *, out_sharding: Any = None) -> Value:
    """Repeated along dimensions to another shape."""
    check_placement("broadcast_to", None, out_sharding)
    array = operand("broadcast_to", array)
    shape = canonical_shape(shape)
    if len(shape) < array.ndim or any(
        n not in (1, m) for n, m in zip(reversed(array.shape), reversed(shape))
    ):
        raise shape_error(f"broadcast_to: {array.aval} does not broadcast to shape {shape}")
    return broadcast(array, shape)


def broadcast_arrays(*args: Any) -> list[Value]:
    """Arrays broadcast against each other."""
    values = [operand("broadcast_arrays", x, i) for i, x in enumerate(args)]
    if not values:
        return []
    shape = broadcast_shape("broadcast_arrays", [v.aval.shape for v in values])
    return [broadcast(v, shape) for v in values]


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that several broadcast to."""
    return broadcast_shape("broadcast_shapes", [canonical_shape(shape) for shape in shapes]) if shapes else ()


def tile(A: Any, reps: Any) -> Value:  # noqa: N803 - NumPy's names
    """Repeated as a whole, so many times along each dimension."""
    a = operand("tile", A)
    counts = _wanted_shape(reps)
    ndim = max(a.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - a.ndim) + a.shape
    if all(n == 1 for n in counts):
        return reshape_to(a, shape)
    # [n] repeats as [reps, n], which is then merged.
    kept = tuple(2 * d + 1 for d in range(ndim - a.ndim, ndim))
    wide = tuple(n for pair in zip(counts, shape) for n in pair)
    repeated = bind(s.broadcast_in_dim, a, shape=wide, dims=kept, weak=a.weak_type)
    return reshape_to(repeated, tuple(c * n for c, n in zip(counts, shape)))


# ---- reverse and roll ----------------------------------------------------------------------------------


def flip(m: Any, axis: Any = None) -> Value:
    """In reverse order along axes, all by default."""
    m = operand("flip", m)
    axes = canonical_axes(axis, m.ndim)
    return bind(s.reverse, m, axes=axes, weak=m.weak_type) if axes else m


def fliplr(m: Any) -> Value:
    """In reverse order along the second axis."""
    return flip(m, 1)


def flipud(m: Any) -> Value:
    """In reverse order along the first axis."""
    return flip(m, 0)


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Value:
    """Turned by 90 degrees k times in the plane of two axes."""
    m = operand("rot90", m)
    i, j = canonical_axes(tuple(axes), m.ndim)
    k %= 4
    if k == 0:
        return m
    if k == 2:
        return flip(m, (i, j))
    return swapaxes(flip(m, j), i, j) if k == 1 else flip(swapaxes(m, i, j), j)


def slice_along(a: Value, axis: int, start: int, limit: int) -> Value:
    """Elements `start` to `limit` along an axis."""
    shape = a.aval.shape
    if start == 0 and limit == shape[axis]:
        return a
    starts = tuple(start if d == axis else 0 for d in range(len(shape)))
    limits = tuple(limit if d == axis else n for d, n in enumerate(shape))
    return bind(s.slice_, a, starts=starts, limits=limits, strides=(1,) * len(shape), weak=a.weak_type)


def join(parts: Sequence[Value], axis: int) -> Value:
    """Arrays of one dtype end to end."""
    return (
        parts[0]
        if len(parts) == 1
        else bind(s.concatenate, *parts, axis=axis, weak=all(p.weak_type for p in parts))
    )
