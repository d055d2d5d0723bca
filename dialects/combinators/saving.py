"""How control flow is split for recomputation: the `save` rules of `scan`, `cond` and `checkpoint`.

A body is split as any function is (`axil.compiler.passes.save`); what it keeps becomes further results of the loop or
the branches that run first, and further operands of those that run again.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators.combinator import SavedCall, Site, pick, split, spread
from axil.dialects.op import zeros_like_aval


def save_scan(d: Any, site: Site, policy: str, wanted: tuple[bool, ...]) -> SavedCall:
    """A loop that stacks what each step keeps, and one that runs the rest of each step again."""
    (body,) = site.functions
    consts, carry = site.parameters["consts"], site.parameters["carry"]
    mask = list(wanted)  # grows by the state that a step needs to be run again
    while True:
        parts = d.save(body, policy, tuple(mask))
        const_used, carry_used, x_used = split(parts.used, consts, carry)
        grown = [m or u for m, u in zip(mask, carry_used)]
        if grown == mask[:carry]:
            break
        mask[:carry] = grown
    carried, n_out = mask[:carry], len(mask)

    def known(operands: Any) -> tuple[list, list]:
        results, kept = split(d.call_site(site.replace((parts.known,)), operands), n_out)
        return results, kept

    def step(*args: Any) -> list:
        c, s, rest = split(args, sum(const_used), sum(carried))
        return d.call(parts.again, [*c, *pick(s, pick(carry_used, carried)), *rest])

    def again(operands: Any, kept: list) -> list:
        c, s, x = split(operands, consts, carry)
        of_c, of_s, of_x = split(d.signature(body).inputs, consts, carry)
        rows = d.signature(parts.known).outputs[n_out:]
        inputs = [*pick(of_c, const_used), *pick(of_s, carried), *pick(of_x, x_used), *rows]
        new = site.replace((d.build(f"{body}.again_step", inputs, step),), consts=sum(const_used), carry=sum(carried))
        return spread(d.call_site(new, [*pick(c, const_used), *pick(s, carried), *pick(x, x_used), *kept]), mask)

    return SavedCall(known, again, (*const_used, *carried, *x_used), parts.count)


def save_cond(d: Any, site: Site, policy: str, wanted: tuple[bool, ...]) -> SavedCall:
    """Branches share what they keep, by shape and dtype: only one of them runs."""
    of = d.signature(site.functions[0])
    parts = [d.save(f, policy, wanted) for f in site.functions]
    used = tuple(any(u) for u in zip(*[p.used for p in parts]))
    slots, places = _shared([d.signature(p.known).outputs[len(of.outputs) :] for p in parts])

    def known_of(which: int) -> Any:
        def body(*args: Any) -> list:
            outs, own = split(d.call(parts[which].known, args), len(of.outputs))
            filled = dict(zip(places[which], own))
            return [*outs, *[filled[i] if i in filled else zeros_like_aval(a) for i, a in enumerate(slots)]]

        return body

    def again_of(which: int) -> Any:
        def body(*args: Any) -> list:
            x, kept = split(args, sum(used))
            own = [kept[i] for i in places[which]]
            return d.call(parts[which].again, [*pick(x, pick(parts[which].used, used)), *own])

        return body

    def known(operands: Any) -> tuple[list, list]:
        new = tuple(d.build(f"{f}.known_branch", of.inputs, known_of(i)) for i, f in enumerate(site.functions))
        results, kept = split(d.call_site(site.replace(new), operands), len(of.outputs))
        return results, kept

    def again(operands: Any, kept: list) -> list:
        inputs = [*pick(of.inputs, used), *slots]
        new = tuple(d.build(f"{f}.again_branch", inputs, again_of(i)) for i, f in enumerate(site.functions))
        return spread(d.call_site(site.replace(new), [operands[0], *pick(operands[1:], used), *kept]), wanted)

    return SavedCall(known, again, (True, *used), len(slots))


def _shared(groups: list) -> tuple[list, list[list[int]]]:
    """Slots that hold the values of any one group, and the slot of each value of each group."""
    slots: list = []
    places = []
    for avals in groups:
        free = list(range(len(slots)))
        mine = []
        for a in avals:
            i = next((i for i in free if slots[i] == a), len(slots))
            if i == len(slots):
                slots.append(a)
            else:
                free.remove(i)
            mine.append(i)
        places.append(mine)
    return slots, places


def save_checkpoint(d: Any, site: Site, policy: str, wanted: tuple[bool, ...]) -> SavedCall:
    """A checkpointed function in another: the outer policy decides, as the outer one is what is run again."""
    (function,) = site.functions
    parts = d.save(function, policy, wanted)

    def known(operands: Any) -> tuple[list, list]:
        results, kept = split(d.call_site(site.replace((parts.known,)), operands), len(wanted))
        return results, kept

    def again(operands: Any, kept: list) -> list:
        return spread(d.call_site(site.replace((parts.again,)), [*pick(operands, parts.used), *kept]), wanted)

    return SavedCall(known, again, parts.used, parts.count)


__all__ = ["save_checkpoint", "save_cond", "save_scan"]
