"""What the files of `axil.scipy.special` share: promotion of operands to a common floating dtype."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from axil.dialects.op import Op
from axil.errors import AxilError
from axil.numpy.values import Value, elementwise, promote, reweaken, type_error


def floats(name: str, *xs: Any, complex_too: bool = False) -> tuple[list[Value], bool]:
    """Operands in their common floating dtype, and whether it is weak; complex ones are an error unless allowed."""
    values, weak = promote(name, *xs, inexact=True)
    if values[0].aval.dtype.kind == "c" and not complex_too:
        raise type_error(f"{name} does not support complex-valued inputs, got {values[0].aval.dtype.name}",
                         "pass the real part: x.real")  # fmt: skip
    return values, weak


def apply(name: str, op: Op, *xs: Any) -> Value:
    """An elementwise op of real operands, promoted and broadcast together; of weakly typed ones weakly typed."""
    values, weak = floats(name, *xs)
    return elementwise(name, op, values, weak)


def apply_strong(name: str, op: Op, *xs: Any) -> Value:
    """`apply`, whose result is never weakly typed: for functions that JAX computes in several steps."""
    return reweaken(apply(name, op, *xs), False)


def integer(name: str, what: str, value: Any) -> int:
    """A Python integer that shapes or loops depend on."""
    try:
        return operator.index(value)
    except TypeError as error:
        if isinstance(error, AxilError):
            raise
        raise type_error(f"{name}: {what} must be an integer, got {value!r}") from None


def is_complex(xs: Sequence[Value]) -> bool:
    """Whether promoted operands are complex."""
    return xs[0].aval.dtype.kind == "c"
