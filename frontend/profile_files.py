"""The files of the profiler: Chrome's trace format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

    <log_dir>/plugins/profile/<time>/<host>.trace.json.gz

is where TensorBoard looks. A complete event (`"ph": "X"`) stands for each span, with times in microseconds; metadata
events name processes and threads. Process 1 is Python, each of its threads a track; process 2 is the device.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from axil.runtime.dispatches import Dispatch
from axil.runtime.spans import Recording, Span

HOST, DEVICE = 1, 2
"""Numbers of the processes in a trace."""


def trace_events(recording: Recording, dispatches: Mapping[int, Sequence[Dispatch]], device: str) -> list[dict]:
    """The events of a recording; `dispatches` are those of programs, by the number in an execute span."""
    numbers = {thread: i + 1 for i, thread in enumerate(recording.threads)}
    events: list[dict] = [
        _named("process_name", HOST, 0, f"/host:CPU (Python, process {os.getpid()})"),
        *[_named("thread_name", HOST, numbers[t], name) for t, name in recording.threads.items()],
    ]
    for span in sorted(recording.spans, key=lambda s: (s.start_ns, -s.duration_ns)):
        events.append(_complete(recording, span, numbers[span.thread]))
    ran = [s for s in recording.spans if dispatches.get(s.arguments.get("program", 0))]
    if ran:
        events.append(_named("process_name", DEVICE, 0, f"/device:{device} (dispatches, timed in a replay)"))
        events += [_named("thread_name", DEVICE, n, f"programs of {recording.threads[t]}") for t, n in numbers.items()]
    for span in sorted(ran, key=lambda s: s.start_ns):
        events += _device_events(recording, span, dispatches[span.arguments["program"]], numbers[span.thread])
    return events


def _named(kind: str, process: int, thread: int, name: str) -> dict:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {"name": name}}


def _complete(recording: Recording, span: Span, thread: int) -> dict:
    return {
        "ph": "X", "name": span.name, "cat": span.category or "span", "pid": HOST, "tid": thread,
        "ts": (span.start_ns - recording.start_ns) / 1e3, "dur": span.duration_ns / 1e3,
        "args": {k: v if isinstance(v, (int, float, bool)) else str(v) for k, v in span.arguments.items()},
    }  # fmt: skip


def _device_events(recording: Recording, span: Span, dispatches: Sequence[Dispatch], thread: int) -> list[dict]:
    """The dispatches of a program laid into the span of one of its runs; closer together where they do not fit."""
    total = max(d.start_ns + d.duration_ns for d in dispatches)
    scale = min(1.0, span.duration_ns / total) if total else 1.0
    return [
        {
            "ph": "X", "name": d.name, "cat": "dispatch", "pid": DEVICE, "tid": thread,
            "ts": (span.start_ns - recording.start_ns + d.start_ns * scale) / 1e3, "dur": d.duration_ns * scale / 1e3,
            "args": {"program": span.name, "measured_ns": d.duration_ns, "workgroups": "x".join(map(str, d.workgroups)),
                     "measured_in": "replay", **({"drawn_at_scale": round(scale, 3)} if scale < 1 else {})},
        }
        for d in dispatches
    ]  # fmt: skip


def write_trace(folder: str | os.PathLike[str], recording: Recording, events: list[dict], notes: Iterable[str]) -> Path:
    """Write events to a new folder of TensorBoard's layout below `folder`; gives the file."""
    stamp = time.strftime("%Y_%m_%d_%H_%M_%S", time.localtime((recording.epoch_ns + recording.start_ns) / 1e9))
    place = Path(folder) / "plugins" / "profile" / stamp
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{platform.node() or 'host'}.trace.json.gz"
    document = {
        "displayTimeUnit": "ns",
        "metadata": {"source": "axil", "start_time_ns": recording.epoch_ns + recording.start_ns,
                     "duration_ns": recording.stop_ns - recording.start_ns, "notes": list(notes)},
        "traceEvents": events,
    }  # fmt: skip
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        json.dump(document, stream)
    return file


def read_trace(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a trace file."""
    opened = gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8")
    with opened as stream:
        return json.load(stream)
