"""Transposition: a linear function run backwards, cotangents of its results to those of its operands.

Operations that do not depend on the linear operands stay as they are; the linear ones are visited last to
first, each handing the cotangents of its results on to its operands.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from axil.compiler.functions import body_of, operations, place_error
from axil.compiler.passes.jvp import replace_return
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.errors import DifferentiationError
from axil.dialects.factories import add_tangents
from axil.dialects.locations import backward
from axil.dialects.mlir import aval_of_type, ir
from axil.dialects.op import Linear, Op, zeros_like_aval


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
        operands = list(op.operands)
        if not values.isdisjoint(operands):
            results_of = list(op.results)
            values.update(results_of)
            linear_ops.append((op, operands, results_of))

    with ir.InsertionPoint(terminator), d[copy].location:
        for value in results:
            argument = block.add_argument(value.type, d[copy].location)
            if value in values:
                cts[value] = add_tangents(cts.get(value), argument)
        for op, operands, results_of in reversed(linear_ops):
            if not cts.keys().isdisjoint(results_of):
                _transpose(d, op, operands, [cts.pop(r, None) for r in results_of], values, cts)
        wanted = [a for a, is_linear in zip(inputs, linear) if is_linear]
        outputs = [zeros_like_aval(aval_of_type(a.type)) if cts.get(a) is None else cts[a] for a in wanted]
    replace_return(d, copy, outputs)
    for op, *_ in reversed(linear_ops):
        op.erase()
    for i in reversed(range(len(inputs))):
        if linear[i]:
            block.erase_argument(i)
    d.retype(copy, outputs)
    return copy


def _transpose(d: Any, op: ir.Operation, operands: list, results: list, linear: set, cts: dict) -> None:
    """Hand the cotangents of an operation's results on to its linear operands."""
    seen, positions = operands.copy(), []
    for i, value in enumerate(operands):
        if value in linear:
            positions.append(i)
            seen[i] = _stand_in(value.type)
    location = backward(op.location)
    try:
        with location:
            if op.name == "func.call":
                grads = _transpose_call(d, op, seen, results)
            else:
                declaration = declared_op(op.name)
                if declaration is None:
                    raise _not_linear(op.name)
                grads = transpose_op(declaration, seen, positions, results, attributes_of(op, declaration))
            for i in positions:
                if grads[i] is not None:
                    cts[operands[i]] = add_tangents(cts.get(operands[i]), grads[i])
    except Exception as error:
        place_error(error, location)
        raise


@functools.cache
def _stand_in(type_: ir.Type) -> Linear:
    return Linear(aval_of_type(type_))


def transpose_op(
    op: Op, operands: list, linear: list[int], results: list, attributes: Mapping[str, Any]
) -> Sequence[Any]:
    """Cotangents of an op's operands, from those of its results; `linear` are the positions of the linear operands."""
    if op.transpose is None:
        raise _not_linear(f"axil.{op.name}")
    _check_linear(op, len(operands), linear)
    cts = results[0] if len(results) == 1 else results
    grads = op.transpose(cts, operands, **attributes)
    assert len(grads) == len(operands)
    return grads


def _not_linear(name: str) -> DifferentiationError:
    return DifferentiationError(f"'{name}' depends on a tangent, but is not linear: it has no transpose rule")


def _check_linear(op: Op, count: int, linear: list[int]) -> None:
    """The operands that depend on the linear ones must be those that the op is linear in."""
    allowed = op.linear_operands(count)
    for i in linear:
        if i not in allowed:
            raise DifferentiationError(
                f"'axil.{op.name}' is not linear in its operand {_operand_name(op, i)}, and cannot be transposed"
            )
    if op.bilinear and len(linear) > 1:
        names = " and ".join(_operand_name(op, i) for i in linear)
        raise DifferentiationError(
            f"'axil.{op.name}' is linear in each of its operands {names} alone, but here both depend on the linear "
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
