"""Sorting and its relatives beside JAX's: the limit is 0.7 times its time.

    python benchmarks/sorting.py             # all
    python benchmarks/sorting.py top_k       # those whose name contains a word
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import run
from run import figure, jax, jnp, with_jax

import axil
import axil.numpy as anp
from axil import lax

LIMIT = "0.7 x JAX"
SHAPES = {"1,000": (1000,), "16,000": (16_000,), "256 x 1,024": (256, 1024)}

Of = Callable[[Any, Any], Callable[..., Any]]

FUNCTIONS: dict[str, Of] = {
    "sort": lambda numpy, lax: numpy.sort,
    "argsort": lambda numpy, lax: numpy.argsort,
    "top_k of 10": lambda numpy, lax: lambda x: lax.top_k(x, 10),
    "unique, size 100": lambda numpy, lax: lambda x: numpy.unique(x, size=100),
}


def compared(of: Of, *arrays: np.ndarray) -> dict[str, Any]:
    """A function of arrays jitted by Axil and by JAX."""
    f, ours = axil.jit(of(anp, lax)), [anp.asarray(x) for x in arrays]

    def make() -> Callable[[], Any]:
        g, theirs = jax.jit(of(jnp, jax.lax)), [jnp.asarray(x) for x in arrays]
        return lambda: jax.block_until_ready(g(*theirs))

    return with_jax({"axil": lambda: f(*ours)}, make)


def numbers(*shape: int) -> np.ndarray:
    """Random normals."""
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


for _name, _of in FUNCTIONS.items():
    for _text, _shape in SHAPES.items():
        figure(f"{_name}, {_text}", LIMIT)(lambda of=_of, shape=_shape: compared(of, numbers(*shape)))
for _text, _shape in SHAPES.items():
    figure(f"searchsorted of {_text} in 1,000", LIMIT)(
        lambda shape=_shape: compared(lambda numpy, lax: numpy.searchsorted, np.sort(numbers(1000)), numbers(*shape))
    )


if __name__ == "__main__":
    run.FIGURES[:] = [f for f in run.FIGURES if f[1] == LIMIT]
    sys.argv[1:] = sys.argv[1:] or ["sort", "top_k", "unique"]
    run.main()
