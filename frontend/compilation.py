"""`jit`: compile a function once for each kind of arguments, and run the compiled program.

A call looks the program up by the structure of the arguments, their shapes and dtypes, and the values of the static
ones. The common call (positional arrays only) takes a short path: its key is the tuple of interned avals.
"""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from axil import errors, tree
from axil.config import config
from axil.core import (
    RULE_ERRORS,
    Array,
    Program,
    Trace,
    Tracer,
    _run,
    array_of_buffer,
    concrete_array,
    donated_error,
    state,
    trace_function,
    user_error,
)
from axil.dialects.avals import Aval, aval
from axil.operands import (
    ArgumentError,
    Flat,
    check_callable,
    function_name,
    operand,
    symbol,
)
from axil.source import user_line

_ALL: weakref.WeakSet[JitFunction] = weakref.WeakSet()


class Compiled:
    """A compiled program with the Python side of a call: what to upload, what the results are."""

    __slots__ = ("executable", "hidden", "avals", "weak", "treedef", "device", "single", "donated", "info", "_results",
                 "_simple")  # fmt: skip

    def __init__(
        self, executable: Any, hidden: list, outputs: Sequence[tuple[Aval, bool]], treedef: Any, donated: Any, info: Any
    ) -> None:
        self.executable = executable
        self.hidden = hidden  # constants that the program takes as further operands
        self.avals = [a for a, _ in outputs]
        self.weak = [w for _, w in outputs]
        self.treedef = treedef
        self.single = treedef is not None and tree.treedef_is_leaf(treedef) and treedef.num_leaves == 1
        self.device = executable.device
        self.donated = donated
        self.info = info
        self._results = list(zip(self.avals, self.weak))
        self._simple = self.single and not donated and not hidden

    def call(self, operands: Sequence[Array]) -> Any:
        """Run on arrays of the right avals; gives the tree of results."""
        if self._simple:  # the common case, in as few steps as can be
            views = [x._buffer if x._buffer is not None else _upload(x) for x in operands]
            return array_of_buffer(self.executable.invoke(views)[0], self.avals[0], self.weak[0])
        results = self.run(operands)
        return results[0] if self.single else tree.tree_unflatten(self.treedef, results)

    def run(self, operands: Sequence[Array]) -> list[Array]:
        """Run on arrays of the right avals; gives the flat results."""
        views = [x._buffer if x._buffer is not None else _upload(x) for x in operands]
        if self.donated:
            for i in self.donated:
                views[i] = _own(operands[i])
        if self.hidden:
            views += [x._buffer if x._buffer is not None else _upload(x) for x in self.hidden]
        results = self.executable.invoke(views)
        if self.donated:
            _forget(operands, self.donated)
        return [array_of_buffer(v, a, w) for v, (a, w) in zip(results, self._results)]


def _upload(x: Array) -> Any:
    """Bring an array to the device, once."""
    from axil.runtime.buffers import to_device

    if x._value is None and x._buffer is None:
        raise donated_error(x)
    buffer = x._buffer = to_device(x._value, may_alias=True).view
    return buffer


def _own(x: Array) -> Any:
    """A buffer that a program may overwrite.

    The memory of an array that has been looked at may be that of a NumPy array too, or of another array that is a
    view of it: it is copied. One that was only ever passed from program to program is handed over as it is.
    """
    from axil.runtime.buffers import to_device

    return x._buffer if x._value is None else to_device(x._value).view


def _forget(operands: Sequence[Array], donated: Sequence[int]) -> None:
    """Donated arrays have lost their memory: using them again is an error, not a wrong answer."""
    for i in donated:
        operands[i]._value = None  # type: ignore[assignment]
        operands[i]._buffer = None


class JitFunction:
    """A function that is compiled when it is called; what `jit` gives."""

    def __init__(
        self, fun: Callable[..., Any], static_argnums: Any, static_argnames: Any, donate_argnums: Any,
        donate_argnames: Any, keep_unused: bool, inline: bool,
    ) -> None:  # fmt: skip
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.label = f"jit({function_name(fun)})"
        self.parameters = _parameters(fun)
        static = _static(self.parameters, static_argnums, static_argnames, self.label)
        self.static_argnums, self.static_argnames = static
        self.donate_argnums, _ = _static(self.parameters, donate_argnums, donate_argnames, self.label)
        self._plain = not (self.static_argnums or self.static_argnames or self.donate_argnums)
        self._fast: dict[Any, Compiled] = {}
        self._cache: dict[Any, Compiled] = {}
        self._lock = threading.RLock()
        _ALL.add(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._plain and not kwargs and state.trace is None and not config.disable_jit:
            key: list = []
            for a in args:
                if type(a) is not Array or a.weak_type:
                    break
                key.append(a.aval)
            else:
                compiled = self._fast.get((config.enable_x64, *key))
                if compiled is None:
                    compiled = self._fast[(config.enable_x64, *key)] = self._compiled(args, {})[0]
                return compiled.call(args)
        return self._call(args, kwargs)

    def _call(self, args: tuple, kwargs: dict) -> Any:
        if config.disable_jit:
            return self.fun(*args, **kwargs)
        if state.trace is not None:
            return self._inside(args, kwargs)
        if self._plain and not kwargs:
            compiled, operands = self._lookup_trees(args)
        else:
            compiled, operands = self._compiled(args, kwargs)
        return compiled.call(operands)

    def _lookup_trees(self, args: tuple) -> tuple[Compiled, list[Array]]:
        """The program for positional arguments that are trees; quick where all leaves are arrays."""
        leaves, treedef = tree.flatten_unchecked(args)
        key: list = [config.enable_x64, treedef]
        for x in leaves:
            if type(x) is not Array or x.weak_type:
                return self._compiled(args, {})
            key.append(x.aval)
        compiled = self._fast.get(tuple(key))
        if compiled is None:
            compiled, leaves = self._compiled(args, {})  # checks what `flatten_unchecked` does not
            self._fast[tuple(key)] = compiled
        return compiled, leaves

    def _inside(self, args: tuple, kwargs: dict) -> Any:
        """Under another trace: a function of its own, called."""
        call = _Arguments(self, args, kwargs)
        call.check_statics()
        flat = Flat(self.fun, call.rebuild, self.label)
        trace = state.trace
        assert trace is not None
        operands = call.operands
        traced = trace_function(
            self.label, symbol(self.fun), flat, [x.aval for x in operands], [x.weak_type for x in operands]
        )
        root = trace
        root.program.uses_jit = True
        return flat.unflatten(trace.call(traced.name, [*traced.captures, *operands], traced.weak))

    def _compiled(self, args: tuple, kwargs: dict) -> tuple[Compiled, list[Array]]:
        call = _Arguments(self, args, kwargs)
        call.check_values()
        key = call.key()
        compiled = self._cache.get(key)
        if compiled is None:
            with self._lock:
                compiled = self._cache.get(key)
                if compiled is None:
                    compiled = self._cache[key] = self._lower(call).compile_raw()
        return compiled, call.operands

    def _lower(self, call: _Arguments) -> Lowered:
        flat = Flat(self.fun, call.rebuild, self.label)
        program = Program()
        trace = Trace(self.label, program, None, "main", [x.aval for x in call.operands])
        arguments = trace.arguments([x.weak_type for x in call.operands])
        try:
            outputs = _run(trace, flat, arguments)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        return Lowered(self, trace, flat.treedef, [(t.aval, t.weak_type) for t in outputs], call.donated, call)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace for arguments (arrays or `ShapeDtypeStruct`s) and stop before compiling.

        The result has `.as_text(stage)` and `.compile()`.
        """
        return self._lower(_Arguments(self, args, kwargs))

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the result, without computing anything."""
        return eval_shape(self.fun, *args, **kwargs)

    def clear_cache(self) -> None:
        """Forget all compiled programs of this function."""
        self._fast.clear()
        self._cache.clear()

    def _cache_size(self) -> int:
        return len(self._cache)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<{self.label}>"


class _Arguments:
    """The arguments of one call, sorted into operands and static values."""

    def __init__(self, jitted: JitFunction, args: tuple, kwargs: dict) -> None:
        self.label = jitted.label
        static_at = {i for i in jitted.static_argnums if i < len(args)}
        self.static = {i: args[i] for i in sorted(static_at)}
        self.static_names = {k: v for k, v in kwargs.items() if k in jitted.static_argnames}
        dynamic = [a for i, a in enumerate(args) if i not in static_at]
        named = {k: v for k, v in kwargs.items() if k not in jitted.static_argnames}
        leaves, self.treedef = tree.tree_flatten((dynamic, named))
        self.operands = [_jit_operand(x, self.label) for x in leaves]
        self.count = len(args)
        self.donated = self._donated(jitted, args, static_at)

    def _donated(self, jitted: JitFunction, args: tuple, static_at: set[int]) -> tuple[int, ...]:
        if not jitted.donate_argnums:
            return ()
        positions, n = [], 0
        for i, a in enumerate(args):
            if i in static_at:
                continue
            size = len(tree.tree_leaves(a))
            if i in jitted.donate_argnums:
                positions += range(n, n + size)
            n += size
        given = [id(x) for x in self.operands]
        for i in positions:
            if given.count(given[i]) > 1:
                raise ArgumentError(
                    errors.explain(
                        f"{self.label}: an array of {self.operands[i].aval} is donated and passed a second time",
                        user_line(),
                        ways_out=["pass a copy of it: x.copy()", "or do not donate it"],
                    )
                )
        return tuple(positions)

    def check_values(self) -> None:
        """Refuse what has no value to compute with."""
        for i, x in enumerate(self.operands):
            if type(x) is Tracer:
                self.operands[i] = concrete_array(x)  # raises: its trace has ended
            elif type(x) is not Array:
                raise ArgumentError(
                    errors.explain(
                        f"{self.label} was called with a ShapeDtypeStruct, which has no value", user_line(),
                        ways_out=["to look at the program: f.lower(...)", "for shapes: axil.eval_shape(f, ...)"],
                    )  # fmt: skip
                )

    def rebuild(self, leaves: Sequence[Any]) -> tuple[Any, Any]:
        dynamic, named = tree.tree_unflatten(self.treedef, leaves)
        rest = iter(dynamic)
        args = [self.static[i] if i in self.static else next(rest) for i in range(self.count)]
        return args, {**named, **self.static_names}

    def key(self) -> Any:
        """What decides which compiled program is used. Static 1, 1.0 and True are equal, but not the same."""
        self.check_statics()
        signature = tuple([(x.aval, x.weak_type) for x in self.operands])
        statics = tuple([(i, type(v), v) for i, v in self.static.items()])
        names = tuple([(k, type(v), v) for k, v in sorted(self.static_names.items())])
        return (self.treedef, signature, statics, names, self.donated, config.enable_x64)

    def check_statics(self) -> None:
        """Static arguments must be hashable, since they are a part of the key."""
        for name, value in [*self.static.items(), *self.static_names.items()]:
            try:
                hash(value)
            except TypeError:
                raise ArgumentError(
                    errors.explain(
                        f"{self.label}: the static argument {name!r} is {type(value).__name__}, which cannot be "
                        "hashed, and static arguments decide which compiled program is used",
                        user_line(),
                        ways_out=["pass a tuple instead of a list, or a frozen dataclass",
                                  "or make it an ordinary argument"],
                    )
                ) from None  # fmt: skip


def _jit_operand(x: Any, label: str) -> Any:
    if isinstance(x, ShapeDtypeStruct):
        return x
    return operand(x, label)


class ShapeDtypeStruct:
    """A stand-in for an array: its shape and dtype and no values. For `eval_shape` and `lower`."""

    __slots__ = ("aval", "weak_type")

    def __init__(self, shape: Sequence[int], dtype: Any, *, sharding: Any = None, weak_type: bool = False) -> None:
        if sharding is not None:
            raise NotImplementedError("sharding of a ShapeDtypeStruct needs multi-device support; leave it out")
        self.aval = aval(tuple(shape), np.dtype(dtype))
        self.weak_type = weak_type

    shape = property(lambda self: self.aval.shape, doc="The shape, a tuple of ints.")
    dtype = property(lambda self: self.aval.dtype, doc="The dtype.")
    ndim = property(lambda self: self.aval.ndim, doc="Number of dimensions.")
    size = property(lambda self: self.aval.size, doc="Number of elements.")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShapeDtypeStruct) and self.aval is other.aval

    def __hash__(self) -> int:
        return hash(self.aval)

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name})"


class Lowered:
    """A traced program that has not been compiled yet."""

    def __init__(
        self, jitted: JitFunction, trace: Trace, treedef: Any, outputs: list, donated: tuple[int, ...], call: _Arguments
    ) -> None:
        self.jitted = jitted
        self.trace = trace
        self.treedef = treedef
        self.outputs = outputs
        self.donated = donated
        self.call = call
        self.traced_text = _publish(trace)
        self.hidden = [c.source for c in trace.captures]
        self._compiled: Compiled | None = None

    def as_text(self, stage: str = "stablehlo") -> str:
        """The program as MLIR text: `"traced"`, `"expanded"` (derivatives written out) or `"stablehlo"`."""
        from axil.compiler import pipeline
        from axil.compiler.passes.passes import run_pipeline
        from axil.compiler.targets import resolve
        from axil.dialects.mlir import parse_module

        if stage not in pipeline.STAGES:
            raise ArgumentError(
                errors.explain(f"there is no stage {stage!r}; the stages are {', '.join(pipeline.STAGES)}", user_line())
            )
        if stage == "traced":
            return self.traced_text
        module = parse_module(self.traced_text, self.jitted.label)
        pipeline.transform(module)
        if stage == "stablehlo":
            run_pipeline(module, pipeline.lowering_passes(resolve("host"), self.donated)[:-1])
        return pipeline.text_of(module)

    @property
    def out_info(self) -> Any:
        """Shapes and dtypes of the result."""
        leaves = [ShapeDtypeStruct(a.shape, a.dtype, weak_type=w) for a, w in self.outputs]
        return tree.tree_unflatten(self.treedef, leaves)

    def compile_raw(self) -> Compiled:
        """Compile for the default device."""
        from axil.compiler.pipeline import compile_program
        from axil.compiler.targets import for_device
        from axil.runtime import Executable, default_device

        device = default_device()
        try:
            info = compile_program(self.trace.program.module, for_device(device), self.donated, self.jitted.label)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        executable = Executable(
            info.vmfb, device=device, results=len(self.outputs), name=self.jitted.label, cost=info.cost
        )
        return Compiled(executable, self.hidden, self.outputs, self.treedef, self.donated, info)

    def compile(self) -> CompiledFunction:
        """Compile; the result is called with arguments of these shapes and dtypes."""
        if self._compiled is None:  # compiling uses the traced module up
            self._compiled = self.compile_raw()
        return CompiledFunction(self, self._compiled)


class CompiledFunction:
    """A function compiled ahead of time for one kind of arguments."""

    def __init__(self, lowered: Lowered, compiled: Compiled) -> None:
        self.lowered = lowered
        self.compiled = compiled

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = _Arguments(self.lowered.jitted, args, kwargs)
        call.check_values()
        expected = self.lowered.call
        if call.treedef != expected.treedef:
            raise ArgumentError(
                errors.explain(
                    f"{call.label} was compiled for arguments of structure {expected.treedef}, got {call.treedef}",
                    user_line(),
                )
            )
        for i, (x, e) in enumerate(zip(call.operands, expected.operands)):
            if x.aval is not e.aval:
                raise ArgumentError(
                    errors.explain(f"{call.label} was compiled for {e.aval} as operand {i}, got {x.aval}", user_line())
                )
        results = self.compiled.run(call.operands)
        return tree.tree_unflatten(self.compiled.treedef, results)

    def as_text(self) -> str:
        """What was handed to IREE."""
        return self.compiled.info.source

    @property
    def seconds(self) -> dict[str, float]:
        """Time spent in each part of compiling."""
        return self.compiled.info.seconds


def _publish(trace: Trace) -> str:
    """Make a finished trace's function the public @main of its module; gives the module's text."""
    operation = trace.program.functions[trace.name]
    del operation.attributes["sym_visibility"]
    return trace.program.module.operation.get_asm(assume_verified=True)


# ---- programs that were traced eagerly but contain a jitted function -----------------------------------

_by_text: dict[str, Compiled] = {}


def _copied(module: Any) -> Any:
    """A copy of a module: compiling changes it, and a pullback may still need the functions in it."""
    from axil.dialects.mlir import ir

    return ir.Module.parse(module.operation.get_asm(enable_debug_info=True), module.context)


def run_program(trace: Trace, operands: Sequence[Any], outputs: Sequence[Tracer]) -> list[Array]:
    """Compile a finished program (once for each text) and run it."""
    text = _publish(trace)
    compiled = _by_text.get(text)
    if compiled is None:
        from axil.compiler.pipeline import compile_program
        from axil.compiler.targets import for_device
        from axil.runtime import Executable, default_device

        device = default_device()
        try:
            info = compile_program(_copied(trace.program.module), for_device(device))
        except RULE_ERRORS as e:
            raise user_error(e) from None
        executable = Executable(info.vmfb, device=device, results=len(outputs), name="main", cost=info.cost)
        compiled = Compiled(executable, [], [(t.aval, t.weak_type) for t in outputs], None, (), info)
        _by_text[text] = compiled
    return compiled.run([x if type(x) is Array else Array(np.asarray(x)) for x in operands])


# ---- the public functions ------------------------------------------------------------------------------


def jit(
    fun: Callable[..., Any] | None = None, *, static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None, donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None, keep_unused: bool = False, device: Any = None,
    backend: str | None = None, inline: bool = False, **unknown: Any,
) -> Any:  # fmt: skip
    """Compile `fun` with IREE for each kind of arguments that it is called with.

    Static arguments keep their Python values and must be hashable; a new value compiles anew. The memory of
    donated arguments may be reused for results; using them afterwards is an error. `keep_unused` and `inline` are
    taken for JAX's sake and change nothing. Also a decorator with
    options: `@jit(static_argnums=0)`.
    """
    unknown |= {k: v for k, v in (("device", device), ("backend", backend)) if v is not None}
    if unknown:
        raise errors.AxilTypeError(
            errors.explain(f"jit does not take the options {', '.join(unknown)}", user_line())
        )
    if fun is None:
        return lambda f: jit(
            f, static_argnums=static_argnums, static_argnames=static_argnames, donate_argnums=donate_argnums,
            donate_argnames=donate_argnames, keep_unused=keep_unused, inline=inline,
        )  # fmt: skip
    check_callable(fun, "jit")
    return JitFunction(fun, static_argnums, static_argnames, donate_argnums, donate_argnames, keep_unused, inline)


def _parameters(fun: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(fun).parameters.values())
    except (ValueError, TypeError):
        return []


def _static(parameters: list, argnums: Any, argnames: Any, label: str) -> tuple[tuple[int, ...], frozenset[str]]:
    """Static arguments by position and by name, each completed from the other through the signature."""
    numbers = () if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    names = () if argnames is None else (argnames,) if isinstance(argnames, str) else tuple(argnames)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variadic = any(p.kind == p.VAR_POSITIONAL for p in parameters) or not parameters
    count = len(positional)
    for i in numbers:
        if not isinstance(i, int):
            raise errors.AxilTypeError(
                errors.explain(f"{label}: argument numbers must be ints, got {i!r}", user_line())
            )
        if not variadic and not -count <= i < count:
            raise ArgumentError(
                errors.explain(
                    f"{label}: argument number {i} is out of range for a function of {count} positional arguments",
                    user_line(),
                )
            )
    known = {p.name for p in parameters}
    for name in names:
        if name not in known and parameters and not any(p.kind == p.VAR_KEYWORD for p in parameters):
            raise ArgumentError(
                errors.explain(f"{label}: there is no argument named {name!r}; there are {', '.join(sorted(known))}",
                               user_line())  # fmt: skip
            )
    numbers = tuple(i % count if i < 0 and count else i for i in numbers)
    by_name = [i for i, p in enumerate(positional) if p.name in names]
    chosen = [positional[i] for i in numbers if i < count]
    by_number = [p.name for p in chosen if p.kind != p.POSITIONAL_ONLY]
    return tuple(sorted({*numbers, *by_name})), frozenset([*names, *by_number])


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of `fun` with `ShapeDtypeStruct` leaves; nothing is computed."""
    check_callable(fun, "eval_shape")
    if state.trace is None:
        return jit(fun).lower(*args, **kwargs).out_info
    # Under a trace `fun` may close over its values: a function of the same module, which nothing calls.
    call = _Arguments(jit(fun), args, kwargs)
    flat = Flat(fun, call.rebuild, f"eval_shape({function_name(fun)})")
    avals, weak = [x.aval for x in call.operands], [x.weak_type for x in call.operands]
    traced = trace_function(flat.where, symbol(fun), flat, avals, weak)
    results = zip(traced.outputs, traced.weak)
    return flat.unflatten([ShapeDtypeStruct(a.shape, a.dtype, weak_type=w) for a, w in results])


def make_ir(fun: Callable[..., Any], static_argnums: Any = ()) -> Callable[..., str]:
    """A function that gives the traced program of `fun` as MLIR text in the `axil` dialect."""

    def traced(*args: Any, **kwargs: Any) -> str:
        return jit(fun, static_argnums=static_argnums or None).lower(*args, **kwargs).as_text("traced")

    return traced


def clear_caches() -> None:
    """Forget every compiled program of this process (the disk cache stays)."""
    for function in list(_ALL):
        function.clear_cache()
    _by_text.clear()


__all__ = [
    "CompiledFunction", "JitFunction", "Lowered", "ShapeDtypeStruct", "clear_caches", "eval_shape", "jit", "make_ir",
    "run_program",
]  # fmt: skip
