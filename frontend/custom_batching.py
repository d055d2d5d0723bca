"""Functions whose batching the user writes: `custom_vmap`, `sequential_vmap`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from axil import errors, pytrees
from axil.core import run_traced, state, trace_function
from axil.custom_later import Recorded, closed_over, trace_later
from axil.custom_rules import (
    check_pair,
    fit,
    mark_weak,
    positional,
    rule_error,
    rule_name,
    signature_of,
    union,
    with_captures,
)
from axil.operands import Flat, check_callable, function_name, operand, operands_of, symbol
from axil.source import user_line


class MissingRuleError(errors.AxilTypeError, AttributeError):
    """A `custom_vmap` function is called before its rule is defined."""


class WrongRuleError(errors.AxilTypeError, ValueError):
    """A batching rule gives something of another structure."""


class custom_vmap:  # noqa: N801 - JAX's name
    """A function with a batching rule of the user's.

        @custom_vmap
        def f(x, y): ...
        @f.def_vmap
        def _(axis_size, in_batched, xs, ys):
            return result, out_batched

    Under `vmap` the rule gets the size of the batch, a list of trees of booleans (which leaves of which argument have a
    leading batch dimension), and the arguments; it gives the result and a tree of booleans of the same structure.
    A rule is differentiated where a batch is; a batch of gradients is that of the function's own derivative.
    """

    def __init__(self, fun: Callable[..., Any]) -> None:
        check_callable(fun, "custom_vmap")
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.vmap_rule: Callable[..., Any] | None = None
        self.label = f"custom_vmap({function_name(fun)})"
        self.signature = signature_of(fun)

    def def_vmap(self, vmap_rule: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
        """Set the rule: `(axis_size, in_batched, *args)` to `(result, out_batched)`."""
        check_callable(vmap_rule, "def_vmap")
        self.vmap_rule = vmap_rule
        return vmap_rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = positional(self.fun, self.signature, self.label, args, kwargs)
        if self.vmap_rule is None:
            raise MissingRuleError(
                errors.explain(f"no batching rule is defined for {self.label}", user_line(),
                               ways_out=[f"define one: @{function_name(self.fun)}.def_vmap"])  # fmt: skip
            )
        operands, treedef = operands_of(args, self.label)
        flat = Flat(self.fun, lambda leaves: (pytrees.tree_unflatten(treedef, leaves), {}), self.label)
        if state.trace is None:  # there is no batch
            return flat.unflatten(flat(*operands))
        return flat.unflatten(run_traced("", lambda *ops: self._emit(flat, treedef, ops), operands))

    def _emit(self, flat: Flat, treedef: Any, operands: Sequence[Any]) -> list:
        from axil.dialects.combinators import python_rules

        trace = state.trace
        assert trace is not None
        avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
        of = trace_function(self.label, symbol(self.fun), flat, avals, weak, operands)
        consts = union([*of.captures, *closed_over(self.vmap_rule)])
        rule = _Rule(self, flat, treedef, Recorded(self.label, consts), avals, weak, of.outputs)
        results = trace.call_site(
            "custom_vmap", [with_captures(trace, of, consts)], [*consts, *operands], consts=len(consts),
            rule=python_rules.keep(trace.program.functions, rule),
        )  # fmt: skip
        return mark_weak(results, of.weak)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


class _Rule:
    """The rule of one call, traced for each batch."""

    of_one_call = True

    def __init__(
        self, custom: custom_vmap, flat: Flat, treedef: Any, recorded: Recorded, avals: list, weak: list, outputs: list
    ) -> None:
        self.custom = custom
        self.vmap_rule = custom.vmap_rule
        self.flat = flat
        self.treedef = treedef
        self.recorded = recorded
        self.avals = avals
        self.weak = weak
        self.outputs = outputs
        self.name = rule_name(custom.vmap_rule, custom.label, "batching rule")

    def make(self, d: Any, key: tuple) -> tuple[str, tuple[bool, ...]]:
        """For the key `("batch", size, mask of args)`: the rule's name, and which results have a batch dimension."""
        _, size, batched = key
        avals = [a.with_shape((size, *a.shape)) if b else a for a, b in zip(self.avals, batched)]
        flags: list[bool] = []

        def function(*values: Any) -> list:
            args = pytrees.tree_unflatten(self.treedef, values)
            in_batched = list(pytrees.tree_unflatten(self.treedef, list(batched)))
            results, flags[:] = self._checked(self.vmap_rule(size, in_batched, *args), size)  # type: ignore[misc]
            return results

        name = f"{function_name(self.custom.fun)}.custom_vmap"
        later = trace_later(d, self.recorded, name, function, avals, self.weak, role="")
        return later.name, tuple(flags)

    def _checked(self, result: Any, size: int) -> tuple[list, list[bool]]:
        check_pair(result, self.name, "result, out_batched")
        leaves, treedef = pytrees.tree_flatten(result[0])
        flags, flag_def = pytrees.tree_flatten(result[1])
        if flag_def != treedef:
            raise self._wrong(f"must say of each leaf of its result whether it is batched\n  result: {treedef}\n"
                              f"  out_batched: {flag_def}")  # fmt: skip
        if treedef != self.flat.treedef:
            raise self._wrong(f"must give a result of the function's structure\n  {self.flat.treedef}\nbut gives\n"
                              f"  {treedef}")  # fmt: skip
        for flag in flags:
            if not isinstance(flag, bool):
                raise rule_error(f"{self.name} must give booleans as out_batched, got {flag!r}")
        avals = [a.with_shape((size, *a.shape)) if f else a for a, f in zip(self.outputs, flags)]
        what = f"a result of {self.name}"
        return [fit(operand(x, self.name), a, what) for x, a in zip(leaves, avals)], flags

    def _wrong(self, text: str) -> WrongRuleError:
        return WrongRuleError(errors.explain(f"{self.name} {text}", user_line()))


def sequential_vmap(f: Callable[..., Any]) -> custom_vmap:
    """`f` as a function that `vmap` runs on one example after the other, in a loop."""
    custom = custom_vmap(f)

    def one_by_one(axis_size: int, in_batched: list, *args: Any) -> tuple[Any, Any]:
        from axil.lax import map as lax_map

        leaves, treedef = pytrees.tree_flatten(args)
        flags = pytrees.tree_leaves(in_batched)
        mapped = [x for x, b in zip(leaves, flags) if b]

        def call(rows: list) -> Any:
            rest = iter(rows)
            return custom(*pytrees.tree_unflatten(treedef, [next(rest) if b else x for x, b in zip(leaves, flags)]))

        out = lax_map(call, mapped)
        return out, pytrees.tree_map(lambda _: True, out)

    custom.def_vmap(one_by_one)
    return custom


__all__ = ["custom_vmap", "sequential_vmap"]
