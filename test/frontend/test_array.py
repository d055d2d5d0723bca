"""`Array` and `Tracer` as Python objects: operators, conversions, printing, and what they refuse."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import axil.numpy as anp
from axil import errors
from axil.core import Array, Program, Trace, Tracer, aval, run_traced, state
from axil.runtime.errors import AxilError

X = anp.array([1.0, 2.0, 3.0])


@contextmanager
def tracing(*shapes: tuple[int, ...], dtype: str = "float32") -> Iterator[list[Tracer]]:
    """Tracers of a function under `jit`: nothing is known of their values."""
    trace = Trace("jit(f)", Program(), None, "main", [aval(shape, np.dtype(dtype)) for shape in shapes])
    outer, state.trace = state.trace, trace
    try:
        yield trace.arguments([False] * len(shapes))
    finally:
        state.trace = outer


# ---- printing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: anp.array([1, 2]), "Array([1, 2], dtype=int32)"),
        (lambda: anp.array(1.5), "Array(1.5, dtype=float32, weak_type=True)"),
        (lambda: X[0], "Array(1., dtype=float32)"),
        (lambda: anp.zeros(0), "Array([], shape=(0,), dtype=float32)"),
        (lambda: anp.zeros((0, 3), int), "Array([], shape=(0, 3), dtype=int32)"),
        (lambda: anp.ones((2, 2)), "Array([[1., 1.],\n       [1., 1.]], dtype=float32)"),
        (lambda: anp.arange(2000), "Array([   0,    1,    2, ..., 1997, 1998, 1999], dtype=int32)"),
        (lambda: anp.array([True, False]), "Array([ True, False], dtype=bool)"),
        (lambda: anp.array([1.5], "bfloat16"), "Array([1.5], dtype=bfloat16)"),
    ],
)
def test_repr(make: Any, text: str) -> None:
    assert repr(make()) == text


def test_repr_of_long_lines_as_jax() -> None:
    jax = pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    for make in (lambda m: m.arange(17), lambda m: m.arange(18), lambda m: m.arange(9.0) / 8 + 1000):
        ours, theirs = repr(make(anp)), repr(make(jax.numpy))
        assert ours.split() == theirs.split() and max(map(len, ours.split("\n"))) <= 75


def test_str_and_format() -> None:
    assert str(X) == "[1. 2. 3.]"
    assert f"{X[1]:.3f}" == "2.000"
    assert f"{X[1]}" == "2.0"
    assert f"{anp.array(3):04d}" == "0003"
    with pytest.raises(TypeError):
        f"{X:.3f}"


# ---- operators -----------------------------------------------------------------------------------------

OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.eq, operator.ne,
    operator.lt, operator.le, operator.gt, operator.ge, divmod,
]  # fmt: skip
BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", [2, 2.5, np.float32(1.5), np.array([1.0, 2.0, 4.0], "float32")], ids=str)
def test_operators_both_ways(op: Any, other: Any) -> None:
    x = np.asarray(X)
    for ours, numpys in ((op(X, other), op(x, other)), (op(other, X), op(other, x))):
        for a, b in zip(ours if op is divmod else [ours], numpys if op is divmod else [numpys]):
            assert isinstance(a, Array)
            np.testing.assert_allclose(np.asarray(a), b, rtol=1e-6)


@pytest.mark.parametrize("op", BITS, ids=lambda op: op.__name__)
def test_bit_operators_both_ways(op: Any) -> None:
    x = np.array([1, 2, 5], np.int32)
    for other in (3, np.array([1, 2, 3], np.int32)):
        np.testing.assert_array_equal(np.asarray(op(anp.asarray(x), other)), op(x, other))
        np.testing.assert_array_equal(np.asarray(op(other, anp.asarray(x))), op(other, x))


def test_unary_operators() -> None:
    assert (-X).tolist() == [-1, -2, -3] and (+X) is X and abs(-X).tolist() == [1, 2, 3]
    assert (~anp.array([1, 2])).tolist() == [-2, -3] and (~anp.array([True, False])).tolist() == [False, True]
    assert round(anp.array([1.26]), 1).tolist() == [pytest.approx(1.3)]
    assert (X @ X).item() == 14 and (np.ones((2, 3), "float32") @ X).tolist() == [6, 6]


def test_augmented_assignment_makes_a_new_array() -> None:
    y = X
    y += 1
    assert X.tolist() == [1, 2, 3] and y.tolist() == [2, 3, 4]


def test_unknown_operands_are_left_to_python() -> None:
    with pytest.raises(TypeError, match="unsupported operand type"):
        X + [1, 2, 3]
    with pytest.raises(TypeError, match="unsupported operand type"):
        X + None
    assert (X == "a") is False and (X != None) is True  # noqa: E711

    class Mine:
        def __radd__(self, other: Any) -> str:
            return "mine"

        def __axil_array__(self) -> Any:
            return anp.ones(3)

    assert (X + Mine()).tolist() == [2, 3, 4]  # type: ignore[operator]

    class Reflected:
        def __radd__(self, other: Any) -> str:
            return "reflected"

    assert X + Reflected() == "reflected"


def test_shape_mismatch_names_shapes_and_line() -> None:
    with pytest.raises(TypeError) as caught:
        anp.ones((2, 3)) + anp.ones(4)
    text = str(caught.value)
    assert "add got incompatible shapes for broadcasting: (2, 3), (4,)." in text
    assert "test_array.py" in text and "anp.ones((2, 3)) + anp.ones(4)" in text
    assert isinstance(caught.value, (AxilError, ValueError))
    with pytest.raises(TypeError, match="matmul got incompatible shapes"):
        anp.ones((2, 3)) @ anp.ones((2, 3))
    with pytest.raises(
        TypeError, match="sum requires ndarray or scalar arguments, got <class 'list'> at position 0"
    ):
        anp.sum([1, 2])
    with pytest.raises(NotImplementedError, match="the 'out' argument to sum is not supported"):
        X.sum(out=np.zeros(()))


# ---- immutability --------------------------------------------------------------------------------------


def test_assignment_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError) as caught:
        X[0] = 10
    text = str(caught.value)
    assert "arrays are immutable and do not support item assignment" in text
    assert "X[0] = 10" in text and "x = x.at[i].set(y)" in text and "x = x.at[i].add(y)" in text
    with pytest.raises(TypeError, match="deletion"):
        del X[0]
    with pytest.raises(AttributeError):
        X.foo = 1  # type: ignore[attr-defined]


def test_nothing_shares_memory_that_can_be_written() -> None:
    mine = np.arange(3.0, dtype=np.float32)
    x = anp.asarray(mine)
    mine[0] = 99
    assert x.tolist() == [0, 1, 2]
    view = np.asarray(x)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5
    own = np.array(x)
    own[0] = 5
    assert x.tolist() == [0, 1, 2]
    y = x.at[1].set(7.0)
    assert x.tolist() == [0, 1, 2] and y.tolist() == [0, 7, 2]


def test_guide_updates() -> None:
    x = anp.array([1, 2, 3, 4, 5])
    assert x.at[0].set(10).tolist() == [10, 2, 3, 4, 5]
    assert x.at[1].add(5).tolist() == [1, 7, 3, 4, 5]
    assert x.at[0].set(10).at[2].multiply(3).tolist() == [10, 2, 9, 4, 5]
    assert anp.zeros(10).at[2:5].set(anp.array([7, 8, 9])).tolist() == [0, 0, 7, 8, 9, 0, 0, 0, 0, 0]


# ---- conversions ---------------------------------------------------------------------------------------


def test_numpy_interop() -> None:
    assert (
        isinstance(np.arange(3) * X, Array)
        and isinstance(np.float32(2) * X, Array)
        and isinstance(np.ones(3) + X, Array)
    )
    assert isinstance(X * np.arange(3), Array)
    assert type(np.sin(X)) is np.ndarray and type(np.asarray(X)) is np.ndarray
    assert np.asarray(X, dtype=np.float64).dtype == np.float64 and np.array(X, copy=True).flags.writeable
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(X, dtype=np.int32, copy=False)
    assert np.from_dlpack(X).tolist() == [1, 2, 3] and anp.from_dlpack(
        np.arange(3.0, dtype="float32")
    ).tolist() == [0, 1, 2]
    assert np.concatenate([X, X]).tolist() == [1, 2, 3, 1, 2, 3]
    assert memoryview(np.asarray(X)).nbytes == 12


def test_python_conversions() -> None:
    assert (
        float(X[0]) == 1.0 and int(anp.array(3)) == 3 and complex(anp.array(2.0)) == 2 and bool(anp.array(1))
    )
    assert (
        [10, 20, 30][anp.array(1)] == 20
        and list(range(anp.array(3))) == [0, 1, 2]
        and operator.index(anp.array(7)) == 7
    )
    assert (
        X.tolist() == [1.0, 2.0, 3.0]
        and X[1].item() == 2.0
        and X.item(2) == 3.0
        and isinstance(X[0].item(), float)
    )
    assert len(X) == 3 and [float(v) for v in X] == [1, 2, 3] and [float(v) for v in reversed(X)] == [3, 2, 1]
    assert all(isinstance(v, Array) for v in X) and 2.0 in X and 9.0 not in X
    with pytest.raises(ValueError, match="truth value of an array of 3 elements"):
        bool(X)
    for convert in (int, float, complex):
        with pytest.raises(TypeError, match="only scalar arrays"):
            convert(X)
    for not_index in (X, X[0], anp.array(True)):
        with pytest.raises(TypeError, match="only integer scalar arrays"):
            operator.index(not_index)
    for scalar in (lambda: len(X[0]), lambda: list(X[0])):
        with pytest.raises(TypeError, match="no dimensions"):
            scalar()
    with pytest.raises(TypeError, match="unhashable"):
        hash(X)
    with pytest.raises(TypeError, match="unhashable"):
        {X: 1}  # noqa: B018


def test_attributes() -> None:
    x = anp.zeros((2, 3), "int16")
    assert (x.shape, x.ndim, x.size, x.itemsize, x.nbytes, x.dtype) == ((2, 3), 2, 6, 2, 12, np.int16)
    assert x.T.shape == (3, 2) and anp.zeros((2, 3, 4)).mT.shape == (2, 4, 3) and not x.weak_type
    assert anp.array([1 + 2j]).real.tolist() == [1] and anp.array([1 + 2j]).imag.tolist() == [2]
    assert isinstance(x, anp.ndarray) and not isinstance(np.zeros(3), anp.ndarray)
    assert X.block_until_ready() is X


def test_copy_and_pickle() -> None:
    for x in (X, anp.array(2.5), anp.zeros((0, 2), "bfloat16"), anp.array([1 + 1j])):
        for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
            assert (
                type(y) is Array and y.dtype == x.dtype and y.weak_type == x.weak_type and y.shape == x.shape
            )
            np.testing.assert_array_equal(np.asarray(y).astype(complex), np.asarray(x).astype(complex))


def test_view() -> None:
    assert X.view("int32")[0].item() == 0x3F800000
    assert X.view("uint8").shape == (12,) and X.view("uint8").view("float32").tolist() == [1, 2, 3]


def test_scalar_types() -> None:
    assert isinstance(anp.float32(3), Array) and anp.int8([1, 2]).dtype == np.int8
    assert X.dtype == anp.float32 and anp.float32 == np.float32 and np.dtype(anp.float16) == np.float16
    assert anp.zeros(2, anp.int32).dtype == np.int32 and anp.issubdtype(anp.bfloat16, anp.floating)
    assert {np.float32: 1}[anp.float32] == 1  # type: ignore[index]


# ---- tracers -------------------------------------------------------------------------------------------


def test_conversions_of_unknown_tracers_explain() -> None:
    with tracing((), (3,)) as (scalar, vector):
        with pytest.raises(errors.TracerBoolConversionError, match="truth value of a traced bool"):
            if scalar > 0:
                pass
        with pytest.raises(errors.ConcretizationTypeError, match="float()"):
            float(scalar)
        with pytest.raises(errors.ConcretizationTypeError, match="int()"):
            int(scalar)
        with pytest.raises(errors.ConcretizationTypeError, match="item()"):
            scalar.item()
        with pytest.raises(errors.TracerArrayConversionError, match="axil.numpy"):
            np.asarray(vector)
        with pytest.raises(errors.TracerArrayConversionError):
            np.sin(vector)
        with pytest.raises(errors.ConcretizationTypeError):
            anp.nonzero(vector)
        with pytest.raises(errors.ConcretizationTypeError):
            anp.arange(scalar)
        with pytest.raises(errors.ConcretizationTypeError):
            f"{scalar:.3f}"
        assert "f32[3]" in repr(vector) and "jit(f)" in str(vector) and f"{vector}" == str(vector)
        with pytest.raises(TypeError, match="immutable"):
            vector[0] = 1
        with pytest.raises(TypeError, match="unhashable"):
            hash(vector)
    with tracing((), dtype="int32") as (number,):
        with pytest.raises(errors.TracerIntegerConversionError):
            [1, 2, 3][number]
        with pytest.raises(errors.TracerIntegerConversionError):
            anp.zeros((number,))
        with pytest.raises(errors.TracerIntegerConversionError):
            anp.ones((2, 3)).sum(axis=number)


def test_known_tracers_convert() -> None:
    """Under an eager transformation a tracer still has its value: Python control flow works."""

    def body(x: Tracer) -> list[Any]:
        assert float(x[0]) == 1.0 and bool(x[0] > 0) and int(x[1]) == 2 and f"{x[1]:.2f}" == "2.00"
        assert np.asarray(x).tolist() == [1, 2, 3]
        return [x * 2 if x.sum() > 5 else x]

    assert run_traced("test", body, [X])[0].tolist() == [2, 4, 6]


def test_tracers_work_with_everything() -> None:
    def body(x: Tracer) -> list[Any]:
        parts = [
            x + 1,
            1 + x,
            x + np.ones(3, "float32"),
            np.ones(3, "float32") + x,
            x @ x,
            2.0**x,
            x.at[0].set(5.0),
            x[::-1],
            x[1:].sum(),
        ]
        assert all(type(p) is Tracer for p in parts)
        first, *rest = x
        parts += [
            anp.array([first, 2.0, rest[0]]),
            anp.array([[first], [rest[1]]]),
            x.mean(),
            x.reshape(3, 1).T,
        ]
        return parts

    found = [r.tolist() for r in run_traced("test", body, [X])]
    assert found == [
        [2, 3, 4], [2, 3, 4], [2, 3, 4], [2, 3, 4], 14, [2, 4, 8], [5, 2, 3], [3, 2, 1], 5,
        [1, 2, 2], [[1], [3]], 2, [[1, 2, 3]],
    ]  # fmt: skip


def emitted(function: Any, *shapes: tuple[int, ...]) -> list[str]:
    with tracing(*shapes) as tracers:
        function(*tracers)
        return [op.operation.name.removeprefix("axil.") for op in tracers[0].owner.block.operations]


@pytest.mark.parametrize(
    ("function", "ops"),
    [
        (lambda x: x + x, ["add"]),
        (lambda x: x * 2.0, ["constant", "mul"]),
        (lambda x: x + x[0], ["slice", "reshape", "broadcast_in_dim", "add"]),
        (lambda x: x**2, ["integer_pow"]),
        (lambda x: anp.exp(x), ["exp"]),
        (lambda x: x.sum(), ["reduce_sum"]),
        (lambda x: x.mean(), ["reduce_sum", "constant", "div"]),
        (lambda x: x.reshape(4), []),
        (lambda x: x.reshape(2, 2), ["reshape"]),
        (lambda x: x.astype("float32"), []),
        (lambda x: x @ x, ["dot_general"]),
        (lambda x: x > 0, ["constant", "gt"]),
        (lambda x: anp.where(x > 0, x, 0.0), ["constant", "gt", "select"]),
        (lambda x: anp.maximum(x, 0), ["constant", "max"]),
        (lambda x: anp.concatenate([x, x]), ["concatenate.2"]),
        (lambda x: anp.zeros((3, 3)), ["constant"]),
        (lambda x: anp.arange(5), ["iota"]),
        (lambda x: x.at[1:3].set(0.0), ["constant", "constant", "dynamic_update_slice"]),
    ],
)
def test_traced_calls_emit_few_ops(function: Any, ops: list[str]) -> None:
    assert emitted(function, (4,)) == ops
