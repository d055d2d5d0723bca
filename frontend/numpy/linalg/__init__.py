"""`axil.numpy.linalg`: linear algebra by NumPy's names, on the last two dimensions of arrays."""

from __future__ import annotations

from axil.numpy.contraction import matmul, tensordot, vecdot
from axil.numpy.linalg.decompositions import cholesky, eig, eigh, eigvals, eigvalsh, qr, svd, svdvals
from axil.numpy.linalg.determinants import det, slogdet
from axil.numpy.linalg.norms import cond, matrix_norm, matrix_rank, norm, vector_norm
from axil.numpy.linalg.products import (
    cross,
    diagonal,
    matrix_power,
    matrix_transpose,
    multi_dot,
    outer,
    trace,
)
from axil.numpy.linalg.solving import inv, lstsq, pinv, solve, tensorinv, tensorsolve

__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr",
    "slogdet", "solve", "svd", "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]  # fmt: skip
