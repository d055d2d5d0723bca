"""Helpers of the frontend's tests: comparison, finite differences, and errors that name the user's line."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as onp
import pytest

from axil import tree
from axil.runtime.errors import AxilError


def same(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """A tree has the wanted structure and, at each leaf, nearly the wanted numbers (an array or nested lists)."""
    leaves, treedef = tree.tree_flatten(got)
    for a, b in zip(leaves, treedef.flatten_up_to(wanted)):
        onp.testing.assert_allclose(onp.asarray(a), onp.asarray(b), rtol=rtol, atol=atol)


def slope(f: Callable[[float], Any], x: float, h: float = 1e-5) -> Any:
    """The derivative of a function of one number, by central differences."""
    return (onp.asarray(f(x + h), float) - onp.asarray(f(x - h), float)) / (2 * h)


def numeric_jacobian(f: Callable[[Any], Any], x: Any, h: float = 1e-5) -> Any:
    """The Jacobian of a function of one array, by central differences."""
    x = onp.asarray(x, float)
    columns = [(onp.asarray(f(x + d)) - onp.asarray(f(x - d))) / (2 * h) for d in _steps(x, h)]
    out = columns[0].shape
    return onp.stack(columns, -1).reshape(*out, *x.shape)


def _steps(x: Any, h: float) -> Iterator[Any]:
    for i in range(x.size):
        d = onp.zeros(x.size)
        d[i] = h
        yield d.reshape(x.shape)


class _Caught:
    """What `error_here` caught."""

    value: Any = None
    text: str = ""


@contextlib.contextmanager
def error_here(kind: type, *parts: str) -> Iterator[_Caught]:
    """The block raises an `AxilError` of a builtin kind, whose text has the parts and names a line of the block."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None and frame.f_back.f_back is not None
    caller = frame.f_back.f_back
    first = caller.f_lineno
    caught = _Caught()
    with pytest.raises(kind) as info:
        yield caught
    last = caller.f_lineno
    caught.value, caught.text = info.value, str(info.value)
    assert isinstance(info.value, AxilError), type(info.value)
    for part in parts:
        assert part in caught.text, f"{part!r} is not in:\n{caught.text}"
    lines = range(min(first, last), max(first, last) + 12)
    file = caller.f_code.co_filename
    named = [int(n) for n in re.findall(rf"{re.escape(file)}:(\d+)", caught.text)]
    assert any(n in lines for n in named), f"no line of the block in:\n{caught.text}"


def marked_line(text: str) -> str:
    """The source text that an error message shows under its place."""
    shown = [line for line in text.splitlines() if " | " in line]
    return shown[0].split(" | ", 1)[1].strip() if shown else ""


def counted(f: Callable[..., Any]) -> tuple[Callable[..., Any], list]:
    """A function, and a list that grows each time it is traced."""
    calls: list = []

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return f(*args, **kwargs)

    counting.__name__ = getattr(f, "__name__", "counting")
    return counting, calls


def shapes(values: Sequence[Any]) -> list:
    """Shapes of arrays."""
    return [x.shape for x in values]
