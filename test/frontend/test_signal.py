"""Signals and cosine transforms: identities that tie the functions together, jit, derivatives, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil.scipy import fft as cosine
from axil.scipy import signal

RNG = np.random.default_rng(0)
X = RNG.standard_normal(100).astype(np.float32)


def test_cosine_transforms_are_those_of_the_definition_and_invert() -> None:
    for n in (1, 2, 5, 8):
        x = RNG.standard_normal(n).astype(np.float32)
        k = np.arange(n)
        matrix = 2 * np.cos(np.pi * np.outer(k, 2 * k + 1) / (2 * n))
        np.testing.assert_allclose(cosine.dct(x), matrix @ x, atol=1e-5)
        np.testing.assert_allclose(cosine.idct(cosine.dct(x, norm="ortho"), norm="ortho"), x, atol=1e-5)


def test_orthogonal_cosine_transform_is_its_inverse_transposed() -> None:
    x, ct = RNG.standard_normal((2, 3, 6)).astype(np.float32)
    _, pullback = axil.vjp(lambda v: cosine.dctn(v, norm="ortho"), x)
    np.testing.assert_allclose(pullback(ct)[0], cosine.idctn(ct, norm="ortho"), atol=1e-5)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_both_methods_of_convolution_agree(mode: str) -> None:
    kernel = RNG.standard_normal(7).astype(np.float32)
    direct, by_fft = (signal.convolve(X, kernel, mode, method) for method in ("direct", "fft"))
    np.testing.assert_allclose(direct, np.convolve(X, kernel, mode), atol=1e-4)
    np.testing.assert_allclose(by_fft, direct, atol=1e-4)


def test_compiled_is_eager() -> None:
    kernel, image = X[:5], X.reshape(10, 10)

    def several(x: Any, image: Any, kernel: Any) -> Any:
        return (
            signal.fftconvolve(x, kernel, "same"), signal.correlate2d(image, image[:3, :2], "same"),
            cosine.dctn(image), cosine.idct(x, norm="ortho"), signal.detrend(x, bp=[30]),
            signal.welch(x, nperseg=16), signal.stft(x, nperseg=16)[2],
        )  # fmt: skip

    eager, compiled = several(X, image, kernel), axil.jit(several)(X, image, kernel)
    for a, b in zip(axil.tree_util.tree_leaves(eager), axil.tree_util.tree_leaves(compiled), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("window", ["hann", "hamming", np.hanning(16).astype(np.float32) + 0.1])
def test_short_time_transform_is_inverted(window: Any) -> None:
    _, _, z = signal.stft(X, window=window, nperseg=16)
    _, x = signal.istft(z, window=window)
    np.testing.assert_allclose(x[: X.size], X, atol=1e-5)


def test_gradient_goes_through_segments() -> None:
    """The power of all spectra of a signal in unwindowed segments, side by side, is that of the signal."""
    power = lambda x: anp.sum(anp.abs(signal.stft(x, window="boxcar", nperseg=10, noverlap=0, boundary=None,
                                                  return_onesided=False)[2]) ** 2)  # fmt: skip
    np.testing.assert_allclose(axil.grad(power)(X), 2 * X / 10, rtol=1e-3, atol=1e-5)


def test_lines_are_no_trend() -> None:
    t = np.arange(20, dtype=np.float32)
    rest = signal.detrend(np.where(t < 8, 3 * t, 40 - t), bp=8)
    np.testing.assert_allclose(rest, np.zeros(20), atol=1e-4)


def test_batches_are_loops() -> None:
    rows = X.reshape(4, 25)
    for f in (lambda v: signal.fftconvolve(v, v[:3]), lambda v: signal.welch(v, nperseg=8)[1], cosine.dct):
        np.testing.assert_allclose(axil.vmap(f)(rows), np.stack([f(v) for v in rows]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("call, words", [
    (lambda: signal.convolve2d(X, X), "2-dimensional"),
    (lambda: signal.convolve2d(X.reshape(10, 10), X.reshape(10, 10), boundary="wrap"), "pad"),
    (lambda: signal.convolve(anp.ones((4, 2)), anp.ones((2, 3))), "fftconvolve"),
    (lambda: signal.fftconvolve(anp.ones((2, 5)), anp.ones((3, 5)), axes=1), "mapped axes"),
    (lambda: signal.stft(X, nperseg=16, noverlap=16), "less than nperseg"),
    (lambda: signal.welch(X, window=anp.ones(200)), "longer than input"),
    (lambda: signal.istft(anp.ones(3)), "2d"),
    (lambda: cosine.dct(X, type=1), "type 2"),
])  # fmt: skip
def test_errors_say_what_to_do(call: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=words):
        call()
