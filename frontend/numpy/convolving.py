"""Convolution and correlation of vectors."""

from __future__ import annotations

from typing import Any

from axil.numpy.shaping import flip
from axil.numpy.ufuncs import conjugate
from axil.numpy.values import Value, operand, promote, reshape_to, reweaken, shape_error


def convolve(a: Any, v: Any, mode: str = "full", *, precision: Any = None, preferred_element_type: Any = None) -> Value:
    """Convolution of two vectors: sums of `a[k - j] * v[j]`, for all k ("full"), or for those in the middle.

    "same" gives as many elements as the longer vector has, "valid" only those in which the shorter one lies wholly
    within the longer. Integers become floats, unless `preferred_element_type` is given, the dtype of the sums.
    """
    a, v, weak = _vectors("convolve", a, v, preferred_element_type)
    if len(a) < len(v):
        a, v = v, a
    return _correlated(a, flip(v), "convolve", mode, precision, preferred_element_type, weak)


def correlate(
    a: Any, v: Any, mode: str = "valid", *, precision: Any = None, preferred_element_type: Any = None
) -> Value:
    """Correlation of two vectors: sums of `a[k + j] * conj(v[j])`; `mode` and dtypes are as in `convolve`."""
    a, v, weak = _vectors("correlate", a, v, preferred_element_type)
    v = conjugate(v)
    if len(a) >= len(v):
        return _correlated(a, v, "correlate", mode, precision, preferred_element_type, weak)
    return flip(_correlated(v, a, "correlate", mode, precision, preferred_element_type, weak))


def _vectors(name: str, a: Any, v: Any, preferred: Any) -> tuple[Value, Value, bool]:
    """The operands as vectors of one dtype, which is inexact unless another is asked for."""
    a, v = operand(name, a, 0), operand(name, v, 1)
    if a.ndim != 1 or v.ndim != 1:
        raise shape_error(f"{name} takes vectors, got {a.aval} and {v.aval}", "call axil.lax.conv_general_dilated")
    (a, v), weak = promote(name, a, v, inexact=preferred is None)
    if not len(a) or not len(v):
        raise shape_error(f"{name} takes vectors that are not empty, got {a.aval} and {v.aval}")
    return a, v, weak


def _correlated(
    a: Value, v: Value, name: str, mode: str, precision: Any, preferred: Any, weak: bool
) -> Value:
    """`v`, the shorter vector, moved along `a`."""
    from axil.lax.convolution import conv_general_dilated  # here: most programs need no lax

    n = len(v)
    padding = {"valid": (0, 0), "same": (n // 2, n - n // 2 - 1), "full": (n - 1, n - 1)}.get(mode)
    if padding is None:
        raise shape_error(f"{name}: mode is 'full', 'same' or 'valid', got {mode!r}")
    y = conv_general_dilated(reshape_to(a, (1, 1, len(a))), reshape_to(v, (1, 1, n)), (1,), [padding],
                             precision=precision, preferred_element_type=preferred)  # fmt: skip
    return reweaken(reshape_to(y, (y.shape[2],)), weak and preferred is None)

