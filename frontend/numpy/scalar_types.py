"""Dtypes by name, which are also functions: `float32(x)` is `x` as an array of that dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy.creation import asarray
from axil.numpy.values import Value


class ScalarType(type):
    """A dtype as NumPy's scalar types are: a class, equal to NumPy's own, that makes arrays when called."""

    dtype: np.dtype

    def __hash__(cls) -> int:
        return hash(cls.dtype.type)

    def __eq__(cls, other: Any) -> bool:
        return cls is other or cls.dtype.type == other

    def __ne__(cls, other: Any) -> bool:
        return not cls == other

    def __call__(cls, x: Any) -> Value:
        return asarray(x, dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.dtype.type)

    def __repr__(cls) -> str:
        return f"<class 'axil.numpy.{cls.__name__}'>"


def _scalar_type(name: str, of: Any) -> ScalarType:
    return ScalarType(
        name, (), {"dtype": np.dtype(of), "__doc__": f"The dtype {name}; called, an array of it."}
    )


bool_ = _scalar_type("bool_", np.bool_)
int1, uint1 = _scalar_type("int1", dtypes.int1), _scalar_type("uint1", dtypes.uint1)
int2, uint2 = _scalar_type("int2", dtypes.int2), _scalar_type("uint2", dtypes.uint2)
int4, uint4 = _scalar_type("int4", dtypes.int4), _scalar_type("uint4", dtypes.uint4)
int8, int16 = _scalar_type("int8", np.int8), _scalar_type("int16", np.int16)
int32, int64 = _scalar_type("int32", np.int32), _scalar_type("int64", np.int64)
uint8, uint16 = _scalar_type("uint8", np.uint8), _scalar_type("uint16", np.uint16)
uint32, uint64 = _scalar_type("uint32", np.uint32), _scalar_type("uint64", np.uint64)
bfloat16, float16 = _scalar_type("bfloat16", dtypes.bfloat16), _scalar_type("float16", np.float16)
float32, float64 = _scalar_type("float32", np.float32), _scalar_type("float64", np.float64)
complex64, complex128 = _scalar_type("complex64", np.complex64), _scalar_type("complex128", np.complex128)
float4_e2m1fn = _scalar_type("float4_e2m1fn", dtypes.float4_e2m1fn)
float6_e2m3fn = _scalar_type("float6_e2m3fn", dtypes.float6_e2m3fn)
float6_e3m2fn = _scalar_type("float6_e3m2fn", dtypes.float6_e3m2fn)
float8_e3m4 = _scalar_type("float8_e3m4", dtypes.float8_e3m4)
float8_e4m3 = _scalar_type("float8_e4m3", dtypes.float8_e4m3)
float8_e8m0fnu = _scalar_type("float8_e8m0fnu", dtypes.float8_e8m0fnu)
float8_e4m3b11fnuz = _scalar_type("float8_e4m3b11fnuz", dtypes.float8_e4m3b11fnuz)
float8_e4m3fnuz = _scalar_type("float8_e4m3fnuz", dtypes.float8_e4m3fnuz)
float8_e5m2fnuz = _scalar_type("float8_e5m2fnuz", dtypes.float8_e5m2fnuz)
float8_e4m3fn = _scalar_type("float8_e4m3fn", dtypes.float8_e4m3fn)
float8_e5m2 = _scalar_type("float8_e5m2", dtypes.float8_e5m2)

# The widest of each kind; narrowed on use unless 64-bit types are enabled.
int_, uint, float_, complex_ = int64, uint64, float64, complex128
single, double, csingle, cdouble = float32, float64, complex64, complex128


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether a dtype is another one or of a kind such as `floating`; narrow types like bfloat16 are of theirs."""
    return dtypes.issubdtype(arg1, arg2)
