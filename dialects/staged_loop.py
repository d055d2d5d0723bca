"""Loops in numerical formulas: series and continued fractions, which end where they have converged.

`repeat` is written once for both worlds of `staged.py`. In NumPy it is a Python loop; in a lowering it is the `while`
combinator on arrays, so small ones become one kernel and large ones dispatches that use all cores. All elements
step together until the last has converged; those that have are held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from axil.dialects.staged import Staged

_lowering = threading.local()


@contextmanager
def lowering_for(context: Any) -> Iterator[None]:
    """Formulas that are staged inside may loop: `context` is what the lowering rule was given."""
    before = getattr(_lowering, "context", None)
    _lowering.context = context
    try:
        yield
    finally:
        _lowering.context = before


def repeat(
    step: Callable[..., Sequence[Any]], going: Callable[..., Any], state: Sequence[Any], constants: Sequence[Any] = (),
    limit: int = 2000,
) -> list[Any]:  # fmt: skip
    """The state after steps, for each element as long as `going` holds for it, and at most `limit` of them.

    `step(*state, *constants)` gives the next state, `going(*state, *constants)` booleans; all are arrays of one shape.
    A step may use nothing from outside but numbers.
    """
    if not isinstance(state[0], Staged):
        return _in_numpy(step, going, [np.asarray(s) for s in state], constants, limit)
    if 0 in state[0].value.type.shape:
        return list(state)
    return _staged(step, going, state, constants, limit)


def _in_numpy(step: Any, going: Any, state: list, constants: Any, limit: int) -> list:
    on = np.asarray(going(*state, *constants))
    for _ in range(limit):
        if not on.any():
            break
        state = [np.where(on, new, old) for new, old in zip(step(*state, *constants), state)]
        on = on & going(*state, *constants)
    return state


def _staged(step: Any, going: Any, state: Any, constants: Any, limit: int) -> list[Staged]:
    from axil.dialects import hlo
    from axil.dialects.avals import aval
    from axil.dialects.combinators.combinator import Site
    from axil.dialects.combinators.while_loop import while_loop
    from axil.dialects.mlir import aval_of_type

    context, n = _lowering.context, len(state)
    on = going(*state, *constants)
    operands = [hlo.constant(0, np.int32), on.value, *[s.value for s in state], *[c.value for c in constants]]
    avals = [aval_of_type(v.type) for v in operands]

    def condition(i: Any, on: Any, *_: Any) -> list:
        below = hlo.compare(i, hlo.constant(limit, np.int32), "LT")
        axes = range(len(avals[1].shape))
        if axes:
            either = lambda a, b: hlo.op("or", a, b)
            (on,) = hlo.reduce([on], [hlo.constant(False)], list(axes), either)
        return [hlo.op("and", below, on)]

    def body(i: Any, on: Any, *values: Any) -> list:
        old, rest = [Staged(v) for v in values[:n]], [Staged(v) for v in values[n:]]
        new = [Staged(hlo.select(on, a.value, b.value)) for a, b in zip(step(*old, *rest), old)]
        still = Staged(on) & going(*new, *rest)
        after = hlo.op("add", i, hlo.constant(1, np.int32))
        return [after, still.value, *[v.value for v in new], *values[n:]]

    assert avals[0] is aval((), np.dtype(np.int32))
    functions = context.d.build("repeat.while", avals, condition), context.d.build("repeat.step", avals, body)
    site = Site(while_loop, functions, {"cond_consts": 0, "body_consts": 0})
    return [Staged(v) for v in context.while_loop(site, operands)[2 : 2 + n]]
