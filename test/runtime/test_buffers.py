"""NumPy arrays go to a device and come back the same, without a copy where that is safe."""

from __future__ import annotations

import gc
import weakref

import ml_dtypes
import numpy as np
import pytest
from _programs import IDENTITY, executable

import axil.runtime as rt
from axil.runtime.buffers import ELEMENT_TYPES, SMALL_TYPES, _import_owned, dtype_of

DTYPES = sorted(ELEMENT_TYPES, key=str)
SHAPES = [(), (0,), (3, 0, 2), (1,), (7,), (5, 3), (2, 3, 4, 5), (64, 64)]
WAYS = {
    "copy": rt.to_device,
    "alias": lambda array: rt.to_device(array, may_alias=True),
    "borrow": rt.borrow,
}


def example(shape, dtype) -> np.ndarray:
    return (np.arange(int(np.prod(shape))).reshape(shape) % 5).astype(dtype)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_and_shape_comes_back_the_same(way, dtype):
    for shape in SHAPES:
        array = example(shape, dtype)
        buffer = WAYS[way](array)
        back = buffer.numpy()
        assert (back.shape, back.dtype) == (shape, dtype)
        assert (buffer.shape, buffer.dtype, buffer.nbytes) == (shape, dtype, array.nbytes)
        assert back.tobytes() == array.tobytes()
        assert dtype_of(buffer.view) == (np.int8 if dtype in SMALL_TYPES else dtype)  # kept in bytes


def test_results_are_read_only_for_good():
    back = rt.to_device(np.ones(4)).numpy()
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 2
    with pytest.raises(ValueError):
        back.flags.writeable = True


def test_any_strides_and_read_only_arrays_are_taken():
    base = np.arange(4096, dtype=np.float32).reshape(64, 64)
    frozen = base.copy()
    frozen.flags.writeable = False
    for array in (base.T, base[::2, ::-3], base[1:, 5:], frozen, np.broadcast_to(base[0], (64, 64))):
        for way in WAYS.values():
            assert np.array_equal(way(array).numpy(), array)


def test_a_copy_does_not_see_later_changes():
    array = np.zeros(10_000, np.float32)
    buffer = rt.to_device(array)
    array[:] = 1
    assert not buffer.numpy().any()


def test_an_aligned_array_is_used_in_place_and_kept_alive_by_the_buffer_alone():
    array = rt.aligned_empty((1000,), np.float32)
    array[:] = 7
    owner = weakref.ref(array.base)
    buffer = rt.to_device(array, may_alias=True)
    address = array.ctypes.data
    back = buffer.numpy()
    assert back.ctypes.data == address
    view = buffer.view
    del array, buffer
    gc.collect()
    assert owner() is not None and (back == 7).all()
    del back
    assert (rt.to_host(view, rt.default_device()) == 7).all()
    del view
    gc.collect()
    assert owner() is None, "the memory must be freed with the last view"


def test_a_result_that_aliases_an_argument_keeps_its_memory():
    array = rt.aligned_empty((1024,), np.float32)
    array[:] = 3
    owner = weakref.ref(array.base)
    same = executable(IDENTITY).invoke([rt.to_device(array, may_alias=True).view])[0]
    del array
    gc.collect()
    assert (rt.to_host(same, rt.default_device()) == 3).all()
    del same
    gc.collect()
    assert owner() is None


def test_unaligned_arrays_are_copied_where_they_cannot_be_used():
    raw = rt.aligned_empty((4096 + 64,), np.uint8)
    for offset in (1, 2, 4, 8, 16, 32, 48):
        array = raw[offset : offset + 4096]
        array[:] = offset
        assert _import_owned(array, ELEMENT_TYPES[array.dtype], rt.default_device()) is None
        assert (rt.borrow(array).numpy() == offset).all()
        in_place = rt.borrow(array).numpy().ctypes.data == array.ctypes.data
        assert in_place == (offset % 16 == 0)


def test_results_in_borrowed_memory_are_detached():
    device = rt.default_device()
    array = rt.aligned_empty((1024,), np.float32)
    array[:] = 2
    borrowed = rt.borrow(array)
    views = executable(IDENTITY).invoke([borrowed.view])
    same, double = (rt.to_host(v, device) for v in rt.detach(views, [borrowed], device))
    array[:] = 9
    assert (same == 2).all() and (double == 4).all()


def test_our_numbers_are_those_of_iree():
    import iree.runtime as iree

    from axil.runtime import buffers

    memory, usage = iree.MemoryType, iree.BufferUsage
    both = usage.DEFAULT | usage.MAPPING
    assert buffers._COPY == (int(memory.DEVICE_LOCAL | memory.DEVICE_VISIBLE), int(both))
    assert buffers._IMPORT == (int(memory.HOST_LOCAL | memory.DEVICE_VISIBLE), int(both))
    staging = usage.TRANSFER_TARGET | usage.MAPPING_SCOPED
    assert buffers._STAGING == (int(memory.HOST_LOCAL | memory.DEVICE_VISIBLE), int(staging))
    for number, dtype in buffers.DTYPES.items():
        assert iree.HalElementType.map_to_dtype(iree.HalElementType(number)) == dtype


def test_a_dtype_that_devices_lack_is_refused():
    with pytest.raises(rt.DeviceError, match="arrays of dtype object cannot go to a device"):
        rt.to_device(np.array([object()]))
    with pytest.raises(rt.DeviceError, match="int1"):
        rt.to_device(np.zeros(3, ml_dtypes.int1))


def test_nothing_leaks():
    from axil.runtime import buffers

    gc.collect()
    before = len(buffers._imported)  # what other tests hold
    array = rt.aligned_empty((1000,), np.float32)
    for _ in range(100):
        rt.to_device(array, may_alias=True)
    gc.collect()
    assert len(buffers._imported) <= before
