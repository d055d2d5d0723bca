"""Errors as values inside programs: joined with one another, and carried by control flow.

An error state is an i32 code (0: no error yet) and payload values, its *slots*. Checks share slots of the same shape
and dtype, because only the values of the check that failed first are ever looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from axil.dialects.avals import Aval, aval, aval_of, is_bool
from axil.dialects.factories import ops
from axil.dialects.op import Failure, full, zeros_like_aval

CODE = aval((), "int32")


class Checked(NamedTuple):
    """A function with its errors as results: after its own come a code and the slots, if it has any messages."""

    function: str
    messages: tuple
    slots: tuple[Aval, ...]

    @property
    def avals(self) -> list[Aval]:
        """What its error is made of."""
        return [CODE, *self.slots] if self.messages else []

    def split(self, results: Sequence[Any]) -> tuple[list, Failure | None]:
        """The function's own results, and its error."""
        n = len(self.avals)
        if not n:
            return list(results), None
        own, (code, *payload) = list(results[:-n]), results[-n:]
        return own, Failure(code, self.messages, tuple(payload))


class ErrorState:
    """The error so far at a place of a program: the first of those that were added.

    Codes ascend in the order of adding, so that the first error is the least code. While an error is put together, a
    large number stands for none.
    """

    def __init__(self) -> None:
        self.messages: list = []
        self.alone: Any = None  # the code of an error that is the only one so far
        self.least: Any = None
        self.values: dict[tuple[Aval, int], Any] = {}  # by dtype and shape, and number among equals

    def add(self, failure: Failure) -> None:
        """An error of the operations that follow; without effect where there is one already.

        Its code may be a boolean, if there is one message.
        """
        keys = slot_keys([aval_of(v) for v in failure.payload])
        places = self._places(keys)
        offset = len(self.messages)
        self.messages += renumbered(failure.messages, places)
        if not offset:
            self.alone = failure.code
            self.values.update(zip(keys, failure.payload))
            return
        if self.least is None:
            self.least = _least(self.alone, 0)
        code = _least(failure.code, offset)
        if keys:
            none_yet = ops.eq(self.least, _number(NONE))
            for key, value in zip(keys, failure.payload):
                before = self.values[key]
                self.values[key] = value if before is None else ops.select(none_yet, value, before)
        self.least = ops.min(self.least, code)

    def _places(self, keys: list) -> list[int]:
        for key in keys:
            self.values.setdefault(key, None)
        order = {key: i for i, key in enumerate(self.values)}
        return [order[key] for key in keys]

    def outputs(self) -> list:
        """The code and the slots: none, if nothing was added."""
        if self.alone is None:
            return []
        if self.least is None:
            return [_as_code(self.alone), *self.values.values()]
        code = ops.select(ops.eq(self.least, _number(NONE)), _number(0), self.least)
        return [code, *self.values.values()]

    @property
    def slots(self) -> tuple[Aval, ...]:
        """Shapes and dtypes of the slots."""
        return tuple(of for of, _ in self.values)


NONE = 2**31 - 1


def _number(value: int) -> Any:
    return full((), value, np.int32)


def _as_code(code: Any) -> Any:
    return ops.convert(code, dtype=CODE.dtype) if is_bool(aval_of(code).dtype) else code


def _least(code: Any, offset: int) -> Any:
    """A code, counted from `offset`, with a large number for none."""
    if is_bool(aval_of(code).dtype):
        return ops.select(code, _number(offset + 1), _number(NONE))
    moved = ops.add(code, _number(offset)) if offset else code
    return ops.select(ops.eq(code, _number(0)), _number(NONE), moved)


def slot_keys(avals: Sequence[Aval]) -> list[tuple[Aval, int]]:
    """Each aval with its number among those that equal it."""
    seen: dict[Aval, int] = {}
    keys = []
    for of in avals:
        keys.append((of, seen.get(of, 0)))
        seen[of] = seen.get(of, 0) + 1
    return keys


def renumbered(messages: Sequence[Any], places: Sequence[int]) -> list:
    """Messages whose arguments are in other slots."""
    return [replace(m, slots=tuple(places[s] for s in m.slots)) for m in messages]


def shifted(code: Any, offset: int) -> Any:
    """A code that counts messages from `offset`."""
    if not offset:
        return code
    zero = full((), 0, np.int32)
    return ops.select(ops.eq(code, zero), zero, ops.add(code, full((), offset, np.int32)))


def first_of(before: Sequence[Any], after: Sequence[Any]) -> list:
    """The first of two errors of the same messages and slots."""
    none_yet = ops.eq(before[0], full((), 0, np.int32))
    return [ops.select(none_yet, new, old) for old, new in zip(before, after, strict=True)]


def no_error(checked: Checked) -> list:
    """The code and slots of a function's error before it runs."""
    return [zeros_like_aval(a) for a in checked.avals]


def union(checked: Sequence[Checked]) -> tuple[tuple, tuple[Aval, ...], list[Any]]:
    """Messages and slots for several functions of which one will run; for each, how to give its error in them."""
    messages: list = []
    keys: dict[tuple[Aval, int], None] = {}
    plans = []
    for part in checked:
        own = slot_keys(part.slots)
        keys.update(dict.fromkeys(own))
        plans.append((own, len(messages), part))
        order = {key: i for i, key in enumerate(keys)}
        messages += renumbered(part.messages, [order[k] for k in own])
    slots = tuple(of for of, _ in keys)

    def giver(own: list, offset: int, part: Checked) -> Any:
        def give(error: Failure | None) -> list:
            if error is None:
                return [full((), 0, np.int32), *map(zeros_like_aval, slots)]
            values = dict(zip(own, error.payload))
            payload = [values[k] if k in values else zeros_like_aval(k[0]) for k in keys]
            return [shifted(error.code, offset), *payload]

        return give

    return tuple(messages), slots, [giver(*plan) for plan in plans]
