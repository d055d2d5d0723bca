"""StableHLO values with Python's operators, and loops over them, for general lowerings of algorithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.dialects import hlo
from axil.dialects.avals import dtype_of, is_complex, shape_of

_INT32 = np.dtype(np.int32)


class Wide:
    """A StableHLO value with Python's operators, which repeat dimensions of size one."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return shape_of(self.value)

    @property
    def dtype(self) -> np.dtype:
        """Its dtype."""
        return dtype_of(self.value)

    def to(self, shape: tuple[int, ...]) -> Wide:
        """Repeated to a shape."""
        dims = list(range(len(shape)))
        return self if self.shape == shape else Wide(hlo.broadcast(self.value, shape, dims))

    def both(self, other: Any) -> tuple[Any, Any]:
        """The values of two operands of one shape."""
        if not isinstance(other, Wide):
            return self.value, hlo.splat(self.value.type, other)
        shape = tuple(max(m, n) if 0 not in (m, n) else 0 for m, n in zip(self.shape, other.shape))
        return self.to(shape).value, other.to(shape).value

    def op(self, name: str) -> Wide:
        """An op of one operand."""
        return Wide(hlo.op(name, self.value))

    def _binary(self, name: str, other: Any) -> Wide:
        return Wide(hlo.op(name, *self.both(other)))

    def compare(self, direction: str, other: Any) -> Wide:
        """A comparison."""
        return Wide(hlo.compare(*self.both(other), direction))

    def __add__(self, other: Any) -> Wide:
        return self._binary("add", other)

    def __sub__(self, other: Any) -> Wide:
        return self._binary("subtract", other)

    def __mul__(self, other: Any) -> Wide:
        return self._binary("multiply", other)

    def __truediv__(self, other: Any) -> Wide:
        return self._binary("divide", other)

    def __and__(self, other: Any) -> Wide:
        return self._binary("and", other)

    def __or__(self, other: Any) -> Wide:
        return self._binary("or", other)

    def maximum(self, other: Any) -> Wide:
        """The larger one."""
        return self._binary("maximum", other)

    def __neg__(self) -> Wide:
        return self.op("negate")

    @property
    def real(self) -> Wide:
        """The real part; a real array is its own."""
        return self.op("real") if is_complex(self.dtype) else self

    @property
    def conj(self) -> Wide:
        """The complex conjugate."""
        if not is_complex(self.dtype):
            return self
        return Wide(hlo.op("complex", hlo.op("real", self.value), hlo.op("negate", hlo.op("imag", self.value))))

    @property
    def size(self) -> Wide:
        """The sum of the absolute values of the parts."""
        if not is_complex(self.dtype):
            return self.op("abs")
        return self.op("real").op("abs") + self.op("imag").op("abs")

    def like(self, other: Wide) -> Wide:
        """A real array with the dtype of another one, which may be complex."""
        if not is_complex(other.dtype) or is_complex(self.dtype):
            return self
        return Wide(hlo.op("complex", self.value, hlo.splat(self.value.type, 0)))

    def reduced(self, name: str, axis: int) -> Wide:
        """The sum, maximum or minimum along an axis, which stays with size one."""
        starts = {"add": 0, "maximum": -np.inf, "minimum": np.iinfo(np.int32).max}
        axis %= len(self.shape)
        start = hlo.constant(np.asarray(starts[name]).astype(self.dtype))
        (y,) = hlo.reduce([self.value], [start], [axis], lambda a, b: hlo.op(name, a, b))
        return Wide(hlo.reshape(y, tuple(1 if i == axis else n for i, n in enumerate(self.shape))))

    def at(self, axis: int, place: Any, count: int = 1) -> Wide:
        """`count` elements along an axis from a dynamic place on."""
        axis %= len(self.shape)
        zero = hlo.constant(0, _INT32)
        starts = [place if i == axis else zero for i in range(len(self.shape))]
        sizes = [count if i == axis else n for i, n in enumerate(self.shape)]
        return Wide(hlo.dynamic_slice(self.value, starts, sizes))

    def numbers(self, axis: int) -> Wide:
        """The index of each element along an axis."""
        axis %= len(self.shape)
        return Wide(hlo.iota(self.shape, _INT32, axis))


def where(condition: Wide, a: Any, b: Any) -> Wide:
    """`a` where the condition holds, else `b`, in the shape of all three; one of them may be a number."""
    like = a if isinstance(a, Wide) else b
    shapes = [x.shape for x in (condition, a, b) if isinstance(x, Wide)]
    shape = tuple(0 if 0 in sizes else max(sizes) for sizes in zip(*shapes))
    a, b = (x.to(shape).value if isinstance(x, Wide) else hlo.splat(like.to(shape).value.type, x) for x in (a, b))
    return Wide(hlo.select(condition.to(shape).value, a, b))


def constant_like(x: Wide, value: float) -> Wide:
    """A constant of the shape and dtype of `x`."""
    return Wide(hlo.splat(x.value.type, value))


def loop(count: int, state: Sequence[Wide], step: Callable[..., Sequence[Wide]]) -> list[Wide]:
    """`state = step(i, *state)` for i from 0 to `count`; `i` is an i32 scalar value."""
    values = [hlo.constant(0, _INT32), *[hlo.barrier(x.value) for x in state]]
    types = [v.type for v in values]
    made = hlo.typed("while", types, values, regions=2)
    ir = hlo.ir
    block = hlo.body(made, types, 0)
    with ir.InsertionPoint(block):
        hlo.return_([hlo.compare(block.arguments[0], hlo.constant(count, _INT32), "LT")])
    block = hlo.body(made, types, 1)
    with ir.InsertionPoint(block):
        i, *now = block.arguments
        following = step(i, *map(Wide, now))
        hlo.return_([hlo.op("add", i, hlo.constant(1, _INT32)), *[x.value for x in following]])
    return [Wide(v) for v in list(made.results)[1:]]


def number_like(i: Any, rank: int) -> Wide:
    """A scalar with `rank` dimensions of size one."""
    return Wide(hlo.reshape(i, (1,) * rank))
