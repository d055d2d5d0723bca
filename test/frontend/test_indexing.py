"""Indexing and functional updates: against NumPy where it has a meaning, against JAX out of bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import axil.numpy as anp
from axil import errors
from axil.core import Array, run_traced

I = np.array  # noqa: E741 - short, for the table below

# (shape, index)
EXPRESSIONS: list[tuple[tuple[int, ...], Any]] = [
    # integers, slices, None, ellipsis
    ((5,), 0), ((5,), -1), ((5,), np.int64(2)), ((5,), slice(None)), ((5,), slice(1, 4)),
    ((5,), slice(None, None, 2)),
    ((5,), slice(None, None, -1)), ((5,), slice(4, 0, -2)), ((5,), slice(3, 1)), ((5,), slice(-2, None)),
    ((5,), slice(1, 99)),
    ((5,), slice(-99, 99, 3)), ((5,), slice(99, None, -3)), ((5,), None), ((5,), ...), ((5,), (..., None)),
    ((5,), (None, 2)),
    ((5,), ()), ((), ()), ((), ...), ((), None), ((3, 4), 1), ((3, 4), (1, 2)), ((3, 4), (-1, -1)),
    ((3, 4), (slice(None), 1)),
    ((3, 4), (1, slice(None))), ((3, 4), (..., 1)), ((3, 4), (1, ...)),
    ((3, 4), (slice(None, None, -1), slice(1, 3))),
    ((3, 4), (slice(None, None, 2), slice(None, None, 3))), ((3, 4), (slice(None, None, -2), 1)),
    ((3, 4), (None, 1, None)),
    ((3, 4), (slice(1, 2), None, slice(2))), ((3, 4, 5), (1, ..., 2)), ((3, 4, 5), (..., slice(1, 3))),
    ((3, 4, 5), (1, 2, 3)),
    ((3, 4, 5), (slice(None), 2, slice(None, None, -1))), ((3, 4, 5), (None, ..., None, 2)),
    ((3, 4, 5), (slice(0, 0),)),
    ((0, 4), slice(None)), ((0, 4), (slice(None), 1)), ((0, 4), (slice(None, None, -1),)),
    # index arrays
    ((5,), I([0, 2, 4])), ((5,), I([-1, -5])), ((5,), I([[0, 1], [2, 3]])), ((5,), I([], int)), ((5,), I(3)),
    ((5,), I([2])),
    ((5,), I([1, 1, 1])), ((5,), I([1, 2], "uint8")), ((5,), I([1, -2], "int8")), ((5,), (None, I([0, 1]))),
    ((5,), (I([0, 1]), None)),
    ((3, 4), I([0, 2])), ((3, 4), (I([0, 2]), I([1, 3]))), ((3, 4), (I([[0], [2]]), I([1, 3]))),
    ((3, 4), (slice(None), I([1, 3]))),
    ((3, 4), (I([0, 2]), slice(1, 3))), ((3, 4), (slice(None, None, -1), I([1, 3]))), ((3, 4), (1, I([0, 3]))),
    ((3, 4), (I([0, 2]), 1)),
    ((3, 4), (I([0, 2]), None, I([1, 3]))), ((3, 4), (None, I([0, 2]), I([1, 3]))), ((3, 4), (..., I([1, 3]))),
    ((3, 4), (slice(1, None), I([[0, 1], [2, 3]]))), ((3, 4), (slice(None, None, 2), I([0, 3]))),
    ((3, 4), (I([0]), I([1, 2, 3]))),
    ((3, 4, 5), (I([0, 2]), slice(None), I([1, 3]))), ((3, 4, 5), (slice(None), I([0, 2]), I([1, 3]))),
    ((3, 4, 5), (I([0, 2]), I([1, 3]))),
    ((3, 4, 5), (0, slice(None), I([1, 3]))), ((3, 4, 5), (I([0, 1]), slice(None), 2)),
    ((3, 4, 5), (slice(None), 0, I([1, 3]))),
    ((3, 4, 5), (slice(None), I([1, 3]), slice(1, 4))), ((3, 4, 5), (..., I([0, 1]), slice(None))),
    ((3, 4, 5), (I([0, 1]), ..., I([0, 1]))),
    ((3, 4, 5), (I([[0, 1]]), None, slice(None), I([[2], [3]]))), ((3, 4, 5), (slice(None), None, I([0, 1]), 2)),
    ((3, 4, 5), (slice(2), I([1, 2]), slice(None, None, -2))), ((3, 4, 5), (1, I([0, 1]), slice(None), None)),
    ((2, 3, 4, 5), (slice(None), I([0, 1]), slice(None), I([0, 1]))),
    ((2, 3, 4, 5), (slice(None), I([0, 2]), I([0, 1]), slice(1, 3))),
    ((2, 3, 4, 5), (I([0, 1]), slice(1, 3), None, slice(None, None, 2), I([0, 1]))),
    ((2, 3, 4, 5), (0, I([0, 1]), slice(None), 2)),
    ((0, 4), (slice(None), I([1, 2]))), ((3, 0), I([0, 1])), ((3, 4), (I([], int), I([], int))),
    # masks
    ((5,), I([True, False, True, False, False])), ((5,), I([False] * 5)), ((3, 4), I([True, False, True])),
    ((3, 4), np.eye(3, 4, dtype=bool)),
    ((3, 4), (slice(None), I([True, False, True, False]))), ((3, 4), (I([True, False, True]), I([1, 3]))),
    ((3, 4), (1, I([True, False, False, True]))),
    ((3, 4, 5), (np.eye(3, 4, dtype=bool), slice(1, 3))), ((3, 4, 5), (slice(None), np.ones((4, 5), bool))),
    ((3, 4, 5), (np.eye(3, 4, dtype=bool), I([0, 1, 2]))),
    ((3, 4), (None, I([True, True, False]))), ((5,), True), ((5,), False), ((3, 4), (True, 1)), ((), True),
    ((), False), ((3, 4), np.True_),
]  # fmt: skip


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def ids(pair: Any) -> str:
    return f"{pair[0]}[{' '.join(str(pair[1]).split())}]"


def as_ours(index: Any) -> Any:
    """The index with its arrays made Axil's."""
    if isinstance(index, tuple):
        return tuple(as_ours(i) for i in index)
    return anp.asarray(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("pair", EXPRESSIONS, ids=ids)
def test_reading_as_numpy(pair: Any) -> None:
    shape, index = pair
    x = numbers(shape)
    for spelled in (index, as_ours(index)):
        found = anp.asarray(x)[spelled]
        assert isinstance(found, Array) and found.dtype == np.float32
        np.testing.assert_array_equal(np.asarray(found), x[index])


def traced(function: Any, *operands: Any) -> np.ndarray:
    return np.asarray(run_traced("test", lambda *xs: [function(*xs)], [anp.asarray(x) for x in operands])[0])


def arrays_of(index: Any) -> list[np.ndarray]:
    """Integer arrays of an index, which a trace may take as operands."""
    items = index if isinstance(index, tuple) else (index,)
    return [i for i in items if isinstance(i, np.ndarray) and i.dtype != bool]


def with_arrays(index: Any, arrays: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(with_arrays(i, arrays) for i in index)
    return next(arrays) if isinstance(index, np.ndarray) and index.dtype != bool else index


@pytest.mark.parametrize("pair", EXPRESSIONS, ids=ids)
def test_reading_under_a_trace(pair: Any) -> None:
    shape, index = pair
    x = numbers(shape)
    np.testing.assert_array_equal(traced(lambda v: v[index], x), x[index])
    if arrays_of(index):
        found = traced(lambda v, *arrays: v[with_arrays(index, iter(arrays))], x, *arrays_of(index))
        np.testing.assert_array_equal(found, x[index])


def updated(x: np.ndarray, index: Any, name: str, value: Any) -> np.ndarray:
    """What an update gives, by NumPy."""
    y = x.copy()
    if name == "set":
        y[index] = value
    else:
        value = np.broadcast_to(value, y[index].shape)  # NumPy 2.4's `add.at` forgets to, in one case
        getattr(np, {"add": "add", "multiply": "multiply", "min": "minimum", "max": "maximum"}[name]).at(
            y, index, value
        )
    return y


def has_duplicates(x: np.ndarray, index: Any) -> bool:
    flat = np.arange(x.size).reshape(x.shape)[index]
    return np.unique(flat).size != np.size(flat)


@pytest.mark.parametrize("pair", EXPRESSIONS, ids=ids)
def test_updates_as_numpy(pair: Any) -> None:
    shape, index = pair
    x = numbers(shape)
    inner = x[index].shape
    one_value = np.float32(7)
    row = np.arange(inner[-1], dtype=np.float32) + 20 if inner else one_value
    whole = np.random.default_rng(0).integers(1, 9, inner).astype(np.float32)
    for name in ("set", "add", "multiply", "min", "max"):
        for value in (one_value, row, whole):
            if name == "set" and value is not one_value and has_duplicates(x, index):
                continue  # which of them wins is not defined
            expected = updated(x, index, name, value)
            found = getattr(anp.asarray(x).at[index], name)(value)
            np.testing.assert_array_equal(np.asarray(found), expected, err_msg=f"{name} {value}")
    expected = updated(x, index, "add", whole)
    np.testing.assert_array_equal(traced(lambda v, w: v.at[index].add(w), x, whole), expected)
    if not has_duplicates(x, index):
        found = traced(lambda v, w, *a: v.at[with_arrays(index, iter(a))].set(w), x, whole, *arrays_of(index))
        np.testing.assert_array_equal(found, updated(x, index, "set", whole))
    np.testing.assert_array_equal(np.asarray(anp.asarray(x)), x)  # the array itself never changes


# ---- random indices ------------------------------------------------------------------------------------


@st.composite
def shapes_and_indices(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    batch = draw(st.sampled_from([(), (2,), (3, 1), (1, 2)]))
    items: list[Any] = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        kind = draw(st.sampled_from(["int", "slice", "array", "full", "mask"]))
        if kind == "int":
            items.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            bound = st.none() | st.integers(-n - 1, n + 1)
            items.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, -1, -2]))))
        elif kind == "array":
            items.append(
                np.array(
                    draw(
                        st.lists(
                            st.integers(-n, n - 1), min_size=int(np.prod(batch)), max_size=int(np.prod(batch))
                        )
                    ),
                    dtype=int,
                ).reshape(batch)
            )
        elif kind == "mask" and batch == (2,) and n > 1:
            mask = np.zeros(n, bool)
            mask[draw(st.permutations(range(n)))[:2]] = True
            items.append(mask)
        else:
            items.append(slice(None))
        if draw(st.integers(0, 5)) == 0:
            items.append(None)
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), Ellipsis)
        consumed = sum(i is not None and i is not Ellipsis for i in items)
        if consumed > len(shape):
            items.remove(Ellipsis)
    return shape, tuple(items)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(shapes_and_indices())
def test_random_indices(pair: Any) -> None:
    shape, index = pair
    x = numbers(shape)
    # An index placed after an ellipsis may belong to another dimension than it was drawn for.
    try:
        expected = x[index]
    except IndexError:
        return
    np.testing.assert_array_equal(np.asarray(anp.asarray(x)[index]), expected)
    found = anp.asarray(x).at[index].add(1)
    np.testing.assert_array_equal(np.asarray(found), updated(x, index, "add", 1))
    found = traced(lambda v, *a: v[with_arrays(index, iter(a))], x, *arrays_of(index))
    np.testing.assert_array_equal(found, expected)
    found = traced(lambda v, *a: v.at[with_arrays(index, iter(a))].multiply(3), x, *arrays_of(index))
    np.testing.assert_array_equal(found, updated(x, index, "multiply", 3))


# ---- out of bounds -------------------------------------------------------------------------------------

OUTSIDE = [
    "x[7]", "x[-9]", "x[I([7, -9, 1])]", "x[I(9)]", "m[7]", "m[:, 9]", "m[I([0, 9]), I([-9, 1])]",
    "m[9, I([0, 1])]",
    "x.at[7].get()", "x.at[7].get(mode='fill')", "x.at[7].get(mode='fill', fill_value=-1)",
    "x.at[-9].get(mode='clip')",
    "x.at[I([1, 9])].get(mode='fill')", "x.at[I([1, 9])].get(mode='drop', fill_value=0)",
    "x.at[I([1, 9])].get(mode='clip')",
    "x.at[I([1, 2])].get(mode='promise_in_bounds')", "i.at[I([1, 9])].get(mode='fill')", "u.at[9].get(mode='fill')",
    "b.at[9].get(mode='fill')",
    "m.at[9].get(mode='fill')", "m.at[I([0, 9])].get(mode='fill')",
    "m.at[:, I([0, 9])].get(mode='fill', fill_value=5)",
    "m.at[I([0, 9]), 1:].get(mode='fill', fill_value=5)", "m.at[1, 9].get(mode='fill')",
    "m.at[9, I([0, 1])].get(mode='fill', fill_value=8)",
    "x.at[7].set(9)", "x.at[-9].set(9)", "x.at[7].set(9, mode='clip')", "x.at[-9].add(9, mode='clip')",
    "x.at[7].set(9, mode='drop')",
    "x.at[I([1, 9])].set(9)", "x.at[I([1, 9, -9])].add(9)", "x.at[I([1, 9])].set(9, mode='clip')",
    "x.at[I([1, 9])].multiply(9, mode='fill')",
    "x.at[I([1, 9])].min(-5)", "x.at[I([1, 9])].max(50)", "m.at[9].set(1)", "m.at[:, 9].add(1)",
    "m.at[I([0, 9]), I([1, 1])].set(9)",
    "m.at[I([0, 9])].set(9, mode='clip')", "m.at[9, I([0, 1])].set(9)", "m.at[9, I([0, 1])].set(9, mode='clip')",
    "m.at[I([0, 9]), 1:].add(9)",
    # dtypes and forms
    "i.at[0].set(2.7)", "i.at[I([0, 0])].add(2.7)", "i.at[0].add(2.5)", "i.at[0].multiply(1.5)",
    "x.at[0].set(True)", "i.at[0].divide(2)", "x.at[I([0, 1])].divide(2)",
    "x.at[0].power(2)", "i.at[0].power(2)", "x.at[0].subtract(2)", "i.at[:2].subtract(5)", "u.at[0].subtract(1)",
    "x.at[1].apply(J.sin)", "m.at[I([0, 1]), 1].apply(lambda v: v * 2)",
    "x.at[I([0, 0, 2, -1])].apply(J.sin)", "x.at[I([1, 9, 1])].apply(J.sin, mode='clip')",
    "m.at[I([1, 1, 0]), 1:].apply(lambda v: v * 2)", "x.at[I([3, 3]), None].apply(J.sin)",
    "x.at[0].mul(4)", "b.at[0].set(1)", "x.at[:].set(J.arange(5))", "m.at[...].set(3)", "m.at[None].add(1)",
    "x.at[I([True, False, True, False, False])].set(9)", "x.at[J.array(2)].set(9)",
    "i.at[0].max(9)", "x.at[::2].set(J.array([7., 8., 9.]))", "x.at[::-2].set(J.array([7., 8., 9.]))",
    "m.at[1:, ::-1].set(J.array([[7., 8., 9.]]))", "i.at[0].set(300)", "x.at[()].add(1)",
    # refused
    "x.at[0].set([1, 2])", "x.at[:2].set(J.zeros(3))", "x.at[:2].set(J.zeros((2, 2)))", "x[1.0]", "x['a']",
    "x[[0, 1]]", "x[0, 1]", "x[..., ...]", "x[I([1.0])]", "x[I([True, False])]",
    "J.zeros((0,))[0]", "x.at['a'].set(1)", "x.at[0].get(mode='x')", "x.at[0].set(1, mode='x')", "x[:1.5]",
    "x[::0]", "x[object()]",
]  # fmt: skip


def evaluate(case: str, module: Any) -> Any:
    scope = {
        "J": module, "I": lambda v: module.asarray(np.asarray(v)), "x": module.arange(5.0),
        "m": module.arange(6.0).reshape(2, 3),
        "i": module.arange(5), "u": module.arange(4, dtype="uint8"), "b": module.array([True, False, True]),
    }  # fmt: skip
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(case, scope)
        except (TypeError, ValueError, IndexError) as error:
            return error


@pytest.mark.parametrize("case", OUTSIDE)
def test_out_of_bounds_as_jax(case: str) -> None:
    jax = pytest.importorskip("jax", reason="the oracle of this test is JAX, which is not installed")
    ours, theirs = evaluate(case, anp), evaluate(case, jax.numpy)
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"JAX refuses: {theirs}; Axil gives {ours!r}"
        return
    assert not isinstance(ours, Exception), ours
    assert ours.dtype == theirs.dtype and ours.weak_type == theirs.weak_type
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-6)


def test_messages() -> None:
    x = anp.arange(5.0)
    with pytest.raises(
        TypeError, match="immutable.*\n.*\n.*\n.*\n.*why.*\n.*ways out:\n.*x.at\\[i\\].set\\(y\\)"
    ):
        x[0] = 1
    with pytest.raises(IndexError, match="too many indices: the array has 1 dimensions, but 2 were indexed"):
        x[0, 1]
    with pytest.raises(TypeError, match="one index array: x\\[axil.numpy.array"):
        x[[0, 1]]
    with pytest.raises(IndexError, match="boolean index did not match shape"):
        x[np.array([True, False])]
    with pytest.raises(
        TypeError,
        match="update of shape \\(3,\\) does not broadcast to the indexed elements, of shape \\(2,\\)",
    ):
        x.at[:2].set(np.zeros(3))
    with pytest.warns(FutureWarning, match="cannot be cast safely"):
        anp.arange(3).at[0].set(1.5)


def test_traced_masks_and_bounds_explain_the_way_out() -> None:
    from axil.core import Program, Trace, aval, state

    trace = Trace("jit(f)", Program(), None, "main", [aval((5,), np.float32)])
    (v,) = trace.arguments([False])
    outer, state.trace = state.trace, trace
    try:
        with pytest.raises(errors.NonConcreteBooleanIndexError, match="axil.numpy.where"):
            v[v > 0]
        with pytest.raises(IndexError, match="dynamic_slice"):
            v[: v[0].astype(int)]
    finally:
        state.trace = outer


@pytest.mark.parametrize(
    ("index", "ops"),
    [
        (2, {"slice", "reshape"}), (slice(1, 3), {"slice"}), (slice(None), set()), (..., set()), (None, {"reshape"}),
        (slice(None, None, -1), {"reverse"}), (np.array([0, 2]), {"constant", "gather"}),
    ],
)  # fmt: skip
def test_few_ops(index: Any, ops: set[str]) -> None:
    """Under a trace an index emits no more than it needs."""
    from axil.core import Program, Trace, aval, state

    trace = Trace("jit(f)", Program(), None, "main", [aval((5,), np.float32)])
    (v,) = trace.arguments([False])
    outer, state.trace = state.trace, trace
    try:
        v[index]
        emitted = {op.operation.name.removeprefix("axil.") for op in trace.block.operations}
    finally:
        state.trace = outer
    assert emitted == ops
