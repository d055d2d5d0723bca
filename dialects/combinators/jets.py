"""Taylor mode through control flow: the `jet` rules of loops, branches and calls.

A rule gets the operands of a call and their series (see `axil.dialects.taylor`; `None` for none), and gives results and
their series. Loops carry the coefficients of their carry beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.dialects.combinators.combinator import Site, given, instantiate, pick, split


def flattened(groups: Sequence) -> list:
    """All coefficients of several series in a row."""
    return [c for group in groups if group is not None for c in group]


def grouped(values: Sequence, mask: Sequence[bool], order: int) -> list:
    """The inverse: one series for each true entry, `None` for the others."""
    rest = iter(values)
    return [[next(rest) for _ in range(order)] if m else None for m in mask]


def filled(series: Sequence, avals: Sequence, mask: Sequence[bool], order: int) -> list:
    """Series with zeros written out wherever `mask` wants one, and `None` elsewhere."""
    return [
        instantiate([None] * order if s is None else s, [a] * order) if m else None
        for s, a, m in zip(series, avals, mask)
    ]


def _repeated(avals: Sequence, order: int) -> list:
    return [a for a in avals for _ in range(order)]


def _grown(mask: list[bool], start: int, count: int, step: Any) -> list[bool]:
    """Grow the carry's part of a mask until the body's outputs add nothing to it."""
    while True:
        grown = [a or b for a, b in zip(mask[start : start + count], step(tuple(mask))[:count])]
        if grown == mask[start : start + count]:
            return mask
        mask = [*mask[:start], *grown, *mask[start + count :]]


def jet_scan(d: Any, site: Site, operands: list, series: list, order: int) -> tuple[list, list]:
    """Of a loop whose body carries state, reads rows and gives rows: all of them with their coefficients."""
    consts, carry = site.parameters["consts"], site.parameters["carry"]
    (body,) = site.functions
    of = d.signature(body)
    mask = _grown(given(series), consts, carry, lambda m: d.jet(body, m, order).nonzero)
    derived = d.jet(body, tuple(mask), order)
    (mc, ms, mx) = split(mask, consts, carry)
    out_mask = [*ms, *derived.nonzero[carry:]]
    n = [order * sum(m) for m in (mc, ms, mx)]

    def step(*args: Any) -> list:
        c, tc, s, ts, x, tx = split(args, consts, n[0], carry, n[1], len(mx))
        outs, touts = d.call_jet(derived, [*c, *s, *x], grouped([*tc, *ts, *tx], mask, order), order)
        touts = filled(touts, of.outputs, out_mask, order)
        return [*outs[:carry], *flattened(touts[:carry]), *outs[carry:], *flattened(touts[carry:])]

    c, s, x = split(of.inputs, consts, carry)
    more = [_repeated(pick(a, m), order) for a, m in zip((c, s, x), (mc, ms, mx))]
    new_body = d.build(f"{body}.jet_step", [*c, *more[0], *s, *more[1], *x, *more[2]], step)
    new = site.replace((new_body,), consts=consts + n[0], carry=carry + n[1])
    full = filled(series, d.avals(operands), mask, order)
    (pc, ps, px), (tc, ts, tx) = split(operands, consts, carry), split(full, consts, carry)
    results = d.call_site(new, [*pc, *flattened(tc), *ps, *flattened(ts), *px, *flattened(tx)])
    s, ts, y, ty = split(results, carry, n[1], len(of.outputs) - carry)
    return [*s, *y], [*grouped(ts, ms, order), *grouped(ty, out_mask[carry:], order)]


def jet_while(d: Any, site: Site, operands: list, series: list, order: int) -> tuple[list, list]:
    """Of a loop of a condition and a body. Its steps are the primal's: their number is constant almost everywhere."""
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    cond, body = site.functions
    of = d.signature(body)
    c_avals, s_avals = split(of.inputs, n_body)
    n_carry = len(s_avals)
    mask = _grown(given(series)[n_cond:], n_body, n_carry, lambda m: d.jet(body, m, order).nonzero)
    derived = d.jet(body, tuple(mask), order)
    mc, ms = split(mask, n_body)
    n = [order * sum(m) for m in (mc, ms)]

    def step(*args: Any) -> list:
        c, tc, s, ts = split(args, n_body, n[0], n_carry)
        outs, touts = d.call_jet(derived, [*c, *s], grouped([*tc, *ts], mask, order), order)
        return [*outs, *flattened(filled(touts, s_avals, ms, order))]

    def condition(*args: Any) -> list:
        return d.call(cond, args[: n_cond + n_carry])

    more = [_repeated(pick(a, m), order) for a, m in zip((c_avals, s_avals), (mc, ms))]
    new_cond = d.build(f"{cond}.jet", [*d.signature(cond).inputs, *more[1]], condition)
    new_body = d.build(f"{body}.jet_step", [*c_avals, *more[0], *s_avals, *more[1]], step)
    new = site.replace((new_cond, new_body), body_consts=n_body + n[0])
    full = filled(series[n_cond:], d.avals(operands[n_cond:]), mask, order)
    (cc, bc, s), (tc, ts) = split(operands, n_cond, n_body), split(full, n_body)
    results = d.call_site(new, [*cc, *bc, *flattened(tc), *s, *flattened(ts)])
    return results[:n_carry], grouped(results[n_carry:], ms, order)


def jet_cond(d: Any, site: Site, operands: list, series: list, order: int) -> tuple[list, list]:
    """Of a branch: each branch gives the coefficients that any of them has."""
    mask = tuple(given(series[1:]))
    branches = [d.jet(f, mask, order) for f in site.functions]
    nonzero = [any(n) for n in zip(*[b.nonzero for b in branches])]
    of = d.signature(site.functions[0])

    def body_of(derived: Any) -> Any:
        def body(*args: Any) -> list:
            x, t = split(args, len(of.inputs))
            outs, touts = d.call_jet(derived, x, grouped(t, mask, order), order)
            return [*outs, *flattened(filled(touts, of.outputs, nonzero, order))]

        return body

    inputs = [*of.inputs, *_repeated(pick(of.inputs, mask), order)]
    new = tuple(d.build(f"{f}.jet", inputs, body_of(b)) for f, b in zip(site.functions, branches))
    full = filled(series[1:], of.inputs, mask, order)
    results = d.call_site(site.replace(new), [*operands, *flattened(full)])
    return results[: len(of.outputs)], grouped(results[len(of.outputs) :], nonzero, order)


def jet_call(d: Any, site: Site, operands: list, series: list, order: int) -> tuple[list, list]:
    """Of a call that is the same combinator on the function's own jet, such as `checkpoint`."""
    mask = given(series)
    derived = d.jet(site.functions[0], tuple(mask), order)
    full = filled(series, d.avals(operands), mask, order)
    results = d.call_site(site.replace((derived.function,)), [*operands, *flattened(full)])
    n = len(derived.nonzero)
    return results[:n], grouped(results[n:], derived.nonzero, order)


def jet_custom_vjp(d: Any, site: Site, operands: list, series: list, order: int) -> tuple[list, list]:
    """Of a function with a reverse-mode rule, which says nothing of other modes: the function's own."""
    p = site.parameters
    skipped = p["forward_consts"] + p["backward_consts"]
    keep = lambda values: [*values[: p["of_consts"]], *values[p["of_consts"] + skipped :]]
    terms = keep(series)
    derived = d.jet(site.functions[0], tuple(given(terms)), order)
    return d.call_jet(derived, keep(operands), terms, order)


__all__ = ["jet_call", "jet_cond", "jet_custom_vjp", "jet_scan", "jet_while"]
