"""Calls of what was compiled ahead of time: the arguments must be of the kind that it was compiled for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from axil import errors
from axil.core import Array, Tracer
from axil.float0_values import flatten_values
from axil.operands import ArgumentError, operand
from axil.source import user_line

if TYPE_CHECKING:
    from axil.stages import Compiled


def checked_operands(compiled: Compiled, args: tuple, kwargs: Mapping[str, Any]) -> list[Array]:
    """The flat operands of a call, checked against those that the program was compiled for."""
    expected = compiled._call
    leaves, treedef = flatten_values((args, dict(kwargs)))
    if treedef != expected.treedef:
        static = sorted(expected.statics())
        ways_out = [f"leave out the static arguments {', '.join(static)}: they are compiled in"] if static else []
        raise ArgumentError(
            errors.explain(
                f"{expected.label} was compiled for arguments of structure {expected.treedef}, got {treedef}",
                user_line(), ways_out=ways_out,
            )
        )  # fmt: skip
    operands = [operand(x, expected.label) for x in leaves]
    for i, (x, wanted) in enumerate(zip(operands, expected.operands)):
        if type(x) is Tracer:
            _refuse_tracer(expected, x)
        if x.aval is not wanted.aval:
            raise ArgumentError(
                errors.explain(
                    f"{expected.label} was compiled for {wanted.aval} as {expected.paths()[i]}, got {x.aval}",
                    user_line(), ways_out=["convert the argument", "or call the jitted function, which compiles anew"],
                )
            )  # fmt: skip
    expected.check_not_passed_twice(operands)
    return operands


def _refuse_tracer(expected: Any, x: Tracer) -> None:
    raise errors.AxilTypeError(
        errors.explain(
            f"{expected.label} was compiled ahead of time and takes arrays, got a traced value of {x.aval}",
            user_line(),
            x.owner.chain(), "Transformations need the function, which a compiled program no longer is.",
            ["transform or call the jitted function instead", "or export it: axil.export.export(f)(*args).call"],
        )
    )


__all__ = ["checked_operands"]
