"""`axil.lax.gather` and the scatters against JAX's, in every mode, in and out of bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from axil import lax

X = np.arange(20, dtype=np.float32).reshape(5, 4)
ROWS = ((1,), (0,), (0,))
POINTS = ((), (0, 1), (0, 1))
WINDOWS = ((1, 2), (), (0, 1))
INSIDE = np.array([[0], [3], [3]], np.int32)
OUTSIDE = np.array([[-1], [3], [7]], np.int32)
PAIRS = np.array([[0, 1], [4, 3], [9, -2]], np.int32)
GATHERS = [(ROWS, INSIDE, (1, 4)), (ROWS, OUTSIDE, (1, 4)), (POINTS, PAIRS, (1, 1)), (WINDOWS, PAIRS, (2, 3))]


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax", reason="the test-only oracle jax is not installed")


@pytest.mark.parametrize("dims, indices, sizes", GATHERS)
@pytest.mark.parametrize("mode", [None, "clip", "fill"])
@pytest.mark.parametrize("fill_value", [None, 7])
def test_gather(jax: Any, dims: Any, indices: Any, sizes: Any, mode: Any, fill_value: Any) -> None:
    def run(module: Any) -> np.ndarray:
        numbers = module.GatherDimensionNumbers(*dims)
        return np.asarray(module.gather(X, indices, numbers, sizes, mode=mode, fill_value=fill_value))

    np.testing.assert_array_equal(run(lax), run(jax.lax))


@pytest.mark.parametrize("name", ["scatter", "scatter_add", "scatter_sub", "scatter_mul", "scatter_min", "scatter_max"])
@pytest.mark.parametrize("dims, indices, sizes", GATHERS)
@pytest.mark.parametrize("mode", [None, "clip", "drop"])
def test_scatter(jax: Any, name: str, dims: Any, indices: Any, sizes: Any, mode: Any) -> None:
    window = tuple(n for d, n in enumerate(sizes) if d not in dims[1])
    updates = np.arange(1, 1 + 3 * int(np.prod(window)), dtype=np.float32).reshape(3, *window)
    if name == "scatter":
        updates[:] = 9  # which of colliding updates wins is not defined

    if name not in ("scatter", "scatter_add") and dims is ROWS:
        pytest.skip("the modes are those of scatter_add, and JAX compiles each slowly")

    def run(module: Any) -> np.ndarray:
        numbers = module.ScatterDimensionNumbers(*dims)
        return np.asarray(getattr(module, name)(X, indices, updates, numbers, mode=mode))

    np.testing.assert_array_equal(run(lax), run(jax.lax))


def test_batching_dimensions(jax: Any) -> None:
    indices = np.array([[[0], [2]], [[1], [1]], [[3], [0]], [[0], [0]], [[2], [3]]], np.int32)

    def run(module: Any) -> np.ndarray:
        numbers = module.GatherDimensionNumbers((), (1,), (1,), (0,), (0,))
        return np.asarray(module.gather(X, indices, numbers, (1, 1), mode="clip"))

    np.testing.assert_array_equal(run(lax), run(jax.lax))


def test_errors() -> None:
    numbers = lax.GatherDimensionNumbers(*ROWS)
    with pytest.raises(ValueError, match="mode"):
        lax.gather(X, INSIDE, numbers, (1, 4), mode="wrap")
    with pytest.raises(TypeError, match="integer"):
        lax.gather(X, INSIDE.astype(np.float32), numbers, (1, 4))
    with pytest.raises(ValueError, match="does not fit"):
        lax.gather(X, INSIDE, numbers, (1, 9))
    with pytest.raises(TypeError, match="same dtypes"):
        lax.scatter_add(X, INSIDE, np.zeros((3, 4), np.int32), lax.ScatterDimensionNumbers(*ROWS))
