"""Complex numbers from their parts and back.

Cotangents follow JAX: the pairing of a cotangent and a tangent is the real part of their product,
unconjugated. So the derivative of a real function f(x + iy) is df/dx - i df/dy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil.dialects.factories import (
    Aval,
    DtypeError,
    Op,
    aval,
    aval_of,
    batch_elementwise,
    check_same,
    is_linear,
    ops,
    sample,
    unary,
)
from axil.dialects.op import full_like, zeros_like_aval

_COMPLEX_OF = {np.dtype(np.float32): np.dtype(np.complex64), np.dtype(np.float64): np.dtype(np.complex128)}
_REAL_OF = {c: r for r, c in _COMPLEX_OF.items()}
_SAMPLES = (sample("c64[3]"), sample("c64[2,3]"))


def _part(x: Aval) -> Aval:
    return aval(x.shape, _REAL_OF[x.dtype])


real = unary("real", "Real part.", lambda x: np.array(x.real), "real", takes="complex", gives=_part,
             samples=_SAMPLES, linear=lambda ct: complex_(ct, full_like(ct, 0)), makes_nan=False)  # fmt: skip
imag = unary("imag", "Imaginary part.", lambda x: np.array(x.imag), "imag", takes="complex", gives=_part,
             samples=_SAMPLES, linear=lambda ct: complex_(full_like(ct, 0), ops.neg(ct)),
             makes_nan=False)  # fmt: skip


def _lower_conj(values: Any, results: Any, context: Any) -> Any:
    from axil.dialects import hlo

    (x,) = values
    return hlo.op("complex", hlo.op("real", x), hlo.op("negate", hlo.op("imag", x)))


conj = unary("conj", "Complex conjugate.", np.conj, _lower_conj, takes="complex", samples=_SAMPLES,
             linear=lambda ct: conj(ct), makes_nan=False)  # fmt: skip


def _infer(re: Aval, im: Aval) -> Aval:
    check_same("complex", re, im)
    if re.dtype not in _COMPLEX_OF:
        raise DtypeError(f"'complex' takes f32 or f64 parts, got {re}; convert them")
    return aval(re.shape, _COMPLEX_OF[re.dtype])


def _reference(re: np.ndarray, im: np.ndarray) -> np.ndarray:
    # re + 1j * im would make NaN of infinite parts.
    result = np.empty(re.shape, _COMPLEX_OF[re.dtype])
    result.real, result.imag = re, im
    return result


def _jvp(y: Any, xs: Any, dxs: Any) -> Any:
    if dxs[0] is None and dxs[1] is None:
        return None
    re, im = (zeros_like_aval(aval_of(x)) if t is None else t for x, t in zip(xs, dxs))
    return complex_(re, im)


def _transpose(ct: Any, xs: Any) -> tuple:
    return real(ct) if is_linear(xs[0]) else None, ops.neg(imag(ct)) if is_linear(xs[1]) else None


complex_ = Op(
    name="complex", summary="Complex numbers of real and imaginary parts.", operands=("re", "im"),
    infer=_infer, reference=_reference, jvp=_jvp, linear=(0, 1), transpose=_transpose,
    batch=batch_elementwise("complex"), lower="complex", samples=(sample("f32[3]", "f32[3]"),
    sample("f32[2,3]", "f32[2,3]")), makes_nan=False,
)  # fmt: skip
