"""`debug.check_nan`: stop where a NaN first appears."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import pytrees, tree_keys
from axil.callbacks import example_text, host_call
from axil.dialects import avals as av
from axil.dialects import host_functions
from axil.errors import AxilError, explain
from axil.operands import is_arraylike, operand
from axil.source import Location, SourceLine, user_location


class NanError(AxilError, FloatingPointError):
    """A value that was checked has a NaN."""


def check_nan(x: Any, *, name: str = "") -> Any:
    """Raise `FloatingPointError` if an array of the tree `x` has a NaN when the program gets there; gives `x`.

    The error names the user's line, how many elements are NaN and where the first is. Works in compiled
    functions, loops and branches; under `vmap` it names the example, under `grad` it checks the values of the
    forward pass. `name` is for the message. Arrays of integers and leaves that are no arrays have no NaN.
    """
    place = user_location()
    for path, leaf in pytrees.tree_leaves_with_path(x):
        if is_arraylike(leaf):
            array = operand(leaf, "debug.check_nan")
            if av.is_inexact(array.aval.dtype) and array.aval.size:
                _check(array, name + tree_keys.keystr(path), place)
    return x


def _check(x: Any, name: str, place: Location) -> None:
    """Count the NaNs where the array is, and send two numbers to the host."""
    from axil.numpy import argmax, isnan, ravel, sum

    bad = isnan(ravel(x))
    count, first = sum(bad, dtype=np.int32), argmax(bad).astype(np.int32)
    function = _NanCheck(name, str(x.aval), x.aval.shape, place)
    key = ("check_nan", name, x.aval, place)
    host_call(host_functions.register("debug.check_nan", function, key), [count, first], (), "debug")


class _NanCheck:
    """The host's part: raises if any elements were counted."""

    def __init__(self, name: str, type_: str, shape: tuple[int, ...], place: Location) -> None:
        self.name = name
        self.type = type_
        self.shape = shape
        self.place = place

    def __call__(self, operands: Any, outputs: Any) -> list:
        count, first = map(int, operands)
        if not count:
            return []
        at = tuple(map(int, np.unravel_index(first, self.shape)))
        where = f", the first at [{', '.join(map(str, at))}]" if at else ""
        number = "is NaN" if not self.shape else f"has {count} NaN{'s' if count > 1 else ''}"
        example = host_functions.current_example()
        inside = f" in example {example_text(example)} of vmap" if example else ""
        raise NanError(
            explain(
                f"check_nan: {self.name or 'the value'}, {self.type}, {number}{where}{inside}",
                SourceLine.at(self.place),
            )
        )


__all__ = ["NanError", "check_nan"]
