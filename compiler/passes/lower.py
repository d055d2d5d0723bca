"""Lowering: dialect ops to StableHLO, control combinators to StableHLO control flow or kernels.

Each op and combinator is lowered by its own rule; this file has the traversal, and the forms of control flow
that the combinators' rules ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from axil.compiler.derive import Deriver
from axil.compiler.functions import body_of, has_body, is_public, located, operations
from axil.compiler.passes.expand import public_functions
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.combinators import Site
from axil.dialects.combinators.combinator import split
from axil.dialects.emit import declared_op
from axil.dialects.errors import AttributeValueError
from axil.dialects.mlir import aval_of_type, from_attribute, ir, tensor_type


@dataclass
class LowerToStablehlo(Pass):
    """Lower all public functions to StableHLO.

    `platform` (cpu, vulkan, cuda; portable for text that others read) decides which kernels and formulas are used.
    """

    platform: str = "cpu"
    kernels: bool = True
    name: ClassVar[str] = "axil-to-stablehlo"

    def run(self, module: ir.Operation) -> None:
        lowering = Lowering(Deriver(module), self.platform, self.kernels)
        for name in public_functions(lowering.d):
            lowering.function(name)
        lowering.finish()


class Lowering:
    """One module being lowered. Rules reach kernels and control flow through it."""

    def __init__(self, d: Deriver, platform: str = "cpu", kernels: bool = True) -> None:
        self.d = d
        self.platform = platform
        self.use_kernels = kernels
        self.kernels: dict[str, Any] = {}
        self._lowered: set[str] = set()
        self._formulas: dict[tuple, str | None] = {}  # shared bodies of formulas; None: too short to share
        self._sharing = False

    def function(self, name: str) -> str:
        """Lower the body of a function, once."""
        name = self.d.flat(name)
        if name in self._lowered:
            return name
        self._lowered.add(name)
        # Only straight-line code shares formulas: loop kernels want to see whole bodies.
        outer, self._sharing = self._sharing, is_public(self.d[name])
        for op in operations(body_of(self.d[name]))[:-1]:
            if op.name == "func.call":
                self._call(op)
            elif (declaration := declared_op(op.name)) is not None:
                self._op(op, declaration)
        self._sharing = outer
        return name

    def _op(self, op: ir.Operation, declaration: Any) -> None:
        operands, types = list(op.operands), [r.type for r in op.results]
        attributes = {a: from_attribute(op.attributes[a]) for a in declaration.attributes}
        with ir.InsertionPoint(op), located(op.location):
            if isinstance(declaration.lower, str):
                results = list(hlo.typed(declaration.lower, types, operands).results)
            elif self._sharing and (formula := self._formula(declaration, operands, types, attributes)):
                results = self.d.call(formula, operands)
            else:
                results = declaration.lower(operands, types, self, **attributes)
        self._replace(op, results)

    def _formula(self, declaration: Any, operands: list, types: list, attributes: dict) -> str | None:
        """The function that computes a formula on operands of these types: emitted once, and called at each place.

        A sine is some forty operations; IREE inlines them faster than Python emits them again.
        """
        if not getattr(declaration.lower, "formula", False) or attributes:
            return None
        avals = tuple(aval_of_type(v.type) for v in operands)
        key = (declaration.name, avals)
        if key not in self._formulas:
            emit = lambda *values: _listed(declaration.lower(list(values), types, self))
            name = self.d.build(f"formula.{declaration.name}", avals, emit)
            long = len(operations(body_of(self.d[name]))) > _SHORT_FORMULA
            self._formulas[key] = name if long else None
            self._lowered.add(name)
        return self._formulas[key]

    def _call(self, op: ir.Operation) -> None:
        name = op.attributes["callee"].value
        site = self.d.site(name)
        if site is None:
            return  # an external function
        with ir.InsertionPoint(op), located(op.location):
            lower = site.combinator.lower
            assert lower is not None  # derived functions were expanded before
            results = lower(self, site, list(op.operands))
        self._replace(op, results)

    @staticmethod
    def _replace(op: ir.Operation, results: Any) -> None:
        for old, new in zip(list(op.results), _listed(results), strict=True):
            if old.type != new.type:
                raise AttributeValueError(f"lowering '{op.name}' made {new.type} of {old.type}")
            old.replace_all_uses_with(new)
        op.erase()

    # ---- what rules ask for ----------------------------------------------------------------------------

    def call(self, name: str, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """Emit the lowered body of a function in place."""
        return self.d.inline(self.function(name), operands)

    def kernel(self, name: str, values: Sequence[ir.Value], results: Sequence[ir.Type], **params: Any) -> list | None:
        """Emit a call to the kernel of a name, or give `None` where the kernel declines."""
        from axil.compiler.kernels import KERNELS

        if not self.use_kernels or name not in KERNELS:
            return None
        made = KERNELS[name](values, results, platform=self.platform, **params)
        if not made:
            return None
        return self._kernel_call(made, values)

    def _kernel_call(self, kernel: Any, values: Sequence[ir.Value]) -> list[ir.Value]:
        if kernel.symbol not in self.d.table:
            types = [aval_of_type(v.type) for v in values]
            self._declare_external(kernel.symbol, kernel.function_type, types)
        self.kernels[kernel.symbol] = kernel
        return self.d.call(kernel.symbol, values)

    def _declare_external(self, symbol: str, function_type: Any, types: list) -> None:
        from axil.dialects.mlir import context

        type_ = ir.Type.parse(function_type, context()) if isinstance(function_type, str) else function_type
        op = ir.Operation.create(
            "func.func", regions=1, ip=ir.InsertionPoint(self.d.block),
            attributes={
                "sym_name": ir.StringAttr.get(symbol), "function_type": ir.TypeAttr.get(type_),
                "sym_visibility": ir.StringAttr.get("private"),
            },
        )  # fmt: skip
        self.d.table[symbol] = op

    def finish(self) -> None:
        """Drop functions that nothing calls any more, and put the kernels' code into the module."""
        kept = set(self._formulas.values())
        for name, op in list(self.d.table.items()):
            if not is_public(op) and name not in kept and (has_body(op) or "axil.derived" in op.attributes):
                op.erase()
                del self.d.table[name]
        if self.kernels:
            from axil.compiler.kernels import link

            link(self.d.module, self.kernels.values())

    # ---- control flow ----------------------------------------------------------------------------------

    def scan(self, site: Site, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """A loop of known length."""
        p = site.parameters
        (body,) = site.functions
        consts, carry, xs = split(operands, p["consts"], p["carry"])
        self.function(body)
        if self.use_kernels and (results := self._loop_kernel(site, operands)) is not None:
            return results
        ys = self.d.signature(body).outputs[p["carry"] :]
        length = p["length"]
        if length == 0 or length <= p["unroll"]:
            return self._unrolled(site, consts, carry, xs, ys)
        stacks = [hlo.splat(tensor_type(a.with_shape((length, *a.shape))), 0) for a in ys]
        start = hlo.constant(0, np.int32)

        def condition(i: ir.Value, *_: ir.Value) -> list:
            return [hlo.compare(i, hlo.constant(length, np.int32), "LT")]

        def step(i: ir.Value, *state: ir.Value) -> list:
            now, rows = split(state, len(carry))
            at = hlo.op("subtract", hlo.constant(length - 1, np.int32), i) if p["reverse"] else i
            results = self.call(body, [*consts, *now, *[read_row(x, at) for x in xs]])
            new, y = split(results, len(carry))
            rows = [write_row(r, v, at) for r, v in zip(rows, y)]
            return [hlo.op("add", i, hlo.constant(1, np.int32)), *new, *rows]

        return self._while([start, *carry, *stacks], condition, step)[1:]

    def _unrolled(self, site: Site, consts: list, carry: list, xs: list, ys: Any) -> list[ir.Value]:
        length, n = site.parameters["length"], len(carry)
        rows: list[list] = [[] for _ in ys]
        steps = range(length - 1, -1, -1) if site.parameters["reverse"] else range(length)
        for i in steps:
            at = hlo.constant(i, np.int32)
            carry, y = split(self.call(site.functions[0], [*consts, *carry, *[read_row(x, at) for x in xs]]), n)
            for row, v in zip(rows, y):
                row.append(v)
        return [*carry, *[self._stack(r, a, site.parameters["reverse"]) for r, a in zip(rows, ys)]]

    @staticmethod
    def _stack(rows: list, of: Any, reverse: bool) -> ir.Value:
        if not rows:
            return hlo.splat(tensor_type(of.with_shape((0, *of.shape))), 0)
        rows = [hlo.reshape(r, (1, *of.shape)) for r in (reversed(rows) if reverse else rows)]
        return hlo.op("concatenate", *rows, dimension=hlo.integer(0)) if len(rows) > 1 else rows[0]

    def while_loop(self, site: Site, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """A loop with a condition."""
        cond, body = site.functions
        cc, bc, carry = split(operands, site.parameters["cond_consts"], site.parameters["body_consts"])
        self.function(cond)
        self.function(body)
        if self.use_kernels and (results := self._loop_kernel(site, operands)) is not None:
            return results
        # What a step gives as it got it is no state. (IREE 3.13 crashes on some loops that carry such a value.)
        block = body_of(self.d[self.function(body)])
        given = list(operations(block)[-1].operands)
        changes = [v != a for v, a in zip(given, list(block.arguments)[len(bc) :])]

        def whole(state: Sequence[ir.Value]) -> list[ir.Value]:
            now = iter(state)
            return [next(now) if c else v for c, v in zip(changes, carry)]

        def step(*state: ir.Value) -> list[ir.Value]:
            return [v for v, c in zip(self.call(body, [*bc, *whole(state)]), changes) if c]

        state = [v for v, c in zip(carry, changes) if c]
        return whole(self._while(state, lambda *s: self.call(cond, [*cc, *whole(s)]), step))

    def cond(self, site: Site, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """One branch of several."""
        index, *args = operands
        types = [tensor_type(a) for a in self.d.signature(site.functions[0]).outputs]
        made = hlo.typed("case", types, [index], regions=len(site.functions))
        for i, branch in enumerate(site.functions):
            block = hlo.body(made, [], i)
            with ir.InsertionPoint(block):
                hlo.return_(apart(self.call(branch, args)))
        return list(made.results)

    def _while(self, inits: Sequence[ir.Value], condition: Any, step: Any) -> list[ir.Value]:
        types = [v.type for v in inits]
        made = hlo.typed("while", types, inits, regions=2)
        for i, make in enumerate((condition, lambda *state: all_read(apart(step(*state)), state))):
            block = hlo.body(made, types, i)
            with ir.InsertionPoint(block):
                hlo.return_(make(*block.arguments))
        return list(made.results)

    def _loop_kernel(self, site: Site, operands: Sequence[ir.Value]) -> list[ir.Value] | None:
        """The whole loop in one dispatch, if its body is small and simple enough."""
        from axil.compiler.kernels import KERNELS

        emitter = KERNELS.get(f"loop_{site.combinator.name}")
        if emitter is None:
            return None
        functions = [self.d[self.function(f)] for f in site.functions]
        made = emitter(functions, operands, platform=self.platform, **site.parameters)
        return self._kernel_call(made, operands) if made else None


_SHORT_FORMULA = 4
"""Formulas of fewer operations are emitted in place."""


def _listed(results: Any) -> list:
    return list(results) if isinstance(results, (list, tuple)) else [results]


def apart(values: Sequence[ir.Value]) -> list[ir.Value]:
    """The values, with all but the first of equal ones behind a barrier.

    IREE 3.13 cannot compile some loops whose step gives one value for two of the state ("region branch point has 4
    operands, but region successor needs 6").
    """
    seen: set[ir.Value] = set()
    result = []
    for value in values:
        result.append(hlo.barrier(value) if value in seen else value)
        seen.add(value)
    return result


def all_read(values: Sequence[ir.Value], state: Sequence[ir.Value]) -> list[ir.Value]:
    """What a step gives, such that the step reads all of its state.

    IREE 3.13 turns some loops into ones that test at the end, and drops state that the step does not read; then
    operands and results of the loop differ in number, and its conversion to streams crashes the process.
    """
    unread = [next(iter(v.uses), None) is None for v in state]
    if not any(unread):
        return list(values)
    always = hlo.barrier(hlo.constant(True, np.bool_))
    return [hlo.select(always, new, old) if u else new for new, old, u in zip(values, state, unread)]


def read_row(x: ir.Value, i: ir.Value) -> ir.Value:
    """Row `i` of an array."""
    of = aval_of_type(x.type)
    zero = hlo.constant(0, np.int32)
    row = hlo.op("dynamic_slice", x, i, *[zero] * (of.ndim - 1), slice_sizes=hlo.ints((1, *of.shape[1:])))
    return hlo.reshape(row, of.shape[1:])


def write_row(rows: ir.Value, row: ir.Value, i: ir.Value) -> ir.Value:
    """An array with row `i` replaced."""
    of = aval_of_type(rows.type)
    zero = hlo.constant(0, np.int32)
    update = hlo.reshape(row, (1, *of.shape[1:]))
    return hlo.op("dynamic_update_slice", rows, update, i, *[zero] * (of.ndim - 1))


__all__ = ["LowerToStablehlo", "Lowering"]
