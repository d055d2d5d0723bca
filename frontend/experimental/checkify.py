"""Errors that depend on values, in programs that are compiled: `checkify` makes them results.

`check(predicate, message, values...)` raises at once where the program is evaluated; a compiled program cannot raise.
`err, out = checkify(f, errors)(x)` gives the first error that happened as a value, from the checks in `f` and, as
`errors` says, from checks of every operation: NaN, division by zero, indices out of bounds. `err.throw()` raises it.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from axil import errors as user_errors
from axil import pytrees
from axil.core import (
    RULE_ERRORS,
    Array,
    Tracer,
    bind,
    make_array,
    run_traced,
    state,
    trace_function,
    user_error,
    user_place,
)
from axil.dialects import effects
from axil.dialects.avals import aval, is_bool
from axil.dialects.effects import Message
from axil.dialects.op import Failure
from axil.errors import JaxRuntimeError
from axil.experimental.checked_errors import (
    CheckedException,
    CheckError,
    DivisionByZeroError,
    Error,
    FailedCheckError,
    NaNError,
    OOBError,
    error_of,
    exception_of,
    init_error,
)
from axil.operands import Flat, check_callable, function_name, operand, symbol
from axil.source import user_line

ErrorCategory = type[CheckedException]
"""A kind of error, which is the class of its exception."""

user_checks = frozenset({FailedCheckError})
nan_checks = frozenset({NaNError})
index_checks = frozenset({OOBError})
div_checks = frozenset({DivisionByZeroError})
float_checks = nan_checks | div_checks
automatic_checks = float_checks | index_checks
all_checks = automatic_checks | user_checks


def checkify(
    f: Callable[..., Any], errors: frozenset[ErrorCategory] = user_checks
) -> Callable[..., tuple[Error, Any]]:  # fmt: skip
    """A function that gives the first error of `f` as an `Error`, and then its result.

    `errors` are the kinds that are looked for: `user_checks` (calls of `check`), `nan_checks` (an operation gave a
    NaN), `div_checks` (a divisor was zero), `index_checks` (an index was out of bounds), and unions of
    them. The result is computed whether there was an error or not.
    """
    check_callable(f, "checkify")
    categories = _categories(errors)
    label = f"checkify({function_name(f)})"

    @functools.wraps(f)
    def checked(*args: Any, **kwargs: Any) -> tuple[Error, Any]:
        leaves, treedef = pytrees.tree_flatten((args, kwargs))
        places = [i for i, x in enumerate(leaves) if isinstance(x, (Array, Tracer, np.ndarray, np.generic))]

        def rebuild(values: Sequence[Any]) -> tuple[Any, Any]:
            new = list(leaves)
            for i, v in zip(places, values):
                new[i] = v
            return pytrees.tree_unflatten(treedef, new)

        flat = Flat(f, rebuild, label)
        emit = _Emitted(flat, label, categories)
        results = run_traced("", emit, [operand(leaves[i], label) for i in places])
        n = flat.treedef.num_leaves
        error = Error(results[n], results[n + 1 :], emit.messages) if emit.messages else init_error
        return error, flat.unflatten(results[:n])

    return checked


class _Emitted:
    """The call of a checkified function; it remembers the messages."""

    def __init__(self, flat: Flat, label: str, categories: tuple[str, ...]) -> None:
        self.flat = flat
        self.label = label
        self.categories = categories
        self.messages: tuple[Message, ...] = ()

    def __call__(self, *operands: Any) -> list[Any]:
        trace = state.trace
        assert trace is not None
        avals, weak = [x.aval for x in operands], [x.weak_type for x in operands]
        traced = trace_function(self.label, symbol(self.flat.fun), self.flat, avals, weak, operands, "checkify")
        functions = trace.program.functions
        try:
            with trace.program.context, trace.program.ir.Location.unknown():
                derived = functions.checkify(traced.name, self.categories)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        self.messages = derived.messages
        return trace.call(derived.function, [*traced.captures, *operands], traced.weak)


def _categories(errors: Any) -> tuple[str, ...]:
    try:
        kinds = list(errors)
        return tuple(sorted({kind.category for kind in kinds}))
    except (TypeError, AttributeError):
        raise user_errors.AxilTypeError(
            user_errors.explain(
                f"checkify takes `errors` as a set of kinds of errors, got {errors!r}", user_line(),
                ways_out=["use one of checkify.user_checks, nan_checks, div_checks, index_checks, or a union of them: "
                          "errors=checkify.float_checks | checkify.user_checks"],
            )  # fmt: skip
        ) from None


# ---- checks --------------------------------------------------------------------------------------------


def check(pred: Any, msg: str, *fmt_args: Any, debug: bool = False, **fmt_kwargs: Any) -> None:
    """Raise an error unless `pred`, a boolean scalar, holds.

    `msg` is a template for `str.format` of `fmt_args` and `fmt_kwargs`, which are arrays or trees of them; their values
    are shown. Under `checkify` the error becomes a result. A program that `jit` compiles cannot raise: there a check
    that is not under `checkify` is an error, or nothing at all with `debug`.
    """
    _check("debug_check" if debug else "check", pred, msg, fmt_args, fmt_kwargs, debug)


def debug_check(pred: Any, msg: str, *fmt_args: Any, **fmt_kwargs: Any) -> None:
    """As `check` under `checkify`; elsewhere it does nothing."""
    _check("debug_check", pred, msg, fmt_args, fmt_kwargs, True)


def _check(name: str, pred: Any, msg: str, args: tuple, kwargs: dict, debug: bool) -> None:
    if not _is_predicate(pred):
        raise _type_error(
            f"{name} takes a scalar pred as argument, a boolean, got {pred!r}",
            "reduce an array of booleans: axil.numpy.all(...)",
        )
    payload, structure = pytrees.tree_flatten((args, kwargs))
    for x in payload:
        if not isinstance(x, (Array, Tracer, np.ndarray)):
            raise _type_error(
                f"Formatting arguments to checkify.{name} need to be PyTrees of arrays, but got {x!r} of type "
                f"{type(x)}.",
                "put values that are known now into the message with an f-string",
            )
    _check_template(name, msg, len(args), kwargs)
    message = Message("user", msg, tuple(range(len(payload))), structure, place=user_place(), debug=debug)
    _bind(Failure(_code(pred), (message,), tuple(payload)))


def _code(pred: Any) -> Any:
    """0 where the predicate holds, else 1."""
    if type(pred) is Array or type(pred) is Tracer:
        from axil import lax

        return lax.convert_element_type(lax.bitwise_not(pred), np.int32)
    return make_array(np.asarray(0 if pred else 1, np.int32), aval((), np.dtype(np.int32)))


def _is_predicate(pred: Any) -> bool:
    if isinstance(pred, (bool, np.bool_)):
        return True
    return isinstance(pred, (Array, Tracer, np.ndarray)) and pred.shape == () and is_bool(pred.dtype)


def _check_template(name: str, msg: str, count: int, kwargs: dict) -> None:
    """Refuse a template that asks for arguments that are not there, which would else be noticed when it is shown."""
    numbered = 0
    for _, field, _, _ in string.Formatter().parse(msg):
        if field is None:
            continue
        first = field.split(".")[0].split("[")[0]
        if first == "":
            first, numbered = str(numbered), numbered + 1
        if first.isdigit() and int(first) >= count:
            raise _type_error(f"{name}: the message {msg!r} asks for argument {first}, but there are {count}")
        if not first.isdigit() and first not in kwargs:
            raise _type_error(f"{name}: the message {msg!r} asks for {first!r}, which is not given",
                              f"pass it: {name}(pred, msg, {first}=...)")  # fmt: skip


def _type_error(text: str, *ways_out: str) -> user_errors.AxilTypeError:
    return user_errors.AxilTypeError(user_errors.explain(text, user_line(), ways_out=ways_out))


def _bind(failure: Failure) -> None:
    """Evaluate or record a check."""
    numbers = tuple(effects.number_of(m) for m in failure.messages)
    bind(effects.check, failure.code, *failure.payload, messages=numbers)


def check_error(error: Error) -> None:
    """Raise the error that an `Error` stands for, if it does; under `checkify`, make it an error of the function's."""
    if not isinstance(error, Error):
        raise _type_error(f"check_error takes an Error as argument, got type {type(error)} instead.")
    if not error._messages:
        return
    if state.trace is None and type(error._code) is not Tracer:
        exception = error.get_exception()
        if exception is not None:
            raise error_of(exception)
        return
    messages = tuple(replace(m, debug=False) for m in error._messages)
    _bind(_first(error, messages))


def _first(error: Error, messages: tuple[Message, ...]) -> Failure:
    """The error, or that of the first example of a batch that has one."""
    values = [error._code, *error._payload]
    ndim = len(np.shape(error._code))
    if ndim:
        from axil import lax
        from axil import numpy as anp

        flat = [anp.reshape(x, (-1, *np.shape(x)[ndim:])) for x in values]
        if not flat[0].shape[0]:
            return Failure(_code(True), messages, tuple(anp.zeros(x.shape[1:], x.dtype) for x in flat[1:]))
        place = anp.argmax(flat[0] != 0)
        values = [lax.dynamic_index_in_dim(x, place, 0, keepdims=False) for x in flat]
    return Failure(values[0], messages, tuple(values[1:]))


def error_of_failure(failure: Failure) -> CheckError:
    """What is raised for a check that failed while it was evaluated; `failure` has NumPy arrays."""
    return error_of(exception_of(failure.messages[int(failure.code) - 1], failure.payload))


__all__ = [
    "Error", "ErrorCategory", "JaxRuntimeError", "all_checks", "automatic_checks", "check", "check_error", "checkify",
    "debug_check", "div_checks", "float_checks", "index_checks", "init_error", "nan_checks", "user_checks",
]  # fmt: skip
