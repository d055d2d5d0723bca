"""Factorisations of matrices and the solution of triangular and tridiagonal systems.

Matrices are the last two dimensions of f32, f64, c64 or c128 arrays; all dimensions before them are a batch. A matrix
that is singular or not definite gives NaN or infinities, never an exception.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes
from axil.core import bind
from axil.dialects import cholesky as cholesky_op
from axil.dialects import householder as householder_ops
from axil.dialects import lu as lu_ops
from axil.dialects import qr as qr_ops
from axil.dialects import triangular as triangular_op
from axil.dialects import tridiagonal as tridiagonal_op
from axil.lax.common import check_same_dtype, constant_like, converted, fail, integer, operand, operands
from axil.lax.contraction import batch_matmul
from axil.lax.elementwise import abs as absolute
from axil.lax.elementwise import add, conj, div, eq, ge, max, mul, neg, rsqrt, select, sub
from axil.lax.loops import scan
from axil.lax.shaping import broadcasted_iota, expand_dims, full_like, iota, squeeze, transpose
from axil.lax.slicing import GatherDimensionNumbers, dynamic_index_in_dim, gather

# ---- cholesky --------------------------------------------------------------------------------------------


def cholesky(x: Any, *, symmetrize_input: bool = True) -> Any:
    """The lower triangular `l` with `l @ l^H = x`, for Hermitian positive definite matrices (..., n, n).

    With `symmetrize_input` it is the factor of `(x + x^H) / 2`, else of the matrix of which `x` holds the lower
    triangle. Where that matrix is not positive definite, the lower triangle of the result is NaN.
    """
    x = operand("cholesky", x)
    if symmetrize_input:
        x = converted(x, dtypes.to_inexact_dtype(x.aval.dtype))
        x = div(add(x, _adjoint("cholesky", x)), constant_like(x, 2))
    return bind(cholesky_op.cholesky, x)


def cholesky_update(r_matrix: Any, w_vector: Any) -> Any:
    """The upper triangular `r'` with `r'^T r' = r^T r + w w^T`, by Givens rotations: n^2 operations, not n^3."""
    r, w = operands("cholesky_update", (r_matrix, w_vector))
    check_same_dtype("cholesky_update", (r, w))
    if r.ndim != 2 or w.ndim != 1 or r.shape[0] != r.shape[1] or w.shape[0] != r.shape[1]:
        fail("lax.cholesky_update takes a square matrix and a vector of the same size, "
             f"got {r.aval} and {w.aval}")  # fmt: skip
    if r.aval.dtype.kind == "c":
        fail(f"lax.cholesky_update takes real matrices, got {r.aval}",
             "factor the updated matrix: lax.linalg.cholesky")  # fmt: skip

    def rotate(z: Any, at: tuple[Any, Any]) -> tuple[Any, Any]:
        number, row = at
        x, y = (dynamic_index_in_dim(v, number, keepdims=False) for v in (row, z))
        c, s = _rotation(x, y)
        return add(mul(c, z), mul(s, row)), sub(mul(c, row), mul(s, z))

    return scan(rotate, w, (iota(np.int32, r.shape[0]), r))[1] if r.shape[0] else r


def _rotation(x: Any, y: Any) -> tuple[Any, Any]:
    """Cosine and sine of the rotation that turns (x, y) into (sqrt(x^2 + y^2), 0)."""
    still = eq(y, constant_like(y, 0))
    larger = max(absolute(x), select(still, full_like(y, 1), absolute(y)))
    u, v = div(x, larger), div(y, larger)
    scale = rsqrt(add(mul(u, u), select(still, full_like(y, 1), mul(v, v))))
    return select(still, full_like(x, 1), mul(u, scale)), select(still, full_like(x, 0), neg(mul(v, scale)))


# ---- triangular and tridiagonal systems ------------------------------------------------------------------


def triangular_solve(
    a: Any, b: Any, *, left_side: bool = False, lower: bool = False, transpose_a: bool = False,
    conjugate_a: bool = False, unit_diagonal: bool = False,
) -> Any:  # fmt: skip
    """The solution of `op(a) @ x = b` (`left_side=True`) or `x @ op(a) = b`, for triangular matrices `a` (..., m, m).

    Only the lower (or upper) triangle of `a` is read, and not its diagonal if that is taken to be of ones. `b` is
    (..., m, n), or (..., n, m) on the other side; without the dimension n it is a vector.
    """
    a, b = operands("triangular_solve", (a, b))
    check_same_dtype("triangular_solve", (a, b))
    vector = b.ndim == a.ndim - 1
    if vector:
        b = expand_dims(b, (-1 if left_side else -2,))
    conjugate_a = bool(conjugate_a) and a.aval.dtype.kind == "c"
    x = bind(
        triangular_op.triangular_solve, a, b, left_side=bool(left_side), lower=bool(lower),
        transpose_a=bool(transpose_a), conjugate_a=conjugate_a, unit_diagonal=bool(unit_diagonal),
    )  # fmt: skip
    return squeeze(x, (-1 if left_side else -2,)) if vector else x


def tridiagonal_solve(dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool = False) -> Any:
    """The solution of `a @ x = b` for tridiagonal matrices with diagonals (..., m) and right hand sides (..., m, n).

    Row i of `a` has `dl[i]`, `d[i]` and `du[i]`; the first of `dl` and the last of `du` are not read. A singular
    matrix gives NaN, or with `perturb_singular` the solution for one within rounding error of it.
    """
    values = operands("tridiagonal_solve", (dl, d, du, b))
    check_same_dtype("tridiagonal_solve", values)
    return bind(tridiagonal_op.tridiagonal_solve, *values, perturb_singular=bool(perturb_singular))


# ---- LU ----------------------------------------------------------------------------------------------------


def lu(x: Any) -> tuple[Any, Any, Any]:
    """LU factorisation of matrices (..., m, n) with partial pivoting: `(lu, pivots, permutation)`.

    `lu` has the factor `l` below its diagonal, which is of ones and left out, and `u` above. Row i was exchanged with
    row `pivots[i]`, for each i in turn; `permutation` is what that makes: `x[permutation] = l @ u`.
    """
    return bind(lu_ops.lu, operand("lu", x))


def lu_pivots_to_permutation(pivots: Any, permutation_size: int) -> Any:
    """The permutation (..., permutation_size) that the row exchanges (..., k) of `lu` make."""
    size = integer("lu_pivots_to_permutation", "permutation_size", permutation_size)
    return bind(lu_ops.lu_pivots_to_permutation, operand("lu_pivots_to_permutation", pivots), rows=size)


# ---- QR ----------------------------------------------------------------------------------------------------


def qr(x: Any, *, pivoting: bool = False, full_matrices: bool = True, use_magma: bool | None = None) -> Any:
    """QR factorisation of matrices (..., m, n): `(q, r)`, or `(q, r, p)` with `x[:, p] = q @ r` if `pivoting`.

    `q` has orthonormal columns, m of them or with `full_matrices=False` min(m, n). Pivoting takes the column with the
    largest rest each time, so that the diagonal of `r` does not grow. `use_magma` has no effect.
    """
    x = operand("qr", x)
    if not pivoting:
        return bind(qr_ops.qr, x, full_matrices=bool(full_matrices))
    order = bind(qr_ops.qr_column_order, x)
    q, r = bind(qr_ops.qr, _columns(x, order), full_matrices=bool(full_matrices))
    return q, r, order


def _columns(x: Any, order: Any) -> Any:
    """The columns of each matrix in an order of its own."""
    ndim, batch = x.ndim, tuple(range(x.ndim - 2))
    if not x.aval.size:
        return x
    numbers = GatherDimensionNumbers((ndim - 2,), (ndim - 1,), (ndim - 1,), batch, batch)
    sizes = (1,) * (ndim - 2) + (x.shape[-2], 1)
    return gather(x, expand_dims(order, (ndim - 1,)), numbers, sizes, mode="promise_in_bounds")


def geqrf(a: Any) -> tuple[Any, Any]:
    """QR factorisation in packed form: `(packed, taus)`, as `householder_product` and `ormqr` take it.

    `packed` (..., m, n) has `r` in its upper triangle and the Householder reflectors below; their factors are `taus`
    (..., min(m, n)).
    """
    return bind(householder_ops.geqrf, operand("geqrf", a))


def householder_product(a: Any, taus: Any) -> Any:
    """The product of Householder reflectors, whose vectors are below the diagonal of `a` (..., m, n).

    `taus` (..., k), k <= n <= m, are their factors. Gives the first n columns of the product.
    """
    a, taus = operands("householder_product", (a, taus))
    check_same_dtype("householder_product", (a, taus))
    if a.ndim >= 2 and a.shape[-2] < a.shape[-1]:
        fail(f"lax.householder_product takes matrices with at least as many rows as columns, got {a.aval}")
    ones = full_like(a, 1)
    on = eq(*(broadcasted_iota(np.int32, a.shape, i) for i in (a.ndim - 2, a.ndim - 1))) if a.ndim >= 2 else ones
    return bind(householder_ops.ormqr, a, taus, select(on, ones, full_like(a, 0)), adjoint=False)


def ormqr(a: Any, taus: Any, c: Any, *, left: bool = True, transpose: bool = False) -> Any:
    """`q @ c`, or `c @ q` if not `left`, where q is the product of the reflectors in `a` and `taus`.

    With `transpose` it is the conjugate transpose of q. q, which is (..., m, m), is never formed.
    """
    a, taus, c = operands("ormqr", (a, taus, c))
    check_same_dtype("ormqr", (a, taus, c))
    if left:
        return bind(householder_ops.ormqr, a, taus, c, adjoint=bool(transpose))
    if c.ndim < 2 or c.shape[-1] != a.shape[-2]:
        fail(f"lax.ormqr with left=False takes as many columns as the reflectors have elements, got {a.aval} and "
             f"{c.aval}")  # fmt: skip
    product = bind(householder_ops.ormqr, a, taus, _adjoint("ormqr", c), adjoint=not transpose)
    return _adjoint("ormqr", product)


# ---- products ----------------------------------------------------------------------------------------------


def symmetric_product(
    a_matrix: Any, c_matrix: Any, *, alpha: float = 1.0, beta: float = 0.0, symmetrize_output: bool = False
) -> Any:
    """`alpha * a @ a^T + beta * c`, for matrices `a` (..., m, n) and symmetric matrices `c` (..., m, m).

    With `symmetrize_output` the upper triangle of the result is that of its lower one, transposed.
    """
    a, c = operands("symmetric_product", (a_matrix, c_matrix))
    check_same_dtype("symmetric_product", (a, c))
    if a.ndim < 2 or c.ndim < 2 or a.shape[-2] != c.shape[-1] or c.shape[-1] != c.shape[-2]:
        fail(f"lax.symmetric_product takes matrices (..., m, n) and (..., m, m), got {a.aval} and {c.aval}")
    if a.aval.dtype.kind == "c":
        fail(f"lax.symmetric_product takes real matrices, got {a.aval}", "multiply them: lax.batch_matmul")
    product = batch_matmul(a, _transposed(a)) if a.ndim > 2 else squeeze(
        batch_matmul(expand_dims(a, (0,)), expand_dims(_transposed(a), (0,))), (0,)
    )
    result = add(mul(product, constant_like(a, alpha)), mul(c, constant_like(c, beta)))
    if symmetrize_output:
        rows, columns = (broadcasted_iota(np.int32, result.shape, i) for i in (result.ndim - 2, result.ndim - 1))
        result = select(ge(rows, columns), result, _transposed(result))
    return result


def _transposed(x: Any) -> Any:
    """Rows and columns exchanged."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _adjoint(name: str, x: Any) -> Any:
    """Conjugate transpose."""
    if x.ndim < 2 or (name == "cholesky" and x.shape[-1] != x.shape[-2]):
        fail(f"lax.{name} takes {'square ' * (name == 'cholesky')}matrices, got {x.aval}")
    x = _transposed(x)
    return conj(x) if x.aval.dtype.kind == "c" else x


__all__ = [
    "cholesky", "cholesky_update", "geqrf", "householder_product", "lu", "lu_pivots_to_permutation", "ormqr", "qr",
    "symmetric_product", "triangular_solve", "tridiagonal_solve",
]  # fmt: skip
