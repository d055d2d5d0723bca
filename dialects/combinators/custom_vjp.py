"""`custom_vjp`: a function with a reverse-mode derivative of the user's, and the linear map that it stands for.

Operands of `custom_vjp` are `(consts_of, consts_forward, consts_backward, args)`. `of` maps `(consts_of, args)` to
results; `forward` maps `(consts_forward, args)` to results and residuals; `backward` maps `(consts_backward,
residuals, cotangents of the floating point results)` to cotangents of the floating point args.

`custom_vjp_linear` is the linear map from the args' tangents to the results' tangents. Nobody knows how to
compute it: it exists to be transposed, which is what `backward` does.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators.checking import checkify_custom_vjp, checkify_unchanged
from axil.dialects.combinators.combinator import (
    Combinator,
    Signature,
    Site,
    differentiable,
    given,
    instantiate,
    split,
)
from axil.dialects.combinators.jets import jet_custom_vjp
from axil.dialects.errors import DifferentiationError, ShapeError
from axil.dialects.factories import all_batched
from axil.dialects.op import is_linear, zeros_like_aval

FORWARD_MODE = (
    "forward-mode differentiation (jvp, jacfwd, hessian) of a custom_vjp function: it has a reverse-mode rule only. "
    "Use custom_jvp, which serves both modes, or reverse mode (grad, vjp, jacrev)"
)


def _parts(values: Any, parameters: Any) -> list[list]:
    """Operands by group: constants of the function, of forward, of backward, args."""
    return split(values, parameters["of_consts"], parameters["forward_consts"], parameters["backward_consts"])


def _signature(
    functions: list[Signature], *, of_consts: int, forward_consts: int, backward_consts: int
) -> Signature:
    of, forward, backward = functions
    args = of.inputs[of_consts:]
    n_out = len(of.outputs)
    if forward.inputs[forward_consts:] != args or forward.outputs[:n_out] != of.outputs:
        raise ShapeError(
            f"'custom_vjp': the forward rule must take {args} and give {of.outputs} and residuals, "
            f"got {forward.inputs[forward_consts:]} and {forward.outputs}"
        )
    wanted = tuple(args[i] for i in differentiable(args))
    if backward.outputs != wanted:
        raise ShapeError(f"'custom_vjp': the backward rule must give cotangents {wanted}, got {backward.outputs}")
    consts = of.inputs[:of_consts] + forward.inputs[:forward_consts] + backward.inputs[:backward_consts]
    return Signature((*consts, *args), of.outputs)


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    raise DifferentiationError(FORWARD_MODE)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    of, forward, backward = site.functions
    _, fc, bc, args = _parts(primals, site.parameters)
    *consts, t_args = _parts(tangents, site.parameters)
    if any(given([*consts[0], *consts[1]])):  # the backward rule may close over anything: it is no part of the value
        raise DifferentiationError(
            "a custom_vjp function closes over a value that is being differentiated; pass it as an argument instead"
        )
    signature = d.signature(of)
    if not any(given(t_args)):
        return d.call_site(site, primals), [None] * len(signature.outputs)
    outs, residuals = split(d.call(forward, [*fc, *args]), len(signature.outputs))
    arg_avals = signature.inputs[site.parameters["of_consts"] :]
    filled = [zeros_like_aval(arg_avals[i]) if t_args[i] is None else t_args[i] for i in differentiable(arg_avals)]
    linear = Site(custom_vjp_linear, (backward, of), {"known": len(bc) + len(residuals)})
    touts = d.call_site(linear, [*bc, *residuals, *filled])
    result: list = [None] * len(outs)
    for i, t in zip(differentiable(signature.outputs), touts):
        result[i] = t
    return outs, result


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    """Args are batched all alike, so that the rules' residuals and cotangents fit; broadcasting sums gradients."""
    of, forward, backward = site.functions
    *consts, args = _parts(operands, site.parameters)
    *b_consts, b_args = _parts(batched, site.parameters)
    args = all_batched(size, args, b_args)
    everything = (True,) * len(args)
    n_out = len(d.signature(of).outputs)
    f = d.batch(of, (*b_consts[0], *everything), size, axis_name, at_least=[True] * n_out)
    n_forward = len(d.signature(forward).outputs)
    fw = d.batch(forward, (*b_consts[1], *everything), size, axis_name, at_least=[True] * n_forward)
    n_cts = len(d.signature(backward).inputs) - len(b_consts[2])
    n_grads = len(d.signature(backward).outputs)
    bw = d.batch(backward, (*b_consts[2], *[True] * n_cts), size, axis_name, at_least=[True] * n_grads)
    new = site.replace((f.function, fw.function, bw.function))
    return d.call_site(new, [*[v for group in consts for v in group], *args]), [True] * n_out


custom_vjp = Combinator(
    name="custom_vjp",
    runs=1,
    summary="A function with a reverse-mode derivative of the user's.",
    functions=("of", "forward", "backward"), signature=_signature,
    parameters={"of_consts": "int", "forward_consts": "int", "backward_consts": "int"},
    reference=lambda functions, operands, *, outputs, **parameters: functions[0](
        [*_parts(operands, parameters)[0], *_parts(operands, parameters)[3]]
    ),
    jvp=_jvp, linearize=_linearize, batch=_batch, checkify=checkify_custom_vjp, jet=jet_custom_vjp,
    lower=lambda lowering, site, operands: lowering.call(
        site.functions[0], [*_parts(operands, site.parameters)[0], *_parts(operands, site.parameters)[3]]
    ),
)  # fmt: skip


def _linear_signature(functions: list[Signature], *, known: int) -> Signature:
    backward, of = functions
    return Signature(
        (*backward.inputs[:known], *backward.outputs), tuple(of.outputs[i] for i in differentiable(of.outputs))
    )


def _no_evaluation(*args: Any, **parameters: Any) -> Any:
    raise DifferentiationError(FORWARD_MODE)


def _linear_transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    known = site.parameters["known"]
    avals = d.signature(site.functions[0]).inputs[known:]
    cts = instantiate(cts, avals)
    grads = d.call(site.functions[0], [*operands[:known], *cts])
    return [*[None] * known, *[g if is_linear(v) else None for g, v in zip(grads, operands[known:])]]


def _linear_batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    backward, of = site.functions
    known = site.parameters["known"]
    tangents = all_batched(size, operands[known:], batched[known:])
    n_cts = len(d.signature(backward).inputs) - known
    mask = (*batched[:known], *[True] * n_cts)
    n_grads = len(d.signature(backward).outputs)
    bw = d.batch(backward, mask, size, axis_name, at_least=[True] * n_grads)
    outs = d.signature(of)
    batched_of = d.batch(of, (True,) * len(outs.inputs), size, axis_name, at_least=[True] * len(outs.outputs))
    results = d.call_site(site.replace((bw.function, batched_of.function)), [*operands[:known], *tangents])
    return results, [True] * len(results)


custom_vjp_linear = Combinator(
    name="custom_vjp_linear",
    summary="The linear map that a `custom_vjp` function stands for; it can only be transposed.",
    functions=("backward", "of"), parameters={"known": "int"}, signature=_linear_signature,
    reference=_no_evaluation, jvp=_no_evaluation, linearize=_no_evaluation, transpose=_linear_transpose,
    batch=_linear_batch, checkify=checkify_unchanged, lower=_no_evaluation,
)  # fmt: skip
