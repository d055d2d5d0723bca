"""`axil.monitoring`: events of one's own and of Axil's."""

from __future__ import annotations

import pytest

import axil
import axil.numpy as np
from axil import monitoring


@pytest.fixture(autouse=True)
def _clean():
    yield
    monitoring.clear_event_listeners()


@pytest.mark.parametrize("record, register, unregister, values", [
    (monitoring.record_event, monitoring.register_event_listener, monitoring.unregister_event_listener, ()),
    (monitoring.record_event_duration_secs, monitoring.register_event_duration_secs_listener,
     monitoring.unregister_event_duration_listener, (1.5,)),
    (monitoring.record_event_time_span, monitoring.register_event_time_span_listener,
     monitoring.unregister_event_time_span_listener, (1.0, 2.5)),
    (monitoring.record_scalar, monitoring.register_scalar_listener, monitoring.unregister_scalar_listener, (3,)),
])  # fmt: skip
def test_listeners(record, register, unregister, values):
    seen = []

    def listener(*args, **kwargs):
        seen.append((args, kwargs))

    record("/before", *values)
    register(listener)
    record("/mine", *values, step=3)
    unregister(listener)
    record("/after", *values)
    assert seen == [(("/mine", *values), {"step": 3})]
    with pytest.raises(ValueError, match="not registered"):
        unregister(listener)


def test_events_of_compiling(tmp_path, monkeypatch):
    monkeypatch.setenv("AXIL_CACHE_DIR", str(tmp_path))
    durations, events = [], []
    monitoring.register_event_duration_secs_listener(lambda e, s, **kw: durations.append((e, s, kw.get("fun_name"))))
    monitoring.register_event_listener(lambda e, **kw: events.append(e))

    def f(x):
        return np.sin(x) * 1.2345

    axil.jit(f)(1.0)
    axil.jit(f)(1.0)
    prefix = "/axil/core/compile/"
    names = [e.removeprefix(prefix) for e, _, _ in durations]
    one = ["trace_duration", "transform_duration", "lower_duration", "backend_compile_duration"]
    assert names == one * 2 and {n for _, _, n in durations} == {"jit(f)"} and all(s > 0 for _, s, _ in durations)
    assert events == [f"/axil/compilation_cache/cache_{end}" for end in ("misses", "hits")]


def test_clearing():
    seen = []
    monitoring.register_event_listener(lambda e, **kw: seen.append(e))
    monitoring.clear_event_listeners()
    monitoring.record_event("/mine")
    assert not seen
