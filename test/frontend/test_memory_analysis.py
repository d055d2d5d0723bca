"""`memory_analysis`, against what IREE's allocator hands out during a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import ShapeDtypeStruct, grad, jit, lax
from axil.runtime import Executable, default_device

MB = 1 << 20


def _struct(*shape: int) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(shape, np.float32)


def _allocated() -> int:
    figures = default_device().hal.allocator.statistics
    return figures["host_bytes_allocated"] + figures["device_bytes_allocated"]


def _measured(compiled: Any, shapes: Sequence[ShapeDtypeStruct]) -> int:
    """Bytes that a call allocates, on the calling thread's allocator, with nothing cached."""
    device = default_device()
    program = compiled._program
    program.executable = Executable(program.info.vmfb, device=device, results=len(program.avals))
    fresh = jit(lambda x: x * 1.5)
    make = lambda: [fresh(np.asarray(onp.random.default_rng(0).random(s.shape), s.dtype)) for s in shapes]
    compiled(*make())
    arguments = make()
    device.hal.allocator.trim()
    before = _allocated()
    compiled(*arguments)
    return _allocated() - before


def _mlp_step(w: Any, v: Any, x: Any) -> Any:
    loss = lambda w, v: np.sum(np.tanh(np.tanh(x @ w) @ v) ** 2)
    return [p - 0.1 * g for p, g in zip((w, v), grad(loss, (0, 1))(w, v))]


def _steps(c: Any, xs: Any) -> Any:
    return lax.scan(lambda c, x: (np.tanh(c @ x), c), c, xs)


CASES = {
    "chain": (lambda x: np.sin(np.exp(x) * 2 + 1) * np.cos(x), [_struct(MB)]),
    "mlp step": (_mlp_step, [_struct(512, 512), _struct(512, 256), _struct(1024, 512)]),
    "scan": (_steps, [_struct(256, 256), _struct(8, 256, 256)]),
    "softmax": (lambda x: axil.nn.softmax(x), [_struct(1024, 1024)]),
}


@pytest.mark.skipif(not default_device().is_host, reason="the allocator of the CPU")
@pytest.mark.parametrize("name", CASES)
def test_computed_is_within_a_factor_of_two_of_allocated(name: str) -> None:
    f, shapes = CASES[name]
    compiled = jit(f).lower(*shapes).compile()
    memory = compiled.memory_analysis()
    computed = memory.output_size_in_bytes - memory.alias_size_in_bytes + memory.temp_size_in_bytes
    measured = _measured(compiled, shapes)
    assert computed / 2 <= measured <= 2 * computed, (computed / MB, measured / MB)


def test_sizes_of_arguments_and_results() -> None:
    compiled = jit(lambda a, b, unused: (a + b, a.sum())).lower(_struct(10), _struct(10), _struct(99)).compile()
    memory = compiled.memory_analysis()
    assert (memory.argument_size_in_bytes, memory.output_size_in_bytes) == (80, 44)
    assert memory.temp_size_in_bytes == memory.alias_size_in_bytes == 0
    assert memory.peak_memory_in_bytes == 124 and memory.generated_code_size_in_bytes > 1000


def test_a_donated_argument_is_an_alias() -> None:
    size = MB // 4
    memory = jit(lambda x: x * 2 + 1, donate_argnums=0).lower(_struct(size)).compile().memory_analysis()
    assert memory.alias_size_in_bytes == memory.output_size_in_bytes == MB == memory.peak_memory_in_bytes
