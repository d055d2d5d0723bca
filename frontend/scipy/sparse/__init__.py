"""`axil.scipy.sparse`: what JAX has of SciPy's sparse matrices, which is the iterative solvers of `linalg`."""

from axil.scipy.sparse import linalg

__all__ = ["linalg"]
