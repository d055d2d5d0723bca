"""Uses of random keys in a program: found by following the words of keys, element by element, without computing.

Every element of an unsigned array has a number that says where it came from. Ops that *move* elements (their
declarations say so) run their references on arrays of these numbers; others give new ones. A `key_mark` of kind "use"
takes down the numbers of the words that it gets: those that were taken down before are of a key that is used again.

Loops are walked for as many steps as it takes to see a key used again, branches one beside another
(`axil.dialects.combinators.steps`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from axil.compiler.functions import Functions, body_of, operations
from axil.dialects.avals import Aval
from axil.dialects.combinators import Site
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.locations import Place, read
from axil.dialects.mlir import aval_of_type, ir

_SMALL = 256
"""Up to so many elements, values that are known are computed, as indices are."""


class KeyUsedTwice(Exception):
    """A key is used again: `place` and `first` are where, and `step` is the loop that it is in, if it is the same."""

    def __init__(self, place: Place | None, first: Place | None) -> None:
        super().__init__(place, first)
        self.place = place
        self.first = first


class Value(NamedTuple):
    """What is known of a value: the numbers of its elements, and what it is; each None where unknown."""

    numbers: np.ndarray | None = None
    known: np.ndarray | None = None


class Uses(NamedTuple):
    """What a program uses: of each operand the positions of words, and keys that are constants of it."""

    operands: tuple[tuple[int, ...], ...]
    constants: tuple[bytes, ...]
    places: dict[Any, Place | None]  # of `(operand, position)` and of constants, where they are used
    made: tuple[bool, ...]  # which results are not words of operands


class KeyUses:
    """A walk over the functions of a module, of first-order operations and control combinators."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.used: dict[int, Place | None] = {}
        self._next = 0
        self._constants: dict[bytes, np.ndarray] = {}
        self._again = False  # whether what is walked runs again for a derivative, as under `checkpoint`

    # ---- values ----------------------------------------------------------------------------------------

    def fresh(self, shape: tuple[int, ...]) -> np.ndarray:
        """New numbers for an array."""
        size = int(np.prod(shape, dtype=np.int64))
        self._next += size
        return np.arange(self._next - size, self._next, dtype=np.int64).reshape(shape)

    def unknown(self) -> Value:
        """A value of which nothing is known."""
        return Value()

    def row(self, x: Value, i: int) -> Value:
        """A row of a value."""
        return Value(*[None if part is None else part[i] for part in x])

    def either(self, branches: Sequence[Callable[..., list]], operands: Sequence[Value]) -> list[Value]:
        """The results of one of several functions: each sees what was used before, and all their uses count."""
        before, after, results = dict(self.used), dict(self.used), []
        for branch in branches:
            self.used = dict(before)
            results.append(branch(operands))
            after |= self.used
        self.used = after
        return [v[0] if all(_same(v[0], w) for w in v) else Value() for v in zip(*results)]

    # ---- walking ---------------------------------------------------------------------------------------

    def main(self, name: str) -> Uses:
        """Walk a function; gives what it uses of its operands."""
        inputs = self.functions.signature(name).inputs
        arguments = [Value(self.fresh(a.shape) if _is_words(a) else None) for a in inputs]
        results = self.walk(name, arguments)
        places: dict[Any, Place | None] = {}
        found = []
        for i, x in enumerate(arguments):
            numbers = [] if x.numbers is None else x.numbers.ravel().tolist()
            at = [p for p, n in enumerate(numbers) if n in self.used]
            places |= {(i, p): self.used[numbers[p]] for p in at}
            found.append(tuple(at))
        constants = {text: n for text, n in self._constants.items() if any(m in self.used for m in n.ravel().tolist())}
        places |= {text: self.used.get(int(n.ravel()[0])) for text, n in constants.items()}
        given = {n for x in arguments if x.numbers is not None for n in x.numbers.ravel().tolist()}
        made = tuple(x.numbers is None or given.isdisjoint(x.numbers.ravel().tolist()) for x in results)
        return Uses(tuple(found), tuple(constants), places, made)

    def walk(self, name: str, operands: Sequence[Value]) -> list[Value]:
        """The results of a function for operands of which something is known."""
        block = body_of(self.functions[name])
        env: dict[ir.Value, Value] = dict(zip(block.arguments, operands, strict=True))
        body = operations(block)
        for op in body[:-1]:
            env.update(zip(op.results, self._results(op, [env[v] for v in op.operands])))
        return [env[v] for v in body[-1].operands]

    def _results(self, op: ir.Operation, operands: list[Value]) -> list[Value]:
        if op.name == "func.call":
            return self._call(op, operands)
        declaration = declared_op(op.name)
        avals = [aval_of_type(r.type) for r in op.results]
        if declaration is None:
            return [Value() for _ in avals]
        attributes = attributes_of(op, declaration)
        if declaration.marks_keys:
            return [self._mark(op, operands[0], avals[0], attributes["kind"])]
        known = self._compute(declaration, operands, attributes, avals)
        if not op.operands and known is not None and _is_words(avals[0]):
            return [Value(self._of_constant(known), known)]
        if declaration.moves and _is_words(avals[0]):
            return [Value(self._moved(op, declaration, operands, attributes), known)]
        return [Value(None, known if i == 0 else None) for i in range(len(avals))]

    def _compute(self, declaration: Any, operands: list[Value], attributes: dict, avals: list[Aval]) -> Any:
        if len(avals) != 1 or avals[0].size > _SMALL or any(x.known is None for x in operands):
            return None
        with np.errstate(all="ignore"):
            return np.asarray(declaration.reference(*[x.known for x in operands], **attributes))

    def _of_constant(self, known: np.ndarray) -> np.ndarray:
        """Constants of one value are one key, in whatever function they are."""
        return self._constants.setdefault(known.tobytes(), self.fresh(known.shape)).reshape(known.shape)

    def _moved(self, op: ir.Operation, declaration: Any, operands: list[Value], attributes: dict) -> Any:
        """The numbers of a result whose elements are those of operands; None where it depends on what is unknown."""
        arrays = []
        for x, v in zip(operands, op.operands):
            of = aval_of_type(v.type)
            if _is_words(of):
                arrays.append(self.fresh(of.shape) if x.numbers is None else x.numbers)
            elif x.known is not None:
                arrays.append(x.known)
            else:
                return None
        return np.asarray(declaration.reference(*arrays, **attributes))

    def _mark(self, op: ir.Operation, keys: Value, of: Aval, kind: str) -> Value:
        if kind == "fresh" or keys.numbers is None:
            return Value(self.fresh(of.shape), keys.known)
        place = read(op.location)
        if self._again or _of_derivative(place):
            return keys
        for number in np.unique(keys.numbers).tolist():
            if number in self.used:
                raise KeyUsedTwice(place, self.used[number])
        self.used |= dict.fromkeys(keys.numbers.ravel().tolist(), place)
        return keys

    def _call(self, op: ir.Operation, operands: list[Value]) -> list[Value]:
        outer = self._again
        self._again = outer or _of_derivative(read(op.location))
        try:
            return self._run(op, operands)
        finally:
            self._again = outer

    def _run(self, op: ir.Operation, operands: list[Value]) -> list[Value]:
        name = op.attributes["callee"].value
        site = self.functions.site(name)
        if site is None:
            return self.walk(name, operands)
        callees = [_Callee(self, f) for f in site.functions]
        if site.combinator.steps is not None:
            return site.combinator.steps(self, callees, operands, **site.parameters)
        return self._once(site, callees, operands, len(op.results))

    def _once(self, site: Site, callees: list[_Callee], operands: list[Value], results: int) -> list[Value]:
        """Control of another kind runs its first function once, if it takes just these operands."""
        if callees and callees[0].operands == len(operands):
            found = callees[0](operands)
            if len(found) == results:
                return found
        return [Value() for _ in range(results)]


class _Callee:
    """A function that control may run, with its numbers of operands and results."""

    def __init__(self, walk: KeyUses, name: str) -> None:
        signature = walk.functions.signature(name)
        self.operands, self.results = len(signature.inputs), len(signature.outputs)
        self._run = partial(walk.walk, name)

    def __call__(self, operands: Sequence[Value]) -> list[Value]:
        return self._run(operands)


def _of_derivative(place: Place | None) -> bool:
    """Whether a place is that of an operation which a derivative added: it draws nothing new."""
    return place is not None and (place.backward or bool(place.derivatives))


def _is_words(of: Aval) -> bool:
    return of.dtype == np.uint32


def _same(a: Value, b: Value) -> bool:
    return a.numbers is not None and b.numbers is not None and np.array_equal(a.numbers, b.numbers)


def uses(module: Any, name: str) -> Uses:
    """What a traced program uses of its operands. Raises `KeyUsedTwice` where it uses a key again itself."""
    from axil.compiler.passes import expand
    from axil.compiler.passes.passes import run_pipeline

    run_pipeline(module, [expand.Expand(), expand.Inline()])
    return KeyUses(Functions(module)).main(name)
