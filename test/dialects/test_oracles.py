"""Ops against an independent oracle: SciPy, published vectors for threefry, JAX where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

from axil.dialects import families  # noqa: F401  (fills OPS)
from axil.dialects.collective import UnboundAxisError
from axil.dialects.errors import ShapeError
from axil.dialects.op import OPS
from axil.dialects.windows import Windows

INF = np.inf

# name, oracle, range, relative tolerance in units of the dtype's epsilon
SPECIAL = [
    ("erf", scipy.special.erf, (-6, 6), 10), ("erfc", scipy.special.erfc, (-4, 9), 200),
    ("erf_inv", scipy.special.erfinv, (-0.99999, 0.99999), 10), ("lgamma", scipy.special.gammaln, (0.02, 40),
    60), ("digamma", scipy.special.digamma, (2, 40), 20), ("asin", np.arcsin, (-1, 1), 4), ("acos",
    np.arccos, (-1, 1), 6), ("asinh", np.arcsinh, (-9, 9), 4), ("acosh", np.arccosh, (1, 9), 4), ("atanh",
    np.arctanh, (-1, 1), 4),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "oracle", "limits", "ulps"), SPECIAL, ids=[s[0] for s in SPECIAL])
def test_special_functions(name: str, oracle: Any, limits: Any, ulps: float, dtype: Any) -> None:
    x = np.linspace(*limits, 4001).astype(dtype)
    with np.errstate(all="ignore"):
        want = oracle(x.astype(np.float64))
    epsilon = np.finfo(dtype).eps
    np.testing.assert_allclose(OPS[name].reference(x), want, ulps * epsilon, 4 * epsilon)


@pytest.mark.parametrize(
    ("name", "x", "want"),
    [
        ("erf", [0, -0.0, INF, -INF, np.nan], [0, -0.0, 1, -1, np.nan]),
        ("erfc", [INF, -INF, np.nan], [0, 2, np.nan]),
        ("erf_inv", [1, -1, 2, 0], [INF, -INF, np.nan, 0]),
        ("lgamma", [1, 2, 0, -1, INF, -INF], [0, 0, INF, INF, INF, INF]),
        ("digamma", [0, -1, INF], [np.nan, np.nan, INF]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values(name: str, x: list, want: list, dtype: Any) -> None:
    np.testing.assert_array_equal(OPS[name].reference(np.array(x, dtype)), np.array(want, dtype))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_polygamma(n: int) -> None:
    x = np.linspace(0.05, 30, 1001)
    got = OPS["polygamma"].reference(x, n=n)
    np.testing.assert_allclose(got, scipy.special.polygamma(n, x), 1e-14)


@pytest.mark.parametrize(
    ("key", "counter", "want"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_published_vectors(key: Any, counter: Any, want: Any) -> None:
    words = [np.array([w], np.uint32) for w in (*key, *counter)]
    assert tuple(int(y[0]) for y in OPS["threefry2x32"].reference(*words)) == want


# ---- collectives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "oracle"), [("psum", np.sum), ("pmax", np.max), ("pmin", np.min)])
def test_collectives_reduce_the_axis_that_is_batched(name: str, oracle: Any) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    y, batched = OPS[name].named_batch(3, "i", [x], [True])
    np.testing.assert_array_equal(y, oracle(x, axis=0))
    assert not batched


def test_psum_of_what_all_members_share() -> None:
    y, batched = OPS["psum"].named_batch(3, "i", [np.ones(2, np.float32)], [False])
    np.testing.assert_array_equal(y, [3, 3])
    assert not batched


def test_collective_without_its_axis_says_so() -> None:
    with pytest.raises(UnboundAxisError, match=r"'psum' over axis 'i', which nothing binds.*vmap"):
        OPS["psum"](np.ones(2, np.float32), axis_name="i")


# ---- indexing ------------------------------------------------------------------------------------------

WINDOWS = [
    ((5, 3), (4, 1), Windows((1,), (0,), (), (), (0,), (1, 3))),
    ((5, 3), (4, 2), Windows((), (0, 1), (), (), (1, 0), (1, 1))),
    ((4, 5), (3, 1), Windows((0, 2), (), (), (), (1,), (2, 3))),
    ((4, 5, 6), (2, 3, 2), Windows((0, 3), (1,), (), (), (1, 2), (4, 1, 2))),
    ((3, 4, 2), (5, 2, 3, 1), Windows((), (1,), (0, 2), (2, 1), (1,), (1, 1, 1))),
    ((5, 3), (1,), Windows((0,), (0,), (), (), (0,), (1, 3))),
]
each_windows = pytest.mark.parametrize(("shape", "index_shape", "windows"), WINDOWS)


@each_windows
@pytest.mark.parametrize("mode", ["clip", "fill"])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8, np.bool_])
def test_gather_is_that_of_jax(shape: Any, index_shape: Any, windows: Windows, mode: str, dtype: Any) -> None:
    lax = pytest.importorskip("jax").lax
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, shape).astype(dtype)
    indices = rng.integers(-2, 7, index_shape).astype(np.int32)
    numbers = lax.GatherDimensionNumbers(
        windows.offset_dims, windows.collapsed, windows.index_map, windows.batching, windows.index_batching
    )
    want = lax.gather(x, indices, numbers, windows.sizes, mode=mode)
    got = OPS["gather"].reference(x, indices, **windows.gather_attributes(mode))
    np.testing.assert_array_equal(got, want)


@each_windows
@pytest.mark.parametrize("mode", ["clip", "drop"])
@pytest.mark.parametrize("kind", ["set", "add", "mul", "min", "max"])
def test_scatter_is_that_of_jax(shape: Any, index_shape: Any, windows: Windows, mode: str, kind: str) -> None:
    lax = pytest.importorskip("jax").lax
    rng = np.random.default_rng(0)
    x, indices = (
        rng.standard_normal(shape).astype(np.float32),
        rng.integers(-2, 7, index_shape).astype(np.int32),
    )
    updates = rng.standard_normal(windows.result_shape(index_shape)).astype(np.float32)
    numbers = lax.ScatterDimensionNumbers(
        windows.offset_dims, windows.collapsed, windows.index_map, windows.batching, windows.index_batching
    )
    scatter = getattr(lax, "scatter" if kind == "set" else f"scatter_{kind}")
    want = scatter(x, indices, updates, numbers, mode=mode)
    got = OPS[f"scatter_{kind}"].reference(
        x, indices, updates, **windows.scatter_attributes(mode, unique=False)
    )
    np.testing.assert_allclose(got, want, 1e-5)


def test_indexing_errors_say_what_does_not_fit() -> None:
    x, index = np.zeros((5, 3), np.float32), np.zeros((4, 1), np.int32)
    avals = [OPS["constant"].infer(value=v) for v in (x, index, np.zeros((4, 2), np.float32))]
    windows = Windows((1,), (0,), (), (), (0,), (1, 4))
    with pytest.raises(ShapeError, match=r"window of size 4 does not fit dimension 1 of f32\[5,3\]"):
        OPS["gather"].infer(*avals[:2], **windows.gather_attributes("clip"))
    with pytest.raises(ShapeError, match=r"index vectors have 1 components"):
        OPS["gather"].infer(
            *avals[:2], **Windows((), (0, 1), (), (), (0, 1), (1, 1)).gather_attributes("clip")
        )
    with pytest.raises(ShapeError, match=r"f32\[5,3\] needs i32\[2\]"):
        OPS["dynamic_slice"].infer(*avals[:2], sizes=(1, 1))


# ---- sorting and bits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.bool_, np.complex64])
def test_sort_is_that_of_jax(dtype: Any, axis: int) -> None:
    lax = pytest.importorskip("jax").lax
    x = np.random.default_rng(0).integers(-3, 3, (4, 9)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        x[0, 2], x[1, 3], x[1, 4], x[2, 2:4] = np.nan, -0.0, 0.0, np.nan
    payload = np.arange(36, dtype=np.int32).reshape(4, 9)
    want = lax.sort((x, payload), dimension=axis, num_keys=1, is_stable=True)
    got = OPS["sort"].reference(x, payload, axis=axis, num_keys=1, stable=True)
    for y, w in zip(got, want):
        np.testing.assert_array_equal(y, w)


@pytest.mark.parametrize("name", ["shift_left", "shift_right_logical", "shift_right_arithmetic"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32])
def test_shifts_are_those_of_jax(name: str, dtype: Any) -> None:
    lax = pytest.importorskip("jax").lax
    a = np.random.default_rng(0).integers(0, 256, 44).astype(np.uint8).astype(dtype)
    by = np.concatenate([np.arange(40), np.array([-1, -3, 64, 100])]).astype(dtype)
    np.testing.assert_array_equal(OPS[name].reference(a, by), getattr(lax, name)(a, by))
