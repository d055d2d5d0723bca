"""Arrays and tracers, and the errors of operations on them.

An `Array` is concrete. A `Tracer` is a value of a program under construction: an MLIR value in a function that a
`Trace` is filling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes, errors
from axil.array_methods import ArrayMethods
from axil.dialects.avals import Aval, aval
from axil.dialects.errors import (
    AttributeValueError,
    BatchingError,
    CheckFailed,
    DifferentiationError,
    DtypeError,
    EffectError,
)
from axil.dialects.errors import ShapeError as RuleShapeError
from axil.places import line_of_mlir
from axil.runtime.errors import AxilError
from axil.source import user_line
from axil.trace_state import state

RULE_ERRORS = (
    RuleShapeError, DtypeError, AttributeValueError, DifferentiationError, BatchingError, CheckFailed, EffectError,
)  # fmt: skip
"""What rules raise; users see it through `user_error`."""


class ShapeError(AxilError, TypeError, ValueError):
    """Shapes, dtypes or attributes of an operation do not fit together."""


class DerivativeError(AxilError, TypeError, ValueError, NotImplementedError):
    """A derivative was asked for that does not exist."""


class VmapError(AxilError, TypeError, ValueError, NotImplementedError):
    """Something that cannot be batched is under `vmap`, such as a callback that does not say how."""


class EffectMisplacedError(AxilError, ValueError):
    """An effect, such as that of a check, is in a program that cannot have it."""


class DonatedArrayError(AxilError, RuntimeError):
    """An array is used after its memory was donated to a compiled function."""


# ---- values --------------------------------------------------------------------------------------------


class Array(ArrayMethods):
    """A concrete, immutable array. Made by `axil.numpy.array` and friends, and by every operation.

    It holds a NumPy array, a device buffer, or both: results of compiled programs are turned into NumPy
    arrays when somebody looks, NumPy arrays are handed to devices when a program needs them.
    """

    __slots__ = ("aval", "weak_type", "_value", "_buffer")

    aval: Aval
    weak_type: bool
    _value: np.ndarray | None
    _buffer: Any

    def __init__(self, value: np.ndarray, weak_type: bool = False) -> None:
        """Take over `value`, which must not be changed afterwards. For users: `axil.numpy.array`."""
        self.aval = aval(value.shape, value.dtype)
        self.weak_type = weak_type
        self._value = value
        self._buffer = None

    @property
    def _numpy(self) -> np.ndarray:
        """The value as a NumPy array that must not be written to."""
        value = self._value
        if value is None:
            if self._buffer is None:
                raise donated_error(self)
            from axil.runtime import default_device
            from axil.runtime.buffers import to_host

            if transfer_hooks and not default_device().is_host:
                transfer_hooks[0](self.aval, "device_to_host")
            value = self._value = to_host(self._buffer, default_device(), self.aval.shape, self.aval.dtype)
        return value


def donated_error(x: Array) -> AxilError:
    """The error for using an array whose memory was given away."""
    return DonatedArrayError(
        errors.explain(
            f"an array of {x.aval} was donated to a compiled function and is gone", user_line(),
            ways_out=["use the function's result instead", "or do not donate it: leave it out of donate_argnums"],
        )  # fmt: skip
    )


_new_array = Array.__new__


def make_array(value: Any, of: Aval, weak_type: bool = False) -> Array:
    """An array from a NumPy result whose aval is known."""
    self = _new_array(Array)
    self.aval = of
    self.weak_type = weak_type
    self._value = value if type(value) is np.ndarray else np.asarray(value)
    self._buffer = None
    return self


def array_of_buffer(buffer: Any, of: Aval, weak_type: bool = False) -> Array:
    """An array whose value is in device memory."""
    self = _new_array(Array)
    self.aval = of
    self.weak_type = weak_type
    self._value = None  # type: ignore[assignment]
    self._buffer = buffer
    return self


class Tracer(ArrayMethods):
    """A value of a program under construction."""

    __slots__ = ("owner", "value", "aval", "weak_type", "location")

    def __init__(self, trace: Any, value: Any, of: Aval, weak_type: bool = False, location: Any = None) -> None:
        self.owner = trace
        self.value = value
        self.aval = of
        self.weak_type = weak_type
        self.location = location

    @property
    def _numpy(self) -> np.ndarray:
        return self.concrete("its NumPy array", errors.TracerArrayConversionError)

    def concrete(self, purpose: str = "", error: Any = errors.ConcretizationTypeError) -> np.ndarray:
        """The concrete value, where the values that are known determine it; else raises `error`."""
        self.owner.check_alive(self)
        try:
            return np.asarray(self.owner.evaluate(self.value))
        except UnknownValue:
            raise error.of(self.aval_text, user_line(), self.owner.chain(), purpose) from None
        except RULE_ERRORS as e:
            raise user_error(e) from None

    @property
    def aval_text(self) -> str:
        """Shape and dtype, as messages spell them."""
        return repr(self.aval)

    def __repr__(self) -> str:
        return f"Traced<{self.aval_text}> in {' > '.join(self.owner.chain())}"


class UnknownValue(Exception):
    """A concrete value depends on an operand that has none."""


# ---- making arrays -------------------------------------------------------------------------------------


def as_array(x: Any, dtype: Any = None) -> Array:
    """A concrete array of a NumPy array or Python scalar, in its canonical dtype."""
    if type(x) is Array:
        return x
    value = dtypes.as_numpy(x, dtype)
    if transfer_hooks:
        transfer_hooks[0](x, "host_to_device")
    if isinstance(x, np.ndarray) and np.may_share_memory(value, x):
        value = _copied(value)  # the caller may change theirs
    return Array(value, dtypes.is_weak(x))


transfer_hooks: list[Callable[[Any, str], None]] = []
"""What is told of values that move between host and device, while a guard is set (`axil.transfers`)."""


def _copied(value: np.ndarray) -> np.ndarray:
    """A copy, in memory that devices can use as it is."""
    from axil.runtime.buffers import aligned_empty

    copy = aligned_empty(value.shape, value.dtype)
    copy[...] = value
    return copy


class StillTraced(Exception):  # noqa: N818 - says something, and is never shown
    """A traced value is used where what is concrete is computed at once."""


def concrete_array(x: Any) -> Array:
    """An array for what is used outside any trace; raises for a tracer, which has leaked."""
    if type(x) is Tracer:
        x.owner.check_alive(x)
        if state.suspended is not None:
            raise StillTraced
        raise errors.UnexpectedTracerError.of(x.aval_text, user_line(), (), " > ".join(x.owner.chain()))
    return as_array(x)


def user_error(e: Exception) -> AxilError:
    """The user's view of an error that a rule raised: with the line that it came from."""
    if isinstance(e, CheckFailed):
        from axil.experimental.checkify import error_of_failure

        return error_of_failure(e.failure)
    line = line_of_mlir(getattr(e, "location", None)) or user_line()
    kinds = {DifferentiationError: DerivativeError, BatchingError: VmapError, EffectError: EffectMisplacedError}
    kind = kinds.get(type(e), ShapeError)
    return kind(errors.explain(str(e), line))
