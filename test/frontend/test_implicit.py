"""`lax.custom_linear_solve` and `lax.custom_root`: derivatives from the equation, through any solver."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import grad, hessian, jit, jvp, lax, linearize, vmap

A = onp.array([[4.0, 1.0, 0.0], [0.5, 5.0, 1.0], [0.0, -1.0, 3.0]], "f")
B = onp.array([1.0, -2.0, 3.0], "f")
X, L = onp.linalg.solve(A, B), onp.linalg.solve(A.T, onp.ones(3))


def richardson(matvec: Any, b: Any) -> Any:
    """A solver with a loop of unknown length, through which there is no reverse mode."""
    step = lambda s: (s[0] + 1, s[1] + 0.2 * (b - matvec(s[1])))
    return lax.while_loop(lambda s: s[0] < 200, step, (0, np.zeros_like(b)))[1]


def solve(a: Any, b: Any) -> Any:
    return lax.custom_linear_solve(lambda x: a @ x, b, richardson, transpose_solve=richardson)


def close(got: Any, wanted: Any, tolerance: float = 1e-4) -> None:
    onp.testing.assert_allclose(onp.asarray(got), onp.asarray(wanted), rtol=tolerance, atol=tolerance)


def test_solution_and_gradients_of_what_matvec_closes_over() -> None:
    close(solve(A, B), X)
    of_a, of_b = grad(lambda a, b: solve(a, b).sum(), (0, 1))(A, B)
    close(of_b, L)
    close(of_a, -onp.outer(L, X))


def test_forward_mode_is_that_of_the_inverse() -> None:
    db, da = onp.ones(3, "f"), onp.eye(3, dtype="f")
    _, dx = jvp(solve, (A, B), (da, db))
    close(dx, onp.linalg.solve(A, db - da @ X))
    _, f = linearize(lambda b: solve(A, b), B)
    close(f(db), onp.linalg.solve(A, db))


def test_second_derivatives() -> None:
    inverse = onp.linalg.inv(A)
    close(hessian(lambda b: (solve(A, b) ** 2).sum())(B), 2 * inverse.T @ inverse)
    f = lambda t: (solve(A + t * np.eye(3), np.asarray(B)) ** 2).sum()
    second = axil.jacfwd(grad(f))(0.5)
    at = lambda t: float((onp.linalg.solve(A.astype(float) + t * onp.eye(3), B) ** 2).sum())
    close(second, (at(0.51) - 2 * at(0.5) + at(0.49)) / 1e-4, 1e-3)


def test_compiled_and_batched() -> None:
    rhs = onp.stack([B, 2 * B, B + 1])
    wanted = onp.linalg.solve(A, rhs.T).T
    both = jit(lambda a, b: (vmap(solve, (None, 0))(a, b), vmap(grad(lambda b: solve(a, b).sum()))(b)))
    x, g = both(A, rhs)
    close(x, wanted)
    close(g, onp.broadcast_to(L, (3, 3)))
    many = onp.stack([A, A + onp.eye(3, dtype="f")])
    close(vmap(solve, (0, None))(many, B), [onp.linalg.solve(m, B) for m in many])


def test_trees_and_auxiliary_results() -> None:
    def solver(matvec: Any, b: Any) -> Any:
        return {"u": b["u"] / 2, "v": b["v"] / 4}, {"steps": 1, "size": b["u"].sum()}

    def f(b: Any) -> Any:
        matvec = lambda x: {"u": 2 * x["u"], "v": 4 * x["v"]}
        return lax.custom_linear_solve(matvec, b, solver, symmetric=True, has_aux=True)

    b = {"u": np.ones(2), "v": np.asarray(8.0)}
    x, aux = f(b)
    close(x["v"], 2.0)
    assert int(aux["steps"]) == 1
    g = grad(lambda b: f(b)[0]["u"].sum() + f(b)[0]["v"] + f(b)[1]["size"])(b)
    close(g["u"], [0.5, 0.5])  # the auxiliary result adds nothing
    close(g["v"], 0.25)


def test_transposed_function_is_given_to_the_transposed_solver() -> None:
    seen = []

    def transposed(vecmat: Any, b: Any) -> Any:
        seen.append(vecmat)
        return b - (vecmat(b) - b) / 4  # whatever: only what vecmat computes is looked at

    f = lambda b: lax.custom_linear_solve(lambda x: np.asarray(A) @ x, b, lambda _, b: b, transpose_solve=transposed)
    close(grad(lambda b: f(b).sum())(B), onp.ones(3) - (A.T @ onp.ones(3) - 1) / 4)
    assert len(seen) == 1


def test_without_a_transposed_solver_there_is_forward_mode_only() -> None:
    f = lambda b: lax.custom_linear_solve(lambda x: 2 * x, b, lambda _, b: b / 2)
    close(jvp(f, (B,), (B,))[1], B / 2)
    with pytest.raises(TypeError, match="transpose_solve"):
        grad(lambda b: f(b).sum())(B)


def test_wrong_functions_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes and dtypes of b"):
        lax.custom_linear_solve(lambda x: x, B, lambda _, b: b[:2])
    with pytest.raises(TypeError, match="structure of b"):
        lax.custom_linear_solve(lambda x: x, B, lambda _, b: (b, b))
    with pytest.raises(ValueError, match="matvec must give"):
        jit(lambda b: lax.custom_linear_solve(lambda x: x[:2], b, lambda _, b: b))(B)
    with pytest.raises(TypeError, match="pair"):
        lax.custom_linear_solve(lambda x: x, B, lambda _, b: b, has_aux=True)
    with pytest.raises(TypeError, match="expects a function"):
        lax.custom_linear_solve(A, B, richardson)  # type: ignore[arg-type]


# ---- roots ---------------------------------------------------------------------------------------------


def newton(f: Any, x: Any) -> Any:
    step = lambda x: x - f(x) / jvp(f, (x,), (np.ones_like(x),))[1]
    return lax.while_loop(lambda x: np.abs(f(x)) > 1e-5, step, x)


def root(a: Any) -> Any:
    return lax.custom_root(lambda x: x**2 - a, 1.0, newton, lambda g, y: y / g(1.0))


def test_root_in_both_modes_twice_and_compiled() -> None:
    close(root(2.0), 2**0.5)
    close(grad(root)(2.0), 0.5 / 2**0.5)
    close(jvp(root, (2.0,), (3.0,))[1], 1.5 / 2**0.5)
    close(grad(grad(root))(2.0), -0.25 * 2**-1.5)
    close(jit(vmap(grad(root)))(np.array([1.0, 4.0, 9.0])), [1 / 2, 1 / 4, 1 / 6])


def test_root_of_a_system() -> None:
    def f(a: Any) -> Any:
        equations = lambda x: {"p": x["p"] * x["q"] - a, "q": x["p"] - x["q"]}
        both = lambda f, x: ({"p": np.sqrt(a), "q": np.sqrt(a)}, 7)

        def tangent(g: Any, y: Any) -> Any:
            columns = [g({"p": p, "q": q}) for p, q in ((1.0, 0.0), (0.0, 1.0))]
            matrix = np.stack([np.stack([c["p"], c["q"]]) for c in columns], axis=1)
            x = np.linalg.solve(matrix, np.stack([y["p"], y["q"]]))
            return {"p": x[0], "q": x[1]}

        return lax.custom_root(equations, {"p": 1.0, "q": 1.0}, both, tangent, has_aux=True)

    x, aux = f(4.0)
    assert int(aux) == 7
    close(x["q"], 2.0)
    close(grad(lambda a: f(a)[0]["p"] + 2 * f(a)[0]["q"])(4.0), 0.75)


def test_first_guess_and_solver_have_no_derivative() -> None:
    f = lambda g: lax.custom_root(lambda x: x - 3.0, g, lambda f, x: x * 0 + 3.0, lambda g, y: y)
    close(grad(f)(1.0), 0.0)
    with pytest.raises(ValueError, match="initial_guess"):
        lax.custom_root(lambda x: x, B, lambda f, x: x[:1], lambda g, y: y)
