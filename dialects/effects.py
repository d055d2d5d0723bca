"""Ops with effects: `check`, whose effect is an error, and `sink`, which has none but keeps what it takes alive.

A check is an error as a value (a code, 0 where all is well, and payload values for the message) that becomes an error
for the user when the program is evaluated. `checkify` takes it out of the program and makes it one more result; in a
compiled program that nobody has checkified it has no place, and lowering says so.

Messages are kept here by number, because MLIR text has no place for the structure of their arguments. A number is
given once for equal messages, so that a function that is traced again has the same text.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.dialects.avals import Aval, dtype_of, shape_of
from axil.dialects.errors import AttributeValueError, CheckFailed, EffectError, ShapeError
from axil.dialects.factories import all_batched, no_tangent, ops
from axil.dialects.op import Failure, Op, full

NOT_FUNCTIONALIZED = (
    "a `check` that is not functionalized is in a compiled program (jit), which cannot raise errors. "
    "Make the error a result: `err, out = jit(checkify(f))(x)`, then `err.throw()`; "
    "or use `debug_check`, which does nothing outside `checkify`"
)

AUTOMATIC = ("nan", "div", "index")
"""The categories of checks that no operation asks for."""
EXPLICIT = "explicit"
"""As a category: all errors of operations whose effect they are, whatever their own category is."""


@dataclass(frozen=True)
class Message:
    """What is said of a failed check, but for the values.

    `category` is "user", or that of an automatic check ("nan", "div", "index"). `text` is a template for `str.format`;
    its arguments are the entries of the payload at `slots`, put together to positional and keyword arguments by
    `structure` (a tree structure of the frontend's; positional where it is None). An entry of `choices` has texts that
    the argument at its place is an index of. `place` is where the user's code is.
    """

    category: str
    text: str
    slots: tuple[int, ...] = ()
    structure: Any = None
    choices: tuple[tuple[str, ...] | None, ...] = ()
    place: Any = None
    debug: bool = False  # without effect unless functionalized


_messages: list[Message] = []
_numbers: dict[Message, int] = {}
_lock = threading.Lock()


def number_of(message: Message) -> int:
    """The number of a message, the same for equal ones."""
    found = _numbers.get(message)
    if found is None:
        with _lock:
            found = _numbers.get(message)
            if found is None:
                _messages.append(message)
                found = _numbers[message] = len(_messages) - 1
    return found


def message_of(number: int) -> Message:
    """The message of a number; a plain one for a number that a text has and this process has not given."""
    if 0 <= number < len(_messages):
        return _messages[number]
    return Message("user", f"check number {number} failed")


def emit_check(failure: Failure) -> None:
    """Emit (or evaluate) a check from an error as a value."""
    check(failure.code, *failure.payload, messages=tuple(map(number_of, failure.messages)))


# ---- sink ----------------------------------------------------------------------------------------------

sink = Op(
    name="sink", summary="Takes a value, so that what computes it is not dropped before `checkify` has seen it.",
    operands=("x",), results=-1, infer=lambda x: (), reference=lambda x: (), jvp=no_tangent,
    batch=lambda size, xs, batched: sink(xs[0]), lower=lambda values, results, context: [], samples=(),
    flops=lambda x: 0.0,
)  # fmt: skip


# ---- check ---------------------------------------------------------------------------------------------


def _infer(*avals: Aval, messages: tuple[int, ...]) -> tuple:
    if not avals or avals[0].shape or avals[0].dtype != np.int32:
        raise ShapeError(f"'check' takes a code, an i32 scalar, and payload, got {', '.join(map(str, avals))}")
    if not messages:
        raise AttributeValueError("'check' needs at least one message")
    return ()


def _reference(code: np.ndarray, *payload: np.ndarray, messages: tuple[int, ...]) -> tuple:
    if code > 0:
        message = message_of(messages[int(code) - 1])
        if not message.debug:
            raise CheckFailed(Failure(np.int32(1), (message,), payload))
    return ()


def _raises(xs: Any, *, messages: tuple[int, ...]) -> Failure:
    found = tuple(map(message_of, messages))
    # A text from elsewhere may have numbers that mean nothing here, and payload that no message asks for.
    return Failure(xs[0], found, tuple(xs[1:]))


def first_failure(size: int, xs: Any, batched: Any) -> list:
    """Of a batch of errors, that of the first example that has one."""
    code, *payload = all_batched(size, xs, batched)
    if not batched[0] and not any(batched):
        return list(xs)
    failed = ops.convert(ops.ne(code, full(shape_of(code), 0, np.int32)), dtype=np.dtype(np.int32))
    place = ops.argmax(failed, axis=0, dtype=np.dtype(np.int32))
    return [row(x, place) for x in (code, *payload)]


def row(x: Any, place: Any) -> Any:
    """Row `place`, an i32 scalar, of an array."""
    shape = shape_of(x)
    starts = ops.pad(
        ops.reshape(place, shape=(1,)), full((), 0, dtype_of(place)), low=(0,), high=(len(shape) - 1,), interior=(0,)
    )
    return ops.reshape(ops.dynamic_slice(x, starts, sizes=(1, *shape[1:])), shape=shape[1:])


def _batch(size: int, xs: Any, batched: Any, *, messages: tuple[int, ...]) -> tuple:
    if size:
        check(*first_failure(size, xs, batched), messages=messages)
    return ()


def _lower(values: Any, results: Any, context: Any, *, messages: tuple[int, ...]) -> list:
    if all(message_of(n).debug for n in messages):
        return []
    raise EffectError(NOT_FUNCTIONALIZED)


check = Op(
    name="check", summary="Raises an error if its first operand, a code, is not 0: that of the message of that number.",
    operands=("code", "payload"), variadic=True, attributes={"messages": "ints"}, results=-1, infer=_infer,
    reference=_reference, jvp=no_tangent, batch=_batch, lower=_lower, raises=_raises, samples=(), foldable=False,
    flops=lambda *a, **k: 0.0,
)  # fmt: skip
