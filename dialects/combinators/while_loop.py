"""`while`: repeat a body as long as a condition on the carry holds.

Operands are `(cond_consts, body_consts, carry)`; `cond` maps `(cond_consts, carry)` to a boolean scalar and
`body` maps `(body_consts, carry)` to the next carry; results are the last carry. The linear part runs the loop again
(`replay`), and cannot be transposed: there is no reverse mode. `bounded_while` has one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.avals import is_bool
from axil.dialects.combinators import steps
from axil.dialects.combinators.checking import call_where, checkify_while
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, pick, split, spread
from axil.dialects.combinators.jets import jet_while
from axil.dialects.combinators.pruning import prune_while
from axil.dialects.errors import ShapeError
from axil.dialects.factories import ops


def _signature(functions: list[Signature], *, cond_consts: int, body_consts: int) -> Signature:
    return signature("while", functions, cond_consts, body_consts)


def signature(name: str, functions: list[Signature], cond_consts: int, body_consts: int) -> Signature:
    """The type of a loop of a condition and a body."""
    cond, body = functions
    (cc, cs), (bc, s) = split(cond.inputs, cond_consts), split(body.inputs, body_consts)
    if cs != s or list(body.outputs) != s:
        raise ShapeError(f"'{name}': the body takes the carry ({_list(s)}), gives ({_list(body.outputs)}) and the "
                         f"condition takes ({_list(cs)}); they must be equal")  # fmt: skip
    if len(cond.outputs) != 1 or cond.outputs[0].shape or not is_bool(cond.outputs[0].dtype):
        raise ShapeError(f"'{name}': the condition must give one boolean scalar, got ({_list(cond.outputs)})")
    return Signature((*cc, *bc, *s), tuple(s))


def _list(avals: Any) -> str:
    return ", ".join(map(str, avals))


def _reference(functions: Any, operands: Any, *, cond_consts: int, body_consts: int, outputs: Any) -> list:
    cond, body = functions
    cc, bc, state = split(operands, cond_consts, body_consts)
    while bool(np.asarray(cond([*cc, *state])[0])):
        state = body([*bc, *state])
    return list(state)


def _counts(site: Site) -> tuple[int, int]:
    return site.parameters["cond_consts"], site.parameters["body_consts"]


def grow(mask: list[bool], start: int, step: Any) -> list[bool]:
    """Grow the carry's part of a mask, which starts at `start`, until the outputs add nothing."""
    while True:
        grown = [a or b for a, b in zip(mask[start:], step(tuple(mask)))]
        if grown == mask[start:]:
            return mask
        mask = [*mask[:start], *grown]


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    n_cond, n_body = _counts(site)
    cond, body = site.functions
    of = d.signature(body)
    mask = grow(given(tangents)[n_cond:], n_body, lambda m: d.jvp(body, m).nonzero)
    derived = d.jvp(body, tuple(mask))
    mc, ms = split(mask, n_body)
    c_avals, s_avals = split(of.inputs, n_body)
    n_carry = len(s_avals)

    def step(*args: Any) -> list:
        c, tc, s, ts = split(args, n_body, sum(mc), n_carry)
        outs, touts = d.call_jvp(derived, [*c, *s], spread([*tc, *ts], mask))
        return [*outs, *instantiate(pick(touts, ms), pick(s_avals, ms))]

    def condition(*args: Any) -> list:
        return d.call(cond, args[: n_cond + n_carry])

    cond_inputs = d.signature(cond).inputs
    new_cond = d.build(f"{cond}.jvp", [*cond_inputs, *pick(s_avals, ms)], condition)
    new_body = d.build(f"{body}.step", [*c_avals, *pick(c_avals, mc), *s_avals, *pick(s_avals, ms)], step)
    new = site.replace((new_cond, new_body), body_consts=n_body + sum(mc))
    cc, bc, s = split(primals, n_cond, n_body)
    _, tbc, ts = split(tangents, n_cond, n_body)
    ts = instantiate(ts, s_avals, ms)
    results = d.call_site(new, [*cc, *bc, *pick(tbc, mc), *s, *pick(ts, ms)])
    return results[:n_carry], spread(results[n_carry:], ms)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    from axil.dialects.combinators.bounded_while import linearize

    return linearize(d, site, primals, tangents)


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    return batch_with(_masked, d, site, operands, batched, size, axis_name)


def batch_with(
    masked: Any, d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str
) -> tuple[list, list]:  # fmt: skip
    """The batching rule of a loop; `masked` makes that of examples that stop at their own times."""
    n_cond, n_body = _counts(site)
    cond, body = site.functions
    b_cond, b_rest = split(batched, n_cond)
    mask = grow(list(b_rest), n_body, lambda m: d.batch(body, m, size, axis_name).batched)
    if d.batch(cond, (*b_cond, *mask[n_body:]), size, axis_name).batched[0]:
        mask = [*mask[:n_body], *[True] * (len(mask) - n_body)]
        return masked(d, site, operands, batched, mask, size, axis_name), mask[n_body:]
    b = d.batch(body, tuple(mask), size, axis_name, at_least=mask[n_body:])
    c = d.batch(cond, (*b_cond, *mask[n_body:]), size, axis_name)
    moved = move(d, operands, batched, [*b_cond, *mask], size)
    return d.call_site(site.replace((c.function, b.function)), moved), mask[n_body:]


def move(d: Any, operands: Any, batched: Any, wanted: Any, size: int) -> list:
    """Operands, broadcast where the loop wants a batch that they do not have."""
    return [d.broadcast_batch(v, size) if now and not was else v for v, was, now in zip(operands, batched, wanted)]


def _masked(d: Any, site: Site, operands: Any, batched: Any, mask: list[bool], size: int, axis_name: str) -> list:
    """The loop of a batch whose examples stop at different times: runs while any goes on, and holds the others."""
    n_cond, n_body = _counts(site)
    cond, body = site.functions
    b_cond = list(batched[:n_cond])
    batched_cond = d.batch(cond, (*b_cond, *mask[n_body:]), size, axis_name)
    batched_body = d.batch(body, tuple(mask), size, axis_name, at_least=mask[n_body:])
    cond_inputs = d.signature(batched_cond.function).inputs
    body_inputs = d.signature(batched_body.function).inputs

    def any_goes_on(*args: Any) -> list:
        (goes_on,) = d.call(batched_cond.function, args)
        return [ops.reduce_or(goes_on, axes=(0,))]

    def step(*args: Any) -> list:
        cc, bc, s = split(args, n_cond, n_body)
        (goes_on,) = d.call(batched_cond.function, [*cc, *s])
        new = call_where(d, body, tuple(mask), size, axis_name, mask[n_body:], [*bc, *s], goes_on)
        return [hold(goes_on, after, before) for after, before in zip(new, s)]

    # The body needs the condition's constants too, to know which examples go on.
    new_cond = d.build(f"{cond}.any", cond_inputs, any_goes_on)
    new_body = d.build(f"{body}.masked", [*cond_inputs[:n_cond], *body_inputs], step)
    moved = move(d, operands, batched, [*b_cond, *mask], size)
    return d.call_site(site.replace((new_cond, new_body), body_consts=n_cond + n_body), [*moved[:n_cond], *moved])


def hold(goes_on: Any, after: Any, before: Any) -> Any:
    """`after` for the examples that go on, `before` for the others."""
    from axil.dialects.avals import shape_of

    shape = shape_of(after)
    predicate = ops.broadcast_in_dim(goes_on, shape=shape, dims=(0,)) if len(shape) > 1 else goes_on
    return ops.select(predicate, after, before)


while_loop = Combinator(
    name="while",
    repeats=lambda **parameters: None,
    summary="Repeats a body as long as a condition on the carry holds. Forward-mode only.",
    functions=("cond", "body"), parameters={"cond_consts": "int", "body_consts": "int"},
    signature=_signature, reference=_reference, jvp=_jvp, linearize=_linearize, batch=_batch,
    checkify=checkify_while, jet=jet_while, prune=prune_while,
    lower=lambda lowering, site, operands: lowering.while_loop(site, operands),
    steps=steps.while_loop,
)  # fmt: skip
