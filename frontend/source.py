"""Where in the user's code we are: fast for every traced operation, precise for error messages.

`user_location` walks up the stack past Axil's own files to the first frame that is the user's. It is called
for every operation that is traced, so its answers are cached by (code object, instruction), which also
gives the exact columns of the expression. `SourceLine` and `excerpt` are the slow side, used when an error
is being written::

      --> model.py:12, in loss
       12 |     if x.sum() > 0:
          |        ^^^^^^^^^^^
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import linecache
import os
import sys
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import NamedTuple

_FLOORS = ("dialects", "compiler", "runtime", "tools")


def _internal_folders() -> list[str]:
    """The folders of the package: one when installed as a wheel, its five floors in a checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [here]
    if os.path.basename(here) == "frontend":
        folders += [os.path.join(os.path.dirname(here), floor) for floor in _FLOORS]
    return [folder + os.sep for folder in folders]


_internal_prefixes: list[str] = _internal_folders()
_internal_files = {functools.__file__, contextlib.__file__}
_is_internal: dict[str, bool] = {}  # file name -> whether it is skipped


def add_internal(path: str) -> None:
    """Skips a further file, or folder with all that is in it, when looking for the user's frame."""
    path = os.path.abspath(path)
    if os.path.isdir(path):
        _internal_prefixes.append(path + os.sep)
    else:
        _internal_files.add(path)
    _is_internal.clear()
    _sites.clear()


def is_internal(filename: str) -> bool:
    """Whether a file is Axil's own or another that a user would not recognise as their code."""
    found = _is_internal.get(filename)
    if found is None:
        found = filename in _internal_files or filename.startswith(("<frozen ", "<axil"))
        # Pseudo-files such as <stdin> and <ipython-input-3> are the user's.
        if not found and not filename.startswith("<"):
            found = os.path.abspath(filename).startswith(tuple(_internal_prefixes))
        _is_internal[filename] = found
    return found


class Location(NamedTuple):
    """A place in the user's code. Columns count characters from 0 and are None where unknown."""

    file: str
    line: int
    function: str
    column: int | None = None
    end_column: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, in {self.function}"


UNKNOWN = Location("<unknown>", 0, "<unknown>")
"""What `user_location` answers where no frame is the user's, as when a command-line tool runs."""

# (id of the code object, instruction) -> (code object, Location). Holding the code object keeps its id
# unique; hashing the code object itself would cost more than the rest of the walk.
_sites: dict[tuple[int, int], tuple[CodeType, Location]] = {}
_MAX_SITES = 65536


def user_location(depth_limit: int = 64) -> Location:
    """The innermost frame of the user's, looking at most `depth_limit` frames up."""
    frame: FrameType | None = sys._getframe(1)
    internal = _is_internal
    while frame is not None and depth_limit > 0:
        filename = frame.f_code.co_filename
        skip = internal.get(filename)
        if skip is None:
            skip = is_internal(filename)
        if not skip:
            site = _sites.get((id(frame.f_code), frame.f_lasti))
            return site[1] if site is not None else _remember(frame)
        frame = frame.f_back
        depth_limit -= 1
    return UNKNOWN


def user_frame(depth_limit: int = 64) -> tuple[str, int, str]:
    """``(file name, line number, function name)`` of the innermost frame of the user's."""
    return user_location(depth_limit)[:3]


def user_line(depth_limit: int = 64) -> SourceLine | None:
    """The user's present line with its text, for an error message; None where there is no such frame."""
    location = user_location(depth_limit)
    return None if location is UNKNOWN else SourceLine.at(location)


def _remember(frame: FrameType) -> Location:
    location = _locate(frame)
    if len(_sites) >= _MAX_SITES:
        _sites.clear()
    _sites[id(frame.f_code), frame.f_lasti] = (frame.f_code, location)
    return location


def _locate(frame: FrameType) -> Location:
    """The exact expression that a frame is executing."""
    code, file = frame.f_code, frame.f_code.co_filename
    position = next(itertools.islice(code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    line, end_line, start, end = position
    if line is None or start is None or end is None:
        return Location(file, frame.f_lineno, code.co_qualname)
    text = linecache.getline(file, line, frame.f_globals).rstrip("\r\n")
    column = _characters(text, start)
    end_column = _characters(text, end) if end_line == line else len(text)
    return Location(file, line, code.co_qualname, column, max(end_column, column + 1))


def _characters(text: str, offset: int) -> int:
    """The character index of a byte offset: Python counts columns in UTF-8 bytes."""
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))


@dataclass(frozen=True)
class SourceLine:
    """A line of the user's with what an error message shows of it."""

    file: str
    line: int
    column: int | None = None
    text: str = ""
    function: str = ""
    end_column: int | None = None

    @classmethod
    def at(cls, location: Location | tuple[str, int, str]) -> SourceLine:
        """Reads the line's text from its file (empty where the file cannot be read)."""
        place = location if isinstance(location, Location) else Location(*location[:3])
        text = linecache.getline(place.file, place.line).rstrip("\r\n")
        return cls(place.file, place.line, place.column, text, place.function, place.end_column)

    @property
    def expression(self) -> str:
        """The text of the expression, empty where it is not known or spans several lines."""
        if self.column is None or self.end_column is None:
            return ""
        text = self.text[self.column : self.end_column]
        return text if all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}")) else ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f", in {self.function}" if self.function else "")

    def excerpt(self) -> str:
        """The place, the source line and a caret under the expression."""
        return f"  --> {self}" + (f"\n{self.marked()}" if self.text.strip() else "")

    def marked(self) -> str:
        """The source line with a caret under the expression."""
        number = str(self.line)
        shown = f"   {number} | {self.text}"
        if self.column is None:
            return shown
        end = self.end_column if self.end_column is not None else self.column + 1
        # Tabs are kept in the padding so that the caret stays under its text at any tab width.
        padding = "".join("\t" if c == "\t" else " " for c in self.text[: self.column])
        return f"{shown}\n   {' ' * len(number)} | {padding}{'^' * max(1, end - self.column)}"


def excerpt(file: str, line: int, column: int | None = None, end_column: int | None = None) -> str:
    """A formatted excerpt of one source line, for a place that is known only by its numbers."""
    return SourceLine.at(Location(file, line, "", column, end_column)).excerpt()
