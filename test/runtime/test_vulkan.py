"""Vulkan: programs compile for and run on a Vulkan device (Mesa's lavapipe in CI)."""

from __future__ import annotations

import numpy as np
import pytest
from _programs import binary, compiled, executable, matmul

import axil.runtime as rt
from axil.compiler.artifact import write
from axil.compiler.targets import for_device
from axil.runtime.signature import Signature

try:
    DEVICE = rt.devices("vulkan")[0]
    REASON = ""
except rt.DeviceError as error:
    DEVICE, REASON = None, f"{error} (apt-get install mesa-vulkan-drivers libvulkan1)"

pytestmark = pytest.mark.skipif(DEVICE is None, reason=REASON)


def run(text: str, *arrays: np.ndarray) -> np.ndarray:
    program = executable(text, for_device(DEVICE).name, device=DEVICE)
    (view,) = program.invoke([rt.to_device(a, DEVICE).view for a in arrays])
    return rt.to_host(view, DEVICE)


def test_arrays_go_there_and_back():
    for array in (np.arange(6.0, dtype=np.float32).reshape(2, 3), np.zeros((0, 2), np.int32), np.array(True)):
        buffer = rt.to_device(array, DEVICE)
        assert buffer.device is DEVICE and str(DEVICE) == "VulkanDevice(id=0)"
        assert np.array_equal(buffer.numpy(), array) and buffer.numpy().shape == array.shape
        assert np.array_equal(rt.borrow(array, DEVICE).numpy(), array)


@pytest.mark.parametrize("dtype", ["f32", "i32"])
def test_elementwise(dtype):
    a = np.arange(8, dtype={"f32": np.float32, "i32": np.int32}[dtype])
    assert np.array_equal(run(binary("multiply", "8", dtype), a, a + 1), a * (a + 1))


def test_matmul():
    a, b = np.random.default_rng(0).standard_normal((2, 64, 64)).astype(np.float32)
    assert np.allclose(run(matmul(64), a, b), a @ b, atol=1e-4)


def test_an_artifact_for_several_devices_runs_on_this_one(tmp_path):
    x = np.arange(8, dtype=np.float32)
    text = binary("multiply", "8")
    from axil.compiler.targets import resolve

    programs = {t: compiled(text, t.name) for t in (resolve("host"), for_device(DEVICE))}
    file = write(tmp_path / "mul.axil", name="mul", programs=programs, signature=Signature.of((x, x), x))
    program = rt.load(file, DEVICE)
    assert program.target.platform == "vulkan" and program.device is DEVICE
    assert np.array_equal(program(x, x), x * x)
    assert np.array_equal(rt.load(file)(x, x), x * x)


def test_a_program_for_the_cpu_is_refused():
    with pytest.raises(rt.IncompatibleArtifactError, match="compiled for another kind of device"):
        executable(binary("add", "4"), "host", device=DEVICE)
