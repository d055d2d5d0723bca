"""Linking kernels into a module, and what the other kernel tests share: compiling several kernels at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import pytest

from axil.compiler.driver import compile_module, hand_over
from axil.compiler.kernels import KERNELS, Declined, Kernel, link
from axil.compiler.kernels.kernel import Plan, Tensor, kernel_without_code
from axil.compiler.kernels.text import tensor_type
from axil.dialects.mlir import context, ir
from axil.runtime.buffers import to_device, to_host
from axil.runtime.executable import Executable

DTYPES = {
    "f16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16), "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64), "i1": np.dtype(bool), "i8": np.dtype(np.int8), "i16": np.dtype(np.int16),
    "i32": np.dtype(np.int32), "i64": np.dtype(np.int64), "ui8": np.dtype(np.uint8),
    "ui16": np.dtype(np.uint16),
    "ui32": np.dtype(np.uint32), "ui64": np.dtype(np.uint64),
}  # fmt: skip


def parse(text: str) -> ir.Module:
    """A module of our context."""
    with context(), ir.Location.unknown():
        return ir.Module.parse(text, context())


def calling(kernels: Sequence[Kernel]) -> ir.Module:
    """A module with a public function `f<i>` for each kernel, which just calls it."""
    text = []
    for declaration in dict.fromkeys(k.declaration for k in kernels):
        text.append(declaration)
    for i, kernel in enumerate(kernels):
        names = [f"%a{j}" for j in range(len(kernel.inputs))]
        takes = ", ".join(f"{n}: {t.type}" for n, t in zip(names, kernel.inputs))
        gives = ", ".join(t.type for t in kernel.results)
        results = ", ".join(f"%r#{j}" for j in range(len(kernel.results)))
        call = f"func.call @{kernel.symbol}({', '.join(names)}) : {kernel.function_type}"
        lines = f"%r:{len(kernel.results)} = {call}\n return {results} : {gives}"
        text.append(f"func.func public @f{i}({takes}) -> ({gives}) {{ {lines} }}")
    return parse("\n".join(text))


@dataclass
class Value:
    """Stands for an SSA value: emitters look at its type alone."""

    type: str


def sort(shape: Sequence[int], dtypes: Sequence[str], num_keys: int = 1, platform: str = "cpu") -> Kernel | Declined:
    """The merge sort of operands of one shape."""
    values = [Value(tensor_type(shape, dtype)) for dtype in dtypes]
    return KERNELS["merge_sort"](values, num_keys=num_keys, platform=platform)


class Runner:
    """Compiled kernels, run on NumPy arrays; every run checks that its inputs are left alone."""

    def __init__(self, kernels: Sequence[Kernel | Declined], target: str | None = None) -> None:
        for kernel in kernels:
            assert isinstance(kernel, Kernel), kernel
        self.kernels = kernels
        module = calling(kernels)
        link(module, kernels)
        self.vmfb = compile_module(hand_over(module, target), target)
        self.module = module

    def __call__(self, number: int, *arrays: np.ndarray) -> list[np.ndarray]:
        kernel = self.kernels[number]
        executable = Executable(self.vmfb, results=len(kernel.results), entry=f"f{number}")
        assert [a.shape for a in arrays] == [t.shape for t in kernel.inputs]
        buffers = [to_device(np.array(a, DTYPES[t.dtype])) for a, t in zip(arrays, kernel.inputs)]
        before = [b.numpy().tobytes() for b in buffers]
        views = executable([b.view for b in buffers])
        results = [np.array(to_host(view, executable.device)) for view in views]
        for buffer, was in zip(buffers, before):
            assert buffer.numpy().tobytes() == was, "an input was overwritten"
        return results


def test_equal_kernels_are_one() -> None:
    a, b = (sort((7,), ("f32",)) for _ in range(2))
    assert isinstance(a, Kernel) and a == b and a.symbol.startswith("axil.kernel.sort.")
    assert a.symbol != sort((8,), ("f32",)).symbol  # type: ignore[union-attr]


def test_link_defines_declared_symbols_once() -> None:
    kernel = sort((7,), ("f32",))
    module = calling([kernel, kernel])
    link(module, [kernel, kernel])
    link(module, [kernel])
    text = str(module)
    assert text.count(f"func.func private @{kernel.symbol}") == 1
    assert text.count('"stream.executable"') == 1


def test_kernel_without_code() -> None:
    given, empty = Tensor((2,), "i32"), Tensor((0, 3), "f32")
    kernel = kernel_without_code(Plan("nothing", [given], [given, empty], returns=[0, None]))
    run = Runner([kernel])
    same, nothing = run(0, np.array([3, 4]))
    np.testing.assert_array_equal(same, [3, 4])
    assert nothing.shape == (0, 3)


def test_declined_is_false_and_says_why() -> None:
    declined = sort((3,), ("complex<f32>",))
    assert not declined
    assert isinstance(declined, Declined) and "complex" in declined.reason


@pytest.mark.parametrize("platform", ["cpu", "vulkan", "cuda"])
def test_sort_is_emitted_for_every_platform(platform: str) -> None:
    kernel = sort((4, 100), ("f32", "i32"), platform=platform)
    assert isinstance(kernel, Kernel)
    assert ("vector." in kernel.text) == (platform == "cpu")
    assert "alloca" not in kernel.text
