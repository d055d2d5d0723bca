"""Annotations for functions that take and give arrays."""

from __future__ import annotations

import typing
from typing import Any, Protocol, runtime_checkable

import numpy as np

from axil.array_methods import Array


@runtime_checkable
class SupportsDType(Protocol):
    """Objects that have a `dtype`."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype."""
        ...


ArrayLike = typing.Union[Array, np.ndarray, np.generic, bool, int, float, complex]  # noqa: UP007
"""What functions take for an array: arrays, NumPy's arrays and scalars, Python's numbers. No lists."""

DTypeLike = typing.Union[str, type[Any], np.dtype, SupportsDType]  # noqa: UP007
"""What functions take for a dtype: dtypes, their names, scalar types such as `axil.numpy.float32`."""

__all__ = ["ArrayLike", "DTypeLike"]
