"""`axil.numpy.linalg`: what its table in `test/api` cannot say: singular matrices, second derivatives, batches."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as onp
import pytest

import axil.numpy as np
from axil import grad, hessian, jacfwd, jacrev, jit, vmap

RNG = onp.random.default_rng(0)
A = RNG.normal(size=(4, 4)).astype("f")
BATCH = RNG.normal(size=(3, 4, 4)).astype("f")


def close(got: Any, wanted: Any, tolerance: float = 1e-4) -> None:
    onp.testing.assert_allclose(onp.asarray(got), onp.asarray(wanted), rtol=tolerance, atol=tolerance)


def cofactors(a: onp.ndarray) -> onp.ndarray:
    n = len(a)
    minor = lambda i, j: onp.delete(onp.delete(a.astype(float), i, 0), j, 1)
    rows = [[(-1) ** (i + j) * onp.linalg.det(minor(i, j)) for j in range(n)] for i in range(n)]
    return onp.array(rows)


@pytest.mark.parametrize("columns", [{}, {0: 0.0}, {3: 0.0}, {1: 2}, {0: 0.0, 1: 0.0}, {2: 1, 3: 1}])
def test_gradient_of_det_is_the_matrix_of_cofactors(columns: dict[int, Any]) -> None:
    """Also of singular matrices, whichever pivot is zero, and of rank two less."""
    a = A.copy()
    for i, what in columns.items():
        a[:, i] = a[:, what] if isinstance(what, int) else what
    close(grad(np.linalg.det)(a), cofactors(a))
    close(jacfwd(np.linalg.det)(a), cofactors(a))


def test_second_derivatives_of_det() -> None:
    a = onp.diag(onp.arange(1.0, 5.0)).astype("f")
    h = onp.asarray(hessian(np.linalg.det)(a))
    for i, j in itertools.permutations(range(4), 2):
        others = onp.prod([k + 1.0 for k in range(4) if k not in (i, j)])
        close(h[i, i, j, j], others)
        close(h[i, j, j, i], -others)


def test_slogdet_where_the_determinant_overflows() -> None:
    a = np.diag(np.full(5, 1e20))
    sign, logarithm = np.linalg.slogdet(a)
    close(sign, 1.0)
    close(logarithm, 5 * onp.log(1e20))
    close(grad(lambda a: np.linalg.slogdet(a)[1])(A), onp.linalg.inv(A).T, 1e-3)


def test_least_squares_with_equal_singular_values() -> None:
    """The rule of the decomposition would divide by zero; that of the pseudo-inverse does not."""
    a, b = onp.eye(3, 2, dtype="f"), onp.array([1.0, 2.0, 3.0], "f")
    f = lambda a: (np.linalg.lstsq(a, b)[0] ** 2).sum()
    got = onp.asarray(grad(f)(a))
    for i, j in itertools.product(range(3), range(2)):
        e = onp.zeros((3, 2))
        e[i, j] = 1e-5
        at = lambda a: (onp.linalg.lstsq(a, b, rcond=None)[0] ** 2).sum()
        close(got[i, j], (at(a + e) - at(a - e)) / 2e-5, 1e-3)
    close(jacfwd(f)(a), got)
    rank = np.linalg.lstsq(np.ones((3, 2)), b)[2]
    assert int(rank) == 1


def test_pinv_of_rank_deficient_matrices() -> None:
    a = onp.outer([1.0, 2.0, 3.0], [1.0, -1.0]).astype("f")
    close(np.linalg.pinv(a), onp.linalg.pinv(a))
    along = onp.outer([1.0, 0.0, 0.0], [1.0, -1.0]).astype("f")  # keeps the rank
    step = (onp.linalg.pinv(a + 1e-3 * along, rcond=1e-4) - onp.linalg.pinv(a - 1e-3 * along, rcond=1e-4)) / 2e-3
    from axil import jvp

    close(jvp(np.linalg.pinv, (a,), (along,))[1], step, 1e-3)


def test_solve_of_batches_broadcasts() -> None:
    b = RNG.normal(size=(4, 2)).astype("f")
    close(np.linalg.solve(BATCH, b), onp.linalg.solve(BATCH, onp.broadcast_to(b, (3, 4, 2))), 1e-3)
    close(vmap(np.linalg.solve, (0, None))(BATCH, b), onp.linalg.solve(BATCH, onp.broadcast_to(b, (3, 4, 2))), 1e-3)
    with pytest.raises(ValueError, match="for a batch of vectors"):
        np.linalg.solve(BATCH, RNG.normal(size=(3, 4)).astype("f"))
    with pytest.raises(ValueError, match="two dimensional"):
        np.linalg.solve(A[0], A[0])


def test_singular_matrices_give_infinities_not_exceptions() -> None:
    assert not onp.isfinite(onp.asarray(np.linalg.inv(onp.zeros((2, 2), "f")))).any()
    assert float(np.linalg.slogdet(onp.zeros((3, 3), "f"))[1]) == -onp.inf


def test_both_modes_agree_and_compile() -> None:
    def f(a: Any) -> Any:
        return np.linalg.inv(a).sum() + np.linalg.det(a) + np.linalg.slogdet(a)[1] + np.linalg.norm(a, "nuc")

    wanted = jacrev(f)(A)
    close(jacfwd(f)(A), wanted, 1e-3)
    close(jit(grad(f))(A), wanted, 1e-3)


def test_gradients_of_complex_matrices() -> None:
    d = RNG.normal(size=(4, 4)).astype("f")
    f = lambda xp, x: xp.abs(xp.linalg.det(x + 1j * d)) + xp.abs(xp.linalg.solve(x + 1j * d, xp.ones(4))).sum()
    got = onp.asarray(grad(lambda x: f(np, x))(A))
    for i, j in ((0, 0), (1, 2), (3, 1)):
        e = onp.zeros((4, 4))
        e[i, j] = 1e-5
        close(got[i, j], (f(onp, A + e) - f(onp, A - e)) / 2e-5, 2e-3)


def test_compiled_complex_products_between_other_operations() -> None:
    """IREE's data tiling crashes where such products are fused with what is around them, unless they are real ones."""
    f = lambda a: np.where(np.eye(4) > 0, a @ a - a, a) @ a.conj().T
    a = (A + 1j * BATCH[0]).astype("complex64")
    close(jit(f)(a), f(a))
