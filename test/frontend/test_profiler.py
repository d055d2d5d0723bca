"""`axil.profiler`: what is in the trace files, and memory profiles."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc

import numpy as onp
import pytest

import axil
import axil.numpy as np
from axil import profiler
from axil.profile_data import TraceFileError
from axil.profiler import ProfileData, ProfileOptions, ProfilerError
from axil.runtime import dispatches, spans


@axil.jit
def step(w, x):
    return w - 0.1 * axil.grad(lambda w: np.mean(np.tanh(x @ w) ** 2))(w)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trace of two steps of training, of which the first compiles."""
    place = tmp_path_factory.mktemp("trace")
    w, x = np.ones((40, 40)), np.ones((64, 40))

    @profiler.annotate_function
    def load():
        return onp.zeros(3)

    with profiler.trace(place, create_perfetto_trace=True):
        for i in range(2):
            with profiler.StepTraceAnnotation("train", step_num=i):
                w = step(w, x)
        with profiler.TraceAnnotation("other", size=3, kind="x"):
            load()
            thread = threading.Thread(target=load, name="loader")
            thread.start()
            thread.join()
        axil.grad(lambda v: np.sum(v**2))(x)
    return place


@pytest.fixture(scope="module")
def document(folder):
    (file,) = folder.glob("plugins/profile/*/*.trace.json.gz")
    assert (file.parent / "perfetto_trace.json.gz").read_bytes() == file.read_bytes()
    return json.loads(gzip.decompress(file.read_bytes()))


def named(document, name):
    return [e for e in document["traceEvents"] if e["ph"] == "X" and e["name"] == name]


def inside(inner, outer):
    return (outer["ts"] <= inner["ts"] and inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"] + 1e-3
            and inner["tid"] == outer["tid"])  # fmt: skip


# ---- the file ------------------------------------------------------------------------------------------


def test_the_file_is_in_chrome_trace_format(document):
    assert document["displayTimeUnit"] == "ns" and document["metadata"]["notes"] == []
    for e in document["traceEvents"]:
        assert e["ph"] in "XM" and isinstance(e["pid"], int) and isinstance(e["tid"], int)
        if e["ph"] == "X":
            assert e["ts"] >= 0 and e["dur"] >= 0 and isinstance(e["name"], str) and isinstance(e["args"], dict)
        else:
            assert e["name"] in ("process_name", "thread_name") and e["args"]["name"]
    processes = {e["pid"] for e in document["traceEvents"]}
    assert processes == {e["pid"] for e in document["traceEvents"] if e["name"] == "process_name"} == {1, 2}


def test_spans_of_python_nest(document):
    first, second = named(document, "train")
    assert first["args"]["step_num"] == 0 and second["args"]["step_num"] == 1
    (traced,), (compiled,) = named(document, "trace jit(step)"), named(document, "compile jit(step)")
    runs = named(document, "jit(step)")
    assert inside(traced, first) and inside(compiled, first) and inside(runs[0], first) and inside(runs[1], second)
    passes = [e for e in document["traceEvents"] if e.get("cat") == "pass" and inside(e, compiled)]
    assert {"axil-expand", "axil-to-stablehlo"} <= {e["name"] for e in passes}
    assert [e for e in document["traceEvents"] if e.get("cat") == "iree" and inside(e, compiled)]
    assert named(document, "interpret")  # grad outside jit
    (other,) = named(document, "other")
    assert other["args"] == {"size": 3, "kind": "x"}


def test_each_thread_has_a_track(document):
    loads = [e for e in document["traceEvents"] if e["ph"] == "X" and e["name"].endswith("load")]
    assert len({e["tid"] for e in loads}) == 2
    names = {e["args"]["name"] for e in document["traceEvents"] if e["name"] == "thread_name" and e["pid"] == 1}
    assert {"MainThread", "loader"} <= names


def test_dispatches_are_those_of_a_replay(document):
    device = [e for e in document["traceEvents"] if e["ph"] == "X" and e["pid"] == 2]
    assert sum("matmul" in e["name"] for e in device) >= 4  # two products, twice
    runs = named(document, "jit(step)")
    for e in device:
        assert e["args"]["measured_in"] == "replay" and e["args"]["measured_ns"] > 0 and e["args"]["workgroups"]
        assert any(r["ts"] - 1e-3 <= e["ts"] and e["ts"] + e["dur"] <= r["ts"] + r["dur"] + 1e-3 for r in runs)


# ---- reading it back -----------------------------------------------------------------------------------


def test_profile_data(folder):
    data = ProfileData.from_file(folder)
    host, device = data.planes
    assert host.name.startswith("/host:CPU") and data.find_plane_with_name("/device:CPU:0") is device
    events = [e for line in host.lines for e in line.events]
    (other,) = [e for e in events if e.name == "other"]
    assert dict(other.stats)["size"] == 3 and other.end_ns == other.start_ns + other.duration_ns > 0
    with pytest.raises(TraceFileError, match="no trace below"):
        ProfileData.from_file(folder / "plugins")


def test_summary(folder):
    table = profiler.summary(folder, top=50).splitlines()
    assert table[0].split() == ["span", "kind", "calls", "total", "ms", "own", "ms"]
    rows = {line[: len(table[0]) - 45].strip(): line.split() for line in table[1:]}
    name, kind, calls, total, own = next(v for k, v in rows.items() if k.startswith("train"))
    assert (name, kind, calls) == ("train", "annotation", "2") and float(own) < float(total)
    owns = [float(line.split()[-1]) for line in table[1:]]
    assert owns == sorted(owns, reverse=True)


# ---- options and errors --------------------------------------------------------------------------------


def test_levels(tmp_path):
    with profiler.trace(tmp_path, profiler_options=ProfileOptions(host_tracer_level=1, device_tracer_level=0)):
        with profiler.TraceAnnotation("mine"):
            step(np.ones((40, 40)), np.ones((64, 40)))
    data = ProfileData.from_file(tmp_path)
    assert [e.name for p in data.planes for line in p.lines for e in line.events] == ["mine"]


def test_misuse():
    with pytest.raises(ProfilerError, match="call start_trace first"):
        profiler.stop_trace()
    with pytest.raises(ProfilerError, match="ui.perfetto.dev"):
        profiler.start_trace("/tmp", create_perfetto_link=True)
    with pytest.raises(ProfilerError, match="cProfile"):
        profiler.start_trace("/tmp", profiler_options=ProfileOptions(python_tracer_level=1))
    with pytest.raises(ProfilerError, match="no profiler server"):
        profiler.start_server(9999)
    with pytest.raises(ValueError, match="no profiler server"):
        profiler.stop_server()
    assert spans.recording() is None and not axil.config.config.watching


def test_one_trace_at_a_time(tmp_path):
    with profiler.trace(tmp_path, profiler_options=ProfileOptions(device_tracer_level=0)):
        with pytest.raises(ProfilerError, match="already"):
            profiler.start_trace(tmp_path)
    assert spans.recording() is None


def test_programs_that_cannot_be_replayed_are_noted(tmp_path):
    f = axil.jit(lambda x: axil.pure_callback(lambda v: v + 1, axil.ShapeDtypeStruct((3,), "float32"), x) * 2)
    with profiler.trace(tmp_path):
        f(np.ones(3))
    data = ProfileData.from_file(tmp_path)
    assert "jit(<lambda>) has no dispatches: it calls Python functions" in data.metadata["notes"][0]
    assert data.find_plane_with_name("/device:CPU:0") is None


def test_annotations_cost_nothing_to_speak_of_while_off():
    with profiler.TraceAnnotation("nothing"):
        assert spans.span("a") is spans.span("b")


def test_dispatches_of_all_dtypes():
    f = axil.jit(lambda a, b, c, d: (a * 2, b * 2, ~c, np.sum(d)))
    arguments = np.ones((3, 4), "bfloat16"), np.ones(3, "complex64"), np.array([True]), np.zeros((0, 2))
    compiled = f.lower(*arguments).compile()
    info = compiled._program.info
    found = dispatches.measure(info.vmfb, [arguments[i]._numpy for i in info.kept])
    assert found and all(d.duration_ns > 0 for d in found) and found[0].start_ns == 0


# ---- memory --------------------------------------------------------------------------------------------


def fields(message: bytes):
    """The fields of a protobuf message, as (number, value)."""
    def varint(i):
        value = shift = 0
        while True:
            byte = message[i]
            value |= (byte & 0x7F) << shift
            i, shift = i + 1, shift + 7
            if byte < 0x80:
                return value, i

    i = 0
    while i < len(message):
        tag, i = varint(i)
        if tag & 7 == 2:
            size, i = varint(i)
            yield tag >> 3, message[i : i + size]
            i += size
        else:
            value, i = varint(i)
            yield tag >> 3, value


def test_memory_profile_names_the_lines_that_made_arrays(tmp_path):
    tracemalloc.start(16)
    try:
        kept = np.ones((1234, 5))  # this line
        profiler.save_device_memory_profile(tmp_path / "memory.prof")
    finally:
        tracemalloc.stop()
    content = list(fields(gzip.decompress((tmp_path / "memory.prof").read_bytes())))
    strings = [v.decode() for n, v in content if n == 6]
    assert strings[0] == "" and {"allocations", "count", "space", "bytes", "float32[1234,5]"} <= set(strings)
    assert any(s.endswith("test_profiler.py") for s in strings)
    values = [dict(fields(v))[2] for n, v in content if n == 2]
    assert any(b"\xe8\xc0\x01" in v for v in values)  # 1234 * 5 * 4 bytes, as a varint
    functions = [dict(fields(v)) for n, v in content if n == 5]
    assert any(strings[f[4]].endswith("test_profiler.py") and "line" in strings[f[2]] for f in functions)
    assert kept.shape == (1234, 5)
