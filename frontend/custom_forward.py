"""`custom_jvp`: functions with a forward-mode rule of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, pytrees
from axil.core import state
from axil.custom_later import Recorded, closed_over, trace_later
from axil.custom_rules import (
    CustomFunction,
    check_pair,
    check_structure,
    fit,
    inexact,
    mark_weak,
    rule_error,
    rule_name,
    share_captures,
    union,
    with_captures,
)
from axil.custom_symbolic import SymbolicZero, zero_of
from axil.dialects import avals as av
from axil.operands import Flat, check_callable, function_name, operand


class custom_jvp(CustomFunction):  # noqa: N801 - JAX's name
    """A function with a forward-mode rule of the user's; reverse mode is its transpose.

        @custom_jvp
        def f(x): ...
        @f.defjvp
        def f_jvp(primals, tangents): ...   # gives (result, tangent)

    `nondiff_argnums` and `nondiff_argnames` are arguments that are not differentiated; they may be anything, and come
    first among those of the rule. Raises `TypeError` where the rule is missing or gives something else.
    """

    jvp: Callable[..., Any] | None = None
    symbolic_zeros: bool = False

    def defjvp(self, jvp: Callable[..., Any], symbolic_zeros: bool = False) -> Callable[..., Any]:
        """Set the rule: `(*nondiff, primals, tangents)` to `(result, tangent of the result)`.

        With `symbolic_zeros`, tangents that are known to be zero are `SymbolicZero`s, else arrays of zeros; those of
        integers have dtype float0.
        """
        check_callable(jvp, "defjvp")
        self.jvp, self.symbolic_zeros = jvp, symbolic_zeros
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set one rule an argument, `(tangent, result, *primals)` to its contribution; `None` for none."""
        if self.nondiff_argnums:
            raise rule_error("defjvps does not go with nondiff_argnums", "use defjvp")

        def rule(primals: tuple, tangents: tuple) -> tuple:
            if len(jvps) != len(primals):
                raise rule_error(
                    f"{self.label} was given {len(jvps)} rules by defjvps and called with {len(primals)} arguments",
                    "give one rule an argument, None for those without a derivative",
                )
            result = self(*primals)
            total = None
            for one, t in zip(jvps, tangents):
                if one is not None:
                    part = one(t, result, *primals)
                    total = part if total is None else pytrees.tree_map(lambda a, b: a + b, total, part)
            return result, pytrees.tree_map(lambda r: r * 0, result) if total is None else total

        rule.__name__ = f"{function_name(self.fun)}_defjvps"
        self.jvp, self.symbolic_zeros = rule, False

    def _check_rules(self) -> None:
        if self.jvp is None:
            raise rule_error(
                f"no derivative rule is defined for {self.label}", f"define one: @{function_name(self.fun)}.defjvp"
            )

    def _emit(self, flat: Flat, static: list, treedef: Any, operands: Sequence[Any]) -> list:
        trace = state.trace
        assert trace is not None and self.jvp is not None
        avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
        of = self._trace("", flat, avals, weak, operands, "opaque")
        call = _Call(self, flat, static, treedef, of)
        if self.symbolic_zeros:
            consts = union([*of.captures, *closed_over(self.jvp, *static)])
            names = [with_captures(trace, of, consts)]
            rule = _SymbolicRule(call, Recorded(self.label, consts), avals, weak, operands)
            from axil.dialects.combinators import python_rules

            parameters = {"rule": python_rules.keep(trace.program.functions, rule)}
            kind = "custom_jvp_symbolic"
        else:
            tangents = [a for a, t in zip(avals, inexact(avals)) if t]
            all_perturbed = lambda *values: call.rule(values, inexact(avals))[0]
            ruled = self._trace(
                ".jvp", all_perturbed, [*avals, *tangents], [*weak, *[False] * len(tangents)], operands
            )
            *names, consts = share_captures(trace, of, ruled)
            kind, parameters = "custom_jvp", {}
        results = trace.call_site(kind, names, [*consts, *operands], consts=len(consts), **parameters)
        return mark_weak(results, of.weak)


class _Call:
    """One call: what its rule is given, and what it has to give."""

    def __init__(self, custom: custom_jvp, flat: Flat, static: list, treedef: Any, of: Any) -> None:
        self.custom = custom
        self.flat = flat
        self.static = static
        self.treedef = treedef
        self.outputs = of.outputs
        self.name = rule_name(custom.jvp, custom.label)

    def rule(self, values: Sequence[Any], given: Sequence[bool]) -> tuple[list, list[bool]]:
        """The rule on primals and the tangents that are `given`: results and nonzero tangents, and which those are."""
        n = len(given)
        primals, rest = values[:n], iter(values[n:])
        tangents = [next(rest) if g else self._zero(p) for p, g in zip(primals, given)]
        trees = pytrees.tree_unflatten(self.treedef, primals), pytrees.tree_unflatten(self.treedef, tangents)
        result = self.custom.jvp(*self.static, *trees)  # type: ignore[misc]
        check_pair(result, self.name, "result, tangent")
        outs, out_def = pytrees.tree_flatten(result[0])
        touts, tangent_def = pytrees.tree_flatten(result[1])
        check_structure(self.name, "a result", self.flat.treedef, out_def)
        check_structure(self.name, "a tangent", self.flat.treedef, tangent_def)
        outs = [fit(operand(x, self.name), a, f"a result of {self.name}") for x, a in zip(outs, self.outputs)]
        for t, a in zip(touts, self.outputs):
            if not av.is_inexact(a.dtype) and av.is_inexact(getattr(t, "dtype", np.dtype(type(t)))):
                raise rule_error(
                    f"a tangent of {self.name} must be of dtype float0, for a result of {a}: integers and booleans "
                    f"have no derivative; got {operand(t, self.name).aval}"
                )
        nonzero = [
            t and not (self.custom.symbolic_zeros and isinstance(x, SymbolicZero))
            for x, t in zip(touts, inexact(self.outputs))
        ]
        chosen = [
            fit(operand(t, self.name), a, f"a tangent of {self.name}")
            for t, a, nz in zip(touts, self.outputs, nonzero)
            if nz
        ]
        return [*outs, *chosen], nonzero

    def _zero(self, primal: Any) -> Any:
        if self.custom.symbolic_zeros:
            return zero_of(primal)
        return np.zeros(primal.aval.shape, dtypes.float0)


class _SymbolicRule:
    """A rule that is traced for each set of arguments that are perturbed together."""

    of_one_call = True

    def __init__(self, call: _Call, recorded: Recorded, avals: list, weak: list, operands: Sequence[Any]) -> None:
        self.call = call
        self.recorded = recorded
        self.avals = avals
        self.weak = weak
        self.operands = operands

    def make(self, d: Any, key: tuple) -> tuple[str, tuple[bool, ...]]:
        """For the key `("jvp", mask of args)`: the rule's name and which results have tangents."""
        _, given = key
        nonzero: list[bool] = []

        def function(*values: Any) -> list:
            results, found = self.call.rule(values, given)
            nonzero[:] = found
            return results

        tangents = [a for a, g in zip(self.avals, given) if g]
        later = trace_later(
            d, self.recorded, f"{function_name(self.call.custom.fun)}.jvp", function, [*self.avals, *tangents],
            [*self.weak, *[False] * len(tangents)], self.operands,
        )  # fmt: skip
        return later.name, tuple(nonzero)


__all__ = ["custom_jvp"]
