"""Kernels that do the same for each matrix of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from axil.compiler.kernels.arithmetic import Arithmetic
from axil.compiler.kernels.contained import containable
from axil.compiler.kernels.kernel import Declined, Kernel, Plan, Tensor, Unsupported, assemble, tensor_of
from axil.compiler.kernels.matrix import Matrix
from axil.compiler.kernels.text import Builder, Index

GROUPS = 16
"""Workgroups that a batch is spread over, at most: each has scratch space of its own."""

WORK = 200_000
"""Multiplications that make a workgroup worth while."""


def lanes_of(dtype: str, planes: int) -> int:
    """Elements of a vector: as many as two AVX registers have in all planes."""
    return {"f32": 16, "f64": 8}[dtype] // planes


def fitting_lanes(dtype: str, planes: int, size: int) -> int:
    """Elements of a vector for matrices of `size` columns: fewer where they are small."""
    lanes = 4
    while lanes < min(size, lanes_of(dtype, planes)):
        lanes *= 2
    return lanes


def rounded(n: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-n // step) * step


def distance(columns: int) -> int:
    """How far rows of scratch space are apart: an odd number of cache lines, so that columns stay in the cache."""
    lines = rounded(columns, 16) // 16
    return columns if columns < 64 else (lines + 1 - lines % 2) * 16


@dataclass
class Batched:
    """A kernel that does the same for each matrix of a batch; workgroups share the batch out among them."""

    name: str
    dtype: str
    planes: int
    inputs: list[Tensor]
    results: list[Tensor]
    batch: int
    work: float
    """Multiplications for one matrix."""
    scratch: dict[str, int] = field(default_factory=dict)
    """Elements of the scratch space of one workgroup."""

    def __post_init__(self) -> None:
        self.b = Builder()
        self.math = Arithmetic(self.b, self.dtype, self.planes)
        self.groups = max(1, min(self.batch, GROUPS, int(self.batch * self.work / WORK)))
        self.group = "%group"
        self.plan = Plan(self.name, self.inputs, self.results, workgroups=self.groups)

    def operand(self, kind: str, position: int, index: str, rows: int, columns: int) -> Matrix:
        """The matrix of a batch that an operand ("in") or result ("out") holds, its planes from `position` on."""
        tensors = self.inputs if kind == "in" else self.results
        buffers = [(f"%{kind}{p}", self.plan.memref_type(tensors[p])) for p in range(position, position + self.planes)]
        return Matrix(self.math, tuple(buffers), columns, offset=Index.of(index) * (rows * columns))

    def integers(self, position: int, index: str, count: int) -> Matrix:
        """A vector of i32 that a result holds."""
        type_ = self.plan.memref_type(self.results[position])
        math = Arithmetic(self.b, "i32")
        return Matrix(math, ((f"%out{position}", type_),), 1, offset=Index.of(index) * count)

    def space(self, name: str, rows: int, columns: int) -> Matrix:
        """Scratch space for a matrix of this workgroup, rows `columns` apart."""
        size, buffers = rows * columns, []
        for plane in range(self.planes):
            tensor = Tensor((size * self.groups,), self.dtype)
            self.plan.scratch[f"%{name}{plane}"] = tensor
            buffers.append((f"%{name}{plane}", self.plan.memref_type(tensor)))
        return Matrix(self.math, tuple(buffers), columns, offset=Index.of(self.group) * size)

    def kernel(self, body: Callable[[str], Any]) -> Kernel | Declined:
        """The kernel, of the code that `body` emits for the matrix of an index."""
        b = self.b
        b.line('%group = "stream.dispatch.workgroup.id"() {dimension = 0 : index} : () -> index')
        b.loop((self.group, self.batch, self.groups), lambda index, _: (body(index), [])[1])
        code = b.text()
        return containable(assemble(self.plan, code), self.plan, code, self.batch * self.work)


def planes_of(
    values: Sequence[Any], platform: str = "cpu", dtypes: tuple[str, ...] = ("f32", "f64")
) -> list[Tensor] | Declined:
    """The tensors of the operands of a kernel, or why there is no kernel of such."""
    if platform != "cpu":
        return Declined(f"vectors on {platform}")
    try:
        tensors = [tensor_of(v if isinstance(v, str) else getattr(v, "type", v)) for v in values]
    except Unsupported as reason:
        return Declined(f"an operand has {reason}")
    for t in tensors:
        if t.dtype not in dtypes:
            return Declined(f"an operand has elements of type {t.dtype}")
        if not t.size:
            return Declined("no elements")
    return tensors


def batch_of(tensor: Tensor, dims: int = 2) -> int:
    """Number of matrices (or vectors) of a tensor."""
    size = 1
    for n in tensor.shape[: len(tensor.shape) - dims]:
        size *= n
    return size
