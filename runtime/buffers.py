"""Buffers: NumPy arrays to device memory and back.

Three ways in, by who owns the memory:

* `to_device(array)` makes a private copy: the result never changes.
* `to_device(array, may_alias=True)` uses the array's own memory where it is 64-byte aligned on a CPU device.
  The caller promises that the array never changes again. The memory is owned by the HAL buffer itself
  (through a DLPack capsule), so it also outlives results that alias it.
* `borrow(array)` uses the array's own memory for the time of one call (16-byte aligned is enough); its
  `owner` must be kept until the call returned, and results must go through `detach`.

One way out: `to_host(view)`, a read-only array; on the CPU it is the buffer's own memory, and keeps it alive.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from axil.runtime.devices import Device, default_device, iree
from axil.runtime.errors import DeviceError

_ALIGN_OWNED = 64  # what IREE asks of imported DLPack memory
_ALIGN_BORROWED = 16  # what our programs are compiled for (compiler/targets.py), and what NumPy gives
_COPY_BELOW = 2048  # bytes; copying so little is cheaper than importing it

# NumPy dtype -> iree_hal_element_type_t. Numbers, since making the enum costs 0.2 us.
ELEMENT_TYPES: dict[np.dtype[Any], int] = {
    np.dtype(np.bool_): 0x13000008,
    np.dtype(np.int8): 0x11000008,
    np.dtype(np.int16): 0x11000010,
    np.dtype(np.int32): 0x11000020,
    np.dtype(np.int64): 0x11000040,
    np.dtype(np.uint8): 0x12000008,
    np.dtype(np.uint16): 0x12000010,
    np.dtype(np.uint32): 0x12000020,
    np.dtype(np.uint64): 0x12000040,
    np.dtype(np.float16): 0x21000010,
    np.dtype(ml_dtypes.bfloat16): 0x22000010,
    np.dtype(np.float32): 0x21000020,
    np.dtype(np.float64): 0x21000040,
    np.dtype(np.complex64): 0x23000040,
    np.dtype(np.complex128): 0x23000080,
}
# Types of at most 8 bits, which programs take and give as bytes with their bits (the compiler's
# `axil-carry-small-types`): results have them again because a program's signature says so.
SMALL_TYPES: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(getattr(ml_dtypes, name))
    for name in (
        "float8_e4m3fn", "float8_e5m2", "float8_e4m3", "float8_e3m4", "float8_e4m3fnuz", "float8_e5m2fnuz",
        "float8_e4m3b11fnuz", "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn", "int4", "uint4",
        "int2", "uint2",
    )
)  # fmt: skip
DTYPES: dict[int, np.dtype[Any]] = {number: dtype for dtype, number in ELEMENT_TYPES.items()}
# Signless integers: what IREE reports where a program does not say.
ELEMENT_TYPES |= {dtype: 0x11000008 for dtype in SMALL_TYPES}
DTYPES |= {0x10000000 + bits: np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)}


# (memory type, allowed usage) of buffers, as iree_hal bits; a test compares them with iree.runtime's enums.
_COPY = (0x30, 0x9000C03)  # DEVICE_LOCAL | DEVICE_VISIBLE, DEFAULT | MAPPING
_IMPORT = (0x56, 0x9000C03)  # HOST_LOCAL | DEVICE_VISIBLE, DEFAULT | MAPPING
_STAGING = (0x56, 0x1000002)  # HOST_LOCAL | DEVICE_VISIBLE, TRANSFER_TARGET | MAPPING_SCOPED


class DeviceBuffer:
    """A tensor in device memory: `view` (HalBufferView), `owner` (what must live as long), `shape`, `dtype`,
    `device`.

    `owner` is None where the view owns its memory alone.
    """

    __slots__ = ("view", "owner", "shape", "dtype", "device")

    def __init__(self, view: Any, owner: Any, shape: tuple[int, ...], dtype: np.dtype[Any], device: Device):
        self.view = view
        self.owner = owner
        self.shape = shape
        self.dtype = dtype
        self.device = device

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return math.prod(self.shape) * self.dtype.itemsize

    def numpy(self) -> np.ndarray[Any, Any]:
        """The contents as a read-only array; see `to_host`."""
        return to_host(self.view, self.device, self.shape, self.dtype)

    def __repr__(self) -> str:
        return f"DeviceBuffer({self.dtype}{list(self.shape)} on {self.device})"


def to_device(array: Any, device: Device | None = None, *, may_alias: bool = False) -> DeviceBuffer:
    """Bring an array-like to `device` (default: the default device). Never writes to the array.

    With `may_alias` its memory may be used directly; the caller promises not to change it any more.
    Raises `DeviceError` for a dtype that devices do not have.
    """
    device = device or default_device()
    array = np.asarray(array, order="C")
    element = _element_type(array.dtype)
    view = None
    if may_alias and device.is_host and array.nbytes >= _COPY_BELOW:
        view = _import_owned(array, element, device)
    if view is None:
        view = _copy_in(array, element, device)
    return DeviceBuffer(view, None, array.shape, array.dtype, device)


def borrow(array: Any, device: Device | None = None) -> DeviceBuffer:
    """Bring an array-like to `device` for the time of one call, without a copy where possible.

    Keep the result (its `owner` holds the memory) until the call has returned; pass the call's results to
    `detach`.
    """
    device = device or default_device()
    array = np.asarray(array, order="C")
    element = _element_type(array.dtype)
    if device.is_host and array.nbytes >= _COPY_BELOW and _address(array) % _ALIGN_BORROWED == 0:
        rt = iree()
        # A read-only array cannot be imported, though nothing here writes to it, nor one of ml_dtypes' types: import
        # its bytes through ctypes.
        source = array if array.flags.writeable and not _is_foreign(array.dtype) else _bytes_of(array)
        hal = device.hal.allocator.import_host_allocation(source, *_IMPORT)
        view = rt.HalBufferView(hal, list(array.shape), element)
        return DeviceBuffer(view, (array, source, hal), array.shape, array.dtype, device)
    return DeviceBuffer(_copy_in(array, element, device), None, array.shape, array.dtype, device)


def detach(views: Sequence[Any], borrowed: Sequence[DeviceBuffer], device: Device) -> list[Any]:
    """Replace each of `views` that lies in memory of a `borrow`ed array by a copy of its own.

    (A program may return an argument, or a reshape of one, without copying it.)
    """
    spans = [_span(b.owner[0]) for b in borrowed if b.owner is not None]
    if not spans:
        return list(views)
    out = []
    for view in views:
        array = to_host(view, device)
        start, stop = _span(array)
        if any(start < b and a < stop for a, b in spans):
            view = _copy_in(array, _element_type(array.dtype), device)
        out.append(view)
    return out


def to_host(
    view: Any, device: Device, shape: Sequence[int] | None = None, dtype: np.dtype[Any] | None = None
) -> np.ndarray[Any, Any]:
    """The contents of a `HalBufferView` as a read-only NumPy array of `shape` and `dtype` (default: the
    view's).

    On the CPU this is the buffer's memory itself, kept alive by the array (1 us, no copy). Elsewhere it is
    copied.
    """
    sizes: Sequence[int] = view.shape if shape is None else shape
    if dtype is None:
        dtype = dtype_of(view)
    count = math.prod(sizes)
    if count == 0:
        return _read_only(np.empty(sizes, dtype))
    mapped = view.map() if device.is_host else _copy_out(view, device)
    return np.frombuffer(memoryview(mapped).toreadonly(), dtype, count).reshape(sizes)


def wrap(view: Any, device: Device) -> DeviceBuffer:
    """A `DeviceBuffer` over a result of `Executable.invoke`."""
    return DeviceBuffer(view, None, tuple(view.shape), dtype_of(view), device)


def dtype_of(view: Any) -> np.dtype[Any]:
    """The NumPy dtype of a `HalBufferView`."""
    try:
        return DTYPES[view.element_type]
    except KeyError:
        raise DeviceError(f"a program returned the unknown element type {view.element_type:#x}") from None


def aligned_empty(shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
    """An uninitialised array whose memory every device can use without a copy (64-byte aligned)."""
    dtype = np.dtype(dtype)
    nbytes = math.prod(shape) * dtype.itemsize
    raw = np.empty(nbytes + _ALIGN_OWNED, np.uint8)
    offset = -_address(raw) % _ALIGN_OWNED
    return raw[offset : offset + nbytes].view(dtype).reshape(shape)


def _element_type(dtype: np.dtype[Any]) -> int:
    try:
        return ELEMENT_TYPES[dtype]
    except KeyError:
        known = ", ".join(str(d) for d in ELEMENT_TYPES)
        raise DeviceError(f"arrays of dtype {dtype} cannot go to a device; use one of {known}") from None


def _is_foreign(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is one of ml_dtypes', whose kind is mostly, but not always, "V"."""
    return dtype.kind == "V" or dtype in SMALL_TYPES


def _copy_in(array: np.ndarray[Any, Any], element: int, device: Device) -> Any:
    hal = device.hal
    if array.size == 0 or _is_foreign(array.dtype):
        # The buffer protocol knows none of ml_dtypes' types: hand over the bits, then describe them.
        bits = array.view(f"u{array.itemsize}") if array.nbytes else np.zeros(1, np.uint8)
        buffer = hal.allocator.allocate_buffer_copy(*_COPY, hal, bits)
        return iree().HalBufferView(buffer, list(array.shape), element)
    return hal.allocator.allocate_buffer_copy(*_COPY, hal, array, element)


def _copy_out(view: Any, device: Device) -> Any:
    """Copy to host memory through a staging buffer: GPU memory cannot be mapped."""
    rt, hal, source = iree(), device.hal, view.get_buffer()
    staging = hal.allocator.allocate_buffer(*_STAGING, source.byte_length())
    semaphore = hal.create_semaphore(0)
    done = rt.HalFence.create_at(semaphore, 1)
    hal.queue_copy(source, staging, rt.HalFence.create_at(semaphore, 0), done)
    done.wait()
    return staging.map()


def _address(array: np.ndarray[Any, Any]) -> int:
    return array.__array_interface__["data"][0]


def _span(array: np.ndarray[Any, Any]) -> tuple[int, int]:
    start = _address(array)
    return start, start + array.nbytes


def _bytes_of(array: np.ndarray[Any, Any]) -> Any:
    return (ctypes.c_char * array.nbytes).from_address(_address(array))


def _read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array.flags.writeable = False
    return array


# --- DLPack: the one import whose HAL buffer itself owns the memory -----------------------------------------


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
    ]


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _DLManagedTensor(ctypes.Structure):
    _fields_ = [("tensor", _DLTensor), ("context", ctypes.c_void_p), ("deleter", _Deleter)]


_imported: dict[int, tuple[Any, ...]] = {}  # address of the DLManagedTensor -> what it keeps alive


@_Deleter
def _release(address: int) -> None:
    _imported.pop(address, None)


ctypes.pythonapi.Py_IncRef(ctypes.py_object(_release))  # a buffer may be released after this module is gone

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def _import_owned(array: np.ndarray[Any, Any], element: int, device: Device) -> Any:
    """A view of the array's own memory that keeps it alive, or None where its alignment does not allow it."""
    address = _address(array)
    if address % _ALIGN_OWNED:
        return None
    length = (ctypes.c_int64 * 1)(array.nbytes)
    managed = _DLManagedTensor()
    managed.tensor = _DLTensor(address, 1, 0, 1, 1, 8, 1, ctypes.addressof(length), None, 0)
    managed.deleter = _release
    key = ctypes.addressof(managed)
    _imported[key] = (managed, length, array)
    try:
        flat = device.hal.from_dlpack_capsule(_new_capsule(key, b"dltensor", None))
    except Exception:
        _imported.pop(key, None)
        return None
    return iree().HalBufferView(flat.get_buffer(), list(array.shape), element)
