"""The one door to the MLIR bindings: every import of `torch_mlir` goes through here.

Owns the process's one MLIR context, the dialect's registration in it, and the tables that translate
between Python values and MLIR types and attributes. Types and attributes are uniqued by MLIR and live as
long as the context, so each translation is done once and looked up afterwards.
"""

from __future__ import annotations

import re
import threading
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
from torch_mlir import ir
from torch_mlir._mlir_libs import _mlirDialectsIRDL as irdl_bindings
from torch_mlir._mlir_libs import _stablehlo as stablehlo_bindings
from torch_mlir.dialects import ext, irdl  # noqa: F401  (irdl: `ext` needs it loaded)
from torch_mlir.passmanager import PassManager

from axil.dialects import dense
from axil.dialects.avals import MLIR_VALUES, SMALL_TYPES, Aval, aval
from axil.dialects.errors import AttributeValueError

__all__ = [
    "PassManager", "aval_of_type", "context", "ext", "from_attribute", "ir", "irdl_bindings", "parse_module",
    "stablehlo_bindings", "tensor_type", "to_attribute", "unknown_location",
]  # fmt: skip

# These classes carry no `attr_name`, without which `ext` cannot use them as constraints.
for _name in ("DenseBoolArrayAttr", "DenseI32ArrayAttr", "DenseI64ArrayAttr", "DenseF64ArrayAttr"):
    getattr(ir, _name).attr_name = "builtin.dense_array"
ir.BoolAttr.attr_name = "builtin.integer"
ir.DenseElementsAttr.attr_name = "builtin.dense_typed_elements"

# Op-class lookup imports "<prefix>.<dialect>": without an importable module for each dialect that we use,
# every access to an op pays a failed import (16 us instead of 0.4 us).
ir._globals.append_dialect_search_prefix("axil.dialects.views")

_lock = threading.RLock()
_context: ir.Context | None = None


def context() -> ir.Context:
    """The process's MLIR context, with the `axil` and `stablehlo` dialects loaded.

    One context serves all threads: the interpreter lock serialises calls into it, and multithreading
    inside MLIR stays off, as Python verifiers under it deadlock.
    """
    global _context
    if _context is None:
        with _lock:
            if _context is None:
                _context = _make_context()
    return _context


def _make_context() -> ir.Context:
    from axil.dialects.registration import load_dialect

    ctx = ir.Context()
    stablehlo_bindings.register_dialect(ctx)
    # IREE's own ops (input guards, kernels) end up in our modules and are unknown here. `parse_module`
    # refuses unknown operations in what users give us.
    ctx.allow_unregistered_dialects = True
    with ctx, ir.Location.unknown():
        load_dialect()
        # Calls are pure, and `cse` may drop and merge them, unless they are marked.
        ctx.dialects["func"]
        _CallEffects.attach("func.call")
        ext.Pure.AlwaysSpeculatable.attach("func.call")
    return ctx


EFFECTS = "axil.effects"
"""The attribute of calls with effects, and of the functions that make them: no pass drops or merges such a call."""


class _CallEffects(ir.MemoryEffectsOpInterface):
    """What calls do beside giving results."""

    @staticmethod
    def get_effects(op: Any, effects: Any) -> None:
        if EFFECTS in op.attributes:
            effects.append(ir.MemoryEffect.Write)


MLIR_VALUES.update((ir.OpResult, ir.BlockArgument))


def unknown_location() -> ir.Location:
    """The unknown location of our context."""
    return ir.Location.unknown(context())


# ---- types ---------------------------------------------------------------------------------------------

_ELEMENTS = {
    "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64", "bool": "i1",
    "int4": "i4", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint4": "ui4", "uint8": "ui8", "uint16": "ui16", "uint32": "ui32", "uint64": "ui64",
    "complex64": "complex<f32>", "complex128": "complex<f64>",
    "float8_e4m3fn": "f8E4M3FN", "float8_e5m2": "f8E5M2", "float8_e4m3": "f8E4M3", "float8_e3m4": "f8E3M4",
    "float8_e4m3fnuz": "f8E4M3FNUZ", "float8_e5m2fnuz": "f8E5M2FNUZ", "float8_e4m3b11fnuz": "f8E4M3B11FNUZ",
    "float8_e8m0fnu": "f8E8M0FNU", "float6_e2m3fn": "f6E2M3FN", "float6_e3m2fn": "f6E3M2FN",
    "float4_e2m1fn": "f4E2M1FN", "int2": "i2", "uint2": "ui2",
}  # fmt: skip
_DTYPE_OF_ELEMENT = {
    element: np.dtype(getattr(ml_dtypes, name, None) or name) for name, element in _ELEMENTS.items()
}
_element_types: dict[np.dtype, ir.Type] = {}
_avals: dict[ir.Type, Aval] = {}


def element_type(dtype: Any) -> ir.Type:
    """The MLIR element type of a dtype; unsigned integers keep their sign in the type, as in StableHLO."""
    dtype = np.dtype(dtype)
    found = _element_types.get(dtype)
    if found is None:
        text = _ELEMENTS.get(dtype.name)
        if text is None:
            raise TypeError(
                f"dtype {dtype} has no place in a compiled program; convert to another before, for example with "
                "x.astype('int8')"
            )
        _note_small(dtype)
        found = _element_types[dtype] = ir.Type.parse(text, context())
    return found


def tensor_type(value: Aval) -> ir.Type:
    """The ranked tensor type of an aval."""
    if value._type is None:
        loc = unknown_location()
        value._type = ir.RankedTensorType.get(value.shape, element_type(value.dtype), loc=loc)
        _avals[value._type] = value
    return value._type


def function_type(inputs: Any, outputs: Any) -> ir.Type:
    """The function type of avals of operands and of results."""
    return ir.FunctionType.get([tensor_type(a) for a in inputs], [tensor_type(a) for a in outputs], context())


def aval_of_type(type_: ir.Type) -> Aval:
    """The aval of a ranked, static tensor type; `TypeError` for any other type."""
    found = _avals.get(type_)
    if found is None:
        if not isinstance(type_, ir.RankedTensorType) or not type_.has_static_shape:
            raise TypeError(f"expected a ranked tensor type with static dimensions, got {type_}")
        dtype = dtype_of_element(type_.element_type)
        found = _avals[type_] = aval(tuple(type_.shape), dtype)
    return found


def dtype_of_element(type_: ir.Type) -> np.dtype:
    """The dtype of an MLIR element type."""
    dtype = _DTYPE_OF_ELEMENT.get(str(type_))
    if dtype is None:
        raise TypeError(f"element type {type_} has no NumPy dtype")
    _note_small(dtype)
    return dtype


_small_seen = False


def _note_small(dtype: np.dtype) -> None:
    global _small_seen
    _small_seen = _small_seen or dtype in SMALL_TYPES


def small_types_seen() -> bool:
    """Whether this process has come across types of fewer than 8 bits or float8; most never do."""
    return _small_seen


# ---- attributes ----------------------------------------------------------------------------------------

_attributes: dict[tuple, ir.Attribute] = {}
_values: dict[ir.Attribute, Any] = {}


def to_attribute(kind: str, value: Any) -> ir.Attribute:
    """The attribute of a Python value; `kind` is a key of `ATTRIBUTE_KINDS`."""
    if kind == "dense":
        return dense.to_attribute(np.asarray(value), tensor_type(aval(value.shape, value.dtype)))
    key = (kind, value)
    found = _attributes.get(key)
    if found is None:
        found = _attributes[key] = ATTRIBUTE_KINDS[kind][1](value)
        _values.setdefault(found, value)
    return found


def from_attribute(attribute: ir.Attribute) -> Any:
    """The Python value of an attribute: int, bool, float, str, tuple of ints, dtype or NumPy array."""
    found = _values.get(attribute)
    if found is None:
        if isinstance(attribute, ir.DenseElementsAttr):
            array = dense.to_array(attribute, aval_of_type(attribute.type))
            if array.size <= 16 or not any(array.strides):  # others can be large, and are read once
                _values[attribute] = array
            return array
        found = _values[attribute] = _read(attribute)
    return found


def _read(attribute: ir.Attribute) -> Any:
    if isinstance(attribute, ir.DenseI64ArrayAttr):
        return tuple(attribute)
    if isinstance(attribute, ir.BoolAttr | ir.IntegerAttr | ir.FloatAttr | ir.StringAttr):
        return attribute.value
    if isinstance(attribute, ir.FlatSymbolRefAttr):
        return attribute.value
    if isinstance(attribute, ir.TypeAttr):
        type_ = attribute.value
        if isinstance(type_, ir.FunctionType):
            return tuple(map(aval_of_type, type_.inputs)), tuple(map(aval_of_type, type_.results))
        return dtype_of_element(type_)
    if isinstance(attribute, ir.ArrayAttr):
        return tuple(from_attribute(a) for a in attribute)
    if isinstance(attribute, ir.DictAttr):
        return {a.name: from_attribute(a.attr) for a in attribute}
    if isinstance(attribute, ir.UnitAttr):
        return True
    raise TypeError(f"attribute {attribute} is of no kind that the dialect uses")


ATTRIBUTE_KINDS: dict[str, tuple[type, Any]] = {
    "ints": (ir.DenseI64ArrayAttr, lambda v: ir.DenseI64ArrayAttr.get(list(v), context())),
    "int": (ir.IntegerAttr, lambda v: ir.IntegerAttr.get(ir.IntegerType.get_signless(64, context()), v)),
    "float": (ir.FloatAttr, lambda v: ir.FloatAttr.get(ir.F64Type.get(context()), v, loc=unknown_location())),
    "bool": (ir.BoolAttr, lambda v: ir.BoolAttr.get(bool(v), context())),
    "str": (ir.StringAttr, lambda v: ir.StringAttr.get(v, context())),
    "dtype": (ir.TypeAttr, lambda v: ir.TypeAttr.get(element_type(v), context())),
    "signature": (ir.TypeAttr, lambda v: ir.TypeAttr.get(function_type(*v), context())),
    "dense": (ir.DenseElementsAttr, None),
    "symbols": (
        ir.ArrayAttr,
        lambda v: ir.ArrayAttr.get([ir.FlatSymbolRefAttr.get(s, context()) for s in v], context()),
    ),
}
"""Attribute kinds that declarations may use: constraint class and maker."""


# ---- text ----------------------------------------------------------------------------------------------


def parse_module(text: str, source_name: str = "<text>") -> ir.Operation:
    """Parse a module; `ir.MLIRError` carries diagnostics with `source_name:line:column`.

    Ops with a variable number of operands carry it in their name (`axil.concatenate.3`), and are
    registered here for the arities that the text uses.
    """
    from axil.dialects.registration import declare_arities

    ctx = context()
    with ctx, ir.Location.unknown():
        declare_arities(text)
        # Operation.parse takes one top-level op, and a source name, which Module.parse does not.
        added = "" if _is_module(text) else "module {"
        if added:
            text = added + text + "\n}"
        try:
            module = ir.Operation.parse(text, source_name=source_name)
            _refuse_unknown(module)
        except ir.MLIRError as error:
            _move_report(error, len(added))
            raise
        except AttributeValueError as error:
            error.location = _moved_back(error.location, len(added))  # type: ignore[attr-defined]
            raise
        return module


def _move_report(error: ir.MLIRError, columns: int) -> None:
    """Count columns of the first line without those that were put in front of it."""
    moved = [_moved(d, columns) for d in error.error_diagnostics]
    error._error_diagnostics = moved  # what the property reads; the class itself is C++
    lines = [f"error: {str(d.location).removeprefix('loc(').rstrip(')')}: {d.message}" for d in moved]
    error.args = ("\n".join([f"{error.message}:", *lines]),)


def _moved(diagnostic: Any, columns: int) -> Any:
    """A diagnostic without what `parse_module` has put in front of the first line."""
    return SimpleNamespace(
        severity=diagnostic.severity, message=diagnostic.message,
        location=_moved_back(diagnostic.location, columns), notes=[_moved(n, columns) for n in diagnostic.notes],
    )  # fmt: skip


def _moved_back(location: ir.Location, columns: int) -> ir.Location:
    place = re.fullmatch(r'loc\("(.*)":1:(\d+)\)', str(location))
    if not columns or place is None:
        return location
    return ir.Location.file(place[1], 1, max(int(place[2]) - columns, 1), context())


def _is_module(text: str) -> bool:
    """Whether a text has its own `module`, after comments and alias definitions."""
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith(("//", "#", "!")):
            return re.match(r'(builtin\.)?module\b|"builtin\.module"', line) is not None
    return False


def _mark_function_of(op: ir.Operation) -> None:
    function = op.parent
    if function is not None and function.name == "func.func":
        function.attributes[EFFECTS] = ir.UnitAttr.get(context())


def _refuse_unknown(module: ir.Operation) -> None:
    """MLIR parses the generic form of operations that no dialect has, and passes stumble over them later."""
    ctx = context()
    unknown: list[ir.Operation] = []

    def visit(op: ir.Operation) -> ir.WalkResult:
        if ctx.is_registered_operation(op.name):
            if not len(op.results) and op.name.startswith("axil."):  # it is there for its effect
                _mark_function_of(op)
            return ir.WalkResult.ADVANCE
        unknown.append(op)  # raising here would wrap the error in one of the bindings' own
        return ir.WalkResult.INTERRUPT

    module.walk(visit)
    if unknown:
        error = AttributeValueError(f"operation '{unknown[0].name}' is not known; is its name spelt right?")
        error.location = unknown[0].location  # type: ignore[attr-defined]
        raise error
