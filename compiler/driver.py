"""The driver: a StableHLO module in, IREE bytecode (`vmfb`) out, in this process.

    handed = hand_over(module, target)       # torch_mlir module -> checked MLIR bytecode
    vmfb = compile_module(handed, target)    # -> bytes for runtime.Executable, or CompileError

IREE's compiler ends the process on an operation it does not know, so `check_ready` (on the module, with the
user's source line) and `compile_module` (on the bytes, as the last line of defence) compare every op name
with IREE's own registry first. A recursive call would compile forever and is refused as well.

One IREE session per thread and flag set is kept (a session in two threads at once crashes). `iree.compiler`
is imported on first need.
"""

from __future__ import annotations

import ctypes
import functools
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from axil.compiler.branch_refs import mend_branches
from axil.compiler.bytecode import op_names
from axil.compiler.diagnostics import CompileError, Diagnostic, parse_diagnostic, parse_location, rank
from axil.compiler.targets import Target, resolve
from axil.compiler.unfused import unfused

log = logging.getLogger("axil.compiler")

_MAX_SESSIONS = 8  # per thread
_MAX_COMPILES = 200  # per session: a context keeps the constants of all its modules
_MAX_KEPT_SOURCE = 4 << 20  # bytes; a session that has seen a larger module is dropped

_lock = threading.Lock()
_state: dict[str, Any] = {}
_local = threading.local()
_Callback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


def compile_module(
    source: bytes | str,
    target: Target | str | None = None,
    *,
    extra_flags: tuple[str, ...] = (),
    name: str = "main",
) -> bytes:
    """Compile MLIR text or bytecode with `func.func @main` over ranked tensors to a `vmfb`.

    `name` is for messages. If the target's flags fail, its `fallback` flags are tried, then the program without
    fusion (`unfused.py`), of which a warning is logged.
    Raises `TargetError` for an unknown target and `CompileError` with IREE's diagnostics.
    """
    target = resolve(target)
    if _state.get("forked"):
        raise CompileError(f"{name}: cannot compile in a forked process", hint=_FORK_HINT)
    data = source.encode() if isinstance(source, str) else bytes(source)
    _refuse_unknown_ops(data, name)
    try:
        return _compile(data, target.flags + extra_flags, name, target)
    except _ParseError:
        raise
    except CompileError as error:
        log.info("%s: trying again after: %s", name, error.message)
        compiled = _compile_otherwise(data, extra_flags, name, target)
        if compiled is None:
            raise
        return compiled


def _compile_otherwise(data: bytes, extra_flags: tuple[str, ...], name: str, target: Target) -> bytes | None:
    """With the target's fallback flags, then without fusion; None if that fails too."""
    if target.fallback is not None:
        try:
            return _compile(data, target.fallback + extra_flags, name, target)
        except CompileError as error:
            log.info("%s: trying again without fusion after: %s", name, error.message)
    _registry()
    with _lock:
        apart = unfused(data, _state["context"])
    try:
        compiled = _compile(apart, (target.fallback or target.flags) + extra_flags, name, target)
    except CompileError:
        return None
    log.warning("%s: IREE could compile it only without fusing operations; it runs slower than it should", name)
    return compiled


def hand_over(module: Any, target: Target | str | None = None) -> bytes:
    """Check a torch_mlir module and give it as MLIR bytecode, with what the target needs written on it.

    The module itself is left unchanged. Raises `CompileError` as `check_ready` does.
    """
    target = resolve(target)
    operation = module.operation
    check_ready(operation)
    attributes = operation.attributes
    added = target.buffer_alignment != 16 and "stream.resources" not in attributes
    if added:
        attributes["stream.resources"] = _resource_config(operation.context, target.buffer_alignment)
    try:
        buffer = io.BytesIO()
        operation.write_bytecode(buffer)
    finally:
        if added:
            del attributes["stream.resources"]
    return buffer.getvalue()


def check_ready(module: Any) -> None:
    """Refuse a torch_mlir module that IREE would crash on, naming the op and its source line.

    Raises `CompileError` for an op that IREE does not have (a leftover `axil` op above all) and for
    recursion.
    """
    calls: dict[str, set[str]] = {}
    registered, known = _registry(), set()
    for op, function in _walk(module.operation, ""):
        name = op.name
        if name not in known:
            if not registered(name):
                raise _unknown_op(name, parse_location(str(op.location)))
            known.add(name)
        if name == "func.call":
            calls.setdefault(function, set()).add(op.attributes["callee"].value)
    cycle = _find_cycle(calls)
    if cycle:
        path = " -> ".join("@" + f for f in cycle)
        raise CompileError(f"recursive calls cannot be compiled: {path}", hint=_RECURSION_HINT)


@functools.cache
def versions() -> dict[str, str]:
    """Versions of what decides the compiled bytes: part of the cache key and of every artifact.

    Read from the names of the `.dist-info` folders: `importlib.metadata` takes 25 ms to import.
    """
    wanted = ("axil", "iree-base-compiler", "iree-base-runtime", "torch-mlir")
    found: dict[str, str] = {package: "unknown" for package in wanted}
    for folder in reversed(sys.path):  # the first on the path wins
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(".dist-info"):
                package, _, version = entry.removesuffix(".dist-info").partition("-")
                if package.replace("_", "-") in found:
                    found[package.replace("_", "-")] = version
    return found


# --- IREE's compiler ----------------------------------------------------------------------------------------


class _ParseError(CompileError):
    """IREE could not read the module: other flags will not help."""


@dataclass
class _KeptSession:
    session: Any
    compiles: int = 0


PROCESS_FLAGS = (
    # Kernels assume 64-byte aligned buffers by default and crash on NumPy's 16-byte aligned memory. GPU modules say 64
    # on themselves, see `hand_over`.
    "--iree-stream-resource-min-offset-alignment=16",
    # IREE 3.13's recorded command buffers race at their first use on local-task: a host loop reads its condition before
    # it is written (a wrong result in 12 of 14 fresh processes; without recording in none of 14). A call costs 0.5 us.
    "--iree-hal-memoization=false",
    "--iree-hal-indirect-command-buffers=false",  # without recording they are broken
)
"""Options that there are no flags of a session for."""

AFTERWARDS = ("mend-branches",)
"""What is done to IREE's result: like flags, a part of the key of the compile cache."""


def _api() -> Any:
    """`iree.compiler.api`, imported once, with its process-wide options set before the first session."""
    api = _state.get("api")
    if api is None:
        with _lock:
            api = _state.get("api")
            if api is None:
                from iree.compiler import api

                api._initializeGlobalCL("axil", *PROCESS_FLAGS)
                _state["api"] = api
    return api


def _after_fork_in_child() -> None:
    """IREE's compiler would wait for ever for the threads of its parent's pool."""
    global _lock
    _lock = threading.Lock()
    _state["forked"] = _state.get("forked", False) or "api" in _state


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _session(flags: tuple[str, ...]) -> _KeptSession:
    sessions: dict[tuple[str, ...], _KeptSession] | None = getattr(_local, "sessions", None)
    if sessions is None:
        sessions = _local.sessions = {}
    kept = sessions.get(flags)
    if kept is not None and kept.compiles < _MAX_COMPILES:
        return kept
    if len(sessions) >= _MAX_SESSIONS:
        sessions.pop(next(iter(sessions)))
    session = _api().Session()
    try:
        session.set_flags(*flags)
    except ValueError as error:
        raise CompileError(
            f"IREE does not know one of the flags {' '.join(flags)} {error}".rstrip()
        ) from error
    kept = sessions[flags] = _KeptSession(session)
    return kept


def _compile(data: bytes, flags: tuple[str, ...], name: str, target: Target) -> bytes:
    api = _api()
    kept = _session(flags)
    kept.compiles += 1
    if len(data) > _MAX_KEPT_SOURCE:
        _local.sessions.pop(flags, None)
    reports: list[Diagnostic] = []
    callback = _collector(reports)
    with kept.session.invocation() as invocation:
        _enable_diagnostics(invocation, callback)
        # A text buffer ends in a zero byte for MLIR's lexer; bytecode does not.
        text = not data.startswith(b"ML\xefR")
        source = api.Source.wrap_buffer(kept.session, data + b"\0" if text else data)
        if not invocation.parse_source(source):
            raise _ParseError(f"{name}: malformed MLIR", rank(reports))
        if not invocation.execute():
            raise CompileError(f"{name}: IREE cannot compile this for {target.name}", rank(reports), _HINT)
        mend_branches(invocation)  # keep AFTERWARDS up to date
        with api.Output.open_membuffer() as output:
            invocation.output_vm_bytecode(output)
            return bytes(output.map_memory())


_HINT = (
    "If the operation above should work, please report it with the program: this is a gap, not your mistake."
)
_FORK_HINT = (
    "Its parent had started the compiler, whose threads a fork does not have. Start processes with "
    "multiprocessing.set_start_method('spawn'), or compile (call the function once) before the fork."
)
_RECURSION_HINT = "Use lax.while_loop, lax.scan or lax.fori_loop instead of a function that calls itself."


def _collector(reports: list[Diagnostic]) -> Any:
    def on_diagnostic(severity: int, message: int, size: int, _: Any) -> None:
        reports.append(parse_diagnostic(severity, ctypes.string_at(message, size).decode("utf-8", "replace")))

    return _Callback(on_diagnostic)


def _enable_diagnostics(invocation: Any, callback: Any) -> None:
    """Send diagnostics to `callback`. IREE's Python API lacks this call; its library exports it."""
    from iree.compiler.api import ctypes_dl

    enable = ctypes_dl._dylib.ireeCompilerInvocationEnableCallbackDiagnostics
    enable.argtypes = [ctypes.c_void_p, ctypes.c_int, _Callback, ctypes.c_void_p]
    enable.restype = None
    enable(invocation._inv_p, 0, callback, None)


def _resource_config(context: Any, alignment: int) -> Any:
    from axil.dialects.mlir import ir

    top = 2**63 - 1
    text = (
        f"#stream.resource_config<{{max_allocation_size = {top}, min_buffer_offset_alignment = {alignment}, "
        f"max_buffer_range = {top}, min_buffer_range_alignment = {alignment}, index_bits = 64}}>"
    )
    return ir.Attribute.parse(text, context)


# --- What IREE knows ----------------------------------------------------------------------------------------


def _registry() -> Callable[[str], bool]:
    """A function that tells whether IREE has an op of this name (17 ms the first time)."""
    registered = _state.get("registered")
    if registered is None:
        _api()
        from iree.compiler import ir

        context = ir.Context()
        context.load_all_available_dialects()
        _state["context"] = context
        registered = _state["registered"] = context.is_registered_operation
    return registered


def _refuse_unknown_ops(data: bytes, name: str) -> None:
    registered = _registry()
    if data.startswith(b"ML\xefR"):
        names = op_names(data)
    else:
        names = _names_in_text(data, name)
    for op in sorted(names):
        if not registered(op):
            raise _unknown_op(op, ())


def _unknown_op(name: str, frames: Any) -> CompileError:
    dialect = name.split(".")[0]
    if dialect == "axil":
        hint = f"{name} has no lowering to StableHLO, or the lowering passes did not run before compiling."
    else:
        hint = f"IREE has no operation {name!r}; the module must be StableHLO when it is handed over."
    return CompileError(
        f"operation {name!r} is left in the module that goes to IREE",
        [Diagnostic("error", f"{name} was made here", frames)] if frames else (),
        hint,
    )


def _names_in_text(data: bytes, name: str) -> set[str]:
    """The op names in MLIR text, found by parsing it in IREE's context, which takes unknown ops in generic
    form."""
    from iree.compiler import ir

    _registry()
    context = _state["context"]
    with _lock:
        context.allow_unregistered_dialects = True
        try:
            module = ir.Module.parse(data.decode("utf-8", "replace"), context)
        except ir.MLIRError as error:
            reports = [_from_mlir(d) for d in error.error_diagnostics]
            raise _ParseError(f"{name}: malformed MLIR", reports) from None
        return {op.name for op, _ in _walk(module.operation, "")}


def _from_mlir(diagnostic: Any) -> Diagnostic:
    notes = [str(note.message) for note in diagnostic.notes]
    message = "; ".join([diagnostic.message, *notes])
    location = str(diagnostic.location)
    frames = parse_location(location)
    if not frames and ":" in location:  # MLIR text without a file: say at least where in the text
        message += f" (at {location.removeprefix('loc(').rstrip(')')})"
    return Diagnostic("error", message, frames)


def _walk(operation: Any, function: str) -> Iterator[tuple[Any, str]]:
    """All operations below and including `operation`, with the name of the function around them."""
    yield operation, function
    for region in operation.regions:
        for block in region:
            for op in block.operations:
                inner = op.operation
                if inner.name == "func.func" and not function:
                    yield from _walk(inner, inner.attributes["sym_name"].value)
                else:
                    yield from _walk(inner, function)


def _find_cycle(calls: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for callee in sorted(calls.get(name, ())):
            found = visit(callee, [*path, name])
            if found:
                return found
        done.add(name)
        return None

    for start in sorted(calls):
        found = visit(start, [])
        if found:
            return found
    return None
