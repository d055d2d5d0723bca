"""Loop state for IREE: values that are updated in place and must not share memory.

Where a program guards its inputs (see `guard_inputs`), IREE 3.13 gives two values of a loop's state one buffer if they
start as the same value, or if a step gives one value for both. It then updates the state in place, and the second
update overwrites the first: silently wrong results. Neither `flow.tensor.clone`, a transfer nor a barrier alone keeps
them apart; a value that is computed does. So every value but the first of equal ones is xor-ed with zero, a zero that
stands behind a barrier. That costs a pass over it, in the rare loop that has such state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects import hlo
from axil.dialects.avals import Aval, is_bool, is_complex
from axil.dialects.mlir import aval_of_type, ir, tensor_type

_VIEWS = {"stablehlo.reshape", "stablehlo.bitcast_convert", "stablehlo.optimization_barrier"}
_CONSTANTS = {"stablehlo.constant", "stablehlo.iota", "stablehlo.broadcast_in_dim", "stablehlo.convert"}


def distinct(values: Sequence[ir.Value]) -> list[ir.Value]:
    """The same values, with a copy for each array that shares its memory with an earlier one."""
    seen: dict[Any, int] = {}
    result = []
    for value in values:
        of = aval_of_type(value.type)
        if of.size > 1 or of.shape:
            key = _source(value)
            count = seen[key] = seen.get(key, 0) + 1
            if count > 1 and of.size:
                value = _copy(value, of, count - 1)
        result.append(value)
    return result


def _source(value: ir.Value) -> Any:
    """What decides whether two values are one in memory: the value that they view, or a constant's text."""
    op = value.owner
    if isinstance(op, ir.Block):
        return value
    op = op.operation if hasattr(op, "operation") else op
    if op.name in _VIEWS:
        return _source(op.operands[0])
    if op.name in _CONSTANTS:  # equal ones are merged later on
        attributes = tuple((a, str(op.attributes[a])) for a in op.attributes)
        return op.name, attributes, tuple(_source(v) for v in op.operands), str(value.type)
    return value


def _copy(value: ir.Value, of: Aval, number: int) -> ir.Value:
    """A value that IREE takes for another: xor-ed with zero. Copies of different numbers are not merged."""
    if is_complex(of.dtype):
        return hlo.op("complex", *[_copy(p, aval_of_type(p.type), number) for p in _parts(value)])
    if is_bool(of.dtype):
        return hlo.convert(_copy(hlo.convert(value, np.int8), of.with_dtype("int8"), number), np.bool_)
    bits = of.with_dtype(f"int{8 * of.dtype.itemsize}")  # signed: IREE crashes on barriers of unsigned values
    key = np.asarray(number % 127 + 1, bits.dtype)
    zero = hlo.op("xor", hlo.barrier(hlo.constant(key)), hlo.constant(key))  # which IREE cannot know
    return _bitcast(hlo.op("xor", _bitcast(value, bits), hlo.broadcast(zero, of.shape, ())), of)


def _parts(value: ir.Value) -> list[ir.Value]:
    return [hlo.op("real", value), hlo.op("imag", value)]


def _bitcast(value: ir.Value, of: Aval) -> ir.Value:
    if aval_of_type(value.type) is of:
        return value
    return hlo.typed("bitcast_convert", [tensor_type(of)], [value]).results[0]
