"""Triangular systems of equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import dtype_of, shape_of
from axil.dialects.errors import DtypeError, ShapeError
from axil.dialects.factories import Aval, Op, add_tangents, all_batched, ops, sample
from axil.dialects.spectral_rules import (
    check_matrix,
    check_square,
    compared_places,
    conjugated,
    masked,
    matmul,
    transposed,
)

LEAF = 16
"""Systems up to this size are solved row by row, larger ones by halves."""


def check_right_side(name: str, a: Aval, b: Aval, left_side: bool = True) -> None:
    """Raise an error unless `b` may be the right hand side of equations with the matrices `a`."""
    check_matrix(name, b)
    if a.dtype != b.dtype:
        raise DtypeError(f"'{name}' takes operands of one dtype, got {a} and {b}; convert one of them")
    if a.shape[:-2] != b.shape[:-2]:
        raise ShapeError(f"'{name}' takes operands of the same batch dimensions, got {a} and {b}")
    if b.shape[-2 if left_side else -1] != a.shape[-2]:
        shape = "(..., m, n)" if left_side else "(..., n, m)"
        raise ShapeError(f"'{name}' of matrices (..., m, m) takes a right hand side {shape}, got {a} and {b}")


def _infer(
    a: Aval, b: Aval, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool, unit_diagonal: bool
) -> Aval:
    check_square("triangular_solve", a)
    check_right_side("triangular_solve", a, b, left_side)
    return b


# ---- reference -----------------------------------------------------------------------------------------


def _reference(
    a: np.ndarray, b: np.ndarray, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool,
    unit_diagonal: bool,
) -> np.ndarray:  # fmt: skip
    if conjugate_a:
        a = np.conj(a)
    if transpose_a != (not left_side):  # x a = b is the system of the transposes
        a, lower = np.swapaxes(a, -1, -2), not lower
    if not left_side:
        b = np.swapaxes(b, -1, -2)
    with np.errstate(all="ignore"):
        if lower:
            x = forward_substitution(a, b, unit_diagonal)
        else:
            x = forward_substitution(a[..., ::-1, ::-1], b[..., ::-1, :], unit_diagonal)[..., ::-1, :]
    return np.ascontiguousarray(x if left_side else np.swapaxes(x, -1, -2))


def forward_substitution(a: np.ndarray, b: np.ndarray, unit_diagonal: bool) -> np.ndarray:
    """The solution of `tril(a) x = b`."""
    n = a.shape[-1]
    if n > LEAF:
        half = n // 2
        first = forward_substitution(a[..., :half, :half], b[..., :half, :], unit_diagonal)
        rest = b[..., half:, :] - a[..., half:, :half] @ first
        return np.concatenate(
            [first, forward_substitution(a[..., half:, half:], rest, unit_diagonal)], axis=-2
        )
    x = np.array(b)
    for i in range(n):
        if i:
            x[..., i, :] -= (a[..., i : i + 1, :i] @ x[..., :i, :])[..., 0, :]
        if not unit_diagonal:
            x[..., i, :] /= a[..., i, i, None]
    return x


# ---- derivative ----------------------------------------------------------------------------------------


def triangle(x: Any, lower: bool, strict: bool = False) -> Any:
    """The lower or upper triangle of matrices, without the diagonal if `strict`."""
    return masked(compared_places(x, ("gt" if strict else "ge") if lower else ("lt" if strict else "le")), x)


def _jvp(y: Any, xs: Any, dxs: Any, **attributes: Any) -> Any:
    """From `op(a) x = b`: `op(a) dx = db - op(da) x`."""
    da, db = dxs
    if da is None:
        return None if db is None else triangular_solve(xs[0], db, **attributes)
    da = triangle(da, attributes["lower"], strict=attributes["unit_diagonal"])
    if attributes["transpose_a"]:
        da = transposed(da)
    if attributes["conjugate_a"]:
        da = conjugated(da)
    change = ops.neg(matmul(da, y) if attributes["left_side"] else matmul(y, da))
    return triangular_solve(xs[0], add_tangents(db, change), **attributes)


def _transpose(ct: Any, xs: Any, *, transpose_a: bool, **attributes: Any) -> tuple:
    return None, triangular_solve(xs[0], ct, transpose_a=not transpose_a, **attributes)


# ---- batching ------------------------------------------------------------------------------------------


def fold_columns(x: Any) -> Any:
    """A batch of matrices side by side: (size, ..., m, n) as (..., m, size * n)."""
    size, *batch, m, n = shape_of(x)
    ndim = len(batch) + 3
    moved = ops.transpose(x, permutation=(*range(1, ndim - 1), 0, ndim - 1))
    return ops.reshape(moved, shape=(*batch, m, size * n))


def unfold_columns(x: Any, size: int) -> Any:
    """Undo `fold_columns`."""
    *batch, m, columns = shape_of(x)
    ndim = len(batch) + 3
    apart = ops.reshape(x, shape=(*batch, m, size, columns // size))
    return ops.transpose(apart, permutation=(ndim - 2, *range(ndim - 2), ndim - 1))


def _batch(size: int, xs: Any, batched: Any, *, left_side: bool, **attributes: Any) -> Any:
    a, b = xs
    if batched[0] or not size:
        return triangular_solve(*all_batched(size, xs, batched), left_side=left_side, **attributes)
    if left_side:
        return unfold_columns(triangular_solve(a, fold_columns(b), left_side=True, **attributes), size)
    x = triangular_solve(a, transposed(fold_columns(transposed(b))), left_side=False, **attributes)
    return transposed(unfold_columns(transposed(x), size))


# ---- lowering ------------------------------------------------------------------------------------------


def _lower(
    values: Any, results: Any, context: Any, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool,
    unit_diagonal: bool,
) -> Any:  # fmt: skip
    from axil.dialects import matrix_lowering as lowering

    a, b = values
    if not left_side:
        b, transpose_a = lowering.transposed(b), not transpose_a
    conjugate_a = conjugate_a and av.is_complex(dtype_of(a))
    x = lowering.triangular_solve(a, b, context, lower, transpose_a, conjugate_a, unit_diagonal)
    return x if left_side else lowering.transposed(x)


def _flops(a: Aval, b: Aval, **attributes: Any) -> float:
    return b.size * a.shape[-1] * (4.0 if a.dtype.kind == "c" else 1.0)


def _how(left_side: bool = True, lower: bool = True, transpose: bool = False, conjugate: bool = False,
         unit: bool = False) -> dict:  # fmt: skip
    return {"left_side": left_side, "lower": lower, "transpose_a": transpose, "conjugate_a": conjugate,
            "unit_diagonal": unit, "domain": (0.6, 1.4)}  # fmt: skip


triangular_solve = Op(
    name="triangular_solve", operands=("a", "b"), infer=_infer, reference=_reference, jvp=_jvp, linear=(1,),
    summary="The solution of `op(a) x = b` (`x op(a) = b` if not `left_side`), where `a` is triangular.",
    attributes={"left_side": "bool", "lower": "bool", "transpose_a": "bool", "conjugate_a": "bool",
                "unit_diagonal": "bool"},
    transpose=_transpose, batch=_batch, lower=_lower, flops=_flops,
    samples=(
        sample("f32[3,3]", "f32[3,2]", **_how()), sample("f32[3,3]", "f32[3,2]", **_how(lower=False)),
        sample("f32[3,3]", "f32[2,3]", **_how(left_side=False)),
        sample("f32[3,3]", "f32[2,3]", **_how(left_side=False, lower=False, transpose=True)),
        sample("c64[2,3,3]", "c64[2,3,1]", **_how(transpose=True, conjugate=True, unit=True)),
        sample("c64[3,3]", "c64[3,3]", **_how(conjugate=True, lower=False)),
        sample("f32[4,4]", "f32[4,19]", **_how(transpose=True)), sample("f32[0,0]", "f32[0,2]", **_how()),
    ),
)  # fmt: skip
