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

from axil.version import __version__, __version_info__  # noqa: F401

_NAMES = {
    "config": [
        "array_garbage_collection_guard", "check_tracer_leaks", "checking_leaks", "debug_infs", "debug_key_reuse",
        "debug_nans", "default_device", "default_matmul_precision", "default_prng_impl", "disable_jit",
        "enable_checks", "enable_custom_prng", "enable_x64", "explain_cache_misses", "legacy_prng_key",
        "log_compiles", "no_execution", "no_tracing", "numpy_dtype_promotion", "numpy_rank_promotion",
        "softmax_custom_jvp", "thread_guard", "threefry_partitionable", "transfer_guard",
        "transfer_guard_device_to_device", "transfer_guard_device_to_host", "transfer_guard_host_to_device",
    ],
    "scopes": ["ensure_compile_time_eval", "named_call", "named_scope"],
    "memory_profile": ["live_arrays"],
    "environment": [
        "default_backend", "host_count", "host_id", "host_ids", "print_environment_info", "process_count",
        "process_index", "process_indices",
    ],
    "array_methods": ["Array"],
    "custom_derivatives": ["closure_convert", "custom_gradient", "custom_jvp", "custom_vjp"],
    "differentiation": ["grad", "value_and_grad"],
    "forward_mode": ["jvp"],
    "linear_maps": ["fwd_and_bwd", "linear_transpose", "linearize", "vjp"],
    "jacobians": ["hessian", "jacfwd", "jacobian", "jacrev"],
    "jitted": ["clear_caches", "jit"],
    "abstract_evaluation": ["eval_shape", "make_ir", "make_jaxpr"],
    "avals_of": ["typeof"],
    "shape_structs": ["ShapeDtypeStruct"],
    "dtypes": ["float0"],
    "placement": ["block_until_ready", "copy_to_host_async", "device_get", "device_put"],
    "runtime": ["Device", "device_count", "devices", "local_device_count", "local_devices"],
    "tree": ["tree_map"],
    "vectorization": ["vmap"],
    "callbacks": ["effects_barrier", "pure_callback"],
    "checkpoint": ["remat"],
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = (
    "ad_checkpoint", "aot", "checkpoint", "checkpoint_policies", "config", "core", "custom_batching",
    "custom_derivatives", "debug", "dlpack", "dtypes", "errors", "experimental", "export", "extend", "flatten_util",
    "image", "lax", "monitoring", "nn", "numpy", "ops", "profiler", "random", "runtime", "scipy", "stages",
    "test_util", "testing", "tree", "tree_util", "typing", "version",
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
    return sorted([*_HOME, *_MODULES, "__version__", "__version_info__"])
