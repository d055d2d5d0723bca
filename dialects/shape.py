"""Shape ops: they move, repeat, cut and join elements, and never compute with them.

All but `iota` are linear, so that a derivative is the op itself on the tangent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.errors import AttributeValueError, DifferentiationError
from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    ShapeError,
    all_batched,
    aval,
    broadcast_batch,
    check_same,
    dtype_of,
    full,
    is_linear,
    jvp_linear,
    no_tangent,
    normalize_axes,
    ops,
    sample,
    shape_of,
)
from axil.dialects.op import reads_a_part, zeros_like_aval

SMALL = 4096
"""Broadcasts of at most this many elements are copied by the reference: quicker than making a view."""


def up(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Axes of an array as axes of the same array with a leading batch dimension."""
    return tuple(a + 1 for a in axes)


def free(*avals: Any, **attributes: Any) -> float:
    """The `flops` rule of ops that compute nothing, and the `traffic` rule of those that touch nothing."""
    return 0.0


def producer(value: Any, name: str) -> tuple[Any, dict] | None:
    """The first operand and the attributes of the op `name` that made an MLIR value; `None` for any other."""
    from axil.dialects.mlir import from_attribute, ir

    owner = value.owner
    if isinstance(owner, ir.Block) or owner.name != "axil." + name:
        return None
    return owner.operands[0], {
        a: from_attribute(owner.attributes[a]) for a in ops.__getattr__(name).attributes
    }


def _check_shape(name: str, shape: tuple[int, ...]) -> None:
    if any(n < 0 for n in shape):
        raise AttributeValueError(f"'{name}': shape {shape} has a negative dimension")


# ---- reshape -------------------------------------------------------------------------------------------


def _reshape_infer(x: Aval, *, shape: tuple[int, ...]) -> Aval:
    if x.size != math.prod(shape) or any(n < 0 for n in shape):
        _check_shape("reshape", shape)
        raise ShapeError(
            f"'reshape' cannot give {x}, of {x.size} elements, the shape {shape} of {math.prod(shape)}"
        )
    return x.with_shape(shape)


def _reshape_simplify(operands: Any, attributes: Any, result: Any) -> Any:
    if shape_of(operands[0]) == attributes["shape"]:
        return operands[0]
    inner = producer(operands[0], "reshape")
    if inner is None:
        return None
    return inner[0] if shape_of(inner[0]) == attributes["shape"] else reshape(inner[0], shape=attributes["shape"])


def _reshape_lower(values: Any, results: Any, context: Any, *, shape: tuple[int, ...]) -> Any:
    from axil.dialects import hlo

    return hlo.reshape(values[0], shape)


reshape = Op(
    name="reshape", moves=True, summary="The same elements, in row-major order, in another shape.", operands=("x",),
    attributes={"shape": "ints"}, infer=_reshape_infer, reference=lambda x, *, shape: x.reshape(shape),
    jvp=jvp_linear("reshape"), linear=(0,),
    transpose=lambda ct, xs, *, shape: (reshape(ct, shape=xs[0].shape),),
    batch=lambda size, xs, batched, *, shape: reshape(xs[0], shape=(size, *shape)), lower=_reshape_lower,
    simplify=_reshape_simplify, cheap=True, flops=free, traffic=free,
    samples=(sample("f32[2,3]", shape=(3, 2)), sample("f32[1]", shape=()), sample("f32[4]", shape=(2, 1, 2)),
             sample("i32[0,3]", shape=(0,), grad=False)), makes_nan=False,
)  # fmt: skip

# ---- broadcast_in_dim ----------------------------------------------------------------------------------


def _broadcast_infer(x: Aval, *, shape: tuple[int, ...], dims: tuple[int, ...]) -> Aval:
    if len(dims) != len(x.shape):
        raise ShapeError(
            f"'broadcast_in_dim' needs one entry of dims for each dimension of {x}, got dims {dims}"
        )
    last = -1
    for n, d in zip(x.shape, dims):
        if not last < d < len(shape):
            raise ShapeError(
                f"'broadcast_in_dim': dims {dims} must increase and lie within the shape {shape}"
            )
        if n != 1 and n != shape[d]:
            raise ShapeError(f"'broadcast_in_dim' cannot broadcast {x} to shape {shape} along dims {dims}: "
                             f"dimension {d} of the result is {shape[d]}, the operand's is {n}")  # fmt: skip
        last = d
    _check_shape("broadcast_in_dim", shape)
    return x.with_shape(shape)


def _broadcast_reference(x: np.ndarray, *, shape: tuple[int, ...], dims: tuple[int, ...]) -> np.ndarray:
    if dims and dims != tuple(range(len(shape) - len(dims), len(shape))):
        expanded = [1] * len(shape)
        for n, d in zip(x.shape, dims):
            expanded[d] = n
        x = x.reshape(expanded)
    if math.prod(shape) > SMALL:
        return np.broadcast_to(x, shape)
    y = np.empty(shape, x.dtype)
    y[...] = x
    return y


def _broadcast_transpose(ct: Any, xs: Any, *, shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple:
    of = xs[0].shape
    kept = {d for n, d in zip(of, dims) if n == shape[d]}
    axes = tuple(i for i in range(len(shape)) if i not in kept)
    summed = ops.reduce_sum(ct, axes=axes) if axes else ct
    return (summed if shape_of(summed) == of else reshape(summed, shape=of),)


def _broadcast_lower(values: Any, results: Any, context: Any, *, shape: Any, dims: Any) -> Any:
    from axil.dialects import hlo

    return hlo.broadcast(values[0], shape, dims)


def _broadcast_batch(size: int, xs: Any, batched: Any, *, shape: Any, dims: Any) -> Any:
    return broadcast_in_dim(xs[0], shape=(size, *shape), dims=(0, *up(dims)))


def _broadcast_simplify(operands: Any, attributes: Any, result: Any) -> Any:
    return operands[0] if shape_of(operands[0]) == attributes["shape"] else None


broadcast_in_dim = Op(
    name="broadcast_in_dim", moves=True, operands=("x",),
    summary="Repetition: dimension `i` of the operand becomes dimension `dims[i]` of the result.",
    attributes={"shape": "ints", "dims": "ints"}, infer=_broadcast_infer,
    reference=_broadcast_reference, jvp=jvp_linear("broadcast_in_dim"), linear=(0,),
    transpose=_broadcast_transpose, batch=_broadcast_batch, lower=_broadcast_lower,
    simplify=_broadcast_simplify, cheap=True, flops=free,
    source="StableHLO `broadcast_in_dim`",
    samples=(sample("f32[3]", shape=(2, 3), dims=(1,)), sample("f32[2,1]", shape=(2, 4, 3), dims=(0, 2)),
             sample("f32[]", shape=(2, 2), dims=()), sample("f32[1,3]", shape=(1, 3), dims=(0, 1))), makes_nan=False,
)  # fmt: skip

# ---- transpose -----------------------------------------------------------------------------------------


def inverse(permutation: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes another."""
    result = [0] * len(permutation)
    for i, p in enumerate(permutation):
        result[p] = i
    return tuple(result)


def _transpose_infer(x: Aval, *, permutation: tuple[int, ...]) -> Aval:
    if tuple(sorted(permutation)) != tuple(range(len(x.shape))):
        raise ShapeError(
            f"'transpose' takes a permutation of the {len(x.shape)} dimensions of {x}, got {permutation}"
        )
    return x.with_shape(tuple(x.shape[p] for p in permutation))


def _transpose_simplify(operands: Any, attributes: Any, result: Any) -> Any:
    permutation = attributes["permutation"]
    if permutation == tuple(range(len(permutation))):
        return operands[0]
    inner = producer(operands[0], "transpose")
    if inner is None:
        return None
    first = inner[1]["permutation"]
    return transposed(inner[0], tuple(first[p] for p in permutation))


def _transpose_lower(values: Any, results: Any, context: Any, *, permutation: tuple[int, ...]) -> Any:
    from axil.dialects import hlo

    return hlo.transpose(values[0], permutation)


def transposed(x: Any, permutation: tuple[int, ...]) -> Any:
    """`x` with its dimensions permuted; `x` itself where that changes nothing."""
    return x if permutation == tuple(range(len(permutation))) else transpose(x, permutation=permutation)


transpose = Op(
    name="transpose", moves=True, summary="Permutation of dimensions: `permutation[i]` of the operand becomes `i`.",
    operands=("x",), attributes={"permutation": "ints"}, infer=_transpose_infer,
    reference=lambda x, *, permutation: x.transpose(permutation), jvp=jvp_linear("transpose"), linear=(0,),
    transpose=lambda ct, xs, *, permutation: (transpose(ct, permutation=inverse(permutation)),),
    batch=lambda size, xs, batched, *, permutation: transpose(xs[0], permutation=(0, *up(permutation))),
    lower=_transpose_lower, simplify=_transpose_simplify, flops=free,
    samples=(sample("f32[2,3,4]", permutation=(2, 0, 1)), sample("f32[2,3]", permutation=(0, 1)),
             sample("f32[]", permutation=())), makes_nan=False,
)  # fmt: skip

# ---- slice and pad -------------------------------------------------------------------------------------


def _slice_infer(x: Aval, *, starts: Any, limits: Any, strides: Any) -> Aval:
    if not len(starts) == len(limits) == len(strides) == len(x.shape):
        raise ShapeError(f"'slice' needs a start, limit and stride for each dimension of {x}, "
                         f"got {starts}, {limits}, {strides}")  # fmt: skip
    shape = []
    for axis, (n, start, limit, stride) in enumerate(zip(x.shape, starts, limits, strides)):
        if not 0 <= start <= limit <= n or stride < 1:
            raise ShapeError(f"'slice' of {x}: {start}:{limit}:{stride} is no range of dimension {axis}; "
                             "it takes 0 <= start <= limit <= size and a stride of at least 1")  # fmt: skip
        shape.append(-(-(limit - start) // stride))
    return x.with_shape(tuple(shape))


def _slice_transpose(ct: Any, xs: Any, *, starts: Any, limits: Any, strides: Any) -> tuple:
    # What the slice leaves out has a zero cotangent: spread by the strides, then pad to the operand's size.
    high = []
    for n, out, start, stride in zip(xs[0].shape, shape_of(ct), starts, strides):
        high.append(n - start - (out - 1) * stride - 1 if out else n - start)
    interior = tuple(stride - 1 for stride in strides)
    return (pad(ct, full((), 0, dtype_of(ct)), low=starts, high=tuple(high), interior=interior),)


def _slice_batch(size: int, xs: Any, batched: Any, *, starts: Any, limits: Any, strides: Any) -> Any:
    return slice_(xs[0], starts=(0, *starts), limits=(size, *limits), strides=(1, *strides))


def _slice_lower(values: Any, results: Any, context: Any, *, starts: Any, limits: Any, strides: Any) -> Any:
    from axil.dialects import hlo

    return hlo.slice_(values[0], starts, limits, strides)


def _slice_simplify(operands: Any, attributes: Any, result: Any) -> Any:
    return operands[0] if shape_of(operands[0]) == shape_of(result) else None


slice_ = Op(
    name="slice", moves=True, summary="A regular range of elements of each dimension.", operands=("x",),
    attributes={"starts": "ints", "limits": "ints", "strides": "ints"}, infer=_slice_infer,
    reference=lambda x, *, starts, limits, strides: x[tuple(map(slice, starts, limits, strides))],
    jvp=jvp_linear("slice"), linear=(0,), transpose=_slice_transpose, batch=_slice_batch, lower=_slice_lower,
    simplify=_slice_simplify, flops=free, traffic=reads_a_part,
    samples=(sample("f32[4,5]", starts=(1, 0), limits=(3, 5), strides=(1, 2)),
             sample("f32[7]", starts=(1,), limits=(6,), strides=(3,)),
             sample("f32[3]", starts=(2,), limits=(2,), strides=(1,)),
             sample("f32[]", starts=(), limits=(), strides=())), makes_nan=False,
)  # fmt: skip


def _padded_size(n: int, low: int, high: int, interior: int) -> int:
    return low + n + max(n - 1, 0) * interior + high


def _pad_infer(x: Aval, value: Aval, *, low: Any, high: Any, interior: Any) -> Aval:
    if value.shape:
        raise ShapeError(f"'pad' takes a scalar to pad with, got {value}")
    if value.dtype != x.dtype:
        raise DtypeError(
            f"'pad' takes a value of the operand's dtype, got {x} and {value}; convert one of them"
        )
    if not len(low) == len(high) == len(interior) == len(x.shape):
        raise ShapeError(f"'pad' needs low, high and interior padding for each dimension of {x}, "
                         f"got {low}, {high}, {interior}")  # fmt: skip
    shape = tuple(map(_padded_size, x.shape, low, high, interior))
    if any(i < 0 for i in interior) or any(n < 0 for n in shape):
        raise ShapeError(f"'pad' of {x} by low {low}, high {high}, interior {interior} has a negative size: "
                         "interior padding is never negative, and no more is cut than there is")  # fmt: skip
    return x.with_shape(shape)


def _pad_reference(x: np.ndarray, value: np.ndarray, *, low: Any, high: Any, interior: Any) -> np.ndarray:
    shape = tuple(map(_padded_size, x.shape, low, high, interior))
    y = np.empty(shape, x.dtype)
    y[...] = value
    source, target = [], []
    for n, out, lo, step in zip(x.shape, shape, low, interior):
        # Negative padding cuts: the elements whose place lo + i * (step + 1) lies within the result remain.
        step += 1
        first = max(0, -(lo // step))
        last = min(n, -((lo - out) // step))
        if first >= last:
            return y
        source.append(slice(first, last))
        target.append(slice(lo + first * step, lo + (last - 1) * step + 1, step))
    y[tuple(target)] = x[tuple(source)]
    return y


def _pad_jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    dx, dvalue = dxs
    if dx is None and dvalue is None:
        return None
    dx = zeros_like_aval(av.aval_of(xs[0])) if dx is None else dx
    return pad(dx, full((), 0, dtype_of(y)) if dvalue is None else dvalue, **attributes)


def _pad_transpose(ct: Any, xs: Any, *, low: Any, high: Any, interior: Any) -> tuple:
    zero = full((), 0, dtype_of(ct))
    minus = tuple(-n for n in low), tuple(-n for n in high)
    cut = pad(ct, zero, low=minus[0], high=minus[1], interior=(0,) * len(low))
    shape = shape_of(cut)
    if any(interior):
        cut = slice_(cut, starts=(0,) * len(shape), limits=shape, strides=up(interior))
    if not is_linear(xs[1]):
        return cut, None
    every = tuple(range(len(shape)))
    rest = ops.sub(ops.reduce_sum(ct, axes=every), ops.reduce_sum(cut, axes=every))
    return cut if is_linear(xs[0]) else None, rest


def _pad_batch(size: int, xs: Any, batched: Any, *, low: Any, high: Any, interior: Any) -> Any:
    x, value = xs
    x = x if batched[0] else broadcast_batch(x, size)
    wide = dict(low=(0, *low), high=(0, *high), interior=(0, *interior))
    if not batched[1]:
        return pad(x, value, **wide)
    # Each example has its own padding value: pad with anything, then put the values where the padding is.
    dtype = dtype_of(x)
    inside = pad(full(shape_of(x), True, bool), full((), False, bool), **wide)
    y = pad(x, full((), 0, dtype), **wide)
    return ops.select(inside, y, broadcast_in_dim(value, shape=shape_of(y), dims=(0,)))


def _pad_lower(values: Any, results: Any, context: Any, *, low: Any, high: Any, interior: Any) -> Any:
    from axil.dialects import hlo

    return hlo.pad(values[0], values[1], low, high, interior)


def _pad_simplify(operands: Any, attributes: Any, result: Any) -> Any:
    return None if any(map(any, attributes.values())) else operands[0]


pad = Op(
    name="pad", summary="Padding at both ends and between elements; negative `low` and `high` cut.",
    operands=("x", "value"), attributes={"low": "ints", "high": "ints", "interior": "ints"}, infer=_pad_infer,
    reference=_pad_reference, jvp=_pad_jvp, linear=(0, 1), transpose=_pad_transpose, batch=_pad_batch,
    lower=_pad_lower, simplify=_pad_simplify, flops=free, source="StableHLO `pad`",
    samples=(sample("f32[2,3]", "f32[]", low=(1, 0), high=(0, 2), interior=(0, 0)),
             sample("f32[3,4]", "f32[]", low=(-1, 2), high=(2, -1), interior=(1, 2)),
             sample("f32[3]", "f32[]", low=(-1,), high=(-1,), interior=(2,)),
             sample("f32[3]", "f32[]", low=(-5,), high=(4,), interior=(0,)),
             sample("f32[0]", "f32[]", low=(2,), high=(1,), interior=(1,))), makes_nan=False,
)  # fmt: skip

# ---- concatenate ---------------------------------------------------------------------------------------


def _concatenate_infer(*xs: Aval, axis: int) -> Aval:
    if not xs:
        raise ShapeError("'concatenate' needs at least one operand")
    first = xs[0]
    if not 0 <= axis < len(first.shape):
        raise ShapeError(f"'concatenate': axis {axis} is out of range for {first}")
    before, after, total = first.shape[:axis], first.shape[axis + 1 :], 0
    for x in xs:
        if x.dtype != first.dtype:
            check_same("concatenate", first, x.with_shape(first.shape))
        if x.shape[:axis] != before or x.shape[axis + 1 :] != after or len(x.shape) != len(first.shape):
            text = ", ".join(map(str, xs))
            raise ShapeError(
                f"'concatenate' takes operands that agree in all dimensions but axis {axis}, got {text}"
            )
        total += x.shape[axis]
    return first.with_shape((*before, total, *after))


def _concatenate_jvp(y: Any, xs: Any, dxs: Any, *, axis: int) -> Any:
    if all(dx is None for dx in dxs):
        return None
    return concatenate(
        *(zeros_like_aval(av.aval_of(x)) if dx is None else dx for x, dx in zip(xs, dxs)), axis=axis
    )


def _concatenate_transpose(ct: Any, xs: Any, *, axis: int) -> tuple:
    shape, start, cotangents = shape_of(ct), 0, []
    for x in xs:
        n = shape_of(x)[axis]
        part = None
        if is_linear(x):
            starts = tuple(start if i == axis else 0 for i in range(len(shape)))
            limits = tuple(start + n if i == axis else size for i, size in enumerate(shape))
            part = slice_(ct, starts=starts, limits=limits, strides=(1,) * len(shape))
        cotangents.append(part)
        start += n
    return tuple(cotangents)


def _concatenate_lower(values: Any, results: Any, context: Any, *, axis: int) -> Any:
    from axil.dialects import hlo

    return hlo.op("concatenate", *values, dimension=hlo.integer(axis))


concatenate = Op(
    name="concatenate", moves=True, summary="Arrays joined end to end along an axis.", operands=("operands",),
    variadic=True, attributes={"axis": "int"}, infer=_concatenate_infer,
    reference=lambda *xs, axis: np.concatenate(xs, axis), jvp=_concatenate_jvp, linear=(0,),
    transpose=_concatenate_transpose, lower=_concatenate_lower,
    batch=lambda size, xs, batched, *, axis: concatenate(*all_batched(size, xs, batched), axis=axis + 1),
    simplify=lambda operands, attributes, result: operands[0] if len(operands) == 1 else None,
    flops=free,
    samples=(sample("f32[2,3]", "f32[2,1]", "f32[2,2]", axis=1), sample("f32[3]", axis=0),
             sample("i32[1,2]", "i32[3,2]", axis=0, grad=False)), makes_nan=False,
)  # fmt: skip

# ---- reverse and iota ----------------------------------------------------------------------------------


def _reverse_infer(x: Aval, *, axes: tuple[int, ...]) -> Aval:
    normalize_axes("reverse", axes, len(x.shape))
    return x


def _reverse_reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return x[tuple(slice(None, None, -1 if i in axes else None) for i in range(x.ndim))]


def _reverse_lower(values: Any, results: Any, context: Any, *, axes: tuple[int, ...]) -> Any:
    from axil.dialects import hlo

    x = values[0]
    if not hasattr(x.owner, "arguments") and x.owner.name == "stablehlo.slice":
        x = hlo.barrier(x)  # IREE 3.13 cannot compile the reverse of a strided slice
    of = dtype_of(x)
    if of.kind == "u":  # nor that of unsigned integers: reverse their bits as signed ones
        signed = hlo.bitcast(x, f"i{of.itemsize}")
        return hlo.bitcast(hlo.op("reverse", signed, dimensions=hlo.ints(axes)), of)
    return hlo.op("reverse", x, dimensions=hlo.ints(axes))


reverse = Op(
    name="reverse", moves=True, summary="Elements in reverse order along axes.", operands=("x",),
    attributes={"axes": "ints"}, infer=_reverse_infer, reference=_reverse_reference,
    jvp=jvp_linear("reverse"), linear=(0,), lower=_reverse_lower,
    transpose=lambda ct, xs, *, axes: (reverse(ct, axes=axes),),
    batch=lambda size, xs, batched, *, axes: reverse(xs[0], axes=up(axes)), flops=free,
    simplify=lambda operands, attributes, result: None if attributes["axes"] else operands[0],
    samples=(sample("f32[2,3]", axes=(1,)), sample("f32[2,3,2]", axes=(2, 0)), sample("f32[3]", axes=()),
             sample("u8[5]", axes=(0,), domain=(0, 200))), makes_nan=False,
)  # fmt: skip


def _iota_infer(*, shape: tuple[int, ...], axis: int, dtype: Any) -> Aval:
    _check_shape("iota", shape)
    if not 0 <= axis < len(shape):
        raise ShapeError(f"'iota': axis {axis} is out of range for shape {shape}")
    if av.is_bool(dtype):
        raise DtypeError("'iota' counts with numbers: dtype bool is none")
    return aval(shape, np.dtype(dtype))


def _iota_reference(*, shape: tuple[int, ...], axis: int, dtype: Any) -> np.ndarray:
    counted = np.arange(shape[axis]).astype(dtype)
    return counted if len(shape) == 1 else broadcast_in_dim.reference(counted, shape=shape, dims=(axis,))


def _iota_lower(values: Any, results: Any, context: Any, *, shape: Any, axis: int, dtype: Any) -> Any:
    from axil.dialects import hlo

    return hlo.iota(shape, dtype, axis)


iota = Op(
    name="iota", summary="Each element is its own index along an axis.", operands=(), infer=_iota_infer,
    attributes={"shape": "ints", "axis": "int", "dtype": "dtype"}, reference=_iota_reference, jvp=no_tangent,
    batch=lambda size, xs, batched, **attributes: broadcast_batch(iota(**attributes), size),
    lower=_iota_lower, cheap=True, flops=free,
    samples=(sample(shape=(2, 3), axis=1, dtype=np.dtype("int32")),
             sample(shape=(4,), axis=0, dtype=np.dtype("float32"))), makes_nan=False,
)  # fmt: skip

# ---- identities ----------------------------------------------------------------------------------------

optimization_barrier = Op(
    name="optimization_barrier", operands=("x",), attributes={"id": "int"},
    summary="The operand, made opaque: work behind barriers of different `id` is never merged.",
    infer=lambda x, *, id: x, reference=lambda x, *, id: x, jvp=lambda y, xs, dxs, *, id: dxs[0], linear=(0,),
    transpose=lambda ct, xs, *, id: (ct,), foldable=False, flops=free, traffic=free,
    batch=lambda size, xs, batched, *, id: optimization_barrier(xs[0], id=id),
    lower=lambda values, results, context, *, id: _barrier(values[0]), samples=(sample("f32[3]", id=1),),
    makes_nan=False,
)  # fmt: skip


def _barrier(x: Any) -> Any:
    from axil.dialects import hlo

    return hlo.typed("optimization_barrier", [x.type], [x]).results[0]


stop_gradient = Op(
    name="stop_gradient", moves=True, summary="The operand, taken as a constant by differentiation.", operands=("x",),
    infer=lambda x: x, reference=lambda x: x, jvp=no_tangent,
    batch=lambda size, xs, batched: stop_gradient(xs[0]),
    lower=lambda values, results, context: values[0], flops=free, traffic=free,
    samples=(sample("f32[3]", grad=False), sample("i32[2]", grad=False)), makes_nan=False,
)  # fmt: skip


checkpoint_name = Op(
    name="checkpoint_name", moves=True, summary="The operand, under a name by which checkpoint policies know it.",
    operands=("x",),
    attributes={"name": "str"}, infer=lambda x, *, name: x, reference=lambda x, *, name: x, flops=free,
    jvp=lambda y, xs, dxs, *, name: dxs[0],  # tangents have no name
    batch=lambda size, xs, batched, *, name: checkpoint_name(xs[0], name=name),
    lower=lambda values, results, context, *, name: values[0],
    samples=(sample("f32[3]", name="a"), sample("i32[2,2]", name="b")), makes_nan=False,
)  # fmt: skip


def _refuse_tangent(y: Any, xs: Any, dxs: Any, *, why: str) -> None:
    if dxs[0] is not None:
        raise DifferentiationError(why)


not_differentiable = Op(
    name="not_differentiable", summary="The operand; asking for a derivative through it is an error that says `why`.",
    operands=("x",), attributes={"why": "str"}, infer=lambda x, *, why: x, reference=lambda x, *, why: x,
    jvp=_refuse_tangent, batch=lambda size, xs, batched, *, why: not_differentiable(xs[0], why=why),
    lower=lambda values, results, context, *, why: values[0], flops=free,
    samples=(sample("i32[3]", why="the samples have no derivative", grad=False),), makes_nan=False,
)  # fmt: skip
