"""Which arrays are alive, and how many bytes they hold: `live_arrays` and the device memory profile.

The profile is in pprof's format (github.com/google/pprof, proto/profile.proto), gzipped, as JAX writes it:
``pprof -top memory.prof``. Arrays are put down to the lines of Python that made them where `tracemalloc` is on
(``PYTHONTRACEMALLOC=16 python ...``, or ``tracemalloc.start(16)``); else to their shape and dtype alone, as nothing is
noted when an array is made.
"""

from __future__ import annotations

import collections
import gc
import gzip
import os
import tracemalloc
from collections.abc import Iterable
from typing import Any, NamedTuple

from axil.core import Array
from axil.source import is_internal


def live_arrays(platform: str | None = None) -> list[Array]:
    """All arrays that are alive, on any device or on `platform`. It looks through all objects of the process."""
    from axil.runtime import default_device, devices

    if platform is not None and default_device() not in devices(platform):
        return []
    alive = lambda x: x._value is not None or x._buffer is not None
    return [x for x in gc.get_objects() if type(x) is Array and alive(x)]


class _Frame(NamedTuple):
    """A line of Python, or (line 0) a kind of array."""

    function: str
    file: str
    line: int


def device_memory_profile(backend: str | None = None) -> bytes:
    """A profile of the memory of all live arrays: gzipped, in pprof's format.

    Samples have two values, the number of arrays and their bytes, and a label `kind` ("buffer"). Arrays that share
    memory are counted each.
    """
    found: dict[tuple[_Frame, ...], list[int]] = collections.defaultdict(lambda: [0, 0])
    for array in live_arrays(backend):
        kind = _Frame(f"{array.aval.dtype.name}[{','.join(map(str, array.aval.shape))}]", "", 0)
        values = found[(kind, *_made_at(array))]
        values[0] += 1
        values[1] += array.aval.size * array.aval.dtype.itemsize
    return gzip.compress(_profile(found.items()), mtime=0)


def save_device_memory_profile(filename: str | os.PathLike[str], backend: str | None = None) -> None:
    """Write `device_memory_profile` to a file."""
    profile = device_memory_profile(backend)
    with open(filename, "wb") as stream:
        stream.write(profile)


def _made_at(array: Any) -> list[_Frame]:
    """The user's lines that made an array, innermost first, where `tracemalloc` knows them."""
    traced = tracemalloc.get_object_traceback(array) if tracemalloc.is_tracing() else None
    if traced is None:
        return []
    frames = [_Frame(f"line {f.lineno} of {os.path.basename(f.filename)}", f.filename, f.lineno) for f in traced]
    return [f for f in reversed(frames) if not is_internal(f.file)]


# ---- pprof's format ------------------------------------------------------------------------------------


def _profile(samples: Iterable[tuple[tuple[_Frame, ...], list[int]]]) -> bytes:
    """The message `perftools.profiles.Profile`. A location has the same number as its function."""
    strings: dict[str, int] = {"": 0}
    text = lambda s: strings.setdefault(s, len(strings))
    places: dict[_Frame, int] = {}
    message = b"".join(_nested(1, _number(1, text(kind)) + _number(2, text(unit)))
                       for kind, unit in (("allocations", "count"), ("space", "bytes")))  # fmt: skip
    label = _nested(3, _number(1, text("kind")) + _number(2, text("buffer")))
    for frames, values in samples:
        numbers = [places.setdefault(f, len(places) + 1) for f in frames]
        message += _nested(2, _packed(1, numbers) + _packed(2, values) + label)
    for frame, number in places.items():
        line = _nested(4, _number(1, number) + _number(2, frame.line))
        message += _nested(4, _number(1, number) + line)
        names = _number(2, text(frame.function)) + _number(3, text(frame.function)) + _number(4, text(frame.file))
        message += _nested(5, _number(1, number) + names + _number(5, frame.line))
    message += _number(14, text("space"))  # the value that is shown if none is asked for
    return message + b"".join(_nested(6, s.encode()) for s in strings)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _nested(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _nested(field, b"".join(map(_varint, values)))


__all__ = ["device_memory_profile", "live_arrays", "save_device_memory_profile"]
