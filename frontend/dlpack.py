"""Arrays of other libraries, and ours for them, without a copy where that is possible: the DLPack protocol.

https://dmlc.github.io/dlpack/latest
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.core import Array
from axil.dialects.avals import BFLOAT16
from axil.source import user_line

SUPPORTED_DTYPES = frozenset(
    np.dtype(t)
    for t in (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
        "float64", "complex64", "complex128", BFLOAT16,
    )
)  # fmt: skip
"""The dtypes that can be exchanged."""

_CPU_DEVICES = {1: "the CPU", 3: "the CPU's memory, pinned for CUDA", 11: "the CPU's memory, pinned for ROCm"}


class ExchangeError(errors.AxilTypeError, ValueError):
    """An array that cannot be exchanged with another library."""


def is_supported_dtype(dtype: Any) -> bool:
    """Whether arrays of a dtype can be exchanged."""
    if dtype is None:
        raise TypeError("is_supported_dtype takes a dtype or its name, got None")
    return np.dtype(dtype) in SUPPORTED_DTYPES


def from_dlpack(external_array: Any, device: Any = None, copy: bool | None = None) -> Array:
    """An array of another library's array, which has ``__dlpack__`` and ``__dlpack_device__`` methods.

    The memory is shared, unless `copy` is True or the dtype is narrowed to 32 bits; it must not be written to
    afterwards. `copy=False` refuses where a copy is needed.
    """
    if not hasattr(external_array, "__dlpack__") or not hasattr(external_array, "__dlpack_device__"):
        _fail(f"from_dlpack takes an array with __dlpack__ and __dlpack_device__ methods, got a "
              f"{type(external_array).__name__}", "axil.numpy.asarray takes numbers and lists")  # fmt: skip
    kind = int(external_array.__dlpack_device__()[0])
    if kind not in _CPU_DEVICES:
        _fail(f"from_dlpack: the array is on a device of DLPack's type {kind}, and not in the CPU's memory",
              "copy it there first")  # fmt: skip
    from axil.placement import device_put

    if device is not None:
        device_put(0.0, device)  # refuses all but the default device
    value = _imported(external_array)
    dtype = dtypes.canonicalize_dtype(value.dtype)
    aligned = value.flags.c_contiguous and value.ctypes.data % 16 == 0
    if copy is False and (dtype != value.dtype or not aligned):
        why = f"{value.dtype} becomes {dtype}" if dtype != value.dtype else "its memory is not contiguous and aligned"
        _fail(f"from_dlpack(copy=False): the array has to be copied, as {why}", "leave copy out")
    if copy or dtype != value.dtype or not aligned:
        value = np.array(value, dtype, order="C")
    return Array(value)


def _fail(text: str, *ways_out: str) -> Any:
    raise ExchangeError(errors.explain(text, user_line(), ways_out=ways_out))


def exported(value: np.ndarray, **options: Any) -> Any:
    """The capsule of an array's memory, for `Array.__dlpack__`.

    Consumers that know version 1 are told that it is read-only; others get a copy of what NumPy marks as such.
    """
    if value.dtype not in SUPPORTED_DTYPES:
        raise BufferError(f"arrays of {dtypes.short_name(value.dtype)} cannot be exchanged by DLPack")
    version = options.get("max_version")
    if version is not None and tuple(version) >= (1, 0):
        value = value.view()
        value.flags.writeable = False
    elif not value.flags.writeable:
        value = value.copy()
    if value.dtype != BFLOAT16:
        return value.__dlpack__(**options)
    capsule = value.view(np.uint16).__dlpack__(**options)
    _set_type_code(capsule, _BFLOAT)
    return capsule


# ---- bfloat16, which NumPy cannot exchange: its bits are, as integers, under the code of the other ------

_UNSIGNED, _BFLOAT = 1, 4


class _Tensor(ctypes.Structure):
    """DLPack's DLTensor up to the dtype."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
    ]  # fmt: skip


class _Versioned(ctypes.Structure):
    """DLPack's DLManagedTensorVersioned up to the tensor's dtype."""

    _fields_ = [
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("manager", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p), ("flags", ctypes.c_uint64), ("tensor", _Tensor),
    ]  # fmt: skip


def _tensor(capsule: Any) -> _Tensor:
    """The description that a capsule holds, in place."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    called = name(capsule)
    address = pointer(capsule, called)
    if called == b"dltensor_versioned":
        return _Versioned.from_address(address).tensor
    return _Tensor.from_address(address)


def _set_type_code(capsule: Any, code: int) -> None:
    _tensor(capsule).code = code


class _Relabelled:
    """A capsule on the CPU, as an exporter."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def _imported(x: Any) -> np.ndarray:
    """A NumPy array on another array's memory."""
    try:
        capsule = x.__dlpack__(max_version=(1, 0))
    except TypeError:  # a library from before version 1
        capsule = x.__dlpack__()
    bfloat = _tensor(capsule).code == _BFLOAT
    if bfloat:
        _set_type_code(capsule, _UNSIGNED)
    value = np.from_dlpack(_Relabelled(capsule))
    return value.view(BFLOAT16) if bfloat else value


__all__ = ["from_dlpack", "is_supported_dtype"]
