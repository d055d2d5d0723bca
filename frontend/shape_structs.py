"""`ShapeDtypeStruct`: shapes and dtypes without values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axil.dialects.avals import aval
from axil.dtypes import ExtendedDType


class ShapeDtypeStruct:
    """A stand-in for an array: its shape and dtype and no values. For `eval_shape` and `lower`.

    With the dtype of random keys it is a `PRNGKeyArray` without values.
    """

    __slots__ = ("aval", "weak_type")

    def __new__(cls, shape: Sequence[int], dtype: Any, *, sharding: Any = None, weak_type: bool = False) -> Any:
        """Random keys have a class of their own."""
        if isinstance(dtype, ExtendedDType):
            return dtype.struct(shape, weak_type)
        return super().__new__(cls)

    def __init__(self, shape: Sequence[int], dtype: Any, *, sharding: Any = None, weak_type: bool = False) -> None:
        if sharding is not None:
            raise NotImplementedError(
                "sharding of a ShapeDtypeStruct: a program runs on one device, so there is nothing to distribute; "
                "leave the sharding out"
            )
        self.aval = aval(tuple(shape), np.dtype(dtype))
        self.weak_type = weak_type

    shape = property(lambda self: self.aval.shape, doc="The shape, a tuple of ints.")
    dtype = property(lambda self: self.aval.dtype, doc="The dtype.")
    ndim = property(lambda self: self.aval.ndim, doc="Number of dimensions.")
    size = property(lambda self: self.aval.size, doc="Number of elements.")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def update(self, **changes: Any) -> ShapeDtypeStruct:
        """The same with other `shape`, `dtype` or `weak_type`. Raises `TypeError` for other names."""
        allowed = {"shape": self.shape, "dtype": self.dtype, "weak_type": self.weak_type}
        unknown = sorted(set(changes) - {*allowed, "sharding"})
        if unknown:
            raise TypeError(f"ShapeDtypeStruct.update: there is no {unknown[0]!r}; it has {', '.join(allowed)}")
        return ShapeDtypeStruct(**{**allowed, **changes})

    @classmethod
    def like(cls, x: Any) -> ShapeDtypeStruct:
        """Shape, dtype and weakness of an array, a NumPy array or a number."""
        from axil.avals_of import typeof

        of = typeof(x)
        return cls(of.shape, of.dtype, weak_type=of.weak_type)

    sharding = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ShapeDtypeStruct):
            return False
        return self.aval is other.aval and self.weak_type == other.weak_type

    def __hash__(self) -> int:
        return hash((self.aval, self.weak_type))

    def __repr__(self) -> str:
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}{weak})"


__all__ = ["ShapeDtypeStruct"]
