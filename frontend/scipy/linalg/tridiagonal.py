"""Eigenvalues and eigenvectors of hermitian tridiagonal matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as jnp
from axil.custom_derivatives import custom_jvp
from axil.numpy.values import UnsupportedArgument, Value, errors, shape_error, type_error, user_line
from axil.scipy.linalg.special_matrices import SizeError


def eigh_tridiagonal(
    d: Any, e: Any, *, eigvals_only: bool = False, select: str = "a",
    select_range: tuple[float, float] | None = None, tol: float | None = None, key: Any = None,
) -> Any:  # fmt: skip
    """Eigenvalues, ascending, of the matrix with the diagonal `d` and the off-diagonal `e`; and its eigenvectors.

    Eigenvalues alone are found by bisection, to within `tol` or the precision of the dtype. `select="i"` gives those
    of the indices `select_range`, both included. Eigenvectors come from the dense matrix; `key`, the seed of JAX's
    iteration, has no effect.
    """
    d, e = jnp.asarray(d), jnp.asarray(e)
    if d.dtype != e.dtype or dtypes.finfo(d.dtype).bits not in (32, 64):
        raise type_error(
            f"eigh_tridiagonal takes diagonals of one dtype, f32, f64, c64 or c128; got {d.aval} and {e.aval}"
        )
    if d.ndim != 1 or e.shape != (max(d.shape[0] - 1, 0),):
        raise shape_error(f"eigh_tridiagonal takes diagonals of n and n - 1 elements, got {d.aval} and {e.aval}")
    n = d.shape[0]
    if n <= 1:
        return jnp.real(d) if eigvals_only else (jnp.real(d), jnp.eye(n, dtype=d.dtype))
    first, last = _selected(select, select_range, n)
    if eigvals_only:
        return _eigenvalues(jnp.real(d), e, tol, first, last)
    values, vectors = jnp.linalg.eigh(_dense(d, e))
    return values[first:last], vectors[:, first:last]


def _selected(select: str, select_range: Any, n: int) -> tuple[int, int]:
    if select == "a":
        return 0, n
    if select == "i":
        if select_range is None:
            raise SizeError("for select='i', select_range must be specified.")
        first, last = (int(i) for i in select_range)
        if first > last:
            raise SizeError("Got empty index range in select_range.")
        return first, last + 1
    if select == "v":
        raise UnsupportedArgument(
            errors.explain("eigh_tridiagonal(..., select='v') is not available: how many there are is not known",
                           user_line(), ways_out=["select all, or by index with select='i'"])  # fmt: skip
        )
    raise SizeError("'select must have a value in {'a', 'i', 'v'}.")


def _dense(d: Value, e: Value) -> Value:
    return jnp.diag(d) + jnp.diag(e, 1) + jnp.diag(jnp.conj(e), -1)


def _eigenvalues(d: Value, e: Value, tol: Any, first: int, last: int) -> Value:
    @custom_jvp
    def eigenvalues(d: Value, e: Value) -> Value:
        return _bisection(d, jnp.real(e * jnp.conj(e)), tol, first, last)

    @eigenvalues.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Value, Value]:
        """The change of an eigenvalue is that of the matrix between its eigenvector and itself."""
        (d, e), (dd, de) = primals, tangents
        vectors = jnp.linalg.eigh(_dense(d.astype(e.dtype), e))[1][:, first:last]
        along = jnp.real(jnp.conj(vectors) * vectors)
        across = jnp.conj(vectors[:-1]) * vectors[1:]
        return eigenvalues(d, e), dd @ along + 2 * jnp.real(de @ across)

    return eigenvalues(d, e)


def _bisection(d: Value, squares: Value, tol: Any, first: int, last: int) -> Value:
    """Halve intervals that hold one eigenvalue each, by Sturm counts, until they are as small as rounding allows.

    Source: Barth, Martin and Wilkinson, "Calculation of the eigenvalues of a symmetric tridiagonal matrix by the
    method of bisection", Num. Math. 9 (1967).
    """
    n, info = d.shape[0], dtypes.finfo(d.dtype)
    size = jnp.sqrt(squares)
    zero = jnp.zeros(1, d.dtype)
    radius = jnp.concatenate([size, zero]) + jnp.concatenate([zero, size])  # Gershgorin's circles
    high, low = jnp.max(d + radius), jnp.min(d - radius)
    norm = jnp.maximum(jnp.abs(low), jnp.abs(high))
    tiny = float(info.tiny) * (1 + float(info.eps)) * jnp.maximum(1, jnp.max(squares))
    slack = 2.1 * float(info.eps) * n * norm + 4.2 * tiny
    goal = float(info.eps) * norm
    if tol is not None:
        goal = jnp.maximum(tol, goal)
    wanted = jnp.arange(first, last)
    low, high = (jnp.broadcast_to(v, wanted.shape) for v in (low - slack, high + slack))

    def step(state: tuple) -> tuple:
        i, low, high = state
        middle = 0.5 * (low + high)
        below = _count_below(d, squares, tiny, middle) <= wanted
        return i + 1, jnp.where(below, middle, low), jnp.where(below, high, middle)

    def goes_on(state: tuple) -> Value:
        i, low, high = state
        return (i <= info.nmant) & (jnp.max(high - low) > goal)

    _, low, high = lax.while_loop(goes_on, step, (0, low, high))
    return 0.5 * (low + high)


def _count_below(d: Value, squares: Value, tiny: Value, x: Value) -> Value:
    """How many eigenvalues are below each of `x`: the negative pivots of the matrix less `x`."""

    def step(state: tuple, row: tuple) -> tuple[tuple, None]:
        pivot, count = state
        diagonal, square = row
        pivot = diagonal - square / pivot - x
        negative = pivot <= tiny
        return (jnp.where(negative, jnp.minimum(pivot, -tiny), pivot), count + negative), None

    before = jnp.concatenate([jnp.zeros(1, d.dtype), squares])
    start = (jnp.ones_like(x), jnp.zeros(x.shape, np.int32))
    return lax.scan(step, start, (d, before))[0][1]
