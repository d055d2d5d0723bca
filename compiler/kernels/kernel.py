"""What a kernel is: one dispatch written by us, and the private function that programs call it by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from axil.compiler.kernels.text import Builder, signless, storage, tensor_type, width

PREFIX = "axil.kernel."
MAX_BINDINGS = 60
"""Buffers that one dispatch may take; IREE's limit on CPUs is 64."""


@dataclass(frozen=True)
class Declined:
    """Why no kernel was emitted; the caller lowers in the general way instead."""

    reason: str

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Tensor:
    """The shape and element type (in MLIR's spelling, `ui8` for an unsigned byte) of an operand or result."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for dim in self.shape:
            size *= dim
        return size

    @property
    def type(self) -> str:
        """The tensor type as programs see it."""
        return tensor_type(self.shape, self.dtype)

    @property
    def plain_type(self) -> str:
        """The tensor type that crosses the dispatch: IREE's dispatches know no signedness."""
        return tensor_type(self.shape, signless(self.dtype))


@dataclass(frozen=True)
class Kernel:
    """An emitted kernel: `text` defines `symbol`, a private function of the given tensors, and its executable."""

    symbol: str
    text: str = field(repr=False)
    inputs: tuple[Tensor, ...]
    results: tuple[Tensor, ...]

    @property
    def function_type(self) -> str:
        """The type of the function that programs call."""
        inputs, results = (", ".join(t.type for t in group) for group in (self.inputs, self.results))
        return f"({inputs}) -> ({results})"

    @property
    def declaration(self) -> str:
        """`func.func private @symbol(...) -> (...)`, for programs that call before linking."""
        return f"func.func private @{self.symbol}{self.function_type}"


@dataclass
class Plan:
    """The buffers of a dispatch: what it reads, what it gives, and what it needs for itself while it runs.

    `constants` are literals that the body reads as further inputs. Scratch space is an output that nobody
    reads: that works on every device, where stack allocation does not.
    """

    name: str
    inputs: list[Tensor]
    results: list[Tensor]
    scratch: list[Tensor] = field(default_factory=list)
    constants: list[tuple[Tensor, str]] = field(default_factory=list)
    workgroups: int = 1
    as_bits: bool = False
    """Whether the code takes all elements as integers of their width."""
    returns: list[int | None] | None = None
    """For each result, the input that it simply is (and then it has no buffer), or None."""


def bind(b: Builder, plan: Plan) -> list[str]:
    """Names the flat memrefs of a plan's buffers: inputs, constants, results with a buffer, scratch."""
    names = []
    zero = b.op("arith.constant 0 : index")
    for i, tensor in enumerate(_buffers(plan)):
        type_ = memref_type(tensor, plan.as_bits)
        names.append(b.op(f'"stream.binding.subspan"(%b{i}, {zero}) : (!stream.binding, index) -> {type_}'))
    return names


def memref_type(tensor: Tensor, as_bits: bool = False) -> str:
    """The flat buffer of a tensor; a scalar has one element."""
    element = f"i{width(tensor.dtype)}" if as_bits else storage(tensor.dtype)
    return f"memref<{tensor.size}x{element}>"


def assemble(plan: Plan, body: Callable[[Builder, list[str]], None]) -> Kernel | Declined:
    """The kernel of a plan; `body` writes its code, given the names of its buffers in `bind`'s order."""
    buffers = _buffers(plan)
    if len(buffers) > MAX_BINDINGS:
        return Declined(f"{len(buffers)} buffers; a dispatch takes {MAX_BINDINGS}")
    b = Builder()
    body(b, bind(b, plan))
    arguments = ", ".join(f"%b{i}: !stream.binding" for i in range(len(buffers)))
    text = _EXECUTABLE.format(workgroups=plan.workgroups, arguments=arguments, body=b.text())
    wrapper = _wrapper(plan)
    digest = hashlib.sha256((text + wrapper).encode()).hexdigest()[:12]
    symbol = f"{PREFIX}{plan.name}.{digest}"
    text = (text + wrapper).replace(_SYMBOL, symbol)
    return Kernel(symbol, text, tuple(plan.inputs), tuple(plan.results))


_SYMBOL = "<symbol>"

# Generic form with discardable attributes: `stream` is not registered where this text is parsed, and the
# bytecode of unregistered properties is not readable where it is.
_EXECUTABLE = """
"stream.executable"() ({{
  "stream.executable.export"() ({{
    %one = "arith.constant"() {{value = 1 : index}} : () -> index
    %count = "arith.constant"() {{value = {workgroups} : index}} : () -> index
    "stream.return"(%count, %one, %one) : (index, index, index) -> ()
  }}) {{function_ref = @entry, sym_name = "entry", sym_visibility = "public"}} : () -> ()
  builtin.module {{
    func.func @entry({arguments}) {{
{body}
      return
    }}
  }}
  "stream.executable.end"() : () -> ()
}}) {{sym_name = "<symbol>.code", sym_visibility = "private"}} : () -> ()
"""


def _buffers(plan: Plan) -> list[Tensor]:
    """The buffers that the dispatch binds, in order."""
    constants = [tensor for tensor, _ in plan.constants]
    return [*plan.inputs, *constants, *_outputs(plan)]


def _outputs(plan: Plan) -> list[Tensor]:
    """What the dispatch itself gives: the results that are not just inputs, and the scratch space."""
    returns = plan.returns or [None] * len(plan.results)
    return [t for t, source in zip(plan.results, returns) if source is None and t.size] + plan.scratch


def _wrapper(plan: Plan) -> str:
    """The private function around the dispatch: hides scratch space, constants and signedness."""
    b = Builder()
    names = [f"%arg{i}" for i in range(len(plan.inputs))]
    operands = [_converted(b, n, t.type, t.plain_type) for n, t in zip(names, plan.inputs)]
    operands += [b.op(f"stablehlo.constant {literal} : {t.plain_type}") for t, literal in plan.constants]
    types = [t.plain_type for t in (*plan.inputs, *(t for t, _ in plan.constants))]
    outputs = [t.plain_type for t in _outputs(plan)]
    found: list[str] = []
    if outputs:
        call = b.name()
        b.line(
            f'{call}:{len(outputs)} = "flow.dispatch"({", ".join(operands)}) '
            f"{{entry_points = [@{_SYMBOL}.code::@entry], operandSegmentSizes = array<i32: 0, {len(types)}, 0, 0>}}"
            f" : ({', '.join(types)}) -> ({', '.join(outputs)})"
        )
        found = [f"{call}#{i}" for i in range(len(outputs))]
    position = iter(found)
    values = []
    for tensor, source in zip(plan.results, plan.returns or [None] * len(plan.results)):
        if source is not None:
            values.append(names[source])
        elif not tensor.size:
            values.append(b.op(f"stablehlo.constant dense<> : {tensor.type}"))
        else:
            values.append(_converted(b, next(position), tensor.plain_type, tensor.type))
    signature = ", ".join(f"{n}: {t.type}" for n, t in zip(names, plan.inputs))
    results = ", ".join(t.type for t in plan.results)
    ending = f"return {', '.join(values)} : {results}" if values else "return"
    return f"func.func private @{_SYMBOL}({signature}) -> ({results}) {{\n{b.text()}\n{ending}\n}}\n"


def _converted(b: Builder, value: str, source: str, target: str) -> str:
    """A change of signedness only, which costs nothing at run time."""
    return value if source == target else b.op(f"stablehlo.convert {value} : ({source}) -> {target}")


def kernel_without_code(plan: Plan) -> Kernel:
    """A kernel that gives its results without any work: they are all inputs, or empty."""
    wrapper = _wrapper(plan)
    symbol = f"{PREFIX}{plan.name}.{hashlib.sha256(wrapper.encode()).hexdigest()[:12]}"
    return Kernel(symbol, wrapper.replace(_SYMBOL, symbol), tuple(plan.inputs), tuple(plan.results))


def positions(sizes: Sequence[int]) -> list[slice]:
    """Slices that cut a list into groups of the given sizes."""
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [slice(start, start + size) for start, size in zip(starts, sizes)]
