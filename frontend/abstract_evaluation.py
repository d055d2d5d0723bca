"""Looking at a function without running it: `eval_shape`, `make_ir`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from axil import errors
from axil.call_arguments import Arguments
from axil.core import state, trace_function
from axil.jitted import JitFunction, jit
from axil.operands import Flat, check_callable, function_name, symbol
from axil.recompiles import Text
from axil.shape_structs import ShapeDtypeStruct
from axil.source import user_line


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of `fun` with `ShapeDtypeStruct` leaves; nothing is computed.

    Arguments are trees of arrays, numbers or `ShapeDtypeStruct`s; those that a jitted `fun` declares static are values.
    """
    check_callable(fun, "eval_shape")
    jitted = fun if isinstance(fun, JitFunction) else jit(fun)
    if state.trace is None:
        return jitted.trace(*args, **kwargs).out_info
    # Under a trace `fun` may close over its values: a function of the same module, which nothing calls.
    call = Arguments(jitted, args, kwargs)
    flat = Flat(jitted.fun, call.rebuild, f"eval_shape({function_name(fun)})")
    avals, weak = [x.aval for x in call.operands], [x.weak_type for x in call.operands]
    traced = trace_function(flat.where, symbol(fun), flat, avals, weak)
    results = zip(traced.outputs, traced.weak)
    return flat.unflatten([ShapeDtypeStruct(a.shape, a.dtype, weak_type=w) for a, w in results])


def make_ir(
    fun: Callable[..., Any], static_argnums: int | Sequence[int] = (), axis_env: Any = None, return_shape: bool = False
) -> Callable[..., Any]:
    """A function that gives the traced program of `fun` as MLIR text in the `axil` dialect.

    With `return_shape`, it gives a pair of the text and the result's `ShapeDtypeStruct`s. Known by JAX's name too,
    `make_jaxpr`; what it gives is a text, to be printed and read.
    """
    check_callable(fun, "make_ir")
    if axis_env:
        raise errors.AxilTypeError(
            errors.explain("make_ir does not take axis_env", user_line(),
                           ways_out=["bind the axes: make_ir(vmap(f, axis_name='i'))(x)"])
        )  # fmt: skip
    jitted = fun if isinstance(fun, JitFunction) else jit(fun, static_argnums=static_argnums or None)

    @functools.wraps(fun)
    def traced(*args: Any, **kwargs: Any) -> Text | tuple[Text, Any]:
        stage = jitted.trace(*args, **kwargs)
        return (stage.ir, stage.out_info) if return_shape else stage.ir

    return traced


make_jaxpr = make_ir

__all__ = ["eval_shape", "make_ir", "make_jaxpr"]
