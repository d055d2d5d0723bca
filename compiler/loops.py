"""The form that each loop of a program takes on the machine, and why: `axil opt --report=loops`.

A loop becomes one of four things, chosen by its body when it is lowered (`axil.compiler.passes.lower`):

* one dispatch: the body is small and all its ops can be written into a kernel (`axil.compiler.kernels.loop`);
* part of the dispatch of the loop around it;
* copies of its body, one a step, where that was asked for (`unroll`) or there is only one step;
* a loop on the host, which runs a dispatch or more a step: for what is in no kernel, or too large for one core.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from axil.compiler.diagnostics import Frame, parse_location

ONE_DISPATCH, INSIDE, UNROLLED, HOST = "one dispatch", "inside the dispatch of a loop", "unrolled", "a host loop"
"""The forms."""


@dataclass
class LoopForm:
    """What became of one loop."""

    what: str
    """The combinator's name and the number of steps, as text."""
    form: str
    """One of the forms above."""
    reason: str
    """Why this form, completing "because ..."; empty where nothing stood in the way of one dispatch."""
    operations: int
    """Operations in the body, without constants."""
    state: int
    """Bytes of the carries."""
    frames: tuple[Frame, ...] = ()
    """Where the loop is in the user's code, innermost first."""
    name: str = ""
    """The derived function that it was, if a public function calls it."""

    @property
    def place(self) -> str:
        """`file.py:12`, or `?` where nothing is known."""
        return place(self.frames)

    def __str__(self) -> str:
        size = f"body {self.operations} op{'s' * (self.operations != 1)}, {size_text(self.state)} of state"
        because = f", because {self.reason}" if self.reason else ""
        return f"{self.place}: {self.what}: {self.form}{because} ({size})"


def place(frames: tuple[Frame, ...]) -> str:
    """The innermost line of the user's, by a path that is short from here."""
    if not frames:
        return "?"
    file = frames[0].file
    if os.path.isabs(file):
        near = os.path.relpath(file)
        file = near if not near.startswith("..") else file
    return f"{file}:{frames[0].line}"


def frames_of(location: Any) -> tuple[Frame, ...]:
    """The user's lines in an MLIR location."""
    return parse_location(str(location)) if location is not None else ()


def size_text(count: int) -> str:
    """Bytes for people: `2.1 KB`."""
    size = float(count)
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


class LoopReport(list[LoopForm]):
    """The forms of a program's loops; printed, a line a loop."""

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no loops"


def loop_report(module: Any, platform: str = "cpu") -> LoopReport:
    """The forms of all loops of a traced program (a module or its text, which is left as it is).

    Loops that are lowered first come first: a loop inside another before that one.
    """
    from axil.compiler.passes.lower import LowerToStablehlo
    from axil.compiler.passes.passes import run_pipeline
    from axil.compiler.pipeline import transform
    from axil.dialects.mlir import parse_module

    if not isinstance(module, str):
        operation = module.operation if hasattr(module, "operation") else module
        module = operation.get_asm(enable_debug_info=True)
    copy = parse_module(module)
    transform(copy)
    lowering = LowerToStablehlo(platform=platform)
    run_pipeline(copy, [lowering])
    return LoopReport(lowering.loops)
