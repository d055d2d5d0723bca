"""`vmap`: which axes, named axes and collectives, control flow whose predicate is batched, and errors."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import grad, jit, lax, random, vmap

A = onp.arange(6.0, dtype="f4").reshape(2, 3)


# ---- axes ----------------------------------------------------------------------------------------------


def test_axes_in_and_out() -> None:
    same(vmap(lambda x: x.sum())(A), [3, 12])
    same(vmap(lambda x: x.sum(), in_axes=1)(A), [3, 5, 7])
    same(vmap(lambda x: x.sum(), in_axes=-1)(A), [3, 5, 7])
    same(vmap(lambda x: x * 2, out_axes=1)(A), 2 * A.T)
    same(vmap(lambda x: x * 2, in_axes=1, out_axes=-1)(A), 2 * A)
    same(vmap(lambda x: x, in_axes=onp.int64(1))(A), A.T)


def test_arguments_that_all_examples_share() -> None:
    same(vmap(lambda x, y: x * y, in_axes=(0, None))(A, np.arange(3.0)), A * onp.arange(3))
    same(vmap(lambda x, y: (x * y).sum(), (None, 0))(A, np.arange(3.0)), 15 * onp.arange(3))


def test_what_is_not_mapped_stays_as_it_is() -> None:
    def f(x: Any, n: int, name: str) -> Any:
        return x.reshape(n, -1) if name == "yes" else x

    assert vmap(f, in_axes=(0, None, None))(np.zeros((2, 6)), 3, "yes").shape == (2, 3, 2)


def test_trees_of_axes() -> None:
    p = {"w": A, "b": np.ones(3), "n": None}
    f = lambda p, xs: p["w"] @ p["b"] + xs[0] * xs[1]
    got = vmap(f, in_axes=({"w": 0, "b": None, "n": None}, (0, None)))(p, (np.arange(2.0), 10.0))
    same(got, [3, 22])
    same(vmap(f, in_axes=(({"w": 0, "b": None, "n": None}), [0, 0]))(p, [np.arange(2.0), np.ones(2)]), [3, 13])
    out = vmap(lambda x: {"a": x, "b": (x * 2, 7.0)}, out_axes={"a": 1, "b": (0, None)})(A)
    same(out, {"a": A.T, "b": (2 * A, 7.0)})


def test_keywords_are_mapped_over_their_first_axis() -> None:
    same(vmap(lambda x, y: x + y)(np.arange(3.0), y=np.ones(3)), [1, 2, 3])


def test_axis_size() -> None:
    same(vmap(lambda: np.float32(2.0), axis_size=3)(), [2, 2, 2])
    same(vmap(lambda x: x * 2, in_axes=None, axis_size=2)(1.0), [2, 2])


def test_results_that_do_not_depend_on_the_example_are_repeated() -> None:
    same(vmap(lambda x: (1.0, np.arange(2.0)))(A), ([1, 1], [[0, 1], [0, 1]]))
    same(vmap(lambda x: np.arange(2.0), out_axes=None)(A), [0, 1])


def test_empty_batches() -> None:
    assert vmap(lambda x: x.sum())(np.zeros((0, 3))).shape == (0,)


def test_nesting() -> None:
    x, y = onp.arange(3.0, dtype="f4"), onp.arange(4.0, dtype="f4")
    outer = vmap(vmap(lambda a, b: a * b + a, (None, 0)), (0, None))
    same(outer(x, y), x[:, None] * y + x[:, None])
    same(vmap(vmap(vmap(np.sin)))(np.ones((2, 3, 4))), onp.sin(onp.ones((2, 3, 4))))


def test_closures_are_shared() -> None:
    big = np.arange(30.0)
    same(vmap(lambda i: big[i] + big.sum())(np.arange(3)), 435 + onp.arange(3))
    same(vmap(lambda a: vmap(lambda b: a * b)(np.arange(2.0)))(np.arange(3.0)), onp.outer(range(3), range(2)))


def test_python_values_of_shared_arrays_are_known() -> None:
    n = np.array(2)
    same(vmap(lambda x: x * 3 if n > 1 else x)(np.ones(2)), [3, 3])


# ---- named axes ----------------------------------------------------------------------------------------


def test_collectives_over_a_named_axis() -> None:
    x = np.array([1.0, 2.0, 6.0])
    over = lambda f: vmap(f, axis_name="i")(x)
    same(over(lambda v: lax.psum(v, "i")), [9, 9, 9])
    same(over(lambda v: v - lax.pmean(v, "i")), [-2, -1, 3])
    same(over(lambda v: lax.pmax(v, "i") - lax.pmin(v, "i")), [5, 5, 5])
    same(over(lambda v: lax.axis_index("i") * 10 + v), [1, 12, 26])
    same(over(lambda v: v / lax.psum(1, "i")), [1 / 3, 2 / 3, 2])
    same(vmap(lambda v: lax.psum(v, "i"), axis_name="i", out_axes=None)(x), 9.0)


def test_nested_named_axes() -> None:
    def f(v: Any) -> Any:
        return lax.psum(v, "rows"), lax.psum(v, "cols"), lax.psum(v, ("rows", "cols")), lax.axis_index("rows")

    got = vmap(vmap(f, axis_name="cols"), axis_name="rows")(A)
    same(got[0], onp.broadcast_to(A.sum(0), (2, 3)))
    same(got[1], onp.broadcast_to(A.sum(1)[:, None], (2, 3)))
    same(got[2], onp.full((2, 3), 15))
    same(got[3], [[0, 0, 0], [1, 1, 1]])


def test_collectives_within_control_flow() -> None:
    step = lambda c, x: (c + lax.psum(x, "i"), x - lax.pmean(c, "i"))
    carry, ys = vmap(lambda xs: lax.scan(step, 0.0, xs), axis_name="i")(A)
    same(carry, [15, 15])
    same(ys[0], [0, 1 - 3, 2 - 8])
    got = vmap(lambda x: lax.cond(True, lambda v: lax.psum(v, "i"), lambda v: v, x), axis_name="i")(np.arange(3.0))
    same(got, [3, 3, 3])


def test_gradients_of_collectives() -> None:
    x = np.array([1.0, 2.0, 3.0])
    f = lambda x: (vmap(lambda v: v * lax.psum(v * v, "i"), axis_name="i")(x)).sum()
    same(grad(f)(x), 14 + 2 * onp.array(x) * 6)
    same(vmap(grad(lambda v: v * v), axis_name="i")(x), 2 * onp.array(x))


# ---- control flow --------------------------------------------------------------------------------------


def test_a_batched_predicate_selects() -> None:
    f = lambda p, x: lax.cond(p > 0, np.sin, lambda v: v * 2, x)
    p, x = onp.array([1.0, -1.0, 2.0], "f4"), onp.array([[1.0, 2.0]] * 3, "f4")
    same(vmap(f)(p, x), onp.where(p[:, None] > 0, onp.sin(x), 2 * x))
    same(vmap(f, (0, None))(p, x[0]), onp.where(p[:, None] > 0, onp.sin(x), 2 * x))
    same(vmap(lambda i: lax.switch(i, [lambda: 1.0, lambda: 2.0, lambda: 3.0]))(np.array([-1, 1, 9])), [1, 2, 3])
    same(vmap(grad(f, 1))(p, x[:, 0]), onp.where(p > 0, onp.cos(x[:, 0]), 2))


def test_a_shared_predicate_stays_a_branch() -> None:
    f = jit(vmap(lambda p, x: lax.cond(p, np.sin, np.cos, x), (None, 0)))
    assert "stablehlo.case" in f.lower(True, np.arange(3.0)).as_text()


def test_each_example_of_a_while_loop_stops_at_its_own_time() -> None:
    f = lambda x: lax.while_loop(lambda s: s[0] < 50, lambda s: (s[0] * s[0], s[1] + 1), (x, 0))
    same(vmap(f)(np.array([2.0, 3.0, 60.0])), ([256, 81, 60], [3, 2, 0]))
    limit = lambda x, n: lax.while_loop(lambda v: v < n, lambda v: v + x, 0.0)
    same(vmap(limit, (None, 0))(2.0, np.array([3.0, 7.0])), [4, 8])
    same(vmap(lambda n: lax.fori_loop(0, n, lambda i, s: s + i, 0))(np.arange(4)), [0, 0, 1, 3])


def test_scans() -> None:
    f = lambda w, xs: lax.scan(lambda c, x: (np.tanh(c * w + x), c), 0.0, xs)
    got = vmap(f, in_axes=(0, 1), out_axes=(0, 1))(np.array([0.5, 1.0, 2.0]), A)
    one = f(np.float32(1.0), A[:, 1])
    same((got[0][1], got[1][:, 1]), one)


def test_random_functions() -> None:
    keys = random.split(random.PRNGKey(0), 3)
    got = vmap(lambda k: random.normal(k, (2,)))(keys)
    for i in range(3):
        same(got[i], random.normal(keys[i], (2,)))
    assert vmap(lambda k: random.split(k, 2))(keys).shape == (3, 2, 2)


def test_under_jit() -> None:
    f = jit(vmap(lambda w, x: np.tanh(x @ w).sum(), (None, 0)))
    w = np.ones((3, 4)) * 0.1
    same(f(w, A), onp.tanh(A @ onp.full((3, 4), 0.1)).sum(-1))


def test_names_of_axes_may_be_anything_hashable() -> None:
    for name in ("i", 7, ("data", 0), None.__class__):
        index = vmap(lambda x, name=name: x + lax.axis_index([name]), in_axes=(0,), axis_name=name)(np.zeros(2))
        same(index, [0, 1])
    inner = vmap(vmap(lambda x: lax.psum(x, "i"), axis_name="i"), axis_name="i")(A)  # the inner one hides the outer
    same(inner, onp.repeat(onp.asarray(A).sum(1, keepdims=True), 3, 1))


def test_several_axes_at_once_under_transformations() -> None:
    x = onp.arange(24, dtype="float32").reshape(2, 3, 4)
    both = lambda f: vmap(vmap(f, axis_name="j"), axis_name="i")
    total = lambda x: both(lambda a: lax.psum(np.sin(a), ("i", "j")) * lax.axis_index(("i", "j")))(x)
    wanted = onp.sin(x).sum((0, 1)) * onp.arange(6).reshape(2, 3, 1)
    same(total(x), wanted, rtol=1e-4, atol=1e-4)
    same(axil.jit(total)(x), wanted, rtol=1e-4, atol=1e-4)
    same(axil.grad(lambda x: total(x).sum())(np.array(x)), 15 * onp.cos(x), rtol=1e-4, atol=1e-4)
    same(both(lambda a: lax.axis_index(("j", "i")) + 0 * a[0])(x), [[0, 2, 4], [1, 3, 5]])
    same(both(lambda a: a.sum() * lax.axis_size(("i", "j")))(x), 6 * x.sum(2))
    moved = both(lambda a: lax.ppermute(a[0], ("i", "j"), [(k, k + 1) for k in range(5)]))(x)
    same(moved.ravel(), [0, 0, 4, 8, 12, 16])  # nobody sends to the first


def test_what_changes_nothing_on_one_device() -> None:
    same(vmap(lambda x: 2 * x, spmd_axis_name="devices")(A), 2 * A)
    same(vmap(lambda x: lax.pcast(x, "i", to="varying"), axis_name="i")(A), A)
    with error_here(ValueError, "'varying', 'reduced' or 'unreduced'"):
        vmap(lambda x: lax.pcast(x, "i", to="new"), axis_name="i")(A)
    same(lax.with_sharding_constraint({"a": A}, axil.devices()[0]), {"a": A})
    with error_here(TypeError, "arrays live on one device"):
        lax.with_sharding_constraint(A, None)


def test_ragged_exchanges() -> None:
    """Members send slices of different sizes; the example of the JAX documentation, and a loop in NumPy."""
    exchange = vmap(lambda *a: lax.ragged_all_to_all(*a, axis_name="i"), axis_name="i")
    operand, output = onp.array([[1, 2, 2], [3, 4, 0]], "float32"), onp.zeros((2, 4), "float32")
    offsets = [onp.array(v, "int32") for v in ([[0, 1], [0, 1]], [[1, 2], [1, 1]], [[0, 0], [1, 2]], [[1, 1], [2, 1]])]
    wanted = [[1, 3, 0, 0], [2, 2, 4, 0]]
    same(exchange(operand, output, *offsets), wanted)
    same(axil.jit(exchange)(operand, output, *offsets), wanted)
    slope = axil.grad(lambda x: (exchange(x, output, *offsets) ** 2).sum())(np.array(operand))
    same(slope, [[2, 4, 4], [6, 8, 0]])


# ---- errors --------------------------------------------------------------------------------------------


def test_sizes_that_differ() -> None:
    with error_here(ValueError, "inconsistent sizes", "2 of argument x, f32[2,3]", "4 of argument y", "in_axes=None"):
        vmap(lambda x, y: x)(A, np.ones(4))
    with error_here(ValueError, "inconsistent sizes", "axis_size=5"):
        vmap(lambda x: x, axis_size=5)(A)


def test_errors_name_the_argument() -> None:
    tree = {"w": [A, np.ones(4)]}
    with error_here(ValueError, "2 of argument p['w'][0], f32[2,3]", "4 of argument p['w'][1]"):
        vmap(lambda p: p["w"][0])(tree)
    with error_here(ValueError, "axis 1 of argument p['w'][1], which is f32[4] and has 1 dimension"):
        vmap(lambda p: p["w"][0], in_axes=1)(tree)
    with error_here(ValueError, "2 of argument x", "3 of argument scale"):
        vmap(lambda x, scale: x)(A, scale=np.ones(3))
    with error_here(TypeError, "got 'hi' of type str (argument more['s'])"):
        vmap(lambda x, more: x)(A, {"s": "hi"})
    with error_here(ValueError, "argument args[1]"):
        vmap(lambda *values: values[0])(A, 1.0)
    with error_here(ValueError, "in_axes does not fit the arguments", "'c'"):
        vmap(lambda d: d["a"], in_axes=({"c": 0},))({"a": A})


def test_axes_that_do_not_exist() -> None:
    with error_here(ValueError, "axis 2", "f32[2,3]"):
        vmap(lambda x: x, in_axes=2)(A)
    with error_here(ValueError, "axis 0", "f32[]"):
        vmap(lambda x: x)(1.0)
    with error_here(ValueError, "out_axes 3", "f32[3]"):
        vmap(lambda x: x, out_axes=3)(A)


def test_axes_of_a_wrong_kind() -> None:
    with error_here(TypeError, "in_axes", "'batch'"):
        vmap(lambda x: x, in_axes="batch")(A)
    with error_here(TypeError, "out_axes", "1.5"):
        vmap(lambda x: x, out_axes=1.5)(A)


def test_trees_of_axes_that_do_not_fit() -> None:
    with error_here(ValueError, "in_axes has 2 entries", "1 positional"):
        vmap(lambda x: x, in_axes=(0, 0))(A)
    with error_here(ValueError, "in_axes does not fit the arguments"):
        vmap(lambda p: p["a"], in_axes=({"b": 0},))({"a": A})
    with error_here(ValueError, "out_axes does not fit the result"):
        vmap(lambda x: (x, x), out_axes=(0, 0, 0))(A)


def test_nothing_is_mapped() -> None:
    with error_here(ValueError, "at least one mapped argument"):
        vmap(lambda x: x, in_axes=None)(A)


def test_out_axes_none_of_a_result_that_differs() -> None:
    with error_here(ValueError, "out_axes is None for result 0"):
        vmap(lambda x: x * 2, out_axes=None)(A)


def test_a_name_that_is_not_bound() -> None:
    with pytest.raises(NameError, match="unbound axis name: j"):
        vmap(lambda x: lax.psum(x, "j"), axis_name="i")(A)


def test_traced_values_have_no_truth() -> None:
    with error_here(axil.errors.TracerBoolConversionError, "vmap(<lambda>)", "axil.numpy.where"):
        vmap(lambda x: x if x > 0 else -x)(np.ones(3))
    same(vmap(lambda x: x + 1)(np.ones(2)), [2, 2])
