"""`checkpoint`: compute a function's intermediate values again in the backward pass instead of keeping them.

`axil.checkpoint` is both this module and the function (`from axil.checkpoint import checkpoint` and
`axil.checkpoint(f)`), as in the guide.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from axil import tree
from axil.core import state, trace_function
from axil.operands import Flat, check_callable, function_name, is_arraylike, normalize_argnums, operand, symbol


def checkpoint(
    fun: Callable[..., Any], *, prevent_cse: bool = True, policy: Any = None, static_argnums: int | Sequence[int] = ()
) -> Callable[..., Any]:
    """`fun` with its intermediate values recomputed in the backward pass: less memory, more arithmetic.

    Values are the same. `static_argnums` reach `fun` as they are. Policies that choose what is kept are not
    available: only `None`, keep nothing.
    """
    check_callable(fun, "checkpoint")
    if policy is not None:
        raise NotImplementedError("checkpoint policies are not available; with policy=None nothing is kept")
    static = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    label = f"checkpoint({function_name(fun)})"

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        fixed = set(normalize_argnums(static, len(args), label))
        leaves, treedef = tree.tree_flatten(([a for i, a in enumerate(args) if i not in fixed], kwargs))
        which = [i for i, x in enumerate(leaves) if is_arraylike(x)]

        def rebuild(values: Sequence[Any]) -> tuple[Any, Any]:
            new = list(leaves)
            for i, v in zip(which, values):
                new[i] = v
            positional, named = tree.tree_unflatten(treedef, new)
            rest = iter(positional)
            return [args[i] if i in fixed else next(rest) for i in range(len(args))], named

        flat = Flat(fun, rebuild, label)
        operands = [operand(leaves[i], label) for i in which]
        if state.trace is None:  # nothing is differentiated
            return flat.unflatten(flat(*operands))
        return flat.unflatten(_emit(flat, label, operands))

    return wrapped


def _emit(flat: Flat, label: str, operands: Sequence[Any]) -> list:
    trace = state.trace
    assert trace is not None
    avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
    traced = trace_function(label, symbol(flat.fun), flat, avals, weak, operands)
    results = trace.call_site("checkpoint", [traced.name], [*traced.captures, *operands])
    for r, w in zip(results, traced.weak):
        r.weak_type = w
    return results


remat = checkpoint


class _CallableModule(types.ModuleType):
    """A module that can be called as the function of its name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return checkpoint(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
