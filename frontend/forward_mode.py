"""`jvp`: the value of a function and its derivative along a direction, and what tangents have to look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
from axil.core import Traced, bind, run_traced, state, trace_function
from axil.dialects import avals as av
from axil.operands import (
    ArgumentError,
    Flat,
    check_callable,
    dtype_text,
    function_name,
    operand,
    operands_of,
    symbol,
)
from axil.source import user_line

FLOAT0 = dtypes.float0


def trace_differentiated(label: str, flat: Flat, operands: Sequence[Any]) -> Traced:
    """Trace a function that is differentiated; its arguments are known to equal the operands."""
    avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
    return trace_function(label, symbol(flat.fun), flat, avals, weak, operands, "derivative")


def differentiable(operands: Sequence[Any]) -> tuple[int, ...]:
    """Positions of the operands that have tangents."""
    return tuple(i for i, x in enumerate(operands) if av.is_inexact(x.aval.dtype))


def float0_zeros(of: Any) -> np.ndarray:
    """The tangent of an integer: an array of a type that holds nothing."""
    return np.zeros(of.shape, FLOAT0)


def check_pair(flat: Flat) -> None:
    """With `has_aux`, a function gives a pair: a value and anything else."""
    if pytrees.treedef_is_leaf(flat.treedef) or len(pytrees.treedef_children(flat.treedef)) != 2:
        raise errors.AxilTypeError(
            errors.explain(
                f"has_aux=True: {function_name(flat.fun)} must give a pair (value, aux), got {flat.treedef}",
                user_line(),
            )
        )


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """`fun(*primals)` and its directional derivative along `tangents`: a pair of trees (a triple with `has_aux`).

    `primals` and `tangents` are tuples of the same structure. Tangents have the shapes and dtypes of the primals;
    those of integers and booleans have dtype float0. Of complex numbers the derivative is the real-linear map
    `t -> lim (f(x + h t) - f(x)) / h` of real h, whether or not the function is holomorphic.
    """
    check_callable(fun, "jvp")
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise errors.AxilTypeError(
            errors.explain(
                f"jvp takes primals and tangents as tuples or lists, one entry an argument, got "
                f"{type(primals).__name__} and {type(tangents).__name__}",
                user_line(), ways_out=["for a function of one argument: jvp(f, (x,), (t,))"],
            )  # fmt: skip
        )
    operands, treedef = operands_of(tuple(primals), "jvp")
    directions, tangent_def = pytrees.tree_flatten(tuple(tangents))
    if treedef != tangent_def:
        raise ArgumentError(
            errors.explain(
                f"jvp: primals and tangents differ in structure\n  primals:  {treedef}\n  tangents: {tangent_def}",
                user_line(),
            )
        )
    wrt = differentiable(operands)
    directions = [checked_tangent(x, t, "jvp") for x, t in zip(operands, directions)]
    label = f"jvp({function_name(fun)})"
    flat = Flat(fun, lambda leaves: (pytrees.tree_unflatten(treedef, leaves), {}), "jvp")

    def emit(*ops: Any) -> list:
        primals_, tangents_ = ops[: len(operands)], ops[len(operands) :]
        traced = trace_differentiated(label, flat, primals_)
        k = len(traced.captures)
        results = state.trace.call_site(  # type: ignore[union-attr]
            "jvp", [traced.name], [*traced.captures, *primals_, *tangents_], wrt=tuple(k + i for i in wrt)
        )
        tangents_weak = [w for a, w in zip(traced.outputs, traced.weak) if av.is_inexact(a.dtype)]
        for r, w in zip(results, [*traced.weak, *tangents_weak]):
            r.weak_type = w
        return results

    results = run_traced(label, emit, [*operands, *[directions[i] for i in wrt]])
    n = flat.treedef.num_leaves
    outs = results[:n]
    touts = iter(results[n:])
    full = [next(touts) if av.is_inexact(x.aval.dtype) else float0_zeros(x.aval) for x in outs]
    if has_aux:
        check_pair(flat)
    out, tangent_out = flat.unflatten(outs), flat.unflatten(full)
    return (out[0], tangent_out[0], out[1]) if has_aux else (out, tangent_out)


def checked_tangent(primal: Any, tangent: Any, where: str, what: str = "tangent", whose: str = "primal") -> Any:
    """A leaf as a tangent (or cotangent) of `primal`; a Python number takes on its dtype. `None` for integers.

    Raises an error that is both a `TypeError` and a `ValueError` where shapes or dtypes do not fit.
    """
    of = primal.aval if hasattr(primal, "aval") else primal
    dtype = getattr(tangent, "dtype", None)
    if not av.is_inexact(of.dtype):
        if dtype != FLOAT0 or tangent.shape != of.shape:
            given = "a Python number" if dtype is None else f"{dtypes.aval_text(np.shape(tangent), dtype)}"
            raise _misfit(
                where, what, whose, of, given,
                [f"pass numpy.zeros({of.shape}, axil.dtypes.float0): integers and booleans have no other {what}"],
            )  # fmt: skip
        return None
    if dtype == FLOAT0:
        raise _misfit(where, what, whose, of, "float0", [f"pass zeros of the {whose}'s dtype"])
    tangent = operand(tangent, where)
    given = tangent.aval
    if given.shape == of.shape and tangent.weak_type and av.is_inexact(given.dtype):
        if av.is_complex(of.dtype) or not av.is_complex(given.dtype):
            tangent = _cast(tangent, of.dtype)
    if tangent.aval is not of:
        raise _misfit(where, what, whose, of, str(given), _conversion(of, given, what))
    return tangent


def _conversion(of: Any, given: Any, what: str) -> list[str]:
    if given.shape != of.shape:
        return [f"give it the shape {of.shape}"]
    return [f"convert it: {what}.astype({of.dtype.name!r})"]


def _misfit(where: str, what: str, whose: str, of: Any, given: str, ways_out: list[str]) -> Exception:
    return ArgumentError(
        errors.explain(
            f"{where}: a {what} must have its {whose}'s shape and dtype: {whose} {of}, {what} {given}",
            user_line(), ways_out=ways_out,
        )  # fmt: skip
    )


def _cast(x: Any, dtype: Any) -> Any:
    from axil.dialects.elementwise import convert

    return x if x.aval.dtype == dtype else bind(convert, x, dtype=np.dtype(dtype))


__all__ = [
    "FLOAT0", "check_pair", "checked_tangent", "differentiable", "dtype_text", "float0_zeros", "jvp",
    "trace_differentiated",
]  # fmt: skip
