"""`custom_vmap`: a function with a batching rule of the user's, a Python function that is traced for each batch.

Operands are `(consts, args)`, where `consts` are the values that the function and its rule close over. For the key
`("batch", size, batched)`, where `batched` marks args, `d.rule` gives a function from `(consts, args)`, those args with
a leading dimension, to results, and which of them have one.

Forward mode gives a function of this kind again, whose rule is the derivative of the rule. Reverse mode takes the
derivative of the function itself: a batch of such derivatives does not use the rule; the derivative of a batch does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axil.dialects.combinators.checking import checkify_beside
from axil.dialects.combinators.combinator import (
    Combinator,
    Signature,
    Site,
    differentiable,
    given,
    instantiate,
    pick,
    split,
    spread,
)
from axil.dialects.combinators.python_rules import keep
from axil.dialects.errors import BatchingError
from axil.dialects.op import is_linear, zeros_like_aval

_WHAT = "the rule of a custom_vmap function"


def _signature(functions: list[Signature], *, consts: int, rule: int) -> Signature:
    return functions[0]


@dataclass(frozen=True)
class _RuleOfJvp:
    """The derivative of a rule: for operands `(consts, args, tangents)`, tangents of those that `mask` marks."""

    base: int
    consts: int
    mask: tuple[bool, ...]

    def make(self, d: Any, key: tuple) -> tuple[str, tuple[bool, ...]]:
        """The function for a batch; a primal and its tangent are batched together."""
        _, size, batched = key
        n_primals = len(self.mask)
        with_tangents = [i for i, m in enumerate(self.mask) if m]
        primals, tangents = split([*[False] * self.consts, *batched], n_primals)
        of_tangent = dict(zip(with_tangents, tangents))
        together = [p or of_tangent.get(i, False) for i, p in enumerate(primals)]
        if any(together[: self.consts]):
            raise BatchingError(_CLOSES_OVER)
        name, outs_batched = d.rule(self.base, _WHAT, (key[0], size, tuple(together[self.consts :])))
        of = d.signature(name)
        derived = d.jvp(name, self.mask)
        given_avals = [
            *[_one(a, size) if t and not p else a for a, t, p in zip(of.inputs, together, primals)],
            *[_one(of.inputs[i], size) if together[i] and not of_tangent[i] else of.inputs[i] for i in with_tangents],
        ]

        def body(*values: Any) -> list:
            x, t = split(values, n_primals)
            x = [_spread(d, v, size, b, a) for v, b, a in zip(x, primals, together)]
            t = [_spread(d, v, size, of_tangent[i], together[i]) for v, i in zip(t, with_tangents)]
            outs, touts = d.call_jvp(derived, x, spread(t, self.mask))
            return [*outs, *_all_tangents(touts, of.outputs)]

        flags = (*outs_batched, *[outs_batched[i] for i in differentiable(of.outputs)])
        return d.build(f"{name}.jvp", given_avals, body), flags


def _one(a: Any, size: int) -> Any:
    """The aval of one example."""
    return a.with_shape(a.shape[1:])


def _spread(d: Any, value: Any, size: int, batched: bool, wanted: bool) -> Any:
    return d.broadcast_batch(value, size) if wanted and not batched else value


def _all_tangents(touts: Any, avals: Any) -> list:
    """Tangents of all results that have one, zeros written out."""
    return [zeros_like_aval(avals[i]) if touts[i] is None else touts[i] for i in differentiable(avals)]


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    (function,) = site.functions
    mask = tuple(given(tangents))
    of = d.signature(function)
    derived = d.jvp(function, mask)

    def body(*values: Any) -> list:
        x, t = split(values, len(of.inputs))
        outs, touts = d.call_jvp(derived, x, spread(t, mask))
        return [*outs, *_all_tangents(touts, of.outputs)]

    new_function = d.build(f"{function}.jvp", [*of.inputs, *pick(of.inputs, mask)], body)
    rule = keep(d, _RuleOfJvp(site.parameters["rule"], site.parameters["consts"], mask))
    results = d.call_site(site.replace((new_function,), rule=rule), [*primals, *pick(tangents, mask)])
    outs, touts = split(results, len(of.outputs))
    return outs, spread(touts, [i in differentiable(of.outputs) for i in range(len(outs))])


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    mask = tuple(given(tangents))
    parts = d.linearize(site.functions[0], mask, (True,) * len(mask))
    outs, kept = split(d.inline(parts.forward, primals), len(d.signature(site.functions[0]).outputs))
    residuals = [primals[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
    return outs, spread(d.inline(parts.linear, [*residuals, *pick(tangents, mask)]), parts.nonzero)


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    (function,) = site.functions
    mask = tuple(is_linear(v) for v in operands)
    cts = instantiate(cts, d.signature(function).outputs)
    known = [v for v, m in zip(operands, mask) if not m]
    return spread(d.call(d.transpose(function, mask), [*known, *cts]), mask)


_CLOSES_OVER = (
    "a custom_vmap function closes over a value that is being batched; pass it as an argument, so that its rule is told"
)


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    consts, args = split(batched, site.parameters["consts"])
    if not any(batched):
        results = d.call_site(site, operands)
        return results, [False] * len(results)
    if any(consts):
        raise BatchingError(_CLOSES_OVER)
    name, flags = d.rule(site.parameters["rule"], _WHAT, ("batch", size, tuple(args)))
    return d.call(name, operands), list(flags)


custom_vmap = Combinator(
    name="custom_vmap",
    summary="A function with a batching rule of the user's.",
    functions=("of",), parameters={"consts": "int", "rule": "int"}, signature=_signature,
    reference=lambda functions, operands, *, consts, rule, outputs: functions[0](operands),
    jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch, checkify=checkify_beside,
    lower=lambda lowering, site, operands: lowering.call(site.functions[0], operands),
)  # fmt: skip
