"""What the Python array API standard asks of a library: its dtypes, devices and limits.

https://data-apis.org/array-api/2024.12
"""

from __future__ import annotations

from typing import Any

import numpy as np

from axil import dtypes
from axil.config import config

SUPPORTED_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
"""Versions of the standard that `x.__array_namespace__(api_version=...)` takes."""

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_GROUPS = {
    "integral": ("signed integer", "unsigned integer"),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}
_DOUBLE = ("int64", "uint64", "float64", "complex128")


class NamespaceInfo:
    """What `__array_namespace_info__()` gives."""

    def capabilities(self) -> dict[str, Any]:
        """What works under `jit` too. (Outside of it, arrays can be indexed by booleans.)"""
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": 64}

    def default_device(self) -> Any:
        """The device that arrays are made on."""
        from axil.runtime import default_device

        return default_device()

    def devices(self) -> list[Any]:
        """Devices that arrays can be on."""
        return [self.default_device()]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """The dtypes that numbers of Python get."""
        return {
            "real floating": dtypes.default_float_dtype(),
            "complex floating": dtypes.default_complex_dtype(),
            "integral": dtypes.default_int_dtype(),
            "indexing": dtypes.default_int_dtype(),
        }

    def dtypes(self, *, device: Any = None, kind: str | tuple[str, ...] | None = None) -> dict[str, np.dtype]:
        """The standard's dtypes by name, of one kind or of several. Those of 64 bits are there with `enable_x64`."""
        wanted = (*_GROUPS["numeric"], "bool") if kind is None else (kind,) if isinstance(kind, str) else kind
        kinds = [k for w in wanted for k in _GROUPS.get(w, (w,))]
        unknown = [k for k in kinds if k not in _KINDS]
        if unknown:
            raise ValueError(f"unknown kinds of dtype {unknown}; there are {', '.join([*_KINDS, *_GROUPS])}")
        names = [name for k in kinds for name in _KINDS[k]]
        return {name: np.dtype(name) for name in names if config.enable_x64 or name not in _DOUBLE}


def __array_namespace_info__() -> NamespaceInfo:
    """The array API standard's questions about this library, answered."""
    return NamespaceInfo()
