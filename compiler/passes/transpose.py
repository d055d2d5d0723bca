"""Transposition: a linear function run backwards, cotangents of its results to those of its operands.

Operations that do not depend on the linear operands stay as they are; the linear ones are visited last to
first, each handing the cotangents of its results on to its operands.
"""

from __future__ import annotations

from typing import Any

from axil.compiler.functions import body_of, located, operations
from axil.compiler.passes.jvp import replace_return
from axil.dialects.emit import declared_op
from axil.dialects.errors import DifferentiationError
from axil.dialects.factories import add_tangents
from axil.dialects.locations import backward
from axil.dialects.mlir import aval_of_type, from_attribute, ir
from axil.dialects.op import Linear, Op, is_linear, zeros_like_aval


def derive(d: Any, name: str, linear: tuple[bool, ...]) -> str:
    """Make the transposed function of `name`, which is linear in the operands marked in `linear`."""
    copy = d.clone(d.flat(name), f"{name}.transposed")
    block = body_of(d[copy])
    inputs = list(block.arguments)
    body = operations(block)
    terminator = body[-1]
    results = list(terminator.operands)
    cts: dict[ir.Value, Any] = {}
    values = {a for a, is_linear in zip(inputs, linear, strict=True) if is_linear}
    linear_ops = []
    for op in body[:-1]:
        if any(v in values for v in op.operands):
            values.update(op.results)
            linear_ops.append(op)

    with ir.InsertionPoint(terminator), d[copy].location:
        for value in results:
            argument = block.add_argument(value.type, d[copy].location)
            if value in values:
                cts[value] = add_tangents(cts.get(value), argument)
        for op in reversed(linear_ops):
            _transpose(d, op, values, cts)
        wanted = [a for a, is_linear in zip(inputs, linear) if is_linear]
        outputs = [zeros_like_aval(aval_of_type(a.type)) if cts.get(a) is None else cts[a] for a in wanted]
    replace_return(d, copy, outputs)
    for op in reversed(linear_ops):
        op.erase()
    for i in reversed(range(len(inputs))):
        if linear[i]:
            block.erase_argument(i)
    d.retype(copy, outputs)
    return copy


def _transpose(d: Any, op: ir.Operation, linear: set, cts: dict) -> None:
    """Hand the cotangents of an operation's results on to its linear operands."""
    results = [cts.pop(r, None) for r in op.results]
    if all(ct is None for ct in results):
        return
    operands = list(op.operands)
    seen = [Linear(aval_of_type(v.type)) if v in linear else v for v in operands]
    with located(backward(op.location)):
        if op.name == "func.call":
            grads = _transpose_call(d, op, seen, results)
        else:
            grads = _transpose_op(op, seen, results)
        for value, grad in zip(operands, grads, strict=True):
            if grad is not None and value in linear:
                cts[value] = add_tangents(cts.get(value), grad)


def _transpose_op(op: ir.Operation, operands: list, results: list) -> Any:
    declaration = declared_op(op.name)
    if declaration is None or declaration.transpose is None:
        raise DifferentiationError(f"'{op.name}' depends on a tangent, but is not linear: it has no transpose rule")
    _check_linear(op, declaration, operands)
    attributes = {a: from_attribute(op.attributes[a]) for a in declaration.attributes}
    return declaration.transpose(results[0] if len(results) == 1 else results, operands, **attributes)


def _check_linear(op: ir.Operation, declaration: Op, operands: list) -> None:
    """The operands that depend on the linear ones must be those that the operation is linear in."""
    linear = [i for i, v in enumerate(operands) if is_linear(v)]
    allowed = declaration.linear_operands(len(operands))
    for i in linear:
        if i not in allowed:
            raise DifferentiationError(
                f"'{op.name}' is not linear in its operand {_operand_name(declaration, i)}, and cannot be transposed"
            )
    if declaration.bilinear and len(linear) > 1:
        names = " and ".join(_operand_name(declaration, i) for i in linear)
        raise DifferentiationError(
            f"'{op.name}' is linear in each of its operands {names} alone, but here both depend on the linear "
            "arguments: it cannot be transposed"
        )


def _operand_name(declaration: Op, index: int) -> str:
    return f"'{declaration.operands[index]}'" if index < len(declaration.operands) else str(index)


def _transpose_call(d: Any, op: ir.Operation, operands: list, results: list) -> Any:
    name = op.attributes["callee"].value
    site = d.site(name)
    if site is None or site.combinator.transpose is None:
        kind = site.combinator.name if site is not None else f"@{name}"
        raise DifferentiationError(f"'{kind}' cannot be transposed")
    return site.combinator.transpose(d, site, results, operands)
