"""Import of StableHLO: programs of other frontends, as ops and combinators of the dialect.

What an op's declaration lowers to one to one is imported by reading that declaration backwards; the other ops
have a rule in `import_rules.py`. Regions become functions: what they capture is passed as constants of `while`,
or as further operands of `cond`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from axil.compiler.derive import Deriver
from axil.compiler.functions import body_of, copy_operation, has_body, located, operations, terminator
from axil.compiler.interpreter import Interpreter
from axil.compiler.passes.passes import Pass
from axil.dialects.avals import dtype_of, is_bool, shape_of
from axil.dialects.combinators import COMBINATORS, Site
from axil.dialects.combinators.combinator import pick, split
from axil.dialects.emit import constant, declared_op, splat_value
from axil.dialects.errors import AttributeValueError
from axil.dialects.factories import ops
from axil.dialects.mlir import aval_of_type, ir, tensor_type
from axil.dialects.op import OPS, Op, full_like


@dataclass
class ImportStablehlo(Pass):
    """Turn StableHLO ops into those of the axil dialect; with `scans`, counted loops become `scan`.

    A `while` has no reverse-mode derivative; a `scan` has, which is why counted loops are looked for.
    """

    scans: bool = True
    name: ClassVar[str] = "axil-import-stablehlo"

    def run(self, module: ir.Operation) -> None:
        _drop_foreign_attributes(module)
        d = Deriver(module)
        importer = Importer(d, self.scans)
        for function in list(d.table.values()):
            if has_body(function):
                importer.block(body_of(function))


def _drop_foreign_attributes(module: ir.Operation) -> None:
    """Attributes of other dialects (`mhlo.num_partitions`, `jax.result_info`) mean nothing here."""
    for op in [module, *operations(module.regions[0].blocks[0])]:
        for name in list(op.attributes):
            if ("." in name and not name.startswith("axil.")) or name in ("arg_attrs", "res_attrs"):
                del op.attributes[name]


@cache
def direct_ops() -> dict[str, Any]:
    """Ops of the dialect by the name of the StableHLO op that they are."""
    scratch = ir.Module.create()
    found = {}
    for op in OPS.values():
        marked = op.lower if isinstance(op.lower, str) else getattr(op.lower, "stablehlo", None)
        name = marked or _single_lowering(op, scratch)
        if name is not None:
            found["stablehlo." + name] = op
    return found


def _single_lowering(op: Op, scratch: ir.Module) -> str | None:
    """The one StableHLO op that an elementwise op lowers to on its first sample; `None` if there is no such."""
    if op.attributes or op.variadic or not op.operands or op.results != 1 or not op.samples:
        return None
    types = [ir.Type.parse(_mlir_type(text)) for text in op.samples[0].operands]
    function = ir.Operation.create("func.func", regions=1, ip=ir.InsertionPoint(scratch.body), attributes={
        "sym_name": ir.StringAttr.get("f"), "function_type": ir.TypeAttr.get(ir.FunctionType.get(types, [])),
    })  # fmt: skip
    block = function.regions[0].blocks.append(*types, arg_locs=[ir.Location.unknown()] * len(types))
    values = list(block.arguments)
    with ir.InsertionPoint(block):
        result = tensor_type(op.infer(*[aval_of_type(t) for t in types]))
        try:
            op.lower(values, [result], _Trial())  # type: ignore[operator]
        except _NotSingleError:
            function.erase()
            return None
    made = operations(block)
    same = len(made) == 1 and list(made[0].operands) == values and not list(made[0].attributes)
    name = made[0].name.removeprefix("stablehlo.") if same else None
    function.erase()
    return name


class _NotSingleError(Exception):
    """A lowering that is tried out is not one StableHLO op: it asks for kernels or functions."""


class _Trial:
    """In place of a `Lowering`, for lowerings that are tried out."""

    platform = "cpu"

    def __getattr__(self, name: str) -> Any:
        raise _NotSingleError(name)


def _mlir_type(text: str) -> str:
    """The MLIR type that a sample's operand such as `f32[2,3]` spells."""
    kind, dims = text.rstrip("]").split("[")
    renamed = {"bool": "i1", "c64": "complex<f32>", "c128": "complex<f64>"}
    element = renamed.get(kind) or (f"u{kind.replace('u', 'i')}" if kind[0] == "u" else kind)
    return f"tensor<{''.join(n + 'x' for n in dims.split(',') if n)}{element}>"


class Importer:
    """One module being imported. Rules of `import_rules.py` reach regions and functions through it."""

    def __init__(self, d: Deriver, scans: bool = True) -> None:
        from axil.compiler.passes import import_windows  # noqa: F401  (adds its rules)
        from axil.compiler.passes.import_rules import RULES

        self.d = d
        self.scans = scans
        self.interpreter = Interpreter(d)  # tries out what regions compute
        self.direct = direct_ops()
        self.rules = RULES | {"stablehlo.while": _while, "stablehlo.case": _case, "stablehlo.if": _if}

    def block(self, block: ir.Block) -> None:
        """Import all ops of a block, in place."""
        for op in operations(block):
            if op.name.startswith("stablehlo."):
                with ir.InsertionPoint(op), located(op.location):
                    results = self._import(op)
                for old, new in zip(list(op.results), results, strict=True):
                    if old.type != new.type:
                        raise AttributeValueError(f"importing '{op.name}' made {new.type} of {old.type}")
                    old.replace_all_uses_with(new)
                op.erase()
            elif declared_op(op.name) is None and op.name not in ("func.call", "func.return"):
                with located(op.location):
                    raise AttributeValueError(f"operation '{op.name}' cannot be imported: it is not StableHLO")

    def _import(self, op: ir.Operation) -> Sequence[ir.Value]:
        for value in [*op.operands, *op.results]:
            aval_of_type(value.type)  # refuses dynamic shapes, tokens and tuples
        rule = self.rules.get(op.name)
        if rule is not None:
            results = rule(self, op, list(op.operands))
        elif op.name in self.direct:
            results = self.direct[op.name](*_one_shape(list(op.operands)))
        else:
            raise AttributeValueError(f"operation '{op.name}' cannot be imported: the dialect has no such op")
        return list(results) if isinstance(results, (list, tuple)) else [results]

    # ---- regions ---------------------------------------------------------------------------------------

    def captures(self, region: ir.Region) -> list[ir.Value]:
        """Values from outside that a region reads, constants apart."""
        inside, found = set(), {}
        for op in nested(region.blocks[0]):
            inside.update(op.results)
            inside.update(a for r in op.regions for b in r.blocks for a in b.arguments)
        inside.update(region.blocks[0].arguments)
        for op in nested(region.blocks[0]):
            for value in op.operands:
                if value not in inside and not _is_constant(value):
                    found[value] = None
        return list(found)

    def outline(self, hint: str, region: ir.Region, captured: Sequence[ir.Value]) -> str:
        """Make a function (captured, block arguments) of a region, whose ops move there; gives its name."""
        block = region.blocks[0]
        avals = [aval_of_type(v.type) for v in [*captured, *block.arguments]]

        def body(*arguments: ir.Value) -> list[ir.Value]:
            replaced = dict(zip(captured, arguments))
            for old, new in zip(list(block.arguments), arguments[len(captured) :], strict=True):
                old.replace_all_uses_with(new)
            return self._move(block, replaced)

        with ir.InsertionPoint(self.d.block):
            name = self.d.build(hint, avals, body)
        self.block(body_of(self.d[name]))
        return name

    def _move(self, block: ir.Block, replaced: dict[ir.Value, ir.Value]) -> list[ir.Value]:
        """Move a region's ops to the insertion point, and let them read `replaced` values; gives the results."""
        target = ir.InsertionPoint.current.block
        moved = operations(block)
        inside = {*target.arguments, *[r for op in nested(block) for r in op.results]}
        for op in nested(block):
            for i, value in enumerate(list(op.operands)):
                if value in replaced:
                    op.operands[i] = replaced[value]
                elif value not in inside and _is_constant(value):
                    copy = replaced[value] = copy_operation(value.owner, []).results[0]
                    op.operands[i] = copy
        results = list(moved[-1].operands)
        for op in moved[:-1]:
            target.append(op)
        return results

    def call(self, combinator: str, functions: Sequence[str], operands: Sequence[ir.Value], **parameters: Any) -> list:
        """Call a derived function of control."""
        return self.d.call_site(Site(COMBINATORS[combinator], tuple(functions), parameters), list(operands))


def nested(block: ir.Block) -> list[ir.Operation]:
    """All ops of a block and of the regions in it."""
    found = []
    for op in operations(block):
        found.append(op)
        for region in op.regions:
            for inner in region.blocks:
                found.extend(nested(inner))
    return found


def _is_constant(value: ir.Value) -> bool:
    owner = value.owner
    return not isinstance(owner, ir.Block) and owner.name in ("axil.constant", "stablehlo.constant")


def _one_shape(values: list[ir.Value]) -> list[ir.Value]:
    """StableHLO lets the limits of `clamp` be scalars; the dialect's ops take one shape."""
    shape = max((shape_of(v) for v in values), key=len, default=())

    def spread(v: ir.Value) -> ir.Value:
        is_limit = shape and not shape_of(v) and not is_bool(dtype_of(v))  # the predicate of a select may be a scalar
        return ops.broadcast_in_dim(v, shape=shape, dims=()) if is_limit else v

    return [spread(v) for v in values]


# ---- control -------------------------------------------------------------------------------------------


def _while(importer: Importer, op: ir.Operation, operands: list[ir.Value]) -> list[ir.Value]:
    cond_region, body_region = op.regions
    cond_consts, body_consts = importer.captures(cond_region), importer.captures(body_region)
    cond = importer.outline("while.cond", cond_region, cond_consts)
    body = importer.outline("while.body", body_region, body_consts)
    length = _trip_count(importer, cond, body, len(cond_consts), len(body_consts), operands) if importer.scans else None
    if length is not None:
        return _scan(importer, body, body_consts, operands, length)
    return importer.call(
        "while", [cond, body], [*cond_consts, *body_consts, *operands],
        cond_consts=len(cond_consts), body_consts=len(body_consts),
    )  # fmt: skip


def _scan(importer: Importer, body: str, consts: list, carry: list, length: int) -> list[ir.Value]:
    """A counted loop. State that the body hands on unchanged is a constant: nothing of it is kept a step."""
    d, n = importer.d, len(consts)
    block = body_of(d[body])
    returned = list(terminator(block).operands)
    fixed = [r == a for r, a in zip(returned, list(block.arguments)[n:])]
    avals = d.signature(body).inputs
    kept, moving = pick(avals[n:], fixed), pick(avals[n:], [not f for f in fixed])

    def step(*args: ir.Value) -> list[ir.Value]:
        outer, unchanged, state = split(args, n, len(kept))
        rest = {True: iter(unchanged), False: iter(state)}
        results = d.call(body, [*outer, *[next(rest[f]) for f in fixed]])
        return pick(results, [not f for f in fixed])

    with ir.InsertionPoint(d.block):
        new = d.build(f"{body}.step", [*avals[:n], *kept, *moving], step)
    results = importer.call(
        "scan", [new], [*consts, *pick(carry, fixed), *pick(carry, [not f for f in fixed])],
        consts=n + len(kept), carry=len(moving), length=length, reverse=False, unroll=0,
    )  # fmt: skip
    rest = iter(results)
    return [c if f else next(rest) for c, f in zip(carry, fixed)]


def _trip_count(
    importer: Importer, cond: str, body: str, cond_consts: int, body_consts: int, inits: list[ir.Value]
) -> int | None:
    """How often a loop runs whose condition is `i < n` and whose body adds a constant to `i`; `None` if unknown."""
    test = _single_op(importer.d, cond, 0)
    if cond_consts or test is None or test.name not in ("axil.lt", "axil.ne"):
        return None
    counter, bound = test.operands
    arguments = list(body_of(importer.d[cond]).arguments)
    if counter not in arguments:
        return None
    i = arguments.index(counter)
    step = _single_op(importer.d, body, i)
    if step is None or step.name != "axil.add":
        return None
    own = list(body_of(importer.d[body]).arguments)[body_consts + i]
    increments = [v for v in step.operands if v != own]
    if len(increments) != 1:
        return None
    start, stop, by = (splat_value(v) for v in (inits[i], bound, increments[0]))
    if start is None or stop is None or by is None or not np.issubdtype(type(start), np.integer) or by <= 0:
        return None
    if test.name == "axil.ne" and (stop - start) % by:
        return None
    return max(0, -(-(int(stop) - int(start)) // int(by)))


def _single_op(d: Deriver, name: str, result: int) -> ir.Operation | None:
    """The op that makes a result of a function."""
    value = list(terminator(body_of(d[name])).operands)[result]
    return None if isinstance(value.owner, ir.Block) else value.owner


def _branches(importer: Importer, op: ir.Operation, index: ir.Value, regions: list[ir.Region]) -> list[ir.Value]:
    captured: dict[ir.Value, None] = {}
    for region in regions:
        captured |= dict.fromkeys(importer.captures(region))
    operands = list(captured)
    branches = [importer.outline(f"branch{i}", region, operands) for i, region in enumerate(regions)]
    return importer.call("cond", branches, [index, *operands])


def _case(importer: Importer, op: ir.Operation, operands: list[ir.Value]) -> list[ir.Value]:
    """An index out of range takes the last branch in StableHLO; here it must be in range."""
    last = constant(np.asarray(len(op.regions) - 1, np.int32))
    index = operands[0]
    negative = ops.lt(index, full_like(index, 0))
    index = ops.select(negative, last, ops.min(index, last))
    return _branches(importer, op, index, list(op.regions))


def _if(importer: Importer, op: ir.Operation, operands: list[ir.Value]) -> list[ir.Value]:
    """The first region is for true, which is branch 1 here."""
    index = ops.convert(operands[0], dtype=np.dtype(np.int32))
    return _branches(importer, op, index, list(reversed(list(op.regions))))
