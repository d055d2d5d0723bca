"""Lowering of Fourier transforms: one dimension after the other, each by a kernel or by matrix products.

IREE 3.13 compiles `stablehlo.fft` of a few sizes only. Here a dimension of n points becomes

- a call of the kernel `fft` where the platform has it and n has no large prime factor;
- otherwise, products with the small Fourier matrices of the factors of n, with twiddle factors between them
  (Cooley and Tukey 1965, as in Van Loan, Computational Frameworks for the FFT, 1.9);
- where n has a large prime factor, a convolution with a chirp, made of transforms of a length without such factors
  (Bluestein 1970).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

MAX_PRIME = 61
"""The largest prime factor that is transformed by its matrix; above it a convolution is faster."""

_BASE = 32
"""Up to this length one matrix does it all."""

_CHIRP_TABLE = 1 << 12
"""Chirps of up to this length are constants of the program."""

_TABLE = 4096
"""Twiddle factors of transforms that are longer are products of two factors from small tables."""


def lower(values: Any, results: Any, context: Any, *, kind: str, fft_lengths: tuple[int, ...]) -> Any:
    """The lowering rule of `fft`. Text for others has StableHLO's op, which takes up to three dimensions."""
    from axil.dialects import hlo

    (x,), of = values, hlo.aval_of_type(results[0])
    if not of.size:
        return hlo.splat(results[0], 0)
    if context is not None and context.platform == "portable" and len(fft_lengths) <= 3:
        return hlo.fft(x, kind, fft_lengths, results[0])
    last = len(of.shape) - 1
    others = range(len(of.shape) - len(fft_lengths), last)
    if kind == "RFFT":
        x = _real_to_complex(x, fft_lengths[-1], context)
    inverse = kind in ("IFFT", "IRFFT")
    for axis in others:
        x = _along(x, axis, inverse, context)
    if kind == "IRFFT":
        return _complex_to_real(x, fft_lengths[-1], context)
    return x if kind == "RFFT" else _along(x, last, inverse, context)


def largest_prime(n: int) -> int:
    """The largest prime factor of n."""
    return max(prime_factors(n), default=1)


@functools.cache
def prime_factors(n: int) -> tuple[int, ...]:
    """The prime factors of n, ascending."""
    found, p = [], 2
    while p * p <= n:
        while n % p == 0:
            found.append(p)
            n //= p
        p += 1
    return tuple(found + [n] if n > 1 else found)


# ---- real transforms -------------------------------------------------------------------------------------


def _real_to_complex(x: Any, n: int, context: Any) -> Any:
    """The half spectrum of real rows of `n` points."""
    from axil.dialects import hlo

    shape = hlo.aval_of_type(x.type).shape
    result = _rows_by_kernel("r2c", x, n, (*shape[:-1], n // 2 + 1), context)
    if result is not None:
        return result
    zero = hlo.splat(x.type, 0)
    whole = _along(hlo.op("complex", x, zero), len(shape) - 1, False, context)
    return hlo.slice_(whole, [0] * len(shape), [*shape[:-1], n // 2 + 1])


def _complex_to_real(x: Any, n: int, context: Any) -> Any:
    """Real rows of `n` points from their half spectrum, whose first (and middle) imaginary part is ignored."""
    from axil.dialects import hlo

    shape = hlo.aval_of_type(x.type).shape
    last = len(shape) - 1
    result = _rows_by_kernel("c2r", x, n, (*shape[:-1], n), context)
    if result is not None:
        return result
    # re and im are even and odd: the inverse transform of a Hermitian spectrum is real.
    half, re, im = n // 2 + 1, hlo.op("real", x), hlo.op("imag", x)
    alone = [0] + ([half - 1] if n % 2 == 0 else [])
    mask = hlo.constant(np.array([0.0 if k in alone else 1.0 for k in range(half)]), hlo.aval_of_type(im.type).dtype)
    im = hlo.op("multiply", im, hlo.broadcast(mask, shape, (last,)))
    mirrored = n - half
    parts = []
    for part, sign in ((re, 1), (im, -1)):
        if mirrored:
            tail = hlo.slice_(part, [0] * last + [1], [*shape[:-1], 1 + mirrored])
            tail = hlo.op("reverse", tail, dimensions=hlo.ints((last,)))
            tail = tail if sign == 1 else hlo.op("negate", tail)
            part = hlo.op("concatenate", part, tail, dimension=hlo.integer(last))
        parts.append(part)
    return hlo.op("real", _along(hlo.op("complex", *parts), last, True, context))


def _rows_by_kernel(kind: str, x: Any, n: int, result: tuple[int, ...], context: Any) -> Any:
    """A real transform of rows in one kernel; `None` where there is no such kernel."""
    from axil.dialects import hlo

    of = hlo.aval_of_type(x.type)
    if context is None or n % 2 or largest_prime(n // 2) > MAX_PRIME:
        return None
    rows = math.prod(of.shape[:-1])
    flat = hlo.reshape(x, (rows, of.shape[-1]))
    dtype = _other(of.dtype)
    type_ = hlo.tensor_type(hlo.aval((rows, result[-1]), dtype))
    found = context.kernel("fft", [flat], [type_], kind=kind, batch=rows, length=n, columns=1)
    if found is None:
        flat.owner.erase()
        return None
    return hlo.reshape(found[0], result)


def _other(dtype: np.dtype) -> np.dtype:
    """The complex dtype of a real one's width, or the other way round."""
    pairs = {"f4": "c8", "f8": "c16", "c8": "f4", "c16": "f8"}
    return np.dtype(pairs[dtype.str[1:]])


# ---- complex transforms ----------------------------------------------------------------------------------


def _along(x: Any, axis: int, inverse: bool, context: Any) -> Any:
    """The transform of a complex array along one axis."""
    from axil.dialects import hlo

    shape = hlo.aval_of_type(x.type).shape
    n, batch, columns = shape[axis], math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    if n == 1:
        return x
    y = hlo.reshape(x, (batch, n, columns))
    y = _chirp(y, inverse, context) if largest_prime(n) > MAX_PRIME else _smooth(y, inverse, context)
    return hlo.reshape(y, shape)


def _smooth(x: Any, inverse: bool, context: Any) -> Any:
    """The transform of [batch, n, columns] along n, which has no large prime factor."""
    from axil.dialects import hlo

    batch, n, columns = hlo.aval_of_type(x.type).shape
    if context is not None:
        kind = "inverse" if inverse else "forward"
        found = context.kernel("fft", [x], [x.type], kind=kind, batch=batch, length=n, columns=columns)
        if found is not None:
            return found[0]
    re, im = hlo.op("real", x), hlo.op("imag", x)
    # Swapping the parts before and after turns the forward transform into the inverse one.
    re, im = _products(im, re) if inverse else _products(re, im)
    if inverse:
        scale = hlo.splat(re.type, 1 / n)
        re, im = hlo.op("multiply", im, scale), hlo.op("multiply", re, scale)
    return hlo.op("complex", re, im)


def _products(re: Any, im: Any) -> tuple[Any, Any]:
    """The forward transform of the parts of [batch, n, columns], by matrix products."""
    from axil.dialects import hlo

    batch, n, columns = hlo.aval_of_type(re.type).shape
    r = _radix(n)
    m = n // r
    shape = (batch, r, m * columns)
    re, im = _matrix(hlo.reshape(re, shape), hlo.reshape(im, shape), r)  # [r, batch, m * columns]
    shape = (r, batch, m, columns)
    re, im = hlo.reshape(re, shape), hlo.reshape(im, shape)
    if m > 1:
        re, im = _times(re, im, *_twiddles(n, r, m, shape, hlo.aval_of_type(re.type).dtype))
    order = (1, 2, 0, 3)
    shape = (batch, m, r * columns)
    re, im = (hlo.reshape(hlo.transpose(x, order), shape) for x in (re, im))
    if m > 1:
        re, im = _products(re, im)
    return hlo.reshape(re, (batch, n, columns)), hlo.reshape(im, (batch, n, columns))


def _radix(n: int) -> int:
    """A factor of n, as large as its matrix may be, and such that the rest splits evenly."""
    if n <= _BASE:
        return n
    steps = math.ceil(math.log(n, _BASE))
    divisors = [d for d in range(2, MAX_PRIME + 1) if n % d == 0 and (d <= _BASE or d in prime_factors(n))]
    return min(divisors, key=lambda d: abs(math.log(d) - math.log(n) / steps))


def _roots(n: int, powers: np.ndarray) -> np.ndarray:
    """exp(-2 pi i k / n) for an array of whole numbers k."""
    return np.exp(-2j * np.pi * (powers % n) / n)


def _parts(values: np.ndarray, dtype: np.dtype) -> tuple[Any, Any]:
    """Emit the parts of complex constants."""
    from axil.dialects import hlo

    return hlo.constant(np.real(values).copy(), dtype), hlo.constant(np.imag(values).copy(), dtype)


def _matrix(re: Any, im: Any, r: int) -> tuple[Any, Any]:
    """The product of the Fourier matrix of r with [batch, r, rest]: [r, batch, rest]."""
    from axil.dialects import hlo

    of = hlo.aval_of_type(re.type)
    batch, _, rest = of.shape
    steps = np.arange(r)
    c, s = _parts(_roots(r, np.outer(steps, steps)), of.dtype)
    type_ = hlo.tensor_type(hlo.aval((r, batch, rest), of.dtype))

    def dot(matrix: Any, x: Any) -> Any:
        return hlo.dot_general(matrix, x, ((), ()), ((1,), (1,)), type_)

    return (
        hlo.op("subtract", dot(c, re), dot(s, im)),
        hlo.op("add", dot(c, im), dot(s, re)),
    )


def _twiddles(n: int, r: int, m: int, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, Any]:
    """exp(-2 pi i k p / n) for k < r and p < m, spread over [r, batch, m, columns]."""
    from axil.dialects import hlo

    k = np.arange(r)[:, None]
    fine = next((d for d in range(math.isqrt(m), 0, -1) if m % d == 0), 1)
    if n <= _TABLE or fine == 1:
        c, s = _parts(_roots(n, k * np.arange(m)), dtype)
    else:
        wide = (r, m // fine, fine)
        coarse = [hlo.broadcast(x, wide, (0, 1)) for x in _parts(_roots(n, k * fine * np.arange(m // fine)), dtype)]
        steps = [hlo.broadcast(x, wide, (0, 2)) for x in _parts(_roots(n, k * np.arange(fine)), dtype)]
        c, s = (hlo.reshape(x, (r, m)) for x in _times(*coarse, *steps))
    return hlo.broadcast(c, shape, (0, 2)), hlo.broadcast(s, shape, (0, 2))


def _times(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """(a + ib) (c + id)."""
    from axil.dialects import hlo

    def mul(x: Any, y: Any) -> Any:
        return hlo.op("multiply", x, y)

    return hlo.op("subtract", mul(a, c), mul(b, d)), hlo.op("add", mul(a, d), mul(b, c))


# ---- lengths with a large prime factor -------------------------------------------------------------------


@functools.cache
def convolution_length(n: int) -> int:
    """The least length of the form 2^a 3^b 5^c, a > 2, that a linear convolution of n points fits in."""
    least, best = 2 * n - 1, 1 << (2 * n - 1).bit_length()
    for b in range(4):
        for c in range(4):
            odd = 3**b * 5**c
            size = odd << max(3, math.ceil(math.log2(max(least / odd, 1))))
            if size >= least:
                best = min(best, size)
    return best


def _chirp(x: Any, inverse: bool, context: Any) -> Any:
    """The transform of [batch, n, columns] along n as a convolution: 2 j k = j^2 + k^2 - (k - j)^2."""
    from axil.dialects import hlo

    batch, n, columns = hlo.aval_of_type(x.type).shape
    size = convolution_length(n)
    real = _other(hlo.aval_of_type(x.type).dtype)
    if n <= _CHIRP_TABLE:
        squares = np.arange(n, dtype=np.int64) ** 2 % (2 * n)
        chirp = np.exp((1j if inverse else -1j) * np.pi * squares / n)
        wave = hlo.op("complex", *_parts(chirp, real))
        spectrum = hlo.op("complex", *_parts(np.fft.fft(_wrapped(np.conj(chirp), size)), real))
    else:
        wave, spectrum = _long_chirp(n, size, inverse, real, context)

    def spread(v: Any, shape: tuple[int, ...]) -> Any:
        return hlo.broadcast(v, shape, (1,))

    y, zero = hlo.op("multiply", x, spread(wave, (batch, n, columns))), hlo.constant(0, real)
    # IREE 3.13 cannot pad c128.
    parts = [hlo.pad(hlo.op(part, y), zero, (0, 0, 0), (0, size - n, 0), (0, 0, 0)) for part in ("real", "imag")]
    y = hlo.op("complex", *parts)
    y = hlo.op("multiply", _smooth(y, False, context), spread(spectrum, (batch, size, columns)))
    y = hlo.slice_(_smooth(y, True, context), (0, 0, 0), (batch, n, columns))
    y = hlo.op("multiply", y, spread(wave, (batch, n, columns)))
    if not inverse:
        return y
    scale = hlo.splat(hlo.tensor_type(hlo.aval((batch, n, columns), real)), 1 / n)
    parts = [hlo.op("multiply", hlo.op(part, y), scale) for part in ("real", "imag")]
    return hlo.op("complex", *parts)


def _wrapped(wave: np.ndarray, size: int) -> np.ndarray:
    """A symmetric sequence, given from 0 on, around the origin of `size` points."""
    result = np.zeros(size, wave.dtype)
    result[: len(wave)] = wave
    result[size - len(wave) + 1 :] = wave[:0:-1]
    return result


def _picked(table: np.ndarray, op: str, numbers: Any, step: int, real: np.dtype) -> tuple[Any, Any]:
    """Parts of the elements of a table at places that are quotients or remainders of numbers by a step."""
    from axil.dialects import hlo

    at = hlo.convert(hlo.op(op, numbers, hlo.splat(numbers.type, step)), np.int32)
    (size,) = hlo.aval_of_type(at.type).shape
    result = hlo.tensor_type(hlo.aval((size,), real))
    re, im = (
        hlo.gather(part, hlo.reshape(at, (size, 1)), result, offset_dims=(), collapsed=(0,), batching=(),
                   index_batching=(), index_map=(0,), sizes=(1,))
        for part in _parts(table, real)
    )  # fmt: skip
    return re, im


def _long_chirp(n: int, size: int, inverse: bool, real: np.dtype, context: Any) -> tuple[Any, Any]:
    """The chirp and the spectrum that it is convolved with, computed when the program runs."""
    from axil.dialects import hlo

    place = hlo.iota((size,), np.int64, 0)
    j = hlo.op("minimum", place, hlo.op("subtract", hlo.splat(place.type, size), place))  # the distance from the origin
    squares = hlo.op("remainder", hlo.op("multiply", j, j), hlo.splat(j.type, 2 * n))
    step = 1 << (2 * n - 1).bit_length() // 2
    coarse = _picked(np.exp(1j * np.pi * np.arange(0, 2 * n, step) / n), "divide", squares, step, real)
    fine = _picked(np.exp(1j * np.pi * np.arange(step) / n), "remainder", squares, step, real)
    cosine, sine = (hlo.barrier(part) for part in _times(*coarse, *fine))
    inside, zero = hlo.compare(j, hlo.splat(j.type, n), "LT"), hlo.splat(sine.type, 0)
    minus = hlo.op("negate", sine)
    # The conjugate of the chirp, around the origin.
    around = [hlo.select(inside, part, zero) for part in (cosine, minus if inverse else sine)]
    whole = hlo.reshape(hlo.op("complex", *around), (1, size, 1))
    spectrum = hlo.reshape(_smooth(whole, False, context), (size,))
    wave = [hlo.slice_(part, (0,), (n,)) for part in (cosine, sine if inverse else minus)]
    return hlo.op("complex", *wave), spectrum
