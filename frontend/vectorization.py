"""`vmap`: a function of one example made into one of a batch."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NoReturn

import numpy as np

from axil import errors, pytrees
from axil.core import run_traced, state, trace_function
from axil.float0_values import flatten_values
from axil.operands import (
    ArgumentError,
    Flat,
    check_callable,
    dtype_text,
    function_name,
    is_arraylike,
    operand,
    symbol,
)
from axil.source import user_line
from axil.tree_keys import keystr
from axil.tree_registration import is_array_node


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
    keyword arguments are mapped over axis 0. `out_axes` likewise for the result. Negative axes count from the end.
    Collectives such as `lax.psum(x, axis_name)` work over the mapped axis; an inner axis hides an outer one of its
    name. `axis_size` is needed where no argument is mapped. `spmd_axis_name` says how a mapped axis is divided among
    devices; on one device it changes nothing. Raises `ValueError` where axes and arguments do not fit.
    """
    check_callable(fun, "vmap")
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    @functools.wraps(fun)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call(fun, args, kwargs)
        axes = _in_axes(call, in_axes)
        which = [i for i, axis in enumerate(axes) if axis is not None]
        operands = [call.operand(i) for i in which]
        hidden = _hidden((call.args, call.kwargs))
        used = [_normalize(axes[i], x, hidden[i], call, i) for i, x in zip(which, operands)]
        size = _axis_size(operands, used, axis_size, call, which)

        def rebuild(values: Sequence[Any]) -> tuple[Any, Any]:
            new = list(call.leaves)
            for i, v in zip(which, values):
                new[i] = v
            return pytrees.tree_unflatten(call.treedef, new)

        flat = Flat(fun, rebuild, call.label)
        emit = functools.partial(_emit, flat, used, size, out_axes, axis_name, call.label)
        return flat.unflatten(run_traced("", emit, operands))

    return mapped


def axis_text(name: Hashable) -> str:
    """How a program spells the name of an axis, which may be any hashable value."""
    return name if isinstance(name, str) else f"<{name!r}>"


class _Call:
    """The arguments of a call, and what errors call them."""

    def __init__(self, fun: Callable[..., Any], args: tuple, kwargs: dict) -> None:
        self.fun = fun
        self.label = f"vmap({function_name(fun)})"
        self.args = args
        self.kwargs = kwargs
        self.leaves, self.treedef = flatten_values((args, kwargs))

    def operand(self, leaf: int) -> Any:
        """A leaf as an array; an error names it where it cannot be one."""
        x = self.leaves[leaf]
        return operand(x, self.label, "" if is_arraylike(x) else f" ({self.name(leaf)})")

    def name(self, leaf: int) -> str:
        """The name of a leaf of the arguments: that of the parameter, and the way to it from there."""
        path, _ = pytrees.tree_leaves_with_path((self.args, self.kwargs))[leaf]
        which, key, *rest = path
        if which.idx == 1:
            return f"argument {key.key}{keystr(tuple(rest))}"
        return f"argument {self._parameter(key.idx)}{keystr(tuple(rest))}"

    def _parameter(self, position: int) -> str:
        try:
            parameters = list(inspect.signature(self.fun).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        if position < len(parameters) and parameters[position].kind in _BY_POSITION:
            return parameters[position].name
        return f"args[{position}]"

    def fail(self, text: str, *ways_out: str) -> NoReturn:
        """Raise a `ValueError` about the arguments."""
        raise ArgumentError(errors.explain(f"{self.label}: {text}", user_line(), ways_out=ways_out))


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _in_axes(call: _Call, in_axes: Any) -> list:
    if isinstance(in_axes, tuple) and len(in_axes) != len(call.args):
        call.fail(
            f"in_axes has {len(in_axes)} entries, but the function was called with {len(call.args)} positional "
            f"argument{'s' if len(call.args) != 1 else ''}",
            "give in_axes one entry an argument, None for those that are not mapped",
        )
    axes = _broadcast(in_axes, call.args, "in_axes", "the arguments", call.label)
    return [*axes, *[0] * len(pytrees.tree_leaves(call.kwargs))]


def _broadcast(axes: Any, full: Any, name: str, full_name: str, label: str) -> list:
    """One axis a leaf, from a tree of axes that is a prefix of the full tree."""
    try:
        return pytrees.broadcast_prefix(axes, full, is_leaf=lambda x: x is None, name=name, full_name=full_name)
    except errors.PyTreeError as e:
        raise ArgumentError(errors.explain(f"{label}: {e}", user_line())) from None


def _hidden(tree: Any) -> list[int]:
    """How many dimensions, the last ones, each leaf of a tree has that users do not see: the words of random keys."""
    return [int(is_array_node(x)) for x in pytrees.tree_leaves(tree, is_array_node)]


def _normalize(axis: Any, x: Any, hidden: int, call: _Call, leaf: int) -> int:
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
        raise errors.AxilTypeError(
            errors.explain(f"{call.label}: in_axes must be ints or None, got {axis!r}", user_line())
        )
    ndim = x.aval.ndim - hidden
    if not -ndim <= axis < ndim:
        call.fail(
            f"in_axes asks for axis {axis} of {call.name(leaf)}, which is {dtype_text(x)}"
            f"{', the words of random keys,' if hidden else ''} and has {ndim} dimension{'s' if ndim != 1 else ''}",
            "use in_axes=None for arguments that all examples share",
        )
    return int(axis) % ndim


def _axis_size(
    operands: Sequence[Any], axes: Sequence[int], axis_size: int | None, call: _Call, which: Sequence[int]
) -> int:  # fmt: skip
    sizes = [x.aval.shape[a] for x, a in zip(operands, axes)]
    if axis_size is not None:
        sizes.append(axis_size)
    if not sizes:
        call.fail("there must be at least one mapped argument: in_axes are all None, or there are no arrays",
                  "say how many examples there are: axis_size=...")  # fmt: skip
    if len(set(sizes)) > 1:
        found = [f"{s} of {call.name(i)}, {dtype_text(x)}, along axis {a}"
                 for s, i, x, a in zip(sizes, which, operands, axes)]  # fmt: skip
        if axis_size is not None:
            found.append(f"axis_size={axis_size}")
        call.fail(f"the mapped axes are of inconsistent sizes: {'; '.join(found)}",
                  "use in_axes=None for arguments that all examples share")  # fmt: skip
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
        out_axes=tuple(outs), size=size, axis_name="" if axis_name is None else axis_text(axis_name),
    )  # fmt: skip
    for r, w in zip(results, traced.weak):
        r.weak_type = w
    return results


def _out_axes(flat: Flat, out_axes: Any, outputs: Sequence[Any], label: str) -> list[int]:
    shape = flat.unflatten(list(range(len(outputs))))
    axes = _broadcast(out_axes, shape, "out_axes", "the result", label)
    result = []
    for axis, of, hidden in zip(axes, outputs, _hidden(shape)):
        ndim = of.ndim - hidden
        if axis is None:
            result.append(-1)
            continue
        if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
            raise errors.AxilTypeError(
                errors.explain(f"{label}: out_axes must be ints or None, got {axis!r}", user_line())
            )
        if not -(ndim + 1) <= axis <= ndim:
            raise ArgumentError(
                errors.explain(
                    f"{label}: out_axes {axis!r} does not fit a result that is {of} for each example", user_line(),
                    ways_out=[f"choose one of {-ndim - 1}..{ndim}, its dimensions with the mapped one"],
                )  # fmt: skip
            )
        result.append(int(axis) % (ndim + 1))
    return result
