"""Devices are found, named, made once, and live for ever."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from _programs import binary, compiled, executable

import axil.runtime as rt
from axil.runtime import DeviceError


def test_the_cpu_is_the_default_device():
    device = rt.default_device()
    assert (device.platform, device.id, str(device)) == ("cpu", 0, "CpuDevice(id=0)")
    assert rt.devices() == rt.devices("cpu") == rt.local_devices() == [device]
    assert rt.device_count() == 1


def test_a_device_is_one_object_per_process_also_through_pickle():
    device = rt.default_device()
    assert pickle.loads(pickle.dumps(device)) is device
    found = []
    threads = [threading.Thread(target=lambda: found.append(rt.devices("cpu")[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {device}


def test_an_unknown_platform_is_an_error_that_names_the_nearest():
    with pytest.raises(DeviceError, match="unknown platform 'vulcan'; did you mean 'vulkan'"):
        rt.devices("vulcan")
    with pytest.raises(DeviceError, match="unknown platform"):
        rt.device_count("quantum")


def test_an_absent_platform_says_why_and_counts_zero():
    if rt.device_count("metal"):
        pytest.skip("this machine has a Metal device")
    assert rt.device_count("metal") == 0
    with pytest.raises(DeviceError, match="no metal device on this machine: "):
        rt.devices("metal")


def test_the_environment_chooses_the_default_platform(tmp_path):
    code = """
try:
    rt.default_device()
except rt.DeviceError as error:
    print(error)
os.environ["AXIL_PLATFORM"] = "cpu"
print(rt.default_device())
os.environ["AXIL_PLATFORM"] = "no-such"
print(rt.default_device())
"""
    first, *rest = run_python(code, tmp_path, AXIL_PLATFORM="no-such").stdout.splitlines()
    assert first.startswith("unknown platform 'no-such'")
    assert rest == ["CpuDevice(id=0)"] * 2  # decided once, as arrays stay where they are


def run_python(code: str, tmp_path, **environment) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new process, with `PATH_OF_VMFB` naming a compiled `a + b` on 4 floats."""
    vmfb = tmp_path / "add.vmfb"
    vmfb.write_bytes(compiled(binary("add", "4")))
    setup = (
        f"VMFB = open({str(vmfb)!r}, 'rb').read()\nimport numpy as np, os, sys\nimport axil.runtime as rt\n"
    )
    return subprocess.run(
        [sys.executable, "-c", setup + code],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("cost", [None, 1e9], ids=["local-sync", "local-task"])
def test_a_result_may_outlive_its_executable_until_the_interpreter_exits(tmp_path, cost):
    code = f"""
def make():
    x = rt.to_device(np.ones(4, np.float32))
    return rt.Executable(VMFB, cost={cost}).invoke([x.view, x.view])[0]
view = make()
array = rt.to_host(view, rt.default_device())
import gc; gc.collect()
print(array.tolist())
"""
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[2.0, 2.0, 2.0, 2.0]\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this operating system has no fork")
def test_a_forked_child_computes_although_it_lost_the_worker_threads(tmp_path):
    code = """
x = rt.to_device(np.ones(4, np.float32))
large = rt.Executable(VMFB, cost=1e9)
before = large.invoke([x.view, x.view])[0]
assert large.parallel
child = os.fork()
if child == 0:
    assert not large.parallel
    views = large.invoke([x.view, before])
    fresh = rt.Executable(VMFB, cost=1e9).invoke([x.view, views[0]])
    del before, views
    ok = rt.to_host(fresh[0], rt.default_device()).tolist() == [4.0] * 4
    os._exit(0 if ok else 1)
_, status = os.waitpid(child, 0)
again = large.invoke([x.view, before])
print(os.waitstatus_to_exitcode(status), rt.to_host(again[0], rt.default_device()).tolist())
"""
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 [3.0, 3.0, 3.0, 3.0]\n"), done.stderr


def test_the_number_of_threads_can_be_limited(tmp_path):
    code = """
x = rt.to_device(np.ones(4, np.float32))
print(rt.to_host(rt.Executable(VMFB, cost=1e9).invoke([x.view, x.view])[0], x.device).tolist())
"""
    assert run_python(code, tmp_path, AXIL_NUM_THREADS="1").stdout == "[2.0, 2.0, 2.0, 2.0]\n"
    assert "positive integer, not 'many'" in run_python(code, tmp_path, AXIL_NUM_THREADS="many").stderr


def test_buffers_pass_between_the_lanes_of_the_cpu():
    small, large = executable(binary("add", "4")), executable(binary("add", "4"), cost=1e9)
    x = rt.to_device(np.arange(4, dtype=np.float32))
    view = x.view
    for program in (small, large, small, large):
        (view,) = program.invoke([view, x.view])
    assert rt.to_host(view, x.device).tolist() == [0, 5, 10, 15]


def test_local_devices_are_all_devices() -> None:
    from axil import runtime

    assert runtime.local_device_count() == runtime.device_count() == len(runtime.local_devices()) >= 1
