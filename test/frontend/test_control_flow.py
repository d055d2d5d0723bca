"""`scan while_loop fori_loop cond switch map`: what they compute, what they take, and what they refuse."""

from __future__ import annotations

import typing
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


# ---- every combinator, in every way ---------------------------------------------------------------------

LOOPS = {
    "scan": lambda x: lax.scan(lambda c, k: (np.sin(c) * x + k, c * x), x, np.array([0.1, 0.2, 0.3]))[1].sum(),
    "reversed scan": lambda x: lax.scan(lambda c, k: (np.sin(c) * k, c), x, np.array([0.5, 2.0]), reverse=True)[0],
    "no steps": lambda x: x * lax.scan(lambda c, k: (np.sin(c), k), x, np.zeros(0))[0],
    "one step": lambda x: lax.scan(lambda c, k: (np.sin(c * k), ()), x, np.ones(1))[0],
    "unrolled": lambda x: lax.scan(lambda c, k: (np.sin(c) * k, c), x, np.array([0.5, 2.0, 3.0]), unroll=2)[0],
    "fori": lambda x: lax.fori_loop(0, 3, lambda i, c: np.sin(c) * x + i, x),
    "map": lambda x: lax.map(lambda k: np.sin(k * x), np.arange(5.0), batch_size=2).sum(),
    "cond": lambda x: lax.cond(x > 0, lambda v: np.sin(v) * v, lambda v: v, x),
    "switch": lambda x: lax.switch(np.asarray(x > 0, "i4") + 1, [np.cos, np.cos, lambda v: np.sin(v) * v], x),
    "associative_scan": lambda x: lax.associative_scan(np.multiply, np.stack([x, np.sin(x), x]), reverse=True)[0],
    "reduce": lambda x: lax.reduce(np.stack([x, np.sin(x), x]), 1.0, lambda a, b: a * b + 0.0, (0,)),
    "bounded": lambda x: lax.while_loop(lambda c: c < 3, lambda c: c + np.sin(c) * x, x, max_steps=20),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_second_derivatives_in_all_modes(name: str) -> None:
    f = LOOPS[name]
    push = lambda g: lambda x: jvp(g, (x,), (1.0,))[1]
    with axil.enable_x64():
        first, second = slope(f, 0.7), slope(grad(f), 0.7)
        same((grad(f)(0.7), push(f)(0.7)), (first, first), 1e-6)
        for outer in (grad, push):
            for inner in (grad, push):
                same(outer(inner(f))(0.7), second, 1e-6)


@pytest.mark.parametrize("name", LOOPS)
def test_without_jit_they_run_as_python_does(name: str) -> None:
    f = LOOPS[name]
    wanted = f(0.7), grad(f)(0.7)
    with axil.disable_jit():
        same((f(0.7), grad(f)(0.7)), wanted)


def test_without_jit_values_are_known_inside() -> None:
    seen = []
    look = lambda x: (seen.append(float(x)), x)[1]
    with axil.disable_jit():
        lax.scan(lambda c, k: (look(c) + k, None), 0.0, np.arange(3.0))
        lax.while_loop(lambda c: look(c) < 2, lambda c: c + 1, 0.0)
        lax.cond(True, lambda: look(np.float32(7)), lambda: look(np.float32(8)))
        lax.map(look, np.arange(2.0))
        same(lax.scan(lambda c, k: (c, k), 5.0, np.zeros((0, 2)))[1].shape, (0, 2))
    assert seen == [0, 0, 1, 0, 1, 2, 7, 0, 1]


def test_dtypes_of_carries() -> None:
    """Integers, booleans, complex and narrow floats ride along, and gradients go through those that have them."""

    def f(x: Any) -> Any:
        def step(c: Any, k: Any) -> Any:
            n, odd, z, h, e = c
            return (n + 1, ~odd, z * (0.5 + 1j), h * np.bfloat16(0.5), e), (n, odd, z.real)

        start = np.int8(0), np.array(True), x + 0j, x.astype("bfloat16"), np.zeros((0, 2))
        (n, odd, z, h, e), (ns, _, reals) = lax.scan(step, start, None, length=3)
        assert (n.dtype, odd.dtype, h.dtype, e.shape, ns.dtype) == ("int8", "bool", "bfloat16", (0, 2), "int8")
        return reals.sum() + h.astype("f4") + n

    real = lambda x: sum(((0.5 + 1j) ** k * x).real for k in range(3)) + x / 8 + 3
    same((f(np.float32(2)), grad(f)(np.float32(2))), (real(2.0), real(1.0) - 3), 1e-2)


def test_batched_predicates_everywhere() -> None:
    """A branch in a while loop in a scan under two vmaps: all that a predicate can be batched in."""

    def f(x: Any, y: Any) -> Any:
        def turn(s: Any) -> Any:
            return s[0] + 1, lax.cond(s[1] > y, lambda v: v * 0.5, lambda v: v + 1.0, s[1])

        def step(c: Any, k: Any) -> Any:
            inner = lax.while_loop(lambda s: (s[0] < 3) & (s[1] < 4), turn, (0, c * k))
            return inner[1], lax.switch(inner[0] - 1, [lambda v: v, lambda v: -v], inner[1])

        c, ys = lax.scan(step, x, np.array([1.0, 2.0]))
        return c + ys.sum()

    xs, ys = onp.array([0.3, 2.6, 5.0], "f4"), onp.array([0.1, 2.0], "f4")
    one_by_one = [[float(f(np.asarray(x), np.asarray(y))) for y in ys] for x in xs]
    batched = vmap(vmap(f, (None, 0)), (0, None))
    same(batched(xs, ys), one_by_one)
    slopes = [[float(jvp(lambda x, y=y: f(x, y), (np.asarray(x),), (np.float32(1),))[1]) for y in ys] for x in xs]
    pushed = vmap(vmap(lambda x, y: jvp(lambda x: f(x, y), (x,), (np.float32(1),))[1], (None, 0)), (0, None))
    same(pushed(xs, ys), slopes)
    same(jit(lambda a, b: (batched(a, b), pushed(a, b)))(xs, ys), (one_by_one, slopes))


def test_the_branch_that_is_not_taken_does_no_harm() -> None:
    """Nor in a batch, where both run."""
    f = lambda x: lax.cond(x > 0, np.sqrt, lambda v: 0.0 * v, x)
    same(grad(f)(np.float32(0.0)), 0.0)
    same([grad(f)(np.float32(x)) for x in (4.0, -1.0)], [0.25, 0.0])
    same(vmap(grad(f))(np.array([4.0, -1.0])), [0.25, 0.0])
    same(grad(lambda x: vmap(f)(x).sum())(np.array([4.0, -1.0])), [0.25, 0.0])


def test_counters_are_weakly_typed() -> None:
    assert lax.fori_loop(0, 3, lambda i, s: s + i, np.int8(0)).dtype == np.int8
    assert lax.fori_loop(0, 3, lambda i, s: s * i, np.float16(1)).dtype == np.float16


def test_reductions_recognise_what_a_function_does() -> None:
    from axil.lax.monoids import recognized

    kind = onp.dtype("f4")
    assert recognized(lambda a, b: b + a, kind) is lax.add and recognized(np.maximum, kind) is lax.max
    for other in (lambda a, b: a - b, lambda a, b: a + a, lambda a, b: a, lambda a, b: 1 / 0, lambda a, b: (a, b)):
        assert recognized(other, kind) is other
    x = np.arange(12.0).reshape(3, 4)
    text = jit(lambda x: lax.reduce(x, 0.0, lambda a, b: a + b, (0,))).lower(x).as_text("expanded")
    assert "axil.reduce_sum" in text
    weights = np.array([1.0, 2.0, 3.0])
    same(grad(lambda k: lax.reduce(weights, 0.0, lambda a, b: a + b * k, (0,)))(1.0), slope(
        lambda k: lax.reduce(weights, 0.0, lambda a, b: a + b * k, (0,)), 1.0, 1e-2), 1e-2)  # fmt: skip


# ---- effects -------------------------------------------------------------------------------------------


def shown(f: Any, *args: Any) -> list[float]:
    """What a function that reports to `note` reports."""
    NOTES.clear()
    f(*args)
    axil.effects_barrier()
    return list(NOTES)


NOTES: list[float] = []


def note(x: Any) -> Any:
    axil.debug.callback(lambda v: NOTES.append(float(v)), x)
    return x


def test_effects_inside_loops_and_branches() -> None:
    f = lambda x: lax.scan(lambda c, k: (note(c) * k, None), x, np.array([2.0, 3.0]))[0]
    w = lambda x: lax.while_loop(lambda c: c < 5, lambda c: note(c) * 2, x)
    c = lambda x: lax.cond(x > 0, lambda v: note(v) * 2, lambda v: note(-v), x)
    assert shown(f, 1.0) == shown(grad(f), 1.0) == shown(jit(grad(f)), 1.0) == [1, 2]
    assert shown(vmap(f), np.array([1.0, 2.0])) == [1, 2, 2, 4]
    assert shown(w, 1.0) == shown(lambda x: jvp(w, (x,), (1.0,)), 1.0) == [1, 2, 4]
    assert shown(lambda x: axil.linearize(w, x)[1](1.0), 1.0) == [1, 2, 4]  # once, though the steps run again
    assert shown(vmap(w), np.array([1.0, 3.0])) == [1, 3, 2, 6, 4, 6]
    assert shown(c, 1.0) == shown(grad(c), 1.0) == [1] and shown(c, -3.0) == [3]


# ---- errors that name the place ------------------------------------------------------------------------


def test_errors_name_the_leaf_by_its_path() -> None:
    start = {"w": (np.ones(3), np.int32(0)), "b": 1.0}
    with error_here(TypeError, "carry['w'][1] goes in as i32[] and comes out as f32[]", ".astype('int32')"):
        lax.scan(lambda c, _: ({"w": (c["w"][0], c["w"][1] * 0.5), "b": c["b"]}, None), start, None, 2)
    with error_here(TypeError, "val['w'][0] goes in as f32[3] and comes out as f32[2]", "shape (3,)"):
        lax.while_loop(lambda c: c["b"] < 3, lambda c: {**c, "w": (c["w"][0][1:], c["w"][1])}, start)
    with error_here(TypeError, "fori_loop(<lambda>)", "val['w'][1] goes in as i32[] and comes out as f32[]"):
        lax.fori_loop(0, 3, lambda i, c: {**c, "w": (c["w"][0], c["w"][1] * 0.5)}, start)
    with error_here(TypeError, "at ['w']", "a tuple of length 2", "a leaf", "{'b': *, 'w': (*, *)}"):
        lax.fori_loop(0, 3, lambda i, c: {**c, "w": 1.0}, start)
    with error_here(TypeError, "result['a'][1] is f32[2] from false_fun", "f32[3] from true_fun") as caught:
        lax.cond(True, lambda: {"a": (1.0, np.ones(3))}, lambda: {"a": (1.0, np.ones(2))})
    assert "result['a'][0]" not in caught.text
    with error_here(ValueError, "xs['a'] is f32[3], xs['b'] is f32[4]", "length=3"):
        lax.scan(lambda c, x: (c, None), 0.0, {"a": np.ones(3), "b": np.ones(4)}, length=3)
    with error_here(ValueError, "xs['b'] has none"):
        lax.scan(lambda c, x: (c, None), 0.0, {"a": np.ones(3), "b": 1.0})


def test_values_of_a_body_that_escape_or_are_asked_for() -> None:
    leaked: list = []
    with error_here(axil.errors.UnexpectedTracerError, "scan"):
        lax.scan(lambda c, x: (leaked.append(c) or c, None), 0.0, X)
        leaked[0] + 1
    with error_here(axil.errors.TracerBoolConversionError, "scan(<lambda>)"):
        lax.scan(lambda c, x: (c + 1 if c > 0 else c, None), 0.0, X)


def test_classes_of_errors_are_those_of_jax() -> None:
    for kind, call in (
        (TypeError, lambda: lax.cond(True, lambda x: x, lambda x: x, 1.0, operand=2.0)),
        (TypeError, lambda: lax.cond("yes", lambda: 1, lambda: 2)),
        (TypeError, lambda: lax.cond(1j, lambda: 1, lambda: 2)),
        (TypeError, lambda: lax.switch(True, [lambda: 1, lambda: 2])),
        (TypeError, lambda: lax.switch(0, {0: lambda: 1})),
        (TypeError, lambda: lax.fori_loop(np.int8(0), np.int32(3), lambda i, s: s, 0)),
        (ValueError, lambda: jit(lambda n: lax.fori_loop(0, n, lambda i, s: s, 0, unroll=4))(3)),
        (ValueError, lambda: lax.scan(lambda c, x: (c, x), 0, X, unroll=-1)),
        (ValueError, lambda: grad(lambda x: lax.while_loop(lambda v: v < 3, lambda v: v * 2, x))(1.0)),
        (TypeError, lambda: lax.while_loop(lambda v: [v < 3], lambda v: v + 1, 0)),
    ):
        with pytest.raises(kind) as info:
            call()
        assert isinstance(info.value, axil.errors.AxilError)


def test_the_old_form_of_cond() -> None:
    same([lax.cond(p, 1.0, lambda x: x + 1, 5.0, lambda x: -x) for p in (True, False)], [2.0, -5.0])
    same(lax.cond(True, lambda x: x * 2, lambda x: x, 3.0, linear=(False,)), 6.0)


class Pair:
    """A registered class, whose second part is no leaf."""

    def __init__(self, a: Any, name: str) -> None:
        self.a, self.name = a, name


axil.tree_util.register_pytree_node(Pair, lambda p: ((p.a,), p.name), lambda name, kids: Pair(kids[0], name))


class Point(typing.NamedTuple):
    x: Any
    y: Any = None


def test_trees_of_all_kinds() -> None:
    start = Pair(Point(1.0), "kept"), [], {}, None, (np.zeros(2),)
    step = lambda c, k: ((Pair(Point(c[0].a.x + k), c[0].name), *c[1:]), (c[0], None))
    out, ys = lax.scan(step, start, np.arange(3.0))
    assert type(out[0]) is Pair and out[0].name == "kept" and type(out[0].a) is Point and out[0].a.y is None
    same((out[0].a.x, ys[0].a.x), (4.0, [1.0, 1.0, 2.0]))
    assert out[1:4] == ([], {}, None)
    end = lax.while_loop(lambda v: v[0].a.x < 9, lambda v: (Pair(Point(v[0].a.x * 2), v[0].name), *v[1:]), start)
    same(end[0].a.x, 16.0)
    picked = lax.cond(True, lambda p: Pair(p.a, "same"), lambda p: Pair(Point(-p.a.x), "same"), start[0])
    assert picked.name == "same"
    with error_here(TypeError, "structure", "'kept'", "'other'"):
        lax.fori_loop(0, 2, lambda i, p: Pair(p.a, "other"), start[0])
