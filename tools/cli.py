"""The command `axil`: one subcommand a file.

Starting costs what `argparse` costs: a subcommand's module is imported only when it is chosen, and none
imports NumPy, MLIR or IREE before it has something to do. `COMMANDS` holds the line that `axil --help` shows;
each module repeats it as `HELP`, beside `add_arguments(parser)` and `run(args) -> status`.

What goes wrong with a user's input is one message on stderr and exit status 1: `file:line:column: error: ...`
where the place is known, else `axil: error: ...`. `--traceback`, or AXIL_TRACEBACK=1, shows Python's
traceback as well.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

COMMANDS = {
    "compile": "compile a Python function or an .mlir file into an .axil artifact",
    "run": "run an .axil artifact on arrays from files",
    "opt": "run compiler passes over an .mlir file",
    "grad": "differentiate a function of an .mlir file",
    "inspect": "show what an .axil artifact holds",
    "fuzz": "try random programs over all ops: reference, compiled, batched, differentiated",
    "doctor": "check this installation: versions, devices, targets, cache",
    "demo": "train a digit classifier, compile it and run the artifact (needs the extra [demo])",
    "docs": "",  # hidden: writes docs/ops.md and docs/api.md
}

_EPILOG = "'axil COMMAND --help' describes a command. Exit status: 0 done, 1 failed, 2 wrong usage."
_INTERRUPTED, _BROKEN_PIPE = 130, 141  # what a shell reports for SIGINT and SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """The command `axil`; gives the exit status. Wrong usage raises `SystemExit(2)`, as argparse does."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(_chosen(argv))
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 2
    if args.traceback or os.environ.get("AXIL_TRACEBACK", "0") not in ("", "0"):
        status = _module(args.command).run(args)
        sys.stdout.flush()
        return status
    return _guarded(args)


def _guarded(args: argparse.Namespace) -> int:
    """Run the chosen command; what a user can put right ends in a message."""
    try:
        status = _module(args.command).run(args)
        sys.stdout.flush()  # here, so that a closed pipe shows here
        return status
    except BrokenPipeError:
        _drop_output()
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        sys.stderr.write("axil: interrupted\n")
        return _INTERRUPTED
    except Exception as error:
        text = describe(error)
        if text is None:
            raise  # a fault of ours: its traceback is what a report needs
        sys.stderr.write(text)
        return 1


def describe(error: Exception) -> str | None:
    """The message for a user, ending in a newline; None for an error that is not about the user's input."""
    if isinstance(error, OSError):
        return _of_file(error)
    if not _is_ours(error):
        return None
    if getattr(error, "error_diagnostics", None) or '"' in str(getattr(error, "location", "")):
        import io

        from axil.tools.mlir_file import Report

        text = io.StringIO()
        Report("axil", text).__exit__(type(error), error, None)
        return text.getvalue()
    return f"axil: error: {str(error).strip() or type(error).__name__}\n"


def _of_file(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename is not None else ""
    return f"axil: error: {name}{error.strerror or error}\n"


def _is_ours(error: Exception) -> bool:
    """Whether an error is about the user's input. Only modules that are loaded can have raised one."""
    kinds = []
    for module, names in _KINDS.items():
        loaded = sys.modules.get(module)
        kinds += [getattr(loaded, name) for name in names if hasattr(loaded, name)]
    return isinstance(error, tuple(kinds))


_KINDS = {
    "axil.runtime.errors": ("AxilError",),
    "axil.dialects.errors": ("ShapeError", "DtypeError", "AttributeValueError", "DifferentiationError"),
    "axil.tools.mlir_file": ("UserError",),
    "torch_mlir.ir": ("MLIRError",),
}


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser, with the arguments of the chosen subcommand only."""
    parser = argparse.ArgumentParser(prog="axil", description="The Axil compiler tools.", epilog=_EPILOG)
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    _add_traceback(parser, False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, text in COMMANDS.items():
        shown: dict[str, Any] = {"help": text} if text else {}  # without it the command is not listed
        sub = commands.add_parser(name, description=text or None, **shown)
        if name == chosen:
            module = _module(name)
            sub.description = module.__doc__
            sub.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(sub)
            _add_traceback(sub, argparse.SUPPRESS)
    return parser


def _add_traceback(parser: argparse.ArgumentParser, default: object) -> None:
    parser.add_argument("--traceback", action="store_true", default=default, help="show Python's traceback of an error")


class _Version(argparse.Action):
    """Prints the version, which is not looked up before it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import axil

        print(f"axil {axil.__version__}")
        parser.exit()


def _chosen(argv: Sequence[str]) -> str | None:
    """The subcommand: the first word, as the options before it take no values."""
    words = (word for word in argv if not word.startswith("-"))
    return next((word for word in words), None)


def _module(command: str) -> Any:
    return importlib.import_module(f"axil.tools.{command}")


def _drop_output() -> None:
    """Nobody reads our output any more: let Python's last flush go nowhere, silently."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass


if __name__ == "__main__":
    sys.exit(main())
