"""`scan while_loop fori_loop cond switch map`: what they compute, what they take, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest
from checks import counted, error_here, same, slope

import axil
import axil.numpy as np
from axil import grad, jit, jvp, lax, value_and_grad, vmap

X = onp.arange(4.0, dtype="f4")
add = lambda c, x: (c + x, c * x)

# ---- scan ----------------------------------------------------------------------------------------------


def test_scan() -> None:
    same(lax.scan(add, 0.0, X), (6.0, [0, 0, 2, 9]))
    same(lax.scan(add, 0.0, X, reverse=True), (6.0, [0, 5, 6, 0]))
    same(lax.scan(add, 0.0, X, unroll=2), (6.0, [0, 0, 2, 9]))
    same(lax.scan(add, 0.0, X, length=4), (6.0, [0, 0, 2, 9]))


def test_scan_over_trees() -> None:
    def step(c: Any, x: Any) -> Any:
        return {"s": c["s"] + x["a"].sum(), "n": None}, (x["b"][0], {"c": c["s"], "k": 2.0}, None)

    xs = {"a": onp.ones((3, 2), "f4"), "b": (onp.arange(3.0),)}
    carry, ys = lax.scan(step, {"s": 0.0, "n": None}, xs)
    same(carry, {"s": 6.0, "n": None})
    same(ys, ([0, 1, 2], {"c": [0, 2, 4], "k": [2, 2, 2]}, None))


def test_scan_of_nothing() -> None:
    same(lax.scan(lambda c, _: (c * 2, c), 1.0, None, length=3), (8.0, [1, 2, 4]))
    same(lax.scan(lambda c, _: (c * 2, None), 1.0, (), length=2), (4.0, None))
    carry, ys = lax.scan(add, 5.0, np.zeros((0,)))
    assert float(carry) == 5.0 and ys.shape == (0,)
    same(grad(lambda c: lax.scan(add, c, np.zeros((0,)))[0])(5.0), 1.0)
    same(lax.scan(lambda c, x: ((), x + 1), (), X), ((), X + 1))


def test_the_body_is_traced_once() -> None:
    body, calls = counted(add)
    lax.scan(body, np.float32(0), X)
    assert len(calls) == 1


def test_weakly_typed_carries_take_the_body_s_dtype() -> None:
    assert lax.scan(lambda c, x: (c + x, None), 0, X)[0].dtype == np.float32
    same(lax.scan(lambda c, x: (c + x, None), 0, X)[0], 6.0)
    same(lax.fori_loop(0, 3, lambda i, s: s + 1.5, 0), 4.5)
    same(lax.fori_loop(0, 3, lambda i, s: (s[0] + s[1], s[1] + 1.5), (0, 0)), (4.5, 4.5))
    same(lax.while_loop(lambda s: s < 2, lambda s: s + 0.75, 0), 2.25)
    half = lax.scan(lambda c, x: (c * x, None), 1.0, X.astype("f2"))[0]
    assert half.dtype == np.float16
    assert lax.scan(lambda c, x: (1, None), np.float32(3.0), X)[0].dtype == np.float32
    text = jit(lambda x: lax.fori_loop(0, 3, lambda i, s: s + x, 0)).lower(1.5).as_text("expanded")
    assert "axil.add" in text


def test_scan_refuses_a_carry_that_changes() -> None:
    with error_here(TypeError, "scan(<lambda>)", "the carry", "f32[3]", "f32[2]"):
        lax.scan(lambda c, x: (c[:-1], None), np.ones(3), X)
    with error_here(TypeError, "i32[]", "f32[]", "astype"):
        lax.scan(lambda c, x: (c + x, None), np.int32(0), X)
    with error_here(TypeError, "i32[]", "f32[]"):
        lax.scan(lambda c, x: (c + 1.5, None), np.int32(0), X)
    with error_here(TypeError, "structure", "'a'", "'b'"):
        lax.scan(lambda c, x: ({"b": c["a"]}, None), {"a": 1.0}, X)
    with error_here(TypeError, "pair (carry, y)"):
        lax.scan(lambda c, x: c, 1.0, X)


def test_scan_refuses_lengths_that_do_not_fit() -> None:
    with error_here(ValueError, "f32[4]", "f32[3]"):
        lax.scan(lambda c, x: (c, None), 0.0, (X, np.ones(3)))
    with error_here(ValueError, "length=5", "f32[4]"):
        lax.scan(add, 0.0, X, length=5)
    with error_here(ValueError, "`length`"):
        lax.scan(add, 0.0, None)
    with error_here(ValueError, "leading axis", "f32[]"):
        lax.scan(add, 0.0, 1.0)
    with error_here(TypeError, "scan expects a function", "3"):
        lax.scan(3, 0.0, X)


def test_gradients_of_scan() -> None:
    def f(w: Any, h: Any, xs: Any) -> Any:
        h, ys = lax.scan(lambda h, x: (np.tanh(w * h + x), h * x), h, xs)
        return h + (ys * np.arange(4.0)).sum()

    args = (0.7, 0.3, onp.linspace(-1, 1, 4))
    with axil.enable_x64():
        got = grad(f, (0, 1, 2))(*args)
        same(got[0], slope(lambda w: f(w, *args[1:]), 0.7), 1e-6)
        same(got[1], slope(lambda h: f(args[0], h, args[2]), 0.3), 1e-6)
        for i in range(4):
            d = onp.eye(4)[i]
            same(got[2][i], slope(lambda t, d=d: f(*args[:2], args[2] + t * d), 0.0), 1e-6)
        back = lambda w: lax.scan(lambda h, x: (np.sin(w * h + x), h), 0.3, args[2], reverse=True)[1].sum()
        same(grad(grad(back))(0.7), slope(grad(back), 0.7), 1e-6)


# ---- while and fori ------------------------------------------------------------------------------------


def test_while_loop() -> None:
    same(lax.while_loop(lambda s: s["i"] < 5, lambda s: {"i": s["i"] + 2, "n": None}, {"i": 0, "n": None}),
         {"i": 6, "n": None})  # fmt: skip
    limit = np.array(10.0)
    same(lax.while_loop(lambda v: v < limit, lambda v: v * limit / 5, 1.0), 16.0)


def test_while_loop_refuses() -> None:
    with error_here(TypeError, "boolean scalar", "bool[4]"):
        lax.while_loop(lambda v: v < 3, lambda v: v, X)
    with error_here(TypeError, "boolean scalar", "f32[]"):
        lax.while_loop(lambda v: v, lambda v: v, 1.0)
    with error_here(TypeError, "the carry", "val goes in as f32[4]", "f32[]"):
        lax.while_loop(lambda v: v.sum() < 3, lambda v: v.sum(), X)
    with error_here(TypeError, "structure"):
        lax.while_loop(lambda v: v[0] < 3, lambda v: v[0], (1.0, 2.0))


def test_fori_loop() -> None:
    same(lax.fori_loop(2, 5, lambda i, s: s * 10 + i, 0), 234)
    same(lax.fori_loop(5, 2, lambda i, s: s + i, 7), 7)
    same(lax.fori_loop(np.int32(0), np.array(3), lambda i, s: s + i, 0), 3)
    f = jit(lambda n, x: lax.fori_loop(0, n, lambda i, s: s + x * i, 0.0))
    same([f(4, 2.0), f(0, 2.0)], [12.0, 0.0])
    with error_here(TypeError, "integer", "f32[]"):
        lax.fori_loop(0.0, 3.0, lambda i, s: s, 0)


def test_gradients_of_fori_loop() -> None:
    f = lambda x: lax.fori_loop(0, 3, lambda i, s: s * x + i, 1.0)
    same(f(2.0), 12.0)
    same(grad(f)(2.0), 13.0)  # x^3 + x + 2
    same(grad(lambda x: lax.fori_loop(0, np.array(3), lambda i, s: s * x, 1.0))(2.0), 12.0)
    same(jvp(lambda x: lax.fori_loop(0, jit(lambda: 3)(), lambda i, s: s * x, 1.0), (2.0,), (1.0,)), (8.0, 12.0))


def test_reverse_mode_through_while_is_refused_at_the_line_of_the_loop() -> None:
    def f(x: Any) -> Any:
        return lax.while_loop(lambda v: v < 100, lambda v: v * x, x)  # the line

    for g in (grad(f), jit(grad(f)), lambda x: axil.vjp(f, x)[1](1.0)):
        with pytest.raises(TypeError, match="reverse-mode.*scan.*fori_loop") as info:
            g(2.0)
        assert isinstance(info.value, axil.errors.AxilError) and "# the line" in str(info.value)
    same(jvp(f, (3.0,), (1.0,)), (243.0, 405.0))


def test_while_loops_that_gradients_do_not_pass_through() -> None:
    def f(x: Any) -> Any:
        n = lax.while_loop(lambda n: n < 4, lambda n: n + 1, 0)
        steps = lax.while_loop(lambda v: v < 100, lambda v: v * 2, lax.stop_gradient(x))
        return x * n * steps

    same(grad(f)(3.0), 4 * 192.0)


# ---- cond and switch -----------------------------------------------------------------------------------


def test_cond() -> None:
    f = lambda p, x: lax.cond(p, lambda v: {"a": v * 2, "n": None}, lambda v: {"a": v + 1, "n": None}, x)
    same([f(True, 3.0)["a"], f(np.array(False), 3.0)["a"], f(2, 3.0)["a"], f(0.0, 3.0)["a"]], [6, 4, 6, 4])
    same(lax.cond(True, lambda x: x, lambda x: -x, operand=2.0), 2.0)
    same(lax.cond(False, lambda a, b: a, lambda a, b: b, 1.0, 2.0), 2.0)
    g = jit(f)
    same([g(True, 3.0)["a"], g(False, 3.0)["a"]], [6, 4])


def test_branches_close_over_outer_values() -> None:
    def f(x: Any, y: Any) -> Any:
        big = np.arange(20.0) * y
        return lax.cond(x > 0, lambda: x * y, lambda: big.sum() - x)

    same([f(2.0, 3.0), f(-2.0, 3.0)], [6.0, 572.0])
    same(grad(f, (0, 1))(2.0, 3.0), (3.0, 2.0))
    same(grad(f, (0, 1))(-2.0, 3.0), (-1.0, 190.0))
    same(jit(grad(f, (0, 1)))(-2.0, 3.0), (-1.0, 190.0))


def test_weakly_typed_branches_give_way() -> None:
    assert lax.cond(True, lambda: 1, lambda: np.float16(2.0)).dtype == np.float16
    assert lax.cond(True, lambda: 1, lambda: 2.0).dtype == np.float32
    with error_here(TypeError, "cond", "f32", "i32", "astype"):
        lax.cond(True, lambda: 1.5, lambda: np.int32(2))
    with error_here(TypeError, "f32", "f16"):
        lax.cond(True, lambda: np.float32(1.5), lambda: np.float16(2))


def test_cond_refuses() -> None:
    with error_here(TypeError, "scalar", "bool[4]", "axil.numpy.where"):
        lax.cond(X > 1, lambda: 1, lambda: 2)
    with error_here(TypeError, "structure", "true_fun", "false_fun"):
        lax.cond(True, lambda: (1.0, 2.0), lambda: 1.0)
    with error_here(TypeError, "shapes", "f32[4]", "f32[2]"):
        lax.cond(True, lambda: np.ones(4), lambda: np.ones(2))
    with error_here(TypeError, "expects a function"):
        lax.cond(True, 1.0, lambda: 2.0)
    with error_here(TypeError, "options", "opernd"):
        lax.cond(True, lambda x: x, lambda x: x, opernd=1.0)


def test_switch_clamps_its_index() -> None:
    branches = [lambda x: x, lambda x: x * 10, lambda x: x * 100]
    same([lax.switch(i, branches, 2.0) for i in (-5, 0, 1, 2, 9)], [2, 2, 20, 200, 200])
    same(lax.switch(np.uint8(7), branches, 2.0), 200.0)
    same(lax.switch(3, branches[:1], 2.0), 2.0)
    f = jit(lambda i, x: value_and_grad(lambda x: lax.switch(i, branches, x))(x))
    same([f(-5, 2.0), f(1, 2.0), f(9, 2.0)], [(2, 1), (20, 10), (200, 100)])
    with error_here(TypeError, "integer scalar", "f32[]"):
        lax.switch(1.0, branches, 2.0)
    with error_here(ValueError, "empty"):
        lax.switch(1, [], 2.0)


# ---- map -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 1, 2, 3, 4, 7])
def test_map(size: int | None) -> None:
    same(lax.map(lambda t: (t[0] * t[1], t[0]), (X, X + 1), batch_size=size), (X * (X + 1), X))


def test_map_refuses() -> None:
    with error_here(ValueError, "batch_size", "0"):
        lax.map(lambda x: x, X, batch_size=0)


# ---- all together --------------------------------------------------------------------------------------


def triangle(w: Any, x: Any) -> Any:
    """Loops in loops, with a branch inside."""

    def row(c: Any, i: Any) -> Any:
        def cell(j: Any, s: Any) -> Any:
            return lax.cond(s > 0.5, lambda v: np.sin(v * w), lambda v: v + x[i] * w, s)

        s = lax.fori_loop(0, 3, cell, c)
        return s, lax.switch(i, [lambda v: v, lambda v: v * w, lambda v: v**2], s)

    s, ys = lax.scan(row, w * 0.1, np.arange(4))
    return s + ys.sum()


def test_loops_in_grad_in_vmap_in_jit() -> None:
    x = onp.linspace(0.1, 0.9, 4)
    ws = onp.array([0.3, 0.8, 1.4])
    f = vmap(value_and_grad(triangle), (0, None))
    eager = f(np.asarray(ws), np.asarray(x))
    same(jit(f)(ws, x), eager, 1e-4)
    with axil.enable_x64():
        x = np.asarray(x)
        for i, w in enumerate(ws):
            same((eager[0][i], eager[1][i]), (triangle(w, x), slope(lambda w: triangle(w, x), w)), 1e-4)
        same(grad(grad(triangle))(0.8, x), slope(grad(lambda w: triangle(w, x)), 0.8), 1e-5)
