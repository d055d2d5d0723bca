"""`jet`: higher derivatives along a curve, all orders at once (Taylor mode)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
from axil.core import bind, make_array, run_traced, state
from axil.dialects import avals as av
from axil.dialects.avals import aval
from axil.forward_mode import checked_tangent, trace_differentiated
from axil.operands import ArgumentError, Flat, check_callable, dtype_text, function_name, operands_of
from axil.source import user_line


def jet(
    fun: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]], factorial_scaled: bool = True,
    **_: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """`fun` along a curve: its value, and its derivatives with respect to the curve's parameter.

    `primals` are the arguments at t = 0, and `series[i]` lists the derivatives of argument i there, of orders 1, 2,
    ..., as many for each argument; each has the structure, shapes and dtypes of the argument. Gives the value and a
    tree like it with a list of derivatives at each leaf. With `factorial_scaled=False` both lists hold Taylor
    coefficients, the derivatives divided by k!.

    So `jet(f, (x,), ((v, 0 * v, 0 * v),))` gives the first three directional derivatives of `f` along `v`. Its cost
    grows with the square of the order, where nested `jvp`s double it each time. Raises `ValueError` for series of
    different lengths or structures and `TypeError` for arguments that are not floating point.
    """
    check_callable(fun, "jet")
    order = _order(primals, series)
    operands, treedef = operands_of(tuple(primals), "jet")
    terms = _terms(primals, series, treedef, order)
    given = [[checked_tangent(x, t, "jet", "term of a series") for t in own] for x, own in zip(operands, terms)]
    _check_inexact(operands)
    label = f"jet({function_name(fun)})"
    flat = Flat(fun, lambda leaves: (pytrees.tree_unflatten(treedef, leaves), {}), "jet")
    if factorial_scaled:
        given = [[_times(t, 1 / math.factorial(k + 1)) for k, t in enumerate(own)] for own in given]

    def emit(*ops: Any) -> list:
        xs, coefficients = ops[: len(operands)], ops[len(operands) :]
        traced = trace_differentiated(label, flat, xs)
        k = len(traced.captures)
        results = state.trace.call_site(  # type: ignore[union-attr]
            "jet", [traced.name], [*traced.captures, *xs, *coefficients], order=order,
            wrt=tuple(k + i for i in range(len(xs))),
        )  # fmt: skip
        for r, w in zip(results, traced.weak):
            r.weak_type = w
        return results

    results = run_traced(label, emit, [*operands, *[t for own in given for t in own]])
    n = flat.treedef.num_leaves
    outs, rest = results[:n], iter(results[n:])
    found = []
    for x in outs:
        own = [next(rest) if av.is_inexact(x.aval.dtype) else _zeros(x) for _ in range(order)]
        found.append([_times(t, math.factorial(k + 1)) if factorial_scaled else t for k, t in enumerate(own)])
    return flat.unflatten(outs), flat.unflatten(found)


def _order(primals: Any, series: Any) -> int:
    if not isinstance(primals, (tuple, list)) or not isinstance(series, (tuple, list)):
        raise errors.AxilTypeError(
            errors.explain(
                f"jet takes primals and series as tuples or lists, one entry an argument, got "
                f"{type(primals).__name__} and {type(series).__name__}",
                user_line(), ways_out=["for a function of one argument: jet(f, (x,), ((x1, x2),))"],
            )  # fmt: skip
        )
    lengths = []
    for i, terms in enumerate(series):
        if not isinstance(terms, (tuple, list)):
            raise ArgumentError(
                errors.explain(f"jet: the series of argument {i} must be a tuple or list of terms, got "
                               f"{type(terms).__name__}", user_line())  # fmt: skip
            )
        lengths.append(len(terms))
    if len(series) != len(primals) or len(set(lengths)) != 1:
        raise ArgumentError(
            errors.explain(
                f"jet takes a series for each of the arguments, all of one length, got {len(primals)} arguments and "
                f"series of lengths {lengths}",
                user_line(), ways_out=["fill up short series with zeros"],
            )  # fmt: skip
        )
    return lengths[0]


def _terms(primals: Any, series: Any, treedef: Any, order: int) -> list[list]:
    """For each leaf of the arguments its terms, in order."""
    per_order = []
    for k in range(order):
        leaves, given = pytrees.tree_flatten(tuple(terms[k] for terms in series))
        if given != treedef:
            raise ArgumentError(
                errors.explain(
                    f"jet: term {k} of the series and the primals differ in structure\n  primals: {treedef}\n"
                    f"  term:    {given}",
                    user_line(),
                )
            )
        per_order.append(leaves)
    return [[leaves[i] for leaves in per_order] for i in range(treedef.num_leaves)]


def _check_inexact(operands: Sequence[Any]) -> None:
    for x in operands:
        if not av.is_inexact(x.aval.dtype):
            raise errors.AxilTypeError(
                errors.explain(
                    f"jet takes floating point or complex arguments, got {dtype_text(x)}", user_line(),
                    ways_out=["pass floats: 2.0 instead of 2", "or close over it: lambda x: f(x, n)"],
                )  # fmt: skip
            )


def _times(x: Any, factor: float) -> Any:
    from axil.dialects.elementwise import mul

    if factor == 1:
        return x
    return bind(mul, x, make_array(np.full(x.aval.shape, factor, x.aval.dtype), x.aval))


def _zeros(x: Any) -> Any:
    """A term of a result that is not floating point."""
    of = aval(x.aval.shape, dtypes.canonicalize_dtype(np.float64))
    return make_array(np.zeros(of.shape, of.dtype), of)


__all__ = ["jet"]
