"""Names for parts of a program, and parts that are computed while tracing.

`named_scope` puts a name into the locations of the operations that are traced within it: ``lower(...).as_text(
debug_info=True)`` shows it, messages about NaNs name it, and the profiler has a span of it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from axil import errors
from axil.core import state
from axil.runtime import spans
from axil.source import user_line

_F = TypeVar("_F", bound=Callable[..., Any])


class named_scope(contextlib.ContextDecorator):  # noqa: N801 - JAX's name
    """``with named_scope("attention"):`` names the operations within. Scopes nest: ``layer1/attention``.

    Also a decorator. Raises `TypeError` if the name is no string.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise errors.AxilTypeError(
                errors.explain(f"named_scope takes a string, got {name!r} of type {type(name).__name__}", user_line())
            )
        self._name = name
        self._outer: list[tuple[str, Any]] = []  # a stack: one object may be entered again while it is active

    def _recreate_cm(self) -> named_scope:
        return named_scope(self._name)  # as a decorator it may run in several threads at once

    def __enter__(self) -> None:
        span = spans.span(self._name, "scope")
        span.__enter__()
        self._outer.append((state.scope, span))
        state.scope = f"{state.scope}/{self._name}" if state.scope else self._name

    def __exit__(self, *error: Any) -> None:
        state.scope, span = self._outer.pop()
        span.__exit__(*error)


def named_call(fun: _F, *, name: str | None = None) -> _F:
    """`fun` in a `named_scope` called `name`, or as the function is called."""
    label = name or getattr(fun, "__name__", None) or type(fun).__name__

    @functools.wraps(fun)
    def named(*args: Any, **kwargs: Any) -> Any:
        with named_scope(label):
            return fun(*args, **kwargs)

    return named  # type: ignore[return-value]


@contextlib.contextmanager
def ensure_compile_time_eval() -> Iterator[None]:
    """Within the block, what depends on concrete values alone is computed at once, also while a function is traced.

    So its results may decide shapes and branches of Python. What depends on traced values is traced as ever.
    """
    trace, suspended = state.trace, state.suspended
    if trace is not None:
        state.trace, state.suspended = None, trace
    try:
        yield
    finally:
        state.trace, state.suspended = trace, suspended


__all__ = ["ensure_compile_time_eval", "named_call", "named_scope"]
