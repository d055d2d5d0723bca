"""A step length that satisfies the strong Wolfe conditions.

Source: Nocedal and Wright, "Numerical Optimization", algorithms 3.5 and 3.6. Both loops are `while_loop`s whose states
are trees; branches are selections, so that a batch of searches is one search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from axil import dtypes, lax
from axil import numpy as jnp
from axil.pytrees import tree_map

_MAX_ZOOM = 30
_CUBIC_MARGIN, _QUADRATIC_MARGIN = 0.2, 0.1


class Point(NamedTuple):
    """The function along the line at step length `a`: value, slope, and gradient."""

    a: Any
    phi: Any
    slope: Any
    gradient: Any


class SearchResult(NamedTuple):
    """What a search found. `status` is 0, 1 where zooming failed, 3 after too many steps."""

    failed: Any
    evaluations: Any
    status: Any
    point: Point


class _Zoom(NamedTuple):
    done: Any
    failed: Any
    j: Any
    low: Point  # the best point with sufficient decrease; the result
    high: Point
    last: Point  # the end of the interval that was left last


class _Search(NamedTuple):
    done: Any
    failed: Any
    i: Any
    evaluations: Any
    last: Point
    star: Point


def _choose(condition: Any, x: Any, y: Any) -> Any:
    """`x` where the scalar condition holds, else `y`: trees of arrays."""
    return tree_map(lambda u, v: jnp.where(condition, u, v), x, y)


def _cubic_minimum(a: Point, b: Point, c: Point) -> Any:
    """Where the cubic through three points, with the slope of the first, is least."""
    db, dc = b.a - a.a, c.a - a.a
    scale = (db * dc) ** 2 * (db - dc)
    over_b, over_c = b.phi - a.phi - a.slope * db, c.phi - a.phi - a.slope * dc
    third = (dc**2 * over_b - db**2 * over_c) / scale
    second = (db**3 * over_c - dc**3 * over_b) / scale
    return a.a + (-second + jnp.sqrt(second * second - 3.0 * third * a.slope)) / (3.0 * third)


def _quadratic_minimum(a: Point, b: Point) -> Any:
    """Where the parabola through two points, with the slope of the first, is least."""
    db = b.a - a.a
    second = (b.phi - a.phi - a.slope * db) / db**2
    return a.a - a.slope / (2.0 * second)


class _Line:
    """The function along the line, and the conditions that a step has to satisfy."""

    def __init__(self, f: Callable[[Any], Any], x: Any, p: Any, start: Point, c1: float, c2: float) -> None:
        from axil.differentiation import value_and_grad

        self.value_and_grad = value_and_grad(f)
        self.x, self.p, self.start = x, p, start
        self.c1, self.c2 = c1, c2

    def at(self, a: Any) -> Point:
        """Evaluate the function at a step length."""
        a = a.astype(self.start.a.dtype)
        phi, gradient = self.value_and_grad(self.x + a * self.p)
        slope = jnp.real(jnp.dot(gradient, self.p))
        return tree_map(lambda new, old: new.astype(old.dtype), Point(a, phi, slope, gradient), self.start)

    def too_high(self, x: Point) -> Any:
        """Whether there is too little decrease."""
        return x.phi > self.start.phi + self.c1 * x.a * self.start.slope

    def is_flat(self, x: Point) -> Any:
        """Whether the slope has become small enough."""
        return jnp.abs(x.slope) <= -self.c2 * self.start.slope


def _trial(state: _Zoom) -> Any:
    """The next step length: by cubic or quadratic interpolation if that is well inside, else the middle."""
    low, high = state.low, state.high
    width = jnp.abs(high.a - low.a)
    left, right = jnp.minimum(low.a, high.a), jnp.maximum(low.a, high.a)

    def inside(a: Any, margin: float) -> Any:
        return (a > left + margin * width) & (a < right - margin * width)

    cubic, quadratic = _cubic_minimum(low, high, state.last), _quadratic_minimum(low, high)
    middle = (low.a + high.a) / 2.0
    simple = jnp.where(inside(quadratic, _QUADRATIC_MARGIN), quadratic, middle)
    return jnp.where((state.j > 0) & inside(cubic, _CUBIC_MARGIN), cubic, simple)


def _zoom(line: _Line, low: Point, high: Point, wanted: Any) -> _Zoom:
    """Narrow an interval that has suitable points, where that is wanted."""
    threshold = 1e-5 if dtypes.finfo(low.a.dtype).bits < 64 else 1e-10

    def step(state: _Zoom) -> _Zoom:
        low, high = state.low, state.high
        narrow = jnp.abs(high.a - low.a) <= threshold
        new = line.at(_trial(state))
        shrink = line.too_high(new) | (new.phi >= low.phi)
        good = line.is_flat(new) & ~shrink
        turned = (new.slope * (high.a - low.a) >= 0.0) & ~shrink & ~good
        last = _choose(shrink | turned, high, _choose(good, state.last, low))
        failed = state.failed | narrow | (state.j + 1 >= _MAX_ZOOM)
        new_high = _choose(shrink, new, _choose(turned, low, high))
        return _Zoom(state.done | good, failed, state.j + 1, _choose(shrink, low, new), new_high, last)

    middle = low._replace(a=(low.a + high.a) / 2.0)
    no = jnp.asarray(False)
    start = _Zoom(no, no, jnp.asarray(0), low, high, middle)
    return lax.while_loop(lambda s: ~s.done & ~s.failed & wanted, step, start)


def wolfe_search(
    f: Callable[[Any], Any], x: Any, p: Any, value: Any, gradient: Any, before: Any = None, c1: float = 1e-4,
    c2: float = 0.9, maxiter: int = 20,
) -> SearchResult:  # fmt: skip
    """Search from `x` along `p` for a step length that satisfies the strong Wolfe conditions.

    `value` and `gradient` are those of `f` at `x`; `before` is the value at the point before, which tells how long the
    first step should be. Where the search fails, it gives the best point that it has seen.
    """
    start = Point(jnp.zeros((), p.real.dtype), value, jnp.real(jnp.dot(gradient, p)), gradient)
    line = _Line(f, x, p, start, c1, c2)
    first: Any = jnp.ones_like(start.a)
    if before is not None:
        guess = 1.01 * 2 * (value - before) / start.slope
        first = jnp.where(guess > 1, 1.0, guess)

    def step(state: _Search) -> _Search:
        new = line.at(jnp.where(state.i == 1, first, state.last.a * 2.0))
        over = line.too_high(new) | ((new.phi >= state.last.phi) & (state.i > 1))
        good = line.is_flat(new) & ~over
        uphill = (new.slope >= 0.0) & ~over & ~good
        low, high = _choose(over, state.last, new), _choose(over, new, state.last)
        zoom = _zoom(line, low, high, over | uphill)
        star = _choose(over | uphill, zoom.low, _choose(good, new, state.star))
        failed = (over | uphill) & zoom.failed & ~zoom.done
        done = state.done | over | uphill | good
        return _Search(done, state.failed | failed, state.i + 1, state.evaluations + 1 + zoom.j, new, star)

    no = jnp.asarray(False)
    state = _Search(no, no, jnp.asarray(1), jnp.asarray(0), start, start)
    state = lax.while_loop(lambda s: ~s.done & (s.i <= maxiter) & ~s.failed, step, state)
    status = jnp.where(state.failed, 1, jnp.where(state.i > maxiter, 3, 0))
    return SearchResult(state.failed | ~state.done, state.evaluations, status, _not_too_short(state.star))


def _not_too_short(point: Point) -> Point:
    """In 32 bits the shortest step that a search gives is 1e-8."""
    a = point.a
    if dtypes.finfo(a.dtype).bits == 64:
        return point
    return point._replace(a=jnp.where(jnp.abs(a) < 1e-8, jnp.sign(a) * 1e-8, a))


__all__ = ["Point", "SearchResult", "wolfe_search"]
