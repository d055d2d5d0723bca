"""The gamma distribution, drawn by rejection, and those that are made of it.

Each element is drawn again until a draw is accepted, in a `while_loop`. Derivatives in the shape parameter do not go
through that loop: they are of the number that was drawn, as its cumulative probability is held fixed (Figurnov et al.,
Implicit reparameterization gradients, 2018).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.custom_derivatives import custom_jvp
from axil.lax.common import constant_like, fail
from axil.lax.common import operand as as_operand
from axil.prng import KeyValueError, canonical_shape, single_key, split_raw, subkeys
from axil.sampling import (
    bernoulli_signs,
    check_castable,
    float_dtype,
    normal,
    parameter,
    shape_of_parameters,
    unit_uniform,
)

__all__ = [
    "beta", "chisquare", "dirichlet", "f", "gamma", "generalized_normal", "loggamma", "random_gamma_p", "t",
]  # fmt: skip


def gamma(key: Any, a: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the gamma distribution of shape parameter `a` and scale 1. Differentiable in `a`."""
    return _gammas("gamma", key, a, shape, dtype, False)


def loggamma(key: Any, a: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Logarithms of numbers of the gamma distribution, exact where those would be 0 for small `a`."""
    return _gammas("loggamma", key, a, shape, dtype, True)


def _gammas(name: str, key: Any, a: Any, shape: Any, dtype: Any, logarithm: bool) -> Any:
    raw = single_key(name, key)
    dtype = float_dtype(name, dtype)
    shape = shape_of_parameters(name, shape, a)
    return _gammas_of(raw, parameter(name, a, dtype, shape), logarithm)


def _gammas_of(raw: Any, a: Any, logarithm: bool) -> Any:
    """A draw for each element of `a` under a checked key."""
    shape = a.aval.shape
    size = math.prod(shape)
    if not size:
        return lax.full(shape, 0, a.aval.dtype)
    return lax.reshape(_drawn(split_raw(raw, (size,)), lax.reshape(a, (size,)), logarithm), shape)


def _drawn_of(keys: Any, a: Any, logarithm: bool) -> Any:
    from axil.vectorization import vmap

    return vmap(lambda k, alpha: _one_gamma(k, alpha, logarithm))(keys, a)


_drawn = custom_jvp(_drawn_of, nondiff_argnums=(2,))


@_drawn.defjvp
def _drawn_jvp(logarithm: bool, primals: tuple, tangents: tuple) -> tuple:
    (keys, a), (_, da) = primals, tangents
    y = _drawn(keys, a, logarithm)
    if not logarithm:
        return y, lax.mul(da, lax.random_gamma_grad(a, y))
    x = lax.exp(y)
    tiny = constant_like(x, dtypes.finfo(x.aval.dtype).tiny)
    x = lax.select(lax.eq(x, lax.full_like(x, 0)), lax.full_like(x, tiny), x)
    return y, lax.mul(da, lax.div(lax.random_gamma_grad(a, x), x))


class _RandomGamma:
    """The operation behind `gamma` and `loggamma`."""

    name = "random_gamma"

    def bind(self, key: Any, a: Any, *, log_space: bool) -> Any:
        """A number, or with `log_space` its logarithm, for each element of the array `a`, under one key."""
        return _gammas_of(single_key("random_gamma_p.bind", key), as_operand("random_gamma_p", a), log_space)

    def __repr__(self) -> str:
        return self.name


random_gamma_p = _RandomGamma()
"""The operation behind `gamma` and `loggamma`: ``random_gamma_p.bind(key, a, log_space=...)``."""


def _one_gamma(key: Any, alpha: Any, logarithm: bool) -> Any:
    """One draw, by Marsaglia and Tsang's method: a power of a normal number, accepted or drawn again.

    Parameters below 1 draw at one more and multiply by a power of a uniform number.
    """
    dtype = alpha.aval.dtype
    zero, one, third = (constant_like(alpha, v) for v in (0, 1, 1 / 3))
    large = lax.ge(alpha, one)
    d = lax.sub(lax.select(large, alpha, lax.add(alpha, one)), third)
    c = lax.div(third, lax.sqrt(d))

    def rejected(state: Any) -> Any:
        _, x2, v, u = state
        quick = lax.ge(u, lax.sub(one, lax.mul(constant_like(u, 0.0331), lax.mul(x2, x2))))
        bound = lax.add(lax.mul(x2, constant_like(u, 0.5)), lax.mul(d, lax.add(lax.sub(one, v), lax.log(v))))
        return lax.bitwise_and(quick, lax.ge(lax.log(u), bound))

    def draw(state: Any) -> Any:
        key, x_key, u_key = subkeys(state[0], 3)

        def draw_normal(kxv: Any) -> Any:
            key, sub = subkeys(kxv[0], 2)
            x = normal(sub, (), dtype)
            return key, x, lax.add(one, lax.mul(x, c))

        start = (x_key, zero, lax.neg(one))
        _, x, v = lax.while_loop(lambda kxv: lax.le(kxv[2], zero), draw_normal, start)
        return key, lax.mul(x, x), lax.mul(lax.mul(v, v), v), unit_uniform(u_key, (), dtype)

    key, boost_key = subkeys(key, 2)
    _, _, v, _ = lax.while_loop(rejected, draw, (key, zero, one, constant_like(alpha, 2)))
    u = unit_uniform(boost_key, (), dtype)
    if not logarithm:
        boost = lax.select(large, one, lax.pow(lax.sub(one, u), lax.div(one, alpha)))
        return lax.mul(lax.mul(d, v), boost)
    log_u = lax.log1p(lax.neg(u))
    unboosted = lax.bitwise_or(large, lax.eq(log_u, zero))
    boost = lax.select(unboosted, zero, lax.mul(log_u, lax.div(one, alpha)))
    return lax.add(lax.add(lax.log(d), lax.log(v)), boost)


# ---- made of gamma numbers -----------------------------------------------------------------------------


def beta(key: Any, a: Any, b: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the beta distribution."""
    raw = single_key("beta", key)
    dtype = float_dtype("beta", dtype)
    check_castable("beta", dtype, a, b)
    shape = shape_of_parameters("beta", shape, a, b)
    logs = [loggamma(k, p, shape, dtype) for k, p in zip(subkeys(raw, 2), (a, b))]
    largest = lax.max(*logs)
    x, y = (lax.exp(lax.sub(v, largest)) for v in logs)
    return lax.div(x, lax.add(x, y))


def dirichlet(key: Any, alpha: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Vectors of the Dirichlet distribution, whose elements are positive and add up to 1.

    The last dimension of `alpha` is theirs; `shape` is that of the result without it.
    """
    from axil.nn.normalization import softmax

    dtype = float_dtype("dirichlet", dtype)
    of = tuple(np.shape(alpha))
    if not of:
        fail("random.dirichlet: alpha must have a dimension, that of the vectors; got a scalar", kind=KeyValueError)
    batch = of[:-1] if shape is None else canonical_shape("dirichlet", shape)
    if lax.broadcast_shapes(batch, of[:-1]) != batch:
        fail(f"random.dirichlet: alpha of shape {of} without its last dimension does not broadcast to shape {batch}",
             kind=KeyValueError)  # fmt: skip
    alpha = parameter("dirichlet", alpha, dtype, of)
    return softmax(loggamma(key, alpha, (*batch, of[-1]), dtype), -1)


def chisquare(key: Any, df: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the chi-square distribution of `df` degrees of freedom."""
    dtype = float_dtype("chisquare", dtype)
    check_castable("chisquare", dtype, df)
    shape = shape_of_parameters("chisquare", shape, df)
    half = lax.mul(parameter("chisquare", df, dtype, shape), np.asarray(0.5, dtype))
    return lax.mul(np.asarray(2, dtype), lax.exp(loggamma(key, half, shape, dtype)))


def f(key: Any, dfnum: Any, dfden: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the F distribution of `dfnum` and `dfden` degrees of freedom, above and below the line."""
    raw = single_key("f", key)
    dtype = float_dtype("f", dtype)
    check_castable("f", dtype, dfnum, dfden)
    shape = shape_of_parameters("f", shape, dfnum, dfden)
    below_key, above_key = subkeys(raw, 2)
    above, below = (
        lax.div(chisquare(k, df, shape, dtype), parameter("f", df, dtype, shape))
        for k, df in ((above_key, dfnum), (below_key, dfden))
    )
    return lax.div(above, below)


def t(key: Any, df: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of Student's distribution of `df` degrees of freedom."""
    raw = single_key("t", key)
    dtype = float_dtype("t", dtype)
    check_castable("t", dtype, df)
    shape = shape_of_parameters("t", shape, df)
    half = lax.mul(parameter("t", df, dtype, shape), np.asarray(0.5, dtype))
    normal_key, gamma_key = subkeys(raw, 2)
    drawn = normal(normal_key, shape, dtype)
    return lax.mul(drawn, lax.sqrt(lax.div(half, gamma(gamma_key, half, shape, dtype))))


def generalized_normal(key: Any, p: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of a density proportional to ``exp(-abs(x)**p)``."""
    raw = single_key("generalized_normal", key)
    dtype = float_dtype("generalized_normal", dtype)
    shape = canonical_shape("generalized_normal", shape)
    gamma_key, sign_key = subkeys(raw, 2)
    drawn = gamma(gamma_key, anp.divide(1, p), shape, dtype)
    return anp.multiply(bernoulli_signs(sign_key, shape, dtype), anp.power(drawn, anp.divide(1, p)))
