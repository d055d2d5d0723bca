"""Structured control flow: `scan fori_loop while_loop cond switch map`.

Bodies are traced once, as functions of the current program, and called through the combinators of the same
names, so that loops and branches stay loops and branches in the compiled program and in derivatives.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, tree
from axil.config import config
from axil.core import Array, Tracer, as_array, bind, run_traced, state, trace_function
from axil.custom_derivatives import share_captures
from axil.dialects import avals as av
from axil.operands import ArgumentError, Flat, check_callable, function_name, operand, operands_of, symbol
from axil.source import user_line


def _avals(values: Sequence[Any]) -> list:
    return [x.aval for x in values]


def _weak(values: Sequence[Any]) -> list[bool]:
    return [x.weak_type for x in values]


def _convert(x: Any, dtype: Any) -> Any:
    from axil.dialects.elementwise import convert

    return bind(convert, x, dtype=np.dtype(dtype))


# ---- scan ----------------------------------------------------------------------------------------------


def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False,
    unroll: int | bool = 1, _split_transpose: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Loop over the leading axis of `xs`, carrying state: `f(carry, x)` gives `(carry, y)`.

    Gives the last carry and all `y` stacked. The carry keeps its structure, shapes and dtypes. Differentiable in
    both modes. `length` is needed where `xs` has no leaves.
    """
    check_callable(f, "scan")
    label = f"scan({function_name(f)})"
    carry, carry_def = operands_of(init, label)
    rows, rows_def = operands_of(xs, label)
    n = _length(rows, length, label)
    if config.disable_jit:
        return _scan_in_python(f, init, xs, n, reverse)
    call = lambda *ops: _emit_scan(f, label, ops, carry_def, rows_def, n, reverse, unroll, structure)
    structure: list = []
    results = run_traced("", call, [*carry, *rows])
    k = carry_def.num_leaves
    return tree.tree_unflatten(carry_def, results[:k]), tree.tree_unflatten(structure[0], results[k:])


def _length(rows: Sequence[Any], length: int | None, label: str) -> int:
    for x in rows:
        if not x.aval.shape:
            raise ArgumentError(
                errors.explain(f"{label}: scanned-over arrays need a leading axis, got {x.aval}", user_line())
            )
    sizes = {x.aval.shape[0] for x in rows}
    if length is not None:
        sizes.add(int(length))
    if len(sizes) > 1:
        raise ArgumentError(
            errors.explain(
                f"{label}: scanned-over arrays differ in the length of their leading axis: "
                f"{', '.join(str(x.aval) for x in rows)}" + (f", length={length}" if length is not None else ""),
                user_line(),
            )
        )
    if not sizes:
        raise ArgumentError(
            errors.explain(f"{label}: xs has no arrays, so `length` must say how many steps to take", user_line())
        )
    return sizes.pop()


def _emit_scan(
    f: Any, label: str, operands: Sequence[Any], carry_def: Any, rows_def: Any, n: int, reverse: bool, unroll: Any,
    structure: list,
) -> list:  # fmt: skip
    trace = state.trace
    assert trace is not None
    k = carry_def.num_leaves
    carry, rows = list(operands[:k]), list(operands[k:])
    row_avals = [x.aval.with_shape(x.aval.shape[1:]) for x in rows]

    def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
        return [tree.tree_unflatten(carry_def, leaves[:k]), tree.tree_unflatten(rows_def, leaves[k:])], {}

    def trace_body(carry: list) -> Any:
        flat = Flat(f, rebuild, label)

        def body(*leaves: Any) -> list:
            outputs = flat(*leaves)
            return _check_body(flat, outputs, carry, carry_def, label, structure)

        return trace_function(label, symbol(f), body, [*_avals(carry), *row_avals], [*_weak(carry), *_weak(rows)])

    traced, carry = _weak_fixpoint(trace_body, carry)
    results = trace.call_site(
        "scan", [traced.name], [*traced.captures, *carry, *rows], consts=len(traced.captures), carry=k, length=n,
        reverse=bool(reverse), unroll=n if unroll is True else int(unroll),
    )  # fmt: skip
    for r, w in zip(results, traced.weak):
        r.weak_type = w
    return results


class _Widen(Exception):
    """The body gives a carry of another dtype where the initial one is weakly typed."""

    def __init__(self, dtypes_: list) -> None:
        self.dtypes = dtypes_


def _weak_fixpoint(trace_body: Any, carry: list) -> tuple[Any, list]:
    """Trace the body; a weakly typed initial carry takes the dtype that the body gives it."""
    while True:  # ends: each round makes a weakly typed value strong
        try:
            return trace_body(carry), carry
        except _Widen as e:
            carry = [x if d is None else _strong(_convert(x, d)) for x, d in zip(carry, e.dtypes)]


def _strong(x: Any) -> Any:
    if type(x) is Array:
        x = Array(x._numpy)
    elif type(x) is Tracer:
        x = Tracer(x.owner, x.value, x.aval, False, x.location)
    return x


def _check_body(flat: Flat, outputs: list, carry: list, carry_def: Any, label: str, structure: list) -> list:
    out_def = flat.treedef
    children = tree.treedef_children(out_def)
    if len(children) != 2 or tree.treedef_is_leaf(out_def):
        raise errors.AxilTypeError(
            errors.explain(f"{label}: the body must give a pair (carry, y), got {out_def}", user_line())
        )
    structure[:] = [children[1]]
    _same_structure(carry_def, children[0], f"{label}: the carry", outputs, carry)
    k = carry_def.num_leaves
    return [*match_carry(outputs[:k], carry, f"{label}: the carry"), *outputs[k:]]


def _same_structure(wanted: Any, given: Any, what: str, outputs: list, carry: list) -> None:
    if wanted != given:
        raise errors.AxilTypeError(
            errors.explain(
                f"{what} must keep its structure: it goes in as {wanted} and comes out as {given}", user_line()
            )
        )


def match_carry(outputs: list, carry: list, what: str) -> list:
    """The body's carry, with the shapes and dtypes that went in; weak types may adapt either way."""
    widened: list = [None] * len(carry)
    result = []
    for i, (new, old) in enumerate(zip(outputs, carry)):
        if new.aval.shape == old.aval.shape and new.aval.dtype != old.aval.dtype:
            common = dtypes.promote_types(new.aval.dtype, new.weak_type, old.aval.dtype, old.weak_type)[0]
            if new.weak_type and common == old.aval.dtype:
                new = _convert(new, common)
            elif old.weak_type and common != old.aval.dtype:
                widened[i] = common
        if new.aval is not old.aval and widened[i] is None:
            raise errors.AxilTypeError(
                errors.explain(
                    f"{what} must keep its shapes and dtypes: leaf {i} goes in as {old.aval} and comes out as "
                    f"{new.aval}",
                    user_line(),
                    ways_out=[f"start with that type: init.astype({new.aval.dtype.name!r})",
                              f"or convert in the body: .astype({old.aval.dtype.name!r})"],
                )  # fmt: skip
            )
        result.append(new)
    if any(d is not None for d in widened):
        raise _Widen(widened)
    return result


def _scan_in_python(f: Any, carry: Any, xs: Any, n: int, reverse: bool) -> tuple[Any, Any]:
    from axil.numpy import stack

    ys = []
    for i in range(n - 1, -1, -1) if reverse else range(n):
        carry, y = f(carry, tree.tree_map(lambda x: x[i], xs))  # noqa: B023
        ys.append(y)
    if reverse:
        ys.reverse()
    if not ys:
        raise ArgumentError(errors.explain("scan of length 0 cannot run with jit disabled", user_line()))
    return carry, tree.tree_map(lambda *v: stack(v), *ys)


# ---- while and fori ------------------------------------------------------------------------------------


def while_loop(cond_fun: Callable[..., Any], body_fun: Callable[..., Any], init_val: Any) -> Any:
    """Repeat `val = body_fun(val)` as long as `cond_fun(val)` holds.

    The value keeps its structure, shapes and dtypes. Forward-mode differentiable only; for reverse mode use `scan`,
    or `fori_loop` with bounds that are Python integers.
    """
    check_callable(cond_fun, "while_loop")
    check_callable(body_fun, "while_loop")
    if config.disable_jit:
        # Where a condition has no value, as under vmap, the loop is traced after all.
        with contextlib.suppress(errors.ConcretizationTypeError):
            return _while_in_python(cond_fun, body_fun, init_val)
    label = f"while_loop({function_name(body_fun)})"
    carry, carry_def = operands_of(init_val, label)
    results = run_traced("", lambda *ops: _emit_while(cond_fun, body_fun, label, list(ops), carry_def), carry)
    return tree.tree_unflatten(carry_def, results)


def _while_in_python(cond_fun: Any, body_fun: Any, val: Any) -> Any:
    leaves, treedef = operands_of(val, "while_loop")
    val = tree.tree_unflatten(treedef, leaves)
    while cond_fun(val):
        val = body_fun(val)
    return val


def _is_known(x: Any) -> bool:
    """Whether a value is, or can be, computed now."""
    try:
        np.asarray(x)
    except errors.TracerArrayConversionError:
        return False
    return True


def _emit_while(cond_fun: Any, body_fun: Any, label: str, carry: list, carry_def: Any) -> list:
    trace = state.trace
    assert trace is not None
    rebuild = lambda leaves: ([tree.tree_unflatten(carry_def, leaves)], {})

    def trace_body(carry: list) -> Any:
        flat = Flat(body_fun, rebuild, label)

        def body(*leaves: Any) -> list:
            outputs = flat(*leaves)
            _same_structure(carry_def, flat.treedef, f"{label}: the value", outputs, carry)
            return match_carry(outputs, carry, f"{label}: the value")

        return trace_function(label, symbol(body_fun), body, _avals(carry), _weak(carry))

    traced, carry = _weak_fixpoint(trace_body, carry)
    cond = trace_function(label, symbol(cond_fun), _predicate(cond_fun, rebuild, label), _avals(carry), _weak(carry))
    results = trace.call_site(
        "while", [cond.name, traced.name], [*cond.captures, *traced.captures, *carry],
        cond_consts=len(cond.captures), body_consts=len(traced.captures),
    )  # fmt: skip
    for r, w in zip(results, traced.weak):
        r.weak_type = w
    return results


def _predicate(fun: Any, rebuild: Any, label: str) -> Any:
    flat = Flat(fun, rebuild, label)

    def predicate(*leaves: Any) -> list:
        outputs = flat(*leaves)
        if len(outputs) != 1 or outputs[0].aval.shape or not av.is_bool(outputs[0].aval.dtype):
            given = ", ".join(str(x.aval) for x in outputs)
            raise errors.AxilTypeError(
                errors.explain(f"{label}: the condition must give a boolean scalar, got ({given})", user_line())
            )
        return outputs

    return predicate


_KNOWN = (int, np.integer, Array)
"""Types of loop bounds whose values are known while tracing."""


def _check_bound(bound: Any) -> None:
    x = operand(bound, "fori_loop")
    if x.aval.shape or not av.is_integer(x.aval.dtype):
        raise errors.AxilTypeError(
            errors.explain(f"fori_loop: bounds must be integer scalars, got {x.aval}", user_line())
        )


def fori_loop(lower: Any, upper: Any, body_fun: Callable[..., Any], init_val: Any, *, unroll: Any = None) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`; gives the last value.

    With bounds that are Python integers it is a `scan`, and differentiable in both modes.
    """
    check_callable(body_fun, "fori_loop")
    for bound in (lower, upper):
        _check_bound(bound)
    if isinstance(lower, _KNOWN) and isinstance(upper, _KNOWN):
        dtype = dtypes.result_type(lower, upper)

        def step(state_: Any, _: Any) -> Any:
            i, val = state_
            return (i + 1, body_fun(i, val)), None

        step.__name__ = function_name(body_fun)
        start = as_array(np.asarray(int(lower), dtype))
        count = max(0, int(upper) - int(lower))
        if config.disable_jit and count == 0:
            return init_val
        return scan(step, (start, init_val), None, length=count, unroll=unroll or 1)[0][1]
    from axil.numpy import asarray, result_type

    low, high = asarray(lower), asarray(upper)
    dtype = result_type(low, high)
    low, high = low.astype(dtype), high.astype(dtype)
    start = (low, high, init_val)
    return while_loop(
        lambda s: s[0] < s[1], _named(lambda s: (s[0] + 1, s[1], body_fun(s[0], s[2])), body_fun), start
    )[2]


def _named(function: Any, like: Any) -> Any:
    function.__name__ = function_name(like)
    return function


# ---- cond and switch -----------------------------------------------------------------------------------


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any, **kwargs: Any) -> Any:
    """`true_fun(*operands)` if the boolean scalar `pred` holds, else `false_fun(*operands)`; one of them runs."""
    check_callable(true_fun, "cond")
    check_callable(false_fun, "cond")
    kwargs.pop("linear", None)  # JAX's, without effect
    if "operand" in kwargs:
        operands = (kwargs.pop("operand"),)
    if kwargs:
        raise ArgumentError(errors.explain(f"cond does not take the options {', '.join(kwargs)}", user_line()))
    from axil.numpy import asarray

    pred = asarray(pred)
    if pred.aval.shape:
        raise errors.AxilTypeError(
            errors.explain(f"cond: the predicate must be a scalar, got {pred.aval}", user_line(),
                           ways_out=["use axil.numpy.where to choose element by element",
                                     "or vmap the function"])  # fmt: skip
        )
    if config.disable_jit and _is_known(pred):
        return true_fun(*operands) if pred else false_fun(*operands)
    if not av.is_bool(pred.aval.dtype):
        pred = pred != 0
    return _switch("cond", _convert(pred, np.int32), [false_fun, true_fun], operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any, operand: Any = None) -> Any:
    """`branches[index](*operands)`, the index clamped to the range; one branch runs."""
    if not branches:
        raise ArgumentError(errors.explain("switch: branches must not be empty", user_line()))
    for branch in branches:
        check_callable(branch, "switch")
    if operand is not None:
        operands = (operand,)
    from axil.numpy import asarray, clip

    index = asarray(index)
    if index.aval.shape or not av.is_integer(index.aval.dtype):
        raise errors.AxilTypeError(
            errors.explain(f"switch: the index must be an integer scalar, got {index.aval}", user_line())
        )
    if config.disable_jit and _is_known(index):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    if len(branches) == 1:
        return branches[0](*operands)
    clamped = clip(index, 0, len(branches) - 1)
    return _switch("switch", _convert(clamped, np.int32), list(branches), operands)


def _switch(name: str, index: Any, branches: list, operands: tuple) -> Any:
    leaves, treedef = operands_of(operands, name)
    flats = [Flat(b, lambda v: (tree.tree_unflatten(treedef, v), {}), name) for b in branches]
    results = run_traced("", lambda i, *ops: _emit_switch(name, flats, i, ops), [index, *leaves])
    return flats[0].unflatten(results)


def _emit_switch(name: str, flats: list[Flat], index: Any, operands: Sequence[Any]) -> list:
    trace = state.trace
    assert trace is not None
    avals, weak = _avals(operands), _weak(operands)
    traced = [trace_function(f"{name}({function_name(f.fun)})", symbol(f.fun), f, avals, weak) for f in flats]
    for i, (f, t) in enumerate(zip(flats[1:], traced[1:]), 1):
        if f.treedef != flats[0].treedef:
            raise errors.AxilTypeError(
                errors.explain(f"{name}: branches must give the same structure; branch 0 gives {flats[0].treedef}, "
                               f"branch {i} gives {f.treedef}", user_line())  # fmt: skip
            )
        if [a.shape for a in t.outputs] != [a.shape for a in traced[0].outputs]:
            raise errors.AxilTypeError(
                errors.explain(
                    f"{name}: branches must give the same shapes and dtypes; branch 0 gives "
                    f"{_text(traced[0].outputs)}, branch {i} gives {_text(t.outputs)}",
                    user_line(),
                )
            )
    traced = _same_dtypes(name, traced, flats, avals, weak)
    *names, captures = share_captures(trace, *traced)
    results = trace.call_site("cond", names, [index, *captures, *operands])
    for r, w in zip(results, zip(*[t.weak for t in traced])):
        r.weak_type = all(w)
    return results


def _text(avals: Sequence[Any]) -> str:
    return "(" + ", ".join([str(a) for a in avals]) + ")"


def _promoted(a: tuple, b: tuple) -> tuple:
    """The dtype and weakness of two, each a pair of dtype and weakness."""
    return dtypes.promote_types(*a, *b)


def _same_dtypes(name: str, traced: list, flats: list[Flat], avals: list, weak: list) -> list:
    """Branches' results may differ in dtype only where weakly typed ones give way."""
    wanted = []
    for column in zip(*[[(a.dtype, w) for a, w in zip(t.outputs, t.weak)] for t in traced]):
        strong = {d for d, w in column if not w}
        common = functools.reduce(_promoted, column)[0] if len(strong) <= 1 else None
        if strong and common not in strong:
            raise errors.AxilTypeError(
                errors.explain(f"{name}: branches must give the same dtypes, got "
                               f"{' and '.join(dtypes.short_name(d) for d, _ in column)}", user_line(),
                               ways_out=["convert one with .astype(...)"])  # fmt: skip
            )
        wanted.append(common)
    result = []
    for t, f in zip(traced, flats):
        if [a.dtype for a in t.outputs] != wanted:

            def converted(*leaves: Any, f: Flat = f) -> list:
                return [x if x.aval.dtype == d else _convert(x, d) for x, d in zip(f(*leaves), wanted)]

            t = trace_function(f"{name}({function_name(f.fun)})", symbol(f.fun), converted, avals, weak)
        result.append(t)
    return result


# ---- map -----------------------------------------------------------------------------------------------


def map(f: Callable[..., Any], xs: Any, *, batch_size: int | None = None) -> Any:  # noqa: A001 - JAX's name
    """Apply `f` to each row of `xs`, one after another, and stack the results; `vmap` does them all at once.

    With `batch_size`, that many rows at a time.
    """
    check_callable(f, "map")
    if batch_size is None:
        return scan(_named(lambda _, x: ((), f(x)), f), (), xs)[1]
    from axil.numpy import concatenate, reshape
    from axil.vectorization import vmap

    if batch_size < 1:
        raise ArgumentError(errors.explain(f"map: batch_size must be at least 1, got {batch_size}", user_line()))
    n = _length(operands_of(xs, "map")[0], None, "map")
    whole = n // batch_size * batch_size
    head = tree.tree_map(lambda x: reshape(x[:whole], (whole // batch_size, batch_size, *x.shape[1:])), xs)
    done = map(vmap(f), head)
    done = tree.tree_map(lambda y: reshape(y, (whole, *y.shape[2:])), done)
    if whole == n:
        return done
    rest = vmap(f)(tree.tree_map(lambda x: x[whole:], xs))
    return tree.tree_map(lambda a, b: concatenate([a, b]), done, rest)


__all__ = ["cond", "fori_loop", "map", "scan", "switch", "while_loop"]
