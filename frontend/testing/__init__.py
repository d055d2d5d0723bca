"""Checks for those who extend Axil: everything that follows from the declaration of an op, tried on its samples.

    import axil.testing
    axil.testing.check_op(my_op)        # raises AssertionError with all that is wrong

They are the checks that Axil's own ops go through. For derivatives of functions see `axil.test_util.check_grads`.
"""

from __future__ import annotations

from typing import Any

from axil.dialects.op import Op
from axil.runtime.errors import AxilError


def check_op(op: Any, *, compiled: bool = True) -> None:
    """Check an op (an `Op`, or what `axil.extend.op` gave) on each of its samples.

    The reference against `infer`, the text form against itself after parsing, the JVP against finite differences,
    the transpose against the adjoint identity, batching against a loop, rules on MLIR values against the types that
    they should have, and (unless `compiled=False`) the compiled op against its reference, whose operands must be
    left as they were. Raises `AssertionError` that lists each check that failed, with the sample and the reason, and
    `ValueError` for an op without samples.
    """
    from axil.testing.declaration_checks import CHECKS, Check, check_compiled
    from axil.testing.samples import cases_of

    declaration = getattr(op, "declaration", op)
    if not isinstance(declaration, Op):
        raise TypeError(f"check_op takes an op, such as axil.extend.op gives, got {type(op).__name__}")
    if not declaration.samples:
        raise ValueError(f"'{declaration.name}' has no samples to check it on; declare some: samples=(sample(...),)")
    checks = {**CHECKS, "compiled": Check(check_compiled, lambda case: True)} if compiled else CHECKS
    failures = [
        failure
        for case in cases_of(declaration)
        for name, check in checks.items()
        if check.concerns(case) and (failure := _failure(name, check, case))
    ]
    if failures:
        raise AssertionError(f"'{declaration.name}' fails {len(failures)} checks:\n" + "\n".join(failures))


def _failure(name: str, check: Any, case: Any) -> str:
    """What a check says against a case, if anything."""
    try:
        check.run(case)
    except (AssertionError, AxilError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as e:
        what = str(e).strip() if isinstance(e, AssertionError) else f"{type(e).__name__}: {e}"
        text = what.replace("\n", "\n      ")
        return f"  - {name}, on {_spelled(case[1])}: {text}"
    return ""


def _spelled(sample: Any) -> str:
    attributes = [f"{k}={v!r}" for k, v in sample.attributes.items()]
    return f"sample({', '.join([*map(repr, sample.operands), *attributes])})"


__all__ = ["check_op"]
