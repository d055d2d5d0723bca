"""`vmap`: a function of one example made into one of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from axil import errors, tree
from axil.core import run_traced, state, trace_function
from axil.operands import ArgumentError, Flat, check_callable, dtype_text, function_name, operand, symbol
from axil.source import user_line


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
) -> Callable[..., Any]:
    """Map `fun` over an axis of its arguments, all examples at once.

    `in_axes` is an int, `None` (not mapped) or a tree of them that is a prefix of the positional arguments;
    keyword arguments are mapped over axis 0. `out_axes` likewise for the result. Collectives such as
    `lax.psum(x, axis_name)` work over the mapped axis. Raises `ValueError` where axes and arguments do not fit.
    """
    check_callable(fun, "vmap")
    label = f"vmap({function_name(fun)})"
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    @functools.wraps(fun)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.tree_flatten((args, kwargs))
        axes = _in_axes(args, kwargs, in_axes, label)
        which = [i for i, axis in enumerate(axes) if axis is not None]
        operands = [operand(leaves[i], label) for i in which]
        used = [_normalize(axes[i], x, leaves, label) for i, x in zip(which, operands)]
        size = _axis_size(operands, used, axis_size, label)

        def rebuild(values: Sequence[Any]) -> tuple[Any, Any]:
            new = list(leaves)
            for i, v in zip(which, values):
                new[i] = v
            return tree.tree_unflatten(treedef, new)

        flat = Flat(fun, rebuild, label)
        call = functools.partial(_emit, flat, used, size, out_axes, axis_name, label)
        return flat.unflatten(run_traced("", call, operands))

    return mapped


def _in_axes(args: tuple, kwargs: dict, in_axes: Any, label: str) -> list:
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ArgumentError(
            errors.explain(
                f"{label}: in_axes has {len(in_axes)} entries, but the function was called with {len(args)} positional "
                "arguments",
                user_line(),
                ways_out=["give in_axes one entry an argument, None for those that are not mapped"],
            )
        )
    axes = _broadcast(in_axes, args, "in_axes", "the arguments", label)
    return [*axes, *[0] * len(tree.tree_leaves(kwargs))]


def _broadcast(axes: Any, full: Any, name: str, full_name: str, label: str) -> list:
    """One axis a leaf, from a tree of axes that is a prefix of the full tree."""
    try:
        return tree.broadcast_prefix(axes, full, is_leaf=lambda x: x is None, name=name, full_name=full_name)
    except errors.PyTreeError as e:
        raise ArgumentError(errors.explain(f"{label}: {e}", user_line())) from None


def _normalize(axis: Any, x: Any, leaves: Any, label: str) -> int:
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
        raise errors.AxilTypeError(errors.explain(f"{label}: in_axes must be ints or None, got {axis!r}", user_line()))
    ndim = x.aval.ndim
    if not -ndim <= axis < ndim:
        raise ArgumentError(
            errors.explain(
                f"{label}: in_axes asks for axis {axis} of an argument of shape {dtype_text(x)}, which has {ndim} "
                f"dimension{'s' if ndim != 1 else ''}",
                user_line(),
                ways_out=["use in_axes=None for arguments that all examples share"],
            )
        )
    return int(axis) % ndim


def _axis_size(operands: Sequence[Any], axes: Sequence[int], axis_size: int | None, label: str) -> int:
    sizes = [x.aval.shape[a] for x, a in zip(operands, axes)]
    if axis_size is not None:
        sizes.append(axis_size)
    if not sizes:
        raise ArgumentError(
            errors.explain(f"{label} must have at least one mapped argument: in_axes are all None", user_line())
        )
    if len(set(sizes)) > 1:
        found = ", ".join(f"{s} ({dtype_text(x)} axis {a})" for s, x, a in zip(sizes, operands, axes))
        raise ArgumentError(
            errors.explain(
                f"{label} got arguments of inconsistent sizes along the mapped axis: {found}"
                + (f"; axis_size={axis_size}" if axis_size is not None else ""),
                user_line(),
                ways_out=["use in_axes=None for arguments that all examples share"],
            )
        )
    return sizes[0]


def _emit(
    flat: Flat, axes: Sequence[int], size: int, out_axes: Any, axis_name: Any, label: str, *operands: Any
) -> list:
    trace = state.trace
    assert trace is not None
    inner = [x.aval.with_shape((*x.aval.shape[:a], *x.aval.shape[a + 1 :])) for x, a in zip(operands, axes)]
    sizes = state.axis_sizes
    if axis_name is not None:
        state.axis_sizes = {**sizes, axis_name: size}
    try:
        traced = trace_function(label, symbol(flat.fun), flat, inner, [x.weak_type for x in operands])
    finally:
        state.axis_sizes = sizes
    outs = _out_axes(flat, out_axes, traced.outputs, label)
    k = len(traced.captures)
    results = trace.call_site(
        "vmap", [traced.name], [*traced.captures, *operands], in_axes=(-1,) * k + tuple(axes),
        out_axes=tuple(outs), size=size, axis_name="" if axis_name is None else str(axis_name),
    )  # fmt: skip
    for r, w in zip(results, traced.weak):
        r.weak_type = w
    return results


def _out_axes(flat: Flat, out_axes: Any, outputs: Sequence[Any], label: str) -> list[int]:
    shape = flat.unflatten(list(range(len(outputs))))
    axes = _broadcast(out_axes, shape, "out_axes", "the result", label)
    result = []
    for axis, of in zip(axes, outputs):
        if axis is None:
            result.append(-1)
            continue
        if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
            raise errors.AxilTypeError(
                errors.explain(f"{label}: out_axes must be ints or None, got {axis!r}", user_line())
            )
        if not -(of.ndim + 1) <= axis <= of.ndim:
            raise ArgumentError(
                errors.explain(f"{label}: out_axes {axis!r} does not fit a result of shape {of}", user_line())
            )
        result.append(int(axis) % (of.ndim + 1))
    return result
