"""Dtypes and weak types of derivatives: float0 for integers, in traced functions too, and weak where JAX's are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axil

IDS = np.arange(3, dtype=np.int32)


def product(n: Any, x: Any) -> Any:
    return x**2 * n


def pulled(m: Any, n: Any, x: Any) -> Any:
    return m.vjp(product, n, x)[1](np.ones(np.shape(n), np.float32))


def pushed(m: Any, n: Any, x: Any) -> Any:
    return m.jvp(lambda n, x: (n, product(n, x)), (n, x), (np.zeros(np.shape(n), m.dtypes.float0), 1.0))


INTEGERS: dict[str, Callable[[Any], Any]] = {
    "jit of grad": lambda m: m.jit(m.grad(product, allow_int=True))(3, 2.0),
    "jit of vjp": lambda m: m.jit(lambda n, x: pulled(m, n, x))(3, 2.0),
    "jit of jvp": lambda m: m.jit(lambda n, x: pushed(m, n, x))(3, 2.0),
    "jit in jit": lambda m: m.jit(lambda n: m.jit(lambda n: pulled(m, n, 2.0))(n))(3),
    "vmap": lambda m: m.vmap(lambda n, x: pulled(m, n, x), (0, None))(IDS, 2.0),
    "vmap, other axis": lambda m: m.vmap(lambda n: pulled(m, n, 2.0)[0], in_axes=1, out_axes=1)(IDS[None]),
    "scan": lambda m: m.lax.scan(lambda c, n: (c, pulled(m, n, 2.0)), 1.0, IDS),
    "cond": lambda m: m.lax.cond(True, lambda n: pulled(m, n, 2.0), lambda n: pulled(m, n, 3.0), 3),
    "checkpoint": lambda m: m.checkpoint(lambda n: pulled(m, n, 2.0))(3),
    "an argument": lambda m: m.jit(lambda n, t: m.jvp(product, (n, 2.0), (t, 1.0)))(3, np.zeros((), m.dtypes.float0)),
    "a mapped argument": lambda m: m.vmap(lambda n, t: m.jvp(product, (n, 2.0), (t, 1.0)))(
        IDS, np.zeros(3, m.dtypes.float0)
    ),
}


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax", reason="the test-only oracle jax is not installed")


def leaves(m: Any, tree: Any) -> list:
    return [np.asarray(x if hasattr(x, "dtype") else m.numpy.asarray(x)) for x in m.tree.leaves(tree)]


@pytest.mark.parametrize("case", INTEGERS)
def test_derivatives_of_integers_pass_through_traced_functions(case: str, jax: Any) -> None:
    ours, theirs = leaves(axil, INTEGERS[case](axil)), leaves(jax, INTEGERS[case](jax))
    assert any(x.dtype == axil.dtypes.float0 for x in theirs) or "argument" in case
    assert [(x.shape, x.dtype) for x in ours] == [(x.shape, x.dtype) for x in theirs]
    for a, b in zip(ours, theirs):
        if a.dtype != axil.dtypes.float0:
            np.testing.assert_allclose(a, b)


def test_shapes_of_derivatives_of_integers() -> None:
    found = axil.eval_shape(axil.grad(product, allow_int=True), np.int32(3), 2.0)
    assert found == axil.ShapeDtypeStruct((), axil.dtypes.float0)


def square(x: Any) -> Any:
    return x * x * 3


STRONG = np.float32(1)
WEAK: dict[str, Callable[[Any], Any]] = {
    "grad": lambda m: m.grad(square)(2.0),
    "vjp": lambda m: m.vjp(square, 2.0)[1](1.0),
    "vjp, strong cotangent": lambda m: m.vjp(square, 2.0)[1](m.numpy.asarray(STRONG)),
    "vjp, strong primal": lambda m: m.vjp(square, m.numpy.asarray(STRONG))[1](1.0),
    "vjp, strong result": lambda m: m.vjp(lambda x: (x * m.numpy.ones(3)).sum(), 2.0)[1](m.numpy.asarray(STRONG)),
    "vjp of two": lambda m: m.vjp(lambda x, y: (x * y, x), 2.0, m.numpy.asarray(STRONG))[1](
        (m.numpy.asarray(STRONG), 1.0)
    ),
    "jit of vjp": lambda m: m.jit(lambda x: m.vjp(square, x)[1](1.0))(2.0),
    "jvp": lambda m: m.jvp(square, (2.0,), (1.0,)),
    "jvp, strong primal": lambda m: m.jvp(square, (m.numpy.asarray(STRONG),), (1.0,)),
    "jvp, strong result": lambda m: m.jvp(lambda x: x * m.numpy.ones(3), (2.0,), (1.0,)),
    "linearize": lambda m: m.linearize(square, 2.0)[1](1.0),
    "linearize, strong tangent": lambda m: m.linearize(square, 2.0)[1](m.numpy.asarray(STRONG)),
    "linear_transpose": lambda m: m.linear_transpose(lambda x: 2 * x, 1.0)(1.0),
    "linear_transpose, strong cotangent": lambda m: m.linear_transpose(lambda x: 2 * x, 1.0)(m.numpy.asarray(STRONG)),
    "jacfwd": lambda m: m.jacfwd(square)(2.0),
    "jacrev": lambda m: m.jacrev(square)(2.0),
    "jacfwd, strong result": lambda m: m.jacfwd(lambda x: x * m.numpy.ones(3))(2.0),
    "jacrev, strong result": lambda m: m.jacrev(lambda x: x * m.numpy.ones(3))(2.0),
    "hessian": lambda m: m.hessian(square)(2.0),
    "hessian, strong result": lambda m: m.hessian(lambda x: (x * x * m.numpy.ones(3)).sum())(2.0),
}


@pytest.mark.parametrize("case", WEAK)
def test_weak_types_of_derivatives(case: str, jax: Any) -> None:
    import axil.numpy  # noqa: F401  (for the table)

    ours, theirs = axil.tree.leaves(WEAK[case](axil)), jax.tree.leaves(WEAK[case](jax))
    assert [x.weak_type for x in ours] == [x.weak_type for x in theirs]
