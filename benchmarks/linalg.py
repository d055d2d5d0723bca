"""Compiled factorisations beside NumPy's LAPACK and, where it is installed, JAX's.

    python benchmarks/linalg.py              # all
    python benchmarks/linalg.py lu solve     # those whose name contains a word

Matrices are f32. NumPy has no LU and no triangular solver of its own: beside them stands what contains them, an LU
factorisation and two triangular ones in `numpy.linalg.solve`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from run import human, interleave, jax, jnp

import axil
import axil.numpy as anp
from axil.lax import linalg

LIMIT = 6.0
"""How much slower than LAPACK a factorisation may be at n = 256."""

Contenders = dict[str, Callable[[], Any]]
FIGURES: list[tuple[str, Callable[[], Contenders]]] = []


def figure(name: str) -> Callable[[Callable[[], Contenders]], Any]:
    """Register a figure."""
    return lambda make: FIGURES.append((name, make))


def matrix(*shape: int, seed: int = 0) -> np.ndarray:
    """Random normals."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def definite(*shape: int) -> np.ndarray:
    """Positive definite matrices."""
    x = matrix(*shape)
    return x @ np.swapaxes(x, -1, -2) + shape[-1] * np.eye(shape[-1], dtype=np.float32)


def triangle(n: int) -> np.ndarray:
    """A well-conditioned lower triangle."""
    return np.tril(matrix(n, n)) / n + np.eye(n, dtype=np.float32)


def contenders(
    ours: Callable[..., Any], numpys: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray
) -> Contenders:
    """A jitted function of Axil, a function of NumPy, and one of JAX, on the same arrays."""
    f, mine = axil.jit(ours), [anp.asarray(x) for x in arrays]
    result: Contenders = {"axil": lambda: f(*mine), "numpy": lambda: numpys(*arrays)}
    if jax is not None:
        g, its = jax.jit(theirs), [jnp.asarray(x) for x in arrays]
        result["jax"] = lambda: jax.block_until_ready(g(*its))
    return result


def solve(np_: Any, lax_linalg: Any) -> Callable[..., Any]:
    """Solve a system by its factorisation."""

    def function(a: Any, b: Any) -> Any:
        packed, _, order = lax_linalg.lu(a)
        x = lax_linalg.triangular_solve(packed, b[order], left_side=True, lower=True, unit_diagonal=True)
        return lax_linalg.triangular_solve(packed, x, left_side=True, lower=False)

    return function


def lower_solve(lax_linalg: Any) -> Callable[..., Any]:
    """Solve a lower triangular system."""
    return lambda a, b: lax_linalg.triangular_solve(a, b, left_side=True, lower=True)


def register(n: int) -> None:
    """The figures of one size."""
    theirs = jax.lax.linalg if jax is not None else linalg
    reduced = {"full_matrices": False}
    figure(f"cholesky {n}")(
        lambda: contenders(linalg.cholesky, np.linalg.cholesky, lambda x: theirs.cholesky(x), definite(n, n))
    )
    figure(f"lu {n} (beside solve)")(
        lambda: contenders(linalg.lu, np.linalg.solve, theirs.lu, matrix(n, n))
        if False else _lu(n, theirs)
    )
    figure(f"solve {n}, 1 right hand side")(
        lambda: contenders(solve(anp, linalg), np.linalg.solve, solve(jnp, theirs), matrix(n, n), matrix(n, 1))
    )
    figure(f"solve {n}, {n} right hand sides")(
        lambda: contenders(solve(anp, linalg), np.linalg.solve, solve(jnp, theirs), matrix(n, n), matrix(n, n))
    )
    figure(f"qr {n}")(
        lambda: contenders(
            lambda x: linalg.qr(x, **reduced), np.linalg.qr, lambda x: theirs.qr(x, **reduced), matrix(n, n)
        )
    )
    figure(f"triangular_solve {n}, {n} right hand sides (beside solve)")(
        lambda: contenders(lower_solve(linalg), np.linalg.solve, lower_solve(theirs), triangle(n), matrix(n, n))
    )
