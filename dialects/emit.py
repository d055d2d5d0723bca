"""Emitting ops of the dialect into the MLIR program at the current insertion point.

`ir.Operation.create` costs 2 us; the rest here is kept to table look-ups, as every traced operation and every
operation that a pass makes goes through `emit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from axil.dialects import dense
from axil.dialects.avals import MLIR_VALUES, Aval, aval
from axil.dialects.errors import ShapeError
from axil.dialects.mlir import EFFECTS, aval_of_type, from_attribute, ir, tensor_type, to_attribute
from axil.dialects.op import OPS, Op
from axil.dialects.registration import declare_arity
from axil.dialects.tape import Noted, Tangent, Tape

_create = ir.Operation.create
_splats: dict[tuple, ir.Attribute] = {}
_plans: dict[tuple, Plan] = {}
_MAX_PLANS = 100_000


class Plan(NamedTuple):
    """How an op is created on operands of certain types: worked out once, as programs repeat themselves."""

    name: str
    types: list[ir.Type]
    attributes: dict[str, ir.Attribute] | None
    avals: tuple[Aval, ...]
    single: bool  # whether rules see its result as a value, and not as a tuple
    effect: bool


def emit(op: Op, operands: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    """Emit `op` on MLIR values (Python scalars become constants of the other operands' type).

    Gives the result value, or a tuple of values for ops with several results. Raises what `op.infer` raises.
    """
    if not MLIR_VALUES.issuperset(map(type, operands)):
        for x in operands:
            if type(x) is Tangent:
                return _note(x.tape, op, operands, attributes)
        operands = [_value(op, x, operands) for x in operands]
    plan = planned(op, [v.type for v in operands], attributes)
    made = _create(plan.name, results=plan.types, operands=operands, attributes=plan.attributes)
    if plan.effect:
        _mark_function()
    return made.result if plan.single else tuple(made.results)


def _note(tape: Tape, op: Op, operands: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    """Note `op` on a tape: one of the operands is a tangent."""
    values = [x if type(x) is Tangent else _value(op, x, operands) for x in operands]
    plan = planned(op, [x.aval if type(x) is Tangent else x.type for x in values], attributes)
    results = [Tangent(tape, a) for a in plan.avals]
    tape.noted.append(Noted(op, values, attributes, results, tape.location))
    return results[0] if plan.single else tuple(results)


def planned(op: Op, kinds: Sequence[Aval | ir.Type], attributes: Mapping[str, Any]) -> Plan:
    """How to create `op` on operands of these avals, or types. Raises what `op.infer` raises."""
    key = (op, *kinds, *attributes.items())  # the declaration, not its name: a user's op may be declared again
    try:
        found = _plans.get(key)
    except TypeError:  # an array, which has no hash
        return _new_plan(op, kinds, attributes)
    if found is None:
        if len(_plans) >= _MAX_PLANS:
            _plans.clear()
        found = _plans[key] = _new_plan(op, kinds, attributes)
    return found


def _new_plan(op: Op, kinds: Sequence[Aval | ir.Type], attributes: Mapping[str, Any]) -> Plan:
    inferred = op.infer(*[k if isinstance(k, Aval) else aval_of_type(k) for k in kinds], **attributes)
    single = type(inferred) is not tuple
    avals = (inferred,) if single else inferred
    types = list(map(tensor_type, avals))
    return Plan(op_name(op, len(kinds)), types, _built(op, attributes), avals, single, op.has_effect)


def create(
    op: Op, values: Sequence[ir.Value], types: Sequence[ir.Type], attributes: Mapping[str, Any]
) -> ir.Operation:
    """Create the operation itself, with given result types."""
    made = _create(op_name(op, len(values)), results=types, operands=values, attributes=_built(op, attributes))
    if op.has_effect:
        _mark_function()
    return made


def _built(op: Op, attributes: Mapping[str, Any]) -> dict[str, ir.Attribute] | None:
    kinds = op.attributes
    return {name: to_attribute(kinds[name], value) for name, value in attributes.items()} or None


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


class _Declared(dict):
    """Declarations by name in text: asked for at every operation of every pass, so that known ones cost no call."""

    def __missing__(self, name: str) -> Op | None:
        if not name.startswith("axil."):
            return None
        found = OPS.get(name[5:])
        if found is None:
            return OPS.get(name[5:].rpartition(".")[0])  # an op of any number of operands
        if "." not in found.name:  # those of users may be declared again
            self[name] = found
        return found


declared_op: Callable[[str], Op | None] = _Declared().__getitem__
"""The declaration behind an operation's name in text; `None` if it is not of the dialect."""


def attributes_of(op: ir.Operation, declaration: Op) -> dict[str, Any]:
    """The attributes of an operation of the dialect, as rules take them."""
    if not declaration.attributes:  # most
        return {}
    given = op.attributes
    return {name: from_attribute(given[name]) for name in declaration.attributes}


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
        if shape:
            type_ = tensor_type(aval(shape, scalar.dtype))
            attribute = dense.splat(scalar, type_, type_.context)
        else:
            attribute = to_attribute("dense", scalar)
        _splats[key] = attribute
    return _create("axil.constant", results=[attribute.type], attributes={"value": attribute}).results[0]


def splat_value(value: ir.Value) -> Any:
    """The number that all elements of a constant are; `None` for anything else."""
    if type(value) is not ir.OpResult:
        return None
    owner = value.owner
    if owner.name != "axil.constant":
        return None
    attribute = owner.attributes["value"]
    if not ir.DenseElementsAttr(attribute).is_splat:
        return None
    array = from_attribute(attribute)
    return array.flat[0] if array.size else None


def _value(op: Op, x: Any, operands: Sequence[Any]) -> ir.Value:
    """An operand as an MLIR value: a number becomes a constant of the type of the others."""
    if type(x) in MLIR_VALUES or isinstance(x, ir.Value):
        return x
    if isinstance(x, np.ndarray):
        return constant(x)
    for other in operands:
        if isinstance(other, (ir.Value, Tangent)):
            like = other.aval if type(other) is Tangent else aval_of_type(other.type)
            return splat(np.asarray(x).astype(like.dtype), like.shape)
    if isinstance(x, (np.generic, bool, int, float, complex)):
        return constant(np.asarray(x))
    raise ShapeError(f"'{op.name}' takes arrays, got {type(x).__name__}")
