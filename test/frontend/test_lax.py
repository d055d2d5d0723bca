"""`axil.lax` against `jax.lax`: values, dtypes and weak types, eagerly and under a trace; errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from axil import core, lax, tree
from axil.config import enable_x64
from axil.runtime.errors import AxilError

H = np.arange(3, dtype=np.float16)
I = np.arange(3, dtype=np.int32)
F = np.arange(3, dtype=np.float32)
M = np.arange(6, dtype=np.float32).reshape(2, 3)
C = np.array([1 + 2j, -3j, 0], np.complex64)
B = np.array([True, False, True])
NAMES = {"h": H, "i": I, "f": F, "m": M, "c": C, "b": B}


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax", reason="the test-only oracle jax is not installed")


def evaluate(text: str, module: Any, convert: Any) -> list[Any]:
    names = {name: convert(x) for name, x in NAMES.items()}
    return leaves(eval(text, {"lax": module, "np": np, **names}))


def leaves(result: Any) -> list[Any]:
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def agree(got: list[Any], wanted: list[Any], rtol: float = 2e-6) -> None:
    assert len(got) == len(wanted)
    for x, y in zip(got, wanted):
        a, b = np.asarray(x), np.asarray(y)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if a.dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=1e-3 if a.dtype == np.float16 else rtol, atol=1e-7)
        else:
            np.testing.assert_array_equal(a, b)
        if b.dtype != bool and hasattr(y, "weak_type"):  # JAX's booleans may be weak, which changes nothing
            assert x.weak_type == y.weak_type


UNARY = """abs acos acosh asin asinh atan atanh cbrt ceil cos cosh digamma erf erf_inv erfc exp exp2 expm1 floor
is_finite lgamma log log1p logistic neg reciprocal round rsqrt sign sin sinh sqrt square tan tanh""".split()
DOMAINS = {"acosh": (1.1, 4), "erf_inv": (-0.9, 0.9), "acos": (-0.9, 0.9), "asin": (-0.9, 0.9), "atanh": (-0.9, 0.9),
           "log": (0.1, 9), "log1p": (-0.5, 9), "lgamma": (0.3, 9), "digamma": (0.3, 9), "sqrt": (0, 9),
           "rsqrt": (0.1, 9)}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_unary(jax: Any, name: str, dtype: str) -> None:
    if dtype.endswith("16") and name not in ("exp", "erf_inv", "round", "rsqrt", "tanh", "lgamma"):
        pytest.skip("half precision is tried on some, as JAX takes long to compile them all")
    low, high = DOMAINS.get(name, (-3.0, 3.0))
    values = np.random.default_rng(0).uniform(low, high, (4, 5)).astype(jax.numpy.dtype(dtype))
    with enable_x64(dtype == "float64"), jax.enable_x64(dtype == "float64"):
        got, wanted = np.asarray(getattr(lax, name)(values)), np.asarray(getattr(jax.lax, name)(values))
    assert got.dtype == wanted.dtype
    if dtype == "bfloat16" and got.dtype != bool:
        got, wanted = got.astype(np.float32), wanted.astype(np.float32)
    rtol = {"float64": 1e-11, "float32": 4e-6, "float16": 3e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("name", "add sub mul div rem max min atan2 pow nextafter eq ne lt le gt ge".split())
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
def test_binary(jax: Any, name: str, dtype: str) -> None:
    if dtype != "float32" and name in ("atan2", "pow", "nextafter"):
        pytest.skip("takes floating point only")
    draw = np.random.default_rng(1).integers(0 if dtype == "uint8" or name == "pow" else -9, 9, (2, 30))
    x, y = draw.astype(dtype)  # division by zero among them
    agree([getattr(lax, name)(x, y)], [getattr(jax.lax, name)(x, y)])
    one = y[:1].reshape(())
    agree([getattr(lax, name)(x, one)], [getattr(jax.lax, name)(x, one)])


EXPRESSIONS = """
lax.add(1, 2); lax.neg(1); lax.sin(1.0); lax.integer_pow(2, 3); lax.pow(f, 2); lax.pow(2., i); lax.pow(2., 2)
lax.add(f, np.float64(1)); lax.bitwise_and(i, 1); lax.bitwise_not(True); lax.shift_left(i, 1); lax.max(c, c)
lax.bitwise_or(b, True); lax.bitwise_xor(i, i); lax.population_count(i); lax.clz(i); lax.mulhi(i, i)
lax.shift_right_logical(i, 1); lax.shift_right_arithmetic(i, 40); lax.shift_left(i, 32)
lax.real(c); lax.imag(c); lax.conj(c); lax.conj(f); lax.complex(f, f); lax.abs(c); lax.exp(c)
lax.clamp(0, i, 1); lax.clamp(f, f, f); lax.select(b, f, f); lax.select(True, 1, 2); lax.select_n(i, f, f, f)
lax.select_n(b, f, f); lax.select(1, f, f); lax.round(f, lax.RoundingMethod.TO_NEAREST_EVEN); lax.round(2.5)
lax.convert_element_type(1, 'float32'); lax.convert_element_type(f, int); lax.convert_element_type(c, np.complex64)
lax.bitcast_convert_type(f, 'int32'); lax.bitcast_convert_type(f, 'uint8'); lax.bitcast_convert_type(h, 'int16')
lax.bitcast_convert_type(lax.bitcast_convert_type(f, 'uint8'), 'float32'); lax.stop_gradient(f)
lax.broadcast(1, (2,)); lax.broadcast(f, (2,)); lax.broadcast_in_dim(f, (2, 3), (1,)); lax.broadcast_like(f, m)
lax.broadcasted_iota(int, (2, 3), 1); lax.iota(float, 3); lax.reshape(m, (3, 2), (1, 0)); lax.reshape(m, 6)
lax.transpose(m, (1, 0)); lax.squeeze(lax.expand_dims(m, (0,)), (-3,)); lax.expand_dims(m, (0, -1))
lax.concatenate([f, f], 0); lax.concatenate([f], 0); lax.pad(f, 0., [(1, -1, 2)]); lax.rev(m, (1,))
lax.full((2,), 1); lax.full((2,), 1., int); lax.full((2,), np.nan, 'int32'); lax.full_like(1, 2.5)
lax.full_like(f, 1, dtype=int); lax.full_like(f, 1, shape=(1,)); lax.collapse(m, 0); lax.collapse(m, 0, -1)
lax.tile(m, (2, 1)); lax.stack([1, 2]); lax.stack([f, f], axis=1); lax.unstack(m); lax.split(m, [2, 1], axis=-1)
lax.broadcast_to_rank(f, 2); lax.optimization_barrier((f, 1)); lax.broadcast_shapes((2, 1), (3,))
lax.reduce_sum(m, (0,)); lax.reduce_max(m, (1,)); lax.reduce_prod(f, (0,)); lax.reduce_and(b, (0,))
lax.reduce_or(i, (0,)); lax.reduce_xor(i, (0,)); lax.reduce_min(m, (0, 1)); lax.reduce_sum(1., ())
lax.argmax(m, 0, 'int32'); lax.argmin(m, 1, 'int8'); lax.cumsum(m, 1, True); lax.cumprod(f); lax.cummax(m, axis=1)
lax.cummin(m); lax.cumlogsumexp(f); lax.reduce(m, 1., lax.add, (0,)); lax.reduce(m, -np.inf, lax.max, (0,))
lax.reduce((m, m), (0., 1.), lambda a, b: (lax.add(a[0], b[0]), lax.mul(a[1], b[1])), (1,))
lax.reduce(m, 0., lambda a, b: lax.add(a, b), (0, 1)); lax.sort((f, i), num_keys=2); lax.sort(m, dimension=0)
lax.sort(np.array([0., -0., -np.nan, 1, np.nan], 'f4')); lax.sort_key_val(lax.neg(f), i); lax.top_k(m, 2)
lax.top_k(np.array([1., np.nan, 2., 2.], 'f4'), 3); lax.top_k(m, 2, axis=0); lax.top_k(b, 2); lax.top_k(i, 0)
lax.dot(f, f); lax.dot(m, f); lax.dot(f, i); lax.dot(h, h, preferred_element_type='float32')
lax.dot(m, m, dimension_numbers=(((1,), (1,)), ((), ()))); lax.dot_general(m, m, (((1,), (1,)), ((0,), (0,))))
lax.dot_general(i, i, (((0,), (0,)), ((), ())), preferred_element_type=float); lax.dot(f, f, precision='highest')
lax.dot_general(f, 1., (((), ()), ((), ()))); lax.batch_matmul(m[None], m.T[None])
lax.slice(f, (0,), (3,), (2,)); lax.slice_in_dim(f, -2, None); lax.slice_in_dim(m, 0, 2, axis=-1)
lax.index_in_dim(m, -1); lax.index_in_dim(m, 1, 1, keepdims=False); lax.dynamic_slice(f, (5,), (2,))
lax.dynamic_slice(f, (-1,), (2,)); lax.dynamic_slice(f, lax.slice(i, (1,), (2,)), (2,))
lax.dynamic_slice(m, (0, lax.index_in_dim(i, 1, keepdims=False)), (1, 1)); lax.dynamic_slice_in_dim(m, -1, 2, 1)
lax.dynamic_index_in_dim(m, 7, 0, False); lax.dynamic_update_slice(f, lax.slice(f, (0,), (1,)), (-1,))
lax.dynamic_update_slice_in_dim(m, lax.slice(m, (0, 0), (1, 3)), 1, 0); lax.dynamic_update_index_in_dim(m, f, 1, 0)
lax.dynamic_update_index_in_dim(f, 7., -1, 0); lax.index_take(m, (i,), (0,))
lax.dynamic_slice(f, (np.uint8(1),), (1,))
"""
EXPRESSIONS = [e.strip() for e in EXPRESSIONS.replace("\n", ";").split(";") if e.strip()]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_like_jax(jax: Any, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = evaluate(text, jax.lax, lambda x: x)
    agree(evaluate(text, lax, core.as_array), wanted)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_traced_as_eager(text: str) -> None:
    operands = [core.as_array(x) for x in NAMES.values()]

    def function(*tracers: Any) -> list[Any]:
        names = dict(zip(NAMES, tracers))
        return [x for x in leaves(eval(text, {"lax": lax, "np": np, **names})) if hasattr(x, "aval")]

    eager = function(*operands)
    if not eager:
        pytest.skip("gives no array")
    traced = core.run_traced("test", function, operands)
    assert [x.weak_type for x in traced] == [x.weak_type for x in eager]
    agree(traced, eager)


ERRORS = [
    ("lax.add(f, 1)", TypeError, "same dtypes, got f32, i32"),
    ("lax.add(h, 1.0)", TypeError, "axil.numpy.add"),
    ("lax.add(f, lax.iota('float32', 4))", TypeError, "incompatible shapes"),
    ("lax.add(f, m)", TypeError, "same number of dimensions"),
    ("lax.add([1], 2)", TypeError, "takes arrays and numbers"),
    ("lax.add(f, 2**40)", OverflowError, "does not fit"),
    ("lax.sin(i)", TypeError, "floating point"),
    ("lax.integer_pow(2, -3)", TypeError, "negative power"),
    ("lax.clamp(0., i, 1.)", TypeError, "same dtypes"),
    ("lax.select(True, f, 1.)", TypeError, "one shape"),
    ("lax.select(True, f, i)", TypeError, "same dtypes"),
    ("lax.select_n(b, f, f, f)", TypeError, "two cases"),
    ("lax.reshape(m, (4,))", ValueError, "6 elements"),
    ("lax.reshape(m, (-1,))", TypeError, "negative"),
    ("lax.transpose(m, (0, 0))", TypeError, "permutation"),
    ("lax.squeeze(m, (0,))", ValueError, "size 1"),
    ("lax.concatenate([f, i], 0)", TypeError, "same dtypes"),
    ("lax.concatenate([], 0)", ValueError, "at least one"),
    ("lax.broadcast_shapes((2,), (3,))", ValueError, "cannot be broadcast"),
    ("lax.full((2,), f)", TypeError, "scalar"),
    ("lax.iota(bool, 2)", TypeError, "bool"),
    ("lax.split(f, (1, 1))", ValueError, "add up to 2"),
    ("lax.slice_in_dim(f, 0, 5)", TypeError, "no range"),
    ("lax.index_in_dim(f, 3)", IndexError, "out of bounds"),
    ("lax.dynamic_slice(f, (0.,), (2,))", TypeError, "integer"),
    ("lax.dynamic_slice(m, (0,), (1, 1))", ValueError, "2 start indices"),
    ("lax.dynamic_update_slice(f, i, (0,))", TypeError, "same dtypes"),
    ("lax.reduce_sum(m, (2,))", ValueError, "out of range"),
    ("lax.cumsum(m, -1)", ValueError, "out of bounds"),
    ("lax.argmax(m, 0, 'float32')", TypeError, "integers"),
    ("lax.sort(m, dimension=2)", ValueError, "out of bounds"),
    ("lax.top_k(m, 4)", ValueError, "size of the axis"),
    ("lax.dot(m, m)", ValueError, "dimension_numbers"),
    ("lax.dot(f, f, precision='bogus')", ValueError, "precision"),
    ("lax.batch_matmul(f, f)", ValueError, "at least two"),
    ("lax.psum(1, 'i')", NameError, "unbound axis name: i"),
    ("lax.axis_index('i')", NameError, "unbound axis name: i"),
    ("lax.bitcast_convert_type(np.zeros(3, 'uint8'), 'float32')", TypeError, "last dimension of size 4"),
]


@pytest.mark.parametrize("text, kind, words", ERRORS, ids=[e[0] for e in ERRORS])
def test_errors(text: str, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        evaluate(text, lax, core.as_array)
    if kind is not OverflowError:
        assert isinstance(caught.value, AxilError)


def test_an_error_names_the_users_line() -> None:
    with pytest.raises(core.ShapeError, match=r"test_lax\.py:\d+"):
        lax.add(F, 1)


def test_trees() -> None:
    result = lax.stop_gradient({"a": F, "b": (1.0, M)})
    assert tree.tree_structure(result) == tree.tree_structure({"a": 0, "b": (0, 0)})


def test_results_are_new_arrays() -> None:
    """What the user passes may be changed by them afterwards."""
    mine = np.zeros(3, np.float32)
    kept = lax.reshape(mine, (3,))
    mine[:] = 1
    assert np.asarray(kept).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["psum", "pmax", "pmin", "pmean"])
def test_collectives(jax: Any, name: str) -> None:
    from axil.vectorization import vmap

    def under(vmap: Any, module: Any) -> list[Any]:
        one = vmap(lambda x: getattr(module, name)({"x": x}, "i")["x"], axis_name="i")(M)
        rows = vmap(lambda x: getattr(module, name)(x, ("i", "j")), axis_name="j")
        return [one, vmap(rows, axis_name="i")(M)]

    agree(under(vmap, lax), under(jax.vmap, jax.lax))


def test_axis_index_and_size(jax: Any) -> None:
    from axil.vectorization import vmap

    def under(vmap: Any, module: Any) -> list[Any]:
        inner = vmap(lambda x: module.axis_index(("i", "j")), axis_name="j")
        sizes: list[Any] = []
        vmap(lambda x: sizes.append((module.axis_size("i"), module.psum(2, "i"))) or x, axis_name="i")(F)
        return [vmap(inner, axis_name="i")(M), *leaves(sizes)]

    got, wanted = under(vmap, lax), under(jax.vmap, jax.lax)
    agree(got[:1], wanted[:1])
    assert got[1:] == [3, 6]
