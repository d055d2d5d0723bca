"""`debug_nans` and `debug_infs`: the first operation that makes a NaN or an infinity, with the user's line.

Eager operations are checked one by one. A compiled program runs as always; if a result is bad, the function is traced
again and run operation by operation in the reference interpreter, which finds the operation, also one of a derivative
(then the line is that of the operation that was differentiated) or within a loop (then the iteration is told).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import core, errors
from axil.config import config
from axil.runtime.errors import AxilError
from axil.source import SourceLine, user_line


class NonFiniteError(AxilError, FloatingPointError):
    """An operation made a NaN or an infinity while `debug_nans` or `debug_infs` was on.

    What: the operation's result has such elements. Why: mostly a value outside the operation's domain, or one that is
    too large; in the backward pass often an infinite slope times zero. Two ways out::

        safe = axil.numpy.where(x > 0, x, 1)                       # keep bad values out of the operation, also
        y = axil.numpy.where(x > 0, axil.numpy.sqrt(safe), 0)      # in the branch that is not chosen

        with axil.debug_nans(False):                               # or allow them in a part of the program
            y = axil.numpy.log(x)
    """


_NAMES = {"nan": "NaN", "inf": "an infinity"}


def kinds() -> tuple[str, ...]:
    """What to look for in this thread: of "nan" and "inf"."""
    return tuple(kind for kind, on in (("nan", config.debug_nans), ("inf", config.debug_infs)) if on)


def activate(option: str, active: bool) -> None:
    """Let eager operations be checked while an option is on in any thread."""
    (_active.add if active else _active.discard)(option)
    if _active and _check_eager not in core.eager_checks:
        core.eager_checks.append(_check_eager)
    elif not _active and _check_eager in core.eager_checks:
        core.eager_checks.remove(_check_eager)


_active: set[str] = set()


def _check_eager(op: Any, operands: Sequence[Any], results: Sequence[Any]) -> None:
    """Check the result of an operation that ran at once, on NumPy arrays."""
    if config.no_execution:
        from axil.watched_calls import refuse_execution

        refuse_execution(f"the operation {op.name}")
    wanted = kinds()
    if not wanted or not operands:
        return
    from axil.compiler.checked_interpreter import BadResult, check_results

    try:
        check_results(op.name, operands, results, wanted, lambda: None)
    except BadResult as bad:
        raise _error(bad, ()) from None


# ---- programs ------------------------------------------------------------------------------------------


def run_checked(functions: Any, name: str, operands: Sequence[np.ndarray], labels: Sequence[str] = ()) -> list[Any]:
    """Run a function of a module operation by operation; raise `NonFiniteError` at the first bad result."""
    from axil.compiler.checked_interpreter import BadResult, CheckedInterpreter
    from axil.dialects.mlir import context, ir

    try:
        with context(), ir.Location.unknown():
            return CheckedInterpreter(functions, kinds()).run(name, operands)
    except BadResult as bad:
        raise _error(bad, labels, operands) from None


def check_compiled(
    label: str, results: Sequence[Any], operands: Sequence[np.ndarray], replay: Callable[[], Any]
) -> None:
    """Look at the results of a compiled program; where one is bad, `replay()` runs it again operation by operation.

    The replay raises `NonFiniteError` with the operation. Where it finds none, the program computes something else
    than its operations one by one: that is said.
    """
    from axil.compiler.checked_interpreter import bad_kind

    wanted = kinds()
    for i, result in enumerate(results):
        kind = bad_kind(result._numpy, wanted)
        if kind is None:
            continue
        replay()
        given = _bad_operands(operands)
        raise NonFiniteError(
            errors.explain(
                f"invalid value ({kind}) in result {i} of {label}, an array of {result.aval}", user_line(), (),
                f"the compiled program gave {_NAMES[kind]}, but none of its operations does where they are run one by "
                f"one, in another order of rounding.{given}",
                ["run the function under axil.disable_jit() and look at its values"],
            )  # fmt: skip
        )


def _bad_operands(operands: Sequence[Any]) -> str:
    from axil.compiler.checked_interpreter import bad_kind

    found = [(i, k) for i, x in enumerate(operands) if (k := bad_kind(x, ("nan", "inf"))) is not None]
    if not found:
        return ""
    return f" Its arguments had such values already: {', '.join(f'{_NAMES[k]} in array {i}' for i, k in found)}."


# ---- the message ---------------------------------------------------------------------------------------


def _error(bad: Any, labels: Sequence[str], arguments: Sequence[Any] = ()) -> NonFiniteError:
    """The user's view of a bad result."""
    place = bad.place
    where = core.line_of_place(place) if place is not None else user_line()
    aval = core.aval(bad.result.shape, bad.result.dtype)
    size = int(bad.result.size)
    at = f", first at index {bad.index}" if bad.index else ""
    count = int(np.count_nonzero(_isbad(bad)))
    part = _derivation(place, where)
    of = f"{count} of {size} elements of its result {aval}{at}"
    what = f"invalid value ({bad.kind}) encountered in {bad.op}{part}: {of}"
    why = [_operands(bad), _bad_operands(arguments).strip(), *_steps(bad)]
    ways = ["keep such values out before the operation: np.where(ok, f(np.where(ok, x, 1)), 0), with both where's"]
    if place is not None and place.derivatives:
        ways.append("or give the function a derivative of its own: axil.custom_jvp")
    ways.append(f"or allow them here: with axil.debug_{bad.kind}s(False)")
    scopes = place.scopes if place is not None else ()
    chain = [*labels, *[f"named_scope({s})" for s in reversed(scopes)]]
    return NonFiniteError(errors.explain(what, where, chain, "\n    ".join(filter(None, why)), ways))


def _isbad(bad: Any) -> Any:
    from axil.compiler.checked_interpreter import PREDICATES

    return PREDICATES[bad.kind](bad.result)


def _derivation(place: Any, where: SourceLine | None) -> str:
    """Which derivative the operation is a part of."""
    if place is None or not (place.derivatives or place.backward):
        return ""
    site = f" at {where.file}:{where.line}" if where is not None else ""
    of = "the derivative of " * len(place.derivatives) + (place.derivatives[0] if place.derivatives else "the program")
    return f", in {of}{site}{' (in the backward pass)' if place.backward else ''}"


def _operands(bad: Any) -> str:
    """Whether the operands were fine."""
    if not bad.operand_kinds:
        return "its operands were finite."
    parts = [f"operand {i} had {_NAMES[k]}" for i, k in sorted(bad.operand_kinds.items())]
    if bad.kind in bad.operand_kinds.values():
        return f"{' and '.join(parts)} already, from an argument or a constant."
    return f"{' and '.join(parts)}."


def _steps(bad: Any) -> list[str]:
    """The loops and branches around it."""
    lines = []
    for step in bad.steps:
        site = f" at {step.place.file}:{step.place.line}" if step.place is not None else ""
        lines.append(f"inside {step.text()}{site}.")
    return lines


__all__ = ["NonFiniteError", "activate", "check_compiled", "kinds", "run_checked"]
