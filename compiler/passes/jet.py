"""Taylor mode: a copy of the function in which each operation is followed by those of its Taylor coefficients.

Coefficients are those of `axil.dialects.taylor`, without factorials. The series of a value is absent where it is zero
throughout; a coefficient that is zero alone is `None`, and no operation is emitted for it.

An operation with no cheaper rule goes by its tangent rule: from `y = f(x(t))` follows `y' = df(x(t), x'(t))`, so that
the series of the tangent, at one order less, gives that of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from axil.compiler.functions import body_of, copy_operation, located, operations, terminator
from axil.compiler.passes.jvp import replace_return
from axil.compiler.passes.prune import prune
from axil.dialects.combinators.combinator import given, instantiate, pick, split, spread
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.errors import DifferentiationError
from axil.dialects.locations import derivative_of
from axil.dialects.mlir import ir
from axil.dialects.op import Op
from axil.dialects.taylor import scaled


class Jet(NamedTuple):
    """A derived function (x, series of some x) to (y, series of some y), and which results have a series."""

    function: str
    nonzero: tuple[bool, ...]


def derive(d: Any, name: str, mask: tuple[bool, ...], order: int) -> Jet:
    """Make the Taylor-mode function of `name`; `mask` says which operands have series, of `order` coefficients."""
    if not order:
        return Jet(d.flat(name), (False,) * len(d.signature(name).outputs))
    copy = d.clone(d.flat(name), f"{name}.jet")
    block = body_of(d[copy])
    series: dict[ir.Value, list] = {}
    for argument, has_series in zip(list(block.arguments), mask, strict=True):
        if has_series:
            series[argument] = [block.add_argument(argument.type, d[copy].location) for _ in range(order)]
    body = operations(block)
    for op, following in zip(body, body[1:]):
        if not any(v in series for v in op.operands):
            continue
        if op.name == "func.call":
            _call(d, op, series, order)
        else:
            with ir.InsertionPoint(following), located(derivative_of(op.name, op.location)):
                _operation(d, op, series, order)
    outs = list(body[-1].operands)
    found = [series.get(v) for v in outs]
    with ir.InsertionPoint(body[-1]), d[copy].location:
        coefficients = [
            c for of, s in zip(d.avals(outs), found) if s is not None for c in instantiate(s, [of] * order)
        ]
    replace_return(d, copy, [*outs, *coefficients])
    return Jet(copy, tuple(given(found)))


def _set(series: dict, value: ir.Value, terms: Sequence | None) -> None:
    if terms is not None and any(c is not None for c in terms):
        series[value] = list(terms)


# ---- operations ----------------------------------------------------------------------------------------


def _operation(d: Any, op: ir.Operation, series: dict, order: int) -> None:
    declaration = declared_op(op.name)
    if declaration is None:
        raise DifferentiationError(f"operation '{op.name}' is not of the axil dialect and has no derivative")
    operands, results = list(op.operands), list(op.results)
    attributes = attributes_of(op, declaration)
    terms = [series.get(v) for v in operands]
    y = results[0] if len(results) == 1 else tuple(results)
    if _is_linear(declaration, terms):
        found = _each(declaration, y, operands, terms, attributes, len(results), order)
    else:
        rule = declaration.jet
        found = rule(y, operands, terms, **attributes) if rule is not None else NotImplemented
        if found is NotImplemented:
            found = _by_tangent(d, operands, terms, order, lambda *xs: _tangents(declaration, op, xs, attributes))
        elif len(results) == 1:
            found = [found]
    for result, of_result in zip(results, found):
        _set(series, result, of_result)


def _is_linear(declaration: Op, terms: list) -> bool:
    """Whether an operation is linear in the operands that vary, jointly."""
    varying = [i for i, s in enumerate(terms) if s is not None]
    allowed = declaration.linear_operands(len(terms))
    return all(i in allowed for i in varying) and not (declaration.bilinear and len(varying) > 1)


def _each(
    declaration: Op, y: Any, operands: list, terms: list, attributes: dict, results: int, order: int
) -> list[list | None]:
    """The tangent rule of a linear operation applied to each coefficient."""
    found: list[list] = [[] for _ in range(results)]
    for k in range(order):
        own = [s if s is None else s[k] for s in terms]
        dy = declaration.jvp(y, operands, own, **attributes) if any(given(own)) else None
        for group, t in zip(found, dy if isinstance(dy, (tuple, list)) else [dy] * results):
            group.append(t)
    return list(found)


def _tangents(declaration: Op, op: ir.Operation, xs: tuple, attributes: dict) -> Any:
    """The results of an operation on other operands, and its tangent rule at them."""
    n = len(op.operands)
    made = list(copy_operation(op, xs[:n]).results)
    y = made[0] if len(made) == 1 else tuple(made)
    dy = declaration.jvp(y, list(xs[:n]), list(xs[n:]), **attributes)
    return dy if isinstance(dy, (tuple, list)) else [dy] * len(made)


def _by_tangent(
    d: Any, operands: Sequence, terms: Sequence, order: int, tangents: Callable[..., Sequence]
) -> list[list | None]:
    """Series of results whose tangents `tangents(*operands, *tangents of the operands)` emits, `None` where zero."""
    mask = given(terms)
    avals = d.avals(operands)
    shape: list[bool] = []

    def body(*args: Any) -> list:
        xs, dxs = split(args, len(operands))
        found = list(tangents(*xs, *spread(dxs, mask)))
        shape[:] = given(found)
        return [t for t in found if t is not None]

    name = d.build("tangent", [*avals, *pick(avals, mask)], body)
    block = body_of(d[name])
    prune(d, block, list(terminator(block).operands))
    if not any(shape):
        return [None] * len(shape)
    varying = [instantiate(s, [a] * order) for a, s in zip(avals, terms) if s is not None]
    at = [*operands, *[s[0] for s in varying]]
    # x'(t) has the coefficients 1 x_1, 2 x_2, ...; one order less of x itself is needed.
    slopes = [[scaled(s[k], k + 1) for k in range(1, order)] for s in varying]
    inner = d.jet(name, (*mask, *[True] * len(varying)), order - 1)
    outs, touts = split(
        d.inline(inner.function, [*at, *[c for s in varying for c in s[: order - 1]], *[c for s in slopes for c in s]]),
        sum(shape),
    )
    found = []
    for out, group in zip(outs, _groups(touts, inner.nonzero, order - 1)):
        rest = [None] * (order - 1) if group is None else group
        found.append([scaled(t, 1 / (k + 1)) for k, t in enumerate([out, *rest])])
    return spread(found, shape)


def _groups(values: Sequence, nonzero: Sequence[bool], order: int) -> list[list | None]:
    """Coefficients in a row as one list for each result that has a series."""
    rest = iter(values)
    return [[next(rest) for _ in range(order)] if nz and order else None for nz in nonzero]


# ---- calls ---------------------------------------------------------------------------------------------


def _call(d: Any, op: ir.Operation, series: dict, order: int) -> None:
    name = op.attributes["callee"].value
    site = d.site(name)
    if site is None:
        raise DifferentiationError(f"function @{name} has no body and no derivative")
    operands = list(op.operands)
    terms = [series.get(v) for v in operands]
    with ir.InsertionPoint(op), located(op.location):
        if site.combinator.jet is not None:
            outs, found = site.combinator.jet(d, site, operands, terms, order)
        else:
            outs = d.call(name, operands)

            def tangents(*xs: Any) -> Sequence:
                n = len(operands)
                return site.combinator.jvp(d, site, list(xs[:n]), list(xs[n:]))[1]

            found = _by_tangent(d, operands, terms, order, tangents)
    for result, out, of_result in zip(list(op.results), outs, found, strict=True):
        result.replace_all_uses_with(out)
        _set(series, out, of_result)
    op.erase()


def call(d: Any, derived: Jet, primals: Sequence, series: Sequence, order: int) -> tuple[list, list]:
    """Call a derived function; series that are zero are `None`, on both sides."""
    avals = d.avals(primals)
    filled = [c for a, s in zip(avals, series) if s is not None for c in instantiate(s, [a] * order)]
    outs, rest = split(d.call(derived.function, [*primals, *filled]), len(derived.nonzero))
    return outs, _groups(rest, derived.nonzero, order)
