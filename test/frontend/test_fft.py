"""Fourier transforms: accuracy of compiled programs at all kinds of lengths, derivatives, batches, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil import lax
from axil.compiler.kernels import KERNELS
from axil.compiler.passes import import_stablehlo, lower  # noqa: F401  (registers the passes)
from axil.compiler.passes.passes import run_pipeline
from axil.config import enable_x64
from axil.dialects.mlir import parse_module

RNG = np.random.default_rng(0)
DTYPES = {"f32": (np.float32, np.complex64), "f64": (np.float64, np.complex128)}
LIMITS = {"f32": 1e-6, "f64": 1e-14}


def operand(kind: str, lengths: tuple[int, ...], batch: tuple[int, ...], precision: str) -> np.ndarray:
    """A random operand of a transform."""
    half = (*lengths[:-1], lengths[-1] // 2 + 1)
    shape = (*batch, *(half if kind == "IRFFT" else lengths))
    real, complex_ = DTYPES[precision]
    x = RNG.standard_normal(shape)
    return x.astype(real) if kind == "RFFT" else (x + 1j * RNG.standard_normal(shape)).astype(complex_)


def in_numpy(x: np.ndarray, kind: str, lengths: tuple[int, ...]) -> np.ndarray:
    """The transform in double precision."""
    wide = x.astype(np.float64 if kind == "RFFT" else np.complex128)
    transform = {"FFT": np.fft.fftn, "IFFT": np.fft.ifftn, "RFFT": np.fft.rfftn, "IRFFT": np.fft.irfftn}[kind]
    return transform(wide, lengths, axes=tuple(range(-len(lengths), 0)))


def check_compiled(cases: list[tuple], precision: str) -> None:
    """Compile transforms (kind, lengths, batch) as one program and compare its results with NumPy's."""
    xs = [operand(kind, lengths, batch, precision) for kind, lengths, batch in cases]
    with enable_x64(precision == "f64"):
        results = axil.jit(lambda *xs: [lax.fft(x, c[0], c[1]) for x, c in zip(xs, cases)])(*xs)
    for x, y, (kind, lengths, batch) in zip(xs, results, cases):
        want, got = in_numpy(x, kind, lengths), np.asarray(y)
        assert got.dtype == DTYPES[precision][kind != "IRFFT"] and got.shape == want.shape
        error = np.linalg.norm(got - want) / np.linalg.norm(want)
        assert error < LIMITS[precision], f"{kind} of {batch} x {lengths}: relative error {error}"


CASES = [
    ("FFT", (2,), ()), ("IFFT", (3,), ()), ("FFT", (1000,), (2,)), ("IFFT", (2310,), ()), ("FFT", (67,), ()),
    ("IFFT", (2 * 101,), (3,)), ("RFFT", (45,), ()), ("IRFFT", (126,), (2,)), ("IRFFT", (27,), ()),
    ("IRFFT", (2,), ()), ("FFT", (12,), (21,)), ("FFT", (4, 9, 5), (2,)), ("RFFT", (5, 122), ()),
]  # fmt: skip


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_compiled_transforms_are_accurate(precision: str) -> None:
    check_compiled(CASES if precision == "f32" else CASES[::3], precision)


def test_work_is_shared_out_among_workgroups() -> None:
    """More than 8192 points: short rows, rows, columns and real rows, in numbers that no tile divides."""
    check_compiled([("FFT", (16,), (1203,)), ("IFFT", (130, 91), (2,)), ("RFFT", (200,), (101,))], "f32")


def test_long_transforms_use_products_of_roots() -> None:
    check_compiled([("FFT", (6 * 1024,), ()), ("RFFT", (10_000,), ())], "f64")


def test_transforms_without_a_kernel_are_matrix_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(KERNELS, "fft")
    check_compiled([("FFT", (4320,), ()), ("IFFT", (67,), (2,)), ("IRFFT", (20,), ())], "f32")


def test_a_transform_of_a_million_points_is_a_small_program() -> None:
    lowered = axil.jit(anp.fft.fft).lower(axil.ShapeDtypeStruct((1_000_000,), np.complex64))
    assert len(lowered.as_text("stablehlo")) < 1_000_000


def test_long_prime_length_computes_its_chirp_when_it_runs() -> None:
    check_compiled([("IFFT", (4099,), ())], "f32")
    lowered = axil.jit(anp.fft.fft).lower(axil.ShapeDtypeStruct((1_000_003,), np.complex64))
    assert len(lowered.as_text("stablehlo")) < 2_000_000


def test_stablehlo_is_imported_and_written_for_others() -> None:
    text = """func.func public @main(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
      %y = stablehlo.fft %x, type = RFFT, length = [2, 6] : (tensor<2x6xf32>) -> tensor<2x4xcomplex<f32>>
      %z = stablehlo.fft %y, type = IRFFT, length = [2, 6] : (tensor<2x4xcomplex<f32>>) -> tensor<2x6xf32>
      return %z : tensor<2x6xf32>
    }"""
    module = parse_module(text)
    run_pipeline(module, "axil-import-stablehlo", verify=True)
    assert str(module).count("axil.fft") == 2 and "stablehlo." not in str(module)
    run_pipeline(module, "axil-to-stablehlo{kernels=0 platform=portable}", verify=True)
    assert str(module).count("stablehlo.fft") == 2


# ---- derivatives and batches -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind, lengths", [("FFT", (5,)), ("IFFT", (4, 3)), ("RFFT", (6,)), ("RFFT", (3, 5)),
                                           ("IRFFT", (6,)), ("IRFFT", (2, 5))])  # fmt: skip
def test_vjp_is_the_transpose(kind: str, lengths: tuple[int, ...]) -> None:
    """In JAX's pairing: the real part of the sum of products."""
    x = operand(kind, lengths, (2,), "f32")
    y, pullback = axil.vjp(lambda x: lax.fft(x, kind, lengths), x)
    ct = RNG.standard_normal(y.shape)
    ct = (ct if kind == "IRFFT" else ct + 1j * RNG.standard_normal(y.shape)).astype(y.dtype)
    (back,) = pullback(ct)
    assert back.shape == x.shape and back.dtype == x.dtype
    pair = lambda a, b: np.real(np.sum(np.asarray(a, np.complex128) * np.asarray(b, np.complex128)))
    np.testing.assert_allclose(pair(ct, y), pair(back, x), rtol=1e-4)


def test_gradient_of_power_is_twice_the_signal() -> None:
    """Parseval: the sum of |fft(x)|^2 is n times that of x^2."""
    x = RNG.standard_normal(12).astype(np.float32)
    power = lambda x: anp.sum(anp.abs(anp.fft.fft(x)) ** 2)
    np.testing.assert_allclose(axil.grad(power)(x), 2 * 12 * x, rtol=1e-4)
    np.testing.assert_allclose(axil.jit(axil.grad(power))(x), 2 * 12 * x, rtol=1e-4)


def test_forward_mode_is_the_transform_of_the_tangent() -> None:
    x, t = RNG.standard_normal((2, 7)).astype(np.float32)
    y, dy = axil.jvp(anp.fft.rfft, (x,), (t,))
    np.testing.assert_allclose(y, np.fft.rfft(x), atol=1e-5)
    np.testing.assert_allclose(dy, np.fft.rfft(t), atol=1e-5)


def test_vmap_over_any_axis() -> None:
    x = RNG.standard_normal((4, 3, 5)).astype(np.float32)
    for axis in (0, 1, 2):
        got = axil.vmap(lambda v: anp.fft.fftn(v, norm="ortho"), in_axes=axis)(x)
        rows = np.moveaxis(x, axis, 0)
        np.testing.assert_allclose(got, [np.fft.fftn(v, norm="ortho") for v in rows], atol=1e-5)


def test_transform_inside_a_loop() -> None:
    x = RNG.standard_normal(6).astype(np.float32)
    step = lambda v, _: (anp.fft.ifft(anp.fft.fft(v) * 2), anp.real(v[0]))
    last, _ = axil.jit(lambda v: lax.scan(step, v, None, length=3))(x.astype(np.complex64))
    np.testing.assert_allclose(last, 8 * x, atol=1e-4)


# ---- edges and errors ------------------------------------------------------------------------------------


def test_imaginary_parts_that_cannot_be_are_ignored() -> None:
    x = np.array([1 + 5j, 2 - 1j, 3 + 7j], np.complex64)
    for f in (anp.fft.irfft, axil.jit(anp.fft.irfft)):
        np.testing.assert_allclose(f(x), np.fft.irfft(x), atol=1e-6)


def test_not_a_number_spreads() -> None:
    x = np.ones(8, np.complex64)
    x[3] = np.nan
    for f in (anp.fft.fft, axil.jit(anp.fft.fft)):
        assert np.isnan(np.asarray(f(x))).all()


@pytest.mark.parametrize("call, words", [
    (lambda: anp.fft.fft(anp.ones(3), n=0), "positive"),
    (lambda: anp.fft.fft2(anp.ones((2, 2)), axes=(0,)), "2 axes"),
    (lambda: anp.fft.fft(anp.ones(3), norm="unit"), "ortho"),
    (lambda: anp.fft.fftn(anp.ones((2, 2)), axes=(0, 0)), "repeated"),
    (lambda: anp.fft.rfft(anp.ones(3) * 1j), "take the real part"),
    (lambda: lax.fft(anp.ones(3), "dft", (3,)), "irfft"),
    (lambda: lax.fft(anp.ones(3), lax.FftType.FFT, (4,)), "c64\\[3\\]"),
])  # fmt: skip
def test_errors_say_what_to_do(call: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        call()
