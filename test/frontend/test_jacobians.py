"""`jacfwd jacrev hessian`: values, trees, auxiliary results, and errors."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest
from checks import error_here, numeric_jacobian, same

import axil
import axil.numpy as np
from axil import grad, hessian, jacfwd, jacrev, jit, lax, vmap

BOTH = pytest.mark.parametrize("jac", [jacfwd, jacrev])


@BOTH
def test_jacobian_of_the_guide(jac: Any) -> None:
    f = lambda x: np.array([x[0] ** 2, x[1] ** 3, x[0] * x[1]])
    same(jac(f)(np.array([2.0, 3.0])), [[4, 0], [0, 27], [3, 2]])


def test_hessian_of_the_guide() -> None:
    f = lambda x: x[0] ** 3 + x[1] ** 2 + x[0] * x[1]
    same(hessian(f)(np.array([2.0, 3.0])), [[12, 1], [1, 2]])


@BOTH
def test_shapes_are_the_output_s_then_the_input_s(jac: Any) -> None:
    f = lambda x: np.sin(x)[:, None] * x.sum() + np.arange(2.0)
    x = onp.linspace(-1, 1, 6).reshape(2, 3)
    with axil.enable_x64():
        g = lambda x: np.stack([f(x[0]), f(x[1])])
        same(jac(g)(x), numeric_jacobian(g, x), 1e-6)


@BOTH
def test_trees_and_argnums(jac: Any) -> None:
    f = lambda a, p: {"u": a["k"] * p[0], "v": p[1].sum() * a["k"]}
    a, p = {"k": np.array([1.0, 2.0])}, (3.0, np.ones(3))
    got = jac(f, argnums=(0, 1))(a, p)
    same(got["u"], ({"k": 3 * onp.eye(2)}, ([1, 2], onp.zeros((2, 3)))))
    same(got["v"], ({"k": 3 * onp.eye(2)}, ([0, 0], [[1, 1, 1], [2, 2, 2]])))
    same(jac(f, argnums=-1)(a, p)["u"], ([1, 2], onp.zeros((2, 3))))


@BOTH
def test_has_aux_and_keywords(jac: Any) -> None:
    f = lambda x, scale: (x * scale, {"x": x, "n": None})
    got, aux = jac(f, has_aux=True)(np.ones(2), scale=2.0)
    same((got, aux), (2 * onp.eye(2), {"x": [1, 1], "n": None}))


@BOTH
def test_scalars_and_empty_arrays(jac: Any) -> None:
    same(jac(lambda x: x * x)(3.0), 6.0)
    assert jac(lambda x: np.concatenate([x, x]))(np.zeros((0,))).shape == (0, 0)


def test_hessian_of_trees_has_aux() -> None:
    f = lambda p: ((p["a"] ** 2 * p["b"]).sum(), p["a"])
    got, aux = hessian(f, has_aux=True)({"a": np.array([1.0, 2.0]), "b": 3.0})
    same(got["a"], {"a": 6 * onp.eye(2), "b": [2, 4]})
    same(got["b"], {"a": [2, 4], "b": 0.0})
    same(aux, [1, 2])


def test_under_one_another_and_other_transformations() -> None:
    f = lambda x: np.tanh(x) * x.sum()
    x = np.array([0.1, 0.2])
    want = jacrev(jacfwd(f))(x)
    same(jacfwd(jacrev(f))(x), want)
    same(vmap(jacrev(f))(np.stack([x, x]))[1], jacfwd(f)(x))
    same(grad(lambda x: (jacfwd(f)(x) ** 2).sum())(x), jacrev(lambda x: (jacrev(f)(x) ** 2).sum())(x))
    same(jit(hessian(lambda x: f(x).sum()))(x), want.sum(0))


def test_forward_mode_goes_through_while() -> None:
    f = lambda x: lax.while_loop(lambda v: v.sum() < 50, lambda v: v * v, x)
    same(jacfwd(f)(np.array([2.0, 3.0])), [[32, 0], [0, 108]])


@BOTH
def test_integers_are_refused(jac: Any) -> None:
    with error_here(TypeError, "real", "i32[3]"):
        jac(lambda x: x * 2)(np.arange(3))
    with error_here(TypeError, "output", "i32[3]"):
        jac(lambda x: np.asarray(x, np.int32))(np.ones(3))
    with error_here(ValueError, "argument 2", "1 positional argument"):
        jac(lambda x: x, argnums=2)(1.0)
