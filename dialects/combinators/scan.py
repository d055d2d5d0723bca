"""`scan`: a loop of known length that carries state, reads one row of its inputs and writes one row a step.

Operands are `(consts, carry, xs)`, the body maps `(consts, carry, x)` to `(carry, y)`, results are
`(carry, ys)`; `xs` and `ys` have a leading dimension of `length`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, pick, split, spread
from axil.dialects.errors import ShapeError
from axil.dialects.factories import add_tangents, ops
from axil.dialects.op import is_linear, zeros_like_aval


def _signature(
    functions: list[Signature], *, consts: int, carry: int, length: int, reverse: bool, unroll: int
) -> Signature:
    (body,) = functions
    if min(consts, carry, length) < 0 or consts + carry > len(body.inputs) or carry > len(body.outputs):
        raise ShapeError(f"'scan': consts = {consts}, carry = {carry} and length = {length} do not fit a body "
                         f"of {len(body.inputs)} operands and {len(body.outputs)} results")  # fmt: skip
    c, s, x = split(body.inputs, consts, carry)
    s_out, y = split(body.outputs, carry)
    if s != s_out:
        raise ShapeError(f"'scan': the body takes the carry {_list(s)} and gives {_list(s_out)}; they must be equal")
    stack = [a.with_shape((length, *a.shape)) for a in x]
    rows = [a.with_shape((length, *a.shape)) for a in y]
    return Signature((*c, *s, *stack), (*s, *rows))


def _list(avals: list) -> str:
    return "(" + ", ".join(map(str, avals)) + ")"


def _reference(
    functions: Any, operands: Any, *, consts: int, carry: int, length: int, reverse: bool, unroll: int, outputs: Any
) -> list:
    (body,) = functions
    c, state, xs = split(operands, consts, carry)
    ys = [np.empty(a.shape, a.dtype) for a in outputs[carry:]]
    for i in range(length - 1, -1, -1) if reverse else range(length):
        results = body([*c, *state, *[x[i] for x in xs]])
        state = results[:carry]
        for row, y in zip(ys, results[carry:]):
            row[i] = y
    return [*state, *ys]


def _counts(site: Site) -> tuple[int, int]:
    return site.parameters["consts"], site.parameters["carry"]


def _carry_fixpoint(mask: list[bool], consts: int, carry: int, step: Any) -> list[bool]:
    """Grow the carry's part of an operand mask until the body's outputs add nothing to it."""
    while True:
        grown = [a or b for a, b in zip(mask[consts : consts + carry], step(tuple(mask))[:carry])]
        if grown == mask[consts : consts + carry]:
            return mask
        mask = [*mask[:consts], *grown, *mask[consts + carry :]]


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    consts, carry = _counts(site)
    (body,) = site.functions
    mask = _carry_fixpoint(given(tangents), consts, carry, lambda m: d.jvp(body, m).nonzero)
    tangents = instantiate(tangents, d.avals(primals), mask)
    derived = d.jvp(body, tuple(mask))
    of = d.signature(body)
    mc, ms, mx = split(mask, consts, carry)
    out_mask = [*ms, *derived.nonzero[carry:]]

    def step(*args: Any) -> list:
        c, tc, s, ts, x, tx = split(args, consts, sum(mc), carry, sum(ms), len(of.inputs) - consts - carry)
        outs, touts = d.call_jvp(derived, [*c, *s, *x], spread([*tc, *ts, *tx], mask))
        touts = instantiate(touts, of.outputs, out_mask)
        return [*outs[:carry], *pick(touts[:carry], ms), *outs[carry:], *pick(touts[carry:], out_mask[carry:])]

    (c, s, x), (tc, ts, tx) = split(of.inputs, consts, carry), split(pick(of.inputs, mask), sum(mc), sum(ms))
    new_body = d.build(f"{body}.step", [*c, *tc, *s, *ts, *x, *tx], step)
    new = site.replace((new_body,), consts=consts + sum(mc), carry=carry + sum(ms))
    (pc, ps, px), (dc, ds, dx) = split(primals, consts, carry), split(pick(tangents, mask), sum(mc), sum(ms))
    results = d.call_site(new, [*pc, *dc, *ps, *ds, *px, *dx])
    s, ts, y, ty = split(results, carry, sum(ms), len(of.outputs) - carry)
    return [*s, *y], [*spread(ts, ms), *spread(ty, out_mask[carry:])]


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    consts, carry = _counts(site)
    (body,) = site.functions
    of = d.signature(body)
    # Constants and rows that the linear part needs are read again; a carry has to be stacked.
    forwardable = tuple(not consts <= i < consts + carry for i in range(len(of.inputs)))
    mask = _carry_fixpoint(
        given(tangents), consts, carry, lambda m: d.linearize(body, m, forwardable).nonzero
    )
    tangents = instantiate(tangents, d.avals(primals), mask)
    parts = d.linearize(body, tuple(mask), forwardable)

    forward = d.call_site(site.replace((parts.forward,)), primals)
    outs, stacked = split(forward, len(of.outputs))
    residuals = [primals[r.index] if r.is_operand else stacked[r.index] for r in parts.residuals]
    from_const = [r.is_operand and r.index < consts for r in parts.residuals]
    mc, ms, mx = split(mask, consts, carry)
    out_mask = [*ms, *parts.nonzero[carry:]]

    def step(*args: Any) -> list:
        rc, tc, ts, tx, rx = split(args, sum(from_const), sum(mc), sum(ms), sum(mx))
        rest = {True: iter(rc), False: iter(rx)}
        touts = d.call(parts.linear, [*[next(rest[f]) for f in from_const], *tc, *ts, *tx])
        touts = instantiate(spread(touts, parts.nonzero), of.outputs, out_mask)
        return pick(touts, out_mask)

    linear_inputs = d.signature(parts.linear).inputs
    res_avals, t_avals = split(linear_inputs, len(parts.residuals))
    rc, rx = pick(res_avals, from_const), pick(res_avals, [not f for f in from_const])
    new_body = d.build(f"{body}.linear_step", [*rc, *t_avals, *rx], step)
    new = site.replace((new_body,), consts=len(rc) + sum(mc), carry=sum(ms))
    results = d.call_site(
        new, [*pick(residuals, from_const), *pick(tangents, mask), *pick(residuals, [not f for f in from_const])]
    )
    return outs, spread(results, out_mask)


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    consts, carry = _counts(site)
    (body,) = site.functions
    of = d.signature(body)
    lin = [is_linear(v) for v in operands]
    # An initial carry may be a known zero, but the carry is linear in the tangents all the same.
    lin[consts : consts + carry] = [True] * carry
    lc, _, lx = split(lin, consts, carry)
    transposed = d.transpose(body, tuple(lin))
    c, s, x = split(of.inputs, consts, carry)
    y = of.outputs[carry:]
    ct_s, ct_y = split(cts, carry)
    y_given = given(ct_y)
    kept_c, kept_x = pick(c, [not m for m in lc]), pick(x, [not m for m in lx])

    def step(*args: Any) -> list:
        rc, acc, cs, cy, rx = split(args, len(kept_c), sum(lc), carry, sum(y_given))
        cy = instantiate(spread(cy, y_given), y)
        grads = d.call(transposed, [*rc, *rx, *cs, *cy])
        gc, gs, gx = split(grads, sum(lc), carry)
        return [*[add_tangents(a, g) for a, g in zip(acc, gc)], *gs, *gx]

    acc_avals = pick(c, lc)
    new_body = d.build(f"{body}.transposed_step", [*kept_c, *acc_avals, *s, *pick(y, y_given), *kept_x], step)
    new = site.replace(
        (new_body,), consts=len(kept_c), carry=sum(lc) + carry, reverse=not site.parameters["reverse"]
    )
    ops_c, _, ops_x = split(operands, consts, carry)
    results = d.call_site(new, [
        *pick(ops_c, [not m for m in lc]), *map(zeros_like_aval, acc_avals),
        *instantiate(ct_s, s), *pick(ct_y, y_given), *pick(ops_x, [not m for m in lx]),
    ])  # fmt: skip
    gc, gs, gx = split(results, sum(lc), carry)
    return [*spread(gc, lc), *gs, *spread(gx, lx)]


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    consts, carry = _counts(site)
    (body,) = site.functions
    mask = _carry_fixpoint(
        list(batched), consts, carry, lambda m: d.batch(body, m, size, axis_name).batched
    )
    derived = d.batch(body, tuple(mask), size, axis_name, at_least=mask[consts : consts + carry])
    moved = []
    for i, (v, was, now) in enumerate(zip(operands, batched, mask)):
        if now and not was:
            v = d.broadcast_batch(v, size)
        elif was and i >= consts + carry:
            v = swap_leading(v)  # the step comes first, then the batch
        moved.append(v)
    results = d.call_site(site.replace((derived.function,)), moved)
    out_batched = list(derived.batched)
    results = [
        swap_leading(r) if i >= carry and b else r for i, (r, b) in enumerate(zip(results, out_batched))
    ]
    return results, out_batched


def swap_leading(x: Any) -> Any:
    """Swap the first two dimensions."""
    from axil.dialects.avals import shape_of

    rest = tuple(range(2, len(shape_of(x))))
    return ops.transpose(x, permutation=(1, 0, *rest))


scan = Combinator(
    name="scan",
    summary="A loop of known length: carries state, reads a row of each input and writes a row of each output a step.",
    functions=("body",),
    parameters={"consts": "int", "carry": "int", "length": "int", "reverse": "bool", "unroll": "int"},
    signature=_signature, reference=_reference, jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch,
    lower=lambda lowering, site, operands: lowering.scan(site, operands),
)  # fmt: skip
