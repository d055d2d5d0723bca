"""The arguments of a program: which of them it needs, and which give their memory to a result.

Both are settled after simplification, where what a program does not need has no uses any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from axil.compiler.functions import Functions, body_of, terminator
from axil.dialects.mlir import context, ir


class Donations(NamedTuple):
    """Donated operands, by position: those that a result takes over, and those that fit none."""

    taken: tuple[int, ...]
    unusable: tuple[int, ...]


def drop_unused(module: Any, name: str = "main") -> tuple[int, ...]:
    """Remove the arguments of a function that it does not use; gives the positions of those that are left."""
    function = Functions(module)[name]
    block = body_of(function)
    used = [i for i, a in enumerate(block.arguments) if next(iter(a.uses), None) is not None]
    count = len(block.arguments)
    if len(used) == count:
        return tuple(used)
    for i in reversed(range(count)):
        if i not in used:
            block.erase_argument(i)
    results = [v.type for v in terminator(block).operands]
    kind = ir.FunctionType.get([a.type for a in block.arguments], results, context())
    function.attributes["function_type"] = ir.TypeAttr.get(kind, context())
    return tuple(used)


def settle_donations(module: Any, donate: Sequence[int], name: str = "main") -> Donations:
    """Give each donated argument a result of its shape and dtype, as long as there are any."""
    if not donate:
        return Donations((), ())
    signature = Functions(module).signature(name)
    free = list(signature.outputs)
    taken, unusable = [], []
    for i in donate:
        if signature.inputs[i] in free:
            free.remove(signature.inputs[i])
            taken.append(i)
        else:
            unusable.append(i)
    return Donations(tuple(taken), tuple(unusable))


__all__ = ["Donations", "drop_unused", "settle_donations"]
