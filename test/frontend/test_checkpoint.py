"""`checkpoint`: the same values and derivatives, with what is inside computed again in the backward pass."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as onp
from checks import error_here, same, slope

import axil
import axil.numpy as np
from axil import checkpoint, grad, jit, jvp, lax, value_and_grad, vmap


def layer(x: Any, w: Any) -> Any:
    for _ in range(3):
        x = np.tanh(np.sin(x) * w)
    return x


def test_values_and_gradients_are_the_same() -> None:
    f, g = layer, checkpoint(layer)
    x = np.linspace(-1.0, 1.0, 4)
    total = lambda f: lambda x, w: f(x, w).sum()
    same(g(x, 2.0), f(x, 2.0))
    same(grad(total(g), (0, 1))(x, 2.0), grad(total(f), (0, 1))(x, 2.0))
    same(jvp(g, (x, 2.0), (x, 1.0)), jvp(f, (x, 2.0), (x, 1.0)))
    same(grad(grad(total(g), 1), 1)(x, 2.0), grad(grad(total(f), 1), 1)(x, 2.0), 1e-4)
    same(vmap(grad(g), (0, None))(x, 2.0), vmap(grad(f), (0, None))(x, 2.0))
    same(jit(grad(total(g)))(x, 2.0), grad(total(f))(x, 2.0))


def test_what_is_inside_is_computed_again() -> None:
    text = lambda f: jit(value_and_grad(lambda x: f(x, 2.0))).lower(1.0).as_text("expanded")
    plain, again = text(layer), text(checkpoint(layer))
    assert "optimization_barrier" not in plain and "optimization_barrier" in again
    assert again.count("axil.sin") > plain.count("axil.sin")


def test_as_in_the_guide() -> None:
    from axil.checkpoint import checkpoint as again

    assert checkpoint is axil.checkpoint and axil.remat is again
    same(axil.checkpoint(np.sin)(1.0), onp.sin(1))
    same(grad(again(np.sin))(1.0), onp.cos(1))


def test_other_arguments() -> None:
    @partial(checkpoint, static_argnums=(1,))
    def f(x: Any, mode: str, *, scale: Any = 2.0, flag: bool = True) -> Any:
        return x * scale if mode == "mul" and flag else x

    same(grad(f)(3.0, "mul", scale=4.0), 4.0)
    same(jit(grad(f), static_argnums=1)(3.0, "mul"), 2.0)
    same(f(3.0, "other"), 3.0)
    with error_here(ValueError, "argument 3"):
        checkpoint(lambda x: x, static_argnums=3)(1.0)


def test_closures_and_trees() -> None:
    big = np.arange(20.0)

    def f(x: Any, p: Any) -> Any:
        g = checkpoint(lambda q: {"y": np.sin(q["w"] * x) * big.sum(), "n": None})
        return g(p)["y"]

    same(grad(f, (0, 1))(1.0, {"w": 2.0}), (190 * 2 * onp.cos(2), {"w": 190 * onp.cos(2)}))


def test_in_scans_of_scans() -> None:
    def f(x: Any) -> Any:
        step = checkpoint(lambda c, t: (np.sin(c * x) + t, c))
        row = checkpoint(lambda c, ts: (lax.scan(step, c, ts)[0], None))
        return lax.scan(row, x, np.linspace(0.0, 1.0, 6).reshape(2, 3))[0]

    with axil.enable_x64():
        same(grad(f)(0.7), slope(f, 0.7), 1e-6)
        same(grad(grad(f))(0.7), slope(grad(f), 0.7), 1e-6)


def test_static_names_and_merging() -> None:
    @partial(checkpoint, static_argnames="mode", prevent_cse=False)
    def f(x: Any, mode: str = "mul") -> Any:
        return np.sin(x) * 2 if mode == "mul" else x

    same([f(1.0, mode="mul"), grad(f)(1.0, mode="mul"), grad(f)(1.0, mode="no")], [2 * S, 2 * C, 1.0])
    text = jit(grad(f)).lower(1.0).as_text("expanded")
    assert "optimization_barrier" not in text


S, C = onp.sin(1.0), onp.cos(1.0)


def test_refusals() -> None:
    with error_here(TypeError, "checkpoint expects a function"):
        checkpoint(3)
    with error_here(TypeError, "takes a policy", "dots_saveable", "'dots'"):
        checkpoint(layer, policy="dots")
    with error_here(TypeError, "makes a policy", "save_only_these_names(...)"):
        checkpoint(layer, policy=axil.checkpoint_policies.save_only_these_names)
    with error_here(NotImplementedError, "no option 'concrete'", "static_argnums"):
        checkpoint(layer, concrete=True)
    with error_here(TypeError, "prevent_cse must be a bool"):
        checkpoint(layer, prevent_cse=1)
