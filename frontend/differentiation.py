"""Derivatives: `grad value_and_grad jvp vjp linearize jacfwd jacrev hessian`.

Each traces the user's function into a function of the current program and calls what is derived from it (see
`axil.dialects.combinators`). Only the arguments that are differentiated become operands; the others are passed
through as they are, so that Python values stay Python values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import errors, tree
from axil.core import RULE_ERRORS, Traced, make_array, run_traced, state, trace_function, user_error
from axil.dialects import avals as av
from axil.operands import (
    Flat,
    check_callable,
    dtype_text,
    function_name,
    normalize_argnums,
    operand,
    operands_of,
    symbol,
)
from axil.source import user_line


class GradientError(errors.AxilTypeError):
    """A gradient was asked for that is not defined: of integers, or of a function that is not scalar."""


def _differentiated(label: str, flat: Flat, operands: Sequence[Any]) -> Traced:
    """Trace a function that is differentiated; its arguments are known to equal the operands."""
    avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
    return trace_function(label, symbol(flat.fun), flat, avals, weak, operands, "derivative")


def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives `fun`'s value and its gradient with respect to the arguments `argnums`.

    `fun` must give a floating point scalar, or a pair of one and anything if `has_aux`. The gradient has the
    structure of the argument (a tuple of them if `argnums` is one). Raises `TypeError` for integer arguments.
    """
    check_callable(fun, "value_and_grad")
    return _gradient(fun, argnums, has_aux, holomorphic, allow_int, "value_and_grad")


def grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the gradient of `fun`; with `has_aux`, a pair of it and the auxiliary result.

    As `value_and_grad`, without the value.
    """
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
            _check_differentiable(x, where, holomorphic, allow_int)

        def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
            new = list(args)
            for i, value in zip(positions, tree.tree_unflatten(treedef, leaves)):
                new[i] = value
            return new, kwargs

        flat = Flat(fun, rebuild, where)
        results = run_traced(label, lambda *ops: _emit_vjp(flat, ops, label, has_aux, holomorphic), operands)
        n = flat.treedef.num_leaves
        value = flat.unflatten(results[:n])
        wrt = _differentiable(operands)
        grads = [None] * len(operands)
        for i, g in zip(wrt, results[n:]):
            grads[i] = g
        grads = [_float0_zeros(x) if g is None else g for g, x in zip(grads, operands)]
        result = tree.tree_unflatten(treedef, grads)
        return value, result[0] if isinstance(argnums, (int, np.integer)) else tuple(result)

    return value_and_gradient


def _differentiable(operands: Sequence[Any]) -> tuple[int, ...]:
    return tuple(i for i, x in enumerate(operands) if av.is_inexact(x.aval.dtype))


def _check_differentiable(x: Any, where: str, holomorphic: bool, allow_int: bool) -> None:
    dtype = x.aval.dtype
    if holomorphic and not av.is_complex(dtype):
        raise GradientError(
            errors.explain(f"{where} with holomorphic=True takes complex inputs, got {dtype_text(x)}", user_line())
        )
    if not holomorphic and av.is_complex(dtype):
        raise GradientError(
            errors.explain(
                f"{where} requires real-valued inputs, but got {dtype_text(x)}", user_line(),
                ways_out=["differentiate with respect to real and imaginary parts",
                          "or, for a holomorphic function, pass holomorphic=True"],
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


def _emit_vjp(flat: Flat, operands: Sequence[Any], label: str, has_aux: bool, holomorphic: bool) -> list:
    trace = state.trace
    assert trace is not None
    traced = _differentiated(label, flat, operands)
    _check_value(flat, traced, has_aux, holomorphic)
    k, wrt = len(traced.captures), _differentiable(operands)
    seed = np.ones((), traced.outputs[0].dtype)
    results = trace.call_site(
        "vjp", [traced.name], [*traced.captures, *operands, seed], wrt=tuple(k + i for i in wrt), outs=(0,)
    )
    for r, w in zip(results, [*traced.weak, *[operands[i].weak_type for i in wrt]]):
        r.weak_type = w
    return results


def _check_pair(flat: Flat) -> None:
    """With `has_aux`, a function gives a value and anything else."""
    if tree.treedef_is_leaf(flat.treedef) or len(tree.treedef_children(flat.treedef)) != 2:
        raise GradientError(
            errors.explain(
                f"has_aux=True: {function_name(flat.fun)} must give a pair (value, aux), got {flat.treedef}",
                user_line(),
            )
        )


def _check_value(flat: Flat, traced: Any, has_aux: bool, holomorphic: bool) -> None:
    name = function_name(flat.fun)
    if has_aux:
        _check_pair(flat)
    head = tree.treedef_children(flat.treedef)[0] if has_aux else flat.treedef
    if head.num_leaves != 1 or not tree.treedef_is_leaf(head):
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
    if not av.is_inexact(of.dtype) or (av.is_complex(of.dtype) and not holomorphic):
        raise GradientError(
            errors.explain(f"gradient requires a real floating point output, but {name} gives {of}", user_line())
        )


FLOAT0 = np.dtype([("float0", np.void, 0)])


def _float0_zeros(x: Any) -> np.ndarray:
    """The tangent of an integer: of a type that holds nothing."""
    return np.zeros(x.aval.shape, FLOAT0)


# ---- forward mode --------------------------------------------------------------------------------------


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """`fun(*primals)` and its directional derivative along `tangents`: a pair of trees (a triple with `has_aux`).

    `primals` and `tangents` are tuples of the same structure; tangents have the dtypes of the primals.
    """
    check_callable(fun, "jvp")
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise errors.AxilTypeError(
            errors.explain(
                f"jvp takes primals and tangents as tuples, one entry an argument, got "
                f"{type(primals).__name__} and {type(tangents).__name__}",
                user_line(),
            )
        )
    operands, treedef = operands_of(tuple(primals), "jvp")
    directions, tangent_def = _tangents(tuple(tangents))
    if treedef != tangent_def:
        raise errors.AxilTypeError(
            errors.explain(f"jvp: primals and tangents differ in structure: {treedef} and {tangent_def}", user_line())
        )
    wrt = _differentiable(operands)
    for i in wrt:
        directions[i] = _check_tangent(operands[i], operand(directions[i], "jvp"))
    label = f"jvp({function_name(fun)})"
    flat = Flat(fun, lambda leaves: (tree.tree_unflatten(treedef, leaves), {}), "jvp")
    chosen = [directions[i] for i in wrt]

    def emit(*ops: Any) -> list:
        primals_, tangents_ = ops[: len(operands)], ops[len(operands) :]
        traced = _differentiated(label, flat, primals_)
        k = len(traced.captures)
        results = state.trace.call_site(  # type: ignore[union-attr]
            "jvp", [traced.name], [*traced.captures, *primals_, *tangents_], wrt=tuple(k + i for i in wrt)
        )
        for r, w in zip(results, traced.weak):
            r.weak_type = w
        return results

    results = run_traced(label, emit, [*operands, *chosen])
    n = flat.treedef.num_leaves
    outs = results[:n]
    touts = iter(results[n:])
    full = [next(touts) if av.is_inexact(x.aval.dtype) else _float0_zeros(x) for x in outs]
    if has_aux:
        _check_pair(flat)
    out, tangent_out = flat.unflatten(outs), flat.unflatten(full)
    return (out[0], tangent_out[0], out[1]) if has_aux else (out, tangent_out)


def _tangents(value: Any) -> tuple[list, Any]:
    leaves, treedef = tree.tree_flatten(value)
    return list(leaves), treedef


def _check_tangent(primal: Any, tangent: Any) -> Any:
    if tangent.aval.shape == primal.aval.shape and tangent.weak_type and av.is_inexact(tangent.aval.dtype):
        tangent = _cast(tangent, primal.aval.dtype)
    if tangent.aval is not primal.aval:
        raise errors.AxilTypeError(
            errors.explain(
                f"a tangent must have its primal's shape and dtype: primal {dtype_text(primal)}, tangent "
                f"{dtype_text(tangent)}",
                user_line(),
                ways_out=[f"convert it: tangent.astype({primal.aval.dtype.name!r})"],
            )
        )
    return tangent


def _cast(x: Any, dtype: Any) -> Any:
    from axil.core import bind
    from axil.dialects.elementwise import convert

    return x if x.aval.dtype == dtype else bind(convert, x, dtype=np.dtype(dtype))


# ---- linear maps ---------------------------------------------------------------------------------------


class _Linearized:
    """A function's linear part at a point: residuals, and the function that takes them in some program."""

    def __init__(self, fun: Any, label: str, operands: Sequence[Any], rebuild: Any) -> None:
        self.fun = fun
        self.label = label
        self.flat = Flat(fun, rebuild, label)
        self.wrt = _differentiable(operands)
        self.operands = operands
        self.parts: Any = None
        self.functions: Any = None
        self.residuals: list = []
        self.outs: list = []

    def run(self) -> list:
        """Run the forward part; gives the flat results."""
        results = run_traced(self.label, self._emit, self.operands)
        n = self.flat.treedef.num_leaves
        self.outs, self.residuals = results[:n], results[n:]
        return self.outs

    def _emit(self, *ops: Any) -> list:
        trace = state.trace
        assert trace is not None
        functions = trace.program.functions
        traced = _differentiated(self.label, self.flat, ops)
        inputs = [*traced.captures, *ops]
        k = len(traced.captures)
        mask = tuple(i - k in self.wrt for i in range(len(inputs)))
        try:
            with trace.program.context, trace.program.ir.Location.unknown():
                self.parts = functions.linearize(traced.name, mask, (True,) * len(mask))
        except RULE_ERRORS as e:
            raise user_error(e) from None
        self.functions = functions
        n = len(traced.outputs)
        results = trace.call(self.parts.forward, inputs, traced.weak)
        residuals = [
            inputs[r.index] if r.is_operand else results[n + r.index] for r in self.parts.residuals
        ]
        return [*results[:n], *residuals]

    def call(self, transposed: bool, operands: Sequence[Any]) -> list:
        """Apply the linear part, or its transpose, to operands."""

        def emit(*ops: Any) -> list:
            trace = state.trace
            assert trace is not None
            functions = trace.program.functions
            with trace.program.context, trace.program.ir.Location.unknown():
                name = functions.import_from(self.functions, self.parts.linear)
                if transposed:
                    n = len(self.residuals)
                    name = functions.transpose(name, (False,) * n + (True,) * len(self.wrt))
            return trace.call(name, ops)

        return run_traced(self.label, emit, [*self.residuals, *operands])


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """`fun(*primals)` and a function from a cotangent of the result to a tuple of cotangents of `primals`.

    With `has_aux`, `fun` gives a pair, and the auxiliary result comes third.
    """
    check_callable(fun, "vjp")
    operands, treedef = operands_of(tuple(primals), "vjp")
    lin = _Linearized(
        fun, f"vjp({function_name(fun)})", operands, lambda leaves: (tree.tree_unflatten(treedef, leaves), {})
    )
    out = lin.flat.unflatten(lin.run())
    main, main_def, count = out, lin.flat.treedef, len(lin.outs)
    if has_aux:
        _check_pair(lin.flat)
        main = out[0]
        main_def = tree.tree_structure(main)
        count = main_def.num_leaves

    def pullback(cotangent: Any) -> tuple:
        leaves, given = tree.tree_flatten(cotangent)
        if given != main_def:
            raise errors.AxilTypeError(
                errors.explain(
                    f"the cotangent's structure {given} is not that of the result, {main_def}", user_line()
                )
            )
        used = [i for i, nz in enumerate(lin.parts.nonzero) if nz]
        cts = []
        for i in used:
            primal = lin.outs[i]
            if i < count:
                cts.append(_check_tangent(primal, operand(leaves[i], "the pullback of vjp")))
            else:
                cts.append(make_array(np.zeros(primal.aval.shape, primal.aval.dtype), primal.aval))
        grads: list = [None] * len(operands)
        for i, g in zip(lin.wrt, lin.call(True, cts)):
            grads[i] = g
        grads = [_float0_zeros(x) if g is None else g for g, x in zip(grads, operands)]
        return tree.tree_unflatten(treedef, grads)

    return (main, pullback, out[1]) if has_aux else (main, pullback)


def linearize(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """`fun(*primals)` and the linear map from tangents of `primals` to the tangent of the result.

    The function itself runs once, however often the map is called.
    """
    check_callable(fun, "linearize")
    operands, treedef = operands_of(tuple(primals), "linearize")
    lin = _Linearized(
        fun, f"linearize({function_name(fun)})", operands, lambda leaves: (tree.tree_unflatten(treedef, leaves), {})
    )
    out = lin.flat.unflatten(lin.run())

    def pushforward(*tangents: Any) -> Any:
        leaves, given = _tangents(tuple(tangents))
        if given != treedef:
            raise errors.AxilTypeError(
                errors.explain(f"the tangents' structure {given} is not that of the primals, {treedef}", user_line())
            )
        chosen = [_check_tangent(operands[i], operand(leaves[i], "linearize")) for i in lin.wrt]
        results = iter(lin.call(False, chosen))
        touts = []
        for x, nonzero in zip(lin.outs, lin.parts.nonzero):
            if nonzero:
                touts.append(next(results))
            elif av.is_inexact(x.aval.dtype):
                touts.append(make_array(np.zeros(x.aval.shape, x.aval.dtype), x.aval))
            else:
                touts.append(_float0_zeros(x))
        return lin.flat.unflatten(touts)

    return out, pushforward


__all__ = ["grad", "jvp", "linearize", "value_and_grad", "vjp"]
