"""Making arrays: from values, filled, and matrices with a pattern."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from axil import dtypes
from axil.dialects import elementwise as e
from axil.dialects import shape as s
from axil.numpy.logic import greater_equal
from axil.numpy.logic import pick as where
from axil.numpy.ufuncs import add, power
from axil.numpy.values import (
    Array,
    Tracer,
    UnsupportedArgument,
    Value,
    as_array,
    bind,
    broadcast,
    broadcast_shape,
    canonical_shape,
    check_placement,
    convert,
    filled,
    operand,
    reshape_to,
    reweaken,
    shape_error,
    state,
    type_error,
)

# ---- from values ---------------------------------------------------------------------------------------


def array(
    object: Any, dtype: Any = None, copy: bool = True, order: str | None = "K", ndmin: int = 0, *, device: Any = None,
    out_sharding: Any = None,
) -> Value:  # fmt: skip
    """An array of a number, an array, or nested lists of them.

    Without a dtype, the elements' own dtypes are promoted together. Arrays are immutable, so `copy` matters only for
    NumPy arrays, which are always copied.
    """
    check_placement("array", device, out_sharding)
    if order not in (None, "K", "C"):
        raise UnsupportedArgument(f"array(order={order!r}): arrays have one memory order; leave it out")
    if dtype is not None:
        dtype = dtypes.check_user_dtype(dtype, "array")
    result = _array(object, dtype)
    if ndmin > result.ndim:
        result = reshape_to(result, (1,) * (ndmin - result.ndim) + result.shape)
    return result


def asarray(
    a: Any, dtype: Any = None, order: str | None = None, *, copy: bool | None = None, device: Any = None,
    out_sharding: Any = None,
) -> Value:  # fmt: skip
    """An array of anything that `array` takes; an array stays itself."""
    check_placement("asarray", device, out_sharding)
    if dtype is None and (type(a) is Array or type(a) is Tracer):
        return a
    return array(a, dtype, order=order)


def _array(x: Any, dtype: Any) -> Value:
    if type(x) is Array or type(x) is Tracer:
        return x if dtype is None else convert(x, dtype)
    if hasattr(x, "__axil_array__"):
        return _array(x.__axil_array__(), dtype)
    if isinstance(x, (bool, int, float, complex)):
        return as_array(x) if dtype is None else _from_numpy(_scalar(x, dtype), dtype)
    if isinstance(x, (np.ndarray, np.generic)):
        return _from_numpy(np.asarray(x), dtype)
    if isinstance(x, (list, tuple)):
        return _from_nested(x, dtype)
    if x is None:
        raise shape_error("None is not a valid value for an array")
    if isinstance(x, (str, bytes)):
        raise type_error(f"arrays hold numbers and booleans; got {x!r}")
    if hasattr(x, "__array__") or hasattr(x, "__array_interface__") or hasattr(x, "__dlpack__"):
        return _from_numpy(np.asarray(x) if not hasattr(x, "__dlpack__") else np.from_dlpack(x), dtype)
    try:
        return _from_numpy(np.asarray(memoryview(x)), dtype)
    except TypeError:
        raise type_error(f"cannot make an array of a {type(x).__name__}",
                         "give a number, an array, or nested lists of them") from None  # fmt: skip


def _scalar(x: Any, dtype: np.dtype) -> np.ndarray:
    """A Python number in a dtype; one that does not fit an integer type is refused, a float is truncated."""
    if isinstance(x, int) and not isinstance(x, bool):
        return dtypes.as_numpy(x, dtype)
    return np.asarray(x)


def _from_numpy(x: np.ndarray, dtype: Any) -> Value:
    if x.dtype.kind in "OSUMm":
        raise type_error(f"arrays hold numbers and booleans; got dtype {x.dtype}")
    if dtype is None or x.dtype == dtype:
        return reweaken(as_array(x), False)
    with np.errstate(all="ignore"):
        return Array(e.convert.reference(x, dtype=dtype))


def _leaves(x: Any) -> list[Any]:
    """Everything in nested lists that is not a list."""
    found: list[Any] = []
    for item in x:
        if type(item) is list or isinstance(item, (list, tuple)):
            found += _leaves(item)
        else:
            found.append(item)
    return found


def _from_nested(x: Any, dtype: Any) -> Value:
    """An array of nested lists. If nothing in them is traced, NumPy makes it at once."""
    leaves = _leaves(x)
    if any(leaf is None for leaf in leaves):
        raise shape_error("None is not a valid value for an array")
    kinds = set(map(type, leaves))
    if kinds <= {bool, int, float, complex}:
        if dtype is None:
            dtype = dtypes.result_type(*kinds) if leaves else dtypes.default_float_dtype()
        return Array(_numpy_of_nested(x, dtype))
    arrays = {
        id(leaf): _array(leaf, None) for leaf in leaves if not isinstance(leaf, (bool, int, float, complex))
    }
    if dtype is None:
        dtype = dtypes.result_type(*(arrays.get(id(leaf), leaf) for leaf in leaves))
    if any(type(a) is Tracer for a in arrays.values()):
        return _stacked(x, arrays, dtype)
    numpy_arrays = {k: v._numpy for k, v in arrays.items()}
    return Array(_numpy_of_nested(_replaced(x, numpy_arrays), dtype))


def _numpy_of_nested(x: Any, dtype: np.dtype) -> np.ndarray:
    try:
        return np.asarray(x, dtype)
    except OverflowError:
        raise OverflowError(
            f"a Python integer in the list does not fit in {dtype}; give a dtype, or enable 64-bit types with "
            "axil.config.update('enable_x64', True)"
        ) from None
    except ValueError as error:
        raise shape_error(f"the nested lists do not form an array: {error}") from None


def _replaced(x: Any, values: dict[int, np.ndarray]) -> Any:
    if isinstance(x, (list, tuple)):
        return [_replaced(item, values) for item in x]
    return values.get(id(x), x)


def _stacked(x: Any, arrays: dict[int, Value], dtype: np.dtype) -> Value:
    """Nested lists with traced values: each list becomes one concatenation."""
    if not isinstance(x, (list, tuple)):
        return convert(arrays.get(id(x), x), dtype)
    parts = [_stacked(item, arrays, dtype) for item in x]
    shape = parts[0].shape if parts else ()
    if any(p.shape != shape for p in parts):
        raise shape_error(
            f"the nested lists do not form an array: items have shapes {[p.shape for p in parts]}"
        )
    if not parts:
        return filled(np.zeros((), dtype), (0,))
    if len(parts) == 1:
        return reshape_to(parts[0], (1, *shape))
    return bind(s.concatenate, *[reshape_to(p, (1, *shape)) for p in parts], axis=0)


def astype(x: Any, dtype: Any, /, *, copy: bool = False, device: Any = None) -> Value:
    """The same values in another dtype; floats truncate to integers and saturate, complex numbers lose a part."""
    check_placement("astype", device)
    x = operand("astype", x)
    if dtype is None:
        return convert(x, dtypes.default_float_dtype())
    return convert(x, dtypes.check_user_dtype(dtype, "astype"))


def copy(a: Any, order: str | None = None) -> Value:
    """A new array of the same value."""
    return array(a)


def view(x: Any, dtype: Any = None) -> Value:
    """The same bits as elements of another dtype; elements of another width change the last dimension."""
    x = operand("view", x)
    if dtype is None:
        return x
    dtype = dtypes.check_user_dtype(dtype, "view")
    old, new = dtypes.itemsize_bits(x.dtype), dtypes.itemsize_bits(dtype)
    if old == new and "b" not in (x.dtype.kind, dtype.kind):
        return bind(e.bitcast, x, dtype=dtype)
    if type(x) is not Array:
        raise type_error(f"view of a traced {x.aval} as {dtype}: only dtypes of the same width can be viewed")
    try:
        return Array(np.ascontiguousarray(x._numpy).reshape(x.shape).view(dtype))
    except (TypeError, ValueError) as error:
        raise shape_error(f"cannot view {x.aval} as {dtype}: {error}") from None


def frombuffer(buffer: Any, dtype: Any = float, count: int = -1, offset: int = 0) -> Array:
    """An array of the bytes of a buffer."""
    return as_array(np.frombuffer(buffer, dtypes.check_user_dtype(dtype, "frombuffer"), count, offset))


def fromiter(*args: Any, **kwargs: Any) -> Array:
    """An array of what an iterator gives; see `numpy.fromiter`."""
    return as_array(np.fromiter(*args, **kwargs))


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """An array of another library's array; see `axil.dlpack.from_dlpack`."""
    from axil.dlpack import from_dlpack as imported

    return imported(x, device, copy)


# ---- filled --------------------------------------------------------------------------------------------


def zeros(shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Value:
    """Zeros."""
    check_placement("zeros", device, out_sharding)
    return full(shape, 0, _dtype("zeros", shape, dtype))


def ones(shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Value:
    """Ones."""
    check_placement("ones", device, out_sharding)
    return full(shape, 1, _dtype("ones", shape, dtype))


def empty(shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Value:
    """Zeros: an array has no moment in which it is not yet written."""
    check_placement("empty", device, out_sharding)
    return full(shape, 0, _dtype("empty", shape, dtype))


def _dtype(name: str, shape: Any, dtype: Any) -> np.dtype:
    if isinstance(dtype, int) and not isinstance(dtype, bool):
        raise type_error(f"{name}({shape}, {dtype}): {dtype} is not a dtype",
                         f"give the shape as one tuple: {name}(({shape}, {dtype}))")  # fmt: skip
    return dtypes.default_float_dtype() if dtype is None else dtypes.check_user_dtype(dtype, name)


def full(shape: Any, fill_value: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Value:
    """An array of one value, or of a value broadcast to the shape."""
    check_placement("full", device, out_sharding)
    shape = canonical_shape(shape)
    dtype = None if dtype is None else dtypes.check_user_dtype(dtype, "full")
    if type(fill_value) in (int, float, bool, complex):
        value = np.asarray(fill_value)
        of = dtypes.dtype_of(fill_value) if dtype is None else dtype
        return filled(
            e.convert.reference(value, dtype=of), shape, dtype is None and dtypes.is_weak(fill_value)
        )
    fill_value = operand("full", fill_value, 1)
    value = fill_value if dtype is None else convert(fill_value, dtype)
    broadcast_shape("full", [value.shape, shape])
    return broadcast(value, shape)


def zeros_like(a: Any, dtype: Any = None, shape: Any = None, *, device: Any = None, out_sharding: Any = None) -> Value:
    """Zeros of the shape and dtype of `a`."""
    check_placement("zeros_like", device, out_sharding)
    return full_like(a, 0, dtype, shape)


def ones_like(a: Any, dtype: Any = None, shape: Any = None, *, device: Any = None, out_sharding: Any = None) -> Value:
    """Ones of the shape and dtype of `a`."""
    check_placement("ones_like", device, out_sharding)
    return full_like(a, 1, dtype, shape)


def empty_like(
    prototype: Any, dtype: Any = None, shape: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Value:
    """Zeros of the shape and dtype of `prototype`."""
    check_placement("empty_like", device, out_sharding)
    return full_like(prototype, 0, dtype, shape)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, shape: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Value:
    """An array of one value, of the shape and dtype of `a`."""
    check_placement("full_like", device, out_sharding)
    if not (hasattr(a, "shape") and hasattr(a, "dtype")):
        a = operand("full_like", a)
    shape = a.shape if shape is None else shape
    if dtype is not None:
        return full(shape, fill_value, dtype)
    weak = dtypes.is_weak(a)
    return reweaken(full(shape, fill_value, dtypes.canonicalize_dtype(a.dtype)), weak)


# ---- matrices ------------------------------------------------------------------------------------------


def eye(
    N: Any, M: Any = None, k: Any = 0, dtype: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Value:  # noqa: N803 - NumPy's names
    """Ones on the k-th diagonal, zeros elsewhere."""
    check_placement("eye", device, out_sharding)
    n = operator.index(N)
    m = n if M is None else operator.index(M)
    if n < 0 or m < 0:
        raise shape_error(f"eye takes sizes that are not negative, got {n} and {m}")
    dtype = _dtype("eye", N, dtype)
    k = operator.index(k)
    if state.trace is None:
        return Array(np.eye(n, m, k, dtype=dtype))
    rows, columns = _positions(n, m)
    return convert(bind(e.eq, add(rows, k) if k else rows, columns), dtype)


def identity(n: Any, dtype: Any = None) -> Value:
    """The n by n identity matrix."""
    return eye(n, dtype=dtype)


def _positions(n: int, m: int) -> tuple[Value, Value]:
    """Row and column of each element of an n by m matrix."""
    dtype = np.dtype(np.int32)
    return bind(s.iota, shape=(n, m), axis=0, dtype=dtype), bind(s.iota, shape=(n, m), axis=1, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Value:  # noqa: N803 - NumPy's names
    """Ones at and below the k-th diagonal, zeros above."""
    n = operator.index(N)
    m = n if M is None else operator.index(M)
    dtype = np.dtype(np.float32) if dtype is None else dtypes.check_user_dtype(dtype, "tri")
    return convert(_lower(n, m, operator.index(k)), dtype)


def _lower(n: int, m: int, k: int) -> Value:
    if state.trace is None:
        return Array(np.tri(n, m, k, dtype=bool))
    rows, columns = _positions(n, m)
    return greater_equal(add(rows, k) if k else rows, columns)


def tril(m: Any, k: int = 0) -> Value:
    """The elements at and below the k-th diagonal of each matrix, zeros above."""
    m = operand("tril", m)
    if m.ndim < 2:
        raise shape_error(f"tril takes an array of at least two dimensions, got {m.aval}")
    return where(_lower(m.shape[-2], m.shape[-1], operator.index(k)), m, zeros_like(m))


def triu(m: Any, k: int = 0) -> Value:
    """The elements at and above the k-th diagonal of each matrix, zeros below."""
    m = operand("triu", m)
    if m.ndim < 2:
        raise shape_error(f"triu takes an array of at least two dimensions, got {m.aval}")
    return where(_lower(m.shape[-2], m.shape[-1], operator.index(k) - 1), zeros_like(m), m)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Value:  # noqa: N803 - NumPy's names
    """The matrix whose columns are powers of `x`."""
    x = operand("vander", x)
    if x.ndim != 1:
        raise shape_error(f"vander takes an array of one dimension, got {x.aval}")
    n = x.shape[0] if N is None else operator.index(N)
    exponents = np.arange(n) if increasing else np.arange(n)[::-1]
    return power(reshape_to(x, (x.shape[0], 1)), Array(exponents.astype(np.int32)))
