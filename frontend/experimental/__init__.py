"""What JAX keeps under `experimental`: names are handed out on first use, as in the package itself."""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = ("checkify", "jet", "key_reuse", "ode",)
_NAMES: dict[str, str] = {"io_callback": "callbacks"}
"""Public names of this package, and the module of `axil` that each is in."""


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"axil.{_NAMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"axil.experimental.{name}")
    raise AttributeError(f"module 'axil.experimental' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_NAMES, *_MODULES])
