"""Functions of matrices: the exponential, the square root, and any function of a complex number."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as jnp
from axil.custom_derivatives import custom_jvp
from axil.numpy.linalg.products import adjoint
from axil.numpy.values import Value, promote, shape_error, type_error
from axil.scipy.linalg.decompositions import rsf2csf, schur
from axil.scipy.linalg.solving import solve_sylvester, solve_triangular

# ---- exponential ---------------------------------------------------------------------------------------

_PADE_7 = (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0)
_PADE_13 = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip


def _pade(bits: int) -> tuple[tuple[float, ...], float]:
    """Coefficients of an approximant of the exponential, and the norm up to which it is exact to rounding."""
    return (_PADE_7, 3.925724783138660) if bits == 32 else (_PADE_13, 5.371920351148152)


def expm(
    A: Any,  # noqa: N803 - SciPy's name
    *, upper_triangular: bool = False, max_squarings: int = 16,
) -> Value:  # fmt: skip
    """The exponential of square matrices, by a Pade approximant of `A / 2^s`, squared s times.

    NaN where more than `max_squarings` are needed. `upper_triangular` says that `A` is so, which is cheaper.
    Source: Higham, "The scaling and squaring method for the matrix exponential revisited", SIMAX 26 (2005).
    """
    (a,), _ = promote("expm", A, inexact=True)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise shape_error(f"Expected A to be a (batched) square matrix, got A.shape={a.shape}.")
    if dtypes.finfo(a.dtype).bits not in (32, 64):
        raise type_error(f"expm takes 32 and 64 bit floating point matrices, got {a.aval}")
    if not a.size:
        return a
    one = functools.partial(_expm, upper_triangular=upper_triangular, max_squarings=max_squarings)
    return one(a) if a.ndim == 2 else jnp.vectorize(one, signature="(n,n)->(n,n)")(a)


def _expm(a: Value, upper_triangular: bool, max_squarings: int) -> Value:
    coefficients, largest = _pade(dtypes.finfo(a.dtype).bits)
    scale = jnp.log2(lax.stop_gradient(jnp.linalg.norm(a, 1)) / largest)
    squarings = jnp.maximum(0, jnp.ceil(scale))

    def compute(a: Value) -> Value:
        even, odd = _pade_parts(a / jnp.exp2(squarings).astype(a.dtype), coefficients)
        solve = solve_triangular if upper_triangular else jnp.linalg.solve
        result = solve(even - odd, even + odd)
        square = lambda i, x: lax.cond(i < squarings, lambda x: x @ x, lambda x: x, x)
        return lax.fori_loop(0, max_squarings + 1, square, result)

    return lax.cond(jnp.floor(scale) > max_squarings, lambda a: jnp.full_like(a, np.nan), compute, a)


def _pade_parts(a: Value, coefficients: tuple[float, ...]) -> tuple[Value, Value]:
    """The even and the odd part of the approximant's numerator; they differ in the denominator by a sign."""
    identity = jnp.eye(a.shape[-1], dtype=a.dtype)
    powers = [identity, a @ a]
    while len(powers) < min(len(coefficients) // 2, 4):
        powers.append(powers[-1] @ powers[1])
    combined = lambda factors, values: functools.reduce(operator.add, [c * x for c, x in zip(factors, values)])
    even, odd = (combined(coefficients[p : 2 * len(powers) : 2], powers) for p in (0, 1))
    if len(coefficients) > 2 * len(powers):  # the higher ones have a factor of the sixth power
        rest = coefficients[2 * len(powers) :]
        even = even + powers[3] @ combined(rest[0::2], powers[1:])
        odd = odd + powers[3] @ combined(rest[1::2], powers[1:])
    return even, a @ odd


def expm_frechet(
    A: Any,  # noqa: N803 - SciPy's names
    E: Any,  # noqa: N803
    *, method: str | None = None, compute_expm: bool = True,
) -> Any:  # fmt: skip
    """The exponential of `A` and its derivative in the direction `E`, or this alone; `method` has no effect."""
    from axil.differentiation import jvp

    (a, e), _ = promote("expm_frechet", A, E, inexact=True)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape != e.shape:
        raise shape_error(f"expm_frechet takes square matrices of one shape, got {a.aval} and {e.aval}")
    value, change = jvp(expm, (a,), (e,))
    return (value, change) if compute_expm else change


# ---- square root ---------------------------------------------------------------------------------------


def sqrtm(A: Any, blocksize: int = 1) -> Value:  # noqa: N803 - SciPy's name
    """The principal square root of a square matrix, which is complex; `blocksize` must be 1.

    Source: Bjorck and Hammarling, "A Schur method for the square root of a matrix", LAA 52/53 (1983).
    """
    if blocksize > 1:
        raise NotImplementedError("sqrtm has no blocked version; leave blocksize out")
    (a,), _ = promote("sqrtm", A, inexact=True)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise shape_error(f"sqrtm takes a square matrix, got {a.aval}")
    return _sqrtm(a.astype(jnp.promote_types(a.dtype, np.complex64)))


@custom_jvp
def _sqrtm(a: Value) -> Value:
    t, z = schur(a, output="complex")
    return z @ _sqrtm_upper(t) @ adjoint(z)


@_sqrtm.defjvp
def _sqrtm_jvp(primals: tuple, tangents: tuple) -> tuple[Value, Value]:
    """From `S S = A` follows `S dS + dS S = dA`."""
    s = _sqrtm(*primals)
    return s, solve_sylvester(s, s, tangents[0], tol=0.0)


def _sqrtm_upper(t: Value) -> Value:
    """Of an upper triangular matrix, one diagonal after another."""
    n = t.shape[-1]
    roots = jnp.sqrt(jnp.diagonal(t))
    sums = roots[:, None] + roots[None, :]

    def fill(d: Value, u: Value) -> Value:
        # Off the diagonal, elements between those known add up to products of lower diagonals.
        rest = t - u @ u
        found = jnp.where(rest == 0, 0, rest / sums)
        return jnp.where(_on_diagonal(n, d), found, u)

    strict = lax.fori_loop(1, n, fill, jnp.zeros_like(t)) if n > 1 else jnp.zeros_like(t)
    return strict + jnp.diag(roots)


def _on_diagonal(n: int, d: Any) -> Value:
    i = jnp.arange(n)
    return i[None, :] - i[:, None] == d


# ---- any function --------------------------------------------------------------------------------------


def funm(A: Any, func: Callable[[Value], Value], disp: bool = True) -> Any:  # noqa: N803 - SciPy's name
    """A function of a square matrix, from that of complex numbers; with `disp=False` also an estimate of the error.

    Inaccurate where eigenvalues are close. Source: Golub and Van Loan, "Matrix Computations", algorithm 11.1.1.
    """
    (a,), _ = promote("funm", A, inexact=True)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise shape_error("expected square array_like input")
    t, z = rsf2csf(*schur(a))
    values = func(jnp.diagonal(t)).astype(t.dtype)
    f, closest = _parlett(t, values)
    f = z @ f @ adjoint(z)
    if disp:
        return f
    eps = dtypes.finfo(f.dtype).eps
    closest = jnp.where(closest == 0.0, eps, closest)
    error = jnp.minimum(1, jnp.maximum(eps, eps / closest * jnp.linalg.norm(jnp.triu(t, 1), 1)))
    return f, jnp.where(jnp.any(jnp.isinf(f)), np.inf, error)


def _parlett(t: Value, values: Value) -> tuple[Value, Value]:
    """The function of an upper triangular matrix, one diagonal after another, and the least gap of eigenvalues."""
    n = t.shape[-1]
    diagonal = jnp.diagonal(t)
    gaps = diagonal[None, :] - diagonal[:, None]
    strict = jnp.triu(t, 1)
    slopes = strict * (values[None, :] - values[:, None])

    def fill(d: Value, f: Value) -> Value:
        total = slopes + strict @ f - f @ strict
        return jnp.where(_on_diagonal(n, d), jnp.where(gaps != 0, total / gaps, total), f)

    f = lax.fori_loop(1, n, fill, jnp.zeros_like(t)) if n > 1 else jnp.zeros_like(t)
    above = np.triu(np.ones((n, n), bool), 1)
    closest = jnp.min(jnp.where(above, jnp.abs(gaps), np.inf), initial=np.inf)
    return f + jnp.diag(values), jnp.minimum(closest, jnp.abs(t[0, 0]))
