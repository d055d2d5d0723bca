"""Prefix "sums" of an associative function, in logarithmically many steps that are each parallel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axil import pytrees
from axil.lax import shaping, slicing
from axil.lax.common import axis_index, fail, operand


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All prefixes of `elems` along `axis` combined by `fn`: `[a, fn(a, b), fn(fn(a, b), c), ...]`.

    `elems` is an array or a tree of arrays of one length along `axis`; `fn` is associative, takes two such trees (of
    any length) and gives one, elementwise along `axis`. `reverse` combines suffixes, from the end. About `2 n`
    combinations in `2 log2 n` calls of `fn` (Blelloch, "Prefix sums and their applications", 1990). Differentiable as
    `fn` is.
    """
    leaves, structure = pytrees.tree_flatten(elems)
    if not leaves:
        return elems
    leaves = [operand("associative_scan", x) for x in leaves]
    places = [axis_index("associative_scan", axis, len(x.aval.shape)) for x in leaves]
    lengths = {x.aval.shape[place] for x, place in zip(leaves, places)}
    if len(lengths) != 1:
        shapes = ", ".join(str(x.aval) for x in leaves)
        fail(f"lax.associative_scan: the arrays must have one length along axis {axis}, got {shapes}")

    def combine(a: list, b: list) -> list:
        got = pytrees.tree_leaves(fn(pytrees.tree_unflatten(structure, a), pytrees.tree_unflatten(structure, b)))
        if len(got) != len(leaves):
            fail(f"lax.associative_scan: fn must give a tree like its arguments, {structure}; got {len(got)} leaves")
        return [operand("associative_scan", x) for x in got]

    rows = _Rows(places)
    xs = rows.reversed(leaves) if reverse else leaves
    scanned = _scan(rows, combine, xs, lengths.pop())
    return pytrees.tree_unflatten(structure, rows.reversed(scanned) if reverse else scanned)


def _scan(rows: _Rows, combine: Callable[[list, list], list], xs: list, n: int) -> list:
    """Combine neighbours, scan the half as many results, and fill in every other prefix."""
    if n < 2:
        return xs
    pairs = combine(rows.cut(xs, 0, n - 1, 2), rows.cut(xs, 1, n, 2))
    odd = _scan(rows, combine, pairs, n // 2)
    before = odd if n % 2 else rows.cut(odd, 0, n // 2 - 1, 1)
    even = rows.joined(rows.cut(xs, 0, 1, 1), combine(before, rows.cut(xs, 2, n, 2)) if n > 2 else [])
    return rows.interleaved(even, odd)


class _Rows:
    """What the scan does with lists of arrays along their scanned dimensions."""

    def __init__(self, places: list[int]) -> None:
        self.places = places

    def reversed(self, xs: list) -> list:
        return [shaping.rev(x, (place,)) for x, place in zip(xs, self.places)]

    def cut(self, xs: list, start: int, end: int, step: int) -> list:
        return [slicing.slice_in_dim(x, start, end, step, place) for x, place in zip(xs, self.places)]

    def joined(self, a: list, b: list) -> list:
        return [shaping.concatenate(list(pair), place) for *pair, place in zip(a, b, self.places)] if b else a

    def interleaved(self, even: list, odd: list) -> list:
        """Elements taken from the two in turn, of which the first has as many or one more."""
        return [self._zipped(a, b, place) for a, b, place in zip(even, odd, self.places)]

    def _zipped(self, a: Any, b: Any, place: int) -> Any:
        n = b.aval.shape[place]
        head = slicing.slice_in_dim(a, 0, n, 1, place)
        both = shaping.concatenate([shaping.expand_dims(x, (place + 1,)) for x in (head, b)], place + 1)
        shape = both.aval.shape
        merged = shaping.reshape(both, (*shape[:place], 2 * n, *shape[place + 2 :]))
        if a.aval.shape[place] == n:
            return merged
        return shaping.concatenate([merged, slicing.slice_in_dim(a, n, n + 1, 1, place)], place)
