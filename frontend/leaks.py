"""`check_tracer_leaks`: traced values that outlive their trace, and what holds them.

When a trace ends, nothing of the user's should hold one of its tracers any more. Here all that are alive are found
through Python's garbage collector, and for each the way from a place that a user knows (a global, an attribute, a
closure) down to it::

    a traced f32[3] of jit(f) is still held after the end of the function
      it is element 0 of a list, which is the global variable 'history' of module 'train'
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

from axil import errors
from axil.core import Trace, Tracer
from axil.source import SourceLine, is_internal, user_line

_DEPTH, _WIDTH = 6, 8  # how far and how broadly to search for what holds a holder
_PASSING = (types.FrameType, Tracer, type(iter([])))  # what holds values only while they are looked for


class LeakedTracerError(errors.UnexpectedTracerError):
    """A traced value is still held after the end of the function that it belongs to.

    What: `check_tracer_leaks` found it alive. Why: the function put it into a global, an attribute, a container or a
    closure. Two ways out::

        @jit
        def f(x):
            y = x + 1
            return y * 2, y             # return every value that is needed outside

        def step(state, x):             # or carry state through arguments and results
            return state + x, state
    """


def check_leaks(trace: Trace, *known: Sequence[Tracer]) -> None:
    """Raise `LeakedTracerError` if a tracer of a trace that has ended is held by anything but the `known` lists."""
    gc.collect()  # what is only held by cycles is not leaked
    own = {id(k) for k in known} | {id(trace._captured)}
    found = [x for x in gc.get_objects() if type(x) is Tracer and x.owner is trace]
    own |= {id(found), id(sys._getframe())}
    for tracer in found:
        holders = [h for h in gc.get_referrers(tracer) if id(h) not in own and type(h).__name__ != "Capture"]
        paths = [_path(tracer, h, own | {id(holders)}, _DEPTH) for h in holders if not isinstance(h, _PASSING)]
        paths.sort(key=lambda p: p.rank)
        if paths and paths[-1].rank > _OURS:
            raise _error(trace, tracer, paths[-1].text)


def _error(trace: Trace, tracer: Tracer, path: str) -> LeakedTracerError:
    label = " > ".join(trace.chain()) or "a transformed function"
    made = SourceLine.at(tracer.location) if tracer.location is not None else None
    origin = f"it was made here:\n{made.excerpt()}" if made is not None else f"it is an argument of {label}."
    return LeakedTracerError(
        errors.explain(
            f"a traced {tracer.aval_text} of {label} is still held after the end of the function", user_line(), (),
            f"it is {path}.\n  {origin}",
            ["return the value from the transformed function", "or drop the reference before the function ends"],
        )
    )  # fmt: skip


# ---- the way to a tracer -------------------------------------------------------------------------------

_OURS, _UNKNOWN, _NAMED = range(3)


class _Path(NamedTuple):
    """How a value is held: in words, and whether that ends in a place of the user's, of Axil's, or nowhere."""

    text: str
    rank: int


def _place(text: str, file: str) -> _Path:
    """A place in a file: of the user's, or of Axil's own, which ends when the call does."""
    return _Path(text, _OURS if is_internal(file) else _NAMED)


def _path(target: Any, holder: Any, skip: set[int], depth: int) -> _Path:
    """How `holder` holds `target`, and what holds `holder`."""
    if isinstance(holder, dict):
        return _of_dict(target, holder, skip, depth)
    if isinstance(holder, (list, tuple)):
        return _held(f"element {_index(holder, target)} of a {type(holder).__name__}", holder, skip, depth)
    if isinstance(holder, types.CellType):
        return _of_cell(holder) or _held("a variable of an enclosing function", holder, skip, depth)
    if isinstance(holder, types.FrameType):
        return _of_frame(target, holder)
    if isinstance(holder, types.FunctionType):
        return _place(f"a default argument of {holder.__qualname__}", holder.__code__.co_filename)
    for name in _attributes(holder):
        if getattr(holder, name, None) is target:
            return _attribute(holder, name)
    return _held(f"inside a {type(holder).__name__}", holder, skip, depth)


def _of_dict(target: Any, holder: dict, skip: set[int], depth: int) -> _Path:
    key = _name_in(holder, target)
    if "__builtins__" in holder or "__spec__" in holder:
        name = holder.get("__name__", "a module")
        return _Path(f"the global variable {key!r} of module {name!r}", _OURS if _is_ours(name) else _NAMED)
    for owner in gc.get_referrers(holder):
        if getattr(owner, "__dict__", None) is holder:
            return _attribute(owner, str(key))
    return _held(f"the value of {key!r} in a dict", holder, skip, depth)


def _of_cell(cell: types.CellType) -> _Path | None:
    """The function in whose closure a cell is."""
    for closure in gc.get_referrers(cell):
        if isinstance(closure, tuple):
            for f in gc.get_referrers(closure):
                if isinstance(f, types.FunctionType) and f.__closure__ is closure:
                    name, code = f.__code__.co_freevars[closure.index(cell)], f.__code__
                    where = f"{code.co_filename}:{code.co_firstlineno}"
                    return _place(f"the variable {name!r} in the closure of {f.__qualname__} ({where})",
                                  code.co_filename)  # fmt: skip
    return None


def _of_frame(target: Any, frame: types.FrameType) -> _Path:
    name, code = _name_in(frame.f_locals, target), frame.f_code
    if code.co_name == "<module>":
        return _place(f"the global variable {name!r} of module {frame.f_globals.get('__name__')!r}", code.co_filename)
    return _place(f"the local variable {name!r} of {code.co_qualname} ({code.co_filename}:{frame.f_lineno})",
                  code.co_filename)  # fmt: skip


def _attribute(owner: Any, name: str) -> _Path:
    kind = owner if isinstance(owner, type) else type(owner)
    of = "class" if kind is owner else "an object of class"
    return _Path(f"the attribute {name!r} of {of} {kind.__qualname__}", _OURS if _is_ours(kind.__module__) else _NAMED)


def _is_ours(module: str) -> bool:
    return module == "axil" or module.startswith("axil.")


def _attributes(holder: Any) -> list[str]:
    names: list[str] = [*getattr(holder, "__dict__", ())]
    for cls in type(holder).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return names


# (No comprehension or lambda here may close over what is searched for: its cell would be found as a holder.)


def _index(values: Any, target: Any) -> int:
    for i, x in enumerate(values):
        if x is target:
            return i
    return 0


def _name_in(values: Any, target: Any) -> Any:
    for key, value in values.items():
        if value is target:
            return key
    return "?"


def _held(text: str, holder: Any, skip: set[int], depth: int) -> _Path:
    """A text, and what holds the holder in turn: a variable of a running function, or another object."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") != __name__ and _name_in(frame.f_locals, holder) != "?":
            found = _of_frame(holder, frame)
            return _Path(f"{text}, which is {found.text}", found.rank)
        frame = frame.f_back
    best = None
    if depth:
        above = gc.get_referrers(holder)
        skip = skip | {id(above), id(holder)}
        for h in above[:_WIDTH]:
            if id(h) in skip or isinstance(h, _PASSING):
                continue
            path = _path(holder, h, skip, depth - 1)
            if best is None or path.rank > best.rank:
                best = path
            if best.rank == _NAMED:
                break
    return _Path(text, _UNKNOWN) if best is None else _Path(f"{text}, which is {best.text}", best.rank)
