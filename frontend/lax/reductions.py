"""Reductions over axes, cumulative reductions, positions of extrema, and sorting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, pytrees
from axil.core import bind
from axil.dialects import avals as av
from axil.dialects import cumulative as c
from axil.dialects import reduction as r
from axil.dialects import sorting
from axil.dialects.op import OPS, Op
from axil.lax import elementwise as e
from axil.lax import shaping
from axil.lax.common import (
    ArgumentTypeError,
    AxisIndexError,
    axis_index,
    check_same_dtype,
    fail,
    integer,
    ints,
    operand,
    operands,
    result_dtype,
)
from axil.lax.monoids import recognized

# ---- reductions ----------------------------------------------------------------------------------------


def _reduced(op: Op, x: Any, axes: Sequence[int]) -> Any:
    x = operand(op.name, x)
    return bind(op, x, axes=ints(op.name, "axes", axes), weak=x.weak_type)


def reduce_sum(operand: Any, axes: Sequence[int]) -> Any:
    """Sum over axes."""
    return _reduced(r.reduce_sum, operand, axes)


def reduce_prod(operand: Any, axes: Sequence[int]) -> Any:
    """Product over axes."""
    return _reduced(r.reduce_prod, operand, axes)


def reduce_max(operand: Any, axes: Sequence[int]) -> Any:
    """Maximum over axes; NaN wins."""
    return _reduced(r.reduce_max, operand, axes)


def reduce_min(operand: Any, axes: Sequence[int]) -> Any:
    """Minimum over axes; NaN wins."""
    return _reduced(r.reduce_min, operand, axes)


def reduce_and(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise and over axes; logical for booleans."""
    return _reduced(r.reduce_and, operand, axes)


def reduce_or(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise or over axes; logical for booleans."""
    return _reduced(r.reduce_or, operand, axes)


def reduce_xor(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise exclusive or over axes; logical for booleans."""
    if "reduce_xor" in OPS:
        return _reduced(OPS["reduce_xor"], operand, axes)
    zero = np.zeros((), dtypes.dtype_of(operand))
    return reduce(operand, zero, e.bitwise_xor, axes)


def argmax(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Positions of the first maxima along an axis; NaN wins."""
    return _position(r.argmax, operand, axis, index_dtype)


def argmin(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Positions of the first minima along an axis; NaN wins."""
    return _position(r.argmin, operand, axis, index_dtype)


def _position(op: Op, x: Any, axis: int, index_dtype: Any) -> Any:
    x = operand(op.name, x)
    dtype = result_dtype(op.name, index_dtype)
    return bind(op, x, axis=integer(op.name, "axis", axis), dtype=dtype)


# ---- cumulative reductions -----------------------------------------------------------------------------


def _cumulated(op: Op, x: Any, axis: int, reverse: bool) -> Any:
    x = operand(op.name, x)
    axis = integer(op.name, "axis", axis)
    if not 0 <= axis < len(x.aval.shape):
        fail(f"lax.{op.name}: axis {axis} is out of bounds for {x.aval}", kind=AxisIndexError)
    return bind(op, x, axis=axis, reverse=bool(reverse), weak=x.weak_type)


def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running sum along an axis, from the end if `reverse`."""
    return _cumulated(c.cumsum, operand, axis, reverse)


def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running product along an axis, from the end if `reverse`."""
    return _cumulated(c.cumprod, operand, axis, reverse)


def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running maximum along an axis, from the end if `reverse`."""
    return _cumulated(c.cummax, operand, axis, reverse)


def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running minimum along an axis, from the end if `reverse`."""
    return _cumulated(c.cummin, operand, axis, reverse)


def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running logarithm of the sum of exponentials along an axis, from the end if `reverse`."""
    return _cumulated(c.cumlogsumexp, operand, axis, reverse)


# ---- reduction by a function ---------------------------------------------------------------------------

_MONOIDS: dict[Any, tuple[Callable[..., Any], Callable[..., Any]]] = {
    e.add: (reduce_sum, e.add),
    e.mul: (reduce_prod, e.mul),
    e.max: (reduce_max, e.max),
    e.min: (reduce_min, e.min),
    e.bitwise_and: (reduce_and, e.bitwise_and),
    e.bitwise_or: (reduce_or, e.bitwise_or),
}


def reduce(operands: Any, init_values: Any, computation: Callable[..., Any], dimensions: Sequence[int]) -> Any:
    """Reduction over dimensions by an associative function of two elements (or two trees of them).

    The function is called on arrays, of whose elements it treats each by itself. `init_values` is combined with
    the result of the rest once.
    """
    leaves, treedef = pytrees.tree_flatten(operands)
    inits, init_def = pytrees.tree_flatten(init_values)
    if treedef != init_def or not leaves:
        fail(f"lax.reduce: operands and initial values must be trees of one structure, got {treedef} and {init_def}")
    xs = [operand("reduce", x) for x in leaves]
    inits = [_initial(x, init) for x, init in zip(xs, inits)]
    shape = xs[0].aval.shape
    if any(x.aval.shape != shape for x in xs):
        fail(f"lax.reduce takes arrays of one shape, got {', '.join(str(x.aval) for x in xs)}")
    axes = tuple(axis_index("reduce", d, len(shape)) for d in ints("reduce", "dimensions", dimensions))
    single = len(xs) == 1 and treedef == pytrees.tree_structure(0)
    known = _MONOIDS.get(recognized(computation, xs[0].aval.dtype)) if single else None
    if known is not None:
        whole, pair = known
        y = whole(xs[0], axes)
        return pair(shaping.broadcast(inits[0], y.aval.shape), y)
    return pytrees.tree_unflatten(treedef, _folded(xs, inits, treedef, computation, axes))


def _initial(x: Any, init: Any) -> Any:
    """The initial value as a scalar of the operand's dtype; Python's numbers take it."""
    value = operand("reduce", init)
    if value.aval.shape:
        fail(f"lax.reduce takes scalars as initial values, got {value.aval}")
    if value.weak_type:
        return e.convert_element_type(value, x.aval.dtype)
    check_same_dtype("reduce", (x, value))
    return value


def _folded(xs: list, inits: list, treedef: Any, computation: Callable[..., Any], axes: tuple[int, ...]) -> list:
    """Reduction by combining halves, which takes log2(n) steps."""

    def combine(a: list, b: list) -> list:
        result = computation(pytrees.tree_unflatten(treedef, a), pytrees.tree_unflatten(treedef, b))
        return [operand("reduce", leaf) for leaf in pytrees.tree_leaves(result)]

    kept = tuple(d for d in range(len(xs[0].aval.shape)) if d not in axes)
    rest = tuple(xs[0].aval.shape[d] for d in kept)
    n = math.prod(xs[0].aval.shape[d] for d in axes)
    xs = [shaping.reshape(shaping.transpose(x, (*axes, *kept)), (n, *rest)) for x in xs]
    result = [shaping.broadcast(init, rest) for init in inits]
    while n:
        if n % 2:
            last = [shaping.reshape(shaping.split(x, (n - 1, 1))[1], rest) for x in xs]
            result = combine(last, result) if n > 1 else combine(result, last)
        half = n // 2
        pairs = [shaping.split(x, (half, half, n % 2)) for x in xs]
        n = half
        if n:
            xs = combine([p[0] for p in pairs], [p[1] for p in pairs])
    return result


# ---- sorting -------------------------------------------------------------------------------------------


def sort(operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1) -> Any:
    """Sorted along a dimension, NaN last; several arrays are sorted together by the first `num_keys` of them."""
    several = isinstance(operand, Sequence)
    xs = operands("sort", operand if several else (operand,))
    if not xs:
        fail("lax.sort needs at least one array")
    axis = axis_index("sort", dimension, len(xs[0].aval.shape))
    results = _sorted(xs, axis, integer("sort", "num_keys", num_keys), is_stable)
    return results if several else results[0]


def _sorted(xs: Sequence[Any], axis: int, num_keys: int, stable: bool) -> tuple[Any, ...]:
    return bind(sorting.sort, *xs, axis=axis, num_keys=num_keys, stable=bool(stable))


def sort_key_val(keys: Any, values: Any, dimension: int = -1, is_stable: bool = True) -> tuple[Any, Any]:
    """`keys` sorted along a dimension, and `values` in the order of their keys."""
    keys, values = sort((keys, values), dimension, is_stable, 1)
    return keys, values


def top_k(operand: Any, k: int, *, axis: int = -1) -> list[Any]:
    """The `k` largest elements along an axis in descending order, and their positions; the first of equals first."""
    x = _operand("top_k", operand)
    shape = x.aval.shape
    axis, k = axis_index("top_k", axis, len(shape)), integer("top_k", "k", k)
    if not 0 <= k <= shape[axis]:
        fail(f"lax.top_k: k must be from 0 to the size of the axis, {shape[axis]}, got {k}")
    if av.is_complex(x.aval.dtype):
        fail(f"lax.top_k cannot order {x.aval}", kind=ArgumentTypeError)
    last = len(shape) - 1
    order = (*(d for d in range(last + 1) if d != axis), axis)
    found = bind(sorting.top_k, x if axis == last else shaping.transpose(x, order), k=k)
    if axis == last:
        return list(found)
    back = tuple(order.index(d) for d in range(last + 1))
    return [shaping.transpose(v, back) for v in found]


def approx_max_k(
    operand: Any, k: int, reduction_dimension: int = -1, recall_target: float = 0.95,
    reduction_input_size_override: int = -1, aggregate_to_topk: bool = True,
) -> tuple[Any, Any]:  # fmt: skip
    """The `k` largest elements along a dimension, descending, and their positions: all of them, whatever the target."""
    found = top_k(operand, k, axis=_approximation("approx_max_k", reduction_dimension, recall_target))
    return found[0], found[1]


def approx_min_k(
    operand: Any, k: int, reduction_dimension: int = -1, recall_target: float = 0.95,
    reduction_input_size_override: int = -1, aggregate_to_topk: bool = True,
) -> tuple[Any, Any]:  # fmt: skip
    """The `k` smallest elements along a dimension, ascending, and their positions: all of them, whatever the target."""
    axis = _approximation("approx_min_k", reduction_dimension, recall_target)
    found = top_k(e.neg(_operand("approx_min_k", operand)), k, axis=axis)
    return e.neg(found[0]), found[1]


def _approximation(name: str, axis: int, recall_target: float) -> int:
    if not 0 < recall_target <= 1:
        fail(f"lax.{name}: recall_target is a share in (0, 1], got {recall_target}")
    return axis


_operand = operand  # public parameters are called `operand`, as in JAX
