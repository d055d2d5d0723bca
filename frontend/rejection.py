"""Distributions drawn by rejection: gamma, what is made of it, and Poisson.

Each element is drawn again until a draw is accepted, in a `while_loop`. A derivative in the parameters through that
loop would take no account of acceptance: asking for one is an error.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil.core import bind
from axil.dialects.shape import not_differentiable
from axil.lax.common import constant_like, converted
from axil.lax.shaping import broadcast_to
from axil.prng import single_key, split_raw
from axil.sampling import float_dtype, normal, parameter, shape_of_parameters, uniform, unit_uniform

_NO_DERIVATIVE = "random.{} draws by rejection and has no derivative in its shape parameter"

__all__ = ["beta", "chisquare", "dirichlet", "gamma", "loggamma", "poisson", "t"]


def gamma(key: Any, a: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the gamma distribution of shape parameter `a` and scale 1."""
    return _gammas("gamma", key, a, shape, dtype, False)


def loggamma(key: Any, a: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Logarithms of numbers of the gamma distribution, exact where those would be 0 for small `a`."""
    return _gammas("loggamma", key, a, shape, dtype, True)


def _gammas(name: str, key: Any, a: Any, shape: Any, dtype: Any, logarithm: bool) -> Any:
    from axil.vectorization import vmap

    raw = single_key(name, key)
    dtype = float_dtype(name, dtype)
    shape = shape_of_parameters(name, shape, a)
    size = math.prod(shape)
    a = bind(not_differentiable, parameter(name, a, dtype, shape), why=_NO_DERIVATIVE.format(name))
    if not size:
        return lax.full(shape, 0, dtype)
    drawn = vmap(lambda k, alpha: _one_gamma(k, alpha, logarithm))(split_raw(raw, (size,)), lax.reshape(a, (size,)))
    return lax.reshape(drawn, shape)


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
        key, x_key, u_key = lax.unstack(split_raw(state[0], (3,)))

        def draw_normal(kxv: Any) -> Any:
            key, sub = lax.unstack(split_raw(kxv[0], (2,)))
            x = normal(sub, (), dtype)
            return key, x, lax.add(one, lax.mul(x, c))

        start = (x_key, zero, lax.neg(one))
        _, x, v = lax.while_loop(lambda kxv: lax.le(kxv[2], zero), draw_normal, start)
        return key, lax.mul(x, x), lax.mul(lax.mul(v, v), v), unit_uniform(u_key, (), dtype)

    key, boost_key = lax.unstack(split_raw(key, (2,)))
    _, _, v, _ = lax.while_loop(rejected, draw, (key, zero, one, constant_like(alpha, 2)))
    u = unit_uniform(boost_key, (), dtype)
    if not logarithm:
        boost = lax.select(large, one, lax.pow(lax.sub(one, u), lax.div(one, alpha)))
        return lax.mul(lax.mul(d, v), boost)
    log_u = lax.log1p(lax.neg(u))
    unboosted = lax.bitwise_or(large, lax.eq(log_u, zero))
    boost = lax.select(unboosted, zero, lax.mul(log_u, lax.div(one, alpha)))
    return lax.add(lax.add(lax.log(d), lax.log(v)), boost)


def beta(key: Any, a: Any, b: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the beta distribution."""
    raw = single_key("beta", key)
    dtype = float_dtype("beta", dtype)
    shape = shape_of_parameters("beta", shape, a, b)
    keys = lax.unstack(split_raw(raw, (2,)))
    logs = [loggamma(k, p, shape, dtype) for k, p in zip(keys, (a, b))]
    largest = lax.max(*logs)
    x, y = (lax.exp(lax.sub(v, largest)) for v in logs)
    return lax.div(x, lax.add(x, y))


def dirichlet(key: Any, alpha: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Vectors of the Dirichlet distribution, whose elements are positive and add up to 1."""
    dtype = float_dtype("dirichlet", dtype)
    alpha = parameter("dirichlet", alpha, dtype, tuple(np.shape(alpha)))
    *lead, n = alpha.aval.shape
    shape = tuple(lead) if shape is None else tuple(shape)
    logs = loggamma(key, alpha, (*shape, n), dtype)
    axis, keep = (len(shape),), (*shape, 1)
    largest = lax.reshape(lax.reduce_max(logs, axis), keep)
    x = lax.exp(lax.sub(logs, broadcast_to("random.dirichlet", lax.stop_gradient(largest), logs.aval.shape)))
    total = lax.reshape(lax.reduce_sum(x, axis), keep)
    return lax.div(x, broadcast_to("random.dirichlet", total, logs.aval.shape))


def chisquare(key: Any, df: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Numbers of the chi-square distribution of `df` degrees of freedom."""
    dtype = float_dtype("chisquare", dtype)
    shape = shape_of_parameters("chisquare", shape, df)
    half = lax.mul(parameter("chisquare", df, dtype, shape), np.asarray(0.5, dtype))
    return lax.mul(np.asarray(2, dtype), lax.exp(loggamma(key, half, shape, dtype)))


def t(key: Any, df: Any, shape: Any = (), dtype: Any = None) -> Any:
    """Numbers of Student's distribution of `df` degrees of freedom."""
    raw = single_key("t", key)
    dtype = float_dtype("t", dtype)
    shape = shape_of_parameters("t", shape, df)
    half = lax.mul(parameter("t", df, dtype, shape), np.asarray(0.5, dtype))
    normal_key, gamma_key = lax.unstack(split_raw(raw, (2,)))
    drawn = normal(normal_key, shape, dtype)
    return lax.mul(drawn, lax.sqrt(lax.div(half, gamma(gamma_key, half, shape, dtype))))


def poisson(key: Any, lam: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Integers of the Poisson distribution of mean `lam`."""
    raw = single_key("poisson", key)
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "random.poisson")
    shape = shape_of_parameters("poisson", shape, lam)
    lam = parameter("poisson", lam, np.dtype(np.float32), shape)
    like = lambda value: lax.full_like(lam, value)
    small = lax.bitwise_or(lax.ne(lam, lam), lax.lt(lam, like(10)))
    few = _poisson_by_products(raw, lax.select(small, lam, like(0)), dtype)
    many = _poisson_by_rejection(raw, lax.select(small, like(1e5), lam), dtype)
    drawn = lax.select(small, few, many)
    return lax.select(lax.eq(lam, like(0)), lax.full_like(drawn, 0), drawn)


def _any(flags: Any) -> Any:
    return lax.reduce_or(flags, tuple(range(len(flags.aval.shape))))


def _poisson_by_products(key: Any, lam: Any, dtype: np.dtype) -> Any:
    """Knuth's method: how many uniform numbers multiply to more than exp(-lam)."""
    shape, limit = lam.aval.shape, lax.neg(lam)

    def step(state: Any) -> Any:
        count, key, log_product = state
        key, sub = lax.unstack(split_raw(key, (2,)))
        more = converted(lax.gt(log_product, limit), dtype)
        u = uniform(sub, shape, np.float32)
        return lax.add(count, more), key, lax.add(log_product, lax.log(u))

    start = (lax.full(shape, 0, dtype), key, lax.full(shape, 0, np.float32))
    count, _, _ = lax.while_loop(lambda state: _any(lax.gt(state[2], limit)), step, start)
    return lax.sub(count, lax.full_like(count, 1))


def _poisson_by_rejection(key: Any, lam: Any, dtype: np.dtype) -> Any:
    """Hörmann's transformed rejection (PTRS, 1993), for means of 10 and more."""
    shape = lam.aval.shape
    number = lambda value: lax.full_like(lam, value)
    log_lam = lax.log(lam)
    b = lax.add(number(0.931), lax.mul(number(2.53), lax.sqrt(lam)))
    a = lax.add(number(-0.059), lax.mul(number(0.02483), b))
    inverse_alpha = lax.add(number(1.1239), lax.div(number(1.1328), lax.sub(b, number(3.4))))
    v_r = lax.sub(number(0.9277), lax.div(number(3.6224), lax.sub(b, number(2))))

    def step(state: Any) -> Any:
        drawn, accepted, key = state
        key, u_key, v_key = lax.unstack(split_raw(key, (3,)))
        u = lax.sub(uniform(u_key, shape, np.float32), number(0.5))
        v = uniform(v_key, shape, np.float32)
        us = lax.sub(number(0.5), lax.abs(u))
        slope = lax.add(lax.div(lax.mul(number(2), a), us), b)
        k = lax.floor(lax.add(lax.add(lax.mul(slope, u), lam), number(0.43)))
        s = lax.log(lax.div(lax.mul(v, inverse_alpha), lax.add(lax.div(a, lax.mul(us, us)), b)))
        target = lax.sub(lax.add(lax.neg(lam), lax.mul(k, log_lam)), lax.lgamma(lax.add(k, number(1))))
        quick = lax.bitwise_and(lax.ge(us, number(0.07)), lax.le(v, v_r))
        corner = lax.bitwise_and(lax.lt(us, number(0.013)), lax.gt(v, us))
        rejected = lax.bitwise_or(lax.lt(k, number(0)), corner)
        accept = lax.bitwise_or(quick, lax.bitwise_and(lax.bitwise_not(rejected), lax.le(s, target)))
        return lax.select(accept, k, drawn), lax.bitwise_or(accepted, accept), key

    start = (number(-1), lax.full(shape, False, np.bool_), key)
    drawn, _, _ = lax.while_loop(lambda state: _any(lax.bitwise_not(state[1])), step, start)
    return converted(drawn, dtype)
