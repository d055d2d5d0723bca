"""`custom_jvp`: a function with a forward-mode derivative of the user's.

Operands are `(consts, args)`: what the function and its rule close over comes first and has no tangent.
`of` maps `(consts, args)` to results; `rule` maps `(consts, args, tangents of the floating point args)` to
results and tangents of the floating point results. The rule must be linear in the tangents.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators.checking import checkify_custom_jvp
from axil.dialects.combinators.combinator import (
    Combinator,
    Signature,
    Site,
    differentiable,
    given,
    split,
)
from axil.dialects.errors import DifferentiationError, ShapeError
from axil.dialects.op import zeros_like_aval


def _signature(functions: list[Signature], *, consts: int) -> Signature:
    of, rule = functions
    args = of.inputs[consts:]
    tangents = tuple(args[i] for i in differentiable(args))
    outputs = of.outputs + tuple(of.outputs[i] for i in differentiable(of.outputs))
    if rule.inputs != of.inputs + tangents or rule.outputs != outputs:
        raise ShapeError(
            f"'custom_jvp': the rule must map primals and tangents {of.inputs[consts:] + tangents} to {outputs}, "
            f"got {rule.inputs[consts:]} to {rule.outputs}"
        )
    return of


def _operands(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list, int]:
    """Tangents of the floating point args with zeros written out."""
    consts = site.parameters["consts"]
    if any(given(tangents[:consts])):
        raise DifferentiationError(
            "a custom_jvp function closes over a value that is being differentiated; pass it as an argument instead"
        )
    of = d.signature(site.functions[0])
    args = of.inputs[consts:]
    filled = [
        zeros_like_aval(args[i]) if tangents[consts + i] is None else tangents[consts + i]
        for i in differentiable(args)
    ]
    return list(primals), filled, len(of.outputs)


def _outputs(d: Any, site: Site, touts: Any) -> list:
    avals = d.signature(site.functions[0]).outputs
    result: list = [None] * len(avals)
    for i, t in zip(differentiable(avals), touts):
        result[i] = t
    return result


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    x, t, n_out = _operands(d, site, primals, tangents)
    outs, touts = split(d.inline(site.functions[1], [*x, *t]), n_out)
    return outs, _outputs(d, site, touts)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    """The rule is linear in the tangents, so its own derivative in them, at zero, is its linear part."""
    x, t, n_out = _operands(d, site, primals, tangents)
    mask = (False,) * len(x) + (True,) * len(t)
    rule = d.unseen(site.functions[1], mask)  # reverse mode has no numbers for tangents that could be printed
    parts = d.linearize(rule, mask, (True,) * len(mask))
    at = [*x, *[zeros_like_aval(d.aval(v)) for v in t]]
    rule_outputs = len(d.signature(rule).outputs)
    results, kept = split(d.inline(parts.forward, at), rule_outputs)
    residuals = [at[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
    linear = d.inline(parts.linear, [*residuals, *t])
    touts: list = [None] * rule_outputs
    for i, v in zip([i for i, n in enumerate(parts.nonzero) if n], linear):
        touts[i] = v
    return results[:n_out], _outputs(d, site, touts[n_out:])


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    of, rule = site.functions
    mask = tuple(batched)
    args = d.signature(of).inputs[site.parameters["consts"] :]
    tangent_mask = tuple(mask[site.parameters["consts"] + i] for i in differentiable(args))
    first = d.batch(of, mask, size, axis_name)
    outs = len(first.batched)
    whole = d.batch(rule, (*mask, *tangent_mask), size, axis_name)
    # Results and their tangents must agree on what is batched.
    wanted = [a or b for a, b in zip(first.batched, whole.batched[:outs])]
    for i, t in zip(differentiable(d.signature(of).outputs), whole.batched[outs:]):
        wanted[i] = wanted[i] or t
    tangents_wanted = [wanted[i] for i in differentiable(d.signature(of).outputs)]
    new = (
        d.batch(of, mask, size, axis_name, at_least=wanted).function,
        d.batch(rule, (*mask, *tangent_mask), size, axis_name, at_least=[*wanted, *tangents_wanted]).function,
    )
    return d.call_site(site.replace(new), operands), wanted


custom_jvp = Combinator(
    name="custom_jvp",
    runs=1,
    summary="A function with a forward-mode derivative of the user's.",
    functions=("of", "rule"), parameters={"consts": "int"}, signature=_signature,
    reference=lambda functions, operands, *, consts, outputs: functions[0](operands),
    jvp=_jvp, linearize=_linearize, batch=_batch, checkify=checkify_custom_jvp,
    lower=lambda lowering, site, operands: lowering.call(site.functions[0], operands),
)  # fmt: skip
