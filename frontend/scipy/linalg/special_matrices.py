"""Matrices made from vectors (Toeplitz, companion, ...) and from their size alone (Hilbert, Pascal, Fourier, ...).

Vectors are the last dimension of arrays; dimensions before it are a batch.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from axil import dtypes
from axil import numpy as jnp
from axil.numpy.values import Value, operand, promote, reweaken, shape_error
from axil.runtime.errors import AxilError


class SizeError(AxilError, ValueError):
    """A size, or a choice, that a matrix cannot have."""


def _vector(name: str, x: Any, position: int = 0) -> Value:
    return jnp.atleast_1d(operand(name, x, position))


def _grid(n: int, m: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers."""
    return np.arange(n)[:, None], np.arange(n if m is None else m)[None, :]


# ---- from vectors --------------------------------------------------------------------------------------


def block_diag(*arrs: Any) -> Value:
    """A matrix with the given ones along its diagonal, and zeros elsewhere; vectors are rows."""
    if not arrs:
        return jnp.zeros((1, 0))
    values, _ = promote("block_diag", *arrs)
    for i, a in enumerate(values):
        if a.ndim > 2:
            raise shape_error(f"Arguments to block_diag must have at most 2 dimensions, got {a.aval} at argument {i}.")
    blocks = [jnp.atleast_2d(a) for a in values]
    width, column, rows = sum(b.shape[1] for b in blocks), 0, []
    for b in blocks:
        rows.append(jnp.pad(b, ((0, 0), (column, width - column - b.shape[1]))))
        column += b.shape[1]
    return jnp.concatenate(rows, axis=0)


def _by_distance(before: Value, after: Value, index: np.ndarray) -> Value:
    """Elements of `before` followed by `after`, whose batch dimensions are broadcast, picked by a matrix of indices."""
    batch = jnp.broadcast_shapes(before.shape[:-1], after.shape[:-1])
    parts = [jnp.broadcast_to(v, batch + v.shape[-1:]) for v in (before, after)]
    if not index.size:
        return jnp.zeros(batch + index.shape, jnp.promote_types(before.dtype, after.dtype))
    return jnp.concatenate(parts, axis=-1)[..., index]


def toeplitz(c: Any, r: Any = None) -> Value:
    """The matrix with constant diagonals, whose first column is `c` and first row `r` (by default conjugated `c`).

    The first element of `r` is not read.
    """
    c = _vector("toeplitz", c)
    r = jnp.conjugate(c) if r is None else _vector("toeplitz", r, 1)
    i, j = _grid(c.shape[-1], r.shape[-1])
    return reweaken(_by_distance(c[..., ::-1], r[..., 1:], c.shape[-1] - 1 - i + j), False)


def hankel(c: Any, r: Any = None) -> Value:
    """The matrix with constant antidiagonals, whose first column is `c` and last row `r` (by default zeros).

    The first element of `r` is not read.
    """
    c = operand("hankel", c)
    r = jnp.zeros_like(c) if r is None else operand("hankel", r, 1)
    if not c.ndim or not r.ndim:
        raise shape_error("hankel: c and r must be at least 1-dimensional, got a scalar.")
    i, j = _grid(c.shape[-1], r.shape[-1])
    return _by_distance(c, r[..., 1:], i + j)


def circulant(c: Any) -> Value:
    """The matrix whose columns are the first one, `c`, rotated down more and more."""
    c = _vector("circulant", c)
    i, j = _grid(c.shape[-1])
    n = c.shape[-1]
    return c[..., (i - j) % n] if n else jnp.zeros((*c.shape, 0), c.dtype)


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Value:
    """The matrix that convolves vectors of length `n` with `a`; `mode` as in `axil.numpy.convolve`."""
    n = operator.index(n)
    if n <= 0:
        raise SizeError(f"n must be a positive integer; got {n}.")
    a = operand("convolution_matrix", a)
    if not a.ndim or not a.shape[-1]:
        raise shape_error(f"convolution_matrix takes vectors of at least one element, got {a.aval}.")
    if mode not in ("full", "valid", "same"):
        raise SizeError(f"mode must be one of 'full', 'valid', 'same'; got {mode!r}.")
    m = a.shape[-1]
    trim = min(n, m) - 1
    first, last = {"full": (0, 0), "valid": (trim, trim), "same": (trim // 2, trim - trim // 2)}[mode]
    pad = [(0, 0)] * (a.ndim - 1) + [(n - 1, n - 1)]
    i, j = _grid(m + n - 1 - first - last, n)
    return jnp.pad(a, pad)[..., n - 1 + first + i - j]


def leslie(f: Any, s: Any) -> Value:
    """The Leslie matrix of fecundities `f`, in its first row, and survival rates `s`, below the diagonal."""
    f, s = _vector("leslie", f), _vector("leslie", s, 1)
    if f.shape[-1] < 2:
        raise shape_error(f"leslie: the length of f along the last axis must be at least 2; got shape {f.shape}.")
    if s.shape[-1] != f.shape[-1] - 1:
        raise shape_error(f"leslie: s must be one element shorter than f; got f {f.shape} and s {s.shape}.")
    (f, s), _ = promote("leslie", f, s)
    batch = jnp.broadcast_shapes(f.shape[:-1], s.shape[:-1])
    return _below_first_row(f, jnp.broadcast_to(s, batch + s.shape[-1:]))


def _below_first_row(first: Value, below: Value) -> Value:
    """The matrix with a first row, and with elements just below its diagonal."""
    n = below.shape[-1]
    first = jnp.broadcast_to(first, below.shape[:-1] + first.shape[-1:])
    rest = jnp.where(np.eye(n, n + 1, dtype=bool), below[..., :, None], jnp.zeros((), below.dtype))
    return jnp.concatenate([first[..., None, :], rest], axis=-2)


def companion(a: Any) -> Value:
    """The companion matrix of a polynomial, whose eigenvalues are its roots; coefficients from the highest on."""
    (a,), _ = promote("companion", a, inexact=True)
    a = jnp.atleast_1d(a)
    if a.shape[-1] < 2:
        raise shape_error(f"companion: the length of `a` along the last axis must be at least 2; got shape {a.shape}.")
    first = -a[..., 1:] / a[..., :1]
    return _below_first_row(first, jnp.ones((*a.shape[:-1], a.shape[-1] - 2), first.dtype))


def fiedler(a: Any) -> Value:
    """The matrix of the distances of elements."""
    a = _vector("fiedler", a)
    return jnp.abs(a[..., :, None] - a[..., None, :])


def fiedler_companion(a: Any) -> Value:
    """A companion matrix with five diagonals. Source: Fiedler, "A note on companion matrices", LAA 372 (2003)."""
    (a,), _ = promote("fiedler_companion", a, inexact=True)
    a = jnp.atleast_1d(a)
    n = a.shape[-1] - 1
    if n < 0:
        raise shape_error(f"fiedler_companion takes vectors that are not empty, got {a.aval}.")
    if n == 0:
        return reweaken(jnp.zeros((*a.shape[:-1], 0, 0), a.dtype), a.weak_type)
    a = a / a[..., :1]
    i, j = _grid(n)
    even = i % 2 == 0
    # Which coefficient stands where, 0 for none; the first coefficient itself stands for itself, being one.
    which = np.where((j == i + 1) & even, np.minimum(i + 2, n), 0) + np.where(
        (j == i - 1) & even & (i >= 2), np.minimum(i + 1, n), 0
    )
    which[0, 0] = 1
    one = ((j == i + 2) & even) | ((j == i - 2) & ~even & (i >= 3)) | ((i == 1) & (j == 0))
    return jnp.where(which > 0, -a[..., which], one.astype(a.dtype))


# ---- from sizes ----------------------------------------------------------------------------------------


def hilbert(n: int) -> Value:
    """The Hilbert matrix, with the elements 1 / (i + j + 1)."""
    i = jnp.arange(n, dtype=float)
    return 1 / (i[:, None] + i[None, :] + 1)


def invhilbert(n: int) -> Value:
    """The inverse of the Hilbert matrix. Its elements are integers, rounded to the default floating point dtype."""
    comb = math.comb
    element = lambda i, j: (
        (-1) ** (i + j) * (i + j + 1) * comb(n + i, n - j - 1) * comb(n + j, n - i - 1) * comb(i + j, i) ** 2
    )
    return _of_integers(n, element, dtypes.default_float_dtype())


def _of_integers(n: int, element: Any, dtype: Any) -> Value:
    """A matrix of exact integers, each rounded once."""
    rows = [[float(element(i, j)) for j in range(n)] for i in range(n)]
    return jnp.asarray(np.array(rows, float).reshape(n, n).astype(dtype))


def _pascal_kind(kind: str | None) -> str:
    kind = "symmetric" if kind is None else kind
    if kind not in ("symmetric", "lower", "upper"):
        raise SizeError(f"Expected kind to be one of 'symmetric', 'lower', 'upper'; got {kind!r}")
    return kind


def pascal(n: int, kind: str | None = None) -> Value:
    """Pascal's triangle in a matrix of f32: "symmetric", or one of its triangular factors, "lower" or "upper"."""
    element = {
        "symmetric": lambda i, j: math.comb(i + j, i),
        "lower": math.comb,
        "upper": lambda i, j: math.comb(j, i),
    }[_pascal_kind(kind)]
    return _of_integers(n, element, np.float32)


def invpascal(n: int, kind: str | None = None) -> Value:
    """The inverse of `pascal(n, kind)`."""
    signed = lambda i, j: (-1) ** (i - j) * math.comb(i, j) if i >= j else 0
    element = {
        "symmetric": lambda i, j: sum(signed(k, i) * signed(k, j) for k in range(n)),
        "lower": signed,
        "upper": lambda i, j: signed(j, i),
    }[_pascal_kind(kind)]
    return _of_integers(n, element, dtypes.default_float_dtype())


def helmert(n: int, full: bool = False) -> Value:
    """Helmert's orthogonal matrix, without its first row unless `full`."""
    if n < 1:
        raise SizeError(f"n must be a positive integer; got {n}.")
    i, j = (jnp.asarray(v) for v in _grid(n - 1, n))
    k = (i + 1).astype(float)
    scale = jnp.sqrt(k * (k + 1))
    rows = jnp.where(j <= i, 1.0 / scale, jnp.where(j == i + 1, -k / scale, 0.0))
    if not full:
        return rows
    return jnp.concatenate([jnp.full((1, n), 1.0 / np.sqrt(n), dtype=rows.dtype), rows], axis=0)


def hadamard(n: int, dtype: Any = int) -> Value:
    """Sylvester's Hadamard matrix, of ones and minus ones, for a power of two."""
    if n < 1 or n & (n - 1):
        raise SizeError(f"n must be a positive power of 2; got {n}.")
    i = jnp.arange(n)
    odd = jnp.bitwise_count(i[:, None] & i[None, :]) % 2 == 1
    return jnp.where(odd, -1, 1).astype(dtype)


def dft(n: int, scale: str | None = None, *, dtype: Any = None) -> Value:
    """The matrix of the discrete Fourier transform, scaled by 1/sqrt(n) ("sqrtn"), 1/n ("n") or not at all."""
    if scale not in (None, "sqrtn", "n"):
        raise SizeError(f"scale must be None, 'sqrtn', or 'n'; got {scale!r}.")
    dtype = dtypes.default_complex_dtype() if dtype is None else dtypes.check_user_dtype(dtype, "dft")
    if dtype.kind != "c":
        raise SizeError(f"dtype must be a complex floating-point type; got {dtype}.")
    i = jnp.arange(n)
    turn = ((i[:, None] * i[None, :]) % max(n, 1)).astype(dtypes.finfo(dtype).dtype)  # exact, however large n
    factor = {None: 1.0, "sqrtn": 1 / math.sqrt(max(n, 1)), "n": 1 / max(n, 1)}[scale]
    angle = turn * (-2 * np.pi / max(n, 1))
    return ((jnp.cos(angle) + 1j * jnp.sin(angle)) * factor).astype(dtype)
