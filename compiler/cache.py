"""The compile cache: compiled programs on disk, so that a program is compiled once per machine, not per
process.

An entry is one file, named by its key. The key is the SHA-256 of everything that decides the bytes: the
module's canonical bytecode, the pass list, the target with its flags and CPU features, and the versions of
the compilers.

    cache = default_cache()
    key = cache_key(bytecode, passes=("inline", "lower"), target=target)
    vmfb = cache.get(key)
    if vmfb is None:
        vmfb = compile_module(bytecode, target)
        cache.put(key, vmfb)

Safe for many threads and processes: an entry is written to a temporary file and renamed. An entry whose
checksum does not match is a miss, and is removed. A directory that cannot be used costs one warning per
process and no more. `AXIL_CACHE=0` turns the cache off, `AXIL_CACHE_DIR` moves it, `AXIL_CACHE_SIZE` (bytes)
limits it.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path

from axil.compiler.driver import versions
from axil.compiler.targets import Target

MAX_BYTES = 2 << 30
_TRIM_TO = 0.8  # of the limit, so that trimming is rare
_TRIM_EVERY = 64  # writes; listing a large directory takes milliseconds
_MAGIC = b"AXILCC01"
_HEADER = len(_MAGIC) + 32  # magic, SHA-256 of key and content
_SUFFIX = ".axc"
_KEY = re.compile(r"[0-9a-f]{64}")

_lock = threading.Lock()
_default: CompileCache | None = None
_warned = False


def cache_key(
    bytecode: bytes, *, passes: Iterable[str] = (), target: Target | None = None, extra: Iterable[str] = ()
) -> str:
    """The key of a compilation: 64 hex digits. `extra` takes whatever else decides the result."""
    digest = hashlib.sha256()
    parts = [bytecode, "\n".join(passes).encode(), (target.fingerprint() if target else "").encode()]
    parts += ["\n".join(extra).encode(), repr(sorted(versions().items())).encode()]
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))  # so that no two lists of parts look the same
        digest.update(part)
    return digest.hexdigest()


def default_directory() -> Path:
    """`$AXIL_CACHE_DIR`, else the platform's place for caches (`~/.cache/axil` on Linux)."""
    chosen = os.environ.get("AXIL_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Caches/axil").expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "axil" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "axil"


def default_cache() -> CompileCache:
    """The cache that the environment asks for; looked up anew where the environment changed."""
    global _default
    wanted = (default_directory(), _limit(), os.environ.get("AXIL_CACHE", "1") not in ("0", "off", "false"))
    with _lock:
        if _default is None or (_default.directory, _default.max_bytes, _default.enabled) != wanted:
            _default = CompileCache(wanted[0], max_bytes=wanted[1], enabled=wanted[2])
        return _default


class CompileCache:
    """Compiled programs by key, in one directory of at most about `max_bytes`.

    No method raises because of the file system: what cannot be read is a miss, what cannot be written is not
    kept.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES, enabled: bool = True
    ):
        self.directory = Path(directory)
        self.max_bytes = max_bytes
        self.enabled = enabled
        self._writes = 0

    def get(self, key: str) -> bytes | None:
        """The content stored under `key`, or None. A damaged entry is removed and counts as absent."""
        if not self.enabled:
            return None
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _warn_once(self.directory, error)
            return None
        content = memoryview(data)[_HEADER:]
        if data[:_HEADER] != _header(key, content):
            _remove(path)
            return None
        try:
            os.utime(path)  # the least recently used entries go first
        except OSError:
            pass
        return bytes(content)

    def put(self, key: str, content: bytes) -> bool:
        """Store `content`; tells whether it was kept. Another process may write the same entry meanwhile."""
        if not self.enabled or len(content) + _HEADER > self.max_bytes:
            return False
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_atomically(path, _header(key, content), content)
        except OSError as error:
            _warn_once(self.directory, error)
            return False
        self._writes += 1
        if self._writes % _TRIM_EVERY == 1:
            self.trim()
        return True

    def trim(self) -> int:
        """Remove least recently used entries until the size is within the limit; gives the bytes removed."""
        entries = self._entries()
        size = sum(size for _, size, _ in entries)
        if size <= self.max_bytes:
            return 0
        removed = 0
        for _, entry_size, path in sorted(entries):
            if size - removed <= self.max_bytes * _TRIM_TO:
                break
            removed += entry_size if _remove(path) else 0
        return removed

    def size(self) -> int:
        """Bytes that the entries take."""
        return sum(size for _, size, _ in self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def clear(self) -> int:
        """Remove all entries; gives how many there were."""
        return sum(_remove(path) for _, _, path in self._entries())

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"a cache key is 64 hex digits, not {key!r}; make it with cache_key()")
        return self.directory / key[:2] / (key[2:] + _SUFFIX)

    def _entries(self) -> list[tuple[float, int, Path]]:
        """(last use, size, path) of every entry, and of temporary files that a killed process left."""
        found = []
        try:
            paths = [p for p in self.directory.glob("??/*") if p.suffix in (_SUFFIX, ".tmp")]
        except OSError:
            return []
        for path in paths:
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((stat.st_mtime, stat.st_size, path))
        return found


def _header(key: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(bytes.fromhex(key))  # the key too: an entry under a wrong name is no hit
    digest.update(content)
    return _MAGIC + digest.digest()


def _write_atomically(path: Path, *parts: bytes) -> None:
    """A reader sees the old file or the whole new one, never a part."""
    handle, temporary = tempfile.mkstemp(prefix=path.stem[:16] + "-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
        os.replace(temporary, path)
    except BaseException:
        _remove(Path(temporary))
        raise


def _remove(path: Path) -> bool:
    try:
        path.unlink()
        return True
    except OSError:
        return False  # gone already, or not ours to remove


def _warn_once(directory: Path, error: OSError) -> None:
    global _warned
    with _lock:
        if _warned:
            return
        _warned = True
    warnings.warn(
        f"the compile cache in {directory} cannot be used ({error.strerror or error}); programs are compiled "
        f"anew in each process. Set AXIL_CACHE_DIR to a writable directory, or AXIL_CACHE=0 to silence this.",
        RuntimeWarning,
        stacklevel=4,
    )


def _limit() -> int:
    text = os.environ.get("AXIL_CACHE_SIZE", "")
    return int(text) if text.isdigit() else MAX_BYTES
