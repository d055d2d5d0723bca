"""`jit`: compile a function once for each kind of arguments, and run the compiled program.

A call looks the program up by the structure of the arguments, their shapes and dtypes, and the values of the static
ones. The common call (positional arrays only) takes a short path: its key is the tuple of interned avals.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import time
import types
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from axil import compile_reports, errors, pytrees
from axil.argument_numbers import check_disjoint, chosen_arguments, parameters_of
from axil.call_arguments import Arguments
from axil.config import config
from axil.core import RULE_ERRORS, Array, Program, Trace, run_function, state, trace_function, user_error
from axil.operands import Flat, check_callable, function_name, symbol
from axil.programs import RunnableProgram, forget_programs
from axil.recompiles import History, Signature, Text
from axil.runtime.errors import AxilError
from axil.source import user_line
from axil.stages import Lowered, Traced

_ALL: weakref.WeakSet[JitFunction] = weakref.WeakSet()


class TracingRefusedError(AxilError, RuntimeError):
    """A function had to be traced while `no_tracing` was on."""


class JitFunction:
    """A function that is compiled when it is called; what `jit` gives."""

    def __init__(
        self, fun: Callable[..., Any], static_argnums: Any = None, static_argnames: Any = None,
        donate_argnums: Any = None, donate_argnames: Any = None, keep_unused: bool = False, inline: bool = False,
        compiler_options: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.label = f"jit({function_name(fun)})"
        self.parameters = parameters_of(fun)
        static = chosen_arguments(self.parameters, static_argnums, static_argnames, self.label)
        donated = chosen_arguments(self.parameters, donate_argnums, donate_argnames, self.label)
        check_disjoint(static, donated, self.label)
        self.static_argnums, self.static_argnames = static
        self.donate_argnums, self.donate_argnames = donated
        self.keep_unused = keep_unused
        self.inline = inline
        self.compiler_options = _checked_options(compiler_options)
        self._plain = not (self.static_argnums or self.static_argnames or self.donate_argnums or self.donate_argnames)
        self._fast: dict[Any, RunnableProgram] = {}
        self._cache: dict[Any, RunnableProgram] = {}
        self._history = History(self.label)
        self._lock = threading.RLock()
        _ALL.add(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._plain and not kwargs and state.trace is None and not config.watching:
            key: list = [config.trace_key]
            for a in args:
                if type(a) is not Array or a.weak_type:
                    break
                key.append(a.aval)
            else:
                found = tuple(key)
                compiled = self._fast.get(found)
                if compiled is None:
                    compiled = self._fast[found] = self._compiled(args, {})[0]
                return compiled.call(args)
        return self._call(args, kwargs)

    def _call(self, args: tuple, kwargs: dict) -> Any:
        if config.disable_jit:
            return self.fun(*args, **kwargs)
        if state.trace is not None:
            return self._inside(args, kwargs)
        if config.watching:
            from axil.watched_calls import call_jitted

            return call_jitted(self, args, kwargs)
        if self._plain and not kwargs:
            compiled, operands = self._lookup_trees(args)
        else:
            compiled, operands = self._compiled(args, kwargs)
        return compiled.call(operands)

    def _lookup_trees(self, args: tuple) -> tuple[RunnableProgram, list[Array]]:
        """The program for positional arguments that are trees; quick where all leaves are arrays."""
        leaves, treedef = pytrees.flatten_unchecked(args)
        key: list = [config.trace_key, treedef]
        for x in leaves:
            if type(x) is not Array or x.weak_type:
                return self._compiled(args, {})
            key.append(x.aval)
        compiled = self._fast.get(tuple(key))
        if compiled is None:
            compiled, leaves = self._compiled(args, {})  # checks what `flatten_unchecked` does not
            self._fast[tuple(key)] = compiled
        return compiled, leaves

    # ---- under another trace ---------------------------------------------------------------------------

    def _inside(self, args: tuple, kwargs: dict) -> Any:
        """Under another trace: a function of its own, called; traced once in each program."""
        call = Arguments(self, args, kwargs)
        call.check_no_structs()
        call.check_statics()
        trace = state.trace
        assert trace is not None
        if self.inline:
            flat = Flat(self.fun, call.rebuild, self.label)
            return flat.unflatten(flat(*[trace.lift(x) for x in call.operands]))
        trace.program.uses_jit = True
        key = (self, call.key(), trace.order, trace.in_rule, tuple(state.axis_sizes.items()))
        found = trace.program.jitted.get(key)
        if found is None:
            found = self._trace_inside(call)
            # A function that closes over values of another trace may mean others the next time.
            if all(type(x) is Array for x in found[0].captures):
                trace.program.jitted[key] = found
        traced, treedef = found
        results = trace.call(traced.name, [*traced.captures, *call.operands], traced.weak)
        return pytrees.tree_unflatten(treedef, results)

    def _trace_inside(self, call: Arguments) -> tuple[Any, Any]:
        self._check_may_trace()
        flat = Flat(self.fun, call.rebuild, self.label)
        avals, weak = [x.aval for x in call.operands], [x.weak_type for x in call.operands]
        return trace_function(self.label, symbol(self.fun), flat, avals, weak), flat.treedef

    # ---- compiling -------------------------------------------------------------------------------------

    def _compiled(self, args: tuple, kwargs: dict) -> tuple[RunnableProgram, list[Array]]:
        call = Arguments(self, args, kwargs)
        call.check_values()
        key = call.key()
        compiled = self._cache.get(key)
        if compiled is None:
            with self._lock:
                compiled = self._cache.get(key)
                if compiled is None:
                    compiled = self._cache[key] = self._compile(call)
        return compiled, call.operands

    def _compile(self, call: Arguments) -> RunnableProgram:
        """Compile for a call, and take down why."""
        started = time.perf_counter()
        program = self._trace(call).lower().program()
        line = user_line()
        place = f"{line.file}:{line.line}" if line is not None else ""
        seconds = time.perf_counter() - started
        entry = self._history.add(Signature.of(call), place, seconds, program.info.cached)
        if entry.after:
            compile_reports.log_miss(self.label, entry)
        return program

    def _trace(self, call: Arguments) -> Traced:
        self._check_may_trace()
        started = time.perf_counter()
        flat = Flat(self.fun, call.rebuild, self.label)
        program = Program()
        trace = Trace(self.label, program, None, "main", [x.aval for x in call.operands])
        arguments = trace.arguments([x.weak_type for x in call.operands])
        try:
            outputs = run_function(trace, flat, arguments)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        compile_reports.log_tracing(self.label, time.perf_counter() - started)
        return Traced(self, trace, flat.treedef, [(t.aval, t.weak_type) for t in outputs], call)

    def _lower(self, call: Arguments) -> Lowered:
        return self._trace(call).lower()

    def _check_may_trace(self) -> None:
        if config.no_tracing:
            raise TracingRefusedError(
                errors.explain(f"{self.label} has to be traced for arguments of this kind while no_tracing is on",
                               user_line(), ways_out=["call it once with such arguments before the block",
                                                      "f.why() says what is new about them"])
            )  # fmt: skip

    # ---- for users -------------------------------------------------------------------------------------

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace for arguments (arrays or `ShapeDtypeStruct`s): the first of the stages in `axil.stages`."""
        call = Arguments(self, args, kwargs)
        call.check_statics()
        return self._trace(call)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace for arguments (arrays or `ShapeDtypeStruct`s) and stop before compiling.

        The result has `.as_text(stage)` and `.compile()`; see `axil.stages`.
        """
        return self.trace(*args, **kwargs).lower()

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the result, without computing anything."""
        from axil.abstract_evaluation import eval_shape

        return eval_shape(self, *args, **kwargs)

    def why(self) -> Text:
        """Why this function was compiled, each time: which argument changed, and how. A text to print or read."""
        return self._history.explain()

    def clear_cache(self) -> None:
        """Forget all compiled programs of this function."""
        with self._lock:
            self._fast.clear()
            self._cache.clear()

    def _cache_size(self) -> int:
        return len(self._cache)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        """A decorated function is pickled by its name; another one as the function and the options."""
        found: Any = sys.modules.get(self.fun.__module__ or "")
        for part in getattr(self.fun, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.fun.__qualname__
        static, donated = (self.static_argnums, self.static_argnames), (self.donate_argnums, self.donate_argnames)
        options = (self.keep_unused, self.inline, dict(self.compiler_options))
        return JitFunction, (self.fun, *map(tuple, static), *map(tuple, donated), *options)

    def __repr__(self) -> str:
        return f"<{self.label}>"


def _checked_options(options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if options:
        from axil.compiler.options import flags_of

        flags_of(options)
    return dict(options or {})


def jit(
    fun: Callable[..., Any] | None = None, /, *, static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None, donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None, keep_unused: bool = False, device: Any = None,
    backend: str | None = None, inline: bool = False, compiler_options: Mapping[str, Any] | None = None,
    **unknown: Any,
) -> Any:  # fmt: skip
    """Compile `fun` with IREE for each kind of arguments that it is called with.

    Static arguments keep their Python values and must be hashable; a new value compiles anew. The memory of donated
    arguments is reused for results of their shape and dtype; using them afterwards is an error. Arguments that the
    result does not depend on are not passed to the program unless `keep_unused`. With `inline`, a call under another
    trace records the function's operations there, instead of a call. `compiler_options` are those of
    `axil.compiler.options`. `device` and `backend` are deprecated. Also a decorator with options:
    `@jit(static_argnums=0)`.
    """
    if unknown:
        raise errors.AxilTypeError(
            errors.explain(f"jit does not take the options {', '.join(unknown)}", user_line(),
                           ways_out=[_SHARDING] if any("shardings" in name for name in unknown) else [])
        )  # fmt: skip
    _check_device(device, backend)
    options: dict[str, Any] = dict(
        static_argnums=static_argnums, static_argnames=static_argnames, donate_argnums=donate_argnums,
        donate_argnames=donate_argnames, keep_unused=keep_unused, inline=inline, compiler_options=compiler_options,
    )  # fmt: skip
    if fun is None:
        return lambda f: jit(f, **options)
    check_callable(fun, "jit")
    if inspect.isgeneratorfunction(inspect.unwrap(fun)) or inspect.iscoroutinefunction(inspect.unwrap(fun)):
        kind = "a generator function" if inspect.isgeneratorfunction(inspect.unwrap(fun)) else "a coroutine function"
        raise errors.AxilTypeError(
            errors.explain(f"jit expects a function, got {kind}: {function_name(fun)}", user_line(), (),
                           "Its body would run when the result is iterated or awaited, after the trace has ended.",
                           ["return the values in a list or a tuple"])
        )  # fmt: skip
    return JitFunction(fun, **options)


_SHARDING = "leave them out: a program runs on one device, so there is nothing to distribute"


def _check_device(device: Any, backend: str | None) -> None:
    """`device` and `backend` are deprecated, and can only say what is so anyway."""
    if device is None and backend is None:
        return
    from axil.runtime import default_device

    here = default_device()
    warnings.warn(
        "the options device and backend of jit are deprecated; set AXIL_PLATFORM to choose where programs run",
        DeprecationWarning, stacklevel=3,
    )  # fmt: skip
    if (device is not None and device is not here) or (backend is not None and backend != here.platform):
        raise errors.AxilTypeError(
            errors.explain(f"jit: programs of this process run on {here}, not on {device or backend}", user_line(),
                           ways_out=["set AXIL_PLATFORM before the process starts to compute elsewhere"])
        )  # fmt: skip


def clear_caches() -> None:
    """Forget every compiled program of this process (the disk cache stays)."""
    for function in list(_ALL):
        function.clear_cache()
    forget_programs()


__all__ = ["JitFunction", "TracingRefusedError", "clear_caches", "jit"]
