"""`replay`: a loop of a known number of steps that goes through the states of another, and does something at each.

Operands are `(count, consts, state, step_consts, y)`. `body` maps `(consts, state)` to the next state, `step` maps
`(consts, state, step_consts, y)` to the next `y`; in `count` steps, results are the last `y`. It is the linear part of
`bounded_while`: there `step` is linear in `(step_consts, y)`, the tangents.

With `checkpoints = 0` it is that of a `while`, and has no transpose.

All rules but the transpose are those of the `bounded_while` that carries both. The transpose goes through the states
last to first (`reversal`), in loops that are bounded again: so derivatives of any order have reverse modes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.combinators.bounded_while import COUNT, bounded_while, increment, zero
from axil.dialects.combinators.combinator import Combinator, Signature, Site, instantiate, split
from axil.dialects.combinators.reversal import Reversal
from axil.dialects.combinators.while_loop import while_loop
from axil.dialects.errors import DifferentiationError, ShapeError
from axil.dialects.factories import add_tangents, ops
from axil.dialects.op import is_linear, zeros_like_aval


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
    results, failure = _rule(new, "checkify")(d, new, _arrange(d, site, operands, zero()), categories)
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

    def back(consts: list, state: list, carry: list) -> list:
        totals, ct = split(carry, len(sums))
        grads, ct = split(d.call(backward, [*consts, *state, *ct]), len(sums))
        return [*[add_tangents(a, g) for a, g in zip(totals, grads)], *ct]

    reversal = Reversal(d, body, consts, **_bounds(site))
    grads = reversal.run(count, state, back, [*sums, *instantiate(cts, of.outputs)])
    linear = [is_linear(v) for v in [*more, *y]]
    return [None] * (1 + known) + [g if m else None for g, m in zip(grads, linear)]


replay = Combinator(
    name="replay",
    summary="Goes through the states of a loop again, and carries something along that is linear, or not.",
    functions=("body", "step"),
    parameters={"consts": "int", "state": "int", "max_steps": "int", "checkpoints": "int"},
    signature=_signature, reference=_reference, jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch,
    checkify=_checkify, lower=_lower,
)  # fmt: skip
