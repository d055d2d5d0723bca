"""Axil: composable transformations of functions over NumPy-like arrays, compiled by MLIR and IREE.

    import axil
    import axil.numpy as np

    loss = lambda w, x, y: np.mean((x @ w - y) ** 2)
    step = axil.jit(axil.value_and_grad(loss))

Names are handed out on first use (PEP 562), so that `axil.runtime`, which lives inside this package, works
where the frontend and the compiler are not installed.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "config": ["disable_jit", "enable_x64"],
    "array_methods": ["Array"],
    "custom_derivatives": ["custom_jvp", "custom_vjp"],
    "differentiation": ["grad", "jvp", "linearize", "value_and_grad", "vjp"],
    "jacobians": ["hessian", "jacfwd", "jacrev"],
    "compilation": ["ShapeDtypeStruct", "clear_caches", "eval_shape", "jit", "make_ir"],
    "placement": ["block_until_ready", "device_get", "device_put"],
    "runtime": ["Device", "device_count", "devices", "local_device_count", "local_devices"],
    "tree": ["tree_map"],
    "vectorization": ["vmap"],
    "checkpoint": ["remat"],
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = (
    "aot", "checkpoint", "config", "core", "dlpack", "dtypes", "errors", "flatten_util", "image", "lax", "nn", "numpy",
    "ops", "random", "runtime", "scipy", "tree", "tree_util", "typing",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"axil.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"axil.{name}")
    else:
        raise AttributeError(f"module 'axil' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOME, *_MODULES, "__version__"])
