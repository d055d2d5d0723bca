"""The order in which control runs its functions, for walks that follow values without computing them.

A walk gives `row(x, i)`, `either(branches, values)` and `unknown()`; see `axil.compiler.key_uses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.dialects.combinators.combinator import split

_ALL_STEPS = 16  # loops of so many steps are walked in full; of longer ones two steps


def scan(
    walk: Any, functions: Sequence[Any], operands: Sequence[Any], *, consts: int, carry: int, length: int,
    reverse: bool, **rest: Any,
) -> list:  # fmt: skip
    """`scan`: constants are the same in each step, rows are not."""
    (body,) = functions
    c, state, xs = split(operands, consts, carry)
    order = range(length - 1, -1, -1) if reverse else range(length)
    rows = [walk.unknown() for _row in range(max(0, body.results - carry))]
    for i in order if length <= _ALL_STEPS else order[:2]:
        state = body([*c, *state, *[walk.row(x, i) for x in xs]])[:carry]
    return [*state, *rows]


def while_loop(
    walk: Any, functions: Sequence[Any], operands: Sequence[Any], *, cond_consts: int, body_consts: int, **rest: Any
) -> list:
    """`while`: two steps, as a key that a third step would use again is used again in the second."""
    cond, body = functions
    cc, bc, state = split(operands, cond_consts, body_consts)
    for _step in range(2):
        cond([*cc, *state])
        state = body([*bc, *state])
    return state


def cond(walk: Any, functions: Sequence[Any], operands: Sequence[Any], **rest: Any) -> list:
    """`cond`: one of the branches, with all operands but the first."""
    return walk.either(functions, operands[1:])
