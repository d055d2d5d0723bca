"""Spherical harmonics, and Bernoulli's numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from axil import dtypes, lax
from axil import numpy as anp
from axil.core import Tracer
from axil.numpy.values import Value, operand, shape_error, type_error
from axil.scipy.special.common import integer
from axil.scipy.special.gammas import unsupported


def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, diff_n: int | None = None, n_max: int | None = None) -> Value:
    """Spherical harmonics of degree `n` and order `m` (integers) at the polar angle `theta` and the azimuth `phi`.

    All four are broadcast together. `n_max` bounds the degrees; under `jit` and `vmap`, where `n` is not known, it has
    to be given.
    """
    if diff_n is not None:
        unsupported("sph_harm_y(diff_n=...) is not available", "differentiate: axil.grad of the real part")
    n, m = operand("sph_harm_y", n), operand("sph_harm_y", m)
    if n_max is None:
        if isinstance(n, Tracer):
            raise type_error("sph_harm_y needs n_max where the degrees are not known while tracing",
                             "pass n_max=, an upper bound of n")  # fmt: skip
        n_max = int(np.max(np.asarray(n), initial=0))
    theta, phi = (anp.asarray(v) for v in (theta, phi))
    of = dtypes.to_inexact_dtype(dtypes.promote_types(theta.aval.dtype, False, phi.aval.dtype, False)[0])
    shape = np.broadcast_shapes(*[v.aval.shape for v in (n, m, theta, phi)], (1,))
    n, m = anp.broadcast_to(n, shape), anp.broadcast_to(m, shape)
    theta, phi = (anp.broadcast_to(v.astype(of), shape) for v in (theta, phi))
    order = anp.abs(m)
    size = _legendre(n, order, anp.cos(theta), anp.sin(theta), integer("sph_harm_y", "n_max", n_max))
    angle = order.astype(of) * phi
    result = lax.complex(size * anp.cos(angle), size * anp.sin(angle))
    odd = anp.where(order % 2 == 1, -1.0, 1.0).astype(of)
    return anp.where(m < 0, odd * anp.conj(result), result)


def _legendre(n: Value, m: Value, cosine: Value, sine: Value, n_max: int) -> Value:
    """Normalized associated Legendre functions: up in the order to `m`, then up in the degree to `n`."""
    of = cosine.aval.dtype
    now, before = anp.full_like(cosine, 0.5 / math.sqrt(math.pi)), anp.zeros_like(cosine)
    for k in range(1, n_max + 1):
        now = anp.where(k <= m, now * sine * -math.sqrt(1 + 0.5 / k), now)
    square = (m * m).astype(of)
    for k in range(1, n_max + 1):
        degree = (m + k).astype(of)
        total = degree * degree - square
        up = anp.sqrt((4 * degree * degree - 1) / total)
        below = degree - 1
        down = anp.sqrt(anp.maximum((2 * degree + 1) * (below * below - square), 0) / (anp.abs(2 * degree - 3) * total))
        after = up * cosine * now - down * before
        more = m + k <= n
        now, before = anp.where(more, after, now), anp.where(more, now, before)
    return anp.where(m <= n, now, 0)


_EXACT = 40


def bernoulli(n: int) -> Value:
    """Bernoulli's numbers B_0 to B_n, where B_1 = -1/2; `n` is a Python integer."""
    count = integer("bernoulli", "n", n)
    if count < 0:
        raise shape_error(f"bernoulli: n must not be negative, got {count}")
    exact: list[Fraction] = []
    for i in range(min(count, _EXACT) + 1):
        total = sum((math.comb(i + 1, k) * b for k, b in enumerate(exact)), Fraction(0))
        exact.append(Fraction(1) if i == 0 else -total / (i + 1))
    numbers = [float(b) for b in exact]
    for i in range(_EXACT + 1, count + 1):  # 2 i! zeta(i) / (2 pi)^i, where zeta(i) is hardly more than 1
        size = math.lgamma(i + 1) - i * math.log(2 * math.pi)
        even = (-1) ** (i // 2 + 1) * 2 * (math.exp(size) if size < 709 else math.inf) * (1 + 2.0**-i)
        numbers.append(0.0 if i % 2 else even)
    return anp.asarray(np.asarray(numbers), dtypes.default_float_dtype())


__all__ = ["bernoulli", "sph_harm_y"]
