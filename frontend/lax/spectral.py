"""Spectral decompositions: eigenvalues and eigenvectors, singular values, Schur form, reductions to simple forms.

Matrices are the last two dimensions of f32, f64, c64 or c128 arrays; all dimensions before them are a batch.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from axil import dtypes
from axil.core import bind
from axil.dialects import eig as eig_ops
from axil.dialects import eigh as eigh_ops
from axil.dialects import householder_forms as forms
from axil.dialects import schur as schur_ops
from axil.dialects import svd as svd_ops
from axil.dialects.shape import not_differentiable
from axil.errors import AxilError
from axil.lax.common import constant_like, converted, fail, integer, operand
from axil.lax.elementwise import add, conj, mul
from axil.lax.shaping import transpose
from axil.lax.slicing import slice_in_dim


class ArgumentValueError(AxilError, ValueError):
    """An argument has a value that the function does not take."""


class EigImplementation(enum.Enum):
    """How `eig` computes. Axil has one way for each target, and takes any of these for it."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


class EighImplementation(enum.Enum):
    """How `eigh` computes. Axil has one way for each target, and takes any of these for it."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


class SvdAlgorithm(enum.Enum):
    """How `svd` computes. Axil has one way for each target, and takes any of these for it."""

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


def eigh(
    x: Any,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    implementation: EighImplementation | None = None,
) -> tuple[Any, Any]:
    """Eigenvectors (as columns) and eigenvalues (ascending) of Hermitian matrices: `(v, w)`.

    With `symmetrize_input` the matrix is `(x + x^H) / 2`, else the one of which `x` holds the lower (or upper)
    triangle. `subset_by_index=(start, stop)` keeps a range. `sort_eigenvalues=False` allows, and does not force,
    another order. Eigenvalues alone are differentiable everywhere; eigenvectors where eigenvalues are distinct.
    """
    _chosen("eigh", "implementation", implementation, EighImplementation)
    x = operand("eigh", x)
    if symmetrize_input and x.ndim >= 2 and x.shape[-1] == x.shape[-2]:
        x = converted(x, dtypes.to_inexact_dtype(x.dtype))
        x = mul(add(x, _adjoint(x)), constant_like(x, 0.5))
    w, v = bind(eigh_ops.eigh, x, lower=bool(lower))
    if subset_by_index is not None:
        start, stop = _range("eigh", subset_by_index, w.shape[-1])
        w, v = (slice_in_dim(r, start, stop, axis=-1) for r in (w, v))
    return v, w


def svd(
    x: Any,
    *,
    full_matrices: bool = True,
    compute_uv: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    algorithm: SvdAlgorithm | None = None,
) -> Any:
    """Left singular vectors (columns), singular values (descending), right ones (conjugated rows): `(u, s, vh)`.

    With `compute_uv=False` the singular values alone. `subset_by_index=(start, stop)` keeps a range of them.
    """
    _chosen("svd", "algorithm", algorithm, SvdAlgorithm)
    x = operand("svd", x)
    count = min(x.shape[-2:]) if x.ndim >= 2 else 0
    kept = None if subset_by_index is None else _range("svd", subset_by_index, count)
    if kept is not None and compute_uv and full_matrices and kept != (0, count):
        fail("lax.svd: full_matrices and subset_by_index exclude each other, got both",
             "pass full_matrices=False", kind=ArgumentValueError)  # fmt: skip
    if not compute_uv:
        s = bind(svd_ops.svdvals, x)
        return s if kept is None else slice_in_dim(s, *kept, axis=-1)
    u, s, vh = bind(svd_ops.svd, x, full_matrices=bool(full_matrices))
    if kept is not None and kept != (0, count):
        u, s = (slice_in_dim(r, *kept, axis=-1) for r in (u, s))
        vh = slice_in_dim(vh, *kept, axis=-2)
    return u, s, vh


_UNASKED = (
    "the derivative of general eigenvectors holds only where eigenvalues are distinct and no two elements of an "
    "eigenvector tie for the largest, which cannot be checked. Pass enable_eigvec_derivs=True to lax.linalg.eig to "
    "say that it is so, or differentiate the eigenvalues alone (numpy.linalg.eigvals)"
)


def eig(
    x: Any,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    enable_eigvec_derivs: bool = False,
    implementation: EigImplementation | None = None,
    use_magma: bool | None = None,
) -> list[Any]:
    """Eigenvalues of general square matrices, and the left and right eigenvectors that are asked for, all complex.

    Eigenvectors are columns of norm 1 whose largest element is real: `x @ vr = vr * w`, `vl^H @ x = w * vl^H`.
    """
    _chosen("eig", "implementation", implementation, EigImplementation)
    x = operand("eig", x)
    if not compute_left_eigenvectors and not compute_right_eigenvectors:
        return [bind(eig_ops.eigvals, x)]
    if not enable_eigvec_derivs:
        x = bind(not_differentiable, x, why=_UNASKED)
    w, left, right = bind(eig_ops.eig, x)
    return [w] + [left] * bool(compute_left_eigenvectors) + [right] * bool(compute_right_eigenvectors)


def schur(
    x: Any,
    *,
    compute_schur_vectors: bool = True,
    sort_eig_vals: bool = False,
    select_callable: Callable[..., Any] | None = None,
) -> Any:
    """The Schur decomposition `x = q t q^H` as `(t, q)`, or `(t,)` without `compute_schur_vectors`.

    Of real matrices t is real, with a 2 by 2 block on the diagonal for each pair of complex eigenvalues.
    """
    if sort_eig_vals or select_callable is not None:
        fail("lax.schur does not sort eigenvalues", "leave sort_eig_vals and select_callable out",
             kind=ArgumentValueError)  # fmt: skip
    t, q = bind(schur_ops.schur, operand("schur", x))
    return (t, q) if compute_schur_vectors else (t,)


def hessenberg(a: Any) -> tuple[Any, Any]:
    """Reduction to upper Hessenberg form, as LAPACK's gehrd: `(a, taus)`, the reflectors below the subdiagonal."""
    return bind(forms.hessenberg, operand("hessenberg", a))


def tridiagonal(a: Any, *, lower: bool = True) -> tuple[Any, Any, Any, Any]:
    """Reduction of Hermitian matrices to tridiagonal form, as LAPACK's sytrd: `(a, d, e, taus)`.

    `d` and `e` are the diagonal and the off-diagonal; `a` holds them, and the reflectors in the triangle that is read.
    """
    return bind(forms.tridiagonal, operand("tridiagonal", a), lower=bool(lower))


# ---- arguments -----------------------------------------------------------------------------------------


def _adjoint(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    order = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    turned = transpose(x, order)
    return conj(turned) if x.dtype.kind == "c" else turned


def _chosen(name: str, what: str, value: Any, kind: type[enum.Enum]) -> None:
    """Raise an error unless a choice is of its enumeration."""
    if value is not None and not isinstance(value, kind):
        options = ", ".join(f"{kind.__name__}.{m.name}" for m in kind)
        fail(f"lax.{name}: {what} must be None or one of {options}, got {value!r}", kind=ArgumentValueError)


def _range(name: str, subset: Any, count: int) -> tuple[int, int]:
    """A range of indices of values, checked."""
    start, stop = (integer(name, "subset_by_index", i) for i in subset)
    if not 0 <= start < stop <= count and not (start == 0 and stop == count):
        fail(f"lax.{name}: subset_by_index {subset} is not a range within (0, {count})", kind=ArgumentValueError)
    return start, stop
