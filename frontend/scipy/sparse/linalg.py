"""`axil.scipy.sparse.linalg`: iterative solvers of linear equations, for operators of which only products are known.

A vector is a tree of arrays. Derivatives come from the equation (`axil.lax.custom_linear_solve`), not from the
iterations; they are solved for in the same way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from axil import lax
from axil import numpy as jnp
from axil.numpy.values import Value, shape_error
from axil.pytrees import tree_leaves, tree_map, tree_structure
from axil.scipy.sparse import gmres_steps
from axil.scipy.sparse.vectors import (
    Operator,
    add,
    as_operator,
    dtype_of,
    identity,
    length,
    normalized,
    product,
    real_product,
    scale,
    subtract,
)


def _prepared(name: str, b: Any, x0: Any, maxiter: int | None) -> tuple[Any, Any, int]:
    """Right hand side, first guess and number of iterations, checked against each other."""
    b = tree_map(jnp.asarray, b)
    x0 = tree_map(jnp.zeros_like, b) if x0 is None else tree_map(jnp.asarray, x0)
    if tree_structure(x0) != tree_structure(b):
        raise shape_error(
            f"{name}: x0 and b must have matching tree structure: {tree_structure(x0)} vs {tree_structure(b)}"
        )
    shapes = [[x.shape for x in tree_leaves(v)] for v in (x0, b)]
    if shapes[0] != shapes[1]:
        raise shape_error(f"{name}: arrays in x0 and b must have matching shapes: {shapes[0]} vs {shapes[1]}")
    size = sum(leaf.size for leaf in tree_leaves(b))
    return b, x0, 10 * size if maxiter is None else maxiter


def _tolerance(b: Any, tol: Any, atol: Any) -> Value:
    """The square of the residual's length at which to stop."""
    return jnp.maximum(jnp.square(tol) * real_product(b, b), jnp.square(atol))


def cg(
    A: Any,  # noqa: N803 - JAX's name
    b: Any, x0: Any = None, *, tol: Any = 1e-5, atol: Any = 0.0, maxiter: int | None = None,
    M: Any = None,  # noqa: N803
) -> tuple[Any, None]:  # fmt: skip
    """Solve `A x = b` by conjugate gradients, for a hermitian positive definite `A` (a matrix or a function).

    Stops where `norm(residual) <= max(tol * norm(b), atol)`, or after `maxiter` iterations, by default 10 times the
    number of unknowns. `M` is a preconditioner, an approximation of the inverse of `A`. Gives `x` and `None`.
    """
    b, x0, maxiter = _prepared("cg", b, x0, maxiter)
    real = all(leaf.dtype.kind != "c" for leaf in tree_leaves(b))
    solve = functools.partial(_conjugate_gradients, x0=x0, tol=tol, atol=atol, maxiter=maxiter, preconditioner=M)
    return lax.custom_linear_solve(as_operator(A), b, solve=solve, transpose_solve=solve, symmetric=real), None


def _conjugate_gradients(
    a: Operator, b: Any, x0: Any, tol: Any, atol: Any, maxiter: int, preconditioner: Any
) -> Any:
    m = identity if preconditioner is None else as_operator(preconditioner)
    limit = _tolerance(b, tol, atol)

    def goes_on(state: tuple) -> Value:
        _, r, gamma, _, k = state
        square = gamma.real if m is identity else real_product(r, r)
        return (square > limit) & (k < maxiter)

    def step(state: tuple) -> tuple:
        x, r, gamma, p, k = state
        ap = a(p)
        alpha = gamma / real_product(p, ap).astype(dtype)
        x, r = add(x, scale(alpha, p)), subtract(r, scale(alpha, ap))
        z = m(r)
        new_gamma = real_product(r, z).astype(dtype)
        return x, r, new_gamma, add(z, scale(new_gamma / gamma, p)), k + 1

    r0 = subtract(b, a(x0))
    p0 = m(r0)
    dtype = dtype_of(p0)
    return lax.while_loop(goes_on, step, (x0, r0, real_product(r0, p0).astype(dtype), p0, 0))[0]


def bicgstab(
    A: Any,  # noqa: N803 - JAX's name
    b: Any, x0: Any = None, *, tol: Any = 1e-5, atol: Any = 0.0, maxiter: int | None = None,
    M: Any = None,  # noqa: N803
) -> tuple[Any, None]:  # fmt: skip
    """Solve `A x = b` by stabilized biconjugate gradients, for any square `A`; arguments as those of `cg`.

    Source: van der Vorst, "Bi-CGSTAB", SIAM J. Sci. Stat. Comput. 13 (1992).
    """
    b, x0, maxiter = _prepared("bicgstab", b, x0, maxiter)
    solve = functools.partial(_biconjugate, x0=x0, tol=tol, atol=atol, maxiter=maxiter, preconditioner=M)
    return lax.custom_linear_solve(as_operator(A), b, solve=solve, transpose_solve=solve), None


_BREAKDOWN = -10
"""What the counter becomes where the iteration cannot go on; negative counts stop it."""


def _biconjugate(a: Operator, b: Any, x0: Any, tol: Any, atol: Any, maxiter: int, preconditioner: Any) -> Any:
    m = identity if preconditioner is None else as_operator(preconditioner)
    limit = _tolerance(b, tol, atol)

    def goes_on(state: tuple) -> Value:
        r, k = state[1], state[-1]
        return (real_product(r, r) > limit) & (k < maxiter) & (k >= 0)

    def step(state: tuple) -> tuple:
        x, r, shadow, alpha, omega, rho, p, q, k = state
        new_rho = product(shadow, r)
        beta = new_rho / rho * alpha / omega
        p = add(r, scale(beta, subtract(p, scale(omega, q))))
        direction = m(p)
        q = a(direction)
        alpha = new_rho / product(shadow, q)
        s = subtract(r, scale(alpha, q))
        done = real_product(s, s) < limit
        second = m(s)
        t = a(second)
        omega = product(t, s) / product(t, t)
        half = add(x, scale(alpha, direction))
        choose = functools.partial(tree_map, lambda u, v: jnp.where(done, u, v))
        k = jnp.where((new_rho == 0) | (omega == 0) | (alpha == 0), _BREAKDOWN, k + 1)
        x, r = choose(half, add(half, scale(omega, second))), choose(s, subtract(s, scale(omega, t)))
        return x, r, shadow, alpha, omega, new_rho, p, q, k

    r0 = subtract(b, a(x0))
    one = jnp.ones((), dtype_of(b))
    return lax.while_loop(goes_on, step, (x0, r0, r0, one, one, one, r0, r0, 0))[0]


def gmres(
    A: Any,  # noqa: N803 - JAX's name
    b: Any, x0: Any = None, *, tol: Any = 1e-5, atol: Any = 0.0, restart: int = 20, maxiter: int | None = None,
    M: Any = None,  # noqa: N803
    solve_method: str = "batched",
) -> tuple[Any, Value]:  # fmt: skip
    """Solve `A x = b` by the generalized minimal residual method, for any square `A`; arguments as those of `cg`.

    `restart` bounds the Krylov space, which is built anew at most `maxiter` times. `solve_method="incremental"` keeps
    a QR decomposition of it by Givens rotations and stops as soon as it may; "batched" builds the whole space first.
    Gives `x` and 0, or -1 where `x` is not a number.
    Source: Saad and Schultz, "GMRES", SIAM J. Sci. Stat. Comput. 7 (1986).
    """
    build = {"incremental": gmres_steps.incremental, "batched": gmres_steps.batched}.get(solve_method)
    if build is None:
        raise shape_error(f"gmres: invalid solve_method {solve_method!r}, must be 'incremental' or 'batched'")
    b, x0, maxiter = _prepared("gmres", b, x0, maxiter)
    m = identity if M is None else as_operator(M)
    restart = min(restart, sum(leaf.size for leaf in tree_leaves(b)))
    norm = length(b)
    atol = jnp.maximum(tol * norm, atol)
    inner_tolerance = length(m(b)) * jnp.minimum(1.0, atol / norm)

    def solve(a: Operator, b: Any) -> Any:
        return _restarted(build, a, b, x0, atol, inner_tolerance, restart, maxiter, m)

    x = lax.custom_linear_solve(as_operator(A), b, solve=solve, transpose_solve=solve)
    return x, jnp.where(jnp.isnan(length(x)), -1, 0)


def _restarted(
    build: Callable[..., Any], a: Operator, b: Any, x0: Any, atol: Any, inner_tolerance: Any, restart: int,
    maxiter: int, m: Operator,
) -> Any:  # fmt: skip
    def step(state: tuple) -> tuple:
        x, k, direction, norm = state
        x = build(a, b, x, direction, norm, inner_tolerance, restart, m)
        return x, k + 1, *normalized(m(subtract(b, a(x))))

    first = normalized(m(subtract(b, a(x0))))
    return lax.while_loop(lambda s: (s[1] < maxiter) & (s[3] > atol), step, (x0, 0, *first))[0]


__all__ = ["bicgstab", "cg", "gmres"]
