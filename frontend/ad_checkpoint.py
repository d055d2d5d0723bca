"""What goes with `checkpoint`: names for values, the decisions of policies, and a list of what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from axil import checkpoint_policies, errors, pytrees
from axil.checkpoint_policies import Offloadable, Recompute, Saveable
from axil.core import Program, Trace, bind, line_of_mlir, run_function, state
from axil.custom_rules import signature_of
from axil.dialects.avals import Aval
from axil.dialects.shape import checkpoint_name as _checkpoint_name
from axil.forward_mode import differentiable
from axil.operands import Flat, check_callable, function_name, operand, operands_of
from axil.source import user_line


def checkpoint_name(x: Any, name: str) -> Any:
    """`x`, a tree of arrays, under a name for policies such as `save_only_these_names`. Tangents have no name."""
    if not isinstance(name, str):
        raise errors.AxilTypeError(errors.explain(f"checkpoint_name takes a string, got {name!r}", user_line()))

    def named(leaf: Any) -> Any:
        leaf = operand(leaf, "checkpoint_name")
        return bind(_checkpoint_name, leaf, name=name, weak=leaf.weak_type)

    return pytrees.tree_map(named, x)


class Residual(NamedTuple):
    """A value that is kept between the forward and the backward pass, and where it comes from."""

    aval: Aval
    source: str

    def __str__(self) -> str:
        return f"{self.aval} {self.source}"


def saved_residuals(f: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Residual]:
    """What reverse mode keeps of a call of `f`: arguments, constants and results of operations."""
    check_callable(f, "saved_residuals")
    operands, treedef = operands_of((args, kwargs), "saved_residuals")
    flat = Flat(f, lambda leaves: pytrees.tree_unflatten(treedef, leaves), f"saved_residuals({function_name(f)})")
    outer, state.trace = state.trace, None
    try:
        program = Program()
        trace = Trace(flat.where, program, None, "main", [x.aval for x in operands], "derivative")
        run_function(trace, flat, trace.arguments([x.weak_type for x in operands]))
    finally:
        state.trace = outer
    wrt, names = differentiable(operands), _argument_names(f, args, kwargs)
    count = len(names) + len(trace.captures)
    with program.context, program.ir.Location.unknown():
        d = program.functions
        parts = d.linearize(trace.name, tuple(i in wrt for i in range(count)), (True,) * count)
        return list(_residuals(d, parts, names, len(d.signature(trace.name).outputs)))


def _residuals(d: Any, parts: Any, names: list[str], n_out: int) -> Iterator[Residual]:
    from axil.compiler.functions import body_of, operations

    avals = d.signature(parts.forward).inputs
    returned = list(operations(body_of(d[d.flat(parts.forward)]))[-1].operands)
    for i in sorted(r.index for r in parts.residuals if r.is_operand):
        yield Residual(avals[i], f"from the argument {names[i]}" if i < len(names) else "from a constant")
    for r in parts.residuals:
        if not r.is_operand:
            value = returned[n_out + r.index]
            yield Residual(d.aval(value), _source(d, value))


def _source(d: Any, value: Any) -> str:
    """Which operation makes a value, and where in the user's code; through calls, the operation inside."""
    from axil.compiler.functions import body_of, operations
    from axil.dialects.emit import declared_op
    from axil.dialects.mlir import from_attribute

    op = value.owner.operation if hasattr(value.owner, "operation") else value.owner
    if not hasattr(op, "attributes"):  # an argument of a function that control flow calls
        return "from an operand of control flow"
    line = line_of_mlir(op.location)
    place = f" from {line.file}:{line.line}" + (f" ({line.function})" if line.function else "") if line else ""
    if op.name == "func.call":
        site = d.site(op.attributes["callee"].value)
        if site is not None and site.combinator.name == "checkpoint":
            inner = operations(body_of(d[d.flat(site.functions[0])]))[-1].operands
            return _source(d, inner[list(op.results).index(value)])
        return f"output of {site.combinator.name if site is not None else 'a call'}{place}"
    declaration = declared_op(op.name)
    if declaration is _checkpoint_name:
        return f"named {from_attribute(op.attributes['name'])!r}{place}"
    return f"output of {declaration.name if declaration is not None else op.name}{place}"


def _argument_names(f: Any, args: tuple, kwargs: dict) -> list[str]:
    """A name for each leaf of the arguments, such as `params['w']`."""
    signature = signature_of(f)
    found = [] if signature is None else signature.parameters.values()
    parameters = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    paths = pytrees.tree_flatten_with_path((args, kwargs))[0]
    names = []
    for (_, second, *rest), _ in paths:
        key = second.key if hasattr(second, "key") else second.idx
        if isinstance(key, int):
            key = parameters[key] if key < len(parameters) else f"at position {key}"
        names.append(f"{key}{pytrees.keystr(tuple(rest))}")
    return names


def print_saved_residuals(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Print what reverse mode keeps of a call of `f`, a line each: shape and dtype, and where it comes from."""
    for residual in saved_residuals(f, *args, **kwargs):
        print(residual)


__all__ = [
    "Offloadable", "Recompute", "Saveable", "checkpoint_name", "checkpoint_policies", "print_saved_residuals",
    "saved_residuals",
]  # fmt: skip
