"""How exactly contractions and elementary functions are computed: JAX's classes for saying so.

Axil's results always have the full precision of their dtype, so these are accepted and change nothing: a program that
asks for less gets more.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple

from axil.lax.common import ArgumentTypeError, fail


class Precision(enum.Enum):
    """How exactly products are computed. On CPUs and by the reference it is always exactly."""

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2


class DotAlgorithm(NamedTuple):
    """An algorithm for products: dtypes that operands are rounded to, the dtype of sums, and how operands are split."""

    lhs_precision_type: Any
    rhs_precision_type: Any
    accumulation_type: Any
    lhs_component_count: int = 1
    rhs_component_count: int = 1
    num_primitive_operations: int = 1
    allow_imprecise_accumulation: bool = False


class DotAlgorithmPreset(enum.Enum):
    """Algorithms by name: dtypes of the left operand, the right one, and the sums; `X3` splits operands in parts."""

    DEFAULT = 0
    ANY_F8_ANY_F8_F32 = 1
    ANY_F8_ANY_F8_F32_FAST_ACCUM = 2
    ANY_F8_ANY_F8_ANY = 3
    ANY_F8_ANY_F8_ANY_FAST_ACCUM = 4
    F16_F16_F16 = 5
    F16_F16_F32 = 6
    BF16_BF16_BF16 = 7
    BF16_BF16_F32 = 8
    BF16_BF16_F32_X3 = 9
    BF16_BF16_F32_X6 = 10
    BF16_BF16_F32_X9 = 11
    TF32_TF32_F32 = 12
    TF32_TF32_F32_X3 = 13
    F32_F32_F32 = 14
    F64_F64_F64 = 15


class AccuracyMode(enum.Enum):
    """How exactly an elementary function is computed."""

    HIGHEST = 1
    DEFAULT = 2


@dataclass(frozen=True)
class Tolerance:
    """The error allowed of an elementary function: absolute and relative, or in units of the last place."""

    atol: float = 0.0
    rtol: float = 0.0
    ulps: int = 0

    def __post_init__(self) -> None:
        if min(self.atol, self.rtol, self.ulps) < 0:
            fail(f"lax.Tolerance: tolerances cannot be negative, got {self}")


PrecisionLike = None | str | Precision | DotAlgorithm | DotAlgorithmPreset | tuple
Accuracy = Tolerance | AccuracyMode | None

_PRECISIONS = {
    "default": Precision.DEFAULT, "bfloat16": Precision.DEFAULT, "fastest": Precision.DEFAULT,
    "high": Precision.HIGH, "bfloat16_3x": Precision.HIGH, "tensorfloat32": Precision.HIGH,
    "highest": Precision.HIGHEST, "float32": Precision.HIGHEST,
}  # fmt: skip


def canonicalize_precision(precision: PrecisionLike) -> Any:
    """Check a precision given by the user: None, a `Precision`, an algorithm, a name, or one for each operand."""
    if precision is None or isinstance(precision, Precision | DotAlgorithm | DotAlgorithmPreset):
        return precision
    if isinstance(precision, str) and precision in _PRECISIONS:
        return _PRECISIONS[precision]
    if isinstance(precision, str) and precision in DotAlgorithmPreset.__members__:
        return DotAlgorithmPreset[precision]
    if isinstance(precision, tuple | list) and len(precision) == 2:
        return tuple(canonicalize_precision(p) for p in precision)
    fail(
        f"a precision is None, a lax.Precision, lax.DotAlgorithm or lax.DotAlgorithmPreset, one of "
        f"{', '.join(_PRECISIONS)}, or a pair of these; got {precision!r}"
    )


def check_accuracy(name: str, accuracy: Accuracy) -> None:
    """Refuse what is no accuracy."""
    if not isinstance(accuracy, Tolerance | AccuracyMode | None):
        message = f"lax.{name}: accuracy is None, a lax.Tolerance or a lax.AccuracyMode, got {accuracy!r}"
        fail(message, kind=ArgumentTypeError)

