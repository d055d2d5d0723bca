"""`custom_jvp` and `custom_vjp`: the user's rules are used, in every nesting, and wrong rules are refused."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import custom_jvp, custom_vjp, grad, hessian, jacfwd, jit, jvp, lax, value_and_grad, vjp, vmap

# Rules are wrong by a factor of 10, so that their use shows.


@custom_jvp
def sine(x: Any) -> Any:
    """A sine."""
    return np.sin(x)


@sine.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return sine(x), 10 * np.cos(x) * t


@custom_vjp
def square(x: Any, y: Any) -> Any:
    return x * x * y


def square_fwd(x: Any, y: Any) -> Any:
    return square(x, y), (x, None, {"y": y})


def square_bwd(residuals: Any, ct: Any) -> Any:
    x, nothing, d = residuals
    assert nothing is None
    return ct * 20 * x * d["y"], None


square.defvjp(square_fwd, square_bwd)

S, C = onp.sin(2.0), onp.cos(2.0)


# ---- custom_jvp ----------------------------------------------------------------------------------------


def test_the_rule_is_used_in_both_modes() -> None:
    assert sine.__name__ == "sine" and sine.__doc__ == "A sine."
    same([sine(2.0), grad(sine)(2.0)], [S, 10 * C])
    same(jvp(sine, (2.0,), (3.0,)), (S, 30 * C))
    same(vjp(sine, 2.0)[1](3.0), (30 * C,))
    same(jacfwd(sine)(np.array([2.0])), [[10 * C]])


def test_the_rule_under_other_transformations() -> None:
    x = onp.array([2.0, 1.0], "f4")
    same(vmap(grad(sine))(x), 10 * onp.cos(x))
    same(grad(lambda x: vmap(sine)(x).sum())(x), 10 * onp.cos(x))
    same(jit(lambda x: (sine(x), grad(sine)(x)))(2.0), (S, 10 * C))
    same(grad(lambda x: lax.scan(lambda c, _: (sine(c), None), x, None, length=1)[0])(2.0), 10 * C)
    same(grad(lambda x: lax.cond(x > 0, sine, lambda v: v, x))(2.0), 10 * C)


def test_higher_orders_differentiate_the_rule() -> None:
    same(grad(grad(sine))(2.0), -10 * S)
    same(grad(grad(grad(sine)))(2.0), -10 * C)

    @custom_jvp
    def g(x: Any) -> Any:
        return x**3

    g.defjvp(lambda p, t: (g(p[0]), 10 * g(p[0]) * t[0]))  # so g' = 10 g, g'' = 100 g
    same([g(2.0), grad(g)(2.0), grad(grad(g))(2.0), grad(grad(grad(g)))(2.0)], [8, 80, 800, 8000])
    same(jit(hessian(g))(2.0), 800.0)
    same(vmap(grad(grad(g)))(np.array([1.0, 2.0])), [100, 800])


def test_several_arguments_and_trees() -> None:
    @custom_jvp
    def f(p: Any, n: Any) -> Any:
        return {"y": p["a"] * n, "n": n}

    @f.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        (p, n), (dp, dn) = primals, tangents
        assert dn.dtype == axil.dtypes.float0
        return f(p, n), {"y": dp["a"] * 7.0, "n": dn}

    same(f({"a": 2.0}, 3), {"y": 6.0, "n": 3})
    same(grad(lambda p: f(p, 3)["y"])({"a": 2.0}), {"a": 7.0})


def test_defjvps() -> None:
    @custom_jvp
    def f(x: Any, y: Any, z: Any) -> Any:
        return x * y * z

    f.defjvps(lambda t, ans, x, y, z: t * 10, None, lambda t, ans, x, y, z: t * ans)
    same(grad(f, (0, 1, 2))(2.0, 3.0, 4.0), (10.0, 0.0, 24.0))
    with error_here(TypeError, "2 rules", "3 arguments"):
        f.defjvps(None, None)
        grad(f)(2.0, 3.0, 4.0)


def test_nondiff_arguments_are_passed_through() -> None:
    @partial(custom_jvp, nondiff_argnums=(0, 2))
    def apply(f: Any, x: Any, mode: str) -> Any:
        return f(x) if mode == "yes" else x

    @apply.defjvp
    def _(f: Any, mode: str, primals: Any, tangents: Any) -> Any:
        assert callable(f) and mode == "yes"
        return apply(f, *primals, mode), 5.0 * tangents[0]

    same(value_and_grad(lambda x: apply(np.exp, x, "yes"))(0.0), (1.0, 5.0))
    same(value_and_grad(lambda x: apply(np.exp, x, mode="yes"))(0.0), (1.0, 5.0))


def test_arguments_by_name_and_defaults() -> None:
    @partial(custom_jvp, nondiff_argnames=("mode", "k"))
    def f(x: Any, mode: str, y: Any = 2.0, k: int = 3) -> Any:
        return x * y * k if mode == "yes" else x

    @f.defjvp
    def _(mode: str, k: int, primals: Any, tangents: Any) -> Any:
        assert mode == "yes"
        return f(primals[0], mode, primals[1], k), 10 * tangents[0] * k + tangents[1]

    same([f(2.0, "yes"), f(mode="yes", x=2.0, k=1)], [12.0, 4.0])
    same([grad(f)(2.0, "yes"), grad(lambda y: f(2.0, y=y, mode="yes"))(5.0)], [30.0, 1.0])
    g = partial(custom_vjp, nondiff_argnums=1, nondiff_argnames="k")(lambda x, n, k=2: x * n * k)
    g.defvjp(lambda x, n, k: (g(x, n, k), x), lambda n, k, x, ct: (ct * n * k * 10,))
    same([g(2.0, 3), grad(g)(2.0, 3), jit(grad(lambda x: g(x, k=5, n=3)))(2.0)], [12.0, 60.0, 150.0])
    with error_here(TypeError, "nondiff_argnames names 'z'", "x, n"):
        custom_vjp(lambda x, n: x, nondiff_argnames="z")
    with error_here(TypeError, "custom_jvp(f)", "missing", "'mode'"):
        f(2.0)
    with error_here(TypeError, "keyword-only", "k"):
        custom_jvp(lambda x, *, k: x)(1.0, k=2)
    assert custom_jvp(onp.exp).fun is onp.exp  # without a signature of Python's, arguments go by position


def test_closures_over_values_that_are_not_differentiated() -> None:
    big = np.arange(20.0)

    def outer(scale: Any, x: Any) -> Any:
        @custom_jvp
        def f(x: Any) -> Any:
            return x * big[3] * scale

        f.defjvp(lambda p, t: (f(*p), t[0] * big[4] * scale))
        return f(x)

    same(grad(outer, 1)(2.0, 1.0), 8.0)
    same(jit(grad(outer, 1))(2.0, 1.0), 8.0)
    same(vmap(grad(outer, 1), (0, None))(np.array([1.0, 2.0]), 1.0), [4.0, 8.0])
    with pytest.raises(TypeError, match="closes over.*pass it as an argument"):
        grad(outer, 0)(2.0, 1.0)
    # An outer derivative sees the rule, and what it closes over.
    same(grad(lambda s: grad(outer, 1)(s, 1.0))(2.0), 4.0)
    same(jit(vmap(grad(lambda s: grad(outer, 1)(s, 1.0))))(np.array([1.0, 2.0])), [4.0, 4.0])


def test_python_control_flow_in_eager_rules() -> None:
    @custom_jvp
    def f(x: Any) -> Any:
        return x if x > 0 else -x

    @f.defjvp
    def _(p: Any, t: Any) -> Any:
        return f(*p), t[0] * (3.0 if p[0] > 0 else -3.0)

    same([grad(f)(2.0), grad(f)(-2.0)], [3.0, -3.0])


# ---- custom_vjp ----------------------------------------------------------------------------------------


def test_the_backward_rule_is_used() -> None:
    same(square(3.0, 2.0), 18.0)
    same(grad(square, (0, 1))(3.0, 2.0), (120.0, 0.0))  # None stands for zeros
    same(vjp(square, 3.0, 2.0)[1](0.5), (60.0, 0.0))


def test_the_backward_rule_under_other_transformations() -> None:
    x = onp.array([1.0, 3.0], "f4")
    same(vmap(grad(square), (0, None))(x, 2.0), 40 * x)
    same(vmap(grad(square), (None, 0))(2.0, x), 40 * x)
    same(grad(lambda x: vmap(square, (0, None))(x, 2.0).sum())(x), 40 * x)
    same(jit(grad(square, (0, 1)))(3.0, 2.0), (120.0, 0.0))
    same(grad(lambda x: lax.scan(lambda c, y: (c + square(x, y), None), 0.0, np.ones(3))[0])(2.0), 120.0)


def test_clipping_gradients_as_in_the_guide() -> None:
    clip = custom_vjp(lambda x: x)
    clip.defvjp(lambda x: (x, None), lambda res, g: (np.clip(g, -1.0, 1.0),))
    same(grad(lambda x: clip(x) ** 2)(5.0), 1.0)
    same(vmap(grad(lambda x: clip(x) ** 2))(np.array([0.1, 5.0, -5.0])), [0.2, 1.0, -1.0])


def test_higher_orders_differentiate_the_rules() -> None:
    same(grad(grad(square))(3.0, 2.0), 40.0)  # of 20 x y
    same(grad(grad(grad(square)))(3.0, 2.0), 0.0)

    f = custom_vjp(lambda x: x**3)
    f.defvjp(lambda x: (f(x), x), lambda x, g: (10 * f(x) * g,))
    same([grad(f)(2.0), grad(grad(f))(2.0), grad(grad(grad(f)))(2.0)], [80, 800, 8000])
    same(jit(grad(grad(f)))(2.0), 800.0)


def test_trees_integers_and_missing_cotangents() -> None:
    f = custom_vjp(lambda p, n: (p["a"] * n, n))

    def bwd(residuals: Any, cts: Any) -> Any:
        assert residuals is None and cts[1].dtype == axil.dtypes.float0
        return {"a": cts[0] * 2, "b": None, "c": None, "d": None}, None

    f.defvjp(lambda p, n: (f(p, n), None), bwd)
    p = {"a": 1.0, "b": (1.0, np.ones(2)), "c": None, "d": 5}
    g = grad(lambda p: f(p, 3)[0], allow_int=True)(p)
    same({k: g[k] for k in "abc"}, {"a": 2.0, "b": (0.0, [0, 0]), "c": None})


def test_nondiff_arguments_of_custom_vjp() -> None:
    @partial(custom_vjp, nondiff_argnums=(0,))
    def apply(f: Any, x: Any) -> Any:
        return f(x)

    apply.defvjp(lambda f, x: (f(x), x), lambda f, x, g: (g * f(x) * 10,))
    same(grad(lambda x: apply(np.sin, x))(2.0), 10 * S)


def test_closures_of_custom_vjp() -> None:
    def outer(scale: Any, x: Any) -> Any:
        f = custom_vjp(lambda x: x * scale)
        f.defvjp(lambda x: (f(x), (x, scale)), lambda res, g: (g * res[1] * 10 + 0 * scale,))
        return f(x)

    same(grad(outer, 1)(3.0, 2.0), 30.0)
    same(jit(vmap(grad(outer, 1), (0, None)))(np.array([3.0, 4.0]), 2.0), [30.0, 40.0])


def test_what_only_the_backward_rule_closes_over_is_no_part_of_the_value() -> None:
    def outer(s: Any, x: Any) -> Any:
        f = custom_vjp(lambda x: x * 2)
        f.defvjp(lambda x: (f(x), None), lambda res, g: (10 * g * s,))
        return f(x)

    same([grad(outer)(2.0, 3.0), grad(outer, 1)(2.0, 3.0)], [0.0, 20.0])
    same(grad(lambda s: grad(outer, 1)(s, 3.0))(2.0), 10.0)


def test_derivatives_of_derivatives_in_either_mode() -> None:
    cube = custom_vjp(lambda x: x**3)
    cube.defvjp(lambda x: (cube(x), x), lambda x, g: (3 * x * x * g,))
    same(jvp(grad(cube), (2.0,), (1.0,)), (12.0, 12.0))  # forward over reverse: only the rules are differentiated
    same(jvp(lambda x: vjp(cube, x)[1](1.0)[0], (2.0,), (1.0,)), (12.0, 12.0))


def test_functions_that_are_not_differentiated_need_no_trace_of_their_rules() -> None:
    f = custom_vjp(lambda x: float(x) + 1)  # only works on concrete values
    f.defvjp(lambda x: 1 / 0, lambda res, g: 1 / 0)
    same(f(2.0), 3.0)
    assert isinstance(f(2), axil.Array)


# ---- wrong rules ---------------------------------------------------------------------------------------


def test_missing_rules() -> None:
    with error_here(TypeError, "no derivative rule", "custom_jvp(<lambda>)", "defjvp"):
        custom_jvp(lambda x: x)(1.0)
    with error_here(TypeError, "no derivative rule", "custom_vjp(<lambda>)", "defvjp(fwd, bwd)"):
        custom_vjp(lambda x: x)(1.0)


def with_jvp(rule: Any) -> Any:
    f = custom_jvp(lambda x: x * 2)
    f.defjvp(rule)
    return f


def with_vjp(fwd: Any, bwd: Any) -> Any:
    f = custom_vjp(lambda x: x * 2)
    f.defvjp(fwd, bwd)
    return f


def test_wrong_forward_mode_rules() -> None:
    x = np.ones(3)
    with error_here(TypeError, "pair (result, tangent)"):
        jvp(with_jvp(lambda p, t: t[0]), (x,), (x,))
    with error_here(TypeError, "the rule <lambda> of custom_jvp(<lambda>)", "structure", "(*)", "(*, *)"):
        jvp(with_jvp(lambda p, t: (p[0], (t[0], t[0]))), (x,), (x,))
    with error_here(TypeError, "the rule named of custom_jvp(<lambda>)", "pair", "a tuple of 3"):
        named = lambda p, t: (p[0], t[0], t[0])
        named.__name__ = "named"
        jvp(with_jvp(named), (x,), (x,))
    with error_here(TypeError, "tangent", "f32[3]", "f32[2]"):
        jvp(with_jvp(lambda p, t: (p[0], t[0][:2])), (x,), (x,))
    with error_here(TypeError, "result", "f32[3]", "f32[1]"):
        jvp(with_jvp(lambda p, t: (p[0][:1], t[0])), (x,), (x,))
    same(jvp(with_jvp(lambda p, t: (p[0], 0.0)), (x,), (x,)), (x, onp.zeros(3)))
    counts = custom_jvp(lambda x: (x, 3))
    counts.defjvp(lambda p, t: (counts(*p), (t[0], t[0])))
    with error_here(TypeError, "float0", "i32[]", "integers"):
        jvp(counts, (1.0,), (1.0,))


def test_wrong_reverse_mode_rules() -> None:
    x = np.ones(3)
    with error_here(TypeError, "forward rule", "pair (result, residuals)"):
        vjp(with_vjp(lambda x: x, lambda r, g: (g,)), x)
    with error_here(TypeError, "forward rule", "structure"):
        vjp(with_vjp(lambda x: ((x, x), x), lambda r, g: (g,)), x)
    with error_here(TypeError, "forward rule", "f32[3]", "bool[]"):
        vjp(with_vjp(lambda x: (x.sum() > 0, x), lambda r, g: (g,)), x)
    with error_here(TypeError, "backward rule", "tuple of 1 cotangents"):
        vjp(with_vjp(lambda x: (x, x), lambda r, g: g), x)
    with error_here(TypeError, "backward rule", "tuple of 1 cotangents", "got 2"):
        vjp(with_vjp(lambda x: (x, x), lambda r, g: (g, g)), x)
    with error_here(TypeError, "the backward rule <lambda> of custom_vjp(<lambda>)", "structure", "(*)", "(*, *)"):
        vjp(with_vjp(lambda x: (x, x), lambda r, g: ((g, g),)), x)
    with error_here(TypeError, "cotangent", "f32[3]", "f32[1]"):
        vjp(with_vjp(lambda x: (x, x), lambda r, g: (g.sum() * x[:1],)), x)


def test_forward_mode_of_custom_vjp_is_refused_with_the_way_out() -> None:
    with error_here(TypeError, "custom_vjp", "custom_jvp", "forward-mode"):
        jvp(square, (3.0, 2.0), (1.0, 1.0))
    same(grad(square)(3.0, 2.0), 120.0)
