"""`debug.breakpoint`: a prompt in the middle of a program that runs.

The frames are those of the user's code when it was traced; the arrays in their local variables have the values of the
run. So one can look around as in Python's own debugger, and go on; stepping is not possible, as the Python code is not
running any more.
"""

from __future__ import annotations

import cmd
import linecache
import pprint
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import IO, Any, NamedTuple

from axil import errors, pytrees
from axil.callbacks import PythonFunction, example_text, host_call, pure_callback
from axil.core import Tracer, state
from axil.dialects import host_functions
from axil.operands import ArgumentError
from axil.shape_structs import ShapeDtypeStruct
from axil.source import is_internal, user_line, user_location

_lock = threading.RLock()
"""One prompt at a time: programs run in several threads."""


class Frame(NamedTuple):
    """A frame of the user's, as it was when the function was traced; `variables` have the values of the run."""

    file: str
    line: int
    function: str
    first: int
    """The line on which its function starts."""
    last: int
    variables: dict[str, Any]
    globals: dict[str, Any]


def debug_breakpoint(
    *, backend: str | None = None, filter_frames: bool = True, num_frames: int | None = None, ordered: bool = False,
    token: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Stop the program here, each time that it gets here, and prompt for commands.

    The prompt shows the user's frames (with `filter_frames=False` Axil's too; at most `num_frames`) with the
    values that their variables have in this run: `p expression`, `up`, `down`, `list`, `where`, `continue`, `quit`;
    `help` lists all. Where input ends, the program goes on. `stdin` and `stdout` are other files to talk over.

    Under `vmap` it stops once for each example, under `grad` and `jvp` in the forward pass, with primal values. With a
    `token`, a tree of arrays, it stops when they are computed, gives them back, and is dropped where they are not used.
    """
    if backend not in (None, "cli"):
        raise ArgumentError(
            errors.explain(f"debug.breakpoint: there is no backend {backend!r}; there is 'cli'", user_line())
        )
    if token is not None and ordered:
        raise ArgumentError(
            errors.explain("debug.breakpoint: `ordered` and `token` are two ways to say when; give one", user_line())
        )
    frames = _frames(sys._getframe(1), filter_frames, num_frames)
    variables, rebuild = _tracers(frames)
    if token is not None:
        return _with_token(token, variables, rebuild, kwargs)
    place = user_location()
    treedef = pytrees.tree_structure((tuple(variables), {}))
    stop = _Stop(rebuild, kwargs)
    function = PythonFunction("debug.breakpoint", stop, treedef, place)
    host_call(host_functions.register("debug.breakpoint", function), variables, (), "debug", bool(ordered))
    return None


def _with_token(token: Any, variables: list, rebuild: Any, options: dict[str, Any]) -> Any:
    from axil.lax import stop_gradient

    def stop(token: Any, *values: Any) -> Any:
        _Stop(rebuild, options)(*values)
        return token

    token, variables = stop_gradient((token, variables))
    like = pytrees.tree_map(lambda x: ShapeDtypeStruct(x.shape, x.dtype), token)
    return pure_callback(stop, like, token, *variables, vmap_method="sequential")


class _Stop:
    """What happens when the program gets there."""

    __name__ = "breakpoint"

    def __init__(self, rebuild: Callable[[Sequence[Any]], list[Frame]], options: dict[str, Any]) -> None:
        self.rebuild = rebuild
        self.options = options

    def __call__(self, *values: Any) -> None:
        with _lock:
            Prompt(self.rebuild(values), host_functions.current_example(), **self.options).run()


# ---- frames --------------------------------------------------------------------------------------------


def _frames(frame: FrameType | None, filtered: bool, count: int | None) -> list[Frame]:
    """The frames around a breakpoint, innermost first."""
    found: list[Frame] = []
    while frame is not None and (count is None or len(found) < count):
        if not filtered or not is_internal(frame.f_code.co_filename):
            found.append(_frame(frame))
        frame = frame.f_back
    return found


def _frame(frame: FrameType) -> Frame:
    code = frame.f_code
    lines = [line for _, _, line in code.co_lines() if line is not None] or [frame.f_lineno]
    first, last = code.co_firstlineno, max(lines)
    if code.co_name == "<module>":
        first, last = 1, 10**9
    linecache.checkcache(code.co_filename)
    return Frame(code.co_filename, frame.f_lineno, code.co_name, first, last, dict(frame.f_locals), frame.f_globals)


def _tracers(frames: list[Frame]) -> tuple[list, Callable[[Sequence[Any]], list[Frame]]]:
    """The tracers in the frames' variables that have values here, and what puts values in their places."""
    tracers: list = []
    plans = []
    for frame in frames:
        plan = {}
        for name, value in frame.variables.items():
            leaves, treedef = _flat(value)
            places = {}
            for i, x in enumerate(leaves):
                if type(x) is Tracer and _visible(x):
                    places[i] = len(tracers)
                    tracers.append(x)
                elif type(x) is Tracer:
                    leaves[i] = _Elsewhere(x.aval_text)
            if places or any(type(x) is _Elsewhere for x in leaves):
                plan[name] = leaves, treedef, places
        plans.append(plan)
    for plan in plans:  # tracers are not to be held by a program that outlives their trace
        for leaves, _, places in plan.values():
            for i in places:
                leaves[i] = None
    kept = [f._replace(variables={k: v for k, v in f.variables.items() if k not in p}) for f, p in zip(frames, plans)]

    def rebuild(values: Sequence[Any]) -> list[Frame]:
        def value(leaves: list, treedef: Any, places: dict[int, int]) -> Any:
            found = [values[places[i]] if i in places else x for i, x in enumerate(leaves)]
            return pytrees.tree_unflatten(treedef, found)

        return [
            f._replace(variables={**f.variables, **{name: value(*parts) for name, parts in plan.items()}})
            for f, plan in zip(kept, plans)
        ]

    return tracers, rebuild


def _flat(value: Any) -> tuple[list, Any]:
    """The leaves of a variable; one that is no tree is a leaf."""
    try:
        return pytrees.tree_flatten(value)
    except Exception:  # whatever a user's class does: it is shown as it is
        return [value], pytrees.tree_structure(0)


def _visible(x: Tracer) -> bool:
    """Whether a tracer is of the trace that is being filled, or of one around it."""
    trace = state.trace
    while trace is not None and trace is not x.owner:
        trace = trace.parent
    return trace is not None


class _Elsewhere:
    """Shown for a traced value that is not of this program: it has no value here."""

    def __init__(self, aval: str) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"<a traced {self.aval} that has no value here>"


# ---- the prompt ----------------------------------------------------------------------------------------


class Prompt(cmd.Cmd):
    """A command line over the frames of a breakpoint."""

    prompt = "(axdb) "

    def __init__(
        self, frames: list[Frame], example: tuple[int, ...] = (), stdin: IO[str] | None = None,
        stdout: IO[str] | None = None, completekey: str = "tab",
    ) -> None:  # fmt: skip
        super().__init__(completekey, stdin or sys.stdin, stdout or sys.stdout)
        # `input` edits lines at a terminal; over a pipe or a file, lines are read as they are.
        self.use_rawinput = self.stdin is sys.stdin and _is_terminal(sys.stdin) and _is_terminal(self.stdout)
        self.frames = frames
        self.example = example
        self.at = 0

    def run(self) -> None:
        """Prompt until the program is to go on."""
        self._say("Entering axdb" + (f", example {example_text(self.example)} of vmap:" if self.example else ":"))
        self._context()
        while True:
            try:
                self.cmdloop()
                return
            except KeyboardInterrupt:
                self._say("--KeyboardInterrupt-- (quit ends the program)")

    # ---- commands --------------------------------------------------------------------------------------

    def default(self, line: str) -> Any:
        """Evaluate an expression."""
        self.do_p(line)

    def do_p(self, arg: str) -> None:
        """p expression: print its value, with the variables of the current frame"""
        self._show(arg, repr)

    def do_pp(self, arg: str) -> None:
        """pp expression: pretty-print its value"""
        self._show(arg, pprint.pformat)

    def do_locals(self, arg: str) -> None:
        """locals: print the variables of the current frame"""
        for name, value in sorted(self._frame.variables.items()):
            if not name.startswith("__"):
                self._say(f"{name} = {_short(value)}")

    def do_up(self, arg: str) -> None:
        """u(p): go to the frame that called this one"""
        if self.at == len(self.frames) - 1:
            self._say("This is the outermost frame.")
        else:
            self.at += 1
            self._context()

    def do_down(self, arg: str) -> None:
        """d(own): go to the frame that this one called"""
        if self.at == 0:
            self._say("This is the innermost frame.")
        else:
            self.at -= 1
            self._context()

    def do_list(self, arg: str) -> None:
        """l(ist): show the source around the current line"""
        self._context(5)

    def do_where(self, arg: str) -> None:
        """w(here): show all frames, the innermost last"""
        for i, frame in reversed(list(enumerate(self.frames))):
            self._say(f"{'>' if i == self.at else ' '} {frame.file}({frame.line}) {frame.function}")
            self._say(f"      {linecache.getline(frame.file, frame.line).strip() or '<no source>'}")

    def do_continue(self, arg: str) -> bool:
        """c(ontinue): go on with the program"""
        return True

    def do_quit(self, arg: str) -> None:
        """q(uit): end the program (SystemExit comes out of the call that was running)"""
        raise SystemExit(0)

    def do_EOF(self, arg: str) -> bool:  # noqa: N802 - the name that `cmd` gives the end of input
        """End of input: go on with the program"""
        self._say("")
        return True

    do_print = do_p
    do_u = do_up
    do_d = do_down
    do_l = do_list
    do_w = do_bt = do_where
    do_c = do_cont = do_continue
    do_q = do_exit = do_quit

    def emptyline(self) -> bool:
        """An empty line does nothing (`cmd` would repeat the last command)."""
        return False

    # ---- what commands share ---------------------------------------------------------------------------

    @property
    def _frame(self) -> Frame:
        if not self.frames:
            return Frame("<no frame>", 0, "<no frame>", 0, 0, {}, {})
        return self.frames[self.at]

    def _say(self, text: str) -> None:
        print(text, file=self.stdout, flush=True)

    def _show(self, expression: str, form: Callable[[Any], str]) -> None:
        try:
            # One dictionary for both, so that comprehensions in the expression see the variables.
            value = eval(expression, {**self._frame.globals, **self._frame.variables})  # noqa: S307
            self._say(form(value))
        except Exception as e:
            self._say("*** " + traceback.format_exception_only(e)[0].strip())

    def _context(self, around: int = 2) -> None:
        frame = self._frame
        self._say(f"> {frame.file}({frame.line}) {frame.function}")
        for n in range(max(frame.first, frame.line - around), min(frame.last, frame.line + around) + 1):
            line = linecache.getline(frame.file, n).rstrip("\n")
            if line or n <= frame.line:
                self._say(f"{'->' if n == frame.line else '  '} {n:4} {line}".rstrip())


def _is_terminal(file: Any) -> bool:
    return bool(getattr(file, "isatty", lambda: False)())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


__all__ = ["Frame", "Prompt", "debug_breakpoint"]
