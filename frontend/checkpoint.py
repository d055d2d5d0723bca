"""`checkpoint`: compute a function's intermediate values again in the backward pass instead of keeping them.

`axil.checkpoint` is both this module and the function (`from axil.checkpoint import checkpoint` and
`axil.checkpoint(f)`), as in the guide. What is kept all the same is up to a policy: see `axil.checkpoint_policies`.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from axil import checkpoint_policies, errors, pytrees
from axil.core import state, trace_function
from axil.float0_values import flatten_values
from axil.operands import Flat, check_callable, function_name, is_arraylike, normalize_argnums, operand, symbol
from axil.source import user_line

_NOT_GIVEN: Any = object()


def checkpoint(
    fun: Callable[..., Any], *, prevent_cse: bool | Sequence[bool] = True, policy: Callable[..., Any] | None = None,
    static_argnums: int | Sequence[int] = (), static_argnames: str | Iterable[str] = (), concrete: Any = _NOT_GIVEN,
) -> Callable[..., Any]:  # fmt: skip
    """`fun` with its intermediate values recomputed in the backward pass: less memory, more arithmetic.

    Values are the same. `policy(prim, *avals, **params)` says of each operation whether its results are kept; `None`
    keeps none. `axil.checkpoint_policies` has policies, and names that they go by come from
    `axil.ad_checkpoint.checkpoint_name`. `static_argnums` and `static_argnames` reach `fun` as they are.
    `prevent_cse=False` lets the compiler merge the recomputation with the first run where it can, which inside a loop
    it cannot. Raises `TypeError` for a policy that is not a function, `ValueError` for arguments that are not there.
    """
    check_callable(fun, "checkpoint")
    if concrete is not _NOT_GIVEN:
        raise _ConcreteError(
            errors.explain("checkpoint has no option 'concrete'", user_line(), ways_out=["use static_argnums instead"])
        )
    if policy is not None and not callable(policy):
        raise errors.AxilTypeError(
            errors.explain(
                f"checkpoint takes a policy such as axil.checkpoint_policies.dots_saveable, got {policy!r}", user_line()
            )
        )
    if any(policy is maker for maker in _MAKERS):
        name = f"checkpoint_policies.{function_name(policy)}"
        raise errors.AxilTypeError(
            errors.explain(f"{name} makes a policy and is none itself", user_line(),
                           ways_out=[f"call it: policy=axil.{name}(...)"])  # fmt: skip
        )
    static = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    options = _Options(f"checkpoint({function_name(fun)})", policy, _prevents(prevent_cse))

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        fixed = set(normalize_argnums(static, len(args), f"{options.label}: static_argnums"))
        free = {k: v for k, v in kwargs.items() if k not in names}
        leaves, treedef = flatten_values(([a for i, a in enumerate(args) if i not in fixed], free))
        which = [i for i, x in enumerate(leaves) if is_arraylike(x)]

        def rebuild(values: Sequence[Any]) -> tuple[Any, Any]:
            new = list(leaves)
            for i, v in zip(which, values):
                new[i] = v
            positional, named = pytrees.tree_unflatten(treedef, new)
            rest = iter(positional)
            return [args[i] if i in fixed else next(rest) for i in range(len(args))], {**kwargs, **named}

        flat = Flat(fun, rebuild, options.label)
        operands = [operand(leaves[i], options.label) for i in which]
        if state.trace is None:  # nothing is differentiated
            return flat.unflatten(flat(*operands))
        return flat.unflatten(_emit(flat, options, operands))

    return wrapped


class _ConcreteError(errors.AxilTypeError, NotImplementedError):
    """An option that JAX has taken away."""


_MAKERS = [getattr(checkpoint_policies, n) for n in checkpoint_policies.__all__ if n.startswith(("save_", "offload_"))]


class _Options:
    """What a checkpointed function was told."""

    def __init__(self, label: str, policy: Callable[..., Any] | None, prevent_cse: bool) -> None:
        self.label = label
        self.policy = policy
        self.prevent_cse = prevent_cse


def _prevents(prevent_cse: Any) -> bool:
    """JAX takes a bool for each argument too; barriers cost little here, and one for all serves."""
    if isinstance(prevent_cse, Sequence) and all(isinstance(p, bool) for p in prevent_cse):
        return any(prevent_cse)
    if not isinstance(prevent_cse, bool):
        raise errors.AxilTypeError(
            errors.explain(f"checkpoint: prevent_cse must be a bool or a tuple of bools, got {prevent_cse!r}",
                           user_line())  # fmt: skip
        )
    return prevent_cse


def _emit(flat: Flat, options: _Options, operands: Sequence[Any]) -> list:
    from axil.dialects.combinators import policies

    trace = state.trace
    assert trace is not None
    avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
    traced = trace_function(options.label, symbol(flat.fun), flat, avals, weak, operands)
    parameters: dict[str, Any] = {}
    if options.policy is not None:
        parameters["policy"] = policies.to_text(trace.program.functions, options.policy)
    if not options.prevent_cse:
        parameters["prevent_cse"] = False
    results = trace.call_site("checkpoint", [traced.name], [*traced.captures, *operands], **parameters)
    for r, w in zip(results, traced.weak):
        r.weak_type = w
    return results


remat = checkpoint


class _CallableModule(types.ModuleType):
    """A module that can be called as the function of its name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return checkpoint(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
