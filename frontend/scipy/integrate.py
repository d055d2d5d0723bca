"""`axil.scipy.integrate`: integration of samples."""

from __future__ import annotations

from typing import Any

from axil.numpy import statistics
from axil.numpy.values import Value


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """The integral of samples by the trapezoidal rule, as `axil.numpy.trapezoid`."""
    return statistics.trapezoid(y, x, dx, axis)


__all__ = ["trapezoid"]
