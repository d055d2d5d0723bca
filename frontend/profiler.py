"""`axil.profiler`: traces of what a program does, and where memory is.

    with axil.profiler.trace("/tmp/profile"):
        for step in range(3):
            with axil.profiler.StepTraceAnnotation("train", step_num=step):
                state = train_step(state, batch)

writes a file that ui.perfetto.dev, chrome://tracing and TensorBoard's trace viewer open. In it are, for each thread
of Python, your annotations, tracing, passes, compiling and runs of compiled programs, as they were measured; and for
the device each dispatch of these programs. Dispatches are timed in a *replay*: when the trace ends, each program is
run again in a process of its own under IREE's profiler (see `axil.runtime.dispatches`), and laid into the spans of its
runs. Their durations are right, their places within the run are those of the replay.

`summary(path)` prints what took longest.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from axil import config, errors
from axil.memory_profile import device_memory_profile, save_device_memory_profile
from axil.profile_data import ProfileData, ProfileEvent, ProfilePlane, summary
from axil.profile_files import trace_events, write_trace
from axil.runtime import spans
from axil.runtime.dispatches import Dispatch, measure
from axil.runtime.errors import AxilError, DeviceError

_MAX_REPLAYS = 32  # programs of a trace that are replayed: those that ran longest


class ProfilerError(AxilError, RuntimeError):
    """The profiler is asked for something that it cannot do now, or not at all."""


@dataclass
class ProfileOptions:
    """What a trace holds.

    `host_tracer_level`: 0 for nothing of Python, 1 for annotations alone, 2 for Axil's own spans too.
    `device_tracer_level`: 0 for no dispatches, 1 for those of the programs that ran longest. `python_tracer_level`
    can only be 0: calls of Python functions are not traced; use cProfile for them.
    """

    host_tracer_level: int = 2
    device_tracer_level: int = 1
    python_tracer_level: int = 0

    def check(self) -> None:
        """Raise `ProfilerError` for a level that there is not."""
        if self.python_tracer_level:
            raise ProfilerError(
                errors.explain("the profiler does not trace calls of Python functions: python_tracer_level can be 0",
                               ways_out=["annotate functions: @axil.profiler.annotate_function", "or use cProfile"])
            )  # fmt: skip
        if self.host_tracer_level not in (0, 1, 2) or self.device_tracer_level not in (0, 1):
            raise ProfilerError("ProfileOptions: host_tracer_level is 0, 1 or 2, and device_tracer_level 0 or 1")


@dataclass
class _Session:
    log_dir: str
    options: ProfileOptions
    perfetto: bool


_session: _Session | None = None
_lock = threading.Lock()


def start_trace(
    log_dir: os.PathLike[str] | str, create_perfetto_link: bool = False, create_perfetto_trace: bool = False,
    profiler_options: ProfileOptions | None = None,
) -> None:  # fmt: skip
    """Begin to record a trace, which `stop_trace` writes below `log_dir`.

    With `create_perfetto_trace` it is also written to ``perfetto_trace.json.gz`` in the same folder.
    `create_perfetto_link` is refused. Raises `ProfilerError` where a trace is being recorded already.
    """
    global _session
    if create_perfetto_link:
        raise ProfilerError(
            errors.explain("create_perfetto_link is not there: it would serve the trace to a browser", None, (), "", [
                "open the file <host>.trace.json.gz at ui.perfetto.dev", "or print axil.profiler.summary(log_dir)",
            ])
        )  # fmt: skip
    options = profiler_options or ProfileOptions()
    options.check()
    with _lock:
        if _session is not None:
            raise ProfilerError("a trace is being recorded already; only one may be at a time: call stop_trace first")
        spans.start()
        _session = _Session(os.fspath(log_dir), options, create_perfetto_trace)
        config.watch("profiler", True)


def stop_trace() -> None:
    """End the trace, and write it. Raises `ProfilerError` where none was begun."""
    global _session
    with _lock:
        if _session is None:
            raise ProfilerError("no trace is being recorded; call start_trace first")
        session, _session = _session, None
        config.watch("profiler", False)
        recording = spans.stop()
    notes: list[str] = []
    dispatches = _replayed(recording, notes) if session.options.device_tracer_level else {}
    level = session.options.host_tracer_level
    shown = [s for s in recording.spans if level == 2 or level == 1 and s.category == "annotation"]
    ran = recording.spans
    recording.spans = [*shown, *[s for s in ran if s.category == "execute" and s not in shown]] if dispatches else shown
    file = write_trace(session.log_dir, recording, trace_events(recording, dispatches, _device_name()), notes)
    if session.perfetto:
        shutil.copyfile(file, file.with_name("perfetto_trace.json.gz"))


@contextlib.contextmanager
def trace(
    log_dir: os.PathLike[str] | str, create_perfetto_link: bool = False, create_perfetto_trace: bool = False,
    profiler_options: ProfileOptions | None = None,
) -> Iterator[None]:  # fmt: skip
    """Record a trace of a block; see `start_trace`."""
    start_trace(log_dir, create_perfetto_link, create_perfetto_trace, profiler_options)
    try:
        yield
    finally:
        stop_trace()


def _device_name() -> str:
    from axil.runtime import default_device

    device = default_device()
    return f"{device.platform.upper()}:{device.id}"


def _replayed(recording: spans.Recording, notes: list[str]) -> dict[int, list[Dispatch]]:
    """The dispatches of the programs that ran longest, by their numbers; what could not be replayed is noted."""
    total: dict[int, int] = {}
    for span in recording.spans:
        number = span.arguments.get("program")
        if number is not None:
            total[number] = total.get(number, 0) + span.duration_ns
    found = {}
    chosen = sorted(total, key=lambda n: -total[n])
    for number in chosen[:_MAX_REPLAYS]:
        program = recording.programs[number]
        try:
            found[number] = measure(program.vmfb, program.operands(), program.device)
        except (DeviceError, ValueError) as error:
            notes.append(f"{program.name} has no dispatches: {error}")
    if len(chosen) > _MAX_REPLAYS:
        notes.append(f"{len(chosen) - _MAX_REPLAYS} programs that took less time were not replayed")
    return found


# ---- annotations ---------------------------------------------------------------------------------------


class TraceAnnotation(contextlib.ContextDecorator):
    """``with TraceAnnotation("load batch", size=32):`` a span of the trace, with values that are shown with it."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        self._name = name
        self._values = kwargs
        self._open: list[Any] = []  # a stack: one object may be entered again while it is active

    def _recreate_cm(self) -> TraceAnnotation:
        return type(self)(self._name, **self._values)  # as a decorator it may run in several threads at once

    def __enter__(self) -> TraceAnnotation:
        span = spans.span(self._name, "annotation", **self._values)
        span.__enter__()
        self._open.append(span)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


class StepTraceAnnotation(TraceAnnotation):
    """A `TraceAnnotation` of a step of training: ``with StepTraceAnnotation("train", step_num=i):``."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._values = {**kwargs, "_r": 1}  # what viewers know steps by


def annotate_function(func: Callable[..., Any], name: str | None = None, **decorator_kwargs: Any) -> Callable[..., Any]:
    """A function whose calls are spans of the trace, called `name` or by its own name."""
    label = name or getattr(func, "__qualname__", None) or type(func).__name__

    @functools.wraps(func)
    def annotated(*args: Any, **kwargs: Any) -> Any:
        with TraceAnnotation(label, **decorator_kwargs):
            return func(*args, **kwargs)

    return annotated


# ---- what there is not ---------------------------------------------------------------------------------


def start_server(port: int, requires_backend: bool = True) -> Any:
    """Always refused: there is no server that hands out traces while a program runs."""
    raise ProfilerError(
        errors.explain(f"there is no profiler server to start on port {port}", None, (), "",
                       ["record a part of the program: with axil.profiler.trace(log_dir)"])
    )  # fmt: skip


def stop_server() -> None:
    """Always refused: no server was started."""
    raise ValueError("no profiler server is running; axil.profiler.start_server starts none")


def register_subprocess(pid: int, port: int) -> Any:
    """Always refused: traces are of one process."""
    raise ProfilerError(
        errors.explain(f"the profiler traces its own process only, not process {pid}", None, (), "",
                       ["record a trace in the other process too; Perfetto opens both"])
    )  # fmt: skip


__all__ = [
    "ProfileData", "ProfileEvent", "ProfileOptions", "ProfilePlane", "StepTraceAnnotation", "TraceAnnotation",
    "annotate_function", "device_memory_profile", "register_subprocess", "save_device_memory_profile", "start_server",
    "start_trace", "stop_server", "stop_trace", "summary", "trace",
]  # fmt: skip
