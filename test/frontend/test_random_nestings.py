"""Random nests of transformations and control flow, against finite differences and the rules of calculus in f64.

A *wrapper* makes a function of one number from another, in Axil and as a `Formula`: loops, branches, derivatives,
custom rules. Nests of them to depth 4 are drawn by a seeded generator. Each is compared, at a random point, with the
formula (value, first and second derivative), and its derivative with finite differences of its own values.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as onp
import pytest
from checks import same, slope
from formulas import COS, EXP, SIN, TANH, Formula, X, by_case, formula

import axil
import axil.numpy as np
from axil import checkpoint, custom_jvp, custom_vjp, grad, jacfwd, jacrev, jit, jvp, lax, linearize, vjp, vmap


class Nest(NamedTuple):
    """A function, what it should be, its derivation in words, and how it may be treated."""

    fun: Callable[[Any], Any]
    is_: Formula
    text: str
    order: int = 0  # derivatives inside
    reverse: bool = True  # it has a reverse mode
    honest: bool = True  # its derivative is that of its values


def made(f: Nest, fun: Callable[[Any], Any], is_: Formula, text: str, **changes: Any) -> Nest:
    """A nest around another."""
    return f._replace(fun=fun, is_=is_, text=f"{text}({f.text})", **changes)


LEAVES = [
    Nest(lambda x: np.sin(2 * x) * 0.5, 0.5 * SIN.of(2.0 * X), "sin"),
    Nest(lambda x: np.tanh(x) + 0.2 * x, TANH + 0.2 * X, "tanh"),
    Nest(lambda x: np.exp(-x * x) * x, EXP.of(-1.0 * (X * X)) * X, "bump"),
    Nest(lambda x: (np.array([1.0, 0.5]) * np.cos(x * np.array([1.0, 3.0]))).sum() / 2,
         0.5 * COS + 0.25 * COS.of(3.0 * X), "cosines"),
    Nest(lambda x: (np.array([[0.3, 0.1], [-0.2, 0.4]]) @ np.stack([x, np.sin(x)]))[1], -0.2 * X + 0.4 * SIN, "matmul"),
]  # fmt: skip


# ---- loops and branches --------------------------------------------------------------------------------


def in_vmap(f: Nest, r: random.Random) -> Nest:
    a = round(r.uniform(0.3, 1.5), 2)
    g = lambda x: (vmap(f.fun)(np.stack([x, a * x])) * np.array([0.5, 0.4])).sum()
    return made(f, g, 0.5 * f.is_ + 0.4 * f.is_.of(a * X), "vmap")


def over_captured(f: Nest, r: random.Random) -> Nest:
    """The batch is of something else; the function of the captured number is not batched."""
    g = lambda x: vmap(lambda k: f.fun(x) * k + x)(np.array([0.3, 0.2])).sum()
    return made(f, g, 0.5 * f.is_ + 2.0 * X, "vmap_over")


def in_named_vmap(f: Nest, r: random.Random) -> Nest:
    g = lambda x: vmap(lambda k: lax.psum(f.fun(x * k), "i") * k, axis_name="i")(np.array([0.4, 0.6])).sum()
    return made(f, g, f.is_.of(0.4 * X) + f.is_.of(0.6 * X), "psum")


def scanned(f: Nest, r: random.Random) -> Nest:
    n, b = r.choice([0, 1, 2, 3]), round(r.uniform(-0.5, 0.5), 2)
    g = lambda x: lax.scan(lambda c, k: (f.fun(c) + b * x * k, None), x, np.ones(n))[0]
    return made(f, g, iterated(X, f.is_, b * X, n), f"scan{n}")


def iterated(start: Formula, step: Formula, plus: Formula, n: int) -> Formula:
    for _ in range(n):
        start = step.of(start) + plus
    return start


def stacked(f: Nest, r: random.Random) -> Nest:
    reverse = r.random() < 0.5

    def g(x: Any) -> Any:
        step = lambda c, k: ((c[0] * k, c[1] + 1), f.fun(c[0]))
        return (lax.scan(step, (x, 0), np.array([0.5, 2.0]), reverse=reverse)[1] * np.array([0.6, 0.3])).sum()

    first, second = (0.3, 0.6) if reverse else (0.6, 0.3)
    return made(f, g, first * f.is_ + second * f.is_.of((2.0 if reverse else 0.5) * X), "stack")


def mapped(f: Nest, r: random.Random) -> Nest:
    size = r.choice([None, 1, 2])
    g = lambda x: lax.map(f.fun, np.stack([x, 0.5 * x, x]), batch_size=size).sum() * 0.4
    return made(f, g, 0.8 * f.is_ + 0.4 * f.is_.of(0.5 * X), f"map{size}")


def in_fori(f: Nest, r: random.Random) -> Nest:
    g = lambda x: lax.fori_loop(1, 3, lambda i, c: f.fun(c) + x * i * 0.2, x)
    return made(f, g, f.is_.of(f.is_ + 0.2 * X) + 0.4 * X, "fori")


def prefixes(f: Nest, r: random.Random) -> Nest:
    g = lambda x: lax.associative_scan(np.add, vmap(f.fun)(np.stack([x, 0.5 * x, x])))[1] * 0.5
    return made(f, g, 0.5 * f.is_ + 0.5 * f.is_.of(0.5 * X), "associative_scan")


def reduced(f: Nest, r: random.Random) -> Nest:
    total = lambda a, b: a + b * 1.0
    g = lambda x: lax.reduce(vmap(f.fun)(np.stack([x, 0.5 * x, x])), np.zeros((), x.dtype), total, (0,)) * 0.3
    return made(f, g, 0.6 * f.is_ + 0.3 * f.is_.of(0.5 * X), "reduce")


def in_cond(f: Nest, r: random.Random) -> Nest:
    t, other = round(r.uniform(-0.5, 0.8), 2), r.choice(LEAVES)
    g = lambda x: lax.cond(x > t, f.fun, lambda v: other.fun(v) * x, x)
    return made(f, g, by_case(lambda x: x > t, lambda yes: f.is_ if yes else other.is_ * X), f"cond{t}")


def in_switch(f: Nest, r: random.Random) -> Nest:
    i = r.choice([-3, 0, 1, 2, 7])
    g = lambda x: lax.switch(i + 0 * np.asarray(x, "i4"), [lambda: f.fun(x), lambda: x * f.fun(x), lambda: f.fun(-x)])
    return made(f, g, [f.is_, X * f.is_, f.is_.of(-1.0 * X)][min(max(i, 0), 2)], f"switch{i}")


def turns(f: Nest, r: random.Random, **bounds: Any) -> tuple[Callable, Formula]:
    """Repeat `c = (c + f(c) / 4) + 0.3` while c < limit; how often depends on the number."""
    limit = round(r.uniform(0.0, 1.5), 2)

    def g(x: Any) -> Any:
        step = lambda s: (s[0] + 0.25 * f.fun(s[0]) + 0.3 + 0.1 * x * x, s[1] + 1)
        return lax.while_loop(lambda s: (s[0] < limit) & (s[1] < 6), step, (x, 0), **bounds)[0] * 0.7

    after = lambda n: iterated(X, X + 0.25 * f.is_, 0.3 + 0.1 * (X * X), n)
    count = lambda x: next((n for n in range(6) if not after(n)(x) < limit), 6)
    return g, 0.7 * by_case(count, after)


def in_while(f: Nest, r: random.Random) -> Nest:
    return made(f, *turns(f, r), "while", reverse=False)


def in_bounded_while(f: Nest, r: random.Random) -> Nest:
    return made(f, *turns(f, r, max_steps=6, checkpoints=r.choice([None, 1, 2])), "bounded_while")


# ---- rules ---------------------------------------------------------------------------------------------


def derivative(f: Nest, x: Any) -> Any:
    """f'(x), in a mode that f has."""
    return grad(f.fun)(x) if f.reverse else jvp(f.fun, (x,), (np.ones_like(x),))[1]


def in_checkpoint(f: Nest, r: random.Random) -> Nest:
    return made(f, checkpoint(f.fun), f.is_, "checkpoint")


def in_custom_jvp(f: Nest, r: random.Random) -> Nest:
    """A rule that gives another derivative, times 1.5."""
    g = custom_jvp(f.fun)
    g.defjvp(lambda p, t: (g(*p), 1.5 * derivative(f, *p) * t[0]))
    return made(f, g, f.is_.with_derivative(lambda: 1.5 * f.is_.d), "custom_jvp", order=f.order + 1, honest=False)


def in_custom_vjp(f: Nest, r: random.Random) -> Nest:
    g = custom_vjp(f.fun)
    g.defvjp(lambda x: (g(x), x), lambda x, ct: (ct * derivative(f, x),))
    return made(f, g, f.is_, "custom_vjp", order=f.order + 1)


# ---- derivatives ---------------------------------------------------------------------------------------


def by_jvp(f: Nest, r: random.Random) -> Nest:
    g = lambda x: jvp(f.fun, (x,), (x,))[1]
    return made(f, g, f.is_.d * X, "jvp", order=f.order + 1)


def by_vjp(f: Nest, r: random.Random) -> Nest:
    return made(f, lambda x: vjp(f.fun, x)[1](x * 0.5)[0], f.is_.d * (0.5 * X), "vjp", order=f.order + 1)


def by_grad(f: Nest, r: random.Random) -> Nest:
    """The inner variable multiplies the outer."""
    return made(f, lambda x: grad(lambda y: f.fun(x * y))(0.5), X * f.is_.d.of(0.5 * X), "grad", order=f.order + 1)


def by_linearize(f: Nest, r: random.Random) -> Nest:
    return made(f, lambda x: linearize(f.fun, x)[1](0.7), 0.7 * f.is_.d, "linearize", order=f.order + 1)


def by_jacobian(f: Nest, r: random.Random) -> Nest:
    jacobian = r.choice([jacfwd, jacrev])
    g = lambda x: jacobian(vmap(f.fun))(np.stack([x, 0.5 * x])).sum()
    return made(f, g, f.is_.d + f.is_.d.of(0.5 * X), jacobian.__name__, order=f.order + 1)


def confused(f: Nest, r: random.Random) -> Nest:
    """Two perturbations at once: d/dy of d/dz of f(y z) x, of which a confusion would mix the tangents."""
    inner = lambda x, y: jvp(lambda z: f.fun(z * y) * x, (x,), (1.0,))[1]
    g = lambda x: grad(lambda y: inner(x, y))(0.5)
    first, second = f.is_.d.of(0.5 * X), f.is_.d.d.of(0.5 * X)
    return made(f, g, X * first + X * X * (0.5 * second), "confused", order=f.order + 2)


def constant_inside(f: Nest, r: random.Random) -> Nest:
    """d/dy of x f(x) does not see y; the derivative of y + x f(x) is 1."""
    d = r.choice([lambda h: grad(h)(0.3), lambda h: jvp(h, (0.3,), (1.0,))[1]]) if f.reverse else (
        lambda h: jvp(h, (0.3,), (1.0,))[1])  # fmt: skip
    g = lambda x: x * d(lambda y: y * f.fun(x) + x)
    return made(f, g, X * f.is_, "constant", order=f.order + 1)


def in_jit(f: Nest, r: random.Random) -> Nest:
    return made(f, jit(f.fun), f.is_, "jit")


CONTROL = [in_vmap, over_captured, in_named_vmap, scanned, stacked, mapped, in_fori, prefixes, reduced, in_cond,
           in_switch, in_while, in_bounded_while]  # fmt: skip
RULES = [in_checkpoint, in_custom_jvp, in_custom_vjp]
DERIVATIVES = [by_jvp, by_vjp, by_grad, by_linearize, by_jacobian, confused, constant_inside]


# ---- nests ---------------------------------------------------------------------------------------------


def nest(r: random.Random, depth: int) -> Nest:
    """A random nest of a depth, with three derivatives inside at most."""
    f = r.choice(LEAVES)
    while depth:
        wrapper = r.choice([r.choice(CONTROL), r.choice(CONTROL), r.choice(RULES), r.choice(DERIVATIVES)])
        if allowed(wrapper, f):
            f = wrapper(f, r)
            depth -= 1
    return f


def allowed(wrapper: Callable, f: Nest) -> bool:
    if f.order >= 2 and wrapper in (*DERIVATIVES, in_custom_jvp, in_custom_vjp):
        return False
    if wrapper in (by_vjp, by_grad, confused, in_custom_vjp, by_jacobian) and not f.reverse:
        return False
    # A function with a rule for reverse mode only has no forward mode, as in JAX.
    if "custom_vjp" in f.text and wrapper in (by_jvp, by_linearize, by_jacobian, confused, in_while, constant_inside):
        return False
    return True


def check(f: Nest, x: float, second: bool) -> None:
    """Compare value and derivatives at a point."""
    with axil.enable_x64():
        wanted = f.is_(x), f.is_.d(x)
        forward = "custom_vjp" not in f.text
        if f.reverse:
            same(axil.value_and_grad(f.fun)(x), wanted, 1e-8, 1e-8)
        if forward:
            same(jvp(f.fun, (x,), (1.0,)), wanted, 1e-8, 1e-8)
        if f.honest:
            same(wanted[1], slope(lambda t: f.fun(np.asarray(t)), x), 1e-4, 1e-5)
        if not second:
            return
        if f.reverse:
            same(grad(grad(f.fun))(x), f.is_.d.d(x), 1e-7, 1e-7)
        if f.reverse and forward:
            same(jvp(grad(f.fun), (x,), (1.0,))[1], f.is_.d.d(x), 1e-7, 1e-7)
        if forward:
            same(jvp(lambda x: jvp(f.fun, (x,), (1.0,))[1], (x,), (1.0,))[1], f.is_.d.d(x), 1e-7, 1e-7)


GROUPS = 20
EACH = 15


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_nests(group: int) -> None:
    for i in range(EACH):
        r = random.Random(1000 * group + i)
        f = nest(r, 1 + i % 4)
        x = round(r.uniform(-0.9, 1.1), 3)
        try:
            check(f, x, second=f.order < 2 and i % 4 < 3)
        except Exception as e:
            raise AssertionError(f"{f.text} at {x} (seed {1000 * group + i})") from e


@pytest.mark.parametrize("wrapper", [*CONTROL, *RULES, *DERIVATIVES], ids=lambda w: w.__name__)
def test_every_wrapper_to_second_order(wrapper: Callable) -> None:
    r = random.Random(7)
    for x in (0.61, -0.37):
        check(wrapper(LEAVES[0], r), x, second=True)


def test_compiled_nests() -> None:
    """A few nests, with a derivative each, in one compilation."""
    with axil.enable_x64():
        nests: list[Nest] = []
        seed = 0
        while len(nests) < 6:
            f = nest(random.Random(90_000 + seed), 3)
            seed += 1
            if f.reverse:
                nests.append(f)
        got = jit(lambda x: [axil.value_and_grad(f.fun)(x) for f in nests])(0.43)
        for f, g in zip(nests, got):
            try:
                same(g, (f.is_(0.43), f.is_.d(0.43)), 1e-8, 1e-8)
            except AssertionError as e:
                raise AssertionError(f.text) from e


def test_jit_within_nests() -> None:
    with axil.enable_x64():
        r = random.Random(3)
        f = by_grad(in_jit(scanned(in_jit(LEAVES[0], r), r), r), r)
        same(axil.value_and_grad(f.fun)(0.43), (f.is_(0.43), f.is_.d(0.43)), 1e-8)


# ---- perturbation confusion ----------------------------------------------------------------------------


def test_perturbations_are_not_confused() -> None:
    """Cases of Siskind and Pearlmutter, "Perturbation confusion and referential transparency" (2005), and kin."""
    with axil.enable_x64():
        same(grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0), 1.0)
        same(jvp(lambda x: x * jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1], 1.0)
        same(grad(lambda x: x * jvp(lambda y: x * y, (2.0,), (1.0,))[1])(3.0), 6.0)
        same(jvp(lambda x: x * grad(lambda y: x * y)(2.0), (3.0,), (1.0,))[1], 6.0)
        inner = lambda x: lax.scan(lambda c, _: (c + grad(lambda y: x * y * c)(x), None), x, None, length=2)[0]
        same(grad(inner)(0.5), slope(lambda x: x * (1 + x) ** 2, 0.5), 1e-6)
        by_vmap = lambda x: vmap(lambda k: grad(lambda y: x * y * k)(x))(np.arange(3.0)).sum()
        same(grad(by_vmap)(2.0), 3.0)
        held = lambda x: lax.cond(x > 0, lambda: grad(lambda y: x * x * y)(x), lambda: x)
        same(grad(held)(3.0), 6.0)


def test_a_wrong_derivative_would_be_noticed() -> None:
    f = in_bounded_while(scanned(LEAVES[0], random.Random(1)), random.Random(1))
    check(f, 0.4, second=True)
    for wrong in (1.0001 * f.is_, f.is_.with_derivative(lambda: 1.0001 * f.is_.d)):
        with pytest.raises(AssertionError):
            check(f._replace(is_=wrong), 0.4, second=True)


def test_formulas() -> None:
    """The reference is right by itself."""
    f = by_case(lambda x: x > 0, lambda yes: SIN.of(X * X) if yes else formula(2.0) * TANH)
    for g in (f, f.d, f.d.d, EXP.of(COS), (X * X).of(SIN).d):
        for x in (0.7, -0.4):
            onp.testing.assert_allclose(g.d(x), slope(g, x), rtol=1e-6, atol=1e-8)
