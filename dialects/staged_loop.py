"""Loops in numerical formulas: series and continued fractions, which end where they have converged.

`repeat` is written once for both worlds of `staged.py`. In NumPy elements that have converged drop out of the arrays
that the next steps work on. In a lowering for CPUs each element has a loop of its own, in registers: a scan of the
`while` combinator over the elements, which becomes one kernel. Elsewhere all elements step together.
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


def _in_numpy(step: Any, going: Any, state: list, constants: Any, limit: int) -> list[np.ndarray]:
    results = [np.array(np.broadcast_to(s, state[0].shape)).reshape(-1) for s in state]
    now, rest = list(results), [np.reshape(c, -1) for c in constants]
    places = np.arange(results[0].size)
    on = np.reshape(going(*now, *rest), -1)
    for _ in range(limit):
        if not on.all():
            for result, value in zip(results, now):
                result[places] = value
            if not on.any():
                break
            places, now, rest = places[on], [v[on] for v in now], [c[on] for c in rest]
        now = list(step(*now, *rest))
        on = going(*now, *rest)
    else:
        for result, value in zip(results, now):
            result[places] = value
    return [result.reshape(state[0].shape) for result in results]


def _staged(step: Any, going: Any, state: Any, constants: Any, limit: int) -> list[Staged]:
    from axil.dialects.avals import aval_of

    context = _lowering.context
    values = [v.value for v in (*state, *constants)]
    if not aval_of(values[0]).shape:
        return _loop(context, step, going, values, len(state), limit)
    if context.platform == "cpu" and context.use_kernels:
        return _each_alone(context, step, going, values, len(state), limit)
    return _together(context, step, going, values, len(state), limit)


def _loop(context: Any, step: Any, going: Any, values: list, n: int, limit: int, emit: Any = None) -> list[Staged]:
    """The loop of one element: scalars; `emit` takes the derived function instead of lowering it."""
    from axil.dialects import hlo
    from axil.dialects.avals import aval, aval_of
    from axil.dialects.combinators.combinator import Site
    from axil.dialects.combinators.while_loop import while_loop

    def condition(i: Any, *scalars: Any) -> list:
        below = hlo.compare(i, hlo.constant(limit, np.int32), "LT")
        return [hlo.op("and", below, going(*map(Staged, scalars)).value)]

    def body(i: Any, *scalars: Any) -> list:
        new = step(*map(Staged, scalars))
        return [hlo.op("add", i, hlo.constant(1, np.int32)), *[v.value for v in new], *scalars[n:]]

    avals = [aval((), np.dtype(np.int32)), *[aval_of(v) for v in values]]
    functions = context.d.build("repeat.while", avals, condition), context.d.build("repeat.step", avals, body)
    site = Site(while_loop, functions, {"cond_consts": 0, "body_consts": 0})
    operands = [hlo.constant(0, np.int32), *values]
    results = emit(site, operands) if emit else context.while_loop(site, operands)
    return [Staged(v) for v in results[1 : 1 + n]]


def _each_alone(context: Any, step: Any, going: Any, values: list, n: int, limit: int) -> list[Staged]:
    """A scan over the elements, whose body is the loop of one."""
    from axil.dialects import hlo
    from axil.dialects.avals import aval_of
    from axil.dialects.combinators.combinator import Site
    from axil.dialects.combinators.scan import scan

    of = aval_of(values[0])
    rows = [hlo.reshape(v, (of.size,)) for v in values]

    def row(*scalars: Any) -> list:
        return [v.value for v in _loop(context, step, going, list(scalars), n, limit, context.d.call_site)]

    body = context.d.build("repeat.row", [aval_of(v).with_shape(()) for v in values], row)
    site = Site(scan, (body,), {"length": of.size, "consts": 0, "carry": 0, "reverse": False, "unroll": 1})
    return [Staged(hlo.reshape(v, of.shape)) for v in context.scan(site, rows)]


def _together(context: Any, step: Any, going: Any, values: list, n: int, limit: int) -> list[Staged]:
    """One loop of arrays, which runs while an element goes on, and holds those that have ended."""
    from axil.dialects import hlo
    from axil.dialects.avals import aval, aval_of
    from axil.dialects.combinators.combinator import Site
    from axil.dialects.combinators.while_loop import while_loop

    def condition(i: Any, on: Any, *_: Any) -> list:
        below = hlo.compare(i, hlo.constant(limit, np.int32), "LT")
        axes = list(range(len(aval_of(values[0]).shape)))
        (some,) = hlo.reduce([on], [hlo.constant(False)], axes, lambda a, b: hlo.op("or", a, b))
        return [hlo.op("and", below, some)]

    def body(i: Any, on: Any, *arrays: Any) -> list:
        old, rest = [Staged(v) for v in arrays[:n]], [Staged(v) for v in arrays[n:]]
        new = [Staged(hlo.select(on, a.value, b.value)) for a, b in zip(step(*old, *rest), old)]
        still = Staged(on) & going(*new, *rest)
        after = hlo.op("add", i, hlo.constant(1, np.int32))
        return [after, still.value, *[v.value for v in new], *arrays[n:]]

    on = going(*map(Staged, values)).value
    avals = [aval((), np.dtype(np.int32)), aval_of(on), *[aval_of(v) for v in values]]
    functions = context.d.build("repeat.while", avals, condition), context.d.build("repeat.step", avals, body)
    site = Site(while_loop, functions, {"cond_consts": 0, "body_consts": 0})
    results = context.while_loop(site, [hlo.constant(0, np.int32), on, *values])
    return [Staged(v) for v in results[2 : 2 + n]]
