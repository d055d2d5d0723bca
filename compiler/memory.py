"""The memory of a compiled program: what its arguments, results and intermediate values take, and the peak.

Computed from the program handed to IREE, by liveness: a value has a buffer from the operation that makes it to the
last one that reads it. Which values have buffers depends on what IREE fuses into one dispatch, of which this is a
model: elementwise operations are fused with each other, with the reduction that they follow, and with the operations
that read them, as long as each value has readers of one dispatch only; products of matrices work on packed copies.
Against IREE's allocator it is mostly within a factor of two (see the tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axil.compiler.functions import Functions, body_of, has_body, is_public, operations, terminator
from axil.dialects.mlir import ir

_ELEMENTWISE = {
    f"stablehlo.{name}"
    for name in (
        "add", "subtract", "multiply", "divide", "maximum", "minimum", "negate", "abs", "sqrt", "rsqrt", "cbrt",
        "exponential", "exponential_minus_one", "log", "log_plus_one", "tanh", "tan", "sine", "cosine", "logistic",
        "power", "atan2", "remainder", "select", "compare", "convert", "bitcast_convert", "sign", "floor", "ceil",
        "round_nearest_even", "round_nearest_afz", "and", "or", "xor", "not", "clamp", "is_finite", "shift_left",
        "shift_right_logical", "shift_right_arithmetic", "popcnt", "count_leading_zeros", "real", "imag", "complex",
    )
}  # fmt: skip
_MADE_WHERE_READ = {"stablehlo.broadcast_in_dim", "stablehlo.iota", "stablehlo.constant"}
_VIEWS = {"stablehlo.reshape", "stablehlo.optimization_barrier"}
_FOLLOWED = {"stablehlo.dot_general", "stablehlo.reduce", "stablehlo.transpose", "stablehlo.slice", "stablehlo.reverse",
             "stablehlo.pad", "stablehlo.gather", "stablehlo.dynamic_slice"}  # fmt: skip
_IN_PLACE = {"stablehlo.dynamic_update_slice", "stablehlo.scatter"}


@dataclass(frozen=True)
class MemoryAnalysis:
    """Bytes that a call of a program takes.

    `temp_size_in_bytes` is the peak of intermediate values. Arguments that are donated and overwritten count as
    arguments and as results, and once more, to be taken off, in `alias_size_in_bytes`.
    """

    argument_size_in_bytes: int
    output_size_in_bytes: int
    alias_size_in_bytes: int
    temp_size_in_bytes: int
    generated_code_size_in_bytes: int

    @property
    def peak_memory_in_bytes(self) -> int:
        """All memory that is in use at the worst moment, the program's code aside."""
        held = self.argument_size_in_bytes + self.output_size_in_bytes - self.alias_size_in_bytes
        return held + self.temp_size_in_bytes


def analyse_text(compiled: Any) -> MemoryAnalysis:
    """The memory of a compiled program (a `pipeline.Compiled`)."""
    from axil.dialects.mlir import context

    module = ir.Module.parse(compiled.source, context())
    functions = Functions(module)
    main = next(f for f in functions.table.values() if _is_main(f))
    with context(), ir.Location.unknown():
        _inline(functions, body_of(main), set())
    return analyse(module.operation, len(compiled.vmfb))


def analyse(module: ir.Operation, code_size: int = 0) -> MemoryAnalysis:
    """The memory of a lowered module with one public function."""
    function = next(f for f in operations(module.regions[0].blocks[0]) if _is_main(f))
    block = body_of(function)
    results = list(terminator(block).operands)
    aliased = _aliased(function, results)
    own = [v for v in dict.fromkeys(results) if not isinstance(v.owner, ir.Block)]
    return MemoryAnalysis(
        sum(map(_bytes, block.arguments)), sum(map(_bytes, results)), aliased,
        _peak(block, [*block.arguments, *own]), code_size,
    )  # fmt: skip


def _inline(functions: Functions, block: ir.Block, done: set[str]) -> None:
    """Inline all calls: formulas and kernels are functions of their own. (MLIR's inliner crashes on kernels.)"""
    for op in operations(block):
        for region in op.regions:
            for inner in region.blocks:
                _inline(functions, inner, done)
        if op.name != "func.call" or not has_body(functions[op.attributes["callee"].value]):
            continue
        callee = op.attributes["callee"].value
        if callee not in done:
            done.add(callee)
            _inline(functions, body_of(functions[callee]), done)
        with ir.InsertionPoint(op):
            results = functions.inline(callee, list(op.operands))
        for old, new in zip(list(op.results), results):
            old.replace_all_uses_with(new)
        op.erase()


def _is_main(op: ir.Operation) -> bool:
    return op.name == "func.func" and has_body(op) and is_public(op)


def _bytes(value: ir.Value) -> int:
    """Bytes of a value; 0 for what is no array."""
    type_ = value.type
    if not isinstance(type_, ir.RankedTensorType):
        return 0
    size = 1
    for dim in type_.shape:
        size *= dim
    return size * _element_bytes(type_.element_type)


def _element_bytes(type_: ir.Type) -> int:
    if isinstance(type_, ir.ComplexType):
        return 2 * _element_bytes(type_.element_type)
    return max(1, getattr(type_, "width", 8) // 8)


def _aliased(function: ir.Operation, results: Sequence[ir.Value]) -> int:
    """Bytes of the results that are written over a donated argument."""
    if "arg_attrs" not in function.attributes:
        return 0
    consumed = [
        a for a, attributes in zip(body_of(function).arguments, function.attributes["arg_attrs"])
        if "iree.abi.consume" in ir.DictAttr(attributes)
    ]  # fmt: skip
    total = 0
    for result in dict.fromkeys(results):
        source = _overwritten(result)
        if source in consumed:
            consumed.remove(source)
            total += _bytes(result)
    return total


def _overwritten(value: ir.Value) -> ir.Value:
    """The value whose memory a value is written over, through updates in place and views; itself if there is none."""
    while not isinstance(value.owner, ir.Block):
        op = _operation(value.owner)
        if op.name == "flow.dispatch.workgroups" and "tied_operands" in op.attributes:
            value = op.operands[ir.IntegerAttr(ir.ArrayAttr(op.attributes["tied_operands"])[0]).value]
        elif op.name in _IN_PLACE | _VIEWS:
            value = op.operands[0]
        else:
            break
    return value


def _operation(owner: Any) -> ir.Operation:
    return getattr(owner, "operation", owner)


# ---- liveness ------------------------------------------------------------------------------------------


def _peak(block: ir.Block, outside: Sequence[ir.Value]) -> int:
    """The most bytes of intermediate values that live at once in a block; `outside` have memory anyway."""
    body = operations(block)
    place = {op: i for i, op in enumerate(body)}
    held = set(outside)
    events: dict[int, int] = {}
    inner: dict[int, int] = {}
    for i, op in enumerate(body):
        inner[i] = _packed(op, held) if _is_matrix_product(op) else _inner_peak(op)
        for result in op.results:
            root = _root(result)
            if root in held or root != result or not _has_buffer(result, op):
                continue
            held.add(result)
            events[i] = events.get(i, 0) + _bytes(result)
            last = max([i, *_last_reads(result, place)])
            events[last + 1] = events.get(last + 1, 0) - _bytes(result)
    live = peak = 0
    for i in range(len(body) + 1):
        live += events.get(i, 0)
        peak = max(peak, live + inner.get(i, 0))
    return peak


def _root(value: ir.Value) -> ir.Value:
    """The value in whose memory a value is: through views, and operations that update in place."""
    while not isinstance(value.owner, ir.Block):
        op = _operation(value.owner)
        if op.name in _VIEWS:
            value = op.operands[list(op.results).index(value)]
        elif op.name in _IN_PLACE and len(list(op.operands[0].uses)) == 1 and len(op.results) == 1:
            value = op.operands[0]
        elif op.name == "stablehlo.while":
            value = op.operands[list(op.results).index(value)]  # the state lies where it began
            if _operation(value.owner).name in _MADE_WHERE_READ if not isinstance(value.owner, ir.Block) else True:
                break
        else:
            break
    return value


def _has_buffer(value: ir.Value, op: ir.Operation) -> bool:
    """Whether a value is written to memory, and not made where it is read."""
    readers = [_operation(use.owner) for use in value.uses]
    if not readers:
        return False
    if op.name == "stablehlo.constant":
        return False  # constants are a part of the program
    fused = [_fuses(op, reader) for reader in readers]
    if op.name in _MADE_WHERE_READ:
        return not all(fused)
    if op.name in _ELEMENTWISE:
        return not all(fused) or len(set(readers)) > 1 and not _one_dispatch(readers, value)
    if _is_matrix_product(op):
        return True
    if op.name in _FOLLOWED:
        return not (len(set(readers)) == 1 and all(fused) and _same_shape(value, readers[0]))
    return True


def _fuses(op: ir.Operation, reader: ir.Operation) -> bool:
    """Whether IREE makes what `op` gives in the dispatch of `reader`."""
    return reader.name in _ELEMENTWISE | _MADE_WHERE_READ or (
        reader.name == "stablehlo.reduce" and op.name in _ELEMENTWISE | _MADE_WHERE_READ
    )


def _one_dispatch(readers: Sequence[ir.Operation], value: ir.Value) -> bool:
    """Whether all readers are elementwise on one shape, or reduce its rows, and so end up in one dispatch."""
    return all(
        _same_shape(value, r) or r.name in _MADE_WHERE_READ or (r.name == "stablehlo.reduce" and _reduces_rows(r))
        for r in readers
    )


def _reduces_rows(op: ir.Operation) -> bool:
    """Whether a reduction is over the innermost dimensions."""
    rank = len(op.operands[0].type.shape)
    dims = sorted(ir.DenseI64ArrayAttr(op.attributes["dimensions"]))
    return dims == list(range(rank - len(dims), rank))


def _is_matrix_product(op: ir.Operation) -> bool:
    """Whether an operation multiplies matrices (not vectors), which IREE does on tiles: packed copies of them."""
    if op.name != "stablehlo.dot_general":
        return False
    return all(len(v.type.shape) > 1 and min(list(v.type.shape)[-2:]) > 1 for v in op.operands)


def _packed(op: ir.Operation, outside: set) -> int:
    """Bytes of the packed copies that a matrix product works on.

    An operand that is made for the product alone is made packed; a result that is one of the program's is unpacked.
    """
    total = 0
    for v in op.operands:
        maker = None if isinstance(v.owner, ir.Block) else _operation(v.owner)
        alone = maker is not None and maker.name not in _FOLLOWED | _VIEWS and len(list(v.uses)) == 1
        total += 0 if alone else _bytes(v)
    return total + (_bytes(op.results[0]) if op.results[0] in outside else 0)


def _same_shape(value: ir.Value, reader: ir.Operation) -> bool:
    return reader.name in _ELEMENTWISE and list(reader.results[0].type.shape) == list(value.type.shape)


def _last_reads(value: ir.Value, place: dict[ir.Operation, int]) -> list[int]:
    """Where a value is read last, directly, through views and through what is fused into its readers."""
    found: list[int] = []
    pending, seen = [value], {value}
    while pending:
        for use in pending.pop().uses:
            op = _operation(use.owner)
            while op not in place:  # a read in the body of a loop or a branch
                parent = _operation(op.parent)
                if parent is None or parent.name in ("func.func", "builtin.module"):
                    break
                op = parent
            found.append(place.get(op, -1))
            for result in op.results:
                passed_on = op.name in _VIEWS | _IN_PLACE or not _has_buffer(result, op)
                if passed_on and result not in seen:
                    seen.add(result)
                    pending.append(result)
    return found


def _inner_peak(op: ir.Operation) -> int:
    """The most bytes of intermediate values within a loop or a branch. (What a kernel needs is its own result.)"""
    if op.name not in ("stablehlo.while", "stablehlo.case", "stablehlo.if"):
        return 0
    peaks = []
    for region in op.regions:
        block = region.blocks[0]
        peaks.append(_peak(block, list(block.arguments)))
    return max(peaks, default=0)


__all__ = ["MemoryAnalysis", "analyse", "analyse_text"]
