"""Batching of every combinator: any choice of batched operands gives what a loop over the examples gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from checks import same

import axil
import axil.custom_batching
import axil.numpy as np
from axil import lax
from axil.dialects.combinators import COMBINATORS

RNG = onp.random.default_rng(0)


@axil.custom_jvp
def _jvp_rule(x: Any, y: Any) -> Any:
    return np.sin(x) * y


_jvp_rule.defjvps(lambda t, out, x, y: t * np.cos(x) * y, lambda t, out, x, y: t * np.sin(x))


@axil.custom_vjp
def _vjp_rule(x: Any, y: Any) -> Any:
    return np.sin(x) * y


_vjp_rule.defvjp(lambda x, y: (np.sin(x) * y, (x, y)), lambda r, g: (g * np.cos(r[0]) * r[1], g * np.sin(r[0])))


@axil.custom_vjp
def _symbolic_vjp(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def _symbolic_forward(x: Any, y: Any) -> Any:
    return np.sin(x.value) * y.value, (x.value, y.value)


_symbolic_vjp.defvjp(
    _symbolic_forward, lambda r, g: (g * np.cos(r[0]) * r[1], g * np.sin(r[0])), symbolic_zeros=True
)


@axil.custom_jvp
def _symbolic_jvp(x: Any, y: Any) -> Any:
    return np.sin(x) * y


@_symbolic_jvp.defjvp
def _symbolic_jvp_rule(primals: Any, tangents: Any) -> Any:
    (x, y), (t, _) = primals, tangents
    return np.sin(x) * y, t * np.cos(x) * y


_symbolic_jvp.defjvp(_symbolic_jvp_rule, symbolic_zeros=True)


@axil.custom_batching.custom_vmap
def _vmap_rule(x: Any, y: Any) -> Any:
    return np.sin(x) * y


@_vmap_rule.def_vmap
def _of_batch(size: int, batched: Any, x: Any, y: Any) -> Any:
    x, y = (v if b else np.broadcast_to(v, (size, *v.shape)) for v, b in zip((x, y), batched))
    return np.sin(x) * y, True


def _loop(x: Any, y: Any, n: Any) -> Any:
    return lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, np.sin(s[1]) * y), (0, x))[1]


def _bounded(x: Any, y: Any, n: Any) -> Any:
    return lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, np.sin(s[1]) * y), (0, x), max_steps=6)[1]


_V, _I = "f32[3]", "i32[]"
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "scan": (lambda x, y, r: lax.scan(lambda c, row: (np.sin(c) * y + row, c + row), x, r), (_V, _V, "f32[4,3]")),
    "while": (_loop, (_V, _V, _I)),
    "bounded_while": (_bounded, (_V, _V, _I)),
    "replay": (lambda x, y, n: axil.grad(lambda x: _bounded(x, y, n).sum())(x), (_V, _V, _I)),
    "cond": (lambda i, x, y: lax.switch(i, [np.add, np.subtract, lambda x, y: x], x, y), (_I, _V, _V)),
    "checkpoint": (lambda x, y: axil.grad(axil.checkpoint(lambda x: (np.sin(x) * y).sum()))(x), (_V, _V)),
    "custom_jvp": (lambda x, y: (_jvp_rule(x, y), axil.grad(lambda x: _jvp_rule(x, y).sum())(x)), (_V, _V)),
    "custom_vjp": (_vjp_rule, (_V, _V)),
    "custom_vjp_linear": (lambda x, y: axil.grad(lambda x: _vjp_rule(x, y).sum())(x), (_V, _V)),
    "custom_jvp_symbolic": (lambda x, y: axil.grad(lambda x: _symbolic_jvp(x, y).sum())(x), (_V, _V)),
    "custom_vjp_symbolic": (_symbolic_vjp, (_V, _V)),
    "custom_vjp_symbolic_linear": (lambda x, y: axil.grad(lambda x: _symbolic_vjp(x, y).sum())(x), (_V, _V)),
    "custom_vmap": (_vmap_rule, (_V, _V)),
    "linear_call": (
        lambda r, x: axil.custom_derivatives.linear_call(lambda r, x: x * r, lambda r, x: x * r, r, x), (_V, _V)),
    "custom_linear_solve": (
        lambda a, b: lax.custom_linear_solve(lambda x: a * x, b, lambda f, b: b / a, lambda f, b: b / a), (_V, _V)),
    "host_call": (
        lambda x, y: axil.pure_callback(lambda x, y: onp.asarray(x + y), axil.ShapeDtypeStruct((3,), "float32"), x, y,
                                        vmap_method="sequential"), (_V, _V)),
}  # fmt: skip
MASKS = [
    (name, mask)
    for name, (_, operands) in FUNCTIONS.items()
    for mask in itertools.product((False, True), repeat=len(operands))
    if any(mask)
]


def _operands(kinds: tuple[str, ...], mask: tuple[bool, ...], size: int) -> list[Any]:
    made = []
    for kind, batched in zip(kinds, mask):
        shape = tuple(int(n) for n in kind[4:-1].split(",") if n)
        shape = (size, *shape) if batched else shape
        numbers = RNG.integers(0, 4, shape) if kind[0] == "i" else RNG.uniform(0.5, 1.5, shape)
        made.append(np.array(numbers, "int32" if kind[0] == "i" else "float32"))
    return made


def test_every_combinator_is_here() -> None:
    assert {name for name, c in COMBINATORS.items() if not c.transformation} == set(FUNCTIONS)


@pytest.mark.parametrize(("name", "mask"), MASKS, ids=[f"{n}-{''.join('01'[b] for b in m)}" for n, m in MASKS])
def test_a_batch_is_a_loop(name: str, mask: tuple[bool, ...]) -> None:
    function, kinds = FUNCTIONS[name]
    xs = _operands(kinds, mask, 3)
    got = axil.vmap(function, in_axes=tuple(0 if b else None for b in mask))(*xs)
    rows = [function(*[x[i] if b else x for x, b in zip(xs, mask)]) for i in range(3)]
    wanted = axil.tree_util.tree_map(lambda *parts: onp.stack([onp.asarray(p) for p in parts]), *rows)
    same(got, wanted)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"host_call"}))
def test_a_batch_of_any_size_is_as_many_operations(name: str) -> None:
    """No rule loops over the examples, or repeats its body for each. (`host_call` does where `vmap_method` says so.)"""
    function, kinds = FUNCTIONS[name]
    mask = (True,) * len(kinds)
    texts = [axil.jit(axil.vmap(function)).lower(*_operands(kinds, mask, n)).as_text("expanded") for n in (11, 13)]
    counts = [sum('"axil.' in line or "call @" in line for line in text.splitlines()) for text in texts]
    assert counts[0] == counts[1] > 0


def test_compiled_batches_agree() -> None:
    """One program with all combinators, all operands batched."""
    names = sorted(set(FUNCTIONS) - {"host_call"})
    operands = [_operands(FUNCTIONS[n][1], (True,) * len(FUNCTIONS[n][1]), 3) for n in names]
    run = lambda all_: [axil.vmap(FUNCTIONS[n][0])(*xs) for n, xs in zip(names, all_)]
    same(axil.jit(run)(operands), run(operands))
