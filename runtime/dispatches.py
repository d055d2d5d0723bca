"""How long each dispatch of a compiled program takes: measured in a replay.

IREE can time dispatches (HAL profiling), but its Python bindings have no place to write the records to ("requires a
profile sink", 3.13). Its command line tools do, and come in the same wheel. So a program is run once more, in a
process of its own, on copies of its operands: `iree-benchmark-module` writes a profile, `iree-profile` reads it. The
times are those of that replay, the least of several runs, and not of the run in this process.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from axil.runtime.errors import DeviceError

RUNS = 5
_ELEMENTS = {"b": "i", "i": "si", "u": "ui", "f": "f"}
_HOST_MODE, _GPU_MODE = "queue-events,host-execution", "queue-events,dispatch-events"


class Dispatch(NamedTuple):
    """A dispatch of a program: name, beginning after that of the first one and duration in nanoseconds, workgroups."""

    name: str
    start_ns: int
    duration_ns: int
    workgroups: tuple[int, ...]


def tool(name: str) -> Path | None:
    """The path of one of IREE's command line tools, which its runtime wheel holds; None where it does not."""
    import iree._runtime_libs as libraries

    path = Path(libraries.__path__[0]) / name
    return path if path.exists() else None


def measure(
    vmfb: bytes, operands: Sequence[np.ndarray], device: str = "local-sync", *, timeout: float = 60.0
) -> list[Dispatch]:
    """The dispatches of a program for these operands, in the order in which they ran.

    `device` is IREE's name of it. Raises `DeviceError` where the tools are missing, or the program cannot be run by
    them, as when it calls Python functions.
    """
    with tempfile.TemporaryDirectory(prefix="axil-profile-") as folder:
        place = Path(folder)
        (place / "program.vmfb").write_bytes(vmfb)
        inputs = [_write_input(place, i, x) for i, x in enumerate(operands)]
        mode = _HOST_MODE if device.startswith("local") else _GPU_MODE
        _run("iree-benchmark-module", [
            f"--module={place / 'program.vmfb'}", f"--device={device}", "--function=main", *inputs,
            f"--benchmark_min_time={RUNS}x", f"--device_profiling_mode={mode}",
            f"--device_profiling_output={place / 'run.ireeprof'}",
        ], timeout)  # fmt: skip
        text = _run("iree-profile", ["dispatch", "--dispatch_events", "--format=jsonl", str(place / "run.ireeprof")],
                    timeout)  # fmt: skip
    return _least(_events(text))


def _run(name: str, arguments: list[str], timeout: float) -> str:
    path = tool(name)
    if path is None:
        raise DeviceError(f"the tool {name} is not in this IREE; it comes with iree-base-runtime")
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"{name} did not run: {error}") from None
    if done.returncode:
        raise DeviceError(f"{name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def _write_input(folder: Path, number: int, array: np.ndarray) -> str:
    """The option for an operand, whose bytes go to a file."""
    dtype = array.dtype
    sizes = "".join(f"{n}x" for n in array.shape)
    if dtype.kind == "c":  # the tool cannot read shapes before the "x" of "complex"
        np.save(folder / f"operand{number}.npy", array)
        return f"--input=@{folder / f'operand{number}.npy'}"
    if dtype.name == "bfloat16":
        element = "bf16"
    elif dtype.kind in _ELEMENTS:
        element = f"{_ELEMENTS[dtype.kind] if dtype.kind != 'b' else 'i'}{dtype.itemsize * 8}"
    else:
        element = f"i{dtype.itemsize * 8}"  # small types go as bytes
    if not array.size:
        return f"--input={sizes}{element}"
    file = folder / f"operand{number}.bin"
    file.write_bytes(np.ascontiguousarray(array).tobytes())
    return f"--input={sizes}{element}=@{file}"


def _events(text: str) -> list[Dispatch]:
    found = []
    for line in text.splitlines():
        record = json.loads(line)
        if "key" not in record or not record.get("valid", True):
            continue
        start = record.get("start_host_time_ns", record.get("start_tick", 0))
        found.append(Dispatch(record["key"], start, record["duration_ns"], tuple(record.get("workgroup_count", ()))))
    return sorted(found, key=lambda d: d.start_ns)


def _least(events: list[Dispatch]) -> list[Dispatch]:
    """One run of all: for each dispatch the least of its durations, and the gaps before it as they were least."""
    count, rest = divmod(len(events), RUNS)
    names = [d.name for d in events]
    if rest or names != names[:count] * RUNS:
        count = len(events)  # runs differ: give them all
    runs = [events[i : i + count] for i in range(0, len(events), count)] if count else []
    result: list[Dispatch] = []
    clock = 0
    for i in range(count):
        if i:
            clock += max(0, min(run[i].start_ns - run[i - 1].start_ns - run[i - 1].duration_ns for run in runs))
        duration = min(run[i].duration_ns for run in runs)
        result.append(Dispatch(runs[0][i].name, clock, duration, runs[0][i].workgroups))
        clock += duration
    return result
