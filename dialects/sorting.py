"""Sorting: of any number of operands, the first of which are the keys; and the largest few of each row."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    ShapeError,
    all_batched,
    dtype_of,
    ops,
    sample,
    shape_of,
)
from axil.dialects.windows import Windows


def _infer(*xs: Aval, axis: int, num_keys: int, stable: bool) -> tuple[Aval, ...]:
    text = ", ".join(map(str, xs))
    if not xs or any(x.shape != xs[0].shape for x in xs):
        raise ShapeError(f"'sort' takes arrays of one shape, got {text}")
    if not 0 <= axis < xs[0].ndim:
        raise ShapeError(f"'sort': axis {axis} is out of range for {xs[0]}")
    if not 1 <= num_keys <= len(xs):
        raise AttributeValueError(
            f"'sort' of {len(xs)} arrays takes from 1 to {len(xs)} keys, got {num_keys}"
        )
    for x in xs[:num_keys]:
        if x.dtype.kind == "V" and not av.is_float(x.dtype) and not av.is_integer(x.dtype):
            raise DtypeError(f"'sort' cannot order {x}")
    return xs


def _key_parts(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """What NumPy can compare of a key, most significant last."""
    if x.dtype.kind == "c":
        return np.imag(x), np.real(x)
    return (x.astype(np.float32) if av.is_float(x.dtype) and x.dtype.itemsize < 4 else x,)


def _reference(*xs: np.ndarray, axis: int, num_keys: int, stable: bool) -> tuple[np.ndarray, ...]:
    if len(xs) == 1 and xs[0].dtype.kind in "fiub":
        return (np.sort(xs[0], axis, kind="stable"),)
    keys = [part for x in reversed(xs[:num_keys]) for part in _key_parts(x)]
    order = np.lexsort(keys, axis=axis) if len(keys) > 1 else np.argsort(keys[0], axis, kind="stable")
    return tuple(np.take_along_axis(x, order, axis) for x in xs)


def take_along(x: Any, order: Any, axis: int) -> Any:
    """Elements of `x` at positions `order` along an axis; positions must be in bounds."""
    shape = shape_of(x)
    others = tuple(d for d in range(len(shape)) if d != axis)
    windows = Windows((), (axis,), others, others, (axis,), (1,) * len(shape))
    indices = ops.reshape(order, shape=(*shape_of(order), 1))
    return ops.gather(x, indices, **windows.gather_attributes("promise"))


def _jvp(y: Any, xs: Any, dxs: Any, *, axis: int, num_keys: int, stable: bool) -> Any:
    if all(t is None for t in dxs):
        return None
    positions = ops.iota(shape=shape_of(xs[0]), axis=axis, dtype=np.dtype(np.int32))
    order = sort(*xs[:num_keys], positions, axis=axis, num_keys=num_keys, stable=stable)[-1]
    return tuple(None if t is None else take_along(t, order, axis) for t in dxs)


def _batch(size: int, xs: Any, batched: Any, *, axis: int, num_keys: int, stable: bool) -> Any:
    return sort(*all_batched(size, xs, batched), axis=axis + 1, num_keys=num_keys, stable=stable)


# ---- lowering ------------------------------------------------------------------------------------------


def _lower(values: Any, results: Any, context: Any, *, axis: int, num_keys: int, stable: bool) -> list:
    from axil.dialects import hlo

    shape = shape_of(values[0])
    if shape[axis] < 2 or 0 in shape:
        return list(values)
    if context is None:
        return _plain_sort(values, axis, num_keys, stable)
    last = len(shape) - 1
    # The kernel sorts rows. Swapping two dimensions is its own inverse.
    swap = [{axis: last, last: axis}.get(d, d) for d in range(len(shape))]
    moved = list(values) if axis == last else [hlo.transpose(v, swap) for v in values]
    found = context.kernel("merge_sort", moved, [v.type for v in moved], num_keys=num_keys, descending=False)
    if found is None:
        if axis != last:
            for v in moved:
                v.owner.erase()
        return _plain_sort(values, axis, num_keys, stable)
    return list(found) if axis == last else [hlo.transpose(v, swap) for v in found]


def _plain_sort(values: Any, axis: int, num_keys: int, stable: bool) -> list:
    """Emit StableHLO's sort. IREE's is not stable: where that shows, positions become the last key."""
    from axil.dialects import hlo

    # IREE cannot compile a sort of two operands that are one value.
    sorted_as = {v: i for i, v in reversed(list(enumerate(values)))}
    operands = [v for i, v in enumerate(values) if sorted_as[v] == i]
    place = [operands.index(values[sorted_as[v]]) for v in values]
    positions = []
    if stable and (len(operands) > 1 or av.is_inexact(dtype_of(values[0]))):
        positions = [_positions(shape_of(values[0]), axis)]

    def before(*elements: Any) -> Any:
        keys = [*dict.fromkeys(place[:num_keys]), *[len(operands)] * len(positions)]
        return _lexicographic([pair for k in keys for pair in _parts(elements[2 * k], elements[2 * k + 1])])

    results = hlo.sort([*operands, *positions], axis, stable, before)
    return [results[i] for i in place]


def _positions(shape: tuple[int, ...], axis: int) -> Any:
    """Emit positions along an axis, of which IREE cannot know that they are an iota, as an operand may be the same."""
    from axil.dialects import hlo

    zero = hlo.barrier(hlo.constant(np.zeros((), np.int32)))
    return hlo.op("xor", hlo.iota(shape, np.int32, axis), hlo.broadcast(zero, shape, ()))


def _parts(a: Any, b: Any) -> list[tuple[Any, Any]]:
    """Emit what is compared of a pair of elements, in order: of complex numbers both parts."""
    from axil.dialects import hlo

    if not av.is_complex(dtype_of(a)):
        return [(a, b)]
    return [(hlo.op(part, a), hlo.op(part, b)) for part in ("real", "imag")]


def _lexicographic(pairs: list[tuple[Any, Any]]) -> Any:
    """Emit whether the first of each pair comes before the second; earlier pairs decide first."""
    from axil.dialects import hlo

    (a, b), rest = pairs[0], pairs[1:]
    less = _less(a, b)
    if not rest:
        return less
    undecided = hlo.op("not", hlo.op("or", less, _less(b, a)))
    return hlo.op("or", less, hlo.op("and", undecided, _lexicographic(rest)))


def _less(a: Any, b: Any) -> Any:
    """Emit `a < b`, where NaN is larger than everything and -0.0 equals 0.0."""
    from axil.dialects import hlo

    less = hlo.compare(a, b, "LT")
    if not av.is_float(dtype_of(a)):
        return less
    only_b_is_nan = hlo.op("and", hlo.compare(b, b, "NE"), hlo.compare(a, a, "EQ"))
    return hlo.op("or", less, only_b_is_nan)


def _sample(*operands: str, axis: int = 0, num_keys: int = 1, **more: Any) -> Any:
    return sample(*operands, axis=axis, num_keys=num_keys, stable=True, **more)


sort = Op(
    name="sort", operands=("operands",), variadic=True, results=0,
    summary="Operands sorted together along an axis by the first `num_keys` of them; NaN comes last.",
    attributes={"axis": "int", "num_keys": "int", "stable": "bool"}, infer=_infer, reference=_reference,
    jvp=_jvp, batch=_batch, lower=_lower, flops=lambda *xs, axis,
    **attributes: float(xs[0].size * xs[0].shape[axis].bit_length()), samples=(
        _sample("f32[7]"), _sample("f32[3,5]", axis=1), _sample("f32[4,3]", axis=0),
        _sample("f32[6]", "f32[6]"), _sample("i32[6]", "f32[6]", num_keys=2), _sample("bool[5]", "i32[5]"),
        _sample("u32[5]", "f32[5]", "i32[5]", num_keys=2),
    ), makes_nan=False,
)  # fmt: skip


# ---- the largest ---------------------------------------------------------------------------------------


def _top_infer(x: Aval, *, k: int) -> tuple[Aval, Aval]:
    if not x.ndim or not 0 <= k <= x.shape[-1]:
        raise ShapeError(f"'top_k': {x} has no {k} elements along its last dimension")
    if av.is_complex(x.dtype):
        raise DtypeError(f"'top_k' cannot order {x}")
    shape = (*x.shape[:-1], k)
    return x.with_shape(shape), av.aval(shape, np.dtype(np.int32))


def _top_reference(x: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    # Reversed before and after an ascending stable sort: NaN comes first, and equals stay in order.
    (key,) = _key_parts(x[..., ::-1])
    order = x.shape[-1] - 1 - np.argsort(key, -1, kind="stable")[..., ::-1][..., :k]
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


def _top_jvp(y: Any, xs: Any, dxs: Any, *, k: int) -> Any:
    if dxs[0] is None or not av.is_inexact(dtype_of(xs[0])):
        return None
    return take_along(dxs[0], y[1], len(shape_of(xs[0])) - 1), None


def _top_lower(values: Any, results: Any, context: Any, *, k: int) -> list:
    from axil.dialects import hlo

    (x,) = values
    shape = shape_of(x)
    found = context.kernel("top_k", values, results, k=k) if context is not None else None
    if found is not None:
        return list(found)
    last = len(shape) - 1
    flip = lambda v: hlo.op("reverse", v, dimensions=hlo.ints([last]))
    positions = hlo.iota(shape, np.int32, last)
    ordered = _lower([flip(x), flip(positions)], None, context, axis=last, num_keys=1, stable=True)
    limits = (*shape[:-1], k)
    return [hlo.slice_(flip(v), [0] * len(shape), limits) for v in ordered]


top_k = Op(
    name="top_k", summary="The `k` largest elements along the last dimension, descending, and their positions.",
    operands=("x",), attributes={"k": "int"}, results=2, infer=_top_infer, reference=_top_reference, jvp=_top_jvp,
    batch=lambda size, xs, batched, *, k: top_k(xs[0], k=k), lower=_top_lower,
    flops=lambda x, *, k: float(x.size * max(k, 1).bit_length()), samples=(
        sample("f32[7]", k=3), sample("f32[3,5]", k=5), sample("i32[4,40]", k=2), sample("bf16[40]", k=3, grad=False),
        sample("u8[2,70]", k=4), sample("f32[3,100]", k=70), sample("f32[4]", k=0), sample("bool[40]", k=2),
    ), makes_nan=False,
)  # fmt: skip
