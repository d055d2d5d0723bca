"""Simplification: constants are folded and each op's own `simplify` rule is applied.

Common subexpressions and dead code are left to MLIR's `cse`, which runs after it and knows that our ops are pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from axil.compiler.functions import Functions, body_of, has_body, operations, producer
from axil.compiler.passes.passes import Pass
from axil.dialects.emit import attributes_of, constant, declared_op
from axil.dialects.mlir import aval_of_type, from_attribute, ir
from axil.dialects.op import Op


@dataclass
class Simplify(Pass):
    """Fold constants of at most `limit` elements and apply the ops' own simplification rules."""

    limit: int = 64
    name: ClassVar[str] = "axil-simplify"

    def run(self, module: ir.Operation) -> None:
        for function in Functions(module).table.values():
            if has_body(function):
                self._simplify(body_of(function))

    def _simplify(self, block: ir.Block) -> None:
        constants: dict[ir.Value, ir.Attribute] = {}  # read when they are needed
        for op in operations(block)[:-1]:
            declaration = declared_op(op.name)
            if declaration is None:
                continue
            if declaration.name == "constant":
                value = op.attributes["value"]
                if value.is_splat or len(value) <= self.limit:
                    constants[op.results[0]] = value
                continue
            operands = list(op.operands)
            constant_operands = not constants.keys().isdisjoint(operands)
            if constant_operands or (declaration.simplify is not None and not declaration.chooses):
                self._simplify_op(op, declaration, operands, constants)

    def _simplify_op(self, op: ir.Operation, declaration: Op, operands: list, constants: dict) -> None:
        if len(op.results) != 1:
            return
        all_known = bool(operands) and all(v in constants for v in operands)
        if not all_known and declaration.simplify is None:
            return
        attributes = attributes_of(op, declaration)
        result = op.results[0]
        replacement = None
        if all_known:
            known = [from_attribute(constants[v]) for v in operands]
            replacement = self._fold(op, declaration, known, attributes, constants)
        if replacement is None and declaration.simplify is not None:
            if declaration.chooses:  # by choosing an operand; nothing is emitted
                replacement = declaration.simplify(operands, attributes, result)
            else:
                with ir.InsertionPoint(op), op.location:
                    replacement = declaration.simplify(operands, attributes, result)
        if replacement is not None:
            result.replace_all_uses_with(replacement)
            op.erase()

    def _fold(self, op: ir.Operation, declaration: Op, known: list, attributes: dict, constants: dict) -> Any:
        of = aval_of_type(op.results[0].type)
        if of.size > self.limit or any(k.size > self.limit for k in known) or not declaration.foldable:
            return None
        with np.errstate(all="ignore"):
            value = np.asarray(declaration.reference(*known, **attributes))
        if value.dtype != of.dtype or value.shape != of.shape:
            return None
        with ir.InsertionPoint(op), op.location:
            folded = constant(value)
        made = producer(folded)
        if made is not None and "value" in made.attributes:  # complex numbers are made of two constants
            constants[folded] = made.attributes["value"]
        return folded
