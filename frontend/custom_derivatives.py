"""`custom_jvp` and `custom_vjp`: functions whose derivatives the user writes.

Arguments listed in `nondiff_argnums` reach the function and its rules as they are, first, and are not
differentiated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, tree
from axil.core import run_traced, state, trace_function
from axil.dialects import avals as av
from axil.operands import (
    Flat,
    check_callable,
    function_name,
    normalize_argnums,
    operand,
    operands_of,
    symbol,
)
from axil.source import user_line


class CustomRuleError(errors.AxilTypeError):
    """A custom derivative rule is missing, or does not give what it should."""


def _zero_tangent(x: Any) -> Any:
    return np.zeros(x.aval.shape, np.dtype([("float0", np.void, 0)]))


class _Custom:
    """What the two kinds of custom function share: calling, and splitting arguments."""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        check_callable(fun, type(self).__name__)
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = tuple(nondiff_argnums)
        self.label = f"{type(self).__name__}({function_name(fun)})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = self._bind(args, kwargs)
        self._check_rules()
        nondiff = self._nondiff(len(args))
        static = [args[i] for i in sorted(nondiff)]
        chosen = [a for i, a in enumerate(args) if i not in nondiff]
        operands, treedef = operands_of(tuple(chosen), self.label)

        def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
            rest = iter(tree.tree_unflatten(treedef, leaves))
            return [args[i] if i in nondiff else next(rest) for i in range(len(args))], {}

        flat = Flat(self.fun, rebuild, self.label)
        if not _differentiated():
            return flat.unflatten(flat(*operands))
        return flat.unflatten(run_traced("", lambda *ops: self._emit(flat, static, treedef, ops), operands))

    def _bind(self, args: tuple, kwargs: dict) -> tuple:
        """All arguments by position: rules know no keywords."""
        if not kwargs:
            return args
        import inspect

        bound = inspect.signature(self.fun).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise CustomRuleError(
                errors.explain(f"{self.label} does not take keyword-only arguments: {list(bound.kwargs)}", user_line())
            )
        return bound.args

    def _nondiff(self, count: int) -> set[int]:
        """Positions of the arguments that are not differentiated."""
        return set(normalize_argnums(self.nondiff_argnums, count, f"{self.label}: nondiff_argnums"))

    def _check_rules(self) -> None:
        raise NotImplementedError

    def _emit(self, flat: Flat, static: list, treedef: Any, operands: Sequence[Any]) -> list:
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _trace(
        self, name: str, function: Any, avals: Sequence[Any], weak: Sequence[bool], sources: Any = (),
        role: str = "rule",
    ) -> Any:  # fmt: skip
        return trace_function(self.label, f"{symbol(self.fun)}{name}", function, avals, weak, sources, role)


def _differentiated() -> bool:
    """Whether a call may be differentiated. If not, the function alone is enough.

    A rule that calls its own function is traced once for each derivative that the transformations around it take, and
    the innermost of these calls needs no rule: otherwise tracing would never end.
    """
    trace = state.trace
    return trace is not None and not (trace.in_rule and trace.order == 0)


class custom_jvp(_Custom):  # noqa: N801 - JAX's name
    """A function with a forward-mode rule of the user's; reverse mode is its transpose.

        @custom_jvp
        def f(x): ...
        @f.defjvp
        def f_jvp(primals, tangents): ...   # gives (result, tangent)
    """

    rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any], symbolic_zeros: bool = False) -> Callable[..., Any]:
        """Set the rule: `(*nondiff, primals, tangents)` to `(result, tangent of the result)`."""
        check_callable(rule, "defjvp")
        if symbolic_zeros:
            raise CustomRuleError("defjvp(symbolic_zeros=True) is not available; rules receive zero arrays instead")
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Set one rule an argument, `(tangent, result, *primals)` to its contribution; `None` for none."""
        if self.nondiff_argnums:
            raise CustomRuleError("defjvps does not go with nondiff_argnums; use defjvp")

        def rule(primals: tuple, tangents: tuple) -> tuple:
            if len(rules) != len(primals):
                raise CustomRuleError(
                    errors.explain(
                        f"{self.label} was given {len(rules)} rules by defjvps and called with {len(primals)} "
                        "arguments",
                        user_line(),
                        ways_out=["give one rule an argument, None for those without a derivative"],
                    )
                )
            result = self(*primals)
            total = None
            for one, t in zip(rules, tangents):
                if one is not None:
                    part = one(t, result, *primals)
                    total = part if total is None else tree.tree_map(lambda a, b: a + b, total, part)
            return result, tree.tree_map(lambda r: r * 0, result) if total is None else total

        self.rule = rule

    def _check_rules(self) -> None:
        if self.rule is None:
            raise CustomRuleError(
                errors.explain(f"no derivative rule is defined for {self.label}", user_line(),
                               ways_out=[f"define one: @{function_name(self.fun)}.defjvp"])  # fmt: skip
            )

    def _emit(self, flat: Flat, static: list, treedef: Any, operands: Sequence[Any]) -> list:
        trace = state.trace
        assert trace is not None and self.rule is not None
        avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
        of = self._trace("", flat, avals, weak, operands, "opaque")
        tangent_avals = [a for a in avals if av.is_inexact(a.dtype)]

        def rule(*values: Any) -> list:
            primals, rest = values[: len(operands)], iter(values[len(operands) :])
            tangents = [next(rest) if av.is_inexact(p.aval.dtype) else _zero_tangent(p) for p in primals]
            trees = tree.tree_unflatten(treedef, primals), tree.tree_unflatten(treedef, tangents)
            result = self.rule(*static, *trees)  # type: ignore[misc]
            return self._rule_outputs(result, flat, of)

        weak_all = [*weak, *[False] * len(tangent_avals)]
        ruled = self._trace(".jvp", rule, [*avals, *tangent_avals], weak_all, operands)
        of_name, rule_name, captures = share_captures(trace, of, ruled)
        results = trace.call_site(
            "custom_jvp", [of_name, rule_name], [*captures, *operands], consts=len(captures)
        )
        for r, w in zip(results, of.weak):
            r.weak_type = w
        return results

    def _rule_outputs(self, result: Any, flat: Flat, of: Any) -> list:
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise CustomRuleError(
                errors.explain(
                    f"the rule of {self.label} must give a pair (result, tangent), got {result!r}", user_line()
                )
            )
        outs, out_def = tree.tree_flatten(result[0])
        touts, tangent_def = tree.tree_flatten(result[1])
        if out_def != flat.treedef or tangent_def != flat.treedef:
            raise CustomRuleError(
                errors.explain(
                    f"the rule of {self.label} must give results of the function's structure {flat.treedef}, got "
                    f"{out_def} and tangents {tangent_def}",
                    user_line(),
                )
            )
        what = f"a result of the rule of {self.label}"
        outs = [fit(operand(x, self.label), a, what) for x, a in zip(outs, of.outputs)]
        chosen = [
            fit(operand(t, self.label), a, f"a tangent of the rule of {self.label}")
            for t, a in zip(touts, of.outputs)
            if av.is_inexact(a.dtype)
        ]
        return [*outs, *chosen]


def fit(x: Any, of: Any, what: str) -> Any:
    """A value of the wanted shape and dtype, which a Python number takes on; else an error."""
    from axil.core import bind
    from axil.dialects.elementwise import convert
    from axil.dialects.shape import broadcast_in_dim

    given = x.aval
    if x.weak_type:
        common = dtypes.promote_types(given.dtype, True, of.dtype, False)[0]
        if given.dtype != common == of.dtype:
            x = bind(convert, x, dtype=common)
        if not given.shape and of.shape:
            x = bind(broadcast_in_dim, x, shape=of.shape, dims=())
    if x.aval is not of:
        raise CustomRuleError(errors.explain(f"{what} must be {of}, got {given}", user_line()))
    return x


def share_captures(trace: Any, *traced: Any) -> tuple:
    """Give several traced functions the same leading captures; their names, and the captures."""
    captures: list = []
    index: dict[int, int] = {}
    for t in traced:
        for c in t.captures:
            if id(c) not in index:
                index[id(c)] = len(captures)
                captures.append(c)
    functions = trace.program.functions
    names = []
    for t in traced:
        if [id(c) for c in t.captures] == [id(c) for c in captures]:
            names.append(t.name)
            continue
        own = [index[id(c)] for c in t.captures]
        inputs = [*[c.aval for c in captures], *functions.signature(t.name).inputs[len(own) :]]
        with trace.program.context, trace.program.ir.Location.unknown():
            rearranged = lambda *a, t=t, own=own: functions.call(t.name, [*[a[i] for i in own], *a[len(captures) :]])
            names.append(functions.build(t.name, inputs, rearranged))
    return (*names, captures)


class custom_vjp(_Custom):  # noqa: N801 - JAX's name
    """A function with a reverse-mode rule of the user's.

        @custom_vjp
        def f(x): ...
        def f_fwd(x): ...            # gives (result, residuals)
        def f_bwd(residuals, ct): ...  # gives a tuple of cotangents, one an argument
        f.defvjp(f_fwd, f_bwd)
    """

    forward: Callable[..., Any] | None = None
    backward: Callable[..., Any] | None = None

    def defvjp(
        self, fwd: Callable[..., Any], bwd: Callable[..., Any], symbolic_zeros: bool = False,
        optimize_remat: bool = False,
    ) -> None:  # fmt: skip
        """Set the rules: `fwd(*args)` to (result, residuals); `bwd(*nondiff, residuals, ct)` to cotangents."""
        check_callable(fwd, "defvjp")
        check_callable(bwd, "defvjp")
        if symbolic_zeros:
            raise CustomRuleError("defvjp(symbolic_zeros=True) is not available; rules receive zero arrays instead")
        self.forward, self.backward = fwd, bwd

    def _check_rules(self) -> None:
        if self.forward is None or self.backward is None:
            raise CustomRuleError(
                errors.explain(f"no derivative rule is defined for {self.label}", user_line(),
                               ways_out=[f"define one: {function_name(self.fun)}.defvjp(fwd, bwd)"])  # fmt: skip
            )

    def _emit(self, flat: Flat, static: list, treedef: Any, operands: Sequence[Any]) -> list:
        trace = state.trace
        assert trace is not None
        avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
        of = self._trace("", flat, avals, weak, operands, "opaque")
        residual_def: list = []

        def forward(*values: Any) -> list:
            args, _ = flat.rebuild(values)
            result = self.forward(*args)  # type: ignore[misc]
            return self._forward_outputs(result, flat, of, residual_def)

        fwd = self._trace(".forward", forward, avals, weak, operands)
        n = len(of.outputs)
        ct_avals = [a for a in of.outputs if av.is_inexact(a.dtype)]
        res_avals = fwd.outputs[n:]

        def backward(*values: Any) -> list:
            residuals = tree.tree_unflatten(residual_def[0], values[: len(res_avals)])
            rest = iter(values[len(res_avals) :])
            cts = [next(rest) if av.is_inexact(a.dtype) else np.zeros(a.shape, dtypes.float0) for a in of.outputs]
            grads = self.backward(*static, residuals, tree.tree_unflatten(flat.treedef, cts))  # type: ignore[misc]
            return self._backward_outputs(grads, treedef, avals)

        bwd = self._trace(".backward", backward, [*res_avals, *ct_avals], [False] * (len(res_avals) + len(ct_avals)))
        results = trace.call_site(
            "custom_vjp", [of.name, fwd.name, bwd.name],
            [*of.captures, *fwd.captures, *bwd.captures, *operands],
            of_consts=len(of.captures), forward_consts=len(fwd.captures), backward_consts=len(bwd.captures),
        )  # fmt: skip
        for r, w in zip(results, of.weak):
            r.weak_type = w
        return results

    def _forward_outputs(self, result: Any, flat: Flat, of: Any, residual_def: list) -> list:
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise CustomRuleError(
                errors.explain(f"the forward rule of {self.label} must give a pair (result, residuals)", user_line())
            )
        outs, out_def = tree.tree_flatten(result[0])
        if out_def != flat.treedef:
            raise CustomRuleError(
                errors.explain(
                    f"the forward rule of {self.label} must give a result of the function's structure {flat.treedef}, "
                    f"got {out_def}",
                    user_line(),
                )
            )
        residuals, treedef = operands_of(result[1], self.label)
        residual_def[:] = [treedef]
        what = f"a result of the forward rule of {self.label}"
        outs = [fit(operand(x, self.label), a, what) for x, a in zip(outs, of.outputs)]
        return [*outs, *residuals]

    def _backward_outputs(self, grads: Any, treedef: Any, avals: Sequence[Any]) -> list:
        children = tree.treedef_children(treedef)
        if isinstance(grads, list):
            grads = tuple(grads)
        if not isinstance(grads, tuple) or len(grads) != len(children):
            got = f"{len(grads)} cotangents" if isinstance(grads, tuple) else f"a {type(grads).__name__}"
            raise CustomRuleError(
                errors.explain(
                    f"the backward rule of {self.label} must give a tuple of {len(children)} cotangents, one an "
                    f"argument, got {got}",
                    user_line(),
                )
            )
        flat = [g for grad, child in zip(grads, children) for g in self._cotangents(grad, child)]
        what = f"a cotangent of the backward rule of {self.label}"
        result = []
        for g, a in zip(flat, avals):
            if av.is_inexact(a.dtype):
                result.append(np.zeros(a.shape, a.dtype) if g is None else fit(operand(g, self.label), a, what))
        return result

    def _cotangents(self, grad: Any, child: Any) -> list:
        """The cotangents of one argument's leaves; `None` stands for zeros, of a leaf or of a whole subtree."""
        places = tree.tree_unflatten(child, range(child.num_leaves))
        try:
            found = tree.broadcast_prefix(grad, places, is_leaf=lambda x: x is None)
            given = sum(g is not None for g in found)
            if given != len(tree.tree_leaves(grad)):  # one array for several leaves
                raise errors.PyTreeError
        except errors.PyTreeError:
            raise CustomRuleError(
                errors.explain(
                    f"the backward rule of {self.label} must give cotangents of the argument's structure {child}, "
                    f"got {tree.tree_structure(grad)}",
                    user_line(),
                )
            ) from None
        return found
