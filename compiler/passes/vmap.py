"""Batching: a function of one example made into one of a batch, operation by operation.

Inside, the batch is always the leading dimension. A value that does not depend on a batched operand stays
as it is, and its operations are emitted unchanged.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from axil.compiler.functions import body_of, copy_operation, located, operations
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.errors import ShapeError
from axil.dialects.factories import broadcast_batch, ops
from axil.dialects.mlir import aval_of_type, ir


class Batched(NamedTuple):
    """A derived function and which of its results have the leading batch dimension."""

    function: str
    batched: tuple[bool, ...]


def derive(
    d: Any, name: str, mask: tuple[bool, ...], size: int, axis_name: str, at_least: tuple[bool, ...]
) -> Batched:
    """Batch function `name` over the operands of `mask`."""
    source = body_of(d[d.flat(name)])
    inputs = [
        a.with_shape((size, *a.shape)) if b else a
        for a, b in zip(d.signature(name).inputs, mask, strict=True)
    ]
    flags: list[bool] = []

    def body(*arguments: Any) -> list:
        env = {s: (v, b) for s, v, b in zip(source.arguments, arguments, mask)}
        outputs = _walk(d, source, env, size, axis_name)
        for i, (value, batched) in enumerate(outputs):
            if not batched and i < len(at_least) and at_least[i]:
                outputs[i] = (broadcast_batch(value, size), True)
        flags.extend(b for _, b in outputs)
        return [v for v, _ in outputs]

    function = d.build(f"{name}.vmap", inputs, body)
    return Batched(function, tuple(flags))


def _walk(d: Any, block: ir.Block, env: dict, size: int, axis_name: str) -> list:
    for op in operations(block):
        entries = [env[v] for v in op.operands]
        if op.name == "func.return":
            return entries
        values, batched = [v for v, _ in entries], [b for _, b in entries]
        with located(op.location):
            if op.name == "func.call":
                results, flags = _batch_call(d, op, values, batched, size, axis_name)
            else:
                results, flags = _batch_op(op, values, batched, size, axis_name)
        for r, v, f in zip(op.results, results, flags):
            env[r] = (v, f)
    raise AssertionError("a function ends with a return")


def _batch_op(op: ir.Operation, values: list, batched: list, size: int, axis_name: str) -> tuple[list, list]:
    declaration = declared_op(op.name)
    if declaration is None:
        raise ShapeError(f"operation '{op.name}' is not of the axil dialect and cannot be batched")
    attributes = attributes_of(op, declaration)
    if axis_name and declaration.named_batch is not None and attributes.get("axis_name") == axis_name:
        attributes.pop("axis_name")
        result, flag = declaration.named_batch(size, axis_name, values, batched, **attributes)
        return [result], [flag]
    if not any(batched):
        return list(copy_operation(op, values).results), [False] * len(op.results)
    results = declaration.batch(size, values, batched, **attributes)
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    return results, [True] * len(results)


def _batch_call(d: Any, op: ir.Operation, values: list, batched: list, size: int, axis_name: str) -> tuple[list, list]:
    name = op.attributes["callee"].value
    site = d.site(name)
    if site is None:
        raise ShapeError(f"function @{name} has no body and cannot be batched")
    if not any(batched) and not axis_name:
        return d.call(name, values), [False] * len(op.results)
    return site.combinator.batch(d, site, values, batched, size, axis_name)


def check_unbatched(batched: tuple[bool, ...], wanted: tuple[bool, ...], out_axes: tuple[int, ...]) -> None:
    """Refuse `out_axes=None` for a result that differs from example to example."""
    for i, (b, w) in enumerate(zip(batched, wanted)):
        if b and not w:
            raise ShapeError(
                f"vmap: out_axes is None for result {i}, which depends on the mapped operands and has one value an "
                f"example; give it an axis, such as out_axes=0"
            )


def move_axis(value: ir.Value, source: int, target: int) -> ir.Value:
    """Move one dimension of a value."""
    order = [i for i in range(len(aval_of_type(value.type).shape)) if i != source]
    order.insert(target, source)
    return ops.transpose(value, permutation=tuple(order))
