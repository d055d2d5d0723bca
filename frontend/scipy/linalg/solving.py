"""Linear equations and inverses, by SciPy's names, with factors that are given or computed."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import lax
from axil import numpy as jnp
from axil.lax import linalg as lax_linalg
from axil.numpy.linalg import solving
from axil.numpy.linalg.products import adjoint
from axil.numpy.values import Value, promote, shape_error
from axil.scipy.linalg.decompositions import schur
from axil.scipy.linalg.special_matrices import SizeError


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """Determinants, as `axil.numpy.linalg.det`."""
    return jnp.linalg.det(a)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """Inverses, as `axil.numpy.linalg.inv`."""
    return jnp.linalg.inv(a)


def _with_columns(name: str, a: Value, b: Value, function: Callable[[Value], Value]) -> Value:
    """Apply a solver of (..., n, k) to a right hand side that may be a vector."""
    vectors = b.ndim == 1
    if not vectors and a.ndim == b.ndim + 1 and a.shape[-1] == b.shape[-1]:
        warnings.warn(
            f"axil.scipy.linalg.{name}: a batch of vectors as right hand side is deprecated, as in JAX; use "
            "b[..., None], and [..., 0] of the result",
            FutureWarning, stacklevel=3,
        )  # fmt: skip
        vectors = True
    if vectors:
        b = b[..., None]
    if b.ndim < 2 or b.shape[-2] != a.shape[-1] or a.shape[-1] != a.shape[-2]:
        raise shape_error(f"{name}: shapes {a.shape} and {b.shape} do not fit")
    x = function(b)
    return x[..., 0] if vectors else x


def _triangular(a: Value, b: Value, **options: bool) -> Value:
    """`triangular_solve` from the left, whose batch dimensions broadcast."""
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(v, batch + v.shape[-2:]) for v in (a, b))
    return lax_linalg.triangular_solve(a, b, left_side=True, **options)


def solve_triangular(
    a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False,
    overwrite_b: bool = False, debug: Any = None, check_finite: bool = True,
) -> Value:  # fmt: skip
    """Solve `a x = b` for a triangular `a`, its transpose (`trans` 1 or "T") or its adjoint (2 or "C")."""
    transpose, conjugate = {
        0: (False, False), "N": (False, False), 1: (True, False), "T": (True, False), 2: (True, True), "C": (True, True)
    }.get(trans, (None, None))  # fmt: skip
    if transpose is None or conjugate is None:
        raise SizeError(f"Invalid 'trans' value {trans}")
    (a, b), _ = promote("solve_triangular", a, b, inexact=True)
    options = dict(lower=lower, transpose_a=transpose, conjugate_a=conjugate, unit_diagonal=unit_diagonal)
    return _with_columns("solve_triangular", a, b, lambda b: _triangular(a, b, **options))


def cho_solve(
    c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Value:
    """Solve `a x = b` with the result of `cho_factor(a)`."""
    c, lower = c_and_lower
    (c, b), _ = promote("cho_solve", c, b, inexact=True)
    return _with_columns("cho_solve", c, b, lambda b: _cho_solve(c, b, lower))


def _cho_solve(c: Value, b: Value, lower: bool) -> Value:
    half = _triangular(c, b, lower=lower, transpose_a=not lower, conjugate_a=not lower)
    return _triangular(c, half, lower=lower, transpose_a=lower, conjugate_a=lower)


def lu_solve(
    lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Value:
    """Solve `a x = b` with the result of `lu_factor(a)`; with `trans` the transpose (1) or the adjoint (2) of `a`."""
    factors, pivots = lu_and_piv
    (factors, b), _ = promote("lu_solve", factors, b, inexact=True)
    permutation = lax_linalg.lu_pivots_to_permutation(jnp.asarray(pivots), factors.shape[-1])
    return _with_columns("lu_solve", factors, b, lambda b: solving.lu_solve(factors, permutation, b, trans))


def solve(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False, debug: bool = False,
    check_finite: bool = True, assume_a: str = "gen",
) -> Value:  # fmt: skip
    """Solve `a x = b`. `assume_a` is what is known of `a`: "gen", "sym", "her", or "pos" (positive definite).

    The last takes half the work, reads the triangle that `lower` names, and gives NaN where `a` is not so.
    """
    if assume_a not in ("gen", "sym", "her", "pos"):
        raise SizeError(f"Expected assume_a to be one of 'gen', 'sym', 'her', 'pos'; got {assume_a!r}")
    if assume_a != "pos":
        return jnp.linalg.solve(a, b)
    (a, b), _ = promote("solve", a, b, inexact=True)
    vectors = 1 < b.ndim == a.ndim - 1

    def solvers(a: Value) -> tuple[Callable[[Value], Value], Callable[[Value], Value] | None]:
        factor = lax_linalg.cholesky(a if lower else adjoint(a), symmetrize_input=False)
        forward = lambda b: _cho_solve(factor, b, True)
        # The transpose of a hermitian matrix is its conjugate.
        return forward, None if a.dtype.kind != "c" else lambda b: forward(b.conj()).conj()

    x = solving.solve_with(a, b[..., None] if vectors else b, solvers)
    return x[..., 0] if vectors else x


# ---- Sylvester's equation ------------------------------------------------------------------------------


def solve_sylvester(
    A: Any,  # noqa: N803 - SciPy's names
    B: Any,  # noqa: N803
    C: Any,  # noqa: N803
    *, method: str = "schur", tol: float = 1e-8,
) -> Value:  # fmt: skip
    """The `X` with `A X + X B = C`. NaN where an eigenvalue of `A` and one of `-B` are within `tol` of each other.

    `method` is "schur" (Bartels and Stewart, Comm. ACM 15, 1972) or "eigen", which is faster on some devices, and
    inaccurate where eigenvectors are nearly dependent. Derivatives come from the equation.
    """
    (a, b, c), _ = promote("solve_sylvester", A, B, C, inexact=True)
    if min(a.ndim, b.ndim, c.ndim) < 2 or a.shape[-2:] != (c.shape[-2],) * 2 or b.shape[-2:] != (c.shape[-1],) * 2:
        raise shape_error(f"Incompatible shapes for Sylvester equation:\nA: {a.shape}\nB: {b.shape}\nC: {c.shape}")
    by = {"schur": _by_schur, "eigen": _by_eigenvectors}.get(method)
    if by is None:
        raise SizeError(f'Unrecognized method {method}. The two valid methods are either "schur" or "eigen".')
    one = functools.partial(_sylvester, by=by, tol=tol)
    return jnp.vectorize(one, signature="(m,m),(n,n),(m,n)->(m,n)")(a, b, c)


def _sylvester(a: Value, b: Value, c: Value, by: Any, tol: float) -> Value:
    known_a, known_b = lax.stop_gradient(a), lax.stop_gradient(b)
    return lax.custom_linear_solve(
        lambda x: a @ x + x @ b, c, solve=lambda _, c: by(known_a, known_b, c, tol),
        transpose_solve=lambda _, c: by(known_a.T, known_b.T, c, tol),
    )  # fmt: skip


def _by_schur(a: Value, b: Value, c: Value, tol: float) -> Value:
    r, u = schur(a, output="complex")
    s, v = schur(b, output="complex")
    right = adjoint(u) @ c.astype(r.dtype) @ v
    n = c.shape[-1]

    def column(y: Value, j: Value) -> tuple[Value, None]:
        """Column j, from those before it; the others are zero still."""
        shifted = r + s[j, j] * jnp.eye(r.shape[0], dtype=r.dtype)
        rest = (right[:, j] - y @ s[:, j])[:, None]
        found = lax_linalg.triangular_solve(shifted, rest, left_side=True, lower=False)[:, 0]
        return jnp.where(jnp.arange(n) == j, found[:, None], y), None

    y, _ = lax.scan(column, jnp.zeros_like(right), jnp.arange(n))
    x = u @ y @ adjoint(v)
    return _nan_where_singular(x, jnp.diagonal(r), jnp.diagonal(s), c, tol)


def _by_eigenvectors(a: Value, b: Value, c: Value, tol: float) -> Value:
    r, u = jnp.linalg.eig(a)
    s, v = jnp.linalg.eig(b)
    y = jnp.linalg.solve(u, c.astype(r.dtype) @ v) / (r[:, None] + s[None, :])
    x = jnp.linalg.solve(v.T, (u @ y).T).T
    return _nan_where_singular(x, r, s, c, tol)


def _nan_where_singular(x: Value, r: Value, s: Value, c: Value, tol: float) -> Value:
    singular = jnp.any(jnp.abs(r[:, None] + s[None, :]) < tol)
    x = x if c.dtype.kind == "c" else x.real
    return jnp.where(singular, np.nan, x).astype(c.dtype)
