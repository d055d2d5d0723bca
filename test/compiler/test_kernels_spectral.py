"""The kernels of spectral decompositions: residuals and orthogonality, against LAPACK's, of hard and easy matrices.

Everything of one dtype is one program: kernels are compiled once for each shape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import axil
from axil.lax import linalg

DTYPES = ("float32", "float64", "complex64", "complex128")
N = 12
BOUND = 40
"""Errors at most, in rounding units of the largest element times the size."""


def adjoint(x: np.ndarray) -> np.ndarray:
    """Conjugate transposes."""
    return np.conj(np.swapaxes(x, -1, -2))


def random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if "complex" in dtype else x).astype(dtype)


def hard(dtype: str) -> dict[str, np.ndarray]:
    """Matrices at which such algorithms fail, by name."""
    r = random((N, N), dtype)
    q = np.linalg.qr(r)[0]
    steps, power = np.arange(N), 10.0 ** -np.arange(N)
    found = {
        "zero": np.zeros((N, N)), "identity": np.eye(N), "ones": np.ones((N, N)), "rank one": np.outer(r[0], r[1]),
        "repeated": (q * np.repeat([1, 2, 3], N // 3)) @ adjoint(q), "graded": power[:, None] * r * power,
        "graded up": (power[:, None] * r * power)[::-1, ::-1], "Jordan block": np.eye(N, k=1),
        "cycle": np.roll(np.eye(N), 1, 0), "two scales": r * np.where(steps < N // 2, 1, 1e-25),
        "tiny": r * 1e-30, "huge": r * 1e30, "diagonal": np.diag(np.diag(r)),
        "Wilkinson": np.diag(np.abs(steps - N // 2)) + np.eye(N, k=1) + np.eye(N, k=-1),
    }  # fmt: skip
    return {name: np.asarray(x).astype(dtype) for name, x in found.items()}


def matrices(dtype: str) -> list[np.ndarray]:
    """Batches of matrices: the hard ones, and of two dtypes random ones of several shapes."""
    shapes = ((3, 1, 1), (2, 2, 2), (1, 33, 33)) if dtype in ("float32", "complex128") else ()
    return [np.stack(list(hard(dtype).values())), *(random(s, dtype, i) for i, s in enumerate(shapes))]


def run(function: Callable[..., Any], xs: list[np.ndarray]) -> list[Any]:
    """The function of each array, all in one compiled program."""
    with axil.enable_x64(True):
        given = [axil.numpy.asarray(x) for x in xs]
        results = axil.jit(lambda *ys: [function(y) for y in ys])(*given)
        for x, y in zip(xs, given):
            np.testing.assert_array_equal(x, y)
        return [tuple(np.asarray(part) for part in result) for result in results]


def check(error: np.ndarray, x: np.ndarray, what: str) -> None:
    """An error for each matrix of `x` is small beside the matrix, or beside 1 if it has no scale."""
    error = np.abs(error).max((-2, -1))
    for i, (value, scale) in enumerate(zip(error, np.abs(x).max((-2, -1)))):
        limit = BOUND * x.shape[-1] * np.finfo(x.dtype).eps * (scale if what == "residual" else 1)
        assert value <= limit, f"{what} {value:.2e} of matrix {i} of {x.dtype}{x.shape}; limit {limit:.2e}"


def wide(*xs: np.ndarray) -> list[np.ndarray]:
    """In double precision, so that checking adds no errors."""
    return [x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in xs]


def check_unitary(u: np.ndarray, x: np.ndarray) -> None:
    """Columns are orthonormal."""
    check(adjoint(u) @ u - np.eye(u.shape[-1]), x, "orthogonality")


@pytest.mark.parametrize("dtype", DTYPES)
def test_eigh(dtype: str) -> None:
    xs = matrices(dtype)
    for x, (v, w) in zip(xs, run(linalg.eigh, xs)):
        h, u, values = wide((x + adjoint(x)) / 2, v, w)
        assert v.dtype == x.dtype and w.dtype == np.finfo(x.dtype).dtype
        check(h @ u - u * values[..., None, :], x, "residual")
        check_unitary(u, x)
        assert (np.diff(w) >= 0).all()
        check((values - np.linalg.eigvalsh(h))[..., None], x, "residual")


@pytest.mark.parametrize("dtype", DTYPES)
def test_svd(dtype: str) -> None:
    xs = [*matrices(dtype), random((2, 7, 4), dtype), random((4, 9), dtype)[None]]
    for x, (u, s, vh) in zip(xs, run(linalg.svd, xs)):
        k = s.shape[-1]
        left, values, right = wide(u, s, vh)
        check((left[..., :k] * values[..., None, :]) @ right[..., :k, :] - wide(x)[0], x, "residual")
        check_unitary(left, x)
        check_unitary(adjoint(right), x)
        assert (s >= 0).all() and (np.diff(s) <= 0).all()
        check((values - np.linalg.svd(wide(x)[0], compute_uv=False))[..., None], x, "residual")


@pytest.mark.parametrize("dtype", DTYPES)
def test_schur_and_eig(dtype: str) -> None:
    xs = matrices(dtype)
    found = run(lambda x: (*linalg.schur(x), *linalg.eig(x)), xs)
    for x, (t, z, w, left, right) in zip(xs, found):
        a, form, basis = wide(x, t, z)
        check(basis @ form @ adjoint(basis) - a, x, "residual")
        check_unitary(basis, x)
        assert not np.tril(t, -1 if "complex" in dtype else -2).any()
        values, vl, vr = wide(w, left, right)
        check(a @ vr - vr * values[..., None, :], x, "residual")
        check(adjoint(vl) @ a - values[..., None] * adjoint(vl), x, "residual")
        for v in (vl, vr):
            np.testing.assert_allclose(np.linalg.norm(v, axis=-2), 1, 1e-5)
        if "complex" not in dtype:  # eigenvalues come in exact pairs, and real ones have real vectors
            np.testing.assert_array_equal(np.sort_complex(w), np.sort_complex(np.conj(w)))
            assert not (vr.imag * (w.imag == 0)[..., None, :]).any()


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_reductions_are_the_references(dtype: str) -> None:
    xs = [random((2, n, n), dtype, n) for n in (1, 2, 6)]
    functions = (linalg.hessenberg, linalg.tridiagonal, lambda x: linalg.tridiagonal(x, lower=False))
    for x, got in zip(xs, run(lambda x: [r for f in functions for r in f(x)], xs)):
        with axil.enable_x64(True):
            expected = [np.asarray(r) for f in functions for r in f(x)]
        for y, want in zip(got, expected, strict=True):
            assert y.dtype == want.dtype
            np.testing.assert_allclose(y, want, 1e-3 if dtype == "float32" else 1e-11, 1e-4)


@cache
def broken() -> tuple[list[np.ndarray], list[Any]]:
    """Matrices with a NaN or an infinity beside a sound one, and all decompositions of them."""
    x = random((3, 4, 4), "float32")
    x[0, 2, 1], x[2, 3, 3] = np.nan, -np.inf

    def everything(x: Any) -> list:
        return [*linalg.eigh(x), *linalg.svd(x), *linalg.schur(x), *linalg.eig(x), *linalg.hessenberg(x),
                *linalg.tridiagonal(x)]  # fmt: skip

    return [np.asarray(r) for r in everything(x)], list(run(everything, [x])[0])


def test_what_is_not_finite_gives_nan_and_spares_the_rest_of_the_batch() -> None:
    for of in broken():
        for y in of:
            assert np.isnan(y[0]).all() and np.isnan(y[2]).all() and np.isfinite(y[1]).all()


def test_residuals_are_within_ten_times_those_of_lapack() -> None:
    from scipy.linalg import lapack

    n = 100
    x = random((n, n), "float32")
    h = (x + x.T) / 2
    ((v, w, u, s, vh),) = run(lambda a: (*linalg.eigh(a[0]), *linalg.svd(a[1])), [np.stack([h, x])])
    values, vectors, _ = lapack.ssyevd(h)
    left, singular, right, _ = lapack.sgesdd(x)

    def of_eigh(w: np.ndarray, v: np.ndarray) -> float:
        h64, v64, w64 = wide(h, v, w)
        return np.abs(h64 @ v64 - v64 * w64).max()

    def of_svd(u: np.ndarray, s: np.ndarray, vh: np.ndarray) -> float:
        u64, s64, vh64 = wide(u, s, vh)
        return np.abs((u64 * s64) @ vh64 - x).max()

    assert of_eigh(w, v) <= 10 * of_eigh(values, vectors)
    assert of_svd(u, s, vh) <= 10 * of_svd(left, singular, right)


def test_large_batches_of_small_matrices() -> None:
    x = random((1000, 3, 3), "float32")
    ((v, w),) = run(linalg.eigh, [x])
    h = (x + adjoint(x)) / 2
    np.testing.assert_allclose((v * w[..., None, :]) @ adjoint(v), h, 0, 2e-5)
