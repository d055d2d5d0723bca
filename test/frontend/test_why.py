"""`jit(f).why()` and the log: what a recompilation is blamed on, and what is said while compiling."""

from __future__ import annotations

import io
import logging
import threading
import time
from typing import Any

import numpy as onp
import pytest
from checks import error_here

import axil
import axil.numpy as np
from axil import compile_reports, jit
from axil.recompiles import History, Signature


class _NoCompiler:
    """Compiling replaced by nothing, as these tests are about what is said."""

    def __init__(self, monkeypatch: Any) -> None:
        from axil.jitted import JitFunction

        class Program:
            info = type("Info", (), {"cached": False})

            def call(self, operands: Any) -> None:
                return None

        def compile_(self: Any, call: Any) -> Any:
            entry = self._history.add(Signature.of(call), "here:1", 0.5, False)
            if entry.after:
                compile_reports.log_miss(self.label, entry)
            return Program()

        monkeypatch.setattr(JitFunction, "_compile", compile_)


@pytest.fixture
def no_compiler(monkeypatch: Any) -> None:
    _NoCompiler(monkeypatch)


def test_why_names_the_leaf_and_the_change(no_compiler: None) -> None:
    f = jit(lambda params, n, flag=None: params, static_argnums=1)
    assert "has not been compiled" in f.why()
    f({"w": [np.ones(3)]}, 2)
    assert f.why() == "jit(<lambda>) has been compiled once:\n  1. first call, at here:1, 0.50 s"
    last = lambda: [line.strip() for line in f.why().split("\n")[-1:]][0]
    f({"w": [np.ones(4)]}, 2)
    assert last() == "params['w'][0]: shape (3,) -> (4,)"
    f({"w": [np.ones(4, np.float16)]}, 2)
    assert last() == "params['w'][0]: dtype float32 -> float16"
    f({"w": [np.ones(4)]}, 3)
    assert last() == "static argument n: 2 -> 3"
    f({"w": [np.ones(4)]}, 3.0)
    assert last() == "static argument n: 3 -> 3.0"
    f({"w": [np.ones(4), np.ones(2)]}, 3)
    assert last() == "structure: params['w'][1] is new"
    f({"w": [np.ones(4)]}, 3, flag=1.0)
    assert last() == "structure: flag is new"
    f({"w": [np.ones(4)]}, 3, flag=np.ones((), np.float32))
    assert last() == "flag: type weak (a Python number) -> strong (an array of a dtype of its own)"
    with axil.enable_x64(True):
        f({"w": [np.asarray(onp.ones(4, "f4"))]}, 3)
    assert last() == "option enable_x64: False -> True"
    assert repr(f.why()) == str(f.why()) and "compiled 9 times" in f.why()


def test_a_recompilation_is_compared_with_the_most_similar_one(no_compiler: None) -> None:
    f = jit(lambda *xs: xs)
    for xs in ((np.ones(3), np.ones(5)), (np.ones(30), np.ones(50)), (np.ones(3), np.ones(50))):
        f(*xs)
    assert f.why().endswith("compared with 2:\n       xs[0]: shape (30,) -> (3,)")
    f(np.ones(3), np.ones(6))
    assert f.why().endswith("compared with 3:\n       xs[1]: shape (50,) -> (6,)")


def test_many_changes_are_counted() -> None:
    history = History("jit(f)")
    for size in (2, 3):
        call = type("Call", (), {})()
        call.operands = [np.ones(size)] * 20
        call.paths, call.statics, call.treedef = lambda: [f"x[{i}]" for i in range(20)], lambda: {}, None
        history.add(Signature.of(call), "", 0.1, True)
    text = history.explain()
    assert "x[7]: shape (2,) -> (3,)" in text and "x[8]" not in text and "and 12 more changes" in text
    assert "from the disk cache" in text


def test_the_log(caplog: Any) -> None:
    f = jit(lambda x: x - 7)
    with caplog.at_level(logging.WARNING, "axil"):
        f(1.0)
        assert not caplog.messages
        with axil.log_compiles(True), axil.explain_cache_misses(True):
            f(np.ones(2))
            f(np.ones(2))
    assert [m.split()[0] for m in caplog.messages] == ["Finished", "Compiling", "Finished", "Cache"]
    assert "jit(<lambda>) for f32[2]" in caplog.messages[1] and "x: shape () -> (2,)" in caplog.messages[3]


def test_no_tracing() -> None:
    f = jit(lambda x: x + 1)
    with axil.no_tracing(True), error_here(RuntimeError, "jit(<lambda>)", "no_tracing", "f.why()"):
        f.trace(1.0)


def test_clearing_caches(no_compiler: None) -> None:
    f = jit(lambda x: x)
    f(np.ones(2))
    f.clear_cache()
    f(np.ones(2))
    assert "caches were cleared" in f.why()
    f(np.ones(2))
    assert "compiled 2 times" in f.why()


# ---- the line on the terminal --------------------------------------------------------------------------


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_takes_long(monkeypatch: Any) -> None:
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(compile_reports, "DELAY", 0.05)
    monkeypatch.setattr(compile_reports, "_INTERVAL", 0.02)

    def work(name: str) -> None:
        with compile_reports.progress(name, 1204):
            time.sleep(0.3)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second")]
    for t in threads:
        t.start()
        time.sleep(0.02)
    for t in threads:
        t.join()
    text = terminal.getvalue()
    assert "\rcompiling first (1,204 ops) 0." in text and "and 1 more" in text
    assert text.endswith("\r") and text.split("\r")[-2].strip() == ""  # erased


def test_quick_compilations_and_files_show_nothing(monkeypatch: Any) -> None:
    for stream, wait in ((_Terminal(), 0.0), (io.StringIO(), 0.1)):
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr(compile_reports, "DELAY", 0.05)
        with compile_reports.progress("f", 1):
            time.sleep(wait)
        assert stream.getvalue() == ""
