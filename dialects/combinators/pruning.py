"""What results of control flow depend on: the `prune` rules, by which calls are relieved of results nobody uses.

A rule `prune(deriver, site, used)` gets which results of a call are used, and gives a `Pruned`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from axil.dialects.combinators.combinator import Site, split


class Pruned(NamedTuple):
    """A call with fewer operands and results: `site()` makes it; masks say which are left. Used ones always are."""

    site: Callable[[], Site]
    operands: tuple[bool, ...]
    results: tuple[bool, ...]


def prune_call(d: Any, site: Site, used: tuple[bool, ...]) -> Pruned:
    """Of a call of one function on the operands, giving its results."""
    (function,) = site.functions
    operands = d.needed(function, used)
    return Pruned(lambda: site.replace((d.pruned(function, operands, used),)), operands, used)


def prune_cond(d: Any, site: Site, used: tuple[bool, ...]) -> Pruned:
    """Of a branch: what any of the branches needs."""
    masks = [d.needed(f, used) for f in site.functions]
    args = tuple(any(m) for m in zip(*masks))
    return Pruned(
        lambda: site.replace(tuple(d.pruned(f, args, used) for f in site.functions)), (True, *args), used
    )


def prune_scan(d: Any, site: Site, used: tuple[bool, ...]) -> Pruned:
    """Of a loop over rows: a carry stays if it is used, or needed for what is."""
    consts, carry = site.parameters["consts"], site.parameters["carry"]
    (body,) = site.functions
    live = list(used)
    while True:
        operands = d.needed(body, tuple(live))
        grown = [a or b for a, b in zip(live, operands[consts : consts + carry])]
        if grown == live[:carry]:
            break
        live[:carry] = grown
    c, _, x = split(operands, consts, carry)
    inputs, outputs = (*c, *live[:carry], *x), tuple(live)
    make = lambda: site.replace((d.pruned(body, inputs, outputs),), consts=sum(c), carry=sum(live[:carry]))
    return Pruned(make, inputs, outputs)


def prune_while(d: Any, site: Site, used: tuple[bool, ...]) -> Pruned:
    """Of a loop with a condition: a carry stays if it is used, or needed for what is or for the condition."""
    n_cond, n_body = site.parameters["cond_consts"], site.parameters["body_consts"]
    cond, body = site.functions
    cc, of_condition = split(d.needed(cond, (True,)), n_cond)
    live = [a or b for a, b in zip(used, of_condition)]
    while True:
        bc, of_body = split(d.needed(body, tuple(live)), n_body)
        grown = [a or b for a, b in zip(live, of_body)]
        if grown == live:
            break
        live = grown

    def make() -> Site:
        new_cond = d.pruned(cond, (*cc, *live), (True,))
        new_body = d.pruned(body, (*bc, *live), tuple(live))
        return site.replace((new_cond, new_body), cond_consts=sum(cc), body_consts=sum(bc))

    return Pruned(make, (*cc, *bc, *live), tuple(live))


__all__ = ["Pruned", "prune_call", "prune_cond", "prune_scan", "prune_while"]
