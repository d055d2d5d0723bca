"""Matrix algebra of which the derivative rules of factorisations are made: ops on the last two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import dtype_of, shape_of
from axil.dialects.factories import ops
from axil.dialects.op import full
from axil.dialects.spectral_rules import (
    adjoint,
    along_columns,
    as_dtype,
    columns_of,
    compared_places,
    masked,
    matmul,
    real_dtype,
    real_part,
)
from axil.dialects.triangular import triangle


def rows_of(x: Any, start: int, stop: int) -> Any:
    """A range of the rows of matrices."""
    shape = shape_of(x)
    starts, limits = (0,) * (len(shape) - 2) + (start, 0), (*shape[:-2], stop, shape[-1])
    return ops.slice(x, starts=starts, limits=limits, strides=(1,) * len(shape))


def identity_like(x: Any, rows: int, columns: int | None = None) -> Any:
    """Identity matrices of the batch and dtype of `x`."""
    ones = full((*shape_of(x)[:-2], rows, rows if columns is None else columns), 1, dtype_of(x))
    return masked(compared_places(ones, "eq"), ones)


def permutation_matrix(order: Any, dtype: Any) -> Any:
    """The matrices that bring rows in the orders (..., n): row i has its one in column `order[i]`."""
    n = shape_of(order)[-1]
    places = along_columns(order, n)
    numbers = ops.iota(shape=shape_of(places), axis=len(shape_of(places)) - 1, dtype=np.dtype(np.int32))
    return as_dtype(ops.convert(ops.eq(places, numbers), dtype=real_dtype(dtype)), dtype)


def pad_end(x: Any, axis: int, count: int) -> Any:
    """Zeros at the end of a dimension."""
    none = (0,) * len(shape_of(x))
    high = tuple(count if i == axis else 0 for i in range(len(none)))
    return ops.pad(x, np.zeros((), dtype_of(x)), low=none, high=high, interior=none)


def product(a: Any, b: Any) -> Any:
    """`a^H b`."""
    return matmul(adjoint(a), b)


def right_solve(r: Any, b: Any) -> Any:
    """`b r^-1` of an upper triangular `r`."""
    return ops.triangular_solve(r, b, left_side=False, lower=False, transpose_a=False, conjugate_a=False,
                                unit_diagonal=False)  # fmt: skip


def qr_tangents(q: Any, r: Any, x: Any, dx: Any) -> tuple[Any, Any]:
    """Tangents of the reduced factors (Townsend 2016). Of a wide `x` the left square has these, and gives the rest."""
    m, n = shape_of(x)[-2:]
    if m < n:
        dq, dr = qr_tangents(q, columns_of(r, 0, m), columns_of(x, 0, m), columns_of(dx, 0, m))
        late = ops.add(product(dq, columns_of(x, m, n)), product(q, columns_of(dx, m, n)))
        return dq, ops.concatenate(dr, late, axis=len(shape_of(x)) - 1)
    outer = right_solve(r, dx)
    inner = product(q, outer)
    below = triangle(inner, True, strict=True)
    rotation = ops.sub(below, adjoint(below))
    if dtype_of(x).kind == "c":  # the diagonal of r stays real
        on = masked(compared_places(inner, "eq"), inner)
        rotation = ops.add(rotation, ops.sub(on, as_dtype(real_part(on), dtype_of(x))))
    change = ops.sub(inner, rotation)
    return ops.sub(outer, matmul(q, change)), matmul(change, r)
