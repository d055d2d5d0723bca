"""Universal functions: elementwise functions with `reduce`, `accumulate`, `at`, `reduceat` and `outer`.

`axil.numpy.add` and the others that have these methods in JAX stay plain functions, so that an eager call costs
nothing more: `with_methods` hangs the methods on them, and `isinstance(add, ufunc)` holds all the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes
from axil.numpy import logic, ufuncs
from axil.numpy import reductions as red
from axil.numpy.creation import asarray
from axil.numpy.indexing import getitem
from axil.numpy.joining import append, concatenate
from axil.numpy.logic import pick as where_
from axil.numpy.lookup import take
from axil.numpy.shaping import broadcast_to, expand_dims, moveaxis, ravel, reshape
from axil.numpy.transcendental import exp, log, logaddexp, logaddexp2
from axil.numpy.updates import IndexUpdate
from axil.numpy.values import (
    UnsupportedArgument,
    Value,
    broadcast_shape,
    canonical_axis,
    convert,
    filled,
    operand,
    refuse_out,
    shape_error,
    type_error,
)
from axil.numpy.vectorizing import vectorize


class _Instances(type):
    """Functions with a ufunc's methods count as ufuncs."""

    def __instancecheck__(cls, instance: Any) -> bool:
        found = getattr(instance, "__ufunc__", instance)
        return super().__instancecheck__(found)


class ufunc(metaclass=_Instances):  # noqa: N801 - NumPy's name
    """A function of `nin` numbers that gives `nout`, applied to arrays that are broadcast together.

    `reduce`, `accumulate` and `at` are better ways for these methods than going from element to element, where the
    function has them; `call` is the function of whole arrays.
    """

    def __init__(
        self, func: Callable[..., Any], /, nin: int, nout: int, *, name: str | None = None, nargs: int | None = None,
        identity: Any = None, call: Callable[..., Any] | None = None, reduce: Callable[..., Any] | None = None,
        accumulate: Callable[..., Any] | None = None, at: Callable[..., Any] | None = None,
        reduceat: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self.__name__ = name or getattr(func, "__name__", "ufunc")
        self.__doc__ = func.__doc__
        self.nin = operator.index(nin)
        self.nout = operator.index(nout)
        self.nargs = operator.index(nargs or nin)
        self.identity = identity
        self._func = func
        self._call = call or vectorize(func)
        self._ways = {"reduce": reduce, "accumulate": accumulate, "at": at, "reduceat": reduceat}

    def __hash__(self) -> int:
        return hash((self._func, self.__name__, self.identity, self.nin, self.nout, self.nargs))

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, ufunc):
            return False
        names = ("_func", "__name__", "identity", "nin", "nout", "nargs")
        return all(getattr(self, n) == getattr(other, n) for n in names)

    def __repr__(self) -> str:
        return f"<axil.numpy.ufunc '{self.__name__}'>"

    def __call__(self, *args: Any, out: None = None, where: None = None) -> Any:
        refuse_out(self.__name__, out)
        if where is not None:
            raise UnsupportedArgument(
                f"the 'where' argument to {self.__name__} is not supported; use axil.numpy.where on its result"
            )
        return self._call(*[operand(self.__name__, x, i) for i, x in enumerate(args)])

    # ---- methods ---------------------------------------------------------------------------------------

    def reduce(self, a: Any, axis: int | None = 0, dtype: Any = None, out: None = None, keepdims: bool = False,
               initial: Any = None, where: Any = None) -> Value:  # fmt: skip
        """One element after the other along an axis, combined by the function."""
        self._check("reduce", out)
        a = operand(f"{self.__name__}.reduce", a)
        if where is not None and initial is None and self.identity is None:
            raise shape_error(f"{self.__name__}.reduce: a where mask needs an initial value, as {self.__name__} has no "
                              "identity")  # fmt: skip
        options: dict[str, Any] = dict(axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)
        return (self._ways["reduce"] or self._reduce_by_scan)(a, **options)

    def accumulate(self, a: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Value:
        """All intermediate results of a reduction along an axis."""
        self._check("accumulate", out)
        a = operand(f"{self.__name__}.accumulate", a)
        return (self._ways["accumulate"] or self._accumulate_by_scan)(a, axis=axis, dtype=dtype)

    def at(self, a: Any, indices: Any, b: Any = None, /, *, inplace: bool = True) -> Value:
        """A new array in which the function was applied to the elements at `indices` (and to `b`), one by one.

        Arrays are immutable: `inplace=False` must be given, and the result used.
        """
        if inplace:
            raise UnsupportedArgument(
                f"{self.__name__}.at cannot change an array in place: arrays are immutable; pass inplace=False and use "
                "the result"
            )
        a = operand(f"{self.__name__}.at", a)
        way = self._ways["at"] or self._at_one_by_one
        return way(a, indices) if b is None else way(a, indices, asarray(b))

    def reduceat(self, a: Any, indices: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Value:
        """Reductions of the parts of an axis that begin at `indices`."""
        self._check("reduceat", out)
        a = operand(f"{self.__name__}.reduceat", a)
        return (self._ways["reduceat"] or self._reduceat_by_loop)(a, asarray(indices), axis=axis, dtype=dtype)

    def outer(self, A: Any, B: Any, /) -> Any:  # noqa: N803 - NumPy's names
        """The function of all pairs of elements."""
        self._check("outer", None)
        a, b = operand(f"{self.__name__}.outer", A), operand(f"{self.__name__}.outer", B, 1)
        return self._call(reshape(a, a.shape + (1,) * b.ndim), b)

    # ---- element by element ----------------------------------------------------------------------------

    def _check(self, method: str, out: Any) -> None:
        refuse_out(f"{self.__name__}.{method}", out)
        if self.nin != 2 or self.nout != 1:
            raise shape_error(f"{method} takes a function of two operands and one result; {self.__name__} has "
                              f"{self.nin} and {self.nout}")  # fmt: skip

    def _dtype(self, a: Value, dtype: Any) -> np.dtype:
        """The dtype of results."""
        if dtype is not None:
            return dtypes.check_user_dtype(dtype, self.__name__)
        one = filled(np.ones((), a.dtype), (), a.weak_type)
        return asarray(self._func(one, one)).dtype

    def _rows(self, name: str, a: Value, axis: int) -> Value:
        if axis is None or isinstance(axis, tuple):
            raise shape_error(f"{self.__name__}.{name} takes one axis, got {axis}")
        return moveaxis(a, canonical_axis(axis, a.ndim), 0)

    def _reduce_by_scan(self, a: Value, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any) -> Value:
        from axil.lax import scan

        of = self._dtype(a, dtype)
        mask = None if where is None else broadcast_to(where, a.shape)
        kept = tuple(1 if axis is None or d == axis % a.ndim else n for d, n in enumerate(a.shape))
        if axis is None:
            a, mask, axis = ravel(a), None if mask is None else ravel(mask), 0
        rows = convert(self._rows("reduce", a, axis), of)
        start = self.identity if initial is None else initial
        if start is None:
            if not rows.shape[0]:
                raise shape_error(f"zero-size array to reduction {self.__name__}, which has no identity")
            start, rows = getitem(rows, 0), getitem(rows, slice(1, None))
        else:
            start = broadcast_to(convert(asarray(start), of), rows.shape[1:])
        if mask is None:
            result, _ = scan(lambda y, x: (convert(self._call(y, x), of), None), start, rows)
        else:
            mask = self._rows("reduce", mask, axis)
            result, _ = scan(
                lambda y, x: (where_(x[1], convert(self._call(y, x[0]), of), y), None), start, (rows, mask)
            )
        return reshape(result, kept) if keepdims else result

    def _accumulate_by_scan(self, a: Value, axis: int, dtype: Any) -> Value:
        from axil.lax import scan

        of = self._dtype(a, dtype)
        rows = convert(self._rows("accumulate", a, axis), of)
        if not rows.size:
            return convert(a, of)
        first = getitem(rows, 0)

        def step(y: Any, x: Any) -> Any:
            y = convert(self._call(y, x), of)
            return y, y

        _, rest = scan(step, first, getitem(rows, slice(1, None)))
        return moveaxis(concatenate([expand_dims(first, 0), rest], 0), 0, axis)

    def _at_one_by_one(self, a: Value, indices: Any, *b: Value) -> Value:
        """In the order of the indices, as one may occur twice."""
        from axil.lax import fori_loop

        one = filled(np.ones((), a.dtype), (), a.weak_type)
        of = asarray(self._func(one, *[filled(np.ones((), x.dtype), ()) for x in b])).dtype
        a = convert(a, of)
        entries = list(indices) if isinstance(indices, tuple) else [indices]
        entries = [i if isinstance(i, slice) else asarray(i) for i in entries]
        shapes = [i.shape for i in entries if not isinstance(i, slice)]
        shape = broadcast_shape("at", shapes) if shapes else ()
        if not shape or any(not isinstance(i, slice) and i.dtype.kind == "b" for i in entries):
            place = IndexUpdate(a, tuple(entries))
            return place.set(self._call(place.get(), *b))
        flat = [i if isinstance(i, slice) else ravel(broadcast_to(i, shape)) for i in entries]
        values = [broadcast_to(x, (*shape, *x.shape[len(shape) :])) for x in b]
        values = [reshape(x, (-1, *x.shape[len(shape) :])) for x in values]

        def step(k: Any, y: Any) -> Any:
            place = IndexUpdate(y, tuple(i if isinstance(i, slice) else getitem(i, k) for i in flat))
            return place.set(convert(self._call(place.get(), *[getitem(v, k) for v in values]), of))

        return fori_loop(0, int(np.prod(shape)), step, a)

    def _reduceat_by_loop(self, a: Value, indices: Value, axis: int, dtype: Any) -> Value:
        from axil.lax import fori_loop

        if not a.ndim or indices.ndim != 1:
            raise shape_error(f"{self.__name__}.reduceat takes an array and a vector of indices, got {a.aval} and "
                              f"{indices.aval}")  # fmt: skip
        if dtype is not None:
            a = convert(a, dtypes.check_user_dtype(dtype, "reduceat"))
        rows = self._rows("reduceat", a, axis)
        ends = append(indices, rows.shape[0])
        tall = (-1, *[1] * (rows.ndim - 1))
        start, end = reshape(getitem(ends, slice(0, -1)), tall), reshape(getitem(ends, slice(1, None)), tall)

        def step(i: Any, y: Any) -> Any:
            inside = logic.logical_and(logic.greater(i, start), logic.less(i, end))
            return where_(inside, convert(self._call(y, getitem(rows, i)), y.dtype), y)

        result = fori_loop(0, rows.shape[0], step, take(rows, indices, 0))
        return moveaxis(result, 0, axis)


def frompyfunc(func: Callable[..., Any], /, nin: int, nout: int, *, identity: Any = None) -> ufunc:
    """A ufunc of a function of numbers, which must be made of operations on arrays."""
    return ufunc(func, nin, nout, identity=identity)


# ---- the functions that have methods -------------------------------------------------------------------


def with_methods(function: Any, nin: int = 2, **known: Any) -> None:
    """Give a function of `axil.numpy` the attributes and methods of a ufunc."""
    made = ufunc(function, nin, 1, call=function, **known)
    function.__ufunc__ = made
    for name in ("nin", "nout", "nargs", "identity", "reduce", "accumulate", "at", "reduceat", "outer"):
        setattr(function, name, getattr(made, name))


def _at(name: str, combine_booleans: bool = False) -> Callable[..., Value]:
    def way(a: Value, indices: Any, b: Value) -> Value:
        if a.dtype.kind == "b" and combine_booleans:
            counts = IndexUpdate(convert(a, np.dtype(np.int32)), indices)
            return convert(getattr(counts, name)(convert(convert(b, np.dtype(bool)), np.dtype(np.int32))), a.dtype)
        return getattr(IndexUpdate(a, indices), name)(b)

    return way


def _parity(a: Value, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any) -> Value:
    count = red.sum(convert(a, np.dtype(bool)), axis, keepdims=keepdims, where=where)
    odd = logic.not_equal(ufuncs.remainder(count, 2), 0)
    odd = odd if initial is None else logic.logical_xor(odd, initial)
    return odd if dtype is None else convert(odd, dtypes.check_user_dtype(dtype))


def _logical(of: Callable[..., Value], combine: Callable[..., Value]) -> Callable[..., Value]:
    def way(a: Value, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any) -> Value:
        result = of(a, axis, keepdims=keepdims, where=where)
        result = result if initial is None else combine(initial, result)
        return result if dtype is None else convert(result, dtypes.check_user_dtype(dtype))

    return way


def _extremum(of: Callable[..., Value]) -> Callable[..., Value]:
    def way(a: Value, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any) -> Value:
        a = a if dtype is None else convert(a, dtypes.check_user_dtype(dtype))
        return of(a, axis, keepdims=keepdims, initial=initial, where=where)

    return way


def _log_sum_exp(a: Value, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any) -> Value:
    (a,), _ = ufuncs.promote("logaddexp.reduce", a, inexact=True)
    highest = red.max(ufuncs.real(a), axis, keepdims=True, initial=-np.inf, where=where)
    highest = where_(logic.isfinite(highest), highest, 0)
    total = red.sum(exp(ufuncs.subtract(a, highest)), axis, keepdims=True, where=where)
    result = ufuncs.add(log(total), highest)
    if not keepdims:
        result = red.sum(result, axis)  # of one element along each of the axes
    return result if initial is None else logaddexp(initial, result)


def _log_sum_exp2(a: Value, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any) -> Value:
    ln2 = float(np.log(2))
    initial = None if initial is None else ufuncs.multiply(initial, ln2)
    return ufuncs.divide(_log_sum_exp(ufuncs.multiply(a, ln2), axis, dtype, keepdims, initial, where), ln2)


def _bits(name: str, function: Callable[..., Any], identity: int) -> None:
    with_methods(function, identity=identity)
    by_scan = function.__ufunc__._reduce_by_scan  # type: ignore[attr-defined]

    def way(a: Value, **options: Any) -> Value:
        if dtypes.kind_of(a.dtype) not in "biu":
            raise type_error(f"{name}.reduce takes integers, got {a.aval}")
        return by_scan(a, **options)

    function.__ufunc__._ways["reduce"] = way  # type: ignore[attr-defined]


with_methods(ufuncs.add, identity=0, reduce=red.sum, accumulate=red.cumsum, at=_at("add", True))
with_methods(ufuncs.multiply, identity=1, reduce=red.prod, accumulate=red.cumprod, at=_at("multiply", True))
with_methods(ufuncs.subtract, at=_at("subtract"))
with_methods(ufuncs.maximum, reduce=_extremum(red.max), at=_at("max"))
with_methods(ufuncs.minimum, reduce=_extremum(red.min), at=_at("min"))
with_methods(ufuncs.negative, nin=1)
with_methods(logic.logical_and, identity=True, reduce=_logical(red.all, logic.logical_and))
with_methods(logic.logical_or, identity=False, reduce=_logical(red.any, logic.logical_or))
with_methods(logic.logical_xor, identity=False, reduce=_parity)
with_methods(logaddexp, identity=-np.inf, reduce=_log_sum_exp)
with_methods(logaddexp2, identity=-np.inf, reduce=_log_sum_exp2)
_bits("bitwise_and", logic.bitwise_and, -1)
_bits("bitwise_or", logic.bitwise_or, 0)
_bits("bitwise_xor", logic.bitwise_xor, 0)
