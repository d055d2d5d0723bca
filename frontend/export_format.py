"""Exported functions as bytes, and back.

    AXILEXP1 | length of the header (u64) | header (JSON) | module (MLIR text) | constants (safetensors) | SHA-256

The header has the signature and the lengths of what follows. The hash is of all bytes before it, so that damage is
found before anything is used. (It guards against damage, not against malice: read only what you trust.)
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, NamedTuple

import numpy as np

from axil.avals_of import ShapedArray
from axil.export_trees import describe_structure, structure_of
from axil.runtime.artifact import read_safetensors
from axil.runtime.errors import ArtifactError, IncompatibleArtifactError
from axil.runtime.signature import dtype_named

MAGIC = b"AXILEXP1"
VERSION = 1
_HASH = 32


class Content(NamedTuple):
    """What an exported function consists of."""

    fun_name: str
    in_tree: Any
    in_avals: tuple[ShapedArray, ...]
    out_tree: Any
    out_avals: tuple[ShapedArray, ...]
    platforms: tuple[str, ...]
    disabled_checks: tuple[str, ...]
    vjp_order: int
    module: str
    constants: tuple[np.ndarray, ...]


def write(content: Content) -> bytes:
    """The bytes of an exported function."""
    from axil import __version__
    from axil.compiler.artifact import safetensors

    module = content.module.encode()
    constants = safetensors({f"constant_{i}": x for i, x in enumerate(content.constants)})
    header = {
        "version": VERSION, "axil": __version__, "fun_name": content.fun_name,
        "in_tree": describe_structure(content.in_tree), "out_tree": describe_structure(content.out_tree),
        "in_avals": [_aval_json(a) for a in content.in_avals], "out_avals": [_aval_json(a) for a in content.out_avals],
        "platforms": list(content.platforms), "disabled_checks": list(content.disabled_checks),
        "vjp_order": content.vjp_order, "module": len(module), "constants": len(constants),
        "count": len(content.constants),
    }  # fmt: skip
    text = json.dumps(header, sort_keys=True).encode()
    body = b"".join([MAGIC, struct.pack("<Q", len(text)), text, module, constants])
    return body + hashlib.sha256(body).digest()


def read(data: bytes) -> Content:
    """An exported function from its bytes. Raises `ArtifactError` where they are damaged or something else."""
    if not data.startswith(MAGIC[:7]):
        raise ArtifactError("these bytes are no exported function of Axil's: they do not begin with AXILEXP")
    if not data.startswith(MAGIC):
        raise IncompatibleArtifactError(f"the exported function has a later format, {data[:8]!r}; update axil")
    body, digest = data[:-_HASH], data[-_HASH:]
    if len(data) < len(MAGIC) + 8 + _HASH or hashlib.sha256(body).digest() != digest:
        raise ArtifactError("the exported function is damaged: its content does not match its hash. Copy it again")
    (length,) = struct.unpack_from("<Q", body, len(MAGIC))
    start = len(MAGIC) + 8
    header = json.loads(body[start : start + length])
    if header["version"] != VERSION:
        raise IncompatibleArtifactError(
            f"the exported function has format version {header['version']}; this axil reads version {VERSION}"
        )
    start += length
    module = body[start : start + header["module"]].decode()
    found = read_safetensors(body[start + header["module"] :])
    return Content(
        header["fun_name"], structure_of(header["in_tree"]), tuple(map(_aval, header["in_avals"])),
        structure_of(header["out_tree"]), tuple(map(_aval, header["out_avals"])), tuple(header["platforms"]),
        tuple(header["disabled_checks"]), header["vjp_order"], module,
        tuple(found[f"constant_{i}"] for i in range(header["count"])),
    )  # fmt: skip


def _aval_json(of: ShapedArray) -> dict[str, Any]:
    return {"shape": list(of.shape), "dtype": np.dtype(of.dtype).name, "weak": of.weak_type}


def _aval(value: Any) -> ShapedArray:
    return ShapedArray(tuple(value["shape"]), dtype_named(value["dtype"]), value["weak"])


__all__ = ["Content", "VERSION", "read", "write"]
