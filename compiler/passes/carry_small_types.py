"""Types of at most 8 bits are kept in bytes: float8, float6, float4, int4 and int2.

IREE has no place for most of them in arguments and results, packs int4 in memory, and rounds to float8 wrongly. So
after lowering each value of such a type becomes one of `i8` with its bits. Operations that only move elements do so
with bytes. Operations that compute get their operands decoded (`dialects/small_types.py`), as f32 or 8-bit integers,
and their results encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from axil.compiler.functions import has_body, located, operations, terminator
from axil.compiler.passes.lower import HOST_MODULE
from axil.compiler.passes.passes import Pass
from axil.dialects import avals as av
from axil.dialects import hlo, staged
from axil.dialects.errors import DtypeError
from axil.dialects.mlir import aval_of_type, from_attribute, ir, small_types_seen, tensor_type
from axil.dialects.small_types import CARRIER, decode, encode, wide_dtype

_MOVES = {
    "stablehlo." + name
    for name in (
        "reshape", "broadcast_in_dim", "transpose", "slice", "dynamic_slice", "dynamic_update_slice", "concatenate",
        "pad", "reverse", "gather", "select", "optimization_barrier", "while", "case", "if", "return",
    )
} | {"func.return"}  # fmt: skip
_BY_BITS = {"stablehlo.shift_right_logical", "stablehlo.popcnt", "stablehlo.count_leading_zeros"}


@dataclass
class CarrySmallTypes(Pass):
    """Keep elements of float8, int4 and other small types in bytes."""

    name: ClassVar[str] = "axil-carry-small-types"

    def run(self, module: ir.Operation) -> None:
        if not small_types_seen():
            return
        for function in operations(module.regions[0].blocks[0]):
            if function.name == "func.func" and has_body(function):
                Carrier().function(function)
            elif function.name == "func.func" and function.attributes["sym_name"].value.startswith(HOST_MODULE):
                _carry_declaration(function)


def _small(type_: Any) -> np.dtype | None:
    """The small dtype of a tensor type; `None` for other types."""
    if not isinstance(type_, ir.RankedTensorType):
        return None
    try:
        dtype = aval_of_type(type_).dtype
    except TypeError:
        return None
    return dtype if dtype in av.SMALL_TYPES else None


class Carrier:
    """One function being rewritten. `dtypes` has the small dtype of each value that is in bytes by now."""

    def __init__(self) -> None:
        self.dtypes: dict[ir.Value, np.dtype] = {}

    def function(self, function: ir.Operation) -> None:
        """Rewrite a function and its type."""
        block = function.regions[0].blocks[0]
        self._block(block)
        outputs = [v.type for v in terminator(block).operands]
        function.attributes["function_type"] = ir.TypeAttr.get(
            ir.FunctionType.get([a.type for a in block.arguments], outputs, context=function.context)
        )

    def _block(self, block: ir.Block) -> None:
        for argument in block.arguments:
            self._in_bytes(argument)
        for op in operations(block):
            self._op(op)

    def _in_bytes(self, value: ir.Value) -> None:
        dtype = _small(value.type)
        if dtype is not None:
            self.dtypes[value] = dtype
            value.set_type(tensor_type(aval_of_type(value.type).with_dtype(CARRIER)))

    # ---- operations ------------------------------------------------------------------------------------

    def _op(self, op: ir.Operation) -> None:
        touched = any(v in self.dtypes for v in op.operands) or any(_small(r.type) for r in op.results)
        if op.name in _MOVES or (op.name == "func.call" and op.attributes["callee"].value.startswith(HOST_MODULE)):
            for result in op.results:
                self._in_bytes(result)
            for region in op.regions:
                self._block(region.blocks[0])
        elif not touched:
            return  # operations with other regions close over nothing
        else:
            with ir.InsertionPoint(op), located(op.location):
                results = self._computed(op)
            for old, new in zip(list(op.results), results, strict=True):
                old.replace_all_uses_with(new)
            op.erase()

    def _computed(self, op: ir.Operation) -> Sequence[ir.Value]:
        if op.name == "stablehlo.constant":
            return [self._constant(op)]
        if op.name == "stablehlo.bitcast_convert":
            return [self._bitcast(op)]
        if op.name == "stablehlo.convert":
            return [self._convert(op)]
        if op.name == "func.call":
            raise DtypeError(f"the kernel '{op.attributes['callee'].value}' cannot work with 8-bit floats or int4; "
                             "convert its operands first, for example with x.astype('float32')")  # fmt: skip
        by_bits = op.name in _BY_BITS
        operands = [self._number(v, by_bits) for v in op.operands]
        smalls = [_small(r.type) for r in op.results]
        types = [_wide_type(r.type, by_bits) for r in op.results]
        attributes = {a: op.attributes[a] for a in op.attributes}
        made = ir.Operation.create(
            op.name, results=types, operands=operands, attributes=attributes or None, regions=len(op.regions)
        )
        for old, new in zip(op.regions, made.regions):
            old.blocks[0].append_to(new)
            _widen_block(new.blocks[0])
        return [
            r if d is None else self._bytes_of(_counted(op, r, d), d) for r, d in zip(made.results, smalls)
        ]

    def _number(self, value: ir.Value, by_bits: bool = False) -> ir.Value:
        """A value to compute with; `by_bits`, as bytes with nothing but its bits."""
        dtype = self.dtypes.get(value)
        if dtype is None or by_bits:
            return value
        return decode(staged.Staged(value), dtype).value

    def _bytes_of(self, number: ir.Value, dtype: np.dtype) -> ir.Value:
        result = encode(staged.Staged(number), dtype).value
        self.dtypes[result] = dtype
        return result

    def _constant(self, op: ir.Operation) -> ir.Value:
        array = from_attribute(op.attributes["value"])
        result = hlo.constant(np.ascontiguousarray(array).view(CARRIER).reshape(array.shape))
        self.dtypes[result] = array.dtype
        return result

    def _bitcast(self, op: ir.Operation) -> ir.Value:
        (x,) = op.operands
        source, target = self.dtypes.get(x), _small(op.results[0].type)
        old, new = aval_of_type(x.type), aval_of_type(op.results[0].type)
        # A byte may hold the bits of a small type in its lowest ones; wider types do not fit, nor do several in one.
        if old.shape != new.shape or max(bits_of(source or old.dtype), bits_of(target or new.dtype)) > 8:
            raise DtypeError(f"a compiled program cannot view {old} as {new}, of another width; convert it instead")
        if target is not None:
            x = hlo.bitcast(x, CARRIER)
            self.dtypes[x] = target
            return x
        return hlo.bitcast(x, new.dtype)

    def _convert(self, op: ir.Operation) -> ir.Value:
        x, target = self._number(op.operands[0]), _small(op.results[0].type)
        if target is None:
            return hlo.convert(x, aval_of_type(op.results[0].type).dtype)
        dtype = aval_of_type(x.type).dtype
        if not av.is_float(target) or dtype != np.float64:
            x = hlo.convert(x, wide_dtype(target))
        return self._bytes_of(x, target)


def _carry_declaration(function: ir.Operation) -> None:
    """A function of the host takes and gives bytes; it knows what they stand for."""
    type_ = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value)
    inputs, results = ([_wide_type(t, by_bits=True) for t in types] for types in (type_.inputs, type_.results))
    carried = ir.FunctionType.get(inputs, results, context=function.context)
    function.attributes["function_type"] = ir.TypeAttr.get(carried)


def bits_of(dtype: np.dtype) -> int:
    """Bits of an element."""
    if av.is_bool(dtype) or av.is_complex(dtype):
        return 8 * dtype.itemsize
    return ml_dtypes.finfo(dtype).bits if av.is_float(dtype) else ml_dtypes.iinfo(dtype).bits


def _wide_type(type_: ir.Type, by_bits: bool = False) -> ir.Type:
    dtype = _small(type_)
    return type_ if dtype is None else tensor_type(
        aval_of_type(type_).with_dtype(CARRIER if by_bits else wide_dtype(dtype))
    )  # fmt: skip


def _counted(op: ir.Operation, result: ir.Value, dtype: np.dtype) -> ir.Value:
    """A result as the number to encode. Zeros above the highest bit were counted in a whole byte."""
    if op.name not in _BY_BITS:
        return result
    if op.name == "stablehlo.count_leading_zeros":
        result = hlo.op("subtract", result, hlo.splat(result.type, 8 - bits_of(dtype)))
    return hlo.bitcast(result, wide_dtype(dtype))


def _widen_block(block: ir.Block) -> None:
    """The region of a reduction, sort or scatter: it computes with wide types throughout."""
    for argument in block.arguments:
        argument.set_type(_wide_type(argument.type))
    for op in operations(block):
        if op.name == "stablehlo.constant" and _small(op.results[0].type) is not None:
            array = from_attribute(op.attributes["value"])
            with ir.InsertionPoint(op), located(op.location):
                op.results[0].replace_all_uses_with(hlo.constant(array.astype(wide_dtype(array.dtype))))
            op.erase()
            continue
        for result in op.results:
            result.set_type(_wide_type(result.type))
        for region in op.regions:
            _widen_block(region.blocks[0])
