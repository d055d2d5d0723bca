"""The pipeline: which passes a program goes through, from what the frontend traced to IREE bytecode."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from axil.compiler import cost
from axil.compiler.cache import cache_key, default_cache
from axil.compiler.driver import check_ready, compile_module, hand_over
from axil.compiler.functions import Functions
from axil.compiler.passes import (  # noqa: F401  (registers the passes)
    carry_small_types,
    expand,
    guard_inputs,
    lower,
    separate_transposes,
    separate_updates,
    simplify,
    update_in_place,
)
from axil.compiler.passes.passes import Pass, run_pipeline
from axil.compiler.targets import Target

TRANSFORM: tuple[str, ...] = ("axil-expand", "axil-inline", "symbol-dce", "axil-simplify", "cse")
"""From derived functions to one function of first-order ops and control combinators."""

STAGES = ("traced", "expanded", "stablehlo")
"""Where `lower(...).as_text(stage)` can look."""


@dataclass
class Compiled:
    """A compiled program and what was learned on the way."""

    vmfb: bytes
    cost: float
    seconds: dict[str, float] = field(default_factory=dict)
    cached: bool = False
    source: str = ""


def lowering_passes(target: Target, donate: tuple[int, ...]) -> list[Pass | str]:
    """The passes from first-order ops to what IREE takes."""
    return [
        lower.LowerToStablehlo(platform=target.platform),
        carry_small_types.CarrySmallTypes(),
        "cse",
        *([separate_transposes.SeparateTransposes()] if target.platform == "cpu" else []),
        separate_updates.SeparateUpdates(),
        *([update_in_place.UpdateInPlace(donate=donate)] if target.platform == "cpu" and donate else []),
        guard_inputs.GuardInputs(donate=donate),
    ]


def transform(module: Any) -> None:
    """Expand and simplify a module in place."""
    run_pipeline(module, list(map(_parsed, TRANSFORM)))


def _parsed(text: str) -> Any:
    from axil.compiler.passes.passes import parse_pass

    return parse_pass(text)


def text_of(module: Any) -> str:
    """A module as text, without locations: what the cache's key and people read."""
    operation = module.operation if hasattr(module, "operation") else module
    return operation.get_asm(assume_verified=True)


def compile_program(
    module: Any,
    target: Target,
    donate: tuple[int, ...] = (),
    name: str = "main",
    on_lowered: Callable[[Any], None] | None = None,
) -> Compiled:
    """Compile a traced module (with a public @main) in place, or take the result from the cache.

    Raises `CompileError` with the user's line where IREE refuses the program.
    """
    started = time.perf_counter()
    transform(module)
    expanded = time.perf_counter()
    work = cost.estimate(Functions(module), "main")
    run_pipeline(module, lowering_passes(target, donate))
    if on_lowered is not None:
        on_lowered(module)
    text = text_of(module)
    lowered = time.perf_counter()
    key = cache_key(text.encode(), passes=TRANSFORM, target=target, extra=(repr(donate),))
    cache = default_cache()
    vmfb = cache.get(key)
    cached = vmfb is not None
    if vmfb is None:
        check_ready(module)
        vmfb = compile_module(hand_over(module, target), target, name=name)
        cache.put(key, vmfb)
    done = time.perf_counter()
    seconds = {"transform": expanded - started, "lower": lowered - expanded, "iree": done - lowered}
    return Compiled(vmfb, work, seconds, cached, text)
