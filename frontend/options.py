"""The table of options: for each its default, what values it takes, and what it changes.

`axil.config` is what reads and sets them. To add an option, add an entry to `OPTIONS` and, for readers and type
checkers, an annotated attribute to `Config`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"config option {name} takes True or False, got {value!r}")
    return value


def _boolean_of_text(name: str, text: str) -> bool:
    """An unreadable text is an error, never silently false."""
    word = text.strip().lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off"):
        return False
    raise ValueError(f"{text!r} is not a boolean; use 1 or 0")


def _same_text(name: str, text: str) -> str | None:
    return None if text.strip().lower() in ("none", "null") else text.strip()


@dataclass(frozen=True)
class Option:
    """One option.

    `check(name, value)` gives the value as it is kept, or raises; `read(name, text)` reads an environment variable.
    `traced`: it changes what is traced, and so a jitted function has a program for each value. `watched`: a jitted
    function must look at each call while it differs from its default. `module` is imported when the option first
    differs from its default, and its `activate(option, active)` is called whenever that begins or ends. `apply(value)`
    does what a change for the whole process asks for; such an option has no value of one thread.
    """

    default: Any
    check: Callable[[str, Any], Any]
    read: Callable[[str, str], Any]
    summary: str
    traced: bool = False
    watched: bool = False
    module: str = ""
    apply: Callable[[Any], None] | None = None
    variable: str = ""


def flag(summary: str, default: bool = False, **more: Any) -> Option:
    """An option that is on or off."""
    return Option(default, _boolean, _boolean_of_text, summary, **more)


def only(value: Any, reason: str) -> Option:
    """An option of JAX's whose one value is what Axil does anyway: others are refused with the reason."""

    def check(name: str, given: Any) -> Any:
        if type(given) is not type(value) or given != value:
            raise ValueError(f"config option {name} can only be {value!r}: {reason}; got {given!r}")
        return value

    read = _boolean_of_text if isinstance(value, bool) else _same_text
    return Option(value, check, read, f"Always {value!r}: {reason}.")


def choice(
    summary: str, default: Any, values: Sequence[Any], refused: dict[str, str] | None = None, **more: Any
) -> Option:
    """An option with one of several values (None among them where that is the default)."""

    def check(name: str, value: Any) -> Any:
        if refused and isinstance(value, str) and value in refused:
            raise ValueError(f"config option {name} cannot be {value!r}: {refused[value]}")
        if (value is None and default is None) or (isinstance(value, str) and value in values):
            return value
        allowed = ", ".join(map(repr, [None, *values] if default is None else values))
        raise ValueError(f"config option {name} takes one of {allowed}; got {value!r}")

    return Option(default, check, _same_text, summary, **more)


# ---- options that are not simple choices ---------------------------------------------------------------


def _default_device(name: str, value: Any) -> Any:
    """The device of the process, by itself or by its platform's name: arrays live there and nowhere else."""
    from axil.runtime import Device, default_device

    if value is None:
        return None
    if not isinstance(value, (Device, str)):
        raise ValueError(
            f"config option {name} takes a device (axil.devices()[0]) or a platform's name ('cpu'), got {value!r}"
        )
    device = default_device()
    if value is device or isinstance(value, str) and value.lower() in (device.platform, str(device)):
        return device
    raise ValueError(
        f"config option {name}: arrays of this process live on {device}, and cannot be moved to {value}; set "
        f"AXIL_PLATFORM before the process starts to compute elsewhere"
    )


def _choose_platform(value: str | None) -> None:
    """Let the process use a platform: possible until the first array is on a device."""
    from axil.runtime.devices import current_default, devices
    from axil.runtime.errors import DeviceError

    names = [n.strip() for n in (value or "").split(",") if n.strip()]
    used = current_default()
    for name in names:
        try:
            found = devices(name)[0]
        except DeviceError:
            if name == names[-1]:
                raise
            continue
        if used is not None and found is not used:
            raise ValueError(f"the platform cannot become {name!r}: arrays of this process are on {used} already")
        os.environ["AXIL_PLATFORM"] = name
        return


def _text_or_none(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"config option {name} takes a text or None, got {value!r}")
    return None if value is None else os.fspath(value)


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"config option {name} takes an integer, got {value!r}")
    return value


def _everything_is_kept(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value > 0:
        raise ValueError(f"config option {name} can only be 0: every compiled program is kept; got {value!r}")
    return 0


def _set_variable(variable: str, text: Callable[[Any], str | None]) -> Callable[[Any], None]:
    def apply(value: Any) -> None:
        written = text(value)
        if written is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = written

    return apply


def _log_level(value: str) -> None:
    import logging

    logging.getLogger("axil").setLevel(value.upper())


_GUARD = ("allow", "log", "disallow", "log_explicit", "disallow_explicit")
_ALGORITHM = "products are computed in the precision of their operands; convert them with astype instead"
_ALGORITHMS = (
    "F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16", "BF16_BF16_F32", "BF16_BF16_F32_X3", "BF16_BF16_F32_X6",
    "BF16_BF16_F32_X9", "TF32_TF32_F32", "TF32_TF32_F32_X3", "ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM",
    "ANY_F8_ANY_F8_ANY", "ANY_F8_ANY_F8_ANY_FAST_ACCUM",
)  # fmt: skip

OPTIONS: dict[str, Option] = {
    "enable_x64": flag("Keep 64-bit types; else they become their 32-bit counterparts on entry.", traced=True),
    "disable_jit": flag("Run jit, scan, cond, while_loop, fori_loop and map op by op in Python.", watched=True),
    "debug_nans": flag(
        "Raise FloatingPointError at the first operation that makes a NaN, with the user's line.",
        watched=True, module="axil.nan_checks",
    ),
    "debug_infs": flag("The same for infinities.", watched=True, module="axil.nan_checks"),
    "log_compiles": flag("Log each tracing and each compilation as a warning, with the time it took."),
    "explain_cache_misses": flag("Log why a jitted function had to be traced and compiled again."),
    "check_tracer_leaks": flag("Raise where a traced value outlives its trace, and say what holds it.", traced=True),
    "debug_key_reuse": flag(
        "Raise KeyReuseError where a random key is used twice.", traced=True, watched=True, module="axil.key_reuse"
    ),
    "enable_checks": flag("Verify programs between all passes of the compiler.",
                          module="axil.internal_checks"),
    "no_tracing": flag("Refuse to trace: every jitted function must have its program already."),
    "no_execution": flag("Refuse to run operations and compiled programs.", watched=True, module="axil.nan_checks"),
    "enable_custom_prng": flag("`random.PRNGKey` makes typed keys, as `random.key` does.", traced=True),
    "legacy_prng_key": choice(
        "What happens where a raw key is used as a key: allow, warn or error.", "allow", ("allow", "warn", "error"),
        traced=True,
    ),
    "default_prng_impl": choice(
        "The generator of keys that name none.", "threefry2x32",
        ("threefry2x32", "threefry4x32", "rbg", "unsafe_rbg", "philox2x32", "philox4x32"), traced=True,
    ),
    "threefry_partitionable": only(True, "each element is the hash of its position, so arrays can be drawn in parts"),
    "numpy_rank_promotion": choice(
        "Broadcasting of arrays of different rank: allow, warn or raise.", "allow", ("allow", "warn", "raise"),
        traced=True,
    ),
    "numpy_dtype_promotion": choice(
        "Promotion of dtypes: standard, or strict, where only weak types are promoted.", "standard",
        ("standard", "strict"), traced=True,
    ),
    "default_matmul_precision": choice(
        "The least precision of products. They have the full one of their operands on all platforms, so this changes "
        "nothing.", None,
        ("default", "high", "highest", "bfloat16", "tensorfloat32", "float32", "F32_F32_F32", "F64_F64_F64"),
        refused=dict.fromkeys(_ALGORITHMS, _ALGORITHM), traced=True,
    ),
    "default_device": Option(None, _default_device, _same_text, "The device where arrays live: that of the process."),
    "transfer_guard_host_to_device": choice(
        "What happens where a NumPy array or a Python number becomes an array without being asked to.", None, _GUARD,
        watched=True, module="axil.transfers",
    ),
    "transfer_guard_device_to_host": choice(
        "What happens where an array is copied from a device to the host. (None is on a CPU.)", None, _GUARD,
        watched=True, module="axil.transfers",
    ),
    "transfer_guard_device_to_device": choice(
        "What happens where an array is copied between devices, of which a process has one.", None, _GUARD,
    ),
    "array_garbage_collection_guard": choice(
        "Whether to report arrays in reference cycles, whose memory waits for Python's collector.", None,
        ("allow", "log", "fatal"), module="axil.array_cycles",
    ),
    "softmax_custom_jvp": only(True, "the derivative of softmax uses its result"),
    "thread_guard": only(False, "arrays and compiled functions may be used from all threads"),
    "traceback_filtering": choice(
        "Frames of Axil's are shown in tracebacks; messages name the user's line.", "off", ("off",),
        refused=dict.fromkeys(("auto", "tracebackhide", "remove_frames", "quiet_remove_frames"),
                              "tracebacks are not filtered; each message names your line"),
    ),
    "cpu_enable_async_dispatch": only(False, "a compiled program has run when its call returns"),
    "logging_level": choice(
        "The level of the logger 'axil'.", "NOTSET", ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        apply=_log_level,
    ),
    "platforms": Option(None, _text_or_none, _same_text, "The platform where arrays live, or several to try.",
                        apply=_choose_platform),
    "platform_name": Option(None, _text_or_none, _same_text, "The same as `platforms`.", apply=_choose_platform),
    "compilation_cache_dir": Option(
        None, _text_or_none, _same_text, "Where compiled programs are kept on disk.", variable="AXIL_CACHE_DIR",
        apply=_set_variable("AXIL_CACHE_DIR", lambda value: value),
    ),
    "enable_compilation_cache": flag(
        "Keep compiled programs on disk.", True, variable="AXIL_CACHE",
        apply=_set_variable("AXIL_CACHE", lambda value: "1" if value else "0"),
    ),
    "compilation_cache_max_size": Option(
        -1, _integer, lambda name, text: int(text), "Bytes of programs on disk; -1 for the default of 2 GiB.",
        variable="AXIL_CACHE_SIZE",
        apply=_set_variable("AXIL_CACHE_SIZE", lambda value: None if value < 0 else str(value)),
    ),
    "persistent_cache_min_compile_time_secs": Option(
        0, _everything_is_kept, lambda name, text: float(text), "Always 0: every compiled program is kept."
    ),
    "persistent_cache_min_entry_size_bytes": Option(
        0, _everything_is_kept, lambda name, text: int(text), "Always 0: every compiled program is kept."
    ),
}  # fmt: skip
"""Every option by name."""

REFUSED = {
    "num_cpu_devices": "a process has one CPU device, which uses all cores",
    "use_shardy_partitioner": "there is no other partitioner",
    "cpu_collectives_implementation": "collectives between processes are not there",
    "dump_ir_to": "print a program with f.lower(...).as_text(), or run axil opt on a file",
    "enable_pgle": "this is a setting of XLA for GPUs",
    "optimization_level": "this is a setting of XLA",
    "exec_time_optimization_effort": "this is a setting of XLA",
    "memory_fitting_effort": "this is a setting of XLA",
    "xla_backend": "programs are compiled by IREE; set AXIL_PLATFORM to choose where they run",
    "cuda_visible_devices": "set CUDA_VISIBLE_DEVICES before the process starts",
    "include_full_tracebacks_in_locations": "an operation's location is the user's innermost line",
    "distributed_debug": "there is one process",
}
"""Options of JAX's that have no meaning here, with the reason or the way out."""
