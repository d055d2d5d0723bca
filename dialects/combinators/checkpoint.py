"""`checkpoint`: a function whose intermediate values are computed again in the backward pass, not kept.

Its linear part is a checkpointed function too, of the operands and their tangents: it runs the forward part
again behind optimization barriers, which keep the compiler from merging it with the first run.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, pick, split, spread
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
    number = len(d.table)  # unlike that of other recomputations, and the same from run to run

    def recompute(*args: Any) -> list:
        x, t = split(args, len(of.inputs))
        x = [ops.optimization_barrier(v, id=number) for v in x]
        _, kept = split(d.call(parts.forward, x), len(of.outputs))
        residuals = [x[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
        return d.call(parts.linear, [*residuals, *t])

    outs = d.call_site(site, primals)
    linear = d.build(f"{function}.recompute", [*of.inputs, *pick(of.inputs, mask)], recompute)
    touts = d.call_site(site.replace((linear,)), [*primals, *pick(tangents, mask)])
    return outs, spread(touts, parts.nonzero)


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    (function,) = site.functions
    mask = tuple(is_linear(v) for v in operands)
    cts = instantiate(cts, d.signature(function).outputs)
    known = [v for v, m in zip(operands, mask) if not m]
    return spread(d.call_site(site.replace((d.transpose(function, mask),)), [*known, *cts]), mask)


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    derived = d.batch(site.functions[0], tuple(batched), size, axis_name)
    return d.call_site(site.replace((derived.function,)), operands), list(derived.batched)


def _signature(functions: list[Signature]) -> Signature:
    return functions[0]


checkpoint = Combinator(
    name="checkpoint",
    summary="A function whose intermediate values are computed again in the backward pass.",
    functions=("of",), signature=_signature,
    reference=lambda functions, operands, *, outputs: functions[0](operands),
    jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch,
    lower=lambda lowering, site, operands: lowering.call(site.functions[0], operands),
)  # fmt: skip
