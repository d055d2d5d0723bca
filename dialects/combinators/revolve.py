"""When to keep which state of a loop that is run backwards: Griewank and Walther's "revolve" schedule.

A loop of `n` steps is reversed with `c` states in memory by advancing from the last state that is kept to some
middle, keeping the state there, and so on until the last step is reached; then the slot is free again. With
`r` such sweeps over any step, `binomial(c + r, r)` steps are reversed: so a few more slots or sweeps go a long way.

Griewank and Walther, "Algorithm 799: Revolve", ACM TOMS 26 (2000).
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from axil.dialects.factories import ops
from axil.dialects.op import full, full_like

_LARGEST = 2**31 - 1


def default_checkpoints(max_steps: int) -> int:
    """How many states to keep: four times the binary logarithm of the steps, so that each runs again 3 to 5 times."""
    return max(1, min(max_steps, 4 * max(max_steps, 1).bit_length()))


def shares(max_steps: int, checkpoints: int) -> tuple[int, int]:
    """How many states to keep on a stack, and how many steps to make a segment, whose states are kept together."""
    checkpoints = max(1, min(checkpoints, max_steps))
    kept = 1 if checkpoints == max_steps else max(1, checkpoints // 2)
    return kept, max(1, checkpoints - kept + (checkpoints == max_steps))


def sweeps(steps: int, checkpoints: int) -> int:
    """How often a step runs again, at most, where `steps` are reversed with `checkpoints` states."""
    r = 0
    while comb(checkpoints + r, r) < steps:
        r += 1
    return r


def table(max_steps: int, checkpoints: int) -> np.ndarray:
    """`table[c, r + 2]` is how many steps `c` states and `r` sweeps reverse; 0 where `r` is negative."""
    most = sweeps(max_steps, checkpoints)
    rows = [[0, 0, *[min(comb(c + r, r), _LARGEST) for r in range(most + 1)]] for c in range(checkpoints + 1)]
    return np.array(rows, np.int32)


def advance(numbers: np.ndarray, steps: Any, free: Any) -> Any:
    """How far to advance before the next state is kept, as a program: i32 scalars in, an i32 scalar out.

    `steps` (2 or more) are to be reversed with `free` states, of which the one at their start is one. Of the
    choices that lead to the fewest evaluations this is the nearest.
    """
    here, less = _row(numbers, free), _row(numbers, ops.sub(free, full_like(free, 1)))
    width = numbers.shape[1]
    short = ops.lt(here, ops.broadcast_in_dim(steps, shape=(width,), dims=()))
    place = ops.sub(ops.reduce_sum(ops.convert(short, dtype=np.dtype(np.int32)), axes=(0,)), full((), 2, np.int32))
    near = _element(here, place)  # r - 2 sweeps of the steps before
    rest = ops.sub(steps, _element(less, ops.add(place, full((), 2, np.int32))))
    last = ops.sub(steps, full_like(steps, 1))
    return ops.min(ops.max(ops.max(near, rest), full_like(steps, 1)), last)


def _row(numbers: np.ndarray, i: Any) -> Any:
    """Row `i` of a table of constants."""
    from axil.dialects.op import OPS

    whole = OPS["constant"](value=numbers)
    starts = ops.pad(ops.reshape(i, shape=(1,)), full((), 0, np.int32), low=(0,), high=(1,), interior=(0,))
    return ops.reshape(ops.dynamic_slice(whole, starts, sizes=(1, numbers.shape[1])), shape=(numbers.shape[1],))


def _element(row: Any, i: Any) -> Any:
    return ops.reshape(ops.dynamic_slice(row, ops.reshape(i, shape=(1,)), sizes=(1,)), shape=())
