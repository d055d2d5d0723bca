"""From a lowered program to one that runs: what `Lowered.compile` and calls of jitted functions do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from axil import compile_reports
from axil.core import RULE_ERRORS, user_error
from axil.programs import RunnableProgram, host_modules
from axil.source import user_location

if TYPE_CHECKING:
    from axil.stages import Lowered


def compile_lowered(lowered: Lowered, flags: tuple[str, ...] = ()) -> RunnableProgram:
    """Compile a program for the default device, with further flags for IREE."""
    from axil.runtime import default_device

    device = default_device()
    label, donated = lowered._jitted.label, lowered._call.donated
    compile_reports.log_compiling(label, ", ".join(str(x.aval) for x in lowered._call.operands))
    info = _compile(lowered, device, donated, flags)
    compile_reports.log_compiled(label, sum(info.seconds.values()), info.cached)
    _warn_of_unusable(lowered, info.donations.unusable)

    def undonated() -> Any:
        return _executable(lowered, _compile(lowered, device, (), flags), device)

    executable = _executable(lowered, info, device)
    return RunnableProgram(executable, lowered.hidden, lowered._outputs, lowered._treedef, info, undonated)


def _compile(lowered: Lowered, device: Any, donated: tuple[int, ...], flags: tuple[str, ...]) -> Any:
    from axil.compiler.pipeline import compile_program
    from axil.compiler.targets import for_device

    jitted = lowered._jitted
    module = lowered.trace.program.module.operation.clone()  # passes change it, and it may be compiled again
    with compile_reports.progress(lowered.fun_name, lowered._traced.size):
        try:
            return compile_program(
                module, for_device(device), donated, jitted.label, keep_unused=jitted.keep_unused, flags=flags
            )
        except RULE_ERRORS as e:
            raise user_error(e) from None


def _executable(lowered: Lowered, info: Any, device: Any) -> Any:
    from axil.runtime import Executable

    return Executable(
        info.vmfb, device=device, results=len(lowered._outputs), name=lowered._jitted.label, cost=info.cost,
        modules=host_modules(info, device),
    )  # fmt: skip


def _warn_of_unusable(lowered: Lowered, positions: tuple[int, ...]) -> None:
    """Warn, at the user's line, of donated arrays that no result has a use for."""
    if not positions:
        return
    call, paths = lowered._call, lowered._call.paths()
    unusable = ", ".join(f"{paths[i]} {call.operands[i].aval}" for i in positions)
    place = user_location()
    warnings.warn_explicit(
        f"Some donated buffers were not usable: {unusable}. No result of {call.label} has their shape and dtype; they "
        "keep their values", UserWarning, place.file, max(place.line, 1),
    )  # fmt: skip


__all__ = ["compile_lowered"]
