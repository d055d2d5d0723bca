"""What `jit` compiles gives what eager execution gives, and leaves its arguments as they are.

A case is an expression with `A(shape, kind, seed)` for an array, as in `test_numpy.py`; its arrays are arguments of the
compiled function. Compiling one function costs 0.3 s, so a function has all cases of a group.
"""

from __future__ import annotations

import warnings
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import test_numpy

import axil
import axil.numpy as anp
from axil import lax, random
from axil.config import enable_x64
from axil.core import Array

NAN, INF = np.nan, np.inf
SPECIAL = [0.0, -0.0, 1, -1, 0.5, -0.5, 2.5, -2.5, INF, -INF, NAN, 1e-4, 6e4, 3, -3, 11.25]
EDGES = {"i": np.array([0, 1, -1, 7, -7, 2**31 - 1, -(2**31), 31, 32], np.int32),
         "u": np.array([0, 1, 2, 7, 255, 128, 8, 9], np.uint8)}  # fmt: skip
FULL = {"float32": (2e-6, 1e-6), "float64": (1e-13, 1e-14), "complex64": (5e-6, 1e-6), "complex128": (1e-13, 1e-14),
        "float16": (2e-3, 1e-4), "bfloat16": (1.6e-2, 1e-3)}  # fmt: skip


def values(shape: Any, kind: str, seed: int) -> np.ndarray:
    """The arrays of `test_numpy`; for the shape "special" exceptional values, for "large" large angles."""
    dtype = {"g": ml_dtypes.bfloat16, "d": np.float64, "z": np.complex128}.get(kind) or test_numpy.SHORT.get(kind)
    if shape == "special":
        return EDGES.get(kind, np.array(SPECIAL)).astype(dtype)
    if shape == "large":
        return np.array([33, 710, -1e4, 123456.7, 1e6, 2e7, np.pi, 1e-5]).astype(dtype)
    shape = shape if isinstance(shape, tuple) else (shape,)
    if kind in "dz":
        return test_numpy.values(shape, {"d": "f", "z": "c"}[kind], seed).astype(dtype)
    return test_numpy.values(shape, kind, seed)


def evaluate(case: str, array: Any) -> list:
    """The arrays that an expression gives."""
    scope = {"J": anp, "A": array, "lax": lax, "random": random, "axil": axil, "np": np, "nan": NAN, "inf": INF}
    result = eval(case, scope)
    return list(result) if isinstance(result, (tuple, list)) else [result]


def eagerly(case: str) -> tuple[list, list[Array]]:
    """The results of a case, and the arrays it made."""
    made: list[Array] = []

    def array(shape: Any, kind: str = "f", seed: int = 0) -> Array:
        made.append(anp.asarray(values(shape, kind, seed)))
        return made[-1]

    return evaluate(case, array), made


def again(case: str, arrays: list) -> list:
    """The results of a case whose arrays are given."""
    supply = iter(arrays)
    return evaluate(case, lambda *_: next(supply))


def compiled(cases: list[str], operands: list[list[Array]]) -> list[list]:
    """The results of all cases, by one compiled function."""

    def function(*groups: list) -> list:
        return [again(case, group) for case, group in zip(cases, groups)]

    return axil.jit(function)(*operands)


def difference(got: list, want: list, rtol: float) -> str:
    """How results differ, if they do."""
    for x, y in zip(got, want, strict=True):
        a, b = np.asarray(x), np.asarray(y)
        if (a.shape, a.dtype, x.weak_type) != (b.shape, b.dtype, y.weak_type):
            return f"{a.dtype}{a.shape} weak={x.weak_type}, eager {b.dtype}{b.shape} weak={y.weak_type}"
        if a.dtype.name not in FULL:
            if not np.array_equal(a, b):
                return f"{a}, eager {b}"
            continue
        relative, absolute = FULL[a.dtype.name]
        wide = np.complex128 if a.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            if not np.allclose(a.astype(wide), b.astype(wide), rtol * relative, rtol * absolute, equal_nan=True):
                return f"{a}, eager {b}"
    return ""


def words(text: str) -> list[str]:
    return [case.strip() for case in text.strip().replace("\n", " | ").split(" | ")]


UNARY = [n for n in test_numpy.UNARY if n not in ("invert", "bitwise_count", "angle")]
FLOAT_BINARY = [n for n in test_numpy.BINARY if "bitwise" not in n and "shift" not in n]
GROUPS = {
    "unary": [f"J.{n}(A('special'))" for n in UNARY if n not in ("sin", "cos", "tan")]
    + [f"J.{n}(A('large'))" for n in ("sin", "cos", "tan", "cbrt", "log", "sqrt")]
    + [f"lax.{n}(A(9) / 4)" for n in ("erf", "erfc", "erf_inv", "lgamma", "digamma", "rsqrt", "logistic")],
    "binary": [f"J.{n}(A('special')[:, None], A('special'))" for n in FLOAT_BINARY]
    + ["lax.pow(A((2, 3)), A((2, 3), 'f', 1))", "lax.atan2(A(30), A(30, 'f', 1))", "J.angle(A(3, 'i'))",
       "J.angle(A(4, 'c'))", "J.vander(A(3))", "J.power(A(3), A(3, 'i'))"],
    "integers": [f"J.{n}(A('special', '{k}')[:, None], A('special', '{k}'))"
                 for k in "iu" for n in ("add multiply floor_divide remainder maximum left_shift right_shift "
                                         "bitwise_xor power").split()]
    + [f"J.{n}(A('special', '{k}'))" for k in "iu" for n in ("sign", "absolute", "invert", "bitwise_count")]
    + words("""
        J.cumsum(A('special', 'u')) | lax.cumsum(A(5, 'u')) | lax.cumprod(A(5, 'w'))
        lax.cummax(A((3, 4), 'u'), 1)
        lax.cummin(A('special', 'u')) | J.sort(A('special', 'u')) | J.argmax(A('special', 'u'))
        J.sum(A('special', 'i')) | J.max(A('special', 'i')) | J.argsort(A('special', 'i'))
        A('special', 'i').astype('bfloat16') | A('special', 'u').astype('bfloat16')
        A(4, 'b').astype('bfloat16')
        A('special').astype('int32') | A('special').astype('uint8') | A('special', 'i').astype('float16')
        """),
    "half": [f"J.{n}(A('special', '{k}'))" for k in "hg" for n in
             "exp log1p tanh cbrt square floor sort cumsum sum max argmin isnan sinh logical_not".split()]
    + [f"J.{n}(A('special', '{k}')[:, None], A('special', '{k}'))" for k in "hg" for n in
       "add divide power arctan2 maximum less".split()]
    + ["A((3, 4), 'h') @ A((4, 2), 'h')", "A((3, 4), 'g') @ A((4, 2), 'g')", "J.sin(A(9, 'h'))", "J.sin(A(9, 'g'))"],
    "reductions": [f"J.{n}(A((2, 3, 4)), axis=(0, -1))" for n in test_numpy.REDUCTIONS]
    + [f"J.{n}(A('special'))" for n in "max min argmax argmin nanmax nanmin any all sort argsort cumsum".split()]
    + words("""
        J.argmax(A((2, 3)), axis=1) | J.cumprod(A((3, 4)), axis=0) | J.median(A((3, 4)), axis=1)
        J.quantile(A(7), 0.3) | J.sum(A((2, 3)), axis=1, where=A((2, 3), 'b')) | J.average(A((2, 3)), axis=0)
        J.sort(A((3, 5), 'i'), axis=0) | J.argsort(A(8, 'i'), descending=True) | J.sum(A((0, 3)), axis=0)
        J.cov(A((2, 5))) | J.diff(A((2, 4)), n=2) | J.gradient(A(5))
        J.searchsorted(J.sort(A(5)), A(4, 'f', 1))
        J.unique(A(6, 'i'), size=4) | J.histogram(A(9), bins=3) | J.bincount(A(6, 'u'), length=9)
        lax.top_k(A(9), 3)
        J.lexsort((A(5, 'i'), A(5, 'i', 1))) | J.interp(A(4), np.array([-1.0, 0, 1], 'float32'), A(3))
        """),
    "shapes": words("""
        J.reshape(A((2, 3)), (3, 2)) | A((2, 3)).T | J.moveaxis(A((2, 3, 4)), 0, -1) | J.squeeze(A((1, 3, 1)))
        J.concatenate([A((2, 3)), A((2, 1), 'i')], axis=1) | J.stack([A(3), A(3, 'f', 1)], axis=-1)
        J.split(A(6), 3)
        J.tile(A((2, 2)), (2, 1)) | J.repeat(A((2, 2)), 2, axis=1) | J.flip(A((2, 3)))
        J.roll(A((2, 3)), 1, axis=1)
        J.pad(A((2, 3)), 1) | J.pad(A(4), 2, mode='reflect') | J.broadcast_to(A((2, 1)), (2, 3))
        J.rot90(A((2, 3)))
        J.where(A(4, 'b'), A(4), 0) | J.clip(A(5), -1, 1) | J.tril(A((3, 3))) | J.diag(A(3))
        J.eye(3) + A((3, 3))
        J.linspace(A(2), A(2, 'f', 1), 4) | J.arange(4) + A(4, 'i') | J.meshgrid(A(2), A(3))
        A((2, 3)).ravel() | A(3) @ A(3) | A((2, 3)) @ A((3, 4))
        A((5, 2, 3)) @ A((5, 3, 2)) | J.einsum('ij,kj->ik', A((2, 3)), A((4, 3)))
        J.tensordot(A((2, 3, 4)), A((3, 4)), 2) | J.outer(A(2), A(3)) | J.kron(A(2), A(3))
        J.vdot(A(3, 'c'), A(3, 'c'))
        J.inner(A((2, 3)), A((2, 3))) | J.trace(A((3, 3))) | A((3, 3), 'c') @ A((3, 3), 'c')
        A((2, 3), 'i') @ A((3, 2), 'i')
        """),
    "indexing": words("""
        A((3, 4))[1] | A((3, 4))[::-1, 1:3] | A((3, 4))[..., None] | A((3, 4))[np.array([0, 2])]
        A((3, 4))[A(2, 'i')]
        A((3, 4))[A(3, 'i'), A(3, 'i', 1)] | A((3, 4))[:, A(2, 'u')]
        J.take(A((2, 3)), np.array([0, 2]), axis=1)
        J.take_along_axis(A((2, 3)), np.array([[0, -1, 5]]), axis=0) | A(5).at[A(2, 'i')].set(7.0)
        A(5).at[A(4, 'i')].add(1.0) | A(5).at[1:3].multiply(2) | A((3, 4)).at[:, 1].max(0.5)
        A((3, 4)).at[A(2, 'i')].min(A(4))
        A((3, 4)).at[A(2, 'i'), 1].get(mode='fill', fill_value=nan)
        lax.dynamic_slice(A((3, 4)), (A((), 'i'), 1), (2, 2))
        lax.dynamic_update_slice(A((3, 4)), A((2, 2)), (A((), 'i'), 1)) | J.nonzero(A(5, 'i'), size=4)
        J.select([A(3) > 0, A(3) < -1], [A(3), A(3, 'f', 1)], 9)
        J.choose(np.array([0, 1, 0]), [A(3), A(3, 'f', 1)])
        lax.select_n(A(3, 'b'), A(3), A(3, 'f', 1)) | lax.sort((A(6, 'i'), A(6)), num_keys=1)
        random.uniform(A(2, 'w'), (9,)) | random.normal(A(2, 'w'), (9,))
        random.randint(A(2, 'w'), (9,), -3, 17)
        random.split(A(2, 'w'), 3) | random.permutation(A(2, 'w'), 10)
        random.bernoulli(A(2, 'w'), 0.3, (9,))
        random.categorical(A(2, 'w'), A((3, 4))) | random.gumbel(A(2, 'w'), (5,))
        random.exponential(A(2, 'w'), (5,))
        lax.scan(lambda c, x: (c * 0.5 + x, c), A(()), A(6))
        lax.fori_loop(0, 5, lambda i, x: J.sin(x) + i, A(3))
        lax.while_loop(lambda s: s[0] < 9, lambda s: (s[0] + 1, s[1] * 1.5), (A((), 'u'), A(3)))
        lax.cond(A(()) > 0, J.sin, J.cos, A(3)) | lax.switch(A((), 'u') % 3, [J.sin, J.cos, J.abs], A(3))
        axil.grad(lambda x: (J.tanh(x) ** 3).sum())(A(4))
        axil.vmap(lambda x, y: x @ y)(A((4, 3)), A((4, 3), 'f', 1))
        axil.vmap(axil.grad(lambda x: J.linalg.norm(x)))(A((3, 2)))
        axil.grad(lambda x: (x.sum(0) * 1.5).sum())(A((2, 0))) | axil.grad(lambda x: J.prod(x) * 1.5)(A(0))
        """),
}  # fmt: skip
DOUBLE = [f"J.{n}(A('special', 'd'))" for n in UNARY if n not in ("sin", "cos", "tan")]
DOUBLE += [f"J.{n}(A('large', 'd'))" for n in ("sin", "cos", "tan")]
DOUBLE += [f"J.{n}(A('special', 'd')[:, None], A('special', 'd'))" for n in FLOAT_BINARY]
DOUBLE += ["J.fmod(A('large', 'd')[:, None] * 1e200, A('large', 'd'))", "J.remainder(A('large', 'd'), 0.1)",
           "J.expm1(A(5, 'd') * 1e-18)", "J.log1p(A(5, 'd') * 1e-18)", "A((3, 4), 'd') @ A((4, 2), 'd')",
           "J.sort(A((3, 5), 'd'))", "J.cumsum(A((3, 5), 'd'), axis=1)"]  # fmt: skip
DOUBLE += [f"J.{n}(A((3, 4), 'z'))" for n in
           "exp expm1 log log1p sqrt reciprocal sin cos tan tanh absolute sign log2".split()]
DOUBLE += ["J.power(A(4, 'z'), A(4, 'z', 1))", "lax.rsqrt(A(4, 'z'))", "lax.logistic(A(4, 'z'))"]
ROUGH = {"random.normal", "random.gumbel", "lax.pow", "lax.lgamma", "lax.digamma", "J.power", "J.float_power"}


def check(cases: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = [eagerly(case) for case in cases]
        operands = [made for _, made in wanted]
        before = [[np.array(x) for x in made] for made in operands]
        found = compiled(cases, operands)
    failures = []
    for case, got, (want, made), kept in zip(cases, found, wanted, before):
        rtol = 10.0 if case.partition("(")[0] in ROUGH else 1.0
        if what := difference(got, want, rtol):
            failures.append(f"{case}: compiled {what}")
        if any(np.asarray(x).tobytes() != y.tobytes() for x, y in zip(made, kept)):
            failures.append(f"{case}: an argument was overwritten")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", GROUPS)
def test_compiled_is_as_eager(name: str) -> None:
    check(GROUPS[name])


def test_compiled_is_as_eager_in_double_precision() -> None:
    with enable_x64(True):
        check(DOUBLE)


def test_transposed_epilogues_of_products_compile() -> None:
    """IREE 3.13 crashes on these unless `axil-separate-transposes` keeps product and transpose apart."""
    a, b = (anp.asarray(test_numpy.values((5, 5), "f", seed)) for seed in (0, 1))

    def f(a: Any, b: Any) -> tuple[Any, ...]:
        masked = anp.exp(anp.where(anp.tri(5) > 0, a @ b, -1e9)).T
        return anp.tril(a @ b).T, (anp.triu(a @ b, 1) + b).T, masked, (a @ a.T + 2 * anp.eye(3 + 2)).T

    for x, y in zip(axil.jit(f)(a, b), f(a, b)):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


UPDATES_FROM_ITSELF = {
    "a part moved": lambda p, i: p.at[1:].set(p[:-1]),
    "an overlap": lambda p, i: p.at[3:10].set(p[:7]),
    "an overlap, computed": lambda p, i: p.at[3:10].set(p[:7] * 2),
    "a block": lambda p, i: p.at[3:10, 1:3].set(p[:7, :2]),
    "a traced place": lambda p, i: axil.lax.dynamic_update_slice(p, p[:7], (i[0], 0)),
    "rows added": lambda p, i: p.at[i].add(p[1:8] * 2),
    "reversed": lambda p, i: p.at[::-1].set(p),
    "a reshaped self": lambda p, i: p.at[i[:4, None], np.arange(4)].add(p[:4].reshape(4, 4)),
}


def test_updates_that_are_computed_from_what_they_update() -> None:
    """IREE 3.13 writes in place while it still reads (`axil-separate-updates`)."""
    x = anp.asarray(np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32))
    i = anp.asarray([5, 2, 7, 5, 0, 9, 1])
    run = lambda x, i: {name: f(anp.sin(x), i) for name, f in UPDATES_FROM_ITSELF.items()}
    for compiled in (axil.jit(run), lambda x, i: {name: axil.jit(lambda x, i, f=f: f(anp.sin(x), i))(x, i)
                                                  for name, f in UPDATES_FROM_ITSELF.items()}):  # fmt: skip
        got = compiled(x, i)
        for name, want in run(x, i).items():
            np.testing.assert_allclose(got[name], want, rtol=1e-5, atol=1e-6, err_msg=name)


def test_sums_of_products_with_an_operand_that_lacks_some_of_the_axes() -> None:
    """IREE 3.13 takes these for matrix products, and fails or dies (`_one_by_one` in `dialects/reduction.py`)."""
    rng = np.random.default_rng(0)
    m = rng.standard_normal((2, 3, 4)).astype(np.float32)
    axes = [(0, 1), (1, 2), (0, 2), (0, 1, 2)]
    shapes = [(2, 1, 1), (1, 3, 1), (1, 1, 4), (2, 3, 1), (2, 1, 4), (1, 3, 4)]
    operands = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    f = lambda vs, m: [anp.sum(v * m, axis=a) for v in vs for a in axes]
    for got, want in zip(axil.jit(f)(operands, m), [np.sum(v * m, axis=a) for v in operands for a in axes]):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    row = lambda v, m: (anp.sum(v * m), anp.mean(m * anp.sin(v)))
    for got, want in zip(axil.jit(row)(m[0, 0], m[0]), row(m[0, 0], m[0])):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_a_scatter_of_windows_whose_first_dimension_is_not_the_batch() -> None:
    """IREE 3.13 undoes the reshape of the indices behind the scatter, and not that of updates that are all equal."""
    dims = axil.lax.ScatterDimensionNumbers((0, 2), (), (1,))
    i, u = np.array([[0], [2]], np.int32), anp.arange(1, 13, dtype=np.float32)
    for f in (
        lambda i: axil.lax.scatter(anp.zeros((3, 4)), i, anp.zeros((3, 2, 2)), dims, mode="clip"),
        lambda i: axil.lax.scatter_add(anp.zeros((3, 4)), i, anp.sin(u).reshape(3, 2, 2), dims, mode="drop"),
        lambda i: axil.lax.scatter(anp.sin(u).reshape(3, 4), i, anp.cos(u).reshape(3, 2, 2), dims, mode="clip"),
    ):
        np.testing.assert_allclose(axil.jit(f)(i), f(i), rtol=1e-5, atol=1e-6)


def test_a_scatter_of_a_view_of_its_operand_in_a_batch() -> None:
    """A window that a scatter adds, and that lies in the memory it adds to."""
    def f(x: Any, i: Any) -> Any:
        p = anp.sin(anp.broadcast_to(x, (3, 4))) * 2
        numbers = axil.lax.ScatterDimensionNumbers((0, 2), (), (1,))
        return axil.lax.scatter_add(p, i, p.reshape(3, 2, 2), numbers, mode="clip")

    x, i = anp.arange(8.0).reshape(2, 4), anp.asarray([[[1], [2]], [[-1], [0]]])
    want = anp.stack([f(x[k], i[k]) for k in range(2)])
    np.testing.assert_allclose(axil.jit(axil.vmap(f))(x, i), want, rtol=1e-5)


def test_a_loop_whose_kernel_cannot_place_an_update() -> None:
    """A flat part of an array of which some columns were replaced: the kernel declines, and says why."""

    def f(x: Any, i: Any) -> Any:
        def body(c: Any, t: Any) -> Any:
            p = anp.sin(anp.broadcast_to(c[:, None], (2, 5, 3)))
            return p.at[:, i].multiply(t[:, None]).reshape(2, 15)[:, 11:14], None

        return axil.lax.scan(body, x, anp.stack([x, -x, x]))[0]

    x, i = anp.arange(6.0).reshape(2, 3), anp.asarray([-2])
    np.testing.assert_allclose(axil.jit(f)(x, i), f(x, i), rtol=1e-5, atol=1e-6)
    assert "part by part" in str(axil.jit(f).lower(x, i).loop_report())
