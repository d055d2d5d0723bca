"""The inner part of GMRES: an orthonormal basis of the Krylov space, and the best solution in it.

The basis has its vectors along the last axis of each leaf, and `restart + 1` of them; those not found yet are zero.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as jnp
from axil.numpy.values import Value
from axil.pytrees import tree_leaves, tree_map
from axil.scipy.sparse.vectors import Operator, add, dtype_of, normalized, subtract


def _first_basis(direction: Any, restart: int) -> Any:
    return tree_map(lambda x: jnp.pad(x[..., None], ((0, 0),) * x.ndim + ((0, restart),)), direction)


def _combination(basis: Any, weights: Value) -> Any:
    """The sum of basis vectors with weights; the basis may have more vectors."""
    return tree_map(lambda leaf: jnp.dot(leaf[..., : weights.shape[0]], weights), basis)


def _projections(basis: Any, v: Any) -> Value:
    parts = tree_map(lambda leaf, y: jnp.einsum("...n,...->n", leaf.conj(), y), basis, v)
    return reduce(operator.add, tree_leaves(parts))


def _orthogonalized(basis: Any, v: Any, norm: Value) -> tuple[Any, Value]:
    """`v` less its projection on the basis, and the projection.

    A second round follows where the first took away so much that rounding errors matter (Giraud and Langou 2003).
    """
    first = _projections(basis, v)
    once = subtract(v, _combination(basis, first))
    again = _projections(basis, once)
    twice = subtract(once, _combination(basis, again))
    needed = normalized(once)[1] < norm / np.sqrt(2.0).astype(norm.dtype)
    return tree_map(lambda x, y: jnp.where(needed, x, y), twice, once), jnp.where(needed, first + again, first)


def _arnoldi(k: Value, a: Operator, m: Operator, basis: Any, h: Value) -> tuple[Any, Value, Value]:
    """One more basis vector and row `k` of the transposed Hessenberg matrix; True where the space is exhausted."""
    eps = dtypes.finfo(dtype_of(basis)).eps
    v = m(a(tree_map(lambda x: x[..., k], basis)))
    _, norm = normalized(v)
    v, row = _orthogonalized(basis, v, norm)
    direction, rest = normalized(v, eps * norm)
    basis = tree_map(lambda leaf, y: leaf.at[..., k + 1].set(y), basis, direction)
    row = row.at[k + 1].set(rest.astype(row.dtype))
    return basis, h.at[k, :].set(row.astype(h.dtype)), rest == 0.0


def batched(
    a: Operator, b: Any, x0: Any, direction: Any, norm: Value, tolerance: Any, restart: int, m: Operator
) -> Any:
    """The best solution in the whole space, by least squares."""

    def step(state: tuple) -> tuple:
        basis, h, _, k = state
        return *_arnoldi(k, a, m, basis, h), k + 1

    dtype = dtype_of(b)
    h = jnp.eye(restart, restart + 1, dtype=dtype)
    start = (_first_basis(direction, restart), h, jnp.asarray(False), 0)
    basis, h, _, _ = lax.while_loop(lambda s: (s[3] < restart) & ~s[2], step, start)
    right = jnp.zeros(restart + 1, dtype).at[0].set(norm.astype(dtype))
    return add(x0, _combination(basis, _least_squares(h.T, right)))


def _least_squares(h: Value, b: Value) -> Value:
    """By the normal equations, which is accurate enough inside an iteration."""
    from axil.scipy.linalg import solve

    adjoint = h.T.conj()
    return solve(adjoint @ h, adjoint @ b, assume_a="pos")


# ---- incremental ---------------------------------------------------------------------------------------


def _rotated(x: Value, i: Any, cosine: Value, sine: Value) -> Value:
    """A Givens rotation of elements `i` and `i + 1`."""
    first, second = x[i], x[i + 1]
    return x.at[i].set(cosine.conj() * first - sine.conj() * second).at[i + 1].set(sine * first + cosine * second)


def _rotation(a: Value, b: Value) -> tuple[Value, Value]:
    """Cosine and sine of the rotation that makes `b` zero."""
    nothing, swap = abs(b) == 0, abs(a) < abs(b)
    t = -jnp.where(swap, a, b) / jnp.where(swap, b, a)
    r = lax.rsqrt(1 + abs(t) ** 2).astype(t.dtype)
    cosine = jnp.where(nothing, 1, jnp.where(swap, r * t, r))
    return cosine, jnp.where(nothing, 0, jnp.where(swap, r, r * t))


def incremental(
    a: Operator, b: Any, x0: Any, direction: Any, norm: Value, tolerance: Any, restart: int, m: Operator
) -> Any:
    """The best solution in the space, which grows only until the residual, known by Givens rotations, is small."""
    dtype = dtype_of(b)

    def step(state: tuple) -> tuple:
        k, _, basis, r, right, rotations = state
        basis, h, _ = _arnoldi(k, a, m, basis, r)
        row = lax.fori_loop(0, k, lambda i, row: _rotated(row, i, *rotations[i]), h[k])
        pair = _rotation(row[k], row[k + 1])
        rotations = rotations.at[k].set(jnp.stack(pair))
        right = _rotated(right, k, *pair)
        return k + 1, abs(right[k + 1]), basis, r.at[k].set(_rotated(row, k, *pair)), right, rotations

    r = jnp.eye(restart, restart + 1, dtype=dtype)
    right = jnp.zeros(restart + 1, dtype).at[0].set(norm.astype(dtype))
    start = (0, norm, _first_basis(direction, restart), r, right, jnp.zeros((restart, 2), dtype))
    _, _, basis, r, right, _ = lax.while_loop(lambda s: (s[0] < restart) & (s[1] > tolerance), step, start)
    return add(x0, _combination(basis, _upper_solution(r[:, :-1].T, right[:-1])))


def _upper_solution(r: Value, b: Value) -> Value:
    from axil.scipy.linalg import solve_triangular

    return solve_triangular(r, b)


__all__ = ["batched", "incremental"]
