"""Stable sort along rows: blocks ranked by counting, then merged from both ends at once, without branches.

IREE lowers a sort to a bubble sort. This kernel sorts each row of a batch on its own, rows spread over
workgroups:

1. Blocks of 16 keys are sorted by rank: a key's place is the number of keys that come before it, counted with
   vector compares of the block against each of its keys. That takes the place of the first four merge levels.
2. Runs are merged pairwise, doubling each level. Two runs of the same length w need no bounds checks: w steps
   from the front give the smaller half of the result and w steps from the back the larger. The two chains of
   steps share nothing, so the processor runs them side by side; selects replace branches that it could not
   predict. The last, uneven pair of a level goes through a slower merge with bounds.

Levels go back and forth between the result and scratch space, two at a time, so that results end in their
place. Order is JAX's: NaNs last, -0.0 equal to 0.0; values themselves are moved untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axil.compiler.kernels.contained import containable
from axil.compiler.kernels.kernel import (
    Declined,
    Kernel,
    Plan,
    Unsupported,
    assemble,
    kernel_without_code,
    tensor_of,
)
from axil.compiler.kernels.text import (
    FLOATS,
    UNSIGNED,
    Builder,
    Index,
    lanes_type,
    width,
)

BLOCK = 16
"""Length of the blocks sorted by rank, which takes vectors of that length: on CPUs; elsewhere it is one."""

ELEMENTS_PER_WORKGROUP = 4096
"""Rows are grouped until a workgroup has about this much to do."""


def merge_sort(
    values: Sequence[Any],
    results: Any = None,
    *,
    num_keys: int = 1,
    descending: bool = False,
    platform: str = "cpu",
) -> Kernel | Declined:
    """A kernel that sorts tensors of one shape together along their last dimension.

    The first `num_keys` of `values` are the keys, compared in order; the others are carried along. The kernel
    takes tensors of the types of `values` and gives as many of the same.
    """
    if descending:
        return Declined("a descending sort")
    try:
        tensors = [tensor_of(v.type) for v in values]
    except Unsupported as reason:
        return Declined(f"the sort has {reason}")
    shape, dtypes = tensors[0].shape, tuple(t.dtype for t in tensors)
    length = shape[-1]
    if length < 2 or not tensors[0].size:
        return kernel_without_code(Plan("sort", tensors, tensors, returns=list(range(len(tensors)))))
    rows = tensors[0].size // length
    rows_each = min(rows, max(1, ELEMENTS_PER_WORKGROUP // length))
    if platform == "vulkan" and {width(dtype) for dtype in dtypes} != {32}:
        return Declined("a sort of other than 32-bit values on Vulkan")
    scratch = {f"%scratch{i}": t for i, t in enumerate(tensors)}
    groups = -(-rows // rows_each)
    plan = Plan("sort", tensors, tensors, scratch, workgroups=groups, as_bits=True, platform=platform)
    b, types = Builder(), [plan.memref_type(t) for t in tensors]
    block = min(BLOCK, length) if platform == "cpu" else 1
    _Sort(b, length, rows, dtypes, types, num_keys, block).all_rows()
    code = b.text()
    return containable(assemble(plan, code), plan, code, 4 * rows * length * length.bit_length())


def _bits(dtype: str) -> str:
    """Elements are moved as integers: x86 selects integers without a branch, but not floats."""
    return f"i{width(dtype)}"


@dataclass(frozen=True)
class _Data:
    """One operand's buffer: where a row of it starts is added by the caller."""

    name: str
    type: str
    dtype: str

    def load(self, b: Builder, at: str) -> str:
        """The stored element at an index."""
        return b.op(f"memref.load {self.place(b, at)}")

    def store(self, b: Builder, value: str, at: str) -> None:
        """Writes one element."""
        b.line(f"memref.store {value}, {self.place(b, at)}")

    def block(self, b: Builder, at: str, lanes: int) -> str:
        """`lanes` stored elements from an index on."""
        return b.op(f"vector.load {self.place(b, at)}, vector<{lanes}x{_bits(self.dtype)}>")

    def place(self, b: Builder, at: str) -> str:
        """An element, as loads and stores name it."""
        first = f"{b.index(0)}, " if self.type.startswith("memref<1x") else ""
        return f"{self.name}[{first}{at}] : {self.type}"


@dataclass
class _Sort:
    """The code of one sort kernel."""

    b: Builder
    length: int
    rows: int
    dtypes: tuple[str, ...]
    types: list[str]
    keys: int
    block: int

    def operands(self, name: str) -> list[_Data]:
        """The buffers of all operands, named `%<name>0` and so on."""
        return [_Data(f"%{name}{i}", *x) for i, x in enumerate(zip(self.types, self.dtypes))]

    def all_rows(self) -> None:
        """The kernel: this workgroup's rows, one after the other."""
        b = self.b
        inputs, outputs, scratch = self.operands("in"), self.operands("out"), self.operands("scratch")
        group = b.op('"stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index')
        groups = b.op('"stream.dispatch.workgroup.count"() {dimension = 0 : index} : () -> index')

        def one_row(row: str, _: list[str]) -> list[str]:
            start = b.index(Index.of(row) * self.length)
            end = b.index(Index.of(start) + self.length)
            self.row(start, end, inputs, outputs, scratch)
            return []

        b.loop((group, self.rows, groups), one_row)

    def row(self, start: str, end: str, inputs: list[_Data], outputs: list[_Data], scratch: list[_Data]) -> None:
        """Sorts [start, end) of the inputs into the outputs."""
        b = self.b
        self.sort_blocks(start, inputs, outputs)
        if self.length <= self.block:
            return
        first, length = b.index(self.block), b.index(self.length)
        wide, inner, final = b.name(), b.name(), b.name()
        with b.block(f"{final} = scf.while ({wide} = {first}) : (index) -> index", "} do {"):
            more = b.binary("arith.cmpi ult,", wide, length)
            b.line(f"scf.condition({more}) {wide} : index")
        b.line(f"^bb0({inner}: index):")
        twice = self.level(start, end, inner, outputs, scratch)
        four = self.level(start, end, twice, scratch, outputs)
        b.line(f"scf.yield {four} : index")
        b.line("}")

    # ---- blocks ------------------------------------------------------------------------------------------

    def sort_blocks(self, start: str, source: list[_Data], target: list[_Data]) -> None:
        """Sorts each block of a row on its own."""
        b, whole = self.b, self.length - self.length % self.block

        def one(offset: str, _: list[str]) -> list[str]:
            self.sort_block(b.index(Index.of(start) + offset), self.block, source, target)
            return []

        b.loop((0, whole, self.block), one)
        if whole < self.length:
            self.sort_block(b.index(Index.of(start) + whole), self.length - whole, source, target)

    def sort_block(self, start: str, lanes: int, source: list[_Data], target: list[_Data]) -> None:
        """Sorts `lanes` elements by computing each one's place; a block of one is just copied."""
        b = self.b
        if lanes == 1:
            for data, into in zip(source, target):
                into.store(b, data.load(b, start), start)
            return
        places = self.ranks(start, lanes, source[: self.keys])
        for lane in range(lanes):
            place = b.op(f"vector.extract {places}[{lane}] : i32 from vector<{lanes}xi32>")
            place = b.op(f"arith.index_cast {place} : i32 to index")
            at, goes = b.index(Index.of(start) + lane), b.index(Index.of(start) + place)
            for data, into in zip(source, target):
                into.store(b, data.load(b, at), goes)

    def ranks(self, start: str, lanes: int, keys: list[_Data]) -> str:
        """For each lane the number of elements of its block that come before it."""
        b, mask, count = self.b, f"vector<{lanes}xi1>", f"vector<{lanes}xi32>"
        block = [data.block(b, start, lanes) for data in keys]
        total = b.constant("0", "i32", lanes)
        for other in range(lanes):
            at = b.index(Index.of(start) + other)
            splats = []
            for data in keys:
                type_ = f"vector<{lanes}x{_bits(data.dtype)}>"
                splats.append(b.op(f"vector.broadcast {data.load(b, at)} : {_bits(data.dtype)} to {type_}"))
            # Of equal keys the earlier one comes first: `other` precedes the lanes behind it unless they are
            # less.
            before = self.less(splats, block, lanes)
            not_after = b.binary("arith.xori", self.less(block, splats, lanes), b.constant("true", "i1", lanes), mask)
            behind = ", ".join("true" if lane > other else "false" for lane in range(lanes))
            behind = b.op(f"arith.constant dense<[{behind}]> : {mask}")
            before = b.op(f"arith.select {behind}, {not_after}, {before} : {mask}, {mask}")
            one = b.op(f"arith.extui {before} : {mask} to {count}")
            total = b.binary("arith.addi", total, one, count)
        return total

    # ---- merging -----------------------------------------------------------------------------------------

    def level(self, start: str, end: str, wide: str, source: list[_Data], target: list[_Data]) -> str:
        """Merges neighbouring runs of `wide` elements; returns the length of the runs it makes."""
        b = self.b
        twice = b.index(Index.of(wide) * 2)
        length = b.index(self.length)
        rest = b.binary("arith.remui", length, twice)
        even = b.binary("arith.subi", end, rest)

        def pair(low: str, _: list[str]) -> list[str]:
            self.merge_even(low, wide, source, target)
            return []

        b.loop((start, even, twice), pair)
        self.merge_uneven(even, wide, end, source, target)
        return twice

    def merge_even(self, low: str, wide: str, source: list[_Data], target: list[_Data]) -> None:
        """Merges [low, low + wide) with the equally long run behind it, from both ends."""
        b = self.b
        middle, last = Index.of(low) + wide, Index.of(low) + Index.of(wide) * 2 + -1

        def step(k: str, at: list[str]) -> list[str]:
            front_i, front_j, back_i, back_j = at
            out_front = b.index(Index.of(low) + k)
            out_back = b.index(last + Index.of(k) * -1)
            i, j = self.front(front_i, front_j, out_front, source, target)
            m, n = self.back(back_i, back_j, out_back, source, target)
            return [i, j, m, n]

        begin = [b.index(x) for x in (Index.of(low), middle, middle + -1, last)]
        b.loop((0, wide, 1), step, [(x, "index") for x in begin])

    def front(self, i: str, j: str, out: str, source: list[_Data], target: list[_Data]) -> tuple[str, str]:
        """Moves the lesser of elements i and j, i if they are equal; returns the next i and j."""
        b = self.b
        a, c = self.load_keys(i, source), self.load_keys(j, source)
        take_j = self.less(c, a, None)
        self.move(take_j, j, i, c, a, out, source, target)
        moved, stayed = self.steps(take_j)
        return b.binary("arith.addi", i, stayed), b.binary("arith.addi", j, moved)

    def back(self, i: str, j: str, out: str, source: list[_Data], target: list[_Data]) -> tuple[str, str]:
        """Moves the greater of elements i and j, j if they are equal; returns the i and j before."""
        b = self.b
        a, c = self.load_keys(i, source), self.load_keys(j, source)
        take_i = self.less(c, a, None)
        self.move(take_i, i, j, a, c, out, source, target)
        moved, stayed = self.steps(take_i)
        return b.binary("arith.subi", i, moved), b.binary("arith.subi", j, stayed)

    def steps(self, taken: str) -> tuple[str, str]:
        """(1 if taken else 0, the other one)."""
        b = self.b
        zero, one = b.index(0), b.index(1)
        return b.select(taken, one, zero), b.select(taken, zero, one)

    def move(
        self, first: str, at: str, other: str, keys: list[str], other_keys: list[str],
        out: str, source: list[_Data], target: list[_Data],
    ) -> None:  # fmt: skip
        """Stores the element at `at` if `first`, else the one at `other`; their keys are at hand already."""
        b = self.b
        place = b.select(first, at, other) if len(source) > self.keys else ""
        for position, (data, into) in enumerate(zip(source, target)):
            if position < self.keys:
                value = b.select(first, keys[position], other_keys[position], _bits(data.dtype))
            else:
                value = data.load(b, place)
            into.store(b, value, out)

    def merge_uneven(self, low: str, wide: str, end: str, source: list[_Data], target: list[_Data]) -> None:
        """Merges what is left at the end of a row: a whole run and a shorter one, or one run alone."""
        b = self.b
        middle = b.binary("arith.minui", b.index(Index.of(low) + wide), end)
        last = b.index(Index.of(end) + -1)

        def step(k: str, at: list[str]) -> list[str]:
            i, j = at
            # Reading in bounds when a run is used up; `has` then overrules the comparison.
            i_read, j_read = b.binary("arith.minui", i, last), b.binary("arith.minui", j, last)
            has_i, has_j = b.binary("arith.cmpi ult,", i, middle), b.binary("arith.cmpi ult,", j, end)
            a, c = self.load_keys(i_read, source), self.load_keys(j_read, source)
            less = b.binary("arith.andi", self.less(c, a, None), has_j, "i1")
            done_i = b.binary("arith.xori", has_i, b.constant("true", "i1"), "i1")
            take_j = b.binary("arith.ori", less, done_i, "i1")
            self.move(take_j, j_read, i_read, c, a, k, source, target)
            next_i, next_j = b.index(Index.of(i) + 1), b.index(Index.of(j) + 1)
            return [b.select(take_j, i, next_i), b.select(take_j, next_j, j)]

        b.loop((low, end, 1), step, [(low, "index"), (middle, "index")])

    # ---- order -------------------------------------------------------------------------------------------

    def load_keys(self, at: str, data: list[_Data]) -> list[str]:
        """The keys of one element."""
        return [d.load(self.b, at) for d in data[: self.keys]]

    def less(self, a: list[str], c: list[str], lanes: int | None) -> str:
        """Whether the keys `a` come strictly before the keys `c`: lexicographic, NaN after all numbers."""
        result = ""
        for position in reversed(range(self.keys)):
            dtype = self.dtypes[position]
            strict = self.key_less(a[position], c[position], dtype, lanes)
            if not result:
                result = strict
                continue
            # Not (c < a) is a <= c: where the keys so far are equal, the keys behind them decide.
            mask = lanes_type("i1", lanes)
            greater = self.key_less(c[position], a[position], dtype, lanes)
            equal_or_less = self.b.binary("arith.xori", greater, self.b.constant("true", "i1", lanes), mask)
            behind = self.b.binary("arith.andi", equal_or_less, result, mask)
            result = self.b.binary("arith.ori", strict, behind, mask)
        return result

    def key_less(self, a: str, c: str, dtype: str, lanes: int | None) -> str:
        """Whether one stored key comes strictly before another."""
        b, type_ = self.b, lanes_type(_bits(dtype), lanes)
        if dtype not in FLOATS:
            sign = "u" if dtype in UNSIGNED or dtype == "i1" else "s"
            return b.binary(f"arith.cmpi {sign}lt,", a, c, type_)
        bits, type_ = type_, lanes_type(dtype, lanes)
        a, c = (b.op(f"arith.bitcast {x} : {bits} to {type_}") for x in (a, c))
        if dtype in ("f16", "bf16"):
            wide = lanes_type("f32", lanes)
            a, c = (b.op(f"arith.extf {x} : {type_} to {wide}") for x in (a, c))
            type_ = wide
        # `not (a >= c)` also holds if either is NaN; then only a number comes before.
        number = b.binary("arith.cmpf ord,", a, a, type_)
        below = b.binary("arith.cmpf ult,", a, c, type_)
        return b.binary("arith.andi", number, below, lanes_type("i1", lanes))
