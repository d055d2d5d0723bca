"""Functions that move, repeat, cut and join elements, and make arrays of a given shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import pytrees
from axil.core import Array, as_array, aval, bind, make_array, state
from axil.dialects import shape as s
from axil.dialects.elementwise import convert
from axil.lax.common import (
    ArgumentTypeError,
    axis_index,
    check_same_dtype,
    fail,
    integer,
    ints,
    is_weak,
    operand,
    operands,
    result_dtype,
    shape_of,
)

# ---- shape ---------------------------------------------------------------------------------------------


def reshape(operand: Any, new_sizes: Any, dimensions: Sequence[int] | None = None) -> Any:
    """The elements in another shape, in row-major order, or in that of `dimensions`."""
    x = _operand("reshape", operand)
    shape = shape_of("reshape", new_sizes)
    if dimensions is not None:
        x = transpose(x, dimensions)
    return x if x.aval.shape == shape else bind(s.reshape, x, shape=shape, weak=x.weak_type)


def transpose(operand: Any, permutation: Sequence[int]) -> Any:
    """Dimensions permuted: dimension `permutation[i]` becomes dimension `i`."""
    x = _operand("transpose", operand)
    permutation = ints("transpose", "permutation", permutation)
    if permutation == tuple(range(len(x.aval.shape))):
        return x
    return bind(s.transpose, x, permutation=permutation, weak=x.weak_type)


def squeeze(array: Any, dimensions: Sequence[int]) -> Any:
    """Without the given dimensions, which must have size 1."""
    x = _operand("squeeze", array)
    shape = x.aval.shape
    axes = {axis_index("squeeze", d, len(shape)) for d in ints("squeeze", "dimensions", dimensions)}
    if any(shape[a] != 1 for a in axes):
        fail(f"lax.squeeze: dimensions {tuple(sorted(axes))} of {x.aval} are not all of size 1")
    return reshape(x, tuple(n for i, n in enumerate(shape) if i not in axes))


def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """With new dimensions of size 1 at the given places of the result."""
    x = _operand("expand_dims", array)
    given = ints("expand_dims", "dimensions", dimensions)
    ndim = len(x.aval.shape) + len(given)
    axes = {axis_index("expand_dims", d, ndim) for d in given}
    if len(axes) != len(given):
        fail(f"lax.expand_dims: dimensions {given} repeat a dimension")
    sizes = iter(x.aval.shape)
    return reshape(x, tuple(1 if i in axes else next(sizes) for i in range(ndim)))


def collapse(operand: Any, start_dimension: int, stop_dimension: int | None = None) -> Any:
    """Dimensions from `start_dimension` up to `stop_dimension` merged into one."""
    x = _operand("collapse", operand)
    shape = x.aval.shape
    start, stop, _ = slice(start_dimension, stop_dimension).indices(len(shape))
    if start > stop:
        fail(f"lax.collapse: {start_dimension}:{stop_dimension} is no range of the dimensions of {x.aval}")
    return reshape(x, (*shape[:start], math.prod(shape[start:stop]), *shape[stop:]))


# ---- repetition ----------------------------------------------------------------------------------------


def broadcast_in_dim(operand: Any, shape: Any, broadcast_dimensions: Sequence[int]) -> Any:
    """Repetition: dimension `i` of the operand becomes dimension `broadcast_dimensions[i]` of the result."""
    x = _operand("broadcast_in_dim", operand)
    shape = shape_of("broadcast_in_dim", shape)
    dims = ints("broadcast_in_dim", "broadcast_dimensions", broadcast_dimensions)
    if x.aval.shape == shape and dims == tuple(range(len(shape))):
        return x
    return bind(s.broadcast_in_dim, x, shape=shape, dims=dims, weak=x.weak_type)


def broadcast(operand: Any, sizes: Any) -> Any:
    """With new leading dimensions of the given sizes, along which it is repeated."""
    x = _operand("broadcast", operand)
    sizes = shape_of("broadcast", sizes)
    lead, shape = len(sizes), x.aval.shape
    return broadcast_in_dim(x, (*sizes, *shape), range(lead, lead + len(shape)))


def broadcast_to_rank(x: Any, rank: int) -> Any:
    """With new leading dimensions of size 1, until there are `rank` dimensions."""
    x = _operand("broadcast_to_rank", x)
    missing = rank - len(x.aval.shape)
    if missing < 0:
        fail(f"lax.broadcast_to_rank: {x.aval} has more than {rank} dimensions")
    return reshape(x, (1,) * missing + x.aval.shape)


def broadcast_like(arr: Any, like_arr: Any) -> Any:
    """`arr` repeated to the shape of `like_arr`, as NumPy broadcasts."""
    x, target = operands("broadcast_like", (arr, like_arr))
    return broadcast_to("broadcast_like", x, target.aval.shape)


def broadcast_to(name: str, x: Any, shape: tuple[int, ...]) -> Any:
    """`x` repeated to a shape that its own one broadcasts to, by NumPy's rules. For functions of ours."""
    of = x.aval.shape
    if of == shape:
        return x
    if broadcast_shapes(of, shape) != shape:
        fail(f"{name}: {x.aval} cannot be broadcast to shape {shape}")
    dims = tuple(range(len(shape) - len(of), len(shape)))
    return bind(s.broadcast_in_dim, x, shape=shape, dims=dims, weak=x.weak_type)


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape to which arrays of the given shapes broadcast together, by NumPy's rules."""
    shapes = tuple(ints("broadcast_shapes", "shapes", shape) for shape in shapes)
    if len(shapes) == 1:
        return shapes[0]
    result = []
    for i in range(max(map(len, shapes), default=0), 0, -1):
        sizes = {shape[-i] for shape in shapes if len(shape) >= i and shape[-i] != 1}
        if len(sizes) > 1:
            fail(f"shapes {', '.join(map(str, shapes))} cannot be broadcast together")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def tile(operand: Any, reps: Sequence[int]) -> Any:
    """Repeated `reps[i]` times along each dimension `i`."""
    x = _operand("tile", operand)
    reps, shape = shape_of("tile", reps), x.aval.shape
    if len(reps) != len(shape):
        fail(f"lax.tile: {x.aval} needs {len(shape)} numbers of repetitions, got {reps}")
    between = tuple(n for pair in zip(reps, shape) for n in pair)
    wide = broadcast_in_dim(x, between, range(1, 2 * len(shape), 2))
    return reshape(wide, tuple(r * n for r, n in zip(reps, shape)))


# ---- joining and cutting -------------------------------------------------------------------------------


def concatenate(operands: Sequence[Any], dimension: int) -> Any:
    """Arrays joined end to end along a dimension."""
    xs = _operands("concatenate", operands)
    check_same_dtype("concatenate", xs)
    dimension = integer("concatenate", "dimension", dimension)
    if len({len(x.aval.shape) for x in xs}) > 1:
        fail(f"lax.concatenate takes arrays of the same number of dimensions, got {_texts(xs)}")
    if len(xs) == 1 and 0 <= dimension < len(xs[0].aval.shape):
        return xs[0]
    return bind(s.concatenate, *xs, axis=dimension, weak=is_weak(xs))


def stack(operands: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new dimension."""
    xs = _operands("stack", operands)
    check_same_dtype("stack", xs)
    shape = xs[0].aval.shape
    if any(x.aval.shape != shape for x in xs):
        fail(f"lax.stack takes arrays of one shape, got {_texts(xs)}")
    axis = axis_index("stack", axis, len(shape) + 1)
    return concatenate([reshape(x, (*shape[:axis], 1, *shape[axis:])) for x in xs], axis)


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The slices along a dimension, each without it."""
    x = _operand("unstack", x)
    if not x.aval.shape:
        fail("lax.unstack needs an array of at least one dimension, got a scalar")
    axis = axis_index("unstack", axis, len(x.aval.shape))
    shape = x.aval.shape[:axis] + x.aval.shape[axis + 1 :]
    return tuple(reshape(part, shape) for part in split(x, (1,) * x.aval.shape[axis], axis))


def split(operand: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """Cut along a dimension into parts of the given sizes."""
    x = _operand("split", operand)
    shape, sizes = x.aval.shape, shape_of("split", sizes)
    axis = axis_index("split", axis, len(shape))
    if sum(sizes) != shape[axis]:
        fail(f"lax.split: sizes {sizes} add up to {sum(sizes)}, dimension {axis} of {x.aval} has {shape[axis]}")
    parts, start = [], 0
    for size in sizes:
        starts = tuple(start if i == axis else 0 for i in range(len(shape)))
        limits = tuple(start + size if i == axis else n for i, n in enumerate(shape))
        parts.append(bind(s.slice_, x, starts=starts, limits=limits, strides=(1,) * len(shape), weak=x.weak_type))
        start += size
    return parts


def pad(operand: Any, padding_value: Any, padding_config: Sequence[tuple[int, int, int]]) -> Any:
    """Padded at the ends and between elements: `(low, high, interior)` for each dimension; negative ends cut."""
    x, value = operands("pad", (operand, padding_value))
    if x.aval.dtype != value.aval.dtype:
        check_same_dtype("pad", (x, value))
    if any(len(p) != 3 for p in padding_config):
        fail(f"lax.pad: padding_config takes (low, high, interior) for each dimension, got {padding_config}")
    low, high, interior = (ints("pad", "padding_config", [p[i] for p in padding_config]) for i in range(3))
    return bind(s.pad, x, value, low=low, high=high, interior=interior, weak=x.weak_type and value.weak_type)


def rev(operand: Any, dimensions: Sequence[int]) -> Any:
    """Elements in reverse order along the given dimensions."""
    x = _operand("rev", operand)
    return bind(s.reverse, x, axes=ints("rev", "dimensions", dimensions), weak=x.weak_type)


# ---- making arrays -------------------------------------------------------------------------------------


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """An array of one value."""
    shape = shape_of("full", shape)
    value = _operand("full", fill_value)
    if value.aval.shape:
        fail(f"lax.full takes a scalar to fill with, got {value.aval}")
    weak = dtype is None and value.weak_type
    return filled(shape, value, value.aval.dtype if dtype is None else result_dtype("full", dtype), weak)


def filled(shape: tuple[int, ...], value: Any, dtype: np.dtype, weak: bool = False) -> Any:
    """`full` of checked arguments. For functions of ours."""
    if type(value) is not Array and not hasattr(value, "aval"):
        value = Array(np.asarray(value).astype(dtype))
    if value.aval.dtype != dtype:
        value = bind(convert, value, dtype=dtype)
    if type(value) is Array and state.trace is None:
        return make_array(np.full(shape, value._numpy), aval(shape, dtype), weak)
    return bind(s.broadcast_in_dim, value, shape=shape, dims=(), weak=weak)


def full_like(x: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    """An array of one value, of the shape and dtype of `x` unless given."""
    x = _operand("full_like", x)
    shape = x.aval.shape if shape is None else shape_of("full_like", shape)
    weak = dtype is None and x.weak_type
    dtype = x.aval.dtype if dtype is None else result_dtype("full_like", dtype)
    value = _operand("full_like", fill_value)
    if value.aval.shape:
        fail(f"lax.full_like takes a scalar to fill with, got {value.aval}")
    return filled(shape, value, dtype, weak)


def empty(shape: Any, dtype: Any) -> Any:
    """An array whose values do not matter; they are zeros."""
    return filled(shape_of("empty", shape), 0, result_dtype("empty", dtype))


def iota(dtype: Any, size: int) -> Any:
    """0, 1, 2, ... of a dtype."""
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(dtype: Any, shape: Any, dimension: int) -> Any:
    """An array whose elements are their own indices along a dimension."""
    shape = shape_of("iota", shape)
    dtype = result_dtype("iota", dtype)
    return bind(s.iota, shape=shape, axis=integer("iota", "dimension", dimension), dtype=dtype)


def shape_as_value(shape: Any) -> Any:
    """A shape as a vector of i32."""
    return as_array(np.asarray(shape_of("shape_as_value", shape), np.int32))


def optimization_barrier(operand: Any) -> Any:
    """The operands, a tree of arrays, made opaque: the compiler neither merges nor moves work across."""
    leaves, treedef = pytrees.tree_flatten(operand)
    leaves = [_operand("optimization_barrier", x) for x in leaves]
    number = 0
    if state.trace is not None:
        # Counted within the program, so that the same function gives the same program (and cache entry) again.
        state.trace.program.barriers += 1
        number = state.trace.program.barriers
    done = [bind(s.optimization_barrier, x, id=number, weak=x.weak_type) for x in leaves]
    return pytrees.tree_unflatten(treedef, done)


# ---- helpers -------------------------------------------------------------------------------------------

_operand = operand  # public parameters are called `operand`, as in JAX


def _operands(name: str, xs: Any) -> list[Any]:
    if not isinstance(xs, Sequence):
        if getattr(xs, "ndim", 0) == 0:
            fail(f"lax.{name} takes a sequence of arrays, got {type(xs).__name__}", kind=ArgumentTypeError)
        xs = list(xs)
    if not xs:
        fail(f"lax.{name} takes at least one array, got none")
    return operands(name, xs)


def _texts(xs: Sequence[Any]) -> str:
    return ", ".join(str(x.aval) for x in xs)


__all__ = [
    "broadcast", "broadcast_in_dim", "broadcast_like", "broadcast_shapes", "broadcast_to_rank",
    "broadcasted_iota", "collapse", "concatenate", "empty", "expand_dims", "full", "full_like", "iota",
    "optimization_barrier", "pad", "reshape", "rev", "shape_as_value", "split", "squeeze", "stack", "tile",
    "transpose", "unstack",
]  # fmt: skip
