"""`grad value_and_grad jvp vjp linearize`: eager, under one another, and of all kinds of arguments."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import numpy as onp
import pytest
from checks import numeric_jacobian, same, slope

import axil
import axil.numpy as np
from axil import grad, jit, jvp, lax, linearize, value_and_grad, vjp, vmap
from axil.tree_util import register_pytree_node_class


def cubic(x: Any) -> Any:
    return x**3 + 2 * x**2 - 5 * x + 3


# ---- grad ----------------------------------------------------------------------------------------------


def test_grad_of_the_guide() -> None:
    assert float(grad(cubic)(2.0)) == 15.0
    assert [float(v) for v in value_and_grad(cubic)(2.0)] == [9.0, 15.0]


def test_derivatives_to_fourth_order() -> None:
    f: Any = cubic
    for expected in (15.0, 16.0, 6.0, 0.0):
        f = grad(f)
        assert float(f(2.0)) == expected


def test_gradients_have_the_arguments_dtype_and_weak_type() -> None:
    assert grad(lambda x: x * x)(2.0).weak_type
    x = np.ones(3, np.float16)
    g = grad(lambda x: (x * x).sum())(x)
    assert g.dtype == np.float16 and not g.weak_type


def loss(a: Any, b: Any, c: Any = 3.0) -> Any:
    return a**2 * b + c * b


def test_argnums() -> None:
    same(grad(loss, 1)(2.0, 5.0), 7.0)
    same(grad(loss, -1)(2.0, 5.0), 7.0)
    same(grad(loss, (0, 1))(2.0, 5.0), (20.0, 7.0))
    same(grad(loss, (1, 0))(2.0, 5.0), (7.0, 20.0))
    same(grad(loss, [0])(2.0, 5.0), (20.0,))
    same(grad(loss, argnums=onp.int64(1))(2.0, 5.0), 7.0)


def test_keywords_and_other_arguments_are_passed_through() -> None:
    def f(x: Any, mode: str, *, scale: Any, fn: Any = None) -> Any:
        assert mode == "square"
        return fn(x) * scale

    same(grad(f)(3.0, "square", scale=2, fn=lambda v: v * v), 12.0)


def test_has_aux() -> None:
    def f(x: Any) -> Any:
        return x**2, {"x": x, "n": 3, "none": None}

    g, aux = grad(f, has_aux=True)(3.0)
    same(g, 6.0)
    same(aux, {"x": 3.0, "n": 3, "none": None})
    (value, aux), g = value_and_grad(f, has_aux=True)(3.0)
    same((value, aux["x"], g), (9.0, 3.0, 6.0))


class Pair(NamedTuple):
    first: Any
    second: Any


@register_pytree_node_class
class Box:
    def __init__(self, value: Any, tag: str) -> None:
        self.value, self.tag = value, tag

    def tree_flatten(self) -> Any:
        return (self.value,), self.tag

    @classmethod
    def tree_unflatten(cls, tag: Any, children: Any) -> Box:
        return cls(*children, tag)


@dataclasses.dataclass
class Layer:
    w: Any
    name: str


axil.tree_util.register_dataclass(Layer, ["w"], ["name"])


def test_pytrees_of_all_kinds() -> None:
    params = {
        "a": [1.0, None], "b": Pair(np.ones(2), ()), "c": Box(np.full(3, 2.0), "t"), "d": Layer(np.ones(2), "n"),
    }  # fmt: skip

    def f(p: Any) -> Any:
        assert p["c"].tag == "t" and p["d"].name == "n" and p["a"][1] is None
        return p["a"][0] ** 2 + (p["b"].first ** 2).sum() + (p["c"].value ** 3).sum() + p["d"].w.sum()

    g = grad(f)(params)
    assert isinstance(g["b"], Pair) and g["c"].tag == "t" and g["d"].name == "n" and g["a"][1] is None
    same([g["a"][0], g["b"].first, g["c"].value, g["d"].w], [2.0, [2, 2], [12, 12, 12], [1, 1]])


def test_integers_have_float0_gradients_where_allowed() -> None:
    g = grad(lambda p: p["x"] * p["n"], allow_int=True)({"x": 2.0, "n": 3})
    same(g["x"], 3.0)
    assert g["n"].dtype == axil.dtypes.float0 and g["n"].shape == ()


def test_an_argument_that_is_not_used_has_a_zero_gradient() -> None:
    same(grad(lambda x, y: x * 2.0, (0, 1))(1.0, np.ones(3)), (2.0, onp.zeros(3)))
    same(grad(lambda x: 3.0)(1.0), 0.0)
    same(grad(lambda x: lax.stop_gradient(x) * x)(3.0), 3.0)


def test_closures_over_arrays_and_outer_values() -> None:
    big = np.arange(100.0)

    def outer(x: Any) -> Any:
        inner = grad(lambda y: (y * big[:3] * x).sum())(np.ones(3))
        return (inner * x).sum()

    same(grad(outer)(2.0), 12.0)  # d/dx 3 x^2


def test_python_control_flow_under_eager_grad() -> None:
    def f(x: Any) -> Any:
        total = x * 0
        while total < 10:
            total = total + x * x
        if total > 11:
            return total * 2
        return [total, total * 3][int(total) % 2]

    same(grad(f)(2.0), 24.0)  # three rounds of x^2: 12, doubled
    same(grad(grad(f))(2.0), 12.0)
    same(jvp(f, (2.0,), (1.0,)), (24.0, 24.0))


def test_concrete_values_under_eager_grad() -> None:
    def f(x: Any) -> Any:
        assert float(x[0]) == 1.0 and x.tolist() == [1.0, 2.0] and onp.asarray(x).shape == (2,)
        assert f"{x[1]:.1f}" == "2.0"
        return (x * onp.asarray(x)).sum()

    same(grad(f)(np.array([1.0, 2.0])), [1.0, 2.0])


def test_functions_with_no_name_and_partial_functions() -> None:
    same(grad(partial(loss, c=1.0))(2.0, 5.0), 20.0)

    class Model:
        def __call__(self, x: Any) -> Any:
            return x * x

        def method(self, x: Any) -> Any:
            return x * 4

    same([grad(Model())(3.0), grad(Model().method)(3.0)], [6.0, 4.0])


def test_grad_of_compositions() -> None:
    x = np.array([0.3, -0.2, 0.9])
    f = lambda x: np.sum(np.tanh(x) * np.sin(x @ x) + np.exp(-(x**2)))
    with axil.enable_x64():
        same(grad(f)(onp.asarray(x, float)), numeric_jacobian(f, onp.asarray(x, float)), 1e-6)


def test_grad_of_vmap_and_vmap_of_grad() -> None:
    f = lambda x: np.sin(x) * x
    xs = np.linspace(0.0, 2.0, 5)
    wanted = onp.cos(xs) * xs + onp.sin(xs)
    same(vmap(grad(f))(xs), wanted)
    same(grad(lambda xs: vmap(f)(xs).sum())(xs), wanted)
    same(vmap(grad(grad(grad(f))))(xs), -onp.cos(xs) * xs - 3 * onp.sin(xs), 1e-4)


def test_grad_of_jit_and_jit_of_grad() -> None:
    f = jit(lambda x: (np.sin(x) * x).sum())
    x = np.linspace(0.0, 2.0, 5)
    wanted = onp.cos(x) * x + onp.sin(x)
    same(grad(f)(x), wanted)
    same(jit(grad(f))(x), wanted)


def test_inner_control_flow_has_gradients() -> None:
    def f(x: Any) -> Any:
        s, _ = lax.scan(lambda c, a: (c * x + a, c), 1.0, np.arange(3.0))
        s = lax.cond(s > 0, lambda v: v * x, lambda v: -v, s)
        s = lax.fori_loop(0, 2, lambda i, v: v * x, s)
        s = s + lax.map(lambda a: a * x, np.arange(3.0)).sum()
        return lax.switch(1, [lambda v: v, lambda v: v * v], s)

    with axil.enable_x64():
        same(grad(f)(1.3), slope(f, 1.3), 1e-6)
        same(grad(grad(f))(1.3), slope(grad(f), 1.3), 1e-6)


# ---- jvp -----------------------------------------------------------------------------------------------


def test_jvp_gives_the_value_and_its_tangent() -> None:
    same(jvp(loss, (2.0, 5.0), (1.0, 0.0)), (35.0, 20.0))
    got = jvp(lambda d: {"y": d["a"] * 2, "n": None}, ({"a": 1.5},), ({"a": 1.0},))
    same(got, ({"y": 3.0, "n": None}, {"y": 2.0, "n": None}))


def test_jvp_has_aux() -> None:
    same(jvp(lambda x: (x * x, {"aux": x}), (3.0,), (1.0,), has_aux=True), (9.0, 6.0, {"aux": 3.0}))


def test_jvp_of_integers_has_float0_tangents() -> None:
    out, tangent = jvp(lambda x: (x * 2, np.asarray(x, np.int32)), (1.5,), (1.0,))
    same(tangent[0], 2.0)
    assert tangent[1].dtype == axil.dtypes.float0
    zero = onp.zeros((), axil.dtypes.float0)
    same(jvp(lambda x, n: x * n, (2.0, 3), (1.0, zero)), (6.0, 3.0))


def test_jvp_through_while() -> None:
    f = lambda x: lax.while_loop(lambda v: v < 100, lambda v: v * x, x)
    same(jvp(f, (3.0,), (1.0,)), (243.0, 405.0))  # x^5


# ---- vjp -----------------------------------------------------------------------------------------------


def test_the_pullback_can_be_called_again_and_again() -> None:
    y, pullback = vjp(lambda a, b: a * b, 2.0, 3.0)
    same(y, 6.0)
    same([pullback(1.0), pullback(10.0), pullback(y)], [(3.0, 2.0), (30.0, 20.0), (18.0, 12.0)])


def test_vjp_has_aux_and_trees() -> None:
    f = lambda p: ({"y": p["a"] ** 2, "z": p["b"]}, {"aux": p["a"]})
    out, pullback, aux = vjp(f, {"a": 3.0, "b": np.ones(2)}, has_aux=True)
    same((out["y"], aux), (9.0, {"aux": 3.0}))
    same(pullback({"y": 1.0, "z": np.ones(2)}), ({"a": 6.0, "b": [1, 1]},))


def test_the_pullback_under_other_transformations() -> None:
    x = np.array([1.0, 2.0, 3.0])
    _, pullback = vjp(np.sin, x)
    rows = onp.diag(onp.cos(x))
    same(vmap(pullback)(np.eye(3)), (rows,))
    same(jit(pullback)(np.ones(3)), (onp.cos(x),))
    same(grad(lambda ct: (pullback(ct)[0] ** 2).sum())(np.ones(3)), 2 * onp.cos(x) ** 2)


def test_vjp_within_another_derivative() -> None:
    def f(x: Any) -> Any:
        y, pullback = vjp(lambda v: v**3, x)
        return pullback(y)[0]  # 3 x^2 * x^3

    same(grad(f)(1.5), 15 * 1.5**4)
    same(vmap(f)(np.array([1.0, 2.0])), [3.0, 96.0])
    same(jit(grad(f))(1.5), 15 * 1.5**4)


def test_vjp_of_integers_has_float0_cotangents() -> None:
    _, pullback = vjp(lambda x, n: x * n, 2.0, 3)
    a, b = pullback(1.0)
    same(a, 3.0)
    assert b.dtype == axil.dtypes.float0


def test_a_pullback_that_was_made_in_a_trace_dies_with_it() -> None:
    kept = []
    grad(lambda x: kept.append(vjp(np.sin, x)[1]) or x)(1.0)
    with pytest.raises(axil.errors.UnexpectedTracerError):
        kept[0](1.0)
    same(grad(np.sin)(0.0), 1.0)


# ---- linearize -----------------------------------------------------------------------------------------


def test_linearize_runs_the_function_once() -> None:
    runs = []
    y, push = linearize(lambda x, n: runs.append(1) or (np.sin(x) * n, x.sum()), np.ones(2), 2.0)
    same(y, (2 * onp.sin(onp.ones(2)), 2.0))
    same(push(np.ones(2), 0.0), (2 * onp.cos(onp.ones(2)), 2.0))
    same(push(np.zeros(2), 1.0), (onp.sin(onp.ones(2)), 0.0))
    assert len(runs) == 1


def test_linearize_under_other_transformations() -> None:
    _, push = linearize(np.sin, 1.0)
    same(vmap(push)(np.arange(3.0)), onp.cos(1) * onp.arange(3))
    same(grad(push)(2.0), onp.cos(1))
    same(jit(lambda t: linearize(np.sin, t)[1](2.0))(1.0), 2 * onp.cos(1))


# ---- no confusion of perturbations ---------------------------------------------------------------------


def test_perturbations_are_not_confused() -> None:
    same(grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0), 1.0)
    same(grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0), 6.0)
    same(jvp(lambda x: x * jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1], 1.0)
    push = lambda f, x: jvp(f, (x,), (1.0,))[1]
    same(push(lambda x: x * push(lambda y: x * push(lambda z: x * y * z, 1.0), 1.0), 2.0), 12.0)
    same(grad(lambda x: push(lambda y: grad(lambda z: x * y * z * z)(y), x))(3.0), 24.0)


def test_gradients_agree_with_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is a test-only oracle")

    def f(lib: Any, x: Any) -> Any:
        y = lib.sort(lib.concatenate([x, x[::-1] * 2]))
        return lib.sum(lib.where(y > 0, lib.log1p(y), y**2) / (1 + lib.max(y)))

    x = onp.array([0.5, -1.0, 2.0], "f4")
    same(grad(partial(f, np))(x), jax.grad(partial(f, jax.numpy))(x))


def test_nesting_of_modes_to_fourth_order() -> None:
    f = lambda x: np.sin(x) * np.exp(x)
    push = lambda f: lambda x: jvp(f, (x,), (np.ones_like(x),))[1]
    with axil.enable_x64():
        wanted = -4 * onp.sin(0.4) * onp.exp(0.4)  # the fourth derivative of exp sin is -4 times itself
        for chain in ((push, grad, push, grad), (grad, push, grad, push), (push, push, grad, grad), (grad,) * 4):
            g: Any = f
            for transformation in chain:
                g = transformation(g)
            same([g(0.4), jit(g)(0.4), vmap(g)(np.full(2, 0.4))[1]], [wanted] * 3, 1e-9)


def test_mixed_hessians_agree() -> None:
    f = lambda x, y: np.sum(np.tanh(x * y) @ x) + np.prod(np.sin(y))
    x, y = np.array([0.3, -0.5, 0.8]), np.array([0.2, 0.9, -0.4])
    jacobians = [axil.jacfwd, axil.jacrev]
    with axil.enable_x64():
        x, y = (np.asarray(onp.asarray(v, float)) for v in (x, y))
        mixed = [outer(inner(f, 0), 1)(x, y) for outer in jacobians for inner in jacobians]
        transposed = [outer(inner(f, 1), 0)(x, y) for outer in jacobians for inner in jacobians]
        same(mixed, [mixed[0]] * 4, 1e-9, 1e-12)
        same(transposed, [onp.asarray(mixed[0]).T] * 4, 1e-9, 1e-12)


def test_derivatives_with_respect_to_a_closed_over_tracer() -> None:
    def f(x: Any) -> Any:
        inner = lambda y: jvp(lambda z: z * x * y, (y,), (x,))[1]  # x^2 y
        _, pullback = vjp(inner, x)
        return grad(inner)(x) + pullback(x)[0]  # x^2 + x^3

    with axil.enable_x64():
        same([grad(f)(1.5), jvp(f, (1.5,), (1.0,))[1], jit(grad(f))(1.5)], [2 * 1.5 + 3 * 1.5**2] * 3)
        same(grad(grad(f))(1.5), 2 + 6 * 1.5)


def test_allow_int_under_other_derivatives() -> None:
    rows = axil.jacrev(lambda x, n: x * n, (0, 1), allow_int=True)(np.ones(2), np.array([2, 3]))
    same(rows[0], onp.diag([2.0, 3.0]))
    assert rows[1].dtype == axil.dtypes.float0 and rows[1].shape == (2, 2)
