"""Abstract values: what the compiler knows of an array before it runs, namely its shape and dtype.

`Aval` objects are interned, so that two equal ones are the same object: comparing and hashing them is
comparing and hashing a pointer, which the `jit` cache does on every call.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import ml_dtypes
import numpy as np

_INTERNED: dict[tuple[tuple[int, ...], np.dtype], Aval] = {}

_SHORT = {
    "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64", "bool": "bool",
    "int4": "i4", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint4": "u4", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "complex64": "c64", "complex128": "c128",
}  # fmt: skip

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
SMALL_FLOATS = frozenset(
    np.dtype(getattr(ml_dtypes, name))
    for name in (
        "float8_e4m3fn", "float8_e5m2", "float8_e4m3", "float8_e3m4", "float8_e4m3fnuz", "float8_e5m2fnuz",
        "float8_e4m3b11fnuz", "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn",
    )
)  # fmt: skip
_SMALL_SIGNED = frozenset(np.dtype(t) for t in (ml_dtypes.int1, ml_dtypes.int2, ml_dtypes.int4))
_SMALL_UNSIGNED = frozenset(np.dtype(t) for t in (ml_dtypes.uint1, ml_dtypes.uint2, ml_dtypes.uint4))
SMALL_TYPES = SMALL_FLOATS | _SMALL_SIGNED | _SMALL_UNSIGNED
"""Types of at most 8 bits that processors do not compute with; in memory each element has a byte."""

_SHORT |= {d.name: d.name.replace("float", "f") for d in SMALL_FLOATS}
_SHORT |= {d.name: d.name.replace("uint", "u").replace("int", "i") for d in _SMALL_SIGNED | _SMALL_UNSIGNED}


class Aval:
    """The shape and dtype of an array. Use `aval(shape, dtype)` to get the interned object."""

    __slots__ = ("shape", "dtype", "_type")

    shape: tuple[int, ...]
    dtype: np.dtype

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self._type: Any = None  # the MLIR type, filled in by `mlir.tensor_type`

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def with_shape(self, shape: tuple[int, ...]) -> Aval:
        """The same dtype with another shape."""
        return aval(shape, self.dtype)

    def with_dtype(self, dtype: Any) -> Aval:
        """The same shape with another dtype."""
        return aval(self.shape, dtype)

    def __repr__(self) -> str:
        return f"{short_dtype(self.dtype)}[{','.join(map(str, self.shape))}]"

    __str__ = __repr__

    def __reduce__(self) -> tuple:
        return (aval, (self.shape, self.dtype))


def aval(shape: tuple[int, ...], dtype: Any) -> Aval:
    """The interned `Aval` of a shape and dtype."""
    key = (shape, dtype)
    found = _INTERNED.get(key)
    if found is None:
        shape = tuple(int(n) for n in shape)
        dtype = np.dtype(dtype)
        # setdefault: two threads that race must end with one object
        found = _INTERNED.setdefault((shape, dtype), Aval(shape, dtype))
        _INTERNED[key] = found
    return found


MLIR_VALUES: set[type] = set()
"""The classes of MLIR values, once the bindings are loaded. Asking for a class costs less than `isinstance`."""


def aval_of(x: Any) -> Aval:
    """The aval of a NumPy array, a Python scalar or an MLIR value."""
    if type(x) in MLIR_VALUES:
        return sys.modules["axil.dialects.mlir"].aval_of_type(x.type)
    if isinstance(x, (np.ndarray, np.generic)):
        return aval(x.shape, x.dtype)
    known = getattr(x, "aval", None)
    if isinstance(known, Aval):
        return known
    if isinstance(x, (bool, int, float, complex)):
        return aval((), np.asarray(x).dtype)
    return sys.modules["axil.dialects.mlir"].aval_of_type(x.type)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a NumPy array or MLIR value."""
    return aval_of(x).shape


def dtype_of(x: Any) -> np.dtype:
    """The dtype of a NumPy array or MLIR value."""
    return aval_of(x).dtype


def short_dtype(dtype: Any) -> str:
    """The short name of a dtype, as messages and tests spell it: `f32`, `bf16`, `i32`, `bool`."""
    name = np.dtype(dtype).name
    return _SHORT.get(name, name)


def is_float(dtype: Any) -> bool:
    """True for real floating dtypes, bfloat16 and float8 included."""
    dtype = np.dtype(dtype)
    return dtype.kind == "f" or dtype == BFLOAT16 or dtype in SMALL_FLOATS


def is_complex(dtype: Any) -> bool:
    """True for complex dtypes."""
    return np.dtype(dtype).kind == "c"


def is_inexact(dtype: Any) -> bool:
    """True for dtypes that can be differentiated: real floating and complex ones."""
    return is_float(dtype) or is_complex(dtype)


def is_integer(dtype: Any) -> bool:
    """True for signed and unsigned integers (not bool)."""
    dtype = np.dtype(dtype)
    return dtype.kind in "iu" or dtype in _SMALL_SIGNED or dtype in _SMALL_UNSIGNED


def is_bool(dtype: Any) -> bool:
    """True for the boolean dtype."""
    return np.dtype(dtype).kind == "b"


def is_unsigned(dtype: Any) -> bool:
    """True for unsigned integers."""
    dtype = np.dtype(dtype)
    return dtype.kind == "u" or dtype in _SMALL_UNSIGNED
