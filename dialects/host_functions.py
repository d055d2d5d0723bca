"""Host functions: Python functions that programs call while they run, and the handles that stand for them in text.

MLIR text cannot hold a Python function, so a program names it by a handle such as `"3:print_loss"`. This is the one
registry from handles to functions. It holds them weakly: whoever holds a program (a table of functions, a compiled
program) holds the host functions that it names, so that a program that is dropped frees them.

Functions of equal keys get one handle. So a function that is traced again, and prints the same format at the same
place, is the same text again, which is what caches of programs go by.

A call with effects must happen once, even where a program is run again in parts: under eager `grad` a value that
Python asks for is computed while the function is still being traced, and the whole program runs at the end. An
`EffectLog` keeps what such calls gave; the later run takes it from there instead of calling again.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from axil.dialects.avals import Aval
from axil.dialects.errors import AttributeValueError

Call = Callable[[Sequence[np.ndarray], Sequence[Aval]], list]
"""What a host function does: from operands and the avals of its results to the results, of just these avals."""


class HostFunction:
    """A function that programs may call. Made by `register`."""

    __slots__ = ("handle", "call", "__weakref__")

    def __init__(self, handle: str, call: Call) -> None:
        self.handle = handle
        self.call = call

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostFunction) and self.handle == other.handle

    def __hash__(self) -> int:
        return hash(self.handle)

    @property
    def name(self) -> str:
        """The name for people, without the number."""
        return self.handle.partition(":")[2]


_by_handle: WeakValueDictionary[str, HostFunction] = WeakValueDictionary()
_by_key: WeakValueDictionary[Hashable, HostFunction] = WeakValueDictionary()
_numbers = itertools.count()
_lock = threading.RLock()


def register(name: str, call: Call, key: Hashable | None = None) -> HostFunction:
    """The host function of a key, made on first sight; without a key always a new one.

    The caller holds the result for as long as the handle is to mean something. A key should identify objects that
    `call` holds by their `id`: keys are held strongly, and would keep what refers to a program alive with it.
    """
    with _lock:
        found = _by_key.get(key) if key is not None else None
        if found is None:
            found = HostFunction(f"{next(_numbers)}:{name}", call)
            _by_handle[found.handle] = found
            if key is not None:
                _by_key[key] = found
        return found


def find(handle: str) -> HostFunction:
    """The function of a handle. For one that is not in this process, a function that says so when it is called."""
    found = _by_handle.get(handle)
    return found if found is not None else HostFunction(handle, _Missing(handle))


class _Missing(NamedTuple):
    """Stands for a function that text names and this process does not have: it can be transformed, but not run."""

    handle: str

    def __call__(self, operands: Sequence[np.ndarray], outputs: Sequence[Aval]) -> list:
        raise AttributeValueError(
            f"the program calls the Python function '{self.handle}', which is not in this process: text holds only "
            f"its number. Run the program where it was traced, or trace it here again"
        )


# ---- batches -------------------------------------------------------------------------------------------


class Batches(NamedTuple):
    """The batches that a host function is called for, once for each example: several where `vmap` is inside `vmap`.

    `sizes` and `mapped` have an entry for each batch, in the order in which they were added: how many examples, and
    which operands have a dimension for them. The dimension added last is the leading one; the batch added first is
    the outermost loop.
    """

    sizes: tuple[int, ...] = ()
    mapped: tuple[tuple[bool, ...], ...] = ()

    def add(self, size: int, mapped: Sequence[bool]) -> Batches:
        """With one more batch around these."""
        return Batches((*self.sizes, size), (*self.mapped, tuple(mapped)))

    def run(self, call: Call, operands: Sequence[np.ndarray], outputs: Sequence[Aval]) -> list:
        """Call a function for all examples, and stack what it gives."""
        results = [np.empty(a.shape, a.dtype) for a in outputs]
        one = [a.with_shape(a.shape[len(self.sizes) :]) for a in outputs]
        for place in itertools.product(*map(range, self.sizes)):
            rows = [x[self._index(place, i)] for i, x in enumerate(operands)]
            with _example(place):
                values = call(rows, one)
            for result, value in zip(results, values, strict=True):
                result[place[::-1]] = value
        return results

    def _index(self, place: tuple[int, ...], operand: int) -> tuple[int, ...]:
        """The position of an example in an operand."""
        return tuple(n for n, mapped in zip(place, self.mapped) if mapped[operand])[::-1]


class _State(threading.local):
    """What each thread is doing."""

    example: tuple[int, ...] = ()
    log: EffectLog | None = None
    cursor: dict[Hashable, int] = {}


_state = _State()


@contextmanager
def _example(place: tuple[int, ...]) -> Iterator[None]:
    outer, _state.example = _state.example, place
    try:
        yield
    finally:
        _state.example = outer


def current_example() -> tuple[int, ...]:
    """Which example a host function is being called for, by batch from the innermost `vmap` out; `()` outside any."""
    return _state.example


# ---- calling -------------------------------------------------------------------------------------------


class HostCall(NamedTuple):
    """A call of a host function: on and to what, whether it has effects, and for which batches."""

    function: HostFunction
    inputs: tuple[Aval, ...]
    outputs: tuple[Aval, ...]
    effects: bool
    batches: Batches = Batches()

    def __call__(self, operands: Sequence[Any]) -> list:
        """Make the call for a running program. One with effects is taken from the current log if it is there."""
        log, cursor = _state.log, _state.cursor
        if log is None or not self.effects:
            return self._run(operands)
        key = (self.function.handle, self.batches)
        past, position = log.calls.setdefault(key, []), cursor.get(key, 0)
        cursor[key] = position + 1
        if position < len(past):
            return past[position]
        results = [np.array(r) for r in self._run(operands)]  # kept: a user may change theirs
        past.append(results)
        return results

    def _run(self, operands: Sequence[Any]) -> list:
        log, _state.log = _state.log, None  # what the function itself runs is none of this program's calls
        example, _state.example = _state.example, ()
        try:
            arrays = [np.asarray(x) for x in operands]
            if self.batches.sizes:
                return self.batches.run(self.function.call, arrays, self.outputs)
            return self.function.call(arrays, self.outputs)
        finally:
            _state.log, _state.example = log, example


class EffectLog:
    """What calls with effects gave, in order, by function: from the parts of a program that have already run."""

    def __init__(self) -> None:
        self.calls: dict[Hashable, list] = {}

    @contextmanager
    def follow(self, cursor: dict[Hashable, int]) -> Iterator[None]:
        """Run a part of the program: `cursor` counts the calls of each function before it, and is brought forward."""
        outer = _state.log, _state.cursor
        _state.log, _state.cursor = self, cursor
        try:
            yield
        finally:
            _state.log, _state.cursor = outer


__all__ = ["Batches", "Call", "EffectLog", "HostCall", "HostFunction", "current_example", "find", "register"]
