"""Locations of operations: the user's line, the scopes that they named, and what a transformation made an op for.

A traced operation's location is a place in the user's file. `named_scope` wraps it in a name, and so do the
transformations for what they add:

    loc("layer1/attention"("model.py":12:9))
    loc("@derivative of sqrt"("model.py":12:9))            added by differentiation for the sqrt of that line
    loc("@backward"("@derivative of sqrt"("model.py":12:9)))   ... and run in the backward pass

Names of the transformations begin with ``@``, which keeps them apart from those of scopes. Messages read them back:
"in the derivative of sqrt at model.py:12".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from axil.dialects.mlir import ir

_DERIVATIVE = "@derivative of "
_BACKWARD = "@backward"


class Place(NamedTuple):
    """A location read back: a place in a file (columns from 1), and the names around it, innermost first.

    `derivatives` are the ops whose derivatives these are: of several, the first is the op in the user's program.
    """

    file: str
    line: int
    column: int
    scopes: tuple[str, ...] = ()
    derivatives: tuple[str, ...] = ()
    backward: bool = False


def within_scope(scope: str, location: ir.Location) -> ir.Location:
    """A location inside a scope that the user named."""
    return ir.Location.name(scope.lstrip("@") or "scope", location, location.context)


def derivative_of(op_name: str, location: ir.Location) -> ir.Location:
    """The location of what differentiation adds for an operation."""
    return ir.Location.name(_DERIVATIVE + op_name.rpartition(".")[2], location, location.context)


def backward(location: ir.Location) -> ir.Location:
    """The location of what transposition makes of an operation."""
    if type(location) is ir.NameLoc and location.name_str == _BACKWARD:
        return location
    return ir.Location.name(_BACKWARD, location, location.context)


def read(location: Any) -> Place | None:
    """What a location says; None where it is no place in a file."""
    names: list[str] = []
    while type(location) is ir.NameLoc:
        names.append(location.name_str)
        location = location.child_loc
    if type(location) is not ir.FileLineColLoc:
        return None
    names.reverse()
    return Place(
        location.filename.value if hasattr(location.filename, "value") else location.filename,
        location.start_line,
        location.start_col,
        tuple(n for n in names if not n.startswith("@")),
        tuple(n.removeprefix(_DERIVATIVE) for n in names if n.startswith(_DERIVATIVE)),
        _BACKWARD in names,
    )
