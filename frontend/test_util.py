"""Checks of derivatives against finite differences, for the tests of those who write functions and rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import pytrees
from axil.dialects import avals as av
from axil.forward_mode import jvp
from axil.linear_maps import linearize, vjp
from axil.operands import operand

_EPS = {2: 1e-2, 4: 1e-4, 8: 1e-6}
"""Steps of finite differences by width of the real dtype, where none is given."""

_TOLERANCE = {2: 1e-1, 4: 2e-2, 8: 1e-5}
"""Absolute and relative, where none is given."""


def check_grads(
    f: Callable[..., Any], args: Sequence[Any], order: int, modes: Sequence[str] = ("fwd", "rev"),
    atol: float | None = None, rtol: float | None = None, eps: float | None = None,
) -> None:  # fmt: skip
    """Check all derivatives of `f(*args)` up to an order, in one random direction each, against finite differences.

    `modes` are among "fwd" (jvp), "rev" (vjp) and "lin" (linearize). Tolerances and step have defaults by dtype; in f32
    finite differences are good to about 1e-2. Raises `AssertionError`.
    """
    unknown = set(modes) - {"fwd", "rev", "lin"}
    if unknown or order < 1:
        raise ValueError(f"check_grads: modes are 'fwd', 'rev' and 'lin' and order is at least 1, got {modes}, {order}")
    _check(f, tuple(args), order, modes, (atol, rtol, eps), "")


def _check(f: Any, args: tuple, order: int, modes: Sequence[str], options: tuple, of: str) -> None:
    forward = {"fwd": jvp, "lin": lambda f, xs, ts: _by_linearize(f, xs, ts)}
    for mode, function in forward.items():
        if mode in modes:
            derivative = lambda xs, ts, function=function: function(f, xs, ts)
            what = f"{'JVP' if mode == 'fwd' else 'linearization'}{of}"
            check_jvp(f, derivative, args, *options, err_msg=what)
            if order > 1:
                _check(derivative, (args, _ones_like(args)), order - 1, modes, options, f" of {what}")
    if "rev" in modes:
        what = f"VJP{of}"
        check_vjp(f, lambda *xs: vjp(f, *xs), args, *options, err_msg=what)
        if order > 1:

            def pulled(*xs: Any) -> Any:
                y, pullback = vjp(f, *xs)
                return pullback(y)

            _check(pulled, args, order - 1, modes, options, f" of {what}")


def _by_linearize(f: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
    y, linear = linearize(f, *primals)
    return y, linear(*tangents)


def check_jvp(
    f: Callable[..., Any], f_jvp: Callable[..., Any], args: Sequence[Any], atol: float | None = None,
    rtol: float | None = None, eps: float | None = None, err_msg: str = "",
) -> None:  # fmt: skip
    """Check that `f_jvp(primals, tangents)` gives the value of `f` and its directional derivative."""
    args = tuple(args)
    tangents = _directions(args, 0)
    value, tangent = f_jvp(args, tangents)
    expected = f(*args)
    _compare(expected, value, atol, rtol, f"{err_msg or 'JVP'}: the value")
    _compare(_difference(f, args, tangents, eps), tangent, atol, rtol, f"{err_msg or 'JVP'}: the tangent")


def check_vjp(
    f: Callable[..., Any], f_vjp: Callable[..., Any], args: Sequence[Any], atol: float | None = None,
    rtol: float | None = None, eps: float | None = None, err_msg: str = "",
) -> None:  # fmt: skip
    """Check that `f_vjp(*args)` gives the value of `f` and a pullback that is adjoint to its derivative."""
    args = tuple(args)
    value, pullback = f_vjp(*args)
    _compare(f(*args), value, atol, rtol, f"{err_msg or 'VJP'}: the value")
    tangents = _directions(args, 0)
    cotangents = _directions(value, 1)
    along = _difference(f, args, tangents, eps)
    backward = _inner(tangents, pullback(cotangents))
    message = f"{err_msg or 'VJP'}: the pullback is not adjoint to the derivative"
    _close(np.asarray(_inner(along, cotangents)), np.asarray(backward), atol, rtol, message, _width((args, value)))


def _is_smooth(x: Any) -> bool:
    return x.dtype.kind == "V" and x.dtype.names is None or av.is_inexact(x.dtype)


def _array(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else np.asarray(operand(x, "check_grads")._numpy)


def _directions(of: Any, seed: int) -> Any:
    """A random direction in the space of a tree, of length about one in each element; float0 zeros for integers."""
    rng = np.random.default_rng(seed)

    def one(x: Any) -> np.ndarray:
        x = _array(x)
        if not _is_smooth(x):
            return np.zeros(x.shape, [("float0", np.void, 0)])
        d = rng.standard_normal(x.shape)
        return np.asarray(d + 1j * rng.standard_normal(x.shape) if x.dtype.kind == "c" else d).astype(x.dtype)

    return pytrees.tree_map(one, of)


def _ones_like(of: Any) -> Any:
    return _directions(of, 2)


def _difference(f: Any, args: tuple, tangents: tuple, eps: float | None) -> Any:
    step = eps or _EPS[_width(args)]
    ends = [f(*_moved(args, tangents, sign * step)) for sign in (1, -1)]
    return pytrees.tree_map(lambda a, b: _quotient(_array(a), _array(b), step), *ends)


def _moved(args: Any, tangents: Any, by: float) -> Any:
    def one(x: Any, t: Any) -> Any:
        x = _array(x)
        return (x + by * t).astype(x.dtype) if _is_smooth(x) else x

    return pytrees.tree_map(one, args, tangents)


def _quotient(a: np.ndarray, b: np.ndarray, step: float) -> np.ndarray:
    if not _is_smooth(a):
        return np.zeros(a.shape, [("float0", np.void, 0)])
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return (a.astype(wide) - b.astype(wide)) / (2 * step)


def _inner(a: Any, b: Any) -> float:
    total = 0.0
    for x, y in zip(pytrees.tree_leaves(a), pytrees.tree_leaves(b)):
        x, y = _array(x), _array(y)
        if _is_smooth(x) and _is_smooth(y):
            wide = np.complex128 if "c" in (x.dtype.kind, y.dtype.kind) else np.float64
            total += float(np.real(np.sum(x.astype(wide) * y.astype(wide))))
    return total


def _width(of: Any) -> int:
    """The narrowest real dtype of a tree, in bytes."""
    widths = [x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1) for x in map(_array, pytrees.tree_leaves(of))
              if _is_smooth(x)]  # fmt: skip
    return max(min(widths, default=4), 2)


def _compare(expected: Any, got: Any, atol: float | None, rtol: float | None, message: str) -> None:
    leaves, treedef = pytrees.tree_flatten(expected)
    found, other = pytrees.tree_flatten(got)
    if treedef != other:
        raise AssertionError(f"{message} has structure {other}, not {treedef}")
    for want, x in zip(map(_array, leaves), map(_array, found)):
        if _is_smooth(want):
            _close(want, x, atol, rtol, message, _width(x))


def _close(want: Any, got: Any, atol: float | None, rtol: float | None, message: str, width: int) -> None:
    default = _TOLERANCE[width]
    wide = np.complex128 if np.asarray(want).dtype.kind == "c" else np.float64
    np.testing.assert_allclose(
        np.asarray(got).astype(wide), np.asarray(want).astype(wide), err_msg=message,
        rtol=default if rtol is None else rtol, atol=default if atol is None else atol,
    )  # fmt: skip


__all__ = ["check_grads", "check_jvp", "check_vjp"]
