"""`closure_convert`, `custom_gradient` and `linear_call`."""

from __future__ import annotations

from typing import Any

import numpy as onp
from checks import error_here, same

import axil.numpy as np
from axil import closure_convert, custom_gradient, grad, jit, jvp, lax, linear_transpose, vjp, vmap
from axil.custom_derivatives import linear_call

# ---- closure_convert -----------------------------------------------------------------------------------


def converted(a: Any, n: Any, x: Any) -> Any:
    f, consts = closure_convert(lambda d: d["x"] * a * n, {"x": x})
    return f({"x": x}, *consts), len(consts)


def test_traced_values_with_derivatives_are_taken_out() -> None:
    counts = []

    def f(a: Any, n: Any, x: Any) -> Any:
        y, count = converted(a, n, x)
        counts.append(count)
        return y

    same(f(2.0, 3, 4.0), 24.0)
    same(grad(f)(2.0, 3, 4.0), 12.0)
    same(jit(f)(2.0, 3, 4.0), 24.0)
    same(jit(grad(f, (0, 2)))(2.0, 3, 4.0), (12.0, 6.0))
    same(vmap(f, (0, None, None))(np.array([1.0, 2.0]), 3, 4.0), [12.0, 24.0])
    assert counts[0] == 0  # nothing is traced
    assert counts[2] == 1  # the integer stays


def test_other_values_may_be_passed() -> None:
    def f(a: Any) -> Any:
        g, consts = closure_convert(lambda x: np.sin(x) * a, 1.0)
        same_point = g(2.0, *consts)
        elsewhere = g(2.0, *[c * 10 for c in consts])
        looped = lax.scan(lambda c, _: (g(c, *consts), None), elsewhere, None, length=1)[0]
        return same_point + grad(g, 1)(2.0, *consts) + looped

    s = onp.sin(2.0)
    same(jit(f)(3.0), s * 3 + s + onp.sin(30 * s) * 3, 1e-4)
    same(grad(f)(3.0), s + onp.sin(30 * s) + onp.cos(30 * s) * 10 * s * 3, 1e-3)


def test_other_types_are_refused() -> None:
    def f(a: Any) -> Any:
        g, consts = closure_convert(lambda x: x * a, 1.0)
        with error_here(TypeError, "closure_convert(<lambda>)", "must be f32[], got f32[3]"):
            g(np.ones(3), *consts)
        with error_here(TypeError, "closure_convert(<lambda>)", "structure", "(*,)", "((*, *),)"):
            g((1.0, 2.0), *consts)
        return a

    jit(f)(2.0)


# ---- custom_gradient -----------------------------------------------------------------------------------


def test_gradients_of_the_inner_function() -> None:
    @custom_gradient
    def square(x: Any) -> Any:
        """x squared"""
        return x**2, lambda g: (g * x * 10,)

    assert square.__name__ == "square" and square.__doc__ == "x squared"
    same([square(3.0), grad(square)(3.0), grad(grad(square))(3.0)], [9.0, 30.0, 10.0])
    same(jit(grad(square))(3.0), 30.0)
    same(vmap(grad(square))(np.array([1.0, 2.0])), [10.0, 20.0])
    same(grad(lambda x: vmap(square)(x).sum())(np.array([1.0, 2.0])), [10.0, 20.0])


def test_several_arguments_trees_and_keywords() -> None:
    @custom_gradient
    def f(p: Any, y: Any, scale: Any = 2.0) -> Any:
        return {"out": p["a"] * y * scale, "n": 3}, lambda ct: ({"a": 10 * ct["out"] * y}, 100 * ct["out"])

    same(grad(lambda p, y: f(p, y)["out"], (0, 1))({"a": 3.0}, 4.0), ({"a": 40.0}, 100.0))
    g = custom_gradient(lambda x, k=3.0: (x * k, lambda ct: ct * k * 10))
    same([grad(g)(2.0), g(2.0, k=4.0), grad(lambda x: g(x, k=4.0))(2.0)], [30.0, 8.0, 40.0])


def test_recursion_of_custom_gradient() -> None:
    inner = custom_gradient(lambda x: (np.sin(x), lambda g: 10 * g * np.cos(x)))
    outer = custom_gradient(lambda x: (inner(x) * 2, lambda g: g * inner(x)))
    same([grad(outer)(1.0), grad(grad(outer))(1.0)], [onp.sin(1), 10 * onp.cos(1)])
    same(grad(lambda x: inner(x) + outer(x))(1.0), 10 * onp.cos(1) + onp.sin(1))


def test_wrong_functions() -> None:
    with error_here(TypeError, "function <lambda> of custom_gradient", "pair"):
        custom_gradient(lambda x: x)(1.0)
    with error_here(TypeError, "custom_gradient expects a function"):
        custom_gradient(3)
    with error_here(TypeError, "custom_gradient(<lambda>)", "structure"):
        grad(custom_gradient(lambda x, y: (x, lambda g: g)))(1.0, 2.0)
    with error_here(TypeError, "forward-mode", "custom_vjp"):
        jvp(custom_gradient(lambda x: (x, lambda g: g)), (1.0,), (1.0,))


# ---- linear_call ---------------------------------------------------------------------------------------


def scaled(r: Any, x: Any) -> Any:
    """x / r, with a transpose that is wrong by 10."""
    return linear_call(lambda r, x: x / r, lambda r, ct: 10 * ct / r, r, x)


def test_the_transpose_is_the_users() -> None:
    same([scaled(2.0, 3.0), grad(scaled, 1)(2.0, 3.0), jit(grad(scaled, 1))(2.0, 3.0)], [1.5, 5.0, 5.0])
    same(jvp(lambda x: scaled(2.0, x), (3.0,), (1.0,)), (1.5, 0.5))
    same(linear_transpose(lambda x: scaled(2.0, x), 1.0)(1.0), (5.0,))
    same(grad(grad(lambda x: scaled(2.0, x) ** 2))(3.0), 5.0)
    same(vmap(grad(scaled, 1))(np.array([1.0, 2.0]), np.ones(2)), [10.0, 5.0])
    same(grad(lambda x: vmap(scaled, (0, None))(np.array([1.0, 2.0]), x).sum())(3.0), 15.0)
    # The transpose of the transpose is the function.
    pull = lambda x: vjp(lambda x: scaled(2.0, x), x)[1]
    same(grad(lambda ct: pull(1.0)(ct)[0])(1.0), 0.5)


def test_trees_and_closures() -> None:
    def f(s: Any, x: Any) -> Any:
        return linear_call(
            lambda r, x: {"sum": x["a"] * r[0] + x["b"] * s},
            lambda r, ct: {"a": ct["sum"] * 7, "b": ct["sum"] * s * 9},
            (2.0, 3), x,
        )["sum"]  # fmt: skip

    same(grad(f, 1)(4.0, {"a": 1.0, "b": 1.0}), {"a": 7.0, "b": 36.0})
    same(jit(vmap(grad(f, 1), (0, None)))(np.array([1.0, 2.0]), {"a": 1.0, "b": 1.0}), {"a": [7, 7], "b": [9, 18]})


def test_what_linear_call_refuses() -> None:
    with error_here(TypeError, "no derivative with respect to residual_args"):
        grad(lambda r: linear_call(lambda r, x: x / r, lambda r, ct: ct / r, r, 3.0))(2.0)
    wrong = lambda r, ct: (ct, ct)
    with error_here(TypeError, "the transpose wrong of linear_call(<lambda>)", "structure", "(*, *)"):
        wrong.__name__ = "wrong"
        grad(lambda x: linear_call(lambda r, x: x, wrong, 2.0, x))(3.0)
    with error_here(TypeError, "transpose", "must be f32[3], got f32[1]"):
        grad(lambda x: linear_call(lambda r, x: x, lambda r, ct: ct[:1], 2.0, x).sum())(np.ones(3))
    with error_here(TypeError, "linear_args must be floating point"):
        jit(lambda x: linear_call(lambda r, x: x, lambda r, ct: ct, 2.0, x))(3)
