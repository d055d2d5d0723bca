"""Compiles the ops of many cases in few IREE modules, and runs them: a module alone costs 0.3 s."""

from __future__ import annotations

import numpy as np

from axil.compiler.diagnostics import CompileError
from axil.compiler.driver import compile_module, hand_over
from axil.compiler.passes.passes import run_pipeline
from axil.compiler.pipeline import lowering_passes
from axil.compiler.targets import resolve
from axil.runtime import Executable, to_device, to_host
from axil.testing.samples import Case, avals_of, function_of_case, module


class Compiled:
    """A compiled module, and the functions of its cases."""

    def __init__(self, group: list[Case]) -> None:
        self._entries = {name: f"f{i}" for i, (_, _, name) in enumerate(group)}
        self._dtypes = {
            name: [a.dtype for a in op.result_avals(avals_of(sample), sample.attributes)] for op, sample, name in group
        }
        made = module(lambda: [function_of_case(case, f"f{i}") for i, case in enumerate(group)])
        run_pipeline(made, lowering_passes(resolve("host"), ()))
        self._vmfb = compile_module(hand_over(made))

    def run(self, name: str, arrays: list[np.ndarray], count: int) -> tuple[list, list]:
        """The `count` results of the function of case `name`, and its arguments as they are afterwards."""
        executable = Executable(self._vmfb, results=count, entry=self._entries[name])
        buffers = [to_device(x) for x in arrays]
        views = [b.view for b in buffers]
        results = executable(views)
        host = lambda view, dtype: to_host(view, executable.device, dtype=dtype)
        read = lambda views, dtypes: [host(v, d) for v, d in zip(views, dtypes, strict=True)]
        return read(results, self._dtypes[name]), read(views, [x.dtype for x in arrays])


def compile_cases(group: list[Case]) -> dict[str, Compiled | CompileError]:
    """The modules that hold each of a group of cases: one for all, or one each if that does not compile."""
    names = [name for _, _, name in group]
    try:
        return dict.fromkeys(names, Compiled(group))
    except CompileError as error:
        if len(group) == 1:
            return {names[0]: error}
    return {name: made for case in group for name, made in compile_cases([case]).items()}
