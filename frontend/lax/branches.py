"""Branches: `cond` and `switch`.

Every branch is traced once, as a function of the current program; the combinator `cond` runs one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
from axil.config import config
from axil.core import run_traced, state, trace_function
from axil.custom_derivatives import share_captures
from axil.dialects import avals as av
from axil.lax.carries import avals_of, check_structure, converted, leaf_names, weak_of, with_weak
from axil.operands import ArgumentError, Flat, check_callable, function_name, is_arraylike, operands_of, symbol
from axil.source import user_line

_MISSING = object()


def _refuse(message: str, *ways_out: str, kind: type = errors.AxilTypeError) -> Any:
    raise kind(errors.explain(message, user_line(), ways_out=ways_out))


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any, **kwargs: Any) -> Any:
    """`true_fun(*operands)` if the boolean scalar `pred` holds, else `false_fun(*operands)`; one of them runs.

    A number holds where it is not 0. The functions give trees of one structure with equal shapes and dtypes; weakly
    typed results give way to others. The operand may be given as `operand=`. JAX's old form
    `cond(pred, true_operand, true_fun, false_operand, false_fun)` is understood. Under `vmap` over `pred` both run.
    """
    if not callable(true_fun) and callable(false_fun) and len(operands) == 2 and callable(operands[1]):
        return _cond_of_two_operands(pred, true_fun, false_fun, *operands)
    for fun in (true_fun, false_fun):
        check_callable(fun, "cond")
    operands = _operands("cond", operands, kwargs)
    if kwargs:
        _refuse(f"cond does not take the options {', '.join(kwargs)}", kind=ArgumentError)
    pred = _predicate(pred)
    if config.disable_jit and _is_known(pred):
        return true_fun(*operands) if pred else false_fun(*operands)
    if not av.is_bool(pred.aval.dtype):
        pred = pred != 0
    names = [f"false_fun {function_name(false_fun)}", f"true_fun {function_name(true_fun)}"]
    return _switch("cond", converted(pred, np.int32), [false_fun, true_fun], names, operands)


def _cond_of_two_operands(pred: Any, a: Any, true_fun: Any, b: Any, false_fun: Any) -> Any:
    return cond(pred, lambda ab: true_fun(ab[0]), lambda ab: false_fun(ab[1]), (a, b))


def _operands(name: str, operands: tuple, kwargs: dict) -> tuple:
    """The operands, given by position or by the keyword; `linear`, JAX's, has no effect."""
    kwargs.pop("linear", None)
    given = kwargs.pop("operand", _MISSING)
    if given is _MISSING:
        return operands
    if operands:
        _refuse(f"{name}: operands are given by position or as operand=, not both", kind=ArgumentError)
    return (given,)


def _predicate(pred: Any) -> Any:
    from axil.numpy import asarray

    if not is_arraylike(pred):
        _refuse(f"cond: the predicate must be a boolean or a number, got {_short(pred)} of type {type(pred).__name__}")
    pred = asarray(pred)
    if pred.aval.shape:
        _refuse(f"cond: the predicate must be a scalar, got {pred.aval}",
                "use axil.numpy.where to choose element by element", "or vmap the function")  # fmt: skip
    if av.is_complex(pred.aval.dtype):
        _refuse(f"cond: the predicate must be a boolean or a real number, got {pred.aval}")
    return pred


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_known(x: Any) -> bool:
    """Whether a value is, or can be, computed now."""
    try:
        np.asarray(x)
    except errors.TracerArrayConversionError:
        return False
    return True


def switch(
    index: Any, branches: Sequence[Callable[..., Any]], *operands: Any, operand: Any = _MISSING
) -> Any:  # fmt: skip
    """`branches[index](*operands)`, the index clamped to the range; one branch runs.

    The branches give trees of one structure with equal shapes and dtypes. Under `vmap` over `index` all run.
    """
    if not isinstance(branches, Sequence) or not all(callable(b) for b in branches):
        _refuse(f"switch: branches must be a sequence of functions, got {_short(branches)}")
    if not branches:
        _refuse("switch: branches must not be empty", kind=ArgumentError)
    operands = _operands("switch", operands, {} if operand is _MISSING else {"operand": operand})
    from axil.numpy import asarray, clip

    if not is_arraylike(index):
        _refuse(f"switch: the index must be an integer, got {_short(index)} of type {type(index).__name__}")
    index = asarray(index)
    if index.aval.shape or not av.is_integer(index.aval.dtype):
        _refuse(f"switch: the index must be an integer scalar, got {index.aval}")
    if config.disable_jit and _is_known(index):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    if len(branches) == 1:
        return branches[0](*operands)
    clamped = clip(index, 0, min(len(branches) - 1, np.iinfo(index.aval.dtype).max))
    names = [f"branch {i} ({function_name(b)})" for i, b in enumerate(branches)]
    return _switch("switch", converted(clamped, np.int32), list(branches), names, operands)


# ---- what the two share --------------------------------------------------------------------------------


def _switch(name: str, index: Any, branches: list, names: list[str], operands: tuple) -> Any:
    leaves, treedef = operands_of(operands, name)
    flats = [Flat(b, lambda v: (pytrees.tree_unflatten(treedef, v), {}), name) for b in branches]
    results = run_traced("", lambda i, *ops: _emit(name, names, flats, i, ops), [index, *leaves])
    return flats[0].unflatten(results)


def _emit(name: str, names: list[str], flats: list[Flat], index: Any, operands: Sequence[Any]) -> list:
    trace = state.trace
    assert trace is not None
    avals, weak = avals_of(operands), weak_of(operands)
    traced = [trace_function(f"{name}({function_name(f.fun)})", symbol(f.fun), f, avals, weak) for f in flats]
    for i in range(1, len(flats)):
        _check_agreement(name, (names[0], names[i]), (flats[0], flats[i]), (traced[0], traced[i]))
    traced = _same_dtypes(name, names, traced, flats, avals, weak)
    *functions, captures = share_captures(trace, *traced)
    results = trace.call_site("cond", functions, [index, *captures, *operands])
    return with_weak(results, [all(w) for w in zip(*[t.weak for t in traced])])


def _check_agreement(name: str, names: tuple[str, str], flats: tuple[Flat, Flat], traced: tuple[Any, Any]) -> None:
    """Raise an error where two branches differ in the structure or the shapes of their results."""
    a, b = flats
    check_structure(a.treedef, b.treedef, f"{name}: branches must give the same structure", names)
    pairs = list(zip(leaf_names(a.treedef, "result"), traced[0].outputs, traced[1].outputs))
    wrong = [(leaf, x, y) for leaf, x, y in pairs if x.shape != y.shape]
    if wrong:
        lines = [f"  {leaf} is {x} from {names[0]} and {y} from {names[1]}" for leaf, x, y in wrong]
        _refuse(f"{name}: branches must give the same shapes and dtypes\n" + "\n".join(lines))


def _promoted(a: tuple, b: tuple) -> tuple:
    """The dtype and weakness of two, each a pair of dtype and weakness."""
    return dtypes.promote_types(*a, *b)


def _same_dtypes(name: str, names: list[str], traced: list, flats: list[Flat], avals: list, weak: list) -> list:
    """Branches' results may differ in dtype only where weakly typed ones give way."""
    wanted = []
    for k, column in enumerate(zip(*[[(a.dtype, w) for a, w in zip(t.outputs, t.weak)] for t in traced])):
        strong = {d for d, w in column if not w}
        common = functools.reduce(_promoted, column)[0] if len(strong) <= 1 else None
        if strong and common not in strong:
            leaf = leaf_names(flats[0].treedef, "result")[k]
            given = " and ".join(f"{dtypes.short_name(d)} from {n}" for (d, _), n in zip(column, names))
            _refuse(f"{name}: branches must give the same dtypes, and {leaf} is {given}",
                    "convert one with .astype(...)")  # fmt: skip
        wanted.append(common)
    result = []
    for t, f in zip(traced, flats):
        if [a.dtype for a in t.outputs] != wanted:

            def adapted(*leaves: Any, f: Flat = f) -> list:
                return [x if x.aval.dtype == d else converted(x, d) for x, d in zip(f(*leaves), wanted)]

            t = trace_function(f"{name}({function_name(f.fun)})", symbol(f.fun), adapted, avals, weak)
        result.append(t)
    return result


__all__ = ["cond", "switch"]
