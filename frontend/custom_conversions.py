"""`closure_convert`, `custom_gradient`, `linear_call`: custom derivatives of closures and of linear functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from axil import pytrees
from axil.core import RULE_ERRORS, Tracer, run_traced, state, trace_function, user_error
from axil.custom_reverse import custom_vjp
from axil.custom_rules import check_pair, check_structure, fit, rule_error, rule_name, share_captures
from axil.dialects import avals as av
from axil.operands import Flat, check_callable, function_name, operand, operands_of, symbol


def closure_convert(fun: Callable[..., Any], *example_args: Any) -> tuple[Callable[..., Any], list[Any]]:
    """A function like `fun` that takes what it closes over as further arguments, and these values.

    `converted, consts = closure_convert(fun, *example_args)`, then `converted(*args, *consts)` is `fun(*args)` for
    arguments of the structure, shapes and dtypes of `example_args`. Of the values that `fun` closes over, those
    that are being traced and have derivatives (floating point, complex) are taken out; others stay where they are.
    """
    check_callable(fun, "closure_convert")
    if state.trace is None:  # nothing can be differentiated: there is nothing to take out
        return lambda *args: fun(*args), []
    label = f"closure_convert({function_name(fun)})"
    operands, treedef = operands_of(tuple(example_args), label)
    flat = Flat(fun, lambda leaves: (pytrees.tree_unflatten(treedef, leaves), {}), label)
    avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
    functions = state.trace.program.functions
    traced = trace_function(label, symbol(fun), flat, avals, weak, (), "derivative")
    hoisted = [type(c) is Tracer and av.is_inexact(c.aval.dtype) for c in traced.captures]

    def emit(*leaves: Any) -> list:
        assert state.trace is not None
        trace, rest = state.trace, iter(leaves)
        consts = [next(rest) if h else c for c, h in zip(traced.captures, hoisted)]
        try:
            with trace.program.context, trace.program.ir.Location.unknown():
                name = trace.program.functions.import_from(functions, traced.name)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        return trace.call(name, [*consts, *rest], traced.weak)

    def converted(*args_and_consts: Any) -> Any:
        n = len(args_and_consts) - sum(hoisted)
        leaves, given = operands_of(tuple(args_and_consts[:n]), label)
        check_structure(label, "the converted function arguments", treedef, given)
        args = [fit(x, a, f"an argument of {label}") for x, a in zip(leaves, avals)]
        closed = [c for c, h in zip(traced.captures, hoisted) if h]
        consts = [
            fit(operand(x, label), c.aval, f"a closed-over value of {label}")
            for x, c in zip(args_and_consts[n:], closed)
        ]
        return flat.unflatten(run_traced(label, emit, [*consts, *args]))

    functools.update_wrapper(converted, fun)
    return converted, [c for c, h in zip(traced.captures, hoisted) if h]


def custom_gradient(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function from one that gives its result and its derivative: a function from a cotangent to cotangents.

        @custom_gradient
        def f(x):
            return x ** 2, lambda g: (g * 2 * x,)

    The cotangents are a tuple, one an argument; for a single argument the cotangent itself will do. Reverse mode only,
    as for `custom_vjp`; higher derivatives differentiate the inner function. Raises `TypeError` where `fun` does not
    give a pair.
    """
    check_callable(fun, "custom_gradient")
    label = f"custom_gradient({function_name(fun)})"
    rule = rule_name(fun, "custom_gradient", "function")

    def both(args: tuple, kwargs: dict) -> Any:
        result = fun(*args, **kwargs)
        check_pair(result, rule, "result, function from its cotangent to those of the arguments")
        check_callable(result[1], label)
        return result

    inner = custom_vjp(lambda args, kwargs: both(args, kwargs)[0])
    inner.fun.__name__, inner.label = function_name(fun), label
    converted: list = []  # of the innermost forward rule, for the backward rule that is traced next to it

    def fwd(args: tuple, kwargs: dict) -> Any:
        result, gradient = both(args, kwargs)
        leaves, treedef = operands_of(result, label)
        flat = Flat(gradient, lambda cts: ([pytrees.tree_unflatten(treedef, cts)], {}), label)
        traced = trace_function(label, symbol(fun), flat, [x.aval for x in leaves], [False] * len(leaves))
        converted.append((traced, flat))
        return result, traced.captures

    def bwd(residuals: list, ct: Any) -> tuple:
        traced, flat = converted.pop()
        assert state.trace is not None
        leaves = [_instead(x, a) for x, a in zip(pytrees.tree_leaves(ct), _ct_avals(traced))]
        grads = flat.unflatten(state.trace.call(traced.name, [*residuals, *leaves]))
        return grads if isinstance(grads, (tuple, list)) else (grads,), None

    def _ct_avals(traced: Any) -> Sequence[Any]:
        assert state.trace is not None
        return state.trace.program.functions.signature(traced.name).inputs[len(traced.captures) :]

    fwd.__name__ = bwd.__name__ = function_name(fun)
    inner.defvjp(fwd, bwd)

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return inner(args, kwargs)

    return wrapped


def _instead(ct: Any, of: Any) -> Any:
    """A cotangent that an operation can take: zeros in the place of an integer's, which is of float0."""
    import numpy as np

    return ct if av.is_inexact(of.dtype) else np.zeros(of.shape, of.dtype)


def linear_call(
    fun: Callable[..., Any], fun_transpose: Callable[..., Any], residual_args: Any, linear_args: Any
) -> Any:
    """`fun(residual_args, linear_args)`, whose transpose is `fun_transpose(residual_args, cotangent)`.

    `fun` must be linear in `linear_args`, and `fun_transpose` in the cotangent, and give cotangents of the structure of
    `linear_args`: neither is checked to be the transpose of the other. There is no derivative with respect to
    `residual_args`. Raises `TypeError` where structures, shapes or dtypes do not fit.
    """
    check_callable(fun, "linear_call: fun")
    check_callable(fun_transpose, "linear_call: fun_transpose")
    residuals, residual_def = operands_of(residual_args, "linear_call")
    operands, linear_def = operands_of(linear_args, "linear_call")
    label = f"linear_call({function_name(fun)})"
    n = len(residuals)

    def flat_of(f: Callable[..., Any], treedef: Any) -> Flat:
        def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
            return [pytrees.tree_unflatten(residual_def, leaves[:n]), pytrees.tree_unflatten(treedef, leaves[n:])], {}

        return Flat(f, rebuild, label)

    flat = flat_of(fun, linear_def)
    if state.trace is None:
        return flat.unflatten(flat(*residuals, *operands))

    def emit(*values: Any) -> list:
        trace = state.trace
        assert trace is not None
        avals, weak = [x.aval for x in values], [x.weak_type for x in values]
        of = trace_function(label, symbol(fun), flat, avals, weak, values)
        transpose_name = rule_name(fun_transpose, label, "transpose")
        back = flat_of(fun_transpose, flat.treedef)

        def transposed(*leaves: Any) -> list:
            grads = back(*leaves)
            check_structure(transpose_name, "cotangents", linear_def, back.treedef)
            return [fit(g, a, f"a cotangent of {transpose_name}") for g, a in zip(grads, avals[n:])]

        ct_avals = [*avals[:n], *of.outputs]
        traced = trace_function(label, symbol(fun_transpose), transposed, ct_avals, [False] * len(ct_avals))
        *names, captures = share_captures(trace, of, traced)
        results = trace.call_site("linear_call", names, [*captures, *values], known=len(captures) + n)
        for r, w in zip(results, of.weak):
            r.weak_type = w
        return results

    if any(not av.is_inexact(x.aval.dtype) for x in operands):
        raise rule_error(f"{label}: linear_args must be floating point or complex")
    return flat.unflatten(run_traced(label, emit, [*residuals, *operands]))


__all__ = ["closure_convert", "custom_gradient", "linear_call"]
