"""`linear_call`: a linear function with a transpose of the user's.

Operands are `(consts, residuals, x)`: `of` maps them to results and is linear in `x`; `transposed` maps `(consts,
residuals, cotangents)` to cotangents of `x`. `known` counts consts and residuals. The two stand for each other: the
transpose is a `linear_call` too, with the functions swapped.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators.checking import checkify_beside
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, split
from axil.dialects.errors import DifferentiationError, ShapeError
from axil.dialects.factories import all_batched
from axil.dialects.op import is_linear


def _signature(functions: list[Signature], *, known: int) -> Signature:
    of, transposed = functions
    if transposed.inputs != (*of.inputs[:known], *of.outputs) or transposed.outputs != of.inputs[known:]:
        raise ShapeError(
            f"'linear_call': the transpose of a map from {of.inputs[known:]} to {of.outputs} must map {of.outputs} to "
            f"{of.inputs[known:]}, got {transposed.inputs[known:]} to {transposed.outputs}"
        )
    return of


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    known, t = split(tangents, site.parameters["known"])
    if any(given(known)):
        raise DifferentiationError(
            "linear_call has no derivative with respect to residual_args, or to what its functions close over; "
            "differentiate in linear_args only, or use custom_vjp"
        )
    outs = d.call_site(site, primals)
    avals = d.signature(site.functions[0]).inputs[len(known) :]
    return outs, d.call_site(site, [*primals[: len(known)], *instantiate(t, avals)])


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    n = site.parameters["known"]
    if any(is_linear(v) for v in operands[:n]):
        raise DifferentiationError("linear_call is not linear in residual_args")
    of, transposed = site.functions
    cts = instantiate(cts, d.signature(of).outputs)
    grads = d.call_site(site.replace((transposed, of)), [*operands[:n], *cts])
    return [*[None] * n, *[g if is_linear(v) else None for g, v in zip(grads, operands[n:])]]


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    """What is linear is batched all alike, so that the two functions fit each other."""
    n = site.parameters["known"]
    of, transposed = site.functions
    known = tuple(batched[:n])

    def batch(name: str) -> str:
        signature = d.signature(name)
        mask = (*known, *[True] * (len(signature.inputs) - n))
        return d.batch(name, mask, size, axis_name, at_least=[True] * len(signature.outputs)).function

    new = site.replace((batch(of), batch(transposed)))
    results = d.call_site(new, [*operands[:n], *all_batched(size, operands[n:], batched[n:])])
    return results, [True] * len(results)


linear_call = Combinator(
    name="linear_call",
    runs=1,
    summary="A linear function with a transpose of the user's.",
    functions=("of", "transposed"), parameters={"known": "int"}, signature=_signature,
    reference=lambda functions, operands, *, known, outputs: functions[0](operands),
    jvp=_jvp, linearize=_jvp, transpose=_transpose, batch=_batch, checkify=checkify_beside,
    lower=lambda lowering, site, operands: lowering.call(site.functions[0], operands),
)  # fmt: skip
