"""Factors of matrices, by SciPy's names. SciPy's `overwrite_*` and `check_finite` are accepted and have no effect."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as jnp
from axil.lax import linalg as lax_linalg
from axil.lax.factorizations import geqrf
from axil.numpy.linalg.products import adjoint
from axil.numpy.values import UnsupportedArgument, Value, errors, promote, shape_error, user_line
from axil.scipy.linalg.special_matrices import SizeError


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """The upper triangular `U` with `a = U^H U`, or the lower `L` with `a = L L^H`; reads that triangle of `a` only."""
    (a,), _ = promote("cholesky", a, inexact=True)
    if lower:
        return lax_linalg.cholesky(a, symmetrize_input=False)
    return adjoint(lax_linalg.cholesky(adjoint(a), symmetrize_input=False))


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Value, bool]:
    """The Cholesky factor and which triangle it is in, for `cho_solve`."""
    return cholesky(a, lower=lower), lower


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Value, Value]:
    """The LU factors in one matrix, and the pivots, for `lu_solve`."""
    (a,), _ = promote("lu_factor", a, inexact=True)
    factors, pivots, _ = lax_linalg.lu(a)
    return factors, pivots


def lu(a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Value, ...]:
    """`(p, l, u)` with `a = p l u`, a permutation, a lower and an upper triangular matrix; or `(p l, u)`."""
    (a,), _ = promote("lu", a, inexact=True)
    factors, _, permutation = lax_linalg.lu(a)
    m, n = a.shape[-2:]
    k = min(m, n)
    lower = jnp.tril(factors[..., :, :k], -1) + jnp.eye(m, k, dtype=a.dtype)
    upper = jnp.triu(factors[..., :k, :])
    rows = jnp.arange(m, dtype=permutation.dtype)[:, None]
    p = (permutation[..., None, :] == rows).astype(dtypes.finfo(a.dtype).dtype)
    return (p.astype(a.dtype) @ lower, upper) if permute_l else (p, lower, upper)


def qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False,
    check_finite: bool = True,
) -> tuple[Value, ...]:  # fmt: skip
    """`(q, r)` with `a = q r`; with pivoting also `p`, and `a[:, p] = q r`. `mode="r"` leaves `q` out.

    `mode` "full" and "r" give complete matrices, "economic" the smaller ones. Raises `ValueError` for others.
    """
    if mode not in ("full", "r", "economic"):
        raise SizeError(f"Unsupported QR decomposition mode {mode!r}; there are 'full', 'r' and 'economic'")
    (a,), _ = promote("qr", a, inexact=True)
    result = lax_linalg.qr(a, pivoting=pivoting, full_matrices=mode != "economic")
    return tuple(result[1:]) if mode == "r" else tuple(result)


def qr_multiply(
    a: Any, c: Any, mode: str = "right", pivoting: bool = False, conjugate: bool = False, overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> tuple[Value, ...]:  # fmt: skip
    """`(c q, r)`, or `(q c, r)` with `mode="left"`, for the QR factors of `a`; `q` is never formed.

    `conjugate` takes the conjugate of `q`; pivoting adds the permutation to the results. `c` may be a vector.
    """
    (a, c), _ = promote("qr_multiply", a, c, inexact=True)
    if mode not in ("right", "left"):
        raise SizeError(f"mode must be 'right' or 'left', got {mode!r}")
    vector, left = c.ndim == 1, mode == "left"
    if vector:
        c = c[:, None] if left else c[None, :]
    m, n = a.shape[-2:]
    k = min(m, n)
    have, wanted = (c.shape[-2], k) if left else (c.shape[-1], m)
    if have != wanted:
        what = "rows" if left else "columns"
        raise shape_error(f"qr_multiply: the q of {a.aval} needs {wanted} {what} in c, got {c.aval}")
    batch = jnp.broadcast_shapes(a.shape[:-2], c.shape[:-2])
    a, c = (jnp.broadcast_to(v, batch + v.shape[-2:]) for v in (a, c))
    order: tuple[Value, ...] = ()
    if pivoting:
        order = (lax_linalg.qr(lax.stop_gradient(a), pivoting=True, full_matrices=False)[2],)
        a = jnp.take_along_axis(a, jnp.broadcast_to(order[0][..., None, :], a.shape), -1)
    packed, taus = geqrf(a)
    if left and m > n:
        c = jnp.concatenate([c, jnp.zeros((*batch, m - k, c.shape[-1]), c.dtype)], axis=-2)
    if conjugate:  # c conj(q) is the transpose of q^H c^T
        c = jnp.matrix_transpose(c)
    product = lax_linalg.ormqr(packed, taus, c, left=left != conjugate, transpose=conjugate)
    if conjugate:
        product = jnp.matrix_transpose(product)
    product = product if left else product[..., :k]
    return product.reshape(-1) if vector else product, jnp.triu(packed[..., :k, :]), *order


def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False, check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    """`(u, s, vh)`, or `s` alone, as `axil.numpy.linalg.svd`."""
    (a,), _ = promote("svd", a, inexact=True)
    return lax_linalg.svd(a, full_matrices=full_matrices, compute_uv=compute_uv)


def eigh(
    a: Any, b: Any = None, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False,
    overwrite_b: bool = False, turbo: bool = True, eigvals: None = None, type: int = 1,  # noqa: A002 - SciPy's name
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """Eigenvalues and eigenvectors of hermitian matrices. Generalized problems (`b`, `type`) are not available."""
    for name, given in (("b", b is not None), ("type", type != 1), ("eigvals", eigvals is not None)):
        if given:
            raise UnsupportedArgument(
                errors.explain(f"eigh does not take {name!r}: it solves `a v = w v` for all w", user_line(),
                               ways_out=["for b, factor it (cholesky) and solve for inv(L) a inv(L)^H"])  # fmt: skip
            )
    (a,), _ = promote("eigh", a, inexact=True)
    vectors, values = lax_linalg.eigh(a, lower=lower)
    return values if eigvals_only else (values, vectors)


def schur(a: Any, output: str = "real") -> tuple[Value, Value]:
    """`(t, z)` with `a = z t z^H`, `t` upper triangular, or with `output="real"` of real matrices almost so."""
    if output not in ("real", "complex"):
        raise SizeError(f"Expected 'output' to be either 'real' or 'complex', got output={output!r}.")
    (a,), _ = promote("schur", a, inexact=True)
    if output == "complex":
        a = a.astype(jnp.promote_types(a.dtype, np.complex64))
    t, z = lax_linalg.schur(a)
    return t, z


def hessenberg(a: Any, *, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The Hessenberg form `h` with `a = q h q^H`, zero below the first subdiagonal; with `calc_q`, `(h, q)`."""
    (a,), _ = promote("hessenberg", a, inexact=True)
    n = a.shape[-1]
    if not n:
        return (jnp.zeros_like(a), jnp.zeros_like(a)) if calc_q else jnp.zeros_like(a)
    packed, taus = lax_linalg.hessenberg(a)
    h = jnp.triu(packed, -1)
    if not calc_q:
        return h
    inner = lax_linalg.householder_product(packed[..., 1:, :-1], taus)
    pad = [(0, 0)] * (a.ndim - 2) + [(1, 0), (1, 0)]
    return h, jnp.pad(inner, pad) + (np.arange(n)[:, None] + np.arange(n) == 0).astype(a.dtype)


def polar(
    a: Any, side: str = "right", *, method: str = "qdwh", eps: float | None = None, max_iterations: int | None = None
) -> tuple[Value, Value]:
    """`(u, p)` with `a = u p`, or `a = p u` on the left: `u` unitary (or with orthonormal columns or rows), `p >= 0`.

    It is computed from singular values, whatever `method` says ("qdwh" or "svd"); `eps` and `max_iterations`, which
    bound JAX's iteration, have no effect.
    """
    (a,), _ = promote("polar", a, inexact=True)
    if a.ndim < 2:
        raise shape_error("The input `a` must be at least a 2-D array.")
    if side not in ("right", "left"):
        raise SizeError("The argument `side` must be either 'right' or 'left'.")
    if method not in ("qdwh", "svd"):
        raise SizeError(f"Unknown polar decomposition method {method}.")
    u, s, vh = lax_linalg.svd(a, full_matrices=False)
    s = s.astype(u.dtype)
    if side == "right":
        return u @ vh, (adjoint(vh) * s[..., None, :]) @ vh
    return u @ vh, (u * s[..., None, :]) @ adjoint(u)


# ---- real to complex Schur form ------------------------------------------------------------------------


def rsf2csf(
    T: Any,  # noqa: N803 - SciPy's names
    Z: Any,  # noqa: N803
    check_finite: bool = True,
) -> tuple[Value, Value]:
    """The complex Schur form of a real one: an upper triangular `t` and a unitary `z` with `z t z^H = Z T Z^H`."""
    (t, z), _ = promote("rsf2csf", T, Z, inexact=True)
    for name, x in (("T", t), ("Z", z)):
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise shape_error(f"Input '{name}' must be square, got {x.aval}.")
    if t.shape[-1] != z.shape[-1]:
        raise shape_error(f"rsf2csf: T and Z must be of one size, got {t.aval} and {z.aval}")
    dtype = jnp.promote_types(t.dtype, np.complex64)
    function = jnp.vectorize(_rsf2csf, signature="(n,n),(n,n)->(n,n),(n,n)")
    return function(t.astype(dtype), z.astype(dtype))


def _rsf2csf(t: Value, z: Value) -> tuple[Value, Value]:
    """One rotation for each element below the diagonal, from the last to the first."""
    n = t.shape[-1]
    eps = dtypes.finfo(t.dtype).eps

    def step(state: tuple, m: Value) -> tuple[tuple, None]:
        t, z = state
        small = jnp.abs(t[m, m - 1]) <= eps * (jnp.abs(t[m - 1, m - 1]) + jnp.abs(t[m, m]))
        t, z = lax.cond(small, lambda m, t, z: (t, z), functools.partial(_rotate, n=n), m, t, z)
        return (t.at[m, m - 1].set(0), z), None

    return lax.scan(step, (t, z), jnp.arange(1, n), reverse=True)[0] if n > 1 else (t, z)


def _rotate(m: Value, t: Value, z: Value, n: int) -> tuple[Value, Value]:
    """Make `t[m, m - 1]` zero by a unitary rotation of rows and columns m - 1 and m."""
    a, b, c, d = (t[m + i, m + j] for i in (-1, 0) for j in (-1, 0))
    half = (a - d) / 2
    shift = half + jnp.sqrt(half * half + b * c)  # an eigenvalue of the block, less d
    r = jnp.sqrt(jnp.abs(shift) ** 2 + jnp.abs(c) ** 2).astype(t.dtype)
    cosine, sine = shift / r, c / r
    g = jnp.stack([jnp.stack([cosine.conj(), sine]), jnp.stack([-sine, cosine])])
    rows = lax.dynamic_slice_in_dim(t, m - 1, 2, 0)
    t = lax.dynamic_update_slice_in_dim(t, jnp.where(jnp.arange(n) >= m - 1, g @ rows, rows), m - 1, 0)
    columns = lax.dynamic_slice_in_dim(t, m - 1, 2, 1)
    turned = jnp.where(jnp.arange(n)[:, None] <= m, columns @ adjoint(g), columns)
    t = lax.dynamic_update_slice_in_dim(t, turned, m - 1, 1)
    columns = lax.dynamic_slice_in_dim(z, m - 1, 2, 1)
    return t, lax.dynamic_update_slice_in_dim(z, columns @ adjoint(g), m - 1, 1)
