"""Factors of matrices, as `axil.lax.linalg` computes them, by NumPy's names and results."""

from __future__ import annotations

from typing import Any, NamedTuple

from axil.lax import linalg as lax_linalg
from axil.lax.factorizations import geqrf
from axil.numpy import shaping
from axil.numpy.linalg.products import adjoint
from axil.numpy.lookup import take_along_axis
from axil.numpy.sorting import argsort, sort
from axil.numpy.ufuncs import absolute
from axil.numpy.ufuncs import sign as sign_of
from axil.numpy.values import Value, promote, shape_error


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors in columns, of hermitian matrices."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """Eigenvalues and right eigenvectors in columns, both complex."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """A matrix with orthonormal columns, and an upper triangular one."""

    Q: Any
    R: Any


class SVDResult(NamedTuple):
    """Left singular vectors in columns, singular values, descending, and right singular vectors in rows, conjugated."""

    U: Any
    S: Any
    Vh: Any


def cholesky(a: Any, *, upper: bool = False, symmetrize_input: bool = True) -> Value:
    """The lower triangular `L` with `a = L L^H`, or with `upper` the `U` with `a = U^H U`.

    NaN where `a` is not positive definite. With `symmetrize_input` it is the factor of `(a + a^H) / 2`.
    """
    (a,), _ = promote("cholesky", a, inexact=True)
    lower = lax_linalg.cholesky(a, symmetrize_input=symmetrize_input)
    return adjoint(lower) if upper else lower


def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices. Derivatives: see `axil.lax.linalg.eig`."""
    (a,), _ = promote("eig", a, inexact=True)
    return EigResult(*lax_linalg.eig(a, compute_left_eigenvectors=False))


def eigvals(a: Any) -> Value:
    """Eigenvalues of square matrices, complex and in no particular order."""
    (a,), _ = promote("eigvals", a, inexact=True)
    return lax_linalg.eig(a, compute_left_eigenvectors=False, compute_right_eigenvectors=False)[0]


def eigh(a: Any, UPLO: str | None = None, symmetrize_input: bool = True) -> EighResult:  # noqa: N803 - NumPy's name
    """Eigenvalues and eigenvectors of hermitian matrices.

    With `symmetrize_input` those of `(a + a^H) / 2`, else of the matrix of which `a` holds the triangle `UPLO`.
    """
    if UPLO not in (None, "L", "U"):
        raise shape_error(f"eigh: UPLO must be one of None, 'L', or 'U', got {UPLO!r}")
    (a,), _ = promote("eigh", a, inexact=True)
    vectors, values = lax_linalg.eigh(a, lower=UPLO != "U", symmetrize_input=symmetrize_input)
    return EighResult(values, vectors)


def eigvalsh(a: Any, UPLO: str | None = "L", *, symmetrize_input: bool = True) -> Value:  # noqa: N803
    """Eigenvalues of hermitian matrices, ascending; arguments as those of `eigh`."""
    return eigh(a, UPLO, symmetrize_input).eigenvalues


def qr(a: Any, mode: str = "reduced") -> Value | QRResult:
    """`Q` and `R` with `a = Q R`. `mode` is "reduced", "complete", "r" (`R` alone) or "raw" (LAPACK's reflectors).

    Raises `ValueError` for other modes.
    """
    (a,), _ = promote("qr", a, inexact=True)
    if mode == "raw":
        packed, taus = geqrf(a)
        return QRResult(shaping.matrix_transpose(packed), taus)
    if mode not in ("reduced", "r", "full", "complete"):
        raise shape_error(f"qr: unsupported mode {mode!r}; there are 'reduced', 'complete', 'r' and 'raw'")
    q, r = lax_linalg.qr(a, pivoting=False, full_matrices=mode == "complete")
    return r if mode == "r" else QRResult(q, r)


def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> Any:  # fmt: skip
    """Singular values, descending, between left and right singular vectors; or the values alone.

    `full_matrices` makes the vectors complete bases. `hermitian` uses the cheaper decomposition of such matrices.
    `subset_by_index=(start, stop)` keeps a range, and goes with `full_matrices=False`.
    """
    (a,), _ = promote("svd", a, inexact=True)
    if hermitian:
        return _svd_of_hermitian(a, compute_uv, subset_by_index)
    result = lax_linalg.svd(
        a, full_matrices=full_matrices, compute_uv=compute_uv, subset_by_index=subset_by_index
    )
    return SVDResult(*result) if compute_uv else result


def _svd_of_hermitian(a: Value, compute_uv: bool, subset_by_index: tuple[int, int] | None) -> Any:
    """From eigenvalues and eigenvectors: singular values are the magnitudes, signs go to one side."""
    vectors, values = lax_linalg.eigh(a, subset_by_index=subset_by_index)
    s = absolute(values)
    if not compute_uv:
        return shaping.flip(sort(s, -1), -1)
    order = shaping.flip(argsort(s, -1), -1)
    s, sign = take_along_axis(s, order, -1), take_along_axis(sign_of(values), order, -1)
    u = take_along_axis(vectors, order[..., None, :], -1)
    return SVDResult(u, s, adjoint(u * sign[..., None, :].astype(u.dtype)))


def svdvals(x: Any, /) -> Value:
    """Singular values, descending."""
    return svd(x, compute_uv=False)
