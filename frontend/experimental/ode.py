"""`odeint`: ordinary differential equations by the Dormand-Prince method, with gradients by the adjoint equation.

The step is of order 5 with an error estimate of order 4 (Dormand and Prince, A family of embedded Runge-Kutta
formulae, 1980); output times are reached by a quartic through the step that contains them (Shampine, Some practical
Runge-Kutta formulas, 1986). The first step's size follows Hairer, Norsett and Wanner, Solving Ordinary Differential
Equations I, section II.4. Gradients solve a second equation backwards in time, and keep nothing of the first but its
values at the output times (Chen et al., Neural Ordinary Differential Equations, 2018, appendix C).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import axil.numpy as np
from axil import dtypes, errors, lax, pytrees
from axil.custom_conversions import closure_convert
from axil.custom_derivatives import custom_vjp
from axil.dialects import avals as av
from axil.flatten_util import ravel_pytree
from axil.linear_maps import vjp
from axil.operands import check_callable, dtype_text, operand, operands_of
from axil.source import user_line
from axil.vectorization import vmap

_NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_SOLUTION = (*_STAGES[-1], 0.0)
_FOURTH_ORDER = (1951 / 21600, 0.0, 22642 / 50085, 451 / 720, -12231 / 42400, 649 / 6300, 1 / 60)
_ERROR = tuple(a - b for a, b in zip(_SOLUTION, _FOURTH_ORDER))
_MIDDLE = (
    6025192743 / 30085553152 / 2, 0.0, 51252292925 / 65400821598 / 2, -2691868925 / 45128329728 / 2,
    187940372067 / 1594534317056 / 2, -1776094331 / 19743644256 / 2, 11237099 / 235043384 / 2,
)  # fmt: skip


# ---- one step ------------------------------------------------------------------------------------------


def _combined(weights: Sequence[float], slopes: Any) -> Any:
    """A weighted sum of slopes, without those of weight 0."""
    total = None
    for weight, k in zip(weights, slopes):
        if weight:
            total = weight * k if total is None else total + weight * k
    return total


def runge_kutta_step(func: Callable[..., Any], y0: Any, f0: Any, t0: Any, dt: Any) -> tuple[Any, Any, Any, Any]:
    """One step of size `dt` of `y' = func(y, t)` from `y0`, where the slope is `f0`.

    Gives the new value and the slope there, an estimate of the error, and the seven slopes, of shape `(7, n)`.
    """
    slopes = [f0]
    for node, weights in zip(_NODES, _STAGES):
        y = y0 + dt.astype(f0.dtype) * _combined(weights, slopes)
        slopes.append(func(y, t0 + dt * node))
    y1 = y0 + dt.astype(f0.dtype) * _combined(_SOLUTION, slopes)
    error = dt.astype(f0.dtype) * _combined(_ERROR, slopes)
    return y1, slopes[-1], error, np.stack(slopes)


def interp_fit_dopri(y0: Any, y1: Any, k: Any, dt: Any) -> Any:
    """Coefficients, highest first, of the quartic through a step of seven slopes `k`; of shape `(5, n)`."""
    middle = y0 + dt.astype(y0.dtype) * _combined(_MIDDLE, k)
    return np.stack(fit_4th_order_polynomial(y0, y1, middle, k[0], k[-1], dt))


def fit_4th_order_polynomial(
    y0: Any, y1: Any, y_mid: Any, dy0: Any, dy1: Any, dt: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Coefficients, highest first, of the quartic on [0, 1] with given ends, middle, and slopes (by `dt`) at ends."""
    h = dt.astype(y0.dtype)
    a = 2 * h * (dy1 - dy0) - 8 * (y0 + y1) + 16 * y_mid
    b = h * (5 * dy0 - 3 * dy1) + 18 * y0 + 14 * y1 - 32 * y_mid
    c = h * (dy1 - 4 * dy0) - 11 * y0 - 5 * y1 + 16 * y_mid
    return a, b, c, h * dy0, y0


# ---- step sizes ----------------------------------------------------------------------------------------


def abs2(x: Any) -> Any:
    """The square of the absolute value."""
    return x.real**2 + x.imag**2 if np.iscomplexobj(x) else x**2


def initial_step_size(
    fun: Callable[..., Any], t0: Any, y0: Any, order: int, rtol: float, atol: float, f0: Any
) -> Any:
    """A first step for a method of the given order, from the sizes of value, slope `f0` and curvature."""
    scale = atol + np.abs(y0) * rtol
    norm = lambda x: np.sqrt(np.sum(abs2(x / scale.astype(x.dtype))))
    d0, d1 = norm(y0), norm(f0)
    h0 = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
    f1 = fun(y0 + h0.astype(f0.dtype) * f0, t0 + h0)
    d2 = norm(f1 - f0) / h0
    h1 = np.where(
        (d1 <= 1e-15) & (d2 <= 1e-15), np.maximum(1e-6, h0 * 1e-3), (0.01 / np.maximum(d1, d2)) ** (1 / (order + 1))
    )
    return np.minimum(100 * h0, h1)


def mean_error_ratio(error_estimate: Any, rtol: float, atol: float, y0: Any, y1: Any) -> Any:
    """The root mean square of the errors by what is tolerated: a step is good where it is at most 1."""
    tolerated = atol + rtol * np.maximum(np.abs(y0), np.abs(y1))
    return np.sqrt(np.mean(abs2(error_estimate / tolerated.astype(error_estimate.dtype))))


def optimal_step_size(
    last_step: Any, mean_error_ratio: Any, safety: float = 0.9, ifactor: float = 10.0, dfactor: float = 0.2,
    order: float = 5.0,
) -> Any:  # fmt: skip
    """The next step's size: as the error allows, at most `ifactor` times and at least `dfactor` times the last one."""
    least = np.where(mean_error_ratio < 1, 1.0, dfactor)
    wanted = np.maximum(mean_error_ratio ** (-1.0 / order) * safety, least)
    return np.where(mean_error_ratio == 0, last_step * ifactor, last_step * np.minimum(ifactor, wanted))


# ---- the solver ----------------------------------------------------------------------------------------


def odeint(
    func: Callable[..., Any], y0: Any, t: Any, *args: Any, rtol: float = 1.4e-8, atol: float = 1.4e-8,
    mxstep: float = math.inf, hmax: float = math.inf,
) -> Any:  # fmt: skip
    """The solution of `y' = func(y, t, *args)` from `y0` at `t[0]`, at all times `t`.

    `y0` is an array or a tree of them, and `func` gives slopes of the same structure; the result has a leading axis of
    the length of `t`, which holds increasing floats. `args` are arrays in trees. Steps are chosen so that the error of
    each is at most `atol + rtol |y|`; `mxstep` bounds their number between two output times and `hmax` their size.

    Differentiable in reverse mode with respect to `y0`, `t`, `args` and what `func` closes over. Raises `TypeError`
    for times that are not floats and for other arguments that are not arrays.
    """
    check_callable(func, "odeint")
    t = operand(t, "odeint: t")
    if not av.is_float(t.aval.dtype) or t.aval.ndim != 1 or not t.aval.size:
        raise errors.AxilTypeError(
            errors.explain(
                f"odeint: t must be an array of at least one float, in one dimension, got {dtype_text(t)}",
                user_line(), ways_out=["axil.numpy.linspace(t0, t1, n)", "or t.astype(float)"],
            )  # fmt: skip
        )
    leaves, treedef = operands_of(y0, "odeint: y0")
    y0 = pytrees.tree_unflatten(treedef, [_inexact(x) for x in leaves])
    operands_of(args, "odeint: the arguments of func")
    converted, consts = closure_convert(func, y0, t[0], *args)
    flat, unravel = ravel_pytree(y0)
    leaves, args_def = pytrees.tree_flatten((*args, *consts))

    def slopes(y: Any, at: Any, *values: Any) -> Any:
        result = converted(unravel(y), at, *pytrees.tree_unflatten(args_def, values))
        _check_slopes(result, treedef, y0)
        return ravel_pytree(result)[0].astype(y.dtype)

    solution = _solve(slopes, rtol, atol, mxstep, hmax, flat, t, *[operand(x, "odeint") for x in leaves])
    return vmap(unravel)(solution)


def _inexact(x: Any) -> Any:
    return x if av.is_inexact(x.aval.dtype) else np.asarray(x).astype(dtypes.canonicalize_dtype(float))


def _check_slopes(result: Any, treedef: Any, y0: Any) -> None:
    leaves, given = operands_of(result, "odeint: the result of func")
    wanted = pytrees.tree_leaves(y0)
    if given != treedef or any(a.aval.shape != b.aval.shape for a, b in zip(leaves, wanted)):
        raise errors.AxilTypeError(
            errors.explain(
                f"odeint: func must give slopes of the structure and shapes of y0\n"
                f"  y0:     {treedef} of {', '.join(map(dtype_text, wanted))}\n"
                f"  slopes: {given} of {', '.join(map(dtype_text, leaves))}",
                user_line(),
            )
        )


def _integrate(
    func: Any, rtol: float, atol: float, mxstep: float, hmax: float, y0: Any, ts: Any, *args: Any
) -> Any:
    """Values of a flat equation at the times `ts`."""
    f = lambda y, t: func(y, t, *args)

    def goes_on(state: Any) -> Any:
        i, _, _, t, dt, _, _, target = state
        return (t < target) & (i < mxstep) & (dt > 0)

    def step(state: Any) -> Any:
        i, y, slope, t, dt, last_t, quartic, target = state
        next_y, next_slope, error, k = runge_kutta_step(f, y, slope, t, dt)
        ratio = mean_error_ratio(error, rtol, atol, y, next_y)
        next_dt = np.clip(optimal_step_size(dt, ratio), 0.0, hmax).astype(dt.dtype)
        new = (next_y, next_slope, t + dt, t, interp_fit_dopri(y, next_y, k, dt))
        old = (y, slope, t, last_t, quartic)
        y, slope, t, last_t, quartic = [np.where(ratio <= 1, a, b) for a, b in zip(new, old)]
        return i + 1, y, slope, t, next_dt, last_t, quartic, target

    def to_target(carry: Any, target: Any) -> Any:
        _, *carry, _ = lax.while_loop(goes_on, step, (0, *carry, target))
        _, _, t, _, last_t, quartic = carry
        fraction = ((target - last_t) / (t - last_t)).astype(quartic.dtype)
        return tuple(carry), np.polyval(quartic, fraction)

    f0 = f(y0, ts[0])
    dt = np.clip(initial_step_size(f, ts[0], y0, 4, rtol, atol, f0), 0.0, hmax).astype(ts.dtype)
    start = (y0, f0, ts[0], dt, ts[0], np.stack([y0] * 5))
    _, ys = lax.scan(to_target, start, ts[1:])
    return np.concatenate([y0[None], ys])


_solve = custom_vjp(_integrate, nondiff_argnums=(0, 1, 2, 3, 4))


def _forward(func: Any, rtol: float, atol: float, mxstep: float, hmax: float, y0: Any, ts: Any, *args: Any) -> Any:
    ys = _solve(func, rtol, atol, mxstep, hmax, y0, ts, *args)
    return ys, (ys, ts, args)


def _backward(
    func: Any, rtol: float, atol: float, mxstep: float, hmax: float, residuals: Any, g: Any
) -> tuple[Any, ...]:
    """Cotangents by the adjoint equation, from each output time back to the one before."""
    ys, ts, args = residuals
    smooth = [i for i, a in enumerate(args) if av.is_inexact(a.dtype)]

    def adjoint(state: Any, minus_t: Any, *values: Any) -> Any:
        """The equation in negative time, of the value and the cotangents of value, time and arguments."""
        y, y_bar, *_ = state

        def of_smooth(y: Any, t: Any, *chosen: Any) -> Any:
            full = list(values)
            for i, x in zip(smooth, chosen):
                full[i] = x
            return func(y, t, *full)

        slope, pullback = vjp(of_smooth, y, -minus_t, *[values[i] for i in smooth])
        y_dot, t_dot, *args_dot = pullback(y_bar)
        return -slope, y_dot, t_dot, tuple(args_dot)

    def to_time_before(carry: Any, row: Any) -> Any:
        y_bar, t0_bar, args_bar = carry
        y1, t1, t0, g1, g0 = row
        t_bar = np.sum(func(y1, t1, *args) * g1).real.astype(ts.dtype)
        state = (y1, y_bar, t0_bar - t_bar, args_bar)
        _, *bars = odeint(
            adjoint, state, np.stack([-t1, -t0]), *args, rtol=rtol, atol=atol, mxstep=mxstep, hmax=hmax
        )
        y_bar, t0_bar, args_bar = pytrees.tree_map(lambda x: x[1], tuple(bars))
        return (y_bar + g0, t0_bar, args_bar), t_bar

    start = (g[-1], np.zeros((), ts.dtype), tuple(np.zeros_like(args[i]) for i in smooth))
    rows = (ys[1:], ts[1:], ts[:-1], g[1:], g[:-1])
    (y_bar, t0_bar, args_bar), t_bars = lax.scan(to_time_before, start, rows, reverse=True)
    chosen = dict(zip(smooth, args_bar))
    all_bars = [chosen[i] if i in chosen else None for i, a in enumerate(args)]  # None: no cotangent
    return (y_bar, np.concatenate([t0_bar[None], t_bars]), *all_bars)


_solve.defvjp(_forward, _backward)

__all__ = [
    "abs2", "fit_4th_order_polynomial", "initial_step_size", "interp_fit_dopri", "mean_error_ratio", "odeint",
    "optimal_step_size", "runge_kutta_step",
]  # fmt: skip
