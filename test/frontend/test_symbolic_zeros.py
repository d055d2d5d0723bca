"""Zeros stay symbolic: programs of derivatives hold no arrays of zeros, nor values that no derivative needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as onp
from checks import same

import axil.numpy as np
from axil import grad, jacfwd, jit, jvp, lax, linearize, vjp

X = onp.linspace(0.1, 0.9, 7).astype("f4")


def program(f: Callable[..., Any], *args: Any) -> str:
    """The program of `f` with derivatives written out."""
    return jit(f).lower(*args).as_text("expanded")


def zeros(text: str) -> list[str]:
    """Types of the arrays of zeros in a program."""
    return re.findall(r"dense<\(?0\.0+e\+00\)?> : (tensor<[\dx]+xf32>)", text)


def loops(text: str) -> list[str]:
    """Types of the loops and branches of a program, those of the backward pass last."""
    found = re.findall(r"func\.func private @(\S+?)(\(.*?\) -> .*?) attributes \{axil\.derived = (.*)", text)
    return [signature for name, signature, rest in sorted(found, key=lambda f: "transposed" in f[0])]


def test_results_that_are_not_differentiated_cost_nothing() -> None:
    f = lambda x: ((x * x).sum(), [np.sin(x), np.cos(x), np.exp(x)])
    text = program(grad(lambda x: f(x)[0]), X)
    with_more = program(lambda x: grad(f, has_aux=True)(x)[0], X)
    assert with_more.count("axil.") == text.count("axil.")
    assert not zeros(with_more)


def test_pullback_of_a_part_of_the_results() -> None:
    f = lambda x: (x * 2, {"aux": [np.sin(x) * k for k in range(1, 5)]})
    text = program(lambda x, ct: vjp(f, x, has_aux=True)[1](ct), X, X)
    assert not zeros(text) and "axil.cos" not in text and "axil.sin" not in text
    _, push, _ = linearize(f, X, has_aux=True)
    assert not push.residuals
    same(push(X), 2 * X)


def test_tangents_of_arguments_that_do_not_vary() -> None:
    f = lambda x, y: np.sin(x) * y + np.tanh(y)
    text = program(lambda x, y, t: jvp(lambda x: f(x, y), (x,), (t,))[1], X, X, X)
    assert not zeros(text) and "axil.tanh" not in text
    text = program(grad(lambda x, y: f(x, y).sum()), X, X)
    assert not zeros(text) and "axil.tanh" not in text


def test_an_argument_that_is_not_used_has_the_only_zeros() -> None:
    assert zeros(program(grad(lambda x, y: (x * x).sum(), (0, 1)), X, X[:5])) == ["tensor<5xf32>"]


def recurrence(x: Any, w: Any) -> Any:
    """A loop with a counter, a state that does not vary, rows that are not differentiated, a constant's function."""

    def step(carry: Any, a: Any) -> Any:
        s, n, k = carry
        return (np.tanh(s * np.sin(w)) + a, n + 1.0, k * 2), (np.sin(s), np.exp(a))

    (s, n, _), _ = lax.scan(step, (x, 0.0, np.ones(3)), np.ones((4, 7)))
    return s.sum() + n


def test_scan_with_a_partly_differentiated_carry() -> None:
    text = program(grad(recurrence), X, X)
    assert not zeros(text)
    forward, backward = loops(text)
    assert forward.count("tensor<4x7xf32>") == 2  # the rows; the slope of tanh of each step
    assert backward.startswith("(tensor<7xf32>, tensor<7xf32>, tensor<4x7xf32>")  # sin w, the state's cotangent, slopes
    assert "tensor<3xf32>" not in text and "axil.exp" not in text


def test_constants_of_a_scan_are_not_stacked() -> None:
    text = program(grad(recurrence, 1), X, X)
    assert zeros(text) in (["tensor<7xf32>"], ["tensor<7xf32>"] * 2)  # where the cotangent of w begins
    forward, _ = loops(text)
    assert forward.count("tensor<4x7xf32>") == 3  # the rows; state and slope of each step
    assert text.count("axil.cos") == 1


def test_cond_of_several_results() -> None:
    f = lambda x, p: lax.cond(p, lambda v: (np.sin(v), v * 2, np.cos(v)), lambda v: (v * v, v, v), x)[0].sum()
    text = program(grad(f), X, True)
    assert zeros(text) == ["tensor<7xf32>"]  # the branch without a residual gives one all the same
    forward, backward = loops(text)
    assert forward.split(" -> ")[1].count("tensor<7xf32>") == 1
    assert backward.split(" -> ")[0].count("tensor<7xf32>") <= 3
    assert "dense<2.0" not in text and text.count("axil.neg") == 0


def test_results_of_loops_that_nobody_uses_are_not_computed() -> None:
    f = lambda x: lax.scan(lambda c, a: ((c[0] * a, c[1] + np.exp(c[1])), np.sin(c[0])), (x, x), X)[0][0]
    text = program(f, X)
    assert "axil.exp" not in text and "axil.sin" not in text and len(loops(text)) == 1
    g = lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x, np.exp(c[2])), (0, x, x))[1]
    assert "axil.exp" not in program(g, X)
    same(jit(g)(X), X**4)
    same(jacfwd(lambda x: jit(f)(x).sum())(X), onp.prod(X) * onp.ones(7), 1e-4)
