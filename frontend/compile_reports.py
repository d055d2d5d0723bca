"""What is said while a program is compiled: log messages, and a line on the terminal where it takes long."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator

from axil.config import config
from axil.recompiles import Compilation, describe
from axil.runtime import events, spans

log = logging.getLogger("axil")

DELAY = 1.0
"""Seconds of compiling after which the terminal shows it."""

_INTERVAL = 0.2
_lock = threading.Lock()
_compiling: list[_Progress] = []  # by all threads, oldest first: the terminal has one line for them


def log_tracing(label: str, seconds: float) -> None:
    """Say that a function was traced, where `log_compiles` is on; and tell listeners and the profiler."""
    events.record_event_duration_secs("/axil/core/compile/trace_duration", seconds, fun_name=label)
    spans.ended(f"trace {label}", "trace", seconds)
    _log("Finished tracing %s in %.3f s", label, seconds)


def log_compiling(label: str, types: str) -> None:
    """Say that a program is going to be compiled."""
    _log("Compiling %s for %s", label, types)


def log_compiled(label: str, seconds: float, cached: bool) -> None:
    """Say that a program was compiled; and tell the profiler."""
    spans.ended(f"compile {label}", "compile", seconds, cached=cached)
    _log("Finished compiling %s in %.3f s%s", label, seconds, " (from the disk cache)" if cached else "")


def log_miss(label: str, entry: Compilation) -> None:
    """Say why a function was compiled again, where `explain_cache_misses` is on."""
    if config.explain_cache_misses:
        log.warning("Cache miss of %s: %s", label, "\n  ".join(describe(entry)))


def _log(message: str, *values: object) -> None:
    log.log(logging.WARNING if config.log_compiles else logging.DEBUG, message, *values)


class _Progress:
    """A compilation that is shown: its label, size and beginning."""

    def __init__(self, label: str, operations: int) -> None:
        self.label, self.operations, self.started = label, operations, time.perf_counter()

    def line(self) -> str:
        return f"compiling {self.label} ({self.operations:,} ops) {time.perf_counter() - self.started:.1f} s"


@contextlib.contextmanager
def progress(label: str, operations: int) -> Iterator[None]:
    """Show on the terminal that a program is being compiled, if it takes longer than `DELAY`; then erase it."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield
        return
    entry = _Progress(label, operations)
    done = threading.Event()
    with _lock:
        _compiling.append(entry)
    shower = threading.Thread(target=_show, args=(entry, done, stream), daemon=True, name="axil-compile-progress")
    shower.start()
    try:
        yield
    finally:
        done.set()
        shower.join()
        with _lock:
            _compiling.remove(entry)


def _show(entry: _Progress, done: threading.Event, stream: object) -> None:
    width = 0
    wait = DELAY
    while not done.wait(wait):
        wait = _INTERVAL
        with _lock:
            if _compiling and _compiling[0] is entry:
                more = f" and {len(_compiling) - 1} more" if len(_compiling) > 1 else ""
                text = entry.line() + more
                _write(stream, "\r" + text.ljust(width))
                width = max(width, len(text))
    if width:
        with _lock:
            _write(stream, "\r" + " " * width + "\r")


def _write(stream: object, text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the terminal has gone, or the stream was closed
        stream.write(text)  # type: ignore[attr-defined]
        stream.flush()  # type: ignore[attr-defined]


__all__ = ["log_compiled", "log_compiling", "log_miss", "log_tracing", "progress"]
