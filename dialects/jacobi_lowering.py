"""Eigen and singular value decompositions as loops of StableHLO, for targets without kernels: one-sided Jacobi.

Pairs of columns are made orthogonal by rotations until all are: then `A V = U S`. A round rotates half as many pairs as
there are columns, all at once, and moves the columns on so that a sweep of rounds meets every pair (Brent and Luk, The
solution of singular-value and symmetric eigenvalue problems on multiprocessor arrays, 1985). A Hermitian matrix is
first shifted to be definite: its eigenvalues are then singular values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects import hlo
from axil.dialects.avals import shape_of
from axil.dialects.matrix_loops import geqrf, ormqr
from axil.dialects.wide import Wide, constant_like, loop, where

SWEEPS = {4: 12, 8: 16}
"""Sweeps by bytes of a real number. Convergence is quadratic in the end: seven to ten do for hundreds of columns."""


def eigh(x: Any, lower: bool, vectors: bool) -> list[Any]:
    """Eigenvalues, ascending, and eigenvectors, if wanted, of matrices (batch, n, n)."""
    whole = _hermitian(Wide(x), lower)
    n = whole.shape[-1]
    shift = whole.size.reduced("add", -1).reduced("maximum", -2)
    columns, v = _orthogonal_columns(whole + where(_eye(whole), shift.like(whole), 0))
    norms = _norms(columns)
    order = _order(where(_padding(v, n), np.inf, norms), ascending=True)
    good = _is_finite(whole)
    values = where(good, _permuted(norms, order), np.nan).value
    values = Wide(hlo.slice_(values, (0, 0, 0), (shape_of(values)[0], 1, n)))
    result = [hlo.reshape((values - shift).value, (shape_of(x)[0], n))]
    return result + ([where(good, _corner(_permuted(v, order), n, n), np.nan).value] if vectors else [])


def svd(x: Any, vectors: bool, full_matrices: bool) -> list[Any]:
    """u, s and vh, or s alone, of matrices (batch, m, n)."""
    batch, m, n = shape_of(x)
    given = Wide(x)
    tall = given if m >= n else _adjoint(given)
    rows, k = max(m, n), min(m, n)
    scale = tall.size.reduced("maximum", -1).reduced("maximum", -2)
    scale = where(scale.compare("EQ", 0), 1, scale)
    columns, v = _orthogonal_columns(tall / scale.like(tall))
    norms = _norms(columns)
    order = _order(where(_padding(v, k), -1, norms), ascending=False)
    good = _is_finite(tall)
    values = _corner(_permuted(norms, order), 1, k) * scale
    s = hlo.reshape(where(good, values, np.nan).value, (batch, k))
    if not vectors:
        return [s]
    left = _left_vectors(_corner(_permuted(columns, order), rows, k), full_matrices)
    right = _corner(_permuted(v, order), k, k)
    left, right = where(good, left, np.nan), where(good, right, np.nan)
    if m >= n:
        return [left.value, s, _adjoint(right).value]
    return [right.value, s, _adjoint(left).value]


# ---- rotations -----------------------------------------------------------------------------------------


def _orthogonal_columns(a: Wide) -> tuple[Wide, Wide]:
    """`A V` with orthogonal columns, and the unitary V; both with one more column, of zeros in `A V`, if n is odd."""
    batch, m, n = a.shape
    even = n + n % 2
    if even != n:
        a = _joined([a, Wide(hlo.splat(_type(a, (batch, m, 1)), 0))])
    zero = Wide(hlo.splat(_type(a, (batch, even, even)), 0))
    v = where(_eye(zero), 1, zero)
    rounds = SWEEPS[a.real.dtype.itemsize] * max(even - 1, 1)
    a, v = loop(rounds, [a, v], lambda i, a, v: _round(a, v, even // 2))
    return a, v


def _round(a: Wide, v: Wide, half: int) -> list[Wide]:
    """Rotates column i with column i + half, for all i, and moves the columns on."""
    p, q = _columns(a, 0, half), _columns(a, half, 2 * half)
    inner = (p.conj * q).reduced("add", -2)
    size = (inner * inner.conj).real.op("sqrt")
    apart = size.compare("EQ", 0)
    safe = where(apart, 1, size)
    phase = where(apart, 1, inner / safe.like(inner)).conj
    zeta = (_squares(q) - _squares(p)) / (safe * 2.0)
    sign = where(zeta.compare("LT", 0), -constant_like(zeta, 1), 1)
    slope = sign / (zeta.op("abs") + (zeta * zeta + 1.0).op("sqrt"))
    slope = where(apart, 0, slope)
    cosine = constant_like(slope, 1) / (slope * slope + 1.0).op("sqrt")
    c, s = cosine.like(a), (cosine * slope).like(a)
    return [_moved_on(_rotated(x, half, c, s, phase), half) for x in (a, v)]


def _rotated(x: Wide, half: int, c: Wide, s: Wide, phase: Wide) -> tuple[Wide, Wide]:
    """Both halves of the columns after their rotations."""
    p, q = _columns(x, 0, half), _columns(x, half, 2 * half) * phase
    return p * c - q * s, p * s + q * c


def _moved_on(halves: tuple[Wide, Wide], half: int) -> Wide:
    """The columns in the order of the next round: all but the first go around the circle."""
    p, q = halves
    if half == 1:
        return _joined([p, q])
    first, last = _columns(p, 0, 1), _columns(p, half - 1, half)
    return _joined([first, _columns(q, 0, 1), _columns(p, 1, half - 1), _columns(q, 1, half), last])


# ---- parts ---------------------------------------------------------------------------------------------


def _left_vectors(columns: Wide, full: bool) -> Wide:
    """Orthogonal columns, the longest first, normalised; what is zero becomes some orthonormal columns."""
    batch, m, k = columns.shape
    packed, taus = geqrf(columns.value)
    eye = hlo.splat(_type(columns, (batch, m, m if full else k)), 0)
    q = Wide(ormqr(packed, taus, where(_eye(Wide(eye)), 1, Wide(eye)).value, False))
    head = where(_eye(Wide(packed)), Wide(packed), 0).reduced("add", -2)
    size = (head * head.conj).real.op("sqrt")
    nothing = size.compare("EQ", 0)
    sign = where(nothing, 1, head / where(nothing, 1, size).like(head))
    if full and m > k:
        sign = _joined([sign, Wide(hlo.splat(_type(columns, (batch, 1, m - k)), 1))])
    return q * sign


def _hermitian(x: Wide, lower: bool) -> Wide:
    """The matrix of which a triangle is given."""
    strict = where(x.numbers(-2).compare("GT" if lower else "LT", x.numbers(-1)), x, 0)
    return strict + _adjoint(strict) + where(_eye(x), x.real.like(x), 0)


def _order(keys: Wide, ascending: bool) -> Wide:
    """The permutation matrix that sorts columns by keys (batch, 1, n)."""
    n = keys.shape[-1]
    mine, other = keys, Wide(hlo.transpose(keys.value, (0, 2, 1)))
    square = (keys.shape[0], n, n)
    before = other.to(square).compare("LT" if ascending else "GT", mine.to(square))
    tie = other.to(square).compare("EQ", mine.to(square))
    rows, columns = (Wide(hlo.iota(square, np.int32, d)) for d in (1, 2))
    ahead = before | (tie & rows.compare("LT", columns))
    one = Wide(hlo.splat(hlo.tensor_type(hlo.aval(square, np.dtype(np.int32))), 1))
    rank = where(ahead, one, 0).reduced("add", -2)
    rank = Wide(hlo.transpose(rank.value, (0, 2, 1)))
    return rank.to(square).compare("EQ", columns)


def _permuted(x: Wide, order: Wide) -> Wide:
    """Columns in another order."""
    one = Wide(hlo.splat(_type(x, order.shape), 1))
    matrix = where(order, one, 0).value
    return Wide(hlo.dot_general(x.value, matrix, ((0,), (0,)), ((2,), (1,)), x.value.type))


def _padding(v: Wide, n: int) -> Wide:
    """Which column of V is the added one: it alone has an element in the last row."""
    batch, rows, columns = v.shape
    if rows == n:
        return Wide(hlo.iota((batch, 1, columns), np.int32, 2)).compare("LT", 0)
    last = hlo.slice_(v.value, (0, rows - 1, 0), (batch, rows, columns))
    return Wide(last).size.compare("GT", 0)


def _is_finite(x: Wide) -> Wide:
    """Whether all elements of each matrix are finite: (batch, 1, 1)."""
    wrong = where(x.size.compare("LT", np.inf), constant_like(x.real, 0), 1)
    return wrong.reduced("maximum", -1).reduced("maximum", -2).compare("EQ", 0)


def _norms(x: Wide) -> Wide:
    return _squares(x).op("sqrt")


def _squares(x: Wide) -> Wide:
    """Squared norms of columns."""
    return (x * x.conj).real.reduced("add", -2)


def _eye(x: Wide) -> Wide:
    """The mask of the diagonal."""
    return x.numbers(-2).compare("EQ", x.numbers(-1))


def _adjoint(x: Wide) -> Wide:
    return Wide(hlo.transpose(x.conj.value, (0, 2, 1)))


def _columns(x: Wide, start: int, stop: int) -> Wide:
    batch, rows, _ = x.shape
    return Wide(hlo.slice_(x.value, (0, 0, start), (batch, rows, stop)))


def _corner(x: Wide, rows: int, columns: int) -> Wide:
    return Wide(hlo.slice_(x.value, (0, 0, 0), (x.shape[0], rows, columns)))


def _joined(parts: list[Wide]) -> Wide:
    """Columns of several matrices, side by side."""
    parts = [p for p in parts if p.shape[-1]]
    return Wide(hlo.op("concatenate", *[p.value for p in parts], dimension=hlo.integer(2)))


def _type(like: Wide, shape: tuple[int, ...]) -> Any:
    return hlo.tensor_type(hlo.aval(shape, like.dtype))
