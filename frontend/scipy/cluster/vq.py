"""Vector quantization: which vector of a code book is nearest."""

from __future__ import annotations

from typing import Any

from axil.numpy.lookup import take_along_axis
from axil.numpy.reductions import argmin, sum
from axil.numpy.ufuncs import real, sqrt
from axil.numpy.values import Value, promote, shape_error


def vq(obs: Any, code_book: Any, check_finite: bool = True) -> tuple[Value, Value]:
    """For each observation (a row) the index of the nearest row of the code book, and its Euclidean distance.

    One-dimensional arguments are scalars in rows. `check_finite` is accepted and has no effect. Raises `ValueError`
    for other numbers of dimensions.
    """
    (obs, code_book), _ = promote("scipy.cluster.vq.vq", obs, code_book, inexact=True)
    if obs.ndim != code_book.ndim:
        raise shape_error(f"vq: observations and code book must have as many dimensions, got {obs.aval} and "
                          f"{code_book.aval}")  # fmt: skip
    if obs.ndim == 1:
        obs, code_book = obs[:, None], code_book[:, None]
    if obs.ndim != 2:
        raise shape_error(f"vq takes arrays of one or two dimensions, got {obs.aval}")
    apart = obs[:, None] - code_book[None]
    distances = sqrt(sum(real(apart * apart.conj()), axis=-1))
    code = argmin(distances, axis=-1)
    return code, take_along_axis(distances, code[:, None], axis=-1)[:, 0]


__all__ = ["vq"]
