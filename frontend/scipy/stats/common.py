"""What the distributions share: promotion, standardization, and values outside of the support."""

from __future__ import annotations

import math
from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value, reweaken
from axil.scipy.special.common import floats


def promoted(name: str, *xs: Any, weak_arrays: bool = False) -> list[Value]:
    """Arguments in their common floating dtype; `name` is the function, for errors.

    Integer arrays and Python floats make weakly typed floats. JAX's constants make them strongly typed as soon as there
    are arrays, except in the functions that say `weak_arrays`.
    """
    values, weak = floats(name, *xs)
    if weak and not weak_arrays and any(x.aval.shape for x in values):
        return [reweaken(x, False) for x in values]
    return values


def impossible(where: Any, log_density: Any) -> Value:
    """A logarithm of a density, -inf where nothing can happen."""
    return anp.where(where, -math.inf, log_density)


def undefined(where: Any, value: Any) -> Value:
    """A value, NaN where the parameters make no distribution."""
    return anp.where(where, math.nan, value)


def no_probability(q: Any) -> Value:
    """Where `q` is not a number from 0 to 1."""
    return anp.isnan(q) | (q < 0) | (q > 1)
