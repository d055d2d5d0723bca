"""Emitting ops of the dialect into the MLIR program at the current insertion point.

`ir.Operation.create` costs 2 us; the rest here is kept to table look-ups, as every traced operation and every
operation that a pass makes goes through `emit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from axil.dialects.avals import aval
from axil.dialects.errors import ShapeError
from axil.dialects.mlir import EFFECTS, aval_of_type, from_attribute, ir, tensor_type, to_attribute
from axil.dialects.op import OPS, Op
from axil.dialects.registration import declare_arity

_create = ir.Operation.create
_declared: dict[str, Op] = {}  # by name in text: asked for at every operation of every pass
_splats: dict[tuple, ir.Attribute] = {}


def emit(op: Op, operands: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    """Emit `op` on MLIR values (Python scalars become constants of the other operands' type).

    Gives the result value, or a tuple of values for ops with several results. Raises what `op.infer` raises.
    """
    values = [x if isinstance(x, ir.Value) else _constant_like(op, x, operands) for x in operands]
    avals = [aval_of_type(v.type) for v in values]
    inferred = op.infer(*avals, **attributes)
    single = type(inferred) is not tuple
    types = [tensor_type(inferred)] if single else [tensor_type(a) for a in inferred]
    created = create(op, values, types, attributes)
    results = created.results
    return results[0] if single else tuple(results)


def create(
    op: Op, values: Sequence[ir.Value], types: Sequence[ir.Type], attributes: Mapping[str, Any]
) -> ir.Operation:
    """Create the operation itself, with given result types."""
    kinds = op.attributes
    built = {name: to_attribute(kinds[name], value) for name, value in attributes.items()}
    made = _create(op_name(op, len(values)), results=types, operands=values, attributes=built or None)
    if op.has_effect:
        _mark_function()
    return made


def _mark_function() -> None:
    """Note that the function that is being written has an effect."""
    owner = ir.InsertionPoint.current.block.owner
    if owner.name == "func.func":
        owner.attributes[EFFECTS] = ir.UnitAttr.get(owner.context)


def op_name(op: Op, arity: int) -> str:
    """The name in text: `axil.add`, or `axil.concatenate.3` for an op of any number of operands."""
    if not op.variadic:
        return "axil." + op.name
    declare_arity(op, arity)
    return f"axil.{op.name}.{arity}"


def declared_op(name: str) -> Op | None:
    """The declaration behind an operation's name in text; `None` if it is not of the dialect."""
    found = _declared.get(name)
    if found is None and name.startswith("axil."):
        found = OPS.get(name[5:])
        if found is None:
            return OPS.get(name[5:].rpartition(".")[0])  # an op of any number of operands
        if "." not in found.name:  # those of users may be declared again
            _declared[name] = found
    return found


def constant(array: np.ndarray) -> ir.Value:
    """Emit a constant of an array's value. Constants live as long as the context: keep them small."""
    if array.ndim == 0 or array.size == 1:
        return splat(array.reshape(()), array.shape)
    if array.dtype.kind == "c":
        return emit(OPS["complex"], (constant(np.real(array).copy()), constant(np.imag(array).copy())), {})
    return emit(OPS["constant"], (), {"value": array})


def splat(scalar: np.ndarray, shape: tuple[int, ...]) -> ir.Value:
    """Emit a constant whose elements are all `scalar` (a 0-d array)."""
    if scalar.dtype.kind == "c":  # the bindings cannot read complex attributes back
        parts = splat(np.real(scalar).copy(), shape), splat(np.imag(scalar).copy(), shape)
        return emit(OPS["complex"], parts, {})
    key = (scalar.dtype, scalar.tobytes(), shape)
    attribute = _splats.get(key)
    if attribute is None:
        small = to_attribute("dense", scalar)
        if shape:
            element = ir.DenseElementsAttr(small)
            type_ = tensor_type(aval(shape, scalar.dtype))
            small = _splat_of(element, scalar, shape, type_)
        attribute = _splats[key] = small
    return _create("axil.constant", results=[attribute.type], attributes={"value": attribute}).results[0]


def _splat_of(element: Any, scalar: np.ndarray, shape: tuple[int, ...], type_: ir.Type) -> ir.Attribute:
    """A splat attribute of a shape, without an array of that shape: parse its printed form."""
    text = str(element)
    body = text[: text.rindex(" : ")]
    return ir.Attribute.parse(f"{body} : {type_}", type_.context)


def splat_value(value: ir.Value) -> Any:
    """The number that all elements of a constant are; `None` for anything else."""
    owner = value.owner
    if isinstance(owner, ir.Block):
        return None
    if owner.name != "axil.constant":
        return None
    attribute = owner.attributes["value"]
    if not ir.DenseElementsAttr(attribute).is_splat:
        return None
    array = from_attribute(attribute)
    return array.flat[0] if array.size else None


def _constant_like(op: Op, x: Any, operands: Sequence[Any]) -> ir.Value:
    if isinstance(x, np.ndarray):
        return constant(x)
    for other in operands:
        if isinstance(other, ir.Value):
            like = aval_of_type(other.type)
            return splat(np.asarray(x).astype(like.dtype), like.shape)
    if isinstance(x, (np.generic, bool, int, float, complex)):
        return constant(np.asarray(x))
    raise ShapeError(f"'{op.name}' takes arrays, got {type(x).__name__}")
