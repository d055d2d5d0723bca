"""`axil.lax.linalg`: factorisations, spectral decompositions and solvers of linear systems."""

from __future__ import annotations

from axil.lax.factorizations import (
    cholesky,
    cholesky_update,
    householder_product,
    lu,
    lu_pivots_to_permutation,
    ormqr,
    qr,
    symmetric_product,
    triangular_solve,
    tridiagonal_solve,
)
from axil.lax.polar import qdwh
from axil.lax.spectral import (
    EighImplementation,
    EigImplementation,
    SvdAlgorithm,
    eig,
    eigh,
    hessenberg,
    schur,
    svd,
    tridiagonal,
)

__all__ = [
    "EigImplementation", "EighImplementation", "SvdAlgorithm", "cholesky", "cholesky_update", "eig", "eigh",
    "hessenberg", "householder_product", "lu", "lu_pivots_to_permutation", "ormqr", "qdwh", "qr", "schur", "svd",
    "symmetric_product", "triangular_solve", "tridiagonal", "tridiagonal_solve",
]  # fmt: skip
