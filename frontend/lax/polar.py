"""The polar decomposition by dynamically weighted Halley steps, made of products and factorisations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.core import Array
from axil.lax.common import constant_like, fail, operand
from axil.lax.contraction import dot
from axil.lax.elementwise import abs as absolute
from axil.lax.elementwise import (
    add,
    bitwise_and,
    bitwise_not,
    conj,
    convert_element_type,
    div,
    gt,
    integer_pow,
    lt,
    mul,
    select,
    sqrt,
    sub,
)
from axil.lax.factorizations import cholesky, qr, triangular_solve
from axil.lax.reductions import reduce_max, reduce_sum
from axil.lax.shaping import broadcasted_iota, concatenate, full_like, transpose
from axil.lax.slicing import slice_in_dim
from axil.lax.whiles import while_loop

STEPS = 10
"""Steps at most, unless told otherwise; six do for matrices that are singular within rounding, in f64."""


def qdwh(
    x: Any,
    *,
    is_hermitian: bool = False,
    max_iterations: int | None = None,
    eps: float | None = None,
    dynamic_shape: tuple[Any, Any] | None = None,
) -> tuple[Any, Any, Any, Any]:
    """The polar decomposition `x = u h` of a matrix of full rank (m, n), m >= n: `(u, h, num_iters, is_converged)`.

    `u` has orthonormal columns, `h` is Hermitian and positive definite. Steps end when they change `u` by less than
    `(4 eps)**(1/3)` of its size, or after `max_iterations` (10). With `dynamic_shape=(m, n)` only that part of `x`
    counts; the rest of the results is zero. (Nakatsukasa, Bai and Gygi, Optimizing Halley's iteration for computing
    the matrix polar decomposition, 2010.)
    """
    x = operand("qdwh", x)
    if x.ndim != 2 or x.shape[0] < x.shape[1]:
        fail(f"lax.qdwh takes one matrix that has at least as many rows as columns, got {x.aval}",
             "decompose the transpose of a wide matrix; use vmap for a batch")  # fmt: skip
    if x.dtype.kind not in "fc":
        fail(f"lax.qdwh takes f32, f64, c64 and c128 matrices, got {x.aval}", "convert it: x.astype(dtype)")
    if dynamic_shape is not None:
        x = _masked(x, dynamic_shape)
    unit = float(np.finfo(x.dtype).eps)
    eps = unit if eps is None else float(eps)
    steps = STEPS if max_iterations is None else int(max_iterations)
    size = sqrt(mul(_largest(reduce_sum(absolute(x), axes=(0,))), _largest(reduce_sum(absolute(x), axes=(1,)))))
    u = div(x, convert_element_type(select(gt(size, constant_like(size, 0)), size, constant_like(size, 1)), x.dtype))
    u, count, converged = _iterate(u, unit, (4 * eps) ** (1 / 3), steps)
    h = dot(_adjoint(u), x)
    h = mul(add(h, _adjoint(h)), constant_like(h, 0.5))
    return u, h, count, converged


def _iterate(u: Any, unit: float, tolerance: float, steps: int) -> tuple[Any, Any, Any]:
    """Halley steps from a matrix whose singular values are between `unit` and 1."""
    least, count, weights = unit, 0, []
    while count < steps and abs(1 - least) > 10 * unit:  # while the weights are not yet those of Halley's own steps
        a, b, c = _weights(least)
        least = min(1.0, least * (a + b * least**2) / (1 + c * least**2))
        weights.append((a, b, c))
        count += 1
    before = u
    for a, b, c in weights:
        before, u = u, (_step_by_qr if c > 100 else _step_by_cholesky)(u, a, b, c)
    real_dtype = absolute(u).dtype

    def changed(before: Any, after: Any) -> Any:
        moved, whole = (_norm(v) for v in (sub(after, before), after))
        return gt(moved, mul(whole, Array(np.asarray(tolerance, real_dtype))))

    limit = Array(np.asarray(steps, np.int32), True)

    def goes_on(state: tuple) -> Any:
        _, _, count, moving = state
        return bitwise_and(moving, lt(count, limit))

    def step(state: tuple) -> tuple:
        u, _, count, _ = state
        following = _step_by_cholesky(u, 3.0, 1.0, 3.0)
        return following, u, add(count, constant_like(count, 1)), changed(u, following)

    start = (u, before, Array(np.asarray(count, np.int32), True), changed(before, u))
    u, _, done, moving = while_loop(goes_on, step, start)
    return u, done, bitwise_not(moving)


def _weights(least: float) -> tuple[float, float, float]:
    """The weights of a step, for singular values from `least` to 1."""
    squared = least * least
    d = (4 * (1 / squared - 1) / squared) ** (1 / 3)
    a = math.sqrt(1 + d) + math.sqrt(8 - 4 * d + 8 * (2 - squared) / (squared * math.sqrt(1 + d))) / 2
    b = (a - 1) ** 2 / 4
    return a, b, a + b - 1


def _step_by_qr(u: Any, a: float, b: float, c: float) -> Any:
    """`(b/c) u + (a - b/c) / sqrt(c) q1 q2^H`, where (q1, q2) is the Q of (sqrt(c) u, I)."""
    m, n = u.shape
    both = concatenate([mul(u, constant_like(u, math.sqrt(c))), _eye(u)], 0)
    q, _ = qr(both, full_matrices=False)
    turned = dot(slice_in_dim(q, 0, m, axis=0), _adjoint(slice_in_dim(q, m, m + n, axis=0)))
    return add(mul(u, constant_like(u, b / c)), mul(turned, constant_like(u, (a - b / c) / math.sqrt(c))))


def _step_by_cholesky(u: Any, a: float, b: float, c: float) -> Any:
    """`(b/c) u + (a - b/c) u (I + c u^H u)^-1`; stable for weights that are not large."""
    inner = add(_eye(u), mul(dot(_adjoint(u), u), constant_like(u, c)))
    factor = cholesky(inner)
    half = triangular_solve(factor, u, left_side=False, lower=True, transpose_a=True, conjugate_a=True)
    whole = triangular_solve(factor, half, left_side=False, lower=True)
    return add(mul(u, constant_like(u, b / c)), mul(whole, constant_like(u, a - b / c)))


# ---- small parts ---------------------------------------------------------------------------------------


def _adjoint(x: Any) -> Any:
    turned = transpose(x, (1, 0))
    return conj(turned) if x.dtype.kind == "c" else turned


def _eye(x: Any) -> Any:
    """The identity matrix of as many columns as `x` has."""
    return Array(np.eye(x.shape[1], dtype=x.dtype))


def _largest(x: Any) -> Any:
    return reduce_max(x, axes=(0,))


def _norm(x: Any) -> Any:
    """The square root of the sum of squares."""
    return sqrt(reduce_sum(integer_pow(absolute(x), 2), axes=(0, 1)))


def _masked(x: Any, shape: tuple[Any, Any]) -> Any:
    """`x` with zeros outside of its first rows and columns."""
    inside = [lt(broadcasted_iota(np.int32, x.shape, d), full_like(x, shape[d], np.int32)) for d in (0, 1)]
    return select(bitwise_and(*inside), x, full_like(x, 0))


