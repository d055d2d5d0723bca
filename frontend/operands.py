"""Turning a user's arguments into operands of a transformation, and its results back, with errors for users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, errors, pytrees
from axil.core import Array, Tracer, as_array
from axil.float0_values import flatten_values
from axil.source import user_line
from axil.tree_keys import keystr


def function_name(fun: Any) -> str:
    """A name for messages and for the function in MLIR text."""
    name = getattr(fun, "__name__", None) or getattr(getattr(fun, "func", None), "__name__", None)
    return name or type(fun).__name__


def symbol(fun: Any) -> str:
    """A function's name as an MLIR symbol."""
    return "".join(c if c.isalnum() or c in "_." else "_" for c in function_name(fun))


def check_callable(fun: Any, where: str) -> None:
    """Raise `TypeError` if `fun` cannot be called."""
    if not callable(fun):
        raise errors.AxilTypeError(
            errors.explain(f"{where} expects a function, got {fun!r} of type {type(fun).__name__}", user_line())
        )


def is_arraylike(x: Any) -> bool:
    """True for what operations take: arrays, tracers, NumPy arrays and Python numbers."""
    return type(x) in (Array, Tracer, bool, int, float, complex) or isinstance(
        x, (np.ndarray, np.generic, bool, int, float, complex)
    ) or hasattr(x, "__axil_array__")


def operand(x: Any, where: str, path: str = "") -> Any:
    """An array or tracer for a leaf of a user's arguments; `where` and `path` are for the error."""
    if type(x) is Array or type(x) is Tracer:
        return x
    if hasattr(x, "__axil_array__"):
        return x.__axil_array__()
    if not is_arraylike(x):
        raise errors.AxilTypeError(
            errors.explain(
                f"{where} takes arrays and numbers, got {_short(x)} of type {type(x).__name__}{path}",
                user_line(),
                ways_out=["pass it as a static argument", "or close over it with functools.partial or a lambda"],
            )
        )
    return as_array(x)


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."


def operands_of(value: Any, where: str) -> tuple[list, Any]:
    """Leaves of a tree as operands, and the tree's structure."""
    leaves, treedef = flatten_values(value)
    try:
        return [operand(x, where) for x in leaves], treedef
    except errors.AxilTypeError:
        for path, x in pytrees.tree_leaves_with_path(value):
            operand(x, where, f" at {keystr(path)}" if path else "")  # raises again, with the path
        raise


def normalize_argnums(argnums: int | Sequence[int], count: int, where: str) -> tuple[int, ...]:
    """Argument numbers as a tuple of non-negative ints, checked against the number of arguments."""
    given = (argnums,) if isinstance(argnums, (int, np.integer)) else tuple(argnums)
    result = []
    for i in given:
        if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
            raise errors.AxilTypeError(errors.explain(f"{where}: argnums must be integers, got {i!r}", user_line()))
        if not -count <= i < count:
            raise ArgumentError(
                errors.explain(
                    f"{where}: argnums refers to argument {i}, but the function was called with {count} positional "
                    f"argument{'s' if count != 1 else ''}",
                    user_line(),
                    ways_out=["pass the argument by position, not by keyword", "or correct argnums"],
                )
            )
        if int(i) % count in result:
            raise ArgumentError(errors.explain(f"{where}: argnums names argument {i} twice: {argnums}", user_line()))
        result.append(int(i) % count)
    return tuple(result)


class ArgumentError(errors.AxilTypeError, ValueError):
    """Arguments do not fit what the transformation was told about them."""


class Flat:
    """A function over flat operands, made from one over trees; it remembers the structure of its results.

    `rebuild(leaves)` gives the positional and keyword arguments of a call.
    """

    def __init__(
        self, fun: Callable[..., Any], rebuild: Callable[[Sequence[Any]], tuple[Any, Any]], where: str
    ) -> None:  # fmt: skip
        self.fun = fun
        self.rebuild = rebuild
        self.where = where
        self.treedef: Any = None

    def __call__(self, *leaves: Any) -> list[Any]:
        args, kwargs = self.rebuild(leaves)
        result = self.fun(*args, **kwargs)
        outputs, self.treedef = flatten_values(result)
        return [output(x, self.fun) for x in outputs]

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """The function's result with the given leaves."""
        return pytrees.tree_unflatten(self.treedef, leaves)


def output(x: Any, fun: Any) -> Any:
    """A leaf of a traced function's result, which must be an array."""
    if type(x) is Array or type(x) is Tracer:
        return x
    if hasattr(x, "__axil_array__"):
        return x.__axil_array__()
    if is_arraylike(x):
        return as_array(x)
    raise errors.AxilTypeError(
        errors.explain(
            f"the function {function_name(fun)} must return arrays and numbers (in trees), but a leaf of its result is "
            f"{_short(x)} of type {type(x).__name__}",
            user_line(),
        )
    )


def dtype_text(x: Any) -> str:
    """Shape and dtype of a value, for messages."""
    return dtypes.aval_text(x.aval.shape, x.aval.dtype)
