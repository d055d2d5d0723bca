"""Collectives over axes that `vmap` names: who gets what, their derivatives, and nested axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from checks import same

import axil
import axil.numpy as np
from axil import lax

X = onp.arange(24, dtype="float32").reshape(4, 3, 2)  # four members, each with a 3 x 2 matrix
P = onp.arange(48, dtype="float32").reshape(4, 4, 3)  # four members, each with a part for each

CASES: dict[str, tuple[Callable[..., Any], onp.ndarray]] = {
    "all_gather": (lambda L, x: L.all_gather(x, "i"), X),
    "all_gather at the last axis": (lambda L, x: L.all_gather(x, "i", axis=-1), X),
    "all_gather tiled": (lambda L, x: L.all_gather(x, "i", axis=1, tiled=True), X),
    "psum_scatter": (lambda L, x: L.psum_scatter(x, "i"), P),
    "psum_scatter tiled": (lambda L, x: L.psum_scatter(x.T, "i", scatter_dimension=1, tiled=True), P),
    "all_to_all": (lambda L, x: L.all_to_all(x, "i", 0, 1), P),
    "all_to_all tiled": (lambda L, x: L.all_to_all(x, "i", 0, 1, tiled=True), P),
    "ppermute": (lambda L, x: L.ppermute(x, "i", [(0, 1), (1, 2), (3, 0), (2, 3)]), X),
    "pshuffle": (lambda L, x: L.pshuffle(x, "i", [1, 3, 0, 2]), X),
    "pswapaxes": (lambda L, x: L.pswapaxes(x, "i", 0), P),
    "of an unbatched value": (lambda L, x: L.all_gather(2.0, "i") + L.pshuffle(3.0, "i", [0, 2, 1, 3]), X),
    "nested": (lambda L, x: L.all_gather(L.psum(x, "i"), "i") * L.axis_index("i"), X),
}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_jax(name: str) -> None:
    jax = pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    function, x = CASES[name]
    ours = axil.vmap(lambda x: function(lax, x), axis_name="i")(x)
    same(ours, onp.asarray(jax.vmap(lambda x: function(jax.lax, x), axis_name="i")(x)))
    compiled = axil.jit(axil.vmap(lambda x: function(lax, x), axis_name="i"))(x)
    same(compiled, onp.asarray(ours))


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_jax(name: str) -> None:
    jax = pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    function, x = CASES[name]

    def loss(package: Any, numpy: Any) -> Callable[[Any], Any]:
        mapped = package.vmap(lambda x: function(package.lax, numpy.sin(x)), axis_name="i")
        return lambda x: numpy.sum(mapped(x) ** 2)

    same(axil.grad(loss(axil, np))(x), onp.asarray(jax.grad(loss(jax, jax.numpy))(x)), rtol=1e-4, atol=1e-4)


def test_who_gets_what() -> None:
    members = np.arange(3.0)
    gathered = axil.vmap(lambda x: lax.all_gather(x, "i"), axis_name="i")(members)
    same(gathered, [[0, 1, 2]] * 3)
    same(axil.vmap(lambda x: lax.ppermute(x, "i", [(0, 1), (1, 2)]), axis_name="i")(members), [0, 0, 1])
    same(axil.vmap(lambda x: lax.pbroadcast(x, "i", 2), axis_name="i")(members), [2, 2, 2])
    parts = np.arange(9.0).reshape(3, 3)
    same(axil.vmap(lambda x: lax.psum_scatter(x, "i"), axis_name="i")(parts), onp.asarray(parts).sum(0))
    same(axil.vmap(lambda x: lax.all_to_all(x, "i", 0, 0), axis_name="i")(parts), onp.asarray(parts).T)


def test_over_an_axis_inside_another() -> None:
    x = onp.arange(2 * 3 * 4, dtype="float32").reshape(2, 3, 4)
    inner = axil.vmap(lambda x: lax.all_gather(x, "inner"), axis_name="inner")
    same(axil.vmap(inner, axis_name="outer")(x), onp.stack([onp.stack([row] * 3) for row in x]))
    over_outer = axil.vmap(lambda x: lax.all_gather(x, "outer"), axis_name="inner")
    got = axil.vmap(over_outer, axis_name="outer")(x)
    same(got, onp.stack([onp.swapaxes(x, 0, 1)] * 2))
    both = axil.vmap(lambda x: lax.all_gather(x, ("outer", "inner")), axis_name="inner")
    same(axil.vmap(both, axis_name="outer")(x)[1, 2], x.reshape(6, 4))


def test_in_groups() -> None:
    """JAX's vmap has none; the meaning is that of its sharded programs."""
    over = lambda f: axil.vmap(f, axis_name="i")(X)
    groups = [[0, 2], [3, 1]]
    gathered = over(lambda x: lax.all_gather(x, "i", axis_index_groups=groups))
    same(gathered, onp.stack([X[[0, 2]], X[[3, 1]], X[[0, 2]], X[[3, 1]]]))
    sums = onp.stack([X[0] + X[2], X[3] + X[1]] * 2)
    same(over(lambda x: lax.psum(x, "i", axis_index_groups=groups)), sums)
    same(over(lambda x: lax.pmean(x, "i", axis_index_groups=groups)), sums / 2)
    same(over(lambda x: lax.pmax(x, "i", axis_index_groups=groups))[1], X[3])
    exchanged = over(lambda x: lax.all_to_all(x[:2], "i", 0, 0, axis_index_groups=groups))
    same(exchanged[0], onp.stack([X[0, 0], X[2, 0]]))
    same(exchanged[1], onp.stack([X[3, 1], X[1, 1]]))


def test_those_who_are_sent_nothing_get_zeros() -> None:
    f = lambda x: lax.ppermute(x, "i", [(0, 1), (3, 0)])
    same(axil.vmap(f, axis_name="i")(X), onp.stack([X[3], X[0], 0 * X[0], 0 * X[0]]))
    weights = onp.stack([X[0] + i for i in range(4)])
    total = lambda x: np.sum(axil.vmap(f, axis_name="i")(x) * weights)
    same(axil.grad(total)(X), onp.stack([weights[1], 0 * X[0], 0 * X[0], weights[0]]))


def test_wrong_use_is_told() -> None:
    with pytest.raises(NameError, match="unbound axis name"):
        lax.all_gather(1.0, "i")
    with pytest.raises(ValueError, match="distinct"):
        axil.vmap(lambda x: lax.ppermute(x, "i", [(0, 1), (2, 1)]), axis_name="i")(np.ones(3))
    with pytest.raises(ValueError, match="size of the named axis"):
        axil.vmap(lambda x: lax.psum_scatter(x, "i"), axis_name="i")(np.ones((3, 2)))
    with pytest.raises(ValueError, match="groups"):
        axil.vmap(lambda x: lax.psum(x, "i", axis_index_groups=[[0], [1, 2]]), axis_name="i")(np.ones(3))
