"""Executables run programs: right, from many threads, with clear errors, and without touching their
arguments."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from _programs import GUARDED_SORT, binary, compiled, executable, matmul

import axil.runtime as rt
from axil.runtime import DeviceError, SignatureError


def views(*arrays):
    return [rt.to_device(a).view for a in arrays]


def result(program, *arrays):
    return rt.to_host(program.invoke(views(*arrays))[0], rt.default_device())


def test_a_program_computes():
    a, b = np.arange(4, dtype=np.float32), np.full(4, 2, np.float32)
    assert result(executable(binary("multiply", "4")), a, b).tolist() == [0, 2, 4, 6]


def test_zero_dimensional_and_empty_arrays_work():
    assert result(executable(binary("add", "")), np.float32(2), np.float32(3)) == 5
    empty = np.zeros((0, 4), np.float32)
    assert result(executable(binary("add", "0x4")), empty, empty).shape == (0, 4)


def test_the_number_of_results_is_read_from_the_program():
    assert executable(binary("add", "4")).result_count == 1
    assert executable(GUARDED_SORT).result_count == 1


def test_large_programs_run_in_parallel_and_small_ones_do_not():
    assert not executable(binary("add", "4")).parallel
    assert not executable(binary("add", "4"), cost=1e3).parallel
    program = executable(matmul(256), cost=2 * 256**3)
    assert program.parallel
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 256, 256)).astype(np.float32)
    assert np.allclose(result(program, a, b), a @ b, atol=1e-3)


def test_arguments_are_untouched_by_a_call():
    rng = np.random.default_rng(1)
    array = rt.aligned_empty((1024,), np.float32)
    array[:] = rng.standard_normal(1024)
    before = array.copy()
    borrowed = rt.borrow(array)
    assert borrowed.numpy().ctypes.data == array.ctypes.data, "the program must see the array's own memory"
    for cost in (None, 1e9):
        (view,) = executable(GUARDED_SORT, cost=cost).invoke([borrowed.view])
        assert np.array_equal(rt.to_host(view, borrowed.device), np.sort(before))
        assert np.array_equal(array, before)


@pytest.mark.parametrize("cost", [None, 1e9], ids=["local-sync", "local-task"])
def test_many_threads_may_call_one_executable(cost):
    program = executable(matmul(64), cost=cost)
    rng = np.random.default_rng(2)
    wrong = []

    def work(seed: int):
        a, b = np.random.default_rng(seed).standard_normal((2, 64, 64)).astype(np.float32)
        for _ in range(50):
            if not np.allclose(result(program, a, b), a @ b, atol=1e-3):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(int(s),)) for s in rng.integers(0, 1000, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_wrong_arguments_are_signature_errors_and_the_program_stays_usable():
    program = executable(binary("add", "4"), name="add")
    good = np.ones(4, np.float32)
    with pytest.raises(SignatureError, match="add: input list and function mismatch; expected 2 arg"):
        program.invoke(views(good))
    with pytest.raises(SignatureError, match="add: input1 shape dimension 0 mismatch; expected 4 but have 3"):
        program.invoke(views(good, np.ones(3, np.float32)))
    with pytest.raises(SignatureError, match="add: input1 element type mismatch; expected f32"):
        program.invoke(views(good, np.ones(4, np.float64)))
    assert result(program, good, good).tolist() == [2] * 4


def test_bytes_that_are_no_program_are_refused():
    whole = compiled(binary("add", "4"))
    for data in (b"", b"garbage" * 10, whole[: len(whole) // 2]):
        with pytest.raises(DeviceError, match="main: not a loadable program: "):
            rt.Executable(data)


def test_a_missing_entry_is_named():
    with pytest.raises(DeviceError, match="the program has no function @other"):
        executable(binary("add", "4"), entry="other")


def test_a_program_for_another_architecture_is_refused():
    other = "aarch64" if rt.host_arch() == "x86_64" else "x86-64"
    with pytest.raises(rt.IncompatibleArtifactError, match="compiled for another kind of device"):
        executable(binary("add", "4"), other)
