"""Runnable programs: an executable with the Python side of a call, what to upload and what the results are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axil import pytrees
from axil.config import config
from axil.core import RULE_ERRORS, Array, Trace, Tracer, array_of_buffer, donated_error, make_array, user_error
from axil.dialects.avals import Aval
from axil.shared_memory import share


class RunnableProgram:
    """A compiled program with the Python side of a call: what to upload, what the results are.

    `undonated` gives the executable of the same program that overwrites none of its operands.
    """

    __slots__ = ("executable", "hidden", "avals", "weak", "treedef", "device", "single", "donated", "info", "_results",
                 "_kept", "_own", "_simple", "_shares", "_undonated")  # fmt: skip

    def __init__(
        self, executable: Any, hidden: Sequence[Any], outputs: Sequence[tuple[Aval, bool]], treedef: Any, info: Any,
        undonated: Callable[[], Any] | None = None,
    ) -> None:  # fmt: skip
        self.executable = executable
        self.avals = [a for a, _ in outputs]
        self.weak = [w for _, w in outputs]
        self.treedef = treedef
        self.single = treedef is not None and pytrees.treedef_is_leaf(treedef) and treedef.num_leaves == 1
        self.device = executable.device
        self.info = info
        self.donated = info.donations.taken
        self._results = list(zip(self.avals, self.weak))
        count = info.count - len(hidden)
        kept = [i for i in info.kept if i < count]
        self.hidden = [_private(hidden[i - count]) for i in info.kept if i >= count]
        self._kept = None if len(kept) == count else kept
        self._own = [(kept.index(i), i) for i in self.donated if i < count]
        self._undonated = undonated
        self._simple = False  # until the first run has shown that results have memory of their own
        self._shares: bool | None = None  # unknown before that

    def call(self, operands: Sequence[Array]) -> Any:
        """Run on arrays of the right avals; gives the tree of results."""
        if self._simple:  # the common case, in as few steps as can be
            views = [x._buffer if x._buffer is not None else _upload(x) for x in operands]
            return array_of_buffer(self.executable.invoke(views)[0], self.avals[0], self.weak[0])
        results = self.run(operands)
        return results[0] if self.single else pytrees.tree_unflatten(self.treedef, results)

    def run(self, operands: Sequence[Array]) -> list[Array]:
        """Run on arrays of the right avals; gives the flat results."""
        if self._shares is None:
            return self._first_run(operands)
        results = self._results_of(operands)
        if self._shares:
            self._share(results, operands)
        if self._own:
            _forget(operands, self._own)
        return results

    def _results_of(self, operands: Sequence[Array], copied: bool = False) -> list[Array]:
        taken = operands if self._kept is None else [operands[i] for i in self._kept]
        views = [x._buffer if x._buffer is not None else _upload(x) for x in taken]
        for position, i in self._own:
            views[position] = _owned(operands[i], copied)
        if self.hidden:
            views += [x._buffer if x._buffer is not None else _upload(x) for x in self.hidden]
        results = self.executable.invoke(views)
        return [array_of_buffer(v, a, w) for v, (a, w) in zip(results, self._results)]

    def _first_run(self, operands: Sequence[Array]) -> list[Array]:
        """The first run shows whether results share memory, with each other or with what was passed in.

        Which do is decided when a program is compiled, except where it has branches or loops. Donated arguments are
        copied for this once: were IREE to give back the memory of one twice, as two different results, the program
        is compiled again without donation.
        """
        careful = bool(self._own) and len(self._results) > 1 and self._undonated is not None
        results = self._results_of(operands, copied=careful)
        if careful and self.device.is_host and share(results, ()):
            self.executable = self._undonated()  # type: ignore[misc]
            results = self._results_of(operands)
        shares = self._share(results, operands)
        self._shares = self.device.is_host and (bool(shares) or self._may_share())
        self._simple = self.single and not (self._own or self.hidden or self._shares or self._kept is not None)
        if self._own:
            _forget(operands, self._own)
        return results

    def _share(self, results: Sequence[Array], operands: Sequence[Array]) -> list[Array]:
        if not self.device.is_host:
            return []
        given = {i for _, i in self._own}
        taken = range(len(operands)) if self._kept is None else self._kept
        return share(results, [operands[i] for i in taken if i not in given] + self.hidden)

    def _may_share(self) -> bool:
        """Whether values decide what shares memory: a branch, or a loop of no steps, gives what it was given."""
        return "stablehlo.case" in self.info.source or "stablehlo.while" in self.info.source


def _private(x: Any) -> Array:
    """An array of the program's own in the same memory: the user may donate theirs, which is then copied."""
    value = x._numpy
    own = make_array(value, x.aval, x.weak_type)
    own._buffer = x._buffer
    return own


def _upload(x: Array) -> Any:
    """Bring an array to the device, once."""
    from axil.runtime.buffers import to_device

    if x._value is None and x._buffer is None:
        raise donated_error(x)
    buffer = x._buffer = to_device(x._value, may_alias=True).view
    return buffer


def _owned(x: Array, copied: bool = False) -> Any:
    """A buffer that a program may overwrite.

    The memory of an array that has been looked at may be that of a NumPy array too, or of another array that is a
    view of it: it is copied. One that was only ever passed from program to program is handed over as it is.
    """
    from axil.runtime.buffers import to_device

    return to_device(x._numpy).view if copied or x._value is not None else x._buffer


def _forget(operands: Sequence[Array], donated: Sequence[tuple[int, int]]) -> None:
    """Donated arrays have lost their memory: using them again is an error, not a wrong answer."""
    for _, i in donated:
        operands[i]._value = None
        operands[i]._buffer = None


def host_modules(info: Any, device: Any) -> tuple:
    """The modules that a compiled program imports: the Python functions that it calls, if it calls any."""
    if not info.host_calls:
        return ()
    from axil.runtime.callbacks import Callback, host_module

    def callback(call: Any) -> Callback:
        kinds = [[(a.shape, a.dtype) for a in avals] for avals in (call.inputs, call.outputs)]
        return Callback(call, *kinds, token=info.host_tokens and call.effects)

    return (host_module([callback(c) for c in info.host_calls], device),)


def publish(trace: Trace) -> None:
    """Make a finished trace's function the public @main of its module."""
    operation = trace.program.functions[trace.name]
    del operation.attributes["sym_visibility"]


def text_of(trace: Trace) -> str:
    """The text of a trace's module, in the `axil` dialect."""
    return trace.program.module.operation.get_asm(assume_verified=True)


# ---- programs that were traced eagerly but contain a jitted function -----------------------------------

_by_text: dict[str, RunnableProgram] = {}
_MAX_BY_TEXT = 1024


def copied(module: Any) -> Any:
    """A copy of a module: compiling changes it, and a pullback may still need the functions in it."""
    from axil.dialects.mlir import ir

    return ir.Module.parse(module.operation.get_asm(enable_debug_info=True), module.context)


def run_program(trace: Trace, operands: Sequence[Any], outputs: Sequence[Tracer]) -> list[Array]:
    """Compile a finished program (once for each text) and run it."""
    publish(trace)
    text = text_of(trace)
    module = trace.program.module
    if trace.program.functions.names_calls:  # its text is new each time, and not once it is written out
        from axil.compiler import pipeline

        module = copied(module)
        try:
            pipeline.transform(module)
        except RULE_ERRORS as e:
            raise user_error(e) from None
        text = pipeline.text_of(module)
    compiled = _by_text.get(text)
    if compiled is None:
        from axil.compiler.pipeline import compile_program
        from axil.compiler.targets import for_device
        from axil.runtime import Executable, default_device

        device = default_device()
        try:
            info = compile_program(copied(module), for_device(device))
        except RULE_ERRORS as e:
            raise user_error(e) from None
        executable = Executable(
            info.vmfb, device=device, results=len(outputs), name="main", cost=info.cost,
            modules=host_modules(info, device),
        )  # fmt: skip
        compiled = RunnableProgram(executable, [], [(t.aval, t.weak_type) for t in outputs], None, info)
        if len(_by_text) >= _MAX_BY_TEXT:  # programs that call a Python function made anew each time are new each time
            _by_text.pop(next(iter(_by_text)))
        _by_text[text] = compiled
    arrays = [x if type(x) is Array else Array(np.asarray(x)) for x in operands]
    if config.watching:
        from axil.watched_calls import run_watched_program

        return run_watched_program(trace, compiled, arrays)
    return compiled.run(arrays)


def forget_programs() -> None:
    """Forget the programs that `run_program` keeps."""
    _by_text.clear()


__all__ = ["RunnableProgram", "copied", "forget_programs", "host_modules", "publish", "run_program", "text_of"]
