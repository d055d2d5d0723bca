"""Products with logarithms that are 0 where a factor is 0, and the log-odds: functions of entropies and likelihoods."""

from __future__ import annotations

from typing import Any

from axil.dialects.factories import ops, sample
from axil.dialects.formulas import log1p
from axil.dialects.op import full_like
from axil.dialects.special_factory import formula_op
from axil.dialects.staged import log, where

_PAIR = (sample("f32[2,3]", "f32[2,3]"), sample("f64[4]", "f64[4]"))


def _xlogy(x: Any, y: Any) -> Any:
    return where((x != 0) | (y != y), x * log(y), 0.0)


def _xlog1py(x: Any, y: Any) -> Any:
    return where((x != 0) | (y != y), x * log1p(y), 0.0)


xlogy = formula_op(
    "xlogy", "x log(y), and 0 where x is 0, unless y is NaN.", _xlogy, ("x", "y"),
    (lambda r, x, y: ops.log(y), lambda r, x, y: ops.div(x, y)), _PAIR, wide=False, domain=(0.3, 3.0),
)  # fmt: skip

xlog1py = formula_op(
    "xlog1py", "x log(1 + y), and 0 where x is 0, unless y is NaN.", _xlog1py, ("x", "y"),
    (lambda r, x, y: ops.log1p(y), lambda r, x, y: ops.div(x, ops.add(y, full_like(y, 1)))), _PAIR, wide=False,
    domain=(-0.7, 3.0),
)  # fmt: skip

xlogx = formula_op(
    "xlogx", "x log(x), and 0 at 0.", lambda x: _xlogy(x, x), ("x",),
    (lambda r, x: ops.add(ops.log(x), full_like(x, 1)),), (sample("f32[2,3]"), sample("f64[4]")), wide=False,
    domain=(0.3, 3.0),
)  # fmt: skip

logit = formula_op(
    "logit", "log(x / (1 - x)), the inverse of the logistic function.", lambda x: log(x / (1.0 - x)), ("x",),
    (lambda r, x: ops.div(full_like(x, 1), ops.mul(x, ops.sub(full_like(x, 1), x))),),
    (sample("f32[2,3]"), sample("f64[4]")), wide=False, domain=(0.1, 0.9),
)  # fmt: skip
