"""The frame of a kernel that works on one matrix of a batch at a time: its buffers, scratch space and outer loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from axil.compiler.kernels.contained import containable
from axil.compiler.kernels.kernel import Declined, Kernel, Plan, Tensor, assemble
from axil.compiler.kernels.planes import Array, Field, Number, Real, count
from axil.compiler.kernels.text import Builder, Index

GROUPS = 8
"""Workgroups at most; each has scratch space of its own and takes every eighth matrix."""

VECTOR_BYTES = 64
"""Length of the vectors that long loops work with: two of AVX2, so that enough arithmetic is in flight."""

WORK = 10
"""Multiplications that a decomposition of an n x n matrix takes, roughly, in n ** 3."""

ROWS = 4
"""Rows that one pass over a matrix works on at once; arrays are padded with zeros so that none is left over."""


@dataclass
class Workbench:
    """One kernel being written: `parts` is 1 for real matrices, 2 for complex ones."""

    b: Builder
    dtype: str
    parts: int
    lanes: int
    groups: int
    sizes: dict[str, int] = field(default_factory=dict)
    group: str = ""
    matrix: str = ""
    """The number of the matrix at hand."""

    @property
    def scalars(self) -> Field:
        """Arithmetic on elements."""
        return Field(Real(self.b, self.dtype), self.parts)

    @property
    def vectors(self) -> Field:
        """Arithmetic on vectors of elements."""
        return Field(Real(self.b, self.dtype, self.lanes), self.parts)

    @property
    def wide(self) -> Real:
        """Arithmetic on the real scalars that steer."""
        return Real(self.b, "f64")

    def padded(self, n: int) -> int:
        """The length of a row of `n` elements with its padding of zeros."""
        return -(-(n + ROWS - 1) // self.lanes) * self.lanes

    def take(self, size: int, dtype: str | None = None, parts: int | None = None) -> Array:
        """Scratch space for `size` numbers; what it holds at first is undefined. Its start is aligned."""
        dtype, parts = dtype or self.dtype, parts or self.parts
        size = -(-max(size, 1) // 16) * 16
        starts = []
        for part in range(parts):
            key = dtype if part == 0 else f"{dtype}_{part}"
            starts.append((key, self.sizes.get(key, 0)))
        start = max(s for _, s in starts)  # the parts lie at one place of buffers of their own
        for key, _ in starts:
            self.sizes[key] = start + size
        names = tuple(f"%scratch_{key}" for key, _ in starts)
        return Array(self.b, names, f"memref<@{dtype}@x{dtype}>", dtype, Index.of(f"%base_{dtype}") + start)

    def zero(self, array: Array, size: int) -> None:
        """Fills scratch space with zeros."""
        f = Field(Real(self.b, array.dtype, 16), len(array.buffers))
        value = f.constant(0.0)
        count(self.b, 0, -(-size // 16) * 16, lambda i: array.store(value, i, 16), 16)

    def down(self, i: str) -> str:
        """An index rounded down to a multiple of the vector length."""
        return self.b.binary("arith.subi", i, self.b.binary("arith.remui", i, self.b.index(self.lanes)))

    def each_vector(self, low: str | int, high: int, body: Callable[[str], None]) -> None:
        """Runs `body` for the start of each vector of a row."""
        count(self.b, low, high, body, self.lanes)

    def fold(self, low: str | int, high: int, body: Callable[[str, list[Number]], list[Number]],
             starts: Sequence[Number], f: Field) -> list[Number]:  # fmt: skip
        """Carries numbers through the vectors of a row."""
        flat = [(p, f.real.type) for number in starts for p in number]

        def one(i: str, carry: list[str]) -> list[str]:
            numbers = [tuple(carry[k : k + f.parts]) for k in range(0, len(carry), f.parts)]
            return [p for number in body(i, numbers) for p in number]

        ends = self.b.loop((low, high, self.lanes), one, flat)
        return [tuple(ends[k : k + f.parts]) for k in range(0, len(ends), f.parts)]

    def squares(self, array: Array, low: str | int, high: int) -> str:
        """The sum of squared sizes of a row's elements, as f64."""
        f = Real(self.b, "f64", self.lanes)

        def one(i: str, carry: list[str]) -> list[str]:
            total = carry[0]
            for part in array.load(i, self.lanes):
                part = Real(self.b, self.dtype, self.lanes).convert(part, "f64")
                total = f.add(total, f.mul(part, part))
            return [total]

        return f.sum(self.b.loop((low, high, self.lanes), one, [(f.constant(0.0), f.type)])[0])


def batch_kernel(
    name: str,
    inputs: Sequence[Tensor],
    results: Sequence[Tensor],
    lanes: int,
    write: Callable[[Workbench, Array, list[Array]], None],
) -> Kernel | Declined:
    """A kernel whose inputs are the parts of a batch of matrices: `write` writes the code for one of them.

    `write` gets the matrix and the buffers of the results, each from its place in the batch on.
    """
    batch, dtype = inputs[0].shape[0], inputs[0].dtype
    groups = min(batch, GROUPS)
    b = Builder()
    bench = Workbench(b, dtype, len(inputs), lanes, groups)
    bench.group = b.op('"stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index')
    body = Builder(b)
    bench.b = body
    bench.matrix = body.name()
    plan = Plan(name, list(inputs), list(results), workgroups=groups)

    def place(names: tuple[str, ...], tensor: Tensor) -> Array:
        size = prod(tensor.shape[1:])
        return Array(body, names, plan.memref_type(tensor), tensor.dtype, Index.of(bench.matrix) * size)

    given = place(tuple(f"%in{i}" for i in range(len(inputs))), inputs[0])
    write(bench, given, [place((f"%out{i}",), t) for i, t in enumerate(results)])
    for key, size in bench.sizes.items():
        dtype = key.split("_")[0]
        plan.scratch[f"%scratch_{key}"] = Tensor((groups * bench.sizes[dtype],), dtype)
        if key == dtype:
            b.line(f"%base_{dtype} = arith.muli {bench.group}, {b.index(size)} : index")
    low, high, step = bench.group, b.index(batch), b.index(groups)
    with b.block(f"scf.for {bench.matrix} = {low} to {high} step {step}"):
        b.lines += body.lines
    text = b.text()
    for dtype in {key.split("_")[0] for key in bench.sizes}:
        text = text.replace(f"@{dtype}@", str(groups * bench.sizes[dtype]))
    return containable(assemble(plan, text), plan, text, WORK * batch * inputs[0].shape[-1] ** 3)


def lanes_for(dtype: str, n: int) -> int:
    """The vector length for rows of `n` elements."""
    most = VECTOR_BYTES // (4 if dtype == "f32" else 8)
    lanes = 4
    while lanes < most and lanes < n:
        lanes *= 2
    return min(lanes, most)
