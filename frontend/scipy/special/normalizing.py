"""Softmax and its logarithm over one axis, several or all: those of `axil.nn`, with SciPy's default."""

from __future__ import annotations

from typing import Any

from axil.nn import normalization
from axil.numpy.values import Value


def softmax(x: Any, /, *, axis: Any = None) -> Value:
    """``exp(x)`` divided by its sum over `axis`, all axes by default."""
    return normalization.softmax(x, axis=axis)


def log_softmax(x: Any, /, *, axis: Any = None) -> Value:
    """The logarithm of `softmax`, exact where that is tiny."""
    return normalization.log_softmax(x, axis=axis)


__all__ = ["log_softmax", "softmax"]
