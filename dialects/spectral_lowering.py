"""Lowering of decompositions to kernels: batches flattened, complex matrices as two planes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import dtype_of, shape_of
from axil.dialects.errors import AttributeValueError
from axil.dialects.spectral_rules import real_dtype


def lower_spectral(
    name: str, values: Any, results: Sequence[Any], context: Any, general: Callable[[Any], list] | None = None,
    **params: Any,
) -> list:  # fmt: skip
    """Emit a call of the kernel `name`, with `params`, on one batch of matrices; gives the results.

    The kernel takes the real and, if there is one, the imaginary part of the matrices, of shape (batch, m, n), and
    gives the parts of each result in turn. Where there is no kernel, as on GPUs, `general` emits StableHLO for matrices
    (batch, m, n); without it, the error says what to do instead.
    """
    from axil.dialects import hlo
    from axil.dialects.mlir import aval_of_type

    (x,) = values
    wanted = [aval_of_type(t) for t in results]
    if all(0 in a.shape for a in wanted):
        return [hlo.splat(t, 0) for t in results]
    shape, complex_ = shape_of(x), av.is_complex(dtype_of(x))
    batch = math.prod(shape[:-2])
    flat = hlo.reshape(x, (batch, *shape[-2:]))
    types = []
    for a in wanted:
        part = a.with_dtype(real_dtype(a.dtype)).with_shape((batch, *a.shape[len(shape) - 2 :]))
        types += [hlo.tensor_type(part)] * (2 if av.is_complex(a.dtype) else 1)
    found = None
    if context is not None and context.platform == "cpu":
        parts = [hlo.op("real", flat), hlo.op("imag", flat)] if complex_ else [flat]
        found = context.kernel(name, parts, types, **params)
    if found is None and general is not None:
        return [hlo.reshape(y, a.shape) for y, a in zip(general(flat), wanted, strict=True)]
    if found is None:
        platform = getattr(context, "platform", "this target")
        raise AttributeValueError(
            f"'{name}' of {aval_of_type(x.type)} cannot be compiled for {platform}: its kernel runs on CPUs only. "
            "Call it outside of jit, where it runs on the host, or compile for the CPU"
        )
    given = iter(found)
    whole = []
    for a in wanted:
        part = next(given)
        if av.is_complex(a.dtype):
            part = hlo.op("complex", part, next(given))
        whole.append(hlo.reshape(part, a.shape))
    return whole


def zeros(type_: Any) -> Any:
    """Emit zeros of a type."""
    from axil.dialects import hlo

    return hlo.splat(type_, 0)


def identity(type_: Any) -> Any:
    """Emit identity matrices of a type."""
    from axil.dialects import hlo
    from axil.dialects.mlir import aval_of_type

    of = aval_of_type(type_)
    rows, columns = (hlo.iota(of.shape, np.int32, of.ndim - d) for d in (2, 1))
    return hlo.select(hlo.compare(rows, columns, "EQ"), hlo.splat(type_, 1), hlo.splat(type_, 0))
