"""Arrays that share memory: a program may give back an operand, or one value twice, without copying it.

That is harmless as long as nobody writes. A donated array is written to, so arrays that share memory must be known:
they are looked at from Python (`_value` is set), and a donation works on a copy of such an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def share(results: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """Mark the arrays among `results` that lie in each other's memory or in that of `others`, and those `others`.

    Gives the results that share memory with another result or array.
    """
    spans = [s for s in map(_span, [*results, *others]) if s is not None]
    spans.sort(key=lambda s: s[0])
    found: dict[int, Any] = {}
    end, owner = -1, None
    for start, stop, x in spans:
        if start < end:
            found[id(owner)], found[id(x)] = owner, x
        if stop > end:
            end, owner = stop, x
    for x in found.values():
        x._numpy  # noqa: B018  (sets `_value`)
    return [x for x in results if id(x) in found]


def _span(x: Any) -> tuple[int, int, Any] | None:
    """Where an array's buffer lies in memory."""
    if not x.aval.size or x._buffer is None:
        return None
    raw = np.frombuffer(memoryview(x._buffer.map()), np.uint8)
    start = raw.__array_interface__["data"][0]
    return start, start + raw.nbytes, x


__all__ = ["share"]
