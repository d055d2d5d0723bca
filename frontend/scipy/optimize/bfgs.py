"""Minimization by BFGS: Newton steps with an inverse Hessian that is learnt from the gradients.

Source: Nocedal and Wright, "Numerical Optimization", algorithm 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from axil import lax
from axil import numpy as jnp
from axil.scipy.optimize.line_search import wolfe_search


class BFGSState(NamedTuple):
    """Where a minimization is. `before` is the value at the iterate before; `status` as in `OptimizeResults`."""

    converged: Any
    failed: Any
    k: Any
    evaluations: Any
    x: Any
    value: Any
    gradient: Any
    inverse: Any
    before: Any
    status: Any


def minimize_bfgs(
    fun: Callable[[Any], Any], x0: Any, maxiter: int | None = None, norm: Any = np.inf, gtol: float = 1e-5,
    line_search_maxiter: int = 10,
) -> BFGSState:  # fmt: skip
    """Minimize `fun` from the vector `x0` on, until the norm of the gradient (of order `norm`) is below `gtol`."""
    from axil.differentiation import value_and_grad

    limit = x0.size * 200 if maxiter is None else maxiter
    value, gradient = value_and_grad(fun)(x0)
    start = BFGSState(
        converged=jnp.linalg.norm(gradient, ord=norm) < gtol, failed=jnp.asarray(False), k=jnp.asarray(0),
        evaluations=jnp.asarray(1), x=x0, value=value, gradient=gradient, inverse=jnp.eye(x0.shape[0], dtype=x0.dtype),
        before=value + jnp.linalg.norm(gradient) / 2, status=jnp.asarray(0),
    )  # fmt: skip

    def step(state: BFGSState) -> BFGSState:
        p = -jnp.dot(state.inverse, state.gradient)
        found = wolfe_search(
            fun, state.x, p, state.value, state.gradient, state.before, maxiter=line_search_maxiter
        )
        s, new = found.point.a * p, found.point
        return BFGSState(
            converged=jnp.linalg.norm(new.gradient, ord=norm) < gtol, failed=found.failed, k=state.k + 1,
            evaluations=state.evaluations + found.evaluations, x=state.x + s, value=new.phi, gradient=new.gradient,
            inverse=_updated(state.inverse, s, new.gradient - state.gradient), before=state.value, status=found.status,
        )  # fmt: skip

    state = lax.while_loop(lambda s: ~s.converged & ~s.failed & (s.k < limit), step, start)
    status = jnp.where(state.k == limit, 1, jnp.where(state.failed, 2 + state.status, -1))
    return state._replace(status=jnp.where(state.converged, 0, status))


def _updated(inverse: Any, s: Any, y: Any) -> Any:
    """The inverse Hessian that explains the change `y` of the gradient over the step `s`, and is nearest."""
    rho = jnp.reciprocal(jnp.dot(y, s))
    w = jnp.eye(s.shape[0], dtype=rho.dtype) - rho * jnp.outer(s, y)
    new = w @ inverse @ w.T + rho * jnp.outer(s, s)
    return jnp.where(jnp.isfinite(rho), new, inverse)


__all__ = ["BFGSState", "minimize_bfgs"]
