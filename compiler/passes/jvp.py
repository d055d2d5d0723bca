"""Forward mode: a copy of the function in which each operation is followed by that of its tangent.

The tangent of a value is `None` where it is zero, and no operation is emitted for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from axil.compiler.functions import body_of, located, operations, place_error, terminator
from axil.dialects.combinators.combinator import given
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.errors import DifferentiationError
from axil.dialects.locations import derivative_of
from axil.dialects.mlir import ir
from axil.dialects.tape import Tape


class Jvp(NamedTuple):
    """A derived function (x, tangents) to (y, nonzero tangents), and which tangents are nonzero."""

    function: str
    nonzero: tuple[bool, ...]


def derive(d: Any, name: str, mask: tuple[bool, ...]) -> Jvp:
    """Make the forward-mode function of `name`; `mask` says which operands have tangents."""
    copy = d.clone(d.flat(name), f"{name}.jvp")
    outs, touts = augment(d, copy, tangent_arguments(d, copy, mask), "jvp")
    replace_return(d, copy, [*outs, *[t for t in touts if t is not None]])
    return Jvp(copy, tuple(given(touts)))


def tangent_arguments(d: Any, name: str, mask: tuple[bool, ...]) -> dict[ir.Value, Any]:
    """Add an argument to a function for the tangent of each argument in `mask`; gives them by argument."""
    block = body_of(d[name])
    given_tangents = [a for a, m in zip(list(block.arguments), mask, strict=True) if m]
    return {a: block.add_argument(a.type, d[name].location) for a in given_tangents}


def augment(
    d: Any, name: str, tangents: dict[ir.Value, Any], rule: str, tape: Tape | None = None
) -> tuple[list, list]:
    """Add tangent operations to a function in place; gives its outputs and their tangents.

    `tangents` are those of arguments, by argument; all others join them. `rule` names the combinators' rule that is
    used for control flow: `jvp` or `linearize`. On a tape, linear operations are noted there and not emitted.
    """
    block = body_of(d[name])
    body = operations(block)
    for op, following in zip(body, body[1:]):
        operands = list(op.operands)
        if tangents.keys().isdisjoint(operands):
            continue
        if op.name == "func.call":
            if not any(_is_used(r) for r in op.results):  # a rule may call what cannot be differentiated, and drop it
                continue
            _augment_call(d, op, operands, tangents, rule)
        else:
            location = derivative_of(op.name, op.location)
            if tape is not None:
                tape.location = location
            try:
                with ir.InsertionPoint(following), location:
                    _augment_op(op, operands, tangents)
            except Exception as error:
                place_error(error, location)
                raise
    outs = list(body[-1].operands)
    return outs, [tangents.get(v) for v in outs]


def _is_used(value: ir.Value) -> bool:
    return next(iter(value.uses), None) is not None


def _augment_op(op: ir.Operation, operands: list, tangents: dict) -> None:
    declaration = declared_op(op.name)
    if declaration is None:
        raise DifferentiationError(f"operation '{op.name}' is not of the axil dialect and has no derivative")
    results = list(op.results)
    attributes = attributes_of(op, declaration)
    y = results[0] if len(results) == 1 else tuple(results)
    dy = declaration.jvp(y, operands, list(map(tangents.get, operands)), **attributes)
    for result, t in zip(results, dy if isinstance(dy, (tuple, list)) else (dy,)):
        if t is not None:
            tangents[result] = t


def _augment_call(d: Any, op: ir.Operation, operands: list, tangents: dict, rule: str) -> None:
    site = d.site(op.attributes["callee"].value)
    if site is None:
        raise DifferentiationError(f"function @{op.attributes['callee'].value} has no body and no derivative")
    with ir.InsertionPoint(op), located(op.location):
        outs, touts = getattr(site.combinator, rule)(d, site, operands, list(map(tangents.get, operands)))
    for result, out, t in zip(list(op.results), outs, touts, strict=True):
        result.replace_all_uses_with(out)
        if t is not None:
            tangents[out] = t
    op.erase()


def replace_return(d: Any, name: str, outputs: list) -> None:
    """Let a function return other values, and give it the type that goes with them."""
    block = body_of(d[name])
    old = terminator(block)
    with ir.InsertionPoint(block), old.location:
        old.erase()
        d.finish(name, outputs)
