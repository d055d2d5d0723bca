"""The compile cache: right or absent, whatever happens to the directory or to other processes."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from axil.compiler import cache as module
from axil.compiler.cache import CompileCache, cache_key, default_cache
from axil.compiler.targets import resolve

KEY = cache_key(b"program")
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    return CompileCache(tmp_path / "cache")


@pytest.fixture(autouse=True)
def _fresh_warnings(monkeypatch):
    monkeypatch.setattr(module, "_warned", False)


def entry(cache: CompileCache) -> Path:
    return cache._path(KEY)


def test_what_was_put_is_got(cache):
    assert cache.get(KEY) is None and len(cache) == 0
    assert cache.put(KEY, CONTENT)
    assert cache.get(KEY) == CONTENT
    assert CompileCache(cache.directory).get(KEY) == CONTENT, "also by another process"
    assert cache.put(KEY, b"") and cache.get(KEY) == b""


def test_the_key_covers_all_that_decides_the_result():
    target = resolve("x86-64-v3")
    keys = [
        cache_key(b"p"),
        cache_key(b"q"),
        cache_key(b"p", passes=["inline"]),
        cache_key(b"p", passes=["inline", "lower"]),
        cache_key(b"p", passes=["inlinelower"]),
        cache_key(b"p", target=target),
        cache_key(b"p", target=resolve("x86-64-v4")),
        cache_key(b"p", target=resolve("host")),
        cache_key(b"p", extra=["--flag"]),
    ]
    assert len(set(keys)) == len(keys)
    assert cache_key(b"p", target=target) == cache_key(b"p", target=resolve("x86-64-v3"))


def test_the_key_covers_the_versions(monkeypatch):
    before = cache_key(b"p")
    monkeypatch.setattr(module, "versions", lambda: {"iree-base-compiler": "9"})
    assert cache_key(b"p") != before


def test_a_thousand_bit_flips_are_all_misses(cache):
    rng = random.Random(0)
    cache.put(KEY, CONTENT)
    whole = entry(cache).read_bytes()
    for _ in range(1000):
        damaged = bytearray(whole)
        bit = rng.randrange(len(whole) * 8)
        damaged[bit // 8] ^= 1 << bit % 8
        entry(cache).write_bytes(damaged)
        assert cache.get(KEY) is None
        assert not entry(cache).exists(), "a damaged entry is removed"


def test_truncated_and_swapped_entries_are_misses(cache):
    cache.put(KEY, CONTENT)
    whole = entry(cache).read_bytes()
    for length in (0, 1, 7, 39, 40, len(whole) - 1):
        entry(cache).write_bytes(whole[:length])
        assert cache.get(KEY) is None and not entry(cache).exists()
    other = cache_key(b"another program")
    cache.put(KEY, CONTENT)
    cache._path(other).parent.mkdir(exist_ok=True)
    entry(cache).rename(cache._path(other))
    assert cache.get(other) is None, "right content under a wrong name"


def test_a_malformed_key_is_a_mistake_of_the_caller(cache):
    for key in ("", "../../etc/passwd", "A" * 64, "0" * 63):
        with pytest.raises(ValueError, match="64 hex digits"):
            cache.get(key)


def test_a_directory_that_cannot_be_made_costs_one_warning(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a directory")
    cache = CompileCache(in_the_way)
    with pytest.warns(RuntimeWarning, match="cannot be used.*AXIL_CACHE_DIR") as seen:
        for _ in range(3):
            assert cache.get(KEY) is None
            assert not cache.put(KEY, CONTENT)
    assert len(seen) == 1
    assert cache.size() == cache.clear() == cache.trim() == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk_costs_one_warning_and_leaves_nothing(cache, monkeypatch, code):
    cache.put(KEY, CONTENT)
    other = cache_key(b"other")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.warns(RuntimeWarning, match=os.strerror(code)) as seen:
            assert not cache.put(other, CONTENT)
            assert not cache.put(other, CONTENT)
    assert len(seen) == 1
    assert cache.get(other) is None and cache.get(KEY) == CONTENT
    assert [p.suffix for p in cache.directory.rglob("*") if p.is_file()] == [".axc"], "no temporary files"


def test_two_processes_writing_one_entry_leave_one_right_entry(cache):
    code = f"""
from axil.compiler.cache import CompileCache
cache = CompileCache({str(cache.directory)!r})
content = bytes(range(256)) * 4000
for _ in range(60):
    assert cache.put({KEY!r}, content)
    assert cache.get({KEY!r}) == content
"""
    writers = [subprocess.Popen([sys.executable, "-W", "error", "-c", code]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert cache.get(KEY) == bytes(range(256)) * 4000
    assert len(cache) == 1


def test_the_least_recently_used_entries_go_first(tmp_path):
    cache = CompileCache(tmp_path, max_bytes=10_000)
    keys = [cache_key(bytes([i])) for i in range(8)]
    for i, key in enumerate(keys):
        cache.put(key, b"x" * 2000)
        os.utime(cache._path(key), (i, i))
    cache.get(keys[0])  # used again: it stays
    assert cache.trim() > 0
    assert cache.size() <= 10_000
    assert cache.get(keys[0]) is not None and cache.get(keys[7]) is not None
    assert cache.get(keys[1]) is None


def test_the_size_is_limited_without_asking(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TRIM_EVERY", 2)
    cache = CompileCache(tmp_path, max_bytes=10_000)
    for i in range(40):
        cache.put(cache_key(bytes([i])), b"x" * 1000)
    assert cache.size() <= 12_000
    assert not cache.put(KEY, b"x" * 20_000), "larger than the whole cache"


def test_clearing_and_counting(cache):
    for i in range(5):
        cache.put(cache_key(bytes([i])), CONTENT)
    assert len(cache) == 5 and cache.size() == 5 * (len(CONTENT) + 40)
    assert cache.clear() == 5
    assert len(cache) == cache.size() == 0


def test_the_environment_places_limits_and_disables_it(tmp_path, monkeypatch):
    monkeypatch.setenv("AXIL_CACHE_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("AXIL_CACHE_SIZE", "12345")
    cache = default_cache()
    assert (cache.directory, cache.max_bytes, cache.enabled) == (tmp_path / "here", 12345, True)
    assert default_cache() is cache
    monkeypatch.setenv("AXIL_CACHE", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not default_cache().put(KEY, CONTENT) and default_cache().get(KEY) is None
    assert not (tmp_path / "here").exists()
