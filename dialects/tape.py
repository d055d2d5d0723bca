"""The tape of linear operations: while a straight-line function is linearized, these are noted and not emitted.

Derivative rules do not see the difference. They call ops on what they are given as tangents, and an op that is called
on a `Tangent` gives a `Tangent`: what such a value is made of stands on its tape. The tape is a Wengert list (R. E.
Wengert, "A simple automatic derivative evaluation program", 1964) of the tangents alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, final

import numpy as np

from axil.dialects.avals import Aval


@final
class Tangent:
    """A value that is linear in the tangents of the operands. It has an aval and stands for no operation yet."""

    __slots__ = ("aval", "tape")

    def __init__(self, tape: Tape, aval: Aval) -> None:
        self.tape = tape
        self.aval = aval

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the value."""
        return self.aval.dtype


class Noted(NamedTuple):
    """An op that was called on tangents: operands are tangents or MLIR values."""

    op: Any
    operands: list[Any]
    attributes: Mapping[str, Any]
    results: list[Tangent]
    location: Any


class Tape:
    """What was called on the tangents of one function, in order; `location` is that of what comes next."""

    def __init__(self) -> None:
        self.noted: list[Noted] = []
        self.location: Any = None


__all__ = ["Noted", "Tangent", "Tape"]
