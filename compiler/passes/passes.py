"""Passes and pipelines: named steps over a module, run one after another by MLIR's pass manager.

A pass is a small dataclass: its fields are its options, its docstring is its documentation, and it runs from
`axil-opt` by name: `axil-opt --pass-pipeline="axil-expand,axil-inline,symbol-dce,cse" f.mlir`. Builtin MLIR
passes stand in the same pipeline text. Each pass works on a whole module.
"""

from __future__ import annotations

import dataclasses
import gc
import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from axil.dialects.errors import AttributeValueError
from axil.dialects.mlir import PassManager, context, ir
from axil.runtime import spans

PASSES: dict[str, type[Pass]] = {}
"""Registered passes by name."""


@dataclasses.dataclass
class Pass:
    """Base of all passes; a subclass gives `name`, options as fields, and `run`."""

    name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.name:
            PASSES[cls.name] = cls

    def run(self, module: ir.Operation) -> None:
        """Change the module in place."""
        raise NotImplementedError


def split_pipeline(text: str) -> list[str]:
    """Split a textual pipeline at its top-level commas."""
    text = text.strip()
    if text.startswith("builtin.module(") and text.endswith(")"):
        text = text[len("builtin.module(") : -1]
    parts, depth, current = [], 0, ""
    for ch in text:
        depth += (ch in "({[<") - (ch in ")}]>")
        if ch == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += ch
    return [p.strip() for p in [*parts, current] if p.strip()]


def parse_pass(text: str) -> Pass | str:
    """One entry of a pipeline: a pass of ours with its options, or the text of a builtin pass."""
    match = re.fullmatch(r"([\w.-]+)(?:\{(.*)\})?", text, re.S)
    cls = PASSES.get(match[1]) if match else None
    if match is None or cls is None:
        if match and match[1].startswith("axil-"):
            raise AttributeValueError(f"there is no pass '{match[1]}'; known are {', '.join(sorted(PASSES))}")
        return text
    options = {f.name.replace("_", "-"): f for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for word in (match[2] or "").split():
        key, _, value = word.partition("=")
        if key not in options:
            raise AttributeValueError(
                f"pass '{cls.name}' has no option '{key}'; it has {', '.join(options) or 'none'}"
            )
        try:
            values[options[key].name] = _option(value, options[key])
        except ValueError:
            kind = type(options[key].default).__name__
            raise AttributeValueError(
                f"pass '{cls.name}': option '{key}' takes {_KINDS.get(kind, kind)}, got '{value}'"
            ) from None
    return cls(**values)


_KINDS = {"bool": "true or false", "int": "an integer", "tuple": "integers separated by ';'"}


def _option(text: str, field: dataclasses.Field) -> Any:
    default = field.default
    if isinstance(default, bool):
        if text.lower() not in ("", "1", "true", "0", "false"):
            raise ValueError(text)
        return text.lower() in ("", "1", "true")
    if isinstance(default, int):
        return int(text)
    if isinstance(default, tuple):
        return tuple(int(v) for v in text.split(";") if v)
    return text


def pipeline(passes: str | Sequence[Pass | str], verify: bool = True) -> PassManager:
    """A pass manager that runs the given passes. Needs a current context."""
    entries = [parse_pass(p) for p in split_pipeline(passes)] if isinstance(passes, str) else list(passes)
    manager = PassManager("builtin.module", context=context())
    for entry in entries:
        if isinstance(entry, str):
            manager.add(entry)
        else:
            manager.add(_runner(entry), name=entry.name, argument=entry.name)
    manager.enable_verifier(verify)
    return manager


def _runner(entry: Pass) -> Callable[..., None]:
    def run(op: Any, handle: Any) -> None:
        with spans.span(entry.name, "pass"):
            entry.run(op.operation if hasattr(op, "operation") else op)

    return run


verify_always = False
"""Whether all pipelines verify after each pass: the option `enable_checks`."""


def run_pipeline(module: Any, passes: str | Sequence[Pass | str], verify: bool = False) -> None:
    """Run passes over a module. Errors of rules pass through unchanged, with the location they happened at."""
    with context(), ir.Location.unknown(), no_gc():
        pipeline(passes, verify or verify_always).run(module.operation if hasattr(module, "operation") else module)


@contextmanager
def no_gc() -> Any:
    """Python's collector walks all MLIR handles again and again while a pass makes them: pausing it halves the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
