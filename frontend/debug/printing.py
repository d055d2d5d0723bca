"""`debug.callback`, `debug.print` and `debug.log`: looking at values while a traced function runs.

They do nothing to what is computed. Under `vmap` they act once for each example, under `grad` and `jvp` in the forward
pass, with primal values; in a branch only where it is taken.
"""

from __future__ import annotations

import logging
import string
import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from axil import errors, pytrees
from axil.callbacks import PythonFunction, host_call, identity, split_leaves
from axil.dialects import host_functions
from axil.operands import check_callable, function_name
from axil.source import Location, user_line, user_location

logger = logging.getLogger("axil.debug")
"""Where `debug.log` logs to."""


class FormatError(errors.AxilError, ValueError, IndexError, KeyError):
    """The arguments of `debug.print` do not fit its format string."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the text in quotes, on one line


def debug_callback(
    callback: Callable[..., Any] | None = None, *args: Any, ordered: bool = False, partitioned: bool = False,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Call `callback(*args, **kwargs)` when the program gets there, and go on; what it gives is not used.

    Arrays in the arguments arrive as arrays, other leaves as they are. Without a callback, gives a function that takes
    it and the arguments: `debug.callback(ordered=True)(f, x)`. Calls are made in the program's order in any case,
    ordered or not; `partitioned` is for programs on several devices.
    """
    if callback is None:
        _check_two_calls("debug.callback", args, kwargs)
        return lambda f, *a, **k: debug_callback(f, *a, **k)
    check_callable(callback, "debug.callback")
    where = "debug.callback"
    operands, treedef, static = _split(args, kwargs, where)
    place = user_location()
    function = PythonFunction(where, _discarding(callback), treedef, place, static)
    key = (where, identity(callback), treedef, place, _static_key(static))
    host_call(host_functions.register(function_name(callback), function, key), operands, (), "debug", bool(ordered))
    return None


def debug_print(
    fmt: str | None = None, *args: Any, ordered: bool = False, partitioned: bool = False,
    skip_format_check: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """Print `fmt.format(*args, **kwargs)` with the values that the arguments have when the program gets there.

    No f-strings, which would be formatted while the function is traced: `debug.print("x = {x}", x=x)`. The
    format is checked against the arguments when it is traced, unless `skip_format_check` is set. A text without
    placeholders is followed by the arguments, with spaces between. Without `fmt`, gives a function that takes it and
    the arguments: `debug.print(ordered=True)("x = {}", x)`. NumPy's print options are those of the time of tracing.
    """
    if fmt is None:
        _check_two_calls("debug.print", args, kwargs)
        return lambda f, *a, **k: debug_print(f, *a, skip_format_check=skip_format_check, **k)
    _print("debug.print", fmt, args, kwargs, ordered, skip_format_check, None)
    return None


def debug_log(
    fmt: str | None = None, *args: Any, level: int = logging.INFO, ordered: bool = False, partitioned: bool = False,
    skip_format_check: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """As `debug.print`, but to Python's logger `axil.debug`, with the user's file and line on the record."""
    if fmt is None:
        _check_two_calls("debug.log", args, kwargs)
        return lambda f, *a, **k: debug_log(f, *a, level=level, skip_format_check=skip_format_check, **k)
    _print("debug.log", fmt, args, kwargs, ordered, skip_format_check, level)
    return None


def _check_two_calls(where: str, args: Sequence[Any], kwargs: Any) -> None:
    if args or kwargs:
        raise errors.AxilTypeError(
            errors.explain(
                f"{where} was called with arguments but without what to do with them", user_line(),
                ways_out=[f"{where}(what, *args)", f"or {where}(ordered=True)(what, *args)"],
            )  # fmt: skip
        )


def _split(args: Any, kwargs: Any, where: str) -> tuple[list, Any, dict[int, Any]]:
    leaves, treedef = pytrees.tree_flatten((args, kwargs))
    operands, static = split_leaves(leaves, where)
    return operands, treedef, static


def _static_key(static: dict[int, Any]) -> Hashable:
    """Texts by value; anything else is the same only if it is the same object."""
    return tuple((i, x if isinstance(x, str) else id(x)) for i, x in static.items())


def _discarding(callback: Callable[..., Any]) -> Callable[..., None]:
    def call(*args: Any, **kwargs: Any) -> None:
        callback(*args, **kwargs)

    call.__name__ = function_name(callback)
    return call


# ---- printing ------------------------------------------------------------------------------------------


def _print(where: str, fmt: str, args: Any, kwargs: Any, ordered: bool, unchecked: bool, level: int | None) -> None:
    if not isinstance(fmt, str):
        raise errors.AxilTypeError(
            errors.explain(f"{where} takes a format string first, got {type(fmt).__name__}", user_line(),
                           ways_out=[f'{where}("{{}}", x)'])  # fmt: skip
        )
    if not unchecked:
        _check_format(where, fmt, args, kwargs)
    operands, treedef, static = _split(args, kwargs, where)
    place = user_location()
    options = np.get_printoptions()
    printer = Printer(fmt, options, level, place)
    function = PythonFunction(where, printer, treedef, place, static)
    key = (where, fmt, level, treedef, place, repr(sorted(options.items())), _static_key(static))
    host_call(host_functions.register(where, function, key), operands, (), "debug", bool(ordered))


class Printer:
    """Formats its arguments and prints them, or logs them if there is a level."""

    __name__ = "format"

    def __init__(self, fmt: str, options: Any, level: int | None, place: Location) -> None:
        self.fmt = fmt
        self.options = options
        self.level = level
        self.place = place

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        with np.printoptions(**self.options):
            text = self._text(args, kwargs)
        if self.level is None:
            sys.stdout.write(text + "\n")
        elif logger.isEnabledFor(self.level):
            file, line, function = self.place[:3]
            record = logger.makeRecord(logger.name, self.level, file, line, text, (), None, func=function)
            logger.handle(record)

    def _text(self, args: Any, kwargs: Any) -> str:
        if has_placeholders(self.fmt):
            return self.fmt.format(*args, **kwargs)
        return " ".join([self.fmt.format() if "{" in self.fmt or "}" in self.fmt else self.fmt, *map(str, args)])


def has_placeholders(fmt: str) -> bool:
    """Whether a format string has a place for a value."""
    return any(field is not None for _, field, _, _ in string.Formatter().parse(fmt))


class _Checker(string.Formatter):
    """Looks every field up and formats none: tracers have no values."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return ""

    def convert_field(self, value: Any, conversion: str) -> Any:
        return value

    def check_unused_args(self, used_args: Any, args: Any, kwargs: Any) -> None:
        unused = [f"number {i}" for i in range(len(args)) if i not in used_args]
        named = [k for k in kwargs if k not in used_args]
        if unused or named:
            raise ValueError(f"the argument {(unused + named)[0]} is not used")


def _check_format(where: str, fmt: str, args: Any, kwargs: Any) -> None:
    try:
        _Checker().vformat(fmt, args, kwargs)
        return
    except KeyError as e:
        problem = f"there is no argument named {e}"
    except IndexError:
        problem = f"there are more places than the {len(args)} positional arguments"
    except (ValueError, AttributeError, TypeError) as e:
        problem = str(e)
    raise FormatError(
        errors.explain(
            f"{where}: the format {fmt!r} does not fit its arguments: {problem}", user_line(),
            ways_out=[f'name what is printed: {where}("x = {{x}}", x=x)',
                      "if the text is an f-string, take off the f: it is formatted before there are values",
                      "or pass skip_format_check=True, which prints further arguments after a text without places"],
        )  # fmt: skip
    )


__all__ = ["FormatError", "Printer", "debug_callback", "debug_log", "debug_print", "logger"]
