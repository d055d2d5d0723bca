"""Compiled spectral decompositions beside NumPy's (LAPACK, through OpenBLAS) and, where it is installed, JAX's.

    python benchmarks/spectral.py            # all figures
    python benchmarks/spectral.py svd        # those whose name contains a word

NumPy computes single precision in double and rounds the results; JAX calls LAPACK's single precision. Read ratios.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from run import interleave, jax, jnp, with_jax

import axil
import axil.numpy as anp
from axil.lax import linalg

LIMIT = "6 x LAPACK"


def normal(*shape: int) -> np.ndarray:
    """Random f32 values, the same in every run."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def contenders(
    x: np.ndarray, ours: Callable[..., Any], lapack: Callable[..., Any], theirs: Callable[[Any], Any]
) -> dict[str, Any]:
    """Calls on an array: ours compiled, NumPy's, and JAX's compiled."""
    f, a = axil.jit(ours), anp.asarray(x)

    def in_jax() -> Callable[[], Any]:
        g, b = jax.jit(theirs), jnp.asarray(x)
        return lambda: jax.block_until_ready(g(b))

    return with_jax({"axil": lambda: axil.block_until_ready(f(a)), "numpy": lambda: lapack(x)}, in_jax)


def eigh(n: int = 256) -> dict[str, Any]:
    """Eigenvalues and eigenvectors of a symmetric matrix."""
    x = normal(n, n)
    return contenders((x + x.T) / 2, linalg.eigh, np.linalg.eigh, lambda a: jax.lax.linalg.eigh(a))


def svd(n: int = 256) -> dict[str, Any]:
    """Singular values and vectors."""
    return contenders(normal(n, n), linalg.svd, np.linalg.svd, lambda a: jax.lax.linalg.svd(a))


def eig(n: int = 256) -> dict[str, Any]:
    """Eigenvalues and right eigenvectors of a general matrix."""
    return contenders(
        normal(n, n), lambda a: linalg.eig(a, compute_left_eigenvectors=False), np.linalg.eig,
        lambda a: jax.lax.linalg.eig(a, compute_left_eigenvectors=False),
    )  # fmt: skip


def small_eigh() -> dict[str, Any]:
    """A batch of many small matrices."""
    x = normal(1000, 3, 3)
    return contenders(x + np.swapaxes(x, 1, 2), linalg.eigh, np.linalg.eigh, lambda a: jax.lax.linalg.eigh(a))


FIGURES: list[tuple[str, str, Callable[[], dict[str, Any]]]] = [
    ("eigh of 256x256", LIMIT, eigh), ("svd of 256x256", LIMIT, svd), ("eig of 256x256", "-", eig),
    ("eigh of 1000 3x3", "-", small_eigh),
]  # fmt: skip
"""Name, limit and contenders of each figure, as `run.py` keeps them."""


def main(words: list[str]) -> None:
    """Prints milliseconds, and the ratio to NumPy's."""
    print(f"{'':20}{'limit':>12}{'axil ms':>10}{'numpy ms':>10}{'jax ms':>10}{'axil/numpy':>12}")
    for name, limit, make in FIGURES:
        if words and not any(word in name for word in words):
            continue
        found = interleave(make())
        times = [f"{found[k] * 1e3:10.2f}" if k in found else f"{'-':>10}" for k in ("axil", "numpy", "jax")]
        print(f"{name:20}{limit:>12}{''.join(times)}{found['axil'] / found['numpy']:12.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
