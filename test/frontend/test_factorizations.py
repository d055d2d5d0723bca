"""Factorisations and solvers of `axil.lax.linalg`: derivatives in both modes, batches, compilation, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from checks import error_here, numeric_jacobian, same

import axil
import axil.numpy as np
from axil import lax
from axil.lax import linalg
from axil.lax.factorizations import geqrf


def random(*shape: int, seed: int = 0) -> onp.ndarray:
    """Random normals."""
    return onp.random.default_rng(seed).standard_normal(shape)


def shifted(x: Any) -> Any:
    """A matrix made positive definite, as a function of any matrix."""
    return x @ x.T + 3 * np.eye(x.shape[0], dtype=x.dtype)


def hermitian(x: Any) -> Any:
    """A Hermitian positive definite matrix of any real one."""
    z = lax.complex(x, x.T * 0.5 + 0.1)
    return z @ np.conj(z.T) + 3 * np.eye(x.shape[0])


def parts(*values: Any) -> Any:
    """Real and imaginary parts of results, in a row."""
    flat = [np.ravel(v) for v in values]
    flat = [p for v in flat for p in ((v.real, v.imag) if np.iscomplexobj(v) else (v,))]
    return np.concatenate(flat)


def solve(a: Any, b: Any, **how: Any) -> Any:
    """A lower triangular system from the left, unless told otherwise."""
    return linalg.triangular_solve(a, b, **{"left_side": True, "lower": True, **how})


B = random(3, 2, seed=5)
D = random(4, seed=6) + 4
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "cholesky": (lambda x: linalg.cholesky(shifted(x)), (3, 3)),
    "cholesky of a lower triangle": (
        lambda x: linalg.cholesky(x + 6 * np.eye(3), symmetrize_input=False), (3, 3)
    ),
    "cholesky of complex matrices": (lambda x: parts(linalg.cholesky(hermitian(x))), (3, 3)),
    "cholesky_update of the factor": (lambda x: linalg.cholesky_update(np.triu(x) + 3 * np.eye(3), B[:, 0]), (3, 3)),
    "cholesky_update of the vector": (lambda w: linalg.cholesky_update(3 * np.eye(4), w), (4,)),
    "triangular_solve of the matrix": (lambda a: solve(a + 4 * np.eye(3), B), (3, 3)),
    "triangular_solve from the right": (
        lambda a: solve(a + 4 * np.eye(3), B.T, left_side=False, transpose_a=True), (3, 3)
    ),
    "triangular_solve of ones": (lambda a: solve(a, B, unit_diagonal=True, lower=False), (3, 3)),
    "triangular_solve of the right side": (lambda b: solve(random(3, 3) + 4 * onp.eye(3), b), (3, 2)),
    "triangular_solve of complex matrices": (
        lambda a: parts(solve(lax.complex(a + 4 * np.eye(3), a.T), B + 1j, conjugate_a=True)), (3, 3)
    ),
    "tridiagonal_solve": (lambda x: linalg.tridiagonal_solve(x[0], x[1] + D, x[2], x[3][:, None] + 1), (4, 4)),
    "lu": (lambda x: linalg.lu(x)[0], (3, 3)),
    "lu of tall matrices": (lambda x: linalg.lu(x)[0], (4, 2)),
    "lu of wide matrices": (lambda x: linalg.lu(x)[0], (2, 4)),
    "lu of complex matrices": (lambda x: parts(linalg.lu(hermitian(x))[0]), (3, 3)),
    "qr": (lambda x: parts(*linalg.qr(x)), (3, 3)),
    "qr of tall matrices": (lambda x: parts(*linalg.qr(x, full_matrices=False)), (4, 2)),
    "qr with a square q": (lambda x: parts(*linalg.qr(x)), (4, 2)),
    "qr of wide matrices": (lambda x: parts(*linalg.qr(x)), (2, 4)),
    "qr with pivoting": (lambda x: parts(*linalg.qr(x, pivoting=True)[:2]), (3, 3)),
    "qr of complex matrices": (lambda x: parts(*linalg.qr(hermitian(x)[:, :2])), (3, 3)),
    "geqrf": (lambda x: parts(*geqrf(x)), (4, 3)),
    "householder_product": (lambda x: linalg.householder_product(x, x[0]), (4, 3)),
    "ormqr of the reflectors": (lambda x: linalg.ormqr(x, x[0, :2], random(2, 4), left=False), (4, 2)),
    "ormqr of the matrix": (lambda c: linalg.ormqr(random(4, 2), random(2), c, transpose=True), (4, 3)),
    "symmetric_product": (lambda a: linalg.symmetric_product(a, onp.eye(2), beta=2.0), (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_in_both_modes(name: str) -> None:
    f, shape = FUNCTIONS[name]
    x = random(*shape, seed=3)
    with axil.enable_x64(True):
        wanted = numeric_jacobian(lambda v: f(np.asarray(v)), x)
        same(axil.jacfwd(f)(np.asarray(x)), wanted, 1e-6, 1e-7)
        same(axil.jacrev(f)(np.asarray(x)), wanted, 1e-6, 1e-7)


def test_second_derivatives() -> None:
    with axil.enable_x64(True):
        x = np.asarray(random(3, 3, seed=4))
        for f in (lambda v: np.sum(linalg.cholesky(shifted(v))), lambda v: np.sum(linalg.lu(v)[0] ** 2)):
            wanted = numeric_jacobian(lambda v, f=f: axil.grad(f)(np.asarray(v)), x)
            same(axil.hessian(f)(x), wanted, 1e-5, 1e-6)


def test_derivatives_of_complex_operands_follow_jax() -> None:
    """The gradient of a real function of x + iy is df/dx - i df/dy."""
    f = lambda z: np.sum(np.abs(linalg.cholesky(z @ np.conj(z.T) + 3 * np.eye(2))) ** 4)
    with axil.enable_x64(True):
        z = random(2, 2) + 1j * random(2, 2, seed=1)
        real = numeric_jacobian(lambda x: f(np.asarray(x + 1j * z.imag)), z.real)
        imag = numeric_jacobian(lambda y: f(np.asarray(z.real + 1j * y)), z.imag)
        same(axil.vjp(f, np.asarray(z))[1](np.ones(()))[0], real - 1j * imag, 1e-6, 1e-7)


# ---- batches ---------------------------------------------------------------------------------------------


BATCHED: dict[str, tuple[Callable[..., Any], tuple[int | None, ...], tuple[tuple[int, ...], ...]]] = {
    "cholesky": (lambda x: linalg.cholesky(x @ x.T + np.eye(3)), (0,), ((3, 3),)),
    "lu": (linalg.lu, (1,), ((4, 3),)),
    "qr": (linalg.qr, (0,), ((4, 3),)),
    "qr with pivoting": (lambda x: linalg.qr(x, pivoting=True), (0,), ((2, 4, 3),)),
    "solve, both": (lambda a, b: solve(a + 4 * np.eye(3), b), (0, 0), ((3, 3), (3, 2))),
    "solve, matrices": (lambda a, b: solve(a + 4 * np.eye(3), b), (0, None), ((3, 3), (3, 2))),
    "solve, right sides": (lambda a, b: solve(a + 4 * np.eye(3), b), (None, 0), ((3, 3), (3, 2))),
    "solve, right sides on the right": (
        lambda a, b: solve(a + 4 * np.eye(3), b, left_side=False), (None, 2), ((2, 3, 3), (2, 2, 3))
    ),
    "tridiagonal, right sides": (
        lambda d, b: linalg.tridiagonal_solve(d, d + 4, d, b), (None, 0), ((4,), (4, 2))
    ),
    "ormqr, matrices": (lambda a, c: linalg.ormqr(a, a[0], c), (None, 0), ((4, 3), (4, 2))),
    "householder_product": (lambda a: linalg.householder_product(a, a[0]), (0,), ((4, 3),)),
    "cholesky_update": (linalg.cholesky_update, (None, 0), ((3, 3), (3,))),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHED)
def test_vmap_is_a_loop(name: str) -> None:
    f, axes, shapes = BATCHED[name]
    size, xs = 3, []
    for i, (axis, shape) in enumerate(zip(axes, shapes)):
        full = shape if axis is None else (*shape[:axis], size, *shape[axis:])
        xs.append(np.asarray(random(*full, seed=i).astype("f4")))
    rows = [
        f(*[x if axis is None else lax.index_in_dim(x, i, axis, keepdims=False) for x, axis in zip(xs, axes)])
        for i in range(size)
    ]
    got = axil.vmap(f, in_axes=axes)(*xs)
    same(got, axil.tree_map(lambda *leaves: onp.stack([onp.asarray(v) for v in leaves]), *rows), 1e-4, 1e-5)


# ---- compiled --------------------------------------------------------------------------------------------


def test_compiled_is_as_eager_and_leaves_its_inputs_alone() -> None:
    def program(x: Any, b: Any, stack: Any) -> Any:
        packed, pivots, order = linalg.lu(x)
        y = solve(packed, b[order], unit_diagonal=True)
        y = solve(packed, y, lower=False)
        factor = linalg.cholesky(shifted(x))
        return (
            y, linalg.lu_pivots_to_permutation(pivots, x.shape[0]), factor, linalg.qr(x[:, :4], full_matrices=False),
            linalg.qr(stack, pivoting=True), linalg.cholesky_update(factor.T, b[:, 0]),
            linalg.tridiagonal_solve(b[:, 0], b[:, 1] + 9, b[:, 0], b),
        )  # fmt: skip

    x, b, stack = (np.asarray(v.astype("f4")) for v in (random(18, 18), random(18, 2), random(2, 3, 4)))
    before = [onp.array(v) for v in (x, b, stack)]
    got, wanted = axil.jit(program)(x, b, stack), program(x, b, stack)
    same(got, wanted, 1e-3, 1e-4)
    same(x @ got[0], b, 1e-3, 1e-4)
    for v, copy in zip((x, b, stack), before):
        onp.testing.assert_array_equal(onp.asarray(v), copy)


def test_gradients_compile() -> None:
    def loss(a: Any, b: Any) -> Any:
        packed, _, order = linalg.lu(a)
        y = solve(packed, b[order], unit_diagonal=True)
        q, r = linalg.qr(a)
        return np.sum(solve(packed, y, lower=False)) + np.sum(q * r) + np.sum(linalg.cholesky(shifted(a)))

    a, b = (np.asarray(v.astype("f4")) for v in (random(5, 5) + 3 * onp.eye(5), random(5, 2)))
    gradient = axil.grad(loss, argnums=(0, 1))
    same(axil.jit(gradient)(a, b), gradient(a, b), 1e-3, 1e-4)


def test_donated_operands() -> None:
    x = np.asarray((random(6, 6) @ random(6, 6).T).astype("f4") + 9 * onp.eye(6, dtype="f4"))
    wanted = onp.linalg.cholesky(onp.asarray(x))
    same(axil.jit(linalg.cholesky, donate_argnums=0)(x), wanted, 1e-4, 1e-5)


def test_singular_systems_give_no_exceptions() -> None:
    zero = np.zeros((2, 2))
    packed, pivots, order = linalg.lu(zero)
    same((packed, pivots, order), (zero, [0, 1], [0, 1]))
    x = axil.jit(lambda a, b: solve(a, b, lower=False))(zero, np.ones((2, 1)))
    assert onp.isinf(x[1, 0]) and onp.isnan(x[0, 0])
    assert onp.isnan(linalg.cholesky(-np.eye(3))[onp.tril_indices(3)]).all()


# ---- errors ----------------------------------------------------------------------------------------------


def test_errors_name_shapes_and_lines() -> None:
    square, vector = np.ones((2, 2)), np.ones(2)
    with error_here(ValueError, "square", "f32[2,3]"):
        linalg.cholesky(np.ones((2, 3)))
    with error_here(TypeError, "f16", "convert"):
        linalg.lu(square.astype("float16"))
    with error_here(TypeError, "i32"):
        linalg.qr(square.astype(int))
    with error_here(ValueError, "matrices", "f32[2]"):
        linalg.lu(vector)
    with error_here(ValueError, "same dtypes"):
        linalg.triangular_solve(square, np.ones((2, 2), "float16"))
    with error_here(ValueError, "right hand side", "f32[3,2]"):
        linalg.triangular_solve(square, np.ones((3, 2)), left_side=True)
    with error_here(ValueError, "batch dimensions"):
        linalg.triangular_solve(square, np.ones((4, 2, 2)))
    with error_here(ValueError, "diagonals"):
        linalg.tridiagonal_solve(np.ones(3), vector, vector, square)
    with error_here(ValueError, "reflectors"):
        linalg.ormqr(np.ones((3, 2)), np.ones(3), np.ones((3, 1)))
    with error_here(ValueError, "rows as columns"):
        linalg.householder_product(np.ones((2, 3)), vector)
    with error_here(ValueError, "permutation"):
        linalg.lu_pivots_to_permutation(np.array([1, 1, 2]), 2)
    with error_here(TypeError, "list"):
        linalg.cholesky([[1.0]])
