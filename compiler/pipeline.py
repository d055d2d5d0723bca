"""The pipeline: which passes a program goes through, from what the frontend traced to IREE bytecode."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from axil.compiler import cost
from axil.compiler.cache import cache_key, default_cache
from axil.compiler.driver import AFTERWARDS, PROCESS_FLAGS, check_ready, compile_module, hand_over
from axil.compiler.functions import Functions
from axil.compiler.loops import ONE_DISPATCH
from axil.compiler.passes import (  # noqa: F401  (registers the passes)
    carry_small_types,
    expand,
    guard_inputs,
    lower,
    order_effects,
    prune,
    separate,
    simplify,
    update_in_place,
)
from axil.compiler.passes.passes import Pass, run_pipeline
from axil.compiler.program_arguments import Donations, drop_unused, settle_donations
from axil.compiler.targets import Target
from axil.runtime import events, spans

TRANSFORM: tuple[str, ...] = (
    "axil-expand", "axil-inline", "symbol-dce", "axil-prune", "symbol-dce", "trivial-dce", "axil-simplify",
    "trivial-dce", "cse",
)  # fmt: skip
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
    host_calls: list[Any] = field(default_factory=list)  # functions of the host that the program imports, in order
    count: int = 0  # operands of the traced program
    kept: tuple[int, ...] = ()  # those of them, by position, that the compiled one takes
    donations: Donations = Donations((), ())  # positions in the traced program too
    host_tokens: bool = False  # whether host calls with effects take and give one more tensor, see `order_effects`


def lowering_passes(target: Target, donate: tuple[int, ...], guarded: bool = True) -> list[Pass | str]:
    """The passes from first-order ops to what IREE takes; or to what people read, without the copies that guard it."""
    passes: list[Pass | str] = [
        lower.LowerToStablehlo(platform=target.platform),
        carry_small_types.CarrySmallTypes(),
        separate.Separate(platform=target.platform),
        *([update_in_place.UpdateInPlace(donate=donate)] if target.platform == "cpu" and donate else []),
        order_effects.OrderEffects(),
    ]
    if guarded:
        passes.append(guard_inputs.GuardInputs(donate=donate))
    return passes


def transform(module: Any) -> None:
    """Expand and simplify a module in place."""
    run_pipeline(module, list(map(_parsed, TRANSFORM)))


def _parsed(text: str) -> Any:
    from axil.compiler.passes.passes import parse_pass

    return parse_pass(text)


def _report(name: str, seconds: dict[str, float], cached: bool) -> None:
    """Tell listeners what compiling took, and whether the disk cache had the program."""
    prefix = "/axil/core/compile/"
    events.record_event_duration_secs(f"{prefix}transform_duration", seconds["transform"], fun_name=name)
    events.record_event_duration_secs(f"{prefix}lower_duration", seconds["lower"], fun_name=name)
    events.record_event_duration_secs(f"{prefix}backend_compile_duration", seconds["iree"], fun_name=name)
    events.record_event("/axil/compilation_cache/" + ("cache_hits" if cached else "cache_misses"))
    spans.ended(f"read {name} from the disk cache" if cached else f"IREE {name}", "iree", seconds["iree"])


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
    keep_unused: bool = True,
    flags: tuple[str, ...] = (),
) -> Compiled:
    """Compile a traced module (with a public @main) in place, or take the result from the cache.

    `donate` are the positions of arguments that may be overwritten. Unless `keep_unused`, the compiled program does
    not take the arguments that it does not need. `flags` are further flags for IREE (`axil.compiler.options`).
    Raises `CompileError` with the user's line where IREE refuses the program.
    """
    started = time.perf_counter()
    transform(module)
    expanded = time.perf_counter()
    functions = Functions(module)
    count = len(functions.signature("main").inputs)
    kept = tuple(range(count)) if keep_unused else drop_unused(module)
    donations = settle_donations(module, [kept.index(i) for i in donate if i in kept])
    costs: dict[str, float] = {}
    work = cost.estimate(functions, "main", costs)
    donate = donations.taken if target.platform == "cpu" else ()  # elsewhere nothing is gained
    passes = lowering_passes(target, donate)
    run_pipeline(module, passes)
    # A loop in one dispatch runs on one core: it is no reason to wake the others.
    loops = [form for p in passes if isinstance(p, lower.LowerToStablehlo) for form in p.loops]
    work -= sum(costs.get(form.name, 0.0) for form in loops if form.form == ONE_DISPATCH)
    host_calls = [c for p in passes if isinstance(p, lower.LowerToStablehlo) for c in p.host_calls]
    if on_lowered is not None:
        on_lowered(module)
    text = text_of(module)
    lowered = time.perf_counter()
    made_by = (repr(donate), *flags, *PROCESS_FLAGS, *AFTERWARDS)
    key = cache_key(text.encode(), passes=TRANSFORM, target=target, extra=made_by)
    cache = default_cache()
    vmfb = cache.get(key)
    cached = vmfb is not None
    if vmfb is None:
        check_ready(module)
        vmfb = compile_module(hand_over(module, target), target, extra_flags=flags, name=name)
        cache.put(key, vmfb)
    done = time.perf_counter()
    seconds = {"transform": expanded - started, "lower": lowered - expanded, "iree": done - lowered}
    _report(name, seconds, cached)
    given = Donations(*[tuple(kept[i] for i in positions) for positions in donations])
    tokens = any(isinstance(p, order_effects.OrderEffects) and p.threaded for p in passes)
    return Compiled(vmfb, work, seconds, cached, text, host_calls, count, kept, given, tokens)
