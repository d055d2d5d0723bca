"""Writing artifacts: compiled programs, their signature and weights into one `.axil` file.

    write("digits.axil", name="predict", programs={target: vmfb}, signature=signature, weights={"w": w})

The same input gives the same bytes (fixed times, sorted names, no compression), and the file appears whole or
not at all. `axil.runtime.artifact` describes the format and reads it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from axil.compiler.driver import versions
from axil.compiler.targets import Target
from axil.runtime.artifact import _SAFE_DTYPES, FORMAT, MANIFEST, SEAL, SEAL_SIZE
from axil.runtime.errors import AxilError
from axil.runtime.signature import Signature

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_SAFE_NAMES = {name: code for code, name in _SAFE_DTYPES.items()}


def write(
    path: str | os.PathLike[str],
    *,
    name: str,
    programs: Mapping[Target, bytes],
    signature: Signature,
    weights: Mapping[str, np.ndarray[Any, Any]] | None = None,
    source: str = "",
    cost: float | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write an artifact to `path`, replacing what is there. Gives the path.

    `programs` maps each target to its vmfb; every program takes the weights, in their order, then the leaves
    of `signature`. `cost` estimates the work of a call (see `Executable`). `source` is IR text for readers.
    """
    path = Path(path)
    data = pack(
        name=name,
        programs=programs,
        signature=signature,
        weights=weights,
        source=source,
        cost=cost,
        metadata=metadata,
    )
    handle, temporary = tempfile.mkstemp(prefix=path.name[:32] + "-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes it private; an artifact is for others too
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def pack(
    *,
    name: str,
    programs: Mapping[Target, bytes],
    signature: Signature,
    weights: Mapping[str, np.ndarray[Any, Any]] | None = None,
    source: str = "",
    cost: float | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of an artifact; see `write`."""
    if not programs:
        raise AxilError(f"artifact {name!r}: give a program for one target at least")
    weights = weights or {}
    files: dict[str, bytes] = {}
    targets = []
    for target, vmfb in sorted(programs.items(), key=lambda item: item[0].name):
        file = f"programs/{_file_name(target.name)}.vmfb"
        files[file] = vmfb
        targets.append(_target_json(target, file, vmfb))
    if weights:
        files["weights.safetensors"] = safetensors(weights)
    if source:
        files["source.mlir"] = source.encode()
    manifest = {
        "format": FORMAT,
        "name": name,
        "signature": signature.to_json(),
        "targets": targets,
        "weights": {"file": "weights.safetensors", "order": list(weights)},
        "cost": cost,
        "versions": versions(),
        "metadata": dict(metadata or {}),
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    }
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    return _seal({MANIFEST: text, **dict(sorted(files.items()))})


def safetensors(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Arrays in the `.safetensors` format (complex128 and the like under codes of our own: C128)."""
    header: dict[str, Any] = {}
    parts = []
    offset = 0
    for name, array in arrays.items():
        array = np.asarray(array, order="C")
        code = _SAFE_NAMES.get(array.dtype.name)
        if code is None:
            raise AxilError(f"weight {name!r}: arrays of dtype {array.dtype} cannot be stored")
        content = array.tobytes()
        header[name] = {
            "dtype": code,
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(content)],
        }
        parts.append(content)
        offset += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def _target_json(target: Target, file: str, vmfb: bytes) -> dict[str, Any]:
    return {
        "name": target.name,
        "file": file,
        "sha256": hashlib.sha256(vmfb).hexdigest(),
        "platform": target.platform,
        "arch": target.arch,
        "cpu_features": sorted(target.cpu_features),
    }


def _seal(files: Mapping[str, bytes]) -> bytes:
    """A stored zip of `files` whose comment is the SHA-256 of everything before it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file, content in files.items():
            info = zipfile.ZipInfo(file, _EPOCH)
            info.create_system = 3  # the same bytes on every operating system
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
        archive.comment = b"\0" * SEAL_SIZE  # keeps its place; the zip records the comment's length
    body = buffer.getvalue()[:-SEAL_SIZE]
    return body + SEAL + hashlib.sha256(body).hexdigest().encode()


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
