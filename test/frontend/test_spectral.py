"""Spectral decompositions: derivatives of what does not depend on signs and phases, vmap, jit, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from checks import error_here

import axil
import axil.numpy as anp
from axil.lax import linalg


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """Finite differences need double precision."""
    with axil.enable_x64(True):
        yield


def draw(*shape: int, complex_: bool = False, seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if complex_ else x


def adjoint(x: Any) -> Any:
    """Conjugate transposes."""
    return anp.conj(anp.swapaxes(x, -1, -2))


def weights(m: int, n: int) -> Any:
    """A fixed matrix without symmetry, so that no error cancels."""
    return anp.sin(anp.arange(m * n) + 1.0).reshape(m, n)


def of_eigh(x: Any) -> Any:
    """A function of eigenvalues, and of the projections onto eigenvectors."""
    v, w = linalg.eigh(x)
    n = w.shape[-1]
    projections = anp.matmul(v * anp.arange(1, n + 1), adjoint(v))
    return anp.sum(w**3) + anp.sum(anp.real(projections * weights(n, n)) + anp.imag(projections * weights(n, n).T))


def of_svd(x: Any, full_matrices: bool = False) -> Any:
    """A function of singular values, and of products of left and right vectors."""
    u, s, vh = linalg.svd(x, full_matrices=full_matrices)
    k = s.shape[-1]
    product = anp.matmul(u[:, :k] * anp.arange(1, k + 1), vh[:k])
    rest = anp.matmul(u[:, k:], adjoint(u[:, k:])) if u.shape[1] > k else anp.zeros((len(u), len(u)))
    total = anp.sum(s**3) + anp.sum(anp.real(product * weights(*product.shape)) + anp.imag(product))
    return total + anp.sum(anp.real(rest * weights(*rest.shape)))


def of_eigvals(x: Any) -> Any:
    """A symmetric function of eigenvalues."""
    (w,) = linalg.eig(x, compute_left_eigenvectors=False, compute_right_eigenvectors=False)
    return anp.sum(anp.real(w**3)) + anp.sum(anp.imag(w) ** 2)


def of_eigenvectors(x: Any) -> Any:
    """A function of normalised eigenvectors that does not depend on their order and signs."""
    w, left, right = linalg.eig(x, enable_eigvec_derivs=True)
    total = 0.0
    for v in (left, right):
        products = anp.einsum("ik,jk->kij", v, v)
        total = total + anp.sum(anp.real(w[:, None, None] * products * weights(len(x), len(x))))
    return total


CASES = {
    "eigh": (of_eigh, draw(4, 4)), "eigh complex": (of_eigh, draw(3, 3, complex_=True)),
    "svd": (of_svd, draw(3, 3)), "svd tall": (of_svd, draw(5, 3)), "svd wide": (of_svd, draw(2, 4)),
    "svd complex": (of_svd, draw(3, 3, complex_=True)), "svd complex tall": (of_svd, draw(4, 2, complex_=True)),
    "svd full": (lambda x: of_svd(x, True), draw(4, 2)), "svd full wide": (lambda x: of_svd(x, True), draw(2, 4)),
    "singular values": (lambda x: anp.sum(linalg.svd(x, compute_uv=False) ** 3), draw(4, 3)),
    "eigvals": (of_eigvals, draw(4, 4)), "eigvals complex": (of_eigvals, draw(3, 3, complex_=True)),
    "eigenvectors": (of_eigenvectors, draw(4, 4)), "eigenvectors complex": (of_eigenvectors, draw(3, 3, complex_=True)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_both_modes_are_the_finite_difference(name: str) -> None:
    f, x = CASES[name]
    t, h = draw(*x.shape, complex_=np.iscomplexobj(x), seed=1), 1e-6
    numeric = (float(f(anp.asarray(x + h * t))) - float(f(anp.asarray(x - h * t)))) / (2 * h)
    forward = axil.jvp(f, (anp.asarray(x),), (anp.asarray(t),))[1]
    # The cotangent of a real function of complex numbers pairs with a tangent without conjugation, as in JAX.
    value, back = axil.vjp(f, anp.asarray(x))
    reverse = np.sum(np.asarray(back(anp.ones_like(value))[0]) * t).real
    np.testing.assert_allclose([float(forward), reverse], numeric, 1e-6, 1e-7)


@pytest.mark.parametrize(
    "values", [lambda x: linalg.eigh(x)[1], lambda x: linalg.svd(x, compute_uv=False), anp.linalg.eigvalsh]
)
def test_values_alone_have_derivatives_where_they_are_equal(values: Callable[..., Any]) -> None:
    gradient = axil.grad(lambda x: anp.sum(values(x)))(anp.eye(3))
    np.testing.assert_allclose(gradient, np.eye(3), 1e-12, 1e-12)


def sum_of_cubes(x: Any, lower: bool) -> Any:
    """Of the eigenvalues of the matrix of which one triangle is given."""
    return anp.sum(linalg.eigh(x, lower=lower, symmetrize_input=False)[1] ** 3)


def test_one_triangle_is_read() -> None:
    x = draw(4, 4)
    for lower, take in ((True, np.tril), (False, np.triu)):
        given = take(x) + take(x, -1 if lower else 1).T
        v, w = linalg.eigh(anp.asarray(x), lower=lower, symmetrize_input=False)
        np.testing.assert_allclose((v * w) @ v.T, given, 1e-10, 1e-10)
        cubes = partial(sum_of_cubes, lower=lower)
        gradient = axil.grad(cubes)(anp.asarray(x))
        np.testing.assert_array_equal(gradient, take(gradient))


def test_a_range_of_values() -> None:
    x = anp.asarray(draw(5, 5))
    v, w = linalg.eigh(x, subset_by_index=(1, 3))
    assert v.shape == (5, 2) and w.shape == (2,)
    np.testing.assert_allclose(w, linalg.eigh(x)[1][1:3])
    u, s, vh = linalg.svd(x, full_matrices=False, subset_by_index=(0, 2))
    assert u.shape == (5, 2) and s.shape == (2,) and vh.shape == (2, 5)
    np.testing.assert_allclose(linalg.svd(x, compute_uv=False, subset_by_index=(3, 5)), linalg.svd(x)[1][3:])


def test_vmap_is_a_loop() -> None:
    x = anp.asarray(draw(3, 4, 4))
    functions = [linalg.eigh, linalg.svd, linalg.eig, linalg.schur, linalg.hessenberg, linalg.tridiagonal]
    for f in functions:
        for got, *rows in zip(axil.vmap(f)(x), *(f(row) for row in x)):
            np.testing.assert_allclose(got, np.stack(rows), 1e-12, 1e-12)
    np.testing.assert_allclose(axil.vmap(axil.grad(of_eigh))(x)[1], axil.grad(of_eigh)(x[1]), 1e-9, 1e-9)


def test_compiled_gradients_are_the_interpreted() -> None:
    functions = [of_eigh, of_svd, of_eigvals]

    def all_of_them(x: Any) -> list:
        return [axil.value_and_grad(f)(x) for f in functions]

    x = anp.asarray(draw(4, 4))
    for (value, gradient), (wanted, slope) in zip(axil.jit(all_of_them)(x), all_of_them(x)):
        np.testing.assert_allclose(value, wanted, 1e-9)
        np.testing.assert_allclose(gradient, slope, 1e-8, 1e-8)


def test_polar_decomposition() -> None:
    for x in (draw(5, 3), draw(4, 4, complex_=True)):
        u, h, steps, converged = linalg.qdwh(anp.asarray(x))
        np.testing.assert_allclose(u @ h, x, 1e-10, 1e-10)
        np.testing.assert_allclose(adjoint(u) @ u, np.eye(x.shape[1]), 1e-10, 1e-10)
        assert bool(converged) and 1 < int(steps) < 8
    u, h, _, _ = linalg.qdwh(anp.asarray(draw(4, 4)), dynamic_shape=(3, 2))
    assert not np.asarray(u)[3:].any() and not np.asarray(h)[2:].any()


# ---- errors --------------------------------------------------------------------------------------------


def test_errors_of_shapes_and_dtypes() -> None:
    x = anp.asarray(draw(2, 3))
    for f in (linalg.eigh, linalg.eig, linalg.schur, linalg.hessenberg, linalg.tridiagonal):
        with error_here(ValueError, "square matrices", "f64[2,3]"):
            f(x)
    with error_here(ValueError, "matrices, of shape (..., m, n)", "f64[2]"):
        linalg.svd(x[:, 0])
    with error_here(TypeError, "f32, f64, c64 and c128", "convert it"):
        linalg.svd(anp.ones((2, 2), "float16"))


def test_errors_of_options() -> None:
    x = anp.asarray(draw(3, 3))
    with error_here(ValueError, "SvdAlgorithm.QR", "'QR'"):
        linalg.svd(x, algorithm="QR")
    with error_here(ValueError, "subset_by_index (2, 5)", "(0, 3)"):
        linalg.eigh(x, subset_by_index=(2, 5))
    with error_here(ValueError, "full_matrices=False"):
        linalg.svd(x, subset_by_index=(0, 2))
    with error_here(ValueError, "does not sort"):
        linalg.schur(x, sort_eig_vals=True)
    with error_here(ValueError, "as many rows as columns"):
        linalg.qdwh(x[:2])


def test_errors_of_derivatives() -> None:
    x = anp.asarray(draw(3, 3))
    with error_here(NotImplementedError, "enable_eigvec_derivs=True"):
        axil.grad(lambda x: anp.sum(anp.real(linalg.eig(x)[1])))(x)
    with error_here(NotImplementedError, "'hessenberg' has no derivative", "eigh or eig"):
        axil.grad(lambda x: anp.sum(linalg.hessenberg(x)[0]))(x)


@pytest.mark.parametrize("name", ["eig", "schur", "hessenberg", "tridiagonal"])
def test_error_of_targets_without_kernels(name: str, tmp_path: Any) -> None:
    x = anp.ones((3, 3), "float32")
    with pytest.raises(ValueError, match="cannot be compiled for vulkan.*outside of jit"):
        axil.aot.save(tmp_path / "x.axil", getattr(linalg, name), x, targets=["vulkan"])
