"""Small-body loops in one dispatch: `scan`, `fori_loop` and `while` as an `scf` loop over buffers.

IREE runs a loop on the host, with a dispatch or more for each step and a copy of each updated carry: at least
some microseconds a step. Here the whole loop is one kernel on one core. That is faster up to steps of about
100 us (measured on 2 cores: a 256 x 256 matrix by a vector 7 us against 21, 64 x 256 x 256 matmul 107 against
116); bodies with more work than `MAX_WORK` a step are declined, as IREE spreads them over all cores.

Scalar carries live in SSA. Array carries live in the result buffers, which start as copies of the initial
values and are updated in place at the end of each step, in an order such that nothing is overwritten that is
still to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from axil.compiler.kernels.arrays import Buffer, Expression, Layout, Pieces, Read, Splat, cost, store
from axil.compiler.kernels.kernel import (
    Declined,
    Kernel,
    Plan,
    Tensor,
    Unsupported,
    assemble,
    kernel_without_code,
    tensor_of,
)  # fmt: skip
from axil.compiler.kernels.loop_body import Bound, Step
from axil.compiler.kernels.text import Builder, Index, signless
from axil.compiler.kernels.workspace import Workspace

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
    return _emit(lambda: _Scan(functions[0], length, consts, carry, reverse), platform)


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
    return _emit(lambda: _While(condition, body, cond_consts, body_consts), platform)


def _emit(make: Any, platform: str) -> Kernel | Declined:
    """Writes a loop, or says why not."""
    if platform != "cpu":
        return Declined(f"loops in one dispatch are for CPUs, not {platform}: one thread would run them")
    try:
        return make().emit()
    except Unsupported as reason:
        return Declined(f"the loop's body has {reason}")


@dataclass
class Write:
    """An array to be stored at the end of a step, in one or more places."""

    array: Expression
    targets: list[Read]

    def touches(self, buffer: Buffer) -> bool:
        """Whether computing it reads a buffer."""
        return any(isinstance(x, Read) and x.buffer == buffer for x in self.array.leaves())

    def overtakes_itself(self) -> bool:
        """Whether storing it element by element would overwrite something that it still reads."""
        return any(_overtakes(self.array, target) for target in self.targets)


def _overtakes(array: Expression, target: Read) -> bool:
    """Whether an array reads its target anywhere but where it is being written at that moment."""
    if not isinstance(array, Pieces):
        return any(isinstance(x, Read) and x.buffer == target.buffer and x != target for x in array.leaves())
    modified = False
    for part, starts, steps in array.parts:
        place = Read(target.buffer, target.layout.window(starts, part.shape, steps))
        if part == place:
            continue
        reads = any(isinstance(x, Read) and x.buffer == target.buffer for x in part.leaves())
        if reads and (modified or _overtakes(part, place)):
            return True
        modified = True
    return False


@dataclass
class _Loop:
    """What all loops share: the places of their arrays, and the end of a step."""

    space: Workspace = field(default_factory=Workspace)
    literals: list[tuple[Tensor, str]] = field(default_factory=list)
    before: Builder = field(default_factory=Builder)

    def __post_init__(self) -> None:
        self.inside, self.after = Builder(self.before), Builder(self.before)

    def step(self, function: Any) -> Step:
        """A writer of one function's body."""
        module = function.operation.parent

        def find(name: str) -> Any:
            for op in module.regions[0].blocks[0].operations if module is not None else ():
                if (
                    "sym_name" in op.operation.attributes
                    and op.operation.attributes["sym_name"].value == name
                ):
                    return op.operation
            return None

        return Step(self.before, self.inside, self.space, self.literals, find)

    def constant(self, number: int, tensor: Tensor) -> Bound:
        """Input `number`, the same in all steps; a scalar is loaded once."""
        read = Read(Buffer(f"%in{number}", tensor.size, tensor.dtype), Layout.dense(tensor.shape))
        return Bound(read if tensor.shape else Splat(read.lanes(self.before, [], None), tensor.dtype), True)

    def carry(self, number: int, result: int, tensor: Tensor) -> tuple[str, Bound]:
        """(initial scalar, its name in a step) for input `number`, or an array in place in `result`."""
        start = self.constant(number, tensor).array
        if tensor.shape:
            target = Read(Buffer(f"%out{result}", tensor.size, tensor.dtype), Layout.dense(tensor.shape))
            store(self.before, start, [target])
            return "", Bound(target, False)
        assert isinstance(start, Splat)
        return start.value, Bound(Splat(self.before.name(), tensor.dtype), False)

    def finish_step(self, step: Step, writes: Sequence[Write]) -> None:
        """Stores the results of a step: each when no other one still reads what it overwrites."""
        writes = _grouped(writes)
        while writes:
            ready = next((w for w in writes if self._ready(w, writes)), None)
            if ready is None:  # a cycle, such as a swap: one of them goes through scratch space
                write = writes[0]
                write.array = self._copied(step, write.array)
                continue
            writes.remove(ready)
            step.spend(sum(_store_cost(ready.array, t) for t in ready.targets))
            store(self.inside, ready.array, ready.targets)

    def _copied(self, step: Step, array: Expression) -> Read:
        copy = self.space.take(array.shape, array.dtype)
        step.spend(cost(array))
        store(self.inside, array, [copy])
        return copy

    def _ready(self, write: Write, writes: Sequence[Write]) -> bool:
        others = [w for w in writes if w is not write]
        wanted = any(other.touches(t.buffer) for other in others for t in write.targets)
        return not wanted and not write.overtakes_itself()

    def finish(self, plan: Plan, steps: Sequence[Step], code: Builder) -> Kernel | Declined:
        """The kernel, unless it has become too large."""
        work = sum(s.work for s in steps)
        if work > MAX_WORK:
            return Declined(
                f"the loop's body takes about {work} operations; up to {MAX_WORK} are worth one dispatch"
            )
        if len(code.lines) > MAX_LINES:
            return Declined(f"the loop's body takes {len(code.lines)} lines of code")
        plan.literals = self.literals
        plan.scratch = {
            f"%scratch_{dtype}": Tensor((size,), dtype) for dtype, size in self.space.used.items()
        }
        return assemble(plan, self.space.fill_in(code.text()))


def _grouped(writes: Sequence[Write]) -> list[Write]:
    """Writes of the same array become one; those that change nothing are dropped."""
    groups: dict[int, Write] = {}
    for write in writes:
        if [write.array] == write.targets:
            continue
        group = groups.setdefault(id(write.array), Write(write.array, []))
        group.targets.extend(write.targets)
    return list(groups.values())


def _store_cost(array: Expression, target: Read) -> int:
    """The work of storing an array: what stays where it is costs nothing."""
    if not isinstance(array, Pieces):
        return cost(array)
    places = [(part, target.layout.window(starts, part.shape, steps)) for part, starts, steps in array.parts]
    return sum(
        _store_cost(part, Read(target.buffer, at)) for part, at in places if part != Read(target.buffer, at)
    )


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


def _returned(function: Any) -> list[Any]:
    """The values that a function returns."""
    return list(list(_block(function).operations)[-1].operation.operands)


class _Scan(_Loop):
    """A loop with a known number of steps."""

    def __init__(self, body: Any, length: int, num_consts: int, num_carry: int, reverse: bool) -> None:
        super().__init__()
        self.body, self.length, self.reverse = body, length, reverse
        self.num_consts, self.num_carry = num_consts, num_carry
        takes, gives = _signature(body)
        self.carried = takes[num_consts : num_consts + num_carry]
        self.scanned, self.stacked = takes[num_consts + num_carry :], gives[num_carry:]
        if gives[:num_carry] != self.carried:
            raise Unsupported("carries that change their type")
        whole = lambda tensors: [Tensor((length, *t.shape), t.dtype) for t in tensors]
        inputs = [*takes[: num_consts + num_carry], *whole(self.scanned)]
        # A carry that the body passes on unchanged is a constant, and its final value the initial one.
        arguments, returned = list(_block(body).arguments), _returned(body)
        kept = [returned[i] == arguments[num_consts + i] or not length for i in range(num_carry)]
        returns = [num_consts + i if keep else None for i, keep in enumerate(kept)] + [None] * len(
            self.stacked
        )
        self.plan = Plan("scan", inputs, [*self.carried, *whole(self.stacked)], returns=returns)
        self.kept = kept

    def emit(self) -> Kernel | Declined:
        """The loop: initial values, steps, final values."""
        if not self.length:
            return kernel_without_code(self.plan)
        consts = [self.constant(i, t) for i, t in enumerate(self.plan.inputs[: self.num_consts])]
        carries, starts = [], []
        for i, tensor in enumerate(self.carried):
            if self.kept[i]:
                carries.append(self.constant(self.num_consts + i, tensor))
                continue
            start, bound = self.carry(self.num_consts + i, i, tensor)
            carries.append(bound)
            if start:
                starts.append((i, start, bound.array))
        counter = self.before.name()
        at = Index.of(counter) if not self.reverse else Index.of(counter) * -1 + (self.length - 1)
        step = self.step(self.body)
        results = [x.array for x in step.run(_block(self.body), [*consts, *carries, *self.elements(at)])]
        self.finish_step(step, self.writes(carries, results, at))
        return self.finish(self.plan, [step], self.around(counter, starts, results))

    def elements(self, at: Index) -> list[Bound]:
        """This step's elements of the scanned arrays."""
        first, elements = self.num_consts + self.num_carry, []
        for i, tensor in enumerate(self.scanned):
            buffer = Buffer(f"%in{first + i}", tensor.size * self.length, tensor.dtype)
            read = Read(buffer, Layout.dense(tensor.shape, at * tensor.size))
            scalar = None if tensor.shape else Splat(read.lanes(self.inside, [], None), tensor.dtype)
            elements.append(Bound(scalar or read, False))
        return elements

    def writes(self, carries: list[Bound], results: list[Expression], at: Index) -> list[Write]:
        """What a step leaves in memory."""
        writes = []
        for i, array in enumerate(results[: self.num_carry]):
            if not self.kept[i] and array.shape:
                target = carries[i].array
                assert isinstance(target, Read)
                writes.append(Write(array, [target]))
        for i, (tensor, array) in enumerate(zip(self.stacked, results[self.num_carry :]), self.num_carry):
            buffer = Buffer(f"%out{i}", tensor.size * self.length, tensor.dtype)
            writes.append(Write(array, [Read(buffer, Layout.dense(tensor.shape, at * tensor.size))]))
        return writes

    def around(
        self, counter: str, starts: list[tuple[int, str, Expression]], results: list[Expression]
    ) -> Builder:
        """The code of the kernel: what comes before, the loop, scalar results."""
        b = self.before
        types = ", ".join(signless(x.dtype) for _, _, x in starts)
        head = f"scf.for {counter} = {b.index(0)} to {b.index(self.length)} step {b.index(1)}"
        final = b.name()
        if starts:
            carry = ", ".join(f"{_scalar(x)} = {start}" for _, start, x in starts)
            head = f"{final}:{len(starts)} = {head} iter_args({carry}) -> ({types})"
        with b.block(head):
            b.lines += self.inside.lines
            if starts:
                b.line(f"scf.yield {', '.join(_scalar(results[i]) for i, _, _ in starts)} : {types}")
        for position, (i, _, x) in enumerate(starts):
            store(
                b,
                Splat(f"{final}#{position}", x.dtype),
                [Read(Buffer(f"%out{i}", 1, x.dtype), Layout((), ()))],
            )
        return b


def _scalar(array: Expression) -> str:
    """The SSA name of a scalar."""
    assert isinstance(array, Splat)
    return array.value


class _While(_Loop):
    """A loop that runs while a condition holds."""

    def __init__(self, condition: Any, body: Any, num_cond_consts: int, num_body_consts: int) -> None:
        super().__init__()
        self.condition, self.body = condition, body
        self.num_cond, self.num_body = num_cond_consts, num_body_consts
        takes, gives = _signature(body)
        self.carried = takes[num_body_consts:]
        if gives != self.carried:
            raise Unsupported("carries that change their type")
        cond_takes, _ = _signature(condition)
        inputs = [*cond_takes[:num_cond_consts], *takes[:num_body_consts], *self.carried]
        arguments, returned = list(_block(body).arguments), _returned(body)
        self.kept = [returned[i] == arguments[num_body_consts + i] for i in range(len(self.carried))]
        first = num_cond_consts + num_body_consts
        returns = [first + i if keep else None for i, keep in enumerate(self.kept)]
        self.plan = Plan("while", inputs, list(self.carried), returns=returns)

    def emit(self) -> Kernel | Declined:
        """The loop: the condition is computed from the carries, then the step."""
        first = self.num_cond + self.num_body
        consts = [self.constant(i, t) for i, t in enumerate(self.plan.inputs[:first])]
        in_condition, in_body, starts = [], [], []
        for i, tensor in enumerate(self.carried):
            if self.kept[i]:
                in_condition.append(self.constant(first + i, tensor))
                in_body.append(in_condition[-1])
                continue
            start, bound = self.carry(first + i, i, tensor)
            in_condition.append(bound)
            if start:
                starts.append((i, start, bound.array))
                bound = Bound(Splat(self.before.name(), tensor.dtype), False)
            in_body.append(bound)
        test = self.step(self.condition)
        (holds,) = test.run(_block(self.condition), [*consts[: self.num_cond], *in_condition])
        tested, self.inside = self.inside, Builder(self.before)
        step = self.step(self.body)
        results = [x.array for x in step.run(_block(self.body), [*consts[self.num_cond :], *in_body])]
        targets = [x.array for x in in_body]
        self.finish_step(step, [
            Write(array, [target]) for array, target, kept in zip(results, targets, self.kept)
            if not kept and array.shape and isinstance(target, Read)
        ])  # fmt: skip
        code = self.around(tested, _scalar(holds.array), starts, [targets[i] for i, _, _ in starts], results)
        return self.finish(self.plan, [test, step], code)

    def around(
        self, tested: Builder, holds: str, starts: list[tuple[int, str, Expression]], inner: list[Expression],
        results: list[Expression],
    ) -> Builder:  # fmt: skip
        """The code of the kernel: what comes before, condition and step, scalar results."""
        b = self.before
        types = ", ".join(signless(x.dtype) for _, _, x in starts)
        final = b.name()
        head = "scf.while : () -> ()"
        if starts:
            carry = ", ".join(f"{_scalar(x)} = {start}" for _, start, x in starts)
            head = f"{final}:{len(starts)} = scf.while ({carry}) : ({types}) -> ({types})"
        with b.block(head, "} do {"):
            b.lines += tested.lines
            names = ", ".join(_scalar(x) for _, _, x in starts)
            b.line(f"scf.condition({holds})" + (f" {names} : {types}" if starts else ""))
        if starts:
            b.line(f"^bb0({', '.join(f'{_scalar(x)}: {signless(x.dtype)}' for x in inner)}):")
        b.lines += self.inside.lines
        b.line(
            "scf.yield"
            + (f" {', '.join(_scalar(results[i]) for i, _, _ in starts)} : {types}" if starts else "")
        )
        b.line("}")
        for position, (i, _, x) in enumerate(starts):
            store(
                b,
                Splat(f"{final}#{position}", x.dtype),
                [Read(Buffer(f"%out{i}", 1, x.dtype), Layout((), ()))],
            )
        return b
