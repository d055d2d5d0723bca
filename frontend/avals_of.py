"""`typeof`: what is known of a value without looking at its elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from axil.operands import operand


@dataclass(frozen=True, repr=False)
class ShapedArray:
    """The type of an array: shape, dtype, and whether it is weakly typed, as Python's numbers are."""

    shape: tuple[int, ...]
    dtype: np.dtype
    weak_type: bool = False

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def str_short(self, short_dtypes: bool = False) -> str:
        """Dtype and shape, such as `float32[2,3]`."""
        return str(self)

    def __str__(self) -> str:
        return f"{np.dtype(self.dtype).name}[{','.join(map(str, self.shape))}]"

    def __repr__(self) -> str:
        return f"ShapedArray({self}{', weak_type=True' if self.weak_type else ''})"


def typeof(x: Any) -> ShapedArray:
    """The type of an array, a traced value, a NumPy array or a Python number. Raises `TypeError` for others."""
    value = operand(x, "typeof")
    return ShapedArray(tuple(value.aval.shape), value.aval.dtype, bool(value.weak_type))


__all__ = ["ShapedArray", "typeof"]
