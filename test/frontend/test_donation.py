"""Donation: memory is really reused, and never at the price of a wrong answer."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import grad, jit, lax, vmap
from axil.numpy.values import reweaken
from axil.runtime import default_device

on_the_host = pytest.mark.skipif(not default_device().is_host, reason="memory is reused on the CPU alone")


def _allocated() -> int:
    figures = default_device().hal.allocator.statistics
    return figures["host_bytes_allocated"] + figures["device_bytes_allocated"]


@pytest.fixture
def one_lane(monkeypatch: Any) -> None:
    """All programs run on the calling thread: the allocator of the other lane keeps no figures."""
    monkeypatch.setattr("axil.runtime.executable.PARALLEL_COST", float("inf"))


def _address(x: Any) -> int:
    return onp.frombuffer(memoryview(x._buffer.map()), onp.uint8).__array_interface__["data"][0]


def _new_bytes(f: Any, *args: Any) -> int:
    """Bytes that the allocator gets from the system during a call."""
    default_device().hal.allocator.trim()
    before = _allocated()
    f(*args)
    return _allocated() - before


def _fresh(x: Any) -> Any:
    """A result that was never looked at: its memory can be given away."""
    return jit(lambda x: x * 1.5)(x)


@on_the_host
def test_a_donated_update_of_64_megabytes_allocates_nothing(one_lane: None) -> None:
    n = 16 << 20
    zeros = np.zeros(n, np.float32)
    step = lambda p, lr: p - lr * (2 * p + 1)
    donating, plain = jit(step, donate_argnums=0), jit(step)
    p = donating(_fresh(zeros), 0.5)  # compiles
    assert _new_bytes(donating, p, 0.5) < 1 << 10
    assert _new_bytes(plain, _fresh(zeros), 0.5) >= 64 << 20
    p = _fresh(zeros)
    for _ in range(3):
        p = donating(p, 0.5)
    same(p[:2], [-0.5, -0.5])


@on_the_host
def test_both_lanes_update_in_place() -> None:
    f = jit(lambda x: x * 2 + 1, donate_argnums=0)
    for n in (1 << 15, 1 << 21):
        f(_fresh(np.ones(n)))
        x = _fresh(np.ones(n))
        place = _address(x)
        assert _address(f(x)) == place


@on_the_host
def test_a_training_step_updates_its_parameters_in_place(one_lane: None) -> None:
    def step(params: Any, x: Any) -> Any:
        loss = lambda ps: np.sum(np.tanh(x @ ps["w"] + ps["b"]) ** 2)
        return axil.tree_map(lambda p, g: p - 0.01 * g, params, grad(loss)(params))

    make = lambda: {"w": _fresh(np.ones((512, 512)) / 600), "b": _fresh(np.zeros(512))}
    x = np.ones((4, 512))
    donating, plain = jit(step, donate_argnames="params"), jit(step)
    donating(make(), x), plain(make(), x)
    a, b = make(), make()
    saved = _new_bytes(plain, a, x) - _new_bytes(donating, b, x)
    assert saved >= 512 * 512 * 4
    same(donating(make(), x), jit(step)(make(), x), 1e-5)


PROGRAMS = {
    "given back": lambda x: (x.at[0].set(5.0), x),
    "given back, elementwise": lambda x: (x * 2 + 1, x),
    "sorted and reversed": lambda x: (np.sort(x), x + 0, x[::-1]),
    "set and reduced": lambda x: (x.at[0].set(5.0), x.sum(), x @ x),
    "set twice": lambda x: (x.at[0].set(5.0), x.at[1].set(7.0)),
    "set to its reverse": lambda x: x.at[:].set(x[::-1]),
    "in a loop": lambda x: lax.fori_loop(0, 3, lambda i, c: (c[0].at[i].set(1.0), c[1] + x), (x, x)),
    "in a branch": lambda x: lax.cond(x[0] > 0, lambda y: (y.at[0].set(3.0), x), lambda y: (y, x * 2), x),
    "with a product of it": lambda x: x - 0.1 * (x @ x),
    "three times": lambda x: (x, x, x.at[2].set(0.0)),
    "with its reverse": lambda x: (x * 2 + x[::-1], np.flip(x) * 3),
    "two updates": lambda x: (x * 2 + 1, x * 3),
    "update and set": lambda x: (x * 2 + 1, x.at[0].set(3.0)),
    "set, then updated": lambda x: x.at[0].set(3.0) * 2,
    "less its sums": lambda x: (x - np.cumsum(x), x.reshape(-1, 8).T),
    "normalized": lambda x: x / x.sum() + np.max(x),
    "after a loop": lambda x: (lax.fori_loop(0, 3, lambda i, c: c * 2 + x, x) * 2 - x, x.sum()),
    "rows swapped": lambda x: (x.reshape(-1, 8) + x.reshape(-1, 8)[:, ::-1]).reshape(-1),
    "selected": lambda x: np.where(x[::-1] > 0, x, -x),
    "scanned": lambda x: lax.scan(lambda c, v: (c.at[0].add(v), c.sum()), x, x[:4]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_donation_changes_no_result(name: str) -> None:
    f = PROGRAMS[name]
    source = onp.random.default_rng(0).normal(size=32768).astype("f4")
    wanted = [onp.array(v) for v in axil.tree_util.tree_leaves(jit(f)(np.asarray(source)))]
    donating = jit(f, donate_argnums=0)
    for _ in range(2):  # the first run is a careful one
        results = axil.tree_util.tree_leaves(donating(_fresh(np.asarray(source / 1.5, "f4"))))
        for got, w in zip(results, wanted, strict=True):
            onp.testing.assert_allclose(onp.asarray(got), w, rtol=1e-4, atol=2e-3)


def test_arrays_that_share_memory_are_not_overwritten() -> None:
    same_again = jit(lambda x: (x * 1, x * 2))  # gives the argument's own memory back
    update = jit(lambda x: x * 0 + 7, donate_argnums=0)
    x = _fresh(np.ones(32768))
    y, _ = same_again(x)
    update(y)
    same([x[:2]], [[1.5, 1.5]])
    choose = jit(lambda p, x: lax.cond(p, lambda v: v, lambda v: v + 1, x))
    x = _fresh(np.ones(32768))
    choose(False, x)
    y = choose(True, x)
    update(y)
    same([x[:2]], [[1.5, 1.5]])
    x = _fresh(np.ones((), np.float32) + np.zeros(32768))
    weak = reweaken(x, True)
    update(x)
    same(weak[:2], [1.5, 1.5])


def test_an_array_that_is_donated_and_captured() -> None:
    x = _fresh(np.ones(32768))
    f = jit(lambda y: y * 2 + x, donate_argnums=0)
    same(f(x)[:2], [4.5, 4.5])
    with error_here(RuntimeError, "donated"):
        x + 1
    same(f(_fresh(np.ones(32768)))[:2], [4.5, 4.5])  # the program has its own


def test_donation_within_transformations_donates_nothing() -> None:
    f = jit(lambda x: x * 2, donate_argnums=0)
    x = np.ones(3)
    same([jit(lambda v: f(v) + v)(x), vmap(lambda v: f(v))(x)], [[3] * 3, [2] * 3])
    same(grad(lambda v: f(v).sum())(x), [2] * 3)
    same(x, [1, 1, 1])


def test_unusable_donations_warn_once_and_take_nothing() -> None:
    f = jit(lambda p, y: p["w"][:2] + y, donate_argnums=0)
    w = np.ones(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            f({"w": w}, 1.0)
    assert [str(c.message)[:55] for c in caught] == ["Some donated buffers were not usable: p['w'] f32[3]. No"]
    assert caught[0].category is UserWarning and caught[0].filename == __file__
    same(w, [1, 1, 1])


def test_arguments_without_a_use_are_neither_taken_nor_donated() -> None:
    x, y = np.ones(3), np.ones(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jit(lambda x, y: y * 2, donate_argnums=0)(x, y)
        same(x, [1, 1, 1])
        jit(lambda x, y: y * 2, donate_argnums=0, keep_unused=True)(x, y)
    with error_here(RuntimeError, "donated"):
        x + 1


def test_keywords_and_leaves_are_donated() -> None:
    f = jit(lambda a, *, b, c: [a + 1, b["x"] + 1, c + 1], donate_argnames=("b",))
    a, b, c = np.ones(3), {"x": np.ones(3)}, np.ones(3)
    f(a, c=c, b=b)
    same([a, c], [[1] * 3] * 2)
    with error_here(RuntimeError, "donated"):
        b["x"] + 1


def test_static_arguments_cannot_be_donated() -> None:
    with error_here(ValueError, "argument y", "both static and donated"):
        jit(lambda x, y: x, static_argnums=1, donate_argnums=(0, 1))


def test_numbers_and_numpy_arrays_can_be_donated_and_are_untouched() -> None:
    f = jit(lambda x: x + 1, donate_argnums=0)
    source = onp.zeros(32768, "f4")
    same([f(1.0), f(source)[:1], source[:1]], [2, [1], [0]])
