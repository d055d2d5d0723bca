"""`custom_vmap` and `sequential_vmap`: the user's batching rule is used wherever a batch is made."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import custom_jvp, custom_vjp, grad, jit, jvp, lax, vmap
from axil.custom_batching import custom_vmap, sequential_vmap

XS, YS = onp.arange(3.0, dtype="f"), onp.array([2.0, 3.0, 5.0], "f")


def added(calls: list | None = None) -> Any:
    """x + y, whose batch is x * y: so it shows where the rule is used."""

    @custom_vmap
    def f(x: Any, y: Any) -> Any:
        """A sum."""
        return x + y

    @f.def_vmap
    def _(axis_size: int, in_batched: list, x: Any, y: Any) -> Any:
        if calls is not None:
            calls.append((axis_size, tuple(in_batched), x.shape, y.shape))
        return x * y, any(in_batched)

    return f


def test_without_a_batch_the_function_runs() -> None:
    f = added()
    assert f.__name__ == "f" and f.__doc__ == "A sum."
    same([f(2.0, 3.0), f(2.0, y=3.0), jit(f)(2.0, 3.0)], [5.0, 5.0, 5.0])


def test_the_rule_is_told_what_is_batched() -> None:
    calls: list = []
    f = added(calls)
    same(vmap(f)(XS, YS), XS * YS)
    same(vmap(f, (0, None))(XS, 2.0), XS * 2)
    same(vmap(f, (None, 0))(2.0, YS), YS * 2)
    same(vmap(f, (1, None))(onp.ones((2, 3), "f"), 2.0), onp.full((3, 2), 2))
    assert calls == [
        (3, (True, True), (3,), (3,)), (3, (True, False), (3,), ()), (3, (False, True), (), (3,)),
        (3, (True, False), (3, 2), ()),
    ]  # fmt: skip
    same(vmap(lambda x: f(2.0, 3.0) + x)(XS), XS + 5)  # no batch reaches it
    assert len(calls) == 4


def test_the_rule_is_used_in_every_nesting() -> None:
    f = added()
    same(jit(vmap(f))(XS, YS), XS * YS)
    same(vmap(jit(f))(XS, YS), XS * YS)
    same(vmap(axil.checkpoint(f))(XS, YS), XS * YS)
    same(vmap(lambda x: lax.scan(lambda c, _: (f(c, 2.0), None), x, None, length=2)[0])(XS), 4 * XS)
    same(vmap(lambda x: lax.cond(x.sum() > -1, lambda x: f(x, 2.0), lambda x: x, x))(XS), 2 * XS)
    same(vmap(vmap(f, (0, None)), (None, 0))(XS, YS), onp.outer(YS, XS))


def test_forward_mode_differentiates_the_rule() -> None:
    f = added()
    same(jvp(f, (2.0, 3.0), (1.0, 1.0)), (5.0, 2.0))
    same(jvp(lambda x: vmap(f)(x, YS), (XS,), (onp.ones(3, "f"),)), (XS * YS, YS))
    same(vmap(lambda x, y: jvp(f, (x, y), (1.0, 0.0)))(XS, YS), (XS * YS, YS))
    same(vmap(lambda t: jvp(f, (2.0, 3.0), (t, 0.0))[1])(XS), 3 * XS)
    same(vmap(lambda x: jvp(lambda x: jvp(lambda x: f(x, x), (x,), (1.0,))[1], (x,), (1.0,)))(XS), (2 * XS, [2, 2, 2]))


def test_reverse_mode() -> None:
    f = added()
    same(grad(lambda x: vmap(f)(x, YS).sum())(XS), YS)  # of a batch: the rule's derivative
    same(jit(grad(lambda x: vmap(f)(x, YS).sum()))(XS), YS)
    same(vmap(grad(f))(XS, YS), [1.0, 1.0, 1.0])  # a batch of derivatives: the function's


def test_with_custom_derivatives() -> None:
    f = custom_vjp(added())
    f.defvjp(lambda x, y: (f(x, y), (x, y)), lambda r, g: (10 * g, 20 * g))
    same(vmap(f)(XS, YS), XS * YS)
    same(vmap(grad(f, (0, 1)))(XS, YS), ([10.0] * 3, [20.0] * 3))
    same(grad(lambda x: vmap(f)(x, YS).sum())(XS), [10.0] * 3)
    g = custom_jvp(added())
    g.defjvp(lambda p, t: (g(*p), 10 * t[0] + t[1]))
    same(vmap(lambda x, y: jvp(g, (x, y), (1.0, 0.0)))(XS, YS), (XS * YS, [10.0] * 3))


def test_trees_and_results_that_are_not_batched() -> None:
    f = custom_vmap(lambda d, n: {"sum": d["a"] + d["b"][0], "n": n})

    @f.def_vmap
    def _(size: int, in_batched: list, d: Any, n: Any) -> Any:
        assert in_batched == [{"a": True, "b": (False,)}, False]
        return {"sum": d["a"] - d["b"][0], "n": n}, {"sum": True, "n": False}

    axes = ({"a": 0, "b": None}, None)
    same(vmap(f, axes, {"sum": 0, "n": None})({"a": XS, "b": (1.0,)}, 7), {"sum": XS - 1, "n": 7})
    same(vmap(f, axes)({"a": XS, "b": (1.0,)}, 7), {"sum": XS - 1, "n": [7, 7, 7]})


def test_rules_that_call_the_function_and_others() -> None:
    f = custom_vmap(lambda x: x + 1)
    f.def_vmap(lambda n, b, x: (lax.map(f, x) * 10, True))
    same(vmap(f)(XS), 10 * (XS + 1))
    same(vmap(vmap(f))(onp.stack([XS, XS])), 100 * onp.stack([XS + 1, XS + 1]))


def test_closures() -> None:
    def outer(s: Any, x: Any) -> Any:
        f = custom_vmap(lambda x: x * s)
        f.def_vmap(lambda n, b, x: (x * s * 10, True))
        return f(x)

    total = lambda s: vmap(lambda x: outer(s, x))(np.ones(3)).sum()
    same([total(2.0), jit(total)(2.0), grad(total)(2.0)], [60.0, 60.0, 30.0])
    with pytest.raises(TypeError, match="closes over a value that is being batched.*pass it as an argument"):
        vmap(lambda s: outer(s, 1.0))(XS)


def test_methods() -> None:
    class Model:
        scale = 2.0

        @custom_vmap
        def __call__(self, x: Any) -> Any:
            return x

    with error_here(TypeError, "custom_vmap(__call__)"):
        Model.__call__.def_vmap(lambda n, b, self, x: (x, True))
        Model()(1.0)


def test_sequential() -> None:
    traced: list = []

    @sequential_vmap
    def f(x: Any, y: Any) -> Any:
        traced.append(x.shape)
        return x + y

    same(vmap(f, (0, None))(XS, 2.0), XS + 2)
    same(vmap(vmap(f))(onp.ones((2, 3), "f"), onp.ones((2, 3), "f")), onp.full((2, 3), 2))
    same(grad(lambda x: (vmap(f, (0, None))(x, 2.0) ** 2).sum())(XS), 2 * (XS + 2))
    assert set(traced) == {()}  # one example at a time
    text = jit(vmap(f)).lower(XS, YS).as_text("expanded")
    assert "scan" in text


def with_rule(rule: Any) -> Any:
    f = custom_vmap(lambda x: x)
    f.def_vmap(rule)
    return f


def test_wrong_rules() -> None:
    with error_here(AttributeError, "no batching rule is defined for custom_vmap(<lambda>)", "def_vmap"):
        custom_vmap(lambda x: x)(1.0)
    with error_here(ValueError, "batching rule <lambda> of custom_vmap(<lambda>)", "whether it is batched", "(*, *)"):
        vmap(with_rule(lambda n, b, x: (x, (True, True))))(XS)
    with error_here(ValueError, "batching rule", "structure", "(*, *)"):
        vmap(with_rule(lambda n, b, x: ((x, x), (True, True))))(XS)
    with error_here(TypeError, "batching rule", "must be f32[3], got f32[2]"):
        vmap(with_rule(lambda n, b, x: (x[:2], True)))(XS)
    with error_here(TypeError, "batching rule", "must be f32[], got f32[3]"):
        vmap(with_rule(lambda n, b, x: (x, False)))(XS)
    with error_here(TypeError, "batching rule", "pair (result, out_batched)"):
        vmap(with_rule(lambda n, b, x: x))(XS)
    with error_here(TypeError, "booleans as out_batched", "0"):
        vmap(with_rule(lambda n, b, x: (x, 0)))(XS)
    with error_here(TypeError, "custom_vmap(<lambda>)", "'y'"):
        with_rule(lambda n, b, x: (x, True))(1.0, y=2.0)
