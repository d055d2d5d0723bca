"""Calling Python functions from within traced functions: `pure_callback`, `io_callback`, and what they share.

Outside a trace the function is called at once. In a trace a `host_call` is recorded, and the function is called when
the program runs, in the interpreter or compiled.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
from axil.core import RULE_ERRORS, Array, concrete_array, make_array, state, user_error
from axil.dialects import host_functions
from axil.dialects.avals import Aval, aval
from axil.dialects.combinators.host_call import VMAP_METHODS
from axil.operands import ArgumentError, check_callable, function_name, is_arraylike, operand
from axil.source import Location, SourceLine, user_line, user_location


class CallbackError(errors.AxilRuntimeError, TypeError, ValueError):
    """A callback gave results of other shapes, dtypes or number than it was declared to give."""


def pure_callback(
    callback: Callable[..., Any], result_shape_dtypes: Any, *args: Any, sharding: Any = None,
    vmap_method: str | None = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Call a Python function without side effects from within a traced function.

    `callback` gets the arrays of `args` and `kwargs` and gives a tree of arrays with the shapes and dtypes of
    `result_shape_dtypes`, whose leaves have `shape` and `dtype` (such as `axil.ShapeDtypeStruct`). As it is taken to
    be pure, it may be called more than once, or not at all where nothing needs its result.

    `vmap_method` says how it takes a batch: "sequential" and "sequential_unrolled" call it for each example;
    "expand_dims" and "broadcast_all" call it once, with a leading batch dimension on operands and results, which is
    1 or tiled where an operand is not mapped; "legacy_vectorized" leaves such operands alone. It has no derivative:
    use `custom_jvp` or `custom_vjp` around it.
    """
    check_callable(callback, "pure_callback")
    _check_sharding("pure_callback", sharding)
    if vmap_method is not None and vmap_method not in VMAP_METHODS:
        raise ArgumentError(
            errors.explain(
                f"pure_callback: vmap_method must be one of {', '.join(VMAP_METHODS)} or None, got {vmap_method!r}",
                user_line(),
            )
        )
    return _call("pure_callback", callback, result_shape_dtypes, args, kwargs, "pure", False, vmap_method or "")


def io_callback(
    callback: Callable[..., Any], result_shape_dtypes: Any, *args: Any, sharding: Any = None, ordered: bool = False,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Call a Python function with side effects from within a traced function: once each time the program gets there.

    As `pure_callback`, but the call is kept where nothing needs its result, and calls are made in the order of the
    program. Under `vmap` there is a call for each example; an `ordered` callback refuses that. It has no derivative.
    """
    check_callable(callback, "io_callback")
    _check_sharding("io_callback", sharding)
    return _call("io_callback", callback, result_shape_dtypes, args, kwargs, "io", bool(ordered), "")


def effects_barrier() -> None:
    """Wait until the side effects of all programs that were started have happened.

    Programs run to their end before a call returns, and with them their callbacks, so there is nothing to wait for;
    code that was written for asynchronous execution may call this all the same.
    """


def _check_sharding(where: str, sharding: Any) -> None:
    if sharding is not None:
        raise NotImplementedError(
            f"{where}: sharding chooses one of several devices to call from, and programs run on one; leave it out"
        )


def _call(
    where: str, callback: Any, result_shape_dtypes: Any, args: Any, kwargs: Any, kind: str, ordered: bool, method: str
) -> Any:  # fmt: skip
    leaves, treedef = pytrees.tree_flatten((args, kwargs))
    name = function_name(callback)
    operands = [operand(x, f"{where} of '{name}'") for x in leaves]
    wanted, out_tree = pytrees.tree_flatten(result_shape_dtypes)
    outputs = [_result_aval(x, where) for x in wanted]
    place = user_location()
    function = PythonFunction(where, callback, treedef, place)
    key = (where, identity(callback), treedef, place)
    registered = host_functions.register(name, function, key)
    return pytrees.tree_unflatten(out_tree, host_call(registered, operands, outputs, kind, ordered, method))


def _result_aval(x: Any, where: str) -> Aval:
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise ArgumentError(
            errors.explain(
                f"{where}: result_shape_dtypes must have leaves with a shape and a dtype, got {x!r}", user_line(),
                ways_out=["use axil.ShapeDtypeStruct(shape, dtype)"],
            )  # fmt: skip
        )
    dtype = np.dtype(x.dtype)
    if dtypes.canonicalize_dtype(dtype) != dtype:
        raise ArgumentError(
            errors.explain(
                f"{where}: a result of dtype {dtype} needs 64-bit types, which are off", user_line(),
                ways_out=[f"declare {dtypes.canonicalize_dtype(dtype)}", "or turn them on: axil.enable_x64(True)"],
            )  # fmt: skip
        )
    return aval(tuple(x.shape), dtype)


# ---- host functions ------------------------------------------------------------------------------------


class PythonFunction:
    """A user's function over trees as a host function: over flat NumPy arrays.

    `static` are leaves of its arguments that are no arrays, by position.
    """

    def __init__(
        self, where: str, fun: Callable[..., Any], treedef: Any, place: Location, static: dict[int, Any] | None = None
    ) -> None:
        self.where = where
        self.fun = fun
        self.treedef = treedef
        self.place = place
        self.static = static or {}

    def __call__(self, operands: Sequence[np.ndarray], outputs: Sequence[Aval]) -> list:
        outer, state.trace = state.trace, None  # the function runs now, whatever is being traced around it
        sizes, state.axis_sizes = state.axis_sizes, {}
        try:
            args, kwargs = pytrees.tree_unflatten(self.treedef, self._leaves(operands))
            leaves = pytrees.tree_leaves(self.fun(*args, **kwargs))
            return self._results(leaves, outputs)
        except BaseException as e:
            self._note(e)
            raise
        finally:
            state.trace, state.axis_sizes = outer, sizes

    def _leaves(self, operands: Sequence[np.ndarray]) -> list:
        arrays = (make_array(x, aval(x.shape, x.dtype)) for x in operands)
        count = len(operands) + len(self.static)
        return [self.static[i] if i in self.static else next(arrays) for i in range(count)]

    def _results(self, leaves: Sequence[Any], outputs: Sequence[Aval]) -> list:
        name = function_name(self.fun)
        if len(leaves) != len(outputs):
            raise CallbackError(
                f"{self.where}: '{name}' gave {_counted(leaves)}, and {len(outputs)} were declared in "
                "result_shape_dtypes"
            )
        return [self._result(i, x, a, name) for i, (x, a) in enumerate(zip(leaves, outputs))]

    def _result(self, number: int, x: Any, wanted: Aval, name: str) -> np.ndarray:
        value = x._numpy if type(x) is Array else np.asarray(x)
        if value.dtype != wanted.dtype:  # Python numbers, and NumPy's results of them, are wider than they need be
            value = value.astype(dtypes.canonicalize_dtype(value.dtype), copy=False)
        if value.shape != wanted.shape or value.dtype != wanted.dtype:
            raise CallbackError(
                errors.explain(
                    f"{self.where}: '{name}' gave {dtypes.aval_text(value.shape, value.dtype)} as result {number}, and "
                    f"{wanted} was declared in result_shape_dtypes",
                    ways_out=["declare what the function gives",
                              f"or convert in the function: np.asarray(result, {wanted.dtype.name!r})"],
                )  # fmt: skip
            )
        return value

    def _note(self, error: BaseException) -> None:
        """Say on an exception of the user's function where the call of it is written, once."""
        note = f"raised in a callback, the {self.where} of '{function_name(self.fun)}'\n"
        note += SourceLine.at(self.place).excerpt()
        example = host_functions.current_example()
        if example:
            note += f"\n  called for example {example_text(example)} of vmap"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def example_text(example: tuple[int, ...]) -> str:
    """Which example of one batch, or of several inside one another."""
    return str(example[0]) if len(example) == 1 else str(example)


def _counted(leaves: Sequence[Any]) -> str:
    return "1 result" if len(leaves) == 1 else f"{len(leaves)} results"


def identity(fun: Any) -> Hashable:
    """What makes two functions the same: a lambda without a closure is made anew each time its line runs.

    The `id`s are those of objects that the function holds, and mean something as long as it lives.
    """
    if type(fun) is types.FunctionType:
        parts = [fun.__code__, fun.__globals__, *(fun.__closure__ or ()), *(fun.__defaults__ or ())]
        keywords = fun.__kwdefaults__ or {}
        return ("function", *map(id, parts), *[(k, id(v)) for k, v in keywords.items()])
    if type(fun) is types.MethodType:
        return ("method", id(fun.__func__), id(fun.__self__))
    if type(fun) is functools.partial:
        return ("partial", identity(fun.func), *map(id, fun.args), *[(k, id(v)) for k, v in fun.keywords.items()])
    return ("object", id(fun))


def split_leaves(leaves: Sequence[Any], where: str) -> tuple[list[Any], dict[int, Any]]:
    """Leaves that are arrays, as operands, and the others, which reach a callback as they are, by position."""
    arrays, static = [], {}
    for i, x in enumerate(leaves):
        if is_arraylike(x):
            arrays.append(operand(x, where))
        else:
            static[i] = x
    return arrays, static


# ---- calls ---------------------------------------------------------------------------------------------


def host_call(
    function: host_functions.HostFunction, operands: Sequence[Any], outputs: Sequence[Aval], kind: str,
    ordered: bool = False, vmap_method: str = "",
) -> list[Any]:  # fmt: skip
    """Call a host function on operands now, or record the call in the trace that is being filled."""
    trace = state.trace
    if trace is None:
        arrays = [concrete_array(x) for x in operands]
        try:
            values = function.call([x._numpy for x in arrays], outputs)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        return [make_array(np.array(v), a) for v, a in zip(values, outputs)]  # the user may change theirs
    inputs = tuple(x.aval for x in operands)
    results = trace.call_site(
        "host_call", [], operands, host=function.handle, type=(inputs, tuple(outputs)), kind=kind, ordered=ordered,
        vmap_method=vmap_method, sizes=(), mapped=(),
    )  # fmt: skip
    if trace.concrete and not trace.program.uses_jit:
        trace.catch_up()  # so that what it prints comes between what Python prints before and after it
    return results


__all__ = [
    "CallbackError", "PythonFunction", "effects_barrier", "example_text", "host_call", "identity", "io_callback",
    "pure_callback", "split_leaves",
]  # fmt: skip
