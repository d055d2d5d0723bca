"""`axil.scipy`: the functions of SciPy that JAX has, on Axil's arrays.

Submodules are imported on first use (PEP 562): `import axil; axil.scipy.linalg.expm(a)` works.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = (
    "cluster", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "spatial",
    "special", "stats",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'axil.scipy' has no attribute {name!r}")
    module = globals()[name] = importlib.import_module(f"axil.scipy.{name}")
    return module


def __dir__() -> list[str]:
    return sorted(_MODULES)
