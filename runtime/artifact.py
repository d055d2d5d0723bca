"""Artifacts: `.axil` files, compiled programs that run without a compiler.

    predict = load("digits.axil")
    logits = predict(images)

An artifact is a zip file, so that any tool can look into it:

    manifest.json          format, name, signature, targets, weights, versions, and the SHA-256 of each other
    file programs/<target>.vmfb one compiled program for each target weights.safetensors    constants of the
    program, passed as its first arguments (absent where there are none) source.mlir            the program
    before lowering, for people and for tools

It ends in a seal: the zip comment holds the SHA-256 of all bytes before it. A file with a single wrong bit,
or a piece missing, is refused before anything in it is used. So is one whose program needs CPU features that
this machine lacks: it would kill the process. (A seal guards against damage, not against malice: load only
what you trust.)
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from axil.runtime import tree as trees
from axil.runtime.buffers import SMALL_TYPES, DeviceBuffer, borrow, detach, to_device, to_host
from axil.runtime.cpu import host_arch, host_features, missing_features
from axil.runtime.devices import Device, default_device
from axil.runtime.errors import ArtifactError, IncompatibleArtifactError
from axil.runtime.executable import Executable
from axil.runtime.signature import Signature, dtype_named

FORMAT = 1
SEAL = b"axil-seal-sha256:"
SEAL_SIZE = len(SEAL) + 64
MANIFEST = "manifest.json"
_SAFE_DTYPES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8",
    "U16": "uint16", "U32": "uint32", "U64": "uint64", "F16": "float16", "BF16": "bfloat16",
    "F32": "float32", "F64": "float64", "C64": "complex64", "C128": "complex128",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip
# Other small types have codes of our own: each element has a byte, where the format's would pack them.
_SAFE_DTYPES |= {f"AXIL_{d.name.upper()}": d.name for d in SMALL_TYPES if d.name not in _SAFE_DTYPES.values()}


@dataclass(frozen=True)
class TargetEntry:
    """A program in an artifact: the target's `name`, the file, and what a machine needs to run it."""

    name: str
    file: str
    sha256: str
    platform: str
    arch: str
    cpu_features: tuple[str, ...]


class Artifact:
    """An opened and verified artifact, not yet loaded on a device: `axil inspect` shows these.

    `name`, `signature`, `targets`, `weight_names`, `versions`, `metadata`, `cost`, `manifest` (the JSON
    value).
    """

    def __init__(self, data: bytes, path: str):
        self.path = path
        check_seal(data, path)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self.manifest: dict[str, Any] = json.loads(self._zip.read(MANIFEST))
            self._read_manifest()
        except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ArtifactError):
                raise
            raise ArtifactError(f"{path} is no Axil artifact, or a damaged one: {error}") from error

    def _read_manifest(self) -> None:
        manifest = self.manifest
        if manifest.get("format") != FORMAT:
            raise IncompatibleArtifactError(
                f"{self.path} has format {manifest.get('format')!r}; this runtime reads format {FORMAT}. "
                f"Update axil, or compile the artifact anew with this version."
            )
        self.name: str = manifest["name"]
        self.signature = Signature.from_json(manifest["signature"])
        self.targets = tuple(
            TargetEntry(**(entry | {"cpu_features": tuple(entry["cpu_features"])}))
            for entry in manifest["targets"]
        )
        self.weight_names: tuple[str, ...] = tuple(manifest["weights"]["order"])
        self.versions: dict[str, str] = manifest["versions"]
        self.metadata: dict[str, str] = manifest["metadata"]
        self.cost: float | None = manifest["cost"]

    @property
    def source(self) -> str:
        """The program's IR as text, '' where it was left out."""
        return self.read("source.mlir").decode() if "source.mlir" in self.manifest["files"] else ""

    def read(self, file: str) -> bytes:
        """The content of a file in the artifact, checked against its hash."""
        try:
            content = self._zip.read(file)
            wanted = self.manifest["files"][file]
        except (KeyError, zipfile.BadZipFile) as error:
            raise ArtifactError(f"{self.path} lacks {file}: {error}") from error
        if hashlib.sha256(content).hexdigest() != wanted:
            raise ArtifactError(f"{self.path} is damaged: {file} does not have the recorded SHA-256")
        return content

    def weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """The constants by name, in the order the program takes them."""
        if not self.weight_names:
            return {}
        found = read_safetensors(self.read(self.manifest["weights"]["file"]))
        missing = [name for name in self.weight_names if name not in found]
        if missing:
            raise ArtifactError(f"{self.path} lacks the weights {missing}")
        return {name: found[name] for name in self.weight_names}

    def choose(self, device: Device, target: str | None = None) -> TargetEntry:
        """The program for `device` (the one called `target`, where given).

        Raises `IncompatibleArtifactError` with what is missing and the way out.
        """
        entries = [t for t in self.targets if target is None or t.name == target]
        fitting = [t for t in entries if t.platform == device.platform and not self._lacks(t)]
        if not fitting:
            raise IncompatibleArtifactError(self._refusal(device, target, entries))
        kind = device.device_kind.lower()
        return max(fitting, key=lambda t: (t.arch in kind, len(t.cpu_features)))

    @staticmethod
    def _lacks(entry: TargetEntry) -> str:
        """Why this machine cannot run a CPU program, '' where it can."""
        if entry.platform != "cpu":
            return ""
        if entry.arch != host_arch():
            return f"is for {entry.arch}"
        missing = missing_features(entry.cpu_features)
        if not missing:
            return ""
        if not host_features():
            return "needs CPU features, and this operating system does not tell which there are"
        return f"needs the CPU features {', '.join(missing)}"

    def _refusal(self, device: Device, target: str | None, entries: list[TargetEntry]) -> str:
        lines = [f"{self.path} has no program for {device} on this {host_arch()} machine."]
        if target is not None and not entries:
            lines = [f"{self.path} has no target {target!r}; it has {[t.name for t in self.targets]}."]
        for entry in entries:
            reason = self._lacks(entry) or f"is for {entry.platform} devices"
            lines.append(f"  target {entry.name!r} {reason}")
        portable = {"x86_64": "x86-64", "aarch64": "aarch64"}.get(host_arch(), "host")
        way_out = portable if device.platform == "cpu" else device.platform
        lines.append(f"Compile it for this machine: axil compile ... --target {way_out}")
        return "\n".join(lines)


class Program:
    """A loaded artifact: call it with arrays in the recorded structure, get NumPy arrays in that of its
    results.

    Arrays are taken without a copy where possible and never written to. Results are read-only NumPy arrays.
    Safe to call from several threads. `artifact`, `signature`, `device` and `target` tell what it is.
    """

    def __init__(self, artifact: Artifact, device: Device, target: str | None = None):
        self.artifact = artifact
        self.name = artifact.name
        self.signature = artifact.signature
        self.device = device
        self.target = artifact.choose(device, target)
        self._weights = [to_device(w, device) for w in artifact.weights().values()]
        self._executable = Executable(
            artifact.read(self.target.file),
            device=device,
            results=len(self.signature.outputs),
            name=self.name,
            cost=artifact.cost,
        )
        self._weight_views = [w.view for w in self._weights]

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Run the program. Raises `SignatureError` where structure, shape or dtype of an argument is
        another."""
        leaves = self.signature.bind(arguments, keywords, self.name)
        return trees.unflatten(self.signature.results, self.call_flat(leaves))

    def call_flat(self, leaves: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        """Run on the checked leaves of the arguments; gives the leaves of the results."""
        device = self.device
        borrowed: list[DeviceBuffer] = [borrow(leaf, device) for leaf in leaves]
        views = self._executable.invoke(self._weight_views + [b.view for b in borrowed])
        views = detach(views, borrowed, device)
        outputs = self.signature.outputs
        return [to_host(view, device, leaf.shape, leaf.dtype) for view, leaf in zip(views, outputs)]

    def __repr__(self) -> str:
        return f"Program({self.name}{self.signature}, target {self.target.name!r} on {self.device})"


def load(path: str | os.PathLike[str], device: Device | None = None, *, target: str | None = None) -> Program:
    """Load an artifact on `device` (default: the default device), choosing the best program it holds for it.

    Raises `ArtifactError` where the file is damaged or no artifact, `IncompatibleArtifactError` where it
    holds no program for this machine, `FileNotFoundError` where there is none.
    """
    return Program(open_artifact(path), device or default_device(), target)


def open_artifact(path: str | os.PathLike[str]) -> Artifact:
    """Read and verify an artifact without loading it on a device. Raises `ArtifactError` as `load` does."""
    return Artifact(Path(path).read_bytes(), os.fspath(path))


def check_seal(data: bytes, path: str) -> None:
    """Raise `ArtifactError` unless `data` ends in a seal over all that comes before it."""
    body, seal = data[:-SEAL_SIZE], data[-SEAL_SIZE:]
    if not seal.startswith(SEAL) or not data.startswith(b"PK"):
        raise ArtifactError(f"{path} is no Axil artifact, or its end is missing. Compile or copy it again.")
    if seal[len(SEAL) :] != hashlib.sha256(body).hexdigest().encode():
        raise ArtifactError(
            f"{path} is damaged: its content does not match its seal. Compile or copy it again."
        )


def read_safetensors(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a `.safetensors` file as read-only views of `data`. Raises `ArtifactError` if
    malformed."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        header: Mapping[str, Any] = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        found = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            dtype = dtype_named(_SAFE_DTYPES[entry["dtype"]])
            found[name] = np.frombuffer(body[start:end], dtype).reshape(entry["shape"])
        return found
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"malformed weights: {error!r}") from error
