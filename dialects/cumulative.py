"""Cumulative reductions: the running sum, product, maximum, minimum and log-sum-exp along an axis.

They lower to `reduce_window` with a window that is as long as the axis. IREE recognises this form and runs it
as one sequential loop: 0.4 ms for 100,000 elements, where log-step doubling takes 1.3 ms and compiles longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from axil.dialects import avals as av
from axil.dialects.avals import BFLOAT16
from axil.dialects.factories import (
    OPS,
    Aval,
    Op,
    add_tangents,
    check_dtype,
    dtype_of,
    full,
    normalize_axes,
    ops,
    sample,
    shape_of,
)
from axil.dialects.reduction import highest, lowest

_HALF = (np.dtype(np.float16), BFLOAT16)
_FLOAT32 = np.dtype(np.float32)


# ---- derivatives ---------------------------------------------------------------------------------------


def _cut(x: Any, axis: int, start: int, limit: int) -> Any:
    """Elements `start` to `limit` along an axis."""
    shape = shape_of(x)
    starts = tuple(start if i == axis else 0 for i in range(len(shape)))
    limits = tuple(limit if i == axis else n for i, n in enumerate(shape))
    return ops.slice(x, starts=starts, limits=limits, strides=(1,) * len(shape))


def _tangent_by_doubling(x: Any, dx: Any, axis: int, reverse: bool, combine: Callable[..., tuple]) -> Any:
    """Tangent of a cumulative reduction, in log2(n) steps that each double what an element has gathered.

    `combine(a, da, b, db)` gives the value and tangent of combining an earlier and a later element. It
    divides by nothing, so zeros are no exception, and being made of ordinary ops it has derivatives itself.
    """
    n, step = shape_of(x)[axis], 1
    while step < n:
        # Forwards, elements from `step` on take in those `step` before them; backwards, those `step` after.
        keep, take, give = (0, step), (step, n), (0, n - step)
        if reverse:
            keep, take, give = (n - step, n), (0, n - step), (step, n)
        y, dy = combine(
            _cut(x, axis, *give), _cut(dx, axis, *give), _cut(x, axis, *take), _cut(dx, axis, *take)
        )
        kept = _cut(x, axis, *keep), _cut(dx, axis, *keep)
        x, dx = (ops.concatenate(*((b, a) if reverse else (a, b)), axis=axis) for a, b in zip(kept, (y, dy)))
        step *= 2
    return dx


def _combine_by(name: str) -> Callable[..., tuple]:
    """Combination by a binary op of the dialect and its own derivative."""

    def combine(a: Any, da: Any, b: Any, db: Any) -> tuple:
        y = OPS[name](a, b)
        return y, OPS[name].jvp(y, (a, b), (da, db))

    return combine


def _combine_logaddexp(a: Any, da: Any, b: Any, db: Any) -> tuple:
    high, low = ops.max(a, b), ops.min(a, b)
    # Equal infinities have no difference: both -inf stay -inf.
    gap = ops.select(ops.eq(a, b), full(shape_of(a), 0, dtype_of(a)), ops.sub(low, high))
    y = ops.add(high, ops.log1p(ops.exp(gap)))
    finite = ops.select(ops.is_finite(y), y, full(shape_of(y), 0, dtype_of(y)))
    shares = (ops.mul(d, ops.exp(ops.sub(x, finite))) for x, d in ((a, da), (b, db)))
    return y, add_tangents(*shares)


# ---- factory -------------------------------------------------------------------------------------------


def _cumulative(
    name: str,
    summary: str,
    ufunc: np.ufunc,
    combine: Callable[..., Any],
    neutral: Callable[[Any], Any],
    tangent: Callable[..., tuple] | None,
    *,
    takes: str,
    domain: tuple[float, float] = (-2.0, 2.0),
    **more: Any,
) -> Op:
    """A cumulative reduction by a ufunc. `combine(a, b)` is the same in StableHLO, `tangent` its derivative.

    Half precision is computed in single.
    """

    def infer(x: Aval, *, axis: int, reverse: bool) -> Aval:
        check_dtype(name, x, takes)
        normalize_axes(name, (axis,), len(x.shape))
        return x

    def reference(x: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
        dtype = _FLOAT32 if x.dtype in _HALF else x.dtype
        with np.errstate(all="ignore"):
            y = ufunc.accumulate(np.flip(x, axis) if reverse else x, axis, dtype).astype(x.dtype, copy=False)
        return np.flip(y, axis) if reverse else y

    def jvp(y: Any, xs: Any, dxs: Any, *, axis: int, reverse: bool) -> Any:
        if dxs[0] is None or not av.is_inexact(dtype_of(y)):
            return None
        if tangent is None:
            return OPS[name](dxs[0], axis=axis, reverse=reverse)
        return _tangent_by_doubling(xs[0], dxs[0], axis, reverse, tangent)

    def lower(values: Any, results: Any, context: Any, *, axis: int, reverse: bool) -> Any:
        from axil.dialects import hlo

        x, of = values[0], av.aval_of(values[0])
        if not of.size:
            return x
        wide = _FLOAT32 if of.dtype in _HALF else of.dtype
        x = x if wide == of.dtype else hlo.convert(x, wide)
        n = of.shape[axis]
        window = tuple(n if i == axis else 1 for i in range(of.ndim))
        padding = [((0, n - 1) if reverse else (n - 1, 0)) if i == axis else (0, 0) for i in range(of.ndim)]
        init = hlo.constant(np.asarray(neutral(wide)).astype(wide))
        y = hlo.reduce_window(x, init, window, padding, combine)
        return y if wide == of.dtype else hlo.convert(y, of.dtype)

    def batch(size: int, xs: Any, batched: Any, *, axis: int, reverse: bool) -> Any:
        return OPS[name](xs[0], axis=axis + 1, reverse=reverse)

    more.setdefault("samples", _FLOATS + (_INTS if takes != "float" else ()))
    return Op(
        name=name, summary=summary, operands=("x",), attributes={"axis": "int", "reverse": "bool"},
        infer=infer, reference=reference, jvp=jvp, batch=batch, lower=lower, domain=domain, **more,
    )  # fmt: skip


def _hlo_combine(name: str) -> Callable[..., Any]:
    def combine(a: Any, b: Any) -> Any:
        from axil.dialects import hlo

        return hlo.op(name, a, b)

    return combine


def _hlo_logaddexp(a: Any, b: Any) -> Any:
    from axil.dialects import hlo

    high, low = hlo.op("maximum", a, b), hlo.op("minimum", a, b)
    gap = hlo.select(hlo.compare(a, b, "EQ"), hlo.splat(a.type, 0), hlo.op("subtract", low, high))
    return hlo.op("add", high, hlo.op("log_plus_one", hlo.op("exponential", gap)))


_FLOATS = (sample("f32[5]", axis=0, reverse=False), sample("f32[2,3]", axis=1, reverse=True),
           sample("f32[4,1,2]", axis=0, reverse=True), sample("bf16[4]", axis=0, reverse=False, grad=False),
           sample("f32[0,2]", axis=0, reverse=False, grad=False))  # fmt: skip
_INTS = (sample("i32[3,2]", axis=0, reverse=False, grad=False),)


def _cumsum_transpose(ct: Any, xs: Any, *, axis: int, reverse: bool) -> tuple:
    return (cumsum(ct, axis=axis, reverse=not reverse),)


cumsum = _cumulative("cumsum", "Running sum.", np.add, _hlo_combine("add"), lambda dtype: 0, None,
                     takes="number", linear=(0,), transpose=_cumsum_transpose)  # fmt: skip
cumprod = _cumulative("cumprod", "Running product.", np.multiply, _hlo_combine("multiply"), lambda dtype: 1,
                      _combine_by("mul"), takes="number")  # fmt: skip
cummax = _cumulative("cummax", "Running maximum; NaN wins.", np.maximum, _hlo_combine("maximum"), lowest,
                     _combine_by("max"), takes="real", makes_nan=False)  # fmt: skip
cummin = _cumulative("cummin", "Running minimum; NaN wins.", np.minimum, _hlo_combine("minimum"), highest,
                     _combine_by("min"), takes="real", makes_nan=False)  # fmt: skip
cumlogsumexp = _cumulative("cumlogsumexp", "Running logarithm of the sum of exponentials.", np.logaddexp,
                           _hlo_logaddexp, lowest, _combine_logaddexp, takes="float")  # fmt: skip
