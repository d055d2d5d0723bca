"""Places in the user's code as MLIR locations, and back."""

from __future__ import annotations

from typing import Any

from axil.source import Location, SourceLine, user_location
from axil.trace_state import state

_locations: dict[Any, Any] = {}


def mlir_location(location: Any) -> Any:
    """The MLIR location of a place in the user's code."""
    if state.scope:
        return _scoped_location(state.scope, location)
    found = _locations.get(location)
    if found is None:
        from axil.dialects.mlir import context, ir

        column = (location.column or 0) + 1
        if len(_locations) > 100_000:
            _locations.clear()
        found = _locations[location] = ir.Location.file(location.file, location.line, column, context())
    return found


def _scoped_location(scope: str, location: Any) -> Any:
    """The MLIR location of a place within a named scope."""
    found = _scoped.get((scope, location))
    if found is None:
        from axil.dialects.locations import within_scope

        state.scope = ""
        try:
            found = _scoped[scope, location] = within_scope(scope, mlir_location(location))
        finally:
            state.scope = scope
        if len(_scoped) > 100_000:
            _scoped.clear()
    return found


_scoped: dict[Any, Any] = {}


def line_of_mlir(location: Any) -> SourceLine | None:
    """The source line of an MLIR location, if it is a place in a file."""
    if location is None:
        return None
    from axil.dialects.locations import read

    place = read(location)
    return None if place is None else line_of_place(place)


def user_place() -> Any:
    """The user's present line, as it is read back from the locations of operations."""
    from axil.dialects.locations import read

    return read(mlir_location(user_location()))


def line_of_place(place: Any) -> SourceLine:
    """The source line of a location that was read back."""
    at = (place.file, place.line, place.column - 1)
    # The place as it was when the operation was traced knows the function and the whole expression.
    known = next((k for k in _locations if (k.file, k.line, k.column or 0) == at), None)
    return SourceLine.at(known or Location(at[0], at[1], "", at[2]))
