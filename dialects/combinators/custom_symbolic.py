"""`custom_jvp_symbolic` and `custom_vjp_symbolic`: custom derivatives whose rules are told which tangents are zero.

The rules are Python functions, traced when a transformation knows (see `python_rules`): the parameter `rule` is a
number, and `d.rule(number, what, key)` the function for a case. Operands are `(consts, args)`, where `consts` are the
values that the function and its rules close over; every rule takes them first, too.

| key | function | gives besides |
|---|---|---|
| `("jvp", given)` | args, nonzero tangents to results, nonzero tangents | which results have tangents |
| `("forward", given)` | args to results, residuals | nothing |
| `("backward", given, cts)` | residuals, nonzero cotangents to those of the given args | which of these have one |

`given` marks the args that are perturbed, `cts` the results, among those with tangents, whose cotangents are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axil.dialects.combinators.checking import checkify_beside, checkify_unchanged
from axil.dialects.combinators.combinator import (
    Combinator,
    Signature,
    Site,
    differentiable,
    given,
    pick,
    split,
    spread,
)
from axil.dialects.combinators.custom_vjp import FORWARD_MODE
from axil.dialects.errors import DifferentiationError
from axil.dialects.factories import all_batched
from axil.dialects.op import is_linear, zeros_like_aval

WHAT = "the rule of a function with symbolic zeros"


@dataclass(frozen=True)
class BatchedRule:
    """A rule for a batch, in which all args are batched, made from the rule for one example."""

    base: int
    consts: tuple[bool, ...]
    residuals: tuple[bool, ...] | None  # of a backward rule: which are batched, all of them for `None`
    size: int
    axis_name: str

    def make(self, d: Any, key: tuple) -> tuple[str, Any]:
        """The function for a case."""
        name, more = d.rule(self.base, WHAT, key)
        signature = d.signature(name)
        known = self.consts
        if key[0] == "backward" and self.residuals is not None:
            known = (*known, *self.residuals)
        mask = (*known, *[True] * (len(signature.inputs) - len(known)))
        wanted = [True] * len(signature.outputs)
        return d.batch(name, mask, self.size, self.axis_name, at_least=wanted).function, more


def _keep(d: Any, rule: BatchedRule) -> int:
    from axil.dialects.combinators.python_rules import keep

    return keep(d, rule)


def _signature(functions: list[Signature], *, consts: int, rule: int) -> Signature:
    return functions[0]


def _check_consts(site: Site, tangents: Any, what: str) -> tuple[bool, ...]:
    """Which args are perturbed; an error where a value that the function closes over is."""
    consts, args = split(tangents, site.parameters["consts"])
    if any(given(consts)):
        raise DifferentiationError(
            f"a {what} function closes over a value that is being differentiated; pass it as an argument instead"
        )
    return tuple(given(args))


def _batched_of(d: Any, name: str, consts: Any, size: int, axis_name: str) -> str:
    of = d.signature(name)
    mask = (*consts, *[True] * (len(of.inputs) - len(consts)))
    return d.batch(name, mask, size, axis_name, at_least=[True] * len(of.outputs)).function


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    n = site.parameters["consts"]
    (consts, args), (b_consts, b_args) = split(operands, n), split(batched, n)
    rule = _keep(d, BatchedRule(site.parameters["rule"], tuple(b_consts), None, size, axis_name))
    new = site.replace((_batched_of(d, site.functions[0], b_consts, size, axis_name),), rule=rule)
    results = d.call_site(new, [*consts, *all_batched(size, args, b_args)])
    return results, [True] * len(results)


def _call_of(lowering: Any, site: Site, operands: Any) -> list:
    return lowering.call(site.functions[0], operands)


# ---- forward mode --------------------------------------------------------------------------------------


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    mask = _check_consts(site, tangents, "custom_jvp")
    name, nonzero = d.rule(site.parameters["rule"], WHAT, ("jvp", mask))
    args = tangents[site.parameters["consts"] :]
    outs, touts = split(d.inline(name, [*primals, *pick(args, mask)]), len(nonzero))
    return outs, spread(touts, nonzero)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    """The rule is linear in the tangents, so its own derivative in them, at zero, is its linear part."""
    mask = _check_consts(site, tangents, "custom_jvp")
    name, nonzero = d.rule(site.parameters["rule"], WHAT, ("jvp", mask))
    t = pick(tangents[site.parameters["consts"] :], mask)
    which = (False,) * len(primals) + (True,) * len(t)
    parts = d.linearize(name, which, (True,) * len(which))
    at = [*primals, *[zeros_like_aval(d.aval(v)) for v in t]]
    results, kept = split(d.inline(parts.forward, at), len(nonzero) + sum(nonzero))
    residuals = [at[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
    linear = spread(d.inline(parts.linear, [*residuals, *t]), parts.nonzero)
    return results[: len(nonzero)], spread(linear[len(nonzero) :], nonzero)


custom_jvp_symbolic = Combinator(
    name="custom_jvp_symbolic",
    summary="A function with a forward-mode derivative of the user's that is told which tangents are zero.",
    functions=("of",), parameters={"consts": "int", "rule": "int"}, signature=_signature,
    reference=lambda functions, operands, *, consts, rule, outputs: functions[0](operands),
    jvp=_jvp, linearize=_linearize, batch=_batch, checkify=checkify_beside, lower=_call_of,
)  # fmt: skip


# ---- reverse mode --------------------------------------------------------------------------------------

def _no_forward_mode(*args: Any, **parameters: Any) -> Any:
    raise DifferentiationError(FORWARD_MODE)


def _linearize_vjp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    mask = _check_consts(site, tangents, "custom_vjp")
    n, number = site.parameters["consts"], site.parameters["rule"]
    of = d.signature(site.functions[0])
    forward, _ = d.rule(number, WHAT, ("forward", mask))
    outs, residuals = split(d.call(forward, primals), len(of.outputs))
    linear = Site(
        custom_vjp_symbolic_linear, (forward, site.functions[0]),
        {"consts": n, "rule": number, "given": tuple(i for i, m in enumerate(mask) if m)},
    )  # fmt: skip
    touts = d.call_site(linear, [*primals[:n], *residuals, *pick(tangents[n:], mask)])
    return outs, spread(touts, [i in differentiable(of.outputs) for i in range(len(of.outputs))])


custom_vjp_symbolic = Combinator(
    name="custom_vjp_symbolic",
    summary="A function with a reverse-mode derivative of the user's that is told which tangents are zero.",
    functions=("of",), parameters={"consts": "int", "rule": "int"}, signature=_signature,
    reference=lambda functions, operands, *, consts, rule, outputs: functions[0](operands),
    jvp=_no_forward_mode, linearize=_linearize_vjp, batch=_batch, checkify=checkify_beside, lower=_call_of,
)  # fmt: skip


def _linear_signature(functions: list[Signature], *, consts: int, rule: int, given: tuple[int, ...]) -> Signature:
    forward, of = functions
    residuals = forward.outputs[len(of.outputs) :]
    args = of.inputs[consts:]
    return Signature(
        (*of.inputs[:consts], *residuals, *[args[i] for i in given]),
        tuple(of.outputs[i] for i in differentiable(of.outputs)),
    )


def _linear_transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    p = site.parameters
    known = [v for v in operands if not is_linear(v)]
    of = d.signature(site.functions[1])
    n_known = len(operands) - len(p["given"])
    mask = tuple(i in p["given"] for i in range(len(of.inputs) - p["consts"]))
    name, nonzero = d.rule(p["rule"], WHAT, ("backward", mask, tuple(given(cts))))
    grads = spread(d.call(name, [*known[:n_known], *[c for c in cts if c is not None]]), nonzero)
    return [*[None] * n_known, *[g if is_linear(v) else None for g, v in zip(grads, operands[n_known:])]]


def _linear_batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    p = site.parameters
    n = p["consts"]
    known = len(operands) - len(p["given"])
    b_consts, b_residuals = tuple(batched[:n]), tuple(batched[n:known])
    forward, of = site.functions
    rule = _keep(d, BatchedRule(p["rule"], b_consts, b_residuals, size, axis_name))
    # The residuals' types come from the forward function: those that are not batched stay as they are.
    signature = d.signature(forward)
    n_out = len(d.signature(of).outputs)
    inputs = [a.with_shape((size, *a.shape)) for a in signature.inputs[n:]]
    rows = [a.with_shape((size, *a.shape)) if b else a for a, b in zip(signature.outputs[n_out:], b_residuals)]
    consts = [a.with_shape((size, *a.shape)) if b else a for a, b in zip(signature.inputs[:n], b_consts)]
    outs = [a.with_shape((size, *a.shape)) for a in signature.outputs[:n_out]]
    shape_of_forward = d.build(
        f"{forward}.types", [*consts, *inputs], lambda *args: [zeros_like_aval(a) for a in [*outs, *rows]]
    )
    new = site.replace((shape_of_forward, _batched_of(d, of, b_consts, size, axis_name)), rule=rule)
    results = d.call_site(new, [*operands[:known], *all_batched(size, operands[known:], batched[known:])])
    return results, [True] * len(results)


custom_vjp_symbolic_linear = Combinator(
    name="custom_vjp_symbolic_linear",
    summary="The linear map that a `custom_vjp_symbolic` function stands for; it can only be transposed.",
    functions=("forward", "of"), parameters={"consts": "int", "rule": "int", "given": "ints"},
    signature=_linear_signature, reference=_no_forward_mode, jvp=_no_forward_mode, linearize=_no_forward_mode,
    transpose=_linear_transpose, batch=_linear_batch, checkify=checkify_unchanged, lower=_no_forward_mode,
)  # fmt: skip
