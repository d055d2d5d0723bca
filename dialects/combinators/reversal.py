"""Going backwards through the states of a loop whose number of steps a program knows, in little memory.

The steps are cut into segments. A stack keeps the states in which some segments start, with their numbers; to get at
the last segment that is left, the loop advances from the top as `revolve` says, pushing what it finds. The states of
that one segment are then computed in a row, and used last to first.

All of it is made of bounded loops, and so has derivatives of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects.avals import shape_of
from axil.dialects.combinators import revolve
from axil.dialects.combinators.bounded_while import increment, loop, zero
from axil.dialects.combinators.combinator import split
from axil.dialects.factories import ops
from axil.dialects.op import full, full_like


class Reversal:
    """The states of a loop, last to first.

    `body` is a function of constants and state that gives the next state. Of `checkpoints` states, half are on the
    stack, and half are those of the segment in use.
    """

    def __init__(self, d: Any, body: str, consts: list, max_steps: int, checkpoints: int) -> None:
        self.d = d
        self.body = body
        self.consts = consts
        self.kept, self.segment = revolve.shares(max_steps, checkpoints)
        self.max_steps = max_steps
        self.segments = -(-max_steps // self.segment)
        self.depth = self.kept + 1  # and the one in use
        self.table = revolve.table(self.segments, self.kept)

    def run(self, count: Any, state: list, step: Callable[[list, list, list], list], carry: list) -> list:
        """`carry = step(consts, state, carry)` for the states before each of `count` steps, last to first."""
        positions = full((self.depth,), 0, np.int32)
        rows = [_write(_rows(self.depth, a), x, zero()) for a, x in zip(self.d.avals(state), state)]
        n_rows, n_consts = len(rows), len(self.consts)

        def back(given: list, now: list) -> list:
            consts, (count,) = split(given, n_consts)
            (left,), stack, carry = split(now, 1, 2 + n_rows)
            top, positions, *rows = self._reach(left, stack, consts)
            last = increment(left, -1)
            done = ops.mul(last, full_like(last, self.segment))
            length = ops.min(ops.sub(count, done), full_like(done, self.segment))
            states = self._fill(length, [_read(r, top) for r in rows], consts)
            carry = self._use(length, states, consts, step, carry)
            return [last, increment(top, -1), positions, *rows, *carry]

        segments = ops.div(increment(count, self.segment - 1), full_like(count, self.segment))
        results = self._loop(
            "backward", [*self.consts, count], [segments, zero(), positions, *rows, *carry], _some_left, back,
            self.segments,
        )  # fmt: skip
        return results[3 + n_rows :]

    def _loop(self, hint: str, consts: list, carry: list, condition: Any, step: Any, max_steps: int) -> list:
        """A bounded loop; its own derivatives keep as many states as is usual."""
        kept = revolve.default_checkpoints(max_steps)
        return loop(self.d, f"{self.body}.{hint}", consts, carry, condition, step, max_steps, kept)

    def _reach(self, left: Any, stack: list, consts: list) -> list:
        """The stack, with the state on top in which the last of the segments that are left starts."""

        def away(carry: list) -> Any:
            left, top, positions, *_ = carry
            return ops.lt(_read(positions, top), increment(left, -1))

        def push(consts: list, carry: list) -> list:
            left, top, positions, *rows = carry
            position = _read(positions, top)
            free = ops.sub(full_like(top, self.kept), top)
            by = revolve.advance(self.table, ops.sub(left, position), free)
            steps = ops.mul(by, full_like(by, self.segment))
            state = self._advanced(steps, [_read(r, top) for r in rows], consts)
            top = increment(top)
            positions = _write(positions, ops.add(position, by), top)
            return [left, top, positions, *[_write(r, x, top) for r, x in zip(rows, state)]]

        return self._loop("push", consts, [left, *stack], away, push, self.depth)[1:]

    def _advanced(self, steps: Any, state: list, consts: list) -> list:
        """The state some steps later."""
        step = lambda given, carry: [increment(carry[0], -1), *self.d.call(self.body, [*given, *carry[1:]])]
        return self._loop("advance", consts, [steps, *state], _some_left, step, self.max_steps)[1:]

    def _fill(self, length: Any, state: list, consts: list) -> list:
        """The states of a segment, each leaf's in rows."""
        n = len(state)
        rows = [_write(_rows(self.segment, a), x, zero()) for a, x in zip(self.d.avals(state), state)]
        if self.segment == 1:
            return rows

        def step(consts: list, carry: list) -> list:
            (left, at), state, rows = split(carry, 2, n)
            state = self.d.call(self.body, [*consts, *state])
            return [increment(left, -1), increment(at), *state, *[_write(r, x, at) for r, x in zip(rows, state)]]

        start = [increment(length, -1), increment(zero()), *state, *rows]
        return self._loop("fill", consts, start, _some_left, step, self.segment)[2 + n :]

    def _use(self, length: Any, states: list, consts: list, step: Any, carry: list) -> list:
        """The carry after a segment's states, last to first."""

        def back(given: list, now: list) -> list:
            consts, rows = split(given, len(self.consts))
            last = increment(now[0], -1)
            return [last, *step(consts, [_read(r, last) for r in rows], now[1:])]

        return self._loop("use", [*consts, *states], [length, *carry], _some_left, back, self.segment)[1:]


def _some_left(carry: list) -> Any:
    """Whether a count, the first of a carry, is not yet 0."""
    return ops.gt(carry[0], full_like(carry[0], 0))


def _rows(count: int, of: Any) -> Any:
    """Room for some values of a type."""
    return full((count, *of.shape), 0, of.dtype)


def _read(rows: Any, i: Any) -> Any:
    """Row `i`."""
    shape = shape_of(rows)
    return ops.reshape(ops.dynamic_slice(rows, _starts(i, len(shape)), sizes=(1, *shape[1:])), shape=shape[1:])


def _write(rows: Any, row: Any, i: Any) -> Any:
    """The rows with row `i` replaced."""
    shape = shape_of(rows)
    return ops.dynamic_update_slice(rows, ops.reshape(row, shape=(1, *shape[1:])), _starts(i, len(shape)))


def _starts(i: Any, ndim: int) -> Any:
    starts = ops.reshape(i, shape=(1,))
    if ndim > 1:
        starts = ops.pad(starts, zero(), low=(0,), high=(ndim - 1,), interior=(0,))
    return starts
