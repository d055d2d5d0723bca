"""What rules with `symbolic_zeros=True` receive: tangents known to be zero, and values that may be perturbed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from axil import dtypes, pytrees
from axil.dialects import avals as av


@dataclass(frozen=True)
class _TangentAval:
    """Shape and dtype of a tangent; dtype float0 for that of an integer."""

    shape: tuple[int, ...]
    dtype: np.dtype
    weak_type: bool = False

    def __str__(self) -> str:
        return dtypes.aval_text(self.shape, self.dtype)


class SymbolicZero:
    """A tangent or cotangent that is known to be zero. It has `aval`, `shape`, `dtype`, `ndim` and `size`."""

    __slots__ = ("aval",)

    def __init__(self, aval: Any) -> None:
        self.aval = aval

    @staticmethod
    def from_primal_value(val: Any) -> SymbolicZero:
        """The zero tangent of a value: of dtype float0 for integers and booleans."""
        return zero_of(val)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tangent."""
        return tuple(self.aval.shape)

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the tangent."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def weak_type(self) -> bool:
        """Whether the primal's type is weak."""
        return bool(getattr(self.aval, "weak_type", False))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, SymbolicZero) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"SymbolicZero({dtypes.aval_text(self.shape, self.dtype)})"


def zero_of(x: Any) -> SymbolicZero:
    """The symbolic zero for a value, or for its aval."""
    of = x.aval if hasattr(x, "aval") else x if hasattr(x, "dtype") and hasattr(x, "shape") else np.asarray(x)
    dtype = of.dtype if av.is_inexact(of.dtype) else dtypes.float0
    return SymbolicZero(_TangentAval(tuple(of.shape), dtype, bool(getattr(x, "weak_type", False))))


def zero_from_primal(val: Any, symbolic_zeros: bool = False) -> Any:
    """The zero tangent of each leaf of `val`: an array, or a `SymbolicZero`. Of integers it has dtype float0."""

    def zero(x: Any) -> Any:
        from axil.operands import operand

        symbolic = zero_of(operand(x, "zero_from_primal"))
        if symbolic_zeros:
            return symbolic
        if symbolic.dtype == dtypes.float0:
            return np.zeros(symbolic.shape, dtypes.float0)
        import axil.numpy as anp

        return anp.zeros(symbolic.shape, symbolic.dtype)

    return pytrees.tree_map(zero, val)


@dataclass(frozen=True)
class CustomVJPPrimal:
    """What a forward rule with `symbolic_zeros=True` receives for each leaf: the value, and whether it is perturbed."""

    value: Any
    perturbed: bool


def custom_vjp_primal_tree_values(tree_: Any) -> Any:
    """The values of a tree of `CustomVJPPrimal`s; other leaves stay as they are."""
    is_primal = lambda x: isinstance(x, CustomVJPPrimal)
    return pytrees.tree_map(lambda x: x.value if is_primal(x) else x, tree_, is_leaf=is_primal)


__all__ = ["CustomVJPPrimal", "SymbolicZero", "custom_vjp_primal_tree_values", "zero_from_primal", "zero_of"]
