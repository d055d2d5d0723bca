"""What the commands on .mlir files share: reading, parsing, printing, and reporting errors by file and line."""

from __future__ import annotations

import re
from typing import Any, TextIO


class UserError(Exception):
    """Something is wrong with a command's input; `location` is an MLIR location, if there is one."""

    def __init__(self, text: str, location: Any = None) -> None:
        super().__init__(text)
        if location is not None:
            self.location = location


class Report:
    """A context manager that turns exceptions into `file:line:column: error: text`, and keeps the exit status.

    With `traceback` they pass through, for whoever looks for a fault in the compiler.
    """

    def __init__(self, file: str, stderr: TextIO, traceback: bool = False) -> None:
        self.file = source_name(file)
        self.stderr = stderr
        self.traceback = traceback
        self.status = 0

    def __enter__(self) -> Report:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        if error is None:
            return False
        if self.traceback or not isinstance(error, Exception) or isinstance(error, BrokenPipeError):
            return False  # an interrupt, or a reader that has read enough
        self.status = 1
        for severity, location, text in _diagnostics(error):
            self.stderr.write(f"{self._place(location)}: {severity}: {text}\n")
        return True

    def _place(self, location: Any) -> str:
        frames = re.findall(r'"([^"]*)":(\d+):(\d+)', str(location)) if location is not None else []
        return ":".join(frames[0]) if frames else self.file


_FAULTS = (AssertionError, AttributeError, LookupError, RecursionError, UnboundLocalError)


def _diagnostics(error: Exception) -> list[tuple[str, Any, str]]:
    """Severity, location and text of what an exception reports."""
    reports = getattr(error, "error_diagnostics", None)
    if reports:
        found = []
        for d in reports:
            found.append(("error", d.location, d.message))
            found.extend(("note", n.location, _shortened(n.message)) for n in d.notes)
        return found
    if isinstance(error, OSError):
        return [("error", None, error.strerror or str(error))]
    text = str(error).strip() or type(error).__name__
    if isinstance(error, _FAULTS):
        text = f"internal error, {type(error).__name__}: {text}; `axil --traceback` shows where"
    text = re.sub(r"^MLIR Textual PassPipeline Parser:\d+:\d+: error: ", "", text).splitlines()[0]
    return [("error", getattr(error, "location", None), text)]


def _shortened(text: str) -> str:
    """A note shows the operation; a whole function is too much."""
    first = text.splitlines()[0]
    return first if len(first) <= 300 else first[:300] + " ..."


def source_name(file: str) -> str:
    """What locations call a file."""
    return "<stdin>" if file == "-" else file


def read_text(file: str, stdin: TextIO) -> str:
    """Read a file, or standard input for `-`."""
    if file == "-":
        return stdin.read()
    with open(file, encoding="utf-8", errors="replace") as f:
        return f.read()


def parse(text: str, file: str) -> Any:
    """Parse a module; diagnostics carry the file's name."""
    from axil.dialects.mlir import parse_module

    return parse_module(text, source_name(file))


def print_module(module: Any, locations: bool = False, generic: bool = False) -> str:
    """The text of a module."""
    text = module.get_asm(enable_debug_info=locations, print_generic_op_form=generic, assume_verified=True)
    return text.rstrip() + "\n"


def load_passes() -> dict[str, Any]:
    """Import all of our passes and MLIR's StableHLO ones; gives ours by name."""
    import importlib
    import pkgutil

    from axil.compiler import passes
    from axil.compiler.passes.passes import PASSES
    from axil.dialects.mlir import stablehlo_bindings

    stablehlo_bindings.register_stablehlo_passes()
    for module in pkgutil.iter_modules(passes.__path__):
        importlib.import_module(f"{passes.__name__}.{module.name}")
    return PASSES
