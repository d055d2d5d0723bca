"""Tridiagonal systems of equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import dtype_of, shape_of
from axil.dialects.errors import DtypeError, ShapeError
from axil.dialects.factories import Aval, Op, add_tangents, all_batched, ops, sample
from axil.dialects.spectral_rules import along_columns, check_matrix
from axil.dialects.triangular import fold_columns, unfold_columns


def _infer(lower: Aval, diagonal: Aval, upper: Aval, b: Aval, *, perturb_singular: bool) -> Aval:
    name = "tridiagonal_solve"
    check_matrix(name, b)
    if not lower.shape == diagonal.shape == upper.shape:
        raise ShapeError(f"'{name}' takes three diagonals of the same shape, got {lower}, {diagonal} and {upper}")
    if diagonal.shape != b.shape[:-1]:
        raise ShapeError(f"'{name}' of diagonals (..., m) takes a right hand side (..., m, n), got {diagonal} and {b}")
    if not lower.dtype == diagonal.dtype == upper.dtype == b.dtype:
        raise DtypeError(f"'{name}' takes operands of one dtype, got {lower}, {diagonal}, {upper} and {b}")
    return b


def _reference(
    lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray, b: np.ndarray, *, perturb_singular: bool
) -> np.ndarray:
    """Gaussian elimination with partial pivoting, which fills a second diagonal above the main one."""
    m = b.shape[-2]
    d, u, x = np.array(diagonal), np.array(upper), np.array(b)
    if not b.size:
        return x
    fill = np.zeros_like(d)
    u[..., -1] = 0
    with np.errstate(all="ignore"):
        scale = _size(d[..., 0]) + _size(u[..., 0])
        for i in range(m - 1):
            under, other, beyond = lower[..., i + 1], d[..., i + 1], u[..., i + 1]
            sizes, next_scale = [_size(d[..., i]), _size(under)], scale
            if perturb_singular:  # pivots are compared relative to their rows
                next_scale = _size(under) + _size(other) + _size(beyond)
                sizes = [sizes[0] * next_scale, sizes[1] * scale]
            swap = sizes[0] < sizes[1]
            scale = np.where(swap, scale, next_scale)
            factor = _eliminate(d, u, fill, i, swap, (under, other, beyond))[..., None]
            rows = x[..., i, :].copy(), x[..., i + 1, :].copy()
            x[..., i, :] = np.where(swap[..., None], rows[1], rows[0])
            x[..., i + 1, :] = np.where(swap[..., None], rows[0], rows[1]) - factor * x[..., i, :]
        d = _perturbed(d, u, fill) if perturb_singular else d
        for i in reversed(range(m)):
            if i + 1 < m:
                x[..., i, :] -= u[..., i, None] * x[..., i + 1, :]
            if i + 2 < m:
                x[..., i, :] -= fill[..., i, None] * x[..., i + 2, :]
            x[..., i, :] /= d[..., i, None]
        if not perturb_singular:
            x = np.where((d == 0).any(-1)[..., None, None], np.nan, x).astype(b.dtype)
    return x


def _eliminate(
    d: np.ndarray, u: np.ndarray, fill: np.ndarray, i: int, swap: np.ndarray, below: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Take a multiple of row i from the row below, after exchanging them where `swap`; gives the multiple."""
    under, other, beyond = (x.copy() for x in below)
    large, small = np.where(swap, under, d[..., i]), np.where(swap, d[..., i], under)
    factor = np.where(small == 0, 0, small / large)
    first, second = np.where(swap, other, u[..., i]), np.where(swap, u[..., i], other)
    far, rest = np.where(swap, beyond, 0), np.where(swap, 0, beyond)
    d[..., i], u[..., i], fill[..., i] = large, first, far
    d[..., i + 1], u[..., i + 1] = second - factor * first, rest - factor * far
    return factor


def _size(x: np.ndarray) -> np.ndarray:
    """The absolute value, or of complex numbers the sum of those of their parts, as LAPACK compares pivots."""
    return np.abs(np.real(x)) + np.abs(np.imag(x)) if x.dtype.kind == "c" else np.abs(x)


def _perturbed(d: np.ndarray, u: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Pivots moved away from zero, to the rounding error of the largest element of the factor."""
    largest = np.max([_size(x).max(-1) for x in (d, u, fill)], axis=0)
    least = (np.finfo(d.dtype).eps * largest)[..., None].astype(np.real(d).dtype)
    least = np.maximum(least, np.finfo(d.dtype).tiny)
    return np.where(_size(d) < least, np.copysign(least, np.real(d)), d).astype(d.dtype)


# ---- derivative ----------------------------------------------------------------------------------------


def _shifted(x: Any, by: int, axis: int) -> Any:
    """Elements moved along an axis towards its end, or for -1 its start; zero comes in."""
    n, ndim = shape_of(x)[axis], len(shape_of(x))
    at = lambda value: tuple(value if i == axis else 0 for i in range(ndim))
    return ops.pad(x, np.zeros((), dtype_of(x)), low=at(by), high=at(-by), interior=(0,) * ndim) if n else x


def _product(lower: Any, diagonal: Any, upper: Any, x: Any) -> Any:
    """The tridiagonal matrix of diagonals that may be `None`, by a matrix."""
    columns, rows = shape_of(x)[-1], len(shape_of(x)) - 2
    total = None
    for values, by in ((lower, 1), (diagonal, 0), (upper, -1)):
        if values is not None:
            moved = _shifted(x, by, rows) if by else x
            total = add_tangents(total, ops.mul(along_columns(values, columns), moved))
    return total


def _jvp(y: Any, xs: Any, dxs: Any, *, perturb_singular: bool) -> Any:
    """From `A x = b`: `A dx = db - dA x`."""
    if all(t is None for t in dxs):
        return None
    lower, diagonal, upper, db = dxs
    change = _product(lower, diagonal, upper, y)
    right = db if change is None else add_tangents(db, ops.neg(change))
    return tridiagonal_solve(*xs[:3], right, perturb_singular=perturb_singular)


def _transpose(ct: Any, xs: Any, *, perturb_singular: bool) -> tuple:
    lower, diagonal, upper, _ = xs
    last = len(shape_of(diagonal)) - 1
    transposed = _shifted(upper, 1, last), diagonal, _shifted(lower, -1, last)
    return None, None, None, tridiagonal_solve(*transposed, ct, perturb_singular=perturb_singular)


def _batch(size: int, xs: Any, batched: Any, *, perturb_singular: bool) -> Any:
    if size and not any(batched[:3]):
        folded = tridiagonal_solve(*xs[:3], fold_columns(xs[3]), perturb_singular=perturb_singular)
        return unfold_columns(folded, size)
    return tridiagonal_solve(*all_batched(size, xs, batched), perturb_singular=perturb_singular)


def _lower(values: Any, results: Any, context: Any, *, perturb_singular: bool) -> Any:
    from axil.dialects import matrix_lowering as lowering

    lower, diagonal, upper, b = values
    return lowering.tridiagonal_solve(lower, diagonal, upper, b, perturb_singular, context)


def _sample(*operands: str, perturb_singular: bool = False, **more: Any) -> Any:
    return sample(*operands, perturb_singular=perturb_singular, **more)


tridiagonal_solve = Op(
    name="tridiagonal_solve", operands=("lower", "diagonal", "upper", "b"), attributes={"perturb_singular": "bool"},
    summary="The solution of `a x = b` for a tridiagonal `a`, by elimination with partial pivoting. Row i of `a` has "
            "`lower[i]`, `diagonal[i]` and `upper[i]`; the first of `lower` and the last of `upper` count for nothing.",
    infer=_infer, reference=_reference, jvp=_jvp, linear=(3,), transpose=_transpose, batch=_batch, lower=_lower,
    flops=lambda lower, diagonal, upper, b, **more: 8.0 * b.size,
    samples=(
        _sample("f32[4]", "f32[4]", "f32[4]", "f32[4,2]"), _sample("c64[2,3]", "c64[2,3]", "c64[2,3]", "c64[2,3,1]"),
        _sample("f32[1]", "f32[1]", "f32[1]", "f32[1,2]", domain=(0.5, 1.0)),
        _sample("f64[9]", "f64[9]", "f64[9]", "f64[9,1]", perturb_singular=True),
        _sample("f32[4]", "f32[4]", "f32[4]", "f32[4,2]", domain=(0.0, 0.0), grad=False),
    ),
)  # fmt: skip
