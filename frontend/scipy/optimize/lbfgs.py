"""Minimization by L-BFGS, which keeps the last few steps in place of an inverse Hessian.

Source: Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from axil import lax
from axil import numpy as jnp
from axil.scipy.optimize.line_search import wolfe_search


class LBFGSState(NamedTuple):
    """Where a minimization is. Steps, changes of the gradient, and the reciprocals of their products are the history.

    `status` is 0, 1 after too many iterations, 2 or 3 after too many evaluations, 4 where the value does not decrease
    any more, 5 where the line search failed.
    """

    converged: Any
    failed: Any
    k: Any
    evaluations: Any
    x: Any
    value: Any
    gradient: Any
    steps: Any
    changes: Any
    rhos: Any
    gamma: Any
    status: Any


def minimize_lbfgs(
    fun: Callable[[Any], Any], x0: Any, maxiter: float | None = None, norm: Any = np.inf, maxcor: int = 10,
    ftol: float = 2.220446049250313e-09, gtol: float = 1e-5, maxfun: float | None = None,
    maxgrad: float | None = None, maxls: int = 20,
) -> LBFGSState:  # fmt: skip
    """Minimize `fun` from the vector `x0` on, remembering `maxcor` steps.

    It ends where the norm of the gradient (of order `norm`) is below `gtol`, where the value decreases by less than
    `ftol`, or at one of the limits of iterations, evaluations and gradients.
    """
    from axil.differentiation import value_and_grad

    if maxiter is None and maxfun is None and maxgrad is None:
        maxiter = len(x0) * 200
    limits = [np.inf if m is None else m for m in (maxiter, maxfun, maxgrad)]
    value, gradient = value_and_grad(fun)(x0)
    no = jnp.asarray(False)
    history = jnp.zeros((maxcor, len(x0)), x0.dtype)
    start = LBFGSState(
        converged=no, failed=no, k=jnp.asarray(0), evaluations=jnp.asarray(1), x=x0, value=value, gradient=gradient,
        steps=history, changes=history, rhos=jnp.zeros(maxcor, x0.dtype), gamma=jnp.ones((), x0.dtype),
        status=jnp.asarray(0),
    )  # fmt: skip

    def step(state: LBFGSState) -> LBFGSState:
        p = _direction(state)
        found = wolfe_search(fun, state.x, p, state.value, state.gradient, maxiter=maxls)
        s, new = found.point.a.astype(p.dtype) * p, found.point
        y = new.gradient - state.gradient
        product = jnp.real(jnp.dot(y, s))
        status = jnp.where(state.value - new.phi < ftol, 4, 0)
        for code, (count, limit) in enumerate(zip((state.k, state.evaluations, state.evaluations), limits), 1):
            status = jnp.where(count >= limit, code, status)
        status = jnp.where(found.failed, 5, status)
        converged = jnp.linalg.norm(new.gradient, ord=norm) < gtol
        return LBFGSState(
            converged=converged, failed=(status > 0) & ~converged, k=state.k + 1,
            evaluations=state.evaluations + found.evaluations, x=state.x + s, value=new.phi, gradient=new.gradient,
            steps=_appended(state.steps, s), changes=_appended(state.changes, y),
            rhos=_appended(state.rhos, jnp.reciprocal(product).astype(y.dtype)),
            gamma=(product / jnp.real(jnp.vdot(y, y))).astype(state.gamma.dtype),
            status=jnp.where(converged, 0, status),
        )  # fmt: skip

    return lax.while_loop(lambda s: ~s.converged & ~s.failed, step, start)


def _appended(history: Any, new: Any) -> Any:
    return jnp.concatenate([history[1:], new[None]])


def _direction(state: LBFGSState) -> Any:
    """The step that the history suggests, by the two-loop recursion. Steps not made yet have weight zero."""

    def backwards(q: Any, entry: tuple) -> tuple[Any, Any]:
        s, y, rho = entry
        weight = rho * jnp.real(jnp.vdot(s, q)).astype(rho.dtype)
        return q - weight * jnp.conj(y), weight

    def forwards(q: Any, entry: tuple) -> tuple[Any, None]:
        s, y, rho, weight = entry
        back = rho * jnp.real(jnp.dot(y, q)).astype(rho.dtype)
        return q + (weight - back) * s, None

    history = (state.steps, state.changes, state.rhos)
    q, weights = lax.scan(backwards, -jnp.conj(state.gradient), history, reverse=True)
    return lax.scan(forwards, state.gamma * q, (*history, weights))[0]


__all__ = ["LBFGSState", "minimize_lbfgs"]
