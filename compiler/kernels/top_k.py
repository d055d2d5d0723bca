"""The largest few of each row: elements are compared with the least of the best so far, a vector at a time.

A sorted list of the `k` best keys is kept for each row. Most elements are not above its least key, which one vector
comparison and one branch find out for a whole block; the others are inserted, first of equals first. On random rows
that is about `k log(n / k)` insertions. Keys are integers whose order is that of the elements: of floats the bits, with
NaN largest and both zeros equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from axil.compiler.kernels.contained import containable
from axil.compiler.kernels.kernel import Declined, Kernel, Plan, Tensor, Unsupported, assemble, tensor_of
from axil.compiler.kernels.text import FLOATS, UNSIGNED, Builder, Index, lanes_type, width

LANES = 32
MAX_K = 64
"""Rows in ascending order insert every element, at a cost of `k` moves each; beyond this, sorting is better."""

ELEMENTS_PER_WORKGROUP = 16384


def top_k(values: Sequence[Any], results: Any = None, *, k: int, platform: str = "cpu") -> Kernel | Declined:
    """A kernel that gives the `k` largest elements of each row, descending, and their positions (i32)."""
    if platform != "cpu":
        return Declined(f"top_k on {platform}")
    try:
        x = tensor_of(values[0].type)
    except Unsupported as reason:
        return Declined(f"top_k has {reason}")
    if k > MAX_K or not x.size or not k:
        return Declined(f"the {k} largest of {x.type}")
    length = x.shape[-1]
    rows = x.size // length
    wide = "i64" if width(x.dtype) == 64 else "i32"
    found = (*x.shape[:-1], k)
    scratch = {"%best": Tensor((rows * k,), wide)}
    rows_each = min(rows, max(1, ELEMENTS_PER_WORKGROUP // length))
    plan = Plan(
        "top_k", [x], [Tensor(found, x.dtype), Tensor(found, "i32")], scratch, workgroups=-(-rows // rows_each),
        platform=platform,
    )  # fmt: skip
    b = Builder()
    memory = [plan.memref_type(t) for t in (x, plan.results[0], plan.results[1], scratch["%best"])]
    _TopK(b, x.dtype, wide, length, rows, k, *memory).all_rows()
    code = b.text()
    return containable(assemble(plan, code), plan, code, x.size)


@dataclass
class _TopK:
    """The code of one kernel."""

    b: Builder
    dtype: str
    wide: str
    length: int
    rows: int
    k: int
    x_type: str
    values_type: str
    places_type: str
    best_type: str

    @property
    def stored(self) -> str:
        """The type of elements in memory."""
        return self.x_type.partition("x")[2].rstrip(">")

    def all_rows(self) -> None:
        """This workgroup's rows, one after the other."""
        b = self.b
        group = b.op('"stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index')
        groups = b.op('"stream.dispatch.workgroup.count"() {dimension = 0 : index} : () -> index')

        def one(row: str, _: list[str]) -> list[str]:
            self.row(b.index(Index.of(row) * self.length), b.index(Index.of(row) * self.k))
            return []

        b.loop((group, self.rows, groups), one)

    def row(self, start: str, out: str) -> None:
        """The best of the row at `start`, into the results at `out`."""
        b = self.b

        def first(i: str, _: list[str]) -> list[str]:
            self.insert(self.key(b.index(Index.of(start) + i)), i, i, out)
            return []

        b.loop((0, self.k, 1), first)
        least = self.best(b.index(Index.of(out) + (self.k - 1)))
        whole = self.k + (self.length - self.k) // LANES * LANES

        def block(i: str, carried: list[str]) -> list[str]:
            return [self.block(start, i, carried[0], out)]

        (least,) = b.loop((self.k, whole, LANES), block, [(least, self.wide)])
        self.elements(start, b.index(whole), b.index(self.length), least, out)
        self.fetch(start, out)

    def block(self, start: str, i: str, least: str, out: str) -> str:
        """Looks at `LANES` elements at once, and at each alone if any is above the least; gives the new least."""
        b, mask = self.b, f"vector<{LANES}xi1>"
        keys = self.key(b.index(Index.of(start) + i), LANES)
        limit = b.op(f"vector.broadcast {least} : {self.wide} to vector<{LANES}x{self.wide}>")
        above = b.binary("arith.cmpi sgt,", keys, limit, f"vector<{LANES}x{self.wide}>")
        some = b.op(f"vector.reduction <or>, {above} : {mask} into i1")
        result = b.name()
        with b.block(f"{result} = scf.if {some} -> ({self.wide})", "} else {"):
            b.line(f"scf.yield {self.elements(start, i, b.index(Index.of(i) + LANES), least, out)} : {self.wide}")
        b.line(f"scf.yield {least} : {self.wide}")
        b.line("}")
        return result

    def elements(self, start: str, low: str, high: str, least: str, out: str) -> str:
        """Inserts those of the elements [low, high) that are above the least; gives the new least."""
        b = self.b

        def one(i: str, carried: list[str]) -> list[str]:
            key = self.key(b.index(Index.of(start) + i))
            above = b.binary("arith.cmpi sgt,", key, carried[0], self.wide)
            result = b.name()
            with b.block(f"{result} = scf.if {above} -> ({self.wide})", "} else {"):
                self.insert(key, i, b.index(self.k - 1), out)
                b.line(f"scf.yield {self.best(b.index(Index.of(out) + (self.k - 1)))} : {self.wide}")
            b.line(f"scf.yield {carried[0]} : {self.wide}")
            b.line("}")
            return [result]

        return b.loop((low, high, 1), one, [(least, self.wide)])[0]

    def insert(self, key: str, position: str, count: str, out: str) -> None:
        """Puts a key into the first `count` of the list, behind those that are not less; the one after them is lost."""
        b, place, now = self.b, self.b.name(), self.b.name()
        end = b.name()
        zero, one = b.index(0), b.index(1)
        with b.block(f"{end} = scf.while ({place} = {count}) : (index) -> index", "} do {"):
            inside = b.binary("arith.cmpi ugt,", place, zero)
            before = b.binary("arith.subi", b.binary("arith.maxui", place, one), one)
            less = b.binary("arith.cmpi slt,", self.best(b.index(Index.of(out) + before)), key, self.wide)
            b.line(f"scf.condition({b.binary('arith.andi', inside, less, 'i1')}) {place} : index")
        b.line(f"^bb0({now}: index):")
        before = b.binary("arith.subi", now, one)
        source, target = b.index(Index.of(out) + before), b.index(Index.of(out) + now)
        b.line(f"memref.store {self.best(source)}, %best[{target}] : {self.best_type}")
        moved = b.op(f"memref.load %out1[{source}] : {self.places_type}")
        b.line(f"memref.store {moved}, %out1[{target}] : {self.places_type}")
        b.line(f"scf.yield {before} : index")
        b.line("}")
        at = b.index(Index.of(out) + end)
        b.line(f"memref.store {key}, %best[{at}] : {self.best_type}")
        b.line(f"memref.store {b.op(f'arith.index_cast {position} : index to i32')}, %out1[{at}] : {self.places_type}")

    def fetch(self, start: str, out: str) -> None:
        """Copies the elements at the positions found."""
        b = self.b

        def one(i: str, _: list[str]) -> list[str]:
            at = b.index(Index.of(out) + i)
            position = b.op(f"memref.load %out1[{at}] : {self.places_type}")
            source = b.index(Index.of(start) + b.op(f"arith.index_cast {position} : i32 to index"))
            value = b.op(f"memref.load %in0[{source}] : {self.x_type}")
            b.line(f"memref.store {value}, %out0[{at}] : {self.values_type}")
            return []

        b.loop((0, self.k, 1), one)

    def best(self, at: str) -> str:
        """A key of the list."""
        return self.b.op(f"memref.load %best[{at}] : {self.best_type}")

    # ---- keys --------------------------------------------------------------------------------------------

    def key(self, at: str, lanes: int | None = None) -> str:
        """The key of the element at an index, or those of as many as there are lanes."""
        b, of = self.b, lanes_type(self.stored, lanes)
        if lanes is None:
            x = b.op(f"memref.load %in0[{at}] : {self.x_type}")
        else:
            x = b.op(f"vector.load %in0[{at}] : {self.x_type}, {of}")
        if self.dtype in FLOATS:
            return self.float_key(x, lanes)
        wide = lanes_type(self.wide, lanes)
        if width(self.dtype) < width(self.wide):
            extend = "arith.extui" if self.dtype in UNSIGNED or self.dtype == "i1" else "arith.extsi"
            return b.op(f"{extend} {x} : {of} to {wide}")
        if self.dtype in UNSIGNED:
            return b.binary("arith.xori", x, b.constant(str(-(1 << width(self.wide) - 1)), self.wide, lanes), wide)
        return x

    def float_key(self, x: str, lanes: int | None) -> str:
        """Integers in the order of floats: those of negative numbers count downwards."""
        b, wide = self.b, lanes_type(self.wide, lanes)
        float_ = "f64" if self.wide == "i64" else "f32"
        of = lanes_type(float_, lanes)
        if self.dtype != float_:
            x = b.op(f"arith.extf {x} : {lanes_type(self.dtype, lanes)} to {of}")
        mask, largest = lanes_type("i1", lanes), b.constant(str((1 << width(self.wide) - 1) - 1), self.wide, lanes)
        zero = b.constant("0", self.wide, lanes)
        bits = b.op(f"arith.bitcast {x} : {of} to {wide}")
        negative = b.binary("arith.cmpi slt,", bits, zero, wide)
        flipped = b.binary("arith.xori", bits, largest, wide)
        key = self.chosen(negative, flipped, bits, wide, mask)
        is_zero = b.binary("arith.cmpf oeq,", x, b.constant("0.0", float_, lanes), of)
        key = self.chosen(is_zero, zero, key, wide, mask)
        return self.chosen(b.binary("arith.cmpf uno,", x, x, of), largest, key, wide, mask)

    def chosen(self, condition: str, a: str, c: str, type_: str, mask: str) -> str:
        """`a` where the condition holds, else `c`."""
        of = f"{mask}, {type_}" if mask != "i1" else type_
        return self.b.op(f"arith.select {condition}, {a}, {c} : {of}")
