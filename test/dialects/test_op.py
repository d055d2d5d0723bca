"""The declaration language: what it refuses, and what users and authors of `.mlir` files are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from axil.dialects import families  # noqa: F401  (fills OPS)
from axil.dialects.avals import aval
from axil.dialects.errors import AttributeValueError, DeclarationError, DtypeError, ShapeError
from axil.dialects.mlir import ir, parse_module
from axil.dialects.op import OPS, Op, sample
from axil.testing.samples import function, module

RULES: dict[str, Any] = {
    "name": "example",
    "summary": "An example.",
    "operands": ("x",),
    "infer": lambda x: x,
    "reference": lambda x: x,
    "jvp": lambda y, xs, dxs: dxs[0],
    "batch": lambda size, xs, batched: xs[0],
    "lower": "abs",
    "samples": (sample("f32[3]"),),
}


@pytest.fixture(autouse=True)
def same_registry() -> Any:
    """Declarations of a test are forgotten after it."""
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


# ---- declarations --------------------------------------------------------------------------------------


def test_a_complete_declaration_is_registered() -> None:
    made = Op(**RULES)
    assert OPS["example"] is made
    np.testing.assert_array_equal(made(np.arange(3.0)), np.arange(3.0))


@pytest.mark.parametrize("rule", ["summary", "infer", "reference", "jvp", "batch", "lower", "samples"])
def test_a_missing_rule_is_named(rule: str) -> None:
    with pytest.raises(DeclarationError, match=rf"op 'example' is incomplete: it has no {rule}$"):
        Op(**RULES | {rule: None})
    assert "example" not in OPS


@pytest.mark.parametrize("rule", [r for r in RULES if r != "name"])
def test_a_rule_that_is_not_given_is_an_error(rule: str) -> None:
    with pytest.raises(TypeError, match=rule):
        Op(**{k: v for k, v in RULES.items() if k != rule})


def test_all_missing_rules_are_named_together() -> None:
    with pytest.raises(DeclarationError, match="no jvp, batch, samples"):
        Op(**RULES | {"jvp": None, "batch": None, "samples": ()})


@pytest.mark.parametrize(
    "more,message",
    [
        ({"linear": (0,)}, "transpose"),
        ({"transpose": lambda ct, xs: (ct,)}, "linear"),
        ({"linear": (1,), "transpose": lambda ct, xs: (ct,)}, "an operand that it does not have"),
        ({"attributes": {"axis": "integer"}}, "attribute 'axis' has unknown kind 'integer'"),
    ],
)
def test_contradictions_are_refused(more: dict, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Op(**RULES | more)


def test_a_name_is_declared_once() -> None:
    Op(**RULES)
    with pytest.raises(DeclarationError, match="op 'example' is declared twice"):
        Op(**RULES)


def test_python_scalars_take_the_dtype_of_arrays_beside_them() -> None:
    y = OPS["mul"](np.ones(3, np.float32), 2)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, [2, 2, 2])


# ---- text ----------------------------------------------------------------------------------------------

T = "tensor<2x3xf32>"


@pytest.mark.parametrize(
    "line,message",
    [
        (
            f'%0 = "axil.sin"(%x) : ({T}) -> tensor<3x2xf32>',
            r"'axil.sin' op .*tensor<3x2xf32>.*tensor<2x3xf32>",
        ),
        (f'%0 = "axil.add"(%x, %y) : ({T}, tensor<3xf32>) -> {T}', r"one shape, got f32\[2,3\], f32\[3\]"),
        (f'%0 = "axil.reshape"(%x) : ({T}) -> tensor<6xf32>', r"needs attribute 'shape' \(ints\)"),
        (
            f'%0 = "axil.reshape"(%x) {{shape = array<i64: 7>}} : ({T}) -> tensor<7xf32>',
            r"'reshape' cannot give f32\[2,3\], of 6 elements",
        ),
        (
            f'%0 = "axil.reduce_sum"(%x) {{axes = array<i64: 2>}} : ({T}) -> {T}',
            "axis 2 is out of range for an array of 2 dimensions",
        ),
        (
            f'%0 = "axil.concatenate.2"(%x, %y) {{axis = 0 : i64}} : ({T}, tensor<3xf32>) -> {T}',
            "agree in all dimensions but axis 0",
        ),
    ],
)
def test_the_verifier_tells_file_and_line(line: str, message: str) -> None:
    text = f"func.func @f(%x: {T}, %y: tensor<3xf32>) {{\n  {line}\n  return\n}}"
    with pytest.raises(ir.MLIRError, match=message) as caught:
        parse_module(text, "model.mlir")
    assert "model.mlir" in str(caught.value) and ":2:" in str(caught.value)


# ---- messages for users --------------------------------------------------------------------------------


def f32(*shape: int) -> Any:
    """The aval of a single precision array."""
    return aval(shape, np.dtype(np.float32))


def i32(*shape: int) -> Any:
    """The aval of an integer array."""
    return aval(shape, np.dtype(np.int32))


def dims(lhs: tuple, rhs: tuple, dtype: Any = np.float32) -> dict[str, Any]:
    """Attributes of a `dot_general` without batch dimensions."""
    return {
        "lhs_batch": (),
        "rhs_batch": (),
        "lhs_contract": lhs,
        "rhs_contract": rhs,
        "dtype": np.dtype(dtype),
    }


SHAPE, DTYPE, VALUE = ShapeError, DtypeError, AttributeValueError


@pytest.mark.parametrize(
    "name,avals,attributes,error,message",
    [
        ("add", [f32(2), f32(3)], {}, SHAPE, r"one shape, got f32\[2\], f32\[3\]"),
        ("add", [f32(2), i32(2)], {}, DTYPE, r"f32\[2\], i32\[2\]; convert one of them"),
        ("exp", [i32(2)], {}, DTYPE, r"'exp' takes .*floating.*, got i32\[2\]"),
        ("reshape", [f32(2, 3)], {"shape": (4,)}, SHAPE, r"of 6 elements, the shape \(4,\) of 4"),
        ("reshape", [f32(2, 3)], {"shape": (-2, -3)}, VALUE, "negative dimension"),
        ("broadcast_in_dim", [f32(3)], {"shape": (2, 4), "dims": (1,)}, SHAPE,
         "dimension 1 of the result is 4, the operand's is 3"),
        ("broadcast_in_dim", [f32(3)], {"shape": (3,), "dims": ()}, SHAPE, r"each dimension of f32\[3\]"),
        ("broadcast_in_dim", [f32(2, 3)], {"shape": (3, 2), "dims": (1, 0)}, SHAPE, "must increase"),
        ("transpose", [f32(2, 3)], {"permutation": (0, 0)}, SHAPE, r"permutation of the 2 .*got \(0, 0\)"),
        ("slice", [f32(4)], {"starts": (1,), "limits": (5,), "strides": (1,)}, SHAPE, "1:5:1 is no range"),
        ("slice", [f32(4)], {"starts": (), "limits": (), "strides": ()}, SHAPE, "a start, limit and stride"),
        ("pad", [f32(2), f32()], {"low": (-2,), "high": (-1,), "interior": (0,)}, SHAPE, "negative size"),
        ("pad", [f32(2), i32()], {"low": (0,), "high": (0,), "interior": (0,)}, DTYPE, "convert"),
        ("pad", [f32(2), f32(1)], {"low": (0,), "high": (0,), "interior": (0,)}, SHAPE, "scalar"),
        ("concatenate", [f32(2), i32(2)], {"axis": 0}, DTYPE, "one dtype"),
        ("concatenate", [f32(2, 2), f32(3, 3)], {"axis": 0}, SHAPE, r"axis 0, got f32\[2,2\], f32\[3,3\]"),
        ("concatenate", [f32(2), f32(2, 1)], {"axis": 0}, SHAPE, "agree in all dimensions"),
        ("concatenate", [], {"axis": 0}, SHAPE, "at least one"),
        ("reverse", [f32(2)], {"axes": (0, 0)}, SHAPE, "repeat an axis"),
        ("iota", [], {"shape": (2,), "axis": 1, "dtype": np.dtype("i4")}, SHAPE, "axis 1 is out of range"),
        ("iota", [], {"shape": (2,), "axis": 0, "dtype": np.dtype("?")}, DTYPE, "bool"),
        ("reduce_sum", [aval((2,), np.dtype("?"))], {"axes": (0,)}, DTYPE, "takes numbers, got bool"),
        ("reduce_max", [f32(2)], {"axes": (1,)}, SHAPE, "axis 1 is out of range for an array of 1 dim"),
        ("reduce_and", [f32(2)], {"axes": (0,)}, DTYPE, "integer or boolean"),
        ("argmax", [f32(2, 0)], {"axis": 1, "dtype": np.dtype("i4")}, SHAPE, "axis 1 has no elements"),
        ("argmax", [f32(2)], {"axis": 0, "dtype": np.dtype("f4")}, DTYPE, "positions, which are integers"),
        ("argmax", [f32(200)], {"axis": 0, "dtype": np.dtype("i1")}, VALUE, "i8 cannot hold"),
        ("cumsum", [f32(2)], {"axis": 1, "reverse": False}, SHAPE, "axis 1 is out of range"),
        ("cumlogsumexp", [i32(2)], {"axis": 0, "reverse": False}, DTYPE, "floating point"),
        ("dot_general", [f32(2, 3), f32(4, 5)], dims((1,), (0,)), SHAPE,
         r"contracting dimensions \(1,\) of f32\[2,3\] and \(0,\) of f32\[4,5\].* \(3,\) and \(4,\)"),
        ("dot_general", [f32(2, 3), f32(3)], dims((2,), (0,)), SHAPE, r"distinct dimensions of f32\[2,3\]"),
        ("dot_general", [f32(3), i32(3)], dims((0,), (0,)), DTYPE, "one dtype"),
        ("dot_general", [f32(3), f32(3)], dims((0,), (0,), np.int32), DTYPE, "cannot give int32"),
    ],
)  # fmt: skip
def test_what_users_are_told(name: str, avals: list, attributes: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        OPS[name].result_avals(avals, attributes)


# ---- simplification ------------------------------------------------------------------------------------


def simplified(name: str, first: dict, second: dict, check: Callable[[Any, Any], None]) -> None:
    """Apply `name` to an argument twice, and check the argument and what the second one simplifies to."""

    def body(x: Any) -> Any:
        between = OPS[name](x, **first)
        y = OPS[name](between, **second)
        simpler = OPS[name].simplify([between], second, y)
        check(x, simpler)
        return simpler

    assert module(lambda: function("f", [f32(2, 3, 4)], body)).operation.verify()


def test_transposes_that_undo_each_other_vanish() -> None:
    def check(x: Any, y: Any) -> None:
        assert y == x

    simplified("transpose", {"permutation": (2, 0, 1)}, {"permutation": (1, 2, 0)}, check)


def test_transposes_of_transposes_merge() -> None:
    def check(x: Any, y: Any) -> None:
        assert y.owner.operands[0] == x and "array<i64: 0, 2, 1>" in str(y.owner)

    simplified("transpose", {"permutation": (2, 0, 1)}, {"permutation": (1, 0, 2)}, check)


def test_reshapes_of_reshapes_merge() -> None:
    def check(x: Any, y: Any) -> None:
        assert y.owner.operands[0] == x

    simplified("reshape", {"shape": (24,)}, {"shape": (4, 6)}, check)
