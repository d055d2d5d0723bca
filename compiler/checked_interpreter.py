"""An interpreter that looks at the result of each operation: how NaNs and infinities are traced to where they arise.

Nothing is checked twice and nothing in the programs that run normally is changed: a program is run here once more,
after its result turned out to be bad (`axil.nan_checks`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from axil.compiler.derive import Deriver
from axil.compiler.functions import located
from axil.compiler.interpreter import Interpreter
from axil.dialects.avals import Aval, is_inexact
from axil.dialects.combinators import Site
from axil.dialects.locations import Place, read
from axil.dialects.mlir import ir

PREDICATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"nan": np.isnan, "inf": np.isinf}


class Step(NamedTuple):
    """A part of control flow that was running: which function of which combinator, for the how-manieth time."""

    combinator: str
    function: str
    count: int
    place: Place | None

    def text(self) -> str:
        """For messages: "iteration 3 of scan", "branches[1] of cond"."""
        if self.function == "body":
            return f"iteration {self.count} of {self.combinator}"
        return f"{self.function} of {self.combinator}{f', call {self.count}' if self.count else ''}"


class BadResult(Exception):
    """An operation gave a NaN or an infinity.

    `kind` is "nan" or "inf", `op` the operation's name, `operand_kinds` the operands that had such values before,
    `index` where the first of them is in the result (of type `aval_text`), `steps` the loops and branches around it,
    outermost first.
    """

    def __init__(
        self, kind: str, op: str, place: Place | None, operand_kinds: dict[int, str], index: tuple[int, ...],
        result: np.ndarray,
    ) -> None:  # fmt: skip
        super().__init__(kind, op, place)
        self.kind = kind
        self.op = op
        self.place = place
        self.operand_kinds = operand_kinds
        self.index = index
        self.result = result
        self.steps: list[Step] = []


def bad_kind(array: Any, kinds: Sequence[str]) -> str | None:
    """The first of `kinds` ("nan", "inf") of which an array has elements."""
    if not isinstance(array, (np.ndarray, np.generic)) or not is_inexact(array.dtype):
        return None
    values = np.asarray(array)
    with np.errstate(all="ignore"):
        return next((kind for kind in kinds if bool(PREDICATES[kind](values).any())), None)


def check_results(
    op: str, operands: Sequence[Any], results: Sequence[Any], kinds: Sequence[str], place: Callable[[], Place | None]
) -> None:
    """Raise `BadResult` if a result has an element of `kinds`."""
    for result in results:
        kind = bad_kind(result, kinds)
        if kind is not None:
            before = {i: k for i, x in enumerate(operands) if (k := bad_kind(x, ("nan", "inf"))) is not None}
            array = np.asarray(result)
            index = np.unravel_index(int(np.argmax(PREDICATES[kind](array))), array.shape) if array.ndim else ()
            raise BadResult(kind, op, place(), before, tuple(int(i) for i in index), array)


class CheckedInterpreter(Interpreter):
    """Runs functions of a module, and raises `BadResult` at the first operation that gives a value of `kinds`."""

    def __init__(self, functions: Deriver, kinds: Sequence[str]) -> None:
        super().__init__(functions)
        self.kinds = tuple(kinds)

    def _step(self, op: ir.Operation) -> tuple[Callable[..., Any], bool]:
        function, single = super()._step(op)
        if not op.operands:  # a constant is what the user wrote
            return function, single
        name, location = op.name.removeprefix("axil."), op.location
        if op.name == "func.call":
            site = self.functions.site(op.attributes["callee"].value)
            if site is None or site.combinator.transformation:
                return function, single  # the operations inside are checked one by one
            name = site.combinator.name

        def checked(*operands: Any) -> Any:
            result = function(*operands)
            check_results(name, operands, (result,) if single else result, self.kinds, lambda: read(location))
            return result

        return checked, single

    def _control(self, site: Site, outputs: tuple[Aval, ...], location: ir.Location) -> Callable[..., Any]:
        """Count the calls of each function, so that a bad result can be put down to one of them."""
        reference = site.combinator.reference
        name = site.combinator.name
        place = read(location)

        def call(*operands: Any) -> Any:
            callees = [
                self._counted(partial(self._run, f), name, role, place, _last(site))
                for f, role in zip(site.functions, _roles(site), strict=True)
            ]
            with located(location):
                return reference(callees, operands, outputs=outputs, **site.parameters)  # type: ignore[misc]

        return call

    def _counted(
        self, run: Callable[..., Any], combinator: str, role: str, place: Place | None, last: int | None
    ) -> Callable[..., Any]:
        """A function that notes on a bad result which call of it was running; `last` is the first call's number."""
        count = -1

        def counted(operands: Sequence[Any]) -> Any:
            nonlocal count
            count += 1
            try:
                return run(operands)
            except BadResult as bad:
                bad.steps.insert(0, Step(combinator, role, count if last is None else last - count, place))
                raise

        return counted


def _roles(site: Site) -> list[str]:
    """A name for each function: as declared, and with a number where a combinator takes any number of them."""
    names = site.combinator.functions
    if len(names) == len(site.functions):
        return list(names)
    return [f"{names[-1].rstrip('.')}[{i}]" for i in range(len(site.functions))]


def _last(site: Site) -> int | None:
    """The number of a loop's last iteration, where it runs from that one to the first."""
    return site.parameters["length"] - 1 if site.parameters.get("reverse") else None
