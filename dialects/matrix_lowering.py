"""Lowering of factorisations and solvers: to a kernel, or to a loop where there is none.

Kernels take real arrays: a complex one is given to them as its two planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects import hlo, matrix_loops
from axil.dialects.avals import dtype_of, is_complex, shape_of
from axil.dialects.wide import Wide

_INT32 = np.dtype(np.int32)


def planes(x: Any) -> list[Any]:
    """A complex array as its real and its imaginary part."""
    return [hlo.op("real", x), hlo.op("imag", x)] if is_complex(dtype_of(x)) else [x]


def together(values: Sequence[Any]) -> Any:
    """The array of one plane or two."""
    return values[0] if len(values) == 1 else hlo.op("complex", *values)


def run_kernel(
    context: Any, name: str, operands: Sequence[Any], results: Sequence[tuple[int, ...]], integers: int = 0,
    **parameters: Any,
) -> list[Any] | None:  # fmt: skip
    """The results of a kernel, or None where there is none for the target.

    `results` are the shapes of results of the operands' dtype, which come first, and then of `integers` of i32.
    """
    if context is None:
        return None
    flat = [p for x in operands for p in planes(x)]
    each = len(flat) // len(operands)
    real = len(results) - integers
    of = hlo.aval_of_type(flat[0].type)
    types = [hlo.tensor_type(of.with_shape(shape)) for shape in results[:real] for _ in range(each)]
    types += [hlo.tensor_type(of.with_shape(shape).with_dtype(_INT32)) for shape in results[real:]]
    made = context.kernel(name, flat, types, **parameters)
    if made is None:
        for v, x in zip(flat, [x for x in operands for _ in range(each)]):
            if v != x:
                v.owner.erase()
        return None
    values = [together(made[i * each : (i + 1) * each]) for i in range(real)]
    return [*values, *made[real * each :]]


def transposed(x: Any) -> Any:
    """Rows and columns exchanged."""
    rank = len(shape_of(x))
    return hlo.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


def zeros(like: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Zeros of a shape."""
    of = hlo.aval_of_type(like.type).with_shape(shape)
    return hlo.splat(hlo.tensor_type(of if dtype is None else of.with_dtype(np.dtype(dtype))), 0)


def identity(like: Any, shape: tuple[int, ...]) -> Any:
    """Identity matrices of the dtype of `like`."""
    rank = len(shape)
    rows, columns = (hlo.iota(shape, _INT32, axis) for axis in (rank - 2, rank - 1))
    on = hlo.compare(rows, columns, "EQ")
    of = hlo.tensor_type(hlo.aval_of_type(like.type).with_shape(shape))
    return hlo.select(on, hlo.splat(of, 1), hlo.splat(of, 0))


# ---- Cholesky, triangular and tridiagonal systems ----------------------------------------------------------


def cholesky(x: Any, context: Any) -> Any:
    """The lower factor."""
    if 0 in shape_of(x):
        return x
    made = run_kernel(context, "cholesky", [x], [shape_of(x)])
    return matrix_loops.cholesky(x) if made is None else made[0]


def triangular_solve(
    a: Any, b: Any, context: Any, lower: bool, transpose: bool, conjugate: bool, unit: bool
) -> Any:  # fmt: skip
    """The solution of `op(a) x = b`."""
    if 0 in shape_of(b):
        return b
    how = {"lower": lower, "transpose": transpose, "conjugate": conjugate, "unit": unit}
    made = run_kernel(context, "triangular_solve", [a, b], [shape_of(b)], **how)
    if made is not None:
        return made[0]
    if conjugate:
        a = Wide(a).conj.value
    if transpose:
        a, lower = transposed(a), not lower
    rank = len(shape_of(a))
    if lower:
        return matrix_loops.forward_substitution(a, b, unit)
    backwards = lambda x, axes: hlo.op("reverse", x, dimensions=hlo.ints(axes))
    x = matrix_loops.forward_substitution(backwards(a, [rank - 2, rank - 1]), backwards(b, [rank - 2]), unit)
    return backwards(x, [rank - 2])


def tridiagonal_solve(lower: Any, diagonal: Any, upper: Any, b: Any, perturb: bool, context: Any) -> Any:
    """The solution of a tridiagonal system."""
    if 0 in shape_of(b):
        return b
    made = run_kernel(context, "tridiagonal_solve", [lower, diagonal, upper, b], [shape_of(b)], perturb=perturb)
    return matrix_loops.tridiagonal_solve(lower, diagonal, upper, b, perturb) if made is None else made[0]


# ---- LU ----------------------------------------------------------------------------------------------------


def lu(x: Any, context: Any) -> list[Any]:
    """Packed factors, row exchanges, permutation."""
    *batch, m, n = shape_of(x)
    if 0 in shape_of(x):
        return [x, zeros(x, (*batch, min(m, n)), _INT32), hlo.iota((*batch, m), _INT32, len(batch))]
    shapes = [shape_of(x), (*batch, min(m, n)), (*batch, m)]
    made = run_kernel(context, "lu", [x], shapes, integers=2)
    return matrix_loops.lu(x) if made is None else made


def pivots_to_permutation(pivots: Any, rows: int, context: Any) -> Any:
    """The permutation that row exchanges make."""
    *batch, k = shape_of(pivots)
    if 0 in (*batch, k, rows):
        return hlo.iota((*batch, rows), _INT32, len(batch))
    made = run_kernel(context, "pivots_to_permutation", [pivots], [(*batch, rows)], rows=rows)
    return matrix_loops.pivots_to_permutation(pivots, rows) if made is None else made[0]


# ---- QR ----------------------------------------------------------------------------------------------------


def geqrf(x: Any, context: Any) -> list[Any]:
    """The packed factorisation, and the factors of its reflectors."""
    *batch, m, n = shape_of(x)
    if 0 in shape_of(x):
        return [x, zeros(x, (*batch, min(m, n)))]
    made = run_kernel(context, "geqrf", [x], [shape_of(x), (*batch, min(m, n))])
    return matrix_loops.geqrf(x) if made is None else made


def ormqr(a: Any, taus: Any, c: Any, adjoint: bool, context: Any) -> Any:
    """The product of the reflectors with a matrix."""
    if 0 in shape_of(c) or 0 in shape_of(taus):
        return c
    made = run_kernel(context, "ormqr", [a, taus, c], [shape_of(c)], adjoint=adjoint)
    return matrix_loops.ormqr(a, taus, c, adjoint) if made is None else made[0]


def qr(x: Any, full_matrices: bool, context: Any) -> list[Any]:
    """The orthonormal and the triangular factor."""
    *batch, m, n = shape_of(x)
    columns = m if full_matrices else min(m, n)
    if 0 in shape_of(x):
        return [identity(x, (*batch, m, columns)), zeros(x, (*batch, columns, n))]
    packed, taus = geqrf(x, context)
    q = _first_columns(packed, taus, columns, context)
    ends = (*batch, columns, n)
    top = hlo.slice_(packed, [0] * len(ends), ends) if columns < m else packed
    rank = len(ends)
    row, column = (hlo.iota(ends, _INT32, axis) for axis in (rank - 2, rank - 1))
    upper = hlo.compare(row, column, "LE")
    return [q, hlo.select(upper, top, hlo.splat(top.type, 0))]


def _first_columns(packed: Any, taus: Any, columns: int, context: Any) -> Any:
    """The first columns of the product of reflectors."""
    shape = (*shape_of(packed)[:-1], columns)
    made = run_kernel(context, "ormqr", [packed, taus], [shape], adjoint=False, columns=columns)
    return matrix_loops.ormqr(packed, taus, identity(packed, shape), False) if made is None else made[0]


def qr_column_order(x: Any, context: Any) -> Any:
    """The order in which column pivoting takes the columns."""
    *batch, _, n = shape_of(x)
    if 0 in shape_of(x):
        return hlo.iota((*batch, n), _INT32, len(batch))
    made = run_kernel(context, "qr_column_order", [x], [(*batch, n)], integers=1)
    return matrix_loops.qr_column_order(x) if made is None else made[0]
