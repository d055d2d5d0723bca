"""The merge sort kernel against NumPy's stable sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_kernels_link import DTYPES, Runner, sort

from axil.runtime.buffers import to_device, to_host
from axil.runtime.devices import devices
from axil.runtime.errors import AxilError
from axil.runtime.executable import Executable

SIZES = (0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 48, 1000)


def data(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Random values with many repetitions; floats with NaNs, infinities and both zeros."""
    rng = np.random.default_rng(seed)
    kind = DTYPES[dtype]
    if dtype == "i1":
        return rng.integers(0, 2, shape).astype(bool)
    if "f" not in dtype:
        info = np.iinfo(kind)
        values = rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)
        return np.where(rng.random(shape) < 0.5, values, rng.integers(0, 9, shape).astype(kind))
    values = rng.normal(size=shape).round(1)
    special = rng.choice([np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0], shape)
    return np.where(rng.random(shape) < 0.8, values, special).astype(kind)


def stable_order(*keys: np.ndarray) -> np.ndarray:
    """The stable order of rows by several keys: -0.0 equals 0.0, all NaNs are equal and last."""
    wide = [k.astype(np.float64) if k.dtype.kind not in "biu" else k for k in keys]
    return np.lexsort([np.where(k == 0, 0, k) if k.dtype.kind == "f" else k for k in reversed(wide)], axis=-1)


def check(run: Runner, number: int, arrays: list[np.ndarray], num_keys: int) -> None:
    order = stable_order(*arrays[:num_keys])
    for got, array in zip(run(number, *arrays), arrays):
        expected = np.take_along_axis(array, order, -1)
        # Bytes: zeros keep their signs, NaNs theirs.
        bits = f"u{array.dtype.itemsize}"
        np.testing.assert_array_equal(got.view(bits), expected.view(bits))


def test_every_length() -> None:
    cases = [([data("f32", (n,), n), np.arange(n, dtype=np.int32)], n) for n in SIZES]
    run = Runner([sort((n,), ("f32", "i32")) for _, n in cases])
    for number, (arrays, _) in enumerate(cases):
        check(run, number, arrays, 1)


@pytest.mark.parametrize(
    "dtypes", [("f16", "bf16", "f64", "i1"), ("i8", "i16", "i64"), ("ui8", "ui16", "ui32", "ui64")]
)
def test_every_type(dtypes: tuple[str, ...]) -> None:
    run = Runner([sort((3, 45), (dtype,)) for dtype in dtypes])
    for number, dtype in enumerate(dtypes):
        check(run, number, [data(dtype, (3, 45))], 1)


def test_several_keys_and_payloads() -> None:
    kinds = [(("i8", "f32", "i32"), 2), (("i1", "ui8", "f16", "f64"), 3), (("f32", "f32"), 2)]
    run = Runner([sort((2, 70), dtypes, keys) for dtypes, keys in kinds])
    for number, (dtypes, keys) in enumerate(kinds):
        arrays = [data(dtype, (2, 70), seed) for seed, dtype in enumerate(dtypes)]
        arrays[0] = (arrays[0].astype(np.float32) > 0).astype(DTYPES[dtypes[0]])  # ties, for the later keys to break
        check(run, number, arrays, keys)


def test_batches_spread_over_workgroups() -> None:
    shapes = [(5, 3, 64), (64, 100), (3, 1500)]
    run = Runner([sort(shape, ("f32",)) for shape in shapes])
    for number, shape in enumerate(shapes):
        check(run, number, [data("f32", shape)], 1)


def test_scalar_code_of_other_platforms() -> None:
    """What Vulkan and CUDA get, run here: single elements are the runs that merging starts from."""
    run = Runner([sort((2, 77), ("f32", "i32"), platform="vulkan"), sort((9,), ("ui8",), platform="cuda")])
    check(run, 0, [data("f32", (2, 77)), data("i32", (2, 77))], 1)
    check(run, 1, [data("ui8", (9,))], 1)


@pytest.mark.parametrize("target", ["aarch64", "cuda"])
def test_compiles_for_other_targets(target: str) -> None:
    platform = "cuda" if target == "cuda" else "cpu"
    assert Runner([sort((4, 100), ("f32", "i32"), platform=platform)], target).vmfb


def test_runs_on_vulkan() -> None:
    found = vulkan_device()
    if found is None:
        pytest.skip("no Vulkan device; Mesa's lavapipe (apt-get install mesa-vulkan-drivers) is one")
    run = Runner([sort((4, 100), ("f32", "i32"), platform="vulkan")], "vulkan")
    executable = Executable(run.vmfb, results=2, entry="f0", device=found)
    arrays = [data("f32", (4, 100)), data("i32", (4, 100))]
    views = executable([to_device(a, found).view for a in arrays])
    order = stable_order(arrays[0])
    for view, array in zip(views, arrays):
        expected = np.take_along_axis(array, order, -1)
        np.testing.assert_array_equal(to_host(view, found).view("u4"), expected.view("u4"))


def test_declines_what_vulkan_lacks() -> None:
    assert "32-bit" in sort((4, 100), ("f64",), platform="vulkan").reason


def vulkan_device() -> Any:
    """The first Vulkan device, if there is one."""
    try:
        return next(iter(devices("vulkan")), None)
    except AxilError:
        return None


def test_a_value_that_is_sorted_twice_compiles_without_kernels() -> None:
    """As for targets that have none: the positions of an argsort are an iota, and so is what makes a sort stable."""
    from axil.compiler.driver import compile_module, hand_over
    from axil.compiler.passes.lower import LowerToStablehlo
    from axil.dialects.mlir import context, ir, parse_module
    from axil.runtime import Executable, to_device, to_host

    module = parse_module("""
        func.func public @main(%x: tensor<2x3xi32>) -> (tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32>) {
          %at = "axil.iota"() {shape = array<i64: 2, 3>, axis = 1 : i64, dtype = i32} : () -> tensor<2x3xi32>
          %s:4 = "axil.sort.4"(%x, %at, %x, %at) {axis = 1 : i64, num_keys = 1 : i64, stable = true}
              : (tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32>)
              -> (tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32>)
          return %s#0, %s#1, %s#2 : tensor<2x3xi32>, tensor<2x3xi32>, tensor<2x3xi32>
        }""")
    with context(), ir.Location.unknown():
        LowerToStablehlo(kernels=False).run(module.operation)
    assert "stablehlo.sort" in str(module)
    x = np.array([[3, 1, 2], [5, 5, 4]], np.int32)
    executable = Executable(compile_module(hand_over(module)), results=3, entry="main")
    got = [to_host(v, executable.device).tolist() for v in executable([to_device(x).view])]
    assert got == [[[1, 2, 3], [4, 5, 5]], [[1, 2, 0], [2, 0, 1]], [[1, 2, 3], [4, 5, 5]]]
