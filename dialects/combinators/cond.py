"""`cond`: run one of several branches, chosen by an integer.

Operands are `(index, args...)`; every branch maps `args` to results of the same types. `index` is an i32
scalar in range (the frontend clamps it and turns a boolean into 0 or 1).
"""

from __future__ import annotations

from typing import Any

from axil.dialects.avals import aval_of, is_inexact, shape_of
from axil.dialects.combinators import steps
from axil.dialects.combinators.checking import call_where, checkify_cond
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, pick, split, spread
from axil.dialects.combinators.jets import jet_cond
from axil.dialects.combinators.pruning import prune_cond
from axil.dialects.combinators.saving import save_cond
from axil.dialects.errors import ShapeError
from axil.dialects.factories import all_batched, ops
from axil.dialects.op import full_like, is_linear, zeros_like_aval


def _signature(functions: list[Signature]) -> Signature:
    from axil.dialects.avals import aval

    first = functions[0]
    for i, branch in enumerate(functions[1:], 1):
        if branch != first:
            raise ShapeError(f"'cond': branch 0 is {_text(first)}, but branch {i} is {_text(branch)}")
    return Signature((aval((), "int32"), *first.inputs), first.outputs)


def _text(s: Signature) -> str:
    return f"({', '.join(map(str, s.inputs))}) -> ({', '.join(map(str, s.outputs))})"


def _reference(functions: Any, operands: Any, *, outputs: Any) -> list:
    return functions[min(max(int(operands[0]), 0), len(functions) - 1)](operands[1:])


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    mask = tuple(given(tangents[1:]))
    branches = [d.jvp(f, mask) for f in site.functions]
    nonzero = [any(n) for n in zip(*[b.nonzero for b in branches])]
    of = d.signature(site.functions[0])

    def body_of(derived: Any) -> Any:
        def body(*args: Any) -> list:
            x, t = split(args, len(of.inputs))
            outs, touts = d.call_jvp(derived, x, spread(t, mask))
            return [*outs, *pick(instantiate(touts, of.outputs, nonzero), nonzero)]

        return body

    inputs = [*of.inputs, *pick(of.inputs, mask)]
    new = tuple(d.build(f"{f}.jvp", inputs, body_of(b)) for f, b in zip(site.functions, branches))
    results = d.call_site(site.replace(new), [*primals, *pick(tangents[1:], mask)])
    return results[: len(of.outputs)], spread(results[len(of.outputs) :], nonzero)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    """Every branch gives the residuals of all branches, zeros for those that are not its own."""
    of = d.signature(site.functions[0])
    mask = tuple(given(tangents[1:]))
    parts = [d.linearize(f, mask, (True,) * len(mask)) for f in site.functions]
    nonzero = [any(n) for n in zip(*[p.nonzero for p in parts])]
    n_out = len(of.outputs)
    kept = [[a for a in d.signature(p.forward).outputs[n_out:]] for p in parts]

    def forward_of(which: int) -> Any:
        def forward(*args: Any) -> list:
            outs, own = split(d.call(parts[which].forward, args), n_out)
            groups = [own if i == which else [zeros_like_aval(a) for a in avals] for i, avals in enumerate(kept)]
            return [*outs, *[r for group in groups for r in group]]

        return forward

    def linear_of(which: int) -> Any:
        def linear(*args: Any) -> list:
            operands, *groups, tangent = split(args, len(of.inputs), *[len(k) for k in kept])
            residuals = [operands[r.index] if r.is_operand else groups[which][r.index] for r in parts[which].residuals]
            touts = d.call(parts[which].linear, [*residuals, *tangent])
            return pick(instantiate(spread(touts, parts[which].nonzero), of.outputs, nonzero), nonzero)

        return linear

    n = range(len(parts))
    forward = tuple(d.build(f"{site.functions[i]}.forward", of.inputs, forward_of(i)) for i in n)
    outs, residuals = split(d.call_site(site.replace(forward), primals), n_out)
    inputs = [*of.inputs, *[a for k in kept for a in k], *pick(of.inputs, mask)]
    linear = tuple(d.build(f"{site.functions[i]}.linear", inputs, linear_of(i)) for i in n)
    touts = d.call_site(site.replace(linear), [*primals, *residuals, *pick(tangents[1:], mask)])
    return outs, spread(touts, nonzero)


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    mask = [is_linear(v) for v in operands[1:]]
    of = d.signature(site.functions[0])
    cts = instantiate(cts, of.outputs)
    branches = tuple(d.transpose(f, tuple(mask)) for f in site.functions)
    known = [v for v, m in zip(operands[1:], mask) if not m]
    grads = d.call_site(site.replace(branches), [operands[0], *known, *cts])
    return [None, *spread(grads, mask)]


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    if batched[0]:
        return _batch_as_select(d, site, operands, batched, size, axis_name)
    mask = tuple(batched[1:])
    parts = [d.batch(f, mask, size, axis_name) for f in site.functions]
    wanted = [any(b) for b in zip(*[p.batched for p in parts])]
    parts = [d.batch(f, mask, size, axis_name, at_least=wanted) for f in site.functions]
    return d.call_site(site.replace(tuple(p.function for p in parts)), operands), wanted


def _batch_as_select(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    """A batch of indices: every branch runs on the whole batch, and each example takes its own.

    Derivatives of a branch with respect to the arguments of examples that do not take it are stopped. They would be
    multiplied by 0, but may be infinite.
    """
    index, args = operands[0], all_batched(size, operands[1:], batched[1:])
    mask = (True,) * len(args)
    everything = [True] * len(d.signature(site.functions[0]).outputs)
    results = []
    for i, f in enumerate(site.functions):
        takes = _takes(index, i, len(site.functions))
        own = [_choose(takes, x, ops.stop_gradient(x)) if is_inexact(aval_of(x).dtype) else x for x in args]
        results.append(call_where(d, f, mask, size, axis_name, everything, own, takes))
    chosen = results[-1]
    for i in range(len(results) - 2, -1, -1):
        here = ops.le(index, full_like(index, i))
        chosen = [_choose(here, a, b) for a, b in zip(results[i], chosen)]
    return chosen, everything


def _takes(index: Any, i: int, count: int) -> Any:
    """Which examples take branch `i`; the first and the last take indices beyond them too."""
    if i == 0:
        return ops.le(index, full_like(index, 0))
    return (ops.ge if i == count - 1 else ops.eq)(index, full_like(index, i))


def _choose(here: Any, a: Any, b: Any) -> Any:
    shape = shape_of(a)
    if len(shape) > 1:
        here = ops.broadcast_in_dim(here, shape=shape, dims=(0,))
    assert aval_of(a) is aval_of(b)
    return ops.select(here, a, b)


cond = Combinator(
    name="cond",
    exclusive=True,
    summary="Runs the branch that an integer selects.",
    functions=("branches...",), signature=_signature, reference=_reference, jvp=_jvp, linearize=_linearize,
    transpose=_transpose, batch=_batch, save=save_cond, checkify=checkify_cond, jet=jet_cond, prune=prune_cond,
    lower=lambda lowering, site, operands: lowering.cond(site, operands),
    steps=steps.cond,
)  # fmt: skip
