"""Kernels: what IREE lowers badly is written here as MLIR, one dispatch each, by Python functions.

A lowering rule asks an emitter of `KERNELS` and gets a `Kernel`, or a `Declined` that says why not (false in
a condition). It emits `func.call @<kernel.symbol>`, and once the module is lowered, `link` puts the kernels'
code in it:

    kernel = KERNELS["merge_sort"](values, num_keys=1, platform="cpu")
    ...                         # declare kernel.symbol with kernel.function_type, and call it
    link(module, [kernel])      # last: IREE's ops, which it brings in, are unknown to our MLIR

A kernel's symbol is a hash of its code, so equal kernels are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from axil.compiler.kernels.cholesky import cholesky
from axil.compiler.kernels.column_order import qr_column_order
from axil.compiler.kernels.convolution import convolution
from axil.compiler.kernels.eig import eig
from axil.compiler.kernels.eigh import eigh
from axil.compiler.kernels.fft import fft
from axil.compiler.kernels.householder import geqrf, ormqr
from axil.compiler.kernels.kernel import PREFIX, Declined, Kernel, Plan, Tensor
from axil.compiler.kernels.loop import scan, while_
from axil.compiler.kernels.lu import lu, pivots_to_permutation
from axil.compiler.kernels.merge_sort import merge_sort
from axil.compiler.kernels.schur import schur
from axil.compiler.kernels.square_forms import hessenberg, tridiagonal
from axil.compiler.kernels.svd import svd
from axil.compiler.kernels.top_k import top_k
from axil.compiler.kernels.triangular import triangular_solve, tridiagonal_solve

__all__ = ["KERNELS", "PREFIX", "Declined", "Kernel", "Plan", "Tensor", "link"]

KERNELS: dict[str, Callable[..., Kernel | Declined]] = {
    "cholesky": cholesky,
    "geqrf": geqrf,
    "lu": lu,
    "ormqr": ormqr,
    "pivots_to_permutation": pivots_to_permutation,
    "qr_column_order": qr_column_order,
    "triangular_solve": triangular_solve,
    "tridiagonal_solve": tridiagonal_solve,
    "convolution": convolution,
    "merge_sort": merge_sort,
    "top_k": top_k,
    "fft": fft,
    "eigh": eigh,
    "eig": eig,
    "svd": svd,
    "schur": schur,
    "hessenberg": hessenberg,
    "tridiagonal": tridiagonal,
    "loop_scan": scan,
    "loop_while": while_,
}
"""Emitters by name. Each takes `platform`: cpu, vulkan or cuda. Loops are named after their combinator."""


def link(module: Any, kernels: Iterable[Kernel]) -> None:
    """Puts the code of `kernels` into `module`, in place of declarations of their symbols."""
    from axil.dialects.mlir import ir

    block = module.operation.regions[0].blocks[0]
    ctx = module.operation.context
    present = {_symbol(op): op for op in block.operations}
    called = _called(module.operation)
    for kernel in {k.symbol: k for k in kernels}.values():
        declared = present.get(kernel.symbol)
        if declared is not None:
            if len(declared.regions[0].blocks):
                continue  # linked before
            declared.erase()
        if kernel.symbol not in called:
            continue  # the kernel of a loop that became part of the kernel of the loop around it
        with ctx, ir.Location.unknown():
            code = ir.Module.parse(f"module {{{kernel.text}}}", ctx)
        for op in list(code.body.operations):
            op.detach_from_parent()
            block.append(op)


def _called(module: Any) -> set[str]:
    """The functions that are called in a module."""
    from axil.dialects.mlir import ir

    called: set[str] = set()

    def visit(op: Any) -> Any:
        if op.name == "func.call":
            called.add(op.attributes["callee"].value)
        return ir.WalkResult.ADVANCE

    module.walk(visit)
    return called


def _symbol(op: Any) -> str | None:
    """The name of an op that is a symbol."""
    attributes = op.operation.attributes
    return attributes["sym_name"].value if "sym_name" in attributes else None
