"""What `checkify` reports: the kinds of errors, and `Error`, which carries them through programs as a value.

An error is an i32 code (0: none) and payload arrays; its messages, by code, are part of the pytree's structure. They
are equal from call to call, so that functions that take an `Error` are compiled once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from axil import errors, pytrees
from axil.core import Tracer, as_array, line_of_place
from axil.dialects.effects import Message
from axil.tree_registration import register_pytree_node_class


class CheckError(errors.AxilRuntimeError, ValueError):
    """A check failed. `axil.errors.JaxRuntimeError` catches it, and `ValueError`, as in JAX."""


class CheckedException(Exception):  # noqa: N818 - the base of errors
    """An error that `checkify` found: what an `Error` stands for. `str` of it is the message."""

    category = ""

    def __init__(self, message: Message, payload: Sequence[Any] = ()) -> None:
        super().__init__(message.text)
        self.message = message
        self.payload = tuple(payload)

    def __str__(self) -> str:
        text = self.describe()
        return text if self.message.place is None else f"{text}\n{where(self.message.place)}"

    def describe(self) -> str:
        """What happened, in a line."""
        m = self.message
        values = [as_array(np.asarray(self.payload[s])) for s in m.slots]
        if m.structure is not None:
            args, kwargs = pytrees.tree_unflatten(m.structure, values)
            return m.text.format(*args, **kwargs)
        chosen = [c[int(v)] if c is not None else v for v, c in zip(values, [*m.choices, *[None] * len(values)])]
        return m.text.format(*chosen)


class FailedCheckError(CheckedException):
    """A `check` of the user's did not hold."""

    category = "user"

    def describe(self) -> str:
        return f"{super().describe()} (`check` failed)"


class NaNError(CheckedException):
    """An operation gave a NaN."""

    category = "nan"


class DivisionByZeroError(CheckedException):
    """A divisor was zero, of floats or of integers."""

    category = "div"


class OOBError(CheckedException):
    """An index was out of bounds."""

    category = "index"


class BatchedError(CheckedException):
    """The errors of a batch: `error_mapping` has those of the examples that have one, by their index."""

    def __init__(self, error_mapping: dict[tuple[int, ...], CheckedException]) -> None:
        first = next(iter(error_mapping.values()))
        super().__init__(first.message, first.payload)
        self.error_mapping = error_mapping

    def __str__(self) -> str:
        found = self.error_mapping.items()
        return "\n".join(f"at mapped index {', '.join(map(str, index))}: {error}" for index, error in found)


_KINDS = {kind.category: kind for kind in (FailedCheckError, NaNError, DivisionByZeroError, OOBError)}


def where(place: Any) -> str:
    """The user's line of an operation, and what the operation was made for if it was not theirs."""
    line = line_of_place(place).excerpt()
    if place.derivatives:
        backward = ", going backward," if place.backward else ""
        return f"  in the derivative of {place.derivatives[0]}{backward} at\n{line}"
    return f"  going backward, at\n{line}" if place.backward else line


def exception_of(message: Message, payload: Sequence[Any]) -> CheckedException:
    """The exception of a message and the payload values."""
    return _KINDS.get(message.category, FailedCheckError)(message, payload)


def error_of(exception: CheckedException) -> CheckError:
    """What is raised for an exception that a check found."""
    error = CheckError(str(exception))
    error.__cause__ = exception
    return error


@register_pytree_node_class
class Error:
    """An error as a value: what `checkify` gives besides results. It may be none, and may have batch dimensions.

    A pytree, which goes through `jit`, `vmap`, `scan` and the others as arrays do.
    """

    __slots__ = ("_code", "_messages", "_payload")

    def __init__(self, code: Any, payload: Sequence[Any], messages: tuple[Message, ...]) -> None:
        """For `checkify`: `code` is i32, 0 or the number (from 1) of the message that applies to `payload`."""
        self._code = code
        self._payload = tuple(payload)
        self._messages = messages

    def get(self) -> str | None:
        """The message of the first error, or of each example's of a batch; None if there is none."""
        exception = self.get_exception()
        return None if exception is None else str(exception)

    def get_exception(self) -> CheckedException | None:
        """The first error as an exception, which is not raised; None if there is none."""
        if not self._messages:
            return None
        code = np.asarray(self._code)
        if not code.ndim:
            return self._exception(int(code), self._payload)
        payload = [np.asarray(p) for p in self._payload]
        found = {tuple(map(int, i)): self._exception(int(code[tuple(i)]), [p[tuple(i)] for p in payload])
                 for i in np.argwhere(code)}  # fmt: skip
        return BatchedError({i: e for i, e in found.items() if e is not None}) if found else None

    def _exception(self, code: int, payload: Sequence[Any]) -> CheckedException | None:
        return exception_of(self._messages[code - 1], payload) if code else None

    def throw(self) -> None:
        """Raise the error, if there is one: a `ValueError` and `axil.errors.JaxRuntimeError`."""
        from axil.experimental.checkify import check_error

        check_error(self)

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Message, ...]]:
        """Code and payload; without any messages there are no children."""
        return ((self._code, *self._payload) if self._messages else ()), self._messages

    @classmethod
    def tree_unflatten(cls, messages: tuple[Message, ...], children: Any) -> Self:
        """The error of code and payload."""
        code, *payload = [*children] or [None]
        return cls(code, payload, messages)

    def __str__(self) -> str:
        return f"Error({self.get()})"

    def __repr__(self) -> str:
        if type(self._code) is Tracer:
            return f"Error(traced, of {len(self._messages)} messages)"
        return str(self)


init_error = Error(None, (), ())
"""No error, and nothing that could go wrong."""
