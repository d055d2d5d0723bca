"""What a kernel is: one dispatch written by us, and the private function that programs call it by."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from axil.compiler.kernels.text import ELEMENT_TYPES, Builder, signless, storage, tensor_type, width

PREFIX = "axil.kernel."
MAX_BINDINGS = 32
"""Buffers that one dispatch may take; the HAL module of IREE's VM refuses more when the program is loaded."""


@dataclass(frozen=True)
class Declined:
    """Why no kernel was emitted; the caller lowers in the general way instead."""

    reason: str
    location: Any = None
    """Where in the program the reason is, an MLIR location, if it is one operation."""

    def __bool__(self) -> bool:
        return False


class Unsupported(Exception):
    """The program has something that a kernel has no code for; the message completes "the program has"."""

    location: Any = None


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


def tensor_of(type_: Any) -> Tensor:
    """Shape and element type of an MLIR tensor type."""
    text = str(type_)
    if not text.startswith("tensor<") or "?" in text:
        raise Unsupported(f"a value of type {text}")
    *dims, dtype = text[len("tensor<") : -1].split("x")
    if dtype not in ELEMENT_TYPES or not all(d.isdigit() for d in dims):
        raise Unsupported(f"elements of type {text}")
    return Tensor(tuple(int(d) for d in dims), dtype)


@dataclass(frozen=True)
class Kernel:
    """An emitted kernel: `text` defines `symbol`, a private function of tensors, and its executable."""

    symbol: str
    text: str = field(repr=False)
    inputs: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    sources: tuple[int | None, ...] = ()
    """For each result, the input that it simply is, or None; empty if none is."""
    inline: Callable[..., Any] | None = field(default=None, repr=False, compare=False)
    """Writes the kernel's code into that of another one (see `loop_body.inner_kernel`), if it can."""

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

    The kernel's code knows them as `%in0`, `%literal0`, `%out0` and so on, by position, and scratch space by
    the names chosen for it. Scratch space is an output that nobody reads: that works on every device, where
    stack allocation does not.
    """

    name: str
    inputs: list[Tensor]
    results: list[Tensor]
    scratch: dict[str, Tensor] = field(default_factory=dict)
    literals: list[tuple[Tensor, str]] = field(default_factory=list)
    """Constants that the code reads from memory, each with its value."""
    returns: list[int | None] | None = None
    """For each result, the input that it simply is (and then it has no buffer), or None."""
    workgroups: int = 1
    packs: dict[str, list[int]] = field(default_factory=dict)
    """Inputs that lie one after the other in one buffer, `%pack0` and so on (see `packed`)."""
    result_packs: dict[str, list[int]] = field(default_factory=dict)
    """The same for results."""
    as_bits: bool = False
    """Whether the code takes all elements as integers of their width."""
    platform: str = "cpu"

    @property
    def sources(self) -> list[int | None]:
        """`returns`, for every result."""
        return self.returns or [None] * len(self.results)

    def memref_type(self, tensor: Tensor) -> str:
        """The type of a tensor's buffer: flat, one element for a scalar.

        IREE packs buffers together and gives the kernel offsets into them. Its SPIR-V lowering takes those
        only if the type allows for an offset, and then only in two dimensions, which it flattens itself.
        """
        element = f"i{width(tensor.dtype)}" if self.as_bits else storage(tensor.dtype)
        if self.platform == "vulkan":
            return f"memref<1x{tensor.size}x{element}, strided<[{tensor.size}, 1], offset: ?>>"
        return f"memref<{tensor.size}x{element}>"

    def outputs(self) -> dict[str, Tensor]:
        """What the dispatch gives: the results that are not just inputs or empty, and the scratch space."""
        made = zip(self.results, self.sources)
        results = [i for i, (t, source) in enumerate(made) if source is None and t.size]
        return _buffers("%out", results, self.results, self.result_packs) | self.scratch

    def buffers(self) -> dict[str, Tensor]:
        """All that the dispatch binds, in order."""
        inputs = _buffers("%in", range(len(self.inputs)), self.inputs, self.packs)
        return inputs | {f"%literal{i}": t for i, (t, _) in enumerate(self.literals)} | self.outputs()

    def input_place(self, number: int) -> tuple[str, int, int]:
        """The buffer of an input: its name, its size, and where the input starts in it."""
        return _place("%in", number, self.inputs, self.packs)

    def result_place(self, number: int) -> tuple[str, int, int]:
        """The buffer of a result, as `input_place`."""
        return _place("%out", number, self.results, self.result_packs)


def _buffers(
    prefix: str, numbers: Sequence[int], tensors: Sequence[Tensor], packs: dict[str, list[int]]
) -> dict[str, Tensor]:
    """The buffers that some tensors lie in."""
    inside = {i for members in packs.values() for i in members}
    alone = {f"{prefix}{i}": tensors[i] for i in numbers if i not in inside}
    return alone | {
        name: Tensor((sum(tensors[i].size for i in members),), tensors[members[0]].dtype)
        for name, members in packs.items()
    }


def _place(
    prefix: str, number: int, tensors: Sequence[Tensor], packs: dict[str, list[int]]
) -> tuple[str, int, int]:
    """Name and size of the buffer that a tensor lies in, and where it starts."""
    for name, members in packs.items():
        if number in members:
            sizes = [tensors[i].size for i in members]
            return name, sum(sizes), sum(sizes[: members.index(number)])
    return f"{prefix}{number}", tensors[number].size, 0


def packed(plan: Plan) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Inputs and results of a plan with too many buffers that should share some: the smallest, which cost least.

    Packing takes a copy of each before the dispatch, or after it.
    """
    excess = len(plan.buffers()) - MAX_BINDINGS
    chosen: list[dict[str, list[int]]] = []
    for prefix, tensors, sources in (
        ("%pack", plan.inputs, [None] * len(plan.inputs)), ("%outpack", plan.results, plan.sources)
    ):  # fmt: skip
        packs: dict[str, list[int]] = {}
        groups: dict[str, list[int]] = {}
        for i, (tensor, source) in enumerate(zip(tensors, sources)):
            if source is None and tensor.size:
                groups.setdefault(tensor.dtype, []).append(i)
        for members in sorted(groups.values(), key=len, reverse=True):
            if excess > 0 and len(members) > 1:
                smallest = sorted(members, key=lambda i: tensors[i].size)[: excess + 1]
                packs[f"{prefix}{len(packs)}"] = sorted(smallest)
                excess -= len(smallest) - 1
        chosen.append(packs)
    return chosen[0], chosen[1]


# The kernels made by this thread that are still in use, by symbol. A loop's kernel is asked for again when the loop
# around it is lowered, in the same module and before that one's kernels are let go.
_made = threading.local()


def find_kernel(symbol: str) -> Kernel | None:
    """The kernel that this thread made under a name, while somebody holds it."""
    found = getattr(_made, "kernels", None)
    return found.get(symbol) if found is not None else None


def remember(kernel: Kernel) -> None:
    """Lets `find_kernel` find a kernel."""
    if not hasattr(_made, "kernels"):
        _made.kernels = weakref.WeakValueDictionary()
    _made.kernels[kernel.symbol] = kernel


def assemble(plan: Plan, code: str) -> Kernel | Declined:
    """The kernel of a plan, from the code that works on its buffers."""
    buffers = plan.buffers()
    if len(buffers) > MAX_BINDINGS:
        return Declined(f"{len(buffers)} buffers; a dispatch takes {MAX_BINDINGS}")
    if not plan.outputs():
        return kernel_without_code(plan)
    b = Builder()
    # On Vulkan all buffers must have offsets that are not constant: the third workgroup number is one, always
    # zero.
    nothing = '"stream.dispatch.workgroup.id"() {dimension = 2 : index} : () -> index'
    b.line(f"%offset = {nothing if plan.platform == 'vulkan' else 'arith.constant 0 : index'}")
    for i, (name, tensor) in enumerate(buffers.items()):
        type_ = plan.memref_type(tensor)
        b.line(f'{name} = "stream.binding.subspan"(%b{i}, %offset) : (!stream.binding, index) -> {type_}')
    arguments = ", ".join(f"%b{i}: !stream.binding" for i in range(len(buffers)))
    text = _EXECUTABLE.format(workgroups=plan.workgroups, arguments=arguments, body=b.text() + "\n" + code)
    return _named(plan, text + _wrapper(plan))


def kernel_without_code(plan: Plan) -> Kernel:
    """A kernel that gives its results without any work: they are all inputs, or empty."""
    return _named(plan, _wrapper(plan))


def _named(plan: Plan, text: str) -> Kernel:
    """The kernel of a text, under a name made from the text."""
    symbol = f"{PREFIX}{plan.name}.{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    sources = tuple(plan.sources) if plan.returns else ()
    return Kernel(symbol, text.replace(_SYMBOL, symbol), tuple(plan.inputs), tuple(plan.results), sources)


_SYMBOL = "<symbol>"

# Generic form with discardable attributes: `stream` is not registered where this text is parsed, and the
# bytecode of unregistered properties is not readable where it is.
_EXECUTABLE = """
"stream.executable"() ({{
  "stream.executable.export"() ({{
    %one = "arith.constant"() {{value = 1 : index}} : () -> index
    %count = "arith.constant"() {{value = {workgroups} : index}} : () -> index
    "stream.return"(%count, %one, %one) : (index, index, index) -> ()
  }}) {{function_ref = @<symbol>, sym_name = "<symbol>", sym_visibility = "public"}} : () -> ()
  builtin.module {{
    func.func @<symbol>({arguments}) {{
{body}
      return
    }}
  }}
  "stream.executable.end"() : () -> ()
}}) {{sym_name = "<symbol>.code", sym_visibility = "private"}} : () -> ()
"""


def _wrapper(plan: Plan) -> str:
    """The private function around the dispatch: hides scratch space, literals and signedness."""
    b = Builder()
    names = [f"%arg{i}" for i in range(len(plan.inputs))]
    outputs = list(plan.outputs().values())
    call = b.name()
    if outputs:
        literals = [(b.op(f"stablehlo.constant {value} : {t.type}"), t) for t, value in plan.literals]
        inside = {i for members in plan.packs.values() for i in members}
        given = [(name, t) for i, (name, t) in enumerate(zip(names, plan.inputs)) if i not in inside]
        given += [_joined(b, [(names[i], plan.inputs[i]) for i in members]) for members in plan.packs.values()]
        given += literals
        operands = ", ".join(_converted(b, name, t.type, t.plain_type) for name, t in given)
        taken, made = (", ".join(t.plain_type for t in group) for group in ([t for _, t in given], outputs))
        attributes = f"entry_points = [@{_SYMBOL}.code::@{_SYMBOL}]"
        attributes += f", operandSegmentSizes = array<i32: 0, {len(given)}, 0, 0>"
        b.line(f'{call}:{len(outputs)} = "flow.dispatch"({operands}) {{{attributes}}} : ({taken}) -> ({made})')
    values, positions = [], {name: i for i, name in enumerate(plan.outputs())}
    for i, (tensor, source) in enumerate(zip(plan.results, plan.sources)):
        if source is not None:
            values.append(names[source])
        elif not tensor.size:
            values.append(b.op(f"stablehlo.constant dense<> : {tensor.type}"))
        else:
            name, size, start = plan.result_place(i)
            value = f"{call}#{positions[name]}"
            if size != tensor.size:
                value = _cut(b, value, Tensor((size,), tensor.dtype), start, tensor)
            values.append(_converted(b, value, tensor.plain_type, tensor.type))
    signature = ", ".join(f"{n}: {t.type}" for n, t in zip(names, plan.inputs))
    results = ", ".join(t.type for t in plan.results)
    ending = f"return {', '.join(values)} : {results}" if values else "return"
    return f"func.func private @{_SYMBOL}({signature}) -> ({results}) {{\n{b.text()}\n{ending}\n}}\n"


def _joined(b: Builder, parts: Sequence[tuple[str, Tensor]]) -> tuple[str, Tensor]:
    """Tensors of one element type as one, one after the other."""
    whole, names, types = Tensor((sum(t.size for _, t in parts),), parts[0][1].dtype), [], []
    for name, tensor in parts:
        types.append(Tensor((tensor.size,), tensor.dtype).type)
        names.append(b.op(f"stablehlo.reshape {name} : ({tensor.type}) -> {types[-1]}"))
    signature = f"({', '.join(types)}) -> {whole.type}"
    return b.op(f"stablehlo.concatenate {', '.join(names)}, dim = 0 : {signature}"), whole


def _cut(b: Builder, value: str, whole: Tensor, start: int, part: Tensor) -> str:
    """A tensor out of several that lie one after the other."""
    flat = Tensor((part.size,), part.dtype).plain_type
    cut = b.op(f"stablehlo.slice {value} [{start}:{start + part.size}] : ({whole.plain_type}) -> {flat}")
    return b.op(f"stablehlo.reshape {cut} : ({flat}) -> {part.plain_type}")


def _converted(b: Builder, value: str, source: str, target: str) -> str:
    """A change of signedness only, which costs nothing at run time."""
    return value if source == target else b.op(f"stablehlo.convert {value} : ({source}) -> {target}")
