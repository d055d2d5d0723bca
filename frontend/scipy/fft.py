"""`axil.scipy.fft`: discrete cosine transforms (of type 2 and its inverse, type 3 up to a factor).

A cosine transform of n numbers is a Fourier transform of the same numbers in another order: those at even places, and
then those at odd places backwards (J. Makhoul, A fast cosine transform in one and two dimensions, 1980).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from axil import dtypes
from axil.lax.elementwise import complex as of_parts
from axil.numpy.creation import asarray, zeros
from axil.numpy.fft import _resized, irfft, rfft
from axil.numpy.joining import concatenate, stack
from axil.numpy.shaping import flip, moveaxis
from axil.numpy.ufuncs import imag, multiply, negative, real
from axil.numpy.values import UnsupportedArgument, Value, canonical_axes, canonical_axis, convert, operand, shape_error

__all__ = ["dct", "dctn", "idct", "idctn"]


def dct(x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The cosine transform along an axis, cut or filled up with zeros to `n` numbers first.

    y[k] = 2 sum of x[j] cos(pi k (2 j + 1) / 2 n). With `norm="ortho"` the transform's matrix is orthogonal. Complex
    numbers are transformed part by part.
    """
    return _along("dct", _forward, x, type, n, axis, norm)


def idct(x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    """The inverse of `dct`."""
    return _along("idct", _inverse, x, type, n, axis, norm)


def dctn(
    x: Any, type: int = 2, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = None
) -> Value:
    """The cosine transform along several axes, by default all of them (or the last `len(s)`), of sizes `s`."""
    return _several("dctn", _forward, x, type, s, axes, norm)


def idctn(
    x: Any, type: int = 2, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = None
) -> Value:
    """The inverse of `dctn`."""
    return _several("idctn", _inverse, x, type, s, axes, norm)


# ---- arguments -------------------------------------------------------------------------------------------


def _check(name: str, x: Any, type: Any, norm: Any) -> Value:
    if type != 2:
        raise UnsupportedArgument(
            f"{name}: only type 2 is implemented, got {type!r}; type 3 is idct, but for a factor of 2 n"
        )
    if norm not in (None, "backward", "ortho"):
        raise UnsupportedArgument(
            f'{name}: norm is None, "backward" or "ortho", got {norm!r}; for "forward" divide the result by 2 n'
        )
    return operand(name, x)


def _along(name: str, rule: Any, x: Any, type: Any, n: Any, axis: Any, norm: Any) -> Value:
    x = _check(name, x, type, norm)
    axis = canonical_axis(axis, x.ndim)
    if n is not None:
        x = _resized(x, (*x.shape[:axis], operator.index(n), *x.shape[axis + 1 :]))
    return _transformed(name, rule, x, axis, norm)


def _several(name: str, rule: Any, x: Any, type: Any, s: Any, axes: Any, norm: Any) -> Value:
    x = _check(name, x, type, norm)
    sizes = None if s is None else tuple(map(operator.index, s if np.ndim(s) else (s,)))
    if sizes is not None and len(sizes) > x.ndim:
        raise shape_error(f"{name}: s must have at most {x.ndim} elements, one for each dimension of {x.aval}; got {s}")
    if axes is None:
        axes = tuple(range(x.ndim - (x.ndim if sizes is None else len(sizes)), x.ndim))
    axes = canonical_axes(axes, x.ndim)
    if sizes is not None:
        if len(sizes) != len(axes):
            raise shape_error(f"{name}: sizes {sizes} and axes {axes} have different lengths")
        wanted = list(x.shape)
        for axis, n in zip(axes, sizes):
            wanted[axis] = n
        x = _resized(x, tuple(wanted))
    for axis in axes:
        x = _transformed(name, rule, x, axis, norm)
    return x


def _transformed(name: str, rule: Any, x: Value, axis: int, norm: Any) -> Value:
    """The transform of an axis, part by part, in single or double precision."""
    if x.dtype.kind == "c":
        return of_parts(*[_transformed(name, rule, part, axis, norm) for part in (real(x), imag(x))])
    if not x.shape[axis]:
        raise shape_error(f"{name} takes at least one number along its axis, got {x.aval} and axis {axis}")
    dtype = dtypes.to_real_dtype(dtypes.to_complex_dtype(x.dtype))
    y = rule(moveaxis(convert(x, dtype), axis, -1), norm == "ortho")
    return moveaxis(y, -1, axis)


# ---- the transforms of the last axis ---------------------------------------------------------------------


def _forward(x: Value, ortho: bool) -> Value:
    n = x.shape[-1]
    shuffled = concatenate([x[..., ::2], flip(x[..., 1::2], -1)], -1)
    z = multiply(rfft(shuffled), _turns(n, x.dtype, 2 * _lengths(n, ortho), -1))
    return concatenate([real(z), flip(negative(imag(z)[..., 1 : (n + 1) // 2]), -1)], -1)


def _inverse(x: Value, ortho: bool) -> Value:
    n = x.shape[-1]
    if ortho:
        x = multiply(x, asarray((1 / _lengths(n, True)[_mirrored(n)]).astype(x.dtype)))
    # The real parts of the turned spectrum come first, and the imaginary ones backwards from the end.
    backwards = flip(x[..., n - n // 2 :], -1)
    z = of_parts(x[..., : n // 2 + 1], negative(_resized_front(backwards)))
    v = irfft(multiply(z, _turns(n, x.dtype, np.full(n // 2 + 1, 0.5), 1)), n)
    even, odd = v[..., : (n + 1) // 2], flip(v[..., (n + 1) // 2 :], -1)
    both = stack([even, _resized(odd, even.shape)], -1)
    return both.reshape(*v.shape[:-1], 2 * even.shape[-1])[..., :n]


def _resized_front(x: Value) -> Value:
    """With a zero in front."""
    return concatenate([zeros((*x.shape[:-1], 1), x.dtype), x], -1)


def _lengths(n: int, ortho: bool) -> np.ndarray:
    """What makes the rows of the transform's matrix unit vectors, for the first half of them."""
    k = np.arange(n // 2 + 1)
    return np.where(k == 0, np.sqrt(1 / (4 * n)), np.sqrt(1 / (2 * n))) if ortho else np.ones(k.shape)


def _mirrored(n: int) -> np.ndarray:
    """Positions in the first half that stand for all n."""
    k = np.arange(n)
    return np.minimum(k, n - k) * (k > 0)


def _turns(n: int, dtype: np.dtype, scale: np.ndarray, sign: int) -> Value:
    """scale exp(sign pi i k / 2 n) for the first half of k."""
    turns = scale * np.exp(sign * 0.5j * np.pi * np.arange(n // 2 + 1) / n)
    return asarray(turns.astype(dtypes.to_complex_dtype(dtype)))
