"""Operators and methods that `Array` and `Tracer` share.

Every one of them is a call of the function of the same meaning in `axil.numpy`, which is where the work is done;
that module is found at first use, since arrays exist before it does.
"""

from __future__ import annotations

import importlib
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from axil import errors
from axil.source import user_line
from axil.tree_registration import ArrayNode, is_array_node


class _Later:
    """A module that is imported at first use; what is used of it becomes an attribute, found at once from then on."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module(self._module), name)
        setattr(self, name, found)
        return found


anp = _Later("axil.numpy")
core = _Later("axil.core")


class ImmutableArrayError(errors.AxilTypeError):
    """An item of an array was assigned to; `x.at[index].set(value)` makes the changed array."""


class ArrayValueError(errors.AxilError, ValueError):
    """An array has not the one value that is asked for."""


class ArrayMethods:
    """What arrays and tracers can do. Both have `aval` (shape and dtype), `weak_type` and `_numpy`."""

    __slots__ = ()

    aval: Any
    weak_type: bool

    # ---- shape and dtype -------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each dimension."""
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the elements."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.aval.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.aval.size

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.aval.size * self.aval.dtype.itemsize

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """All dimensions reversed."""
        return anp.transpose(self)

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """The last two dimensions swapped."""
        return anp.matrix_transpose(self)

    @property
    def real(self) -> Any:
        """Real part."""
        return anp.real(self)

    @property
    def imag(self) -> Any:
        """Imaginary part."""
        return anp.imag(self)

    @property
    def at(self) -> Any:
        """Functional updates: `x.at[index].set(value)`, `.add`, `.multiply`, `.min`, `.get` and so on."""
        return anp.IndexUpdates(self)

    # ---- operators -------------------------------------------------------------------------------------
    #
    # A type that none of the functions takes, such as a list, may know what to do itself: hence NotImplemented.

    def __add__(self, other: Any) -> Any:
        return anp.add(self, other) if isinstance(other, _OPERANDS) else _defer(anp.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return anp.add(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return (
            anp.subtract(self, other) if isinstance(other, _OPERANDS) else _defer(anp.subtract, self, other)
        )

    def __rsub__(self, other: Any) -> Any:
        return anp.subtract(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        return (
            anp.multiply(self, other) if isinstance(other, _OPERANDS) else _defer(anp.multiply, self, other)
        )

    def __rmul__(self, other: Any) -> Any:
        return anp.multiply(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __truediv__(self, other: Any) -> Any:
        return (
            anp.true_divide(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.true_divide, self, other)
        )

    def __rtruediv__(self, other: Any) -> Any:
        return anp.true_divide(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __floordiv__(self, other: Any) -> Any:
        return (
            anp.floor_divide(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.floor_divide, self, other)
        )

    def __rfloordiv__(self, other: Any) -> Any:
        return anp.floor_divide(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __mod__(self, other: Any) -> Any:
        return (
            anp.remainder(self, other) if isinstance(other, _OPERANDS) else _defer(anp.remainder, self, other)
        )

    def __rmod__(self, other: Any) -> Any:
        return anp.remainder(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __divmod__(self, other: Any) -> Any:
        return anp.divmod(self, other) if isinstance(other, _OPERANDS) else _defer(anp.divmod, self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return anp.divmod(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __pow__(self, other: Any) -> Any:
        return anp.power(self, other) if isinstance(other, _OPERANDS) else _defer(anp.power, self, other)

    def __rpow__(self, other: Any) -> Any:
        return anp.power(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __matmul__(self, other: Any) -> Any:
        return anp.matmul(self, other) if isinstance(other, _OPERANDS) else _defer(anp.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return anp.matmul(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __and__(self, other: Any) -> Any:
        return (
            anp.bitwise_and(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.bitwise_and, self, other)
        )

    def __rand__(self, other: Any) -> Any:
        return anp.bitwise_and(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __or__(self, other: Any) -> Any:
        return (
            anp.bitwise_or(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.bitwise_or, self, other)
        )

    def __ror__(self, other: Any) -> Any:
        return anp.bitwise_or(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __xor__(self, other: Any) -> Any:
        return (
            anp.bitwise_xor(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.bitwise_xor, self, other)
        )

    def __rxor__(self, other: Any) -> Any:
        return anp.bitwise_xor(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __lshift__(self, other: Any) -> Any:
        return (
            anp.left_shift(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.left_shift, self, other)
        )

    def __rlshift__(self, other: Any) -> Any:
        return anp.left_shift(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __rshift__(self, other: Any) -> Any:
        return (
            anp.right_shift(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.right_shift, self, other)
        )

    def __rrshift__(self, other: Any) -> Any:
        return anp.right_shift(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __eq__(self, other: Any) -> Any:
        return anp.equal(self, other) if isinstance(other, _OPERANDS) else _defer(anp.equal, self, other)

    def __ne__(self, other: Any) -> Any:
        return (
            anp.not_equal(self, other) if isinstance(other, _OPERANDS) else _defer(anp.not_equal, self, other)
        )

    def __lt__(self, other: Any) -> Any:
        return anp.less(self, other) if isinstance(other, _OPERANDS) else _defer(anp.less, self, other)

    def __le__(self, other: Any) -> Any:
        return (
            anp.less_equal(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.less_equal, self, other)
        )

    def __gt__(self, other: Any) -> Any:
        return anp.greater(self, other) if isinstance(other, _OPERANDS) else _defer(anp.greater, self, other)

    def __ge__(self, other: Any) -> Any:
        return (
            anp.greater_equal(self, other)
            if isinstance(other, _OPERANDS)
            else _defer(anp.greater_equal, self, other)
        )

    def __neg__(self) -> Any:
        return anp.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return anp.absolute(self)

    def __invert__(self) -> Any:
        return anp.invert(self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return anp.round(self, 0 if ndigits is None else ndigits)

    __hash__ = None  # type: ignore[assignment]
    """Arrays are compared element by element, so they cannot be keys; `id(x)` or `x.tobytes()` can."""

    # ---- indexing and iteration ------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        return anp.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ImmutableArrayError(
            errors.explain(
                "arrays are immutable and do not support item assignment",
                user_line(),
                why="a function that is transformed or compiled must not change what it was given.",
                ways_out=[
                    "instead of x[i] = y write x = x.at[i].set(y)",
                    "instead of x[i] += y write x = x.at[i].add(y); there are also multiply, divide, power, min, max",
                ],
            )
        )

    def __delitem__(self, index: Any) -> None:
        raise ImmutableArrayError(
            errors.explain("arrays are immutable and do not support deletion of items", user_line(),
                           ways_out=["axil.numpy.delete(x, i, axis=0) makes an array without them"])
        )  # fmt: skip

    def __len__(self) -> int:
        if not self.aval.shape:
            raise errors.AxilTypeError(errors.explain("len() of an array of no dimensions", user_line()))
        return self.aval.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.aval.shape:
            raise errors.AxilTypeError(
                errors.explain("iteration over an array of no dimensions", user_line())
            )
        return iter([anp.getitem(self, i) for i in range(self.aval.shape[0])])

    def __reversed__(self) -> Iterator[Any]:
        return iter(list(self)[::-1])

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    # ---- conversion to Python and NumPy ----------------------------------------------------------------

    def __bool__(self) -> bool:
        if self.aval.size != 1:
            raise ArrayValueError(
                errors.explain(
                    f"the truth value of an array of {self.aval.size} elements ({self.aval}) is ambiguous",
                    user_line(), ways_out=["any element: x.any()", "all elements: x.all()", "is it empty: x.size == 0"],
                )
            )  # fmt: skip
        return bool(_concrete(self, "", errors.TracerBoolConversionError))

    def __int__(self) -> int:
        return int(self._scalar("int()"))

    def __float__(self) -> float:
        return float(self._scalar("float()"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex()"))

    def __index__(self) -> int:
        if self.aval.shape or self.aval.dtype.kind not in "iu":
            raise errors.AxilTypeError(
                errors.explain(
                    f"only integer scalar arrays can be converted to an index, got {self.aval}", user_line()
                )
            )
        return operator.index(_concrete(self, "", errors.TracerIntegerConversionError)[()])

    def _scalar(self, purpose: str) -> Any:
        """The one element, as a NumPy scalar."""
        if self.aval.shape:
            raise errors.AxilTypeError(
                errors.explain(
                    f"only scalar arrays can be converted to Python scalars by {purpose}, got {self.aval}",
                    user_line(),
                )
            )
        return _concrete(self, purpose, errors.ConcretizationTypeError)[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = _concrete(self, "", errors.TracerArrayConversionError)
        if dtype is not None and np.dtype(dtype) != value.dtype:
            if copy is False:
                raise ValueError(
                    f"an array of dtype {value.dtype} cannot become {np.dtype(dtype)} without a copy"
                )
            return value.astype(dtype)
        if copy:
            return value.copy()
        view = value.view()
        view.flags.writeable = False
        return view

    __array_priority__ = 100
    """Makes `numpy_array * x` an array of ours: NumPy leaves binary operators to the operand of higher priority."""

    def __dlpack__(self, **options: Any) -> Any:
        from axil.dlpack import exported

        return exported(_concrete(self, "", errors.TracerArrayConversionError), **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The module with the functions of the Python array API standard."""
        if api_version is not None and api_version not in anp.SUPPORTED_API_VERSIONS:
            raise ValueError(f"version {api_version!r} of the array API is not available; these are: "
                             f"{', '.join(anp.SUPPORTED_API_VERSIONS)}")  # fmt: skip
        return importlib.import_module("axil.numpy")

    def item(self, *args: int) -> Any:
        """The one element, or that at an index, as a Python number."""
        value = _concrete(self, "item()", errors.ConcretizationTypeError)
        if not args and value.size != 1:
            raise ArrayValueError(
                errors.explain(f"item() takes the index of one of the elements of {self.aval}", user_line())
            )
        return value.item(*args)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return _concrete(self, "tolist()", errors.ConcretizationTypeError).tolist()

    def tobytes(self, order: str = "C") -> bytes:
        """The elements as bytes."""
        return _concrete(self, "tobytes()", errors.ConcretizationTypeError).tobytes(order)  # type: ignore[arg-type]

    # ---- print, copy, pickle ---------------------------------------------------------------------------

    def __repr__(self) -> str:
        # Tracers print themselves.
        value, width = np.asarray(self), np.get_printoptions()["linewidth"]
        ending = f"dtype={self.aval.dtype.name}" + (", weak_type=True)" if self.weak_type else ")")
        text = (
            np.array2string(value, separator=", ", prefix="Array(", suffix=",")
            if value.size
            else f"[], shape={value.shape}"
        )
        last_line = len(text) - (text.rfind("\n") + 1)
        gap = " " if last_line + len(ending) + 2 <= width else "\n      "
        return f"Array({text},{gap}{ending}"

    def __str__(self) -> str:
        return repr(self) if type(self) is core.Tracer else str(np.asarray(self))

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return format(_concrete(self, "formatting it", errors.ConcretizationTypeError)[()], spec)

    def __copy__(self) -> Any:
        return anp.array(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return anp.array(self)

    def __reduce__(self) -> tuple:
        value = _concrete(self, "pickling", errors.ConcretizationTypeError)
        return _unpickle, (np.array(value), self.weak_type)

    # ---- where it is -----------------------------------------------------------------------------------

    @property
    def device(self) -> Any:
        """The device that the array is on."""
        return importlib.import_module("axil.runtime").default_device()

    def devices(self) -> set[Any]:
        """The devices that parts of the array are on."""
        return {self.device}

    def to_device(self, device: Any, *, stream: Any = None) -> Any:
        """The array on a device; only the default device can be chosen."""
        anp.check_placement("to_device", device)
        return self

    def block_until_ready(self) -> Any:
        """Wait until the value is computed; gives the array itself."""
        array: Any = self
        if type(array) is core.Array:
            array._numpy  # noqa: B018 - for its effect
        return self

    # ---- functions as methods --------------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """See `axil.numpy.reshape`; the shape may be one tuple or several arguments."""
        return anp.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """See `axil.numpy.transpose`; the axes may be one tuple or several arguments."""
        return anp.transpose(
            self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        )

    def ravel(self, order: str = "C") -> Any:
        """See `axil.numpy.ravel`."""
        return anp.ravel(self, order=order)

    def flatten(self, order: str = "C") -> Any:
        """See `axil.numpy.ravel`."""
        return anp.ravel(self, order=order)

    def squeeze(self, axis: Any = None) -> Any:
        """See `axil.numpy.squeeze`."""
        return anp.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """See `axil.numpy.swapaxes`."""
        return anp.swapaxes(self, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None, *, total_repeat_length: int | None = None) -> Any:
        """See `axil.numpy.repeat`."""
        return anp.repeat(self, repeats, axis, total_repeat_length=total_repeat_length)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """See `axil.numpy.diagonal`."""
        return anp.diagonal(self, offset, axis1, axis2)

    def trace(
        self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None
    ) -> Any:
        """See `axil.numpy.trace`."""
        return anp.trace(self, offset, axis1, axis2, dtype, out)

    def sum(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
            initial: Any = None, where: Any = None, promote_integers: bool = True) -> Any:  # fmt: skip
        """See `axil.numpy.sum`."""
        return anp.sum(self, axis, dtype, out, keepdims, initial, where, promote_integers)

    def prod(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
             initial: Any = None, where: Any = None, promote_integers: bool = True) -> Any:  # fmt: skip
        """See `axil.numpy.prod`."""
        return anp.prod(self, axis, dtype, out, keepdims, initial, where, promote_integers)

    def mean(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *,
             where: Any = None) -> Any:  # fmt: skip
        """See `axil.numpy.mean`."""
        return anp.mean(self, axis, dtype, out, keepdims, where=where)

    def var(self, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False, *,
            where: Any = None, correction: Any = None) -> Any:  # fmt: skip
        """See `axil.numpy.var`."""
        return anp.var(self, axis, dtype, out, ddof, keepdims, where=where, correction=correction)

    def std(self, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False, *,
            where: Any = None, correction: Any = None) -> Any:  # fmt: skip
        """See `axil.numpy.std`."""
        return anp.std(self, axis, dtype, out, ddof, keepdims, where=where, correction=correction)

    def max(self, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
            where: Any = None) -> Any:  # fmt: skip
        """See `axil.numpy.max`."""
        return anp.max(self, axis, out, keepdims, initial, where)

    def min(self, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
            where: Any = None) -> Any:  # fmt: skip
        """See `axil.numpy.min`."""
        return anp.min(self, axis, out, keepdims, initial, where)

    def any(self, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = None) -> Any:
        """See `axil.numpy.any`."""
        return anp.any(self, axis, out, keepdims, where=where)

    def all(self, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = None) -> Any:
        """See `axil.numpy.all`."""
        return anp.all(self, axis, out, keepdims, where=where)

    def ptp(self, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
        """See `axil.numpy.ptp`."""
        return anp.ptp(self, axis, out, keepdims)

    def argmax(self, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Any:
        """See `axil.numpy.argmax`."""
        return anp.argmax(self, axis, out, keepdims)

    def argmin(self, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Any:
        """See `axil.numpy.argmin`."""
        return anp.argmin(self, axis, out, keepdims)

    def cumsum(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        """See `axil.numpy.cumsum`."""
        return anp.cumsum(self, axis, dtype, out)

    def cumprod(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        """See `axil.numpy.cumprod`."""
        return anp.cumprod(self, axis, dtype, out)

    def dot(self, b: Any, *, precision: Any = None, preferred_element_type: Any = None) -> Any:
        """See `axil.numpy.dot`."""
        return anp.dot(self, b, precision=precision, preferred_element_type=preferred_element_type)

    def astype(self, dtype: Any, copy: bool = False, device: Any = None) -> Any:
        """See `axil.numpy.astype`."""
        return anp.astype(self, dtype, copy=copy, device=device)

    def view(self, dtype: Any = None) -> Any:
        """The same bits as elements of another dtype."""
        return anp.view(self, dtype)

    def take(
        self, indices: Any, axis: int | None = None, out: None = None, mode: str | None = None,
        unique_indices: bool = False, indices_are_sorted: bool = False, fill_value: Any = None,
    ) -> Any:  # fmt: skip
        """See `axil.numpy.take`."""
        return anp.take(self, indices, axis, out, mode, unique_indices, indices_are_sorted, fill_value)

    def nonzero(self, *, size: int | None = None, fill_value: Any = None) -> Any:
        """See `axil.numpy.nonzero`."""
        return anp.nonzero(self, size=size, fill_value=fill_value)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None, *, method: str = "scan") -> Any:
        """See `axil.numpy.searchsorted`."""
        return anp.searchsorted(self, v, side, sorter, method=method)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """See `axil.numpy.clip`."""
        return anp.clip(self, min, max)

    def round(self, decimals: int = 0, out: None = None) -> Any:
        """See `axil.numpy.round`."""
        return anp.round(self, decimals, out)

    def sort(self, axis: int | None = -1, *, kind: None = None, order: None = None, stable: bool = True,
             descending: bool = False) -> Any:  # fmt: skip
        """See `axil.numpy.sort`."""
        return anp.sort(self, axis, kind=kind, order=order, stable=stable, descending=descending)

    def argsort(self, axis: int | None = -1, *, kind: None = None, order: None = None, stable: bool = True,
                descending: bool = False) -> Any:  # fmt: skip
        """See `axil.numpy.argsort`."""
        return anp.argsort(self, axis, kind=kind, order=order, stable=stable, descending=descending)

    def argpartition(self, kth: int, axis: int = -1) -> Any:
        """See `axil.numpy.argpartition`."""
        return anp.argpartition(self, kth, axis)

    def choose(self, choices: Any, out: None = None, mode: str = "raise") -> Any:
        """See `axil.numpy.choose`."""
        return anp.choose(self, choices, out, mode)

    def compress(self, condition: Any, axis: int | None = None, *, out: None = None, size: int | None = None,
                 fill_value: Any = 0) -> Any:  # fmt: skip
        """See `axil.numpy.compress`."""
        return anp.compress(condition, self, axis, size=size, fill_value=fill_value, out=out)

    def copy(self) -> Any:
        """A new array of the same value."""
        return anp.array(self)

    def conj(self) -> Any:
        """See `axil.numpy.conjugate`."""
        return anp.conjugate(self)

    def conjugate(self) -> Any:
        """See `axil.numpy.conjugate`."""
        return anp.conjugate(self)


_OPERANDS = (ArrayMethods, int, float, complex, np.generic, np.ndarray)


def _defer(function: Any, x: Any, y: Any) -> Any:
    """An operator on something that is not an array: an object that can become one, or Python's own error."""
    return function(x, y) if hasattr(y, "__axil_array__") else NotImplemented


def _concrete(x: Any, purpose: str, error: Any) -> np.ndarray:
    """The value of an array, or of a tracer where it is known; else raises `error`."""
    return x.concrete(purpose, error) if type(x) is core.Tracer else x._numpy


def _unpickle(value: np.ndarray, weak_type: bool) -> Any:
    return core.Array(value, weak_type)


class _AnyArray(type):
    """The class of `Array`, which decides what is one."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, ArrayMethods) or is_array_node(x) and x.has_values

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, (ArrayMethods, ArrayNode))


class Array(ArrayMethods, metaclass=_AnyArray):
    """For `isinstance` and annotations: arrays, tracers and arrays of random keys, as in JAX."""

    __slots__ = ()
