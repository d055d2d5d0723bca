"""`bounded_while`: a `while` of at most `max_steps` steps, which has a reverse mode.

Operands are `(cond_consts, body_consts, carry)` and results the last carry, as for `while`; the loop ends too after
`max_steps` steps. Its time is that of the steps that are taken.

The linear part runs the loop again from its start (`replay`), and so needs no residuals but the operands and the
number of steps. Transposed, it keeps `checkpoints` states at a time and computes the others again (`revolve`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects.avals import Aval, aval, is_inexact
from axil.dialects.combinators import while_loop as plain
from axil.dialects.combinators.checking import call_where, checkify_while
from axil.dialects.combinators.combinator import (
    COMBINATORS,
    Combinator,
    Signature,
    Site,
    given,
    instantiate,
    pick,
    split,
    spread,
)
from axil.dialects.errors import ShapeError
from axil.dialects.factories import ops
from axil.dialects.op import OPS, full, full_like

COUNT = aval((), "int32")
"""The type of numbers of steps."""


def _signature(
    functions: list[Signature], *, cond_consts: int, body_consts: int, max_steps: int, checkpoints: int
) -> Signature:
    if max_steps < 0 or checkpoints < 1:
        raise ShapeError(f"'bounded_while': max_steps must not be negative and checkpoints be at least 1, got "
                         f"{max_steps} and {checkpoints}")  # fmt: skip
    return plain.signature("bounded_while", functions, cond_consts, body_consts)


def _reference(
    functions: Any, operands: Any, *, cond_consts: int, body_consts: int, max_steps: int, checkpoints: int, outputs: Any
) -> list:
    cond, body = functions
    cc, bc, state = split(operands, cond_consts, body_consts)
    for _ in range(max_steps):
        if not bool(np.asarray(cond([*cc, *state])[0])):
            break
        state = body([*bc, *state])
    return list(state)


def counted(d: Any, site: Site, combinator: str) -> Site:
    """The loop with the number of its steps before its carry; as a combinator of a given name.

    Where there is a bound, the condition of the new loop sees to it.
    """
    most = site.parameters.get("max_steps")
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    cond, body = site.functions
    (c_avals, s_avals), b_avals = split(d.signature(cond).inputs, n_cond), d.signature(body).inputs[:n_body]

    def condition(*args: Any) -> list:
        cc, (i,), s = split(args, n_cond, 1)
        (goes_on,) = d.call(cond, [*cc, *s])
        return [goes_on if most is None else OPS["and"](goes_on, ops.lt(i, full_like(i, most)))]

    def step(*args: Any) -> list:
        bc, (i,), s = split(args, n_body, 1)
        return [increment(i), *d.call(body, [*bc, *s])]

    new_cond = d.build(f"{cond}.counted", [*c_avals, COUNT, *s_avals], condition)
    new_body = d.build(f"{body}.counted", [*b_avals, COUNT, *s_avals], step)
    kept = {k: v for k, v in site.parameters.items() if k in COMBINATORS[combinator].parameters}
    return Site(COMBINATORS[combinator], (new_cond, new_body), kept)


def increment(i: Any, by: int = 1) -> Any:
    """`i + by`."""
    return ops.add(i, full_like(i, by))


def zero() -> Any:
    """No steps."""
    return full((), 0, np.int32)


def linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    """The rule of loops with bounds, and of those without, whose linear part has no transpose."""
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    body = site.functions[1]
    of = d.signature(body)
    everything = (True,) * len(of.inputs)
    mask = plain.grow(given(tangents)[n_cond:], n_body, lambda m: d.linearize(body, m, everything).nonzero)
    mc, ms = split(mask, n_body)
    if not any(ms):
        outs = d.call_site(site, primals)
        return outs, [None] * len(outs)
    body = d.quiet(body)  # the steps are run again
    parts = d.linearize(body, tuple(mask), everything)

    def step(*args: Any) -> list:
        x, t = split(args, len(of.inputs))
        _, kept = split(d.call(parts.forward, x), len(of.outputs))
        residuals = [x[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
        touts = spread(d.call(parts.linear, [*residuals, *t]), parts.nonzero)
        return pick(instantiate(touts, of.outputs, ms), ms)

    cc, bc, s = split(primals, n_cond, n_body)
    count, *outs = d.call_site(counted(d, site, site.combinator.name), [*cc, *bc, zero(), *s])
    linear = d.build(f"{body}.linear_step", [*of.inputs, *pick(of.inputs, mask)], step)
    bounds = {k: site.parameters.get(k, 0) for k in ("max_steps", "checkpoints")}
    replay = Site(COMBINATORS["replay"], (body, linear), {"consts": n_body, "state": len(of.outputs), **bounds})
    _, tbc, ts = split(tangents, n_cond, n_body)
    ts = instantiate(ts, of.outputs, ms)
    tbc = instantiate(tbc, of.inputs[:n_body], mc)
    touts = d.call_site(replay, [count, *bc, *s, *pick(tbc, mc), *pick(ts, ms)])
    return outs, spread(touts, ms)


def _masked(d: Any, site: Site, operands: Any, batched: Any, mask: list[bool], size: int, axis_name: str) -> list:
    """The loop of a batch whose examples stop at different times: runs while any goes on, and holds the others.

    The body of one that stopped is run on its initial floats. Its results are not used; but at the state in which the
    loop stopped a derivative may well be infinite, and its product with a cotangent of 0 is not a number.
    """
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    cond, body = site.functions
    b_cond, (mb, ms) = list(batched[:n_cond]), split(mask, n_body)
    c = d.batch(cond, (*b_cond, *ms), size, axis_name)
    b = d.batch(body, tuple(mask), size, axis_name, at_least=ms)
    cc_avals, s_avals = split(d.signature(c.function).inputs, n_cond)
    bc_avals = d.signature(b.function).inputs[:n_body]
    safe = [is_inexact(a.dtype) for a in s_avals]

    def any_goes_on(*args: Any) -> list:
        (goes_on,) = d.call(c.function, args)
        return [ops.reduce_or(goes_on, axes=(0,))]

    def step(*args: Any) -> list:
        cc, bc, start, s = split(args, n_cond, n_body, sum(safe))
        (goes_on,) = d.call(c.function, [*cc, *s])
        start = [ops.stop_gradient(v) for v in start]
        used = [v if u is None else plain.hold(goes_on, v, u) for v, u in zip(s, spread(start, safe))]
        new = call_where(d, body, tuple(mask), size, axis_name, ms, [*bc, *used], goes_on)
        return [plain.hold(goes_on, after, before) for after, before in zip(new, s)]

    new_cond = d.build(f"{cond}.any", [*cc_avals, *s_avals], any_goes_on)
    new_body = d.build(f"{body}.masked", [*cc_avals, *bc_avals, *pick(s_avals, safe), *s_avals], step)
    moved = plain.move(d, operands, batched, [*b_cond, *mb, *ms], size)
    cc, bc, s = split(moved, n_cond, n_body)
    new = site.replace((new_cond, new_body), body_consts=n_cond + n_body + sum(safe))
    return d.call_site(new, [*cc, *cc, *bc, *pick(s, safe), *s])


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    return plain.batch_with(_masked, d, site, operands, batched, size, axis_name)


def _lower(lowering: Any, site: Site, operands: Any) -> list:
    n = site.parameters["cond_consts"] + site.parameters["body_consts"]
    new = counted(lowering.d, site, "while")
    return lowering.while_loop(new, [*operands[:n], zero_lowered(), *operands[n:]])[1:]


def zero_lowered() -> Any:
    """No steps, in StableHLO."""
    from axil.dialects import hlo

    return hlo.constant(0, np.int32)


def loop(
    d: Any, hint: str, consts: Sequence[Any], carry: Sequence[Any], condition: Callable[..., Any],
    step: Callable[..., Sequence[Any]], max_steps: int, checkpoints: int,
) -> list:  # fmt: skip
    """Emit a bounded loop: `condition(carry)` gives a boolean, `step(consts, carry)` the next carry."""
    n = len(consts)
    c_avals: list[Aval] = d.avals(consts)
    s_avals: list[Aval] = d.avals(carry)
    cond = d.build(f"{hint}.cond", s_avals, lambda *s: [condition(list(s))])
    body = d.build(f"{hint}.body", [*c_avals, *s_avals], lambda *args: step(*split(args, n)))
    bounds = {"max_steps": max_steps, "checkpoints": checkpoints}
    site = Site(bounded_while, (cond, body), {"cond_consts": 0, "body_consts": n, **bounds})
    return d.call_site(site, [*consts, *carry])


bounded_while = Combinator(
    name="bounded_while",
    repeats=lambda **parameters: None,
    summary="Repeats a body as long as a condition holds, `max_steps` times at most. Both modes.",
    functions=("cond", "body"),
    parameters={"cond_consts": "int", "body_consts": "int", "max_steps": "int", "checkpoints": "int"},
    signature=_signature, reference=_reference, jvp=plain.while_loop.jvp, linearize=linearize, batch=_batch,
    checkify=checkify_while, jet=plain.while_loop.jet, prune=plain.while_loop.prune, lower=_lower,
    steps=plain.while_loop.steps,
)  # fmt: skip
