"""The reference interpreter: runs a module's functions with the NumPy references of the declarations.

It is the eager evaluator, what `disable_jit` runs, and the oracle of the tests. A function is turned once into
a plan (a list of steps over numbered slots), so that a loop body costs about a microsecond an operation
beside NumPy's own time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from axil.compiler.derive import Deriver
from axil.compiler.functions import body_of, has_body, has_effects, located, operations
from axil.dialects.avals import Aval
from axil.dialects.combinators import Site
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.errors import ShapeError
from axil.dialects.mlir import ir

Step = tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...], bool, tuple[int, ...]]


class Interpreter:
    """Runs functions of one module. Derived functions must be expanded, all but control combinators."""

    def __init__(self, functions: Deriver) -> None:
        self.functions = functions
        self._lock = threading.RLock()
        self._plans: dict[str, tuple[list[Step], tuple[int, ...], int]] = {}

    def run(self, name: str, operands: Sequence[np.ndarray]) -> list[Any]:
        """Run a function on arrays of the declared shapes and dtypes."""
        with np.errstate(all="ignore"):
            return self._run(name, operands)

    def _run(self, name: str, operands: Sequence[np.ndarray]) -> list[Any]:
        plan = self._plans.get(name)
        if plan is None:
            if self.functions.site(name) is not None:  # control that is run itself, not through a call
                return self._call(name)(*operands)
            with self._lock:  # planning writes derivatives out, which changes the module
                plan = self._plans.get(name)
                if plan is None:
                    plan = self._plans[name] = self._plan(name)
        steps, results, size = plan
        slots: list[Any] = [None] * size
        slots[: len(operands)] = operands
        for function, sources, targets, single, dead in steps:
            value = function(*[slots[i] for i in sources])
            if single:
                slots[targets[0]] = value
            else:
                for i, v in zip(targets, value):
                    slots[i] = v
            for i in dead:
                slots[i] = None  # free memory as soon as nothing needs it
        return [slots[i] for i in results]

    def _plan(self, name: str) -> tuple[list[Step], tuple[int, ...], int]:
        block = body_of(self.functions[name])
        numbers = {a: i for i, a in enumerate(block.arguments)}
        body = operations(block)
        results = tuple(body[-1].operands)
        last = {v: op for op in body for v in op.operands}
        steps: list[Step] = []
        for op in body[:-1]:
            sources = tuple(numbers[v] for v in op.operands)
            for r in op.results:
                numbers[r] = len(numbers)
            targets = tuple(numbers[r] for r in op.results)
            dead = tuple({numbers[v] for v in op.operands if last[v] == op})
            function, single = self._step(op)
            steps.append((function, sources, targets, single, dead))
        return steps, tuple(numbers[v] for v in results), len(numbers)

    def _step(self, op: ir.Operation) -> tuple[Callable[..., Any], bool]:
        """What an operation computes, and whether it gives one value rather than a sequence."""
        if op.name == "func.call":
            return self._call(op.attributes["callee"].value), False
        declaration = declared_op(op.name)
        if declaration is None:
            raise ShapeError(f"the interpreter runs axil operations, and '{op.name}' is none")
        attributes = attributes_of(op, declaration)
        if "value" in attributes:  # a constant: read once
            value = attributes["value"]
            return lambda: value, True
        reference = partial(declaration.reference, **attributes) if attributes else declaration.reference
        return reference, declaration.results == 1

    def _call(self, name: str) -> Callable[..., Any]:
        site = self.functions.site(name)
        if site is not None and site.combinator.transformation:
            self.functions.expand(name)  # when a value is asked for while the program is still being traced
            site = None
        if site is None:
            if not has_body(self.functions[name]):
                raise ShapeError(f"function @{name} has no body to run")
            return lambda *operands: self._run(name, operands)
        return self._control(site, self.functions.signature(name).outputs, self.functions[name].location)

    def _control(self, site: Site, outputs: tuple[Aval, ...], location: ir.Location) -> Callable[..., Any]:
        """What a call of a control combinator does."""
        callees = [partial(self._run, f) for f in site.functions]
        reference = site.combinator.reference

        def call(*operands: Any) -> Any:
            with located(location):
                return reference(callees, operands, outputs=outputs, **site.parameters)  # type: ignore[misc]

        return call

    def evaluate(self, value: ir.Value, known: dict[ir.Value, Any]) -> Any:
        """The concrete value of an MLIR value, from the `known` ones; `KeyError` if they do not determine it.

        Only what the value depends on is run, and `known` keeps what has been found.
        """
        pending = [value]
        while pending:
            v = pending[-1]
            if v in known:
                pending.pop()
                continue
            if isinstance(v.owner, ir.Block):
                raise KeyError(v)
            op = v.owner.operation if hasattr(v.owner, "operation") else v.owner
            if has_effects(op):
                raise KeyError(v)  # it is made when its turn comes, and not because someone asks
            missing = [o for o in op.operands if o not in known]
            if missing:
                pending.extend(missing)
                continue
            self.execute(op, known)
        return known[value]

    def execute(self, op: ir.Operation, known: dict[ir.Value, Any]) -> None:
        """Run one operation whose operands are `known`, and note its results there."""
        function, single = self._step(op)
        with np.errstate(all="ignore"):
            result = function(*[known[o] for o in op.operands])
        known.update(zip(op.results, [result] if single else result))
