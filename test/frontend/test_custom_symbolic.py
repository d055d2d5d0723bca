"""Custom rules with `symbolic_zeros=True`: told which tangents and cotangents are zero, whatever transforms them."""

from __future__ import annotations

import re
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import custom_jvp, custom_vjp, grad, jit, jvp, lax, vjp, vmap
from axil.custom_derivatives import CustomVJPPrimal, SymbolicZero, custom_vjp_primal_tree_values, zero_from_primal


def product(seen: list) -> Any:
    """x * y, with a rule that notes which tangents are zero."""

    @custom_jvp
    def f(x: Any, y: Any) -> Any:
        return x * y

    def rule(primals: Any, tangents: Any) -> Any:
        seen.append(tuple(isinstance(t, SymbolicZero) for t in tangents))
        total: Any = SymbolicZero.from_primal_value(primals[0])
        for factor, t in zip((10 * primals[1], 100 * primals[0]), tangents):
            if not isinstance(t, SymbolicZero):
                total = factor * t if isinstance(total, SymbolicZero) else total + factor * t
        return primals[0] * primals[1], total

    f.defjvp(rule, symbolic_zeros=True)
    return f


@pytest.mark.parametrize(
    ("run", "wanted", "masks"),
    [
        (lambda f: grad(f)(2.0, 3.0), 30.0, [(False, True)]),
        (lambda f: grad(f, 1)(2.0, 3.0), 200.0, [(True, False)]),
        (lambda f: grad(f, (0, 1))(2.0, 3.0), (30.0, 200.0), [(False, False)]),
        (lambda f: jvp(lambda x: f(x, 3.0), (2.0,), (1.0,)), (6.0, 30.0), [(False, True)]),
        (lambda f: grad(lambda x: f(x, 3))(2.0), 30.0, [(False, True)]),
        (lambda f: grad(lambda x: f(x, lax.stop_gradient(x)))(3.0), 30.0, [(False, True)]),
        (lambda f: vmap(grad(f), (0, None))(np.array([1.0, 2.0]), 3.0), [30.0, 30.0], [(False, True)]),
        (lambda f: grad(lambda x: vmap(f, (0, None))(x, 3.0).sum())(np.ones(2)), [30.0, 30.0], [(False, True)]),
        (lambda f: jit(grad(f))(2.0, 3.0), 30.0, [(False, True)]),
        (lambda f: grad(jit(f))(2.0, 3.0), 30.0, [(False, True)]),
        (lambda f: grad(axil.checkpoint(f))(2.0, 3.0), 30.0, [(False, True)]),
        (lambda f: grad(lambda x: lax.cond(x > 0, f, lambda x, y: x, x, 3.0))(2.0), 30.0, [(False, True)]),
        (lambda f: grad(lambda s: lax.scan(lambda c, _: (c, f(c, s)), 2.0, None, length=3)[1].sum())(3.0),
         600.0, [(True, False)]),
        (lambda f: f(2.0, 3.0), 6.0, []),
    ],
)  # fmt: skip
def test_which_tangents_are_zero(run: Any, wanted: Any, masks: list) -> None:
    seen: list = []
    same(run(product(seen)), wanted)
    assert seen == masks


def test_a_carry_becomes_perturbed() -> None:
    seen: list = []
    f = product(seen)
    grad(lambda s: lax.scan(lambda c, _: (f(c, s), None), 2.0, None, length=2)[0])(3.0)
    assert seen == [(True, False), (False, False)]  # the first guess, and what it leads to


def test_the_innermost_derivative_asks() -> None:
    seen: list = []
    f = product(seen)
    same(grad(grad(lambda x: f(x, x)))(2.0), 110.0)  # the rule's own derivative: of 10 x + 100 x
    assert seen == [(False, False)]
    same(grad(lambda y: grad(f)(2.0, y))(3.0), 10.0)
    assert seen[1:] == [(False, True)]


def test_what_a_zero_knows() -> None:
    zeros: list = []
    f = custom_jvp(lambda x, n, y: x)

    def rule(primals: Any, tangents: Any) -> Any:
        zeros.extend(tangents)
        return primals[0], tangents[0]

    f.defjvp(rule, symbolic_zeros=True)
    grad(lambda x: f(x, np.arange(3), np.ones((2, 3))).sum())(np.ones(4))
    _, n, y = zeros
    assert (n.shape, n.dtype, n.size) == ((3,), axil.dtypes.float0, 3)
    assert (y.shape, y.dtype, y.ndim, y.aval.shape) == ((2, 3), onp.float32, 2, (2, 3))
    assert repr(y) == "SymbolicZero(f32[2,3])" and y == SymbolicZero(y.aval) and y != n


def two_results(seen: list) -> Any:
    """(x * y, x + y), with rules that note what they are told."""
    f = custom_vjp(lambda x, y: (x * y, x + y))

    def fwd(x: Any, y: Any) -> Any:
        assert isinstance(x, CustomVJPPrimal) and isinstance(y, CustomVJPPrimal)
        seen.append(("fwd", x.perturbed, y.perturbed))
        return f(x.value, y.value), (x.value, y.value)

    def bwd(residuals: Any, cts: Any) -> Any:
        x, y = residuals
        seen.append(("bwd", *[isinstance(ct, SymbolicZero) for ct in cts]))
        return 10 * y, 100 * x

    f.defvjp(fwd, bwd, symbolic_zeros=True)
    return f


def test_forward_and_backward_rules_are_told() -> None:
    seen: list = []
    f = two_results(seen)
    same(grad(lambda x: f(x, 3.0)[0])(2.0), 30.0)
    assert seen == [("fwd", True, False), ("bwd", False, True)]
    seen.clear()
    same(grad(lambda x, y: f(x, y)[1], (0, 1))(2.0, 3.0), (30.0, 200.0))
    assert seen == [("fwd", True, True), ("bwd", True, False)]
    seen.clear()
    same(jit(vmap(grad(lambda x, y: sum(f(x, y)), 1), (0, None)))(np.array([1.0, 2.0]), 3.0), [100.0, 200.0])
    assert seen == [("fwd", False, True), ("bwd", False, False)]
    seen.clear()
    same(f(2.0, 3.0), (6.0, 5.0))
    assert seen == []


def test_pullbacks_that_are_kept_and_mapped() -> None:
    f = two_results([])
    _, pullback = vjp(lambda x: f(x, 3.0)[0] * 1.0, 2.0)
    same(pullback(1.0), (30.0,))
    same(vmap(pullback)(np.array([1.0, 2.0, 3.0])), ([30.0, 30.0, 30.0],))
    same(vmap(lambda x: vjp(lambda x: f(x, 3.0)[0], x)[1](1.0)[0])(np.ones(2)), [30.0, 30.0])


def test_rules_may_refuse_what_they_cannot_do() -> None:
    f = custom_jvp(lambda x, n: x * n)

    def rule(primals: Any, tangents: Any) -> Any:
        if not isinstance(tangents[1], SymbolicZero):
            raise NotImplementedError("no derivative in n")
        return f(*primals), tangents[0] * 10

    f.defjvp(rule, symbolic_zeros=True)
    same(grad(f)(2.0, 3.0), 10.0)
    same(jit(grad(f))(2.0, 3.0), 10.0)
    with pytest.raises(NotImplementedError, match="no derivative in n"):
        grad(f, 1)(2.0, 3.0)


def test_rules_that_close_over_traced_values() -> None:
    def outer(s: Any, x: Any) -> Any:
        f = custom_jvp(lambda x: x * s)
        f.defjvp(lambda p, t: (p[0] * s, 10 * t[0] * s), symbolic_zeros=True)
        g = custom_vjp(lambda x: x * s)
        g.defvjp(lambda x: (x.value * s, None), lambda r, ct: (ct * s * 100,), symbolic_zeros=True)
        return f(x) + g(x)

    same(grad(outer, 1)(2.0, 3.0), 220.0)
    same(jit(grad(outer, 1))(2.0, 3.0), 220.0)
    same(vmap(grad(outer, 1), (0, None))(np.array([1.0, 2.0]), 3.0), [110.0, 220.0])
    same(grad(lambda s: grad(outer, 1)(s, 3.0))(2.0), 110.0)
    with pytest.raises(TypeError, match="closes over.*pass it as an argument"):
        grad(outer, 0)(2.0, 3.0)


def test_python_control_flow_in_eager_rules() -> None:
    f = custom_jvp(lambda x: abs(x))
    f.defjvp(lambda p, t: (f(*p), t[0] if p[0] > 0 else -3 * t[0]), symbolic_zeros=True)
    same([grad(f)(2.0), grad(f)(-2.0)], [1.0, -3.0])


def test_programs_are_compiled_once() -> None:
    from axil import programs

    f = product([])
    g = jit(lambda x: x * 2)
    run = lambda x: grad(lambda x: f(g(x), 3.0))(x)
    same(run(1.0), 60.0)
    before = len(programs._by_text)
    same([run(2.0), run(3.0)], [60.0, 60.0])
    assert len(programs._by_text) == before


def test_a_program_that_leaves_the_process_says_so() -> None:
    from axil.compiler.derive import Deriver
    from axil.dialects.mlir import parse_module

    text = axil.make_ir(product([]))(2.0, 3.0)
    assert "custom_jvp_symbolic" in text
    module = parse_module(re.sub(r"rule = \d+", "rule = 999999999", text))
    name = next(n for n in Deriver(module).table if "custom_jvp_symbolic" in n)
    with pytest.raises(ValueError, match="Python function of the process that traced this program"), module.context:
        Deriver(module).jvp(name, (True, True))


def test_helpers() -> None:
    zero = zero_from_primal({"a": np.ones(3), "n": 2}, symbolic_zeros=True)
    assert zero["a"] == SymbolicZero.from_primal_value(np.ones(3)) and zero["n"].dtype == axil.dtypes.float0
    arrays = zero_from_primal({"a": np.ones(3), "n": 2})
    same(arrays["a"], onp.zeros(3))
    assert arrays["n"].dtype == axil.dtypes.float0
    values = custom_vjp_primal_tree_values((CustomVJPPrimal(1.0, True), {"b": CustomVJPPrimal(2.0, False)}))
    assert values == (1.0, {"b": 2.0})


def test_wrong_rules_are_named() -> None:
    def wrong_jvp(primals: Any, tangents: Any) -> Any:
        return primals[0], (tangents[0], tangents[0])

    f = custom_jvp(lambda x: x * 2)
    f.defjvp(wrong_jvp, symbolic_zeros=True)
    with error_here(TypeError, "the rule wrong_jvp of custom_jvp(<lambda>)", "structure", "*", "(*, *)"):
        grad(f)(1.0)
    g = custom_vjp(lambda x: x * 2)
    g.defvjp(lambda x: (x.value, None), lambda r, ct: (ct, ct), symbolic_zeros=True)
    with error_here(TypeError, "the backward rule <lambda> of custom_vjp(<lambda>)", "tuple of 1 cotangents", "got 2"):
        grad(g)(1.0)
