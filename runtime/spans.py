"""Spans of time: what the profiler records. Free while nothing records: one test of a global.

    with spans.span("axil-expand", "pass"):
        ...

A recorder keeps every span that ends while it is on, of all threads. Times are `time.perf_counter_ns`, which all
threads and IREE's own records can be put on one axis with (`Recording.epoch_ns` is the time of day at its zero).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple


class Span(NamedTuple):
    """A span that has ended: when it began and how long it took, in nanoseconds, and the thread that it was in."""

    name: str
    category: str
    start_ns: int
    duration_ns: int
    thread: int
    arguments: Mapping[str, Any]


class Recording:
    """Spans as they end, between `start` and `stop`."""

    def __init__(self) -> None:
        self.spans: list[Span] = []  # appending is atomic: no lock
        self.threads: dict[int, str] = {}
        self.programs: dict[int, Any] = {}  # what ran in spans with the argument "program", by that number
        self.start_ns = time.perf_counter_ns()
        self.epoch_ns = time.time_ns() - self.start_ns
        self.stop_ns = 0


_recording: Recording | None = None
_lock = threading.Lock()


def start() -> Recording:
    """Begin to record. Raises `RuntimeError` where somebody does already."""
    global _recording
    with _lock:
        if _recording is not None:
            raise RuntimeError("spans are being recorded already")
        _recording = Recording()
        return _recording


def stop() -> Recording:
    """End recording, and give what was recorded. Raises `RuntimeError` where nobody does."""
    global _recording
    with _lock:
        if _recording is None:
            raise RuntimeError("spans are not being recorded")
        recording, _recording = _recording, None
        recording.stop_ns = time.perf_counter_ns()
        return recording


def recording() -> Recording | None:
    """The recording that is on, if one is."""
    return _recording


class _Open:
    """A span that has begun."""

    __slots__ = ("name", "category", "arguments", "start")

    def __init__(self, name: str, category: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self.category = category
        self.arguments = arguments

    def __enter__(self) -> _Open:
        self.start = time.perf_counter_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, traceback: TracebackType | None) -> None:
        now = time.perf_counter_ns()
        on = _recording
        if on is not None:
            thread = threading.get_ident()
            if thread not in on.threads:
                on.threads[thread] = threading.current_thread().name
            on.spans.append(Span(self.name, self.category, self.start, now - self.start, thread, self.arguments))


class _Nothing:
    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


_NOTHING = _Nothing()


def span(name: str, category: str = "", **arguments: Any) -> _Open | _Nothing:
    """A context manager for a span of time; does nothing while nothing records."""
    return _NOTHING if _recording is None else _Open(name, category, arguments)


def ended(name: str, category: str, seconds: float, **arguments: Any) -> None:
    """Record a span that has ended just now and took so many seconds, where its time was taken already."""
    if _recording is not None:
        done = _Open(name, category, arguments)
        done.start = time.perf_counter_ns() - int(seconds * 1e9)
        done.__exit__(None, None, None)
