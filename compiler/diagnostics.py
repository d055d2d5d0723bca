"""Compile errors: what MLIR and IREE report, as Python errors that point at the user's source line.

IREE's diagnostics arrive as text, `file:line:col: message` with follow-ups separated by blank lines ("called
from", "see current operation: ..."). Locations of MLIR operations print as `loc(...)`. Both are parsed here.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from axil.runtime.errors import AxilError

SEVERITIES = ("note", "warning", "error", "remark")  # in the order of IREE's C API

_HEAD = re.compile(
    r"^(?P<file>[^\n:]*(?::\\[^\n:]*)?):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)", re.DOTALL
)
_BARE = re.compile(r"^loc\((?P<where>.*?)\): (?:error: )?(?P<text>.*)", re.DOTALL)
_FILE_IN_LOC = re.compile(r'"(?P<file>[^"]*)":(?P<line>\d+):(?P<column>\d+)')
_NOT_FILES = ("-", "source.mlir", "")  # what MLIR calls a buffer that came from memory


@dataclass(frozen=True)
class Frame:
    """A place in a source file. `line` and `column` count from 1."""

    file: str
    line: int
    column: int = 1

    def excerpt(self) -> str:
        """The source line with a caret below the column, or '' where the file cannot be read."""
        text = linecache.getline(self.file, self.line).rstrip("\n")
        if not text.strip():
            return ""
        stripped = text.lstrip()
        column = max(0, self.column - 1 - (len(text) - len(stripped)))
        return f"    {stripped}\n    {' ' * column}^"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Diagnostic:
    """One report: `severity`, `message`, and the `frames` it happened at, innermost first."""

    severity: str
    message: str
    frames: tuple[Frame, ...] = ()

    @property
    def file(self) -> str | None:
        """The innermost file, or None."""
        return self.frames[0].file if self.frames else None

    @property
    def line(self) -> int | None:
        """The line in `file`, or None."""
        return self.frames[0].line if self.frames else None

    def render(self) -> str:
        """Message, place, source line with caret, and the frames that led there."""
        lines = [f"{self.frames[0]}: {self.severity}: {self.message}" if self.frames else self.message]
        for i, frame in enumerate(self.frames):
            if i:
                lines.append(f"  called from {frame}")
            excerpt = frame.excerpt()
            if excerpt:
                lines.append(excerpt)
        return "\n".join(lines)


class CompileError(AxilError, RuntimeError):
    """A program could not be compiled. `diagnostics` holds the structured reports, the most telling first."""

    def __init__(self, message: str, diagnostics: Iterable[Diagnostic] = (), hint: str = ""):
        self.message = message
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        self.hint = hint
        super().__init__(self._text())

    def _text(self) -> str:
        parts = [self.message]
        parts += [d.render() for d in self.diagnostics[:4]]
        if len(self.diagnostics) > 4:
            parts.append(f"... and {len(self.diagnostics) - 4} more")
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)


class TargetError(AxilError, ValueError):
    """A target or CPU name that is not in the target table, or that this IREE cannot compile for."""


def parse_diagnostic(severity: int, text: str) -> Diagnostic:
    """Turn one report of IREE's callback into a `Diagnostic`; the notes behind it give further frames."""
    blocks = text.split("\n\n")
    frames: list[Frame] = []
    message = ""
    for i, block in enumerate(blocks):
        frame, body = _split_head(block)
        if i == 0:
            message = _shorten(body)
        if frame and (i == 0 or body.startswith("called from")) and frame not in frames:
            frames.append(frame)
    name = SEVERITIES[severity] if 0 <= severity < len(SEVERITIES) else "error"
    return Diagnostic(name, message, tuple(frames))


def parse_location(text: str) -> tuple[Frame, ...]:
    """The frames in the text of an MLIR location (`loc(callsite("m.py":3:1 at "t.py":9:1))`), innermost
    first."""
    frames: list[Frame] = []
    for match in _FILE_IN_LOC.finditer(text):
        if match["file"] in _NOT_FILES:
            continue
        frame = Frame(match["file"], int(match["line"]), int(match["column"]))
        if frame not in frames:
            frames.append(frame)
    return tuple(frames)


def rank(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Errors before notes, and without the reports that only repeat that an earlier one stopped the
    pipeline."""
    telling = [d for d in diagnostics if d.severity == "error" and not _is_echo(d)]
    rest = [d for d in diagnostics if d.severity == "error" and _is_echo(d)]
    return telling or rest or list(diagnostics)


def _is_echo(diagnostic: Diagnostic) -> bool:
    echoes = (
        "failed to run",
        "failed to configure executables",
        "failed to translate",
        "failed to serialize",
    )
    return diagnostic.message.startswith(echoes) or "materialization failed" in diagnostic.message


def _split_head(block: str) -> tuple[Frame | None, str]:
    match = _HEAD.match(block)
    if match:
        file = match["file"]
        frame = None if file in _NOT_FILES else Frame(file, int(match["line"]), int(match["column"]))
        return frame, match["text"].strip()
    match = _BARE.match(block)
    if match:
        frames = parse_location(match["where"])
        return (frames[0] if frames else None), match["text"].strip()
    return None, block.strip()


def _shorten(message: str) -> str:
    """Drop the dump of the operation behind the message: it can be megabytes of constants."""
    message = re.split(r" explicitly marked illegal: |: %\S+ = ", message)[0]
    message = message.replace(" that was explicitly marked illegal", "").removesuffix(" that was")
    message = re.sub(r'#hal\.executable\.target<"([^"]*)", "([^"]*)".*', r"\1 (\2)", message, flags=re.DOTALL)
    return message if len(message) <= 500 else message[:500] + " ..."
