"""Numbers of how often something happens: Poisson, binomial and multinomial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.lax.common import converted, fail
from axil.numpy.values import promote
from axil.prng import THREEFRY, KeyValueError, PRNGKeyArray, marked, single_key, split_raw, subkeys
from axil.sampling import float_dtype, parameter, shape_of_parameters, uniform

__all__ = ["binomial", "multinomial", "poisson"]


def poisson(key: Any, lam: Any, shape: Any = None, dtype: Any = None) -> Any:
    """Integers of the Poisson distribution of mean `lam`."""
    raw = single_key("poisson", key)
    if type(raw) is PRNGKeyArray:
        fail(f"random.poisson draws under keys of {THREEFRY.name}, got {raw.dtype}",
             "make one of another key: axil.random.key(axil.random.bits(key))", kind=KeyValueError)  # fmt: skip
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "random.poisson")
    shape = shape_of_parameters("poisson", shape, lam)
    lam = parameter("poisson", lam, np.dtype(np.float32), shape)
    like = lambda value: lax.full_like(lam, value)
    small = lax.bitwise_or(lax.ne(lam, lam), lax.lt(lam, like(10)))
    few = _poisson_by_products(raw, lax.select(small, lam, like(0)), dtype)
    many = _poisson_by_rejection(marked(raw, "clone"), lax.select(small, like(1e5), lam), dtype)
    drawn = lax.select(small, few, many)
    return lax.select(lax.eq(lam, like(0)), lax.full_like(drawn, 0), drawn)


def _any(flags: Any) -> Any:
    return lax.reduce_or(flags, tuple(range(len(flags.aval.shape))))


def _poisson_by_products(key: Any, lam: Any, dtype: np.dtype) -> Any:
    """Knuth's method: how many uniform numbers multiply to more than exp(-lam)."""
    shape, limit = lam.aval.shape, lax.neg(lam)

    def step(state: Any) -> Any:
        count, key, log_product = state
        key, sub = subkeys(key, 2)
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
        key, u_key, v_key = subkeys(key, 3)
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


# ---- binomial ------------------------------------------------------------------------------------------


def binomial(key: Any, n: Any, p: Any, shape: Any = None, dtype: Any = None) -> Any:
    """How many of `n` trials succeed, each with probability `p`, as floating point numbers.

    NaN where `n` is negative or `p` is negative or NaN; infinity where `n` is.
    """
    raw = single_key("binomial", key)
    dtype = float_dtype("binomial", dtype)
    shape = shape_of_parameters("binomial", shape, n, p)
    (p,), _ = promote("random.binomial", p, inexact=True)
    p = anp.broadcast_to(lax.convert_element_type(p, p.aval.dtype), shape)
    count = parameter("binomial", n, p.aval.dtype, shape)
    few = p < 0.5  # else failures are counted, which are fewer
    q = anp.where(few, p, 1.0 - p)
    no_count = anp.isnan(count) | (count < 0)
    no_chance = anp.isnan(q) | (q < 0)
    endless = anp.isinf(count)
    q = anp.where(no_chance, 0.01, q)
    rare = no_count | (count * q <= 10)
    count = anp.floor(count)
    one_by_one = _binomial_by_gaps(raw, anp.where(rare, count, 0), q)
    at_once = _binomial_by_rejection(marked(raw, "clone"), anp.where(rare, 1e4, count), anp.where(rare, 0.5, q))
    drawn = anp.where(rare, one_by_one, at_once).astype(dtype)
    invalid = no_chance | no_count
    drawn = anp.where(invalid, math.nan, drawn)
    drawn = anp.where(endless & ~invalid, math.inf, drawn)
    as_drawn = few | no_count | anp.isnan(p) | endless
    return anp.where(as_drawn, drawn, count.astype(dtype) - drawn)


def _binomial_by_gaps(key: Any, count: Any, p: Any) -> Any:
    """Adds up the geometric gaps between successes until they exceed the count. Kachitvichyanukul (1988)."""
    shape, log_failure = count.aval.shape, anp.log1p(-p)

    def step(state: Any) -> Any:
        successes, trials, key = state
        sub, key = subkeys(key, 2)
        successes = anp.where(trials <= count, successes + 1, successes)
        gap = anp.ceil(anp.log(uniform(sub, shape, p.aval.dtype)) / log_failure)
        return successes, trials + gap, key

    start = (lax.full_like(p, 0), lax.full_like(p, 0), key)
    successes, _, _ = lax.while_loop(lambda state: anp.any(state[1] <= count), step, start)
    return successes - 1


def _binomial_by_rejection(key: Any, count: Any, p: Any) -> Any:
    """Hörmann's transformed rejection (BTRS, 1993), for 10 or more expected successes."""
    shape, dtype = count.aval.shape, p.aval.dtype
    spread = anp.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center, v_r, odds = count * p + 0.5, 0.92 - 4.2 / b, p / (1 - p)
    alpha, mode = (2.83 + 5.1 / b) * spread, anp.floor((count + 1) * p)

    def step(state: Any) -> Any:
        drawn, accepted, key = state
        key, u_key, v_key = subkeys(key, 3)
        u = uniform(u_key, shape, dtype)
        v = uniform(v_key, shape, dtype)
        u = u - 0.5
        us = 0.5 - anp.abs(u)
        quick = (us >= 0.07) & (v <= v_r)
        k = anp.floor((2 * a / us + b) * u + center)
        outside = (k < 0) | (k > count)
        v = anp.log(v * alpha / (a / (us * us) + b))
        bound = (
            (mode + 0.5) * anp.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * anp.log((count - mode + 1) / (count - k + 1))
            + (k + 0.5) * anp.log(odds * (count - k + 1) / (k + 1))
            + _stirling_rest(mode) + _stirling_rest(count - mode) - _stirling_rest(k) - _stirling_rest(count - k)
        )  # fmt: skip
        accept = quick | (~outside & (v <= bound))
        return anp.where(accept, k, drawn), accepted | accept, key

    start = (lax.full_like(p, -1), lax.full(shape, False, np.bool_), key)
    drawn, _, _ = lax.while_loop(lambda state: anp.any(~state[1]), step, start)
    return drawn


_STIRLING = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
    0.0138761288230707, 0.0118967099458917, 0.010411265261972, 0.00925546218271273, 0.00833056343336287,
)  # fmt: skip
"""log(k!) less Stirling's approximation of it, for k from 0 to 9."""


def _stirling_rest(k: Any) -> Any:
    """log(k!) less Stirling's approximation of it."""
    small = anp.clip(k, 0.0, 9.0)
    square = (small + 1) * (small + 1)
    series = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (small + 1)
    table = anp.array(_STIRLING, k.aval.dtype)
    return anp.where(k <= 9, anp.take(table, anp.floor(small).astype(np.int32), mode="clip"), series)


def multinomial(key: Any, n: Any, p: Any, *, shape: Any = None, dtype: Any = None, unroll: int | bool = 1) -> Any:
    """How many of `n` trials have each of the outcomes whose probabilities are along the last dimension of `p`."""
    raw = single_key("multinomial", key)
    (n, p), _ = promote("random.multinomial", n, p, inexact=True)
    shape = p.aval.shape if shape is None else tuple(shape)
    dtype = n.aval.dtype if dtype is None else dtypes.check_user_dtype(dtype, "random.multinomial")
    n, p = anp.broadcast_to(n, shape[:-1]), anp.moveaxis(anp.broadcast_to(p, shape), -1, 0)
    left = lax.cumsum(p, 0, reverse=True)
    shares = p / anp.where(left == 0, 1, left)

    def one(remainder: Any, row: Any) -> Any:
        share, key = row
        count = binomial(key, remainder, anp.clip(share, 0, 1), dtype=remainder.aval.dtype)
        return remainder - count, count

    _, counts = lax.scan(one, n, (shares, split_raw(raw, (shape[-1],))), unroll=unroll)
    return anp.moveaxis(counts, 0, -1).astype(dtype)
