"""Exporting functions: a traced program as bytes, to be called in another process without its Python code.

    exported = axil.export.export(axil.jit(f))(axil.ShapeDtypeStruct((4,), "float32"))
    data = exported.serialize()
    ...
    g = axil.export.deserialize(data).call        # g(x), grad(g), vmap(g), jit(lambda x: g(x) + 1)

What is kept is the program in the `axil` dialect, not machine code: it is compiled where it is called, and can be
differentiated and batched there to any order, also after reading. (`axil.aot.save` writes machine code.) The shapes
of its arguments are fixed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from axil import errors, export_format, pytrees
from axil.avals_of import ShapedArray
from axil.core import Array, make_array, state
from axil.dialects.avals import Aval, aval, is_inexact
from axil.export_format import Content
from axil.export_trees import (
    UnserializableError,
    register_namedtuple_serialization,
    register_pytree_node_serialization,
)
from axil.jitted import JitFunction, jit
from axil.operands import ArgumentError, operand
from axil.prng import GENERATORS, PRNGKeyArray
from axil.recompiles import Text
from axil.runtime.errors import AxilError
from axil.source import user_line

minimum_supported_calling_convention_version = export_format.VERSION
"""The oldest format that is read."""
maximum_supported_calling_convention_version = export_format.VERSION
"""The newest format that is read, and the one that is written."""

PLATFORMS = ("cpu", "cuda", "rocm", "vulkan", "metal", "tpu")
"""Platforms that a program may be exported for."""


@dataclasses.dataclass(frozen=True)
class DisabledSafetyCheck:
    """A check that exporting or calling leaves out."""

    _name: str

    @classmethod
    def platform(cls) -> DisabledSafetyCheck:
        """Calling on a platform that the function was not exported for is allowed."""
        return cls("platform")

    @classmethod
    def custom_call(cls, target_name: str) -> DisabledSafetyCheck:
        """For JAX's sake: programs here have no custom calls, so there is nothing to check."""
        return cls(f"custom_call:{target_name}")

    def __str__(self) -> str:
        return self._name


class Exported:
    """A function as a program of its own, without the Python code that it comes from. Made by `export`."""

    def __init__(self, content: Content, functions: Any = None) -> None:
        self._content = content
        self._functions = functions
        self.fun_name = content.fun_name
        self.in_tree, self.out_tree = content.in_tree, content.out_tree
        self.in_avals, self.out_avals = content.in_avals, content.out_avals
        self.platforms = content.platforms
        self.nr_devices = 1
        self.calling_convention_version = export_format.VERSION
        self.disabled_safety_checks = tuple(map(DisabledSafetyCheck, content.disabled_checks))
        self._constants = [make_array(x, aval(x.shape, x.dtype)) for x in content.constants]
        self._run = jit(self._emit)
        self._run.label = f"exported({self.fun_name})"

    def mlir_module(self) -> Text:
        """The program as MLIR text in the `axil` dialect."""
        return Text(self._content.module)

    @property
    def mlir_module_serialized(self) -> bytes:
        """The text of the program, as bytes."""
        return self._content.module.encode()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function: with arrays, or under `jit`, `grad`, `vmap` and the other transformations.

        The arguments must have the exported structure, shapes and dtypes.
        """
        self._check_platform()
        leaves, treedef = pytrees.tree_flatten((args, kwargs))
        if treedef != self.in_tree:
            raise ArgumentError(
                errors.explain(
                    f"the exported function {self.fun_name} takes arguments of structure {self.in_tree}, not {treedef}",
                    user_line(),
                )
            )
        operands = [self._checked(x, i) for i, x in enumerate(leaves)]
        return pytrees.tree_unflatten(self.out_tree, self._run(*operands))

    def has_vjp(self) -> bool:
        """Always true: the program can be differentiated wherever it is."""
        return True

    def vjp(self) -> Exported:
        """The exported function that takes the arguments' leaves and then the cotangents of the results' leaves.

        It gives a tuple of cotangents of the arguments' leaves (zeros for those that are not floating point).
        """
        from axil.linear_maps import vjp

        count = len(self.in_avals)

        def pullback(*values: Any) -> tuple:
            primals, cotangents = values[:count], values[count:]
            _, pull = vjp(lambda *xs: self._run(*xs), *primals)
            found = pull([_cotangent(c) for c in cotangents])
            return tuple(_zeros_like(x) if _is_float0(g) else g for x, g in zip(primals, found))

        pullback.__name__ = f"{self.fun_name}_vjp"
        checks = self.disabled_safety_checks
        exporting = export(jit(pullback), platforms=self.platforms, disabled_checks=checks)
        return exporting(*map(_struct, [*self.in_avals, *self.out_avals]))

    def serialize(self, vjp_order: int = 0) -> bytearray:
        """The function as bytes, for `deserialize`. `vjp_order` is for JAX's sake: derivatives are made when needed.

        Raises `UnserializableError` where the program calls Python functions, and for classes among the arguments or
        results that are not registered for serialization.
        """
        if not isinstance(vjp_order, int) or vjp_order < 0:
            raise ValueError(f"serialize: vjp_order is a number of derivatives, at least 0; got {vjp_order!r}")
        if self._functions is not None and self._functions.held:
            raise UnserializableError(
                f"the exported function {self.fun_name} cannot be written down: it calls Python functions (callbacks, "
                "or rules of custom derivatives that are asked when a derivative is taken), which exist in this "
                "process only. Leave the callbacks out, or write the rules without symbolic zeros"
            )
        return bytearray(export_format.write(self._content._replace(vjp_order=vjp_order)))

    def __repr__(self) -> str:
        inputs = ", ".join(map(str, self.in_avals))
        outputs = ", ".join(map(str, self.out_avals))
        return f"<Exported {self.fun_name}({inputs}) -> ({outputs}) for {', '.join(self.platforms)}>"

    # ---- calling ---------------------------------------------------------------------------------------

    def _emit(self, *operands: Any) -> list:
        """Under a trace: the program's functions are copied into that of the trace, and called."""
        trace = state.trace
        if trace is None:  # `disable_jit`
            return self._interpret(operands)
        functions = trace.program.functions
        with trace.program.context, trace.program.ir.Location.unknown():
            name = functions.import_from(self._table(), "main")
            functions.table[name].attributes["sym_visibility"] = trace.program.ir.StringAttr.get("private")
        return trace.call(name, [*operands, *self._constants], [a.weak_type for a in self.out_avals])

    def _interpret(self, operands: Sequence[Any]) -> list[Array]:
        from axil.compiler.interpreter import Interpreter

        functions = self._table()
        with functions.block.owner.context, _unknown_location():
            results = Interpreter(functions).run("main", [x._numpy for x in [*operands, *self._constants]])
        return [make_array(r, _interned(a), a.weak_type) for r, a in zip(results, self.out_avals)]

    def _table(self) -> Any:
        """The functions of the module."""
        if self._functions is None:
            from axil.compiler.derive import Deriver
            from axil.dialects.mlir import parse_module

            self._functions = Deriver(parse_module(self._content.module, f"exported {self.fun_name}"))
        return self._functions

    def _checked(self, x: Any, position: int) -> Any:
        wanted = self.in_avals[position]
        value = operand(x, f"the exported function {self.fun_name}")
        if value.aval is not _interned(wanted):
            keys = pytrees.tree_unflatten(self.in_tree, list(range(len(self.in_avals))))
            path = pytrees.keystr(pytrees.tree_flatten_with_path(keys)[0][position][0])
            raise ArgumentError(
                errors.explain(
                    f"the exported function {self.fun_name} takes {wanted} as (args, kwargs){path}, got {value.aval}",
                    user_line(), ways_out=["convert the argument", "or export the function for these shapes too"],
                )
            )  # fmt: skip
        return value

    def _check_platform(self) -> None:
        from axil.runtime import default_device

        here = default_device().platform
        here = {"hip": "rocm"}.get(here, here)
        if here not in self.platforms and DisabledSafetyCheck.platform() not in self.disabled_safety_checks:
            raise ArgumentError(
                errors.explain(
                    f"the function {self.fun_name} was exported for {', '.join(self.platforms)}, but called on {here}",
                    user_line(), ways_out=[f"export it with platforms=[..., {here!r}]",
                                           "or with disabled_checks=[axil.export.DisabledSafetyCheck.platform()]"],
                )
            )  # fmt: skip


def export(
    fun_jit: Callable[..., Any], *, platforms: Sequence[str] | None = None,
    disabled_checks: Sequence[DisabledSafetyCheck] = (),
) -> Callable[..., Exported]:  # fmt: skip
    """A function that takes arguments (arrays or `ShapeDtypeStruct`s) and gives `fun_jit`, exported for such.

    `fun_jit` is what `jit` gives. `platforms` are those where it may be called; the program is the same for all.
    """
    if not isinstance(fun_jit, JitFunction):
        raise ArgumentError(
            errors.explain("export takes a jitted function", user_line(), ways_out=["export(axil.jit(f))"])
        )
    chosen = _platforms(platforms)
    checks = tuple(str(c) for c in disabled_checks)

    def exporter(*args: Any, **kwargs: Any) -> Exported:
        traced = fun_jit.trace(*args, **kwargs)
        trace = traced._trace
        content = Content(
            traced.fun_name, traced.in_tree, tuple(traced._in_avals()), traced.out_tree,
            tuple(ShapedArray(a.shape, a.dtype, w) for a, w in traced._outputs), chosen, checks, 0, str(traced.ir),
            tuple(np.asarray(c.source) for c in trace.captures),
        )  # fmt: skip
        return Exported(content, trace.program.functions)

    return exporter


def deserialize(blob: bytes | bytearray) -> Exported:
    """The exported function of bytes that `serialize` gave. Raises `ArtifactError` where they are damaged."""
    return Exported(export_format.read(bytes(blob)))


def default_export_platform() -> str:
    """The platform that functions are exported for where none is named: that of this process."""
    from axil.runtime import default_device

    platform = default_device().platform
    return {"hip": "rocm"}.get(platform, platform)


def _platforms(platforms: Sequence[str] | None) -> tuple[str, ...]:
    if platforms is None:
        return (default_export_platform(),)
    chosen = (platforms,) if isinstance(platforms, str) else tuple(platforms)
    unknown = [p for p in chosen if p not in PLATFORMS]
    if unknown or not chosen:
        raise ArgumentError(
            errors.explain(f"export: platforms are some of {', '.join(PLATFORMS)}; got {platforms!r}", user_line())
        )
    return chosen


class FixedShapesError(AxilError, NotImplementedError):
    """A function was to be exported for arrays of any size."""


_FIXED_SHAPES = (
    "shapes of exported functions are fixed: a program is traced for them, and cannot be traced again without its "
    "Python code. Export it for each of the shapes that are needed, or for the largest one and pad"
)


class SymbolicScope:
    """Of JAX's symbolic shapes, which do not exist here."""

    def __init__(self, constraints_str: Sequence[str] = ()) -> None:
        _no_symbols()


def symbolic_shape(shape_spec: Any = None, **options: Any) -> NoReturn:
    """Not there: raises, with the reason and the way out."""
    _no_symbols()


def symbolic_args_specs(args: Any, shapes_specs: Any, **options: Any) -> NoReturn:
    """Not there: raises, with the reason and the way out."""
    _no_symbols()


def is_symbolic_dim(p: Any) -> bool:
    """Whether a dimension is symbolic: none is."""
    return False


def _no_symbols() -> NoReturn:
    raise FixedShapesError(errors.explain(_FIXED_SHAPES, user_line()))


register_pytree_node_serialization(
    PRNGKeyArray, serialized_name="axil.PRNGKeyArray", serialize_auxdata=lambda generator: generator.name.encode(),
    deserialize_auxdata=lambda data: GENERATORS[data.decode()],
)  # fmt: skip


def _struct(of: ShapedArray) -> Any:
    from axil.shape_structs import ShapeDtypeStruct

    return ShapeDtypeStruct(of.shape, of.dtype, weak_type=of.weak_type)


def _interned(of: ShapedArray) -> Aval:
    return aval(tuple(of.shape), np.dtype(of.dtype))


def _unknown_location() -> Any:
    from axil.dialects.mlir import ir

    return ir.Location.unknown()


def _is_float0(x: Any) -> bool:
    return getattr(x.dtype, "names", None) == ("float0",)


def _cotangent(c: Any) -> Any:
    """The cotangent of an integer result is of the type that holds nothing."""
    if is_inexact(c.aval.dtype):
        return c
    from axil.forward_mode import float0_zeros

    return float0_zeros(c.aval)


def _zeros_like(x: Any) -> Array:
    return make_array(np.zeros(x.aval.shape, x.aval.dtype), x.aval)


__all__ = [
    "DisabledSafetyCheck", "Exported", "SymbolicScope", "default_export_platform", "deserialize", "export",
    "is_symbolic_dim", "maximum_supported_calling_convention_version", "minimum_supported_calling_convention_version",
    "register_namedtuple_serialization", "register_pytree_node_serialization", "symbolic_args_specs", "symbolic_shape",
]  # fmt: skip
