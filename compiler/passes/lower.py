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
from axil.compiler.functions import body_of, has_body, is_public, located, mark_effects, operations, terminator
from axil.compiler.loops import HOST, INSIDE, ONE_DISPATCH, UNROLLED, LoopForm, frames_of, place
from axil.compiler.passes.aliasing import copied, is_constant, root
from axil.compiler.passes.expand import public_functions
from axil.compiler.passes.formulas import Formulas, listed
from axil.compiler.passes.loop_constants import move_constants_out
from axil.compiler.passes.passes import Pass
from axil.dialects import hlo
from axil.dialects.avals import aval, is_integer
from axil.dialects.combinators import Site
from axil.dialects.combinators.combinator import split
from axil.dialects.emit import attributes_of, declared_op
from axil.dialects.errors import AttributeValueError
from axil.dialects.mlir import aval_of_type, function_type, ir, tensor_type
from axil.dialects.op import ByDtype

MAX_UNROLLED = 5_000
"""Operations that a loop is unrolled to at most, whatever was asked for: IREE takes a millisecond for each."""

HOST_MODULE = "axil_host"
"""The module that a compiled program imports functions of the host from."""


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
        self.host_calls = list(lowering.host_calls)
        self.loops = lowering.loops


class Lowering:
    """One module being lowered. Rules reach kernels and control flow through it."""

    def __init__(self, d: Deriver, platform: str = "cpu", kernels: bool = True) -> None:
        self.d = d
        self.platform = platform
        self.use_kernels = kernels
        self.kernels: dict[str, Any] = {}
        self.host_calls: dict[Any, str] = {}  # and the external function that stands for each
        self.loops: list[LoopForm] = []
        self._lowered: set[str] = set()
        self._callee = ""
        self._sizes: dict[str, int] = {}  # operations in bodies, before they were lowered
        self._formulas = Formulas(self)
        self._sharing = False

    def function(self, name: str) -> str:
        """Lower the body of a function, once."""
        name = self.d.flat(name)
        if name in self._lowered:
            return name
        self._lowered.add(name)
        # Only straight-line code shares formulas: loop kernels want to see whole bodies.
        outer, self._sharing = self._sharing, is_public(self.d[name])
        body = operations(body_of(self.d[name]))[:-1]
        if not self._sharing:  # it may be the body of a loop
            self._sizes[name] = sum(1 for op in body if len(op.operands))
        for op in body:
            kind = op.name
            if kind == "func.call":
                self._call(op)
            elif (declaration := declared_op(kind)) is not None:
                self._op(op, declaration)
        self._sharing = outer
        return name

    def _size(self, name: str) -> int:
        """How many operations a function has, beside constants: before it is lowered, where nobody else calls it."""
        name = self.function(name)
        if name not in self._sizes:
            self._sizes[name] = sum(1 for op in operations(body_of(self.d[name])) if len(op.operands))
        return self._sizes[name]

    def _op(self, op: ir.Operation, declaration: Any) -> None:
        operands, rule, kept = list(op.operands), declaration.lower, None
        if isinstance(rule, ByDtype):
            kept = {name: op.attributes[name] for name in rule.keeps} or None
            rule = rule.rule(aval_of_type(op.results[0].type).dtype)
        if isinstance(rule, str):  # most operations become one that has one result
            old = op.results[0]
            result = hlo.before(op, rule, [old.type], operands, kept).result
            self._formulas.note(operands, (result,))
            old.replace_all_uses_with(result)
            op.erase()
            return
        types, attributes = [r.type for r in op.results], attributes_of(op, declaration)
        with ir.InsertionPoint(op), located(op.location):
            if formula := self._formulas.emit(declaration, operands, types, attributes, self._sharing):
                results = formula
            else:
                results = listed(rule(operands, types, self, **attributes))
                self._formulas.note(operands, results)
        self._replace(op, results)

    def _call(self, op: ir.Operation) -> None:
        name = op.attributes["callee"].value
        site = self.d.site(name)
        if site is None:
            return  # an external function
        with ir.InsertionPoint(op), located(op.location):
            self._callee = name if self._sharing else ""
            lower = site.combinator.lower
            assert lower is not None  # derived functions were expanded before
            results = lower(self, site, list(op.operands))
        self._replace(op, results)

    @staticmethod
    def _replace(op: ir.Operation, results: Any) -> None:
        for old, new in zip(list(op.results), listed(results), strict=True):
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

    def code(
        self, name: str, code: str, values: Sequence[ir.Value], results: Sequence[ir.Type], workgroups: int = 1
    ) -> list[ir.Value]:
        """Emit a call to a kernel whose code is MLIR text, in the dialects that run on CPUs (`memref scf arith math`).

        The code reads flat buffers `%in0`, `%in1`, ... and writes all of `%out0`, ...: `memref<6xf32>` for an operand
        or result of type `tensor<2x3xf32>`. It runs once for each of the `workgroups`.
        """
        from axil.compiler.kernels.kernel import Plan, assemble, tensor_of

        plan = Plan(name, [tensor_of(v.type) for v in values], [tensor_of(t) for t in results], workgroups=workgroups,
                    platform=self.platform)  # fmt: skip
        made = assemble(plan, code)
        if not made:
            raise AttributeValueError(f"kernel '{name}' cannot be made: {made.reason}")
        return self._kernel_call(made, values)

    def _kernel_call(self, kernel: Any, values: Sequence[ir.Value]) -> list[ir.Value]:
        if kernel.symbol not in self.d.table:
            types = [aval_of_type(v.type) for v in values]
            self._declare_external(kernel.symbol, kernel.function_type, types)
        self.kernels[kernel.symbol] = kernel
        results = self.d.call(kernel.symbol, values)
        # What a kernel hands through is its operand, as passes that look at who reads a value should see.
        sources = kernel.sources or (None,) * len(results)
        return [r if source is None else values[source] for r, source in zip(results, sources, strict=True)]

    def host_call(self, call: Any, operands: Sequence[ir.Value]) -> list[ir.Value]:
        """Emit a call to a function of the host. Numbered by place, so that equal programs are equal text anywhere."""
        symbol = self.host_calls.setdefault(call, f"{HOST_MODULE}.call{len(self.host_calls)}")
        if symbol not in self.d.table:
            self._declare_external(symbol, function_type(call.inputs, call.outputs), [])
            declared = self.d.table[symbol]
            if call.effects:
                mark_effects(declared)
            else:
                declared.attributes["nosideeffects"] = ir.UnitAttr.get()
        return self.d.call(symbol, operands)

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
        kept = self._formulas.shared()
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
        length, inner, name = p["length"], len(self.loops), self._callee
        size = self._size(body)
        reverse = "reversed " if p["reverse"] else ""
        form = self._form(f"{reverse}scan of {length} step{'s' * (length != 1)}", size, carry, name)
        ys = self.d.signature(body).outputs[p["carry"] :]
        if length <= max(p["unroll"], 1) and length * size <= MAX_UNROLLED:
            form.form = UNROLLED
            form.reason = f"unroll={p['unroll']}" if length > 1 else f"it has {length or 'no'} step{'s' * (not length)}"
            return self._unrolled(site, consts, carry, xs, ys)
        if (results := self._loop_kernel(site, operands, form, inner)) is not None:
            return results
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
            carry, y = split(self.call(site.functions[0], [*consts, *carry, *[row_number(x, i) for x in xs]]), n)
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
        inner, name = len(self.loops), self._callee
        size = self._size(cond) + self._size(body)
        form = self._form("while", size, carry, name)
        if (results := self._loop_kernel(site, operands, form, inner)) is not None:
            return results
        # What a step gives as it got it is no state. (IREE 3.13 crashes on some loops that carry such a value.)
        block = body_of(self.d[self.function(body)])
        given = list(terminator(block).operands)
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
        if not self.d.signature(site.functions[0]).outputs:
            return self._cond_for_effects(site, index, args)
        types = [tensor_type(a) for a in self.d.signature(site.functions[0]).outputs]
        made = hlo.typed("case", types, [index], regions=len(site.functions))
        for i, branch in enumerate(site.functions):
            block = hlo.body(made, [], i)
            with ir.InsertionPoint(block):
                hlo.return_(self.call(branch, args))
        return list(made.results)

    def _cond_for_effects(self, site: Site, index: ir.Value, args: list) -> list[ir.Value]:
        """Branches without results. IREE 3.13 cannot convert a `case` that has none, so this one gives a number."""
        number = tensor_type(aval((), np.int32))
        made = hlo.typed("case", [number], [index], regions=len(site.functions))
        for i, branch in enumerate(site.functions):
            with ir.InsertionPoint(hlo.body(made, [], i)):
                self.call(branch, args)
                hlo.return_([hlo.constant(i, np.int32)])
        return []

    def _while(self, inits: Sequence[ir.Value], condition: Any, step: Any) -> list[ir.Value]:
        types = [v.type for v in inits]
        made = hlo.typed("while", types, list(map(no_constant, inits)), regions=2)
        for i, make in enumerate((condition, lambda *state: all_read(apart(owned(step(*state), state)), state))):
            block = hlo.body(made, types, i)
            with ir.InsertionPoint(block):
                hlo.return_(make(*block.arguments))
        move_constants_out(made.operation if hasattr(made, "operation") else made, self.kernels)
        return list(made.results)

    def _form(self, what: str, size: int, carry: Sequence[ir.Value], name: str) -> LoopForm:
        """Note a loop for the report: a host loop, unless it turns out otherwise."""
        state = sum(a.size * a.dtype.itemsize for a in map(aval_of_type, [v.type for v in carry]))
        form = LoopForm(what, HOST, "", size, state, frames_of(ir.Location.current), name)
        self.loops.append(form)
        return form

    def _loop_kernel(self, site: Site, operands: Sequence[ir.Value], form: LoopForm, inner: int) -> list | None:
        """The whole loop in one dispatch, if its body is small and simple enough.

        Loops from number `inner` on are in its body.
        """
        from axil.compiler.kernels import KERNELS

        emitter = KERNELS.get(f"loop_{site.combinator.name}")
        if emitter is None or not self.use_kernels:
            form.reason = "kernels are switched off"
            return None
        functions = [self.d[self.function(f)] for f in site.functions]
        made = emitter(functions, operands, platform=self.platform, **site.parameters)
        if not made:
            where = frames_of(made.location)
            form.reason = made.reason + (f" at {place(where)}" if where else "")
            return None
        form.form = ONE_DISPATCH
        for other in self.loops[inner : self.loops.index(form)]:
            if other.form == ONE_DISPATCH:
                other.form = f"{INSIDE} at {form.place}"
        return self._kernel_call(made, operands)


def owned(values: Sequence[ir.Value], state: Sequence[ir.Value]) -> list[ir.Value]:
    """The values of a step, with those copied that are but another state, or a row from outside, in another shape, and
    those that are constants, or computed from nothing else.

    IREE 3.13 cannot decide whose memory some such states are ("successor operand type '!stream.resource<external>'
    should match successor input type '!stream.resource<transient>'"; constants lie in memory of a third kind), or binds
    the wrong buffers.
    """
    result = []
    for value, own in zip(values, state, strict=True):
        source, _ = root(value)
        outside = isinstance(source.owner, ir.Block) and source not in state
        moved = source != value and source != own and (source in state or outside)
        result.append(copied(value, aval_of_type(value.type))[1] if moved or _is_folded(value) else value)
    return result


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


def no_constant(value: ir.Value) -> ir.Value:
    """The value, behind a barrier if it is a constant and no counter.

    IREE 3.13 cannot compile some loops that start with one ("circular dependency"), nor some whose counter starts with
    one behind a barrier.
    """
    return hlo.barrier(value) if _is_folded(value) else value


def _is_folded(value: ir.Value) -> bool:
    """Whether a value is a constant, or computed from few operations on constants; but no counter."""
    of = aval_of_type(value.type)
    return bool(of.shape or not is_integer(of.dtype)) and is_constant(value, most=50)


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


def row_number(x: ir.Value, i: int) -> ir.Value:
    """Row `i` of an array, where it is known which."""
    shape = aval_of_type(x.type).shape
    return hlo.reshape(hlo.slice_(x, (i, *[0] * (len(shape) - 1)), (i + 1, *shape[1:])), shape[1:])


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
