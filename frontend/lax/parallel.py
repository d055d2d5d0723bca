"""Collective functions over the axes that `vmap(axis_name=...)` names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import dtypes, tree
from axil.core import Array, Tracer, bind, state
from axil.dialects import avals as av
from axil.dialects import collective
from axil.dialects.op import Op
from axil.lax import elementwise as e
from axil.lax.common import constant_like, operand
from axil.runtime.errors import AxilError

_PYTHON_NUMBERS = (bool, int, float, complex)


class AxisNameError(AxilError, NameError):
    """An axis name that no enclosing transformation binds."""


def _names(axis_name: Any) -> tuple[Any, ...]:
    """The names of one axis or several, all of which must be bound."""
    names = tuple(axis_name) if isinstance(axis_name, tuple | list) else (axis_name,)
    for name in names:
        if name not in state.axis_sizes:
            raise AxisNameError(
                f"unbound axis name: {name}. Names are bound by vmap(..., axis_name={name!r}) around this call"
            )
    return names


def axis_size(axis_name: Any) -> int:
    """The size of a named axis, or the product of those of several."""
    return math.prod(state.axis_sizes[name] for name in _names(axis_name))


def axis_index(axis_name: Any) -> Any:
    """This member's place along a named axis; along several, in row-major order."""
    names = _names(axis_name)
    index = None
    for name in names:
        part = bind(collective.axis_index, axis_name=name, dtype=np.dtype(np.int32))
        if index is None:
            index = part
        else:
            index = e.add(e.mul(index, constant_like(index, state.axis_sizes[name])), part)
    return index


def _over_axes(op: Op, x: Any, names: Sequence[Any]) -> Any:
    x = operand(op.name, x)
    for name in names:
        x = bind(op, x, axis_name=name)
    return x


def psum(x: Any, axis_name: Any) -> Any:
    """Sum of a tree of arrays over named axes; of a Python number, the number times their size."""
    names = _names(axis_name)
    size = axis_size(axis_name)

    def one(leaf: Any) -> Any:
        if type(leaf) in _PYTHON_NUMBERS:
            return leaf * size
        leaf = operand("psum", leaf)
        if av.is_bool(leaf.aval.dtype):
            leaf = e.convert_element_type(leaf, np.int32)
        return _over_axes(collective.psum, leaf, names)

    return tree.tree_map(one, x)


def pmean(x: Any, axis_name: Any) -> Any:
    """Mean of a tree of arrays over named axes."""
    size = axis_size(axis_name)

    def one(total: Any) -> Any:
        if type(total) is not Array and type(total) is not Tracer:
            return total / size
        if not av.is_inexact(total.aval.dtype):
            total = e.convert_element_type(total, dtypes.to_inexact_dtype(total.aval.dtype))
        return e.div(total, constant_like(total, size))

    return tree.tree_map(one, psum(x, axis_name))


def pmax(x: Any, axis_name: Any) -> Any:
    """Maximum of a tree of arrays over named axes."""
    return _extremum(collective.pmax, x, axis_name)


def pmin(x: Any, axis_name: Any) -> Any:
    """Minimum of a tree of arrays over named axes."""
    return _extremum(collective.pmin, x, axis_name)


def _extremum(op: Op, x: Any, axis_name: Any) -> Any:
    names = _names(axis_name)
    one: Callable[[Any], Any] = lambda leaf: _over_axes(op, leaf, names)
    return tree.tree_map(one, x)
