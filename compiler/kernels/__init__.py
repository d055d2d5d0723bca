"""Kernels: what IREE lowers badly is written here as MLIR, one dispatch each, by Python functions.

A lowering rule calls an emitter of `KERNELS` and gets a `Kernel`, or a `Declined` that says why not (false in a
condition). It emits `func.call @<kernel.symbol>`, and once the module is lowered, `link` puts the kernels' code in it:

    kernel = KERNELS["sort"]((256, 1024), ("f32", "i32"), num_keys=1, platform="cpu")
    ...                                     # func.call to kernel.symbol, of kernel.function_type
    link(module, [kernel])                  # last, before the module's bytecode goes to IREE

A kernel's symbol is a hash of its code, so equal kernels are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from axil.compiler.kernels import loop, merge_sort
from axil.compiler.kernels.kernel import PREFIX, Declined, Kernel, Plan, Tensor

__all__ = ["KERNELS", "PREFIX", "Declined", "Kernel", "Plan", "Tensor", "link"]

KERNELS: dict[str, Callable[..., Kernel | Declined]] = {
    "sort": merge_sort.emit,
    "scan": loop.scan,
    "while": loop.while_,
}
"""Emitters by name."""


def link(module: Any, kernels: Iterable[Kernel]) -> None:
    """Puts the code of `kernels` into `module`, in place of declarations of their symbols.

    The context allows unregistered dialects from here on: IREE's own ops are in the module, which only IREE
    can verify. So link last; the driver must have checked for ops left over by lowering before.
    """
    from axil.dialects.mlir import ir

    ctx = module.context
    present = {_symbol(op): op for op in module.body.operations}
    for kernel in {k.symbol: k for k in kernels}.values():
        declared = present.get(kernel.symbol)
        if declared is not None:
            if len(declared.regions[0].blocks):
                continue
            declared.erase()
        allowed, ctx.allow_unregistered_dialects = ctx.allow_unregistered_dialects, True
        try:
            with ctx, ir.Location.unknown():
                code = ir.Module.parse(f"module {{{kernel.text}}}", ctx)
        finally:
            ctx.allow_unregistered_dialects = allowed
        for op in list(code.body.operations):
            op.detach_from_parent()
            module.body.append(op)


def _symbol(op: Any) -> str | None:
    """The name of an op that is a symbol."""
    attributes = op.operation.attributes
    return attributes["sym_name"].value if "sym_name" in attributes else None
