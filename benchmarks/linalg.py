"""Compiled factorisations beside LAPACK (of NumPy, or SciPy where NumPy has none) and, where it is there, JAX's.

    python benchmarks/linalg.py              # all
    python benchmarks/linalg.py lu solve     # those whose name contains a word

Matrices are f32. LAPACK's LU factorisation is timed as `numpy.linalg.slogdet`, which does little else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from run import human, interleave, jax, jnp

import axil
import axil.numpy as anp
from axil.lax import linalg

try:
    from scipy.linalg import solve_triangular
except ImportError:  # it comes with JAX, a test-only extra
    solve_triangular = None

LIMIT = 6.0
"""How many times LAPACK's time a factorisation may take at n = 256."""

Contenders = dict[str, Callable[[], Any]]


def matrix(*shape: int) -> np.ndarray:
    """Random normals."""
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def definite(*shape: int) -> np.ndarray:
    """Positive definite matrices."""
    x = matrix(*shape)
    return x @ np.swapaxes(x, -1, -2) + shape[-1] * np.eye(shape[-1], dtype=np.float32)


def triangle(n: int) -> np.ndarray:
    """A well-conditioned lower triangle."""
    return np.tril(matrix(n, n)) / n + np.eye(n, dtype=np.float32)


def contenders(make: Callable[[Any, Any], Callable[..., Any]], lapack: Any, *arrays: np.ndarray) -> Contenders:
    """`make(numpy, lax.linalg)` jitted by Axil and by JAX, and a function of NumPy, all on the same arrays."""
    f, ours = axil.jit(make(anp, linalg)), [anp.asarray(x) for x in arrays]
    result: Contenders = {"axil": lambda: f(*ours)}
    if lapack is not None:
        result["lapack"] = lambda: lapack(*arrays)
    if jax is not None:
        g, theirs = jax.jit(make(jnp, jax.lax.linalg)), [jnp.asarray(x) for x in arrays]
        result["jax"] = lambda: jax.block_until_ready(g(*theirs))
    return result


def cholesky(np_: Any, lax_linalg: Any) -> Callable[..., Any]:
    """The lower factor."""
    return lambda x: lax_linalg.cholesky(x)


def lu(np_: Any, lax_linalg: Any) -> Callable[..., Any]:
    """Factors and permutation."""
    return lambda x: lax_linalg.lu(x)


def qr(np_: Any, lax_linalg: Any) -> Callable[..., Any]:
    """Both factors, reduced."""
    return lambda x: lax_linalg.qr(x, full_matrices=False)


def solve(np_: Any, lax_linalg: Any) -> Callable[..., Any]:
    """The solution of a system by LU factorisation and two triangular systems."""

    def function(a: Any, b: Any) -> Any:
        packed, _, order = lax_linalg.lu(a)
        x = lax_linalg.triangular_solve(packed, b[order], left_side=True, lower=True, unit_diagonal=True)
        return lax_linalg.triangular_solve(packed, x, left_side=True, lower=False)

    return function


def lower_solve(np_: Any, lax_linalg: Any) -> Callable[..., Any]:
    """The solution of a lower triangular system."""
    return lambda a, b: lax_linalg.triangular_solve(a, b, left_side=True, lower=True)


def figures(n: int) -> dict[str, Callable[[], Contenders]]:
    """The figures of one size."""
    by_lapack = solve_triangular and partial(solve_triangular, lower=True, check_finite=False)
    return {
        f"cholesky {n}": lambda: contenders(cholesky, np.linalg.cholesky, definite(n, n)),
        f"lu {n}": lambda: contenders(lu, np.linalg.slogdet, matrix(n, n)),
        f"qr {n}": lambda: contenders(qr, np.linalg.qr, matrix(n, n)),
        f"solve {n}, 1 right hand side": lambda: contenders(solve, np.linalg.solve, matrix(n, n), matrix(n, 1)),
        f"solve {n}, {n} right hand sides": lambda: contenders(solve, np.linalg.solve, matrix(n, n), matrix(n, n)),
        f"triangular_solve {n}, {n} right hand sides": lambda: contenders(
            lower_solve, by_lapack, triangle(n), matrix(n, n)
        ),
    }


BATCHES: dict[str, Callable[[], Contenders]] = {
    "cholesky, 1,000 of 3": lambda: contenders(cholesky, np.linalg.cholesky, definite(1000, 3, 3)),
    "lu, 1,000 of 3": lambda: contenders(lu, np.linalg.slogdet, matrix(1000, 3, 3)),
    "qr, 1,000 of 3": lambda: contenders(qr, np.linalg.qr, matrix(1000, 3, 3)),
}


def main(words: list[str]) -> None:
    """Print the table."""
    print(f"limit at 256: {LIMIT:g} x LAPACK\n")
    print(f"{'figure':<46}{'axil':>10}{'lapack':>10}{'jax':>10}{'x lapack':>10}{'x jax':>8}")
    for name, make in {**figures(256), **figures(1024), **BATCHES}.items():
        if words and not any(w in name for w in words):
            continue
        t = interleave(make())
        cells = [human(t[k]) if k in t else "-" for k in ("axil", "lapack", "jax")]
        ratios = [f"{t['axil'] / t[k]:.2f}" if k in t else "-" for k in ("lapack", "jax")]
        print(f"{name:<46}{''.join(f'{c:>10}' for c in cells)}{ratios[0]:>10}{ratios[1]:>8}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
