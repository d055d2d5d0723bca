"""A function applied to chosen elements of an array, as often as they are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.lax import elementwise as e
from axil.lax import reductions, shaping
from axil.lax.common import ArgumentTypeError, fail, ints, operands
from axil.lax.slicing import GatherScatterMode, ScatterDimensionNumbers, scatter_add
from axil.lax.whiles import while_loop
from axil.vectorization import vmap


def scatter_apply(
    operand: Any, scatter_indices: Any, func: Callable[[Any], Any], dimension_numbers: ScatterDimensionNumbers, *,
    update_shape: Sequence[int] = (), indices_are_sorted: bool = False, unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:  # fmt: skip
    """`operand` with `func` applied to the elements at indices; where an index repeats, as many times.

    `func` takes a scalar and gives one of the same dtype; `update_shape` is the shape that the updates of `lax.scatter`
    would have. Forward-mode differentiable only, as the number of rounds depends on the indices.
    """
    x, indices = operands("scatter_apply", (operand, scatter_indices))
    ones = shaping.full(ints("scatter_apply", "update_shape", update_shape), 1, np.int32)
    times = scatter_add(
        shaping.full(x.aval.shape, 0, np.int32), indices, ones, dimension_numbers,
        indices_are_sorted=indices_are_sorted, unique_indices=unique_indices, mode=mode,
    )  # fmt: skip
    rounds = reductions.reduce_max(times, tuple(range(len(x.aval.shape)))) if x.aval.size else times

    def once(state: tuple[Any, Any]) -> tuple[Any, Any]:
        k, x = state
        applied = _elementwise(func, x)
        return e.add(k, 1), e.select(e.gt(times, k), applied, x)

    if not x.aval.size:
        return x
    return while_loop(lambda state: e.lt(state[0], rounds), once, (np.int32(0), x))[1]


def _elementwise(func: Callable[[Any], Any], x: Any) -> Any:
    """`func` of each element."""
    of = x.aval
    result = shaping.reshape(vmap(func)(shaping.reshape(x, (of.size,))), of.shape)
    if result.aval.dtype != of.dtype:
        fail(f"lax.scatter_apply: func must keep the dtype of its operand {of}, it gives {result.aval}",
             kind=ArgumentTypeError)  # fmt: skip
    return result
