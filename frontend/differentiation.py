"""Gradients: `grad` and `value_and_grad`. What derivatives have in common is in `forward_mode` and `linear_maps`.

Each traces the user's function into a function of the current program and calls what is derived from it (see
`axil.dialects.combinators`). Only the arguments that are differentiated become operands; the others are passed
through as they are, so that Python values stay Python values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import errors, pytrees
from axil.core import run_traced, state
from axil.dialects import avals as av
from axil.forward_mode import check_pair, differentiable, float0_zeros, jvp, trace_differentiated
from axil.linear_maps import check_reduce_axes, linearize, vjp
from axil.operands import Flat, check_callable, dtype_text, function_name, normalize_argnums, operands_of
from axil.source import user_line


class GradientError(errors.AxilTypeError):
    """A gradient was asked for that is not defined: of integers, or of a function that is not scalar."""


def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False,
    allow_int: bool = False, reduce_axes: Sequence[Any] = (),
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives `fun`'s value and its gradient with respect to the arguments `argnums`.

    `fun` must give a floating point scalar, or a pair of one and anything if `has_aux`. The gradient has the
    structure of the argument (a tuple of them if `argnums` is one). Raises `TypeError` for integer arguments, unless
    `allow_int`, which gives them gradients of dtype float0.

    Arguments may be complex: the gradient of a real `fun` at x + iy is df/dx - i df/dy, whose conjugate points
    uphill. With `holomorphic=True` arguments and value are complex, and the gradient is the complex derivative.
    `reduce_axes` must be empty.
    """
    check_reduce_axes(reduce_axes, "value_and_grad")
    check_callable(fun, "value_and_grad")
    return _gradient(fun, argnums, has_aux, holomorphic, allow_int, "value_and_grad")


def grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False,
    allow_int: bool = False, reduce_axes: Sequence[Any] = (),
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the gradient of `fun`; with `has_aux`, a pair of it and the auxiliary result.

    As `value_and_grad`, without the value.
    """
    check_reduce_axes(reduce_axes, "grad")
    check_callable(fun, "grad")
    both = _gradient(fun, argnums, has_aux, holomorphic, allow_int, "grad")

    @functools.wraps(fun)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def _gradient(fun: Any, argnums: Any, has_aux: bool, holomorphic: bool, allow_int: bool, where: str) -> Any:
    label = f"{where}({function_name(fun)})"

    @functools.wraps(fun)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        positions = normalize_argnums(argnums, len(args), where)
        operands, treedef = operands_of([args[i] for i in positions], where)
        for x in operands:
            check_differentiable(x, where, holomorphic, allow_int)

        def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
            new = list(args)
            for i, value in zip(positions, pytrees.tree_unflatten(treedef, leaves)):
                new[i] = value
            return new, kwargs

        flat = Flat(fun, rebuild, where)
        results = run_traced(label, lambda *ops: _emit_vjp(flat, ops, label, has_aux, holomorphic), operands)
        n = flat.treedef.num_leaves
        value = flat.unflatten(results[:n])
        wrt = differentiable(operands)
        grads = [None] * len(operands)
        for i, g in zip(wrt, results[n:]):
            grads[i] = g
        grads = [float0_zeros(x.aval) if g is None else g for g, x in zip(grads, operands)]
        result = pytrees.tree_unflatten(treedef, grads)
        return value, result[0] if isinstance(argnums, (int, np.integer)) else tuple(result)

    return value_and_gradient


def check_differentiable(x: Any, where: str, holomorphic: bool, allow_int: bool, real: bool = False) -> None:
    """Raise `TypeError` for an argument that cannot be differentiated; `real` refuses complex ones too."""
    dtype = x.aval.dtype
    if holomorphic and not av.is_complex(dtype):
        raise GradientError(
            errors.explain(
                f"{where} with holomorphic=True takes complex inputs, got {dtype_text(x)}", user_line(),
                ways_out=["convert them: x.astype(axil.numpy.complex64)", "or leave holomorphic=True out"],
            )  # fmt: skip
        )
    if real and not holomorphic and av.is_complex(dtype):
        raise GradientError(
            errors.explain(
                f"{where} requires real-valued inputs, but got {dtype_text(x)}", user_line(),
                ways_out=["for a holomorphic function, pass holomorphic=True",
                          "otherwise use jvp, or differentiate with respect to real and imaginary parts"],
            )  # fmt: skip
        )
    if not av.is_inexact(dtype) and not allow_int:
        raise GradientError(
            errors.explain(
                f"{where} requires real- or complex-valued inputs (floating point), but got {dtype_text(x)}",
                user_line(),
                ways_out=[
                    "pass floats: 2.0 instead of 2, or x.astype(axil.numpy.float32)",
                    "choose other arguments with argnums",
                    "or pass allow_int=True, which gives integer inputs a gradient of dtype float0",
                ],
            )
        )


def check_output(x: Any, name: str, where: str, holomorphic: bool) -> None:
    """Raise `TypeError` for a result of `name` that has no gradient; `x` is an aval."""
    if holomorphic:
        if not av.is_complex(x.dtype):
            raise GradientError(
                errors.explain(
                    f"{where} with holomorphic=True requires complex outputs, but an output of {name} is {x}",
                    user_line(), ways_out=["leave holomorphic=True out, for the gradient of a real function"],
                )  # fmt: skip
            )
    elif av.is_complex(x.dtype):
        raise GradientError(
            errors.explain(
                f"{where} requires real-valued outputs, but an output of {name} is {x}", user_line(),
                ways_out=["for a holomorphic function, pass holomorphic=True",
                          "otherwise take the real part, or use vjp with a complex cotangent"],
            )  # fmt: skip
        )
    elif not av.is_inexact(x.dtype):
        raise GradientError(
            errors.explain(
                f"{where} requires floating point outputs, but an output of {name} is {x}", user_line(),
                ways_out=["convert it to floats", "or give it as an auxiliary result, with has_aux=True"],
            )  # fmt: skip
        )


def _emit_vjp(flat: Flat, operands: Sequence[Any], label: str, has_aux: bool, holomorphic: bool) -> list:
    trace = state.trace
    assert trace is not None
    traced = trace_differentiated(label, flat, operands)
    _check_value(flat, traced, has_aux, holomorphic)
    k, wrt = len(traced.captures), differentiable(operands)
    seed = np.ones((), traced.outputs[0].dtype)
    results = trace.call_site(
        "vjp", [traced.name], [*traced.captures, *operands, seed], wrt=tuple(k + i for i in wrt), outs=(0,)
    )
    for r, w in zip(results, [*traced.weak, *[operands[i].weak_type for i in wrt]]):
        r.weak_type = w
    return results


def _check_value(flat: Flat, traced: Any, has_aux: bool, holomorphic: bool) -> None:
    name = function_name(flat.fun)
    if has_aux:
        check_pair(flat)
    head = pytrees.treedef_children(flat.treedef)[0] if has_aux else flat.treedef
    if head.num_leaves != 1 or not pytrees.treedef_is_leaf(head):
        raise GradientError(
            errors.explain(
                f"gradient only defined for scalar-output functions, and {name} gives {head}", user_line(),
                ways_out=["give one scalar, or a pair (value, aux) with has_aux=True"],
            )  # fmt: skip
        )
    of = traced.outputs[0]
    if of.shape:
        raise GradientError(
            errors.explain(
                f"gradient only defined for scalar-output functions. Output of {name} had shape: {of.shape}",
                user_line(),
                ways_out=["reduce it to a scalar, such as with .sum() or .mean()", "or use jacrev or jacfwd"],
            )
        )
    check_output(of, name, "grad", holomorphic)


__all__ = ["GradientError", "check_differentiable", "check_output", "grad", "jvp", "linearize", "value_and_grad", "vjp"]
