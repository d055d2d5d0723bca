"""Fourier transforms beside NumPy's and JAX's: `python benchmarks/fft.py [words]`, in the form of `run.py`.

Importing this module registers the figures with `run.py`.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run

import axil
import axil.numpy as anp


def transform(shape: tuple[int, ...], name: str = "fft", axes: tuple[int, ...] = (-1,)) -> dict[str, Any]:
    """A transform of single precision numbers, over some axes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    if not name.startswith("r"):
        x = (x + 1j * rng.standard_normal(shape)).astype(np.complex64)
    one = len(axes) == 1  # NumPy is faster where it is told so
    apply = lambda fft: getattr(fft, name) if one else (lambda v: getattr(fft, name + "n")(v, axes=axes))
    ours, f, plain = anp.asarray(x), axil.jit(apply(axil.numpy.fft)), apply(np.fft)

    def make() -> Callable[[], Any]:
        y, g = run.jnp.asarray(x), run.jax.jit(apply(run.jnp.fft))
        return lambda: g(y).block_until_ready()

    return run.with_jax({"axil": lambda: f(ours), "numpy": lambda: plain(x)}, make)


for _n in (1024, 4096, 1000, 997):
    run.figure(f"fft of {_n} complex floats", "3 x NumPy")(lambda n=_n: transform((n,)))
run.figure("fft of 1,000,000 complex floats", "3 x NumPy")(lambda: transform((1_000_000,)))
run.figure("fft of 256 x 256 complex floats", "3 x NumPy")(lambda: transform((256, 256), axes=(0, 1)))
run.figure("fft of 10,000 rows of 16 complex floats", "3 x NumPy")(lambda: transform((10_000, 16)))
run.figure("fft of 128 rows of 1,024 complex floats", "3 x NumPy")(lambda: transform((128, 1024)))
run.figure("rfft of 1024 floats", "3 x NumPy")(lambda: transform((1024,), "rfft"))
run.figure("rfft of 1000 floats", "3 x NumPy")(lambda: transform((1000,), "rfft"))


def compile_seconds(shape: tuple[int, ...]) -> float:
    """Time to compile a transform over all axes, without the cache."""
    x = anp.asarray(np.zeros(shape, np.complex64))
    f = axil.jit(lambda v: axil.numpy.fft.fftn(v) + 0 * time.time_ns())
    started = time.perf_counter()
    f.lower(x).compile()
    return time.perf_counter() - started


def main() -> None:
    """The table of `run.py`, and compile times."""
    run.FIGURES[:] = [f for f in run.FIGURES if "fft" in f[0]]
    sys.argv[1:] = sys.argv[1:] or ["fft"]
    run.main()
    for shape in ((1024,), (1000,), (997,), (1_000_000,), (256, 256)):
        print(f"compiling a transform of {'x'.join(map(str, shape))} ({math.prod(shape):,} points): "
              f"{compile_seconds(shape):.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
