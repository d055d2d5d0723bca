"""Derivatives of and with respect to complex numbers, by JAX's convention: transposes, nothing conjugated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from checks import error_here, same

import axil
import axil.numpy as np
from axil import grad, hessian, jacfwd, jacobian, jacrev, jit, jvp, lax, linearize, value_and_grad, vjp, vmap
from axil.tree_util import tree_leaves

RNG = onp.random.default_rng(0)


def draw(*shape: int, real: bool = False) -> Any:
    x = RNG.uniform(0.3, 0.9, shape)
    return x if real else x + 1j * RNG.uniform(0.3, 0.9, shape)


Z, W, R, M = draw(3), draw(3), draw(3, real=True), draw(3, 3) + 2 * onp.eye(3)
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple]] = {
    "exp": (np.exp, (Z,)), "log": (np.log, (Z,)), "sqrt": (np.sqrt, (Z,)), "sin": (np.sin, (Z,)),
    "tanh": (np.tanh, (Z,)), "arctan": (np.arctan, (Z,)), "arccosh": (np.arccosh, (Z,)), "rsqrt": (lax.rsqrt, (Z,)),
    "conj": (np.conj, (Z,)), "real": (np.real, (Z,)), "imag": (np.imag, (Z,)), "abs": (np.abs, (Z,)),
    "angle": (np.angle, (Z,)), "cube": (lambda z: z**3, (Z,)), "sign": (np.sign, (Z,)),
    "power": (lambda z, w: z**w, (Z, W)), "real base": (lambda r, w: r**w, (R, W)),
    "real exponent": (lambda z, r: z**r, (Z, R)), "product": (lambda z, r: z * r * z.conj(), (Z, R)),
    "quotient": (lambda r, z: r / z, (R, Z)), "sum of both kinds": (lambda z, r: z + r - 1j, (Z, R)),
    "from parts": (lambda r: lax.complex(r, r * r), (R,)), "conversion": (lambda r: r.astype(complex) * (1 + 2j), (R,)),
    "vdot": (np.vdot, (Z, W)), "matrix product": (lambda m, z: m.conj().T @ z, (M, Z)),
    "fft": (np.fft.fft, (Z,)), "rfft": (np.fft.rfft, (R,)), "irfft": (lambda z: np.fft.irfft(z, 5), (Z,)),
    "norm": (np.linalg.norm, (Z,)), "solve": (np.linalg.solve, (M, Z)), "det": (np.linalg.det, (M,)),
    "cholesky": (lambda m: np.linalg.cholesky(m @ m.conj().T + 3 * np.eye(3)), (M,)),
    "eigh": (lambda m: np.linalg.eigh(m + m.conj().T)[0], (M,)),
    "prod": (np.prod, (Z,)), "cumsum": (np.cumsum, (Z,)), "var": (np.var, (Z,)), "convolve": (np.convolve, (Z, W)),
    "where": (lambda z, w: np.where(z.real > w.real, z, w.conj()), (Z, W)),
    "indexing": (lambda z: z[np.array([0, 0, 2])], (Z,)),
    "update": (lambda z, w: np.asarray(z).at[1].set(w[0] * 2j).at[0].multiply(w[1]), (Z, W)),
    "scan": (lambda z: lax.scan(lambda c, x: (c * x + 1j * np.abs(x), c.conj()), z[0], z), (Z,)),
    "cond": (lambda z: lax.cond(np.abs(z[0]) > 0, lambda v: v.conj() * v * v, lambda v: v, z), (Z,)),
}  # fmt: skip


def tangent(x: Any) -> Any:
    return onp.asarray(RNG.normal(size=x.shape) + (1j * RNG.normal(size=x.shape) if onp.iscomplexobj(x) else 0))


def pairing(a: Any, b: Any) -> float:
    """The real part of the unconjugated product: what cotangents and tangents are paired by."""
    return sum(float(onp.sum(onp.asarray(x) * onp.asarray(y)).real) for x, y in zip(tree_leaves(a), tree_leaves(b)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_modes_and_second_order(name: str) -> None:
    f, xs = FUNCTIONS[name]
    with axil.enable_x64():
        ts = tuple(tangent(x) for x in xs)
        y, dy = jvp(f, xs, ts)
        ends = [f(*[x + h * t for x, t in zip(xs, ts)]) for h in (1e-6, -1e-6)]
        for t, a, b in zip(tree_leaves(dy), *map(tree_leaves, ends)):
            same(t, (onp.asarray(a) - onp.asarray(b)) / 2e-6, 1e-5, 1e-6)
        cts = axil.tree_util.tree_map(tangent, y)
        grads = vjp(f, *xs)[1](cts)
        assert [g.dtype for g in grads] == [x.dtype for x in xs]
        onp.testing.assert_allclose(pairing(cts, dy), pairing(grads, ts), rtol=1e-9, atol=1e-9)
        same(linearize(f, *xs)[1](*ts), dy, 1e-9, 1e-9)
        check_second_order(f, xs, ts)


def check_second_order(f: Any, xs: tuple, ts: tuple) -> None:
    loss = lambda *xs: sum(np.sum(np.real(y * (2 - 1j)) ** 2) for y in tree_leaves(f(*xs)))
    slopes = grad(loss, argnums=tuple(range(len(xs))))
    got = jvp(slopes, xs, ts)[1]
    ends = [slopes(*[x + h * t for x, t in zip(xs, ts)]) for h in (1e-5, -1e-5)]
    for g, a, b in zip(got, *ends):
        same(g, (onp.asarray(a) - onp.asarray(b)) / 2e-5, 1e-4, 1e-4)


# ---- the convention ------------------------------------------------------------------------------------


def test_gradient_of_a_real_function_of_complex_numbers() -> None:
    z = 1.0 + 2.0j
    same(grad(lambda z: np.abs(z) ** 2)(z), 2 * onp.conj(z))  # df/dx - i df/dy
    same(grad(np.real)(z), 1.0)
    same(grad(np.imag)(z), -1j)
    same(value_and_grad(lambda p: p["z"].real * p["r"])({"z": z, "r": 3.0}), (3.0, {"z": 3.0, "r": 1.0}))
    same(vmap(grad(lambda z: np.abs(z) ** 2))(np.array([z, 1j])), [2 - 4j, -2j])
    same(jit(grad(lambda z: np.abs(z) ** 2))(z), 2 - 4j)


def test_holomorphic_derivatives() -> None:
    z = np.array([1.0 + 2.0j, -0.5j])
    cube = lambda z: z**3
    same(vmap(grad(cube, holomorphic=True))(z), 3 * onp.asarray(z) ** 2)
    for jac in (jacfwd, jacrev, jacobian):
        same(jac(cube, holomorphic=True)(z), onp.diag(3 * onp.asarray(z) ** 2))
    same(hessian(lambda z: (z**3).sum(), holomorphic=True)(z), onp.diag(6 * onp.asarray(z)))
    value, slope = value_and_grad(np.exp, holomorphic=True)(1j)
    same((value, slope), (onp.exp(1j), onp.exp(1j)))


def test_jacobians_between_real_and_complex() -> None:
    x, z = np.array([1.0, 2.0]), np.array([1.0 + 1j, 2j])
    same(jacfwd(lambda x: x * 2j)(x), 2j * onp.eye(2))  # real to complex, forward
    same(jacrev(lambda z: z.imag * 3)(z), -3j * onp.eye(2))  # complex to real, reverse


def test_pullbacks_are_transposes_and_not_adjoints() -> None:
    c = 2.0 + 3.0j
    same(vjp(lambda z: c * z, 1j)[1](1.0 + 0j)[0], c)
    same(vjp(np.conj, 1j)[1](c)[0], onp.conj(c))
    same(vjp(lambda x: x * c, 1.0)[1](1j)[0], -3.0)  # the real part of c i
    same(vjp(lambda z: z.real, 1j)[1](2.0)[0], 2.0 + 0j)


def test_abs_at_zero_has_a_zero_gradient() -> None:
    same(grad(lambda z: np.abs(z).sum())(np.array([0j, 3j])), [0, -1j])


def test_agrees_with_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is a test-only oracle")
    jnp = jax.numpy
    f = lambda lib, z, x: lib.abs(lib.sum(lib.exp(z * x) * lib.conj(z))) + lib.angle(z[0])
    z, x = Z.astype("c8"), R.astype("f4")
    same(grad(lambda z, x: f(np, z, x), (0, 1))(z, x), jax.grad(lambda z, x: f(jnp, z, x), (0, 1))(z, x), 1e-4)


def test_errors() -> None:
    z = np.array([1j])
    with error_here(TypeError, "complex inputs", "f32[]", "leave holomorphic=True out"):
        grad(np.sin, holomorphic=True)(1.0)
    with error_here(TypeError, "complex outputs", "f32[]"):
        grad(np.real, holomorphic=True)(1j)
    with error_here(TypeError, "real-valued outputs", "c64[]", "holomorphic=True", "vjp"):
        grad(np.exp)(1j)
    with error_here(TypeError, "jacfwd", "real-valued inputs", "c64[1]", "jvp"):
        jacfwd(np.abs)(z)
    with error_here(TypeError, "jacrev", "real-valued outputs", "c64[1]"):
        jacrev(np.exp)(z)
    with error_here(TypeError, "jacfwd", "complex outputs"):
        jacfwd(np.abs, holomorphic=True)(z)
    with error_here(TypeError, "c64[1]", "f32[1]", "astype('complex64')"):
        vjp(np.exp, z)[1](np.ones(1))


# ---- branch cuts ---------------------------------------------------------------------------------------

ON_REALS = onp.array([complex(s * x, z) for s in (1, -1) for x in (0.4, 1.5, 3.0) for z in (0.0, -0.0)])
ON_IMAGINARIES = onp.array([complex(z, s * x) for s in (1, -1) for x in (0.4, 1.5, 3.0) for z in (0.0, -0.0)])
CUTS: dict[str, onp.ndarray] = {
    "sqrt": ON_REALS, "log": ON_REALS, "log1p": ON_REALS, "arcsin": ON_REALS, "arccos": ON_REALS, "arccosh": ON_REALS,
    "arctanh": ON_REALS, "arcsinh": ON_IMAGINARIES, "arctan": ON_IMAGINARIES,
}  # fmt: skip


def test_derivatives_on_both_sides_of_branch_cuts() -> None:
    """The sign of a zero says which side of a cut a number is on, and the slope along the cut is that of the side."""

    def slopes(points: dict[str, Any]) -> dict[str, Any]:
        return {name: jvp(getattr(np, name), (z,), (np.ones_like(z),))[1] for name, z in points.items()}

    def moved(z: onp.ndarray, h: float) -> onp.ndarray:
        """The points, moved along their cut: adding would make +0 of -0."""
        z = z.copy()
        along = z.imag if (z.real == 0).all() else z.real
        along += h
        return z

    with axil.enable_x64():
        found, compiled = slopes(CUTS), jit(slopes)(CUTS)
        for name, z in CUTS.items():
            direction = 1j if (z.real == 0).all() else 1.0
            ends = [onp.asarray(getattr(np, name)(moved(z, h))) for h in (1e-6, -1e-6)]
            same(found[name], (ends[0] - ends[1]) / (2e-6 * direction), 1e-5, 1e-6)
            same(compiled[name], found[name], 1e-9, 1e-9)
            same(vmap(grad(getattr(np, name), holomorphic=True))(z), found[name], 1e-9, 1e-9)
