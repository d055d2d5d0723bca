"""Updating donated arguments in place: results that are computed from one element by element take over its memory.

IREE reuses the memory of a consumed argument for scatters, sorts and updates of slices, and for nothing else: `p -
0.1 * g` gets new memory, however dead `p` is. So the elementwise operations between a donated argument and a result
of its type become a dispatch whose result is *tied* to the argument. A tie is a matter of values, not of addresses:
where something else still reads the argument, IREE orders the two, or copies.

Only arrays that are worth it are tied (`SMALLEST`): the dispatch is not fused with what computes its other operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from axil.compiler.functions import body_of, has_body, is_public, operations, producer, terminator
from axil.compiler.passes.guard_inputs import overwritable
from axil.compiler.passes.passes import Pass
from axil.dialects.mlir import aval_of_type, context, ir

SMALLEST = 1 << 16
"""Bytes of the smallest array that is updated in place."""

_MOST = 64
"""Operations in one dispatch, at most."""

_ELEMENTWISE = {
    f"stablehlo.{name}"
    for name in (
        "add", "subtract", "multiply", "divide", "maximum", "minimum", "negate", "abs", "sqrt", "rsqrt", "exponential",
        "log", "tanh", "select", "compare", "convert", "sign", "floor", "ceil", "and", "or", "xor", "not", "clamp",
        "power", "logistic",
    )
}  # fmt: skip
_COPIED = {"stablehlo.constant", "stablehlo.broadcast_in_dim"}
_ELEMENT_TYPES = {"f32", "f64", "f16", "bf16", "i1", "i8", "i16", "i32", "i64"}
_TENSOR = "!iree_tensor_ext.dispatch.tensor"


@dataclass
class UpdateInPlace(Pass):
    """Let results that are elementwise functions of a donated argument take its memory."""

    donate: tuple[int, ...] = ()
    smallest: int = SMALLEST
    name: ClassVar[str] = "axil-update-in-place"

    def run(self, module: ir.Operation) -> None:
        for function in operations(module.regions[0].blocks[0]):
            if self.donate and function.name == "func.func" and is_public(function) and has_body(function):
                self._update(function)

    def _update(self, function: ir.Operation) -> None:
        block = body_of(function)
        arguments = [block.arguments[i] for i in overwritable(function, self.donate)]
        free = [a for a in arguments if self._worthwhile(a.type)]
        for result in dict.fromkeys(terminator(block).operands):
            root = producer(result)
            if root is None or root.name not in _ELEMENTWISE or not any(a.type == result.type for a in free):
                continue
            cluster = _cluster(root)
            inputs = _inputs(cluster)
            target = next((a for a in free if a.type == result.type and a in inputs), None)
            if target is not None and all(_known(v.type) for v in inputs):
                free.remove(target)
                _outline(cluster, inputs, inputs.index(target))

    def _worthwhile(self, type_: ir.Type) -> bool:
        of = aval_of_type(type_)
        return of.size * of.dtype.itemsize >= self.smallest and _known(type_)


def _known(type_: ir.Type) -> bool:
    """Whether dispatches take elements of a type as they are."""
    return str(type_.element_type) in _ELEMENT_TYPES



def _cluster(root: ir.Operation) -> list[ir.Operation]:
    """The operations that compute `root` element by element and that nothing else needs, in program order."""
    shape = root.results[0].type.shape
    chosen = {root}
    pending = [root]
    while pending and len(chosen) < _MOST:
        for operand in pending.pop().operands:
            op = producer(operand)
            if op is None or op in chosen:
                continue
            if op.name in _COPIED or (op.name in _ELEMENTWISE and _serves_only(op, chosen, shape)):
                chosen.add(op)
                if op.name in _ELEMENTWISE:
                    pending.append(op)
    return [op for op in operations(root.block) if op in chosen]


def _serves_only(op: ir.Operation, chosen: set, shape: Sequence[int]) -> bool:
    if list(op.results[0].type.shape) != list(shape):
        return False
    return all(getattr(use.owner, "operation", use.owner) in chosen for use in op.results[0].uses)


def _inputs(cluster: Sequence[ir.Operation]) -> list[ir.Value]:
    """What a cluster takes from outside, each value once."""
    inside = {op.results[0] for op in cluster}
    return list(dict.fromkeys(v for op in cluster for v in op.operands if v not in inside))


def _outline(cluster: Sequence[ir.Operation], inputs: Sequence[ir.Value], target: int) -> None:
    """Replace a cluster by a dispatch whose result is tied to one of its inputs.

    The operations are of a dialect that only IREE has: unregistered here, with IREE's properties as attributes.
    """
    root = cluster[-1]
    result = root.results[0].type
    bound = [
        ir.Type.parse(f"{_TENSOR}<{'readwrite' if i == target else 'readonly'}:{v.type}>", context())
        for i, v in enumerate(inputs)
    ]
    with ir.InsertionPoint(root), root.location:
        made = ir.Operation.create(
            "flow.dispatch.workgroups", results=[result], operands=list(inputs), regions=2,
            attributes={
                "operandSegmentSizes": ir.DenseI32ArrayAttr.get([0, len(inputs), 0, 0]),
                "tied_operands": ir.ArrayAttr.get([ir.IntegerAttr.get(ir.IndexType.get(), target)]),
            },
        )  # fmt: skip
        block = made.regions[0].blocks.append(*bound, arg_locs=[root.location] * len(bound))
        with ir.InsertionPoint(block):
            values = {v: _load(a, v.type) for v, a in zip(inputs, block.arguments)}
            for op in cluster:
                copy = op.clone()
                for i, operand in enumerate(op.operands):
                    copy.operands[i] = values[operand]
                values[op.results[0]] = copy.results[0]
            _store(values[root.results[0]], block.arguments[target])
            ir.Operation.create("flow.return")
        _count(made.regions[1], root.location)
    root.results[0].replace_all_uses_with(made.results[0])
    for op in reversed(cluster):
        if next(iter(op.results[0].uses), None) is None:
            op.erase()


def _whole(type_: ir.Type) -> dict[str, ir.Attribute]:
    """Attributes for reading or writing all of a tensor."""
    shape = list(type_.shape)
    values = {"static_offsets": [0] * len(shape), "static_sizes": shape, "static_strides": [1] * len(shape)}
    return {name: ir.DenseI64ArrayAttr.get(v) for name, v in values.items()}


def _load(source: ir.Value, type_: ir.Type) -> ir.Value:
    sizes = ir.DenseI32ArrayAttr.get([1, 0, 0, 0, 0])
    return ir.Operation.create(
        "iree_tensor_ext.dispatch.tensor.load", results=[type_], operands=[source],
        attributes={"operandSegmentSizes": sizes, **_whole(type_)},
    ).results[0]  # fmt: skip


def _store(value: ir.Value, target: ir.Value) -> None:
    sizes = ir.DenseI32ArrayAttr.get([1, 1, 0, 0, 0, 0])
    ir.Operation.create(
        "iree_tensor_ext.dispatch.tensor.store", operands=[value, target],
        attributes={"operandSegmentSizes": sizes, **_whole(value.type)},
    )  # fmt: skip


def _count(region: ir.Region, location: ir.Location) -> None:
    """The number of workgroups: as many as IREE finds right for the work."""
    block = region.blocks.append(arg_locs=[])
    with ir.InsertionPoint(block), location:
        counts = ir.Operation.create(
            "iree_tensor_ext.dispatch.workgroup_count_from_slice", results=[ir.IndexType.get()] * 3
        )
        ir.Operation.create("flow.return", operands=list(counts.results))
