"""Policies of `checkpoint`: they keep what JAX's keep, gradients are the same, and kept work is not done again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same, slope

import axil
import axil.numpy as np
from axil import checkpoint, grad, jit, jvp, lax, value_and_grad, vmap
from axil.ad_checkpoint import (
    Offloadable,
    Recompute,
    Saveable,
    checkpoint_name,
    print_saved_residuals,
    saved_residuals,
)
from axil.ad_checkpoint import (
    checkpoint_policies as cp,
)

X, W = onp.full((2, 3), 0.5, "f"), onp.full((3, 3), 0.2, "f")


def kept(f: Callable[..., Any], *args: Any) -> list[str]:
    """Shapes of what is kept, in order of text."""
    return sorted(str(r.aval) for r in saved_residuals(f, *args))


def mlp(x: Any, w: Any, v: Any) -> Any:
    h = checkpoint_name(np.sin(x @ w), "h1")
    h = checkpoint_name(np.sin(h @ v), "h2")
    return np.sin(h @ w)


ARGS = ["f32[2,3]", "f32[3,3]", "f32[3,3]"]
ROW = "f32[2,3]"


# What JAX 0.10.2 keeps: jax.ad_checkpoint.print_saved_residuals of the same functions.
@pytest.mark.parametrize(
    ("policy", "intermediates"),
    [
        (None, 0),
        (cp.nothing_saveable, 0),
        (cp.dots_saveable, 3),
        (cp.checkpoint_dots, 3),
        (cp.dots_with_no_batch_dims_saveable, 3),
        (cp.save_only_these_names("h1"), 1),
        (cp.save_only_these_names("h1", "h2"), 2),
        (cp.save_any_names_but_these("h1"), 1),
        (cp.save_from_both_policies(cp.dots_saveable, cp.save_only_these_names("h2")), 4),
        (lambda prim, *avals, **params: prim.name == "sin", 2),
        (lambda prim, *avals, **params: Saveable if prim.name == "checkpoint_name" else Recompute, 2),
    ],
)
def test_as_many_values_are_kept_as_in_jax(policy: Any, intermediates: int) -> None:
    f = checkpoint(mlp, policy=policy)
    assert kept(f, X, W, W) == sorted([*ARGS, *[ROW] * intermediates])
    g = lambda f: grad(lambda *a: (f(*a) ** 2).sum(), (0, 1, 2))(X, W, W)
    same(g(f), g(mlp), 1e-5)


def test_everything_saveable_is_as_without_checkpoint() -> None:
    f = checkpoint(mlp, policy=cp.everything_saveable)
    assert kept(f, X, W, W) == kept(mlp, X, W, W) == sorted([*ARGS, *[ROW] * 5])
    g = checkpoint(mlp, policy=cp.save_anything_except_these_names("h3"))
    assert kept(g, X, W, W) == kept(mlp, X, W, W)


def test_batch_dimensions_count() -> None:
    f = checkpoint(lambda x, w: np.sin(x @ w), policy=cp.dots_with_no_batch_dims_saveable)
    assert kept(vmap(f, (0, None)), X, W) == [ROW, ROW, "f32[3,3]"]
    assert kept(vmap(f), X, onp.stack([W, W])) == ["f32[2,3,3]", ROW]


def test_policies_reach_into_loops_and_branches() -> None:
    def looped(policy: Any) -> Any:
        step = lambda c, w: (np.sin(checkpoint_name(c @ w, "dot")), np.cos(c))
        return checkpoint(lambda x, w: lax.scan(lambda c, _: step(c, w), x, None, length=4), policy=policy)

    assert kept(looped(None), X, W) == [ROW, "f32[3,3]"]
    assert kept(looped(cp.dots_saveable), X, W) == [ROW, "f32[3,3]", "f32[4,2,3]"]
    assert kept(looped(cp.save_only_these_names("dot")), X, W) == [ROW, "f32[3,3]", "f32[4,2,3]"]

    inside = lambda x, w: lax.scan(checkpoint(lambda c, _: (np.sin(np.sin(c @ w)), None), policy=cp.dots_saveable),
                                   x, None, length=4)[0]  # fmt: skip
    assert kept(inside, X, W) == ["f32[3,3]", "f32[4,2,3]", "f32[4,2,3]"]

    branches = [lambda x, w: np.sin(x @ w), lambda x, w: np.sin(np.sin(x @ w) @ w)]
    chosen = checkpoint(lambda x, w: lax.cond(x.sum() > 0, *branches, x, w), policy=cp.dots_saveable)
    assert kept(chosen, X, W) == [ROW, ROW, ROW, "f32[3,3]"]  # the branches share what they keep


def loop(policy: Any, wrap: Any = lambda f: f) -> Any:
    """Everything in everything: a checkpointed scan of a checkpointed body with a branch and names."""

    def step(c: Any, t: Any) -> Any:
        h = checkpoint_name(wrap(lambda v: np.sin(v) * t)(c), "h")
        return lax.cond(t > 0.4, lambda h: np.tanh(h * c), lambda h: np.exp(-h), h), checkpoint_name(h * h, "y")

    return lambda x: lax.scan(checkpoint(step, policy=policy), x, np.linspace(0.0, 1.0, 4))


def test_values_and_gradients_in_every_nesting() -> None:
    total = lambda f: lambda x: sum(v.sum() for v in f(x))
    with axil.enable_x64():
        plain = total(lambda x: loop(cp.everything_saveable)(x))
        first, second = slope(plain, 0.7), slope(grad(plain), 0.7)
        for policy in (None, cp.save_only_these_names("h"), cp.everything_saveable, lambda prim, *a, **k: len(a) == 1):
            f = total(checkpoint(loop(policy), policy=policy))
            same([f(0.7), grad(f)(0.7), grad(grad(f))(0.7)], [plain(0.7), first, second], 1e-5)
            same(jvp(grad(f), (0.7,), (1.0,)), (first, second), 1e-5)
            same(vmap(grad(f))(np.array([0.7, 0.2])), [first, slope(plain, 0.2)], 1e-5)
            same(grad(lambda x, f=f: vmap(f)(np.stack([x, x])).sum())(0.7), 2 * first, 1e-5)


def test_compiled() -> None:
    def g(wrap: Any) -> Any:
        f = checkpoint(loop(cp.save_only_these_names("h"), wrap), policy=cp.save_any_names_but_these("y"))
        first, second = lambda x: f(x)[0], lambda x: f(x)[1].sum()
        return lambda x: (grad(first)(x), grad(grad(second))(x), vmap(grad(first))(np.stack([x])))

    same(jit(g(jit))(0.7), g(lambda f: f)(0.7), 1e-4)


def flops(f: Callable[..., Any], *args: Any) -> float:
    from axil.compiler.cost import estimate
    from axil.compiler.functions import Functions
    from axil.compiler.pipeline import transform
    from axil.dialects.mlir import parse_module

    module = parse_module(jit(f).lower(*args).as_text("traced"))
    transform(module)
    return estimate(Functions(module), "main")


def test_what_is_kept_is_not_computed_again() -> None:
    def products(x: Any, w: Any) -> Any:
        y = checkpoint_name(x @ w, "first")
        y = checkpoint_name(np.sin(y) @ w, "second")
        return np.sin(np.sin(y) @ w)

    n = 64
    x, w = onp.ones((n, n), "f"), onp.ones((n, n), "f")
    total = lambda f: flops(value_and_grad(lambda x, w: f(x, w).sum(), (0, 1)), x, w)
    plain = total(products)
    again = lambda policy: (total(checkpoint(products, policy=policy)) - plain) / (2.0 * n**3)
    assert -0.1 < again(cp.everything_saveable) < 0.1
    assert -0.1 < again(cp.dots_saveable) < 0.2
    assert 2.9 < again(None) < 3.2
    assert 1.9 < again(cp.save_only_these_names("first")) < 2.2
    assert 1.9 < again(cp.save_only_these_names("second")) < 2.2
    assert 0.9 < again(cp.save_only_these_names("first", "second")) < 1.2


def test_kept_products_of_loops_are_not_computed_again() -> None:
    n, length = 64, 5
    x, w = onp.ones((n, n), "f"), onp.ones((n, n), "f")

    def f(policy: Any) -> Any:
        loop = lambda x, w: lax.scan(lambda c, _: (np.sin(c @ w), None), x, None, length=length)[0]
        return value_and_grad(lambda x: checkpoint(loop, policy=policy)(x, w).sum())

    again = length * 2.0 * n**3
    none, dots = flops(f(None), x), flops(f(cp.dots_saveable), x)
    assert 0.95 * again < none - dots < 1.05 * again


def test_printing(capsys: pytest.CaptureFixture) -> None:
    big = np.arange(20.0)
    print_saved_residuals(lambda d, k: checkpoint_name(np.sin(d["a"]), "name") * k[1] * big, {"a": big}, (1.0, big))
    lines = capsys.readouterr().out.splitlines()
    here = re.escape(__file__)
    wanted = [
        r"f32\[20\] from the argument k\[1\]",
        r"f32\[20\] from a constant",
        rf"f32\[20\] output of cos from {here}:\d+ .*",
        rf"f32\[20\] named 'name' from {here}:\d+ .*",
    ]
    for pattern in wanted:
        assert any(re.fullmatch(pattern, line) for line in lines), (pattern, lines)


def test_names_are_the_identity_in_every_mode() -> None:
    f = lambda x: checkpoint_name({"a": x * x, "b": 2}, "n")["a"]
    same([f(3.0), grad(f)(3.0), grad(grad(f))(3.0)], [9.0, 6.0, 2.0])
    same(vmap(grad(f))(np.array([1.0, 2.0])), [2.0, 4.0])
    same(jit(f)(3.0), 9.0)
    with error_here(TypeError, "takes a string"):
        checkpoint_name(1.0, 3)


def test_offloading() -> None:
    # On CPUs all memory is host memory, so what is offloaded is kept.
    offload = cp.save_and_offload_only_these_names(
        names_which_can_be_saved=["h1"], names_which_can_be_offloaded=["h2"], offload_src="device",
        offload_dst="pinned_host",
    )  # fmt: skip
    assert kept(checkpoint(mlp, policy=offload), X, W, W) == sorted([*ARGS, ROW, ROW])
    dots = cp.offload_dot_with_no_batch_dims("device", "pinned_host")
    assert kept(checkpoint(mlp, policy=dots), X, W, W) == sorted([*ARGS, ROW, ROW, ROW])
    assert Offloadable("device", "pinned_host").dst == "pinned_host"
    with error_here(ValueError, "saved or offloaded", "h1"):
        cp.save_and_offload_only_these_names(
            names_which_can_be_saved=["h1"], names_which_can_be_offloaded=["h1"], offload_src="a", offload_dst="b"
        )


def test_wrong_policies() -> None:
    with error_here(TypeError, "True, False, Saveable, Recompute or Offloadable", "'yes'", "'cos'"):
        grad(lambda x: checkpoint(np.sin, policy=lambda prim, *avals, **params: "yes")(x))(1.0)
    with error_here(TypeError, "takes names", "*names"):
        cp.save_only_these_names(["a", "b"])
    both = cp.save_from_both_policies(cp.dots_saveable, lambda prim, *avals, **params: Saveable)
    with pytest.raises(ValueError, match="give booleans"):
        grad(checkpoint(np.sin, policy=both))(1.0)
