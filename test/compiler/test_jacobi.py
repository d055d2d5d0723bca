"""Eigen and singular value decompositions lowered without kernels: run on the CPU, and compiled for Vulkan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axil
import axil.numpy as anp
from axil.compiler.driver import compile_module, hand_over
from axil.compiler.passes.lower import LowerToStablehlo
from axil.dialects.mlir import ir, parse_module
from axil.lax import linalg
from axil.runtime import Executable, to_device, to_host

PROGRAM = """
func.func @main(%a: tensor<2x5x5xf32>, %b: tensor<2x3x4xcomplex<f32>>, %c: tensor<4x3xf32>)
    -> (tensor<2x5xf32>, tensor<2x5x5xf32>, tensor<2x3x3xcomplex<f32>>, tensor<2x3xf32>, tensor<2x4x4xcomplex<f32>>,
        tensor<3xf32>) {
  %w, %v = "axil.eigh"(%a) {lower = true} : (tensor<2x5x5xf32>) -> (tensor<2x5xf32>, tensor<2x5x5xf32>)
  %u, %s, %vh = "axil.svd"(%b) {full_matrices = true} : (tensor<2x3x4xcomplex<f32>>)
    -> (tensor<2x3x3xcomplex<f32>>, tensor<2x3xf32>, tensor<2x4x4xcomplex<f32>>)
  %t = "axil.svdvals"(%c) : (tensor<4x3xf32>) -> tensor<3xf32>
  return %w, %v, %u, %s, %vh, %t : tensor<2x5xf32>, tensor<2x5x5xf32>, tensor<2x3x3xcomplex<f32>>, tensor<2x3xf32>,
    tensor<2x4x4xcomplex<f32>>, tensor<3xf32>
}
"""


def adjoint(x: np.ndarray) -> np.ndarray:
    """Conjugate transposes."""
    return np.conj(np.swapaxes(x, -1, -2))


def run(*arrays: np.ndarray) -> list[np.ndarray]:
    """The program's results, lowered as for a target without kernels."""
    module = parse_module(PROGRAM)
    with module.context, ir.Location.unknown():
        LowerToStablehlo(platform="portable", kernels=False).run(module.operation)
    executable = Executable(compile_module(hand_over(module)), results=6)
    return [np.array(to_host(v, executable.device)) for v in executable([to_device(x).view for x in arrays])]


def test_rotations_diagonalise() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2, 5, 5)).astype(np.float32)
    b = (rng.standard_normal((2, 3, 4)) + 1j * rng.standard_normal((2, 3, 4))).astype(np.complex64)
    c = rng.standard_normal((4, 3)).astype(np.float32)
    a[1] = 1  # repeated eigenvalues
    b[1, 2] = b[1, 1] * 2j  # no full rank
    w, v, u, s, vh, t = run(a, b, c)
    h = np.tril(a) + adjoint(np.tril(a, -1))
    np.testing.assert_allclose(w, np.linalg.eigvalsh(h), 1e-5, 1e-5)
    np.testing.assert_allclose((v * w[:, None]) @ adjoint(v), h, 1e-5, 1e-5)
    np.testing.assert_allclose((u * s[:, None]) @ vh[:, :3], b, 1e-5, 1e-5)
    np.testing.assert_allclose(s, np.linalg.svd(b, compute_uv=False), 1e-5, 1e-5)
    np.testing.assert_allclose(t, np.linalg.svd(c, compute_uv=False), 1e-5, 1e-5)
    for q in (v, u, vh):
        np.testing.assert_allclose(adjoint(q) @ q, np.broadcast_to(np.eye(q.shape[-1]), q.shape), 1e-5, 1e-5)


def test_what_is_not_finite_gives_nan() -> None:
    a, b, c = np.ones((2, 5, 5), np.float32), np.ones((2, 3, 4), np.complex64), np.ones((4, 3), np.float32)
    a[0, 3, 1], b[1, 0, 0], c[0, 0] = np.nan, np.inf, np.nan
    w, v, u, s, vh, t = run(a, b, c)
    assert np.isnan(w[0]).all() and np.isnan(v[0]).all() and np.isfinite(w[1]).all() and np.isfinite(v[1]).all()
    assert np.isnan(u[1]).all() and np.isnan(s[1]).all() and np.isnan(vh[1]).all() and np.isnan(t).all()
    assert np.isfinite(u[0]).all() and np.isfinite(s[0]).all() and np.isfinite(vh[0]).all()


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_programs_for_vulkan_compile(name: str, tmp_path: Any) -> None:
    path = tmp_path / "x.axil"
    axil.aot.save(path, getattr(linalg, name), anp.ones((4, 4)), targets=["vulkan"])
    assert path.stat().st_size
