"""Compiled programs of c128, elements of which are wider than what IREE fills memory with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import jit, lax, vjp, vmap
from axil.tree_util import tree_leaves

C, K = onp.complex128, onp.complex128(1 + 2j)
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "constants": lambda x: (np.zeros((3,), C), np.full((2, 3), K), np.asarray([1j, 2.0])),
    "pad": lambda x: lax.pad(x, C(0), ((1, 2, 0), (0, 0, 0))),
    "pad within": lambda x: lax.pad(x, K, ((1, 2, 1), (-1, 0, 0))),
    "pad with an operand": lambda x: lax.pad(x, x[0, 0], ((1, 0, 0), (0, 2, 0))),
    "diag": lambda x: np.diag(x[0]),
    "slice, transposed": lambda x: vjp(lambda v: v[1:3, ::2], x)[1](x[:2, :2])[0],
    "update": lambda x: np.full((6, 3), K).at[1:5].set(x),
    "scan": lambda x: lax.scan(lambda c, t: (c * t, c + t), np.full((3,), K), x),
    "scan, reversed": lambda x: lax.scan(lambda c, t: (c * t, (c, t[0])), np.zeros((3,), C) + 1, x, reverse=True),
    "while": lambda x: lax.fori_loop(0, 3, lambda i, c: c.at[i].add(x[0]), np.zeros((4, 3), C)),
    "cond": lambda x: lax.cond(x[0, 0].real > 0, lambda v: (v, np.zeros((2, 2), C)), lambda v: (-v, v[:2, :2]), x),
    "sum of nothing": lambda x: np.sum(x[:0], axis=0),
    "product of nothing": lambda x: np.prod(x[:0], axis=0),
    "cumsum": lambda x: np.cumsum(x, 0),
    "concatenate": lambda x: np.concatenate([x, np.zeros((2, 3), C)]),
    "tridiagonal": lambda x: lax.linalg.tridiagonal_solve(x[:, 0], x[:, 1], x[:, 2], x),
}  # fmt: skip


@pytest.mark.parametrize("mapped", [False, True])
def test_compiled_equals_eager(mapped: bool) -> None:
    rng = onp.random.default_rng(0)
    with axil.enable_x64():
        rows = rng.normal(size=(2, 4, 3)) + 1j * rng.normal(size=(2, 4, 3))
        wanted = [{name: f(np.asarray(x)) for name, f in FUNCTIONS.items()} for x in rows]
        every = lambda x: {name: f(x) for name, f in FUNCTIONS.items()}
        got = jit(vmap(every))(rows) if mapped else jit(every)(rows[0])
        for name in FUNCTIONS:
            if mapped:
                leaves = [onp.stack(pair) for pair in zip(*(tree_leaves(w[name]) for w in wanted))]
            else:
                leaves = tree_leaves(wanted[0][name])
            for a, b in zip(tree_leaves(got[name]), leaves, strict=True):
                assert a.dtype == b.dtype == C and a.shape == b.shape, name
                onp.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=name)


def test_scalars_and_constants_alone() -> None:
    with axil.enable_x64():
        zeros, two = jit(lambda: (np.zeros((2, 2), C), np.asarray(2j)))()
        onp.testing.assert_array_equal(zeros, onp.zeros((2, 2), C))
        onp.testing.assert_array_equal(two, 2j)
