"""Loops whose number of steps the program decides: `while_loop` and `fori_loop`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
from axil.config import config
from axil.core import Array, as_array, bind, run_traced, state, trace_function
from axil.dialects import avals as av
from axil.dialects import complex as c
from axil.dialects import elementwise as e
from axil.dialects.combinators.revolve import default_checkpoints
from axil.dialects.shape import broadcast_in_dim
from axil.lax.carries import Carry, avals_of, check_structure, weak_fixpoint, weak_of, with_weak
from axil.lax.loops import run_scan
from axil.operands import ArgumentError, Flat, check_callable, function_name, operand, operands_of, symbol
from axil.source import user_line


def while_loop(
    cond_fun: Callable[..., Any], body_fun: Callable[..., Any], init_val: Any, *, max_steps: int | None = None,
    checkpoints: int | None = None,
) -> Any:  # fmt: skip
    """Repeat `val = body_fun(val)` as long as `cond_fun(val)` holds.

    The value keeps its structure, shapes and dtypes. Without `max_steps` it is differentiable in forward mode only; for
    reverse mode use `scan`, `fori_loop` with bounds that are Python integers, or `max_steps`.

    `max_steps`, Axil's own, promises that the loop ends within so many steps, and gives it a reverse mode. Steps that
    are taken cost time, not those that are allowed; `checkpoints` states (by default about `4 log2(max_steps)`) are
    kept at a time, and the others are computed again. Where the promise is broken the loop stops, and all floats and
    complex numbers of the result are NaN, as are gradients; integers and booleans are what they were then. To stop
    quietly after some steps, count them in `val` and let `cond_fun` say so.
    """
    check_callable(cond_fun, "while_loop")
    check_callable(body_fun, "while_loop")
    label = f"while_loop({function_name(body_fun)})"
    leaves, treedef = operands_of(init_val, label)
    bounds = _bounds(max_steps, checkpoints, label)
    return _run(cond_fun, body_fun, leaves, Carry(label, "val", treedef), bounds)


def _run(cond_fun: Any, body_fun: Any, leaves: list, carry: Carry, bounds: dict[str, int]) -> Any:
    if config.disable_jit:
        # Where a condition has no value, as under vmap, the loop is traced after all.
        with contextlib.suppress(errors.ConcretizationTypeError):
            return _in_python(cond_fun, body_fun, leaves, carry, bounds.get("max_steps"))
    results = run_traced("", lambda *operands: _emit(cond_fun, body_fun, list(operands), carry, bounds), leaves)
    return pytrees.tree_unflatten(carry.treedef, results)


def _bounds(max_steps: Any, checkpoints: Any, label: str) -> dict[str, int]:
    """The parameters of a bounded loop; none for one without bounds."""
    if max_steps is None:
        if checkpoints is not None:
            _refuse(f"{label}: checkpoints are those of a loop with max_steps, which is not given")
        return {}
    steps = int(max_steps)
    if not 0 <= steps < 2**31:
        _refuse(f"{label}: max_steps must be from 0 to 2**31 - 1, got {steps}")
    kept = default_checkpoints(steps) if checkpoints is None else int(checkpoints)
    if kept < 1:
        _refuse(f"{label}: checkpoints must be at least 1, got {kept}")
    return {"max_steps": steps, "checkpoints": kept}


def _refuse(message: str, *ways_out: str) -> Any:
    raise ArgumentError(errors.explain(message, user_line(), ways_out=ways_out))


def _in_python(cond_fun: Any, body_fun: Any, leaves: list, carry: Carry, max_steps: int | None) -> Any:
    val = pytrees.tree_unflatten(carry.treedef, leaves)
    steps = 0
    while cond_fun(val):
        if steps == max_steps:
            leaves, _ = operands_of(val, carry.label)
            return pytrees.tree_unflatten(carry.treedef, _spoiled(leaves, as_array(True)))
        val = body_fun(val)
        steps += 1
        carry.check_structure(pytrees.tree_structure(val))
    return val


def _emit(cond_fun: Any, body_fun: Any, leaves: list, carry: Carry, bounds: dict[str, int]) -> list:
    trace = state.trace
    assert trace is not None
    label = carry.label
    rebuild = lambda values: ([pytrees.tree_unflatten(carry.treedef, values)], {})

    def trace_body(leaves: list) -> Any:
        flat = Flat(body_fun, rebuild, label)

        def body(*values: Any) -> list:
            outputs = flat(*values)
            carry.check_structure(flat.treedef)
            return carry.fit(outputs, leaves)

        return trace_function(label, symbol(body_fun), body, avals_of(leaves), weak_of(leaves))

    traced, leaves = weak_fixpoint(trace_body, leaves)
    predicate = _predicate(cond_fun, rebuild, label)
    cond = trace_function(label, symbol(cond_fun), predicate, avals_of(leaves), weak_of(leaves))
    results = trace.call_site(
        "bounded_while" if bounds else "while", [cond.name, traced.name],
        [*cond.captures, *traced.captures, *leaves],
        cond_consts=len(cond.captures), body_consts=len(traced.captures), **bounds,
    )  # fmt: skip
    if bounds:
        (goes_on,) = trace.call(cond.name, [*cond.captures, *results])
        results = _spoiled(results, goes_on)
    return with_weak(results, traced.weak)


def _spoiled(values: list, where: Any) -> list:
    """Values whose floats and complex numbers are NaN if `where`, a boolean, holds; their derivatives too."""
    factors: dict = {}

    def spoiled(x: Any) -> Any:
        dtype = x.aval.dtype
        if not av.is_inexact(dtype):
            return x
        if av.is_complex(dtype):
            return bind(c.complex_, spoiled(bind(c.real, x)), spoiled(bind(c.imag, x)))
        if dtype not in factors:  # a product, so that the derivative is NaN as well
            nan, one = (Array(np.asarray(v, np.float64).astype(dtype)) for v in (np.nan, 1))
            factors[dtype] = bind(e.select, where, nan, one)
        factor = factors[dtype]
        if x.aval.shape:
            factor = bind(broadcast_in_dim, factor, shape=x.aval.shape, dims=())
        return bind(e.mul, x, factor)

    return [spoiled(x) for x in values]


def _predicate(fun: Any, rebuild: Any, label: str) -> Any:
    """The condition over flat values, which must give one boolean."""
    flat = Flat(fun, rebuild, label)

    def predicate(*leaves: Any) -> list:
        outputs = flat(*leaves)
        if not pytrees.treedef_is_leaf(flat.treedef) or len(outputs) != 1:
            given = f"the tree {flat.treedef}"
        elif outputs[0].aval.shape or not av.is_bool(outputs[0].aval.dtype):
            given = str(outputs[0].aval)
        else:
            return outputs
        raise errors.AxilTypeError(
            errors.explain(f"{label}: the condition {function_name(fun)} must give a boolean scalar, got {given}",
                           user_line(), ways_out=["compare, as in `val > 0`, and reduce an array by .any() or .all()"])
        )  # fmt: skip

    return predicate


# ---- fori ----------------------------------------------------------------------------------------------


def _known(bound: Any) -> int | None:
    """The value of a bound, if it is known while tracing: that of a tracer may be, outside `jit` and `vmap`."""
    if isinstance(bound, (int, np.integer, Array)):
        return int(bound)
    try:
        return int(np.asarray(bound))
    except errors.TracerArrayConversionError:
        return None


def fori_loop(lower: Any, upper: Any, body_fun: Callable[..., Any], init_val: Any, *, unroll: Any = None) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`; gives the last value.

    With bounds whose values are known it is a `scan`, and differentiable in both modes. With bounds that are traced by
    `jit` or `vmap` it is a `while_loop`, in forward mode only.
    """
    check_callable(body_fun, "fori_loop")
    label = f"fori_loop({function_name(body_fun)})"
    low, high = (_bound(x, label) for x in (lower, upper))
    dtype = _common_dtype(low, high, label)
    leaves, treedef = operands_of(init_val, label)

    def body(i: Any, val: Any) -> Any:
        new = body_fun(i, val)
        given = pytrees.tree_structure(new)
        check_structure(treedef, given, f"{label}: the carry must keep its structure")
        return new

    start, stop = _known(lower), _known(upper)
    if start is not None and stop is not None:
        if config.disable_jit and stop <= start:
            return init_val
        step = lambda s, _: ((s[0] + 1, body(s[0], s[1])), None)
        carry = Carry(label, "val", pytrees.treedef_tuple([pytrees.tree_structure(0), treedef]), 1)
        steps = max(0, stop - start)
        unrolled = False if unroll is None else unroll
        return run_scan(_named(step, body_fun), [as_array(start), *leaves], carry, None, steps, False, unrolled)[0][1]
    if unroll is not None and unroll is not False and unroll != 1:
        _refuse(f"{label}: unroll needs bounds that are known while tracing", "give Python integers as bounds")
    carry = Carry(label, "val", pytrees.treedef_tuple([pytrees.tree_structure(0)] * 2 + [treedef]), 1)
    step = _named(lambda s: (s[0] + 1, s[1], body(s[0], s[2])), body_fun)
    start = [low.astype(dtype), high.astype(dtype), *leaves]
    return _run(_named(lambda s: s[0] < s[1], "below"), step, start, carry, {})[2]


def _bound(bound: Any, label: str) -> Any:
    x = operand(bound, label)
    if x.aval.shape or not av.is_integer(x.aval.dtype):
        message = f"{label}: bounds must be integer scalars, got {x.aval}"
        raise errors.AxilTypeError(errors.explain(message, user_line()))
    return x


def _common_dtype(low: Any, high: Any, label: str) -> Any:
    """The dtype of the counter: that of the bounds, of which one may be a Python integer."""
    a, b = low.aval.dtype, high.aval.dtype
    if a != b and low.weak_type == high.weak_type:
        raise errors.AxilTypeError(
            errors.explain(f"{label}: bounds must have one dtype, got {low.aval} and {high.aval}", user_line(),
                           ways_out=["convert one of them: .astype(...)"])
        )  # fmt: skip
    return dtypes.result_type(low, high)


def _named(function: Callable[..., Any], like: Any) -> Callable[..., Any]:
    function.__name__ = like if isinstance(like, str) else function_name(like)
    return function


__all__ = ["fori_loop", "while_loop"]
