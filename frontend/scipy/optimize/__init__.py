"""`axil.scipy.optimize`: minimization of smooth functions of a vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from axil import numpy as jnp
from axil.numpy.values import shape_error, type_error
from axil.scipy.optimize.bfgs import minimize_bfgs
from axil.scipy.optimize.lbfgs import minimize_lbfgs


class OptimizeResults(NamedTuple):
    """What a minimization found: the argument `x`, and how it went.

    `status` is 0 after convergence, 1 after too many iterations, larger where the line search or a limit ended it;
    `fun`, `jac` are value and gradient at `x`, `hess_inv` the approximate inverse Hessian; `nfev`, `njev`, `nit` count
    evaluations of the function, of its gradient, and iterations.
    """

    x: Any
    success: Any
    status: Any
    fun: Any
    jac: Any
    hess_inv: Any
    nfev: Any
    njev: Any
    nit: Any


_METHODS = {"bfgs": minimize_bfgs, "l-bfgs-experimental-do-not-rely-on-this": minimize_lbfgs}


def minimize(
    fun: Callable[..., Any], x0: Any, args: tuple = (), *, method: str, tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResults:  # fmt: skip
    """Minimize `fun(x, *args)`, a differentiable scalar function of a vector, from `x0` on.

    `method` is "BFGS" or "l-bfgs-experimental-do-not-rely-on-this". Options of both are `maxiter`, `norm` and `gtol`:
    the norm of the gradient below which it has converged, for which `tol` stands too; of BFGS `line_search_maxiter`,
    of the other `maxcor`, `ftol`, `maxfun`, `maxgrad`, `maxls`. It runs under `jit` and `vmap`; derivatives of the
    result come from `axil.lax.custom_root`. Raises `ValueError` for unknown methods.
    """
    if not isinstance(args, tuple):
        raise type_error(f"args argument to axil.scipy.optimize.minimize must be a tuple, got {args!r}")
    found = _METHODS.get(method.lower())
    if found is None:
        raise shape_error(f"minimize: method {method!r} is not recognized; there are {', '.join(_METHODS)}")
    chosen = dict(options or {})
    if tol is not None:
        chosen.setdefault("gtol", tol)
    state = found(lambda x: fun(x, *args), jnp.asarray(x0), **chosen)
    return OptimizeResults(
        x=state.x, success=state.converged & ~state.failed, status=state.status, fun=state.value, jac=state.gradient,
        hess_inv=getattr(state, "inverse", None), nfev=state.evaluations, njev=state.evaluations, nit=state.k,
    )  # fmt: skip


__all__ = ["OptimizeResults", "minimize"]
