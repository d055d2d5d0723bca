"""Pareto's distribution: x^-(b + 1) from 1 on."""

from __future__ import annotations

from typing import Any

from axil import numpy as anp
from axil.numpy.values import Value
from axil.scipy.stats.common import impossible, no_probability, promoted, undefined


def logpdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the density."""
    x, b, loc, scale = promoted("pareto.logpdf", x, b, loc, scale)
    return impossible(x < loc + scale, -(anp.log(scale / b) + (b + 1) * anp.log((x - loc) / scale)))


def pdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Density."""
    return anp.exp(logpdf(x, b, loc, scale))


def logsf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of more than `x`."""
    return _log_tail(*promoted("pareto.logsf", x, b, loc, scale))


def _log_tail(x: Value, b: Value, loc: Value, scale: Value) -> Value:
    below = x < loc + scale
    return anp.where(below, 0, -b * anp.log(anp.where(below, 1, (x - loc) / scale)))


def sf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of more than `x`."""
    return anp.exp(logsf(x, b, loc, scale))


def cdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Probability of at most `x`."""
    return -anp.expm1(logsf(x, b, loc, scale))


def logcdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """Logarithm of the probability of at most `x`."""
    values = promoted("pareto.logcdf", x, b, loc, scale, weak_arrays=True)
    return anp.log(-anp.expm1(_log_tail(*values)))


def ppf(q: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Value:
    """The number below which a draw lies with probability `q`."""
    q, b, loc, scale = promoted("pareto.ppf", q, b, loc, scale)
    outside = no_probability(q)
    return undefined(outside, loc + scale * anp.power(1 - anp.where(outside, 0, q), -1 / b))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
