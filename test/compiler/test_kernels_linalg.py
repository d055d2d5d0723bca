"""Kernels of factorisations and solvers against LAPACK: residuals over sizes, shapes, dtypes and batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from test_kernels_link import Runner, Value

from axil.compiler.kernels import KERNELS
from axil.compiler.kernels.text import tensor_type

NAMES = {"float32": "f32", "float64": "f64", "int32": "i32"}
DTYPES = ("f4", "f8", "c8", "c16")
FACTOR = 10
"""How many times LAPACK's residual ours may be, and the least residual that counts, in roundings."""


def random(shape: Sequence[int], dtype: str = "f4", seed: int = 0) -> np.ndarray:
    """Random normals."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return np.asarray(x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


def definite(shape: Sequence[int], dtype: str = "f4") -> np.ndarray:
    """Positive definite matrices."""
    x = random(shape, dtype)
    return (x @ adjoint(x) + shape[-1] * np.eye(shape[-1])).astype(dtype)


def adjoint(x: np.ndarray) -> np.ndarray:
    """Conjugate transposes."""
    return np.conj(np.swapaxes(x, -1, -2))


def planes(x: np.ndarray) -> list[np.ndarray]:
    """A complex array as two real ones."""
    return [np.ascontiguousarray(p) for p in ((x.real, x.imag) if x.dtype.kind == "c" else (x,))]


def together(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The array of planes."""
    return parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]


def run(name: str, cases: Sequence[Sequence[np.ndarray]], **parameters: Any) -> list[list[np.ndarray]]:
    """The results of a kernel for several lists of operands, all compiled as one program."""
    flat = [[p for x in operands for p in planes(x)] for operands in cases]
    kernels = [KERNELS[name]([Value(tensor_type(p.shape, NAMES[p.dtype.name])) for p in parts], **parameters)
               for parts in flat]  # fmt: skip
    runner = Runner(kernels)
    return [runner(i, *parts) for i, parts in enumerate(flat)]


def rounding(x: np.ndarray, dtype: np.dtype) -> float:
    """The rounding error of numbers of the size of `x`."""
    return float(np.finfo(dtype).eps * np.abs(x).max(initial=1))


def check(got: np.ndarray, lapack: np.ndarray, wanted: np.ndarray) -> None:
    """That we miss what is wanted by no more than LAPACK times a factor, or a few roundings."""
    error, allowed = np.abs(got - wanted).max(initial=0), np.abs(lapack - wanted).max(initial=0)
    assert error <= FACTOR * max(allowed, rounding(wanted, got.dtype)), (got.shape, error, allowed)


def sizes() -> list[np.ndarray]:
    """Matrices of several shapes: smaller and larger than a vector, tall and wide, one element, many."""
    cases = [random((20, 17), "f4"), random((9, 35), "f8"), random((3, 3), "c8"), random((11, 9), "c16")]
    return [*cases, random((1, 1)), random((130, 130)), random((40, 5, 6, 6))]


# ---- Cholesky --------------------------------------------------------------------------------------------


def test_cholesky() -> None:
    cases = [definite((n, n), dtype) for dtype, n in zip(DTYPES, (3, 21, 9, 11))]
    cases += [definite((1, 1)), definite((16, 16)), definite((130, 130)), definite((5, 4, 6, 6), "c8")]
    for (x,), got in zip(((x,) for x in cases), run("cholesky", [[x] for x in cases])):
        factor, theirs = together(got), np.linalg.cholesky(x)
        np.testing.assert_array_equal(np.triu(factor, 1), 0)
        check(factor @ adjoint(factor), theirs @ adjoint(theirs), x)


def test_cholesky_of_indefinite_matrices_is_nan_and_alone_in_its_batch() -> None:
    x = definite((3, 20, 20))
    x[1, 17, 17] = -1
    x[:, 0, 5] = 100  # above the diagonal nothing is read
    ((got,),) = run("cholesky", [[x]])
    assert np.isnan(got[1][np.tril_indices(20)]).all() and not np.triu(got[1], 1).any()
    np.testing.assert_allclose(got[[0, 2]], np.linalg.cholesky(x[[0, 2]]), 1e-4, 1e-5)


# ---- LU --------------------------------------------------------------------------------------------------


def product_of_lu(packed: np.ndarray) -> np.ndarray:
    """l u."""
    k = min(packed.shape[-2:])
    return (np.tril(packed[..., :k], -1) + np.eye(packed.shape[-2], k)) @ np.triu(packed[..., :k, :])


def test_lu() -> None:
    from axil.dialects.lu import lu

    cases = [*sizes(), random((1, 7)), random((7, 1))]
    for x, got in zip(cases, run("lu", [[x] for x in cases])):
        *parts, pivots, order = got
        reference = lu.reference(x)
        permuted = np.take_along_axis(x, order[..., None], -2)
        np.testing.assert_array_equal(pivots, reference[1])
        np.testing.assert_array_equal(order, reference[2])
        check(product_of_lu(together(parts)), product_of_lu(reference[0]), permuted)


def test_lu_of_singular_matrices() -> None:
    x = np.array([[0, 1, 2], [0, 3, 4], [0, 6, 8]], "f4")
    packed, pivots, order = run("lu", [[x]])[0]
    assert not packed[:, 0].any() and pivots.tolist() == [0, 2, 2] and order.tolist() == [0, 2, 1]
    np.testing.assert_allclose(packed[1:, 1:], [[6, 8], [0.5, 0]])


def test_row_exchanges_as_permutations() -> None:
    cases = [np.array([1, 1], "i4"), np.array([[2, 2, 2], [0, 1, 2]], "i4")]
    got = [r[0].tolist() for r in run("pivots_to_permutation", [[x] for x in cases], rows=3)]
    assert got == [[1, 0, 2], [[2, 0, 1], [0, 1, 2]]]


# ---- QR --------------------------------------------------------------------------------------------------


def test_qr_and_products_with_q() -> None:
    cases = sizes()
    made = run("geqrf", [[x] for x in cases])
    packed = [together(r[: len(r) // 2]) for r in made]
    taus = [together(r[len(r) // 2 :]) for r in made]
    tall = [h[..., : min(h.shape[-2:])] for h in packed]
    turned = run("ormqr", [[h, t, x] for h, t, x in zip(tall, taus, cases)], adjoint=True)
    back = run("ormqr", [[h, t, together(y)] for h, t, y in zip(tall, taus, turned)], adjoint=False)
    for x, h, y, z in zip(cases, packed, turned, back):
        q, r = np.linalg.qr(x.astype(np.result_type(x, "f8")))
        k = min(x.shape[-2:])
        upper = np.triu(h[..., :k, :])
        check(upper, r.astype(x.dtype), r)  # signs and all
        check(together(y)[..., :k, :], (adjoint(q) @ x).astype(x.dtype), r)
        check(together(z), (q @ r).astype(x.dtype), x)


@pytest.mark.parametrize("columns", [17, 20])
def test_q_itself(columns: int) -> None:
    x = random((20, 17), "c16")
    made = run("geqrf", [[x]])[0]
    (parts,) = run("ormqr", [[together(made[:2]), together(made[2:])]], adjoint=False, columns=columns)
    q = together(parts)
    check(adjoint(q) @ q, np.eye(columns), np.eye(columns, dtype="c16"))
    np.testing.assert_allclose(q[:, :17], np.linalg.qr(x)[0], 1e-12, 1e-13)


def test_order_of_columns() -> None:
    from axil.dialects.qr import qr_column_order

    cases = [random((20, 17), "f8"), random((9, 35)), random((5, 2, 4, 4), "c8"), np.zeros((2, 3), "f4")]
    for x, (order,) in zip(cases, run("qr_column_order", [[x] for x in cases])):
        np.testing.assert_array_equal(order, qr_column_order.reference(x))
    diagonal = np.abs(np.diagonal(np.linalg.qr(cases[0][:, qr_column_order.reference(cases[0])])[1]))
    assert (np.diff(diagonal) <= 0).all()


def test_qr_survives_large_and_small_numbers() -> None:
    cases = [random((5, 3)) * np.float32(1e30), random((5, 3)) * np.float32(1e-30), random((5, 3), "f8") * 1e200]
    cases.append(np.triu(random((4, 4))))
    for x, (packed, _) in zip(cases, run("geqrf", [[x] for x in cases])):
        wanted = np.triu(np.linalg.qr(x, mode="r"))
        np.testing.assert_allclose(np.triu(packed)[: len(wanted)] / np.abs(x).max(), wanted / np.abs(x).max(), 0, 1e-5)


# ---- triangular and tridiagonal systems ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "c16"])
def test_triangular_systems_of_all_kinds(dtype: str) -> None:
    n, p = 11, 9
    a, b = random((n, n), dtype) / n + np.eye(n, dtype=dtype), random((n, p), dtype, 1)
    for lower, transpose in ((True, True), (True, False), (False, True), (False, False)):
        unit, conjugate = lower != transpose, transpose and dtype == "c16"
        how = {"lower": lower, "transpose": transpose, "conjugate": conjugate, "unit": unit}
        (got,) = run("triangular_solve", [[a, b]], **how)
        t = np.tril(a) if lower else np.triu(a)
        if unit:
            t = t - np.diag(np.diag(t)) + np.eye(n, dtype=dtype)
        t = adjoint(t) if conjugate else t.T if transpose else t
        check(t @ together(got), t @ np.linalg.solve(t, b), b)


def test_triangular_systems_of_batches_and_of_many_columns() -> None:
    cases = [[random((*batch, n, n)) / n + np.eye(n, dtype="f4"), random((*batch, n, p), seed=1)]
             for batch, n, p in (((300,), 3, 2), ((2, 2), 17, 5), ((), 128, 200))]  # fmt: skip
    how = {"lower": True, "transpose": False, "conjugate": False, "unit": False}
    for (a, b), (x,) in zip(cases, run("triangular_solve", cases, **how)):
        check(np.tril(a) @ x, np.tril(a) @ np.linalg.solve(np.tril(a), b), b)


TRIDIAGONAL: list[tuple[str, tuple[int, ...], int, int]] = [("f4", (), 1, 2), ("f8", (), 40, 1), ("c16", (3,), 8, 3)]


def test_tridiagonal_systems() -> None:
    cases = [[random((*batch, m), d, s) for s in range(3)] + [random((*batch, m, p), d, 3)]
             for d, batch, m, p in TRIDIAGONAL]  # fmt: skip
    for operands, got in zip(cases, run("tridiagonal_solve", cases, perturb=False)):
        a = dense(*operands[:3])
        check(a @ together(got), a @ np.linalg.solve(a, operands[3]), operands[3])


def dense(lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The matrix of diagonals."""
    m = diagonal.shape[-1]
    a = np.zeros((*diagonal.shape, m), diagonal.dtype)
    i = np.arange(m)
    a[..., i, i], a[..., i[1:], i[:-1]], a[..., i[:-1], i[1:]] = diagonal, lower[..., 1:], upper[..., :-1]
    return a


def test_singular_tridiagonal_systems() -> None:
    d, u, b = np.array([1, 2], "f4"), np.array([1, 0], "f4"), np.ones((2, 1), "f4")
    operands = [np.array([0, 2], "f4"), d, u, b]
    assert np.isnan(run("tridiagonal_solve", [operands], perturb=False)[0][0]).all()
    ((moved,),) = run("tridiagonal_solve", [operands], perturb=True)
    np.testing.assert_allclose(moved[:, 0], [8388609, -8388608])  # as JAX


# ---- without kernels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["vulkan", "cuda"])
def test_kernels_are_for_cpus(platform: str) -> None:
    parameters: dict[str, dict[str, Any]] = {
        "ormqr": {"adjoint": False}, "pivots_to_permutation": {"rows": 3}, "tridiagonal_solve": {"perturb": False},
        "triangular_solve": {"lower": True, "transpose": False, "conjugate": False, "unit": False},
    }  # fmt: skip
    for name in ("cholesky", "lu", "geqrf", "qr_column_order", *parameters):
        made = KERNELS[name]([Value("tensor<3x3xf32>")] * 4, platform=platform, **parameters.get(name, {}))
        assert not made and platform in made.reason


def test_loops_do_the_same_where_there_is_no_kernel() -> None:
    """The general lowering, compiled: what other targets and `axil grad`'s text get."""
    from axil.compiler.driver import compile_module, hand_over
    from axil.compiler.passes.lower import LowerToStablehlo
    from axil.dialects.mlir import context, ir, parse_module
    from axil.runtime import Executable, to_device, to_host

    dims = "tensor<2x4x3xf32>"
    module = parse_module(f"""
        func.func public @main(%x: {dims}) -> ({dims}, tensor<2x3xi32>, tensor<2x4xi32>, {dims}, tensor<2x3xf32>) {{
          %lu:3 = "axil.lu"(%x) : ({dims}) -> ({dims}, tensor<2x3xi32>, tensor<2x4xi32>)
          %qr:2 = "axil.geqrf"(%x) : ({dims}) -> ({dims}, tensor<2x3xf32>)
          return %lu#0, %lu#1, %lu#2, %qr#0, %qr#1
              : {dims}, tensor<2x3xi32>, tensor<2x4xi32>, {dims}, tensor<2x3xf32>
        }}""")
    with context(), ir.Location.unknown():
        LowerToStablehlo(kernels=False).run(module.operation)
    assert "stablehlo.while" in str(module) and "axil.kernel" not in str(module)
    x = random((2, 4, 3))
    executable = Executable(compile_module(hand_over(module)), results=5, entry="main")
    got = [to_host(v, executable.device) for v in executable([to_device(x).view])]
    from axil.dialects.householder import geqrf
    from axil.dialects.lu import lu

    for y, wanted in zip(got, [*lu.reference(x), *geqrf.reference(x)]):
        np.testing.assert_allclose(y, wanted, 1e-5, 1e-5)
