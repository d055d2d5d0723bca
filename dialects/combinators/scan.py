"""`scan`: a loop of known length that carries state, reads one row of its inputs and writes one row a step.

Operands are `(consts, carry, xs)`, the body maps `(consts, carry, x)` to `(carry, y)`, results are
`(carry, ys)`; `xs` and `ys` have a leading dimension of `length`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.combinators import steps
from axil.dialects.combinators.checking import checkify_scan
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, pick, split, spread
from axil.dialects.combinators.jets import jet_scan
from axil.dialects.combinators.pruning import prune_scan
from axil.dialects.combinators.saving import save_scan
from axil.dialects.combinators.sums import Outside, Sums, accumulate
from axil.dialects.errors import ShapeError
from axil.dialects.factories import ops
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
    if any(kept := _unchanged(d, body, consts, carry)):
        return _linearize_without(d, site, kept, primals, tangents)
    of = d.signature(body)
    # Constants and rows that the linear part needs are read again; a carry has to be stacked.
    forwardable = tuple(not consts <= i < consts + carry for i in range(len(of.inputs)))
    mask = _carry_fixpoint(
        given(tangents), consts, carry, lambda m: d.linearize(body, m, forwardable).nonzero
    )
    tangents = instantiate(tangents, d.avals(primals), mask)
    parts = d.linearize(body, tuple(mask), forwardable)

    n_out = len(of.outputs)
    once = _constant_results(d, parts.forward, consts)[n_out:]  # residuals that are the same in every step
    forward, before = parts.forward, []
    if any(once):
        everything = lambda block: list(list(block.operations)[-1].operation.operands)
        step_only = [True] * n_out + [not o for o in once]
        forward = d.variant(parts.forward, parts.forward, lambda block: pick(everything(block), step_only))
        hoisted = lambda block: pick(everything(block)[n_out:], once)
        before = d.call(d.part(parts.forward, f"{body}.constants", consts, hoisted), primals[:consts])
    outs, stacked = split(d.call_site(site.replace((forward,)), primals), n_out)
    values = {True: iter(before), False: iter(stacked)}
    kept_values = [next(values[o]) for o in once]
    residuals = [primals[r.index] if r.is_operand else kept_values[r.index] for r in parts.residuals]
    from_const = [r.index < consts if r.is_operand else once[r.index] for r in parts.residuals]
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


def _constant_results(d: Any, function: str, consts: int) -> list[bool]:
    """Which results depend on nothing but the first `consts` operands: they are the same in every step."""
    from axil.dialects.emit import declared_op

    block = d[function].regions[0].blocks[0]
    constant = set(list(block.arguments)[:consts])
    *body, terminator = [op.operation for op in block.operations]
    for op in body:
        declaration = declared_op(op.name)
        if declaration is not None and not declaration.has_effect and all(v in constant for v in op.operands):
            constant.update(op.results)
    return [v in constant for v in terminator.operands]


def _unchanged(d: Any, body: str, consts: int, carry: int) -> list[bool]:
    """Which carries the body just hands on."""
    block = d[d.flat(body)].regions[0].blocks[0]
    state = list(block.arguments)[consts : consts + carry]
    given_on = list(list(block.operations)[-1].operation.operands)[:carry]
    return [before == after for before, after in zip(state, given_on)]


def _linearize_without(d: Any, site: Site, kept: list[bool], primals: Any, tangents: Any) -> tuple[list, list]:
    """Linearize with carries that never change as constants: those are not stacked, and their cotangents summed."""
    consts, carry = _counts(site)
    (body,) = site.functions
    of = d.signature(body)
    changed = [not k for k in kept]

    def moved(values: Any) -> list:
        c, s, x = split(values, consts, carry)
        return [*c, *pick(s, kept), *pick(s, changed), *x]

    def step(*args: Any) -> list:
        c, fixed, s, x = split(args, consts, sum(kept), sum(changed))
        parts = {True: iter(fixed), False: iter(s)}
        results = d.call(body, [*c, *[next(parts[k]) for k in kept], *x])
        return [*pick(results[:carry], changed), *results[carry:]]

    new_body = d.build(f"{body}.changing", moved(of.inputs), step)
    new = site.replace((new_body,), consts=consts + sum(kept), carry=sum(changed))
    outs, touts = _linearize(d, new, moved(primals), moved(tangents))

    def restored(values: list, before: Any) -> list:
        rest = iter(values)
        return [*[b if k else next(rest) for k, b in zip(kept, before[consts : consts + carry])], *rest]

    return restored(outs, primals), restored(touts, tangents)


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
    n_x = len(kept_x)
    sums, recipes, inner = _sums(d, transposed, sum(lc), len(kept_c), n_x, carry, y_given, site.parameters["length"])

    def step(*args: Any) -> list:
        rc, acc, cs, cy, rx = split(args, len(kept_c), len(sums.added), carry, sum(y_given))
        cy = instantiate(spread(cy, y_given), y)
        added, others = split(d.inline(inner, [*rc, *rx, *cs, *cy]), len(sums.added))
        acc = [accumulate(a, g, others) for a, g in zip(acc, added)]
        return [*acc, *others]

    acc_avals = d.avals(sums.added)
    new_body = d.build(f"{body}.transposed_step", [*kept_c, *acc_avals, *s, *pick(y, y_given), *kept_x], step)
    new = site.replace(
        (new_body,), consts=len(kept_c), carry=len(acc_avals) + carry, reverse=not site.parameters["reverse"]
    )
    ops_c, _, ops_x = split(operands, consts, carry)
    ops_c, ops_x = pick(ops_c, [not m for m in lc]), pick(ops_x, [not m for m in lx])
    cy = pick(ct_y, y_given)
    results = d.call_site(new, [*ops_c, *map(zeros_like_aval, acc_avals), *instantiate(ct_s, s), *cy, *ops_x])
    added, gs, gx, stacks = split(results, len(acc_avals), carry, sum(lx))
    zeros = [zeros_like_aval(a) for a in s]  # in the place of carries, which no sum reads
    outside = Outside(dict(enumerate([*ops_c, *ops_x, *zeros, *spread(cy, y_given)])), added, stacks)
    gc = [recipe(outside) for recipe in recipes]
    return [*spread(gc, lc), *gs, *spread(gx, lx)]


def _sums(
    d: Any, transposed: str, wanted: int, n_consts: int, n_x: int, carry: int, y_given: list[bool], length: int
) -> tuple[Sums, list, str]:
    """How the first `wanted` results of a transposed body are summed, and the body that gives what that takes.

    The transposed body's arguments are constants, rows, cotangents of the carry, and those of the rows of results.
    """
    plans: list = []

    def outputs(block: Any) -> list:
        arguments = list(block.arguments)
        first_y = n_consts + n_x + carry
        rows = [*range(n_consts, n_consts + n_x), *[first_y + i for i, g in enumerate(y_given) if g]]
        sums = Sums(length, {arguments[i]: i for i in range(n_consts)}, {arguments[i]: i for i in rows})
        results = list(list(block.operations)[-1].operation.operands)
        plans.append((sums, [sums.plan(v) for v in results[:wanted]]))
        return [*sums.added, *results[wanted:], *sums.stacked]

    inner = d.variant(transposed, f"{transposed}.sums", outputs)
    (sums, recipes), = plans
    return sums, recipes, inner


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
    repeats=lambda *, length, **more: length,
    summary="A loop of known length: carries state, reads a row of each input and writes a row of each output a step.",
    functions=("body",),
    parameters={"consts": "int", "carry": "int", "length": "int", "reverse": "bool", "unroll": "int"},
    signature=_signature, reference=_reference, jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch,
    save=save_scan, checkify=checkify_scan, jet=jet_scan, prune=prune_scan,
    lower=lambda lowering, site, operands: lowering.scan(site, operands),
    steps=steps.scan,
)  # fmt: skip
