"""What the rules of eigendecompositions and singular value decompositions share: checks, matrix algebra, NaN.

Matrices are the last two dimensions of an array, everything before them is a batch. The functions that take values
are made of ops, so they serve derivative rules in both worlds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval, dtype_of, shape_of
from axil.dialects.errors import DtypeError, ShapeError
from axil.dialects.factories import ops
from axil.dialects.op import full_like

DTYPES = ("float32", "float64", "complex64", "complex128")
REAL_OF = {"complex64": np.dtype(np.float32), "complex128": np.dtype(np.float64)}
COMPLEX_OF = {"float32": np.dtype(np.complex64), "float64": np.dtype(np.complex128)}


# ---- inference -----------------------------------------------------------------------------------------


def check_matrix(name: str, x: Aval) -> None:
    """Raise an error unless `x` is a batch of f32, f64, c64 or c128 matrices."""
    if x.ndim < 2:
        raise ShapeError(f"'{name}' takes matrices, of shape (..., m, n); got {x}")
    if x.dtype.name not in DTYPES:
        raise DtypeError(f"'{name}' takes f32, f64, c64 and c128 matrices, got {x}; convert it")


def check_square(name: str, x: Aval) -> None:
    """Raise an error unless `x` is a batch of square f32, f64, c64 or c128 matrices."""
    check_matrix(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"'{name}' takes square matrices, of shape (..., n, n); got {x}")


def real_dtype(dtype: Any) -> np.dtype:
    """The dtype of absolute values."""
    return REAL_OF.get(np.dtype(dtype).name, np.dtype(dtype))


def complex_dtype(dtype: Any) -> np.dtype:
    """The dtype of eigenvalues of a general matrix."""
    return COMPLEX_OF.get(np.dtype(dtype).name, np.dtype(dtype))


# ---- references ----------------------------------------------------------------------------------------


def where_finite(x: np.ndarray, decompose: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """`decompose(x)`, with NaN in the results of matrices that have a NaN or an infinity.

    LAPACK gives up on these, and NumPy then raises an error for the whole batch.
    """
    bad = np.asarray(~np.isfinite(x).all((-2, -1)))
    if not bad.any():
        return tuple(decompose(x))
    results = decompose(np.where(bad[..., None, None], x.dtype.type(0), x))
    return tuple(np.where(bad.reshape(bad.shape + (1,) * (r.ndim - bad.ndim)), _nan(r.dtype), r) for r in results)


def _nan(dtype: np.dtype) -> np.generic:
    """NaN, in both parts of a complex number."""
    return dtype.type(complex(np.nan, np.nan) if dtype.kind == "c" else np.nan)


def each_matrix(x: np.ndarray, function: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """The results of a function of one matrix for every matrix of a batch, stacked."""
    batch = x.shape[:-2]
    if 0 in batch:
        parts = function(np.zeros(x.shape[-2:], x.dtype))
        return tuple(np.zeros((*batch, *p.shape), p.dtype) for p in parts)
    results = [function(m) for m in x.reshape(math.prod(batch), *x.shape[-2:])]
    return tuple(np.stack(parts).reshape(*batch, *parts[0].shape) for parts in zip(*results))


# ---- matrix algebra, of ops ----------------------------------------------------------------------------


def matmul(a: Any, b: Any) -> Any:
    """Product of batches of matrices."""
    ndim = len(shape_of(a))
    batch = tuple(range(ndim - 2))
    return ops.dot_general(a, b, lhs_batch=batch, rhs_batch=batch, lhs_contract=(ndim - 1,), rhs_contract=(ndim - 2,),
                           dtype=dtype_of(a))  # fmt: skip


def transposed(x: Any) -> Any:
    """Rows and columns exchanged."""
    ndim = len(shape_of(x))
    return ops.transpose(x, permutation=(*range(ndim - 2), ndim - 1, ndim - 2))


def conjugated(x: Any) -> Any:
    """Complex conjugate; a real array is its own."""
    return ops.conj(x) if av.is_complex(dtype_of(x)) else x


def adjoint(x: Any) -> Any:
    """Conjugate transpose."""
    return transposed(conjugated(x))


def real_part(x: Any) -> Any:
    """Real part; a real array is its own."""
    return ops.real(x) if av.is_complex(dtype_of(x)) else x


def as_dtype(x: Any, dtype: Any) -> Any:
    """A real array as `dtype`, which may be complex."""
    dtype = np.dtype(dtype)
    if dtype_of(x) == dtype:
        return x
    if av.is_complex(dtype) and not av.is_complex(dtype_of(x)):
        x = as_dtype(x, real_dtype(dtype))
        return ops.complex(x, full_like(x, 0))
    return ops.convert(x, dtype=dtype)


def compared_places(x: Any, comparison: str) -> Any:
    """A mask of the elements whose row number compares so with their column number: `eq` is the diagonal."""
    shape, dtype = shape_of(x), np.dtype(np.int32)
    rows = ops.iota(shape=shape, axis=len(shape) - 2, dtype=dtype)
    columns = ops.iota(shape=shape, axis=len(shape) - 1, dtype=dtype)
    return getattr(ops, comparison)(rows, columns)


def masked(mask: Any, x: Any) -> Any:
    """`x` where the mask is set, else zero."""
    return ops.select(mask, x, full_like(x, 0))


def diagonal(x: Any) -> Any:
    """The diagonals of square matrices."""
    return ops.reduce_sum(masked(compared_places(x, "eq"), x), axes=(len(shape_of(x)) - 1,))


def along_rows(d: Any, count: int, dtype: Any = None) -> Any:
    """Vectors as the rows of matrices of `count` equal rows: element (i, j) is `d[j]`."""
    shape = shape_of(d)
    d = d if dtype is None else as_dtype(d, dtype)
    return ops.broadcast_in_dim(d, shape=(*shape[:-1], count, shape[-1]), dims=(*range(len(shape) - 1), len(shape)))


def along_columns(d: Any, count: int, dtype: Any = None) -> Any:
    """Vectors as the columns of matrices of `count` equal columns: element (i, j) is `d[i]`."""
    shape = shape_of(d)
    d = d if dtype is None else as_dtype(d, dtype)
    return ops.broadcast_in_dim(d, shape=(*shape, count), dims=tuple(range(len(shape))))


def off_diagonal_reciprocal(x: Any) -> Any:
    """`1 / x` off the diagonals of square matrices, 0 on them. Equal eigenvalues give infinities, as in JAX."""
    off, one = compared_places(x, "ne"), full_like(x, 1)
    return masked(off, ops.div(one, ops.select(off, x, one)))


def columns_of(x: Any, start: int, stop: int) -> Any:
    """A range of the columns of matrices."""
    shape = shape_of(x)
    starts, limits = (0,) * (len(shape) - 1) + (start,), (*shape[:-1], stop)
    return ops.slice(x, starts=starts, limits=limits, strides=(1,) * len(shape))
