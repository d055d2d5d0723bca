"""Implicit QR iteration in kernels: what the symmetric tridiagonal and the bidiagonal one share.

A step works on the last block without a negligible off-diagonal element, and ends when its last row is decoupled. A
zero pivot needs no case of its own, as a step with it decouples a row too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axil.compiler.kernels.planes import Array, Real, choose, count, icompare, ilogic, repeat
from axil.compiler.kernels.rotations import Sweeps, Tiles
from axil.compiler.kernels.text import Index
from axil.compiler.kernels.workbench import Workbench

STEPS = 30
"""QR steps for each value, on average, before an iteration is given up."""


Sweep = Callable[[str, str, Sweeps, str], None]
"""Writes one QR step on the rows from one to another; its rotations are noted from a place on."""


def diagonalize(bench: Workbench, d: Array, e: Array, n: int, sides: list[Tiles], sweep_of: Sweep) -> str:
    """QR steps until `e` is negligible; `d` then holds the values. Gives whether that was reached."""
    b, r = bench.b, bench.wide
    sweeps = Sweeps.take(bench, sides, n)
    unit = r.constant(2.0**-24 if bench.dtype == "f32" else 2.0**-53)
    small = r.constant(2.0**-6)  # beside this part of the norm, which is near 1, elements of `e` are negligible too
    zero = b.index(0)

    def unfinished(state: list[str]) -> str:
        high, steps = state[:2]
        return ilogic(b, "andi", icompare(b, "sgt", high, 0), icompare(b, "slt", steps, STEPS * n))

    def step(state: list[str]) -> Sequence[str]:
        high, steps, counted, used = state
        low = block_start(bench, d, e, high, unit, small)
        done = icompare(b, "eq", low, high)

        def shrink() -> list[str]:
            return [b.index(Index.of(high) + -1), steps, counted, used]

        def sweep() -> list[str]:
            length = b.binary("arith.subi", high, low)
            now, at = sweeps.flush_if_full(counted, used, length)
            sweep_of(low, high, sweeps, at)
            now, at = sweeps.end_sweep(now, at, low, high)
            return [high, b.index(Index.of(steps) + 1), now, at]

        return choose(b, done, ["index"] * 4, shrink, sweep)

    start = [(b.index(n - 1), "index"), (zero, "index"), (zero, "index"), (zero, "index")]
    high, _, counted, _ = repeat(b, start, unfinished, step)
    sweeps.apply(counted)
    return icompare(b, "sle", high, 0)


def block_start(bench: Workbench, d: Array, e: Array, high: str, unit: str, small: str) -> str:
    """The first row of the block, ending with row `high`, that has no negligible element of `e`."""
    b, r = bench.b, bench.wide

    def coupled(state: list[str]) -> str:
        inside = icompare(b, "sgt", state[0], 0)

        def look() -> list[str]:
            before = Index.of(state[0]) + -1
            size = r.add(r.abs(d.load(before)[0]), r.abs(d.load(state[0])[0]))
            bound = r.mul(unit, r.add(size, small))
            return [r.compare("ogt", r.abs(e.load(before)[0]), bound)]

        return choose(b, inside, ["i1"], look, lambda: [b.constant("false", "i1")])[0]

    return repeat(b, [(high, "index")], coupled, lambda state: [b.index(Index.of(state[0]) + -1)])[0]


def rank(bench: Workbench, d: Array, n: int, i: str, descending: bool = False) -> str:
    """The place of value i in the order of all, which are distinct by their position if not by size."""
    b, r = bench.b, bench.wide
    mine = d.load(i)[0]

    def one(j: str, carry: list[str]) -> list[str]:
        other = d.load(j)[0]
        before = r.compare("ogt" if descending else "olt", other, mine)
        tie = ilogic(b, "andi", r.compare("oeq", other, mine), icompare(b, "ult", j, i))
        ahead = b.op(f"arith.extui {ilogic(b, 'ori', before, tie)} : i1 to i32")
        return [b.binary("arith.addi", carry[0], b.op(f"arith.index_castui {ahead} : i32 to index"))]

    return b.loop((0, n, 1), one, [(b.index(0), "index")])[0]


def keep_or_nan(bench: Workbench, good: str) -> str:
    """One, or NaN where a decomposition failed: a factor for vectors."""
    r = Real(bench.b, bench.dtype)
    return r.select(good, r.constant(1.0), r.constant(float("nan")))


def write_vector(
    bench: Workbench, tiles: Tiles, column: str, out: list[Array], place: tuple[Index, int], by: str, conjugate: bool
) -> None:
    """Writes a column of a matrix in tiles, times `by`, to elements `place[0] + place[1] * row` of a result."""
    b, f = bench.b, bench.scalars
    start, step = place

    def element(row: str) -> None:
        value = f.scale(tiles.array.load(tiles.at(row, column)), by)
        at = start + Index.of(row) * step
        for part, target in zip(f.conj(value) if conjugate else value, out, strict=True):
            target.store((part,), at)

    count(b, 0, tiles.rows, element)
