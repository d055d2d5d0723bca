"""`axil fuzz`: random programs over all ops, checked against the reference.

Each program runs eagerly, compiled, compiled under `vmap`, and under forward and reverse differentiation; see
`fuzz_checks.py` for what must agree. Programs have numbers: `axil fuzz --seed 3 --first 120 --count 1` tries one again.
Compiling happens in processes of their own, so that a crash of the compiler is a failure like any other.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from axil.tools.fuzz_checks import Failure
    from axil.tools.fuzz_programs import Program

HELP = "try random programs over all ops: reference, compiled, batched, differentiated"
GROUP = 20
"""Programs that are compiled as one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--count", type=int, default=100, help="how many programs (default: 100)")
    add("--seed", type=int, default=0, help="another seed gives other programs")
    add("--first", type=int, default=0, help="the number of the first one")
    add("--steps", type=int, default=4, help="operations of a program, about (default: 4)")
    add("--alternate", action="store_true", help="compile half of the programs alone, the others under vmap: faster")
    add("--no-compile", action="store_true", help="check derivatives only")
    add("--here", action="store_true", help="run in this process, not in processes of their own")
    add("--show", action="store_true", help="print the programs")


def run(args: argparse.Namespace) -> int:
    """Run the command on parsed arguments; gives the exit status."""
    if args.show:
        for number in range(args.first, args.first + args.count):
            print(f"program {args.seed}:{number}\n{program(args.seed, number, args.steps).text('    ')}")
        return 0
    started, totals, failures = time.perf_counter(), Counter(), 0
    for first in range(args.first, args.first + args.count, GROUP):
        count = min(GROUP, args.first + args.count - first)
        for line in _lines(args, first, count):
            kind, _, rest = line.partition(" ")
            if kind == "counted":
                totals.update({name: int(n) for name, n in (item.split("=") for item in rest.split())})
                continue
            failures += kind == "FAILED"
            print(line, flush=True)
        if totals["programs"] % (50 * GROUP) == 0:
            print(f"{totals['programs']} programs, {failures} failures so far", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - started
    print(f"{totals['programs']} programs, {totals['operations']} operations, {totals['refused']} refused by design, "
          f"{failures} failures, {seconds:.0f} s")  # fmt: skip
    return 1 if failures else 0


def program(seed: int, number: int, steps: int) -> Program:
    """The program of a number."""
    import numpy as np

    from axil.tools.fuzz_programs import generate

    return generate(np.random.default_rng([seed, number]), steps)


def _lines(args: argparse.Namespace, first: int, count: int) -> Sequence[str]:
    """What a group of programs gives, by running them in a process of their own; one by one if that dies."""
    forms = "none" if args.no_compile else "both"
    if args.alternate:
        forms = "mapped" if first // GROUP % 2 else "alone"
    if args.here or args.no_compile:
        return group_lines(args.seed, first, count, args.steps, forms)
    options = ["--seed", str(args.seed), "--steps", str(args.steps)]
    code = f"from axil.tools.fuzz import worker; worker({args.seed}, {first}, {count}, {args.steps}, {forms!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=1800)
    if done.returncode == 0:
        return done.stdout.splitlines()
    if count == 1:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        text = program(args.seed, first, args.steps).text("    ")
        retry = " ".join(["axil fuzz", *options, "--first", str(first), "--count 1"])
        return [f"FAILED {args.seed}:{first} the process died ({done.returncode}): {last}; {retry}\n{text}"]
    return [line for i in range(first, first + count) for line in _lines(args, i, 1)]


def worker(seed: int, first: int, count: int, steps: int, forms: str) -> None:
    """Check a group of programs and print what is found; runs in a process of its own."""
    print("\n".join(group_lines(seed, first, count, steps, forms)), flush=True)


def group_lines(seed: int, first: int, count: int, steps: int, forms: str) -> list[str]:
    """Check a group of programs; gives a line for each failure, and one of counts.

    `forms` is what is compiled of each: "alone", "mapped" (under vmap), "both" or "none".
    """
    from axil.tools import fuzz_checks as checks

    counts: Counter[str] = Counter()
    lines: list[str] = []
    group: list[tuple[int, Program]] = []
    with checks.quiet():
        for number in range(first, first + count):
            made = program(seed, number, steps)
            counts.update(programs=1, operations=len(made.steps))
            try:
                checks.reference(made, checks.arrays(made, (number, 0)))
                wrong = checks.check_derivatives(made, number)
            except checks.Refused:
                counts.update(refused=1)
                continue
            except Exception as error:
                lines.append(_failed(seed, number, checks.Failure("reference", made, repr(error)[:500])))
                continue
            if wrong is not None:
                lines.append(_failed(seed, number, checks.Failure(wrong[0], made, wrong[1])))
            group.append((number, made))
        if forms != "none" and group:
            lines += [_failed(seed, number, failure) for number, failure in _compiled_failures(group, forms)]
    return [*lines, "counted " + " ".join(f"{name}={n}" for name, n in counts.items())]


def _compiled_failures(group: Sequence[tuple[int, Program]], forms: str) -> list[tuple[int, Failure]]:
    """The failures of compiled programs; if a group does not compile, each of its halves is tried."""
    from axil.tools import fuzz_checks as checks

    try:
        compiled = checks.Compiled([p for _, p in group])
        found = checks.check_compiled(compiled, group[0][0], forms)
    except Exception as error:
        if len(group) == 1:
            number, made = group[0]
            return [(number, checks.Failure("compiles", made, f"{type(error).__name__}: {str(error)[:500]}"))]
        half = len(group) // 2
        return [*_compiled_failures(group[:half], forms), *_compiled_failures(group[half:], forms)]
    return [(group[i][0], checks.Failure(check, _part(group[i][1], text), text)) for i, check, text in found]


def _part(made: Program, text: str) -> Program:
    """What the wrong result of a program, which a failure's text names, depends on."""
    from axil.tools.fuzz_programs import needed

    named = re.match(r"result (\d+)", text)
    return needed(made, made.outputs[int(named[1])]) if named else made


def _failed(seed: int, number: int, failure: Any) -> str:
    return f"FAILED {seed}:{number} {failure}"
