"""What the distributions share: promotion, standardization, and values outside of the support."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.special.common import floats


def promoted(name: str, *xs: Any) -> list[Value]:
    """Arguments in their common floating dtype; `name` is the function, for errors."""
    return floats(name, *xs)[0]


def impossible(where: Any, log_density: Any) -> Value:
    """A logarithm of a density, -inf where nothing can happen."""
    return anp.where(where, -math.inf, log_density)


def undefined(where: Any, value: Any) -> Value:
    """A value, NaN where the parameters make no distribution."""
    return anp.where(where, math.nan, value)


def no_probability(q: Any) -> Value:
    """Where `q` is not a number from 0 to 1."""
    return anp.isnan(q) | (q < 0) | (q > 1)
