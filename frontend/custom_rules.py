"""What `custom_jvp` and `custom_vjp` share: calling, splitting arguments, and checking what rules give.

Arguments listed in `nondiff_argnums` or `nondiff_argnames` reach the function and its rules as they are, first, and are
not differentiated.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from axil import dtypes, errors, pytrees
from axil.core import Traced, run_traced, state, trace_function
from axil.dialects import avals as av
from axil.operands import Flat, check_callable, function_name, normalize_argnums, operands_of, symbol
from axil.source import user_line


class CustomRuleError(errors.AxilTypeError):
    """A custom rule is missing, or does not give what it should."""


def rule_error(text: str, *ways_out: str) -> CustomRuleError:
    """The error for a rule, with the user's line."""
    return CustomRuleError(errors.explain(text, user_line(), ways_out=list(ways_out)))


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def positional(fun: Any, signature: inspect.Signature | None, label: str, args: tuple, kwargs: dict) -> tuple:
    """All arguments by position, defaults filled in: rules know no keywords."""
    if signature is None:
        if kwargs:
            raise rule_error(f"{label} takes arguments by position only: {function_name(fun)} has no signature")
        return args
    parameters = signature.parameters
    if not kwargs and len(args) == len(parameters) and all(p.kind in _BY_POSITION for p in parameters.values()):
        return args  # the common case: nothing to fill in
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as e:
        raise rule_error(f"{label}: {e}") from None
    bound.apply_defaults()
    if bound.kwargs:
        raise rule_error(f"{label} does not take keyword-only arguments: {list(bound.kwargs)}")
    return bound.args


def signature_of(fun: Any) -> inspect.Signature | None:
    """The signature of a function, `None` for those without one, such as NumPy's."""
    try:
        return inspect.signature(fun)
    except (TypeError, ValueError):
        return None


class CustomFunction:
    """A function with derivative rules of the user's."""

    def __init__(
        self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = (),
        nondiff_argnames: str | Sequence[str] = (),
    ) -> None:  # fmt: skip
        check_callable(fun, type(self).__name__)
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.label = f"{type(self).__name__}({function_name(fun)})"
        self.signature = signature_of(fun)
        numbers = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        names = (nondiff_argnames,) if isinstance(nondiff_argnames, str) else tuple(nondiff_argnames)
        self.nondiff_argnums = (*numbers, *[i for i in map(self._position, names) if i not in numbers])

    def _position(self, name: str) -> int:
        names = [] if self.signature is None else list(self.signature.parameters)
        if name not in names:
            raise rule_error(f"{self.label}: nondiff_argnames names {name!r}, which is none of {', '.join(names)}")
        return names.index(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = positional(self.fun, self.signature, self.label, args, kwargs)
        self._check_rules()
        nondiff = set(normalize_argnums(self.nondiff_argnums, len(args), f"{self.label}: nondiff_argnums"))
        static = [args[i] for i in sorted(nondiff)]
        operands, treedef = operands_of(tuple(a for i, a in enumerate(args) if i not in nondiff), self.label)

        def rebuild(leaves: Sequence[Any]) -> tuple[Any, Any]:
            rest = iter(pytrees.tree_unflatten(treedef, leaves))
            return [args[i] if i in nondiff else next(rest) for i in range(len(args))], {}

        flat = Flat(self.fun, rebuild, self.label)
        if not _differentiated():
            return flat.unflatten(flat(*operands))
        return flat.unflatten(run_traced("", lambda *ops: self._emit(flat, static, treedef, ops), operands))

    def _check_rules(self) -> None:
        raise NotImplementedError  # of each kind

    def _emit(self, flat: Flat, static: list, treedef: Any, operands: Sequence[Any]) -> list:
        raise NotImplementedError  # of each kind

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _trace(
        self, name: str, function: Any, avals: Sequence[Any], weak: Sequence[bool], sources: Any = (),
        role: str = "rule",
    ) -> Traced:  # fmt: skip
        """Trace the function or one of its rules into the current program."""
        return trace_function(self.label, f"{symbol(self.fun)}{name}", function, avals, weak, sources, role)


def _differentiated() -> bool:
    """Whether a call may be differentiated. If not, the function alone is enough.

    A rule that calls its own function is traced once for each derivative that the transformations around it take, and
    the innermost of these calls needs no rule: otherwise tracing would never end.
    """
    trace = state.trace
    return trace is not None and not (trace.in_rule and trace.order == 0)


# ---- what rules give -----------------------------------------------------------------------------------


def rule_name(rule: Any, of: str, kind: str = "rule") -> str:
    """A rule, as messages call it."""
    return f"the {kind} {function_name(rule)} of {of}"


def check_pair(value: Any, rule: str, what: str) -> None:
    """Raise where a rule does not give a pair."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        got = f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, (tuple, list, dict)) else "")
        raise rule_error(f"{rule} must give a pair ({what}), got {got}: {value!r}")


def check_structure(rule: str, what: str, wanted: Any, given: Any) -> None:
    """Raise where a rule gives a tree of another structure, with both structures."""
    if wanted != given:
        raise rule_error(
            f"{rule} must give {what} of the structure\n  {wanted}\nbut gives\n  {given}"
        )


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
        raise rule_error(f"{what} must be {of}, got {given}")
    return x


def mark_weak(results: Sequence[Any], weak: Sequence[bool]) -> list:
    """Results with the weak types of the function they stand for."""
    for r, w in zip(results, weak):
        r.weak_type = w
    return list(results)


def inexact(avals: Sequence[Any]) -> list[bool]:
    """Which values have tangents."""
    return [av.is_inexact(a.dtype) for a in avals]


# ---- captures ------------------------------------------------------------------------------------------


def share_captures(trace: Any, *traced: Any) -> tuple:
    """Give several traced functions the same leading captures; their names, and the captures."""
    captures = union([c for t in traced for c in t.captures])
    return (*[with_captures(trace, t, captures) for t in traced], captures)


def union(values: Sequence[Any]) -> list:
    """Each value once, in order of first occurrence."""
    return list({id(v): v for v in values}.values())


def with_captures(trace: Any, traced: Any, captures: Sequence[Any]) -> str:
    """The name of a function as `traced`, that takes all of `captures` first, its own among them."""
    if [id(c) for c in traced.captures] == [id(c) for c in captures]:
        return traced.name
    functions = trace.program.functions
    index = {id(c): i for i, c in enumerate(captures)}
    own = [index[id(c)] for c in traced.captures]
    inputs = [*[c.aval for c in captures], *functions.signature(traced.name).inputs[len(own) :]]
    with trace.program.context, trace.program.ir.Location.unknown():
        return functions.build(
            traced.name, inputs, lambda *a: functions.call(traced.name, [*[a[i] for i in own], *a[len(captures) :]])
        )


__all__ = [
    "CustomFunction", "CustomRuleError", "check_pair", "check_structure", "fit", "inexact", "mark_weak", "positional",
    "rule_error", "rule_name", "share_captures", "signature_of", "union", "with_captures",
]  # fmt: skip
