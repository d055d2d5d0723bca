"""What the functions of `axil.lax` share: operands, agreement of shapes and dtypes, errors with the user's line.

`axil.lax` is the strict layer: operands have equal dtypes, and shapes that are equal, of size 1, or scalar.
Type promotion and full broadcasting are `axil.numpy`'s.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from axil import dtypes, errors
from axil.core import (
    RULE_ERRORS,
    Array,
    ShapeError,
    Tracer,
    as_array,
    bind,
    check_eager,
    eager_checks,
    make_array,
    state,
    user_error,
)
from axil.dialects import elementwise as elementwise_ops
from axil.dialects import shape as shape_ops
from axil.dialects.avals import Aval
from axil.dialects.op import Op
from axil.source import user_line

NUMPY_NAMES = {
    "max": "maximum", "min": "minimum", "rem": "remainder", "pow": "power", "eq": "equal", "ne": "not_equal",
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "sub": "subtract",
    "mul": "multiply", "div": "divide", "atan2": "arctan2", "select": "where", "add": "add",
    "concatenate": "concatenate", "stack": "stack", "clamp": "clip", "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or", "bitwise_xor": "bitwise_xor", "nextafter": "nextafter",
}  # fmt: skip
"""Functions of `axil.numpy` that promote where those of `axil.lax` refuse."""


def fail(message: str, *ways_out: str, kind: type = ShapeError) -> NoReturn:
    """Raise an error with the user's line and the ways out."""
    raise kind(errors.explain(message, user_line(), ways_out=ways_out))


class ArgumentTypeError(errors.AxilTypeError):
    """An argument is of a type that the function does not take."""


class UnsupportedError(errors.AxilError, NotImplementedError):
    """A use that JAX has and Axil does not; the message names the alternative."""


class AxisIndexError(errors.AxilIndexError, ValueError):
    """An index is out of bounds of an axis."""


def operand(name: str, x: Any) -> Any:
    """`x` as an array or tracer, where it is one or is a number or NumPy array; else an error."""
    kind = type(x)
    if kind is Array or kind is Tracer:
        return x
    try:
        return as_array(x)
    except TypeError as e:
        if hasattr(x, "__axil_array__"):
            return x.__axil_array__()
        fail(f"lax.{name} takes arrays and numbers, got {_short(x)} of type {kind.__name__}: {e}",
             kind=ArgumentTypeError)  # fmt: skip


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."


def operands(name: str, xs: Iterable[Any]) -> list[Any]:
    """Each of `xs` as an array or tracer."""
    return [operand(name, x) for x in xs]


def check_same_dtype(name: str, xs: Sequence[Any]) -> None:
    """Raise an error where operands differ in dtype."""
    first = xs[0].aval.dtype
    for x in xs:
        if x.aval.dtype != first:
            got = ", ".join(dtypes.short_name(x.aval.dtype) for x in xs)
            ways = ["convert one of them: x.astype(dtype)"]
            if name in NUMPY_NAMES:
                ways.append(f"or call axil.numpy.{NUMPY_NAMES[name]}, which promotes them")
            fail(f"lax.{name} requires arguments to have the same dtypes, got {got}", *ways)


def aligned(name: str, xs: Sequence[Any], check: bool = True) -> list[Any]:
    """Operands of one shape and dtype: scalars and dimensions of size 1 are repeated."""
    xs = [x if type(x) is Array or type(x) is Tracer else operand(name, x) for x in xs]
    first = xs[0].aval
    for x in xs:
        if x.aval is not first:
            break
    else:
        return xs
    if check:
        check_same_dtype(name, xs)
    shape = _common_shape(name, [x.aval for x in xs])
    return [spread(x, shape) for x in xs]


def _common_shape(name: str, avals: Sequence[Aval]) -> tuple[int, ...]:
    """The shape to which operands are repeated."""
    shapes = {a.shape for a in avals if a.shape}
    if len(shapes) <= 1:
        return shapes.pop() if shapes else ()
    if len({len(s) for s in shapes}) > 1:
        fail(f"lax.{name} takes arrays of the same number of dimensions, got {', '.join(map(str, avals))}",
             "reshape one of them, or call the function of axil.numpy, which broadcasts")  # fmt: skip
    result = []
    for sizes in zip(*shapes):
        wide = {n for n in sizes if n != 1}
        if len(wide) > 1:
            fail(f"lax.{name} got incompatible shapes for broadcasting: {', '.join(map(str, avals))}")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def spread(x: Any, shape: tuple[int, ...]) -> Any:
    """`x`, a scalar or an array of as many dimensions, repeated to a shape."""
    of = x.aval.shape
    if of == shape:
        return x
    dims = tuple(range(len(of)))
    return bind(shape_ops.broadcast_in_dim, x, shape=shape, dims=dims, weak=x.weak_type)


def unary(op: Op, x: Any) -> Any:
    """Run an elementwise op of one operand."""
    if type(x) is not Array and type(x) is not Tracer:
        x = operand(op.name, x)
    return bind(op, x, weak=x.weak_type)


def binary(op: Op, x: Any, y: Any, name: str = "", may_be_weak: bool = True) -> Any:
    """Run an elementwise op of two operands."""
    if type(x) is not Array and type(x) is not Tracer:
        x = operand(name or op.name, x)
    if type(y) is not Array and type(y) is not Tracer:
        y = operand(name or op.name, y)
    a, b = x.aval, y.aval
    if a is not b:
        plain = state.trace is None and a.dtype == b.dtype and not (a.shape and b.shape)
        if plain and type(x) is Array and type(y) is Array:
            return _with_scalar(op, x, y, may_be_weak)
        x, y = aligned(name or op.name, (x, y))
    return bind(op, x, y, weak=may_be_weak and x.weak_type and y.weak_type)


def _with_scalar(op: Op, x: Array, y: Array, may_be_weak: bool) -> Array:
    """`binary` of concrete operands one of which is a scalar: NumPy repeats it without making an array of it."""
    of = x.aval if x.aval.shape else y.aval
    try:
        inferred = op.infer(of, of)
    except RULE_ERRORS as e:
        raise user_error(e) from None
    with np.errstate(all="ignore"):
        result = op.reference(x._numpy, y._numpy)
    if eager_checks:
        check_eager(op, (x._numpy, y._numpy), result)
    return make_array(result, inferred, may_be_weak and x.weak_type and y.weak_type)


def compare(op: Op, x: Any, y: Any) -> Any:
    """Run a comparison, whose result is never weakly typed."""
    return binary(op, x, y, may_be_weak=False)


def converted(x: Any, dtype: np.dtype) -> Any:
    """An array in another dtype, which has been checked."""
    return x if x.aval.dtype == dtype else bind(elementwise_ops.convert, x, dtype=dtype)


def constant_like(x: Any, value: Any) -> Any:
    """A Python number as a scalar of the dtype of `x`."""
    return Array(np.asarray(value).astype(x.aval.dtype), x.weak_type)


def is_weak(xs: Sequence[Any]) -> bool:
    """Whether all of some operands are weakly typed."""
    return all(x.weak_type for x in xs)


def ints(name: str, what: str, values: Any) -> tuple[int, ...]:
    """A sequence of integers, or a single one, as a tuple of Python's."""
    if not isinstance(values, Sequence):
        if np.ndim(values) == 0:
            return (integer(name, what, values),)
        values = list(values)
    return tuple(v if type(v) is int else integer(name, what, v) for v in values)


def integer(name: str, what: str, value: Any) -> int:
    """A concrete integer."""
    try:
        return operator.index(value)
    except TypeError as e:
        if isinstance(e, errors.AxilError):
            raise
        fail(f"lax.{name}: {what} must be made of integers, got {_short(value)} of type {type(value).__name__}",
             kind=ArgumentTypeError)  # fmt: skip


def shape_of(name: str, shape: Any) -> tuple[int, ...]:
    """A shape given by the user, as a tuple of Python's integers that are not negative."""
    result = ints(name, "shape", shape)
    if any(n < 0 for n in result):
        fail(f"lax.{name}: shapes must have no negative dimension, got {result}")
    return result


def axis_index(name: str, axis: Any, ndim: int) -> int:
    """An axis counted from the front; negative ones count from the end."""
    axis = integer(name, "axis", axis)
    if not -ndim <= axis < ndim:
        fail(f"lax.{name}: axis {axis} is out of bounds for an array of {ndim} dimensions", kind=AxisIndexError)
    return axis + ndim if axis < 0 else axis


def result_dtype(name: str, dtype: Any) -> np.dtype:
    """The dtype that a user asks for, in its canonical form."""
    return dtypes.check_user_dtype(dtype, f"lax.{name}", stacklevel=4)
