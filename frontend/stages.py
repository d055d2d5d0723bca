"""The stages of compiling: traced, lowered, compiled. `axil.stages`.

    traced = axil.jit(f).trace(x)       # a program in the axil dialect; nothing is computed
    lowered = traced.lower()            # ready for the compiler: text of each stage, costs
    compiled = lowered.compile()        # an executable for arguments of these shapes and dtypes
    y = compiled(x)

Each stage knows the arguments (`args_info`, `in_tree`, `in_avals`) and the results (`out_info`, `out_tree`). Static
arguments are a part of the program: they are passed to `trace` and `lower`, and left out in a call of what is compiled.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from axil import errors, pytrees
from axil.avals_of import ShapedArray
from axil.config import config
from axil.core import Trace
from axil.operands import ArgumentError
from axil.programs import RunnableProgram, copied, publish, text_of
from axil.recompiles import Text
from axil.shape_structs import ShapeDtypeStruct
from axil.source import user_line

if TYPE_CHECKING:
    from axil.call_arguments import Arguments, Jitted
    from axil.compiler.loops import LoopReport
    from axil.runtime import Executable

CompilerOptions = Mapping[str, str | bool]
"""Settings of IREE by name; see `axil.compiler.options`."""


@runtime_checkable
class Wrapped(Protocol):
    """A function that can be traced, lowered and compiled ahead of time: what `jit` gives."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function, compiling it where needed."""

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace the function for arguments like these."""
        ...

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace and lower the function for arguments like these."""
        ...


@dataclass(frozen=True)
class ArgInfo:
    """What is known of one argument: `shape`, `dtype` and whether it is `donated`."""

    aval: ShapedArray
    donated: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """The dtype."""
        return self.aval.dtype


class Stage:
    """What all stages know."""

    _jitted: Jitted
    _call: Arguments
    _treedef: Any
    _outputs: Sequence[tuple[Any, bool]]

    @property
    def fun_name(self) -> str:
        """The function's name."""
        return self._jitted.label.removeprefix("jit(").removesuffix(")")

    @property
    def in_tree(self) -> Any:
        """The structure of `(args, kwargs)`, without static arguments."""
        return self._call.treedef

    @property
    def out_tree(self) -> Any:
        """The structure of the result."""
        return self._treedef

    @property
    def in_avals(self) -> Any:
        """Shapes and dtypes of the arguments, as `(args, kwargs)`."""
        return pytrees.tree_unflatten(self._call.treedef, self._in_avals())

    @property
    def out_avals(self) -> Any:
        """Shapes and dtypes of the result, in its structure."""
        return pytrees.tree_unflatten(self._treedef, [ShapedArray(a.shape, a.dtype, w) for a, w in self._outputs])

    @property
    def args_info(self) -> Any:
        """An `ArgInfo` for each argument, as `(args, kwargs)`."""
        donated = set(self._call.donated)
        infos = [ArgInfo(a, i in donated) for i, a in enumerate(self._in_avals())]
        return pytrees.tree_unflatten(self._call.treedef, infos)

    @property
    def out_info(self) -> Any:
        """A `ShapeDtypeStruct` for each array of the result, in its structure."""
        leaves = [ShapeDtypeStruct(a.shape, a.dtype, weak_type=w) for a, w in self._outputs]
        return pytrees.tree_unflatten(self._treedef, leaves)

    @property
    def donate_argnums(self) -> tuple[int, ...]:
        """The leaves of the arguments that are donated, by position."""
        return self._call.donated

    def _in_avals(self) -> list[ShapedArray]:
        return [ShapedArray(x.aval.shape, x.aval.dtype, x.weak_type) for x in self._call.operands]

    def __reduce__(self) -> NoReturn:
        kind = type(self).__name__
        raise TypeError(
            f"a {kind} of {self._jitted.label} cannot be pickled: it belongs to this process. To keep it, write an "
            "artifact with axil.aot.save(path, f, *args), or serialize the program: axil.export.export(f)(*args)"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._jitted.label}>"


class Traced(Stage):
    """A function traced for arguments of certain shapes and dtypes: a program in the `axil` dialect."""

    def __init__(self, jitted: Jitted, trace: Trace, treedef: Any, outputs: list, call: Arguments) -> None:
        self._jitted = jitted
        self._trace = trace
        self._treedef = treedef
        self._outputs = outputs
        self._call = call
        publish(trace)

    @functools.cached_property
    def ir(self) -> Text:
        """The program as MLIR text in the `axil` dialect. What JAX calls `jaxpr`."""
        return Text(text_of(self._trace))

    @property
    def jaxpr(self) -> Text:
        """The same as `ir`, under JAX's name."""
        return self.ir

    @property
    def size(self) -> int:
        """How many operations were traced."""
        return self._trace.program.functions.size

    def lower(self, *, lowering_platforms: Sequence[str] | None = None) -> Lowered:
        """Make the program ready for the compiler. It can only be lowered for the device of this process."""
        if lowering_platforms is not None:
            raise ArgumentError(
                errors.explain("lower: a program is lowered for the device of this process", user_line(), ways_out=[
                    "for other platforms: axil.aot.save(path, f, *args, targets=[...])",
                    "or axil.export.export(f, platforms=[...])(*args)",
                ])
            )  # fmt: skip
        return Lowered(self)


class Lowered(Stage):
    """A traced program that has not been compiled yet."""

    def __init__(self, traced: Traced) -> None:
        self._traced = traced
        self.trace = traced._trace  # the program in the making
        self._jitted, self._call = traced._jitted, traced._call
        self._treedef, self._outputs = traced._treedef, traced._outputs
        self._hidden = [c.source for c in traced._trace.captures]
        self._programs: dict[Any, RunnableProgram] = {}

    def as_text(self, stage: str | None = "stablehlo", *, debug_info: bool = False) -> Text:
        """The program as MLIR text: `"traced"`, `"expanded"` (derivatives written out) or `"stablehlo"`.

        With `debug_info`, operations have the places in the source that they come from.
        """
        if stage == "traced" and not debug_info:
            return self._traced.ir
        operation = self.compiler_ir(stage).operation
        return Text(operation.get_asm(assume_verified=True, enable_debug_info=debug_info))

    def compiler_ir(self, stage: str | None = "stablehlo") -> Any:
        """The program as a module of the MLIR bindings, of its own: changing it changes nothing else."""
        from axil.compiler import pipeline
        from axil.compiler.passes.passes import run_pipeline
        from axil.compiler.targets import resolve

        stage = stage or "stablehlo"
        if stage not in pipeline.STAGES:
            raise ArgumentError(
                errors.explain(f"there is no stage {stage!r}; the stages are {', '.join(pipeline.STAGES)}", user_line())
            )
        module = copied(self.trace.program.module)
        if stage != "traced":
            pipeline.transform(module)
        if stage == "stablehlo":
            run_pipeline(module, pipeline.lowering_passes(resolve("host"), (), guarded=False))
        return module

    def cost_analysis(self) -> Any:
        """Estimated work of a call: flops, transcendental functions, bytes accessed. A `CostAnalysis`, a dict."""
        from axil.compiler.cost import analyse

        return analyse(self.compiler_ir("expanded"))

    def loop_report(self) -> LoopReport:
        """Which form each loop of the program takes on the CPU, and why: a list that prints a line a loop."""
        from axil.compiler.loops import loop_report

        return loop_report(self.compiler_ir("traced"))

    def compile(
        self, compiler_options: CompilerOptions | None = None, *, device_assignment: Any = None
    ) -> Compiled:
        """Compile for the device of this process; the result is called with arguments of these shapes and dtypes."""
        if device_assignment is not None:
            raise ArgumentError(errors.explain("compile: a program runs on the device of this process", user_line(),
                                               ways_out=["leave device_assignment out"]))  # fmt: skip
        return Compiled(self, self.program(compiler_options))

    def program(self, compiler_options: CompilerOptions | None = None) -> RunnableProgram:
        """The compiled program, for those who have flat operands at hand."""
        from axil.compiler.options import flags_of

        flags = flags_of({**self._jitted.compiler_options, **(compiler_options or {})})
        if flags not in self._programs:
            from axil.compiling import compile_lowered

            self._programs[flags] = compile_lowered(self, flags)
        return self._programs[flags]

    @property
    def hidden(self) -> list[Any]:
        """Constants that the program takes as further operands."""
        return self._hidden


class Compiled(Stage):
    """A function compiled ahead of time for arguments of certain shapes and dtypes."""

    def __init__(self, lowered: Lowered, program: RunnableProgram) -> None:
        self._lowered = lowered
        self._program = program
        self._jitted, self._call = lowered._jitted, lowered._call
        self._treedef, self._outputs = lowered._treedef, lowered._outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program. Static arguments are left out: their values are a part of it."""
        from axil.aot_calls import checked_operands

        operands = checked_operands(self, args, kwargs)
        if config.watching:
            from axil.watched_calls import call_compiled

            return call_compiled(self, operands)
        return self._program.call(operands)

    def as_text(self) -> Text:
        """What was handed to IREE."""
        return Text(self._program.info.source)

    def cost_analysis(self) -> Any:
        """Estimated work of a call: flops, transcendental functions, bytes accessed. A `CostAnalysis`, a dict."""
        return self._lowered.cost_analysis()

    def memory_analysis(self) -> Any:
        """Memory that a call takes, as computed from the program handed to IREE. A `MemoryAnalysis`."""
        from axil.compiler.memory import analyse_text

        return analyse_text(self._program.info)

    def runtime_executable(self) -> Executable:
        """The executable on its device: takes and gives `HalBufferView`s."""
        return self._program.executable

    @property
    def seconds(self) -> dict[str, float]:
        """Time spent in each part of compiling."""
        return self._program.info.seconds

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("input_shardings", "output_shardings", "input_formats", "output_formats"):
            raise AttributeError(f"Compiled has no {name}: a program runs on one device, and its arrays are row-major")
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


__all__ = ["ArgInfo", "Compiled", "CompilerOptions", "Lowered", "Traced", "Wrapped"]
