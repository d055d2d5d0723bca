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
_C128 = np.dtype(np.complex128)


def op(name: str, *values: ir.Value, **attributes: ir.Attribute) -> ir.Value:
    """Emit `stablehlo.<name>`, its result type inferred."""
    made = _create("stablehlo." + name, operands=list(values), attributes=attributes or None, infer_type=True)
    return made.results[0]


def typed(
    name: str, results: Sequence[ir.Type], values: Sequence[ir.Value], regions: int = 0, **attributes: Any
) -> Any:  # fmt: skip
    """Emit `stablehlo.<name>` with given result types; gives the operation."""
    return _create(
        "stablehlo." + name, results=list(results), operands=list(values), attributes=attributes or None,
        regions=regions,
    )  # fmt: skip


def before(
    op: ir.Operation, name: str, results: list[ir.Type], values: list[ir.Value],
    attributes: dict[str, ir.Attribute] | None = None,
) -> ir.Operation:  # fmt: skip
    """Create `stablehlo.<name>` before an operation, at its location: what most operations are lowered by."""
    ip, loc = ir.InsertionPoint(op), op.location
    return _create("stablehlo." + name, results=results, operands=values, attributes=attributes, ip=ip, loc=loc)


def ints(values: Sequence[int]) -> ir.Attribute:
    """A dense array of 64-bit integers."""
    return to_attribute("ints", tuple(values))


def integer(value: int) -> ir.Attribute:
    """A 64-bit integer attribute."""
    return to_attribute("int", value)


def constant(array: Any, dtype: Any = None) -> ir.Value:
    """Emit a constant; one of c128 in parts, since IREE 3.13 cannot store elements of 128 bits."""
    array = np.asarray(array, dtype)
    if array.dtype == _C128:
        return op("complex", constant(array.real), constant(array.imag))
    attribute = to_attribute("dense", array)
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


def converted_from(x: ir.Value) -> np.dtype | None:
    """The dtype of which a value was converted, perhaps before its elements were rearranged; None if it was not."""
    while not hasattr(x.owner, "arguments"):
        op = x.owner
        if op.name == "stablehlo.convert":
            return aval_of_type(op.operands[0].type).dtype
        if op.name not in ("stablehlo.reshape", "stablehlo.broadcast_in_dim", "stablehlo.slice", "stablehlo.transpose"):
            return None
        x = op.operands[0]
    return None


def barrier(x: ir.Value) -> ir.Value:
    """Emit `optimization_barrier`: IREE sees no further back than this value."""
    return _create("stablehlo.optimization_barrier", results=[x.type], operands=[x]).result


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


def pad(
    x: ir.Value, value: ir.Value, low: Sequence[int], high: Sequence[int], interior: Sequence[int]
) -> ir.Value:
    """Emit `pad`; of c128 in parts, since IREE 3.13 cannot fill with elements of 128 bits."""
    if aval_of_type(x.type).dtype == _C128:
        parts = [pad(op(part, x), op(part, value), low, high, interior) for part in ("real", "imag")]
        return op("complex", *parts)
    return op(
        "pad", x, value,
        edge_padding_low=ints(low), edge_padding_high=ints(high), interior_padding=ints(interior),
    )  # fmt: skip


def dot_general(
    lhs: ir.Value,
    rhs: ir.Value,
    batch: Sequence[Sequence[int]],
    contract: Sequence[Sequence[int]],
    result: ir.Type,
) -> ir.Value:
    """Emit `dot_general`; `batch` and `contract` are pairs of dimensions of (lhs, rhs)."""
    numbers = stablehlo_bindings.DotDimensionNumbers.get(
        lhs_batching_dimensions=list(batch[0]), rhs_batching_dimensions=list(batch[1]),
        lhs_contracting_dimensions=list(contract[0]), rhs_contracting_dimensions=list(contract[1]),
        context=context(),
    )  # fmt: skip
    return typed("dot_general", [result], [lhs, rhs], dot_dimension_numbers=numbers).results[0]


def fft(x: ir.Value, kind: str, lengths: Sequence[int], result: ir.Type) -> ir.Value:
    """Emit `fft`; `kind` is FFT, IFFT, RFFT or IRFFT."""
    type_ = stablehlo_bindings.FftTypeAttr.get(kind, context=context())
    return typed("fft", [result], [x], fft_type=type_, fft_length=ints(lengths)).results[0]


def gather(
    x: ir.Value, indices: ir.Value, result: ir.Type, *, offset_dims: Sequence[int], collapsed: Sequence[int],
    batching: Sequence[int], index_batching: Sequence[int], index_map: Sequence[int], sizes: Sequence[int],
) -> ir.Value:  # fmt: skip
    """Emit `gather`; the last dimension of `indices` holds the index vectors: in bounds, for IREE."""
    numbers = stablehlo_bindings.GatherDimensionNumbers.get(
        list(offset_dims), list(collapsed), list(batching), list(index_batching), list(index_map),
        aval_of_type(indices.type).ndim - 1, context=context(),
    )  # fmt: skip
    made = typed("gather", [result], [x, indices], dimension_numbers=numbers, slice_sizes=ints(sizes))
    return made.results[0]


def take(table: ir.Value, index: ir.Value) -> ir.Value:
    """Emit the elements of a vector at indices of any shape, which are in bounds."""
    shape = aval_of_type(index.type).shape
    result = tensor_type(aval(shape, aval_of_type(table.type).dtype))
    return gather(
        table, reshape(index, (*shape, 1)), result, offset_dims=(), collapsed=(0,), batching=(), index_batching=(),
        index_map=(0,), sizes=(1,),
    )  # fmt: skip


def scatter_rows(x: ir.Value, rows: ir.Value, updates: ir.Value, combine: Any, unique: bool) -> ir.Value:
    """Emit a `scatter` of `updates[i, ...]` into `x[rows[i], ...]`; `combine(old, new)` emits the region.

    Every row must be in bounds: IREE crashes on others.
    """
    of = aval_of_type(x.type)
    windows = list(range(1, of.ndim))
    numbers = stablehlo_bindings.ScatterDimensionNumbers.get(windows, [0], [], [], [0], 1, context=context())
    columns = reshape(rows, (*aval_of_type(rows.type).shape, 1))
    made = typed(
        "scatter", [x.type], [x, columns, updates], regions=1, scatter_dimension_numbers=numbers,
        unique_indices=to_attribute("bool", unique),
    )  # fmt: skip
    scalar = tensor_type(aval((), of.dtype))
    block = body(made, [scalar, scalar])
    with ir.InsertionPoint(block):
        return_([combine(*block.arguments)])
    return made.results[0]


def dynamic_slice(x: ir.Value, starts: Sequence[ir.Value], sizes: Sequence[int]) -> ir.Value:
    """Emit `dynamic_slice`; `starts` are scalars, clamped so that the slice fits."""
    return op("dynamic_slice", x, *starts, slice_sizes=ints(sizes))


def dynamic_update_slice(x: ir.Value, update: ir.Value, starts: Sequence[ir.Value]) -> ir.Value:
    """Emit `dynamic_update_slice`; `starts` are scalars, clamped so that the update fits."""
    return op("dynamic_update_slice", x, update, *starts)


def sort(values: Sequence[ir.Value], axis: int, stable: bool, before: Any) -> list[ir.Value]:
    """Emit `sort`; `before(*elements)` gets a pair of elements for each operand and emits a boolean."""
    made = typed(
        "sort", [v.type for v in values], values, regions=1, dimension=integer(axis),
        is_stable=to_attribute("bool", stable),
    )  # fmt: skip
    scalars = [tensor_type(aval((), aval_of_type(v.type).dtype)) for v in values for _ in (0, 1)]
    block = body(made, scalars)
    with ir.InsertionPoint(block):
        return_([before(*block.arguments)])
    return list(made.results)


def reduce_window(
    x: ir.Value, init: ir.Value, window: Sequence[int], padding: Sequence[Sequence[int]], combine: Any
) -> ir.Value:
    """Emit `reduce_window` of one operand, strides 1; `combine(accumulator, element)` emits the region."""
    of = aval_of_type(x.type)
    if av.is_unsigned(of.dtype) and of.dtype not in av.SMALL_TYPES:
        return _unsigned_window(x, init, window, padding, combine)
    shape = tuple(n + low + high - w + 1 for n, (low, high), w in zip(of.shape, padding, window))
    made = typed(
        "reduce_window", [tensor_type(of.with_shape(shape))], [x, init], regions=1,
        window_dimensions=ints(window), padding=to_attribute("dense", np.asarray(padding, np.int64)),
    )  # fmt: skip
    scalar = tensor_type(of.with_shape(()))
    block = body(made, [scalar, scalar])
    with ir.InsertionPoint(block):
        return_([combine(*block.arguments)])
    return made.results[0]


def bitcast(x: ir.Value, dtype: Any) -> ir.Value:
    """Emit `bitcast_convert` to a dtype of the same width."""
    of = aval_of_type(x.type).with_dtype(np.dtype(dtype))
    return typed("bitcast_convert", [tensor_type(of)], [x]).results[0]


def _unsigned_window(x: ir.Value, init: ir.Value, window: Any, padding: Any, combine: Any) -> ir.Value:
    """IREE 3.13 cannot legalize a `reduce_window` of unsigned integers: hand their bits over as signed ones."""
    unsigned = aval_of_type(x.type).dtype
    signed = np.dtype(f"i{unsigned.itemsize}")

    def on_bits(*elements: ir.Value) -> ir.Value:
        return bitcast(combine(*[bitcast(e, unsigned) for e in elements]), signed)

    result = reduce_window(bitcast(x, signed), bitcast(init, signed), window, padding, on_bits)
    return bitcast(result, unsigned)
