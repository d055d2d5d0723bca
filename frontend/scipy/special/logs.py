"""Entropies and their terms, the logistic function and its inverse, Box and Cox' transformations."""

from __future__ import annotations

import math
from typing import Any

from axil import lax
from axil import numpy as anp
from axil.dialects import special_logs as d
from axil.dialects.op import Op
from axil.numpy.values import Value, elementwise
from axil.scipy.special.common import apply, floats, is_complex


def logit(x: Any) -> Value:
    """``log(x / (1 - x))``, the inverse of `expit`."""
    (x,), weak = floats("logit", x, complex_too=True)
    return anp.log(x / (1 - x)) if is_complex([x]) else elementwise("logit", d.logit, [x], weak)


def expit(x: Any) -> Value:
    """The logistic function, ``1 / (1 + exp(-x))``."""
    (x,), _ = floats("expit", x, complex_too=True)
    return lax.logistic(x)


def xlogy(x: Any, y: Any) -> Value:
    """``x * log(y)``, and 0 where `x` is 0, unless `y` is NaN."""
    return _times_log("xlogy", d.xlogy, anp.log, x, y)


def xlog1py(x: Any, y: Any) -> Value:
    """``x * log1p(y)``, and 0 where `x` is 0, unless `y` is NaN."""
    return _times_log("xlog1py", d.xlog1py, anp.log1p, x, y)


def _times_log(name: str, op: Op, log: Any, x: Any, y: Any) -> Value:
    (x, y), weak = floats(name, x, y, complex_too=True)
    if not is_complex([x]):
        return elementwise(name, op, (x, y), weak)
    return anp.where((x != 0) | anp.isnan(y), x * log(y), 0)


def entr(x: Any) -> Value:
    """``-x * log(x)``: 0 at 0, -inf for negative `x`."""
    (x,), _ = floats("entr", x)
    return anp.where(x < 0, anp.full_like(x, -math.inf), -apply("entr", d.xlogx, x))


def rel_entr(p: Any, q: Any) -> Value:
    """``p * log(p / q)``: 0 where `p` is 0 and `q` is not negative, inf where it is not defined."""
    (p, q), _ = floats("rel_entr", p, q)
    inside = (p > 0) & (q > 0)
    safe_p, safe_q = anp.where(inside, p, 1), anp.where(inside, q, 1)
    value = apply("rel_entr", d.xlogx, safe_p) - xlogy(safe_p, safe_q)
    return anp.where(inside, value, anp.where((p == 0) & (q >= 0), anp.zeros_like(p), math.inf))


def kl_div(p: Any, q: Any) -> Value:
    """``p * log(p / q) - p + q``, the elements of the Kullback-Leibler divergence."""
    (p, q), _ = floats("kl_div", p, q)
    return rel_entr(p, q) - p + q


def boxcox(x: Any, lmbda: Any) -> Value:
    """``(x ** lmbda - 1) / lmbda``, and ``log(x)`` where `lmbda` is 0."""
    (x, lmbda), _ = floats("boxcox", x, lmbda)
    return _boxcox(anp.log(x), lmbda)


def boxcox1p(x: Any, lmbda: Any) -> Value:
    """``((1 + x) ** lmbda - 1) / lmbda``, and ``log1p(x)`` where `lmbda` is 0."""
    (x, lmbda), _ = floats("boxcox1p", x, lmbda)
    return _boxcox(anp.log1p(x), lmbda)


def _boxcox(log_x: Value, lmbda: Value) -> Value:
    flat = lmbda == 0
    safe = anp.where(flat, anp.ones_like(lmbda), lmbda)
    return anp.where(flat, log_x, anp.expm1(safe * log_x) / safe)


__all__ = ["boxcox", "boxcox1p", "entr", "expit", "kl_div", "logit", "rel_entr", "xlog1py", "xlogy"]
