"""`custom_vjp`: functions with a reverse-mode rule of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
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
    union,
    with_captures,
)
from axil.custom_symbolic import CustomVJPPrimal, SymbolicZero, zero_of
from axil.dialects import avals as av
from axil.operands import Flat, check_callable, function_name, operand, operands_of


class custom_vjp(CustomFunction):  # noqa: N801 - JAX's name
    """A function with a reverse-mode rule of the user's.

        @custom_vjp
        def f(x): ...
        def f_fwd(x): ...            # gives (result, residuals)
        def f_bwd(residuals, ct): ...  # gives a tuple of cotangents, one an argument
        f.defvjp(f_fwd, f_bwd)

    `nondiff_argnums` and `nondiff_argnames` are arguments that are not differentiated; they may be anything, stay
    where they are for the forward rule, and come first among those of the backward rule. There is no forward mode.
    Raises `TypeError` where a rule is missing or gives something else.
    """

    fwd: Callable[..., Any] | None = None
    bwd: Callable[..., Any] | None = None
    symbolic_zeros: bool = False

    def defvjp(
        self, fwd: Callable[..., Any], bwd: Callable[..., Any], symbolic_zeros: bool = False,
        optimize_remat: bool = False,
    ) -> None:  # fmt: skip
        """Set the rules: `fwd(*args)` to (result, residuals); `bwd(*nondiff, residuals, ct)` to cotangents.

        A cotangent may be `None` for zeros, of an argument or of a part of one. With `symbolic_zeros`, `fwd` receives
        a `CustomVJPPrimal` for each leaf of its differentiable arguments, and `bwd` a `SymbolicZero` for each cotangent
        that is known to be zero. `optimize_remat` is taken for JAX's sake: results of `fwd` that a recomputation does
        not need are dropped in any case.
        """
        check_callable(fwd, "defvjp")
        check_callable(bwd, "defvjp")
        self.fwd, self.bwd, self.symbolic_zeros = fwd, bwd, symbolic_zeros

    def _check_rules(self) -> None:
        if self.fwd is None or self.bwd is None:
            raise rule_error(
                f"no derivative rule is defined for {self.label}",
                f"define one: {function_name(self.fun)}.defvjp(fwd, bwd)",
            )

    def _emit(self, flat: Flat, static: list, treedef: Any, operands: Sequence[Any]) -> list:
        trace = state.trace
        assert trace is not None
        avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
        of = self._trace("", flat, avals, weak, operands, "opaque")
        call = _Call(self, flat, static, treedef, avals, of)
        if self.symbolic_zeros:
            return mark_weak(self._emit_symbolic(call, of, weak, operands), of.weak)
        residuals = _Residuals()
        fwd = self._trace(".forward", lambda *values: call.forward(values, residuals), avals, weak, operands)
        n_res = len(fwd.outputs) - len(of.outputs)
        cts = [a for a, t in zip(of.outputs, inexact(of.outputs)) if t]

        def backward(*values: Any) -> list:
            given = inexact(of.outputs)
            grads = call.backward(residuals.unflatten(values[:n_res]), values[n_res:], given)
            return [_zeros(a) if g is None else g for g, a, t in zip(grads, avals, inexact(avals)) if t]

        bwd_avals = [*fwd.outputs[len(of.outputs) :], *cts]
        bwd = self._trace(".backward", backward, bwd_avals, [False] * len(bwd_avals))
        results = trace.call_site(
            "custom_vjp", [of.name, fwd.name, bwd.name],
            [*of.captures, *fwd.captures, *bwd.captures, *operands],
            of_consts=len(of.captures), forward_consts=len(fwd.captures), backward_consts=len(bwd.captures),
        )  # fmt: skip
        return mark_weak(results, of.weak)

    def _emit_symbolic(self, call: _Call, of: Any, weak: list, operands: Sequence[Any]) -> list:
        from axil.dialects.combinators import python_rules

        trace = state.trace
        assert trace is not None
        consts = union([*of.captures, *closed_over(self.fwd, self.bwd, *call.static)])
        rule = _SymbolicRule(call, Recorded(self.label, consts), weak, operands)
        return trace.call_site(
            "custom_vjp_symbolic", [with_captures(trace, of, consts)], [*consts, *operands], consts=len(consts),
            rule=python_rules.keep(trace.program.functions, rule),
        )  # fmt: skip


def _zeros(of: Any) -> np.ndarray:
    return np.zeros(of.shape, of.dtype)


class _Residuals:
    """The structure of what the forward rule keeps."""

    treedef: Any = None

    def flatten(self, value: Any, where: str) -> list:
        """Leaves of residuals, which must be arrays."""
        leaves, self.treedef = operands_of(value, where)
        return leaves

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """Residuals as the forward rule gave them."""
        return pytrees.tree_unflatten(self.treedef, leaves)


class _Call:
    """One call: what its rules are given, and what they have to give."""

    def __init__(
        self, custom: custom_vjp, flat: Flat, static: list, treedef: Any, avals: Sequence[Any], of: Any
    ) -> None:  # fmt: skip
        self.custom = custom
        self.flat = flat
        self.static = static
        self.treedef = treedef
        self.avals = list(avals)
        self.outputs = of.outputs
        self.forward_name = rule_name(custom.fwd, custom.label, "forward rule")
        self.backward_name = rule_name(custom.bwd, custom.label, "backward rule")

    def forward(self, leaves: Sequence[Any], residuals: _Residuals) -> list:
        """The forward rule: results and residuals."""
        args, _ = self.flat.rebuild(leaves)
        result = self.custom.fwd(*args)  # type: ignore[misc]
        check_pair(result, self.forward_name, "result, residuals")
        outs, out_def = pytrees.tree_flatten(result[0])
        check_structure(self.forward_name, "a result", self.flat.treedef, out_def)
        what = f"a result of {self.forward_name}"
        outs = [fit(operand(x, self.forward_name), a, what) for x, a in zip(outs, self.outputs)]
        return [*outs, *residuals.flatten(result[1], self.forward_name)]

    def backward(self, residuals: Any, cotangents: Sequence[Any], given: Sequence[bool]) -> list:
        """The backward rule on the cotangents that are `given`: a cotangent for each arg, `None` where zero."""
        rest = iter(cotangents)
        cts = [next(rest) if g else self._zero(a) for a, g in zip(self.outputs, given)]
        grads = self.custom.bwd(*self.static, residuals, pytrees.tree_unflatten(self.flat.treedef, cts))  # type: ignore[misc]
        children = pytrees.treedef_children(self.treedef)
        if isinstance(grads, list):
            grads = tuple(grads)
        if not isinstance(grads, tuple) or len(grads) != len(children):
            got = f"{len(grads)} cotangents" if isinstance(grads, tuple) else f"a {type(grads).__name__}"
            raise rule_error(
                f"{self.backward_name} must give a tuple of {len(children)} cotangents, one an argument, got {got}\n"
                f"  arguments: {self.treedef}\n  cotangents: {pytrees.tree_structure(grads)}"
            )
        flat = [g for grad, child in zip(grads, children) for g in self._of_argument(grad, child)]
        return [self._cotangent(g, a) for g, a in zip(flat, self.avals)]

    def _zero(self, of: Any) -> Any:
        if self.custom.symbolic_zeros:
            return zero_of(of)
        return np.zeros(of.shape, dtypes.float0)

    def _cotangent(self, g: Any, of: Any) -> Any:
        """A cotangent of an arg's type. Integers have none, whatever a rule gives (as in JAX)."""
        if g is None or isinstance(g, SymbolicZero) or not av.is_inexact(of.dtype):
            return None
        return fit(operand(g, self.backward_name), of, f"a cotangent of {self.backward_name}")

    def _of_argument(self, grad: Any, child: Any) -> list:
        """The cotangents of one argument's leaves; `None` stands for zeros, of a leaf or of a whole subtree."""
        places = pytrees.tree_unflatten(child, range(child.num_leaves))
        try:
            found = pytrees.broadcast_prefix(grad, places, is_leaf=lambda x: x is None)
            given = sum(g is not None for g in found)
            if given != len(pytrees.tree_leaves(grad)):  # one array for several leaves
                raise errors.PyTreeError
        except errors.PyTreeError:
            raise rule_error(
                f"{self.backward_name} must give cotangents of the argument's structure\n  {child}\nbut gives\n"
                f"  {pytrees.tree_structure(grad)}"
            ) from None
        return found


class _SymbolicRule:
    """The two rules, traced for each set of args and of results that are perturbed together."""

    of_one_call = True

    def __init__(self, call: _Call, recorded: Recorded, weak: list, operands: Sequence[Any]) -> None:
        self.call = call
        self.recorded = recorded
        self.weak = weak
        self.operands = operands
        self.residuals: dict[tuple, tuple[_Residuals, list]] = {}  # by the mask of args

    def make(self, d: Any, key: tuple) -> tuple[str, tuple[bool, ...]]:
        """The function for a case; see `axil.dialects.combinators.custom_symbolic`."""
        if key[0] == "forward":
            return self._forward(d, key[1]), ()
        return self._backward(d, key[1], key[2])

    def _forward(self, d: Any, given: tuple[bool, ...]) -> str:
        residuals = _Residuals()

        def function(*values: Any) -> list:
            primals = [CustomVJPPrimal(v, g) for v, g in zip(values, given)]
            return self.call.forward(primals, residuals)

        name = f"{function_name(self.call.custom.fun)}.forward"
        later = trace_later(d, self.recorded, name, function, self.call.avals, self.weak, self.operands)
        self.residuals[given] = (residuals, later.outputs[len(self.call.outputs) :])
        return later.name

    def _backward(self, d: Any, given: tuple[bool, ...], nonzero: tuple[bool, ...]) -> tuple[str, tuple[bool, ...]]:
        if given not in self.residuals:
            self._forward(d, given)
        residuals, avals = self.residuals[given]
        flags = iter(nonzero)
        with_ct = [t and next(flags) for t in inexact(self.call.outputs)]
        cts = [a for a, c in zip(self.call.outputs, with_ct) if c]
        found: list[bool] = []

        def function(*values: Any) -> list:
            n = len(avals)
            grads = self.call.backward(residuals.unflatten(values[:n]), values[n:], with_ct)
            mine = [g for g, m in zip(grads, given) if m]
            found[:] = [g is not None for g in mine]
            return [g for g in mine if g is not None]

        name = f"{function_name(self.call.custom.fun)}.backward"
        weak = [False] * (len(avals) + len(cts))
        later = trace_later(d, self.recorded, name, function, [*avals, *cts], weak)
        return later.name, tuple(found)


__all__ = ["custom_vjp"]
