"""`axil opt` (also `axil-opt`): run passes over an .mlir file and print the result.

Takes the axil dialect and StableHLO. A pipeline is a list of passes with options, ours and MLIR's own:

    axil-opt --pass-pipeline="axil-expand,axil-inline,symbol-dce,axil-simplify{limit=16},cse" f.mlir

With `--report=loops` the program is lowered for the CPU, and what is printed is the form that each of its loops takes:
one dispatch, a loop on the host, unrolled; with the reason and the line in the program that it comes from.

With `--run` the result is not printed but run, in the reference interpreter. Whatever is wrong with the input
ends in `file:line:column: error: text` on stderr and exit status 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

HELP = "run compiler passes over an .mlir file"
SEPARATOR = "// -----"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("file", nargs="?", default="-", help="an .mlir file, or - for standard input")
    add("--pass-pipeline", default="", metavar="TEXT", help="passes to run, separated by commas")
    add("--list-passes", action="store_true", help="describe our passes and their options")
    add("-o", "--output", default="-", metavar="FILE", help="where to write the result")
    add("--split-input-file", action="store_true", help=f"treat parts between '{SEPARATOR}' lines as separate modules")
    add("--verify-each", action=argparse.BooleanOptionalAction, default=True, help="verify after each pass")
    add("--mlir-print-ir-after-all", action="store_true", help="print the module after each pass")
    add("--mlir-print-ir-after-change", action="store_true", help="print it after each pass that changes it")
    add("--mlir-timing", action="store_true", help="print how long each pass takes")
    add("--mlir-print-debuginfo", action="store_true", help="print locations")
    add("--mlir-print-op-generic", action="store_true", help="print the generic form of all operations")
    add("--report", choices=["loops"], metavar="WHAT",
        help="print a report instead of the program: 'loops' says which form each loop takes, and why")  # fmt: skip
    add("--run", action="store_true", help="run a function of the result and print what it gives")
    add("--function", default="main", metavar="NAME", help="the function to run (default: main)")
    add("--input", action="append", default=[], metavar="VALUE",
        help="an operand: '2x3xf32=1,2,3,4,5,6', '4xf32=0' (all alike), 'i32=7' or an .npy file")  # fmt: skip


def main(
    argv: Sequence[str] | None = None,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """The command `axil-opt`; gives the exit status."""
    parser = argparse.ArgumentParser(prog="axil-opt", description=HELP)
    add_arguments(parser)
    return run(parser.parse_args(argv), stdin, stdout, stderr)


def run(
    args: argparse.Namespace,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    if args.list_passes:
        (stdout or sys.stdout).write(describe_passes())
        return 0
    from axil.tools.mlir_file import Report, read_text

    report = Report(args.file, stderr or sys.stderr, getattr(args, "traceback", False))
    with report:
        text = read_text(args.file, stdin or sys.stdin)
        chunks = split_input(text) if args.split_input_file else [text]
        results = []
        for chunk in chunks:
            if chunk.strip():
                with report:  # an error in one part does not keep the others from being printed
                    results.append(_process(chunk, args, stderr or sys.stderr))
        write_output(args.output, f"{SEPARATOR}\n".join(results), stdout or sys.stdout)
    return report.status


def split_input(text: str) -> list[str]:
    """Parts of a text between separator lines, each starting at its own line of the whole."""
    parts, current, number = [], "", 0
    for line in text.splitlines(keepends=True):
        number += 1
        if line.strip() == SEPARATOR:
            parts.append(current)
            current = "\n" * number
        else:
            current += line
    return [*parts, current]


def write_output(path: str, text: str, stdout: TextIO) -> None:
    """Write a command's result to a file, or to standard output for `-`."""
    if path == "-":
        stdout.write(text)
        return
    with open(path, "w") as f:
        f.write(text)


def _process(text: str, args: argparse.Namespace, stderr: TextIO) -> str:
    from axil.tools.mlir_file import load_passes, parse, print_module

    module = parse(text, args.file)
    if args.pass_pipeline:
        load_passes()
        _run_passes(module, args, stderr)
    if args.report:
        from axil.compiler.loops import loop_report

        return f"{loop_report(module)}\n"
    if args.run:
        from axil.tools.evaluate import run_function

        return run_function(module, args.function, args.input)
    return print_module(module, args.mlir_print_debuginfo, args.mlir_print_op_generic)


def _run_passes(module: Any, args: argparse.Namespace, stderr: TextIO) -> None:
    """Run the pipeline a pass at a time, to print and to time between them."""
    from axil.compiler.passes.passes import no_gc, parse_pass, pipeline, split_pipeline
    from axil.dialects.mlir import context, ir

    entries = [parse_pass(text) for text in split_pipeline(args.pass_pipeline)]
    managers = [pipeline([entry], args.verify_each) for entry in entries]
    names = [entry if isinstance(entry, str) else entry.name for entry in entries]
    before = str(module) if args.mlir_print_ir_after_change else ""
    times = []
    for name, manager in zip(names, managers):
        start = time.perf_counter()
        with context(), ir.Location.unknown(), no_gc():
            manager.run(module)
        times.append(time.perf_counter() - start)
        if args.mlir_print_ir_after_all or args.mlir_print_ir_after_change:
            before = _print_after(name, module, before, args, stderr)
    if not args.verify_each:
        with context():
            module.verify()
    if args.mlir_timing:
        stderr.write(_timing(names, times))


def _print_after(name: str, module: Any, before: str, args: argparse.Namespace, stderr: TextIO) -> str:
    from axil.tools.mlir_file import print_module

    after = str(module)
    if args.mlir_print_ir_after_all or after != before:
        text = print_module(module, args.mlir_print_debuginfo, args.mlir_print_op_generic)
        stderr.write(f"// -----// IR after {name} //----- //\n{text}\n")
    else:
        stderr.write(f"// -----// {name} changed nothing //----- //\n")
    return after


def _timing(names: list[str], times: list[float]) -> str:
    total = sum(times)
    lines = [f"{t * 1e3:9.2f} ms {t / total if total else 0:6.1%}  {name}" for name, t in zip(names, times)]
    return "\n".join(["===- pass execution timing -===", *lines, f"{total * 1e3:9.2f} ms 100.0%  total"]) + "\n"


def describe_passes() -> str:
    """Names, descriptions and options of our passes."""
    import dataclasses
    import inspect

    from axil.tools.mlir_file import load_passes

    lines = []
    for name, cls in sorted(load_passes().items()):
        lines.append(f"{name}\n    " + "\n    ".join(inspect.getdoc(cls).splitlines()))  # type: ignore[union-attr]
        for field in dataclasses.fields(cls):
            default = ";".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
            lines.append(f"    option {field.name.replace('_', '-')}={default}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
