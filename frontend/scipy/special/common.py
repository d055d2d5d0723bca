"""What the files of `axil.scipy.special` share: promotion of operands to a common floating dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axil.dialects.op import Op
from axil.numpy.values import Value, elementwise, promote, type_error


def floats(name: str, *xs: Any, complex_too: bool = False) -> tuple[list[Value], bool]:
    """Operands in their common floating dtype, and whether it is weak; complex ones are an error unless allowed."""
    values, weak = promote(name, *xs, inexact=True)
    if values[0].aval.dtype.kind == "c" and not complex_too:
        raise type_error(f"{name} does not support complex-valued inputs, got {values[0].aval.dtype.name}",
                         "pass the real part: x.real")  # fmt: skip
    return values, weak


def apply(name: str, op: Op, *xs: Any) -> Value:
    """An elementwise op of real operands, promoted and broadcast together."""
    values, weak = floats(name, *xs)
    return elementwise(name, op, values, weak)


def is_complex(xs: Sequence[Value]) -> bool:
    """Whether promoted operands are complex."""
    return xs[0].aval.dtype.kind == "c"
