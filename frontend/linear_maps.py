"""`vjp linearize linear_transpose fwd_and_bwd`: a function's derivative at a point as a linear map that is kept.

What these give is callable again and again, under any transformation, and is a pytree: its leaves are the residuals,
so that it can be returned from a jitted function and passed to another one. Its structure names the linear program,
which is the same object for all maps that come out of one compiled function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import errors, pytrees
from axil.core import (
    RULE_ERRORS,
    DerivativeError,
    Program,
    Trace,
    make_array,
    run_traced,
    state,
    trace_function,
    user_error,
)
from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval
from axil.forward_mode import check_pair, checked_tangent, differentiable, float0_zeros, trace_differentiated
from axil.operands import ArgumentError, Flat, check_callable, function_name, normalize_argnums, operands_of, symbol
from axil.source import user_line
from axil.tree_registration import register_pytree_node


class Plan:
    """The linear program of a map and the trees on both of its sides. Compared by identity: it is part of a treedef."""

    def __init__(
        self, label: str, program: Program, function: str, wrt: tuple[int, ...], in_avals: Sequence[Aval], in_def: Any,
        out_avals: Sequence[Aval], out_def: Any, nonzero: Sequence[bool], in_weak: Sequence[bool],
        out_weak: Sequence[bool],
    ) -> None:  # fmt: skip
        self.label = label
        self.program = program  # of its own: it outlives the trace that the map was made in
        self.function = function  # (residuals, tangents) to the nonzero tangents of the results
        self.wrt = wrt
        self.in_avals, self.in_def = list(in_avals), in_def
        self.out_avals, self.out_def = list(out_avals), out_def
        self.nonzero = tuple(nonzero)
        self.in_weak, self.out_weak = list(in_weak), list(out_weak)

    def pushed_weak(self, tangents: Sequence[Any]) -> list[bool]:
        """Whether tangents of the results are weakly typed: where the results are and all tangents of primals."""
        weak = all(t is None or t.weak_type for t in tangents)
        return [w and weak for w in self.out_weak]

    def pulled_weak(self, cotangents: Sequence[Any]) -> list[bool]:
        """Whether cotangents of the primals are weakly typed: where the primals are, and no strongly typed cotangent
        is of a weakly typed result."""
        weak = all(ct is None or ct.weak_type or not w for ct, w in zip(cotangents, self.out_weak))
        return [w and weak for w in self.in_weak]

    def apply(self, residuals: Sequence[Any], operands: Sequence[Any], transposed: bool, weak: Sequence[bool]) -> list:
        """The linear program, or its transpose, on operands; `weak` are the weak types of the results."""

        def emit(*ops: Any) -> list:
            trace = state.trace
            assert trace is not None
            own = self.program.functions
            try:
                with self.program.context, self.program.ir.Location.unknown():
                    name = self.function
                    if transposed:
                        name = own.transpose(name, (False,) * len(residuals) + (True,) * len(self.wrt))
                    name = trace.program.functions.import_from(own, name)
                return trace.call(name, ops, weak)
            except RULE_ERRORS as e:
                raise user_error(e) from None

        return run_traced(self.label, emit, [*residuals, *operands])


class _Map:
    """A linear program with its residuals."""

    __slots__ = ("__weakref__", "plan", "residuals")

    def __init__(self, plan: Plan, residuals: Sequence[Any]) -> None:
        self.plan = plan
        self.residuals = tuple(residuals)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.plan.label} with {len(self.residuals)} residuals>"


class Pullback(_Map):
    """The map from a cotangent of a function's result to the tuple of cotangents of its arguments."""

    __slots__ = ()

    def __call__(self, cotangent: Any, *more: Any) -> tuple:
        """Cotangents of the arguments; `cotangent` has the structure, shapes and dtypes of the result."""
        plan = self.plan
        if more:
            raise errors.AxilTypeError(
                errors.explain(
                    f"the pullback of {plan.label} takes one cotangent, of the structure of the function's result, "
                    f"and was called with {len(more) + 1} arguments",
                    user_line(), ways_out=["for a function that gives a tuple, pass a tuple: pullback((ct0, ct1))"],
                )  # fmt: skip
            )
        leaves, given = pytrees.tree_flatten(cotangent)
        where = f"the pullback of {plan.label}"
        if given != plan.out_def:
            raise _other_structure(where, "the result", plan.out_def, "the cotangent", given)
        cts = [checked_tangent(a, x, where, "cotangent", "result") for a, x in zip(plan.out_avals, leaves)]
        grads: list = [float0_zeros(a) for a in plan.in_avals]
        used = [ct for ct, nonzero in zip(cts, plan.nonzero) if nonzero]
        weak = plan.pulled_weak(cts)
        pulled = plan.apply(self.residuals, used, transposed=True, weak=[weak[i] for i in plan.wrt])
        for i, g in zip(plan.wrt, pulled):
            grads[i] = g
        return pytrees.tree_unflatten(plan.in_def, grads)


class Pushforward(_Map):
    """The map from tangents of a function's arguments to the tangent of its result."""

    __slots__ = ()

    def __call__(self, *tangents: Any) -> Any:
        """The tangent of the result; `tangents` have the structure, shapes and dtypes of the arguments."""
        plan = self.plan
        leaves, given = pytrees.tree_flatten(tuple(tangents))
        where = f"the linear map of {plan.label}"
        if given != plan.in_def:
            raise _other_structure(where, "the primals", plan.in_def, "the tangents", given)
        directions = [checked_tangent(a, t, where) for a, t in zip(plan.in_avals, leaves)]
        weak = [w for w, nonzero in zip(plan.pushed_weak(directions), plan.nonzero) if nonzero]
        used = [directions[i] for i in plan.wrt]
        results = iter(plan.apply(self.residuals, used, transposed=False, weak=weak))
        touts = [next(results) if nz else _zero_tangent(a) for a, nz in zip(plan.out_avals, plan.nonzero)]
        return pytrees.tree_unflatten(plan.out_def, touts)


def _zero_tangent(of: Aval) -> Any:
    if not av.is_inexact(of.dtype):
        return float0_zeros(of)
    return make_array(np.zeros(of.shape, of.dtype), of)


def _other_structure(where: str, what: str, wanted: Any, other: str, given: Any) -> Exception:
    return ArgumentError(
        errors.explain(f"{where}: {other} and {what} differ in structure\n  {what}: {wanted}\n  {other}: {given}",
                       user_line())  # fmt: skip
    )


def _own_program(functions: Any, name: str) -> tuple[Program, str]:
    """A copy of a function, with all that it calls, in a program of its own."""
    program = Program()
    with program.context, program.ir.Location.unknown():
        name = program.functions.import_from(functions, name)
    program.functions._imported.clear()  # holds the program that it came from
    return program, name


# ---- at a point ----------------------------------------------------------------------------------------


def _linearize(fun: Any, where: str, primals: tuple, has_aux: bool) -> tuple[Any, Any, Plan, list]:
    """Run the forward part: the result, the auxiliary one, and the plan and residuals of the linear part."""
    operands, treedef = operands_of(primals, where)
    label = f"{where}({function_name(fun)})"
    flat = Flat(fun, lambda leaves: (pytrees.tree_unflatten(treedef, leaves), {}), label)
    wrt = differentiable(operands)
    plans: list[Plan] = []

    def emit(*ops: Any) -> list:
        trace = state.trace
        assert trace is not None
        functions = trace.program.functions
        traced = trace_differentiated(label, flat, ops)
        inputs = [*traced.captures, *ops]
        k = len(traced.captures)
        main_def, count = _main_structure(flat, has_aux)
        mask = tuple(i - k in wrt for i in range(len(inputs)))
        outs = tuple(i < count for i in range(len(traced.outputs)))
        try:
            with trace.program.context, trace.program.ir.Location.unknown():
                parts = functions.linearize(traced.name, mask, (True,) * len(mask), outs)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        program, name = _own_program(functions, parts.linear)
        plans.append(
            Plan(label, program, name, wrt, [x.aval for x in operands], treedef, traced.outputs[:count], main_def,
                 parts.nonzero[:count], [x.weak_type for x in operands], traced.weak[:count])  # fmt: skip
        )
        n = len(traced.outputs)
        results = trace.call(parts.forward, inputs, traced.weak)
        residuals = [inputs[r.index] if r.is_operand else results[n + r.index] for r in parts.residuals]
        return [*results[:n], *residuals]

    results = run_traced(label, emit, operands)
    n = flat.treedef.num_leaves
    out = flat.unflatten(results[:n])
    value, aux = out if has_aux else (out, None)
    return value, aux, plans[-1], results[n:]


def _main_structure(flat: Flat, has_aux: bool) -> tuple[Any, int]:
    """Structure of what is differentiated, and the number of its leaves."""
    if not has_aux:
        return flat.treedef, flat.treedef.num_leaves
    check_pair(flat)
    main = pytrees.treedef_children(flat.treedef)[0]
    return main, main.num_leaves


def vjp(
    fun: Callable[..., Any], *primals: Any, has_aux: bool = False, reduce_axes: Sequence[Any] = ()
) -> tuple[Any, ...]:
    """`fun(*primals)` and its pullback, from a cotangent of the result to a tuple of cotangents of `primals`.

    With `has_aux`, `fun` gives a pair, and the auxiliary result comes third. The pullback is linear, may be called
    any number of times and under any transformation, and is a pytree. Of complex numbers it is the transpose, not
    the adjoint, of the derivative: nothing is conjugated, and the gradient of a real f at x + iy is
    df/dx - i df/dy. `reduce_axes` must be empty.
    """
    check_reduce_axes(reduce_axes, "vjp")
    check_callable(fun, "vjp")
    value, aux, plan, residuals = _linearize(fun, "vjp", primals, has_aux)
    pullback = Pullback(plan, residuals)
    return (value, pullback, aux) if has_aux else (value, pullback)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """`fun(*primals)` and the linear map from tangents of `primals` to the tangent of the result.

    The function itself runs once, however often the map is called. With `has_aux`, the auxiliary result comes third.
    """
    check_callable(fun, "linearize")
    value, aux, plan, residuals = _linearize(fun, "linearize", primals, has_aux)
    push = Pushforward(plan, residuals)
    return (value, push, aux) if has_aux else (value, push)


def check_reduce_axes(reduce_axes: Any, where: str) -> None:
    """JAX has dropped this argument and takes it only when empty."""
    if reduce_axes:
        raise DerivativeError(
            errors.explain(
                f"{where} does not take reduce_axes, got {reduce_axes!r}", user_line(),
                ways_out=["sum over the axis yourself: axil.lax.psum(gradient, axis_name)"],
            )  # fmt: skip
        )


def fwd_and_bwd(
    fun: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool = False, jitted: bool = True
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two functions, the forward and the backward pass of `fun`, each compiled once (unless `jitted=False`).

    `fwd(*args)` gives `(result, residuals)`, and the auxiliary result third with `has_aux`; `bwd(residuals, cotangent)`
    gives the cotangents of the arguments `argnums`: one, or a tuple.
    """
    check_callable(fun, "fwd_and_bwd")

    def fwd(*args: Any, **kwargs: Any) -> Any:
        positions = normalize_argnums(argnums, len(args), "fwd_and_bwd")
        return vjp(chosen_arguments(fun, args, kwargs, positions), *[args[i] for i in positions], has_aux=has_aux)

    def bwd(residuals: Any, cotangent: Any) -> Any:
        grads = residuals(cotangent)
        return grads[0] if isinstance(argnums, (int, np.integer)) else grads

    if jitted:
        from axil import jit

        return jit(fwd), jit(bwd)
    return fwd, bwd


def chosen_arguments(fun: Any, args: Sequence[Any], kwargs: dict, positions: tuple[int, ...]) -> Any:
    """`fun` of the chosen positional arguments only."""

    def chosen(*values: Any) -> Any:
        new = list(args)
        for i, v in zip(positions, values):
            new[i] = v
        return fun(*new, **kwargs)

    chosen.__name__ = function_name(fun)
    return chosen


# ---- linear functions ----------------------------------------------------------------------------------


class LinearTranspose(_Map):
    """The transpose of a linear function."""

    __slots__ = ()

    def __call__(self, cotangent: Any) -> tuple:
        """A tuple of the shapes and dtypes of the primals; `cotangent` has those of the function's result."""
        plan = self.plan
        leaves, given = pytrees.tree_flatten(cotangent)
        where = f"the {plan.label}"
        if given != plan.out_def:
            raise _other_structure(where, "the result", plan.out_def, "the cotangent", given)
        cts = [_checked_linear(a, x, where) for a, x in zip(plan.out_avals, leaves)]
        weak = plan.pulled_weak(cts)
        return pytrees.tree_unflatten(plan.in_def, plan.apply(self.residuals, cts, transposed=True, weak=weak))


def _checked_linear(of: Aval, x: Any, where: str) -> Any:
    if av.is_inexact(of.dtype):
        return checked_tangent(of, x, where, "cotangent", "result")
    (given,), _ = operands_of(x, where)
    if given.aval is not of:
        raise ArgumentError(
            errors.explain(f"{where}: a cotangent must have its result's shape and dtype: result {of}, cotangent "
                           f"{given.aval}", user_line())  # fmt: skip
        )
    return given


def linear_transpose(fun: Callable[..., Any], *primals: Any, reduce_axes: Sequence[Any] = ()) -> LinearTranspose:
    """The transpose of a function that is linear: from a result's cotangent to a tuple like `primals`.

    Only shapes and dtypes of `primals` are looked at, so they may be `ShapeDtypeStruct`s. All leaves are floating
    point or complex, or all are integers. Raises `DerivativeError`, with the operation and its line, where the
    function is not linear.
    """
    check_reduce_axes(reduce_axes, "linear_transpose")
    check_callable(fun, "linear_transpose")
    leaves, treedef = pytrees.tree_flatten(primals)
    given = [_abstract(x) for x in leaves]
    avals, weak = [a for a, _ in given], [w for _, w in given]
    label = f"linear_transpose({function_name(fun)})"
    flat = Flat(fun, lambda values: (pytrees.tree_unflatten(treedef, values), {}), label)

    def make(trace: Trace) -> LinearTranspose:
        traced = trace_function(label, symbol(fun), flat, avals, weak)
        _check_linear_dtypes(avals, traced.outputs)
        program, name = _own_program(trace.program.functions, traced.name)
        wrt = tuple(range(len(avals)))
        nonzero = [True] * len(wrt)
        plan = Plan(
            label, program, name, wrt, avals, treedef, traced.outputs, flat.treedef, nonzero, weak, traced.weak
        )  # fmt: skip
        mask = (False,) * len(traced.captures) + (True,) * len(avals)
        try:
            with program.context, program.ir.Location.unknown():
                program.functions.transpose(name, mask)  # now, so that what is not linear is reported here
        except RULE_ERRORS as e:
            raise user_error(e) from None
        return LinearTranspose(plan, traced.captures)

    return _under_a_trace(make)


def _abstract(x: Any) -> tuple[Aval, bool]:
    """Type and weakness of an array, or of what only has a shape and dtype."""
    if hasattr(x, "shape") and hasattr(x, "dtype") and not isinstance(x, (np.ndarray, np.generic)):
        return aval(tuple(x.shape), np.dtype(x.dtype)), bool(getattr(x, "weak_type", False))
    array = operands_of(x, "linear_transpose")[0][0]
    return array.aval, array.weak_type


def _check_linear_dtypes(inputs: Sequence[Aval], outputs: Sequence[Aval]) -> None:
    everything = [*inputs, *outputs]
    if all(av.is_inexact(a.dtype) for a in everything) or all(av.is_integer(a.dtype) for a in everything):
        return
    raise errors.AxilTypeError(
        errors.explain(
            "linear_transpose takes functions of floating point or complex numbers to such numbers, or of integers to "
            f"integers, got {list(inputs)} to {list(outputs)}",
            user_line(),
        )
    )


def _under_a_trace(make: Callable[[Trace], Any]) -> Any:
    """Run what traces functions: in the current trace, else in a new one that nothing is computed from."""
    if state.trace is not None:
        return make(state.trace)
    trace = Trace("", Program(), None, "main", [])
    state.trace = trace
    try:
        return make(trace)
    finally:
        state.trace = None
        trace.abandon()


for _kind in (Pullback, Pushforward, LinearTranspose):
    register_pytree_node(
        _kind, lambda m: ((m.residuals,), m.plan), lambda plan, children, kind=_kind: kind(plan, children[0])
    )

__all__ = ["LinearTranspose", "Pullback", "Pushforward", "fwd_and_bwd", "linear_transpose", "linearize", "vjp"]
