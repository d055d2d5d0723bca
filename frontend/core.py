"""Arrays, tracers and traces: how operations are executed at once or recorded into a program.

An `Array` is concrete. A `Tracer` is a value of a program under construction: an MLIR value in a function that a
`Trace` is filling. `bind` is the one gate through which every operation goes: with no trace it runs the op's NumPy
reference, under a trace it emits the op.

Traces nest: `grad` inside `jit` fills a function of its own in the same module and then calls it, or what is
derived from it. Outer values that the inner function uses become further operands of it (*captures*).

Under a transformation outside `jit`, a tracer still knows its concrete value: it runs the slice of the
program that it depends on in the interpreter, which is why Python control flow works under eager `grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil.arrays import (
    RULE_ERRORS,
    Array,
    DerivativeError,
    DonatedArrayError,
    EffectMisplacedError,
    ShapeError,
    StillTraced,
    Tracer,
    VmapError,
    array_of_buffer,
    as_array,
    concrete_array,
    donated_error,
    make_array,
    transfer_hooks,
    user_error,
)
from axil.config import activate_all
from axil.dialects import avals as av
from axil.dialects.avals import Aval, aval
from axil.dialects.op import Op
from axil.places import line_of_mlir, line_of_place, mlir_location, user_place
from axil.running import Traced, evaluate, forget_evaluators, run_function, run_traced, trace_function
from axil.trace_state import state
from axil.traces import Capture, Program, Trace


def bind(op: Op, *operands: Any, weak: bool = False, **attributes: Any) -> Any:
    """Execute or record an operation. Operands already have the dtypes that the op wants.

    Gives an array, or a tuple of them for an op with several results.
    """
    trace = state.trace
    try:
        if trace is not None:
            return trace.emit(op, operands, attributes, weak)
        arrays = [x if type(x) is Array else concrete_array(x) for x in operands]
        inferred = op.infer(*[a.aval for a in arrays], **attributes)
        with np.errstate(all="ignore"):
            result = op.reference(*[a._numpy for a in arrays], **attributes)
        if eager_checks:
            check_eager(op, [a._numpy for a in arrays], result)
        if type(inferred) is not tuple:
            return make_array(result, inferred, weak)
        return tuple(make_array(r, a, weak) for r, a in zip(result, inferred))
    except StillTraced:
        assert state.suspended is not None
        return state.suspended.emit(op, operands, attributes, weak)
    except RULE_ERRORS as e:
        raise user_error(e) from None


eager_checks: list[Callable[[Op, Sequence[np.ndarray], Sequence[Any]], None]] = []
"""What looks at the operands and results of eager operations, while an option asks for it (`axil.nan_checks`)."""


def check_eager(op: Op, operands: Sequence[np.ndarray], result: Any) -> None:
    """Let all `eager_checks` look at an operation that has run, with its result or several."""
    for check in list(eager_checks):
        check(op, operands, result if isinstance(result, (tuple, list)) else (result,))


activate_all()  # options that were set before there were arrays

__all__ = [
    "Array", "array_of_buffer", "as_array", "av", "aval", "Aval", "bind", "Capture", "check_eager",
    "concrete_array", "DerivativeError", "donated_error", "DonatedArrayError", "eager_checks",
    "EffectMisplacedError", "evaluate", "forget_evaluators", "line_of_mlir", "line_of_place", "make_array",
    "mlir_location", "Program", "RULE_ERRORS", "run_function", "run_traced", "ShapeError", "state", "Trace",
    "trace_function", "Traced", "Tracer", "transfer_hooks", "user_error", "user_place", "VmapError",
]  # fmt: skip
