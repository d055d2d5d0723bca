"""Custom rules in every nesting, against JAX's recorded answers (`python test_custom_nesting.py` records them anew).

The functions are built twice, from `axil` here and from `jax` when recording. Rules are wrong on purpose, so that the
answers show where they were used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as onp
import pytest

ANSWERS = Path(__file__).with_name("test_custom_nesting_answers.json")


def of_jvp(J: Any, X: Any, symbolic: bool) -> Callable[..., Any]:
    zero = X.custom_derivatives.SymbolicZero

    @X.custom_jvp
    def f(x: Any, y: Any) -> Any:
        return J.sin(x) * y

    def rule(primals: Any, tangents: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        total = 0 * x
        if not isinstance(dx, zero):
            total = total + 3 * J.cos(x) * y * dx
        if not isinstance(dy, zero):
            total = total + 5 * J.sin(x) * dy
        return f(x, y), total

    f.defjvp(rule, symbolic_zeros=symbolic)
    return f


def of_vjp(J: Any, X: Any, symbolic: bool) -> Callable[..., Any]:
    zero = X.custom_derivatives.SymbolicZero

    @X.custom_vjp
    def f(x: Any, y: Any) -> Any:
        return J.sin(x) * y, x * y

    def fwd(x: Any, y: Any) -> Any:
        x, y = (x.value, y.value) if symbolic else (x, y)
        return f(x, y), (x, y)

    def bwd(residuals: Any, cts: Any) -> Any:
        (x, y), (u, v) = residuals, cts
        gx, gy = 0 * x, 0 * y
        if not isinstance(u, zero):
            gx, gy = gx + 3 * J.cos(x) * y * u, gy + 5 * J.sin(x) * u
        if not isinstance(v, zero):
            gx, gy = gx + 7 * y * v, gy + 11 * x * v
        return gx, gy

    f.defvjp(fwd, bwd, symbolic_zeros=symbolic)
    return lambda x, y: f(x, y)[0] + 0.1 * f(x * 2, y)[1]


def nested(J: Any, X: Any) -> Callable[..., Any]:
    """A custom_jvp function whose rule calls a custom_vjp function whose rules call a custom_jvp function."""
    a = of_jvp(J, X, False)
    f = X.custom_vjp(lambda x, y: a(x, y) * y)
    f.defvjp(lambda x, y: (f(x, y), (x, y, a(x, y))), lambda r, g: (g * r[2] * a(r[1], r[0]), g * r[2]))
    b = X.custom_jvp(lambda x, y: f(x, y) + x)
    b.defjvp(lambda p, t: (b(*p), X.lax.cond(p[0] > -9, lambda: f(*p), lambda: p[0]) * t[0] + t[1] * a(*p)))
    return b


def branches(J: Any, X: Any) -> Callable[..., Any]:
    a, v = of_jvp(J, X, True), of_vjp(J, X, True)
    return lambda x, y: X.lax.cond(x > 0, a, v, x, y) + X.lax.switch(1, [lambda x: v(x, y), lambda x: v(x, x)], x)


def checkpointed(J: Any, X: Any) -> Callable[..., Any]:
    a, v, w = of_jvp(J, X, True), of_vjp(J, X, True), of_vjp(J, X, False)
    step = X.checkpoint(lambda c, t, y: (w(J.sin(c), y) + t, None))
    policy = X.checkpoint_policies.everything_saveable
    loop = lambda x, y: X.lax.scan(lambda c, t: step(c, t, y), x, J.linspace(0.0, 1.0, 3))[0]
    inside = X.checkpoint(lambda x, y: a(J.sin(x), y) * v(x, y) + w(J.sin(y), x))
    return lambda x, y: X.checkpoint(loop, policy=policy)(x, y) + inside(x, y)


def loops_in_rules(J: Any, X: Any) -> Callable[..., Any]:
    def bwd(r: Any, g: Any) -> Any:
        scanned = X.lax.scan(lambda c, _: (J.sin(c) * r[1], c), g, None, length=3)[0]
        doubled = X.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 2), (0, g))[1]
        return scanned, X.lax.stop_gradient(doubled)

    f = X.custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, (x, y)), bwd)
    return f


def arguments(J: Any, X: Any) -> Callable[..., Any]:
    """Functions as arguments, arguments by name, defaults."""

    @partial(X.custom_vjp, nondiff_argnums=(0,))
    def call(g: Any, x: Any, y: Any) -> Any:
        return g(x) * y

    call.defvjp(lambda g, x, y: (g(x) * y, (x, y)), lambda g, r, ct: (3 * ct * g(r[0]) * r[1], ct * g(r[0])))

    @partial(X.custom_jvp, nondiff_argnames=("k",))
    def scaled(x: Any, y: Any, k: float = 2.0) -> Any:
        return x * y * k

    scaled.defjvp(lambda k, p, t: (scaled(p[0], p[1], k), 3 * t[0] * p[1] * k + t[1] * p[0]))
    return lambda x, y: call(J.sin, x, y) + scaled(x, y=y, k=3.0) + scaled(y, x)


def converted(J: Any, X: Any) -> Callable[..., Any]:
    """Gradients through a solver-like function of a closure."""

    @partial(X.custom_vjp, nondiff_argnums=(0,))
    def call(g: Any, x: Any, *consts: Any) -> Any:
        return g(x, *consts)

    call.defvjp(
        lambda g, x, *consts: (g(x, *consts), (x, consts)), lambda g, r, ct: X.vjp(g, r[0], *r[1])[1](2 * ct)
    )

    def f(x: Any, y: Any) -> Any:
        g, consts = X.closure_convert(lambda x: J.sin(x) * y * y, x)
        return call(g, x, *consts)

    return f


def gradient(J: Any, X: Any) -> Callable[..., Any]:
    return X.custom_gradient(lambda x, y: (J.sin(x) * y, lambda g: (3 * g * J.cos(x) * y, g * x)))


def inner_gradient(J: Any, X: Any) -> Callable[..., Any]:
    g = X.custom_vjp(lambda z: z * z)
    g.defvjp(lambda z: (z * z, z), lambda z, ct: (ct * z * 3,))
    return lambda x, y: X.grad(lambda z: g(z) * z)(x * y)


FUNCTIONS: dict[str, Callable[[Any, Any], Callable[..., Any]]] = {
    "custom_jvp": lambda J, X: of_jvp(J, X, False),
    "custom_jvp with symbolic zeros": lambda J, X: of_jvp(J, X, True),
    "custom_vjp": lambda J, X: of_vjp(J, X, False),
    "custom_vjp with symbolic zeros": lambda J, X: of_vjp(J, X, True),
    "nested": nested, "branches": branches, "checkpointed": checkpointed, "loops in rules": loops_in_rules,
    "arguments": arguments, "converted": converted, "custom_gradient": gradient, "inner gradient": inner_gradient,
}  # fmt: skip


def modes(J: Any, X: Any) -> dict[str, Callable[[Any], Any]]:
    g = X.grad
    xs, ys = J.array([0.3, 0.9, 1.1]), J.array([0.5, 0.8, -0.4])
    return {
        "grad": lambda f: g(f, (0, 1))(0.7, 0.4),
        "grad of grad": lambda f: g(g(f), 1)(0.7, 0.4),
        "third": lambda f: g(g(g(f, 1)))(0.7, 0.4),
        "jacrev of jacrev": lambda f: X.jacrev(X.jacrev(f, (0, 1)), (0, 1))(0.7, 0.4),
        "jvp": lambda f: X.jvp(f, (0.7, 0.4), (1.0, 2.0)),
        "jvp of jvp": lambda f: X.jvp(lambda x: X.jvp(lambda y: f(x, y), (0.4,), (1.0,))[1], (0.7,), (1.0,)),
        "vmap of grad": lambda f: X.vmap(g(f, (0, 1)), (0, None))(xs, 0.4),
        "grad of vmap": lambda f: g(lambda y: X.vmap(f, (0, None))(xs, y).sum())(0.4),
        "grad of grad of vmap": lambda f: g(lambda x: (g(lambda x: X.vmap(f)(x, ys).sum())(x) ** 2).sum())(xs),
        "vmap of grad of grad": lambda f: X.vmap(g(g(f)))(xs, ys),
        "vmap of pullback": lambda f: X.vmap(X.vjp(f, 0.7, 0.4)[1])(xs),
        "one argument twice": lambda f: g(lambda x: f(x, x))(0.7),
        "stop_gradient": lambda f: g(lambda x: f(x, X.lax.stop_gradient(x)))(0.7),
        "scan": lambda f: g(lambda y: X.lax.scan(lambda c, x: (f(c, y) + x, None), 0.1, xs)[0])(0.4),
        "confusion": lambda f: g(lambda x: x * g(lambda y: f(x + 0 * y, y) + x)(0.4))(0.7),
        "confusion of arguments": lambda f: g(lambda x: g(lambda y: f(y, x))(x))(0.7),
    }


def leaves(tree: Any) -> list:
    if isinstance(tree, (tuple, list)):
        return [leaf for t in tree for leaf in leaves(t)]
    return [onp.asarray(tree).tolist()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_in_jax(name: str) -> None:
    import axil
    import axil.numpy as np

    f, answers = FUNCTIONS[name](np, axil), json.loads(ANSWERS.read_text())[name]
    for mode, run in modes(np, axil).items():
        if answers[mode] is None:  # forward mode of custom_vjp; and where JAX loses track of what we do not
            continue
        got = leaves(run(f))
        assert len(got) == len(answers[mode]), mode
        for a, b in zip(got, answers[mode]):
            onp.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5, err_msg=f"{name}: {mode}")


def test_compiled_as_not() -> None:
    import axil
    import axil.numpy as np

    run = modes(np, axil)
    chosen = ["vmap of grad", "grad of vmap"]
    functions = [make(np, axil) for make in FUNCTIONS.values()]
    everything = lambda one: [run[m](lambda x, y, f=f: f(x * one, y * one)) for f in functions for m in chosen]
    keys = [(n, m) for n in FUNCTIONS for m in chosen]
    for key, compiled, eager in zip(keys, axil.jit(everything)(1.0), everything(1.0)):
        for a, b in zip(leaves(compiled), leaves(eager), strict=True):
            onp.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=str(key))


def record() -> None:
    """Ask JAX, and write the answers down."""
    import jax
    import jax.custom_derivatives
    import jax.numpy as jnp

    def ask(run: Any, f: Any) -> Any:
        try:
            return leaves(run(f))
        except Exception:
            return None

    answers = {n: {m: ask(r, make(jnp, jax)) for m, r in modes(jnp, jax).items()} for n, make in FUNCTIONS.items()}
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    record()
