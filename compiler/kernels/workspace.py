"""Scratch space of a kernel, and computing expressions into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from axil.compiler.kernels.arrays import Buffer, Expression, Layout, Read, store
from axil.compiler.kernels.text import Builder


@dataclass
class Workspace:
    """Scratch space: one buffer for each element type, its size known when the kernel is done."""

    used: dict[str, int] = field(default_factory=dict)

    def take(self, shape: Sequence[int], dtype: str) -> Read:
        """A fresh array. Its start is aligned to 64 elements."""
        start = self.used.get(dtype, 0)
        self.used[dtype] = start + -(-max(prod(shape), 1) // 64) * 64
        return Read(Scratch(f"%scratch_{dtype}", 0, dtype, start), Layout.dense(shape, start))

    def fill_in(self, text: str) -> str:
        """Code that used this space, with the sizes of its buffers."""
        for dtype, size in self.used.items():
            text = text.replace(f"<<{dtype}>x", f"<{size}x")
        return text


@dataclass(frozen=True)
class Scratch(Buffer):
    """One array's part of a buffer that arrays share, such as a workspace's, whose size (0) is filled in at the end."""

    start: int
    """Where the part starts: arrays that share the buffer do not overlap."""

    @property
    def type(self) -> str:
        """With a placeholder for the size."""
        return super().type.replace("<0x", f"<<{self.dtype}>x")


def stored(b: Builder, space: Workspace, expression: Expression) -> Read:
    """The expression as an array in memory: itself if it is one."""
    if isinstance(expression, Read):
        return expression
    target = space.take(expression.shape, expression.dtype)
    store(b, expression, [target])
    return target


def changed(
    b: Builder, space: Workspace, expression: Expression, change: Callable[[Layout], Layout | None]
) -> Expression:
    """The expression with its leaves' layouts changed; computed first where a layout cannot follow."""
    result = expression.relayout(change)
    if result is None:
        result = stored(b, space, expression).relayout(change)
    if result is None:
        copy = space.take(expression.shape, expression.dtype)
        store(b, expression, [copy])
        result = copy.relayout(change)
    assert result is not None
    return result
