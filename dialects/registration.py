"""Registration of the declared ops with MLIR: one IRDL definition an op, made from its declaration.

IRDL checks operand counts and attribute kinds in C++; the rest (shapes, dtypes, attribute values) is one generic
verifier that runs the op's own `infer` and compares. Ops with a variable number of operands are registered
once an arity on demand, because IRDL demands equal types within a variadic group.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from axil.dialects.mlir import ATTRIBUTE_KINDS, aval_of_type, ext, from_attribute, ir, irdl_bindings, tensor_type
from axil.dialects.op import OPS, Op

_lock = threading.RLock()
_arities: set[tuple[str, int]] = set()
_loaded = False


class Axil(ext.Dialect, name="axil"):
    """The dialect's class, which `ext` fills with the generated op classes."""


def load_dialect() -> None:
    """Register every declared op in the current context."""
    global _loaded
    from axil.dialects import families  # noqa: F401  (importing the families fills OPS)

    declared = [op for op in OPS.values() if not op.variadic]
    extending = [op for op in declared if "." in op.name]  # users' ops: names that IRDL's verifier does not take
    for op in declared:
        if op not in extending:
            _op_class(op, len(op.operands), op.name)
    _load(Axil)
    for op in extending:
        _register_late(op, len(op.operands), op.name, ir.Context.current)
    _loaded = True


def _load(dialect: Any) -> None:
    """What `ext.Dialect.load` does, but for telling the bindings of the op classes.

    With a class of its own to look up and make, every look at an operation costs three times as much: 0.6 us.
    """
    irdl_bindings.load_dialects(dialect._emit_module())
    for cls in dialect.operations:
        cls._attach_traits()


def declare_arity(op: Op, arity: int) -> None:
    """Register a variadic op for one number of operands, if that has not been done yet."""
    key = (op.name, arity)
    if key in _arities:
        return
    with _lock:
        if key not in _arities:
            _register_late(op, arity, f"{op.name}.{arity}", _context())
            _arities.add(key)


def declare_op(op: Op) -> None:
    """Register an op that was declared after the dialect was loaded; before that there is nothing to do."""
    with _lock:
        if _loaded and not op.variadic:
            _register_late(op, len(op.operands), op.name, _context())


def _context() -> ir.Context:
    from axil.dialects.mlir import context

    return context()


def _register_late(op: Op, arity: int, name: str, ctx: ir.Context) -> None:
    with ctx, ir.Location.unknown():
        before = list(Axil.operations)
        cls = _op_class(op, arity, name)
        Axil.operations = [cls]
        module = Axil._emit_module()
        Axil.operations = [*before, cls]
        irdl_bindings.load_dialects(module)
        cls._attach_traits()


def declare_arities(text: str) -> None:
    """Register the arities that a text mentions, before it is parsed."""
    for name, arity in set(re.findall(r"\baxil\.([\w.]*\w)\.(\d+)\b", text)):
        op = OPS.get(name)
        if op is not None and op.variadic:
            declare_arity(op, int(arity))


def _op_class(op: Op, arity: int, name: str) -> Any:
    operand_names = [f"operand{i}" for i in range(arity)] if op.variadic else list(op.operands)
    count = max(op.results, 0) if op.results else arity
    annotations: dict[str, Any] = {n: ext.Operand[ir.RankedTensorType] for n in operand_names}
    annotations |= {f"result{i}": ext.Result[ir.RankedTensorType] for i in range(count)}
    annotations |= {n: ATTRIBUTE_KINDS[kind][0] for n, kind in op.attributes.items()}
    body = {"__annotations__": annotations, "verify_invariants": staticmethod(_verifier(op, arity))}
    base = Axil.Operation
    traits = [] if op.has_effect else [ext.Pure]
    return type(base)(f"{op.name.replace('.', '_')}_op", (base,), body, name=name, traits=traits)


def _verifier(declared: Op, arity: int) -> Callable[[Any], bool]:
    def verify(operation: Any) -> bool:
        op = OPS[declared.name]  # a user may have declared it again
        # Runs before IRDL's own checks: a missing attribute or a foreign operand type must not raise here.
        if len(operation.operands) != arity:
            return _error(operation, f"takes {arity} operands, got {len(operation.operands)}")
        missing = [a for a in op.attributes if a not in operation.attributes]
        if missing:
            return _error(operation, f"needs attribute '{missing[0]}' ({op.attributes[missing[0]]})")
        for a, kind in op.attributes.items():
            if not isinstance(operation.attributes[a], ATTRIBUTE_KINDS[kind][0]):
                return _error(operation, f"needs attribute '{a}' of kind {kind}, got {operation.attributes[a]}")
        try:
            attributes = {a: from_attribute(operation.attributes[a]) for a in op.attributes}
            avals = [aval_of_type(v.type) for v in operation.operands]
            inferred = op.result_avals(avals, attributes)
        except (TypeError, ValueError, IndexError) as e:
            return _error(operation, str(e))
        got = [r.type for r in operation.results]
        expected = [tensor_type(a) for a in inferred]
        if got != expected:
            return _error(operation, f"has result type {_join(got)}, its operands give {_join(expected)}")
        return True

    return verify


def _join(types: list) -> str:
    return ", ".join(map(str, types))


def _error(operation: Any, message: str) -> bool:
    operation.location.emit_error(f"'{operation.name}' op {message}")
    return False
