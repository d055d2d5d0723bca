"""The small modules of `axil.scipy`: what their table in `test/api` cannot say."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest
import scipy.optimize
from scipy.spatial.transform import Rotation as Reference

import axil
import axil.numpy as np
from axil import grad, jit, lax, vmap
from axil.scipy import cluster, interpolate, ndimage
from axil.scipy.optimize import minimize
from axil.scipy.sparse.linalg import bicgstab, cg, gmres
from axil.scipy.spatial.transform import Rotation, Slerp

RNG = onp.random.default_rng(0)
A = (RNG.normal(size=(6, 6)) + 8 * onp.eye(6)).astype("f")
B = RNG.normal(size=6).astype("f")
LBFGS = "l-bfgs-experimental-do-not-rely-on-this"


def close(got: Any, wanted: Any, tolerance: float = 1e-4) -> None:
    onp.testing.assert_allclose(onp.asarray(got), onp.asarray(wanted), rtol=tolerance, atol=tolerance)


def test_submodules_are_found_on_first_use() -> None:
    assert "linalg" in dir(axil.scipy)
    assert axil.scipy.linalg.expm(np.zeros((1, 1))).shape == (1, 1)
    with pytest.raises(AttributeError, match="no attribute 'odr'"):
        _ = axil.scipy.odr


# ---- iterative solvers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [cg, bicgstab, gmres], ids=["cg", "bicgstab", "gmres"])
def test_solvers_and_their_gradients(solver: Any) -> None:
    make = (lambda a: a @ a.T + np.eye(6)) if solver is cg else (lambda a: a)
    f = lambda a, b: (solver(make(a), b, tol=1e-7)[0] ** 2).sum()
    exact = lambda a, b: (np.linalg.solve(make(a), b) ** 2).sum()
    for got, wanted in zip(grad(f, (0, 1))(A / 4, B), grad(exact, (0, 1))(A / 4, B)):
        close(got, wanted, 2e-3)


def test_solver_compiled_and_batched() -> None:
    rhs = onp.stack([B, 2 * B])
    close(jit(vmap(lambda b: cg(lambda x: 2 * x, b)[0]))(rhs), rhs / 2)
    close(jit(lambda a, b: bicgstab(a, b)[0])(A, B), onp.linalg.solve(A, B), 1e-3)


def test_preconditioner_and_limits() -> None:
    spd = A @ A.T
    inverse = onp.linalg.inv(spd)
    close(cg(spd, B, M=lambda x: np.asarray(inverse) @ x, maxiter=2)[0], inverse @ B, 1e-3)
    close(cg(spd, B, maxiter=0)[0], onp.zeros(6))


# ---- minimization --------------------------------------------------------------------------------------


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", ["BFGS", LBFGS])
def test_minimize_finds_the_bottom_of_the_valley(method: str) -> None:
    """JAX's line search gives up here: it takes an interval whose ends are exchanged for one of no length."""
    found = minimize(rosenbrock, np.array([-1.2, 1.0]), method=method)
    assert bool(found.success) and int(found.status) == 0
    close(found.x, [1.0, 1.0], 1e-3)
    assert int(found.nfev) < 100
    close(found.fun, rosenbrock(found.x))


def test_minimize_compiled_batched_and_as_scipy_does() -> None:
    f = lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2
    starts = onp.array([[1.0, 1.0], [-2.0, -3.0]], "f")
    wanted = [scipy.optimize.minimize(f, x.astype(float), method="BFGS").x for x in starts]
    close(jit(vmap(lambda x: minimize(f, x, method="BFGS").x))(starts), wanted, 1e-3)


def test_minimize_reports_limits() -> None:
    stopped = minimize(rosenbrock, np.zeros(2), method="BFGS", options={"maxiter": 2})
    assert not bool(stopped.success) and int(stopped.status) == 1 and int(stopped.nit) == 2
    coarse = minimize(rosenbrock, np.zeros(2), method="BFGS", tol=1.0)
    assert int(coarse.nit) < int(minimize(rosenbrock, np.zeros(2), method="BFGS").nit)


def test_derivative_of_a_minimum_by_custom_root() -> None:
    def argmin(a: Any) -> Any:
        slope = grad(lambda x: (x - a) ** 2 + x**4 / 4)
        solve = lambda f, x: minimize(lambda v: (v[0] - a) ** 2 + v[0] ** 4 / 4, np.stack([x]), method="BFGS").x[0]
        return lax.custom_root(slope, 0.0, solve, lambda g, y: y / g(1.0))

    x = argmin(3.0)
    close(2 * (x - 3.0) + x**3, 0.0, 1e-3)
    close(grad(argmin)(3.0), 2 / (2 + 3 * x**2), 1e-3)


# ---- interpolation, quantization -----------------------------------------------------------------------


def test_interpolator_is_a_tree_and_differentiable() -> None:
    grid = (np.arange(3.0), np.arange(4.0))
    values = np.asarray(RNG.normal(size=(3, 4)).astype("f"))
    f = interpolate.RegularGridInterpolator(grid, values)
    x = np.array([[0.5, 1.25]])
    close(jit(lambda f, x: f(x))(f, x), f(x))
    of_x = grad(lambda x: f(x).sum())(x)
    close(of_x[0, 0], 0.75 * (values[1, 1] - values[0, 1]) + 0.25 * (values[1, 2] - values[0, 2]))
    weights = grad(lambda v: interpolate.RegularGridInterpolator(grid, v)(x).sum())(values)
    close(weights.sum(), 1.0)


def test_map_coordinates_between_elements() -> None:
    image = np.arange(12.0).reshape(3, 4)
    f = lambda y, x: ndimage.map_coordinates(image, [y, x], order=1, mode="nearest")
    close(f(np.array(0.5), np.array(1.5)), 3.5)
    close(grad(f)(np.array(0.5), np.array(1.5)), 4.0)
    with pytest.raises(NotImplementedError, match="order 3"):
        ndimage.map_coordinates(image, [np.zeros(1), np.zeros(1)], 3)


def test_vq_is_batched() -> None:
    observations, book = RNG.normal(size=(2, 5, 3)).astype("f"), RNG.normal(size=(4, 3)).astype("f")
    code, distance = vmap(lambda x: cluster.vq.vq(x, book))(observations)
    all_distances = onp.linalg.norm(observations[:, :, None] - book, axis=-1)
    onp.testing.assert_array_equal(onp.asarray(code), all_distances.argmin(-1))
    close(distance, all_distances.min(-1))


# ---- rotations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", ["xyz", "ZXY", "zyz", "XZX"])
def test_euler_angles_are_scipys(seq: str) -> None:
    quat = RNG.normal(size=(5, 4)).astype("f")
    ours, theirs = Rotation.from_quat(quat), Reference.from_quat(quat)
    close(ours.as_euler(seq), theirs.as_euler(seq), 1e-3)
    angles = RNG.normal(size=(5, 3)).astype("f")
    close(Rotation.from_euler(seq, angles).as_matrix(), Reference.from_euler(seq, angles).as_matrix())
    close(ours.apply(angles), theirs.apply(angles), 1e-3)


def test_rotations_are_trees() -> None:
    turn = Rotation.from_euler("z", 90, degrees=True)
    close(jit(lambda r, v: r.apply(v))(turn, np.array([1.0, 0.0, 0.0])), [0.0, 1.0, 0.0])
    angle = lambda v: Rotation.from_rotvec(v).magnitude()
    close(grad(angle)(np.array([0.3, 0.0, 0.4])), [0.6, 0.0, 0.8])
    many = vmap(lambda v: Rotation.from_rotvec(v).as_matrix())(np.eye(3))
    assert many.shape == (3, 3, 3)
    assert len(Rotation.identity(3)) == 3
    with pytest.raises(TypeError, match="len"):
        len(turn)


def test_random_rotations_and_their_mean() -> None:
    many = Rotation.random(axil.random.key(0), 7)
    close(np.linalg.norm(many.as_quat(), axis=-1), onp.ones(7))
    mean = many.mean()
    close(onp.abs(onp.asarray(mean.as_quat()) @ Reference.from_quat(onp.asarray(many.quat)).mean().as_quat()), 1.0)


def test_slerp_is_halfway_at_half_time() -> None:
    vectors = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    ends = Rotation.concatenate([Rotation.from_rotvec(v[None]) for v in vectors])
    f = Slerp.init(np.array([0.0, 2.0]), ends)
    close(f(1.0).as_rotvec(), [0.0, 0.0, 0.5])
    close(f(np.array([0.0, 2.0])).as_rotvec(), [[0, 0, 0], [0, 0, 1.0]])
