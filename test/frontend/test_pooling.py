"""Reductions of windows: gradients, batches, compiled programs; values are compared with JAX in `test/api`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as np_
from axil import lax


def max_pool(x: Any, window: int = 2, stride: int = 2, padding: str = "SAME") -> Any:
    """The pooling of images with channels last, as neural network libraries write it."""
    return lax.reduce_window(x, -np_.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), padding)


def mean_pool(x: Any, window: int = 2, stride: int = 2, padding: str = "SAME") -> Any:
    """Mean of each window; padding does not count."""
    sums = lambda v: lax.reduce_window(v, 0.0, lax.add, (1, window, window, 1), (1, stride, stride, 1), padding)
    return sums(x) / sums(np_.ones_like(x))


def draw(*shape: int, seed: int = 0) -> Any:
    """An array of random numbers."""
    return np_.asarray(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def close(got: Any, want: Any, tolerance: float = 1e-5) -> None:
    """Equal within rounding."""
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), tolerance, tolerance)


POOLS = [lambda x: max_pool(x), lambda x: max_pool(x, 3, 1), lambda x: max_pool(x, 3, 2, "VALID"),
         lambda x: -max_pool(-x, 2, 3), lambda x: mean_pool(x), lambda x: mean_pool(x, 3, 1),
         lambda x: lax.reduce_window(x, 1.0, lax.mul, (1, 2, 2, 1), (1, 1, 2, 1), "SAME")]  # fmt: skip


@pytest.mark.parametrize("pool", POOLS)
def test_gradients_are_finite_differences(pool: Callable[[Any], Any]) -> None:
    with axil.enable_x64(True):
        x, d = (np_.asarray(np.random.default_rng(s).standard_normal((2, 5, 5, 2))) for s in (0, 1))
        f = lambda x: np_.sum(np_.sin(pool(x)))
        numeric = (f(x + 1e-6 * d) - f(x - 1e-6 * d)) / 2e-6
        close(np_.sum(axil.grad(f)(x) * d), numeric, 1e-6)
        close(axil.jvp(f, (x,), (d,))[1], numeric, 1e-6)


def test_of_equal_elements_the_first_gets_the_gradient() -> None:
    x = np_.asarray([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    sum_of = lambda op, x: np_.sum(lax.reduce_window(x, {lax.max: -np_.inf, lax.min: np_.inf}[op], op, (2, 2)))
    np.testing.assert_array_equal(axil.grad(lambda x: sum_of(lax.max, x))(x), [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(axil.grad(lambda x: sum_of(lax.min, x))(x), [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def test_where_no_window_fits_gradients_are_zero() -> None:
    f = lambda x: np_.sum(lax.reduce_window(x, -np_.inf, lax.max, (2, 2), (1, 2), "VALID"))
    np.testing.assert_array_equal(axil.grad(f)(np_.ones((1, 5))), np.zeros((1, 5)))
    np.testing.assert_array_equal(axil.jit(axil.grad(f))(np_.ones((1, 5))), np.zeros((1, 5)))


def test_padding_gets_no_gradient() -> None:
    x = -np_.ones((1, 3, 3, 1))
    close(np_.sum(axil.grad(lambda x: np_.sum(max_pool(x, 3, 3)))(x)), 1.0)
    close(np_.sum(axil.grad(lambda x: np_.sum(max_pool(x, 2, 2)))(x)), 4.0)


def test_gradient_through_gaps_and_dilated_windows() -> None:
    x = draw(5, 6)
    pool = lambda x: lax.reduce_window(x, -np_.inf, lax.max, (2, 2), (1, 2), [(1, 0), (0, 2)], (2, 1), (1, 3))
    f = lambda x: np_.sum(pool(x) ** 2)
    g = np.asarray(axil.grad(f)(x))
    steps = np.eye(30, dtype=np.float32).reshape(30, 5, 6) * 1e-2
    numeric = np.asarray([(f(x + s) - f(x - s)) / 2e-2 for s in steps]).reshape(5, 6)
    close(g, numeric, 2e-2)


def test_batching_is_a_loop() -> None:
    x = draw(3, 2, 5, 4, 2)
    for f in (max_pool, mean_pool, axil.grad(lambda x: np_.sum(max_pool(x, 3, 1) ** 2))):
        close(axil.vmap(f)(x), np_.stack([f(row) for row in x]))
        close(axil.vmap(f, in_axes=1, out_axes=1)(np_.moveaxis(x, 0, 1)), axil.vmap(f, out_axes=1)(x))


def test_hessian_vector_product() -> None:
    x, v = draw(1, 4, 4, 2), draw(1, 4, 4, 2, seed=1)
    f = lambda x: np_.sum(max_pool(np_.tanh(x)) ** 2) + np_.sum(mean_pool(np_.sin(x), 3, 1) ** 3)
    product = axil.jvp(axil.grad(f), (x,), (v,))[1]
    close(product, axil.grad(lambda x: np_.sum(axil.grad(f)(x) * v))(x))


def test_compiled_is_the_reference() -> None:
    x, big = draw(2, 7, 7, 3), draw(1, 20, 20, 2)

    def f(x: Any, big: Any) -> Any:
        value = lambda x, big: sum(np_.sum(np_.sin(p(x))) for p in POOLS) + np_.sum(max_pool(big, 11, 5) ** 2)
        sums = lax.reduce_window(x, 0.5, lax.add, (1, 3, 3, 1), (1, 2, 1, 1), "SAME")
        return axil.value_and_grad(value, (0, 1))(x, big), sums

    for got, want in zip(*(axil.tree_util.tree_leaves(g(x, big)) for g in (axil.jit(f), f))):
        close(got, want, 1e-4)


def test_any_function_of_several_arrays() -> None:
    x, y = draw(4, 5), draw(4, 5, seed=1)

    def later_of_larger(a: Any, b: Any) -> Any:
        keep = a[0] > b[0]
        return np_.where(keep, a[0], b[0]), np_.where(keep, a[1], b[1])

    f = lambda x, y: lax.reduce_window((x, y), (-np_.inf, 0.0), later_of_larger, (2, 2), (1, 1), "VALID")[1]
    windows = np.lib.stride_tricks.sliding_window_view
    at = windows(np.asarray(x), (2, 2)).reshape(3, 4, 4).argmax(-1)[..., None]
    want = np.take_along_axis(windows(np.asarray(y), (2, 2)).reshape(3, 4, 4), at, -1)[..., 0]
    close(f(x, y), want)
    close(axil.jit(f)(x, y), want)
    close(np_.sum(axil.grad(lambda y: np_.sum(f(x, y)))(y)), 12.0)


def test_large_windows_are_reduced_one_dimension_after_the_other() -> None:
    x = draw(30, 12)
    f = lambda x: lax.reduce_window(x, 0.0, lambda a, b: a + b, (9, 9), (2, 1), "SAME")
    close(f(x), lax.reduce_window(x, 0.0, lax.add, (9, 9), (2, 1), "SAME"), 1e-4)


@pytest.mark.parametrize(("arguments", "kind", "text"), [
    (((2,),), ValueError, "window_dimensions needs a positive number for each of 2"),
    (((2, 0),), ValueError, "window_dimensions needs a positive number"),
    ((2,), TypeError, "must be a tuple or list"),
    (((2, 2), (1, 1), "EVERY"), RuntimeError, "'SAME', 'SAME_LOWER', 'VALID'"),
    (((2, 2), (1, 1), [(0, 0)]), ValueError, "pair for each of 2 dimensions"),
])  # fmt: skip
def test_errors_say_what_is_wrong(arguments: tuple, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        lax.reduce_window(np_.ones((3, 4)), 0.0, lax.add, *arguments)


def test_initial_values_must_match() -> None:
    with pytest.raises(ValueError, match="trees of one structure"):
        lax.reduce_window((np_.ones(3),), 0.0, lax.add, (2,))
    with pytest.raises(TypeError, match="same dtypes"):
        lax.reduce_window(np_.ones(3), np.int32(1), lax.add, (2,))
