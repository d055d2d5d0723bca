"""Reading traces back: planes, lines and events, as `jax.profiler.ProfileData` has them, and a table of the longest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axil.profile_files import DEVICE, read_trace
from axil.runtime.errors import AxilError


class TraceFileError(AxilError, ValueError):
    """A file is no trace, or a folder has none."""


@dataclass(frozen=True)
class ProfileEvent:
    """A span: `name`, `start_ns` (from the beginning of the trace), `duration_ns`, and `stats`, its values."""

    name: str
    start_ns: float
    duration_ns: float
    category: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end_ns(self) -> float:
        """When it ended."""
        return self.start_ns + self.duration_ns

    @property
    def stats(self) -> Iterator[tuple[str, Any]]:
        """Names and values that are shown with it."""
        return iter(self.values.items())


@dataclass(frozen=True)
class ProfileLine:
    """The spans of one thread, or of one queue of a device."""

    name: str
    spans: tuple[ProfileEvent, ...]

    @property
    def events(self) -> Iterator[ProfileEvent]:
        """The spans, in the order of their beginning."""
        return iter(self.spans)


@dataclass(frozen=True)
class ProfilePlane:
    """Python, or a device: a group of lines."""

    name: str
    tracks: tuple[ProfileLine, ...]

    @property
    def lines(self) -> Iterator[ProfileLine]:
        """Its lines."""
        return iter(self.tracks)

    @property
    def stats(self) -> Iterator[tuple[str, Any]]:
        """Values of the plane; there are none."""
        return iter(())


class ProfileData:
    """A trace that was written by `axil.profiler`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        try:
            self._planes = _planes(document["traceEvents"])
            self.metadata = dict(document.get("metadata", {}))
        except (KeyError, TypeError) as error:
            raise TraceFileError(f"this is no trace of axil.profiler: {error!r}") from None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> ProfileData:
        """Read a file, or the newest one below a folder that was given to `start_trace`."""
        place = Path(path)
        if place.is_dir():
            files = sorted(place.glob("plugins/profile/*/*.trace.json.gz"), key=lambda p: p.stat().st_mtime)
            if not files:
                raise TraceFileError(f"there is no trace below {place}: start_trace and stop_trace write one")
            place = files[-1]
        try:
            return cls(read_trace(place))
        except (OSError, ValueError) as error:
            if isinstance(error, (FileNotFoundError, TraceFileError)):
                raise
            raise TraceFileError(f"{place} is no trace of axil.profiler: {error}") from None

    @property
    def planes(self) -> Iterator[ProfilePlane]:
        """Python first, then devices."""
        return iter(self._planes)

    def find_plane_with_name(self, name: str) -> ProfilePlane | None:
        """The plane whose name is `name`, or begins so; None if there is none."""
        return next((p for p in self._planes if p.name == name or p.name.startswith(name + " ")), None)

    def __repr__(self) -> str:
        return f"ProfileData({', '.join(p.name for p in self._planes)})"


def _planes(events: list[dict]) -> list[ProfilePlane]:
    names = {(e["name"], e["pid"], e["tid"]): e["args"]["name"] for e in events if e["ph"] == "M"}
    tracks: dict[tuple[int, int], list[ProfileEvent]] = {}
    for e in events:
        if e["ph"] == "X":
            made = ProfileEvent(e["name"], e["ts"] * 1e3, e["dur"] * 1e3, e.get("cat", ""), e.get("args", {}))
            tracks.setdefault((e["pid"], e["tid"]), []).append(made)
    return [
        ProfilePlane(names.get(("process_name", pid, 0), str(pid)), tuple(
            ProfileLine(names.get(("thread_name", pid, t), str(t)), tuple(found))
            for (p, t), found in sorted(tracks.items()) if p == pid
        ))
        for pid in sorted({p for p, _ in tracks})
    ]  # fmt: skip


@dataclass
class _Row:
    name: str
    category: str
    calls: int = 0
    total: float = 0.0
    own: float = 0.0


def summary(path: str | os.PathLike[str] | ProfileData, top: int = 20) -> str:
    """A table of the spans that took longest, those of equal name and kind together: calls, total and own time.

    Own time leaves out the spans inside. Dispatches have the durations of the replay.
    """
    data = path if isinstance(path, ProfileData) else ProfileData.from_file(path)
    rows: dict[tuple[str, str], _Row] = {}
    for plane in data.planes:
        for line in plane.lines:
            _add(rows, line)
    chosen = sorted(rows.values(), key=lambda r: -r.own)[:top]
    width = max([len(r.name) for r in chosen] + [4])
    width = min(width, 70)
    lines = [f"{'span':{width}}  {'kind':10}  {'calls':>6}  {'total ms':>10}  {'own ms':>10}"]
    for r in chosen:
        name = r.name if len(r.name) <= width else r.name[: width - 3] + "..."
        lines.append(f"{name:{width}}  {r.category:10}  {r.calls:6}  {r.total / 1e6:10.3f}  {r.own / 1e6:10.3f}")
    return "\n".join(lines)


def _add(rows: dict[tuple[str, str], _Row], line: ProfileLine) -> None:
    """Add the spans of a line, each of whose time is taken from the span around it."""
    around: list[tuple[ProfileEvent, _Row]] = []
    for event in sorted(line.events, key=lambda e: (e.start_ns, -e.duration_ns)):
        while around and around[-1][0].end_ns <= event.start_ns:
            around.pop()
        row = rows.setdefault((event.name, event.category), _Row(event.name, event.category))
        duration = float(event.values.get("measured_ns", event.duration_ns))
        row.calls += 1
        row.total += duration
        row.own += duration
        if around:
            around[-1][1].own -= event.duration_ns
        around.append((event, row))


__all__ = ["DEVICE", "ProfileData", "ProfileEvent", "ProfileLine", "ProfilePlane", "TraceFileError", "summary"]
