"""Loops of known length: `scan` and `map`.

The body is traced once, as a function of the current program, and called through the combinator `scan`: so a loop stays
a loop in the compiled program and in derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from axil import errors, pytrees
from axil.config import config
from axil.core import run_traced, state, trace_function
from axil.lax.carries import Carry, avals_of, leaf_names, weak_fixpoint, weak_of, with_weak
from axil.operands import ArgumentError, Flat, check_callable, function_name, operands_of, symbol
from axil.source import user_line


def _refuse(message: str, *ways_out: str) -> Any:
    raise ArgumentError(errors.explain(message, user_line(), ways_out=ways_out))


class _Loop(NamedTuple):
    """What a scan is asked for."""

    fun: Callable[..., Any]
    carry: Carry
    rows_def: Any
    length: int
    reverse: bool
    unroll: int


def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False,
    unroll: int | bool = 1, _split_transpose: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Loop over the leading axis of `xs`, carrying state: `f(carry, x)` gives `(carry, y)`.

    Gives the last carry and all `y` stacked. The carry keeps its structure, shapes and dtypes. Differentiable in
    both modes. `length` is needed where `xs` has no leaves; `unroll` says how many steps the compiled loop takes at a
    time (True: all).
    """
    check_callable(f, "scan")
    label = f"scan({function_name(f)})"
    leaves, carry_def = operands_of(init, label)
    return run_scan(f, leaves, Carry(label, "carry", carry_def), xs, length, reverse, unroll)


def run_scan(
    f: Callable[..., Any], leaves: list, carry: Carry, xs: Any, length: Any, reverse: bool, unroll: Any
) -> tuple[Any, Any]:  # fmt: skip
    """`scan`, with a carry whose leaves are operands already."""
    rows, rows_def = operands_of(xs, carry.label)
    n = _length(rows, rows_def, length, carry.label)
    loop = _Loop(f, carry, rows_def, n, bool(reverse), _unroll(unroll, n, carry.label))
    if config.disable_jit and n:  # without steps, only a trace knows what the results are
        return _in_python(loop, leaves, rows)
    structure: list = []
    results = run_traced("", lambda *operands: _emit(loop, operands, structure), [*leaves, *rows])
    k = carry.treedef.num_leaves
    return pytrees.tree_unflatten(carry.treedef, results[:k]), pytrees.tree_unflatten(structure[0], results[k:])


def _unroll(unroll: Any, n: int, label: str) -> int:
    if isinstance(unroll, (bool, np.bool_)):
        return max(n, 1) if unroll else 1
    if not isinstance(unroll, (int, np.integer)):
        raise errors.AxilTypeError(
            errors.explain(f"{label}: unroll must be a bool or an int, got {unroll!r}", user_line())
        )
    if unroll < 0:
        _refuse(f"{label}: unroll must be a bool or an int that is not negative, got {unroll}")
    return max(int(unroll), 1)


def _length(rows: Sequence[Any], rows_def: Any, length: Any, label: str) -> int:
    """How many steps a scan over some rows takes."""
    for i, x in enumerate(rows):
        if not x.aval.shape:
            name = leaf_names(rows_def, "xs")[i]
            _refuse(f"{label}: scanned-over arrays need a leading axis, and {name} has none: it is {x.aval}")
    sizes = {x.aval.shape[0] for x in rows}
    if length is not None:
        length = int(length)
        if length < 0:
            _refuse(f"{label}: length must not be negative, got {length}")
        sizes.add(length)
    if len(sizes) > 1:
        found = ", ".join(f"{name} is {x.aval}" for name, x in zip(leaf_names(rows_def, "xs"), rows))
        _refuse(
            f"{label}: scanned-over arrays differ in the length of their leading axis: {found}"
            + (f", length={length}" if length is not None else "")
        )
    if not sizes:
        _refuse(f"{label}: xs has no arrays, so `length` must say how many steps to take")
    return sizes.pop()


def _emit(loop: _Loop, operands: Sequence[Any], structure: list) -> list:
    """Emit the call; `structure` receives that of the results `y`."""
    trace = state.trace
    assert trace is not None
    fun, label = loop.fun, loop.carry.label
    k = loop.carry.treedef.num_leaves
    carry, rows = list(operands[:k]), list(operands[k:])
    row_avals = [x.aval.with_shape(x.aval.shape[1:]) for x in rows]

    def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
        carry = pytrees.tree_unflatten(loop.carry.treedef, leaves[:k])
        return (carry, pytrees.tree_unflatten(loop.rows_def, leaves[k:])), {}

    def trace_body(carry: list) -> Any:
        flat = Flat(fun, rebuild, label)

        def body(*leaves: Any) -> list:
            outputs = flat(*leaves)
            structure[:] = [_check_pair(loop.carry, flat.treedef)]
            return [*loop.carry.fit(outputs[:k], carry), *outputs[k:]]

        avals, weak = [*avals_of(carry), *row_avals], [*weak_of(carry), *weak_of(rows)]
        return trace_function(label, symbol(fun), body, avals, weak)

    traced, carry = weak_fixpoint(trace_body, carry)
    results = trace.call_site(
        "scan", [traced.name], [*traced.captures, *carry, *rows], consts=len(traced.captures), carry=k,
        length=loop.length, reverse=loop.reverse, unroll=loop.unroll,
    )  # fmt: skip
    return with_weak(results, traced.weak)


def _check_pair(carry: Carry, out_def: Any) -> Any:
    """Check the structure that the body gives, and give that of its `y`."""
    children = pytrees.treedef_children(out_def)
    if len(children) != 2 or pytrees.treedef_is_leaf(out_def):
        raise errors.AxilTypeError(
            errors.explain(f"{carry.label}: the body must give a pair (carry, y), got {out_def}", user_line())
        )
    carry.check_structure(children[0])
    return children[1]


def _in_python(loop: _Loop, leaves: list, rows: list) -> tuple[Any, Any]:
    from axil.numpy import stack

    carry: Any = pytrees.tree_unflatten(loop.carry.treedef, leaves)
    ys = []
    steps = range(loop.length)
    for i in reversed(steps) if loop.reverse else steps:
        result = loop.fun(carry, pytrees.tree_unflatten(loop.rows_def, [x[i] for x in rows]))
        _check_pair(loop.carry, pytrees.tree_structure(result))
        carry, y = result
        ys.append(y)
    if loop.reverse:
        ys.reverse()
    return carry, pytrees.tree_map(lambda *v: stack(v), *ys)


# ---- map -----------------------------------------------------------------------------------------------


def map(f: Callable[..., Any], xs: Any, *, batch_size: int | None = None) -> Any:  # noqa: A001 - JAX's name
    """Apply `f` to each row of `xs`, one after another, and stack the results; `vmap` does them all at once.

    With `batch_size`, that many rows at a time.
    """
    check_callable(f, "map")
    label = f"map({function_name(f)})"
    if batch_size is None:
        nothing = Carry(label, "carry", pytrees.tree_structure(()))
        return run_scan(lambda _, x: ((), f(x)), [], nothing, xs, None, False, 1)[1]
    from axil.vectorization import vmap

    batch_size = int(batch_size)
    if batch_size < 1:
        _refuse(f"{label}: batch_size must be at least 1, got {batch_size}")
    rows, rows_def = operands_of(xs, label)
    n = _length(rows, rows_def, None, label)
    whole = n // batch_size * batch_size
    every = vmap(f)
    if not whole:
        return every(xs)
    done = _in_batches(every, pytrees.tree_unflatten(rows_def, rows), whole, batch_size)
    if whole == n:
        return done
    from axil.numpy import concatenate

    rest = every(pytrees.tree_unflatten(rows_def, [x[whole:] for x in rows]))
    return pytrees.tree_map(lambda a, b: concatenate([a, b]), done, rest)


def _in_batches(every: Callable[..., Any], xs: Any, whole: int, batch_size: int) -> Any:
    """The results for the first rows, a multiple of the size of a batch."""
    from axil.numpy import reshape

    head = pytrees.tree_map(lambda x: reshape(x[:whole], (whole // batch_size, batch_size, *x.shape[1:])), xs)
    return pytrees.tree_map(lambda y: reshape(y, (whole, *y.shape[2:])), map(every, head))


__all__ = ["map", "scan"]
