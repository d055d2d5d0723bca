"""The end of a loop's step: storing the new carries and rows in an order that overwrites nothing still needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from axil.compiler.kernels.arrays import Buffer, Expression, Pieces, Read, cost, store
from axil.compiler.kernels.loop_body import Step


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
    modified, target = False, array.place(target)
    for part, starts, steps in array.parts:
        place = Read(target.buffer, target.layout.window(starts, part.shape, steps))
        if part == place:
            continue
        reads = any(isinstance(x, Read) and x.buffer == target.buffer for x in part.leaves())
        if reads and (modified or _overtakes(part, place)):
            return True
        modified = True
    return False


def finish_step(step: Step, writes: Sequence[Write]) -> None:
    """Stores the results of a step: each when no other one still reads what it overwrites."""
    writes = _grouped(writes)
    while writes:
        ready = next((w for w in writes if _ready(w, writes)), None)
        if ready is None:  # a cycle, such as a swap: one of them goes through scratch space
            array = writes[0].array
            copy = step.space.take(array.shape, array.dtype)
            step.spend(cost(array))
            store(step.b, array, [copy])
            writes[0].array = copy
            continue
        writes.remove(ready)
        step.spend(sum(_store_cost(ready.array, t) for t in ready.targets))
        store(step.b, ready.array, ready.targets)


def _ready(write: Write, writes: Sequence[Write]) -> bool:
    """Whether nothing else wants what a write overwrites, nor it itself."""
    others = [w for w in writes if w is not write]
    wanted = any(other.touches(t.buffer) for other in others for t in write.targets)
    return not wanted and not write.overtakes_itself()


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
    target = array.place(target)
    places = [(part, target.layout.window(starts, part.shape, steps)) for part, starts, steps in array.parts]
    return sum(_store_cost(part, Read(target.buffer, at)) for part, at in places if part != Read(target.buffer, at))
