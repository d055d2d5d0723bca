"""`axil grad`: the gradient of a function in an .mlir file, as another .mlir file.

    axil grad loss.mlir --wrt 0,1 -o gradient.mlir

The input is StableHLO, from whatever frontend, or the axil dialect; no Python model is needed. The output has one
public function, of the same name and operands, that gives the gradients (after the value, with `--value`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, TextIO

HELP = "differentiate a function of an .mlir file"

_PIPELINE = "axil-expand,axil-inline,symbol-dce,axil-simplify,cse,symbol-dce"
_LOWER = "axil-to-stablehlo{kernels=0 platform=portable},cse"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("file", nargs="?", default="-", help="an .mlir file of StableHLO or the axil dialect, or - for standard input")
    add("--wrt", default="0", metavar="I,J", help="positions of the inputs to differentiate (default: 0)")
    add("--function", default="main", metavar="NAME", help="the function to differentiate (default: main)")
    add("--value", action="store_true", help="give the function's value, too")
    add("--emit", choices=("stablehlo", "axil"), default="stablehlo", help="what the output is made of")
    add("-o", "--output", default="-", metavar="FILE", help="where to write the result")


def main(
    argv: Sequence[str] | None = None,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """The command on its own; gives the exit status."""
    parser = argparse.ArgumentParser(prog="axil grad", description=HELP)
    add_arguments(parser)
    return run(parser.parse_args(argv), stdin, stdout, stderr)


def run(
    args: argparse.Namespace,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    from axil.tools.mlir_file import Report, parse, print_module, read_text
    from axil.tools.opt import write_output

    report = Report(args.file, stderr or sys.stderr, getattr(args, "traceback", False))
    with report:
        module = parse(read_text(args.file, stdin or sys.stdin), args.file)
        differentiate(module, args.function, _positions(args.wrt), args.value, args.emit)
        write_output(args.output, print_module(module), stdout or sys.stdout)
    return report.status


def _positions(text: str) -> tuple[int, ...]:
    from axil.tools.mlir_file import UserError

    try:
        found = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise UserError(f"--wrt takes positions such as 0 or 0,2, got '{text}'") from None
    if len(set(found)) != len(found):
        raise UserError(f"--wrt names an input twice: {text}")
    return found


def differentiate(module: Any, name: str, wrt: tuple[int, ...], value: bool, emit: str) -> None:
    """Replace a module's function by its gradient, in place."""
    from axil.compiler.derive import Deriver
    from axil.compiler.passes.passes import run_pipeline
    from axil.dialects.mlir import context, ir
    from axil.tools.mlir_file import load_passes

    load_passes()
    with context(), ir.Location.unknown():
        _check(Deriver(module), name, wrt)
        _keep_only(module, name)
    run_pipeline(module, "symbol-dce")
    if "stablehlo." in str(module):
        run_pipeline(module, "axil-import-stablehlo")
    with context(), ir.Location.unknown():
        _declare(module, name, wrt, value)
    run_pipeline(module, _PIPELINE, verify=True)
    if emit == "stablehlo":
        run_pipeline(module, _LOWER, verify=True)


def _check(functions: Any, name: str, wrt: tuple[int, ...]) -> None:
    """Refuse what has no gradient, before anything is changed."""
    from axil.compiler.functions import has_body
    from axil.dialects.avals import is_inexact
    from axil.tools.mlir_file import UserError

    known = [n for n, f in functions.table.items() if has_body(f)]
    if name not in functions.table:
        raise UserError(f"there is no function @{name}; the file has {', '.join('@' + n for n in known) or 'none'}")
    place = functions[name].location
    signature = functions.signature(name)
    if not has_body(functions[name]) and functions.site(name) is None:
        raise UserError(f"@{name} is declared without a body", place)
    for i in wrt:
        if not 0 <= i < len(signature.inputs):
            raise UserError(f"--wrt {i}: @{name} has {len(signature.inputs)} inputs, counted from 0", place)
        if not is_inexact(signature.inputs[i].dtype):
            raise UserError(f"--wrt {i}: input {i} of @{name} is {signature.inputs[i]}; gradients are of floats", place)
    outputs = signature.outputs
    if len(outputs) != 1 or outputs[0].shape or not is_inexact(outputs[0].dtype):
        given = ", ".join(map(str, outputs)) or "nothing"
        raise UserError(f"@{name} gives {given}; a gradient is of one floating point scalar, such as a loss", place)


def _keep_only(module: Any, name: str) -> None:
    """Make all functions private but one."""
    from axil.compiler.functions import Functions
    from axil.dialects.mlir import context, ir

    for other, function in Functions(module).table.items():
        visibility = "public" if other == name else "private"
        function.attributes["sym_visibility"] = ir.StringAttr.get(visibility, context())


def _declare(module: Any, name: str, wrt: tuple[int, ...], value: bool) -> None:
    """Put a public function that calls the vjp in the place of the function."""
    from axil.compiler.derive import Deriver
    from axil.dialects.combinators import COMBINATORS, Site
    from axil.dialects.mlir import context, ir
    from axil.dialects.op import full

    d = Deriver(module)
    primal = d.fresh(f"{name}.primal")
    ir.SymbolTable.replace_all_symbol_uses(name, primal, module)
    original = d.table.pop(name)
    original.attributes["sym_name"] = ir.StringAttr.get(primal, context())
    place = original.location
    original.attributes["sym_visibility"] = ir.StringAttr.get("private", context())

    d = Deriver(module)
    signature = d.signature(primal)
    vjp = d.declare(Site(COMBINATORS["vjp"], (primal,), {"wrt": wrt, "outs": (0,)}), f"{name}.vjp")

    def gradient(*inputs: Any) -> list:
        one = full((), 1, signature.outputs[0].dtype)
        results = d.call(vjp, [*inputs, one])
        return results if value else results[1:]

    with place:
        d.build(name, signature.inputs, gradient)
    d[name].attributes["sym_visibility"] = ir.StringAttr.get("public", context())


if __name__ == "__main__":
    sys.exit(main())
