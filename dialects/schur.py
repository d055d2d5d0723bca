"""The Schur decomposition `A = Z T Z^H`, and its NumPy reference: Hessenberg form, then implicitly shifted QR steps.

T is upper triangular for complex matrices. For real ones it is real, with a 2 by 2 block on the diagonal for each
pair of complex eigenvalues; a block's diagonal elements are equal, as LAPACK leaves them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import Aval
from axil.dialects.householder_forms import (
    reduce_to_hessenberg,
    reflector,
    refuse_derivative,
    unpack_hessenberg,
)
from axil.dialects.op import Op, sample
from axil.dialects.spectral_lowering import lower_spectral
from axil.dialects.spectral_rules import check_square, each_matrix, where_finite

STEPS = 30
"""QR steps for each eigenvalue before an iteration counts as not converging; two or three are common."""


def _infer(x: Aval) -> tuple[Aval, Aval]:
    check_square("schur", x)
    return x, x


def _reference(x: np.ndarray) -> tuple[np.ndarray, ...]:
    one = complex_schur if av.is_complex(x.dtype) else real_schur
    return where_finite(x, lambda a: each_matrix(a, one))


def complex_schur(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """T and Z of one complex matrix, by QR steps with one shift."""
    t, z = unpack_hessenberg(*reduce_to_hessenberg(a))
    high, step = len(a) - 1, 0
    while high > 0:
        low = _active_block(t, high)
        if low == high:
            high, step = high - 1, 0
            continue
        step += 1
        if step > STEPS * len(a):
            return np.full_like(t, np.nan), np.full_like(z, np.nan)
        shift = _wilkinson_shift(t[high - 1 : high + 1, high - 1 : high + 1])
        if step % 10 == 0:
            shift = t[high, high] + abs(t[high, high - 1])
        x, y = t[low, low] - shift, t[low + 1, low]
        for k in range(low, high):
            if k > low:
                x, y = t[k, k - 1], t[k + 1, k - 1]
            g = _rotation(x, y)
            first = max(k - 1, low)
            t[k : k + 2, first:] = g @ t[k : k + 2, first:]
            last = min(k + 3, high + 1)
            t[:last, k : k + 2] = t[:last, k : k + 2] @ np.conj(g.T)
            z[:, k : k + 2] = z[:, k : k + 2] @ np.conj(g.T)
            if k > low:
                t[k + 1, k - 1] = 0
    return np.triu(t), z


def _active_block(t: np.ndarray, high: int) -> int:
    """The first row of the block that ends with row `high`; subdiagonal elements that are negligible become zero."""
    scale = np.abs(t).max()
    for k in range(high, 0, -1):
        size = abs(t[k, k]) + abs(t[k - 1, k - 1])
        if abs(t[k, k - 1]) <= np.finfo(t.dtype).eps * (size if size else scale):
            t[k, k - 1] = 0
            return k
    return 0


def _wilkinson_shift(block: np.ndarray) -> Any:
    """The eigenvalue of a 2 by 2 matrix that is closer to its last element."""
    (a, b), (c, d) = block
    half = (a - d) / 2
    root = np.sqrt(half * half + b * c + 0j)
    below = half + root if abs(half + root) >= abs(half - root) else half - root
    return d - b * c / below if below != 0 else d


def _rotation(x: Any, y: Any) -> np.ndarray:
    """The unitary `g` with `g @ (x, y) = (r, 0)`."""
    size = math.hypot(abs(x), abs(y))
    if size == 0:
        return np.eye(2, dtype=np.result_type(x))
    c, s = x / size, y / size
    return np.array([[np.conj(c), np.conj(s)], [-s, c]])


def real_schur(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """T and Z of one real matrix, by Francis's QR steps with two shifts."""
    t, z = unpack_hessenberg(*reduce_to_hessenberg(a))
    high, step = len(a) - 1, 0
    while high > 0:
        low = _active_block(t, high)
        if low >= high - 1:
            if low == high - 1:
                _standardize(t, z, low)
            high, step = low - 1, 0
            continue
        step += 1
        if step > STEPS * len(a):
            return np.full_like(t, np.nan), np.full_like(z, np.nan)
        _francis_step(t, z, low, high, exceptional=step % 10 == 0)
    below = np.tril(np.ones_like(t, bool), -2)
    return np.where(below, t.dtype.type(0), t), z


def _francis_step(t: np.ndarray, z: np.ndarray, low: int, high: int, exceptional: bool) -> None:
    """One step on the block of rows `low` to `high`, which are at least three."""
    total, product = t[high - 1, high - 1] + t[high, high], np.linalg.det(t[high - 1 : high + 1, high - 1 : high + 1])
    if exceptional:
        size = abs(t[high, high - 1]) + abs(t[high - 1, high - 2])
        total, product = 1.5 * size, size * size
    h = t[low : low + 3, low : low + 3]
    x = h[1, 0] * np.array([
        (h[0, 0] * h[0, 0] - total * h[0, 0] + product) / h[1, 0] + h[0, 1],
        h[0, 0] + h[1, 1] - total,
        h[2, 1],
    ], t.dtype)  # fmt: skip
    for k in range(low, high):
        count = min(3, high + 1 - k)
        if k > low:
            x = t[k : k + count, k - 1].copy()
        _, tau, v = reflector(x[:count])
        rows, first = slice(k, k + count), max(k - 1, low)
        t[rows, first:] -= np.outer(tau * v, v @ t[rows, first:])
        last = min(k + 4, high + 1)
        t[:last, rows] -= np.outer(t[:last, rows] @ v, tau * v)
        z[:, rows] -= np.outer(z[:, rows] @ v, tau * v)
        if k > low:
            t[k + 1 : k + count, k - 1] = 0


def _standardize(t: np.ndarray, z: np.ndarray, k: int) -> None:
    """Rotates rows and columns k and k + 1: the block becomes triangular, or has equal diagonal elements."""
    a, b, c, d = (float(x) for x in t[k : k + 2, k : k + 2].ravel())
    if c == 0:
        return
    half = (a - d) / 2
    inside = half * half + b * c
    if inside >= 0:  # two real eigenvalues: rotate an eigenvector to the first axis
        x, y = half + math.copysign(math.sqrt(inside), half), c
    else:  # a pair: the angle that makes the diagonal's elements equal
        angle = math.atan2(a - d, b + c) / 2
        x, y = math.cos(angle), -math.sin(angle)
    size = math.hypot(x, y)
    g = np.array([[x, y], [-y, x]], t.dtype) / t.dtype.type(size)
    t[k : k + 2, k:] = g @ t[k : k + 2, k:]
    t[: k + 2, k : k + 2] = t[: k + 2, k : k + 2] @ g.T
    z[:, k : k + 2] = z[:, k : k + 2] @ g.T
    if inside >= 0:
        t[k + 1, k] = 0
    else:
        t[k, k] = t[k + 1, k + 1] = (t[k, k] + t[k + 1, k + 1]) / 2


def _lower(values: Any, results: Any, context: Any) -> list:
    return lower_spectral("schur", values, results, context)


def _determined(results: Any) -> tuple:
    """The matrix itself, orthogonality, and that the form has the right zeros."""
    t, z = results
    zh = np.conj(np.swapaxes(z, -1, -2))
    return z @ t @ zh, zh @ z, np.tril(t, -1 if av.is_complex(t.dtype) else -2)


schur = Op(
    name="schur", summary="Schur decomposition `x = z t z^H`: triangular t (real: with 2 by 2 blocks), unitary z.",
    operands=("x",), results=2, infer=_infer, reference=_reference, determined=_determined,
    jvp=refuse_derivative("schur", "differentiate eigenvalues through eig, or functions of a matrix through expm"),
    batch=lambda size, xs, batched: schur(xs[0]), lower=_lower, source="Golub and Van Loan, Matrix Computations, 7.5",
    flops=lambda x: 25.0 * x.size * x.shape[-1],
    samples=(
        sample("f32[4,4]", grad=False), sample("f64[2,5,5]", grad=False), sample("c64[4,4]", grad=False),
        sample("c128[2,2,2]", grad=False), sample("f32[1,1]", grad=False), sample("f32[0,0]", grad=False),
    ),
)  # fmt: skip
