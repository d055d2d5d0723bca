"""`compiler_options`: the settings of IREE that a user may choose for a program, with the values that they take.

Only what is known to be safe is let through: IREE ends the process on some flags' values. What else there is, such as
the CPU to compile for, is decided by the target table (`axil.compiler.targets`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from axil.compiler.diagnostics import CompileError

_BOOLEAN = (True, False)
OPTIONS: dict[str, tuple[Any, ...]] = {
    "iree-opt-level": ("O0", "O1", "O2", "O3"),
    "iree-opt-data-tiling": _BOOLEAN,
    "iree-opt-const-eval": _BOOLEAN,
    "iree-opt-strip-assertions": _BOOLEAN,
    "iree-opt-aggressively-propagate-transposes": _BOOLEAN,
    "iree-llvmcpu-reassociate-fp-reductions": _BOOLEAN,
    "iree-llvmcpu-debug-symbols": _BOOLEAN,
}
"""The options and the values that each takes."""


class OptionError(CompileError, ValueError):
    """A compiler option that does not exist, or a value that it does not take."""


def flags_of(options: Mapping[str, Any] | None) -> tuple[str, ...]:
    """IREE's flags for a user's options. Raises `OptionError` with the options that there are."""
    return tuple(sorted(_flag(name, value) for name, value in (options or {}).items()))


def _flag(name: str, value: Any) -> str:
    bare = str(name).removeprefix("--").replace("_", "-")
    if bare not in OPTIONS:
        raise OptionError(_unknown(str(name), bare))
    allowed = OPTIONS[bare]
    if allowed is _BOOLEAN and isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"
    if not any(value is v or (isinstance(v, str) and value == v) for v in allowed):
        raise OptionError(f"compiler option {name!r} takes one of {', '.join(map(repr, allowed))}, got {value!r}")
    return f"--{bare}={str(value).lower() if isinstance(value, bool) else value}"


def _unknown(name: str, bare: str) -> str:
    known = f"The options are {', '.join(OPTIONS)}"
    if bare.startswith("xla"):
        return f"compiler option {name!r} is XLA's, and programs are compiled by IREE. {known}"
    near = difflib.get_close_matches(bare, OPTIONS, 1)
    return f"no such compiler option: {name!r}{f'; did you mean {near[0]!r}?' if near else ''} {known}"


__all__ = ["OPTIONS", "OptionError", "flags_of"]
