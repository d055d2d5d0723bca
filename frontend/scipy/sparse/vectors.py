"""Arithmetic on trees of arrays that stand for one vector, and linear operators on them, for the iterative solvers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from axil import dtypes
from axil import numpy as jnp
from axil.core import Array, Tracer
from axil.numpy.values import Value, shape_error, type_error
from axil.pytrees import tree_leaves, tree_map

add = partial(tree_map, operator.add)
subtract = partial(tree_map, operator.sub)
Operator = Callable[[Any], Any]
"""A linear operator: a function of a vector to a vector of the same structure."""


def scale(factor: Any, x: Any) -> Any:
    """A vector times a scalar."""
    return tree_map(lambda leaf: factor * leaf, x)


def _real_product(x: Value, y: Value) -> Value:
    result = jnp.vdot(x.real, y.real)
    if x.dtype.kind == "c" or y.dtype.kind == "c":
        result = result + jnp.vdot(x.imag, y.imag)
    return result


def real_product(x: Any, y: Any) -> Value:
    """The real part of the inner product of two vectors."""
    return reduce(operator.add, tree_leaves(tree_map(_real_product, x, y)))


def product(x: Any, y: Any) -> Value:
    """The inner product of two vectors, conjugating the first."""
    return reduce(operator.add, tree_leaves(tree_map(jnp.vdot, x, y)))


def length(x: Any) -> Value:
    """The Euclidean norm of a vector."""
    return jnp.sqrt(real_product(x, x))


def dtype_of(x: Any) -> np.dtype:
    """The common dtype of a vector's leaves."""
    return dtypes.result_type(*tree_leaves(x))


def normalized(x: Any, threshold: Any = None) -> tuple[Any, Value]:
    """A vector of length 1 in the direction of `x`, and the length of `x`; zeros where it is below the threshold."""
    norm = length(x)
    if threshold is None:
        threshold = dtypes.finfo(norm.dtype).eps
    long_enough = norm > threshold
    divisor = norm.astype(dtype_of(x))
    return tree_map(lambda y: jnp.where(long_enough, y / divisor, 0.0), x), jnp.where(long_enough, norm, 0.0)


def identity(x: Any) -> Any:
    """The operator that changes nothing; solvers know it."""
    return x


def as_operator(a: Any) -> Operator:
    """A function from a function or a square matrix. Raises `ValueError` for other shapes, `TypeError` else."""
    if callable(a):
        return a
    if isinstance(a, (Array, Tracer, np.ndarray)) or hasattr(a, "__matmul__"):
        shape = getattr(a, "shape", None)
        if shape is not None and (len(shape) != 2 or shape[0] != shape[1]):
            raise shape_error(f"a linear operator must be a square matrix, but has shape: {shape}")
        return partial(jnp.dot, a) if isinstance(a, (Array, Tracer, np.ndarray)) else partial(operator.matmul, a)
    raise type_error(f"a linear operator must be either a function or an array, got {a!r}")
