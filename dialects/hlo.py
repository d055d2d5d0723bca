"""Emitting StableHLO: thin builders that lowering rules call.

StableHLO is registered in our context, so operations come with C++ type inference and verification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import aval
from axil.dialects.mlir import aval_of_type, context, ir, stablehlo_bindings, tensor_type, to_attribute

_create = ir.Operation.create


def op(name: str, *values: ir.Value, **attributes: ir.Attribute) -> ir.Value:
    """Emit `stablehlo.<name>`, its result type inferred."""
    made = _create("stablehlo." + name, operands=list(values), attributes=attributes or None, infer_type=True)
    return made.results[0]


def typed(name: str, results: Sequence[ir.Type], values: Sequence[ir.Value], regions: int = 0, **attributes: Any) -> Any:
    """Emit `stablehlo.<name>` with given result types; gives the operation."""
    return _create(
        "stablehlo." + name, results=list(results), operands=list(values), attributes=attributes or None,
        regions=regions,
    )  # fmt: skip


def ints(values: Sequence[int]) -> ir.Attribute:
    """A dense array of 64-bit integers."""
    return to_attribute("ints", tuple(values))


def integer(value: int) -> ir.Attribute:
    """A 64-bit integer attribute."""
    return to_attribute("int", value)


def constant(array: Any, dtype: Any = None) -> ir.Value:
    """Emit a constant."""
    attribute = to_attribute("dense", np.asarray(array, dtype))
    return _create("stablehlo.constant", results=[attribute.type], attributes={"value": attribute}).results[0]


def splat(type_: ir.Type, value: Any) -> ir.Value:
    """A constant of `type_` all of whose elements are `value`."""
    of = aval_of_type(type_)
    scalar = constant(np.asarray(value).astype(of.dtype))
    return broadcast(scalar, of.shape, ()) if of.shape else scalar


def broadcast(x: ir.Value, shape: Sequence[int], dims: Sequence[int]) -> ir.Value:
    """Emit `broadcast_in_dim`."""
    of = aval_of_type(x.type)
    result = tensor_type(aval(tuple(shape), of.dtype))
    return typed("broadcast_in_dim", [result], [x], broadcast_dimensions=ints(dims)).results[0]


def reshape(x: ir.Value, shape: Sequence[int]) -> ir.Value:
    """Emit `reshape`."""
    of = aval_of_type(x.type)
    return typed("reshape", [tensor_type(aval(tuple(shape), of.dtype))], [x]).results[0]


def convert(x: ir.Value, dtype: Any) -> ir.Value:
    """Emit `convert`."""
    of = aval_of_type(x.type)
    return typed("convert", [tensor_type(of.with_dtype(np.dtype(dtype)))], [x]).results[0]


def transpose(x: ir.Value, permutation: Sequence[int]) -> ir.Value:
    """Emit `transpose`."""
    return op("transpose", x, permutation=ints(permutation))


def slice_(x: ir.Value, starts: Sequence[int], limits: Sequence[int], strides: Sequence[int] | None = None) -> ir.Value:
    """Emit `slice`."""
    strides = strides or [1] * len(list(starts))
    return op("slice", x, start_indices=ints(starts), limit_indices=ints(limits), strides=ints(strides))


def iota(shape: Sequence[int], dtype: Any, dimension: int) -> ir.Value:
    """Emit `iota`."""
    result = tensor_type(aval(tuple(shape), np.dtype(dtype)))
    return typed("iota", [result], [], iota_dimension=integer(dimension)).results[0]


def select(predicate: ir.Value, on_true: ir.Value, on_false: ir.Value) -> ir.Value:
    """Emit `select`."""
    return op("select", predicate, on_true, on_false)


def compare(lhs: ir.Value, rhs: ir.Value, direction: str) -> ir.Value:
    """Emit `compare`; `direction` is EQ, NE, LT, LE, GT or GE."""
    dtype = aval_of_type(lhs.type).dtype
    if av.is_inexact(dtype):
        kind = "FLOAT"
    else:
        kind = "UNSIGNED" if av.is_unsigned(dtype) or av.is_bool(dtype) else "SIGNED"
    ctx = context()
    result = tensor_type(aval_of_type(lhs.type).with_dtype(np.dtype(bool)))
    made = typed(
        "compare", [result], [lhs, rhs],
        comparison_direction=stablehlo_bindings.ComparisonDirectionAttr.get(direction, context=ctx),
        compare_type=stablehlo_bindings.ComparisonTypeAttr.get(kind, context=ctx),
    )  # fmt: skip
    return made.results[0]


def body(operation: ir.Operation, types: Sequence[ir.Type], region: int = 0) -> ir.Block:
    """Append the block of one of an operation's regions."""
    loc = operation.location
    return operation.regions[region].blocks.append(*types, arg_locs=[loc] * len(list(types)))


def return_(values: Sequence[ir.Value]) -> None:
    """Emit the terminator of a StableHLO region."""
    _create("stablehlo.return", operands=list(values))


def reduce(values: Sequence[ir.Value], inits: Sequence[ir.Value], axes: Sequence[int], combine: Any) -> list[ir.Value]:
    """Emit `reduce` of one or several operands; `combine(*accumulators, *elements)` emits the region's values."""
    results, scalars = [], []
    for v in values:
        of = aval_of_type(v.type)
        shape = tuple(n for i, n in enumerate(of.shape) if i not in axes)
        results.append(tensor_type(aval(shape, of.dtype)))
        scalars.append(tensor_type(aval((), of.dtype)))
    made = typed("reduce", results, [*values, *inits], regions=1, dimensions=ints(axes))
    block = body(made, [*scalars, *scalars])
    with ir.InsertionPoint(block):
        combined = combine(*block.arguments)
        return_(combined if isinstance(combined, (list, tuple)) else [combined])
    return list(made.results)
