"""Values that random samples do not hit: NaN, infinities, ties, zeros, overflow, half precision, no rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from axil.dialects.avals import BFLOAT16, aval_of
from axil.dialects.op import OPS, Sample
from axil.testing.compiled import CompileError, compile_cases
from axil.testing.samples import Case

NAN, INF = np.nan, np.inf
F32, I32, BOOL = np.float32, np.int32, np.bool_
MATRIX_PRODUCT = {"lhs_batch": (), "rhs_batch": (), "lhs_contract": (1,), "rhs_contract": (0,)}
MANY = np.full(4096, 0.1, F32)


def positions(axis: int) -> dict[str, Any]:
    """Attributes of `argmax` and `argmin`."""
    return {"axis": axis, "dtype": np.dtype(I32)}


def along(axis: int, reverse: bool = False) -> dict[str, Any]:
    """Attributes of the cumulative reductions."""
    return {"axis": axis, "reverse": reverse}


# name, operands, attributes, what must come out
SPECIAL: list[tuple[str, list, dict[str, Any], Any]] = [
    ("reduce_max", [np.array([[1, NAN, 3], [INF, 2, -INF]], F32)], {"axes": (1,)}, [NAN, INF]),
    ("reduce_min", [np.array([[1, NAN, 3], [INF, 2, -INF]], F32)], {"axes": (1,)}, [NAN, -INF]),
    ("reduce_max", [np.zeros((0, 2), F32)], {"axes": (0,)}, [-INF, -INF]),
    ("reduce_max", [np.zeros((0,), I32)], {"axes": (0,)}, -(2**31)),
    ("reduce_min", [np.zeros((0,), I32)], {"axes": (0,)}, 2**31 - 1),
    ("reduce_sum", [np.array([2**31 - 1, 1], I32)], {"axes": (0,)}, -(2**31)),
    ("reduce_sum", [MANY.astype(BFLOAT16)], {"axes": (0,)}, 410.0),
    ("reduce_sum", [MANY.astype(np.float16)], {"axes": (0,)}, 409.5),
    ("reduce_prod", [np.array([[0, 2, INF], [2, 3, 4]], F32)], {"axes": (1,)}, [NAN, 24]),
    ("argmax", [np.array([[1, NAN, NAN, 4], [2, 5, 5, 1]], F32)], positions(1), [1, 1]),
    ("argmin", [np.array([[1, NAN, NAN, 4], [2, 1, 5, 1]], F32)], positions(1), [1, 1]),
    ("argmax", [np.full((5,), -INF, F32)], positions(0), 0),
    ("argmin", [np.full((5,), 2**31 - 1, I32)], positions(0), 0),
    ("argmax", [np.array([[0, 1], [1, 1], [0, 0]], BOOL)], positions(0), [1, 0]),
    ("cummax", [np.array([1, NAN, 3, 2], F32)], along(0), [1, NAN, NAN, NAN]),
    ("cummin", [np.array([-INF, 1, INF], F32)], along(0, True), [-INF, 1, INF]),
    ("cumsum", [np.array([1, INF, 2, -INF, 1], F32)], along(0), [1, INF, INF, NAN, NAN]),
    ("cumsum", [np.array([2**31 - 1, 1, 1], I32)], along(0), [2**31 - 1, -(2**31), -(2**31) + 1]),
    ("cumprod", [np.array([2, 0, 3], F32)], along(0, True), [0, 0, 3]),
    ("cumlogsumexp", [np.array([-INF, -INF, 0, INF, 1], F32)], along(0), [-INF, -INF, 0, INF, INF]),
    ("cumlogsumexp", [np.array([1000, 1000], F32)], along(0), [1000, 1000 + np.log(2)]),
    ("dot_general", [np.array([[1, INF]], F32), np.array([[2, 0], [0, 1]], F32)],
     MATRIX_PRODUCT | {"dtype": np.dtype(F32)}, [[NAN, INF]]),
    ("dot_general", [np.array([[100, 100]], np.int8), np.array([[100], [100]], np.int8)],
     MATRIX_PRODUCT | {"dtype": np.dtype(I32)}, [[20000]]),
    ("dot_general", [MANY[None].astype(BFLOAT16), np.ones((4096, 1), BFLOAT16)],
     MATRIX_PRODUCT | {"dtype": np.dtype(BFLOAT16)}, [[410.0]]),
    ("dot_general", [np.zeros((2, 0), F32), np.zeros((0, 3), F32)],
     MATRIX_PRODUCT | {"dtype": np.dtype(F32)}, np.zeros((2, 3))),
    ("dot_general", [np.zeros((0, 2), F32), np.zeros((2, 3), F32)],
     MATRIX_PRODUCT | {"dtype": np.dtype(F32)}, np.zeros((0, 3))),
    ("pad", [np.array([1, NAN, 3], F32), np.array(-0.0, F32)], {"low": (-1,), "high": (1,), "interior": (1,)},
     [-0.0, NAN, -0.0, 3, -0.0]),
]  # fmt: skip


def name_of(index: int) -> str:
    """A readable name of a special case."""
    return f"{SPECIAL[index][0]}-{index}"


@cache
def compiled() -> Any:
    """One module of all special cases."""
    group: list[Case] = [
        (OPS[name], Sample(tuple(str(aval_of(x)) for x in xs), attributes), name_of(i))
        for i, (name, xs, attributes, _) in enumerate(SPECIAL)
    ]
    return compile_cases(group)


each = pytest.mark.parametrize("index", range(len(SPECIAL)), ids=name_of)


def check(got: Any, want: Any) -> None:
    """Equal up to rounding of the dtype; NaN equals NaN."""
    tolerance = 5e-3 if got.dtype.itemsize == 2 else 1e-6
    np.testing.assert_allclose(np.asarray(got, np.float64), np.asarray(want, np.float64), tolerance)


@each
def test_reference(index: int) -> None:
    name, xs, attributes, want = SPECIAL[index]
    check(OPS[name](*xs, **attributes), want)


@each
def test_compiled(index: int) -> None:
    _, xs, _, want = SPECIAL[index]
    made = compiled()[name_of(index)]
    if isinstance(made, CompileError):
        raise made
    check(made.run(name_of(index), xs, 1)[0][0], want)


# ---- derivatives at exceptional points -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name,x,want",
    [
        ("reduce_max", [3.0, 1.0, 3.0], (1 + 3) / 2),
        ("reduce_min", [1.0, 1.0, 1.0, 2.0], (1 + 2 + 3) / 3),
        ("reduce_prod", [0.0, 2.0, 3.0, 4.0, 5.0], 120.0),
        ("reduce_prod", [0.0, 2.0, 0.0], 0.0),
        ("reduce_prod", [2.0], 1.0),
    ],
)
def test_tangents_of_reductions_at_ties_and_zeros(name: str, x: list, want: float) -> None:
    op, xs = OPS[name], np.array(x)
    tangent = np.arange(1.0, len(x) + 1)
    np.testing.assert_allclose(op.jvp(op(xs, axes=(0,)), [xs], [tangent], axes=(0,)), want)


def test_tangent_of_the_empty_product_is_zero() -> None:
    x = np.zeros((0, 2))
    assert OPS["reduce_prod"].jvp(np.ones(2), [x], [x], axes=(0,)) is None


@pytest.mark.parametrize("reverse", [False, True])
def test_tangent_of_cumprod_through_zeros(reverse: bool) -> None:
    op, x, dx = OPS["cumprod"], np.array([2.0, 0.0, 3.0, 0.0, 1.5]), np.array([1.0, -2.0, 0.5, 3.0, 1.0])
    step = 1e-6
    ends = [op(x + s * step * dx, axis=0, reverse=reverse) for s in (1, -1)]
    got = op.jvp(op(x, axis=0, reverse=reverse), [x], [dx], axis=0, reverse=reverse)
    np.testing.assert_allclose(got, (ends[0] - ends[1]) / (2 * step), 1e-6, 1e-8)


def test_tangent_of_cumlogsumexp_where_nothing_has_weight() -> None:
    op, x = OPS["cumlogsumexp"], np.array([-INF, -INF, 0.0])
    got = op.jvp(op(x, axis=0, reverse=False), [x], [np.ones(3)], axis=0, reverse=False)
    np.testing.assert_allclose(got[-1], 1.0)
    assert np.isfinite(got[1:]).all()
