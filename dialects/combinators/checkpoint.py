"""`checkpoint`: a function whose intermediate values are computed again in the backward pass, not kept.

Its linear part is a checkpointed function too, of what is kept and the tangents: it runs the rest of the forward part
again, behind optimization barriers, which keep the compiler from merging it with the first run (`prevent_cse`).

`policy` decides what is kept besides operands: "" for nothing, else a text that `policies` reads. The forward part is
split by it (`save`): values that the linear part needs and the policy lets live are further results of the first run.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators import policies
from axil.dialects.combinators.checking import checkify_call
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, pick, split, spread
from axil.dialects.combinators.jets import jet_call
from axil.dialects.combinators.pruning import prune_call
from axil.dialects.combinators.saving import save_checkpoint
from axil.dialects.factories import ops
from axil.dialects.op import is_linear


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    mask = tuple(given(tangents))
    derived = d.jvp(site.functions[0], mask)
    results = d.call_site(site.replace((derived.function,)), [*primals, *pick(tangents, mask)])
    outs, touts = split(results, len(derived.nonzero))
    return outs, spread(touts, derived.nonzero)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    (function,) = site.functions
    mask = tuple(given(tangents))
    of = d.signature(function)
    parts = d.linearize(function, mask, (True,) * len(mask))
    n_out, n_forward = len(of.outputs), len(d.signature(parts.forward).outputs)
    wanted = (False,) * n_out + (True,) * (n_forward - n_out)
    saved = d.save(parts.forward, site.parameters.get("policy", ""), wanted)
    direct = {r.index for r in parts.residuals if r.is_operand}
    used = [u or i in direct for i, u in enumerate(saved.used)]

    def first(*args: Any) -> list:
        outs, _, kept = split(d.call(saved.known, args), n_out, n_forward - n_out)
        return [*outs, *kept]

    def recompute(*args: Any) -> list:
        x, kept, t = split(_behind_barriers(d, site, args, sum(used) + saved.count), sum(used), saved.count)
        full = spread(x, used)
        again = d.call(saved.again, [*pick(full, saved.used), *kept])
        residuals = [full[r.index] if r.is_operand else again[r.index] for r in parts.residuals]
        return d.call(parts.linear, [*residuals, *t])

    forward = site if not saved.count else site.replace((d.build(f"{function}.first", of.inputs, first),))
    outs, kept = split(d.call_site(forward, primals), n_out)
    inputs = [*pick(of.inputs, used), *d.avals(kept), *pick(of.inputs, mask)]
    linear = d.build(f"{function}.recompute", inputs, recompute)
    touts = d.call_site(site.replace((linear,)), [*pick(primals, used), *kept, *pick(tangents, mask)])
    return outs, spread(touts, parts.nonzero)


def _behind_barriers(d: Any, site: Site, values: Any, count: int) -> list:
    """The first `count` of some values made opaque, so that work on them is not merged with earlier work."""
    if not site.parameters.get("prevent_cse", True):
        return list(values)
    number = len(d.table)  # unlike that of other recomputations, and the same from run to run
    return [*[ops.optimization_barrier(v, id=number) for v in values[:count]], *values[count:]]


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    (function,) = site.functions
    mask = tuple(is_linear(v) for v in operands)
    cts = instantiate(cts, d.signature(function).outputs)
    known = [v for v, m in zip(operands, mask) if not m]
    return spread(d.call_site(site.replace((d.transpose(function, mask),)), [*known, *cts]), mask)


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    derived = d.batch(site.functions[0], tuple(batched), size, axis_name)
    return d.call_site(site.replace((derived.function,)), operands), list(derived.batched)


def _signature(functions: list[Signature], *, policy: str = "", prevent_cse: bool = True) -> Signature:
    policies.check(policy)
    return functions[0]


checkpoint = Combinator(
    name="checkpoint",
    summary="A function whose intermediate values are computed again in the backward pass, but those a policy keeps.",
    functions=("of",), parameters={"policy": "str", "prevent_cse": "bool"}, optional=("policy", "prevent_cse"),
    signature=_signature, reference=lambda functions, operands, *, outputs, **parameters: functions[0](operands),
    jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch, save=save_checkpoint,
    checkify=checkify_call, jet=jet_call, prune=prune_call,
    lower=lambda lowering, site, operands: lowering.call(site.functions[0], operands),
)  # fmt: skip
