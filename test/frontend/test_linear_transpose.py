"""`linear_transpose`, and what linear maps have in common: reuse, transformations, travel as pytrees, errors."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import fwd_and_bwd, grad, jit, jvp, lax, linear_transpose, linearize, vjp, vmap

A = onp.arange(6.0, dtype="f4").reshape(2, 3)


# ---- linear_transpose ----------------------------------------------------------------------------------


def test_transpose_of_the_guide() -> None:
    f = lambda x, y: 0.5 * x - 0.5 * y
    scalar = axil.ShapeDtypeStruct((), onp.float32)
    same(linear_transpose(f, scalar, scalar)(1.0), (0.5, -0.5))


def test_only_shapes_and_dtypes_of_primals_count() -> None:
    f = lambda p: {"y": A @ p["x"], "z": p["n"].sum()}
    transposed = linear_transpose(f, {"x": onp.full(3, onp.nan, "f4"), "n": axil.ShapeDtypeStruct((2,), onp.float32)})
    same(transposed({"y": np.ones(2), "z": 3.0}), ({"x": A.sum(0), "n": [3, 3]},))


def test_complex_and_integer_functions() -> None:
    same(linear_transpose(lambda x: x * 2j, 1j)(1.0 + 1j)[0], -2 + 2j)
    same(linear_transpose(lambda x: x.real, 1j)(2.0)[0], 2.0 + 0j)
    got = linear_transpose(lambda n: n * 3 + n[::-1], np.arange(2))(np.array([1, 2]))[0]
    same(got, [5, 7])
    assert got.dtype == np.int32


def test_arguments_that_are_not_used_have_zeros() -> None:
    same(linear_transpose(lambda x, y: x, 1.0, np.ones(2))(3.0), (3.0, [0, 0]))


def test_transpose_of_control_flow() -> None:
    def f(x: Any) -> Any:
        rows = lax.scan(lambda c, a: (c * 0.5 + a, c), x[0], x)[1]
        return rows.sum() + lax.cond(True, lambda v: v[0], lambda v: v[1], x)

    rows = jit(axil.jacrev(f))(np.zeros(3))
    same(linear_transpose(f, np.zeros(3))(1.0)[0], rows)
    same(linear_transpose(jit(f), np.zeros(3))(1.0)[0], rows)


def test_transpose_under_other_transformations() -> None:
    transposed = linear_transpose(lambda x: A @ x, np.ones(3))
    same(vmap(transposed)(np.eye(2)), (A,))
    same(jit(transposed)(np.ones(2)), (A.sum(0),))
    same(grad(lambda ct: (transposed(ct)[0] ** 2).sum())(np.ones(2)), 2 * A @ A.T @ onp.ones(2))
    same(jvp(transposed, (np.ones(2),), (np.ones(2),))[1], (A.sum(0),))
    inside = lambda s: linear_transpose(lambda x: s * x, 1.0)(3.0)[0]  # closes over what is differentiated
    same(grad(inside)(2.0), 3.0)
    same(vmap(inside)(np.arange(3.0)), [0, 3, 6])


def test_what_is_not_linear_is_named_with_its_line() -> None:
    with error_here(TypeError, "axil.sin", "not linear"):
        linear_transpose(lambda x: np.sin(x) * 2, 1.0)
    with error_here(TypeError, "axil.mul", "'lhs' and 'rhs'"):
        linear_transpose(lambda x: x * x, 1.0)
    with error_here(TypeError, "axil.div", "'rhs'"):
        linear_transpose(lambda x: 1 / x, 1.0)
    with error_here(TypeError, "while"):
        linear_transpose(lambda x: lax.while_loop(lambda v: v < 3, lambda v: v * 2, x), 1.0)


def test_errors_of_linear_transpose() -> None:
    with error_here(TypeError, "f32[2]", "i32[]"):
        linear_transpose(lambda x: np.argmax(x), np.ones(2))
    with error_here(TypeError, "structure", "(*, *)"):
        linear_transpose(lambda x: (x, x), 1.0)(1.0)
    with error_here(TypeError, "f32[3]", "f32[2]"):
        linear_transpose(lambda x: x, np.ones(3))(np.ones(2))
    with error_here(NotImplementedError, "reduce_axes", "psum"):
        linear_transpose(lambda x: x, 1.0, reduce_axes=("i",))


# ---- maps as pytrees -----------------------------------------------------------------------------------


def test_a_pullback_is_returned_from_jit_and_passed_to_it() -> None:
    forward = jit(lambda x: vjp(np.sin, x))
    traces = []
    backward = jit(lambda pull, ct: traces.append(1) or pull(ct)[0])
    for x in (np.ones(3), np.zeros(3)):
        y, pull = forward(x)
        same((y, backward(pull, np.ones(3))), (onp.sin(x), onp.cos(x)))
        same(pull(np.full(3, 2.0))[0], 2 * onp.cos(x))
    assert len(traces) == 1


def test_maps_are_trees_of_residuals() -> None:
    _, pull = vjp(lambda a, b: a * b, 2.0, 3.0)
    leaves, treedef = axil.tree_util.tree_flatten(pull)
    same(sorted(map(float, leaves)), [2.0, 3.0])
    doubled = axil.tree_util.tree_unflatten(treedef, [2 * x for x in leaves])
    same(doubled(1.0), (6.0, 4.0))
    _, push = linearize(np.sin, 0.5)
    same(jit(lambda p, t: p(t))(push, 2.0), 2 * onp.cos(0.5))


def test_a_batch_of_pullbacks() -> None:
    x = np.arange(3.0)
    pulls = vmap(lambda x: vjp(np.sin, x)[1])(x)
    same(vmap(lambda pull, ct: pull(ct)[0])(pulls, np.ones(3)), onp.cos(x))


def test_fwd_and_bwd() -> None:
    f = lambda x, w, n: ((x @ w) * n, {"aux": x})
    fwd, bwd = fwd_and_bwd(f, argnums=(0, 1), has_aux=True)
    for seed in (1.0, 2.0):
        x = np.full((2, 3), seed)
        y, residuals, aux = fwd(x, np.ones((3, 4)), 2)
        gx, gw = bwd(residuals, np.ones_like(y))
        same((gx, gw, aux["aux"]), (onp.full((2, 3), 8.0), onp.full((3, 4), 4 * seed), x))
    assert bwd._cache_size() == 1
    fwd, bwd = fwd_and_bwd(np.sin, argnums=0, jitted=False)
    same(bwd(fwd(0.5)[1], 2.0), 2 * onp.cos(0.5))


# ---- errors of pullbacks and linearized functions -------------------------------------------------------


def test_errors_of_pullbacks() -> None:
    _, pull = vjp(lambda x: {"a": x, "b": x}, np.ones(3))
    with error_here(ValueError, "structure", "'a': *", "(*, *)"):
        pull((np.ones(3), np.ones(3)))
    with error_here(ValueError, "f32[3]", "f32[2]", "shape (3,)"):
        pull({"a": np.ones(3), "b": np.ones(2)})
    with error_here(TypeError, "f16[3]", "astype('float32')"):
        pull({"a": np.ones(3), "b": np.ones(3, np.float16)})
    with error_here(TypeError, "2 arguments", "pullback((ct0, ct1))"):
        vjp(lambda x: (x, x), 1.0)[1](1.0, 1.0)
    with error_here(ValueError, "float0"):
        vjp(lambda x: (x, np.argmax(x)), np.ones(3))[1]((np.ones(3), 1))
    with error_here(NotImplementedError, "reduce_axes"):
        vjp(np.sin, 1.0, reduce_axes=("i",))


def test_errors_of_linearized_functions_and_jvp() -> None:
    _, push = linearize(lambda p: p["x"] * 2, {"x": np.ones(3)})
    with error_here(ValueError, "structure", "{'x': *}", "(*,)"):
        push(np.ones(3))
    with error_here(ValueError, "f32[3]", "f32[]"):
        push({"x": 1.0})
    with error_here(TypeError, "structure", "(*, *)", "(*,)"):
        jvp(lambda x, y: x, (1.0, 2.0), (1.0,))
    with error_here(TypeError, "i32[]", "float0"):
        jvp(lambda x, n: x * n, (1.0, 2), (1.0, 1))
    with error_here(TypeError, "tuples or lists", "jvp(f, (x,), (t,))"):
        jvp(np.sin, 1.0, 1.0)


def test_linearize_has_aux() -> None:
    y, push, aux = linearize(lambda x: (np.sin(x), {"x": x}), 0.5, has_aux=True)
    same((y, push(2.0), aux), (onp.sin(0.5), 2 * onp.cos(0.5), {"x": 0.5}))


def test_constants_and_integers_among_results() -> None:
    _, push = linearize(lambda x: (x * 2, 3.0, np.asarray(x, int)), 1.0)
    two, zero, nothing = push(1.0)
    same((two, zero), (2.0, 0.0))
    assert nothing.dtype == axil.dtypes.float0
    _, pull = vjp(lambda x: (x * 2, 3.0, np.asarray(x, int)), 1.0)
    same(pull((1.0, 5.0, onp.zeros((), axil.dtypes.float0))), (2.0,))


@pytest.mark.parametrize("argnums", [0, -1, (0, 1), [1]])
def test_reduce_axes_is_taken_when_empty(argnums: Any) -> None:
    grad(lambda a, b: a * b, argnums, reduce_axes=())(1.0, 2.0)
    with error_here(NotImplementedError, "reduce_axes"):
        grad(lambda a, b: a * b, argnums, reduce_axes=("batch",))
