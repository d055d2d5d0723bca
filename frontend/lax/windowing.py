"""Reductions of windows, and the padding that windows and convolutions share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from axil import errors, pytrees
from axil.core import Array, bind
from axil.dialects import avals as av
from axil.dialects import pooling as p
from axil.dialects.convolution import dilated, spread_and_pad, windows
from axil.dialects.op import Op
from axil.dialects.precision import reduce_precision as reduce_precision_op
from axil.dialects.reduction import highest, lowest
from axil.lax import elementwise as e
from axil.lax import shaping, slicing
from axil.lax.common import ArgumentTypeError, check_same_dtype, fail, integer, operand
from axil.lax.monoids import recognized

Padding = str | Sequence[tuple[int, int]]
"""Padding as users give it: "SAME", "SAME_LOWER", "VALID", or (low, high) for each dimension."""


class PaddingNameError(errors.AxilRuntimeError, ValueError):
    """A padding has a name that does not exist."""


# ---- padding -------------------------------------------------------------------------------------------


def padtype_to_pads(
    in_shape: Sequence[int], window_shape: Sequence[int], window_strides: Sequence[int], padding: Any
) -> list[tuple[int, int]]:
    """(low, high) padding of each dimension, from its name.

    "SAME" gives as many windows as the size divided by the stride, rounded up; of an odd number the greater half is
    at the end, with "SAME_LOWER" at the start. "VALID" is no padding.
    """
    name = padding if isinstance(padding, str) else getattr(padding, "name", None)
    if name is None:
        fail(f"padding must be a name, got {padding!r}", kind=ArgumentTypeError)
    name = name.upper()
    if name == "VALID":
        return [(0, 0)] * len(in_shape)
    if name not in ("SAME", "SAME_LOWER"):
        fail(f"padding must be 'SAME', 'SAME_LOWER', 'VALID' or pairs of integers, got {padding!r}",
             kind=PaddingNameError)  # fmt: skip
    if not len(in_shape) == len(window_shape) == len(window_strides):
        fail(f"padding {name!r} needs a window size and a stride for each dimension: sizes {tuple(in_shape)}, window "
             f"{tuple(window_shape)}, strides {tuple(window_strides)}")  # fmt: skip
    totals = [max((-(-n // s) - 1) * s + w - n, 0) for n, w, s in zip(in_shape, window_shape, window_strides)]
    pairs = [(int(t // 2), int(t - t // 2)) for t in totals]
    return pairs if name == "SAME" else [(b, a) for a, b in pairs]


def padding_pairs(name: str, padding: Any, rank: int) -> list[tuple[int, int]]:
    """Padding given as numbers: a (low, high) pair for each of `rank` dimensions."""
    try:
        pairs = [(integer(name, "padding", a), integer(name, "padding", b)) for a, b in padding]
    except (TypeError, ValueError) as error:
        if isinstance(error, errors.AxilError):
            raise
        fail(f"lax.{name}: padding must be a name or a sequence of (low, high) pairs, got {padding!r}")
    if len(pairs) != rank:
        fail(f"lax.{name}: padding needs a (low, high) pair for each of {rank} dimensions, got {pairs}")
    return pairs


# ---- reductions of windows -----------------------------------------------------------------------------

_MONOIDS: dict[Any, tuple[Op, Callable[[Any], Any]]] = {
    e.add: (p.reduce_window_sum, lambda dtype: 0),
    e.mul: (p.reduce_window_prod, lambda dtype: 1),
    e.max: (p.reduce_window_max, lowest),
    e.min: (p.reduce_window_min, highest),
}
_WRITTEN_OUT = 64
"""Elements of a window up to which a user's function is applied to one after the other."""


def reduce_window(
    operand: Any, init_value: Any, computation: Callable[..., Any], window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None, padding: Padding = "VALID",
    base_dilation: Sequence[int] | None = None, window_dilation: Sequence[int] | None = None,
) -> Any:  # fmt: skip
    """Each window of an array (or of arrays in a tree) reduced to one element, by an associative function.

    `computation` takes two elements (trees of them) and gives one; `lax.add`, `mul`, `max` and `min` are recognised,
    any other function is traced and works too. A reduction starts from `init_value`; padding, and the gaps of
    `base_dilation`, take no part in it.
    """
    leaves, treedef = pytrees.tree_flatten(operand)
    inits, init_def = pytrees.tree_flatten(init_value)
    if treedef != init_def or not leaves:
        fail("lax.reduce_window: operands and initial values must be trees of one structure, and not empty; got "
             f"{treedef} and {init_def}")  # fmt: skip
    xs = [_operand("reduce_window", x) for x in leaves]
    single = len(xs) == 1 and treedef == pytrees.tree_structure(0)
    computation = recognized(computation, xs[0].aval.dtype) if single else computation
    known = single and computation in _MONOIDS and not _refused(computation, xs[0].aval.dtype)
    inits = [_initial(x, init, computation if known else None) for x, init in zip(xs, inits)]
    shape = xs[0].aval.shape
    if any(x.aval.shape != shape for x in xs):
        fail(f"lax.reduce_window takes arrays of one shape, got {', '.join(str(x.aval) for x in xs)}")
    window = _window(shape, window_dimensions, window_strides, padding, base_dilation, window_dilation)
    if known:
        return _known(xs[0], inits[0], computation, window)
    return pytrees.tree_unflatten(treedef, _general(xs, inits, treedef, computation, window))


def _refused(computation: Callable[..., Any], dtype: np.dtype) -> bool:
    """Whether a dtype has the function but no op for windows of it: then elements are combined one by one."""
    return av.is_bool(dtype) and computation in (e.add, e.mul) or av.is_complex(dtype) and computation in (e.max, e.min)


def _window(
    shape: tuple[int, ...], window: Any, strides: Any, padding: Any, base_dilation: Any, window_dilation: Any
) -> dict[str, tuple[int, ...]]:
    """The attributes of a windowed reduction, checked."""
    checked = [_entries(what, values, len(shape)) for what, values in (
        ("window_dimensions", window), ("window_strides", strides), ("base_dilation", base_dilation),
        ("window_dilation", window_dilation),
    )]  # fmt: skip
    window, strides, base_dilation, window_dilation = checked
    if isinstance(padding, str):
        pads = padtype_to_pads(shape, list(map(dilated, window, window_dilation)), strides, padding)
    else:
        pads = padding_pairs("reduce_window", padding, len(shape))
    return {
        "window": window, "strides": strides, "low": tuple(a for a, _ in pads), "high": tuple(b for _, b in pads),
        "base_dilation": base_dilation, "window_dilation": window_dilation,
    }  # fmt: skip


def _entries(what: str, values: Any, ndim: int) -> tuple[int, ...]:
    """Positive integers, one for each dimension; None stands for ones."""
    if values is None and what != "window_dimensions":
        return (1,) * ndim
    if not isinstance(values, tuple | list | np.ndarray):
        fail(f"lax.reduce_window: {what} must be a tuple or list, got {values!r}", kind=ArgumentTypeError)
    result = tuple(integer("reduce_window", what, v) for v in values)
    if len(result) != ndim or any(v < 1 for v in result):
        fail(f"lax.reduce_window: {what} needs a positive number for each of {ndim} dimensions, got {result}")
    return result


def _initial(x: Any, init: Any, computation: Callable[..., Any] | None) -> Any:
    """The initial value as a scalar of the operand's dtype. Python's numbers take it, and so do neutral elements."""
    value = _operand("reduce_window", init)
    if value.aval.shape:
        fail(f"lax.reduce_window takes scalars as initial values, got {value.aval}")
    if computation is not None and _is_neutral(value, computation):
        return Array(np.asarray(_MONOIDS[computation][1](x.aval.dtype)).astype(x.aval.dtype))
    if value.weak_type:
        return e.convert_element_type(value, x.aval.dtype)
    check_same_dtype("reduce_window", (x, value))
    return value


def _is_neutral(init: Any, computation: Callable[..., Any]) -> bool:
    """Whether an initial value is known, and leaves what it is combined with as it is."""
    neutral = _MONOIDS[computation][1]
    return type(init) is Array and bool(init._numpy == np.asarray(neutral(init.aval.dtype)).astype(init.aval.dtype))


def _known(x: Any, init: Any, computation: Callable[..., Any], window: dict) -> Any:
    """A reduction that is an op, combined with the initial value if that is not the neutral element."""
    y = bind(_MONOIDS[computation][0], x, weak=x.weak_type, **window)
    if _is_neutral(init, computation):
        return y
    return computation(shaping.broadcast(init, y.aval.shape), y)


def _general(xs: list, inits: list, treedef: Any, computation: Callable[..., Any], window: dict) -> list:
    """A reduction by any function: the elements at each place of all windows at once, combined in order.

    Large windows are reduced one dimension after the other, which takes fewer steps and, the function being
    associative, gives the same. Which places are padding is known: they take no part.
    """

    def combine(a: list, b: list) -> list:
        trees = (pytrees.tree_unflatten(treedef, leaves) for leaves in (a, b))
        result, out = pytrees.tree_flatten(computation(*trees))
        if out != treedef:
            fail(f"lax.reduce_window: the function must give a tree of the operands' structure, {treedef}, got {out}")
        return [_operand("reduce_window", leaf) for leaf in result]

    shape, ndim, steps = xs[0].aval.shape, len(window["window"]), window["window"]
    pads = list(zip(window["low"], window["high"], (d - 1 for d in window["base_dilation"])))
    sizes = p.window_sizes(shape, **window)
    fill = [shaping.pad(x, init, pads) for x, init in zip(xs, inits)]
    there = spread_and_pad(np.ones(shape, bool), window["base_dilation"], window["low"], window["high"], False)
    some = Part(fill, there)
    for axes in [range(ndim)] if math.prod(steps) <= _WRITTEN_OUT else [[axis] for axis in reversed(range(ndim))]:
        total = None
        for tap in itertools.product(*(range(steps[axis]) for axis in axes)):
            part = some.at(dict(zip(axes, tap)), sizes, window)
            total = part if total is None else total.then(part, combine)
        some = total or some
    start = Part([shaping.broadcast(init, sizes) for init in inits], np.ones(sizes, bool))
    return start.then(some, combine).values


class Part(NamedTuple):
    """Elements of all windows, and which of them are no padding."""

    values: list
    there: np.ndarray

    def at(self, tap: dict[int, int], sizes: tuple[int, ...], window: dict) -> Part:
        """What all windows hold at one place of them; other dimensions than those of `tap` stay as they are."""
        starts, limits, strides = [], [], []
        for axis, n in enumerate(self.there.shape):
            start = tap[axis] * window["window_dilation"][axis] if axis in tap else 0
            stride = window["strides"][axis] if axis in tap else 1
            end = (start + (sizes[axis] - 1) * stride + 1 if sizes[axis] else start) if axis in tap else n
            starts.append(min(start, n))
            limits.append(min(end, n))
            strides.append(stride)
        there = self.there[tuple(map(slice, starts, limits, strides))]
        return Part([slicing.slice(x, starts, limits, strides) for x in self.values], there)

    def then(self, other: Part, combine: Callable[[list, list], list]) -> Part:
        """These elements combined with later ones, where both are there; else those that are."""
        both = self.there & other.there
        values = combine(self.values, other.values)
        if not both.all():
            single = [e.select(self.there, a, b) for a, b in zip(self.values, other.values)]
            values = [e.select(both, c, s) for c, s in zip(values, single)]
        return Part(values, self.there | other.there)


def reduce_window_shape_tuple(
    operand_shape: Sequence[int], window_dimensions: Sequence[int], window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]], base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> tuple[int, ...]:  # fmt: skip
    """The shape of a windowed reduction's result."""
    ones = (1,) * len(operand_shape)
    sizes = map(dilated, operand_shape, base_dilation or ones)
    reach = map(dilated, window_dimensions, window_dilation or ones)
    return tuple(windows(n + a + b, w, s) for n, (a, b), w, s in zip(sizes, padding, reach, window_strides))


# ---- precision -----------------------------------------------------------------------------------------


def reduce_precision(operand: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """Rounded to a floating point format of so many exponent and mantissa bits; the dtype stays."""
    x = _operand("reduce_precision", operand)
    exponent_bits = integer("reduce_precision", "exponent_bits", exponent_bits)
    mantissa_bits = integer("reduce_precision", "mantissa_bits", mantissa_bits)
    return bind(reduce_precision_op, x, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, weak=x.weak_type)


_operand = operand  # public parameters are called `operand`, as in JAX
