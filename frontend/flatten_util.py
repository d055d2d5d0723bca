"""All leaves of a tree in one vector."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from axil import dtypes, errors, lax, pytrees
from axil.lax.common import operand
from axil.source import user_line


class UnravelError(errors.AxilTypeError, ValueError):
    """A vector does not fit the tree that it is to become."""


@dataclasses.dataclass(frozen=True)
class Unravel:
    """The function from a vector back to a tree, which `ravel_pytree` gives. Equal ones do the same."""

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    leaf_dtypes: tuple[np.dtype, ...]
    dtype: np.dtype

    def __call__(self, flat: Any) -> Any:
        """The tree whose leaves have the elements of `flat`, in order, their own shapes, and dtypes if these differ."""
        if not self.shapes:
            return pytrees.tree_unflatten(self.treedef, [])
        flat = operand("ravel_pytree's unravel", flat)
        sizes = [math.prod(shape) for shape in self.shapes]
        if flat.aval.shape != (sum(sizes),):
            raise UnravelError(
                errors.explain(f"the tree has {sum(sizes)} elements, got {flat.aval}", user_line())
            )
        mixed = any(dtype != self.dtype for dtype in self.leaf_dtypes)
        if mixed and flat.aval.dtype != self.dtype:
            raise UnravelError(
                errors.explain(
                    f"the leaves of the tree are of several dtypes, whose vector is {dtypes.short_name(self.dtype)}; "
                    f"got {flat.aval}",
                    user_line(),
                    ways_out=[f"convert it: x.astype({dtypes.short_name(self.dtype)!r})"],
                )
            )
        parts = [lax.reshape(part, shape) for part, shape in zip(lax.split(flat, sizes), self.shapes)]
        if mixed:
            parts = [lax.convert_element_type(part, dtype) for part, dtype in zip(parts, self.leaf_dtypes)]
        return pytrees.tree_unflatten(self.treedef, parts)


def ravel_pytree(pytree: Any) -> tuple[Any, Unravel]:
    """A vector of all elements of a tree's leaves, in order, and the function from such a vector back to a tree.

    Leaves of several dtypes are converted to the one they promote to.
    """
    leaves, treedef = pytrees.tree_flatten(pytree)
    if not leaves:
        return lax.full((0,), 0, np.float32), Unravel(treedef, (), (), np.dtype(np.float32))
    leaves = [operand("ravel_pytree", leaf) for leaf in leaves]
    dtype = dtypes.result_type(*leaves)
    own = tuple(leaf.aval.dtype for leaf in leaves)
    vectors = [lax.reshape(lax.convert_element_type(x, dtype) if x.aval.dtype != dtype else x, (x.aval.size,))
               for x in leaves]  # fmt: skip
    flat = lax.concatenate(vectors, 0)
    return flat, Unravel(treedef, tuple(leaf.aval.shape for leaf in leaves), own, dtype)


__all__ = ["ravel_pytree"]
