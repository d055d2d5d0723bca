"""`custom_linear_solve`: the solution of a linear equation, whatever program finds it, with implicit derivatives.

Operands are `(consts, b)`. `matvec` maps `(consts, x)` to the left hand side and is linear in `x`; `solve` maps
`(consts, b)` to `(x, auxiliary results)`. Where the transposed equation can be solved too, `vecmat` is the transpose
of `matvec` and `transpose_solve` its solver. Results are those of `solve`.

From `A x = b` follows `A dx = db - dA x`: the tangent of the solution is the solution of the same equation with
another right hand side. So no derivative of a solver is ever taken, and the call itself is linear in `b`: its
transpose is the transposed equation's solution.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.combinators.checking import checkify_solve
from axil.dialects.combinators.combinator import Combinator, Signature, Site, given, instantiate, split, spread
from axil.dialects.errors import DifferentiationError, ShapeError
from axil.dialects.factories import all_batched, ops
from axil.dialects.op import is_linear


def _signature(functions: list[Signature], *, consts: int) -> Signature:
    if len(functions) not in (2, 4):
        raise ShapeError(
            f"'custom_linear_solve' takes matvec and solve, and may take transposes, got {len(functions)} functions"
        )
    of = functions[0]
    b = of.inputs[consts:]
    for f in functions:
        if f.inputs != of.inputs or f.outputs[: len(b)] != b:
            raise ShapeError(
                f"'custom_linear_solve': every function must map {of.inputs} to {b}, got {f.inputs} to {f.outputs}"
            )
    return Signature(of.inputs, _solver(functions).outputs)


def _solver(functions: Any) -> Any:
    """The function that finds the solution."""
    return functions[1] if len(functions) == 2 else functions[2]


def _right_hand_side(db: list, change: list) -> list:
    """`db - dA x`, where `change` is the second term."""
    result = []
    for t, c in zip(db, change):
        if c is not None:
            t = ops.neg(c) if t is None else ops.sub(t, c)
        result.append(t)
    return result


def _solve_tangent(d: Any, site: Site, consts: list, rhs: list, outs: list) -> list:
    """Tangents of the results: of auxiliary ones there are none."""
    if not any(given(rhs)):
        return [None] * len(outs)
    b = d.signature(site.functions[0]).outputs
    dx = d.call_site(site, [*consts, *instantiate(rhs, b)])[: len(b)]
    return [*dx, *[None] * (len(outs) - len(b))]


def _jvp(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    n = site.parameters["consts"]
    outs = d.call_site(site, primals)
    (consts, _), (dconsts, db) = split(primals, n), split(tangents, n)
    x = outs[: len(db)]
    if any(given(dconsts)):
        derived = d.jvp(site.functions[0], (*given(dconsts), *[False] * len(x)))
        _, change = d.call_jvp(derived, [*consts, *x], [*dconsts, *[None] * len(x)])
        db = _right_hand_side(db, change)
    return outs, _solve_tangent(d, site, consts, db, outs)


def _linearize(d: Any, site: Site, primals: Any, tangents: Any) -> tuple[list, list]:
    n = site.parameters["consts"]
    outs = d.call_site(site, primals)
    (consts, _), (dconsts, db) = split(primals, n), split(tangents, n)
    x = outs[: len(db)]
    if any(given(dconsts)):
        mask = (*given(dconsts), *[False] * len(x))
        parts = d.linearize(site.functions[0], mask, (True,) * len(mask))
        at = [*consts, *x]
        _, kept = split(d.inline(parts.forward, at), len(x))
        residuals = [at[r.index] if r.is_operand else kept[r.index] for r in parts.residuals]
        change = d.inline(parts.linear, [*residuals, *[t for t in dconsts if t is not None]])
        db = _right_hand_side(db, spread(change, parts.nonzero))
    return outs, _solve_tangent(d, site, consts, db, outs)


def _transpose(d: Any, site: Site, cts: Any, operands: Any) -> list:
    n = site.parameters["consts"]
    consts, b = split(operands, n)
    if any(is_linear(c) for c in consts):
        raise DifferentiationError("a linear solve is not linear in the values that its functions close over")
    if len(site.functions) == 2:
        raise DifferentiationError(
            "reverse-mode differentiation of a custom_linear_solve that has no transpose_solve; pass one, or "
            "symmetric=True, or use forward mode (jvp, jacfwd)"
        )
    matvec, vecmat, solve, transpose_solve = site.functions
    transposed = site.replace((vecmat, matvec, transpose_solve, solve))
    cts = instantiate(cts[: len(b)], d.signature(matvec).outputs)
    grads = d.call_site(transposed, [*consts, *cts])[: len(b)]
    return [*[None] * n, *[g if is_linear(v) else None for g, v in zip(grads, b)]]


def _batch(d: Any, site: Site, operands: Any, batched: Any, size: int, axis_name: str) -> tuple[list, list]:
    """Right hand sides and solutions are batched all alike, so that the functions fit each other."""
    n = site.parameters["consts"]
    consts, b = split(operands, n)
    b = all_batched(size, b, batched[n:])
    mask = (*batched[:n], *[True] * len(b))
    new = tuple(
        d.batch(f, mask, size, axis_name, at_least=[True] * len(d.signature(f).outputs)).function
        for f in site.functions
    )
    results = d.call_site(site.replace(new), [*consts, *b])
    return results, [True] * len(results)


custom_linear_solve = Combinator(
    name="custom_linear_solve",
    summary="The solution of a linear equation by any program, with implicit derivatives.",
    functions=("functions...",), parameters={"consts": "int"}, signature=_signature,
    reference=lambda functions, operands, *, consts, outputs: _solver(functions)(operands),
    jvp=_jvp, linearize=_linearize, transpose=_transpose, batch=_batch, checkify=checkify_solve,
    lower=lambda lowering, site, operands: lowering.call(_solver(site.functions), operands),
)  # fmt: skip
