"""Convolutions: gradients, batches, compiled programs and errors; values are compared with JAX in `test/api`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as np_
from axil import lax

LAST = ("NHWC", "HWIO", "NHWC")


def draw(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Any:
    """An array of random numbers."""
    return np_.asarray(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def close(got: Any, want: Any, tolerance: float = 1e-4) -> None:
    """Equal within rounding."""
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), tolerance, tolerance)


def by_loops(x: np.ndarray, w: np.ndarray, strides: tuple, pads: Any, spread: tuple, dilation: tuple) -> np.ndarray:
    """A convolution of (batch, feature, space) and (out, in, space), as its definition reads."""
    (n, _, *_), (o, _, *kernel) = x.shape, w.shape
    inner = [1 + (m - 1) * d for m, d in zip(x.shape[2:], spread)]
    ends = [m + a + b - (k - 1) * d for m, (a, b), k, d in zip(inner, pads, kernel, dilation)]
    sizes = [(end - 1) // s + 1 for end, s in zip(ends, strides)]
    y = np.zeros((n, o, *sizes))
    for place in np.ndindex(*sizes):
        for tap in np.ndindex(*kernel):
            at = [p * s + k * d - a for p, s, k, d, (a, _) in zip(place, strides, tap, dilation, pads)]
            if all(0 <= i < m and i % d == 0 for i, m, d in zip(at, inner, spread)):
                source = x[(slice(None), slice(None), *(i // d for i, d in zip(at, spread)))]
                y[(slice(None), slice(None), *place)] += source @ w[(slice(None), slice(None), *tap)].T
    return y


# ---- meaning -------------------------------------------------------------------------------------------

WINDOWS = [
    dict(strides=(1, 1), pads=[(0, 0), (0, 0)], spread=(1, 1), dilation=(1, 1)),
    dict(strides=(2, 3), pads=[(1, 2), (0, 1)], spread=(1, 1), dilation=(1, 2)),
    dict(strides=(1, 1), pads=[(2, 1), (-1, 3)], spread=(2, 3), dilation=(1, 1)),
    dict(strides=(3, 1), pads=[(-1, -1), (4, 0)], spread=(2, 1), dilation=(2, 1)),
]


@pytest.mark.parametrize("window", WINDOWS)
def test_is_what_the_definition_says(window: dict) -> None:
    x, w = draw(2, 3, 6, 7), draw(4, 3, 2, 3, seed=1)
    got = lax.conv_general_dilated(x, w, window["strides"], window["pads"], window["spread"], window["dilation"])
    close(got, by_loops(np.asarray(x), np.asarray(w), **window))


def test_feature_groups_are_convolutions_side_by_side() -> None:
    x, w = draw(2, 6, 5), draw(4, 3, 2, seed=1)
    parts = [lax.conv(x[:, 3 * i : 3 * i + 3], w[2 * i : 2 * i + 2], (1,), "SAME") for i in range(2)]
    y = lax.conv_general_dilated(x, w, (1,), "SAME", feature_group_count=2)
    close(y, np_.concatenate(parts, axis=1))


def test_batch_groups_are_convolutions_side_by_side() -> None:
    x, w = draw(4, 3, 5), draw(6, 3, 2, seed=1)
    parts = [lax.conv(x[2 * i : 2 * i + 2], w[3 * i : 3 * i + 3], (1,), "SAME") for i in range(2)]
    close(lax.conv_general_dilated(x, w, (1,), "SAME", batch_group_count=2), np_.concatenate(parts, axis=1))


def test_transposed_convolution_is_the_gradient() -> None:
    x, w, y = draw(2, 6, 6, 3), draw(3, 3, 3, 4, seed=1), draw(2, 3, 3, 4, seed=2)
    forward = lambda x: lax.conv_general_dilated(x, w, (2, 2), "SAME", dimension_numbers=LAST)
    _, back = axil.vjp(forward, x)
    close(lax.conv_transpose(y, w, (2, 2), "SAME", transpose_kernel=True), back(y)[0])


# ---- transformations -----------------------------------------------------------------------------------


def loss(x: Any, w: Any, **more: Any) -> Any:
    """A function of a convolution that is not linear in it."""
    y = lax.conv_general_dilated(x, w, (2, 1), [(1, 2), (0, 1)], dimension_numbers=LAST, **more)
    return np_.sum(np_.sin(y))


@pytest.mark.parametrize("more", [{}, {"rhs_dilation": (1, 2)}, {"lhs_dilation": (2, 1)}, {"batch_group_count": 2},
                                  {"feature_group_count": 2}])  # fmt: skip
def test_gradients_are_finite_differences(more: dict) -> None:
    features = 1 if "feature_group_count" in more else 2
    with axil.enable_x64(True):
        xs = draw(2, 5, 4, 2, dtype=float), draw(2, 2, features, 4, seed=1, dtype=float)
        ds = draw(2, 5, 4, 2, seed=2, dtype=float), draw(2, 2, features, 4, seed=3, dtype=float)
        f, h = lambda x, w: loss(x, w, **more), 1e-5
        value = lambda t: f(*(x + t * d for x, d in zip(xs, ds)))
        numeric = (value(h) - value(-h)) / (2 * h)
        gradients = axil.grad(f, (0, 1))(*xs)
        close(sum(np_.sum(g * d) for g, d in zip(gradients, ds)), numeric, 1e-7)
        close(axil.jvp(f, xs, ds)[1], numeric, 1e-7)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, 3)])
def test_batching_is_a_loop(axes: tuple) -> None:
    shapes = [(2, 5, 4, 3), (2, 2, 3, 4)]
    xs = [draw(*s[: a or 0], *([3] if a is not None else []), *s[a or 0 :]) for s, a in zip(shapes, axes)]
    f = lambda x, w: lax.conv_general_dilated(x, w, (1, 2), "SAME", dimension_numbers=LAST)
    rows = [f(*[x if a is None else np_.take(x, i, a) for x, a in zip(xs, axes)]) for i in range(3)]
    close(axil.vmap(f, in_axes=axes)(*xs), np_.stack(rows))


def test_gradients_for_each_example() -> None:
    x, w = draw(3, 1, 5, 5, 2), draw(3, 3, 2, 4, seed=1)
    f = axil.grad(loss, 1)
    close(axil.vmap(f, (0, None))(x, w), np_.stack([f(x[i], w) for i in range(3)]))


def test_hessian_vector_product() -> None:
    x, w = draw(1, 4, 4, 2), draw(2, 2, 2, 3, seed=1)
    f = lambda w: loss(x, w)
    product = axil.jvp(axil.grad(f), (w,), (w,))[1]
    by_reverse = axil.grad(lambda v: np_.sum(axil.grad(f)(v) * w))(w)
    close(product, by_reverse)


# ---- compiled ------------------------------------------------------------------------------------------

# Shape of the input, of the kernel, strides, padding, dilations, groups: large enough for the kernel of our own.
LARGE = [
    ((2, 9, 11, 8), (3, 3, 8, 20), (1, 1), "SAME", (1, 1), (1, 1), 1),  # a block that is not full
    ((4, 19, 9, 16), (3, 2, 16, 5), (2, 1), [(1, 0), (-1, 2)], (1, 1), (1, 2), 1),
    ((2, 9, 13, 3), (5, 5, 3, 16), (2, 2), "SAME", (1, 1), (1, 1), 1),
    ((4, 9, 9, 16), (3, 3, 16, 32), (1, 1), [(2, 1), (1, 2)], (2, 2), (1, 1), 1),  # phases
    ((4, 9, 9, 32), (2, 3, 32, 32), (1, 1), [(0, 1), (1, 2)], (3, 2), (1, 1), 1),  # phases without elements
    ((2, 7, 8, 8), (3, 3, 8, 16), (2, 1), [(2, 1), (1, 2)], (2, 2), (1, 1), 1),
    ((2, 9, 9, 16), (3, 3, 8, 12), (1, 1), "SAME", (1, 1), (1, 1), 2),
    ((2, 300, 16), (5, 16, 32), (1,), "SAME", (1,), (1,), 1),
    ((1, 5, 6, 7, 8), (2, 3, 2, 8, 16), (1, 1, 2), "VALID", (1, 1, 1), (1, 1, 1), 1),
]  # fmt: skip


def test_large_ones_compiled_are_the_reference() -> None:
    xs = [(draw(*case[0]), draw(*case[1], seed=1)) for case in LARGE]

    def all_of_them(xs: Any) -> list:
        results = []
        for (x, w), (a, _, strides, padding, spread, dilation, groups) in zip(xs, LARGE):
            letters = "XYZ"[: len(a) - 2]
            numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
            y = lax.conv_general_dilated(x, w, strides, padding, spread, dilation, numbers, groups)
            results.append(y)
        return results

    text = str(axil.jit(all_of_them).lower(xs).as_text("stablehlo"))
    assert "stablehlo.convolution" not in text
    assert text.count(" call @axil.kernel.convolution") > len(LARGE)
    for got, want in zip(axil.jit(all_of_them)(xs), all_of_them(xs)):
        close(got, want)


def test_gradients_and_layouts_compiled_are_the_reference() -> None:
    x, w = draw(2, 8, 12, 12), draw(16, 8, 3, 3, seed=1)

    def f(x: Any, w: Any) -> Any:
        y = np_.tanh(lax.conv(x, w, (2, 2), "SAME"))
        return np_.sum(lax.conv_transpose(y, w, (2, 2), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"),
                                          transpose_kernel=True) ** 2)  # fmt: skip

    both = axil.value_and_grad(f, (0, 1))
    for got, want in zip(*(axil.tree_util.tree_leaves(g(x, w)) for g in (axil.jit(both), both))):
        close(got, want, 1e-3)


def test_inside_a_compiled_loop() -> None:
    x, w = draw(1, 8, 8, 16), draw(3, 3, 16, 16, seed=1) * 0.1

    def f(x: Any) -> Any:
        step = lambda x, _: (np_.tanh(lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=LAST)), None)
        return lax.scan(step, x, None, length=3)[0]

    close(axil.jit(f)(x), f(x))


# ---- errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "kind", "text"), [
    (((2, 3, 5), (4, 2, 2), (1,), "SAME"), ValueError, "(?s)has 3 features in 1 groups.*feature_group_count"),
    (((2, 3, 5), (4, 3, 2), (1,), "SOME"), RuntimeError, "'SAME', 'SAME_LOWER', 'VALID'"),
    (((2, 3, 5), (4, 3, 2), (1, 1), "SAME"), ValueError, "window_strides needs a positive number for each of the 1"),
    (((2, 3, 5), (4, 3, 2), (1,), [(-6, 0)]), ValueError, "negative padding"),
    (((2, 3, 5), (4, 3), (1,), "SAME"), TypeError, "as many dimensions"),
    (((2, 3, 5), (4, 3, 2), (1,), "SAME", (2,)), ValueError, "conv_transpose"),
])  # fmt: skip
def test_errors_say_what_is_wrong(arguments: tuple, kind: type, text: str) -> None:
    a, b, *rest = arguments
    with pytest.raises(kind, match=text):
        lax.conv_general_dilated(np_.ones(a), np_.ones(b), *rest)


def test_mixed_dtypes_are_refused() -> None:
    with pytest.raises(TypeError, match="same dtypes"):
        lax.conv(np_.ones((1, 1, 3)), np_.ones((1, 1, 2), np_.float16), (1,), "SAME")


def test_reduce_precision_keeps_zeros_infinities_and_nans() -> None:
    x = np_.asarray([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, 1e-30, 1.06])
    got = np.asarray(lax.reduce_precision(x, 5, 4))
    np.testing.assert_array_equal(got, [0.0, -0.0, np.inf, -np.inf, np.nan, np.inf, 0.0, 1.0625])
    np.testing.assert_array_equal(np.signbit(got), np.signbit(np.asarray(x)))


def test_every_pair_of_layouts_gives_the_same() -> None:
    x, w = np.asarray(draw(2, 3, 4, 5)), np.asarray(draw(6, 3, 2, 2, seed=1))
    want = np.asarray(lax.conv(x, w, (1, 1), "SAME"))
    arrange = lambda a, source, target: np.ascontiguousarray(a.transpose([source.index(c) for c in target]))
    for lhs, rhs, out in itertools.product(("NHWC", "CWNH"), ("HWIO", "IOWH"), ("NHWC", "HNCW")):
        y = lax.conv_general_dilated(arrange(x, "NCHW", lhs), arrange(w, "OIHW", rhs), (1, 1), "SAME",
                                     dimension_numbers=(lhs, rhs, out))  # fmt: skip
        close(np.asarray(y).transpose([out.index(c) for c in "NCHW"]), want)
