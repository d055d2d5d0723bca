"""Compiling ahead of time: a function, or a module of MLIR text, into a `.axil` artifact.

    axil.aot.save("digits.axil", predict, axil.ShapeDtypeStruct((64, 64), "float32"))
    predict = axil.runtime.load("digits.axil")      # needs no compiler, and no frontend

A program of an artifact takes its constants first and then the leaves of the arguments, in the order in which
the runtime flattens them. `_arrange` gives the traced function that form, before it is compiled.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from axil import errors, pytrees
from axil.call_arguments import Jitted
from axil.core import RULE_ERRORS, user_error
from axil.jitted import JitFunction, jit
from axil.operands import ArgumentError, check_callable, function_name
from axil.runtime import load
from axil.shape_structs import ShapeDtypeStruct
from axil.source import user_line
from axil.stages import Lowered

Targets = Any  # a name, a `Target`, or several of them


def save(
    path: str | os.PathLike[str], fun: Callable[..., Any], /, *args: Any, targets: Targets = ("host",),
    name: str | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Compile `fun` for arguments like these and write an artifact to `path`.

    The arguments are arrays or `ShapeDtypeStruct`s, in trees; of those that `fun`, a jitted function,
    declares static the value is compiled in. Arrays that `fun` closes over are stored in the artifact.
    `targets` are names of the target table (`axil doctor` shows it) or `Target`s; the artifact holds a
    program for each.

    A custom class among the arguments becomes a named tuple of its fields (any tuple will do for a call), as
    the runtime does not know the class.
    """
    check_callable(fun, "save")
    chosen = _targets(targets)
    jitted = fun if isinstance(fun, JitFunction) else jit(fun)
    lowered = jitted.lower(*args, **kwargs)
    signature, module = _prepare(lowered)
    constants = {f"constant_{i}": np.asarray(x) for i, x in enumerate(lowered.hidden)}
    _write(path, module, chosen, name or function_name(jitted.fun), signature, constants)


def save_module(
    path: str | os.PathLike[str], text: str, *, targets: Targets = ("host",), name: str | None = None,
    function: str = "main", source_name: str = "<text>",
) -> None:  # fmt: skip
    """Compile a function of a module, in the axil dialect or in StableHLO, and write an artifact to `path`.

    The function's arguments are passed by position; several results come as a tuple. Raises `ir.MLIRError`
    where the text is malformed, with `source_name:line:column`.
    """
    from axil.dialects.mlir import parse_module

    chosen = _targets(targets)
    module = parse_module(text, source_name)
    main = _make_main(module, function)
    inputs, outputs = _types(main)
    signature = _signature(inputs, {}, outputs[0] if len(outputs) == 1 else tuple(outputs), ())
    _write(path, module, chosen, name or function, signature, {}, text)


def _targets(targets: Targets) -> list[Any]:
    """The chosen entries of the target table, each once."""
    from axil.compiler.targets import Target, resolve

    given = [targets] if isinstance(targets, str | Target) else list(targets)
    chosen = {target.name: target for target in map(resolve, given)}
    if not chosen:
        raise ArgumentError("save: name one target at least, for example targets=['host']")
    return list(chosen.values())


def _write(
    path: Any, module: Any, targets: Sequence[Any], name: str, signature: Any,
    constants: Mapping[str, np.ndarray], source: str = "",
) -> None:  # fmt: skip
    from axil.compiler.artifact import write
    from axil.compiler.pipeline import compile_program, text_of

    source = source or text_of(module)
    programs, cost = {}, 0.0
    for target in targets:
        try:
            # Compiling lowers a module in place. A copy, not parsed text, keeps the user's lines for errors.
            compiled = compile_program(module.operation.clone(), target, name=name)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        _refuse_host_calls(compiled.host_calls, name)
        programs[target] = compiled.vmfb
        cost = compiled.cost
    write(path, name=name, programs=programs, signature=signature, weights=constants, source=source, cost=cost)


def _refuse_host_calls(calls: Sequence[Any], name: str) -> None:
    """An artifact runs without Python's functions, and often without Python."""
    if calls:
        names = ", ".join(dict.fromkeys(f"'{c.function.name}'" for c in calls))
        raise ArgumentError(
            errors.explain(
                f"save: '{name}' calls the Python function {names} (a callback, debug.print or the like), which an "
                "artifact cannot hold",
                user_line(),
                ways_out=["leave debugging calls out of what is saved, for example behind a static argument",
                          "return what the callback needs, and call it on the program's results"],
            )  # fmt: skip
        )


# ---- functions -----------------------------------------------------------------------------------------


class _Slot:
    """A leaf of a signature: which operand or result of the traced function it is."""

    def __init__(self, index: int, of: Any) -> None:
        self.index, self.shape, self.dtype = index, of.shape, of.dtype


def _prepare(lowered: Lowered) -> tuple[Any, Any]:
    """The signature of an artifact, and the module with its function in the order that the signature says."""
    call = lowered._call
    dynamic, named = pytrees.tree_unflatten(call.treedef, [_Slot(i, x.aval) for i, x in enumerate(call.operands)])
    results = pytrees.tree_unflatten(lowered.out_tree, [_Slot(i, a) for i, (a, _) in enumerate(lowered._outputs)])
    names = _argument_names(lowered._jitted, len(dynamic), set(call.static))
    arguments, keywords, result = [_plain(x) for x in dynamic], _plain(named), _plain(results)
    signature = _signature(arguments, keywords, result, names)
    hidden = range(len(call.operands), len(call.operands) + len(lowered.hidden))
    module = lowered.trace.program.module.operation.clone()
    _arrange(module, [*hidden, *_order((tuple(arguments), keywords))], _order(result))
    return signature, module


def _argument_names(jitted: Jitted, count: int, static: set[int]) -> tuple[str, ...]:
    """Names of the positional arguments, as far as each has one of its own."""
    named = [p for p in jitted.parameters if p.kind is p.POSITIONAL_OR_KEYWORD or p.kind is p.POSITIONAL_ONLY]
    return tuple(p.name for i, p in enumerate(named) if i not in static)[:count]


def _signature(arguments: Sequence[Any], keywords: Mapping[str, Any], results: Any, names: Sequence[str]) -> Any:
    from axil.runtime.signature import Signature

    return Signature.of(arguments, results, keywords=keywords, names=names)


def _order(value: Any) -> list[int]:
    """Which traced value each leaf is, in the runtime's order: it sorts the keys of every kind of dict."""
    from axil.runtime import tree as runtime_tree

    return [slot.index for slot in runtime_tree.flatten(runtime_tree.describe(value), value)]


def _plain(value: Any) -> Any:
    """A tree of the containers that the runtime knows."""
    if value is None or isinstance(value, _Slot):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(x) for key, x in value.items()}
    if isinstance(value, tuple):
        items = [_plain(x) for x in value]
        return _like(value, items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_plain(x) for x in value]
    children, _ = pytrees.flatten_one_level_with_keys(value)
    items = [_plain(x) for _, x in children]
    fields = [key.name for key, _ in children if isinstance(key, pytrees.GetAttrKey)]
    if len(fields) != len(items) or any(f.startswith("_") for f in fields):
        return tuple(items)
    return collections.namedtuple(type(value).__name__, fields)(*items)


def _like(value: Any, items: list[Any]) -> Any:
    return type(value)._make(items) if hasattr(type(value), "_make") else tuple(items)


def _arrange(module: Any, inputs: Sequence[int], outputs: Sequence[int]) -> None:
    """Permute the operands and the results of @main."""
    from axil.compiler.functions import body_of, operations
    from axil.dialects.mlir import context, ir

    main = _function(module, "main")
    block = body_of(main)
    old = list(block.arguments)
    if list(inputs) != list(range(len(old))):
        for i in inputs:
            old[i].replace_all_uses_with(block.add_argument(old[i].type, old[i].location))
        for i in reversed(range(len(inputs))):
            block.erase_argument(i)
    end = operations(block)[-1]
    values = [end.operands[i] for i in outputs]
    for i, value in enumerate(values):
        end.operands[i] = value
    kind = ir.FunctionType.get([a.type for a in block.arguments], [v.type for v in values], context())
    main.attributes["function_type"] = ir.TypeAttr.get(kind, context())


# ---- modules -------------------------------------------------------------------------------------------


def _function(module: Any, name: str) -> Any:
    """A function of a module with a body, or None."""
    from axil.compiler.functions import has_body

    for op in _functions(module):
        if op.attributes["sym_name"].value == name and has_body(op):
            return op
    return None


def _functions(module: Any) -> Iterator[Any]:
    from axil.compiler.functions import operations

    yield from (op for op in operations(module.regions[0].blocks[0]) if op.name == "func.func")


def _make_main(module: Any, name: str) -> Any:
    """Make a function the module's only public one, called @main; gives its operation."""
    from axil.compiler.functions import has_body
    from axil.dialects.mlir import context, ir

    found = _function(module, name)
    if found is None:
        known = ", ".join(f"@{op.attributes['sym_name'].value}" for op in _functions(module) if has_body(op))
        way_out = f"choose another; there are {known}" if known else "the module has no function with a body"
        raise ArgumentError(errors.explain(f"the module has no function @{name}", ways_out=[way_out]))
    with context(), ir.Location.unknown():
        other = _function(module, "main")
        if name != "main" and other is not None:
            _rename(module, other, "main.other")
        for op in _functions(module):
            op.attributes["sym_visibility"] = ir.StringAttr.get("private")
        _rename(module, found, "main")
        del found.attributes["sym_visibility"]
    return found


def _rename(module: Any, function: Any, name: str) -> None:
    from axil.dialects.mlir import ir

    old = function.attributes["sym_name"].value
    if old != name:
        ir.SymbolTable.replace_all_symbol_uses(old, name, module)
        ir.SymbolTable.set_symbol_name(function, name)


def _types(function: Any) -> tuple[list[ShapeDtypeStruct], list[ShapeDtypeStruct]]:
    """Shapes and dtypes of a function's operands and results."""
    from axil.dialects.mlir import aval_of_type

    kind = function.attributes["function_type"].value
    try:
        avals = [[aval_of_type(t) for t in types] for types in (kind.inputs, kind.results)]
    except TypeError as e:
        problem = ArgumentError(f"an artifact's function takes and gives arrays of fixed shape: {e}")
        problem.location = function.location  # type: ignore[attr-defined]
        raise problem from None
    inputs, outputs = [[ShapeDtypeStruct(a.shape, a.dtype) for a in some] for some in avals]
    return inputs, outputs


__all__ = ["load", "save", "save_module"]
