"""Zeros of dtype float0, the derivatives of integers, on their way into and out of traced functions.

No program holds float0: it would take no bytes. A traced function takes or gives booleans of the same shape instead,
and the structure of its arguments or result says which leaves these are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes, pytrees
from axil.shape_structs import ShapeDtypeStruct
from axil.tree_keys import HiddenKey


class _Float0:
    """A node that stands for zeros of dtype float0; its leaf is an array of booleans."""

    __slots__ = ("stand_in",)

    def __init__(self, stand_in: Any) -> None:
        self.stand_in = stand_in


def _float0(stand_in: Any) -> Any:
    """What stands for an array becomes zeros of its shape; other leaves stay in the node."""
    if isinstance(stand_in, ShapeDtypeStruct):
        return ShapeDtypeStruct(stand_in.shape, dtypes.float0)
    shape = getattr(stand_in, "shape", None)
    return _Float0(stand_in) if shape is None else np.zeros(shape, dtypes.float0)


pytrees.register_pytree_node(
    _Float0,
    lambda x: ((x.stand_in,), None),
    lambda _, children: _float0(children[0]),
    lambda x: (((HiddenKey(), x.stand_in),), None),
)


def is_float0(x: Any) -> bool:
    """Whether a value is a NumPy array of dtype float0."""
    return isinstance(x, np.ndarray) and x.dtype == dtypes.float0


def _boxed(x: Any) -> Any:
    return _Float0(np.zeros(x.shape, np.bool_)) if is_float0(x) else x


def flatten_values(tree: Any) -> tuple[list[Any], pytrees.PyTreeDef]:
    """As `pytrees.tree_flatten`, with booleans for leaves of dtype float0; unflattening gives float0 again."""
    leaves, treedef = pytrees.tree_flatten(tree)
    if any(is_float0(x) for x in leaves):
        return pytrees.tree_flatten(treedef.unflatten([_boxed(x) for x in leaves]))
    return leaves, treedef


__all__ = ["flatten_values", "is_float0"]
