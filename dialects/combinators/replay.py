"""`replay`: a loop of a known number of steps that goes through the states of another, and does something at each.

Operands are `(count, consts, state, step_consts, y)`. `body` maps `(consts, state)` to the next state, `step` maps
`(consts, state, step_consts, y)` to the next `y`; in `count` steps, results are the last `y`. It is the linear part of
`bounded_while`: there `step` is linear in `(step_consts, y)`, the tangents.

With `checkpoints = 0` it is that of a `while`, and has no transpose.

All rules but the transpose are those of the `bounded_while` that carries both. The transpose has to go through
the states last to first. It keeps `checkpoints` of them on a stack, with the positions that they are of: as long as the
top is not the wanted state, the loop advances from it by as many steps as `revolve` says and pushes what it finds.
The program of all that is a `bounded_while` again, and so derivatives of any order have reverse modes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.combinators import revolve
from axil.dialects.combinators.bounded_while import COUNT, bounded_while, increment, loop, zero
from axil.dialects.combinators.combinator import Combinator, Signature, Site, instantiate, split
from axil.dialects.combinators.while_loop import while_loop
from axil.dialects.errors import DifferentiationError, ShapeError
from axil.dialects.factories import add_tangents, ops
from axil.dialects.op import full, full_like, is_linear, zeros_like_aval


def _signature(
    functions: list[Signature], *, consts: int, state: int, max_steps: int, checkpoints: int
) -> Signature:  # fmt: skip
    body, step = functions
    known, n = consts + state, len(step.inputs) - len(step.outputs)
    fits = len(body.inputs) == known <= n and body.outputs == body.inputs[consts:]
    if not fits or step.inputs[:known] != body.inputs or step.inputs[n:] != step.outputs:
        raise ShapeError(
            f"'replay': the body must map (consts, state) to the state and the step (consts, state, step_consts, y) "
            f"to y, got {_text(body)} and {_text(step)} with consts = {consts} and state = {state}"
        )
    return Signature((COUNT, *step.inputs), step.outputs)


def _text(s: Signature) -> str:
    return f"({', '.join(map(str, s.inputs))}) -> ({', '.join(map(str, s.outputs))})"


def _reference(
    functions: Any, operands: Any, *, consts: int, state: int, max_steps: int, checkpoints: int, outputs: Any
) -> list:
    body, step = functions
    count, *rest = operands
    constants, now, more = split(rest, consts, state)
    more, y = split(more, len(more) - len(outputs))
    for _ in range(int(count)):
        y = step([*constants, *now, *more, *y])
        now = body([*constants, *now])
    return list(y)


def _groups(d: Any, site: Site, values: Any) -> list[list]:
    """Values, one an operand, in groups: count, consts, state, step_consts, y."""
    n_y = len(d.signature(site.functions[1]).outputs)
    consts, state = site.parameters["consts"], site.parameters["state"]
    return split(values, 1, consts, state, len(values) - 1 - consts - state - n_y)


def _bounds(site: Site) -> dict[str, int]:
    return {k: site.parameters[k] for k in ("max_steps", "checkpoints")}


# ---- as a loop that carries states and results ---------------------------------------------------------


def _as_loop(d: Any, site: Site) -> Site:
    """The loop over (step number, state, y), whose operands are (count; consts, step_consts; 0, state, y)."""
    body, step = site.functions
    _, c, s, m, y = _groups(d, site, (COUNT, *d.signature(step).inputs))

    def condition(*args: Any) -> list:
        return [ops.lt(args[1], args[0])]

    def both(*args: Any) -> list:
        consts, more, (i,), state, now = split(args, len(c), len(m), 1, len(s))
        after = d.call(step, [*consts, *state, *more, *now])
        return [increment(i), *d.call(body, [*consts, *state]), *after]

    cond = d.build(f"{step}.goes_on", [COUNT, COUNT, *s, *y], condition)
    new = d.build(f"{step}.replayed", [*c, *m, COUNT, *s, *y], both)
    counts = {"cond_consts": 1, "body_consts": len(c) + len(m)}
    if not site.parameters["checkpoints"]:
        return Site(while_loop, (cond, new), counts)
    return Site(bounded_while, (cond, new), {**counts, **_bounds(site)})


def _arrange(d: Any, site: Site, values: Any, start: Any) -> list:
    """Values, one an operand, in the order of that loop's operands."""
    count, consts, state, more, y = _groups(d, site, values)
    return [*count, *consts, *more, start, *state, *y]


def _results(d: Any, site: Site, values: Any) -> list:
    """Of values, one a result of that loop, those of the results."""
    return list(values)[1 + site.parameters["state"] :]


def _rule(site: Site, name: str) -> Any:
    return getattr(site.combinator, name)


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    new = _as_loop(d, site)
    found = _rule(new, "jvp")(d, new, _arrange(d, site, primals, zero()), _arrange(d, site, tangents, None))
    return _results(d, site, found[0]), _results(d, site, found[1])


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    new = _as_loop(d, site)
    found = _rule(new, "linearize")(d, new, _arrange(d, site, primals, zero()), _arrange(d, site, tangents, None))
    return _results(d, site, found[0]), _results(d, site, found[1])


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    new = _as_loop(d, site)
    arranged, flags = _arrange(d, site, operands, zero()), _arrange(d, site, batched, False)
    found = _rule(new, "batch")(d, new, arranged, flags, size, axis_name)
    return _results(d, site, found[0]), _results(d, site, found[1])


def _checkify(d: Any, site: Site, operands: Any, categories: tuple[str, ...]) -> tuple[list, Any]:
    new = _as_loop(d, site)
    results, failure = bounded_while.checkify(d, new, _arrange(d, site, operands, zero()), categories)
    return _results(d, site, results), failure


def _lower(lowering: Any, site: Site, operands: Any) -> list:
    from axil.dialects import hlo

    new = _as_loop(lowering.d, site)
    arranged = _arrange(lowering.d, site, operands, hlo.constant(0, np.int32))
    # The count is one that the loop had: it bounds the steps by itself.
    plain = {k: new.parameters[k] for k in ("cond_consts", "body_consts")}
    return _results(lowering.d, site, lowering.while_loop(Site(while_loop, new.functions, plain), arranged))


# ---- backwards -----------------------------------------------------------------------------------------


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    body, step = site.functions
    if not site.parameters["checkpoints"]:
        raise DifferentiationError(
            "reverse-mode differentiation does not go through a 'while' loop, whose number of steps is not known. "
            "Bound them: 'while_loop(..., max_steps=n)'; or use 'scan', or 'fori_loop' with bounds that are Python "
            "integers, or forward mode (jvp, jacfwd)"
        )
    (count,), consts, state, more, y = _groups(d, site, operands)
    of = d.signature(step)
    known = len(consts) + len(state)
    backward = d.transpose(step, (False,) * known + (True,) * (len(of.inputs) - known))
    sums = [zeros_like_aval(a) for a in of.inputs[known : known + len(more)]]
    n_sums = len(sums)
    kept = _Stack.of(d, site, state)

    def goes_on(carry: list) -> Any:
        return ops.gt(carry[0], full_like(carry[0], 0))

    def back(given: list, carry: list) -> list:
        (left,), stack, totals, ct = split(carry, 1, kept.size, n_sums)
        stack = kept.reach(left, stack, given, body)
        grads, ct = split(d.call(backward, [*given, *kept.top(stack), *ct]), n_sums)
        totals = [add_tangents(a, g) for a, g in zip(totals, grads)]
        return [increment(left, -1), *kept.popped(stack), *totals, *ct]

    start = [count, *kept.start(state), *sums, *instantiate(cts, of.outputs)]
    results = loop(d, f"{step}.backward", consts, start, goes_on, back, **_bounds(site))
    grads = results[1 + kept.size :]
    linear = [is_linear(v) for v in [*more, *y]]
    return [None] * (1 + known) + [g if m else None for g, m in zip(grads, linear)]


class _Stack:
    """States that are kept, as values of a loop's carry: the index of the top, the positions, and an array a leaf."""

    def __init__(self, d: Any, hint: str, leaves: int, max_steps: int, checkpoints: int) -> None:
        self.d = d
        self.hint = hint
        self.size = 2 + leaves
        self.max_steps = max_steps
        self.checkpoints = min(checkpoints, max(max_steps, 1))
        self.depth = self.checkpoints + 1  # and the state that is in use
        self.table = revolve.table(max_steps, self.checkpoints)

    @classmethod
    def of(cls, d: Any, site: Site, state: list) -> _Stack:
        """The stack that a loop asks for."""
        return cls(d, site.functions[0], len(state), **_bounds(site))

    def start(self, state: list) -> list:
        """A stack of the initial state alone."""
        first = [full((self.depth, *a.shape), 0, a.dtype) for a in self.d.avals(state)]
        positions = full((self.depth,), 0, np.int32)
        return [zero(), positions, *[_write(rows, x, zero()) for rows, x in zip(first, state)]]

    def top(self, stack: list) -> list:
        """The state on top."""
        return [_read(rows, stack[0]) for rows in stack[2:]]

    def popped(self, stack: list) -> list:
        """The stack without its top."""
        return [increment(stack[0], -1), *stack[1:]]

    def reach(self, left: Any, stack: list, consts: list, body: str) -> list:
        """The stack, with the state on top from which the last of the steps that are left starts."""

        def away(carry: list) -> Any:
            left, top, positions, *_ = carry
            return ops.lt(_read(positions, top), increment(left, -1))

        def push(given: list, carry: list) -> list:
            left, top, positions, *rows = carry
            position = _read(positions, top)
            free = ops.sub(full_like(top, self.checkpoints), top)
            steps = revolve.advance(self.table, ops.sub(left, position), free)
            state = self._advanced(steps, [_read(r, top) for r in rows], given, body)
            top = increment(top)
            positions = _write(positions, ops.add(position, steps), top)
            return [left, top, positions, *[_write(r, x, top) for r, x in zip(rows, state)]]

        hint = f"{self.hint}.push"
        return loop(self.d, hint, consts, [left, *stack], away, push, self.depth, _few(self.depth))[1:]

    def _advanced(self, steps: Any, state: list, consts: list, body: str) -> list:
        """The state some steps later."""
        some = lambda carry: ops.gt(carry[0], full_like(carry[0], 0))
        step = lambda given, carry: [increment(carry[0], -1), *self.d.call(body, [*given, *carry[1:]])]
        found = loop(self.d, f"{self.hint}.advance", consts, [steps, *state], some, step, self.max_steps,
                     self.checkpoints)  # fmt: skip
        return found[1:]


def _few(steps: int) -> int:
    return min(steps, revolve.default_checkpoints(steps))


def _read(rows: Any, i: Any) -> Any:
    """Row `i`."""
    from axil.dialects.avals import shape_of

    shape = shape_of(rows)
    return ops.reshape(ops.dynamic_slice(rows, _starts(i, len(shape)), sizes=(1, *shape[1:])), shape=shape[1:])


def _write(rows: Any, row: Any, i: Any) -> Any:
    """The rows with row `i` replaced."""
    from axil.dialects.avals import shape_of

    shape = shape_of(rows)
    return ops.dynamic_update_slice(rows, ops.reshape(row, shape=(1, *shape[1:])), _starts(i, len(shape)))


def _starts(i: Any, ndim: int) -> Any:
    starts = ops.reshape(i, shape=(1,))
    if ndim > 1:
        starts = ops.pad(starts, zero(), low=(0,), high=(ndim - 1,), interior=(0,))
    return starts


replay = Combinator(
    name="replay",
    summary="Goes through the states of a loop again, and carries something along that is linear, or not.",
    functions=("body", "step"),
    parameters={"consts": "int", "state": "int", "max_steps": "int", "checkpoints": "int"},
    signature=_signature, reference=_reference, jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch,
    checkify=_checkify, lower=_lower,
)  # fmt: skip
