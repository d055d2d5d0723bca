"""Values chosen by conditions: `piecewise` functions, and `place`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.numpy.creation import asarray
from axil.numpy.indexing import getitem
from axil.numpy.logic import pick as where
from axil.numpy.lookup import take
from axil.numpy.reductions import cumsum
from axil.numpy.shaping import ravel, reshape
from axil.numpy.ufuncs import remainder, subtract
from axil.numpy.values import Value, boolean, broadcast, broadcast_shape, convert, operand, shape_error
from axil.numpy.vectorizing import vectorize


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Value:
    """The function (of numbers) or constant whose condition holds, applied to each element.

    Where several conditions hold the last one counts; one function more than there are conditions is for elements of
    which none holds, else they give 0. The result has the dtype of `x`.
    """
    x = operand("piecewise", x)
    conditions = [boolean("piecewise", c) for c in _conditions(condlist)]
    n, functions = len(conditions), list(funclist)
    if len(functions) not in (n, n + 1):
        raise shape_error(f"piecewise: {n} conditions need {n} or {n + 1} functions, got {len(functions)}")
    result = _piece(functions.pop() if len(functions) > n else 0, x, args, kw)
    for condition, function in zip(conditions, functions):
        result = where(condition, _piece(function, x, args, kw), result)
    shape = broadcast_shape("piecewise", [x.shape, *[c.shape for c in conditions]])
    return convert(broadcast(result, shape), x.dtype)


def _conditions(condlist: Any) -> list[Any]:
    if isinstance(condlist, (list, tuple)):
        return [asarray(c) for c in condlist]
    condlist = operand("piecewise", condlist)
    return [getitem(condlist, i) for i in range(condlist.shape[0])]


def _piece(function: Any, x: Value, args: tuple, kw: dict) -> Value:
    if not isinstance(function, Callable):  # type: ignore[arg-type]
        return convert(asarray(function), x.dtype)
    return convert(vectorize(lambda v: function(v, *args, **kw))(x), x.dtype)


def place(arr: Any, mask: Any, vals: Any, *, inplace: bool = True) -> Value:
    """A new array in which the first element where the mask holds is `vals[0]`, the second `vals[1]`, and so on.

    The values are repeated as often as needed. Arrays are immutable: `inplace=False` must be given.
    """
    if inplace:
        raise shape_error("place cannot change an array in place: arrays are immutable",
                          "pass inplace=False and use the result")  # fmt: skip
    arr, mask, vals = operand("place", arr), boolean("place", mask, 1), ravel(operand("place", vals, 2))
    if arr.size != mask.size:
        raise shape_error(f"place takes a mask of the array's size, got {mask.aval} for {arr.aval}")
    if not vals.size:
        raise shape_error("place: there are no values to put into the array")
    if not arr.size:
        return arr
    mask = ravel(mask)
    number = remainder(subtract(cumsum(convert(mask, np.dtype(np.int32))), 1), vals.size)
    values = convert(take(vals, number, mode="clip"), arr.dtype)
    return reshape(where(mask, values, ravel(arr)), arr.shape)


