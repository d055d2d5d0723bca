"""Running a function of an .mlir file on values that are given as text: `axil-opt --run`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from axil.tools.mlir_file import UserError

_NUMBER = re.compile(r"true|false|[-+]?(?:inf|nan)|[-+]?[\d.][\d.]*(?:[eE][-+]?\d+)?(?:[-+][\d.eE+-]*j)?", re.I)


def run_function(module: Any, name: str, inputs: list[str]) -> str:
    """Run a function of a module in a reference interpreter; gives its results, a line each."""
    from axil.compiler.derive import Deriver
    from axil.dialects.mlir import context, ir

    with context(), ir.Location.unknown():
        functions = Deriver(module)
        signature = functions.signature(name)
        operands = _operands(name, signature.inputs, inputs)
        if _is_stablehlo(functions, name):
            results = _run_stablehlo(module, name, operands)
        else:
            from axil.compiler.interpreter import Interpreter

            for derived in list(functions.table):
                functions.expand(derived)
            results = Interpreter(functions).run(name, operands)
    return "".join(format_value(np.asarray(r)) + "\n" for r in results)


def _operands(name: str, avals: Any, inputs: list[str]) -> list[np.ndarray]:
    if len(inputs) != len(avals):
        raise UserError(f"@{name} takes {len(avals)} inputs ({', '.join(map(str, avals))}), got {len(inputs)}")
    operands = [parse_value(text) for text in inputs]
    for i, (x, a) in enumerate(zip(operands, avals)):
        if x.shape != a.shape or x.dtype != a.dtype:
            raise UserError(f"input {i} of @{name} is {a}, got {_type_text(x)}")
    return operands


def parse_value(text: str) -> np.ndarray:
    """The array that a text such as `2x2xf32=1,2,3,4` or the name of an .npy file says."""
    if text.endswith(".npy"):
        try:
            return np.load(text)
        except (OSError, ValueError) as e:
            raise UserError(f"cannot read {text}: {e}") from None
    type_text, equals, values = text.partition("=")
    if not equals:
        raise UserError(f"an input is written '2xf32=1,2' or names an .npy file, got '{text}'")
    from axil.dialects.mlir import aval_of_type, context, ir

    try:
        aval = aval_of_type(ir.Type.parse(f"tensor<{type_text}>", context()))
    except (ir.MLIRError, TypeError):
        raise UserError(f"'{type_text}' is no array type; write '2x3xf32', or 'i32' for a scalar") from None
    numbers = [_number(v) for v in _NUMBER.findall(values)]
    if len(numbers) not in (1, aval.size):
        raise UserError(f"input '{type_text}' needs {aval.size} values, or one for all, got {len(numbers)}")
    array = np.array(numbers).astype(aval.dtype)
    return np.array(np.broadcast_to(array.reshape(()), aval.shape) if array.size == 1 else array.reshape(aval.shape))


def _number(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if "j" in text:
        return complex(text)
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def _type_text(x: np.ndarray) -> str:
    from axil.dialects.avals import aval

    return str(aval(x.shape, x.dtype))


def format_value(x: np.ndarray) -> str:
    """An array as text that `parse_value` reads: `2x2xf32=[1 2][3 4]`."""
    from axil.dialects.mlir import element_type

    dims = "".join(f"{n}x" for n in x.shape)
    return f"{dims}{element_type(x.dtype)}={_format_elements(x)}"


def _format_elements(x: np.ndarray) -> str:
    if x.ndim == 0:
        text = str(x[()])
        return text.lower() if x.dtype == bool else text.removesuffix(".0")
    if x.ndim == 1:
        return " ".join(_format_elements(np.asarray(v, x.dtype)) for v in x)
    return "".join(f"[{_format_elements(row)}]" for row in x)


def _is_stablehlo(functions: Any, name: str) -> bool:
    from axil.compiler.functions import body_of, has_body, operations

    function = functions[name]
    return has_body(function) and any(op.name.startswith("stablehlo.") for op in operations(body_of(function)))


def _run_stablehlo(module: Any, name: str, operands: list[np.ndarray]) -> list[np.ndarray]:
    """Run `@main` in StableHLO's own interpreter."""
    from axil.dialects.avals import aval_of
    from axil.dialects.mlir import aval_of_type, context, dense, ir, stablehlo_bindings, tensor_type

    if name != "main":
        raise UserError(f"of a StableHLO module only @main can be run, not @{name}")
    arguments = [dense.to_attribute(x, tensor_type(aval_of(x))) for x in operands]
    whole = ir.Module.parse(str(module), context())
    attributes = map(ir.DenseElementsAttr, stablehlo_bindings.eval_module(whole, arguments))
    return [dense.to_array(a, aval_of_type(a.type)) for a in attributes]
