"""Small-body loops in one dispatch: `scan`, `fori_loop` and `while` as an `scf` loop over buffers.

IREE runs a loop on the host, with a dispatch or more for each step and a copy of each updated carry: at least
some microseconds a step. Here the whole loop is one kernel on one core. That is faster up to steps of about
100 us (measured on 2 cores: a 256 x 256 matrix by a vector 7 us against 21, 64 x 256 x 256 matmul 107 against
116); bodies with more work than `MAX_WORK` a step are declined, as IREE spreads them over all cores.

Scalar carries live in SSA. Array carries live in the result buffers, which start as copies of the initial
values and are updated in place at the end of each step, in an order such that nothing is overwritten that is
still to be read.

A loop inside a loop's body is written into the same kernel: its array carries and stacked results are scratch space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from axil.compiler.kernels.arrays import Buffer, Expression, Layout, Read, Splat, store
from axil.compiler.kernels.kernel import (
    MAX_BINDINGS,
    Declined,
    Kernel,
    Plan,
    Tensor,
    Unsupported,
    assemble,
    kernel_without_code,
    packed,
    remember,
    tensor_of,
)
from axil.compiler.kernels.loop_body import Bound, Step
from axil.compiler.kernels.loop_end import Write, finish_step
from axil.compiler.kernels.text import Builder, Index, signless
from axil.compiler.kernels.workspace import Scratch, Workspace

MAX_WORK = 4_000_000
"""Operations on one element, a step: about 100 us."""

MAX_LINES = 30_000
"""Lines of code; beyond that compiling takes longer than is won."""


def scan(
    functions: Sequence[Any], operands: Any = None, *, length: int, consts: int, carry: int,
    reverse: bool = False, unroll: int = 1, platform: str = "cpu",
) -> Kernel | Declined:  # fmt: skip
    """A kernel for a loop with a known number of steps.

    The one function is a `func.func` of StableHLO ops, (constants, carries, rows of the scanned arrays) ->
    (carries, rows of the stacked results); `consts` and `carry` count the first two groups. The kernel takes
    (constants, initial carries, scanned arrays) and gives (final carries, stacked results). A `fori_loop` is
    a scan of nothing with a counter among its carries.
    """
    return _emit(lambda: Scan(functions[0], length, consts, carry, reverse), platform)


def while_(
    functions: Sequence[Any],
    operands: Any = None,
    *,
    cond_consts: int,
    body_consts: int,
    platform: str = "cpu",
) -> Kernel | Declined:
    """A kernel for a loop that runs while a condition holds.

    The functions are the condition, (its constants, carries) -> bool, and the body, (its constants, carries)
    -> carries. The kernel takes (constants of the condition, constants of the body, carries) and gives
    carries.
    """
    condition, body = functions
    return _emit(lambda: While(condition, body, cond_consts, body_consts), platform)


# ---- kernels -------------------------------------------------------------------------------------------


def _emit(make: Callable[[], Loop], platform: str) -> Kernel | Declined:
    """Writes a loop as a kernel, or says why not."""
    if platform != "cpu":
        return Declined(f"loops in one dispatch are for CPUs, not {platform}: one thread would run them")
    try:
        loop = make()
        if loop.never:
            return kernel_without_code(loop.plan)
        kernel = _kernel(loop)
        if kernel is None:  # too many buffers: once more, with fewer
            packs, loop = packed(loop.plan), make()
            loop.plan.packs, loop.plan.result_packs = packs
            kernel = _kernel(loop)
            assert kernel is not None
    except Unsupported as reason:
        return Declined(f"its body has {reason}", reason.location)
    if isinstance(kernel, Kernel):
        kernel = replace(kernel, inline=loop.inline)
        remember(kernel)
    return kernel


def _kernel(loop: Loop) -> Kernel | Declined | None:
    """The kernel of a loop, unless it is too large; None if its buffers should be packed."""
    plan, space, literals = loop.plan, Workspace(), []
    code = Builder(sharing=True)
    step = Step([code], space, literals, _finder(loop.body))
    inputs = [_array(plan.input_place(i), t) for i, t in enumerate(plan.inputs)]
    operands = [Bound(_loaded(code, x), 0) for x in inputs]
    places = [_array(plan.result_place(i), t) for i, t in enumerate(plan.results)]
    for array, place, source in zip(loop.write(step, operands, places), places, plan.sources):
        if isinstance(array, Splat) and source is None:
            store(code, array, [place])
    if loop.work > MAX_WORK:
        return Declined(f"a step takes about {loop.work:,} operations, and all cores do more than {MAX_WORK:,} faster")
    if len(code.lines) > MAX_LINES:
        return Declined(f"its body would take {len(code.lines):,} lines of code")
    plan.literals = literals
    plan.scratch = {f"%scratch_{dtype}": Tensor((size,), dtype) for dtype, size in space.used.items()}
    if len(plan.buffers()) > MAX_BINDINGS and not plan.packs and not plan.result_packs:
        return None
    return assemble(plan, space.fill_in(code.text()))


def _array(place: tuple[str, int, int], tensor: Tensor) -> Read:
    """A tensor in a buffer, of which name and size are given and where the tensor starts."""
    name, size, start = place
    buffer = Scratch(name, size, tensor.dtype, start) if size > tensor.size else Buffer(name, size, tensor.dtype)
    return Read(buffer, Layout.dense(tensor.shape, start))


def _loaded(b: Builder, array: Read) -> Expression:
    """An input as the loop reads it; a scalar is loaded once."""
    return array if array.shape else Splat(array.lanes(b, [], None), array.dtype)


def _finder(function: Any) -> Callable[[str], Any]:
    """Finds functions in the module of a function by name."""

    def find(name: str) -> Any:
        module = function.operation.parent
        for op in module.regions[0].blocks[0].operations if module is not None else ():
            attributes = op.operation.attributes
            if "sym_name" in attributes and attributes["sym_name"].value == name:
                return op.operation
        return None

    return find


# ---- loops ---------------------------------------------------------------------------------------------


class Loop:
    """A loop to be written: what kinds of loops share."""

    body: Any
    plan: Plan
    """The operands and results, and which results are just operands."""
    first_carry: int
    """The number of operands in front of the carries."""
    never = False
    """Whether it takes no steps at all."""
    steps = 16
    """How many steps it takes, as far as is known: for the work of loops in loops."""
    work = 0
    """Of one step, when it is written."""

    def write(self, step: Step, operands: Sequence[Bound], places: Sequence[Read]) -> list[Expression]:
        """Writes the loop at `step`'s level; results that are arrays go to their `places`."""
        builders, outer_work = step.builders, step.work
        self.outer = step.b
        step.builders, step.work = [*builders[: step.level + 1], Builder(self.outer)], 0
        level, step.level = step.level, step.level + 1
        results = self.write_inside(step, operands, places)
        self.work = step.work
        step.builders, step.level = builders, level
        step.work = outer_work + (self.work * self.steps if level == step.depth else 0)
        return results

    def write_inside(self, step: Step, operands: Sequence[Bound], places: Sequence[Read]) -> list[Expression]:
        """Writes the loop's steps to `step.b`, and the loop around them to `self.outer`."""
        raise NotImplementedError

    def inline(self, step: Step, operands: Sequence[Bound]) -> list[Bound]:
        """The loop inside the step of another one."""
        if step.in_branch:  # branches are computed whether taken or not, and this one might not end
            raise Unsupported("a loop in a branch")
        places = [step.space.take(t.shape, t.dtype) for t in self.plan.results]
        return [Bound(array, step.level) for array in self.write(step, operands, places)]

    def carries(self, step: Step, operands: Sequence[Bound], places: Sequence[Read]) -> list[Bound]:
        """What the carries are in a step: arrays in their places, scalars under new names."""
        found, count = [], len(operands) - self.first_carry
        for operand, place, source in zip(operands[self.first_carry :], places, self.plan.sources[:count]):
            if source is not None:
                found.append(operand)
            elif place.shape:
                store(self.outer, operand.array, [place])
                found.append(Bound(place, step.depth))
            else:
                found.append(Bound(Splat(step.b.name(), place.dtype), step.depth))
        return found

    def scalars(self, count: int) -> list[int]:
        """Which of the carries live in SSA."""
        shapes = [t.shape for t in self.plan.results[:count]]
        return [i for i in range(count) if self.plan.sources[i] is None and not shapes[i]]


def _scalar(array: Expression) -> str:
    """The SSA name of a scalar."""
    assert isinstance(array, Splat)
    return array.value


def _signature(function: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors that a function takes and gives."""
    from axil.dialects.mlir import ir

    type_ = ir.TypeAttr(function.operation.attributes["function_type"]).value
    takes, gives = ([tensor_of(t) for t in group] for group in (type_.inputs, type_.results))
    if not all(t.size for t in takes + gives):
        raise Unsupported("an empty array")
    return takes, gives


def _block(function: Any) -> Any:
    """The one block of a function."""
    return function.operation.regions[0].blocks[0]


def _kept(function: Any, skipped: int, count: int) -> list[bool]:
    """Which carries the body just passes on: they are constants, and their final value the initial one."""
    arguments = list(_block(function).arguments)[skipped:]
    returned = list(list(_block(function).operations)[-1].operation.operands)
    return [returned[i] == arguments[i] for i in range(count)]


class Scan(Loop):
    """A loop with a known number of steps."""

    def __init__(self, body: Any, length: int, consts: int, carry: int, reverse: bool) -> None:
        self.body, self.length, self.reverse, self.first_carry = body, length, reverse, consts
        self.steps, self.never = length, not length
        takes, gives = _signature(body)
        if gives[:carry] != takes[consts : consts + carry]:
            raise Unsupported("carries that change their type")
        self.count, self.rows = carry, (takes[consts + carry :], gives[carry:])
        xs, ys = ([Tensor((length, *t.shape), t.dtype) for t in rows] for rows in self.rows)
        kept = [self.never or keeps for keeps in _kept(body, consts, carry)]
        returns = [consts + i if keeps else None for i, keeps in enumerate(kept)] + [None] * len(ys)
        self.plan = Plan("scan", [*takes[: consts + carry], *xs], [*gives[:carry], *ys], returns=returns)

    def write_inside(self, step: Step, operands: Sequence[Bound], places: Sequence[Read]) -> list[Expression]:
        """The steps, with rows of the scanned arrays, and the `scf.for` around them."""
        first, count = self.first_carry, self.count
        counter = step.b.name()
        at = Index.of(counter) if not self.reverse else Index.of(counter) * -1 + (self.length - 1)
        carries = self.carries(step, operands[: first + count], places)
        rows = [self.row(step, x.array, at) for x in operands[first + count :]]
        results = [x.array for x in step.run(_block(self.body), [*operands[:first], *carries, *rows])]
        writes = [
            Write(results[i], [x.array]) for i, x in enumerate(carries)
            if self.changes(i, x) and isinstance(x.array, Read)
        ]  # fmt: skip
        for array, place in zip(results[count:], places[count:]):
            layout = _row(place.layout, at)
            writes.append(Write(array, [Read(place.buffer, layout)]))
        finish_step(step, writes)
        scalars = self.scalars(count)
        starts = [_scalar(operands[first + i].array) for i in scalars]
        names, following = ([_scalar(x) for x in group] for group in (
            [carries[i].array for i in scalars], [results[i] for i in scalars]))  # fmt: skip
        types = ", ".join(signless(carries[i].array.dtype) for i in scalars)
        final = self.around(step.b, counter, starts, names, following, types)
        finals = {i: Splat(f"{final}#{k}", carries[i].array.dtype) for k, i in enumerate(scalars)}
        return [*(finals.get(i, carries[i].array) for i in range(count)), *places[count:]]

    def changes(self, number: int, carry: Bound) -> bool:
        """Whether a carry is an array that the body changes."""
        return self.plan.sources[number] is None and bool(carry.array.shape)

    def row(self, step: Step, array: Expression, at: Index) -> Bound:
        """This step's row of a scanned array."""
        row = array.relayout(lambda x: _row(x, at))
        assert row is not None
        return Bound(row if row.shape else Splat(row.lanes(step.b, [], None), row.dtype), step.depth)

    def around(
        self, steps: Builder, counter: str, starts: list[str], names: list[str], following: list[str], types: str
    ) -> str:
        """The loop around the code of the steps; gives the name of its results."""
        b = self.outer
        head, final = f"scf.for {counter} = {b.index(0)} to {b.index(self.length)} step {b.index(1)}", b.name()
        if starts:
            carry = ", ".join(f"{name} = {start}" for name, start in zip(names, starts))
            head = f"{final}:{len(starts)} = {head} iter_args({carry}) -> ({types})"
        with b.block(head):
            b.lines += steps.lines
            if starts:
                b.line(f"scf.yield {', '.join(following)} : {types}")
        return final


def _row(layout: Layout, at: Index) -> Layout:
    """One row along the first dimension."""
    starts = [at] + [Index()] * (len(layout.shape) - 1)
    row = layout.window(starts, (1, *layout.shape[1:]), (1,) * len(layout.shape))
    return replace(row, shape=row.shape[1:], strides=row.strides[1:])


class While(Loop):
    """A loop that runs while a condition holds."""

    def __init__(self, condition: Any, body: Any, cond_consts: int, body_consts: int) -> None:
        self.condition, self.body = condition, body
        self.cond_consts, self.first_carry = cond_consts, cond_consts + body_consts
        takes, gives = _signature(body)
        if gives != takes[body_consts:]:
            raise Unsupported("carries that change their type")
        inputs = [*_signature(condition)[0][:cond_consts], *takes]
        kept = _kept(body, body_consts, len(gives))
        returns = [self.first_carry + i if keeps else None for i, keeps in enumerate(kept)]
        self.plan = Plan("while", inputs, gives, returns=returns)

    def write_inside(self, step: Step, operands: Sequence[Bound], places: Sequence[Read]) -> list[Expression]:
        """The condition, computed from the carries, the step, and the `scf.while` around them."""
        first, count = self.first_carry, len(self.plan.results)
        carries, scalars = self.carries(step, operands, places), self.scalars(count)
        (holds,) = step.run(_block(self.condition), [*operands[: self.cond_consts], *carries])
        tested = step.b.lines[:]
        step.b.lines.clear()
        step.b.forget()
        inner = list(carries)  # the step gets scalars from the condition's region, under names of its own
        for i in scalars:
            inner[i] = Bound(Splat(step.b.name(), carries[i].array.dtype), step.depth)
        consts = operands[self.cond_consts : first]
        results = [x.array for x in step.run(_block(self.body), [*consts, *inner])]
        finish_step(step, [
            Write(array, [x.array]) for array, x, source in zip(results, carries, self.plan.sources)
            if source is None and isinstance(x.array, Read)
        ])  # fmt: skip
        starts = [_scalar(operands[first + i].array) for i in scalars]
        names, insides = ([_scalar(x[i].array) for i in scalars] for x in (carries, inner))
        following = [_scalar(results[i]) for i in scalars]
        types = [signless(carries[i].array.dtype) for i in scalars]
        final = self.around(tested, _scalar(holds.array), step.b.lines, starts, names, insides, following, types)
        finals = {i: Splat(f"{final}#{k}", carries[i].array.dtype) for k, i in enumerate(scalars)}
        return [finals.get(i, carries[i].array) for i in range(count)]

    def around(
        self, tested: list[str], holds: str, steps: list[str], starts: list[str], names: list[str],
        inner: list[str], following: list[str], types: list[str],
    ) -> str:  # fmt: skip
        """The loop around the code of condition and step; gives the name of its results."""
        b, listed = self.outer, ", ".join(types)
        head, final = "scf.while : () -> ()", b.name()
        if starts:
            carry = ", ".join(f"{name} = {start}" for name, start in zip(names, starts))
            head = f"{final}:{len(starts)} = scf.while ({carry}) : ({listed}) -> ({listed})"
        with b.block(head, "} do {"):
            b.lines += tested
            b.line(f"scf.condition({holds})" + (f" {', '.join(names)} : {listed}" if starts else ""))
        if starts:
            b.line(f"^bb0({', '.join(f'{name}: {type_}' for name, type_ in zip(inner, types))}):")
        b.lines += steps
        b.line("scf.yield" + (f" {', '.join(following)} : {listed}" if starts else ""))
        b.line("}")
        return final
