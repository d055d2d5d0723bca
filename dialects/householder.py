"""QR factorisation by Householder reflectors, in LAPACK's packed form and as matrices.

Reflector i is `I - taus[i] v v^H`, where `v` is zero above row i, one in it, and what column i of the packed matrix has
below. Their product is `Q = I - V T V^H` with `T = (I + D S)^-1 D`, where D is the diagonal of `taus` and S the strict
upper triangle of `V^H V` (Joffrain et al., Accumulating Householder transformations, revisited, 2006). This form serves
derivatives, and the reference of products with Q.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import aval, shape_of
from axil.dialects.errors import DtypeError, ShapeError
from axil.dialects.factories import Aval, Op, add_tangents, all_batched, ops, sample
from axil.dialects.matrix_rules import identity_like, pad_end, product, qr_tangents, right_solve, rows_of
from axil.dialects.op import full_like
from axil.dialects.spectral_rules import (
    adjoint,
    along_columns,
    check_matrix,
    columns_of,
    compared_places,
    conjugated,
    diagonal,
    matmul,
)
from axil.dialects.triangular import fold_columns, triangle, unfold_columns

BLOCK = 64
"""Reflectors that the reference applies at a time."""

_INT32 = np.dtype(np.int32)


# ---- reflectors of a matrix ----------------------------------------------------------------------------


def _geqrf_infer(x: Aval) -> tuple[Aval, Aval]:
    check_matrix("geqrf", x)
    *batch, m, n = x.shape
    return x, aval((*batch, min(m, n)), x.dtype)


def _geqrf_reference(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    *batch, m, n = x.shape
    if not x.size:
        return x, np.zeros((*batch, min(m, n)), x.dtype)
    with np.errstate(all="ignore"):
        packed, taus = np.linalg.qr(x, mode="raw")
    return np.ascontiguousarray(np.swapaxes(packed, -1, -2)), taus


def _geqrf_jvp(y: Any, xs: Any, dxs: Any) -> Any:
    """`Q - I = -V (T V1^H)`, V1 the square top of V, is an LU factorisation, whose derivative gives that of V and T."""
    if dxs[0] is None:
        return None
    packed, taus = y
    *_, m, n = shape_of(packed)
    k = min(m, n)
    if not k:
        return full_like(packed, 0), full_like(taus, 0)
    q = ormqr(packed, taus, identity_like(packed, m, k), adjoint=False)
    dq, dr = qr_tangents(q, triangle(rows_of(packed, 0, k), False), xs[0], dxs[0])
    v, dq1 = reflectors(packed, k), rows_of(dq, 0, k)
    l, u = rows_of(v, 0, k), rows_of(ops.sub(q, identity_like(packed, m, k)), 0, k)
    u = triangle(_unit_solve(l, u), False)
    # A last reflector of one element may be the identity: its pivot of zero divides only what is left out below.
    on = compared_places(u, "eq")
    zero = ops.eq(u, full_like(u, 0))
    safe = ops.select(_both(on, zero), full_like(u, 1), u)
    y1 = _unit_solve(l, dq1)
    below = triangle(right_solve(safe, y1), True, strict=True)
    du = triangle(ops.sub(y1, matmul(below, u)), False)
    dv = matmul(l, below)
    if m > k:
        rest = ops.sub(rows_of(dq, k, m), matmul(rows_of(v, k, m), du))
        dv = ops.concatenate(dv, right_solve(safe, rest), axis=len(shape_of(dv)) - 2)
    dtaus = ops.neg(diagonal(du))
    ndim = len(shape_of(packed))
    if n > k:
        dv = pad_end(dv, ndim - 1, n - k)
    if m > k:
        dr = pad_end(dr, ndim - 2, m - k)
    return ops.add(triangle(dv, True, strict=True), dr), dtaus


def _both(a: Any, b: Any) -> Any:
    from axil.dialects.op import OPS

    return OPS["and"](a, b)


def _unit_solve(l: Any, b: Any) -> Any:
    return ops.triangular_solve(l, b, left_side=True, lower=True, transpose_a=False, conjugate_a=False,
                                unit_diagonal=True)  # fmt: skip


def _geqrf_lower(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import matrix_lowering as lowering

    return lowering.geqrf(values[0], context)


def _geqrf_flops(x: Aval) -> float:
    *_, m, n = x.shape
    return x.size * min(m, n) * (8.0 if x.dtype.kind == "c" else 2.0)


geqrf = Op(
    name="geqrf", operands=("x",), results=2, infer=_geqrf_infer, reference=_geqrf_reference, jvp=_geqrf_jvp,
    summary="QR factorisation in packed form: `r` in the upper triangle, the Householder reflectors below it, and "
            "their factors `taus`.",
    batch=lambda size, xs, batched: geqrf(*all_batched(size, xs, batched)), lower=_geqrf_lower, flops=_geqrf_flops,
    samples=(
        sample("f32[3,3]"), sample("f32[4,2]"), sample("f32[2,4]"), sample("c64[2,3,3]"), sample("c64[4,2]"),
        sample("f32[3,0]", grad=False),
    ),
)  # fmt: skip


# ---- products of reflectors ----------------------------------------------------------------------------


def _ormqr_infer(a: Aval, taus: Aval, c: Aval, *, adjoint: bool) -> Aval:
    check_matrix("ormqr", a)
    check_matrix("ormqr", c)
    if taus.ndim < 1 or not a.dtype == taus.dtype == c.dtype:
        raise DtypeError(f"'ormqr' takes matrices, vectors and matrices of one dtype, got {a}, {taus} and {c}")
    if not a.shape[:-2] == taus.shape[:-1] == c.shape[:-2]:
        raise ShapeError(f"'ormqr' takes operands of the same batch dimensions, got {a}, {taus} and {c}")
    if taus.shape[-1] > min(a.shape[-2:]):
        raise ShapeError(f"'ormqr': there cannot be {taus.shape[-1]} reflectors in {a}")
    if c.shape[-2] != a.shape[-2]:
        raise ShapeError(f"'ormqr' of reflectors of {a.shape[-2]} elements takes as many rows, got {c}")
    return c


def _ormqr_reference(a: np.ndarray, taus: np.ndarray, c: np.ndarray, *, adjoint: bool) -> np.ndarray:
    m, k = a.shape[-2], taus.shape[-1]
    result = np.array(c)
    starts = range(0, k, BLOCK)
    with np.errstate(all="ignore"):
        for start in starts if adjoint else reversed(starts):
            stop = min(start + BLOCK, k)
            v = np.tril(a[..., start:, start:stop], -1) + np.eye(m - start, stop - start, dtype=a.dtype)
            v_h = np.conj(np.swapaxes(v, -1, -2))
            d = taus[..., start:stop, None]
            inverse = np.eye(stop - start, dtype=a.dtype) + d * np.triu(v_h @ v, 1)
            part = v_h @ result[..., start:, :]
            if adjoint:
                part = np.conj(d) * _solved(np.conj(np.swapaxes(inverse, -1, -2)), part)
            else:
                part = _solved(inverse, d * part)
            result[..., start:, :] -= v @ part
    return result


def _solved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a^-1 b` for a triangular matrix with a unit diagonal; NaN stays NaN."""
    return np.linalg.solve(a, b) if a.size and b.size else b


def reflectors(a: Any, k: int) -> Any:
    """The vectors of the first `k` reflectors, as the columns of matrices."""
    first = columns_of(a, 0, k)
    return ops.add(triangle(first, True, strict=True), identity_like(a, shape_of(a)[-2], k))


def _ormqr_jvp(y: Any, xs: Any, dxs: Any, *, adjoint: bool) -> Any:
    """Of `c - V Z` with `(I + D S) Z = D V^H c`; or, for the adjoint of Q, `Z = D^H W` with `(I + D S)^H W = V^H c`."""
    a, taus, c = xs
    da, dtaus, dc = dxs
    if da is None and dtaus is None:
        return None if dc is None else ormqr(a, taus, dc, adjoint=adjoint)
    k, p = shape_of(taus)[-1], shape_of(c)[-1]
    if not k:
        return dc
    v, d = reflectors(a, k), along_columns(taus, k)
    s = triangle(product(v, v), False, strict=True)
    m, dm = product(v, c), None if dc is None else product(v, dc)
    ds, dv = None, None
    if da is not None:
        dv = triangle(columns_of(da, 0, k), True, strict=True)
        ds = triangle(ops.add(product(dv, v), product(v, dv)), False, strict=True)
        dm = add_tangents(dm, product(dv, c))
    # T^-1 D = I + D S, of which `change` is the tangent.
    inverse, change = ops.mul(d, s), None if ds is None else ops.mul(d, ds)
    if dtaus is not None:
        change = add_tangents(change, ops.mul(along_columns(dtaus, k), s))
    wide, dwide = along_columns(taus, p), None if dtaus is None else along_columns(dtaus, p)
    if adjoint:
        w = _inner_solve(inverse, m, adjoint)
        dw = _inner_solve(inverse, _minus(dm, matmul(_h(change), w)), adjoint)
        z, dz = ops.mul(conjugated(wide), w), ops.mul(conjugated(wide), dw)
        dz = dz if dwide is None else ops.add(dz, ops.mul(conjugated(dwide), w))
    else:
        z = _inner_solve(inverse, ops.mul(wide, m), adjoint)
        dz = None if dm is None else ops.mul(wide, dm)
        dz = dz if dwide is None else add_tangents(dz, ops.mul(dwide, m))
        dz = _inner_solve(inverse, _minus(dz, matmul(change, z)), adjoint)
    return _minus(_minus(dc, matmul(v, dz)), None if dv is None else matmul(dv, z))


_h = adjoint  # where an attribute has the name


def _minus(a: Any, b: Any) -> Any:
    """`a - b`, where `None` is zero."""
    return a if b is None else ops.neg(b) if a is None else ops.sub(a, b)


def _inner_solve(upper: Any, b: Any, transpose: bool) -> Any:
    """`(I + upper)^-1 b`, or of the adjoint, for a strictly upper triangular matrix."""
    return ops.triangular_solve(upper, b, left_side=True, lower=False, transpose_a=transpose, conjugate_a=transpose,
                                unit_diagonal=True)  # fmt: skip


def _ormqr_transpose(ct: Any, xs: Any, *, adjoint: bool) -> tuple:
    a, taus, _ = xs
    return None, None, conjugated(ormqr(a, taus, conjugated(ct), adjoint=not adjoint))


def _ormqr_batch(size: int, xs: Any, batched: Any, *, adjoint: bool) -> Any:
    if size and not batched[0] and not batched[1]:
        return unfold_columns(ormqr(xs[0], xs[1], fold_columns(xs[2]), adjoint=adjoint), size)
    return ormqr(*all_batched(size, xs, batched), adjoint=adjoint)


def _ormqr_lower(values: Any, results: Any, context: Any, *, adjoint: bool) -> Any:
    from axil.dialects import matrix_lowering as lowering

    a, taus, c = values
    return lowering.ormqr(a, taus, c, adjoint, context)


ormqr = Op(
    name="ormqr", operands=("a", "taus", "c"), attributes={"adjoint": "bool"}, infer=_ormqr_infer,
    reference=_ormqr_reference, jvp=_ormqr_jvp, linear=(2,), transpose=_ormqr_transpose, batch=_ormqr_batch,
    summary="`Q c`, or `Q^H c` for the adjoint, where Q is the product of the Householder reflectors in `a`.",
    lower=_ormqr_lower,
    flops=lambda a, taus, c, **more: 4.0 * c.size * taus.shape[-1] * (4 if c.dtype.kind == "c" else 1),
    source="Joffrain et al., Accumulating Householder transformations, revisited (2006)",
    samples=(
        sample("f32[3,3]", "f32[3]", "f32[3,2]", adjoint=False), sample("f32[4,3]", "f32[2]", "f32[4,4]", adjoint=True),
        sample("c64[2,3,2]", "c64[2,2]", "c64[2,3,3]", adjoint=True),
        sample("c64[3,2]", "c64[2]", "c64[3,1]", adjoint=False),
    ),
)  # fmt: skip
