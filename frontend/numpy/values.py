"""Operands: from what users pass to arrays and tracers of one dtype and shape, and on to the ops.

Everything of `axil.numpy` comes through here. Under a trace each step emits an op only where it changes
something; without one, NumPy broadcasts by itself and nothing but the op is run.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.config import config
from axil.core import (
    RULE_ERRORS,
    Array,
    ShapeError,
    Tracer,
    as_array,
    aval,
    bind,
    check_eager,
    eager_checks,
    make_array,
    state,
    user_error,
)
from axil.dialects import elementwise as e
from axil.dialects import shape as s
from axil.dialects.op import Op
from axil.source import user_line, user_location

Value = Array | Tracer
"""What the functions of `axil.numpy` give back."""

ARRAY_LIKE = (Array, Tracer, np.ndarray, np.generic, bool, int, float, complex)


# ---- errors --------------------------------------------------------------------------------------------


def shape_error(text: str, *ways_out: str) -> ShapeError:
    """A `TypeError` and `ValueError` about shapes or arguments, with the user's line."""
    return ShapeError(errors.explain(text, user_line(), ways_out=ways_out))


def type_error(text: str, *ways_out: str) -> errors.AxilTypeError:
    """A `TypeError` about the kind of a value, with the user's line."""
    return errors.AxilTypeError(errors.explain(text, user_line(), ways_out=ways_out))


def index_error(text: str, *ways_out: str) -> errors.AxilIndexError:
    """An `IndexError` with the user's line."""
    return errors.AxilIndexError(errors.explain(text, user_line(), ways_out=ways_out))


class UnsupportedArgument(errors.AxilError, NotImplementedError):
    """An argument that NumPy has and immutable arrays cannot have."""


def refuse_out(name: str, out: Any) -> None:
    """Raise if `out=` was given: results cannot be written into an immutable array."""
    if out is not None:
        raise UnsupportedArgument(
            errors.explain(f"the 'out' argument to {name} is not supported: arrays are immutable", user_line(),
                           ways_out=[f"use the result: y = {name}(...)"])
        )  # fmt: skip


def check_placement(name: str, device: Any, out_sharding: Any = None) -> None:
    """Raise `ValueError` for any place but the default device, on which arrays are."""
    if device is None and out_sharding is None:
        return
    from axil.runtime import default_device

    here = default_device()
    if out_sharding is not None or device != here:
        raise shape_error(f"{name}: arrays live on the default device {here}, not on {device or out_sharding!r}",
                          "leave the argument out")  # fmt: skip


# ---- operands ------------------------------------------------------------------------------------------


def operand(name: str, x: Any, position: int = 0) -> Value:
    """`x` as an array or tracer; lists and other objects are refused, as they hide slow conversions."""
    if type(x) is Array or type(x) is Tracer:
        return x
    if isinstance(x, ARRAY_LIKE):
        return as_array(x)
    if hasattr(x, "__axil_array__"):
        return x.__axil_array__()
    raise type_error(
        f"{name} requires ndarray or scalar arguments, got {type(x)} at position {position}",
        *(["make it an array first: axil.numpy.array(...)"] if isinstance(x, (list, tuple)) else []),
    )


def dtype_and_weak(name: str, x: Any, position: int = 0) -> tuple[Any, bool]:
    """Dtype and weakness of an operand that may still be a Python number."""
    if type(x) is Array or type(x) is Tracer:
        return x.aval.dtype, x.weak_type
    if isinstance(x, ARRAY_LIKE):
        return dtypes.dtype_and_weak(x)
    x = operand(name, x, position)
    return x.aval.dtype, x.weak_type


def reweaken(x: Value, weak: bool) -> Value:
    """The same value, weakly typed or not."""
    if x.weak_type == weak:
        return x
    if isinstance(x, Tracer):
        return Tracer(x.owner, x.value, x.aval, weak, x.location)
    result = make_array(x._numpy, x.aval, weak)  # looked at: a donation of either then works on a copy
    result._buffer = x._buffer
    return result


def convert(x: Any, dtype: Any, weak: bool = False) -> Value:
    """An operand in another dtype. A Python number or NumPy array is made an array of that dtype at once."""
    if type(x) is not Array and type(x) is not Tracer:
        if hasattr(x, "__axil_array__"):
            return convert(x.__axil_array__(), dtype, weak)
        if isinstance(x, (np.ndarray, np.generic)):
            x = as_array(x)
        else:
            return reweaken(as_array(x, dtype), weak)
    if x.aval.dtype == dtype:
        return x if x.weak_type == weak else reweaken(x, weak)
    return bind(e.convert, x, dtype=dtype, weak=weak)


def promote(name: str, *xs: Any, inexact: bool = False) -> tuple[list[Value], bool]:
    """Operands in their common dtype (floating if `inexact`), and whether it is weak."""
    pairs = [dtype_and_weak(name, x, i) for i, x in enumerate(xs)]
    if len(set(pairs)) == 1:
        dtype, weak = pairs[0]
    elif len(pairs) == 2:
        dtype, weak = dtypes.promote_types(*pairs[0], *pairs[1])
    else:
        dtype, weak = dtypes._promote(tuple(pairs))
    if inexact:
        dtype = dtypes.to_inexact_dtype(dtype)
    return [convert(x, dtype, weak) for x in xs], weak


# ---- shapes --------------------------------------------------------------------------------------------


def canonical_shape(shape: Any) -> tuple[int, ...]:
    """A shape given as an int or as a sequence of ints."""
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    if isinstance(shape, (Array, Tracer)) and not shape.ndim:
        return (operator.index(shape),)
    try:
        result = tuple(map(operator.index, shape))
    except TypeError as error:
        if isinstance(error, errors.AxilError):
            raise
        raise type_error(f"shapes are integers or tuples of integers, got {shape!r}") from None
    if any(n < 0 for n in result):
        raise shape_error(f"shapes have no negative dimensions, got {result}")
    return result


def canonical_axis(axis: Any, ndim: int) -> int:
    """An axis counted from the front."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise shape_error(f"axis {axis} is out of bounds for array of dimension {ndim}")
    return axis + ndim if axis < 0 else axis


def canonical_axes(axes: Any, ndim: int) -> tuple[int, ...]:
    """One axis, several, or all (`None`), counted from the front, in the order given."""
    if axes is None:
        return tuple(range(ndim))
    if isinstance(axes, Iterable) and not isinstance(axes, (Array, Tracer, np.ndarray)):
        result = tuple(canonical_axis(a, ndim) for a in axes)
        if len(set(result)) != len(result):
            raise shape_error(f"duplicate value in 'axis': {tuple(axes)}")
        return result
    return (canonical_axis(axes, ndim),)


def broadcast_shape(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that several broadcast to."""
    ndim = max(map(len, shapes))
    result = [1] * ndim
    for shape in shapes:
        for i, n in enumerate(shape, ndim - len(shape)):
            if result[i] == 1:
                result[i] = n
            elif n != 1 and n != result[i]:
                text = ", ".join(map(str, shapes))
                raise shape_error(f"{name} got incompatible shapes for broadcasting: {text}.")
    return tuple(result)


def _rank_promotion(name: str, shapes: Sequence[tuple[int, ...]]) -> None:
    """Warn of arrays of different rank, or refuse them, as the option `numpy_rank_promotion` says."""
    text = ", ".join(map(str, shapes))
    if config.numpy_rank_promotion == "raise":
        raise shape_error(
            f"{name} got arrays of different rank, of shapes {text}, and the option numpy_rank_promotion is 'raise'; "
            "add dimensions of size 1 with np.expand_dims, or x[None]"
        )
    message = f"{name} broadcasts arrays of different rank, of shapes {text}; add dimensions of size 1 to be explicit"
    place = user_location()
    warnings.warn_explicit(f"{message}, or set the option numpy_rank_promotion to 'allow'", UserWarning, place.file,
                           max(place.line, 1))  # fmt: skip


def filled(value: np.ndarray, shape: tuple[int, ...], weak: bool = False) -> Value:
    """An array whose elements are all `value` (a 0-d array). Under a trace, one splat constant."""
    trace = state.trace
    of = aval(shape, value.dtype)
    if trace is None:
        return make_array(np.full(shape, value), of, weak)
    if value.dtype.kind == "c" and shape:  # MLIR's Python bindings cannot hold a splat of complex numbers
        return bind(s.broadcast_in_dim, filled(value, ()), shape=shape, dims=(), weak=weak)
    return trace.splat(value, shape, weak)


def broadcast(x: Value, shape: tuple[int, ...]) -> Value:
    """An operand broadcast to a shape that it fits."""
    mine = x.aval.shape
    if mine == shape:
        return x
    if type(x) is Array and not mine:
        return filled(x._numpy, shape, x.weak_type)
    dims = tuple(range(len(shape) - len(mine), len(shape)))
    return bind(s.broadcast_in_dim, x, shape=shape, dims=dims, weak=x.weak_type)


def reshape_to(x: Value, shape: tuple[int, ...]) -> Value:
    """Another shape of the same size."""
    return x if x.aval.shape == shape else bind(s.reshape, x, shape=shape, weak=x.weak_type)


# ---- elementwise ops -----------------------------------------------------------------------------------


def unary(name: str, op: Op, x: Any, inexact: bool = False) -> Value:
    """Apply an elementwise op of one operand."""
    x = operand(name, x)
    if inexact and x.aval.dtype.kind not in "fc":
        x = convert(x, dtypes.to_inexact_dtype(x.aval.dtype), x.weak_type)
    if type(x) is Array and state.trace is None:
        return _run(op, x.aval, (x._numpy,), x.weak_type)
    return bind(op, x, weak=x.weak_type)


def binary(name: str, op: Op, x: Any, y: Any, inexact: bool = False, predicate: bool = False) -> Value:
    """Apply an elementwise op of two operands, after promotion and broadcasting. Predicates are never weakly typed."""
    if state.trace is None and type(x) is Array:
        # Most eager calls have two arrays of one type, or an array and a Python number, which takes the array's dtype.
        kind, other = x.aval.dtype.kind, type(y)
        if other is Array:
            if x.aval is y.aval and (not inexact or kind in "fc"):
                weak = x.weak_type and y.weak_type and not predicate
                return _run(op, x.aval, (x._numpy, y._numpy), weak)
        elif (
            kind == "f" and (other is float or other is int) or kind in "iu" and other is int and not inexact
        ):
            return _run(op, x.aval, (x._numpy, _number(y, x.aval.dtype)), x.weak_type and not predicate)
    elif state.trace is not None and (traced := _traced_pair(x, y, inexact)) is not None:
        x, y = traced
        return bind(op, x, y, weak=x.weak_type and y.weak_type and not predicate)
    a, b = dtype_and_weak(name, x, 0), dtype_and_weak(name, y, 1)
    dtype, weak = dtypes.promote_types(*a, *b)
    if inexact:
        dtype = dtypes.to_inexact_dtype(dtype)
    return elementwise(name, op, (convert(x, dtype, weak), convert(y, dtype, weak)), weak and not predicate)


def _traced_pair(x: Any, y: Any, inexact: bool) -> tuple[Tracer, Tracer] | None:
    """Operands that need no promotion, as most traced ones: two tracers of one type, or one and a Python number."""
    if type(x) is Tracer:
        if type(y) is Tracer:
            same = x.aval is y.aval and (not inexact or x.aval.dtype.kind in "fc")
            return (x, y) if same else None
        if x.aval.dtype.kind == "f" and (type(y) is float or type(y) is int):
            return x, state.trace.splat(_number(y, x.aval.dtype), x.aval.shape, True)
    elif type(y) is Tracer and y.aval.dtype.kind == "f" and (type(x) is float or type(x) is int):
        return state.trace.splat(_number(x, y.aval.dtype), y.aval.shape, True), y
    return None


def _number(x: Any, dtype: np.dtype) -> np.ndarray:
    """A Python number as an array of a dtype of its kind, or a wider kind."""
    try:
        return np.asarray(x, dtype)
    except OverflowError:
        return dtypes.as_numpy(x, dtype)  # has the message


def elementwise(name: str, op: Op, xs: Sequence[Value], weak: bool) -> Value:
    """Apply an elementwise op to operands of one dtype, broadcasting them."""
    shape = xs[0].aval.shape
    if any(x.aval.shape != shape for x in xs):
        shape = broadcast_shape(name, [x.aval.shape for x in xs])
        if config.numpy_rank_promotion != "allow" and len({len(x.aval.shape) for x in xs if x.aval.shape}) > 1:
            _rank_promotion(name, [x.aval.shape for x in xs])
    if state.trace is None and all(type(x) is Array for x in xs):
        return _run(op, aval(shape, xs[0].aval.dtype), [x._numpy for x in xs], weak)
    return bind(op, *[broadcast(x, shape) for x in xs], weak=weak)


def _run(op: Op, of: Any, arrays: Sequence[np.ndarray], weak: bool) -> Array:
    """Run an elementwise op at once. The references broadcast as NumPy does, and are silent about overflow."""
    try:
        inferred = op.infer(of) if len(arrays) == 1 else op.infer(*[of] * len(arrays))
    except RULE_ERRORS as error:
        raise user_error(error) from None
    result = op.reference(*arrays)
    if eager_checks:
        check_eager(op, arrays, result)
    return make_array(result, inferred, weak)


def boolean(name: str, x: Any, position: int = 0) -> Value:
    """An operand as booleans: True where it is not zero."""
    x = operand(name, x, position)
    return x if x.aval.dtype.kind == "b" else convert(x, np.dtype(bool))


def select(name: str, condition: Value, x: Value, y: Value, weak: bool) -> Value:
    """`x` where `condition` (booleans) holds, else `y`, broadcast together; `x` and `y` are of one dtype."""
    shape = broadcast_shape(name, [v.aval.shape for v in (condition, x, y)])
    if state.trace is None and type(condition) is type(x) is type(y) is Array:
        result = np.where(condition._numpy, x._numpy, y._numpy)
        return make_array(result, aval(shape, x.aval.dtype), weak)
    if condition.aval.shape:
        condition = broadcast(condition, shape)
    return bind(e.select, condition, broadcast(x, shape), broadcast(y, shape), weak=weak)


def scalar_like(x: Value, value: Any) -> Array:
    """A constant of no dimensions and of `x`'s dtype."""
    return make_array(np.asarray(value).astype(x.aval.dtype), aval((), x.aval.dtype), x.weak_type)


__all__ = [
    "ARRAY_LIKE", "Array", "Tracer", "UnsupportedArgument", "Value", "as_array", "aval", "binary", "bind", "boolean",
    "broadcast", "broadcast_shape", "canonical_axes", "canonical_axis", "canonical_shape", "check_placement", "convert",
    "dtype_and_weak", "elementwise", "filled", "index_error", "make_array", "operand", "promote", "refuse_out",
    "reshape_to", "reweaken", "scalar_like", "select", "shape_error", "state", "type_error", "unary",
]  # fmt: skip
